package post

// Which attachments a draft has: files that were read in for it, or those of the telegram that it passes on or repeats. These are here already, so their
// pieces are not kept twice: the draft's attachments are others in the table, and the same on the disk. Whoever passes a telegram on answers himself for
// its files, and its first sender need not know to whom they go.

import (
	"context"
	"errors"
	"fmt"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/desk"
	"chancery.example/chancery/pieces"
	"chancery.example/chancery/register"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// carries says whether a telegram has the text and the attachments of another.
func carries(t *telegram.Telegram) bool {
	on := t.On()
	return on != nil && (on.Act == telegram.Readdresses || on.Act == telegram.Repeats)
}

// bindAttached gives a draft the attachments of the telegram that it says.
func (p *Post) bindAttached(tx *store.Tx, draft int64, form *desk.Form, t *telegram.Telegram) error {
	now := p.config.Now()
	var ids []int64
	for _, x := range form.Attached {
		ids = append(ids, x.ID)
	}
	if carries(t) {
		var err error
		if ids, err = p.boundBefore(tx, draft, t); err == nil && ids == nil {
			ids, err = p.shareCarried(tx, t, now)
		}
		if err != nil {
			return err
		}
	}
	return pieces.Bind(tx, draft, ids, now)
}

// boundBefore are the attachments that a draft has, if they are those of the telegram; an edit of the rest leaves them as they are.
func (p *Post) boundBefore(tx *store.Tx, draft int64, t *telegram.Telegram) (ids []int64, err error) {
	rows, err := pieces.OfDraft(tx, draft)
	if err != nil || len(rows) != len(t.Attachments) {
		return nil, err
	}
	for i := range rows {
		if a, err := p.openAttached(&rows[i]); err != nil || *a != t.Attachments[i] {
			return nil, err
		}
		ids = append(ids, rows[i].ID)
	}
	return ids, nil
}

// shareCarried enters the attachments of what a telegram passes on or repeats once more, for its draft. All of them must be here.
func (p *Post) shareCarried(tx *store.Tx, t *telegram.Telegram, now time.Time) (ids []int64, err error) {
	for i := range t.Attachments {
		f, from, err := p.carriedFrom(tx, t, i)
		if err == nil && from == nil {
			err = fmt.Errorf("the table of attachments has nothing of its attachment %d (run chancery register verify)", i+1)
		}
		if err == nil {
			err = p.mayCarry(f, from, &t.Attachments[i])
		}
		if err != nil {
			return nil, err
		}
		row := pieces.Attached{Post: p.config.Name, Pieces: from.Pieces, State: pieces.Checked, Changed: now}
		if row.ID, err = pieces.NextID(tx); err != nil {
			return nil, err
		}
		row.Body = p.keys.Rest.Seal(pieces.Place(row.ID), t.Attachments[i].Marshal())
		if err := pieces.Add(tx, row); err != nil {
			return nil, err
		}
		if err := pieces.Share(tx, from.ID, row.ID, now); err != nil {
			return nil, err
		}
		ids = append(ids, row.ID)
	}
	return ids, nil
}

// carriedFrom finds an attachment, from 0, of what a telegram passes on or repeats, as it is here; nil if that telegram is not here, or has another.
func (p *Post) carriedFrom(tx *store.Tx, t *telegram.Telegram, i int) (*archive.Filed, *pieces.Attached, error) {
	of, known, err := register.Known(tx, t.On().Root)
	if err != nil || !known {
		return nil, nil, err
	}
	f, err := archive.Get(tx, of)
	if err != nil {
		return nil, nil, err
	}
	row, err := pieces.Of(tx, of, i+1)
	if errors.Is(err, pieces.ErrUnknown) {
		return f, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	a, err := p.openAttached(row)
	if err != nil { // a row that was tampered with stops nothing else: register verify names it
		return f, nil, nil
	}
	if a.Name = t.Attachments[i].Name; *a != t.Attachments[i] { // a draft's file had none when it was read in
		return f, nil, nil
	}
	return f, row, nil
}

// mayCarry says whether an attachment is all here, or what to do.
func (p *Post) mayCarry(f *archive.Filed, row *pieces.Attached, a *telegram.Attachment) error {
	if row.State == pieces.Checked && p.config.Pieces != nil {
		return nil
	}
	what := fmt.Sprintf("its attachment %d (%s)", row.K, a.Name)
	command := fmt.Sprintf("chancery attachment %s %d --received --year %d", telegram.NumberText(f.Number), row.K, f.Year)
	switch row.State {
	case pieces.Damaged:
		return fmt.Errorf("%s is damaged: %s. Ask its sender", what, row.Why)
	case pieces.Left:
		return fmt.Errorf("%s is not here, and goes along: %s. Have it fetched with  %s --fetch  and do this again when it is here", what, row.Why, command)
	case pieces.Coming, pieces.Whole:
		return fmt.Errorf("%s is not all here yet, and goes along: %d of its %d pieces are. Do this again when  %s  says that it is all here", what, row.Here, row.Pieces, command)
	}
	return errNoPieces
}

// proveAttached proves of every attachment of a draft, from what lies on the disk, that its pieces make exactly the file of which the telegram speaks.
func (p *Post) proveAttached(ctx context.Context, draft int64, t *telegram.Telegram) error {
	var rows []pieces.Attached
	if err := p.db.Read(ctx, func(tx *store.Tx) (err error) { rows, err = pieces.OfDraft(tx, draft); return err }); err != nil {
		return err
	}
	if len(rows) != len(t.Attachments) {
		return fmt.Errorf("draft %d has %d attachments, and what was signed has %d: draft it again", draft, len(rows), len(t.Attachments))
	}
	mend := "Attach it again"
	switch {
	case carries(t) && t.On().Act == telegram.Readdresses:
		mend = "Have it fetched anew with  chancery attachment NUMBER WHICH --received --fetch"
	case carries(t):
		mend = "Put the post's pieces back from a backup"
	}
	for i := range rows {
		lost, err := p.prove(ctx, rows[i].ID, &t.Attachments[i])
		if err == nil && len(lost) > 0 {
			err = fmt.Errorf("%d of its pieces are gone or damaged", len(lost))
		}
		if err != nil {
			return fmt.Errorf("the attachment %q cannot be sent: %w. %s", t.Attachments[i].Name, err, mend)
		}
	}
	return nil
}
