package line

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"chancery.example/chancery/telegram"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"
)

// Member is a post for which the hub keeps what waits.
type Member struct {
	Route telegram.Route
	Login string // the post's public NATS user key, "U…"; empty: nobody logs in for it, as for the hub's own post
}

// Admit sets who may connect and for whom messages wait. The list is the whole list: a member that is gone, or whose login changed, is
// disconnected at once, and what waited for a member that is gone is thrown away (its senders keep it). Admit may be called again
// at any time; connections of members that stay are not touched.
func (h *Hub) Admit(ctx context.Context, members []Member) error {
	members = slices.Clone(members)
	if err := checkMembers(members); err != nil {
		return err
	}
	h.act.Lock()
	defer h.act.Unlock()
	srv := h.server()
	if srv == nil {
		return errStopped
	}
	opts, err := h.options(members)
	if err != nil {
		return err
	}
	if err := srv.ReloadOptions(opts); err != nil {
		return fmt.Errorf("admitting members to the hub: %w", err)
	}
	h.mu.Lock()
	h.members = members
	h.mu.Unlock()
	return h.streams(ctx, members)
}

func checkMembers(ms []Member) error {
	routes, logins := map[telegram.Route]bool{}, map[string]bool{}
	for _, m := range ms {
		switch {
		case routes[m.Route]:
			return fmt.Errorf("the routing code %v stands twice in the hub's list of members", m.Route)
		case m.Login != "" && !nkeys.IsValidPublicUserKey(m.Login):
			return fmt.Errorf("the login of %v is no public NATS user key", m.Route)
		case m.Login != "" && logins[m.Login]:
			return fmt.Errorf("the login of %v is also that of another member", m.Route)
		}
		routes[m.Route], logins[m.Login] = true, true
	}
	return nil
}

// options are the broker's settings with everybody who may log in. Nothing in the text comes from outside but routing codes, printed
// in hexadecimal, and public keys that were checked.
func (h *Hub) options(ms []Member) (*server.Options, error) {
	o := &server.Options{}
	if err := o.ProcessConfigString(accounts(h.user, ms)); err != nil {
		return nil, fmt.Errorf("writing the hub's permissions: %w", err)
	}
	port := h.port
	if port == 0 {
		port = server.RANDOM_PORT
	}
	o.ServerName, o.Host, o.Port = "hub", h.host, port
	o.NoSigs, o.DisableJetStreamBanner = true, true
	o.JetStream, o.StoreDir, o.SyncAlways = true, h.cfg.Dir, true
	o.JetStreamMaxStore, o.JetStreamMaxMemory = 1<<50, 1<<20 // the streams have their own limits; nothing is kept in memory
	o.MaxPayload, o.MaxPending = maxPayload, 4*maxPayload
	o.MaxSubs, o.MaxControlLine = 64, 4096
	o.Cluster.NoAdvertise = true                       // without it the greeting tells every client the machine's addresses
	o.AuthTimeout, o.WriteDeadline = 30, 2*time.Minute // a satellite line is slow, not dead
	o.PingInterval, o.MaxPingsOut = 30*time.Second, 2
	o.NoSystemAccount = false
	return o, nil
}

// accounts is the permission table of the package comment in the broker's own language.
func accounts(hub string, ms []Member) string {
	var b strings.Builder
	fmt.Fprintf(&b, `accounts {
 HUB {
  jetstream: enabled
  users: [ { nkey: %s } ]
  exports: [
   { service: "tg.*.*" }
   { service: "%s*.*", response_type: stream, threshold: "%ds" }
   { service: "%s*.*.>" }
  ]
 }
`, hub, nextPrefix, int(2*pullExpires/time.Second), ackPrefix)
	for _, m := range ms {
		if m.Login == "" {
			continue
		}
		next, ack := nextPrefix+m.Route.String()+".*", ackPrefix+m.Route.String()+".*.>"
		fmt.Fprintf(&b, ` POST_%[1]v {
  users: [ { nkey: %[2]s, permissions: { publish: { allow: ["tg.*.*", "%[3]s", "%[4]s"] }, subscribe: { allow: ["%[5]s.>"] } } } ]
  imports: [
   { service: { account: HUB, subject: "tg.*.*" } }
   { service: { account: HUB, subject: "%[3]s" } }
   { service: { account: HUB, subject: "%[4]s" } }
  ]
 }
`, m.Route, m.Login, next, ack, inbox(m.Route))
	}
	b.WriteString("}\n")
	return b.String()
}

// streams makes the stream and the consumers of each member, mends those that differ, and deletes what belongs to nobody.
func (h *Hub) streams(ctx context.Context, ms []Member) error {
	nc, err := nats.Connect("", append(h.login(), nats.NoReconnect(), nats.Timeout(10*time.Second))...)
	if err != nil {
		return fmt.Errorf("reaching the hub from within: %w", err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return fmt.Errorf("reaching the hub from within: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	keep := map[string]bool{}
	for _, m := range ms {
		keep[streamName(m.Route)] = true
		if err := h.stream(ctx, js, m.Route); err != nil {
			return fmt.Errorf("making the stream of %v: %w", m.Route, err)
		}
	}
	names := js.StreamNames(ctx)
	var gone []string
	for n := range names.Name() {
		if !keep[n] {
			gone = append(gone, n)
		}
	}
	if err := names.Err(); err != nil {
		return fmt.Errorf("listing the hub's streams: %w", err)
	}
	for _, n := range gone {
		if err := js.DeleteStream(ctx, n); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
			return fmt.Errorf("deleting the stream %s: %w", n, err)
		}
	}
	return nil
}

func (h *Hub) stream(ctx context.Context, js jetstream.JetStream, r telegram.Route) error {
	cfg := jetstream.StreamConfig{
		Name: streamName(r), Retention: jetstream.WorkQueuePolicy, Storage: jetstream.FileStorage,
		MaxBytes: h.cfg.MaxBytes, Discard: jetstream.DiscardNew,
	}
	// The six are named one by one: what is sent to a seventh would lie there for ever, since nobody consumes it.
	for p := telegram.Deferred; p <= telegram.Override; p++ {
		cfg.Subjects = append(cfg.Subjects, subject(r, p))
	}
	s, err := js.CreateOrUpdateStream(ctx, cfg)
	if err != nil {
		return err
	}
	for p := telegram.Deferred; p <= telegram.Override; p++ {
		if _, err := s.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
			Durable: consumerName(p), FilterSubject: subject(r, p), AckPolicy: jetstream.AckExplicitPolicy,
			AckWait: h.cfg.AckWait, MaxAckPending: 512,
		}); err != nil {
			return err
		}
	}
	return nil
}
