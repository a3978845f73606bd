package post_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/desk"
	"chancery.example/chancery/directory"
	"chancery.example/chancery/post"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/telegram"
)

// reservedSince is the world's directory with flash and override reserved, and MOSCOW's second who may both a releaser at flash.
func reservedSince(from time.Time) *directory.Directory {
	s := world().posts["MOSCOW"]
	return after(world().dir, directory.Reserve{From: from.UTC().Truncate(time.Second)},
		directory.Roles{Person: s.ref(both).Person, From: from.UTC().Truncate(time.Second), Roles: directory.Drafter | directory.Releaser | directory.AtFlash})
}

// Flash and override are released by who has the role, once the directory reserves them, and by everybody before.
func TestFlashIsReserved(t *testing.T) {
	m := open(t, nil)
	x := m.at("MOSCOW")
	free := x.draft("To: AMBASSADOR@BEIJING; override\n\nAt once.\n")
	x.handOver(free)
	x.release(free)
	time.Sleep(time.Second) // the time that is signed has whole seconds
	from := time.Now()
	m.adopts(reservedSince(from), "MOSCOW")
	for _, c := range []struct {
		text     string
		who      int
		released bool
	}{
		{"To: AMBASSADOR@BEIJING; immediate\n\nSoon.\n", releaser, true},
		{"To: AMBASSADOR@BEIJING; flash\n\nAt once.\n", releaser, false},
		{"To: AMBASSADOR@BEIJING\nInfo: AMBASSADOR@LONDON; flash\n\nAt once.\n", releaser, false},
		{"To: AMBASSADOR@BEIJING; flash\nType: exercise\n\nAt once.\n", releaser, false},
		{"To: AMBASSADOR@BEIJING; flash\n\nAt once.\n", both, true},
		{"To: AMBASSADOR@BEIJING; override\n\nAt once.\n", both, false},
	} {
		id := x.draft(c.text)
		x.handOver(id)
		err := x.tryRelease(id, c.who)
		if (err == nil) != c.released || err != nil && !strings.Contains(err.Error(), "may not release at") {
			t.Errorf("%q by %d: %v", c.text, c.who, err)
		}
	}
	m.run()
	m.until("what was released before is registered", func() bool { return x.state(free).State == desk.Registered })
	m.crash()
	m.run("BEIJING", "MOSCOW")
	m.delivered("MOSCOW") // BEIJING was told of the directory

	m.whole()
}

// The receiver judges it too, by the time of the release and the directory that it has.
func TestFlashIsJudgedOnArrival(t *testing.T) {
	for name, c := range map[string]struct {
		from  time.Duration // the clerk's telegrams were released a minute ago
		who   int
		at    telegram.Precedence
		taken bool
	}{
		"not yet":          {0, releaser, telegram.Override, true},
		"without the role": {-time.Hour, releaser, telegram.Flash, false},
		"with the role":    {-time.Hour, both, telegram.Flash, true},
		"above the role":   {-time.Hour, both, telegram.Override, false},
		"below":            {-time.Hour, releaser, telegram.Immediate, true},
	} {
		t.Run(name, func(t *testing.T) {
			m := open(t, nil)
			m.adopts(reservedSince(time.Now().Add(c.from)), "BEIJING")
			m.run("BEIJING")
			k := newClerk(m, "MOSCOW", "BEIJING")
			k.precedence = c.at
			k.change = func(x *telegram.Telegram) {
				x.To[0].Precedence, x.Releaser = c.at, k.of.ref(c.who)
				k.releases = k.of.people[c.who]
			}
			taken, told := m.arrives(k.envelopes(1)...)
			if taken != c.taken || !taken && !strings.Contains(told, "may not release at "+c.at.String()) {
				t.Errorf("taken %v: %s", taken, told)
			}
			m.whole()
		})
	}
}

// minimize is an order to minimize, by the root officers.
func minimize(until time.Duration, area ...string) directory.Minimize {
	now := time.Now().UTC().Truncate(time.Second)
	return directory.Minimize{Area: area, From: now.Add(-time.Minute), Until: now.Add(until), Why: "the cable is cut"}
}

