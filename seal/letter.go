package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hpke"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"chancery.example/chancery/telegram"
)

const (
	sizeEnc   = 1120
	sizeNonce = 12
	sizeTag   = 16
	overhead  = sizeEnc + sizeNonce + sizeTag
)

func kem() hpke.KEM { return hpke.MLKEM768X25519() }

// LetterKey is a post's private key of a period: whoever has it opens the letters sealed to it.
type LetterKey struct {
	key  hpke.PrivateKey
	hash [32]byte // SHA-256 of the public key
}

// NewLetterKey makes one.
func NewLetterKey() (*LetterKey, error) {
	k, err := kem().GenerateKey()
	if err != nil {
		return nil, fmt.Errorf("making a letter key: %w", err)
	}
	return letterKey(k), nil
}

// ParseLetterKey reads what Bytes wrote: X-Wing's seed of 32 bytes.
func ParseLetterKey(b []byte) (*LetterKey, error) {
	k, err := kem().NewPrivateKey(b)
	if err != nil {
		return nil, fmt.Errorf("reading a letter key: %w", err)
	}
	return letterKey(k), nil
}

func letterKey(k hpke.PrivateKey) *LetterKey {
	return &LetterKey{k, sha256.Sum256(k.PublicKey().Bytes())}
}

// Bytes is the secret. It is for key files only.
func (k *LetterKey) Bytes() ([]byte, error) { return k.key.Bytes() }

// Public is the X-Wing public key, 1,216 bytes.
func (k *LetterKey) Public() []byte { return k.key.PublicKey().Bytes() }

// Recipient is another post's letter key, to seal to.
type Recipient struct {
	key  hpke.PublicKey
	hash [32]byte
}

// NewRecipient takes the public key.
func NewRecipient(public []byte) (*Recipient, error) {
	k, err := kem().NewPublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("seal: that is no X-Wing key: %w", err)
	}
	return &Recipient{k, sha256.Sum256(public)}, nil
}

// Letter is what is said in a letter, and by and to whom.
type Letter struct {
	From, To      string // posts
	DirectorySize uint64 // the directory version by which the sender judged
	DirectoryRoot [32]byte
	Payload       []byte // telegram.Section or telegram.Service
	chain         *Chain

	Proof Proof // of a letter that was opened
}

// Proof is what the sending post signed with a letter: it proves to anybody who has the payload, and not the letter, that this post said this to that one.
type Proof struct {
	Transcript []byte `json:"transcript"` // see the package comment
	Ed         []byte `json:"ed25519"`
	PQ         []byte `json:"mldsa44"`
}

// Check says whether a post said what the payload says.
func (p *Proof) Check(payload []byte, post *Verifier) error {
	h := sha256.Sum256(payload)
	if !bytes.HasSuffix(p.Transcript, h[:]) {
		return errors.New("the letter said something else")
	}
	if !post.Verify(telegram.LabelLetter, p.Transcript, p.Ed, p.PQ) {
		return errors.New("the post's signature on the letter does not hold")
	}
	return nil
}

// Chain is the chain of frames that the letter opens; nil before it was sealed or opened. Both ends have it. Whether it is used is for the
// payload to say.
func (l *Letter) Chain() *Chain { return l.chain }

// Seal seals a letter into e, whose To, Precedence and KeyID are set; it makes the message id and the body.
func (l *Letter) Seal(e *telegram.Envelope, to *Recipient, identity *Signer) error {
	if err := errors.Join(telegram.CheckPostName(l.From), telegram.CheckPostName(l.To)); err != nil {
		return fmt.Errorf("sealing a letter: %w", err)
	}
	signed := len(l.head()) + len(l.Payload) + telegram.SizeEd25519 + telegram.SizeMLDSA44
	if n := telegram.L0Len + overhead + paddedLen(signed); n > telegram.MaxEnvelope {
		return fmt.Errorf("sealing a letter: it would have %d bytes, more than any post reads", n)
	}
	e.Type = telegram.Letter
	rand.Read(e.ID[:])
	l0 := e.L0()
	enc, sender, err := hpke.NewSender(to.key, hpke.HKDFSHA256(), hpke.ExportOnly(), letterInfo(l0, to.hash))
	if err != nil {
		return fmt.Errorf("sealing a letter: %w", err)
	}
	aead, chain, err := letterKeys(sender.Export, l0, enc)
	if err != nil {
		return fmt.Errorf("sealing a letter: %w", err)
	}
	l.chain = chain
	ed, pq := identity.Sign(telegram.LabelLetter, l.transcript(l0, enc, to.hash))
	clear := slices.Concat(l.head(), l.Payload, ed, pq)
	e.Body = aead.Seal(enc, nil, pad(clear), l0)
	return nil
}

