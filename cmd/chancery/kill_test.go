package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"chancery.example/chancery/archive"
)

// How hard TestKill is. make storm sets them.
var (
	killsWanted = flag.Int("kills", 50, "how many kills TestKill does while enough telegrams are under way")
	siegeFolder = flag.String("siege", "", "a folder that TestKill keeps, and in which a later run goes on")
)

// underWay is how many telegrams are kept under way.
const underWay = 200

// TestKill kills any of three posts at random, fifty times while two hundred telegrams are under way, deletes all that the broker
// keeps twice while it is down and once while it runs; and then proves from the three databases that what was released is there exactly once at every
// addressee, that no number is missing, and that every receipt holds.
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("killing processes takes a minute: run without -short")
	}
	s := newSiege(t, site{dir: *siegeFolder}, "MOSCOW", "BEIJING", "LONDON")
	for begin := s.killed; s.killed < *killsWanted; {
		upTo := min(s.killed+500, *killsWanted) // a long storm proves what it has now and then
		s.storm(t, upTo)
		s.prove(t)
		if t.Failed() {
			return
		}
		t.Logf("%d kills, %d of them in this run: all is there once", s.killed, s.killed-begin)
	}
}

// storm kills until there were so many kills in all.
func (s *siege) storm(t *testing.T, upTo int) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	s.begin()
	for _, x := range s.posts {
		x.start(ctx)
	}
	for _, x := range s.posts {
		x.wait(ctx, "serving")
	}
	var feeders sync.WaitGroup
	feeding, enough := context.WithCancel(ctx)
	for i := range s.posts {
		feeders.Go(func() { s.feed(feeding, i) })
	}
	begin, from := time.Now(), s.killed
	wipes := []func(*besieged){s.wipeKilled, s.wipeRunning, s.wipeKilled} // each when another quarter is done
	for s.killed < upTo {
		if time.Since(begin) > time.Duration(upTo-from)*10*time.Second {
			t.Fatalf("%d kills only, with %d telegrams under way, in %v", s.killed-from, underWay, time.Since(begin))
		}
		// One is killed and stays down, so that telegrams for it wait.
		absent := s.posts[random.IntN(3)]
		release := absent.hold()
		s.fill(ctx)
		// Then another, and when the first is back and all of it moves, any of them.
		s.killIfBusy(ctx, s.posts[random.IntN(3)])
		release()
		if done := 4 - len(wipes); len(wipes) > 0 && s.killed-from >= (upTo-from)*done/4 {
			wipes[0](s.posts[0])
			wipes = wipes[1:]
		}
		for range 3 {
			time.Sleep(time.Duration(random.IntN(800)) * time.Millisecond)
			s.killIfBusy(ctx, s.posts[random.IntN(3)])
		}
	}
	// As they lie there killed, nothing is in clear.
	var release []func()
	for _, x := range s.posts {
		release = append(release, x.hold())
	}
	s.nothingInClear(t)
	for _, release := range release {
		release()
	}
	enough()
	feeders.Wait()
	s.drain(ctx, 2*time.Minute)
	for _, x := range s.posts {
		x.stop()
	}
	t.Logf("%d kills with %d or more telegrams under way, and %d that do not count, in %v", s.killed-from, underWay, s.idle, time.Since(begin).Round(time.Second))
}

// fill waits until enough telegrams are under way.
func (s *siege) fill(ctx context.Context) {
	for end := time.Now().Add(20 * time.Second); s.open(ctx) < underWay && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond)
	}
}

// killIfBusy kills a post, and counts it if it served and enough telegrams are under way.
func (s *siege) killIfBusy(ctx context.Context, x *besieged) {
	if _, err := x.status(ctx); err == nil && s.open(ctx) >= underWay {
		s.killed++
		s.note("kills", fmt.Sprint(s.killed))
	} else {
		s.idle++
	}
	x.kill()
}

// wipeKilled deletes all that the post's broker keeps, between its end and its next start.
func (s *siege) wipeKilled(x *besieged) { x.killAndWipe(x.name + "/hub") }

// wipeRunning deletes it under the broker, which must get well by itself.
func (s *siege) wipeRunning(x *besieged) {
	if err := os.RemoveAll(filepath.Join(s.dir, x.name, "hub")); err != nil {
		s.t.Log("the broker wrote while its folder was deleted:", err)
	}
	time.Sleep(6 * time.Second)
}

// opened is a stopped post, opened by the test.
type opened struct {
	*unlocked
	entries int64
	out, in []archive.Filed
}

var quiet = slog.New(slog.DiscardHandler)

// prove reads the three databases and nothing else.
func (s *siege) prove(t *testing.T) {
	ctx := t.Context()
	posts := map[string]*opened{}
	for _, x := range s.posts {
		o := s.openStopped(t, x.name)
		defer o.close()
		posts[x.name] = o
		t.Logf("%s: %d sent, %d received, %d entries in the register", x.name, len(o.out), len(o.in), o.entries)
	}
	sent := s.proveSent(t, ctx, posts)
	s.mu.Lock()
	defer s.mu.Unlock()
	for subject := range s.promised {
		if sent[subject] != 1 {
			t.Errorf("%q was promised to be sent and was registered %d times", subject, sent[subject])
		}
	}
	if len(s.promised) < 50 {
		t.Errorf("only %d telegrams were sent", len(s.promised))
	}
	t.Logf("%d telegrams promised, %d registered", len(s.promised), len(sent))
}

// proveSent holds what each post sent against what the others have.
func (s *siege) proveSent(t *testing.T, ctx context.Context, posts map[string]*opened) map[string]int {
	sent, received := map[string]int{}, map[string]int{}
	for name, o := range posts {
		for i, f := range o.in {
			if int(f.Number) != len(o.in)-i {
				t.Errorf("%s: incoming %d stands where %d should", name, f.Number, len(o.in)-i)
			}
			received[fmt.Sprintf("%s %s %d %s", name, f.Post, f.Serial, f.Root)]++
		}
	}
	for name, o := range posts {
		serials := map[string]uint32{}
		for i, f := range o.out {
			if int(f.Number) != len(o.out)-i {
				t.Errorf("%s: register number %d stands where %d should", name, f.Number, len(o.out)-i)
			}
			shown, err := o.Show(ctx, archive.Out, f.Year, f.Number, nil)
			if err != nil || !shown.Verified {
				t.Fatalf("%s: No. %d: %v %v", name, f.Number, err, shown)
			}
			sent[shown.Subject]++
			for _, a := range shown.Addressed {
				if a.Receipted == nil {
					t.Errorf("%s: No. %d has no receipt of %s", name, f.Number, a.Post)
				}
				if n := received[fmt.Sprintf("%s %s %d %s", a.Post, name, a.Serial, f.Root)]; n != 1 {
					t.Errorf("%s: serial %d for %s is there %d times", name, a.Serial, a.Post, n)
				}
				serials[a.Post] = max(serials[a.Post], a.Serial)
			}
		}
		for other, last := range serials {
			n := 0
			for _, f := range posts[other].in {
				if f.Post == name {
					n++
				}
			}
			if n != int(last) {
				t.Errorf("%s: the serials for %s go to %d, %s has %d of them", name, other, last, other, n)
			}
		}
	}
	return sent
}
