package post

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/register"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
	"golang.org/x/mod/sumdb/note"
)

// Filing is how a telegram is filed: what its archivist said last. The earlier descriptions are its history, the first one first.
type Filing struct {
	archive.Description
	N       int       `json:"n"`     // how often it was described
	Entry   int64     `json:"entry"` // the register's entry of this description
	At      time.Time `json:"at"`
	History []Filing  `json:"history,omitempty"`
}

// filedNote is what an entry of kind filed says: all of it, so that the register alone would give the description again.
type filedNote struct {
	Of int64 `json:"of"` // the filed telegram
	N  int   `json:"n"`
	At int64 `json:"at"`
	archive.Description
}

// errFiledSo ends a transaction in which there was nothing to say.
var errFiledSo = errors.New("it is filed so already")

// File files a telegram, sent or received, where a change says, or corrects how it is filed; year 0 is this year. Collection is the name
// under which the post keeps its records, "" for its own. What was said before stays as history. Each description is entered in the
// register; fresh is false when it says nothing new, and nothing was entered then.
func (p *Post) File(ctx context.Context, way archive.Way, year int, number uint32, collection string, c *archive.Change) (now *Filing, fresh bool, err error) {
	f, r, err := p.filed(ctx, way, year, number)
	if err != nil {
		return nil, false, err
	}
	sheet := sheetOf(r)
	at := p.config.Now()
	err = p.db.Write(ctx, func(tx *store.Tx) error {
		return p.entering(tx, func(b *register.Book) error { // the open book keeps others from filing it at the same time
			had, err := p.filings(tx, f.ID)
			if err != nil {
				return err
			}
			var before archive.Description
			if len(had) > 0 {
				before = had[len(had)-1].Description
			}
			d, err := before.Apply(c)
			if err != nil {
				return err
			}
			if len(had) > 0 && d.Equal(&before) {
				return errFiledSo
			}
			if err := archive.NewRecord(p.collection(collection), sheet, &d).Check(); err != nil {
				return err
			}
			now, err = p.describe(tx, b, f.ID, len(had)+1, &d, at)
			return err
		})
	})
	if errors.Is(err, errFiledSo) {
		now, err = p.FilingOf(ctx, f.ID)
		return now, false, err
	}
	if err != nil {
		return nil, false, fmt.Errorf("filing number %d (%s): %w", number, way, err)
	}
	now, err = p.FilingOf(ctx, f.ID)
	return now, true, err
}

// collection is the name under which the post keeps its records.
func (p *Post) collection(name string) string {
	if name == "" {
		return p.config.Name
	}
	return name
}

// describe enters a description and keeps it, in one transaction: a crash leaves both or neither.
func (p *Post) describe(tx *store.Tx, b *register.Book, of int64, n int, d *archive.Description, at time.Time) (*Filing, error) {
	said, err := json.Marshal(filedNote{of, n, at.Unix(), *d})
	if err != nil {
		return nil, err
	}
	entry, err := b.Note(telegram.EntryFiled, said, at.Unix(), p.keys.Rest.Seal)
	if err != nil {
		return nil, err
	}
	err = archive.Describe(tx, &archive.Filing{Of: of, N: n, Said: p.sealJSON(archive.FilingPlace(of, n), d), Entry: entry, At: at})
	return &Filing{Description: *d, N: n, Entry: entry, At: at}, err
}

// filings opens all descriptions of a filed telegram.
func (p *Post) filings(tx *store.Tx, of int64) (all []Filing, err error) {
	kept, err := archive.Filings(tx, of)
	if err != nil {
		return nil, err
	}
	for _, k := range kept {
		f, err := p.openFiling(&k)
		if err != nil {
			return nil, err
		}
		all = append(all, *f)
	}
	return all, nil
}

func (p *Post) openFiling(k *archive.Filing) (*Filing, error) {
	f := &Filing{N: k.N, Entry: k.Entry, At: k.At}
	b, err := p.keys.Rest.Open(archive.FilingPlace(k.Of, k.N), k.Said)
	if err == nil {
		err = json.Unmarshal(b, &f.Description)
	}
	if err != nil {
		return nil, fmt.Errorf("description %d of filed %d: %w", k.N, k.Of, err)
	}
	return f, nil
}

