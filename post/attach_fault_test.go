package post_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/circuit"
	"chancery.example/chancery/circuit/circuittest"
	"chancery.example/chancery/desk"
	"chancery.example/chancery/pieces"
	"chancery.example/chancery/post"
	"chancery.example/chancery/store"
	"chancery.example/chancery/store/storetest"
	"chancery.example/chancery/telegram"
)

// TestEveryCommitOfAnAttachmentBroken breaks each commit of both posts in turn, lost or kept and reported failed, while a file is read in, sent with a
// telegram, asked for, answered, entered and proved. Each time another file goes the whole way, and is there once.
func TestEveryCommitOfAnAttachmentBroken(t *testing.T) {
	for name, least := range map[string]int64{"MOSCOW": 10, "BEIJING": 4} {
		for _, stage := range []store.Stage{store.BeforeCommit, store.AfterCommit} {
			t.Run(name+" "+stage.String(), func(t *testing.T) {
				t.Parallel()
				b := &breaker{stage: stage}
				m := openAttachingOn(t, func(at string) *store.DB {
					db := storetest.SQLite(t)
					if at == name {
						db.Fault = b.fault
					}
					return db
				}, func(c *post.Config) { c.Batch, c.Retry = 1, 100*time.Millisecond })
				m.run()
				n := int64(1)
				for fired := true; fired; n++ {
					fired = m.attachmentBrokenAt(b, n)
				}
				if n-2 < least {
					t.Errorf("%s made %d commits, expected %d at the least", name, n-2, least)
				}
				m.crash()
				m.whole()
				if sent, here := m.places["MOSCOW"].files(t), m.places["BEIJING"].files(t); int64(here) != 2*(n-1) || sent < here {
					t.Errorf("%d pieces were sent, and %d are there", sent, here)
				}
			})
		}
	}
}

// attachmentBrokenAt runs the story once more, breaks the n-th commit of it, and says whether there were so many.
func (m *attaching) attachmentBrokenAt(b *breaker, n int64) bool {
	m.t.Helper()
	b.again(n)
	file := content(70_000, uint64(n))
	var line string
	m.until(fmt.Sprintf("file %d is there", n), func() bool {
		if b.broken.Load() {
			m.crash()
			b.mend()
			m.again()
		}
		return m.at("MOSCOW").enclosesAgain(n, file, &line) && m.at("BEIJING").count("select count(*) from attachment where state = 'checked'") == n
	})
	fired := b.left.Load() <= 0
	if b.broken.Load() {
		m.crash()
		b.mend()
		m.again()
	}
	b.mend()
	if got := m.at("BEIJING").read(m.at("BEIJING").attachment(archive.In, uint32(n), 1)); !bytes.Equal(got, file) {
		m.t.Errorf("file %d is another", n)
	}
	return fired
}

// enclosesAgain does the next act of sending the n-th file, after a look at what became of the one before, and says whether nothing is left to do.
func (x *desks) enclosesAgain(n int64, file []byte, line *string) bool {
	if x.count("select count(*) from draft") < n {
		if *line == "" {
			*line = x.attachAgain(file)
			return false
		}
		if _, err := x.Draft(background, form(x, fmt.Sprintf("To: AMBASSADOR@BEIJING\nSubject: %d\n%s\nEnclosed.\n", n, *line))); err != nil && strings.Contains(err.Error(), "attach it again") {
			*line = ""
		}
		return false
	}
	switch x.state(n).State {
	case desk.Drafted:
		_ = x.tryHandOver(n, drafter)
	case desk.HandedOver:
		_ = x.tryRelease(n, releaser)
	case desk.Registered:
		return true
	}
	return false
}

// attachAgain reads a file in, as far as that can be done; "" when it could not be done.
func (x *desks) attachAgain(file []byte) string {
	id, err := x.BeginAttachment(background, "", int64(len(file)))
	if err == nil {
		err = x.LoadAttachment(background, id, 0, file)
	}
	if err == nil {
		if _, err = x.EndAttachment(background, id); err != nil {
			_, err = x.EndAttachment(background, id) // as a command that got no answer does
		}
	}
	if err != nil {
		return ""
	}
	return fmt.Sprintf("Attached: %d x\n", id)
}

// TestEveryPieceBroken has every Put of a piece fail in turn at both posts: lost before it is kept, or kept and reported failed.
func TestEveryPieceBroken(t *testing.T) {
	file := content(200_000, 1)
	for _, stage := range []pieces.Stage{pieces.BeforeKept, pieces.AfterKept} {
		t.Run(fmt.Sprint("stage ", int(stage)), func(t *testing.T) {
			t.Parallel()
			broken := errors.New("the machine stopped")
			m := openAttaching(t, func(c *post.Config) { c.Retry = 20 * time.Millisecond })
			var at, seen atomic.Int64 // which Put fails, and how many there were
			for _, name := range names[:2] {
				m.places[name].Fault = func(s pieces.Stage) error {
					if s == stage && seen.Add(1) == at.Load() {
						return broken
					}
					return nil
				}
			}
			moscow, beijing := m.at("MOSCOW"), m.at("BEIJING")
			m.run()
			number := uint32(0)
			for n := int64(1); n <= 8; n++ { // four at each post
				seen.Store(0)
				at.Store(n)
				line := ""
				for line == "" {
					line = moscow.attachAgain(file)
				}
				moscow.send("To: AMBASSADOR@BEIJING\n" + line + "\nEnclosed.\n")
				number++
				m.delivered("MOSCOW")
				if got := beijing.arrives(number, 1); !bytes.Equal(got, file) {
					t.Errorf("with Put %d broken it is another file", n)
				}
				if seen.Load() < n {
					t.Errorf("there were %d Puts only", seen.Load())
				}
			}
			m.whole()
		})
	}
}

