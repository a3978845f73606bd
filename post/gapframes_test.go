package post_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/post"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// inFrames is acquainted, with posts that send in frames, and a telegram in them.
func inFrames(t *testing.T) (m *ministry, moscow, beijing *desks) {
	t.Helper()
	m = open(t, func(c *post.Config) { telling(c); c.Retry = 2 * time.Second })
	m.frames = t.TempDir()
	moscow, beijing = m.at("MOSCOW"), m.at("BEIJING")
	m.run()
	for n, text := range []string{"A letter first.", "Then frames."} {
		moscow.send("To: AMBASSADOR@BEIJING\n\n" + text + "\n")
		m.delivered("MOSCOW")
		beijing.send("To: AMBASSADOR@MOSCOW\n\n" + text + "\n")
		m.delivered("BEIJING")
		if frames := m.framed("MOSCOW"); frames < n {
			t.Fatalf("of %d telegrams %d went in frames", n+1, frames)
		}
	}
	return m, moscow, beijing
}

// framed counts the frames of sections that a post has handed over.
func (m *ministry) framed(from string) (n int) {
	for _, p := range m.ether.from(world().posts[from].route) {
		if e := must(telegram.ParseEnvelope(p.envelope)); e.Type == telegram.Frame && p.at == telegram.Routine {
			n++
		}
	}
	return n
}

// A frame that was lost comes again as it was.
func TestGapInFrames(t *testing.T) {
	m, moscow, beijing := inFrames(t)
	moscow.lose("To: AMBASSADOR@BEIJING\nSubject: lost\n\nThis frame was lost.\n")
	m.delivered("MOSCOW")
	if got := beijing.received(); got[len(got)-1].Subject != "lost" || moscow.count("select count(*) from wire where superseded is not null") != 0 {
		t.Errorf("%+v", got)
	}
	m.crash()
	m.whole()
}

// Who has lost its chains says so, and gets what was sealed in them in a letter. A receipt that comes late for the telegram as it was before confirms no new chain.
func TestGapOfAnotherChain(t *testing.T) {
	m, moscow, beijing := inFrames(t)
	moscow.lose("To: AMBASSADOR@BEIJING\nSubject: lost\n\nThis frame opens to nobody.\n")
	m.crash()
	if err := os.RemoveAll(filepath.Join(m.frames, "BEIJING")); err != nil {
		t.Fatal(err)
	}
	beijing.reopen()
	moscow.reopen()
	// MOSCOW would go on in frames that BEIJING cannot open: neither these nor its last numbers. BEIJING says so by itself.
	m.run()
	moscow.send("To: AMBASSADOR@BEIJING\nSubject: next\n\nNor does this.\n")
	m.delivered("MOSCOW")
	if got := beijing.received(); len(got) != 4 || got[2].Serial+got[3].Serial != 7 {
		t.Errorf("%+v", got)
	}
	if n := moscow.count("select count(*) from chain_out"); n != 0 {
		t.Errorf("%d chains go on whose letters were sealed anew", n)
	}
	for n := uint32(1); n <= 4; n++ {
		if s := beijing.shown(archive.In, n); !s.Verified {
			t.Error(s.Findings)
		}
	}
	m.crash()
	m.whole()
}

// Who has lost its chains and does not know that there were any hears nothing any more, and says so without a word: its last numbers name none of the other's.
func TestChainLostUnknowingly(t *testing.T) {
	m, moscow, beijing := inFrames(t)
	m.crash()
	if err := os.RemoveAll(filepath.Join(m.frames, "BEIJING")); err != nil {
		t.Fatal(err)
	}
	if err := beijing.db.Write(background, func(tx *store.Tx) error {
		_, err := tx.Exec("delete from chain_in")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	beijing.reopen()
	moscow.reopen()
	m.run()
	moscow.send("To: AMBASSADOR@BEIJING\nSubject: into silence\n\nThis frame opens to nobody.\n")
	m.delivered("MOSCOW")
	if got := beijing.received(); len(got) != 3 || got[2].Subject != "into silence" {
		t.Errorf("%+v", got)
	}
	m.crash()
	m.whole()
}

// A database that was put back knows nothing of what its keys have opened since. What it cannot open again is sealed anew when it has been asked for in vain.
func TestBurntAndLost(t *testing.T) {
	m, moscow, beijing := inFrames(t)
	m.crash()
	tables := beijing.tablesNow()
	beijing.tablesOf(tables, "create table copy_of_%s as select * from %[1]s")
	m.shut("BEIJING", true) // it takes the telegram, and its receipt is lost
	m.run()
	moscow.send("To: AMBASSADOR@BEIJING\nSubject: burnt\n\nThis was read once.\n")
	m.until("it is there", func() bool { return len(beijing.received()) == 3 })
	m.crash()
	beijing.tablesOf(tables, "delete from %s")
	beijing.tablesOf(tables, "insert into %s select * from copy_of_%[1]s")
	beijing.reopen()
	moscow.reopen()
	m.shut("BEIJING", false)
	m.run()
	m.delivered("MOSCOW")
	if got := beijing.received(); len(got) != 3 || got[2].Subject != "burnt" || got[2].Serial != 3 {
		t.Errorf("%+v", got)
	}
	if n := moscow.count("select count(*) from wire where superseded is not null"); n != 1 {
		t.Errorf("%d sections were sealed anew", n)
	}
	m.crash()
	m.whole()
}
