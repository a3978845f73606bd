package register_test

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"chancery.example/chancery/register"
	"chancery.example/chancery/store"
	"chancery.example/chancery/store/storetest"
	"chancery.example/chancery/telegram"
	"golang.org/x/mod/sumdb/tlog"
)

func TestHealthyRegistersVerify(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		d.whole(t, 0)
		size := 0
		for _, want := range []int{1, 2, 3, 7, 8, 100, 1025, 2050} {
			// The books' sizes differ, so that checkpoints fall inside pages and a book lies across two.
			for i := 1; size < want; i = i%90 + 13 {
				n := min(i, want-size)
				d.mustSend(t, many(n)...)
				size += n
			}
			d.whole(t, int64(want))
		}
	})
}

func TestVerifyReportsProgressAndTheLogsRoot(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		d.mustSend(t, many(2050)...)
		err := d.db.Read(t.Context(), func(tx *store.Tx) error {
			var calls []string
			r, err := register.Verify(tx, origin, d.verifiers, remake(tx), func(done, of int64) {
				calls = append(calls, fmt.Sprint(done, "/", of))
			})
			if err != nil {
				return err
			}
			if got := strings.Join(calls, " "); got != "1024/2050 2048/2050 2050/2050" {
				t.Errorf("progress was %s", got)
			}
			var signed string
			if err := tx.QueryRow("select note from checkpoint where size = 2050").Scan(&signed); err != nil {
				return err
			}
			c, err := register.OpenCheckpoint(signed, origin, d.verifiers)
			if err != nil || c.Root.String() != r.Root {
				t.Errorf("the report's root is %s, the checkpoint's %v, %v", r.Root, c.Root, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// An error of remake's reading tells of the filed thing, an error of the database ends Verify.
func TestVerifyPassesOnErrorsOfReading(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		d.mustSend(t, "PARIS")
		for _, table := range []string{"head", "entry", "loghash", "checkpoint", "series"} {
			err := d.db.Write(t.Context(), func(tx *store.Tx) error {
				if _, err := tx.Exec("drop table " + table); err != nil {
					t.Fatal(err)
				}
				r, err := register.Verify(tx, origin, d.verifiers, remake(tx), nil)
				if err == nil || r != nil {
					t.Errorf("without the table %s Verify answers", table)
				}
				return errUndo
			})
			if !errors.Is(err, errUndo) {
				t.Fatal(err)
			}
		}
	})
}

// Every page's entries are let go before the next is read: 40 MB of notes are read within a small part of that.
func TestVerifyHoldsOnePage(t *testing.T) {
	d := deskOn(t, storetest.SQLite(t))
	const entries, words = 5000, 8 << 10
	for range entries / 500 {
		err := d.book(t, func(_ *store.Tx, b *register.Book) error {
			for range 500 {
				if _, err := b.Note(telegram.EntrySent, make([]byte, words), noon, shut); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before, peak := heap(), uint64(0)
	err := d.db.Read(t.Context(), func(tx *store.Tx) error {
		_, err := register.Verify(tx, origin, d.verifiers, func(r register.Row) ([]byte, []register.Taken, error) {
			if r.Index%1024 == 1000 {
				peak = max(peak, heap())
			}
			return r.Leaf, nil, nil
		}, nil)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if held := int64(peak) - int64(before); held > 16<<20 {
		t.Errorf("Verify holds %d bytes of a register of %d", held, entries*words)
	}
}

func BenchmarkVerify(b *testing.B) {
	const entries = 10_000
	for _, book := range []int{1, 16} {
		b.Run(fmt.Sprintf("book=%d", book), func(b *testing.B) {
			d := deskOn(b, storetest.SQLite(b))
			for range entries / book {
				err := d.book(b, func(_ *store.Tx, k *register.Book) error {
					for range book {
						n, err := k.Take(year)
						if err != nil {
							return err
						}
						if _, err := k.Enter(telegram.EntryOut, leafOf([]byte("a telegram")), int64(n), noon); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			made := func(r register.Row) ([]byte, []register.Taken, error) {
				return r.Leaf, []register.Taken{{Series: year, Number: uint32(r.Of)}}, nil
			}
			for b.Loop() {
				err := d.db.Read(b.Context(), func(tx *store.Tx) error {
					r, err := register.Verify(tx, origin, d.verifiers, made, nil)
					if err == nil && len(r.Findings) > 0 {
						err = errors.New(r.Findings[0].What)
					}
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(entries*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}

// rehash is what an attacker without the key can do after changing entries: make every stored hash follow from them.
func rehash(tx *store.Tx) error {
	rows, err := tx.Query("select leaf from entry order by idx")
	if err != nil {
		return err
	}
	var all []tlog.Hash
	var vals []any
	reader := tlog.HashReaderFunc(func(idx []int64) (out []tlog.Hash, err error) {
		for _, i := range idx {
			out = append(out, all[i])
		}
		return out, nil
	})
	for n := int64(0); rows.Next(); n++ {
		var leaf []byte
		if err := rows.Scan(&leaf); err != nil {
			return err
		}
		hs, err := tlog.StoredHashesForRecordHash(n, telegram.EntryHash(leaf), reader)
		if err != nil {
			return err
		}
		for _, h := range hs {
			vals = append(vals, int64(len(all)), slices.Clone(h[:]))
			all = append(all, h)
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	if _, err := tx.Exec("delete from loghash"); err != nil {
		return err
	}
	return tx.Insert("loghash (idx, hash)", 2, vals, "")
}
