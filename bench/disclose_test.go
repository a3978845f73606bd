package bench

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"testing"

	"chancery.example/chancery/seal"
	"chancery.example/chancery/telegram"
	"github.com/cloudflare/circl/sign/mldsa/mldsa44"
)

// disclosing makes and checks disclosures of telegrams of 2,000 and 200,000 characters, with one word in 18 withheld. The register's proof, which is the same for all,
// is not among it. The least that making takes is a salt, a leaf's hash and a node for each leaf; checking takes the latter two and the releaser's signatures.
func disclosing(t *testing.T, c counts) (figures []figure) {
	for _, size := range []int{2_000, 200_000} {
		s := newSent()
		tg := s.reg.Telegram
		tg.Body[0].Text = text(size)
		s.reg.Release, s.reg.ReleasePQ = seal.Release(tg, s.releaser)
		redact := func(how func(x *telegram.Redaction)) *telegram.Disclosure {
			x := telegram.Redact(tg)
			how(x)
			d := must(x.Disclose())
			d.Release, d.ReleasePQ = s.reg.Release, s.reg.ReleasePQ
			return d
		}
		words := func(x *telegram.Redaction) { must(x.Words("minister", "1.4(d)")) }
		record := redact(words).Marshal()
		p := newPrimitives(s)
		p.leaves = append(tg.BodyLeaves(), tg.HeadLeaves()...)
		few := c
		few.rounds = max(2, c.rounds*2_000/size)
		of := fmt.Sprintf("%d characters", size)
		made, least := inTurns(few, func() { redact(words).Marshal() }, p.hash)
		figures = append(figures, against("disclose "+of+", one word in 18 withheld", made, "µs", "its salts and hashes", least))
		checked, least := inTurns(few, func() {
			d := must(telegram.ParseDisclosure(record))
			must(d.Check())
			if err := seal.CheckReleased(d.Root, d.Release, d.ReleasePQ, s.people[1]); err != nil {
				panic(err)
			}
		}, p.shown)
		figures = append(figures, against("check that disclosure of "+of, checked, "µs", "its hashes and signatures", least))

		bare, shown := 0, 0
		for _, part := range []telegram.Part{redact(words).Head, redact(words).Body} {
			bare += 32 * len(part.Digests)
			for _, x := range part.Spans {
				if x.Withheld == 0 {
					bare, shown = bare+32+len(x.Value), shown+1
				}
			}
		}
		figures = append(figures, against("its size", float64(len(record)), "bytes", fmt.Sprintf("%d salts and values, and the digests", shown), float64(bare+64+2420)))
		whole := redact(func(x *telegram.Redaction) {
			if err := x.Field("text", ""); err != nil {
				panic(err)
			}
		}).Marshal()
		const digest = len(`"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",`)
		figures = append(figures, against("its size with all of the text withheld", float64(len(whole)), "bytes", "a digest for each leaf", float64(len(whole)+digest*(len(tg.BodyLeaves())-1))))
	}
	return figures
}

// shown hashes each leaf and node under salts that are there, and verifies the releaser's signatures.
func (p *primitives) shown() {
	var buf, node [65]byte
	for _, l := range p.leaves {
		h := sha256.Sum256(append(append(buf[:0], node[:42]...), l.Value...))
		copy(node[1:], h[:])
		h = sha256.Sum256(node[:])
		copy(node[33:], h[:])
	}
	if !ed25519.Verify(p.ed.Public().(ed25519.PublicKey), p.message, p.edSig) || !mldsa44.Verify(p.pqPub, p.message, []byte(telegram.LabelLetter), p.pqSig) {
		panic("a signature")
	}
	bytes.IndexByte(p.message, 1)
}
