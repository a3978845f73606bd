package circuit

import (
	"errors"
	"fmt"
	"time"

	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// Piece is a section that came while others of its telegram are still missing. Its body is sealed at rest by whoever keeps it.
type Piece struct {
	Post       string // from which
	Serial     uint32
	I, N       uint32
	Special    uint32
	Precedence telegram.Precedence
	Size       int64 // of the envelope it came in
	Body       []byte
	At         time.Time
}

// MaxPieces bounds the bytes of the pieces of one telegram. No telegram is larger: what would be comes from a broken or hostile post.
const MaxPieces = 2*telegram.MaxText + 1<<16

// MaxUnfinished bounds how many telegrams of one post may be here in part. What comes of further ones is not kept, and comes again.
const MaxUnfinished = 64

var (
	// ErrPieces is in the error for a piece that cannot belong to the others.
	ErrPieces = errors.New("the sections do not belong together")
	// ErrUnfinished is in the error for the first piece of a telegram when [MaxUnfinished] others of its post are here in part.
	ErrUnfinished = errors.New("there are too many unfinished telegrams")
)

// Keep keeps a piece. A piece that is there already is left as it is.
func Keep(tx *store.Tx, p *Piece) error {
	var pieces, other, bytes, unfinished int64
	err := tx.QueryRow("select count(*), coalesce(max(n), $3), coalesce(sum(length(body)) filter (where i <> $4), 0) from piece where post = $1 and serial = $2",
		p.Post, int64(p.Serial), int64(p.N), int64(p.I)).Scan(&pieces, &other, &bytes)
	if err == nil && pieces == 0 {
		err = tx.QueryRow("select count(distinct serial) from piece where post = $1", p.Post).Scan(&unfinished)
	}
	if err != nil {
		return fmt.Errorf("keeping a section of serial %d from %s: %w", p.Serial, p.Post, err)
	}
	if p.I < 1 || p.I > p.N || other != int64(p.N) || bytes+int64(len(p.Body)) > MaxPieces {
		return fmt.Errorf("serial %d from %s: section %d of %d: %w", p.Serial, p.Post, p.I, p.N, ErrPieces)
	}
	if unfinished >= MaxUnfinished {
		return fmt.Errorf("serial %d from %s: section %d of %d: %w", p.Serial, p.Post, p.I, p.N, ErrUnfinished)
	}
	return tx.Insert("piece (post, serial, i, n, special, precedence, size, body, at)", 9, []any{p.Post, int64(p.Serial), int64(p.I),
		int64(p.N), int64(p.Special), int64(p.Precedence), p.Size, p.Body, p.At.UnixMilli()}, "on conflict (post, serial, i) do nothing")
}

// Pieces gives the pieces of a telegram that are here, in order.
func Pieces(tx *store.Tx, post string, serial uint32) ([]Piece, error) {
	rows, err := tx.Query("select i, n, special, precedence, size, body, at from piece where post = $1 and serial = $2 order by i", post, int64(serial))
	if err != nil {
		return nil, fmt.Errorf("reading the sections of serial %d from %s: %w", serial, post, err)
	}
	defer rows.Close()
	var out []Piece
	for rows.Next() {
		p := Piece{Post: post, Serial: serial}
		var at int64
		if err := rows.Scan(&p.I, &p.N, &p.Special, &p.Precedence, &p.Size, &p.Body, &at); err != nil {
			return nil, fmt.Errorf("reading the sections of serial %d from %s: %w", serial, post, err)
		}
		p.At = time.UnixMilli(at)
		out = append(out, p)
	}
	return out, rows.Err()
}

// Drop forgets the pieces of a telegram: it is whole, or it was refused.
func Drop(tx *store.Tx, post string, serial uint32) error {
	_, err := tx.Exec("delete from piece where post = $1 and serial = $2", post, int64(serial))
	return err
}
