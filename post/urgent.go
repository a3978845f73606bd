package post

// Precedence that acts: how long a telegram may be at which precedence, what goes while traffic is restricted, and who has used flash and override.
// That flash and override need a role where the directory reserves them stands in judge.go, for the receiver judges it too.

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/desk"
	"chancery.example/chancery/directory"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// defaultLimits are how many characters of text a telegram may have at a precedence, where the post's settings do not say otherwise. What is urgent is short:
// 4,000 characters, some 600 words, fit into one section whatever the script, so a Flash never waits for its own second one.
func defaultLimits() map[telegram.Precedence]int {
	return map[telegram.Precedence]int{telegram.Immediate: 40_000, telegram.Flash: 4_000, telegram.Override: 4_000}
}

// Limits are how many characters of text a telegram may have at each precedence for which there is a limit.
func (p *Post) Limits() map[telegram.Precedence]int {
	limits := defaultLimits()
	for at, n := range p.config.Limits {
		if limits[at] = n; n == 0 {
			delete(limits, at)
		}
	}
	return limits
}

// characters counts the characters of a text, with those of the messages within it.
func characters(body []telegram.Block) (n int) {
	for _, b := range body {
		switch b.Kind {
		case telegram.Blank:
		case telegram.Insertion:
			n += utf8.RuneCountInString(b.Text[1:])
		default:
			n += utf8.RuneCountInString(b.Text)
		}
	}
	return n
}

// mayHandOver says whether a telegram may be handed over at the precedence that it has, while traffic is as it is.
func (p *Post) mayHandOver(v *view, t *telegram.Telegram) error {
	at := t.Precedence()
	if limit, n := p.Limits()[at], characters(t.Body); limit > 0 && n > limit {
		return fmt.Errorf("its text has %d characters, and at %v this post sends at most %d: shorten it, send the rest by itself at a lower precedence, or grade it down", n, at, limit)
	}
	orders, held := p.minimizes(v, t)
	if !held {
		return nil
	}
	return fmt.Errorf("%s. What is below priority waits until then; if this must go all the same, mark it  Minimize: considered , for which its releaser answers", minimizeWords(&orders[0]))
}

// minimizes gives the orders to minimize that concern a telegram now, and says whether they hold it back. One concerns what goes from a post in its area,
// and what goes to one.
func (p *Post) minimizes(v *view, t *telegram.Telegram) (orders []directory.Minimize, held bool) {
	for _, m := range v.dir.Minimized(p.config.Now()) {
		concerned := false
		for _, a := range slices.Concat(t.To, t.Info) {
			if m.Has(p.config.Name) || m.Has(a.Post) {
				concerned = true
				held = held || a.Precedence < telegram.Priority && !t.Considered
			}
		}
		if concerned {
			orders = append(orders, m)
		}
	}
	return orders, held
}

func minimizeWords(m *directory.Minimize) string {
	area := "all posts"
	if len(m.Area) > 0 {
		area = strings.Join(m.Area, ", ")
	}
	return fmt.Sprintf("MINIMIZE is in force for %s until %s: %s", area, telegram.DTG(m.Until.Unix()), m.Why)
}

// Warnings are what its drafter should know of a draft, though it can be kept: traffic is restricted where it goes.
func (p *Post) Warnings(form *desk.Form) (out []string) {
	v, err := p.current()
	if err != nil {
		return nil
	}
	orders, held := p.minimizes(v, &form.Telegram)
	for _, m := range orders {
		w := minimizeWords(&m)
		if held {
			w += ". Below priority it is handed over only with a line  Minimize: considered"
		}
		out = append(out, w)
	}
	return out
}

// releaseWarnings are what its releaser should know of what was handed over.
func (p *Post) releaseWarnings(v *view, t *telegram.Telegram) (out []string) {
	orders, held := p.minimizes(v, t)
	for _, m := range orders {
		w := minimizeWords(&m)
		switch {
		case held:
			w += ". It was handed over before that: return it if it can wait"
		case t.Considered:
			w += ". It is marked as considered, and you answer for that"
		}
		out = append(out, w)
	}
	return out
}

