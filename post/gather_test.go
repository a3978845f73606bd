package post_test

import (
	"fmt"
	"testing"
	"time"

	"chancery.example/chancery/post"
	"chancery.example/chancery/telegram"
)

// gathering is MOSCOW and BEIJING, of which BEIJING lets receipts wait, and what BEIJING has handed over.
func gathering(t *testing.T, wait time.Duration) (m *ministry, answers func() int) {
	m = open(t, func(c *post.Config) {
		c.Retry = time.Minute
		if c.Name == "BEIJING" {
			c.Gather = wait
		}
	})
	m.run()
	return m, func() (n int) {
		for _, x := range m.ether.from(m.at("BEIJING").route) {
			if x.at == telegram.Override {
				n++
			}
		}
		return n
	}
}

// Receipts that are not urgent leave together.
func TestReceiptsLeaveTogether(t *testing.T) {
	t.Parallel()
	m, answers := gathering(t, 3*time.Second)
	x := m.at("MOSCOW")
	for n := range 6 {
		x.send(fmt.Sprintf("To: AMBASSADOR@BEIJING; priority\nSubject: %d\n\nText.\n", n))
		m.until("it is there", func() bool { return m.at("BEIJING").count("select count(*) from filed where way = 'in'") == int64(n+1) })
	}
	m.delivered("MOSCOW")
	if n := answers(); n > 3 {
		t.Errorf("six telegrams were answered with %d receipts", n)
	}
	m.whole()
}

// An urgent telegram's receipt waits for nothing, and takes along those that did.
func TestUrgentReceiptDoesNotWait(t *testing.T) {
	t.Parallel()
	m, answers := gathering(t, time.Hour)
	x := m.at("MOSCOW")
	x.send("To: AMBASSADOR@BEIJING; routine\n\nText.\n")
	m.until("it is there", func() bool { return m.at("BEIJING").count("select count(*) from filed where way = 'in'") == 1 })
	if n := x.waiting(); n != 1 {
		t.Errorf("%d telegrams wait for a receipt, not one", n)
	}
	x.send("To: AMBASSADOR@BEIJING; flash\n\nText.\n")
	m.delivered("MOSCOW")
	if n := answers(); n != 1 {
		t.Errorf("%d receipts", n)
	}
	m.whole()
}

// What waited is lost with the process: the telegram comes again, and is answered.
func TestReceiptsThatWaitedAreLost(t *testing.T) {
	t.Parallel()
	m, _ := gathering(t, time.Second)
	x := m.at("MOSCOW")
	m.at("BEIJING").config.Gather = time.Hour
	m.crash()
	m.at("BEIJING").reopen()
	m.run()
	x.send("To: AMBASSADOR@BEIJING; routine\n\nText.\n")
	m.until("it is there", func() bool { return m.at("BEIJING").count("select count(*) from filed where way = 'in'") == 1 })
	m.crash()
	if n := x.waiting(); n != 1 {
		t.Errorf("%d telegrams wait for a receipt, not one", n)
	}
	m.at("BEIJING").config.Gather = 50 * time.Millisecond
	m.at("BEIJING").reopen()
	m.at("MOSCOW").reopen()
	m.run()
	m.delivered("MOSCOW")
	m.whole()
}
