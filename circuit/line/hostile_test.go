package line

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"chancery.example/chancery/telegram"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"
)

// mallory is a member that keeps to the rules of the broker's protocol only.
type mallory struct {
	*nats.Conn
	mu   sync.Mutex
	errs []error
}

func newMallory(t *testing.T, h place, p post) *mallory {
	t.Helper()
	m := &mallory{}
	nc, err := nats.Connect("nats://"+h.Addr(), nats.Nkey(p.login, p.key.Sign), nats.CustomInboxPrefix(inbox(p.route)), nats.NoReconnect(),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.errs = append(m.errs, err)
		}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	m.Conn = nc
	return m
}

// denied says whether what was just done was refused.
func (m *mallory) denied(t *testing.T) bool {
	t.Helper()
	if err := m.Flush(); err != nil {
		t.Fatal(err)
	}
	for range 200 {
		m.mu.Lock()
		n := len(m.errs)
		m.errs = nil
		m.mu.Unlock()
		if n > 0 {
			return true
		}
		time.Sleep(time.Millisecond)
	}
	return false
}

// admin looks at the hub from within.
func admin(t *testing.T, h place) (*nats.Conn, jetstream.JetStream) {
	t.Helper()
	nc, err := nats.Connect("", h.login()...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return nc, js
}

// inventory is all that the hub keeps, as text: streams, their settings, messages, and how far each consumer is.
func inventory(t *testing.T, js jetstream.JetStream) string {
	t.Helper()
	var out []string
	l := js.ListStreams(t.Context())
	for i := range l.Info() {
		s, err := js.Stream(t.Context(), i.Config.Name)
		if err != nil {
			t.Fatal(err)
		}
		var cs []string
		c := s.ListConsumers(t.Context())
		for i := range c.Info() {
			cs = append(cs, fmt.Sprint(i.Name, i.NumAckPending, i.NumPending, i.AckFloor.Consumer, i.AckFloor.Stream, i.Delivered.Consumer))
		}
		if c.Err() != nil {
			t.Fatal(c.Err())
		}
		slices.Sort(cs)
		cfg, _ := json.Marshal(i.Config)
		out = append(out, fmt.Sprintf("%s first %d last %d n %d\n%s", cfg, i.State.FirstSeq, i.State.LastSeq, i.State.Msgs, strings.Join(cs, "\n")))
	}
	if l.Err() != nil {
		t.Fatal(l.Err())
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

// places runs a test on a Hub and on a server outside.
func places(t *testing.T, fn func(t *testing.T, at func(...Member) place)) {
	t.Parallel()
	t.Run("hub", func(t *testing.T) {
		t.Parallel()
		fn(t, func(ms ...Member) place { return startHub(t, HubConfig{}, ms...) })
	})
	t.Run("outside", func(t *testing.T) {
		t.Parallel()
		fn(t, func(ms ...Member) place { return startOutside(t, nil, ms...) })
	})
}

// scene is a hub with three members, five messages that wait for Paris, of which two were fetched and not acknowledged, and Mallory.
func scene(t *testing.T, at func(...Member) place) (h place, paris, quito, m post, evil *mallory) {
	paris, quito, m = newPost(t, 2), newPost(t, 3), newPost(t, 0xee)
	h = at(paris.member(), quito.member(), m.member())
	nc, js := admin(t, h)
	_ = nc
	for n := range 5 {
		if _, err := js.Publish(t.Context(), subject(paris.route, telegram.Routine), telegram.Bundle([]telegram.Envelope{envelope(paris.route, telegram.Routine, n, 50)})); err != nil {
			t.Fatal(err)
		}
	}
	p := newMallory(t, h, paris) // Paris herself, by hand
	sub, err := p.SubscribeSync(inbox(paris.route) + ".x")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := p.PublishRequest(next(paris.route, telegram.Routine), inbox(paris.route)+".x", []byte(`{"batch":1}`)); err != nil {
			t.Fatal(err)
		}
		if msg, err := sub.NextMsg(5 * time.Second); err != nil || len(msg.Data) == 0 {
			t.Fatal(msg, err)
		}
	}
	return h, paris, quito, m, newMallory(t, h, m)
}

func TestHostileSubjects(t *testing.T) { places(t, hostileSubjects) }

func hostileSubjects(t *testing.T, at func(...Member) place) {
	h, paris, _, m, evil := scene(t, at)
	_, js := admin(t, h)
	before := inventory(t, js)
	victim, own := streamName(paris.route), streamName(m.route)
	c := "p1"
	for _, s := range []string{
		"INFO", "STREAM.NAMES", "STREAM.LIST", "STREAM.INFO." + victim, "STREAM.INFO." + own, "STREAM.CREATE.evil", "STREAM.CREATE." + victim,
		"STREAM.UPDATE." + victim, "STREAM.UPDATE." + own, "STREAM.DELETE." + victim, "STREAM.DELETE." + own, "STREAM.PURGE." + victim, "STREAM.PURGE." + own,
		"STREAM.SNAPSHOT." + victim, "STREAM.RESTORE.evil", "STREAM.MSG.GET." + victim, "STREAM.MSG.GET." + own, "STREAM.MSG.DELETE." + victim,
		"DIRECT.GET." + victim, "DIRECT.GET." + victim + "." + subject(paris.route, 1), "DIRECT.GET." + own,
		"CONSUMER.CREATE." + victim, "CONSUMER.CREATE." + victim + ".evil", "CONSUMER.CREATE." + own + ".evil.tg.>", "CONSUMER.DURABLE.CREATE." + victim + ".evil",
		"CONSUMER.NAMES." + victim, "CONSUMER.NAMES." + own, "CONSUMER.LIST." + victim, "CONSUMER.INFO." + victim + "." + c, "CONSUMER.DELETE." + victim + "." + c,
		"CONSUMER.DELETE." + own + "." + c, "CONSUMER.PAUSE." + victim + "." + c, "CONSUMER.RESET." + victim + "." + c, "CONSUMER.UNPIN." + victim + "." + c,
		"CONSUMER.MSG.NEXT." + victim + "." + c, "CONSUMER.MSG.NEXT." + victim + ".*", "META.LEADER.STEPDOWN", "SERVER.REMOVE", "ACCOUNT.PURGE.HUB",
	} {
		evil.deny(t, "$JS.API."+s)
	}
	for _, s := range []string{
		"$SYS.REQ.SERVER.PING", "$SYS.REQ.USER.INFO", "$SYS.REQ.ACCOUNT.HUB.CONNZ", "$SYS.ACCOUNT.HUB.CONNECT", "$JS.API", "$JS.API.>", "$JS.EVENT.ADVISORY.x", "$JS.FC.x",
		"$JS.ACK." + victim + ".p1.1.1.1.1.1", "$JS.ACK." + victim + ".p1.1.2.2.1.1", inbox(paris.route) + ".x", "_R_.x", "_INBOX.x", "tg", "tg.>", "tg.a.b.c", "evil", "$NRG.x", "$JSC.x",
	} {
		evil.deny(t, s)
	}
	for _, s := range []string{">", "*", "tg.>", "tg.*.*", subject(paris.route, 1), subject(m.route, 1), "$JS.>", "$JS.ACK.>", "$JS.API.>", "$SYS.>", "_INBOX.>", "_INBOX.*.x",
		inbox(paris.route) + ".>", "_R_.>", inbox(m.route)} {
		if _, err := evil.SubscribeSync(s); err == nil && !evil.denied(t) {
			t.Errorf("subscribed to %s", s)
		}
	}
	if after := inventory(t, js); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	for _, p := range []string{"6", "9", "*", ">", "x"} { // allowed, but nobody there: it must not fill the stream
		if _, err := evil.Request("tg."+paris.route.String()+"."+p, []byte("junk"), 300*time.Millisecond); err == nil {
			t.Errorf("precedence %s was taken", p)
		}
	}
	if after := inventory(t, js); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}

func (m *mallory) deny(t *testing.T, subject string) {
	t.Helper()
	if err := m.PublishRequest(subject, m.NewInbox(), nil); err == nil && !m.denied(t) {
		t.Errorf("published to %s", subject)
	}
}

// The broker itself answers to whatever subject a request names. These have it speak for Mallory.
func TestHostileReplies(t *testing.T) { places(t, hostileReplies) }

func hostileReplies(t *testing.T, at func(...Member) place) {
	h, paris, quito, m, evil := scene(t, at)
	ears := newMallory(t, h, paris)
	heard, err := ears.SubscribeSync(inbox(paris.route) + ".>")
	if err != nil || ears.Flush() != nil {
		t.Fatal(err)
	}
	_, js := admin(t, h)
	before := inventory(t, js)
	victim := streamName(paris.route)
	targets := []string{"$JS.API.STREAM.DELETE." + victim, "$JS.API.STREAM.PURGE." + victim, "$JS.API.CONSUMER.MSG.NEXT." + victim + ".p1",
		inbox(paris.route) + ".y", "$SYS.REQ.SERVER.PING"}
	for seq := 1; seq <= 5; seq++ {
		for _, c := range []string{"p1", "*"} {
			targets = append(targets, fmt.Sprintf("$JS.ACK.%s.%s.1.%d.%d.1700000000000000000.3", victim, c, seq, seq))
		}
	}
	for _, x := range targets {
		for _, body := range []string{"", "+ACK", "+TERM", `-NAK {"delay":1}`, "+NXT", `{"batch":5}`, "{}"} {
			for _, s := range []string{subject(quito.route, 0), subject(m.route, 0)} {
				if err := evil.PublishRequest(s, x, []byte(body)); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, req := range []string{`{"batch":7}`, `{"batch":1,"no_wait":true}`, `{"batch":1,"expires":1000000}`, `{"batch":-1}`, "", "junk"} {
			if err := evil.PublishRequest(next(m.route, 0), x, []byte(req)); err != nil {
				t.Fatal(err)
			}
			if err := evil.PublishRequest(next(m.route, 1), x, []byte(req)); err != nil {
				t.Fatal(err)
			}
		}
		for _, h := range []string{"Nats-Trace-Dest", "Nats-Schedule-Target", "Reply-To"} {
			msg := &nats.Msg{Subject: subject(quito.route, 0), Reply: x, Data: []byte("+ACK"), Header: nats.Header{h: {x}, "Nats-Rollup": {"all"}, "Nats-TTL": {"1s"}, "Nats-Schedule": {"@at 2020-01-01T00:00:00Z"}}}
			if err := evil.PublishMsg(msg); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := evil.Flush(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond)
	cut := func(s string) string { // what concerns Paris
		_, s, _ = strings.Cut(s, `{"name":"`+victim)
		s, _, _ = strings.Cut(s, `{"name":"`)
		return s
	}
	if a, b := cut(inventory(t, js)), cut(before); a != b {
		t.Errorf("before:\n%s\nafter:\n%s", b, a)
	}
	if msg, err := heard.NextMsg(100 * time.Millisecond); err == nil {
		t.Errorf("Paris was told %q %q", msg.Subject, msg.Data)
	}
}

func TestHostileLogins(t *testing.T) { places(t, hostileLogins) }

func hostileLogins(t *testing.T, at func(...Member) place) {
	h, paris, _, m, _ := scene(t, at)
	url := "nats://" + h.Addr()
	stranger := newPost(t, 9)
	other, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]nats.Option{
		"nothing":     func(*nats.Options) error { return nil },
		"unknown":     nats.Nkey(stranger.login, stranger.key.Sign),
		"wrong key":   nats.Nkey(paris.login, other.Sign),
		"no sign":     nats.Nkey(paris.login, func([]byte) ([]byte, error) { return nil, nil }),
		"stale nonce": nats.Nkey(paris.login, func([]byte) ([]byte, error) { return paris.key.Sign([]byte("old")) }),
		"hub's user":  nats.Nkey(owner(h), m.key.Sign),
		"password":    nats.UserInfo("admin", "admin"),
		"token":       nats.Token(paris.login),
	} {
		if nc, err := nats.Connect(url, o, nats.NoReconnect()); err == nil {
			nc.Close()
			t.Errorf("%s: let in", name)
		} else if !errors.Is(err, nats.ErrAuthorization) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// owner is the public key of who owns the streams.
func owner(h place) string {
	if o, ok := h.(*outside); ok {
		return o.keeper.login
	}
	return h.(*Hub).user
}

func TestJunk(t *testing.T) {
	t.Parallel()
	paris, m := newPost(t, 2), newPost(t, 0xee)
	h := startHub(t, HubConfig{}, paris.member(), m.member())
	evil := newMallory(t, h, m)
	good := envelope(paris.route, telegram.Routine, 1, 30)
	put := func(p telegram.Precedence, data []byte) {
		t.Helper()
		if _, err := evil.Request(subject(paris.route, p), data, 5*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	put(telegram.Flash, nil)
	put(telegram.Flash, []byte("junk"))
	put(telegram.Flash, make([]byte, 7<<20))
	put(telegram.Flash, append(telegram.Bundle([]telegram.Envelope{good}), 1, 2, 3)) // taken as far as it parses
	put(telegram.Override, telegram.Bundle([]telegram.Envelope{good}))               // a Routine that goes as an Override
	if err := evil.Publish(subject(paris.route, 1), make([]byte, maxPayload+1)); !errors.Is(err, nats.ErrMaxPayload) {
		t.Errorf("more than 8 MiB: %v", err)
	}
	p, _ := run(t, client(paris, h.Addr()))
	p.connected(t).receive(t)
	eventually(t, "two envelopes and four pieces of junk", func() bool { return len(p.all()) == 2 && p.State().Junk == 4 })
	if x := p.all(); x[0].at != telegram.Override || x[0].e.Precedence != telegram.Routine || x[1].at != telegram.Flash {
		t.Errorf("taken: %v", x)
	}
	eventually(t, "nothing waits", func() bool { return waiting(t, h, paris.route) == 0 })
}
