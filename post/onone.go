package post

// What a telegram does to one other telegram that it cites: it cancels it, corrects it, repeats it, or passes it on. The first three are said by the
// post that sent it, to posts that it went to; it is passed on by an addressee. Both sides enter it, as they do reports.
//
// What is passed on goes along whole, with the signatures of its release. So its receiver proves everything about it but its numbers.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/circuit"
	"chancery.example/chancery/desk"
	"chancery.example/chancery/register"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// citeOne finds the telegram that a draft cancels, corrects, repeats or passes on, gives the references its R, and puts in what goes along. It refuses what
// this post may not do to it.
func (p *Post) citeOne(t *telegram.Telegram) error {
	on := t.On()
	if on == nil {
		return nil
	}
	t.References = slices.Clone(t.References)
	err := p.db.Read(context.Background(), func(tx *store.Tx) error {
		if on.Act == telegram.Readdresses {
			return p.citeReceived(tx, t)
		}
		return p.citeSent(tx, t)
	})
	if err != nil {
		return fmt.Errorf("it %v %s %s/%d: %w", on.Act, on.Post, telegram.NumberText(on.Serial), on.Year, err)
	}
	return nil
}

// citeSent finds a telegram of this post by the serials it had for the posts that are addressed now.
func (p *Post) citeSent(tx *store.Tx, t *telegram.Telegram) error {
	on := t.On()
	if on.Post != p.config.Name {
		return fmt.Errorf("only the post that sent a telegram %v it", on.Act)
	}
	of, err := p.sentAs(tx, t)
	if err != nil {
		return err
	}
	f, err := archive.Get(tx, of)
	if err != nil {
		return err
	}
	r, err := p.openFiled(f)
	if err != nil {
		return fmt.Errorf("what is filed of it is damaged (run chancery register verify): %w", err)
	}
	if on.Year != r.Numbers.Year {
		return fmt.Errorf("it took its serial in %d", r.Numbers.Year)
	}
	if err := mayDo(on.Act, t, r.Telegram); err != nil {
		return err
	}
	for _, to := range t.AddressedPosts() {
		by, err := cancelled(tx, of, to)
		if err == nil && by != "" {
			err = fmt.Errorf("%s was told that it is cancelled (%s)", to, by)
		}
		if err != nil {
			return err
		}
	}
	if on.Act == telegram.Repeats {
		if len(t.Body) > 0 {
			return errors.New("a repeat has the words of the telegram that it repeats, and no other: leave the text out")
		}
		if len(r.Telegram.Attachments) > 0 {
			return errors.New("it has attachments, and a repeat of it would have none: attach them to a telegram that corrects it")
		}
		t.Body = r.Telegram.Body
	}
	for i := range t.References {
		if t.References[i].Act.OnOne() {
			t.References[i].Root = f.Root
		}
	}
	return nil
}

// sentAs is the one telegram that went to all the posts addressed, to each under a serial that is cited, when no serial is left over.
func (p *Post) sentAs(tx *store.Tx, t *telegram.Telegram) (of int64, err error) {
	posts := t.AddressedPosts()
	fits, used := map[int64]int{}, map[int64]map[uint32]bool{}
	var serials []uint32
	for _, r := range t.References {
		if r.Act.OnOne() && !slices.Contains(serials, r.Serial) {
			serials = append(serials, r.Serial)
		}
	}
	for _, to := range posts {
		found := false
		for _, serial := range serials {
			d, err := circuit.DeliveryOf(tx, to, serial)
			if err != nil {
				return 0, err
			}
			if d == nil {
				continue
			}
			if used[d.Of] == nil {
				used[d.Of] = map[uint32]bool{}
			}
			found, used[d.Of][serial] = true, true
			fits[d.Of]++
		}
		if !found {
			return 0, fmt.Errorf("nothing was sent to %s under that number", to)
		}
	}
	for id, n := range fits {
		if n < len(posts) || len(used[id]) < len(serials) {
			continue
		}
		if of != 0 {
			return 0, errors.New("two telegrams had these serials: do it for one post at a time, with --post")
		}
		of = id
	}
	if of == 0 {
		return 0, errors.New("these serials are not those of one telegram to these posts: chancery show tells which serial it had for each")
	}
	return of, nil
}

