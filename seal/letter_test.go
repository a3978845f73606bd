package seal

import (
	"bytes"
	"crypto/hpke"
	"encoding/hex"
	"errors"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"chancery.example/chancery/telegram"
)

func TestSealAndOpen(t *testing.T) {
	for _, n := range []int{0, 1, 36, 300, 2048, 100_000} {
		want := letter()
		want.Payload = bytes.Repeat([]byte{0x80}, n)
		e := cover()
		if err := want.Seal(&e, recipient(limaKey), oslo); err != nil {
			t.Fatal(err)
		}
		carried, err := telegram.ParseEnvelope(e.Marshal())
		if err != nil {
			t.Fatalf("%d bytes: it cannot be carried: %v", n, err)
		}
		got, err := Open(&carried, limaKey, "LIMA", directory)
		if err != nil {
			t.Fatalf("%d bytes: refused: %s", n, Reason(err))
		}
		if err := got.Proof.Check(want.Payload, oslo.Verifier()); err != nil {
			t.Errorf("%d bytes: %v", n, err)
		}
		if !saysTheSame(got, want) {
			t.Errorf("%d bytes: opened as %.80v", n, got)
		}
	}
}

// What is kept of a letter proves what was said, and by whom, to somebody who does not have it.
func TestProofOfALetter(t *testing.T) {
	e := sealed(t)
	l, err := Open(&e, limaKey, "LIMA", directory)
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]func(*Proof, *[]byte){
		"other words":        func(_ *Proof, b *[]byte) { *b = append(bytes.Clone(*b), 'x') },
		"another transcript": func(p *Proof, _ *[]byte) { p.Transcript[30] ^= 1 },
		"half a signature":   func(p *Proof, _ *[]byte) { p.PQ[99] ^= 1 },
		"the other half":     func(p *Proof, _ *[]byte) { p.Ed[9] ^= 1 },
		"no transcript":      func(p *Proof, _ *[]byte) { p.Transcript = nil },
	} {
		p, payload := Proof{bytes.Clone(l.Proof.Transcript), bytes.Clone(l.Proof.Ed), bytes.Clone(l.Proof.PQ)}, l.Payload
		bad(&p, &payload)
		if p.Check(payload, oslo.Verifier()) == nil {
			t.Errorf("%s: it holds", name)
		}
	}
	if err := l.Proof.Check(l.Payload, oslo.Verifier()); err != nil {
		t.Error(err)
	}
}

func TestSealingTwiceSharesNothing(t *testing.T) {
	a, b := sealed(t), sealed(t)
	if a.ID == b.ID || bytes.Equal(a.Body[:sizeEnc], b.Body[:sizeEnc]) || bytes.Equal(a.Body[sizeEnc:], b.Body[sizeEnc:]) {
		t.Error("two letters share their id, key or bytes")
	}
}

func TestSealRefuses(t *testing.T) {
	for name, edit := range map[string]func(*Letter){
		"from nobody":      func(l *Letter) { l.From = "" },
		"to nobody":        func(l *Letter) { l.To = "" },
		"a name too long":  func(l *Letter) { l.From = strings.Repeat("X", 256) },
		"a payload beyond": func(l *Letter) { l.Payload = make([]byte, telegram.MaxEnvelope) },
	} {
		l, e := letter(), cover()
		edit(l)
		if err := l.Seal(&e, recipient(limaKey), oslo); err == nil || e.Body != nil {
			t.Errorf("%s: %v, and a body of %d bytes", name, err, len(e.Body))
		}
	}
}

