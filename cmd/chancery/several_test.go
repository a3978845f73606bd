package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"chancery.example/chancery/store/storetest"
)

// TestSeveral runs one post as four processes on one PostgreSQL, kills them fifteen times at random and stops one for longer than it may own
// a way, while telegrams go both ways, and then proves what TestKill proves. The hub is the other post, or a NATS server outside, which is killed
// twice as well, the second time with all that it keeps.
func TestSeveral(t *testing.T) {
	if testing.Short() {
		t.Skip("killing processes takes a minute: run without -short")
	}
	t.Run("hub at the other post", func(t *testing.T) { several(t, false) })
	t.Run("hub outside", func(t *testing.T) { several(t, true) })
}

func several(t *testing.T, outside bool) {
	database := storetest.PostgresURL(t)
	s := newSiege(t, site{databases: map[string]string{"MOSCOW": database}, outside: outside}, "LONDON", "MOSCOW")
	london, moscow := s.posts[0], s.posts[1:]
	for i := 2; i <= 4; i++ {
		moscow = append(moscow, moscow[0].another(fmt.Sprintf("MOSCOW-%d", i)))
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	if outside {
		s.startBroker(ctx)
	}
	for _, x := range append(moscow, london) {
		x.start(ctx)
		x.wait(ctx, "serving")
	}
	var feeders sync.WaitGroup
	feeding, enough := context.WithCancel(ctx)
	for _, x := range moscow {
		feeders.Go(func() { s.feedOne(feeding, x, "LONDON") })
	}
	feeders.Go(func() { s.feedOne(feeding, london, "MOSCOW") })

	stopped := moscow[random.IntN(len(moscow))]
	stopped.signal(syscall.SIGSTOP)
	for n := range 15 {
		time.Sleep(time.Duration(500+random.IntN(1500)) * time.Millisecond)
		x := moscow[random.IntN(len(moscow))]
		for x == stopped {
			x = moscow[random.IntN(len(moscow))]
		}
		x.kill()
		switch {
		case outside && n == 4:
			s.broker.kill()
		case outside && n == 9:
			s.broker.killAndWipe("nats")
			s.prepareBroker()
		}
	}
	time.Sleep(5 * time.Second) // so that it slept for longer than it may own a way
	stopped.signal(syscall.SIGCONT)
	time.Sleep(3 * time.Second)
	s.nothingInClear(t, dataOf(database))
	enough()
	feeders.Wait()
	s.drain(ctx, 2*time.Minute)
	for _, x := range append(moscow, london) {
		x.stop()
	}
	if outside {
		s.broker.stop()
	}
	s.prove(t)
}

// another is one more process of the same post, in a folder of its own with the same keys.
func (x *besieged) another(name string) *besieged {
	y := &besieged{s: x.s, name: name, people: x.people, ended: make(chan struct{})}
	for _, file := range []string{"post.toml", "keys/post.age"} {
		b, err := os.ReadFile(filepath.Join(x.s.dir, x.name, file))
		if err != nil {
			x.s.t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(x.s.dir, name, file)), 0o700); err != nil {
			x.s.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(x.s.dir, name, file), b, 0o600); err != nil {
			x.s.t.Fatal(err)
		}
	}
	if err := os.Link(filepath.Join(x.s.dir, "pass", x.name), filepath.Join(x.s.dir, "pass", name)); err != nil {
		x.s.t.Fatal(err)
	}
	return y
}

func (x *besieged) signal(sig os.Signal) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.cmd.Process.Signal(sig)
}

// feedOne keeps a few telegrams of one process under way.
func (s *siege) feedOne(ctx context.Context, x *besieged, to string) {
	for n := 0; ctx.Err() == nil; {
		one, done := context.WithTimeout(ctx, 10*time.Second) // a stopped process answers nobody
		st, err := x.status(one)
		if err == nil && st.Open+st.Released < 50 {
			subject := fmt.Sprintf("Trains from %s, %d", x.name, n)
			n++
			if x.send(one, subject, to) == nil {
				s.promise(subject)
			}
		}
		done()
		time.Sleep(50 * time.Millisecond)
	}
}
