package post_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/desk"
	"chancery.example/chancery/post"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/telegram"
)

// another has a post do something to one telegram, and waits until it has arrived.
func (x *desks) another(a *post.Another) {
	x.m.t.Helper()
	x.sendForm(x.Another(background, a))
	x.m.delivered(x.name)
}

// refused wants an act on another telegram refused, in words.
func (x *desks) refused(a *post.Another, says string) {
	x.m.t.Helper()
	f, err := x.Another(background, a)
	if err == nil {
		_, err = x.Draft(background, f)
	}
	if err == nil || !strings.Contains(err.Error(), says) {
		x.m.t.Errorf("%+v: %v, want %q", a, err, says)
	}
}

// orderedTwo gives BEIJING an order, tells LONDON, and lets all carry. Its serials differ: LONDON had a telegram before.
func orderedTwo(t *testing.T) (m *ministry, moscow, beijing, london *desks) {
	m = open(t, nil)
	m.run(names[:]...)
	moscow, beijing, london = m.at("MOSCOW"), m.at("BEIJING"), m.at("LONDON")
	// Each has its number before the next: what is released together is registered by precedence.
	moscow.registered("To: AMBASSADOR@LONDON\n\nBefore it.\n", "From: MINISTRY\nTo: AMBASSADOR@BEIJING; flash\nInfo: AMBASSADOR@LONDON; priority\nClassification: SECRET\nCaveat: SPECIAL FILE\nAsk: receipt, fulfilment\nDeadline: 2030-01-01T12:00Z\n"+
		"Subject: The bridge\nSignature: MINISTER\n\nVisit the engineers.\n\n[convey to the engineers]\n\nBuild it.\n\n[end BUILDER]\n")
	m.delivered("MOSCOW")
	return m, moscow, beijing, london
}

func acts(s *post.Shown) (out []telegram.Act) {
	for _, d := range s.Deeds {
		out = append(out, d.Act)
	}
	return out
}

func TestCancel(t *testing.T) {
	m, moscow, beijing, london := orderedTwo(t)
	moscow.another(&post.Another{Act: telegram.Cancels, Number: 2})
	if s := moscow.shown(archive.Out, 3); s.Sheet == "" || len(s.References) != 2 || s.References[0].Serial != 1 || s.References[1].Serial != 2 || s.References[0].Here != fmt.Sprintf("out 2/%d", s.Year) ||
		!strings.Contains(s.Telegram.Text, "Our telegram of") || s.Addressed[0].Precedence != telegram.Flash || s.Addressed[1].Precedence != telegram.Priority {
		t.Errorf("the cancel is\n%s\n%+v", s.Sheet, s.References)
	}
	for x, want := range map[*desks]string{moscow: "out 2 BEIJING: cancelled until - due 2030-01-01", beijing: "in 1 BEIJING: cancelled until - due 2030-01-01"} {
		if got := x.orders(post.OrdersWanted{All: true}); !slices.Equal(got, []string{want}) {
			t.Errorf("at %s: %q", x.name, got)
		}
		if got := x.orders(post.OrdersWanted{}); len(got) != 0 {
			t.Errorf("at %s is open: %q", x.name, got)
		}
	}
	for _, s := range []*post.Shown{moscow.shown(archive.Out, 2), beijing.shown(archive.In, 1), london.shown(archive.In, 2)} {
		if !s.Cancelled || !s.Verified || !slices.Contains(s.Telegram.Handling, "CANCELLED") {
			t.Errorf("at %s: cancelled %v, findings %v, %q", s.Post, s.Cancelled, s.Findings, s.Telegram.Handling)
		}
	}
	if l := beijing.received(); !l[0].Cancelled || slices.Contains(l[0].Open, desk.Fulfilment) || l[1].On == nil || l[1].On.Act != telegram.Cancels || l[1].On.Here == "" {
		t.Errorf("the list has %+v", l)
	}
	moscow.refused(&post.Another{Act: telegram.Cancels, Number: 2}, "BEIJING was told that it is cancelled (out 3/")
	moscow.refused(&post.Another{Act: telegram.Corrects, Number: 2, Text: "So."}, "was told that it is cancelled")
	moscow.refused(&post.Another{Act: telegram.Repeats, Number: 2}, "was told that it is cancelled")
	beijing.refused(&post.Another{Act: telegram.Readdresses, Number: 1, To: []telegram.Address{{Office: "ATTACHE", Post: "LONDON"}}}, "it was cancelled (in 2/")
	for act, refused := range map[telegram.Act]bool{telegram.Acknowledges: true, telegram.AsksTime: true, telegram.Fulfils: false} {
		f, err := beijing.Report(background, &post.Report{Number: 1, Act: act, Text: "So.", Until: may.Unix()})
		if err == nil {
			_, err = beijing.Draft(background, f)
		}
		if (err != nil) != refused {
			t.Errorf("a report that %v: %v", act, err)
		}
	}
	// What is done is done: the report counts on both sides, though the cancel was here first.
	beijing.report(&post.Report{Number: 1, Act: telegram.Fulfils, Text: "It stood already."})
	for x, want := range map[*desks]string{moscow: "out 2 BEIJING: done until - due 2030-01-01", beijing: "in 1 BEIJING: done until - due 2030-01-01"} {
		if got := x.orders(post.OrdersWanted{All: true}); !slices.Equal(got, []string{want}) {
			t.Errorf("at %s: %q", x.name, got)
		}
	}
	m.whole()
}