// TestAttachmentsOverAWildCircuit sends files over a circuit that loses, repeats, alters, delays and reorders, is cut, and stops both posts at any moment.
func TestAttachmentsOverAWildCircuit(t *testing.T) {
	m := openAttaching(t, func(c *post.Config) { c.Retry, c.Section = 50*time.Millisecond, 4096 })
	moscow, beijing := m.at("MOSCOW"), m.at("BEIJING")
	wild := circuittest.NewWild(uint64(time.Now().UnixNano()), moscow.route, beijing.route)
	wild.SetAll(circuittest.Link{Lose: 0.2, Repeat: 0.1, Corrupt: 0.05, Reorder: 0.2, Regrade: 0.02, Cut: 0.05, Delay: 5 * time.Millisecond, Outage: 50 * time.Millisecond})
	m.carrier = wild.At
	files := map[string][]byte{}
	m.run()
	for n := range 4 {
		name := fmt.Sprintf("File %d", n+1)
		files[name] = content(70_000*n+1000, uint64(n))
		precedence := []string{"flash", "routine", "immediate", "deferred"}[n]
		moscow.send("To: AMBASSADOR@BEIJING; " + precedence + "\nSubject: " + name + "\n" + moscow.attach(name, files[name]) + "\nEnclosed.\n")
	}
	for range 6 {
		time.Sleep(300 * time.Millisecond)
		m.crash()
		moscow.reopen()
		beijing.reopen()
		m.run()
	}
	m.until("all is there", func() bool {
		return beijing.count("select count(*) from attachment where state = 'checked'") == 4
	})
	for number := uint32(1); number <= 4; number++ {
		a := beijing.attachment(archive.In, number, 1)
		if got := beijing.read(a); !bytes.Equal(got, files[a.Name]) {
			t.Errorf("%s is another file", a.Name)
		}
	}
	if s := wild.Stats(); s.Lost < 20 || s.Corrupted < 5 || s.Reordered < 5 {
		t.Errorf("the circuit was too good: %+v", s)
	}
	if told := beijing.trouble(); strings.Contains(told, "sends nothing") || strings.Contains(told, "that is none") {
		t.Errorf("people were told:\n%s", told)
	}
	m.crash()
	m.whole()
}

// slow is a carrier on which each message of pieces takes a while, and that keeps the order in which it was handed what.
type slow struct {
	circuit.Carrier
	piece time.Duration
	mu    sync.Mutex
	log   []telegram.Envelope // without bodies; guarded by mu
	on    func(telegram.Envelope)
}

func (s *slow) Send(ctx context.Context, to telegram.Route, at telegram.Precedence, es []telegram.Envelope) error {
	if es[0].Type == telegram.PartType {
		time.Sleep(s.piece)
	}
	s.mu.Lock()
	e := es[0]
	e.Body = nil
	s.log = append(s.log, e)
	on := s.on
	s.mu.Unlock()
	if on != nil {
		on(e)
	}
	return s.Carrier.Send(ctx, to, at, es)
}

func (s *slow) sent() []telegram.Envelope {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]telegram.Envelope(nil), s.log...)
}

// TestFlashPassesBetweenPieces: a Flash that is registered while a long file is on its way leaves after one message of pieces at the most, and that has
// one piece.
func TestFlashPassesBetweenPieces(t *testing.T) {
	m := openAttaching(t, nil)
	moscow, beijing, london := m.at("MOSCOW"), m.at("BEIJING"), m.at("LONDON")
	s := &slow{Carrier: m.ether.at(moscow.route), piece: 100 * time.Millisecond}
	m.carrier = func(r telegram.Route) circuit.Carrier {
		if r == moscow.route {
			return s
		}
		return m.ether.at(r)
	}
	m.run(names[:]...)
	file := content(4_000_000, 1)
	moscow.send("To: AMBASSADOR@BEIJING\nTo: AMBASSADOR@LONDON\n" + moscow.attach("long", file) + "\nEnclosed.\n")
	m.until("it is on its way to both", func() bool {
		return beijing.count("select coalesce(sum(here), 0) from attachment") > 3 && london.count("select coalesce(sum(here), 0) from attachment") > 3
	})
	for n := range 3 {
		id := moscow.draft("To: AMBASSADOR@BEIJING; flash\nSubject: Now\n\nAt once.\n")
		moscow.handOver(id)
		moscow.release(id)
		m.until("it is registered", func() bool { return moscow.state(id).State == desk.Registered })
		before := len(s.sent())
		m.until("it left", func() bool { return len(flashes(s.sent())) > n })
		parts := 0
		for _, e := range s.sent()[before:] {
			if e.Type != telegram.PartType {
				break
			}
			parts++
		}
		if parts > 2 { // one that was under way, and one that had begun when it was registered
			t.Errorf("a Flash waited behind %d messages of pieces", parts)
		}
	}
	if beijing.attachment(archive.In, 1, 1).Checked {
		t.Fatal("the file came too quickly for the test to mean anything")
	}
	// Pieces go at the precedence below, one message at a time, and each message has at most one piece.
	for _, e := range s.sent() {
		if e.Type == telegram.PartType && e.Precedence != telegram.Deferred {
			t.Errorf("a piece travels at %v", e.Precedence)
		}
	}
	for _, x := range []*desks{beijing, london} {
		if got := x.arrives(1, 1); !bytes.Equal(got, file) {
			t.Errorf("%s has another file", x.name)
		}
	}
}

