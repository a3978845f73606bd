package post_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/pieces"
	"chancery.example/chancery/post"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/store"
	"chancery.example/chancery/store/storetest"
	"chancery.example/chancery/telegram"
)

// breakable is a place for pieces that can be broken, and counts.
type breakable struct {
	*pieces.Folder
	path    string
	puts    atomic.Int64
	mu      sync.Mutex
	refuses error // every Put is refused with it, before anything is kept; guarded by mu
}

func newBreakable(t *testing.T) *breakable {
	dir := t.TempDir()
	f, err := pieces.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	return &breakable{Folder: f, path: dir}
}

func (b *breakable) Put(ctx context.Context, d pieces.Digest, sealed []byte) error {
	b.mu.Lock()
	err := b.refuses
	b.mu.Unlock()
	if err != nil {
		return err
	}
	b.puts.Add(1)
	return b.Folder.Put(ctx, d, sealed)
}

func (b *breakable) refuse(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refuses = err
}

// files are the pieces that lie there.
func (b *breakable) files(t *testing.T) (n int) {
	t.Helper()
	if err := b.Each(t.Context(), func(pieces.Digest, time.Time) error { n++; return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

// attaching is a ministry whose posts have a place for pieces each.
type attaching struct {
	*ministry
	places map[string]*breakable
}

func openAttaching(t *testing.T, change func(*post.Config)) *attaching {
	return openAttachingOn(t, func(string) *store.DB { return storetest.SQLite(t) }, change)
}

func openAttachingOn(t *testing.T, database func(string) *store.DB, change func(*post.Config)) *attaching {
	m := &attaching{places: map[string]*breakable{}}
	for _, name := range names {
		m.places[name] = newBreakable(t)
	}
	m.ministry = openOn(t, database, func(c *post.Config) {
		c.Pieces, c.Section, c.Retry = m.places[c.Name], 32<<10, 500*time.Millisecond
		if change != nil {
			change(c)
		}
	})
	return m
}

// content is a file that nothing compresses and no piece of which is like another.
func content(n int, seed uint64) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(seed, 1))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// attach reads a file in, as the command does, and gives the line for the draft.
func (x *desks) attach(name string, file []byte) string {
	x.m.t.Helper()
	id, err := x.BeginAttachment(background, "application/octet-stream", int64(len(file)))
	if err != nil {
		x.m.t.Fatal(err)
	}
	for at := 0; at < len(file); at += 100_000 {
		if err := x.LoadAttachment(background, id, int64(at), file[at:min(at+100_000, len(file))]); err != nil {
			x.m.t.Fatal(err)
		}
	}
	if _, err := x.EndAttachment(background, id); err != nil {
		x.m.t.Fatal(err)
	}
	return fmt.Sprintf("Attached: %d %s\n", id, name)
}

// attachment is the k-th attachment of what was received under a number.
func (x *desks) attachment(way archive.Way, number uint32, k int) *post.AttachmentFound {
	x.m.t.Helper()
	a, err := x.FindAttachment(background, post.AttachmentWanted{Way: way, Number: number, K: k})
	if err != nil {
		x.m.t.Fatal(err)
	}
	return a
}

// read reads an attachment whole, as the command does, and proves it as the command does.
func (x *desks) read(a *post.AttachmentFound) (file []byte) {
	x.m.t.Helper()
	for i := range a.Pieces {
		b, err := x.ReadAttachment(background, a.File, i)
		if err != nil {
			x.m.t.Fatal(err)
		}
		file = append(file, b...)
	}
	says := must(telegram.ParseAttachment(a.Says))
	d := must(seal.NewAttachmentKey(says.Secret, says.Length)).Digest()
	d.Write(file)
	if [32]byte(d.Sum(nil)) != says.Digest {
		x.m.t.Errorf("%s is not the file that was signed", a.Name)
	}
	return file
}

// arrives waits until an attachment is here and proved, and reads it.
func (x *desks) arrives(number uint32, k int) []byte {
	x.m.t.Helper()
	x.m.until(fmt.Sprintf("attachment %d of %d is at %s", k, number, x.name), func() bool {
		a, err := x.FindAttachment(background, post.AttachmentWanted{Way: archive.In, Number: number, K: k})
		return err == nil && a.Checked
	})
	return x.read(x.attachment(archive.In, number, k))
}

func TestAttachments(t *testing.T) {
	for engine, database := range engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			m := openAttachingOn(t, func(string) *store.DB { return database(t) }, nil)
			attachmentsArrive(t, m)
		})
	}
}

