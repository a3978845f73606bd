package post_test

import (
	"strings"
	"testing"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/desk"
	"chancery.example/chancery/directory"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/telegram"
)

// person is a subject.
func person(number uint32) directory.Subject { return directory.Subject{Person: number} }

// after makes the world's directory longer, and has it signed.
func after(d *directory.Directory, ss ...directory.Statement) *directory.Directory {
	return world().sign(must(d.Append(ss...)))
}

// adopts has posts adopt a directory.
func (m *ministry) adopts(d *directory.Directory, posts ...string) {
	m.t.Helper()
	for _, name := range posts {
		if _, _, err := m.at(name).Adopt(background, d.Marshal()); err != nil {
			m.t.Fatal(err)
		}
	}
}

// arrives puts envelopes before BEIJING and says whether a telegram was taken, and if not what people were told.
func (m *ministry) arrives(envelopes ...[]byte) (taken bool, told string) {
	m.t.Helper()
	x := m.at("BEIJING")
	n, log := len(x.received()), len(x.log.String())
	for _, e := range envelopes {
		if err := m.ether.deliver(x.route, must(telegram.ParseEnvelope(e)).Precedence, e); err != nil {
			m.t.Fatal(err)
		}
	}
	return len(x.received()) > n, x.log.String()[log:]
}

// renewed is a new key of MOSCOW's releaser for which the old one signed.
func renewed(from time.Time) (directory.Key, *seal.Signer) {
	s, signer := world().posts["MOSCOW"], seal.NewSigner()
	k := directory.Key{Ref: s.ref(releaser), Key: public(signer), After: 1, From: from.UTC().Truncate(time.Second)}
	k.Ref.Key = 2
	k.Signature = vouch(signer, telegram.LabelKey, k.Body())
	k.Continuity = vouch(s.people[releaser], telegram.LabelKey, k.Body())
	return k, signer
}

// What the newest directory says of the people who signed decides on arrival.
func TestJudgedOnArrival(t *testing.T) {
	s := world().posts["MOSCOW"]
	who := person(s.ref(releaser).Person)
	now := time.Now().UTC().Truncate(time.Second)
	before, later := now.Add(-time.Hour), now.Add(time.Hour) // the clerk's telegrams were signed a minute ago
	fresh, _ := renewed(later)
	old, _ := renewed(before)
	stolen := fresh
	stolen.After, stolen.From = 0, time.Time{}
	thief := seal.NewSigner()
	stolen.Key = public(thief)
	stolen.Signature, stolen.Continuity = vouch(thief, telegram.LabelKey, stolen.Body()), directory.Signature{}
	office := directory.Subject{Office: telegram.Address{Office: "MINISTRY", Post: "MOSCOW"}}
	for _, c := range []struct {
		name string
		said []directory.Statement
		says string // "" where it is taken
	}{
		{"suspended", []directory.Statement{directory.Suspend{Of: who, At: now, Why: "why"}}, "is suspended"},
		{"suspended and restored", []directory.Statement{directory.Suspend{Of: who, At: now, Why: "why"}, directory.Restore{Of: who}}, ""},
		{"the office suspended", []directory.Statement{directory.Suspend{Of: office, At: now, Why: "why"}}, "that is suspended"},
		{"the office ended", []directory.Statement{directory.End{Of: office, At: now, Why: "closed"}}, ""},
		{"ended before", []directory.Statement{directory.End{Of: who, At: before, Why: "left"}}, "is no more"},
		{"ended after", []directory.Statement{directory.End{Of: who, At: later, Why: "left"}}, ""},
		{"no releaser any more", []directory.Statement{directory.Roles{Person: who.Person, From: before, Roles: directory.Drafter}}, "is no releaser"},
		{"no releaser after", []directory.Statement{directory.Roles{Person: who.Person, From: later, Roles: directory.Drafter}}, ""},
		{"a newer key since", []directory.Statement{fresh}, ""},
		{"a newer key before", []directory.Statement{old}, "was replaced"},
		{"a newer key without continuity", []directory.Statement{stolen}, "was replaced"},
		{"revoked", []directory.Statement{directory.Revoke{Key: s.ref(releaser), Size: 1000, Root: [32]byte{1}}}, "is revoked"},
		{"the drafter's key revoked", []directory.Statement{directory.Revoke{Key: s.ref(drafter)}}, "is revoked"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := open(t, nil)
			m.adopts(after(world().dir, c.said...), "BEIJING")
			m.run("BEIJING")
			taken, told := m.arrives(newClerk(m, "MOSCOW", "BEIJING").envelopes(1)...)
			if taken != (c.says == "") || !strings.Contains(told, c.says) {
				t.Errorf("taken %v, people were told:\n%s", taken, told)
			}
		})
	}
}

