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
	"time"

	"chancery.example/chancery/telegram"
	"golang.org/x/mod/sumdb/tlog"
)

// Directory is the list, of one size. It never changes and may be used by many goroutines at once. What its methods give shares its
// memory: key bytes and slices are read only.
type Directory struct {
	entries     []entry
	signed      int64       // so many of the entries are under the checkpoint; the others are the tail
	hashes      []tlog.Hash // of the log, by tlog.StoredHashIndex
	fingerprint Fingerprint
	length      int      // of the statements, in bytes
	signatures  []string // signature lines of the checkpoint, without newline

	posts   map[string]*postEntry
	routes  map[telegram.Route]string
	offices map[telegram.Address]*officeEntry
	people  map[uint32]*personEntry
	texts   map[[sha256.Size]byte]int64 // digest of each statement that was issued, and where it stands
	keys    map[[sha256.Size]byte]int64 // digest of each piece of key material, and the statement it stands in

	reserved  time.Time // zero while flash and override are not
	minimized []Minimize

	cosignatures func() []cosignature // those of root officers that verify
}

type salt = [32]byte

type entry struct {
	salt      salt
	statement Statement
}

func empty() *Directory {
	d := &Directory{
		posts:   make(map[string]*postEntry),
		routes:  make(map[telegram.Route]string),
		offices: make(map[telegram.Address]*officeEntry),
		people:  make(map[uint32]*personEntry),
		texts:   make(map[[sha256.Size]byte]int64),
		keys:    make(map[[sha256.Size]byte]int64),
	}
	d.cosignatures = sync.OnceValue(d.verifyCosignatures)
	return d
}

// New makes a list of its root only. Nobody has signed it yet.
func New(root Root) (*Directory, error) { return empty().Append(root) }

// Append makes a longer list, each new statement under a fresh salt. The tail, if there is one, is before them. Nobody has signed it
// yet: a checkpoint is of one size.
func (d *Directory) Append(statements ...Statement) (*Directory, error) {
	return d.appendSalted(statements, freshSalts(len(statements)))
}

// Enter adds statements to the tail: those that stand without the root officers' signatures, which the list keeps.
func (d *Directory) Enter(statements ...Statement) (*Directory, error) {
	return d.longer(statements, freshSalts(len(statements)), true)
}

func freshSalts(n int) []salt {
	salts := make([]salt, n)
	for i := range salts {
		rand.Read(salts[i][:]) // never fails: crypto/rand
	}
	return salts
}

func (d *Directory) appendSalted(statements []Statement, salts []salt) (*Directory, error) {
	return d.longer(statements, salts, false)
}

func (d *Directory) longer(statements []Statement, salts []salt, tail bool) (*Directory, error) {
	longer := d.copy()
	if tail {
		longer.signed, longer.signatures = d.signed, d.signatures
	}
	for i, s := range statements {
		// Through the written form and back: what a file could not hold is found here, and no memory is shared with the caller.
		text := strings.Split(strings.TrimSuffix(string(s.Text()), "\n"), "\n")
		s, at, err := readStatement(text)
		if err == nil {
			err = longer.add(s, salts[i], tail)
		} else {
			err = fmt.Errorf("its line %d: %w", at+1, err)
		}
		if err == nil && longer.length > maxStatements {
			err = fmt.Errorf("the directory would pass %d bytes", MaxFile)
		}
		if err != nil {
			return nil, fmt.Errorf("statement %d: %w", len(longer.entries), err)
		}
	}
	return longer, nil
}

// copy is the same list again, to be made longer, its tail taken under the checkpoint that is to come.
func (d *Directory) copy() *Directory {
	u := empty()
	u.entries, u.hashes = slices.Clone(d.entries), slices.Clone(d.hashes)
	u.signed, u.fingerprint, u.length = int64(len(d.entries)), d.fingerprint, d.length
	u.reserved, u.minimized = d.reserved, slices.Clone(d.minimized)
	u.routes, u.keys, u.texts = maps.Clone(d.routes), maps.Clone(d.keys), maps.Clone(d.texts)
	for name, p := range d.posts {
		u.posts[name] = p.clone()
	}
	for number, p := range d.people {
		u.people[number] = p.clone()
	}
	for a, o := range d.offices {
		c := *o
		u.offices[a] = &c
	}
	return u
}

