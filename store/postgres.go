package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// oldest is the first server version this package is tested with, as server_version_num.
const oldest = 150000

func (d *DB) openPostgres(ctx context.Context, url string, patience time.Duration) error {
	d.postgres = true
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return err
	}
	session := cfg.RuntimeParams
	// A process that hangs inside a transaction must not keep the post's other processes from registering.
	session["idle_in_transaction_session_timeout"] = "30s"
	session["lock_timeout"] = strconv.FormatInt(patience.Milliseconds(), 10)
	session["timezone"] = "UTC"
	if session["application_name"] == "" {
		session["application_name"] = "chancery"
	}
	pool := func(n int) *sql.DB {
		p := stdlib.OpenDB(*cfg, stdlib.OptionAfterConnect(durable))
		p.SetMaxOpenConns(n)
		p.SetMaxIdleConns(n)
		return p
	}
	d.w, d.r = pool(1), pool(readers)
	d.wakes.dial = func(ctx context.Context) (*pgx.Conn, error) { return pgx.ConnectConfig(ctx, cfg.Copy()) }
	d.wakes.beat = patience
	var version int
	if err := d.w.QueryRowContext(ctx, `select current_setting('server_version_num')::int`).Scan(&version); err != nil {
		return err
	}
	if version < oldest {
		return fmt.Errorf("PostgreSQL %d is too old: %d or newer is needed", version/10000, oldest/10000)
	}
	return nil
}

// durable turns synchronous_commit on where a server or a role has it off, and leaves the stronger settings alone.
func durable(ctx context.Context, c *pgx.Conn) error {
	_, err := c.Exec(ctx, `select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'`)
	return err
}

func sortPostgres(err error) error {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch e.Code {
		case "55P03", "40P01", "40001": // lock_not_available, deadlock_detected, serialization_failure
			return ErrBusy
		case "53100": // disk_full
			return ErrFull
		case "XX001", "XX002": // data_corrupted, index_corrupted
			return ErrDamaged
		}
	}
	return nil
}
