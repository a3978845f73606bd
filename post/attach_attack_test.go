package post_test

import (
	"bytes"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/pieces"
	"chancery.example/chancery/post"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/telegram"
)

// enclosure is a file that a clerk attaches by hand, honestly or not.
type enclosure struct {
	is     telegram.Attachment
	key    *seal.AttachmentKey
	sealed [][]byte
	tree   *telegram.PieceTree
}

// enclose seals a file. change, when not nil, changes what the telegram will say of it.
func enclose(file []byte, change func(*enclosure)) *enclosure {
	x := &enclosure{is: telegram.Attachment{Name: "x", Length: int64(len(file))}}
	rand.Read(x.is.Secret[:])
	x.key = must(seal.NewAttachmentKey(x.is.Secret, x.is.Length))
	d := x.key.Digest()
	d.Write(file)
	x.is.Digest = [32]byte(d.Sum(nil))
	for i := range telegram.Pieces(x.is.Length) {
		_, n := telegram.PieceLen(x.is.Length, i)
		x.sealed = append(x.sealed, must(x.key.Seal(i, file[i*telegram.PieceSize:][:n])))
	}
	if change != nil {
		change(x)
	}
	x.tree = must(telegram.NewPieceTree(len(x.sealed), func(i int) [32]byte { return pieces.DigestOf(x.sealed[i]) }))
	x.is.Root = must(x.tree.Root())
	return x
}

// encloses has the clerk's telegram say what is enclosed.
func (c *clerk) encloses(xs ...*enclosure) {
	c.change = func(t *telegram.Telegram) {
		for _, x := range xs {
			t.Attachments = append(t.Attachments, x.is)
		}
	}
}

// asks are those that BEIJING has sent to the clerk's post.
func (c *clerk) asks() (all []*telegram.Ask) {
	for _, p := range c.m.ether.from(c.to.route) {
		e := must(telegram.ParseEnvelope(p.envelope))
		if p.to != c.of.route || e.Type != telegram.Letter {
			continue
		}
		for _, k := range c.of.keys.Letters {
			l, err := seal.Open(&e, k.Key, c.of.name, func(name string) *seal.Verifier { return world().posts[name].keys.Identity.Verifier() })
			if err != nil || !telegram.IsService(l.Payload) {
				continue
			}
			if s := must(telegram.ParseService(l.Payload)); s.Kind == telegram.ServiceAsk {
				all = append(all, must(telegram.ParseAsk(s.Statement)))
			}
		}
	}
	return all
}

// ask waits for an ask after the first n.
func (c *clerk) ask(n int) *telegram.Ask {
	c.m.t.Helper()
	c.m.until("it asks", func() bool { return len(c.asks()) > n })
	return c.asks()[n]
}

// part answers an ask with bytes that the clerk gives out as a piece.
func (c *clerk) part(a *telegram.Ask, piece int, carried []byte) []byte {
	e := telegram.Envelope{To: c.to.route, Precedence: telegram.Deferred, ID: telegram.PartID(a.ID, 0)}
	must(seal.NewPartKey(a.Secret)).Seal(&e, &telegram.PiecePart{Piece: uint32(piece), Whole: uint32(len(carried)), Bytes: carried})
	return e.Marshal()
}

func (x *enclosure) carried(i int) []byte { return telegram.Carry(must(x.tree.Path(i)), x.sealed[i]) }

// askOf makes an ask of the clerk's post, signed by it.
func (c *clerk) askOf(a telegram.Ask) []byte {
	a.From, a.To, a.At = c.of.name, c.to.name, time.Now().Unix()
	return c.signedAsk(a)
}

func (c *clerk) signedAsk(a telegram.Ask) []byte {
	s := telegram.Service{Kind: telegram.ServiceAsk, Statement: a.Marshal()}
	s.Ed, s.PQ = c.identity.Sign(telegram.LabelAsk, s.Statement)
	return c.letter(s.Marshal())
}

