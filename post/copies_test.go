package post_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/desk"
	"chancery.example/chancery/post"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/store"
	"chancery.example/chancery/store/storetest"
)

// The holders of these tests, with their keys.
var (
	holders    = []string{"Minister Ostrovsky", "Tenth department", "Keeper of the archive"}
	holderKeys = sync.OnceValue(func() map[string]*seal.LetterKey {
		keys := map[string]*seal.LetterKey{}
		for _, name := range holders {
			keys[name] = must(seal.NewLetterKey())
		}
		return keys
	})
)

var engines = map[string]func(t *testing.T) *store.DB{
	"sqlite":   func(t *testing.T) *store.DB { return storetest.SQLite(t) },
	"postgres": func(t *testing.T) *store.DB { return storetest.Postgres(t) },
}

const withCopies = "To: AMBASSADOR@BEIJING\nCopy: Minister Ostrovsky\nCopy: Tenth department\nCopy: Keeper of the archive\n\nVisit the minister.\n"

func outCopy(n int) post.CopyID { return post.CopyID{Way: archive.Out, Number: 1, Copy: n} }

// distributed is MOSCOW with a telegram that BEIJING has, and three copies made of it.
func distributed(t *testing.T, m *ministry) *desks {
	t.Helper()
	m.run()
	x := m.at("MOSCOW")
	x.send(withCopies)
	m.delivered("MOSCOW")
	m.crash()
	for _, name := range holders {
		if _, err := x.AddHolder(background, name, holderKeys()[name].Public()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := x.MakeCopies(background, archive.Out, 0, 1, nil, nil); err != nil {
		t.Fatal(err)
	}
	return x
}

// copies lists those of MOSCOW's first, and wants the counts to add up.
func (x *desks) copies() *post.CopyList {
	x.m.t.Helper()
	l, err := x.Copies(background, archive.Out, 0, 1)
	if err != nil {
		x.m.t.Fatal(err)
	}
	if l.Made != l.Held+l.Returned+l.Destroyed || l.Made != len(l.Copies) {
		x.m.t.Errorf("the counts do not add up: %+v", l)
	}
	return l
}

func (x *desks) give(n int) []byte {
	x.m.t.Helper()
	r, err := x.GiveCopy(background, outCopy(n))
	if err != nil {
		x.m.t.Fatal(err)
	}
	return r.Sealed
}

// transfer is what the present holder does at his desk.
func (x *desks) transfer(n int, to string) (*post.CopyReceipt, error) {
	return x.transferOf(outCopy(n), to)
}

func (x *desks) transferOf(id post.CopyID, to string) (*post.CopyReceipt, error) {
	t, err := x.ForTransfer(background, id, to)
	if err != nil {
		return nil, err
	}
	c, s, err := seal.OpenCopy(t.Sealed, t.Holder, holderKeys()[t.Holder])
	if err != nil {
		return nil, err
	}
	if t.Sealed, err = c.Reseal(s, t.To, must(seal.NewRecipient(t.Key))); err != nil {
		return nil, err
	}
	return x.TransferCopy(background, id, t)
}

func TestCopies(t *testing.T) {
	for engine, database := range engines {
		t.Run(engine, func(t *testing.T) {
			m := openOn(t, func(string) *store.DB { return database(t) }, nil)
			livesOfCopies(t, m, distributed(t, m))
		})
	}
}

// livesOfCopies follows three copies to their ends.
func livesOfCopies(t *testing.T, m *ministry, x *desks) {
	if l := x.copies(); l.Made != 3 || l.Held != 3 || l.Copies[2].Holder != holders[2] || l.Copies[2].State != desk.Made {
		t.Errorf("made: %+v", l)
	}
	first := x.give(1)
	c, s, err := seal.OpenCopy(first, holders[0], holderKeys()[holders[0]])
	if err != nil || c.Number != 1 || c.Of != 3 || c.Root != x.shown(archive.Out, 1).Root || !strings.Contains(s.Text, "Visit the minister.") ||
		!strings.Contains(s.Text, "Copies: "+strings.Join(holders, ", ")) {
		t.Fatalf("copy 1 opens as %+v, %v", c, err)
	}
	if again := x.give(1); !bytes.Equal(again, first) {
		t.Error("what is given again is another copy")
	}
	r, err := x.transfer(1, holders[1])
	if err != nil || r.State != desk.Transferred || r.Holder != holders[1] {
		t.Fatal(r, err)
	}
	if _, s2, err := seal.OpenCopy(r.Sealed, holders[1], holderKeys()[holders[1]]); err != nil || s2.Text != s.Text {
		t.Errorf("the next holder opens it: %v", err)
	}
	if _, _, err := seal.OpenCopy(r.Sealed, holders[0], holderKeys()[holders[0]]); err == nil {
		t.Error("who had it opens the next holder's")
	}
	if names := x.shown(archive.Out, 1).Telegram.Copies; !slices.Equal(names, []string{holders[1], holders[1], holders[2]}) {
		t.Errorf("the post's sheet names %q", names)
	}
	x.give(2)
	if r, err := x.ReturnCopy(background, outCopy(2)); err != nil || r.State != desk.Returned || r.Sealed != nil {
		t.Error(r, err)
	}
	if r, err := x.DestroyCopy(background, outCopy(3), "Duty officer"); err != nil || r.State != desk.Destroyed || r.Witness != "Duty officer" {
		t.Error(r, err)
	}
	if n := x.count("select count(*) from copy where length(body) > 0"); n != 1 {
		t.Errorf("the post keeps the bytes of %d copies, and one is held", n)
	}
	if l := x.copies(); l.Held != 1 || l.Returned != 1 || l.Destroyed != 1 {
		t.Errorf("in the end: %+v", l.Tally)
	}
	m.whole()
}

// The lists are for the post that made them: what was registered and what BEIJING has has no name of MOSCOW's holders.
func TestCopiesNeverTravel(t *testing.T) {
	m := open(t, nil)
	x := distributed(t, m)
	b := m.at("BEIJING")
	sealed := b.bytes("select body from filed where way = 'in'")
	registered, err := b.keys.Rest.Open(archive.Place(b.count("select id from filed where way = 'in'")), sealed)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range holders {
		if bytes.Contains(registered, []byte(name)) {
			t.Errorf("the registered bytes have %q", name)
		}
	}
	if names := b.shown(archive.In, 1).Telegram.Copies; len(names) > 0 {
		t.Errorf("BEIJING knows of copies for %q", names)
	}
	sent := len(m.ether.from(x.route))
	x.give(1)
	if _, err := x.transfer(1, holders[1]); err != nil {
		t.Fatal(err)
	}
	m.run()
	m.delivered("MOSCOW")
	m.crash()
	if n := len(m.ether.from(x.route)); n != sent {
		t.Errorf("%d envelopes left because of copies", n-sent)
	}
	if _, err := b.AddHolder(background, "Ambassador", must(seal.NewLetterKey()).Public()); err != nil {
		t.Fatal(err)
	}
	if _, err := b.MakeCopies(background, archive.In, 0, 1, []string{"Ambassador"}, nil); err != nil {
		t.Fatal(err)
	}
	if s := b.shown(archive.In, 1); !slices.Equal(s.Telegram.Copies, []string{"Ambassador"}) || !strings.Contains(s.Sheet, "\nCopies: Ambassador\n") {
		t.Errorf("BEIJING's own list is %q on\n%s", s.Telegram.Copies, s.Sheet)
	}
	m.whole()
}

// No column has a holder's name, a witness, or the text, whatever the engine does or does not encrypt.
func TestCopiesNothingInClear(t *testing.T) {
	for engine, database := range engines {
		t.Run(engine, func(t *testing.T) {
			x := distributed(t, openOn(t, func(string) *store.DB { return database(t) }, nil))
			x.give(1)
			if _, err := x.DestroyCopy(background, outCopy(3), "Duty officer"); err != nil {
				t.Fatal(err)
			}
			words := append([]string{"Duty officer", "Visit the minister"}, holders...)
			for _, column := range []string{"holder.body", "copy.body", "copy.state", "entry.leaf", "entry.said", "filed.local", "filed.body", "draft.body"} {
				table, name, _ := strings.Cut(column, ".")
				values := x.values(fmt.Sprintf("select %s from %s where %[1]s is not null", name, table))
				if len(values) == 0 {
					t.Errorf("%s is empty", column)
				}
				for _, v := range values {
					for _, word := range words {
						if bytes.Contains(v, []byte(word)) {
							t.Errorf("%s has %q in clear", column, word)
						}
					}
				}
			}
		})
	}
}

// values reads a column.
func (x *desks) values(query string) (all [][]byte) {
	x.m.t.Helper()
	err := x.db.Read(background, func(tx *store.Tx) error {
		rows, err := tx.Query(query)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var v []byte
			if err := rows.Scan(&v); err != nil {
				return err
			}
			all = append(all, v)
		}
		return rows.Err()
	})
	if err != nil {
		x.m.t.Fatal(err)
	}
	return all
}

func TestCopiesRefused(t *testing.T) {
	m := open(t, nil)
	x := distributed(t, m)
	x.give(1)
	x.give(2)
	if _, err := x.ReturnCopy(background, outCopy(2)); err != nil {
		t.Fatal(err)
	}
	give := func(n int) error { _, err := x.GiveCopy(background, outCopy(n)); return err }
	back := func(n int) error { _, err := x.ReturnCopy(background, outCopy(n)); return err }
	pass := func(n int, to string) error { _, err := x.transfer(n, to); return err }
	burn := func(n int, w string) error { _, err := x.DestroyCopy(background, outCopy(n), w); return err }
	add := func(name string, key []byte) error { _, err := x.AddHolder(background, name, key); return err }
	remake := func(names ...string) error {
		_, err := x.MakeCopies(background, archive.Out, 0, 1, names, nil)
		return err
	}
	entries := x.count("select count(*) from entry")
	for _, r := range []struct {
		err  error
		says string
	}{
		{give(0), "there is no copy 0: there are 3"}, {give(4), "there is no copy 4: there are 3"}, {give(2), "what is returned cannot be given"},
		{back(2), "it is returned already"}, {back(3), "give it first"}, {pass(3, holders[0]), "give it first"},
		{pass(2, holders[0]), "what is returned cannot be transferred"}, {pass(1, "Nobody"), "no holder Nobody"}, {pass(1, holders[0]), "has it already"},
		{burn(1, ""), "name one"}, {burn(1, "two\nlines"), "name one"}, {burn(1, holders[0]), "cannot be the witness"},
		{remake(), "3 numbered copies were made of it already"}, {remake("Nobody"), "no holder Nobody"},
		{remake(make([]string, desk.MaxCopies+1)...), "from 1 to 256"},
		{add(holders[0], must(seal.NewLetterKey()).Public()), "there is a holder"}, {add("Other", holderKeys()[holders[0]].Public()), "has this key already"},
		{add("", nil), "has a name"}, {add(" x", nil), "has a name"}, {add("a\nb", nil), "one line"}, {add(strings.Repeat("x", 201), nil), "at most 200"},
		{add("Other", []byte("no key")), "no X-Wing key"},
	} {
		if r.err == nil || !strings.Contains(r.err.Error(), r.says) {
			t.Errorf("want %q: %v", r.says, r.err)
		}
	}
	if n := x.count("select count(*) from entry"); n != entries {
		t.Errorf("what was refused is in the register: %d entries more", n-entries)
	}
	m.whole()
}

// What comes back from a holder's desk must be this copy, and of its last act.
func TestTransferOfSomethingElse(t *testing.T) {
	m := open(t, nil)
	x := distributed(t, m)
	x.give(1)
	second := x.give(2)
	good, err := x.ForTransfer(background, outCopy(1), holders[2])
	if err != nil {
		t.Fatal(err)
	}
	other := *good
	other.Sealed = second
	junk := *good
	junk.Sealed = []byte("junk")
	old := *good
	old.Entry--
	for what, tr := range map[string]*post.CopyToTransfer{"another copy": &other, "junk": &junk, "the same bytes": good, "an older act": &old} {
		if _, err := x.TransferCopy(background, outCopy(1), tr); err == nil {
			t.Errorf("%s is taken", what)
		}
	}
	x.give(1) // an act between
	c, s, err := seal.OpenCopy(good.Sealed, good.Holder, holderKeys()[good.Holder])
	if err != nil {
		t.Fatal(err)
	}
	good.Sealed = must(c.Reseal(s, good.To, must(seal.NewRecipient(good.Key))))
	if _, err := x.TransferCopy(background, outCopy(1), good); !errors.Is(err, desk.ErrState) {
		t.Errorf("two were first: %v", err)
	}
	m.whole()
}

// Making and transferring are broken at their commit, once lost and once kept and reported failed: all of the act is there or nothing, and
// doing it again after a look ends well.
func TestCopiesBroken(t *testing.T) {
	for _, stage := range []store.Stage{store.BeforeCommit, store.AfterCommit} {
		t.Run(stage.String(), func(t *testing.T) {
			b := &breaker{stage: stage}
			m := openOn(t, func(name string) *store.DB {
				db := storetest.SQLite(t)
				if name == "MOSCOW" {
					db.Fault = b.fault
				}
				return db
			}, nil)
			m.run()
			x := m.at("MOSCOW")
			x.send(withCopies)
			m.delivered("MOSCOW")
			m.crash()
			broken := func(what string, act func() error, done func() bool) {
				t.Helper()
				entries := x.count("select count(*) from entry")
				b.again(1)
				if err := act(); !errors.Is(err, errBroken) {
					t.Errorf("%s: %v", what, err)
				}
				b.mend()
				x.reopen()
				kept := stage == store.AfterCommit
				if done() != kept || (x.count("select count(*) from entry") > entries) != kept {
					t.Errorf("%s: done %v, and %d entries more", what, done(), x.count("select count(*) from entry")-entries)
				}
				m.whole()
				if err := act(); (err == nil) == kept {
					t.Errorf("%s again: %v", what, err)
				}
				if !done() {
					t.Errorf("%s is not done in the end", what)
				}
				m.whole()
			}
			for i, name := range holders {
				broken("adding a holder", func() error { _, err := x.AddHolder(background, name, holderKeys()[name].Public()); return err },
					func() bool { return x.count("select count(*) from holder") == int64(i+1) })
			}
			broken("making", func() error { _, err := x.MakeCopies(background, archive.Out, 0, 1, nil, nil); return err },
				func() bool { return x.copies().Made == 3 })
			x.give(1)
			broken("transferring", func() error { _, err := x.transfer(1, holders[2]); return err },
				func() bool { return x.copies().Copies[0].Holder == holders[2] })
			r := x.give(1)
			if _, _, err := seal.OpenCopy(r, holders[2], holderKeys()[holders[2]]); err != nil {
				t.Errorf("it does not open for the one who has it: %v", err)
			}
		})
	}
}

// register verify names every change of the lists.
func TestVerifyNamesCopies(t *testing.T) {
	m := open(t, nil)
	x := distributed(t, m)
	x.give(1)
	if _, err := x.transfer(1, holders[1]); err != nil {
		t.Fatal(err)
	}
	m.whole()
	for name, a := range map[string]struct {
		change string
		says   string
	}{
		"a copy said to be returned":    {"update copy set state = 'returned' where number = 2", "the list does not have copy 2 as it was made"},
		"another holder":                {"update copy set holder = 3 where number = 2", "the list does not have copy 2 as it was made"},
		"another time":                  {"update copy set changed = changed + 1 where number = 2", "the list does not have copy 2 as it was made"},
		"a copy's bytes thrown away":    {"update copy set body = x'' where number = 1", "the list does not have copy 1 as it was transferred"},
		"a copy's bytes exchanged":      {"update copy set body = (select c.body from copy c where c.number = 3) where number = 2", "the list does not have copy 2 as it was made"},
		"a copy set back to an earlier": {"update copy set entry = entry - 1, state = 'given', holder = 1 where number = 1", "the list does not have copy 1 as it was transferred"},
		"a copy by an entry to come":    {"update copy set entry = 999 where number = 1", "the list has copy 1 by entry 999"},
		"a copy by another's entry":     {"update copy set entry = (select c.entry from copy c where c.number = 3) where number = 2", "the register has nothing of it there"},
		"a copy left out":               {"delete from copy where number = 3", "3 copies were made, and the list has 2"},
		"all copies left out":           {"delete from copy", "3 copies were made, and the list has 0"},
		"a copy too many":               {"insert into copy select of, 4, holder, state, body, changed, entry from copy where number = 2", "the list has copy 4"},
		"copies of what has none":       {"update copy set of = 99 where number = 3", "the list has 2"},
		"a holder left out":             {"delete from holder where id = 2", "holder 2 is gone"},
		"copies of another telegram":    {"update filed set root = x'00' where id = 1", "of a telegram that is not filed so"},
		"two holders exchanged":         {"update holder set body = (select h.body from holder h where h.id = 3) where id = 2", "it was altered, or sealed under another key"},
		"a holder added by another":     {"update holder set entry = entry + 1 where id = 2", "holder 2 is not as the register has him"},
	} {
		t.Run(name, func(t *testing.T) {
			lists := []string{"holder", "copy", "filed"}
			x.tablesOf(lists, "create table kept_%s as select * from %[1]s")
			defer func() {
				x.tablesOf(lists, "delete from %s")
				x.tablesOf(lists, "insert into %s select * from kept_%[1]s")
				x.tablesOf(lists, "drop table kept_%s")
			}()
			x.tamper(a.change)
			r, err := x.VerifyRegister(background, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range r.Findings {
				if strings.Contains(f.What, a.says) {
					return
				}
			}
			t.Errorf("nothing says %q, but: %+v", a.says, r.Findings)
		})
	}
}
