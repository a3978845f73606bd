package post

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"chancery.example/chancery/desk"
	"chancery.example/chancery/directory"
	"chancery.example/chancery/pieces"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// stepKept is what is kept of a step, sealed.
type stepKept struct {
	Form      string         `json:"form,omitempty"` // as it was then
	Remark    string         `json:"remark,omitempty"`
	Root      *telegram.Root `json:"root,omitempty"` // D that was signed
	Signature []byte         `json:"signature,omitempty"`
}

// record keeps a step of a draft, in the transaction that makes it.
func (p *Post) record(tx *store.Tx, id int64, what desk.What, by telegram.KeyRef, k *stepKept) error {
	n, err := desk.NextStep(tx, id)
	if err != nil {
		return err
	}
	return desk.Record(tx, &desk.Step{Draft: id, N: n, What: what, By: by, Body: p.sealJSON(desk.StepPlace(id, n), k), At: p.config.Now()})
}

// Edit gives a draft that nobody has signed another form. The one before is kept. Under the form that it has it is left as it is: whoever was not
// told whether an edit was kept may do it again.
func (p *Post) Edit(ctx context.Context, id int64, form *desk.Form) error {
	v, err := p.current()
	if err != nil {
		return err
	}
	if _, err := p.compose(v, form, telegram.KeyRef{Person: 1, Key: 1}, [32]byte{1}, p.config.Now().Unix()); err != nil {
		return err
	}
	if _, err := p.checkCovers(ctx, form.Telegram.Body); err != nil {
		return err
	}
	d := &desk.Draft{ID: id, Precedence: form.Telegram.Precedence(), Body: p.sealDraft(id, &draftKept{Form: form.String()}), Changed: p.config.Now()}
	if _, o, err := p.draft(ctx, id, desk.Drafted); err != nil {
		return err
	} else if o.form.String() == form.String() {
		return nil
	}
	return p.db.Write(ctx, func(tx *store.Tx) error {
		if err := desk.Rewrite(tx, d); err != nil {
			return err
		}
		if err := pieces.Bind(tx, id, attachedIDs(form), p.config.Now()); err != nil {
			return err
		}
		return p.record(tx, id, desk.StepEdited, telegram.KeyRef{}, &stepKept{Form: form.String()})
	})
}

// officerHere is the key of an officer of this post who signs an opinion: any role will do, the newest key only.
func (p *Post) officerHere(v *view, by telegram.KeyRef) (*seal.Verifier, error) {
	if err := v.dir.Stands(by, p.config.Name, time.Time{}); err != nil {
		return nil, fmt.Errorf("person %d is nobody of this post, or signs with a key that is not in use: %w", by.Person, err)
	}
	return v.person(by)
}

// Clear takes an officer's clearance of what was handed over, once however often it is given. The drafter cannot clear his own draft.
func (p *Post) Clear(ctx context.Context, id int64, by telegram.KeyRef, signature []byte) error {
	v, err := p.current()
	if err != nil {
		return err
	}
	d, o, err := p.draft(ctx, id, desk.HandedOver)
	if err != nil {
		return err
	}
	if o.telegram.Drafter.Person == by.Person {
		return errors.New("clearing: the drafter cannot clear the own draft")
	}
	key, err := p.officerHere(v, by)
	if err != nil {
		return fmt.Errorf("clearing: %w", err)
	}
	root := telegram.Root(d.Root)
	if err := seal.CheckClear(root, signature, key); err != nil {
		return fmt.Errorf("clearing: %w", err)
	}
	return p.db.Write(ctx, func(tx *store.Tx) error {
		if err := stillHandedOver(tx, id, root); err != nil {
			return err
		}
		if cleared, err := p.clearances(tx, v, id, root); err != nil || slices.Contains(cleared, by) {
			return err
		}
		return p.record(tx, id, desk.StepCleared, by, &stepKept{Root: &root, Signature: signature})
	})
}

// stillHandedOver says whether it is what was looked at that is handed over, and not something else since.
func stillHandedOver(tx *store.Tx, id int64, root telegram.Root) error {
	d, err := desk.Get(tx, id)
	if err == nil && (d.State != desk.HandedOver || string(d.Root) != string(root[:])) {
		err = fmt.Errorf("draft %d is %s, or was changed: %w", id, d.State, desk.ErrState)
	}
	return err
}

