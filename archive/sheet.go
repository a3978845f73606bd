package archive

import (
	"errors"
	"io"
	"slices"
)

// Sheet is the record of one historical sheet. Its JSON has the keys and the
// order of keys given here. Lists are never null.
type Sheet struct {
	Title            string        `json:"title"`
	Date             string        `json:"date"` // YYYY-MM-DD, or as much of it as the sheet gives
	Locations        []Location    `json:"locations"`
	URL              string        `json:"url"`
	Summary          string        `json:"summary"`           // paragraphs parted by a blank line
	OriginalLanguage string        `json:"original_language"` // BCP 47; an unknown name stays, in lower case
	Contents         *Contents     `json:"contents"`
	Telegram         SheetTelegram `json:"telegram"`
	Collection       string        `json:"collection,omitempty"` // who publishes the record
	Unplaced         []Unplaced    `json:"unplaced,omitempty"`   // in the order of lines
}

// Location is one place where the telegram lies. Parts go from the widest to
// the narrowest as the citation has them. Their levels are fond, opis, delo,
// papka and listy, however the citation abbreviates them; holdings without
// fonds keep their own words: box, folder, file, series, reference and such.
type Location struct {
	Repository string         `json:"repository"`
	Parts      []LocationPart `json:"parts"`
}

// LocationPart is one labelled part of a location, such as fond 059a. Dashes
// in its value are hyphens.
type LocationPart struct {
	Level string `json:"level"`
	Value string `json:"value"`
}

// Contents says what the published text is: a translation, a transcription,
// an original, …, and its language as in [Sheet.OriginalLanguage].
type Contents struct {
	Kind     string `json:"kind"`
	Language string `json:"language"`
}

// SheetTelegram is the telegram on a sheet.
type SheetTelegram struct {
	Originator       string          `json:"originator"`
	RegisterNumber   string          `json:"register_number"`
	Department       string          `json:"department"`
	Received         string          `json:"received"` // YYYY-MM-DDThh:mm; only the day, or only hh:mm, when no more is known
	Dispatched       string          `json:"dispatched"`
	SpecialNumbers   []string        `json:"special_numbers"`
	Type             string          `json:"type"`
	To               []Addressee     `json:"to"`
	Info             []Addressee     `json:"info,omitempty"`
	Handling         []string        `json:"handling"`
	Precedence       SheetPrecedence `json:"precedence"`
	Serial           string          `json:"serial"`
	Text             string          `json:"text"` // all after the serial and before the signature, paragraphs parted by a blank line
	Conveyed         *Conveyed       `json:"conveyed"`
	ReportFulfilment bool            `json:"report_fulfilment"`
	ConfirmReceipt   bool            `json:"confirm_receipt,omitempty"`
	Signature        string          `json:"signature"`
	Signed           string          `json:"signed"`                // YYYY-MM-DD
	Attachments      []string        `json:"attachments,omitempty"` // as SheetAttachment writes each
	Copies           []string        `json:"copies"`
	Insertions       []Insertion     `json:"insertions"`       // in the order of the text
	Banner           string          `json:"banner,omitempty"` // over and under everything, of an exercise or drill
}

// Addressee is an office at a place. Either may be empty.
type Addressee struct {
	Place  string `json:"place"`
	Office string `json:"office"`
}

// SheetPrecedence is the marking as the sheet has it and the level it means
// (RFC 6477): deferred, routine, priority, immediate, flash or override.
type SheetPrecedence struct {
	Marking string `json:"marking"`
	Level   string `json:"level"`
}

// Conveyed is the message that a telegram orders to be handed on. Text is what
// stands inside the quotation marks, without the signature.
type Conveyed struct {
	To             string `json:"to"`
	Signature      string `json:"signature"`
	Gloss          string `json:"gloss"`
	NumberedPoints int    `json:"numbered_points"`
	Text           string `json:"text"`
}

// Insertion is what an editor put between square brackets: words "supplied"
// to the text, or a "gloss" that says who stands behind the signature Of.
type Insertion struct {
	Kind string `json:"kind"`
	Of   string `json:"of,omitempty"`
	Text string `json:"text"`
}

// Unplaced is text for which the record has no place. Line counts from 1.
type Unplaced struct {
	Line int    `json:"line"`
	Text string `json:"text"`
}

// MaxSheet is the size, in bytes, above which ReadSheet refuses a sheet.
const MaxSheet = 1 << 20

// Errors of ReadSheet that do not name a line.
var (
	ErrEmpty   = errors.New("this sheet is empty")
	ErrTooLong = errors.New("this sheet is longer than 1 MiB: a sheet holds one telegram, so divide the file")
	ErrNoForm  = errors.New("nothing of a telegram's form was found in this sheet: it has neither a line such as “Citation:” or “Summary:” nor one such as “Special No. 12”, “CIPHERED TELEGRAM” or “To PLACE To OFFICE”")
)

// ReadSheet reads a historical sheet: a telegram as an archive publishes it.
// The sheet is UTF-8, with or without a byte order mark, lines ended in any
// way. It returns ErrEmpty, ErrTooLong, ErrNoForm, an error that names the line
// which is not UTF-8, or the error of r; everything else is read, and what
// could not be placed is in Unplaced. The same bytes always give the same
// Sheet. It may be called from several goroutines.
func ReadSheet(r io.Reader) (*Sheet, error) {
	lines, err := readLines(r)
	if err != nil {
		return nil, err
	}
	banner := cutBanner(lines)
	o := divide(lines)
	if !o.formed {
		return nil, ErrNoForm
	}
	s := &Sheet{Locations: []Location{}}
	u := &rest{}
	h := readHead(s, o, u)
	if h.year == 0 {
		h.year = firstFullYear(lines)
	}
	readTelegram(s, o.telegram, h, u)
	s.Telegram.Banner = banner
	s.Unplaced = u.inOrder()
	return s, nil
}

// cutBanner takes the banner of an exercise or a drill off the first and the last line.
func cutBanner(lines []line) (banner string) {
	written := func(l line) bool { return !l.blank() }
	if i := slices.IndexFunc(lines, written); isBanner(lines[i].text) {
		banner, lines[i].text = lines[i].text, ""
	}
	for i := len(lines) - 1; i >= 0 && banner != ""; i-- {
		if written(lines[i]) {
			if lines[i].text == banner {
				lines[i].text = ""
			}
			break
		}
	}
	return banner
}

func isBanner(text string) bool {
	return text == "EXERCISE EXERCISE EXERCISE" || text == "DRILL DRILL DRILL"
}

// readTelegram reads the second part of a sheet, from the registry's lines to
// the holders of copies.
func readTelegram(s *Sheet, lines []line, h head, u *rest) {
	t := &s.Telegram
	t.SpecialNumbers, t.Handling, t.Copies = []string{}, []string{}, []string{}
	t.To, t.Insertions = []Addressee{}, []Insertion{}

	reg := readRegistry(t, lines, u)
	lines, copies := cutCopies(lines[reg.next:])
	t.Copies = readCopies(copies, u)
	lines, t.Attachments = cutAttachments(lines)
	signed := readBody(t, lines, u)

	t.Signed = signed.resolve(h.year).String()
	reg.settleTimes(t, h, signed.resolve(h.year))
	if s.Date == "" {
		s.Date = firstOf(t.Signed, dayOf(t.Received), dayOf(t.Dispatched))
	}
}

// dayOf takes the day from a time as the record writes it.
func dayOf(stamp string) string {
	if len(stamp) < len("2006-01-02") {
		return ""
	}
	return stamp[:len("2006-01-02")]
}

func firstOf(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}
