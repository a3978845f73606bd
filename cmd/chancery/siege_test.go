package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"chancery.example/chancery/desk"
	"chancery.example/chancery/post"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/telegram"
)

// siege is three posts whose processes are killed.
type siege struct {
	t        *testing.T
	dir      string
	program  string
	posts    []*besieged
	broker   *besieged // the NATS server outside, or nil
	mu       sync.Mutex
	prepare  func() ([]byte, error)
	runs     int             // counts the runs in one folder
	killed   int             // kills that counted
	idle     int             // those that did not
	last     map[string]int  // what each post had under way when it last answered
	promised map[string]bool // subjects of telegrams whose release was answered; guarded by mu
}

// besieged is one process, of a post or of the broker, started again whenever it ends.
type besieged struct {
	s       *siege
	name    string
	people  map[string]*personSecret // by role
	command []string                 // what it runs, when not chancery serve
	mu      sync.Mutex
	cmd     *exec.Cmd // the process that runs now; guarded by mu
	stopped bool      // guarded by mu
	env     []string
	skew    time.Duration // how much its clock is ahead
	wipe    string        // what is deleted before the next start; guarded by mu
	held    bool          // it is not started again until this is false; guarded by mu
	ended   chan struct{}
}

// build builds a program as users get it.
func build(t *testing.T, pkg, name string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), name)
	if b, err := exec.Command("go", "build", "-o", program, pkg).CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", pkg, err, b)
	}
	return program
}

// site is where posts are.
type site struct {
	dir       string            // empty: a temporary folder
	databases map[string]string // name of a post to the URL of its PostgreSQL; the others have a file
	outside   bool              // the hub is a NATS server of its own; else the first post listens
	host      string            // where the hub listens; empty: this machine
	flags     []string          // of init; nil: short sections, carried again soon
	program   string            // empty: it is built, as users get it
	toml      string            // lines that stand before all others in each post.toml
}

