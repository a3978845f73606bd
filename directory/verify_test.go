package directory

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	fnote "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
)

func TestSigned(t *testing.T) {
	d := sign(t, whole(t), now(), 3, 1)
	if err := d.Verify(d.Fingerprint(), now()); err != nil {
		t.Fatal(err)
	}
	if got := d.Signers(now()); !slices.Equal(got, []int{1, 3}) {
		t.Errorf("signed by %v", got)
	}
	if got := d.SignedAt(now()); !got.Equal(now()) {
		t.Errorf("signed at %v", got)
	}
	if err := build(t, d, office("VICE MINISTER@MOSCOW")).Verify(d.Fingerprint(), now()); !errors.Is(err, ErrUnsigned) {
		t.Errorf("a longer list keeps the signatures of the shorter: %v", err)
	}
}

// What officers make with the ordinary signers of the formats module is what is counted here.
func TestOrdinarySigners(t *testing.T) {
	d := whole(t)
	n := &note.Note{Text: d.Checkpoint()}
	for _, number := range []int{1, 2} {
		o := officerOf(number)
		for _, key := range []string{
			skey(o, algorithmEd25519, o.public().Key.Ed25519, o.pair.ed.Seed()),
			skey(o, algorithmMLDSA, o.public().Key.MLDSA, o.pair.ml.Bytes()),
		} {
			s, err := fnote.NewSignerForCosignatureV1(key)
			if err != nil {
				t.Fatal(err)
			}
			signed, err := note.Sign(n, s)
			if err != nil {
				t.Fatal(err)
			}
			d = add(t, d, string(signed))
		}
	}
	if err := d.Verify(d.Fingerprint(), time.Now()); err != nil {
		t.Error(err)
	}
	ed, ml, err := officerOf(1).public().Verifiers()
	if err != nil {
		t.Fatal(err)
	}
	opened, err := note.Open(d.note(), note.VerifierList(ed, ml))
	if err != nil || len(opened.Sigs) != 2 {
		t.Errorf("the note does not open under Verifiers: %v", err)
	}
}

func skey(o officer, algorithm byte, public, private []byte) string {
	name := o.public().Name()
	hash := sha256.Sum256(append(append([]byte(name+"\n"), algorithm), public...))
	return fmt.Sprintf("PRIVATE+KEY+%s+%x+%s", name, hash[:4], base64Of(append([]byte{algorithm}, private...)))
}

// Two of three must sign. Nothing here is two.
func TestTooFew(t *testing.T) {
	d := whole(t)
	c := d.Checkpoint()
	older := sign(t, build(t, empty(), rootOf(2, 1, 2, 3)), now(), 1, 2, 3).Checkpoint()
	one, two, stranger := officerOf(1), officerOf(2), officerOf(4)
	later := now().Add(time.Hour)

	asTwo := func(o officer) officer { return officer{2, o.pair} } // his keys under the other's name
	renamed := func(line string) string { return strings.Replace(line, "root-1", "root-2", 1) }
	for name, lines := range map[string][]string{
		"nobody":                                {},
		"one":                                   {one.both(c, now())},
		"one, twice":                            {one.both(c, now()), one.both(c, now())},
		"one, at two times":                     {one.both(c, now()), one.both(c, later)},
		"one, and one by Ed25519":               {one.both(c, now()), two.ed(c, now())},
		"one, and one by ML-DSA":                {one.both(c, now()), two.ml(c, now())},
		"Ed25519 of one, ML-DSA of another":     {one.ed(c, now()), two.ml(c, now())},
		"Ed25519 of all":                        {one.ed(c, now()), two.ed(c, now()), officerOf(3).ed(c, now())},
		"ML-DSA of all":                         {one.ml(c, now()), two.ml(c, now()), officerOf(3).ml(c, now())},
		"one and a stranger":                    {one.both(c, now()), stranger.both(c, now())},
		"one, and the same as another":          {one.both(c, now()), asTwo(one).both(c, now())},
		"one, and his lines renamed":            {one.both(c, now()), renamed(one.ed(c, now())), renamed(one.ml(c, now()))},
		"another's Ed25519 with one's ML-DSA":   {one.both(c, now()), two.ed(c, now()), asTwo(one).ml(c, now())},
		"all, over an older checkpoint":         {one.both(older, now()), two.both(older, now())},
		"one, and one over an older checkpoint": {one.both(c, now()), two.both(older, now())},
		"one, and one ahead of time":            {one.both(c, now()), two.both(c, now().Add(25*time.Hour))},
		"one, and half of one ahead of time":    {one.both(c, now()), two.ed(c, now()), two.ml(c, now().Add(25*time.Hour))},
	} {
		got := delivered(t, d, lines...)
		if err := got.Verify(d.Fingerprint(), now()); !errors.Is(err, ErrUnsigned) {
			t.Errorf("%s: %v", name, err)
		}
		if !got.SignedAt(now()).IsZero() {
			t.Errorf("%s: has a time of signing", name)
		}
	}
	// Lines under an officer's name that no key of his can have made are somebody else's.
	other := decode(strings.Fields(two.ml(c, now()))[2])
	other[0] ^= 1
	foreign := delivered(t, d, one.both(c, now()), two.ed(c, now()), "— root-2 "+base64Of(other)+"\n", "— root-2 AAAAAAAAAAAA\n")
	if err := foreign.Verify(d.Fingerprint(), now()); !errors.Is(err, ErrUnsigned) {
		t.Errorf("another key's hash: %v", err)
	}
	enough := delivered(t, d, stranger.both(c, now()), "— example.org/witness AAAAAAAAAAAA\n", one.both(c, now()), two.both(c, now().Add(23*time.Hour)))
	if err := enough.Verify(d.Fingerprint(), now()); err != nil {
		t.Errorf("lines of others disturb: %v", err)
	}
}