func attachmentsArrive(t *testing.T, m *attaching) {
	moscow, beijing, london := m.at("MOSCOW"), m.at("BEIJING"), m.at("LONDON")
	files := [][]byte{content(700_000, 1), {}, content(65_536, 2), content(1, 3)}
	m.run(names[:]...)
	text := "To: AMBASSADOR@BEIJING; flash\nInfo: AMBASSADOR@LONDON\nSubject: Maps\n"
	for i, f := range files {
		text += moscow.attach(fmt.Sprintf("Map %d.pdf", i+1), f)
	}
	moscow.send(text + "\nThey are enclosed.\n")
	m.delivered("MOSCOW")
	for _, x := range []*desks{beijing, london} {
		for i, f := range files {
			if got := x.arrives(1, i+1); !bytes.Equal(got, f) {
				t.Errorf("%s: file %d has %d bytes, want %d", x.name, i+1, len(got), len(f))
			}
		}
		s := x.shown(archive.In, 1)
		if !s.Verified || len(s.Attachments) != 4 || s.Attachments[0].Name != "Map 1.pdf" || s.Attachments[0].Here != 11 || s.Attachments[0].Pieces != 11 || !s.Attachments[0].Checked {
			t.Errorf("%s shows %+v %v", x.name, s.Attachments, s.Findings)
		}
		if n := m.places[x.name].files(t); n != 11+1+1+1 {
			t.Errorf("%s has %d pieces", x.name, n)
		}
	}
	// The sender knows how far they are, and has them itself.
	m.until("MOSCOW knows that they are there", func() bool {
		for _, a := range moscow.shown(archive.Out, 1).Attachments {
			if len(a.There) != 2 || !a.There[0].Checked || !a.There[1].Checked || a.There[0].Here != a.Pieces {
				return false
			}
		}
		return true
	})
	if got := moscow.read(moscow.attachment(archive.Out, 1, 1)); !bytes.Equal(got, files[0]) {
		t.Error("the sender's own is another file")
	}
	m.whole()
	for _, x := range m.opened() {
		if told := x.trouble(); strings.Contains(told, "alarm") {
			t.Errorf("%s was alarmed:\n%s", x.name, told)
		}
	}
	// What went over the wire is little more than the file, to each of two posts, and nothing of it in clear.
	parts, bytesSent := 0, 0
	for _, p := range m.ether.from(moscow.route) {
		if e := must(telegram.ParseEnvelope(p.envelope)); e.Type == telegram.PartType {
			parts++
			bytesSent += len(p.envelope)
			if e.Precedence != telegram.Immediate && e.Precedence != telegram.Deferred {
				t.Errorf("a piece travels at %v", e.Precedence)
			}
			if bytes.Contains(p.envelope, files[0][100_000:100_064]) {
				t.Error("a piece travels in clear")
			}
		}
	}
	if most := 2 * (700_000 + 65_536 + 20_000); bytesSent > most {
		t.Errorf("%d parts have %d bytes, more than %d", parts, bytesSent, most)
	}
}

