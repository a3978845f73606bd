package post

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/desk"
	"chancery.example/chancery/register"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/store"
)

// Each post makes its own numbered copies of what it sent or received. Its list of holders, and what became of each copy, is for this
// post alone: nothing of this file reaches a circuit.

// CopyID names a numbered copy by the post's own number of the telegram; year 0 is this year.
type CopyID struct {
	Way    archive.Way `json:"way"`
	Year   int         `json:"year"`
	Number uint32      `json:"number"`
	Copy   int         `json:"copy"`
}

// CopyListed is one numbered copy in the list.
type CopyListed struct {
	Copy   int            `json:"copy"`
	Holder string         `json:"holder"` // who has it, or had it last
	State  desk.CopyState `json:"state"`
	Since  time.Time      `json:"since"`
	Entry  int64          `json:"entry"` // the receipt of its last act, in this post's register
}

// CopyList is what became of the numbered copies of a telegram.
type CopyList struct {
	Way    archive.Way  `json:"way"`
	Year   int          `json:"year"`
	Number uint32       `json:"number"`
	Copies []CopyListed `json:"copies"`
	desk.Tally
}

// CopyReceipt says what was done with a copy; the register's entry is its proof.
type CopyReceipt struct {
	CopyListed
	Of      int    `json:"of"` // copies were made
	Witness string `json:"witness,omitempty"`
	Sealed  []byte `json:"sealed,omitempty"` // the copy, for its holder, when it is handed out
}

// MakeCopies makes the numbered copies of a telegram, 1 for the first name and so on, each the sheet sealed to its holder. No names
// means those of the draft's Copy headings. It is done once for a telegram, so that each copy says how many there are.
func (p *Post) MakeCopies(ctx context.Context, way archive.Way, year int, number uint32, names []string, markings map[string]string) (*CopyList, error) {
	f, _, err := p.filed(ctx, way, year, number)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		names = p.localOf(f).Copies
	}
	if len(names) == 0 || len(names) > desk.MaxCopies {
		return nil, fmt.Errorf("the copies are for from 1 to %d holders: name each with --for", desk.MaxCopies)
	}
	s, err := p.show(ctx, way, f.Year, number, names, markings)
	if err != nil {
		return nil, err
	}
	if !s.Verified {
		return nil, fmt.Errorf("no copies are made of a telegram of which a proof does not hold: %s", strings.Join(s.Findings, "; "))
	}
	var all []holder
	if err := p.db.Read(ctx, func(tx *store.Tx) error { all, err = p.holders(tx); return err }); err != nil {
		return nil, err
	}
	cs, err := p.sealCopies(f.ID, s, names, all)
	if err != nil {
		return nil, err
	}
	err = p.db.Write(ctx, func(tx *store.Tx) error {
		return p.entering(tx, func(b *register.Book) error { // one at a time from here on
			made, err := desk.Copies(tx, f.ID)
			if err != nil {
				return err
			}
			if len(made) > 0 {
				return fmt.Errorf("%d numbered copies were made of it already", len(made))
			}
			for i := range cs {
				c := &cs[i]
				h, err := holderNumbered(all, c.Holder)
				if err == nil {
					c.Entry, err = p.noteCopy(b, p.noteOf(f, c, h, len(cs)))
				}
				if err != nil {
					return err
				}
			}
			return desk.AddCopies(tx, cs)
		})
	})
	if err != nil {
		return nil, fmt.Errorf("making numbered copies: %w", err)
	}
	return p.copyList(f, cs, all)
}

// sealCopies seals a sheet once for each name.
func (p *Post) sealCopies(of int64, s *Shown, names []string, all []holder) (cs []desk.Copy, err error) {
	now := p.config.Now().Truncate(time.Millisecond)
	for i, name := range names {
		h, err := holderNamed(all, name)
		if err != nil {
			return nil, err
		}
		to, err := seal.NewRecipient(h.Key)
		if err != nil {
			return nil, err
		}
		c := seal.Copy{Post: p.config.Name, Root: s.Root, Number: uint16(i + 1), Of: uint16(len(names))}
		sealed, err := c.Seal(s.Sheet, name, to)
		if err != nil {
			return nil, err
		}
		cs = append(cs, desk.Copy{Of: of, Number: i + 1, Holder: h.id, State: desk.Made, Sealed: sealed, Changed: now})
	}
	return cs, nil
}

