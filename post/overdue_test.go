package post_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"chancery.example/chancery/post"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// alarmed finds an alarm by some words of it.
func (x *desks) alarmed(about, words string) (a post.Alarm, ok bool) {
	x.m.t.Helper()
	for _, a := range must(x.Alarms(context.Background(), true)) {
		if a.Post == about && strings.Contains(a.What, words) {
			return a, true
		}
	}
	return a, false
}

func (x *desks) raises(about, words string) {
	x.m.t.Helper()
	x.m.until(fmt.Sprintf("%s has an open alarm about %s: %s", x.name, about, words), func() bool { a, ok := x.alarmed(about, words); return ok && a.Closed == nil })
}

func (x *desks) closes(about, words string) {
	x.m.t.Helper()
	x.m.until(fmt.Sprintf("the alarm of %s about %s is closed by itself: %s", x.name, about, words), func() bool {
		a, ok := x.alarmed(about, words)
		return ok && a.Closed != nil && strings.HasPrefix(a.Why, "by itself: ")
	})
}

const (
	silent  = "nothing is known of its last numbers since"
	unheard = "it can be heard, and has heard nothing of this post"
	never   = "it has never said that it heard this post"
)

// What is overdue is an alarm at both desks, whichever direction is cut; and it closes itself when the line is open again.
func TestOverdueAtBothDesks(t *testing.T) {
	m, moscow, beijing := acquainted(t, telling)
	m.until("they have told each other", func() bool {
		return moscow.count("select count(*) from reckoning where came > 0") == 1 && beijing.count("select count(*) from reckoning where came > 0") == 1
	})
	m.shut("MOSCOW", true)
	beijing.raises("MOSCOW", silent)
	moscow.raises("BEIJING", unheard)
	if a, ok := moscow.alarmed("BEIJING", silent); ok {
		t.Errorf("who is heard is not silent: %+v", a)
	}
	m.shut("MOSCOW", false)
	beijing.closes("MOSCOW", silent)
	moscow.closes("BEIJING", unheard)
	m.shut("MOSCOW", true)
	m.shut("BEIJING", true)
	beijing.raises("MOSCOW", silent)
	moscow.raises("BEIJING", silent)
	m.shut("MOSCOW", false)
	m.shut("BEIJING", false)
	beijing.closes("MOSCOW", silent)
	moscow.closes("BEIJING", silent)
	if a, _ := beijing.alarmed("MOSCOW", silent); a.Times != 2 {
		t.Errorf("it was raised %d times: %+v", a.Times, a)
	}
	_, open, err := beijing.Inbox(context.Background(), 10)
	if err != nil || len(open) != 0 {
		t.Errorf("the inbox still shows %+v, %v", open, err)
	}
}

// Who sends and is never answered learns of it, though nothing ever came that could be overdue.
func TestNeverAnswered(t *testing.T) {
	m := open(t, telling)
	moscow := m.at("MOSCOW")
	m.run("MOSCOW")
	moscow.send("To: AMBASSADOR@BEIJING\n\nIs anybody there?\n")
	moscow.raises("BEIJING", never)
	m.run("BEIJING")
	m.until("BEIJING has it", func() bool { return len(m.at("BEIJING").received()) == 1 })
	moscow.closes("BEIJING", never)
}