// Only who was sent a telegram gets its pieces, only pieces that there are, and each ask is answered once.
func TestAsksThatAreRefused(t *testing.T) {
	m := openAttaching(t, nil)
	moscow := m.at("MOSCOW")
	m.run("MOSCOW")
	file := content(3*telegram.PieceSize, 1)
	moscow.send("To: AMBASSADOR@BEIJING\n" + moscow.attach("x", file) + "\nEnclosed.\n")
	m.until("it is on its way", func() bool { return moscow.count("select count(*) from wire where sent is not null") == 1 })
	root := moscow.shown(archive.Out, 1).Root
	good := telegram.Ask{Serial: 1, Root: root, Attachment: 1, ID: [8]byte{1}, Secret: [32]byte{2}, Part: telegram.MaxPart, Limit: telegram.MaxAskBytes, Ranges: []telegram.PieceRange{{Piece: 0, Count: 3}}}
	parts := func() (n int) {
		for _, p := range m.ether.from(moscow.route) {
			if must(telegram.ParseEnvelope(p.envelope)).Type == telegram.PartType {
				n++
			}
		}
		return n
	}
	refused := func(name, says string, alarm bool, asker string, make func(c *clerk) []byte) {
		t.Run(name, func(t *testing.T) {
			alarms, log := moscow.count("select coalesce(sum(times), 0) from alarm"), len(moscow.log.String())
			m.deliver("MOSCOW", make(newClerk(m.ministry, asker, "MOSCOW")))
			time.Sleep(30 * time.Millisecond)
			if n := parts(); n != 0 {
				t.Fatalf("%d parts were sent", n)
			}
			if told := moscow.log.String()[log:]; !strings.Contains(told, says) {
				t.Errorf("people were not told %q:\n%s", says, told)
			}
			if n := moscow.count("select coalesce(sum(times), 0) from alarm") - alarms; n > 0 != alarm {
				t.Errorf("there are %d alarms, wanted one: %v", n, alarm)
			}
		})
	}
	change := func(edit func(*telegram.Ask)) func(c *clerk) []byte {
		return func(c *clerk) []byte {
			a := good
			edit(&a)
			return c.askOf(a)
		}
	}
	refused("a post that was not addressed", "no such telegram went to it as serial 1", true, "LONDON", change(func(*telegram.Ask) {}))
	refused("another telegram", "no such telegram went to it as serial 1", true, "BEIJING", change(func(a *telegram.Ask) { a.Root[0] ^= 1 }))
	refused("a serial that was not given", "no such telegram went to it as serial 2", true, "BEIJING", change(func(a *telegram.Ask) { a.Serial = 2 }))
	refused("an attachment that it has not", "serial 1 has no attachment 2", true, "BEIJING", change(func(a *telegram.Ask) { a.Attachment = 2 }))
	refused("pieces that it has not", "attachment 1 of serial 1 has 3 pieces, and no others", true, "BEIJING", change(func(a *telegram.Ask) { a.Ranges[0].Count = 4 }))
	good.Ranges = []telegram.PieceRange{{Piece: 0, Count: 3}}
	refused("pieces far beyond", "has 3 pieces, and no others", true, "BEIJING", change(func(a *telegram.Ask) { a.Ranges = []telegram.PieceRange{{Piece: 1<<32 - 1, Count: 1}} }))
	refused("more pieces here than there are", "has 3 pieces, and no others", true, "BEIJING", change(func(a *telegram.Ask) { a.Here = 4 }))
	refused("four thousand million pieces", "malformed", true, "BEIJING", change(func(a *telegram.Ask) { a.Ranges = []telegram.PieceRange{{Piece: 0, Count: 1<<32 - 1}} }))
	refused("in another post's name", "it is another post that asks", true, "LONDON", func(c *clerk) []byte {
		a := good
		a.From, a.To = "BEIJING", "MOSCOW"
		return c.signedAsk(a)
	})
	refused("of another post", "it is another post that asks", true, "BEIJING", func(c *clerk) []byte {
		a := good
		a.From, a.To = "BEIJING", "LONDON"
		return c.signedAsk(a)
	})
	refused("under another signature", "the signature on what it asks for does not hold", true, "BEIJING", func(c *clerk) []byte {
		a := good
		a.From, a.To = "BEIJING", "MOSCOW"
		s := telegram.Service{Kind: telegram.ServiceAsk, Statement: a.Marshal()}
		s.Ed, s.PQ = c.identity.Sign(telegram.LabelReceipt, s.Statement)
		return c.letter(s.Marshal())
	})
	refused("nothing, only how far it is", "", false, "BEIJING", change(func(a *telegram.Ask) { a.Ranges, a.Here = nil, 2 }))
	if there := moscow.shown(archive.Out, 1).Attachments[0].There; len(there) != 1 || there[0].Here != 2 || there[0].Checked {
		t.Errorf("how far it is there: %+v", there)
	}
	// What is right is answered, and the same again is not.
	c := newClerk(m.ministry, "BEIJING", "MOSCOW")
	letter := c.askOf(good)
	m.deliver("MOSCOW", letter)
	m.until("it is answered", func() bool { return parts() == 6 })
	m.deliver("MOSCOW", letter, c.askOf(good))
	time.Sleep(50 * time.Millisecond)
	if n := parts(); n != 6 {
		t.Errorf("a repeated ask is answered: %d parts", n)
	}
	// Of what is limited so much is sent, and of what is asked for in the place of something else only the last.
	good.ID, good.Limit = [8]byte{2}, 1
	m.deliver("MOSCOW", c.askOf(good))
	m.until("a little is answered", func() bool { return parts() == 8 }) // a piece in two parts is one message
	m.whole()
}

