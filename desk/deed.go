package desk

import (
	"database/sql"
	"fmt"
	"time"

	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// Deed is what one telegram says of another: a report of the post that is to act; more time, a cancel, a correction or a repeat by the post that
// sent it; that an addressee has passed it on. Both sides keep the same deeds.
type Deed struct {
	Of     int64        // the filed telegram that it is said of
	Post   string       // whose duty it is about, for which post it counts, or which has passed it on
	Act    telegram.Act // any but Refers
	By     int64        // the filed telegram that says it
	Serial uint32       // that telegram's, from the post that says it to the other; 0 if it does not go there
	At     int64        // seconds since 1970: registered by the post that says it
	Until  int64        // the time asked for or granted, in seconds since 1970; 0 for the other acts
}

// Enter adds a deed to the history of a telegram, and lets it do to the duty what it does: an acknowledgement and the end of an order close
// one, a grant moves the time by which it is due, a cancel ends one that is open. Of several that close, of several grants or cancels, their
// serials say which was first and which is the latest; and a report that closes counts more than a cancel, for what is done is done. So both sides
// come to the same in whatever order telegrams arrive. The same deed twice is harmless. The order's duties must have been asked before. Noted is
// when this post learnt of it.
func Enter(tx *store.Tx, d *Deed, noted time.Time) error {
	first, err := d.first(tx)
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
	case telegram.Cancels:
		if first {
			return d.cancels(tx, noted)
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

// first says whether of those that end an order as this one does none was said before it: of reports, or of cancels.
func (d *Deed) first(tx *store.Tx) (bool, error) {
	a, b := telegram.Fulfils, telegram.CannotComply
	if d.Act == telegram.Cancels {
		a, b = d.Act, d.Act
	}
	var serial sql.NullInt64
	err := tx.QueryRow("select min(serial) from deed where of = $1 and post = $2 and act in ($3, $4)", d.Of, d.Post, a.String(), b.String()).Scan(&serial)
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

// cancels ends a fulfilment that no report has ended.
func (d *Deed) cancels(tx *store.Tx, noted time.Time) error {
	_, err := tx.Exec("update duty set done = $1, by = $2, ended = $3 where of = $4 and post = $5 and act = $6 and (done is null or ended = $3)",
		noted.UnixMilli(), d.By, string(Cancelled), d.Of, d.Post, string(Fulfilment))
	if err != nil {
		return fmt.Errorf("cancelling the order for %s: %w", d.Post, err)
	}
	return nil
}

// Deeds gives the history of a telegram, the oldest first; within one second a grant follows what it answers.
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