// One of several posts can be told, and the others do not hear of it.
func TestCancelForOnePost(t *testing.T) {
	m, moscow, beijing, london := orderedTwo(t)
	moscow.refused(&post.Another{Act: telegram.Cancels, Number: 2, Posts: []string{"PARIS"}}, "did not go to PARIS: it went to BEIJING, LONDON")
	moscow.another(&post.Another{Act: telegram.Cancels, Number: 2, Posts: []string{"LONDON"}, Text: "It is not for you."})
	if !london.shown(archive.In, 2).Cancelled || beijing.shown(archive.In, 1).Cancelled || moscow.shown(archive.Out, 2).Cancelled {
		t.Error("it is cancelled for another than LONDON")
	}
	if got := moscow.orders(post.OrdersWanted{}); len(got) != 1 {
		t.Errorf("the order of BEIJING: %q", got)
	}
	moscow.another(&post.Another{Act: telegram.Cancels, Number: 2, Posts: []string{"BEIJING"}})
	if !beijing.shown(archive.In, 1).Cancelled || !moscow.shown(archive.Out, 2).Cancelled {
		t.Error("it is not cancelled for all")
	}
	m.whole()
}

func TestCorrect(t *testing.T) {
	m, moscow, beijing, london := orderedTwo(t)
	before := beijing.shown(archive.In, 1)
	p := telegram.Immediate
	moscow.another(&post.Another{Act: telegram.Corrects, Number: 2, Text: "For ENGINEERS read MINERS.", Precedence: &p})
	moscow.another(&post.Another{Act: telegram.Corrects, Number: 2, Text: "For BUILD read DIG.", Posts: []string{"BEIJING"}})
	for _, s := range []*post.Shown{moscow.shown(archive.Out, 2), beijing.shown(archive.In, 1)} {
		if len(s.Corrections) != 2 || s.Corrections[0].Text != "For ENGINEERS read MINERS." || s.Corrections[1].Text != "For BUILD read DIG." || !s.Verified {
			t.Errorf("at %s it shows %+v", s.Post, s.Corrections)
		}
	}
	if s := london.shown(archive.In, 2); len(s.Corrections) != 1 || s.Cancelled {
		t.Errorf("at LONDON it shows %+v", s.Corrections)
	}
	after := beijing.shown(archive.In, 1)
	if after.Sheet != before.Sheet || after.Root != before.Root {
		t.Errorf("the telegram was changed:\n%s", after.Sheet)
	}
	if l := beijing.received(); !l[0].Corrected || !slices.Contains(l[0].Open, desk.Fulfilment) || l[1].Precedence != telegram.Immediate {
		t.Errorf("the list has %+v", l)
	}
	moscow.refused(&post.Another{Act: telegram.Corrects, Number: 2}, "has no text")
	m.whole()
}

func TestRepeat(t *testing.T) {
	m, moscow, beijing, _ := orderedTwo(t)
	p := telegram.Flash
	moscow.another(&post.Another{Act: telegram.Repeats, Number: 2, Posts: []string{"BEIJING"}, Precedence: &p})
	first, again := beijing.shown(archive.In, 1), beijing.shown(archive.In, 2)
	if again.Telegram.Signature != "MINISTER" || !slices.Equal(again.Telegram.Handling, first.Telegram.Handling) || again.Messages[0].Text != "Build it." || len(again.Duties) != 1 /* the receipt it gave unasked */ {
		t.Errorf("the repeat is\n%s\nwith %+v", again.Sheet, again.Duties)
	}
	if !slices.Contains(acts(first), telegram.Repeats) || first.Verified != true || again.Verified != true {
		t.Errorf("the first has %v", acts(first))
	}
	if got := beijing.orders(post.OrdersWanted{}); len(got) != 1 {
		t.Errorf("the order is open as %q", got)
	}
	for text, says := range map[string]string{
		"Classification: SECRET\nCaveat: SPECIAL FILE\n\nOther words.\n":  "leave the text out",
		"Classification: SECRET\nCaveat: SPECIAL FILE\nAsk: fulfilment\n": "a repeat asks for nothing",
		"Classification: SECRET\n":                                        "add a line  Caveat: SPECIAL FILE",
		"Caveat: SPECIAL FILE\n":                                          "its policy and classification: \"\", \"SECRET\"",
	} {
		if _, err := moscow.Draft(background, form(moscow, fmt.Sprintf("To: AMBASSADOR@BEIJING\nRepeats: MOSCOW 1/%d\n%s", time.Now().UTC().Year(), text))); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", text, err)
		}
	}
	m.whole()
}

