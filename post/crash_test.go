package post_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/desk"
	"chancery.example/chancery/directory"
	"chancery.example/chancery/post"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// breaker breaks one commit of a database, and from then on every one, as the end of a process does, until it is mended.
type breaker struct {
	stage  store.Stage
	armed  atomic.Bool
	left   atomic.Int64 // commits until the break
	broken atomic.Bool
}

var errBroken = errors.New("the machine stopped")

func (b *breaker) fault(s store.Stage) error {
	if b.broken.Load() {
		return errBroken
	}
	if b.armed.Load() && s == b.stage && b.left.Add(-1) == 0 {
		b.broken.Store(true)
		return errBroken
	}
	return nil
}

// mend starts the machine again. It breaks once only.
func (b *breaker) mend() {
	b.armed.Store(false)
	b.broken.Store(false)
}

// again arms the breaker for a commit.
func (b *breaker) again(commit int64) {
	b.left.Store(commit)
	b.armed.Store(true)
}

// TestEveryCommitBroken breaks each commit of a post in turn, once so that it is lost and once so that it is kept and reported failed: the
// sender's are to adopt a directory, draft, hand over, release, register, encipher, note the sending and take the receipt, the
// receiver's to adopt and to take. On PostgreSQL they own their ways, too, and give them up. Each time another telegram goes through the whole of it.
func TestEveryCommitBroken(t *testing.T) {
	for engine, database := range engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			everyCommitBroken(t, database)
		})
	}
}

func everyCommitBroken(t *testing.T, database func(*testing.T) *store.DB) {
	for name, least := range map[string]int64{"MOSCOW": 8, "BEIJING": 3} {
		for _, stage := range []store.Stage{store.BeforeCommit, store.AfterCommit} {
			t.Run(name+" "+stage.String(), func(t *testing.T) {
				t.Parallel()
				b := &breaker{stage: stage}
				m := openOn(t, func(at string) *store.DB {
					db := database(t)
					if at == name {
						db.Fault = b.fault
					}
					return db
				}, func(c *post.Config) { c.Batch, c.Retry = 1, 200*time.Millisecond })
				m.run("MOSCOW", "BEIJING")
				least := least
				if m.at(name).db.Postgres() {
					least += 6 // three ways, owned and given up
				}
				d, n := world().dir, int64(1)
				for fired := true; fired; n++ {
					office := directory.Office{Address: telegram.Address{Office: fmt.Sprint("OFFICE ", n), Post: "LONDON"}}
					d = world().sign(must(d.Append(office)))
					fired = m.brokenAt(b, n, d)
				}
				if n-2 < least {
					t.Errorf("%s made %d commits, expected %d at the least", name, n-2, least)
				}
				m.crash()
				m.at("MOSCOW").reopen()
				m.at("BEIJING").reopen()
				m.whole()
			})
		}
	}
}

// brokenAt runs the story once more, breaks the n-th commit of it, and says whether there were so many.
func (m *ministry) brokenAt(b *breaker, n int64, newer *directory.Directory) bool {
	m.t.Helper()
	b.again(n)
	if m.at("MOSCOW").db.Postgres() {
		m.again()
	}
	m.until(fmt.Sprintf("telegram %d is sent and signed for", n), func() bool {
		if b.broken.Load() {
			m.crash()
			b.mend()
			m.again()
		}
		// An act that fails is done again, after a look at what became of it.
		return m.at("BEIJING").adoptAgain(newer) && m.at("MOSCOW").adoptAgain(newer) && m.at("MOSCOW").sendAgain(n)
	})
	fired := b.left.Load() <= 0
	if b.broken.Load() { // the break came after all was done
		m.crash()
		m.run("MOSCOW", "BEIJING")
	}
	b.mend()
	m.once(n)
	return fired
}

// again ends the processes of both posts and starts others, when the time has passed for which the dead own their ways.
func (m *ministry) again() {
	m.t.Helper()
	m.crash()
	for _, x := range []*desks{m.at("MOSCOW"), m.at("BEIJING")} {
		// With a fault that broke the giving up, this fails too, and is done when that is mended.
		_ = x.db.Write(context.Background(), func(tx *store.Tx) error { _, err := tx.Exec("update owner set until = 0"); return err })
		x.reopen()
	}
	m.run("MOSCOW", "BEIJING")
}

func (x *desks) adoptAgain(d *directory.Directory) bool {
	if x.count("select max(size) from adoption") < d.Size() {
		_, _, _ = x.Adopt(context.Background(), d.Marshal())
		return false
	}
	return true
}

// sendAgain does the next act of sending the n-th telegram, and says whether nothing is left to do.
func (x *desks) sendAgain(n int64) bool {
	if x.count("select count(*) from draft") < n {
		_, _ = x.Draft(context.Background(), form(x, fmt.Sprintf("To: AMBASSADOR@BEIJING\nSubject: %d\n\n%s\n", n, strings.Repeat("Two sections. ", 100))))
		return false
	}
	switch x.state(n).State {
	case desk.Drafted:
		_ = x.tryHandOver(n, drafter)
	case desk.HandedOver:
		_ = x.tryRelease(n, releaser)
	case desk.Registered:
		return x.count("select count(*) from outbox where post = 'BEIJING' and receipted is null") == 0
	}
	return false
}

// once proves of the n-th telegram that it was not lost, nothing of it done twice, and that no number is missing.
func (m *ministry) once(n int64) {
	t, moscow, beijing := m.t, m.at("MOSCOW"), m.at("BEIJING")
	t.Helper()
	if d, f := moscow.count("select count(*) from draft"), moscow.count("select count(*) from filed"); d != n || f != n {
		t.Errorf("telegram %d: there are %d drafts, %d are filed", n, d, f)
	}
	got := beijing.received()
	if last := got[len(got)-1]; len(got) != int(n) || last.Number != uint32(n) || last.Serial != uint32(n) || last.Subject != fmt.Sprint(n) {
		t.Errorf("telegram %d: BEIJING has %d, the last is %+v", n, len(got), last)
	}
	out, in := moscow.shown(archive.Out, uint32(n)), beijing.shown(archive.In, uint32(n))
	if !out.Verified || !in.Verified || out.Root != in.Root {
		t.Errorf("telegram %d, shown: %v %v", n, out.Findings, in.Findings)
	}
	if want := fmt.Sprint([]int64{2*n - 1, 2 * n}); fmt.Sprint(out.Addressed[0].Specials) != want || fmt.Sprint(in.Arrived.Specials) != want {
		t.Errorf("telegram %d: special numbers %v there, %v here", n, out.Addressed[0].Specials, in.Arrived.Specials)
	}
	for _, x := range []*desks{moscow, beijing} {
		if e := x.count("select count(*) from entry where kind = 4"); e != n+1 {
			t.Errorf("telegram %d: %s has entered %d directories", n, x.name, e)
		}
	}
}