// Nothing comes from a suspended post and nothing goes to it, with one alarm however often it tries; when it is restored all goes on by itself.
func TestSuspendedPost(t *testing.T) {
	m := open(t, nil)
	moscow := directory.Subject{Post: "MOSCOW"}
	stopped := after(world().dir, directory.Suspend{Of: moscow, At: time.Now(), Why: "occupied"})
	m.at("MOSCOW").send(plain)
	b := m.at("BEIJING")
	waits := b.send(strings.ReplaceAll(plain, "BEIJING", "MOSCOW"))
	m.adopts(stopped, "BEIJING")
	m.run()
	m.until("MOSCOW has tried three times", func() bool { return b.count("select coalesce(sum(times), 0) from alarm where post = 'MOSCOW'") >= 3 })
	if n := b.count("select count(*) from alarm where post = 'MOSCOW'"); n != 1 {
		t.Errorf("%d alarms about one thing:\n%s", n, b.trouble())
	}
	b.held(waits, "the post MOSCOW is suspended")
	if len(b.received()) != 0 || b.count("select count(*) from wire") != 0 {
		t.Error("something was taken from it, or sealed to it")
	}
	m.adopts(after(stopped, directory.Restore{Of: moscow}), "BEIJING")
	m.delivered("MOSCOW", "BEIJING")
	m.whole()
	if len(b.received()) != 1 || len(m.at("MOSCOW").received()) != 1 {
		t.Error("what waited has not come")
	}
}

// What waits for a post when it is suspended is not sealed until it is restored.
func TestSuspendedWhileWaiting(t *testing.T) {
	m := open(t, nil)
	x, beijing := m.at("MOSCOW"), directory.Subject{Post: "BEIJING"}
	x.send(plain)
	m.run("MOSCOW")
	m.until("it is sealed", func() bool { return x.count("select count(*) from wire") > 0 })
	m.crash()
	x.send(plain)
	x.reopen()
	m.run("MOSCOW")
	m.until("both are registered", func() bool { return x.count("select count(*) from outbox") == 2 })
	m.crash()
	x.reopen()
	stopped := after(world().dir, directory.Suspend{Of: beijing, At: time.Now(), Why: "occupied"})
	x.send(plain)
	m.adopts(stopped, "MOSCOW")
	sealed := x.count("select count(*) from wire")
	sent := len(m.ether.from(x.route))
	m.run("MOSCOW")
	m.until("the third is held", func() bool { return x.count("select count(*) from draft where held is not null") == 1 })
	time.Sleep(5 * x.config.Retry)
	if n := len(m.ether.from(x.route)); n != sent || x.count("select count(*) from wire") != sealed {
		t.Errorf("%d envelopes went to a suspended post", n-sent)
	}
	m.adopts(after(stopped, directory.Restore{Of: beijing}), "MOSCOW")
	m.run("BEIJING")
	m.delivered("MOSCOW")
	m.whole()
}

// One person alone, where the directory allows it; the receiver is told.
func TestAlone(t *testing.T) {
	s := world().posts["MOSCOW"]
	does := func(c *clerk, x *telegram.Telegram) {
		x.Drafter, x.Releaser = c.of.ref(both), c.of.ref(both)
		c.drafts, c.releases = c.of.people[both], c.of.people[both]
	}
	allowed := after(world().dir, directory.Roles{Person: s.ref(both).Person, From: time.Now().Add(-time.Hour), Roles: directory.Drafter | directory.Releaser | directory.Alone})
	m := open(t, nil)
	m.run("BEIJING")
	c := newClerk(m, "MOSCOW", "BEIJING")
	c.change = func(x *telegram.Telegram) { does(c, x) }
	if taken, told := m.arrives(c.envelopes(1)...); taken || !strings.Contains(told, "its releaser is its drafter") {
		t.Errorf("taken %v: %s", taken, told)
	}
	m.adopts(allowed, "BEIJING", "MOSCOW")
	if taken, told := m.arrives(c.envelopes(1)...); !taken {
		t.Fatal(told)
	}
	shown := m.at("BEIJING").shown(archive.In, 1)
	if !shown.Alone || !shown.Verified || len(shown.Marks) != 1 || !strings.Contains(shown.Marks[0], "Released alone") {
		t.Errorf("alone %v, marks %q, findings %q", shown.Alone, shown.Marks, shown.Findings)
	}
	if l := m.at("BEIJING").received(); !l[0].Marked {
		t.Error("the inbox does not mark it")
	}
	m.whole()

	// And at that post itself.
	x := m.at("MOSCOW")
	id := x.draft(plain)
	if err := x.tryHandOver(id, both); err != nil {
		t.Fatal(err)
	}
	if err := x.tryRelease(id, both); err != nil {
		t.Error(err)
	}
}

