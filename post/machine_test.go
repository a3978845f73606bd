package post_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"chancery.example/chancery/circuit/circuittest"
	"chancery.example/chancery/desk"
	"chancery.example/chancery/directory"
	"chancery.example/chancery/post"
	"chancery.example/chancery/store"
	"chancery.example/chancery/store/storetest"
	"chancery.example/chancery/telegram"
	"pgregory.net/rapid"
)

// machine is a sender, a wild circuit and a receiver, and what must be true of them in the end.
type machine struct {
	*ministry
	wild    *circuittest.Wild
	breaker map[string]*breaker
	newest  *directory.Directory
	copied  bool // a copy of the receiver's database was laid aside
	forgot  bool // the copy had an older directory: its sender tells it again, but when is not looked at here
}

// TestMachine does at random what may happen to two posts: telegrams are sent, links turn bad, are cut and mended, clocks go wrong, directories
// are adopted, machines stop at any commit, which is lost or kept but reported failed, and start again; and the receiver's database is put back to
// an older day, or its keys of chains are lost. When all has calmed down nothing is lost, nothing is there twice, no number is missing, and the registers verify.
//
//	go test ./post -run TestMachine -rapid.checks 1000     as long as there is time
func TestMachine(t *testing.T) {
	if checks := flag.Lookup("rapid.checks"); checks.Value.String() == checks.DefValue {
		if err := checks.Value.Set("25"); err != nil {
			t.Fatal(err)
		}
		defer checks.Value.Set(checks.DefValue)
	}
	rapid.Check(t, func(rt *rapid.T) {
		x := newMachine(t, rt)
		defer x.crash()
		rt.Repeat(map[string]func(*rapid.T){
			"send":      x.send,
			"weather":   x.weather,
			"cut":       func(*rapid.T) { x.wild.Cut(x.at("MOSCOW").route, x.at("BEIJING").route) },
			"mend":      func(*rapid.T) { x.wild.Mend(x.at("MOSCOW").route, x.at("BEIJING").route) },
			"time":      func(rt *rapid.T) { time.Sleep(time.Duration(rapid.IntRange(1, 60).Draw(rt, "ms")) * time.Millisecond) },
			"clock":     x.clock,
			"directory": x.directory,
			"break":     x.breaks,
			"copy":      x.lay,
			"put back":  x.putBack,
			"keys":      x.loseKeys,
			"":          func(*rapid.T) { x.tend() },
		})
		x.calm()
		x.check()
	})
}

func newMachine(t *testing.T, rt *rapid.T) *machine {
	x := &machine{breaker: map[string]*breaker{}, newest: world().dir}
	x.ministry = openOn(rt, func(name string) *store.DB {
		db, b := storetest.SQLite(t), &breaker{}
		db.Fault, x.breaker[name] = b.fault, b
		return db
	}, func(c *post.Config) {
		c.LastNumber = 200 * time.Millisecond
		c.Retry, c.Batch, c.Section = 40*time.Millisecond, rapid.IntRange(1, 4).Draw(rt, "batch"), rapid.SampledFrom([]int{256, 1024}).Draw(rt, "section")
	})
	x.patience = 20 * time.Second // shrinking looks often
	if rapid.Bool().Draw(rt, "frames") {
		x.frames = t.TempDir()
	}
	x.wild = circuittest.NewWild(rapid.Uint64().Draw(rt, "seed"), world().posts["MOSCOW"].route, world().posts["BEIJING"].route)
	x.carrier = x.wild.At
	x.run()
	return x
}

// start lets both posts go on, as processes that were started anew.
func (x *machine) start() {
	for _, p := range x.opened() {
		p.reopen()
	}
	x.run()
}

// tend starts again what broke.
func (x *machine) tend() {
	for _, b := range x.breaker {
		if b.broken.Load() {
			x.crash()
			for _, b := range x.breaker {
				b.mend()
			}
			x.start()
			return
		}
	}
}

