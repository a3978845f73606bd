package circuittest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"chancery.example/chancery/telegram"
)

var paris, quito, bonn = telegram.Route{1}, telegram.Route{2}, telegram.Route{3}

func letters(from, n int) []telegram.Envelope {
	es := make([]telegram.Envelope, n)
	for i := range es {
		// The number stands twice, so that no turned bit makes one of another.
		es[i] = telegram.Envelope{Type: telegram.Letter, To: quito, Precedence: telegram.Routine, Body: fmt.Appendf(nil, "a body of some length, %d", from+i)}
		copy(es[i].ID[:], fmt.Sprintf("%08d", from+i))
	}
	return es
}

// offered is one envelope as take saw it.
type offered struct {
	at telegram.Precedence
	e  string
}

// gather receives for a time.
func gather(t *testing.T, w *Wild, r telegram.Route, d time.Duration) (all []offered) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	err := w.At(r).Receive(ctx, func(at telegram.Precedence, es []telegram.Envelope) error {
		for _, e := range es {
			all = append(all, offered{at, string(e.Marshal())})
		}
		return nil
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Receive: %v", err)
	}
	return all
}

func (s Stats) balance() int { return s.Sent + s.Repeated - s.Lost - s.Junk - s.Taken - s.Waiting }

// Each fault is drawn about as often as it was asked for, is counted as often as it can be seen, and brings no other with it.
func TestFractions(t *testing.T) {
	t.Parallel()
	const n = 4000
	for name, c := range map[string]struct {
		link  Link
		count func(Stats) int
		seen  func(sent, got []offered) int
	}{
		"lose":   {Link{Lose: 0.25}, func(s Stats) int { return s.Lost }, func(sent, got []offered) int { return len(sent) - len(got) }},
		"repeat": {Link{Repeat: 0.25}, func(s Stats) int { return s.Repeated }, func(sent, got []offered) int { return len(got) - len(sent) }},
		"corrupt": {Link{Corrupt: 0.25}, func(s Stats) int { return s.Corrupted }, func(sent, got []offered) int {
			whole := 0
			for _, x := range got {
				if slices.Contains(sent, x) {
					whole++
				}
			}
			return len(sent) - whole
		}},
		"regrade": {Link{Regrade: 0.25}, func(s Stats) int { return s.Regraded }, func(_, got []offered) int {
			other := 0
			for _, x := range got {
				if x.at != telegram.Routine {
					other++
				}
			}
			return other
		}},
		"cut": {Link{Cut: 0.25, Outage: 1}, func(s Stats) int { return s.Cuts }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := NewWild(7, paris, quito)
				w.Set(paris, quito, c.link)
				sent, failed := []offered{}, 0
				for i := range n {
					es := letters(i, 1)
					sent = append(sent, offered{telegram.Routine, string(es[0].Marshal())})
					if err := w.At(paris).Send(t.Context(), quito, telegram.Routine, es); err != nil {
						failed++
					}
					time.Sleep(2)
				}
				got := gather(t, w, quito, time.Second)
				s := w.Stats()
				if d := math.Abs(float64(c.count(s))/n - 0.25); d > 0.03 || s.balance() != 0 {
					t.Errorf("%+v", s)
				}
				if seen := failed; c.seen == nil && seen != s.Cuts || c.seen != nil && c.seen(sent, got) != c.count(s) {
					t.Errorf("what was seen is not what was counted: %+v", s)
				}
				if sum := s.Lost + s.Repeated + s.Corrupted + s.Regraded + s.Cuts; sum != c.count(s) || s.Delayed+s.Reordered > 0 && name != "regrade" {
					t.Errorf("there is more than one fault: %+v", s)
				}
			})
		})
	}
}

// A link that was given a delay delays, no longer than that; one that reorders does it; the other links stay good.
func TestDelayAndReorder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := NewWild(7, paris, quito, bonn)
		w.Set(paris, quito, Link{Delay: time.Minute})
		w.Set(bonn, quito, Link{Reorder: 0.2})
		for i := range 100 {
			w.At(paris).Send(t.Context(), quito, telegram.Routine, letters(i, 1))
		}
		if n := len(gather(t, w, quito, 30*time.Second)); n < 30 || n > 70 {
			t.Errorf("after half the delay %d of 100 have come", n)
		}
		if n := len(gather(t, w, quito, 30*time.Second+1)); n != w.Stats().Taken-(100-n) || w.Stats().Waiting != 0 {
			t.Errorf("after all of the delay: %+v", w.Stats())
		}
		before := w.Stats()
		w.At(paris).Send(t.Context(), bonn, telegram.Routine, letters(0, 5))
		w.At(bonn).Send(t.Context(), quito, telegram.Routine, letters(100, 100))
		var order []string
		for _, x := range gather(t, w, quito, time.Second) {
			order = append(order, x.e)
		}
		if s := w.Stats(); len(order) != 100 || slices.IsSorted(order) || s.Reordered-before.Reordered < 5 || s.balance() != 0 {
			t.Errorf("%d came, sorted %t: %+v", len(order), slices.IsSorted(order), s)
		}
		if s := w.Stats(); s.Waiting != 5 || len(gather(t, w, bonn, 1)) != 5 {
			t.Errorf("a link that nobody touched is not good: %+v", s)
		}
	})
}

