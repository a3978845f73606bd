package post_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"chancery.example/chancery/telegram"
)

// written draws a telegram by lot, with every field and block there is. Nobody has signed it: what is read here is the form.
func (u *universe) telegram() *telegram.Registered { return u.telegramWithin(0) }

// telegramWithin draws one that stands so deep within others.
func (u *universe) telegramWithin(deep int) *telegram.Registered {
	var passed *telegram.Registered
	text := func() string {
		return pick(u, "Ice has closed  the northern harbour.", "渡轮停运 until\tMonday", "سفير\u200f and \u200dhis\nboat", "เรือเฟอร์รี่หยุด", "a", "Ünïcode \U00020000\U0002a700 x")
	}
	line := func() string { return pick(u, "", "Ice", "渡轮", "A. B. – C") }
	t := &telegram.Telegram{Seed: [32]byte{byte(u.rng.IntN(255)) + 1}, From: u.office(), Drafter: u.key(), Releaser: u.key(), Type: telegram.Type(pick(u, 0, 0, 1, 2)), DTG: u.at().Unix(),
		Deadline: pick(u, 0, u.at().Unix()), Released: u.at().Unix(), Asks: telegram.Asks(u.rng.IntN(4)), Subject: line(), Signature: line(), Deskby: pick(u, 0, 0, u.at().Unix()),
		Urgency: telegram.Urgency(u.rng.IntN(2)), Label: telegram.Label{Policy: line(), Classification: line(), Caveats: pick(u, nil, []string{"EYES ONLY"}, []string{"x", "渡"}), Review: pick(u, 0, u.at().Unix())}}
	t.RegisterBy = t.Released + int64(u.rng.IntN(31*86400))
	seen := map[telegram.Address]bool{}
	for range 1 + u.rng.IntN(5) {
		a := telegram.Addressee{Address: u.office(), Precedence: telegram.Precedence(u.rng.IntN(6))}
		if !seen[a.Address] && (len(t.To) == 0 || u.rng.IntN(2) == 0) {
			t.To = append(t.To, a)
		} else if !seen[a.Address] {
			t.Info = append(t.Info, a)
		}
		seen[a.Address] = true
	}
	for range u.rng.IntN(3) {
		r := telegram.Reference{Act: telegram.Act(u.rng.IntN(8)), Post: u.post(), Year: 2026, Serial: t.Type.Mark(uint32(1 + u.rng.IntN(5)))}
		if u.rng.IntN(2) == 0 {
			r.Root = telegram.Root{7}
		}
		t.References = append(t.References, r)
	}
	switch act := telegram.Act(u.rng.IntN(16)); {
	case act < telegram.Cancels:
	case act <= telegram.Repeats && act != telegram.Readdresses:
		r := telegram.Reference{Act: act, Post: u.post(), Year: 2026, Root: telegram.Root{byte(u.rng.IntN(9))}}
		for range 1 + u.rng.IntN(2) {
			r.Serial = t.Type.Mark(uint32(1 + u.rng.IntN(5)))
			t.References = append(t.References, r)
		}
	case deep < 3:
		passed = u.telegramWithin(deep + 1)
		t.References = append(t.References, telegram.Reference{Act: telegram.Readdresses, Post: u.post(), Year: 2026, Serial: t.Type.Mark(1), Root: telegram.Root{8}})
		if u.rng.IntN(2) == 0 {
			t.To, t.Info = nil, slices.Concat(t.To, t.Info)
		}
	}
	t.Considered = u.rng.IntN(3) == 0
	for range u.rng.IntN(3) {
		t.Codes = append(t.Codes, pick(u, "ICE", "TRADE7", "ABCDEFGH", "AB"))
	}
	for range u.rng.IntN(3) {
		t.Body = append(t.Body, pick(u,
			[]telegram.Block{{Kind: telegram.Paragraph, Text: text()}, {Kind: telegram.Blank, Text: "\x03"}, {Kind: telegram.More, Text: text()}},
			[]telegram.Block{{Kind: telegram.Convey, Text: line()}, {Kind: telegram.Paragraph, Text: text()}, {Kind: telegram.End, Text: line()}, {Kind: telegram.Insertion, Text: "\x02a gloss"}},
			[]telegram.Block{{Kind: telegram.Paragraph, Text: text()}, {Kind: telegram.Insertion, Text: "\x01of"}, {Kind: telegram.More, Text: text()}},
			[]telegram.Block{{Kind: telegram.Blank, Text: "\xff"}, {Kind: telegram.Blank, Text: "\x01"}})...)
	}
	for i := range pick(u, 0, 0, 1, 3) {
		a := telegram.Attachment{Name: pick(u, "Map 1.pdf", "Отчёт.txt", "a", "渡轮 [2].tar.gz", "com10"), Type: line(), Length: int64(u.rng.IntN(1 << 20)), Secret: [32]byte{byte(i)}, Root: [32]byte{7}}
		a.Name = pick(u, a.Name, fmt.Sprint(a.Name, " ", i))
		t.Attachments = append(t.Attachments, a)
	}
	if passed != nil {
		t.PassOn(&passed.Released)
	}
	r := &telegram.Registered{Released: telegram.Released{Telegram: t}, Numbers: telegram.Numbers{Year: 2026, Register: t.Type.Mark(1), Registered: t.Released + int64(u.rng.IntN(3))}}
	for _, post := range t.AddressedPosts() {
		r.Numbers.Serials = append(r.Numbers.Serials, telegram.Serial{Post: post, Number: t.Type.Mark(uint32(1 + u.rng.IntN(9)))})
	}
	r.Draft, r.Release, r.ReleasePQ = make([]byte, 64), make([]byte, 64), make([]byte, 2420)
	return r
}

