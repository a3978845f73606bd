package post_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/post"
	"chancery.example/chancery/register"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// often has posts show each other their registers all the time.
func often(c *post.Config) { c.Witness = 50 * time.Millisecond }

// knows says how far a post knows another's register, and the other this one's.
func (x *desks) knows(other string) (w post.Witness) {
	x.m.t.Helper()
	all, _, err := x.Witnesses(context.Background())
	if err != nil {
		x.m.t.Fatal(err)
	}
	if i := slices.IndexFunc(all, func(w post.Witness) bool { return w.Post == other }); i >= 0 {
		w = all[i]
	}
	return w
}

func (x *desks) size() int64 { return x.count("select size from head") }

// witnessedBy waits until another post has signed all of this one's register.
func (x *desks) witnessedBy(other string) {
	x.m.t.Helper()
	x.m.until(other+" has signed the register of "+x.name, func() bool { w := x.knows(other); return w.Signed == x.size() && w.Holds == w.Signed })
}

// Two posts follow each other's registers; what was sent is proved by the receiver, and a proof that is handed out has the witness's signature.
func TestWitnesses(t *testing.T) {
	m := open(t, often)
	moscow, beijing := m.at("MOSCOW"), m.at("BEIJING")
	m.run()
	for n := range 3 {
		moscow.sendTo(fmt.Sprint("To be proved ", n), "BEIJING")
		m.delivered("MOSCOW")
		moscow.witnessedBy("BEIJING")
		beijing.witnessedBy("MOSCOW")
	}
	for n := range uint32(3) {
		m.until("it is proved", func() bool { return beijing.shown(archive.In, n+1).Proof == "proven" })
		s := beijing.shown(archive.In, n+1)
		if !s.Verified || len(s.Marks) > 0 || !slices.Contains(s.Checked, "its entry in the register of MOSCOW, as that was shown to this post") {
			t.Errorf("%+v", s)
		}
	}
	text, err := moscow.Prove(t.Context(), archive.Out, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	proof := must(register.ParseProof(text))
	check := func(name string) []note.Verifier {
		return must(world().posts[name].keys.Register.Verifier().Cosigners(register.Origin(world().posts[name].route)))
	}
	if _, err := proof.Check(check("MOSCOW")); err != nil {
		t.Error(err)
	}
	if at, err := proof.Witnessed(check("BEIJING")); err != nil || time.Since(at).Abs() > time.Hour {
		t.Error(at, err)
	}
	if _, err := proof.Witnessed(check("LONDON")); err == nil {
		t.Error("LONDON has witnessed it")
	}
	if got := proof.Signers(); len(got) != 2 {
		t.Error(got)
	}
	if said := moscow.trouble() + beijing.trouble(); strings.Contains(said, "alarm of") {
		t.Error(said)
	}
}

// A way that loses, repeats, alters and reorders changes nothing but the time that it takes.
func TestWitnessesOnAWildWay(t *testing.T) {
	m := open(t, often)
	m.ether.lose, m.ether.repeat, m.ether.corrupt, m.ether.reorder, m.ether.delay = 0.3, 0.3, 0.1, true, 100*time.Millisecond
	moscow, beijing := m.at("MOSCOW"), m.at("BEIJING")
	m.run()
	for n := range 5 {
		moscow.sendTo(fmt.Sprint("Through a wild night ", n), "BEIJING")
		beijing.sendTo(fmt.Sprint("And back ", n), "MOSCOW")
		m.delivered("MOSCOW", "BEIJING")
	}
	moscow.witnessedBy("BEIJING")
	beijing.witnessedBy("MOSCOW")
	m.until("all are proved", func() bool {
		return moscow.count("select count(*) from proof where state = 'proven'") == 5 && beijing.count("select count(*) from proof where state = 'proven'") == 5
	})
	for _, x := range []*desks{moscow, beijing} {
		if n := x.count("select count(*) from contradiction"); n > 0 {
			t.Error(x.trouble())
		}
	}
}

// rewrite is what a clerk can do who has the database and the register key: he changes an entry, makes every hash anew, and signs every checkpoint again.
func (x *desks) rewrite(idx int64, leaf []byte) {
	x.m.t.Helper()
	signers := must(x.keys.Register.Cosigners(register.Origin(x.route)))
	if err := x.db.Write(context.Background(), func(tx *store.Tx) error {
		if _, err := tx.Exec("update entry set leaf = $1 where idx = $2", leaf, idx); err != nil {
			return err
		}
		rows, err := tx.Query("select leaf from entry order by idx")
		if err != nil {
			return err
		}
		var stored []tlog.Hash
		read := tlog.HashReaderFunc(func(idx []int64) (out []tlog.Hash, err error) {
			for _, i := range idx {
				out = append(out, stored[i])
			}
			return out, nil
		})
		notes := map[int64]string{}
		for n := int64(0); rows.Next(); n++ {
			var leaf []byte
			if err := rows.Scan(&leaf); err != nil {
				return err
			}
			stored = append(stored, must(tlog.StoredHashesForRecordHash(n, telegram.EntryHash(leaf), read))...)
			root := must(tlog.TreeHash(n+1, read))
			notes[n+1] = string(must(note.Sign(&note.Note{Text: register.CheckpointText(register.Origin(x.route), n+1, root)}, signers...)))
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return err
		}
		for i, h := range stored {
			if _, err := tx.Exec("update loghash set hash = $1 where idx = $2", h[:], i); err != nil {
				return err
			}
		}
		for size, text := range notes {
			if _, err := tx.Exec("update checkpoint set note = $1 where size = $2", text, size); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		x.m.t.Fatal(err)
	}
}

// names waits until a post has named another, with the proof.
func (x *desks) names(other, says string) {
	x.m.t.Helper()
	x.m.until(x.name+" names "+other, func() bool { return x.knows(other).Against != nil })
	w := x.knows(other).Against
	if !strings.Contains(w.What, says) {
		x.m.t.Errorf("%s says of %s: %s", x.name, other, w.What)
	}
	origin := register.Origin(world().posts[other].route)
	verifiers := must(world().posts[other].keys.Register.Verifier().Cosigners(origin))
	theirs, err := register.OpenCheckpoint(w.Theirs, origin, verifiers)
	if err != nil {
		x.m.t.Errorf("the proof against %s: %v", other, err)
	}
	if other == x.name {
		return
	}
	if ours, err := register.OpenCheckpoint(w.Ours, origin, verifiers); err != nil || ours == theirs {
		x.m.t.Errorf("the proof against %s: %+v and %+v, %v", other, ours, theirs, err)
	}
	if !strings.Contains(x.trouble(), "alarm of "+other) {
		x.m.t.Errorf("%s raised no alarm about %s", x.name, other)
	}
}

// Row "clerk with the post's keys": he rewrites the register, and the next exchange names his post.
func TestClerkRewritesTheRegister(t *testing.T) {
	m := open(t, often)
	moscow, beijing := m.at("MOSCOW"), m.at("BEIJING")
	m.run()
	moscow.sendTo("This was never sent, he will say.", "BEIJING")
	m.delivered("MOSCOW")
	moscow.witnessedBy("BEIJING")
	m.crash()
	moscow.rewrite(1, telegram.NoteEntry(telegram.EntrySent, [32]byte{1}, []byte("something else")))
	moscow.reopen()
	m.run()
	moscow.sendTo("Life goes on.", "BEIJING")
	beijing.names("MOSCOW", "Somebody rewrote it")
	// MOSCOW itself learns of it, from the checkpoint that it signed.
	moscow.names("MOSCOW", "was signed with this post's register key and is not this post's")
}

// A post whose database was put back to an older day is told so by the others, before anything else happens.
func TestPutBackIsNoticed(t *testing.T) {
	m := open(t, often)
	moscow, beijing := m.at("MOSCOW"), m.at("BEIJING")
	m.run()
	moscow.sendTo("One.", "BEIJING")
	m.delivered("MOSCOW")
	moscow.witnessedBy("BEIJING")
	m.crash()
	tables := moscow.tablesNow()
	moscow.tablesOf(tables, "create table kept_%s as select * from %[1]s")
	m.run()
	moscow.sendTo("Two.", "BEIJING")
	m.delivered("MOSCOW")
	moscow.witnessedBy("BEIJING")
	m.crash()
	moscow.tablesOf(tables, "delete from %s")
	moscow.tablesOf(tables, "insert into %s select * from kept_%[1]s")
	moscow.reopen()
	beijing.skew.Store(int64(time.Hour)) // it is later than what may be a message that was held up
	moscow.skew.Store(int64(time.Hour))
	m.run()
	moscow.names("MOSCOW", "an old copy of the database was put back")
	beijing.names("MOSCOW", "may give numbers a second time")
}

// A post that shows one register to one and another to the other is named by both, once they speak with each other.
func TestForkedRegister(t *testing.T) {
	m := open(t, often)
	moscow, beijing, london := m.at("MOSCOW"), m.at("BEIJING"), m.at("LONDON")
	m.run(names[:]...)
	moscow.sendTo("To both.", "BEIJING", "LONDON")
	beijing.sendTo("We know each other.", "LONDON")
	m.delivered(names[:]...)
	moscow.witnessedBy("BEIJING")
	moscow.witnessedBy("LONDON")
	m.crash()
	tables := moscow.tablesNow()
	moscow.tablesOf(tables, "create table kept_%s as select * from %[1]s")
	m.run("MOSCOW", "BEIJING")
	moscow.sendTo("For you alone.", "BEIJING")
	m.until("BEIJING has it", func() bool { return len(beijing.received()) == 2 })
	m.until("BEIJING follows", func() bool { return beijing.knows("MOSCOW").To == moscow.size() })
	m.crash()
	m.ether.forget("LONDON") // MOSCOW is careful, and shows each its own
	moscow.tablesOf(tables, "delete from %s")
	moscow.tablesOf(tables, "insert into %s select * from kept_%[1]s")
	moscow.reopen()
	m.run("MOSCOW", "LONDON")
	moscow.sendTo("For you alone, he said.", "LONDON")
	moscow.sendTo("And again.", "LONDON")
	m.until("LONDON follows", func() bool { return len(london.received()) == 4 && london.knows("MOSCOW").To == moscow.size() })
	m.crash()
	m.ether.forget("BEIJING")
	m.run("BEIJING", "LONDON")
	beijing.sendTo("What did they tell you?", "LONDON")
	london.names("MOSCOW", "one register for this post and another for BEIJING")
	beijing.names("MOSCOW", "one register for this post and another for LONDON")
}

// forget loses what waits for a post.
func (e *ether) forget(name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.boxes, world().posts[name].route)
}

// sendTo sends to posts.
func (x *desks) sendTo(text string, posts ...string) {
	x.m.t.Helper()
	head := ""
	for _, p := range posts {
		head += "To: AMBASSADOR@" + p + "\n"
	}
	x.send(head + "\n" + text + "\n")
}

// Row "officer who denies, post that back-dates": what is entered after a checkpoint, and says that it was before, is named when it comes.
func TestBackDated(t *testing.T) {
	m := open(t, often)
	moscow, beijing := m.at("MOSCOW"), m.at("BEIJING")
	m.run()
	moscow.sendTo("In time.", "BEIJING")
	m.delivered("MOSCOW")
	moscow.witnessedBy("BEIJING")
	m.until("it is proved", func() bool { return beijing.shown(archive.In, 1).Proof == "proven" })
	// The officer has left since, and a clerk sets the clock back for him.
	moscow.skew.Store(-int64(2 * time.Hour))
	moscow.sendTo("As if two hours ago.", "BEIJING")
	m.until("it is named", func() bool { return len(beijing.received()) == 2 && beijing.shown(archive.In, 2).Proof == "too late" })
	s := beijing.shown(archive.In, 2)
	if len(s.Marks) != 1 || !strings.HasPrefix(s.Marks[0], "Entered too late") || !strings.Contains(beijing.trouble(), "alarm of MOSCOW, 1 times: serial 2 says that it was registered at") {
		t.Errorf("%q\n%s", s.Marks, beijing.trouble())
	}
	if first := beijing.shown(archive.In, 1); first.Proof != "proven" || len(first.Marks) > 0 {
		t.Errorf("%+v", first)
	}
}

// What is sent past the register is never shown in it; after a week it is marked.
func TestNotInTheRegister(t *testing.T) {
	m := open(t, func(c *post.Config) {
		if c.Name == "BEIJING" {
			often(c) // MOSCOW shows nothing for a day
		}
	})
	moscow, beijing := m.at("MOSCOW"), m.at("BEIJING")
	m.run()
	moscow.sendTo("Where is it?", "BEIJING")
	m.delivered("MOSCOW")
	if s := beijing.shown(archive.In, 1); s.Proof != "open" || len(s.Marks) > 0 {
		t.Errorf("%+v", s)
	}
	beijing.skew.Store(int64(8 * 24 * time.Hour))
	m.until("a week has passed", func() bool { return beijing.shown(archive.In, 1).Proof == "missing" })
	if s := beijing.shown(archive.In, 1); len(s.Marks) != 1 || !strings.HasPrefix(s.Marks[0], "Not in the register") || !strings.Contains(beijing.trouble(), "serial 1 is not in its register") {
		t.Errorf("%+v\n%s", s, beijing.trouble())
	}
}

// A register of many thousands is shown part by part, each when the one before has come.
func TestLongRegisterIsShownInParts(t *testing.T) {
	m := open(t, often)
	moscow, beijing := m.at("MOSCOW"), m.at("BEIJING")
	moscow.sendTo("The first of many.", "BEIJING")
	m.run("MOSCOW")
	m.until("it is registered", func() bool { return moscow.count("select count(*) from outbox") == 1 })
	m.crash()
	for n := range 5 {
		series := map[string]uint32{}
		if err := moscow.db.Write(t.Context(), func(tx *store.Tx) error {
			b, err := register.Open(tx)
			if err != nil {
				return err
			}
			for i := range 5000 {
				if _, err := b.Note(telegram.EntryContinued, fmt.Appendf(nil, "{\"of no series %d\":%d}", n, i+1), 1, moscow.keys.Rest.Seal); err != nil {
					return err
				}
			}
			return b.Close(register.Origin(moscow.route), must(moscow.keys.Register.Cosigners(register.Origin(moscow.route))))
		}); err != nil {
			t.Fatal(err, series)
		}
	}
	m.run()
	m.delivered("MOSCOW")
	moscow.witnessedBy("BEIJING")
	m.until("it is proved", func() bool { return beijing.shown(archive.In, 1).Proof == "proven" })
	if n := beijing.count("select count(*) from followed_at"); n < 4 {
		t.Errorf("it came in %d parts", n)
	}
}
