package seal

import (
	"bytes"
	"encoding/hex"
	"slices"
	"testing"
)

func rest(t *testing.T, b byte) *Rest {
	t.Helper()
	r, err := NewRest(bytes.Repeat([]byte{b}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRestSealAndOpen(t *testing.T) {
	r := rest(t, 7)
	for _, n := range []int{0, 1, 36, 100_000} {
		want := bytes.Repeat([]byte{9}, n)
		b := r.Seal("filed 17", want)
		got, err := r.Open("filed 17", b)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes: %d are opened, %v", n, len(got), err)
		}
		if len(b) != n+sizeNonce+sizeTag {
			t.Errorf("%d bytes are sealed as %d", n, len(b))
		}
	}
	if bytes.Equal(r.Seal("filed 17", secretText), r.Seal("filed 17", secretText)) {
		t.Error("the same thing sealed twice is the same: it shows that it is")
	}
}

func TestRestBindsThePlace(t *testing.T) {
	r := rest(t, 7)
	b := r.Seal("filed 17", secretText)
	for _, place := range []string{"filed 1", "filed 177", "Filed 17", "", "draft 17", "filed 17\x00"} {
		if _, err := r.Open(place, b); err == nil {
			t.Errorf("it opens at %q", place)
		}
	}
}

func TestRestAltered(t *testing.T) {
	r := rest(t, 7)
	b := r.Seal("filed 17", secretText)
	for i := range b {
		b[i] ^= 1
		if _, err := r.Open("filed 17", b); err == nil {
			t.Errorf("it opens with byte %d altered", i)
		}
		b[i] ^= 1
	}
	for n := range b {
		if _, err := r.Open("filed 17", b[:n]); err == nil {
			t.Errorf("it opens when cut to %d bytes", n)
		}
	}
	if _, err := r.Open("filed 17", append(slices.Clone(b), 0)); err == nil {
		t.Error("it opens with a byte behind it")
	}
	if _, err := rest(t, 8).Open("filed 17", b); err == nil {
		t.Error("it opens with another key")
	}
	if _, err := r.Open("filed 17", b); err != nil {
		t.Errorf("unaltered it does not open: %v", err)
	}
}

func TestRestKeySize(t *testing.T) {
	for _, n := range []int{0, 16, 24, 31, 33, 64} {
		if _, err := NewRest(make([]byte, n)); err == nil {
			t.Errorf("a data key of %d bytes is accepted", n)
		}
	}
}

func TestSubkeys(t *testing.T) {
	secret := bytes.Repeat([]byte{7}, 32)
	data := Subkey(secret, "data")
	if bytes.Equal(data, Subkey(secret, "index")) || bytes.Equal(data, Subkey(secret[:31], "data")) {
		t.Error("another purpose or secret gives the same key")
	}
	// What is sealed at rest depends on it: it must not change.
	if want := "9e62e8b7ebcd61b4cad347934b9eff5727d9e9b7be267867a867d7fff6ffc86f"; hex.EncodeToString(data) != want {
		t.Errorf("the key is %x, want %s", data, want)
	}
}