// The same seed, the same Sends, the same luck, whatever happens on other links; another seed, another luck.
func TestSeed(t *testing.T) {
	t.Parallel()
	once := func(t *testing.T, seed uint64, others bool) (got []offered, s Stats) {
		synctest.Test(t, func(t *testing.T) {
			w := NewWild(seed, paris, quito, bonn)
			w.SetAll(Link{Lose: 0.1, Repeat: 0.1, Corrupt: 0.1, Regrade: 0.1, Reorder: 0.1, Delay: time.Second, Cut: 0.1, Outage: time.Second})
			for i := range 200 {
				if others {
					w.At(bonn).Send(t.Context(), paris, telegram.Flash, letters(i, 2))
				}
				w.At(paris).Send(t.Context(), quito, telegram.Routine, letters(3*i, 3))
				time.Sleep(100 * time.Millisecond)
			}
			got = gather(t, w, quito, time.Minute)
			s = w.Stats()
		})
		return got, s
	}
	first, s := once(t, 1, false)
	if s.Lost == 0 || s.Repeated == 0 || s.Corrupted == 0 || s.Junk == 0 || s.Regraded == 0 || s.Reordered == 0 || s.Delayed == 0 || s.Cuts == 0 || s.Turned == 0 || s.balance() != 0 {
		t.Errorf("it was not wild: %+v", s)
	}
	if again, s2 := once(t, 1, false); !slices.Equal(first, again) || s != s2 {
		t.Error("the same seed gave another luck")
	}
	if beside, _ := once(t, 1, true); !slices.Equal(first, beside) {
		t.Error("what others sent changed the luck of a link")
	}
	if other, _ := once(t, 2, false); slices.Equal(first, other) {
		t.Error("another seed gave the same luck")
	}
}

// While a link is cut nothing leaves and nothing arrives; mended, all of it does, and who waits is told.
func TestCutAndMend(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := NewWild(1, paris, quito, bonn)
		w.At(paris).Send(t.Context(), quito, telegram.Flash, letters(0, 3))
		w.At(bonn).Send(t.Context(), quito, telegram.Routine, letters(3, 2))
		w.Cut(quito, paris)
		if n := len(gather(t, w, quito, time.Hour)); n != 2 {
			t.Errorf("%d came, not the two of the link that is not cut", n)
		}
		for _, ends := range [][2]telegram.Route{{paris, quito}, {quito, paris}} {
			if err := w.At(ends[0]).Send(t.Context(), ends[1], telegram.Flash, letters(5, 1)); !errors.Is(err, ErrCut) {
				t.Errorf("Send on a cut link: %v", err)
			}
		}
		begin := time.Now()
		var mended sync.WaitGroup
		mended.Go(func() {
			time.Sleep(time.Minute)
			w.Mend(paris, quito)
		})
		ctx, cancel := context.WithCancel(t.Context())
		w.At(quito).Receive(ctx, func(_ telegram.Precedence, es []telegram.Envelope) error {
			if d := time.Since(begin); d != time.Minute || len(es) != 3 {
				t.Errorf("%d came after %v", len(es), d)
			}
			cancel()
			return nil
		})
		mended.Wait()
		if s := w.Stats(); s.Turned != 2 || s.Cuts != 0 || s.balance() != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestBounds(t *testing.T) {
	t.Parallel()
	w := NewWild(1, paris, quito)
	es := letters(0, 1)
	es[0].Body = make([]byte, telegram.MaxEnvelope-telegram.L0Len)
	var err error
	n := 0
	for ; err == nil && n < 100; n++ {
		err = w.At(paris).Send(t.Context(), quito, telegram.Routine, es)
	}
	if !errors.Is(err, ErrFull) || n != room/telegram.MaxEnvelope+1 || w.Stats().Full != 1 {
		t.Errorf("after %d: %v, %+v", n, err, w.Stats())
	}
	if got := gather(t, w, quito, time.Second); len(got) != n-1 {
		t.Errorf("%d of %d came", len(got), n-1)
	}
	if err := w.At(paris).Send(t.Context(), quito, telegram.Routine, es); err != nil {
		t.Errorf("there is room again: %v", err)
	}
	if err := w.At(paris).Send(t.Context(), bonn, telegram.Routine, es); !errors.Is(err, ErrNoRoute) {
		t.Errorf("sent to nobody: %v", err)
	}
}
