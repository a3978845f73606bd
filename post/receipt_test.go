package post_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/circuit"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// onItsWay is MOSCOW running with one telegram to BEIJING on its way, and what a right receipt for it says.
func onItsWay(t *testing.T) (*ministry, *desks, telegram.ReceiptItem) {
	t.Helper()
	m := open(t, nil)
	m.run("MOSCOW")
	x := m.at("MOSCOW")
	x.send("To: AMBASSADOR@BEIJING\nAsk: receipt\n\nText.\n")
	m.until("it has left", func() bool { return x.count("select count(*) from wire where sends > 0") == 1 })
	var d *circuit.Delivery
	err := x.db.Read(context.Background(), func(tx *store.Tx) (err error) {
		d, err = circuit.DeliveryOf(tx, "BEIJING", 1)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return m, x, telegram.ReceiptItem{Serial: 1, Root: d.Root, Entry: d.Entry}
}

func TestForgedReceipts(t *testing.T) {
	m, x, right := onItsWay(t)
	for _, a := range []struct {
		name, says string
		by         string
		make       func(c *clerk, right telegram.ReceiptItem) []byte
	}{
		{"another serial", "signed for serial 2", "BEIJING", func(c *clerk, i telegram.ReceiptItem) []byte { i.Serial = 2; return c.receipt("MOSCOW", "BEIJING", i) }},
		{"another R", "signed for serial 1", "BEIJING", func(c *clerk, i telegram.ReceiptItem) []byte {
			i.Root[0] ^= 1
			return c.receipt("MOSCOW", "BEIJING", i)
		}},
		{"another entry", "signed for serial 1", "BEIJING", func(c *clerk, i telegram.ReceiptItem) []byte {
			i.Entry[0] ^= 1
			return c.receipt("MOSCOW", "BEIJING", i)
		}},
		{"another post signs for BEIJING", "the receipt is between other posts", "LONDON", func(c *clerk, i telegram.ReceiptItem) []byte { return c.receipt("MOSCOW", "BEIJING", i) }},
		{"another post signs for itself", "signed for serial 1", "LONDON", func(c *clerk, i telegram.ReceiptItem) []byte { return c.receipt("MOSCOW", "LONDON", i) }},
		{"for what another post sent", "the receipt is between other posts", "BEIJING", func(c *clerk, i telegram.ReceiptItem) []byte { return c.receipt("LONDON", "BEIJING", i) }},
		{"a statement nobody signed", "the receipt's signature does not hold", "BEIJING", func(c *clerk, i telegram.ReceiptItem) []byte {
			s := telegram.Service{Kind: telegram.ServiceReceipt, Statement: (&telegram.Receipt{From: "MOSCOW", To: "BEIJING", At: 1, Items: []telegram.ReceiptItem{i}}).Marshal(),
				Ed: make([]byte, telegram.SizeEd25519), PQ: make([]byte, telegram.SizeMLDSA44)}
			return c.letter(s.Marshal())
		}},
		{"signed, as a letter and not as a receipt", "the receipt's signature does not hold", "BEIJING", func(c *clerk, i telegram.ReceiptItem) []byte {
			s := telegram.Service{Kind: telegram.ServiceReceipt, Statement: (&telegram.Receipt{From: "MOSCOW", To: "BEIJING", At: 1, Items: []telegram.ReceiptItem{i}}).Marshal()}
			s.Ed, s.PQ = c.identity.Sign(telegram.LabelLetter, s.Statement)
			return c.letter(s.Marshal())
		}},
		{"nothing in it", "malformed", "BEIJING", func(c *clerk, i telegram.ReceiptItem) []byte { return c.receipt("MOSCOW", "BEIJING") }},
	} {
		t.Run(a.name, func(t *testing.T) {
			entries, log := x.count("select count(*) from entry"), len(x.log.String())
			c := newClerk(m, a.by, "MOSCOW")
			c.precedence = telegram.Override
			m.deliver("MOSCOW", a.make(c, right))
			notFreed(t, x, entries)
			if told := x.log.String()[log:]; !strings.Contains(told, "alarm post="+a.by) || !strings.Contains(told, a.says) {
				t.Errorf("people were not told %q:\n%s", a.says, told)
			}
		})
	}
	m.whole()
}

// notFreed fails the test if the telegram to BEIJING is no longer carried.
func notFreed(t *testing.T, x *desks, entries int64) {
	t.Helper()
	if n := x.count("select count(*) from wire where envelope is not null"); n != 1 {
		t.Error("its envelope is gone")
	}
	if n := x.count("select count(*) from outbox where receipted is null"); n != 1 {
		t.Error("it counts as receipted")
	}
	if d, _ := duty(x.shown(archive.Out, 1), "BEIJING", "receipt"); d.Done != nil {
		t.Error("the receipt counts as given")
	}
	if n := x.count("select count(*) from entry"); n != entries {
		t.Errorf("the register went from %d to %d entries", entries, n)
	}
}

// A right receipt among wrong ones frees what it is for, and nothing else.
func TestReceiptRightAndWrong(t *testing.T) {
	m, x, right := onItsWay(t)
	wrong := right
	wrong.Serial = 7
	c := newClerk(m, "BEIJING", "MOSCOW")
	c.precedence = telegram.Override
	m.deliver("MOSCOW", c.receipt("MOSCOW", "BEIJING", wrong, right))
	if x.waiting() != 0 || !strings.Contains(x.trouble(), "signed for serial 7") {
		t.Errorf("%d wait\n%s", x.waiting(), x.trouble())
	}
	m.whole()
}

func TestReceiptReplayed(t *testing.T) {
	m, x, right := onItsWay(t)
	c := newClerk(m, "BEIJING", "MOSCOW")
	c.precedence = telegram.Override
	e := c.receipt("MOSCOW", "BEIJING", right, right)
	m.deliver("MOSCOW", e)
	first := *x.shown(archive.Out, 1).Addressed[0].Receipted
	entries := x.count("select count(*) from entry")
	m.deliver("MOSCOW", e, e, c.receipt("MOSCOW", "BEIJING", right))
	if n := x.count("select count(*) from entry"); n != entries {
		t.Errorf("a repeat took %d entries", n-entries)
	}
	if s := x.shown(archive.Out, 1); !s.Verified || !s.Addressed[0].Receipted.Equal(first) || strings.Contains(x.trouble(), "alarm of") {
		t.Errorf("%v %v\n%s", s.Findings, s.Addressed, x.trouble())
	}
	m.whole()
}

// A receipt is lost on its way: the repeat of the telegram brings it again, and it is the same in all that counts.
func TestReceiptLost(t *testing.T) {
	m := open(t, nil)
	m.ether.set(func(e *ether) { e.closed[m.at("BEIJING").route] = true })
	m.run()
	m.at("MOSCOW").send("To: AMBASSADOR@BEIJING\n\nText.\n")
	m.until("three receipts were lost", func() bool { return answers(m.at("BEIJING")) >= 3 })
	m.ether.set(func(e *ether) { e.closed[m.at("BEIJING").route] = false })
	m.delivered("MOSCOW")
	var left []string
	for _, p := range m.ether.from(m.at("MOSCOW").route) {
		left = append(left, string(p.envelope))
	}
	if same := slices.Compact(left); len(same) != 1 {
		t.Errorf("%d different envelopes left for one section: it is not carried as it was sealed", len(same))
	}
	if got := m.at("BEIJING").received(); len(got) != 1 {
		t.Errorf("%+v", got)
	}
	m.whole()
}
