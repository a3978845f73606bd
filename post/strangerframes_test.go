package post_test

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/post"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/telegram"
)

// framesHandedOver is a telegram that went in frames, in the brief form, on the chain that the letter of another telegram opened, and the signature that
// followed.
func framesHandedOver(t *testing.T) map[string]string {
	t.Helper()
	m := framed(t, nil)
	moscow, beijing := m.at("MOSCOW"), m.at("BEIJING")
	seed := make([]byte, 32)
	for i := range seed {
		seed[i] = byte(i + 0x41)
	}
	key := must(seal.ParseLetterKey(seed))
	_, said := beijing.letterKey(7, beijing.nextSaid.NotBefore.Add(1))
	said.XWing, said.ID = key.Public(), [4]byte{9, 9, 9, 9}
	said.Signature = vouch(beijing.keys.Identity, telegram.LabelPeriod, said.Body())
	d := after(world().dir, said)
	own := *beijing.secrets
	own.keys.Letters = append(slices.Clone(own.keys.Letters), post.LetterKey{ID: said.ID, Key: key})
	beijing.secrets = &own
	beijing.reopen()
	m.adopts(d, "MOSCOW", "BEIJING")
	m.run()
	moscow.send("From: MINISTRY\nTo: AMBASSADOR@BEIJING\n\nThe first.\n")
	m.delivered("MOSCOW")
	long := strings.Repeat("The harbour master counts what the ice has left: quays, cranes, and forty wagons on the mole. ", 12)
	moscow.send("From: MINISTRY\nTo: AMBASSADOR@BEIJING; flash\nInfo: MINISTRY@LONDON\nSubject: Ice\n\n" + long + "\n\n渡轮停运。 " + long + "\n")
	m.until("it is received, and all signatures have followed", func() bool {
		return len(beijing.received()) == 2 && beijing.shown(archive.In, 2).Signature == "verified"
	})
	m.crash()
	letter := fmt.Sprintf("to BEIJING\nkey %x\n", seed)
	seen := map[string]bool{}
	var chain *seal.Chain
	for _, p := range m.ether.from(moscow.route) {
		e := must(telegram.ParseEnvelope(p.envelope))
		if p.to != beijing.route || seen[string(p.envelope)] {
			continue
		}
		seen[string(p.envelope)] = true
		if e.Type == telegram.Letter && e.KeyID == said.ID && chain == nil {
			l := must(seal.Open(&e, key, "BEIJING", func(string) *seal.Verifier { return moscow.keys.Identity.Verifier() }))
			if _, opens := telegram.CutOpensChain(l.Payload); opens {
				chain = l.Chain()
				letter += "opens " + hex.EncodeToString(p.envelope) + "\n"
			}
		}
		if e.Type != telegram.Frame || chain == nil || e.Chain != chain.ID {
			continue
		}
		content := must(chain.Open(&e))
		_, n := binary.Uvarint(content)
		if payload := content[n:]; !telegram.IsService(payload) {
			if must(telegram.ParseFrameSection(payload)).Serial != 2 {
				continue
			}
		} else if payload[1] != telegram.ServiceLate || must(telegram.ParseLate(payload[2:])).Items[0].Serial != 2 {
			continue
		}
		letter += "envelope " + hex.EncodeToString(p.envelope) + "\n"
	}
	return map[string]string{
		"directory.txt": string(d.Marshal()),
		"fingerprint":   d.Fingerprint().String() + "\n",
		"letter.txt":    letter,
		"proof.txt":     must(moscow.Prove(background, archive.Out, 0, 2)),
		"proof-in.txt":  must(beijing.Prove(background, archive.In, 0, 2)),
		"expected":      moscow.shown(archive.Out, 2).Root.String(),
	}
}

