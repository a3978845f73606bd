package post_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/desk"
	"chancery.example/chancery/directory"
	"chancery.example/chancery/post"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// TestEveryActBroken does everything that people do at a post, and breaks the commit of each act: once so that it is lost, once so that it is
// kept and reported failed. An act that was lost has changed nothing in any table, and done again it succeeds. One that was kept changes nothing
// when it is done again. So after each act there is as much in every table, every series stands where it does, and every draft is in the state, as
// in a life in which nothing broke; and the register verifies.
func TestEveryActBroken(t *testing.T) {
	for engine, database := range engines {
		t.Run(engine, func(t *testing.T) {
			sound := &broken{t: t}
			sound.live(database)
			for _, stage := range []store.Stage{store.BeforeCommit, store.AfterCommit} {
				t.Run(stage.String(), func(t *testing.T) {
					(&broken{t: t, b: &breaker{stage: stage}, want: sound.got}).live(database)
				})
			}
		})
	}
}

// broken is one life of two posts.
type broken struct {
	t    *testing.T
	b    *breaker // nil: nothing breaks
	m    *ministry
	want []string // what there was after each act when nothing broke
	got  []string
}

// repeats says what an act does that is done again though it was kept.
type repeats int

const (
	nothing repeats = iota // it is refused, or does nothing
	another                // it would do the same to something new, so people look first
)

// act does one act at a post, and breaks it.
func (l *broken) act(x *desks, what string, again repeats, do func() error) {
	l.t.Helper()
	switch {
	case l.b == nil:
		if err := do(); err != nil {
			l.t.Fatalf("%s: %v", what, err)
		}
	default:
		before := x.contents()
		l.b.again(1)
		err := do()
		l.b.mend()
		if !errors.Is(err, errBroken) {
			l.t.Fatalf("%s, broken: %v", what, err)
		}
		x.reopen()
		kept := l.b.stage == store.AfterCommit
		if after := x.contents(); (after != before) != kept {
			l.t.Errorf("%s: kept is %v, and the tables were\n%s\nand are\n%s", what, kept, before, after)
		}
		if kept && again == another {
			break
		}
		if err := do(); err != nil && !kept {
			l.t.Fatalf("%s, done again after it was lost: %v", what, err)
		}
	}
	l.look(what)
}

// look notes what there is at the posts, and compares it with a life in which nothing broke.
func (l *broken) look(what string) {
	l.t.Helper()
	now := what
	for _, x := range l.m.opened() {
		now += "\n" + x.name + ": " + x.shape()
	}
	l.got = append(l.got, now)
	if n := len(l.got) - 1; l.want != nil && now != l.want[n] {
		l.t.Fatalf("there is\n%s\nand without a fault there was\n%s", now, l.want[n])
	}
	l.m.whole()
}

// carried lets the posts carry until everything has its receipt, without a fault.
func (l *broken) carried() {
	l.t.Helper()
	l.m.run()
	l.m.delivered("MOSCOW", "BEIJING")
	l.m.crash()
	l.look("carried")
}

