package register

import (
	"database/sql"
	"errors"
	"fmt"

	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// CheckHead holds the register's head and the edge of its log against its last signed checkpoint, and looks that nothing was kept beyond
// it. It is quick, and no proof of the whole: see Verify.
func CheckHead(tx *store.Tx, origin string, verifiers []note.Verifier) error {
	_, err := lastCheckpoint(tx, origin, verifiers)
	return err
}

func lastCheckpoint(tx *store.Tx, origin string, verifiers []note.Verifier) (c Checkpoint, err error) {
	var size int64
	if err := tx.QueryRow("select size from head where one = 1").Scan(&size); err != nil {
		return c, fmt.Errorf("reading the register's head: %w", err)
	}
	// A head that was set back would have the register go on from an old checkpoint, and give numbers twice.
	var beyond int64
	if err := tx.QueryRow("select (select count(*) from entry where idx >= $1) + (select count(*) from checkpoint where size > $1)", size).Scan(&beyond); err != nil {
		return c, fmt.Errorf("reading the register's head: %w", err)
	}
	if beyond > 0 {
		return c, fmt.Errorf("its head says %d entries, and more are kept", size)
	}
	if size == 0 {
		return c, nil
	}
	var signed string
	err = tx.QueryRow("select note from checkpoint where size = $1", size).Scan(&signed)
	if errors.Is(err, sql.ErrNoRows) {
		return c, fmt.Errorf("it has %d entries and no checkpoint of them", size)
	}
	if err != nil {
		return c, fmt.Errorf("reading the register's last checkpoint: %w", err)
	}
	if c, err = OpenCheckpoint(signed, origin, verifiers); err != nil {
		return c, err
	}
	root, err := tlog.TreeHash(size, storedHashes{tx})
	if err != nil {
		return c, err
	}
	if c.Size != size || c.Root != root {
		return c, errors.New("its last checkpoint is of another log")
	}
	return c, nil
}

// storedHashes reads the log's hashes from the database.
type storedHashes struct{ tx *store.Tx }

func (s storedHashes) ReadHashes(idx []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(idx))
	for i, x := range idx {
		var h []byte
		err := s.tx.QueryRow("select hash from loghash where idx = $1", x).Scan(&h)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return nil, fmt.Errorf("the log's hash %d is missing", x)
		case err != nil:
			return nil, fmt.Errorf("reading the log's hash %d: %w", x, err)
		case len(h) != tlog.HashSize:
			return nil, fmt.Errorf("the log's hash %d has %d bytes", x, len(h))
		}
		out[i] = tlog.Hash(h)
	}
	return out, nil
}

// EntryOf finds the entry of a filed telegram, and proves that it stands in the log that the last checkpoint signs.
func EntryOf(tx *store.Tx, of int64, origin string, verifiers []note.Verifier) (r Row, err error) {
	if r, err = rowOf(tx, of); err == nil {
		_, _, err = prove(tx, r.Index, r.Leaf, origin, verifiers)
	}
	return r, err
}

func rowOf(tx *store.Tx, of int64) (r Row, err error) {
	err = tx.QueryRow("select idx, kind, leaf, at from entry where of = $1", of).Scan(&r.Index, &r.Kind, &r.Leaf, &r.At)
	if errors.Is(err, sql.ErrNoRows) {
		return r, errors.New("the register has no entry for it")
	}
	if err != nil {
		return r, fmt.Errorf("reading the register's entry of it: %w", err)
	}
	r.Of = of
	return r, nil
}

// IndexOf is where the entry of a filed telegram stands, unproved.
func IndexOf(tx *store.Tx, of int64) (idx int64, err error) {
	err = tx.QueryRow("select idx from entry where of = $1", of).Scan(&idx)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, errors.New("the register has no entry for it")
	}
	if err != nil {
		return 0, fmt.Errorf("reading the register's entry of it: %w", err)
	}
	return idx, nil
}

// Said reads a note of the register, sealed as it was given, and proves that it stands in the log that the last checkpoint signs.
func Said(tx *store.Tx, idx int64, origin string, verifiers []note.Verifier) (r Row, err error) {
	err = tx.QueryRow("select idx, kind, leaf, said, at from entry where idx = $1", idx).Scan(&r.Index, &r.Kind, &r.Leaf, &r.Said, &r.At)
	if errors.Is(err, sql.ErrNoRows) {
		return r, fmt.Errorf("the register has no entry %d", idx)
	}
	if err != nil {
		return r, fmt.Errorf("reading the register's entry %d: %w", idx, err)
	}
	_, _, err = prove(tx, idx, r.Leaf, origin, verifiers)
	return r, err
}

// prove finds the way from an entry to the last checkpoint's root.
func prove(tx *store.Tx, idx int64, leaf []byte, origin string, verifiers []note.Verifier) (c Checkpoint, path tlog.RecordProof, err error) {
	if c, err = lastCheckpoint(tx, origin, verifiers); err != nil {
		return c, nil, err
	}
	if path, err = tlog.ProveRecord(c.Size, idx, storedHashes{tx}); err != nil {
		return c, nil, err
	}
	if err := tlog.CheckRecord(path, c.Size, c.Root, idx, telegram.EntryHash(leaf)); err != nil {
		return c, nil, fmt.Errorf("entry %d is not in the log that was signed", idx)
	}
	return c, path, nil
}
