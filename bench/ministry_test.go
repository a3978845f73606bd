package bench

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"chancery.example/chancery/circuit"
	"chancery.example/chancery/desk"
	"chancery.example/chancery/directory"
	"chancery.example/chancery/post"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/store"
	"chancery.example/chancery/store/storetest"
	"chancery.example/chancery/telegram"
	"github.com/nats-io/nkeys"
	"golang.org/x/mod/sumdb/note"
)

// quiet is the log of posts that are timed.
var quiet = slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelError}))

// desks is a post with its database and two officers.
type desks struct {
	*post.Post
	t                 *testing.T
	config            post.Config
	keys              post.Keys
	db                *store.DB
	file              string // the database's,
	fileKey           []byte // its key,
	burnKey           []byte // and that of the store of burnable secrets, where there is one
	login             nkeys.KeyPair
	drafter, releaser *seal.Signer
	first             uint32 // the drafter's number; the releaser's is the next
}

func public(s *seal.Signer) directory.PublicKey {
	ed, pq := s.Public()
	return directory.PublicKey{Ed25519: ed, MLDSA: pq}
}

func vouch(s *seal.Signer, label string, body []byte) directory.Signature {
	ed, pq := s.Sign(label, body)
	return directory.Signature{Ed25519: ed, MLDSA: pq}
}

// ministry makes two posts that have adopted one directory.
func ministry(t *testing.T) (moscow, beijing *desks) {
	officer := seal.NewSigner()
	dir := must(directory.New(directory.Root{Threshold: 1, Officers: []directory.Officer{{Number: 1, Key: public(officer)}}}))
	var both []*desks
	for i, name := range []string{"MOSCOW", "BEIJING"} {
		x := &desks{t: t, file: filepath.Join(t.TempDir(), "post.db"), fileKey: storetest.Key(), burnKey: storetest.Key(), login: must(nkeys.CreateUser()), drafter: seal.NewSigner(), releaser: seal.NewSigner(), first: uint32(100 * (i + 1))}
		x.db = storetest.Open(t, x.file, x.fileKey)
		x.keys = post.Keys{Identity: seal.NewSigner(), Register: seal.NewSigner(), Rest: must(seal.NewRest(storetest.Key()))}
		x.config = post.Config{Name: name, Route: telegram.Route{0xc0, 0, byte(i + 1)}, Log: quiet}
		dir = must(dir.Append(x.statements()...))
		both = append(both, x)
	}
	signers := must(officer.Cosigners(directory.Officer{Number: 1}.Name()))
	dir = must(dir.AddSignatures(must(note.Sign(&note.Note{Text: dir.Checkpoint()}, signers...))))
	for _, x := range both {
		x.config.Fingerprint = dir.Fingerprint()
		x.reopen(0)
		if _, _, err := x.Adopt(t.Context(), dir.Marshal()); err != nil {
			t.Fatal(err)
		}
	}
	return both[0], both[1]
}

// statements are what the directory says of the post.
func (x *desks) statements() []directory.Statement {
	name := x.config.Name
	p := directory.Post{Name: name, Route: x.config.Route, Identity: public(x.keys.Identity), Register: public(x.keys.Register), Login: must(x.login.PublicKey())}
	p.Signature = vouch(x.keys.Identity, telegram.LabelKey, p.Body())
	letters, from := must(seal.NewLetterKey()), time.Now().UTC().Truncate(time.Second).Add(-time.Hour)
	k := directory.LetterKey{Post: name, ID: [4]byte{x.config.Route[2]}, XWing: letters.Public(), NotBefore: from, NotAfter: from.Add(1000 * time.Hour)}
	k.Signature = vouch(x.keys.Identity, telegram.LabelPeriod, k.Body())
	x.keys.Letters = []post.LetterKey{{ID: k.ID, Key: letters}}
	all := []directory.Statement{p, k, directory.Office{Address: telegram.Address{Office: "MINISTRY", Post: name}}}
	for i, signer := range []*seal.Signer{x.drafter, x.releaser} {
		key := directory.Key{Ref: x.ref(i), Key: public(signer)}
		key.Signature = vouch(signer, telegram.LabelKey, key.Body())
		all = append(all, directory.Person{Number: key.Ref.Person, Post: name, Roles: []directory.Role{directory.Drafter, directory.Releaser}[i]}, key)
	}
	return all
}

func (x *desks) ref(i int) telegram.KeyRef {
	return telegram.KeyRef{Person: x.first + uint32(i), Key: 1}
}

// reopen makes the post anew on its database; batch 0 is what posts have.
func (x *desks) reopen(batch int) {
	x.config.Batch = batch
	x.Post = must(post.New(x.config, x.keys, x.db))
}

// release lays n telegrams to the other post on the desk, drafted, handed over and released.
func (x *desks) release(n int, to string) {
	x.releaseAs(n, "To: MINISTRY@"+to+"\n\n"+text(bodySize)+"\n")
}

// releaseAs lays n telegrams of that form there.
func (x *desks) releaseAs(n int, written string) {
	ctx := x.t.Context()
	form := must(desk.ParseForm(strings.NewReader(written)))
	for range n {
		id := must(x.Draft(ctx, form))
		d := must(x.ForHandOver(ctx, id, x.ref(0)))
		t := must(telegram.Parse(d.Telegram))
		if err := x.HandOver(ctx, id, d.Telegram, seal.HandOver(t, x.drafter)); err != nil {
			x.t.Fatal(err)
		}
		now := time.Now()
		t.Releaser, t.Released, t.RegisterBy = x.ref(1), now.Unix(), now.Add(24*time.Hour).Unix()
		ed, pq := seal.Release(t, x.releaser)
		if err := x.Release(ctx, id, t.Marshal(), ed, pq); err != nil {
			x.t.Fatal(err)
		}
	}
}

// run lets posts work on their carriers, until the function that it returns.
func run(t *testing.T, carriers map[*desks]circuit.Carrier) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for x, c := range carriers {
		wg.Go(func() {
			if err := x.Run(ctx, c); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
	return func() {
		cancel()
		wg.Wait()
	}
}

const released = "select count(*) from draft where state = 'released'"

// count asks the post's database.
func (x *desks) count(query string) (n int) {
	if err := x.db.Read(x.t.Context(), func(tx *store.Tx) error { return tx.QueryRow(query).Scan(&n) }); err != nil {
		x.t.Fatal(err)
	}
	return n
}

// until asks the post's database again and again for a number, until it is 0. It returns how long the last n of it took: from the first
// answer below what was at first, so that starting the post is not counted, or if there was none from the start.
func (x *desks) until(query string, start time.Time, first int, patience time.Duration) (n int, took time.Duration) {
	n = first
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		left := x.count(query)
		if left == 0 {
			return n, time.Since(start)
		}
		if n == first && left < first {
			n, start = left, time.Now()
		}
	}
	x.t.Fatalf("%s: not 0 within %s", query, patience)
	return 0, 0
}
