package desk

import (
	"fmt"
	"time"

	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// What is a step in the life of a draft.
type What string

// The steps.
const (
	StepDrafted    What = "drafted"
	StepEdited     What = "edited"
	StepHandedOver What = "handed over"
	StepCleared    What = "cleared"
	StepReturned   What = "returned"
	StepReleased   What = "released"
)

// Step is one step, kept for ever. Body is sealed before it comes here, for [StepPlace].
type Step struct {
	Draft int64
	N     int // from 1
	What  What
	By    telegram.KeyRef // zero where nobody signed
	Body  []byte
	At    time.Time
}

// StepPlace is where the body of a draft's n-th step is kept, as seal.Rest binds it there.
func StepPlace(draft int64, n int) string { return fmt.Sprintf("draft %d step %d", draft, n) }

// NextStep is the number of a draft's next step.
func NextStep(tx *store.Tx, draft int64) (n int, err error) {
	err = tx.QueryRow("select coalesce(max(n), 0) + 1 from step where draft = $1", draft).Scan(&n)
	return n, err
}

// Record keeps a step.
func Record(tx *store.Tx, s *Step) error {
	return tx.Insert("step (draft, n, what, person, key, body, at)", 7,
		[]any{s.Draft, s.N, string(s.What), int64(s.By.Person), int64(s.By.Key), s.Body, s.At.UnixMilli()}, "")
}

// Steps gives a draft's steps, in order.
func Steps(tx *store.Tx, draft int64) ([]Step, error) {
	rows, err := tx.Query("select n, what, person, key, body, at from step where draft = $1 order by n", draft)
	if err != nil {
		return nil, fmt.Errorf("reading the steps of draft %d: %w", draft, err)
	}
	defer rows.Close()
	var out []Step
	for rows.Next() {
		s := Step{Draft: draft}
		var at int64
		if err := rows.Scan(&s.N, &s.What, &s.By.Person, &s.By.Key, &s.Body, &at); err != nil {
			return nil, fmt.Errorf("reading the steps of draft %d: %w", draft, err)
		}
		s.At = time.UnixMilli(at)
		out = append(out, s)
	}
	return out, rows.Err()
}

// Rewrite gives a draft that nobody has signed another form.
func Rewrite(tx *store.Tx, d *Draft) error {
	n, err := tx.Exec("update draft set precedence = $1, body = $2, changed = $3 where id = $4 and state = 'draft'", int64(d.Precedence), d.Body, d.Changed.UnixMilli(), d.ID)
	return moved(tx, d.ID, n, err)
}

// Return makes a draft of what was handed over: what its drafter signed counts no more.
func Return(tx *store.Tx, d *Draft) error {
	n, err := tx.Exec("update draft set state = 'draft', body = $1, root = null, changed = $2 where id = $3 and state = 'handed over'", d.Body, d.Changed.UnixMilli(), d.ID)
	return moved(tx, d.ID, n, err)
}