// While traffic is restricted only what must goes from and to the area; it travels to the other posts as news, and ends by itself.
func TestMinimize(t *testing.T) {
	m := open(t, nil)
	x, b, l := m.at("MOSCOW"), m.at("BEIJING"), m.at("LONDON")
	m.run(names[:]...)
	x.send("To: AMBASSADOR@BEIJING\nInfo: AMBASSADOR@LONDON\n\nThey have heard of each other.\n")
	m.delivered("MOSCOW")
	m.adopts(after(world().dir, minimize(time.Hour, "BEIJING")), "MOSCOW")
	for _, p := range []*desks{b, l} {
		m.until("the order has come to "+p.name, func() bool {
			orders, err := p.Minimizes()
			return err == nil && len(orders) == 1 && orders[0].Why == "the cable is cut"
		})
	}
	for _, c := range []struct {
		from   *desks
		text   string
		warned bool
		held   bool
	}{
		{x, "To: AMBASSADOR@BEIJING\n\nText.\n", true, true},
		{x, "To: AMBASSADOR@BEIJING; deferred\n\nText.\n", true, true},
		{x, "To: AMBASSADOR@BEIJING; priority\n\nText.\n", true, false},
		{x, "To: AMBASSADOR@BEIJING\nMinimize: considered\n\nText.\n", true, false},
		{x, "To: AMBASSADOR@LONDON\n\nText.\n", false, false},
		{x, "To: AMBASSADOR@LONDON; flash\nInfo: AMBASSADOR@BEIJING\n\nText.\n", true, true},
		{x, "To: AMBASSADOR@LONDON\nInfo: AMBASSADOR@BEIJING; priority\n\nText.\n", true, false},
		{b, "To: AMBASSADOR@LONDON\n\nText.\n", true, true}, // it lies in the area
		{b, "To: AMBASSADOR@LONDON; priority\n\nText.\n", true, false},
		{l, "To: AMBASSADOR@BEIJING\n\nText.\n", true, true},
		{l, "To: MINISTRY@MOSCOW\n\nText.\n", false, false},
	} {
		id := c.from.draft(c.text)
		warnings := c.from.Warnings(form(c.from, c.text))
		if (len(warnings) > 0) != c.warned || c.warned && !strings.HasPrefix(warnings[0], "MINIMIZE is in force for BEIJING until") ||
			strings.Contains(strings.Join(warnings, ""), "handed over only with a line") != c.held {
			t.Errorf("%s, %q is warned of with %q", c.from.name, c.text, warnings)
		}
		err := c.from.tryHandOver(id, drafter)
		if (err != nil) != c.held || c.held && !strings.Contains(err.Error(), "mark it  Minimize: considered") {
			t.Errorf("%s, %q: %v", c.from.name, c.text, err)
		}
		if !c.held {
			if d, err := c.from.ForRelease(background, id); err != nil || (len(d.Minimize) > 0) != c.warned {
				t.Errorf("%s, %q: its releaser is told %q, %v", c.from.name, c.text, d.Minimize, err)
			}
			continue
		}
		for range 2 {
			if err := c.from.Consider(background, id); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.from.tryHandOver(id, drafter); err != nil {
			t.Errorf("%s, %q, considered: %v", c.from.name, c.text, err)
		}
		if d, err := c.from.ForRelease(background, id); err != nil || !strings.Contains(strings.Join(d.Minimize, ""), "you answer for that") {
			t.Errorf("its releaser is told %q, %v", d.Minimize, err)
		}
		c.from.release(id)
	}
	m.delivered(names[:]...)
	if s := b.shown(archive.In, 2); !s.Considered || !slices.Contains(s.Telegram.Handling, "MINIMIZE CONSIDERED") {
		t.Errorf("the sheet has %q", s.Telegram.Handling)
	}
	m.crash()
	x.skew.Store(int64(2 * time.Hour))
	if err := x.tryHandOver(x.draft("To: AMBASSADOR@BEIJING\n\nText.\n"), drafter); err != nil {
		t.Errorf("when it is over: %v", err)
	}
	m.whole()
}

// An order that comes between hand-over and release, and between draft and hand-over, is seen; that for all posts concerns all.
func TestMinimizeComesBetween(t *testing.T) {
	m := open(t, nil)
	x := m.at("MOSCOW")
	handed := x.draft(plain)
	x.handOver(handed)
	d, err := x.ForHandOver(background, x.draft(plain), x.ref(drafter))
	if err != nil {
		t.Fatal(err)
	}
	m.adopts(after(world().dir, minimize(time.Hour)), "MOSCOW")
	if r, err := x.ForRelease(background, handed); err != nil || len(r.Minimize) != 1 || !strings.Contains(r.Minimize[0], "for all posts") || !strings.Contains(r.Minimize[0], "return it if it can wait") {
		t.Errorf("its releaser is told %q, %v", r.Minimize, err)
	}
	written := must(telegram.Parse(d.Telegram))
	if err := x.HandOver(background, d.ID, d.Telegram, seal.HandOver(written, x.people[drafter])); err == nil || !strings.Contains(err.Error(), "MINIMIZE is in force") {
		t.Errorf("what was signed before is handed over: %v", err)
	}
	x.release(handed)
}

func TestLimits(t *testing.T) {
	m := open(t, func(c *post.Config) {
		c.Limits = map[telegram.Precedence]int{telegram.Priority: 10, telegram.Override: 0}
	})
	x := m.at("MOSCOW")
	if got := fmt.Sprint(x.Limits()); got != "map[priority:10 immediate:40000 flash:4000]" {
		t.Errorf("the limits are %s", got)
	}
	for text, says := range map[string]string{
		"To: AMBASSADOR@BEIJING; priority\n\n1234567890\n":                                                    "",
		"To: AMBASSADOR@BEIJING; priority\n\n12345678901\n":                                                   "its text has 11 characters, and at priority this post sends at most 10",
		"To: AMBASSADOR@BEIJING; priority\n\nПаром стои\n":                                                    "",
		"To: AMBASSADOR@BEIJING; priority\n\n12345\n\n[convey to X]\n\n6789\n\n[end Y]\n":                     "its text has 11 characters",
		"To: AMBASSADOR@BEIJING; priority\n\n12345\n[gloss a ship]\n6\n[blank 200]\n7\n":                      "its text has 13 characters",
		"To: AMBASSADOR@BEIJING; flash\n\n" + strings.Repeat("x", 4000) + "\n":                                "",
		"To: AMBASSADOR@BEIJING; flash\n\n" + strings.Repeat("x", 4001) + "\n":                                "its text has 4001 characters, and at flash this post sends at most 4000: shorten it",
		"To: AMBASSADOR@BEIJING\nInfo: AMBASSADOR@LONDON; flash\n\n" + strings.Repeat("x", 4001) + "\n":       "at flash",
		"To: AMBASSADOR@BEIJING; override\n\n" + strings.Repeat("x", 40001) + "\n":                            "",
		"To: AMBASSADOR@BEIJING; routine\n\n" + strings.Repeat("x", 40001) + "\n":                             "",
		"To: AMBASSADOR@BEIJING; immediate\n\n" + strings.Repeat("x", 40001) + "\n":                           "at immediate",
		"To: AMBASSADOR@BEIJING; priority\nSubject: A long one, which is no part of the text\n\n1234567890\n": "",
	} {
		id := x.draft(text)
		err := x.tryHandOver(id, drafter)
		if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%.60q: %v, want %q", text, err, says)
		}
	}
}

