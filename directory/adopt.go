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

// Adopted is what became of a list that was given to [Adopt].
type Adopted struct {
	Directory *Directory  // the post's newest
	Version   int64       // its number among those adopted, from 1
	Fresh     bool        // it says more than the one before; [Entered] is owed to it
	Left      []Statement // of the tail known before: what cannot stand after what the root officers have signed since
}

// Adopt keeps a list as the post's newest, with what the one kept now has besides: see [Directory.With]. It must extend what was signed of
// that one ([ErrFork], [ErrRollback]) and be signed by as many root officers as it takes ([ErrUnsigned]); whether the root is the right
// one was settled with the first list, by the caller, with [Directory.Verify]. A stale list is taken: the caller decides whether it may be.
// The same list again is no error, and if it was signed anew, the newer signatures are kept.
//
// Whether the people who issued statements of the tail signed them is for the caller to check, as with all [Directory.Vouchers].
func Adopt(tx *store.Tx, d *Directory, at time.Time) (a Adopted, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("adopting a directory: %w", err)
		}
	}()
	if err := d.Verify(d.fingerprint, at); err != nil && !errors.Is(err, ErrStale) {
		return a, err
	}
	if tx.Postgres() {
		// Two processes that both saw the same newest list could otherwise each put another one after it.
		if _, err := tx.Exec(`lock table adoption in share row exclusive mode`); err != nil {
			return a, err
		}
	}
	old, version, err := Newest(tx)
	if errors.Is(err, ErrNone) {
		a = Adopted{Directory: d, Version: 1, Fresh: true}
		return a, a.insert(tx, at)
	}
	if err != nil {
		return a, err
	}
	a = Adopted{Directory: old, Version: version}
	if a.Directory, a.Left, err = d.With(old, at); err != nil {
		return a, err
	}
	a.Fresh = a.Directory.Size() != old.Size() || a.Directory.Total() != old.Total()
	if !a.Fresh && d.Size() < old.Size() {
		return a, d.Extends(old)
	}
	if !a.Fresh {
		if !a.Directory.SignedAt(at).After(old.SignedAt(at)) {
			return a, nil
		}
		_, err := tx.Exec(`update adoption set file = $1 where n = $2`, a.Directory.Marshal(), version)
		return a, err
	}
	if _, err := tx.Exec(`update adoption set file = $1 where n = $2`, old.end(), version); err != nil {
		return a, err
	}
	a.Version++
	return a, a.insert(tx, at)
}

func (a *Adopted) insert(tx *store.Tx, at time.Time) error {
	_, err := tx.Exec(`insert into adoption(n, size, total, file, adopted) values ($1, $2, $3, $4, $5)`,
		a.Version, a.Directory.Size(), a.Directory.Total(), a.Directory.Marshal(), at.Unix())
	return err
}

// Entered says in which entry of the register it stands that a version was adopted.
func Entered(tx *store.Tx, version, entry int64) error {
	n, err := tx.Exec(`update adoption set entry = $1 where n = $2 and entry is null`, entry, version)
	if err == nil && n != 1 {
		err = fmt.Errorf("version %d of the directory: %w", version, ErrNone)
	}
	return err
}

// Newest gives the newest list adopted, and the number of its version. It parses the whole file: keep what it gives.
func Newest(tx *store.Tx) (*Directory, int64, error) {
	var file []byte
	var version int64
	err := tx.QueryRow(`select n, file from adoption order by n desc limit 1`).Scan(&version, &file)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, 0, ErrNone
	}
	if err != nil {
		return nil, 0, fmt.Errorf("reading the directory: %w", err)
	}
	d, err := Parse(file)
	if err != nil {
		return nil, 0, fmt.Errorf("reading the directory: %w", err)
	}
	return d, version, nil
}

// NewestVersion is the number of the newest version adopted, 0 before the first.
func NewestVersion(tx *store.Tx) (version int64, err error) {
	if err = tx.QueryRow(`select coalesce(max(n), 0) from adoption`).Scan(&version); err != nil {
		err = fmt.Errorf("reading the directory's versions: %w", err)
	}
	return version, err
}

// Versions gives the register's entries of all versions adopted, that of version 1 first.
func Versions(tx *store.Tx) (entries []int64, err error) {
	rows, err := tx.Query(`select coalesce(entry, 0) from adoption order by n`)
	if err != nil {
		return nil, fmt.Errorf("reading the directory's versions: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var at int64
		if err := rows.Scan(&at); err != nil {
			return nil, fmt.Errorf("reading the directory's versions: %w", err)
		}
		entries = append(entries, at)
	}
	return entries, rows.Err()
}

// At gives a version of the list as it was adopted, with the signatures it had when a newer one took its place. Current is the newest.
func At(tx *store.Tx, current *Directory, version int64) (*Directory, error) {
	var size, total int64
	var file []byte
	err := tx.QueryRow(`select size, total, file from adoption where n = $1`, version).Scan(&size, &total, &file)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("version %d: %w", version, ErrNone)
	}
	var d *Directory
	if err == nil && bytes.HasPrefix(file, []byte(header)) {
		d, err = Parse(file)
	} else if err == nil {
		d, err = current.cut(size, file)
	}
	if err == nil && (d.Size() != size || d.Total() != total) {
		err = fmt.Errorf("it has %d and %d statements, and had %d and %d", d.Size(), d.Total(), size, total)
	}
	if err != nil {
		return nil, fmt.Errorf("reading version %d of the directory: %w", version, err)
	}
	return d, nil
}

// cut makes a list of this one's beginning of that size, and of a file's end from its checkpoint on.
func (d *Directory) cut(size int64, end []byte) (*Directory, error) {
	if size < 1 || size > d.Size() {
		return nil, fmt.Errorf("the newest has %d statements, and that one had %d", d.Size(), size)
	}
	begin := empty()
	for _, e := range d.entries[:size] {
		if err := begin.add(e.statement, e.salt, false); err != nil {
			return nil, err
		}
	}
	f := &blocks{rest: end}
	block, err := f.block()
	if err != nil {
		return nil, err
	}
	return begin, begin.parseCheckpoint(block, f)
}
