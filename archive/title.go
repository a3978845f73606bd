package archive

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// title says what a telegram is, as archives title one: who signed, to whom it went, and whose message it transmits to whom.
func (t *SheetTelegram) title() string {
	var b strings.Builder
	b.WriteString("Ciphered telegram")
	from, to := titleCase(firstOf(t.Signature, t.Originator)), joinNames(t.To)
	switch {
	case from != "" && to != "":
		b.WriteString(", " + from + " to " + to)
	case from != "":
		b.WriteString(" from " + from)
	case to != "":
		b.WriteString(" to " + to)
	}
	if c := t.Conveyed; c != nil {
		b.WriteString(" transmitting message")
		if c.Signature != "" {
			b.WriteString(" from " + titleCase(c.Signature))
			if c.Gloss != "" {
				b.WriteString(" (" + titleCase(c.Gloss) + ")")
			}
		}
		if c.To != "" {
			b.WriteString(" to " + titleCase(c.To))
		}
	}
	return plainTitle(b.String())
}

// plainTitle takes out of a title what would end it where it is quoted or starred.
func plainTitle(s string) string {
	return clean(strings.Map(func(r rune) rune {
		switch {
		case quoteMarks[r] != 0:
			return '\''
		case strings.ContainsRune("*_#<>", r):
			return -1
		}
		return r
	}, s))
}

// joinNames names addressees as a sentence does: "A at X, B at Y and C at Z".
func joinNames(as []Addressee) string {
	var names []string
	for _, a := range as {
		name := titleCase(a.Office)
		if place := titleCase(a.Place); name == "" {
			name = place
		} else if place != "" {
			name += " at " + place
		}
		if name != "" {
			names = append(names, name)
		}
	}
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// abbreviations are words that stay in capitals in a name. Words without vowels stay so without being named here.
var abbreviations = map[string]bool{
	"USSR": true, "USA": true, "US": true, "UK": true, "UN": true, "UNO": true, "EU": true, "MID": true, "MFA": true, "NKID": true,
	"CC": true, "CPSU": true, "VKP": true, "CCP": true, "CPC": true, "PRC": true, "DPRK": true, "ROK": true, "GDR": true, "DDR": true,
	"FRG": true, "BRD": true, "NATO": true, "SEATO": true, "CENTO": true, "OSCE": true, "IAEA": true, "UNESCO": true, "ICAO": true, "UAE": true,
	"UAR": true, "TASS": true, "KGB": true, "NKVD": true, "MVD": true, "MGB": true, "GRU": true, "GKO": true, "CIA": true, "FBI": true,
	"AVPRF": true, "APRF": true, "RGANI": true, "RGASPI": true, "II": true, "III": true, "IV": true, "VI": true, "VII": true, "VIII": true,
	"IX": true, "XI": true, "XII": true,
}

// particles are words that stay small within a name.
var particles = map[string]bool{
	"OF": true, "FOR": true, "THE": true, "AND": true, "AT": true, "TO": true, "IN": true, "ON": true, "DE": true, "DU": true,
	"DA": true, "DI": true, "VON": true, "VAN": true, "DER": true, "DEN": true,
}

// titleCase writes a name that is all capitals as running text does: SOVIET AMBASSADOR becomes Soviet Ambassador, MID USSR stays.
func titleCase(s string) string {
	s = clean(s)
	if !inCapitals(s) {
		return s
	}
	words := strings.Fields(s)
	for i, word := range words {
		bare := strings.Trim(word, ".,;()'’")
		switch {
		case abbreviations[bare] || !vowelled(bare) || strings.ContainsFunc(word, unicode.IsDigit) || strings.Count(word, ".") > 1:
		case i > 0 && particles[bare]:
			words[i] = strings.ToLower(word)
		default:
			words[i] = capitalised(word)
		}
	}
	return strings.Join(words, " ")
}

// vowelled tells whether a word can be spoken, so is none that stands for its letters. Scripts other than Latin are taken to be spoken. "ST."
// and such are spoken as what they shorten.
func vowelled(word string) bool {
	switch word {
	case "ST", "MT", "FT", "DR", "MR", "MRS", "LT", "SGT", "JR", "SR":
		return true
	}
	if utf8.RuneCountInString(word) < 2 {
		return false // an initial
	}
	return strings.ContainsFunc(word, func(r rune) bool {
		return strings.ContainsRune("AEIOUY", r) || r >= utf8.RuneSelf
	})
}

// capitalised makes small all letters but the first of each part of a word. O'NEILL has two parts, JOHN'S one, and D'AFFAIRES begins small.
func capitalised(word string) string {
	var b strings.Builder
	begins := true
	rs := []rune(word)
	for i, r := range rs {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsMark(r):
			left := len(rs) - i - 1
			begins = !strings.ContainsRune("'’", r) || left > 2 && i == 1
			b.WriteRune(r)
			continue
		case begins && !(i == 0 && (r == 'D' || r == 'L') && len(rs) > 3 && strings.ContainsRune("'’", rs[1])):
			b.WriteRune(unicode.ToUpper(r))
		default:
			b.WriteRune(unicode.ToLower(r))
		}
		begins = false
	}
	return b.String()
}
