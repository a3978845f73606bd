package eml

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"chancery.example/chancery/telegram"
)

// Write writes a telegram as a mail: always the same bytes. It refuses what is no telegram, and the few times that mail cannot write.
func Write(m *Mail) ([]byte, error) {
	c := *m
	if c.Telegram.From == (telegram.Address{}) {
		return nil, errors.New("a mail has a sender: say from which office it is")
	}
	if c.Telegram.Original != nil {
		return nil, errors.New("it passes on a telegram, and what proves that one has its seed, which never stands in a mail. Where that telegram is filed by itself it can be written as a mail")
	}
	if err := check(&c.Telegram); err != nil {
		return nil, err
	}
	if err := c.checkNumbers(); err != nil {
		return nil, err
	}
	if n := len(c.Telegram.Attachments); n > 0 {
		return nil, fmt.Errorf("it has %d attachments, which a mail of a telegram does not carry: write them to files with  chancery attachment", n)
	}
	w := &writer{}
	w.envelope(&c)
	w.military(&c)
	w.own(&c.Telegram)
	w.numbers(&c)
	w.field("MIME-Version", "1.0")
	if w.err != nil {
		return nil, w.err
	}
	e := body(c.Telegram.Body, c.Telegram.Signature)
	e.write(&w.b)
	return w.b.Bytes(), nil
}

// writer writes a header.
type writer struct {
	b   bytes.Buffer
	err error
}

const (
	wide   = 78  // characters of a line, where it can be folded (RFC 5322 section 2.1.1)
	widest = 998 // bytes of a line (RFC 6532 section 3.4)
)

// fold writes a field of segments, folded before some of them: all but the first begin with a space. ok is false if a line is too long for mail.
func fold(name string, segs []string) (s string, ok bool) {
	var b strings.Builder
	line := name + ": "
	ok = true
	end := func() {
		ok = ok && len(line) <= widest
		b.WriteString(line + "\r\n")
		line = ""
	}
	for i, seg := range segs {
		if i > 0 && utf8.RuneCountInString(line)+utf8.RuneCountInString(seg) > wide {
			end()
		}
		line += seg
	}
	end()
	return b.String(), ok
}

func (w *writer) field(name string, segs ...string) {
	if len(segs) == 0 {
		return
	}
	s, ok := fold(name, segs)
	if !ok && w.err == nil {
		w.err = fmt.Errorf("%s does not fit into the lines of a mail", name)
	}
	w.b.WriteString(s)
}

// list writes items with commas, or another mark, between them.
func (w *writer) list(name, mark string, items []string) {
	var segs []string
	for i, item := range items {
		if i < len(items)-1 {
			item += mark
		}
		segs = append(segs, " "+item)
	}
	w.segments(name, segs)
}

// segments writes a field whose segments all begin with a space.
func (w *writer) segments(name string, segs []string) {
	if len(segs) > 0 {
		segs[0] = strings.TrimPrefix(segs[0], " ")
		w.field(name, segs...)
	}
}

// text writes a text by itself: as it is, or, where a header would change it, in encoded words (RFC 2047).
func (w *writer) text(name, value string) {
	if value == "" {
		return
	}
	if value == strings.Trim(value, " ") && !strings.Contains(value, "=?") {
		if s, ok := fold(name, atSpaces(value)); ok {
			w.b.WriteString(s)
			return
		}
	}
	w.field(name, encodedWords(value)...)
}

// atSpaces cuts a text before each run of spaces.
func atSpaces(s string) (segs []string) {
	from := 0
	for i := 1; i < len(s); i++ {
		if s[i] == ' ' && s[i-1] != ' ' {
			segs = append(segs, s[from:i])
			from = i
		}
	}
	return append(segs, s[from:])
}

