package post_test

import (
	"strings"
	"testing"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/circuit"
	"chancery.example/chancery/telegram"
)

// atBeijing is BEIJING running, with one telegram of MOSCOW taken under serial 1, and the clerk who made it.
func atBeijing(t *testing.T) (*ministry, *desks, *clerk) {
	t.Helper()
	m := open(t, nil)
	m.run("BEIJING")
	c := newClerk(m, "MOSCOW", "BEIJING")
	m.deliver("BEIJING", c.envelopes(1)...)
	if n := len(m.at("BEIJING").received()); n != 1 {
		t.Fatalf("%d telegrams were taken\n%s", n, m.at("BEIJING").trouble())
	}
	return m, m.at("BEIJING"), c
}

func (m *ministry) deliver(to string, envelopes ...[]byte) {
	m.t.Helper()
	for _, e := range envelopes {
		if err := m.ether.deliver(m.at(to).route, must(telegram.ParseEnvelope(e)).Precedence, e); err != nil {
			m.t.Fatal(err)
		}
	}
}

// answers are the receipts that a post has sent, opened with the keys of MOSCOW.
func answers(x *desks) (n int) {
	for _, p := range x.m.ether.from(x.route) {
		if p.at == telegram.Override { // at which receipts travel, and nothing else does here
			n++
		}
	}
	return n
}

// still fails the test unless BEIJING has its one telegram and nothing else, has sent so many receipts, and has told people, or nobody.
func still(t *testing.T, x *desks, receipts int, says string) {
	t.Helper()
	if got := x.received(); len(got) != 1 || got[0].Serial != 1 {
		t.Errorf("received: %+v", got)
	}
	if n := answers(x); n != receipts {
		t.Errorf("%d receipts were sent, want %d", n, receipts)
	}
	if n := x.count("select count(*) from piece"); n != 0 {
		t.Errorf("%d pieces are kept", n)
	}
	if n := x.count("select count(*) from entry where kind = 2"); n != 1 {
		t.Errorf("%d telegrams are entered", n)
	}
	told := x.trouble()
	if says == "" && strings.Contains(told, "alarm") || !strings.Contains(told, says) {
		t.Errorf("people were not told %q, but:\n%s", says, told)
	}
	x.m.whole()
}

func TestRepeatIsAnsweredWithItsReceipt(t *testing.T) {
	m, x, c := atBeijing(t)
	again := c.piece(1, 1, c.lastMade.Marshal())
	m.deliver("BEIJING", again, again)
	still(t, x, 3, "")
}

func TestSameTelegramUnderAnotherSerial(t *testing.T) {
	m, x, c := atBeijing(t)
	r := *c.lastMade
	r.Numbers.Register, r.Numbers.Serials, c.serial = 2, []telegram.Serial{{Post: "BEIJING", Number: 2}}, 2
	m.deliver("BEIJING", c.piece(1, 1, r.Marshal()))
	still(t, x, 1, "the same telegram is here already under another number")
}

func TestSameHandOverReleasedTwice(t *testing.T) {
	m, x, c := atBeijing(t)
	dtg, d := c.lastMade.Telegram.DTG, c.lastMade.Draft
	c.serial, c.register = 2, 2
	c.change = func(x *telegram.Telegram) { x.DTG, x.Released, x.RegisterBy = dtg, dtg+1, dtg+3600 }
	envelopes := c.envelopes(1)
	if string(c.lastMade.Draft) != string(d) {
		t.Fatal("it is another hand-over")
	}
	m.deliver("BEIJING", envelopes...)
	still(t, x, 1, "the same telegram is here already under another number")
}

func TestSerialGivenTwice(t *testing.T) {
	m, x, _ := atBeijing(t)
	m.deliver("BEIJING", newClerk(m, "MOSCOW", "BEIJING").envelopes(1)...)
	still(t, x, 1, "the sender gave this serial to another telegram before")
}

// The receipt would be for the entry that was sent first, so what came second would be receipted by nobody and noticed by nobody.
func TestSameTelegramUnderOtherNumbers(t *testing.T) {
	m, x, c := atBeijing(t)
	r := *c.lastMade
	r.Numbers.Register = 99
	m.deliver("BEIJING", c.piece(1, 1, r.Marshal()))
	still(t, x, 1, "the sender gave this serial to another telegram before")
}

func TestSerialGivenTwiceInSections(t *testing.T) {
	m, x, _ := atBeijing(t)
	m.deliver("BEIJING", newClerk(m, "MOSCOW", "BEIJING").envelopes(3)...)
	still(t, x, 1, "the sender gave this serial to another telegram before")
}

