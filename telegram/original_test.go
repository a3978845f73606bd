package telegram

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// released is what two people signed, as far as this package looks.
func releasedOf(t *Telegram) *Released { return &registered(t).Released }

// readdressal passes on a telegram of OSLO: BEIJING, which was to act on it, tells LIMA.
func readdressal(o *Telegram) *Telegram {
	_, root := o.Roots()
	t := plain()
	t.Seed[0], t.From, t.Type = 8, Address{"AMBASSADOR", "BEIJING"}, o.Type
	t.References = []Reference{{Act: Readdresses, Post: o.From.Post, Year: 2026, Serial: o.Type.Mark(100), Root: root}}
	t.Body = []Block{{Paragraph, "You know the harbour master."}}
	t.PassOn(releasedOf(o))
	return t
}

// shallow is the rich telegram with a text that may stand one deeper.
func shallow() *Telegram {
	t := rich()
	t.Body = []Block{{Paragraph, "Say this:"}, {Convey, "To the pilot"}, {Paragraph, "Паром стоит."}, {Blank, "\x03"}, {More, "Просим."}, {Insertion, "\x02a ferry"}, {End, "THE OWNER"}, {Insertion, "\x02Nilsson"}}
	return t
}

func TestReaddressedIsWhatWasReleased(t *testing.T) {
	forInfo := readdressal(plain())
	forInfo.To, forInfo.Info = nil, forInfo.To
	infoOnly := plain()
	infoOnly.Body = nil
	twice := readdressal(readdressal(plain()))
	for name, c := range map[string]struct{ t, of *Telegram }{
		"plain": {readdressal(plain()), plain()}, "everything": {readdressal(shallow()), shallow()}, "for information": {forInfo, plain()},
		"without text": {readdressal(infoOnly), infoOnly}, "what was passed on before": {twice, readdressal(plain())},
		"passed on three times": {readdressal(twice), twice},
	} {
		t.Run(name, func(t *testing.T) {
			b := c.t.Marshal()
			got := parse(t, b)
			if !bytes.Equal(got.Marshal(), b) {
				t.Error("parsed and printed, the bytes differ")
			}
			o, err := got.Readdressed()
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(o.Telegram.Marshal(), c.of.Marshal()) {
				t.Errorf("passed on is\n%+v\nwant\n%+v", o.Telegram, c.of)
			}
			if want := releasedOf(c.of); !reflect.DeepEqual(o.Signatures, want.Signatures) {
				t.Errorf("its signatures are %+v", o.Signatures)
			}
			clear(b)
			if again, err := got.Readdressed(); err != nil || !bytes.Equal(again.Telegram.Marshal(), c.of.Marshal()) {
				t.Errorf("it changed with the bytes it was read from: %v", err)
			}
		})
	}
	if o, err := plain().Readdressed(); o != nil || err != nil {
		t.Errorf("what passes on nothing passes on %v, %v", o, err)
	}
}

var badReaddressals = map[string]struct {
	edit func(*Telegram)
	why  string
}{
	"nothing goes along":               {func(t *Telegram) { t.Original = nil }, "goes along whole, and only then"},
	"it goes along with nothing cited": {func(t *Telegram) { t.References = nil }, "goes along whole, and only then"},
	"it goes along with a correction":  {func(t *Telegram) { t.References[0].Act = Corrects }, "goes along whole, and only then"},
	"without R":                        {func(t *Telegram) { t.References[0].Root = Root{} }, "which is missing"},
	"two of them":                      {func(t *Telegram) { addRef(t, func(r *Reference) { r.Root[0]++ }) }, "write a telegram for each"},
	"of two posts":                     {func(t *Telegram) { addRef(t, func(r *Reference) { r.Post = "PARIS" }) }, "write a telegram for each"},
	"and cancelled":                    {func(t *Telegram) { addRef(t, func(r *Reference) { r.Act = Cancels }) }, "write a telegram for each"},
	"to nobody":                        {func(t *Telegram) { t.To, t.Info = nil, nil }, "no action addressee"},
	"only handed over": {func(t *Telegram) {
		o := t.Original.Telegram
		o.Releaser, o.Released, o.RegisterBy = KeyRef{}, 0, 0
	}, "only what was released"},
	"its text twice":            {func(t *Telegram) { t.Original.Telegram.Body = plain().Body }, "its text stands in the text"},
	"no text":                   {func(t *Telegram) { t.Body = nil }, "ends with the telegram"},
	"a word after it":           {func(t *Telegram) { t.Body = append(t.Body, Block{Paragraph, "x"}) }, "ends with the telegram"},
	"to another":                {func(t *Telegram) { t.Body[1].Text = "CONSUL@LIMA" }, "ends with the telegram"},
	"under another's signature": {func(t *Telegram) { t.Body[len(t.Body)-1].Text = "X" }, "ends with the telegram"},
	"its signature alone": {func(t *Telegram) {
		name := t.Original.Telegram.To[0].String()
		t.Original.Telegram.Signature, t.Body = name, []Block{{Paragraph, name}}
	}, "ends with the telegram"},
	"a text that is none": {func(t *Telegram) { t.Body = slices.Insert(t.Body, 2, Block{Blank, "\x01"}, Block{Insertion, "\x01x"}) }, ""},
	"a head that is none": {func(t *Telegram) { t.Original.Telegram.Asks = 4 }, ""},
}

