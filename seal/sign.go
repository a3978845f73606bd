package seal

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"chancery.example/chancery/telegram"
	cosignature "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
)

// SeedSize is the length of a signing key's seed: 32 bytes for Ed25519, 32 for ML-DSA-44.
const SeedSize = 64

// Signer is a signing key of a person, a post or a register. It may be used at the same time by many.
type Signer struct {
	seed []byte
	ed   ed25519.PrivateKey
	pq   *mldsaPrivate
}

// NewSigner makes a new key.
func NewSigner() *Signer {
	seed := make([]byte, SeedSize)
	rand.Read(seed)
	s, err := SignerFromSeed(seed)
	if err != nil {
		panic(err) // the length is right
	}
	return s
}

// SignerFromSeed makes the key of a seed of 64 bytes.
func SignerFromSeed(seed []byte) (*Signer, error) {
	if len(seed) != SeedSize {
		return nil, fmt.Errorf("seal: a signing key's seed has %d bytes, not %d", SeedSize, len(seed))
	}
	return &Signer{slices.Clone(seed), ed25519.NewKeyFromSeed(seed[:32]), newMLDSAPrivate([32]byte(seed[32:]))}, nil
}

// Seed is the secret that SignerFromSeed takes. It is for key files only.
func (s *Signer) Seed() []byte { return slices.Clone(s.seed) }

// Public gives the two public keys, 32 and 1,312 bytes.
func (s *Signer) Public() (ed, pq []byte) {
	return slices.Clone(s.ed.Public().(ed25519.PublicKey)), s.pq.public()
}

// Verifier is the signer's other half.
func (s *Signer) Verifier() *Verifier {
	v, err := NewVerifier(s.Public())
	if err != nil {
		panic(err)
	}
	return v
}

// Sign signs message under a label with both keys.
func (s *Signer) Sign(label string, message []byte) (ed, pq []byte) {
	return s.signEd(label, message), s.pq.sign(label, message)
}

func (s *Signer) signEd(label string, message []byte) []byte {
	return ed25519.Sign(s.ed, slices.Concat([]byte(label), message))
}

// Verifier checks what a Signer signed. It may be used at the same time by many.
type Verifier struct {
	ed ed25519.PublicKey
	pq *mldsaPublic
}

// NewVerifier takes the two public keys.
func NewVerifier(ed, pq []byte) (*Verifier, error) {
	if len(ed) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("seal: an Ed25519 key has %d bytes, not %d", ed25519.PublicKeySize, len(ed))
	}
	q, err := newMLDSAPublic(pq)
	if err != nil {
		return nil, err
	}
	return &Verifier{slices.Clone(ed), q}, nil
}

// Verify says whether both signatures hold.
func (v *Verifier) Verify(label string, message, ed, pq []byte) bool {
	return v.verifyEd(label, message, ed) && v.pq.verify(label, message, pq)
}

func (v *Verifier) verifyEd(label string, message, sig []byte) bool {
	return ed25519.Verify(v.ed, slices.Concat([]byte(label), message), sig)
}

// HandOver is the drafter's act: it signs D.
func HandOver(t *telegram.Telegram, drafter *Signer) (draft []byte) {
	d, _ := t.Roots()
	return drafter.signEd(telegram.LabelDraft, d[:])
}

// Release is the releaser's act: it signs R, with both keys.
func Release(t *telegram.Telegram, releaser *Signer) (ed, pq []byte) {
	_, r := t.Roots()
	return releaser.Sign(telegram.LabelRelease, r[:])
}

var (
	errDraft   = errors.New("the drafter's signature does not hold")
	errRelease = errors.New("the releaser's signature does not hold")
)

// CheckDraft says whether the drafter handed over what has D.
func CheckDraft(d telegram.Root, draft []byte, drafter *Verifier) error {
	if !drafter.verifyEd(telegram.LabelDraft, d[:], draft) {
		return errDraft
	}
	return nil
}

// CheckRelease says whether both people signed: the drafter D, the releaser R, by both algorithms.
func CheckRelease(d, r telegram.Root, s *telegram.Signatures, drafter, releaser *Verifier) error {
	if err := CheckDraft(d, s.Draft, drafter); err != nil {
		return err
	}
	return CheckReleased(r, s.Release, s.ReleasePQ, releaser)
}

// CheckReleased says whether the releaser signed R, by both algorithms. The drafter is not judged: a disclosure shows no D.
func CheckReleased(r telegram.Root, ed, pq []byte, releaser *Verifier) error {
	if !releaser.Verify(telegram.LabelRelease, r[:], ed, pq) {
		return errRelease
	}
	return nil
}

// CheckBrief says whether both people signed, by Ed25519 alone: the releaser's ML-DSA-44 signature is still to come.
func CheckBrief(d, r telegram.Root, s *telegram.Signatures, drafter, releaser *Verifier) error {
	if err := CheckDraft(d, s.Draft, drafter); err != nil {
		return err
	}
	if !releaser.verifyEd(telegram.LabelRelease, r[:], s.Release) {
		return errRelease
	}
	return nil
}

// The algorithm numbers of C2SP signed-note keys.
const (
	algCosignatureEd25519 = 0x04
	algCosignatureMLDSA44 = 0x06
)

// Cosigners give the key as signers of a log's checkpoints, Ed25519 then ML-DSA-44: C2SP tlog-cosignature. The name says whose
// they are and has no space and no plus.
func (s *Signer) Cosigners(name string) ([]note.Signer, error) {
	skey := func(alg byte, secret []byte, public []byte) string {
		return fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", name, noteKeyHash(name, alg, public), base64.StdEncoding.EncodeToString(append([]byte{alg}, secret...)))
	}
	ed, pq := s.Public()
	a, err := cosignature.NewSignerForCosignatureV1(skey(algCosignatureEd25519, s.seed[:32], ed))
	if err != nil {
		return nil, fmt.Errorf("seal: a checkpoint signer named %q: %w", name, err)
	}
	b, err := cosignature.NewMLDSASigner(skey(algCosignatureMLDSA44, s.seed[32:], pq))
	if err != nil {
		return nil, fmt.Errorf("seal: a checkpoint signer named %q: %w", name, err)
	}
	return []note.Signer{a, b}, nil
}

// Cosigners give the key as verifiers of a log's checkpoints: see [Signer.Cosigners].
func (v *Verifier) Cosigners(name string) ([]note.Verifier, error) {
	vkey := func(alg byte, public []byte) string {
		return fmt.Sprintf("%s+%08x+%s", name, noteKeyHash(name, alg, public), base64.StdEncoding.EncodeToString(append([]byte{alg}, public...)))
	}
	a, err := cosignature.NewVerifierForCosignatureV1(vkey(algCosignatureEd25519, v.ed))
	if err != nil {
		return nil, fmt.Errorf("seal: a checkpoint verifier named %q: %w", name, err)
	}
	b, err := cosignature.NewVerifierForCosignatureV1(vkey(algCosignatureMLDSA44, v.pq.bytes()))
	if err != nil {
		return nil, fmt.Errorf("seal: a checkpoint verifier named %q: %w", name, err)
	}
	return []note.Verifier{a, b}, nil
}

// noteKeyHash is the key id of C2SP signed-note.
func noteKeyHash(name string, alg byte, public []byte) uint32 {
	h := sha256.Sum256(slices.Concat([]byte(name), []byte{'\n', alg}, public))
	return binary.BigEndian.Uint32(h[:])
}
