package desk

import (
	"fmt"

	"chancery.example/chancery/store"
)

// Cover is one row of the table of cover names.
type Cover struct {
	N     int64
	Body  []byte // sealed, under CoverPlace
	Entry int64
}

// CoverPlace is where a row of the table of cover names is sealed to.
func CoverPlace(n int64) string { return fmt.Sprintf("cover %d", n) }

// NextCover takes the number of the next row.
func NextCover(tx *store.Tx) (n int64, err error) {
	err = tx.QueryRow("insert into counter (name, last) values ('cover', 1) on conflict (name) do update set last = counter.last + 1 returning last").Scan(&n)
	return n, err
}

// AddCover keeps a row.
func AddCover(tx *store.Tx, c *Cover) error {
	return tx.Insert("cover (n, body, entry)", 3, []any{c.N, c.Body, c.Entry}, "")
}

// Covers gives all rows, the oldest first.
func Covers(tx *store.Tx) ([]Cover, error) {
	rows, err := tx.Query("select n, body, entry from cover order by n")
	if err != nil {
		return nil, fmt.Errorf("reading the cover names: %w", err)
	}
	defer rows.Close()
	var out []Cover
	for rows.Next() {
		var c Cover
		if err := rows.Scan(&c.N, &c.Body, &c.Entry); err != nil {
			return nil, fmt.Errorf("reading the cover names: %w", err)
		}
		out = append(out, c)
	}
	return out, rows.Err()
}
