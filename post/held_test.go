package post_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/desk"
	"chancery.example/chancery/post"
	"chancery.example/chancery/store"
	"chancery.example/chancery/store/storetest"
	"chancery.example/chancery/telegram"
)

// releasedAt releases a draft by a releaser whose clock shows that time.
func (x *desks) releasedAt(id int64, at time.Time) {
	x.m.t.Helper()
	written, ed, pq, err := x.sign(id, releaser, at)
	if err == nil {
		err = x.Release(context.Background(), id, written, ed, pq)
	}
	if err != nil {
		x.m.t.Fatal(err)
	}
}

func (x *desks) held(id int64, words ...string) {
	x.m.t.Helper()
	x.m.until("it is held", func() bool { return x.state(id).Held != "" })
	d := x.state(id)
	for _, w := range words {
		if !strings.Contains(d.Held, w) {
			x.m.t.Errorf("it is held because %q, which does not say %q", d.Held, w)
		}
	}
	if d.State != desk.Released || x.count("select count(*) from filed") != 0 || !strings.Contains(x.trouble(), "alarm of "+x.name) {
		x.m.t.Errorf("%+v\n%s", d, x.trouble())
	}
}

func TestReleasedByAClockThatIsAhead(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		m := openOn(t, func(name string) *store.DB {
			if name == "MOSCOW" {
				return db
			}
			return storetest.SQLite(t)
		}, nil)
		m.run()
		x := m.at("MOSCOW")
		id := x.draft("To: AMBASSADOR@BEIJING\n\nText.\n")
		x.handOver(id)
		at := time.Now().Add(2 * time.Second).UTC()
		x.releasedAt(id, at)
		x.held(id, at.Format(time.DateTime), "this machine's clock says")
		m.delivered("MOSCOW")
		if n := x.shown(archive.Out, 1); n.Registered.Before(at.Truncate(time.Second)) || !n.Verified {
			t.Errorf("registered at %s, released at %s: %v", n.Registered, at, n.Findings)
		}
		if d := x.state(id); d.Held != "" || d.State != desk.Registered {
			t.Errorf("%+v", d)
		}
		m.whole()
	})
}

func TestClockSetRight(t *testing.T) {
	m := open(t, nil)
	x := m.at("MOSCOW")
	id := x.send("To: AMBASSADOR@BEIJING\n\nText.\n")
	x.skew.Store(int64(25 * time.Hour))
	m.run()
	now := x.config.Now().UTC()
	x.held(id, now.Format("2006-01-02"), now.Add(-time.Hour).Format("2006-01-02 15:"), "had to be registered by")
	x.skew.Store(0)
	// Whatever is released next is looked at together with what is held, and so is everything after a start.
	x.send("To: AMBASSADOR@BEIJING; flash\n\nText.\n")
	m.delivered("MOSCOW")
	if s, n := x.state(id).State, x.count("select count(*) from filed"); s != desk.Registered || n != 2 {
		t.Errorf("it is %s, %d are filed", s, n)
	}
	m.whole()
}

// TestTimeHoldsWhenTheNumberIsTaken: the times that the releaser signed hold for the moment in which the number is taken.
func TestTimeHoldsWhenTheNumberIsTaken(t *testing.T) {
	m := open(t, nil)
	x := m.at("MOSCOW")
	id := x.send("To: AMBASSADOR@BEIJING\n\nText.\n")
	locked, free := make(chan struct{}), make(chan struct{})
	wrote := make(chan error, 1)
	go func() {
		wrote <- x.db.Write(background, func(*store.Tx) error { close(locked); <-free; return nil })
	}()
	<-locked
	m.run("MOSCOW")
	time.Sleep(300 * time.Millisecond) // it is looked at in time, and then the lock is long in coming
	x.skew.Store(int64(25 * time.Hour))
	close(free)
	if err := <-wrote; err != nil {
		t.Fatal(err)
	}
	m.until("it is held", func() bool { return x.state(id).Held != "" })
	if n := x.count("select count(*) from series"); n != 0 {
		t.Error("it took a number")
	}
}

