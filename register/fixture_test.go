package register_test

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"chancery.example/chancery/register"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
	"golang.org/x/mod/sumdb/note"
)

const (
	origin = "chancery/register/4d4f57"
	noon   = 1796636400 // 7 December 2026
	year   = "register 2026"
)

// desk is a post with a register, and with a filing table plain enough to make every entry again from it.
type desk struct {
	db        *store.DB
	signers   []note.Signer
	verifiers []note.Verifier
}

func deskOn(t testing.TB, db *store.DB) *desk {
	t.Helper()
	d := &desk{db: db}
	d.signers, d.verifiers = keyOf(t, 7)
	return d
}

// keyOf gives the register key of a seed of one byte repeated.
func keyOf(t testing.TB, b byte) ([]note.Signer, []note.Verifier) {
	t.Helper()
	s, err := seal.SignerFromSeed([]byte(strings.Repeat(string(b), seal.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	signers, err := s.Cosigners(origin)
	if err != nil {
		t.Fatal(err)
	}
	verifiers, err := s.Verifier().Cosigners(origin)
	if err != nil {
		t.Fatal(err)
	}
	return signers, verifiers
}

// book opens the register in a write transaction, lets fn enter, and closes it.
func (d *desk) book(t testing.TB, fn func(*store.Tx, *register.Book) error) error {
	return d.db.Write(t.Context(), func(tx *store.Tx) error {
		b, err := register.Open(tx)
		if err != nil {
			return err
		}
		if err := fn(tx, b); err != nil {
			return err
		}
		return b.Close(origin, d.signers)
	})
}

// send registers a telegram to each of the posts named, all in one book.
func (d *desk) send(t testing.TB, posts ...string) error {
	return d.book(t, func(tx *store.Tx, b *register.Book) error {
		for _, post := range posts {
			if _, err := enter(tx, b, post); err != nil {
				return err
			}
		}
		return nil
	})
}

func (d *desk) mustSend(t testing.TB, posts ...string) {
	t.Helper()
	if err := d.send(t, posts...); err != nil {
		t.Fatal(err)
	}
}

// many is n telegrams to PARIS.
func many(n int) []string { return slices.Repeat([]string{"PARIS"}, n) }

// enter takes a telegram's two numbers, files it and enters it.
func enter(tx *store.Tx, b *register.Book, post string) (number uint32, err error) {
	number, err = b.Take(year)
	if err != nil {
		return 0, err
	}
	serial, err := b.Take("serial " + post)
	if err != nil {
		return 0, err
	}
	return number, file(tx, b, []register.Taken{{Series: year, Number: number}, {Series: "serial " + post, Number: serial}})
}

// file files a telegram that took these numbers, and enters it.
func file(tx *store.Tx, b *register.Book, taken []register.Taken) error {
	body, err := json.Marshal(taken)
	if err != nil {
		return err
	}
	var id int64
	err = tx.QueryRow("insert into filed (id, way, year, number, post, serial, precedence, root, body, at) "+
		"values ((select coalesce(max(id), 0) + 1 from filed), 'out', 2026, (select coalesce(max(id), 0) + 1 from filed), 'MOSCOW', 0, 1, $1, $1, $2) returning id",
		body, int64(noon)).Scan(&id)
	if err != nil {
		return err
	}
	_, err = b.Enter(telegram.EntryOut, leafOf(body), id, noon)
	return err
}

func leafOf(body []byte) []byte {
	d := sha256.Sum256(body)
	return append(append([]byte(telegram.LabelEntry), byte(telegram.EntryOut)), d[:]...)
}

// shut stands for sealing at rest: what was sealed for one place opens at no other.
func shut(place string, b []byte) []byte { return append([]byte(place+"\n"), b...) }

// says enters a note that took these numbers.
func says(b *register.Book, kind telegram.EntryKind, taken ...register.Taken) error {
	said, err := json.Marshal(taken)
	if err != nil {
		return err
	}
	_, err = b.Note(kind, said, noon, shut)
	return err
}

// remake makes an entry again from what the desk has filed.
func remake(tx *store.Tx) func(register.Row) ([]byte, []register.Taken, error) {
	return func(row register.Row) (leaf []byte, taken []register.Taken, err error) {
		body := []byte{}
		if row.Kind == telegram.EntryOut {
			if err := tx.QueryRow("select body from filed where id = $1", row.Of).Scan(&body); err != nil {
				return nil, nil, errors.New("its telegram is not among the filed ones")
			}
			leaf = leafOf(body)
		} else {
			b, ok := strings.CutPrefix(string(row.Said), register.Place(row.Index)+"\n")
			if !ok || len(b) < 32 {
				return nil, nil, errors.New("its words do not open")
			}
			body = []byte(b[32:])
			leaf = telegram.NoteEntry(row.Kind, [32]byte([]byte(b[:32])), body)
		}
		if err := json.Unmarshal(body, &taken); err != nil {
			return nil, nil, errors.New("what is filed for it cannot be read")
		}
		return leaf, taken, nil
	}
}

// verify reads the register and gives its findings as lines "entry: what".
func (d *desk) verify(t testing.TB, tx *store.Tx) (*register.Report, []string) {
	t.Helper()
	r, err := register.Verify(tx, origin, d.verifiers, remake(tx), nil)
	if err != nil {
		t.Fatal(err)
	}
	lines := []string{}
	for _, f := range r.Findings {
		lines = append(lines, fmt.Sprintf("%d: %s", f.Entry, f.What))
	}
	return r, lines
}

// whole fails the test unless the register verifies, with so many entries.
func (d *desk) whole(t testing.TB, size int64) *register.Report {
	t.Helper()
	var r *register.Report
	err := d.db.Read(t.Context(), func(tx *store.Tx) error {
		var lines []string
		if r, lines = d.verify(t, tx); len(lines) > 0 {
			t.Errorf("a healthy register of %d: %s", size, strings.Join(lines, "\n"))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.Size != size {
		t.Errorf("the register has %d entries, want %d", r.Size, size)
	}
	return r
}

// errUndo ends a transaction whose damage was only to be looked at.
var errUndo = errors.New("undo")