// What is no answer to an ask of this post is dropped, and costs nothing: no entry, no alarm, no file.
func TestPartsThatNobodyAskedFor(t *testing.T) {
	m := openAttaching(t, nil)
	beijing := m.at("BEIJING")
	m.run("BEIJING")
	c := newClerk(m.ministry, "MOSCOW", "BEIJING")
	x := enclose(content(100_000, 1), nil)
	c.encloses(x)
	m.deliver("BEIJING", c.envelopes(1)...)
	ask := c.ask(0)
	good := c.part(ask, 0, x.carried(0))
	edited := func(edit func(*telegram.Envelope)) []byte {
		e := must(telegram.ParseEnvelope(bytes.Clone(good)))
		edit(&e)
		return e.Marshal()
	}
	other := *ask
	other.Secret[0] ^= 1
	for name, e := range map[string][]byte{
		"of an unknown ask":           edited(func(e *telegram.Envelope) { e.ID[0] ^= 1 }),
		"with another number":         edited(func(e *telegram.Envelope) { e.ID[11] ^= 1 }),
		"at another precedence":       edited(func(e *telegram.Envelope) { e.Precedence = telegram.Flash }),
		"for another post":            edited(func(e *telegram.Envelope) { e.To = world().posts["LONDON"].route }),
		"with a bit turned":           edited(func(e *telegram.Envelope) { e.Body[100] ^= 1 }),
		"cut":                         good[:60],
		"under another secret":        c.part(&other, 0, x.carried(0)),
		"of a piece that is not":      c.part(ask, 2, x.carried(0)),
		"of a piece far beyond":       c.part(ask, 1<<31, x.carried(0)),
		"what is no part, but opens":  sealedAs(c, ask, []byte("short")),
		"under another post's letter": newClerk(m.ministry, "LONDON", "BEIJING").part(&other, 0, x.carried(0)),
	} {
		if err := m.ether.deliver(beijing.route, must(telegram.ParseEnvelope(e)).Precedence, e); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if a := beijing.attachment(archive.In, 1, 1); a.Here != 0 {
			t.Fatalf("%s: it is taken", name)
		}
	}
	if err := m.ether.deliver(beijing.route, telegram.Flash, good); err != nil { // graded again by the carrier
		t.Error(err)
	}
	if n := beijing.count("select count(*) from alarm"); n != 0 || beijing.attachment(archive.In, 1, 1).Here != 0 || m.places["BEIJING"].files(t) != 0 {
		t.Errorf("%d alarms, and something is kept", n)
	}
	if told := beijing.log.String(); strings.Count(told, "did not ask for") != 1 {
		t.Errorf("it is not told once:\n%s", told)
	}
	m.deliver("BEIJING", good, good, c.part(ask, 1, x.carried(1)), good)
	if got := beijing.arrives(1, 1); !bytes.Equal(got, content(100_000, 1)) {
		t.Error("it is another file")
	}
	m.whole()
}

// sealedAs seals anything as an answer.
func sealedAs(c *clerk, a *telegram.Ask, what []byte) []byte {
	p := telegram.PiecePart{Bytes: what}
	e := telegram.Envelope{To: c.to.route, Precedence: telegram.Deferred, ID: telegram.PartID(a.ID, 0)}
	must(seal.NewPartKey(a.Secret)).Seal(&e, &p)
	return e.Marshal()
}

