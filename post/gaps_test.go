package post_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/post"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/telegram"
)

// services are the service messages that a post has handed over for another, opened with that one's keys.
func (m *ministry) services(from, to string) (out []telegram.Service) {
	m.t.Helper()
	w := world()
	for _, p := range m.ether.from(w.posts[from].route) {
		e := must(telegram.ParseEnvelope(p.envelope))
		if p.to != w.posts[to].route {
			continue
		}
		for _, k := range append(slices.Clone(w.posts[to].keys.Letters), w.posts[to].next) {
			l, err := seal.Open(&e, k.Key, to, func(string) *seal.Verifier { return w.posts[from].keys.Identity.Verifier() })
			if err == nil && k.ID == e.KeyID && telegram.IsService(l.Payload) {
				out = append(out, must(telegram.ParseService(l.Payload)))
			}
		}
	}
	return out
}

// requests are the repeat requests among them.
func (m *ministry) requests(from, to string) (out []*telegram.Repeat) {
	m.t.Helper()
	for _, s := range m.services(from, to) {
		if s.Kind == telegram.ServiceRepeat {
			out = append(out, must(telegram.ParseRepeat(s.Statement)))
		}
	}
	return out
}

// shut closes or opens the way from a post. What is given to it meanwhile is lost.
func (m *ministry) shut(from string, closed bool) {
	m.ether.set(func(e *ether) { e.closed[world().posts[from].route] = closed })
}

// patient never carries anything again by itself, as long as a test lasts. What mends in it mends because it was asked for.
func patient(c *post.Config) { c.Retry, c.Section = time.Hour, 32<<10 }

// telling is patient, and tells its last numbers often.
func telling(c *post.Config) { patient(c); c.LastNumber = 300 * time.Millisecond }

// acquainted lets two posts exchange a telegram, so that they have measured the way.
func acquainted(t *testing.T, change func(*post.Config)) (m *ministry, moscow, beijing *desks) {
	t.Helper()
	m = open(t, change)
	moscow, beijing = m.at("MOSCOW"), m.at("BEIJING")
	m.run()
	moscow.send("To: AMBASSADOR@BEIJING\nSubject: first\n\nHow far is it?\n")
	beijing.send("To: AMBASSADOR@MOSCOW\n\nSo far.\n")
	m.delivered("MOSCOW", "BEIJING")
	return m, moscow, beijing
}

// lose sends a telegram, and has all of it lost on its way.
func (x *desks) lose(text string) {
	x.m.t.Helper()
	x.m.shut(x.name, true)
	sections := x.count("select count(*) from wire where sends > 0")
	id := x.send(text)
	x.m.until("it is on its way", func() bool {
		l, err := x.DraftState(context.Background(), id)
		return err == nil && l.Number > 0 && x.count("select count(*) from wire where sends > 0") > sections && x.count("select count(*) from wire where sends = 0") == 0
	})
	x.m.shut(x.name, false)
}

// A gap in a lane is a loss: it is asked for after a round trip, and the same bytes come again.
func TestGapInALane(t *testing.T) {
	m, moscow, beijing := acquainted(t, patient)
	moscow.lose("To: AMBASSADOR@BEIJING\nSubject: lost\n\nThis was lost.\n")
	moscow.send("To: AMBASSADOR@BEIJING\nSubject: next\n\nThis was not.\n")
	m.delivered("MOSCOW")
	asked := m.requests("BEIJING", "MOSCOW")
	if len(asked) == 0 || len(asked[0].Wanted) != 1 || asked[0].Wanted[0].Series != telegram.Lane(1, telegram.Routine) || fmt.Sprint(asked[0].Wanted[0].Numbers) != "[{2 2}]" {
		t.Fatalf("asked was for %+v", asked)
	}
	if got := beijing.received(); len(got) != 3 || got[1].Subject != "next" || got[2].Subject != "lost" {
		t.Errorf("%+v", got)
	}
	if n := moscow.count("select count(*) from wire where superseded is not null"); n != 0 {
		t.Errorf("%d sections were sealed anew", n)
	}
	m.crash()
	m.whole()
}

// The last telegrams leave no gap. They are missed when their sender tells its last numbers.
func TestLossOfTheLast(t *testing.T) {
	m, moscow, beijing := acquainted(t, telling)
	moscow.lose("To: AMBASSADOR@BEIJING; flash\nSubject: lost\n\nThis was the last.\n")
	m.delivered("MOSCOW")
	if got := beijing.received(); got[len(got)-1].Subject != "lost" {
		t.Errorf("%+v", got)
	}
	asked := m.requests("BEIJING", "MOSCOW")
	if len(asked) == 0 {
		t.Fatal("nothing was asked for")
	}
	if _, serial := wants(asked, telegram.SerialsOf(telegram.Operation)), wants(asked, telegram.SpecialSeries()); !serial {
		t.Errorf("%+v", asked)
	}
	m.crash()
	m.whole()
}

