package post_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/directory"
	"chancery.example/chancery/post"
	"chancery.example/chancery/telegram"
)

func TestReaddress(t *testing.T) {
	m, moscow, beijing, london := orderedTwo(t)
	attache := telegram.Address{Office: "ATTACHE", Post: "LONDON"}
	ministry := telegram.Address{Office: "MINISTRY", Post: "MOSCOW"}
	beijing.another(&post.Another{Act: telegram.Readdresses, Number: 1, To: []telegram.Address{attache}, Info: []telegram.Address{ministry}, Text: "You know the engineers.", Asks: telegram.AskFulfilment, Deadline: may.Unix()})
	for _, s := range []*post.Shown{beijing.shown(archive.Out, 1), london.shown(archive.In, 3), moscow.shown(archive.In, 1)} {
		x := s.PassedOn
		if x == nil || !x.Action || x.By.String() != "AMBASSADOR@BEIJING" || x.From != ministry || x.Serial != 1 || x.Post != "MOSCOW" || x.Here == "" || !s.Verified ||
			!slices.ContainsFunc(s.Checked, func(c string) bool {
				return strings.HasPrefix(c, "what is passed on: released at MOSCOW by two people, and sent to AMBASSADOR@BEIJING for action")
			}) {
			t.Fatalf("at %s it passes on %+v; %q, %q", s.Post, x, s.Checked, s.Findings)
		}
		if want := "You know the engineers.\n\n\"Visit the engineers.\n\n\"Build it.\n\nBUILDER.\"\n\nMINISTER.\""; !strings.HasPrefix(s.Telegram.Text, want) {
			t.Errorf("at %s the text is\n%s", s.Post, s.Telegram.Text)
		}
		if !slices.Contains(s.Telegram.Handling, fmt.Sprintf("READDRESSED FROM MOSCOW 1/%d", x.Year)) || !slices.Contains(s.Telegram.Handling, "SPECIAL FILE") {
			t.Errorf("at %s it is handled as %q", s.Post, s.Telegram.Handling)
		}
	}
	for _, s := range []*post.Shown{moscow.shown(archive.Out, 2), beijing.shown(archive.In, 1)} {
		if !slices.Contains(acts(s), telegram.Readdresses) {
			t.Errorf("at %s the telegram itself shows %v", s.Post, acts(s))
		}
	}
	if got := london.orders(post.OrdersWanted{Received: true}); !slices.Equal(got, []string{"in 3 LONDON: open until - due 2032-05-01"}) {
		t.Errorf("LONDON is asked %q", got)
	}
	if l := london.received(); l[2].On == nil || l[2].On.Act != telegram.Readdresses || l[2].From.Post != "BEIJING" {
		t.Errorf("the list has %+v", l)
	}
	// LONDON's own ambassador had it for information, and passes it on for that only.
	london.refused(&post.Another{Act: telegram.Readdresses, Number: 2, To: []telegram.Address{{Office: "ATTACHE", Post: "BEIJING"}}}, "AMBASSADOR@LONDON had it for information only")
	london.refused(&post.Another{Act: telegram.Readdresses, Number: 2}, "say to whom it is passed on")
	london.refused(&post.Another{Act: telegram.Readdresses, Number: 2, Info: []telegram.Address{attache}, Asks: telegram.AskFulfilment}, "nobody is to act on it")
	london.another(&post.Another{Act: telegram.Readdresses, Number: 2, Info: []telegram.Address{{Office: "ATTACHE", Post: "BEIJING"}}})
	s := beijing.shown(archive.In, 2)
	if s.PassedOn == nil || s.PassedOn.Action || !s.Verified || len(s.Telegram.To) != 0 || !strings.Contains(s.Sheet, "Info BEIJING To ATTACHE") {
		t.Errorf("for information it is %+v; %q\n%s", s.PassedOn, s.Findings, s.Sheet)
	}
	// And what was passed on is passed on again, with both originals within.
	london.sendForm(london.Another(background, &post.Another{Act: telegram.Readdresses, Number: 3, To: []telegram.Address{{Office: "ATTACHE", Post: "MOSCOW"}}, Text: "From the engineers' club."}))
	m.delivered("LONDON")
	if s := moscow.shown(archive.In, 2); s.PassedOn == nil || s.PassedOn.From.Post != "BEIJING" || !s.Verified {
		t.Errorf("passed on twice it is %+v; %q\n%s", s.PassedOn, s.Findings, s.Sheet)
	}
	for _, x := range []struct{ text, says string }{
		{"From: ATTACHE\nTo: ATTACHE@LONDON\nClassification: SECRET\nCaveat: SPECIAL FILE\n", "ATTACHE@BEIJING is no addressee of it"},
		{"From: AMBASSADOR\nTo: ATTACHE@LONDON\nClassification: SECRET\n", "add a line  Caveat: SPECIAL FILE"},
		{"From: AMBASSADOR\nTo: ATTACHE@LONDON\nCaveat: SPECIAL FILE\n", "its policy and classification"},
		{"From: AMBASSADOR\nTo: ATTACHE@LONDON\nClassification: SECRET\nCaveat: SPECIAL FILE\nType: drill\n", "an exercise answers exercises only"},
	} {
		if _, err := beijing.Draft(background, form(beijing, x.text+fmt.Sprintf("Readdresses: MOSCOW 1/%d\n", time.Now().UTC().Year()))); err == nil || !strings.Contains(err.Error(), x.says) {
			t.Errorf("%q: %v", x.text, err)
		}
	}
	if a := moscow.status(archive.Out, 2).Addressees[0]; a.State != post.StepDeciphered && a.State != post.StepSeen || !slices.ContainsFunc(a.Steps, func(r post.Reached) bool { return r.Step == "passed on" }) {
		t.Errorf("its status is %+v", a)
	}
	// When it is cancelled, who passed it on hears that he has to cancel that too.
	moscow.another(&post.Another{Act: telegram.Cancels, Number: 2})
	if !strings.Contains(beijing.trouble(), "it cancels its serial 1, which this post has passed on (out 1/") {
		t.Errorf("no alarm: %s", beijing.trouble())
	}
	if a := moscow.status(archive.Out, 2).Addressees[1]; a.State != "cancelled" || !strings.HasSuffix(a.Steps[len(a.Steps)-1].Proof, "of two people at MOSCOW") {
		t.Errorf("its status is %+v", a)
	}
	m.whole()
}

