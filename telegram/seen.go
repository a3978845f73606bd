package telegram

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
)

// ServiceSeen is the kind of service message that says that somebody has opened a telegram.
const ServiceSeen = 20

// Seen says that somebody at the receiving post has opened a telegram. It is no receipt, and frees nothing. It is signed by that post under LabelSeen.
//
//	seen = short text from ‖ short text to ‖ time ‖ u32 serial ‖ R 32
type Seen struct {
	From   string // the post that sent the telegram
	To     string // the post that received it and signs this
	At     int64  // seconds since 1970: when it was opened
	Serial uint32
	Root   Root
}

// Marshal writes the statement.
func (x *Seen) Marshal() []byte {
	b := appendShort(appendShort(nil, x.From), x.To)
	b = binary.BigEndian.AppendUint64(b, uint64(x.At))
	return append(binary.BigEndian.AppendUint32(b, x.Serial), x.Root[:]...)
}

// ParseSeen reads what Marshal wrote, and nothing else.
func ParseSeen(b []byte) (*Seen, error) {
	s := cryptobyte.String(b)
	x := &Seen{}
	if !readShort(&s, &x.From) || !readShort(&s, &x.To) || !readTime(&s, &x.At) || !s.ReadUint32(&x.Serial) || x.Serial == 0 || !s.CopyBytes(x.Root[:]) || !s.Empty() {
		return nil, malformed("a word that a telegram was opened")
	}
	if err := errors.Join(CheckPostName(x.From), CheckPostName(x.To)); err != nil {
		return nil, fmt.Errorf("telegram: a word that a telegram was opened: %w (%w)", err, ErrMalformed)
	}
	return x, nil
}
