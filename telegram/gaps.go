package telegram

import (
	"fmt"
	"strings"
	"time"
)

// What is withheld stands in double square brackets, in the place where it was.

// Gap is one run of leaves that are withheld.
type Gap struct {
	What   string `json:"what"` // of the head and the numbers the field, else "text"
	Leaves int    `json:"leaves"`
	Reason string `json:"reason,omitempty"`
}

// Gaps are all that is withheld, in the order of the leaves.
func (s *Shown) Gaps() []Gap {
	gaps := []Gap{}
	form, _ := s.d.Head.form(formKind)
	add := func(p *Part, kinds []byte, what string) {
		at := 0
		for i := range p.Spans {
			n := p.Spans[i].Withheld
			for j := range n {
				g := Gap{what, 1, s.d.reason(&p.Spans[i])}
				if g.What == "" {
					g.What = kindName(kinds[at+j])
				}
				if last := len(gaps) - 1; j > 0 && gaps[last].What == g.What {
					gaps[last].Leaves++
				} else {
					gaps = append(gaps, g)
				}
			}
			at += max(1, n)
		}
	}
	add(&s.d.Head, form, "")
	add(&s.d.Body, nil, "text")
	if s.entered {
		kinds, _ := s.d.Numbers.form(numbersForm)
		add(s.d.Numbers, kinds, "")
	}
	return gaps
}

func (d *Disclosure) reason(s *Span) string {
	if s.Reason == 0 || s.Reason > len(d.Reasons) {
		return ""
	}
	return d.Reasons[s.Reason-1]
}

// withheldMark is what stands for something that is withheld.
func withheldMark(what, reason string) string {
	if reason != "" {
		reason = ": " + reason
	}
	return "[[" + strings.TrimSpace(what+" withheld") + reason + "]]"
}

// Brackets says whether the telegram's own text has double square brackets, which a reader could take for those of a gap.
func (s *Shown) Brackets() bool {
	for _, p := range []*Part{&s.d.Head, &s.d.Body} {
		before := ""
		for i := range p.Spans {
			v := string(p.Spans[i].Value)
			if p.Spans[i].Kind == kindAttachment {
				v = attachmentText(p.Spans[i].Value)
			}
			if text := before + v; p.Spans[i].Withheld == 0 && (strings.Contains(text, "[[") || strings.Contains(text, "]]")) {
				return true
			}
			before = v
		}
	}
	return false
}

// String sets what is shown for people, with gaps where something is withheld.
func (s *Shown) String() string {
	var b strings.Builder
	lines := func(p *Part, kinds []byte) {
		at := 0
		for i := range p.Spans {
			x := &p.Spans[i]
			for range max(1, x.Withheld) {
				if x.Withheld > 0 {
					fmt.Fprintf(&b, "%s: %s\n", heading(kinds[at]), withheldMark("", s.d.reason(x)))
				} else if at > 0 {
					b.WriteString(headLine(x.Leaf))
				}
				at++
			}
		}
	}
	form, _ := s.d.Head.form(formKind)
	lines(&s.d.Head, form[:s.d.Head.Len()])
	if s.entered {
		kinds, _ := s.d.Numbers.form(numbersForm)
		lines(s.d.Numbers, kinds)
	}
	b.WriteString("\n" + s.text(form[s.d.Head.Len():]))
	return b.String()
}

// heading is the name of a field before its line.
func heading(kind uint8) string {
	switch kind {
	case kindSender:
		return "From"
	case kindReleaser:
		return "Released by"
	case kindDrafter:
		return "Drafted by"
	case kindAction:
		return "To"
	case kindReleased:
		return "Released at"
	case kindDTG:
		return "DTG"
	}
	name := kindName(kind)
	return strings.ToUpper(name[:1]) + name[1:]
}

