package telegram

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/mod/sumdb/tlog"
)

// Bounds of attachments.
const (
	MaxAttachments    = 16      // of one telegram
	MaxAttachment     = 1 << 30 // bytes of one
	MaxAttachmentName = 200     // bytes
	MaxMediaType      = 127     // bytes

	PieceSize   = 64 << 10              // bytes of a piece before it is sealed; the last one may have fewer
	PieceCost   = 28                    // what sealing adds: a nonce of 12 and a tag of 16
	SealedPiece = PieceSize + PieceCost // bytes of the longest sealed piece
)

// kindAttachment is the kind of the block, and of the leaf.
const kindAttachment = 0x45

// Attachment is what a telegram says of a file that belongs to it. The file is cut into pieces, each sealed by itself under a key from Secret, which
// only those have who have the telegram; Root is over the sealed pieces, so that each can be checked when it comes. See docs/formats/attachment.md.
//
//	attachment = short text name ‖ short text media type ‖ u64 length ‖ secret 32 ‖ digest 32 ‖ root 32
type Attachment struct {
	Name   string   // as the file is to be called: see CheckAttachmentName
	Type   string   // the media type as the drafter gave it: nobody is to believe it; may be empty
	Length int64    // bytes of the file
	Secret [32]byte // random; the keys of the pieces and of the digest come from it
	Digest [32]byte // HMAC-SHA-256 over the file
	Root   tlog.Hash
}

func (a *Attachment) marshal() []byte {
	b := appendShort(appendShort(nil, a.Name), a.Type)
	b = binary.BigEndian.AppendUint64(b, uint64(a.Length))
	b = append(append(b, a.Secret[:]...), a.Digest[:]...)
	return append(b, a.Root[:]...)
}

// Marshal writes what the telegram says of it, as its block does.
func (a *Attachment) Marshal() []byte { return a.marshal() }

// ParseAttachment reads what Marshal wrote, and nothing else.
func ParseAttachment(b []byte) (a Attachment, err error) {
	s := cryptobyte.String(b)
	var length uint64
	if !readShort(&s, &a.Name) || !readShort(&s, &a.Type) || !s.ReadUint64(&length) || !s.CopyBytes(a.Secret[:]) || !s.CopyBytes(a.Digest[:]) ||
		!s.CopyBytes(a.Root[:]) || !s.Empty() {
		return Attachment{}, malformed("an attachment")
	}
	a.Length = int64(min(length, MaxAttachment+1))
	if err := a.check(); err != nil {
		return Attachment{}, fmt.Errorf("telegram: an attachment: %w (%w)", err, ErrMalformed)
	}
	return a, nil
}

func (a *Attachment) check() error {
	if err := CheckAttachmentName(a.Name); err != nil {
		return err
	}
	if err := checkLine(a.Type, MaxMediaType); err != nil {
		return fmt.Errorf("the media type of %q: %w", a.Name, err)
	}
	if a.Length < 0 || a.Length > MaxAttachment {
		return fmt.Errorf("%q has more than %d bytes, the most that is possible", a.Name, MaxAttachment)
	}
	return nil
}

func (t *Telegram) checkAttachments() error {
	if n := len(t.Attachments); n > MaxAttachments {
		return fmt.Errorf("it has %d attachments, at most %d are possible", n, MaxAttachments)
	}
	for i := range t.Attachments {
		a := &t.Attachments[i]
		if err := a.check(); err != nil {
			return fmt.Errorf("an attachment: %w", err)
		}
		for _, before := range t.Attachments[:i] {
			if lowerASCII(before.Name) == lowerASCII(a.Name) { // on many disks they would be one file
				return fmt.Errorf("two attachments are called %q", a.Name)
			}
			if before.Secret == a.Secret {
				return fmt.Errorf("the attachments %q and %q have one secret", before.Name, a.Name)
			}
		}
	}
	return nil
}

// deviceNames cannot be the names of files on some systems, whatever stands behind a dot.
var deviceNames = map[string]bool{"con": true, "prn": true, "aux": true, "nul": true, "conin$": true, "conout$": true}