func flashes(es []telegram.Envelope) (out []telegram.Envelope) {
	for _, e := range es {
		if e.Precedence == telegram.Flash {
			out = append(out, e)
		}
	}
	return out
}

// TestNothingStarves: while the file of a Flash is on its way, Routine telegrams move; and while many of these wait, the file moves.
func TestNothingStarves(t *testing.T) {
	m := openAttaching(t, func(c *post.Config) { c.Window = 8 << 20 })
	moscow, beijing := m.at("MOSCOW"), m.at("BEIJING")
	s := &slow{Carrier: m.ether.at(moscow.route), piece: 60 * time.Millisecond}
	m.carrier = func(r telegram.Route) circuit.Carrier {
		if r == moscow.route {
			return s
		}
		return m.ether.at(r)
	}
	m.run()
	moscow.send("To: AMBASSADOR@BEIJING; flash\n" + moscow.attach("long", content(3_000_000, 1)) + "\nEnclosed.\n")
	m.until("it is on its way", func() bool { return beijing.count("select coalesce(sum(here), 0) from attachment") > 2 })
	for n := range 30 {
		moscow.send(fmt.Sprintf("To: AMBASSADOR@BEIJING; routine\nSubject: %d\n\n%s\n", n, strings.Repeat("Routine. ", 4000)))
	}
	m.until("the Routine telegrams are there, though the file is not", func() bool { return len(beijing.received()) == 31 })
	here, begun, letters := false, false, 0
	for _, e := range s.sent() {
		switch {
		case e.Type == telegram.PartType:
			begun = true
			here = here || letters > 5 // pieces went after Routine telegrams had begun to go
		case e.Precedence == telegram.Routine && begun:
			letters++
		}
	}
	if !here || letters < 15 {
		t.Errorf("they did not take turns: %d Routine letters, pieces among them: %v", letters, here)
	}
	beijing.arrives(1, 1)
}

// TestResumed: after a stop of either post only what is missing is sent, apart from what was under way.
func TestResumed(t *testing.T) {
	m := openAttaching(t, func(c *post.Config) { c.Retry = 200 * time.Millisecond })
	moscow, beijing := m.at("MOSCOW"), m.at("BEIJING")
	s := &slow{Carrier: m.ether.at(moscow.route), piece: 4 * time.Millisecond}
	m.carrier = func(r telegram.Route) circuit.Carrier {
		if r == moscow.route {
			return s
		}
		return m.ether.at(r)
	}
	const size = 6_000_000
	file := content(size, 1)
	line := moscow.attach("long", file)
	m.run()
	moscow.send("To: AMBASSADOR@BEIJING\n" + line + "\nEnclosed.\n")
	stops := 0
	for here := int64(10); ; here += 25 {
		m.until("more is there", func() bool {
			return beijing.count("select coalesce(sum(here), 0) from attachment") >= here || beijing.count("select count(*) from attachment where state = 'checked'") == 1
		})
		if beijing.count("select count(*) from attachment where state = 'checked'") == 1 {
			break
		}
		m.crash()
		moscow.reopen()
		beijing.reopen()
		stops++
		m.run()
	}
	if got := beijing.arrives(1, 1); !bytes.Equal(got, file) || stops < 3 {
		t.Errorf("after %d stops it is another file, or there were too few", stops)
	}
	bytesSent := 0
	for _, p := range m.ether.from(moscow.route) {
		if e := must(telegram.ParseEnvelope(p.envelope)); e.Type == telegram.PartType {
			bytesSent += len(p.envelope)
		}
	}
	// At each stop an ask that was under way, of a megabyte at the most, may be answered once more.
	if most := size*102/100 + stops*(1<<20+telegram.MaxCarried); bytesSent > most {
		t.Errorf("with %d stops %d bytes were sent, more than %d", stops, bytesSent, most)
	}
	if n := m.places["BEIJING"].puts.Load(); n > int64(telegram.Pieces(size))+2*int64(stops) {
		t.Errorf("%d pieces were kept of %d", n, telegram.Pieces(size))
	}
}
