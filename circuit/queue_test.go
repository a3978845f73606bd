package circuit_test

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"chancery.example/chancery/circuit"
	"chancery.example/chancery/store"
	"chancery.example/chancery/store/storetest"
	"chancery.example/chancery/telegram"
)

func each(t *testing.T, fn func(t *testing.T, l *line)) {
	storetest.Each(t, func(t *testing.T, db *store.DB) { fn(t, &line{t: t, db: db}) })
}

// The most urgent first, of these the lowest serial; each post for itself.
func TestTheMostUrgentFirst(t *testing.T) {
	each(t, func(t *testing.T, l *line) {
		if _, ok := l.next("LIMA", wide); ok {
			t.Error("something waits in an empty outbox")
		}
		l.queue()
		l.queue(waiting("LIMA", 1, telegram.Routine), waiting("LIMA", 2, telegram.Flash), waiting("OSLO", 1, telegram.Override), waiting("LIMA", 3, telegram.Deferred))
		l.queue(waiting("LIMA", 4, telegram.Flash), waiting("LIMA", 5, telegram.Routine), waiting("LIMA", 6, telegram.Override))
		var order []uint32
		for {
			w, ok := l.next("LIMA", wide)
			if !ok {
				break
			}
			want := waiting("LIMA", w.Serial, w.Precedence)
			if w != want {
				t.Errorf("serial %d waits as %+v, want %+v", w.Serial, w, want)
			}
			order = append(order, w.Serial)
			l.seal(w, 1, 10)
		}
		if want := []uint32{6, 2, 4, 1, 5, 3}; !slices.Equal(order, want) {
			t.Errorf("they are sealed in the order %v, want %v", order, want)
		}
		if w, ok := l.next("OSLO", wide); !ok || w.Serial != 1 {
			t.Errorf("for OSLO waits %+v, %v", w, ok)
		}
	})
}

// A circuit can take more while the open bytes of that precedence and above are below its window.
func TestTheWindow(t *testing.T) {
	each(t, func(t *testing.T, l *line) {
		l.queue(waiting("LIMA", 1, telegram.Routine), waiting("LIMA", 2, telegram.Routine), waiting("LIMA", 3, telegram.Routine), waiting("OSLO", 1, telegram.Routine))
		closed := func(window int64, want bool) {
			t.Helper()
			if w, ok := l.next("LIMA", window); ok == want {
				t.Errorf("with a window of %d: %+v, %v", window, w, ok)
			}
		}
		closed(0, true)
		closed(1, false)
		w, _ := l.next("LIMA", 100)
		l.seal(w, 1, 60)
		closed(60, true)
		closed(61, false)
		w, _ = l.next("LIMA", 100) // 60 are open
		l.seal(w, 1, 60)
		closed(100, true)
		closed(120, true)
		if _, ok := l.next("OSLO", 1); !ok {
			t.Error("what is open to LIMA closes the window to OSLO")
		}
		// What is less urgent takes nothing of the window of what is more urgent.
		l.queue(waiting("LIMA", 4, telegram.Flash), waiting("LIMA", 5, telegram.Flash))
		w, ok := l.next("LIMA", 50)
		if !ok || w.Serial != 4 {
			t.Fatalf("behind a full window of routine waits %+v, %v", w, ok)
		}
		l.seal(w, 1, 50)
		closed(50, true)
		closed(51, false)
		// And what is more urgent does of what is less.
		w, _ = l.next("LIMA", 51)
		l.seal(w, 1, 50)
		l.receipt("LIMA", 1, 1, evening)
		l.receipt("LIMA", 2, 2, evening)
		closed(100, true)
		closed(101, false)
		l.receipt("LIMA", 4, 3, evening)
		l.receipt("LIMA", 5, 4, evening)
		closed(1, false)
	})
}