// The same piece on its way to two posts has nothing that is the same.
func TestPiecesAreUnlinkable(t *testing.T) {
	m := openAttaching(t, nil)
	moscow := m.at("MOSCOW")
	m.run(names[:]...)
	moscow.send("To: AMBASSADOR@BEIJING\nTo: AMBASSADOR@LONDON\n" + moscow.attach("x", content(300_000, 1)) + "\nEnclosed.\n")
	m.delivered("MOSCOW")
	m.at("BEIJING").arrives(1, 1)
	m.at("LONDON").arrives(1, 1)
	seen := map[string]telegram.Route{}
	for _, p := range m.ether.from(moscow.route) {
		e := must(telegram.ParseEnvelope(p.envelope))
		if e.Type != telegram.PartType {
			continue
		}
		for at := 0; at+16 <= len(e.Body); at += 16 {
			if to, ok := seen[string(e.Body[at:at+16])]; ok && to != p.to {
				t.Fatalf("bytes %d of a piece to %v went to %v, too", at, p.to, to)
			}
			seen[string(e.Body[at:at+16])] = p.to
		}
		ask := e.Ask()
		if to, ok := seen[string(ask[:])]; ok && to != p.to {
			t.Error("one ask is answered to two posts")
		}
		seen[string(ask[:])] = p.to
	}
	if len(seen) < 1000 {
		t.Errorf("only %d blocks were seen", len(seen))
	}
}

func TestReadingIn(t *testing.T) {
	m := openAttaching(t, nil)
	x := m.at("MOSCOW")
	refuse := func(what, why string, err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v, want %q", what, err, why)
		}
	}
	_, err := x.BeginAttachment(background, "", telegram.MaxAttachment+1)
	refuse("too long", "more than 1073741824 bytes", err)
	_, err = x.BeginAttachment(background, "", -1)
	refuse("less than nothing", "more than", err)
	_, err = x.BeginAttachment(background, "a\x1bb", 1)
	refuse("a type that is none", "control character", err)
	id := must(x.BeginAttachment(background, "text/plain", 100_000))
	file := content(100_001, 1)
	refuse("from the midst", "was read in to byte 0, and not to 5", x.LoadAttachment(background, id, 5, file[5:10]))
	refuse("from before the beginning", "", x.LoadAttachment(background, id, -1, file[:10]))
	if err := x.LoadAttachment(background, id, 0, file[:70_000]); err != nil {
		t.Fatal(err)
	}
	_, err = x.EndAttachment(background, id)
	refuse("not all", "changed while it was read", err)
	refuse("too much", "changed while it was read", x.LoadAttachment(background, id, 70_000, file[70_000:]))
	for range 2 { // whoever got no answer says it again
		if err := x.LoadAttachment(background, id, 60_000, file[60_000:100_000]); err != nil {
			t.Fatal(err)
		}
	}
	refuse("a draft with a file that is not all read in", "attach it again", errorOf(x.Draft(background, form(x, fmt.Sprintf("To: AMBASSADOR@BEIJING\nAttached: %d x\n", id)))))
	a := must(x.EndAttachment(background, id))
	d := must(seal.NewAttachmentKey(a.Secret, a.Length)).Digest()
	d.Write(file[:100_000])
	if [32]byte(d.Sum(nil)) != a.Digest {
		t.Error("the digest is of another file")
	}
	refuse("one that is done", "not being read in", x.LoadAttachment(background, id, 100_000, nil))
	refuse("one that nobody began", "not being read in", x.LoadAttachment(background, 77, 0, file))
	refuse("a path", "is not read in yet", errorOf(x.Draft(background, form(x, "To: AMBASSADOR@BEIJING\nAttach: maps/x.pdf\n"))))
	refuse("a number that nothing has", "attach it again", errorOf(x.Draft(background, form(x, "To: AMBASSADOR@BEIJING\nAttached: 99 x\n"))))
	one := x.draft(fmt.Sprintf("To: AMBASSADOR@BEIJING\nAttached: %d x\n", id))
	refuse("another draft's", "another draft's", errorOf(x.Draft(background, form(x, fmt.Sprintf("To: AMBASSADOR@BEIJING\nAttached: %d x\n", id)))))
	refuse("taken from a draft", "belongs to a draft", x.AbandonAttachment(background, id))
	if err := x.Edit(background, one, form(x, "To: AMBASSADOR@BEIJING\n\nWithout it.\n")); err != nil {
		t.Fatal(err)
	}
	if err := x.AbandonAttachment(background, id); err != nil {
		t.Fatal(err)
	}
	if n := m.places["MOSCOW"].files(t); n != 0 {
		t.Errorf("%d pieces of what was taken away are there", n)
	}
	for range 8 {
		must(x.BeginAttachment(background, "", 1))
	}
	_, err = x.BeginAttachment(background, "", 1)
	refuse("many at the same time", "8 files are being attached", err)
}

