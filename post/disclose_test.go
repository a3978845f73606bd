package post_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/directory"
	"chancery.example/chancery/post"
	"chancery.example/chancery/register"
	"chancery.example/chancery/telegram"
	"golang.org/x/mod/sumdb/note"
)

// What is told of a withheld thing all the same is said to whoever withholds it, and what cannot go together is refused.
func TestDisclose(t *testing.T) {
	moscow, beijing := spokenTo(t)
	sent, received := post.ToDisclose{Way: archive.Out, Number: 1}, post.ToDisclose{Way: archive.In, Number: 1}
	for _, c := range []struct {
		at       *desks
		w        post.ToDisclose
		proof    post.Proof
		withhold []post.Withholding
		warns    string // "" for nothing
		released bool
	}{
		{moscow, sent, "", nil, "", true},
		{moscow, sent, post.ProofReleased, []post.Withholding{{Field: "drafter"}}, "", true},
		{moscow, sent, "", []post.Withholding{{Field: "releaser#1"}}, "", false},
		{moscow, sent, "", []post.Withholding{{Field: "sender"}}, "the proof names MOSCOW all the same", true},
		{moscow, sent, post.ProofRegistered, []post.Withholding{{Field: "head"}}, "the proof names MOSCOW all the same", false},
		{moscow, sent, "", []post.Withholding{{Field: "addressee"}}, "", true},
		{moscow, sent, "", []post.Withholding{{Words: "train"}}, `"train" can still be read in paragraph 1`, true},
		{moscow, sent, "", []post.Withholding{{Words: "third"}, {Words: "OWNER"}}, "", true},
		{beijing, received, "", []post.Withholding{{Field: "sender"}}, "the proof names MOSCOW all the same", true},
		{beijing, received, post.ProofRegistered, []post.Withholding{{Field: "sender"}}, "", false},
		{beijing, received, "", []post.Withholding{{Field: "action#1"}}, "shows that BEIJING received it", true},
		{beijing, received, post.ProofReleased, []post.Withholding{{Field: "info"}}, "", true},
	} {
		c.w.Proof = c.proof
		d := c.at.disclosed(c.w, c.withhold...)
		if got := strings.Join(d.Warnings, "\n"); (got == "") != (c.warns == "") || !strings.Contains(got, c.warns) {
			t.Errorf("%v: it warns %q, want %q", c.withhold, got, c.warns)
		}
		if (d.Released != nil) != c.released || (d.Registered != nil) != (c.proof != post.ProofReleased) {
			t.Errorf("%v: %+v, %+v", c.withhold, d.Released, d.Registered)
		}
		again, err := holdsRecord(world().dir, d.Record)
		if err != nil || fmt.Sprint(again.Withheld) != fmt.Sprint(d.Withheld) || again.Root != c.at.shown(c.w.Way, 1).Root {
			t.Errorf("%v: %v", c.withhold, err)
		}
		if n := strings.Count(string(d.Record), "\n"); n != 1 || c.at.disclosed(c.w, c.withhold...).Text != d.Text {
			t.Errorf("it has %d lines, or is another the next time", n)
		}
	}
	for _, c := range []struct {
		w    post.ToDisclose
		says string
	}{
		{post.ToDisclose{Way: archive.Out, Number: 9}, "no such telegram"},
		{post.ToDisclose{Way: archive.Out, Number: 1, Proof: "none"}, `"none" is no proof`},
		{post.ToDisclose{Way: archive.Out, Number: 1, Proof: post.ProofBoth, Withhold: []post.Withholding{{Field: "releaser"}}}, "cannot be withheld beside them"},
		{post.ToDisclose{Way: archive.Out, Number: 1, Proof: post.ProofReleased, Withhold: []post.Withholding{{Field: "all"}}}, "cannot be withheld beside them"},
		{post.ToDisclose{Way: archive.Out, Number: 1, Withhold: []post.Withholding{{Words: "nowhere"}}}, "nothing would be withheld"},
		{post.ToDisclose{Way: archive.Out, Number: 1, Withhold: []post.Withholding{{}}}, "no paragraph 0"},
		{post.ToDisclose{Way: archive.Out, Number: 1, Withhold: []post.Withholding{{Message: 9}}}, "no telegram 9"},
	} {
		if d, err := moscow.Disclose(background, &c.w); d != nil || err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v", c.w, err)
		}
	}
	// What is not whole is not given away.
	moscow.flip("leaf", "entry", "kind = 1")
	if d, err := moscow.Disclose(background, &sent); d != nil || err == nil || !strings.Contains(err.Error(), "of which a proof does not hold") {
		t.Error(err)
	}
}