// A telegram that has begun is carried to its end, whatever the window; what is more urgent goes between its sections.
func TestBetweenTheSections(t *testing.T) {
	each(t, func(t *testing.T, l *line) {
		l.queue(waiting("LIMA", 1, telegram.Routine), waiting("LIMA", 2, telegram.Routine))
		w, _ := l.next("LIMA", 1)
		l.seal(w, 3, 1000)
		if w, ok := l.next("LIMA", 1); !ok || w.Serial != 1 || w.Sections != 3 || w.Sealed != 1 {
			t.Fatalf("a telegram that has begun goes on as %+v, %v", w, ok)
		}
		l.queue(waiting("LIMA", 3, telegram.Flash))
		w, ok := l.next("LIMA", 1)
		if !ok || w.Serial != 3 {
			t.Fatalf("a flash waits behind %+v, %v", w, ok)
		}
		l.seal(w, 2, 1000)
		if w, ok = l.next("LIMA", 1); !ok || w.Serial != 3 || w.Sealed != 1 {
			t.Fatalf("after the first section of a flash comes %+v, %v", w, ok)
		}
		l.seal(w, 2, 1000)
		for sealed := 1; sealed < 3; sealed++ {
			if w, ok = l.next("LIMA", 1); !ok || w.Serial != 1 || w.Sealed != sealed {
				t.Fatalf("after the flash comes %+v, %v", w, ok)
			}
			l.seal(w, 3, 1000)
		}
		if w, ok = l.next("LIMA", 1); ok {
			t.Errorf("the window is full, and yet %+v", w)
		}
		if w, ok = l.next("LIMA", wide); !ok || w.Serial != 2 {
			t.Errorf("last comes %+v, %v", w, ok)
		}
	})
}

// What is not the next section of its telegram is refused, and nothing of it stays.
func TestSealedIsRefused(t *testing.T) {
	each(t, func(t *testing.T, l *line) {
		l.queue(waiting("LIMA", 1, telegram.Routine))
		w, _ := l.next("LIMA", wide)
		for name, change := range map[string]func(s *circuit.Section){
			"another post":        func(s *circuit.Section) { s.Post = "OSLO" },
			"another serial":      func(s *circuit.Section) { s.Serial = 2 },
			"the second first":    func(s *circuit.Section) { s.I = 2 },
			"section 0":           func(s *circuit.Section) { s.I = 0 },
			"more than there are": func(s *circuit.Section) { s.I, s.N = 1, 0 },
		} {
			s := l.section(w, 3, 10)
			change(s)
			l.mustRefuse(name, s)
		}
		first := l.seal(w, 3, 10)
		w.Sealed = 1
		again := *first
		again.Special = 99
		l.mustRefuse("the first again", &again)
		again.Special, again.I = first.Special, 2
		l.mustRefuse("a special number twice", &again)
		l.mustRefuse("of another number of sections", l.section(w, 4, 10))
		third := l.section(w, 3, 10)
		third.I = 3
		l.mustRefuse("the third before the second", third)
		l.seal(w, 3, 10)
		w.Sealed = 2
		l.seal(w, 3, 10)
		w.Sealed = 3
		l.mustRefuse("a fourth of three", l.section(w, 3, 10))

		l.queue(waiting("LIMA", 2, telegram.Routine))
		w, _ = l.next("LIMA", wide)
		l.seal(w, 2, 10)
		l.receipt("LIMA", 2, 5, evening)
		w.Sealed = 1
		l.mustRefuse("after the receipt", l.section(w, 2, 10))
		if n := len(l.open("LIMA", 100, nil)); n != 3 {
			t.Errorf("%d sections are open after all that was refused, want 3", n)
		}
	})
}

func (l *line) mustRefuse(name string, s *circuit.Section) {
	l.t.Helper()
	if err := l.db.Write(l.t.Context(), func(tx *store.Tx) error { return circuit.Sealed(tx, s) }); err == nil {
		l.t.Errorf("%s: it is stored", name)
	}
}

func TestQueuedTwiceIsRefused(t *testing.T) {
	each(t, func(t *testing.T, l *line) {
		l.queue(waiting("LIMA", 1, telegram.Routine))
		err := l.db.Write(t.Context(), func(tx *store.Tx) error {
			return circuit.Queue(tx, []circuit.Waiting{waiting("LIMA", 2, telegram.Flash), waiting("LIMA", 1, telegram.Flash)}, evening)
		})
		if err == nil || l.backlog()["LIMA"] != 1 {
			t.Errorf("a serial goes out twice: %v, backlog %v", err, l.backlog())
		}
	})
}

