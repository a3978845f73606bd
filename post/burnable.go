package post

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"chancery.example/chancery/seal"
	"chancery.example/chancery/telegram"
)

// Burnable is the one small store of secrets that are burnt: the chains of frames, and one-time keys. It lies in two files beside the database and
// belongs into no backup: what was burnt must not come back. Each time it is saved it is written whole, under a new key that takes the
// place of the old one; a copy of the old file then opens no more.
//
// Nothing is lost with it for good. A post that has lost it says so to the others, and they seal anew.
//
// Its methods may be called at the same time. In memory a secret is burnt at once, on disk when Save returns.
type Burnable struct {
	mu    sync.Mutex
	dir   string
	rest  *seal.Rest // seals the key of the present file
	gen   uint64     // of the present file
	dirty bool
	out   map[string]*outChain // by post
	in    []*inChain           // the oldest first
	once  []*oneTime
	terms []*periodKey
}

// outChain is a chain of frames to a post.
type outChain struct {
	*seal.Chain
	Opened  time.Time
	Service uint16 // the next service message's frame: they take numbers from the end
}

// inChain is a chain of frames from a post.
type inChain struct {
	*seal.Chain
	Post   string
	Opened time.Time
}

// oneTime is a letter key for one letter of one post.
type oneTime struct {
	ID   [4]byte
	Post string
	Key  *seal.LetterKey
	Made time.Time
}

// periodKey is a letter key of the directory that is burnt when its time is over.
type periodKey struct {
	ID                  [4]byte
	Key                 *seal.LetterKey
	NotBefore, NotAfter time.Time
}

// Bounds of the store.
const (
	maxChainsIn = 4                   // of one post: the newest stay
	chainFor    = 7 * 24 * time.Hour  // a chain is used by its sender for so long
	chainKept   = 28 * 24 * time.Hour // and kept by its receiver for so long
	frontFrames = seal.MaxFrames / 2  // sections take the frames before this one, service messages those behind it
)

const (
	burnKeyFile = "burnable.key"
	burnKeySize = 512 // bytes, a disk's sector: it is overwritten in place
)

func burnFile(gen uint64) string { return fmt.Sprintf("burnable.%d", gen) }

// OpenBurnable opens the store in a folder, or makes an empty one when there is none or when what is there cannot be read; why says so then. key is 32 bytes.
func OpenBurnable(dir string, key []byte) (b *Burnable, why, err error) {
	rest, err := seal.NewRest(key)
	if err != nil {
		return nil, nil, err
	}
	b = &Burnable{dir: dir, rest: rest, out: map[string]*outChain{}}
	why = b.load()
	if why != nil {
		b.out, b.in, b.once, b.terms, b.dirty = map[string]*outChain{}, nil, nil, nil, true
	}
	return b, why, b.Save()
}

// load reads what was saved. A file that is not there is no reason.
func (b *Burnable) load() error {
	slot, err := os.ReadFile(filepath.Join(b.dir, burnKeyFile))
	if errors.Is(err, fs.ErrNotExist) {
		return errors.New("there is none yet")
	}
	if err != nil {
		return err
	}
	if len(slot) != burnKeySize {
		return errors.New("its key is cut off")
	}
	key, err := b.rest.Open("burnable key", slot[2:2+binary.BigEndian.Uint16(slot)%burnKeySize])
	if err != nil || len(key) != 8+32 {
		return errors.New("its key cannot be read")
	}
	b.gen = binary.BigEndian.Uint64(key)
	sealed, err := os.ReadFile(filepath.Join(b.dir, burnFile(b.gen)))
	if err != nil {
		return err
	}
	rest, err := seal.NewRest(key[8:])
	if err != nil {
		return err
	}
	text, err := rest.Open("burnable", sealed)
	if err != nil {
		return err
	}
	return b.parse(text)
}

// burnableKept is what the file says, once it is open.
type burnableKept struct {
	Out []struct {
		Post    string
		Chain   []byte
		Opened  time.Time
		Service uint16
	}
	In []struct {
		Post   string
		Chain  []byte
		Opened time.Time
	}
	Once []struct {
		ID   []byte
		Post string
		Key  []byte
		Made time.Time
	}
	Terms []struct {
		ID                  []byte
		Key                 []byte
		NotBefore, NotAfter time.Time
	}
}

// serviceMargin is how many frames may have gone out since the store was saved: after a start their numbers are passed over.
const serviceMargin = 1024

