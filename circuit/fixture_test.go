package circuit_test

import (
	"testing"
	"time"

	"chancery.example/chancery/circuit"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// evening is when things happen in these tests; the outbox keeps milliseconds.
var evening = time.UnixMilli(1796636400123)

const wide = 1 << 30 // a window that never closes

// line is one post's way out, with the next special number.
type line struct {
	t       testing.TB
	db      *store.DB
	special uint32
}

func (l *line) write(fn func(tx *store.Tx) error) {
	l.t.Helper()
	if err := l.db.Write(l.t.Context(), fn); err != nil {
		l.t.Fatal(err)
	}
}

// waiting is a telegram whose R and entry tell it from all others.
func waiting(post string, serial uint32, p telegram.Precedence) circuit.Waiting {
	return circuit.Waiting{Post: post, Serial: serial, Precedence: p, Of: int64(serial) * 10,
		Root: telegram.Root{1, byte(serial), byte(len(post))}, Entry: [32]byte{2, byte(serial), byte(len(post))}}
}

func (l *line) queue(ws ...circuit.Waiting) {
	l.t.Helper()
	l.queueAt(evening, ws...)
}

func (l *line) queueAt(at time.Time, ws ...circuit.Waiting) {
	l.t.Helper()
	l.write(func(tx *store.Tx) error { return circuit.Queue(tx, ws, at) })
}

func (l *line) next(post string, window int64) (w circuit.Waiting, ok bool) {
	l.t.Helper()
	l.write(func(tx *store.Tx) (err error) {
		w, ok, err = circuit.Next(tx, post, window)
		return err
	})
	return w, ok
}

// section is the next section of w, of n in all and so many bytes, with the next special number.
func (l *line) section(w circuit.Waiting, n uint32, size int) *circuit.Section {
	l.special++
	return &circuit.Section{Post: w.Post, Special: l.special, Circuit: 1, Lane: l.special, Precedence: w.Precedence, Serial: w.Serial,
		I: uint32(w.Sealed) + 1, N: n, Envelope: make([]byte, size), ID: [16]byte{byte(l.special)}, SealedAt: evening.Add(time.Minute)}
}

func (l *line) seal(w circuit.Waiting, n uint32, size int) *circuit.Section {
	l.t.Helper()
	s := l.section(w, n, size)
	l.write(func(tx *store.Tx) error { return circuit.Sealed(tx, s) })
	return s
}

// open gives the special numbers of what is to be carried.
func (l *line) open(post string, limit int, due func(uint32, time.Time) bool) (specials []uint32) {
	l.t.Helper()
	return l.openTurn(post, limit, 0, due)
}

func (l *line) openTurn(post string, limit, turn int, due func(uint32, time.Time) bool) (specials []uint32) {
	l.t.Helper()
	if due == nil {
		due = func(uint32, time.Time) bool { return true }
	}
	l.write(func(tx *store.Tx) error {
		ss, err := circuit.Open(tx, post, limit, turn, due)
		for _, s := range ss {
			specials = append(specials, s.Special)
		}
		return err
	})
	return specials
}

func (l *line) delivery(post string, serial uint32) (d *circuit.Delivery) {
	l.t.Helper()
	l.write(func(tx *store.Tx) (err error) {
		d, err = circuit.DeliveryOf(tx, post, serial)
		return err
	})
	return d
}

func (l *line) receipt(post string, serial uint32, entry int64, at time.Time) {
	l.t.Helper()
	d := l.delivery(post, serial)
	if d == nil {
		l.t.Fatalf("nothing went to %s under serial %d", post, serial)
	}
	l.write(func(tx *store.Tx) error { return circuit.Receipted(tx, d, entry, at) })
}

func (l *line) backlog() (m map[string]int) {
	l.t.Helper()
	l.write(func(tx *store.Tx) (err error) {
		m, err = circuit.Backlog(tx)
		return err
	})
	return m
}