func (l *broken) live(database func(*testing.T) *store.DB) {
	l.m = openOn(l.t, func(string) *store.DB {
		db := database(l.t)
		if l.b != nil {
			db.Fault = l.b.fault
		}
		return db
	}, nil)
	moscow, beijing := l.m.at("MOSCOW"), l.m.at("BEIJING")
	l.act(moscow, "continuing a paper register", another, func() error {
		return moscow.Continue(background, map[string]uint32{fmt.Sprintf("register %d", time.Now().UTC().Year()): 23342, "serial BEIJING": 2521})
	})
	d := world().sign(must(world().dir.Append(directory.Office{Address: telegram.Address{Office: "CONSUL", Post: "LONDON"}})))
	for _, x := range []*desks{moscow, beijing} {
		l.act(x, "adopting a directory", nothing, func() error { _, _, err := x.Adopt(background, d.Marshal()); return err })
	}
	l.outgoing(moscow)
	l.answered(beijing, &post.Report{Act: telegram.Acknowledges, Text: "We shall."}, &post.Report{Act: telegram.PartFulfils, Text: "Two of five."},
		&post.Report{Act: telegram.AsksTime, Text: "The road is closed.", Until: may.Unix()})
	l.granted(moscow)
	l.answered(beijing, &post.Report{Act: telegram.Fulfils, Text: "It stands."})
	l.another(moscow, &post.Another{Act: telegram.Corrects, Number: 23343, Text: "For BRIDGE read DAM."})
	l.another(moscow, &post.Another{Act: telegram.Repeats, Number: 23343})
	l.another(beijing, &post.Another{Act: telegram.Readdresses, Number: 1, Info: []telegram.Address{{Office: "ATTACHE", Post: "MOSCOW"}}})
	l.another(moscow, &post.Another{Act: telegram.Cancels, Number: 23343})
	l.copied(moscow)
	for n, c := range []*archive.Change{{At: []string{inPresident, inMinistry}, Summary: says("Words.")}, {Summary: says("Other words.")}} {
		l.act(moscow, fmt.Sprint("filing ", n), nothing, func() error { _, _, err := moscow.File(background, archive.Out, 0, 23343, "", c); return err })
		l.act(beijing, fmt.Sprint("filing ", n), nothing, func() error { _, _, err := beijing.File(background, archive.In, 0, 1, "", c); return err })
	}
}

// outgoing is a draft with all its steps.
func (l *broken) outgoing(x *desks) {
	text := fmt.Sprintf("From: MINISTRY\nClearance: %d\nAsk: receipt, fulfilment\nDeadline: 2030-01-01T12:00Z\nSubject: The bridge\n%s", x.ref(both).Person, withCopies)
	l.drafted(x, func() (*desk.Form, error) { return form(x, text), nil })
	const id = 1
	l.act(x, "editing", nothing, func() error { return x.Edit(background, id, form(x, text+"And again.\n")) })
	l.handedOver(x, id)
	l.act(x, "returning", nothing, func() error { return x.trySendBack(id, "Say when.") })
	l.act(x, "editing what was returned", nothing, func() error { return x.Edit(background, id, form(x, text+"At noon.\n")) })
	l.handedOver(x, id)
	l.act(x, "clearing", nothing, func() error { return x.clear(id, both) })
	l.released(x, id)
	l.carried()
}

func (x *desks) trySendBack(id int64, remark string) error {
	if x.state(id).State != desk.HandedOver {
		return errors.New("it is not handed over any more")
	}
	return x.sendBack(id, releaser, remark)
}

// drafted lays a draft on the desk, which people look for before they do it again.
func (l *broken) drafted(x *desks, f func() (*desk.Form, error)) {
	l.t.Helper()
	l.act(x, "drafting", another, func() error {
		form, err := f()
		if err == nil {
			_, err = x.Draft(background, form)
		}
		return err
	})
}

func (l *broken) handedOver(x *desks, id int64) {
	l.t.Helper()
	l.act(x, "handing over", nothing, func() error { return x.tryHandOver(id, drafter) })
}

func (l *broken) released(x *desks, id int64) {
	l.t.Helper()
	l.act(x, "releasing", nothing, func() error { return x.tryRelease(id, releaser) })
}

// answered are reports on the order, each a telegram the other way.
func (l *broken) answered(x *desks, reports ...*post.Report) {
	id := x.count("select count(*) from draft")
	for _, r := range reports {
		r.Number, id = 1, id+1
		l.drafted(x, func() (*desk.Form, error) { return x.Report(background, r) })
		l.handedOver(x, id)
		l.released(x, id)
		l.carried()
	}
}

// granted is more time for it.
func (l *broken) granted(x *desks) {
	id := x.count("select count(*) from draft") + 1
	l.drafted(x, func() (*desk.Form, error) { return x.Grant(background, &post.Grant{Number: 23343, Until: may.Unix()}) })
	l.handedOver(x, id)
	l.released(x, id)
	l.carried()
}

