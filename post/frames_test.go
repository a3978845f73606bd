package post_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/post"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/store"
	"chancery.example/chancery/store/storetest"
	"chancery.example/chancery/telegram"
)

// framed is a ministry whose posts send frames, and what these leave out soon after.
func framed(t *testing.T, change func(*post.Config)) *ministry {
	t.Helper()
	m := open(t, func(c *post.Config) {
		c.Late = 50 * time.Millisecond
		if change != nil {
			change(c)
		}
	})
	m.frames = t.TempDir()
	return m
}

// envelopesFrom gives what a post has sent that bears sections, by type: those at precedences other than the services'.
func (x *desks) envelopesFrom() (letters, frames []telegram.Envelope) {
	for _, p := range x.m.ether.from(x.route) {
		e := must(telegram.ParseEnvelope(p.envelope))
		switch {
		case e.Precedence == telegram.Override || e.Precedence == telegram.Deferred:
		case e.Type == telegram.Frame:
			frames = append(frames, e)
		default:
			letters = append(letters, e)
		}
	}
	return letters, frames
}

// followed waits until the signatures that frames left out are there, on both sides.
func (m *ministry) followed(posts ...string) {
	m.t.Helper()
	for _, name := range posts {
		m.until("all signatures of "+name+" have followed", func() bool { return m.at(name).count("select count(*) from late") == 0 })
	}
}

// After the first letter telegrams go in frames; what these leave out follows; both sides prove all of it.
func TestFrames(t *testing.T) {
	for engine, database := range map[string]func(string) *store.DB{
		"sqlite":   func(string) *store.DB { return storetest.SQLite(t) },
		"postgres": func(string) *store.DB { return storetest.Postgres(t) },
	} {
		t.Run(engine, func(t *testing.T) {
			m := framed(t, nil)
			m.database = database
			moscow, beijing := m.at("MOSCOW"), m.at("BEIJING")
			m.run()
			moscow.sendTo("The first.", "BEIJING")
			m.delivered("MOSCOW")
			for n := range 5 {
				moscow.sendTo(fmt.Sprint("In a frame ", n), "BEIJING")
			}
			m.delivered("MOSCOW")
			letters, frames := moscow.envelopesFrom()
			if len(letters) == 0 || len(frames) < 5 {
				t.Errorf("%d letters, %d frames", len(letters), len(frames))
			}
			for _, f := range frames {
				if f.Size() > 700 {
					t.Errorf("a frame of %d bytes", f.Size())
				}
			}
			m.followed("MOSCOW")
			for n := range uint32(6) {
				in, out := beijing.shown(archive.In, n+1), moscow.shown(archive.Out, n+1)
				if !in.Verified || !out.Verified || len(in.Marks) > 0 || n > 0 && in.Signature != "verified" || n == 0 && in.Signature != "" {
					t.Errorf("%d: %q %q %q %q", n, in.Signature, in.Marks, in.Findings, out.Findings)
				}
			}
			beijing.reply(2, telegram.Acknowledges, "So it will be.")
			m.delivered("BEIJING")
			m.followed("BEIJING")
			m.whole()
		})
	}
}

// What a telegram shows while its second signature is on its way, and a post that shows nothing before that.
func TestShownAtOnceOrWhenWhole(t *testing.T) {
	m := framed(t, func(c *post.Config) {
		c.Late = 24 * time.Hour
		if c.Name == "LONDON" {
			c.Whole = []string{"MOSCOW"}
		}
	})
	moscow, beijing, london := m.at("MOSCOW"), m.at("BEIJING"), m.at("LONDON")
	m.run(names[:]...)
	moscow.sendTo("The first.", "BEIJING", "LONDON")
	m.delivered("MOSCOW")
	moscow.sendTo("The second.", "BEIJING", "LONDON")
	m.delivered("MOSCOW")
	s := beijing.shown(archive.In, 2)
	if s.Signature != "open" || !s.Verified || len(s.Marks) != 1 || !strings.HasPrefix(s.Marks[0], "Shown at once") {
		t.Errorf("%+v", s)
	}
	_, err := london.Show(t.Context(), archive.In, 0, 2, nil)
	if err == nil || !strings.Contains(err.Error(), "shown when all of its signatures are here") {
		t.Error(err)
	}
	if got := london.received(); len(got) != 2 || got[1].Subject != "" || !got[1].Hidden {
		t.Errorf("%+v", got)
	}
	if got := beijing.received(); got[1].Hidden {
		t.Errorf("%+v", got)
	}
	moscow.skew.Store(int64(25 * time.Hour)) // a day later
	m.crash()
	moscow.config.Late = 50 * time.Millisecond
	moscow.reopen()
	m.run(names[:]...)
	m.followed("MOSCOW")
	if s := london.shown(archive.In, 2); s.Signature != "verified" || len(s.Marks) > 0 {
		t.Errorf("%+v", s)
	}
	m.whole()
}

