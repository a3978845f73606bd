package bench

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/mlkem"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha3"
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"chancery.example/chancery/seal"
	"chancery.example/chancery/telegram"
	"filippo.io/mldsa"
	"github.com/cloudflare/circl/sign/mldsa/mldsa44"
)

// text is words of a length of which telegrams are made.
func text(size int) string {
	const words = "The minister of foreign affairs received me today and stated that his government agrees to the five points. "
	return strings.TrimSpace(strings.Repeat(words, size/len(words)+1)[:size])
}

// body is a telegram of 2 KiB as written, or a little less.
const bodySize = 2048 - 200

// sent is a registered telegram, and all that two posts need for one letter with it.
type sent struct {
	drafter, releaser, from *seal.Signer
	people                  [3]*seal.Verifier // of the three
	key                     *seal.LetterKey
	to                      *seal.Recipient
	reg                     *telegram.Registered
	written                 []byte
}

func newSent() *sent {
	s := &sent{drafter: seal.NewSigner(), releaser: seal.NewSigner(), from: seal.NewSigner(), key: must(seal.NewLetterKey())}
	s.people = [3]*seal.Verifier{s.drafter.Verifier(), s.releaser.Verifier(), s.from.Verifier()}
	s.to = must(seal.NewRecipient(s.key.Public()))
	now := time.Now().Unix()
	t := &telegram.Telegram{From: telegram.Address{Office: "MINISTRY", Post: "MOSCOW"}, Drafter: telegram.KeyRef{Person: 1, Key: 1},
		To:  []telegram.Addressee{{Address: telegram.Address{Office: "AMBASSADOR", Post: "BEIJING"}, Precedence: telegram.Routine}},
		DTG: now, Releaser: telegram.KeyRef{Person: 2, Key: 1}, Released: now, RegisterBy: now + 3600,
		Body: []telegram.Block{{Kind: telegram.Paragraph, Text: text(bodySize)}}}
	rand.Read(t.Seed[:])
	s.reg = &telegram.Registered{Released: telegram.Released{Telegram: t}}
	s.reg.Draft = seal.HandOver(t, s.drafter)
	s.reg.Release, s.reg.ReleasePQ = seal.Release(t, s.releaser)
	s.reg.Numbers = telegram.Numbers{Year: uint16(time.Now().UTC().Year()), Register: 23343, Registered: now, Serials: []telegram.Serial{{Post: "BEIJING", Number: 2522}}}
	s.written = s.reg.Marshal()
	return s
}

func (s *sent) seal() []byte {
	piece := must(telegram.Cut(s.written, 32<<10))[0]
	section := telegram.Section{Circuit: 1, Special: 1691, Lane: 17, Serial: 2522, I: 1, N: 1, Piece: piece}
	l := seal.Letter{From: "MOSCOW", To: "BEIJING", DirectorySize: 22, Payload: section.Marshal()}
	e := telegram.Envelope{To: telegram.Route{1, 2, 3}, Precedence: telegram.Routine}
	if err := l.Seal(&e, s.to, s.from); err != nil {
		panic(err)
	}
	return e.Marshal()
}

func (s *sent) open(envelope []byte) {
	e := must(telegram.ParseEnvelope(envelope))
	l := must(seal.Open(&e, s.key, "BEIJING", func(string) *seal.Verifier { return s.people[2] }))
	section := must(telegram.ParseSection(l.Payload))
	r := must(telegram.ParseRegistered(section.Piece))
	d, root := r.Telegram.Roots()
	if err := seal.CheckRelease(d, root, &r.Signatures, s.people[0], s.people[1]); err != nil {
		panic(err)
	}
	telegram.EntryHash(r.OutEntry(root, &r.Numbers))
}

// primitives are those of one letter with a telegram, on the same lengths, with keys that are ready.
type primitives struct {
	kem     *mlkem.DecapsulationKey768
	dh      *ecdh.PrivateKey
	ed      ed25519.PrivateKey
	pq      *mldsa44.PrivateKey
	pqPub   *mldsa44.PublicKey
	clear   []byte // what is sealed, with signatures and padding
	leaves  []telegram.Leaf
	message []byte // as long as what is signed

	// What seal made and open takes.
	ctKEM, ctDH, sealed, edSig, pqSig []byte
}

func newPrimitives(s *sent) *primitives {
	p := &primitives{kem: must(mlkem.GenerateKey768()), dh: must(ecdh.X25519().GenerateKey(rand.Reader)), message: make([]byte, 200), pqSig: make([]byte, mldsa44.SignatureSize)}
	_, p.ed, _ = ed25519.GenerateKey(rand.Reader)
	var err error
	if p.pqPub, p.pq, err = mldsa44.GenerateKey(rand.Reader); err != nil {
		panic(err)
	}
	e := must(telegram.ParseEnvelope(s.seal()))
	p.clear = make([]byte, len(e.Body)-mlkem.CiphertextSize768-32-12-16)
	t := s.reg.Telegram
	p.leaves = append(append(t.BodyLeaves(), t.HeadLeaves()...), t.HeadLeaves()...) // R and D share the body's tree
	p.seal()
	return p
}