// TestEveryFlipIsRefusedAlike alters each byte of L0, the ends of what the body consists of, and samples of the rest.
func TestEveryFlipIsRefusedAlike(t *testing.T) {
	good := sealed(t)
	wire := good.Marshal()
	at := []int{}
	for i := range telegram.L0Len {
		at = append(at, i)
	}
	body := telegram.L0Len
	for _, edge := range []int{0, 1088, sizeEnc, sizeEnc + sizeNonce, len(good.Body) - sizeTag} {
		at = append(at, body+max(edge-1, 0), body+edge)
	}
	for i := body; i < len(wire); i += 97 {
		at = append(at, i)
	}
	for _, i := range append(at, len(wire)-1) {
		for _, bit := range []byte{1, 0x80} {
			e := cover()
			b := slices.Clone(wire)
			b[i] ^= bit
			// By hand: a version or flag that ParseEnvelope refuses must not open here either.
			e = telegram.Envelope{Type: b[0] ^ 1<<4, To: telegram.Route(b[1:4]), Precedence: telegram.Precedence(b[4]), KeyID: [4]byte(b[5:9]), ID: [16]byte(b[9:25]), Body: b[25:]}
			if bytes.Equal(e.L0(), good.L0()) && i < telegram.L0Len {
				t.Fatalf("byte %d of L0 was not altered: this test proves nothing", i)
			}
			l, err := Open(&e, limaKey, "LIMA", directory)
			refusedFor(t, l, err, altered)
		}
	}
}

func TestPrecedenceGradedAgain(t *testing.T) {
	for p := telegram.Deferred; p <= telegram.Override; p++ {
		e := sealed(t)
		if p == e.Precedence {
			continue
		}
		e.Precedence = p
		l, err := Open(&e, limaKey, "LIMA", directory)
		refusedFor(t, l, err, altered)
	}
}

func TestCutLetters(t *testing.T) {
	whole := sealed(t)
	least := overhead + minPadded
	for _, n := range []int{0, 1, sizeEnc - 1, sizeEnc, sizeEnc + sizeNonce, overhead, least - 1} {
		e := whole
		e.Body = whole.Body[:n]
		l, err := Open(&e, limaKey, "LIMA", directory)
		refusedFor(t, l, err, tooShort)
	}
	for _, n := range []int{least, len(whole.Body) - sizeTag, len(whole.Body) - 1} {
		e := whole
		e.Body = whole.Body[:n]
		l, err := Open(&e, limaKey, "LIMA", directory)
		refusedFor(t, l, err, altered)
	}
	e := whole
	e.Body = append(slices.Clone(whole.Body), 0)
	l, err := Open(&e, limaKey, "LIMA", directory)
	refusedFor(t, l, err, altered)
}

func TestOpenedByAnother(t *testing.T) {
	e := sealed(t)
	l, err := Open(&e, moscowKey, "LIMA", directory)
	refusedFor(t, l, err, altered)
	// LIMA's key under another post's name: two posts must not hold one key and both believe the letter theirs.
	l, err = Open(&e, limaKey, "MOSCOW", directory)
	refusedFor(t, l, err, badSignature)
}

func TestSenderUnknown(t *testing.T) {
	e := sealed(t)
	l, err := Open(&e, limaKey, "LIMA", func(string) *Verifier { return nil })
	refusedFor(t, l, err, badSender)
}

func TestSignedByAnotherPost(t *testing.T) {
	e := cover()
	if err := letter().Seal(&e, recipient(limaKey), bergen); err != nil {
		t.Fatal(err)
	}
	l, err := Open(&e, limaKey, "LIMA", directory)
	refusedFor(t, l, err, badSignature)
}

// byHand seals any bytes to a post, as anybody can who has its public key. What is sealed may depend on L0 and the encapsulated key.
func byHand(t testing.TB, to *LetterKey, padded func(l0, enc []byte) []byte) *telegram.Envelope {
	t.Helper()
	e := cover()
	e.ID = [16]byte{1}
	enc, s, err := hpke.NewSender(to.key.PublicKey(), hpke.HKDFSHA256(), hpke.ExportOnly(), letterInfo(e.L0(), to.hash))
	if err != nil {
		t.Fatal(err)
	}
	aead, _, err := letterKeys(s.Export, e.L0(), enc)
	if err != nil {
		t.Fatal(err)
	}
	e.Body = aead.Seal(slices.Clone(enc), nil, padded(e.L0(), enc), e.L0())
	return &e
}

