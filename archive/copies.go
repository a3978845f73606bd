package archive

import (
	"regexp"
	"strings"
)

var (
	copiesLine  = regexp.MustCompile(`(?i)^[*_ ]*(?:(?:printed in |in )?(?:\d+|[a-z]+) )?(?:(?:copies|distribution|distribution list|distributed|cc)(?: (?:are|is|were|have been))?(?: sent| given| made| distributed)?(?: to| for)?\s*[:–—-]|copies(?: sent)? to\b|copies[*_ ]*$)[*_ ]*`)
	copyMark    = regexp.MustCompile(`(?i)^(?:[-–—•*·] ?|\(?\d{1,2}[.)] ?|\d{1,2} ?[-–—:] ?|(?:copy )?(?:no\.?|nr\.?|№|#) ?\d{1,3} ?[-–—.:)]* ?|and )`)
	copyNumber  = regexp.MustCompile(`(?:^|[\s,;])\(?\d{1,2}[.)] `)
	twoNames    = regexp.MustCompile(`^(\p{Lu}[\p{L}'’-]+) (?:and|&) (\p{Lu}[\p{L}'’-]+)$`)
	belowCopies = regexp.MustCompile(`(?i)^(?:typed|translated|translation|deciphered|enciphered|ciphered|printed|note|source|see|signed|sent|received|verified|correct|certified|\[)`)
)

// cutCopies parts the lines of the telegram from those that list the holders
// of its copies: the last that begins so counts, since a message may have a
// list of its own.
func cutCopies(lines []line) (text, copies []line) {
	for i := len(lines) - 1; i >= 0; i-- {
		if len(lines[i].text) < 4<<10 && copiesLine.MatchString(lines[i].text) {
			return lines[:i], lines[i:]
		}
	}
	return lines, nil
}

const fullLine = 50 // bytes from which a line may have been wrapped between capitals

// readCopies lists the holders: parted by commas, semicolons, numbers or lines.
func readCopies(lines []line, u *rest) []string {
	holders := []string{}
	onLines, gap, ended := false, false, false
	last := ""
	for i, l := range lines {
		text := l.text
		if i == 0 {
			text = strings.TrimSpace(copiesLine.ReplaceAllString(text, ""))
			onLines = text == ""
		}
		if text == "" {
			gap = gap || i > 0
			continue
		}
		open := last == "" || strings.HasSuffix(last, ",") || strings.HasSuffix(last, ";") || strings.HasSuffix(last, " and")
		_, isDay := onlyDay(text)
		stop := isPageNumber(text) || isDay || i > 0 && (belowCopies.MatchString(text) || strings.Contains(text, ":"))
		sentence := words(text) > 8 && !strings.ContainsAny(text, ",;")
		if ended || stop || !open && (gap && !onLines || sentence) {
			u.keepText(l.number, text)
			ended = ended || !isPageNumber(text)
			continue
		}
		if last != "" && !onLines && !open && !copyMark.MatchString(text) && len(holders) > 0 && !endsSentence(last) && (startsLower(text) || len(last) >= fullLine) {
			text = holders[len(holders)-1] + " " + text // a name wrapped
			holders = holders[:len(holders)-1]
		}
		holders = append(holders, splitHolders(text)...)
		last, gap = l.text, false
	}
	return holders
}

// splitHolders parts one line of holders; what stands in brackets stays whole.
func splitHolders(text string) []string {
	if len(copyNumber.FindAllStringIndex(text, 3)) > 1 {
		text = copyNumber.ReplaceAllString(text, ", ")
	}
	var holders []string
	depth, from := 0, 0
	add := func(to int) {
		name := strings.Trim(text[from:to], " .,;")
		for range 3 {
			name = strings.TrimSpace(copyMark.ReplaceAllString(name, ""))
		}
		if name != "" {
			holders = append(holders, name)
		}
	}
	for at := 0; at < len(text); at++ {
		switch text[at] {
		case '(', '[':
			depth++
		case ')', ']':
			depth--
		case ',', ';':
			if depth <= 0 {
				add(at)
				from = at + 1
			}
		}
	}
	add(len(text))
	if n := len(holders); n > 1 {
		if m := twoNames.FindStringSubmatch(holders[n-1]); m != nil {
			holders = append(holders[:n-1], m[1], m[2])
		}
	}
	return holders
}
