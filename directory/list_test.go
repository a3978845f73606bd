package directory

import (
	"bytes"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"

	"chancery.example/chancery/telegram"
	"golang.org/x/mod/sumdb/tlog"
)

func TestRoundTrip(t *testing.T) {
	for _, d := range []*Directory{build(t, empty(), rootOf(1, 7)), whole(t), sign(t, whole(t), now(), 1, 2)} {
		file := d.Marshal()
		got, err := Parse(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Marshal(), file) || got.Root() != d.Root() || got.Size() != d.Size() || got.length != d.length {
			t.Error("parse, print: another list")
		}
	}
}

// What a statement may not be, given what stands before it.
func TestRefused(t *testing.T) {
	d := whole(t)
	renamed := func(p Post, change func(*Post)) Post { change(&p); return p }
	paris := func(change func(*Post)) Post { return renamed(postOf("PARIS", 0x33), change) }
	period := letterKeyOf("BEIJING", 2, now(), now().Add(week))
	letter := func(change func(*LetterKey)) LetterKey { k := period; change(&k); return k }
	key := func(change func(*Key)) Key { k := personKey(17, 3, 2); change(&k); return k }
	moscow, _ := d.Post("MOSCOW")

	for name, s := range map[string]Statement{
		"a second root":          rootOf(1, 8),
		"a post again":           renamed(postOf("PARIS", 0x33), func(p *Post) { p.Name = "MOSCOW" }),
		"a route again":          paris(func(p *Post) { p.Route = moscow.Route }),
		"another's identity":     paris(func(p *Post) { p.Identity = moscow.Identity }),
		"identity as register":   paris(func(p *Post) { p.Register.Ed25519 = p.Identity.Ed25519 }),
		"another's register":     paris(func(p *Post) { p.Identity.MLDSA = moscow.Register.MLDSA }),
		"another's login":        paris(func(p *Post) { p.Login = moscow.Login }),
		"an officer's key":       paris(func(p *Post) { p.Identity.Ed25519 = rootOf(1, 1).Officers[0].Key.Ed25519 }),
		"no login":               paris(func(p *Post) { p.Login = "" }),
		"a login that is wrong":  paris(func(p *Post) { p.Login = "A" + p.Login[1:] }),
		"a name with a line end": paris(func(p *Post) { p.Name = "PARIS\noffice X@MOSCOW" }),
		"half a signature":       paris(func(p *Post) { p.Signature.MLDSA = nil }),
		"a short key":            paris(func(p *Post) { p.Identity.Ed25519 = p.Identity.Ed25519[:31] }),
		"a short ML-DSA key":     paris(func(p *Post) { p.Identity.MLDSA = p.Identity.MLDSA[:1311] }),
		"a period of nobody":     letterKeyOf("PARIS", 2, now(), now().Add(week)),
		"a period's id again":    letter(func(k *LetterKey) { k.ID = [4]byte{1, 1, 1, 1} }),
		"a letter key again":     letter(func(k *LetterKey) { k.XWing = d.LetterKeys("BEIJING")[0].XWing }),
		"half a letter key again": letter(func(k *LetterKey) {
			k.XWing = slices.Concat(k.XWing[:mlkemSize], d.LetterKeys("BEIJING")[0].XWing[mlkemSize:])
		}),
		"a weak letter key":       letter(func(k *LetterKey) { k.XWing = slices.Concat(k.XWing[:mlkemSize], make([]byte, 32)) }),
		"no ML-KEM key":           letter(func(k *LetterKey) { k.XWing = bytes.Repeat([]byte{0xff}, mlkemSize+32) }),
		"a short letter key":      letter(func(k *LetterKey) { k.XWing = k.XWing[1:] }),
		"a long letter key":       letter(func(k *LetterKey) { k.XWing = append(slices.Clone(k.XWing), 0) }),
		"a period of no time":     letter(func(k *LetterKey) { k.NotAfter = k.NotBefore }),
		"a period without end":    letter(func(k *LetterKey) { k.NotAfter = now().AddDate(9000, 0, 0) }),
		"an office of nobody":     Office{telegram.Address{Office: "AMBASSADOR", Post: "PARIS"}},
		"an office again":         office("AMBASSADOR@BEIJING"),
		"an office without name":  Office{telegram.Address{Post: "BEIJING"}},
		"a person of nobody":      Person{Number: 19, Post: "PARIS"},
		"a person again":          Person{Number: 17, Post: "BEIJING"},
		"a person without number": Person{Post: "BEIJING"},
		"a key of nobody":         personKey(19, 1, 0),
		"a key number again":      personKey(17, 2, 1),
		"a key number left out":   personKey(17, 4, 3),
		"a key again":             key(func(k *Key) { k.Key = personKey(17, 1, 0).Key }),
		"a key after another":     key(func(k *Key) { k.After = 1 }),
		"a key after itself":      key(func(k *Key) { k.After = 3 }),
		"no continuity signed":    key(func(k *Key) { k.Continuity = Signature{} }),
	} {
		if _, err := d.Append(s); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := empty().Append(postOf("PARIS", 0x33)); err == nil {
		t.Error("a list without root")
	}
	if _, err := d.Append(paris(func(*Post) {}), period, key(func(*Key) {})); err != nil {
		t.Errorf("what none of these is: %v", err)
	}
}

// smallOrder are the eight points whose order divides eight, and encodings beside the canonical ones.
func smallOrder() []string {
	zero := strings.Repeat("00", 31)
	ones := strings.Repeat("ff", 30)
	return []string{
		"01" + zero, "ec" + ones + "7f", "00" + zero, "00" + zero[2:] + "80",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
	}
}

func TestSmallOrder(t *testing.T) {
	for _, point := range smallOrder() {
		if err := checkEd25519(mustHex(t, point)); err == nil || !strings.Contains(err.Error(), "small order") {
			t.Errorf("%s: %v", point, err)
		}
		d := build(t, empty(), rootOf(1, 1))
		for name, s := range edKeyed(mustHex(t, point)) {
			var err error
			if root, ok := s.(Root); ok {
				_, err = New(root)
			} else {
				_, err = build(t, d, postOf("MOSCOW", 1), Person{Number: 17, Post: "MOSCOW"}).Append(s)
			}
			if err == nil || !strings.Contains(err.Error(), "small order") {
				t.Errorf("%s of %s: %v", name, point, err)
			}
		}
	}
	// Points that have a canonical encoding, written otherwise: y + p, or the sign of x = 0.
	ones := strings.Repeat("ff", 30)
	for _, point := range []string{"ed" + ones + "7f", "ee" + ones + "7f", "ed" + ones + "ff", "ee" + ones + "ff", "ec" + ones + "ff",
		"f0" + ones + "7f", "f0" + ones + "ff", "01" + strings.Repeat("00", 30) + "80"} {
		if err := checkEd25519(mustHex(t, point)); err == nil || strings.Contains(err.Error(), "small order") {
			t.Errorf("%s: %v", point, err)
		}
	}
	if err := checkEd25519(mustHex(t, "02"+strings.Repeat("00", 31))); err == nil {
		t.Error("no point of the curve: accepted")
	}
}

// edKeyed are statements with that Ed25519 key in every place that has one but the login, whose check is the same.
func edKeyed(ed []byte) map[string]Statement {
	root, identity, register, key := rootOf(1, 2), postOf("PARIS", 2), postOf("PARIS", 2), personKey(17, 1, 0)
	root.Officers[0].Key.Ed25519 = ed
	identity.Identity.Ed25519 = ed
	register.Register.Ed25519 = ed
	key.Key.Ed25519 = ed
	return map[string]Statement{"officer": root, "identity": identity, "register": register, "person's key": key}
}

func mustHex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestExtends(t *testing.T) {
	old := whole(t)
	longer := build(t, old, office("CONSUL@BEIJING"))
	for name, c := range map[string]struct {
		d, old *Directory
		want   error
	}{
		"the same":          {old, old, nil},
		"longer":            {longer, old, nil},
		"shorter":           {old, longer, ErrRollback},
		"another statement": {build(t, old, office("CLERK@BEIJING")), longer, ErrFork},
		"another, longer":   {build(t, old, office("CLERK@BEIJING"), office("CONSUL@BEIJING")), longer, ErrFork},
		"another, shorter":  {build(t, build(t, empty(), rootOf(2, 1, 2, 3)), postOf("PARIS", 9)), longer, ErrFork},
		"another root":      {build(t, empty(), rootOf(1, 1)), longer, ErrFork},
	} {
		if err := c.d.Extends(c.old); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	err := build(t, old, office("CLERK@BEIJING")).Extends(longer)
	if err == nil || !strings.Contains(err.Error(), `statement 12 is "office CLERK@BEIJING"`) {
		t.Errorf("does not say what differs first: %v", err)
	}
	resalted, err := old.Append(office("CONSUL@BEIJING"))
	if err != nil {
		t.Fatal(err)
	}
	if err := resalted.Extends(longer); !errors.Is(err, ErrFork) {
		t.Errorf("another salt only: %v", err)
	}
}

func TestSalts(t *testing.T) {
	root := rootOf(1, 1)
	a, err := New(root)
	if err != nil {
		t.Fatal(err)
	}
	b, err := New(root)
	if err != nil {
		t.Fatal(err)
	}
	if a.entries[0].salt == b.entries[0].salt || a.entries[0].salt == (salt{}) {
		t.Error("salts are not fresh")
	}
	if a.Root() == b.Root() {
		t.Error("the log's hash tells what is stated")
	}
	if a.Fingerprint() != b.Fingerprint() {
		t.Error("the fingerprint is not of the root alone")
	}
}

// RootAt is what a tree made by the words of RFC 6962 section 2.1 gives.
func TestRootAt(t *testing.T) {
	d := whole(t)
	var leaves []tlog.Hash
	for _, e := range d.entries {
		leaves = append(leaves, leaf(e.statement, e.salt))
	}
	for n := int64(1); n <= d.Size(); n++ {
		got, err := d.RootAt(n)
		if err != nil || got != treeHash(leaves[:n]) {
			t.Errorf("of %d: %v %v", n, got, err)
		}
	}
	for _, n := range []int64{-1, d.Size() + 1} {
		if _, err := d.RootAt(n); err == nil {
			t.Errorf("of %d: given", n)
		}
	}
	before := d.Marshal()
	build(t, d, office("CONSUL@BEIJING"))
	if !bytes.Equal(d.Marshal(), before) {
		t.Error("appending changed the shorter list")
	}
}

func treeHash(leaves []tlog.Hash) tlog.Hash {
	if len(leaves) == 1 {
		return leaves[0]
	}
	k := 1
	for 2*k < len(leaves) {
		k *= 2
	}
	return tlog.NodeHash(treeHash(leaves[:k]), treeHash(leaves[k:]))
}

func TestFull(t *testing.T) {
	d := whole(t)
	d.length = maxStatements - saltLength
	if _, err := d.Append(office("CONSUL@BEIJING")); err == nil {
		t.Error("a list longer than its file may be")
	}
}
