package desk_test

import (
	"slices"
	"testing"
	"time"

	"chancery.example/chancery/desk"
	"chancery.example/chancery/store"
	"chancery.example/chancery/store/storetest"
)

func duties(t testing.TB, db *store.DB, of int64) (ds []desk.Duty) {
	t.Helper()
	write(t, db, func(tx *store.Tx) (err error) {
		ds, err = desk.Duties(tx, of)
		return err
	})
	return ds
}

func expect(t testing.TB, db *store.DB, of int64, want ...desk.Duty) {
	t.Helper()
	same := func(a, b desk.Duty) bool {
		at := a.Done.Equal(b.Done)
		if !b.Done.IsZero() && b.Ended == "" {
			b.Ended = desk.Done // the usual end
		}
		a.Done, b.Done = time.Time{}, time.Time{}
		return at && a == b
	}
	if got := duties(t, db, of); !slices.EqualFunc(got, want, same) {
		t.Errorf("the duties of %d are\n%+v\nwant\n%+v", of, got, want)
	}
}

func ask(t testing.TB, db *store.DB, ds ...desk.Duty) {
	t.Helper()
	write(t, db, func(tx *store.Tx) error { return desk.Ask(tx, ds) })
}

func did(t testing.TB, db *store.DB, of int64, post string, act desk.Act, by int64, at time.Time) {
	t.Helper()
	write(t, db, func(tx *store.Tx) error { return desk.Did(tx, of, post, act, by, at) })
}

func TestAskedThenDone(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ask(t, db)
		expect(t, db, 1)
		due := morning.Unix() + 3600
		ask(t, db, desk.Duty{Of: 1, Post: "LIMA", Act: desk.Receipt}, desk.Duty{Of: 1, Post: "LIMA", Act: desk.Fulfilment, Due: due},
			desk.Duty{Of: 1, Post: "BEIJING", Act: desk.Fulfilment, Due: due}, desk.Duty{Of: 2, Post: "LIMA", Act: desk.Fulfilment})
		open := []desk.Duty{{Of: 1, Post: "BEIJING", Act: desk.Fulfilment, Asked: true, Due: due},
			{Of: 1, Post: "LIMA", Act: desk.Fulfilment, Asked: true, Due: due}, {Of: 1, Post: "LIMA", Act: desk.Receipt, Asked: true}}
		expect(t, db, 1, open...)
		did(t, db, 1, "LIMA", desk.Receipt, 0, morning)
		did(t, db, 1, "LIMA", desk.Fulfilment, 33, morning.Add(time.Hour))
		open[1].Done, open[1].By, open[2].Done = morning.Add(time.Hour), 33, morning
		expect(t, db, 1, open...)
		expect(t, db, 2, desk.Duty{Of: 2, Post: "LIMA", Act: desk.Fulfilment, Asked: true})
	})
}

func TestTheFirstTimeCounts(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ask(t, db, desk.Duty{Of: 1, Post: "LIMA", Act: desk.Fulfilment})
		did(t, db, 1, "LIMA", desk.Fulfilment, 33, morning)
		did(t, db, 1, "LIMA", desk.Fulfilment, 44, morning.Add(time.Hour))
		did(t, db, 1, "LIMA", desk.Fulfilment, 22, morning.Add(-time.Hour))
		did(t, db, 1, "LIMA", desk.Receipt, 0, morning)
		did(t, db, 1, "LIMA", desk.Receipt, 9, morning.Add(time.Hour)) // whoever did it first did it by nothing
		expect(t, db, 1, desk.Duty{Of: 1, Post: "LIMA", Act: desk.Fulfilment, Asked: true, Done: morning, By: 33},
			desk.Duty{Of: 1, Post: "LIMA", Act: desk.Receipt, Done: morning})
	})
}

// What a post does of its own accord is kept too, and asks nothing of it.
func TestDoneUnasked(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		did(t, db, 1, "LIMA", desk.Acknowledgement, 33, morning)
		expect(t, db, 1, desk.Duty{Of: 1, Post: "LIMA", Act: desk.Acknowledgement, Done: morning, By: 33})
	})
}

// On the circuits a report can come before the order it reports on is worked through: asking then keeps what was done.
func TestDoneBeforeAsked(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		due := morning.Unix() + 60
		did(t, db, 1, "LIMA", desk.Fulfilment, 33, morning)
		ask(t, db, desk.Duty{Of: 1, Post: "LIMA", Act: desk.Fulfilment, Due: due}, desk.Duty{Of: 1, Post: "LIMA", Act: desk.Receipt})
		expect(t, db, 1, desk.Duty{Of: 1, Post: "LIMA", Act: desk.Fulfilment, Asked: true, Due: due, Done: morning, By: 33},
			desk.Duty{Of: 1, Post: "LIMA", Act: desk.Receipt, Asked: true})
		ask(t, db, desk.Duty{Of: 1, Post: "LIMA", Act: desk.Fulfilment, Due: due + 5})
		expect(t, db, 1, desk.Duty{Of: 1, Post: "LIMA", Act: desk.Fulfilment, Asked: true, Due: due + 5, Done: morning, By: 33},
			desk.Duty{Of: 1, Post: "LIMA", Act: desk.Receipt, Asked: true})
	})
}

func TestAnUnknownActIsRefused(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for _, fn := range []func(tx *store.Tx) error{
			func(tx *store.Tx) error { return desk.Did(tx, 1, "LIMA", "applause", 0, morning) },
			func(tx *store.Tx) error { return desk.Ask(tx, []desk.Duty{{Of: 1, Post: "LIMA", Act: "applause"}}) },
		} {
			if err := db.Write(t.Context(), fn); err == nil {
				t.Error("applause is kept as a duty")
			}
		}
		expect(t, db, 1)
	})
}
