package telegram

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
)

// Disclosures that somebody made up. Whoever signs something else than the root of a telegram can make any of these.

// forged is a disclosure of any leaves, with a true R of them. edit alters what is withheld; the form is of the leaves unless they begin with one.
func forged(head, body []Leaf, hide func(head, body []int)) *Disclosure {
	if len(head) == 0 || head[0].Kind != formKind {
		head = withForm(formKind, head, body)
	}
	x := &Redaction{t: plain()}
	x.trees[inHead], x.trees[inBody] = newRedacted(seed07[:], head), newRedacted(seed07[1:], body)
	if hide != nil {
		hide(x.trees[inHead].withheld, x.trees[inBody].withheld)
	}
	d, err := x.Disclose()
	if err != nil {
		panic(err)
	}
	d.Registered = "proof"
	d.Root = rootOver(len(head), treeRoot(seed07[:], head), len(body), treeRoot(seed07[1:], body))
	return d
}

// altered are the head leaves of a telegram, without the form, with one leaf changed: the n-th of the kind.
func altered(tg *Telegram, kind uint8, value string) []Leaf {
	head := slices.Clone(tg.HeadLeaves()[1:])
	for i := range head {
		if head[i].Kind == kind {
			head[i].Value = []byte(value)
			return head
		}
	}
	panic(kind)
}

func refusesDisclosure(t *testing.T, what string, d *Disclosure, says string) {
	t.Helper()
	if again, err := ParseDisclosure(d.Marshal()); err != nil {
		t.Errorf("%s: %v", what, err)
	} else if _, err := again.Check(); err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("%s: it holds, or not so: %v, want %s", what, err, says)
	}
}

