package seal

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"chancery.example/chancery/telegram"
	"filippo.io/mldsa"
	"golang.org/x/mod/sumdb/note"
)

func TestSeedMakesTheSameKey(t *testing.T) {
	s := NewSigner()
	again, err := SignerFromSeed(s.Seed())
	if err != nil {
		t.Fatal(err)
	}
	ed, pq := s.Public()
	ed2, pq2 := again.Public()
	if !bytes.Equal(ed, ed2) || !bytes.Equal(pq, pq2) || len(ed) != 32 || len(pq) != 1312 {
		t.Errorf("public keys of %d and %d bytes, the same: %v, %v", len(ed), len(pq), bytes.Equal(ed, ed2), bytes.Equal(pq, pq2))
	}
	clear(s.Seed())
	if !bytes.Equal(s.Seed(), again.Seed()) {
		t.Error("who has a copy of the seed can change the key")
	}
	for _, n := range []int{0, 32, 63, 65} {
		if _, err := SignerFromSeed(make([]byte, n)); err == nil {
			t.Errorf("a seed of %d bytes is accepted", n)
		}
	}
}

func TestVerifierRefusesOtherSizes(t *testing.T) {
	ed, pq := oslo.Public()
	for name, c := range map[string][2][]byte{
		"no keys": {nil, nil}, "short Ed25519": {ed[:31], pq}, "long Ed25519": {append(slices.Clone(ed), 0), pq},
		"short ML-DSA": {ed, pq[:1311]}, "long ML-DSA": {ed, append(slices.Clone(pq), 0)}, "no ML-DSA": {ed, nil},
	} {
		if v, err := NewVerifier(c[0], c[1]); err == nil || v != nil {
			t.Errorf("%s: %v, %v", name, v, err)
		}
	}
}

