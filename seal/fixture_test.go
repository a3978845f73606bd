package seal

import (
	"bytes"
	"errors"
	"testing"

	"chancery.example/chancery/telegram"
)

// The keys of the posts and people of these tests are those of seeds of one repeated byte, so that every run has the same.

func signer(b byte) *Signer {
	s, err := SignerFromSeed(bytes.Repeat([]byte{b}, SeedSize))
	if err != nil {
		panic(err)
	}
	return s
}

func letterKeyOf(b byte) *LetterKey {
	k, err := ParseLetterKey(bytes.Repeat([]byte{b}, 32))
	if err != nil {
		panic(err)
	}
	return k
}

func recipient(k *LetterKey) *Recipient {
	r, err := NewRecipient(k.Public())
	if err != nil {
		panic(err)
	}
	return r
}

var (
	oslo, bergen              = signer(7), signer(8)
	limaKey, moscowKey        = letterKeyOf(7), letterKeyOf(8)
	secretText                = []byte("Ice has closed the northern harbour.")
	drafter, releaser         = signer(21), signer(22)
	osloRegister       uint32 = 90
)

// directory knows two posts, and no more.
func directory(from string) *Verifier {
	switch from {
	case "OSLO":
		return oslo.Verifier()
	case "BERGEN":
		return bergen.Verifier()
	}
	return nil
}

func letter() *Letter {
	return &Letter{From: "OSLO", To: "LIMA", DirectorySize: 412, DirectoryRoot: [32]byte(bytes.Repeat([]byte{9}, 32)), Payload: secretText}
}

func cover() telegram.Envelope {
	return telegram.Envelope{Type: telegram.Letter, To: telegram.Route{1, 2, 3}, Precedence: telegram.Flash, KeyID: [4]byte{4, 5, 6, 7}}
}

// sealed is a good letter of OSLO to LIMA.
func sealed(t testing.TB) telegram.Envelope {
	t.Helper()
	e := cover()
	if err := letter().Seal(&e, recipient(limaKey), oslo); err != nil {
		t.Fatal(err)
	}
	return e
}

// refusedFor fails unless the letter is refused with the one error, for the reason that only the local log sees.
func refusedFor(t *testing.T, l *Letter, err error, why string) {
	t.Helper()
	switch {
	case err == nil || l != nil:
		t.Errorf("accepted: %+v", l)
	case !errors.Is(err, ErrRefused) || err.Error() != ErrRefused.Error():
		t.Errorf("the error is %q, not the one error", err)
	case Reason(err) != why:
		t.Errorf("the reason is %q, want %q", Reason(err), why)
	}
}

// Reasons, as the local log has them.
const (
	tooShort     = "too short"
	altered      = "not sealed to this key, or altered"
	badPadding   = "the padding"
	badForm      = "the letter's form"
	badSender    = "the directory has no such sender"
	badSignature = "the sending post's signature"
)

// telegramOf is a released and registered telegram of this many bytes as written.
func telegramOf(t testing.TB, size int) *telegram.Registered {
	t.Helper()
	tg := &telegram.Telegram{
		Seed: [32]byte{7}, From: telegram.Address{Office: "MINISTER", Post: "OSLO"}, Drafter: telegram.KeyRef{Person: 21, Key: 1},
		To:  []telegram.Addressee{{Address: telegram.Address{Office: "AMBASSADOR", Post: "LIMA"}, Precedence: telegram.Flash}},
		DTG: 1_767_262_200, Releaser: telegram.KeyRef{Person: 22, Key: 1}, Released: 1_767_262_800, RegisterBy: 1_767_349_200,
	}
	// The text's length takes one byte, or two.
	for n := max(size-len(tg.Marshal())-3, 1); len(tg.Marshal()) < size; n++ {
		tg.Body = []telegram.Block{{Kind: telegram.Paragraph, Text: string(bytes.Repeat([]byte{'x'}, n))}}
	}
	if got := len(tg.Marshal()); got != size {
		t.Fatalf("the telegram has %d bytes, not %d", got, size)
	}
	return register(tg)
}

func register(tg *telegram.Telegram) *telegram.Registered {
	r := &telegram.Registered{Released: telegram.Released{Telegram: tg}}
	r.Draft = HandOver(tg, drafter)
	r.Release, r.ReleasePQ = Release(tg, releaser)
	r.Numbers = telegram.Numbers{Year: 2026, Register: osloRegister, Registered: tg.Released + 60}
	for _, p := range tg.AddressedPosts() {
		r.Numbers.Serials = append(r.Numbers.Serials, telegram.Serial{Post: p, Number: 417})
	}
	return r
}
