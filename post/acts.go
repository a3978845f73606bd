package post

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"chancery.example/chancery/desk"
	"chancery.example/chancery/directory"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// draftKept is a draft as it is kept, sealed.
type draftKept struct {
	Form     string `json:"form"`
	Telegram []byte `json:"telegram,omitempty"` // as written, once handed over
	telegram.Signatures
	Roots *roots `json:"roots,omitempty"` // of the telegram as it was checked on release: registering makes no hash again
}

// roots are D and R of a telegram.
type roots struct {
	Draft telegram.Root `json:"draft"`
	Root  telegram.Root `json:"release"`
}

// openedDraft is a draft as it is worked with.
type openedDraft struct {
	form     *desk.Form
	telegram *telegram.Telegram // nil while it is only drafted
	telegram.Signatures
	roots *roots // nil until it is released
}

func (p *Post) openDraft(d *desk.Draft) (*openedDraft, error) {
	b, err := p.keys.Rest.Open(desk.Place(d.ID), d.Body)
	if err != nil {
		return nil, err
	}
	var k draftKept
	if err := json.Unmarshal(b, &k); err != nil {
		return nil, fmt.Errorf("draft %d: %w", d.ID, err)
	}
	form, err := desk.ParseForm(strings.NewReader(k.Form))
	if err != nil {
		return nil, fmt.Errorf("draft %d: %w", d.ID, err)
	}
	o := &openedDraft{form: form, Signatures: k.Signatures, roots: k.Roots}
	if k.Telegram != nil {
		if o.telegram, err = telegram.Parse(k.Telegram); err != nil {
			return nil, fmt.Errorf("draft %d: %w", d.ID, err)
		}
	}
	return o, nil
}

func (p *Post) sealDraft(id int64, k *draftKept) []byte { return p.sealJSON(desk.Place(id), k) }

func (p *Post) sealJSON(place string, v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // only our own structs
	}
	return p.keys.Rest.Seal(place, b)
}

// openSealed opens what sealJSON sealed.
func (p *Post) openSealed(place string, sealed []byte, v any) error {
	b, err := p.keys.Rest.Open(place, sealed)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}

func (p *Post) openJSON(place string, sealed []byte, v any) {
	_ = p.openSealed(place, sealed, v) // what cannot be read is left empty: register verify names it
}

// Draft lays a draft on the desk and gives its number.
func (p *Post) Draft(ctx context.Context, form *desk.Form) (id int64, err error) {
	v, err := p.current()
	if err != nil {
		return 0, err
	}
	// What cannot be handed over later is refused now, while the drafter looks.
	t, err := p.compose(v, form, telegram.KeyRef{Person: 1, Key: 1}, [32]byte{1}, p.config.Now().Unix())
	if err != nil {
		return 0, err
	}
	if _, err := p.checkCovers(ctx, form.Telegram.Body); err != nil {
		return 0, err
	}
	err = p.db.Write(ctx, func(tx *store.Tx) (err error) {
		if id, err = desk.NextID(tx); err != nil {
			return err
		}
		if err := desk.Add(tx, &desk.Draft{ID: id, State: desk.Drafted, Precedence: form.Telegram.Precedence(),
			Body: p.sealDraft(id, &draftKept{Form: form.String()}), Changed: p.config.Now()}); err != nil {
			return err
		}
		if err := p.bindAttached(tx, id, form, t); err != nil {
			return err
		}
		return p.record(tx, id, desk.StepDrafted, telegram.KeyRef{}, &stepKept{Form: form.String()})
	})
	return id, err
}

// compose makes the telegram that a draft says, and looks whether it could be sent.
func (p *Post) compose(v *view, form *desk.Form, drafter telegram.KeyRef, seed [32]byte, dtg int64) (*telegram.Telegram, error) {
	t := form.Telegram
	t.Seed, t.DTG, t.Drafter = seed, dtg, drafter
	t.From.Post = p.config.Name
	if t.From.Office == "" {
		offices := v.dir.Offices(p.config.Name)
		if len(offices) == 0 {
			return nil, errors.New("the directory has no office at this post to send from")
		}
		t.From.Office = offices[0].Office
	}
	if err := p.citeRoots(&t); err != nil {
		return nil, err
	}
	if err := p.attachTo(&t, form); err != nil {
		return nil, err
	}
	if err := t.Check(); err != nil {
		return nil, err
	}
	return &t, v.knows(&t, p.config.Name)
}

// ToSign is a draft as the next person is to sign it.
type ToSign struct {
	ID       int64             `json:"id"`
	State    desk.State        `json:"state"`
	Telegram []byte            `json:"telegram"`        // as written: render it from these bytes, sign their roots
	Draft    []byte            `json:"draft,omitempty"` // the drafter's signature, once handed over
	Local    desk.Local        `json:"local"`
	Cleared  []telegram.KeyRef `json:"cleared,omitempty"`  // who has cleared it
	Minimize []string          `json:"minimize,omitempty"` // to be released: the orders that restrict traffic where it goes
}

// ForHandOver gives a draft as its drafter is to sign it, with a fresh seed and the time of origin.
func (p *Post) ForHandOver(ctx context.Context, id int64, drafter telegram.KeyRef) (*ToSign, error) {
	v, err := p.current()
	if err != nil {
		return nil, err
	}
	d, o, err := p.draft(ctx, id, desk.Drafted)
	if err != nil {
		return nil, err
	}
	var seed [32]byte
	rand.Read(seed[:])
	if _, err := p.checkCovers(ctx, o.form.Telegram.Body); err != nil {
		return nil, err
	}
	t, err := p.compose(v, o.form, drafter, seed, p.config.Now().Unix())
	if err != nil {
		return nil, err
	}
	if err := p.mayHandOver(v, t); err != nil {
		return nil, err
	}
	return &ToSign{ID: id, State: d.State, Telegram: t.Marshal(), Local: o.form.Local}, nil
}

