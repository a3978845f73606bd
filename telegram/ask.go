package telegram

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
)

// ServiceAsk is the kind of service message by which a post asks for pieces of an attachment.
const ServiceAsk = 11

// Bounds of an ask.
const (
	MaxAskRanges = 64
	MaxAsked     = 64      // pieces in all
	MaxAskBytes  = 4 << 20 // that the answer may have
)

// Ask asks another post for pieces of an attachment of a telegram that it sent, and says how far one is. With no ranges it only says that. It is
// signed by the asking post under LabelAsk.
//
//	ask   = short text from ‖ short text to ‖ time ‖ u32 serial ‖ R 32 ‖ u8 attachment ‖ u32 pieces here ‖ u8 flags ‖ id 8 ‖ secret 32 ‖
//	        u32 part ‖ u32 limit ‖ u8 n ‖ n × range
//	range = u32 piece ‖ u32 count ‖ u32 offset
//
// The flags: bit 0 checked, bit 1 besides.
type Ask struct {
	From, To   string // From asks, To has sent the telegram
	At         int64  // seconds since 1970
	Serial     uint32 // of the telegram, from To to From
	Root       Root   // its R
	Attachment uint8  // which of it, from 1
	Here       uint32 // pieces that From has
	Checked    bool   // it has all, and they make the file
	Besides    bool   // what it asked for before it still wants; else it wants this in its place
	ID         [8]byte
	Secret     [32]byte     // random; the parts of the answer are sealed under a key from it
	Part       uint32       // the most bytes of a piece that are to come in one envelope
	Limit      uint32       // the most bytes that are to come in all
	Ranges     []PieceRange // in order, none twice
}

// PieceRange is a run of pieces, of which the first is wanted from an offset on, as it is carried.
type PieceRange struct{ Piece, Count, Offset uint32 }

const (
	askChecked = 1 << iota
	askBesides
)

// Marshal writes the ask.
func (a *Ask) Marshal() []byte {
	b := appendShort(appendShort(nil, a.From), a.To)
	b = binary.BigEndian.AppendUint64(b, uint64(a.At))
	b = append(binary.BigEndian.AppendUint32(b, a.Serial), a.Root[:]...)
	b = append(binary.BigEndian.AppendUint32(append(b, a.Attachment), a.Here), 0)
	if a.Checked {
		b[len(b)-1] |= askChecked
	}
	if a.Besides {
		b[len(b)-1] |= askBesides
	}
	b = append(append(b, a.ID[:]...), a.Secret[:]...)
	b = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, a.Part), a.Limit)
	b = append(b, byte(len(a.Ranges)))
	for _, r := range a.Ranges {
		for _, v := range []uint32{r.Piece, r.Count, r.Offset} {
			b = binary.BigEndian.AppendUint32(b, v)
		}
	}
	return b
}

// ParseAsk reads what Marshal wrote, and nothing else. Whether the attachment has such pieces is not judged here.
func ParseAsk(b []byte) (*Ask, error) {
	s := cryptobyte.String(b)
	a := &Ask{}
	var flags, n uint8
	if !readShort(&s, &a.From) || !readShort(&s, &a.To) || !readTime(&s, &a.At) || !s.ReadUint32(&a.Serial) || !s.CopyBytes(a.Root[:]) ||
		!s.ReadUint8(&a.Attachment) || !s.ReadUint32(&a.Here) || !s.ReadUint8(&flags) || !s.CopyBytes(a.ID[:]) || !s.CopyBytes(a.Secret[:]) ||
		!s.ReadUint32(&a.Part) || !s.ReadUint32(&a.Limit) || !s.ReadUint8(&n) || n > MaxAskRanges {
		return nil, malformed("an ask")
	}
	next, total := uint64(0), uint64(0)
	for range n {
		var r PieceRange
		if !s.ReadUint32(&r.Piece) || !s.ReadUint32(&r.Count) || !s.ReadUint32(&r.Offset) || uint64(r.Piece) < next || r.Count == 0 || r.Offset >= MaxCarried {
			return nil, malformed("an ask's ranges")
		}
		next, total = uint64(r.Piece)+uint64(r.Count), total+uint64(r.Count)
		a.Ranges = append(a.Ranges, r)
	}
	if !s.Empty() || flags > askChecked|askBesides || a.Serial == 0 || a.Attachment == 0 || a.Attachment > MaxAttachments || total > MaxAsked ||
		a.Part < MinPart || a.Part > MaxPart || a.Limit == 0 || a.Limit > MaxAskBytes {
		return nil, malformed("an ask")
	}
	a.Checked, a.Besides = flags&askChecked != 0, flags&askBesides != 0
	if err := errors.Join(CheckPostName(a.From), CheckPostName(a.To)); err != nil {
		return nil, fmt.Errorf("telegram: an ask: %w (%w)", err, ErrMalformed)
	}
	return a, nil
}
