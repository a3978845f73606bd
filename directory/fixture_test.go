package directory

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hpke"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"chancery.example/chancery/telegram"
	"filippo.io/mldsa"
	"github.com/nats-io/nkeys"
)

// pair is a private key of both algorithms, made from a word.
type pair struct {
	ed ed25519.PrivateKey
	ml *mldsa.PrivateKey
}

func seed(word string) []byte {
	h := sha256.Sum256([]byte("chancery test " + word))
	return h[:]
}

func keyOf(word string) pair {
	ml, err := mldsa.NewPrivateKey(mldsa.MLDSA44(), seed(word+" ml-dsa-44"))
	if err != nil {
		panic(err)
	}
	return pair{ed25519.NewKeyFromSeed(seed(word + " ed25519")), ml}
}

func (p pair) public() PublicKey {
	return PublicKey{Ed25519: []byte(p.ed.Public().(ed25519.PublicKey)), MLDSA: p.ml.PublicKey().Bytes()}
}

func (p pair) sign(label string, body []byte) Signature {
	ml, err := p.ml.SignDeterministic(body, &mldsa.Options{Context: label})
	if err != nil {
		panic(err)
	}
	return Signature{Ed25519: ed25519.Sign(p.ed, append([]byte(label), body...)), MLDSA: ml}
}

// officer is a root officer with private keys.
type officer struct {
	number int
	pair
}

func officerOf(n int) officer { return officer{n, keyOf(fmt.Sprint("officer ", n))} }

func (o officer) public() Officer { return Officer{o.number, o.pair.public()} }

// ed and ml sign a checkpoint as cosignature/v1, each as one signature line. They are written from C2SP tlog-cosignature and use
// nothing of the package but the name.
func (o officer) ed(checkpoint string, at time.Time) string {
	sig := ed25519.Sign(o.pair.ed, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at.Unix(), checkpoint))
	return o.line(algorithmEd25519, o.public().Key.Ed25519, at, sig)
}

func (o officer) ml(checkpoint string, at time.Time) string {
	text := strings.Split(checkpoint, "\n")
	var size uint64
	fmt.Sscan(text[1], &size)
	name := o.public().Name()
	m := append([]byte("subtree/v1\n\x00"), byte(len(name)))
	m = binary.BigEndian.AppendUint64(append(m, name...), uint64(at.Unix()))
	m = append(append(m, byte(len(text[0]))), text[0]...)
	m = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(m, 0), size)
	m = append(m, decode(text[2])...)
	sig, err := o.pair.ml.SignDeterministic(m, nil)
	if err != nil {
		panic(err)
	}
	return o.line(algorithmMLDSA, o.public().Key.MLDSA, at, sig)
}

func (o officer) both(checkpoint string, at time.Time) string {
	return o.ed(checkpoint, at) + o.ml(checkpoint, at)
}

func (o officer) line(algorithm byte, key []byte, at time.Time, sig []byte) string {
	name := o.public().Name()
	hash := sha256.Sum256(append(append([]byte(name+"\n"), algorithm), key...))
	return "— " + name + " " + base64Of(append(binary.BigEndian.AppendUint64(hash[:4:4], uint64(at.Unix())), sig...)) + "\n"
}

func decode(s string) []byte {
	l := &lines{text: []string{"x " + s}, known: []string{"x"}}
	b := l.bytes("x")
	if l.err != nil {
		panic(l.err)
	}
	return b
}

// now is when most tests take place.
func now() time.Time { return time.Date(2026, 12, 7, 20, 40, 0, 0, time.UTC) }

func rootOf(threshold int, officers ...int) Root {
	r := Root{Threshold: threshold}
	for _, n := range officers {
		r.Officers = append(r.Officers, officerOf(n).public())
	}
	return r
}