// A post that sends what is none of the attachment is found out at the first piece, and people are told; what is right is taken afterwards.
func TestPiecesThatAreNone(t *testing.T) {
	x := enclose(content(200_000, 1), nil)
	another := enclose(content(200_000, 2), nil)
	for name, carried := range map[string][]byte{
		"another file's":          another.carried(0),
		"of another place":        x.carried(1),
		"under another path":      telegram.Carry(must(x.tree.Path(1)), x.sealed[0]),
		"altered":                 telegram.Carry(must(x.tree.Path(0)), append(bytes.Clone(x.sealed[0][:100]), x.sealed[0][101:]...)),
		"cut":                     telegram.Carry(must(x.tree.Path(0)), x.sealed[0][:1000]),
		"with a path that is cut": telegram.Carry(must(x.tree.Path(0))[1:], x.sealed[0]),
		"with an endless path":    {255, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := openAttaching(t, nil)
			beijing := m.at("BEIJING")
			m.run("BEIJING")
			c := newClerk(m.ministry, "MOSCOW", "BEIJING")
			c.encloses(x)
			m.deliver("BEIJING", c.envelopes(1)...)
			ask := c.ask(0)
			m.deliver("BEIJING", c.part(ask, 0, carried))
			if told := beijing.trouble(); !strings.Contains(told, "alarm of MOSCOW, 1 times: it sent a piece of attachment 1 of serial 1 that is none") {
				t.Errorf("nobody was told:\n%s", told)
			}
			if a := beijing.attachment(archive.In, 1, 1); a.Here != 0 || m.places["BEIJING"].files(t) != 0 {
				t.Errorf("it is kept: %+v", a)
			}
			m.deliver("BEIJING", c.part(ask, 0, x.carried(0)))
			if a := beijing.attachment(archive.In, 1, 1); a.Here != 1 {
				t.Errorf("what is right is not taken: %+v", a)
			}
		})
	}
}

// Pieces that are all under the root and still make no file, or another than was signed, are never shown.
func TestPiecesThatMakeNoFile(t *testing.T) {
	file := content(100_000, 1)
	for name, c := range map[string]struct {
		change func(*enclosure)
		why    string
	}{
		"another digest":        {func(x *enclosure) { x.is.Digest[0] ^= 1 }, "its digest is another"},
		"another secret":        {func(x *enclosure) { x.is.Secret[0] ^= 1 }, "not sealed under the attachment's key"},
		"pieces exchanged":      {func(x *enclosure) { x.sealed[0] = must(x.key.Seal(0, content(telegram.PieceSize, 9))) }, "its digest is another"},
		"a shorter length":      {func(x *enclosure) { x.is.Length -= 100 }, "there is something behind its end"},
		"a length that is more": {func(x *enclosure) { x.is.Length += 100 }, "its digest is another"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := openAttaching(t, nil)
			beijing := m.at("BEIJING")
			m.run("BEIJING")
			k := newClerk(m.ministry, "MOSCOW", "BEIJING")
			x := enclose(file, c.change)
			k.encloses(x)
			m.deliver("BEIJING", k.envelopes(1)...)
			ask := k.ask(0)
			for i := range x.sealed {
				m.deliver("BEIJING", k.part(ask, i, x.carried(i)))
			}
			m.until("it is found out", func() bool { return beijing.attachment(archive.In, 1, 1).State == pieces.Damaged })
			a := beijing.attachment(archive.In, 1, 1)
			if !strings.Contains(a.Why, c.why) || a.Checked {
				t.Errorf("%+v", a)
			}
			if _, err := beijing.ReadAttachment(background, a.File, 0); err == nil {
				t.Error("it is shown")
			}
			if told := beijing.trouble(); !strings.Contains(told, "alarm of MOSCOW, 1 times: attachment 1 of serial 1 cannot be opened") {
				t.Errorf("nobody was told:\n%s", told)
			}
			// By command it is asked for again, from its first piece on.
			n := len(k.asks())
			if _, err := beijing.FetchAttachment(background, post.AttachmentWanted{Way: archive.In, Number: 1}); err != nil {
				t.Fatal(err)
			}
			if again := k.ask(n); again.Here != 0 || again.Ranges[0].Piece != 0 {
				t.Errorf("it asks for %+v", again)
			}
		})
	}
}