// A post on a line that is paid for decides how often both ends speak.
func TestIntervalOfTheSlower(t *testing.T) {
	m := open(t, func(c *post.Config) {
		patient(c)
		if c.LastNumber = 100 * time.Millisecond; c.Name == "BEIJING" {
			c.LastNumber = time.Second
		}
	})
	moscow := m.at("MOSCOW")
	m.run()
	moscow.send("To: AMBASSADOR@BEIJING\n\nHow often?\n")
	m.until("MOSCOW has heard", func() bool { return moscow.count("select count(*) from reckoning where came > 0") == 1 })
	told := func() (n int, interval uint32) {
		for _, s := range m.services("MOSCOW", "BEIJING") {
			if s.Kind == telegram.ServiceLastNumber {
				n, interval = n+1, must(telegram.ParseLastNumber(s.Statement)).Interval
			}
		}
		return n, interval
	}
	m.until("MOSCOW says so", func() bool { _, every := told(); return every == 1000 })
	before, _ := told()
	time.Sleep(1500 * time.Millisecond)
	if after, _ := told(); after > before+2 {
		t.Errorf("in a second and a half it was told %d times", after-before)
	}
	if p, err := post.New(post.Config{Name: "MOSCOW", Metered: true, LastNumber: time.Minute}, moscow.keys, moscow.db); err != nil || p == nil {
		t.Error(err)
	}
	for _, d := range []time.Duration{-1, time.Microsecond, post.MaxLastNumber + 1} {
		if _, err := post.New(post.Config{Name: "MOSCOW", LastNumber: d}, moscow.keys, moscow.db); err == nil {
			t.Errorf("an interval of %v is taken", d)
		}
	}
}

// lastNumber makes the last numbers of a clerk's post, signed.
func (c *clerk) lastNumber(change func(*telegram.LastNumber)) []byte {
	n := &telegram.LastNumber{From: c.of.name, To: c.to.name, At: time.Now().UnixMilli(), Interval: 3600000, Series: []telegram.SeriesLast{
		{Series: telegram.SerialsOf(telegram.Operation), Last: 1}}}
	if change != nil {
		change(n)
	}
	return c.said(telegram.ServiceLastNumber, telegram.LabelLastNumber, n.Marshal())
}

// request makes a repeat request of a clerk's post, signed.
func (c *clerk) request(change func(*telegram.Repeat)) []byte {
	r := &telegram.Repeat{From: c.of.name, To: c.to.name, At: time.Now().UnixMilli(), Keys: [][4]byte{c.of.keys.Letters[0].ID},
		Wanted: []telegram.Wanted{{Series: telegram.SerialsOf(telegram.Operation), Numbers: []telegram.Range{{First: 1, Last: 1}}}}}
	if change != nil {
		change(r)
	}
	return c.said(telegram.ServiceRepeat, telegram.LabelRepeat, r.Marshal())
}

func (c *clerk) said(kind uint8, label string, statement []byte) []byte {
	s := telegram.Service{Kind: kind, Statement: statement}
	s.Ed, s.PQ = c.identity.Sign(label, statement)
	return c.letter(s.Marshal())
}

// What others say of numbers counts only if the post whose numbers they are has signed it, and for this post.
func TestFalseNumbers(t *testing.T) {
	m, x, _ := atBeijing(t)
	for _, a := range []struct {
		name, says string
		make       func(c *clerk) []byte
	}{
		{"last numbers signed as something else", "the signature on last numbers does not hold", func(c *clerk) []byte {
			n := telegram.LastNumber{From: "MOSCOW", To: "BEIJING", At: 1, Interval: 1}
			return c.said(telegram.ServiceLastNumber, telegram.LabelReceipt, n.Marshal())
		}},
		{"last numbers of another post", "the last numbers are between other posts", func(c *clerk) []byte {
			return c.lastNumber(func(n *telegram.LastNumber) { n.From = "LONDON" })
		}},
		{"last numbers for another post", "the last numbers are between other posts", func(c *clerk) []byte {
			return c.lastNumber(func(n *telegram.LastNumber) { n.To = "LONDON" })
		}},
		{"no last numbers", "malformed", func(c *clerk) []byte {
			return c.said(telegram.ServiceLastNumber, telegram.LabelLastNumber, []byte("none"))
		}},
		{"a request signed as something else", "the signature on a repeat request does not hold", func(c *clerk) []byte {
			r := telegram.Repeat{From: "MOSCOW", To: "BEIJING", Wanted: []telegram.Wanted{{Series: telegram.SpecialSeries(), Numbers: []telegram.Range{{First: 1, Last: 1}}}}}
			return c.said(telegram.ServiceRepeat, telegram.LabelLastNumber, r.Marshal())
		}},
		{"a request of another post", "the repeat request is between other posts", func(c *clerk) []byte {
			return c.request(func(r *telegram.Repeat) { r.From = "LONDON" })
		}},
		{"a request to another post", "the repeat request is between other posts", func(c *clerk) []byte {
			return c.request(func(r *telegram.Repeat) { r.To = "LONDON" })
		}},
		{"no request", "malformed", func(c *clerk) []byte { return c.said(telegram.ServiceRepeat, telegram.LabelRepeat, []byte("none")) }},
		{"a request for what was never given", "it asks for serials 1, which this post has not given", func(c *clerk) []byte { return c.request(nil) }},
	} {
		t.Run(a.name, func(t *testing.T) {
			log := len(x.log.String())
			m.deliver("BEIJING", a.make(newClerk(m, "MOSCOW", "BEIJING")))
			if told := x.log.String()[log:]; !strings.Contains(told, "alarm post=MOSCOW") || !strings.Contains(told, a.says) {
				t.Errorf("people were not told %q:\n%s", a.says, told)
			}
		})
	}
	if n := x.count("select count(*) from reckoning where came > 0"); n != 0 {
		t.Errorf("%d posts are believed to have told their last numbers", n)
	}
	still(t, x, 1, "alarm")
}

