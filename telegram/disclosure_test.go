package telegram

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// spoken is a telegram with all that a disclosure can be about.
func spoken() *Telegram {
	t := rich()
	t.Codes, t.Deskby, t.Urgency = []string{"ICE", "TUG"}, handedOver+3600, Immediately
	t.Body = append(slices.Clone(t.Body[:12]), Block{Insertion, "\x02the harbour master's cousin"}, Block{Paragraph, "The third train, and the Third Train again."},
		Block{Insertion, "\x03third train"}, Block{More, "No \"third train\" after\tthat\\."}, Block{Paragraph, "渡轮停运,第三渡轮也停。"}, Block{Blank, "\x02"}, Block{More, "Третий поезд — третий."})
	return t
}

// disclosed is a disclosure of a registered telegram with both proofs, as the sender gives it; those are not judged here. Where the releaser is
// withheld it is without his signatures.
func disclosed(t *testing.T, r *Registered, cut func(x *Redaction)) *Disclosure {
	t.Helper()
	x := Redact(r.Telegram)
	x.EnterOut(&r.Numbers)
	if cut != nil {
		cut(x)
	}
	d, err := x.Disclose()
	if err != nil {
		t.Fatal(err)
	}
	d.Registered = "the register's \"proof\"\n"
	if x.trees[inHead].withheld[3] == 0 {
		d.Release, d.ReleasePQ = r.Release, r.ReleasePQ
	}
	return d
}

// readBack writes, reads and checks a disclosure, with the entry it is of.
func readBack(t *testing.T, r *Registered, d *Disclosure) *Shown {
	t.Helper()
	b := d.Marshal()
	again, err := ParseDisclosure(b)
	if err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	if !bytes.Equal(again.Marshal(), b) {
		t.Fatalf("written again it is\n%s\nand was\n%s", again.Marshal(), b)
	}
	s, err := again.Check()
	if err != nil {
		t.Fatal(err)
	}
	if kind, err := s.CheckEntry(outEntry(r)); err != nil || kind != EntryOut {
		t.Fatal(kind, err)
	}
	return s
}

