package line

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chancery.example/chancery/circuit"
	"chancery.example/chancery/circuit/circuittest"
	"chancery.example/chancery/telegram"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// place is where members log in: a Hub, or a server that runs by the settings of Outside.
type place interface {
	Addr() string
	login() []nats.Option // of the account that owns the streams
}

// outside is a server that knows of us only its file of settings.
type outside struct {
	t      testing.TB
	set    Outside
	file   string
	keeper post
	srv    *server.Server
}

// startOutside starts a server and prepares it. edit, when not nil, changes its settings.
func startOutside(t testing.TB, edit func(string) string, ms ...Member) *outside {
	t.Helper()
	o := newOutside(t, Outside{}, edit, ms...)
	o.start()
	o.prepare(ms...)
	return o
}

func newOutside(t testing.TB, set Outside, edit func(string) string, ms ...Member) *outside {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	o := &outside{t: t, set: set, file: filepath.Join(t.TempDir(), "nats.conf"), keeper: newPost(t, 0xff)}
	o.set.Listen, o.set.Dir, o.set.Keeper = l.Addr().String(), t.TempDir(), o.keeper.login
	o.write(edit, ms...)
	return o
}

func (o *outside) write(edit func(string) string, ms ...Member) {
	o.t.Helper()
	text, err := o.set.Settings(ms)
	if err != nil {
		o.t.Fatal(err)
	}
	if edit != nil {
		text = edit(text)
	}
	if err := os.WriteFile(o.file, []byte(text), 0o600); err != nil {
		o.t.Fatal(err)
	}
}

func (o *outside) start() {
	o.t.Helper()
	opts, err := server.ProcessConfigFile(o.file)
	if err != nil {
		o.t.Fatal(err)
	}
	opts.NoSigs, opts.NoLog = true, true // the test's process is no server's
	if o.srv, err = server.NewServer(opts); err != nil {
		o.t.Fatal(err)
	}
	go o.srv.Start()
	o.t.Cleanup(func() { o.srv.Shutdown(); o.srv.WaitForShutdown() })
	if !o.srv.ReadyForConnections(10 * time.Second) {
		o.t.Fatal("the server accepts no connections")
	}
}

func (o *outside) restart() {
	o.t.Helper()
	o.srv.Shutdown()
	o.srv.WaitForShutdown()
	o.start()
}

func (o *outside) prepare(ms ...Member) []Server {
	o.t.Helper()
	all, err := Prepare(o.t.Context(), Keeper{URL: "nats://" + o.Addr(), Login: o.keeper.login, Sign: o.keeper.key.Sign, Replicas: o.set.Replicas, AckWait: 5 * time.Second}, ms)
	if err != nil {
		o.t.Fatal(err)
	}
	return all
}

func (o *outside) Addr() string { return o.set.Listen }

func (o *outside) login() []nats.Option {
	return []nats.Option{func(c *nats.Options) error { c.Servers = []string{"nats://" + o.Addr()}; return nil }, nats.Nkey(o.keeper.login, o.keeper.key.Sign)}
}

// All posts reach a server that is a program of its own.
func TestContractOutside(t *testing.T) {
	t.Parallel()
	circuittest.Run(t, func(t *testing.T, routes []telegram.Route) (cs []circuit.Carrier) {
		posts := make([]post, len(routes))
		members := make([]Member, len(routes))
		for i, r := range routes {
			posts[i] = newPost(t, 0)
			posts[i].route = r
			members[i] = posts[i].member()
		}
		o := startOutside(t, nil, members...)
		for _, p := range posts {
			d, _ := run(t, client(p, o.Addr()))
			cs = append(cs, d.connected(t).Line)
		}
		return cs
	})
}

