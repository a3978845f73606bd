package telegram

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
)

// How a gap between two posts is seen and asked for: see docs/formats/gaps.md.

// The kinds of service message by which a post says how far its numbers are, and asks for what it lacks.
const (
	ServiceLastNumber = 4
	ServiceRepeat     = 5
)

// Counted is what a series between two posts counts.
type Counted uint8

// What is counted.
const (
	Serials  Counted = iota // telegrams; a series for each type
	Specials                // sections put on the wire
	Lanes                   // sections of one precedence on one circuit
)

// Series is one of the series from one post to another.
type Series struct {
	Of      Counted
	Circuit uint8 // of a lane, from 1; else 0
	Grade   uint8 // of serials the type of the telegrams, of a lane the precedence; else 0
}

// SerialsOf is the series of serials for telegrams of a type.
func SerialsOf(t Type) Series { return Series{Serials, 0, uint8(t)} }

// SpecialSeries is the series of special numbers.
func SpecialSeries() Series { return Series{Of: Specials} }

// Lane is the series of sections of one precedence on one circuit.
func Lane(circuit uint8, p Precedence) Series { return Series{Lanes, circuit, uint8(p)} }

// Compare orders series as messages have them.
func (s Series) Compare(other Series) int {
	return cmp.Or(cmp.Compare(s.Of, other.Of), cmp.Compare(s.Circuit, other.Circuit), cmp.Compare(s.Grade, other.Grade))
}

func (s Series) valid() bool {
	switch s.Of {
	case Serials:
		return s.Circuit == 0 && s.Grade <= uint8(Drill)
	case Specials:
		return s.Circuit == 0 && s.Grade == 0
	case Lanes:
		return s.Circuit > 0 && s.Circuit <= MaxCircuit && s.Grade <= uint8(Override)
	}
	return false
}

// most is the last number that the series can have. A serial is counted without the mark of its type.
func (s Series) most() uint32 {
	if s.Of == Serials {
		return MaxNumber
	}
	return 1<<32 - 1
}

func (s Series) String() string {
	switch s.Of {
	case Serials:
		return Type(s.Grade).Series("serials")
	case Specials:
		return "special numbers"
	}
	return fmt.Sprintf("%v lane of circuit %d", Precedence(s.Grade), s.Circuit)
}

// Range is the numbers from First to Last, both of them in it.
type Range struct{ First, Last uint32 }

// Bounds of what is said of series.
const (
	MaxRanges = 512 // in one series
	MaxSeries = 64  // in one message
	MaxHeld   = 64  // letter keys, or chains, that are named
)

// SeriesLast says how far a series is.
type SeriesLast struct {
	Series
	Base uint32  // the numbers up to this one were given on paper, before the series began here
	Last uint32  // the last number taken
	Open []Range // of serials: registered, and not wholly sealed yet; of the others: sealed, without a receipt, and kept
	Lost []Range // of serials: nobody has them, since the sender's database was put back; of the others none
}

// LastNumber says how far the numbers are by which a post sends to another, so that the loss of the last of them is seen too. It is signed by the
// sending post under LabelLastNumber.
//
//	last number = short text from ‖ short text to ‖ u64 at ‖ u32 interval ‖ u32 round trip ‖ u64 heard ‖ u8 n ‖ n × series
//	series      = u8 of ‖ u8 circuit ‖ u8 grade ‖ u32 base ‖ u32 last ‖ ranges open ‖ ranges lost
//	ranges      = u16 n ‖ n × (u32 first ‖ u32 last)
type LastNumber struct {
	From, To  string
	At        int64  // milliseconds since 1970; later than in every one before
	Interval  uint32 // milliseconds after which the next one comes
	RoundTrip uint32 // milliseconds after which a section without a receipt is taken for lost, as the sender measures; 0 if it has not
	Heard     int64  // At of the newest of these from the receiver that the sender has; 0 if none
	Series    []SeriesLast
}

// MaxInterval bounds the interval: a post that says nothing for longer is overdue whatever it said.
const MaxInterval = 31 * 24 * 60 * 60 * 1000

// Marshal writes it.
func (n *LastNumber) Marshal() []byte {
	b := appendShort(appendShort(nil, n.From), n.To)
	b = binary.BigEndian.AppendUint64(b, uint64(n.At))
	b = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, n.Interval), n.RoundTrip)
	b = append(binary.BigEndian.AppendUint64(b, uint64(n.Heard)), byte(len(n.Series)))
	for _, s := range n.Series {
		b = binary.BigEndian.AppendUint32(append(b, byte(s.Of), s.Circuit, s.Grade), s.Base)
		b = binary.BigEndian.AppendUint32(b, s.Last)
		b = appendRanges(appendRanges(b, s.Open), s.Lost)
	}
	return b
}

func appendRanges(b []byte, rs []Range) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(rs)))
	for _, r := range rs {
		b = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, r.First), r.Last)
	}
	return b
}

