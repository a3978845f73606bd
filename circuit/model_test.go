package circuit_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"chancery.example/chancery/circuit"
	"chancery.example/chancery/store"
	"chancery.example/chancery/store/storetest"
	"chancery.example/chancery/telegram"
	"pgregory.net/rapid"
)

// model is the outbox and the wire to one post, as plain as it can be said.
type model struct {
	telegrams []*modelTelegram // by serial
	wire      []modelSection   // by special number
}

type modelTelegram struct {
	circuit.Waiting
	queued    time.Time
	receipted bool
}

type modelSection struct {
	special, serial uint32
	precedence      telegram.Precedence
	size            int64
	open            bool
}

// next is said in other words than the code has: of all that waits, in the order of urgency or, each tenth time, of age.
func (m *model) next(window int64) (*modelTelegram, bool) {
	var waits []*modelTelegram
	for _, w := range m.telegrams {
		if !w.receipted && (w.Sections == 0 || w.Sealed < w.Sections) {
			waits = append(waits, w)
		}
	}
	if len(waits) == 0 {
		return nil, false
	}
	// Stable: of one precedence the lowest serial stays first.
	slices.SortStableFunc(waits, func(a, b *modelTelegram) int { return cmp.Compare(b.Precedence, a.Precedence) })
	urgent := waits[0]
	slices.SortStableFunc(waits, func(a, b *modelTelegram) int {
		return cmp.Or(a.queued.Compare(b.queued), cmp.Compare(a.Serial, b.Serial))
	})
	oldest := waits[0]
	calm := 0
	for _, s := range m.wire {
		if s.precedence < telegram.Flash {
			calm++
		}
	}
	if (calm+1)%circuit.Turn == 0 && urgent.Precedence < telegram.Flash && oldest != urgent && m.below(urgent.Precedence, window) && m.below(oldest.Precedence, 2*window) {
		return oldest, true
	}
	return urgent, urgent.Sealed > 0 || m.below(urgent.Precedence, window)
}

func (m *model) below(p telegram.Precedence, window int64) bool {
	open := int64(0)
	for _, s := range m.wire {
		if s.open && s.precedence >= p {
			open += s.size
		}
	}
	return open < window
}

func (m *model) open() (specials []uint32) {
	all := slices.Clone(m.wire)
	slices.SortStableFunc(all, func(a, b modelSection) int { return cmp.Compare(b.precedence, a.precedence) })
	for _, s := range all {
		if s.open {
			specials = append(specials, s.special)
		}
	}
	return specials
}

func (m *model) backlog() (n int) {
	for _, w := range m.telegrams {
		if !w.receipted {
			n++
		}
	}
	return n
}

// step does one thing to the model and to the line, and compares what they say.
func (m *model) step(t *rapid.T, l *line, post string) {
	window := int64(rapid.SampledFrom([]int{0, 1, 100, 250, wide}).Draw(t, "window"))
	switch rapid.IntRange(0, 5).Draw(t, "act") {
	case 0, 1:
		w := waiting(post, uint32(len(m.telegrams)+1), telegram.Precedence(rapid.IntRange(0, 5).Draw(t, "precedence")))
		queued := evening.Add(time.Duration(rapid.IntRange(-2, 5).Draw(t, "queued")) * time.Second) // clocks are set back
		m.telegrams = append(m.telegrams, &modelTelegram{Waiting: w, queued: queued})
		l.queueAt(queued, w)
	case 2, 3, 4:
		want, ok := m.next(window)
		got, takes := l.next(post, window)
		if takes != ok || want != nil && got != want.Waiting {
			t.Fatalf("next is %+v, %v, the model says %+v, %v", got, takes, want, ok)
		}
		if !ok {
			return
		}
		n := uint32(want.Sections)
		if n == 0 {
			n = uint32(rapid.IntRange(1, 4).Draw(t, "sections"))
		}
		s := l.seal(got, n, rapid.IntRange(1, 120).Draw(t, "size"))
		want.Sections, want.Sealed = int(n), want.Sealed+1
		m.wire = append(m.wire, modelSection{s.Special, s.Serial, s.Precedence, int64(len(s.Envelope)), true})
	case 5:
		if len(m.telegrams) == 0 {
			return
		}
		// A receipt comes for what was carried whole, and after a disaster for what was not.
		w := rapid.SampledFrom(m.telegrams).Draw(t, "receipt")
		l.receipt(post, w.Serial, 1, evening)
		w.receipted = true
		for i := range m.wire {
			if m.wire[i].serial == w.Serial {
				m.wire[i].open = false
			}
		}
	}
}

// TestQueueIsTheModel queues, seals and receipts at random, and holds that the outbox says what the model says. Each run has a post of
// its own in the same database, so what runs before it stands by as the traffic of others.
func TestQueueIsTheModel(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		runs := 0
		rapid.Check(t, func(rt *rapid.T) {
			runs++
			post, m, l := fmt.Sprint("POST ", runs), &model{}, &line{t: t, db: db}
			for range rapid.IntRange(1, 60).Draw(rt, "steps") {
				m.step(rt, l, post)
			}
			if got, want := l.open(post, 1000, nil), m.open(); !slices.Equal(got, want) {
				rt.Fatalf("open are %v, the model says %v", got, want)
			}
			if got, want := l.backlog()[post], m.backlog(); got != want {
				rt.Fatalf("the backlog is %d, the model says %d", got, want)
			}
		})
	})
}

// TestNothingStarves: whatever comes, what has waited longest has one of ten sections below Flash; and no Flash ever waits for it. At every look
// there is something that is no less urgent than Priority.
func TestNothingStarves(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		runs := 0
		rapid.Check(t, func(rt *rapid.T) {
			runs++
			post, l, serial := fmt.Sprint("POST ", runs), &line{t: t, db: db}, uint32(2)
			l.queueAt(evening, waiting(post, 1, telegram.Routine), waiting(post, 2, telegram.Deferred))
			need, flashes := map[uint32]uint32{1: uint32(rapid.IntRange(1, 2).Draw(rt, "sections")), 2: 1}, 0
			patience := circuit.Turn * int(need[1]+need[2])
			step := func(tx *store.Tx) error {
				for range rapid.IntRange(1, 2).Draw(rt, "more") {
					serial++
					w := waiting(post, serial, telegram.Precedence(rapid.IntRange(2, 4).Draw(rt, "precedence")))
					if w.Precedence == telegram.Flash {
						flashes++
					}
					if err := circuit.Queue(tx, []circuit.Waiting{w}, evening.Add(time.Duration(serial)*time.Second)); err != nil {
						return err
					}
				}
				w, ok, err := circuit.Next(tx, post, wide)
				if err != nil || !ok || flashes > 0 && w.Precedence != telegram.Flash {
					rt.Fatalf("%d Flashes wait, next is %+v, %v, %v", flashes, w, ok, err)
				}
				switch {
				case w.Precedence == telegram.Flash:
					flashes--
				case need[w.Serial] > 1:
					need[w.Serial]--
					patience--
					return circuit.Sealed(tx, l.section(w, 2, 10))
				default:
					delete(need, w.Serial)
					patience--
				}
				return circuit.Sealed(tx, l.section(w, max(uint32(w.Sections), 1), 10))
			}
			for len(need) > 0 {
				l.write(step)
				if patience < 0 {
					rt.Fatalf("still to come of what waits longest: %v", need)
				}
			}
		})
	})
}
