package telegram

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
)

// The brief form is for thin lines: a registered telegram without the releaser's ML-DSA-44 signature, which weighs ten times as much as most of them, and
// follows by itself in a [Late]. Its numbers are as short as they can be: the posts are those that the telegram addresses, in its order, and
// the year is that of the time registered.
//
//	brief = length ‖ telegram ‖ register number ‖ seconds from release to registering ‖ serial for each addressed post ‖ draft Ed25519 64 ‖ release Ed25519 64
//
// with every number an unsigned LEB128, as short as it can be.

// IsBrief says whether bytes begin as the brief form and not as the full one, whose length has a zero as its first byte.
func IsBrief(b []byte) bool { return len(b) > 0 && b[0] != 0 }

// Brief writes the brief form. It is defined for numbers that pass Check.
func (r *Registered) Brief() []byte {
	t := r.Telegram.Marshal()
	b := append(binary.AppendUvarint(nil, uint64(len(t))), t...)
	b = binary.AppendUvarint(b, uint64(r.Numbers.Register))
	b = binary.AppendUvarint(b, uint64(r.Numbers.Registered-r.Telegram.Released))
	for _, s := range r.Numbers.Serials {
		b = binary.AppendUvarint(b, uint64(s.Number))
	}
	return append(append(b, r.Draft...), r.Release...)
}

// ParseBrief reads what Brief wrote, and nothing else. What it gives has no ML-DSA-44 signature, and keeps b.
func ParseBrief(b []byte) (*Registered, error) {
	end, ok := endOfTelegram(b)
	if !ok || !IsBrief(b) || end > 4<<20 {
		return nil, malformed("a registered telegram is cut off")
	}
	s := cryptobyte.String(b)
	var length, register, later uint32
	var raw []byte
	if !readUvarint(&s, &length) || !s.ReadBytes(&raw, int(length)) {
		return nil, malformed("a registered telegram is cut off")
	}
	t, err := Parse(raw)
	if err != nil {
		return nil, err
	}
	if t.Released == 0 {
		return nil, malformed("a registered telegram that nobody released")
	}
	r := &Registered{Released: Released{Telegram: t}}
	if !readUvarint(&s, &register) || !readUvarint(&s, &later) {
		return nil, malformed("the numbers")
	}
	r.Numbers.Register, r.Numbers.Registered = register, t.Released+int64(later)
	r.Numbers.Year = uint16(yearOf(r.Numbers.Registered))
	for _, post := range t.AddressedPosts() {
		x := Serial{Post: post}
		if !readUvarint(&s, &x.Number) {
			return nil, malformed("the numbers")
		}
		r.Numbers.Serials = append(r.Numbers.Serials, x)
	}
	if !s.ReadBytes(&r.Draft, SizeEd25519) || !s.ReadBytes(&r.Release, SizeEd25519) || !s.Empty() {
		return nil, malformed("a registered telegram is cut off, or has something behind it")
	}
	if err := r.Numbers.Check(t); err != nil {
		return nil, fmt.Errorf("telegram: %w (%w)", err, ErrMalformed)
	}
	return r, nil
}

// ParseEither reads either form of a registered telegram.
func ParseEither(b []byte) (*Registered, error) {
	if IsBrief(b) {
		return ParseBrief(b)
	}
	return ParseRegistered(b)
}

// The entries of a telegram whose ML-DSA-44 signature is not here yet have the hash of the Ed25519 signature alone. The receiver enters such a one
// as it stands for ever; the sender enters none, and a receipt for a brief telegram names its hash in the place of the entry's.

// BriefOutEntry stands for the sender's entry in the receipt of a brief telegram.
func (r *Released) BriefOutEntry(root Root, n *Numbers) []byte {
	return r.entryOf(EntryBriefOut, root, n, mac(mac(r.Telegram.Seed[:], LabelHead), LabelNumbers))
}

// BriefInEntry is the receiver's record of a telegram that came in the brief form; see InEntry.
func (r *Released) BriefInEntry(root Root, n *Numbers, seed [32]byte) []byte {
	return r.entryOf(EntryBriefIn, root, n, mac(seed[:], LabelIncoming))
}

// releaseHash is what an entry of that kind says of the release.
func (r *Released) releaseHash(kind EntryKind) [32]byte {
	if kind == EntryBriefOut || kind == EntryBriefIn {
		return sha256.Sum256(r.Release)
	}
	return sha256.Sum256(append(bytes.Clone(r.Release), r.ReleasePQ...))
}

// ServiceLate is the kind of service message that brings the signatures that the brief form leaves out. It needs no signature of the post: each stands by itself.
const ServiceLate = 8

// MaxLate is the most signatures in one such message.
const MaxLate = 64

// Late brings ML-DSA-44 signatures of releasers for telegrams that were sent in the brief form.
//
//	late = short text from ‖ short text to ‖ u8 n ‖ n × (u32 serial ‖ ML-DSA-44 2420)
type Late struct {
	From, To string
	Items    []LateItem
}

// LateItem is the signature for one telegram, by the serial that it took for the receiver.
type LateItem struct {
	Serial    uint32
	ReleasePQ []byte
}

// Marshal writes the message.
func (l *Late) Marshal() []byte {
	b := append(appendShort(appendShort(nil, l.From), l.To), byte(len(l.Items)))
	for _, i := range l.Items {
		b = append(binary.BigEndian.AppendUint32(b, i.Serial), i.ReleasePQ...)
	}
	return b
}

// ParseLate reads what Marshal wrote, and nothing else. It keeps b.
func ParseLate(b []byte) (*Late, error) {
	s := cryptobyte.String(b)
	l := &Late{}
	var n uint8
	if !readShort(&s, &l.From) || !readShort(&s, &l.To) || !s.ReadUint8(&n) || n == 0 || n > MaxLate {
		return nil, malformed("signatures that come later")
	}
	for range n {
		var i LateItem
		if !s.ReadUint32(&i.Serial) || i.Serial == 0 || !s.ReadBytes(&i.ReleasePQ, SizeMLDSA44) {
			return nil, malformed("signatures that come later are cut off")
		}
		l.Items = append(l.Items, i)
	}
	if !s.Empty() {
		return nil, malformed("signatures that come later, with something behind them")
	}
	if err := errors.Join(CheckPostName(l.From), CheckPostName(l.To)); err != nil {
		return nil, fmt.Errorf("telegram: signatures that come later: %w (%w)", err, ErrMalformed)
	}
	return l, nil
}
