// Package storetest gives tests real databases of both engines, empty and up to date.
//
// PostgreSQL is one cluster for the test process, started when it is first asked for: on a Unix socket in a temporary folder, without TCP,
// without fsync, as the user postgres or nobody if the tests run as root. A shell holds it on a leash, a pipe from the test
// process: when that ends, in whatever way, the pipe closes, the server is ended at once and the folder removed. So tests need no TestMain, and
// leave no server behind.
package storetest

import (
	"context"
	"crypto/rand"
	"path/filepath"
	"testing"

	"chancery.example/chancery/store"
)

// Each runs fn on a database of each engine, as subtests "sqlite" and "postgres".
func Each(t *testing.T, fn func(t *testing.T, db *store.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { fn(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { fn(t, Postgres(t)) })
}

// Key returns a new random key for a SQLite file.
func Key() []byte {
	k := make([]byte, 32)
	rand.Read(k)
	return k
}

// SQLite opens a new file in a temporary folder under a random key.
func SQLite(t testing.TB) *store.DB {
	t.Helper()
	return Open(t, filepath.Join(t.TempDir(), "post.db"), Key())
}

// Postgres opens a new PostgreSQL database. Where PostgreSQL is missing the test is skipped, or fails if CI=true.
func Postgres(t testing.TB) *store.DB {
	t.Helper()
	return Open(t, PostgresURL(t), nil)
}

// Open opens a database and closes it when the test ends.
func Open(t testing.TB, url string, key []byte) *store.DB {
	t.Helper()
	db, err := store.Open(context.Background(), url, key)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}
