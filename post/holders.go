package post

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/desk"
	"chancery.example/chancery/register"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// HolderListed is somebody of this post who may hold numbered copies.
type HolderListed struct {
	Name  string `json:"name"`
	Entry int64  `json:"entry"` // the register's
}

// holderKept is a holder as kept, sealed.
type holderKept struct {
	Name string `json:"name"`
	Key  []byte `json:"key"` // X-Wing, public
}

// holder is a holder as worked with.
type holder struct {
	holderKept
	id, entry int64
}

// keyHash names a holder's key in notes.
func (h *holder) keyHash() string { return hash(h.Key) }

func hash(b []byte) string {
	d := sha256.Sum256(b)
	return hex.EncodeToString(d[:])
}

// AddHolder makes somebody known as a holder of numbered copies, with the public half of a copy key. No other post learns of it.
func (p *Post) AddHolder(ctx context.Context, name string, key []byte) (*HolderListed, error) {
	if err := checkHolder(name); err != nil {
		return nil, err
	}
	if _, err := seal.NewRecipient(key); err != nil {
		return nil, err
	}
	h := &holder{holderKept: holderKept{name, key}}
	err := p.db.Write(ctx, func(tx *store.Tx) (err error) {
		// The number is taken first: its row keeps two who add the same name from not seeing each other.
		if h.id, err = desk.NextHolder(tx); err != nil {
			return err
		}
		all, err := p.holders(tx)
		if err != nil {
			return err
		}
		for _, x := range all {
			if x.Name == name {
				return fmt.Errorf("there is a holder %s already", name)
			}
			if string(x.Key) == string(key) {
				return fmt.Errorf("%s has this key already: each holder has a key of his own", x.Name)
			}
		}
		return p.entering(tx, func(b *register.Book) (err error) {
			n := copyNote{Act: actHolder, Holder: h.id, Name: name, Key: h.keyHash(), At: p.config.Now().UnixMilli()}
			if h.entry, err = p.noteCopy(b, &n); err != nil {
				return err
			}
			return desk.AddHolder(tx, &desk.Holder{ID: h.id, Body: p.sealJSON(desk.HolderPlace(h.id), &h.holderKept), Entry: h.entry})
		})
	})
	if err != nil {
		return nil, fmt.Errorf("adding a holder: %w", err)
	}
	return &HolderListed{name, h.entry}, nil
}

// checkHolder refuses a name that could not stand on a sheet as one name.
func checkHolder(name string) error {
	switch {
	case name == "" || strings.TrimSpace(name) != name:
		return errors.New("a holder has a name, without blanks before or behind it")
	case len(name) > seal.MaxHolder:
		return fmt.Errorf("a holder's name has at most %d bytes", seal.MaxHolder)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return errors.New("a holder's name is one line of text")
	}
	return nil
}

// Holders lists all who may hold numbered copies.
func (p *Post) Holders(ctx context.Context) (list []HolderListed, err error) {
	err = p.db.Read(ctx, func(tx *store.Tx) error {
		all, err := p.holders(tx)
		list = []HolderListed{}
		for _, h := range all {
			list = append(list, HolderListed{h.Name, h.entry})
		}
		return err
	})
	return list, err
}

func (p *Post) holders(tx *store.Tx) ([]holder, error) {
	all, err := desk.Holders(tx)
	if err != nil {
		return nil, err
	}
	var out []holder
	for _, d := range all {
		b, err := p.keys.Rest.Open(desk.HolderPlace(d.ID), d.Body)
		if err != nil {
			return nil, err
		}
		h := holder{id: d.ID, entry: d.Entry}
		if err := json.Unmarshal(b, &h.holderKept); err != nil {
			return nil, fmt.Errorf("holder %d: %w", d.ID, err)
		}
		out = append(out, h)
	}
	return out, nil
}

// holderNamed finds a holder.
func holderNamed(all []holder, name string) (*holder, error) {
	for i := range all {
		if all[i].Name == name {
			return &all[i], nil
		}
	}
	return nil, fmt.Errorf("this post has no holder %s: add him with  chancery holder add %q", name, name)
}

func holderNumbered(all []holder, id int64) (*holder, error) {
	for i := range all {
		if all[i].id == id {
			return &all[i], nil
		}
	}
	return nil, fmt.Errorf("holder %d is gone", id)
}