// A telegram whose releaser's key is not to be trusted any more is disclosed as registered, and as released only while its entry shows that it is older.
func TestDiscloseRevoked(t *testing.T) {
	m := open(t, nil)
	moscow := m.at("MOSCOW")
	moscow.send(plain)
	m.run()
	m.delivered("MOSCOW")
	m.crash()
	m.adopts(after(world().dir, directory.Revoke{Key: moscow.ref(releaser), Size: 1000, Root: [32]byte{1}}), "MOSCOW")
	d := moscow.disclosed(post.ToDisclose{Way: archive.Out, Number: 1})
	if len(d.Notes) != 1 || !strings.Contains(d.Notes[0], "Revoked since") {
		t.Error(d.Notes)
	}
	if _, err := moscow.Disclose(background, &post.ToDisclose{Way: archive.Out, Number: 1, Proof: post.ProofReleased}); err == nil || !strings.Contains(err.Error(), "does not show that MOSCOW had entered it before") ||
		!strings.Contains(err.Error(), "let it prove that it was registered") {
		t.Error(err)
	}
	moscow.disclosed(post.ToDisclose{Way: archive.Out, Number: 1, Proof: post.ProofRegistered})
}

// What came with one of the releaser's signatures still to follow is disclosed as registered, and when that is here as released too.
func TestDiscloseBeforeTheSecondSignature(t *testing.T) {
	m := framed(t, func(c *post.Config) { c.Late = 24 * time.Hour })
	moscow, beijing := m.at("MOSCOW"), m.at("BEIJING")
	m.run()
	for _, text := range []string{"The first.", "The second."} {
		moscow.sendTo(text, "BEIJING")
		m.delivered("MOSCOW")
	}
	w := post.ToDisclose{Way: archive.In, Number: 2}
	if d := beijing.disclosed(w); d.Released != nil || d.Registered == nil || d.Registered.Kind != telegram.EntryBriefIn {
		t.Errorf("%+v", d.Proven)
	}
	w.Proof = post.ProofBoth
	if _, err := beijing.Disclose(background, &w); err == nil || !strings.Contains(err.Error(), "second signature has not followed yet") {
		t.Error(err)
	}
	m.crash()
	moscow.skew.Store(int64(25 * time.Hour))
	moscow.config.Late = 50 * time.Millisecond
	moscow.reopen()
	m.run()
	m.followed("MOSCOW")
	if d := beijing.disclosed(w); d.Released == nil || d.Registered.Kind != telegram.EntryBriefIn {
		t.Errorf("%+v", d.Proven)
	}
}

// discloses makes a disclosure of what a clerk made, with the proofs that are given.
func (c *clerk) discloses(kind telegram.EntryKind, by string, released bool, fields ...string) *telegram.Disclosure {
	x := telegram.Redact(c.lastMade.Telegram)
	for _, f := range fields {
		if err := x.Field(f, ""); err != nil {
			panic(err)
		}
	}
	d := must(x.Disclose())
	if released {
		d.Release, d.ReleasePQ = c.lastMade.Release, c.lastMade.ReleasePQ
	}
	if by != "" {
		d.Registered = c.enters(kind, by)
	}
	return d
}

// enters makes a register of a post that has one entry, of what the clerk made, and the proof of it.
func (c *clerk) enters(kind telegram.EntryKind, by string) string {
	_, root := c.lastMade.Telegram.Roots()
	entry := c.lastMade.OutEntry(root, &c.lastMade.Numbers)
	switch kind {
	case telegram.EntryIn:
		entry = c.lastMade.InEntry(root, &c.lastMade.Numbers, c.seed)
	case telegram.EntryBriefIn:
		entry = c.lastMade.BriefInEntry(root, &c.lastMade.Numbers, c.seed)
	case telegram.EntryContinued:
		entry = telegram.NoteEntry(kind, c.seed, nil)
	}
	s := world().posts[by]
	origin := register.Origin(s.route)
	signers := must(s.keys.Register.Cosigners(origin))
	signed := must(note.Sign(&note.Note{Text: register.CheckpointText(origin, 1, telegram.EntryHash(entry))}, signers...))
	return "c2sp.org/tlog-proof@v1\nextra " + base64.StdEncoding.EncodeToString(entry) + "\nindex 0\n\n" + string(signed)
}