func (b *Burnable) parse(text []byte) error {
	var k burnableKept
	if err := json.Unmarshal(text, &k); err != nil {
		return err
	}
	for _, x := range k.Out {
		c, err := seal.ParseChain(x.Chain)
		if err != nil {
			return err
		}
		b.out[x.Post] = &outChain{c, x.Opened, x.Service - min(serviceMargin, x.Service)}
	}
	for _, x := range k.In {
		c, err := seal.ParseChain(x.Chain)
		if err != nil {
			return err
		}
		b.in = append(b.in, &inChain{c, x.Post, x.Opened})
	}
	for _, x := range k.Once {
		key, err := seal.ParseLetterKey(x.Key)
		if err != nil || len(x.ID) != 4 {
			return errors.New("a one-time key that is none")
		}
		b.once = append(b.once, &oneTime{[4]byte(x.ID), x.Post, key, x.Made})
	}
	for _, x := range k.Terms {
		key, err := seal.ParseLetterKey(x.Key)
		if err != nil || len(x.ID) != 4 {
			return errors.New("a letter key that is none")
		}
		b.terms = append(b.terms, &periodKey{[4]byte(x.ID), key, x.NotBefore, x.NotAfter})
	}
	return nil
}

// Save writes the store when something has changed, and with it burns on disk what was burnt in memory. After an error the old state stays, and the next Save tries again.
//
// The new file is on disk before the key in its one place is overwritten, and only then is the old file taken away. A crash between leaves the old state or the new
// one, and at worst a file that nothing opens.
func (b *Burnable) Save() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.dirty {
		return nil
	}
	key := make([]byte, 8+32)
	binary.BigEndian.PutUint64(key, b.gen+1)
	rand.Read(key[8:])
	rest, err := seal.NewRest(key[8:])
	if err != nil {
		return err
	}
	if err := writeSynced(b.dir, burnFile(b.gen+1), rest.Seal("burnable", b.marshal())); err != nil {
		return fmt.Errorf("saving the store of burnable secrets: %w", err)
	}
	sealed := b.rest.Seal("burnable key", key)
	slot := make([]byte, burnKeySize)
	binary.BigEndian.PutUint16(slot, uint16(len(sealed)))
	copy(slot[2:], sealed)
	if err := overwrite(b.dir, burnKeyFile, slot); err != nil {
		return fmt.Errorf("saving the store of burnable secrets: %w", err)
	}
	b.gen, b.dirty = b.gen+1, false
	// What is left of older ones nothing opens.
	old, _ := filepath.Glob(filepath.Join(b.dir, "burnable.[0-9]*"))
	for _, f := range old {
		if filepath.Base(f) != burnFile(b.gen) {
			os.Remove(f)
		}
	}
	return nil
}

func (b *Burnable) marshal() []byte {
	var k burnableKept
	for post, x := range b.out {
		k.Out = append(k.Out, struct {
			Post    string
			Chain   []byte
			Opened  time.Time
			Service uint16
		}{post, x.Marshal(), x.Opened, x.Service})
	}
	for _, x := range b.in {
		k.In = append(k.In, struct {
			Post   string
			Chain  []byte
			Opened time.Time
		}{x.Post, x.Marshal(), x.Opened})
	}
	for _, x := range b.once {
		key, err := x.Key.Bytes()
		if err != nil {
			continue
		}
		k.Once = append(k.Once, struct {
			ID   []byte
			Post string
			Key  []byte
			Made time.Time
		}{x.ID[:], x.Post, key, x.Made})
	}
	for _, x := range b.terms {
		key, err := x.Key.Bytes()
		if err != nil {
			continue
		}
		k.Terms = append(k.Terms, struct {
			ID                  []byte
			Key                 []byte
			NotBefore, NotAfter time.Time
		}{x.ID[:], key, x.NotBefore, x.NotAfter})
	}
	text, _ := json.Marshal(k)
	return text
}

// writeSynced makes a new file that is on disk, with its name, when it returns.
func writeSynced(dir, name string, content []byte) error {
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return syncDir(dir)
}

// overwrite writes over a file where it stands, so that what was there is gone wherever a file system and a disk write in place.
func overwrite(dir, name string, content []byte) error {
	_, missing := os.Stat(filepath.Join(dir, name))
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(content, 0)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil || missing == nil {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// chainTo is the chain to a post of that name of a chain, if it is here and young enough.
func (b *Burnable) chainTo(post string, id [4]byte, now time.Time) *outChain {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.out[post]
	if c == nil || c.ID != id || now.Sub(c.Opened) >= chainFor {
		return nil
	}
	return c
}

// sealFrame seals into a frame of a chain. It burns nothing.
func (b *Burnable) sealFrame(c *outChain, e *telegram.Envelope, number uint16, content []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return c.Seal(e, number, content)
}

// opened takes the chain that a letter to a post has opened, and burns the one before.
func (b *Burnable) openedTo(post string, c *outChain) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.out[post], b.dirty = c, true
}

// sentBefore burns the keys of the sections' frames before one, which is the next.
func (b *Burnable) sentBefore(c *outChain, next uint16) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c.BurnBefore(next)
	b.dirty = true
}

