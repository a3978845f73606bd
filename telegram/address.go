package telegram

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Address is an office at a post, written office@post: AMBASSADOR@BEIJING.
type Address struct {
	Office string // at most 64 bytes, never empty
	Post   string // at most 32 bytes, never empty
}

func (a Address) String() string { return a.Office + "@" + a.Post }

// MarshalText writes office@post.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// ParseAddress reads office@post. The names are taken as they stand: case matters.
func ParseAddress(s string) (Address, error) {
	office, post, ok := strings.Cut(s, "@")
	if !ok {
		return Address{}, fmt.Errorf("%q is no address: write office@post, as in AMBASSADOR@BEIJING", s)
	}
	a := Address{office, post}
	return a, a.check()
}

func (a Address) check() error {
	if err := CheckPostName(a.Post); err != nil {
		return err
	}
	if err := checkName(a.Office, 64); err != nil {
		return fmt.Errorf("office %q: %w", a.Office, err)
	}
	return nil
}

// CheckPostName says what is wrong with the name of a post: at most 32 bytes of letters, digits, spaces and - ' . / ( ) &.
func CheckPostName(s string) error {
	if err := checkName(s, 32); err != nil {
		return fmt.Errorf("post %q: %w", s, err)
	}
	return nil
}

func checkName(s string, limit int) error {
	switch {
	case s == "":
		return errors.New("a name is missing")
	case len(s) > limit:
		return fmt.Errorf("a name has at most %d bytes, this one has %d", limit, len(s))
	case !utf8.ValidString(s):
		return errors.New("the name is not UTF-8")
	case s != strings.TrimSpace(s) || strings.Contains(s, "  "):
		return errors.New("a name has no space at its ends and no two in a row")
	}
	for _, r := range s {
		if !unicode.In(r, unicode.L, unicode.M, unicode.Nd) && !strings.ContainsRune(" -'’./()&,", r) {
			return fmt.Errorf("a name has letters, digits, spaces and - ' . / ( ) & , only, not %q", r)
		}
	}
	return nil
}

// Addressee is an address with the precedence at which the telegram is for it.
type Addressee struct {
	Address
	Precedence Precedence
}

// KeyRef names one key of one person as the directory numbers them. The zero KeyRef names nobody.
type KeyRef struct {
	Person uint32
	Key    uint16
}

func (k KeyRef) String() string { return fmt.Sprintf("%d/%d", k.Person, k.Key) }

// MarshalText writes person/key.
func (k KeyRef) MarshalText() ([]byte, error) { return []byte(k.String()), nil }
