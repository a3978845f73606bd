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
	"sync"
	"time"

	"chancery.example/chancery/seal"
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
	Opened    time.Time
	Service   uint16 // the next service message's frame: they take numbers from the end
	Confirmed bool   // the post has signed for the letter that opened it
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
	Out   []keptOut
	In    []keptIn
	Once  []keptOnce
	Terms []keptTerm
}

type (
	keptOut struct {
		Post      string
		Chain     []byte
		Opened    time.Time
		Service   uint16
		Confirmed bool
	}
	keptIn struct {
		Post   string
		Chain  []byte
		Opened time.Time
	}
	keptOnce struct {
		ID   []byte
		Post string
		Key  []byte
		Made time.Time
	}
	keptTerm struct {
		ID                  []byte
		Key                 []byte
		NotBefore, NotAfter time.Time
	}
)

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
		b.out[x.Post] = &outChain{c, x.Opened, x.Service - min(serviceMargin, x.Service), x.Confirmed}
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
		k.Out = append(k.Out, keptOut{post, x.Marshal(), x.Opened, x.Service, x.Confirmed})
	}
	for _, x := range b.in {
		k.In = append(k.In, keptIn{x.Post, x.Marshal(), x.Opened})
	}
	for _, x := range b.once {
		key, err := x.Key.Bytes()
		if err != nil {
			continue
		}
		k.Once = append(k.Once, keptOnce{x.ID[:], x.Post, key, x.Made})
	}
	for _, x := range b.terms {
		key, err := x.Key.Bytes()
		if err != nil {
			continue
		}
		k.Terms = append(k.Terms, keptTerm{x.ID[:], key, x.NotBefore, x.NotAfter})
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