// head is what the letter says before its payload.
func (l *Letter) head() []byte {
	b := append([]byte{byte(len(l.From))}, l.From...)
	b = binary.BigEndian.AppendUint64(b, l.DirectorySize)
	return append(b, l.DirectoryRoot[:]...)
}

// transcript is what the post signs: see the package comment.
func (l *Letter) transcript(l0, enc []byte, key [32]byte) []byte {
	e, p := sha256.Sum256(enc), sha256.Sum256(l.Payload)
	b := slices.Concat(l0, e[:], key[:])
	b = append(append(b, byte(len(l.From))), l.From...)
	b = append(append(b, byte(len(l.To))), l.To...)
	b = binary.BigEndian.AppendUint64(b, l.DirectorySize)
	return slices.Concat(b, l.DirectoryRoot[:], p[:])
}

func letterInfo(l0 []byte, key [32]byte) []byte {
	return slices.Concat([]byte(telegram.LabelHPKE), l0, key[:])
}

// letterKeys derives the letter's one AES key, and its chain. An HPKE context makes one letter and no more.
func letterKeys(export func(string, int) ([]byte, error), l0, enc []byte) (cipher.AEAD, *Chain, error) {
	secret, err := export(telegram.LabelExport, 32)
	if err != nil {
		return nil, nil, err
	}
	h := sha256.Sum256(slices.Concat(l0, enc))
	key, err := hkdf.Key(sha256.New, secret, nil, telegram.LabelSeal+"\x00"+string(h[:]), 32)
	if err != nil {
		return nil, nil, err
	}
	chain, err := newChain(secret, h)
	if err != nil {
		return nil, nil, err
	}
	aead, err := randomNonceGCM(key)
	return aead, chain, err
}

func randomNonceGCM(key []byte) (cipher.AEAD, error) {
	b, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(b)
}

// ErrRefused is the one error for every letter that is not accepted.
var ErrRefused = errors.New("refused")

// refused carries the reason past the one error: only Reason sees it.
type refused struct{ why string }

func (refused) Error() string { return ErrRefused.Error() }
func (refused) Unwrap() error { return ErrRefused }
func refuse(why string) error { return refused{why} }

// Reason is why a letter was refused, for the local log and nobody else.
func Reason(err error) string {
	var r refused
	if errors.As(err, &r) {
		return r.why
	}
	if err == nil {
		return ""
	}
	return err.Error()
}

// Open opens an envelope with the post's letter key and gives what it says, once both of the sending post's signatures hold. to is the
// name of this post; identity gives the key of the post that the letter names as its sender, or nil when the directory has none.
func Open(e *telegram.Envelope, key *LetterKey, to string, identity func(from string) *Verifier) (*Letter, error) {
	l0 := e.L0()
	if len(e.Body) < overhead+minPadded {
		return nil, refuse("too short")
	}
	enc := e.Body[:sizeEnc]
	recipient, err := hpke.NewRecipient(enc, key.key, hpke.HKDFSHA256(), hpke.ExportOnly(), letterInfo(l0, key.hash))
	if err != nil {
		return nil, refuse("the encapsulated key")
	}
	aead, chain, err := letterKeys(recipient.Export, l0, enc)
	if err != nil {
		return nil, refuse("the key schedule")
	}
	padded, err := aead.Open(nil, nil, e.Body[sizeEnc:], l0)
	if err != nil {
		return nil, refuse("not sealed to this key, or altered")
	}
	clear, ok := unpad(padded)
	if !ok {
		return nil, refuse("the padding")
	}
	l := &Letter{To: to, chain: chain}
	ed, pq, ok := l.read(clear)
	if !ok {
		return nil, refuse("the letter's form")
	}
	v := identity(l.From)
	if v == nil {
		return nil, refuse("the directory has no such sender")
	}
	l.Proof = Proof{l.transcript(l0, enc, key.hash), ed, pq}
	if !v.Verify(telegram.LabelLetter, l.Proof.Transcript, ed, pq) {
		return nil, refuse("the sending post's signature")
	}
	return l, nil
}

// read takes the opened bytes apart.
func (l *Letter) read(clear []byte) (ed, pq []byte, ok bool) {
	if len(clear) < 1 {
		return nil, nil, false
	}
	n := int(clear[0])
	payload := 1 + n + 8 + 32
	end := len(clear) - telegram.SizeEd25519 - telegram.SizeMLDSA44
	if payload > end {
		return nil, nil, false
	}
	l.From = string(clear[1 : 1+n])
	l.DirectorySize = binary.BigEndian.Uint64(clear[1+n:])
	l.DirectoryRoot = [32]byte(clear[1+n+8 : payload])
	l.Payload = clear[payload:end]
	return clear[end : end+telegram.SizeEd25519], clear[end+telegram.SizeEd25519:], true
}
