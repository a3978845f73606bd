package archive

import (
	"regexp"
	"strings"
)

// paragraph is one paragraph of the text of a telegram.
type paragraph struct {
	line int // of its first word
	text string
}

var (
	pointForm    = regexp.MustCompile(`^(?:\(\d{1,2}\)|\d{1,2}[.)])(?:\s|$)`)
	serialPlain  = regexp.MustCompile(`^((?:EX|DR)?\d{1,6}(?:[/-]\d{1,4})?)\.(?:\s+|$)`)
	serialNamed  = regexp.MustCompile(`^(?i:serial(?: no\.?| nr\.?| number)?|no\.?|nr\.?|№|#|number)\s*:?\s*((?:EX|DR)?\d{1,6}(?:[/-]\d{1,4})?)(\s*[.:,;]|\s+[–—-]|\b)(?:\s+|$)`)
	serialDashed = regexp.MustCompile(`^(\d{2,6})(?:\s*:|\s+[-–—])\s+`)
)

// splitSerial takes the serial from the beginning of a text.
func splitSerial(text string) (serial, after string, ok bool) {
	for _, form := range []*regexp.Regexp{serialPlain, serialNamed, serialDashed} {
		m := form.FindStringSubmatchIndex(text)
		if m == nil {
			continue
		}
		after = text[m[1]:]
		if form == serialNamed && m[4] == m[5] && after != "" && !inCapitals(after[:1]) {
			continue // "No. 2522 of 7 December is void"
		}
		if _, isDay := onlyDay(text); isDay {
			continue
		}
		return text[m[2]:m[3]], after, true
	}
	return "", "", false
}

// paragraphs puts the lines of a text together. Blank lines part paragraphs;
// so do numbered points, signatures, days and requests on their own lines,
// for sheets that have no blank lines. A page number parts nothing.
func paragraphs(lines []line, u *rest) []paragraph {
	var list []paragraph
	var b strings.Builder
	start, last := 0, ""
	flush := func() {
		if b.Len() > 0 {
			list = append(list, paragraph{start, b.String()})
		}
		b.Reset()
	}
	gap, page := true, false
	for _, l := range lines {
		if l.blank() {
			gap = true
			continue
		}
		if isPageNumber(l.text) {
			u.keep(l)
			page = true
			continue
		}
		turned := page && !endsSentence(last) && startsLower(l.text)
		if gap && !turned || !gap && begins(last, l.text) {
			flush()
		}
		if b.Len() == 0 {
			start = l.number
		} else {
			b.WriteString(joint(last, l.text))
		}
		b.WriteString(l.text)
		gap, page, last = false, false, l.text
	}
	flush()
	return list
}

// begins tells whether a line begins a paragraph though no blank line says so.
func begins(last, text string) bool {
	if _, _, _, ok := closingLine(last); ok && (endsSentence(last) || inCapitals(last)) && !startsLower(text) && words(last) <= 8 && len(last) > 3 {
		return true
	}
	if !endsSentence(last) {
		// A title above a name: "Deputy Minister", "H. OSTER".
		name, _, _, ok := closingLine(text)
		return ok && name != "" && words(last) <= 4 && len(last) <= 60 && titled(last)
	}
	if _, _, _, ok := closingLine(text); ok {
		return true
	}
	if words(text) <= 4 && len(text) <= 40 && titled(strings.TrimRight(text, ".")) && requestOpens.MatchString(last) {
		return true
	}
	first := []rune(text)[0]
	return pointForm.MatchString(text) || quoteMarks[first] != 0 && strings.HasSuffix(last, ":") ||
		len(text) <= longestRegistryLine && requestOpens.MatchString(text)
}

// readBody reads the text, its closing and what is in it, and gives back the
// day of signing, whose year may still be open.
func readBody(t *SheetTelegram, lines []line, u *rest) day {
	list := paragraphs(lines, u)
	message := findConveyed(list)
	if len(list) > 0 {
		if serial, after, ok := splitSerial(list[0].text); ok && !opensList(serial, list, message) {
			t.Serial = serial
			list[0].text = after
			if after == "" {
				list = list[1:]
			}
			message = findConveyed(list)
		}
	}
	c := readClosing(list, message, len(t.Copies) > 0, u)
	list = list[:c.from]
	if c.tail != "" {
		list[len(list)-1].text = c.tail
	}
	t.Signature = c.name
	t.Text = joinParagraphs(list)
	t.Conveyed = readConveyed(list, message)
	t.ReportFulfilment, t.ConfirmReceipt = requests(outside(list, message))
	t.Insertions = insertions(t, c)
	return c.day
}

func joinParagraphs(list []paragraph) string {
	texts := make([]string, len(list))
	for i, p := range list {
		texts[i] = p.text
	}
	return strings.Join(texts, "\n\n")
}

// opensList tells whether a first "1." is a point: the next numbered paragraph
// of the telegram itself is then "2.".
func opensList(serial string, list []paragraph, message *quotation) bool {
	if serial != "1" {
		return false
	}
	for i, p := range list[1:] {
		if message.covers(i + 1) {
			continue
		}
		if pointForm.MatchString(p.text) {
			return strings.HasPrefix(strings.TrimPrefix(p.text, "("), "2")
		}
	}
	return false
}

// closing is what stands below the text: signature and day.
type closing struct {
	from        int    // the first paragraph of the closing
	tail        string // the last paragraph of the text, when the signature was cut off it
	name, gloss string
	day         day
}

