package line

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"chancery.example/chancery/telegram"
)

// port is free now, so that a hub can come back to it.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestHubComesBack(t *testing.T) {
	t.Parallel()
	paris, quito := newPost(t, 2), newPost(t, 3)
	c := HubConfig{Listen: freePort(t), Dir: t.TempDir()}
	h := startHub(t, c, paris.member(), quito.member())
	p, _ := run(t, client(paris, h.Addr()))
	q, _ := run(t, client(quito, h.Addr()))
	q.connected(t)
	stop := q.receive(t)
	send(t, p.connected(t), quito.route, 1, envelope(quito.route, 1, 1, 10))
	eventually(t, "the first", func() bool { return len(q.all()) == 1 })
	stop()
	send(t, p, quito.route, 1, envelope(quito.route, 1, 2, 10))
	q.receive(t)
	eventually(t, "the second", func() bool { return len(q.all()) == 2 })

	// The same process stops its hub and starts it again.
	h.Stop()
	eventually(t, "the loss", func() bool { s := p.State(); return !s.Connected && s.Err != nil })
	begin := time.Now()
	if err := p.Send(t.Context(), quito.route, 1, []telegram.Envelope{envelope(quito.route, 1, 3, 10)}); !errors.Is(err, ErrDown) {
		t.Errorf("sent into the void: %v", err)
	}
	if d := time.Since(begin); d > 10*time.Second { // a dead line is noticed after that at the earliest
		t.Errorf("it took %v to say so", d)
	}
	if err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	send(t, p.connected(t), quito.route, 1, envelope(quito.route, 1, 3, 10))
	eventually(t, "the third", func() bool { return len(q.all()) == 3 })

	// Another process takes over the same folder, with something that waits in it.
	m := newPost(t, 4)
	if err := h.Admit(t.Context(), []Member{paris.member(), quito.member(), m.member()}); err != nil {
		t.Fatal(err)
	}
	send(t, p, m.route, 5, envelope(m.route, 5, 4, 10))
	h.Stop()
	h = newHub(t, c)
	if err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Stop)
	time.Sleep(300 * time.Millisecond) // nobody is let in yet
	if p.State().Connected {
		t.Error("let in before Admit")
	}
	if err := h.Admit(t.Context(), []Member{paris.member(), quito.member(), m.member()}); err != nil {
		t.Fatal(err)
	}
	d, _ := run(t, client(m, h.Addr()))
	d.receive(t)
	eventually(t, "what waited", func() bool { return len(d.all()) == 1 })

	// The folder is lost: only what waited in it is gone.
	h.Stop()
	if err := os.RemoveAll(c.Dir); err != nil {
		t.Fatal(err)
	}
	if err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	send(t, p.connected(t), quito.route, 1, envelope(quito.route, 1, 5, 10))
	eventually(t, "the last", func() bool { return len(q.all()) == 4 })
	if i, err := os.Stat(c.Dir); err != nil || i.Mode().Perm() != 0o700 {
		t.Errorf("the folder is %v, %v", i.Mode(), err)
	}
}

// A hub whose folder is deleted while it runs, with messages in it, is well again by itself.
func TestFolderDeletedUnderHub(t *testing.T) {
	t.Parallel()
	paris, quito := newPost(t, 2), newPost(t, 3)
	c := HubConfig{Listen: freePort(t), Dir: filepath.Join(t.TempDir(), "hub")}
	h := startHub(t, c, paris.member(), quito.member())
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	kept := make(chan error, 1)
	go func() { kept <- h.Keep(ctx) }()
	p, _ := run(t, client(paris, h.Addr()))
	q, _ := run(t, client(quito, h.Addr()))
	send(t, p.connected(t), quito.route, 1, envelope(quito.route, 1, 1, 100_000))
	if err := h.Check(); err != nil {
		t.Error(err)
	}
	since := p.State().Since
	if err := os.RemoveAll(c.Dir); err != nil {
		t.Fatal(err)
	}
	if err := h.Check(); err == nil {
		t.Error("the hub without a folder says that it is well")
	}
	eventually(t, "another start", func() bool { s := p.State(); return s.Connected && !s.Since.Equal(since) && h.Check() == nil })
	q.connected(t).receive(t)
	send(t, p, quito.route, 1, envelope(quito.route, 1, 2, 100_000))
	eventually(t, "what was sent again", func() bool { return len(q.all()) == 1 })
	since = p.State().Since
	wait(ctx, 3*lookAgain)
	if !p.State().Since.Equal(since) {
		t.Error("a hub that is well was started again")
	}
	stop()
	if err := <-kept; !errors.Is(err, context.Canceled) {
		t.Errorf("Keep: %v", err)
	}
}

