package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/post"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
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
	s := newSiege(t, "MOSCOW", "BEIJING", "LONDON")
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

// siege is three posts whose processes are killed.
type siege struct {
	t        *testing.T
	dir      string
	program  string
	posts    []*besieged
	mu       sync.Mutex
	promised map[string]bool // subjects of telegrams whose release was answered; guarded by mu
}

// besieged is one post, started again whenever it ends.
type besieged struct {
	s       *siege
	name    string
	people  map[string]*personSecret // by role
	mu      sync.Mutex
	cmd     *exec.Cmd // the process that runs now; guarded by mu
	stopped bool      // guarded by mu
	ended   chan struct{}
}

// buildProgram builds the command as users get it.
func buildProgram(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "chancery")
	if b, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("building the command: %v\n%s", err, b)
	}
	return program
}

func newSiege(t *testing.T, names ...string) *siege { return newSiegeOn(t, nil, names...) }

// newSiegeOn makes posts of which some are on a PostgreSQL: name to URL.
func newSiegeOn(t *testing.T, databases map[string]string, names ...string) *siege {
	dir, err := os.MkdirTemp("", "siege-") // short, for the sockets in it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &siege{t: t, dir: dir, program: buildProgram(t), promised: map[string]bool{}}
	var root struct{ Fingerprint string }
	s.run(&root, "directory", "new", "directory.txt", "--keys", "root", "--passphrase-file", "pass/root")
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	admit := []string{"directory", "admit", "directory.txt"}
	for i, name := range names {
		way := []string{"--hub", fmt.Sprintf("nats://127.0.0.1:%d", port)}
		if i == 0 {
			way = []string{"--listen", fmt.Sprintf("127.0.0.1:%d", port)}
		}
		if url := databases[name]; url != "" {
			way = append(way, "--database", url)
		}
		s.run(nil, append([]string{"init", name, "--dir", name, "--passphrase-file", "pass/" + name, "--root", root.Fingerprint, "--office", "HEAD",
			"--section", "700", "--retry", "1s"}, way...)...)
		admit = append(admit, name+"/application.txt")
		s.posts = append(s.posts, &besieged{s: s, name: name, people: map[string]*personSecret{}, ended: make(chan struct{})})
	}
	s.run(nil, admit...)
	s.run(nil, "directory", "sign", "directory.txt", "root/root-1.age", "root/root-2.age", "--passphrase-file", "pass/root")
	for _, x := range s.posts {
		s.run(nil, "directory", "adopt", "directory.txt", "--dir", x.name, "--passphrase-file", "pass/"+x.name)
		x.openPeople()
	}
	return s
}