// passes has BEIJING's clerk pass on what MOSCOW's clerk made, to LONDON, with a lie in it.
func passes(m *ministry, original *telegram.Registered, lie func(t *telegram.Telegram)) *clerk {
	c := newClerk(m, "BEIJING", "LONDON")
	c.change = func(t *telegram.Telegram) {
		t.From.Office = "AMBASSADOR"
		_, root := original.Telegram.Roots()
		t.References = []telegram.Reference{{Act: telegram.Readdresses, Post: "MOSCOW", Year: original.Numbers.Year, Serial: 1, Root: root}}
		t.Label = original.Telegram.Label
		t.PassOn(&original.Released)
		lie(t)
	}
	return c
}

// The receiver of a readdressal takes nobody's word for what is passed on, nor for what the one who passes it on was.
func TestReaddressalsThatLie(t *testing.T) {
	w := world()
	m := open(t, nil)
	m.run("LONDON")
	london := m.at("LONDON")
	o := newClerk(m, "MOSCOW", "BEIJING")
	ambassador := telegram.Addressee{Address: telegram.Address{Office: "AMBASSADOR", Post: "BEIJING"}, Precedence: telegram.Routine}
	o.change = func(t *telegram.Telegram) {
		t.Label.Classification, t.Label.Caveats = "SECRET", []string{"SPECIAL FILE"}
	}
	good := o.registered()
	o.change = func(t *telegram.Telegram) { t.To[0].Office, t.Info = "ATTACHE", []telegram.Addressee{ambassador} }
	forInfo := o.registered()
	o.change = func(t *telegram.Telegram) { t.To[0].Office = "ATTACHE" }
	forOthers := o.registered()
	o.change, o.releases = nil, w.posts["BEIJING"].people[releaser]
	unsigned := o.registered()
	o.releases, o.drafts = w.posts["MOSCOW"].people[releaser], w.posts["BEIJING"].people[drafter]
	undrafted := o.registered()
	o.drafts = w.posts["MOSCOW"].people[drafter]
	o.change = func(t *telegram.Telegram) { t.Releaser.Person = 999 }
	nobody := o.registered()
	resign := func(change func(t *telegram.Telegram)) *telegram.Registered {
		r := *good
		t := *r.Telegram
		r.Telegram = &t
		change(&t)
		return &r
	}
	nothing := func(*telegram.Telegram) {}
	for name, x := range map[string]struct {
		c    *clerk
		says string // "" where it is taken
	}{
		"the truth":            {passes(m, good, nothing), ""},
		"a word more":          {passes(m, good, func(t *telegram.Telegram) { t.Body[2].Text += " Now." }), "not the telegram that it cites"},
		"another R":            {passes(m, good, func(t *telegram.Telegram) { t.References[0].Root[0]++ }), "not the telegram that it cites"},
		"another post":         {passes(m, good, func(t *telegram.Telegram) { t.References[0].Post = "LONDON" }), "it is a telegram of MOSCOW, and not of LONDON"},
		"nobody released it":   {passes(m, unsigned, nothing), "the telegram that it passes on: the releaser's signature does not hold"},
		"nobody drafted it":    {passes(m, undrafted, nothing), "the telegram that it passes on: the drafter's signature does not hold"},
		"somebody unknown":     {passes(m, nobody, nothing), "the telegram that it passes on: its releaser"},
		"made up":              {passes(m, resign(func(t *telegram.Telegram) { t.Body = t.Body[:0:0] }), nothing), "the telegram that it passes on"},
		"to another":           {passes(m, forOthers, nothing), "AMBASSADOR@BEIJING is no addressee of it"},
		"from another office":  {passes(m, good, func(t *telegram.Telegram) { t.From.Office = "ATTACHE" }), "ATTACHE@BEIJING is no addressee of it"},
		"for action":           {passes(m, forInfo, nothing), "had it for information only"},
		"for information":      {passes(m, forInfo, func(t *telegram.Telegram) { t.To, t.Info = nil, t.To }), ""},
		"under another label":  {passes(m, good, func(t *telegram.Telegram) { t.Label.Classification = "" }), "its policy and classification"},
		"under another policy": {passes(m, good, func(t *telegram.Telegram) { t.Label.Policy = "OURS" }), "its policy and classification"},
		"without the caveat":   {passes(m, good, func(t *telegram.Telegram) { t.Label.Caveats = nil }), "its caveats"},
	} {
		t.Run(name, func(t *testing.T) {
			n, log := len(london.received()), len(london.log.String())
			x.c.register, x.c.serial, x.c.specials = uint32(n+1), uint32(n+1), uint32(100*n)
			for _, e := range x.c.envelopes(1) {
				if err := m.ether.deliver(london.route, telegram.Routine, e); err != nil {
					t.Fatal(err)
				}
			}
			told := london.log.String()[log:]
			if taken := len(london.received()) > n; taken != (x.says == "") || !strings.Contains(told, x.says) {
				t.Errorf("taken %v: %s", taken, told)
			}
		})
	}
	m.whole()
}

