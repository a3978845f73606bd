package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/post"
)

// attachingSiege makes two posts with sections as they are by default, and serves them.
func attachingSiege(t *testing.T, ctx context.Context, at site) *siege {
	s := newSiege(t, at, "MOSCOW", "BEIJING")
	for _, x := range s.posts {
		file := x.folder().file("post.toml")
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if b = bytes.Replace(b, []byte("section = 700"), []byte("section = 32768"), 1); os.WriteFile(file, b, 0o600) != nil || !bytes.Contains(b, []byte("32768")) {
			t.Fatalf("%s has no section", file)
		}
	}
	if at.outside {
		s.startBroker(ctx)
		t.Cleanup(s.broker.stop)
	}
	for _, x := range s.posts {
		x.start(ctx)
	}
	for _, x := range s.posts {
		x.wait(ctx, "serving")
	}
	return s
}

// lay writes a file that nothing compresses.
func (s *siege) lay(name string, size int) []byte {
	b := make([]byte, size)
	r := rand.NewChaCha8([32]byte{byte(size)})
	r.Read(b)
	if err := os.WriteFile(filepath.Join(s.dir, name), b, 0o600); err != nil {
		s.t.Fatal(err)
	}
	return b
}

// enclose drafts and releases a telegram with a file.
func (s *siege) enclose(file string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, "telegram.txt"), []byte("To: HEAD@BEIJING\nAttach: "+file+"\n\nEnclosed.\n"), 0o600); err != nil {
		s.t.Fatal(err)
	}
	var d struct{ Draft int64 }
	s.run(&d, "draft", "telegram.txt", "--dir", "MOSCOW", "--passphrase-file", "pass/MOSCOW")
	s.run(nil, "release", fmt.Sprint(d.Draft), "--yes", "--dir", "MOSCOW", "--passphrase-file", "pass/MOSCOW")
}

// here asks BEIJING how far its one attachment is; ok is false while it does not answer.
func (s *siege) here(ctx context.Context) (a post.Attachment, ok bool) {
	c := dialOffice(s.posts[1].folder())
	if c == nil {
		return a, false
	}
	defer c.close()
	var list []post.Attachment
	if err := c.do(ctx, "attachments", post.AttachmentWanted{Way: archive.In, Number: 1}, &list); err != nil || len(list) != 1 {
		return a, false
	}
	return list[0], true
}

// TestAttachmentKilled kills either post at random while a long file goes from one to the other through the broker. It arrives, is the file that was
// signed, and never loses a piece that was there; at the end the registers and all pieces at both posts are whole.
func TestAttachmentKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("killing processes takes half a minute: run without -short")
	}
	s := attachingSiege(t, t.Context(), site{})
	file := s.lay("long.bin", 48<<20)
	s.enclose("long.bin")
	random, kills, most := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0)), 0, 0
	for end := time.Now().Add(4 * time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %d kills %d pieces are there", kills, most)
		}
		a, ok := s.here(t.Context())
		if !ok {
			continue
		}
		if a.Here < most {
			t.Fatalf("%d pieces were there, and now %d", most, a.Here)
		}
		if a.Checked {
			break
		}
		if a.Here >= most+40 && kills < 10 {
			most = a.Here
			s.posts[random.IntN(2)].kill()
			kills++
		}
	}
	if kills < 5 {
		t.Errorf("there were %d kills only", kills)
	}
	s.run(nil, "attachment", "1", "--out", "got.bin", "--received", "--dir", "BEIJING")
	if got, err := os.ReadFile(filepath.Join(s.dir, "got.bin")); err != nil || !bytes.Equal(got, file) {
		t.Errorf("it is another file: %v", err)
	}
	for _, x := range s.posts {
		x.stop()
		s.run(nil, "register", "verify", "--attachments", "--dir", x.name, "--passphrase-file", "pass/"+x.name)
		if tmp, _ := filepath.Glob(filepath.Join(s.dir, x.name, "pieces", "*", "tmp-*")); len(tmp) > kills {
			t.Errorf("%d half-written pieces lie at %s", len(tmp), x.name)
		}
	}
	t.Logf("%d kills", kills)
}

// memory reads a figure of a process, in KiB; ok is false where the system does not say.
func memory(pid int, what string) (kib int, ok bool) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	m := regexp.MustCompile(`(?m)^` + what + `:\s+(\d+) kB$`).FindSubmatch(b)
	if err != nil || m == nil {
		return 0, false
	}
	kib, _ = strconv.Atoi(string(m[1]))
	return kib, true
}

// mostMemory is what a file of any length may cost a process, at its peak, more than a file of nothing.
const mostMemory = 16 << 10 // KiB

// TestAttachmentMemory sends a file of 64 MiB through real processes and holds every one of them to 16 MiB more than it had when it was idle. The broker is a
// process of its own here: it has buffers of a size that no file changes. bench measures a post with the broker in it, too, and a file of 1 GiB.
func TestAttachmentMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("serving two posts takes some seconds: run without -short")
	}
	s := attachingSiege(t, t.Context(), site{outside: true})
	s.lay("short.bin", 1)
	s.lay("long.bin", 64<<20)
	peak := func(args ...string) int {
		t.Helper()
		cmd := exec.Command(s.program, args...)
		cmd.Dir = s.dir
		if b, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, b)
		}
		return int(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)
	}
	draft := func(file string) int {
		if err := os.WriteFile(filepath.Join(s.dir, "kept.txt"), []byte("To: HEAD@BEIJING\nAttach: "+file+"\n\nEnclosed.\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return peak("draft", "kept.txt", "--keep", "--dir", "MOSCOW")
	}
	pids, before := map[string]int{}, map[string]int{}
	for _, x := range s.posts {
		pids[x.name] = x.cmd.Process.Pid
		// What was the peak of the start, when keys were opened, is none of ours.
		if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pids[x.name]), []byte("5"), 0); err != nil {
			t.Skipf("this system does not say how much memory a process had at its peak: %v", err)
		}
		before[x.name], _ = memory(pids[x.name], "VmRSS")
	}
	nothing := draft("short.bin")
	if more := draft("long.bin") - nothing; more > mostMemory {
		t.Errorf("the command that attaches a long file has %d KiB more than one that attaches a byte", more)
	}
	s.enclose("long.bin")
	for end := time.Now().Add(3 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if a, ok := s.here(t.Context()); ok && a.Checked {
			break
		}
		if time.Now().After(end) {
			t.Fatal("it did not come")
		}
	}
	got := peak("attachment", "1", "--out", "got.bin", "--received", "--dir", "BEIJING")
	if more := got - nothing; more > mostMemory {
		t.Errorf("the command that writes a long file has %d KiB more than one that attaches a byte", more)
	}
	for name, pid := range pids {
		hwm, ok := memory(pid, "VmHWM")
		if !ok {
			t.Skip("this system does not say how much memory a process had at its peak")
		}
		t.Logf("%s: %d KiB before, %d KiB at its peak", name, before[name], hwm)
		if more := hwm - before[name]; more > mostMemory {
			t.Errorf("%s had %d KiB more at its peak than before", name, more)
		}
	}
	for _, x := range s.posts {
		x.stop()
	}
}
