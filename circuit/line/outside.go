package line

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"
)

// Outside says how a NATS server that is a program of its own, alone or one of a cluster, is set up as a hub. It gives each post the same
// account and the same rights as a Hub does. Such a server knows no directory: whoever keeps it writes its settings anew when posts come
// or go, starts it again with them, and calls Prepare. (To have a server read them while it runs is not enough: in version 2.15 an account
// that is new gets its services only at the second reading.) In a cluster all servers have the same settings, save for Name, Listen and Dir.
type Outside struct {
	Listen   string // host:port
	Dir      string // the server's own folder
	Keeper   string // the public NATS user key, "U…", of whoever calls Prepare
	Name     string // of the server; empty means hub
	Include  string // a file of further settings, which a cluster needs, from the folder of the settings; empty: none
	Replicas int    // how many servers keep each message: 1, or 3 or 5 in a cluster; 0 means 1
}

const sysAccount, varz = "SYS", "$SYS.REQ.SERVER.PING.VARZ"

// Settings writes the server's file of settings.
func (o Outside) Settings(members []Member) (string, error) {
	if err := o.check(members); err != nil {
		return "", err
	}
	replicas := max(o.Replicas, 1)
	var b strings.Builder
	// The streams have their own limits. Without max_file_store the server would take a part of the disk as it is on its first day.
	fmt.Fprintf(&b, `# Written by  chancery hub config . Do not change it by hand: write it anew, and start the server again.
server_name: %q
listen: %q
jetstream { store_dir: %q, sync_interval: always, max_memory_store: %d, max_file_store: %d }
max_payload: %d
max_pending: %d
max_subscriptions: %d
max_control_line: %d
write_deadline: %q
ping_interval: %q
ping_max: %d
authorization { timeout: %v }
`, or(o.Name, "hub"), o.Listen, o.Dir, 1<<20, int64(1)<<50, maxPayload, maxPending, maxSubs, maxControl, writeTimeout, pingInterval, maxPings, authTimeout)
	if o.Include != "" {
		fmt.Fprintf(&b, "include %q\n", o.Include)
	}
	n := 2*len(members) + 2 // room for the streams of former members too: the server passes over what is above, and it might be another's
	limits := fmt.Sprintf("{ max_memory: %d, max_file: %d, max_streams: %d, max_consumers: 6 }", 1<<20, int64(n*replicas)*defaultMaxBytes, n)
	keeper := fmt.Sprintf("\t\tusers: [ { nkey: %s } ]\n\t\timports: [ { service: { account: %s, subject: %q } } ]\n", o.Keeper, sysAccount, varz)
	fmt.Fprintf(&b, "system_account: %s\naccounts {\n\t%s { exports: [ { service: %q, response_type: stream, accounts: [ %s ] } ] }\n%s",
		sysAccount, sysAccount, varz, hubAccount, hubText(limits, keeper))
	for _, m := range members {
		if m.Login == "" {
			continue
		}
		says, hears := rights(m.Route)
		fmt.Fprintf(&b, "\t%s {\n\t\tusers: [ { nkey: %s, permissions: { publish: [ %s ], subscribe: [ %s ] } } ]\n\t\timports: [\n",
			accountName(m.Route), m.Login, quoted(says), quoted(hears))
		for _, s := range says {
			fmt.Fprintf(&b, "\t\t\t{ service: { account: %s, subject: %q } }\n", hubAccount, s)
		}
		fmt.Fprintf(&b, "\t\t\t{ stream: { account: %s, subject: %q } }\n", hubAccount, wakeSubject(m.Route))
		b.WriteString("\t\t]\n\t}\n")
	}
	b.WriteString("}\n")
	return b.String(), nil
}

// hubText is the account that owns all streams and offers three services, and the wakes, to the accounts of the members.
func hubText(limits, more string) string {
	return fmt.Sprintf(`	%s {
		jetstream: %s
		exports: [
			{ service: %q }
			{ service: %q, threshold: "%ds" }
			{ service: %q }
			{ stream: %q }
		]
%s	}
`, hubAccount, or(limits, "enabled"), allPosts, nextPrefix+"*.*", int(2*pullExpires/time.Second), ackPrefix+"*.*.>", allWakes, more)
}

