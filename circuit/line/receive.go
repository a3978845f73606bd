package line

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"chancery.example/chancery/telegram"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
)

const (
	groupEnvelopes = 64        // what one take is given
	groupBytes     = 256 << 10 //
	aheadBytes     = 256 << 10 // the longest message that is fetched ahead of others of its precedence
	takeAgain      = time.Second
	askAgain       = 200 * time.Millisecond // at first, and up to sixteen times that, after the hub said that there is no such stream, or none yet
)

// Receive calls take with what waits at the hub, the most urgent first, until ctx ends. Messages of one precedence that wait may be
// taken together, up to 64 envelopes or 256 KiB. What take refused is offered again after a second: by the hub, or on a line where each byte counts
// from here.
func (l *Line) Receive(ctx context.Context, take func(telegram.Precedence, []telegram.Envelope) error) error {
	if !l.receiving.CompareAndSwap(false, true) {
		return errors.New("the line receives already")
	}
	defer l.receiving.Store(false)
	r := &receiver{line: l, taken: make(chan error, 1)}
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
		if r.nc == nil && l.cfg.Hub == nil && l.fetching.Swap(int64(epoch)) == int64(epoch) {
			// The requests of a former Receive still stand at the hub, and would swallow messages: only a new login ends them.
			if err := nc.ForceReconnect(); err != nil {
				wait(ctx, askAgain)
				continue
			}
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
		r.drain()
		r.pull()
		if p, ok := r.urgent(); ok && r.taking == nil {
			r.offer(p, take)
		}
		r.sleep(ctx, changed)
	}
	return ctx.Err()
}

// receiver is owned by the one goroutine of Receive. Everything that the hub sends it runs through one channel.
//
// Each request for messages asks for one. The broker forgets a request of a member once it was answered with an empty message, which
// anybody may send, and what it still sent on that request would be lost for a minute.
type receiver struct {
	line  *Line
	nc    *nats.Conn
	epoch int
	subs  [3]*nats.Subscription // answers to standing requests, to those ahead, and wakes
	wakes *wakes                // nil when the line is not metered
	in    chan *nats.Msg
	inbox string
	asked int // requests so far
	queue [telegram.Override + 1]queue
	told  time.Time // when junk was last logged
	poll  time.Time // when a metered line is looked at without having been woken
	mark  int64     // bytes that had come with the last message

	hidden hidden // owned by Receive as all else

	unsaid []string  // where messages that were taken are to be acknowledged
	saying time.Time // when at the latest

	taking *group     // what take has now; nil while it does not run
	taken  chan error // take's word on it
}

// group is what take was given.
type group struct {
	at   telegram.Precedence
	msgs []*nats.Msg
}

// queue is what is known of one precedence. One request always stands at the hub; while more waits there, others run ahead, which the
// hub answers at once.
type queue struct {
	msgs     []*nats.Msg   // fetched, not yet taken
	waiting  int           // at the hub, by its last word
	woken    bool          // since the last request on a metered line
	owed     uint64        // the number of the last message that woke
	got      uint64        // the highest number of a message that came
	tries    int           // how often in a row the hub said that what woke is not there
	size     int64         // of a message, on the average
	standing string        // the subject for the answer to the standing request; empty without one
	asked    time.Time     // when it was made
	until    time.Time     // when the hub has surely forgotten it
	stands   time.Duration // how long the next one stands
	ahead    int           // requests that run ahead
	soon     time.Time     // when they have surely been answered
	failed   int           // how often in a row the hub had no such stream
	ask      time.Time     // no request before
	take     time.Time     // no take before
}

