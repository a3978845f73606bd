package post_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/desk"
	"chancery.example/chancery/post"
	"chancery.example/chancery/telegram"
)

func TestFlashPassesBetweenSections(t *testing.T) {
	m := open(t, func(c *post.Config) { c.Batch, c.Window, c.Retry = 1, 64<<10, time.Minute })
	moscow := m.at("MOSCOW")
	flash := moscow.draft("To: AMBASSADOR@BEIJING; flash\n\nAt once.\n")
	moscow.handOver(flash)
	sections := 0
	m.ether.set(func(e *ether) {
		e.onSend = func(p parcel) {
			if p.from != moscow.route || p.at == telegram.Override {
				return
			}
			if sections++; sections == 5 {
				moscow.release(flash)
				m.until("the Flash has its numbers", func() bool { return moscow.state(flash).State == desk.Registered })
			}
		}
	})
	moscow.send("To: AMBASSADOR@BEIJING\n\n" + strings.Repeat("A long report. ", 2000) + "\n")
	m.run()
	m.delivered("MOSCOW")
	report, urgent := moscow.shown(archive.Out, 1).Addressed[0].Specials, moscow.shown(archive.Out, 2).Addressed[0].Specials
	if len(report) < 29 || len(urgent) != 1 || urgent[0] != 6 {
		t.Errorf("the Flash left as section %v, between %v; it was released while the fifth was on its way", urgent, report)
	}
	if got := m.at("BEIJING").received(); len(got) != 2 || got[0].Precedence != telegram.Flash {
		t.Errorf("BEIJING has %+v", got)
	}
	m.whole()
}

// registered sends and waits until all of it has its numbers.
func (x *desks) registered(texts ...string) {
	x.m.t.Helper()
	for _, text := range texts {
		id := x.send(text)
		x.m.until("it is registered", func() bool { return x.state(id).State == desk.Registered })
	}
}

func many(n int, format string) (texts []string) {
	for i := range n {
		texts = append(texts, fmt.Sprintf(format, i))
	}
	return texts
}

// A Routine that was there first is the tenth section that is sealed however much Priority comes behind it, and a Flash goes before both.
func TestRoutineIsSealedUnderPriority(t *testing.T) {
	m := open(t, func(c *post.Config) { c.Retry, c.Window = time.Second, 9<<10 })
	moscow := m.at("MOSCOW")
	m.ether.set(func(e *ether) { e.closed[moscow.route] = true })
	m.run()
	moscow.registered("To: AMBASSADOR@BEIJING; override\n\n" + strings.Repeat("It fills the window. ", 150) + "\n")
	m.until("the window is full", func() bool {
		return moscow.count("select coalesce(sum(size), 0) from wire where envelope is not null") >= 9<<10
	})
	full := uint32(moscow.count("select count(*) from wire"))
	moscow.registered("To: AMBASSADOR@BEIJING\n\nIn time.\n", "To: AMBASSADOR@BEIJING; deferred\n\nWhenever.\n")
	moscow.registered(many(20, "To: AMBASSADOR@BEIJING; priority\n\nNumber %d.\n")...)
	moscow.registered("To: AMBASSADOR@BEIJING; flash\n\nAt once.\n")
	m.ether.set(func(e *ether) { e.closed[moscow.route] = false })
	m.delivered("MOSCOW")
	m.crash()
	for number, want := range map[uint32]uint32{2: 11, 3: 21, 24: 1} {
		if got := moscow.shown(archive.Out, number).Addressed[0].Specials; len(got) == 0 || got[0] != full+want && number != 24 || number == 24 && got[0] > full+2 {
			t.Errorf("register number %d left as special %v, want %d; %d filled the window", number, got, full+want, full)
		}
	}
	m.whole()
}

// What was sealed first is carried when ten others have been, though they are more urgent.
func TestRoutineIsCarriedUnderPriority(t *testing.T) {
	m := open(t, func(c *post.Config) { c.Retry, c.Window = time.Minute, 1<<20 })
	moscow := m.at("MOSCOW")
	m.ether.set(func(e *ether) { e.closed[moscow.route] = true })
	m.run()
	moscow.registered("To: AMBASSADOR@BEIJING\n\nIn time.\n", "To: AMBASSADOR@BEIJING; deferred\n\nWhenever.\n")
	moscow.registered(many(25, "To: AMBASSADOR@BEIJING; priority\n\nNumber %d.\n")...)
	m.until("all are sealed", func() bool { return moscow.count("select count(*) from wire") == 27 })
	moscow.registered("To: AMBASSADOR@BEIJING; flash\n\nAt once.\n")
	m.until("the Flash is sealed", func() bool { return moscow.count("select count(*) from wire") == 28 })
	m.crash() // after which all are due at once
	moscow.reopen()
	var order []telegram.Precedence
	m.ether.set(func(e *ether) {
		e.closed[moscow.route] = false
		e.onSend = func(p parcel) {
			if p.from == moscow.route && p.at != telegram.Override {
				order = append(order, p.at)
			}
		}
	})
	m.run()
	m.delivered("MOSCOW")
	m.crash()
	routine, deferred := slices.Index(order, telegram.Routine), slices.Index(order, telegram.Deferred)
	if order[0] != telegram.Flash || routine < 0 || routine > 12 || deferred < 0 || deferred > 24 {
		t.Errorf("carried as %v", order)
	}
	m.whole()
}

