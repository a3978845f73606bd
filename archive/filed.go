package archive

import (
	"database/sql"
	"errors"
	"fmt"

	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// Way is whether a filed telegram was sent or received.
type Way string

// The ways.
const (
	Out Way = "out"
	In  Way = "in"
)

// Filed is a telegram as the post keeps it for ever. Body and Local are sealed before they come here, for [Place].
type Filed struct {
	ID         int64
	Way        Way
	Year       int
	Number     uint32 // the post's own register number or incoming number
	Post       string // the post that sent it
	Serial     uint32 // the sender's serial for this post; 0 for what this post sent
	Precedence telegram.Precedence
	Root       telegram.Root
	Body       []byte // the registered telegram as written
	Local      []byte // what this post keeps beside it and never sends, or nil
	At         int64  // registered, or received; seconds since 1970
}

// Place is where the body of filed telegram id is kept, as seal.Rest binds it there.
func Place(id int64) string { return fmt.Sprintf("filed %d", id) }

// LocalPlace is where what is kept beside it is.
func LocalPlace(id int64) string { return fmt.Sprintf("filed %d local", id) }

// NextID takes the row number of the next telegram to be filed.
func NextID(tx *store.Tx) (id int64, err error) {
	err = tx.QueryRow("insert into counter (name, last) values ('filed', 1) on conflict (name) do update set last = counter.last + 1 returning last").Scan(&id)
	return id, err
}

// File files a telegram, once and for ever.
func File(tx *store.Tx, f *Filed) error {
	var local any
	if f.Local != nil {
		local = f.Local
	}
	return tx.Insert("filed (id, way, year, number, post, serial, precedence, root, body, local, at)", 11, []any{f.ID, string(f.Way), f.Year,
		int64(f.Number), f.Post, int64(f.Serial), int64(f.Precedence), f.Root[:], f.Body, local, f.At}, "")
}

// Rewrite puts another body in the place of a filed telegram's: the same telegram, with a signature that came later.
func Rewrite(tx *store.Tx, id int64, body []byte) error {
	n, err := tx.Exec("update filed set body = $1 where id = $2", body, id)
	if err == nil && n != 1 {
		err = ErrNone
	}
	return err
}

// ErrNone is in the error for a telegram that is not filed here.
var ErrNone = errors.New("no such telegram is filed here")

// Get reads a filed telegram by its row.
func Get(tx *store.Tx, id int64) (*Filed, error) { return one(tx, "id = $1", id) }

// ByNumber reads a filed telegram by the post's own number.
func ByNumber(tx *store.Tx, way Way, year int, number uint32) (*Filed, error) {
	return one(tx, "way = $1 and year = $2 and number = $3", string(way), year, int64(number))
}

// BySerial reads a received telegram by the number the sender gave it for this post.
func BySerial(tx *store.Tx, post string, serial uint32) (*Filed, error) {
	return one(tx, "way = 'in' and post = $1 and serial = $2", post, int64(serial))
}

const columns = "id, way, year, number, post, serial, precedence, root, body, local, at"

func one(tx *store.Tx, where string, args ...any) (*Filed, error) {
	fs, err := read(tx, where+" limit 1", args...)
	if err != nil {
		return nil, err
	}
	if len(fs) == 0 {
		return nil, ErrNone
	}
	return &fs[0], nil
}

// Newest gives the filed telegrams of one way, the newest first.
func Newest(tx *store.Tx, way Way, limit int) ([]Filed, error) {
	return read(tx, "way = $1 order by id desc limit $2", string(way), limit)
}

// Urgent gives every telegram filed at flash or above since a time, in seconds since 1970, the oldest first.
func Urgent(tx *store.Tx, since int64, each func(*Filed) error) error {
	for last := int64(0); ; {
		// In parts, so that many take little memory.
		fs, err := read(tx, "precedence >= 4 and (at, id) > ($1, $2) order by at, id limit 200", since, last)
		if err != nil || len(fs) == 0 {
			return err
		}
		for i := range fs {
			if err := each(&fs[i]); err != nil {
				return err
			}
		}
		since, last = fs[len(fs)-1].At, fs[len(fs)-1].ID
	}
}

func read(tx *store.Tx, where string, args ...any) ([]Filed, error) {
	rows, err := tx.Query("select "+columns+" from filed where "+where, args...)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the archive: %w", err)
	}
	defer rows.Close()
	var out []Filed
	for rows.Next() {
		var f Filed
		var root []byte
		if err := rows.Scan(&f.ID, &f.Way, &f.Year, &f.Number, &f.Post, &f.Serial, &f.Precedence, &root, &f.Body, &f.Local, &f.At); err != nil {
			return nil, fmt.Errorf("reading the archive: %w", err)
		}
		copy(f.Root[:], root)
		out = append(out, f)
	}
	return out, rows.Err()
}
