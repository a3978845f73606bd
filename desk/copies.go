package desk

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"chancery.example/chancery/store"
)

// Holder is a person who may hold numbered copies, known to this post alone. Body is sealed before it comes here, for [HolderPlace].
type Holder struct {
	ID    int64
	Body  []byte
	Entry int64 // the register's entry that says so
}

// HolderPlace is where a holder's name and key are kept, as seal.Rest binds them there.
func HolderPlace(id int64) string { return fmt.Sprintf("holder %d", id) }

// NextHolder takes the number of the next holder.
func NextHolder(tx *store.Tx) (id int64, err error) {
	err = tx.QueryRow("insert into counter (name, last) values ('holder', 1) on conflict (name) do update set last = counter.last + 1 returning last").Scan(&id)
	return id, err
}

// AddHolder keeps a holder.
func AddHolder(tx *store.Tx, h *Holder) error {
	return tx.Insert("holder (id, body, entry)", 3, []any{h.ID, h.Body, h.Entry}, "")
}

// Holders gives all holders, in the order in which they were added.
func Holders(tx *store.Tx) ([]Holder, error) {
	rows, err := tx.Query("select id, body, entry from holder order by id")
	if err != nil {
		return nil, fmt.Errorf("reading the holders: %w", err)
	}
	defer rows.Close()
	var out []Holder
	for rows.Next() {
		var h Holder
		if err := rows.Scan(&h.ID, &h.Body, &h.Entry); err != nil {
			return nil, fmt.Errorf("reading the holders: %w", err)
		}
		out = append(out, h)
	}
	return out, rows.Err()
}

// CopyState is what has become of a numbered copy.
type CopyState string

// The states of a numbered copy. In the first three somebody holds it.
const (
	Made        CopyState = "made"        // for its holder, and still at the registry
	Given       CopyState = "given"       // handed out
	Transferred CopyState = "transferred" // passed on to another holder
	Returned    CopyState = "returned"
	Destroyed   CopyState = "destroyed"
)

// copyMoves says what may become of a copy in each state.
var copyMoves = map[CopyState][]CopyState{
	Made:        {Given, Destroyed},
	Given:       {Given, Transferred, Returned, Destroyed},
	Transferred: {Given, Transferred, Returned, Destroyed},
	Returned:    {Destroyed},
}

// Held says whether a copy in this state is out, or lies ready for its holder.
func (s CopyState) Held() bool { return s == Made || s == Given || s == Transferred }

// May says, in words, why a copy in this state cannot come to the next; nil if it can.
func (s CopyState) May(next CopyState) error {
	switch {
	case slices.Contains(copyMoves[s], next):
		return nil
	case s == next:
		return fmt.Errorf("it is %s already", s)
	case s == Made:
		return errors.New("it was made and not given to its holder yet: give it first")
	}
	return fmt.Errorf("it is %s, and what is %s cannot be %s", s, s, next)
}

// Copy is one numbered copy of a filed telegram.
type Copy struct {
	Of      int64 // the filed telegram
	Number  int   // from 1
	Holder  int64 // who has it, or had it last
	State   CopyState
	Sealed  []byte // to its holder; empty once nobody holds it
	Changed time.Time
	Entry   int64 // the register's entry of its last act
}

// MaxCopies bounds the numbered copies of one telegram.
const MaxCopies = maxCopies

// AddCopies keeps the copies of a telegram when they are made.
func AddCopies(tx *store.Tx, cs []Copy) error {
	var rows []any
	for _, c := range cs {
		rows = append(rows, c.Of, c.Number, c.Holder, string(c.State), c.Sealed, c.Changed.UnixMilli(), c.Entry)
	}
	return tx.Insert("copy (of, number, holder, state, body, changed, entry)", 7, rows, "")
}

// Copies gives the numbered copies of a filed telegram, in order.
func Copies(tx *store.Tx, of int64) ([]Copy, error) {
	rows, err := tx.Query("select number, holder, state, body, changed, entry from copy where of = $1 order by number", of)
	if err != nil {
		return nil, fmt.Errorf("reading the copies: %w", err)
	}
	defer rows.Close()
	var out []Copy
	for rows.Next() {
		c := Copy{Of: of}
		var changed int64
		if err := rows.Scan(&c.Number, &c.Holder, &c.State, &c.Sealed, &changed, &c.Entry); err != nil {
			return nil, fmt.Errorf("reading the copies: %w", err)
		}
		c.Changed = time.UnixMilli(changed)
		out = append(out, c)
	}
	return out, rows.Err()
}

// MoveCopy brings a copy, whose last act was entry was, to what c says. ErrState says that it is not so any more.
func MoveCopy(tx *store.Tx, was int64, c *Copy) error {
	n, err := tx.Exec("update copy set holder = $1, state = $2, body = $3, changed = $4, entry = $5 where of = $6 and number = $7 and entry = $8",
		c.Holder, string(c.State), c.Sealed, c.Changed.UnixMilli(), c.Entry, c.Of, c.Number, was)
	if err != nil {
		return fmt.Errorf("moving copy %d: %w", c.Number, err)
	}
	if n != 1 {
		return fmt.Errorf("somebody else was first with copy %d: %w", c.Number, ErrState)
	}
	return nil
}

// Tally counts the copies of one telegram: Made is Held, Returned and Destroyed together.
type Tally struct {
	Made      int `json:"made"`
	Held      int `json:"held"`
	Returned  int `json:"returned"`
	Destroyed int `json:"destroyed"`
}

// CountCopies counts copies.
func CountCopies(cs []Copy) (t Tally) {
	t.Made = len(cs)
	for _, c := range cs {
		switch {
		case c.State.Held():
			t.Held++
		case c.State == Returned:
			t.Returned++
		case c.State == Destroyed:
			t.Destroyed++
		}
	}
	return t
}