// opened is what an addressee sees of a letter: all that is inside, the signatures too.
func opened(t testing.TB, e telegram.Envelope, key *LetterKey) []byte {
	t.Helper()
	r, err := hpke.NewRecipient(e.Body[:sizeEnc], key.key, hpke.HKDFSHA256(), hpke.ExportOnly(), letterInfo(e.L0(), key.hash))
	if err != nil {
		t.Fatal(err)
	}
	aead, _, err := letterKeys(r.Export, e.L0(), e.Body[:sizeEnc])
	if err != nil {
		t.Fatal(err)
	}
	padded, err := aead.Open(nil, nil, e.Body[sizeEnc:], e.L0())
	if err != nil {
		t.Fatal(err)
	}
	clear, ok := unpad(padded)
	if !ok {
		t.Fatal("the padding of a good letter")
	}
	return clear
}

// genuine is a letter of OSLO to LIMA, signed for this L0 and enc: what byHand seals is accepted with it.
func genuine(l *Letter, by *Signer) func(l0, enc []byte) []byte {
	return func(l0, enc []byte) []byte {
		ed, pq := by.Sign(telegram.LabelLetter, l.transcript(l0, enc, limaKey.hash))
		return slices.Concat(l.head(), l.Payload, ed, pq)
	}
}

// saysTheSame compares all of two letters but the chains that they open.
func saysTheSame(a, b *Letter) bool {
	x, y := *a, *b
	x.chain, y.chain = nil, nil
	x.Proof, y.Proof = Proof{}, Proof{}
	return reflect.DeepEqual(x, y)
}

func TestByHandIsAccepted(t *testing.T) {
	e := byHand(t, limaKey, func(l0, enc []byte) []byte { return pad(genuine(letter(), oslo)(l0, enc)) })
	l, err := Open(e, limaKey, "LIMA", directory)
	if err != nil || !saysTheSame(l, letter()) {
		t.Fatalf("%+v, %v: the tests below prove nothing", l, err)
	}
}

// TestSealedOnByACoAddressee is the attack for which the transcript exists: LIMA seals OSLO's letter, signatures and all, to another.
func TestSealedOnByACoAddressee(t *testing.T) {
	clear := opened(t, sealed(t), limaKey)
	for name, c := range map[string]struct {
		key *LetterKey
		to  string
	}{
		"to MOSCOW":                {moscowKey, "MOSCOW"},
		"to MOSCOW, named as LIMA": {moscowKey, "LIMA"},
		"to LIMA, once more":       {limaKey, "LIMA"},
	} {
		t.Run(name, func(t *testing.T) {
			e := byHand(t, c.key, func(_, _ []byte) []byte { return pad(clear) })
			l, err := Open(e, c.key, c.to, directory)
			refusedFor(t, l, err, badSignature)
		})
	}
}

// TestAlteredInside seals well-formed letters in which one thing differs from what OSLO signed.
func TestAlteredInside(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*Letter)
		why  string
	}{
		"sender, known":    {func(l *Letter) { l.From = "BERGEN" }, badSignature},
		"sender, unknown":  {func(l *Letter) { l.From = "NARVIK" }, badSender},
		"sender, nameless": {func(l *Letter) { l.From = "" }, badSender},
		"directory size":   {func(l *Letter) { l.DirectorySize-- }, badSignature},
		"directory root":   {func(l *Letter) { l.DirectoryRoot[31] ^= 1 }, badSignature},
		"payload":          {func(l *Letter) { l.Payload = []byte("another") }, badSignature},
		"no payload":       {func(l *Letter) { l.Payload = nil }, badSignature},
	} {
		t.Run(name, func(t *testing.T) {
			e := byHand(t, limaKey, func(l0, enc []byte) []byte {
				said := letter()
				c.edit(said)
				signed := genuine(letter(), oslo)(l0, enc)
				sigs := signed[len(signed)-telegram.SizeEd25519-telegram.SizeMLDSA44:]
				return pad(slices.Concat(said.head(), said.Payload, sigs))
			})
			l, err := Open(e, limaKey, "LIMA", directory)
			refusedFor(t, l, err, c.why)
		})
	}
}