// Posts come and go, and what waits for those that stay outlives the server's end.
func TestOutsideStartedAgain(t *testing.T) {
	t.Parallel()
	paris, quito, rome := newPost(t, 2), newPost(t, 3), newPost(t, 4)
	o := startOutside(t, nil, paris.member(), quito.member())
	p, _ := run(t, client(paris, o.Addr()))
	q, _ := run(t, client(quito, o.Addr()))
	r, _ := run(t, client(rome, o.Addr()))
	for _, d := range []*desk{q, r} {
		d.receive(t)
	}
	send(t, p.connected(t), quito.route, 1, envelope(quito.route, 1, 1, 10))
	eventually(t, "the first", func() bool { return len(q.all()) == 1 })
	send(t, q, paris.route, 0, envelope(paris.route, 0, 9, 10))

	o.write(nil, paris.member(), rome.member())
	o.restart()
	if all := o.prepare(paris.member(), rome.member()); len(all) != 1 || all[0] != (Server{"hub", true}) {
		t.Errorf("the server says of itself %+v", all)
	}
	r.connected(t)
	p.receive(t)
	send(t, p.connected(t), rome.route, 4, envelope(rome.route, 4, 2, 10))
	send(t, r, paris.route, 4, envelope(paris.route, 4, 3, 10))
	eventually(t, "one each, and what waited", func() bool { return len(r.all()) == 1 && len(p.all()) == 2 })
	eventually(t, "the former member is out", func() bool { return !q.State().Connected })
	if err := p.Send(t.Context(), quito.route, 1, []telegram.Envelope{envelope(quito.route, 1, 4, 1)}); !errors.Is(err, ErrNoRoute) {
		t.Errorf("sent to a former member: %v", err)
	}
}

// TestOutsideConfesses: that a server acknowledges before it has written is not kept from its keeper.
func TestOutsideConfesses(t *testing.T) {
	t.Parallel()
	paris := newPost(t, 2)
	o := startOutside(t, func(s string) string { return strings.Replace(s, "sync_interval: always", "sync_interval: 2m", 1) }, paris.member())
	if all := o.prepare(paris.member()); len(all) != 1 || all[0].SyncAlways {
		t.Errorf("the server says of itself %+v", all)
	}
	_, err := Prepare(t.Context(), Keeper{URL: "nats://" + o.Addr(), Login: paris.login, Sign: paris.key.Sign}, []Member{paris.member()})
	if err == nil {
		t.Error("a member prepared the hub")
	}
	other := newPost(t, 9)
	if _, err = Prepare(t.Context(), Keeper{URL: "nats://" + o.Addr(), Login: other.login, Sign: other.key.Sign}, nil); err == nil || !strings.Contains(err.Error(), "does not know the keeper's key") {
		t.Errorf("a stranger: %v", err)
	}
}

// What stood open at the server when a process was killed swallows nothing of what comes once the server has noticed.
func TestOutsideAfterDeath(t *testing.T) {
	t.Parallel()
	paris, quito := newPost(t, 2), newPost(t, 3)
	o := startOutside(t, nil, paris.member(), quito.member())
	q, _ := run(t, client(quito, o.Addr()))
	q.connected(t)
	_, js := admin(t, o)
	for n := range 3 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		way := newRelay(l, o.Addr())
		p, end := run(t, client(paris, l.Addr().String()))
		p.connected(t).receive(t)
		send(t, q, paris.route, 4, envelope(paris.route, 4, 10*n, 10))
		eventually(t, "a Flash", func() bool { return len(p.all()) >= 1 })
		// A request that the server reads while the connection ends may swallow one message still: decision 19. So let all six stand first.
		eventually(t, "six standing requests", func() bool { return standing(t, js, paris.route) })
		way.close() // as the kernel does when a process dies
		end()
		eventually(t, "the server to notice", func() bool { return o.srv.NumClients() == 2 }) // Quito and we
		time.Sleep(200 * time.Millisecond)
		p2, end2 := run(t, client(paris, o.Addr()))
		p2.connected(t).receive(t)
		begin := time.Now()
		for at := telegram.Deferred; at <= telegram.Override; at++ {
			send(t, q, paris.route, at, envelope(paris.route, at, 10*n+int(at)+1, 10))
		}
		eventually(t, fmt.Sprintf("six after death %d", n), func() bool { return len(p2.all()) >= 6 })
		t.Logf("all were here %v after they were sent", time.Since(begin))
		eventually(t, "six standing requests", func() bool { return standing(t, js, paris.route) })
		end2()
	}
}