// A relay that sends the last numbers again, to hide that there are none, hides nothing; nor does an old request have anything sent.
func TestNumbersReplayed(t *testing.T) {
	m, moscow, beijing := acquainted(t, telling)
	m.until("they have told each other", func() bool { return beijing.count("select count(*) from reckoning where came > 0") == 1 })
	m.shut("MOSCOW", true)
	var old [][]byte
	for _, p := range m.ether.from(moscow.route) {
		if p.to == beijing.route && p.at == telegram.Override {
			old = append(old, p.envelope)
		}
	}
	stop := make(chan struct{})
	m.done.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
				_ = m.ether.deliver(beijing.route, telegram.Override, old...)
			}
		}
	})
	beijing.raises("MOSCOW", silent)
	close(stop)
	m.shut("MOSCOW", false)
	c := newClerk(m, "BEIJING", "MOSCOW")
	c.precedence = telegram.Override
	again := c.request(func(r *telegram.Repeat) { r.At += 60000 })
	for range 3 {
		m.deliver("MOSCOW", again)
	}
	m.delivered("MOSCOW")
	if n := moscow.count("select count(*) from entry where kind = $1", int64(telegram.EntryAsked)); n != 1 {
		t.Errorf("one request, come three times, was entered %d times", n)
	}
	m.crash()
	m.whole()
}

// Each commit by which a request is met, or a gap is noted, is lost once, and kept once and reported failed. Everything is there in the end, and once.
func TestAskingBroken(t *testing.T) {
	for engine, database := range engines {
		for _, name := range names[:2] {
			for _, stage := range []store.Stage{store.BeforeCommit, store.AfterCommit} {
				t.Run(engine+" "+name+" "+stage.String(), func(t *testing.T) {
					t.Parallel()
					askingBroken(t, name, stage, func() *store.DB { return database(t) })
				})
			}
		}
	}
}

func askingBroken(t *testing.T, name string, stage store.Stage, database func() *store.DB) {
	b := &breaker{stage: stage}
	m := openOn(t, func(at string) *store.DB {
		db := database()
		if at == name {
			db.Fault = b.fault
		}
		return db
	}, func(c *post.Config) {
		c.Retry, c.LastNumber, c.Section = 500*time.Millisecond, 300*time.Millisecond, 32<<10
	})
	moscow, beijing := m.at("MOSCOW"), m.at("BEIJING")
	m.run()
	for n := int64(1); n <= 12; n++ {
		moscow.send(fmt.Sprintf("To: AMBASSADOR@BEIJING\nSubject: %d\n\nWords.\n", 2*n-1))
		m.delivered("MOSCOW")
		m.crash()
		// BEIJING forgets the telegram that it has just signed for: only a signed request has it sealed anew.
		beijing.forgetLast()
		m.again()
		b.again(n)
		m.until(fmt.Sprintf("the break of commit %d is mended", n), func() bool {
			if b.broken.Load() {
				m.crash()
				b.mend()
				m.again()
			}
			return len(beijing.received()) == int(n) && moscow.waiting() == 0
		})
		b.mend()
	}
	m.crash()
	for _, x := range []*desks{moscow, beijing} {
		x.reopen()
	}
	for i, l := range beijing.received() {
		if l.Serial != uint32(i+1) || l.Subject != fmt.Sprint(2*i+1) {
			t.Errorf("%+v", l)
		}
	}
	if r, err := moscow.VerifyRegister(context.Background(), nil); err != nil || len(r.Findings) > 0 {
		t.Error(r.Findings, err)
	}
}

