package post_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"chancery.example/chancery/directory"
	"chancery.example/chancery/register"
	"chancery.example/chancery/telegram"
	"golang.org/x/mod/sumdb/note"
)

// handsOut gives what the checker takes of envelopes by a clerk, with a proof that the telegram he made last is entered in his post's register.
func (c *clerk) handsOut(d *directory.Directory, envelopes [][]byte) map[string]string {
	letter := "to " + c.to.name + "\n"
	for _, k := range c.to.keys.Letters {
		letter += fmt.Sprintf("key %x\n", must(k.Key.Bytes()))
	}
	for _, e := range envelopes {
		letter += fmt.Sprintf("envelope %x\n", e)
	}
	_, root := c.lastMade.Telegram.Roots()
	entry, origin := c.lastMade.OutEntry(root, &c.lastMade.Numbers), register.Origin(c.of.route)
	text := register.CheckpointText(origin, 1, telegram.EntryHash(entry))
	signed := must(note.Sign(&note.Note{Text: text}, must(c.of.keys.Register.Cosigners(origin))...))
	return map[string]string{
		"directory.txt": string(d.Marshal()),
		"fingerprint":   d.Fingerprint().String() + "\n",
		"letter.txt":    letter,
		"proof.txt":     fmt.Sprintf("c2sp.org/tlog-proof@v1\nextra %s\nindex 0\n\n%s", base64.StdEncoding.EncodeToString(entry), signed),
		"expected":      root.String(),
	}
}

// otherKey has the clerk seal to the receiver's other letter key.
func (c *clerk) otherKey() *clerk {
	other, to := *c, *c.to
	to.keys.Letters = to.keys.Letters[1:]
	other.to = &to
	return &other
}

// TestStrangerForged gives the checker what a post can make that lies and has all its keys, and wants of it what a receiving post finds.
func TestStrangerForged(t *testing.T) {
	python := python(t)
	longer := after(world().dir, world().posts["BEIJING"].nextSaid)
	// halves are the two sections of a telegram, as the clerk makes them.
	halves := func(c *clerk, second func(piece []byte) []byte) [][]byte {
		raw := c.registered().Marshal()
		return [][]byte{c.piece(1, 2, raw[:1000]), second(raw[1000:])}
	}
	for _, x := range []struct {
		name string
		make func(c *clerk) [][]byte
		says string // "" where all holds
	}{
		{"in four sections", func(c *clerk) [][]byte { return c.envelopes(4) }, ""},
		{"sealed to two letter keys, by two versions of the directory", func(c *clerk) [][]byte {
			return halves(c, func(piece []byte) []byte {
				other := c.otherKey()
				other.size, other.directory = uint64(longer.Size()), longer.Root()
				return other.piece(2, 2, piece)
			})
		}, ""},
		{"a section of three among two", func(c *clerk) [][]byte {
			return halves(c, func(piece []byte) []byte { return c.piece(2, 3, piece) })
		}, "the sections do not belong together"},
		{"the third of two", func(c *clerk) [][]byte {
			return halves(c, func(piece []byte) []byte { return c.piece(3, 2, piece) })
		}, "a section 3 of 2"},
		{"two first sections", func(c *clerk) [][]byte {
			return halves(c, func(piece []byte) []byte { return c.piece(1, 2, piece) })
		}, "a section is given twice"},
		{"sections at two precedences", func(c *clerk) [][]byte {
			return halves(c, func(piece []byte) []byte { c.precedence = telegram.Flash; return c.piece(2, 2, piece) })
		}, "at several precedences"},
		{"sections under two serials", func(c *clerk) [][]byte {
			return halves(c, func(piece []byte) []byte { c.section = 9; return c.piece(2, 2, piece) })
		}, "the sections do not belong together"},
		{"sections of two posts", func(c *clerk) [][]byte {
			return halves(c, func(piece []byte) []byte {
				c.letterFrom, c.identity = "LONDON", world().posts["LONDON"].keys.Identity
				return c.piece(2, 2, piece)
			})
		}, "came from several posts"},
		{"a letter in another post's name", func(c *clerk) [][]byte { c.letterFrom = "LONDON"; return c.envelopes(1) }, "the letter: the Ed25519 signature does not hold"},
		{"a letter by another directory", func(c *clerk) [][]byte { c.directory[0] ^= 1; return c.envelopes(1) }, "goes by another directory"},
		{"a letter by no directory", func(c *clerk) [][]byte { c.size = 0; return c.envelopes(1) }, "a directory of 0 statements"},
		{"a service message", func(c *clerk) [][]byte {
			c.envelopes(1)
			return [][]byte{c.receipt("BEIJING", "MOSCOW", telegram.ReceiptItem{Serial: 1})}
		}, "this is a service message"},
		{"under another serial than it took", func(c *clerk) [][]byte { c.section = 7; return c.envelopes(1) }, "under another serial"},
		{"graded up", func(c *clerk) [][]byte { c.precedence = telegram.Flash; return c.envelopes(1) }, "at another precedence"},
		{"registered too late", func(c *clerk) [][]byte { c.late = 2 * time.Hour; return c.envelopes(1) }, "outside the times that were signed"},
		{"released by who may not", func(c *clerk) [][]byte {
			c.releases = c.of.people[second]
			c.change = func(t *telegram.Telegram) { t.Releaser = c.of.ref(second) }
			return c.envelopes(1)
		}, "its releaser: person 102 had not the role releaser"},
		{"released by its drafter", func(c *clerk) [][]byte {
			c.drafts, c.releases = c.of.people[both], c.of.people[both]
			c.change = func(t *telegram.Telegram) { t.Drafter, t.Releaser = c.of.ref(both), c.of.ref(both) }
			return c.envelopes(1)
		}, "one person drafted and released it: person 103 had not the role alone"},
		{"released in another's name", func(c *clerk) [][]byte { c.releases = c.of.people[both]; return c.envelopes(1) }, "the release: the Ed25519 signature does not hold"},
		{"drafted in another's name", func(c *clerk) [][]byte { c.drafts = c.of.people[both]; return c.envelopes(1) }, "the drafter's signature does not hold"},
		{"released at another post", func(c *clerk) [][]byte {
			c.change = func(t *telegram.Telegram) { t.From.Post = "LONDON" }
			return c.envelopes(1)
		}, "released at another post than sent it"},
		{"from an office that is none", func(c *clerk) [][]byte {
			c.change = func(t *telegram.Telegram) { t.From.Office = "NOBODY" }
			return c.envelopes(1)
		}, "has no office NOBODY@MOSCOW"},
		{"to another post", func(c *clerk) [][]byte {
			c.change = func(t *telegram.Telegram) { t.To[0].Post = "LONDON" }
			return c.envelopes(1)
		}, "it is not addressed to BEIJING"},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			c := newClerk(open(t, nil), "MOSCOW", "BEIJING")
			judges(t, python, c.handsOut(longer, x.make(c)), x.says)
		})
	}
}

// judges has the checker look at files, and wants it to refuse them for that reason, or to take them where there is none.
func judges(t *testing.T, python string, files map[string]string, reason string) {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, files)
	said, holds := stranger(t, python, dir)
	if reason == "" && (!holds || !strings.Contains(said, "R: "+files["expected"])) || reason != "" && (holds || !strings.Contains(said, reason)) {
		t.Errorf("it says, and holds is %v:\n%s\nwant %q", holds, said, reason)
	}
}