// standing says whether a request stands at each consumer of a member, and nothing is on its way from it.
func standing(t *testing.T, js jetstream.JetStream, r telegram.Route) bool {
	t.Helper()
	for p := telegram.Deferred; p <= telegram.Override; p++ {
		c, err := js.Consumer(t.Context(), streamName(r), consumerName(p))
		if err != nil {
			t.Fatal(err)
		}
		if i := c.CachedInfo(); i.NumWaiting != 1 || i.NumAckPending != 0 {
			return false
		}
	}
	return true
}

func TestOutsideRefuses(t *testing.T) {
	t.Parallel()
	paris, keeper := newPost(t, 2), newPost(t, 9)
	good := Outside{Listen: "h:4222", Dir: "/d", Keeper: keeper.login}
	for name, change := range map[string]func(*Outside){
		"no port": func(o *Outside) { o.Listen = "h" }, "port 0": func(o *Outside) { o.Listen = "h:0" }, "no folder": func(o *Outside) { o.Dir = "" },
		"no key": func(o *Outside) { o.Keeper = "UX" }, "two replicas": func(o *Outside) { o.Replicas = 2 }, "a rooted include": func(o *Outside) { o.Include = "/x" }, "a quoted name": func(o *Outside) { o.Name = `a" }` },
		"a member's key": func(o *Outside) { o.Keeper = paris.login },
	} {
		o := good
		change(&o)
		if _, err := o.Settings([]Member{paris.member()}); err == nil {
			t.Errorf("%s passed", name)
		}
	}
	if _, err := good.Settings([]Member{paris.member(), paris.member()}); err == nil {
		t.Error("a member passed twice")
	}
}

// Three servers keep each message; one may end.
func TestOutsideCluster(t *testing.T) {
	t.Parallel()
	paris, quito := newPost(t, 2), newPost(t, 3)
	links := []string{freePort(t), freePort(t), freePort(t)}
	var all []*outside
	for i, name := range []string{"a", "b", "c"} {
		text := fmt.Sprintf("cluster { name: chancery, listen: %q, no_advertise: true, routes: [ \"nats://%s\" ] }\n", links[i], strings.Join(links, `", "nats://`))
		o := newOutside(t, Outside{Name: name, Include: "cluster.conf", Replicas: 3}, nil, paris.member(), quito.member())
		if err := os.WriteFile(filepath.Join(filepath.Dir(o.file), "cluster.conf"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if i > 0 { // all have the first one's keeper
			o.keeper, o.set.Keeper = all[0].keeper, all[0].keeper.login
			o.write(nil, paris.member(), quito.member())
		}
		o.start()
		all = append(all, o)
	}
	var said []Server
	eventuallyPrepared := func() bool {
		var err error
		said, err = Prepare(t.Context(), Keeper{URL: "nats://" + all[1].Addr(), Login: all[0].keeper.login, Sign: all[0].keeper.key.Sign, Replicas: 3}, []Member{paris.member(), quito.member()})
		return err == nil
	}
	eventually(t, "the servers to have found each other", eventuallyPrepared)
	for _, s := range said {
		if !s.SyncAlways {
			t.Errorf("server %s does not write before it acknowledges", s.Name)
		}
	}
	if len(said) != 3 {
		t.Errorf("%d servers answered: %v", len(said), said)
	}
	c := client(paris, all[0].Addr())
	for _, o := range all[1:] {
		c.URLs = append(c.URLs, "nats://"+o.Addr())
	}
	p, _ := run(t, c)
	q, _ := run(t, client(quito, all[2].Addr()))
	p.connected(t).receive(t)
	send(t, q.connected(t), paris.route, 4, envelope(paris.route, 4, 1, 100))
	eventually(t, "the first", func() bool { return len(p.all()) == 1 })
	all[0].srv.Shutdown()
	eventually(t, "another server", func() bool { s := p.State(); return s.Connected && s.Hub != all[0].Addr() })
	n := 1
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) { // until the rest has chosen a leader
		n++
		err := q.Send(t.Context(), paris.route, 4, []telegram.Envelope{envelope(paris.route, 4, n, 100)})
		if err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
	eventually(t, "what was sent without the first server", func() bool { return len(p.all()) >= 2 })
}
