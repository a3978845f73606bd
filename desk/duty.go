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
	Ended End       // how; empty while it is open
}

// End is how a duty ended.
type End string

// The ways: it is done, it will not be, or the post that ordered it has cancelled it.
const (
	Done         End = "done"
	CannotComply End = "cannot comply"
	Cancelled    End = "cancelled"
)

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
	_, err := tx.Exec(`insert into duty (of, post, act, asked, due, done, by, ended) values ($1, $2, $3, 0, 0, $4, $5, 'done')
		on conflict (of, post, act) do update set done = coalesce(duty.done, excluded.done), by = case when duty.done is null then excluded.by else duty.by end,
			ended = coalesce(duty.ended, excluded.ended)`,
		of, post, string(act), at.UnixMilli(), b)
	if err != nil {
		return fmt.Errorf("noting the %s by %s: %w", act, post, err)
	}
	return nil
}

// Duties gives what a filed telegram asked for and what was done.
func Duties(tx *store.Tx, of int64) ([]Duty, error) {
	return readDuties(tx, "from duty where of = $1 order by post, act", of)
}

// Asked gives the duties laid on posts by what this post sent (given), what it received (received), or both, at most limit of them:
// the open ones first, by the time they are due, those that are never due last. Ended ones follow when ended is set.
func Asked(tx *store.Tx, given, received, ended bool, limit int) ([]Duty, error) {
	where := "duty.asked = 1"
	if !ended {
		where += " and duty.done is null"
	}
	switch {
	case given && !received:
		where += " and filed.way = 'out'"
	case received && !given:
		where += " and filed.way = 'in'"
	}
	return readDuties(tx, "from duty join filed on filed.id = duty.of where "+where+
		" order by case when duty.done is null then 0 else 1 end, case when duty.due = 0 then 1 else 0 end, duty.due, duty.of, duty.post, duty.act limit $1", limit)
}

func readDuties(tx *store.Tx, from string, args ...any) ([]Duty, error) {
	rows, err := tx.Query("select duty.of, duty.post, duty.act, duty.asked, duty.due, duty.done, duty.by, duty.ended "+from, args...)
	if err != nil {
		return nil, fmt.Errorf("reading the duties: %w", err)
	}
	defer rows.Close()
	var out []Duty
	for rows.Next() {
		var d Duty
		var asked int
		var done, by sql.NullInt64
		var ended sql.NullString
		if err := rows.Scan(&d.Of, &d.Post, &d.Act, &asked, &d.Due, &done, &by, &ended); err != nil {
			return nil, fmt.Errorf("reading the duties: %w", err)
		}
		d.Asked, d.By, d.Ended = asked == 1, by.Int64, End(ended.String)
		if done.Valid {
			d.Done = time.UnixMilli(done.Int64)
		}
		out = append(out, d)
	}
	return out, rows.Err()
}
