package archive

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"slices"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"
)

// line is one line of a sheet, its white space made single and trimmed.
type line struct {
	number int // from 1
	text   string
}

func (l line) blank() bool { return l.text == "" }

// readLines takes the whole sheet apart into lines.
func readLines(r io.Reader) ([]line, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxSheet+1))
	if err != nil {
		return nil, fmt.Errorf("reading the sheet: %w", err)
	}
	if len(data) > MaxSheet {
		return nil, ErrTooLong
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	data = bytes.ReplaceAll(data, []byte("\r"), []byte("\n"))

	var lines []line
	empty := true
	for raw := range bytes.SplitSeq(data, []byte("\n")) {
		number := len(lines) + 1
		if !utf8.Valid(raw) {
			return nil, fmt.Errorf("line %d of the sheet is not UTF-8: save the sheet as UTF-8 and read it again", number)
		}
		l := line{number, clean(string(raw))}
		empty = empty && l.blank()
		lines = append(lines, l)
	}
	if empty {
		return nil, ErrEmpty
	}
	return lines, nil
}

// clean makes all white space single blanks and takes out what cannot be seen.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\u200b' || r == '\u200e' || r == '\u200f' || r == '\u00ad' || r == '\ufeff' || r == '\u2060':
			return -1
		case unicode.IsSpace(r) || unicode.IsControl(r):
			return ' '
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// unstarred takes off the marks of emphasis around a line.
func unstarred(s string) string {
	return strings.TrimSpace(strings.Trim(strings.TrimLeft(s, "#"), "*_ "))
}

var pageNumber = regexp.MustCompile(`^(?:[-–—\[(]+ ?)?(?i:page |p\. ?)?\d{1,3}(?: ?(?i:of|/) ?\d{1,3})?(?: ?[-–—\])]+)?$`)

// isPageNumber tells whether a line can be nothing but the number of a page.
func isPageNumber(s string) bool { return len(s) < 24 && pageNumber.MatchString(s) }

// rest gathers what has no place in the record.
type rest struct{ list []Unplaced }

func (u *rest) keep(l line) { u.keepText(l.number, l.text) }

func (u *rest) keepText(number int, text string) {
	if text != "" {
		u.list = append(u.list, Unplaced{number, text})
	}
}

func (u *rest) inOrder() []Unplaced {
	slices.SortStableFunc(u.list, func(a, b Unplaced) int { return a.Line - b.Line })
	return u.list
}

// passage is running text put together from lines that still knows on which
// line each part of it stood.
type passage struct {
	text   string
	starts []int // where each line begins in text, rising
	lines  []int // the numbers of those lines
}

// run joins lines to one passage without paragraphs.
func run(lines []line) passage {
	var p passage
	var b strings.Builder
	last := ""
	for _, l := range lines {
		if l.blank() {
			continue
		}
		if last != "" {
			b.WriteString(joint(last, l.text))
		}
		p.starts = append(p.starts, b.Len())
		p.lines = append(p.lines, l.number)
		b.WriteString(l.text)
		last = l.text
	}
	p.text = b.String()
	return p
}

// lineAt gives the number of the line on which text[at] stood.
func (p passage) lineAt(at int) int {
	i := sort.SearchInts(p.starts, at+1) - 1
	if i < 0 {
		return 1
	}
	return p.lines[i]
}

// joint is what stands between two wrapped lines: nothing after a hyphen that
// holds a word together, else a blank.
func joint(before, after string) string {
	next, _ := utf8.DecodeRuneInString(after)
	beforeHyphen, _ := utf8.DecodeLastRuneInString(strings.TrimSuffix(before, "-"))
	if strings.HasSuffix(before, "-") && unicode.IsLetter(beforeHyphen) && unicode.IsLower(next) {
		return ""
	}
	return " "
}

// inCapitals tells whether s has letters and all of them are capitals.
func inCapitals(s string) bool {
	letters := 0
	for _, r := range s {
		if unicode.IsLower(r) {
			return false
		}
		if unicode.IsLetter(r) {
			letters++
		}
	}
	return letters > 0
}

// endsSentence tells whether nothing has to follow s.
func endsSentence(s string) bool {
	last, _ := utf8.DecodeLastRuneInString(strings.TrimRight(s, `"”»“')] `))
	return strings.ContainsRune(".!?:;…", last)
}

func startsLower(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.IsLower(r)
}

func words(s string) int { return len(strings.Fields(s)) }