// headLine sets one field that was checked, or nothing where it is empty.
func headLine(l Leaf) string {
	t, key := &Telegram{}, heading(l.Kind)
	n := &Numbers{}
	if l.Kind > numbersForm {
		p := Part{Spans: []Span{{}, {Leaf: l}}}
		n, _ = p.numbers([]byte{numbersForm, kindNumber, kindSerial, kindEntered})
	} else {
		t.take(l.Kind, l.Value, 0)
	}
	line := func(key, value string) string {
		if value == "" {
			return ""
		}
		return key + ": " + value + "\n"
	}
	switch l.Kind {
	case kindSender:
		return line(key, t.From.String())
	case kindReleaser:
		return line(key, fmt.Sprintf("person %d, key %d", t.Releaser.Person, t.Releaser.Key))
	case kindDrafter:
		return line(key, fmt.Sprintf("person %d, key %d", t.Drafter.Person, t.Drafter.Key))
	case kindAction:
		return line(key, t.To[0].Address.String()+"; "+t.To[0].Precedence.String())
	case kindInfo:
		return line(key, t.Info[0].Address.String()+"; "+t.Info[0].Precedence.String())
	case kindLabel:
		text := line("Policy", t.Label.Policy) + line("Classification", t.Label.Classification)
		for _, c := range t.Label.Caveats {
			text += line("Caveat", c)
		}
		return text + line("Review", moment(t.Label.Review))
	case kindType:
		return line(key, t.Type.String())
	case kindDeadline:
		return line(key, moment(t.Deadline))
	case kindDTG:
		return line(key, DTG(t.DTG)+", "+time.Unix(t.DTG, 0).UTC().Format(time.RFC3339))
	case kindReleased:
		return line(key, moment(t.Released))
	case kindRegisterBy:
		return line(key, moment(t.RegisterBy))
	case kindAsks:
		asked := []string{}
		if t.Asks&AskReceipt != 0 {
			asked = append(asked, "receipt")
		}
		if t.Asks&AskFulfilment != 0 {
			asked = append(asked, "fulfilment")
		}
		return line(key, strings.Join(asked, ", "))
	case kindReference:
		r := t.References[0]
		return line(key, fmt.Sprintf("%s %s %s/%d", r.Act, r.Post, NumberText(r.Serial), r.Year))
	case kindDeskby:
		return line(key, moment(t.Deskby))
	case kindUrgency:
		return line(key, "immediately")
	case kindConsidered:
		return line("Minimize", "considered")
	case kindNumber:
		return line(key, fmt.Sprintf("%s/%d", NumberText(n.Register), n.Year))
	case kindSerial:
		return line(key, n.Serials[0].Post+" "+NumberText(n.Serials[0].Number))
	case kindEntered:
		return line(key, moment(n.Registered))
	case kindSubject, kindSignature, kindCode:
		return line(key, string(l.Value))
	}
	return ""
}

func moment(at int64) string {
	if at == 0 {
		return ""
	}
	return time.Unix(at, 0).UTC().Format(time.RFC3339)
}

// text sets the body; kinds are those of its leaves.
func (s *Shown) text(kinds []byte) string {
	var p page
	at := 0
	for i := range s.d.Body.Spans {
		x := &s.d.Body.Spans[i]
		reason := s.d.reason(x)
		for end := at + max(1, x.Withheld); at < end; at++ {
			kind := BlockKind(kinds[at])
			if kind == Paragraph || kind == Convey || kind == End || kind == kindAttachment {
				p.apart()
			}
			shown := string(x.Value)
			switch {
			case kind == Blank:
				p.blank()
			case x.Withheld > 0 && (kind == Paragraph || kind == More):
				n := 1
				for at+1 < end && BlockKind(kinds[at+1]) == More {
					at, n = at+1, n+1
				}
				p.mark(withheldMark(counted(n, "word"), reason))
			case x.Withheld > 0:
				shown = withheldMark("", reason)
				fallthrough
			case kind == Convey || kind == End || kind == Insertion || kind == kindAttachment:
				p.mark(bracketed(kind, shown))
			default:
				p.word(shown)
			}
		}
	}
	p.flush()
	if p.Len() > 0 {
		p.WriteByte('\n')
	}
	return p.String()
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// bracketed sets a leaf that is no word as a draft has it.
func bracketed(kind BlockKind, text string) string {
	what := "insertion"
	switch kind {
	case Convey:
		what = "convey to"
	case End:
		what = "end"
	case kindAttachment:
		what = "attachment"
		if a, err := ParseAttachment([]byte(text)); err == nil {
			text = fmt.Sprintf("%s, %d bytes", a.Name, a.Length)
		}
	case Insertion:
		for i, name := range []string{Supplied: "supplied", Gloss: "gloss", Sic: "sic"} {
			if len(text) > 0 && int(text[0]) == i {
				what, text = name, text[1:]
			}
		}
	}
	return "[" + strings.TrimSpace(what+" "+text) + "]"
}

// page is a text that is being set.
type page struct {
	strings.Builder
	last   byte // what stands last: 0 nothing of this paragraph, or a space; 'w' a word without one; 'm' a mark
	blanks int  // that were not set yet
}

func (p *page) apart() {
	p.flush()
	if p.Len() > 0 {
		p.WriteString("\n\n")
	}
	p.last = 0
}

func (p *page) blank() { p.blanks++ }

func (p *page) flush() {
	if n := p.blanks; n > 0 {
		p.blanks = 0
		p.mark("[[" + counted(n, "blank") + "]]")
	}
}

func (p *page) mark(text string) {
	p.flush()
	if p.last != 0 {
		p.WriteByte(' ')
	}
	p.WriteString(text)
	p.last = 'm'
}

func (p *page) word(text string) {
	p.flush()
	if p.last == 'm' {
		p.WriteByte(' ')
	}
	p.WriteString(text)
	if p.last = 'w'; strings.TrimRight(text, spaces) != text {
		p.last = 0
	}
}
