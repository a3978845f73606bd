package telegram

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/mod/sumdb/tlog"
)

// DTG writes a time as a date-time group, as people cite it: 071710Z DEC 50 (ACP 121), in UTC.
func DTG(at int64) string { return strings.ToUpper(time.Unix(at, 0).UTC().Format("021504Z Jan 06")) }

// Signatures are the people's acts: each is over D or R, and seal makes and checks them.
type Signatures struct {
	Draft     []byte // Ed25519 by the drafter over D, 64 bytes
	Release   []byte // Ed25519 by the releaser over R, 64 bytes
	ReleasePQ []byte // ML-DSA-44 by the releaser over R, 2,420 bytes
}

// The sizes of signatures.
const (
	SizeEd25519 = 64
	SizeMLDSA44 = 2420
)

// Released is a telegram that may be sent: both people have signed.
type Released struct {
	Telegram *Telegram
	Signatures
}

// Serial is the number that a telegram takes in the series of one pair of posts.
type Serial struct {
	Post   string
	Number uint32
}

// Numbers are what the sending post gives a telegram in one transaction.
type Numbers struct {
	Year       uint16
	Register   uint32   // the post's own series over all it sends
	Serials    []Serial // one for each addressed post, in the order in which R names them
	Registered int64    // seconds since 1970
}

// SerialFor is the serial for one post, 0 if it has none.
func (n *Numbers) SerialFor(post string) uint32 {
	for _, s := range n.Serials {
		if s.Post == post {
			return s.Number
		}
	}
	return 0
}

// Check says whether the numbers are those of the telegram: of the series of its type, one serial for every addressed post and no other, in
// order, and registered within the times that the releaser allowed.
func (n *Numbers) Check(t *Telegram) error {
	var posts []string
	for _, s := range n.Serials {
		if s.Number == 0 {
			return fmt.Errorf("no serial for %s", s.Post)
		}
		if !t.Type.numbered(s.Number) {
			return fmt.Errorf("serial %s for %s is not of the series for telegrams of type %v", NumberText(s.Number), s.Post, t.Type)
		}
		posts = append(posts, s.Post)
	}
	if n.Register == 0 {
		return errors.New("no register number")
	}
	if !t.Type.numbered(n.Register) {
		return fmt.Errorf("register number %s is not of the series for telegrams of type %v", NumberText(n.Register), t.Type)
	}
	if year := yearOf(n.Registered); year != int(n.Year) {
		return fmt.Errorf("it took a number of %d in %d", n.Year, year)
	}
	if !slices.Equal(posts, t.AddressedPosts()) {
		return errors.New("the serials are not those of the addressed posts")
	}
	if n.Registered < t.Released || n.Registered > t.RegisterBy {
		return errors.New("registered outside the time that the release allows")
	}
	return nil
}

func yearOf(at int64) int { return time.Unix(at, 0).UTC().Year() }

func (n *Numbers) leaves() []Leaf {
	l := []Leaf{{kindNumber, binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(nil, n.Year), n.Register)}}
	for _, s := range n.Serials {
		l = append(l, Leaf{kindSerial, binary.BigEndian.AppendUint32([]byte(s.Post), s.Number)})
	}
	return append(l, Leaf{kindEntered, binary.BigEndian.AppendUint64(nil, uint64(n.Registered))})
}

// EntryKind says what an entry of the register records.
type EntryKind uint8

// The kinds of entries. Out and In are of telegrams; the others are notes: see NoteEntry.
const (
	EntryOut       EntryKind = 1  // a telegram was registered to be sent
	EntryIn        EntryKind = 2  // a telegram was received
	EntryContinued EntryKind = 3  // the series go on from a paper register
	EntryDirectory EntryKind = 4  // a directory checkpoint was adopted
	EntrySent      EntryKind = 5  // a section was sealed and took its special number
	EntryReceipt   EntryKind = 6  // another post's receipt was taken
	EntryCopy      EntryKind = 7  // a holder was added, or a numbered copy made, given, transferred, returned or destroyed
	EntryCover     EntryKind = 9  // a cover name was given or ended
	EntryBriefIn   EntryKind = 10 // a telegram was received in the brief form
	EntryBriefOut  EntryKind = 11 // no entry: what a receipt for one names in the place of the sender's
	EntryAsked     EntryKind = 12 // another post's repeat request was taken, and telegrams are sealed anew for it
	EntryFiled     EntryKind = 8  // it was said where a telegram lies in the archives, or its description was corrected
)

var entryKinds = [...]string{"", "out", "in", "continued", "directory", "sent", "receipt", "copy", "filed", "cover", "in, brief", "out, brief", "asked"}

