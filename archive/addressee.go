package archive

import (
	"regexp"
	"strings"
)

// address reads a line of addressees. A second line may give the office to
// the place before it.
func (r *registry) address(list *[]Addressee, form *regexp.Regexp, text string, again bool) {
	r.addressed = true
	found, _ := addressees(form, text)
	if last := len(*list) - 1; again && last >= 0 && len(found) == 1 && found[0].Place == "" && (*list)[last].Office == "" {
		(*list)[last].Office = found[0].Office
		return
	}
	*list = append(*list, found...)
}

// office gives an office on its own line to the addressee above.
func (r *registry) office(text string, info bool) bool {
	list := r.t.To
	if info {
		list = r.t.Info
	}
	text = strings.TrimSpace(strings.TrimPrefix(text, "To "))
	if len(list) == 0 || text == "" || list[len(list)-1].Office != "" || endsSentence(text) {
		return false
	}
	list[len(list)-1].Office = text
	return true
}

// addressees reads "To PLACE To OFFICE", several of them, or only one half.
func addressees(form *regexp.Regexp, text string) ([]Addressee, bool) {
	m := form.FindStringSubmatch(text)
	if m == nil {
		return nil, false
	}
	if m[1] == "" {
		return nil, strings.HasSuffix(text, ":") || form == toForm
	}
	var list []Addressee
	for one := range strings.SplitSeq(m[1], ";") {
		one = strings.Trim(one, " ,")
		if one == "" {
			continue
		}
		between := toBreak
		if strings.Contains(one, " To ") {
			between = plainToBreak // then a "TO" is a word of a name: To THE HAGUE To DELEGATE TO THE COURT
		}
		halves := between.Split(one, -1)
		if halves[0] == "" {
			halves = halves[1:] // "Info To PARIS"
		}
		for i := range halves {
			halves[i] = strings.Trim(halves[i], " ,-–—")
			if !initials.MatchString(halves[i]) {
				halves[i] = strings.TrimRight(halves[i], " .,")
			}
		}
		if len(halves) == 0 || !namesAddressee(halves, m[1]) {
			return nil, false
		}
		if len(halves) == 1 {
			list = append(list, oneAddressee(halves[0])...)
			continue
		}
		for i := 0; i < len(halves); i += 2 {
			office := ""
			if i+1 < len(halves) {
				office = halves[i+1]
			}
			for place := range strings.SplitSeq(halves[i], ",") {
				list = append(list, Addressee{strings.TrimSpace(place), office})
			}
		}
	}
	return list, len(list) > 0
}

var plainToBreak = regexp.MustCompile(`[,;]?\s*\bTo\b\s*:?\s*`)

// namesAddressee keeps sentences that begin with "To" out.
func namesAddressee(halves []string, all string) bool {
	if inCapitals(halves[0]) {
		return words(halves[0]) <= 10
	}
	if startsLower(halves[0]) || strings.ContainsAny(all, "0123456789\"“") {
		return false
	}
	if len(halves) > 1 {
		return words(halves[0]) <= 4 && words(halves[1]) <= 8
	}
	return words(all) <= 4 && !strings.HasSuffix(all, ".")
}

var initials = regexp.MustCompile(`\b\p{L}\. ?\p{L}\.$`)

var officeAt = regexp.MustCompile(`(?i)^(.*) (?:in|at) (.*)$`)

// oneAddressee divides a half that stands alone by what it says.
func oneAddressee(text string) []Addressee {
	before, after, comma := strings.Cut(text, ",")
	after = strings.TrimSpace(after)
	switch {
	case comma && officeWord.MatchString(after):
		return []Addressee{{before, after}}
	case comma && officeWord.MatchString(before):
		return []Addressee{{after, before}}
	case comma:
		var list []Addressee
		for place := range strings.SplitSeq(text, ",") {
			list = append(list, Addressee{Place: strings.TrimSpace(place)})
		}
		return list
	case officeWord.MatchString(text):
		if m := officeAt.FindStringSubmatch(text); m != nil {
			return []Addressee{{m[2], m[1]}}
		}
		return []Addressee{{Office: text}}
	}
	return []Addressee{{Place: text}}
}
