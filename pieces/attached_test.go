package pieces

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"chancery.example/chancery/store"
	"chancery.example/chancery/store/storetest"
	"chancery.example/chancery/telegram"
)

var evening = time.UnixMilli(1796636400123)

// table is a database on which a test writes.
type table struct {
	*testing.T
	db *store.DB
}

func tables(t *testing.T, fn func(t *table)) {
	storetest.Each(t, func(t *testing.T, db *store.DB) { fn(&table{t, db}) })
}

func (t *table) write(fn func(tx *store.Tx) error) {
	t.Helper()
	if err := t.db.Write(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

func (t *table) refused(why string, fn func(tx *store.Tx) error) {
	t.Helper()
	if err := t.db.Write(t.Context(), fn); err == nil || !strings.Contains(err.Error(), why) {
		t.Errorf("got %v, want a refusal that says %q", err, why)
	}
}

// add enters an attachment of n pieces in a state, and gives its number.
func (t *table) add(state State, n int, edit func(*Attached)) (id int64) {
	t.Helper()
	t.write(func(tx *store.Tx) (err error) {
		if id, err = NextID(tx); err != nil {
			return err
		}
		a := Attached{ID: id, Post: "OSLO", Precedence: telegram.Priority, Body: []byte("sealed"), Pieces: n, State: state, Changed: evening}
		if edit != nil {
			edit(&a)
		}
		return Add(tx, a)
	})
	return id
}

func (t *table) get(id int64) (a *Attached) {
	t.Helper()
	t.write(func(tx *store.Tx) (err error) { a, err = Get(tx, id); return err })
	return a
}

func digest(n int) Digest { return DigestOf(piece(n)) }

func TestWhatIsComing(t *testing.T) {
	tables(t, func(t *table) {
		id := t.add(Coming, 3, func(a *Attached) { a.Of, a.K, a.Why = 7, 1, "" })
		other := t.add(Coming, 1, func(a *Attached) { a.Of, a.K, a.Precedence, a.Post = 8, 1, telegram.Flash, "LIMA" })
		for _, p := range []telegram.Precedence{telegram.Flash, telegram.Routine, telegram.Deferred} { // of each post the first alone
			t.add(Coming, 1, func(a *Attached) { a.Of, a.K, a.Precedence, a.Post = 9, int(p)+1, p, "LIMA" })
		}
		want := &Attached{ID: id, Of: 7, K: 1, Post: "OSLO", Precedence: telegram.Priority, Body: []byte("sealed"), Pieces: 3, State: Coming, Changed: evening}
		if got := t.get(id); !reflect.DeepEqual(got, want) {
			t.Errorf("read back as %+v", got)
		}
		later := evening.Add(time.Minute)
		keep := func(ks ...Kept) { t.write(func(tx *store.Tx) error { return Keep(tx, id, ks, later) }) }
		keep(Kept{2, digest(2)}, Kept{0, digest(0)})
		keep(Kept{2, digest(9)}) // a repeat changes nothing
		if a := t.get(id); a.Here != 2 || a.State != Coming || !a.Changed.Equal(later) {
			t.Errorf("with two of three: %+v", a)
		}
		t.write(func(tx *store.Tx) error {
			as, err := ToCome(tx)
			if len(as) != 2 || as[0].ID != other || as[1].ID != id {
				t.Errorf("to come are %+v", as)
			}
			return err
		})
		keep(Kept{1, digest(1)})
		if a := t.get(id); a.Here != 3 || a.State != Whole {
			t.Errorf("with all: %+v", a)
		}
		t.write(func(tx *store.Tx) error {
			ds, err := Digests(tx, id, 3)
			if !slices.Equal(ds, []Digest{digest(0), digest(1), digest(2)}) {
				t.Errorf("the digests are %v", ds)
			}
			if d, err := Piece(tx, id, 2); err != nil || d != digest(2) {
				t.Errorf("piece 2: %v, %v", d, err)
			}
			if _, err := Piece(tx, id, 3); !errors.Is(err, ErrNone) {
				t.Errorf("piece 3: %v", err)
			}
			return err
		})
		t.write(func(tx *store.Tx) error {
			check, err := ToCheck(tx, 10)
			if len(check) != 1 || check[0].ID != id {
				t.Errorf("to be checked are %+v", check)
			}
			idle, failed := Idle(tx, later, 10)
			if len(idle) != 4 || idle[0].ID != other {
				t.Errorf("idle are %+v", idle)
			}
			return errors.Join(err, failed)
		})
		t.write(func(tx *store.Tx) error {
			if ok, err := Settle(tx, id, Coming, Checked, "", later); ok || err != nil {
				t.Errorf("settled from a state that it is not in: %v, %v", ok, err)
			}
			ok, err := Settle(tx, id, Whole, Checked, "", later)
			if !ok {
				t.Error("not settled")
			}
			return err
		})
		t.write(func(tx *store.Tx) error { return Lost(tx, id, 1, later) })
		if a := t.get(id); a.Here != 2 || a.State != Checked {
			t.Errorf("with one lost: %+v", a)
		}
	})
}

func TestLoaded(t *testing.T) {
	tables(t, func(t *table) {
		id := t.add(Loading, 2, nil)
		t.refused("not being read in", func(tx *store.Tx) error { return Loaded(tx, id, []byte("new"), []Digest{digest(0)}, evening) })
		if a := t.get(id); a.Here != 0 || a.State != Loading {
			t.Errorf("%+v", a)
		}
		loaded := func(tx *store.Tx) error {
			return Loaded(tx, id, []byte("new"), []Digest{digest(0), digest(1)}, evening)
		}
		t.write(loaded)
		if a := t.get(id); a.Here != 2 || a.State != Checked || string(a.Body) != "new" {
			t.Errorf("%+v", a)
		}
		t.refused("not being read in", loaded)
	})
}

func TestDraftAndTelegram(t *testing.T) {
	tables(t, func(t *table) {
		any := func() (is bool) {
			t.write(func(tx *store.Tx) (err error) { is, err = Any(tx); return err })
			return is
		}
		if any() {
			t.Error("there is an attachment at first")
		}
		a, b, c := t.add(Checked, 1, nil), t.add(Checked, 1, nil), t.add(Loading, 1, nil)
		if !any() {
			t.Error("there is none")
		}
		bind := func(draft int64, ids ...int64) func(*store.Tx) error {
			return func(tx *store.Tx) error { return Bind(tx, draft, ids, evening) }
		}
		of := func(read func(*store.Tx) ([]Attached, error)) (ids []int64) {
			t.Helper()
			t.write(func(tx *store.Tx) error {
				as, err := read(tx)
				for i, x := range as {
					ids = append(ids, x.ID)
					if x.K != i+1 {
						t.Errorf("attachment %d is the %d.", x.ID, x.K)
					}
				}
				return err
			})
			return ids
		}
		draft := func(n int64) []int64 {
			return of(func(tx *store.Tx) ([]Attached, error) { return OfDraft(tx, n) })
		}
		t.write(bind(1, b, a))
		if ids := draft(1); !slices.Equal(ids, []int64{b, a}) {
			t.Errorf("draft 1 has %v", ids)
		}
		t.refused("another draft's", bind(2, a))
		t.refused("another draft's", bind(2, c)) // it is not all read in
		t.refused("another draft's", bind(2, 99))
		t.refused("another draft's", bind(2, a, a))
		t.write(bind(1, a)) // edited
		t.write(bind(2, b))
		if x, y := draft(1), draft(2); !slices.Equal(x, []int64{a}) || !slices.Equal(y, []int64{b}) {
			t.Errorf("the drafts have %v and %v", x, y)
		}
		t.write(func(tx *store.Tx) error { return File(tx, 1, 77, telegram.Flash, evening) })
		if ids := of(func(tx *store.Tx) ([]Attached, error) { return AllOf(tx, 77) }); !slices.Equal(ids, []int64{a}) {
			t.Errorf("telegram 77 has %v", ids)
		}
		t.write(func(tx *store.Tx) error {
			x, err := Of(tx, 77, 1)
			if err == nil && (x.ID != a || x.Precedence != telegram.Flash) {
				t.Errorf("its first is %+v", x)
			}
			if _, none := Of(tx, 77, 2); !errors.Is(none, ErrUnknown) {
				t.Errorf("its second: %v", none)
			}
			return err
		})
		t.write(bind(1)) // what is filed stays
		if ids := of(func(tx *store.Tx) ([]Attached, error) { return AllOf(tx, 77) }); !slices.Equal(ids, []int64{a}) {
			t.Errorf("telegram 77 has %v", ids)
		}
		t.refused("belongs to", func(tx *store.Tx) error { _, err := Remove(tx, b, evening); return err })
		t.write(bind(2))
		t.write(func(tx *store.Tx) error {
			stray, err := Stray(tx, evening.Add(time.Second), 10)
			if !slices.Equal(stray, []int64{b, c}) {
				t.Errorf("stray are %v", stray)
			}
			if early, err := Stray(tx, evening, 10); len(early) > 0 || err != nil {
				t.Errorf("too early: %v, %v", early, err)
			}
			return err
		})
	})
}

// What is forgotten gives the names of its files; those that something else has, too, stay.
func TestForget(t *testing.T) {
	tables(t, func(t *table) {
		a, b := t.add(Coming, 3, nil), t.add(Coming, 3, nil)
		t.write(func(tx *store.Tx) error {
			return errors.Join(Keep(tx, a, []Kept{{0, digest(0)}, {1, digest(1)}}, evening), Keep(tx, b, []Kept{{0, digest(1)}}, evening))
		})
		t.write(func(tx *store.Tx) error {
			ds, err := Forget(tx, a, evening)
			if !slices.Equal(ds, []Digest{digest(0)}) {
				t.Errorf("to be deleted are %v", ds)
			}
			return err
		})
		if x := t.get(a); x.Here != 0 || x.State != Coming {
			t.Errorf("%+v", x)
		}
		t.write(func(tx *store.Tx) error {
			ds, err := Remove(tx, b, evening)
			if !slices.Equal(ds, []Digest{digest(1)}) {
				t.Errorf("to be deleted are %v", ds)
			}
			if _, none := Get(tx, b); !errors.Is(none, ErrUnknown) {
				t.Errorf("what was removed: %v", none)
			}
			if _, none := Remove(tx, b, evening); !errors.Is(none, ErrUnknown) {
				t.Errorf("removed twice: %v", none)
			}
			return err
		})
		t.write(func(tx *store.Tx) error {
			ds, err := Unknown(tx, []Digest{digest(0), digest(1)})
			if len(ds) != 2 {
				t.Errorf("unknown are %v", ds)
			}
			return err
		})
	})
}

// Each ask is answered once, the newest, and never again.
func TestAsks(t *testing.T) {
	tables(t, func(t *table) {
		ask := func(post string, id byte, at time.Time) (fresh bool) {
			t.Helper()
			t.write(func(tx *store.Tx) (err error) {
				fresh, err = Queue(tx, &Asked{Post: post, ID: [8]byte{id}, Attachment: 5, Body: []byte{id}, Came: at}, false)
				return err
			})
			return fresh
		}
		next := func(post string) (a Asked, ok bool) {
			t.Helper()
			t.write(func(tx *store.Tx) (err error) { a, ok, err = NextAsk(tx, post); return err })
			return a, ok
		}
		if _, ok := next("LIMA"); ok {
			t.Error("nobody has asked")
		}
		if !ask("LIMA", 1, evening) || ask("LIMA", 1, evening) || !ask("OSLO", 1, evening) || !ask("LIMA", 2, evening.Add(time.Second)) || ask("LIMA", 1, evening.Add(time.Minute)) {
			t.Error("a repeat is taken for an ask, or an ask for a repeat")
		}
		if a, ok := next("LIMA"); !ok || a.ID != [8]byte{2} || a.Attachment != 5 || string(a.Body) != "\x02" || !a.Came.Equal(evening.Add(time.Second)) {
			t.Errorf("LIMA wants %+v", a)
		}
		answered := func(post string, id byte, at time.Time) {
			t.Helper()
			t.write(func(tx *store.Tx) error { return Answered(tx, post, [8]byte{id}, at) })
		}
		answered("LIMA", 2, evening)
		if a, ok := next("LIMA"); ok {
			t.Errorf("LIMA wants %+v", a)
		}
		for id := byte(10); id < 14; id++ { // one besides the other, and no more than two
			t.write(func(tx *store.Tx) error {
				_, err := Queue(tx, &Asked{Post: "LIMA", ID: [8]byte{id}, Came: evening.Add(time.Duration(id) * time.Second), Body: []byte{id}}, true)
				return err
			})
		}
		for id := byte(12); id < 14; id++ {
			if a, ok := next("LIMA"); !ok || a.ID != [8]byte{id} {
				t.Errorf("LIMA wants %+v, want %d", a, id)
			}
			answered("LIMA", id, evening)
		}
		if a, ok := next("LIMA"); ok {
			t.Errorf("LIMA wants %+v", a)
		}
		if _, ok := next("OSLO"); !ok {
			t.Error("what OSLO wants is gone")
		}
		if ask("LIMA", 2, evening.Add(time.Hour)) {
			t.Error("what was answered is taken again")
		}
		var bodies int
		t.write(func(tx *store.Tx) error {
			return tx.QueryRow("select count(*) from ask where post = 'LIMA' and length(body) > 0").Scan(&bodies)
		})
		if bodies != 0 {
			t.Error("the secrets of what was answered are kept")
		}
		answered("LIMA", 2, evening.Add(kept+time.Minute))
		if !ask("LIMA", 1, evening.Add(kept+2*time.Minute)) {
			t.Error("an ask is remembered for ever")
		}
	})
}

func TestHowFarItIsThere(t *testing.T) {
	tables(t, func(t *table) {
		say := func(here int, checked bool, after time.Duration) {
			t.Helper()
			t.write(func(tx *store.Tx) error { return Say(tx, 5, &There{"LIMA", here, checked, evening.Add(after)}) })
		}
		want := func(here int, checked bool) {
			t.Helper()
			t.write(func(tx *store.Tx) error {
				all, err := AllThere(tx, 5)
				if len(all) != 1 || all[0].Here != here || all[0].Checked != checked || all[0].Post != "LIMA" {
					t.Errorf("it is %+v there, want %d, %v", all, here, checked)
				}
				return err
			})
		}
		say(3, false, time.Minute)
		say(1, false, 0)
		want(3, false)
		say(7, false, 0) // by a clock that was set back
		want(7, false)
		say(7, true, 0)
		want(7, true)
		say(2, false, time.Hour) // it lost some
		want(2, false)
	})
}