// An officer who is in the root twice, under two numbers, would be two.
func TestOfficerTwice(t *testing.T) {
	for name, change := range map[string]func(*Root){
		"same keys":          func(r *Root) { r.Officers[1].Key = r.Officers[0].Key },
		"same Ed25519 key":   func(r *Root) { r.Officers[1].Key.Ed25519 = r.Officers[0].Key.Ed25519 },
		"same ML-DSA key":    func(r *Root) { r.Officers[1].Key.MLDSA = r.Officers[0].Key.MLDSA },
		"same number":        func(r *Root) { r.Officers[1].Number = 1 },
		"number falls":       func(r *Root) { r.Officers[0].Number = 9 },
		"no number":          func(r *Root) { r.Officers[0].Number = 0 },
		"threshold nought":   func(r *Root) { r.Threshold = 0 },
		"threshold too high": func(r *Root) { r.Threshold = 4 },
		"no officers":        func(r *Root) { r.Officers = nil },
	} {
		r := rootOf(2, 1, 2, 3)
		change(&r)
		if _, err := New(r); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestThresholdLowered(t *testing.T) {
	d := whole(t)
	lowered := sign(t, build(t, build(t, empty(), rootOf(1, 1, 2, 3)), statements()...), now(), 1)
	if err := lowered.Verify(d.Fingerprint(), now()); !errors.Is(err, ErrFingerprint) {
		t.Error(err)
	}
	if err := lowered.Extends(d); !errors.Is(err, ErrFork) {
		t.Error(err)
	}
}

func TestStale(t *testing.T) {
	d := sign(t, whole(t), now(), 1)
	d = add(t, d, officerOf(2).ed(d.Checkpoint(), now().Add(-Fresh))+officerOf(2).ml(d.Checkpoint(), now()))
	if at := d.SignedAt(now()); !at.Equal(now().Add(-Fresh)) {
		t.Errorf("signed at %v: not the k-th newest officer's older signature", at)
	}
	if err := d.Verify(d.Fingerprint(), now()); err != nil {
		t.Errorf("thirty days old: %v", err)
	}
	if err := d.Verify(d.Fingerprint(), now().Add(time.Second)); !errors.Is(err, ErrStale) {
		t.Errorf("older than thirty days: %v", err)
	}
	turned := add(t, d, officerOf(2).ed(d.Checkpoint(), now())+officerOf(2).ml(d.Checkpoint(), now().Add(-Fresh)))
	if at := turned.SignedAt(now()); !at.Equal(now().Add(-Fresh)) {
		t.Errorf("signed at %v, with ML-DSA the older", at)
	}
	// A third makes it fresh again; so does the second, by signing once more.
	if err := sign(t, d, now(), 3).Verify(d.Fingerprint(), now().Add(Fresh)); err != nil {
		t.Error(err)
	}
	again := sign(t, d, now().Add(week), 2)
	if err := again.Verify(d.Fingerprint(), now().Add(Fresh)); err != nil {
		t.Error(err)
	}
	if n := len(again.signatures); n != 4 {
		t.Errorf("%d signature lines of two officers", n)
	}
	// Who signs ahead of his time is not counted now, and cannot keep the list fresh then.
	far := sign(t, d, now().Add(1000*week), 3)
	if at := far.SignedAt(now().Add(1000 * week)); !at.Equal(now()) {
		t.Errorf("one officer moved the time of signing to %v", at)
	}
}

func TestAddSignatures(t *testing.T) {
	d := whole(t)
	c := d.Checkpoint()
	for name, signed := range map[string]string{
		"nothing":              "",
		"no signature":         c + "\n",
		"another checkpoint":   strings.Replace(c, "\n12\n", "\n11\n", 1) + "\n" + officerOf(1).both(c, now()),
		"a stranger only":      officerOf(4).both(c, now()),
		"one that is wrong":    officerOf(1).both(strings.Replace(c, "\n12\n", "\n11\n", 1), now()),
		"an unended line":      strings.TrimSuffix(officerOf(1).both(c, now()), "\n"),
		"no base64":            "— root-1 ****\n",
		"a line after":         officerOf(1).both(c, now()) + "\n",
		"a control character":  "— root-1\x1b AAAAAAAAAAAA\n",
		"more lines than ever": strings.Repeat(officerOf(1).ed(c, now()), maxSignatureLines+1),
		"a line that is long":  "— x " + base64Of(make([]byte, maxLine)) + "\n",
		"a time past reason":   officerOf(1).ed(c, time.Unix(1<<40, 0)),
	} {
		if _, err := d.AddSignatures([]byte(signed)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if len(d.signatures) != 0 {
		t.Error("the list itself changed")
	}
	// Of lines that came by one key the newest is kept.
	one := officerOf(1)
	got := add(t, delivered(t, d, one.ed(c, now()), one.ed(c, now().Add(week)), one.ed(c, now())), officerOf(2).both(c, now()))
	if len(got.signatures) != 3 || got.signatures[0]+"\n" != one.ed(c, now().Add(week)) {
		t.Error("an older signature is kept, or more than one")
	}
}