// mayDo says whether a telegram may do that to another of the same post.
func mayDo(act telegram.Act, t, to *telegram.Telegram) error {
	switch act {
	case telegram.Cancels:
		for _, r := range to.References {
			if r.Act > telegram.Refers && r.Act <= telegram.Cancels {
				return fmt.Errorf("it %v %s %s itself, and what it did stands: say the contrary in a telegram of its own", r.Act, r.Post, telegram.NumberText(r.Serial))
			}
		}
	case telegram.Repeats:
		if t.Asks != 0 || t.Deadline != 0 || t.Deskby != 0 {
			return errors.New("a repeat asks for nothing: what is asked stands in the telegram that it repeats, and reports cite that one")
		}
		return keepsLabel(t, to)
	}
	return nil
}

// cancelled names the telegram that cancelled a filed one for a post, "" if none did.
func cancelled(tx *store.Tx, of int64, post string) (by string, err error) {
	deeds, err := desk.Deeds(tx, of)
	if err != nil {
		return "", err
	}
	for _, d := range deeds {
		if d.Act == telegram.Cancels && d.Post == post {
			return numberOf(tx, d.By)
		}
	}
	return "", nil
}

// citeReceived finds the telegram that an addressee passes on, and puts it into the draft.
func (p *Post) citeReceived(tx *store.Tx, t *telegram.Telegram) error {
	on := t.On()
	f, err := archive.BySerial(tx, on.Post, on.Serial)
	if err != nil {
		return err
	}
	r, err := p.openFiled(f)
	if err != nil {
		return fmt.Errorf("what is filed of it is damaged (run chancery register verify): %w", err)
	}
	if on.Year != r.Numbers.Year {
		return fmt.Errorf("it took its serial in %d", r.Numbers.Year)
	}
	by, err := cancelled(tx, f.ID, p.config.Name)
	if err == nil && by != "" {
		err = fmt.Errorf("it was cancelled (%s): tell what there is to tell in a telegram of its own", by)
	}
	if err != nil {
		return err
	}
	if len(r.Telegram.Attachments) > 0 {
		return errors.New("it has attachments, which cannot be passed on with it: read them out, and attach them to a telegram of your own")
	}
	t.On().Root = f.Root
	if err := passesOn(t, r.Telegram); err != nil {
		return err
	}
	if r.ReleasePQ == nil {
		return errors.New("the second of its releaser's signatures has not followed yet, and goes along with it: it does within a day. If that is too late, tell what it says in a telegram of your own")
	}
	t.PassOn(&r.Released)
	return nil
}

// didToOne enters what this post does to one telegram by sending another.
func (p *Post) didToOne(tx *store.Tx, id int64, t *telegram.Telegram, n *telegram.Numbers, now time.Time) error {
	on := t.On()
	if on == nil {
		return nil
	}
	if on.Act == telegram.Readdresses {
		f, err := archive.BySerial(tx, on.Post, on.Serial)
		if errors.Is(err, archive.ErrNone) || err == nil && f.Root != on.Root {
			return nil
		}
		if err != nil {
			return err
		}
		d := deedOf(id, on.Act, t, n, on.Post)
		d.Of, d.Post = f.ID, p.config.Name
		return desk.Enter(tx, &d, now)
	}
	for _, to := range t.AddressedPosts() {
		for _, r := range t.References {
			if !r.Act.OnOne() {
				continue
			}
			sent, err := circuit.DeliveryOf(tx, to, r.Serial)
			if err != nil {
				return err
			}
			if sent == nil || sent.Root != r.Root {
				continue
			}
			d := deedOf(id, r.Act, t, n, to)
			d.Of, d.Post = sent.Of, to
			if err := desk.Enter(tx, &d, now); err != nil {
				return err
			}
			break
		}
	}
	return nil
}

// doneToOne enters what another post did to one telegram, or says why it must not be believed.
func (p *Post) doneToOne(tx *store.Tx, id int64, from string, w *whole, now time.Time) (why string, err error) {
	on := w.Telegram.On()
	switch {
	case on == nil:
		return "", nil
	case on.Act == telegram.Readdresses:
		return p.passedOn(tx, id, from, w, now)
	case on.Post != from:
		return fmt.Sprintf("it %v %s %s/%d, which is not its telegram", on.Act, on.Post, telegram.NumberText(on.Serial), on.Year), nil
	}
	d := deedOf(id, on.Act, w.Telegram, &w.Numbers, p.config.Name)
	waits := false
	for _, r := range w.Telegram.References {
		if !r.Act.OnOne() {
			continue
		}
		f, err := archive.BySerial(tx, from, r.Serial)
		switch {
		case err == nil && f.Root == r.Root:
			return p.toOne(tx, &d, w.Telegram, f, now)
		case err == nil, r.Serial >= d.Serial: // it is the serial for another post
		case !errors.Is(err, archive.ErrNone):
			return "", err
		default:
			if err := desk.Wait(tx, &desk.Early{Post: from, Serial: r.Serial, Root: r.Root, Deed: d}); err != nil {
				return "", err
			}
			waits = true
			if on.Act == telegram.Cancels && len(w.Telegram.References) == 1 {
				if err := p.accountFor(tx, from, r.Serial, now); err != nil { // it is no gap: this is what became of it
					return "", err
				}
			}
		}
	}
	if waits {
		return "", nil
	}
	return fmt.Sprintf("it %v its %s/%d, which is not what came under that number", on.Act, telegram.NumberText(on.Serial), on.Year), nil
}

