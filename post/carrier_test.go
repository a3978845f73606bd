package post_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"chancery.example/chancery/circuit"
	"chancery.example/chancery/telegram"
)

// ether carries between posts, as badly as a test wants, and keeps what was given to it. Faults are drawn under a seed; which goroutine
// draws first is not, so a seed makes a run likely and not certain.
type ether struct {
	mu    sync.Mutex
	rng   *rand.Rand
	boxes map[telegram.Route]*box
	sent  []parcel // everything ever handed over, before any fault

	// Of each envelope, how likely it is to be lost, repeated, altered, delivered under another precedence, and how long it may be delayed.
	// With reorder the most urgent comes not first but any.
	lose, repeat, corrupt, regrade float64
	delay                          time.Duration
	reorder                        bool
	closed                         map[telegram.Route]bool // the way from these posts is down
	hold                           func(parcel) bool       // what is held up on its way
	together                       bool                    // what waits at one precedence is handed over at once
	onSend                         func(parcel)            // called with each envelope handed over, before it leaves
}

// parcel is one envelope on its way.
type parcel struct {
	from, to telegram.Route
	at       telegram.Precedence
	envelope []byte
	due      time.Time
	done     chan error // told how it was taken, when somebody waits for it
}

// box is what waits for one post.
type box struct {
	parcels []parcel
	wake    chan struct{}
}

func newEther(seed uint64) *ether {
	return &ether{rng: rand.New(rand.NewPCG(seed, 0)), boxes: map[telegram.Route]*box{}, closed: map[telegram.Route]bool{}}
}

// at is the way as one post has it.
func (e *ether) at(r telegram.Route) circuit.Carrier { return &way{e, r} }

type way struct {
	*ether
	self telegram.Route
}

// box is used with the lock held.
func (e *ether) box(r telegram.Route) *box {
	if e.boxes[r] == nil {
		e.boxes[r] = &box{wake: make(chan struct{}, 1)}
	}
	return e.boxes[r]
}

func (e *ether) put(p parcel) {
	b := e.box(p.to)
	b.parcels = append(b.parcels, p)
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

func (w *way) Send(_ context.Context, to telegram.Route, p telegram.Precedence, es []telegram.Envelope) error {
	w.mu.Lock()
	onSend := w.onSend
	w.mu.Unlock()
	for _, e := range es {
		if onSend != nil {
			onSend(parcel{from: w.self, to: to, at: p, envelope: e.Marshal()})
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range es {
		x := parcel{from: w.self, to: to, at: p, envelope: e.Marshal()}
		w.sent = append(w.sent, x)
		if w.closed[w.self] || w.rng.Float64() < w.lose {
			continue
		}
		if w.rng.Float64() < w.repeat {
			w.put(w.faulty(x))
		}
		w.put(w.faulty(x))
	}
	return nil
}

func (e *ether) faulty(x parcel) parcel {
	if e.rng.Float64() < e.corrupt {
		x.envelope = slices.Clone(x.envelope)
		x.envelope[e.rng.IntN(len(x.envelope))] ^= 1 << e.rng.IntN(8)
	}
	if e.rng.Float64() < e.regrade {
		x.at = telegram.Precedence(e.rng.IntN(6))
	}
	if e.delay > 0 {
		x.due = time.Now().Add(time.Duration(e.rng.Int64N(int64(e.delay))))
	}
	return x
}

func (w *way) Receive(ctx context.Context, take func(telegram.Precedence, []telegram.Envelope) error) error {
	for ctx.Err() == nil {
		x, ok := w.next(ctx)
		if !ok {
			continue
		}
		// What does not even parse never reaches a post.
		env, err := telegram.ParseEnvelope(slices.Clone(x.envelope))
		if err == nil {
			err = take(x.at, append([]telegram.Envelope{env}, w.others(x)...))
			if err != nil && x.done == nil { // offered again
				w.mu.Lock()
				x.due = time.Now().Add(20 * time.Millisecond)
				w.put(x)
				w.mu.Unlock()
			}
		}
		if x.done != nil {
			x.done <- err
		}
	}
	return ctx.Err()
}

// others is what waits beside a parcel, if that is handed over together. A take that fails loses it.
func (w *way) others(x parcel) (es []telegram.Envelope) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.together {
		return nil
	}
	b := w.box(w.self)
	b.parcels = slices.DeleteFunc(b.parcels, func(y parcel) bool {
		env, err := telegram.ParseEnvelope(slices.Clone(y.envelope))
		if err != nil || y.at != x.at || y.done != nil {
			return false
		}
		es = append(es, env)
		return true
	})
	return es
}

// next is the next parcel that is due, the most urgent first.
func (w *way) next(ctx context.Context) (parcel, bool) {
	w.mu.Lock()
	b, now, best := w.box(w.self), time.Now(), -1
	for i, x := range b.parcels {
		if x.due.After(now) || w.hold != nil && w.hold(x) {
			continue
		}
		if best < 0 || !w.reorder && x.at > b.parcels[best].at || w.reorder && w.rng.IntN(2) == 0 {
			best = i
		}
	}
	if best >= 0 {
		x := b.parcels[best]
		b.parcels = slices.Delete(b.parcels, best, best+1)
		w.mu.Unlock()
		return x, true
	}
	w.mu.Unlock()
	t := time.NewTimer(5 * time.Millisecond)
	defer t.Stop()
	select {
	case <-b.wake:
	case <-t.C:
	case <-ctx.Done():
	}
	return parcel{}, false
}

// deliver puts envelopes before a post that runs, past all faults, and returns when each was taken or refused.
func (e *ether) deliver(to telegram.Route, at telegram.Precedence, envelopes ...[]byte) error {
	for _, x := range envelopes {
		done := make(chan error, 1)
		e.mu.Lock()
		e.put(parcel{to: to, at: at, envelope: x, done: done})
		e.mu.Unlock()
		if err := <-done; err != nil {
			return err
		}
	}
	return nil
}

// from gives what a post has handed over so far, as it was.
func (e *ether) from(r telegram.Route) (out []parcel) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, x := range e.sent {
		if x.from == r {
			out = append(out, x)
		}
	}
	return out
}

// set changes how the ether behaves.
func (e *ether) set(change func(*ether)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	change(e)
}