// join follows the line to a new connection. What was fetched stays and can still be acknowledged; open requests died with the old one.
func (r *receiver) join(nc *nats.Conn, epoch int) error {
	if r.nc == nc && r.epoch == epoch {
		return nil
	}
	r.leave()
	r.inbox = inbox(r.line.cfg.Route) + "." + nuid.Next()
	r.in = make(chan *nats.Msg, 2*len(r.queue)*(1+r.line.cfg.Ahead)) // more than all requests can bring
	for i, kind := range []string{".standing.*", ".ahead.*"} {
		sub, err := nc.ChanSubscribe(r.inbox+kind, r.in)
		if err != nil {
			return fmt.Errorf("listening for messages: %w", err)
		}
		r.subs[i] = sub
	}
	if r.line.cfg.Metered { // before the first look: what comes after it wakes
		r.wakes = newWakes(r.line.cfg.Route)
		sub, err := nc.Subscribe(wakeSubject(r.line.cfg.Route), r.wakes.take)
		if err != nil {
			return fmt.Errorf("listening for wakes: %w", err)
		}
		r.subs[2] = sub
	}
	r.nc, r.epoch, r.poll, r.mark = nc, epoch, time.Time{}, r.line.in.Load()
	r.hidden = hidden{}
	for p := range r.queue {
		q := &r.queue[p]
		q.standing, q.ahead, q.waiting, q.ask, q.stands = "", 0, 0, time.Time{}, r.firstStands()
		q.size = cmp.Or(q.size, 8<<10)
		q.owed, q.got, q.tries = 1, 0, mostTries-1 // what woke before there was anybody to hear it is asked for twice
	}
	return nil
}

func (r *receiver) leave() {
	for i, s := range r.subs {
		if s != nil {
			s.Unsubscribe() // fails only when the connection is gone, and the subscription with it
			r.subs[i] = nil
		}
	}
	r.drain()
	r.nc, r.unsaid = nil, nil
}

// giveBack waits for a take that runs, and lets the hub offer at once what was fetched and not taken.
func (r *receiver) giveBack() {
	nc := r.nc
	if r.taking != nil {
		r.finish(<-r.taken)
	}
	r.sayAll()
	r.leave()
	for i := range r.queue {
		for _, m := range r.queue[i].msgs {
			if nc != nil {
				nc.Publish(m.Reply, []byte("-NAK"))
			}
		}
	}
}

// firstStands is how long the first request after a login stands; each that expires in peace is followed by one that stands twice as long, up to
// pullExpires. The hub makes consumers anew around a login, or after its own death, and forgets without a word the request that it had: what came
// then would lie there until the request was surely forgotten.
func (r *receiver) firstStands() time.Duration {
	return max(2*time.Second, 4*r.line.cfg.RoundTrip)
}

// pull asks for more of each precedence that has room.
func (r *receiver) pull() {
	now := time.Now()
	if len(r.unsaid) > 0 && !now.Before(r.saying) {
		r.sayAll()
	}
	if r.line.cfg.Reserve > 0 {
		if n, ok := r.line.current().segments(); ok {
			r.hidden.look(r.line.in.Load(), n)
		}
	}
	if r.wakes != nil && !now.Before(r.poll) {
		r.look(now)
	}
	for p := telegram.Override; ; p-- {
		if q := &r.queue[p]; !now.Before(q.ask) && !now.Before(q.take) {
			r.pullOf(p, now)
		}
		if p == telegram.Deferred {
			return
		}
	}
}

func (r *receiver) pullOf(p telegram.Precedence, now time.Time) {
	q := &r.queue[p]
	room := r.line.cfg.Ahead - len(q.msgs)
	if room <= 0 || q.waiting > 0 && r.full(p) {
		return
	}
	switch {
	case r.wakes != nil:
		r.fetch(p, now)
	case q.standing == "" || now.After(q.until):
		r.stand(p, now)
	}
	if q.ahead > 0 && now.After(q.soon) {
		q.ahead = 0 // answered in vain, or not at all
	}
	for min(room, q.waiting)-1-q.ahead > 0 && !r.full(p) {
		r.ask(p, "ahead", fmt.Sprintf(`{"batch":1,"no_wait":true,"max_bytes":%d}`, aheadBytes))
		q.ahead++
		q.soon = now.Add(pullExpires/4 + r.patience())
	}
}

