package archive

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// Description is what an archivist says of a filed telegram.
type Description struct {
	Locations []Location `json:"locations"`
	Title     string     `json:"title,omitempty"` // in place of the one that is made of the telegram
	Summary   string     `json:"summary,omitempty"`
	Language  string     `json:"language,omitempty"` // BCP 47
}

// Change is what an archivist says now: places where the telegram lies too, places where it does not lie after all, and what is to
// stand in place of what was said before. Nil leaves that as it is, empty takes it away.
type Change struct {
	At       []string `json:"at,omitempty"`
	Withdraw []string `json:"withdraw,omitempty"`
	Title    *string  `json:"title,omitempty"`
	Summary  *string  `json:"summary,omitempty"`
	Language *string  `json:"language,omitempty"`
}

// The bounds of a description.
const (
	MaxLocations = 32
	MaxSummary   = 16 << 10 // bytes
)

// Apply gives the description as it is after the change, and leaves d as it was. Its errors are for the archivist.
func (d Description) Apply(c *Change) (Description, error) {
	d.Locations = slices.Clone(d.Locations)
	for _, s := range c.Withdraw {
		l, err := ParseLocation(s)
		if err != nil {
			return d, err
		}
		i := slices.IndexFunc(d.Locations, l.equal)
		if i < 0 {
			return d, fmt.Errorf("it is not filed at %s, so it cannot be withdrawn from there", l)
		}
		d.Locations = slices.Delete(d.Locations, i, i+1)
	}
	for _, s := range c.At {
		l, err := ParseLocation(s)
		if err != nil {
			return d, err
		}
		if !slices.ContainsFunc(d.Locations, l.equal) {
			d.Locations = append(d.Locations, l)
		}
	}
	if len(d.Locations) == 0 {
		return d, errors.New("it needs a place: say where it lies with --at, as in  --at 'APRF, f. 45, op. 1, d. 336, ll. 20-21'")
	}
	if len(d.Locations) > MaxLocations {
		return d, fmt.Errorf("it would lie in %d places, at most %d are possible", len(d.Locations), MaxLocations)
	}
	return d.words(c)
}

// words puts what is said now in place of what was.
func (d Description) words(c *Change) (_ Description, err error) {
	if c.Title != nil {
		if d.Title = clean(*c.Title); len(d.Title) > telegram.MaxLine {
			return d, fmt.Errorf("the title is longer than %d bytes", telegram.MaxLine)
		}
	}
	if c.Summary != nil {
		if len(*c.Summary) > MaxSummary {
			return d, fmt.Errorf("the summary is longer than %d bytes", MaxSummary)
		}
		d.Summary = cleanParagraphs(*c.Summary)
	}
	if c.Language != nil {
		if d.Language = ""; *c.Language != "" {
			if d.Language, err = ParseLanguage(*c.Language); err != nil {
				return d, err
			}
		}
	}
	var text []telegram.Block
	for _, s := range append([]string{d.Title, joinLocations(d.Locations)}, strings.Split(d.Summary, "\n\n")...) {
		if s != "" {
			text = append(text, telegram.Block{Kind: telegram.Paragraph, Text: s})
		}
	}
	return d, telegram.CheckBody(text) // nothing that shows itself otherwise than it is
}

// cleanParagraphs joins wrapped lines and keeps the paragraphs.
func cleanParagraphs(s string) string {
	var lines []line
	for l := range strings.SplitSeq(strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n"), "\n") {
		lines = append(lines, line{1, clean(l)})
	}
	var paragraphs []string
	for len(lines) > 0 {
		end := slices.IndexFunc(lines, line.blank)
		if end < 0 {
			end = len(lines)
		}
		if text := run(lines[:end]).text; text != "" {
			paragraphs = append(paragraphs, text)
		}
		lines = lines[min(end+1, len(lines)):]
	}
	return strings.Join(paragraphs, "\n\n")
}

// Equal tells whether two descriptions say the same.
func (d *Description) Equal(e *Description) bool {
	return slices.EqualFunc(d.Locations, e.Locations, Location.equal) && d.Title == e.Title && d.Summary == e.Summary && d.Language == e.Language
}

// Filing is one description of a filed telegram. The last is in force; the earlier ones are kept. Said is sealed before it comes here,
// for [FilingPlace].
type Filing struct {
	Of    int64 // the filed telegram
	N     int   // from 1
	Said  []byte
	Entry int64 // its entry in the register
	At    time.Time
}

// FilingPlace is where the n-th description of filed telegram id is kept, as seal.Rest binds it there.
func FilingPlace(id int64, n int) string { return fmt.Sprintf("filed %d description %d", id, n) }

// Describe adds a description of a filed telegram. None is ever changed.
func Describe(tx *store.Tx, f *Filing) error {
	return tx.Insert("filing (of, n, said, entry, at)", 5, []any{f.Of, f.N, f.Said, f.Entry, f.At.Unix()}, "")
}

// Filings gives all descriptions of a filed telegram, the first one first.
func Filings(tx *store.Tx, of int64) ([]Filing, error) {
	rows, err := tx.Query("select n, said, entry, at from filing where of = $1 order by n", of)
	if err != nil {
		return nil, fmt.Errorf("reading how it is filed: %w", err)
	}
	defer rows.Close()
	var out []Filing
	for rows.Next() {
		f := Filing{Of: of}
		var at int64
		if err := rows.Scan(&f.N, &f.Said, &f.Entry, &at); err != nil {
			return nil, fmt.Errorf("reading how it is filed: %w", err)
		}
		f.At = time.Unix(at, 0).UTC()
		out = append(out, f)
	}
	return out, rows.Err()
}
