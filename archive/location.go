package archive

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxLocation is how long a location may be, in bytes as an archivist writes it.
const MaxLocation = 512

// ParseLocation reads one place where a telegram lies, as citations write it: the archive, then labelled parts from the widest to the
// narrowest. "APRF, f. 45, op. 1, d. 336, ll. 20-21" and "APRF, Fond 45, Opis 1, Delo 336, Listy 20-21" are the same place, and so are
// holdings of boxes and folders. Its errors are for the archivist. What it accepts, String and Short write and it reads again.
func ParseLocation(s string) (Location, error) {
	l, err := parseLocation(s)
	if err != nil {
		return Location{}, fmt.Errorf("the location %q: %w", shortened(s), err)
	}
	for _, written := range []string{l.String(), l.Short()} {
		// The reader of citations forgives much; what it would read otherwise a second time must not be filed.
		if again, err := parseLocation(written); err != nil || !l.equal(again) {
			return Location{}, fmt.Errorf("the location %q would be written as %q, which reads otherwise: write the archive, then parts such as  f. 45, op. 1", shortened(s), written)
		}
	}
	return l, nil
}

func parseLocation(s string) (Location, error) {
	switch {
	case len(s) > MaxLocation:
		return Location{}, fmt.Errorf("it is longer than %d bytes", MaxLocation)
	case !utf8.ValidString(s):
		return Location{}, errors.New("it is not UTF-8")
	case strings.ContainsFunc(s, func(r rune) bool { return quoteMarks[r] != 0 || strings.ContainsRune("<>[]*_", r) }):
		return Location{}, errors.New("quotation marks, brackets and stars have no place in it: give only the archive and the labelled parts")
	}
	var read Sheet
	u := &rest{}
	readCitation(&read, run([]line{{1, clean(s)}}), u)
	switch {
	case len(read.Locations) == 0 || len(read.Locations[0].Parts) == 0 || read.Locations[0].Parts[0].Level == "reference":
		return Location{}, errors.New("it has no labelled part: write the archive, then parts such as  f. 45, op. 1, d. 336, ll. 20-21  or  Box 3, Folder 7")
	case len(read.Locations) > 1:
		return Location{}, errors.New("these are several places: give each by itself")
	case read.Date != "" || read.Title != "" || read.URL != "":
		return Location{}, errors.New("this is a whole citation: give only the archive and the labelled parts")
	}
	l := read.Locations[0]
	switch {
	case len(u.list) > 0:
		return Location{}, fmt.Errorf("%q has no label: name what it is, as in  f. 45", u.list[0].Text)
	case !strings.ContainsFunc(l.Repository, unicode.IsLetter):
		return Location{}, errors.New("it does not say which archive: begin with its name, as in  APRF, f. 45")
	}
	return l, nil
}

// shortened keeps what somebody typed from filling the screen.
func shortened(s string) string {
	const far = 80
	if len(s) <= far {
		return s
	}
	return strings.ToValidUTF8(s[:far], "") + "…"
}

func (l Location) equal(m Location) bool {
	return l.Repository == m.Repository && slices.Equal(l.Parts, m.Parts)
}

// labelsOf are the words and abbreviations that locations are written with. Only levels that are abbreviated are here.
var labelsOf = map[string][2]string{
	"fond": {"Fond", "f."}, "opis": {"Opis", "op."}, "delo": {"Delo", "d."}, "papka": {"Papka", "p."},
	"record group": {"Record Group", "RG"}, "volume": {"Volume", "vol."}, "portfel": {"Portfel", "por."}, "perechen": {"Perechen", "per."},
}

// String writes the location with whole words: "APRF, Fond 45, Opis 1, Delo 336, Listy 20-21".
func (l Location) String() string { return l.written(0) }

// Short writes it with abbreviations: "APRF, f. 45, op. 1, d. 336, ll. 20-21".
func (l Location) Short() string { return l.written(1) }

func (l Location) written(form int) string {
	var b strings.Builder
	b.WriteString(l.Repository)
	for _, p := range l.Parts {
		label, ok := labelsOf[p.Level]
		if p.Level == "listy" {
			label, ok = [2]string{"List", "l."}, true
			if strings.ContainsAny(p.Value, "-, &") {
				label = [2]string{"Listy", "ll."}
			}
		}
		if !ok {
			label = [2]string{capitalised(p.Level), p.Level}
		}
		fmt.Fprintf(&b, ", %s %s", label[form], p.Value)
	}
	return b.String()
}

// joinLocations writes locations as a citation does.
func joinLocations(ls []Location) string {
	var s []string
	for _, l := range ls {
		s = append(s, l.String())
	}
	return strings.Join(s, " and ")
}
