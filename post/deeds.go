package post

// What a telegram says of an order that it cites: a report of the post that is to act, or more time from the post that ordered; onone.go has what it
// does to one other telegram. Only an action addressee's post may report, and only the ordering post may grant. Both sides enter it in the transaction that registers the
// telegram, out or in, so that they hold the same history of the order.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/circuit"
	"chancery.example/chancery/desk"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// citeRoots gives the references the R of what they cite, where this post has it, and refuses what this post may not say of it.
func (p *Post) citeRoots(t *telegram.Telegram) error {
	refs := slices.Clone(t.References)
	for i := range refs {
		if refs[i].Act.OnOne() {
			continue // citeOne looks at them together
		}
		err := p.db.Read(context.Background(), func(tx *store.Tx) error { return p.cite(tx, t, &refs[i]) })
		if err != nil {
			return fmt.Errorf("it cites %s %s/%d: %w", refs[i].Post, telegram.NumberText(refs[i].Serial), refs[i].Year, err)
		}
	}
	t.References = refs
	return p.citeOne(t)
}

func (p *Post) cite(tx *store.Tx, t *telegram.Telegram, ref *telegram.Reference) error {
	if (ref.Act == telegram.AsksTime || ref.Act == telegram.GrantsTime) && t.Deadline == 0 {
		return errors.New("say until when, with a line such as  Deadline: 2026-12-01T12:00Z")
	}
	if ref.Act == telegram.GrantsTime {
		return p.citeOwn(tx, t, ref)
	}
	f, err := archive.BySerial(tx, ref.Post, ref.Serial)
	if errors.Is(err, archive.ErrNone) && ref.Act == telegram.Refers {
		return nil
	}
	if err != nil {
		return err
	}
	if ref.Root = f.Root; ref.Act == telegram.Refers {
		return nil
	}
	if _, addressed := t.PrecedenceFor(ref.Post); !addressed {
		return fmt.Errorf("a report goes to the post that gave the order: address it to %s as well", ref.Post)
	}
	action, err := p.actsOn(f, p.config.Name)
	if err == nil && !action {
		err = errors.New("it was sent to this post for information only: there is nothing to report")
	}
	if err == nil && (ref.Act == telegram.Acknowledges || ref.Act == telegram.AsksTime) {
		var by string
		if by, err = cancelled(tx, f.ID, p.config.Name); err == nil && by != "" {
			err = fmt.Errorf("it was cancelled (%s): there is nothing more to do", by)
		}
	}
	return err
}

// citeOwn finds the order of this post for which a telegram grants time.
func (p *Post) citeOwn(tx *store.Tx, t *telegram.Telegram, ref *telegram.Reference) error {
	if ref.Post != p.config.Name {
		return errors.New("only the post that gave an order grants more time for it")
	}
	posts := actionPosts(t)
	if len(posts) != 1 {
		return errors.New("more time is granted to one post at a time: address it to that post only, others can have it for information")
	}
	d, err := circuit.DeliveryOf(tx, posts[0], ref.Serial)
	if err != nil {
		return err
	}
	if d == nil {
		return fmt.Errorf("nothing was sent to %s under that number", posts[0])
	}
	ref.Root = d.Root
	f, err := archive.Get(tx, d.Of)
	if err != nil {
		return err
	}
	action, err := p.actsOn(f, posts[0])
	if err == nil && !action {
		err = fmt.Errorf("it was sent to %s for information only: there is nothing to grant time for", posts[0])
	}
	return err
}

// actionPosts are the posts that are to act, each once.
func actionPosts(t *telegram.Telegram) (posts []string) {
	for _, a := range t.To {
		if !slices.Contains(posts, a.Post) {
			posts = append(posts, a.Post)
		}
	}
	return posts
}

// actsOn says whether a filed telegram is for a post to act on.
func (p *Post) actsOn(f *archive.Filed, post string) (bool, error) {
	r, err := p.openFiled(f)
	if err != nil {
		return false, fmt.Errorf("what is filed of the order is damaged (run chancery register verify): %w", err)
	}
	return slices.Contains(actionPosts(r.Telegram), post), nil
}

// deedOf begins a deed with what the telegram that says it knows.
func deedOf(id int64, act telegram.Act, t *telegram.Telegram, n *telegram.Numbers, to string) desk.Deed {
	d := desk.Deed{Act: act, By: id, Serial: n.SerialFor(to), At: n.Registered}
	if act == telegram.AsksTime || act == telegram.GrantsTime {
		d.Until = t.Deadline
	}
	return d
}

