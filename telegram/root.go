package telegram

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/bits"
	"strings"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/tlog"
)

// Root is R, or D, of a telegram: what people sign.
type Root [32]byte

func (r Root) String() string { return hex.EncodeToString(r[:]) }

// MarshalText writes 64 hexadecimal digits.
func (r Root) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads them.
func (r *Root) UnmarshalText(b []byte) error {
	if hex.DecodedLen(len(b)) != len(r) {
		return fmt.Errorf("%q is no root", b)
	}
	_, err := hex.Decode(r[:], b)
	return err
}

// Leaf is one part that can be shown or withheld by itself.
type Leaf struct {
	Kind  uint8
	Value []byte
}

const suite = 1

const formKind = 1

// Roots are D, which the drafter signs, and R, which the releaser signs; while a telegram is only handed over they are the same.
func (t *Telegram) Roots() (draft, release Root) {
	body := t.BodyLeaves()
	head := withForm(formKind, t.fields(), body)
	b := treeRoot(mac(t.Seed[:], LabelBody), body)
	root := func() Root { return rootOver(len(head), treeRoot(mac(t.Seed[:], LabelHead), head), len(body), b) }
	release = root()
	for i := range head {
		switch head[i].Kind {
		case kindReleaser, kindReleased, kindRegisterBy:
			head[i].Value = nil
		}
	}
	return root(), release
}

// rootOver is R, or D, over the roots of the head's tree of nh leaves and of the body's of nb.
func rootOver(nh int, h tlog.Hash, nb int, b tlog.Hash) Root {
	buf := append([]byte(LabelRoot), suite)
	buf = append(binary.BigEndian.AppendUint32(buf, uint32(nh)), h[:]...)
	buf = append(binary.BigEndian.AppendUint32(buf, uint32(nb)), b[:]...)
	return sha256.Sum256(buf)
}

// HeadLeaves are the leaves of the head's tree, the form first.
func (t *Telegram) HeadLeaves() []Leaf {
	return withForm(formKind, t.fields(), t.BodyLeaves())
}

// withForm puts leaf 0 before the leaves: the kinds of all of them, and of those that stand in a second tree.
func withForm(kind uint8, leaves, more []Leaf) []Leaf {
	kinds := []byte{kind}
	for _, l := range leaves {
		kinds = append(kinds, l.Kind)
	}
	for _, l := range more {
		kinds = append(kinds, l.Kind)
	}
	return append([]Leaf{{kind, kinds}}, leaves...)
}

// BodyLeaves are the leaves of the body's tree: a leaf for each word, convey, end, blank, and attachment.
func (t *Telegram) BodyLeaves() []Leaf {
	var out []Leaf
	for _, b := range t.Body {
		switch b.Kind {
		case Paragraph, More:
			kind := uint8(b.Kind)
			for _, w := range Words(b.Text) {
				out = append(out, Leaf{kind, []byte(w)})
				kind = uint8(More)
			}
		case Blank:
			for range b.Text[0] {
				out = append(out, Leaf{uint8(Blank), nil})
			}
		default:
			out = append(out, Leaf{uint8(b.Kind), []byte(b.Text)})
		}
	}
	for i := range t.Attachments {
		out = append(out, Leaf{kindAttachment, t.Attachments[i].marshal()})
	}
	return out
}

const spaces = " \t\n"

// Words cuts a text into words, each with the spaces (U+0020, tab, line feed) after it. A character of a script that writes no
// spaces stands alone, with the spaces after it: U+0E00-0EFF, 1000-109F, 1780-17FF, 2E80-A4CF, F900-FAFF, FE30-FE4F, FF00-FFEF,
// 20000-3FFFF. Joined again the words are the text.
func Words(s string) []string {
	var out []string
	for len(s) > 0 {
		n := 0
		for n < len(s) && !strings.ContainsRune(spaces, rune(s[n])) {
			r, size := utf8.DecodeRuneInString(s[n:])
			if alone(r) {
				if n == 0 {
					n = size
				}
				break
			}
			n += size
		}
		for n < len(s) && strings.ContainsRune(spaces, rune(s[n])) {
			n++
		}
		out, s = append(out, s[:n]), s[n:]
	}
	return out
}

func alone(r rune) bool {
	return r >= 0x0e00 && (r <= 0x0eff || r >= 0x1000 && r <= 0x109f || r >= 0x1780 && r <= 0x17ff || r >= 0x2e80 && r <= 0xa4cf ||
		r >= 0xf900 && r <= 0xfaff || r >= 0xfe30 && r <= 0xfe4f || r >= 0xff00 && r <= 0xffef || r >= 0x20000 && r <= 0x3ffff)
}

func mac(key []byte, label string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(label))
	return m.Sum(nil)
}

// treeRoot is the root of a salted tree: see the package comment.
func treeRoot(seed []byte, leaves []Leaf) tlog.Hash {
	if len(leaves) == 0 {
		return sha256.Sum256(nil)
	}
	return merkle(leafHashes(seed, leaves, nil))
}

// leafHashes are the digests of a salted tree's leaves. salt, where it is not nil, is given the salt of each, which it must not keep.
func leafHashes(seed []byte, leaves []Leaf, salt func(i int, salt []byte)) []tlog.Hash {
	hashes := make([]tlog.Hash, len(leaves))
	if len(leaves) == 0 { // a tree that is left out has no seed
		return hashes
	}
	m := hmac.New(sha256.New, seed) // one keyed state for all leaves: three times as fast as a new one each
	in := append([]byte(LabelSalt), 0, 0, 0, 0)
	var buf []byte
	for i, l := range leaves {
		m.Reset()
		binary.BigEndian.PutUint32(in[len(in)-4:], uint32(i))
		m.Write(in)
		buf = m.Sum(append(buf[:0], 0))
		if salt != nil {
			salt(i, buf[1:])
		}
		buf = appendLeaf(buf, i, l)
		hashes[i] = sha256.Sum256(buf)
	}
	return hashes
}

// appendLeaf writes what follows a leaf's salt where it is hashed.
func appendLeaf(b []byte, i int, l Leaf) []byte {
	b = append(binary.BigEndian.AppendUint32(b, uint32(i)), l.Kind)
	return append(binary.BigEndian.AppendUint32(b, uint32(len(l.Value))), l.Value...)
}

// merkle is RFC 6962's tree over hashed leaves, at least one.
func merkle(h []tlog.Hash) tlog.Hash {
	if len(h) == 1 {
		return h[0]
	}
	k := split(len(h))
	return tlog.NodeHash(merkle(h[:k]), merkle(h[k:]))
}

// split is how many of n leaves, at least two, stand left: the largest power of two below n.
func split(n int) int { return 1 << (bits.Len(uint(n-1)) - 1) }
