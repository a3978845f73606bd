package telegram

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"golang.org/x/crypto/cryptobyte"
)

// Section is a piece of a registered telegram, as it is sealed by itself.
type Section struct {
	Circuit uint8  // which of the sender's circuits to this post, from 1
	Special uint32 // the gapless series of sections put on the wire for this pair of posts
	Lane    uint32 // the gapless count of sections of one precedence on one circuit: a gap is a loss
	Serial  uint32 // of the telegram
	I, N    uint32 // the I-th of N, from 1
	Brief   bool   // the piece is one of the brief form: see [Registered.Brief]
	Piece   []byte
}

// MaxCircuit is the highest number of a circuit: the byte's highest bit says that the piece is of the brief form.
const MaxCircuit = 0x7e

// MaxSections bounds the sections of one telegram.
const MaxSections = 1 << 16

// Marshal writes the section: see the package comment.
func (s *Section) Marshal() []byte {
	b := []byte{s.circuit()}
	for _, v := range []uint32{s.Special, s.Lane, s.Serial, s.I, s.N} {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	return append(b, s.Piece...)
}

func (s *Section) circuit() byte {
	if s.Brief {
		return s.Circuit | 0x80
	}
	return s.Circuit
}

// MarshalFrame writes the section as a frame carries it: the same, with its numbers as unsigned LEB128.
func (s *Section) MarshalFrame() []byte {
	b := []byte{s.circuit()}
	for _, v := range []uint32{s.Special, s.Lane, s.Serial, s.I, s.N} {
		b = binary.AppendUvarint(b, uint64(v))
	}
	return append(b, s.Piece...)
}

// ParseFrameSection reads what MarshalFrame wrote. The section keeps b.
func ParseFrameSection(b []byte) (Section, error) {
	var s Section
	c := cryptobyte.String(b)
	if !c.ReadUint8(&s.Circuit) {
		return s, malformed("a section is cut off")
	}
	for _, v := range []*uint32{&s.Special, &s.Lane, &s.Serial, &s.I, &s.N} {
		if !readUvarint(&c, v) {
			return s, malformed("a section is cut off")
		}
	}
	return s.parsed(c)
}

// readUvarint reads an unsigned LEB128 of at most 32 bits, as short as it can be.
func readUvarint(s *cryptobyte.String, out *uint32) bool {
	v, n := binary.Uvarint(*s)
	if n <= 0 || v > math.MaxUint32 || n > 1 && (*s)[n-1] == 0 {
		return false
	}
	*out, *s = uint32(v), (*s)[n:]
	return true
}

// ParseSection reads what Marshal wrote. The section keeps b.
func ParseSection(b []byte) (Section, error) {
	var s Section
	c := cryptobyte.String(b)
	if !c.ReadUint8(&s.Circuit) || !c.ReadUint32(&s.Special) || !c.ReadUint32(&s.Lane) || !c.ReadUint32(&s.Serial) || !c.ReadUint32(&s.I) || !c.ReadUint32(&s.N) {
		return s, malformed("a section is cut off")
	}
	return s.parsed(c)
}

// parsed is the section with its piece, when its numbers can be.
func (s Section) parsed(piece []byte) (Section, error) {
	s.Piece = piece
	s.Brief, s.Circuit = s.Circuit&0x80 != 0, s.Circuit&0x7f
	if s.Circuit == 0 || s.Circuit > MaxCircuit || s.Special == 0 || s.Lane == 0 || s.Serial == 0 || s.I == 0 || s.I > s.N || s.N > MaxSections || len(s.Piece) == 0 {
		return s, malformed("a section without its numbers")
	}
	return s, nil
}

// IsService says whether a letter's payload is a service message and no section.
func IsService(payload []byte) bool { return len(payload) > 0 && payload[0] == 0 }

// opensChain is the first byte of a letter's payload that also opens a chain; what follows is the payload itself. No section has such a circuit.
const opensChain = 0xff

// OpensChain marks the payload of a letter that opens a chain.
func OpensChain(payload []byte) []byte { return append([]byte{opensChain}, payload...) }

// CutOpensChain takes the mark away, and says whether it was there.
func CutOpensChain(payload []byte) (rest []byte, opens bool) {
	if len(payload) > 0 && payload[0] == opensChain {
		return payload[1:], true
	}
	return payload, false
}

// Cut cuts a registered telegram as written into pieces. size counts bytes of the telegram itself, so that a telegram takes the same
// special numbers whatever the signatures weigh: those ride, with the numbers, on the last piece.
func Cut(registered []byte, size int) ([][]byte, error) {
	end, ok := endOfTelegram(registered)
	if !ok || size < 1 {
		return nil, malformed("nothing to cut")
	}
	var out [][]byte
	from := int64(0)
	for ; from+int64(size) < end; from += int64(size) {
		out = append(out, registered[from:from+int64(size)])
	}
	out = append(out, registered[from:])
	if len(out) > MaxSections {
		return nil, fmt.Errorf("sections of %d bytes would make %d of this telegram, at most %d are possible", size, len(out), MaxSections)
	}
	return out, nil
}

// endOfTelegram is where the telegram itself ends in either written form of a registered one.
func endOfTelegram(b []byte) (end int64, ok bool) {
	if IsBrief(b) {
		n, k := binary.Uvarint(b)
		return int64(k) + int64(n), k > 0 && n <= uint64(len(b)-k)
	}
	if len(b) < 4 {
		return 0, false
	}
	end = 4 + int64(binary.BigEndian.Uint32(b))
	return end, end <= int64(len(b))
}

// Receipt says that a post has received telegrams: it is signed by that post, and it is what a sender may forget them by.
//
//	receipt = short text from ‖ short text to ‖ time ‖ u16 n ‖ n × (u32 serial ‖ R 32 ‖ entry hash 32)
type Receipt struct {
	From  string // the post that sent the telegrams
	To    string // the post that received them and signs this
	At    int64  // seconds since 1970
	Items []ReceiptItem
}

// ReceiptItem is one telegram: the sender's serial, R, and the hash of the sender's register entry, computed from what was received.
type ReceiptItem struct {
	Serial uint32
	Root   Root
	Entry  [32]byte
}

// MaxReceipt is the most telegrams that one receipt names.
const MaxReceipt = 1000

// Marshal writes the receipt.
func (r *Receipt) Marshal() []byte {
	b := appendShort(appendShort(nil, r.From), r.To)
	b = binary.BigEndian.AppendUint64(b, uint64(r.At))
	b = binary.BigEndian.AppendUint16(b, uint16(len(r.Items)))
	for _, i := range r.Items {
		b = binary.BigEndian.AppendUint32(b, i.Serial)
		b = append(append(b, i.Root[:]...), i.Entry[:]...)
	}
	return b
}

// ParseReceipt reads what Marshal wrote, and nothing else.
func ParseReceipt(b []byte) (*Receipt, error) {
	s := cryptobyte.String(b)
	r := &Receipt{}
	var n uint16
	if !readShort(&s, &r.From) || !readShort(&s, &r.To) || !readTime(&s, &r.At) || !s.ReadUint16(&n) || n == 0 || n > MaxReceipt {
		return nil, malformed("a receipt")
	}
	for range n {
		var i ReceiptItem
		if !s.ReadUint32(&i.Serial) || !s.CopyBytes(i.Root[:]) || !s.CopyBytes(i.Entry[:]) || i.Serial == 0 {
			return nil, malformed("a receipt is cut off, or names no serial")
		}
		r.Items = append(r.Items, i)
	}
	if !s.Empty() {
		return nil, malformed("a receipt with something behind it")
	}
	if err := errors.Join(CheckPostName(r.From), CheckPostName(r.To)); err != nil {
		return nil, fmt.Errorf("telegram: a receipt: %w (%w)", err, ErrMalformed)
	}
	return r, nil
}

// ServiceReceipt is the kind of service message that carries a receipt.
const ServiceReceipt = 1

// Service is a statement from machine to machine, signed by the post under the label of its kind, so that it can be shown to others.
type Service struct {
	Kind      uint8
	Statement []byte
	Ed, PQ    []byte
}

// Marshal writes the service message as a letter's payload: see the package comment.
func (s *Service) Marshal() []byte {
	b := append([]byte{0, s.Kind}, s.Statement...)
	return append(append(b, s.Ed...), s.PQ...)
}

// ParseService reads what Marshal wrote. It keeps b.
func ParseService(b []byte) (Service, error) {
	n := len(b) - SizeEd25519 - SizeMLDSA44
	if n < 2 || b[0] != 0 {
		return Service{}, malformed("a service message")
	}
	return Service{Kind: b[1], Statement: b[2:n:n], Ed: b[n : n+SizeEd25519 : n+SizeEd25519], PQ: b[n+SizeEd25519:]}, nil
}