// stand has a request stand at the hub.
func (r *receiver) stand(p telegram.Precedence, now time.Time) {
	q, c := &r.queue[p], &r.line.cfg
	early := c.Reserve > 0
	switch {
	case q.standing == "":
	case early:
		q.stands = min(2*q.stands, pullExpires)
	default: // it was never answered: the hub has lost it, and may lose the next
		q.stands = r.firstStands()
	}
	q.standing = r.ask(p, "standing", fmt.Sprintf(`{"batch":1,"expires":%d}`, q.stands.Nanoseconds()))
	if early {
		// The next one is there before this one ends: what is urgent would lie at the hub for as long as the hub's word and the next request need,
		// and for long when that word is lost.
		q.until = now.Add(q.stands - min(q.stands/2, 2*c.RoundTrip+c.Takes(c.Reserve)+time.Second))
		return
	}
	q.until = now.Add(q.stands + min(q.stands, 10*time.Second))
}

// full says whether enough of a precedence and above is under way, on a line with a Reserve. What is less urgent never counts.
func (r *receiver) full(p telegram.Precedence) bool {
	return r.line.cfg.Reserve > 0 && r.under(p) > r.line.cfg.Reserve
}

// under is how many bytes of a precedence and above are probably on their way here.
func (r *receiver) under(p telegram.Precedence) (n int64) {
	for i := int(p); i < len(r.queue); i++ {
		q := &r.queue[i]
		asked := q.ahead
		if q.standing != "" {
			asked++
		}
		n += int64(min(q.waiting, asked)) * q.size
	}
	return max(0, n-(r.line.in.Load()-r.mark)-r.hidden.bytes())
}

// patience is how long the hub's word on a request may take.
func (r *receiver) patience() time.Duration {
	c := &r.line.cfg
	return c.Pong + c.Takes(c.Reserve+2<<15+r.line.post.bytes()) // a section of 32 KiB may just have begun, and another be next
}

// ask sends one request and gives the subject for its answer. That it fails shows in the connection soon enough.
func (r *receiver) ask(p telegram.Precedence, kind, request string) string {
	r.sayAll()
	r.asked++
	answer := fmt.Sprintf("%s.%s.%d-%d", r.inbox, kind, p, r.asked)
	r.nc.PublishRequest(next(r.line.cfg.Route, p), answer, []byte(request))
	return answer
}

