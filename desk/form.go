package desk

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"chancery.example/chancery/telegram"
)

// Local is what a post keeps beside a telegram of its own and never sends.
type Local struct {
	Department string   `json:"department,omitempty"`
	Copies     []string `json:"copies,omitempty"`     // holders of numbered copies, in the order of their numbers
	Clearances []uint32 `json:"clearances,omitempty"` // people who must clear it before it can be released
}

// Form is what a drafter writes. The telegram has neither seed, people nor times yet; its From.Post is empty.
type Form struct {
	Telegram telegram.Telegram
	Local    Local
	Attach   []Attach   // files to be attached: the command reads them in and puts Attached in their place
	Attached []Attached // files that were read in, in the order of the telegram's attachments
}

// Attach names a file on the drafter's machine.
type Attach struct {
	Path string
	Name string // under which it is attached; its own if empty
}

// Attached is a file that was read in.
type Attached struct {
	ID   int64  // its number at this post
	Name string // under which it is attached
}

// MaxForm is the most bytes a form may have.
const MaxForm = telegram.MaxText + 1<<16

// maxHeading bounds a line of the head, in bytes: the longest, a subject, has half of it.
const maxHeading = 2 * telegram.MaxLine

// maxCopies bounds the numbered copies of one telegram.
const maxCopies = 256

// maxClearances bounds the people who must clear one telegram.
const maxClearances = 32

// ParseForm reads a form. Its errors are for the drafter and name the line. What it accepts, [Form.String] writes and ParseForm reads again.
func ParseForm(r io.Reader) (*Form, error) {
	text, err := readForm(r)
	if err != nil {
		return nil, err
	}
	p := &formReader{f: &Form{}, precedence: telegram.Routine, once: map[string]int{}}
	head := true
	for s := range strings.SplitSeq(text, "\n") {
		p.line++
		s = strings.TrimSuffix(s, "\r")
		switch empty := strings.TrimSpace(s) == ""; {
		case head && empty:
			head = p.fields == 0 // empty lines before the first heading are nothing
			continue
		case !empty:
			err = telegram.CheckBody([]telegram.Block{{Kind: telegram.Paragraph, Text: strings.Trim(s, " \t")}})
		}
		switch {
		case err != nil:
		case head:
			err = p.field(s)
			p.fields++
		default:
			err = p.text(s)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", p.line, err)
		}
	}
	p.endParagraph()
	p.spread()
	t := &p.f.Telegram
	if on := t.On(); len(t.To) == 0 && (on == nil || on.Act != telegram.Readdresses || len(t.Info) == 0) {
		return nil, errors.New("the draft has no action addressee: add a line such as  To: AMBASSADOR@BEIJING")
	}
	if err := p.checkBody(); err != nil {
		return nil, err
	}
	// Written out it may grow a little, and it is the written form that is kept and read again.
	if len(p.f.String()) > MaxForm {
		return nil, errTooLong
	}
	return p.f, nil
}

var errTooLong = fmt.Errorf("the draft is longer than %d bytes: send it in parts", MaxForm)

func readForm(r io.Reader) (string, error) {
	b, err := io.ReadAll(io.LimitReader(r, MaxForm+1))
	if err != nil {
		return "", fmt.Errorf("reading the draft: %w", err)
	}
	if len(b) > MaxForm {
		return "", errTooLong
	}
	if bytes.HasPrefix(b, []byte("\xff\xfe")) || bytes.HasPrefix(b, []byte("\xfe\xff")) {
		return "", errors.New("it is UTF-16 text: save the draft as UTF-8")
	}
	b = bytes.TrimPrefix(b, []byte("\ufeff"))
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return "", fmt.Errorf("line %d has a NUL character: this is no text file", 1+bytes.Count(b[:i], []byte("\n")))
	}
	if !utf8.Valid(b) {
		line := 1
		for l := range bytes.Lines(b) {
			if !utf8.Valid(l) {
				break
			}
			line++
		}
		return "", fmt.Errorf("line %d is not UTF-8 text: save the draft as UTF-8", line)
	}
	return string(b), nil
}

