package line

import (
	"context"
	"errors"
	"fmt"
	"time"

	"chancery.example/chancery/telegram"
	"github.com/nats-io/nats.go"
)

const (
	groupEnvelopes = 64        // what one take is given
	groupBytes     = 256 << 10 //
	pullBytes      = 1 << 20   // one request for messages brings no more, save for one longer message by itself
	takeAgain      = time.Second
	askAgain       = 2 * time.Second // after the hub said that there is no such stream, or none yet
)

// Receive calls take with what waits at the hub, the most urgent first, until ctx ends. Messages of one precedence that wait may be
// taken together, up to 64 envelopes or 256 KiB. What take refused is offered again after a second.
func (l *Line) Receive(ctx context.Context, take func(telegram.Precedence, []telegram.Envelope) error) error {
	if !l.receiving.CompareAndSwap(false, true) {
		return errors.New("the line receives already")
	}
	defer l.receiving.Store(false)
	r := &receiver{line: l}
	defer r.giveBack()
	for ctx.Err() == nil {
		nc, epoch, changed := l.watch()
		if nc == nil {
			select {
			case <-ctx.Done():
			case <-changed:
			}
			continue
		}
		if err := r.join(nc, epoch); err != nil {
			l.cfg.Log.Warn("line: receiving", "err", err)
			wait(ctx, askAgain)
			continue
		}
		r.pull()
		r.drain()
		if p, ok := r.urgent(); ok {
			r.offer(p, take)
			continue
		}
		r.sleep(ctx, changed)
	}
	return ctx.Err()
}

// receiver is owned by the one goroutine of Receive. Everything that the hub sends it runs through one channel.
type receiver struct {
	line  *Line
	nc    *nats.Conn
	epoch int
	sub   *nats.Subscription
	in    chan *nats.Msg
	inbox string
	pulls int
	queue [telegram.Override + 1]queue
	told  time.Time // when junk was last logged
}

// queue is what is known of one precedence: what was fetched, and the one request for more that is open at the hub.
type queue struct {
	msgs  []*nats.Msg
	pull  string    // the subject of the open request; empty without one
	left  int       // messages it may still bring
	until time.Time // when the hub has surely forgotten it
	large bool      // ask for one message, whatever its length
	ask   time.Time // no request before
	take  time.Time // no take before
}

// join follows the line to a new connection. What was fetched stays and can still be acknowledged; open requests died with the old one.
func (r *receiver) join(nc *nats.Conn, epoch int) error {
	if r.nc == nc && r.epoch == epoch {
		return nil
	}
	r.leave()
	r.inbox = nats.NewInbox()[len(nats.InboxPrefix):]
	r.inbox = inbox(r.line.cfg.Route) + "." + r.inbox
	// The channel is longer than what all six requests can bring with those of the connection before.
	r.in = make(chan *nats.Msg, 16*int(telegram.Override+1)+4*len(r.queue)*r.line.cfg.Window)
	sub, err := nc.ChanSubscribe(r.inbox+".>", r.in)
	if err != nil {
		return fmt.Errorf("listening for messages: %w", err)
	}
	r.nc, r.epoch, r.sub = nc, epoch, sub
	for p := range r.queue {
		r.queue[p].pull, r.queue[p].ask = "", time.Time{}
	}
	return nil
}

func (r *receiver) leave() {
	if r.sub != nil {
		r.sub.Unsubscribe() // fails only when the connection is gone, and the subscription with it
		r.drain()
		r.nc, r.sub = nil, nil
	}
}

// giveBack lets the hub offer at once what was fetched and not taken.
func (r *receiver) giveBack() {
	nc := r.nc
	r.leave()
	for i := range r.queue {
		for _, m := range r.queue[i].msgs {
			if nc != nil {
				nc.Publish(m.Reply, []byte("-NAK"))
			}
		}
	}
}

// pull asks for more of each precedence that runs low.
func (r *receiver) pull() {
	now := time.Now()
	for i := range r.queue {
		p, q := telegram.Precedence(i), &r.queue[i]
		room := r.line.cfg.Window - len(q.msgs)
		if q.pull != "" && now.Before(q.until) || now.Before(q.ask) || now.Before(q.take) || 2*room < r.line.cfg.Window {
			continue
		}
		r.pulls++
		q.pull, q.left, q.until = fmt.Sprintf("%s.%d.%d", r.inbox, p, r.pulls), room, now.Add(pullExpires+10*time.Second)
		limit := fmt.Sprintf(`,"max_bytes":%d`, pullBytes)
		if q.large {
			q.left, limit, q.large = 1, "", false
		}
		req := fmt.Sprintf(`{"batch":%d,"expires":%d%s}`, q.left, pullExpires.Nanoseconds(), limit)
		if err := r.nc.PublishRequest(next(r.line.cfg.Route, p), q.pull, []byte(req)); err != nil {
			q.pull, q.ask = "", now.Add(askAgain)
		}
	}
}

