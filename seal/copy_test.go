package seal

import (
	"bytes"
	"crypto/hpke"
	"errors"
	"slices"
	"strings"
	"testing"

	"chancery.example/chancery/telegram"
)

const sheetText = "OSLO No. 417\n\nIce has closed the northern harbour.\n\nCopies: Minister, Ferry desk\n"

func copyOf() *Copy { return &Copy{Post: "OSLO", Root: telegram.Root{1, 2, 3}, Number: 1, Of: 2} }

func sealedCopy(t testing.TB, holder string, to *LetterKey) []byte {
	t.Helper()
	b, err := copyOf().Seal(sheetText, holder, recipient(to))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestCopySealAndOpen(t *testing.T) {
	for _, text := range []string{"", "x", sheetText, strings.Repeat("long ", 100_000)} {
		c := copyOf()
		b, err := c.Seal(text, "Minister", recipient(limaKey))
		if err != nil {
			t.Fatal(err)
		}
		got, s, err := OpenCopy(b, "Minister", limaKey)
		if err != nil || *got != *c || s.Text != text {
			t.Errorf("%d bytes are opened as %+v, %v", len(text), got, err)
		}
		if p, err := ParseCopy(b); err != nil || *p != *c {
			t.Errorf("it says that it is %+v, %v", p, err)
		}
		if bytes.Contains(b, []byte("Minister")) || len(text) > 1 && bytes.Contains(b, []byte(text)) {
			t.Error("a copy shows its holder or its text")
		}
	}
	if bytes.Equal(sealedCopy(t, "Minister", limaKey), sealedCopy(t, "Minister", limaKey)) {
		t.Error("the same copy sealed twice is the same")
	}
}

func TestCopyRefused(t *testing.T) {
	good := sealedCopy(t, "Minister", limaKey)
	refused := func(what string, b []byte, holder string, key *LetterKey) {
		t.Helper()
		c, s, err := OpenCopy(b, holder, key)
		if c != nil || s != nil || !errors.Is(err, ErrRefused) || err.Error() != ErrRefused.Error() {
			t.Errorf("%s: %v, %v", what, c, err)
		}
	}
	refused("another holder's name", good, "Ferry desk", limaKey)
	refused("another key", good, "Minister", moscowKey)
	refused("more behind it", append(bytes.Clone(good), 0), "Minister", limaKey)
	for i := range good {
		b := bytes.Clone(good)
		b[i] ^= 1
		refused("a bit altered", b, "Minister", limaKey)
		refused("cut off", good[:i], "Minister", limaKey)
	}
	e := sealed(t)
	refused("a letter", e.Marshal(), "Minister", limaKey)
}

// Whoever has the bytes of one copy cannot make another number, telegram or post of it.
func TestCopyBindsItsHead(t *testing.T) {
	good := sealedCopy(t, "Minister", limaKey)
	c, err := ParseCopy(good)
	if err != nil {
		t.Fatal(err)
	}
	body := good[len(c.head()):]
	for what, change := range map[string]func(*Copy){
		"post": func(c *Copy) { c.Post = "BERGEN" }, "telegram": func(c *Copy) { c.Root[31]++ }, "number": func(c *Copy) { c.Number = 2 },
		"how many": func(c *Copy) { c.Of = 3 }, "digest": func(c *Copy) { c.Digest[0]++ },
	} {
		x := *c
		change(&x)
		if _, _, err := OpenCopy(append(x.head(), body...), "Minister", limaKey); !errors.Is(err, ErrRefused) {
			t.Errorf("it opens with another %s: %v", what, err)
		}
	}
}

func TestCopyPassedOn(t *testing.T) {
	c, s, err := OpenCopy(sealedCopy(t, "Minister", limaKey), "Minister", limaKey)
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.Reseal(s, "Ferry desk", recipient(moscowKey))
	if err != nil {
		t.Fatal(err)
	}
	again, text, err := OpenCopy(b, "Ferry desk", moscowKey)
	if err != nil || *again != *c || text.Text != sheetText {
		t.Errorf("it is %+v, %v", again, err)
	}
	s.Text += "And sell."
	if _, err := c.Reseal(s, "Ferry desk", recipient(moscowKey)); err == nil {
		t.Error("a holder may pass on another text than the post sealed")
	}
}

// A holder who seals by hand what Reseal refuses is found out by the next, who has the digest.
func TestCopyOfAnotherTextIsRefused(t *testing.T) {
	c, s, err := OpenCopy(sealedCopy(t, "Minister", limaKey), "Minister", limaKey)
	if err != nil {
		t.Fatal(err)
	}
	s.Text = strings.Replace(s.Text, "closed", "opened", 1)
	b, err := c.seal(s, "Ferry desk", recipient(moscowKey))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := OpenCopy(b, "Ferry desk", moscowKey); !errors.Is(err, ErrRefused) || !strings.Contains(Reason(err), "not the text") {
		t.Errorf("another text is opened: %v", err)
	}
}

func TestCopyThatCannotBe(t *testing.T) {
	for what, c := range map[string]*Copy{"number 0": {Post: "OSLO", Of: 2}, "number beyond": {Post: "OSLO", Number: 3, Of: 2}, "no post": {Number: 1, Of: 2}} {
		if _, err := c.Seal(sheetText, "Minister", recipient(limaKey)); err == nil {
			t.Errorf("%s is sealed", what)
		}
	}
	for _, holder := range []string{"", strings.Repeat("x", MaxHolder+1)} {
		if _, err := copyOf().Seal(sheetText, holder, recipient(limaKey)); err == nil {
			t.Errorf("it is sealed to %q", holder)
		}
	}
	if _, err := copyOf().Seal(strings.Repeat("x", maxCopyText+1), "Minister", recipient(limaKey)); err == nil {
		t.Error("a text of any length is sealed")
	}
}

// A copy that does not open says to the log why.
func TestCopyReasons(t *testing.T) {
	good := sealedCopy(t, "Minister", limaKey)
	c, err := ParseCopy(good)
	if err != nil {
		t.Fatal(err)
	}
	head := c.head()
	sealedAs := func(padded []byte) []byte {
		enc, sender, err := hpke.NewSender(recipient(limaKey).key, hpke.HKDFSHA256(), hpke.ExportOnly(), copyInfo(head, "Minister", limaKey.hash))
		if err != nil {
			t.Fatal(err)
		}
		aead, err := copyAEAD(sender.Export, head, enc)
		if err != nil {
			t.Fatal(err)
		}
		return slices.Concat(head, enc, aead.Seal(nil, nil, padded, head))
	}
	small := bytes.Clone(good)
	clear(small[len(head)+sizeEnc-32 : len(head)+sizeEnc]) // a point of small order
	foreign := bytes.Clone(good)
	foreign[0] ^= 1
	for what, x := range map[string]struct {
		sealed []byte
		why    string
	}{
		"a point of small order":      {small, "the encapsulated key"},
		"altered":                     {append(bytes.Clone(good[:len(good)-1]), good[len(good)-1]^1), "not sealed to this holder, or altered"},
		"other padding":               {sealedAs(append(pad(secretText), 0)), "the padding"},
		"shorter than its salt":       {sealedAs(pad(make([]byte, saltLen-1))), "the padding"},
		"another text":                {sealedAs(pad(make([]byte, saltLen+8))), "not the text of which the copy was made"},
		"something else, as it seems": {foreign, "no numbered copy, or cut off"},
	} {
		if _, _, err := OpenCopy(x.sealed, "Minister", limaKey); !errors.Is(err, ErrRefused) || Reason(err) != x.why {
			t.Errorf("%s: %v, %s", what, err, Reason(err))
		}
	}
	if _, err := ParseCopy(foreign); err == nil {
		t.Error("what does not begin as a copy is read as one")
	}
	if _, err := ParseCopy(good[len(telegram.LabelCopy):]); err == nil {
		t.Error("a copy without its label is read as one")
	}
}
