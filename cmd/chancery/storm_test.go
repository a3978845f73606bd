package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/desk"
	"chancery.example/chancery/pieces"
	"chancery.example/chancery/post"
	"chancery.example/chancery/telegram"
)

// How hard TestStorm is. make storm sets them.
var (
	stormSends = flag.Int("storm", 40, "how many telegrams each post of TestStorm sends to each other")
	stormSeed  = flag.Uint64("storm-seed", 0, "the seed of TestStorm; 0: of the clock")
)

// badSky is the weather of a storm.
var badSky = sky{Lose: 0.2, Repeat: 0.05, Corrupt: 0.03, Regrade: 0.02, Reorder: 0.1, Delay: 2 * time.Second}

// aDay is how far the clocks of the first and the third post stand apart.
const aDay = 24 * time.Hour

// storm is a siege in bad weather. Of what it does, all but the moment is drawn from the seed.
type storm struct {
	*siege
	rng    *rand.Rand
	routes map[string]string // by post
	skies  map[string]sky    // by post
	small  bool              // the posts' disks can be filled
	mu     sync.Mutex        // guards what follows
	asked  map[string]string // subjects of promised telegrams that ask for fulfilment: from, to
	files  int               // files attached to what was promised
}

// TestStorm has three posts send each other telegrams of all precedences, with files and orders among them, while their lines lose a fifth of all envelopes,
// repeat, corrupt, regrade and reorder others, and are cut; while processes are killed, disks are full now and then, and the clocks stand a day
// apart. Then it proves from the three databases that what was released is there exactly once at every addressee, with its files and the orders in it,
// that no number is missing on either side, and that every receipt holds.
func TestStorm(t *testing.T) {
	if testing.Short() {
		t.Skip("a storm takes a minute and a half: run without -short")
	}
	seed := *stormSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("to see it again:  go test ./cmd/chancery -run TestStorm -storm %d -storm-seed %d", *stormSends, seed)
	s := newStorm(t, seed)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	for _, x := range s.posts {
		x.start(ctx)
	}
	for _, x := range s.posts {
		x.wait(ctx, "serving")
	}
	begin := time.Now()
	var feeders sync.WaitGroup
	for i := range s.posts {
		random := rand.New(rand.NewPCG(seed, uint64(i)+1))
		feeders.Go(func() { s.feedAll(ctx, i, random) })
	}
	fed := make(chan struct{})
	go func() { feeders.Wait(); close(fed) }()
	s.rage(ctx, fed)
	t.Logf("%d telegrams with %d files were promised in %v", len(s.promised), s.files, time.Since(begin).Round(time.Second))
	// The rain does not stop, but nobody is killed any more.
	s.setSky(badSky)
	s.drain(ctx, 3*time.Minute+time.Duration(*stormSends)*time.Second/2)
	t.Logf("all had its receipt after %v", time.Since(begin).Round(time.Second))
	s.awaitFiles(ctx)
	t.Logf("all was there after %v", time.Since(begin).Round(time.Second))
	for _, x := range s.posts {
		x.stop()
	}
	s.prove(t)
	s.proveOrdersAndFiles(t)
}

// newStorm sets up three posts, each on a small disk where this machine lets us make one.
func newStorm(t *testing.T, seed uint64) *storm {
	dir, err := os.MkdirTemp("", "storm-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	program, err := os.Executable()
	if err == nil {
		err = os.Symlink(program, filepath.Join(dir, "chancery"))
	}
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"MOSCOW", "BEIJING", "LONDON"}
	s := &storm{rng: rand.New(rand.NewPCG(seed, 0)), routes: map[string]string{}, skies: map[string]sky{}, small: true, asked: map[string]string{}}
	for _, name := range names {
		s.small = s.small && smallDisk(t, filepath.Join(dir, name), 64+*stormSends)
	}
	s.siege = newSiege(t, site{dir: dir, program: filepath.Join(dir, "chancery"), toml: "last_number = \"5s\"\nlate = \"2s\"\n"}, names...)
	for i, x := range s.posts {
		f, err := openFolder(filepath.Join(dir, x.name))
		if err != nil {
			t.Fatal(err)
		}
		s.routes[x.name] = f.config.Route
		x.skew = aDay * time.Duration(i-1) / 2
		w := told{seed + uint64(i), filepath.Join(dir, x.name+".sky"), x.skew}
		b, err := json.Marshal(w)
		if err != nil {
			t.Fatal(err)
		}
		x.env = []string{weatherEnv + "=" + string(b)}
	}
	s.setSky(badSky)
	return s
}