func errorOf[T any](_ T, err error) error { return err }

// What is signed is the attachment too: an edit of it voids what the drafter signed, and a file whose pieces were touched is not handed over.
func TestAttachmentIsSigned(t *testing.T) {
	m := openAttaching(t, nil)
	x := m.at("MOSCOW")
	first, second := x.attach("First.pdf", content(200_000, 1)), x.attach("Second.pdf", content(10, 2))
	id := x.draft("To: AMBASSADOR@BEIJING\n" + first + "\nEnclosed.\n")
	d := must(x.ForHandOver(background, id, x.ref(drafter)))
	signed := must(telegram.Parse(d.Telegram))
	if len(signed.Attachments) != 1 || signed.Attachments[0].Name != "First.pdf" {
		t.Fatalf("what is signed has %+v", signed.Attachments)
	}
	if err := x.Edit(background, id, form(x, "To: AMBASSADOR@BEIJING\n"+second+"\nEnclosed.\n")); err != nil {
		t.Fatal(err)
	}
	if err := x.HandOver(background, id, d.Telegram, seal.HandOver(signed, x.people[drafter])); err == nil || !strings.Contains(err.Error(), "was changed since") {
		t.Errorf("handed over with another attachment: %v", err)
	}
	if err := x.Edit(background, id, form(x, "To: AMBASSADOR@BEIJING\n"+strings.Replace(first, "First", "1", 1)+second+"\nEnclosed.\n")); err != nil {
		t.Fatal(err)
	}
	// A piece is altered on the disk between reading in and handing over, and put right again.
	file := somePiece(t, m.places["MOSCOW"].path)
	was := must(os.ReadFile(file))
	for _, b := range [][]byte{nil, append(bytes.Clone(was[:len(was)-1]), was[len(was)-1]^1)} {
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := x.tryHandOver(id, drafter); err == nil || !strings.Contains(err.Error(), "gone or damaged") {
			t.Errorf("handed over with a damaged piece: %v", err)
		}
	}
	if err := os.WriteFile(file, was, 0o600); err != nil {
		t.Fatal(err)
	}
	x.handOver(id)
	if found := must(x.FindAttachment(background, post.AttachmentWanted{Draft: id, K: 1})); found.Name != "1.pdf" || !bytes.Equal(x.read(found), content(200_000, 1)) {
		t.Errorf("the releaser would see %+v", found)
	}
	x.release(id)
	m.run("MOSCOW")
	m.until("it is registered", func() bool { return x.state(id).Number == 1 })
	if s := x.shown(archive.Out, 1); !s.Verified || len(s.Attachments) != 2 || s.Attachments[0].Name != "1.pdf" {
		t.Errorf("%+v %v", s.Attachments, s.Findings)
	}
}

// somePiece is the file of the largest piece in a folder.
func somePiece(t *testing.T, dir string) (file string) {
	t.Helper()
	size := int64(0)
	for _, x := range must(filepath.Glob(filepath.Join(dir, "*", "*"))) {
		if s := must(os.Stat(x)); s.Size() > size {
			file, size = x, s.Size()
		}
	}
	return file
}

