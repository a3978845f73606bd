package directory

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"chancery.example/chancery/store"
)

// ErrNone says that the post has not adopted such a directory.
var ErrNone = errors.New("no such directory was adopted")

// Adopt keeps a list as the post's newest. It must extend the one kept now ([ErrFork], [ErrRollback]) and be signed by as many root
// officers as it takes ([ErrUnsigned]); whether the root is the right one was settled with the first list, by the caller, with
// [Directory.Verify]. A stale list is taken: the caller decides whether it may be. The same list again is no error, and if it was
// signed anew, the newer signatures are kept.
//
// The table directory has a row for each size adopted. The newest row's file is the whole file. As every later list begins with the
// older ones, an older row's file is only the checkpoint with its signatures: the disk holds the statements once.
func Adopt(tx *store.Tx, d *Directory, at time.Time) error {
	if err := d.Verify(d.fingerprint, at); err != nil && !errors.Is(err, ErrStale) {
		return fmt.Errorf("adopting a directory: %w", err)
	}
	if tx.Postgres() {
		// Two processes that both saw the same newest list could otherwise each put another one after it.
		if _, err := tx.Exec(`lock table directory in share row exclusive mode`); err != nil {
			return fmt.Errorf("adopting a directory: %w", err)
		}
	}
	old, err := Current(tx)
	switch {
	case errors.Is(err, ErrNone):
	case err != nil:
		return fmt.Errorf("adopting a directory: %w", err)
	default:
		if err := d.Extends(old); err != nil {
			return fmt.Errorf("adopting a directory: %w", err)
		}
		if d.Size() == old.Size() {
			if !d.SignedAt(at).After(old.SignedAt(at)) {
				return nil
			}
			break
		}
		if _, err := tx.Exec(`update directory set file = $1 where size = $2`, old.note(), old.Size()); err != nil {
			return fmt.Errorf("adopting a directory: %w", err)
		}
	}
	_, err = tx.Exec(`insert into directory(size, file, adopted) values ($1, $2, $3)
		on conflict (size) do update set file = excluded.file`, d.Size(), d.Marshal(), at.Unix())
	if err != nil {
		return fmt.Errorf("adopting a directory: %w", err)
	}
	return nil
}

// Current gives the newest list adopted. It parses the whole file: keep what it gives.
func Current(tx *store.Tx) (*Directory, error) {
	var file []byte
	err := tx.QueryRow(`select file from directory order by size desc limit 1`).Scan(&file)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrNone
	}
	if err != nil {
		return nil, fmt.Errorf("reading the directory: %w", err)
	}
	d, err := Parse(file)
	if err != nil {
		return nil, fmt.Errorf("reading the directory: %w", err)
	}
	return d, nil
}

// At gives the list as it was adopted when it had that many statements, with the signatures it had when a longer one took its place.
func At(tx *store.Tx, size int64) (*Directory, error) {
	current, err := Current(tx)
	if err != nil || size == current.Size() {
		return current, err
	}
	var note []byte
	err = tx.QueryRow(`select file from directory where size = $1`, size).Scan(&note)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("of %d statements: %w", size, ErrNone)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the directory of %d statements: %w", size, err)
	}
	d, err := current.cut(size, note)
	if err != nil {
		return nil, fmt.Errorf("reading the directory of %d statements: %w", size, err)
	}
	return d, nil
}

// cut makes the list's beginning of that size, under the checkpoint it had.
func (d *Directory) cut(size int64, note []byte) (*Directory, error) {
	begin := empty()
	for _, e := range d.entries[:size] {
		if err := begin.add(e.statement, e.salt); err != nil {
			return nil, err
		}
	}
	signatures, ok := bytes.CutPrefix(note, []byte(begin.Checkpoint()+"\n"))
	if !ok {
		return nil, errors.New("its checkpoint is not of these statements")
	}
	var err error
	begin.signatures, _, err = readSignatures(signatures)
	return begin, err
}
