package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"

	"chancery.example/chancery/store"
	"chancery.example/chancery/store/storetest"
)

// file makes a database with one row and closes it.
func file(t *testing.T) (path string, key []byte) {
	t.Helper()
	path, key = filepath.Join(t.TempDir(), "post.db"), storetest.Key()
	db, err := store.Open(t.Context(), path, key)
	if err != nil {
		t.Fatal(err)
	}
	tally(t, db)
	write(t, db, put("PARIS", 1))
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path, key
}

// crashed makes a database as a power cut leaves it: rows committed to the log and not yet folded back.
func crashed(t *testing.T) (path string, key []byte, rows int) {
	t.Helper()
	from, key := filepath.Join(t.TempDir(), "post.db"), storetest.Key()
	db := opened(t, from, key)
	for rows = range 10 {
		write(t, db, put(fmt.Sprint(rows), rows))
	}
	rows++
	path = filepath.Join(t.TempDir(), "post.db")
	for _, s := range []string{"", "-wal"} {
		b, err := os.ReadFile(from + s)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path+s, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path, key, rows
}

func refused(t *testing.T, path string, key []byte, want error) {
	t.Helper()
	db, err := store.Open(t.Context(), path, key)
	if err == nil {
		db.Close()
	}
	if !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
}

func folder(t *testing.T, path string) map[string]string {
	t.Helper()
	m := map[string]string{}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(filepath.Dir(path), e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		m[e.Name()] = string(b)
	}
	return m
}

func TestWrongKeyHarmsNothing(t *testing.T) {
	path, key, rows := crashed(t)
	before := folder(t, path)
	for _, wrong := range [][]byte{storetest.Key(), nil, make([]byte, 16), make([]byte, 33)} {
		refused(t, path, wrong, store.ErrKey)
	}
	after := folder(t, path)
	for name, b := range before {
		if after[name] != b {
			t.Errorf("%s was changed", name)
		}
	}
	if len(before) != len(after) {
		t.Errorf("there were %d files, there are %d", len(before), len(after))
	}
	if n := count(t, opened(t, path, key)); n != rows {
		t.Errorf("%d rows, want %d", n, rows)
	}
}

func TestForeignFiles(t *testing.T) {
	dir := t.TempDir()
	key := storetest.Key()
	make := func(name, query string, sql ...string) string {
		path := filepath.Join(dir, name)
		c, err := sqlite3.Open("file:" + path + query)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for _, s := range sql {
			if err := c.Exec(s); err != nil {
				t.Fatal(err)
			}
		}
		return path
	}
	hexkey := fmt.Sprintf("pragma hexkey='%x'", key)
	for _, path := range []string{
		make("plain", "", `create table browser_history(url text)`),
		make("tables", "?vfs=adiantum", hexkey, `create table history(url text)`),
		make("marked", "?vfs=adiantum", hexkey, `pragma application_id=77`),
	} {
		refused(t, path, key, store.ErrForeign)
	}
	noise := filepath.Join(dir, "noise")
	if err := os.WriteFile(noise, bytes.Repeat([]byte("a letter home "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, noise, key, store.ErrKey)
	if db, err := store.Open(t.Context(), dir, key); err == nil {
		t.Errorf("a folder was opened: %v", db)
	}
	refused(t, filepath.Join(dir, "no", "such", "folder"), key, fs.ErrNotExist)
}

func TestCutShort(t *testing.T) {
	for _, keep := range []int64{1, 100, 4095, 4096, 2 * 4096, 3*4096 - 1} {
		path, key := file(t)
		if err := os.Truncate(path, keep); err != nil {
			t.Fatal(err)
		}
		t.Run(fmt.Sprint(keep), func(t *testing.T) { refused(t, path, key, store.ErrDamaged) })
	}
	path, key, _ := crashed(t)
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	refused(t, path, key, store.ErrDamaged)
}

// A power cut leaves the log at some block, and what stands before it whole: SQLite fills each commit up to the end of a
// block, so that no later write touches it.
func TestLogCutShortLosesOnlyItsEnd(t *testing.T) {
	last := 10
	for cut := int64(4096); last > 5; cut += 4096 {
		path, key, _ := crashed(t)
		info, err := os.Stat(path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path+"-wal", info.Size()-cut); err != nil {
			t.Fatal(err)
		}
		var n, highest int
		write(t, opened(t, path, key), func(tx *store.Tx) error {
			return tx.QueryRow(`select count(*), coalesce(max(next), 0) from tally`).Scan(&n, &highest)
		})
		if n > last || n < last-1 || highest != n-1 {
			t.Fatalf("cut by %d: %d rows up to %d, after %d", cut, n, highest, last)
		}
		last = n
	}
	// Elsewhere than at a block only a bad copy ends: it is refused, and kept for someone to look at.
	path, key, _ := crashed(t)
	before := folder(t, path)
	if err := os.Truncate(path+"-wal", int64(len(before["post.db-wal"])-1)); err != nil {
		t.Fatal(err)
	}
	before = folder(t, path)
	refused(t, path, key, store.ErrDamaged)
	if after := folder(t, path); after["post.db-wal"] != before["post.db-wal"] || after["post.db"] != before["post.db"] {
		t.Error("a damaged log was changed")
	}
}

func TestLockedByAnother(t *testing.T) {
	path, key := file(t)
	here := opened(t, path, key)
	there, err := store.OpenPatiently(t.Context(), path, key, 50*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	write(t, here, func(tx *store.Tx) error {
		if err := there.Write(t.Context(), put("ROME", 1)); !errors.Is(err, store.ErrBusy) {
			t.Errorf("got %v, want ErrBusy", err)
		}
		if n := count(t, there); n != 1 {
			t.Errorf("%d rows, want 1", n)
		}
		third, err := store.OpenPatiently(t.Context(), path, key, 50*time.Millisecond)
		if err != nil {
			t.Errorf("opening beside a writer: %v", err)
			return nil
		}
		if err := third.Close(); err != nil {
			t.Error(err)
		}
		return nil
	})
	write(t, there, put("ROME", 1))

	fresh := filepath.Join(t.TempDir(), "fresh.db")
	c, err := sqlite3.Open("file:" + fresh + "?vfs=adiantum")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Exec(fmt.Sprintf("pragma hexkey='%x'; begin exclusive", key)); err != nil {
		t.Fatal(err)
	}
	if db, err := store.OpenPatiently(t.Context(), fresh, key, 50*time.Millisecond); !errors.Is(err, store.ErrBusy) {
		t.Errorf("opening a locked file: got %v, %v, want ErrBusy", db, err)
	}
}

func TestNothingInClear(t *testing.T) {
	const marker = "MARKER-IN-CLEAR-0123456789"
	path := filepath.Join(t.TempDir(), "post.db")
	key := storetest.Key()
	db := opened(t, path, key)
	err := db.Write(t.Context(), func(tx *store.Tx) error {
		var vals []any
		for i := range 3000 {
			vals = append(vals, fmt.Sprintf("%s %d", marker, i), i)
		}
		if err := tx.Insert("tally(name, next)", 2, vals, ""); err != nil {
			return err
		}
		_, err := tx.Exec(`create temporary table scratch as select * from tally order by next desc`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	look := func(when string) {
		files := folder(t, path)
		for name, b := range files {
			if bytes.Contains([]byte(b), []byte(marker)) || bytes.Contains([]byte(b), []byte("SQLite format 3")) || bytes.Contains([]byte(b), key) {
				t.Errorf("%s, %s is in clear", when, name)
			}
			info, err := os.Stat(filepath.Join(filepath.Dir(path), name))
			if err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s, %s has mode %v, %v", when, name, info.Mode(), err)
			}
		}
		if when == "open" && len(files) != 3 {
			t.Errorf("%d files, want the database, its log and its index", len(files))
		}
	}
	look("open")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	look("closed")
}

func TestPathsAreNotRead(t *testing.T) {
	for _, name := range []string{"a b.db", "50%20.db", "what?vfs=unix&x#y.db", "Посольство.db"} {
		path, key := filepath.Join(t.TempDir(), name), storetest.Key()
		write(t, opened(t, path, key), put("PARIS", 1))
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
		refused(t, path, storetest.Key(), store.ErrKey)
	}
}

// TestSeveralProcesses runs this test's program several times beside itself; each counts.
func TestSeveralProcesses(t *testing.T) {
	const processes, each = 3, 40
	if path := os.Getenv("STORE_TEST_COUNT"); path != "" {
		db := opened(t, path, make([]byte, 32))
		for range each {
			write(t, db, func(tx *store.Tx) error {
				var next int
				if err := tx.QueryRow(`select coalesce(max(next), 0) from tally`).Scan(&next); err != nil {
					return err
				}
				return put(fmt.Sprint(next+1), next+1)(tx)
			})
		}
		return
	}
	path := filepath.Join(t.TempDir(), "post.db")
	var running []*exec.Cmd
	for range processes {
		c := exec.Command(os.Args[0], "-test.run=^TestSeveralProcesses$")
		c.Env = append(os.Environ(), "STORE_TEST_COUNT="+path)
		c.Stderr = os.Stderr
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		running = append(running, c)
	}
	for _, c := range running {
		if err := c.Wait(); err != nil {
			t.Error(err)
		}
	}
	if n := count(t, opened(t, path, make([]byte, 32))); n != processes*each {
		t.Errorf("%d rows, want %d", n, processes*each)
	}
}
