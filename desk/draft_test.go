package desk_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"chancery.example/chancery/desk"
	"chancery.example/chancery/store"
	"chancery.example/chancery/store/storetest"
	"chancery.example/chancery/telegram"
)

// morning is when most drafts change; the desk keeps milliseconds.
var morning = time.UnixMilli(1796636400123)

// write does fn in a transaction that must be kept.
func write(t testing.TB, db *store.DB, fn func(tx *store.Tx) error) {
	t.Helper()
	if err := db.Write(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// refused does fn in a transaction that must be refused with this error.
func refused(t testing.TB, db *store.DB, want error, fn func(tx *store.Tx) error) {
	t.Helper()
	if err := db.Write(t.Context(), fn); !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
}

// lay lays drafts of these precedences on the desk and gives their numbers.
func lay(t testing.TB, db *store.DB, ps ...telegram.Precedence) (ids []int64) {
	t.Helper()
	write(t, db, func(tx *store.Tx) error {
		for _, p := range ps {
			id, err := desk.NextID(tx)
			if err != nil {
				return err
			}
			ids = append(ids, id)
			if err := desk.Add(tx, &desk.Draft{ID: id, State: desk.Drafted, Precedence: p, Body: []byte("sealed"), Changed: morning}); err != nil {
				return err
			}
		}
		return nil
	})
	return ids
}

// release takes drafts as far as released.
func release(t testing.TB, db *store.DB, ids ...int64) {
	t.Helper()
	for _, id := range ids {
		write(t, db, func(tx *store.Tx) error {
			d, err := desk.Get(tx, id)
			if err != nil {
				return err
			}
			d.State = desk.HandedOver
			if err := desk.Move(tx, desk.Drafted, d); err != nil {
				return err
			}
			d.State = desk.Released
			return desk.Move(tx, desk.HandedOver, d)
		})
	}
}

func get(t testing.TB, db *store.DB, id int64) (d *desk.Draft) {
	t.Helper()
	write(t, db, func(tx *store.Tx) (err error) {
		d, err = desk.Get(tx, id)
		return err
	})
	return d
}

func numbers(t testing.TB, db *store.DB, list func(*store.Tx, int) ([]desk.Draft, error), limit int) (ids []int64) {
	t.Helper()
	write(t, db, func(tx *store.Tx) error {
		ds, err := list(tx, limit)
		for _, d := range ds {
			ids = append(ids, d.ID)
		}
		return err
	})
	return ids
}

func TestADraftOnItsWay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		id := lay(t, db, telegram.Routine)[0]
		want := desk.Draft{ID: id, State: desk.Drafted, Precedence: telegram.Routine, Body: []byte("sealed"), Changed: morning}
		same := func() {
			t.Helper()
			got := get(t, db, id)
			if got.State != want.State || got.Precedence != want.Precedence || !bytes.Equal(got.Body, want.Body) || !bytes.Equal(got.Root, want.Root) ||
				got.Of != want.Of || got.Held != want.Held || !got.Changed.Equal(want.Changed) {
				t.Errorf("the draft is\n%+v\nwant\n%+v", *got, want)
			}
		}
		same()
		want.State, want.Precedence, want.Body, want.Root, want.Changed = desk.HandedOver, telegram.Flash, []byte("signed once"), []byte("D"), morning.Add(time.Minute)
		write(t, db, func(tx *store.Tx) error { return desk.Move(tx, desk.Drafted, &want) })
		same()
		want.State, want.Body, want.Root, want.Changed = desk.Released, []byte("signed twice"), []byte("R"), morning.Add(2*time.Minute)
		write(t, db, func(tx *store.Tx) error { return desk.Move(tx, desk.HandedOver, &want) })
		same()
		want.Held = "the clock is wrong"
		write(t, db, func(tx *store.Tx) error { return desk.Hold(tx, id, want.Held) })
		same()
		want.State, want.Body, want.Of, want.Held, want.Changed = desk.Registered, nil, 77, "", morning.Add(3*time.Minute)
		write(t, db, func(tx *store.Tx) error { return desk.Number(tx, id, 77, want.Changed) })
		same()
	})
}

// Whatever state a draft is in, only the one next step is taken, and a refused one changes nothing.
func TestOnlyForward(t *testing.T) {
	states := []desk.State{desk.Drafted, desk.HandedOver, desk.Released, desk.Registered}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for at, state := range states {
			id := lay(t, db, telegram.Routine)[0]
			write(t, db, func(tx *store.Tx) error {
				d := &desk.Draft{ID: id, Precedence: telegram.Routine, Body: []byte("sealed"), Changed: morning}
				for i := range min(at, 2) {
					d.State = states[i+1]
					if err := desk.Move(tx, states[i], d); err != nil {
						return err
					}
				}
				if state == desk.Registered {
					return desk.Number(tx, id, 5, morning)
				}
				return nil
			})
			for i, from := range states {
				for j, to := range states {
					if i == at && j == at+1 && j < 3 {
						continue
					}
					err := db.Write(t.Context(), func(tx *store.Tx) error { return desk.Move(tx, from, &desk.Draft{ID: id, State: to}) })
					if err == nil {
						t.Errorf("a draft that is %s goes from %s to %s", state, from, to)
					}
					if step := j == i+1 && j < 3; step != errors.Is(err, desk.ErrState) {
						t.Errorf("%s, from %s to %s: %v", state, from, to, err)
					}
				}
			}
			if state != desk.Released {
				refused(t, db, desk.ErrState, func(tx *store.Tx) error { return desk.Number(tx, id, 6, morning) })
				refused(t, db, desk.ErrState, func(tx *store.Tx) error { return desk.Hold(tx, id, "no") })
			}
			if d := get(t, db, id); d.State != state || d.Held != "" {
				t.Errorf("after all that was refused it is %s, held %q, and was %s", d.State, d.Held, state)
			}
		}
	})
}