// A signature that does not follow is an alarm after two days; one that does not hold is one at once.
func TestSecondSignatureMissing(t *testing.T) {
	m := framed(t, func(c *post.Config) {
		if c.Name == "MOSCOW" {
			c.Late = 24 * time.Hour
		}
	})
	moscow, beijing := m.at("MOSCOW"), m.at("BEIJING")
	m.run()
	moscow.sendTo("The first.", "BEIJING")
	m.delivered("MOSCOW")
	moscow.sendTo("The second.", "BEIJING")
	m.delivered("MOSCOW")
	beijing.skew.Store(int64(49 * time.Hour))
	m.until("it is overdue", func() bool { return beijing.shown(archive.In, 2).Signature == "overdue" })
	if s := beijing.shown(archive.In, 2); len(s.Marks) != 1 || !strings.HasPrefix(s.Marks[0], "A signature is missing") || !strings.Contains(beijing.trouble(), "serial 2 came 48 hours ago") {
		t.Errorf("%q", s.Marks)
	}
	c := newClerk(m, "MOSCOW", "BEIJING")
	late := telegram.Late{From: "MOSCOW", To: "BEIJING", Items: []telegram.LateItem{{Serial: 2, ReleasePQ: make([]byte, telegram.SizeMLDSA44)}, {Serial: 99, ReleasePQ: make([]byte, telegram.SizeMLDSA44)}}}
	c.precedence = telegram.Deferred
	m.deliver("BEIJING", c.letter(append([]byte{0, telegram.ServiceLate}, late.Marshal()...)))
	if s := beijing.shown(archive.In, 2); s.Signature != "false" || s.Verified || !strings.Contains(beijing.trouble(), "the other does not hold") {
		t.Errorf("%q %q", s.Signature, s.Findings)
	}
}

// A way that loses, repeats, alters and reorders: every telegram once, every signature in the end.
func TestFramesOnAWildWay(t *testing.T) {
	m := framed(t, nil)
	m.ether.lose, m.ether.repeat, m.ether.corrupt, m.ether.regrade, m.ether.reorder, m.ether.delay = 0.25, 0.3, 0.1, 0.05, true, 60*time.Millisecond
	moscow, beijing := m.at("MOSCOW"), m.at("BEIJING")
	m.run()
	for n := range 12 {
		moscow.sendTo(fmt.Sprint("Out ", n, strings.Repeat(" and on", n*60)), "BEIJING")
		beijing.sendTo(fmt.Sprint("And back ", n), "MOSCOW")
		if n%4 == 0 {
			m.delivered("MOSCOW", "BEIJING")
		}
	}
	m.delivered("MOSCOW", "BEIJING")
	m.followed("MOSCOW", "BEIJING")
	if len(moscow.received()) != 12 || len(beijing.received()) != 12 {
		t.Errorf("%d and %d came", len(moscow.received()), len(beijing.received()))
	}
	if _, frames := moscow.envelopesFrom(); len(frames) < 12 {
		t.Errorf("%d frames", len(frames))
	}
	m.whole()
}

// Stopped at any moment, with what is burnt on disk or only in memory: it goes on, and what was used is burnt after the next start.
func TestFramesStopped(t *testing.T) {
	m := framed(t, nil)
	moscow, beijing := m.at("MOSCOW"), m.at("BEIJING")
	sent := 0
	for round := range 8 {
		m.run()
		for range 3 {
			moscow.sendTo(fmt.Sprint("Round ", round), "BEIJING")
			beijing.sendTo(fmt.Sprint("Round ", round), "MOSCOW")
			sent++
		}
		if round%2 == 0 {
			m.delivered("MOSCOW", "BEIJING")
		}
		copied := filepath.Join(t.TempDir(), "copy")
		if round%3 == 1 { // the disk as it is in this moment, not as an orderly end leaves it
			m.until("a moment is caught", func() bool {
				os.RemoveAll(copied)
				if os.CopyFS(copied, os.DirFS(filepath.Join(m.frames, "BEIJING"))) != nil {
					return false
				}
				_, why, err := post.OpenBurnable(copied, burnableKey)
				return why == nil && err == nil
			})
		}
		m.crash()
		if round%3 == 1 {
			must(0, os.RemoveAll(filepath.Join(m.frames, "BEIJING")))
			must(0, os.CopyFS(filepath.Join(m.frames, "BEIJING"), os.DirFS(copied)))
		}
		moscow.reopen()
		beijing.reopen()
	}
	m.run()
	m.delivered("MOSCOW", "BEIJING")
	m.followed("MOSCOW", "BEIJING")
	if len(moscow.received()) != sent || len(beijing.received()) != sent {
		t.Errorf("%d and %d came of %d", len(moscow.received()), len(beijing.received()), sent)
	}
	m.until("nothing is left to be burnt", func() bool { return beijing.count("select count(*) from burn") == 0 })
	m.whole()
}

