package circuittest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"chancery.example/chancery/circuit"
	"chancery.example/chancery/telegram"
)

const (
	group     = 16                    // envelopes in one take, at most
	takeAgain = 20 * time.Millisecond // before what take refused is offered again
	room      = 64 << 20              // bytes that may wait for one post
)

// Errors of Send on a Wild.
var (
	ErrCut     = errors.New("the link is cut")
	ErrNoRoute = errors.New("nobody has this route")
	ErrFull    = errors.New("too much waits for this post")
)

// Wild is a network among posts, in memory. Nothing of it runs by itself: what waits is kept until somebody receives. Its methods may be
// called at the same time.
//
// Each link draws its faults from the seed, envelope by envelope in the order of Send, whatever other links do. So a post whose Sends
// have an order meets the same faults again; which of several goroutines sends first, and how much waits when one receives, the seed
// does not decide. Times are those of package time, so in a testing/synctest bubble they pass at once.
type Wild struct {
	boxes map[telegram.Route]*box // neither map changes
	links map[[2]telegram.Route]*link

	mu    sync.Mutex // guards what follows, and what is in boxes and links
	stats Stats
	seq   uint64 // counts envelopes handed over
}

// box is what waits for one post.
type box struct {
	parcels   []*parcel // as they are to be taken: by rank, the highest first, then by seq
	bytes     int
	wake      chan struct{} // holds one value when the box may have changed
	receiving bool
	last      [telegram.Override + 1]uint64 // of what was taken with each rank, the latest seq; for Stats.Reordered
}

// parcel is one copy of an envelope on its way.
type parcel struct {
	envelope []byte
	at       telegram.Precedence // as take is told
	rank     telegram.Precedence // its place among others; at, unless the link forgot it
	seq      uint64
	due      time.Time
	link     *link
	refused  bool // offered before
}

// NewWild makes a network among these posts on which every link is good.
func NewWild(seed uint64, routes ...telegram.Route) *Wild {
	w := &Wild{boxes: map[telegram.Route]*box{}, links: map[[2]telegram.Route]*link{}}
	for _, to := range routes {
		w.boxes[to] = &box{wake: make(chan struct{}, 1)}
		for _, from := range routes {
			w.links[[2]telegram.Route{from, to}] = newLink(seed, from, to)
		}
	}
	return w
}

// At is the network as one of its posts has it. Every call for a post gives the same carrier, as far as that can be told.
func (w *Wild) At(r telegram.Route) circuit.Carrier {
	if w.boxes[r] == nil {
		panic(fmt.Sprintf("circuittest: %v is no post of this network", r))
	}
	return &end{w, r}
}

// end is a network as one post has it.
type end struct {
	*Wild
	self telegram.Route
}

// Send puts es through the faults of the link. It never waits.
func (e *end) Send(ctx context.Context, to telegram.Route, p telegram.Precedence, es []telegram.Envelope) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if p > telegram.Override {
		return fmt.Errorf("sending to %v: %v is unknown", to, p)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	l, b := e.links[[2]telegram.Route{e.self, to}], e.boxes[to]
	if l == nil {
		return fmt.Errorf("sending to %v: %w", to, ErrNoRoute)
	}
	if l.down(time.Now()) {
		e.stats.Turned++
		return fmt.Errorf("sending to %v: %w", to, ErrCut)
	}
	last, cut := l.cut(len(es))
	for i := range es {
		if b.bytes+es[i].Size() > room {
			e.stats.Full++
			return fmt.Errorf("sending to %v: %w", to, ErrFull)
		}
		e.seq++
		for _, x := range l.pass(es[i].Marshal(), p, e.seq, &e.stats) {
			b.put(x)
		}
		if cut && i == last {
			e.stats.Cuts++
			l.fail()
			return fmt.Errorf("sending to %v: %w", to, ErrCut)
		}
	}
	return nil
}

// put lays a parcel at its place. It is called with the lock held, as are the other methods of box.
func (b *box) put(x *parcel) {
	i, _ := slices.BinarySearchFunc(b.parcels, x, func(a, x *parcel) int {
		if a.rank != x.rank {
			return int(x.rank) - int(a.rank)
		}
		if a.seq <= x.seq { // a copy comes behind its original
			return -1
		}
		return 1
	})
	b.parcels = slices.Insert(b.parcels, i, x)
	b.bytes += len(x.envelope)
	b.stir()
}

func (b *box) stir() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// Receive calls take with up to 16 envelopes of one precedence.
func (e *end) Receive(ctx context.Context, take func(telegram.Precedence, []telegram.Envelope) error) error {
	b := e.boxes[e.self]
	e.mu.Lock()
	if b.receiving {
		e.mu.Unlock()
		return fmt.Errorf("%v receives already", e.self)
	}
	b.receiving = true
	e.mu.Unlock()
	defer func() {
		e.mu.Lock()
		b.receiving = false
		e.mu.Unlock()
	}()
	for ctx.Err() == nil {
		xs, until := e.next(b)
		if len(xs) == 0 {
			b.sleep(ctx, until)
			continue
		}
		es := make([]telegram.Envelope, len(xs))
		for i, x := range xs {
			// A copy, since take may change what it was given and then refuse it. That it parses was seen when it was put.
			es[i], _ = telegram.ParseEnvelope(slices.Clone(x.envelope))
		}
		e.took(b, xs, take(xs[0].at, es))
	}
	return ctx.Err()
}

// next takes out of a box what is to be offered now or, if that is nothing, says when something will be; zero when that is not known.
func (w *Wild) next(b *box) (xs []*parcel, until time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	b.parcels = slices.DeleteFunc(b.parcels, func(x *parcel) bool {
		due, known := x.link.free(x.due)
		if !known {
			return false // behind a cut that only Mend ends
		}
		if due.After(now) {
			if until.IsZero() || due.Before(until) {
				until = due
			}
			return false
		}
		if len(xs) == group || len(xs) > 0 && x.at != xs[0].at {
			return false
		}
		xs = append(xs, x)
		return true
	})
	return xs, until
}

// sleep waits for a change of the box, for until, or for the end of ctx.
func (b *box) sleep(ctx context.Context, until time.Time) {
	var due <-chan time.Time
	if !until.IsZero() {
		t := time.NewTimer(time.Until(until))
		defer t.Stop()
		due = t.C
	}
	select {
	case <-ctx.Done():
	case <-b.wake:
	case <-due:
	}
}

// took enters how take answered. What it refused goes back to its place.
func (w *Wild) took(b *box, xs []*parcel, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, x := range xs {
		b.bytes -= len(x.envelope)
		if !x.refused && b.outOfOrder(x) {
			w.stats.Reordered++
		}
		if err != nil {
			x.refused, x.due = true, time.Now().Add(takeAgain)
			w.stats.Refused++
			b.put(x)
			continue
		}
		w.stats.Taken++
	}
}

// outOfOrder enters that x is offered, and says whether something that came later and is no more urgent was offered before it.
func (b *box) outOfOrder(x *parcel) bool {
	late := false
	for p := range x.at + 1 {
		late = late || b.last[p] > x.seq
	}
	b.last[x.at] = max(b.last[x.at], x.seq)
	return late
}
