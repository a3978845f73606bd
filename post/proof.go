package post

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/register"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
	"golang.org/x/mod/sumdb/tlog"
)

// Whether a telegram that was received stands in its sender's register, as the sender shows that: see witness.go. A telegram says when it was
// registered. It must stand among the entries that the sender's register had at some time not much later; one that comes to stand behind
// them was entered later than it says, by somebody who had a reason to.

// The states of a proof.
const (
	proofOpen    = "open"     // the sender has not shown that part of its register yet
	proofProven  = "proven"   // it stands where it says
	proofTooLate = "too late" // it was not there when it should have been
	proofMissing = "missing"  // it was not shown within the time for that
)

const (
	entrySlack = 10 * 60            // seconds between the times of a telegram and of its sender's word on the register
	provenIn   = 7 * 24 * time.Hour // within this the sender shows that a telegram is entered
)

// awaitProof notes that a telegram is to be found in its sender's register, and looks for it in what is known of that.
func (p *Post) awaitProof(tx *store.Tx, of int64, post string, entry tlog.Hash, registered int64, now time.Time) error {
	if err := tx.Insert("proof (of, post, entry, registered, came, state)", 6, []any{of, post, entry[:], registered, now.UnixMilli(), proofOpen}, ""); err != nil {
		return err
	}
	f, err := register.FollowedOf(tx, post)
	if err != nil || f == nil {
		return err
	}
	least, _, _, _, err := register.SizeSaid(tx, post, registered-entrySlack, registered+entrySlack)
	if err != nil {
		return err
	}
	idx, found, err := register.FindLeaf(tx, post, entry, least, f.Size)
	if err != nil {
		return err
	}
	return p.decideProof(tx, f, &toProve{of, entry, registered}, idx, found, now)
}

// toProve is a telegram whose proof is open.
type toProve struct {
	of         int64
	entry      tlog.Hash
	registered int64
}

// proveNew looks for telegrams in what is new of their sender's register.
func (p *Post) proveNew(tx *store.Tx, post string, from int64, leaves []tlog.Hash, now time.Time) error {
	rows, err := tx.Query("select of, entry, registered from proof where post = $1 and state = 'open' order by of", post)
	if err != nil {
		return err
	}
	var open []toProve
	for rows.Next() {
		var x toProve
		var entry []byte
		if err := rows.Scan(&x.of, &entry, &x.registered); err != nil {
			rows.Close()
			return err
		}
		if copy(x.entry[:], entry) == len(x.entry) {
			open = append(open, x)
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil || len(open) == 0 {
		return err
	}
	at := map[tlog.Hash]int64{}
	for i, h := range leaves {
		at[h] = from + int64(i)
	}
	f, err := register.FollowedOf(tx, post)
	if err != nil || f == nil {
		return err
	}
	for _, x := range open {
		idx, found := at[x.entry]
		if err := p.decideProof(tx, f, &x, idx, found, now); err != nil {
			return err
		}
	}
	return nil
}

// decideProof says what is proved of a telegram, if anything.
func (p *Post) decideProof(tx *store.Tx, f *register.Followed, x *toProve, idx int64, found bool, now time.Time) error {
	_, known, most, bounded, err := register.SizeSaid(tx, f.Post, x.registered-entrySlack, x.registered+entrySlack)
	switch {
	case err != nil:
		return err
	case found && (!bounded || idx < most):
		_, err = tx.Exec("update proof set state = $1, idx = $2 where of = $3", proofProven, idx, x.of)
		return err
	case !bounded || !found && f.Start > 0 && !known:
		// Nothing was said since of how long the register was, or it may stand before what is held.
		return nil
	}
	var place any
	if found {
		place = idx
	}
	if _, err := tx.Exec("update proof set state = $1, idx = $2 where of = $3", proofTooLate, place, x.of); err != nil {
		return err
	}
	filed, err := archive.Get(tx, x.of)
	if err != nil {
		return err
	}
	return p.alarm(tx, f.Post, fmt.Sprintf("serial %s says that it was registered at %s, and the register of %s, as it was signed later, had no such entry: it was entered later than it says, or never. Do not act on it before the administrators of %s have explained it",
		telegram.NumberText(filed.Serial), time.Unix(x.registered, 0).UTC().Format(time.DateTime+" UTC"), f.Post, f.Post))
}

// missProofs gives up waiting for what was not shown in time.
func (p *Post) missProofs(ctx context.Context, now time.Time) error {
	var all []missed
	err := p.db.Read(ctx, func(tx *store.Tx) (err error) {
		all, err = unproven(tx, now.Add(-provenIn))
		return err
	})
	if err != nil || len(all) == 0 {
		return err
	}
	return p.db.Write(ctx, func(tx *store.Tx) error {
		for _, x := range all {
			if err := p.missProof(tx, x); err != nil {
				return err
			}
		}
		return nil
	})
}

// missed is a telegram that its sender has not shown in its register.
type missed struct {
	of, serial int64
	post       string
}

// unproven are those that came before a time, and wait.
func unproven(tx *store.Tx, before time.Time) (all []missed, err error) {
	rows, err := tx.Query("select p.of, p.post, f.serial from proof p join filed f on f.id = p.of where p.state = 'open' and p.came < $1 order by +p.of limit 1000", before.UnixMilli())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var x missed
		if err := rows.Scan(&x.of, &x.post, &x.serial); err != nil {
			return nil, err
		}
		all = append(all, x)
	}
	return all, rows.Err()
}

func (p *Post) missProof(tx *store.Tx, x missed) error {
	n, err := tx.Exec("update proof set state = $1 where of = $2 and state = 'open'", proofMissing, x.of)
	if err != nil || n == 0 {
		return err
	}
	return p.alarm(tx, x.post, fmt.Sprintf("serial %s is not in its register, as far as %s has shown that within %d days. It may have been sent past the register. Call the administrators of %s, and tell the ministry of that post",
		telegram.NumberText(uint32(x.serial)), x.post, int(provenIn/(24*time.Hour)), x.post))
}

// showProof says whether the sender's register has the telegram.
func (s *Shown) showProof(tx *store.Tx, of int64, from string) error {
	var state string
	err := tx.QueryRow("select state from proof where of = $1", of).Scan(&state)
	if errors.Is(err, sql.ErrNoRows) { // it came before posts showed each other their registers
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading whether its sender's register has it: %w", err)
	}
	s.Proof = state
	switch state {
	case proofProven:
		s.Checked = append(s.Checked, "its entry in the register of "+from+", as that was shown to this post")
	case proofTooLate:
		s.Marks = append(s.Marks, fmt.Sprintf("Entered too late: the register of %s, as it was signed after the time at which this telegram says it was registered, had no such entry. It was entered later than it says, or never. Call the administrators of %s before you act on it.", from, from))
	case proofMissing:
		s.Marks = append(s.Marks, fmt.Sprintf("Not in the register: %s did not show within %d days that this telegram is entered there. It may have been sent past the register. Call the administrators of %s before you act on it.", from, int(provenIn/(24*time.Hour)), from))
	}
	return nil
}
