package desk_test

import (
	"slices"
	"testing"
	"time"

	"chancery.example/chancery/desk"
	"chancery.example/chancery/store"
	"chancery.example/chancery/store/storetest"
	"chancery.example/chancery/telegram"
)

// deed is one of LIMA's order 1. Its telegram has the serial's number tenfold.
func deed(act telegram.Act, serial uint32, until int64) *desk.Deed {
	return &desk.Deed{Of: 1, Post: "LIMA", Act: act, By: int64(serial) * 10, Serial: serial, At: morning.Unix() + int64(serial), Until: until}
}

func enter(t testing.TB, db *store.DB, ds ...*desk.Deed) {
	t.Helper()
	write(t, db, func(tx *store.Tx) error {
		for _, d := range ds {
			if err := desk.Enter(tx, d, morning); err != nil {
				return err
			}
		}
		return nil
	})
}

func TestDeedsAreKeptInOrder(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ask(t, db, desk.Duty{Of: 1, Post: "LIMA", Act: desk.Fulfilment})
		want := []*desk.Deed{deed(telegram.Acknowledges, 1, 0), deed(telegram.AsksTime, 2, 77), deed(telegram.PartFulfils, 3, 0), deed(telegram.Conveys, 4, 0)}
		enter(t, db, want[3], want[1], want[0], want[2], want[2], want[1])
		var got []desk.Deed
		write(t, db, func(tx *store.Tx) (err error) {
			got, err = desk.Deeds(tx, 1)
			return err
		})
		if !slices.EqualFunc(got, want, func(a desk.Deed, b *desk.Deed) bool { return a == *b }) {
			t.Errorf("the deeds are %+v", got)
		}
		expect(t, db, 1, desk.Duty{Of: 1, Post: "LIMA", Act: desk.Acknowledgement, Done: morning, By: 10},
			desk.Duty{Of: 1, Post: "LIMA", Act: desk.Fulfilment, Asked: true})
	})
}

// The first that closes an order by its serial counts, whichever came first.
func TestTheFirstOfTwoEndsCounts(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ask(t, db, desk.Duty{Of: 1, Post: "LIMA", Act: desk.Fulfilment})
		end := desk.Duty{Of: 1, Post: "LIMA", Act: desk.Fulfilment, Asked: true, Done: morning}
		enter(t, db, deed(telegram.Fulfils, 5, 0))
		end.By, end.Ended = 50, desk.Done
		expect(t, db, 1, end)
		enter(t, db, deed(telegram.CannotComply, 7, 0))
		expect(t, db, 1, end)
		enter(t, db, deed(telegram.CannotComply, 3, 0))
		end.By, end.Ended = 30, desk.CannotComply
		expect(t, db, 1, end)
		enter(t, db, deed(telegram.CannotComply, 3, 0), deed(telegram.Fulfils, 4, 0))
		expect(t, db, 1, end)
	})
}

func TestTheLatestGrantCounts(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		duties := []desk.Duty{{Of: 1, Post: "BEIJING", Act: desk.Fulfilment, Asked: true, Due: 100}, {Of: 1, Post: "LIMA", Act: desk.Fulfilment, Asked: true, Due: 100}}
		ask(t, db, duties...)
		enter(t, db, deed(telegram.GrantsTime, 4, 400))
		duties[1].Due = 400
		expect(t, db, 1, duties...)
		enter(t, db, deed(telegram.GrantsTime, 3, 900), deed(telegram.AsksTime, 8, 1000))
		expect(t, db, 1, duties...)
	})
}

func TestGrantsWaitForTheirOrder(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		grant := desk.Deed{Act: telegram.GrantsTime, By: 90, Serial: 9, At: morning.Unix(), Until: 400}
		e := desk.Early{Post: "MOSCOW", Serial: 8, Root: telegram.Root{1}, Grant: grant}
		write(t, db, func(tx *store.Tx) error { return desk.Wait(tx, &e) })
		write(t, db, func(tx *store.Tx) error { return desk.Wait(tx, &e) })
		waited := func(serial uint32) (got []desk.Early) {
			write(t, db, func(tx *store.Tx) (err error) {
				got, err = desk.Waited(tx, "MOSCOW", serial)
				return err
			})
			return got
		}
		if got := waited(7); len(got) != 0 {
			t.Errorf("for another serial waited %+v", got)
		}
		if got := waited(8); len(got) != 1 || got[0] != e {
			t.Errorf("there waited %+v", got)
		}
		if got := waited(8); len(got) != 0 {
			t.Errorf("what was taken waits still: %+v", got)
		}
	})
}

func TestNoDeedOfAnUnknownKind(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for _, act := range []telegram.Act{telegram.Refers, 99} {
			if err := db.Write(t.Context(), func(tx *store.Tx) error { return desk.Enter(tx, deed(act, 1, 0), time.Time{}) }); err == nil {
				t.Errorf("%s is kept as a deed", act)
			}
		}
	})
}