type formReader struct {
	f          *Form
	line       int
	fields     int
	once       map[string]int // the line of each heading that may stand once
	precedence telegram.Precedence
	own        [2][]bool // which of To and Info have a precedence of their own
	paragraph  []string
	from       int   // the paragraph's first line
	begun      bool  // there is a paragraph that may go on after a blank
	more       bool  // and the line before was that blank
	lines      []int // of the body's blocks
}

// checkBody looks at the body as a whole, and finds the line that is wrong: the first with which what was read so far is no body any more.
func (p *formReader) checkBody() error {
	body := p.f.Telegram.Body
	err := telegram.CheckBody(body)
	if err == nil {
		return nil
	}
	i := sort.Search(len(body), func(i int) bool {
		begun := body[: i+1 : i+1]
		for range p.open(begun) {
			begun = append(begun, telegram.Block{Kind: telegram.End})
		}
		return telegram.CheckBody(begun) != nil
	})
	if i < len(body) {
		return fmt.Errorf("line %d: %w", p.lines[i], err)
	}
	open := p.open(body)
	return fmt.Errorf("line %d: %w: add a line such as  [end MINISTER]", open[len(open)-1], err)
}

// open gives the lines on which the body's first blocks begin a telegram to be conveyed and do not end it.
func (p *formReader) open(blocks []telegram.Block) (lines []int) {
	for i, b := range blocks {
		switch {
		case b.Kind == telegram.Convey:
			lines = append(lines, p.lines[i])
		case b.Kind == telegram.End && len(lines) > 0:
			lines = lines[:len(lines)-1]
		}
	}
	return lines
}

// spread gives the draft's precedence to the addressees without one of their own.
func (p *formReader) spread() {
	for i, list := range [][]telegram.Addressee{p.f.Telegram.To, p.f.Telegram.Info} {
		for j := range list {
			if !p.own[i][j] {
				list[j].Precedence = p.precedence
			}
		}
	}
}

func (p *formReader) field(s string) error {
	if len(s) > maxHeading {
		return fmt.Errorf("a heading of %d bytes: the most is %d, and the text begins after a blank line", len(s), maxHeading)
	}
	key, value, ok := strings.Cut(s, ":")
	if !ok {
		return fmt.Errorf("%q is no heading: write  Key: value , and a blank line before the text", shorten(s))
	}
	key, value = strings.TrimSpace(key), strings.TrimSpace(value)
	switch strings.ToLower(key) {
	case "to":
		return p.addressee(0, &p.f.Telegram.To, value)
	case "info":
		return p.addressee(1, &p.f.Telegram.Info, value)
	case "code":
		p.f.Telegram.Codes = append(p.f.Telegram.Codes, value)
		if len(p.f.Telegram.Codes) > telegram.MaxCodes {
			return fmt.Errorf("at most %d subject codes are possible", telegram.MaxCodes)
		}
		return nil
	case "caveat":
		if value != "" {
			p.f.Telegram.Label.Caveats = append(p.f.Telegram.Label.Caveats, value)
		}
		return nil
	case "copy":
		if len(p.f.Local.Copies) >= maxCopies {
			return fmt.Errorf("at most %d copies are possible", maxCopies)
		}
		if value != "" {
			p.f.Local.Copies = append(p.f.Local.Copies, value)
		}
		return nil
	}
	switch strings.ToLower(key) {
	case "attach":
		return p.attach(value)
	case "attached":
		return p.attached(value)
	}
	if strings.EqualFold(key, "clearance") {
		n, err := strconv.ParseUint(value, 10, 32)
		if err != nil || n == 0 || len(p.f.Local.Clearances) >= maxClearances || slices.Contains(p.f.Local.Clearances, uint32(n)) {
			return fmt.Errorf("%q asks nobody for clearance: write one person's number, each person once, at most %d", shorten(value), maxClearances)
		}
		p.f.Local.Clearances = append(p.f.Local.Clearances, uint32(n))
		return nil
	}
	if act, ok := citingAct(key); ok {
		return p.reference(act, value)
	}
	if before := p.once[strings.ToLower(key)]; before != 0 {
		return fmt.Errorf("the heading %q stands on line %d already", shorten(key), before)
	}
	p.once[strings.ToLower(key)] = p.line
	return p.single(key, value)
}