// toOne enters what was done to a telegram that is here.
func (p *Post) toOne(tx *store.Tx, d *desk.Deed, t *telegram.Telegram, f *archive.Filed, now time.Time) (why string, err error) {
	what := fmt.Sprintf("it %v its serial %s", d.Act, telegram.NumberText(f.Serial))
	if err := desk.Settle(tx, d.By, d.Act); err != nil {
		return "", err
	}
	r, err := p.openFiled(f)
	if err != nil {
		return what + ", and what is filed of that is damaged (run chancery register verify)", nil
	}
	if err := mayDo(d.Act, t, r.Telegram); err != nil {
		return what + ", and may not: " + err.Error(), nil
	}
	if d.Act == telegram.Repeats && !slices.Equal(t.Body, r.Telegram.Body) {
		return what + ", and its text is another", nil
	}
	d.Of, d.Post = f.ID, p.config.Name
	if err := desk.Enter(tx, d, now); err != nil || d.Act != telegram.Cancels {
		return "", err
	}
	deeds, err := desk.Deeds(tx, f.ID)
	for _, x := range deeds {
		if err == nil && x.Act == telegram.Readdresses && x.Post == p.config.Name {
			var by string
			by, err = numberOf(tx, x.By)
			why = fmt.Sprintf("%s, which this post has passed on (%s): cancel that too, with  chancery cancel", what, by)
		}
	}
	return why, err
}

// passedOn enters that an addressee has passed on a telegram of this post. That it is that telegram was proved.
func (p *Post) passedOn(tx *store.Tx, id int64, from string, w *whole, now time.Time) (why string, err error) {
	on := w.Telegram.On()
	if on.Post != p.config.Name {
		return "", nil
	}
	of, known, err := register.Known(tx, on.Root)
	if err != nil {
		return "", err
	}
	if !known {
		return fmt.Sprintf("it passes on our %s/%d, which two of our people released and this post never sent", telegram.NumberText(on.Serial), on.Year), nil
	}
	d := deedOf(id, on.Act, w.Telegram, &w.Numbers, p.config.Name)
	d.Of, d.Post = of, from
	return "", desk.Enter(tx, &d, now)
}

// waited enters what came before the telegram that it is said of.
func (p *Post) waited(tx *store.Tx, id int64, from string, serial uint32, now time.Time) error {
	early, err := desk.Waited(tx, from, serial)
	if err != nil || len(early) == 0 {
		return err
	}
	f, err := archive.Get(tx, id)
	if err != nil {
		return err
	}
	for _, e := range early {
		why, err := p.waitedOne(tx, &e, f, now)
		if err == nil && why != "" {
			err = p.alarm(tx, from, why)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *Post) waitedOne(tx *store.Tx, e *desk.Early, f *archive.Filed, now time.Time) (why string, err error) {
	if e.Deed.Act == telegram.GrantsTime {
		return p.grant(tx, &e.Deed, f, e.Root, now)
	}
	if e.Root != f.Root { // the serial was for another post, if it waits under a second one
		if waits, err := desk.Waits(tx, e.Deed.By, e.Deed.Act); err != nil || waits {
			return "", err
		}
		return fmt.Sprintf("it %v its serial %s, which is not what came under that number", e.Deed.Act, telegram.NumberText(f.Serial)), nil
	}
	by, err := archive.Get(tx, e.Deed.By)
	if err != nil {
		return "", err
	}
	r, err := p.openFiled(by)
	if err != nil {
		return fmt.Sprintf("what it %v serial %s with is damaged (run chancery register verify)", e.Deed.Act, telegram.NumberText(f.Serial)), nil
	}
	return p.toOne(tx, &e.Deed, r.Telegram, f, now)
}
