package archive

import (
	"regexp"
	"strconv"
	"strings"
)

var (
	listBreak  = regexp.MustCompile(`(?i)\s*(?:[,;&+]|\band\b|\s)\s*`)
	listRange  = regexp.MustCompile(`(?i)(\d+)\s*(?:[-–—]|\bto\b|\bthrough\b)\s*(\d+)`)
	listNumber = regexp.MustCompile(`^(?:\p{L}{1,4}[-/]?)?\d[\d\p{L}/.\-]*$`)
)

// numberList reads numbers apart by commas or "and", and ranges of them.
func numberList(text string) ([]string, bool) {
	text = listRange.ReplaceAllString(strings.Trim(text, " .,;:"), "$1-$2")
	var list []string
	for _, part := range listBreak.Split(text, -1) {
		if part = strings.Trim(part, " ."); part == "" {
			continue
		}
		if !listNumber.MatchString(part) {
			return nil, false
		}
		list = append(list, expand(part)...)
	}
	return list, len(list) > 0
}

// expand writes a range out: "1691-1693", also "1691-93". What is no rising
// range of sensible length stays as it is.
func expand(part string) []string {
	const longest = 200
	first, last, ok := strings.Cut(part, "-")
	from, err := strconv.Atoi(first)
	if len(last) < len(first) && ok {
		last = first[:len(first)-len(last)] + last
	}
	to, err2 := strconv.Atoi(last)
	if !ok || err != nil || err2 != nil || to <= from || to-from > longest {
		return []string{part}
	}
	var list []string
	for n := from; n <= to; n++ {
		number := strconv.Itoa(n)
		list = append(list, strings.Repeat("0", max(0, len(first)-len(number)))+number)
	}
	return list
}