// What came in a frame is passed on when both signatures of its release are here: they go along.
func TestReaddressInFrames(t *testing.T) {
	m := framed(t, func(c *post.Config) { c.Late = time.Hour })
	m.run()
	moscow, beijing := m.at("MOSCOW"), m.at("BEIJING")
	moscow.sendTo("The first.", "BEIJING")
	m.delivered("MOSCOW")
	moscow.sendTo("In a frame.", "BEIJING")
	m.delivered("MOSCOW")
	if beijing.shown(archive.In, 2).Signature != "open" {
		t.Fatal("it came whole: the test sees nothing")
	}
	ministry := []telegram.Address{{Office: "MINISTRY", Post: "MOSCOW"}}
	beijing.refused(&post.Another{Act: telegram.Readdresses, Number: 2, To: ministry}, "the second of its releaser's signatures has not followed yet")
	m.crash()
	moscow.config.Late = 50 * time.Millisecond
	moscow.tamper("update late set again = 0")
	moscow.reopen()
	m.run()
	m.followed("MOSCOW")
	beijing.another(&post.Another{Act: telegram.Readdresses, Number: 2, To: ministry})
	if s := moscow.shown(archive.In, 1); s.PassedOn == nil || !s.Verified {
		t.Errorf("passed on is %+v: %q", s.PassedOn, s.Findings)
	}
	m.whole()
}

