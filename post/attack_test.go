package post_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"chancery.example/chancery/post"
	"chancery.example/chancery/telegram"
)

// attack is what somebody puts before BEIJING. clerk has the keys of MOSCOW: it stands for a hostile post, or for one whose keys were taken.
type attack struct {
	name  string
	make  func(c *clerk) [][]byte
	at    telegram.Precedence // of the carrier, beyond routine
	says  string              // what people are told
	alarm bool                // and not only the log: it came from an admitted post
}

func one(c *clerk) [][]byte { return c.envelopes(1) }

// changed makes an attack in which the telegram itself is made otherwise, and rightly signed.
func changed(change func(*clerk, *telegram.Telegram)) func(*clerk) [][]byte {
	return func(c *clerk) [][]byte {
		c.change = func(t *telegram.Telegram) { change(c, t) }
		return c.envelopes(1)
	}
}

// numbered makes an attack in which only the numbers lie.
func numbered(change func(*telegram.Numbers)) func(*clerk) [][]byte {
	return func(c *clerk) [][]byte {
		r := c.registered()
		change(&r.Numbers)
		return [][]byte{c.piece(1, 1, r.Marshal())}
	}
}

// onTheWay are what a relay can do, which has no keys.
var onTheWay = []attack{
	{name: "a byte of the body flipped", make: func(c *clerk) [][]byte { return flipped(one(c), -1) }, says: "not sealed to this key, or altered"},
	{name: "the message id changed", make: func(c *clerk) [][]byte { return flipped(one(c), telegram.L0Len-1) }, says: "not sealed to this key, or altered"},
	{name: "graded up by the carrier", make: one, at: telegram.Flash, says: "graded again on its way"},
	{name: "graded up in L0", make: func(c *clerk) [][]byte {
		e := one(c)
		x := must(telegram.ParseEnvelope(e[0]))
		x.Precedence = telegram.Flash
		return [][]byte{x.Marshal()}
	}, at: telegram.Flash, says: "not sealed to this key, or altered"},
	{name: "cut short", make: func(c *clerk) [][]byte { e := one(c); return [][]byte{e[0][:telegram.L0Len+40]} }, says: "too short"},
	{name: "another letter key named", make: func(c *clerk) [][]byte {
		x := must(telegram.ParseEnvelope(one(c)[0]))
		x.KeyID = [4]byte{9, 9, 9, 9}
		return [][]byte{x.Marshal()}
	}, says: "sealed to letter key 09090909, which this post does not hold"},
	{name: "for another post", make: func(c *clerk) [][]byte {
		c.to = world().posts["LONDON"]
		return one(c)
	}, says: "it is for another post"},
	{name: "for another post, under this one's route", make: func(c *clerk) [][]byte {
		c.to = world().posts["LONDON"]
		x := must(telegram.ParseEnvelope(one(c)[0]))
		x.To = world().posts["BEIJING"].route
		x.KeyID = world().posts["BEIJING"].keys.Letters[0].ID
		return [][]byte{x.Marshal()}
	}, says: "not sealed to this key, or altered"},
	{name: "a stranger's letter", make: func(c *clerk) [][]byte { c.letterFrom = "PARIS"; return one(c) }, says: "the directory has no such sender"},
	{name: "a letter in another post's name", make: func(c *clerk) [][]byte { c.letterFrom = "LONDON"; return one(c) }, says: "the sending post's signature"},
}

func flipped(e [][]byte, at int) [][]byte {
	b := slices.Clone(e[0])
	if at < 0 {
		at += len(b)
	}
	b[at] ^= 1
	return [][]byte{b}
}