// FilingOf gives how a filed telegram is filed, nil if it is not.
func (p *Post) FilingOf(ctx context.Context, of int64) (f *Filing, err error) {
	err = p.db.Read(ctx, func(tx *store.Tx) error {
		all, err := p.filings(tx, of)
		f = lastOf(all)
		return err
	})
	return f, err
}

func lastOf(all []Filing) *Filing {
	if len(all) == 0 {
		return nil
	}
	last := all[len(all)-1]
	last.History = all[:len(all)-1]
	return &last
}

// showFiling adds how the telegram is filed, and proves each description by its entry.
func (p *Post) showFiling(tx *store.Tx, s *Shown, of int64, verifiers []note.Verifier) error {
	all, err := p.filings(tx, of)
	if err != nil {
		s.check("how it is filed", err) // the telegram itself can still be shown
		return nil
	}
	if len(all) == 0 {
		return nil
	}
	s.Filing = lastOf(all)
	for _, f := range all {
		if err = p.checkFiling(tx, of, &f, verifiers); err != nil {
			break
		}
	}
	s.check("how it is filed, by its entries in the register", err)
	return nil
}

func (p *Post) checkFiling(tx *store.Tx, of int64, f *Filing, verifiers []note.Verifier) error {
	row, err := register.Said(tx, f.Entry, p.origin(), verifiers)
	if err != nil {
		return err
	}
	b, err := p.keys.Rest.Open(register.Place(row.Index), row.Said)
	if err != nil || len(b) < 32 {
		return errors.New("it cannot be opened")
	}
	if row.Kind != telegram.EntryFiled || string(telegram.NoteEntry(row.Kind, [32]byte(b), b[32:])) != string(row.Leaf) {
		return errors.New("it is not what was entered")
	}
	return saysFiling(b[32:], of, f)
}

// saysFiling says whether a note is of this very description.
func saysFiling(said []byte, of int64, f *Filing) error {
	var x filedNote
	if err := json.Unmarshal(said, &x); err != nil {
		return err
	}
	if x.Of != of || x.N != f.N || x.At != f.At.Unix() || !x.Description.Equal(&f.Description) {
		return fmt.Errorf("description %d of filed %d is not as it was entered", f.N, of)
	}
	return nil
}

// readFiled holds the description that is kept against the one that was entered.
func (p *Post) readFiled(tx *store.Tx, row register.Row, said []byte) error {
	var x filedNote
	if err := json.Unmarshal(said, &x); err != nil {
		return err
	}
	all, err := p.filings(tx, x.Of)
	if err != nil {
		return err
	}
	for _, f := range all {
		if f.N == x.N && f.Entry == row.Index {
			return saysFiling(said, x.Of, &f)
		}
	}
	return fmt.Errorf("description %d of filed %d is missing", x.N, x.Of)
}

// compareFilings holds every description that is kept of a telegram against its entry. One that nobody entered would stand in the place of
// the one that somebody did.
func (p *Post) compareFilings(tx *store.Tx, of int64) error {
	all, err := p.filings(tx, of)
	if err != nil {
		return err
	}
	for _, f := range all {
		var said []byte
		err := tx.QueryRow("select said from entry where idx = $1 and kind = $2", f.Entry, int64(telegram.EntryFiled)).Scan(&said)
		if err == nil {
			said, err = p.keys.Rest.Open(register.Place(f.Entry), said)
		}
		if err != nil || len(said) < 32 {
			return fmt.Errorf("description %d of filed %d was not entered", f.N, of)
		}
		if err := saysFiling(said[32:], of, &f); err != nil {
			return err
		}
	}
	return nil
}

// sheetOf is what a title is made of.
func sheetOf(r *telegram.Registered) *archive.SheetTelegram {
	t := r.Telegram
	return &archive.SheetTelegram{Originator: t.From.Office, To: placed(t.To), Conveyed: conveyed(t.Body), Signature: t.Signature, Signed: sheetDay(t.DTG)}
}
