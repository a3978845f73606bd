package store_test

import (
	"context"
	"errors"
	"testing"

	"chancery.example/chancery/store"
	"chancery.example/chancery/store/storetest"
)

// put writes one row into the only table the tests need.
func put(name string, next int) func(*store.Tx) error {
	return func(t *store.Tx) error {
		_, err := t.Exec(`insert into series(name, next) values($1, $2)`, name, next)
		return err
	}
}

func count(t *testing.T, db *store.DB) (n int) {
	t.Helper()
	err := db.Read(t.Context(), func(tx *store.Tx) error {
		return tx.QueryRow(`select count(*) from series`).Scan(&n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestWriteKeepsOnlyWhatSucceeds(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		if err := db.Write(ctx, put("PARIS", 1)); err != nil {
			t.Fatal(err)
		}
		no := errors.New("no")
		err := db.Write(ctx, func(tx *store.Tx) error {
			if err := put("ROME", 1)(tx); err != nil {
				return err
			}
			return no
		})
		if !errors.Is(err, no) {
			t.Errorf("got %v, want the function's own error", err)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was swallowed")
				}
			}()
			db.Write(ctx, func(tx *store.Tx) error {
				if err := put("BERLIN", 1)(tx); err != nil {
					t.Error(err)
				}
				panic("in the middle")
			})
		}()
		if n := count(t, db); n != 1 {
			t.Errorf("%d rows, want only what was committed", n)
		}
		if err := db.Write(ctx, put("OSLO", 1)); err != nil {
			t.Errorf("after a panic: %v", err)
		}
	})
}