// The form and the leaves that are shown must be those that a released telegram can have, though their R be signed.
func TestNoTelegramIsSo(t *testing.T) {
	word := func(kind BlockKind, text string) Leaf { return Leaf{uint8(kind), []byte(text)} }
	tg := plain()
	head := tg.HeadLeaves()[1:]
	for _, c := range []struct {
		what       string
		head, body []Leaf
		says       string
	}{
		{"two words in one leaf", head, []Leaf{word(Paragraph, "two words")}, "not those of a telegram"},
		{"half a word", head, []Leaf{word(Paragraph, "ha"), word(More, "lf")}, "not those of a telegram"},
		{"a space first", head, []Leaf{word(Paragraph, " x")}, "space at its end"},
		{"a space last", head, []Leaf{word(Paragraph, "x ")}, "space at its end"},
		{"an empty word", head, []Leaf{word(Paragraph, "x"), word(More, "")}, "not those of a telegram"},
		{"an empty paragraph", head, []Leaf{word(Paragraph, "")}, "a paragraph is empty"},
		{"a character of control", head, []Leaf{word(Paragraph, "x\x7f")}, "control character"},
		{"a mark that turns the text", head, []Leaf{word(Paragraph, "\u202ex")}, "changes the order"},
		{"a word before any paragraph", head, []Leaf{word(More, "x")}, "goes on only after"},
		{"an end without a beginning", head, []Leaf{word(End, "")}, "never began"},
		{"a beginning without an end", head, []Leaf{word(Convey, "")}, "does not end"},
		{"an insertion in the air", head, []Leaf{word(Insertion, "\x01x")}, "within a paragraph"},
		{"a blank that says something", head, []Leaf{word(Blank, "x")}, "not those of a telegram"},
		{"an attachment that says nothing", head, []Leaf{{0x45, nil}}, "an attachment: malformed"},
		{"a field in the text", head, []Leaf{{kindCode, []byte("ICE")}}, "unknown kind"},
		{"a field twice", append(slices.Clone(head), Leaf{kindSubject, nil}), nil, "not those of a telegram"},
		{"fields in another order", append([]Leaf{head[1], head[0]}, head[2:]...), nil, "not those of a telegram"},
		{"a field less", head[:len(head)-1], nil, "not those of a telegram"},
		{"no field", nil, nil, "nobody released it"},
		{"an unknown field", append(slices.Clone(head), Leaf{0x21, nil}), nil, "unknown kind 0x21"},
		{"a word in the head", append(slices.Clone(head), word(Paragraph, "x")), nil, "kind 0x41 stands in its head"},
		{"another suite", altered(tg, kindSuite, "\x02"), nil, "not those of a telegram"},
		{"a sender that is none", altered(tg, kindSender, "OSLO"), nil, "no address"},
		{"a releaser of seven bytes", altered(tg, kindReleaser, "\x00\x00\x00\x0c\x00\x03\x00"), nil, "not those of a telegram"},
		{"no releaser", altered(tg, kindReleaser, ""), nil, "one of them is missing"},
		{"no release", altered(tg, kindReleased, ""), nil, "nobody released it"},
		{"an addressee of no precedence", altered(tg, kindAction, "\x06A@B"), nil, "precedence 6 is unknown"},
		{"an empty addressee", altered(tg, kindAction, ""), nil, "an addressee is empty"},
		{"a subject of two lines", altered(tg, kindSubject, "a\nb"), nil, "one line"},
		{"a deadline of one byte", altered(tg, kindDeadline, "\x01"), nil, "the part of kind 0x0a"},
		{"a time to register that is too far", altered(tg, kindRegisterBy, "\x7f\xff\xff\xff\xff\xff\xff\xff"), nil, "within 30 days"},
	} {
		refusesDisclosure(t, c.what, forged(c.head, c.body, nil), c.says)
	}
	// Of what is withheld the form tells enough to refuse it.
	hideAll := func(head, body []int) {
		for i := range head {
			head[i] = 1
		}
		for i := range body {
			body[i] = 1
		}
		head[0] = 0
	}
	many := func(kind uint8, n int) []Leaf {
		more := slices.Clone(head)
		at := slices.IndexFunc(more, func(l Leaf) bool { return l.Kind >= kind })
		return slices.Insert(more, at, slices.Repeat([]Leaf{{kind, nil}}, n)...)
	}
	for _, c := range []struct {
		what       string
		head, body []Leaf
		says       string
	}{
		{"no addressee", slices.DeleteFunc(slices.Clone(head), func(l Leaf) bool { return l.Kind == kindAction }), nil, "no action addressee"},
		{"too many addressees", many(kindInfo, MaxAddressees), nil, "257 addressees"},
		{"too many references", append(slices.Clone(head), slices.Repeat([]Leaf{{kindReference, nil}}, MaxReferences+1)...), nil, "65 references"},
		{"a head without end", append(slices.Clone(head), slices.Repeat([]Leaf{{kindReference, nil}}, 8*MaxReferences)...), nil, "its head has"},
		{"too many codes", append(slices.Clone(head), slices.Repeat([]Leaf{{kindCode, nil}}, MaxCodes+1)...), nil, "9 subject codes"},
		{"too many blocks", head, slices.Repeat([]Leaf{word(Convey, "")}, MaxBlocks+1), "65537 blocks"},
		{"too many blanks", head, slices.Repeat([]Leaf{word(Blank, "")}, MaxBlanks+1), "more than 65536 blanks"},
		{"too deep", head, append(slices.Repeat([]Leaf{word(Convey, "")}, 5), slices.Repeat([]Leaf{word(End, "")}, 5)...), "at most 4 deep"},
		{"an unknown field", append(slices.Clone(head), Leaf{0x21, nil}), nil, "unknown kind 0x21"},
		{"a word in the head", append(slices.Clone(head), word(Paragraph, "x")), nil, "kind 0x41 stands in its head"},
	} {
		refusesDisclosure(t, c.what, forged(c.head, c.body, hideAll), c.says)
	}
	// What stands for a withheld leaf is never one that is shown.
	tg.To, tg.Info = []Addressee{at("WITHHELD 0", "WITHHELD", 0), at("X", "Y", 0), at("WITHHELD 2", "WITHHELD", 0)}, []Addressee{at("Z", "Y", 0)}
	tg.Codes = []string{"W00000", "ICE", "W00001"}
	d := forged(tg.HeadLeaves()[1:], tg.BodyLeaves(), func(head, _ []int) { head[6], head[8], head[len(head)-2] = 1, 1, 1 })
	if _, err := d.Check(); err != nil {
		t.Error(err)
	}
	// An act on an exercise says that this is one, where the type is withheld; two such acts must agree.
	tg = spoken()
	act := tg.HeadLeaves()[1:]
	hideType := func(head, _ []int) {
		head[slices.IndexFunc(act, func(l Leaf) bool { return l.Kind == kindType })+1] = 1
	}
	if _, err := forged(act, tg.BodyLeaves(), hideType).Check(); err != nil {
		t.Error(err)
	}
	tg.References[1].Act = Fulfils
	act = tg.HeadLeaves()[1:]
	refusesDisclosure(t, "acts on an exercise and on an operation", forged(act, tg.BodyLeaves(), hideType), "an act on")
}