// sealService seals a service message on the chain to a post, and burns its key; false says that there is no chain, or no frame left for it.
func (b *Burnable) sealService(post string, e *telegram.Envelope, content []byte, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.out[post]
	if c == nil || now.Sub(c.Opened) >= chainFor || int(c.Service) < frontFrames {
		return false
	}
	if c.Seal(e, c.Service, content) != nil {
		return false
	}
	c.Burn(c.Service)
	c.Service--
	b.dirty = true
	return true
}

// openFrame opens a frame on whichever chain has its name, and says whose it is. known is false if no chain has it.
func (b *Burnable) openFrame(e *telegram.Envelope) (from string, content []byte, known bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.in {
		if c.ID != e.Chain {
			continue
		}
		known = true
		if content, err = c.Open(e); err == nil {
			return c.Post, content, true, nil
		}
	}
	return "", nil, known, err
}

// letterKey is the one-time key of that name, and for whose letter it was made; or a letter key of the directory, which is for anybody's.
func (b *Burnable) letterKey(id [4]byte) (key *seal.LetterKey, post string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, k := range b.once {
		if k.ID == id {
			return k.Key, k.Post
		}
	}
	for _, k := range b.terms {
		if k.ID == id {
			return k.Key, ""
		}
	}
	return nil, ""
}

// addPeriod keeps a letter key of the directory, and is on disk when it returns: somebody may seal to it from then on.
func (b *Burnable) addPeriod(k *periodKey) error {
	b.mu.Lock()
	b.terms, b.dirty = append(b.terms, k), true
	b.mu.Unlock()
	return b.Save()
}

// expirePeriods burns letter keys whose time was over before a moment.
func (b *Burnable) expirePeriods(before time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := len(b.terms)
	b.terms = slices.DeleteFunc(b.terms, func(k *periodKey) bool { return k.NotAfter.Before(before) })
	b.dirty = b.dirty || len(b.terms) != n
}

// used is what one commit has used up, and opened.
type used struct {
	frames map[[4]byte][]uint16
	once   [][4]byte
	chains []*inChain
}

// burn burns in memory what was used, and takes the chains that were opened.
func (b *Burnable) burn(u *used) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range u.chains {
		if !slices.ContainsFunc(b.in, func(x *inChain) bool { return x.ID == c.ID && x.Post == c.Post }) {
			b.in = append(b.in, c)
			b.dirty = true
			b.crowd(c.Post)
		}
	}
	for id, numbers := range u.frames {
		for _, c := range b.in {
			for _, n := range numbers {
				if c.ID == id {
					c.Burn(n)
					b.dirty = true
				}
			}
		}
	}
	b.once = slices.DeleteFunc(b.once, func(k *oneTime) bool {
		gone := slices.Contains(u.once, k.ID)
		b.dirty = b.dirty || gone
		return gone
	})
}

// crowd burns the oldest of a post's chains when there are too many.
func (b *Burnable) crowd(post string) {
	n := 0
	for _, c := range slices.Backward(b.in) {
		if c.Post == post {
			if n++; n > maxChainsIn {
				b.in = slices.DeleteFunc(b.in, func(x *inChain) bool { return x == c })
			}
		}
	}
}

// offer gives the public half of the one-time key that a post is to seal its next letter to, and makes one where there is none.
func (b *Burnable) offer(post string, now time.Time) (id [4]byte, public []byte, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, k := range b.once {
		if k.Post == post {
			return k.ID, k.Key.Public(), nil
		}
	}
	key, err := seal.NewLetterKey()
	if err != nil {
		return id, nil, err
	}
	rand.Read(id[:])
	b.once, b.dirty = append(b.once, &oneTime{id, post, key, now}), true
	return id, key.Public(), nil
}

// has says whether the chain of that name from a post is here.
func (b *Burnable) has(post string, id [4]byte) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.ContainsFunc(b.in, func(c *inChain) bool { return c.Post == post && c.ID == id })
}

// drop burns all that concerns a post: it said that it has lost its own, or it is this post that did.
func (b *Burnable) drop(post string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.out, post)
	b.once = slices.DeleteFunc(b.once, func(k *oneTime) bool { return k.Post == post })
	b.dirty = true
}

// expire burns chains from before a time, and those that are used up.
func (b *Burnable) expire(before func(post string) time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := len(b.in)
	b.in = slices.DeleteFunc(b.in, func(c *inChain) bool { return c.Spent() || c.Opened.Before(before(c.Post)) })
	b.dirty = b.dirty || len(b.in) != n
}

// oldest is since when what is sealed to the secrets here can be opened with them: the oldest chain in, one-time key, and letter key of the directory; zero
// if there is none.
func (b *Burnable) oldest() (chain, once, term time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.in {
		if chain.IsZero() || c.Opened.Before(chain) {
			chain = c.Opened
		}
	}
	for _, k := range b.once {
		if once.IsZero() || k.Made.Before(once) {
			once = k.Made
		}
	}
	for _, k := range b.terms {
		if term.IsZero() || k.NotBefore.Before(term) {
			term = k.NotBefore
		}
	}
	return chain, once, term
}
