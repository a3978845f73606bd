package circuittest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"chancery.example/chancery/circuit"
	"chancery.example/chancery/telegram"
)

// Run holds a carrier to the contract of circuit.Carrier, one subtest for each promise. Every subtest calls open, which gives a carrier
// for each of the routes, all connected with each other over a good and quick way: what is handed over can be taken a tenth of a second
// later. open stops them by t.Cleanup. The names of subtests stay, so that one can be chosen by -run.
func Run(t *testing.T, open func(t *testing.T, routes []telegram.Route) []circuit.Carrier) {
	run(t, open, 30*time.Second)
}

func run(t *testing.T, open func(*testing.T, []telegram.Route) []circuit.Carrier, patience time.Duration) {
	for _, p := range promises {
		t.Run(p.name, func(t *testing.T) { p.hold(newSite(t, open, patience)) })
	}
}

const (
	moment = 100 * time.Millisecond // in which what was handed over arrives, and what must not happen would
	ahead  = 64                     // envelopes that may go before a more urgent one which has arrived
)

var promises = []struct {
	name string
	hold func(*site)
}{
	{"there and back", thereAndBack},
	{"three posts", threePosts},
	{"reads no envelope", readsNoEnvelope},
	{"unknown precedence", unknownPrecedence},
	{"unknown route", unknownRoute},
	{"nothing sent", nothingSent},
	{"longest", longest},
	{"many", many},
	{"send waits for nobody", sendWaitsForNobody},
	{"send keeps nothing", sendKeepsNothing},
	{"send at once", sendAtOnce},
	{"send ends", sendEnds},
	{"most urgent first", mostUrgentFirst},
	{"urgent overtakes", urgentOvertakes},
	{"one take", oneTake},
	{"send in take", sendInTake},
	{"refused comes again", refusedComesAgain},
	{"refused outlives receive", refusedOutlivesReceive},
	{"refused holds nothing up", refusedHoldsNothingUp},
	{"taken is done", takenIsDone},
	{"receive ends", receiveEnds},
	{"receive waits for take", receiveWaitsForTake},
	{"receive again", receiveAgain},
	{"one receive", oneReceive},
}

func thereAndBack(s *site) {
	a, b := s.posts[0], s.posts[1]
	a.receive(nil)
	b.receive(nil)
	s.send(a, b, telegram.Routine, s.envelopes(1, b, telegram.Routine, 700)...)
	b.await(1)
	s.send(b, a, telegram.Flash, s.envelopes(1, a, telegram.Flash, 1)...)
	a.await(1)
}

// Each post sends to both others at each precedence. That all arrives, and everything where it belongs, is looked at on the way.
func threePosts(s *site) {
	for _, p := range s.posts {
		p.receive(nil)
	}
	for _, from := range s.posts {
		for _, to := range s.posts {
			for p := telegram.Deferred; p <= telegram.Override && from != to; p++ {
				s.send(from, to, p, s.envelopes(2, to, p, 300)...)
			}
		}
	}
	for _, p := range s.posts {
		p.await(24)
	}
	time.Sleep(moment) // for what goes astray
}

// A carrier goes by what Send is told. An envelope that says something else arrives there all the same, and the post sees it.
func readsNoEnvelope(s *site) {
	a, b, c := s.posts[0], s.posts[1], s.posts[2]
	for _, p := range s.posts {
		p.receive(nil)
	}
	s.send(a, b, telegram.Flash, s.envelopes(1, b, telegram.Routine, 10)...)
	s.send(a, b, telegram.Routine, s.envelopes(1, b, telegram.Flash, 10)...)
	s.send(a, b, telegram.Routine, s.envelopes(1, c, telegram.Routine, 10)...)
	b.await(3)
	time.Sleep(moment)
}

func unknownPrecedence(s *site) {
	a, b := s.posts[0], s.posts[1]
	b.receive(nil)
	for _, p := range []telegram.Precedence{telegram.Override + 1, 255} {
		if err := s.try(s.Context(), a, b.route, p, s.envelopes(1, b, telegram.Routine, 10)); err == nil {
			s.Errorf("%v was handed over", p)
		}
	}
	s.each(1, a, b, telegram.Routine)
	time.Sleep(moment)
	b.await(1)
}