// byPeople are what an admitted post can do with all its keys.
var byPeople = []attack{
	{name: "passed on from another post", alarm: true, says: "released at another post than sent it", make: func(c *clerk) [][]byte {
		l := newClerk(c.m, "LONDON", "BEIJING")
		return [][]byte{c.piece(1, 1, l.registered().Marshal())}
	}},
	{name: "from an office of another post", alarm: true, says: "released at another post than sent it",
		make: changed(func(c *clerk, t *telegram.Telegram) { t.From.Post = "LONDON" })},
	{name: "one person does both", alarm: true, says: "its releaser is its drafter", make: changed(func(c *clerk, t *telegram.Telegram) {
		t.Drafter, t.Releaser = c.of.ref(both), c.of.ref(both)
		c.drafts, c.releases = c.of.people[both], c.of.people[both]
	})},
	{name: "the releaser may not release", alarm: true, says: "its releaser:", make: changed(func(c *clerk, t *telegram.Telegram) {
		t.Releaser, c.releases = c.of.ref(second), c.of.people[second]
	})},
	{name: "the drafter may not draft", alarm: true, says: "its drafter:", make: changed(func(c *clerk, t *telegram.Telegram) {
		t.Drafter, c.drafts = c.of.ref(releaser), c.of.people[releaser]
		t.Releaser, c.releases = c.of.ref(both), c.of.people[both]
	})},
	{name: "a releaser of another post", alarm: true, says: "its releaser:", make: changed(func(c *clerk, t *telegram.Telegram) {
		l := world().posts["LONDON"]
		t.Releaser, c.releases = l.ref(releaser), l.people[releaser]
	})},
	{name: "a drafter of another post", alarm: true, says: "its drafter:", make: changed(func(c *clerk, t *telegram.Telegram) {
		l := world().posts["LONDON"]
		t.Drafter, c.drafts = l.ref(drafter), l.people[drafter]
	})},
	{name: "a releaser unknown", alarm: true, says: "the directory has no key 999/1",
		make: changed(func(c *clerk, t *telegram.Telegram) { t.Releaser.Person = 999 })},
	{name: "the keys of the two swapped", alarm: true, says: "the drafter's signature does not hold", make: func(c *clerk) [][]byte {
		c.drafts, c.releases = c.releases, c.drafts
		return one(c)
	}},
	{name: "the releaser did not sign", alarm: true, says: "the releaser's signature does not hold", make: func(c *clerk) [][]byte {
		c.releases = c.drafts
		return one(c)
	}},
	{name: "half of the releaser's signature", alarm: true, says: "the releaser's signature does not hold", make: func(c *clerk) [][]byte {
		r := c.registered()
		r.ReleasePQ[100] ^= 1
		return [][]byte{c.piece(1, 1, r.Marshal())}
	}},
	{name: "a word changed after the release", alarm: true, says: "signature does not hold", make: func(c *clerk) [][]byte {
		r := c.registered()
		r.Telegram.Body[0].Text = "By the hand."
		return [][]byte{c.piece(1, 1, r.Marshal())}
	}},
	{name: "this post is not addressed", alarm: true, says: "this post is not addressed", make: changed(func(c *clerk, t *telegram.Telegram) { t.To[0].Post = "LONDON" })},
	{name: "below the precedence it was released at", alarm: true, says: "another precedence than was released",
		make: changed(func(c *clerk, t *telegram.Telegram) { t.To[0].Precedence = telegram.Flash })},
}

