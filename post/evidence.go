package post

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/register"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// What proves that a post gave one number to two telegrams, or two numbers to one. The telegram that is refused is kept as its sender signed it; the one
// that was taken is filed, and stands in its sender's register.

// Equivocation is that proof.
type Equivocation struct {
	Post   string    `json:"post"`   // that did it
	Serial uint32    `json:"serial"` // under which came what was refused
	At     time.Time `json:"at"`
	// What was refused: a section or a service message, as it was signed with its letter.
	Payload []byte     `json:"payload"`
	Letter  seal.Proof `json:"letter"`
	Holds   bool       `json:"signature_holds"` // by the key that the directory has of the post
	// What was taken before.
	First *First `json:"taken_before,omitempty"`
}

// First is a telegram that was taken, and contradicts another.
type First struct {
	Number     uint32        `json:"incoming_number"`
	Year       int           `json:"year"`
	Serial     uint32        `json:"serial"`
	Root       telegram.Root `json:"root"`
	Registered []byte        `json:"registered"`       // as it came, with both people's signatures
	Entry      []byte        `json:"entry"`            // its entry in the sender's register, made anew
	Proof      string        `json:"senders_register"` // whether that has it
	Index      *int64        `json:"index,omitempty"`  // and where,
	Checkpoint string        `json:"checkpoint,omitempty"`
}

// maxEvidence is how many proofs against one post are kept. Whoever gave a hundred numbers twice needs no more.
const maxEvidence = 100

// refusedLetter is what is kept of a letter that was refused.
type refusedLetter struct {
	Payload []byte
	Letter  seal.Proof
}

func evidencePlace(post string, serial uint32) string {
	return fmt.Sprintf("evidence against %s at serial %d", post, serial)
}

// keepEvidence keeps a section that contradicts a filed telegram; the first about a serial, and of one whose letter proves nothing to others none.
func (p *Post) keepEvidence(tx *store.Tx, a *arrived, first int64, now time.Time) error {
	if a.proof == nil {
		return nil
	}
	var kept int64
	if err := tx.QueryRow("select count(*) from evidence where post = $1", a.from).Scan(&kept); err != nil || kept >= maxEvidence {
		return err
	}
	serial := a.section.Serial
	body := p.sealJSON(evidencePlace(a.from, serial), refusedLetter{a.section.Marshal(), *a.proof})
	return tx.Insert("evidence (post, serial, at, first, body)", 5, []any{a.from, int64(serial), now.UnixMilli(), first, body}, "on conflict (post, serial) do nothing")
}

// ErrNoEvidence is in the error when nothing is kept.
var ErrNoEvidence = errors.New("there is no proof against it")

// Evidence gives the proof that a post gave a number twice.
func (p *Post) Evidence(ctx context.Context, post string, serial uint32) (e *Equivocation, err error) {
	v, err := p.current()
	if err != nil {
		return nil, err
	}
	err = p.db.Read(ctx, func(tx *store.Tx) error {
		var at int64
		var body []byte
		var first sql.NullInt64
		err := tx.QueryRow("select at, first, body from evidence where post = $1 and serial = $2", post, int64(serial)).Scan(&at, &first, &body)
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("serial %s of %s: %w", telegram.NumberText(serial), post, ErrNoEvidence)
		}
		if err != nil {
			return fmt.Errorf("reading the evidence: %w", err)
		}
		var kept refusedLetter
		if err := p.openSealed(evidencePlace(post, serial), body, &kept); err != nil {
			return err
		}
		e = &Equivocation{Post: post, Serial: serial, At: time.UnixMilli(at).UTC(), Payload: kept.Payload, Letter: kept.Letter}
		if key := v.identity(post); key != nil {
			e.Holds = kept.Letter.Check(kept.Payload, key) == nil
		}
		if first.Valid {
			e.First, err = p.firstOf(tx, first.Int64)
		}
		return err
	})
	return e, err
}

// firstOf gives the telegram that was taken before, and how far it stands in its sender's register.
func (p *Post) firstOf(tx *store.Tx, id int64) (*First, error) {
	f, err := archive.Get(tx, id)
	if err != nil {
		return nil, err
	}
	raw, err := p.keys.Rest.Open(archive.Place(f.ID), f.Body)
	if err != nil {
		return nil, err
	}
	r, err := telegram.ParseRegistered(raw)
	if err != nil {
		return nil, err
	}
	x := &First{Number: f.Number, Year: f.Year, Serial: f.Serial, Root: f.Root, Registered: raw, Entry: r.OutEntry(f.Root, &r.Numbers), Proof: proofOpen}
	var at sql.NullInt64
	if err := tx.QueryRow("select state, idx from proof where of = $1", id).Scan(&x.Proof, &at); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, err
	}
	if at.Valid {
		x.Index = &at.Int64
		followed, err := register.FollowedOf(tx, f.Post)
		if err != nil {
			return nil, err
		}
		if followed != nil {
			x.Checkpoint = followed.Note
		}
	}
	return x, nil
}

// Equivocators lists of which posts, and under which serials, there is such a proof.
func (p *Post) Equivocators(ctx context.Context) (out []Equivocation, err error) {
	err = p.db.Read(ctx, func(tx *store.Tx) error {
		out = []Equivocation{}
		rows, err := tx.Query("select post, serial, at from evidence order by at, post, serial limit 1000")
		if err != nil {
			return fmt.Errorf("reading the evidence: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			var e Equivocation
			var at int64
			if err := rows.Scan(&e.Post, &e.Serial, &at); err != nil {
				return err
			}
			e.At = time.UnixMilli(at).UTC()
			out = append(out, e)
		}
		return rows.Err()
	})
	return out, err
}