// Return sends back what was handed over, with a remark: it is a draft again, and what its drafter signed counts no more.
func (p *Post) Return(ctx context.Context, id int64, by telegram.KeyRef, remark string, signature []byte) error {
	v, err := p.current()
	if err != nil {
		return err
	}
	d, o, err := p.draft(ctx, id, desk.HandedOver)
	if err != nil {
		return err
	}
	if strings.TrimSpace(remark) == "" {
		return errors.New("returning: say why, in a remark")
	}
	if err := v.dir.May(directory.Releaser, by, p.config.Name, time.Time{}); err != nil {
		return fmt.Errorf("returning: %w", err)
	}
	key, err := v.person(by)
	if err != nil {
		return err
	}
	root := telegram.Root(d.Root)
	if err := seal.CheckReturn(root, remark, signature, key); err != nil {
		return fmt.Errorf("returning: %w", err)
	}
	d.Body, d.Changed = p.sealDraft(id, &draftKept{Form: o.form.String()}), p.config.Now()
	return p.db.Write(ctx, func(tx *store.Tx) error {
		if err := stillHandedOver(tx, id, root); err != nil {
			return err
		}
		if err := desk.Return(tx, d); err != nil {
			return err
		}
		return p.record(tx, id, desk.StepReturned, by, &stepKept{Remark: remark, Root: &root, Signature: signature})
	})
}

// Step is a step in the life of a draft.
type Step struct {
	N      int             `json:"n"`
	What   desk.What       `json:"what"`
	By     telegram.KeyRef `json:"by,omitzero"`
	At     time.Time       `json:"at"`
	Remark string          `json:"remark,omitempty"`
	Form   string          `json:"form,omitempty"` // as it was from here on
	Root   *telegram.Root  `json:"draft_root,omitempty"`
}

// History gives a draft's steps, in order.
func (p *Post) History(ctx context.Context, id int64) (out []Step, err error) {
	err = p.db.Read(ctx, func(tx *store.Tx) error {
		if _, err := desk.Get(tx, id); err != nil {
			return err
		}
		steps, err := desk.Steps(tx, id)
		if err != nil {
			return err
		}
		out = []Step{}
		for _, s := range steps {
			k, err := p.openStep(&s)
			if err != nil {
				return err
			}
			out = append(out, Step{s.N, s.What, s.By, s.At.UTC(), k.Remark, k.Form, k.Root})
		}
		return nil
	})
	return out, err
}

func (p *Post) openStep(s *desk.Step) (k stepKept, err error) {
	b, err := p.keys.Rest.Open(desk.StepPlace(s.Draft, s.N), s.Body)
	if err == nil {
		err = json.Unmarshal(b, &k)
	}
	return k, err
}

// clearances gives who cleared what is handed over now, every signature checked again.
func (p *Post) clearances(tx *store.Tx, v *view, id int64, root telegram.Root) (by []telegram.KeyRef, err error) {
	steps, err := desk.Steps(tx, id)
	if err != nil {
		return nil, err
	}
	for _, s := range steps {
		if s.What != desk.StepCleared {
			continue
		}
		k, err := p.openStep(&s)
		if err != nil {
			return nil, err
		}
		key, err := v.person(s.By)
		if err == nil && seal.CheckClear(root, k.Signature, key) == nil && !slices.Contains(by, s.By) {
			by = append(by, s.By)
		}
	}
	return by, nil
}

// cleared says whether everyone who had to has cleared what is handed over.
func (p *Post) cleared(tx *store.Tx, v *view, d *desk.Draft, form *desk.Form) error {
	by, err := p.clearances(tx, v, d.ID, telegram.Root(d.Root))
	if err != nil {
		return err
	}
	var lacking []string
	for _, person := range form.Local.Clearances {
		if !slices.ContainsFunc(by, func(k telegram.KeyRef) bool { return k.Person == person }) {
			lacking = append(lacking, fmt.Sprint(person))
		}
	}
	if len(lacking) > 0 {
		return fmt.Errorf("it still lacks the clearance of person %s", strings.Join(lacking, ", "))
	}
	return nil
}