func TestBothSignaturesMustHold(t *testing.T) {
	for name, spoil := range map[string]func(sigs []byte){
		"Ed25519 only":     func(s []byte) { s[telegram.SizeEd25519]++ },
		"Ed25519 only, 0s": func(s []byte) { clear(s[telegram.SizeEd25519:]) },
		"ML-DSA only":      func(s []byte) { s[0]++ },
		"ML-DSA only, 0s":  func(s []byte) { clear(s[:telegram.SizeEd25519]) },
	} {
		t.Run(name, func(t *testing.T) {
			e := byHand(t, limaKey, func(l0, enc []byte) []byte {
				b := genuine(letter(), oslo)(l0, enc)
				spoil(b[len(b)-telegram.SizeEd25519-telegram.SizeMLDSA44:])
				return pad(b)
			})
			l, err := Open(e, limaKey, "LIMA", directory)
			refusedFor(t, l, err, badSignature)
		})
	}
}

func TestPaddingOfAnotherLength(t *testing.T) {
	for name, padded := range map[string]func([]byte) []byte{
		"the next length":     func(b []byte) []byte { return append(pad(b), make([]byte, paddedLen(len(pad(b)))-len(pad(b)))...) },
		"a zero more":         func(b []byte) []byte { return append(pad(b), 0) },
		"a zero less":         func(b []byte) []byte { p := pad(b); return p[:len(p)-1] },
		"none":                func(b []byte) []byte { return b },
		"another mark":        func(b []byte) []byte { p := pad(b); p[len(b)] = 0x40; return p },
		"zeros only":          func(b []byte) []byte { return make([]byte, len(pad(b))) },
		"a byte in the zeros": func(b []byte) []byte { p := pad(b); p[len(p)-1] = 1; return p },
	} {
		t.Run(name, func(t *testing.T) {
			e := byHand(t, limaKey, func(l0, enc []byte) []byte { return padded(genuine(letter(), oslo)(l0, enc)) })
			l, err := Open(e, limaKey, "LIMA", directory)
			refusedFor(t, l, err, badPadding)
		})
	}
}

func TestFormOfTheInside(t *testing.T) {
	least := 1 + 8 + 32 + telegram.SizeEd25519 + telegram.SizeMLDSA44
	for name, c := range map[string]struct {
		clear []byte
		why   string
	}{
		"nothing":                 {nil, badForm},
		"one byte":                {[]byte{0}, badForm},
		"a byte too few":          {make([]byte, least-1), badForm},
		"no name":                 {make([]byte, least), badSender},
		"a name beyond the end":   {append([]byte{255}, make([]byte, least-1)...), badForm},
		"a name up to the end":    {append([]byte{1, 'X'}, make([]byte, least-1)...), badSender},
		"a name one byte too far": {append([]byte{2, 'X'}, make([]byte, least-1)...), badForm},
	} {
		t.Run(name, func(t *testing.T) {
			e := byHand(t, limaKey, func(_, _ []byte) []byte { return pad(c.clear) })
			l, err := Open(e, limaKey, "LIMA", directory)
			refusedFor(t, l, err, c.why)
		})
	}
}

// TestTranscriptCannotBeReadTwoWays: names that join to the same bytes are signed differently.
func TestTranscriptCannotBeReadTwoWays(t *testing.T) {
	a, b := letter(), letter()
	a.From, a.To = "OS", "LOLIMA"
	b.From, b.To = "OSLO", "LIMA"
	if bytes.Equal(a.transcript(nil, nil, [32]byte{}), b.transcript(nil, nil, [32]byte{})) {
		t.Error("two letters have one transcript")
	}
}

