package archive

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Record is a filed telegram as an archive publishes it, in the order of a published page. Its String is a sheet that [ReadSheet] reads: it
// gives the same title, date, locations, summary, language and contents, and the telegram as far as its own form reads back.
type Record struct {
	Date             string        `json:"date"` // YYYY-MM-DD, of the date-time group
	Title            string        `json:"title"`
	Citation         string        `json:"citation"`
	Collection       string        `json:"collection"` // who keeps the record: the post
	Locations        []Location    `json:"locations"`
	Summary          string        `json:"summary"`           // paragraphs parted by a blank line
	OriginalLanguage string        `json:"original_language"` // BCP 47, or empty
	Contents         *Contents     `json:"contents"`
	Telegram         SheetTelegram `json:"telegram"`
	Sheet            string        `json:"sheet"` // the telegram, set
}

// NewRecord makes the record of a telegram of what its archivist said of it. Collection is the name under which the post keeps it.
func NewRecord(collection string, t *SheetTelegram, d *Description) *Record {
	r := &Record{Date: t.Signed, Title: firstOf(d.Title, t.title()), Collection: collection, Locations: slices.Clone(d.Locations), Summary: d.Summary,
		OriginalLanguage: d.Language, Contents: &Contents{Kind: "original", Language: d.Language}, Telegram: *t}
	r.Citation = r.cite()
	r.Sheet = t.Set()
	return r
}

// cite writes the citation as published sheets have it.
func (r *Record) cite() string {
	parts := []string{`"` + r.Title + `"`}
	for _, part := range []string{writtenDay(r.Date), r.Collection, joinLocations(r.Locations)} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ", ")
}

// writtenDay writes 1950-12-07 as December 7, 1950.
func writtenDay(s string) string {
	at, err := time.Parse("2006-01-02", s)
	if err != nil {
		return s
	}
	return at.Format("January 2, 2006")
}

// String writes the record as a page. The banner of an exercise stands over and under everything.
func (r *Record) String() string {
	var b strings.Builder
	t := r.Telegram
	if t.Banner != "" {
		fmt.Fprintf(&b, "%s\n\n", t.Banner)
	}
	fmt.Fprintf(&b, "%s\n\n**%s**\n\nCitation:\n\n%s\n\n", writtenDay(r.Date), r.Title, r.Citation)
	if r.Summary != "" {
		fmt.Fprintf(&b, "Summary:\n\n%s\n\n", r.Summary)
	}
	if r.OriginalLanguage != "" {
		fmt.Fprintf(&b, "Original Language:\n\n%s\n\n", LanguageName(r.OriginalLanguage))
	}
	b.WriteString("Contents:\n\n" + capitalised(r.Contents.Kind))
	if r.Contents.Language != "" {
		b.WriteString(" - " + LanguageName(r.Contents.Language))
	}
	b.WriteString("\n\n")
	t.Banner = ""
	b.WriteString(t.Set())
	if r.Telegram.Banner != "" {
		fmt.Fprintf(&b, "\n%s\n", r.Telegram.Banner)
	}
	return b.String()
}

// Check says, for the archivist, what of the description could not be read back from the record. The telegram itself is not judged: a
// description is refused for its own words only.
func (r *Record) Check() error {
	plain := *r
	plain.Telegram = SheetTelegram{Originator: "POST", RegisterNumber: "1", Type: "CIPHERED TELEGRAM", To: []Addressee{{"PLACE", "OFFICE"}}, Text: "Text."}
	s, err := ReadSheet(strings.NewReader(plain.String()))
	if err != nil {
		return err
	}
	for _, x := range []struct {
		what      string
		says, got any
	}{
		{"title", r.Title, s.Title}, {"date", r.Date, s.Date}, {"locations", r.Locations, s.Locations}, {"summary", r.Summary, s.Summary},
		{"language", r.OriginalLanguage, s.OriginalLanguage}, {"contents", r.Contents, s.Contents},
	} {
		says, _ := json.Marshal(x.says)
		got, _ := json.Marshal(x.got)
		if string(says) != string(got) {
			return fmt.Errorf("the %s would not be read as you wrote it from the record, but as %s: write it otherwise", x.what, shortened(string(got)))
		}
	}
	if s.URL != "" || len(s.Unplaced) > 0 {
		return errors.New("the record would say more than you wrote: leave addresses and headings out of title and summary")
	}
	return nil
}
