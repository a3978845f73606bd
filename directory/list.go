package directory

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"chancery.example/chancery/telegram"
	"golang.org/x/mod/sumdb/tlog"
)

// Directory is the list, of one size. It never changes and may be used by many goroutines at once. What its methods give shares its
// memory: key bytes and slices are read only.
type Directory struct {
	entries     []entry
	hashes      []tlog.Hash // of the log, by tlog.StoredHashIndex
	fingerprint Fingerprint
	length      int      // of the statements, in bytes
	signatures  []string // signature lines of the checkpoint, without newline

	posts   map[string]*postEntry
	routes  map[telegram.Route]string
	offices map[telegram.Address]bool
	people  map[uint32]*personEntry
	keys    map[[sha256.Size]byte]int64 // digest of each piece of key material, and the statement it stands in

	cosignatures func() []cosignature // those of root officers that verify
}

type salt = [32]byte

type entry struct {
	salt      salt
	statement Statement
}

type postEntry struct {
	Post
	offices []telegram.Address
	people  []uint32
	letters []LetterKey
}

type personEntry struct {
	Person
	keys []Key
}

func empty() *Directory {
	d := &Directory{
		posts:   make(map[string]*postEntry),
		routes:  make(map[telegram.Route]string),
		offices: make(map[telegram.Address]bool),
		people:  make(map[uint32]*personEntry),
		keys:    make(map[[sha256.Size]byte]int64),
	}
	d.cosignatures = sync.OnceValue(d.verifyCosignatures)
	return d
}

// New makes a list of its root only. Nobody has signed it yet.
func New(root Root) (*Directory, error) { return empty().Append(root) }

// Append makes a longer list, each new statement under a fresh salt. Nobody has signed it yet: a checkpoint is of one size.
func (d *Directory) Append(statements ...Statement) (*Directory, error) {
	salts := make([]salt, len(statements))
	for i := range salts {
		rand.Read(salts[i][:]) // never fails: crypto/rand
	}
	return d.appendSalted(statements, salts)
}

func (d *Directory) appendSalted(statements []Statement, salts []salt) (*Directory, error) {
	longer := d.unsigned()
	for i, s := range statements {
		// Through the written form and back: what a file could not hold is found here, and no memory is shared with the caller.
		text := strings.Split(strings.TrimSuffix(string(s.Text()), "\n"), "\n")
		s, at, err := readStatement(text)
		if err == nil {
			err = longer.add(s, salts[i])
		} else {
			err = fmt.Errorf("its line %d: %w", at+1, err)
		}
		if err == nil && longer.length > maxStatements {
			err = fmt.Errorf("the directory would pass %d bytes", MaxFile)
		}
		if err != nil {
			return nil, fmt.Errorf("statement %d: %w", longer.Size(), err)
		}
	}
	return longer, nil
}

// unsigned is the same list again, to be made longer.
func (d *Directory) unsigned() *Directory {
	u := empty()
	u.entries, u.hashes = slices.Clone(d.entries), slices.Clone(d.hashes)
	u.fingerprint, u.length = d.fingerprint, d.length
	u.routes, u.offices, u.keys = maps.Clone(d.routes), maps.Clone(d.offices), maps.Clone(d.keys)
	for name, p := range d.posts {
		u.posts[name] = &postEntry{p.Post, slices.Clone(p.offices), slices.Clone(p.people), slices.Clone(p.letters)}
	}
	for number, p := range d.people {
		u.people[number] = &personEntry{p.Person, slices.Clone(p.keys)}
	}
	return u
}

// add enters a statement if what stands before it allows it. After an error the list is of no use.
func (d *Directory) add(s Statement, salt salt) error {
	if _, root := s.(Root); root != (d.Size() == 0) {
		return errors.New("a root is the first statement, and no other is")
	}
	if err := d.addKeys(s); err != nil {
		return err
	}
	if err := d.index(s); err != nil {
		return err
	}
	hashes, err := tlog.StoredHashesForRecordHash(d.Size(), leaf(s, salt), tlog.HashReaderFunc(d.readHashes))
	if err != nil {
		return err
	}
	d.hashes = append(d.hashes, hashes...)
	d.entries = append(d.entries, entry{salt, s})
	d.length += saltLength + len(s.Text())
	return nil
}

// leaf is the record hash of a statement: of a salted digest, so that one who sees the log's hashes cannot guess statements.
func leaf(s Statement, salt salt) tlog.Hash {
	h := sha256.New()
	h.Write([]byte(telegram.LabelStatement))
	h.Write(salt[:])
	h.Write(s.Text())
	return tlog.RecordHash(h.Sum(nil))
}