func do(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// scattered withholds each leaf with a probability of n in 40, for one of several reasons.
func scattered(t *testing.T, x *Redaction, n int) {
	random := rand.New(rand.NewPCG(uint64(n), 7))
	for i := range x.trees {
		for j := range x.trees[i].leaves {
			because, err := x.because([]string{"", "a", "b"}[random.IntN(3)])
			do(t, err)
			if (j > 0 || i == inBody) && random.IntN(40) < n {
				x.trees[i].withhold(j, because)
			}
		}
	}
}

// Whatever is withheld, the rest makes the same R and N.
func TestDisclosure(t *testing.T) {
	empty := plain()
	empty.Body = nil
	for name, tg := range map[string]*Telegram{"plain": plain(), "rich": rich(), "spoken": spoken(), "no text": empty} {
		r := registered(tg)
		_, root := tg.Roots()
		for n := range 41 {
			d := disclosed(t, r, func(x *Redaction) { scattered(t, x, n) })
			s := readBack(t, r, d)
			leaves := 0
			for _, g := range s.Gaps() {
				leaves += g.Leaves
			}
			want := len(tg.HeadLeaves()) + len(tg.BodyLeaves()) + len(r.Numbers.leaves()) + 1
			if got := d.Head.Len() + d.Body.Len() + d.Numbers.Len(); d.Root != root || got != want || n == 0 && leaves > 0 || n == 40 && leaves != want-2 {
				t.Errorf("%s, %d: %d leaves withheld of %d, of %d; R %s", name, n, leaves, got, want, d.Root)
			}
			if a, ok := s.Sender(); ok && a != tg.From || ok != (s.withheld[kindSender] == 0) {
				t.Errorf("%s, %d: sent by %v", name, n, a)
			}
			if k, ok := s.Drafter(); ok && k != tg.Drafter {
				t.Errorf("%s, %d: drafted by %v", name, n, k)
			}
			if at, ok := s.Released(); ok && at != tg.Released {
				t.Errorf("%s, %d: released %d", name, n, at)
			}
		}
	}
}

// Each byte of a disclosure counts: R depends on it, or it is not in the one written form. Reasons and proofs are for others to judge.
func TestDisclosureAltered(t *testing.T) {
	r := registered(spoken())
	good := disclosed(t, r, func(x *Redaction) {
		do(t, x.Field("reference", "because"))
		do(t, x.Paragraph(2, "because of this"))
	}).Marshal()
	from, to := bytes.Index(good, []byte(`"reasons":["`))+len(`"reasons":["`), bytes.Index(good, []byte(`"root"`))
	for i := range good {
		if i >= from && i < to {
			continue
		}
		b := slices.Clone(good)
		b[i] ^= 1
		d, err := ParseDisclosure(b)
		var s *Shown
		if err == nil {
			s, err = d.Check()
		}
		if err == nil {
			_, err = s.CheckEntry(outEntry(r))
		}
		if err == nil {
			t.Errorf("byte %d altered, and it holds: %s", i, b[max(0, i-40):min(len(b), i+40)])
		}
	}
}

// What is withheld is nowhere: no word, no salt, no seed.
func TestWithheldIsAbsent(t *testing.T) {
	tg := spoken()
	tg.Subject, tg.Signature = "Subjectword", "Signatureword"
	tg.Body = append(tg.Body, Block{Paragraph, "harmless Firstsecret harmless Secondsecret harmless"})
	r := registered(tg)
	x := Redact(tg)
	x.EnterOut(&r.Numbers)
	for _, f := range []string{"subject", "signature", "info", "drafter", "releaser", "reference"} {
		do(t, x.Field(f, "a reason"))
	}
	for _, w := range []string{"Firstsecret", "Secondsecret", "渡轮"} {
		if _, err := x.Words(w, ""); err != nil {
			t.Error(err)
		}
	}
	d, err := x.Disclose()
	if err != nil {
		t.Fatal(err)
	}
	d.Registered = "proof"
	b := d.Marshal()
	secrets := [][]byte{tg.Seed[:]}
	withheld := 0
	for _, tree := range x.trees {
		secrets = append(secrets, tree.seed)
		leafHashes(tree.seed, tree.leaves, func(i int, salt []byte) {
			shown := bytes.Contains(b, base64.StdEncoding.AppendEncode(nil, salt))
			if shown != (tree.withheld[i] == 0) {
				t.Errorf("leaf %d of kind %#02x, withheld %d: its salt is there: %v", i, tree.leaves[i].Kind, tree.withheld[i], shown)
			}
			if tree.withheld[i] == 0 {
				return
			}
			withheld++
			secrets = append(secrets, slices.Clone(salt))
			if v := tree.leaves[i].Value; len(v) > 8 {
				secrets = append(secrets, v)
			}
		})
	}
	if withheld < 15 {
		t.Errorf("only %d leaves are withheld", withheld)
	}
	for _, s := range append(secrets, []byte("Subjectword"), []byte("Signatureword"), []byte("Firstsecret"), []byte("Secondsecret"), []byte("渡"), []byte("МОСКВА")) {
		// In any of the writings that stand in JSON, at any place of a longer base64.
		forms := [][]byte{s, hex.AppendEncode(nil, s)}
		for skip := range 3 {
			if e := base64.StdEncoding.EncodeToString(append(make([]byte, skip), s...)); len(s) > 8 {
				forms = append(forms, []byte(e[4:len(e)-4]))
			}
		}
		for _, f := range forms {
			if bytes.Contains(b, f) {
				t.Errorf("%q is there as %q", s, f)
			}
		}
	}
	if s := readBack(t, r, d); strings.Contains(s.String(), "secret") {
		t.Error(s.String())
	}
}

// What is shown is set as a page, with gaps.
func TestShownText(t *testing.T) {
	r := registered(spoken())
	d := disclosed(t, r, func(x *Redaction) {
		for _, w := range []string{"third train", "第三", "третий"} {
			if _, err := x.Words(w, "1.4(d)"); err != nil {
				t.Error(err)
			}
		}
		do(t, x.Field("info#2", "")) // the attaché at BEIJING, whose serial the ambassador's shows
		do(t, x.Field("info#1", ""))
		do(t, x.Field("drafter", "3.3(b)(1)"))
		do(t, x.Message(3, "privacy"))
		do(t, x.Field("released", ""))
	})
	const want = `From: MINISTER@OSLO
Released by: person 12, key 3
Drafted by: [[withheld: 3.3(b)(1)]]
To: AMBASSADOR@BEIJING; flash
To: CONSUL GENERAL@NEW YORK; immediate
Info: [[withheld]]
Info: [[withheld]]
Info: سفير@القاهرة; priority
Policy: Chancery Test
Classification: SECRET
Caveat: SPECIAL FILE
Caveat: NO COPIES
Review: 2055-12-25T10:10:00Z
Type: exercise
Deadline: 2026-01-02T10:10:00Z
DTG: 011010Z JAN 26, 2026-01-01T10:10:00Z
Released at: [[withheld]]
Register-by: 2026-01-02T10:20:00Z
Asks: receipt, fulfilment
Subject: The ferry across the strait
Signature: HOLMSEN
Reference: acknowledges BEIJING EX417/2025
Reference: refers МОСКВА 3/2024
Code: ICE
Code: TUG
Deskby: 2026-01-01T11:10:00Z
Urgency: immediately
Number: EX90/2026
Serial: BEIJING EX100
Serial: NEW YORK EX101
Serial: [[withheld]]
Serial: القاهرة EX103
Registered: [[withheld]]

Call at the harbour office before noon, and say this:

[convey to To the harbour master, orally]

Паром стоит с пятницы.
	Просим его отпустить.

[convey to To his brother]

渡轮已停三天,请放行。

[convey to [[withheld: privacy]]]

[[5 words withheld: privacy]] [[3 blanks]] [[4 words withheld: privacy]]

[end [[withheld: privacy]]]

[end]

[end NILSSON] [gloss the harbour master's cousin]

The [[2 words withheld: 1.4(d)]] and the [[2 words withheld: 1.4(d)]] again. [insertion [[withheld: 1.4(d)]]] No [[2 words withheld: 1.4(d)]] after	that\.

渡轮停运, [[2 words withheld: 1.4(d)]] 渡轮也停。 [[2 blanks]] [[1 word withheld: 1.4(d)]] поезд — [[1 word withheld: 1.4(d)]]
`
	s := readBack(t, r, d)
	if got := s.String(); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	gaps := fmt.Sprint(s.Gaps())
	const wantGaps = "[{drafter 1 3.3(b)(1)} {info 2 } {released 1 } {text 14 privacy} {text 2 1.4(d)} {text 2 1.4(d)} {text 1 1.4(d)} {text 2 1.4(d)} {text 2 1.4(d)} {text 1 1.4(d)} {text 1 1.4(d)} {serial 1 } {registered 1 }]"
	if gaps != wantGaps {
		t.Errorf("%s\nwant\n%s", gaps, wantGaps)
	}
	if s.Brackets() {
		t.Error("its text has no brackets")
	}
	for _, text := range []string{"one [[x", "one x]]", "a [ [b]]", "渡[[渡"} {
		tg := plain()
		tg.Body = []Block{{Paragraph, text}}
		if r := registered(tg); !readBack(t, r, disclosed(t, r, nil)).Brackets() {
			t.Errorf("%q has brackets", text)
		}
	}
	// Numbers that no entry has proved are not shown.
	if s, err := d.Check(); err != nil || strings.Contains(s.String(), "EX90") || strings.Contains(fmt.Sprint(s.Gaps()), "serial") {
		t.Error(err, s)
	}
}
