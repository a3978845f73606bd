package post

import (
	"context"
	"fmt"
	"slices"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/desk"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// Progress is how far a duty has come.
type Progress string

// How far a duty can have come. Only the last three end it.
const (
	ProgressOpen         Progress = "open"
	ProgressAcknowledged Progress = "acknowledged"
	ProgressPart         Progress = "part done"
	ProgressConveyed     Progress = "conveyed"
	ProgressAsked        Progress = "time asked"
	ProgressGranted      Progress = "time granted"
	ProgressDone         Progress = "done"
	ProgressCannot       Progress = "cannot comply"
	ProgressCancelled    Progress = "cancelled"
)

var progressOf = map[telegram.Act]Progress{telegram.Acknowledges: ProgressAcknowledged, telegram.PartFulfils: ProgressPart, telegram.Conveys: ProgressConveyed,
	telegram.AsksTime: ProgressAsked, telegram.GrantsTime: ProgressGranted}

// Standing is how a duty stands at a time.
type Standing struct {
	Progress Progress   `json:"progress"`
	Until    *time.Time `json:"until,omitempty"` // the time asked for or granted
	Overdue  bool       `json:"overdue"`         // open, and the time by which it is due is past
}

// standing says how a duty stands: as it ended, or as the last said of it. An acknowledgement says less than anything else.
func standing(d *desk.Duty, deeds []desk.Deed, now time.Time) Standing {
	switch d.Ended {
	case desk.Done:
		return Standing{Progress: ProgressDone}
	case desk.CannotComply:
		return Standing{Progress: ProgressCannot}
	case desk.Cancelled:
		return Standing{Progress: ProgressCancelled}
	}
	s := Standing{Progress: ProgressOpen, Overdue: d.Due != 0 && now.Unix() > d.Due}
	if d.Act != desk.Fulfilment {
		return s
	}
	for _, x := range deeds {
		if x.Post != d.Post || progressOf[x.Act] == "" || x.Act == telegram.Acknowledges && s.Progress != ProgressOpen {
			continue
		}
		s.Progress, s.Until = progressOf[x.Act], when(x.Until)
	}
	return s
}

// Order is one duty that a telegram laid on one post: a telegram that asks two posts for receipt and fulfilment makes four.
type Order struct {
	Way        archive.Way         `json:"way"` // out: this post gave it; in: it was given to this post
	Year       int                 `json:"year"`
	Number     uint32              `json:"number"` // this post's own: register number or incoming number
	Serial     uint32              `json:"serial"` // by which people cite it: the ordering post's, for the post that is to act
	From       telegram.Address    `json:"from"`
	Post       string              `json:"post"` // whose duty it is
	To         []telegram.Address  `json:"to"`   // its offices that are to act
	Precedence telegram.Precedence `json:"precedence"`
	Type       telegram.Type       `json:"type"`
	Subject    string              `json:"subject,omitempty"`
	Asked      desk.Act            `json:"asked"`
	Due        *time.Time          `json:"due,omitempty"`
	Standing
	Ended *time.Time `json:"ended,omitempty"` // when this post learnt that it is done or will not be
	By    string     `json:"by,omitempty"`    // the telegram that ended it, by this post's number
	Deeds []Deed     `json:"deeds"`           // of a fulfilment: all that was said of it
}

// OrdersWanted says which orders are listed.
type OrdersWanted struct {
	Given    bool `json:"given"`    // those of this post
	Received bool `json:"received"` // those of others for it; neither means both
	All      bool `json:"all"`      // those that have ended, too
	Limit    int  `json:"limit"`    // at most so many
}

// Orders lists what was asked of whom, by when, and how far it is: what is overdue first, then by the time it is due, then what is never
// due, and last what has ended.
func (p *Post) Orders(ctx context.Context, want OrdersWanted) (list []Order, err error) {
	err = p.db.Read(ctx, func(tx *store.Tx) error {
		ds, err := desk.Asked(tx, want.Given, want.Received, want.All, want.Limit)
		if err != nil {
			return err
		}
		list = []Order{}
		opened := map[int64]*orderOpened{}
		for _, d := range ds {
			o := opened[d.Of]
			if o == nil {
				if o, err = p.openOrder(tx, d.Of); err != nil {
					return err
				}
				opened[d.Of] = o
			}
			x, err := p.order(tx, &d, o)
			if err != nil {
				return err
			}
			list = append(list, *x)
		}
		return nil
	})
	return list, err
}

// orderOpened is a telegram that laid duties on posts.
type orderOpened struct {
	filed *archive.Filed
	*telegram.Registered
	damaged bool
	deeds   []desk.Deed
}

func (p *Post) openOrder(tx *store.Tx, of int64) (*orderOpened, error) {
	f, err := archive.Get(tx, of)
	if err != nil {
		return nil, err
	}
	o := &orderOpened{filed: f}
	if o.Registered, err = p.openFiled(f); err != nil { // the others can still be read
		o.damaged = true
	}
	o.deeds, err = desk.Deeds(tx, of)
	return o, err
}

func (p *Post) order(tx *store.Tx, d *desk.Duty, o *orderOpened) (*Order, error) {
	f := o.filed
	x := &Order{Way: f.Way, Year: f.Year, Number: f.Number, Serial: f.Serial, Precedence: f.Precedence, From: telegram.Address{Post: f.Post}, Post: d.Post,
		To: []telegram.Address{}, Asked: d.Act, Due: when(d.Due), Standing: standing(d, o.deeds, p.config.Now()), Ended: later(nil, d.Done), Deeds: []Deed{}}
	if o.damaged {
		x.Subject = "DAMAGED: run chancery register verify"
	} else {
		x.From, x.Type, x.Subject, x.Serial = o.Telegram.From, o.Telegram.Type, o.Telegram.Subject, o.Numbers.SerialFor(d.Post)
		x.Precedence, _ = o.Telegram.PrecedenceFor(d.Post)
		for _, a := range o.Telegram.To {
			if a.Post == d.Post {
				x.To = append(x.To, a.Address)
			}
		}
	}
	var err error
	if x.By, err = numberOf(tx, d.By); err != nil || d.Act != desk.Fulfilment {
		return x, err
	}
	mine := slices.DeleteFunc(slices.Clone(o.deeds), func(y desk.Deed) bool { return y.Post != d.Post })
	x.Deeds, err = told(tx, mine)
	return x, err
}

// Deed is what one telegram says of an order.
type Deed struct {
	Post  string       `json:"post"` // whose duty it is about
	Act   telegram.Act `json:"act"`
	At    time.Time    `json:"at"` // when the post that says it registered it
	Until *time.Time   `json:"until,omitempty"`
	By    string       `json:"by"` // the telegram, by this post's number
}

func told(tx *store.Tx, deeds []desk.Deed) ([]Deed, error) {
	out := []Deed{}
	for _, d := range deeds {
		by, err := numberOf(tx, d.By)
		if err != nil {
			return nil, err
		}
		out = append(out, Deed{d.Post, d.Act, time.Unix(d.At, 0).UTC(), when(d.Until), by})
	}
	return out, nil
}

// numberOf names a filed telegram by this post's number, as in "in 3/2026"; none for 0.
func numberOf(tx *store.Tx, id int64) (string, error) {
	if id == 0 {
		return "", nil
	}
	f, err := archive.Get(tx, id)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s %s/%d", f.Way, telegram.NumberText(f.Number), f.Year), nil
}
