package desk

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// State is how far a draft has come.
type State string

// The states, in order.
const (
	Drafted    State = "draft"
	HandedOver State = "handed over"
	Released   State = "released"
	Registered State = "registered"
)

// Draft is a telegram before it has numbers. Body is sealed before it comes here, for [Place].
type Draft struct {
	ID         int64
	State      State
	Precedence telegram.Precedence
	Body       []byte
	Root       []byte // D once handed over, R once released; else nil
	Of         int64  // the filed telegram, once registered
	Held       string // why a released one is not registered
	Changed    time.Time
}

// Place is where the body of draft id is kept, as seal.Rest binds it there.
func Place(id int64) string { return fmt.Sprintf("draft %d", id) }

// ErrNone is in the error for a draft that is not there.
var ErrNone = errors.New("there is no such draft")

// ErrState is in the error for a draft that is in another state than the act needs: somebody else was first.
var ErrState = errors.New("the draft is in another state")

// NextID takes the number of the next draft.
func NextID(tx *store.Tx) (id int64, err error) {
	err = tx.QueryRow("insert into counter (name, last) values ('draft', 1) on conflict (name) do update set last = counter.last + 1 returning last").Scan(&id)
	return id, err
}

// Add lays a new draft on the desk.
func Add(tx *store.Tx, d *Draft) error {
	return tx.Insert("draft (id, state, precedence, body, root, changed)", 6,
		[]any{d.ID, string(d.State), int64(d.Precedence), d.Body, d.Root, d.Changed.UnixMilli()}, "")
}

// Move takes a draft from one state to the next, with what it then is. ErrState says that it was not in the first. What takes it to the
// last state is [Number].
func Move(tx *store.Tx, from State, d *Draft) error {
	if from == Drafted && d.State != HandedOver || from == HandedOver && d.State != Released || from == Released || from == Registered {
		return fmt.Errorf("a draft does not go from %s to %s", from, d.State)
	}
	n, err := tx.Exec("update draft set state = $1, precedence = $2, body = $3, root = $4, changed = $5 where id = $6 and state = $7",
		string(d.State), int64(d.Precedence), d.Body, d.Root, d.Changed.UnixMilli(), d.ID, string(from))
	return moved(tx, d.ID, n, err)
}

// Number notes that a released draft has its numbers and is filed. Its body is kept in the archive from here on.
func Number(tx *store.Tx, id, of int64, now time.Time) error {
	n, err := tx.Exec("update draft set state = 'registered', of = $1, body = $2, held = null, changed = $3 where id = $4 and state = 'released'", of, []byte{}, now.UnixMilli(), id)
	return moved(tx, id, n, err)
}

func moved(tx *store.Tx, id, n int64, err error) error {
	if err != nil {
		return fmt.Errorf("moving draft %d: %w", id, err)
	}
	if n == 1 {
		return nil
	}
	d, err := Get(tx, id)
	if err != nil {
		return err
	}
	return fmt.Errorf("draft %d is %s: %w", id, d.State, ErrState)
}

// Hold notes why a released draft is not registered; "" takes the note away, and [Next] gives it again. ErrState says that it is not
// released, or that somebody else has registered it since.
func Hold(tx *store.Tx, id int64, why string) error {
	n, err := tx.Exec("update draft set held = nullif($1, '') where id = $2 and state = 'released'", why, id)
	return moved(tx, id, n, err)
}

const draftColumns = "id, state, precedence, body, root, of, held, changed"

// Get reads a draft.
func Get(tx *store.Tx, id int64) (*Draft, error) {
	ds, err := drafts(tx, "id = $1", id)
	if err == nil && len(ds) == 0 {
		return nil, fmt.Errorf("draft %d: %w", id, ErrNone)
	}
	if err != nil {
		return nil, err
	}
	return &ds[0], nil
}

// Next gives the released drafts that wait for their numbers and are not held, the most urgent first.
func Next(tx *store.Tx, limit int) ([]Draft, error) {
	return drafts(tx, "state = 'released' and held is null order by precedence desc, id limit $1", limit)
}

// Held gives the released drafts that are held, the newest first. (The + is for SQLite: by id it would walk through all drafts there ever were.)
func Held(tx *store.Tx, limit int) ([]Draft, error) {
	return drafts(tx, "state = 'released' and held is not null order by +id desc limit $1", limit)
}

// List gives the drafts that are not registered yet, the newest first.
func List(tx *store.Tx, limit int) ([]Draft, error) {
	return drafts(tx, "state <> 'registered' order by id desc limit $1", limit)
}

func drafts(tx *store.Tx, where string, arg any) ([]Draft, error) {
	rows, err := tx.Query("select "+draftColumns+" from draft where "+where, arg)
	if err != nil {
		return nil, fmt.Errorf("reading the drafts: %w", err)
	}
	defer rows.Close()
	var out []Draft
	for rows.Next() {
		var d Draft
		var of sql.NullInt64
		var held sql.NullString
		var changed int64
		if err := rows.Scan(&d.ID, &d.State, &d.Precedence, &d.Body, &d.Root, &of, &held, &changed); err != nil {
			return nil, fmt.Errorf("reading the drafts: %w", err)
		}
		d.Of, d.Held, d.Changed = of.Int64, held.String, time.UnixMilli(changed)
		out = append(out, d)
	}
	return out, rows.Err()
}
