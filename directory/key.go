package directory

import (
	"bytes"
	"crypto/hpke"
	"errors"
	"fmt"

	"filippo.io/edwards25519"
	"filippo.io/mldsa"
	"github.com/nats-io/nkeys"
)

// PublicKey is one signing key: two algorithms, and nothing counts that is not signed with both. The bytes are as the standards
// encode them; who verifies parses them, and may keep what came of it. They are read only.
type PublicKey struct {
	Ed25519 []byte // 32 bytes, RFC 8032
	MLDSA   []byte // 1312 bytes, ML-DSA-44 of FIPS 204
}

// Signature is what a PublicKey verifies. Ed25519 signs label ‖ message; ML-DSA-44 signs the message with the label as its context.
type Signature struct {
	Ed25519 []byte // 64 bytes
	MLDSA   []byte // 2420 bytes
}

const (
	ed25519SignatureSize = 64
	mlkemSize            = 1184 // of the 1216 bytes of an X-Wing key; the other 32 are X25519
)

func (k PublicKey) check() error {
	if err := checkEd25519(k.Ed25519); err != nil {
		return err
	}
	if _, err := mldsa.NewPublicKey(mldsa.MLDSA44(), k.MLDSA); err != nil {
		return fmt.Errorf("the ML-DSA-44 key does not parse: %w", err)
	}
	return nil
}

func (s Signature) check() error {
	if len(s.Ed25519) != ed25519SignatureSize || len(s.MLDSA) != mldsa.MLDSA44SignatureSize {
		return fmt.Errorf("a signature has %d bytes of Ed25519 and %d of ML-DSA-44, not %d and %d",
			ed25519SignatureSize, mldsa.MLDSA44SignatureSize, len(s.Ed25519), len(s.MLDSA))
	}
	return nil
}

// checkEd25519 refuses what crypto/ed25519 would accept: under a key of small order one signature is good for nearly any message,
// and a key with two encodings would pass as two keys.
func checkEd25519(b []byte) error {
	p, err := new(edwards25519.Point).SetBytes(b)
	switch {
	case err != nil:
		return errors.New("the Ed25519 key is no point of the curve")
	case !bytes.Equal(p.Bytes(), b):
		return errors.New("the Ed25519 key is not written in its canonical form")
	case new(edwards25519.Point).MultByCofactor(p).Equal(edwards25519.NewIdentityPoint()) == 1:
		return errors.New("the Ed25519 key is of small order: anybody could sign for it")
	}
	return nil
}

// checkXWing refuses a key to which nothing can be sealed. The parser does not look at the order of the X25519 half, the exchange
// does; so something is sealed to it here, and thrown away.
func checkXWing(b []byte) error {
	key, err := hpke.MLKEM768X25519().NewPublicKey(b)
	if err != nil {
		return fmt.Errorf("the X-Wing key does not parse: %w", err)
	}
	if _, _, err := hpke.NewSender(key, hpke.HKDFSHA256(), hpke.ExportOnly(), nil); err != nil {
		return fmt.Errorf("nothing can be sealed to the X-Wing key, its X25519 half is of small order: %w", err)
	}
	return nil
}

// loginKey gives the Ed25519 key that a broker knows as "U…".
func loginKey(login string) ([]byte, error) {
	raw, err := nkeys.Decode(nkeys.PrefixByteUser, []byte(login))
	if err != nil {
		return nil, fmt.Errorf("the login is no user's public nkey: %w", err)
	}
	return raw, checkEd25519(raw)
}
