package archive

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// quoteMarks are the marks of quotation: 1 opens, 2 closes, 3 does either.
var quoteMarks = map[rune]int{'"': 3, '“': 3, '”': 2, '„': 1, '‟': 1, '«': 1, '»': 2, '＂': 3}

const (
	opens  = 1
	closes = 2
)

// quoteTurn tells whether a mark opens or closes, from what is beside it.
func quoteTurn(before, mark, after rune) int {
	kind := quoteMarks[mark]
	if kind != 3 {
		return kind
	}
	open := before == 0 || unicode.IsSpace(before) || strings.ContainsRune("([—–-:/", before)
	void := after == utf8.RuneError || after == 0 || unicode.IsSpace(after) || strings.ContainsRune(".,;:!?)]", after)
	switch {
	case mark == '“' && !(void && !open):
		return opens // after „ it closes, and then a word stands before it
	case mark == '“', !open:
		return closes
	case void && before != 0:
		return closes
	}
	return opens
}

// place is a byte in a list of paragraphs.
type place struct{ paragraph, offset int }

// quotation is a conveyed message where it stands in the text.
type quotation struct {
	intro       string // what leads to it, from the beginning of the text
	start, end  place  // of what is inside the marks
	outside     int    // where the text goes on in the last paragraph
	signedBelow bool   // the signature stands below the closing mark
}

// covers tells whether a paragraph belongs to the message.
func (q *quotation) covers(i int) bool {
	if q == nil {
		return false
	}
	last := q.end.paragraph
	if q.signedBelow {
		last++
	}
	return i >= q.start.paragraph && i <= last && (i > q.start.paragraph || q.start.offset < 4)
}

const introLength = 800 // bytes before a message in which its order is looked for

// findConveyed finds the first quotation to which an order to hand it on leads,
// or, without marks, the signed message below such an order.
func findConveyed(list []paragraph) *quotation {
	const most = 400 // quotations looked at
	looked := 0
	before := '\x00' // the last that is not blank
	for i, p := range list {
		previous := '\x00'
		for at, r := range p.text {
			end := at + utf8.RuneLen(r)
			if quoteMarks[r] != 0 && looked < most {
				next, _ := utf8.DecodeRuneInString(p.text[end:])
				turn := quoteTurn(previous, r, next)
				leads := before == ':' || before == '-' || before == '—' || before == '–' || at == 0 && i > 0
				if turn != closes && leads || at == 0 && i > 0 {
					looked++
					intro := introOf(list, i, at)
					if ordersConveying(intro, before == ':') {
						q := &quotation{intro: intro, start: place{i, end}}
						q.findEnd(list)
						return q
					}
				}
			}
			previous = r
			if !unicode.IsSpace(r) {
				before = r
			}
		}
		if before == ':' && i+1 < len(list) && quoteMarks[firstRune(list[i+1].text)] == 0 {
			if q := unmarked(list, i); q != nil {
				return q
			}
		}
	}
	return nil
}

func firstRune(s string) rune {
	r, _ := utf8.DecodeRuneInString(s)
	return r
}

// introOf gathers the text before a place, as far back as an order may stand.
func introOf(list []paragraph, i, at int) string {
	text := list[i].text[:at]
	for i--; i >= 0 && len(text) < introLength; i-- {
		text = list[i].text + " " + text
	}
	if cut := len(text) - introLength; cut > 0 {
		for cut < len(text) && !utf8.RuneStart(text[cut]) {
			cut++
		}
		text = text[cut:]
	}
	return strings.TrimSpace(text)
}

// unmarked finds a message without quotation marks: it goes down to a
// signature below which the telegram's own closing still follows.
func unmarked(list []paragraph, i int) *quotation {
	intro := introOf(list, i, len(list[i].text))
	if !ordersConveying(intro, true) || !followingWord.MatchString(lastSentence(intro)) {
		return nil
	}
	first := -1
	for j := i + 2; j < len(list); j++ {
		name, _, _, ok := closingLine(list[j].text)
		if !ok || name == "" {
			continue
		}
		if first >= 0 {
			return &quotation{intro: intro, start: place{i + 1, 0}, end: place{first, len(list[first].text)}, outside: len(list[first].text)}
		}
		first = j
	}
	return nil
}

// findEnd finds the mark that balances the first one. A mark that opens a
// paragraph only says that the quotation goes on, unless an order or a colon
// leads to it: then another message begins inside. Marks that open and are not
// closed in their paragraph are taken for slips.
func (q *quotation) findEnd(list []paragraph) {
	depth := 1
	var last place
	lastOutside, found := 0, false
	before := ' '
	for i := q.start.paragraph; i < len(list); i++ {
		from := 0
		if i == q.start.paragraph {
			from = q.start.offset
		}
		var local []bool // of each open mark: does a colon lead to it
		previous := '\x00'
		text := list[i].text
		for at, r := range text[from:] {
			at += from
			end := at + utf8.RuneLen(r)
			next, size := utf8.DecodeRuneInString(text[end:])
			if size == 0 {
				next = 0
			}
			switch turn := quoteTurn(previous, r, next); {
			case turn == opens && !(previous == 0 && next == 0):
				local = append(local, before == ':')
			case turn != 0:
				if strings.Trim(text[end:], ` .,;!?"”»“`) == "" {
					last, lastOutside, found = place{i, at}, end, true
				}
				if len(local) > 0 {
					local = local[:len(local)-1]
				} else if depth--; depth == 0 {
					q.end, q.outside = place{i, at}, end
					q.signBelow(list)
					return
				}
			}
			previous = r
			if !unicode.IsSpace(r) {
				before = r
			}
		}
		for _, led := range local {
			if led {
				depth++
			}
		}
	}
	if found {
		q.end, q.outside = last, lastOutside
		q.signBelow(list)
		return
	}
	q.unclosed(list)
}