// byNumbers are lies of the clerk who numbers and seals.
var byNumbers = []attack{
	{name: "another serial outside than inside", alarm: true, says: "another serial than it took", make: func(c *clerk) [][]byte { c.section = 7; return one(c) }},
	{name: "no serial for an addressed post", alarm: true, says: "the serials are not those of the addressed posts", make: numbered(func(n *telegram.Numbers) { n.Serials[0].Post = "LONDON" })},
	{name: "a serial for one post more", alarm: true, says: "the serials are not those of the addressed posts",
		make: numbered(func(n *telegram.Numbers) { n.Serials = append(n.Serials, telegram.Serial{Post: "LONDON", Number: 1}) })},
	{name: "no register number", alarm: true, says: "no register number", make: numbered(func(n *telegram.Numbers) { n.Register = 0 })},
	{name: "registered too late", alarm: true, says: "registered outside the time", make: func(c *clerk) [][]byte { c.late = 2 * time.Hour; return one(c) }},
	{name: "registered before the release", alarm: true, says: "registered outside the time", make: func(c *clerk) [][]byte { c.late = -time.Hour; return one(c) }},
	{name: "no telegram at all", alarm: true, says: "malformed", make: func(c *clerk) [][]byte { return [][]byte{c.piece(1, 1, []byte("nothing"))} }},
	{name: "no section at all", alarm: true, says: "malformed", make: func(c *clerk) [][]byte { return [][]byte{c.letter([]byte{1, 2, 3})} }},
	{name: "a service message of no known kind", alarm: true, says: "unknown kind 9", make: func(c *clerk) [][]byte {
		return [][]byte{c.letter((&telegram.Service{Kind: 9, Statement: []byte("x"), Ed: make([]byte, telegram.SizeEd25519), PQ: make([]byte, telegram.SizeMLDSA44)}).Marshal())}
	}},
	{name: "another directory", alarm: true, says: "goes by another directory", make: func(c *clerk) [][]byte { c.directory[0] ^= 1; return one(c) }},
	{name: "another beginning of the directory", alarm: true, says: "goes by another directory", make: func(c *clerk) [][]byte { c.size--; return one(c) }},
	{name: "a count of sections that lies", alarm: true, says: "do not belong together", make: func(c *clerk) [][]byte {
		return [][]byte{c.piece(1, 3, []byte("a")), c.piece(2, 4, []byte("b"))}
	}},
	{name: "sections at different precedences", alarm: true, says: "its sections came at different precedences", make: func(c *clerk) [][]byte {
		raw := c.registered().Marshal()
		first := c.piece(1, 2, raw[:1000])
		c.precedence = telegram.Flash
		return [][]byte{first, c.piece(2, 2, raw[1000:])}
	}},
	{name: "a section of another telegram among them", alarm: true, says: "malformed", make: func(c *clerk) [][]byte {
		raw, other := c.registered().Marshal(), c.registered().Marshal()
		return [][]byte{c.piece(1, 2, raw[:1000]), c.piece(2, 2, other[900:])}
	}},
	{name: "pieces larger than any telegram", alarm: true, says: "do not belong together", make: func(c *clerk) (out [][]byte) {
		for i := range uint32(4) {
			out = append(out, c.piece(i+1, 5, make([]byte, 1<<20)))
		}
		return out[:3]
	}},
}

func TestAttacks(t *testing.T) {
	m := open(t, func(c *post.Config) { c.Retry = time.Hour }) // a gap that a genuine letter shows is asked for, and not now
	m.run("BEIJING")
	x := m.at("BEIJING")
	entries := x.count("select count(*) from entry")
	for _, a := range slices.Concat(onTheWay, byPeople, byNumbers) {
		t.Run(a.name, func(t *testing.T) {
			alarms, log := x.count("select coalesce(sum(times), 0) from alarm"), len(x.log.String())
			for _, e := range a.make(newClerk(m, "MOSCOW", "BEIJING")) {
				at := must(telegram.ParseEnvelope(e)).Precedence
				if err := m.ether.deliver(x.route, max(a.at, at), e); err != nil {
					t.Fatal(err)
				}
			}
			refused(t, x, entries)
			if told := x.log.String()[log:]; !strings.Contains(told, a.says) {
				t.Errorf("people were not told %q:\n%s", a.says, told)
			}
			if n := x.count("select coalesce(sum(times), 0) from alarm") - alarms; n > 0 != a.alarm {
				t.Errorf("there are %d alarms, wanted one: %v", n, a.alarm)
			}
		})
	}
	// The number is not spoilt for the telegram that rightly has it.
	m.deliver("BEIJING", newClerk(m, "MOSCOW", "BEIJING").envelopes(2)...)
	if got := x.received(); len(got) != 1 || got[0].Serial != 1 {
		t.Errorf("what was right was not taken: %+v\n%s", got, x.trouble())
	}
	m.whole()
}

// refused proves that a post took nothing, kept nothing and answered nothing.
func refused(t *testing.T, x *desks, entries int64) {
	t.Helper()
	if sent := answers(x); sent != 0 {
		t.Errorf("%d envelopes were sent in answer", sent)
	}
	if got := x.received(); len(got) != 0 {
		t.Errorf("it is shown: %+v", got)
	}
	if n := x.count("select count(*) from entry"); n != entries {
		t.Errorf("the register went from %d to %d entries", entries, n)
	}
	if n := x.count("select count(*) from piece"); n != 0 {
		t.Errorf("%d pieces are kept", n)
	}
}