// Two people take the same step with what each has read: the first counts, the second is told.
func TestSomebodyWasFirst(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		id := lay(t, db, telegram.Routine)[0]
		mine, yours := get(t, db, id), get(t, db, id)
		mine.State, mine.Body = desk.HandedOver, []byte("mine")
		yours.State, yours.Body = desk.HandedOver, []byte("yours")
		write(t, db, func(tx *store.Tx) error { return desk.Move(tx, desk.Drafted, mine) })
		err := db.Write(t.Context(), func(tx *store.Tx) error { return desk.Move(tx, desk.Drafted, yours) })
		if !errors.Is(err, desk.ErrState) || !strings.Contains(err.Error(), "draft 1 is handed over") {
			t.Errorf("the second is told %v", err)
		}
		if d := get(t, db, id); string(d.Body) != "mine" {
			t.Errorf("the draft is %q", d.Body)
		}
	})
}

func TestNoSuchDraft(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for name, act := range map[string]func(tx *store.Tx) error{
			"get": func(tx *store.Tx) error { _, err := desk.Get(tx, 9); return err },
			"move": func(tx *store.Tx) error {
				return desk.Move(tx, desk.Drafted, &desk.Draft{ID: 9, State: desk.HandedOver})
			},
			"number": func(tx *store.Tx) error { return desk.Number(tx, 9, 1, morning) },
			"hold":   func(tx *store.Tx) error { return desk.Hold(tx, 9, "why") },
		} {
			t.Run(name, func(t *testing.T) { refused(t, db, desk.ErrNone, act) })
		}
		if ids := numbers(t, db, desk.List, 10); ids != nil {
			t.Errorf("an empty desk lists %v", ids)
		}
	})
}

// The most urgent first, of these the oldest; what is held waits until the note is taken away.
func TestNextAndList(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ids := lay(t, db, telegram.Routine, telegram.Flash, telegram.Deferred, telegram.Flash, telegram.Override, telegram.Routine, telegram.Flash)
		release(t, db, ids[6], ids[5], ids[4], ids[2], ids[1], ids[0]) // 4, a flash, is a draft still
		for limit, want := range map[int][]int64{10: {5, 2, 7, 1, 6, 3}, 2: {5, 2}, 0: nil} {
			if got := numbers(t, db, desk.Next, limit); !slices.Equal(got, want) {
				t.Errorf("next %d are %v, want %v", limit, got, want)
			}
		}
		write(t, db, func(tx *store.Tx) error { return errors.Join(desk.Hold(tx, 5, "void"), desk.Hold(tx, 6, "late")) })
		if got := numbers(t, db, desk.Next, 10); !slices.Equal(got, []int64{2, 7, 1, 3}) {
			t.Errorf("with two held the next are %v", got)
		}
		write(t, db, func(tx *store.Tx) error { return errors.Join(desk.Hold(tx, 5, ""), desk.Number(tx, 2, 1, morning)) })
		if got := numbers(t, db, desk.Next, 10); !slices.Equal(got, []int64{5, 7, 1, 3}) {
			t.Errorf("with one free again and one registered the next are %v", got)
		}
		if got := numbers(t, db, desk.List, 10); !slices.Equal(got, []int64{7, 6, 5, 4, 3, 1}) {
			t.Errorf("the list is %v", got)
		}
		if got := numbers(t, db, desk.List, 2); !slices.Equal(got, []int64{7, 6}) {
			t.Errorf("the newest two are %v", got)
		}
		if d := get(t, db, 6); d.Held != "late" {
			t.Errorf("6 is held: %q", d.Held)
		}
	})
}

// A number of a draft is never given twice, though the transaction that took the last is lost.
func TestNextID(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		undo := errors.New("undo")
		var lost, kept int64
		refused(t, db, undo, func(tx *store.Tx) (err error) {
			if lost, err = desk.NextID(tx); err != nil {
				return err
			}
			return undo
		})
		kept = lay(t, db, telegram.Routine)[0]
		if lost != kept || lay(t, db, telegram.Routine)[0] != kept+1 {
			t.Errorf("the lost number is %d, the next %d", lost, kept)
		}
		if desk.Place(kept) == desk.Place(kept+1) {
			t.Error("two drafts are kept in one place")
		}
	})
}