func (k EntryKind) String() string {
	if int(k) < len(entryKinds) && entryKinds[k] != "" {
		return entryKinds[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// MarshalText writes the kind as its word.
func (k EntryKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// OutEntry is the sender's record of a telegram with this R. Its RecordHash is a leaf of the post's log, and whoever was sent the telegram
// can compute it.
func (r *Released) OutEntry(root Root, n *Numbers) []byte {
	return r.entryOf(EntryOut, root, n, mac(mac(r.Telegram.Seed[:], LabelHead), LabelNumbers))
}

// InEntry is the receiver's record: its own numbers, and the sender's serial as the one serial. The seed is the receiver's own, so that
// nobody who was also sent the telegram can try out what number it took here.
func (r *Released) InEntry(root Root, n *Numbers, seed [32]byte) []byte {
	return r.entryOf(EntryIn, root, n, mac(seed[:], LabelIncoming))
}

func (r *Released) entryOf(kind EntryKind, root Root, n *Numbers, seed []byte) []byte {
	release := r.releaseHash(kind)
	draft := sha256.Sum256(r.Draft)
	leaves := withForm(numbersForm, n.leaves(), nil)
	numbers := treeRoot(seed, leaves)
	b := append([]byte(LabelEntry), byte(kind))
	b = append(append(append(b, root[:]...), release[:]...), draft[:]...)
	return append(binary.BigEndian.AppendUint32(b, uint32(len(leaves))), numbers[:]...)
}

// EntryOf says what an entry is of: its kind, and of a telegram R. ok is false for what is no entry.
func EntryOf(entry []byte) (kind EntryKind, root Root, ok bool) {
	b, ok := bytes.CutPrefix(entry, []byte(LabelEntry))
	if !ok || len(b) < 1 {
		return 0, root, false
	}
	kind, b = EntryKind(b[0]), b[1:]
	switch {
	case kind == EntryOut || kind == EntryIn || kind == EntryBriefIn:
		ok = len(b) == 3*32+4+32 && copy(root[:], b) == len(root)
	default:
		ok = len(b) == 32 && int(kind) < len(entryKinds) && kind > 0 && kind != EntryBriefOut
	}
	return kind, root, ok
}

// NoteEntry is the register's record of something that is no telegram: it fixes what was said and shows nothing of it.
//
//	"chancery/v1/entry\n" ‖ u8 kind ‖ SHA-256("chancery/v1/note\n" ‖ salt 32 ‖ what was said)
func NoteEntry(kind EntryKind, salt [32]byte, said []byte) []byte {
	d := sha256.Sum256(slices.Concat([]byte(LabelNote), salt[:], said))
	return append(append([]byte(LabelEntry), byte(kind)), d[:]...)
}

// EntryHash is the leaf hash of an entry in the post's log (RFC 6962 section 2.1).
func EntryHash(entry []byte) tlog.Hash { return tlog.RecordHash(entry) }

// Registered is a telegram with its people's signatures and its numbers: all that travels.
type Registered struct {
	Released
	Numbers Numbers
}

// Marshal writes it: see the package comment.
func (r *Registered) Marshal() []byte { return append(r.marshal(), r.Numbers.marshal()...) }

func (r *Released) marshal() []byte {
	t := r.Telegram.Marshal()
	return slices.Concat(binary.BigEndian.AppendUint32(nil, uint32(len(t))), t, r.Draft, r.Release, r.ReleasePQ)
}

// cut takes the telegram's bytes and the signatures from the front of what marshal wrote.
func (r *Released) cut(s *cryptobyte.String) (telegram []byte, ok bool) {
	var size uint32
	ok = s.ReadUint32(&size) && s.ReadBytes(&telegram, int(size)) && s.ReadBytes(&r.Draft, SizeEd25519) &&
		s.ReadBytes(&r.Release, SizeEd25519) && s.ReadBytes(&r.ReleasePQ, SizeMLDSA44)
	return telegram, ok
}

func (n *Numbers) marshal() []byte {
	b := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(nil, n.Year), n.Register)
	b = append(b, byte(len(n.Serials)-1)) // at most 256 posts, at least one
	for _, s := range n.Serials {
		b = binary.BigEndian.AppendUint32(appendShort(b, s.Post), s.Number)
	}
	return binary.BigEndian.AppendUint64(b, uint64(n.Registered))
}

// ParseRegistered reads what Marshal wrote, and nothing else. Signatures are not judged here. What it gives keeps b.
func ParseRegistered(b []byte) (*Registered, error) {
	s := cryptobyte.String(b)
	r := &Registered{}
	raw, ok := r.cut(&s)
	if !ok {
		return nil, malformed("a registered telegram is cut off")
	}
	t, err := Parse(raw)
	if err != nil {
		return nil, err
	}
	r.Telegram = t
	if t.Released == 0 {
		return nil, malformed("a registered telegram that nobody released")
	}
	if !r.Numbers.read(&s) {
		return nil, malformed("the numbers")
	}
	if err := r.Numbers.Check(t); err != nil {
		return nil, fmt.Errorf("telegram: %w (%w)", err, ErrMalformed)
	}
	return r, nil
}

func (n *Numbers) read(s *cryptobyte.String) bool {
	var count uint8
	if !s.ReadUint16(&n.Year) || !s.ReadUint32(&n.Register) || !s.ReadUint8(&count) {
		return false
	}
	for range int(count) + 1 {
		var x Serial
		if !readShort(s, &x.Post) || !s.ReadUint32(&x.Number) {
			return false
		}
		n.Serials = append(n.Serials, x)
	}
	return readTime(s, &n.Registered) && s.Empty()
}