func (p *Post) draft(ctx context.Context, id int64, state desk.State) (d *desk.Draft, o *openedDraft, err error) {
	err = p.db.Read(ctx, func(tx *store.Tx) error {
		d, err = desk.Get(tx, id)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	if d.State != state {
		return nil, nil, fmt.Errorf("draft %d is %s: %w", id, d.State, desk.ErrState)
	}
	o, err = p.openDraft(d)
	return d, o, err
}

// HandOver takes a draft that its drafter has signed. What was signed must be the draft, and the drafter one of this post's.
func (p *Post) HandOver(ctx context.Context, id int64, written, signature []byte) error {
	v, err := p.current()
	if err != nil {
		return err
	}
	d, o, err := p.draft(ctx, id, desk.Drafted)
	if err != nil {
		return err
	}
	t, err := telegram.Parse(written)
	if err != nil {
		return err
	}
	same, err := p.compose(v, o.form, t.Drafter, t.Seed, t.DTG)
	if err != nil {
		return err
	}
	if string(same.Marshal()) != string(written) {
		return fmt.Errorf("draft %d was changed since: what was signed is not what it says now", id)
	}
	if err := p.mayHandOver(v, t); err != nil {
		return fmt.Errorf("handing over: %w", err)
	}
	if err := p.proveAttached(ctx, id, t); err != nil {
		return err
	}
	if err := v.dir.May(directory.Drafter, t.Drafter, p.config.Name, time.Time{}); err != nil {
		return fmt.Errorf("handing over: %w", err)
	}
	key, err := v.person(t.Drafter)
	if err != nil {
		return err
	}
	root, _ := t.Roots()
	if err := seal.CheckDraft(root, signature, key); err != nil {
		return fmt.Errorf("handing over: %w", err)
	}
	read := d.Body
	d.State, d.Root, d.Changed = desk.HandedOver, root[:], p.config.Now()
	d.Body = p.sealDraft(id, &draftKept{Form: o.form.String(), Telegram: written, Signatures: telegram.Signatures{Draft: signature}})
	return p.db.Write(ctx, func(tx *store.Tx) error {
		if now, err := desk.Get(tx, id); err != nil {
			return err
		} else if now.State == desk.Drafted && string(now.Body) != string(read) {
			return fmt.Errorf("draft %d was edited at this moment: look at it again", id)
		}
		if err := desk.Move(tx, desk.Drafted, d); err != nil {
			return err
		}
		return p.record(tx, id, desk.StepHandedOver, t.Drafter, &stepKept{Root: &root, Signature: signature})
	})
}

// ForRelease gives a draft as it was handed over.
func (p *Post) ForRelease(ctx context.Context, id int64) (*ToSign, error) {
	d, o, err := p.draft(ctx, id, desk.HandedOver)
	if err != nil {
		return nil, err
	}
	v, err := p.current()
	if err != nil {
		return nil, err
	}
	x := &ToSign{ID: id, State: d.State, Telegram: o.telegram.Marshal(), Draft: o.Draft, Local: o.form.Local, Minimize: p.releaseWarnings(v, o.telegram)}
	err = p.db.Read(ctx, func(tx *store.Tx) (err error) {
		x.Cleared, err = p.clearances(tx, v, id, telegram.Root(d.Root))
		return err
	})
	return x, err
}

// Release takes a telegram that its releaser has signed: what was handed over, with the releaser's name and times and nothing else
// changed. From here on it is registered without another word.
func (p *Post) Release(ctx context.Context, id int64, written, ed, pq []byte) error {
	v, err := p.current()
	if err != nil {
		return err
	}
	d, o, err := p.draft(ctx, id, desk.HandedOver)
	if err != nil {
		return err
	}
	t, err := telegram.Parse(written)
	if err != nil {
		return err
	}
	if t.Released == 0 {
		return errors.New("releasing: it has no time of release")
	}
	draftRoot, root := t.Roots()
	if string(draftRoot[:]) != string(d.Root) {
		return errors.New("releasing: it is not what was handed over")
	}
	s := telegram.Signatures{Draft: o.Draft, Release: ed, ReleasePQ: pq}
	if err := v.checkRelease(t, &s, draftRoot, root); err != nil {
		return fmt.Errorf("releasing: %w", err)
	}
	if err := v.mayRelease(t, p.config.Name); err != nil {
		return fmt.Errorf("releasing: %w", err)
	}
	now := p.config.Now()
	if skew := time.Unix(t.Released, 0).Sub(now).Abs(); skew > clockSkew {
		return fmt.Errorf("releasing: your clock and this machine's are %s apart: set the one that is wrong", skew.Round(time.Second))
	}
	d.State, d.Root, d.Changed = desk.Released, root[:], now
	d.Body = p.sealDraft(id, &draftKept{Form: o.form.String(), Telegram: written, Signatures: s, Roots: &roots{draftRoot, root}})
	return p.db.Write(ctx, func(tx *store.Tx) error {
		before := *d
		before.Root = draftRoot[:]
		if err := p.cleared(tx, v, &before, o.form); err != nil {
			return fmt.Errorf("releasing: %w", err)
		}
		if err := p.record(tx, id, desk.StepReleased, t.Releaser, &stepKept{Root: &draftRoot, Signature: ed}); err != nil {
			return err
		}
		tx.Notify(topicReleased)
		return desk.Move(tx, desk.HandedOver, d)
	})
}

// clockSkew is how far a releaser's clock may be from the post's.
const clockSkew = 5 * time.Minute