// another is what is done to one telegram by another.
func (l *broken) another(x *desks, a *post.Another) {
	id := x.count("select count(*) from draft") + 1
	l.drafted(x, func() (*desk.Form, error) { return x.Another(background, a) })
	l.handedOver(x, id)
	l.released(x, id)
	l.carried()
}

// copied is the life of three numbered copies.
func (l *broken) copied(x *desks) {
	of := func(n int) post.CopyID { return post.CopyID{Way: archive.Out, Number: 23343, Copy: n} }
	for _, name := range holders {
		l.act(x, "adding a holder", nothing, func() error { _, err := x.AddHolder(background, name, holderKeys()[name].Public()); return err })
	}
	l.act(x, "making copies", nothing, func() error { _, err := x.MakeCopies(background, archive.Out, 0, 23343, nil, nil); return err })
	for n := range 3 {
		l.act(x, "giving a copy", another, func() error { _, err := x.GiveCopy(background, of(n+1)); return err })
	}
	l.act(x, "transferring a copy", nothing, func() error { _, err := x.transferOf(of(1), holders[1]); return err })
	l.act(x, "returning a copy", nothing, func() error { _, err := x.ReturnCopy(background, of(2)); return err })
	l.act(x, "destroying a copy", nothing, func() error { _, err := x.DestroyCopy(background, of(3), "Duty officer"); return err })
}

// contents is every row of every table, as text.
func (x *desks) contents() string {
	x.m.t.Helper()
	var out strings.Builder
	for _, table := range x.tableNames() {
		for _, row := range x.rows("select * from " + table) {
			fmt.Fprintf(&out, "%s %s\n", table, row)
		}
	}
	return out.String()
}

// ofItsTime are tables that say what was when: a process ends with or without its ways, and others' registers are shown at any moment.
var ofItsTime = []string{"owner", "reckoning", "followed", "followed_leaf", "followed_at", "cosignature"}

// shape is how much there is in every table, how far every series is, and in which states the drafts, the orders and the copies are.
func (x *desks) shape() string {
	x.m.t.Helper()
	var out strings.Builder
	for _, table := range x.tableNames() {
		if !slices.Contains(ofItsTime, table) {
			fmt.Fprintf(&out, "%s %d, ", table, x.count("select count(*) from "+table))
		}
	}
	for _, query := range []string{"select name, last from series", "select id, state from draft", "select kind, count(*) from entry group by kind", "select number, state from copy",
		"select of, post, act, ended from duty", "select of, post, act, by from deed"} {
		fmt.Fprint(&out, x.rows(query))
	}
	return out.String()
}

func (x *desks) tableNames() []string {
	query := "select name from sqlite_master where type = 'table' and name not like 'sqlite_%'"
	if x.db.Postgres() {
		query = "select table_name::text from information_schema.tables where table_schema = 'public'"
	}
	var names []string
	for _, row := range x.rows(query) {
		names = append(names, strings.Trim(row, "[]"))
	}
	return names
}

// rows are what a query gives, each as text, sorted.
func (x *desks) rows(query string) (out []string) {
	x.m.t.Helper()
	err := x.db.Read(background, func(tx *store.Tx) error {
		rows, err := tx.Query(query)
		if err != nil {
			return err
		}
		defer rows.Close()
		columns, err := rows.Columns()
		if err != nil {
			return err
		}
		for rows.Next() {
			values, at := make([]any, len(columns)), make([]any, len(columns))
			for i := range values {
				at[i] = &values[i]
			}
			if err := rows.Scan(at...); err != nil {
				return err
			}
			for i, v := range values {
				if b, ok := v.([]byte); ok {
					values[i] = fmt.Sprintf("%x", b)
				}
			}
			out = append(out, fmt.Sprint(values))
		}
		return rows.Err()
	})
	if err != nil {
		x.m.t.Fatal(query, err)
	}
	slices.Sort(out)
	return out
}
