package telegram

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
)

// The law of every parser here: what it accepts, printed again, is the same bytes; what it refuses is ErrMalformed; it never panics.

func lawful(t *testing.T, err error, printed func() []byte, b []byte) bool {
	t.Helper()
	if err != nil {
		if !errors.Is(err, ErrMalformed) {
			t.Errorf("refused, but not as malformed: %v", err)
		}
		return false
	}
	if got := printed(); !bytes.Equal(got, b) {
		t.Errorf("parsed and printed, %x is %x", b, got)
	}
	return true
}

func FuzzParse(f *testing.F) {
	f.Add(plain().Marshal())
	f.Add(rich().Marshal())
	f.Add(readdressal(plain()).Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		tg, err := Parse(b)
		if !lawful(t, err, func() []byte { return tg.Marshal() }, b) {
			return
		}
		var ps []part
		for _, l := range tg.HeadLeaves()[1:] {
			ps = append(ps, part{l.Kind, l.Value})
		}
		ps = append(ps, joined(tg.BodyLeaves())...)
		if got := write(ps); !bytes.Equal(got[33:], b[33:]) {
			t.Errorf("its leaves are of another telegram: %x", got)
		}
		tg.Roots()
		if o, err := tg.Readdressed(); err == nil && o != nil && o.Telegram.Check() != nil {
			t.Errorf("what it passes on is no telegram: %v", o.Telegram.Check())
		}
	})
}

func FuzzParseRegistered(f *testing.F) {
	f.Add(registered(plain()).Marshal())
	f.Add(registered(rich()).Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseRegistered(b)
		if !lawful(t, err, func() []byte { return r.Marshal() }, b) {
			return
		}
		outEntry(r)
		pieces, err := Cut(b, 1+len(b)/7)
		if err != nil || !bytes.Equal(slices.Concat(pieces...), b) {
			t.Errorf("cut and joined it is another telegram: %v", err)
		}
	})
}

func FuzzUnbundle(f *testing.F) {
	f.Add(Bundle([]Envelope{envelope("first"), envelope("second")}))
	f.Fuzz(func(t *testing.T, b []byte) {
		es, err := Unbundle(b)
		lawful(t, err, func() []byte { return Bundle(es) }, b)
		if before := Bundle(es); !bytes.HasPrefix(b, before) {
			t.Errorf("what stands before the fault, printed, is %x", before)
		}
	})
}

func FuzzParseSection(f *testing.F) {
	s := section()
	f.Add(s.Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ParseSection(b)
		if lawful(t, err, func() []byte { return s.Marshal() }, b) && IsService(b) {
			t.Error("a section that is a service message too")
		}
	})
}

func FuzzParseReceipt(f *testing.F) {
	f.Add(receipt(2).Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseReceipt(b)
		lawful(t, err, func() []byte { return r.Marshal() }, b)
	})
}

func FuzzParseService(f *testing.F) {
	s := service()
	f.Add(s.Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ParseService(b)
		if lawful(t, err, func() []byte { return s.Marshal() }, b) && !IsService(b) {
			t.Error("a service message that is not seen as one")
		}
	})
}

func FuzzWords(f *testing.F) {
	for _, s := range []string{"Ice has closed  the\n\tharbour.", "渡轮 No.7号", "เรือ ferry", "العبّارة", " \xff "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		words := Words(s)
		if strings.Join(words, "") != s {
			t.Fatalf("joined, the words of %q are %q", s, words)
		}
		for i, w := range words {
			if w == "" || len(Words(w)) != 1 {
				t.Errorf("%q is no single word", w)
			}
			if i > 0 && strings.ContainsAny(w[:1], spaces) {
				t.Errorf("%q begins with the spaces of the word before it", w)
			}
		}
	})
}

func FuzzParseEnvelope(f *testing.F) {
	e := envelope("first")
	f.Add(e.Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := ParseEnvelope(b)
		if lawful(t, err, func() []byte { return e.Marshal() }, b) && e.Size() != len(b) {
			t.Errorf("its size is %d, it has %d bytes", e.Size(), len(b))
		}
	})
}

// What stands in forms, files and JSON as one word is read, written and read as the same.
func FuzzOneWord(f *testing.F) {
	for _, s := range []string{"AMBASSADOR@BEIJING", "ПОСОЛ@NEW YORK; flash", "immediate", "c00001", "17/2", "fulfils", "exercise", strings.Repeat("0a", 32)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if a, err := ParseAddress(s); err == nil {
			if again, err := ParseAddress(a.String()); err != nil || again != a || a.String() != s {
				t.Errorf("the address %q is %v, and then %v: %v", s, a, again, err)
			}
		}
		if r, err := ParseRoute(s); err == nil {
			if again, err := ParseRoute(r.String()); err != nil || again != r {
				t.Errorf("the route %q is %v, and then %v: %v", s, r, again, err)
			}
		}
		if p, err := ParsePrecedence(s); err == nil {
			if again, err := ParsePrecedence(p.String()); err != nil || again != p {
				t.Errorf("the precedence %q is %v, and then %v: %v", s, p, again, err)
			}
		}
		var x, y Addressee
		if x.UnmarshalText([]byte(s)) == nil {
			if b, err := x.MarshalText(); err != nil || y.UnmarshalText(b) != nil || x != y {
				t.Errorf("the addressee %q is %v, and then %v: %v", s, x, y, err)
			}
		}
		var k, l KeyRef
		if k.UnmarshalText([]byte(s)) == nil && (l.UnmarshalText([]byte(k.String())) != nil || k != l || k.String() != s) {
			t.Errorf("the key %q is %v, and then %v", s, k, l)
		}
		var root, other Root
		if root.UnmarshalText([]byte(s)) == nil && (other.UnmarshalText([]byte(root.String())) != nil || root != other) {
			t.Errorf("the root %q is %v, and then %v", s, root, other)
		}
		var act, same Act
		if act.UnmarshalText([]byte(s)) == nil && (same.UnmarshalText([]byte(act.String())) != nil || act != same) {
			t.Errorf("the act %q is %v, and then %v", s, act, same)
		}
	})
}
