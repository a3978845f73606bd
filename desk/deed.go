package desk

import (
	"database/sql"
	"fmt"
	"time"

	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// Deed is what one telegram says of an order: a report of the post that is to act, or a grant of more time by the post that ordered.
// Both sides keep the same deeds.
type Deed struct {
	Of     int64        // the filed telegram that asks
	Post   string       // whose duty it is about
	Act    telegram.Act // any but Refers
	By     int64        // the filed telegram that says it
	Serial uint32       // that telegram's, from the post that says it to the other
	At     int64        // seconds since 1970: registered by the post that says it
	Until  int64        // the time asked for or granted, in seconds since 1970; 0 for the other acts
}

// Enter adds a deed to the history of its order, and lets it do to the duty what it does: an acknowledgement and the end of an order close
// one, a grant moves the time by which it is due. Of several that close, or of several grants, their serials say which was first and which
// is the latest, so that both sides come to the same in whatever order they arrive. The same deed twice is harmless. The order's duties
// must have been asked before. Noted is when this post learnt of it.
func Enter(tx *store.Tx, d *Deed, noted time.Time) error {
	first, err := d.firstToClose(tx)
	if err != nil {
		return err
	}
	if err := tx.Insert("deed (of, post, act, by, serial, at, until)", 7, []any{d.Of, d.Post, d.Act.String(), d.By, int64(d.Serial), d.At, d.Until},
		"on conflict (of, post, act, by) do nothing"); err != nil {
		return fmt.Errorf("noting that %s %s: %w", d.Post, d.Act, err)
	}
	switch d.Act {
	case telegram.Acknowledges:
		return Did(tx, d.Of, d.Post, Acknowledgement, d.By, noted)
	case telegram.Fulfils, telegram.CannotComply:
		if first {
			return d.closes(tx, noted)
		}
	case telegram.GrantsTime:
		_, err = tx.Exec(`update duty set due = (select until from deed where of = $1 and post = $2 and act = $3 order by serial desc limit 1)
			where of = $1 and post = $2 and act = $4`, d.Of, d.Post, d.Act.String(), string(Fulfilment))
		if err != nil {
			return fmt.Errorf("granting %s time: %w", d.Post, err)
		}
	}
	return nil
}

// firstToClose says whether nothing that was said before it closes the order.
func (d *Deed) firstToClose(tx *store.Tx) (bool, error) {
	var serial sql.NullInt64
	err := tx.QueryRow("select min(serial) from deed where of = $1 and post = $2 and act in ($3, $4)", d.Of, d.Post,
		telegram.Fulfils.String(), telegram.CannotComply.String()).Scan(&serial)
	if err != nil {
		return false, fmt.Errorf("reading the deeds: %w", err)
	}
	return !serial.Valid || int64(d.Serial) < serial.Int64, nil
}

func (d *Deed) closes(tx *store.Tx, noted time.Time) error {
	end := Done
	if d.Act == telegram.CannotComply {
		end = CannotComply
	}
	_, err := tx.Exec(`insert into duty (of, post, act, asked, due, done, by, ended) values ($1, $2, $3, 0, 0, $4, $5, $6)
		on conflict (of, post, act) do update set done = excluded.done, by = excluded.by, ended = excluded.ended`,
		d.Of, d.Post, string(Fulfilment), noted.UnixMilli(), d.By, string(end))
	if err != nil {
		return fmt.Errorf("closing the order for %s: %w", d.Post, err)
	}
	return nil
}

// Deeds gives the history of an order, the oldest first; within one second a grant follows what it answers.
func Deeds(tx *store.Tx, of int64) ([]Deed, error) {
	rows, err := tx.Query("select post, act, by, serial, at, until from deed where of = $1 order by at, case when act = 'grants-time' then 1 else 0 end, serial, post, act", of)
	if err != nil {
		return nil, fmt.Errorf("reading the deeds: %w", err)
	}
	defer rows.Close()
	var out []Deed
	for rows.Next() {
		d := Deed{Of: of}
		var act string
		if err := rows.Scan(&d.Post, &act, &d.By, &d.Serial, &d.At, &d.Until); err != nil {
			return nil, fmt.Errorf("reading the deeds: %w", err)
		}
		if err := d.Act.UnmarshalText([]byte(act)); err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, rows.Err()
}

// Early is a grant of more time that overtook its order.
type Early struct {
	Post   string        // the post that gave the order
	Serial uint32        // its serial for this post
	Root   telegram.Root // of the order
	Grant  Deed          // without Of and Post: they are known when the order comes
}

// Wait keeps a grant until its order comes.
func Wait(tx *store.Tx, e *Early) error {
	return tx.Insert("early (post, serial, root, by, own, at, until)", 7, []any{e.Post, int64(e.Serial), e.Root[:], e.Grant.By, int64(e.Grant.Serial), e.Grant.At, e.Grant.Until},
		"on conflict (post, serial, by) do nothing")
}

// Waited takes the grants that waited for an order.
func Waited(tx *store.Tx, post string, serial uint32) (out []Early, err error) {
	rows, err := tx.Query("select root, by, own, at, until from early where post = $1 and serial = $2 order by own", post, int64(serial))
	if err != nil {
		return nil, fmt.Errorf("reading the grants that waited: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		e := Early{Post: post, Serial: serial, Grant: Deed{Act: telegram.GrantsTime}}
		var root []byte
		if err := rows.Scan(&root, &e.Grant.By, &e.Grant.Serial, &e.Grant.At, &e.Grant.Until); err != nil {
			return nil, fmt.Errorf("reading the grants that waited: %w", err)
		}
		copy(e.Root[:], root)
		out = append(out, e)
	}
	if err := rows.Err(); err != nil || len(out) == 0 {
		return nil, err
	}
	rows.Close()
	_, err = tx.Exec("delete from early where post = $1 and serial = $2", post, int64(serial))
	return out, err
}