// Consider marks a draft that nobody has signed: it is to go though traffic is restricted.
func (p *Post) Consider(ctx context.Context, id int64) error {
	_, o, err := p.draft(ctx, id, desk.Drafted)
	if err != nil || o.form.Telegram.Considered {
		return err
	}
	o.form.Telegram.Considered = true
	return p.Edit(ctx, id, o.form)
}

// Minimizing is an order to minimize that is in force.
type Minimizing struct {
	Area  []string  `json:"area"` // empty: all posts
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
	Why   string    `json:"why"`
	Words string    `json:"words"`
}

// Urgent is how precedence stands at this post.
type Urgent struct {
	Reserved *time.Time     `json:"reserved,omitempty"` // from when on flash and override need a role
	Minimize []Minimizing   `json:"minimize"`
	Limits   map[string]int `json:"limits"` // characters of text, by precedence
	Used     []Used         `json:"used"`
}

// Used is how often a releaser has used flash and override in a month, in what this post sent and received.
type Used struct {
	Month    string      `json:"month"` // 2026-11
	Way      archive.Way `json:"way"`
	Post     string      `json:"post"`
	Releaser uint32      `json:"releaser"` // 0 where what is filed is damaged
	Flash    int         `json:"flash"`
	Override int         `json:"override"`
}

// Minimizes gives the orders to minimize that are in force.
func (p *Post) Minimizes() ([]Minimizing, error) {
	v, err := p.current()
	out := []Minimizing{}
	if err != nil {
		if errors.Is(err, ErrNoDirectory) {
			err = nil
		}
		return out, err
	}
	for _, m := range v.dir.Minimized(p.config.Now()) {
		out = append(out, Minimizing{append([]string{}, m.Area...), m.From.UTC(), m.Until.UTC(), m.Why, minimizeWords(&m)})
	}
	return out, nil
}

// Urgent says how precedence stands, and who has used flash and override in the last so many months, this one included, the newest first. What is counted
// is the highest precedence of a telegram; of one that was received, that of this post's own addressees.
func (p *Post) Urgent(ctx context.Context, months int) (*Urgent, error) {
	v, err := p.current()
	if err != nil {
		return nil, err
	}
	u := &Urgent{Limits: map[string]int{}, Used: []Used{}}
	if from, ok := v.dir.Reserved(); ok {
		u.Reserved = &from
	}
	for at, n := range p.Limits() {
		u.Limits[at.String()] = n
	}
	if u.Minimize, err = p.Minimizes(); err != nil {
		return nil, err
	}
	now := p.config.Now().UTC()
	since := time.Date(now.Year(), now.Month()-time.Month(months-1), 1, 0, 0, 0, 0, time.UTC)
	found := map[Used]*Used{}
	err = p.db.Read(ctx, func(tx *store.Tx) error {
		clear(found)
		return archive.Urgent(tx, since.Unix(), func(f *archive.Filed) error {
			key := Used{Month: time.Unix(f.At, 0).UTC().Format("2006-01"), Way: f.Way, Post: f.Post}
			if r, err := p.openFiled(f); err == nil { // what is damaged register verify names; that it was urgent is known
				key.Releaser = r.Telegram.Releaser.Person
			}
			if found[key] == nil {
				x := key
				found[key] = &x
			}
			if f.Precedence >= telegram.Override {
				found[key].Override++
			} else {
				found[key].Flash++
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	for _, x := range found {
		u.Used = append(u.Used, *x)
	}
	slices.SortFunc(u.Used, func(a, b Used) int {
		return cmp.Or(-cmp.Compare(a.Month, b.Month), -cmp.Compare(a.Way, b.Way), cmp.Compare(a.Post, b.Post), cmp.Compare(a.Releaser, b.Releaser))
	})
	return u, nil
}