// forgetLast takes the telegram that came last out of all that a post has, but for its register.
func (x *desks) forgetLast() {
	x.m.t.Helper()
	err := x.db.Write(context.Background(), func(tx *store.Tx) error {
		var id, serial int64
		if err := tx.QueryRow("select id, serial from filed where way = 'in' order by id desc limit 1").Scan(&id, &serial); err != nil {
			return err
		}
		var errs []error
		for _, table := range []string{"root", "arrival", "duty", "deed", "proof"} {
			_, err := tx.Exec("delete from "+table+" where of = $1", id)
			errs = append(errs, err)
		}
		_, err := tx.Exec("delete from filed where id = $1", id)
		errs = append(errs, err)
		_, err = tx.Exec("delete from accounted where series = 0 and first = $1", serial)
		errs = append(errs, err)
		_, err = tx.Exec("update accounted set last = $1 where series = 0 and last = $2", serial-1, serial)
		return errors.Join(append(errs, err)...)
	})
	if err != nil {
		x.m.t.Fatal(err)
	}
}

// An alarm is closed with a remark, is opened again by the same, and is not lost; more than a hundred closed ones about a post are.
func TestAlarmsAreClosed(t *testing.T) {
	m, x, _ := atBeijing(t)
	c := newClerk(m, "MOSCOW", "BEIJING")
	bad := c.request(nil)
	m.deliver("BEIJING", bad)
	a, ok := x.alarmed("MOSCOW", "which this post has not given")
	if !ok || a.Closed != nil || a.Times != 1 || a.Mends {
		t.Fatalf("%+v", a)
	}
	for _, remark := range []string{"", "  ", "two\nlines", strings.Repeat("long", 300)} {
		if _, err := x.CloseAlarm(background, a.ID, remark); err == nil {
			t.Errorf("closed with %q", remark)
		}
	}
	if _, err := x.CloseAlarm(background, 999, "words"); !errors.Is(err, post.ErrNoAlarm) {
		t.Error(err)
	}
	closed, err := x.CloseAlarm(background, a.ID, " They had a bad day. ")
	if err != nil || closed.Closed == nil || closed.Why != "They had a bad day." {
		t.Fatal(closed, err)
	}
	if open := must(x.Alarms(background, false)); slices.ContainsFunc(open, func(y post.Alarm) bool { return y.ID == a.ID }) {
		t.Error("it is still open")
	}
	if again, err := x.CloseAlarm(background, a.ID, "Other words."); err != nil || again.Why != closed.Why {
		t.Error(again, err)
	}
	m.deliver("BEIJING", newClerk(m, "MOSCOW", "BEIJING").request(func(r *telegram.Repeat) { r.At += 10 }))
	if a, _ := x.alarmed("MOSCOW", "which this post has not given"); a.Closed != nil || a.Times != 2 {
		t.Errorf("%+v", a)
	}
	for n := range uint32(150) {
		m.deliver("BEIJING", newClerk(m, "MOSCOW", "BEIJING").request(func(r *telegram.Repeat) {
			r.At += 100 + int64(n)
			r.Wanted[0].Numbers[0] = telegram.Range{First: n + 1, Last: n + 1}
		}))
		for _, a := range must(x.Alarms(background, false)) {
			if _, err := x.CloseAlarm(background, a.ID, "Seen."); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := x.count("select count(*) from alarm"); n > 105 {
		t.Errorf("%d alarms are kept", n)
	}
}
