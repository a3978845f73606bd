package archive

import (
	"regexp"
	"strings"
)

// outline is a sheet divided into its head and its telegram.
type outline struct {
	preamble []line
	sections []section // in the order of the sheet
	telegram []line
	formed   bool // something of the form was there
}

// section is a labelled part of the head.
type section struct {
	name  string
	lines []line
}

// head is what the reader of the telegram needs to know of the head.
type head struct {
	day  day
	year int
}

// labels maps the words before a colon to the section they open.
var labels = map[string]string{
	"citation": "citation", "cite as": "citation", "cited as": "citation", "citations": "citation",
	"summary": "summary", "abstract": "summary", "synopsis": "summary",
	"original language": "language", "language": "language", "language of original": "language", "original languages": "language", "language of the original": "language",
	"contents": "contents", "content": "contents",
	"source": "source", "sources": "source", "original archive": "source", "archive": "source", "archives": "source", "location": "source", "locations": "source", "archival source": "source", "archival reference": "source", "reference": "source",
	"url": "url", "link": "url", "permalink": "url", "permanent link": "url", "permanent address": "url", "address": "url",
	"title": "title", "date": "date", "document date": "date", "date of document": "date",
	"credits": "other", "rights": "other", "subject": "other", "subjects": "other", "note": "other", "notes": "other", "creator": "other", "creators": "other", "contributor": "other", "contributors": "other", "coverage": "other", "donor": "other", "publisher": "other", "tags": "other", "keywords": "other", "related documents": "other", "geographic subjects": "other", "associated places": "other", "collection": "collection", "translator": "other", "translated by": "other", "editor": "other", "document type": "other", "type": "other",
}

// label reads a line that opens a section and gives back what follows on it.
func label(text string) (name, after string, ok bool) {
	if len(text) > 0 && text[0] != '*' && len(text) > 4096 {
		text = text[:4096] // no label is that far from the margin; what follows is read from the line itself
	}
	before, after, colon := strings.Cut(text, ":")
	if len(before) > 60 {
		return "", "", false
	}
	name = labels[strings.ToLower(unstarred(before))]
	if name == "" {
		return "", "", false
	}
	if !colon {
		return name, "", name != "other" && name != "date" && name != "title" && name != "source" && name != "collection"
	}
	return name, strings.TrimSpace(strings.TrimLeft(after, "* ")), true
}

// oneLine tells which sections end with their first line.
func oneLine(name string) bool {
	return name == "language" || name == "contents" || name == "url" || name == "date" || name == "collection"
}

// divide finds the labelled sections, and the line with which the telegram
// begins: the first that only a registry writes.
func divide(lines []line) outline {
	var o outline
	lastLabel := -1
	for i, l := range lines {
		if _, _, ok := label(l.text); ok {
			lastLabel = i
			o.formed = true
		}
	}
	var open *section
	fresh := true // a paragraph begins here
	for i, l := range lines {
		if l.blank() {
			fresh = true
			if open != nil && !oneLine(open.name) {
				open.lines = append(open.lines, l)
			}
			continue
		}
		// "Summary" below "Contents:" is what it says, not the next label.
		waits := open != nil && oneLine(open.name) && len(open.lines) == 0 && !strings.Contains(l.text, ":")
		if name, after, ok := label(l.text); ok && !waits {
			o.sections = append(o.sections, section{name: name})
			open = &o.sections[len(o.sections)-1]
			if after != "" {
				full := l.text[strings.IndexByte(l.text, ':')+1:]
				open.lines = append(open.lines, line{l.number, strings.TrimSpace(strings.TrimLeft(full, "* "))})
			}
			fresh = false
			continue
		}
		filled := open != nil && oneLine(open.name) && len(open.lines) > 0 && !strings.HasSuffix(open.lines[len(open.lines)-1].text, "-")
		switch {
		case beginsTelegram(l.text, fresh || filled, open == nil, lastLabel > i), filled && lastLabel < i && !isPageNumber(l.text) && urlForm.FindString(l.text) == "":
			o.formed = o.formed || open == nil
			o.telegram, o.sections = cutTail(lines[i:], o.sections)
			return o
		case filled:
			o.sections = append(o.sections, section{"other", []line{l}})
			open = &o.sections[len(o.sections)-1]
		case open == nil:
			if fresh && len(o.preamble) > 0 {
				o.preamble = append(o.preamble, line{number: l.number})
			}
			o.preamble = append(o.preamble, l)
		default:
			open.lines = append(open.lines, l)
		}
		fresh = false
	}
	return o
}

