package line

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"chancery.example/chancery/circuit"
	"chancery.example/chancery/telegram"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// Config says how a post reaches its hub.
type Config struct {
	Route   telegram.Route // this post's own
	Hub     *Hub           // the hub in this process; else
	URLs    []string       // the hubs' addresses, tls://host:port or nats://host:port, all of one kind; the first that answers is used
	HubKeys []string       // fingerprints of the keys that the hubs may have, for tls://
	Login   string         // this post's public NATS user key, "U…"; not used with Hub
	Sign    func(nonce []byte) ([]byte, error)
	Log     *slog.Logger // nil: nothing is logged

	circuit.Profile // of the way to the hub; the zero value is a fast line
}

// State is what a status page shows of a line.
type State struct {
	Connected bool
	Since     time.Time // of the connection or, without one, of its loss; zero before Run
	Hub       string    // its address; empty for the hub in this process
	Err       error     // why there is no connection, as far as known
	Junk      int64     // messages dropped because they did not parse, since New
	In, Out   int64     // bytes at the socket since New, with TLS; none for the hub in this process
}

// Errors of Send that a caller may want to tell apart; each is temporary.
var (
	ErrDown    = errors.New("no connection to a hub")
	ErrNoRoute = errors.New("the hub keeps no messages for this post")
	ErrFull    = errors.New("the hub has no more room for this post")
)

// Line is the carrier of one post. Its methods may be called at the same time.
type Line struct {
	cfg     Config
	tls     *tls.Config // nil: the connection is not encrypted
	junk    atomic.Int64
	in, out atomic.Int64
	heard   atomic.Int64 // when something last came from the hub, in nanoseconds

	running   atomic.Bool  // one Run
	receiving atomic.Bool  // one Receive
	fetching  atomic.Int64 // the connection, by its count, on which a Receive has asked for messages
	post      *postbox     // messages that have left without the hub's word

	mu      sync.Mutex // guards what follows
	conn    *nats.Conn // nil before Run and after it
	wire    *wire      // its connection below; nil for the hub in this process
	up      bool
	epoch   int           // counts connections
	changed chan struct{} // closed and replaced when up or conn change
	since   time.Time
	err     error
	told    time.Time // when a loss was last logged
}

var _ circuit.Carrier = (*Line)(nil)

// New checks c. It connects to nothing: Run does.
func New(c Config) (*Line, error) {
	if err := c.Check(); err != nil {
		return nil, fmt.Errorf("the line: %w", err)
	}
	c.Profile = c.Fill()
	l := &Line{changed: make(chan struct{})}
	if c.Hub == nil {
		secure := 0
		if len(c.URLs) == 0 {
			return nil, errors.New("the line has no hub: give one or more addresses tls://host:port")
		}
		for _, s := range c.URLs {
			u, err := url.Parse(s)
			if err != nil || u.Scheme != "nats" && u.Scheme != "tls" || u.Hostname() == "" || u.Port() == "" || u.User != nil || u.Path != "" && u.Path != "/" {
				return nil, fmt.Errorf("the hub's address %q: write tls://host:port, or nats://host:port where the hub has no key", s)
			}
			if u.Scheme == "tls" {
				secure++
			}
		}
		if !nkeys.IsValidPublicUserKey(c.Login) || c.Sign == nil {
			return nil, errors.New("the line needs the post's login, a public NATS user key, and a way to sign with it")
		}
		switch {
		case secure != 0 && secure != len(c.URLs):
			return nil, errors.New("the hubs' addresses are tls:// for all of them, or nats:// for all")
		case secure == 0 && len(c.HubKeys) > 0:
			return nil, errors.New("the hubs' keys are known, and the addresses ask for no encryption: write tls://host:port")
		case secure > 0:
			var err error
			if l.tls, err = pinned(c.HubKeys); err != nil {
				return nil, err
			}
		}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	l.cfg, l.post = c, newPostbox(c.Route)
	return l, nil
}

// Run keeps the connection, for ever trying again, until ctx ends, and returns ctx's error. Send and Receive work while it runs.
func (l *Line) Run(ctx context.Context) error {
	if !l.running.CompareAndSwap(false, true) {
		return errors.New("the line runs already")
	}
	defer l.running.Store(false)
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { l.listen(ctx) })
	l.post.open(ctx)
	defer l.post.close()
	// The client holds its lock while it connects, for minutes on a slow line: its connection is taken away from under it.
	defer context.AfterFunc(ctx, l.abandon)()
	for try := 1; ctx.Err() == nil; try++ {
		closed := make(chan struct{})
		nc, err := l.connect(ctx, closed)
		if err != nil {
			l.set(nil, false, err)
			wait(ctx, l.pause(try))
			continue
		}
		select {
		case <-ctx.Done():
			if l.State().Connected {
				late := time.AfterFunc(2*time.Second, func() { l.current().end() })
				nc.FlushTimeout(time.Second) // the last acknowledgements; without them some messages come twice
				late.Stop()
			}
			l.current().end()
			nc.Close()
			<-closed
		case <-closed: // the client gave up for a reason of its own: begin anew
			wait(ctx, l.pause(try))
		}
	}
	l.set(nil, false, ctx.Err())
	return ctx.Err()
}

