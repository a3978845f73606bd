package seal

import (
	"bytes"
	"testing"
)

func TestPadme(t *testing.T) {
	for l, want := range map[int]int{
		0: 0, 1: 1, 2: 2, 3: 3, 8: 8, 9: 10, 63: 64, 64: 64, 65: 72, 100: 104, 1000: 1024, 1024: 1024, 1025: 1088, 2566: 2688, 4096: 4096, 4097: 4352,
		6000: 6144, 65536: 65536, 65537: 67584, 1 << 20: 1 << 20, 1<<20 + 1: 1<<20 + 1<<15,
	} {
		if got := padme(l); got != want {
			t.Errorf("the length of %d is %d, want %d", l, got, want)
		}
	}
}

func TestPadmeCostsAtMostTwelvePerCent(t *testing.T) {
	before, distinct := 0, 0
	for l := 1; l <= 1<<20; l++ {
		p := padme(l)
		if p < l || p < before || padme(p) != p {
			t.Fatalf("the length of %d is %d, that of %d was %d", l, p, l-1, before)
		}
		if float64(p) > 1.12*float64(l) {
			t.Fatalf("%d bytes become %d: more than 12 %%", l, p)
		}
		if p != before {
			distinct++
		}
		before = p
	}
	if distinct > 420 {
		t.Errorf("%d lengths up to a mebibyte tell more than is meant", distinct)
	}
}

func TestPadAndUnpad(t *testing.T) {
	for n := range 1000 {
		for _, last := range []byte{0, 0x80, 1} {
			clear := bytes.Repeat([]byte{last}, n)
			p := pad(clear)
			if len(p) < minPadded || len(p) != padme(len(p)) || len(p) <= n {
				t.Fatalf("%d bytes are padded to %d", n, len(p))
			}
			if got, ok := unpad(p); !ok || !bytes.Equal(got, clear) {
				t.Fatalf("%d bytes of %#02x: unpadded they are %d, %v", n, last, len(got), ok)
			}
		}
	}
}

// TestOnePaddingEach: of all lengths that could hold the same thing one is accepted.
func TestOnePaddingEach(t *testing.T) {
	for n := range 300 {
		clear := bytes.Repeat([]byte{1}, n)
		for l := n + 1; l < 500; l++ {
			p := make([]byte, l)
			copy(p, clear)
			p[n] = 0x80
			if _, ok := unpad(p); ok != (l == paddedLen(n)) {
				t.Fatalf("%d bytes in %d: accepted %v", n, l, ok)
			}
		}
	}
}

func TestPaddingWithoutMark(t *testing.T) {
	for _, p := range [][]byte{nil, {0}, make([]byte, 64), bytes.Repeat([]byte{1}, 64), append(make([]byte, 63), 1), append(make([]byte, 63), 0x40)} {
		if _, ok := unpad(p); ok {
			t.Errorf("%x is accepted", p)
		}
	}
}
