package store_test

import (
	"bytes"
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"chancery.example/chancery/store"
	"chancery.example/chancery/store/storetest"
)

// Who reads while others write sees what was written, whole: no block of the file is read while it is written. Without blocks.go some of a few
// thousand reads here come back as an error or, worse, as bytes that nobody ever wrote.
func TestNoTornReads(t *testing.T) {
	db := storetest.SQLite(t)
	row := func(n int) []byte { return bytes.Repeat([]byte{byte(n)}, 3900) }
	write(t, db, func(tx *store.Tx) error {
		if _, err := tx.Exec("create table torn (id integer primary key, body blob not null)"); err != nil {
			return err
		}
		_, err := tx.Exec("insert into torn values (1, $1)", row(0))
		return err
	})
	ctx, stop := context.WithTimeout(t.Context(), 4*time.Second)
	defer stop()
	var reads, bad atomic.Int64
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for ctx.Err() == nil {
				var b []byte
				err := db.Read(context.Background(), func(tx *store.Tx) error { return tx.QueryRow("select body from torn where id = 1").Scan(&b) })
				reads.Add(1)
				if err != nil || len(b) != 3900 || !bytes.Equal(b, row(int(b[0]))) {
					bad.Add(1)
				}
			}
		})
	}
	for n := 1; ctx.Err() == nil; n++ {
		write(t, db, func(tx *store.Tx) error { _, err := tx.Exec("update torn set body = $1", row(n)); return err })
	}
	wg.Wait()
	if bad.Load() > 0 || reads.Load() < 1000 {
		t.Errorf("%d of %d reads gave what was never written", bad.Load(), reads.Load())
	}
}
