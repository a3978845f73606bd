package seal

import (
	"bytes"
	"errors"

	"github.com/cloudflare/circl/sign/mldsa/mldsa44"
)

// This is the one file that names the library of ML-DSA-44 (FIPS 204). A test signs with it and verifies with filippo.io/mldsa, and
// the other way round: keys and signatures are interchangeable.

// clearWide follows every call into circl, whose AVX2 code leaves the upper halves of the vector registers dirty (it has no
// VZEROUPPER). On some processors the SHA-256 instructions then take some forty times as long, until anything clears them: a search of Go's own in more
// than 32 bytes does. Elsewhere it costs a few nanoseconds.
func clearWide() { bytes.IndexByte(make([]byte, 64), 1) }

type mldsaPrivate struct {
	key *mldsa44.PrivateKey
	pub *mldsaPublic
}

func newMLDSAPrivate(seed [32]byte) *mldsaPrivate {
	defer clearWide()
	p, k := mldsa44.NewKeyFromSeed(&seed)
	return &mldsaPrivate{k, &mldsaPublic{p}}
}

func (k *mldsaPrivate) public() []byte { return k.pub.bytes() }

// sign is hedged: randomness from the system goes into every signature, and a fault in it costs nothing but the hedge.
func (k *mldsaPrivate) sign(label string, message []byte) []byte {
	defer clearWide()
	sig := make([]byte, mldsa44.SignatureSize)
	if err := mldsa44.SignTo(k.key, message, []byte(label), true, sig); err != nil {
		panic("seal: " + err.Error()) // only a label of more than 255 bytes
	}
	return sig
}

type mldsaPublic struct{ key *mldsa44.PublicKey }

func newMLDSAPublic(b []byte) (*mldsaPublic, error) {
	defer clearWide()
	k := new(mldsa44.PublicKey)
	if err := k.UnmarshalBinary(b); err != nil {
		return nil, errors.New("seal: an ML-DSA-44 key has 1312 bytes")
	}
	return &mldsaPublic{k}, nil
}

func (k *mldsaPublic) bytes() []byte { return k.key.Bytes() }

func (k *mldsaPublic) verify(label string, message, sig []byte) bool {
	defer clearWide()
	return mldsa44.Verify(k.key, message, []byte(label), sig)
}