// TestStateForged: whoever can write the database and has no key cannot make a release of a draft, nor stop the post by trying.
func TestStateForged(t *testing.T) {
	m := open(t, nil)
	x := m.at("MOSCOW")
	drafted := x.draft("To: AMBASSADOR@BEIJING\n\nOne.\n")
	handed := x.draft("To: AMBASSADOR@BEIJING\n\nTwo.\n")
	x.handOver(handed)
	x.tamper("update draft set state = 'released'")
	m.run("MOSCOW")
	for _, id := range []int64{drafted, handed} {
		m.until("it is held", func() bool { return x.state(id).Held != "" })
	}
	if n := x.count("select count(*) from filed"); n != 0 {
		t.Errorf("%d were registered", n)
	}
}

// TestDamagedTelegramStopsNoFlash: a telegram that cannot be sealed stands in the way of nothing more urgent.
func TestDamagedTelegramStopsNoFlash(t *testing.T) {
	m := open(t, func(c *post.Config) { c.Window = 1 << 20 })
	x := m.at("MOSCOW")
	m.ether.set(func(e *ether) { e.closed[x.route] = true })
	x.send("To: AMBASSADOR@LONDON\n\nOne.\n")
	m.run("MOSCOW")
	m.until("it is sealed", func() bool { return x.count("select count(*) from wire") == 1 })
	m.crash()
	// The post had no time to seal this one before its disk failed.
	x.tamper("delete from wire")
	x.tamper("update outbox set sections = 0, sealed = 0")
	x.tamper("update filed set body = $1", []byte("damaged"))
	x.send("To: AMBASSADOR@LONDON; flash\n\nTwo.\n")
	m.ether.set(func(e *ether) { e.lose, e.closed[x.route] = 0.6, false })
	m.run(names[:]...)
	m.until("the Flash is there and signed for", func() bool { return x.count("select count(*) from outbox where receipted is not null") == 1 })
}

// A directory that nobody has signed for more than 30 days is used, and somebody is told, once a day.
func TestStaleDirectory(t *testing.T) {
	m := open(t, nil)
	x := m.at("MOSCOW")
	x.skew.Store(int64(29 * 24 * time.Hour))
	m.run()
	x.send("To: AMBASSADOR@BEIJING\n\nWithin the month.\n")
	m.delivered("MOSCOW")
	if told := x.trouble(); strings.Contains(told, "out of date") {
		t.Error(told)
	}
	m.crash()
	x.skew.Store(int64(31 * 24 * time.Hour))
	x.reopen()
	m.run()
	m.until("somebody is told", func() bool {
		return strings.Contains(x.trouble(), "the directory is out of date (signed ")
	})
	x.send("To: AMBASSADOR@BEIJING\n\nA month later.\n")
	m.delivered("MOSCOW")
	if n := x.count("select max(times) from alarm"); n != 1 {
		t.Errorf("it was told %d times", n)
	}
	m.whole()
}

// Between posts whose clocks are a day apart telegrams and receipts go both ways, each under its own post's times.
func TestClocksADayApart(t *testing.T) {
	for name, skew := range map[string]time.Duration{"ahead": 24 * time.Hour, "behind": -24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			m := open(t, nil)
			moscow, beijing := m.at("MOSCOW"), m.at("BEIJING")
			moscow.skew.Store(int64(skew))
			m.run()
			moscow.send("To: AMBASSADOR@BEIJING\nAsk: fulfilment\n\nBy whatever clock.\n")
			m.delivered("MOSCOW")
			beijing.reply(1, telegram.Fulfils, "Done.")
			m.delivered("BEIJING")
			m.crash()
			s := beijing.shown(archive.In, 1)
			if apart := s.Registered.Sub(s.Arrived.Last); (apart - skew).Abs() > time.Hour {
				t.Errorf("it was registered at %s and came at %s", s.Registered, s.Arrived.Last)
			}
			for _, x := range []*desks{moscow, beijing} {
				if told := x.trouble(); strings.Contains(told, "alarm of") {
					t.Error(told)
				}
			}
			m.whole()
		})
	}
}
