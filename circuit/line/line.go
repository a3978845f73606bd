package line

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"chancery.example/chancery/circuit"
	"chancery.example/chancery/telegram"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// Config says how a post reaches its hub. The zero times and sizes suit a fast line; for a thin one raise the times and lower Window.
type Config struct {
	Route telegram.Route // this post's own
	Hub   *Hub           // the hub in this process; else
	URLs  []string       // the hubs' addresses, nats://host:port, the first that answers is used
	Login string         // this post's public NATS user key, "U…"; not used with Hub
	Sign  func(nonce []byte) ([]byte, error)
	Log   *slog.Logger // nil: nothing is logged

	Dial   time.Duration // for the network to connect; the hub then has three times as long to let the post in; 0 means 10 s
	Ping   time.Duration // between signs of life; a line is dead after two without an answer; 0 means 5 s
	Ack    time.Duration // for the hub's word that it has a message; 0 means 20 s
	Window int           // messages of one precedence fetched ahead of take, 1 to 64; 0 means 8
}

// State is what a status page shows of a line.
type State struct {
	Connected bool
	Since     time.Time // of the connection or, without one, of its loss; zero before Run
	Hub       string    // its address; empty for the hub in this process
	Err       error     // why there is no connection, as far as known
	Junk      int64     // messages dropped because they did not parse, since New
}

// Errors of Send that a caller may want to tell apart; each is temporary.
var (
	ErrDown    = errors.New("no connection to a hub")
	ErrNoRoute = errors.New("the hub keeps no messages for this post")
	ErrFull    = errors.New("the hub has no more room for this post")
)

// Line is the carrier of one post. Its methods may be called at the same time.
type Line struct {
	cfg  Config
	junk atomic.Int64

	running   atomic.Bool  // one Run
	receiving atomic.Bool  // one Receive
	fetching  atomic.Int64 // the connection, by its count, on which a Receive has asked for messages

	mu      sync.Mutex // guards what follows
	conn    *nats.Conn // nil before Run and after it
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
	if c.Hub == nil {
		if len(c.URLs) == 0 {
			return nil, errors.New("the line has no hub: give one or more addresses nats://host:port")
		}
		for _, s := range c.URLs {
			if u, err := url.Parse(s); err != nil || u.Scheme != "nats" || u.Hostname() == "" || u.Port() == "" || u.User != nil || (u.Path != "" && u.Path != "/") {
				return nil, fmt.Errorf("the hub's address %q: write nats://host:port", s)
			}
		}
		if !nkeys.IsValidPublicUserKey(c.Login) || c.Sign == nil {
			return nil, errors.New("the line needs the post's login, a public NATS user key, and a way to sign with it")
		}
	}
	if c.Dial < 0 || c.Ping < 0 || c.Ack < 0 || c.Window < 0 || c.Window > 64 {
		return nil, errors.New("the line's times cannot be negative, nor its window outside 1 to 64")
	}
	for _, d := range []struct {
		v *time.Duration
		d time.Duration
	}{{&c.Dial, 10 * time.Second}, {&c.Ping, 5 * time.Second}, {&c.Ack, 20 * time.Second}} {
		if *d.v == 0 {
			*d.v = d.d
		}
	}
	if c.Window == 0 {
		c.Window = 8
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Line{cfg: c, changed: make(chan struct{})}, nil
}

// Run keeps the connection, for ever trying again, until ctx ends, and returns ctx's error. Send and Receive work while it runs.
func (l *Line) Run(ctx context.Context) error {
	if !l.running.CompareAndSwap(false, true) {
		return errors.New("the line runs already")
	}
	defer l.running.Store(false)
	for try := 1; ctx.Err() == nil; try++ {
		closed := make(chan struct{})
		nc, err := l.connect(closed)
		if err != nil {
			l.set(nil, false, err)
			wait(ctx, pause(try))
			continue
		}
		select {
		case <-ctx.Done():
			if nc.IsConnected() {
				nc.FlushTimeout(time.Second) // the last acknowledgements; without them some messages come twice
			}
			nc.Close()
			<-closed
		case <-closed: // the client gave up for a reason of its own: begin anew
			wait(ctx, pause(try))
		}
	}
	l.set(nil, false, ctx.Err())
	return ctx.Err()
}

func (l *Line) connect(closed chan struct{}) (*nats.Conn, error) {
	opts := []nats.Option{
		nats.CustomInboxPrefix(inbox(l.cfg.Route)),
		nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.IgnoreAuthErrorAbort(),
		nats.CustomReconnectDelay(pause), nats.ReconnectBufSize(256 << 10),
		nats.IgnoreDiscoveredServers(), nats.DontRandomize(),
		nats.SetCustomDialer(&net.Dialer{Timeout: l.cfg.Dial}), nats.Timeout(3 * l.cfg.Dial), nats.PingInterval(l.cfg.Ping), nats.MaxPingsOutstanding(2),
		nats.ConnectHandler(func(nc *nats.Conn) { l.set(nc, true, nil) }),
		nats.ReconnectHandler(func(nc *nats.Conn) { l.set(nc, true, nil) }),
		nats.DisconnectErrHandler(func(nc *nats.Conn, err error) { l.set(nc, false, err) }),
		nats.ReconnectErrHandler(func(nc *nats.Conn, err error) { l.set(nc, false, err) }),
		nats.ClosedHandler(func(*nats.Conn) { close(closed) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			l.cfg.Log.Warn("line: the hub objects", "err", err)
		}),
	}
	var servers string
	if l.cfg.Hub != nil {
		opts = append(opts, l.cfg.Hub.login()...)
	} else {
		opts = append(opts, nats.Nkey(l.cfg.Login, l.cfg.Sign))
		for i, u := range l.cfg.URLs {
			if i > 0 {
				servers += ","
			}
			servers += u
		}
	}
	return nats.Connect(servers, opts...)
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
	}
	if up != l.up && (up || time.Since(l.told) > time.Minute) {
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
	if !l.up {
		return nil, l.epoch, l.changed
	}
	return l.conn, l.epoch, l.changed
}

// State is the line's state now.
func (l *Line) State() State {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := State{Connected: l.up, Since: l.since, Err: l.err, Junk: l.junk.Load()}
	if l.up && l.cfg.Hub == nil {
		s.Hub = l.conn.ConnectedAddr()
	}
	return s
}

// pause is the time before the next try: from a fifth of a second to five, and by chance a little more, so that a hundred posts do not
// come back in step.
func pause(try int) time.Duration {
	d := min(200*time.Millisecond<<min(try, 10), 5*time.Second)
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
