package post

import (
	"context"
	"errors"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/desk"
	"chancery.example/chancery/directory"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// Listed is a telegram in a list, without its text.
type Listed struct {
	Number     uint32              `json:"number"`
	Year       int                 `json:"year"`
	From       telegram.Address    `json:"from"`
	Serial     uint32              `json:"serial"`
	Precedence telegram.Precedence `json:"precedence"`
	Type       telegram.Type       `json:"type"`
	Subject    string              `json:"subject,omitempty"`
	Action     bool                `json:"action"` // this post is to act; else it is for information
	Received   time.Time           `json:"received"`
	Marked     bool                `json:"marked,omitempty"` // something is known of who signed it: see Shown.Marks
	Hidden     bool                `json:"hidden,omitempty"` // it is shown when all of its signatures are here
	Open       []desk.Act          `json:"open"`             // what is asked of this post and not done
	Done       []desk.Act          `json:"done"`
	Fulfilment *Standing           `json:"fulfilment,omitempty"` // how the order stands, if it asks this post for one or a report was sent
	Cancelled  bool                `json:"cancelled,omitempty"`
	Corrected  bool                `json:"corrected,omitempty"`
	On         *Cited              `json:"on,omitempty"` // the telegram that it cancels, corrects, repeats or passes on
}

// Inbox lists what was received, the newest first, and the open alarms.
func (p *Post) Inbox(ctx context.Context, limit int) (list []Listed, alarms []Alarm, err error) {
	v, err := p.current()
	if err != nil && !errors.Is(err, ErrNoDirectory) {
		return nil, nil, err
	}
	err = p.db.Read(ctx, func(tx *store.Tx) error {
		fs, err := archive.Newest(tx, archive.In, limit)
		if err != nil {
			return err
		}
		list = []Listed{}
		for _, f := range fs {
			l := Listed{Number: f.Number, Year: f.Year, From: telegram.Address{Post: f.Post}, Serial: f.Serial, Precedence: f.Precedence,
				Received: time.Unix(f.At, 0).UTC(), Open: []desk.Act{}, Done: []desk.Act{}}
			if r, err := p.openFiled(&f); err != nil { // the others can still be read
				l.Subject = "DAMAGED: run chancery register verify"
			} else {
				t := r.Telegram
				l.From, l.Type, l.Subject = t.From, t.Type, t.Subject
				state, err := lateState(tx, f.ID)
				if err != nil {
					return err
				}
				if l.Hidden = p.hidden(f.Post, state); l.Hidden {
					l.Subject = ""
				}
				if l.On, err = p.listOn(tx, t); err != nil {
					return err
				}
				l.Marked = v != nil && len(v.marks(t, 0, false))+len(v.marksOfPassedOn(t)) > 0
				for _, a := range t.To {
					l.Action = l.Action || a.Post == p.config.Name
				}
			}
			ds, err := desk.Duties(tx, f.ID)
			if err != nil {
				return err
			}
			if err := l.stands(tx, f.ID, ds, p.config.Now()); err != nil {
				return err
			}
			list = append(list, l)
		}
		alarms, err = readAlarms(tx, "closed is null and id > $1", 0)
		return err
	})
	return list, alarms, err
}

// listOn is the telegram that a listed one cancels, corrects, repeats or passes on, nil if there is none.
func (p *Post) listOn(tx *store.Tx, t *telegram.Telegram) (*Cited, error) {
	on := t.On()
	if on == nil {
		return nil, nil
	}
	c := &Cited{Act: on.Act, Post: on.Post, Serial: on.Serial, Year: on.Year}
	var err error
	c.Here, err = p.here(tx, on)
	return c, err
}

// stands says which duties are open, which are done, how far the fulfilment is, and whether it was cancelled or corrected.
func (l *Listed) stands(tx *store.Tx, of int64, ds []desk.Duty, now time.Time) error {
	deeds, err := desk.Deeds(tx, of)
	if err != nil {
		return err
	}
	for _, d := range deeds {
		l.Cancelled = l.Cancelled || d.Act == telegram.Cancels
		l.Corrected = l.Corrected || d.Act == telegram.Corrects
	}
	for _, d := range ds {
		switch {
		case d.Done.IsZero():
			l.Open = append(l.Open, d.Act)
		case d.Ended == desk.Done:
			l.Done = append(l.Done, d.Act)
		}
		if d.Act == desk.Fulfilment {
			s := standing(&d, deeds, now)
			l.Fulfilment = &s
		}
	}
	return nil
}

// DraftListed is a draft in a list.
type DraftListed struct {
	ID         int64               `json:"id"`
	State      desk.State          `json:"state"`
	Precedence telegram.Precedence `json:"precedence"`
	To         []telegram.Address  `json:"to"`
	Subject    string              `json:"subject,omitempty"`
	Held       string              `json:"held,omitempty"`
	Number     uint32              `json:"register_number,omitempty"` // once registered
	Year       int                 `json:"year,omitempty"`
}

// DraftState gives one draft, whatever its state.
func (p *Post) DraftState(ctx context.Context, id int64) (l *DraftListed, err error) {
	err = p.db.Read(ctx, func(tx *store.Tx) error {
		d, err := desk.Get(tx, id)
		if err != nil {
			return err
		}
		l, err = p.listDraft(tx, d)
		return err
	})
	return l, err
}

// Drafts lists what is not registered yet, the newest first.
func (p *Post) Drafts(ctx context.Context, limit int) (list []DraftListed, err error) {
	err = p.db.Read(ctx, func(tx *store.Tx) error {
		ds, err := desk.List(tx, limit)
		if err != nil {
			return err
		}
		list = []DraftListed{}
		for _, d := range ds {
			l, err := p.listDraft(tx, &d)
			if err != nil { // the others can still be read
				l = &DraftListed{ID: d.ID, State: d.State, Precedence: d.Precedence, Held: err.Error(), To: []telegram.Address{}}
			}
			list = append(list, *l)
		}
		return nil
	})
	return list, err
}

func (p *Post) listDraft(tx *store.Tx, d *desk.Draft) (*DraftListed, error) {
	l := &DraftListed{ID: d.ID, State: d.State, Precedence: d.Precedence, Held: d.Held, To: []telegram.Address{}}
	var t *telegram.Telegram
	if d.State == desk.Registered {
		f, err := archive.Get(tx, d.Of)
		if err != nil {
			return nil, err
		}
		r, err := p.openFiled(f)
		if err != nil {
			return nil, err
		}
		t, l.Number, l.Year = r.Telegram, f.Number, f.Year
	} else {
		o, err := p.openDraft(d)
		if err != nil {
			return nil, err
		}
		t = &o.form.Telegram
	}
	l.Subject = t.Subject
	for _, a := range t.To {
		l.To = append(l.To, a.Address)
	}
	return l, nil
}

// Directory is the directory in use.
func (p *Post) Directory() (*directory.Directory, error) {
	v, err := p.current()
	if err != nil {
		return nil, err
	}
	return v.dir, nil
}