// A disclosure's own rules: the form, the counts, the digests, the kinds.
func TestDisclosureRefused(t *testing.T) {
	r := registered(spoken())
	for _, c := range []struct {
		what  string
		alter func(d *Disclosure)
		says  string
	}{
		{"nothing", func(d *Disclosure) { d.Head.Spans = nil }, "is not shown"},
		{"the form withheld", func(d *Disclosure) { d.Head.Spans[0] = Span{Withheld: 1} }, "is not shown"},
		{"another leaf first", func(d *Disclosure) { d.Head.Spans = d.Head.Spans[1:] }, "is not shown"},
		{"a leaf inserted", func(d *Disclosure) { d.Body.Spans = slices.Insert(d.Body.Spans, 3, d.Body.Spans[3]) }, "and its form says"},
		{"a leaf left out", func(d *Disclosure) { d.Body.Spans = slices.Delete(d.Body.Spans, 3, 4) }, "and its form says"},
		{"a leaf withheld that is none", func(d *Disclosure) { d.Body.Spans = append(d.Body.Spans, Span{Withheld: 1}) }, "and its form says"},
		{"leaves moved", func(d *Disclosure) { s := d.Body.Spans; s[1], s[2] = s[2], s[1] }, "another R"},
		{"a leaf moved from the text to the head", func(d *Disclosure) {
			d.Head.Spans, d.Body.Spans = append(d.Head.Spans, d.Body.Spans[0]), d.Body.Spans[1:]
		}, "another R"},
		{"salts swapped", func(d *Disclosure) { s := d.Body.Spans; s[1].Salt, s[2].Salt = s[2].Salt, s[1].Salt }, "another R"},
		{"a word changed", func(d *Disclosure) { d.Body.Spans[0].Value = []byte("Cell ") }, "another R"},
		{"a word's kind", func(d *Disclosure) { d.Body.Spans[0].Kind = uint8(More) }, "is of kind 0x40, and its form says 0x41"},
		{"a kind in form and leaf", func(d *Disclosure) {
			d.Body.Spans[1].Kind = uint8(Paragraph)
			form := slices.Clone(d.Head.Spans[0].Value)
			form[d.Head.Len()+1] = uint8(Paragraph)
			d.Head.Spans[0].Value = form
		}, "another R"},
		{"a digest changed", func(d *Disclosure) { d.Head.Digests[0][5] ^= 1 }, "another R"},
		{"a digest more", func(d *Disclosure) { d.Body.Digests = append(d.Body.Digests, d.Head.Digests[0]) }, "the text: it has too many digests"},
		{"a digest less", func(d *Disclosure) { d.Head.Digests = d.Head.Digests[1:] }, "the head: it has too many digests of what is withheld, or too few"},
		{"digests swapped", func(d *Disclosure) { x := d.Head.Digests; x[0], x[1] = x[1], x[0] }, "another R"},
		{"another R", func(d *Disclosure) { d.Root[0] ^= 1 }, "another R"},
		{"a shown leaf called withheld", func(d *Disclosure) { d.Body.Spans[3] = Span{Withheld: 1} }, "or too few"},
		{"no proof", func(d *Disclosure) { d.Release, d.ReleasePQ, d.Registered, d.Numbers = nil, nil, "", nil }, "proves neither"},
		{"numbers without an entry", func(d *Disclosure) { d.Registered = "" }, "no entry of a register that could prove them"},
	} {
		d := disclosed(t, r, func(x *Redaction) { do(t, x.Field("info", "")); do(t, x.Field("subject", "")) })
		c.alter(d)
		refusesDisclosure(t, c.what, d, c.says)
	}
	d := disclosed(t, r, func(x *Redaction) { do(t, x.Field("releaser", "")) })
	d.Release, d.ReleasePQ = r.Release, r.ReleasePQ
	refusesDisclosure(t, "signatures of whom it does not name", d, "withholds who released")
}

