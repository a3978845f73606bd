package post

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"chancery.example/chancery/desk"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// Leaving is what stays open at a post when somebody leaves it, or hands over an office.
type Leaving struct {
	Person uint32             `json:"person,omitempty"` // 0: nobody in particular
	Holds  []telegram.Address `json:"holds"`            // offices he has
	Stands []telegram.Address `json:"stands_in"`        // offices at which he is a deputy
	Keys   int                `json:"keys"`             // that he has had
	Drafts []int64            `json:"drafts"`           // that he handed over, cleared or returned and that are not registered; with no person, all
	Copies []CopiesOut        `json:"copies"`           // numbered copies that somebody has
	Orders []Order            `json:"orders"`           // open orders that are asked of this post
}

// CopiesOut is how many numbered copies a holder has.
type CopiesOut struct {
	Holder string `json:"holder"`
	Copies int    `json:"copies"`
}

// Leaving makes the leaver's report of a person of this post, or with 0 what is open at the post.
func (p *Post) Leaving(ctx context.Context, person uint32) (*Leaving, error) {
	v, err := p.current()
	if err != nil {
		return nil, err
	}
	l := &Leaving{Person: person, Holds: []telegram.Address{}, Stands: []telegram.Address{}, Drafts: []int64{}, Copies: []CopiesOut{}, Orders: []Order{}}
	if who, ok := v.dir.Person(person); person != 0 && (!ok || who.Post != p.config.Name) {
		return nil, fmt.Errorf("the directory has no person %d at %s", person, p.config.Name)
	}
	l.Keys = len(v.dir.Keys(person))
	for _, a := range v.dir.Offices(p.config.Name) {
		h := v.dir.Holder(a)
		if person != 0 && h.Person == person {
			l.Holds = append(l.Holds, a)
		}
		if slices.Contains(h.Deputies, person) {
			l.Stands = append(l.Stands, a)
		}
	}
	err = p.db.Read(ctx, func(tx *store.Tx) error {
		if l.Drafts, err = desk.Unfinished(tx, person); err != nil {
			return err
		}
		held, err := desk.CopiesHeld(tx)
		if err != nil {
			return err
		}
		all, err := p.holders(tx)
		for _, h := range all {
			if n := held[h.id]; n > 0 {
				l.Copies = append(l.Copies, CopiesOut{h.Name, n})
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	orders, err := p.Orders(ctx, OrdersWanted{Received: true, Limit: 1000})
	l.Orders = append(l.Orders, orders...)
	return l, err
}

// Words are the report for people.
func (l *Leaving) Words() string {
	var b strings.Builder
	if l.Person != 0 {
		fmt.Fprintf(&b, "What person %d leaves:\n", l.Person)
		fmt.Fprintf(&b, "  offices held: %s\n  offices he stands in for: %s\n  keys: %d; after the end none of them signs\n", addresses(l.Holds), addresses(l.Stands), l.Keys)
	} else {
		b.WriteString("What is open at this post:\n")
	}
	fmt.Fprintf(&b, "  drafts not registered: %s\n", strings.Trim(fmt.Sprint(l.Drafts), "[]"))
	for _, c := range l.Copies {
		fmt.Fprintf(&b, "  numbered copies with %s: %d (look whether they are to be returned: chancery copies)\n", c.Holder, c.Copies)
	}
	for _, o := range l.Orders {
		due := "no deadline"
		if o.Due != nil {
			due = "due " + telegram.DTG(o.Due.Unix())
		}
		fmt.Fprintf(&b, "  order No. %s of %s, %s, %s\n", telegram.NumberText(o.Number), o.From, o.Asked, due)
	}
	return b.String()
}

func addresses(as []telegram.Address) string {
	var names []string
	for _, a := range as {
		names = append(names, a.String())
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
