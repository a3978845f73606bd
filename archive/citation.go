package archive

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// cited is what a citation says besides locations.
type cited struct {
	title string
	day   day
}

// readCitation takes a citation apart: the title in quotation marks, the day,
// the collection that publishes it, then the places where the telegram lies.
func readCitation(s *Sheet, p passage, u *rest) cited {
	var c cited
	text := p.text
	if at := urlForm.FindStringIndex(text); at != nil {
		s.URL = firstOf(s.URL, findURL(text))
		text = text[:at[0]] + strings.Repeat(" ", at[1]-at[0]) + text[at[1]:] // lineAt needs the offsets
	}
	from := 0
	if end := quotedEnd(text); end > 0 {
		_, size := utf8.DecodeRuneInString(text)
		_, last := utf8.DecodeLastRuneInString(text[:end])
		c.title = strings.Trim(text[size:max(size, end-last)], " ,.")
		from = end
	}
	labelled := locationLabels(text, from)
	leadEnd := len(text)
	if len(labelled) > 0 {
		leadEnd = labelled[0].from
	}
	lead := text[from:leadEnd]
	if d, at, ok := findDay(lead); ok && d.known() {
		c.day = d
		lead = at.cut(lead)
	}
	repository := readLead(s, lead, c.title != "" || c.day.known())
	if len(labelled) > 0 {
		readLocations(s, text, repository, labelled, p, u)
		return c
	}
	if at := bareReference.FindStringSubmatch(repository); at != nil {
		s.Locations = append(s.Locations, Location{at[1], []LocationPart{{"reference", at[2]}}})
	} else if repository != "" && (c.title != "" || c.day.known()) {
		s.Locations = append(s.Locations, Location{repository, []LocationPart{}})
	}
	return c
}

// bareReference is a repository with a number of its own and no labels.
var bareReference = regexp.MustCompile(`^(\D+?),? ((?:[A-Z]{1,4} ?)?\d[\w/.–-]*)$`)

// quotedEnd finds the end of the quotation with which a text begins.
func quotedEnd(text string) int {
	r, size := utf8.DecodeRuneInString(text)
	if quoteMarks[r] == 0 {
		return 0
	}
	depth, before := 1, r
	last := 0
	for i, r := range text[size:] {
		at := size + i
		next, _ := utf8.DecodeRuneInString(text[at+utf8.RuneLen(r):])
		switch quoteTurn(before, r, next) {
		case opens:
			depth++
		case closes:
			depth--
			last = at + utf8.RuneLen(r)
		}
		if depth == 0 {
			return last
		}
		before = r
	}
	return last
}

var (
	publisherWord  = regexp.MustCompile(`(?i)\b(digital|online|test|electronic|project|database|collection|programme?|web)\b`)
	repositoryWord = regexp.MustCompile(`(?i)\b(archives?|archivio|archiv|archiwum|library|museum|ministry|institute|centre|center|office|collection|fund|papers)\b`)
)

// readLead divides what stands between title and first label. The collection
// that publishes the record comes first when something else is left to be the
// repository; a repository may have commas in its own name.
func readLead(s *Sheet, lead string, described bool) string {
	var parts []string
	for part := range strings.SplitSeq(lead, ",") {
		if part = strings.Trim(part, " .;:()[]"); part != "" {
			parts = append(parts, part)
		}
	}
	if len(parts) < 2 || !described {
		return strings.Join(parts, ", ")
	}
	first, others := parts[0], parts[1:]
	last := others[len(others)-1]
	named := func(part string) bool { return inCapitals(part) || repositoryWord.MatchString(part) }
	if !publisherWord.MatchString(first) {
		archive := false
		for _, part := range others {
			archive = archive || named(part)
		}
		if !archive && repositoryWord.MatchString(first) {
			return strings.Join(parts, ", ")
		}
	}
	s.Collection = firstOf(s.Collection, first)
	if named(last) {
		return last
	}
	for i := len(others) - 1; i > 0; i-- {
		if named(others[i]) {
			return strings.Join(others[i:], ", ")
		}
	}
	return strings.Join(others, ", ")
}

// levels are the words and abbreviations of the parts of a location.
var levels = map[string]string{
	"fond": "fond", "fonds": "fond", "fund": "fond", "f": "fond", "ф": "fond", "фонд": "fond",
	"opis": "opis", "opis'": "opis", "opis’": "opis", "op": "opis", "inventory": "opis", "inv": "opis", "оп": "opis", "опись": "opis",
	"delo": "delo", "d": "delo", "file": "delo", "files": "delo", "dossier": "delo", "case": "delo", "д": "delo", "дело": "delo",
	"papka": "papka", "p": "papka", "pap": "papka", "folder": "papka", "п": "papka", "папка": "papka",
	"list": "listy", "listy": "listy", "lists": "listy", "l": "listy", "ll": "listy", "pp": "listy", "page": "listy", "pages": "listy", "leaf": "listy", "leaves": "listy", "sheet": "listy", "sheets": "listy", "folio": "listy", "folios": "listy", "ff": "listy", "л": "listy", "лл": "listy", "лист": "listy", "листы": "listy",
	"box": "box", "series": "series", "collection": "collection", "record group": "record group", "rg": "record group", "reel": "reel", "roll": "reel",
	"volume": "volume", "vol": "volume", "portfel": "portfel", "por": "portfel", "item": "item", "bundle": "bundle", "entry": "entry", "perechen": "perechen", "per": "perechen",
}

