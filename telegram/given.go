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
//	key = short text from ‖ short text to ‖ time ‖ u8 lost ‖ key id 4 ‖ X-Wing public key 1216
type GivenKey struct {
	From, To string
	At       int64 // seconds since 1970
	Lost     bool  // 1: the giver has lost its chains and keys: what was sealed before cannot be opened, and is to be sealed anew
	ID       [4]byte
	XWing    []byte
}

// Marshal writes the statement.
func (g *GivenKey) Marshal() []byte {
	b := appendShort(appendShort(nil, g.From), g.To)
	b = append(binary.BigEndian.AppendUint64(b, uint64(g.At)), 0)
	if g.Lost {
		b[len(b)-1] = 1
	}
	return append(append(b, g.ID[:]...), g.XWing...)
}

// ParseGivenKey reads what Marshal wrote, and nothing else. It keeps b.
func ParseGivenKey(b []byte) (*GivenKey, error) {
	s := cryptobyte.String(b)
	g := &GivenKey{}
	var lost uint8
	if !readShort(&s, &g.From) || !readShort(&s, &g.To) || !readTime(&s, &g.At) || !s.ReadUint8(&lost) || lost > 1 ||
		!s.CopyBytes(g.ID[:]) || !s.ReadBytes(&g.XWing, SizeXWing) || !s.Empty() {
		return nil, malformed("a one-time key")
	}
	g.Lost = lost == 1
	if err := errors.Join(CheckPostName(g.From), CheckPostName(g.To)); err != nil {
		return nil, fmt.Errorf("telegram: a one-time key: %w (%w)", err, ErrMalformed)
	}
	return g, nil
}
