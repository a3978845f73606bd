package post_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/desk"
	"chancery.example/chancery/post"
	"chancery.example/chancery/telegram"
)

const inMay = "2032-05-01T12:00Z"

var may = time.Date(2032, 5, 1, 12, 0, 0, 0, time.UTC)

// ordered gives BEIJING an order, due at noon of the first day of 2030, and lets posts carry.
func ordered(t *testing.T) (m *ministry, moscow, beijing *desks) {
	m = open(t, nil)
	m.run()
	moscow, beijing = m.at("MOSCOW"), m.at("BEIJING")
	moscow.send("From: MINISTRY\nTo: AMBASSADOR@BEIJING; flash\nAsk: receipt, fulfilment\nDeadline: 2030-01-01T12:00Z\nSubject: The bridge\n\nVisit the engineers.\n")
	m.delivered("MOSCOW")
	return m, moscow, beijing
}

// sendForm hands over and releases what a form says.
func (x *desks) sendForm(f *desk.Form, err error) {
	x.m.t.Helper()
	if err != nil {
		x.m.t.Fatal(err)
	}
	id, err := x.Draft(context.Background(), f)
	if err != nil {
		x.m.t.Fatal(err)
	}
	x.handOver(id)
	x.release(id)
	x.m.until("it is registered", func() bool { return x.state(id).State == desk.Registered })
}

func (x *desks) report(r *post.Report) {
	x.m.t.Helper()
	x.sendForm(x.Report(context.Background(), r))
	x.m.delivered(x.name)
}

func (x *desks) grant(g *post.Grant) {
	x.m.t.Helper()
	x.sendForm(x.Grant(context.Background(), g))
	x.m.delivered(x.name)
}

// orders lists the fulfilments that a post gave or received, in words: how far, until when, due when.
func (x *desks) orders(want post.OrdersWanted) (out []string) {
	x.m.t.Helper()
	want.Limit = 100
	list, err := x.Orders(context.Background(), want)
	if err != nil {
		x.m.t.Fatal(err)
	}
	at := func(t *time.Time) string {
		if t == nil {
			return "-"
		}
		return t.Format("2006-01-02")
	}
	for _, o := range list {
		if o.Asked != desk.Fulfilment {
			continue
		}
		s := fmt.Sprintf("%s %d %s: %s until %s due %s", o.Way, o.Number, o.Post, o.Progress, at(o.Until), at(o.Due))
		if o.Overdue {
			s = "OVERDUE " + s
		}
		out = append(out, s)
	}
	return out
}

// stands wants the one order to stand so, at the post that gave it and at the one that received it.
func stands(t *testing.T, m *ministry, so string, acts ...telegram.Act) {
	t.Helper()
	for name, way := range map[string]archive.Way{"MOSCOW": archive.Out, "BEIJING": archive.In} {
		x := m.at(name)
		if got := x.orders(post.OrdersWanted{All: true}); !slices.Equal(got, []string{fmt.Sprintf("%s 1 BEIJING: %s", way, so)}) {
			t.Errorf("at %s: %q, want %s", name, got, so)
		}
		s := x.shown(way, 1)
		var said []telegram.Act
		for _, d := range s.Deeds {
			said = append(said, d.Act)
		}
		if !slices.Equal(said, acts) || !s.Verified {
			t.Errorf("at %s the order shows %v, want %v; %v", name, said, acts, s.Findings)
		}
	}
	m.whole()
}

func TestPartDone(t *testing.T) {
	m, _, beijing := ordered(t)
	stands(t, m, "open until - due 2030-01-01")
	beijing.reply(1, telegram.Acknowledges, "We shall.")
	m.delivered("BEIJING")
	stands(t, m, "acknowledged until - due 2030-01-01", telegram.Acknowledges)
	beijing.report(&post.Report{Number: 1, Act: telegram.PartFulfils, Text: "Two of five."})
	beijing.report(&post.Report{Number: 1, Act: telegram.PartFulfils, Text: "Four of five."})
	stands(t, m, "part done until - due 2030-01-01", telegram.Acknowledges, telegram.PartFulfils, telegram.PartFulfils)
	if l := beijing.received()[0]; l.Fulfilment == nil || l.Fulfilment.Progress != post.ProgressPart || !slices.Contains(l.Open, desk.Fulfilment) {
		t.Errorf("the list has it as %+v", l)
	}
}

