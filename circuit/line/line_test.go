package line

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"chancery.example/chancery/circuit"
	"chancery.example/chancery/telegram"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// post is a member with its key.
type post struct {
	route telegram.Route
	key   nkeys.KeyPair
	login string
}

func newPost(t testing.TB, n byte) post {
	t.Helper()
	k, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	login, err := k.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return post{route: telegram.Route{0xa0, 0, n}, key: k, login: login}
}

func (p post) member() Member { return Member{Route: p.route, Login: p.login} }

func newHub(t testing.TB, c HubConfig) *Hub {
	t.Helper()
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	if c.Dir == "" {
		c.Dir = t.TempDir()
	}
	c.Log = slog.New(slog.NewTextHandler(tell{t}, nil))
	h, err := NewHub(c)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

type tell struct{ t testing.TB }

func (w tell) Write(b []byte) (int, error) {
	if testing.Verbose() {
		os.Stderr.Write(b)
	}
	return len(b), nil
}

func startHub(t testing.TB, c HubConfig, ms ...Member) *Hub {
	t.Helper()
	h := newHub(t, c)
	if err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Stop)
	if err := h.Admit(t.Context(), ms); err != nil {
		t.Fatal(err)
	}
	return h
}

// desk is a running line with what it took.
type desk struct {
	*Line
	mu     sync.Mutex
	taken  []taken
	refuse func(telegram.Precedence, []telegram.Envelope) error
}

type taken struct {
	at telegram.Precedence
	e  telegram.Envelope
}

func (d *desk) all() []taken {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]taken(nil), d.taken...)
}

func (d *desk) take(at telegram.Precedence, es []telegram.Envelope) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.refuse != nil {
		if err := d.refuse(at, es); err != nil {
			return err
		}
	}
	for _, e := range es {
		d.taken = append(d.taken, taken{at, e})
	}
	return nil
}

// run starts a line that is stopped with the test, or before, by the function it returns.
func run(t testing.TB, c Config) (*desk, func()) {
	t.Helper()
	c.Log = slog.New(slog.NewTextHandler(tell{t}, nil))
	l, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { l.Run(ctx) })
	stop := func() { cancel(); done.Wait() }
	t.Cleanup(stop)
	return &desk{Line: l}, stop
}

func (d *desk) receive(t testing.TB) func() {
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		if err := d.Receive(ctx, d.take); !errors.Is(err, context.Canceled) {
			t.Errorf("Receive: %v", err)
		}
	})
	stop := func() { cancel(); done.Wait() }
	t.Cleanup(stop)
	return stop
}

func client(p post, addr string) Config {
	return Config{Route: p.route, URLs: []string{"nats://" + addr}, Login: p.login, Sign: p.key.Sign, Profile: circuit.Profile{Ping: 500 * time.Millisecond, Pong: time.Second}}
}

func envelope(to telegram.Route, p telegram.Precedence, n int, size int) telegram.Envelope {
	e := telegram.Envelope{Type: telegram.Letter, To: to, Precedence: p, Body: bytes.Repeat([]byte{byte(n)}, size)}
	copy(e.ID[:], fmt.Sprintf("%016d", n))
	return e
}

// eventually waits until ok, at most ten seconds.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("in vain waited for: %s", what)
		}
	}
}

func (d *desk) connected(t testing.TB) *desk {
	t.Helper()
	eventually(t, "a connection", func() bool { return d.State().Connected })
	return d
}

func send(t testing.TB, from *desk, to telegram.Route, p telegram.Precedence, es ...telegram.Envelope) {
	t.Helper()
	if err := from.Send(t.Context(), to, p, es); err != nil {
		t.Fatal(err)
	}
}

func TestThreePosts(t *testing.T) {
	t.Parallel()
	ministry, paris, quito := newPost(t, 1), newPost(t, 2), newPost(t, 3)
	h := startHub(t, HubConfig{}, Member{Route: ministry.route}, paris.member(), quito.member())
	m, _ := run(t, Config{Route: ministry.route, Hub: h})
	p, _ := run(t, client(paris, h.Addr()))
	q, _ := run(t, client(quito, h.Addr()))
	posts := map[telegram.Route]*desk{ministry.route: m, paris.route: p, quito.route: q}
	for _, d := range posts {
		d.connected(t).receive(t)
	}
	for from, d := range posts {
		for to := range posts {
			for pr := telegram.Deferred; pr <= telegram.Override; pr++ {
				send(t, d, to, pr, envelope(to, pr, int(from[2]), 700), envelope(to, pr, int(from[2]), 1))
			}
		}
	}
	for r, d := range posts {
		eventually(t, "all 36", func() bool { return len(d.all()) == 36 })
		for _, x := range d.all() {
			if x.e.To != r || x.e.Precedence != x.at {
				t.Errorf("%v took %v at %v", r, x.e, x.at)
			}
		}
		if s := d.State(); !s.Connected || s.Since.IsZero() || s.Err != nil || s.Junk != 0 {
			t.Errorf("state of %v: %+v", r, s)
		}
	}
	time.Sleep(50 * time.Millisecond)
	if w := waiting(t, h, paris.route); w != 0 {
		t.Errorf("%d messages still wait", w)
	}
}

// waiting is how many messages the hub keeps for a post.
func waiting(t testing.TB, h *Hub, r telegram.Route) int {
	t.Helper()
	nc, err := nats.Connect("", h.login()...)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := nc.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	i, err := js.StreamInfo(streamName(r))
	if err != nil {
		t.Fatal(err)
	}
	return int(i.State.Msgs)
}

