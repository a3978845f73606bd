package store_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"chancery.example/chancery/store"
	"chancery.example/chancery/store/storetest"
)

// opened opens a database and makes in it the one table of these tests, which know nothing of the schema.
func opened(t *testing.T, url string, key []byte) *store.DB {
	t.Helper()
	db := storetest.Open(t, url, key)
	tally(t, db)
	return db
}

func tally(t *testing.T, db *store.DB) {
	t.Helper()
	write(t, db, func(tx *store.Tx) error {
		_, err := tx.Exec(`create table if not exists tally(name text primary key, next bigint not null)`)
		return err
	})
}

// each runs fn on both engines.
func each(t *testing.T, fn func(t *testing.T, db *store.DB)) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		tally(t, db)
		fn(t, db)
	})
}

// put writes one row.
func put(name string, next int) func(*store.Tx) error {
	return func(t *store.Tx) error {
		_, err := t.Exec(`insert into tally(name, next) values($1, $2)`, name, next)
		return err
	}
}

func count(t *testing.T, db *store.DB) (n int) {
	t.Helper()
	err := db.Read(t.Context(), func(tx *store.Tx) error {
		return tx.QueryRow(`select count(*) from tally`).Scan(&n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func write(t *testing.T, db *store.DB, fn func(*store.Tx) error) {
	t.Helper()
	if err := db.Write(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

func TestWriteKeepsOnlyWhatSucceeds(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		write(t, db, put("PARIS", 1))
		no := errors.New("no")
		err := db.Write(t.Context(), func(tx *store.Tx) error {
			if err := put("ROME", 1)(tx); err != nil {
				return err
			}
			return no
		})
		if err != no {
			t.Errorf("got %v, want the function's own error", err)
		}
		func() {
			defer func() {
				if r := recover(); r != "in the middle" {
					t.Errorf("recovered %v, want the function's own panic", r)
				}
			}()
			db.Write(t.Context(), func(tx *store.Tx) error {
				if err := put("BERLIN", 1)(tx); err != nil {
					t.Error(err)
				}
				panic("in the middle")
			})
		}()
		done := make(chan struct{})
		go func() { // as t.FailNow in a function under test does
			defer close(done)
			db.Write(t.Context(), func(tx *store.Tx) error {
				put("MADRID", 1)(tx)
				runtime.Goexit()
				return nil
			})
		}()
		<-done
		if n := count(t, db); n != 1 {
			t.Errorf("%d rows, want only what was committed", n)
		}
		write(t, db, put("OSLO", 1))
	})
}

func TestFaults(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		cut := errors.New("power cut")
		for i, c := range []struct {
			stage store.Stage
			kept  int
		}{{store.BeforeCommit, 0}, {store.AfterCommit, 1}} {
			before := count(t, db)
			db.Fault = func(s store.Stage) error {
				if s == c.stage {
					return cut
				}
				return nil
			}
			if err := db.Write(t.Context(), put(fmt.Sprint(i), 1)); !errors.Is(err, cut) {
				t.Errorf("%v: got %v, want the fault", c.stage, err)
			}
			db.Fault = nil
			if got := count(t, db) - before; got != c.kept {
				t.Errorf("%v: %d rows kept, want %d", c.stage, got, c.kept)
			}
		}
	})
}

func TestReadIsASnapshotAndChangesNothing(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		err := db.Read(t.Context(), func(tx *store.Tx) error {
			var before, after int
			if err := tx.QueryRow(`select count(*) from tally`).Scan(&before); err != nil {
				return err
			}
			write(t, db, put("PARIS", 1)) // a reader does not hold a writer up, nor a writer a reader
			if err := tx.QueryRow(`select count(*) from tally`).Scan(&after); err != nil {
				return err
			}
			if before != 0 || after != 0 {
				t.Errorf("one transaction saw %d, then %d rows", before, after)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		if err := db.Read(t.Context(), put("ROME", 1)); err == nil {
			t.Error("a read transaction wrote")
		}
		err = db.Write(t.Context(), func(tx *store.Tx) error {
			if err := put("ROME", 1)(tx); err != nil {
				return err
			}
			if n := count(t, db); n != 1 {
				t.Errorf("a reader saw %d rows, of which one was not committed", n)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		write(t, db, put("OSLO", 1))
	})
}

func TestManyWritersAndReaders(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		write(t, db, put("PARIS", 0))
		const workers, each = 8, 25
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				for range each {
					err := db.Write(t.Context(), func(tx *store.Tx) error {
						var next int // reading first, then writing, is what loses updates when two write at once
						if err := tx.QueryRow(`select next from tally where name = $1`, "PARIS").Scan(&next); err != nil {
							return err
						}
						_, err := tx.Exec(`update tally set next = $2 where name = $1`, "PARIS", next+1)
						return err
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
			wg.Go(func() {
				last := 0
				for range each {
					var next int
					err := db.Read(t.Context(), func(tx *store.Tx) error {
						return tx.QueryRow(`select next from tally where name = $1`, "PARIS").Scan(&next)
					})
					if err != nil || next < last {
						t.Errorf("read %d after %d: %v", next, last, err)
					}
					last = next
				}
			})
		}
		wg.Wait()
		var next int
		write(t, db, func(tx *store.Tx) error { return tx.QueryRow(`select next from tally`).Scan(&next) })
		if next != workers*each {
			t.Errorf("counted to %d, want %d: updates were lost", next, workers*each)
		}
	})
}

func TestEndedContext(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		write(t, db, func(*store.Tx) error { // a second writer waits, and gives up when its context ends
			if err := db.Write(ctx, put("PARIS", 1)); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v, want the context's end", err)
			}
			return nil
		})
		ctx, cancel = context.WithCancel(t.Context())
		err := db.Write(ctx, func(tx *store.Tx) error {
			if err := put("ROME", 1)(tx); err != nil {
				return err
			}
			cancel()
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want the context's end", err)
		}
		if n := count(t, db); n != 0 {
			t.Errorf("%d rows, want none", n)
		}
		write(t, db, put("OSLO", 1))
	})
}

func TestClosed(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		db.Wake(t.Context(), "x")
		for range 2 {
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		}
		if err := db.Write(t.Context(), put("PARIS", 1)); err == nil {
			t.Error("wrote to a closed database")
		}
		select {
		case <-db.Wake(t.Context(), "x"):
			t.Error("a closed database woke")
		default:
		}
	})
}

// A connection whose transaction outlives the pool closes after it, and harms nothing: this once panicked.
func TestClosedUnderATransaction(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		write(t, db, put("OSLO", 1))
		err := db.Write(t.Context(), func(tx *store.Tx) error {
			if err := put("PARIS", 1)(tx); err != nil {
				return err
			}
			return db.Close()
		})
		if err != nil {
			t.Error(err)
		}
	})
}