// CheckAttachmentName says what is wrong with a name. A name is one a file can have on any system, that leads nowhere, hides nothing and is taken for
// nothing else: no path, no control character, nothing that shows as something else, no device.
func CheckAttachmentName(s string) error {
	switch {
	case s == "":
		return errors.New("an attachment has no name")
	case len(s) > MaxAttachmentName:
		return fmt.Errorf("the name of an attachment has %d bytes, at most %d are possible", len(s), MaxAttachmentName)
	case !utf8.ValidString(s):
		return errors.New("the name of an attachment is not UTF-8")
	}
	for _, r := range s {
		switch {
		case strings.ContainsRune(`/\:*?"<>|`, r):
			return fmt.Errorf("the attachment's name %q has the character %q, which cannot stand in the name of a file", s, r)
		case unseen(r), misread(r):
			return fmt.Errorf("the attachment's name %q has the character %U, which does not show as what it is", s, r)
		}
	}
	if strings.ContainsRune(" .-~", rune(s[0])) || strings.ContainsRune(" .", rune(s[len(s)-1])) {
		return fmt.Errorf("the attachment's name %q begins or ends with a character with which the name of a file should not", s)
	}
	base, _, _ := strings.Cut(lowerASCII(s), ".")
	if base = strings.TrimRight(base, " "); deviceNames[base] || device(base) {
		return fmt.Errorf("%q is the name of a device on some systems: give the attachment another", s)
	}
	return nil
}

// misread says that a character is one of control, a space that is not U+0020, or changes the direction in which a name is read.
func misread(r rune) bool {
	switch {
	case r < 0x20, r >= 0x7f && r <= 0xa0, r == 0x061c, r == 0x1680, r >= 0x2000 && r <= 0x200a, r == 0x200e, r == 0x200f:
		return true
	}
	return r >= 0x202a && r <= 0x202f || r == 0x205f || r >= 0x2066 && r <= 0x2069 || r == 0x3000
}

// lowerASCII writes A to Z small and nothing else: what is one name must not hang on a table that grows.
func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// device says whether a name is com1 to lpt9, also with the digits that stand high.
func device(base string) bool {
	digit, ok := strings.CutPrefix(base, "com")
	if !ok {
		digit, ok = strings.CutPrefix(base, "lpt")
	}
	return ok && digit != "" && len([]rune(digit)) == 1 && strings.Contains("0123456789¹²³", digit)
}

// Pieces says how many pieces a file of so many bytes makes: at least one.
func Pieces(length int64) int {
	return int((padded(length) + PieceSize - 1) / PieceSize)
}

// PieceLen says how many bytes piece i, from 0, has before it is sealed, and how many of them are of the file; zeros follow.
func PieceLen(length int64, i int) (size, data int) {
	from := int64(i) * PieceSize
	return int(min(padded(length)-from, PieceSize)), int(max(min(length-from, PieceSize), 0))
}

// padded is the length of all pieces together: the PADMÉ length, and at least 64; or whole pieces, where those are less.
func padded(length int64) int64 {
	whole := max((length+PieceSize-1)/PieceSize, 1) * PieceSize
	if length <= 64 {
		return 64
	}
	e := bits.Len64(uint64(length)) - 1
	mask := int64(1)<<(e-bits.Len(uint(e))) - 1
	return min((length+mask)&^mask, whole)
}

// PieceTree is the tree over the digests of all sealed pieces of an attachment, of RFC 6962's shape: a leaf is SHA-256(0x00 ‖ digest), and a digest the
// SHA-256 of the sealed piece. It does not change, and may be used by many at the same time.
type PieceTree struct {
	hashes []tlog.Hash // as tlog.StoredHashIndex numbers them
	n      int64
}

// NewPieceTree makes the tree over n digests, at least one.
func NewPieceTree(n int, digest func(i int) [32]byte) (*PieceTree, error) {
	t := &PieceTree{hashes: make([]tlog.Hash, 0, 2*n)}
	for i := range n {
		d := digest(i)
		more, err := tlog.StoredHashesForRecordHash(t.n, tlog.RecordHash(d[:]), t)
		if err != nil {
			return nil, fmt.Errorf("the tree over pieces: %w", err)
		}
		t.hashes, t.n = append(t.hashes, more...), t.n+1
	}
	if t.n == 0 {
		return nil, errors.New("the tree over pieces: there are none")
	}
	return t, nil
}

// ReadHashes lets package tlog read the tree.
func (t *PieceTree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, at := range indexes {
		if at < 0 || at >= int64(len(t.hashes)) {
			return nil, errors.New("beyond the tree")
		}
		out[i] = t.hashes[at]
	}
	return out, nil
}

// Root is the tree's root.
func (t *PieceTree) Root() (tlog.Hash, error) { return tlog.TreeHash(t.n, t) }

// Path is the audit path of piece i, from 0.
func (t *PieceTree) Path(i int) ([]tlog.Hash, error) { return tlog.ProveRecord(t.n, int64(i), t) }

// HasPiece says whether a sealed piece with this digest is piece i of the attachment. The path is the one that came with it.
func (a *Attachment) HasPiece(i int, digest [32]byte, path []tlog.Hash) bool {
	n := Pieces(a.Length)
	return i >= 0 && i < n && tlog.CheckRecord(path, int64(n), a.Root, int64(i), tlog.RecordHash(digest[:])) == nil
}