func TestFlashOvertakes(t *testing.T) {
	t.Parallel()
	paris := newPost(t, 2)
	ministry := newPost(t, 1)
	h := startHub(t, HubConfig{}, Member{Route: ministry.route}, paris.member())
	m, _ := run(t, Config{Route: ministry.route, Hub: h})
	m.connected(t)
	const backlog = 2000
	nc, err := nats.Connect("", h.login()...)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	for n := range backlog {
		nc.Publish(subject(paris.route, telegram.Routine), telegram.Bundle([]telegram.Envelope{envelope(paris.route, telegram.Routine, n, 1000)}))
	}
	eventually(t, "all to wait", func() bool { return waiting(t, h, paris.route) == backlog })
	begin := time.Now()
	p, _ := run(t, client(paris, h.Addr()))
	var before, at int
	p.refuse = func(pr telegram.Precedence, es []telegram.Envelope) error {
		if before += len(es); before >= 100 && at == 0 { // sent while take is at work
			at = before
			send(t, m, paris.route, telegram.Flash, envelope(paris.route, telegram.Flash, 1, 100))
			time.Sleep(20 * time.Millisecond)
		}
		return nil
	}
	p.connected(t).receive(t)
	eventually(t, "the backlog", func() bool { return len(p.all()) == backlog+1 })
	t.Logf("%d messages taken in %v", backlog, time.Since(begin))
	for n, x := range p.all() {
		if x.at == telegram.Flash && n > at+8 {
			t.Errorf("the Flash was taken as number %d, sent after %d", n, at)
		}
	}
}

func TestRefusedComesAgain(t *testing.T) {
	t.Parallel()
	paris := newPost(t, 2)
	h := startHub(t, HubConfig{}, paris.member())
	p, _ := run(t, client(paris, h.Addr()))
	calls := 0
	p.refuse = func(at telegram.Precedence, _ []telegram.Envelope) error {
		if calls++; at == telegram.Routine && calls < 3 {
			return io.ErrUnexpectedEOF
		}
		return nil
	}
	p.connected(t).receive(t)
	begin := time.Now()
	send(t, p, paris.route, telegram.Routine, envelope(paris.route, telegram.Routine, 1, 10))
	time.Sleep(100 * time.Millisecond)
	send(t, p, paris.route, telegram.Flash, envelope(paris.route, telegram.Flash, 2, 10))
	eventually(t, "both", func() bool { return len(p.all()) == 2 })
	if x := p.all(); x[0].at != telegram.Flash || x[1].at != telegram.Routine {
		t.Errorf("a refused Routine held up a Flash: %v", x)
	}
	if d := time.Since(begin); d < time.Second {
		t.Errorf("offered again after %v", d)
	}
}

func TestLargeAndMany(t *testing.T) {
	t.Parallel()
	paris := newPost(t, 2)
	h := startHub(t, HubConfig{}, paris.member())
	p, _ := run(t, client(paris, h.Addr()))
	p.connected(t)
	r := paris.route
	longest := telegram.MaxEnvelope - telegram.L0Len
	send(t, p, r, telegram.Priority, envelope(r, telegram.Priority, 1, 3<<20))
	send(t, p, r, telegram.Priority, envelope(r, telegram.Priority, 2, longest), envelope(r, telegram.Priority, 3, longest), envelope(r, telegram.Priority, 4, 9))
	var many []telegram.Envelope
	for n := range 100 {
		many = append(many, envelope(r, telegram.Priority, 5+n, 2000))
	}
	send(t, p, r, telegram.Priority, many...)
	if n := waiting(t, h, r); n != 5 {
		t.Errorf("%d messages wait, not 5", n)
	}
	p.receive(t)
	eventually(t, "all", func() bool { return len(p.all()) == 104 })
	for n, x := range p.all() {
		if string(x.e.ID[:]) != fmt.Sprintf("%016d", n+1) {
			t.Fatalf("number %d is %s", n, x.e.ID)
		}
	}
	if err := p.Send(t.Context(), r, 6, many); err == nil {
		t.Error("a seventh precedence was sent")
	}
}

func TestFull(t *testing.T) {
	t.Parallel()
	paris, quito := newPost(t, 2), newPost(t, 3)
	h := startHub(t, HubConfig{MaxBytes: 20 << 10}, paris.member(), quito.member())
	p, _ := run(t, client(paris, h.Addr()))
	p.connected(t)
	var err error
	n := 0
	for ; err == nil && n < 100; n++ {
		err = p.Send(t.Context(), quito.route, telegram.Routine, []telegram.Envelope{envelope(quito.route, telegram.Routine, n, 1000)})
	}
	if !errors.Is(err, ErrFull) || n < 10 {
		t.Fatalf("after %d: %v", n, err)
	}
	q, _ := run(t, client(quito, h.Addr()))
	q.connected(t).receive(t)
	eventually(t, "room", func() bool { return waiting(t, h, quito.route) == 0 })
	send(t, p, quito.route, telegram.Routine, envelope(quito.route, telegram.Routine, 1, 1000))
	if err := p.Send(t.Context(), telegram.Route{9, 9, 9}, telegram.Routine, []telegram.Envelope{envelope(quito.route, 1, 1, 1)}); !errors.Is(err, ErrNoRoute) {
		t.Errorf("sent to nobody: %v", err)
	}
}
