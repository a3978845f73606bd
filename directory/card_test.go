package directory

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestCardWords(t *testing.T) {
	for range 100 {
		c := NewCard()
		words := c.Words()
		for _, text := range []string{strings.Join(words, " "), strings.ToUpper(strings.Join(words, ",\n")), "1 " + strings.Join(words, ". 2 ")} {
			if got, err := ParseCard(text); err != nil || got != c {
				t.Fatalf("%q: %v", text, err)
			}
		}
		short := make([]string, len(words))
		for i, w := range words {
			short[i] = w[:min(4, len(w))]
		}
		if got, err := ParseCard(strings.Join(short, " ")); err != nil || got != c {
			t.Fatalf("%q: %v", short, err)
		}
	}
	if got := strings.Join(Card{}.Words(), " "); got != "abandon abandon abandon abandon abandon abandon abandon abandon" {
		t.Errorf("no bits are %s", got)
	}
	c := Card{[cardBytes]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe}}
	if got := strings.Join(c.Words()[6:], " "); got != "zoo zone" {
		t.Errorf("all bits but the last are %s", got)
	}
	_, err := ParseCard("abandon abandon abandon abandon abandn abandon abandon zoo")
	if err == nil || !strings.Contains(err.Error(), `word 5, "abandn", is on no card: is it "abandon"?`) {
		t.Error(err)
	}
	for _, bad := range []string{"", "abandon", strings.Repeat("zoo ", 9)} {
		if _, err := ParseCard(bad); err == nil {
			t.Errorf("%q is a card", bad)
		}
	}
}

// Whoever has not the card, or all but one word of it, can neither make nor alter an application; nor can a post be joined to another root.
func TestCard(t *testing.T) {
	root, other := rootOf(1, 1).Fingerprint(), rootOf(1, 2).Fingerprint()
	c := NewCard()
	application := Application(postOf("PARIS", 3), office("CONSUL@PARIS"))
	file := c.Sign(root, "PARIS", application)
	got, err := c.Check(root, "PARIS", file)
	if err != nil || !bytes.Equal(got, application) {
		t.Fatal(err)
	}
	if _, err := ParseApplication(got); err != nil {
		t.Fatal(err)
	}
	almost := c
	almost.secret[cardBytes-1] ^= 1
	swapped := c.Sign(root, "PARIS", application)
	swapped = bytes.Replace(swapped, []byte("CONSUL"), []byte("CLERKS"), 1)
	for name, check := range map[string]func() ([]byte, error){
		"another root":      func() ([]byte, error) { return c.Check(other, "PARIS", file) },
		"another post":      func() ([]byte, error) { return c.Check(root, "LONDON", file) },
		"another card":      func() ([]byte, error) { return almost.Check(root, "PARIS", file) },
		"an altered office": func() ([]byte, error) { return c.Check(root, "PARIS", swapped) },
		"no MAC":            func() ([]byte, error) { return c.Check(root, "PARIS", application) },
		"half a MAC":        func() ([]byte, error) { return c.Check(root, "PARIS", file[:len(file)-9]) },
		"a second MAC":      func() ([]byte, error) { return c.Check(root, "PARIS", almost.Sign(root, "PARIS", file)) },
	} {
		if _, err := check(); !errors.Is(err, ErrCard) {
			t.Errorf("%s: %v", name, err)
		}
	}
	back := c.ReadBack(root, "PARIS", application)
	for name, words := range map[string][]string{
		"the card itself": c.Words(), "another root": c.ReadBack(other, "PARIS", application), "another text": c.ReadBack(root, "PARIS", swapped),
	} {
		if strings.Join(words, " ") == strings.Join(back, " ") {
			t.Errorf("%s is read back as the right one", name)
		}
	}
}

func FuzzParseCard(f *testing.F) {
	f.Add("abandon ability able about above absent absorb abstract")
	f.Add("zoo")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseCard(text)
		if err != nil {
			return
		}
		if again, err := ParseCard(strings.Join(c.Words(), " ")); err != nil || again != c {
			t.Fatalf("%q: %v", text, err)
		}
	})
}

func FuzzCutCard(f *testing.F) {
	f.Add(NewCard().Sign(rootOf(1, 1).Fingerprint(), "PARIS", Application(office("CONSUL@PARIS"))))
	f.Add([]byte("\n\ncard AAAA\n\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		application, mac, ok := CutCard(file)
		if ok && string(application)+cardLine+base64Of(mac)+"\n\n" != string(file) {
			t.Fatal("cut, joined: other bytes")
		}
	})
}