// keyGiven is framed, with a first telegram that has opened a chain, and the key that was given for the next.
func keyGiven(t *testing.T) (m *ministry, moscow, beijing *desks) {
	t.Helper()
	m = framed(t, nil)
	moscow, beijing = m.at("MOSCOW"), m.at("BEIJING")
	m.run()
	moscow.sendTo("The first.", "BEIJING")
	m.delivered("MOSCOW")
	m.until("a key was given", func() bool { return moscow.count("select count(*) from peer_key where length(xwing) > 0") == 1 })
	return m, moscow, beijing
}

// A chain lasts a week; the next one is opened on the one-time key that the other gave, and that key opens nothing more.
func TestNextChainOnAGivenKey(t *testing.T) {
	m, moscow, beijing := keyGiven(t)
	first := moscow.bytes("select id from peer_key")
	for _, x := range m.opened() {
		x.skew.Store(int64(8 * 24 * time.Hour))
	}
	moscow.sendTo("The week after.", "BEIJING")
	m.delivered("MOSCOW")
	letters, _ := moscow.envelopesFrom()
	last := letters[len(letters)-1]
	if !bytes.Equal(last.KeyID[:], first) {
		t.Errorf("the letter is sealed to %x, the key given was %x", last.KeyID, first)
	}
	m.until("another key was given", func() bool {
		return moscow.count("select count(*) from peer_key where length(xwing) > 0") == 1 && !bytes.Equal(moscow.bytes("select id from peer_key"), first)
	})
	before := answers(beijing)
	m.deliver("BEIJING", last.Marshal()) // the very bytes are known again, though nothing opens them
	if answers(beijing) != before+1 || len(beijing.received()) != 2 {
		t.Errorf("%d answers, %d telegrams", answers(beijing)-before, len(beijing.received()))
	}
	last.Body[100] ^= 1
	m.deliver("BEIJING", last.Marshal())
	if answers(beijing) != before+1 {
		t.Error("what does not open was answered")
	}
	m.followed("MOSCOW")
	m.whole()
}

// A key that was given to one post opens no letter of another, though the letter is genuine.
func TestGivenKeyOfAnother(t *testing.T) {
	m, moscow, beijing := keyGiven(t)
	c := newClerk(m, "LONDON", "BEIJING")
	section := telegram.Section{Circuit: 1, Special: 1, Lane: 1, Serial: 1, I: 1, N: 1, Piece: c.registered().Marshal()}
	l := seal.Letter{From: "LONDON", To: "BEIJING", DirectorySize: c.size, DirectoryRoot: c.directory, Payload: section.Marshal()}
	e := telegram.Envelope{To: beijing.route, Precedence: telegram.Routine, KeyID: [4]byte(moscow.bytes("select id from peer_key"))}
	if err := l.Seal(&e, must(seal.NewRecipient(moscow.bytes("select xwing from peer_key"))), c.identity); err != nil {
		t.Fatal(err)
	}
	before := len(beijing.received())
	m.deliver("BEIJING", e.Marshal())
	if len(beijing.received()) != before {
		t.Error("it was taken")
	}
	m.deliver("BEIJING", c.letter(section.Marshal())) // to the directory's key it opens
	if len(beijing.received()) != before+1 {
		t.Error("the same telegram, sealed to a key that is for anybody, was not taken")
	}
	m.whole()
}

// One who repeats letters of old does not bring their chains back, nor crowd out the one in use.
func TestOldLettersRepeated(t *testing.T) {
	m := framed(t, nil)
	moscow, beijing := m.at("MOSCOW"), m.at("BEIJING")
	m.run()
	var all []telegram.Envelope
	for week := range 6 {
		for _, x := range m.opened() {
			x.skew.Store(int64(time.Duration(week) * 8 * 24 * time.Hour))
		}
		if week > 0 { // so that each is sealed to the directory's letter key
			m.until("a key was given", func() bool { return moscow.count("select count(*) from peer_key where length(xwing) > 0") == 1 })
			moscow.tamper("delete from peer_key")
		}
		moscow.sendTo(fmt.Sprint("Week ", week), "BEIJING")
		m.delivered("MOSCOW")
	}
	all, _ = moscow.envelopesFrom()
	for _, e := range all[:len(all)-1] {
		m.deliver("BEIJING", e.Marshal())
	}
	n := len(must(slices.Clone(beijing.received()), nil))
	moscow.sendTo("The chain in use is still there.", "BEIJING")
	m.delivered("MOSCOW")
	if _, frames := moscow.envelopesFrom(); len(frames) == 0 || len(beijing.received()) != n+1 {
		t.Error("it did not come in a frame")
	}
}

