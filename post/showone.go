package post

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/desk"
	"chancery.example/chancery/register"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// Correction is what is to be read beside a telegram.
type Correction struct {
	By   string    `json:"by"` // the telegram that corrects, by this post's number
	DTG  string    `json:"dtg"`
	At   time.Time `json:"at"` // when its post registered it
	Text string    `json:"text"`
}

// PassedOn is a telegram that another passes on, as it was released.
type PassedOn struct {
	Post     string             `json:"post"`   // whose serial it is, as the post that passes it on says
	Serial   uint32             `json:"serial"` // for that post
	Year     uint16             `json:"year"`
	From     telegram.Address   `json:"from"`
	To       []telegram.Address `json:"to"`
	Info     []telegram.Address `json:"info,omitempty"`
	By       telegram.Address   `json:"by"`     // who passes it on
	Action   bool               `json:"action"` // he was to act on it; else he had it for information
	DTG      string             `json:"dtg"`
	Drafter  telegram.KeyRef    `json:"drafter"`
	Releaser telegram.KeyRef    `json:"releaser"`
	Released time.Time          `json:"released"`
	Root     telegram.Root      `json:"root"`
	Asks     telegram.Asks      `json:"asks,omitempty"`
	Deadline *time.Time         `json:"deadline,omitempty"`
	Here     string             `json:"here,omitempty"` // this post has it by itself too, under this number
}

// showOthers says what was done to the telegram by others, and what it does to one.
func (p *Post) showOthers(tx *store.Tx, s *Shown, of int64, t *telegram.Telegram, v *view) error {
	for i, r := range t.References {
		var err error
		if s.References[i].Here, err = p.here(tx, &r); err != nil {
			return err
		}
	}
	if err := p.showPassedOn(tx, s, t, v); err != nil {
		return err
	}
	posts := map[string]bool{} // for which it is cancelled
	deeds, err := desk.Deeds(tx, of)
	if err != nil {
		return err
	}
	for _, d := range deeds {
		switch d.Act {
		case telegram.Cancels:
			posts[d.Post] = true
		case telegram.Corrects:
			if err := p.showCorrection(tx, s, &d); err != nil {
				return err
			}
		}
	}
	s.Cancelled = s.Way == archive.In && len(posts) > 0 || s.Way == archive.Out && len(posts) == len(t.AddressedPosts())
	return nil
}

func (s *Shown) showDuties(tx *store.Tx, of int64, now time.Time) error {
	ds, err := desk.Duties(tx, of)
	if err != nil {
		return err
	}
	deeds, err := desk.Deeds(tx, of)
	if err != nil {
		return err
	}
	for _, d := range ds {
		x := Duty{Post: d.Post, Act: d.Act, Asked: d.Asked, Due: when(d.Due), Done: later(nil, d.Done), Standing: standing(&d, deeds, now)}
		if x.By, err = numberOf(tx, d.By); err != nil {
			return err
		}
		s.Duties = append(s.Duties, x)
	}
	s.Deeds, err = told(tx, deeds)
	return err
}

func (p *Post) localOf(f *archive.Filed) (l desk.Local) {
	p.openJSON(archive.LocalPlace(f.ID), f.Local, &l)
	return l
}

// here names the telegram that is cited by this post's own number, if it is here.
func (p *Post) here(tx *store.Tx, r *telegram.Reference) (string, error) {
	if r.Root == (telegram.Root{}) {
		return "", nil
	}
	of, known, err := register.Known(tx, r.Root)
	if err != nil || !known {
		return "", err
	}
	return numberOf(tx, of)
}

func (p *Post) showCorrection(tx *store.Tx, s *Shown, d *desk.Deed) error {
	by, err := numberOf(tx, d.By)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(s.Corrections, func(c Correction) bool { return c.By == by }) { // it went to several posts
		return nil
	}
	f, err := archive.Get(tx, d.By)
	if err != nil {
		return err
	}
	c := Correction{By: by, At: time.Unix(d.At, 0).UTC()}
	state, err := lateState(tx, d.By)
	if err != nil {
		return err
	}
	if p.hidden(f.Post, state) {
		c.Text = "It " + strings.TrimPrefix(ErrHidden.Error(), "it ") + "."
	} else if r, err := p.openFiled(f); err != nil { // the rest can still be read
		c.Text = "DAMAGED: run chancery register verify"
	} else {
		c.DTG, c.Text = telegram.DTG(r.Telegram.DTG), sheetText(r.Telegram.Body)
	}
	s.Corrections = append(s.Corrections, c)
	return nil
}

// showPassedOn proves what is passed on by the directory of the time at which that was taken or sent, and marks what is known today of who released it.
func (p *Post) showPassedOn(tx *store.Tx, s *Shown, t *telegram.Telegram, newest *view) error {
	o, err := t.Readdressed()
	if err != nil {
		s.check("the telegram that is passed on", err)
		return nil
	}
	if o == nil {
		return nil
	}
	on, of := t.On(), o.Telegram
	x := &PassedOn{Post: on.Post, Serial: on.Serial, Year: on.Year, From: of.From, To: officesOf(of.To), Info: officesOf(of.Info), By: t.From, Action: hasOffice(of.To, t.From),
		DTG: telegram.DTG(of.DTG), Drafter: of.Drafter, Releaser: of.Releaser, Released: time.Unix(of.Released, 0).UTC(), Root: on.Root, Asks: of.Asks, Deadline: when(of.Deadline)}
	if x.Here, err = p.here(tx, on); err != nil {
		return err
	}
	s.PassedOn = x
	times, err := p.history(tx, newest)
	if err != nil {
		return err
	}
	v, err := times.at(s.Entry)
	if err == nil && v == nil {
		err = ErrNoDirectory
	}
	if err != nil {
		s.check("the directory by which what is passed on was proved", err)
		return nil
	}
	role := "information"
	if x.Action {
		role = "action"
	}
	s.check(fmt.Sprintf("what is passed on: released at %s by two people, and sent to %s for %s", of.From.Post, t.From, role), v.checkPassedOn(t))
	s.Marks = append(s.Marks, newest.marksOfPassedOn(t)...)
	return nil
}

// marksOfPassedOn are what a reader must know today of who released the telegram that this one passes on.
func (v *view) marksOfPassedOn(t *telegram.Telegram) (marks []string) {
	o, err := t.Readdressed()
	if err != nil || o == nil {
		return nil
	}
	of := o.Telegram
	if err := v.mayRelease(of, of.From.Post); err != nil {
		marks = append(marks, fmt.Sprintf("Of who released what is passed on: %v. It may have been right when it was released; the directory cannot say so any more. Ask %s before you act on it.", err, of.From.Post))
	}
	for _, m := range v.marks(of, 0, false) {
		marks = append(marks, "Of what is passed on: "+m)
	}
	return marks
}

// handling are marks on a sheet of what the telegram does to another, or another did to it.
func (s *Shown) handling() (marks []string) {
	if s.Considered {
		marks = append(marks, "MINIMIZE CONSIDERED")
	}
	if o := s.PassedOn; o != nil {
		marks = append(marks, fmt.Sprintf("READDRESSED FROM %s %s/%d", o.Post, telegram.NumberText(o.Serial), o.Year))
	}
	if s.Cancelled {
		marks = append(marks, "CANCELLED")
	}
	return marks
}

func officesOf(list []telegram.Addressee) []telegram.Address {
	out := []telegram.Address{}
	for _, a := range list {
		out = append(out, a.Address)
	}
	return out
}
