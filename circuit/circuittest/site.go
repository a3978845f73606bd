package circuittest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"chancery.example/chancery/circuit"
	"chancery.example/chancery/telegram"
)

// site is three posts and their carriers, for one test, and what was handed over among them.
type site struct {
	*testing.T
	patience time.Duration // for what must come
	prompt   time.Duration // for what must end
	posts    []*post

	mu    sync.Mutex // guards what follows
	count uint64     // of envelopes made
	sent  map[[16]byte]sent
}

// sent is an envelope as it was handed over.
type sent struct {
	to    telegram.Route
	at    telegram.Precedence
	bytes []byte
}

// post is one post with its carrier and what it took.
type post struct {
	circuit.Carrier
	site  *site
	route telegram.Route
	takes atomic.Int32 // that run

	mu    sync.Mutex // guards what follows
	taken []taken
	known map[[16]byte]bool
	order []taken // without repeats
}

type taken struct {
	at       telegram.Precedence
	envelope telegram.Envelope
}

func newSite(t *testing.T, open func(*testing.T, []telegram.Route) []circuit.Carrier, patience time.Duration) *site {
	t.Helper()
	s := &site{T: t, patience: patience, prompt: min(patience, 5*time.Second), sent: map[[16]byte]sent{}}
	routes := []telegram.Route{{0xa0, 0, 1}, {0xa0, 0, 2}, {0xff, 0xff, 0xff}}
	carriers := open(t, slices.Clone(routes))
	if len(carriers) != len(routes) {
		t.Fatalf("there are %d carriers for %d routes", len(carriers), len(routes))
	}
	for i, c := range carriers {
		s.posts = append(s.posts, &post{Carrier: c, site: s, route: routes[i], known: map[[16]byte]bool{}})
	}
	t.Cleanup(s.check) // after all receivers have ended
	return s
}

// check looks once more at all that was taken: it belongs to the post, and the carrier may not have touched it since.
func (s *site) check() {
	for _, p := range s.posts {
		p.mu.Lock()
		for _, x := range p.taken {
			s.look(p, x.at, x.envelope)
		}
		p.mu.Unlock()
	}
}

// look holds what a post was offered against what was handed over.
func (s *site) look(p *post, at telegram.Precedence, e telegram.Envelope) {
	s.mu.Lock()
	was, ok := s.sent[e.ID]
	s.mu.Unlock()
	switch {
	case !ok:
		s.Errorf("%v was offered an envelope that was never handed over", p.route)
	case was.to != p.route:
		s.Errorf("%v was offered what was handed over for %v", p.route, was.to)
	case was.at != at:
		s.Errorf("%v was offered at %v what was handed over at %v", p.route, at, was.at)
	case !bytes.Equal(was.bytes, e.Marshal()):
		s.Errorf("an envelope of %d bytes is not what was handed over", len(was.bytes))
	}
}

// envelopes makes n of them, each another, with bodies of one size.
func (s *site) envelopes(n int, to *post, p telegram.Precedence, size int) []telegram.Envelope {
	s.mu.Lock()
	defer s.mu.Unlock()
	es := make([]telegram.Envelope, n)
	for i := range es {
		s.count++
		e := telegram.Envelope{Type: telegram.Letter, To: to.route, Precedence: p, KeyID: [4]byte{1, 2, 3, byte(s.count)}, Body: make([]byte, size)}
		binary.BigEndian.PutUint64(e.ID[8:], s.count)
		var seed [32]byte
		copy(seed[:], e.ID[:])
		n := min(size, 4093) // long bodies repeat themselves, but not at any round length
		rand.NewChaCha8(seed).Read(e.Body[:n])
		for ; n < size; n *= 2 {
			copy(e.Body[n:], e.Body[:n])
		}
		es[i] = e
	}
	return es
}

var errStuck = errors.New("Send does not return, though its ctx has ended")