// wants says whether something of a series was asked for.
func wants(asked []*telegram.Repeat, s telegram.Series) bool {
	return slices.ContainsFunc(asked, func(r *telegram.Repeat) bool {
		return slices.ContainsFunc(r.Wanted, func(w telegram.Wanted) bool { return w.Series == s })
	})
}

// A Flash that overtook what waits makes no gap, though its serial is behind theirs; nor does the last number make one of what waits.
func TestFlashMakesNoGap(t *testing.T) {
	m, moscow, beijing := acquainted(t, func(c *post.Config) { telling(c); c.Window = 1 })
	m.shut("MOSCOW", true)
	for n := range 5 {
		moscow.send(fmt.Sprintf("To: AMBASSADOR@BEIJING\nSubject: %d\n\nIn no hurry.\n", n))
	}
	m.until("all wait", func() bool { return moscow.count("select count(*) from outbox where receipted is null") == 5 })
	m.shut("MOSCOW", false)
	// The window is full with the first of them, which is lost, so the others wait for long.
	moscow.send("To: AMBASSADOR@BEIJING; flash\nSubject: overtook\n\nAt once.\n")
	m.until("the Flash is there", func() bool { got := beijing.received(); return got[len(got)-1].Subject == "overtook" })
	if got := beijing.received(); got[len(got)-1].Serial != 7 {
		t.Fatalf("%+v", got)
	}
	m.until("the last numbers were told twice since", func() bool {
		n := 0
		for _, s := range m.services("MOSCOW", "BEIJING") {
			if s.Kind == telegram.ServiceLastNumber {
				if l := must(telegram.ParseLastNumber(s.Statement)); len(l.Series) > 0 && l.Series[0].Last == 7 {
					n++
				}
			}
		}
		return n >= 3
	})
	for _, r := range m.requests("BEIJING", "MOSCOW") {
		for _, w := range r.Wanted {
			if w.Of == telegram.Serials && slices.ContainsFunc(w.Numbers, func(x telegram.Range) bool { return x.Last > 2 }) {
				t.Errorf("what waits was asked for: %+v", r)
			}
		}
	}
	m.delivered("MOSCOW")
	m.crash()
	m.whole()
}

// What was sealed to a key that the other does not hold is sealed anew when it is asked for, to the one current now.
func TestGapOfAnotherKey(t *testing.T) {
	m, moscow, beijing := acquainted(t, telling)
	moscow.lose("To: AMBASSADOR@BEIJING\nSubject: lost\n\n" + strings.Repeat("For a key that is gone. ", 3000) + "\n")
	before := moscow.count("select count(*) from wire")
	m.crash()
	newer := world().sign(must(world().dir.Append(beijing.nextSaid)))
	held := beijing.keys.Letters
	defer func() { beijing.keys.Letters = held }()
	beijing.keys.Letters = []post.LetterKey{beijing.next}
	beijing.reopen()
	for _, x := range []*desks{moscow, beijing} {
		if _, fresh, err := x.Adopt(context.Background(), newer.Marshal()); err != nil || !fresh {
			t.Fatal(fresh, err)
		}
	}
	m.run()
	m.delivered("MOSCOW")
	if got := beijing.received(); len(got) != 2 || got[1].Subject != "lost" || got[1].Serial != 2 {
		t.Fatalf("%+v", got)
	}
	if old, all := moscow.count("select count(*) from wire where superseded is not null"), moscow.count("select count(*) from wire"); old == 0 || all != before+old {
		t.Errorf("of %d sections %d are superseded, there were %d", all, old, before)
	}
	s := moscow.shown(archive.Out, 2)
	if n := len(s.Addressed[0].Specials); !s.Verified || n < 4 {
		t.Errorf("%d special numbers, %v", n, s.Findings)
	}
	if n := moscow.count("select count(*) from entry where kind = $1", int64(telegram.EntryAsked)); n != 1 {
		t.Errorf("%d requests were entered", n)
	}
	m.until("all gaps are closed", func() bool {
		return beijing.count("select count(*) from accounted") == beijing.count("select count(distinct series) from accounted")
	})
	m.crash()
	m.whole()
}

