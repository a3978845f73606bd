package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// program is the command, in a folder with two posts.
type program struct {
	t    *testing.T
	dir  string
	path string
}

func newProgram(t *testing.T) *program {
	dir := must(os.MkdirTemp("", "bench-")) // short, for the sockets in it
	t.Cleanup(func() { os.RemoveAll(dir) })
	p := &program{t, dir, filepath.Join(dir, "chancery")}
	build := exec.Command("go", "build", "-o", p.path, "../cmd/chancery") // as other tests build it, and already have
	if *full {
		build = exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", p.path, "../cmd/chancery")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
	}
	if b, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the command: %v\n%s", err, b)
	}
	var root struct{ Fingerprint string }
	p.do(&root, "directory", "new", "directory.txt", "--keys", "root", "--passphrase-file", "root.pass")
	l := must(net.Listen("tcp", "127.0.0.1:0"))
	hub := l.Addr().String()
	l.Close()
	p.at("moscow", nil, "init", "MOSCOW", "--root", root.Fingerprint, "--office", "MINISTRY", "--listen", hub)
	p.at("beijing", nil, "init", "BEIJING", "--root", root.Fingerprint, "--office", "MINISTRY", "--hub", "nats://"+hub)
	p.do(nil, "directory", "admit", "directory.txt", "moscow/application.txt", "beijing/application.txt")
	p.do(nil, "directory", "sign", "directory.txt", "root/root-1.age", "root/root-2.age", "--passphrase-file", "root.pass")
	p.at("moscow", nil, "directory", "adopt", "directory.txt")
	p.at("beijing", nil, "directory", "adopt", "directory.txt")
	if err := os.WriteFile(filepath.Join(dir, "telegram.txt"), []byte("To: MINISTRY@BEIJING\n\n"+text(bodySize)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *program) try(out any, args ...string) error {
	cmd := exec.Command(p.path, append(args, "--json")...)
	cmd.Dir = p.dir
	b, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		return fmt.Errorf("chancery %s: %w", strings.Join(args, " "), err)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(b, out)
}

func (p *program) do(out any, args ...string) {
	p.t.Helper()
	if err := p.try(out, args...); err != nil {
		p.t.Fatal(err)
	}
}

func (p *program) at(folder string, out any, args ...string) {
	p.t.Helper()
	p.do(out, append(args, "--dir", folder, "--passphrase-file", folder+".pass")...)
}

// serve starts a post's process; stop ends it as a person would.
func (p *program) serve(folder string) (pid int, start time.Time, stop func()) {
	var log bytes.Buffer // read once the process has ended
	cmd := exec.Command(p.path, "serve", "--dir", folder, "--passphrase-file", folder+".pass")
	cmd.Dir, cmd.Stderr = p.dir, &log
	start = time.Now()
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	ended := false
	stop = func() {
		if ended {
			return
		}
		ended = true
		cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			p.t.Errorf("serve: %v\n%s", err, log.String())
		}
		if *full && testing.Verbose() {
			fmt.Printf("\n%s, started at %s, logged\n%s", folder, start.UTC().Format(time.RFC3339Nano), log.String())
		}
	}
	p.t.Cleanup(stop)
	return cmd.Process.Pid, start, stop
}

// answers waits until a command gets an answer that is right.
func (p *program) answers(right func() (bool, error)) {
	p.t.Helper()
	var last error
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		ok, err := right()
		if ok && err == nil {
			return
		}
		last = err
	}
	p.t.Fatalf("no right answer within 30 s: %v", last)
}

func serving(t *testing.T, c counts) []figure {
	p := newProgram(t)
	var times []float64
	for n := 1; n <= c.starts; n++ {
		times = append(times, p.firstSection(n))
	}
	start := median(times)
	_, _, stopHub := p.hub()
	_, _, stopClient := p.serve("beijing")
	p.receipted(c.starts)
	stopClient() // what was carried is no part of an idle process
	stopHub()
	figures := []figure{against("start to first section at the carrier", start, "s", "goal", 1).goal("< 1 s", start < 1)}
	hub, _, _ := p.hub()
	client, _, _ := p.serve("beijing")
	for _, folder := range []string{"moscow", "beijing"} {
		p.answers(func() (bool, error) { return true, p.try(nil, "inbox", "--dir", folder) })
	}
	time.Sleep(c.idle)
	for _, x := range []struct {
		name string
		pid  int
	}{{"idle memory with the broker", hub}, {"idle memory without", client}} {
		if mib, ok := resident(x.pid); ok {
			figures = append(figures, against(x.name, mib, "MiB", "goal", 80).goal("< 80 MiB", mib < 80))
		}
	}
	return figures
}

// hub serves the post with the broker.
func (p *program) hub() (int, time.Time, func()) { return p.serve("moscow") }

// firstSection releases a telegram, starts the post, and says how many seconds later the telegram was handed to the carrier.
func (p *program) firstSection(n int) float64 {
	var drafted struct{ Draft int64 }
	p.at("moscow", &drafted, "draft", "telegram.txt")
	p.at("moscow", nil, "release", fmt.Sprint(drafted.Draft), "--yes")
	_, start, stop := p.hub()
	defer stop()
	var at time.Time
	p.answers(func() (bool, error) {
		s, err := p.show(n)
		if err != nil || s.Dispatched == nil {
			return false, err
		}
		at = *s.Dispatched
		return true, nil
	})
	p.t.Logf("telegram %d was handed to the carrier at %s", n, at.UTC().Format(time.RFC3339Nano))
	return at.Sub(start).Seconds()
}

// receipted waits until the post that is served has the receipts of all telegrams.
func (p *program) receipted(n int) {
	for i := 1; i <= n; i++ {
		p.answers(func() (bool, error) {
			s, err := p.show(i)
			return err == nil && s.Receipted != nil, err
		})
	}
}

type shown struct{ Dispatched, Receipted *time.Time }

func (p *program) show(n int) (shown, error) {
	var s struct{ Addressed []shown }
	err := p.try(&s, "show", "--out", fmt.Sprint(n), "--dir", "moscow")
	if err == nil && len(s.Addressed) != 1 {
		err = errors.New("it is not addressed to one post")
	}
	if err != nil {
		return shown{}, err
	}
	return s.Addressed[0], nil
}

// resident is how much memory a process has, in MiB. Only Linux says it so.
func resident(pid int) (mib float64, ok bool) { return statusOf(pid, "VmRSS") }
