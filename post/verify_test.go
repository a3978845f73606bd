package post_test

import (
	"fmt"
	"strings"
	"testing"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// settled is MOSCOW with one telegram receipted by BEIJING, which has answered, and not by LONDON, which is away. Everything
// that a post keeps is there once.
func settled(t *testing.T) (*ministry, *desks) {
	t.Helper()
	m := open(t, nil)
	m.run("MOSCOW", "BEIJING")
	x := m.at("MOSCOW")
	x.send(order)
	m.until("BEIJING has signed", func() bool { return x.count("select count(*) from outbox where receipted is not null") == 1 })
	m.at("BEIJING").reply(1, telegram.Acknowledges, "We shall.")
	m.delivered("BEIJING")
	m.until("what is for LONDON has left", func() bool {
		return x.count("select count(*) from wire where post = 'LONDON' and sends > 0") == 2
	})
	m.crash()
	m.whole()
	return m, x
}

// bytes reads one value.
func (x *desks) bytes(query string) (b []byte) {
	x.m.t.Helper()
	if err := x.db.Read(background, func(tx *store.Tx) error { return tx.QueryRow(query).Scan(&b) }); err != nil {
		x.m.t.Fatal(query, err)
	}
	return b
}

// flip changes one bit of one value, found by a column, table and condition.
func (x *desks) flip(column, table, where string) {
	x.m.t.Helper()
	b := x.bytes("select " + column + " from " + table + " where " + where)
	b[len(b)/2] ^= 1
	x.tamper("update "+table+" set "+column+" = $1 where "+where, b)
}

// sql is a change that is one statement.
func sql(statement string) func(*desks) { return func(x *desks) { x.tamper(statement) } }

func flip(column, table, where string) func(*desks) {
	return func(x *desks) { x.flip(column, table, where) }
}

const (
	beijingOut = "post = 'BEIJING'"
	londonOut  = "post = 'LONDON'"
	receipts   = "kind = 6"
)

var kept = []string{"filed", "outbox", "wire", "root", "entry", "adoption"}

// keep lays a copy of the tables aside, and restore brings it back.
func (x *desks) keep() {
	x.tables("create table kept_%s as select * from %[1]s")
}

func (x *desks) restore() {
	x.tables("delete from %s")
	x.tables("insert into %s select * from kept_%[1]s")
}

func (x *desks) tables(statement string) { x.m.t.Helper(); x.tablesOf(kept, statement) }

func (x *desks) tablesOf(tables []string, statement string) {
	x.m.t.Helper()
	err := x.db.Write(background, func(tx *store.Tx) error {
		for _, table := range tables {
			if _, err := tx.Exec(fmt.Sprintf(statement, table)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		x.m.t.Fatal(err)
	}
}

func TestVerifyNames(t *testing.T) {
	_, x := settled(t)
	x.keep()
	const outbox, wire = "the outbox does not have it for", "the record of the wire does not have special number"
	for _, a := range []struct {
		name   string
		change func(*desks)
		says   string
	}{
		{"a filed body altered", flip("body", "filed", "way = 'out'"), "filed 1: it was altered"},
		{"a filed body put in another's place", func(x *desks) {
			b := x.bytes("select body from filed where way = 'in'")
			x.tamper("update filed set body = $1 where way = 'out'", b)
		}, "filed 1: it was altered"},
		{"a filed telegram deleted", sql("delete from filed where way = 'out'"), "no such telegram is filed here"},
		{"a received telegram deleted", sql("delete from filed where way = 'in'"), "no such telegram is filed here"},
		{"filed under another R", flip("root", "filed", "way = 'in'"), "filed under another R than its own"},
		{"filed under another register number", sql("update filed set number = 7 where way = 'out'"), "filed under another number than it took"},
		{"filed under another year", sql("update filed set year = 1950 where way = 'out'"), "filed under another number than it took"},
		{"filed under another incoming number", sql("update filed set number = 7 where way = 'in'"), ""},
		{"filed under another serial", sql("update filed set serial = 7 where way = 'in'"), "another sender or serial than its own"},
		{"filed as from another post", sql("update filed set post = 'LONDON' where way = 'in'"), "another sender or serial than its own"},
		{"filed as received at another time", sql("update filed set at = at + 1 where way = 'in'"), ""},
		{"the seed of incoming numbers altered", flip("local", "filed", "way = 'in'"), ""},
		{"the outbox lost a telegram", sql("delete from outbox where " + londonOut), outbox + " LONDON"},
		{"the outbox has another R", flip("root", "outbox", londonOut), outbox + " LONDON"},
		{"the outbox has another entry", flip("entry", "outbox", londonOut), outbox + " LONDON"},
		{"graded down in the outbox", sql("update outbox set precedence = 0 where " + londonOut), outbox + " LONDON"},
		{"another telegram in its place", sql("update outbox set of = 2 where " + londonOut), outbox + " LONDON"},
		{"receipted by nobody", sql("update outbox set receipted = 1, receipt = 1 where " + londonOut), "it has a receipt, and the register has none"},
		{"receipted by another post", func(x *desks) {
			x.tamper("update outbox set receipted = 1, receipt = $1 where "+londonOut, x.count("select idx from entry where "+receipts))
		}, "the receipt is for something else"},
		{"a receipt forgotten", sql("update outbox set receipted = null, receipt = null where " + beijingOut), "BEIJING signed for serial 1, and the outbox does not have it so"},
		{"sections that only seem sealed", sql("update outbox set sealed = 1, sections = 1 where " + londonOut), "the record of the wire has 2"},
		{"an envelope thrown away", sql("update wire set envelope = null where " + londonOut), "is gone, and there is no receipt"},
		{"an envelope altered", flip("envelope", "wire", londonOut+" and i = 1"), "the envelope kept for special number 1 for LONDON was changed"},
		{"a section missing from the wire", sql("delete from wire where i = 2 and " + londonOut), wire + " 2 for LONDON"},
		{"a section of another telegram", sql("update wire set serial = 9 where i = 2 and " + beijingOut), wire + " 2 for BEIJING"},
		{"another lane", sql("update wire set lane = lane + 5 where i = 2 and " + beijingOut), wire + " 2 for BEIJING"},
		{"another precedence on the wire", sql("update wire set precedence = 0 where i = 2 and " + beijingOut), wire + " 2 for BEIJING"},
		{"another size", sql("update wire set size = size + 1 where i = 2 and " + beijingOut), wire + " 2 for BEIJING"},
		{"another message id", flip("id", "wire", "i = 2 and "+beijingOut), wire + " 2 for BEIJING"},
		{"special numbers exchanged", sql("update wire set special = 3 - special + 100 where " + beijingOut), wire},
		{"an R forgotten", func(x *desks) {
			x.tamper("delete from root where root = $1", x.bytes("select root from filed where way = 'out'"))
		}, "not remembered, so it could be taken twice"},
		{"all R and D forgotten", sql("delete from root where of = 2"), "not remembered, so it could be taken twice"},
		{"an R remembered of another", sql("update root set of = 2 where of = 1"), "not remembered, so it could be taken twice"},
		{"a receipt altered", flip("said", "entry", receipts), "was altered"},
		{"a receipt in a sent section's place", func(x *desks) {
			x.tamper("update entry set said = $1 where "+receipts, x.bytes("select said from entry where kind = 5 order by idx limit 1"))
		}, "was altered"},
		{"the directory deleted", func(x *desks) { x.tamper("delete from adoption"); x.reopen() }, "the directory by which it could be judged is gone"},
	} {
		t.Run(a.name, func(t *testing.T) {
			defer x.restore()
			a.change(x)
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

func TestShowNamesWhatDoesNotHold(t *testing.T) {
	m, x := settled(t)
	x.tamper("update outbox set receipt = 1 where " + beijingOut)
	if s := x.shown(archive.Out, 1); s.Verified || !strings.Contains(strings.Join(s.Findings, "\n"), "the receipt of BEIJING") {
		t.Errorf("verified %v: %v", s.Verified, s.Findings)
	}
	b := m.at("BEIJING")
	b.tamper("update filed set serial = 7 where way = 'in'")
	if s := b.shown(archive.In, 1); s.Verified || !strings.Contains(strings.Join(s.Findings, "\n"), "its entry in the register") {
		t.Errorf("verified %v: %v", s.Verified, s.Findings)
	}
}

// A post whose register is not as it left it neither sends nor takes.
func TestRecoverRefuses(t *testing.T) {
	for name, statement := range map[string]string{
		"the head set back":                      "update head set size = size - 1",
		"the head set back to where it once was": "update head set size = (select max(c.size) from checkpoint c where c.size < head.size)",
		"a checkpoint deleted":                   "delete from checkpoint where size = (select size from head)",
		"a hash deleted":                         "delete from loghash where idx = (select max(idx) from loghash)",
		"a checkpoint altered":                   "update checkpoint set note = replace(note, '— ', '—  ') where size = (select size from head)",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, x := settled(t)
			x.tamper(statement)
			x.reopen()
			sent := len(m.ether.from(x.route))
			id := x.send(plain)
			err := x.Run(t.Context(), m.ether.at(x.route))
			if err == nil || !strings.Contains(err.Error(), "register is not as it was left") || !strings.Contains(err.Error(), "Nothing was sent or changed") {
				t.Errorf("%v", err)
			}
			if n := len(m.ether.from(x.route)); n != sent || x.state(id).Number != 0 {
				t.Errorf("%d envelopes left, the draft is %+v", n-sent, x.state(id))
			}
		})
	}
}