func TestSealedToTheKeyCurrentThen(t *testing.T) {
	m := open(t, func(c *post.Config) { c.Window = 1; c.Retry = time.Second })
	moscow, beijing := m.at("MOSCOW"), m.at("BEIJING")
	m.ether.set(func(e *ether) { e.closed[moscow.route] = true })
	m.run()
	moscow.send("To: AMBASSADOR@BEIJING\n\nOne.\n")
	m.until("the first has left", func() bool { return len(m.ether.from(moscow.route)) > 0 })
	second := moscow.send("To: AMBASSADOR@BEIJING\n\nTwo.\n")
	m.until("the second is registered", func() bool { return moscow.state(second).State == desk.Registered })

	newer := world().sign(must(world().dir.Append(beijing.nextSaid)))
	for _, x := range []*desks{moscow, beijing} {
		if _, fresh, err := x.Adopt(context.Background(), newer.Marshal()); err != nil || !fresh {
			t.Fatal(fresh, err)
		}
	}
	m.ether.set(func(e *ether) { e.closed[moscow.route] = false })
	m.delivered("MOSCOW")
	keys := map[[4]byte]int{}
	for _, p := range m.ether.from(moscow.route) {
		if e := must(telegram.ParseEnvelope(p.envelope)); e.Precedence != telegram.Override { // those are news of the directory
			keys[e.KeyID]++
		}
	}
	if keys[beijing.keys.Letters[0].ID] == 0 || keys[beijing.next.ID] != 1 {
		t.Errorf("sealed to %v; the first was for the old key and the second for the new", keys)
	}
	m.whole()
}

func TestWindow(t *testing.T) {
	const window = 30 << 10
	m := open(t, func(c *post.Config) { c.Window = window })
	moscow := m.at("MOSCOW")
	m.ether.set(func(e *ether) { e.closed[moscow.route] = true })
	for i := range 20 {
		moscow.send(fmt.Sprintf("To: AMBASSADOR@BEIJING\n\nNumber %d.\n", i))
	}
	m.run("MOSCOW")
	open := func() int64 {
		return moscow.count("select coalesce(sum(size), 0) from wire where envelope is not null")
	}
	m.until("the window is full", func() bool { return open() >= window })
	time.Sleep(100 * time.Millisecond)
	one := moscow.count("select max(size) from wire")
	if got := open(); got >= window+one {
		t.Errorf("%d bytes are without a receipt, the window is %d and one telegram %d", got, window, one)
	}
	moscow.send("To: AMBASSADOR@BEIJING; flash\n\nAt once.\n")
	m.until("a Flash is sealed past the full window", func() bool {
		return moscow.count("select count(*) from wire where precedence = $1 and sends > 0", int64(telegram.Flash)) == 1
	})
	m.ether.set(func(e *ether) { e.closed[moscow.route] = false })
	m.run("BEIJING")
	m.delivered("MOSCOW")
	m.whole()
}

func TestWildCarrier(t *testing.T) {
	m := open(t, func(c *post.Config) { c.Retry, c.Batch = 150*time.Millisecond, 4 })
	m.ether.set(func(e *ether) {
		e.lose, e.repeat, e.corrupt, e.regrade, e.delay, e.reorder = 0.3, 0.3, 0.1, 0.1, 30*time.Millisecond, true
	})
	m.run(names[:]...)
	precedences := []string{"deferred", "routine", "priority", "immediate", "flash"}
	sent := map[string]int{}
	for i := range 60 {
		from, to := names[i%3], names[(i+1+i/3%2)%3]
		text := fmt.Sprintf("To: AMBASSADOR@%s\nPrecedence: %s\nSubject: %d\n\nText.", to, precedences[i%5], i)
		if i%4 == 0 {
			text += strings.Repeat(" And more of it.", 150)
		}
		m.at(from).send(text + "\n")
		sent[from+" to "+to]++
	}
	m.delivered(names[:]...)
	m.crash()
	subjects := map[string]int{}
	for _, to := range names {
		serials := map[string][]int{}
		for _, l := range m.at(to).received() {
			subjects[l.Subject]++
			serials[l.From.Post] = append(serials[l.From.Post], int(l.Serial))
		}
		for from, got := range serials {
			slices.Sort(got)
			if n := sent[from+" to "+to]; len(got) != n || got[0] != 1 || got[n-1] != n {
				t.Errorf("%s has of %s the serials %v, want 1 to %d", to, from, got, n)
			}
		}
	}
	for i := range 60 {
		if n := subjects[fmt.Sprint(i)]; n != 1 {
			t.Errorf("telegram %d is there %d times", i, n)
		}
	}
	if n := m.at("BEIJING").count("select count(*) from piece"); n != 0 {
		t.Errorf("%d pieces are left over", n)
	}
	m.whole()
}
