package telegram

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/mod/sumdb/tlog"
)

// PartType is the type of envelope that carries a part of a piece of an attachment, to the post that asked for it.
const PartType = 3

// PartL0Len is the length of what such an envelope shows in clear.
//
//	L0 = u8 version 1 «4 | type 3 ‖ routing code 3 ‖ u8 flags «3 | precedence ‖ ask 8 ‖ u32 number
//
// ask is what the receiver chose at random when it asked, number counts the envelopes that answer it. They are the first 12 bytes of the ID.
const PartL0Len = 17

const partID = PartL0Len - 5

// A piece travels with its audit path: carried = u8 n ‖ n × hash 32 ‖ sealed piece.
const (
	maxPath    = 14 // hashes: no attachment has more than 1 << 14 pieces
	MaxCarried = 1 + maxPath*tlog.HashSize + SealedPiece

	MinPart = 256        // bytes of a piece that one envelope has, unless it is the last
	MaxPart = MaxCarried // a whole piece
)

// partL0 is the clear part of an envelope of PartType.
func (e *Envelope) partL0() []byte {
	b := append(make([]byte, 0, PartL0Len), 1<<4|PartType)
	b = append(append(b, e.To[:]...), byte(e.Precedence))
	return append(b, e.ID[:partID]...)
}

// parsePart reads an envelope of PartType, whose first byte was seen.
func parsePart(b []byte) (e Envelope, err error) {
	switch {
	case len(b) <= PartL0Len || len(b) > PartCost+MaxPart:
		return e, malformed(fmt.Sprintf("an envelope of %d bytes", len(b)))
	case b[4] > byte(Override):
		return e, malformed(fmt.Sprintf("an envelope of unknown flags or precedence %#02x", b[4]))
	}
	e = Envelope{Type: PartType, To: Route(b[1:4]), Precedence: Precedence(b[4]), Body: b[PartL0Len:]}
	copy(e.ID[:], b[5:PartL0Len])
	return e, nil
}

// PartID makes the ID of an envelope of PartType.
func PartID(ask [8]byte, number uint32) (id [16]byte) {
	copy(id[:], ask[:])
	binary.BigEndian.PutUint32(id[8:], number)
	return id
}

// Ask is what the envelope answers, when it is of PartType.
func (e *Envelope) Ask() [8]byte { return [8]byte(e.ID[:8]) }

// PiecePart is a part of a piece as it is carried, sealed by itself.
//
//	part = u32 piece ‖ u32 offset ‖ u32 length of the whole ‖ bytes
type PiecePart struct {
	Piece  uint32 // from 0
	Offset uint32 // of its first byte
	Whole  uint32 // bytes of the piece as it is carried
	Bytes  []byte
}

// PartCost is what a part has besides its bytes, sealed and with its L0.
const PartCost = PartL0Len + PieceCost + 12

// Marshal writes the part.
func (p *PiecePart) Marshal() []byte {
	b := make([]byte, 0, 12+len(p.Bytes))
	for _, v := range []uint32{p.Piece, p.Offset, p.Whole} {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	return append(b, p.Bytes...)
}

// ParsePiecePart reads what Marshal wrote. The part keeps b.
func ParsePiecePart(b []byte) (p PiecePart, err error) {
	s := cryptobyte.String(b)
	if !s.ReadUint32(&p.Piece) || !s.ReadUint32(&p.Offset) || !s.ReadUint32(&p.Whole) || len(s) == 0 || p.Whole > MaxCarried ||
		p.Offset > p.Whole || int64(len(s)) > int64(p.Whole-p.Offset) {
		return PiecePart{}, malformed("a part of a piece")
	}
	p.Bytes = s
	return p, nil
}

// Carry writes a sealed piece with its path, as it is carried.
func Carry(path []tlog.Hash, sealed []byte) []byte {
	b := make([]byte, 0, 1+len(path)*tlog.HashSize+len(sealed))
	return append(appendHashes(append(b, byte(len(path))), path), sealed...)
}

// Carried reads what Carry wrote. The sealed piece is of b.
func Carried(b []byte) (path []tlog.Hash, sealed []byte, err error) {
	s := cryptobyte.String(b)
	var n uint8
	if !s.ReadUint8(&n) || n > maxPath || !readHashes(&s, &path, int(n)) || len(s) == 0 || len(s) > SealedPiece {
		return nil, nil, malformed("a piece")
	}
	return path, s, nil
}
