package circuit_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"chancery.example/chancery/circuit"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
	"pgregory.net/rapid"
)

// Whatever comes in whatever order, the runs have exactly what came, rise, do not touch; and each hole is as old as the first number behind it.
func TestRunsAreASet(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var rs circuit.Runs
		came := map[uint32]bool{}
		behind := map[uint32]time.Time{} // of a number that is missing, when the first one behind it came
		for i := range rapid.IntRange(1, 40).Draw(rt, "steps") {
			first := uint32(rapid.IntRange(1, 60).Draw(rt, "first"))
			r := telegram.Range{First: first, Last: first + uint32(rapid.IntRange(0, 4).Draw(rt, "more"))}
			at := evening.Add(time.Duration(i) * time.Second)
			rs = rs.With(r, at)
			for n := r.First; n <= r.Last; n++ {
				came[n] = true
			}
			for n := uint32(1); n < r.Last; n++ {
				if _, known := behind[n]; !known {
					behind[n] = at
				}
			}
		}
		for i, x := range rs {
			if x.First > x.Last || i > 0 && x.First <= rs[i-1].Last+1 {
				rt.Fatalf("%v", rs)
			}
		}
		missing := map[uint32]bool{}
		for _, h := range rs.Holes(0, evening) {
			for n := h.First; n <= h.Last; n++ {
				missing[n] = true
				if !h.Since.Equal(behind[n]) {
					rt.Fatalf("%d is missing since %v, and as of %v: %v", n, behind[n], h.Since, rs)
				}
			}
		}
		for n := uint32(1); n <= 70; n++ {
			if rs.Has(n) != came[n] || missing[n] != (!came[n] && n < rs[len(rs)-1].First) {
				rt.Fatalf("%d came: %v; runs: %v", n, came[n], rs)
			}
		}
	})
}

func TestHolesUpToTheLastNumber(t *testing.T) {
	var rs circuit.Runs
	if h := rs.Holes(0, evening); h != nil {
		t.Error(h)
	}
	if h := rs.Holes(3, evening); fmt.Sprint(h[0].Range) != "{1 3}" || !h[0].Since.Equal(evening) || len(h) != 1 {
		t.Error(h)
	}
	const most = 1<<32 - 1
	rs = rs.With(telegram.Range{First: 2, Last: 2}, evening).With(telegram.Range{First: most, Last: most}, evening)
	if h := rs.Holes(most, evening); len(h) != 2 || h[1].Range != (telegram.Range{First: 3, Last: most - 1}) {
		t.Error(h)
	}
	if rs = rs.With(telegram.Range{First: 1, Last: most}, evening); len(rs) != 1 || len(rs.Holes(most, evening)) != 0 {
		t.Error(rs)
	}
}

// A hostile post can leave out every other number for ever: it fills nothing.
func TestRunsAreBounded(t *testing.T) {
	var rs circuit.Runs
	for n := uint32(1); n < 4*circuit.MaxRuns; n += 2 {
		rs = rs.With(telegram.Range{First: n, Last: n}, evening)
	}
	if len(rs) != circuit.MaxRuns {
		t.Errorf("%d runs", len(rs))
	}
	if rs = rs.With(telegram.Range{First: 2, Last: 2}, evening); !rs.Has(2) || len(rs) != circuit.MaxRuns-1 {
		t.Error("what joins two is not taken")
	}
}

func TestSeenIsKept(t *testing.T) {
	each(t, func(t *testing.T, l *line) {
		lane, serials := telegram.Lane(3, telegram.Flash), telegram.SerialsOf(telegram.Exercise)
		take := func(post string, s telegram.Series, at time.Time, numbers ...uint32) {
			l.write(func(tx *store.Tx) error {
				seen, err := circuit.SeenOf(tx, post)
				if err != nil {
					return err
				}
				for _, n := range numbers {
					seen.Take(s, telegram.Range{First: n, Last: n}, at)
				}
				return seen.Close()
			})
		}
		look := func(post string, s telegram.Series) (rs circuit.Runs) {
			l.write(func(tx *store.Tx) error {
				seen, err := circuit.SeenOf(tx, post)
				rs = seen.Runs(s)
				return err
			})
			return rs
		}
		want := circuit.Runs(nil)
		for i, numbers := range [][]uint32{{1, 2, 5}, {9, 4}, {3}, {1<<32 - 1, 7}, {6, 8}} {
			at := evening.Add(time.Duration(i) * time.Minute)
			take("OSLO", lane, at, numbers...)
			take("OSLO", serials, at, numbers[0])
			for _, n := range numbers {
				want = want.With(telegram.Range{First: n, Last: n}, at)
			}
			if got := look("OSLO", lane); !reflect.DeepEqual(got, want) {
				t.Fatalf("after %v: %v, want %v", numbers, got, want)
			}
		}
		if got := look("OSLO", serials); len(got) != 5 || !got.Has(1) || !got.Has(9) || got.Has(2) {
			t.Error(got)
		}
		if got := look("LIMA", lane); got != nil {
			t.Error(got)
		}
		// More series than a message names are not kept.
		for c := range uint8(telegram.MaxSeries + 10) {
			take("LIMA", telegram.Lane(c+1, telegram.Routine), evening, 1)
		}
		if got := look("LIMA", telegram.Lane(telegram.MaxSeries+5, telegram.Routine)); got != nil {
			t.Error(got)
		}
	})
}

