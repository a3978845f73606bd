package line

import (
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"time"

	"chancery.example/chancery/telegram"
	"github.com/nats-io/nats.go"
)

// wakes are the hub's on a metered line, which has no standing requests. The hub names the precedence of each message that it has written, on the
// member's own subject, and the member fetches. A wake may be lost as anything may: so the member also looks after each login, and every few
// hours. However many come, they are six numbers here.
type wakes struct {
	route telegram.Route
	came  [telegram.Override + 1]atomic.Uint64 // the highest number of a message that woke, by precedence; 0: none came
	poke  chan struct{}
}

func newWakes(r telegram.Route) *wakes { return &wakes{route: r, poke: make(chan struct{}, 1)} }

// take is called by the client for each.
func (w *wakes) take(m *nats.Msg) {
	p, ok := woken(w.route, m.Subject)
	if !ok {
		return
	}
	// The message's own headers come first, from whoever sent it, and the broker's last. It is a number to stop asking by, and no more.
	n := uint64(1)
	if all := m.Header.Values("Nats-Sequence"); len(all) > 0 {
		if x, err := strconv.ParseUint(all[len(all)-1], 10, 64); err == nil {
			n = max(n, x)
		}
	}
	for old := w.came[p].Load(); old < n && !w.came[p].CompareAndSwap(old, n); old = w.came[p].Load() {
	}
	select {
	case w.poke <- struct{}{}:
	default:
	}
}

// poked is ready when one has come; without wakes it never is.
func (w *wakes) poked() <-chan struct{} {
	if w == nil {
		return nil
	}
	return w.poke
}

// wake notes for which precedences something came to the hub.
func (r *receiver) wake() {
	for i := range r.queue {
		if r.wakes == nil {
			return
		}
		if n := r.wakes.came[i].Swap(0); n > 0 {
			q := &r.queue[i]
			q.woken, q.owed, q.tries = true, max(q.owed, n), 0
			if q.failed == 0 {
				q.ask = time.Time{}
			}
			r.stillWoken(q)
		}
	}
}

// stillWoken is asked after each word on what waits: it may be older than a wake.
func (r *receiver) stillWoken(q *queue) {
	if q.woken {
		q.waiting = max(q.waiting, 1)
	}
}

// How often it is asked for a message that woke, and is said not to be there.
const (
	mostTries = 9
	firstTry  = 20 * time.Millisecond // and twice as long each time
)

// owes looks whether a message that woke has not come, when the hub says that nothing waits. Its consumers learn of a message a moment after it is
// written, and so after the wake: it is asked again, for a while, and at once when others came.
func (r *receiver) owes(q *queue, others bool) {
	r.stillWoken(q)
	switch {
	case r.wakes == nil:
	case q.waiting > 0 || q.standing != "" || q.owed <= q.got:
	case others:
		q.waiting, q.tries = 1, 0
	case q.tries < mostTries:
		q.waiting, q.ask = 1, time.Now().Add(firstTry<<q.tries)
		q.tries++
	}
}

// look has each precedence asked once, as if it had been woken.
func (r *receiver) look(now time.Time) {
	for i := range r.queue {
		q := &r.queue[i]
		q.waiting = max(q.waiting, 1)
	}
	poll := r.line.cfg.Poll
	r.poll = now.Add(poll - poll/8 + rand.N(poll/8+1))
}

// fetch asks once for what waits of a precedence. The hub answers at once; when it does not, it is asked again, over another connection
// if nothing came over this one.
func (r *receiver) fetch(p telegram.Precedence, now time.Time) {
	q := &r.queue[p]
	if q.waiting == 0 || q.standing != "" && !now.After(q.until) {
		return
	}
	if q.standing != "" && r.line.lastHeard().Before(q.asked) {
		r.line.giveUp(r.epoch, now.Sub(q.asked))
		return
	}
	q.woken = false
	q.standing, q.asked, q.until = r.ask(p, "standing", `{"batch":1,"no_wait":true}`), now, now.Add(r.patience())
}