// What is for nobody may be refused or lost, and harms nobody else.
func unknownRoute(s *site) {
	a, b := s.posts[0], s.posts[1]
	b.receive(nil)
	for range 3 {
		if err := s.try(s.Context(), a, telegram.Route{9, 9, 9}, telegram.Override, s.envelopes(1, b, telegram.Override, 10)); errors.Is(err, errStuck) || errors.Is(err, context.DeadlineExceeded) {
			s.Fatalf("what was for nobody was kept back: %v", err)
		}
	}
	s.each(3, a, b, telegram.Routine)
	b.await(3)
}

func nothingSent(s *site) {
	a, b := s.posts[0], s.posts[1]
	b.receive(nil)
	s.send(a, b, telegram.Routine)
	s.send(a, b, telegram.Routine, []telegram.Envelope{}...)
	time.Sleep(moment)
	s.each(1, a, b, telegram.Routine)
	b.await(1)
}

func longest(s *site) {
	a, b := s.posts[0], s.posts[1]
	b.receive(nil)
	const size = telegram.MaxEnvelope - telegram.L0Len
	s.send(a, b, telegram.Priority, s.envelopes(1, b, telegram.Priority, size)...)
	b.await(1)
	s.send(a, b, telegram.Priority, append(s.envelopes(2, b, telegram.Priority, size), s.envelopes(1, b, telegram.Priority, 1)...)...)
	b.await(4)
}

func many(s *site) {
	a, b := s.posts[0], s.posts[1]
	b.receive(nil)
	s.send(a, b, telegram.Routine, s.envelopes(2000, b, telegram.Routine, 1)...)
	b.await(2000)
}

// Nobody receives while these are handed over.
func sendWaitsForNobody(s *site) {
	a, b := s.posts[0], s.posts[1]
	s.each(20, a, b, telegram.Immediate)
	b.receive(nil)
	b.await(20)
}

func sendKeepsNothing(s *site) {
	a, b := s.posts[0], s.posts[1]
	scribble := func() {
		es := s.envelopes(20, b, telegram.Routine, 500)
		s.send(a, b, telegram.Routine, es...)
		for i := range es {
			clear(es[i].Body)
			es[i] = telegram.Envelope{}
		}
	}
	scribble()
	b.receive(nil)
	b.await(20)
	scribble()
	b.await(40)
}

// It is the race detector that looks at this.
func sendAtOnce(s *site) {
	const senders, n = 4, 25
	c := s.posts[2]
	c.receive(nil)
	var wg sync.WaitGroup
	for _, from := range s.posts[:2] {
		for i := range senders {
			wg.Go(func() {
				p := telegram.Precedence(i)
				for _, e := range s.envelopes(n, c, p, 300) {
					if err := s.offer(from, c, p, e); err != nil {
						s.Error(err)
						return
					}
				}
			})
		}
	}
	wg.Wait()
	c.await(2 * senders * n)
}

// Whether what is sent under a ctx that ends was handed over is not asked, only that Send returns.
func sendEnds(s *site) {
	a, b := s.posts[0], s.posts[1]
	ended, cancel := context.WithCancel(s.Context())
	cancel()
	es := s.envelopes(10, b, telegram.Routine, 64<<10)
	begin := time.Now()
	s.try(ended, a, b.route, telegram.Routine, es)
	ctx, cancel := context.WithTimeout(s.Context(), 20*time.Millisecond)
	defer cancel()
	for ctx.Err() == nil {
		s.try(ctx, a, b.route, telegram.Routine, es)
	}
	if d := time.Since(begin); d > s.prompt {
		s.Errorf("Send returned %v after its ctx had ended", d)
	}
}