func TestTimeAskedAndGranted(t *testing.T) {
	m, moscow, beijing := ordered(t)
	beijing.report(&post.Report{Number: 1, Act: telegram.AsksTime, Text: "The road is closed.", Until: may.Add(24 * time.Hour).Unix()})
	stands(t, m, "time asked until 2032-05-02 due 2030-01-01", telegram.AsksTime)
	moscow.grant(&post.Grant{Number: 1, Until: may.Unix()})
	stands(t, m, "time granted until 2032-05-01 due 2032-05-01", telegram.AsksTime, telegram.GrantsTime)
	if s := beijing.shown(archive.In, 2); !strings.Contains(s.Telegram.Text, "More time is granted, until 011200Z MAY 32.") {
		t.Errorf("the grant says %q", s.Telegram.Text)
	}
	for want, g := range map[string]post.Grant{
		"has until 011200Z MAY 32 already": {Number: 1, Until: may.Unix()},
		"is past":                          {Number: 1, Until: 1000},
		"until when":                       {Number: 1},
		"LONDON is not to act":             {Number: 1, Post: "LONDON", Until: may.Unix()},
		"no such telegram":                 {Number: 9, Until: may.Unix()},
	} {
		if _, err := moscow.Grant(background, &g); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", g, err, want)
		}
	}
}

func TestCannotComply(t *testing.T) {
	m, moscow, beijing := ordered(t)
	beijing.report(&post.Report{Number: 1, Act: telegram.CannotComply, Text: "The bridge has fallen."})
	stands(t, m, "cannot comply until - due 2030-01-01", telegram.CannotComply)
	if got := moscow.orders(post.OrdersWanted{}); len(got) != 0 {
		t.Errorf("what has ended is listed as open: %q", got)
	}
	if l := beijing.received()[0]; slices.Contains(l.Open, desk.Fulfilment) || slices.Contains(l.Done, desk.Fulfilment) || l.Fulfilment.Progress != post.ProgressCannot {
		t.Errorf("the list has it as %+v", l)
	}
	beijing.reply(1, telegram.Fulfils, "It was another bridge. Done.")
	m.delivered("BEIJING")
	stands(t, m, "cannot comply until - due 2030-01-01", telegram.CannotComply, telegram.Fulfils)
	if _, err := moscow.Grant(background, &post.Grant{Number: 1, Until: may.Unix()}); err == nil || !strings.Contains(err.Error(), "ended it already") {
		t.Errorf("time is granted for what has ended: %v", err)
	}
}

func TestConveyed(t *testing.T) {
	m, moscow, beijing := ordered(t)
	c := &post.Conveyance{When: may, Where: "at the Ministry", To: "the Minister", Answer: "We thank you.\n\n[convey to the engineers]\n\nBuild it.\n\n[end MINISTER]\n", AnsweredBy: "CHOU"}
	beijing.report(&post.Report{Number: 1, Act: telegram.Conveys, Text: "He was brief.", Conveyance: c})
	stands(t, m, "conveyed until - due 2030-01-01", telegram.Conveys)
	s := moscow.shown(archive.In, 1)
	if want := "Conveyed on 1 May 2032 at 12:00 UTC, at the Ministry, to the Minister, orally.\n\nHe was brief.\n\n\"We thank you."; !strings.HasPrefix(s.Telegram.Text, want) {
		t.Errorf("the report says\n%s", s.Telegram.Text)
	}
	if x := s.Telegram.Conveyed; x == nil || x.To != "MINISTRY" || x.Signature != "CHOU" {
		t.Errorf("the answer is conveyed as %+v", x)
	}
	for _, bad := range []*post.Conveyance{nil, {}, {When: may, Where: "here"}, {When: may, Where: "here", To: "him", Answer: "[end X]"}} {
		if _, err := beijing.Report(background, &post.Report{Number: 1, Act: telegram.Conveys, Text: "So it was.", Conveyance: bad}); err == nil {
			t.Errorf("%+v is a conveyance", bad)
		}
	}
}

