package post

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"chancery.example/chancery/directory"
	"chancery.example/chancery/register"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// view is the directory as this post sees it, with the keys it has parsed so far.
type view struct {
	dir     *directory.Directory
	version int64 // of it, among those adopted
	self    directory.Post
	parsed  sync.Map // what it names → *seal.Verifier or *seal.Recipient
}

// ErrNoDirectory says that the post has adopted no directory yet, so it knows nobody.
var ErrNoDirectory = errors.New("this post has no directory yet: adopt one with  chancery directory adopt FILE")

// current is the directory in use.
func (p *Post) current() (*view, error) {
	if v := p.view.Load(); v != nil {
		return v, nil
	}
	return p.refresh(context.Background())
}

// refresh reads the newest directory adopted.
func (p *Post) refresh(ctx context.Context) (*view, error) {
	var d *directory.Directory
	var version int64
	err := p.db.Read(ctx, func(tx *store.Tx) (err error) {
		d, version, err = directory.Newest(tx)
		return err
	})
	if errors.Is(err, directory.ErrNone) {
		return nil, ErrNoDirectory
	}
	if err != nil {
		return nil, fmt.Errorf("reading the directory: %w", err)
	}
	if old := p.view.Load(); old != nil && old.version == version {
		return old, nil
	}
	v, err := p.newView(d)
	if err != nil {
		return nil, err
	}
	v.version = version
	return p.use(v), nil
}

// use has the post go by a view, unless it goes by a newer one already: what was read a moment ago may have been overtaken.
func (p *Post) use(v *view) *view {
	for {
		old := p.view.Load()
		if old != nil && old.version >= v.version {
			return old
		}
		if p.view.CompareAndSwap(old, v) {
			return v
		}
	}
}

func (p *Post) newView(d *directory.Directory) (*view, error) {
	self, ok := d.Post(p.config.Name)
	if !ok {
		return nil, fmt.Errorf("the directory has no post %s: have its root officers admit it first", p.config.Name)
	}
	ed, pq := p.keys.Identity.Public()
	red, rpq := p.keys.Register.Public()
	if string(ed) != string(self.Identity.Ed25519) || string(pq) != string(self.Identity.MLDSA) ||
		string(red) != string(self.Register.Ed25519) || string(rpq) != string(self.Register.MLDSA) || self.Route != p.config.Route {
		return nil, fmt.Errorf("the directory has other keys for %s than this post holds: somebody else was admitted under its name, or its keys were made again", p.config.Name)
	}
	return &view{dir: d, self: self}, nil
}

// Adopt takes a directory file as this post's newest, with what the one it has says besides, once its root officers' signatures, the
// keys' own and those of people who issued statements have been checked; and enters that in the register. It says how many statements the
// post knows now, and whether any is new here.
func (p *Post) Adopt(ctx context.Context, file []byte) (total int64, fresh bool, err error) {
	d, err := directory.Parse(file)
	if err != nil {
		return 0, false, err
	}
	return p.adopt(ctx, d)
}

func (p *Post) adopt(ctx context.Context, d *directory.Directory) (total int64, fresh bool, err error) {
	now := p.config.Now()
	if err := d.Verify(p.config.Fingerprint, now); err != nil && !(errors.Is(err, directory.ErrStale) && p.knew(d)) {
		return 0, false, err
	}
	v, err := p.newView(d)
	if err != nil {
		return 0, false, err
	}
	for _, x := range d.Vouchers() {
		key, err := v.verifier(x.For, x.Key)
		if err != nil || !key.Verify(x.Label, x.Message, x.Signature.Ed25519, x.Signature.MLDSA) {
			return 0, false, fmt.Errorf("statement %d (%s) does not vouch for itself: the directory is refused", x.Statement, x.For)
		}
	}
	var a directory.Adopted
	err = p.db.Write(ctx, func(tx *store.Tx) error {
		if a, err = directory.Adopt(tx, d, now); err != nil || !a.Fresh {
			return err
		}
		for _, s := range a.Left {
			what, _, _ := strings.Cut(string(s.Text()), "\n")
			if err := p.alarm(tx, p.config.Name, fmt.Sprintf("a statement %q of the directory, issued before, cannot stand after what the root officers have signed since: it counts no more", what)); err != nil {
				return err
			}
		}
		tx.Notify(topicDirectory)
		said, _ := json.Marshal(adoptionOf(a.Directory))
		return p.entering(tx, func(b *register.Book) error {
			at, err := b.Note(telegram.EntryDirectory, said, now.Unix(), p.keys.Rest.Seal)
			if err == nil {
				err = directory.Entered(tx, a.Version, at)
			}
			return err
		})
	})
	if err != nil {
		return 0, false, fmt.Errorf("adopting the directory: %w", err)
	}
	if v, err = p.newView(a.Directory); err != nil {
		return 0, false, err
	}
	v.version = a.Version
	p.use(v)
	return a.Directory.Total(), a.Fresh, nil
}

// knew says whether this post has the signed part of the list already: then its age is no reason to refuse what stands in its tail, a
// suspension perhaps.
func (p *Post) knew(d *directory.Directory) bool {
	v := p.view.Load()
	if v == nil || d.Size() > v.dir.Size() {
		return false
	}
	root, err := v.dir.RootAt(d.Size())
	return err == nil && root == d.Root()
}

