package post_test

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/pieces"
	"chancery.example/chancery/post"
	"chancery.example/chancery/store"
	"chancery.example/chancery/store/storetest"
	"chancery.example/chancery/telegram"
)

// parts counts the envelopes with parts of pieces that one post sent to another.
func (m *attaching) parts(from, to string) (n int) {
	for _, p := range m.ether.from(m.at(from).route) {
		if p.to == m.at(to).route && must(telegram.ParseEnvelope(p.envelope)).Type == telegram.PartType {
			n++
		}
	}
	return n
}

// proved wants every attachment at a post whole, and so many of them.
func (x *desks) proved(n int) {
	x.m.t.Helper()
	r, err := x.VerifyAttachments(background, nil)
	if err != nil || r.Attachments != n || r.Whole != n || len(r.Findings) > 0 {
		x.m.t.Errorf("at %s: %+v, %v; want %d", x.name, r, err, n)
	}
}

var attache = telegram.Address{Office: "ATTACHE", Post: "LONDON"}

// A telegram is passed on with its attachments. Who receives it asks the post that passed it on, which has the pieces once, and who has the files already
// asks nobody.
func TestReaddressWithAttachments(t *testing.T) {
	for engine, database := range engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			m := openAttachingOn(t, func(string) *store.DB { return database(t) }, nil)
			m.run(names[:]...)
			moscow, beijing, london := m.at("MOSCOW"), m.at("BEIJING"), m.at("LONDON")
			files := [][]byte{content(300_000, 1), {}, content(70_000, 2)}
			text := "To: AMBASSADOR@BEIJING\nSubject: Maps\n"
			for i, f := range files {
				text += moscow.attach(fmt.Sprintf("Map %d.pdf", i+1), f)
			}
			moscow.send(text + "\nThey are enclosed.\n")
			m.delivered("MOSCOW")
			for i := range files {
				beijing.arrives(1, i+1)
			}
			lie, before := m.places["BEIJING"].files(t), m.parts("MOSCOW", "BEIJING")
			ministry := []telegram.Address{{Office: "MINISTRY", Post: "MOSCOW"}}
			beijing.another(&post.Another{Act: telegram.Readdresses, Number: 1, To: []telegram.Address{attache}, Info: ministry, Text: "You know the harbour."})
			for i, f := range files {
				if got := london.arrives(1, i+1); !bytes.Equal(got, f) {
					t.Errorf("file %d has %d bytes at LONDON, want %d", i+1, len(got), len(f))
				}
				if got := moscow.arrives(1, i+1); !bytes.Equal(got, f) {
					t.Errorf("file %d has %d bytes at MOSCOW, want %d", i+1, len(got), len(f))
				}
			}
			for _, s := range []*post.Shown{beijing.shown(archive.Out, 1), london.shown(archive.In, 1), moscow.shown(archive.In, 1)} {
				if s.PassedOn == nil || !s.Verified || len(s.Attachments) != 3 || s.Attachments[0].Name != "Map 1.pdf" || s.Attachments[2].Name != "Map 3.pdf" || !s.Attachments[0].Checked {
					t.Errorf("at %s it shows %+v, %v", s.Post, s.Attachments, s.Findings)
				}
			}
			m.until("BEIJING knows that LONDON has them", func() bool {
				return !slices.ContainsFunc(beijing.shown(archive.Out, 1).Attachments, func(a post.Attachment) bool {
					return !slices.ContainsFunc(a.There, func(x post.AttachmentThere) bool { return x.Post == "LONDON" && x.Checked })
				})
			})
			if n := m.places["BEIJING"].files(t); n != lie {
				t.Errorf("BEIJING has %d pieces, and %d before", n, lie)
			}
			if m.parts("MOSCOW", "LONDON") != 0 || m.parts("BEIJING", "MOSCOW") != 0 || m.parts("BEIJING", "LONDON") == 0 || m.parts("MOSCOW", "BEIJING") != before {
				t.Error("pieces came from another post than the one that passed it on, or to one that has them")
			}
			// What BEIJING received it may drop: what it passed on it keeps, and answers for.
			must(beijing.DropAttachment(background, post.AttachmentWanted{Way: archive.In, Number: 1, K: 1}))
			must(london.DropAttachment(background, post.AttachmentWanted{Way: archive.In, Number: 1, K: 1}))
			must(london.FetchAttachment(background, post.AttachmentWanted{Way: archive.In, Number: 1, K: 1}))
			if got := london.arrives(1, 1); !bytes.Equal(got, files[0]) {
				t.Error("fetched again it is another file")
			}
			// Passed on once more, the same attachments belong to both that are within.
			asked := m.parts("LONDON", "BEIJING")
			london.sendForm(london.Another(background, &post.Another{Act: telegram.Readdresses, Number: 1, To: []telegram.Address{{Office: "ATTACHE", Post: "BEIJING"}}}))
			m.delivered("LONDON")
			if got := beijing.arrives(2, 1); !bytes.Equal(got, files[0]) {
				t.Error("passed on twice it is another file")
			}
			if m.parts("LONDON", "BEIJING") != asked {
				t.Error("BEIJING asked for what it passed on itself")
			}
			m.whole()
			moscow.proved(6)
			london.proved(6)
			must(beijing.FetchAttachment(background, post.AttachmentWanted{Way: archive.In, Number: 1, K: 1}))
			beijing.arrives(1, 1)
			beijing.proved(9)
			for _, x := range m.opened() {
				if told := x.trouble(); strings.Contains(told, "alarm") {
					t.Errorf("%s was alarmed:\n%s", x.name, told)
				}
			}
		})
	}
}

