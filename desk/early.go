package desk

import (
	"fmt"

	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// Early is a deed that overtook the telegram it is said of: it waits for it.
type Early struct {
	Post   string        // the post that sent both
	Serial uint32        // the cited serial, for this post
	Root   telegram.Root // of the telegram that is cited
	Deed   Deed          // without Of and Post: they are known when it comes
}

// Wait keeps a deed until the telegram comes that it is said of. A deed on one telegram that cites a serial for each of several posts waits under
// all of them that can still come: which is this post's, that telegram will tell.
func Wait(tx *store.Tx, e *Early) error {
	d := &e.Deed
	return tx.Insert("early (post, serial, root, act, by, own, at, until)", 8, []any{e.Post, int64(e.Serial), e.Root[:], d.Act.String(), d.By, int64(d.Serial), d.At, d.Until},
		"on conflict (post, serial, act, by) do nothing")
}

// Waited takes what waited for a telegram, in the order in which it was said.
func Waited(tx *store.Tx, post string, serial uint32) (out []Early, err error) {
	rows, err := tx.Query("select root, act, by, own, at, until from early where post = $1 and serial = $2 order by own, act", post, int64(serial))
	if err != nil {
		return nil, fmt.Errorf("reading what waited for a telegram: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		e := Early{Post: post, Serial: serial}
		var root []byte
		var act string
		if err := rows.Scan(&root, &act, &e.Deed.By, &e.Deed.Serial, &e.Deed.At, &e.Deed.Until); err != nil {
			return nil, fmt.Errorf("reading what waited for a telegram: %w", err)
		}
		if err := e.Deed.Act.UnmarshalText([]byte(act)); err != nil {
			return nil, err
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

// Settle ends the waiting of all deeds of one act that one telegram says: it found what it is said of.
func Settle(tx *store.Tx, by int64, act telegram.Act) error {
	if _, err := tx.Exec("delete from early where by = $1 and act = $2", by, act.String()); err != nil {
		return fmt.Errorf("ending what waits: %w", err)
	}
	return nil
}

// Waits says whether a deed of that act, said by that telegram, waits still.
func Waits(tx *store.Tx, by int64, act telegram.Act) (waits bool, err error) {
	var n int
	if err := tx.QueryRow("select count(*) from early where by = $1 and act = $2", by, act.String()).Scan(&n); err != nil {
		return false, fmt.Errorf("looking for what waits: %w", err)
	}
	return n > 0, nil
}