// breaks has one of the next commits of a post fail.
func (x *machine) breaks(rt *rapid.T) {
	b := x.breaker[rapid.SampledFrom(names[:2]).Draw(rt, "post")]
	x.crash()
	b.stage = rapid.SampledFrom([]store.Stage{store.BeforeCommit, store.AfterCommit}).Draw(rt, "stage")
	b.again(int64(rapid.IntRange(1, 8).Draw(rt, "commit")))
	x.start()
}

// send has a telegram drafted, signed and released. An act that fails is done again, after a look at what became of it.
func (x *machine) send(rt *rapid.T) {
	moscow := x.at("MOSCOW")
	n := moscow.count("select count(*) from draft") + 1
	precedence := rapid.SampledFrom([]string{"deferred", "routine", "priority", "immediate", "flash"}).Draw(rt, "precedence")
	text := fmt.Sprintf("To: AMBASSADOR@BEIJING; %s\nSubject: %d\n\n%s\n", precedence, n, strings.Repeat("A word or two. ", rapid.IntRange(1, 120).Draw(rt, "words")))
	for {
		x.tend()
		if moscow.count("select count(*) from draft") < n {
			_, _ = moscow.Draft(background, form(moscow, text))
			continue
		}
		switch moscow.state(n).State {
		case desk.Drafted:
			_ = moscow.tryHandOver(n, drafter)
		case desk.HandedOver:
			_ = moscow.tryRelease(n, releaser)
		default:
			return
		}
	}
}

func (x *machine) weather(rt *rapid.T) {
	often := func(what string) float64 { return float64(rapid.IntRange(0, 5).Draw(rt, what)) / 10 }
	ends := names[:2:2]
	if rapid.Bool().Draw(rt, "back") {
		ends = []string{names[1], names[0]}
	}
	x.wild.Set(x.at(ends[0]).route, x.at(ends[1]).route, circuittest.Link{Lose: often("lose"), Repeat: often("repeat"), Corrupt: often("corrupt"),
		Regrade: often("regrade"), Reorder: often("reorder"), Cut: often("cut"), Delay: time.Duration(rapid.IntRange(0, 50).Draw(rt, "delay")) * time.Millisecond})
}

// clock sets a post's clock on. One that was set back is another matter: what was released in the future waits for it.
func (x *machine) clock(rt *rapid.T) {
	x.at(rapid.SampledFrom(names[:2]).Draw(rt, "post")).skew.Add(int64(rapid.IntRange(1, 600).Draw(rt, "seconds")) * int64(time.Second))
}

// directory has the sender adopt another version. The receiver hears of it from there.
func (x *machine) directory(*rapid.T) {
	office := directory.Office{Address: telegram.Address{Office: fmt.Sprint("OFFICE ", x.newest.Size()), Post: "LONDON"}}
	x.newest = world().sign(must(x.newest.Append(office)))
	for !x.at("MOSCOW").adoptAgain(x.newest) {
		x.tend()
	}
}

// tablesNow are all that a post keeps.
func (x *desks) tablesNow() (tables []string) {
	x.m.t.Helper()
	err := x.db.Read(background, func(tx *store.Tx) error {
		rows, err := tx.Query("select name from sqlite_schema where type = 'table' and name not like 'copy\\_of\\_%' escape '\\' and name not like 'goose%' and name not like 'sqlite%'")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var name string
			if err := rows.Scan(&name); err != nil {
				return err
			}
			tables = append(tables, name)
		}
		return rows.Err()
	})
	if err != nil {
		x.m.t.Fatal(err)
	}
	return tables
}

// lay lays a copy of the receiver's database aside.
func (x *machine) lay(*rapid.T) {
	beijing := x.at("BEIJING")
	x.crash()
	for _, b := range x.breaker {
		b.mend()
	}
	if tables := beijing.tablesNow(); !x.copied {
		beijing.tablesOf(tables, "create table copy_of_%s as select * from %[1]s")
	} else {
		beijing.tablesOf(tables, "delete from copy_of_%s")
		beijing.tablesOf(tables, "insert into copy_of_%s select * from %[1]s")
	}
	x.copied = true
	x.start()
}

