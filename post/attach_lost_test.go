package post_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/desk"
	"chancery.example/chancery/pieces"
	"chancery.example/chancery/post"
	"chancery.example/chancery/telegram"
)

// A full disk stops the file and nothing else, people are told, and it goes on when there is room.
func TestNoRoomForPieces(t *testing.T) {
	m := openAttaching(t, func(c *post.Config) { c.Retry = 50 * time.Millisecond })
	moscow, beijing := m.at("MOSCOW"), m.at("BEIJING")
	line, file := moscow.attach("x", content(500_000, 1)), content(500_000, 1)
	m.places["BEIJING"].refuse(fmt.Errorf("%w: it is full", pieces.ErrFull))
	m.places["MOSCOW"].refuse(fmt.Errorf("%w: it is full", pieces.ErrFull))
	id := must(moscow.BeginAttachment(background, "", 100_000))
	if err := moscow.LoadAttachment(background, id, 0, file[:100_000]); !errors.Is(err, pieces.ErrFull) {
		t.Errorf("read in to a full disk: %v", err)
	}
	m.run()
	moscow.send("To: AMBASSADOR@BEIJING\n" + line + "\nEnclosed.\n")
	m.until("people are told", func() bool { return strings.Contains(beijing.trouble(), "no room for their pieces") })
	moscow.send("To: AMBASSADOR@BEIJING\n\nAnother.\n")
	m.delivered("MOSCOW")
	if a := beijing.attachment(archive.In, 1, 1); a.Here != 0 || a.State != pieces.Coming {
		t.Errorf("%+v", a)
	}
	m.places["BEIJING"].refuse(nil)
	m.places["MOSCOW"].refuse(nil)
	if got := beijing.arrives(1, 1); !bytes.Equal(got, file) {
		t.Error("it is another file")
	}
	// What failed for want of room goes on where it was.
	if err := moscow.LoadAttachment(background, id, 0, file[:100_000]); err != nil {
		t.Errorf("read in again: %v", err)
	}
	must(moscow.EndAttachment(background, id))
}