// drain sorts what has come.
func (r *receiver) drain() {
	r.wake()
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
	standing := m.Sub == r.subs[0]
	if p, n, waiting, ok := fetched(r.line.cfg.Route, m.Reply); ok {
		q := &r.queue[p]
		q.msgs, q.waiting, q.failed, q.got = append(q.msgs, m), waiting, 0, max(q.got, n)
		q.size, r.mark = (3*q.size+int64(len(m.Data)))/4, r.line.in.Load()
		if standing {
			q.standing = ""
		} else {
			q.ahead = max(q.ahead-1, 0)
		}
		r.owes(q, true)
		return
	}
	// Anything else is the hub's word on one of our requests; on one that is no longer open it means nothing.
	var p, n int
	if _, err := fmt.Sscanf(m.Subject[strings.LastIndexByte(m.Subject, '.')+1:], "%d-%d", &p, &n); err != nil || p < 0 || p >= len(r.queue) {
		return
	}
	q := &r.queue[p]
	switch status := m.Header.Get("Status"); {
	case !standing: // nothing waits any more, or only what is too long to be fetched ahead
		q.ahead, q.waiting = max(q.ahead-1, 0), 0
		if status == "409" && r.wakes != nil {
			q.waiting = 1
		}
		r.owes(q, false)
	case m.Subject != q.standing, status == "100":
	case r.wakes != nil && status == "404": // nothing waits, or nothing did when this was said
		q.standing, q.failed, q.waiting = "", 0, 0
		r.owes(q, false)
	case r.wakes == nil && status == "408": // expired, in all peace
		q.standing, q.failed, q.stands = "", 0, min(2*q.stands, pullExpires)
	default: // no such stream, or it was just deleted
		q.standing, q.ask = "", time.Now().Add(askAgain<<min(q.failed, 4))
		q.failed++
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

// offer has one group of one precedence taken.
func (r *receiver) offer(p telegram.Precedence, take func(telegram.Precedence, []telegram.Envelope) error) {
	q := &r.queue[p]
	var es []telegram.Envelope
	n, size := 0, 0
	for n < len(q.msgs) {
		m := q.msgs[n]
		if n > 0 && size+len(m.Data) > groupBytes {
			break
		}
		data := m.Data
		if r.keeps() {
			data = slices.Clone(data) // take may change it, and refuse it
		}
		more, err := telegram.Unbundle(data)
		if n > 0 && len(es)+len(more) > groupEnvelopes {
			break
		}
		if err != nil || len(more) == 0 {
			r.junk(p, err)
		}
		es, size, n = append(es, more...), size+len(m.Data), n+1
	}
	r.taking = &group{p, q.msgs[:n:n]}
	q.msgs = append([]*nats.Msg(nil), q.msgs[n:]...)
	if len(es) == 0 {
		r.finish(nil)
		return
	}
	// Meanwhile more is fetched: on a thin line take may wait for its receipts to leave.
	go func() { r.taken <- take(p, es) }()
}

// finish tells the hub how it went.
func (r *receiver) finish(err error) {
	g := r.taking
	r.taking = nil
	verdict := "+ACK"
	if err != nil {
		q := &r.queue[g.at]
		q.take = time.Now().Add(takeAgain)
		if r.keeps() {
			q.msgs = append(g.msgs, q.msgs...)
			return
		}
		verdict = fmt.Sprintf(`-NAK {"delay":%d}`, takeAgain.Nanoseconds())
	}
	for _, m := range g.msgs {
		if err == nil && r.keeps() {
			r.say(m.Reply)
		} else if r.nc != nil { // lost with the connection it means that the message comes again
			r.nc.Publish(m.Reply, []byte(verdict))
		}
	}
}

// say acknowledges a message along with the next request, or after a second: on a thin line two short packets cost twice what one does, and so
// does what acknowledges them.
func (r *receiver) say(ack string) {
	if len(r.unsaid) == 0 {
		r.saying = time.Now().Add(time.Second)
	}
	if r.unsaid = append(r.unsaid, ack); len(r.unsaid) >= groupEnvelopes {
		r.sayAll()
	}
}

func (r *receiver) sayAll() {
	for _, ack := range r.unsaid {
		if r.nc != nil {
			r.nc.Publish(ack, []byte("+ACK"))
		}
	}
	r.unsaid = nil
}

// keeps says whether what take refused is kept here for its next time. It would have to come once more, otherwise.
func (r *receiver) keeps() bool { return r.line.cfg.Metered || r.line.cfg.Rate > 0 }

// junk counts what does not parse. What stands before the fault is taken all the same.
func (r *receiver) junk(p telegram.Precedence, err error) {
	n := r.line.junk.Add(1)
	if now := time.Now(); now.Sub(r.told) > time.Minute {
		r.told = now
		r.line.cfg.Log.Warn("line: a message that is no bundle was dropped", "precedence", p, "fault", err, "since start", n)
	}
}

// sleep waits for a message, for take, a change of the connection, or the next time at which something is to be done.
func (r *receiver) sleep(ctx context.Context, changed <-chan struct{}) {
	now := time.Now()
	until := now.Add(pullExpires)
	if r.wakes != nil {
		until = r.poll
	}
	if len(r.unsaid) > 0 && r.saying.Before(until) {
		until = r.saying
	}
	for i := range r.queue {
		q := &r.queue[i]
		due := []time.Time{q.until}
		if q.standing == "" {
			due = []time.Time{q.ask, q.take}
		}
		if q.ahead > 0 {
			due = append(due, q.soon)
		}
		if len(q.msgs) > 0 {
			due = append(due, q.take)
		}
		if q.waiting > 0 && r.full(telegram.Precedence(i)) { // until less of it is under way
			due = append(due, now.Add(20*time.Millisecond))
		}
		for _, t := range due {
			if t.After(now) && t.Before(until) {
				until = t
			}
		}
	}
	if _, ok := r.urgent(); ok && r.taking == nil {
		return
	}
	t := time.NewTimer(max(until.Sub(now), time.Millisecond))
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-changed:
	case <-t.C:
	case err := <-r.taken:
		r.finish(err)
	case <-r.wakes.poked():
	case m := <-r.in:
		r.sort(m)
	}
}
