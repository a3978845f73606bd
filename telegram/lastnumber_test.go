package telegram

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"testing"
)

func aLastNumber() *LastNumber {
	return &LastNumber{From: "MOSCOW", To: "BEIJING", At: 1796676000000, Interval: 3600000, RoundTrip: 1250, Heard: 1796675000000, Series: []SeriesLast{
		{Series: SerialsOf(Operation), Base: 1999, Last: 2525, Open: []Range{{2523, 2523}, {2525, 2525}}, Lost: []Range{{2000, 2012}}},
		{Series: SerialsOf(Drill), Last: 3},
		{Series: SpecialSeries(), Last: 1692, Open: []Range{{1690, 1692}}},
		{Series: Lane(1, Routine), Last: 700},
		{Series: Lane(1, Flash), Last: 12, Open: []Range{{1, 4}, {12, 12}}},
		{Series: Lane(2, Deferred), Last: 1<<32 - 1, Open: []Range{{1<<32 - 1, 1<<32 - 1}}},
	}}
}

func aRepeat() *Repeat {
	return &Repeat{From: "BEIJING", To: "MOSCOW", At: 1796676000000, Keys: [][4]byte{{1, 2, 3, 4}, {5}}, Chains: [][4]byte{{6}}, Wanted: []Wanted{
		{SerialsOf(Operation), []Range{{2523, 2523}}}, {SpecialSeries(), []Range{{1690, 1691}}}, {Lane(1, Routine), []Range{{7, 7}, {9, 12}}}}}
}

func TestLastNumber(t *testing.T) {
	b := aLastNumber().Marshal()
	n, err := ParseLastNumber(b)
	if err != nil || !reflect.DeepEqual(n, aLastNumber()) {
		t.Fatalf("%+v, %v", n, err)
	}
	if x, ok := n.Of(Lane(1, Flash)); !ok || x.Last != 12 {
		t.Errorf("%+v", x)
	}
	if x, ok := n.Of(Lane(1, Priority)); ok {
		t.Errorf("%+v", x)
	}
	for name, bad := range map[string]func(*LastNumber){
		"a bad name":                  func(n *LastNumber) { n.From = "MOS\nCOW" },
		"no interval":                 func(n *LastNumber) { n.Interval = 0 },
		"an interval of a year":       func(n *LastNumber) { n.Interval = MaxInterval + 1 },
		"too many series":             func(n *LastNumber) { n.Series = slices.Repeat(n.Series, 11) },
		"a series twice":              func(n *LastNumber) { n.Series[1] = n.Series[0] },
		"a lane before specials":      func(n *LastNumber) { n.Series[2], n.Series[3] = n.Series[3], n.Series[2] },
		"serials on a circuit":        func(n *LastNumber) { n.Series[1].Circuit = 1 },
		"serials of no type":          func(n *LastNumber) { n.Series[1].Grade = 3 },
		"a serial with a mark":        func(n *LastNumber) { n.Series[1].Last = MaxNumber + 1 },
		"specials on a circuit":       func(n *LastNumber) { n.Series[2].Circuit = 1 },
		"specials with a grade":       func(n *LastNumber) { n.Series[2].Grade = 1 },
		"a lane on no circuit":        func(n *LastNumber) { n.Series[3].Circuit = 0 },
		"a lane beyond all circuits":  func(n *LastNumber) { n.Series[5].Circuit = MaxCircuit + 1 },
		"a lane of no precedence":     func(n *LastNumber) { n.Series[5].Grade = 6 },
		"a series of nothing":         func(n *LastNumber) { n.Series[5].Of = 3 },
		"a base beyond the last":      func(n *LastNumber) { n.Series[1].Base = 4 },
		"number 0 is open":            func(n *LastNumber) { n.Series[2].Open[0].First = 0 },
		"open beyond the last":        func(n *LastNumber) { n.Series[2].Open[0].Last++ },
		"a range that ends before":    func(n *LastNumber) { n.Series[2].Open[0] = Range{5, 4} },
		"ranges that touch":           func(n *LastNumber) { n.Series[0].Open[0].Last = 2524 },
		"ranges that fall":            func(n *LastNumber) { n.Series[4].Open[1] = Range{1, 2} },
		"special numbers are lost":    func(n *LastNumber) { n.Series[2].Lost = []Range{{1, 1}} },
		"lost beyond the last number": func(n *LastNumber) { n.Series[0].Lost[0].Last = 2526 },
		"too many ranges": func(n *LastNumber) {
			n.Series[3].Last = 1 << 20
			for i := range uint32(MaxRanges + 1) {
				n.Series[3].Open = append(n.Series[3].Open, Range{2*i + 1, 2*i + 1})
			}
		},
	} {
		n := aLastNumber()
		bad(n)
		if got, err := ParseLastNumber(n.Marshal()); !errors.Is(err, ErrMalformed) || got != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	cutAndLonger(t, b, func(b []byte) error { _, err := ParseLastNumber(b); return err })
}

func TestRepeat(t *testing.T) {
	b := aRepeat().Marshal()
	r, err := ParseRepeat(b)
	if err != nil || !reflect.DeepEqual(r, aRepeat()) {
		t.Fatalf("%+v, %v", r, err)
	}
	for name, bad := range map[string]func(*Repeat){
		"a bad name":           func(r *Repeat) { r.To = "" },
		"too many keys":        func(r *Repeat) { r.Keys = slices.Repeat(r.Keys, 40) },
		"too many chains":      func(r *Repeat) { r.Chains = slices.Repeat(r.Chains, 65) },
		"too many series":      func(r *Repeat) { r.Wanted = slices.Repeat(r.Wanted, 30) },
		"a series twice":       func(r *Repeat) { r.Wanted[1] = r.Wanted[0] },
		"nothing of a series":  func(r *Repeat) { r.Wanted[1].Numbers = nil },
		"a series of nothing":  func(r *Repeat) { r.Wanted[2].Of = 3 },
		"a serial with a mark": func(r *Repeat) { r.Wanted[0].Numbers[0].Last = Exercise.Mark(1) },
	} {
		r := aRepeat()
		bad(r)
		if got, err := ParseRepeat(r.Marshal()); !errors.Is(err, ErrMalformed) || got != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	cutAndLonger(t, b, func(b []byte) error { _, err := ParseRepeat(b); return err })
	lost := aRepeat()
	lost.Wanted = nil
	if got, err := ParseRepeat(lost.Marshal()); err != nil || !reflect.DeepEqual(got, lost) {
		t.Errorf("for nothing: %+v, %v", got, err)
	}
}

// cutAndLonger: no beginning of a message is one, nor is one with a byte behind it.
func cutAndLonger(t *testing.T, b []byte, parse func([]byte) error) {
	t.Helper()
	for n := range b {
		if err := parse(b[:n]); !errors.Is(err, ErrMalformed) {
			t.Errorf("the first %d bytes: %v", n, err)
		}
	}
	if err := parse(append(bytes.Clone(b), 0)); !errors.Is(err, ErrMalformed) {
		t.Errorf("longer: %v", err)
	}
}

func FuzzParseLastNumber(f *testing.F) {
	f.Add(aLastNumber().Marshal())
	f.Add((&LastNumber{From: "A", To: "B", Interval: 1}).Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := ParseLastNumber(b)
		lawful(t, err, func() []byte { return n.Marshal() }, b)
	})
}

func FuzzParseRepeat(f *testing.F) {
	f.Add(aRepeat().Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseRepeat(b)
		lawful(t, err, func() []byte { return r.Marshal() }, b)
	})
}
