// Package store is the post's one database: open, migrate, one write transaction at a time.
//
// # Engines
//
// The database is a SQLite file, encrypted at rest, or a PostgreSQL database (15 or newer) that several processes share.
// Both speak one spelling of SQL: parameters are $1, $2, … and may repeat and come in any order; on SQLite they
// are rewritten to ?1, ?2, … in one place, because SQLite numbers $1 by order of appearance and so binds it to the wrong value without a word.
// What works on both: returning, on conflict do update, filter (where …), window functions. What one engine alone can do
// (for update skip locked, any($1), full text) stands behind [Tx.Postgres].
//
// # Schema
//
// The migrations are files of package store (migrations/), numbered, forward only; [Open] applies those that are missing. They are
// written once, in SQLite's words, and translated for PostgreSQL: see [Migrations]. No domain rule lives in this package.
//
// # Transactions
//
// [DB.Write] runs one write transaction at a time in this process, so a function that it calls must not call Write: it would wait for itself.
// On SQLite it takes the file's write lock at once (begin immediate), so a transaction that reads and then writes cannot fail
// half-way because another process wrote in between. On PostgreSQL several processes write side by side, read committed: who must
// be alone says so by "select … for update". [DB.Read] sees one snapshot, and waits for no writer.
//
// A committed transaction is on disk: SQLite with journal_mode=wal and synchronous=full, PostgreSQL never with synchronous_commit=off.
//
// When Write returns an error, the transaction was not kept, with one exception that no database can remove: if the error came out of the
// commit itself, the answer may have been lost on its way back. Whoever then needs to know reads again.
//
// # At rest
//
// SQLite is encrypted page by page by Adiantum, with a 32-byte key; so is its write-ahead log, and temporary tables stay in memory.
// Adiantum hides and does not authenticate: someone who can write the file can roll pages back or turn them into noise. The register's
// chain is what notices. Files are made with mode 0600. On PostgreSQL nothing is encrypted here; callers seal what must stay secret.
//
// # Waking
//
// [Tx.Notify] names a topic in a transaction; when that has been committed, every [DB.Wake] on the topic is woken, on PostgreSQL in every
// process. A wake is a hint to look and carries nothing: several may fall together, and one may come without cause, but none is lost.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// What [Open], [DB.Write] and [DB.Read] refuse with, to be told apart by [errors.Is].
var (
	// ErrNewer: the schema is newer than this program. Nothing was changed.
	ErrNewer = errors.New("the database belongs to a newer version of this program")
	// ErrForeign: there is a database, and it is not a post's. Nothing was changed.
	ErrForeign = errors.New("the database belongs to another application")
	// ErrKey: the file cannot be read with this key. A file that never was a database looks the same. Nothing was changed.
	ErrKey = errors.New("wrong key for the database, or not a database")
	// ErrDamaged: the file has been cut short or its pages do not hold together.
	ErrDamaged = errors.New("the database file is damaged")
	// ErrBusy: another process (or on PostgreSQL, another transaction) held the lock for longer than this one waits, or the
	// two waited for each other. Nothing was written; the same call may succeed later.
	ErrBusy = errors.New("the database is locked by another process")
	// ErrFull: the disk has no room. Nothing was written; the same call succeeds when there is some.
	ErrFull = errors.New("the disk is full")
)

// patience is how long a transaction waits for a lock held elsewhere before it gives up with [ErrBusy].
const patience = 10 * time.Second

// readers is how many read transactions run side by side; one more waits for its turn.
const readers = 8

// DB is an open database. Its methods may be called from any goroutine.
type DB struct {
	// Fault, when not nil, is called in each Write at each [Stage]; an error from it breaks the transaction there. It is a seam for tests of
	// durability (each durable step must survive being lost, and being kept but reported failed); the product leaves it nil.
	// Set it before the database is shared among goroutines.
	Fault func(Stage) error

	postgres bool
	w        *sql.DB // one connection: it is what makes writes take turns
	r        *sql.DB
	wakes    wakes
	spelled  sync.Map // SQL text as we write it → as SQLite reads it; statements are constants, so there are few
}

// A Stage is a place in [DB.Write] where [DB.Fault] may break it.
type Stage int

const (
	// BeforeCommit: fn has returned nil; an error loses the transaction.
	BeforeCommit Stage = iota + 1
	// AfterCommit: the transaction is durable; an error makes Write report failure all the same.
	AfterCommit
)