func (s *siege) run(out any, args ...string) {
	s.t.Helper()
	cmd := exec.Command(s.program, append(args, "--json")...)
	cmd.Dir = s.dir
	b, err := cmd.Output()
	if err != nil {
		s.t.Fatalf("chancery %s: %v\n%s", strings.Join(args, " "), err, err.(*exec.ExitError).Stderr)
	}
	if out != nil {
		if err := json.Unmarshal(b, out); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (x *besieged) folder() *folder { return &folder{path: filepath.Join(x.s.dir, x.name)} }

// openPeople opens the two officers' keys; init made the drafter's first.
func (x *besieged) openPeople() {
	pass, err := readPassphrases(filepath.Join(x.s.dir, "pass", x.name))
	if err != nil {
		x.s.t.Fatal(err)
	}
	_, o, err := (&app{dir: filepath.Join(x.s.dir, x.name), secrets: filepath.Join(x.s.dir, "pass", x.name)}).at(x.s.t.Context())
	if err != nil {
		x.s.t.Fatal(err)
	}
	defer o.close()
	var e entitled
	if err := o.do(x.s.t.Context(), "people", none{}, &e); err != nil {
		x.s.t.Fatal(err)
	}
	for _, p := range e.People {
		key := &personSecret{}
		if err := readSecret(x.folder().file("keys", fmt.Sprintf("%d.age", p.Number)), pass[fmt.Sprint(p.Number)], key); err != nil {
			x.s.t.Fatal(err)
		}
		x.people[p.Roles] = key
	}
}

// start keeps the post's process running until stop.
func (x *besieged) start(ctx context.Context) {
	launch := func() *exec.Cmd {
		log, err := os.OpenFile(filepath.Join(x.s.dir, x.name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			x.s.t.Error(err)
			return nil
		}
		defer log.Close()
		cmd := exec.CommandContext(ctx, x.s.program, "serve", "--dir", x.name, "--passphrase-file", "pass/"+x.name)
		cmd.Dir, cmd.Stderr = x.s.dir, log
		if err := cmd.Start(); err != nil {
			x.s.t.Error(err)
			return nil
		}
		return cmd
	}
	go func() {
		defer close(x.ended)
		for {
			x.mu.Lock()
			if x.stopped || ctx.Err() != nil {
				x.mu.Unlock()
				return
			}
			cmd := launch()
			x.cmd = cmd
			x.mu.Unlock()
			if cmd == nil {
				return
			}
			if err := cmd.Wait(); cmd.ProcessState.Exited() && !cmd.ProcessState.Success() && ctx.Err() == nil {
				b, _ := os.ReadFile(filepath.Join(x.s.dir, x.name+".log"))
				x.s.t.Errorf("%s ended by itself: %v: %s", x.name, err, lastLine(string(b)))
				time.Sleep(time.Second)
			}
		}
	}()
}

func (x *besieged) kill() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.cmd != nil {
		x.cmd.Process.Kill()
	}
}

// stop ends the post for good, as a person would.
func (x *besieged) stop() {
	x.mu.Lock()
	x.stopped = true
	x.cmd.Process.Signal(os.Interrupt)
	x.mu.Unlock()
	<-x.ended
}

func (x *besieged) wait(ctx context.Context, what string) {
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if _, err := x.status(ctx); err == nil {
			return
		}
	}
	x.s.t.Fatalf("%s: not %s within a minute", x.name, what)
}

func (x *besieged) status(ctx context.Context) (st status, err error) {
	c := dialOffice(x.folder())
	if c == nil {
		return st, os.ErrNotExist
	}
	defer c.close()
	return st, c.do(ctx, "status", none{}, &st)
}

// open counts what is under way from the posts that answer just now.
func (s *siege) open(ctx context.Context) (n int) {
	for _, x := range s.posts {
		if st, err := x.status(ctx); err == nil {
			n += st.Open + st.Released
		}
	}
	return n
}

// feed keeps telegrams of one post under way.
func (s *siege) feed(ctx context.Context, i int) {
	x := s.posts[i]
	for n := 0; ctx.Err() == nil; {
		st, err := x.status(ctx)
		// Each telegram goes to two posts, so it counts twice while it is open.
		if err != nil || (st.Open+1)/2+st.Released >= underWay/len(s.posts)+1 {
			time.Sleep(20 * time.Millisecond)
			continue
		}
		subject := fmt.Sprintf("%s %d", x.name, n)
		n++
		if x.send(ctx, subject, s.posts[(i+1)%3].name, s.posts[(i+2)%3].name) == nil {
			s.mu.Lock()
			s.promised[subject] = true
			s.mu.Unlock()
		}
	}
}

// send drafts, hands over and releases a telegram to other posts, the first for action. nil means that the post has promised to send it.
func (x *besieged) send(ctx context.Context, subject string, posts ...string) error {
	c := dialOffice(x.folder())
	if c == nil {
		return os.ErrNotExist
	}
	defer c.close()
	precedence := telegram.Precedence(rand.IntN(6))
	form := fmt.Sprintf("To: HEAD@%s; %s\n", posts[0], precedence)
	for _, info := range posts[1:] {
		form += fmt.Sprintf("Info: HEAD@%s; routine\n", info)
	}
	form += fmt.Sprintf("Subject: %s\n\n%s\n", subject, strings.Repeat("The trains stand at the frontier and wait for the word. ", 1+rand.IntN(30)))
	var d draftID
	if err := c.do(ctx, "draft", struct{ Form string }{form}, &d); err != nil {
		return err
	}
	drafter, releaser := x.people["drafter"], x.people["releaser"]
	var p post.ToSign
	if err := c.do(ctx, "prepare", prepare{ID: d.ID, Person: drafter.Person, Key: drafter.Key}, &p); err != nil {
		return err
	}
	t, err := telegram.Parse(p.Telegram)
	if err != nil {
		return err
	}
	key, err := drafter.signer()
	if err != nil {
		return err
	}
	if err := c.do(ctx, "hand-over", signed{ID: d.ID, Telegram: p.Telegram, Ed: seal.HandOver(t, key)}, &none{}); err != nil {
		return err
	}
	if key, err = releaser.signer(); err != nil {
		return err
	}
	t.Releaser, t.Released = releaser.ref(), time.Now().Unix()
	t.RegisterBy = t.Released + 3600
	ed, pq := seal.Release(t, key)
	return c.do(ctx, "release", signed{d.ID, t.Marshal(), ed, pq}, &none{})
}

// drain waits until everything has its receipt.
func (s *siege) drain(ctx context.Context) {
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		all := true
		for _, x := range s.posts {
			st, err := x.status(ctx)
			all = all && err == nil && st.Open+st.Released == 0
		}
		if all {
			return
		}
	}
	for _, x := range s.posts {
		st, err := x.status(ctx)
		b, _ := os.ReadFile(filepath.Join(s.dir, x.name+".log"))
		lines := bytes.Split(bytes.TrimSpace(b), []byte("\n"))
		s.t.Logf("%s: %+v %v\n%s", x.name, st, err, bytes.Join(lines[max(0, len(lines)-10):], []byte("\n")))
	}
	s.t.Fatal("some telegrams have no receipt two minutes after the last kill")
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
