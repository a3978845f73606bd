package bench

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"chancery.example/chancery/register"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// curve measures what a telegram costs in processor time, of both posts and the broker, as more and more telegrams are in the register; and what it costs to start.
//
// A million telegrams would take an hour to carry, so they are laid into both databases as rows: of every table in which a telegram leaves one for
// good, under the next numbers, the log with its hashes. Their sealed bodies are random and shorter than real ones.
func (o *others) curve(t *testing.T, c counts) (all []figure) {
	o.listen(t, c)
	moscow, beijing := ministry(t)
	moscow.chained(true)
	beijing.chained(true)
	t.Run("acquainted", func(t *testing.T) { joined(t, moscow, beijing).acquainted(t) })
	var first [3]float64
	for _, n := range c.beside.grown {
		start := time.Now()
		grow(t, moscow, beijing, n)
		t.Logf("registers of %d telegrams were made in %s", n, time.Since(start).Round(time.Millisecond))
		t.Run("shown", func(t *testing.T) { shownTo(t, moscow, beijing) })
		t.Logf("and shown to each other after %s", time.Since(start).Round(time.Millisecond))
		var starts, cost, took []float64
		for range c.beside.points {
			t.Run(fmt.Sprint(n), func(t *testing.T) {
				p := joined(t, moscow, beijing)
				had := beijing.count("select last from series where name like 'incoming %'")
				cpu := ownCPU()
				profiled(t, fmt.Sprintf("%d in the register", n), func() {
					stop := run(t, p.carriers)
					defer stop()
					idle(t)
					starts = append(starts, (ownCPU() - cpu).Seconds())
					cpu, start := ownCPU(), time.Now()
					moscow.release(c.beside.batch, beijing.config.Name)
					moscow.none(2*time.Millisecond, anyReleased, anyOpen)
					took = append(took, 1e3*time.Since(start).Seconds()/float64(c.beside.batch))
					idle(t)
					cost = append(cost, 1e3*(ownCPU()-cpu).Seconds()/float64(c.beside.batch))
				})
				if came := beijing.count("select last from series where name like 'incoming %'") - had; came != c.beside.batch {
					t.Errorf("%d telegrams came and not %d", came, c.beside.batch)
				}
			})
		}
		now := [3]float64{median(cost), median(took), median(starts)}
		if first[0] == 0 {
			first = now
		}
		what, peer := fmt.Sprintf("with %d in the register", n), fmt.Sprintf("with %d", c.beside.grown[0])
		f := against("processor for a telegram "+what, now[0], "ms", peer, first[0]).says(fmt.Sprintf("processor time of both posts and the broker for one telegram of 2 KiB, from draft to receipt: %d are drafted, handed over and released one after another while both posts run, and both registers have so many before. Goal: it stays.", c.beside.batch))
		all = append(all, f.goal("≤ 1.25", f.Ratio <= 1.25), against("time for a telegram "+what, now[1], "ms", peer, first[1]).says("the same by the clock, until the last is receipted."),
			against("processor for a start "+what, now[2], "s", peer, first[2]).says("processor time of both posts from the start of their work until they have nothing more to do."))
	}
	return all
}

// shownTo lets both posts run until each was shown the other's register: they do that a few times a day, and at every start.
func shownTo(t *testing.T, moscow, beijing *desks) {
	stop := run(t, joined(t, moscow, beijing).carriers)
	defer stop()
	for x, y := range map[*desks]*desks{moscow: beijing, beijing: moscow} {
		wait(t, 20*time.Millisecond, func() bool {
			return y.count("select coalesce((select size from followed where post = '"+x.config.Name+"'), 0)") == x.count("select size from head")
		})
	}
}

// grow lays telegrams from the first post to the second into both registers until there are n.
func grow(t *testing.T, moscow, beijing *desks, n int) {
	t.Helper()
	const most = 100_000 // in one transaction
	for {
		have := moscow.count("select last from series where name = 'serial BEIJING'")
		k := min(n-have, most)
		if k <= 0 || t.Failed() {
			return
		}
		var wg sync.WaitGroup
		wg.Go(func() { moscow.lay(t, k, laidOut) })
		wg.Go(func() { beijing.lay(t, k, laidIn) })
		wg.Wait()
	}
}

// side is what a telegram leaves at one end: the series that it moves, the post's own first, how it is entered, and its rows. In these $1 is how many there are, $2 the last row of the archive before
// them, $3 the last of the post's own series, $4 the last serial, $5 the last special number, $6 the last draft, $7 milliseconds,
// $8 seconds and $9 the year.
type side struct {
	series []string
	drafts int64
	enter  func(b *register.Book, id, at int64) error
	rows   []string
}

const numbered = "with recursive k(i) as (select 1 union all select i + 1 from k where i < $1) "

