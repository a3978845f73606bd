package line

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"chancery.example/chancery/telegram"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// HubConfig says where a hub listens and keeps what waits.
type HubConfig struct {
	Listen   string        // host:port; port 0 takes a free one
	Dir      string        // the broker's own folder, made with mode 0700
	MaxBytes int64         // what may wait for one post; 0 means 64 MiB
	AckWait  time.Duration // after which a message that was fetched and not acknowledged is offered again; 0 means twenty minutes
	Key      crypto.Signer // of TLS; its Fingerprint is what members know. nil: connections are not encrypted
	TLSOnly  bool          // with Key: nobody is let in without TLS; else each member does as it likes
	Log      *slog.Logger  // nil: nothing is logged
}

// Hub is the broker inside the process of a post that listens. Its methods may be called at the same time.
type Hub struct {
	cfg  HubConfig
	host string
	port int
	key  nkeys.KeyPair // of the hub's own user, made anew by every NewHub and known to this process alone
	user string        // its public key

	door door

	act     sync.Mutex              // held by Start, Admit and Stop from beginning to end; guards members
	members []Member                // as last admitted
	work    sync.Mutex              // held while streams and consumers are made; guards fresh
	fresh   map[telegram.Route]bool // members whose consumers nobody has asked yet; nil until the first streams of a run are made
	own     *nats.Conn              // the hub's own connection; set by Start, before anything may use it
	end     func()                  // ends what Start began, save for the broker

	mu   sync.Mutex     // guards what follows
	srv  *server.Server // nil while the hub is stopped
	addr string
}

// NewHub checks c. It starts nothing and touches no file.
func NewHub(c HubConfig) (*Hub, error) {
	host, p, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return nil, fmt.Errorf("the hub's listening address %q: give host:port", c.Listen)
	}
	port, err := strconv.Atoi(p)
	if err != nil || port < 0 || port > 65535 {
		return nil, fmt.Errorf("the hub's listening address %q: %q is no port", c.Listen, p)
	}
	if host == "" {
		host = "0.0.0.0"
	}
	if c.Dir == "" {
		return nil, errors.New("the hub needs a folder of its own")
	}
	if c.MaxBytes < 0 || c.AckWait < 0 {
		return nil, errors.New("the hub's limits cannot be negative")
	}
	if c.TLSOnly && c.Key == nil {
		return nil, errors.New("the hub is to let nobody in without TLS, and has no key for it")
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = defaultMaxBytes
	}
	if c.AckWait == 0 {
		c.AckWait = defaultAckWait
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	key, err := nkeys.CreateUser()
	if err != nil {
		return nil, fmt.Errorf("making the hub's own key: %w", err)
	}
	user, err := key.PublicKey()
	if err != nil {
		return nil, fmt.Errorf("making the hub's own key: %w", err)
	}
	return &Hub{cfg: c, host: host, port: port, key: key, user: user}, nil
}

// Start starts the broker and returns when it accepts connections. A hub that was stopped may be started again: it then admits at
// once whom it admitted last. A new hub lets nobody in before Admit.
func (h *Hub) Start(ctx context.Context) error {
	h.act.Lock()
	defer h.act.Unlock()
	if h.server() != nil {
		return errors.New("the hub runs already")
	}
	if err := h.prepare(); err != nil {
		return err
	}
	opts, err := h.options()
	if err != nil {
		return err
	}
	srv, err := server.NewServer(opts)
	if err != nil {
		return fmt.Errorf("starting the hub: %w", err)
	}
	log := &brokerLog{log: h.cfg.Log}
	srv.SetLoggerV2(log, false, false, false)
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	v := &visits{ctx: run, renew: h.renew, last: map[telegram.Route]time.Time{}}
	h.door.prepare = v.prepare
	h.work.Lock()
	h.fresh = nil
	h.work.Unlock()
	h.door.admit(nil) // the accounts of a former run mean nothing to this one
	go srv.Start()
	err = ready(ctx, srv, log)
	if err == nil {
		err = h.enter(srv)
	}
	if err != nil {
		cancel()
		srv.Shutdown()
		srv.WaitForShutdown()
		return err
	}
	h.end = func() {
		cancel()
		h.own.Close()
	}
	if h.members == nil {
		return nil
	}
	if err := h.admit(ctx, srv); err != nil {
		h.stop()
		return err
	}
	return nil
}

// enter lets the hub's own user in, and nobody else, and connects as it.
func (h *Hub) enter(srv *server.Server) error {
	hub, err := srv.LookupAccount(hubAccount)
	if err != nil {
		return fmt.Errorf("starting the hub: %w", err)
	}
	h.door.admit(map[string]visitor{h.user: {user: &server.User{Username: h.user, Account: hub}, hub: true}})
	h.mu.Lock()
	h.srv, h.addr = srv, srv.Addr().String()
	h.mu.Unlock()
	if h.own, err = nats.Connect("", append(h.login(), nats.NoReconnect(), nats.Timeout(10*time.Second))...); err != nil {
		h.mu.Lock()
		h.srv, h.addr = nil, ""
		h.mu.Unlock()
		return fmt.Errorf("reaching the hub from within: %w", err)
	}
	return nil
}