// encodedWords writes a text in encoded words, none cut within a letter.
func encodedWords(s string) (segs []string) {
	const most = 42 // bytes: 56 of base64, in an encoded word of at most 75 characters
	for s != "" {
		n := min(len(s), most)
		for n < len(s) && !utf8.RuneStart(s[n]) {
			n--
		}
		seg := "=?utf-8?B?" + base64.StdEncoding.EncodeToString([]byte(s[:n])) + "?="
		if len(segs) > 0 {
			seg = " " + seg
		}
		segs, s = append(segs, seg), s[n:]
	}
	return segs
}

// group writes the name of somebody who has no address: an empty group (RFC 5322 section 3.4, RFC 6854).
func (w *writer) group(name, who string) {
	if who == "" {
		return
	}
	// Within quotation marks some programs decode what looks like an encoded word, and some lose a backslash.
	if !strings.Contains(who, "=?") && !strings.ContainsAny(who, `"\\`) && !strings.ContainsFunc(who, func(r rune) bool { return r >= utf8.RuneSelf }) {
		segs := atSpaces(quote(who))
		segs[len(segs)-1] += ":;"
		if s, ok := fold(name, segs); ok {
			w.b.WriteString(s)
			return
		}
	}
	segs := encodedWords(who)
	segs[len(segs)-1] += ":;"
	w.field(name, segs...)
}

func (w *writer) instant(name string, at int64) {
	if at == 0 {
		return
	}
	s, ok := instant(at)
	if !ok && w.err == nil {
		w.err = fmt.Errorf("%s lies outside the years 0 to 9999, which is all that a mail can say", name)
	}
	w.field(name, s)
}

func (w *writer) date(name string, at int64) {
	s, ok := date(at)
	if !ok && w.err == nil {
		w.err = fmt.Errorf("%s lies outside the years 1900 to 9999, which is all that a mail can say", name)
	}
	w.field(name, s)
}

// envelope writes what every mail has.
func (w *writer) envelope(m *Mail) {
	t := &m.Telegram
	w.date("Date", t.DTG)
	w.field("From", writeAddress(t.From))
	addresses := func(as []telegram.Addressee) (items []string) {
		for _, a := range as {
			items = append(items, writeAddress(a.Address))
		}
		return items
	}
	w.list("To", ",", addresses(t.To))
	w.list("Cc", ",", addresses(t.Info))
	if m.Numbers != nil {
		w.field("Message-ID", ID{t.From.Post, m.For, m.Numbers.Year, m.Numbers.SerialFor(m.For)}.String())
	}
	answered, all := citations(t)
	w.list("In-Reply-To", "", answered)
	w.list("References", "", all)
	w.text("Subject", t.Subject)
}

// citations are the Message-IDs of what a telegram answers, and of all that it cites, each once.
func citations(t *telegram.Telegram) (answered, all []string) {
	for i := range t.References {
		id := cited(t, &t.References[i]).String()
		if !slices.Contains(all, id) {
			all = append(all, id)
		}
		if t.References[i].Act != telegram.Refers && !slices.Contains(answered, id) {
			answered = append(answered, id)
		}
	}
	return answered, all
}

// highest is the highest precedence of a list of addressees.
func highest(as []telegram.Addressee) (p telegram.Precedence) {
	for _, a := range as {
		p = max(p, a.Precedence)
	}
	return p
}

// types are the numbers that RFC 6477 section 3.10 gives the message types.
var types = []struct {
	number int
	word   string
}{telegram.Operation: {1, "operation"}, telegram.Exercise: {0, "exercise"}, telegram.Drill: {3, "drill"}}

