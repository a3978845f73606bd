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
	"chancery.example/chancery/store"
	"chancery.example/chancery/store/storetest"
	"chancery.example/chancery/telegram"
)

// order asks for everything that can be asked, and makes two sections of 1,024 bytes.
var order = "From: MINISTRY\nTo: AMBASSADOR@BEIJING; flash\nInfo: AMBASSADOR@LONDON\nPrecedence: immediate\nAsk: receipt, fulfilment\nDeadline: 2030-01-01T12:00Z\n\n" +
	strings.Repeat("Visit the minister. ", 60) + "\n"

func TestLife(t *testing.T) {
	for engine, database := range map[string]func(t *testing.T) *store.DB{
		"sqlite":   func(t *testing.T) *store.DB { return storetest.SQLite(t) },
		"postgres": func(t *testing.T) *store.DB { return storetest.Postgres(t) },
	} {
		t.Run(engine, func(t *testing.T) {
			m := openOn(t, func(string) *store.DB { return database(t) }, nil)
			wholeLife(t, m)
		})
	}
}

// wholeLife goes on from the paper registers of 7 December 1950, and follows an order until it is fulfilled.
func wholeLife(t *testing.T, m *ministry) {
	moscow, beijing, london := m.at("MOSCOW"), m.at("BEIJING"), m.at("LONDON")
	year := time.Now().UTC().Year()
	if err := moscow.Continue(context.Background(), map[string]uint32{fmt.Sprintf("register %d", year): 23342, "serial BEIJING": 2521, "special BEIJING": 1690}); err != nil {
		t.Fatal(err)
	}
	m.run(names[:]...)
	id := moscow.draft(order)
	if s := moscow.state(id).State; s != desk.Drafted {
		t.Errorf("after drafting it is %s", s)
	}
	moscow.handOver(id)
	if s := moscow.state(id).State; s != desk.HandedOver {
		t.Errorf("after handing over it is %s", s)
	}
	moscow.release(id)
	m.delivered("MOSCOW")
	if d := moscow.state(id); d.State != desk.Registered || d.Number != 23343 {
		t.Errorf("it is %s as %d, want registered as 23343", d.State, d.Number)
	}

	out := moscow.shown(archive.Out, 23343)
	if len(out.Addressed) != 2 || out.Addressed[0].Post != "BEIJING" {
		t.Fatalf("addressed: %+v", out.Addressed)
	}
	b, l := out.Addressed[0], out.Addressed[1]
	if b.Serial != 2522 || !slices.Equal(b.Specials, []uint32{1691, 1692}) || b.Precedence != telegram.Flash {
		t.Errorf("for BEIJING: serial %d, special numbers %v, %s", b.Serial, b.Specials, b.Precedence)
	}
	if l.Serial != 1 || !slices.Equal(l.Specials, []uint32{1, 2}) || l.Precedence != telegram.Immediate {
		t.Errorf("for LONDON: serial %d, special numbers %v, %s", l.Serial, l.Specials, l.Precedence)
	}
	in := beijing.shown(archive.In, 1)
	if in.Arrived.Serial != 2522 || !slices.Equal(in.Arrived.Specials, []string{"1691", "1692"}) || in.Root != out.Root {
		t.Errorf("at BEIJING: %+v", in.Arrived)
	}
	if !beijing.received()[0].Action || london.received()[0].Action {
		t.Error("BEIJING is to act and LONDON to know")
	}

	beijing.reply(1, telegram.Acknowledges, "We shall.")
	m.delivered("BEIJING")
	beijing.reply(1, telegram.Fulfils, "Done, and he agreed.")
	m.delivered("BEIJING")
	dutiesDone(t, moscow, archive.Out, 23343)
	dutiesDone(t, beijing, archive.In, 1)
	if _, asked := duty(london.shown(archive.In, 1), "LONDON", desk.Fulfilment); asked {
		t.Error("an info addressee was asked to act")
	}
	m.whole()
	for _, x := range []struct {
		*desks
		way archive.Way
		n   uint32
	}{{moscow, archive.Out, 23343}, {beijing, archive.In, 1}, {london, archive.In, 1}, {beijing, archive.Out, 1}, {beijing, archive.Out, 2}, {moscow, archive.In, 1}, {moscow, archive.In, 2}} {
		if s := x.shown(x.way, x.n); !s.Verified {
			t.Errorf("%s %s %d: %v", x.name, x.way, x.n, s.Findings)
		}
	}
}