func postOf(name string, route byte) Post {
	login, err := nkeys.FromRawSeed(nkeys.PrefixByteUser, seed(name+" login"))
	if err != nil {
		panic(err)
	}
	u, err := login.PublicKey()
	if err != nil {
		panic(err)
	}
	p := Post{
		Name: name, Route: telegram.Route{route, route, route}, Login: u,
		Identity: keyOf(name + " identity").public(), Register: keyOf(name + " register").public(),
	}
	p.Signature = keyOf(name+" identity").sign(telegram.LabelKey, p.Body())
	return p
}

func letterKeyOf(post string, id byte, from, until time.Time) LetterKey {
	private, err := hpke.MLKEM768X25519().NewPrivateKey(seed(fmt.Sprint(post, " letter ", id)))
	if err != nil {
		panic(err)
	}
	k := LetterKey{Post: post, ID: [4]byte{id, id, id, id}, XWing: private.PublicKey().Bytes(), NotBefore: from, NotAfter: until}
	k.Signature = keyOf(post+" identity").sign(telegram.LabelPeriod, k.Body())
	return k
}

func personKey(person uint32, key uint16, after uint16) Key {
	word := func(n uint16) string { return fmt.Sprintf("person %d key %d", person, n) }
	k := Key{Ref: telegram.KeyRef{Person: person, Key: key}, Key: keyOf(word(key)).public(), After: after}
	if after != 0 {
		k.From = now()
	}
	k.Signature = keyOf(word(key)).sign(telegram.LabelKey, k.Body())
	if after != 0 {
		k.Continuity = keyOf(word(after)).sign(telegram.LabelKey, k.Body())
	}
	return k
}

func office(s string) Office {
	a, err := telegram.ParseAddress(s)
	if err != nil {
		panic(err)
	}
	return Office{a}
}

const week = 7 * 24 * time.Hour

// statements are what follows the root in the directory of most tests.
func statements() []Statement {
	return []Statement{
		postOf("MOSCOW", 0x11),
		postOf("BEIJING", 0x22),
		office("MINISTER@MOSCOW"),
		office("AMBASSADOR@BEIJING"),
		letterKeyOf("BEIJING", 1, now(), now().Add(4*week)),
		Person{Number: 17, Post: "MOSCOW", Roles: Drafter | Releaser},
		personKey(17, 1, 0),
		personKey(17, 2, 1),
		Person{Number: 18, Post: "BEIJING"},
		personKey(18, 1, 0),
		personKey(18, 2, 0),
	}
}

// salts are fixed ones: the i-th statement of a list gets the i-th, whenever it is appended.
func salts(from int64, n int) []salt {
	s := make([]salt, n)
	for i := range s {
		s[i] = salt(seed(fmt.Sprint("salt ", from+int64(i))))
	}
	return s
}

func build(t testing.TB, d *Directory, more ...Statement) *Directory {
	t.Helper()
	d, err := d.appendSalted(more, salts(d.Size(), len(more)))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// whole is a list with every kind of statement, under the root 2 of 1, 2, 3. Nobody has signed it.
func whole(t testing.TB) *Directory {
	return build(t, build(t, empty(), rootOf(2, 1, 2, 3)), statements()...)
}

// sign has officers sign a list, both algorithms each.
func sign(t testing.TB, d *Directory, at time.Time, officers ...int) *Directory {
	t.Helper()
	note := d.Checkpoint() + "\n"
	for _, n := range officers {
		note += officerOf(n).both(d.Checkpoint(), at)
	}
	return add(t, d, note)
}

func add(t testing.TB, d *Directory, signed string) *Directory {
	t.Helper()
	d, err := d.AddSignatures([]byte(signed))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// delivered is what a post makes of the list with these signature lines when it is brought by somebody who may have changed them.
func delivered(t testing.TB, d *Directory, signatureLines ...string) *Directory {
	t.Helper()
	file := []byte(strings.TrimSuffix(string(d.Marshal()), string(d.note())))
	file = append(file, d.Checkpoint()+"\n"+strings.Join(signatureLines, "")...)
	got, err := Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Marshal(), file) {
		t.Fatal("parse, print: other bytes")
	}
	return got
}
