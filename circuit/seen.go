package circuit

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// How a gap is seen: of each series by which another post sends, the numbers that are accounted for, in runs. Between two runs something is missing.

// Run is numbers in a row that are accounted for. Since is when it first showed that something is missing before it.
type Run struct {
	telegram.Range
	Since time.Time
}

// Runs are what is accounted for of one series. They rise, and no two touch.
type Runs []Run

// MaxRuns bounds the runs of one series: a hostile post could leave out every other number. What does not fit is not accounted for, and asked for again.
const MaxRuns = 256

// With gives the runs with numbers added.
func (rs Runs) With(r telegram.Range, at time.Time) Runs {
	touches := func(x Run) bool { return int64(x.First) <= int64(r.Last)+1 && int64(x.Last)+1 >= int64(r.First) }
	i, _ := slices.BinarySearchFunc(rs, r.First, func(x Run, first uint32) int {
		if int64(x.Last)+1 < int64(first) {
			return -1
		}
		return 1
	})
	n := i
	for n < len(rs) && touches(rs[n]) {
		n++
	}
	switch {
	case n > i: // it lengthens one, or joins some
		joined := Run{telegram.Range{First: min(r.First, rs[i].First), Last: max(r.Last, rs[n-1].Last)}, rs[i].Since}
		return slices.Concat(rs[:i:i], Runs{joined}, rs[n:])
	case len(rs) >= MaxRuns:
		return rs
	case i < len(rs) && rs[i].Since.Before(at): // what is missing before the next one is missing before this one
		at = rs[i].Since
	}
	return slices.Concat(rs[:i:i], Runs{{r, at}}, rs[i:])
}

// Has says whether a number is accounted for.
func (rs Runs) Has(n uint32) bool {
	return slices.ContainsFunc(rs, func(x Run) bool { return x.First <= n && n <= x.Last })
}

// Holes are the numbers that are missing, up to the last run, and on to a last number that the other post has told at some time.
func (rs Runs) Holes(last uint32, told time.Time) (holes Runs) {
	next := int64(1)
	for _, x := range rs {
		if int64(x.First) > next {
			holes = append(holes, Run{telegram.Range{First: uint32(next), Last: x.First - 1}, x.Since})
		}
		next = int64(x.Last) + 1
	}
	if int64(last) >= next {
		holes = append(holes, Run{telegram.Range{First: uint32(next), Last: last}, told})
	}
	return holes
}

// Seen is what is accounted for of one post's series, inside one transaction. It is for one goroutine.
type Seen struct {
	tx        *store.Tx
	post      string
	runs, was map[telegram.Series]Runs
	older     bool // sections came from it before anybody counted them
}

// older is the series of no numbers by which that is known.
const olderSeries = -1

// code writes a series as the database has it.
func code(s telegram.Series) int64 { return int64(s.Of)<<16 | int64(s.Circuit)<<8 | int64(s.Grade) }

// SeenOf reads what is accounted for of a post's series.
func SeenOf(tx *store.Tx, post string) (*Seen, error) {
	s := &Seen{tx: tx, post: post, runs: map[telegram.Series]Runs{}}
	rows, err := tx.Query("select series, first, last, at from accounted where post = $1 order by series, first", post)
	if err != nil {
		return nil, fmt.Errorf("reading what came from %s: %w", post, err)
	}
	defer rows.Close()
	for rows.Next() {
		var c, at int64
		var r Run
		if err := rows.Scan(&c, &r.First, &r.Last, &at); err != nil {
			return nil, fmt.Errorf("reading what came from %s: %w", post, err)
		}
		if c == olderSeries {
			s.older = true
			continue
		}
		r.Since = time.UnixMilli(at)
		series := telegram.Series{Of: telegram.Counted(c >> 16), Circuit: uint8(c >> 8), Grade: uint8(c)}
		s.runs[series] = append(s.runs[series], r)
	}
	s.was = maps.Clone(s.runs)
	return s, rows.Err()
}

// Take notes that numbers are accounted for: they came, or they will not come and need not. Of more series than a message can name none is kept.
func (s *Seen) Take(series telegram.Series, r telegram.Range, at time.Time) {
	if _, known := s.runs[series]; !known && len(s.runs) >= telegram.MaxSeries {
		return // nobody has so many circuits
	}
	if s.older && series.Of != telegram.Serials && len(s.runs[series]) == 0 {
		r.First = 1
	}
	s.runs[series] = s.runs[series].With(r, at)
}

// Runs gives what is accounted for of a series.
func (s *Seen) Runs(series telegram.Series) Runs { return s.runs[series] }

// Series lists those of which anything is known, in order.
func (s *Seen) Series() []telegram.Series {
	return slices.SortedFunc(maps.Keys(s.runs), telegram.Series.Compare)
}

// Close writes what changed.
func (s *Seen) Close() error {
	for series, now := range s.runs {
		was := s.was[series]
		for _, x := range was {
			if !slices.ContainsFunc(now, func(y Run) bool { return x.First == y.First }) {
				if _, err := s.tx.Exec("delete from accounted where post = $1 and series = $2 and first = $3", s.post, code(series), int64(x.First)); err != nil {
					return fmt.Errorf("noting what came from %s: %w", s.post, err)
				}
			}
		}
		var rows []any
		for _, x := range now {
			if !slices.Contains(was, x) {
				rows = append(rows, s.post, code(series), int64(x.First), int64(x.Last), x.Since.UnixMilli())
			}
		}
		if err := s.tx.Insert("accounted (post, series, first, last, at)", 5, rows, "on conflict (post, series, first) do update set last = excluded.last, at = excluded.at"); err != nil {
			return fmt.Errorf("noting what came from %s: %w", s.post, err)
		}
	}
	s.was = maps.Clone(s.runs)
	return nil
}
