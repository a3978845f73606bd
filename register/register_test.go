package register_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"chancery.example/chancery/register"
	"chancery.example/chancery/store"
	"chancery.example/chancery/store/storetest"
	"chancery.example/chancery/telegram"
)

// each runs fn on a desk of each engine.
func each(t *testing.T, fn func(t *testing.T, d *desk)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, db *store.DB) { fn(t, deskOn(t, db)) })
}

func TestSeriesAreGaplessOverManyBooks(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		next := uint32(1)
		for n := range 12 {
			err := d.book(t, func(tx *store.Tx, b *register.Book) error {
				for range n {
					got, err := enter(tx, b, []string{"PARIS", "BEIJING"}[next%2])
					if err != nil {
						return err
					}
					if got != next {
						t.Fatalf("took %d, want %d", got, next)
					}
					next++
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		r := d.whole(t, 66)
		if r.Checkpoints != 11 { // the empty book leaves nothing
			t.Errorf("%d checkpoints, want 11", r.Checkpoints)
		}
		if r.Series[year] != 66 || r.Series["serial PARIS"] != 33 || r.Series["serial BEIJING"] != 33 {
			t.Errorf("the series end at %v", r.Series)
		}
	})
}

// A transaction is lost, then kept but reported failed, then lost again; what was taken must be gapless all the same.
func TestBrokenTransactionsBurnNoNumber(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		broken := errors.New("broken")
		breakAt := store.Stage(0)
		d.db.Fault = func(s store.Stage) error {
			if s == breakAt {
				return broken
			}
			return nil
		}
		size := int64(0)
		for i, stage := range []store.Stage{0, store.BeforeCommit, 0, store.AfterCommit, store.BeforeCommit, store.AfterCommit, 0} {
			breakAt = stage
			err := d.send(t, "PARIS", "BEIJING", "PARIS")
			if (stage != 0) != errors.Is(err, broken) {
				t.Fatalf("book %d broken at %v: %v", i, stage, err)
			}
			if stage != store.BeforeCommit {
				size += 3
			}
			breakAt = 0
			d.whole(t, size)
		}
	})
}

func TestARefusedTransactionLeavesNothing(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		no := errors.New("no")
		err := d.book(t, func(tx *store.Tx, b *register.Book) error {
			if _, err := enter(tx, b, "PARIS"); err != nil {
				return err
			}
			return no
		})
		if !errors.Is(err, no) {
			t.Fatal(err)
		}
		d.whole(t, 0)
		d.mustSend(t, "PARIS")
		if r := d.whole(t, 1); r.Series[year] != 1 {
			t.Errorf("the first number is %d", r.Series[year])
		}
	})
}