// actHolder is the act of a note that a holder was added. The other acts are the states that a copy comes to.
const actHolder = "holder"

// copyNote is what an entry of kind copy says.
type copyNote struct {
	Act     string `json:"act"`
	Holder  int64  `json:"holder"` // who has the copy after the act, or had it last
	Name    string `json:"name"`
	Key     string `json:"key"`              // SHA-256 of the holder's public key
	Of      int64  `json:"of,omitempty"`     // the filed telegram
	Root    string `json:"root,omitempty"`   // its R
	Copy    int    `json:"copy,omitempty"`   // the copy's number
	Total   int    `json:"total,omitempty"`  // of how many
	Sealed  string `json:"sealed,omitempty"` // SHA-256 of the sealed copy, while it is held
	Witness string `json:"witness,omitempty"`
	At      int64  `json:"at"` // milliseconds
}

func (p *Post) noteCopy(b *register.Book, n *copyNote) (entry int64, err error) {
	said, err := json.Marshal(n)
	if err != nil {
		return 0, err
	}
	return b.Note(telegram.EntryCopy, said, n.At/1000, p.keys.Rest.Seal)
}

// readCopyNote holds what the register says of a holder or a copy against the tables.
func (p *Post) readCopyNote(tx *store.Tx, entry int64, said []byte) error {
	var n copyNote
	if err := json.Unmarshal(said, &n); err != nil {
		return err
	}
	all, err := p.holders(tx)
	if err != nil {
		return fmt.Errorf("the holders: %w", err)
	}
	h, err := holderNumbered(all, n.Holder)
	if err != nil {
		return err
	}
	if h.Name != n.Name || h.keyHash() != n.Key || n.Act == actHolder && h.entry != entry {
		return fmt.Errorf("holder %d is not as the register has him", n.Holder)
	}
	if n.Act == actHolder {
		return nil
	}
	if f, err := archive.Get(tx, n.Of); err != nil || f.Root.String() != n.Root {
		return errors.Join(fmt.Errorf("copy %d was %s of a telegram that is not filed so", n.Copy, n.Act), err)
	}
	cs, err := desk.Copies(tx, n.Of)
	if err != nil {
		return err
	}
	if len(cs) != n.Total {
		return fmt.Errorf("%d copies were made, and the list has %d", n.Total, len(cs))
	}
	for i := range cs {
		if c := &cs[i]; c.Number == n.Copy {
			return p.compareCopy(tx, c, entry, &n)
		}
	}
	return fmt.Errorf("the list has no copy %d, and the register says that it was %s", n.Copy, n.Act)
}

// compareCopy holds one copy against one note of it: against the last, all that the list says, and against an earlier one that a later is there.
func (p *Post) compareCopy(tx *store.Tx, c *desk.Copy, entry int64, n *copyNote) error {
	sealed := ""
	if len(c.Sealed) > 0 {
		sealed = hash(c.Sealed)
	}
	switch {
	case c.Entry > entry:
		return p.lastNote(tx, c)
	case c.Entry < entry, string(c.State) != n.Act, c.Holder != n.Holder, c.Changed.UnixMilli() != n.At, sealed != n.Sealed:
		return fmt.Errorf("the list does not have copy %d as it was %s", n.Copy, n.Act)
	}
	return nil
}

// lastNote says whether the entry that a copy names as its last is a note of it.
func (p *Post) lastNote(tx *store.Tx, c *desk.Copy) error {
	var said []byte
	err := tx.QueryRow("select said from entry where idx = $1 and kind = $2", c.Entry, int64(telegram.EntryCopy)).Scan(&said)
	if err == nil {
		said, err = p.keys.Rest.Open(register.Place(c.Entry), said)
	}
	var n copyNote
	if err != nil || len(said) < 32 || json.Unmarshal(said[32:], &n) != nil || n.Of != c.Of || n.Copy != c.Number || n.Act == actHolder {
		return fmt.Errorf("the list has copy %d by entry %d, and the register has nothing of it there", c.Number, c.Entry)
	}
	return nil
}

// compareCopies looks whether all copies in the list of a filed telegram are in the register.
func (p *Post) compareCopies(tx *store.Tx, of int64) error {
	cs, err := desk.Copies(tx, of)
	if err != nil {
		return err
	}
	for i := range cs {
		if err := p.lastNote(tx, &cs[i]); err != nil {
			return err
		}
	}
	return nil
}