// The entry must be of this telegram, this release, and these numbers.
func TestDisclosureEntry(t *testing.T) {
	reg := registered(spoken())
	other := registered(plain())
	_, root := reg.Telegram.Roots()
	released := *reg
	released.Release = bytes.Repeat([]byte{9}, SizeEd25519)
	numbered := *reg
	numbered.Numbers.Register++
	for _, c := range []struct {
		what  string
		entry []byte
		says  string
	}{
		{"nothing", nil, "not of a telegram"},
		{"a note", NoteEntry(EntryContinued, seed07, nil), "not of a telegram"},
		{"an entry cut off", outEntry(reg)[:100], "not of a telegram"},
		{"another telegram", outEntry(other), "of another telegram"},
		{"another release", outEntry(&released), "of another release"},
		{"other numbers", outEntry(&numbered), "the numbers are not those"},
		{"more numbers", func() []byte { e := outEntry(reg); e[len(e)-33]++; return e }(), "the numbers are not those"},
	} {
		s, err := disclosed(t, reg, nil).Check()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.CheckEntry(c.entry); err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(s.String(), "Number") {
			t.Errorf("%s: %v", c.what, err)
		}
	}
	for what, alter := range map[string]func(p *Part){
		"the form of its numbers": func(p *Part) { p.Spans[0] = Span{Withheld: 1} },
		"or has other leaves":     func(p *Part) { p.Spans = p.Spans[:2] },
		"the numbers: leaf 1":     func(p *Part) { p.Spans[1].Kind = 0x83 },
		"are not those of":        func(p *Part) { p.Spans[1].Value = []byte("\x00\x00\x00\x00\x00\x01") },
	} {
		d := disclosed(t, reg, nil)
		alter(d.Numbers)
		s, err := d.Check()
		if err == nil {
			_, err = s.CheckEntry(outEntry(reg))
		}
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%v, want %s", err, what)
		}
	}
	// Without numbers and signatures R alone is compared, and a receiver's entry is one too.
	d := disclosed(t, reg, nil)
	d.Numbers, d.Release, d.ReleasePQ = nil, nil, nil
	s, err := d.Check()
	if err != nil {
		t.Fatal(err)
	}
	in := Numbers{Year: 2026, Register: Exercise.Mark(5), Registered: released.Numbers.Registered + 5, Serials: []Serial{{"OSLO", Exercise.Mark(101)}}}
	for entry, want := range map[string]EntryKind{string(outEntry(&numbered)): EntryOut, string(outEntry(&released)): EntryOut, string(inEntry(reg, &in)): EntryIn, string(briefIn(reg, &in)): EntryBriefIn} {
		if kind, err := s.CheckEntry([]byte(entry)); err != nil || kind != want {
			t.Error(kind, err)
		}
	}
	x := Redact(reg.Telegram)
	x.EnterIn(&in, [32]byte(bytes.Repeat([]byte{5}, 32)))
	if d, err = x.Disclose(); err != nil || d.Root != root {
		t.Fatal(err)
	}
	d.Registered, d.Release, d.ReleasePQ = "proof", reg.Release, reg.ReleasePQ
	if s, err = d.Check(); err != nil {
		t.Fatal(err)
	}
	for entry, want := range map[string]EntryKind{string(inEntry(reg, &in)): EntryIn, string(briefIn(reg, &in)): EntryBriefIn} {
		if kind, err := s.CheckEntry([]byte(entry)); kind != want || err != nil || !strings.Contains(s.String(), "Number: EX5/2026\nSerial: OSLO EX101\n") {
			t.Error(kind, err, s)
		}
	}
	if _, err := s.CheckEntry(briefIn(&released, &in)); err == nil || !strings.Contains(err.Error(), "of another release") {
		t.Error(err)
	}
}

// briefIn enters it where it came without its second signature, at the post of inEntry.
func briefIn(r *Registered, n *Numbers) []byte {
	_, root := r.Telegram.Roots()
	return r.BriefInEntry(root, n, [32]byte(bytes.Repeat([]byte{5}, 32)))
}