// A post makes its next letter key when it is time, and burns it long after; the horizon says since when each kind of secret is there.
func TestHorizonAndPeriods(t *testing.T) {
	m := framed(t, nil)
	moscow, beijing := m.at("MOSCOW"), m.at("BEIJING")
	m.run()
	moscow.sendTo("The first.", "BEIJING")
	m.delivered("MOSCOW")
	keys := func(x *desks, of string) int { return len(must(x.Directory()).LetterKeys(of)) }
	before := keys(beijing, "BEIJING")
	set := func(d time.Duration) {
		m.crash()
		for _, x := range m.opened() {
			x.skew.Store(int64(d))
			x.reopen()
		}
		m.run()
	}
	set(30 * 24 * time.Hour)
	m.until("the next letter key is known to both", func() bool { return keys(beijing, "BEIJING") == before+1 && keys(moscow, "BEIJING") == before+1 })
	moscow.tamper("update peer_key set xwing = $1", []byte{})
	moscow.sendTo("To the new letter key.", "BEIJING")
	m.delivered("MOSCOW")
	letters, _ := moscow.envelopesFrom()
	newest := must(beijing.Directory()).LetterKeys("BEIJING")[before]
	if last := letters[len(letters)-1]; last.KeyID != newest.ID {
		t.Errorf("sealed to %x, the newest is %x", last.KeyID, newest.ID)
	}
	h, err := beijing.Horizon(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(h.Wire) != 4 || h.Wire[1].Since == nil || !h.Wire[1].Since.Equal(newest.NotBefore) || h.Shelf.Count != 2 {
		t.Errorf("%+v", h)
	}
	set(110 * 24 * time.Hour)
	m.until("MOSCOW has signed the time", func() bool {
		return beijing.count("select max(signed) from peer") > time.Now().Add(109*24*time.Hour).Unix()
	})
	set(110*24*time.Hour + 2*time.Hour)
	m.until("it is burnt", func() bool {
		h, err := beijing.Horizon(t.Context())
		return err == nil && h.Wire[1].Since != nil && h.Wire[1].Since.After(newest.NotAfter)
	})
	m.followed("MOSCOW")
}

// A Flash does not wait for the letter of a Routine telegram: until the other post has signed for that it goes in a letter of its own.
func TestFlashDoesNotWaitForALetter(t *testing.T) {
	m := framed(t, nil)
	moscow, beijing := m.at("MOSCOW"), m.at("BEIJING")
	routine := func(p parcel) bool { return p.at == telegram.Routine && p.to == beijing.route }
	m.ether.set(func(e *ether) { e.hold = routine })
	m.run()
	moscow.sendTo("It opens a chain, and is held up.", "BEIJING")
	m.until("the letter left", func() bool { letters, _ := moscow.envelopesFrom(); return len(letters) > 0 })
	moscow.send("To: AMBASSADOR@BEIJING; flash\n\nAt once.\n")
	m.until("the Flash is there", func() bool { return len(beijing.received()) == 1 })
	m.ether.set(func(e *ether) { e.hold = nil })
	m.delivered("MOSCOW")
	moscow.send("To: AMBASSADOR@BEIJING; flash\n\nIn a frame, since the chain is confirmed.\n")
	m.delivered("MOSCOW")
	if _, frames := moscow.envelopesFrom(); len(frames) == 0 || frames[len(frames)-1].Precedence != telegram.Flash {
		t.Errorf("%d frames", len(frames))
	}
}

// A long telegram whose letter and frames come together is opened together.
func TestLetterAndFramesTogether(t *testing.T) {
	m := framed(t, func(c *post.Config) { c.Retry = time.Minute }) // nothing is sent again in this test
	moscow, beijing := m.at("MOSCOW"), m.at("BEIJING")
	m.ether.set(func(e *ether) { e.together = true })
	moscow.sendTo(strings.Repeat("In many sections. ", 300), "BEIJING")
	m.run("MOSCOW")
	m.until("all left", func() bool { _, frames := moscow.envelopesFrom(); return len(frames) >= 4 })
	m.run("BEIJING")
	m.until("it is there", func() bool { return len(beijing.received()) == 1 })
}