func TestTwoProcessesOnOneDatabase(t *testing.T) {
	url := storetest.PostgresURL(t)
	const books, processes = 15, 3
	var wg sync.WaitGroup
	var d *desk
	for range processes {
		p := deskOn(t, storetest.Open(t, url, nil))
		d = p
		wg.Go(func() {
			for i := range books {
				if err := p.send(t, many(1+i%3)...); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	r := d.whole(t, books*processes*2)
	if r.Series[year] != books*processes*2 || r.Checkpoints != books*processes {
		t.Errorf("the series ends at %d after %d checkpoints", r.Series[year], r.Checkpoints)
	}
}

func TestContinue(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		goOn := func(last uint32) error {
			return d.book(t, func(_ *store.Tx, b *register.Book) error {
				if err := b.Continue(year, last); err != nil {
					return err
				}
				return says(b, telegram.EntryContinued, register.Taken{Series: year, Number: last, Base: true})
			})
		}
		if err := goOn(23342); err != nil {
			t.Fatal(err)
		}
		d.whole(t, 1)
		d.mustSend(t, "PARIS")
		if r := d.whole(t, 2); r.Series[year] != 23343 || r.Series["serial PARIS"] != 1 {
			t.Errorf("the series end at %v", r.Series)
		}
		if err := goOn(30000); err == nil {
			t.Error("a series was continued twice")
		}
		err := d.book(t, func(_ *store.Tx, b *register.Book) error { return b.Continue("serial PARIS", 2521) })
		if err == nil {
			t.Error("a series that began was continued")
		}
		d.whole(t, 2)
	})
}

func TestContinueInOneBook(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		err := d.book(t, func(_ *store.Tx, b *register.Book) error {
			if _, err := b.Take(year); err != nil {
				return err
			}
			return b.Continue(year, 100)
		})
		if err == nil {
			t.Error("a series that this book had begun was continued")
		}
		err = d.book(t, func(_ *store.Tx, b *register.Book) error { return b.Continue(year, 100) })
		if err == nil {
			t.Error("a series was continued without an entry that says so")
		}
		d.whole(t, 0)
		err = d.book(t, func(tx *store.Tx, b *register.Book) error {
			if err := b.Continue(year, 100); err != nil {
				return err
			}
			if err := says(b, telegram.EntryContinued, register.Taken{Series: year, Number: 100, Base: true}); err != nil {
				return err
			}
			if n, err := enter(tx, b, "PARIS"); err != nil || n != 101 {
				return fmt.Errorf("took %d: %w", n, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		d.whole(t, 2)
	})
}

func TestRefusals(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		err := d.book(t, func(_ *store.Tx, b *register.Book) error {
			_, err := b.Take(year)
			return err
		})
		if err == nil {
			t.Error("a number was kept without an entry")
		}
		for n := range 2 {
			err = d.db.Write(t.Context(), func(tx *store.Tx) error {
				b, err := register.Open(tx)
				if err != nil {
					return err
				}
				if _, err := enter(tx, b, "PARIS"); err != nil {
					return err
				}
				return b.Close(origin, d.signers[:n])
			})
			if err == nil {
				t.Errorf("a book was closed with %d signatures", n)
			}
		}
		d.whole(t, 0)
		err = d.book(t, func(_ *store.Tx, b *register.Book) error {
			if err := b.Continue(year, 1<<32-2); err != nil {
				return err
			}
			if n, err := b.Take(year); err != nil || n != 1<<32-1 {
				t.Errorf("the last number of a series is %d, %v", n, err)
			}
			_, err := b.Take(year)
			return err
		})
		if err == nil {
			t.Error("a series went over its end")
		}
		d.whole(t, 0)
	})
}

// Signing on top of a damaged log would make the damage the truth.
func TestNothingIsEnteredOnADamagedEdge(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		d.mustSend(t, many(5)...) // the edge is hash 6, over entries 0 to 3, and hash 7, of entry 4
		for _, damage := range []string{
			"delete from loghash where idx = 6",
			"update loghash set hash = (select hash from loghash where idx = 0) where idx = 6",
			"update loghash set hash = (select hash from loghash where idx = 0) where idx = 7",
			"delete from loghash where idx = 7",
			"delete from checkpoint where size = 5",
			"update checkpoint set note = 'x' || note",
			"update head set size = 4",
			"delete from head",
		} {
			err := d.db.Write(t.Context(), func(tx *store.Tx) error {
				if _, err := tx.Exec(damage); err != nil {
					t.Fatal(err)
				}
				b, err := register.Open(tx)
				if err != nil {
					return err
				}
				if _, err := enter(tx, b, "PARIS"); err != nil {
					return err
				}
				if err := b.Close(origin, d.signers); err != nil {
					return err
				}
				t.Errorf("a book was signed after %q", damage)
				return errUndo
			})
			if err == nil {
				t.Error("a refused book was kept")
			}
		}
		d.mustSend(t, "PARIS")
		d.whole(t, 6)
	})
}

func TestKnownAndRemember(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		draft, release, other := telegram.Root{1}, telegram.Root{2}, telegram.Root{3}
		err := d.db.Write(t.Context(), func(tx *store.Tx) error { return register.Remember(tx, 12, draft, release) })
		if err != nil {
			t.Fatal(err)
		}
		known := func(r telegram.Root, want int64) {
			t.Helper()
			err := d.db.Read(t.Context(), func(tx *store.Tx) error {
				of, ok, err := register.Known(tx, r)
				if of != want || ok != (want != 0) {
					t.Errorf("%x: known %v as %d, want %d", r[:1], ok, of, want)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		known(draft, 12)
		known(release, 12)
		known(other, 0)
		for _, again := range [][2]telegram.Root{{draft, other}, {other, release}} {
			err := d.db.Write(t.Context(), func(tx *store.Tx) error { return register.Remember(tx, 13, again[0], again[1]) })
			if err == nil {
				t.Error("a root was taken under another number")
			}
		}
		known(release, 12)
		known(other, 0)
	})
}

func BenchmarkRegister(b *testing.B) {
	for _, size := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("book=%d", size), func(b *testing.B) {
			d := deskOn(b, storetest.SQLite(b))
			leaf := leafOf([]byte("a telegram"))
			for b.Loop() {
				err := d.book(b, func(_ *store.Tx, k *register.Book) error {
					for range size {
						if _, err := k.Take(year); err != nil {
							return err
						}
						if _, err := k.Enter(telegram.EntryOut, leaf, 1, noon); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}
