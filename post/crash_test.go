package post_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/desk"
	"chancery.example/chancery/directory"
	"chancery.example/chancery/post"
	"chancery.example/chancery/store"
	"chancery.example/chancery/store/storetest"
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

func (b *breaker) fired() bool { return b.left.Load() <= 0 }

// TestEveryCommitBroken breaks each commit of a post in turn, once so that it is lost and once so that it is kept and reported failed: the
// sender's are to adopt a directory, draft, hand over, release, register, encipher, note the sending and take the receipt, the
// receiver's to adopt and to take.
func TestEveryCommitBroken(t *testing.T) {
	for name, least := range map[string]int64{"MOSCOW": 8, "BEIJING": 3} {
		for _, stage := range []store.Stage{store.BeforeCommit, store.AfterCommit} {
			t.Run(name+" "+stage.String(), func(t *testing.T) {
				t.Parallel()
				n := int64(1)
				for ; brokenAt(t, name, stage, n); n++ {
				}
				if n <= least {
					t.Errorf("%s made %d commits, expected %d at the least", name, n-1, least)
				}
			})
		}
	}
}

// brokenAt runs the story with one commit broken, and says whether there were so many.
func brokenAt(t *testing.T, name string, stage store.Stage, commit int64) (fired bool) {
	t.Run(fmt.Sprint(commit), func(t *testing.T) {
		b := &breaker{stage: stage}
		b.left.Store(commit)
		m := openOn(t, func(at string) *store.DB {
			db := storetest.SQLite(t)
			if at == name {
				db.Fault = b.fault
			}
			return db
		}, func(c *post.Config) { c.Batch = 1 })
		m.at("MOSCOW")
		m.at("BEIJING")
		b.armed.Store(true)
		m.run("MOSCOW", "BEIJING")
		newer := world().sign(must(world().dir.Append(world().posts["BEIJING"].nextSaid)))
		m.until("the telegram is sent and signed for", func() bool {
			if b.broken.Load() {
				m.crash()
				b.mend()
				m.at("MOSCOW").reopen()
				m.at("BEIJING").reopen()
				m.run("MOSCOW", "BEIJING")
			}
			// An act that fails is done again, after a look at what became of it.
			return m.at("BEIJING").adoptAgain(newer) && m.at("MOSCOW").adoptAgain(newer) && m.at("MOSCOW").sendAgain()
		})
		m.crash()
		fired = b.fired()
		b.mend()
		once(t, m)
	})
	return fired && !t.Failed()
}

func (x *desks) adoptAgain(d *directory.Directory) bool {
	if x.count("select max(size) from directory") < d.Size() {
		_, _, _ = x.Adopt(context.Background(), d.Marshal())
		return false
	}
	return true
}

// sendAgain does the next act of sending the one telegram, and says whether nothing is left to do.
func (x *desks) sendAgain() bool {
	if x.count("select count(*) from draft") == 0 {
		_, _ = x.Draft(context.Background(), form(x, "Subject: the one\n"+order))
		return false
	}
	switch x.state(1).State {
	case desk.Drafted:
		_ = x.tryHandOver(1, drafter)
	case desk.HandedOver:
		_ = x.tryRelease(1, releaser)
	case desk.Registered:
		return x.count("select count(*) from outbox where post = 'BEIJING' and receipted is null") == 0
	}
	return false
}

// once proves that nothing was lost, nothing done twice and no number is missing.
func once(t *testing.T, m *ministry) {
	t.Helper()
	moscow, beijing := m.at("MOSCOW"), m.at("BEIJING")
	moscow.reopen()
	beijing.reopen()
	if n := moscow.count("select count(*) from draft"); n != 1 {
		t.Errorf("there are %d drafts", n)
	}
	if n := moscow.count("select count(*) from filed"); n != 1 {
		t.Errorf("MOSCOW has filed %d", n)
	}
	got := beijing.received()
	if len(got) != 1 || got[0].Number != 1 || got[0].Serial != 1 || got[0].Subject != "the one" {
		t.Errorf("BEIJING has %+v", got)
	}
	out, in := moscow.shown(archive.Out, 1), beijing.shown(archive.In, 1)
	if !out.Verified || !in.Verified || out.Root != in.Root {
		t.Errorf("shown: %v %v", out.Findings, in.Findings)
	}
	if n := len(out.Addressed[0].Specials); n != 2 || fmt.Sprint(out.Addressed[0].Specials) != fmt.Sprint(in.Arrived.Specials) {
		t.Errorf("special numbers %v there, %v here", out.Addressed[0].Specials, in.Arrived.Specials)
	}
	if a, b := moscow.series("serial BEIJING"), beijing.series(fmt.Sprintf("incoming %d", time.Now().UTC().Year())); a != 1 || b != 1 {
		t.Errorf("serial BEIJING %d, incoming %d", a, b)
	}
	for _, x := range []*desks{moscow, beijing} {
		// Two directories were adopted, each entered once.
		if n := x.count("select count(*) from entry where kind = 4"); n != 2 {
			t.Errorf("%s has entered %d directories", x.name, n)
		}
	}
	m.whole()
}