// frameAlterations are of a telegram in frames.
func frameAlterations() []alteration {
	return []alteration{
		{"a frame's version", bit(0), "unknown version"},
		{"a frame's precedence", bit(4), "a frame is not sealed on its chain, or was altered"},
		{"a frame's chain", bit(5), "none of the letters opens the chain"},
		{"a frame's number", bit(10), "a frame is not sealed on its chain, or was altered"},
		{"a frame's nonce", bit(11), "a frame is not sealed on its chain, or was altered"},
		{"a frame's text", bit(60), "a frame is not sealed on its chain, or was altered"},
		{"a frame is missing", envelopes(func(all []string) []string { return all[1:] }), "sections"},
		{"a frame stands there twice", envelopes(func(all []string) []string { return append(all, all[0]) }), "a section is given twice"},
		{"the signature that follows is missing", envelopes(func(all []string) []string {
			return slices.DeleteFunc(all, func(e string) bool { return len(e) > 2*2420 })
		}), "is still to follow"},
		{"the letter that opened the chain is missing", func(f map[string]string) error {
			head, rest, _ := strings.Cut(f["letter.txt"], "opens ")
			_, rest, _ = strings.Cut(rest, "\n")
			f["letter.txt"] = head + rest
			return nil
		}, "none of the letters opens the chain"},
		{"the letter that opened the chain, one bit of it", func(f map[string]string) error {
			f["letter.txt"] = strings.ReplaceAll(f["letter.txt"], "opens ", "envelope ")
			if err := bit(25 + 1120 + 100)(f); err != nil {
				return err
			}
			f["letter.txt"] = strings.Replace(f["letter.txt"], "envelope ", "opens ", 1)
			return nil
		}, "not sealed to this key, or was altered"},
	}
}

// TestStrangerFrames is TestStranger with a telegram in frames.
func TestStrangerFrames(t *testing.T) {
	python := python(t)
	files := framesHandedOver(t)
	takes(t, python, files, "vectors-frames")
	refusesEach(t, python, files, frameAlterations())
}

// onChain seals payloads in frames on the chain that a letter of the clerk's opens, which brings a section of another telegram.
func (c *clerk) onChain(opens bool, payloads ...[]byte) (letter []byte, frames [][]byte) {
	first := (&telegram.Section{Circuit: 1, Special: 1, Lane: 1, Serial: 99, I: 1, N: 2, Piece: []byte("x")}).Marshal()
	if opens {
		first = telegram.OpensChain(first)
	}
	e := telegram.Envelope{To: c.to.route, Precedence: c.precedence, KeyID: c.to.keys.Letters[0].ID}
	l := seal.Letter{From: c.letterFrom, To: c.to.name, DirectorySize: c.size, DirectoryRoot: c.directory, Payload: first}
	if err := l.Seal(&e, must(seal.NewRecipient(c.to.keys.Letters[0].Key.Public())), c.identity); err != nil {
		c.m.t.Fatal(err)
	}
	for n, payload := range payloads {
		f := telegram.Envelope{To: c.to.route, Precedence: c.precedence}
		if err := l.Chain().Seal(&f, uint16(n*1000), append(binary.AppendUvarint(nil, c.size), payload...)); err != nil {
			c.m.t.Fatal(err)
		}
		frames = append(frames, f.Marshal())
	}
	return e.Marshal(), frames
}

