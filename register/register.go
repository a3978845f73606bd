// Package register gives numbers, and keeps the log in which a gap or a change can be proved.
//
// # Series
//
// A series is a name and the last number taken: "register 2026", "incoming 2026", "serial BEIJING", "special BEIJING", "lane BEIJING 1 4".
// Every series is gapless from its base, which is 0 or the last number of the paper register that it goes on from. A number is taken in the
// transaction that enters what it was taken for, so no number is ever burnt and none is missing.
//
// # The log
//
// Each act enters one leaf in a log of the form of RFC 6962 (golang.org/x/mod/sumdb/tlog): a telegram sent or received as
// telegram.Registered says, anything else as telegram.NoteEntry says. Every transaction that enters ends with a checkpoint, a C2SP note
//
//	chancery/register/<routing code>
//	<size>
//	<root hash, base64>
//
// with two cosignatures by the post's register key, Ed25519 and ML-DSA-44 (C2SP tlog-cosignature). The register shows what was
// entered to nobody: leaves are salted digests.
//
// # Several writers
//
// A [Book] is the register inside one write transaction. Opening it locks the head row, so that of several processes on one database one
// at a time takes numbers; a book holds nothing after its transaction, and a crash loses nothing but that transaction.
package register

import (
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strings"

	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Origin is the first line of a post's checkpoints, and the name of its register key in them.
func Origin(r telegram.Route) string { return "chancery/register/" + r.String() }

// Book is the register inside one write transaction: open it, take numbers and enter, close it. It is for one goroutine.
type Book struct {
	tx      *store.Tx
	start   int64               // the log's size when the book was opened
	size    int64               // and now
	edge    map[int64]tlog.Hash // stored hashes on the right edge, and those this book adds
	last    map[string]int64    // series this book has looked at
	moved   map[string]bool     // series it has taken from
	entries []any               // rows to insert
	hashes  []any
}

// Open locks the register for this transaction and reads the edge of its log.
func Open(tx *store.Tx) (*Book, error) {
	q := "select size from head where one = 1"
	if tx.Postgres() {
		q += " for update"
	}
	b := &Book{tx: tx, edge: map[int64]tlog.Hash{}, last: map[string]int64{}, moved: map[string]bool{}}
	if err := tx.QueryRow(q).Scan(&b.start); err != nil {
		return nil, fmt.Errorf("opening the register: %w", err)
	}
	b.size = b.start
	for _, i := range edgeOf(b.size) {
		var h []byte
		err := tx.QueryRow("select hash from loghash where idx = $1", i).Scan(&h)
		if err == nil && len(h) != tlog.HashSize {
			err = fmt.Errorf("it has %d bytes", len(h))
		}
		if err != nil {
			return nil, fmt.Errorf("the register's log has lost hash %d (run chancery register verify): %w", i, err)
		}
		b.edge[i] = tlog.Hash(h)
	}
	return b, nil
}

// edgeOf lists the stored hashes of the complete subtrees that make up a log of n leaves.
func edgeOf(n int64) (idx []int64) {
	for ; n > 0; n &= n - 1 {
		level := bits.TrailingZeros64(uint64(n))
		idx = append(idx, tlog.StoredHashIndex(level, n>>level-1))
	}
	return idx
}

// Take takes the next number of a series.
func (b *Book) Take(series string) (uint32, error) {
	last, ok := b.last[series]
	if !ok {
		err := b.tx.QueryRow("select last from series where name = $1", series).Scan(&last)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return 0, fmt.Errorf("taking a number of %s: %w", series, err)
		}
	}
	if last >= math.MaxUint32 {
		return 0, fmt.Errorf("the series %s is used up", series)
	}
	b.last[series], b.moved[series] = last+1, true
	return uint32(last + 1), nil
}

// Continue makes a series go on from a paper register: its next number is last+1. The series must not have begun. As with a number
// taken, the book must enter what says so.
func (b *Book) Continue(series string, last uint32) error {
	if b.moved[series] {
		return fmt.Errorf("the series %s has begun already and cannot be set", series)
	}
	n, err := b.tx.Exec("insert into series (name, base, last) values ($1, $2, $2) on conflict (name) do nothing", series, int64(last))
	if err != nil {
		return fmt.Errorf("continuing %s: %w", series, err)
	}
	if n == 0 {
		return fmt.Errorf("the series %s has begun already and cannot be set", series)
	}
	b.last[series], b.moved[series] = int64(last), true
	return nil
}

// Enter enters a telegram; of is its row among the filed ones, entry what telegram.Registered wrote. at is in seconds since 1970.
func (b *Book) Enter(kind telegram.EntryKind, entry []byte, of int64, at int64) (idx int64, err error) {
	return b.enter(kind, entry, of, nil, at)
}

// Note enters something that is no telegram. seal is called with the row's place and the bytes to keep, salt 32 ‖ said, and gives
// them sealed.
func (b *Book) Note(kind telegram.EntryKind, said []byte, at int64, seal func(place string, b []byte) []byte) (idx int64, err error) {
	var salt [32]byte
	rand.Read(salt[:])
	kept := seal(Place(b.size), append(salt[:], said...))
	return b.enter(kind, telegram.NoteEntry(kind, salt, said), nil, kept, at)
}

