package post

import (
	"context"
	"database/sql"
	"time"

	"chancery.example/chancery/register"
	"chancery.example/chancery/store"
)

// Witness is how far another post and this one know each other's registers.
type Witness struct {
	Post     string     `json:"post"`
	Holds    int64      `json:"it_holds"`           // entries of this post's register that it says it holds
	Signed   int64      `json:"it_signed"`          // of which it last signed a checkpoint, 0 for none
	SignedAt *time.Time `json:"signed,omitempty"`   // when that came here
	From     int64      `json:"from"`               // of its register this post holds the entries from this one
	To       int64      `json:"to"`                 // to before this one
	As       *time.Time `json:"as_of,omitempty"`    // as it was at that time
	Against  *Against   `json:"against,omitempty"`  // the proof that it showed two registers
	Open     int64      `json:"unproven,omitempty"` // telegrams received that it has not shown in its register yet
}

// Against is a proof against a post: two checkpoints that it signed, and that cannot both be of one register. Ours is empty where it is this post.
type Against struct {
	At     time.Time `json:"at"`
	What   string    `json:"what"`
	Ours   string    `json:"known_here"`
	Theirs string    `json:"contradicts"`
}

// Witnesses says how far this post and others know each other's registers, by name; one against which there is a proof stands among them, be it this post.
func (p *Post) Witnesses(ctx context.Context) (out []Witness, size int64, err error) {
	err = p.db.Read(ctx, func(tx *store.Tx) (err error) {
		out = []Witness{}
		if size, err = register.Size(tx); err != nil {
			return err
		}
		rows, err := tx.Query(`select n.post, coalesce(p.holds, 0), coalesce(c.size, 0), coalesce(c.at, 0), coalesce(f.start, 0), coalesce(f.size, 0), coalesce(f.at, 0),
				x.at, x.what, x.ours, x.theirs, (select count(*) from proof where proof.post = n.post and state = 'open')
			from (select post from peer union select post from followed union select post from contradiction) n
			left join peer p on p.post = n.post left join cosignature c on c.post = n.post left join followed f on f.post = n.post left join contradiction x on x.post = n.post
			order by n.post`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var w Witness
			var signed, as int64
			var at sql.NullInt64
			var what, ours, theirs sql.NullString
			if err := rows.Scan(&w.Post, &w.Holds, &w.Signed, &signed, &w.From, &w.To, &as, &at, &what, &ours, &theirs, &w.Open); err != nil {
				return err
			}
			w.SignedAt, w.As = when(signed/1000), when(as)
			if at.Valid {
				w.Against = &Against{time.UnixMilli(at.Int64).UTC(), what.String, ours.String, theirs.String}
			}
			out = append(out, w)
		}
		return rows.Err()
	})
	return out, size, err
}
