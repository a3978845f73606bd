package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"
	_ "github.com/ncruces/go-sqlite3/vfs/adiantum" // registers the encrypting file system by its name
)

// applicationID marks a SQLite file as a post's database: "Chan" (https://sqlite.org/pragma.html#pragma_application_id).
const applicationID = 0x4368616e

// keySize is the length of an Adiantum key.
const keySize = 32

// page is the size of a page and of Adiantum's block: a shorter file can hold nothing.
const page = 4096

func (d *DB) openSQLite(ctx context.Context, path string, key []byte, patience time.Duration) error {
	if len(key) != keySize {
		return fmt.Errorf("%w: a key has %d bytes, this one %d", ErrKey, keySize, len(key))
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	// The key goes in by a pragma, first of all: what stands in a DSN is kept, printed and asked for by others.
	first := "pragma hexkey='" + hex.EncodeToString(key) + "'"
	if err := inspect(ctx, path, first); err != nil {
		return err
	}
	hook := func(more string) func(*sqlite3.Conn) error {
		return func(c *sqlite3.Conn) error {
			if c.Exec(first) != nil {
				return ErrKey // not the engine's error, which may quote the statement
			}
			return c.Exec(fmt.Sprintf(`pragma busy_timeout=%d; pragma temp_store=memory; pragma foreign_keys=on; pragma trusted_schema=off; `,
				patience.Milliseconds()) + more)
		}
	}
	const writer = `pragma journal_mode=wal; pragma synchronous=full; pragma wal_autocheckpoint=4000; pragma cache_size=-65536`
	// Without immediate, a transaction that reads and then writes fails at once beside another process, whatever busy_timeout says.
	if d.w, err = driver.Open(name(encrypted(), path, "&_txlock=immediate"), hook(writer)); err != nil {
		return err
	}
	hold(d.w, 1)
	if d.r, err = driver.Open(name(encrypted(), path, ""), hook(`pragma query_only=on; pragma cache_size=-16384`)); err != nil {
		return err
	}
	hold(d.r, readers)
	if err := d.w.PingContext(ctx); err != nil { // the hook of the writer is what turns the log on
		return err
	}
	if err := d.claim(ctx); err != nil {
		return err
	}
	return private(path)
}

// hold lets a pool keep its connections: a SQLite connection costs a key schedule and a cold cache,
// and a write-ahead log whose last connection goes is folded back.
func hold(p *sql.DB, n int) {
	p.SetMaxOpenConns(n)
	p.SetMaxIdleConns(n)
}

// name is the DSN of the file, never with the key.
func name(files, path, query string) string {
	// modeof gives the write-ahead log the database's mode.
	// SQLite knows no + for a space.
	q := "vfs=" + files + "&modeof=" + strings.ReplaceAll(url.QueryEscape(path), "+", "%20") + query
	u := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(path), RawQuery: q}
	return u.String()
}

// inspect looks at the file before SQLite may touch it, and makes it if there is none.
//
// Opened with a wrong key, SQLite takes a write-ahead log that it cannot read for an empty one and removes it as
// it closes; cut to nothing, a database looks new and its log stale. So what was committed and not yet folded back would be lost by a mere mistake. Therefore
// the key is tried on an immutable view first, which knows of no log and takes no lock.
func inspect(ctx context.Context, path, keyPragma string) error {
	// SQLite would make it with the mode of all the process's files.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	head := make([]byte, page)
	n, err := io.ReadFull(f, head)
	switch {
	case err == io.EOF:
		if log, err := os.Stat(path + "-wal"); err == nil && log.Size() > 0 {
			return fmt.Errorf("%w: it is empty, its write-ahead log is not", ErrDamaged)
		}
		return nil
	case string(head[:min(n, 16)]) == "SQLite format 3\x00":
		return fmt.Errorf("%w: it is not encrypted", ErrForeign)
	case err == io.ErrUnexpectedEOF:
		return fmt.Errorf("%w: it has only %d bytes", ErrDamaged, n)
	case err != nil:
		return err
	}
	c, err := sqlite3.OpenContext(ctx, name("adiantum", path, "&immutable=1&mode=ro"))
	if err != nil {
		return err
	}
	defer c.Close()
	if c.Exec(keyPragma) != nil {
		return ErrKey
	}
	if err := c.Exec(`select count(*) from sqlite_schema`); errors.Is(err, sqlite3.NOTADB) {
		return ErrKey
	}
	return nil // any other trouble may be one that the log cures
}

// claim marks a new file as ours, and refuses one that is another's. It writes only to a new one, so that a post can be opened
// while another process is busy writing.
func (d *DB) claim(ctx context.Context) error {
	ours := false
	look := func(t *Tx) error {
		var id, tables int64
		if err := t.QueryRow(`pragma application_id`).Scan(&id); err != nil {
			return err
		}
		if err := t.QueryRow(`select count(*) from sqlite_schema`).Scan(&tables); err != nil {
			return err
		}
		ours = id == applicationID
		if !ours && (id != 0 || tables > 0) {
			return fmt.Errorf("%w: its application id is %#x", ErrForeign, id)
		}
		return nil
	}
	if err := d.Read(ctx, look); err != nil || ours {
		return err
	}
	return d.Write(ctx, func(t *Tx) error {
		if err := look(t); err != nil || ours { // another process may have been quicker
			return err
		}
		_, err := t.Exec(fmt.Sprintf(`pragma application_id=%d`, applicationID))
		return err
	})
}

func sortSQLite(err error) error {
	switch {
	case errors.Is(err, sqlite3.BUSY), errors.Is(err, sqlite3.LOCKED):
		return ErrBusy
	case errors.Is(err, sqlite3.FULL), errors.Is(err, sqlite3.IOERR_SHMSIZE), errors.Is(err, syscall.ENOSPC):
		return ErrFull
	case errors.Is(err, sqlite3.NOTADB):
		return ErrKey
	case errors.Is(err, sqlite3.CORRUPT), errors.Is(err, sqlite3.IOERR_SHORT_READ):
		return ErrDamaged
	}
	return nil
}

// private takes the files that SQLite made beside the database from everyone else. The index (-shm) it makes with the mode of all the process's
// files; it holds page numbers only. Both stay until our writer, which is never idle too long, has gone.
func private(path string) error {
	for _, s := range []string{"-wal", "-shm"} {
		if err := os.Chmod(path+s, 0o600); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
