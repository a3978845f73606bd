package desk_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"chancery.example/chancery/desk"
	"chancery.example/chancery/store"
	"chancery.example/chancery/store/storetest"
)

var copyStates = []desk.CopyState{desk.Made, desk.Given, desk.Transferred, desk.Returned, desk.Destroyed}

// TestCopyMoves has the whole table: a row is where a copy is, a column where it may go, in the order of copyStates.
func TestCopyMoves(t *testing.T) {
	for i, row := range []string{"-g--d", "-gtrd", "-gtrd", "----d", "-----"} {
		for j, next := range copyStates {
			if err := copyStates[i].May(next); (err == nil) != (row[j] != '-') {
				t.Errorf("from %s to %s: %v", copyStates[i], next, err)
			}
		}
		if copyStates[i].Held() != (i < 3) {
			t.Errorf("%s: held %v", copyStates[i], copyStates[i].Held())
		}
	}
}

func TestCopiesAreKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		now := time.UnixMilli(1_800_000_000_123)
		write := func(fn func(tx *store.Tx) error) error { return db.Write(context.Background(), fn) }
		var cs []desk.Copy
		for i, s := range copyStates {
			cs = append(cs, desk.Copy{Of: 7, Number: i + 1, Holder: int64(i), State: s, Sealed: []byte{byte(i)}, Changed: now, Entry: int64(10 + i)})
		}
		if err := write(func(tx *store.Tx) error { return desk.AddCopies(tx, cs) }); err != nil {
			t.Fatal(err)
		}
		if err := write(func(tx *store.Tx) error { return desk.AddCopies(tx, cs[:1]) }); err == nil {
			t.Error("copy 1 is kept twice")
		}
		moved := cs[1]
		moved.State, moved.Holder, moved.Entry, moved.Sealed = desk.Returned, 9, 20, []byte{}
		if err := write(func(tx *store.Tx) error { return desk.MoveCopy(tx, 11, &moved) }); err != nil {
			t.Error(err)
		}
		if err := write(func(tx *store.Tx) error { return desk.MoveCopy(tx, 11, &moved) }); !errors.Is(err, desk.ErrState) {
			t.Errorf("it is moved twice from one act: %v", err)
		}
		err := db.Read(context.Background(), func(tx *store.Tx) error {
			got, err := desk.Copies(tx, 7)
			if err != nil {
				return err
			}
			if x := got[1]; len(got) != 5 || x.State != desk.Returned || x.Holder != 9 || x.Entry != 20 || len(x.Sealed) != 0 || !x.Changed.Equal(now) {
				t.Errorf("%+v", got)
			}
			if n := desk.CountCopies(got); n != (desk.Tally{Made: 5, Held: 2, Returned: 2, Destroyed: 1}) {
				t.Errorf("they are counted as %+v", n)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestHoldersAreKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for n := range 2 {
			err := db.Write(context.Background(), func(tx *store.Tx) error {
				id, err := desk.NextHolder(tx)
				if err != nil {
					return err
				}
				if id != int64(n+1) {
					t.Errorf("the number is %d", id)
				}
				return desk.AddHolder(tx, &desk.Holder{ID: id, Body: []byte{byte(id)}, Entry: 5})
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		err := db.Read(context.Background(), func(tx *store.Tx) error {
			hs, err := desk.Holders(tx)
			if err == nil && (len(hs) != 2 || hs[1].ID != 2 || hs[1].Body[0] != 2 || hs[1].Entry != 5) {
				t.Errorf("%+v", hs)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