// ParseLastNumber reads what Marshal wrote, and nothing else.
func ParseLastNumber(b []byte) (*LastNumber, error) {
	s := cryptobyte.String(b)
	n := &LastNumber{}
	var count uint8
	if !readShort(&s, &n.From) || !readShort(&s, &n.To) || !readTime(&s, &n.At) || !s.ReadUint32(&n.Interval) || !s.ReadUint32(&n.RoundTrip) || !readTime(&s, &n.Heard) ||
		!s.ReadUint8(&count) || n.Interval == 0 || n.Interval > MaxInterval || count > MaxSeries {
		return nil, malformed("a last number")
	}
	for range count {
		var x SeriesLast
		if !readSeries(&s, &x.Series) || !s.ReadUint32(&x.Base) || !s.ReadUint32(&x.Last) || x.Base > x.Last || x.Last > x.most() || !readRanges(&s, &x.Open, x.Last) || !readRanges(&s, &x.Lost, x.Last) {
			return nil, malformed("the series of a last number")
		}
		if len(n.Series) > 0 && n.Series[len(n.Series)-1].Compare(x.Series) >= 0 || x.Of != Serials && len(x.Lost) > 0 {
			return nil, malformed("the series of a last number out of order, or with what they do not have")
		}
		n.Series = append(n.Series, x)
	}
	if !s.Empty() {
		return nil, malformed("a last number with something behind it")
	}
	if err := checkPosts("a last number", n.From, n.To); err != nil {
		return nil, err
	}
	return n, nil
}

func checkPosts(what, from, to string) error {
	if err := errors.Join(CheckPostName(from), CheckPostName(to)); err != nil {
		return fmt.Errorf("telegram: %s: %w (%w)", what, err, ErrMalformed)
	}
	return nil
}

func readSeries(s *cryptobyte.String, out *Series) bool {
	var of uint8
	if !s.ReadUint8(&of) || !s.ReadUint8(&out.Circuit) || !s.ReadUint8(&out.Grade) {
		return false
	}
	out.Of = Counted(of)
	return out.valid()
}

// readRanges reads ranges that rise, do not touch, and end at the last number at the latest.
func readRanges(s *cryptobyte.String, out *[]Range, last uint32) bool {
	var n uint16
	if !s.ReadUint16(&n) || n > MaxRanges {
		return false
	}
	before := int64(-1)
	for range n {
		var r Range
		if !s.ReadUint32(&r.First) || !s.ReadUint32(&r.Last) || r.First > r.Last || r.Last > last || int64(r.First) <= before+1 {
			return false
		}
		*out, before = append(*out, r), int64(r.Last)
	}
	return true
}

// Of gives what is said of a series; ok is false when nothing is.
func (n *LastNumber) Of(s Series) (x SeriesLast, ok bool) {
	for _, x := range n.Series {
		if x.Series == s {
			return x, true
		}
	}
	return x, false
}

// Wanted are numbers of one series that a post lacks.
type Wanted struct {
	Series
	Numbers []Range
}

// Repeat asks another post for what it sent and did not come. It is signed by the asking post under LabelRepeat.
//
//	repeat = short text from ‖ short text to ‖ u64 at ‖ u8 n ‖ n × letter key 4 ‖ u8 n ‖ n × chain 4 ‖ u8 n ‖ n × wanted
//	wanted = u8 of ‖ u8 circuit ‖ u8 grade ‖ ranges
type Repeat struct {
	From, To string // From lacks what To sent
	At       int64  // milliseconds since 1970; later than in every one before
	// Keys and Chains are the letter keys, and the chains of frames from the other post, that the asking post holds. What was sealed to another is
	// sealed anew. With no keys it says nothing of them.
	// A request that wants nothing says that the chain was lost by which the other sends.
	Keys, Chains [][4]byte
	Wanted       []Wanted
}

// Marshal writes it.
func (r *Repeat) Marshal() []byte {
	b := appendShort(appendShort(nil, r.From), r.To)
	b = binary.BigEndian.AppendUint64(b, uint64(r.At))
	for _, held := range [][][4]byte{r.Keys, r.Chains} {
		b = append(b, byte(len(held)))
		for _, k := range held {
			b = append(b, k[:]...)
		}
	}
	b = append(b, byte(len(r.Wanted)))
	for _, w := range r.Wanted {
		b = appendRanges(append(b, byte(w.Of), w.Circuit, w.Grade), w.Numbers)
	}
	return b
}

// ParseRepeat reads what Marshal wrote, and nothing else.
func ParseRepeat(b []byte) (*Repeat, error) {
	s := cryptobyte.String(b)
	r := &Repeat{}
	var count uint8
	if !readShort(&s, &r.From) || !readShort(&s, &r.To) || !readTime(&s, &r.At) || !readHeld(&s, &r.Keys) || !readHeld(&s, &r.Chains) {
		return nil, malformed("a repeat request")
	}
	if !s.ReadUint8(&count) || count > MaxSeries {
		return nil, malformed("a repeat request for too much")
	}
	for range count {
		var w Wanted
		if !readSeries(&s, &w.Series) || !readRanges(&s, &w.Numbers, w.most()) || len(w.Numbers) == 0 {
			return nil, malformed("what a repeat request wants")
		}
		if len(r.Wanted) > 0 && r.Wanted[len(r.Wanted)-1].Compare(w.Series) >= 0 {
			return nil, malformed("the series of a repeat request out of order")
		}
		r.Wanted = append(r.Wanted, w)
	}
	if !s.Empty() {
		return nil, malformed("a repeat request with something behind it")
	}
	if err := checkPosts("a repeat request", r.From, r.To); err != nil {
		return nil, err
	}
	return r, nil
}

func readHeld(s *cryptobyte.String, out *[][4]byte) bool {
	var n uint8
	if !s.ReadUint8(&n) || n > MaxHeld {
		return false
	}
	for range n {
		var k [4]byte
		if !s.CopyBytes(k[:]) {
			return false
		}
		*out = append(*out, k)
	}
	return true
}