func TestVerify(t *testing.T) {
	message := []byte("what is said")
	ed, pq := oslo.Sign(telegram.LabelPeriod, message)
	ed2, pq2 := bergen.Sign(telegram.LabelPeriod, message)
	ed3, pq3 := oslo.Sign(telegram.LabelReceipt, message)
	more := func(b []byte) []byte { return append(slices.Clone(b), 0) }
	for name, c := range map[string]struct {
		label   string
		message []byte
		ed, pq  []byte
		want    bool
	}{
		"both":                   {telegram.LabelPeriod, message, ed, pq, true},
		"another message":        {telegram.LabelPeriod, message[1:], ed, pq, false},
		"another label":          {telegram.LabelReceipt, message, ed, pq, false},
		"Ed25519 only":           {telegram.LabelPeriod, message, ed, pq2, false},
		"ML-DSA only":            {telegram.LabelPeriod, message, ed2, pq, false},
		"Ed25519, label alien":   {telegram.LabelPeriod, message, ed3, pq, false},
		"ML-DSA, label alien":    {telegram.LabelPeriod, message, ed, pq3, false},
		"no Ed25519":             {telegram.LabelPeriod, message, nil, pq, false},
		"no ML-DSA":              {telegram.LabelPeriod, message, ed, nil, false},
		"neither":                {telegram.LabelPeriod, message, nil, nil, false},
		"exchanged":              {telegram.LabelPeriod, message, pq, ed, false},
		"Ed25519 with a byte":    {telegram.LabelPeriod, message, more(ed), pq, false},
		"ML-DSA with a byte":     {telegram.LabelPeriod, message, ed, more(pq), false},
		"the label in the words": {"", append([]byte(telegram.LabelPeriod), message...), ed, pq, false},
	} {
		if got := oslo.Verifier().Verify(c.label, c.message, c.ed, c.pq); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// TestNoLabelBeginsAnother: label ‖ message is signed by Ed25519 with nothing between, so a label must end where it ends.
func TestNoLabelBeginsAnother(t *testing.T) {
	labels := []string{
		telegram.LabelDraft, telegram.LabelRelease, telegram.LabelLetter, telegram.LabelReceipt, telegram.LabelPeriod, telegram.LabelKey,
		telegram.LabelHPKE, telegram.LabelExport, telegram.LabelSeal, telegram.LabelRest, telegram.LabelSubkey, telegram.LabelStatement,
		telegram.LabelCopy, telegram.LabelCopyText, telegram.LabelCopyExport, telegram.LabelCopySeal,
		telegram.LabelHead, telegram.LabelBody, telegram.LabelNumbers, telegram.LabelIncoming, telegram.LabelSalt, telegram.LabelRoot,
		telegram.LabelEntry, telegram.LabelNote, telegram.LabelWitness, telegram.LabelChain, telegram.LabelChainID, telegram.LabelTree, telegram.LabelFrame, "cosignature/v1\n",
	}
	for i, a := range labels {
		for j, b := range labels {
			if i != j && strings.HasPrefix(a, b) {
				t.Errorf("%q begins with %q", a, b)
			}
		}
	}
}

func TestMLDSAIsHedged(t *testing.T) {
	_, a := oslo.Sign(telegram.LabelRelease, []byte("R"))
	_, b := oslo.Sign(telegram.LabelRelease, []byte("R"))
	if bytes.Equal(a, b) {
		t.Error("two signatures of one message are the same")
	}
}

// TestAnotherLibraryOfMLDSA signs with one and verifies with the other: the keys and signatures are those of FIPS 204, not a library's.
func TestAnotherLibraryOfMLDSA(t *testing.T) {
	message := []byte("what is said")
	label := &mldsa.Options{Context: telegram.LabelRelease}
	theirs, err := mldsa.NewPrivateKey(mldsa.MLDSA44(), oslo.Seed()[32:])
	if err != nil {
		t.Fatal(err)
	}
	_, public := oslo.Public()
	if !bytes.Equal(theirs.PublicKey().Bytes(), public) {
		t.Fatal("one seed gives two public keys")
	}

	_, ours := oslo.Sign(telegram.LabelRelease, message)
	if err := mldsa.Verify(theirs.PublicKey(), message, ours, label); err != nil {
		t.Errorf("ours does not hold with them: %v", err)
	}
	if mldsa.Verify(theirs.PublicKey(), message, ours, nil) == nil {
		t.Error("ours holds with them without its label")
	}

	sig, err := theirs.Sign(nil, message, label)
	if err != nil {
		t.Fatal(err)
	}
	if !oslo.Verifier().pq.verify(telegram.LabelRelease, message, sig) {
		t.Error("theirs does not hold with us")
	}
	if oslo.Verifier().pq.verify(telegram.LabelDraft, message, sig) {
		t.Error("theirs holds with us under another label")
	}
}

func TestTwoPeopleRelease(t *testing.T) {
	tg := telegramOf(t, 300).Telegram
	draft := HandOver(tg, drafter)
	ed, pq := Release(tg, releaser)
	draft2, alone := HandOver(tg, releaser), drafter
	ed2, pq2 := Release(tg, alone)
	for name, c := range map[string]struct {
		s    telegram.Signatures
		want error
	}{
		"both":                       {telegram.Signatures{Draft: draft, Release: ed, ReleasePQ: pq}, nil},
		"the drafter alone":          {telegram.Signatures{Draft: draft, Release: ed2, ReleasePQ: pq2}, errRelease},
		"the drafter, handing over":  {telegram.Signatures{Draft: draft}, errRelease},
		"the releaser alone":         {telegram.Signatures{Draft: draft2, Release: ed, ReleasePQ: pq}, errDraft},
		"the releaser, no draft":     {telegram.Signatures{Release: ed, ReleasePQ: pq}, errDraft},
		"exchanged":                  {telegram.Signatures{Draft: draft2, Release: ed2, ReleasePQ: pq2}, errDraft},
		"a draft for a release":      {telegram.Signatures{Draft: draft, Release: draft2, ReleasePQ: pq}, errRelease},
		"a release for a draft":      {telegram.Signatures{Draft: ed2, Release: ed, ReleasePQ: pq}, errDraft},
		"released by Ed25519 only":   {telegram.Signatures{Draft: draft, Release: ed}, errRelease},
		"released by ML-DSA only":    {telegram.Signatures{Draft: draft, ReleasePQ: pq}, errRelease},
		"ML-DSA of another":          {telegram.Signatures{Draft: draft, Release: ed, ReleasePQ: pq2}, errRelease},
		"nobody":                     {telegram.Signatures{}, errDraft},
		"the signatures of the post": {signedByPost(tg), errDraft},
	} {
		t.Run(name, func(t *testing.T) {
			d, r := tg.Roots()
			if err := CheckRelease(d, r, &c.s, drafter.Verifier(), releaser.Verifier()); !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
}

func signedByPost(tg *telegram.Telegram) telegram.Signatures {
	ed, pq := Release(tg, oslo)
	return telegram.Signatures{Draft: HandOver(tg, oslo), Release: ed, ReleasePQ: pq}
}

func TestEditVoidsWhatWasSigned(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*telegram.Telegram)
		want error
	}{
		"text":        {func(t *telegram.Telegram) { t.Body[0].Text = "Another text." }, errDraft},
		"addressee":   {func(t *telegram.Telegram) { t.To[0].Post = "QUITO" }, errDraft},
		"precedence":  {func(t *telegram.Telegram) { t.To[0].Precedence = telegram.Override }, errDraft},
		"label":       {func(t *telegram.Telegram) { t.Label.Classification = "OPEN" }, errDraft},
		"drafter":     {func(t *telegram.Telegram) { t.Drafter.Person++ }, errDraft},
		"releaser":    {func(t *telegram.Telegram) { t.Releaser.Person++ }, errRelease},
		"released at": {func(t *telegram.Telegram) { t.Released-- }, errRelease},
		"register by": {func(t *telegram.Telegram) { t.RegisterBy++ }, errRelease},
	} {
		r := telegramOf(t, 300)
		c.edit(r.Telegram)
		d, root := r.Telegram.Roots()
		if err := CheckRelease(d, root, &r.Signatures, drafter.Verifier(), releaser.Verifier()); !errors.Is(err, c.want) {
			t.Errorf("another %s: %v, want %v", name, err, c.want)
		}
	}
}

// TestHandedOverThenReleased: the drafter signs before anybody knows who will release, and the signature still holds after.
func TestHandedOverThenReleased(t *testing.T) {
	tg := telegramOf(t, 300).Telegram
	by, at, until := tg.Releaser, tg.Released, tg.RegisterBy
	tg.Releaser, tg.Released, tg.RegisterBy = telegram.KeyRef{}, 0, 0
	draft := HandOver(tg, drafter)
	tg.Releaser, tg.Released, tg.RegisterBy = by, at, until
	d, r := tg.Roots()
	if err := CheckDraft(d, draft, drafter.Verifier()); err != nil {
		t.Error(err)
	}
	if CheckDraft(r, draft, drafter.Verifier()) == nil {
		t.Error("the draft holds over R as well")
	}
}

const checkpoint = "oslo.example/register\n3\nCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=\n"

func cosigned(t *testing.T, s *Signer, name string) []byte {
	t.Helper()
	signers, err := s.Cosigners(name)
	if err != nil {
		t.Fatal(err)
	}
	msg, err := note.Sign(&note.Note{Text: checkpoint}, signers...)
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

func TestCosignedCheckpoint(t *testing.T) {
	msg := cosigned(t, oslo, "oslo.example/witness")
	vs, err := oslo.Verifier().Cosigners("oslo.example/witness")
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open(msg, note.VerifierList(vs...))
	if err != nil || n.Text != checkpoint || len(n.Sigs) != 2 || len(n.UnverifiedSigs) != 0 {
		t.Fatalf("opened as %+v, %v", n, err)
	}
	for i, v := range vs {
		one, err := note.Open(msg, note.VerifierList(v))
		if err != nil || len(one.Sigs) != 1 || len(one.UnverifiedSigs) != 1 {
			t.Errorf("by verifier %d alone: %+v, %v", i, one, err)
		}
	}
	altered := bytes.Replace(msg, []byte("\n3\n"), []byte("\n4\n"), 1)
	for i, v := range vs {
		if _, err := note.Open(altered, note.VerifierList(v)); err == nil {
			t.Errorf("a checkpoint of another size holds by verifier %d", i)
		}
	}
}

func TestCosignatureOfAnother(t *testing.T) {
	msg := cosigned(t, oslo, "oslo.example/witness")
	for name, c := range map[string]struct {
		v    *Verifier
		name string
	}{"another key": {bergen.Verifier(), "oslo.example/witness"}, "another name": {oslo.Verifier(), "bergen.example/witness"}} {
		vs, err := c.v.Cosigners(c.name)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := note.Open(msg, note.VerifierList(vs...)); err == nil {
			t.Errorf("%s: opened as %+v", name, n)
		}
	}
}

func TestCosignersRefuseNames(t *testing.T) {
	for _, name := range []string{"", "NEW YORK", "A+B", "A\nB", "A\u00a0B", "\xff"} {
		if _, err := oslo.Cosigners(name); err == nil {
			t.Errorf("a signer named %q is accepted", name)
		}
		if _, err := oslo.Verifier().Cosigners(name); err == nil {
			t.Errorf("a verifier named %q is accepted", name)
		}
	}
}

// TestKeyIDsAreThoseOfSignedNote: the library computes its own and does not look at ours, other programs may.
func TestKeyIDsAreThoseOfSignedNote(t *testing.T) {
	vs, err := oslo.Verifier().Cosigners("oslo.example/witness")
	if err != nil {
		t.Fatal(err)
	}
	signers, err := oslo.Cosigners("oslo.example/witness")
	if err != nil {
		t.Fatal(err)
	}
	ed, pq := oslo.Public()
	for i, want := range []uint32{noteKeyHash("oslo.example/witness", algCosignatureEd25519, ed), noteKeyHash("oslo.example/witness", algCosignatureMLDSA44, pq)} {
		if vs[i].KeyHash() != want || signers[i].KeyHash() != want {
			t.Errorf("key %d: verifier %08x, signer %08x, ours %08x", i, vs[i].KeyHash(), signers[i].KeyHash(), want)
		}
	}
}
