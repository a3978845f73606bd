package seal

import (
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"

	"chancery.example/chancery/telegram"
)

// Rest seals what a post keeps, under its data key of 32 bytes. It may be used at the same time by many.
type Rest struct{ aead cipher.AEAD }

// NewRest takes the post's data key.
func NewRest(key []byte) (*Rest, error) {
	if len(key) != 32 {
		return nil, fmt.Errorf("seal: a data key has 32 bytes, not %d", len(key))
	}
	aead, err := randomNonceGCM(key)
	if err != nil {
		return nil, err
	}
	return &Rest{aead}, nil
}

// Seal seals b for one place, such as "filed 17". The place is bound and not kept: what is moved to another place does not open there.
func (r *Rest) Seal(place string, b []byte) []byte {
	return r.aead.Seal(nil, nil, b, []byte(telegram.LabelRest+place))
}

// Open opens what Seal sealed for the same place.
func (r *Rest) Open(place string, sealed []byte) ([]byte, error) {
	b, err := r.aead.Open(nil, nil, sealed, []byte(telegram.LabelRest+place))
	if err != nil {
		return nil, fmt.Errorf("%s: it was altered, or sealed under another key", place)
	}
	return b, nil
}

// Subkey derives a key of 32 bytes for another purpose from a post's master secret.
func Subkey(secret []byte, purpose string) []byte {
	m := hmac.New(sha256.New, secret)
	m.Write([]byte(telegram.LabelSubkey + purpose))
	return m.Sum(nil)
}