// citingAct reads a heading that cites another telegram: the act's own word.
func citingAct(key string) (telegram.Act, bool) {
	if strings.EqualFold(key, "fulfills") {
		return telegram.Fulfils, true
	}
	var act telegram.Act
	err := act.UnmarshalText([]byte(strings.ToLower(key)))
	return act, err == nil
}

// single reads a heading that may stand once.
func (p *formReader) single(key, value string) (err error) {
	t := &p.f.Telegram
	switch strings.ToLower(key) {
	case "from":
		t.From.Office = value
	case "precedence":
		p.precedence, err = telegram.ParsePrecedence(value)
	case "policy":
		t.Label.Policy = value
	case "classification":
		t.Label.Classification = value
	case "review":
		t.Label.Review, err = parseTime(value)
	case "type":
		t.Type, err = parseType(value)
	case "deadline":
		t.Deadline, err = parseDue(value)
	case "deskby":
		t.Deskby, err = parseDue(value)
	case "urgency":
		if t.Urgency = telegram.Immediately; !strings.EqualFold(value, "immediately") {
			err = fmt.Errorf("%q is no urgency of an act: write  Urgency: immediately , or leave it out", shorten(value))
		}
	case "ask":
		t.Asks, err = parseAsks(value)
	case "minimize":
		if t.Considered = true; !strings.EqualFold(value, "considered") {
			err = fmt.Errorf("%q says nothing about MINIMIZE: write  Minimize: considered , or leave it out", shorten(value))
		}
	case "subject":
		t.Subject = value
	case "signature":
		t.Signature = value
	case "department":
		p.f.Local.Department = value
	default:
		return fmt.Errorf("the heading %q is unknown; go doc chancery.example/chancery/desk lists them", shorten(key))
	}
	return err
}

