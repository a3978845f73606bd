package desk

import (
	"database/sql"
	"fmt"
	"time"

	"chancery.example/chancery/store"
)

// Act is what a duty calls for.
type Act string

// The three acts: it is here, we will do it, it is done.
const (
	Receipt         Act = "receipt"
	Acknowledgement Act = "acknowledgement"
	Fulfilment      Act = "fulfilment"
)

// Duty is one act of one post for one telegram, asked for or done of its own accord.
type Duty struct {
	Of    int64 // the filed telegram
	Post  string
	Act   Act
	Asked bool
	Due   int64     // seconds since 1970, 0 for none
	Done  time.Time // zero while it is open
	By    int64     // the filed telegram that did it, 0 for a receipt
}

// Ask lays duties on posts. What a post has done before it was asked stays done. A duty stands once in ds.
func Ask(tx *store.Tx, ds []Duty) error {
	var rows []any
	for _, d := range ds {
		rows = append(rows, d.Of, d.Post, string(d.Act), 1, d.Due)
	}
	return tx.Insert("duty (of, post, act, asked, due)", 5, rows, "on conflict (of, post, act) do update set asked = 1, due = excluded.due")
}

// Did notes that a post has done an act. The first time counts.
func Did(tx *store.Tx, of int64, post string, act Act, by int64, at time.Time) error {
	var b any
	if by != 0 {
		b = by
	}
	_, err := tx.Exec(`insert into duty (of, post, act, asked, due, done, by) values ($1, $2, $3, 0, 0, $4, $5)
		on conflict (of, post, act) do update set done = coalesce(duty.done, excluded.done), by = case when duty.done is null then excluded.by else duty.by end`,
		of, post, string(act), at.UnixMilli(), b)
	if err != nil {
		return fmt.Errorf("noting the %s by %s: %w", act, post, err)
	}
	return nil
}

// Duties gives what a filed telegram asked for and what was done.
func Duties(tx *store.Tx, of int64) ([]Duty, error) {
	rows, err := tx.Query("select post, act, asked, due, done, by from duty where of = $1 order by post, act", of)
	if err != nil {
		return nil, fmt.Errorf("reading the duties: %w", err)
	}
	defer rows.Close()
	var out []Duty
	for rows.Next() {
		d := Duty{Of: of}
		var asked int
		var done, by sql.NullInt64
		if err := rows.Scan(&d.Post, &d.Act, &asked, &d.Due, &done, &by); err != nil {
			return nil, fmt.Errorf("reading the duties: %w", err)
		}
		d.Asked, d.By = asked == 1, by.Int64
		if done.Valid {
			d.Done = time.UnixMilli(done.Int64)
		}
		out = append(out, d)
	}
	return out, rows.Err()
}