// try calls Send once, and does not wait for ever.
func (s *site) try(ctx context.Context, from *post, to telegram.Route, p telegram.Precedence, es []telegram.Envelope) error {
	before := make([]sent, len(es))
	s.mu.Lock()
	for i, e := range es {
		before[i] = sent{to, p, e.Marshal()}
		s.sent[e.ID] = before[i]
	}
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- from.Send(ctx, to, p, es) }()
	var err error
	select {
	case err = <-done:
	case <-ctx.Done():
		select {
		case err = <-done:
		case <-time.After(s.prompt):
			return errStuck
		}
	}
	for i, e := range es {
		if !bytes.Equal(e.Marshal(), before[i].bytes) {
			s.Error("Send changed what it was given")
		}
	}
	return err
}

// offer hands envelopes to a post's carrier as a post does: again and again, until the carrier has them.
func (s *site) offer(from, to *post, p telegram.Precedence, es ...telegram.Envelope) error {
	for end := time.Now().Add(s.patience); ; time.Sleep(20 * time.Millisecond) {
		err := s.try(context.Background(), from, to.route, p, es)
		if err == nil || errors.Is(err, errStuck) || time.Now().After(end) {
			return err
		}
	}
}

// send is offer where nothing can be done without.
func (s *site) send(from, to *post, p telegram.Precedence, es ...telegram.Envelope) {
	s.Helper()
	if err := s.offer(from, to, p, es...); err != nil {
		s.Fatalf("%d envelopes for %v could not be handed over: %v", len(es), to.route, err)
	}
}

// each makes n envelopes and sends each by itself.
func (s *site) each(n int, from, to *post, p telegram.Precedence) {
	s.Helper()
	for _, e := range s.envelopes(n, to, p, 200) {
		s.send(from, to, p, e)
	}
}

// judge says how a post answers what it is offered.
type judge func(at telegram.Precedence, es []telegram.Envelope) error

// receive begins to receive, and gives what ends it. Without a judge everything is taken.
func (p *post) receive(j judge) (stop func()) {
	s := p.site
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.attend(ctx, j) }()
	stop = sync.OnceFunc(func() {
		s.Helper()
		cancel()
		select {
		case err := <-ended:
			if !errors.Is(err, context.Canceled) {
				s.Errorf("Receive returned %v, not its ctx's error", err)
			}
		case <-time.After(s.prompt):
			s.Errorf("Receive runs %v after its ctx ended", s.prompt)
		}
	})
	s.Cleanup(stop)
	return stop
}

// attend is Receive with a take that sees what no take may see.
func (p *post) attend(ctx context.Context, j judge) error {
	s := p.site
	var over atomic.Bool
	err := p.Receive(ctx, func(at telegram.Precedence, es []telegram.Envelope) error {
		if over.Load() {
			s.Error("take was called after Receive returned")
		}
		if p.takes.Add(1) > 1 {
			s.Error("take was called while another take ran")
		}
		defer p.takes.Add(-1)
		if len(es) == 0 {
			s.Error("take was called with nothing")
		}
		for _, e := range es {
			s.look(p, at, e)
		}
		if j != nil {
			if err := j(at, es); err != nil {
				return err
			}
		}
		p.keep(at, es)
		return nil
	})
	over.Store(true)
	if p.takes.Load() > 0 {
		s.Error("Receive returned while a take ran")
	}
	return err
}

func (p *post) keep(at telegram.Precedence, es []telegram.Envelope) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range es {
		p.taken = append(p.taken, taken{at, e})
		if !p.known[e.ID] {
			p.known[e.ID] = true
			p.order = append(p.order, taken{at, e})
		}
	}
}

// took is what the post took, without repeats, in the order of coming.
func (p *post) took() []taken {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.order)
}

// await waits until the post has taken so many different envelopes in all.
func (p *post) await(n int) {
	p.site.Helper()
	p.site.eventually(fmt.Sprintf("%d envelopes at %v", n, p.route), func() bool { return len(p.took()) >= n })
	if got := len(p.took()); got != n {
		p.site.Errorf("%v took %d envelopes, not %d", p.route, got, n)
	}
}

// eventually waits until ok.
func (s *site) eventually(what string, ok func() bool) {
	s.Helper()
	for end := time.Now().Add(s.patience); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			s.Fatalf("in vain waited for %s", what)
		}
	}
}