// TestStrangerForgedFrames gives the checker what a hostile post can put into frames.
func TestStrangerForgedFrames(t *testing.T) {
	python := python(t)
	longer := after(world().dir, world().posts["BEIJING"].nextSaid)
	section := func(i, n uint32, brief bool, piece []byte) []byte {
		return (&telegram.Section{Circuit: 1, Special: i, Lane: i, Serial: 1, I: i, N: n, Brief: brief, Piece: piece}).MarshalFrame()
	}
	late := func(from string, serial uint32, pq []byte) []byte {
		return append([]byte{0, telegram.ServiceLate}, (&telegram.Late{From: from, To: "BEIJING", Items: []telegram.LateItem{{Serial: serial, ReleasePQ: pq}}}).Marshal()...)
	}
	for _, x := range []struct {
		name   string
		closed bool // the letter opens no chain
		make   func(r *telegram.Registered) [][]byte
		says   string // "" where all holds
	}{
		{"the brief form in two frames", false, func(r *telegram.Registered) [][]byte {
			b := r.Brief()
			return [][]byte{section(2, 2, true, b[100:]), late("MOSCOW", 1, r.ReleasePQ), section(1, 2, true, b[:100])}
		}, ""},
		{"the full form in a frame", false, func(r *telegram.Registered) [][]byte { return [][]byte{section(1, 1, false, r.Marshal())} }, ""},
		{"a letter that opens no chain", true, func(r *telegram.Registered) [][]byte { return [][]byte{section(1, 1, false, r.Marshal())} }, "none of the letters opens the chain"},
		{"a signature that follows and is another", false, func(r *telegram.Registered) [][]byte {
			pq := slices.Clone(r.ReleasePQ)
			pq[100] ^= 1
			return [][]byte{section(1, 1, true, r.Brief()), late("MOSCOW", 1, pq)}
		}, "the proof is of another telegram"},
		{"a signature that follows for another telegram", false, func(r *telegram.Registered) [][]byte {
			return [][]byte{section(1, 1, true, r.Brief()), late("MOSCOW", 2, r.ReleasePQ)}
		}, "is still to follow"},
		{"a signature that follows from another post", false, func(r *telegram.Registered) [][]byte {
			return [][]byte{section(1, 1, true, r.Brief()), late("LONDON", 1, r.ReleasePQ)}
		}, "between other posts"},
		{"one section of the brief form and one of the full", false, func(r *telegram.Registered) [][]byte {
			b := r.Brief()
			return [][]byte{section(1, 2, true, b[:100]), section(2, 2, false, b[100:])}
		}, "some of the sections are of the brief form"},
		{"circuit 127", false, func(r *telegram.Registered) [][]byte {
			b := section(1, 1, false, r.Marshal())
			b[0] = 127
			return [][]byte{b}
		}, "a section without its numbers"},
		{"a number longer than it need be", false, func(r *telegram.Registered) [][]byte {
			return [][]byte{append([]byte{1, 0x81, 0}, section(1, 1, false, r.Marshal())[2:]...)}
		}, "longer than it need be"},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			c := newClerk(open(t, nil), "MOSCOW", "BEIJING")
			letter, frames := c.onChain(!x.closed, x.make(c.registered())...)
			files := c.handsOut(longer, frames)
			files["letter.txt"] += fmt.Sprintf("opens %x\n", letter)
			judges(t, python, files, x.says)
		})
	}
	t.Run("a one-time key", func(t *testing.T) {
		c := newClerk(open(t, nil), "MOSCOW", "BEIJING")
		key := must(seal.NewLetterKey())
		to := *c.to
		to.keys.Letters = []post.LetterKey{{ID: [4]byte{1, 2, 3, 4}, Key: key}}
		c.to = &to
		given := func(from, to string, id byte) string {
			s := telegram.Service{Kind: telegram.ServiceKey, Statement: (&telegram.GivenKey{From: from, To: to, At: time.Now().Unix(), ID: [4]byte{id, 2, 3, 4}, XWing: key.Public()}).Marshal()}
			s.Ed, s.PQ = world().posts["BEIJING"].keys.Identity.Sign(telegram.LabelGiven, s.Statement)
			return fmt.Sprintf("given %x\n", s.Marshal())
		}
		s := telegram.Section{Circuit: 1, Special: 1, Lane: 1, Serial: 1, I: 1, N: 1, Piece: c.registered().Marshal()}
		files := c.handsOut(longer, [][]byte{c.letter(telegram.OpensChain(s.Marshal()))})
		without := files["letter.txt"]
		for _, x := range []struct{ given, says string }{
			{given("BEIJING", "MOSCOW", 1), ""},
			{"", "no such letter key"},
			{given("BEIJING", "LONDON", 1), "no such letter key"},
			{given("BEIJING", "MOSCOW", 2), "no such letter key"},
			{given("LONDON", "MOSCOW", 1), "is another post's"},
			{strings.Replace(given("BEIJING", "MOSCOW", 1), "given 0006", "given 0002", 1), "is another message"},
		} {
			files["letter.txt"] = without + x.given
			judges(t, python, files, x.says)
		}
	})
}
