package telegram

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"sort"

	"golang.org/x/mod/sumdb/tlog"
)

// Bounds of a disclosure.
const (
	MaxDisclosure = 64 << 20 // bytes as written; the longest telegram, each of its words shown, has some 50 MiB
	MaxReasons    = 64
	MaxReason     = 255     // bytes
	maxLeaves     = 1 << 20 // of one tree; MaxText has room for fewer
)

// Disclosure is what is told of a telegram: some of its leaves, and of the others digests only. It holds neither the seeds nor the salt of a leaf that
// is withheld, so that nobody can try out what it was. See the package comment. Nothing of it holds before [Disclosure.Check].
type Disclosure struct {
	Root       Root
	Head, Body Part
	Numbers    *Part    // of the register's entry; nil when they are not told
	Reasons    []string // why something is withheld. No part of the proof: whoever has the disclosure can change them
	Release    []byte   // Ed25519 by the releaser over R, nil when it does not prove who released
	ReleasePQ  []byte   // ML-DSA-44 by the releaser over R
	Registered string   // the register's proof as package register writes it, "" when it does not prove an entry
}

// Part is one salted tree: its leaves in order, and the digests of the largest subtrees of which no leaf is shown, from left to right.
type Part struct {
	Spans   []Span
	Digests []tlog.Hash
}

// Span is one leaf that is shown with its salt, or a run of leaves that are withheld for one reason.
type Span struct {
	Leaf
	Salt     [32]byte
	Withheld int // how many leaves; 0 for a leaf that is shown
	Reason   int // of the disclosure's Reasons, from 1; 0 for none
}

// Check makes H, B and R anew from what is shown and the digests, and gives what is shown if they make the R that it names, and if a released telegram can
// have that form and those leaves. Who signed R, and where it is entered, is not judged here: see [Shown.CheckEntry], and packages seal and register.
func (d *Disclosure) Check() (*Shown, error) {
	form, ok := d.Head.form(formKind)
	if !ok {
		return nil, errors.New("its form, which says what the telegram consists of, is not shown")
	}
	nh, nb := d.Head.Len(), d.Body.Len()
	if nh+nb != len(form) {
		return nil, fmt.Errorf("it has %d leaves, and its form says %d", nh+nb, len(form))
	}
	h, err := d.Head.root(form[:nh])
	if err != nil {
		return nil, fmt.Errorf("the head: %w", err)
	}
	b, err := d.Body.root(form[nh:])
	if err != nil {
		return nil, fmt.Errorf("the text: %w", err)
	}
	if rootOver(nh, h, nb, b) != d.Root {
		return nil, errors.New("what it shows was altered: its leaves make another R than the one it names")
	}
	if d.Release == nil && d.Registered == "" {
		return nil, errors.New("it proves neither a release nor an entry in a register")
	}
	if d.Numbers != nil && d.Registered == "" {
		return nil, errors.New("it tells numbers and has no entry of a register that could prove them")
	}
	s, err := d.shown(form, nh)
	if err != nil {
		return nil, fmt.Errorf("no telegram is so: %w", err)
	}
	if _, ok := s.Releaser(); d.Release != nil && !ok {
		return nil, errors.New("it withholds who released the telegram, and has the signatures of whom it does not name")
	}
	return s, nil
}

// form is the value of leaf 0, which is always shown. What is withheld has the kind 0.
func (p *Part) form(kind uint8) ([]byte, bool) {
	if len(p.Spans) == 0 || p.Spans[0].Kind != kind {
		return nil, false
	}
	return p.Spans[0].Value, true
}

// Len is how many leaves the tree has.
func (p *Part) Len() (n int) {
	for i := range p.Spans {
		n += max(1, p.Spans[i].Withheld)
	}
	return n
}

// root makes the tree's root. kinds are those of all its leaves, as the form has them.
func (p *Part) root(kinds []byte) (tlog.Hash, error) {
	c := climb{digests: p.Digests}
	at := 0
	for i := range p.Spans {
		s := &p.Spans[i]
		if s.Withheld == 0 {
			if s.Kind != kinds[at] {
				return tlog.Hash{}, fmt.Errorf("leaf %d is of kind %#02x, and its form says %#02x", at, s.Kind, kinds[at])
			}
			c.at, c.shown = append(c.at, at), append(c.shown, s)
		}
		at += max(1, s.Withheld)
	}
	h := c.root(0, len(kinds), 0, len(c.at))
	if c.missing || len(c.digests) > 0 {
		return h, errors.New("it has too many digests of what is withheld, or too few")
	}
	return h, nil
}

// climb makes a root of leaves that are shown and subtrees that are not.
type climb struct {
	at      []int // where the shown leaves stand
	shown   []*Span
	digests []tlog.Hash // those not used yet
	missing bool        // there were too few
	buf     []byte
}

// root is that of the leaves from lo to before hi, of which the shown ones are those from from to before to.
func (c *climb) root(lo, hi, from, to int) tlog.Hash {
	switch {
	case lo == hi:
		return sha256.Sum256(nil)
	case from == to:
		if len(c.digests) == 0 {
			c.missing = true
			return tlog.Hash{}
		}
		h := c.digests[0]
		c.digests = c.digests[1:]
		return h
	case hi-lo == 1:
		s := c.shown[from]
		c.buf = append(append(c.buf[:0], 0), s.Salt[:]...)
		c.buf = appendLeaf(c.buf, lo, s.Leaf)
		return sha256.Sum256(c.buf)
	}
	mid := lo + split(hi-lo)
	k := from + sort.SearchInts(c.at[from:to], mid)
	left := c.root(lo, mid, from, k)
	return tlog.NodeHash(left, c.root(mid, hi, k, to))
}

// CheckEntry says whether a register's entry is of this telegram: of its R, of the releaser's signatures if they are shown, and of the numbers if they
// are; only after it the numbers are among what is shown. That the entry stands in a register is for package register to say.
func (s *Shown) CheckEntry(entry []byte) (EntryKind, error) {
	kind, root, ok := EntryOf(entry)
	if !ok || kind != EntryOut && kind != EntryIn && kind != EntryBriefIn {
		return 0, errors.New("the register's entry is not of a telegram")
	}
	if root != s.d.Root {
		return 0, errors.New("the register's entry is of another telegram")
	}
	rest := entry[len(LabelEntry)+1+len(root):]
	shown := Released{Signatures: Signatures{Release: s.d.Release, ReleasePQ: s.d.ReleasePQ}}
	if release := shown.releaseHash(kind); s.d.Release != nil && !bytes.Equal(rest[:32], release[:]) {
		return 0, errors.New("the register's entry is of another release than the one that is shown")
	}
	if s.d.Numbers == nil {
		return kind, nil
	}
	form, ok := s.d.Numbers.form(numbersForm)
	if !ok || len(form) != s.d.Numbers.Len() {
		return 0, errors.New("the form of its numbers is not shown, or has other leaves than they have")
	}
	n, err := s.d.Numbers.root(form)
	if err != nil {
		return 0, fmt.Errorf("the numbers: %w", err)
	}
	if binary.BigEndian.Uint32(rest[64:]) != uint32(len(form)) || n != tlog.Hash(rest[68:]) {
		return 0, errors.New("the numbers are not those of the register's entry")
	}
	err = s.checkNumbers(kind, form)
	s.entered = err == nil
	return kind, err
}
