package telegram

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"slices"
	"testing"
)

func envelope(body string) Envelope {
	return Envelope{Type: Letter, To: Route{0xa1, 0xb2, 0xc3}, Precedence: Flash, KeyID: [4]byte{1, 2, 3, 4}, ID: [16]byte{5, 15: 6}, Body: []byte(body)}
}

func TestEnvelopeParsePrintSameBytes(t *testing.T) {
	e := envelope("sealed")
	b := e.Marshal()
	got, err := ParseEnvelope(b)
	if err != nil || !reflect.DeepEqual(got, e) {
		t.Errorf("read back as %+v, %v", got, err)
	}
	if len(b) != e.Size() || len(e.L0()) != L0Len {
		t.Errorf("%d bytes, of which %d in clear; Size says %d", len(b), len(e.L0()), e.Size())
	}
	if want := "11a1b2c3040102030405000000000000000000000000000006"; hex.EncodeToString(e.L0()) != want {
		t.Errorf("L0 is %x, want %s", e.L0(), want)
	}
}

func TestEnvelopeRefusals(t *testing.T) {
	good := envelope("sealed")
	alter := func(at int, v byte) []byte {
		b := good.Marshal()
		b[at] = v
		return b
	}
	for name, b := range map[string][]byte{
		"nothing": nil, "only L0": good.L0(), "too long": make([]byte, MaxEnvelope+1),
		"version 2": alter(0, 0x21), "version 0": alter(0, 0x01), "type 4": alter(0, 0x14), "type 0": alter(0, 0x10),
		"precedence 6": alter(4, 6), "a flag": alter(4, 0x08|4), "the highest flag": alter(4, 0x80|4),
	} {
		if _, err := ParseEnvelope(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	long := slices.Concat(good.L0(), make([]byte, MaxEnvelope-L0Len))
	if _, err := ParseEnvelope(long); err != nil {
		t.Errorf("the longest possible: %v", err)
	}
}

func TestBundleParsePrintSameBytes(t *testing.T) {
	want := []Envelope{envelope("first"), envelope("2"), envelope("the third")}
	b := Bundle(want)
	got, err := Unbundle(b)
	if err != nil || !reflect.DeepEqual(got, want) || !bytes.Equal(Bundle(got), b) {
		t.Errorf("read back as %+v, %v", got, err)
	}
	if got, err := Unbundle(Bundle(nil)); err != nil || got != nil {
		t.Errorf("an empty bundle is read as %v, %v", got, err)
	}
}

func TestBundleGivesWhatStandsBeforeAFault(t *testing.T) {
	one, two := envelope("first"), envelope("second")
	whole := Bundle([]Envelope{one, two})
	first := 4 + one.Size()
	for n := first + 1; n < len(whole); n++ {
		got, err := Unbundle(whole[:n])
		if !errors.Is(err, ErrMalformed) || len(got) != 1 || !reflect.DeepEqual(got[0], one) {
			t.Fatalf("cut to %d of %d bytes: %+v, %v", n, len(whole), got, err)
		}
	}
	whole[first+4] = 0x21 // the second is of version 2
	if got, err := Unbundle(whole); !errors.Is(err, ErrMalformed) || len(got) != 1 {
		t.Errorf("an unknown version behind a good envelope: %+v, %v", got, err)
	}
	if _, err := Unbundle([]byte{0xff, 0xff, 0xff, 0xff, 0}); !errors.Is(err, ErrMalformed) {
		t.Errorf("a length beyond the end: %v", err)
	}
}

// TestEnvelopesOfABundleDoNotOverlap: who appends to one body must not write into the next.
func TestEnvelopesOfABundleDoNotOverlap(t *testing.T) {
	want := []Envelope{envelope("first"), envelope("second")}
	got, err := Unbundle(Bundle(want))
	if err != nil {
		t.Fatal(err)
	}
	_ = append(got[0].Body, "written over the next one's length and its clear part"...)
	if !reflect.DeepEqual(got, want) {
		t.Error("the second envelope was written over")
	}
}

func TestParseRoute(t *testing.T) {
	r, err := ParseRoute("a1b2c3")
	if err != nil || r != (Route{0xa1, 0xb2, 0xc3}) || r.String() != "a1b2c3" {
		t.Errorf("read as %s, %v", r, err)
	}
	for _, s := range []string{"", "a1b2", "a1b2c3d4", "a1b2cg", "a1b2c", "a1b2c3g", "a1b2c3gg"} {
		if _, err := ParseRoute(s); err == nil {
			t.Errorf("%q is accepted", s)
		}
	}
}