var (
	signedWord = regexp.MustCompile(`(?i)^(?:[\[(]?signed[\])]?\s*[:.]?|/s/|[-–—])\s*`)
	glossForm  = regexp.MustCompile(`^(.*?)\s*(?:\[([^\[\]]{1,120})\]|\(([^()]{1,120})\))$`)
	nameStart  = regexp.MustCompile(`\b(?:Mc|Mac|de|von|van|der|den|di|da|la|le|d'|du|for|of|the|and)\b ?|\b(?:Mc|Mac)`)
)

// signatureOf reads a name, perhaps with a gloss in brackets.
func signatureOf(text string) (name, gloss string) {
	text = strings.TrimRight(text, " .,;\"”»“")
	text = signedWord.ReplaceAllString(text, "")
	if m := glossForm.FindStringSubmatch(text); m != nil {
		text, gloss = m[1], m[2]+m[3]
	}
	if last := strings.Fields(text); len(last) > 1 && len(last[len(last)-1]) == 2 && strings.HasSuffix(text, ".") {
		return text, gloss // an initial keeps its point
	}
	return strings.TrimRight(text, " .,;:\"”»“"), gloss
}

// isName tells whether a text can be a signature: few words, in capitals.
func isName(name string) bool {
	if len(name) < 2 || len(name) > 90 || words(name) > 8 || strings.ContainsAny(name, `0123456789:?!"“”«»[]`) {
		return false
	}
	bare := nameStart.ReplaceAllString(name, "")
	return inCapitals(bare) && !requestOpens.MatchString(name)
}

// closingLine reads a line that is a signature, a day, or both.
func closingLine(text string) (name, gloss string, d day, ok bool) {
	if len(text) > 200 {
		return "", "", day{}, false
	}
	if d, ok := onlyDay(text); ok {
		return "", "", d, true
	}
	if found, at, has := findDay(text); has {
		cut := at.cut(text)
		if name, gloss = signatureOf(cut); isName(name) {
			return name, gloss, found, true
		}
	}
	name, gloss = signatureOf(text)
	return name, gloss, day{}, isName(name)
}

// readClosing finds the signature below the text: the last line in capitals,
// with the day beside it. What stands further down has no place.
func readClosing(list []paragraph, message *quotation, copied bool, u *rest) closing {
	const deepest = 8 // paragraphs below a signature
	c := closing{from: len(list)}
	floor := max(0, len(list)-deepest)
	if message != nil {
		floor = max(floor, message.end.paragraph+1)
		if message.signedBelow {
			floor = max(floor, message.end.paragraph+2)
		}
	}
	at := -1
	for i := len(list) - 1; i >= floor && at < 0; i-- {
		if name, gloss, d, ok := closingLine(list[i].text); ok && name != "" {
			at, c.name, c.gloss, c.day = i, name, gloss, d
		}
	}
	if at < 0 {
		return plainClosing(c, list, floor, copied)
	}
	c.from = at
	for _, p := range list[at+1:] {
		if d, ok := onlyDay(p.text); ok && c.day.month == 0 {
			c.day = d
			continue
		}
		u.keepText(p.line, p.text)
	}
	for i := at - 1; i >= floor && i > 0; i-- {
		name, _, d, ok := closingLine(list[i].text)
		switch {
		case ok && name == "" && c.day.month == 0:
			c.day = d
		case ok && name != "" && c.gloss == "" && words(c.name) < 8:
			c.name = name + " " + c.name
		case !ok && c.gloss == "" && words(list[i].text) <= 4 && titled(list[i].text) && !endsSentence(list[i].text):
			c.name = list[i].text + " " + c.name
		default:
			return c
		}
		c.from = i
	}
	return c
}

var inlineName = regexp.MustCompile(`^(.*[.!?"”»])\s+(\p{Lu}[\p{Lu}\s.'’-]{2,60}(?:\[[^\[\]]+\])?)\.?$`)

// plainClosing finds a signature that is not in capitals on a line of its own:
// it needs a day or the holders of copies below it.
func plainClosing(c closing, list []paragraph, floor int, copied bool) closing {
	end := len(list)
	if end > floor && end > 0 {
		if d, ok := onlyDay(list[end-1].text); ok {
			c.day, copied = d, true
			end--
		}
	}
	c.from = end
	if end == 0 || end <= floor || !copied {
		return c
	}
	text := list[end-1].text
	if d, at, ok := findDay(lastPart(text)); ok && c.day.month == 0 && strings.TrimRight(lastPart(text)[at.to:], " .") == "" {
		cut := len(text) - len(lastPart(text)) + at.from
		c.day = d
		text = strings.TrimRight(text[:cut], " ,")
		c.tail = text
	}
	if m := inlineName.FindStringSubmatch(text); m != nil && !abbreviation.MatchString(m[1][max(0, len(m[1])-8):]) {
		if name, gloss := signatureOf(m[2]); isName(name) {
			c.name, c.gloss, c.tail = name, gloss, m[1]
			return c
		}
	}
	name, gloss := signatureOf(text)
	if end-1 > 0 && words(name) <= 4 && titled(name) && endsSentence(list[end-2].text) {
		c.name, c.gloss, c.tail, c.from = name, gloss, "", end-1
	}
	return c
}

// lastPart is the end of a long text, where a closing can stand.
func lastPart(text string) string {
	const far = 60
	if len(text) <= far {
		return text
	}
	cut := strings.IndexByte(text[len(text)-far:], ' ')
	if cut < 0 {
		return ""
	}
	return text[len(text)-far+cut:]
}

// titled tells whether every word begins with a capital.
func titled(s string) bool {
	for word := range strings.FieldsSeq(s) {
		if word[0] < 0x80 && !inCapitals(word[:1]) || startsLower(word) {
			return false
		}
	}
	return s != "" && !requestOpens.MatchString(s) && len(sentences(s)) == 1
}