// What the other has signed for and lost, as when its disk died, is sent again when it asks, and both desks are told.
func TestLostAfterReceipt(t *testing.T) {
	m, moscow, beijing := acquainted(t, telling)
	m.crash()
	tables := beijing.tablesNow()
	beijing.tablesOf(tables, "create table copy_of_%s as select * from %[1]s")
	m.run()
	for n := range 3 {
		moscow.send(fmt.Sprintf("To: AMBASSADOR@BEIJING\nSubject: %d\n\nIt was here.\n", n))
	}
	m.delivered("MOSCOW")
	m.crash()
	beijing.tablesOf(tables, "delete from %s")
	beijing.tablesOf(tables, "insert into %s select * from copy_of_%[1]s")
	beijing.reopen()
	m.run()
	m.until("they are here again", func() bool { return len(beijing.received()) == 4 })
	m.delivered("MOSCOW")
	for i, l := range beijing.received() {
		if l.Serial != uint32(i+1) || i > 0 && l.Subject != fmt.Sprint(i-1) {
			t.Errorf("%+v", l)
		}
	}
	m.until("the alarm has closed itself", func() bool {
		all := must(moscow.Alarms(context.Background(), true))
		i := slices.IndexFunc(all, func(a post.Alarm) bool {
			return strings.Contains(a.What, "asks again for telegrams for which it has signed")
		})
		return i >= 0 && all[i].Closed != nil && strings.HasPrefix(all[i].Why, "by itself: ")
	})
	if s := moscow.shown(archive.Out, 2); !s.Verified || s.Addressed[0].Receipted == nil {
		t.Errorf("%+v", s.Findings)
	}
	m.crash()
	m.whole()
}

// A paper register's numbers are in no gap.
func TestPaperIsNoGap(t *testing.T) {
	m := open(t, telling)
	moscow, beijing := m.at("MOSCOW"), m.at("BEIJING")
	if err := moscow.Continue(context.Background(), map[string]uint32{"serial BEIJING": 2521}); err != nil {
		t.Fatal(err)
	}
	m.run()
	moscow.send("To: AMBASSADOR@BEIJING\n\nThe first that is not on paper.\n")
	m.delivered("MOSCOW")
	m.until("the last numbers were told", func() bool { return beijing.count("select count(*) from reckoning where came > 0") == 1 })
	m.until("what is on paper is accounted for", func() bool {
		return beijing.count("select count(*) from accounted where series = 0 and first = 1 and last = 2522") == 1
	})
	if asked := m.requests("BEIJING", "MOSCOW"); len(asked) > 0 {
		t.Errorf("asked was for %+v", asked[0])
	}
}

// Exercises have series of their own, and gaps of their own.
func TestGapInExercises(t *testing.T) {
	m, moscow, beijing := acquainted(t, telling)
	moscow.send("To: AMBASSADOR@BEIJING\nType: exercise\nSubject: EX1\n\nOne.\n")
	m.delivered("MOSCOW")
	moscow.lose("To: AMBASSADOR@BEIJING\nType: exercise\nSubject: EX2\n\nTwo.\n")
	m.delivered("MOSCOW")
	if got := beijing.received(); got[len(got)-1].Serial != telegram.Exercise.Mark(2) {
		t.Errorf("%+v", got)
	}
	asked := m.requests("BEIJING", "MOSCOW")
	if wants(asked, telegram.SerialsOf(telegram.Operation)) || !wants(asked, telegram.SerialsOf(telegram.Exercise)) {
		t.Errorf("%+v", asked)
	}
}

// A cancel that an officer released accounts for the telegram that it cancels, and is what is sent when that is asked for.
func TestCancelInsteadOfTheTelegram(t *testing.T) {
	m, moscow, beijing := acquainted(t, func(c *post.Config) { telling(c); c.Window = 1 })
	moscow.lose("To: AMBASSADOR@BEIJING\nSubject: first\n\nIt fills the window, and is lost.\n")
	m.shut("MOSCOW", true)
	id := moscow.send("To: AMBASSADOR@BEIJING\nSubject: taken back\n\nIt waits.\n")
	m.until("it has its number", func() bool { return moscow.state(id).Number == 3 })
	f := must(moscow.Another(background, &post.Another{Act: telegram.Cancels, Number: 3}))
	f.Telegram.To[0].Precedence = telegram.Flash // it overtakes what it cancels
	m.shut("MOSCOW", false)
	moscow.sendForm(f, nil)
	m.until("the cancel is there", func() bool { return beijing.count("select count(*) from filed where serial = 4") == 1 })
	if n := beijing.count("select count(*) from filed where serial = 3"); n == 0 {
		if n := beijing.count("select count(*) from accounted where series = 0 and first <= 3 and last >= 3"); n != 1 {
			t.Error("what was cancelled is a gap")
		}
	}
	m.delivered("MOSCOW")
	m.deliver("MOSCOW", newClerk(m, "BEIJING", "MOSCOW").request(func(r *telegram.Repeat) {
		r.At += 600000
		r.Wanted[0].Numbers = []telegram.Range{{First: 3, Last: 3}}
	}))
	m.until("it is sent again", func() bool { return moscow.count("select count(*) from wire where superseded is not null") > 0 })
	if n := moscow.count("select count(*) from wire where superseded is not null and serial <> 4"); n > 0 {
		t.Error("the telegram was sent in place of its cancel")
	}
	m.delivered("MOSCOW")
	m.crash()
	m.whole()
}