// When the sender's own pieces are gone or damaged, people are told there, nothing wrong is sent, and the telegrams go on.
func TestSenderLostAPiece(t *testing.T) {
	m := openAttaching(t, func(c *post.Config) { c.Retry = 50 * time.Millisecond })
	moscow, beijing := m.at("MOSCOW"), m.at("BEIJING")
	file := content(400_000, 1)
	id := moscow.send("To: AMBASSADOR@BEIJING\n" + moscow.attach("x", file) + "\nEnclosed.\n")
	piece := somePiece(t, m.places["MOSCOW"].path)
	was := must(os.ReadFile(piece))
	if err := os.WriteFile(piece, was[:100], 0o600); err != nil {
		t.Fatal(err)
	}
	m.run()
	m.until("people are told", func() bool {
		return strings.Contains(moscow.trouble(), "attachment 1 of serial 1 cannot be sent to it") && strings.Contains(moscow.trouble(), "the piece is damaged")
	})
	if err := os.Remove(piece); err != nil {
		t.Fatal(err)
	}
	m.until("people are told that it is gone", func() bool { return strings.Contains(moscow.trouble(), "there is no such piece") })
	moscow.send("To: AMBASSADOR@BEIJING\n\nAnother.\n")
	m.delivered("MOSCOW")
	if beijing.attachment(archive.In, 1, 1).Checked || moscow.state(id).State != desk.Registered {
		t.Error("it is there without its piece")
	}
	if err := os.WriteFile(piece, was, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := beijing.arrives(1, 1); !bytes.Equal(got, file) {
		t.Error("it is another file")
	}
}

// When the receiver's disk loses pieces before all was proved, they are asked for again.
func TestReceiverLostAPiece(t *testing.T) {
	m := openAttaching(t, func(c *post.Config) { c.Retry = 50 * time.Millisecond })
	moscow, beijing := m.at("MOSCOW"), m.at("BEIJING")
	file := content(400_000, 1)
	moscow.send("To: AMBASSADOR@BEIJING\n" + moscow.attach("x", file) + "\nEnclosed.\n")
	m.run()
	beijing.arrives(1, 1)
	m.crash()
	if err := os.Remove(somePiece(t, m.places["BEIJING"].path)); err != nil {
		t.Fatal(err)
	}
	beijing.tamper("update attachment set state = 'whole'")
	m.run()
	m.until("it is proved again", func() bool { return beijing.attachment(archive.In, 1, 1).Checked })
	if got := beijing.arrives(1, 1); !bytes.Equal(got, file) {
		t.Error("it is another file")
	}
}

// What nothing has is swept when it is a day old; what does not come is left when its order is closed; and neither touches anything else.
func TestSwept(t *testing.T) {
	m := openAttaching(t, nil)
	moscow, beijing := m.at("MOSCOW"), m.at("BEIJING")
	own := m.places["MOSCOW"]
	kept := moscow.attach("kept", content(100_000, 1))
	id := moscow.draft("To: AMBASSADOR@BEIJING\n" + kept + "\nEnclosed.\n")
	moscow.attach("stray", content(100_000, 2))
	must(moscow.BeginAttachment(background, "", 5))
	orphan := content(1000, 3)
	if err := own.Put(background, pieces.DigestOf(orphan), orphan); err != nil {
		t.Fatal(err)
	}
	young := content(1000, 4)
	if err := own.Put(background, pieces.DigestOf(young), young); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-25 * time.Hour)
	for _, file := range must(filepath.Glob(filepath.Join(own.path, "*", "*"))) {
		if !strings.HasSuffix(file, pieces.DigestOf(young).String()) {
			if err := os.Chtimes(file, old, old); err != nil {
				t.Fatal(err)
			}
		}
	}
	m.run("MOSCOW")
	m.until("the orphan is swept", func() bool { return own.files(t) == 2+2+1 })
	m.crash()
	moscow.skew.Store(int64(25 * time.Hour))
	moscow.reopen()
	m.run("MOSCOW")
	m.until("what no draft has is swept", func() bool {
		return own.files(t) == 2+1 && moscow.count("select count(*) from attachment") == 1
	})
	moscow.skew.Store(0)
	m.crash()
	moscow.reopen()
	moscow.handOver(id)
	moscow.release(id)

	// BEIJING gets the telegram, and of its file nothing: MOSCOW's pieces are gone.
	for _, file := range must(filepath.Glob(filepath.Join(own.path, "*", "*"))) {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	m.run()
	m.delivered("MOSCOW")
	m.crash()
	beijing.skew.Store(int64(25 * time.Hour))
	moscow.skew.Store(int64(25 * time.Hour))
	beijing.reopen()
	m.run()
	time.Sleep(100 * time.Millisecond)
	if a := beijing.attachment(archive.In, 1, 1); a.State != pieces.Coming {
		t.Errorf("with its order open it is %+v", a)
	}
	beijing.reply(1, telegram.Fulfils, "Done without it.")
	m.delivered("BEIJING")
	m.crash()
	beijing.reopen()
	m.run()
	m.until("it is left", func() bool {
		a := beijing.attachment(archive.In, 1, 1)
		return a.State == pieces.Left && strings.Contains(a.Why, "order is closed")
	})
	m.whole()
}

// Two posts do not share one place for pieces: each would sweep what is the other's.
func TestPlaceOfAnotherPost(t *testing.T) {
	m := openAttaching(t, nil)
	if err := m.places["MOSCOW"].Own(background, "c0ffee"); err != nil {
		t.Fatal(err)
	}
	orphan := content(1000, 3)
	if err := m.places["MOSCOW"].Put(background, pieces.DigestOf(orphan), orphan); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-25 * time.Hour)
	if err := os.Chtimes(somePiece(t, m.places["MOSCOW"].path), old, old); err != nil {
		t.Fatal(err)
	}
	m.at("MOSCOW").attach("x", content(10, 1))
	m.run("MOSCOW")
	m.until("it is told", func() bool { return strings.Contains(m.at("MOSCOW").log.String(), "another post's") })
	if m.places["MOSCOW"].files(t) != 2 {
		t.Error("another post's piece was swept")
	}
}

