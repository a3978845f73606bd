package post_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"chancery.example/chancery/circuit"
	"chancery.example/chancery/directory"
	"chancery.example/chancery/post"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/store"
	"chancery.example/chancery/store/storetest"
	"chancery.example/chancery/telegram"
	"github.com/nats-io/nkeys"
	"golang.org/x/mod/sumdb/note"
)

// The people of each post, by what they are for. All three posts have the same, so that no test hangs on who it asks.
const (
	drafter  = iota // may draft
	releaser        // may release
	second          // may draft only: a releaser without the role
	both            // may do both, and still not for one telegram
)

var roles = [...]directory.Role{directory.Drafter, directory.Releaser, directory.Drafter, directory.Drafter | directory.Releaser}

// secrets are one post's keys and those of its people.
type secrets struct {
	name     string
	route    telegram.Route
	keys     post.Keys
	next     post.LetterKey // a letter key held, and not stated at first
	people   []*seal.Signer
	first    uint32 // the number of its first person
	stated   []directory.Statement
	nextSaid directory.LetterKey
}

// cabinet is all keys of the world, made once: making them costs more than most tests.
type cabinet struct {
	officers []*seal.Signer
	posts    map[string]*secrets
	dir      *directory.Directory
}

var names = [...]string{"MOSCOW", "BEIJING", "LONDON"}

var world = sync.OnceValue(func() *cabinet {
	w := &cabinet{posts: map[string]*secrets{}}
	root := directory.Root{Threshold: 2}
	for n := 1; n <= 3; n++ {
		s := seal.NewSigner()
		w.officers = append(w.officers, s)
		root.Officers = append(root.Officers, directory.Officer{Number: n, Key: public(s)})
	}
	d := must(directory.New(root))
	for i, name := range names {
		s := newSecrets(name, telegram.Route{0xc0, 0, byte(i + 1)}, uint32(100*(i+1)))
		w.posts[name] = s
		d = must(d.Append(s.stated...))
	}
	w.dir = w.sign(d)
	return w
})

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func public(s *seal.Signer) directory.PublicKey {
	ed, pq := s.Public()
	return directory.PublicKey{Ed25519: ed, MLDSA: pq}
}

func vouch(s *seal.Signer, label string, body []byte) directory.Signature {
	ed, pq := s.Sign(label, body)
	return directory.Signature{Ed25519: ed, MLDSA: pq}
}

func newSecrets(name string, route telegram.Route, first uint32) *secrets {
	s := &secrets{name: name, route: route, first: first}
	s.keys = post.Keys{Identity: seal.NewSigner(), Register: seal.NewSigner(), Rest: must(seal.NewRest(storetest.Key()))}
	login := must(nkeys.CreateUser())
	p := directory.Post{Name: name, Route: route, Identity: public(s.keys.Identity), Register: public(s.keys.Register), Login: must(login.PublicKey())}
	p.Signature = vouch(s.keys.Identity, telegram.LabelKey, p.Body())
	now := time.Now().UTC().Truncate(time.Second)
	key, said := s.letterKey(1, now.Add(-48*time.Hour))
	s.next, s.nextSaid = s.letterKey(2, now.Add(-24*time.Hour))
	s.keys.Letters = []post.LetterKey{key, s.next}
	s.stated = []directory.Statement{p, said}
	for _, office := range []string{"MINISTRY", "AMBASSADOR", "ATTACHE"} {
		s.stated = append(s.stated, directory.Office{Address: telegram.Address{Office: office, Post: name}})
	}
	for i, r := range roles {
		k := directory.Key{Ref: s.ref(i)}
		signer := seal.NewSigner()
		k.Key = public(signer)
		k.Signature = vouch(signer, telegram.LabelKey, k.Body())
		s.people = append(s.people, signer)
		s.stated = append(s.stated, directory.Person{Number: k.Ref.Person, Post: name, Roles: r}, k)
	}
	return s
}

func (s *secrets) letterKey(id byte, from time.Time) (post.LetterKey, directory.LetterKey) {
	k := must(seal.NewLetterKey())
	said := directory.LetterKey{Post: s.name, ID: [4]byte{s.route[2], 0, 0, id}, XWing: k.Public(), NotBefore: from, NotAfter: from.Add(365 * 24 * time.Hour)}
	said.Signature = vouch(s.keys.Identity, telegram.LabelPeriod, said.Body())
	return post.LetterKey{ID: said.ID, Key: k}, said
}

// ref names the key of one of the post's people.
func (s *secrets) ref(who int) telegram.KeyRef {
	return telegram.KeyRef{Person: s.first + uint32(who), Key: 1}
}

// sign has two of the three root officers sign.
func (w *cabinet) sign(d *directory.Directory) *directory.Directory {
	for i, o := range w.officers[:2] {
		signers := must(o.Cosigners(directory.Officer{Number: i + 1}.Name()))
		d = must(d.AddSignatures(must(note.Sign(&note.Note{Text: d.Checkpoint()}, signers...))))
	}
	return d
}