func (s Stage) String() string {
	switch s {
	case BeforeCommit:
		return "before commit"
	case AfterCommit:
		return "after commit"
	}
	return fmt.Sprintf("Stage(%d)", int(s))
}

// Open opens the database named by url, making it if there is none, and brings its schema up to date.
//
// A url that begins with "postgres://" or "postgresql://" names a PostgreSQL database, as pgx reads it; key is then not used. The connection must keep its session (no pooler in
// transaction mode). Anything else is the path of a SQLite file, whose folder exists; key is then 32 bytes, of which Open keeps a copy.
//
// It refuses with [ErrNewer], [ErrForeign], [ErrKey], [ErrDamaged], [ErrFull] or [ErrBusy], wrapped. Two processes may open, and migrate, at the same time. Open starts nothing.
func Open(ctx context.Context, url string, key []byte) (*DB, error) {
	return open(ctx, url, key, patience)
}

// open tries for as long as patience lasts: turning on a write-ahead log beside another who opens the file, SQLite says at once that it is
// locked, and does not wait.
func open(ctx context.Context, url string, key []byte, patience time.Duration) (*DB, error) {
	for end := time.Now().Add(patience); ; {
		d, err := openOnce(ctx, url, key, patience)
		if !errors.Is(err, ErrBusy) || ctx.Err() != nil || time.Now().After(end) {
			return d, err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func openOnce(ctx context.Context, url string, key []byte, patience time.Duration) (*DB, error) {
	d := &DB{}
	var err error
	if strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://") {
		err = d.openPostgres(ctx, url, patience)
	} else {
		err = d.openSQLite(ctx, url, key, patience)
	}
	if err == nil {
		err = d.migrate(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("opening the database: %w", errors.Join(sort(err), d.Close()))
	}
	return d, nil
}

// Close ends what listens and closes every connection. The caller has ended its transactions: a connection that still has one closes after it, unseen.
func (d *DB) Close() error {
	d.wakes.close()
	var errs []error
	// The writer goes last: on SQLite the last connection folds the write-ahead log back into the file.
	for _, p := range []*sql.DB{d.r, d.w} {
		if p != nil {
			errs = append(errs, p.Close())
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("closing the database: %w", err)
	}
	return nil
}

// Postgres reports whether the engine is PostgreSQL.
func (d *DB) Postgres() bool { return d.postgres }

// Write runs fn in a write transaction, the only one of this process: others wait for it, or for the end of ctx.
// If fn returns nil the transaction is committed and, when Write returns nil, durable. If fn returns an error or panics, nothing of it remains; the
// error comes back as it was, or joined with [ErrBusy], [ErrFull] or [ErrDamaged].
//
// fn must not call Write, and must not use its Tx after it has returned.
func (d *DB) Write(ctx context.Context, fn func(*Tx) error) error {
	tx, err := d.w.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("beginning to write: %w", sort(err))
	}
	defer tx.Rollback() // after a commit it does nothing; after a panic in fn it frees the only writer
	t := &Tx{tx: tx, db: d, ctx: ctx}
	if err := fn(t); err != nil {
		return sort(err)
	}
	if err := t.announce(); err != nil {
		return fmt.Errorf("notifying: %w", sort(err))
	}
	if err := d.fault(BeforeCommit); err != nil {
		return err
	}
	err = tx.Commit()
	// Listeners are woken even if the commit failed: it may have been kept, and a needless look costs little.
	d.wakes.wake(t.topics...)
	if err != nil {
		return fmt.Errorf("committing: %w", sort(err))
	}
	return d.fault(AfterCommit)
}

func (d *DB) fault(s Stage) error {
	if d.Fault == nil {
		return nil
	}
	if err := d.Fault(s); err != nil {
		return fmt.Errorf("%v: %w", s, err)
	}
	return nil
}

// Read runs fn in a read transaction, which sees one state of the database, that of its first query, and can change nothing.
// It does not wait for writers. It ought to be short: an old snapshot keeps SQLite from folding its log back, and PostgreSQL ends it after 30 idle seconds.
func (d *DB) Read(ctx context.Context, fn func(*Tx) error) error {
	opts := &sql.TxOptions{ReadOnly: true}
	if d.postgres {
		opts.Isolation = sql.LevelRepeatableRead
	}
	tx, err := d.r.BeginTx(ctx, opts)
	if err != nil {
		return fmt.Errorf("beginning to read: %w", sort(err))
	}
	defer tx.Rollback()
	return sort(fn(&Tx{tx: tx, db: d, ctx: ctx, read: true}))
}