// register verify names what the table of attachments says otherwise than the telegrams, and with the pieces what of them is gone, altered or exchanged.
func TestVerifyAttachments(t *testing.T) {
	m := openAttaching(t, nil)
	moscow, beijing := m.at("MOSCOW"), m.at("BEIJING")
	m.run()
	moscow.send("To: AMBASSADOR@BEIJING\n" + moscow.attach("one", content(200_000, 1)) + moscow.attach("two", content(70_000, 2)) + "\nEnclosed.\n")
	m.delivered("MOSCOW")
	beijing.arrives(1, 1)
	beijing.arrives(1, 2)
	m.crash()
	report := func() *post.AttachedReport {
		t.Helper()
		var last, of int64
		r, err := beijing.VerifyAttachments(background, func(done, all int64) { last, of = done, all })
		if err != nil || last != of {
			t.Fatalf("%v, %d of %d bytes", err, last, of)
		}
		return r
	}
	if r := report(); r.Attachments != 2 || r.Whole != 2 || r.Pieces != 6 || r.Bytes != 270_000 || len(r.Findings) != 0 {
		t.Errorf("%+v", r)
	}
	piece := somePiece(t, m.places["BEIJING"].path)
	was := must(os.ReadFile(piece))
	for name, b := range map[string][]byte{"altered": append(bytes.Clone(was[:len(was)-1]), was[len(was)-1]^1), "cut": was[:5]} {
		if err := os.WriteFile(piece, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if r := report(); r.Whole != 1 || len(r.Findings) != 1 || !strings.Contains(r.Findings[0], "1 of its") {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if err := os.WriteFile(piece, was, 0o600); err != nil {
		t.Fatal(err)
	}
	verify := func() (said string) {
		t.Helper()
		r, err := beijing.VerifyRegister(background, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range r.Findings {
			said += f.What + "\n"
		}
		return said
	}
	for _, c := range []struct{ change, back, says string }{
		{"update attachment set k = 3 where k = 2", "update attachment set k = 2 where k = 3", "has something else as its attachment 2"},
		{"update attachment set pieces = 9 where k = 2", "update attachment set pieces = 2 where k = 2", "has something else as its attachment 2"},
		{"update attachment set of = 99 where k = 2", "update attachment set of = 1 where k = 2", "it has 2 attachments, and the table of them has 1"},
		{"update attachment set post = 'LONDON' where k = 1", "update attachment set post = 'MOSCOW' where k = 1", "has something else as its attachment 1"},
		{"update attachment set id = id + 10 where k = 1", "update attachment set id = id - 10 where k = 1", "altered, or sealed under another key"},
	} {
		beijing.tamper(c.change)
		if said := verify(); !strings.Contains(said, c.says) {
			t.Errorf("%s: it says %q", c.change, said)
		}
		beijing.tamper(c.back)
	}
	if said := verify(); said != "" {
		t.Errorf("put right it says %q", said)
	}
	// Digests exchanged in the table make another root.
	beijing.tamper("update attachment_piece set i = -1 where attachment = 1 and i = 0")
	beijing.tamper("update attachment_piece set i = 0 where attachment = 1 and i = 1")
	beijing.tamper("update attachment_piece set i = 1 where attachment = 1 and i = -1")
	if r := report(); len(r.Findings) != 1 || !strings.Contains(r.Findings[0], "do not make the file that was signed") {
		t.Errorf("exchanged: %+v", r)
	}
	beijing.tamper("delete from attachment where k = 1")
	if s := beijing.shown(archive.In, 1); s.Verified || !strings.Contains(strings.Join(s.Findings, ";"), "attachment 1: this post does not know how far it is") {
		t.Errorf("shown without its row: %v", s.Findings)
	}
}