// add enters a statement if what stands before it allows it. After an error the list is of no use.
func (d *Directory) add(s Statement, salt salt, tail bool) error {
	if _, root := s.(Root); root != (len(d.entries) == 0) {
		return errors.New("a root is the first statement, and no other is")
	}
	if err := d.allow(s, tail); err != nil {
		return err
	}
	if err := d.addKeys(s); err != nil {
		return err
	}
	if err := d.index(s); err != nil {
		return err
	}
	hashes, err := tlog.StoredHashesForRecordHash(int64(len(d.entries)), leaf(s, salt), tlog.HashReaderFunc(d.readHashes))
	if err != nil {
		return err
	}
	d.hashes = append(d.hashes, hashes...)
	d.entries = append(d.entries, entry{salt, s})
	d.length += saltLength + len(s.Text())
	if !tail {
		d.signed++
	}
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
		d.keys[digest] = int64(len(d.entries))
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
	case Issued:
		return material(s.Statement)
	}
	return nil
}

// Size is the number of statements under the checkpoint: what root officers sign, and what a letter names.
func (d *Directory) Size() int64 { return d.signed }

// Total is the number of statements with those of the tail.
func (d *Directory) Total() int64 { return int64(len(d.entries)) }

// Tail are the statements after the checkpoint.
func (d *Directory) Tail() []Statement {
	var tail []Statement
	for _, e := range d.entries[d.signed:] {
		tail = append(tail, e.statement)
	}
	return tail
}

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
	if size < 0 || size > d.Total() {
		return tlog.Hash{}, fmt.Errorf("a directory of %d statements had never %d", d.Total(), size)
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

// Extends says whether the old list is the beginning of this one, or all of it: its signed part in the same order, and each statement
// of its tail somewhere, for the order of a tail is settled only when the root officers sign it. If not, the error says what differs first.
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
	for i := old.signed; i < old.Total(); i++ {
		if !d.has(old.entries[i].statement, old.signed) {
			return fmt.Errorf("statement %d, %s, is gone: %w", i, old.brief(i), ErrRollback)
		}
	}
	return nil
}

// Has says whether a statement, with the same signatures, stands in the list.
func (d *Directory) Has(s Statement) bool { return d.has(s, 0) }

// has says whether a statement stands from there on.
func (d *Directory) has(s Statement, from int64) bool {
	text := string(s.Text())
	for _, e := range d.entries[from:] {
		if string(e.statement.Text()) == text {
			return true
		}
	}
	return false
}

// With takes into this list what another version of it has besides: of the two it goes by the one of which the root officers have signed
// more, or the same later, and adds the other's tail. What can no longer stand after what the root officers have signed since is left out,
// and given back; two tails that contradict each other are an error, as are two histories ([ErrFork]).
func (d *Directory) With(other *Directory, now time.Time) (both *Directory, left []Statement, err error) {
	both, more := d, other
	if other.Size() > d.Size() || other.Size() == d.Size() && other.SignedAt(now).After(d.SignedAt(now)) {
		both, more = other, d
	}
	for i := range more.Size() {
		at := tlog.StoredHashIndex(0, i)
		if both.hashes[at] != more.hashes[at] {
			return nil, nil, fmt.Errorf("statement %d is %s, and was %s: %w", i, other.brief(i), d.brief(i), ErrFork)
		}
	}
	for i, e := range more.entries[more.signed:] {
		if both.has(e.statement, more.signed) {
			continue
		}
		longer, err := both.longer([]Statement{e.statement}, []salt{e.salt}, true)
		switch {
		case err == nil:
			both = longer
		case both.Size() > more.Size():
			left = append(left, e.statement)
		default:
			return nil, nil, fmt.Errorf("%s cannot stand beside what this post knows: %w", more.brief(more.signed+int64(i)), err)
		}
	}
	return both, left, nil
}

// brief names a statement by its first line and its leaf, for two may differ in their salt only.
func (d *Directory) brief(i int64) string {
	first, _, _ := strings.Cut(string(d.entries[i].statement.Text()), "\n")
	leaf := d.hashes[tlog.StoredHashIndex(0, i)]
	return fmt.Sprintf("%q (%08x)", first, binary.BigEndian.Uint32(leaf[:]))
}