// noteOf is what the register says of a copy's last act.
func (p *Post) noteOf(f *archive.Filed, c *desk.Copy, h *holder, total int) *copyNote {
	n := &copyNote{Act: string(c.State), Holder: h.id, Name: h.Name, Key: h.keyHash(), Of: f.ID, Root: f.Root.String(), Copy: c.Number, Total: total,
		At: c.Changed.UnixMilli()}
	if len(c.Sealed) > 0 {
		n.Sealed = hash(c.Sealed)
	}
	return n
}

// Copies lists the numbered copies of a telegram.
func (p *Post) Copies(ctx context.Context, way archive.Way, year int, number uint32) (*CopyList, error) {
	f, _, err := p.filed(ctx, way, year, number)
	if err != nil {
		return nil, err
	}
	var cs []desk.Copy
	var all []holder
	err = p.db.Read(ctx, func(tx *store.Tx) error {
		if cs, err = desk.Copies(tx, f.ID); err == nil && len(cs) > 0 {
			all, err = p.holders(tx)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return p.copyList(f, cs, all)
}

func (p *Post) copyList(f *archive.Filed, cs []desk.Copy, all []holder) (*CopyList, error) {
	l := &CopyList{Way: f.Way, Year: f.Year, Number: f.Number, Copies: []CopyListed{}, Tally: desk.CountCopies(cs)}
	for i := range cs {
		h, err := holderNumbered(all, cs[i].Holder)
		if err != nil {
			return nil, err
		}
		l.Copies = append(l.Copies, listed(&cs[i], h))
	}
	return l, nil
}

func listed(c *desk.Copy, h *holder) CopyListed {
	return CopyListed{Copy: c.Number, Holder: h.Name, State: c.State, Since: c.Changed.UTC(), Entry: c.Entry}
}

// copyNames are those who hold the copies of a telegram, or held them last, in the order of the numbers; none before they are made.
func (p *Post) copyNames(tx *store.Tx, of int64) (names []string, err error) {
	cs, err := desk.Copies(tx, of)
	if err != nil || len(cs) == 0 {
		return nil, err
	}
	all, err := p.holders(tx)
	if err != nil {
		return nil, err
	}
	for _, c := range cs {
		h, err := holderNumbered(all, c.Holder)
		if err != nil {
			return nil, err
		}
		names = append(names, h.Name)
	}
	return names, nil
}

// GiveCopy hands a copy out: the receipt has the sealed copy. What was given may be given again, when its file was lost: it opens for its
// holder only.
func (p *Post) GiveCopy(ctx context.Context, id CopyID) (*CopyReceipt, error) {
	r, c, err := p.moveCopy(ctx, id, desk.Given, "", nil)
	if err == nil {
		r.Sealed = c.Sealed
	}
	return r, err
}

// ReturnCopy notes that the holder gave a copy back. The post's own bytes of it are erased.
func (p *Post) ReturnCopy(ctx context.Context, id CopyID) (*CopyReceipt, error) {
	r, _, err := p.moveCopy(ctx, id, desk.Returned, "", func(_ []holder, c *desk.Copy) error {
		c.Sealed = []byte{}
		return nil
	})
	return r, err
}

// DestroyCopy notes that a copy was destroyed before a witness. The post's own bytes of it are erased.
func (p *Post) DestroyCopy(ctx context.Context, id CopyID, witness string) (*CopyReceipt, error) {
	if err := checkHolder(witness); err != nil {
		return nil, errors.New("a copy is destroyed before a witness: name one, in one line")
	}
	r, _, err := p.moveCopy(ctx, id, desk.Destroyed, witness, func(all []holder, c *desk.Copy) error {
		if h, err := holderNumbered(all, c.Holder); err != nil || h.Name == witness {
			return errors.Join(errors.New("who holds the copy cannot be the witness of its end"), err)
		}
		c.Sealed = []byte{}
		return nil
	})
	return r, err
}

// CopyToTransfer is what the present holder needs in order to pass a copy on: the copy, his name, and the next holder's key.
type CopyToTransfer struct {
	Sealed []byte `json:"sealed"`
	Holder string `json:"holder"`
	To     string `json:"to"`
	Key    []byte `json:"key"`
	Entry  int64  `json:"entry"` // of the copy's last act
}

// ForTransfer gives a copy as its holder is to seal it to the next.
func (p *Post) ForTransfer(ctx context.Context, id CopyID, to string) (t *CopyToTransfer, err error) {
	f, _, err := p.filed(ctx, id.Way, id.Year, id.Number)
	if err != nil {
		return nil, err
	}
	err = p.db.Read(ctx, func(tx *store.Tx) error {
		c, _, all, err := p.copyFor(tx, f, id.Copy, desk.Transferred)
		if err != nil {
			return err
		}
		from, err := holderNumbered(all, c.Holder)
		if err != nil {
			return err
		}
		next, err := holderNamed(all, to)
		if err == nil && next.id == from.id {
			err = fmt.Errorf("%s has it already", to)
		}
		if err != nil {
			return fmt.Errorf("copy %d: %w", c.Number, err)
		}
		t = &CopyToTransfer{c.Sealed, from.Name, to, next.Key, c.Entry}
		return nil
	})
	return t, err
}

// TransferCopy takes a copy that its holder has sealed to the next, from what ForTransfer gave: t.Sealed is the new one. That the text is the
// same only the next holder can see, by the digest, which must be the old one's.
func (p *Post) TransferCopy(ctx context.Context, id CopyID, t *CopyToTransfer) (*CopyReceipt, error) {
	r, c, err := p.moveCopy(ctx, id, desk.Transferred, "", func(all []holder, c *desk.Copy) error {
		if c.Entry != t.Entry {
			return fmt.Errorf("somebody else was first: %w", desk.ErrState)
		}
		next, err := holderNamed(all, t.To)
		if err != nil {
			return err
		}
		if next.id == c.Holder {
			return fmt.Errorf("%s has it already", t.To)
		}
		was, err := seal.ParseCopy(c.Sealed)
		if err != nil {
			return err
		}
		is, err := seal.ParseCopy(t.Sealed)
		if err != nil || *is != *was || len(t.Sealed) != len(c.Sealed) || string(t.Sealed) == string(c.Sealed) {
			return errors.Join(errors.New("what was sealed to the next holder is not this copy"), err)
		}
		c.Holder, c.Sealed = next.id, t.Sealed
		return nil
	})
	if err == nil {
		r.Sealed = c.Sealed
	}
	return r, err
}

// copyFor finds a copy and looks whether it can come to a state.
func (p *Post) copyFor(tx *store.Tx, f *archive.Filed, number int, next desk.CopyState) (c *desk.Copy, total int, all []holder, err error) {
	cs, err := desk.Copies(tx, f.ID)
	if err != nil {
		return nil, 0, nil, err
	}
	switch {
	case len(cs) == 0:
		return nil, 0, nil, errors.New("no numbered copies were made of it yet: make them with  chancery copies make")
	case number < 1 || number > len(cs):
		return nil, 0, nil, fmt.Errorf("there is no copy %d: there are %d", number, len(cs))
	}
	c = &cs[number-1]
	if err := c.State.May(next); err != nil {
		return nil, 0, nil, fmt.Errorf("copy %d: %w", number, err)
	}
	all, err = p.holders(tx)
	return c, len(cs), all, err
}

// moveCopy does one act with a copy: the row and the register's note of it in one transaction. change is what the act alters beside
// the state.
func (p *Post) moveCopy(ctx context.Context, id CopyID, next desk.CopyState, witness string, change func(all []holder, c *desk.Copy) error) (r *CopyReceipt, c *desk.Copy, err error) {
	f, _, err := p.filed(ctx, id.Way, id.Year, id.Number)
	if err != nil {
		return nil, nil, err
	}
	err = p.db.Write(ctx, func(tx *store.Tx) error {
		return p.entering(tx, func(b *register.Book) error { // one at a time from here on
			var total int
			var all []holder
			if c, total, all, err = p.copyFor(tx, f, id.Copy, next); err != nil {
				return err
			}
			was := c.Entry
			if change != nil {
				if err := change(all, c); err != nil {
					return fmt.Errorf("copy %d: %w", c.Number, err)
				}
			}
			h, err := holderNumbered(all, c.Holder)
			if err != nil {
				return err
			}
			c.State, c.Changed = next, p.config.Now().Truncate(time.Millisecond)
			n := p.noteOf(f, c, h, total)
			n.Witness = witness
			if c.Entry, err = p.noteCopy(b, n); err != nil {
				return err
			}
			r = &CopyReceipt{CopyListed: listed(c, h), Of: total, Witness: witness}
			return desk.MoveCopy(tx, was, c)
		})
	})
	if err != nil {
		return nil, nil, err
	}
	return r, c, nil
}
