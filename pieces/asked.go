package pieces

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"chancery.example/chancery/store"
)

// Asked is what another post asked for. Body is sealed before it comes here, for [AskPlace].
type Asked struct {
	Post       string
	ID         [8]byte
	Attachment int64
	Body       []byte
	Came       time.Time
}

// AskPlace is where the body of an ask is kept, as seal.Rest binds it there.
func AskPlace(post string, id [8]byte) string { return fmt.Sprintf("ask %x of %s", id, post) }

// kept is how long an ask is remembered: longer than any letter can be opened.
const kept = 500 * 24 * time.Hour

// maxOpen is how many asks of one post are answered one after the other; of more the oldest are not.
const maxOpen = 2

// Queue enters an ask, once: fresh is false when it came before. What the post had asked for and not got yet it wants no more, unless this is besides.
func Queue(tx *store.Tx, a *Asked, besides bool) (fresh bool, err error) {
	n, err := tx.Exec("insert into ask (post, id, came, attachment, body) values ($1, $2, $3, $4, $5) on conflict (post, id) do nothing",
		a.Post, a.ID[:], a.Came.UnixMilli(), a.Attachment, a.Body)
	if err != nil || n == 0 {
		return false, err
	}
	keep := 1
	if besides {
		keep = maxOpen
	}
	_, err = tx.Exec(`update ask set answered = $1, body = $2 where post = $3 and answered is null and id <> $4 and id not in
		(select id from ask where post = $3 and answered is null and id <> $4 order by came desc limit $5)`, a.Came.UnixMilli(), []byte{}, a.Post, a.ID[:], int64(keep-1))
	return true, err
}

// NextAsk gives what a post asked for and has not got, the oldest first; ok is false when there is nothing.
func NextAsk(tx *store.Tx, post string) (a Asked, ok bool, err error) {
	var id []byte
	var came int64
	a.Post = post
	err = tx.QueryRow("select id, attachment, body, came from ask where post = $1 and answered is null order by came limit 1", post).Scan(&id, &a.Attachment, &a.Body, &came)
	if errors.Is(err, sql.ErrNoRows) {
		return a, false, nil
	}
	if err == nil && len(id) != len(a.ID) {
		err = errors.New("it is damaged")
	}
	if err != nil {
		return a, false, fmt.Errorf("what %s asked for: %w", post, err)
	}
	a.ID, a.Came = [8]byte(id), time.UnixMilli(came)
	return a, true, nil
}

// Answered notes that an ask was answered, or never will be; and forgets those that are so old that their letters open nowhere.
func Answered(tx *store.Tx, post string, id [8]byte, now time.Time) error {
	if _, err := tx.Exec("update ask set answered = $1, body = $2 where post = $3 and id = $4 and answered is null", now.UnixMilli(), []byte{}, post, id[:]); err != nil {
		return err
	}
	_, err := tx.Exec("delete from ask where post = $1 and came < $2", post, now.Add(-kept).UnixMilli())
	return err
}

// There is how far an attachment is at a post to which it was sent, as that post last said.
type There struct {
	Post    string
	Here    int
	Checked bool
	At      time.Time
}

// Say notes what a post says of an attachment. Messages come in any order: one that says less, and was said sooner, takes nothing back.
func Say(tx *store.Tx, id int64, t *There) error {
	checked := 0
	if t.Checked {
		checked = 1
	}
	_, err := tx.Exec(`insert into attachment_there (attachment, post, here, checked, at) values ($1, $2, $3, $4, $5)
		on conflict (attachment, post) do update set here = excluded.here, checked = excluded.checked, at = excluded.at
		where excluded.at >= attachment_there.at or excluded.here > attachment_there.here or excluded.checked > attachment_there.checked`,
		id, t.Post, int64(t.Here), int64(checked), t.At.UnixMilli())
	return err
}

// AllThere gives how far an attachment is at the others.
func AllThere(tx *store.Tx, id int64) ([]There, error) {
	rows, err := tx.Query("select post, here, checked, at from attachment_there where attachment = $1 order by post", id)
	if err != nil {
		return nil, fmt.Errorf("reading how far attachment %d is: %w", id, err)
	}
	defer rows.Close()
	var out []There
	for rows.Next() {
		var t There
		var checked, at int64
		if err := rows.Scan(&t.Post, &t.Here, &checked, &at); err != nil {
			return nil, err
		}
		t.Checked, t.At = checked == 1, time.UnixMilli(at)
		out = append(out, t)
	}
	return out, rows.Err()
}