// A post that enters numbers which the telegram cannot have is seen.
func TestNumbersThatCannotBe(t *testing.T) {
	tg := spoken()
	good := registered(tg).Numbers
	reg := func(n Numbers) *Registered { r := registered(tg); r.Numbers = n; return r }
	number := func(kind uint8, value string) Leaf { return Leaf{kind, []byte(value)} }
	leaves := good.leaves()
	check := func(leaves []Leaf, kind EntryKind, hide func(x *Redaction)) error {
		x := Redact(tg)
		x.trees[inNumbers] = newRedacted(seed07[:], withForm(numbersForm, leaves, nil))
		if hide != nil {
			hide(x)
		}
		d, err := x.Disclose()
		if err != nil {
			t.Fatal(err)
		}
		d.Registered = "proof"
		if hide == nil { // what Disclose withholds by itself, a stranger shows
			p := newRedacted(seed07[:], withForm(numbersForm, leaves, nil))
			d.Numbers = &Part{}
			p.disclose(d.Numbers)
		}
		s, err := d.Check()
		if err != nil {
			t.Fatal(err)
		}
		n := treeRoot(seed07[:], withForm(numbersForm, leaves, nil))
		entry := append(append([]byte(LabelEntry), byte(kind)), d.Root[:]...)
		entry = append(binary.BigEndian.AppendUint32(append(entry, make([]byte, 64)...), uint32(len(leaves)+1)), n[:]...)
		_, err = s.CheckEntry(entry)
		return err
	}
	with := func(i int, l Leaf) []Leaf { c := slices.Clone(leaves); c[i] = l; return c }
	last := len(leaves) - 1
	early := binary.BigEndian.AppendUint64(nil, uint64(tg.Released-1))
	late := binary.BigEndian.AppendUint64(nil, uint64(tg.RegisterBy+1))
	then := binary.BigEndian.AppendUint64(nil, uint64(tg.RegisterBy+400*86400))
	for _, c := range []struct {
		what   string
		leaves []Leaf
		kind   EntryKind
		hide   func(x *Redaction)
		says   string // "": it holds
	}{
		{"the good ones", leaves, EntryOut, nil, ""},
		{"nothing", nil, EntryOut, nil, "a number, serials, and a time"},
		{"no serial", []Leaf{leaves[0], leaves[last]}, EntryOut, nil, "a number, serials, and a time"},
		{"two numbers", slices.Insert(slices.Clone(leaves), 1, leaves[0]), EntryOut, nil, "a number, serials, and a time"},
		{"no number", slices.Insert(slices.Clone(leaves[1:]), 1, leaves[1]), EntryOut, nil, "a number, serials, and a time"},
		{"two times", with(0, leaves[last]), EntryOut, nil, "a number, serials, and a time"},
		{"a number last", with(last, leaves[0]), EntryOut, nil, "a number, serials, and a time"},
		{"no time", append(slices.Clone(leaves[:last]), leaves[1]), EntryOut, nil, "a number, serials, and a time"},
		{"a number of seven bytes", with(0, number(kindNumber, "\x07\xea\x80\x00\x00\x01\x01")), EntryOut, nil, "kind 0x81 is none"},
		{"the number 0", with(0, number(kindNumber, "\x07\xea\x00\x00\x00\x00")), EntryOut, nil, "kind 0x81 is none"},
		{"a number of the operations", with(0, number(kindNumber, "\x07\xea\x00\x00\x00\x01")), EntryOut, nil, "number 1 is not of the series"},
		{"the same where the type is withheld", with(0, number(kindNumber, "\x07\xea\x00\x00\x00\x01")), EntryOut, func(x *Redaction) { do(t, x.Field("type", "")) }, ""},
		{"a serial of the operations", with(1, number(kindSerial, "BEIJING\x00\x00\x00\x01")), EntryOut, nil, "serial 1 is not of the series"},
		{"a serial without a post", with(1, number(kindSerial, "\x80\x00\x00\x01")), EntryOut, nil, "kind 0x82 is none"},
		{"a serial for no name", with(1, number(kindSerial, "B\x1b\x80\x00\x00\x01")), EntryOut, nil, "kind 0x82 is none"},
		{"the serial 0", with(1, number(kindSerial, "BEIJING\x00\x00\x00\x00")), EntryOut, nil, "kind 0x82 is none"},
		{"a serial for who is not addressed", with(1, number(kindSerial, "LIMA\x80\x00\x00\x01")), EntryOut, nil, "which is not addressed"},
		{"a serial of who did not send it", with(1, number(kindSerial, "BEIJING\x80\x00\x00\x01")), EntryIn, nil, "did not send it"},
		{"a time of seven bytes", with(last, number(kindEntered, string(late[1:]))), EntryOut, nil, "kind 0x83 is none"},
		{"no time at all", with(last, number(kindEntered, "\x00\x00\x00\x00\x00\x00\x00\x00")), EntryOut, nil, "kind 0x83 is none"},
		{"before the release", with(last, number(kindEntered, string(early))), EntryOut, nil, "outside the times"},
		{"the same where the time is withheld", with(last, number(kindEntered, string(early))), EntryOut, func(x *Redaction) { do(t, x.Field("registered", "")) }, ""},
		{"too late", with(last, number(kindEntered, string(late))), EntryOut, nil, "outside the times"},
		{"too late, the limit withheld", with(last, number(kindEntered, string(late))), EntryOut, func(x *Redaction) { do(t, x.Field("register-by", "")) }, ""},
		{"a year later", with(last, number(kindEntered, string(then))), EntryOut, func(x *Redaction) { do(t, x.Field("register-by", "")) }, "a number of 2026 in 2027"},
		{"a year later, the number withheld", with(last, number(kindEntered, string(then))), EntryOut, func(x *Redaction) { do(t, x.Field("register-by", "")); do(t, x.Field("number", "")) }, ""},
	} {
		err := check(c.leaves, c.kind, c.hide)
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", c.what, err, c.says)
		}
	}
	// Disclose withholds a serial for a post that no shown addressee has; a stranger's does not.
	for kind, says := range map[EntryKind]string{EntryOut: "LIMA, which is not addressed", EntryIn: "LIMA, which did not send it", EntryBriefIn: "LIMA, which did not send it"} {
		d := disclosed(t, reg(good), nil)
		p := newRedacted(seed07[:], withForm(numbersForm, []Leaf{leaves[0], number(kindSerial, "LIMA\x80\x00\x00\x01"), leaves[last]}, nil))
		d.Numbers = &Part{}
		p.disclose(d.Numbers)
		s, err := d.Check()
		if err == nil {
			err = s.checkNumbers(kind, p.leaves[0].Value)
		}
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %s", err, says)
		}
		d = disclosed(t, reg(good), func(x *Redaction) { do(t, x.Field("info", "")); do(t, x.Field("sender", "")) })
		if s, err = d.Check(); err == nil {
			d.Numbers = &Part{}
			p.disclose(d.Numbers)
			err = s.checkNumbers(kind, p.leaves[0].Value)
		}
		if err != nil {
			t.Errorf("LIMA may be among the withheld: %v", err)
		}
	}
}

