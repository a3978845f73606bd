package seal

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"testing"

	"chancery.example/chancery/telegram"
)

// file is a file that is no run of zeros.
func file(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8 + 1)
	}
	return b
}

func attachmentKey(t testing.TB, length int64) *AttachmentKey {
	t.Helper()
	k, err := NewAttachmentKey([32]byte{1, 2, 3}, length)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// pieces seals a whole file.
func pieces(t testing.TB, k *AttachmentKey, f []byte) (sealed [][]byte) {
	t.Helper()
	for i := range telegram.Pieces(int64(len(f))) {
		_, n := telegram.PieceLen(int64(len(f)), i)
		s, err := k.Seal(i, f[i*telegram.PieceSize:][:n])
		if err != nil {
			t.Fatal(err)
		}
		sealed = append(sealed, s)
	}
	return sealed
}

func TestPiecesMakeTheFile(t *testing.T) {
	for _, n := range []int{0, 1, 63, 64, 65, 1000, 65_535, 65_536, 65_537, 200_000} {
		f := file(n)
		k := attachmentKey(t, int64(n))
		var got []byte
		for i, s := range pieces(t, k, f) {
			if size, _ := telegram.PieceLen(int64(n), i); len(s) != size+telegram.PieceCost {
				t.Errorf("%d bytes: piece %d has %d", n, i, len(s))
			}
			clear, err := k.Open(i, s)
			if err != nil {
				t.Fatalf("%d bytes: piece %d: %v", n, i, err)
			}
			got = append(got, clear...)
		}
		if !bytes.Equal(got, f) {
			t.Errorf("%d bytes: together the pieces are another file", n)
		}
	}
}

// No piece opens at another place, in another attachment, under another length, when cut, or with a bit turned.
func TestPieceElsewhere(t *testing.T) {
	f := file(2*telegram.PieceSize + 1000)
	k := attachmentKey(t, int64(len(f)))
	sealed := pieces(t, k, f)
	another, err := NewAttachmentKey([32]byte{9}, int64(len(f)))
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range sealed {
		for j := range sealed {
			if _, err := k.Open(j, s); (err == nil) != (i == j) {
				t.Errorf("piece %d, opened as %d: %v", i, j, err)
			}
		}
		if _, err := another.Open(i, s); err == nil {
			t.Error("it opens under another secret")
		}
		for _, at := range []int{0, 11, 12, len(s) / 2, len(s) - 1} {
			x := bytes.Clone(s)
			x[at] ^= 1
			if _, err := k.Open(i, x); err == nil {
				t.Errorf("piece %d opens with byte %d altered", i, at)
			}
		}
		for _, n := range []int{0, 11, 12, 28, len(s) - 1} {
			if _, err := k.Open(i, s[:n]); err == nil {
				t.Errorf("piece %d opens when it is cut to %d bytes", i, n)
			}
		}
	}
	for _, i := range []int{-1, len(sealed)} {
		if _, err := k.Open(i, sealed[0]); err == nil {
			t.Errorf("there is a piece %d", i)
		}
		if _, err := k.Seal(i, nil); err == nil {
			t.Errorf("a piece %d is sealed", i)
		}
	}
	// A file that ends sooner: what was in the midst is not its last piece.
	if _, err := attachmentKey(t, 2*telegram.PieceSize).Open(1, sealed[1]); err == nil {
		t.Error("a piece in the midst is taken for the end of a shorter file")
	}
	if _, err := attachmentKey(t, 2*telegram.PieceSize+30_000).Open(2, sealed[2]); err == nil {
		t.Error("the last piece is taken for that of a longer file")
	}
}

// What a hostile sender hides behind the end of a file is refused, and so is a piece of another length.
func TestPieceWithMoreInIt(t *testing.T) {
	k := attachmentKey(t, 1000)
	hidden := make([]byte, 1024)
	if _, err := k.Open(0, k.pieces.Seal(nil, nil, hidden, k.place(0))); err != nil {
		t.Fatal(err)
	}
	hidden[1000] = 1
	if _, err := k.Open(0, k.pieces.Seal(nil, nil, hidden, k.place(0))); err == nil || err.Error() != "there is something behind its end" {
		t.Error(err)
	}
	if _, err := k.Open(0, k.pieces.Seal(nil, nil, make([]byte, 2048), k.place(0))); err == nil || err.Error() != "it has another length than its place" {
		t.Error(err)
	}
	if _, err := k.Seal(0, make([]byte, 999)); err == nil {
		t.Error("too few bytes are sealed")
	}
	for _, n := range []int64{-1, telegram.MaxAttachment + 1} {
		if _, err := NewAttachmentKey([32]byte{}, n); err == nil {
			t.Errorf("a key for %d bytes", n)
		}
	}
}

// The keys are what the format says, so that a stranger finds the same.
func TestAttachmentKeysAreThoseOfTheFormat(t *testing.T) {
	secret := [32]byte{1, 2, 3}
	k := attachmentKey(t, 3)
	d := k.Digest()
	d.Write([]byte("abc"))
	key, err := hkdf.Key(sha256.New, secret[:], nil, "chancery/v1/attached\n", 32)
	if err != nil {
		t.Fatal(err)
	}
	m := hmac.New(sha256.New, key)
	m.Write([]byte("abc"))
	if !bytes.Equal(d.Sum(nil), m.Sum(nil)) || hex.EncodeToString(d.Sum(nil)) != "8f308f8296b3bc4d4c75c8261c47e4b2e822920064f0a4865e33f92940a778e7" {
		t.Errorf("the digest is %x", d.Sum(nil))
	}
	pieceKey, err := hkdf.Key(sha256.New, secret[:], nil, "chancery/v1/piece\n", 32)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := randomNonceGCM(pieceKey)
	if err != nil {
		t.Fatal(err)
	}
	clear := append([]byte("abc"), make([]byte, 61)...)
	sealed := aead.Seal(nil, nil, clear, []byte("chancery/v1/piece data\n\x00\x00\x00\x00\x01"))
	if got, err := k.Open(0, sealed); err != nil || string(got) != "abc" {
		t.Errorf("a piece that a stranger sealed: %q, %v", got, err)
	}
}

func TestPartOpensForWhoAsked(t *testing.T) {
	k, err := NewPartKey([32]byte{7})
	if err != nil {
		t.Fatal(err)
	}
	other, err := NewPartKey([32]byte{8})
	if err != nil {
		t.Fatal(err)
	}
	e := telegram.Envelope{To: telegram.Route{1, 2, 3}, Precedence: telegram.Immediate, ID: telegram.PartID([8]byte{5}, 6)}
	p := telegram.PiecePart{Piece: 3, Offset: 10, Whole: 20, Bytes: []byte("0123456789")}
	k.Seal(&e, &p)
	if e.Size() != telegram.PartCost+len(p.Bytes) {
		t.Errorf("it has %d bytes", e.Size())
	}
	again, err := telegram.ParseEnvelope(e.Marshal())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := k.Open(&again); err != nil || got.Piece != 3 || string(got.Bytes) != "0123456789" {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := other.Open(&e); !errors.Is(err, ErrRefused) {
		t.Errorf("under another ask's key: %v", err)
	}
	b := e.Marshal()
	for i := range b {
		x := bytes.Clone(b)
		x[i] ^= 1
		if y, err := telegram.ParseEnvelope(x); err == nil {
			if _, err := k.Open(&y); err == nil {
				t.Errorf("with byte %d altered it opens", i)
			}
		}
	}
	e.Body = k.aead.Seal(nil, nil, []byte("no part"), e.L0())
	if _, err := k.Open(&e); !errors.Is(err, telegram.ErrMalformed) {
		t.Errorf("what is no part: %v", err)
	}
}

func BenchmarkPieceSeal(b *testing.B) {
	k := attachmentKey(b, telegram.MaxAttachment)
	data := file(telegram.PieceSize)
	b.SetBytes(telegram.PieceSize)
	for b.Loop() {
		if _, err := k.Seal(5, data); err != nil {
			b.Fatal(err)
		}
	}
}
