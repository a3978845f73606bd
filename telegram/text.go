package telegram

import (
	"fmt"
	"strings"
)

// UnmarshalText reads what MarshalText wrote, so that these stand in JSON as the words people use.

// UnmarshalText reads office@post.
func (a *Address) UnmarshalText(b []byte) (err error) {
	*a, err = ParseAddress(string(b))
	return err
}

// MarshalText writes office@post; precedence. Without it an Addressee would be written as its Address alone.
func (a Addressee) MarshalText() ([]byte, error) {
	return []byte(a.Address.String() + "; " + a.Precedence.String()), nil
}

// UnmarshalText reads what MarshalText wrote.
func (a *Addressee) UnmarshalText(b []byte) (err error) {
	address, precedence, _ := strings.Cut(string(b), ";")
	if a.Address, err = ParseAddress(strings.TrimSpace(address)); err == nil {
		a.Precedence, err = ParsePrecedence(precedence)
	}
	return err
}

// UnmarshalText reads the precedence's word.
func (p *Precedence) UnmarshalText(b []byte) (err error) {
	*p, err = ParsePrecedence(string(b))
	return err
}

// UnmarshalText reads person/key.
func (k *KeyRef) UnmarshalText(b []byte) error {
	if _, _ = fmt.Sscanf(string(b), "%d/%d", &k.Person, &k.Key); k.String() != string(b) {
		return fmt.Errorf("%q is no key of a person", b)
	}
	return nil
}

// UnmarshalText reads the type's word.
func (t *Type) UnmarshalText(b []byte) error { return word((*uint8)(t), string(b), types[:]) }

// UnmarshalText reads the act's word.
func (a *Act) UnmarshalText(b []byte) error { return word((*uint8)(a), string(b), acts[:]) }

// UnmarshalText reads the kind's word.
func (k *EntryKind) UnmarshalText(b []byte) error { return word((*uint8)(k), string(b), entryKinds[:]) }

func word(to *uint8, s string, words []string) error {
	for i, w := range words {
		if s != "" && s == w {
			*to = uint8(i)
			return nil
		}
	}
	return fmt.Errorf("%q is none of %s", s, strings.Join(words, ", "))
}
