package post

import (
	"context"
	"errors"
	"fmt"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/pieces"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// compareAttached holds what the table says of a telegram's attachments against the telegram: a row that speaks of another file would have that file shown.
func (p *Post) compareAttached(tx *store.Tx, f *archive.Filed, t *telegram.Telegram) error {
	if len(t.Attachments) == 0 {
		return nil
	}
	rows, err := pieces.AllOf(tx, f.ID)
	if err != nil {
		return err
	}
	if len(rows) != len(t.Attachments) {
		return fmt.Errorf("it has %d attachments, and the table of them has %d", len(t.Attachments), len(rows))
	}
	for i := range rows {
		a, err := p.openAttached(&rows[i])
		if err != nil {
			return err
		}
		a.Name = t.Attachments[i].Name // a draft's file had none when it was read in
		if *a != t.Attachments[i] || rows[i].K != i+1 || rows[i].Post != f.Post || rows[i].Pieces != telegram.Pieces(a.Length) {
			return fmt.Errorf("the table of attachments has something else as its attachment %d", i+1)
		}
	}
	return nil
}

// AttachedReport says what was proved of attachments, and what was not.
type AttachedReport struct {
	Attachments int      `json:"attachments"` // of telegrams
	Whole       int      `json:"whole"`       // of them are here, and are the files that were signed
	Coming      int      `json:"coming"`      // are not all here yet, or are left
	Pieces      int64    `json:"pieces"`      // that were read
	Bytes       int64    `json:"bytes"`       // of files
	Findings    []string `json:"findings"`
}

// VerifyAttachments reads every piece of every attachment that is here and proves that it is the file that was signed. That the telegrams are what was
// entered VerifyRegister proves. progress, when not nil, is told how many bytes of how many were read.
func (p *Post) VerifyAttachments(ctx context.Context, progress func(done, of int64)) (*AttachedReport, error) {
	r := &AttachedReport{Findings: []string{}}
	var total int64
	if err := p.db.Read(ctx, func(tx *store.Tx) error {
		return tx.QueryRow("select coalesce(sum(pieces), 0) from attachment where of is not null and state = 'checked'").Scan(&total)
	}); err != nil {
		return nil, err
	}
	total *= telegram.PieceSize
	for after := int64(0); ; {
		var rows []pieces.Attached
		if err := p.db.Read(ctx, func(tx *store.Tx) (err error) { rows, err = pieces.All(tx, after, 100); return err }); err != nil {
			return nil, err
		}
		if len(rows) == 0 {
			return r, ctx.Err()
		}
		for i := range rows {
			after = rows[i].ID
			if rows[i].Of == 0 {
				continue
			}
			if err := p.verifyAttached(ctx, r, &rows[i]); err != nil {
				return nil, err
			}
			if progress != nil {
				progress(min(r.Pieces*telegram.PieceSize, total), total)
			}
		}
	}
}

func (p *Post) verifyAttached(ctx context.Context, r *AttachedReport, row *pieces.Attached) error {
	var f *archive.Filed
	if err := p.db.Read(ctx, func(tx *store.Tx) (err error) { f, err = archive.Get(tx, row.Of); return err }); err != nil {
		return err
	}
	r.Attachments++
	what := fmt.Sprintf("attachment %d of No. %s of %d (%s)", row.K, telegram.NumberText(f.Number), f.Year, f.Way)
	t, err := p.openFiled(f)
	if err == nil && (row.K < 1 || row.K > len(t.Telegram.Attachments)) {
		err = errors.New("the telegram has no such attachment")
	}
	if err != nil {
		r.Findings = append(r.Findings, fmt.Sprintf("%s: %v", what, err))
		return nil
	}
	if row.State != pieces.Checked {
		r.Coming++
		return nil
	}
	a := &t.Telegram.Attachments[row.K-1]
	lost, err := p.prove(ctx, row.ID, a)
	r.Pieces += int64(row.Pieces)
	switch {
	case errors.Is(err, errNotTheFile):
		r.Findings = append(r.Findings, fmt.Sprintf("%s: %v", what, err))
	case err != nil:
		return err
	case len(lost) > 0:
		r.Findings = append(r.Findings, fmt.Sprintf("%s: %d of its %d pieces are gone or damaged, the first of them piece %d", what, len(lost), row.Pieces, lost[0]+1))
	default:
		r.Whole, r.Bytes = r.Whole+1, r.Bytes+a.Length
	}
	return nil
}