// beginsTelegram tells whether a line can only come from a registry. In the
// middle of a paragraph, and above the labels, less is believed.
func beginsTelegram(text string, fresh, preamble, labelsFollow bool) bool {
	if strings.HasPrefix(text, "**") && preamble {
		return false
	}
	switch kind := registryKind(text); kind {
	case timeLine, specialLine:
		return true
	case addresseeLine, infoLine:
		return fresh || inCapitals(text)
	case typeLine, precedenceLine:
		return fresh && (!preamble || !labelsFollow) || inCapitals(text) && !preamble
	case originatorLine:
		return fresh && (!preamble || !labelsFollow && !strings.Contains(strings.ToLower(text), "telegram"))
	case departmentLine:
		return fresh && !preamble && words(text) <= 4
	}
	if preamble || !fresh {
		return false
	}
	_, _, serial := splitSerial(text)
	return inCapitals(text) && len(text) > 3 && !labelsFollow || serial && !labelsFollow
}

// cutTail takes from a telegram the sections that a sheet sets below it.
func cutTail(lines []line, sections []section) ([]line, []section) {
	closed, fresh := false, false
	for i, l := range lines {
		name, after, ok := label(l.text)
		_, isDay := onlyDay(l.text)
		switch {
		case ok && fresh && (closed || after == "" && name != "other") && strings.Contains(l.text, ":"):
			return lines[:i], append(sections, labelled(lines[i:])...)
		case isDay && i > 0, copiesLine.MatchString(l.text):
			closed = true
		}
		fresh = l.blank() || closed
	}
	return lines, sections
}

// labelled divides lines that are nothing but sections.
func labelled(lines []line) []section {
	var list []section
	for _, l := range lines {
		name, _, ok := label(l.text)
		switch {
		case ok:
			after := strings.TrimLeft(l.text[strings.IndexByte(l.text, ':')+1:], "* ")
			if !strings.Contains(l.text, ":") {
				after = ""
			}
			list = append(list, section{name, []line{{l.number, after}}})
			continue
		case len(list) == 0:
			list = append(list, section{name: "other"})
		}
		open := &list[len(list)-1]
		if oneLine(open.name) && !l.blank() && run(open.lines).text != "" {
			list = append(list, section{name: "other"})
			open = &list[len(list)-1]
		}
		open.lines = append(open.lines, l)
	}
	return list
}

// readHead fills the description of the record.
func readHead(s *Sheet, o outline, u *rest) head {
	var h head
	quoted := ""
	for _, sec := range o.sections {
		if sec.name == "citation" {
			c := readCitation(s, run(sec.lines), u)
			quoted = firstOf(quoted, c.title)
			if h.day.month == 0 {
				h.day = c.day
			}
		}
	}
	readPreamble(s, &h, o.preamble, quoted, u)
	for _, sec := range o.sections {
		readSection(s, &h, sec, u)
	}
	s.Title = firstOf(s.Title, quoted)
	if h.day.known() {
		h.year = h.day.year
	}
	s.Date = h.day.String()
	return h
}

// readSection reads every section but the citation.
func readSection(s *Sheet, h *head, sec section, u *rest) {
	text := run(sec.lines)
	if text.text == "" {
		return
	}
	unread := func() {
		for _, l := range sec.lines {
			u.keep(l)
		}
	}
	switch {
	case sec.name == "citation":
	case sec.name == "summary" && s.Summary == "":
		s.Summary = readSummary(s, sec.lines, u)
	case sec.name == "language" && s.OriginalLanguage == "":
		s.OriginalLanguage = readLanguages(text, u)
	case sec.name == "contents" && s.Contents == nil:
		s.Contents = readContents(text.text)
	case sec.name == "url" && s.URL == "":
		s.URL = firstOf(findURL(text.text), strings.Trim(text.text, "<>"))
	case sec.name == "title" && s.Title == "":
		s.Title = unstarred(text.text)
	case sec.name == "collection" && s.Collection == "":
		s.Collection = text.text
	case sec.name == "date":
		if d, _, ok := findDay(text.text); ok && d.known() {
			h.day = d
			return
		}
		if d, ok := yearAlone(text.text); ok {
			h.day = d
			return
		}
		unread()
	case sec.name == "source" && len(s.Locations) == 0:
		readCitation(s, text, u)
		if len(s.Locations) == 0 {
			unread()
		}
	default:
		unread()
	}
}

