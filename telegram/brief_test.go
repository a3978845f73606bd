package telegram

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"testing"

	"golang.org/x/crypto/cryptobyte"
)

func briefly(t *Telegram) *Registered {
	r := registered(t)
	r.ReleasePQ = nil
	return r
}

func TestBriefParsePrintSameBytes(t *testing.T) {
	for _, tg := range []*Telegram{plain(), rich()} {
		want := briefly(tg)
		b := want.Brief()
		got, err := ParseEither(b)
		if err != nil || !reflect.DeepEqual(got.Numbers, want.Numbers) || !bytes.Equal(got.Brief(), b) || got.ReleasePQ != nil {
			t.Fatalf("%+v %v", got, err)
		}
		full, err := ParseEither(registered(tg).Marshal())
		if err != nil || len(full.ReleasePQ) != SizeMLDSA44 || IsBrief(full.Marshal()) {
			t.Fatal("the full form is taken for the brief one", err)
		}
		for n := range b {
			if _, err := ParseBrief(b[:n]); !errors.Is(err, ErrMalformed) {
				t.Fatalf("the first %d bytes: %v", n, err)
			}
		}
		for name, x := range map[string][]byte{"something behind": append(slices.Clone(b), 0), "the full form": registered(tg).Marshal(),
			"a length that is longer than it need be": slices.Concat([]byte{b[0] | 0x80, b[1] | 0x80, 0}, b[2:])} {
			if _, err := ParseBrief(x); !errors.Is(err, ErrMalformed) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	only := briefly(plain())
	only.Telegram.Releaser, only.Telegram.Released, only.Telegram.RegisterBy = KeyRef{}, 0, 0
	if _, err := ParseBrief(only.Brief()); !errors.Is(err, ErrMalformed) {
		t.Errorf("one that nobody released: %v", err)
	}
	wrong := briefly(plain())
	wrong.Numbers.Serials[0].Number = 0
	if _, err := ParseBrief(wrong.Brief()); !errors.Is(err, ErrMalformed) {
		t.Errorf("no serial: %v", err)
	}
}

// A telegram of 300 bytes is short in a frame; what is cut from it is the telegram and not what rides on it.
func TestBriefIsCut(t *testing.T) {
	b := briefly(rich()).Brief()
	for n := 1; n <= len(b)+1; n += 13 {
		pieces, err := Cut(b, n)
		if err != nil || !bytes.Equal(slices.Concat(pieces...), b) {
			t.Fatal(n, err)
		}
	}
	if pieces, err := Cut(b, len(b)-2*SizeEd25519-20); err != nil || len(pieces) != 1 {
		t.Error(len(pieces), err)
	}
}

// The hash of a brief entry is that of another entry than the full one, and says nothing of the signature that is to come.
func TestBriefEntry(t *testing.T) {
	r, full := briefly(rich()), registered(rich())
	_, root := r.Telegram.Roots()
	var seed [32]byte
	all := [][]byte{full.OutEntry(root, &full.Numbers), r.BriefOutEntry(root, &r.Numbers), r.BriefInEntry(root, &r.Numbers, seed), full.InEntry(root, &full.Numbers, seed)}
	for i, a := range all {
		for _, b := range all[:i] {
			if bytes.Equal(a, b) {
				t.Error("two entries are the same")
			}
		}
	}
	if !bytes.Equal(r.BriefOutEntry(root, &r.Numbers), full.BriefOutEntry(root, &full.Numbers)) || !bytes.Equal(r.BriefInEntry(root, &r.Numbers, seed), full.BriefInEntry(root, &full.Numbers, seed)) {
		t.Error("it is another once the signature is there")
	}
	if kind, of, ok := EntryOf(all[2]); kind != EntryBriefIn || of != root || !ok {
		t.Error(kind, of, ok)
	}
	if _, _, ok := EntryOf(all[1]); ok {
		t.Error("what stands in receipts is an entry")
	}
}

func aLate() *Late {
	return &Late{From: "MOSCOW", To: "BEIJING", Items: []LateItem{{7, bytes.Repeat([]byte{1}, SizeMLDSA44)}, {9, bytes.Repeat([]byte{2}, SizeMLDSA44)}}}
}

func TestLate(t *testing.T) {
	b := aLate().Marshal()
	l, err := ParseLate(b)
	if err != nil || !reflect.DeepEqual(l, aLate()) || !bytes.Equal(l.Marshal(), b) {
		t.Fatal(err)
	}
	none, many, zero, bad := aLate(), aLate(), aLate(), aLate()
	none.Items, many.Items, zero.Items[1].Serial, bad.From = nil, slices.Repeat(many.Items, MaxLate), 0, "\n"
	for name, x := range map[string][]byte{"none": none.Marshal(), "too many": many.Marshal(), "serial 0": zero.Marshal(), "a bad name": bad.Marshal(), "longer": append(slices.Clone(b), 0), "cut": b[:len(b)-1]} {
		if _, err := ParseLate(x); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFrameSection(t *testing.T) {
	for _, s := range []Section{{Circuit: 1, Special: 1691, Lane: 17, Serial: Exercise.Mark(5), I: 1, N: 2, Piece: []byte("a piece")},
		{Circuit: MaxCircuit, Special: 1, Lane: 1 << 31, Serial: 127, I: 128, N: 128, Brief: true, Piece: []byte{0}}} {
		got, err := ParseFrameSection(s.MarshalFrame())
		if err != nil || !reflect.DeepEqual(got, s) {
			t.Errorf("%+v %v", got, err)
		}
		if got, err = ParseSection(s.Marshal()); err != nil || !reflect.DeepEqual(got, s) {
			t.Errorf("in a letter: %+v %v", got, err)
		}
	}
	for name, b := range map[string][]byte{"nothing": nil, "only a circuit": {1}, "no circuit": {0x80, 1, 1, 1, 1, 1, 1}, "cut": {1, 1, 1, 1, 1}, "no piece": {1, 1, 1, 1, 1, 1},
		"a number too long": {1, 0x81, 0, 1, 1, 1, 1, 1}, "a number too large": {1, 0xff, 0xff, 0xff, 0xff, 0x1f, 1, 1, 1, 1, 1}, "the second of one": {1, 1, 1, 1, 2, 1, 1}} {
		if _, err := ParseFrameSection(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func aFrame() Envelope {
	return Envelope{Type: Frame, To: Route{1, 2, 3}, Precedence: Flash, Chain: [4]byte{4, 5, 6, 7}, Number: 0x0809, Body: []byte("sealed")}
}

func TestFrameEnvelope(t *testing.T) {
	f := aFrame()
	if b := f.Marshal(); len(b) != f.Size() || len(f.L0()) != FrameL0Len {
		t.Fatal(len(b))
	} else if got, err := ParseEnvelope(b); err != nil || !reflect.DeepEqual(got, f) {
		t.Errorf("%+v %v", got, err)
	}
	mixed := []Envelope{aFrame(), envelope("a letter"), aFrame()}
	if got, err := Unbundle(Bundle(mixed)); err != nil || !reflect.DeepEqual(got, mixed) {
		t.Errorf("%+v %v", got, err)
	}
	if _, err := ParseEnvelope(f.L0()); !errors.Is(err, ErrMalformed) {
		t.Error(err)
	}
	flagged := f.Marshal()
	flagged[4] |= 8
	if _, err := ParseEnvelope(flagged); !errors.Is(err, ErrMalformed) {
		t.Error(err)
	}
}

func FuzzParseBrief(f *testing.F) {
	f.Add(briefly(plain()).Brief())
	f.Add(briefly(rich()).Brief())
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseBrief(b)
		lawful(t, err, func() []byte { return r.Brief() }, b)
	})
}

func FuzzParseLate(f *testing.F) {
	f.Add(aLate().Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := ParseLate(b)
		lawful(t, err, func() []byte { return l.Marshal() }, b)
	})
}

func FuzzParseFrameSection(f *testing.F) {
	s := Section{Circuit: 1, Special: 1691, Lane: 17, Serial: 300, I: 1, N: 2, Brief: true, Piece: []byte("a piece")}
	f.Add(s.MarshalFrame())
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ParseFrameSection(b)
		lawful(t, err, func() []byte { return s.MarshalFrame() }, b)
	})
}

func TestNumbersOfAFrame(t *testing.T) {
	for name, b := range map[string]string{"nothing": "", "cut off": "\x80", "of too many bytes": "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "more than 32 bits": "\xff\xff\xff\xff\x1f", "longer than it need be": "\x81\x00"} {
		s, n := cryptobyte.String(b), uint32(7)
		if readUvarint(&s, &n) || n != 7 || len(s) != len(b) {
			t.Errorf("%s: read as %d", name, n)
		}
	}
	s, n := cryptobyte.String("\xff\xff\xff\xff\x0f!"), uint32(0)
	if !readUvarint(&s, &n) || n != 1<<32-1 || string(s) != "!" {
		t.Error(n)
	}
}