// adoption is what an entry of kind directory says.
type adoption struct {
	Size  int64  `json:"size"`
	Root  string `json:"root"`
	Total int64  `json:"total,omitempty"` // with the tail, if there is one, and
	Whole string `json:"whole,omitempty"` // the root hash of all
}

func adoptionOf(d *directory.Directory) adoption {
	a := adoption{Size: d.Size(), Root: d.Root().String()}
	if d.Total() > d.Size() {
		whole, _ := d.RootAt(d.Total()) // the hashes are in memory
		a.Total, a.Whole = d.Total(), whole.String()
	}
	return a
}

// judging opens the register as entering does, for what was judged by a view: by no other than the newest, or it is judged anew.
func (p *Post) judging(tx *store.Tx, v *view, fn func(*register.Book) error) error {
	return p.entering(tx, func(b *register.Book) error {
		// Whoever adopts has to have the register's head too, so nobody adopts between this look and the end.
		newest, err := directory.NewestVersion(tx)
		if err == nil && newest != v.version {
			err = errDirectory
		}
		if err != nil {
			return err
		}
		return fn(b)
	})
}

// errDirectory says that another directory was adopted since something was judged.
var errDirectory = errors.New("another directory was adopted at this moment")

// entering opens the register, lets fn enter, and closes it.
func (p *Post) entering(tx *store.Tx, fn func(*register.Book) error) error {
	b, err := register.Open(tx)
	if err != nil {
		return err
	}
	if err := fn(b); err != nil {
		return err
	}
	signers, err := p.cosigners()
	if err != nil {
		return err
	}
	return b.Close(p.origin(), signers)
}

// Continue makes series go on from a paper register: series name → last number on paper. It enters that they do.
func (p *Post) Continue(ctx context.Context, series map[string]uint32) error {
	now := p.config.Now().Unix()
	return p.db.Write(ctx, func(tx *store.Tx) error {
		return p.entering(tx, func(b *register.Book) error {
			for name, last := range series {
				if err := b.Continue(name, last); err != nil {
					return err
				}
			}
			said, _ := json.Marshal(series)
			_, err := b.Note(telegram.EntryContinued, said, now, p.keys.Rest.Seal)
			return err
		})
	})
}

// takeNumber takes the next number of a series for telegrams of that type, with its mark.
func takeNumber(b *register.Book, t telegram.Type, series string) (uint32, error) {
	n, err := b.Take(t.Series(series))
	if err == nil && n > telegram.MaxNumber {
		err = fmt.Errorf("the series %q has come to its end", t.Series(series))
	}
	return t.Mark(n), err
}

// taken is what a number took from which series.
func taken(series string, marked uint32) register.Taken {
	t, n := telegram.Unmark(marked)
	return register.Taken{Series: t.Series(series), Number: n}
}

// The names of the post's series, for operations; those of exercises and drills have that word before them.

func seriesRegister(at time.Time) string { return fmt.Sprintf("register %d", at.UTC().Year()) }
func seriesIncoming(at time.Time) string { return fmt.Sprintf("incoming %d", at.UTC().Year()) }
func seriesSerial(post string) string    { return "serial " + post }
func seriesSpecial(post string) string   { return "special " + post }
func seriesLane(post string, circuit uint8, p telegram.Precedence) string {
	return fmt.Sprintf("lane %s %d %d", post, circuit, p)
}

// verifier parses a public key once.
func (v *view) verifier(id string, k directory.PublicKey) (*seal.Verifier, error) {
	if x, ok := v.parsed.Load(id); ok {
		return x.(*seal.Verifier), nil
	}
	x, err := seal.NewVerifier(k.Ed25519, k.MLDSA)
	if err != nil {
		return nil, err
	}
	v.parsed.Store(id, x)
	return x, nil
}

// identity is the key with which a post signs, nil if there is no such post.
func (v *view) identity(post string) *seal.Verifier {
	d, ok := v.dir.Post(post)
	if !ok {
		return nil
	}
	k, err := v.verifier("identity of "+post, d.Identity)
	if err != nil {
		return nil
	}
	return k
}

// person is a key of a person.
func (v *view) person(ref telegram.KeyRef) (*seal.Verifier, error) {
	k, ok := v.dir.Key(ref)
	if !ok {
		return nil, fmt.Errorf("the directory has no key %s", ref)
	}
	return v.verifier("person "+ref.String(), k.Key)
}

// recipient is the letter key to which a letter to the post is sealed now.
func (v *view) recipient(post string, now time.Time) (*seal.Recipient, [4]byte, telegram.Route, error) {
	d, ok := v.dir.Post(post)
	if !ok {
		return nil, [4]byte{}, telegram.Route{}, fmt.Errorf("the directory has no post %s", post)
	}
	k, ok := v.dir.LetterKey(post, now)
	if !ok {
		return nil, [4]byte{}, telegram.Route{}, fmt.Errorf("the directory has no letter key of %s that is valid now: get a newer directory", post)
	}
	id := fmt.Sprintf("letter key %x of %s", k.ID, post)
	if x, ok := v.parsed.Load(id); ok {
		return x.(*seal.Recipient), k.ID, d.Route, nil
	}
	r, err := seal.NewRecipient(k.XWing)
	if err != nil {
		return nil, k.ID, d.Route, err
	}
	v.parsed.Store(id, r)
	return r, k.ID, d.Route, nil
}
