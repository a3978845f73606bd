package register_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"chancery.example/chancery/register"
	"chancery.example/chancery/store"
	"chancery.example/chancery/store/storetest"
	"chancery.example/chancery/telegram"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// looks are the three ways to look at the head, over a specimen: 16 entries, entry 8 a note, entry 6 of filed 6.
func (d *desk) looks(tx *store.Tx) map[string]error {
	_, entry := register.EntryOf(tx, 6, origin, d.verifiers)
	_, said := register.Said(tx, 8, origin, d.verifiers)
	return map[string]error{"head": register.CheckHead(tx, origin, d.verifiers), "entry": entry, "said": said}
}

func TestHeadOfAHealthyRegister(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		look := func(fn func(tx *store.Tx) error) {
			t.Helper()
			if err := d.db.Read(t.Context(), fn); err != nil {
				t.Error(err)
			}
		}
		look(func(tx *store.Tx) error { return register.CheckHead(tx, origin, d.verifiers) })
		specimen(t, d)
		look(func(tx *store.Tx) error { return register.CheckHead(tx, origin, d.verifiers) })
		for of := range int64(14) {
			look(func(tx *store.Tx) error {
				r, err := register.EntryOf(tx, of+1, origin, d.verifiers)
				if err != nil {
					return err
				}
				var body []byte
				if err := tx.QueryRow("select body from filed where id = $1", of+1).Scan(&body); err != nil {
					return err
				}
				if r.Of != of+1 || r.Kind != telegram.EntryOut || string(r.Leaf) != string(leafOf(body)) || r.At != noon {
					t.Errorf("the entry of filed %d is %+v", of+1, r)
				}
				return nil
			})
		}
		look(func(tx *store.Tx) error {
			r, err := register.Said(tx, 8, origin, d.verifiers)
			if err != nil {
				return err
			}
			kept, ok := strings.CutPrefix(string(r.Said), register.Place(8)+"\n")
			var taken []register.Taken
			if !ok || len(kept) < 32 || json.Unmarshal([]byte(kept[32:]), &taken) != nil || len(taken) != 1 || taken[0].Series != "special PARIS" {
				t.Errorf("entry 8 said %q", r.Said)
			}
			if r.Index != 8 || r.Kind != telegram.EntrySent || r.At != noon {
				t.Errorf("entry 8 is %+v", r)
			}
			return nil
		})
	})
}

