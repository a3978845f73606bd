package post

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/desk"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// Report is what an addressee says to an order.
type Report struct {
	Year       int          `json:"year"` // of the number; 0 is this year
	Number     uint32       `json:"number"`
	Act        telegram.Act `json:"act"`
	Text       string       `json:"text,omitempty"`
	Until      int64        `json:"until,omitempty"` // the time asked for, with AsksTime
	Conveyance *Conveyance  `json:"conveyance,omitempty"`
}

// Conveyance is how what was to be conveyed was: it goes with Conveys.
type Conveyance struct {
	When       time.Time `json:"when"`
	Where      string    `json:"where"`
	To         string    `json:"to"`
	Left       bool      `json:"left"`             // left in writing; else said orally
	Answer     string    `json:"answer,omitempty"` // what was answered, word for word
	AnsweredBy string    `json:"answered_by,omitempty"`
}

// Report makes the form of a telegram that answers one received here: it goes to the office that sent it, and says what is done for it.
func (p *Post) Report(ctx context.Context, x *Report) (*desk.Form, error) {
	if x.Act == telegram.GrantsTime {
		return nil, errors.New("time is granted by the post that gave the order, not by the one that received it")
	}
	f, r, err := p.filed(ctx, archive.In, x.Year, x.Number)
	if err != nil {
		return nil, err
	}
	order := r.Telegram
	form := &desk.Form{}
	t := &form.Telegram
	t.References = []telegram.Reference{{Act: x.Act, Post: f.Post, Year: r.Numbers.Year, Serial: f.Serial}}
	t.To = []telegram.Addressee{{Address: order.From, Precedence: f.Precedence}}
	for _, a := range order.To {
		if a.Post == p.config.Name {
			t.From.Office = a.Office
			break
		}
	}
	if t.From.Office == "" {
		return nil, fmt.Errorf("incoming %s was sent to this post for information only: there is nothing to %s", telegram.NumberText(x.Number), strings.TrimSuffix(x.Act.String(), "s"))
	}
	t.Label, t.Type, t.Signature = order.Label, order.Type, t.From.Office
	t.Label.Review = 0
	if x.Act == telegram.AsksTime {
		if err := p.later(x.Until); err != nil {
			return nil, err
		}
		t.Deadline = x.Until
	}
	if t.Body, err = bodyOf(x.Text); err != nil {
		return nil, err
	}
	if x.Act == telegram.Conveys {
		if err := x.Conveyance.tell(t, order.From.Office); err != nil {
			return nil, err
		}
	}
	if len(t.Body) == 0 {
		return nil, errors.New("the report has no text: say what was done")
	}
	return form, nil
}

// later refuses a time that is past.
func (p *Post) later(until int64) error {
	if until == 0 {
		return errors.New("say until when more time is wanted")
	}
	if now := p.config.Now().Unix(); until <= now {
		return fmt.Errorf("%s is past: it is %s now", telegram.DTG(until), telegram.DTG(now))
	}
	return nil
}

// bodyOf reads the words of a report as a form has them.
func bodyOf(text string) ([]telegram.Block, error) {
	f, err := desk.ParseForm(strings.NewReader("To: X@X\n\n" + text))
	if err != nil {
		return nil, err
	}
	return f.Telegram.Body, nil
}

// tell writes before the report when, where, to whom and how, and after it the answer, as a telegram conveyed to the office that ordered.
func (c *Conveyance) tell(t *telegram.Telegram, ordered string) error {
	oneLine := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	if c == nil || c.When.IsZero() || oneLine(c.Where) == "" || oneLine(c.To) == "" {
		return errors.New("say when, where and to whom it was conveyed")
	}
	how := "orally"
	if c.Left {
		how = "left in writing"
	}
	said := fmt.Sprintf("Conveyed on %s UTC, %s, to %s, %s.", c.When.UTC().Format("2 January 2006 at 15:04"), oneLine(c.Where), oneLine(c.To), how)
	t.Body = append([]telegram.Block{{Kind: telegram.Paragraph, Text: said}}, t.Body...)
	answer, err := bodyOf(c.Answer)
	if err != nil {
		return fmt.Errorf("the answer: %w", err)
	}
	if len(answer) == 0 {
		return nil
	}
	by := oneLine(c.AnsweredBy)
	if by == "" {
		by = oneLine(c.To)
	}
	t.Body = append(append(append(t.Body, telegram.Block{Kind: telegram.Convey, Text: ordered}), answer...), telegram.Block{Kind: telegram.End, Text: by})
	return nil
}

// Grant is more time for an order of this post, for one of the posts that are to act.
type Grant struct {
	Year   int    `json:"year"` // of the number; 0 is this year
	Number uint32 `json:"number"`
	Post   string `json:"post"` // may be left out when only one is to act
	Until  int64  `json:"until"`
	Text   string `json:"text,omitempty"`
}

// Grant makes the form of a telegram that grants more time.
func (p *Post) Grant(ctx context.Context, x *Grant) (*desk.Form, error) {
	f, r, err := p.filed(ctx, archive.Out, x.Year, x.Number)
	if err != nil {
		return nil, err
	}
	order := r.Telegram
	posts := actionPosts(order)
	to := x.Post
	switch {
	case to == "" && len(posts) == 1:
		to = posts[0]
	case to == "":
		return nil, fmt.Errorf("several posts are to act on it: say which has more time, one of %s", strings.Join(posts, ", "))
	case !slices.Contains(posts, to):
		return nil, fmt.Errorf("%s is not to act on register number %s: that is for %s", to, telegram.NumberText(x.Number), strings.Join(posts, ", "))
	}
	if err := p.later(x.Until); err != nil {
		return nil, err
	}
	if err := p.wantsTime(ctx, f.ID, to, x.Until); err != nil {
		return nil, err
	}
	form := &desk.Form{}
	t := &form.Telegram
	for _, a := range order.To {
		if a.Post == to {
			t.To = append(t.To, a)
		}
	}
	t.From.Office, t.Label, t.Type, t.Signature, t.Deadline = order.From.Office, order.Label, order.Type, order.From.Office, x.Until
	t.Label.Review = 0
	t.References = []telegram.Reference{{Act: telegram.GrantsTime, Post: p.config.Name, Year: r.Numbers.Year, Serial: r.Numbers.SerialFor(to)}}
	text := x.Text
	if text == "" {
		text = "More time is granted, until " + telegram.DTG(x.Until) + "."
	}
	t.Body, err = bodyOf(text)
	return form, err
}

// wantsTime refuses time for what has ended, and time that would be less than there is.
func (p *Post) wantsTime(ctx context.Context, of int64, post string, until int64) error {
	return p.db.Read(ctx, func(tx *store.Tx) error {
		ds, err := desk.Duties(tx, of)
		if err != nil {
			return err
		}
		for _, d := range ds {
			switch {
			case d.Post != post || d.Act != desk.Fulfilment:
			case d.Ended != "":
				return fmt.Errorf("%s has ended it already: %s", post, d.Ended)
			case d.Due >= until:
				return fmt.Errorf("%s has until %s already", post, telegram.DTG(d.Due))
			}
		}
		return nil
	})
}
