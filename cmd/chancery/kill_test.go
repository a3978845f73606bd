package main

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/store"
)

// killed says how hard TestKill is: how often each process is killed, and how many telegrams are kept under way.
const (
	kills    = 10
	underWay = 50
)

// TestKill kills each of three posts ten times at random, with fifty telegrams under way all the time, and then proves from the three
// databases that what was released is there exactly once at every addressee, that no number is missing, and that every receipt holds.
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("killing processes takes a minute: run without -short")
	}
	s := newSiege(t, site{}, "MOSCOW", "BEIJING", "LONDON")
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	for _, x := range s.posts {
		x.start(ctx)
		x.wait(ctx, "serving")
	}
	var feeders sync.WaitGroup
	feeding, enough := context.WithCancel(ctx)
	for i := range s.posts {
		feeders.Go(func() { s.feed(feeding, i) })
	}
	left := map[*besieged]int{}
	for _, x := range s.posts {
		left[x] = kills
	}
	busy := 0
	for len(left) > 0 {
		x := s.posts[random.IntN(len(s.posts))]
		if left[x] == 0 {
			continue
		}
		time.Sleep(time.Duration(300+random.IntN(900)) * time.Millisecond)
		if s.open(ctx) > 0 {
			busy++
		}
		x.kill()
		if left[x]--; left[x] == 0 {
			delete(left, x)
		}
	}
	enough()
	feeders.Wait()
	if busy < kills*len(s.posts)*2/3 {
		t.Errorf("telegrams were under way at %d of %d kills only: the test shows too little", busy, kills*len(s.posts))
	}
	s.drain(ctx)
	for _, x := range s.posts {
		x.stop()
	}
	s.prove(t)
}

// opened is a stopped post, opened by the test.
type opened struct {
	*unlocked
	out, in []archive.Filed
}

// prove reads the three databases and nothing else.
func (s *siege) prove(t *testing.T) {
	ctx := t.Context()
	posts := map[string]*opened{}
	for _, x := range s.posts {
		dir := filepath.Join(s.dir, x.name)
		f, err := openFolder(dir)
		if err != nil {
			t.Fatal(err)
		}
		u, err := (&app{dir: dir, secrets: filepath.Join(s.dir, "pass", x.name)}).unlock(ctx, f, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		defer u.close()
		report, err := u.VerifyRegister(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, finding := range report.Findings {
			t.Errorf("%s: the register: %s", x.name, finding.What)
		}
		o := &opened{unlocked: u}
		if err := u.db.Read(ctx, func(tx *store.Tx) (err error) {
			if o.out, err = archive.Newest(tx, archive.Out, 1<<30); err == nil {
				o.in, err = archive.Newest(tx, archive.In, 1<<30)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		posts[x.name] = o
		t.Logf("%s: %d sent, %d received, %d entries in the register", x.name, len(o.out), len(o.in), report.Size)
	}
	sent := s.proveSent(t, ctx, posts)
	s.mu.Lock()
	defer s.mu.Unlock()
	for subject := range s.promised {
		if sent[subject] != 1 {
			t.Errorf("%q was promised to be sent and was registered %d times", subject, sent[subject])
		}
	}
	if len(s.promised) < underWay {
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