func TestLineBeforeHub(t *testing.T) {
	t.Parallel()
	paris := newPost(t, 2)
	addr := freePort(t)
	c := client(paris, addr)
	c.URLs = append(c.URLs, "nats://"+freePort(t)) // a second hub that never is
	p, _ := run(t, c)
	p.receive(t)
	if err := p.Send(t.Context(), paris.route, 1, []telegram.Envelope{envelope(paris.route, 1, 1, 1)}); !errors.Is(err, ErrDown) {
		t.Errorf("sent without a hub: %v", err)
	}
	eventually(t, "a first try", func() bool { return !p.State().Since.IsZero() })
	if err := p.Run(t.Context()); err == nil {
		t.Error("a second Run")
	}
	h := newHub(t, HubConfig{Listen: addr})
	inside, _ := run(t, Config{Route: telegram.Route{1}, Hub: h}) // the hub's own line runs before the hub as well
	time.Sleep(300 * time.Millisecond)
	if err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Stop)
	if err := h.Admit(t.Context(), []Member{paris.member(), {Route: telegram.Route{1}}}); err != nil {
		t.Fatal(err)
	}
	send(t, p.connected(t), paris.route, 1, envelope(paris.route, 1, 1, 1))
	send(t, inside.connected(t), paris.route, 1, envelope(paris.route, 1, 2, 1))
	eventually(t, "both", func() bool { return len(p.all()) == 2 })
	if err := p.Receive(t.Context(), p.take); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("a second Receive: %v", err)
	}
	if s := p.State(); s.Hub != addr {
		t.Errorf("hub %q", s.Hub)
	}
}

func TestAdmitAgain(t *testing.T) {
	t.Parallel()
	paris, quito, m := newPost(t, 2), newPost(t, 3), newPost(t, 4)
	h := startHub(t, HubConfig{}, paris.member(), quito.member())
	p, _ := run(t, client(paris, h.Addr()))
	q, _ := run(t, client(quito, h.Addr()))
	d, _ := run(t, client(m, h.Addr()))
	for _, x := range []*desk{p, q, d} {
		x.receive(t)
	}
	p.connected(t)
	q.connected(t)
	since := p.State().Since
	for range 3 {
		if err := h.Admit(t.Context(), []Member{paris.member(), quito.member(), m.member()}); err != nil {
			t.Fatal(err)
		}
	}
	d.connected(t)
	send(t, d, paris.route, 4, envelope(paris.route, 4, 1, 1))
	send(t, p, m.route, 4, envelope(m.route, 4, 1, 1))
	eventually(t, "one each", func() bool { return len(p.all()) == 1 && len(d.all()) == 1 })
	if !p.State().Since.Equal(since) {
		t.Error("a member that stays was disconnected")
	}

	// Quito is gone, and Paris has a new key.
	old := paris
	paris = newPost(t, 2)
	if err := h.Admit(t.Context(), []Member{paris.member(), m.member()}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "both are out", func() bool { return !p.State().Connected && !q.State().Connected })
	if err := d.Send(t.Context(), quito.route, 1, []telegram.Envelope{envelope(quito.route, 1, 1, 1)}); !errors.Is(err, ErrNoRoute) {
		t.Errorf("sent to a former member: %v", err)
	}
	send(t, d, paris.route, 4, envelope(paris.route, 4, 2, 1))
	p2, _ := run(t, client(paris, h.Addr()))
	p2.receive(t)
	eventually(t, "the second", func() bool { return len(p2.all()) == 1 })
	if n := len(p.all()); n != 1 || p.State().Connected {
		t.Errorf("%s still takes: %d", old.login, n)
	}
	if !d.State().Connected {
		t.Error("a member that stays was disconnected")
	}

	// And Quito is back: its line, all the while trying, goes on by itself.
	if err := h.Admit(t.Context(), []Member{quito.member(), m.member()}); err != nil {
		t.Fatal(err)
	}
	q.connected(t)
	send(t, d, quito.route, 0, envelope(quito.route, 0, 3, 1))
	eventually(t, "the third", func() bool { return len(q.all()) == 1 })
}

// A line through which nothing passes any more, without a word from either end.
func TestSilentLine(t *testing.T) {
	t.Parallel()
	for _, metered := range []bool{false, true} {
		t.Run(fmt.Sprintf("metered %v", metered), func(t *testing.T) {
			t.Parallel()
			silentLine(t, metered)
		})
	}
}

func silentLine(t *testing.T, metered bool) {
	paris := newPost(t, 2)
	h := startHub(t, HubConfig{}, paris.member())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cut := newRelay(l, h.Addr())
	defer cut.close()
	c := client(paris, l.Addr().String())
	c.Metered = metered
	p, _ := run(t, c)
	p.connected(t).receive(t)
	send(t, p, paris.route, 1, envelope(paris.route, 1, 1, 1))
	eventually(t, "the first", func() bool { return len(p.all()) == 1 })
	cut.silence(true)
	inside, _ := run(t, Config{Route: telegram.Route{1}, Hub: h})
	send(t, inside.connected(t), paris.route, 4, envelope(paris.route, 4, 2, 1)) // goes into the dead connection
	if err := p.Send(t.Context(), paris.route, 1, []telegram.Envelope{envelope(paris.route, 1, 3, 1)}); !errors.Is(err, ErrDown) {
		t.Errorf("sent into a silent line: %v", err)
	}
	cut.silence(false)
	eventually(t, "what was in flight", func() bool { return len(p.all()) >= 2 })
}
