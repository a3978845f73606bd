package directory

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"chancery.example/chancery/store"
	"chancery.example/chancery/store/storetest"
)

// adopt adopts in a transaction of its own.
func adopt(db *store.DB, d *Directory, at time.Time) error {
	return db.Write(context.Background(), func(tx *store.Tx) error {
		a, err := Adopt(tx, d, at)
		if err == nil && a.Fresh {
			err = Entered(tx, a.Version, 10*a.Version)
		}
		return err
	})
}

// kept is what the post has: its newest list, or that version of it.
func kept(t *testing.T, db *store.DB, version int64) (d *Directory, err error) {
	t.Helper()
	readErr := db.Read(context.Background(), func(tx *store.Tx) error {
		if d, _, err = Newest(tx); version != 0 && (err == nil || errors.Is(err, ErrNone)) {
			d, err = At(tx, d, version)
		}
		return nil
	})
	if readErr != nil {
		t.Fatal(readErr)
	}
	return d, err
}

func same(t *testing.T, db *store.DB, version int64, want *Directory) {
	t.Helper()
	got, err := kept(t, db, version)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Marshal(), want.Marshal()) {
		t.Errorf("kept is a list of %d by %v, not of %d by %v", got.Size(), got.Signers(now()), want.Size(), want.Signers(now()))
	}
}

func TestAdopt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		old := sign(t, whole(t), now(), 1, 2)
		longer := build(t, old, office("CONSUL@BEIJING"))
		if _, err := kept(t, db, 0); !errors.Is(err, ErrNone) {
			t.Errorf("before any: %v", err)
		}
		if _, err := kept(t, db, 1); !errors.Is(err, ErrNone) {
			t.Errorf("before any: %v", err)
		}
		if err := adopt(db, whole(t), now()); !errors.Is(err, ErrUnsigned) {
			t.Errorf("unsigned: %v", err)
		}
		if err := adopt(db, old, now()); err != nil {
			t.Fatal(err)
		}
		same(t, db, 0, old)
		if err := adopt(db, sign(t, longer, now(), 3), now()); !errors.Is(err, ErrUnsigned) {
			t.Errorf("signed by one: %v", err)
		}

		// Signed anew, the same list is newer; an older signing does not come back.
		anew := sign(t, old, now().Add(week), 1, 3)
		for _, d := range []*Directory{old, anew, old, anew} {
			if err := adopt(db, d, now().Add(week)); err != nil {
				t.Fatal(err)
			}
		}
		same(t, db, 0, anew)

		longer = sign(t, longer, now().Add(week), 2, 3)
		if err := adopt(db, longer, now().Add(2*Fresh)); err != nil {
			t.Errorf("a stale one: %v", err)
		}
		same(t, db, 0, longer)
		same(t, db, 2, longer)
		same(t, db, 1, anew)
		if _, err := kept(t, db, 3); !errors.Is(err, ErrNone) {
			t.Errorf("of a version never adopted: %v", err)
		}
		if _, err := kept(t, db, -1); !errors.Is(err, ErrNone) {
			t.Errorf("of a version that never was: %v", err)
		}

		for _, c := range []struct {
			d    *Directory
			want error
		}{
			{old, ErrRollback},
			{sign(t, build(t, old, office("CLERK@BEIJING")), now(), 1, 2), ErrFork},
			{sign(t, build(t, old, office("CLERK@BEIJING"), office("CONSUL@BEIJING")), now(), 1, 2), ErrFork},
			{sign(t, build(t, empty(), rootOf(1, 1)), now(), 1), ErrFork},
		} {
			if err := adopt(db, c.d, now().Add(week)); !errors.Is(err, c.want) {
				t.Errorf("after %d statements, %d: %v", longer.Size(), c.d.Size(), err)
			}
			same(t, db, 0, longer)
		}
	})
}

// The write is broken twice: once it is lost, once it is kept but said to have failed.
func TestAdoptBroken(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		old := sign(t, whole(t), now(), 1, 2)
		longer := sign(t, build(t, old, office("CONSUL@BEIJING")), now(), 1, 2)
		if err := adopt(db, old, now()); err != nil {
			t.Fatal(err)
		}
		broken := errors.New("broken")
		err := db.Write(context.Background(), func(tx *store.Tx) error {
			if _, err := Adopt(tx, longer, now()); err != nil {
				t.Error(err)
			}
			return broken
		})
		if !errors.Is(err, broken) {
			t.Fatal(err)
		}
		same(t, db, 0, old)
		for range 2 { // the second time because nobody told that the first was kept
			if err := adopt(db, longer, now()); err != nil {
				t.Fatal(err)
			}
			same(t, db, 0, longer)
			same(t, db, 1, old)
		}
	})
}

// What was changed in the database is noticed.
func TestChangedUnderneath(t *testing.T) {
	old := sign(t, whole(t), now(), 1, 2)
	longer := sign(t, build(t, old, office("CONSUL@BEIJING")), now(), 1, 2)
	for name, change := range map[string]string{
		"older checkpoint": `update adoption set file = (select file from adoption where size = 13) where size = 12`,
		"newest file":      `update adoption set file = (select file from adoption where size = 12) where size = 13`,
	} {
		db := storetest.SQLite(t)
		for _, d := range []*Directory{old, longer} {
			if err := adopt(db, d, now()); err != nil {
				t.Fatal(err)
			}
		}
		err := db.Write(context.Background(), func(tx *store.Tx) error {
			_, err := tx.Exec(change)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := kept(t, db, 1); err == nil {
			t.Errorf("%s: not noticed", name)
		}
	}
}