// The first that ended the order counts, and that is told by the serials: here the second overtakes the first.
func TestTheSecondEndOvertakesTheFirst(t *testing.T) {
	m := open(t, nil)
	m.run()
	moscow := m.at("MOSCOW")
	moscow.send("To: AMBASSADOR@BEIJING\nAsk: fulfilment\n\nDo it.\n")
	m.delivered("MOSCOW")
	root := moscow.shown(archive.Out, 1).Root
	says := func(act telegram.Act, serial uint32) {
		t.Helper()
		c := newClerk(m, "BEIJING", "MOSCOW")
		c.register, c.serial, c.specials = serial, serial, serial
		c.change = func(x *telegram.Telegram) {
			x.References = []telegram.Reference{{Act: act, Post: "MOSCOW", Year: 2026, Serial: 1, Root: root}}
		}
		m.deliver("MOSCOW", c.envelopes(1)...)
	}
	for _, x := range []struct {
		act    telegram.Act
		serial uint32
		stands string
	}{{telegram.CannotComply, 2, "cannot comply"}, {telegram.Fulfils, 1, "done"}, {telegram.CannotComply, 3, "done"}} {
		says(x.act, x.serial)
		if got := moscow.orders(post.OrdersWanted{All: true}); !slices.Equal(got, []string{"out 1 BEIJING: " + x.stands + " until - due -"}) {
			t.Errorf("after serial %d, which %s: %q\n%s", x.serial, x.act, got, moscow.trouble())
		}
	}
	if s := moscow.shown(archive.Out, 1); len(s.Deeds) != 3 {
		t.Errorf("it shows %+v", s.Deeds)
	}
}

// A grant overtakes its order: it waits, and the order is due as granted when it comes.
func TestTheGrantOvertakesTheOrder(t *testing.T) {
	m := open(t, nil)
	beijing := m.at("BEIJING")
	c := newClerk(m, "MOSCOW", "BEIJING")
	deadline := time.Now().Add(time.Hour).Unix()
	c.change = func(x *telegram.Telegram) { x.Asks, x.Deadline = telegram.AskFulfilment, deadline }
	order := c.envelopes(1)
	_, root := c.lastMade.Telegram.Roots()
	m.run("BEIJING")
	g := newClerk(m, "MOSCOW", "BEIJING")
	g.register, g.serial, g.specials = 2, 2, 1
	g.change = func(x *telegram.Telegram) {
		x.Deadline = may.Unix()
		x.References = []telegram.Reference{{Act: telegram.GrantsTime, Post: "MOSCOW", Year: 2026, Serial: 1, Root: root}}
	}
	m.deliver("BEIJING", g.envelopes(1)...)
	if got := beijing.orders(post.OrdersWanted{}); len(got) != 0 {
		t.Errorf("before the order came: %q", got)
	}
	m.deliver("BEIJING", order...)
	if got := beijing.orders(post.OrdersWanted{Received: true}); !slices.Equal(got, []string{"in 2 BEIJING: time granted until 2032-05-01 due 2032-05-01"}) {
		t.Errorf("when it came: %q\n%s", got, beijing.trouble())
	}
	if n := beijing.count("select count(*) from early"); n != 0 {
		t.Errorf("%d grants still wait", n)
	}
	m.whole()
}

func TestGrantsThatAreNotBelieved(t *testing.T) {
	m, _, beijing := ordered(t)
	root := beijing.shown(archive.In, 1).Root
	for _, x := range []struct {
		says, from string
		serial     uint32
		ref        telegram.Reference
		until      int64
	}{
		{"it grants more time for MOSCOW 1/2026, which is not its order", "LONDON", 1, telegram.Reference{Post: "MOSCOW", Serial: 1, Root: root}, may.Unix()},
		{"it grants more time for BEIJING 1/2026, which is not its order", "LONDON", 2, telegram.Reference{Post: "BEIJING", Serial: 1, Root: root}, may.Unix()},
		{"it grants more time for its 4/2026, which it had not sent before", "LONDON", 3, telegram.Reference{Post: "LONDON", Serial: 4, Root: root}, may.Unix()},
		{"serial 1, which is not what came under that number", "MOSCOW", 2, telegram.Reference{Post: "MOSCOW", Serial: 1, Root: telegram.Root{1}}, may.Unix()},
		{"it grants more time for its 9/2026, which it had not sent before", "MOSCOW", 3, telegram.Reference{Post: "MOSCOW", Serial: 9, Root: root}, may.Unix()},
		{"it grants more time for its 1/2026, and does not say until when", "MOSCOW", 4, telegram.Reference{Post: "MOSCOW", Serial: 1, Root: root}, 0},
	} {
		c := newClerk(m, x.from, "BEIJING")
		c.register, c.serial, c.specials = x.serial, x.serial, x.serial
		c.change = func(y *telegram.Telegram) {
			x.ref.Act, x.ref.Year = telegram.GrantsTime, 2026
			y.References, y.Deadline = []telegram.Reference{x.ref}, x.until
		}
		m.deliver("BEIJING", c.envelopes(1)...)
		if !strings.Contains(beijing.trouble(), x.says) {
			t.Errorf("no alarm that says %q:\n%s", x.says, beijing.trouble())
		}
	}
	stands(t, m, "open until - due 2030-01-01")
}