// The same for a telegram that is repeated: it is another telegram, and the files are there.
func TestRepeatWithAttachments(t *testing.T) {
	m := openAttaching(t, nil)
	m.run()
	moscow, beijing := m.at("MOSCOW"), m.at("BEIJING")
	file := content(150_000, 1)
	moscow.send("To: AMBASSADOR@BEIJING\n" + moscow.attach("Map.pdf", file) + "\nEnclosed.\n")
	m.delivered("MOSCOW")
	beijing.arrives(1, 1)
	before := m.parts("MOSCOW", "BEIJING")
	moscow.another(&post.Another{Act: telegram.Repeats, Number: 1})
	if got := beijing.arrives(2, 1); !bytes.Equal(got, file) || m.parts("MOSCOW", "BEIJING") != before {
		t.Errorf("%d bytes, and %d parts", len(got), m.parts("MOSCOW", "BEIJING")-before)
	}
	if s := beijing.shown(archive.In, 1); !slices.Contains(acts(s), telegram.Repeats) {
		t.Errorf("it shows %v: %s", acts(s), beijing.trouble())
	}
	// Who lost his gets them with the repeat.
	for k := range uint32(2) {
		must(beijing.DropAttachment(background, post.AttachmentWanted{Way: archive.In, Number: k + 1, K: 1}))
	}
	moscow.another(&post.Another{Act: telegram.Repeats, Number: 1})
	if got := beijing.arrives(3, 1); !bytes.Equal(got, file) || m.parts("MOSCOW", "BEIJING") == before {
		t.Errorf("%d bytes, and %d parts", len(got), m.parts("MOSCOW", "BEIJING")-before)
	}
	m.whole()
	moscow.proved(3)
}

// A post that has no pieces of what another has left, or not all, passes nothing on: it says what to do.
func TestReaddressWithoutThePieces(t *testing.T) {
	m := openAttaching(t, func(c *post.Config) { c.Fetch = 100_000 })
	m.run(names[:]...)
	moscow, beijing := m.at("MOSCOW"), m.at("BEIJING")
	file := content(200_000, 1)
	moscow.send("To: AMBASSADOR@BEIJING\n" + moscow.attach("Short.pdf", file[:10]) + moscow.attach("Long.pdf", file) + "\nEnclosed.\n")
	m.delivered("MOSCOW")
	beijing.arrives(1, 1)
	pass := &post.Another{Act: telegram.Readdresses, Number: 1, To: []telegram.Address{attache}}
	year := time.Now().UTC().Year()
	fetch := fmt.Sprintf("chancery attachment 1 2 --received --year %d --fetch", year)
	rows := beijing.count("select count(*) from attachment")
	beijing.refused(pass, "its attachment 2 (Long.pdf) is not here, and goes along: it has more than the 100000 bytes")
	beijing.refused(pass, fetch)
	wanted := post.AttachmentWanted{Way: archive.In, Number: 1, K: 2}
	for state, says := range map[pieces.State]string{pieces.Coming: "is not all here yet, and goes along: 0 of its 4 pieces are", pieces.Whole: "says that it is all here", pieces.Damaged: "is damaged: "} {
		beijing.tamper("update attachment set state = $1 where k = 2", string(state))
		beijing.refused(pass, says)
		beijing.tamper("update attachment set state = 'left' where k = 2")
	}
	if n := beijing.count("select count(*) from attachment"); n != rows {
		t.Errorf("%d rows are left of what was refused", n-rows)
	}
	must(beijing.FetchAttachment(background, wanted))
	beijing.arrives(1, 2)
	for line, says := range map[string]string{beijing.attach("x", file[:20]): "has the attachments of that one and no others", "Attach: x.pdf\n": "has the attachments of that one and no others"} {
		text := fmt.Sprintf("From: AMBASSADOR\nTo: ATTACHE@LONDON\nReaddresses: MOSCOW 1/%d\n", year)
		if _, err := beijing.Draft(background, form(beijing, text+line)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("with %q: %v", line, err)
		}
	}
	beijing.tamper("update attachment set body = $1 where k = 2", []byte("x"))
	beijing.refused(pass, "run chancery register verify")
}