// What a telegram did to an order stands, so it is not cancelled; nor is a cancel.
func TestWhatActedIsNotCancelled(t *testing.T) {
	m, moscow, beijing, _ := orderedTwo(t)
	beijing.report(&post.Report{Number: 1, Act: telegram.Fulfils, Text: "Done."})
	beijing.refused(&post.Another{Act: telegram.Cancels, Number: 1}, "it fulfils MOSCOW 1 itself, and what it did stands")
	moscow.another(&post.Another{Act: telegram.Cancels, Number: 1})
	moscow.refused(&post.Another{Act: telegram.Cancels, Number: 3}, "it cancels MOSCOW 1 itself")
	moscow.another(&post.Another{Act: telegram.Corrects, Number: 2, Text: "So."})
	moscow.another(&post.Another{Act: telegram.Cancels, Number: 4})
	if !beijing.shown(archive.In, 2).Cancelled {
		t.Error("a correction cannot be cancelled")
	}
	m.whole()
}

// Serials of two telegrams, or of one that went elsewhere, name none.
func TestSerialsThatNameNoTelegram(t *testing.T) {
	m, moscow, beijing, _ := orderedTwo(t)
	moscow.registered("To: AMBASSADOR@LONDON\nInfo: AMBASSADOR@BEIJING\n\nThe other way.\n") // LONDON 3, BEIJING 2
	moscow.registered("To: AMBASSADOR@BEIJING\n\nMore.\n")                                   // BEIJING 3
	moscow.registered("To: AMBASSADOR@LONDON\nInfo: AMBASSADOR@BEIJING\n\nCrossed.\n")       // LONDON 4, BEIJING 4
	m.delivered("MOSCOW")
	year := time.Now().UTC().Year()
	for _, x := range []struct{ text, says string }{
		{"To: AMBASSADOR@BEIJING\nCancels: MOSCOW 9/%d\n\nNo.\n", "nothing was sent to BEIJING under that number"},
		{"To: AMBASSADOR@BEIJING\nInfo: AMBASSADOR@LONDON\nCancels: MOSCOW 1/%d\n\nNo.\n", "not those of one telegram to these posts"},
		{"To: AMBASSADOR@BEIJING\nCancels: MOSCOW 1/%[1]d\nCancels: MOSCOW 2/%[1]d\n\nNo.\n", "not those of one telegram to these posts"},
		{"To: AMBASSADOR@BEIJING\nCancels: MOSCOW 1/%[1]d\nCorrects: MOSCOW 1/%[1]d\n\nNo.\n", "write a telegram for each"},
		{"To: AMBASSADOR@BEIJING\nCancels: MOSCOW 1/%[1]d\nType: exercise\n\nNo.\n", "an exercise answers exercises only"},
		{"To: AMBASSADOR@BEIJING\nCancels: MOSCOW 1/1999\n\nNo.\n", "it took its serial in"},
		{"To: AMBASSADOR@BEIJING\nCancels: LONDON 1/%d\n\nNo.\n", "only the post that sent a telegram cancels it"},
		{"To: AMBASSADOR@BEIJING\nReaddresses: LONDON 1/%d\n\nNo.\n", "it readdresses LONDON 1/"},
		{"To: AMBASSADOR@BEIJING\nInfo: AMBASSADOR@LONDON\nCancels: MOSCOW 2/%[1]d\nCancels: MOSCOW 3/%[1]d\n\nNo.\n", ""},
		{"To: AMBASSADOR@BEIJING\nInfo: AMBASSADOR@LONDON\nCancels: MOSCOW 4/%[1]d\n\nNo.\n", ""},
	} {
		_, err := moscow.Draft(background, form(moscow, fmt.Sprintf(strings.ReplaceAll(x.text, "%d", "%[1]d"), year)))
		if (err == nil) != (x.says == "") || err != nil && !strings.Contains(err.Error(), x.says) {
			t.Errorf("%q: %v, want %q", x.text, err, x.says)
		}
	}
	// Two telegrams whose serials are crossed: which is meant nobody can tell, but to one post.
	moscow.registered("To: AMBASSADOR@LONDON\n\nApart.\n")                       // LONDON 5
	moscow.registered("To: AMBASSADOR@BEIJING\nInfo: AMBASSADOR@LONDON\n\nA.\n") // BEIJING 5, LONDON 6
	moscow.registered("To: AMBASSADOR@BEIJING\n\nApart.\n")                      // BEIJING 6
	moscow.registered("To: AMBASSADOR@BEIJING\n\nApart.\n")                      // BEIJING 7
	m.delivered("MOSCOW")
	moscow.tamper("update outbox set of = (select of from outbox where post = 'BEIJING' and serial = 6) where post = 'LONDON' and serial = 5")
	both := fmt.Sprintf("To: AMBASSADOR@BEIJING\nInfo: AMBASSADOR@LONDON\nCancels: MOSCOW 5/%[1]d\nCancels: MOSCOW 6/%[1]d\n\nNo.\n", year)
	if _, err := moscow.Draft(background, form(moscow, both)); err == nil || !strings.Contains(err.Error(), "two telegrams had these serials") {
		t.Errorf("crossed serials: %v", err)
	}
	_ = beijing
}

