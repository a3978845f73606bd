package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"chancery.example/chancery/store"
)

func TestParametersBindByNumber(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		var got [5]string
		err := db.Read(t.Context(), func(tx *store.Tx) error {
			return tx.QueryRow(`select cast($3 as text), '$1', cast($1 as text), /* $2 */ cast($3 as text), cast($2 as text) -- $9`,
				"one", "two", "three").Scan(&got[0], &got[1], &got[2], &got[3], &got[4])
		})
		if err != nil {
			t.Fatal(err)
		}
		if want := [...]string{"three", "$1", "one", "three", "two"}; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestQuestion(t *testing.T) {
	for q, want := range map[string]string{
		`a=$1 and b=$12`:                `a=?1 and b=?12`,
		`'$1' $1 "$2" $2`:               `'$1' ?1 "$2" ?2`,
		`'it''s $1' $1`:                 `'it''s $1' ?1`,
		"-- $1\n$1 /* $2 ' */ $2":       "-- $1\n?1 /* $2 ' */ ?2",
		`- $1 / $2 -$3/$4`:              `- ?1 / ?2 -?3/?4`,
		`'never closed $1`:              `'never closed $1`,
		"-- never closed $1":            "-- never closed $1",
		`/*/ $1 */ $1`:                  `/*/ $1 */ ?1`,
		`$0 $x`:                         `$0 $x`,
		`json->>'$.a' = $1`:             `json->>'$.a' = ?1`,
		`select 'a' || $2 || 'b' || $1`: `select 'a' || ?2 || 'b' || ?1`,
	} {
		if got := store.Question(q); got != want {
			t.Errorf("%s\n got %s\nwant %s", q, got, want)
		}
	}
}

func FuzzQuestion(f *testing.F) {
	f.Add(`select '$1', $1 -- $2`)
	f.Fuzz(func(t *testing.T, q string) {
		// Only $ before a digit may turn, and only into ?.
		if got := store.Question(q); strings.ReplaceAll(got, "?", "$") != strings.ReplaceAll(q, "?", "$") {
			t.Errorf("%q became %q", q, got)
		}
	})
}

func TestInsert(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		const rows = 1000
		var vals []any
		for i := range rows {
			vals = append(vals, fmt.Sprintf("POST %04d", i), i)
		}
		again := func(tx *store.Tx) error {
			return tx.Insert("tally(name, next)", 2, vals, "on conflict (name) do update set next = tally.next + excluded.next")
		}
		write(t, db, again)
		write(t, db, again)
		var n, sum int
		var got []string
		err := db.Read(t.Context(), func(tx *store.Tx) error {
			rs, err := tx.Query(`select name, next from tally where next >= $1 order by name`, 0)
			if err != nil {
				return err
			}
			defer rs.Close()
			for rs.Next() {
				var name string
				var next int
				if err := rs.Scan(&name, &next); err != nil {
					return err
				}
				got, n, sum = append(got, name), n+1, sum+next
			}
			return rs.Err()
		})
		if err != nil {
			t.Fatal(err)
		}
		if n != rows || sum != rows*(rows-1) || !slices.IsSorted(got) {
			t.Errorf("%d rows with sum %d, want %d and %d", n, sum, rows, rows*(rows-1))
		}
		write(t, db, func(tx *store.Tx) error { return tx.Insert("tally(name, next)", 2, nil, "") })
		for _, cols := range []int{-1, 0, 3, 1 << 20} {
			if err := db.Write(t.Context(), func(tx *store.Tx) error { return tx.Insert("tally(name, next)", cols, vals, "") }); err == nil {
				t.Errorf("%d values were inserted as rows of %d", len(vals), cols)
			}
		}
	})
}
