package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"chancery.example/chancery/archive"
)

// TestPowerCut runs three posts, with the broker of one, on a file system of their own, and three times takes what had reached its device at one
// moment, under load, and goes on with that, as after a power cut. What a post had shown as received or receipted, and what it had promised to send, is
// still there. In the end all that TestKill proves is proved.
func TestPowerCut(t *testing.T) {
	if testing.Short() {
		t.Skip("cutting the power takes half a minute: run without -short")
	}
	d := newDisk(t)
	d.mount(t)
	s := newSiege(t, site{dir: d.at}, "MOSCOW", "BEIJING", "LONDON")
	for cut := range 3 {
		ctx, stop := context.WithCancel(t.Context())
		for _, x := range s.posts {
			x.start(ctx)
		}
		for _, x := range s.posts {
			x.wait(ctx, "serving")
		}
		s.begin()
		feeding, enough := context.WithCancel(ctx)
		var feeders sync.WaitGroup
		for i := range s.posts {
			feeders.Go(func() { s.feed(feeding, i) })
		}
		seen := s.watch(ctx, t, 4*time.Second)
		for _, x := range s.posts {
			x.signal(syscall.SIGSTOP)
		}
		d.image(t)
		enough()
		feeders.Wait()
		for _, x := range s.posts {
			x.hold()
		}
		stop() // ends what is held
		for _, x := range s.posts {
			<-x.ended
			x.held = false
		}
		d.unmount(t)
		d.cut(t)
		d.mount(t)
		// Its name may have got there with what others synchronised.
		if b, _ := os.ReadFile(filepath.Join(d.at, s.unwritten())); len(b) > 0 {
			t.Fatal("what nobody had synchronised survived: this was no power cut")
		}
		s.still(t, seen)
		t.Logf("cut %d: %d telegrams received and %d receipts had been shown, %d were promised, %d were under way", cut+1, len(seen.received), len(seen.receipted), len(s.promised), seen.open)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	for _, x := range s.posts {
		x.start(ctx)
	}
	for _, x := range s.posts {
		x.wait(ctx, "serving")
	}
	s.drain(ctx, 2*time.Minute)
	for _, x := range s.posts {
		x.stop()
	}
	s.prove(t)
}

// seen is what posts had shown before the power was cut.
type seen struct {
	received, receipted map[string]bool   // post, number, serial
	next                map[string]uint32 // the last that has all its receipts, for each post
	open                int
}

func (s *siege) unwritten() string { return fmt.Sprint("unwritten-", s.runs) }

// watch looks at what posts show for a while, and leaves a file behind that nobody synchronises.
func (s *siege) watch(ctx context.Context, t *testing.T, d time.Duration) *seen {
	out := &seen{received: map[string]bool{}, receipted: map[string]bool{}, next: map[string]uint32{}}
	shown := func() bool { return len(out.received) > 0 && len(out.receipted) > 0 }
	for end := time.Now().Add(d); time.Now().Before(end) || !shown() && time.Now().Before(end.Add(time.Minute)); { // a slow machine takes longer to show anything
		for _, x := range s.posts {
			s.look(ctx, x, out)
		}
	}
	if err := os.WriteFile(filepath.Join(s.dir, s.unwritten()), []byte("nobody synchronised this"), 0o600); err != nil {
		t.Fatal(err)
	}
	out.open = s.open(ctx)
	return out
}

// look asks a post for what it received and for the receipts of what it sent last.
func (s *siege) look(ctx context.Context, x *besieged, out *seen) {
	c := dialOffice(x.folder())
	if c == nil {
		return
	}
	defer c.close()
	var in inbox
	if c.do(ctx, "inbox", none{}, &in) != nil {
		return
	}
	for _, l := range in.Telegrams {
		out.received[fmt.Sprintf("%s %d %s %d", x.name, l.Number, l.From.Post, l.Serial)] = true
	}
	for ctx.Err() == nil {
		var shown struct {
			Addressed []struct {
				Post      string
				Serial    uint32
				Receipted *time.Time
			}
		}
		if c.do(ctx, "show", numbered{Way: archive.Out, Number: out.next[x.name] + 1}, &shown) != nil {
			return // there is none yet
		}
		for _, a := range shown.Addressed {
			if a.Receipted == nil {
				return
			}
			out.receipted[fmt.Sprintf("%s %s %d", x.name, a.Post, a.Serial)] = true
		}
		out.next[x.name]++
	}
}

// still looks for it after the cut, in the databases, before any process runs on them.
func (s *siege) still(t *testing.T, was *seen) {
	received, receipted, there := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for name, o := range s.openAll(t) {
		for _, f := range o.in {
			received[fmt.Sprintf("%s %d %s %d", name, f.Number, f.Post, f.Serial)] = true
		}
		for _, f := range o.out {
			shown, err := o.Show(t.Context(), archive.Out, f.Year, f.Number, nil)
			if err != nil || !shown.Verified {
				t.Fatalf("%s: No. %d: %v %v", name, f.Number, err, shown)
			}
			there[shown.Subject] = true
			for _, a := range shown.Addressed {
				if a.Receipted != nil {
					receipted[fmt.Sprintf("%s %s %d", name, a.Post, a.Serial)] = true
				}
			}
		}
		drafts, err := o.Drafts(t.Context(), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range drafts {
			if d.State == "released" {
				there[d.Subject] = true
			}
		}
		o.close()
	}
	for what, of := range map[string][2]map[string]bool{"shown as received": {was.received, received}, "shown as receipted": {was.receipted, receipted}, "promised": {s.promised, there}} {
		for k := range of[0] {
			if !of[1][k] {
				t.Errorf("%q had been %s, and is not there after the power cut", k, what)
			}
		}
	}
	if len(was.received) == 0 || len(was.receipted) == 0 {
		t.Error("nothing had been shown: the test shows too little")
	}
}

// openAll opens the databases of stopped posts, once their registers verify.
func (s *siege) openAll(t *testing.T) map[string]*opened {
	posts := map[string]*opened{}
	for _, x := range s.posts {
		posts[x.name] = s.openStopped(t, x.name)
	}
	return posts
}

// disk is a file system in a file.
type disk struct{ file, next, at string }

// newDisk makes one. Where it cannot be made the test is skipped; with CI=true only if there are no loop devices, or nobody may use them.
func newDisk(t *testing.T) *disk {
	if _, err := os.Stat("/dev/loop-control"); err != nil || os.Getuid() != 0 {
		t.Skip("cutting the power needs root and loop devices")
	}
	// Short, for the sockets on it; in memory, if that is there, so that nothing but the test writes late.
	dir, err := os.MkdirTemp("", "cut-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	d := &disk{file: filepath.Join(dir, "disk"), next: filepath.Join(dir, "next"), at: filepath.Join(dir, "at")}
	// No journal is committed but for who asks, and a file without that is as if it had never been.
	for _, command := range []string{"truncate -s 512M " + d.file, "mkfs.ext4 -q -F " + d.file, "mkdir " + d.at, "mount -o loop " + d.file + " " + d.at, "umount " + d.at} {
		if err := sh(command); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(err)
			}
			t.Skip("cutting the power needs a file system of its own: ", err)
		}
	}
	return d
}

func sh(command string) error {
	words := strings.Fields(command)
	if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", command, err, out)
	}
	return nil
}

func (d *disk) mount(t *testing.T) {
	t.Helper()
	if err := sh("mount -o loop,commit=300 " + d.file + " " + d.at); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { exec.Command("umount", "-l", d.at).Run() }) // most often it is unmounted already
}

func (d *disk) unmount(t *testing.T) {
	t.Helper()
	var err error
	for range 50 {
		if err = sh("umount " + d.at); err == nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal(err)
}

// image copies what has reached the device, while the file system is in use.
func (d *disk) image(t *testing.T) {
	t.Helper()
	if err := sh("cp --sparse=always " + d.file + " " + d.next); err != nil {
		t.Fatal(err)
	}
}

// cut puts the image in the place of the disk.
func (d *disk) cut(t *testing.T) {
	t.Helper()
	if err := os.Rename(d.next, d.file); err != nil {
		t.Fatal(err)
	}
}