// What overtakes the telegram that it is done to waits for it.
func TestTheCancelOvertakes(t *testing.T) {
	m := open(t, nil)
	beijing := m.at("BEIJING")
	c := newClerk(m, "MOSCOW", "BEIJING")
	c.change = func(x *telegram.Telegram) { x.Asks, x.Deadline = telegram.AskFulfilment, may.Unix() }
	order := c.envelopes(1)
	_, root := c.lastMade.Telegram.Roots()
	m.run("BEIJING")
	g := newClerk(m, "MOSCOW", "BEIJING")
	says := func(serial uint32, act telegram.Act, serials ...uint32) {
		t.Helper()
		g.seed[0]++
		g.register, g.serial, g.specials = serial, serial, serial
		g.change = func(x *telegram.Telegram) {
			for _, s := range serials {
				x.References = append(x.References, telegram.Reference{Act: act, Post: "MOSCOW", Year: 2026, Serial: s, Root: root})
			}
		}
		m.deliver("BEIJING", g.envelopes(1)...)
	}
	says(5, telegram.Cancels, 90, 3, 1) // 90 and 3 are those for other posts
	says(6, telegram.Corrects, 1)
	says(7, telegram.Repeats, 1)
	says(8, telegram.Cancels, 2) // under this number something else comes
	if n := beijing.count("select count(*) from early"); n != 5 {
		t.Errorf("%d wait", n)
	}
	m.deliver("BEIJING", order...)
	s := beijing.shown(archive.In, 5)
	if got := beijing.orders(post.OrdersWanted{All: true}); !slices.Equal(got, []string{"in 5 BEIJING: cancelled until - due 2032-05-01"}) || !s.Cancelled || len(s.Corrections) != 1 {
		t.Errorf("when it came: %q, %v\n%s", got, acts(s), beijing.trouble())
	}
	if !slices.Contains(acts(s), telegram.Repeats) {
		t.Errorf("the repeat is not entered: %v", acts(s))
	}
	o := newClerk(m, "MOSCOW", "BEIJING")
	o.register, o.serial, o.specials = 2, 2, 20
	m.deliver("BEIJING", o.envelopes(1)...)
	if !strings.Contains(beijing.trouble(), "it cancels its serial 2, which is not what came under that number") {
		t.Errorf("no alarm: %s", beijing.trouble())
	}
	if n := beijing.count("select count(*) from early"); n != 0 {
		t.Errorf("%d still wait", n)
	}
	o = newClerk(m, "MOSCOW", "BEIJING")
	o.register, o.serial, o.specials = 3, 3, 30
	m.deliver("BEIJING", o.envelopes(1)...)
	if strings.Contains(beijing.trouble(), "serial 3") {
		t.Errorf("an alarm about a serial that was for another post: %s", beijing.trouble())
	}
	m.whole()
}

