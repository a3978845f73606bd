package pieces

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// State is how far an attachment is.
type State string

// The states.
const (
	Loading State = "loading" // it is being read in, here
	Coming  State = "coming"  // it is asked for
	Whole   State = "whole"   // all pieces are here, and it is not looked at yet whether they make the file
	Checked State = "checked" // they do
	Damaged State = "damaged" // they do not: what was released is not a file
	Left    State = "left"    // it is not asked for, until somebody wants it
)

// Attached is an attachment of a draft or of a filed telegram. Body is sealed before it comes here, for [Place].
type Attached struct {
	ID         int64
	Draft      int64 // 0 for none
	Of         int64 // the filed telegram, 0 for none
	K          int   // which of its attachments, from 1; 0 while nothing has it
	Post       string
	Precedence telegram.Precedence
	Body       []byte
	Pieces     int
	Here       int
	State      State
	Why        string
	Changed    time.Time
}

// Place is where the body of attachment id is kept, as seal.Rest binds it there.
func Place(id int64) string { return fmt.Sprintf("attachment %d", id) }

// ErrUnknown is in the error for an attachment that is not there.
var ErrUnknown = errors.New("there is no such attachment")

// NextID takes the number of the next attachment.
func NextID(tx *store.Tx) (id int64, err error) {
	err = tx.QueryRow("insert into counter (name, last) values ('attachment', 1) on conflict (name) do update set last = counter.last + 1 returning last").Scan(&id)
	return id, err
}

func nullable(id int64) any {
	if id == 0 {
		return nil
	}
	return id
}

// Add enters attachments.
func Add(tx *store.Tx, as ...Attached) error {
	var rows []any
	for i := range as {
		a := &as[i]
		rows = append(rows, a.ID, nullable(a.Draft), nullable(a.Of), int64(a.K), a.Post, int64(a.Precedence), a.Body, int64(a.Pieces), int64(a.Here), string(a.State),
			nullString(a.Why), a.Changed.UnixMilli())
	}
	return tx.Insert("attachment (id, draft, of, k, post, precedence, body, pieces, here, state, why, changed)", 12, rows, "")
}

func nullString(s string) any {
	if s == "" {
		return nil
	}
	return s
}

const columns = "id, draft, of, k, post, precedence, body, pieces, here, state, why, changed"

func attached(tx *store.Tx, rest string, args ...any) ([]Attached, error) {
	rows, err := tx.Query("select "+columns+" from attachment "+rest, args...)
	if err != nil {
		return nil, fmt.Errorf("reading the attachments: %w", err)
	}
	defer rows.Close()
	var out []Attached
	for rows.Next() {
		var a Attached
		var draft, of sql.NullInt64
		var why sql.NullString
		var changed int64
		if err := rows.Scan(&a.ID, &draft, &of, &a.K, &a.Post, &a.Precedence, &a.Body, &a.Pieces, &a.Here, &a.State, &why, &changed); err != nil {
			return nil, fmt.Errorf("reading the attachments: %w", err)
		}
		a.Draft, a.Of, a.Why, a.Changed = draft.Int64, of.Int64, why.String, time.UnixMilli(changed)
		out = append(out, a)
	}
	return out, rows.Err()
}

// Get reads an attachment by its number at this post.
func Get(tx *store.Tx, id int64) (*Attached, error) { return one(tx, "where id = $1", id) }

// Of reads an attachment of a filed telegram, from 1.
func Of(tx *store.Tx, of int64, k int) (*Attached, error) {
	return one(tx, "where of = $1 and k = $2", of, int64(k))
}

func one(tx *store.Tx, where string, args ...any) (*Attached, error) {
	as, err := attached(tx, where, args...)
	if err == nil && len(as) != 1 {
		err = ErrUnknown
	}
	if err != nil {
		return nil, err
	}
	return &as[0], nil
}

// AllOf reads the attachments of a filed telegram, in order.
func AllOf(tx *store.Tx, of int64) ([]Attached, error) {
	return attached(tx, "where of = $1 order by k", of)
}

// OfDraft reads the attachments of a draft, in order.
func OfDraft(tx *store.Tx, draft int64) ([]Attached, error) {
	return attached(tx, "where draft = $1 order by k", draft)
}