// closeOwnDuties notes what this post does by sending a telegram: it reports on the orders it cites, or grants time for its own.
func (p *Post) closeOwnDuties(tx *store.Tx, id int64, t *telegram.Telegram, n *telegram.Numbers, now time.Time) error {
	for _, ref := range t.References {
		if ref.Act == telegram.Refers || ref.Act.OnOne() || (ref.Act == telegram.GrantsTime) != (ref.Post == p.config.Name) {
			continue
		}
		d := deedOf(id, ref.Act, t, n, ref.Post)
		var root telegram.Root
		if ref.Act == telegram.GrantsTime {
			posts := actionPosts(t)
			if len(posts) == 0 {
				continue
			}
			to := posts[0] // it has one, or could not have been handed over
			order, err := circuit.DeliveryOf(tx, to, ref.Serial)
			if err != nil {
				return err
			}
			if order == nil {
				continue
			}
			d.Of, d.Post, d.Serial, root = order.Of, to, n.SerialFor(to), order.Root
		} else {
			order, err := archive.BySerial(tx, ref.Post, ref.Serial)
			if errors.Is(err, archive.ErrNone) {
				continue
			}
			if err != nil {
				return err
			}
			d.Of, d.Post, root = order.ID, p.config.Name, order.Root
		}
		if ref.Root != root || d.Serial == 0 {
			continue
		}
		if err := desk.Enter(tx, &d, now); err != nil {
			return err
		}
	}
	return p.didToOne(tx, id, t, n, now)
}

// closeOthersDuties notes what another post has done for orders of this post, or granted for its own, which its telegram cites.
func (p *Post) closeOthersDuties(tx *store.Tx, id int64, from string, w *whole, now time.Time) error {
	for _, ref := range w.Telegram.References {
		d := deedOf(id, ref.Act, w.Telegram, &w.Numbers, p.config.Name)
		var why string
		var err error
		switch {
		case ref.Act == telegram.Refers, ref.Act.OnOne():
		case ref.Act == telegram.GrantsTime:
			if slices.Contains(actionPosts(w.Telegram), p.config.Name) { // else we are to know of it only
				why, err = p.takeGrant(tx, &d, from, &ref, now)
			}
		case ref.Post == p.config.Name:
			why, err = p.takeReport(tx, &d, from, &ref, now)
		}
		if err == nil && why != "" {
			err = p.alarm(tx, from, why)
		}
		if err != nil {
			return err
		}
	}
	why, err := p.doneToOne(tx, id, from, w, now)
	if err == nil && why != "" {
		err = p.alarm(tx, from, why)
	}
	return err
}

// takeReport enters what another post says of an order of this post, or says why it must not be believed.
func (p *Post) takeReport(tx *store.Tx, d *desk.Deed, from string, ref *telegram.Reference, now time.Time) (why string, err error) {
	order, err := circuit.DeliveryOf(tx, from, ref.Serial)
	if err != nil {
		return "", err
	}
	if order == nil || order.Root != ref.Root {
		return fmt.Sprintf("a report cites our %s/%d, which is not what was sent under that number", telegram.NumberText(ref.Serial), ref.Year), nil
	}
	f, err := archive.Get(tx, order.Of)
	if err != nil {
		return "", err
	}
	if action, err := p.actsOn(f, from); err != nil || !action {
		return noAction(fmt.Sprintf("a report cites our %s/%d", telegram.NumberText(ref.Serial), ref.Year), err), nil
	}
	d.Of, d.Post = order.Of, from
	return "", desk.Enter(tx, d, now)
}

func noAction(what string, err error) string {
	if err != nil {
		return what + ": " + err.Error()
	}
	return what + ", which was sent for information only"
}

// takeGrant enters more time for an order of another post, or says why it must not be believed. A grant may overtake its order.
func (p *Post) takeGrant(tx *store.Tx, d *desk.Deed, from string, ref *telegram.Reference, now time.Time) (why string, err error) {
	switch {
	case ref.Post != from:
		return fmt.Sprintf("it grants more time for %s %s/%d, which is not its order", ref.Post, telegram.NumberText(ref.Serial), ref.Year), nil
	case d.Until == 0:
		return fmt.Sprintf("it grants more time for its %s/%d, and does not say until when", telegram.NumberText(ref.Serial), ref.Year), nil
	}
	f, err := archive.BySerial(tx, from, ref.Serial)
	switch {
	case errors.Is(err, archive.ErrNone) && ref.Serial < d.Serial && ref.Root != telegram.Root{}:
		return "", desk.Wait(tx, &desk.Early{Post: from, Serial: ref.Serial, Root: ref.Root, Deed: *d})
	case errors.Is(err, archive.ErrNone):
		return fmt.Sprintf("it grants more time for its %s/%d, which it had not sent before", telegram.NumberText(ref.Serial), ref.Year), nil
	case err != nil:
		return "", err
	}
	return p.grant(tx, d, f, ref.Root, now)
}

// grant enters more time for an order that is here.
func (p *Post) grant(tx *store.Tx, d *desk.Deed, f *archive.Filed, root telegram.Root, now time.Time) (why string, err error) {
	what := fmt.Sprintf("it grants more time for its serial %s", telegram.NumberText(f.Serial))
	if f.Root != root {
		return what + ", which is not what came under that number", nil
	}
	if action, err := p.actsOn(f, p.config.Name); err != nil || !action {
		return noAction(what, err), nil
	}
	d.Of, d.Post = f.ID, p.config.Name
	return "", desk.Enter(tx, d, now)
}
