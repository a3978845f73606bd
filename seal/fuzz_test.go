package seal

import (
	"bytes"
	"errors"
	"testing"

	"chancery.example/chancery/telegram"
)

// FuzzOpen takes its bytes twice: as an envelope from the wire, and as what somebody with the public key but no post's sealed by hand.
// Neither panics, and nothing but the one genuine letter is anything but ErrRefused.
func FuzzOpen(f *testing.F) {
	good := letterOfOld(f) // not sealed anew: the fuzzer's processes must agree which letter is genuine
	f.Add(good.Marshal())
	f.Add(pad(opened(f, good, limaKey)))
	f.Fuzz(func(t *testing.T, b []byte) {
		if e, err := telegram.ParseEnvelope(b); err == nil && !bytes.Equal(b, good.Marshal()) {
			mustRefuse(t, &e, b)
		}
		mustRefuse(t, byHand(t, limaKey, func(_, _ []byte) []byte { return b }), b)
	})
}

func mustRefuse(t *testing.T, e *telegram.Envelope, b []byte) {
	t.Helper()
	l, err := Open(e, limaKey, "LIMA", directory)
	if l != nil || !errors.Is(err, ErrRefused) || err.Error() != ErrRefused.Error() {
		t.Errorf("%x is opened as %+v, %v", b, l, err)
	}
}

// FuzzCopy: what reads as a numbered copy begins with the same head when written again, and only the genuine one opens.
func FuzzCopy(f *testing.F) {
	c := copyOf()
	good := append(c.head(), bytes.Repeat([]byte{3}, overhead+minPadded)...)
	f.Add(good)
	f.Add([]byte(telegram.LabelCopy))
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := ParseCopy(b); err == nil && !bytes.HasPrefix(b, c.head()) {
			t.Errorf("%x is read as %+v", b, c)
		}
		if _, _, err := OpenCopy(b, "Minister", limaKey); !errors.Is(err, ErrRefused) {
			t.Errorf("%x opens: %v", b, err)
		}
	})
}

func benchmarked(b *testing.B) *Letter {
	l := letter()
	s := telegram.Section{Circuit: 1, Special: 1, Lane: 1, Serial: 417, I: 1, N: 1, Piece: telegramOf(b, 2048).Marshal()}
	l.Payload = s.Marshal()
	return l
}

func BenchmarkSeal(b *testing.B) {
	l, to := benchmarked(b), recipient(limaKey)
	for b.Loop() {
		e := cover()
		if err := l.Seal(&e, to, oslo); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	e, v := cover(), oslo.Verifier()
	if err := benchmarked(b).Seal(&e, recipient(limaKey), oslo); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Open(&e, limaKey, "LIMA", func(string) *Verifier { return v }); err != nil {
			b.Fatal(err)
		}
	}
}
