package post

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/desk"
	"chancery.example/chancery/directory"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// The letter key of the directory is for first letters, and for those after a post has lost its keys. A post makes its next one by itself, and burns each when
// its time is over.
const (
	periodEvery = 28 * 24 * time.Hour // after this the next one is made
	periodValid = 56 * 24 * time.Hour // others seal to it for so long, if they hear of no newer one
	periodGrace = 7 * 24 * time.Hour  // and what was sealed then is opened for so long
)

// renewPeriod makes the post's next letter key when it is time. Its secret lies in the store of what is burnt. A post of several processes keeps the
// keys of its key file, which all of them have.
func (p *Post) renewPeriod(ctx context.Context) error {
	if p.keys.Burnable == nil || p.db.Postgres() {
		return nil
	}
	v, err := p.current()
	if err != nil {
		return err
	}
	now := p.config.Now().UTC().Truncate(time.Second)
	for _, k := range v.dir.LetterKeys(p.config.Name) {
		if now.Sub(k.NotBefore) < periodEvery {
			return nil
		}
	}
	key, err := seal.NewLetterKey()
	if err != nil {
		return err
	}
	said := directory.LetterKey{Post: p.config.Name, XWing: key.Public(), NotBefore: now, NotAfter: now.Add(periodValid)}
	rand.Read(said.ID[:])
	ed, pq := p.keys.Identity.Sign(telegram.LabelPeriod, said.Body())
	said.Signature = directory.Signature{Ed25519: ed, MLDSA: pq}
	if _, err := v.dir.Enter(said); err != nil {
		return err
	}
	if err := p.keys.Burnable.addPeriod(&periodKey{said.ID, key, said.NotBefore, said.NotAfter}); err != nil {
		return err
	}
	if _, _, err := p.Enter(ctx, said); err != nil {
		return err
	}
	p.config.Log.Info("the next letter key is in the directory", "id", fmt.Sprintf("%x", said.ID), "until", said.NotAfter)
	return nil
}

// Horizon says what somebody could read who takes the post now, with its disk and its keys.
type Horizon struct {
	At    time.Time  `json:"at"`
	Wire  []Readable `json:"wire"`  // of what somebody recorded on the lines
	Desk  []Readable `json:"desk"`  // of what lies here and is still needed
	Shelf Readable   `json:"shelf"` // of what is filed
}

// Readable is something that could be read, and since when; a zero time says that there is none.
type Readable struct {
	What  string     `json:"what"`
	Since *time.Time `json:"since,omitempty"`
	Count int64      `json:"count,omitempty"`
	Why   string     `json:"why"`
}

// Horizon computes it from the keys and the database.
func (p *Post) Horizon(ctx context.Context) (*Horizon, error) {
	v, err := p.current()
	if err != nil {
		return nil, err
	}
	now := p.config.Now().UTC()
	h := &Horizon{At: now}
	var oldest time.Time
	for _, k := range v.dir.LetterKeys(p.config.Name) {
		held := slices.ContainsFunc(p.keys.Letters, func(x LetterKey) bool { return x.ID == k.ID })
		if held && (oldest.IsZero() || k.NotBefore.Before(oldest)) {
			oldest = k.NotBefore
		}
	}
	h.Wire = append(h.Wire, readable("letters sealed to the directory's letter keys, and frames of chains that these opened", oldest, "the key file keeps them: until they have run out, and are taken from the file"))
	if p.keys.Burnable != nil {
		chain, once, term := p.keys.Burnable.oldest()
		h.Wire = append(h.Wire,
			readable("the same, of letter keys that the post made by itself", term, fmt.Sprintf("each is burnt %d days after its time", int(periodGrace/(24*time.Hour)))),
			readable("frames that have not arrived yet", chain, "each key is burnt when its frame has come, the chain after four weeks"),
			readable("letters sealed to one-time keys", once, "each is burnt with the letter that it opened"))
	}
	err = p.db.Read(ctx, func(tx *store.Tx) error {
		for _, x := range []struct{ what, query, why string }{
			{"telegrams without a receipt", "select count(*), min(queued)/1000 from outbox where receipted is null", "they are kept until each post has signed for them"},
			{"orders that are not closed", "select count(distinct d.of), min(f.at) from duty d join filed f on f.id = d.of where d.asked = 1 and d.done is null and d.act = '" + string(desk.Fulfilment) + "'", "they are needed until the report"},
			{"numbered copies that are still out", "select count(*), min(changed)/1000 from copy where state in ('made', 'given', 'transferred')", "each is sealed to its holder, and returned or destroyed by him"},
			{"drafts", "select count(*), min(changed)/1000 from draft where state <> 'registered'", "they wait for somebody"},
		} {
			r, err := counted(tx, x.what, x.query, x.why)
			if err != nil {
				return err
			}
			h.Desk = append(h.Desk, r)
		}
		h.Shelf, err = counted(tx, "filed telegrams, "+string(archive.In)+" and "+string(archive.Out), "select count(*), min(at) from filed", "what is filed lies under the post's data key")
		return err
	})
	return h, err
}

func readable(what string, since time.Time, why string) Readable {
	r := Readable{What: what, Why: why}
	if !since.IsZero() {
		since = since.UTC()
		r.Since = &since
	}
	return r
}

// counted asks for how many, and the oldest in seconds.
func counted(tx *store.Tx, what, query, why string) (Readable, error) {
	var n int64
	var at *int64
	if err := tx.QueryRow(query).Scan(&n, &at); err != nil {
		return Readable{}, fmt.Errorf("computing the horizon: %w", err)
	}
	r := Readable{What: what, Count: n, Why: why}
	if at != nil && n > 0 {
		r.Since = when(*at)
	}
	return r, nil
}