// abandon ends a connection that is still being made.
func (l *Line) abandon() {
	if !l.State().Connected {
		l.current().end()
	}
}

func (l *Line) connect(ctx context.Context, closed chan struct{}) (*nats.Conn, error) {
	opts := []nats.Option{
		nats.CustomInboxPrefix(inbox(l.cfg.Route)),
		nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.IgnoreAuthErrorAbort(),
		nats.CustomReconnectDelay(l.pause), nats.ReconnectBufSize(256 << 10),
		nats.IgnoreDiscoveredServers(), nats.DontRandomize(),
		nats.SetCustomDialer(&dialer{l, ctx}), nats.Timeout(l.cfg.Auth), nats.FlusherTimeout(max(time.Minute, 2*l.cfg.Ack)),
		nats.PingInterval(0), // listen does it
		nats.ConnectHandler(l.connected), nats.ReconnectHandler(l.connected),
		nats.DisconnectErrHandler(func(nc *nats.Conn, err error) { l.set(nc, false, err) }),
		nats.ReconnectErrHandler(func(nc *nats.Conn, err error) { l.set(nc, false, err) }),
		nats.ClosedHandler(func(*nats.Conn) { close(closed) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			l.cfg.Log.Warn("line: the hub objects", "err", err)
		}),
	}
	if l.cfg.Hub != nil {
		opts = append(opts, l.cfg.Hub.login()...)
	} else {
		opts = append(opts, nats.Nkey(l.cfg.Login, l.cfg.Sign))
	}
	if l.tls != nil {
		opts = append(opts, nats.Secure(l.tls))
	}
	return nats.Connect(strings.Join(l.cfg.URLs, ","), opts...)
}

func (l *Line) connected(nc *nats.Conn) {
	if err := l.post.hear(nc); err != nil { // it is gone again
		l.set(nc, false, err)
		return
	}
	l.set(nc, true, nil)
}

// set enters what the client says about its connection.
func (l *Line) set(nc *nats.Conn, up bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if up || l.up || l.since.IsZero() {
		l.since = time.Now()
	}
	if err != nil || up {
		l.err = err
	}
	if up {
		l.epoch++
		l.heard.Store(time.Now().UnixNano())
	}
	if (up != l.up || err != nil) && (up || time.Since(l.told) > time.Minute) {
		l.told = time.Now()
		l.cfg.Log.Info("line", "connected", up, "err", err)
	}
	l.conn, l.up = nc, up
	close(l.changed)
	l.changed = make(chan struct{})
}

// watch gives the connection, nil without one; its count; and a channel that is closed when either may have changed.
func (l *Line) watch() (*nats.Conn, int, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.up || l.wire.broken() {
		return nil, l.epoch, l.changed
	}
	return l.conn, l.epoch, l.changed
}

// current is the connection below, nil when there was none yet, or none is needed.
func (l *Line) current() *wire {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.wire
}

// State is the line's state now.
func (l *Line) State() State {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := State{Connected: l.up, Since: l.since, Err: l.err, Junk: l.junk.Load(), In: l.in.Load(), Out: l.out.Load()}
	if l.up && l.wire != nil {
		s.Hub = l.wire.RemoteAddr().String()
	}
	return s
}

// pause is the time before the next try: from a fifth of a second to five, more where a try costs, and by chance a little more, so that a
// hundred posts do not come back in step.
func (l *Line) pause(try int) time.Duration {
	longest := 5*time.Second + l.cfg.RoundTrip + l.cfg.Takes(8<<10)
	if l.cfg.Metered {
		longest = max(longest, 2*time.Minute)
	}
	d := min(200*time.Millisecond<<min(try, 20), longest)
	return d + rand.N(d/4)
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