func addRef(t *Telegram, change func(*Reference)) {
	r := t.References[0]
	r.Serial++
	change(&r)
	t.References = append(t.References, r)
}

func TestCheckRefusesReaddressals(t *testing.T) {
	for name, c := range badReaddressals {
		t.Run(name, func(t *testing.T) {
			tg := readdressal(plain())
			c.edit(tg)
			if err := tg.Check(); err == nil || !strings.Contains(err.Error(), c.why) {
				t.Fatalf("Check says %v, want %q", err, c.why)
			}
			if _, err := Parse(tg.Marshal()); err == nil {
				t.Error("Parse accepts what Check refuses")
			}
		})
	}
}

// What was altered on its way through the readdresser's hands is not the telegram that is cited.
func TestReaddressedIsAnother(t *testing.T) {
	for name, edit := range map[string]func(*Telegram){
		"a word":          func(t *Telegram) { t.Body[2].Text = "Ice has closed the southern harbour." },
		"a word more":     func(t *Telegram) { t.Body = slices.Insert(t.Body, 3, Block{Paragraph, "x"}) },
		"an addressee":    func(t *Telegram) { t.Original.Telegram.Info = []Addressee{at("CONSUL", "PARIS", Flash)} },
		"a precedence":    func(t *Telegram) { t.Original.Telegram.To[0].Precedence = Flash },
		"the time":        func(t *Telegram) { t.Original.Telegram.DTG++ },
		"the releaser":    func(t *Telegram) { t.Original.Telegram.Releaser.Person++ },
		"the seed":        func(t *Telegram) { t.Original.Telegram.Seed[0]++ },
		"R of another":    func(t *Telegram) { t.References[0].Root[0]++ },
		"the part before": func(t *Telegram) { t.Body[2].Text = "Ice has closed" },
	} {
		t.Run(name, func(t *testing.T) {
			tg := readdressal(plain())
			edit(tg)
			if _, err := parse(t, tg.Marshal()).Readdressed(); err == nil || !strings.Contains(err.Error(), "not the telegram that it cites") {
				t.Errorf("it is taken for the original: %v", err)
			}
		})
	}
	tg := readdressal(plain())
	tg.Body = tg.Body[:1]
	if _, err := tg.Readdressed(); err == nil {
		t.Error("a telegram that was never checked passes on something")
	}
}

func TestOriginalRefusals(t *testing.T) {
	good := readdressal(plain())
	ps := parts(t, good.Marshal())
	i := where(ps, kindOriginal)
	with := func(value []byte) []byte {
		ps := slices.Clone(ps)
		ps[i].value = value
		return write(ps)
	}
	v := ps[i].value
	long := slices.Clone(v)
	binary.BigEndian.PutUint32(long, uint32(len(long)))
	deep := plain()
	for range MaxDepth + 1 {
		deep.Original = releasedOf(&Telegram{Seed: seed07, From: deep.From, Drafter: deep.Drafter, Releaser: deep.Releaser, Info: deep.To, DTG: deep.DTG,
			Released: deep.Released, RegisterBy: deep.RegisterBy, References: readdressal(plain()).References, Original: deep.Original})
	}
	for name, c := range map[string]struct {
		b   []byte
		why string
	}{
		"nothing":                 {with(nil), "cut off"},
		"a byte less":             {with(v[:len(v)-1]), "cut off"},
		"a byte more":             {with(append(slices.Clone(v), 0)), "cut off"},
		"longer than it is":       {with(long), "cut off"},
		"no telegram":             {with(append(slices.Clone(v[:4]), append([]byte{9}, v[5:]...)...)), "version 1"},
		"larger than is taken":    {with(append(slices.Clone(v), make([]byte, maxOriginal)...)), "too large"},
		"deeper than is conveyed": {with(deep.Original.marshal()), "too deep"},
		"considered twice over":   {append(slices.Clone(good.Marshal()[:33]), kindConsidered, 1, 2), ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(c.b)
			refusedAs(t, err, c.why)
		})
	}
}

