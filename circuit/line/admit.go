package line

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"chancery.example/chancery/telegram"
	"github.com/nats-io/nats-server/v2/server"
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
	h.members = members
	return h.admit(ctx, srv)
}

func (h *Hub) admit(ctx context.Context, srv *server.Server) error {
	users, err := h.users(srv)
	if err != nil {
		return fmt.Errorf("admitting members to the hub: %w", err)
	}
	// No login goes on before all streams are there: a member that asked for messages sooner would ask a consumer that is just being made.
	h.work.Lock()
	defer h.work.Unlock()
	// The order matters: first those who are gone lose their way in, then their streams go, so that nothing of theirs comes back.
	h.door.admit(users)
	if err := h.shutOut(srv, users); err != nil {
		return fmt.Errorf("shutting former members out of the hub: %w", err)
	}
	return h.streams(ctx, h.members)
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

// users makes the account of each member that may log in, once for each run of the broker, and says who belongs to which.
func (h *Hub) users(srv *server.Server) (map[string]visitor, error) {
	hub, err := srv.LookupAccount(hubAccount)
	if err != nil {
		return nil, err
	}
	users := map[string]visitor{h.user: {user: &server.User{Username: h.user, Account: hub}, hub: true}}
	for _, m := range h.members {
		if m.Login == "" {
			continue
		}
		says, hears := rights(m.Route)
		acc, err := srv.RegisterAccount(accountName(m.Route))
		switch {
		case errors.Is(err, server.ErrAccountExists):
			acc, err = srv.LookupAccount(accountName(m.Route))
		case err == nil:
			for _, subject := range says {
				if err == nil {
					err = acc.AddServiceImport(hub, subject, subject)
				}
			}
			if err == nil {
				err = acc.AddStreamImport(hub, wakeSubject(m.Route), "")
			}
		}
		if err != nil {
			return nil, fmt.Errorf("the account of %v: %w", m.Route, err)
		}
		users[m.Login] = visitor{route: m.Route, user: &server.User{Username: m.Login, Account: acc, Permissions: &server.Permissions{
			Publish:   &server.SubjectPermission{Allow: says},
			Subscribe: &server.SubjectPermission{Allow: hears},
		}}}
	}
	return users, nil
}

// shutOut ends the connections of those who are no longer, or no longer so, among users.
func (h *Hub) shutOut(srv *server.Server, users map[string]visitor) error {
	for offset := 0; ; {
		z, err := srv.Connz(&server.ConnzOptions{Username: true, Offset: offset, Limit: 1024})
		if err != nil {
			return err
		}
		for _, c := range z.Conns {
			if who, ok := users[c.AuthorizedUser]; !ok || who.user.Account.Name != c.Account {
				srv.DisconnectClientByID(c.Cid) // fails only when it is gone already
			}
		}
		if offset += len(z.Conns); len(z.Conns) == 0 || offset >= z.Total {
			return nil
		}
	}
}

// streams makes the streams and consumers of the members. After a start it makes all consumers anew, which spares each first login that. It is
// called with work held.
func (h *Hub) streams(ctx context.Context, ms []Member) error {
	js, err := jetstream.New(h.own)
	if err != nil {
		return fmt.Errorf("reaching the hub from within: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	stock, fresh := h.stock(), map[telegram.Route]bool{}
	stock.anew = h.fresh == nil
	if err := stock.make(ctx, js, ms); err != nil {
		return err
	}
	if stock.anew {
		for _, m := range ms {
			fresh[m.Route] = true
		}
		h.fresh = fresh
	}
	return nil
}

func (h *Hub) stock() stock {
	return stock{maxBytes: h.cfg.MaxBytes, ackWait: h.cfg.AckWait, replicas: 1}
}

// renew makes the consumers of a member anew. When it fails half-way the next login, or Admit, makes what lacks.
func (h *Hub) renew(ctx context.Context, r telegram.Route) {
	h.work.Lock()
	defer h.work.Unlock()
	if h.fresh[r] {
		delete(h.fresh, r)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	js, err := jetstream.New(h.own)
	for p := telegram.Override; err == nil; p-- {
		if err = js.DeleteConsumer(ctx, streamName(r), consumerName(p)); err == nil || errors.Is(err, jetstream.ErrConsumerNotFound) {
			_, err = js.CreateConsumer(ctx, streamName(r), h.stock().consumer(r, p))
		}
		if p == telegram.Deferred {
			break
		}
	}
	if err != nil && ctx.Err() == nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		h.cfg.Log.Warn("hub: renewing the consumers of a member", "route", r, "err", err)
	}
}