// scripted are leaves as a fuzzer gives them: u8 kind ‖ u8 flags ‖ u8 length ‖ value. Bit 0 of the flags withholds the leaf.
func scripted(b []byte) (head, body []Leaf, hidden []bool) {
	for len(b) >= 3 {
		n := min(int(b[2]), len(b)-3)
		l := Leaf{b[0], b[3:][:n]}
		if l.Kind < uint8(More) && len(body) == 0 {
			head = append(head, l)
		} else {
			body = append(body, l)
		}
		hidden, b = append(hidden, b[1]&1 == 1), b[3+n:]
	}
	return head, body, hidden
}

// Of leaves that somebody signed those are accepted which a telegram has, and if nothing is withheld exactly those.
func FuzzCheckDisclosure(f *testing.F) {
	for _, tg := range []*Telegram{plain(), spoken()} {
		for _, flags := range []byte{0, 1, 2} {
			var b []byte
			for i, l := range append(tg.HeadLeaves()[1:], tg.BodyLeaves()...) {
				b = append(b, l.Kind, flags&1|flags>>1&byte(i), byte(len(l.Value)))
				b = append(b, l.Value...)
			}
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		head, body, hidden := scripted(b)
		if len(head) == 0 || head[0].Kind == formKind {
			return
		}
		any := false
		d := forged(head, body, func(h, t []int) {
			for i, x := range hidden {
				if any = any || x; x && i < len(head) {
					h[i+1] = 1
				} else if x {
					t[i-len(head)] = 1
				}
			}
		})
		s, err := d.Check()
		if err == nil {
			_ = s.String()
			s.Gaps()
			s.Brackets()
		}
		if any {
			return
		}
		var ps []part
		for _, l := range head {
			ps = append(ps, part{l.Kind, l.Value})
		}
		tg, parsed := Parse(write(append(ps, joined(body)...)))
		is := parsed == nil && tg.Released != 0 && slices.EqualFunc(tg.BodyLeaves(), body, func(a, b Leaf) bool { return a.Kind == b.Kind && bytes.Equal(a.Value, b.Value) })
		if is != (err == nil) {
			t.Errorf("as a disclosure it is taken: %v; as a telegram: %v", err, parsed)
		}
	})
}