// One that passes on a readdressal which lies is refused too, though it does not lie itself.
func TestReaddressalOfALie(t *testing.T) {
	m := open(t, nil)
	m.run("LONDON")
	o := newClerk(m, "MOSCOW", "BEIJING")
	o.releases = o.of.people[drafter]
	lie := passes(m, o.registered(), func(*telegram.Telegram) {})
	lie.to = world().posts["MOSCOW"]
	first := lie.change
	lie.change = func(t *telegram.Telegram) { first(t); t.To[0].Post = "MOSCOW" }
	inner := lie.registered()
	c := newClerk(m, "MOSCOW", "LONDON")
	c.change = func(t *telegram.Telegram) {
		t.From.Office = "AMBASSADOR"
		_, root := inner.Telegram.Roots()
		t.References = []telegram.Reference{{Act: telegram.Readdresses, Post: "BEIJING", Year: 2026, Serial: 1, Root: root}}
		t.PassOn(&inner.Released)
	}
	london := m.at("LONDON")
	for _, e := range c.envelopes(1) {
		if err := m.ether.deliver(london.route, telegram.Routine, e); err != nil {
			t.Fatal(err)
		}
	}
	if len(london.received()) != 0 || !strings.Contains(london.trouble(), "the telegram that it passes on: the releaser's signature") {
		t.Errorf("it is taken, or not named:\n%s", london.trouble())
	}
}

// A telegram that two people of this post released, and that this post never sent, comes back within another: somebody must look.
func TestPassedOnWhatWasNeverSent(t *testing.T) {
	m := open(t, nil)
	m.run("MOSCOW")
	c := passes(m, newClerk(m, "MOSCOW", "BEIJING").registered(), func(t *telegram.Telegram) { t.To[0].Post = "MOSCOW" })
	c.to = world().posts["MOSCOW"]
	moscow := m.at("MOSCOW")
	for _, e := range c.envelopes(1) {
		if err := m.ether.deliver(moscow.route, telegram.Routine, e); err != nil {
			t.Fatal(err)
		}
	}
	if len(moscow.received()) != 1 || !strings.Contains(moscow.trouble(), "which two of our people released and this post never sent") {
		t.Errorf("no alarm:\n%s", moscow.trouble())
	}
}

// Who released it may have left since: what is passed on is taken, and marked.
func TestPassedOnByWhoHasLeft(t *testing.T) {
	m, _, beijing, london := orderedTwo(t)
	m.crash()
	x := world().posts["MOSCOW"]
	m.adopts(after(world().dir, directory.Revoke{Key: x.ref(releaser)}), names[:]...)
	m.run(names[:]...)
	beijing.another(&post.Another{Act: telegram.Readdresses, Number: 1, To: []telegram.Address{{Office: "ATTACHE", Post: "LONDON"}}})
	s := london.shown(archive.In, 3)
	if !s.Verified || !slices.ContainsFunc(s.Marks, func(m string) bool { return strings.HasPrefix(m, "Of who released what is passed on") }) ||
		!slices.ContainsFunc(s.Marks, func(m string) bool { return strings.HasPrefix(m, "Of what is passed on: Revoked since") }) {
		t.Errorf("verified %v, marks %q, findings %q", s.Verified, s.Marks, s.Findings)
	}
	if l := london.received(); !l[2].Marked {
		t.Error("the list does not mark it")
	}
	m.whole()
}