var (
	locationLabel = regexp.MustCompile(`(?i)(?:^|[\s,;.(])((fonds?|fund|ff|f|opis['’]?|op|inventory|inv|delo|dossier|files?|case|d|papka|pap|folder|pp|p|listy|lists|list|pages?|leaf|leaves|sheets?|folios?|ll|l|box|series|collection|record group|rg|reel|roll|volume|vol|portfel|por|perechen|per|item|bundle|entry|фонд|ф|опись|оп|дело|д|папка|п|листы|лист|лл|л)(?:\.? ?:? ?)(?:(?:nos?\.|№|#) ?)?(\d[\p{L}\d./]*(?: ?[-–—] ?\d[\p{L}\d./]*)*))`)
	moreLeaves    = regexp.MustCompile(`^(?:(?:, ?| ?& ?| and )\d{1,5}\p{L}{0,3}(?: ?[-–—] ?\d{1,5}\p{L}{0,3})?(?:[^\p{L}\d]|$))+`)
	valueDash     = regexp.MustCompile(` ?[-–—] ?`)
)

// labelledPart is a labelled part of a location where it stands in a citation.
type labelledPart struct {
	LocationPart
	span
}

// locationLabels finds all labelled parts from an offset on.
func locationLabels(text string, from int) []labelledPart {
	var parts []labelledPart
	for {
		m := locationLabel.FindStringSubmatchIndex(text[from:])
		if m == nil {
			return parts
		}
		level := levels[strings.ToLower(text[from+m[4]:from+m[5]])]
		end := from + m[7]
		for end > from+m[6] && (text[end-1] == '.' || text[end-1] == '/') {
			end--
		}
		if level == "listy" {
			if more := moreLeaves.FindString(text[end:]); more != "" {
				end += len(strings.TrimRightFunc(more, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }))
			}
		}
		value := valueDash.ReplaceAllString(text[from+m[6]:end], "-")
		parts = append(parts, labelledPart{LocationPart{level, value}, span{from + m[2], end}})
		from = end
	}
}

// readLocations groups labelled parts into locations: a new one begins where a
// repository is named, or where a level comes again.
func readLocations(s *Sheet, text, repository string, parts []labelledPart, p passage, u *rest) {
	var at Location
	end := 0
	for i, part := range parts {
		gap, joined := "", false
		if i > 0 {
			gap, joined = trimGap(text[end:part.from])
		}
		again := -1
		for j, have := range at.Parts {
			if have.Level == part.Level && again < 0 {
				again = j
			}
		}
		switch {
		case i == 0:
			at = Location{Repository: repository}
		case again >= 0 && part.Level == "papka" && gap == "" && !joined:
			part.Level = "listy" // "p. 11, p. 196": the second is a page
		case gap != "" && (joined || again >= 0):
			s.Locations = append(s.Locations, at)
			at = Location{Repository: gap}
		case again >= 0:
			s.Locations = append(s.Locations, at)
			at = Location{at.Repository, append([]LocationPart{}, at.Parts[:again]...)}
		default:
			u.keepText(p.lineAt(end), gap)
		}
		at.Parts = append(at.Parts, part.LocationPart)
		end = part.to
	}
	s.Locations = append(s.Locations, at)
	for i := range s.Locations {
		ownWords(s.Locations[i].Parts)
	}
	gap, _ := trimGap(text[end:])
	u.keepText(p.lineAt(end), gap)
}

// trimGap takes the separators off the text between two labelled parts and
// tells whether they join two locations.
func trimGap(gap string) (string, bool) {
	joined := strings.Contains(gap, ";")
	gap = strings.Trim(gap, " ,.;:()[]*<>")
	for _, word := range []string{"and ", "as well as ", "also ", "& "} {
		if after, ok := strings.CutPrefix(gap+" ", word); ok {
			gap, joined = strings.TrimSpace(after), true
		}
	}
	return strings.Trim(gap, " ,.;:()[]*<>"), joined
}

// ownWords gives holdings without fonds their own words back.
func ownWords(parts []LocationPart) {
	for _, part := range parts {
		if part.Level == "fond" || part.Level == "opis" {
			return
		}
	}
	boxed := false
	for _, part := range parts {
		boxed = boxed || part.Level != "delo" && part.Level != "papka" && part.Level != "listy"
	}
	for i := range parts {
		switch {
		case boxed && parts[i].Level == "papka":
			parts[i].Level = "folder"
		case boxed && parts[i].Level == "delo":
			parts[i].Level = "file"
		}
	}
}