// Who was sent the order for information may not act on it, however it tries.
func TestInfoAddresseesDoNotAct(t *testing.T) {
	m := open(t, nil)
	m.run(names[:]...)
	moscow, london := m.at("MOSCOW"), m.at("LONDON")
	moscow.send("To: AMBASSADOR@BEIJING\nInfo: AMBASSADOR@LONDON\nAsk: fulfilment\n\nDo it.\n")
	m.delivered("MOSCOW")
	year := time.Now().UTC().Year()
	for says, text := range map[string]string{
		"for information only":        "To: MINISTRY@MOSCOW\nCannot-comply: MOSCOW 1/%d\n\nNo.\n",
		"only the post that gave":     "To: MINISTRY@MOSCOW\nDeadline: " + inMay + "\nGrants-time: MOSCOW 1/%d\n\nTake it.\n",
		"address it to MOSCOW":        "To: AMBASSADOR@BEIJING\nFulfils: MOSCOW 1/%d\n\nDone.\n",
		"say until when, with a line": "To: MINISTRY@MOSCOW\nAsks-time: MOSCOW 1/%d\n\nLater.\n",
	} {
		if _, err := london.Draft(background, form(london, fmt.Sprintf(text, year))); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", text, err)
		}
	}
	for says, text := range map[string]string{
		"sent to LONDON for information only": "To: AMBASSADOR@LONDON\nDeadline: " + inMay + "\nGrants-time: MOSCOW 1/%d\n\nTake it.\n",
		"one post at a time":                  "To: AMBASSADOR@LONDON\nTo: AMBASSADOR@BEIJING\nDeadline: " + inMay + "\nGrants-time: MOSCOW 1/%d\n\nTake it.\n",
		"nothing was sent to BEIJING":         "To: AMBASSADOR@BEIJING\nDeadline: " + inMay + "\nGrants-time: MOSCOW 7/%d\n\nTake it.\n",
	} {
		if _, err := moscow.Draft(background, form(moscow, fmt.Sprintf(text, year))); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", text, err)
		}
	}
	c := newClerk(m, "LONDON", "MOSCOW")
	root := moscow.shown(archive.Out, 1).Root
	c.change = func(x *telegram.Telegram) {
		x.References = []telegram.Reference{{Act: telegram.CannotComply, Post: "MOSCOW", Year: 2026, Serial: 1, Root: root}}
	}
	m.deliver("MOSCOW", c.envelopes(1)...)
	if got := moscow.orders(post.OrdersWanted{All: true}); !slices.Equal(got, []string{"out 1 BEIJING: open until - due -"}) {
		t.Errorf("LONDON acted: %q", got)
	}
	if !strings.Contains(moscow.trouble(), "a report cites our 1/2026, which was sent for information only") {
		t.Errorf("no alarm: %s", moscow.trouble())
	}
}

func TestOverdueFirst(t *testing.T) {
	m, moscow, beijing := ordered(t)
	moscow.send("To: AMBASSADOR@BEIJING\nAsk: fulfilment\n\nWhenever you can.\n")
	moscow.send("To: AMBASSADOR@BEIJING\nAsk: fulfilment\nDeadline: 2029-01-01\n\nSoon.\n")
	m.delivered("MOSCOW")
	order := func(way string) []string {
		return []string{way + " 3 BEIJING: open until - due 2029-01-01", way + " 1 BEIJING: open until - due 2030-01-01", way + " 2 BEIJING: open until - due -"}
	}
	same := func(what string, x *desks, want []string) {
		t.Helper()
		if got := x.orders(post.OrdersWanted{}); !slices.Equal(got, want) {
			t.Errorf("%s at %s: %q, want %q", what, x.name, got, want)
		}
	}
	same("in time", moscow, order("out"))
	same("in time", beijing, order("in"))
	m.crash()
	late := time.Until(time.Date(2029, 6, 1, 0, 0, 0, 0, time.UTC))
	moscow.skew.Store(int64(late))
	beijing.skew.Store(int64(late))
	for x, way := range map[*desks]string{moscow: "out", beijing: "in"} {
		want := order(way)
		want[0] = "OVERDUE " + want[0]
		same("in June", x, want)
	}
	if l := beijing.received(); !l[2].Fulfilment.Overdue || l[0].Fulfilment.Overdue {
		t.Errorf("the list has %+v", l)
	}
	if got := moscow.orders(post.OrdersWanted{Received: true}); len(got) != 0 {
		t.Errorf("MOSCOW was given orders: %q", got)
	}
}