func (d *Directory) index(s Statement) error {
	switch s := s.(type) {
	case Root:
		d.fingerprint = s.Fingerprint()
	case Post:
		if _, ok := d.posts[s.Name]; ok {
			return fmt.Errorf("the post %s is stated already", s.Name)
		}
		if name, ok := d.routes[s.Route]; ok {
			return fmt.Errorf("the routing code %v of %s is that of %s", s.Route, s.Name, name)
		}
		d.posts[s.Name] = &postEntry{Post: s}
		d.routes[s.Route] = s.Name
	case LetterKey:
		p, err := d.stated(s.Post)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(p.letters, func(k LetterKey) bool { return k.ID == s.ID }) {
			return fmt.Errorf("%s has a letter key %x already", s.Post, s.ID)
		}
		p.letters = append(p.letters, s)
	case Office:
		p, err := d.stated(s.Address.Post)
		if err != nil {
			return err
		}
		if d.offices[s.Address] {
			return fmt.Errorf("the office %v is stated already", s.Address)
		}
		d.offices[s.Address] = true
		p.offices = append(p.offices, s.Address)
	case Person:
		p, err := d.stated(s.Post)
		if err != nil {
			return err
		}
		if _, ok := d.people[s.Number]; ok {
			return fmt.Errorf("the person %d is stated already", s.Number)
		}
		d.people[s.Number] = &personEntry{Person: s}
		p.people = append(p.people, s.Number)
	case Key:
		p, ok := d.people[s.Ref.Person]
		if !ok {
			return fmt.Errorf("the person %d is not stated before", s.Ref.Person)
		}
		if int(s.Ref.Key) != len(p.keys)+1 {
			return fmt.Errorf("key %v: the next key of person %d is number %d", s.Ref, s.Ref.Person, len(p.keys)+1)
		}
		p.keys = append(p.keys, s)
	}
	return nil
}

func (d *Directory) stated(post string) (*postEntry, error) {
	if p, ok := d.posts[post]; ok {
		return p, nil
	}
	return nil, fmt.Errorf("the post %s is not stated before", post)
}

// addKeys enters the key material of a statement. One key stands in one place, for one purpose: were a post's identity key a root
// officer's too, or one officer's Ed25519 key another's, one would sign as two.
func (d *Directory) addKeys(s Statement) error {
	for _, k := range material(s) {
		digest := sha256.Sum256(k)
		if at, ok := d.keys[digest]; ok {
			return fmt.Errorf("a key of this %s stands in statement %d already: one key has one use", s.kind(), at)
		}
		d.keys[digest] = d.Size()
	}
	return nil
}

// material is each key by itself, a hybrid key in its two halves.
func material(s Statement) [][]byte {
	switch s := s.(type) {
	case Root:
		var keys [][]byte
		for _, o := range s.Officers {
			keys = append(keys, o.Key.Ed25519, o.Key.MLDSA)
		}
		return keys
	case Post:
		login, _ := loginKey(s.Login) // read before, so it decodes
		return [][]byte{s.Identity.Ed25519, s.Identity.MLDSA, s.Register.Ed25519, s.Register.MLDSA, login}
	case LetterKey:
		return [][]byte{s.XWing[:mlkemSize], s.XWing[mlkemSize:]}
	case Key:
		return [][]byte{s.Key.Ed25519, s.Key.MLDSA}
	}
	return nil
}

// Size is the number of statements.
func (d *Directory) Size() int64 { return int64(len(d.entries)) }

// Fingerprint is that of the root the list begins with. It says what the list claims to be; Verify says whether it is.
func (d *Directory) Fingerprint() Fingerprint { return d.fingerprint }

func (d *Directory) root() Root { return d.entries[0].statement.(Root) }

// Root is the root hash of the log of all statements.
func (d *Directory) Root() tlog.Hash {
	h, err := d.RootAt(d.Size())
	if err != nil {
		panic(err) // the hashes are in memory: only a fault of ours comes here
	}
	return h
}

// RootAt is the root hash of the log when it had that many statements: it belongs to what was signed then.
func (d *Directory) RootAt(size int64) (tlog.Hash, error) {
	if size < 0 || size > d.Size() {
		return tlog.Hash{}, fmt.Errorf("a directory of %d statements had never %d", d.Size(), size)
	}
	return tlog.TreeHash(size, tlog.HashReaderFunc(d.readHashes))
}

func (d *Directory) readHashes(at []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(at))
	for i, n := range at {
		if n < 0 || n >= int64(len(d.hashes)) {
			return nil, fmt.Errorf("the log has no hash %d", n)
		}
		hashes[i] = d.hashes[n]
	}
	return hashes, nil
}

// ErrFork says that two lists of one directory differ where both have a statement: somebody signed two histories. Keep both files.
var ErrFork = errors.New("the directory has forked")

// ErrRollback says that a list is shorter than one known before.
var ErrRollback = errors.New("the directory has lost statements")

// Extends says whether the old list is the beginning of this one, or all of it. If not, the error says what differs first.
func (d *Directory) Extends(old *Directory) error {
	for i := range min(d.Size(), old.Size()) {
		at := tlog.StoredHashIndex(0, i)
		if d.hashes[at] != old.hashes[at] {
			return fmt.Errorf("statement %d is %s, and was %s: %w", i, d.brief(i), old.brief(i), ErrFork)
		}
	}
	if d.Size() < old.Size() {
		return fmt.Errorf("statement %d, %s, is gone: %w", d.Size(), old.brief(d.Size()), ErrRollback)
	}
	return nil
}

// brief names a statement by its first line and its leaf, for two may differ in their salt only.
func (d *Directory) brief(i int64) string {
	first, _, _ := strings.Cut(string(d.entries[i].statement.Text()), "\n")
	leaf := d.hashes[tlog.StoredHashIndex(0, i)]
	return fmt.Sprintf("%q (%08x)", first, binary.BigEndian.Uint32(leaf[:]))
}
