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

// Letter is the type of envelope that opens by itself, with the receiving post's letter key.
const Letter = 1

// L0Len is the length of what a letter shows in clear.
const L0Len = 25

// MaxEnvelope bounds one envelope, L0 and body: what is longer is refused unread.
const MaxEnvelope = 4 << 20

// Envelope is a sealed section or service message: L0, all that a relay sees, and a body that only package seal can open.
//
//	L0 = u8 version 1 «4 | type ‖ routing code 3 ‖ u8 flags «3 | precedence ‖ letter key 4 ‖ message id 16
//
// The flags are zero in this version; others are refused.
type Envelope struct {
	Type       uint8 // Letter
	To         Route
	Precedence Precedence
	KeyID      [4]byte // which letter key of the receiving post opens it
	ID         [16]byte
	Body       []byte
}

// L0 is the clear part as bytes.
func (e *Envelope) L0() []byte {
	b := make([]byte, 0, L0Len)
	b = append(append(b, 1<<4|e.Type), e.To[:]...)
	b = append(append(b, byte(e.Precedence)), e.KeyID[:]...)
	return append(b, e.ID[:]...)
}

// Size is the number of bytes the envelope has on the wire.
func (e *Envelope) Size() int { return L0Len + len(e.Body) }

// Marshal writes L0 and body.
func (e *Envelope) Marshal() []byte { return append(e.L0(), e.Body...) }

// ParseEnvelope reads what Marshal wrote. The envelope keeps b.
func ParseEnvelope(b []byte) (Envelope, error) {
	var e Envelope
	switch {
	case len(b) <= L0Len || len(b) > MaxEnvelope:
		return e, malformed(fmt.Sprintf("an envelope of %d bytes", len(b)))
	case b[0] != 1<<4|Letter:
		return e, malformed(fmt.Sprintf("an envelope of unknown version or type %#02x", b[0]))
	case b[4] > byte(Override):
		return e, malformed(fmt.Sprintf("an envelope of unknown flags or precedence %#02x", b[4]))
	}
	e = Envelope{Type: Letter, To: Route(b[1:4]), Precedence: Precedence(b[4]), KeyID: [4]byte(b[5:9]), ID: [16]byte(b[9:25]), Body: b[25:]}
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