func (p *primitives) aead(key []byte) cipher.AEAD {
	return must(cipher.NewGCMWithRandomNonce(must(aes.NewCipher(key))))
}

// shared is how X-Wing combines its two halves.
func shared(kem, dh, ct, public []byte) []byte {
	h := sha3.New256()
	for _, b := range [][]byte{kem, dh, ct, public, []byte(`\.//^\`)} {
		h.Write(b)
	}
	return h.Sum(nil)
}

func (p *primitives) seal() {
	once := must(ecdh.X25519().GenerateKey(rand.Reader))
	dh := must(once.ECDH(p.dh.PublicKey()))
	kem, ct := p.kem.EncapsulationKey().Encapsulate()
	p.ctKEM, p.ctDH = ct, once.PublicKey().Bytes()
	p.sealed = p.aead(shared(kem, dh, p.ctDH, p.dh.PublicKey().Bytes())).Seal(nil, nil, p.clear, nil)
	p.edSig = ed25519.Sign(p.ed, p.message)
	if err := mldsa44.SignTo(p.pq, p.message, []byte(telegram.LabelLetter), true, p.pqSig); err != nil {
		panic(err)
	}
	bytes.IndexByte(p.message, 1)
}

func (p *primitives) open() {
	dh := must(p.dh.ECDH(must(ecdh.X25519().NewPublicKey(p.ctDH))))
	kem := must(p.kem.Decapsulate(p.ctKEM))
	must(p.aead(shared(kem, dh, p.ctDH, p.dh.PublicKey().Bytes())).Open(nil, nil, p.sealed, nil))
	for range 3 { // the post, the drafter, the releaser
		if !ed25519.Verify(p.ed.Public().(ed25519.PublicKey), p.message, p.edSig) {
			panic("Ed25519")
		}
	}
	for range 2 { // the post, the releaser
		if !mldsa44.Verify(p.pqPub, p.message, []byte(telegram.LabelLetter), p.pqSig) {
			panic("ML-DSA-44")
		}
	}
	bytes.IndexByte(p.message, 1) // clears the wide registers, as package seal does after circl: or hash takes 5 ms and not 0.1
	p.hash()
}

// hash makes a salt and a hash for each leaf, and a node for each leaf but one.
func (p *primitives) hash() {
	m := hmac.New(sha256.New, p.clear[:32])
	var in, buf, node [65]byte
	for i, l := range p.leaves {
		m.Reset()
		binary.BigEndian.PutUint32(in[:], uint32(i))
		m.Write(in[:len(telegram.LabelSalt)+4])
		b := append(m.Sum(buf[:1]), in[:9]...)
		h := sha256.Sum256(append(b, l.Value...))
		copy(node[1:], h[:])
		h = sha256.Sum256(node[:])
		copy(node[33:], h[:])
	}
}

func sealing(t *testing.T, c counts) []figure {
	s := newSent()
	p, envelope := newPrimitives(s), s.seal()
	var ours, bare [2]float64
	profiled(t, "sealing and opening", func() {
		ours[0], bare[0] = inTurns(c, func() { s.seal() }, p.seal)
		ours[1], bare[1] = inTurns(c, func() { s.open(envelope) }, p.open)
	})
	row := func(name string, ours, bare float64) figure {
		return against(name, ours, "µs", "its primitives", bare).goal("≤ 1.25", ours <= 1.25*bare)
	}
	return []figure{row("seal a telegram of 2 KiB", ours[0], bare[0]), row("open and check it", ours[1], bare[1]), row("both", ours[0]+ours[1], bare[0]+bare[1])}
}

func mldsa44s(_ *testing.T, c counts) []figure {
	var seed [32]byte
	rand.Read(seed[:])
	public, circl := mldsa44.NewKeyFromSeed(&seed)
	filippo := must(mldsa.NewPrivateKey(mldsa.MLDSA44(), seed[:]))
	message, sig := bytes.Repeat([]byte{7}, 200), make([]byte, mldsa44.SignatureSize)
	label := &mldsa.Options{Context: telegram.LabelLetter}
	sign := func() {
		if err := mldsa44.SignTo(circl, message, []byte(label.Context), true, sig); err != nil {
			panic(err)
		}
	}
	ours, theirs := inTurns(c, sign, func() { must(filippo.Sign(nil, message, label)) })
	figures := []figure{against("ML-DSA-44 sign, circl", ours, "µs", "filippo.io/mldsa", theirs)}
	verify := func() {
		if !mldsa44.Verify(public, message, []byte(label.Context), sig) {
			panic("circl")
		}
	}
	key := filippo.PublicKey()
	ours, theirs = inTurns(c, verify, func() {
		if err := mldsa.Verify(key, message, sig, label); err != nil {
			panic(err)
		}
	})
	return append(figures, against("ML-DSA-44 verify, circl", ours, "µs", "filippo.io/mldsa", theirs))
}
