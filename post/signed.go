package post

import (
	"fmt"

	"chancery.example/chancery/telegram"
)

// signedBy reads what another post has signed under a label, once the signature holds. what names the signature in errors. Between whom it is, is for the caller to check.
func signedBy[T any](v *view, from string, s *telegram.Service, label, what string, parse func([]byte) (*T, error)) (*T, error) {
	if !v.identity(from).Verify(label, s.Statement, s.Ed, s.PQ) {
		return nil, fmt.Errorf("%s does not hold", what)
	}
	return parse(s.Statement)
}
