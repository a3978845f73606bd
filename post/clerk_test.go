package post_test

import (
	"crypto/rand"
	"time"

	"chancery.example/chancery/seal"
	"chancery.example/chancery/telegram"
)

// clerk has all keys of a post and makes with them, by hand, what a post would make, or would not. Its fields say in what it lies.
type clerk struct {
	m                 *ministry
	of, to            *secrets
	seed              [32]byte
	change            func(*telegram.Telegram) // before anybody signs
	drafts, releases  *seal.Signer             // who in truth signs
	register, serial  uint32
	late              time.Duration // registered so long after the release
	precedence        telegram.Precedence
	directory         [32]byte
	size              uint64
	section           uint32 // its serial; 0 for the one of the numbers
	letterFrom        string
	identity          *seal.Signer
	lastMade          *telegram.Registered
	specials, pieceOf uint32
}

func newClerk(m *ministry, of, to string) *clerk {
	w := world()
	c := &clerk{m: m, of: w.posts[of], to: w.posts[to], register: 1, serial: 1, precedence: telegram.Routine, letterFrom: of,
		size: uint64(w.dir.Size()), directory: w.dir.Root(), identity: w.posts[of].keys.Identity}
	c.drafts, c.releases = c.of.people[drafter], c.of.people[releaser]
	rand.Read(c.seed[:])
	return c
}

// registered makes the telegram with its signatures and numbers.
func (c *clerk) registered() *telegram.Registered {
	now := time.Now().Add(-time.Minute)
	t := &telegram.Telegram{Seed: c.seed, From: telegram.Address{Office: "MINISTRY", Post: c.of.name}, Drafter: c.of.ref(drafter), Releaser: c.of.ref(releaser),
		To:  []telegram.Addressee{{Address: telegram.Address{Office: "AMBASSADOR", Post: c.to.name}, Precedence: telegram.Routine}},
		DTG: now.Unix(), Released: now.Unix(), RegisterBy: now.Add(time.Hour).Unix(), Body: []telegram.Block{{Kind: telegram.Paragraph, Text: "By hand."}}}
	if c.change != nil {
		c.change(t)
	}
	r := &telegram.Registered{Released: telegram.Released{Telegram: t}, Numbers: telegram.Numbers{Year: uint16(now.UTC().Year()), Register: c.register, Registered: t.Released + int64(c.late/time.Second)}}
	for _, to := range t.AddressedPosts() {
		r.Numbers.Serials = append(r.Numbers.Serials, telegram.Serial{Post: to, Number: c.serial})
	}
	r.Draft = seal.HandOver(t, c.drafts)
	r.Release, r.ReleasePQ = seal.Release(t, c.releases)
	c.lastMade = r
	return r
}

// envelopes makes the telegram and seals it in n sections or so, as a post does.
func (c *clerk) envelopes(sections int) (out [][]byte) {
	raw := c.registered().Marshal()
	size := len(raw)/sections + 1
	n := uint32((len(raw) + size - 1) / size)
	for i := uint32(1); i <= n; i++ {
		out = append(out, c.piece(i, n, raw[int(i-1)*size:min(int(i)*size, len(raw))]))
	}
	return out
}

// piece seals one section.
func (c *clerk) piece(i, n uint32, piece []byte) []byte {
	c.specials++
	serial := c.section
	if serial == 0 {
		serial = c.serial
	}
	s := telegram.Section{Circuit: 1, Special: c.specials, Lane: c.specials, Serial: serial, I: i, N: n, Piece: piece}
	return c.letter(s.Marshal())
}

// letter seals any payload to the other post.
func (c *clerk) letter(payload []byte) []byte {
	e := telegram.Envelope{To: c.to.route, Precedence: c.precedence, KeyID: c.to.keys.Letters[0].ID}
	l := seal.Letter{From: c.letterFrom, To: c.to.name, DirectorySize: c.size, DirectoryRoot: c.directory, Payload: payload}
	if err := l.Seal(&e, must(seal.NewRecipient(c.to.keys.Letters[0].Key.Public())), c.identity); err != nil {
		c.m.t.Fatal(err)
	}
	return e.Marshal()
}

// receipt makes a signed receipt of the clerk's post for the other's telegrams.
func (c *clerk) receipt(from, to string, items ...telegram.ReceiptItem) []byte {
	s := telegram.Service{Kind: telegram.ServiceReceipt, Statement: (&telegram.Receipt{From: from, To: to, At: time.Now().Unix(), Items: items}).Marshal()}
	s.Ed, s.PQ = c.identity.Sign(telegram.LabelReceipt, s.Statement)
	return c.letter(s.Marshal())
}
