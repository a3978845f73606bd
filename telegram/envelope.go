package telegram

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// Route is the routing code of a post: a pseudonym, so that a relay learns no name.
type Route [3]byte

func (r Route) String() string { return hex.EncodeToString(r[:]) }

// ParseRoute reads six hexadecimal digits.
func ParseRoute(s string) (r Route, err error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(r) {
		return r, fmt.Errorf("%q is no routing code: it has six hexadecimal digits", s)
	}
	return Route(b), nil
}

// The types of envelopes.
const (
	Letter = 1 // opens by itself, with a letter key of the receiving post
	Frame  = 2 // opens with a key of the chain that a letter opened
)

// The length of what a letter and a frame show in clear.
const (
	L0Len      = 25
	FrameL0Len = 11
)

// MaxEnvelope bounds one envelope, L0 and body: what is longer is refused unread.
const MaxEnvelope = 4 << 20

// Envelope is a sealed section or service message: L0, all that a relay sees, and a body that only package seal can open.
//
//	L0 of a letter = u8 version 1 «4 | type ‖ routing code 3 ‖ u8 flags «3 | precedence ‖ letter key 4 ‖ message id 16
//	L0 of a frame  = u8 version 1 «4 | type ‖ routing code 3 ‖ u8 flags «3 | precedence ‖ chain 4 ‖ u16 number
//
// The flags are zero in this version; others are refused.
type Envelope struct {
	Type       uint8 // Letter, Frame or PartType
	To         Route
	Precedence Precedence
	KeyID      [4]byte  // of a letter: which letter key of the receiving post opens it
	ID         [16]byte // of a letter; of a part of a piece, see PartType
	Chain      [4]byte  // of a frame: a pseudonym of the chain
	Number     uint16   // and which of its keys opens it
	Body       []byte
}

// L0 is the clear part as bytes.
func (e *Envelope) L0() []byte {
	if e.Type == PartType {
		return e.partL0()
	}
	b := make([]byte, 0, L0Len)
	b = append(append(b, 1<<4|e.Type), e.To[:]...)
	b = append(b, byte(e.Precedence))
	if e.Type == Frame {
		return binary.BigEndian.AppendUint16(append(b, e.Chain[:]...), e.Number)
	}
	return append(append(b, e.KeyID[:]...), e.ID[:]...)
}

// Size is the number of bytes the envelope has on the wire.
func (e *Envelope) Size() int {
	switch e.Type {
	case Frame:
		return FrameL0Len + len(e.Body)
	case PartType:
		return PartL0Len + len(e.Body)
	}
	return L0Len + len(e.Body)
}

// Marshal writes L0 and body.
func (e *Envelope) Marshal() []byte { return append(e.L0(), e.Body...) }

// ParseEnvelope reads what Marshal wrote. The envelope keeps b.
func ParseEnvelope(b []byte) (Envelope, error) {
	var e Envelope
	if len(b) > 0 && b[0] == 1<<4|PartType {
		return parsePart(b)
	}
	short := len(b) > 0 && b[0] == 1<<4|Frame
	switch {
	case len(b) <= FrameL0Len || !short && len(b) <= L0Len || len(b) > MaxEnvelope:
		return e, malformed(fmt.Sprintf("an envelope of %d bytes", len(b)))
	case !short && b[0] != 1<<4|Letter:
		return e, malformed(fmt.Sprintf("an envelope of unknown version or type %#02x", b[0]))
	case b[4] > byte(Override):
		return e, malformed(fmt.Sprintf("an envelope of unknown flags or precedence %#02x", b[4]))
	}
	e = Envelope{Type: b[0] & 15, To: Route(b[1:4]), Precedence: Precedence(b[4])}
	if short {
		e.Chain, e.Number, e.Body = [4]byte(b[5:9]), binary.BigEndian.Uint16(b[9:11]), b[FrameL0Len:]
	} else {
		e.KeyID, e.ID, e.Body = [4]byte(b[5:9]), [16]byte(b[9:25]), b[L0Len:]
	}
	return e, nil
}

// Bundle writes envelopes one after the other, each as u32 length ‖ envelope: what one message of a circuit carries.
func Bundle(es []Envelope) []byte {
	var out []byte
	for i := range es {
		out = binary.BigEndian.AppendUint32(out, uint32(es[i].Size()))
		out = append(append(out, es[i].L0()...), es[i].Body...)
	}
	return out
}

var errBundle = malformed("a bundle that ends before its envelope does")

// Unbundle reads what Bundle wrote. It gives what stands before the first fault, with the fault.
func Unbundle(b []byte) (es []Envelope, err error) {
	for len(b) > 0 {
		if len(b) < 4 {
			return es, errBundle
		}
		n := int64(binary.BigEndian.Uint32(b))
		if n > int64(len(b)-4) {
			return es, errBundle
		}
		e, err := ParseEnvelope(b[4 : 4+n : 4+n])
		if err != nil {
			return es, err
		}
		es, b = append(es, e), b[4+n:]
	}
	return es, nil
}