// From a post of which telegrams came before anybody counted sections, the first number in a lane says nothing of those before it.
func TestSeenOfOlderDatabase(t *testing.T) {
	each(t, func(t *testing.T, l *line) {
		l.write(func(tx *store.Tx) error {
			if err := tx.Insert("accounted (post, series, first, last, at)", 5, []any{"OSLO", -1, 0, 0, 0}, ""); err != nil {
				return err
			}
			for post, holes := range map[string]int{"OSLO": 0, "LIMA": 1} {
				s, err := circuit.SeenOf(tx, post)
				if err != nil {
					return err
				}
				s.Take(telegram.Lane(1, telegram.Routine), telegram.Range{First: 7, Last: 7}, evening)
				if got := s.Runs(telegram.Lane(1, telegram.Routine)).Holes(0, evening); len(got) != holes {
					t.Errorf("%s: %v", post, got)
				}
				s.Take(telegram.Lane(1, telegram.Routine), telegram.Range{First: 9, Last: 9}, evening)
				if got := s.Runs(telegram.Lane(1, telegram.Routine)).Holes(0, evening); len(got) != holes+1 {
					t.Errorf("%s: %v", post, got)
				}
			}
			return nil
		})
	})
}

// What is sealed anew keeps the record of what was sealed before, and goes the whole way again.
func TestAnew(t *testing.T) {
	each(t, func(t *testing.T, l *line) {
		l.queue(waiting("LIMA", 1, telegram.Routine), waiting("LIMA", 2, telegram.Routine))
		for range 2 {
			w, _ := l.next("LIMA", wide)
			l.seal(w, 2, 100)
			w.Sealed++
			l.seal(w, 2, 100)
		}
		l.receipt("LIMA", 1, 40, evening)
		l.write(func(tx *store.Tx) error { return circuit.Anew(tx, "LIMA", 1, 50) })
		d := l.delivery("LIMA", 1)
		if !d.Receipted.IsZero() || d.Sealed != 0 || d.Sections != 0 || d.Anew != 50 {
			t.Errorf("%+v", d)
		}
		w, ok := l.next("LIMA", wide)
		if !ok || w.Serial != 1 || w.Sealed != 0 {
			t.Fatalf("next is %+v", w)
		}
		l.seal(w, 1, 300) // the sections may be of another size by now
		l.write(func(tx *store.Tx) error {
			wire, err := circuit.OnTheWire(tx, "LIMA", 1)
			if err != nil || len(wire) != 3 || wire[0].Superseded != 50 || wire[1].Superseded != 50 || wire[1].Envelope != nil || wire[2].Superseded != 0 || wire[2].Envelope == nil {
				t.Errorf("%+v, %v", wire, err)
			}
			return err
		})
		if got := l.open("LIMA", 10, nil); !slices.Equal(got, []uint32{3, 4, 5}) {
			t.Errorf("open are %v", got)
		}
		// Again, and without a receipt.
		l.write(func(tx *store.Tx) error { return circuit.Anew(tx, "LIMA", 1, 60) })
		l.write(func(tx *store.Tx) error {
			wire, err := circuit.OnTheWire(tx, "LIMA", 1)
			if wire[0].Superseded != 50 || wire[2].Superseded != 60 || wire[2].Envelope != nil {
				t.Errorf("%+v", wire)
			}
			return err
		})
		if d := l.delivery("LIMA", 2); d.Anew != -1 || d.Sealed != 2 {
			t.Errorf("another telegram: %+v", d)
		}
		if err := l.db.Write(t.Context(), func(tx *store.Tx) error { return circuit.Anew(tx, "LIMA", 9, 70) }); err == nil {
			t.Error("what was never sent is sealed anew")
		}
	})
}

func TestStanding(t *testing.T) {
	each(t, func(t *testing.T, l *line) {
		exercise := telegram.Exercise.Mark(4)
		l.queue(waiting("LIMA", 1, telegram.Routine), waiting("LIMA", 2, telegram.Flash), waiting("LIMA", exercise, telegram.Deferred), waiting("OSLO", 1, telegram.Deferred))
		w, _ := l.next("LIMA", wide)
		l.seal(w, 1, 100) // the Flash
		w, _ = l.next("LIMA", wide)
		l.seal(w, 3, 100) // a third of the Routine
		l.write(func(tx *store.Tx) error {
			s, err := circuit.StandingOf(tx, "LIMA")
			if fmt.Sprint(s.Serials) != fmt.Sprint([]uint32{1, exercise}) || len(s.Open) != 2 || s.Open[0] != (circuit.Place{Special: 1, Lane: 1, Circuit: 1, Precedence: telegram.Flash}) {
				t.Errorf("%+v", s)
			}
			return err
		})
		l.receipt("LIMA", 2, 1, evening)
		l.write(func(tx *store.Tx) error {
			s, err := circuit.StandingOf(tx, "LIMA")
			if len(s.Serials) != 2 || len(s.Open) != 1 || s.Open[0].Special != 2 {
				t.Errorf("%+v", s)
			}
			return err
		})
	})
}

func TestInRanges(t *testing.T) {
	for _, x := range []struct {
		numbers []uint32
		most    int
		want    string
	}{{nil, 5, "[]"}, {[]uint32{3, 1, 2, 2, 9}, 5, "[{1 3} {9 9}]"}, {[]uint32{1, 3, 5, 7, 8}, 2, "[{1 1} {3 8}]"}, {[]uint32{1<<32 - 1, 1<<32 - 2}, 1, "[{4294967294 4294967295}]"}} {
		if got := circuit.InRanges(x.numbers, x.most); fmt.Sprint(got) != x.want {
			t.Errorf("%v: %v, want %s", x.numbers, got, x.want)
		}
	}
}