// drain sorts what has come.
func (r *receiver) drain() {
	for {
		select {
		case m := <-r.in:
			r.sort(m)
		default:
			return
		}
	}
}

func (r *receiver) sort(m *nats.Msg) {
	if p, ok := fetched(r.line.cfg.Route, m.Reply); ok {
		q := &r.queue[p]
		q.msgs = append(q.msgs, m)
		if q.left--; q.left <= 0 {
			q.pull = ""
		}
		return
	}
	// Anything else is the hub's word on one of our requests; on one that is no longer open it means nothing.
	for i := range r.queue {
		q := &r.queue[i]
		if q.pull == "" || q.pull != m.Subject {
			continue
		}
		switch status, why := m.Header.Get("Status"), m.Header.Get("Description"); {
		case status == "100": // a sign of life
		case status == "408", status == "404", why == "Batch Completed":
			q.pull = ""
		case why == "Message Size Exceeds MaxBytes":
			q.pull, q.large = "", true
		default: // no such stream, or it was just deleted
			q.pull, q.ask = "", time.Now().Add(askAgain)
		}
	}
}

// urgent is the highest precedence of which something may be taken now.
func (r *receiver) urgent() (telegram.Precedence, bool) {
	now := time.Now()
	for p := telegram.Override; ; p-- {
		if q := &r.queue[p]; len(q.msgs) > 0 && !now.Before(q.take) {
			return p, true
		}
		if p == telegram.Deferred {
			return 0, false
		}
	}
}

// offer takes one group of one precedence and tells the hub how it went.
func (r *receiver) offer(p telegram.Precedence, take func(telegram.Precedence, []telegram.Envelope) error) {
	q := &r.queue[p]
	var es []telegram.Envelope
	n, size := 0, 0
	for n < len(q.msgs) {
		m := q.msgs[n]
		if n > 0 && size+len(m.Data) > groupBytes {
			break
		}
		more, err := telegram.Unbundle(m.Data)
		if n > 0 && len(es)+len(more) > groupEnvelopes {
			break
		}
		if err != nil || len(more) == 0 {
			r.junk(p, err)
		}
		es, size, n = append(es, more...), size+len(m.Data), n+1
	}
	group := q.msgs[:n:n]
	q.msgs = append([]*nats.Msg(nil), q.msgs[n:]...)
	verdict := "+ACK"
	if len(es) > 0 {
		if err := take(p, es); err != nil {
			verdict = fmt.Sprintf(`-NAK {"delay":%d}`, takeAgain.Nanoseconds())
			q.take = time.Now().Add(takeAgain)
		}
	}
	for _, m := range group {
		r.nc.Publish(m.Reply, []byte(verdict)) // lost with the connection it means that the message comes again
	}
}

// junk counts what does not parse. What stands before the fault is taken all the same.
func (r *receiver) junk(p telegram.Precedence, err error) {
	n := r.line.junk.Add(1)
	if now := time.Now(); now.Sub(r.told) > time.Minute {
		r.told = now
		r.line.cfg.Log.Warn("line: a message that is no bundle was dropped", "precedence", p, "fault", err, "since start", n)
	}
}

// sleep waits for a message, a change of the connection, or the next time at which something is to be done.
func (r *receiver) sleep(ctx context.Context, changed <-chan struct{}) {
	now := time.Now()
	until := now.Add(pullExpires)
	for i := range r.queue {
		q := &r.queue[i]
		due := []time.Time{q.until}
		if q.pull == "" {
			due = []time.Time{q.ask, q.take}
		}
		if len(q.msgs) > 0 {
			due = append(due, q.take)
		}
		for _, t := range due {
			if t.After(now) && t.Before(until) {
				until = t
			}
		}
	}
	t := time.NewTimer(max(until.Sub(now), time.Millisecond))
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-changed:
	case <-t.C:
	case m := <-r.in:
		r.sort(m)
	}
}
