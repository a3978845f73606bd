package desk

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"chancery.example/chancery/telegram"
)

// Local is what a post keeps beside a telegram of its own and never sends.
type Local struct {
	Department string   `json:"department,omitempty"`
	Copies     []string `json:"copies,omitempty"` // holders of numbered copies, in the order of their numbers
}

// Form is what a drafter writes. The telegram has neither seed, people nor times yet; its From.Post is empty.
type Form struct {
	Telegram telegram.Telegram
	Local    Local
}

// MaxForm is the most bytes a form may have.
const MaxForm = telegram.MaxText + 1<<16

// ParseForm reads a form. Its errors are for the drafter and name the line.
func ParseForm(r io.Reader) (*Form, error) {
	b, err := io.ReadAll(io.LimitReader(r, MaxForm+1))
	if err != nil {
		return nil, fmt.Errorf("reading the draft: %w", err)
	}
	if len(b) > MaxForm {
		return nil, fmt.Errorf("the draft is longer than %d bytes: send it in parts", MaxForm)
	}
	b = bytes.TrimPrefix(b, []byte("\ufeff"))
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return nil, fmt.Errorf("line %d has a NUL character: this is no text file", 1+bytes.Count(b[:i], []byte("\n")))
	}
	if !utf8.Valid(b) {
		return nil, errors.New("the draft is not UTF-8 text: save it as UTF-8")
	}
	p := &formReader{f: &Form{}, precedence: telegram.Routine}
	s := bufio.NewScanner(bytes.NewReader(bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n"))))
	s.Buffer(nil, MaxForm+1)
	for head := true; s.Scan(); {
		p.line++
		if head {
			if strings.TrimSpace(s.Text()) == "" {
				head = p.line == 1 || p.fields == 0
				continue
			}
			err = p.field(s.Text())
			p.fields++
		} else {
			err = p.text(s.Text())
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", p.line, err)
		}
	}
	p.endParagraph()
	p.spread()
	if len(p.f.Telegram.To) == 0 {
		return nil, errors.New("the draft has no action addressee: add a line such as  To: AMBASSADOR@BEIJING")
	}
	return p.f, telegram.CheckBody(p.f.Telegram.Body)
}

type formReader struct {
	f          *Form
	line       int
	fields     int
	precedence telegram.Precedence
	own        [2][]bool // which of To and Info have a precedence of their own
	paragraph  []string
	more       bool // the next paragraph goes on after a blank
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
	key, value, ok := strings.Cut(s, ":")
	if !ok {
		return fmt.Errorf("%q is no heading: write  Key: value , and a blank line before the text", shorten(s))
	}
	value = strings.TrimSpace(value)
	t := &p.f.Telegram
	var err error
	switch strings.ToLower(strings.TrimSpace(key)) {
	case "from":
		t.From.Office = value
	case "to":
		return p.addressee(0, &t.To, value)
	case "info":
		return p.addressee(1, &t.Info, value)
	case "precedence":
		p.precedence, err = telegram.ParsePrecedence(value)
	case "policy":
		t.Label.Policy = value
	case "classification":
		t.Label.Classification = value
	case "caveat":
		t.Label.Caveats = append(t.Label.Caveats, value)
	case "review":
		t.Label.Review, err = parseTime(value)
	case "type":
		t.Type, err = parseType(value)
	case "deadline":
		t.Deadline, err = parseTime(value)
	case "ask":
		t.Asks, err = parseAsks(value)
	case "subject":
		t.Subject = value
	case "signature":
		t.Signature = value
	case "refers":
		return p.reference(telegram.Refers, value)
	case "acknowledges":
		return p.reference(telegram.Acknowledges, value)
	case "fulfils", "fulfills":
		return p.reference(telegram.Fulfils, value)
	case "department":
		p.f.Local.Department = value
	case "copy":
		p.f.Local.Copies = append(p.f.Local.Copies, value)
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
	if len(*to) >= telegram.MaxAddressees {
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
	n, err := strconv.ParseUint(number, 10, 32)
	y, err2 := strconv.ParseUint(year, 10, 16)
	if !ok || err != nil || err2 != nil || n == 0 {
		return fmt.Errorf("%q is no serial and year: write them as in  2231/2026", shorten(value[i+1:]))
	}
	post := strings.TrimSpace(value[:i])
	if err := telegram.CheckPostName(post); err != nil {
		return err
	}
	p.f.Telegram.References = append(p.f.Telegram.References, telegram.Reference{Act: act, Post: post, Year: uint16(y), Serial: uint32(n)})
	return nil
}

func (p *formReader) text(s string) error {
	kind, value, ok := directive(strings.TrimSpace(s))
	switch {
	case strings.TrimSpace(s) == "":
		p.endParagraph()
	case !ok:
		p.paragraph = append(p.paragraph, strings.TrimPrefix(s, `\`))
	default:
		p.endParagraph()
		if kind == telegram.Blank {
			n, err := strconv.ParseUint(value, 10, 8)
			if err != nil || n == 0 {
				return fmt.Errorf("a blank is from 1 to 255 words long, not %q", shorten(value))
			}
			value = string([]byte{byte(n)})
			p.more = true
		}
		p.f.Telegram.Body = append(p.f.Telegram.Body, telegram.Block{Kind: kind, Text: value})
	}
	return nil
}

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
	return 0, "", false
}

func (p *formReader) endParagraph() {
	if s := strings.Trim(strings.Join(p.paragraph, "\n"), " \t\n"); s != "" {
		kind := telegram.Paragraph
		if p.more {
			kind = telegram.More
		}
		p.f.Telegram.Body = append(p.f.Telegram.Body, telegram.Block{Kind: kind, Text: s})
		p.more = false
	}
	p.paragraph = nil
}

func parseTime(s string) (int64, error) {
	for _, form := range []string{"2006-01-02T15:04Z07:00", time.RFC3339, "2006-01-02"} {
		if t, err := time.Parse(form, s); err == nil && t.Unix() != 0 {
			return t.Unix(), nil
		}
	}
	return 0, fmt.Errorf("%q is no time: write it as in  2026-12-01T12:00Z", shorten(s))
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

// String writes the form; ParseForm reads it back.
func (f *Form) String() string {
	var b strings.Builder
	t := &f.Telegram
	line := func(key, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\n", key, value)
		}
	}
	line("From", t.From.Office)
	for _, a := range t.To {
		line("To", a.Address.String()+"; "+a.Precedence.String())
	}
	for _, a := range t.Info {
		line("Info", a.Address.String()+"; "+a.Precedence.String())
	}
	line("Policy", t.Label.Policy)
	line("Classification", t.Label.Classification)
	for _, c := range t.Label.Caveats {
		line("Caveat", c)
	}
	line("Review", writeTime(t.Label.Review))
	if t.Type != telegram.Operation {
		line("Type", t.Type.String())
	}
	line("Deadline", writeTime(t.Deadline))
	line("Ask", asks(t.Asks))
	line("Subject", t.Subject)
	for _, r := range t.References {
		act := r.Act.String()
		line(strings.ToUpper(act[:1])+act[1:], fmt.Sprintf("%s %d/%d", r.Post, r.Serial, r.Year))
	}
	line("Signature", t.Signature)
	line("Department", f.Local.Department)
	for _, c := range f.Local.Copies {
		line("Copy", c)
	}
	b.WriteString("\n" + BodyText(t.Body))
	return b.String()
}

func writeTime(at int64) string {
	if at == 0 {
		return ""
	}
	return time.Unix(at, 0).UTC().Format(time.RFC3339)
}

func asks(a telegram.Asks) string {
	var w []string
	if a&telegram.AskReceipt != 0 {
		w = append(w, "receipt")
	}
	if a&telegram.AskFulfilment != 0 {
		w = append(w, "fulfilment")
	}
	return strings.Join(w, ", ")
}

// BodyText writes a body as a form has it.
func BodyText(body []telegram.Block) string {
	var parts []string
	for _, x := range body {
		switch x.Kind {
		case telegram.Convey:
			parts = append(parts, strings.TrimSuffix("[convey to "+x.Text, " ")+"]")
		case telegram.End:
			parts = append(parts, strings.TrimSuffix("[end "+x.Text, " ")+"]")
		case telegram.Blank:
			parts = append(parts, fmt.Sprintf("[blank %d]", x.Text[0]))
		default:
			lines := strings.Split(x.Text, "\n")
			for i, l := range lines {
				if _, _, ok := directive(strings.TrimSpace(l)); ok || strings.HasPrefix(l, `\`) {
					lines[i] = `\` + l
				}
			}
			parts = append(parts, strings.Join(lines, "\n"))
		}
	}
	return strings.Join(parts, "\n\n") + "\n"
}