// ToCome reads what is to be asked for: of each post the most urgent, and all in that order.
func ToCome(tx *store.Tx) ([]Attached, error) {
	return attached(tx, `where id in (select id from
		(select id, row_number() over (partition by post order by precedence desc, id) as place from attachment where state = 'coming') as first where place = 1)
		order by precedence desc, id`)
}

// ToCheck reads what is all here and not looked at yet.
func ToCheck(tx *store.Tx, limit int) ([]Attached, error) {
	return attached(tx, "where state = 'whole' order by precedence desc, id limit $1", limit)
}

// Idle reads what is coming, of which nothing came since a time.
func Idle(tx *store.Tx, before time.Time, limit int) ([]Attached, error) {
	return attached(tx, "where state = 'coming' and changed < $1 order by id limit $2", before.UnixMilli(), limit)
}

// Any says whether this post has any attachment.
func Any(tx *store.Tx) (bool, error) {
	as, err := attached(tx, "order by id limit 1")
	return len(as) > 0, err
}

// All reads attachments by their numbers, after one of them.
func All(tx *store.Tx, after int64, limit int) ([]Attached, error) {
	return attached(tx, "where id > $1 order by id limit $2", after, limit)
}

// Bind gives a draft the attachments that it names, in its order. What it had besides is free again. One that another draft has, or that is not all
// here, is refused.
func Bind(tx *store.Tx, draft int64, ids []int64, now time.Time) error {
	if _, err := tx.Exec("update attachment set draft = null, k = 0, changed = $1 where draft = $2 and of is null", now.UnixMilli(), draft); err != nil {
		return fmt.Errorf("the attachments of draft %d: %w", draft, err)
	}
	for i, id := range ids {
		n, err := tx.Exec("update attachment set draft = $1, k = $2, changed = $3 where id = $4 and draft is null and of is null and state = 'checked'", draft, int64(i+1), now.UnixMilli(), id)
		if err == nil && n != 1 {
			err = fmt.Errorf("attachment %d is another draft's, or there is none of that number: attach the file again", id)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// File says that the attachments of a draft are those of a filed telegram.
func File(tx *store.Tx, draft, of int64, p telegram.Precedence, now time.Time) error {
	_, err := tx.Exec("update attachment set of = $1, precedence = $2, changed = $3 where draft = $4", of, int64(p), now.UnixMilli(), draft)
	return err
}

// Kept is a piece that is durable.
type Kept struct {
	I      int // from 0
	Digest Digest
}

// Keep notes pieces of an attachment that are here, each once, and how many there are now. What is coming is whole with its last one.
func Keep(tx *store.Tx, id int64, ks []Kept, now time.Time) error {
	if err := keep(tx, id, ks); err != nil {
		return err
	}
	_, err := tx.Exec(`update attachment set changed = $1, here = (select count(*) from attachment_piece where attachment = $2) where id = $2`, now.UnixMilli(), id)
	if err == nil {
		_, err = tx.Exec("update attachment set state = 'whole' where id = $1 and state = 'coming' and here = pieces", id)
	}
	return err
}

func keep(tx *store.Tx, id int64, ks []Kept) error {
	var rows []any
	for _, k := range ks {
		rows = append(rows, id, int64(k.I), k.Digest[:])
	}
	return tx.Insert("attachment_piece (attachment, i, digest)", 3, rows, "on conflict (attachment, i) do nothing")
}

// Loaded says that a file of this post's own is all here: body is what a telegram will say of it.
func Loaded(tx *store.Tx, id int64, body []byte, ds []Digest, now time.Time) error {
	at := 0
	for some := range slices.Chunk(ds, 512) { // not all in memory twice
		ks := make([]Kept, len(some))
		for i, d := range some {
			ks[i] = Kept{at + i, d}
		}
		if err := keep(tx, id, ks); err != nil {
			return err
		}
		at += len(some)
	}
	if err := Keep(tx, id, nil, now); err != nil {
		return err
	}
	n, err := tx.Exec("update attachment set state = 'checked', body = $1 where id = $2 and state = 'loading' and here = pieces", body, id)
	if err == nil && n != 1 {
		err = fmt.Errorf("attachment %d is not being read in", id)
	}
	return err
}

// Lost notes that a piece is not here after all: a file is gone, or damaged.
func Lost(tx *store.Tx, id int64, i int, now time.Time) error {
	_, err := tx.Exec("delete from attachment_piece where attachment = $1 and i = $2", id, int64(i))
	if err == nil {
		_, err = tx.Exec(`update attachment set changed = $1, here = (select count(*) from attachment_piece where attachment = $2) where id = $2`, now.UnixMilli(), id)
	}
	return err
}

// Settle takes an attachment from one state to another, and says whether it was in the first.
func Settle(tx *store.Tx, id int64, from, to State, why string, now time.Time) (bool, error) {
	n, err := tx.Exec("update attachment set state = $1, why = $2, changed = $3 where id = $4 and state = $5", string(to), nullString(why), now.UnixMilli(), id, string(from))
	if err != nil {
		return false, fmt.Errorf("attachment %d: %w", id, err)
	}
	return n == 1, nil
}

// Digests gives the digests of an attachment's n pieces, and for one that is not here the zero digest.
func Digests(tx *store.Tx, id int64, n int) ([]Digest, error) {
	rows, err := tx.Query("select i, digest from attachment_piece where attachment = $1", id)
	if err != nil {
		return nil, fmt.Errorf("reading the pieces of attachment %d: %w", id, err)
	}
	defer rows.Close()
	out := make([]Digest, n)
	var raw sql.RawBytes
	for rows.Next() {
		var i int
		if err := rows.Scan(&i, &raw); err != nil {
			return nil, err
		}
		if len(raw) != len(Digest{}) || i < 0 || i >= n {
			return nil, fmt.Errorf("piece %d of attachment %d: its digest is damaged (run chancery register verify --attachments)", i, id)
		}
		out[i] = Digest(raw)
	}
	return out, rows.Err()
}

// Piece gives the digest of one piece.
func Piece(tx *store.Tx, id int64, i int) (d Digest, err error) {
	var raw []byte
	err = tx.QueryRow("select digest from attachment_piece where attachment = $1 and i = $2", id, int64(i)).Scan(&raw)
	if errors.Is(err, sql.ErrNoRows) || err == nil && len(raw) != len(d) {
		return d, fmt.Errorf("piece %d: %w", i, ErrNone)
	}
	if err != nil {
		return d, err
	}
	return Digest(raw), nil
}

// Forget takes the pieces of an attachment out, and gives those whose files nothing else has, to be deleted after the commit.
func Forget(tx *store.Tx, id int64, now time.Time) ([]Digest, error) {
	a, err := Get(tx, id)
	if err != nil {
		return nil, err
	}
	had, err := Digests(tx, id, a.Pieces)
	if err != nil {
		return nil, err
	}
	if _, err := tx.Exec("delete from attachment_piece where attachment = $1", id); err != nil {
		return nil, err
	}
	if _, err := tx.Exec("update attachment set here = 0, changed = $1 where id = $2", now.UnixMilli(), id); err != nil {
		return nil, err
	}
	var all []Digest
	for _, d := range had {
		if d != (Digest{}) {
			all = append(all, d)
		}
	}
	return Unknown(tx, all)
}

// Remove takes an attachment out that no draft and no telegram has, with its pieces.
func Remove(tx *store.Tx, id int64, now time.Time) ([]Digest, error) {
	a, err := Get(tx, id)
	if err != nil {
		return nil, err
	}
	if a.Draft != 0 || a.Of != 0 {
		return nil, fmt.Errorf("attachment %d belongs to a draft or a telegram", id)
	}
	ds, err := Forget(tx, id, now)
	if err == nil {
		_, err = tx.Exec("delete from attachment where id = $1", id)
	}
	return ds, err
}

// Stray gives the numbers of attachments that nothing has since a time: their drafts were edited, or they were never all read in.
func Stray(tx *store.Tx, before time.Time, limit int) (ids []int64, err error) {
	as, err := attached(tx, "where draft is null and of is null and changed < $1 order by id limit $2", before.UnixMilli(), limit)
	for _, a := range as {
		ids = append(ids, a.ID)
	}
	return ids, err
}

// Unknown gives those of some digests that no attachment has.
func Unknown(tx *store.Tx, ds []Digest) (out []Digest, err error) {
	for _, d := range ds {
		var n int
		if err := tx.QueryRow("select count(*) from attachment_piece where digest = $1", d[:]).Scan(&n); err != nil {
			return nil, err
		}
		if n == 0 {
			out = append(out, d)
		}
	}
	return out, nil
}