// The most urgent first, of these the lowest special number; what is due is asked about every open section.
func TestOpen(t *testing.T) {
	each(t, func(t *testing.T, l *line) {
		for serial, p := range []telegram.Precedence{telegram.Routine, telegram.Flash, telegram.Routine, telegram.Flash, telegram.Deferred} {
			w := waiting("LIMA", uint32(serial+1), p)
			l.queue(w)
			l.seal(w, 1, 100+serial)
		}
		l.queue(waiting("OSLO", 1, telegram.Override))
		w, _ := l.next("OSLO", wide)
		l.seal(w, 1, 10)
		for limit, want := range map[int][]uint32{100: {2, 4, 1, 3, 5}, 2: {2, 4}, 0: nil} {
			if got := l.open("LIMA", limit, nil); !slices.Equal(got, want) {
				t.Errorf("the first %d that are open are %v, want %v", limit, got, want)
			}
		}
		l.write(func(tx *store.Tx) error { return circuit.Sent(tx, "LIMA", []uint32{2, 3}, evening.Add(time.Hour)) })
		l.write(func(tx *store.Tx) error { return circuit.Sent(tx, "LIMA", []uint32{3, 77}, evening.Add(2*time.Hour)) })
		l.write(func(tx *store.Tx) error { return circuit.Asked(tx, "LIMA", []uint32{1, 3}, evening.Add(time.Hour)) })
		l.write(func(tx *store.Tx) error { return circuit.Asked(tx, "LIMA", []uint32{3, 77}, evening.Add(2*time.Hour)) })
		asked := map[uint32]time.Time{}
		got := l.open("LIMA", 1, func(special uint32, at time.Time) bool {
			asked[special] = at
			return special != 2
		})
		if never := (time.Time{}); !slices.Equal(got, []uint32{4}) || !maps.Equal(asked, map[uint32]time.Time{1: evening.Add(time.Hour), 2: never, 3: evening.Add(2 * time.Hour), 4: never, 5: never}) {
			t.Errorf("wanted are %v, asked was about %v", got, asked)
		}
		l.receipt("LIMA", 4, 1, evening)
		if got := l.open("LIMA", 100, nil); !slices.Equal(got, []uint32{2, 1, 3, 5}) {
			t.Errorf("after a receipt %v are open", got)
		}
	})
}

// What was sealed first has its turn, as much as is given to it, and not before a Flash.
func TestOpenInTurn(t *testing.T) {
	each(t, func(t *testing.T, l *line) {
		for serial, p := range []telegram.Precedence{telegram.Priority, telegram.Deferred, telegram.Routine, telegram.Deferred, telegram.Deferred, telegram.Immediate, telegram.Priority} {
			w := waiting("LIMA", uint32(serial+1), p)
			l.queue(w)
			l.seal(w, 1, 10)
		}
		not := func(specials ...uint32) func(uint32, time.Time) bool {
			return func(s uint32, _ time.Time) bool { return !slices.Contains(specials, s) }
		}
		for _, c := range []struct {
			what        string
			limit, turn int
			due         func(uint32, time.Time) bool
			want        []uint32
		}{
			{"no turn", 3, 0, nil, []uint32{6, 1, 7}},
			{"the first sealed is urgent enough", 3, 2, not(6), []uint32{1, 7, 3}},
			{"the first sealed has its turn", 9, 2, nil, []uint32{1, 7}},
			{"one of the least", 9, 1, not(1), []uint32{2}},
			{"two of them", 9, 2, not(1), []uint32{2, 4}},
			{"no more than the limit", 1, 2, not(1), []uint32{2}},
			{"all there are", 9, 9, not(1), []uint32{2, 4, 5}},
			{"nothing", 9, 9, not(1, 2, 3, 4, 5, 6, 7), nil},
		} {
			if got := l.openTurn("LIMA", c.limit, c.turn, c.due); !slices.Equal(got, c.want) {
				t.Errorf("%s: %v, want %v", c.what, got, c.want)
			}
		}
		w := waiting("LIMA", 8, telegram.Flash)
		l.queue(w)
		l.seal(w, 1, 10)
		if got := l.openTurn("LIMA", 2, 5, nil); !slices.Equal(got, []uint32{8, 6}) {
			t.Errorf("a Flash waits for a turn: %v", got)
		}
	})
}

// What is stored comes back as it was, and its times as they were noted.
func TestTheRecordOfTheWire(t *testing.T) {
	each(t, func(t *testing.T, l *line) {
		l.queue(waiting("LIMA", 1, telegram.Flash))
		w, _ := l.next("LIMA", wide)
		var want []circuit.Section
		for i := range 2 {
			w.Sealed = i
			s := l.section(w, 2, 0)
			s.Circuit, s.Lane, s.Envelope = 255, 1<<32-1, []byte(strings.Repeat("x", i+1))
			if i == 1 {
				s.Special = 1<<32 - 1
			}
			l.write(func(tx *store.Tx) error { return circuit.Sealed(tx, s) })
			s.Size = int64(i + 1)
			want = append(want, *s)
		}
		check := func(got []circuit.Section) {
			t.Helper()
			if !slices.EqualFunc(got, want, sameSection) {
				t.Errorf("the record is\n%+v\nwant\n%+v", got, want)
			}
		}
		read := func() (all []circuit.Section) {
			t.Helper()
			l.write(func(tx *store.Tx) (err error) {
				all, err = circuit.OnTheWire(tx, "LIMA", 1)
				return err
			})
			return all
		}
		check(read())
		l.write(func(tx *store.Tx) error {
			return circuit.Sent(tx, "LIMA", []uint32{1, 1<<32 - 1}, evening.Add(time.Hour))
		})
		l.write(func(tx *store.Tx) error { return circuit.Sent(tx, "LIMA", []uint32{1}, evening.Add(2*time.Hour)) })
		want[0].SentAt, want[0].Sends, want[1].SentAt, want[1].Sends = evening.Add(time.Hour), 2, evening.Add(time.Hour), 1
		check(read())
		l.receipt("LIMA", 1, 1, evening)
		want[0].Envelope, want[1].Envelope = nil, nil
		check(read())
		l.write(func(tx *store.Tx) error {
			s, ok, err := circuit.BySpecial(tx, "LIMA", 1<<32-1)
			if err == nil && (!ok || !sameSection(s, want[1])) {
				t.Errorf("by its special number it is %+v, %v", s, ok)
			}
			return err
		})
		l.write(func(tx *store.Tx) error {
			_, ok, err := circuit.BySpecial(tx, "OSLO", 1)
			if ok {
				t.Error("a special number of LIMA is found for OSLO")
			}
			return err
		})
	})
}