// What a disclosure proves is judged by the directory.
func TestCheckDisclosure(t *testing.T) {
	s := world().posts["MOSCOW"]
	who := person(s.ref(releaser).Person)
	now := time.Now().UTC().Truncate(time.Second)
	before, later := now.Add(-time.Hour), now.Add(time.Hour) // the clerk's telegrams were signed a minute ago
	revoked := func(size int64) directory.Statement {
		r := directory.Revoke{Key: s.ref(releaser), Size: size}
		if size > 0 {
			r.Root = [32]byte{1}
		}
		return r
	}
	stolen, thief := renewed(before)
	stolen.After, stolen.From = 0, time.Time{}
	stolen.Signature, stolen.Continuity = vouch(thief, telegram.LabelKey, stolen.Body()), directory.Signature{}
	replaced, newKey := renewed(before)
	aloneNow := directory.Roles{Person: s.ref(both).Person, From: before, Roles: directory.Drafter | directory.Releaser | directory.Alone}
	byBoth := func(c *clerk, x *telegram.Telegram) {
		x.Drafter, x.Releaser = s.ref(both), s.ref(both)
		c.drafts, c.releases = s.people[both], s.people[both]
	}
	newKeyed := func(c *clerk, x *telegram.Telegram) { x.Releaser.Key, c.releases = 2, thief }
	said := func(ss ...directory.Statement) []directory.Statement { return ss }
	out, in := telegram.EntryOut, telegram.EntryIn
	for _, c := range []struct {
		name     string
		change   func(c *clerk, x *telegram.Telegram)
		kind     telegram.EntryKind
		by       string // whose register; "" for none
		released bool
		withheld []string
		said     []directory.Statement
		says     string // where it does not hold
		notes    string // what stands in its notes
	}{
		{name: "both proofs", kind: out, by: "MOSCOW", released: true},
		{name: "released", released: true},
		{name: "registered", kind: out, by: "MOSCOW"},
		{name: "received", kind: in, by: "BEIJING", released: true},
		{name: "received in the brief form", kind: telegram.EntryBriefIn, by: "BEIJING", released: true},
		{name: "who is not addressed has received it in the brief form", kind: telegram.EntryBriefIn, by: "LONDON", says: "and is not addressed"},
		{name: "another post has sent it", kind: out, by: "LONDON", says: "LONDON has entered it as sent, and it was sent from MOSCOW"},
		{name: "another post has sent it, the sender withheld", kind: out, by: "LONDON", released: true, withheld: []string{"sender"}, says: "person 101 is of MOSCOW, and LONDON has entered it as sent"},
		{name: "who is not addressed has received it", kind: in, by: "LONDON", says: "LONDON has entered it as received, and is not addressed"},
		{name: "who may be addressed has received it", kind: in, by: "LONDON", withheld: []string{"action"}},
		{name: "a note", kind: telegram.EntryContinued, by: "MOSCOW", says: "the entry is not of a telegram"},
		{name: "nobody the directory knows", change: func(_ *clerk, x *telegram.Telegram) { x.Releaser.Person = 999 }, released: true, says: "the directory has no key 999/1"},
		{name: "a key the directory does not know", change: func(_ *clerk, x *telegram.Telegram) { x.Releaser.Key = 2 }, released: true, says: "has no key 101/2"},
		{name: "another's signature", change: func(c *clerk, _ *telegram.Telegram) { c.releases = s.people[drafter] }, released: true, says: "the releaser's signature does not hold"},
		{name: "a releaser of another post", change: func(c *clerk, x *telegram.Telegram) {
			x.Releaser, c.releases = world().posts["LONDON"].ref(releaser), world().posts["LONDON"].people[releaser]
		}, released: true, says: "is of LONDON, not of MOSCOW"},
		{name: "no releaser", change: func(c *clerk, x *telegram.Telegram) { x.Releaser, c.releases = s.ref(second), s.people[second] }, released: true, says: "is no releaser"},
		{name: "suspended", released: true, said: said(directory.Suspend{Of: who, At: now, Why: "why"}), says: "is suspended"},
		{name: "suspended, and no officer is named", kind: out, by: "MOSCOW", said: said(directory.Suspend{Of: who, At: now, Why: "why"})},
		{name: "the post suspended", released: true, said: said(directory.Suspend{Of: directory.Subject{Post: "MOSCOW"}, At: now, Why: "why"}), notes: "Suspended since: the post MOSCOW"},
		{name: "revoked", released: true, said: said(revoked(1000)), says: "does not show that MOSCOW had entered it before"},
		{name: "revoked, and entered before", kind: out, by: "MOSCOW", released: true, said: said(revoked(1)), notes: "Revoked since"},
		{name: "revoked from the beginning", kind: out, by: "MOSCOW", released: true, said: said(revoked(0)), says: "does not show"},
		{name: "revoked, and received before", kind: in, by: "BEIJING", released: true, said: said(revoked(1000)), says: "does not show"},
		{name: "ended before", released: true, said: said(directory.End{Of: who, At: before, Why: "left"}), says: "is no more"},
		{name: "ended after", released: true, said: said(directory.End{Of: who, At: later, Why: "left"})},
		{name: "a newer key before", released: true, said: said(replaced), says: "was replaced"},
		{name: "by a new key without continuity", change: newKeyed, released: true, said: said(stolen), notes: "New key without continuity"},
		{name: "alone", change: byBoth, released: true, said: said(aloneNow), notes: "Released alone: person 103"},
		{name: "alone, and not allowed to", change: byBoth, released: true, says: "its releaser is its drafter"},
		{name: "alone, the time withheld", change: byBoth, released: true, withheld: []string{"released"}, notes: "When it was released is withheld"},
		{name: "the time withheld", released: true, withheld: []string{"released"}, said: said(directory.End{Of: who, At: before, Why: "left"}), notes: "nobody can tell by this whether person 101 might release then"},
		{name: "the time withheld, suspended", released: true, withheld: []string{"released"}, said: said(directory.Suspend{Of: who, At: now, Why: "why"}), says: "is suspended"},
		{name: "the drafter withheld", released: true, withheld: []string{"drafter"}, notes: "nobody can tell by this whether another person drafted it"},
		{name: "brackets", change: func(_ *clerk, x *telegram.Telegram) { x.Subject = "[[3 words withheld]]" }, released: true, notes: "own text has double square brackets"},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := newClerk(nil, "MOSCOW", "BEIJING")
			if c.change != nil {
				k.change = func(x *telegram.Telegram) { c.change(k, x) }
			}
			k.registered()
			d := world().dir
			if c.said != nil {
				d = after(d, c.said...)
			}
			if err := post.CheckDirectory(d); err != nil {
				t.Fatal(err)
			}
			x := k.discloses(c.kind, c.by, c.released, c.withheld...)
			p, err := holdsRecord(d, x.Marshal())
			if err == nil != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Fatalf("%v, want %q", err, c.says)
			}
			if err != nil {
				return
			}
			if (p.Released != nil) != c.released || (p.Registered != nil) != (c.by != "") || c.released && p.Released.Post != "MOSCOW" {
				t.Errorf("it proves %+v, %+v", p.Released, p.Registered)
			}
			if notes := strings.Join(p.Notes, "\n"); (notes == "") != (c.notes == "") || !strings.Contains(notes, c.notes) {
				t.Errorf("its notes are %q, want %q", notes, c.notes)
			}
		})
	}
	k := newClerk(nil, "MOSCOW", "BEIJING")
	k.registered()
	x := k.discloses(out, "MOSCOW", false)
	x.Registered = strings.Replace(x.Registered, "index 0", "index 00", 1)
	if _, err := holdsRecord(world().dir, x.Marshal()); err == nil || !strings.Contains(err.Error(), "one written form") {
		t.Error(err)
	}
	// Whoever has the old key and the new one must be told apart: what the new one signed is its own.
	if _, err := holdsRecord(after(world().dir, replaced), func() []byte {
		k.change = func(x *telegram.Telegram) { x.Releaser.Key, k.releases = 2, newKey }
		k.registered()
		return k.discloses(out, "", true).Marshal()
	}()); err != nil {
		t.Error(err)
	}
}

// A statement in a directory's tail is believed only with the signatures of who issued it.
func TestCheckDirectory(t *testing.T) {
	d := world().dir
	if err := post.CheckDirectory(d); err != nil {
		t.Fatal(err)
	}
	k, _ := renewed(time.Now())
	k.Signature.MLDSA = slices.Clone(k.Signature.MLDSA)
	k.Signature.MLDSA[7] ^= 1
	if err := post.CheckDirectory(after(d, k)); err == nil || !strings.Contains(err.Error(), "does not vouch for itself") {
		t.Error(err)
	}
}