// The use of flash and override is counted, by releaser and month, at both ends.
func TestUrgentIsCounted(t *testing.T) {
	m := open(t, nil)
	x, b := m.at("MOSCOW"), m.at("BEIJING")
	m.run()
	for _, p := range []string{"flash", "override", "flash", "immediate"} {
		x.send("To: AMBASSADOR@BEIJING; " + p + "\n\nText.\n")
	}
	x.send("To: AMBASSADOR@BEIJING\nInfo: AMBASSADOR@LONDON; flash\n\nText.\n")
	id := x.draft("To: AMBASSADOR@BEIJING; flash\n\nText.\n")
	x.handOver(id)
	if err := x.tryRelease(id, both); err != nil {
		t.Fatal(err)
	}
	b.send("To: MINISTRY@MOSCOW; flash\n\nText.\n")
	m.until("BEIJING has all", func() bool { return len(b.received()) == 6 && len(x.received()) == 1 })
	m.crash()
	month := time.Now().UTC().Format("2006-01")
	who := func(x *desks, n int) uint32 { return x.ref(n).Person }
	use := func(of *desks, months int) (out []string) {
		u, err := of.Urgent(background, months)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range u.Used {
			out = append(out, fmt.Sprintf("%s %s %s %d: %d %d", n.Month, n.Way, n.Post, n.Releaser, n.Flash, n.Override))
		}
		return out
	}
	for of, want := range map[*desks][]string{
		x: {fmt.Sprintf("%s out MOSCOW %d: 3 1", month, who(x, releaser)), fmt.Sprintf("%s out MOSCOW %d: 1 0", month, who(x, both)), fmt.Sprintf("%s in BEIJING %d: 1 0", month, who(b, releaser))},
		b: {fmt.Sprintf("%s out BEIJING %d: 1 0", month, who(b, releaser)), fmt.Sprintf("%s in MOSCOW %d: 2 1", month, who(x, releaser)), fmt.Sprintf("%s in MOSCOW %d: 1 0", month, who(x, both))},
	} {
		if got := use(of, 1); !slices.Equal(got, want) {
			t.Errorf("at %s: %q, want %q", of.name, got, want)
		}
	}
	x.skew.Store(int64(40 * 24 * time.Hour))
	if got := use(x, 1); len(got) != 0 {
		t.Errorf("in the next month: %q", got)
	}
	if got := use(x, 3); len(got) != 3 {
		t.Errorf("in three months: %q", got)
	}
	x.tamper("update filed set body = $1 where way = 'in'", []byte("x"))
	if got := use(x, 3); len(got) != 3 || !slices.Contains(got, month+" in BEIJING 0: 1 0") {
		t.Errorf("with one that is damaged: %q", got)
	}
}