// What must not be believed is an alarm, and changes nothing.
func TestOnOneNotBelieved(t *testing.T) {
	m, moscow, beijing, _ := orderedTwo(t)
	beijing.send("To: MINISTRY@MOSCOW\n\nOf ours.\n")
	m.delivered("BEIJING")
	root := beijing.shown(archive.In, 1).Root
	ours := beijing.shown(archive.Out, 1).Root
	moscow.report(&post.Report{Number: 1, Act: telegram.Acknowledges, Text: "We have it."})
	acked := beijing.shown(archive.In, 2).Root
	body := []telegram.Block{{Kind: telegram.Paragraph, Text: "Other words."}}
	secret := telegram.Label{Classification: "SECRET", Caveats: []string{"SPECIAL FILE"}}
	serial := map[string]uint32{"MOSCOW": 100}
	for _, x := range []struct {
		says, from string
		ref        telegram.Reference
		change     func(*telegram.Telegram)
	}{
		{"it cancels MOSCOW 1/2026, which is not its telegram", "LONDON", telegram.Reference{Act: telegram.Cancels, Post: "MOSCOW", Serial: 1, Root: root}, nil},
		{"it corrects BEIJING 1/2026, which is not its telegram", "MOSCOW", telegram.Reference{Act: telegram.Corrects, Post: "BEIJING", Serial: 1, Root: ours}, nil},
		{"it cancels its 1/2026, which is not what came under that number", "MOSCOW", telegram.Reference{Act: telegram.Cancels, Post: "MOSCOW", Serial: 1, Root: ours}, nil},
		{"it repeats its 900/2026, which is not what came under that number", "MOSCOW", telegram.Reference{Act: telegram.Repeats, Post: "MOSCOW", Serial: 900, Root: root}, nil},
		{"it cancels its serial 2, and may not: it acknowledges BEIJING 1 itself", "MOSCOW", telegram.Reference{Act: telegram.Cancels, Post: "MOSCOW", Serial: 2, Root: acked}, nil},
		{"it repeats its serial 1, and its text is another", "MOSCOW", telegram.Reference{Act: telegram.Repeats, Post: "MOSCOW", Serial: 1, Root: root}, func(x *telegram.Telegram) { x.Body, x.Label = body, secret }},
		{"it repeats its serial 1, and may not: what carries its text", "MOSCOW", telegram.Reference{Act: telegram.Repeats, Post: "MOSCOW", Serial: 1, Root: root}, nil},
		{"it repeats its serial 1, and may not: a repeat asks for nothing", "MOSCOW", telegram.Reference{Act: telegram.Repeats, Post: "MOSCOW", Serial: 1, Root: root}, func(x *telegram.Telegram) { x.Asks = telegram.AskReceipt }},
	} {
		c := newClerk(m, x.from, "BEIJING")
		serial[x.from]++
		c.register, c.serial, c.specials = serial[x.from], serial[x.from], serial[x.from]
		c.change = func(y *telegram.Telegram) {
			x.ref.Year = 2026
			y.References = []telegram.Reference{x.ref}
			if x.change != nil {
				x.change(y)
			}
		}
		m.deliver("BEIJING", c.envelopes(1)...)
		if !strings.Contains(beijing.trouble(), x.says) {
			t.Errorf("no alarm that says %q:\n%s", x.says, beijing.trouble())
		}
	}
	for _, n := range []uint32{1, 2} {
		if s := beijing.shown(archive.In, n); s.Cancelled || len(s.Corrections) > 0 || slices.Contains(acts(s), telegram.Repeats) {
			t.Errorf("incoming %d: %v", n, acts(s))
		}
	}
	if n := beijing.count("select count(*) from early"); n != 0 {
		t.Errorf("%d wait", n)
	}
	m.whole()
}

// A post of a version that does not know an act refuses the telegram with a word, and goes on. So does this one with an act of the future.
func TestActOfALaterVersion(t *testing.T) {
	m := open(t, nil)
	m.run("BEIJING")
	c := newClerk(m, "MOSCOW", "BEIJING")
	later := c.registered()
	later.Telegram.References = []telegram.Reference{{Act: telegram.Repeats + 1, Post: "MOSCOW", Year: 2026, Serial: 1, Root: telegram.Root{1}}}
	later.Draft = seal.HandOver(later.Telegram, c.drafts)
	later.Release, later.ReleasePQ = seal.Release(later.Telegram, c.releases)
	if taken, told := m.arrives(c.piece(1, 1, later.Marshal())); taken || !strings.Contains(told, "a reference needs a known act") {
		t.Errorf("taken %v: %s", taken, told)
	}
	next := newClerk(m, "MOSCOW", "BEIJING")
	next.serial, next.register, next.specials = 2, 2, 9
	if taken, told := m.arrives(next.envelopes(1)...); !taken {
		t.Errorf("what came after it was not taken: %s", told)
	}
}
