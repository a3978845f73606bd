package post

// The table of cover names. A message within a telegram is signed by its principal under a cover name; who he is stands in this post's
// table, sealed to those who need to know. The post itself cannot read it: the command that adds a name seals it, and sends only what is
// sealed. The table never travels.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"chancery.example/chancery/desk"
	"chancery.example/chancery/register"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// Cover is a cover name as the post knows it.
type Cover struct {
	Name   string            `json:"name"` // in capitals, as it signs
	From   time.Time         `json:"from"`
	Until  *time.Time        `json:"until,omitempty"` // the first moment at which it may no longer be used
	Sealed map[string][]byte `json:"sealed"`          // holder → whose it is, sealed to him: see seal.Copy
	Entry  int64             `json:"entry"`           // the register's, that it was given
}

// coverNote is what the register says of a cover name.
type coverNote struct {
	Act    string            `json:"act"` // "given" or "ended"
	Name   string            `json:"name"`
	From   int64             `json:"from,omitempty"` // seconds
	Until  int64             `json:"until,omitempty"`
	Sealed map[string][]byte `json:"sealed,omitempty"`
}

const (
	coverGiven = "given"
	coverEnded = "ended"
)

// CoverCopy is what a holder's piece of the table is sealed as: a copy of its own kind, bound to the name.
func CoverCopy(post, name string) *seal.Copy {
	return &seal.Copy{Post: post, Root: telegram.CoverRoot(name), Number: 1, Of: 1}
}

// coverName is a name as it stands in the table.
func coverName(name string) (string, error) {
	name = strings.ToUpper(strings.Join(strings.Fields(name), " "))
	if err := checkHolder(name); err != nil {
		return "", errors.New("a cover name is one line of text")
	}
	return name, nil
}

// HolderKeys gives the public copy keys of holders, to seal to them.
func (p *Post) HolderKeys(ctx context.Context, names []string) (keys map[string][]byte, err error) {
	keys = map[string][]byte{}
	err = p.db.Read(ctx, func(tx *store.Tx) error {
		all, err := p.holders(tx)
		if err != nil {
			return err
		}
		for _, name := range names {
			i := slices.IndexFunc(all, func(h holder) bool { return h.Name == name })
			if i < 0 {
				return fmt.Errorf("there is no holder %s: add him with  chancery holder add", name)
			}
			keys[name] = all[i].Key
		}
		return nil
	})
	return keys, err
}

// GiveCover enters a cover name, with whose it is sealed to each who needs to know.
func (p *Post) GiveCover(ctx context.Context, c *Cover) (entry int64, err error) {
	name, err := coverName(c.Name)
	if err != nil {
		return 0, err
	}
	n := coverNote{Act: coverGiven, Name: name, From: c.From.Unix(), Sealed: c.Sealed}
	if c.Until != nil {
		if n.Until = c.Until.Unix(); n.Until <= n.From {
			return 0, errors.New("a cover name ends after it begins")
		}
	}
	if len(c.Sealed) == 0 {
		return 0, errors.New("nobody would know whose the cover name is: say for whom, with --for")
	}
	for holder, sealed := range c.Sealed {
		x, err := seal.ParseCopy(sealed)
		if err != nil || x.Post != p.config.Name || x.Root != telegram.CoverRoot(name) {
			return 0, fmt.Errorf("what is sealed to %s is not of the cover name %s", holder, name)
		}
	}
	return p.noteCover(ctx, &n, func(before *Cover) error {
		if before != nil && before.ends(p.config.Now()) == "" {
			return fmt.Errorf("the cover name %s is given already: end it first", name)
		}
		return nil
	})
}

// EndCover ends a cover name. What was signed with it stays.
func (p *Post) EndCover(ctx context.Context, name string) (entry int64, err error) {
	if name, err = coverName(name); err != nil {
		return 0, err
	}
	return p.noteCover(ctx, &coverNote{Act: coverEnded, Name: name, Until: p.config.Now().Unix()}, func(before *Cover) error {
		if before == nil || before.ends(p.config.Now()) != "" {
			return fmt.Errorf("there is no cover name %s in use", name)
		}
		return nil
	})
}

