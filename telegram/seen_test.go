package telegram

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
)

func aSeen() *Seen { return &Seen{"MOSCOW", "BEIJING", 1796676000, 2522, Root{7}} }

func TestSeen(t *testing.T) {
	b := aSeen().Marshal()
	if got, err := ParseSeen(b); err != nil || !reflect.DeepEqual(got, aSeen()) {
		t.Fatal(got, err)
	}
	zero, bad := aSeen(), aSeen()
	zero.Serial, bad.To = 0, "\n"
	for name, x := range map[string][]byte{"serial 0": zero.Marshal(), "a bad name": bad.Marshal(), "longer": append(bytes.Clone(b), 0), "cut": b[:len(b)-1], "nothing": nil} {
		if _, err := ParseSeen(x); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestGivenKey(t *testing.T) {
	g := &GivenKey{From: "MOSCOW", To: "BEIJING", At: 1796676000, ID: [4]byte{1, 2, 3, 4}, XWing: bytes.Repeat([]byte{5}, SizeXWing)}
	b := g.Marshal()
	if got, err := ParseGivenKey(b); err != nil || !reflect.DeepEqual(got, g) {
		t.Fatal(got, err)
	}
	bad := *g
	bad.From = ""
	for name, x := range map[string][]byte{"a bad name": bad.Marshal(), "longer": append(bytes.Clone(b), 0), "cut": b[:len(b)-1], "nothing": nil} {
		if _, err := ParseGivenKey(x); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseSeen(f *testing.F) {
	f.Add(aSeen().Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := ParseSeen(b)
		lawful(t, err, func() []byte { return x.Marshal() }, b)
	})
}

func FuzzParseGivenKey(f *testing.F) {
	f.Add((&GivenKey{From: "MOSCOW", To: "BEIJING", At: 1, XWing: make([]byte, SizeXWing)}).Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := ParseGivenKey(b)
		lawful(t, err, func() []byte { return g.Marshal() }, b)
	})
}