// tester is what a ministry needs of a test, or of a run of package rapid.
type tester interface {
	Helper()
	Cleanup(func())
	Logf(format string, args ...any)
	Error(args ...any)
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// ministry is three posts and what lies between them.
type ministry struct {
	t        tester
	ether    *ether
	carrier  func(telegram.Route) circuit.Carrier // of a post; the ether when not set otherwise
	database func(name string) *store.DB
	change   func(*post.Config)
	patience time.Duration // of until
	frames   string        // the folder in which the posts keep what is burnt; "" for none: they send letters only
	mu       sync.Mutex
	desks    map[string]*desks // those that were asked for; guarded by mu
	stop     context.CancelFunc
	done     sync.WaitGroup
}

// desks is one post, with its people at it.
type desks struct {
	*post.Post
	*secrets
	m      *ministry
	config post.Config
	db     *store.DB
	log    *journal
	skew   atomic.Int64 // of its clock, in nanoseconds
	ended  error        // what Run returned
}

// open makes a ministry on SQLite databases. change, when not nil, sets each post's config.
func open(t *testing.T, change func(*post.Config)) *ministry {
	t.Helper()
	return openOn(t, func(string) *store.DB { return storetest.SQLite(t) }, change)
}

func openOn(t tester, database func(name string) *store.DB, change func(*post.Config)) *ministry {
	m := &ministry{t: t, ether: newEther(1), patience: 2 * time.Minute, database: database, change: change, desks: map[string]*desks{}}
	m.carrier = m.ether.at
	return m
}

// at is a post. It is opened when it is first asked for, since a database costs more than most tests.
func (m *ministry) at(name string) *desks {
	m.t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if x := m.desks[name]; x != nil {
		return x
	}
	x := &desks{m: m, secrets: world().posts[name], db: m.database(name), log: &journal{}}
	m.t.Cleanup(m.crash) // before its database is closed
	x.config = post.Config{Name: name, Route: x.route, Fingerprint: world().dir.Fingerprint(), Section: 1024, Retry: 50 * time.Millisecond,
		Log: slog.New(slog.NewTextHandler(x.log, nil)), Now: func() time.Time { return time.Now().Add(time.Duration(x.skew.Load())) }}
	if m.change != nil {
		m.change(&x.config)
	}
	m.desks[name] = x
	x.reopen()
	if _, _, err := x.Adopt(context.Background(), world().dir.Marshal()); err != nil {
		m.t.Fatal(err)
	}
	return x
}

// opened are the posts that were asked for.
func (m *ministry) opened() (all []*desks) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range names {
		if x := m.desks[name]; x != nil {
			all = append(all, x)
		}
	}
	return all
}

var burnableKey = bytes.Repeat([]byte{5}, 32)

// reopen makes the post anew on its database, as a start after a crash does.
func (x *desks) reopen() {
	x.m.t.Helper()
	keys := x.keys
	if x.m.frames != "" {
		dir := filepath.Join(x.m.frames, x.name)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			x.m.t.Fatal(err)
		}
		var err error
		if keys.Burnable, _, err = post.OpenBurnable(dir, burnableKey); err != nil {
			x.m.t.Fatal(err)
		}
	}
	p, err := post.New(x.config, keys, x.db)
	if err != nil {
		x.m.t.Fatal(err)
	}
	x.Post = p
}

// run lets the posts named, or MOSCOW and BEIJING, carry what waits, until crash or the test's end.
func (m *ministry) run(posts ...string) {
	ctx, stop := context.WithCancel(context.Background())
	before := m.stop
	m.stop = func() {
		if before != nil {
			before()
		}
		stop()
	}
	if len(posts) == 0 {
		posts = names[:2]
	}
	for _, name := range posts {
		x := m.at(name)
		p := x.Post
		m.done.Go(func() { x.ended = p.Run(ctx, m.carrier(x.route)) })
	}
}

// crash ends all posts at once.
func (m *ministry) crash() {
	if m.stop != nil {
		m.stop()
		m.done.Wait()
		m.stop = nil
	}
}

// until waits for something to become true.
func (m *ministry) until(what string, ok func() bool) {
	m.t.Helper()
	for end := time.Now().Add(m.patience); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			for _, x := range m.opened() {
				m.t.Logf("%s:\n%s", x.name, x.log)
			}
			m.t.Fatalf("in vain: %s", what)
		}
	}
}

// delivered waits until nothing at the posts waits for a number or a receipt.
func (m *ministry) delivered(posts ...string) {
	m.t.Helper()
	for _, name := range posts {
		m.until("everything from "+name+" is receipted", func() bool { return m.at(name).waiting() == 0 })
	}
}

// waiting counts what was released and has not all its receipts.
func (x *desks) waiting() (n int) {
	x.m.t.Helper()
	err := x.db.Read(context.Background(), func(tx *store.Tx) error {
		backlog, err := circuit.Backlog(tx)
		for _, k := range backlog {
			n += k
		}
		var released int
		return errors.Join(err, tx.QueryRow("select count(*) from draft where state = 'released'").Scan(&released), func() error { n += released; return nil }())
	})
	if err != nil {
		x.m.t.Fatal(err)
	}
	return n
}

// count asks the post's database for one number.
func (x *desks) count(query string, args ...any) (n int64) {
	x.m.t.Helper()
	if err := x.db.Read(context.Background(), func(tx *store.Tx) error { return tx.QueryRow(query, args...).Scan(&n) }); err != nil {
		x.m.t.Fatal(query, err)
	}
	return n
}

// tamper changes the post's database behind its back.
func (x *desks) tamper(statement string, args ...any) {
	x.m.t.Helper()
	err := x.db.Write(context.Background(), func(tx *store.Tx) error {
		n, err := tx.Exec(statement, args...)
		if err == nil && n == 0 {
			err = errors.New("nothing was changed")
		}
		return err
	})
	if err != nil {
		x.m.t.Fatal(statement, err)
	}
}

// journal is a log in memory.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.String()
}

// trouble is everything that a post has told people: its alarms and its log.
func (x *desks) trouble() string {
	x.m.t.Helper()
	_, alarms, err := x.Inbox(context.Background(), 1)
	if err != nil {
		x.m.t.Fatal(err)
	}
	var b strings.Builder
	for _, a := range alarms {
		fmt.Fprintf(&b, "alarm of %s, %d times: %s\n", a.Post, a.Times, a.What)
	}
	return b.String() + x.log.String()
}