func newSiege(t *testing.T, at site, names ...string) *siege {
	if at.dir == "" {
		dir, err := os.MkdirTemp("", "siege-") // short, for the sockets in it
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		at.dir = dir
	}
	s := &siege{t: t, dir: at.dir, program: at.program, promised: map[string]bool{}, last: map[string]int{}}
	if s.program == "" {
		s.program = build(t, ".", "chancery")
	}
	if err := os.MkdirAll(filepath.Join(s.dir, "tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
	if s.resume(names) {
		return s
	}
	var root struct{ Fingerprint string }
	s.run(&root, "directory", "new", "directory.txt", "--keys", "root", "--passphrase-file", "pass/root")
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	if at.host == "" {
		at.host = "127.0.0.1"
	}
	if at.flags == nil {
		at.flags = []string{"--section", "700", "--retry", "1s"}
	}
	admit := []string{"directory", "admit", "directory.txt"}
	var made struct {
		HubKey string `json:"hub_key"`
	}
	for i, name := range names {
		way := []string{"--hub", fmt.Sprintf("tls://%s:%d", at.host, port), "--hub-key", made.HubKey}
		switch {
		case at.outside:
			way = []string{"--hub", fmt.Sprintf("nats://%s:%d", at.host, port)}
		case i == 0:
			way = []string{"--listen", fmt.Sprintf("%s:%d", at.host, port)}
		}
		way = append(way, at.flags...)
		if url := at.databases[name]; url != "" {
			way = append(way, "--database", url)
		}
		s.run(&made, append([]string{"init", name, "--dir", name, "--passphrase-file", "pass/" + name, "--root", root.Fingerprint, "--office", "HEAD"}, way...)...)
		if at.toml != "" {
			s.setUp(name, at.toml)
		}
		admit = append(admit, name+"/application.txt")
		s.posts = append(s.posts, &besieged{s: s, name: name, people: map[string]*personSecret{}, ended: make(chan struct{})})
	}
	s.run(nil, admit...)
	s.run(nil, "directory", "sign", "directory.txt", "root/root-1.age", "root/root-2.age", "--passphrase-file", "pass/root")
	for _, x := range s.posts {
		s.run(nil, "directory", "adopt", "directory.txt", "--dir", x.name, "--passphrase-file", "pass/"+x.name)
		x.openPeople()
	}
	s.begin()
	if at.outside {
		s.newBroker(root.Fingerprint, port)
	}
	return s
}

// setUp writes lines into a post's settings.
func (s *siege) setUp(name, lines string) {
	file := filepath.Join(s.dir, name, "post.toml")
	b, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(file, append([]byte(lines), b...), 0o600)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// begin gives the telegrams that follow subjects of their own, in this run and in later ones of the same folder.
func (s *siege) begin() {
	s.note("runs", "begun")
	s.runs++
}

// resume goes on with a siege that an earlier run left in its folder, and says whether there is one.
func (s *siege) resume(names []string) bool {
	runs := s.noted("runs")
	if runs[0] == "" {
		return false
	}
	s.runs = len(runs)
	for _, subject := range s.noted("promised") {
		s.promised[subject] = subject != ""
	}
	delete(s.promised, "")
	kills := s.noted("kills")
	fmt.Sscan(kills[len(kills)-1], &s.killed)
	for _, name := range names {
		x := &besieged{s: s, name: name, people: map[string]*personSecret{}, ended: make(chan struct{})}
		x.openPeople()
		s.posts = append(s.posts, x)
	}
	return true
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
	x.stopped, x.ended = false, make(chan struct{})
	launch := func() *exec.Cmd {
		log, err := os.OpenFile(filepath.Join(x.s.dir, x.name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			x.s.t.Error(err)
			return nil
		}
		defer log.Close()
		if x.wipe != "" {
			if err := os.RemoveAll(filepath.Join(x.s.dir, x.wipe)); err != nil {
				x.s.t.Error(err)
			}
			x.wipe = ""
		}
		command := x.command
		if command == nil {
			command = []string{x.s.program, "serve", "--dir", x.name, "--passphrase-file", "pass/" + x.name}
		}
		cmd := exec.CommandContext(ctx, command[0], command[1:]...)
		cmd.Dir, cmd.Stderr, cmd.Env = x.s.dir, log, append(append(os.Environ(), "TMPDIR="+filepath.Join(x.s.dir, "tmp")), x.env...)
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
			if x.held {
				x.mu.Unlock()
				time.Sleep(5 * time.Millisecond)
				continue
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

// hold kills the process; another is started when the function that it gives is called.
func (x *besieged) hold() (release func()) {
	set := func(held bool) {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.held = held
	}
	set(true)
	x.kill()
	return func() { set(false) }
}

func (x *besieged) kill() { x.killAndWipe("") }

// killAndWipe kills the process, and deletes something in the siege's folder before the next is started.
func (x *besieged) killAndWipe(path string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if path != "" {
		x.wipe = path
	}
	if x.cmd != nil {
		x.cmd.Process.Kill()
	}
}

// stop ends the post for good, as a person would.
func (x *besieged) stop() {
	x.mu.Lock()
	x.stopped, x.held = true, false
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

// newBroker sets up a NATS server of its own, by the commands that docs/operations.md names.
func (s *siege) newBroker(root string, port int) {
	s.run(nil, "hub", "config", "directory.txt", "nats.conf", "--root", root, "--listen", fmt.Sprintf("127.0.0.1:%d", port), "--store", "nats", "--key", "hub.age", "--passphrase-file", "pass/hub")
	s.broker = &besieged{s: s, name: "nats", command: []string{build(s.t, "github.com/nats-io/nats-server/v2", "nats-server"), "-c", "nats.conf"}, ended: make(chan struct{})}
	s.prepare = func() ([]byte, error) {
		cmd := exec.Command(s.program, "hub", "prepare", "directory.txt", "--root", root, "--hub", fmt.Sprintf("nats://127.0.0.1:%d", port), "--key", "hub.age", "--passphrase-file", "pass/hub")
		cmd.Dir = s.dir
		return cmd.CombinedOutput()
	}
}

// startBroker starts the NATS server and prepares it.
func (s *siege) startBroker(ctx context.Context) {
	s.broker.start(ctx)
	s.prepareBroker()
}

func (s *siege) prepareBroker() {
	var out []byte
	var err error
	for range 100 {
		if out, err = s.prepare(); err == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if err != nil || strings.Contains(string(out), "WARNING") {
		s.t.Fatalf("preparing the broker: %v: %s", err, out)
	}
}

// open counts what is under way. A post that does not answer just now has what it had.
func (s *siege) open(ctx context.Context) (n int) {
	for _, x := range s.posts {
		if st, err := x.status(ctx); err == nil {
			s.last[x.name] = st.Open + st.Released
		}
		n += s.last[x.name]
	}
	return n
}

// note writes a word of the siege into its folder, for a later run.
func (s *siege) note(file, words string) {
	f, err := os.OpenFile(filepath.Join(s.dir, file), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.WriteString(words + "\n")
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		s.t.Error(err)
	}
}

// noted reads what was noted.
func (s *siege) noted(file string) []string {
	b, err := os.ReadFile(filepath.Join(s.dir, file))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
}

// promise notes that a post has promised to send a telegram.
func (s *siege) promise(subject string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.promised[subject] = true
	s.note("promised", subject)
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
		subject := fmt.Sprintf("Trains from %s, %d.%d", x.name, s.runs, n)
		n++
		if x.send(ctx, subject, s.posts[(i+1)%3].name, s.posts[(i+2)%3].name) == nil {
			s.promise(subject)
		}
	}
}

// sentence is what all telegrams of a siege say.
const sentence = "The trains stand at the frontier and wait for the word."

// send sends a telegram to other posts, the first for action. nil means that the post has promised to send it.
func (x *besieged) send(ctx context.Context, subject string, posts ...string) error {
	precedence := telegram.Precedence(rand.IntN(6))
	form := fmt.Sprintf("To: HEAD@%s; %s\n", posts[0], precedence)
	for _, info := range posts[1:] {
		form += fmt.Sprintf("Info: HEAD@%s; routine\n", info)
	}
	form += fmt.Sprintf("Subject: %s\n\n%s\n", subject, strings.Repeat(sentence+" ", 1+rand.IntN(30)))
	return x.sendForm(ctx, form)
}

// sendForm drafts, hands over and releases a telegram, with the files that are attached to it.
func (x *besieged) sendForm(ctx context.Context, form string, files ...toAttach) error {
	c := dialOffice(x.folder())
	if c == nil {
		return os.ErrNotExist
	}
	defer c.close()
	if len(files) > 0 {
		f, err := desk.ParseForm(strings.NewReader(form))
		if err != nil {
			return err
		}
		if _, err := (&app{err: io.Discard}).attachFiles(ctx, c, f, files); err != nil {
			return err
		}
		form = f.String()
	}
	_, err := x.release(ctx, c, form)
	return err
}

// release drafts, hands over and releases a telegram, and says when its release was asked for.
func (x *besieged) release(ctx context.Context, c *there, form string) (at time.Time, err error) {
	var d draftID
	if err := c.do(ctx, "draft", struct{ Form string }{form}, &d); err != nil {
		return at, err
	}
	drafter, releaser := x.people["drafter"], x.people["releaser"]
	var p post.ToSign
	if err := c.do(ctx, "prepare", prepare{ID: d.ID, Person: drafter.Person, Key: drafter.Key}, &p); err != nil {
		return at, err
	}
	t, err := telegram.Parse(p.Telegram)
	if err != nil {
		return at, err
	}
	key, err := drafter.signer()
	if err != nil {
		return at, err
	}
	if err := c.do(ctx, "hand-over", signed{ID: d.ID, Telegram: p.Telegram, Ed: seal.HandOver(t, key)}, &none{}); err != nil {
		return at, err
	}
	if key, err = releaser.signer(); err != nil {
		return at, err
	}
	t.Releaser, t.Released = releaser.ref(), time.Now().Add(x.skew).Unix()
	t.RegisterBy = t.Released + 3600
	ed, pq := seal.Release(t, key)
	at = time.Now()
	return at, c.do(ctx, "release", signed{d.ID, t.Marshal(), ed, pq}, &none{})
}
