package telegram

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
)

// ServiceKey is the kind of service message that gives a post a one-time letter key.
const ServiceKey = 6

// SizeXWing is the length of an X-Wing public key.
const SizeXWing = 1216

// GivenKey gives a post a letter key for its next letter that opens a chain, and for no other. It is signed by the giver under LabelGiven.
//
//	key = short text from ‖ short text to ‖ time ‖ key id 4 ‖ X-Wing public key 1216
type GivenKey struct {
	From, To string
	At       int64 // seconds since 1970
	ID       [4]byte
	XWing    []byte
}

// Marshal writes the statement.
func (g *GivenKey) Marshal() []byte {
	b := appendShort(appendShort(nil, g.From), g.To)
	b = binary.BigEndian.AppendUint64(b, uint64(g.At))
	return append(append(b, g.ID[:]...), g.XWing...)
}

// ParseGivenKey reads what Marshal wrote, and nothing else. It keeps b.
func ParseGivenKey(b []byte) (*GivenKey, error) {
	s := cryptobyte.String(b)
	g := &GivenKey{}
	if !readShort(&s, &g.From) || !readShort(&s, &g.To) || !readTime(&s, &g.At) ||
		!s.CopyBytes(g.ID[:]) || !s.ReadBytes(&g.XWing, SizeXWing) || !s.Empty() {
		return nil, malformed("a one-time key")
	}
	if err := errors.Join(CheckPostName(g.From), CheckPostName(g.To)); err != nil {
		return nil, fmt.Errorf("telegram: a one-time key: %w (%w)", err, ErrMalformed)
	}
	return g, nil
}
