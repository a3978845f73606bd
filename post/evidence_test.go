package post_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"chancery.example/chancery/post"
	"chancery.example/chancery/telegram"
)

// Who gives a serial to two telegrams has signed both: the proof is kept, whole, and holds for anybody who has the directory.
func TestEquivocation(t *testing.T) {
	for _, sections := range []int{1, 3} {
		m, x, first := atBeijing(t)
		second := newClerk(m, "MOSCOW", "BEIJING")
		m.deliver("BEIJING", second.envelopes(sections)...)
		e, err := x.Evidence(background, "MOSCOW", 1)
		if err != nil {
			t.Fatal(err)
		}
		s := must(telegram.ParseSection(e.Payload))
		if !e.Holds || s.Serial != 1 || !strings.Contains(string(second.lastMade.Marshal()), string(s.Piece)) {
			t.Errorf("%+v", e)
		}
		if err := e.Letter.Check(e.Payload, second.identity.Verifier()); err != nil {
			t.Error(err)
		}
		r := must(telegram.ParseRegistered(e.First.Registered))
		if e.First.Number != 1 || e.First.Serial != 1 || string(r.Marshal()) != string(first.lastMade.Marshal()) {
			t.Errorf("%+v", e.First)
		}
		if all := must(x.Equivocators(background)); len(all) != 1 || all[0].Post != "MOSCOW" || all[0].Serial != 1 {
			t.Errorf("%+v", all)
		}
		// What comes later about the same serial takes nothing away.
		m.deliver("BEIJING", newClerk(m, "MOSCOW", "BEIJING").envelopes(1)...)
		if again := must(x.Evidence(background, "MOSCOW", 1)); string(again.Payload) != string(e.Payload) {
			t.Error("the first proof is gone")
		}
	}
}

// One telegram under two serials is the same fault.
func TestEquivocationOfSerials(t *testing.T) {
	m, x, c := atBeijing(t)
	r := *c.lastMade
	r.Numbers.Register, r.Numbers.Serials, c.serial = 2, []telegram.Serial{{Post: "BEIJING", Number: 2}}, 2
	m.deliver("BEIJING", c.piece(1, 1, r.Marshal()))
	e, err := x.Evidence(background, "MOSCOW", 2)
	if err != nil || !e.Holds || e.First.Serial != 1 {
		t.Fatalf("%+v, %v", e, err)
	}
	if _, err := x.Evidence(background, "MOSCOW", 1); !errors.Is(err, post.ErrNoEvidence) {
		t.Error(err)
	}
	// A hostile post fills no disk with proofs against itself.
	for serial := uint32(10); serial < 130; serial++ {
		r.Numbers.Serials, c.serial = []telegram.Serial{{Post: "BEIJING", Number: serial}}, serial
		m.deliver("BEIJING", c.piece(1, 1, r.Marshal()))
	}
	if n := x.count("select count(*) from evidence"); n != 100 {
		t.Errorf("%d proofs are kept", n)
	}
}

// What its sender says it has sent, and does not send though it is asked, is for people; until it comes.
func TestSwallowed(t *testing.T) {
	m := open(t, nil)
	m.run("BEIJING")
	x, c := m.at("BEIJING"), newClerk(m, "MOSCOW", "BEIJING")
	first := c.envelopes(1)
	c.serial, c.register = 2, 2
	c.seed[0] ^= 1
	m.deliver("BEIJING", c.envelopes(1)...)
	for n := int64(0); ; n++ {
		m.deliver("BEIJING", newClerk(m, "MOSCOW", "BEIJING").lastNumber(func(l *telegram.LastNumber) { l.Series[0].Last = 2; l.At += n }))
		if a, ok := x.alarmed("MOSCOW", "serials 1 of it are missing"); ok {
			if a.Closed != nil {
				t.Errorf("%+v", a)
			}
			break
		}
		if n == 1000 {
			t.Fatalf("nobody was told:\n%s", x.trouble())
		}
		time.Sleep(50 * time.Millisecond)
	}
	if n := len(m.requests("BEIJING", "MOSCOW")); n < 3 {
		t.Errorf("it was asked for %d times", n)
	}
	m.deliver("BEIJING", first...)
	x.closes("MOSCOW", "serials 1 of it are missing")
}

// A gap in the serials of which nothing is told is asked for when what is missing is later than it could rightly be, and not before.
func TestSpeedOfService(t *testing.T) {
	for name, x := range map[string]struct {
		came  telegram.Precedence
		early time.Duration
		late  time.Duration
	}{
		"an Override came": {came: telegram.Override, early: 9 * time.Minute, late: 11 * time.Minute},
		"a Flash came":     {came: telegram.Flash, early: 29 * time.Minute, late: 31 * time.Minute},
		"an Immediate":     {came: telegram.Immediate, early: 179 * time.Minute, late: 181 * time.Minute},
		"a Priority":       {came: telegram.Priority, early: 359 * time.Minute, late: 361 * time.Minute},
		"a Routine":        {came: telegram.Routine, early: 23 * time.Hour, late: 25 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := open(t, func(c *post.Config) { c.LastNumber = 100 * time.Millisecond }) // it looks as often
			m.run("BEIJING")
			b, c := m.at("BEIJING"), newClerk(m, "MOSCOW", "BEIJING")
			c.change = func(t *telegram.Telegram) { t.To[0].Precedence = x.came }
			c.precedence = x.came
			m.deliver("BEIJING", c.envelopes(1)...)
			c.serial, c.register = 3, 3
			c.seed[0] ^= 1
			m.deliver("BEIJING", c.envelopes(1)...)
			asked := func() bool { return wants(m.requests("BEIJING", "MOSCOW"), telegram.SerialsOf(telegram.Operation)) }
			b.skew.Store(int64(x.early))
			time.Sleep(500 * time.Millisecond)
			if asked() {
				t.Errorf("after %v it is asked for", x.early)
			}
			b.skew.Store(int64(x.late))
			m.until("it is asked for", asked)
		})
	}
}
