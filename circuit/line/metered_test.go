package line

import (
	"sync/atomic"
	"testing"
	"time"

	"chancery.example/chancery/circuit"
	"chancery.example/chancery/telegram"
	"github.com/nats-io/nats.go"
)

// metered connects a metered post with TLS.
func metered(t *testing.T, h *Hub, p post, fingerprint string) (*desk, circuit.Profile) {
	profile := circuit.Profile{Rate: 64000, RoundTrip: 600 * time.Millisecond, Metered: true}.Fill()
	c := secure(client(p, h.Addr()), fingerprint)
	c.Profile = profile
	d, _ := run(t, c)
	return d.connected(t), profile
}

func meteredHub(t *testing.T, members ...Member) (*Hub, string) {
	key, fingerprint := hubKey(t)
	return startHub(t, HubConfig{Key: key, TLSOnly: true}, members...), fingerprint
}

// settled waits until the line was silent for a second, and gives what it has cost so far.
func (d *desk) settled(t *testing.T) int64 {
	t.Helper()
	cost := func() int64 { s := d.State(); return s.In + s.Out }
	for last, end := cost(), time.Now().Add(30*time.Second); time.Now().Before(end); {
		time.Sleep(time.Second)
		now := cost()
		if now == last {
			return now
		}
		last = now
	}
	t.Fatal("the line is never silent")
	return 0
}

// A day of silence on a metered line is made of these: a login with all that follows it, what posts say, a ping each Ping, and a look at the six consumers each
// Poll. Each is counted at the socket, TLS included.
func TestMetered(t *testing.T) {
	t.Parallel()
	a, b := newPost(t, 0), newPost(t, 1)
	h, fingerprint := meteredHub(t, a.member(), b.member())
	d, profile := metered(t, h, b, fingerprint)
	d.receive(t)
	login := d.settled(t)

	before := login
	nc, epoch, _ := d.Line.watch()
	for range 10 {
		d.Line.ask(t.Context(), nc, epoch)
	}
	ping := (d.settled(t) - before) / 10

	// What a request costs, from those of another post that looks each second.
	c := newPost(t, 2)
	if err := h.Admit(t.Context(), []Member{a.member(), b.member(), c.member()}); err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int64
	if _, err := h.own.Subscribe(nextPrefix+streamName(c.route)+".*", func(*nats.Msg) { asked.Add(1) }); err != nil {
		t.Fatal(err)
	}
	often := secure(client(c, h.Addr()), fingerprint)
	often.Profile = circuit.Profile{Metered: true, Poll: time.Second, Ping: time.Hour}
	e, _ := run(t, often)
	e.connected(t).receive(t)
	eventually(t, "the looks after the login", func() bool { return asked.Load() >= 24 })
	n, before := asked.Load(), e.State().In+e.State().Out
	eventually(t, "more looks", func() bool { return asked.Load() >= n+18 })
	look := 6 * (e.State().In + e.State().Out - before) / (asked.Load() - n)

	const day = 24 * time.Hour
	// What posts say to each other on a silent day: witnesses both ways (decision 25) and last numbers both ways, in letters.
	const said = 2*11_000 + 2*6_500
	cost := said + login + int64(day/profile.Ping)*ping + int64(day/(profile.Poll-profile.Poll/8))*look
	t.Logf("a login costs %d bytes, a ping each %v %d, a look each %v %d at most: a silent day %d", login, profile.Ping, ping, profile.Poll, look, cost)
	if ping == 0 || look == 0 || cost > 100_000 {
		t.Errorf("a silent day costs %d bytes", cost)
	}

	// What comes is fetched at once, and then the line is silent again.
	from, _ := run(t, secure(client(a, h.Addr()), fingerprint))
	send(t, from.connected(t), b.route, telegram.Flash, envelope(b.route, telegram.Flash, 1, 500))
	eventually(t, "what woke the post", func() bool { return len(d.all()) == 1 })
	d.settled(t)
}