// unclosed ends a message whose last mark is missing: below the first of two
// signatures, or above the telegram's own closing.
func (q *quotation) unclosed(list []paragraph) {
	end := len(list) - 1
	first := -1
	for j := q.start.paragraph + 1; j < len(list); j++ {
		name, _, _, ok := closingLine(list[j].text)
		if requestOpens.MatchString(list[j].text) && first < 0 {
			end, first = j-1, j
			continue
		}
		if ok && first < 0 {
			end = max(j-1, q.start.paragraph)
			first = j
		} else if name != "" && first >= 0 && first == end+1 && !requestOpens.MatchString(list[first].text) {
			end = first
			break
		}
	}
	q.end, q.outside = place{end, len(list[end].text)}, len(list[end].text)
}

// signBelow looks for a signature below the closing mark: it is the message's
// when the telegram's own still follows.
func (q *quotation) signBelow(list []paragraph) {
	i := q.end.paragraph
	if strings.Trim(list[i].text[q.outside:], " .,;!?") != "" || i+2 >= len(list) {
		return
	}
	if name, _ := signatureOf(lastParagraphInside(list, q)); isName(name) && i > q.start.paragraph {
		return
	}
	if name, _, _, ok := closingLine(list[i+1].text); !ok || name == "" {
		return
	}
	for _, p := range list[i+2 : min(len(list), i+10)] {
		if name, _, _, ok := closingLine(p.text); ok && name != "" {
			q.signedBelow = true
		}
	}
}

func lastParagraphInside(list []paragraph, q *quotation) string {
	return list[q.end.paragraph].text[:q.end.offset]
}

// readConveyed takes the message apart.
func readConveyed(list []paragraph, q *quotation) *Conveyed {
	if q == nil || q.end.paragraph >= len(list) {
		return nil
	}
	c := &Conveyed{To: recipient(q.intro)}
	var inside []paragraph
	for i := q.start.paragraph; i <= q.end.paragraph; i++ {
		text, from, to := list[i].text, 0, len(list[i].text)
		if i == q.end.paragraph {
			to = min(to, q.end.offset)
		}
		if i == q.start.paragraph {
			from = min(q.start.offset, to)
		}
		if text = strings.TrimSpace(text[from:to]); text != "" {
			inside = append(inside, paragraph{list[i].line, text})
		}
	}
	if q.signedBelow && q.end.paragraph+1 < len(list) {
		c.Signature, c.Gloss = signatureOf(list[q.end.paragraph+1].text)
	} else {
		inside = signMessage(c, inside)
	}
	for _, p := range inside {
		if pointForm.MatchString(strings.TrimLeft(p.text, `"“„«» `)) {
			c.NumberedPoints++
		}
	}
	c.Text = joinParagraphs(inside)
	return c
}

// signMessage takes the signature off the end of a message.
func signMessage(c *Conveyed, inside []paragraph) []paragraph {
	last := len(inside) - 1
	for last > 0 {
		if _, isDay := onlyDay(inside[last].text); !isDay {
			break
		}
		last--
	}
	if last < 0 {
		return inside
	}
	text := inside[last].text
	if name, gloss, _, ok := closingLine(text); last > 0 && ok && name != "" {
		c.Signature, c.Gloss = name, gloss
		return append(inside[:last:last], inside[last+1:]...)
	}
	if name, gloss := signatureOf(text); last > 0 && words(name) <= 4 && titled(name) && !pointForm.MatchString(text) {
		c.Signature, c.Gloss = name, gloss
		return append(inside[:last:last], inside[last+1:]...)
	}
	if m := inlineName.FindStringSubmatch(text); m != nil {
		if name, gloss := signatureOf(m[2]); isName(name) && len(name) > 3 {
			c.Signature, c.Gloss = name, gloss
			inside[last].text = m[1]
		}
	}
	return inside
}

// outside gives the telegram's own words: all but the message.
func outside(list []paragraph, q *quotation) []string {
	var texts []string
	for i, p := range list {
		switch {
		case q == nil || i < q.start.paragraph || i > q.end.paragraph:
			texts = append(texts, p.text)
			continue
		}
		if i == q.start.paragraph {
			texts = append(texts, p.text[:min(q.start.offset, len(p.text))])
		}
		if i == q.end.paragraph {
			texts = append(texts, strings.TrimLeft(p.text[min(q.outside, len(p.text)):], " .,;"))
		}
	}
	return texts
}

// sentences divides a text; a point behind an abbreviation or an initial does
// not end a sentence.
func sentences(text string) []string {
	var list []string
	from := 0
	for _, at := range sentenceEnd.FindAllStringIndex(text, -1) {
		if abbreviation.MatchString(text[max(from, at[0]-8) : at[0]+1]) {
			continue
		}
		list = append(list, strings.TrimSpace(text[from:at[1]]))
		from = at[1]
	}
	if from < len(text) {
		list = append(list, strings.TrimSpace(text[from:]))
	}
	return list
}

func lastSentence(text string) string {
	if list := sentences(text); len(list) > 0 {
		return list[len(list)-1]
	}
	return ""
}

var (
	sentenceEnd  = regexp.MustCompile(`[.!?]["”»)\]]*(?:\s|$)`)
	abbreviation = regexp.MustCompile(`(?:^|[\s(])(?:Mr|Mrs|Ms|Messrs|Dr|St|Gen|Col|Prof|Amb|No|Nos|Com|Comr|Cde|Capt|Lt|M|H\.E|\p{Lu})\.$`)
)
