package post

// What people see and do of attachments, and what is looked at now and then: whether what came makes the file, and what of it nothing has any more.

import (
	"context"
	"errors"
	"fmt"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/circuit"
	"chancery.example/chancery/desk"
	"chancery.example/chancery/pieces"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// Attachment is an attachment as people see it.
type Attachment struct {
	K       int               `json:"attachment"` // which of the telegram's, from 1
	Name    string            `json:"name"`
	Type    string            `json:"media_type,omitempty"` // as the drafter gave it
	Bytes   int64             `json:"bytes"`
	Pieces  int               `json:"pieces"`
	Here    int               `json:"pieces_here"`
	State   pieces.State      `json:"state"`
	Why     string            `json:"why,omitempty"` // it is damaged, or not asked for
	Checked bool              `json:"verified"`      // all is here, and it is the file that was signed
	There   []AttachmentThere `json:"there,omitempty"`
	File    int64             `json:"file"` // its number at this post, by which its bytes are read
}

// AttachmentThere is how far an attachment is at a post to which it was sent, as that post last said.
type AttachmentThere struct {
	Post    string    `json:"post"`
	Here    int       `json:"pieces_here"`
	Checked bool      `json:"verified"`
	At      time.Time `json:"at"`
}

// showAttachments lists the attachments of a filed telegram. What the telegram says of them is proved with it; how far they are the table says.
func (p *Post) showAttachments(tx *store.Tx, s *Shown, of int64, t *telegram.Telegram) error {
	for i := range t.Attachments {
		a := &t.Attachments[i]
		row, err := pieces.Of(tx, of, i+1)
		if errors.Is(err, pieces.ErrUnknown) {
			s.check(fmt.Sprintf("attachment %d", i+1), errors.New("this post does not know how far it is: the database was changed"))
			s.Attachments = append(s.Attachments, Attachment{K: i + 1, Name: a.Name, Type: a.Type, Bytes: a.Length, Pieces: telegram.Pieces(a.Length), State: pieces.Left})
			continue
		}
		if err != nil {
			return err
		}
		x, err := attachmentOf(tx, row, a)
		if err != nil {
			return err
		}
		s.Attachments = append(s.Attachments, x)
	}
	return nil
}

func attachmentOf(tx *store.Tx, row *pieces.Attached, a *telegram.Attachment) (Attachment, error) {
	x := Attachment{K: row.K, Name: a.Name, Type: a.Type, Bytes: a.Length, Pieces: telegram.Pieces(a.Length), Here: row.Here, State: row.State, Why: row.Why,
		Checked: row.State == pieces.Checked, File: row.ID}
	there, err := pieces.AllThere(tx, row.ID)
	for _, y := range there {
		x.There = append(x.There, AttachmentThere{y.Post, y.Here, y.Checked, y.At.UTC()})
	}
	return x, err
}

// AttachmentWanted says which attachment is meant: of a telegram by this post's own number, or of a draft.
type AttachmentWanted struct {
	Draft  int64       `json:"draft,omitempty"`
	Way    archive.Way `json:"way,omitempty"`
	Year   int         `json:"year,omitempty"` // 0 is this year
	Number uint32      `json:"number,omitempty"`
	K      int         `json:"attachment"` // from 1; 0 is the only one
}

// AttachmentFound is an attachment with what the telegram says of it, by which whoever reads its bytes proves that they are the file.
type AttachmentFound struct {
	Attachment
	Says []byte `json:"says"` // telegram.Attachment as written
}

// FindAttachment finds an attachment of a telegram or of a draft.
func (p *Post) FindAttachment(ctx context.Context, w AttachmentWanted) (*AttachmentFound, error) {
	a, row, err := p.findAttachment(ctx, &w)
	if err != nil {
		return nil, err
	}
	out := &AttachmentFound{Says: a.Marshal()}
	err = p.db.Read(ctx, func(tx *store.Tx) error {
		out.Attachment, err = attachmentOf(tx, row, a)
		return err
	})
	return out, err
}

// ListAttachments lists the attachments of a telegram or of a draft.
func (p *Post) ListAttachments(ctx context.Context, w AttachmentWanted) ([]Attachment, error) {
	list := []Attachment{}
	for w.K = 1; ; w.K++ {
		a, row, err := p.findAttachment(ctx, &w)
		if errors.Is(err, errNoSuch) {
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		if err := p.db.Read(ctx, func(tx *store.Tx) error {
			x, err := attachmentOf(tx, row, a)
			list = append(list, x)
			return err
		}); err != nil {
			return nil, err
		}
	}
}

// errNoSuch says that a telegram has no attachment of that number.
var errNoSuch = errors.New("there is no such attachment")

func (p *Post) findAttachment(ctx context.Context, w *AttachmentWanted) (a *telegram.Attachment, row *pieces.Attached, err error) {
	var all []telegram.Attachment
	of := int64(0)
	if w.Draft != 0 {
		all, err = p.attachedToDraft(ctx, w.Draft)
	} else {
		var f *archive.Filed
		var r *telegram.Registered
		if f, r, err = p.filed(ctx, w.Way, w.Year, w.Number); err == nil {
			all, of = r.Telegram.Attachments, f.ID
		}
	}
	if err != nil {
		return nil, nil, err
	}
	switch {
	case len(all) == 0:
		return nil, nil, fmt.Errorf("it has no attachments: %w", errNoSuch)
	case w.K == 0 && len(all) > 1:
		return nil, nil, fmt.Errorf("it has %d attachments: say which", len(all))
	case w.K < 0 || w.K > len(all):
		return nil, nil, fmt.Errorf("it has %d attachments, and no attachment %d: %w", len(all), w.K, errNoSuch)
	}
	k := max(w.K, 1)
	err = p.db.Read(ctx, func(tx *store.Tx) error {
		if w.Draft == 0 {
			row, err = pieces.Of(tx, of, k)
			return err
		}
		rows, err := pieces.OfDraft(tx, w.Draft)
		if err == nil && k > len(rows) {
			err = pieces.ErrUnknown
		}
		if err == nil {
			row = &rows[k-1]
		}
		return err
	})
	return &all[k-1], row, err
}

// attachedToDraft are the attachments of a draft as they are signed, or will be.
func (p *Post) attachedToDraft(ctx context.Context, id int64) ([]telegram.Attachment, error) {
	var t telegram.Telegram
	err := p.db.Read(ctx, func(tx *store.Tx) error {
		d, err := desk.Get(tx, id)
		if err != nil {
			return err
		}
		if d.State == desk.Registered {
			return fmt.Errorf("draft %d is registered: name the telegram by its number", id)
		}
		o, err := p.openDraft(d)
		if err != nil {
			return err
		}
		if o.telegram != nil {
			t = *o.telegram
			return nil
		}
		return p.attachToIn(tx, &t, o.form)
	})
	return t.Attachments, err
}

// ReadAttachment gives the bytes that a file has at one of its pieces, from 0. Of what came from another post nothing is given before all of it was
// proved.
func (p *Post) ReadAttachment(ctx context.Context, file int64, piece int) ([]byte, error) {
	if p.config.Pieces == nil {
		return nil, errNoPieces
	}
	var row *pieces.Attached
	var d pieces.Digest
	err := p.db.Read(ctx, func(tx *store.Tx) (err error) {
		if row, err = pieces.Get(tx, file); err != nil {
			return err
		}
		if row.State != pieces.Checked {
			return fmt.Errorf("it is not here: %d of its %d pieces are, and none is shown before all are here and make the file that was signed", row.Here, row.Pieces)
		}
		d, err = pieces.Piece(tx, file, piece)
		return err
	})
	if err != nil {
		return nil, err
	}
	a, err := p.openAttached(row)
	if err != nil {
		return nil, err
	}
	sealed, err := p.config.Pieces.Get(ctx, d)
	if err != nil {
		return nil, err
	}
	key, err := seal.NewAttachmentKey(a.Secret, a.Length)
	if err != nil {
		return nil, err
	}
	return key.Open(piece, sealed)
}

// FetchAttachment has an attachment asked for that is not, because it is long, was dropped, or was damaged. What is here already is left as it is.
func (p *Post) FetchAttachment(ctx context.Context, w AttachmentWanted) (*AttachmentFound, error) {
	_, row, err := p.findAttachment(ctx, &w)
	if err != nil {
		return nil, err
	}
	if row.Post == p.config.Name {
		return nil, errors.New("it is this post's own, and all here")
	}
	if p.config.Pieces == nil {
		return nil, errNoPieces
	}
	now := p.config.Now()
	var gone []pieces.Digest
	if err := p.db.Write(ctx, func(tx *store.Tx) (err error) {
		damaged, err := pieces.Settle(tx, row.ID, pieces.Damaged, pieces.Coming, "", now)
		if err == nil && damaged {
			gone, err = pieces.Forget(tx, row.ID, now)
		}
		if err == nil {
			_, err = pieces.Settle(tx, row.ID, pieces.Left, pieces.Coming, "", now)
		}
		tx.Notify(topicPieces)
		return err
	}); err != nil {
		return nil, err
	}
	p.fetching.drop(row.ID)
	p.deletePieces(ctx, gone)
	return p.FindAttachment(ctx, w)
}

// DropAttachment forgets the pieces of an attachment that came from another post, and asks for no more. The telegram keeps saying what it was, and its
// sender still has it.
func (p *Post) DropAttachment(ctx context.Context, w AttachmentWanted) (*AttachmentFound, error) {
	_, row, err := p.findAttachment(ctx, &w)
	if err != nil {
		return nil, err
	}
	if row.Post == p.config.Name {
		return nil, errors.New("it is this post's own record of what it sent: it is kept")
	}
	if err := p.leave(ctx, row.ID, "it was dropped here by command", row.State); err != nil {
		return nil, err
	}
	return p.FindAttachment(ctx, w)
}

// leave takes an attachment from a state to that of being left, and deletes its pieces.
func (p *Post) leave(ctx context.Context, id int64, why string, from pieces.State) error {
	now := p.config.Now()
	var gone []pieces.Digest
	err := p.db.Write(ctx, func(tx *store.Tx) error {
		if ok, err := pieces.Settle(tx, id, from, pieces.Left, why, now); err != nil || !ok {
			return err
		}
		var err error
		gone, err = pieces.Forget(tx, id, now)
		return err
	})
	if err != nil {
		return err
	}
	p.fetching.drop(id)
	if p.config.Pieces != nil {
		p.deletePieces(ctx, gone)
	}
	return nil
}

// keeper looks after attachments until ctx ends: it proves what is all here, leaves what nobody needs any more, and sweeps.
func (p *Post) keeper(ctx context.Context, carrier circuit.Carrier) {
	if p.config.Pieces == nil {
		return
	}
	wake := p.db.Wake(ctx, topicPieces)
	var swept time.Time
	owns := false
	for ctx.Err() == nil {
		if err := p.checkWhole(ctx, carrier); err != nil && ctx.Err() == nil {
			p.config.Log.Warn("what came of attachments could not be looked at; it is tried again", "reason", err)
		}
		if time.Since(swept) >= sweepEvery {
			any := false
			err := p.db.Read(ctx, func(tx *store.Tx) (err error) { any, err = pieces.Any(tx); return err })
			if err == nil && any && !owns {
				if err = p.config.Pieces.Own(ctx, p.config.Route.String()); err == nil {
					owns = true
				}
			}
			if err == nil && owns {
				err = errors.Join(p.leaveIdle(ctx), p.sweep(ctx))
			}
			if swept = time.Now(); err != nil && ctx.Err() == nil {
				p.config.Log.Warn("the pieces of attachments could not be swept; it is tried again", "reason", err)
				swept = swept.Add(time.Minute - sweepEvery)
			}
		}
		p.wait(ctx, time.Minute, wake)
	}
}

const (
	sweepEvery = time.Hour
	strayFor   = 24 * time.Hour // what nothing has is deleted after this
	idleFor    = 24 * time.Hour // what does not come is not asked for any more after this, when its order is closed
)

// checkWhole proves of every attachment of which all pieces are here that they make the file, and says so to its sender.
func (p *Post) checkWhole(ctx context.Context, carrier circuit.Carrier) error {
	for ctx.Err() == nil {
		var rows []pieces.Attached
		if err := p.db.Read(ctx, func(tx *store.Tx) (err error) { rows, err = pieces.ToCheck(tx, 10); return err }); err != nil || len(rows) == 0 {
			return err
		}
		for i := range rows {
			if err := p.checkOne(ctx, carrier, &rows[i]); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

func (p *Post) checkOne(ctx context.Context, carrier circuit.Carrier, row *pieces.Attached) error {
	a, err := p.openAttached(row)
	if err != nil {
		return err
	}
	var f *archive.Filed
	if err := p.db.Read(ctx, func(tx *store.Tx) (err error) { f, err = archive.Get(tx, row.Of); return err }); err != nil {
		return err
	}
	lost, err := p.prove(ctx, row.ID, a)
	broken := errors.Is(err, errNotTheFile)
	if err != nil && !broken {
		return err
	}
	now, next, why := p.config.Now(), pieces.Checked, ""
	if broken {
		next, why = pieces.Damaged, err.Error()
	} else if len(lost) > 0 {
		next = pieces.Coming
	}
	if err := p.db.Write(ctx, func(tx *store.Tx) error {
		for _, i := range lost {
			if err := pieces.Lost(tx, row.ID, i, now); err != nil {
				return err
			}
		}
		if ok, err := pieces.Settle(tx, row.ID, pieces.Whole, next, why, now); err != nil || !ok || !broken {
			tx.Notify(topicPieces)
			return err
		}
		return p.alarm(tx, row.Post, fmt.Sprintf("attachment %d of serial %s cannot be opened: %s. Ask its sender", row.K, telegram.NumberText(f.Serial), why))
	}); err != nil {
		return err
	}
	p.fetching.drop(row.ID)
	if next != pieces.Checked {
		return nil
	}
	v, err := p.current()
	if err != nil {
		return err
	}
	ask := telegram.Ask{From: p.config.Name, To: row.Post, At: now.Unix(), Serial: f.Serial, Root: f.Root, Attachment: uint8(row.K), Here: uint32(row.Pieces), Checked: true,
		Part: telegram.MinPart, Limit: 1}
	if err := p.sendAsk(ctx, v, carrier, below(row.Precedence), &ask); err != nil && ctx.Err() == nil {
		p.config.Log.Warn("that an attachment is all here could not be said to its sender", "post", row.Post, "reason", err)
	}
	return nil
}

// leaveIdle leaves what does not come and is not needed any more: its order is closed, and nothing of it came for a day.
func (p *Post) leaveIdle(ctx context.Context) error {
	var rows []pieces.Attached
	var closed []bool
	if err := p.db.Read(ctx, func(tx *store.Tx) (err error) {
		rows, err = pieces.Idle(tx, p.config.Now().Add(-idleFor), 1000)
		for i := range rows {
			ds, failed := desk.Duties(tx, rows[i].Of)
			if failed != nil {
				return failed
			}
			ended := false
			for _, d := range ds {
				ended = ended || d.Act == desk.Fulfilment && d.Post == p.config.Name && !d.Done.IsZero()
			}
			closed = append(closed, ended)
		}
		return err
	}); err != nil {
		return err
	}
	for i := range rows {
		if closed[i] {
			if err := p.leave(ctx, rows[i].ID, "its order is closed, and nothing of it came for a day", pieces.Coming); err != nil {
				return err
			}
		}
	}
	return nil
}

// sweep deletes files that were read in for drafts and that none has, and pieces without an entry, left over from a crash: each when it is a day old.
func (p *Post) sweep(ctx context.Context) error {
	now := p.config.Now()
	for {
		var ids []int64
		if err := p.db.Read(ctx, func(tx *store.Tx) (err error) { ids, err = pieces.Stray(tx, now.Add(-strayFor), 100); return err }); err != nil {
			return err
		}
		for _, id := range ids {
			if err := p.AbandonAttachment(ctx, id); err != nil {
				return err
			}
		}
		if len(ids) < 100 {
			break
		}
	}
	var some []pieces.Digest
	flush := func() error {
		var unknown []pieces.Digest
		err := p.db.Read(ctx, func(tx *store.Tx) (err error) { unknown, err = pieces.Unknown(tx, some); return err })
		if err == nil {
			p.deletePieces(ctx, unknown)
		}
		some = some[:0]
		return err
	}
	err := p.config.Pieces.Each(ctx, func(d pieces.Digest, at time.Time) error {
		if time.Since(at) < strayFor {
			return nil
		}
		if some = append(some, d); len(some) < 1000 {
			return nil
		}
		return flush()
	})
	return errors.Join(err, flush())
}