func (p *Post) noteCover(ctx context.Context, n *coverNote, may func(before *Cover) error) (entry int64, err error) {
	said, err := json.Marshal(n)
	if err != nil {
		return 0, err
	}
	err = p.db.Write(ctx, func(tx *store.Tx) error {
		row, err := desk.NextCover(tx) // first: its row keeps two from not seeing each other
		if err != nil {
			return err
		}
		all, err := p.covers(tx)
		if err != nil {
			return err
		}
		if err := may(all[n.Name]); err != nil {
			return err
		}
		return p.entering(tx, func(b *register.Book) (err error) {
			if entry, err = b.Note(telegram.EntryCover, said, p.config.Now().Unix(), p.keys.Rest.Seal); err != nil {
				return err
			}
			return desk.AddCover(tx, &desk.Cover{N: row, Body: p.keys.Rest.Seal(desk.CoverPlace(row), said), Entry: entry})
		})
	})
	return entry, err
}

// covers reads the table: name → as it stands.
func (p *Post) covers(tx *store.Tx) (map[string]*Cover, error) {
	rows, err := desk.Covers(tx)
	if err != nil {
		return nil, err
	}
	all := map[string]*Cover{}
	for _, r := range rows {
		n, err := p.openCover(&r)
		if err != nil {
			return nil, err
		}
		switch c := all[n.Name]; {
		case n.Act == coverGiven:
			all[n.Name] = &Cover{Name: n.Name, From: time.Unix(n.From, 0).UTC(), Until: when(n.Until), Sealed: n.Sealed, Entry: r.Entry}
		case c != nil:
			c.Until = when(n.Until)
		}
	}
	return all, nil
}

func (p *Post) openCover(r *desk.Cover) (*coverNote, error) {
	said, err := p.keys.Rest.Open(desk.CoverPlace(r.N), r.Body)
	n := &coverNote{}
	if err == nil {
		err = json.Unmarshal(said, n)
	}
	if err != nil {
		return nil, fmt.Errorf("row %d of the cover names: %w", r.N, err)
	}
	return n, nil
}

// ends says why a cover name cannot be used at a time, "" if it can.
func (c *Cover) ends(at time.Time) string {
	switch {
	case at.Before(c.From):
		return "is given from " + c.From.Format(time.DateOnly) + " on"
	case c.Until != nil && !at.Before(*c.Until):
		return "ended on " + c.Until.Format(time.DateOnly)
	}
	return ""
}

// Covers lists the table, by name.
func (p *Post) Covers(ctx context.Context) (list []Cover, err error) {
	err = p.db.Read(ctx, func(tx *store.Tx) error {
		all, err := p.covers(tx)
		list = []Cover{}
		for _, name := range slices.Sorted(maps.Keys(all)) {
			list = append(list, *all[name])
		}
		return err
	})
	return list, err
}

// checkCovers holds the signatures of messages within a telegram against the table: one that has ended is refused. It gives those that the table does not
// have, where it has any at all: they may be true names that were to be covered.
func (p *Post) checkCovers(ctx context.Context, body []telegram.Block) (unknown []string, err error) {
	var all map[string]*Cover
	if err := p.db.Read(ctx, func(tx *store.Tx) (err error) {
		all, err = p.covers(tx)
		return err
	}); err != nil || len(all) == 0 {
		return nil, err
	}
	for _, b := range body {
		name, err := coverName(b.Text)
		if b.Kind != telegram.End || b.Text == "" || err != nil {
			continue
		}
		c := all[name]
		if c == nil {
			unknown = append(unknown, b.Text)
			continue
		}
		if why := c.ends(p.config.Now()); why != "" {
			return nil, fmt.Errorf("the cover name %s %s: a message within the telegram cannot be signed so", name, why)
		}
	}
	return unknown, nil
}

// UnknownCovers gives the names that sign messages within a draft and that the table, where there is one, does not have.
func (p *Post) UnknownCovers(ctx context.Context, form *desk.Form) ([]string, error) {
	return p.checkCovers(ctx, form.Telegram.Body)
}

// readCoverNote holds what the register says of a cover name against the table.
func (p *Post) readCoverNote(tx *store.Tx, entry int64, said []byte) error {
	rows, err := desk.Covers(tx)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if r.Entry != entry {
			continue
		}
		kept, err := p.keys.Rest.Open(desk.CoverPlace(r.N), r.Body)
		if err != nil || string(kept) != string(said) {
			return errors.Join(errors.New("the table of cover names was changed"), err)
		}
		return nil
	}
	return errors.New("the table of cover names has not what the register says of it")
}
