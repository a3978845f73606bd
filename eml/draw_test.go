package eml_test

import (
	"math"
	"slices"
	"strings"
	"time"

	"chancery.example/chancery/eml"
	"chancery.example/chancery/telegram"
	"pgregory.net/rapid"
)

// letters are those of many scripts, and what a header, a quoted-string, an encoded word or a text in brackets could stumble over.
var letters = []rune(`aZ09 .,;:<>@()[]\"'=?_%*!#&/-{}|~^$` + "\u00a0\u00e9жЯ渡語ئ\u200f\u0301\u3000\U0001f6a2\ufffd\u2003")

// drawLine draws a text on one line, of at most so many bytes.
func drawLine(t *rapid.T, most int, label string) string {
	s := rapid.OneOf(
		rapid.StringOfN(rapid.SampledFrom(letters), 0, 40, most),
		rapid.StringOfN(rapid.SampledFrom([]rune("a b")), 0, 200, most),
		rapid.StringOfN(rapid.SampledFrom([]rune("xж")), 0, most, most), // no place to fold
		rapid.SampledFrom([]string{"", " ", "=?utf-8?B?eA==?=", "a =?x?= b", "-- ", "--", "x ", " x", "From me", `"`, `\`, "To: X", "a  b   c", "[end]", ":;"}),
	).Draw(t, label)
	return strings.TrimRight(s[:min(len(s), most)], "\ufffd")
}

// drawName draws the name of an office or a post.
func drawName(t *rapid.T, most int, label string) string {
	raw := rapid.OneOf(
		rapid.StringOfN(rapid.SampledFrom([]rune("AZ09éЖ渡ئ\u0301 -'’./()&,")), 1, 12, most),
		rapid.StringOfN(rapid.SampledFrom([]rune("A.")), 1, 4, most),
		rapid.SampledFrom([]string{"NEW YORK", "ST. JOHN'S", ".", "...", "A.", "CONSUL GENERAL", "МОСКВА"})).Draw(t, label)
	if raw = strings.Join(strings.Fields(raw), " "); raw == "" {
		return "X"
	}
	return raw
}

func drawTime(t *rapid.T, label string) int64 {
	at := rapid.OneOf(rapid.Int64Range(time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC).Unix(), time.Date(9999, 12, 30, 0, 0, 0, 0, time.UTC).Unix()),
		rapid.Int64Range(1_700_000_000, 1_900_000_000)).Draw(t, label)
	if at == 0 {
		return 1
	}
	return at
}

func maybe(t *rapid.T, label string) bool { return rapid.Bool().Draw(t, label) }

// drawMail draws any telegram whose times a mail can say.
func drawMail(t *rapid.T) *eml.Mail {
	m := &eml.Mail{}
	x := &m.Telegram
	x.From = telegram.Address{Office: drawName(t, 64, "office"), Post: drawName(t, 32, "post")}
	x.DTG = rapid.OneOf(rapid.Just(int64(0)), rapid.Custom(func(t *rapid.T) int64 { return drawTime(t, "DTG") })).Draw(t, "DTG")
	seen := map[telegram.Address]bool{}
	for i := range rapid.IntRange(1, 6).Draw(t, "addressees") {
		a := office(drawName(t, 64, "to"), drawName(t, 32, "at"), telegram.Precedence(rapid.IntRange(0, 5).Draw(t, "precedence")))
		if seen[a.Address] {
			continue
		}
		seen[a.Address] = true
		if i == 0 || maybe(t, "action") {
			x.To = append(x.To, a)
		} else {
			x.Info = append(x.Info, a)
		}
	}
	x.Label.Policy, x.Label.Classification = drawLine(t, 255, "policy"), drawLine(t, 255, "classification")
	for range rapid.IntRange(0, 4).Draw(t, "caveats") {
		if c := drawLine(t, 255, "caveat"); c != "" {
			x.Label.Caveats = append(x.Label.Caveats, c)
		}
	}
	for _, to := range []*int64{&x.Label.Review, &x.Deadline, &x.Deskby} {
		if maybe(t, "timed") {
			*to = drawTime(t, "time")
		}
	}
	x.Type = telegram.Type(rapid.IntRange(0, 2).Draw(t, "type"))
	x.Asks = telegram.Asks(rapid.IntRange(0, 3).Draw(t, "asks"))
	x.Urgency = telegram.Urgency(rapid.IntRange(0, 1).Draw(t, "urgency"))
	x.Subject, x.Signature = drawLine(t, 1024, "subject"), drawLine(t, 1024, "signature")
	x.Codes = rapid.SliceOfNDistinct(rapid.StringMatching("[A-Z0-9]{3,8}"), 0, 8, rapid.ID[string]).Draw(t, "codes")
	if len(x.Codes) == 0 {
		x.Codes = nil
	}
	for range rapid.IntRange(0, 4).Draw(t, "references") {
		r := telegram.Reference{Act: telegram.Act(rapid.IntRange(0, 7).Draw(t, "act")), Post: drawName(t, 32, "cited"),
			Year: uint16(rapid.IntRange(0, math.MaxUint16).Draw(t, "year")), Serial: x.Type.Mark(uint32(rapid.IntRange(1, telegram.MaxNumber).Draw(t, "serial")))}
		if maybe(t, "own") {
			r.Post = x.From.Post
		}
		if maybe(t, "root") {
			r.Root[0] = 7
		}
		x.References = append(x.References, r)
	}
	x.Body = drawBody(t)
	if maybe(t, "drafted") {
		x.Drafter = telegram.KeyRef{Person: rapid.Uint32Min(1).Draw(t, "drafter"), Key: rapid.Uint16Min(1).Draw(t, "key")}
	}
	if maybe(t, "released") {
		x.Releaser = telegram.KeyRef{Person: rapid.Uint32Min(1).Draw(t, "releaser"), Key: rapid.Uint16Min(1).Draw(t, "key")}
		x.Released = drawTime(t, "released at")
		x.RegisterBy = x.Released + rapid.Int64Range(1, 86400).Draw(t, "register by")
		if x.RegisterBy == 0 {
			x.RegisterBy = 1
		}
		if maybe(t, "registered") {
			drawNumbers(t, m)
		}
	}
	if maybe(t, "R") {
		m.Root[31] = 1
	}
	for _, post := range x.AddressedPosts() {
		if maybe(t, "sent") {
			m.Specials = append(m.Specials, eml.Special{Post: post, Numbers: rapid.SliceOfN(rapid.Uint32Min(1), 1, 30).Draw(t, "specials")})
		}
	}
	drawOnOne(t, x)
	return m
}

// drawOnOne lets it perhaps do something to one other telegram, and be marked. It draws last, so that an example of a seed stays what it was.
func drawOnOne(t *rapid.T, x *telegram.Telegram) {
	if act := telegram.Act(rapid.IntRange(7, 11).Draw(t, "on one")); act.OnOne() && act != telegram.Readdresses {
		r := telegram.Reference{Act: act, Post: drawName(t, 32, "of"), Year: 2026}
		if maybe(t, "root") {
			r.Root[0] = 9
		}
		for range rapid.IntRange(1, 3).Draw(t, "serials") {
			r.Serial = x.Type.Mark(uint32(rapid.IntRange(1, telegram.MaxNumber).Draw(t, "serial")))
			x.References = append(x.References, r)
		}
	}
	x.Considered = maybe(t, "considered")
}

func drawNumbers(t *rapid.T, m *eml.Mail) {
	x := &m.Telegram
	number := func(label string) uint32 {
		return x.Type.Mark(uint32(rapid.IntRange(1, telegram.MaxNumber).Draw(t, label)))
	}
	m.Numbers = &telegram.Numbers{Year: uint16(time.Unix(x.RegisterBy, 0).UTC().Year()), Register: number("register number"), Registered: x.RegisterBy}
	posts := x.AddressedPosts()
	for _, post := range posts {
		m.Numbers.Serials = append(m.Numbers.Serials, telegram.Serial{Post: post, Number: number("serial")})
	}
	m.For = rapid.SampledFrom(posts).Draw(t, "for")
}

// drawBody draws a text with messages, blanks and insertions.
func drawBody(t *rapid.T) (body []telegram.Block) {
	text := rapid.OneOf(
		rapid.StringOfN(rapid.SampledFrom(append(slices.Clone(letters), '\n', '\t')), 1, 60, -1),
		rapid.StringOfN(rapid.SampledFrom([]rune("xж")), 900, 1200, -1),
		rapid.SampledFrom([]string{"[end]", "[blank 3]", `\`, "From me\nFrom you", "a\n-- \nb", "-- ", "x \ny", "a\n\n\nb", "--=_x", "[convey to X]", "xend]", ".", "a\n.\nb"}))
	depth, begun := 0, false
	for range rapid.IntRange(0, 14).Draw(t, "blocks") {
		last := telegram.Block{}
		if len(body) > 0 {
			last = body[len(body)-1]
		}
		switch kind := rapid.IntRange(0, 5).Draw(t, "kind"); {
		case kind <= 1:
			s := strings.Trim(text.Draw(t, "text"), " \t\n")
			switch {
			case s == "":
			case kind == 1 && begun && (last.Kind == telegram.Blank || last.Kind == telegram.Insertion):
				body = append(body, more(s))
			default:
				body, begun = append(body, para(s)), true
			}
		case kind == 2 && depth < telegram.MaxDepth:
			body, depth, begun = append(body, convey(drawLine(t, 1024, "to whom"))), depth+1, false
		case kind == 3 && depth > 0:
			body, depth, begun = append(body, end(drawLine(t, 1024, "signed"))), depth-1, false
		case kind == 4 && (last.Kind != telegram.Blank || last.Text == "\xff"):
			body = append(body, blank(rapid.SampledFrom([]byte{1, 9, 255}).Draw(t, "blank")))
		case kind == 5 && (begun || last.Kind == telegram.End):
			if s := strings.TrimSpace(drawLine(t, 1024, "inserted")); s != "" {
				body = append(body, inserted(byte(rapid.IntRange(1, 3).Draw(t, "insertion")), s))
			}
		}
	}
	for ; depth > 0; depth-- {
		body = append(body, end(drawLine(t, 1024, "signed")))
	}
	return body
}