func TestConsidered(t *testing.T) {
	tg := plain()
	_, without := tg.Roots()
	tg.Considered = true
	if got := parse(t, tg.Marshal()); !got.Considered {
		t.Error("it is not read back")
	}
	if _, with := tg.Roots(); with == without {
		t.Error("the releaser does not sign it")
	}
	ps := parts(t, tg.Marshal())
	for _, v := range [][]byte{nil, {0}, {2}, {1, 1}} {
		ps[where(ps, kindConsidered)].value = v
		if _, err := Parse(write(ps)); err == nil {
			t.Errorf("considered as %x is accepted", v)
		}
	}
}

// A disclosure of a readdressal shows what is passed on in its text, as far as it is shown, and never the seed with which the rest could be guessed.
func TestReaddressalDisclosed(t *testing.T) {
	forInfo := considered(readdressal(shallow()))
	forInfo.To, forInfo.Info = nil, forInfo.To
	for name, cut := range map[string]func(x *Redaction){
		"all":            func(*Redaction) {},
		"a word":         func(x *Redaction) { x.Words("pilot", "") },
		"the message":    func(x *Redaction) { do(t, x.Message(1, "reason")) },
		"the reference":  func(x *Redaction) { do(t, x.Field("reference", "")) },
		"type and cited": func(x *Redaction) { do(t, x.Field("reference", "")); do(t, x.Field("type", "")) },
		"the addressees": func(x *Redaction) { do(t, x.Field("addressee", "")) },
		"all of it":      func(x *Redaction) { do(t, x.Field("all", "reason")) },
	} {
		for _, tg := range []*Telegram{readdressal(plain()), considered(readdressal(shallow())), forInfo} {
			if name == "a word" && len(tg.Body) < 6 {
				continue
			}
			r := registered(tg)
			d := disclosed(t, r, cut)
			s := readBack(t, r, d)
			if strings.Contains(string(d.Marshal()), base64.StdEncoding.EncodeToString(tg.Original.Telegram.Seed[:])[:40]) || !strings.Contains(s.String(), "Original: [[withheld]]\n") && !strings.Contains(s.String(), "Original: [[withheld: reason]]\n") {
				t.Errorf("%s shows\n%s", name, s)
			}
			if name == "all" && tg.Considered && !strings.Contains(s.String(), "Minimize: considered\n") {
				t.Errorf("%s shows\n%s", name, s)
			}
		}
	}
	r := registered(readdressal(plain()))
	d := disclosed(t, r, func(x *Redaction) {
		for i := range x.trees[inHead].withheld {
			x.trees[inHead].withheld[i] = 0
		}
	})
	if _, err := d.Check(); err == nil || !strings.Contains(err.Error(), "the seed of the telegram that is passed on") {
		t.Errorf("the seed is shown: %v", err)
	}
}

func TestOnOne(t *testing.T) {
	tg := rich()
	if tg.On() != nil {
		t.Errorf("it acts on %+v", tg.On())
	}
	root := Root{1}
	tg.References = append(tg.References, Reference{Cancels, "OSLO", 2026, Exercise.Mark(7), root}, Reference{Cancels, "OSLO", 2026, Exercise.Mark(9), root})
	if err := tg.Check(); err != nil || tg.On().Serial != Exercise.Mark(7) {
		t.Errorf("it acts on %+v: %v", tg.On(), err)
	}
	tg.References[3].Root = Root{}
	if err := tg.Check(); err == nil {
		t.Error("two telegrams at once are accepted")
	}
	for a := Refers; a <= lastAct; a++ {
		if a.OnOne() != (a >= Cancels) {
			t.Errorf("%v: %v", a, a.OnOne())
		}
	}
}
