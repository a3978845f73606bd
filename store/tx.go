package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Tx is a transaction, for one goroutine, until the function that got it returns.
//
// Two habits keep a function right on both engines: read rows to their end, or close them, before the next
// statement (PostgreSQL has one conversation a connection), and let the error of a failed statement end the transaction (PostgreSQL has ended it already).
type Tx struct {
	tx     *sql.Tx
	db     *DB
	ctx    context.Context
	read   bool
	topics []string
}

// Postgres reports whether the engine is PostgreSQL.
func (t *Tx) Postgres() bool { return t.db.postgres }

// Exec runs a statement and says how many rows it changed.
func (t *Tx) Exec(q string, args ...any) (rows int64, err error) {
	res, err := t.tx.ExecContext(t.ctx, t.spell(q), args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// Query runs a query for many rows, which the caller closes.
func (t *Tx) Query(q string, args ...any) (*sql.Rows, error) {
	return t.tx.QueryContext(t.ctx, t.spell(q), args...)
}

// QueryRow runs a query for one row; its Scan returns [sql.ErrNoRows] if there is none.
func (t *Tx) QueryRow(q string, args ...any) *sql.Row {
	return t.tx.QueryRowContext(t.ctx, t.spell(q), args...)
}

// chunk is how many rows one statement of Insert holds. More gains little, and
// fewer different statements are prepared when all but the last are alike.
const chunk = 128

// maxParams is SQLite's limit of parameters in a statement; PostgreSQL's is twice that.
const maxParams = 32766

// Insert writes many rows in few statements. into names the table and its columns, "outbox(dest, serial)"; vals holds the rows one after
// another, cols values each; after is what follows the values, such as an on conflict clause, without parameters, or "".
func (t *Tx) Insert(into string, cols int, vals []any, after string) error {
	if cols < 1 || cols > maxParams || len(vals)%cols != 0 {
		return fmt.Errorf("inserting into %s: %d values do not make rows of %d", into, len(vals), cols)
	}
	rows := min(chunk, maxParams/cols)
	for part := range slices.Chunk(vals, rows*cols) {
		if _, err := t.Exec(insert(into, cols, len(part)/cols, after), part...); err != nil {
			return fmt.Errorf("inserting into %s: %w", into, err)
		}
	}
	return nil
}

func insert(into string, cols, rows int, after string) string {
	var b strings.Builder
	b.WriteString("insert into " + into + " values ")
	for i := range rows * cols {
		switch {
		case i == 0:
			b.WriteString("(")
		case i%cols == 0:
			b.WriteString("),(")
		default:
			b.WriteString(",")
		}
		b.WriteString("$" + strconv.Itoa(i+1))
	}
	b.WriteString(") " + after)
	return b.String()
}

// Notify wakes every [DB.Wake] on the topic once the transaction has been committed. Named twice, a topic wakes once.
// In a read transaction it does nothing.
func (t *Tx) Notify(topic string) {
	if !t.read && !slices.Contains(t.topics, topic) {
		t.topics = append(t.topics, topic)
	}
}

// announce makes the topics part of the transaction, on the engine where other processes listen.
func (t *Tx) announce() error {
	if !t.db.postgres {
		return nil
	}
	for _, topic := range t.topics {
		if _, err := t.Exec(`select pg_notify($1, $2)`, channel, topic); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tx) spell(q string) string {
	if t.db.postgres {
		return q
	}
	if spelled, ok := t.db.spelled.Load(q); ok {
		return spelled.(string)
	}
	spelled := question(q)
	t.db.spelled.Store(q, spelled)
	return spelled
}

// sort adds to an error of an engine the sentinel a caller can branch on.
func sort(err error) error {
	var s error
	switch {
	case err == nil || errors.Is(err, ErrBusy) || errors.Is(err, ErrKey) || errors.Is(err, ErrFull) || errors.Is(err, ErrDamaged):
		return err
	default:
		if s = sortSQLite(err); s == nil {
			s = sortPostgres(err)
		}
	}
	if s == nil {
		return err
	}
	return fmt.Errorf("%w: %w", s, err)
}
