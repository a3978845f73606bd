package circuit_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"chancery.example/chancery/circuit"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

func piece(post string, serial, i, n uint32, body string) *circuit.Piece {
	return &circuit.Piece{Post: post, Serial: serial, I: i, N: n, Special: 100 + i, Precedence: telegram.Flash, Size: int64(len(body)) + 25,
		Body: []byte(body), At: evening.Add(time.Duration(i) * time.Second)}
}

func (l *line) keep(p *circuit.Piece) {
	l.t.Helper()
	l.write(func(tx *store.Tx) error { return circuit.Keep(tx, p) })
}

func (l *line) keepNot(name string, p *circuit.Piece) {
	l.t.Helper()
	if err := l.db.Write(l.t.Context(), func(tx *store.Tx) error { return circuit.Keep(tx, p) }); !errors.Is(err, circuit.ErrPieces) {
		l.t.Errorf("%s: got %v, want %v", name, err, circuit.ErrPieces)
	}
}

func (l *line) kept(post string, serial uint32, want ...*circuit.Piece) {
	l.t.Helper()
	l.write(func(tx *store.Tx) error {
		got, err := circuit.Pieces(tx, post, serial)
		if !slices.EqualFunc(got, want, func(a circuit.Piece, b *circuit.Piece) bool {
			at := a.At.Equal(b.At) && bytes.Equal(a.Body, b.Body)
			a.At, a.Body = b.At, b.Body
			return at && fmt.Sprint(a) == fmt.Sprint(*b)
		}) {
			l.t.Errorf("of serial %d from %s are here\n%v\nwant\n%v", serial, post, got, want)
		}
		return err
	})
}

// Pieces come in any order, some twice; each is kept once, as it first came.
func TestKeepOnce(t *testing.T) {
	each(t, func(t *testing.T, l *line) {
		l.kept("LIMA", 1)
		one, two, three := piece("LIMA", 1, 1, 3, "one"), piece("LIMA", 1, 2, 3, "two"), piece("LIMA", 1, 3, 3, "three")
		other, another := piece("OSLO", 1, 1, 2, "o"), piece("LIMA", 2, 2, 9, "p")
		for _, p := range []*circuit.Piece{three, one, other, another, three, two} {
			l.keep(p)
		}
		l.keep(piece("LIMA", 1, 2, 3, "another two"))
		l.kept("LIMA", 1, one, two, three)
		l.write(func(tx *store.Tx) error { return circuit.Drop(tx, "LIMA", 1) })
		l.write(func(tx *store.Tx) error { return circuit.Drop(tx, "LIMA", 1) })
		l.kept("LIMA", 1)
		l.kept("OSLO", 1, other)
		l.kept("LIMA", 2, another)
		l.keep(piece("LIMA", 1, 1, 7, "anew")) // after what was refused a telegram may come that is cut otherwise
	})
}

func TestWhatDoesNotBelongTogether(t *testing.T) {
	each(t, func(t *testing.T, l *line) {
		l.keepNot("section 0", piece("LIMA", 1, 0, 2, "x"))
		l.keepNot("the third of two", piece("LIMA", 1, 3, 2, "x"))
		l.keepNot("the first of none", piece("LIMA", 1, 1, 0, "x"))
		l.kept("LIMA", 1)
		first := piece("LIMA", 1, 1, 2, "x")
		l.keep(first)
		l.keepNot("of three, when it was of two", piece("LIMA", 1, 2, 3, "x"))
		l.keepNot("the same, of three", piece("LIMA", 1, 1, 3, "x"))
		l.kept("LIMA", 1, first)
	})
}

func TestNoTelegramIsLarger(t *testing.T) {
	each(t, func(t *testing.T, l *line) {
		half := string(make([]byte, circuit.MaxPieces/2))
		one, two := piece("LIMA", 1, 1, 3, half), piece("LIMA", 1, 2, 3, half[:circuit.MaxPieces-len(half)])
		l.keepNot("alone too large", piece("LIMA", 1, 1, 3, half+half+"x"))
		l.keep(one)
		l.keepNot("together too large", piece("LIMA", 1, 2, 3, half+"x"))
		l.keep(two)
		l.keepNot("a byte too much", piece("LIMA", 1, 3, 3, "x"))
		l.keep(two) // it is there already and adds nothing
		l.kept("LIMA", 1, one, two)
		l.keep(piece("LIMA", 2, 1, 3, half))
	})
}

// Of one post no more than so many telegrams may be here in part. What comes of those that are goes on.
func TestTooManyUnfinished(t *testing.T) {
	each(t, func(t *testing.T, l *line) {
		for serial := range uint32(circuit.MaxUnfinished) {
			l.keep(piece("OSLO", serial+1, 1, 2, "a"))
		}
		err := l.db.Write(t.Context(), func(tx *store.Tx) error {
			return circuit.Keep(tx, piece("OSLO", circuit.MaxUnfinished+1, 1, 2, "a"))
		})
		if !errors.Is(err, circuit.ErrUnfinished) {
			t.Errorf("one more: %v", err)
		}
		l.keep(piece("OSLO", 1, 2, 2, "b"))
		l.keep(piece("LIMA", 1, 1, 2, "a"))
	})
}