// The backlog is laid down in the wrong order, the least urgent first. A carrier that has to fetch may take what is less urgent while it
// fetches; so only the first of a precedence is held to the bound, and the others to half of what is less urgent.
func mostUrgentFirst(s *site) {
	const each = 30
	a, b := s.posts[0], s.posts[1]
	for p := telegram.Deferred; p <= telegram.Override; p++ {
		s.each(each, a, b, p)
	}
	time.Sleep(moment)
	b.receive(func(telegram.Precedence, []telegram.Envelope) error {
		time.Sleep(5 * time.Millisecond)
		return nil
	})
	b.await(6 * each)
	var seen [telegram.Override + 1]int
	for _, x := range b.took() {
		less := 0
		for p := range x.at {
			less += seen[p]
		}
		may := ahead
		if seen[x.at] > 0 {
			may = max(ahead, each*int(x.at)/2)
		}
		if seen[x.at]++; less > may {
			s.Fatalf("%v was taken after %d envelopes that were less urgent", x.at, less)
		}
	}
}

// A backlog is being taken when something urgent comes.
func urgentOvertakes(s *site) {
	const backlog, when = 250, 30
	a, b := s.posts[0], s.posts[1]
	s.each(backlog, a, b, telegram.Routine)
	time.Sleep(moment)
	flash := s.envelopes(1, b, telegram.Flash, 100)[0]
	count, sentAt, before := 0, 0, 0
	stop := b.receive(func(at telegram.Precedence, es []telegram.Envelope) error {
		if at == telegram.Flash {
			before = count
			return nil
		}
		if count += len(es); count >= when && sentAt == 0 {
			sentAt = count
			if err := s.offer(a, b, telegram.Flash, flash); err != nil {
				s.Error(err)
			}
			time.Sleep(moment)
		}
		return nil
	})
	b.await(backlog + 1)
	stop()
	if sentAt == 0 || before-sentAt > ahead {
		s.Errorf("a Flash waited for %d envelopes of a backlog", before-sentAt)
	}
}

func oneTake(s *site) {
	b := s.posts[1]
	b.receive(func(telegram.Precedence, []telegram.Envelope) error {
		time.Sleep(5 * time.Millisecond)
		return nil
	})
	for p := telegram.Deferred; p <= telegram.Override; p++ {
		for _, from := range []*post{s.posts[0], s.posts[2]} {
			s.each(5, from, b, p)
		}
	}
	b.await(60)
}

// A post sends receipts while it takes.
func sendInTake(s *site) {
	a, b := s.posts[0], s.posts[1]
	a.receive(nil)
	b.receive(func(_ telegram.Precedence, es []telegram.Envelope) error {
		if err := s.offer(b, a, telegram.Override, s.envelopes(len(es), a, telegram.Override, 100)...); err != nil {
			s.Errorf("a receipt could not be sent from within take: %v", err)
		}
		return nil
	})
	s.each(10, a, b, telegram.Routine)
	b.await(10)
	s.eventually("the receipts", func() bool { return len(a.took()) >= 10 })
}

var errRefused = errors.New("the disk is full")

// What take was given is its own, so it may be changed and then refused; it must come again as it was sent.
func refusedComesAgain(s *site) {
	a, b := s.posts[0], s.posts[1]
	var calls int
	var first time.Time
	stop := b.receive(func(_ telegram.Precedence, es []telegram.Envelope) error {
		if first.IsZero() {
			first = time.Now()
		}
		if time.Since(first) > 2*moment && calls > 0 {
			return nil
		}
		calls++
		for i := range es {
			clear(es[i].Body)
			es[i] = telegram.Envelope{}
		}
		return errRefused
	})
	s.send(a, b, telegram.Routine, s.envelopes(3, b, telegram.Routine, 300)...)
	b.await(3)
	stop()
	if calls > 200 {
		s.Errorf("what was refused was offered %d times in %v, without a pause", calls, 2*moment)
	}
}

func refusedOutlivesReceive(s *site) {
	a, b := s.posts[0], s.posts[1]
	var refused atomic.Bool
	stop := b.receive(func(telegram.Precedence, []telegram.Envelope) error {
		refused.Store(true)
		return errRefused
	})
	s.each(5, a, b, telegram.Routine)
	s.eventually("the first to be refused", refused.Load)
	stop()
	b.receive(nil)
	b.await(5)
}

func refusedHoldsNothingUp(s *site) {
	a, b := s.posts[0], s.posts[1]
	var refused, well atomic.Bool
	b.receive(func(at telegram.Precedence, _ []telegram.Envelope) error {
		if at == telegram.Routine && !well.Load() {
			refused.Store(true)
			return errRefused
		}
		return nil
	})
	s.each(3, a, b, telegram.Routine)
	s.eventually("the first to be refused", refused.Load)
	s.each(3, a, b, telegram.Flash)
	b.await(3)
	well.Store(true)
	b.await(6)
}

