package circuit

import (
	"fmt"
	"slices"
	"time"

	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// What is done when the receiving post asks for something again: the same bytes are carried, or the telegram is sealed anew, under the same serial.

// Asked notes that sections were asked for; those whose envelope is kept are due.
func Asked(tx *store.Tx, post string, specials []uint32, now time.Time) error {
	for _, s := range specials {
		if _, err := tx.Exec("update wire set asked = $1, asks = asks + 1 where post = $2 and special = $3 and envelope is not null", now.UnixMilli(), post, int64(s)); err != nil {
			return fmt.Errorf("noting what %s asks for: %w", post, err)
		}
	}
	return nil
}

// Anew has a telegram sealed anew from its first section, receipted or not. The sections that were sealed stay as record, without their envelopes;
// entry is the register's entry that says why.
func Anew(tx *store.Tx, post string, serial uint32, entry int64) error {
	if _, err := tx.Exec("update wire set envelope = null, superseded = $1 where post = $2 and serial = $3 and superseded is null", entry, post, int64(serial)); err != nil {
		return fmt.Errorf("sealing serial %d for %s anew: %w", serial, post, err)
	}
	n, err := tx.Exec("update outbox set sections = 0, sealed = 0, receipted = null, receipt = null, anew = $1 where post = $2 and serial = $3", entry, post, int64(serial))
	if err == nil && n != 1 {
		err = fmt.Errorf("the outbox does not have it")
	}
	if err != nil {
		return fmt.Errorf("sealing serial %d for %s anew: %w", serial, post, err)
	}
	return nil
}

// Standing is how far the series are by which this post sends to another.
type Standing struct {
	Serials []SerialWaiting // registered and not wholly sealed
	Open    []Place         // sections whose envelope is kept
}

// SerialWaiting is the serial, with its mark, of a telegram that is not wholly sealed yet.
type SerialWaiting uint32

// Place is where a section stands in the series.
type Place struct {
	Special, Lane uint32
	Circuit       uint8
	Precedence    telegram.Precedence
}

// StandingOf reads what of one post's telegrams waits, and what is on its way.
func StandingOf(tx *store.Tx, post string) (s Standing, err error) {
	rows, err := tx.Query("select serial from outbox where post = $1 and receipted is null and (sections = 0 or sealed < sections) order by serial", post)
	if err != nil {
		return s, fmt.Errorf("looking what waits for %s: %w", post, err)
	}
	for rows.Next() {
		var n uint32
		if err := rows.Scan(&n); err != nil {
			rows.Close()
			return s, err
		}
		s.Serials = append(s.Serials, SerialWaiting(n))
	}
	if err := rows.Close(); err != nil {
		return s, err
	}
	if rows, err = tx.Query("select special, lane, circuit, precedence from wire where post = $1 and envelope is not null order by special", post); err != nil {
		return s, fmt.Errorf("looking what is on its way to %s: %w", post, err)
	}
	defer rows.Close()
	for rows.Next() {
		var p Place
		if err := rows.Scan(&p.Special, &p.Lane, &p.Circuit, &p.Precedence); err != nil {
			return s, err
		}
		s.Open = append(s.Open, p)
	}
	return s, rows.Err()
}

// InRanges puts numbers into ranges, in order; of more than the most, the last range has all that is left, with what lies between.
func InRanges(numbers []uint32, most int) (rs []telegram.Range) {
	slices.Sort(numbers)
	for _, n := range numbers {
		last := len(rs) - 1
		switch {
		case last >= 0 && n <= rs[last].Last:
		case last >= 0 && (n == rs[last].Last+1 || len(rs) == most):
			rs[last].Last = n
		default:
			rs = append(rs, telegram.Range{First: n, Last: n})
		}
	}
	return rs
}