// What was taken stays proved by the directory of its time, and says what is known since.
func TestMarkedLater(t *testing.T) {
	m := open(t, nil)
	x, b := m.at("MOSCOW"), m.at("BEIJING")
	x.send(plain)
	m.run()
	m.delivered("MOSCOW")
	who := x.ref(releaser)
	entry := x.shown(archive.Out, 1).Entry
	marks := func(x *desks, way archive.Way) (all string) {
		t.Helper()
		s := x.shown(way, 1)
		if !s.Verified {
			t.Errorf("%s: %q", x.name, s.Findings)
		}
		return strings.Join(s.Marks, "\n")
	}
	d := after(world().dir, directory.Suspend{Of: person(who.Person), At: time.Now(), Why: "why"})
	m.adopts(d, "MOSCOW", "BEIJING")
	for _, got := range []string{marks(x, archive.Out), marks(b, archive.In)} {
		if !strings.Contains(got, "Suspended since") {
			t.Errorf("suspended: %q", got)
		}
	}
	d = after(d, directory.Restore{Of: person(who.Person)}, directory.Revoke{Key: who, Size: entry + 1, Root: [32]byte{1}})
	m.adopts(d, "MOSCOW", "BEIJING")
	if got := marks(x, archive.Out); got != "" {
		t.Errorf("the sender knows that it stands below the checkpoint, and says %q", got)
	}
	if got := marks(b, archive.In); !strings.Contains(got, "Revoked since") {
		t.Errorf("revoked: %q", got)
	}
	d = after(d, directory.Revoke{Key: who}, directory.End{Of: person(who.Person), At: time.Unix(0, 0), Why: "dismissed"})
	m.adopts(d, "MOSCOW", "BEIJING")
	if got := marks(x, archive.Out); !strings.Contains(got, "Revoked since") {
		t.Errorf("revoked from the beginning: %q", got)
	}
	m.whole() // by the directories of their time
}

// A key without continuity is warned of until somebody has checked it.
func TestDoubtfulKey(t *testing.T) {
	m := open(t, nil)
	x := m.at("MOSCOW")
	signer := seal.NewSigner()
	d := after(world().dir, newKey(releaser, signer, signer))
	m.adopts(d, "MOSCOW", "BEIJING")
	m.run("BEIJING")
	c := newClerk(m, "MOSCOW", "BEIJING")
	c.change = func(t *telegram.Telegram) { t.Releaser.Key, c.releases = 2, signer }
	if taken, told := m.arrives(c.envelopes(1)...); !taken {
		t.Fatal(told)
	}
	ref := telegram.KeyRef{Person: x.ref(releaser).Person, Key: 2}
	if s := m.at("BEIJING").shown(archive.In, 1); len(s.Marks) != 1 || !strings.Contains(s.Marks[0], "New key without continuity") {
		t.Errorf("marks %q", s.Marks)
	}
	m.adopts(after(d, directory.Checked{Key: ref, How: "telephone", At: time.Now()}), "BEIJING")
	if s := m.at("BEIJING").shown(archive.In, 1); len(s.Marks) != 0 {
		t.Errorf("checked, and marked %q", s.Marks)
	}
}

// The versions of the directory are proved with the register.
func TestDirectoryVersionsProved(t *testing.T) {
	m := open(t, nil)
	x := m.at("MOSCOW")
	x.send(plain)
	m.run("MOSCOW", "BEIJING")
	m.delivered("MOSCOW")
	m.crash()
	d := after(world().dir, directory.Office{Address: telegram.Address{Office: "CONSUL", Post: "LONDON"}})
	m.adopts(d, "MOSCOW")
	m.whole()
	x.keep()
	for _, change := range []string{
		"update adoption set entry = entry + 1 where n = 2",
		"update adoption set file = (select file from adoption where n = 2) where n = 1",
		"delete from adoption where n = 1",
	} {
		t.Run(change, func(t *testing.T) {
			x.tamper(change)
			x.reopen()
			r, err := x.VerifyRegister(background, nil)
			if err == nil && len(r.Findings) == 0 {
				t.Error("it is not found")
			}
			x.restore()
			x.reopen()
			m.whole()
		})
	}
}

// An officer who is suspended, or no more, does nothing at his own post.
func TestNobodyAtTheDesk(t *testing.T) {
	for name, said := range map[string]func(who uint32) directory.Statement{
		"suspended": func(who uint32) directory.Statement {
			return directory.Suspend{Of: person(who), At: time.Now(), Why: "why"}
		},
		"ended": func(who uint32) directory.Statement {
			return directory.End{Of: person(who), At: time.Now().Add(2 * time.Second), Why: "left"} // in whole seconds, and after what he signs first
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := open(t, nil)
			x := m.at("MOSCOW")
			drafted, handed, released := x.draft(plain), x.draft(plain), x.send(plain)
			x.handOver(handed)
			m.adopts(after(world().dir, said(x.ref(drafter).Person), said(x.ref(releaser).Person)), "MOSCOW")
			time.Sleep(2 * time.Second)
			if err := x.tryHandOver(drafted, drafter); err == nil {
				t.Error("handed over")
			}
			if err := x.tryRelease(handed, releaser); err == nil {
				t.Error("released")
			}
			if err := x.clear(handed, releaser); err == nil {
				t.Error("cleared")
			}
			if err := x.sendBack(handed, releaser, "no"); err == nil {
				t.Error("returned")
			}
			m.run("MOSCOW")
			if name == "ended" { // what he released before he left is registered
				m.until("it is registered", func() bool { return x.state(released).State == desk.Registered })
				return
			}
			x.held(released, "is suspended")
		})
	}
}