func TestNothingInTheRegister(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		check := func() {
			t.Helper()
			err := d.db.Read(t.Context(), func(tx *store.Tx) error {
				if _, err := register.EntryOf(tx, 99, origin, d.verifiers); err == nil || !strings.Contains(err.Error(), "no entry for it") {
					t.Errorf("filed 99 gives %v", err)
				}
				if _, err := register.Said(tx, 99, origin, d.verifiers); err == nil || !strings.Contains(err.Error(), "no entry 99") {
					t.Errorf("entry 99 gives %v", err)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		check()
		specimen(t, d)
		check()
	})
}

// headHarm is a change to the database, and what the three looks must say of it: "" is nothing.
type headHarm struct {
	name              string
	do                func(*store.Tx) error
	head, entry, said string
}

func headHarms() []headHarm {
	last := tlog.StoredHashIndex(4, 0) // the root of 16 entries
	all3 := func(name string, do func(*store.Tx) error, why string) headHarm {
		return headHarm{name, do, why, why, why}
	}
	harms := []headHarm{
		all3("the root's hash flipped", flip("loghash", "hash", "idx", last), "another log"),
		all3("the root's hash deleted", sql(fmt.Sprint("delete from loghash where idx = ", last)), fmt.Sprintf("the log's hash %d is missing", last)),
		all3("the root's hash cut short", func(tx *store.Tx) error {
			_, err := tx.Exec("update loghash set hash = $1 where idx = $2", []byte("short"), last)
			return err
		}, fmt.Sprintf("the log's hash %d has 5 bytes", last)),
		all3("the last checkpoint deleted", sql("delete from checkpoint where size = 16"), "16 entries and no checkpoint"),
		all3("all checkpoints deleted", sql("delete from checkpoint"), "16 entries and no checkpoint"),
		all3("an older checkpoint for the last", sql("update checkpoint set note = (select note from checkpoint where size = 11) where size = 16"), "another log"),
		all3("no note in the checkpoint", sql("update checkpoint set note = 'x' where size = 16"), "signatures"),
		all3("the head set back", sql("update head set size = 11"), "says 11 entries, and more are kept"),
		all3("the head set to nothing", sql("update head set size = 0"), "says 0 entries, and more are kept"),
		all3("the head set back, checkpoints gone", sql("update head set size = 11", "delete from checkpoint where size > 11"), "more are kept"),
		all3("the head set back, entries gone", sql("update head set size = 11", "delete from entry where idx >= 11"), "more are kept"),
		all3("the head set on", sql("update head set size = 17"), "17 entries and no checkpoint"),
		all3("the head deleted", sql("delete from head"), "reading the register's head"),
		// What the quick look cannot see, a look at the entry itself does.
		{"a leaf flipped", flip("entry", "leaf", "idx", 6), "", "entry 6 is not in the log that was signed", ""},
		{"the note's leaf flipped", flip("entry", "leaf", "idx", 8), "", "", "entry 8 is not in the log that was signed"},
		{"leaves swapped", swapLeaves(6, 8), "", "entry 6 is not in the log", "entry 8 is not in the log"},
		{"another entry is said to be of it", sql("update entry set of = null where idx = 6", "update entry set of = 6, leaf = (select leaf from entry where idx = 6) where idx = 7"), "",
			"entry 7 is not in the log", ""},
		{"the entry deleted", sql("delete from entry where idx = 6"), "", "no entry for it", ""},
		{"the note deleted", sql("delete from entry where idx = 8"), "", "", "no entry 8"},
		{"a kind that is none", sql("update entry set kind = 4000 where idx in (6, 8)"), "", "reading the register's entry", "reading the register's entry 8"},
	}
	// The proofs of entry 6 and of entry 8 go over these two, and not over each other's.
	inner := tlog.StoredHashIndex(0, 7)
	return append(harms,
		headHarm{"a hash beside it flipped", flip("loghash", "hash", "idx", inner), "", "not in the log", ""},
		headHarm{"a hash beside it deleted", sql(fmt.Sprint("delete from loghash where idx = ", inner)), "", "is missing", ""},
		headHarm{"a hash beside the note flipped", flip("loghash", "hash", "idx", tlog.StoredHashIndex(0, 9)), "", "", "not in the log"})
}

func TestHeadOfADamagedRegister(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		specimen(t, d)
		for _, h := range headHarms() {
			for look, why := range map[string]string{"head": h.head, "entry": h.entry, "said": h.said} {
				// A look that fails in the database ends its transaction: one look each.
				t.Run(h.name+"/"+look, func(t *testing.T) {
					err := d.db.Write(t.Context(), func(tx *store.Tx) error {
						if err := h.do(tx); err != nil {
							return err
						}
						err := d.looks(tx)[look]
						switch {
						case why == "" && err != nil:
							t.Errorf("it says %v, and nothing of it is harmed", err)
						case why != "" && (err == nil || !strings.Contains(err.Error(), why)):
							t.Errorf("it says %v, want %q", err, why)
						case err != nil && strings.Contains(err.Error(), "%!"):
							t.Errorf("the error is not put together well: %v", err)
						}
						return errUndo
					})
					if !errors.Is(err, errUndo) {
						t.Fatal(err)
					}
				})
			}
		}
		d.whole(t, 16)
	})
}

// Somebody who has the database and not the key can sign nothing that counts.
func TestHeadUnderAnotherKey(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		specimen(t, d)
		_, others := keyOf(t, 8)
		for name, c := range map[string]struct {
			origin    string
			verifiers []note.Verifier
		}{"another key": {origin, others}, "one of the two": {origin, []note.Verifier{d.verifiers[0], others[1]}}, "another post": {"chancery/register/50454b", d.verifiers}} {
			err := d.db.Read(t.Context(), func(tx *store.Tx) error { return register.CheckHead(tx, c.origin, c.verifiers) })
			if err == nil {
				t.Errorf("%s: the head is taken for good", name)
			}
		}
	})
}

// BenchmarkCheckHead says what it would cost to look at the signatures of the last checkpoint before each new one.
func BenchmarkCheckHead(b *testing.B) {
	d := deskOn(b, storetest.SQLite(b))
	d.mustSend(b, many(1023)...)
	b.Run("check", func(b *testing.B) {
		for b.Loop() {
			if err := d.db.Read(b.Context(), func(tx *store.Tx) error { return register.CheckHead(tx, origin, d.verifiers) }); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("book of one", func(b *testing.B) {
		for b.Loop() {
			d.mustSend(b, "PARIS")
		}
	})
	b.Run("book of 256", func(b *testing.B) {
		for b.Loop() {
			d.mustSend(b, many(256)...)
		}
	})
}