// With no place for pieces a post still takes telegrams that have attachments, and says what it cannot do.
func TestNoPlaceForPieces(t *testing.T) {
	m := openAttaching(t, func(c *post.Config) {
		if c.Name == "BEIJING" {
			c.Pieces = nil
		}
	})
	m.run()
	moscow, beijing := m.at("MOSCOW"), m.at("BEIJING")
	moscow.send("To: AMBASSADOR@BEIJING\n" + moscow.attach("x", content(10, 1)) + "\nEnclosed.\n")
	m.delivered("MOSCOW")
	a := beijing.attachment(archive.In, 1, 1)
	if a.State != pieces.Left || !strings.Contains(a.Why, "no place") {
		t.Errorf("%+v", a)
	}
	if _, err := beijing.BeginAttachment(background, "", 1); err == nil {
		t.Error("a file is read in to nowhere")
	}
	if _, err := beijing.ReadAttachment(background, a.File, 0); err == nil {
		t.Error("a file is read from nowhere")
	}
	if _, err := beijing.FetchAttachment(background, post.AttachmentWanted{Way: archive.In, Number: 1}); err == nil {
		t.Error("a file is fetched to nowhere")
	}
}

// What is longer than a post asks for by itself comes when somebody wants it; what was dropped comes again.
func TestFetchAndDrop(t *testing.T) {
	m := openAttaching(t, func(c *post.Config) { c.Fetch = 100_000 })
	m.run()
	moscow, beijing := m.at("MOSCOW"), m.at("BEIJING")
	long, short := content(300_000, 1), content(1000, 2)
	moscow.send("To: AMBASSADOR@BEIJING\n" + moscow.attach("long", long) + moscow.attach("short", short) + "\nEnclosed.\n")
	m.delivered("MOSCOW")
	if got := beijing.arrives(1, 2); !bytes.Equal(got, short) {
		t.Error("the short one is another file")
	}
	wanted := post.AttachmentWanted{Way: archive.In, Number: 1, K: 1}
	if a := beijing.attachment(archive.In, 1, 1); a.State != pieces.Left || a.Here != 0 || !strings.Contains(a.Why, "more than the 100000 bytes") {
		t.Errorf("the long one is %+v", a)
	}
	if _, err := beijing.ReadAttachment(background, beijing.attachment(archive.In, 1, 1).File, 0); err == nil || !strings.Contains(err.Error(), "0 of its 5 pieces are") {
		t.Errorf("a file that is not here is read: %v", err)
	}
	for range 2 {
		if a := must(beijing.FetchAttachment(background, wanted)); a.State == pieces.Left {
			t.Errorf("asked for, it is %+v", a)
		}
		if got := beijing.arrives(1, 1); !bytes.Equal(got, long) {
			t.Error("the long one is another file")
		}
		if a := must(beijing.DropAttachment(background, wanted)); a.State != pieces.Left || a.Here != 0 || m.places["BEIJING"].files(t) != 1 {
			t.Errorf("dropped, it is %+v, and there are %d pieces", a, m.places["BEIJING"].files(t))
		}
	}
	own := post.AttachmentWanted{Way: archive.Out, Number: 1, K: 1}
	if _, err := moscow.DropAttachment(background, own); err == nil {
		t.Error("what a post sent is dropped")
	}
	if _, err := moscow.FetchAttachment(background, own); err == nil {
		t.Error("what a post sent is fetched")
	}
	for _, w := range []post.AttachmentWanted{{Way: archive.In, Number: 1}, {Way: archive.In, Number: 1, K: 3}, {Way: archive.In, Number: 1, K: -1}, {Way: archive.In, Number: 2, K: 1}, {Draft: 1}} {
		if _, err := beijing.FindAttachment(background, w); err == nil {
			t.Errorf("%+v is found", w)
		}
	}
	if !errors.Is(errorOf(beijing.ReadAttachment(background, beijing.attachment(archive.In, 1, 2).File, 9)), pieces.ErrNone) {
		t.Error("there is a tenth piece of a file of one")
	}
	m.whole()
}