// readSummary joins wrapped lines and keeps the paragraphs.
func readSummary(s *Sheet, lines []line, u *rest) string {
	var paragraphs []string
	var part []line
	flush := func() {
		if text := run(part).text; text != "" {
			paragraphs = append(paragraphs, text)
		}
		part = nil
	}
	for _, l := range lines {
		switch {
		case isPageNumber(l.text):
			u.keep(l)
		case l.blank():
			flush()
		case s.URL == "" && strings.HasPrefix(l.text, "<") && findURL(l.text) != "":
			s.URL = findURL(l.text)
		default:
			part = append(part, l)
		}
	}
	flush()
	return strings.Join(paragraphs, "\n\n")
}

// readPreamble finds the date and the title in what stands above all labels.
func readPreamble(s *Sheet, h *head, lines []line, quoted string, u *rest) {
	var starred []line
	var plain [][]line
	inside, begin := false, true
	for _, l := range lines {
		if l.blank() {
			begin = true
			continue
		}
		bare := unstarred(l.text)
		if !inside {
			if d, ok := headDay(bare); ok {
				h.day = d
				begin = true
				continue
			}
			if url := findURL(l.text); url != "" && words(l.text) == 1 {
				s.URL = firstOf(s.URL, url)
				continue
			}
			if isPageNumber(l.text) {
				u.keep(l)
				continue
			}
		}
		marks := strings.Count(l.text, "**")
		if inside || marks > 0 {
			inside = inside != (marks%2 == 1)
			starred = append(starred, line{l.number, bare})
			continue
		}
		if begin || len(plain) == 0 {
			plain = append(plain, nil)
		}
		begin = false
		plain[len(plain)-1] = append(plain[len(plain)-1], line{l.number, bare})
	}
	from, to := 0, 0
	if len(starred) > 0 {
		s.Title = strings.TrimSpace(strings.ReplaceAll(run(starred).text, "**", ""))
	} else if len(plain) > 0 {
		from, to = titleAmong(plain, quoted)
		s.Title = run(flat(plain[from:to])).text
	}
	for _, l := range append(flat(plain[:from]), flat(plain[to:])...) {
		u.keep(l)
	}
}

// titleAmong chooses the paragraphs of the preamble that are the title: those
// that the citation quotes, else the first.
func titleAmong(plain [][]line, quoted string) (from, to int) {
	const far = 12 // no preamble has more paragraphs
	for from = 0; from < min(len(plain), far) && quoted != ""; from++ {
		for to = from + 1; to <= min(len(plain), far); to++ {
			if strings.EqualFold(run(flat(plain[from:to])).text, quoted) {
				return from, to
			}
		}
	}
	return 0, 1
}

func flat(paragraphs [][]line) []line {
	var all []line
	for _, p := range paragraphs {
		all = append(all, p...)
	}
	return all
}

// headDay reads a line of the head that is a day, a month or a year.
func headDay(text string) (day, bool) {
	if d, ok := yearAlone(text); ok {
		return d, true
	}
	d, ok := onlyDay(text)
	return d, ok && d.known()
}

var fourDigits = regexp.MustCompile(`^\[?(1[5-9]\d\d|20\d\d)\]?\.?$`)

func yearAlone(text string) (day, bool) {
	m := fourDigits.FindStringSubmatch(text)
	if m == nil {
		return day{}, false
	}
	year := 0
	for _, digit := range m[1] {
		year = year*10 + int(digit-'0')
	}
	return day{year: year}, true
}

var urlForm = regexp.MustCompile(`(?i)<\s*([^\s<>]+(?:\s[^\s<>]*[./][^\s<>]*)*)\s*>|((?:https?://|www\.)[^\s<>"“”«»]+)`)

// findURL finds an address, in angle brackets or not; a break inside angle
// brackets came from wrapping.
func findURL(text string) string {
	m := urlForm.FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	if m[1] != "" {
		return strings.ReplaceAll(m[1], " ", "")
	}
	return strings.TrimRight(m[2], ".,;:)]*_")
}