// Place is where the words of entry idx are kept, as seal.Rest binds them to it.
func Place(idx int64) string { return fmt.Sprintf("entry %d", idx) }

func (b *Book) enter(kind telegram.EntryKind, leaf []byte, of, kept any, at int64) (int64, error) {
	hs, err := tlog.StoredHashesForRecordHash(b.size, telegram.EntryHash(leaf), b)
	if err != nil {
		return 0, fmt.Errorf("entering in the register: %w", err)
	}
	first := tlog.StoredHashCount(b.size)
	for i, h := range hs {
		b.edge[first+int64(i)] = h
		b.hashes = append(b.hashes, first+int64(i), append([]byte(nil), h[:]...))
	}
	b.entries = append(b.entries, b.size, int64(kind), leaf, of, kept, at, int64(0))
	b.size++
	return b.size - 1, nil
}

// ReadHashes lets tlog read the edge.
func (b *Book) ReadHashes(idx []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(idx))
	for i, x := range idx {
		h, ok := b.edge[x]
		if !ok {
			return nil, fmt.Errorf("hash %d is not on the log's edge", x)
		}
		out[i] = h
	}
	return out, nil
}

const entryColumns = 7 // the last is the checkpoint that closes the book

// Close writes what the book holds: numbers, entries, hashes, and a checkpoint signed by the post's register key, with both its
// algorithms. A book in which nothing was entered writes nothing. It refuses to go on from a log that is not the one of its last checkpoint.
func (b *Book) Close(origin string, signers []note.Signer) error {
	if b.size == b.start {
		if len(b.moved) > 0 {
			return errors.New("the register: a number was taken and nothing entered for it")
		}
		return nil
	}
	if len(signers) != 2 {
		return fmt.Errorf("closing the register: %d signers, want Ed25519 and ML-DSA-44", len(signers))
	}
	if err := b.checkEdge(origin); err != nil {
		return err
	}
	var series []any
	for name := range b.moved {
		series = append(series, name, 0, b.last[name])
	}
	if err := b.tx.Insert("series (name, base, last)", 3, series, "on conflict (name) do update set last = excluded.last"); err != nil {
		return fmt.Errorf("writing the numbers: %w", err)
	}
	for i := entryColumns - 1; i < len(b.entries); i += entryColumns {
		b.entries[i] = b.size
	}
	if err := b.tx.Insert("entry (idx, kind, leaf, of, said, at, checkpoint)", entryColumns, b.entries, ""); err != nil {
		return fmt.Errorf("writing the register's entries: %w", err)
	}
	if err := b.tx.Insert("loghash (idx, hash)", 2, b.hashes, ""); err != nil {
		return fmt.Errorf("writing the register's log: %w", err)
	}
	root, err := tlog.TreeHash(b.size, b)
	if err != nil {
		return fmt.Errorf("hashing the register's log: %w", err)
	}
	signed, err := note.Sign(&note.Note{Text: CheckpointText(origin, b.size, root)}, signers...)
	if err != nil {
		return fmt.Errorf("signing the register's checkpoint: %w", err)
	}
	if _, err := b.tx.Exec("insert into checkpoint (size, note) values ($1, $2)", b.size, string(signed)); err != nil {
		return fmt.Errorf("writing the register's checkpoint: %w", err)
	}
	if _, err := b.tx.Exec("update head set size = $1 where one = 1", b.size); err != nil {
		return fmt.Errorf("writing the register's head: %w", err)
	}
	return nil
}

// checkEdge holds the edge that the book went on from against the last checkpoint. Hashes damaged on the disk would otherwise be signed, and
// no later checkpoint could prove what stood below. It reads the text and not the signatures: it is no shield against whoever
// rewrites both, which Verify sees.
func (b *Book) checkEdge(origin string) error {
	if b.start == 0 {
		return nil
	}
	root, err := tlog.TreeHash(b.start, b)
	if err != nil {
		return fmt.Errorf("hashing the register's log: %w", err)
	}
	var last string
	if err := b.tx.QueryRow("select note from checkpoint where size = $1", b.start).Scan(&last); err != nil {
		return fmt.Errorf("the register has lost its last checkpoint, of %d entries (run chancery register verify): %w", b.start, err)
	}
	if !strings.HasPrefix(last, CheckpointText(origin, b.start, root)+"\n") {
		return fmt.Errorf("the register's log is not the one of its last checkpoint, of %d entries (run chancery register verify)", b.start)
	}
	return nil
}

// Known answers which filed telegram has this R or D, if any.
func Known(tx *store.Tx, root telegram.Root) (of int64, known bool, err error) {
	err = tx.QueryRow("select of from root where root = $1", root[:]).Scan(&of)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	return of, err == nil, err
}

// Remember keeps the R and D of a filed telegram, for ever: neither is taken again under another number.
func Remember(tx *store.Tx, of int64, draft, release telegram.Root) error {
	return tx.Insert("root (root, of)", 2, []any{draft[:], of, release[:], of}, "")
}