func shorten(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

func (p *formReader) addressee(list int, to *[]telegram.Addressee, value string) error {
	addr, prec, own := strings.Cut(value, ";")
	a, err := telegram.ParseAddress(strings.TrimSpace(addr))
	if err != nil {
		return err
	}
	x := telegram.Addressee{Address: a}
	if own {
		if x.Precedence, err = telegram.ParsePrecedence(prec); err != nil {
			return err
		}
	}
	if len(p.own[0])+len(p.own[1]) >= telegram.MaxAddressees {
		return fmt.Errorf("at most %d addressees are possible", telegram.MaxAddressees)
	}
	*to, p.own[list] = append(*to, x), append(p.own[list], own)
	return nil
}

func (p *formReader) reference(act telegram.Act, value string) error {
	i := strings.LastIndexByte(value, ' ')
	if i < 0 {
		return fmt.Errorf("%q cites nothing: write post, serial and year, as in  MOSCOW 2231/2026", shorten(value))
	}
	number, year, ok := strings.Cut(value[i+1:], "/")
	n, err := telegram.ParseNumber(number)
	y, err2 := strconv.ParseUint(year, 10, 16)
	if !ok || err != nil || err2 != nil || y == 0 {
		return fmt.Errorf("%q is no serial and year: write them as in  2231/2026", shorten(value[i+1:]))
	}
	post := strings.TrimSpace(value[:i])
	if err := telegram.CheckPostName(post); err != nil {
		return err
	}
	if len(p.f.Telegram.References) >= telegram.MaxReferences {
		return fmt.Errorf("at most %d references are possible", telegram.MaxReferences)
	}
	p.f.Telegram.References = append(p.f.Telegram.References, telegram.Reference{Act: act, Post: post, Year: uint16(y), Serial: n})
	return nil
}

func (p *formReader) text(s string) error {
	kind, value, ok := directive(strings.TrimSpace(s))
	switch {
	case strings.TrimSpace(s) == "":
		p.endParagraph()
		p.more = false
		return nil
	case !ok:
		if len(p.paragraph) == 0 {
			p.from = p.line
		}
		p.paragraph = append(p.paragraph, strings.TrimPrefix(s, `\`))
		return nil
	}
	p.endParagraph()
	if kind == telegram.Blank {
		n, err := strconv.ParseUint(value, 10, 8)
		if err != nil || n == 0 {
			return fmt.Errorf("a blank is from 1 to 255 words long, not %q", shorten(value))
		}
		value = string([]byte{byte(n)})
	}
	p.put(kind, value, p.line)
	switch {
	case kind == telegram.Blank, kind == telegram.Insertion:
		p.more = p.begun
	default:
		p.begun, p.more = false, false
	}
	return nil
}

func (p *formReader) put(kind telegram.BlockKind, text string, line int) {
	p.f.Telegram.Body = append(p.f.Telegram.Body, telegram.Block{Kind: kind, Text: text})
	p.lines = append(p.lines, line)
}

// insertions are the words for the kinds of insertions, from telegram.Supplied on.
var insertions = []string{"supplied", "gloss", "sic"}

func directive(s string) (kind telegram.BlockKind, value string, ok bool) {
	if !strings.HasPrefix(s, "[") || !strings.HasSuffix(s, "]") {
		return 0, "", false
	}
	s = s[1 : len(s)-1]
	for kind, word := range map[telegram.BlockKind]string{telegram.Convey: "convey to", telegram.End: "end", telegram.Blank: "blank"} {
		if s == word {
			return kind, "", true
		}
		if rest, ok := strings.CutPrefix(s, word+" "); ok {
			return kind, strings.TrimSpace(rest), true
		}
	}
	for i, word := range insertions {
		if rest, ok := strings.CutPrefix(s, word+" "); ok {
			return telegram.Insertion, string([]byte{byte(i + telegram.Supplied)}) + strings.TrimSpace(rest), true
		}
	}
	return 0, "", false
}

func (p *formReader) endParagraph() {
	if s := strings.Trim(strings.Join(p.paragraph, "\n"), " \t\n"); s != "" {
		kind := telegram.Paragraph
		if p.more {
			kind = telegram.More
		}
		p.put(kind, s, p.from)
		p.begun, p.more = true, false
	}
	p.paragraph = p.paragraph[:0]
}

func parseTime(s string) (int64, error) {
	for _, form := range []string{"2006-01-02T15:04Z07:00", time.RFC3339, "2006-01-02"} {
		// A zone can carry a time past the years that are written with four digits.
		if t, err := time.Parse(form, s); err == nil && t.Unix() != 0 && t.UTC().Year() >= 0 && t.UTC().Year() <= 9999 {
			return t.Unix(), nil
		}
	}
	return 0, fmt.Errorf("%q is no time: write it as in  2026-12-01T12:00Z", shorten(s))
}

// parseDue reads a time by which something is due: a day alone is due when it ends.
func parseDue(s string) (int64, error) {
	at, err := parseTime(s)
	if err == nil && len(s) == len("2006-01-02") {
		at += 24*60*60 - 60
	}
	return at, err
}

func parseType(s string) (telegram.Type, error) {
	for t := telegram.Operation; t <= telegram.Drill; t++ {
		if strings.EqualFold(s, t.String()) {
			return t, nil
		}
	}
	return 0, fmt.Errorf("%q is no message type: use operation, exercise or drill", shorten(s))
}

func parseAsks(s string) (a telegram.Asks, err error) {
	for _, w := range strings.Split(s, ",") {
		switch strings.ToLower(strings.TrimSpace(w)) {
		case "receipt":
			a |= telegram.AskReceipt
		case "fulfilment", "fulfillment":
			a |= telegram.AskFulfilment
		default:
			return 0, fmt.Errorf("a telegram cannot ask for %q: use receipt, fulfilment", shorten(w))
		}
	}
	return a, nil
}
