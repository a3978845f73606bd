package desk

import (
	"fmt"

	"chancery.example/chancery/store"
)

// Unfinished gives the drafts that are not registered and in which a person had a hand; with 0 all of them.
func Unfinished(tx *store.Tx, person uint32) ([]int64, error) {
	rows, err := tx.Query(`select id from draft where state <> 'registered' and ($1 = 0 or id in (select draft from step where person = $1)) order by id`, int64(person))
	if err != nil {
		return nil, fmt.Errorf("reading the drafts under way: %w", err)
	}
	defer rows.Close()
	ids := []int64{}
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("reading the drafts under way: %w", err)
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// CopiesHeld counts the numbered copies that each holder has: holder → copies.
func CopiesHeld(tx *store.Tx) (map[int64]int, error) {
	rows, err := tx.Query(`select holder, count(*) from copy where state in ('made', 'given', 'transferred') group by holder`)
	if err != nil {
		return nil, fmt.Errorf("counting the copies held: %w", err)
	}
	defer rows.Close()
	held := map[int64]int{}
	for rows.Next() {
		var holder int64
		var n int
		if err := rows.Scan(&holder, &n); err != nil {
			return nil, fmt.Errorf("counting the copies held: %w", err)
		}
		held[holder] = n
	}
	return held, rows.Err()
}