// What passes on is proved once more before its drafter's signature is taken. A piece that is gone then is fetched anew, and the draft is as it was.
func TestReaddressOfADamagedFile(t *testing.T) {
	m := openAttaching(t, nil)
	m.run(names[:]...)
	moscow, beijing, london := m.at("MOSCOW"), m.at("BEIJING"), m.at("LONDON")
	file := content(200_000, 1)
	moscow.send("To: AMBASSADOR@BEIJING\n" + moscow.attach("Map.pdf", file) + "\nEnclosed.\n")
	m.delivered("MOSCOW")
	beijing.arrives(1, 1)
	pass := &post.Another{Act: telegram.Readdresses, Number: 1, To: []telegram.Address{attache}}
	id := must(beijing.Draft(background, must(beijing.Another(background, pass))))
	found := must(beijing.FindAttachment(background, post.AttachmentWanted{Draft: id, K: 1}))
	if found.Name != "Map.pdf" || !found.Checked || !bytes.Equal(beijing.read(found), file) {
		t.Errorf("the drafter would see %+v", found)
	}
	pass.Text = "You know the harbour."
	if err := beijing.Edit(background, id, must(beijing.Another(background, pass))); err != nil {
		t.Fatal(err)
	}
	if again := must(beijing.FindAttachment(background, post.AttachmentWanted{Draft: id, K: 1})); again.File != found.File || beijing.count("select count(*) from attachment") != 2 {
		t.Errorf("after an edit of the text it has file %d, and not %d", again.File, found.File)
	}
	piece := somePiece(t, m.places["BEIJING"].path)
	was := must(os.ReadFile(piece))
	was[len(was)/2] ^= 1
	wanted := post.AttachmentWanted{Way: archive.In, Number: 1, K: 1}
	for _, spoil := range []func() error{func() error { return os.Remove(piece) }, func() error { return os.WriteFile(piece, was, 0o600) }} {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		if err := beijing.tryHandOver(id, drafter); err == nil || !strings.Contains(err.Error(), "gone or damaged. Have it fetched anew with  chancery attachment NUMBER WHICH --received --fetch") {
			t.Errorf("handed over with a damaged piece: %v", err)
		}
		must(beijing.FetchAttachment(background, wanted))
		if got := beijing.arrives(1, 1); !bytes.Equal(got, file) {
			t.Error("fetched anew it is another file")
		}
	}
	beijing.handOver(id)
	beijing.release(id)
	m.delivered("BEIJING")
	if got := london.arrives(1, 1); !bytes.Equal(got, file) {
		t.Error("it is another file")
	}
	// A draft that loses an attachment behind its back is not handed over.
	id = must(beijing.Draft(background, must(beijing.Another(background, pass))))
	beijing.tamper("update attachment set draft = null, k = 0 where draft = $1", id)
	if err := beijing.tryHandOver(id, drafter); err == nil || !strings.Contains(err.Error(), "has 0 attachments, and what was signed has 1") {
		t.Errorf("handed over without its attachment: %v", err)
	}
}

// A draft and its attachments are kept together or not at all.
func TestReaddressalBroken(t *testing.T) {
	var b breaker
	m := openAttachingOn(t, func(at string) *store.DB {
		db := storetest.SQLite(t)
		if at == "BEIJING" {
			db.Fault = b.fault
		}
		return db
	}, nil)
	m.run()
	moscow, beijing := m.at("MOSCOW"), m.at("BEIJING")
	moscow.send("To: AMBASSADOR@BEIJING\n" + moscow.attach("Map.pdf", content(100_000, 1)) + "\nEnclosed.\n")
	m.delivered("MOSCOW")
	beijing.arrives(1, 1)
	m.crash()
	pass := must(beijing.Another(background, &post.Another{Act: telegram.Readdresses, Number: 1, To: []telegram.Address{attache}}))
	for stage, kept := range map[store.Stage]int64{store.BeforeCommit: 0, store.AfterCommit: 1} {
		drafts, files, lie := beijing.count("select count(*) from draft"), beijing.count("select count(*) from attachment where draft is not null"), beijing.count("select count(*) from attachment_piece")
		b.stage = stage
		b.again(1)
		if _, err := beijing.Draft(background, pass); err == nil {
			t.Fatalf("%v: it was not broken", stage)
		}
		if d, f, l := beijing.count("select count(*) from draft")-drafts, beijing.count("select count(*) from attachment where draft is not null")-files, beijing.count("select count(*) from attachment_piece")-lie; d != kept || f != kept || l != 2*kept {
			t.Errorf("%v: %d drafts, %d attachments and %d pieces were kept, want %d, %d and %d", stage, d, f, l, kept, kept, 2*kept)
		}
		b.mend()
	}
}