// putBack puts the copy in the place of the database, as after a disk died.
func (x *machine) putBack(rt *rapid.T) {
	if !x.copied {
		rt.Skip("there is no copy")
	}
	beijing := x.at("BEIJING")
	x.crash()
	for _, b := range x.breaker {
		b.mend()
	}
	before := beijing.count("select max(size) from adoption")
	tables := beijing.tablesNow()
	beijing.tablesOf(tables, "delete from %s")
	beijing.tablesOf(tables, "insert into %s select * from copy_of_%[1]s")
	x.forgot = x.forgot || beijing.count("select max(size) from adoption") < before
	x.start()
}

// loseKeys has the receiver lose what is burnt and in no backup.
func (x *machine) loseKeys(rt *rapid.T) {
	if x.frames == "" {
		rt.Skip("there are no frames")
	}
	x.crash()
	for _, b := range x.breaker {
		b.mend()
	}
	if err := os.RemoveAll(filepath.Join(x.frames, "BEIJING")); err != nil {
		rt.Fatal(err)
	}
	x.start()
}

// calm mends everything and waits until the sender waits for nothing. An hour goes by, after which lost news of the directory is told again, to
// whom the sender has heard of.
func (x *machine) calm() {
	moscow, beijing := x.at("MOSCOW"), x.at("BEIJING")
	x.crash()
	for _, b := range x.breaker {
		b.mend()
	}
	x.wild.SetAll(circuittest.Link{})
	x.wild.Mend(moscow.route, beijing.route)
	for _, p := range x.opened() {
		p.skew.Add(int64(61 * time.Minute))
	}
	x.start()
	x.delivered("MOSCOW")
	x.until("all is there", func() bool { return int64(len(beijing.received())) == moscow.count("select count(*) from draft") })
	x.delivered("MOSCOW")
	x.until("the receiver has the sender's directory", func() bool {
		return x.forgot || moscow.count("select count(*) from filed") == 0 || beijing.count("select max(size) from adoption") == x.newest.Size()
	})
	x.crash()
}

func (x *machine) check() {
	moscow, beijing := x.at("MOSCOW"), x.at("BEIJING")
	n := uint32(moscow.count("select count(*) from draft"))
	if filed, signed := moscow.count("select count(*) from filed where way = 'out'"), moscow.count("select count(*) from outbox where receipted is not null"); filed != int64(n) || signed != int64(n) {
		x.t.Fatalf("%d telegrams were released, %d are registered and %d receipted", n, filed, signed)
	}
	got, times, numbers := map[uint32]string{}, map[uint32]int{}, []uint32{}
	for _, l := range beijing.received() {
		got[l.Serial] = l.Subject
		times[l.Serial]++
		numbers = append(numbers, l.Number)
	}
	slices.Sort(numbers)
	for i, number := range numbers {
		if number != uint32(i+1) {
			x.t.Fatalf("the receiver's incoming numbers are %v", numbers)
		}
	}
	for number := uint32(1); number <= n; number++ {
		s := moscow.shown("out", number)
		serial := s.Addressed[0].Serial
		switch {
		case times[serial] != 1:
			x.t.Fatalf("serial %d is there %d times", serial, times[serial])
		case got[serial] != s.Subject:
			x.t.Fatalf("serial %d is %q there, and was %q", serial, got[serial], s.Subject)
		}
		if serial < 1 || serial > n {
			x.t.Fatalf("serial %d of %d telegrams", serial, n)
		}
	}
	if len(got) > int(n) {
		x.t.Fatalf("%d were sent and %d are there", n, len(got))
	}
	x.whole()
	if r, err := moscow.VerifyRegister(context.Background(), nil); err != nil || r.Series["serial BEIJING"] != n {
		x.t.Fatalf("the serials for BEIJING stand at %v, %d were sent: %v", r.Series, n, err)
	}
}