// smallDisk mounts a disk of so many MB at a folder, and says whether it could.
func smallDisk(t *testing.T, dir string, size int) bool {
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		err = sh(fmt.Sprintf("mount -t tmpfs -o size=%dm tmpfs %s", size, dir))
	}
	if err != nil {
		if os.Getenv("CI") == "true" && os.Geteuid() == 0 {
			t.Fatal(err)
		}
		t.Log("no disk will be full, for that needs root:", err)
		return false
	}
	t.Cleanup(func() {
		if err := sh("umount -l " + dir); err != nil {
			t.Error(err)
		}
	})
	return true
}

// setSky sets the weather at every post.
func (s *storm) setSky(k sky) {
	for _, x := range s.posts {
		s.setSkyOf(x.name, k)
	}
}

func (s *storm) setSkyOf(name string, k sky) {
	s.skies[name] = k
	b, err := json.Marshal(k)
	file := filepath.Join(s.dir, name+".sky")
	if err == nil {
		err = os.WriteFile(file+".new", b, 0o600)
	}
	if err == nil {
		err = os.Rename(file+".new", file)
	}
	if err != nil {
		s.t.Error(err)
	}
}

// feedAll has one post send what it is to send, and sees that it is promised.
func (s *storm) feedAll(ctx context.Context, i int, random *rand.Rand) {
	x := s.posts[i]
	for n := 0; n < *stormSends; n++ {
		to, info := s.posts[(i+1+n%2)%3].name, s.posts[(i+2-n%2)%3].name
		form := fmt.Sprintf("To: HEAD@%s; %s\nInfo: HEAD@%s; %s\n", to, telegram.Precedence(random.IntN(6)), info, telegram.Precedence(random.IntN(4)))
		asks := n%8 == 3
		if asks {
			form += "Ask: receipt, fulfilment\n"
		}
		var files []toAttach
		if n%15 == 7 {
			files = append(files, s.file(x.name, random, 1+random.IntN(120_000)))
		}
		form += "\n" + strings.Repeat(sentence+" ", 1+random.IntN(60)) + "\n"
		var subject string
		for tries := 0; ; tries++ {
			subject = fmt.Sprintf("Trains from %s, %d.%d", x.name, n, tries) // what fails may have gone all the same
			err := x.sendForm(ctx, "Subject: "+subject+"\n"+form, files...)
			if err == nil {
				break
			}
			if ctx.Err() != nil {
				return
			}
			if tries == 1000 {
				s.t.Errorf("%s cannot send: %v", x.name, err)
				return
			}
			time.Sleep(200 * time.Millisecond)
		}
		s.promise(subject)
		s.mu.Lock()
		s.files += len(files)
		if asks {
			s.asked[subject] = x.name + " " + to
		}
		s.mu.Unlock()
		// No faster than the lines bear.
		for {
			if st, err := x.status(ctx); ctx.Err() != nil || err == nil && st.Open+st.Released < 400 {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
}

// file writes a file of so many bytes that is to be attached.
func (s *storm) file(post string, random *rand.Rand, size int) toAttach {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	x := toAttach{path: filepath.Join(s.dir, post+".attached"), name: "Timetable.bin", length: int64(size)}
	if err := os.WriteFile(x.path, b, 0o600); err != nil {
		s.t.Error(err)
	}
	return x
}

// rage kills processes, cuts lines and fills disks, until all is sent, and for half a minute at least.
func (s *storm) rage(ctx context.Context, fed <-chan struct{}) {
	kills, cuts, fills := 0, 0, 0
	long := time.Duration(1+*stormSends/40) * 2 * time.Second // of a cut, at most: two seconds in the short storm, minutes in the long one
	for end, done := time.Now().Add(30*time.Second), false; !done || time.Now().Before(end); {
		select {
		case <-fed:
			done, fed = true, nil
		case <-time.After(time.Duration(s.rng.IntN(1500)) * time.Millisecond):
		}
		x := s.posts[s.rng.IntN(3)]
		switch what := s.rng.IntN(6); {
		case what < 3:
			x.kill()
			kills++
		case what < 5:
			other := s.posts[s.rng.IntN(3)]
			a, b := s.skies[x.name], s.skies[other.name]
			a.Cut, b.Cut = []string{s.routes[other.name]}, []string{s.routes[x.name]}
			a.Silent = s.rng.IntN(2) == 0
			b.Silent = a.Silent
			s.setSkyOf(x.name, a)
			s.setSkyOf(other.name, b)
			cuts++
			for until := time.Now().Add(time.Duration(s.rng.Int64N(int64(long)))); time.Now().Before(until); {
				time.Sleep(min(time.Until(until), 2*time.Second))
				s.posts[s.rng.IntN(3)].kill()
				kills++
			}
			s.setSky(badSky)
		case s.small:
			s.fillDisk(x)
			fills++
		}
	}
	s.t.Logf("%d kills, %d cuts of up to %v, %d disks full", kills, cuts, long, fills)
	if kills < 5 || cuts < 2 {
		s.t.Errorf("that was no storm")
	}
}

// fillDisk fills a post's disk for a moment.
func (s *storm) fillDisk(x *besieged) {
	file := filepath.Join(s.dir, x.name, "filler")
	f, err := os.Create(file)
	if err != nil {
		s.t.Error(err)
		return
	}
	block := make([]byte, 1<<16)
	for err == nil {
		_, err = f.Write(block)
	}
	for block = block[:1]; len(block) == 1; { // to the last byte
		if _, err = f.Write(block); err != nil {
			break
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		s.t.Error(err)
	}
	time.Sleep(time.Duration(500+s.rng.IntN(2000)) * time.Millisecond)
	if err := errors.Join(f.Close(), os.Remove(file)); err != nil {
		s.t.Error(err)
	}
}

// awaitFiles waits until every file is whole at every addressee.
func (s *storm) awaitFiles(ctx context.Context) {
	for _, x := range s.posts {
		n := uint32(1)
		for end := time.Now().Add(5*time.Minute + time.Duration(*stormSends)*time.Second/2); ; {
			list, found := s.filesHere(ctx, x, n)
			if !found {
				break
			}
			if !slices.ContainsFunc(list, func(a post.Attachment) bool { return a.State != pieces.Checked }) {
				n++
				continue
			}
			if time.Now().After(end) {
				s.logs(ctx)
				s.t.Fatalf("%s: the file of incoming %d does not come: %+v", x.name, n, list)
			}
			time.Sleep(200 * time.Millisecond)
		}
	}
}

// filesHere lists the files of an incoming telegram, if there is one of that number.
func (s *storm) filesHere(ctx context.Context, x *besieged, n uint32) (list []post.Attachment, found bool) {
	c := dialOffice(x.folder())
	if c == nil {
		s.t.Fatalf("%s does not answer", x.name)
	}
	defer c.close()
	err := c.do(ctx, "attachments", post.AttachmentWanted{Way: archive.In, Number: n}, &list)
	return list, err == nil
}

// proveOrdersAndFiles looks for what prove does not.
func (s *storm) proveOrdersAndFiles(t *testing.T) {
	given, received, files := map[string]string{}, map[string]string{}, 0
	for _, x := range s.posts {
		o := s.openStopped(t, x.name)
		for _, way := range []post.OrdersWanted{{Given: true, All: true, Limit: 1 << 20}, {Received: true, All: true, Limit: 1 << 20}} {
			list, err := o.Orders(t.Context(), way)
			if err != nil {
				t.Fatal(err)
			}
			for _, order := range list {
				if order.Asked != desk.Fulfilment {
					continue
				}
				if way.Given {
					given[order.Subject] = x.name + " " + order.Post
				} else {
					received[order.Subject] = order.From.Post + " " + x.name
				}
			}
		}
		report, err := o.VerifyAttachments(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, finding := range report.Findings {
			t.Errorf("%s: attachments: %s", x.name, finding)
		}
		for _, f := range o.in {
			list, err := o.ListAttachments(t.Context(), post.AttachmentWanted{Way: archive.In, Year: f.Year, Number: f.Number})
			if err != nil {
				t.Fatal(err)
			}
			files += len(list)
		}
		o.close()
	}
	for subject, between := range s.asked {
		if given[subject] != between || received[subject] != between {
			t.Errorf("%q, an order between %s, is open between %q there and %q here", subject, between, given[subject], received[subject])
		}
	}
	if files < 2*s.files || s.files == 0 || len(s.asked) == 0 {
		t.Errorf("%d files were sent to two posts each, and %d came; %d orders", s.files, files, len(s.asked))
	}
}