func TestRepeatedSectionIsAnswered(t *testing.T) {
	m, x, c := atBeijing(t)
	raw := c.lastMade.Marshal()
	m.deliver("BEIJING", c.piece(2, 2, raw[1000:]))
	still(t, x, 2, "")
}

// What says that it is the whole telegram, and is only a part of the one that is here, is not that telegram.
func TestPartForTheWhole(t *testing.T) {
	m, x, c := atBeijing(t)
	raw := c.lastMade.Marshal()
	m.deliver("BEIJING", c.piece(1, 1, raw[1000:]))
	still(t, x, 1, "the sender gave this serial to another telegram before")
}

// One who hears a letter can send it again for ever: the series move no further, and pieces that wait are kept once.
func TestSectionsRepeated(t *testing.T) {
	m := open(t, nil)
	m.run("BEIJING")
	x := m.at("BEIJING")
	c := newClerk(m, "MOSCOW", "BEIJING")
	e := c.envelopes(3)
	m.deliver("BEIJING", e[0], e[0], e[2], e[2])
	if n := x.count("select count(*) from piece"); n != 2 || answers(x) != 0 {
		t.Errorf("%d pieces are kept, %d answers were sent", n, answers(x))
	}
	m.deliver("BEIJING", e[1])
	still(t, x, 1, "")
}

// A telegram that came whole leaves no piece behind of the sections that somebody began it with.
func TestWholeAfterSection(t *testing.T) {
	m := open(t, nil)
	m.run("BEIJING")
	c := newClerk(m, "MOSCOW", "BEIJING")
	raw := c.registered().Marshal()
	m.deliver("BEIJING", c.piece(1, 2, raw[:1000]), c.piece(1, 1, raw))
	still(t, m.at("BEIJING"), 1, "")
}

// Nor can a hostile post fill the disk with sections of telegrams that never end.
func TestUnfinishedTelegramsAreBounded(t *testing.T) {
	m := open(t, nil)
	m.run("BEIJING")
	x := m.at("BEIJING")
	c := newClerk(m, "MOSCOW", "BEIJING")
	for serial := uint32(2); serial < 82; serial++ {
		c.section = serial
		m.deliver("BEIJING", c.piece(1, 2, make([]byte, 1024)))
	}
	if n := x.count("select count(distinct serial) from piece"); n != circuit.MaxUnfinished {
		t.Errorf("%d telegrams are here in part", n)
	}
	if !strings.Contains(x.trouble(), "too many unfinished telegrams") {
		t.Errorf("nobody was told:\n%s", x.trouble())
	}
	// What is whole is taken all the same, and another post is not shut out.
	c.section = 0
	m.deliver("BEIJING", c.envelopes(1)...)
	m.deliver("BEIJING", newClerk(m, "LONDON", "BEIJING").envelopes(3)...)
	if n := len(x.received()); n != 2 {
		t.Errorf("%d telegrams were taken", n)
	}
}

// A hostile post can raise alarms as it likes, but not fill the table, nor bury the alarms of others.
func TestAlarmsAreBounded(t *testing.T) {
	m := open(t, nil)
	m.run("BEIJING")
	x := m.at("BEIJING")
	m.deliver("BEIJING", newClerk(m, "LONDON", "BEIJING").piece(1, 1, []byte("nothing")))
	c := newClerk(m, "MOSCOW", "BEIJING")
	var items []telegram.ReceiptItem
	for i := range uint32(telegram.MaxReceipt) {
		items = append(items, telegram.ReceiptItem{Serial: i + 1})
	}
	c.precedence = telegram.Override
	m.deliver("BEIJING", c.receipt("BEIJING", "MOSCOW", items...))
	if n := x.count("select count(*) from alarm"); n > 110 {
		t.Errorf("one receipt raised %d alarms", n)
	}
	if !strings.Contains(x.trouble(), "alarm of LONDON") {
		t.Error("the alarm of LONDON is buried")
	}
}

// TestDamagedArchiveDoesNotDeafen: what cannot be read here any more is no reason to take nothing from anybody.
func TestDamagedArchiveDoesNotDeafen(t *testing.T) {
	m, x, c := atBeijing(t)
	x.tamper("update filed set body = $1", []byte("damaged"))
	m.deliver("BEIJING", c.piece(1, 1, c.lastMade.Marshal()))
	m.deliver("BEIJING", newClerk(m, "LONDON", "BEIJING").envelopes(1)...)
	if s := x.shown(archive.In, 2); !s.Verified {
		t.Error(s.Findings)
	}
	if told := x.trouble(); !strings.Contains(told, "alarm of MOSCOW") {
		t.Errorf("nobody was told: %s", told)
	}
}