// Of a post that never sends, and of one that sends only a little, people hear after a while. It is asked ever more rarely, and for less.
func TestPostThatNeverSends(t *testing.T) {
	m := openAttaching(t, func(c *post.Config) { c.Retry = time.Millisecond })
	beijing := m.at("BEIJING")
	m.run("BEIJING")
	c := newClerk(m.ministry, "MOSCOW", "BEIJING")
	c.encloses(enclose(content(1_000_000, 1), nil))
	m.deliver("BEIJING", c.envelopes(1)...)
	m.until("people are told", func() bool {
		return strings.Contains(beijing.trouble(), "alarm of MOSCOW, 1 times: it sends nothing of attachment 1 of serial 1")
	})
	asks := c.asks()
	if first, last := asks[0], asks[len(asks)-1]; len(asks) > 12 || first.Limit != 128<<10 || last.Limit != 16<<10 || len(last.Ranges) != 1 || last.Ranges[0].Count != 1 {
		t.Errorf("%d asks, the first %+v, the last %+v", len(asks), first, last)
	}
	ids := map[[8]byte]bool{}
	for _, a := range asks {
		ids[a.ID] = true
	}
	if len(ids) != len(asks) {
		t.Error("two asks have one id")
	}
}

// However a hostile sender cuts them, the parts of what was asked for make the piece, and what overlaps, repeats or lies about the whole does no harm.
func TestPartsInAnyWay(t *testing.T) {
	m := openAttaching(t, nil)
	beijing := m.at("BEIJING")
	m.run("BEIJING")
	c := newClerk(m.ministry, "MOSCOW", "BEIJING")
	file := content(telegram.PieceSize, 1)
	x := enclose(file, nil)
	c.encloses(x)
	m.deliver("BEIJING", c.envelopes(1)...)
	ask := c.ask(0)
	whole := x.carried(0)
	part := func(from, to, length int) []byte {
		e := telegram.Envelope{To: c.to.route, Precedence: telegram.Deferred, ID: telegram.PartID(ask.ID, 0)}
		must(seal.NewPartKey(ask.Secret)).Seal(&e, &telegram.PiecePart{Offset: uint32(from), Whole: uint32(length), Bytes: append(bytes.Clone(whole), make([]byte, 400)...)[from:to]})
		return e.Marshal()
	}
	n := len(whole)
	m.deliver("BEIJING", part(0, 1000, n-5), part(n-1000, n, n), part(0, 1, n), part(500, 9000, n), part(500, 600, n), part(400, 10_000, n), part(1, 450, n), part(20_000, n-999, n), part(5, 100, n+100))
	if a := beijing.attachment(archive.In, 1, 1); a.Here != 0 {
		t.Fatal("it is whole too soon")
	}
	m.deliver("BEIJING", part(0, 10_500, n), part(20_000, n, n), part(10_400, 20_001, n))
	if got := beijing.arrives(1, 1); !bytes.Equal(got, file) {
		t.Error("it is another file")
	}
	if told := beijing.trouble(); strings.Contains(told, "alarm") {
		t.Errorf("people were told:\n%s", told)
	}
}

// Lying names never become files here: they are refused with the telegram.
func TestHostileNamesAreRefused(t *testing.T) {
	m := openAttaching(t, nil)
	beijing := m.at("BEIJING")
	m.run("BEIJING")
	for i, name := range []string{"../../.ssh/authorized_keys", "report\u202efdp.exe", "a\x00b", "CON"} {
		c := newClerk(m.ministry, "MOSCOW", "BEIJING")
		x := enclose([]byte("x"), nil)
		x.is.Name = name
		c.encloses(x)
		c.serial, c.register = uint32(i+1), uint32(i+1)
		m.deliver("BEIJING", c.envelopes(1)...)
	}
	two := newClerk(m.ministry, "MOSCOW", "BEIJING")
	a, b := enclose([]byte("x"), nil), enclose([]byte("y"), nil)
	a.is.Name, b.is.Name = "Same.txt", "same.TXT"
	two.encloses(a, b)
	m.deliver("BEIJING", two.envelopes(1)...)
	if n := len(beijing.received()); n != 0 {
		t.Errorf("%d telegrams were taken", n)
	}
	if told := beijing.trouble(); strings.Count(told, "alarm of MOSCOW") < 5 {
		t.Errorf("people were told\n%s", told)
	}
	if n := beijing.count("select count(*) from attachment"); n != 0 {
		t.Errorf("%d attachments are expected", n)
	}
}