// military writes the fields of RFC 6477, RFC 7912 and RFC 7444.
func (w *writer) military(m *Mail) {
	t := &m.Telegram
	if t.Released != 0 {
		w.date("MMHS-Extended-Authorisation-Info", t.Released)
		w.field("MMHS-Authorizing-Users", strconv.FormatUint(uint64(t.Releaser.Person), 10)+"@"+domain(t.From.Post, false))
	}
	precedence := func(name string, as []telegram.Addressee) {
		if len(as) > 0 {
			w.field(name, fmt.Sprintf("%d (%s)", highest(as), highest(as)))
		}
	}
	precedence("MMHS-Primary-Precedence", t.To)
	precedence("MMHS-Copy-Precedence", t.Info)
	w.field("MMHS-Message-Type", fmt.Sprintf("%d (%s)", types[t.Type].number, types[t.Type].word))
	if m.Numbers != nil {
		w.field("MMHS-Originator-Reference", fmt.Sprintf("%s/%d", telegram.NumberText(m.Numbers.Register), m.Numbers.Year))
	}
	w.list("MMHS-Subject-Indicator-Codes", ";", t.Codes)
	w.list("MMHS-Message-Instructions", ";", instructions(&t.Label))
	if isLabel(&t.Label) {
		segs, err := writeLabel(&t.Label)
		if err != nil {
			w.err = errors.Join(w.err, err)
			return
		}
		w.segments("SIO-Label", segs)
	}
}

// own writes what no standard has a field for.
func (w *writer) own(t *telegram.Telegram) {
	w.field("Chancery-Format", "1")
	var own []string
	for _, as := range [][]telegram.Addressee{t.To, t.Info} {
		for _, a := range as {
			if a.Precedence != highest(as) {
				own = append(own, "<"+writeAddress(a.Address)+"> "+a.Precedence.String())
			}
		}
	}
	w.list("Chancery-Precedences", ",", own)
	w.instant("Chancery-Deadline", t.Deadline)
	w.instant("Chancery-Deskby", t.Deskby)
	if t.Urgency == telegram.Immediately {
		w.field("Chancery-Urgency", immediately)
	}
	if t.Considered {
		w.field("Chancery-Minimize", considered)
	}
	var asked []string
	for i, word := range asks {
		if t.Asks&(1<<i) != 0 {
			asked = append(asked, word)
		}
	}
	w.list("Chancery-Ask", ",", asked)
	w.references(t)
	w.text("Chancery-Signature", t.Signature)
	if t.Drafter != (telegram.KeyRef{}) {
		w.field("Chancery-Drafter", t.Drafter.String())
	}
	if t.Released != 0 {
		w.field("Chancery-Releaser", t.Releaser.String())
		w.instant("Chancery-Register-By", t.RegisterBy)
	}
}

const (
	immediately = "immediately"
	considered  = "considered"
)

// asks are the words for what a telegram asks, by bit.
var asks = []string{"receipt", "fulfilment"}

func (w *writer) references(t *telegram.Telegram) {
	var segs []string
	for i, r := range t.References {
		number := telegram.NumberText(r.Serial)
		if _, err := telegram.ParseNumber(number); err != nil {
			w.err = errors.Join(w.err, fmt.Errorf("it cites a telegram of %s by a number that is of no series", r.Post))
		}
		segs = append(segs, fmt.Sprintf(" %s %s %s/%d", r.Act, domain(r.Post, false), number, r.Year))
		if r.Root != (telegram.Root{}) {
			segs = append(segs, " "+r.Root.String())
		}
		if i < len(t.References)-1 {
			segs[len(segs)-1] += ","
		}
	}
	w.segments("Chancery-References", segs)
}

// numbers writes what the post gave the telegram, apart from the register number.
func (w *writer) numbers(m *Mail) {
	var serials, specials []string
	if m.Numbers != nil {
		w.instant("Chancery-Registered", m.Numbers.Registered)
		for _, s := range m.Numbers.Serials {
			serials = append(serials, domain(s.Post, false)+" "+telegram.NumberText(s.Number))
		}
	}
	w.list("Chancery-Serials", ",", serials)
	for i, s := range m.Specials {
		specials = append(specials, " "+domain(s.Post, false))
		for _, n := range s.Numbers {
			specials = append(specials, " "+strconv.FormatUint(uint64(n), 10))
		}
		if i < len(m.Specials)-1 {
			specials[len(specials)-1] += ","
		}
	}
	w.segments("Chancery-Special-Numbers", specials)
	if m.Root != (telegram.Root{}) {
		w.field("Chancery-R", m.Root.String())
	}
}
