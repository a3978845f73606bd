package post

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/desk"
	"chancery.example/chancery/telegram"
)

// Another is what a person does to one telegram by another: cancel, correct or repeat one that this post sent, readdress one that it received.
type Another struct {
	Act        telegram.Act         `json:"act"`
	Year       int                  `json:"year"` // of the number; 0 is this year
	Number     uint32               `json:"number"`
	Text       string               `json:"text,omitempty"`
	Posts      []string             `json:"posts,omitempty"`      // not to readdress: only these of those it went to
	Precedence *telegram.Precedence `json:"precedence,omitempty"` // nil: that of the telegram; to readdress, the one at which it came
	To         []telegram.Address   `json:"to,omitempty"`         // to readdress: who is to act
	Info       []telegram.Address   `json:"info,omitempty"`       // and who is to know
	Asks       telegram.Asks        `json:"asks,omitempty"`
	Deadline   int64                `json:"deadline,omitempty"`
}

// Another makes the form of the telegram that does it.
func (p *Post) Another(ctx context.Context, x *Another) (*desk.Form, error) {
	if x.Act == telegram.Readdresses {
		return p.readdress(ctx, x)
	}
	if !x.Act.OnOne() {
		return nil, fmt.Errorf("what %v is drafted as a report, or as a grant", x.Act)
	}
	_, r, err := p.filed(ctx, archive.Out, x.Year, x.Number)
	if err != nil {
		return nil, err
	}
	of := r.Telegram
	for _, name := range x.Posts {
		if r.Numbers.SerialFor(name) == 0 {
			return nil, fmt.Errorf("register number %s did not go to %s: it went to %s", telegram.NumberText(x.Number), name, strings.Join(of.AddressedPosts(), ", "))
		}
	}
	form := &desk.Form{}
	t := &form.Telegram
	t.To, t.Info = x.among(of.To), x.among(of.Info)
	if len(t.To) == 0 {
		t.To, t.Info = t.Info, nil
	}
	t.From.Office, t.Label, t.Type, t.Subject, t.Signature = of.From.Office, of.Label, of.Type, of.Subject, of.From.Office
	for _, name := range t.AddressedPosts() {
		t.References = append(t.References, telegram.Reference{Act: x.Act, Post: p.config.Name, Year: r.Numbers.Year, Serial: r.Numbers.SerialFor(name)})
	}
	text := x.Text
	switch {
	case x.Act == telegram.Repeats && text != "":
		return nil, errors.New("a repeat has the words of the telegram that it repeats, and no other: leave the text out")
	case x.Act == telegram.Repeats:
		t.Signature, t.Codes = of.Signature, of.Codes
		return form, nil
	case x.Act == telegram.Cancels && text == "":
		text = "Our telegram of " + telegram.DTG(of.DTG) + " is cancelled."
	}
	t.Label.Review = 0
	if t.Body, err = bodyOf(text); err == nil && len(t.Body) == 0 {
		err = errors.New("a correction has no text: say what is to be read, and in place of what")
	}
	return form, err
}

// among gives those of the addressees who are meant.
func (x *Another) among(list []telegram.Addressee) (out []telegram.Addressee) {
	for _, a := range list {
		if len(x.Posts) > 0 && !slices.Contains(x.Posts, a.Post) {
			continue
		}
		if x.Precedence != nil {
			a.Precedence = *x.Precedence
		}
		out = append(out, a)
	}
	return out
}

// readdress makes the form of the telegram that passes on one that came here. Which telegram that is the post puts in itself.
func (p *Post) readdress(ctx context.Context, x *Another) (*desk.Form, error) {
	f, r, err := p.filed(ctx, archive.In, x.Year, x.Number)
	if err != nil {
		return nil, err
	}
	of := r.Telegram
	form := &desk.Form{}
	t := &form.Telegram
	at := f.Precedence
	if x.Precedence != nil {
		at = *x.Precedence
	}
	for _, a := range x.To {
		t.To = append(t.To, telegram.Addressee{Address: a, Precedence: at})
	}
	for _, a := range x.Info {
		t.Info = append(t.Info, telegram.Addressee{Address: a, Precedence: at})
	}
	switch {
	case len(t.To)+len(t.Info) == 0:
		return nil, errors.New("say to whom it is passed on, with --to or --info")
	case len(t.To) == 0 && (x.Asks != 0 || x.Deadline != 0):
		return nil, errors.New("nobody is to act on it, so there is nothing to ask: name somebody with --to")
	}
	for _, a := range slices.Concat(of.To, of.Info) { // the first that was to act speaks for the post, if there is one
		if a.Post == p.config.Name {
			t.From.Office = a.Office
			break
		}
	}
	t.Label, t.Type, t.Subject, t.Signature, t.Asks, t.Deadline = of.Label, of.Type, of.Subject, t.From.Office, x.Asks, x.Deadline
	if x.Deadline != 0 {
		if err := p.later(x.Deadline); err != nil {
			return nil, err
		}
	}
	t.References = []telegram.Reference{{Act: x.Act, Post: f.Post, Year: r.Numbers.Year, Serial: f.Serial}}
	t.Body, err = bodyOf(x.Text)
	return form, err
}