// dutiesDone wants the three acts of BEIJING noted under the order.
func dutiesDone(t *testing.T, x *desks, way archive.Way, number uint32) {
	t.Helper()
	s := x.shown(way, number)
	for _, act := range []desk.Act{desk.Receipt, desk.Acknowledgement, desk.Fulfilment} {
		d, ok := duty(s, "BEIJING", act)
		if !ok || d.Done == nil {
			t.Errorf("at %s the %s of BEIJING is open: %+v", x.name, act, s.Duties)
		}
		if asked := act != desk.Acknowledgement; d.Asked != asked {
			t.Errorf("at %s the %s: asked %v", x.name, act, d.Asked)
		}
		if act == desk.Fulfilment && (d.By == "" || d.Due == nil) {
			t.Errorf("at %s the fulfilment names no telegram or no deadline: %+v", x.name, d)
		}
	}
}

func TestAnotherPostCannotFulfil(t *testing.T) {
	m := open(t, nil)
	m.run(names[:]...)
	m.at("MOSCOW").send("To: AMBASSADOR@BEIJING\nAsk: fulfilment\n\nDo it.\n")
	m.delivered("MOSCOW")
	// LONDON was sent nothing under serial 1, so what it cites is not ours.
	l := m.at("LONDON")
	if _, err := l.Draft(context.Background(), form(l, "To: MINISTRY@MOSCOW\nFulfils: MOSCOW 1/2026\n\nDone.\n")); err == nil {
		t.Error("LONDON may draft the fulfilment of what it never received")
	}
	c := newClerk(m, "LONDON", "MOSCOW")
	c.change = func(x *telegram.Telegram) {
		x.References = []telegram.Reference{{Act: telegram.Fulfils, Post: "MOSCOW", Year: 2026, Serial: 1, Root: telegram.Root{1}}}
	}
	if err := m.ether.deliver(m.at("MOSCOW").route, telegram.Routine, c.envelopes(1)...); err != nil {
		t.Fatal(err)
	}
	if d, _ := duty(m.at("MOSCOW").shown(archive.Out, 1), "BEIJING", desk.Fulfilment); d.Done != nil {
		t.Error("LONDON closed the duty of BEIJING")
	}
	if !strings.Contains(m.at("MOSCOW").trouble(), "a report cites our 1/2026") {
		t.Errorf("no alarm: %s", m.at("MOSCOW").trouble())
	}
}

// A fulfilment closes the order it cites by its R, and nothing else that may have the number.
func TestFulfilsAnotherTelegram(t *testing.T) {
	m := open(t, nil)
	m.run()
	x := m.at("MOSCOW")
	x.send("To: AMBASSADOR@BEIJING\nAsk: fulfilment\n\nDo it.\n")
	m.delivered("MOSCOW")
	c := newClerk(m, "BEIJING", "MOSCOW")
	c.change = func(r *telegram.Telegram) {
		r.References = []telegram.Reference{{Act: telegram.Fulfils, Post: "MOSCOW", Year: 2026, Serial: 1, Root: telegram.Root{1}}}
	}
	m.deliver("MOSCOW", c.envelopes(1)...)
	if d, _ := duty(x.shown(archive.Out, 1), "BEIJING", desk.Fulfilment); d.Done != nil || !strings.Contains(x.trouble(), "a report cites our 1/2026") {
		t.Errorf("%+v\n%s", d, x.trouble())
	}
}
