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

// What is cancelled ends, unless a report has ended it or ends it later: what is done is done, and both sides say so.
func TestCancelled(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ask(t, db, desk.Duty{Of: 1, Post: "LIMA", Act: desk.Receipt}, desk.Duty{Of: 1, Post: "LIMA", Act: desk.Fulfilment}, desk.Duty{Of: 1, Post: "OSLO", Act: desk.Fulfilment})
		end := desk.Duty{Of: 1, Post: "LIMA", Act: desk.Fulfilment, Asked: true, Done: morning, By: 50, Ended: desk.Cancelled}
		others := []desk.Duty{{Of: 1, Post: "LIMA", Act: desk.Receipt, Asked: true}, {Of: 1, Post: "OSLO", Act: desk.Fulfilment, Asked: true}}
		enter(t, db, deed(telegram.Corrects, 1, 0), deed(telegram.Repeats, 2, 0), deed(telegram.Readdresses, 0, 0), deed(telegram.Cancels, 5, 0), deed(telegram.Cancels, 6, 0))
		expect(t, db, 1, end, others[0], others[1])
		enter(t, db, deed(telegram.Cancels, 4, 0), deed(telegram.Cancels, 4, 0), deed(telegram.PartFulfils, 1, 0))
		end.By = 40
		expect(t, db, 1, end, others[0], others[1])
		enter(t, db, deed(telegram.Fulfils, 9, 0))
		end.By, end.Ended = 90, desk.Done
		expect(t, db, 1, end, others[0], others[1])
		enter(t, db, deed(telegram.Cancels, 3, 0))
		expect(t, db, 1, end, others[0], others[1])
		enter(t, db, &desk.Deed{Of: 2, Post: "LIMA", Act: telegram.Cancels, By: 10, Serial: 1})
		expect(t, db, 2) // it asked nothing
	})
}

func TestWhatOvertookWaits(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		early := func(serial uint32, act telegram.Act, own uint32, root byte) *desk.Early {
			return &desk.Early{Post: "MOSCOW", Serial: serial, Root: telegram.Root{root}, Deed: desk.Deed{Act: act, By: int64(own) * 10, Serial: own, At: morning.Unix()}}
		}
		grant := early(8, telegram.GrantsTime, 9, 1)
		grant.Deed.Until = 400
		for _, e := range []*desk.Early{early(8, telegram.Repeats, 12, 1), early(8, telegram.Cancels, 11, 1), early(5, telegram.Cancels, 11, 1), grant, early(6, telegram.GrantsTime, 11, 3)} {
			for range 2 {
				write(t, db, func(tx *store.Tx) error { return desk.Wait(tx, e) })
			}
		}
		waited := func(serial uint32, want ...*desk.Early) {
			t.Helper()
			var got []desk.Early
			write(t, db, func(tx *store.Tx) (err error) {
				got, err = desk.Waited(tx, "MOSCOW", serial)
				return err
			})
			if !slices.EqualFunc(got, want, func(a desk.Early, b *desk.Early) bool { return a == *b }) {
				t.Errorf("for serial %d waited %+v", serial, got)
			}
		}
		waits := func(want bool) {
			t.Helper()
			write(t, db, func(tx *store.Tx) error {
				got, err := desk.Waits(tx, 110, telegram.Cancels)
				if got != want {
					t.Errorf("the cancel waits: %v", got)
				}
				return err
			})
		}
		waited(7)
		waited(8, grant, early(8, telegram.Cancels, 11, 1), early(8, telegram.Repeats, 12, 1))
		waited(8)
		waits(true)
		write(t, db, func(tx *store.Tx) error { return desk.Settle(tx, 110, telegram.Cancels) })
		waits(false)
		waited(5)
		waited(6, early(6, telegram.GrantsTime, 11, 3)) // another act of the same telegram waits on
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