// TestNoErrorSaysAnything: neither the error nor the reason of any refusal holds a byte of what was said, or a sender's name.
func TestNoErrorSaysAnything(t *testing.T) {
	spoilt := func(edit func(*Letter)) *telegram.Envelope {
		l, e := letter(), cover()
		edit(l)
		if err := l.Seal(&e, recipient(limaKey), bergen); err != nil {
			t.Fatal(err)
		}
		return &e
	}
	for name, e := range map[string]*telegram.Envelope{
		"signed by another": spoilt(func(*Letter) {}),
		"sender unknown":    spoilt(func(l *Letter) { l.From = "NARVIK" }),
		"padding":           byHand(t, limaKey, func(_, _ []byte) []byte { return append(pad(secretText), 0) }),
		"form":              byHand(t, limaKey, func(_, _ []byte) []byte { return pad(secretText) }),
		"altered":           {Type: telegram.Letter, Body: make([]byte, 2000)},
	} {
		l, err := Open(e, limaKey, "LIMA", directory)
		if err == nil || l != nil {
			t.Fatalf("%s: accepted", name)
		}
		for _, words := range []string{err.Error(), Reason(err), Reason(errors.Join(err))} {
			for _, told := range []string{string(secretText), "harbour", "OSLO", "NARVIK", hex.EncodeToString(secretText)} {
				if strings.Contains(words, told) {
					t.Errorf("%s: the error %q tells %q", name, words, told)
				}
			}
		}
	}
	rest, _ := NewRest(make([]byte, 32))
	b := rest.Seal("filed 17", secretText)
	if _, err := rest.Open("filed 18", b); err == nil || strings.Contains(err.Error(), "harbour") {
		t.Errorf("at rest: %v", err)
	}
}

func TestLetterKeyBytes(t *testing.T) {
	k, err := NewLetterKey()
	if err != nil {
		t.Fatal(err)
	}
	b, err := k.Bytes()
	if err != nil || len(b) != 32 || len(k.Public()) != 1216 {
		t.Fatalf("a key of %d bytes, its public half of %d, %v", len(b), len(k.Public()), err)
	}
	again, err := ParseLetterKey(b)
	if err != nil || !bytes.Equal(again.Public(), k.Public()) {
		t.Fatalf("read back it is another key: %v", err)
	}
	e := cover()
	if err := letter().Seal(&e, recipient(k), oslo); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(&e, again, "LIMA", directory); err != nil {
		t.Errorf("the key read back does not open: %s", Reason(err))
	}
	for _, n := range []int{0, 31, 33, 64} {
		if _, err := ParseLetterKey(make([]byte, n)); err == nil {
			t.Errorf("a letter key of %d bytes is accepted", n)
		}
	}
	for _, n := range []int{0, 32, 1215, 1217} {
		if _, err := NewRecipient(make([]byte, n)); err == nil {
			t.Errorf("a public letter key of %d bytes is accepted", n)
		}
	}
}

// letterOfOld is the letter that was sealed once and committed.
func letterOfOld(t testing.TB) telegram.Envelope {
	t.Helper()
	text, err := os.ReadFile("testdata/letter.txt")
	if err != nil {
		t.Fatal(err)
	}
	var digits strings.Builder
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "#") {
			digits.WriteString(strings.TrimSpace(line))
		}
	}
	wire, err := hex.DecodeString(digits.String())
	if err != nil {
		t.Fatal(err)
	}
	e, err := telegram.ParseEnvelope(wire)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestLetterOfOldStillOpens pins X-Wing in HPKE, which is a draft still, and everything of ours around it: the letter was sealed once.
func TestLetterOfOldStillOpens(t *testing.T) {
	e := letterOfOld(t)
	got, err := Open(&e, limaKey, "LIMA", directory)
	if err != nil {
		t.Fatalf("refused: %s", Reason(err))
	}
	if !saysTheSame(got, letter()) {
		t.Errorf("opened as %+v", got)
	}
}

func TestLetterSizes(t *testing.T) {
	for _, c := range []struct{ telegram, least, most int }{{300, 6600, 7000}, {1000, 7200, 7800}, {2048, 8200, 9100}} {
		r := telegramOf(t, c.telegram)
		s := telegram.Section{Circuit: 1, Special: 1, Lane: 1, Serial: 417, I: 1, N: 1, Piece: r.Marshal()}
		l, e := letter(), cover()
		l.Payload = s.Marshal()
		if err := l.Seal(&e, recipient(limaKey), oslo); err != nil {
			t.Fatal(err)
		}
		t.Logf("a telegram of %d bytes, registered %d, is a letter of %d bytes", c.telegram, len(r.Marshal()), e.Size())
		if e.Size() < c.least || e.Size() > c.most {
			t.Errorf("a letter of %d bytes: from %d to %d are meant", e.Size(), c.least, c.most)
		}
	}
}