func (o Outside) check(members []Member) error {
	if _, port, err := net.SplitHostPort(o.Listen); err != nil {
		return fmt.Errorf("the server's listening address %q: give host:port", o.Listen)
	} else if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("the server's listening address %q: %q is no port", o.Listen, port)
	}
	if o.Dir == "" {
		return errors.New("the server needs a folder of its own")
	}
	if !nkeys.IsValidPublicUserKey(o.Keeper) {
		return errors.New("the keeper's login is no public NATS user key")
	}
	if o.Replicas != 0 && o.Replicas != 1 && o.Replicas != 3 && o.Replicas != 5 {
		return fmt.Errorf("a message is kept by 1, 3 or 5 servers, not by %d", o.Replicas)
	}
	for _, s := range []string{o.Name, o.Include, o.Dir, o.Listen} {
		if strings.ContainsAny(s, "\"\\\n\r") {
			return fmt.Errorf("%q: a setting of the server has no quotation mark, backslash or line break", s)
		}
	}
	if filepath.IsAbs(o.Include) {
		return fmt.Errorf("the further settings %q: the server looks for them from the folder of its settings", o.Include)
	}
	if err := checkMembers(members); err != nil {
		return err
	}
	for _, m := range members {
		if m.Login == o.Keeper {
			return fmt.Errorf("the keeper's login is also that of %v", m.Route)
		}
	}
	return nil
}

func quoted(all []string) string {
	var b strings.Builder
	for i, s := range all {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(strconv.Quote(s))
	}
	return b.String()
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// Keeper is how Prepare reaches a server.
type Keeper struct {
	URL      string // nats://host:port of one server
	Login    string // Outside.Keeper
	Sign     func(nonce []byte) ([]byte, error)
	Replicas int           // as in Outside
	AckWait  time.Duration // after which a message that was fetched and not acknowledged is offered again; 0 means five minutes
}

// Server is what a server of the hub said of itself.
type Server struct {
	Name       string
	SyncAlways bool // false: what it has acknowledged may be gone after a power cut, and is then sent again
}

// Prepare makes on an outside hub the streams and consumers of the members, deletes those of former ones, with what waited in them (its senders keep it),
// and asks every server of the hub how it keeps what it acknowledges. It may be called again at any time.
func Prepare(ctx context.Context, k Keeper, members []Member) ([]Server, error) {
	if err := checkMembers(members); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	nc, err := nats.Connect(k.URL, nats.Nkey(k.Login, k.Sign), nats.NoReconnect(), nats.Timeout(10*time.Second), nats.IgnoreDiscoveredServers(),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { fail(err) })) // what is forbidden is answered in no other way
	if errors.Is(err, nats.ErrAuthorization) {
		return nil, fmt.Errorf("the hub %s does not know the keeper's key: start it with the settings that were written for this key: %w", k.URL, err)
	}
	if err != nil {
		return nil, fmt.Errorf("reaching the hub %s: %w", k.URL, err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	err = answering(ctx, js)
	if err == nil {
		err = (stock{maxBytes: defaultMaxBytes, ackWait: cmp.Or(k.AckWait, outsideAckWait), replicas: max(k.Replicas, 1)}).make(ctx, js, members)
	}
	if err != nil {
		if why := context.Cause(ctx); why != nil {
			err = why
		}
		return nil, fmt.Errorf("preparing the hub %s: %w", k.URL, err)
	}
	return servers(nc)
}

// answering waits until the servers of a cluster have found each other. Before, they may leave a request without any answer.
func answering(ctx context.Context, js jetstream.JetStream) error {
	for {
		try, cancel := context.WithTimeout(ctx, 2*time.Second)
		_, err := js.AccountInfo(try)
		cancel()
		if err == nil || ctx.Err() != nil || errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount) {
			return err
		}
		wait(ctx, askAgain)
	}
}

// servers asks every server of the hub, and waits until no further one answers.
func servers(nc *nats.Conn) (all []Server, err error) {
	sub, err := nc.SubscribeSync(nc.NewRespInbox())
	if err == nil {
		err = nc.PublishRequest(varz, sub.Subject, nil)
	}
	if err != nil {
		return nil, fmt.Errorf("asking the hub's servers how they keep what they acknowledge: %w", err)
	}
	for patience := 5 * time.Second; ; patience = 500 * time.Millisecond {
		m, err := sub.NextMsg(patience)
		if errors.Is(err, nats.ErrTimeout) || errors.Is(err, nats.ErrNoResponders) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("asking the hub's servers how they keep what they acknowledge: %w", err)
		}
		var said struct {
			Server struct{ Name string }
			Data   struct {
				JetStream struct {
					Config struct {
						SyncAlways bool `json:"sync_always"`
					}
				}
			}
		}
		if err := json.Unmarshal(m.Data, &said); err != nil {
			return nil, fmt.Errorf("what a server of the hub said of itself cannot be read: %w", err)
		}
		all = append(all, Server{said.Server.Name, said.Data.JetStream.Config.SyncAlways})
	}
}