// garble alters what travels in a place or two, as a hostile post can that signs whatever it likes; of the brief form, too.
func (u *universe) garble(b []byte) []byte {
	brief := telegram.IsBrief(b)
	n, k := uint64(binary.BigEndian.Uint32(b)), 4
	if brief {
		n, k = binary.Uvarint(b)
	}
	b, rest := b[k:k+int(n)], b[k+int(n):]
	head := b[:33]
	type part struct {
		kind  byte
		value []byte
	}
	var parts []part
	for in := b[33:]; len(in) > 0; {
		n, k := binary.Uvarint(in[1:])
		parts = append(parts, part{in[0], slices.Clone(in[1+k:][:n])})
		in = in[1+k+int(n):]
	}
	rest = slices.Clone(rest)
	i, j := u.rng.IntN(len(parts)), u.rng.IntN(len(parts))
	odd := pick(u, "\x00", "\x01", "\x7f", "\u2028", "\n", "\t", " ", "\xff", "\u202e", "@", "\u0085", "\ufeff", "\ufdd0", "\U000e0041", "é", "9", ".", "/", "\u200e", "\u00a0", "CON.")
	long := false
	switch u.rng.IntN(11) {
	case 0:
		parts = slices.Delete(parts, i, i+1)
	case 1:
		parts = slices.Insert(parts, j, parts[i])
	case 2:
		parts[i], parts[j] = parts[j], parts[i]
	case 3:
		parts[i].kind = byte(pick(u, u.rng.IntN(24), 0x40+u.rng.IntN(8)))
	case 4:
		parts[i].value = parts[j].value
	case 5:
		at := u.rng.IntN(len(parts[i].value) + 1)
		parts[i].value = slices.Insert(parts[i].value, at, []byte(odd)...)
	case 6:
		if n := len(parts[i].value); n > 0 {
			parts[i].value[u.rng.IntN(n)] = byte(pick(u, 0, u.rng.IntN(9), u.rng.IntN(256)))
		}
	case 7:
		if n := len(parts[i].value); n > 0 {
			parts[i].value = parts[i].value[:u.rng.IntN(n)]
		}
	case 8:
		long = true
	case 9: // the numbers
		at := 64 + 64 + 2420
		if brief {
			at = 0
		}
		rest[at+u.rng.IntN(max(1, min(len(rest)-at, 40)))] ^= 1 << u.rng.IntN(8)
	case 10:
		rest = pick(u, rest[:len(rest)-1], append(rest, 0))
	}
	t := slices.Clone(head)
	for n, p := range parts {
		t = binary.AppendUvarint(append(t, p.kind), uint64(len(p.value)))
		if long && n == i {
			t[len(t)-1] |= 0x80
			t = append(t, 0)
		}
		t = append(t, p.value...)
	}
	length := binary.BigEndian.AppendUint32(nil, uint32(len(t)))
	if brief {
		length = binary.AppendUvarint(nil, uint64(len(t)))
	}
	return slices.Concat(length, t, rest)
}

// TestStrangerReadsTelegrams: both programs take the same telegrams, and make the same D, R and entry of them.
func TestStrangerReadsTelegrams(t *testing.T) {
	var files [][]byte
	for n := range *strangerForms * 5 {
		u := &universe{rng: rand.New(rand.NewPCG(5, uint64(n)))}
		r := u.telegram()
		b := r.Marshal()
		if n%3 == 0 {
			b = r.Brief()
		}
		for range u.rng.IntN(3) {
			b = u.garble(b)
		}
		files = append(files, b)
	}
	agree(t, "telegram", files, func(b []byte) (string, error) {
		r, err := telegram.ParseEither(b)
		if err != nil {
			return "", err
		}
		draft, root := r.Telegram.Roots()
		entry := r.OutEntry(root, &r.Numbers)
		if telegram.IsBrief(b) {
			entry = r.BriefOutEntry(root, &r.Numbers)
		}
		return fmt.Sprintf("%v %v %x", draft, root, entry), nil
	})
}
