package bench

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"chancery.example/chancery/circuit"
	"chancery.example/chancery/store"
	"chancery.example/chancery/store/storetest"
	"chancery.example/chancery/telegram"
)

// nowhere is a carrier that takes nothing, so that a post does nothing but register.
type nowhere struct{}

func (nowhere) Send(ctx context.Context, _ telegram.Route, _ telegram.Precedence, _ []telegram.Envelope) error {
	<-ctx.Done()
	return ctx.Err()
}

func (nowhere) Receive(ctx context.Context, _ func(telegram.Precedence, []telegram.Envelope) error) error {
	<-ctx.Done()
	return ctx.Err()
}

func registering(t *testing.T, c counts) (figures []figure) {
	moscow, _ := ministry(t)
	moscow.config.Window = 1 // one section is sealed, and no other
	rows := newRows(t)
	sizes := []int{1, 16, 256}
	ours, bare, syncs := map[int][]float64{}, map[int][]float64{}, []float64{}
	for range c.turns {
		for _, size := range sizes {
			n := c.registered[size]
			moscow.release(n, "BEIJING")
			moscow.reopen(size)
			profiled(t, fmt.Sprintf("registering in commits of %d", size), func() {
				start := time.Now()
				stop := run(t, map[*desks]circuit.Carrier{moscow: nowhere{}})
				k, took := moscow.until(released, start, n, time.Minute)
				stop()
				ours[size] = append(ours[size], float64(k)/took.Seconds())
			})
			bare[size] = append(bare[size], rows.rate(t, n, size))
		}
		syncs = append(syncs, syncRate(t, c.rounds))
	}
	for _, size := range sizes {
		f := against(fmt.Sprintf("register in commits of %d", size), median(ours[size]), "telegrams/s", "bare rows in such commits", median(bare[size]))
		if size == 256 {
			f = f.goal("≥ 5000/s", f.Value >= 5000)
		}
		figures = append(figures, f)
	}
	return append(figures, against("commits of one telegram", median(ours[1]), "commits/s", "4 KiB appended and synced", median(syncs)))
}

// rows is a table of a telegram's bytes, in an encrypted database of its own.
type rows struct {
	db   *store.DB
	body []byte
}

func newRows(t *testing.T) *rows {
	r := &rows{storetest.SQLite(t), make([]byte, len(newSent().written))}
	rand.Read(r.body)
	if err := r.db.Write(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec("create table bare (id integer primary key, body blob not null)")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return r
}

// rate inserts n rows in commits of a size, and says how many that were in a second.
func (r *rows) rate(t *testing.T, n, size int) float64 {
	start := time.Now()
	for part := range slices.Chunk(make([]struct{}, n), size) {
		if err := r.db.Write(t.Context(), func(tx *store.Tx) error {
			for range part {
				if _, err := tx.Exec("insert into bare (body) values ($1)", r.body); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	return float64(n) / time.Since(start).Seconds()
}

// syncRate is how often in a second the disk takes 4 KiB at the end of a file and says that it has them.
func syncRate(t *testing.T, n int) float64 {
	f := must(os.Create(filepath.Join(t.TempDir(), "synced")))
	defer f.Close()
	block := make([]byte, 4<<10)
	start := time.Now()
	for range n {
		must(f.Write(block))
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	return float64(n) / time.Since(start).Seconds()
}