func sameSection(a, b circuit.Section) bool {
	return a.Post == b.Post && a.Special == b.Special && a.Circuit == b.Circuit && a.Lane == b.Lane && a.Precedence == b.Precedence &&
		a.Serial == b.Serial && a.I == b.I && a.N == b.N && bytes.Equal(a.Envelope, b.Envelope) && (a.Envelope == nil) == (b.Envelope == nil) &&
		a.ID == b.ID && a.Size == b.Size && a.SealedAt.Equal(b.SealedAt) && a.SentAt.Equal(b.SentAt) && a.Sends == b.Sends
}

func TestDeliveries(t *testing.T) {
	each(t, func(t *testing.T, l *line) {
		one, two, other := waiting("OSLO", 7, telegram.Flash), waiting("LIMA", 3, telegram.Routine), waiting("OSLO", 8, telegram.Flash)
		one.Of, two.Of, other.Of = 5, 5, 6
		l.queue(one, two, other)
		l.seal(one, 1, 10)
		l.seal(two, 3, 10)
		one.Sections, one.Sealed, two.Sections, two.Sealed = 1, 1, 3, 1
		l.receipt("OSLO", 7, 42, evening.Add(time.Hour))
		l.receipt("OSLO", 7, 43, evening.Add(2*time.Hour)) // a repeat: the first stays
		want := []circuit.Delivery{{Waiting: two, Queued: evening}, {Waiting: one, Queued: evening, Receipted: evening.Add(time.Hour), Receipt: 42}}
		l.write(func(tx *store.Tx) error {
			got, err := circuit.Deliveries(tx, 5)
			if !slices.EqualFunc(got, want, func(a, b circuit.Delivery) bool {
				return a.Waiting == b.Waiting && a.Queued.Equal(b.Queued) && a.Receipted.Equal(b.Receipted) && a.Receipt == b.Receipt
			}) {
				t.Errorf("it went\n%+v\nwant\n%+v", got, want)
			}
			return err
		})
		if d := l.delivery("LIMA", 7); d != nil {
			t.Errorf("what went to OSLO went to LIMA too: %+v", d)
		}
		if got := l.backlog(); !maps.Equal(got, map[string]int{"LIMA": 1, "OSLO": 1}) {
			t.Errorf("the backlog is %v", got)
		}
		l.receipt("OSLO", 8, 44, evening) // though not a byte of it left: what a peer signed for it has
		l.receipt("LIMA", 3, 45, evening)
		if got := l.backlog(); len(got) != 0 {
			t.Errorf("the backlog is %v", got)
		}
		if w, ok := l.next("LIMA", wide); ok {
			t.Errorf("after its receipt it goes on as %+v", w)
		}
		if got := l.open("LIMA", 10, nil); got != nil {
			t.Errorf("after the receipts %v are open", got)
		}
	})
}

func TestADamagedOutboxIsNamed(t *testing.T) {
	each(t, func(t *testing.T, l *line) {
		l.queue(waiting("LIMA", 3, telegram.Routine))
		l.write(func(tx *store.Tx) error {
			_, err := tx.Exec("update outbox set entry = $1", []byte("short"))
			return err
		})
		err := l.db.Read(t.Context(), func(tx *store.Tx) error {
			_, _, err := circuit.Next(tx, "LIMA", wide)
			return err
		})
		if err == nil || !strings.Contains(err.Error(), "serial 3") {
			t.Errorf("a damaged outbox gives %v", err)
		}
	})
}