// A repeat now and then is no fault; more repeats than telegrams, and no end of them, are.
func takenIsDone(s *site) {
	const n = 50
	a, b := s.posts[0], s.posts[1]
	stop := b.receive(nil)
	s.each(n, a, b, telegram.Routine)
	b.await(n)
	time.Sleep(2 * moment)
	stop()
	b.receive(nil)
	time.Sleep(2 * moment)
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.taken) > 2*n {
		s.Errorf("%d envelopes were offered %d times, though they were taken", n, len(b.taken))
	}
}

// Receive ends when there is nothing, when there is a backlog, and when it should not have begun.
func receiveEnds(s *site) {
	a, b, c := s.posts[0], s.posts[1], s.posts[2]
	idle := c.receive(nil)
	s.each(100, a, b, telegram.Routine)
	time.Sleep(moment)
	idle()
	ended, cancel := context.WithCancel(s.Context())
	cancel()
	result := make(chan error, 1)
	go func() { result <- b.attend(ended, nil) }()
	select {
	case err := <-result:
		if !errors.Is(err, context.Canceled) || len(b.took()) > 0 {
			s.Errorf("Receive under a ctx that had ended took %d envelopes and returned %v", len(b.took()), err)
		}
	case <-time.After(s.prompt):
		s.Fatal("Receive does not return, though its ctx had ended before")
	}
	stop := b.receive(func(telegram.Precedence, []telegram.Envelope) error {
		time.Sleep(10 * time.Millisecond)
		return nil
	})
	s.eventually("the first envelope", func() bool { return len(b.took()) > 0 })
	stop()
}

func receiveWaitsForTake(s *site) {
	a, b := s.posts[0], s.posts[1]
	s.each(100, a, b, telegram.Routine)
	time.Sleep(moment)
	ctx, cancel := context.WithCancel(s.Context())
	defer cancel()
	calls, finished := 0, false
	result := make(chan struct{})
	go func() {
		defer close(result)
		b.attend(ctx, func(telegram.Precedence, []telegram.Envelope) error {
			calls++
			cancel()
			time.Sleep(moment)
			finished = true
			return nil
		})
	}()
	select {
	case <-result:
	case <-time.After(s.patience):
		s.Fatal("in vain waited for Receive to return")
	}
	time.Sleep(moment) // for a take that comes too late
	if calls != 1 || !finished {
		s.Errorf("when ctx ended during a take, %d were called (finished: %t)", calls, finished)
	}
	b.receive(nil)
	b.await(100)
}

// What comes while nobody receives, or was not yet taken, waits for the next Receive.
func receiveAgain(s *site) {
	const n, times = 30, 3
	a, b := s.posts[0], s.posts[1]
	for i := range times {
		s.each(n, a, b, telegram.Routine)
		stop := b.receive(func(telegram.Precedence, []telegram.Envelope) error {
			time.Sleep(10 * time.Millisecond)
			return nil
		})
		s.eventually("something", func() bool { return len(b.took()) > i*n })
		stop()
	}
	before := len(b.took())
	time.Sleep(moment)
	if len(b.took()) != before {
		s.Error("envelopes were taken though nobody receives")
	}
	b.receive(nil)
	b.await(n * times)
}

func oneReceive(s *site) {
	a, b := s.posts[0], s.posts[1]
	b.receive(nil)
	s.each(1, a, b, telegram.Routine)
	b.await(1) // so that the first has surely begun
	ctx, cancel := context.WithCancel(s.Context())
	defer cancel()
	result := make(chan error, 1)
	go func() {
		result <- b.Receive(ctx, func(telegram.Precedence, []telegram.Envelope) error { return nil })
	}()
	select {
	case err := <-result:
		if err == nil || ctx.Err() != nil {
			s.Errorf("a second Receive beside the first returned %v", err)
		}
	case <-time.After(s.prompt):
		s.Error("a second Receive runs beside the first")
	}
	cancel()
	s.each(1, a, b, telegram.Routine)
	b.await(2)
}
