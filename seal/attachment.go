package seal

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"

	"chancery.example/chancery/telegram"
)

// AttachmentKey seals and opens the pieces of one attachment, and makes the digest of its file: see the package comment. It may be used by many at the
// same time.
type AttachmentKey struct {
	pieces cipher.AEAD
	digest []byte
	length int64
}

// NewAttachmentKey takes the attachment's secret and the length of its file.
func NewAttachmentKey(secret [32]byte, length int64) (*AttachmentKey, error) {
	if length < 0 || length > telegram.MaxAttachment {
		return nil, fmt.Errorf("seal: no attachment has %d bytes", length)
	}
	key, err := hkdf.Key(sha256.New, secret[:], nil, telegram.LabelPiece, 32)
	if err != nil {
		return nil, fmt.Errorf("the key of an attachment: %w", err)
	}
	k := &AttachmentKey{length: length}
	if k.pieces, err = randomNonceGCM(key); err != nil {
		return nil, fmt.Errorf("the key of an attachment: %w", err)
	}
	if k.digest, err = hkdf.Key(sha256.New, secret[:], nil, telegram.LabelAttached, 32); err != nil {
		return nil, fmt.Errorf("the key of an attachment: %w", err)
	}
	return k, nil
}

// place is the associated data of a piece: which it is, and whether it is the last.
func (k *AttachmentKey) place(i int) []byte {
	b := binary.BigEndian.AppendUint32([]byte(telegram.LabelPieceData), uint32(i))
	if i == telegram.Pieces(k.length)-1 {
		return append(b, 1)
	}
	return append(b, 0)
}

// Seal seals piece i, from 0: all the bytes that the file has there.
func (k *AttachmentKey) Seal(i int, data []byte) ([]byte, error) {
	if i < 0 || i >= telegram.Pieces(k.length) {
		return nil, fmt.Errorf("seal: the file has no piece %d", i)
	}
	size, n := telegram.PieceLen(k.length, i)
	if len(data) != n {
		return nil, fmt.Errorf("seal: piece %d of the file has %d bytes, not %d", i, n, len(data))
	}
	if size > n {
		data = append(make([]byte, 0, size), data...)[:size]
	}
	return k.pieces.Seal(nil, nil, data, k.place(i)), nil
}

// Open opens piece i, and gives the bytes that the file has there.
func (k *AttachmentKey) Open(i int, sealed []byte) ([]byte, error) {
	if i < 0 || i >= telegram.Pieces(k.length) {
		return nil, errors.New("the file has no such piece")
	}
	clear, err := k.pieces.Open(nil, nil, sealed, k.place(i))
	if err != nil {
		return nil, errors.New("it is not sealed under the attachment's key, or not as this piece, or was altered")
	}
	size, n := telegram.PieceLen(k.length, i)
	if len(clear) != size {
		return nil, errors.New("it has another length than its place")
	}
	for _, x := range clear[n:] {
		if x != 0 {
			return nil, errors.New("there is something behind its end")
		}
	}
	return clear[:n], nil
}

// Digest begins the digest of the file: write all of it, and take the sum.
func (k *AttachmentKey) Digest() hash.Hash { return hmac.New(sha256.New, k.digest) }

// PartKey seals and opens what answers one ask for pieces. It may be used by many at the same time.
type PartKey struct{ aead cipher.AEAD }

// NewPartKey takes the ask's secret.
func NewPartKey(secret [32]byte) (*PartKey, error) {
	key, err := hkdf.Key(sha256.New, secret[:], nil, telegram.LabelPart, 32)
	if err != nil {
		return nil, fmt.Errorf("the key of an ask: %w", err)
	}
	aead, err := randomNonceGCM(key)
	if err != nil {
		return nil, fmt.Errorf("the key of an ask: %w", err)
	}
	return &PartKey{aead}, nil
}

// Seal seals a part into e, whose To, Precedence and ID are set.
func (k *PartKey) Seal(e *telegram.Envelope, p *telegram.PiecePart) {
	e.Type = telegram.PartType
	e.Body = k.aead.Seal(nil, nil, p.Marshal(), e.L0())
}

// Open opens what Seal sealed.
func (k *PartKey) Open(e *telegram.Envelope) (telegram.PiecePart, error) {
	clear, err := k.aead.Open(nil, nil, e.Body, e.L0())
	if err != nil {
		return telegram.PiecePart{}, refuse("not sealed to what was asked, or altered")
	}
	return telegram.ParsePiecePart(clear)
}