// options are the broker's settings: one account, HUB, that owns all streams and offers three services to the accounts of the members.
func (h *Hub) options() (o *server.Options, err error) {
	o = &server.Options{}
	if err := o.ProcessConfigString(fmt.Sprintf("accounts {\n%s}", hubText("", ""))); err != nil {
		return nil, fmt.Errorf("writing the hub's settings: %w", err)
	}
	port := h.port
	if port == 0 {
		port = server.RANDOM_PORT
	}
	o.ServerName, o.Host, o.Port = "hub", h.host, port
	o.NoSigs, o.DisableJetStreamBanner = true, true
	o.CustomClientAuthentication, o.AlwaysEnableNonce = &h.door, true
	o.JetStream, o.StoreDir, o.SyncAlways = true, h.cfg.Dir, true
	o.JetStreamMaxStore, o.JetStreamMaxMemory = 1<<50, 1<<20 // the streams have their own limits; nothing is kept in memory
	o.MaxPayload, o.MaxPending = maxPayload, maxPending
	o.MaxSubs, o.MaxControlLine = maxSubs, maxControl
	o.Cluster.NoAdvertise = true                               // without it the greeting tells every client the machine's addresses
	o.AuthTimeout, o.WriteDeadline = authTimeout, writeTimeout // a satellite line is slow, not dead
	o.PingInterval, o.MaxPingsOut = pingInterval, maxPings
	if h.cfg.Key != nil {
		if o.TLSConfig, err = serverTLS(h.cfg.Key); err != nil {
			return nil, err
		}
		o.TLS, o.TLSTimeout, o.AllowNonTLS = true, authTimeout, !h.cfg.TLSOnly
	}
	return o, nil
}

// prepare finds what would otherwise end as an obscure fault inside the broker: the folder, then the port.
func (h *Hub) prepare() error {
	if err := os.MkdirAll(h.cfg.Dir, 0o700); err != nil {
		return fmt.Errorf("the hub's folder: %w", err)
	}
	if err := os.Chmod(h.cfg.Dir, 0o700); err != nil {
		return fmt.Errorf("the hub's folder: %w", err)
	}
	probe, err := os.CreateTemp(h.cfg.Dir, "probe-")
	if err != nil {
		return fmt.Errorf("the hub's folder %s cannot be written to: %w", h.cfg.Dir, err)
	}
	probe.Close()
	if err := os.Remove(probe.Name()); err != nil {
		return fmt.Errorf("the hub's folder: %w", err)
	}
	l, err := net.Listen("tcp", net.JoinHostPort(h.host, strconv.Itoa(h.port)))
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("the hub cannot listen on %s: another program uses that port: %w", h.cfg.Listen, err)
	case err != nil:
		return fmt.Errorf("the hub cannot listen on %s: %w", h.cfg.Listen, err)
	}
	return l.Close()
}

func ready(ctx context.Context, srv *server.Server, log *brokerLog) error {
	end := time.Now().Add(30 * time.Second)
	for !srv.ReadyForConnections(50 * time.Millisecond) {
		switch {
		case log.fatal() != "":
			return fmt.Errorf("starting the hub: %s", log.fatal())
		case ctx.Err() != nil:
			return fmt.Errorf("starting the hub: %w", ctx.Err())
		case time.Now().After(end):
			return errors.New("starting the hub: it accepts no connections after 30 s")
		}
	}
	return nil
}

// Stop ends all connections and returns when the broker has written and closed its files.
func (h *Hub) Stop() {
	h.act.Lock()
	defer h.act.Unlock()
	h.stop()
}

func (h *Hub) stop() {
	h.mu.Lock()
	srv := h.srv
	h.srv, h.addr = nil, ""
	h.mu.Unlock()
	if srv != nil {
		h.end()
		srv.Shutdown()
		srv.WaitForShutdown()
	}
}

// Addr is the host:port on which the hub really listens, empty while it is stopped.
func (h *Hub) Addr() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.addr
}

// InProcessConn lets a client of this process connect without the network; the client still proves its key.
func (h *Hub) InProcessConn() (net.Conn, error) {
	srv := h.server()
	if srv == nil {
		return nil, errStopped
	}
	return srv.InProcessConn()
}

var errStopped = errors.New("the hub is stopped")

func (h *Hub) server() *server.Server {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.srv
}

// login makes a connection the hub's own user: it may do everything.
func (h *Hub) login() []nats.Option {
	return []nats.Option{nats.InProcessServer(h), nats.Nkey(h.user, h.key.Sign)}
}