var laidOut = side{
	series: []string{"register", "serial BEIJING", "special BEIJING", "lane BEIJING 1 1"}, drafts: 1,
	enter: func(b *register.Book, id, at int64) error {
		entry := slices.Concat([]byte(telegram.LabelEntry), []byte{byte(telegram.EntryOut)}, make([]byte, 3*32+4+32))
		rand.Read(entry[len(entry)-32:])
		if _, err := b.Enter(telegram.EntryOut, entry, id, at); err != nil {
			return err
		}
		_, err := b.Note(telegram.EntrySent, make([]byte, 245), at, func(_ string, b []byte) []byte { return b })
		return err
	},
	rows: []string{
		numbered + "insert into root select randomblob(32), $2 + i from k union all select randomblob(32), $2 + i from k order by 1",
		numbered + "insert into filed select $2 + i, 'out', $9, $3 + i, 'MOSCOW', 0, 1, randomblob(32), randomblob(200), randomblob(30), $8 from k",
		numbered + "insert into draft select $6 + i, 'registered', 1, '', randomblob(32), $2 + i, null, $7 from k",
		numbered + "insert into step select $6 + i, n, what, 101, 1, randomblob(100), $7 from k, (select 1 as n, 'drafted' as what union all select 2, 'handed over' union all select 3, 'released')",
		numbered + "insert into duty (of, post, act, asked, due, done, ended) select $2 + i, 'BEIJING', 'receipt', 0, 0, $7, 'done' from k",
		numbered + "insert into outbox (post, serial, precedence, of, root, entry, sections, sealed, queued, receipted, receipt, brief) select 'BEIJING', $4 + i, 1, $2 + i, randomblob(32), randomblob(32), 1, 1, $7, $7, 5, randomblob(32) from k",
		numbered + "insert into wire (post, special, circuit, lane, precedence, serial, i, n, id, size, sealed, sent, sends, turn) select 'BEIJING', $5 + i, 1, $5 + i, 1, $4 + i, 1, 1, randomblob(16), 2215, $7, $7, 1, $5 + i from k",
	},
}

var laidIn = side{
	series: []string{"incoming"},
	enter: func(b *register.Book, id, at int64) error {
		entry := slices.Concat([]byte(telegram.LabelEntry), []byte{byte(telegram.EntryIn)}, make([]byte, 3*32+4+32))
		rand.Read(entry[len(entry)-32:])
		_, err := b.Enter(telegram.EntryIn, entry, id, at)
		return err
	},
	rows: []string{
		numbered + "insert into root select randomblob(32), $2 + i from k union all select randomblob(32), $2 + i from k order by 1",
		numbered + "insert into filed select $2 + i, 'in', $9, $3 + i, 'MOSCOW', $3 + i, 1, randomblob(32), randomblob(200), randomblob(150), $8 from k",
		numbered + "insert into duty (of, post, act, asked, due, done, ended) select $2 + i, 'BEIJING', 'receipt', 0, 0, $7, 'done' from k",
		numbered + "insert into arrival select $2 + i, $5 + i, $7, $7, $7, 2215 from k",
		numbered + "insert into brief select $2 + i, 'MOSCOW', $3 + i, $7, 'verified' from k",
		numbered + "insert into proof select $2 + i, 'MOSCOW', randomblob(32), $8, $7, i, 'proven' from k",
		numbered + "insert into opened select randomblob(32), 'MOSCOW', $3 + i, $7 from k order by 1",
	},
}

// lay lays k telegrams into one end's database.
func (x *desks) lay(t *testing.T, k int, s side) {
	now := time.Now()
	own := fmt.Sprintf("%s %d", s.series[0], now.UTC().Year())
	if err := x.db.Write(t.Context(), func(tx *store.Tx) error {
		last := func(query, name string) (n int64, err error) {
			err = tx.QueryRow(query, name).Scan(&n)
			return n, err
		}
		numbers := []any{int64(k)}
		for _, of := range []struct{ query, name string }{
			{"select last from counter where name = $1", "filed"},
			{"select last from series where name = $1", own},
			{"select coalesce((select last from series where name = $1), 0)", "serial BEIJING"},
			{"select coalesce((select last from series where name = $1), 0)", "special BEIJING"},
			{"select last from counter where name = $1", "draft"},
		} {
			n, err := last(of.query, of.name)
			if err != nil {
				return fmt.Errorf("%s: %w", of.name, err)
			}
			numbers = append(numbers, n)
		}
		if err := x.enterAll(tx, k, numbers[1].(int64), now.Unix(), s); err != nil {
			return err
		}
		numbers = append(numbers, now.UnixMilli(), now.Unix(), int64(now.UTC().Year()))
		for _, q := range s.rows {
			used := len(numbers) // the engine refuses a number that stands in no place
			for !strings.Contains(q, fmt.Sprintf("$%d", used)) {
				used--
			}
			if _, err := tx.Exec(q, numbers[:used]...); err != nil {
				return fmt.Errorf("%s: %w", q, err)
			}
		}
		for _, name := range append([]string{own}, s.series[1:]...) {
			if _, err := tx.Exec("update series set last = last + $1 where name = $2", int64(k), name); err != nil {
				return err
			}
		}
		if _, err := tx.Exec("update counter set last = last + $1 where name = 'filed'", int64(k)); err != nil {
			return err
		}
		_, err := tx.Exec("update counter set last = last + $1 where name = 'draft'", int64(k)*s.drafts)
		return err
	}); err != nil {
		t.Error(err)
	}
}

// enterAll enters k telegrams in the log, with a checkpoint after so many as one message can show to another post.
func (x *desks) enterAll(tx *store.Tx, k int, last, at int64, s side) error {
	origin := register.Origin(x.config.Route)
	signers, err := x.keys.Register.Cosigners(origin)
	if err != nil {
		return err
	}
	const shown = 20_000
	for from := 0; from < k; from += shown {
		b, err := register.Open(tx)
		if err != nil {
			return err
		}
		for i := from; i < min(k, from+shown); i++ {
			if err := s.enter(b, last+int64(i)+1, at); err != nil {
				return err
			}
		}
		if err := b.Close(origin, signers); err != nil {
			return err
		}
	}
	return nil
}
