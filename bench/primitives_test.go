package bench

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"chancery.example/chancery/seal"
	"chancery.example/chancery/telegram"
)

// once gives a function that seals and opens one letter with the primitives alone, with room of its own for what it makes.
func (p *primitives) once() func() {
	own := *p
	own.pqSig = append([]byte(nil), p.pqSig...)
	return func() {
		own.seal()
		own.open()
	}
}

// reach is how many telegrams a second the primitives alone would come to on all processors.
func reach(n int, once func() func()) float64 {
	var next atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			do := once()
			for next.Add(1) <= int64(n) {
				do()
			}
		})
	}
	wg.Wait()
	return float64(n) / time.Since(start).Seconds()
}

// framePrimitives are those of one frame with a telegram. The releaser's ML-DSA-44 signature, which follows later, is not among them.
type framePrimitives struct {
	primitives
	key []byte
}

func newFramePrimitives(s *sent) *framePrimitives {
	p := &framePrimitives{*newPrimitives(s), make([]byte, 32)}
	rand.Read(p.key)
	l := seal.Letter{From: "MOSCOW", To: "BEIJING", DirectorySize: 22, Payload: telegram.OpensChain([]byte{1})}
	e := telegram.Envelope{To: telegram.Route{1, 2, 3}, Precedence: telegram.Routine}
	if err := l.Seal(&e, s.to, s.from); err != nil {
		panic(err)
	}
	section := telegram.Section{Circuit: 1, Special: 1691, Lane: 17, Serial: 2522, I: 1, N: 1, Brief: true, Piece: s.reg.Brief()}
	if err := l.Chain().Seal(&e, 0, append([]byte{22}, section.MarshalFrame()...)); err != nil {
		panic(err)
	}
	p.clear = make([]byte, len(e.Body)-12-16)
	return p
}

// aeadOf derives a frame's key: of a tree's nodes there are two for each leaf, and one key more.
func (p *framePrimitives) aeadOf() cipher.AEAD {
	key := p.key
	for range 3 {
		key = must(hkdf.Expand(sha256.New, key, telegram.LabelTree+"0", 32))
	}
	return must(cipher.NewGCMWithRandomNonce(must(aes.NewCipher(key))))
}

func (p *framePrimitives) once() func() {
	own := *p
	return func() {
		sealed := own.aeadOf().Seal(nil, nil, own.clear, nil)
		must(own.aeadOf().Open(nil, nil, sealed, nil))
		for range 2 { // the drafter, the releaser
			if !ed25519.Verify(own.ed.Public().(ed25519.PublicKey), own.message, own.edSig) {
				panic("Ed25519")
			}
		}
		bytes.IndexByte(own.message, 1)
		own.hash()
	}
}
