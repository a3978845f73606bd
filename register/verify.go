package register

import (
	"bytes"
	"database/sql"
	"fmt"
	"maps"
	"math"
	"runtime"
	"slices"
	"sync"

	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Row is an entry as the database keeps it.
type Row struct {
	Index int64
	Kind  telegram.EntryKind // 0 when what is kept is no kind
	Leaf  []byte
	Of    int64  // the filed telegram, 0 for a note
	Said  []byte // sealed salt and words of a note
	At    int64
}

// Taken is a number that an entry says was taken, or, with Base, where its series begins.
type Taken struct {
	Series string
	Number uint32
	Base   bool
}

// Report is what Verify found. A register is whole when Findings is empty.
type Report struct {
	Size        int64             `json:"entries"`
	Root        string            `json:"root"`
	Checkpoints int64             `json:"checkpoints"`
	Series      map[string]uint32 `json:"series"` // the last number of each
	Findings    []Finding         `json:"findings"`
}

// Finding names one thing that is not as it was entered.
type Finding struct {
	Entry int64  `json:"entry"` // its index in the register, or -1
	What  string `json:"what"`
}

// Verify reads the whole register and proves it: that every entry is there and is the one that was hashed, that the log's root is the
// one signed in every checkpoint, that every entry can be made again from what the post has filed, and that no series has a gap.
//
// It names causes, not consequences. Where an entry and the hash kept beside it differ, the next signed checkpoint says which of them was
// changed. A gap in a series that a missing or doubtful entry explains is not named: mend that, and verify again.
//
// What it cannot see: a database put back whole to an earlier state, which is a healthy register that ends earlier. Only
// somebody who kept a later checkpoint notices that: the posts that follow this one's register do.
//
// remake makes an entry again from what is filed and says which numbers it took; its error says what is wrong with the filed thing.
// It may read through tx. progress, when not nil, is called after every page of entries. Verify holds one page of the register at a
// time, and at most a thousand findings. The error is of reading, never a finding.
func Verify(tx *store.Tx, origin string, verifiers []note.Verifier, remake func(Row) (leaf []byte, taken []Taken, err error), progress func(done, of int64)) (*Report, error) {
	v := &verification{tx: tx, origin: origin, verifiers: verifiers, remake: remake, entered: &tree{}, stored: &tree{},
		report: &Report{Series: map[string]uint32{}, Findings: []Finding{}}, series: map[string]*run{}, doubt: -1}
	rows, err := v.measure()
	if err != nil {
		return nil, err
	}
	size := v.report.Size
	for from := int64(0); from < size; from += page {
		to := min(from+page, size)
		if err := v.readPage(from, to); err != nil {
			return nil, err
		}
		if progress != nil {
			progress(to, size)
		}
	}
	if rows > v.read {
		v.find(-1, "%d rows are kept that are no part of a register of %d entries", rows-v.read, size)
	}
	v.report.Root = v.entered.root().String()
	v.conclude()
	v.nameDifferences()
	if err := v.compareCheckpoints(); err != nil {
		return nil, err
	}
	if err := v.compareSeries(); err != nil {
		return nil, err
	}
	slices.SortStableFunc(v.report.Findings, func(a, b Finding) int { return int(a.Entry - b.Entry) })
	if v.unsaid > 0 {
		v.report.Findings = append(v.report.Findings, Finding{-1, fmt.Sprintf("and %d findings more", v.unsaid)})
	}
	return v.report, nil
}

const (
	page = 1024 // how many entries are held in memory at a time
	most = 1000 // how many findings are kept; a database that is nothing but damage must not fill the memory
)

type verification struct {
	tx        *store.Tx
	origin    string
	verifiers []note.Verifier
	remake    func(Row) ([]byte, []Taken, error)
	report    *Report
	unsaid    int64 // findings beyond the most
	read      int64 // rows of entries, hashes and checkpoints

	// The log is hashed twice: from the entries, and from the leaf hashes kept beside them. A signed checkpoint that matches one of the two
	// says which is right since the checkpoint before, and both go on from there.
	entered, stored *tree
	proven          int64        // how many entries the last matching checkpoint proved
	broken          bool         // a signed checkpoint since then matches neither
	differ          []difference // where entry and hash differ, or the entry is missing
	open            int          // differ[open:] wait for the next checkpoint's word
	badHere         [2][]int64   // since then, the inner hashes that do not follow from the entries, and from the leaf hashes
	badInner        []int64      // inner hashes that follow from nothing

	series map[string]*run
	doubt  int64 // the last entry whose numbers are not known
}

// run is a series as its entries take it.
type run struct {
	base, last int64 // base is -1 while a doubtful entry may have set it
	at         int64 // the entry that took last
}

func (v *verification) find(entry int64, format string, a ...any) {
	if len(v.report.Findings) >= most {
		v.unsaid++
		return
	}
	v.report.Findings = append(v.report.Findings, Finding{entry, fmt.Sprintf(format, a...)})
}

// measure finds how many entries there are. Four places tell, and none is believed alone: a head that was lowered must not hide the
// entries above it, nor a stray row far away make entries seem missing.
func (v *verification) measure() (rows int64, err error) {
	var head sql.NullInt64
	var entry, hash, checkpoint, entries, hashes, checkpoints int64
	err = v.tx.QueryRow(`select (select size from head where one = 1),
		(select coalesce(max(idx), -1) from entry), (select coalesce(max(idx), -1) from loghash), (select coalesce(max(size), 0) from checkpoint),
		(select count(*) from entry), (select count(*) from loghash), (select count(*) from checkpoint)`).
		Scan(&head, &entry, &hash, &checkpoint, &entries, &hashes, &checkpoints)
	if err != nil {
		return 0, fmt.Errorf("reading the register's size: %w", err)
	}
	hashed := int64(0)
	if hash >= 0 {
		level, n := tlog.SplitStoredHashIndex(hash)
		hashed = (n + 1) << level
	}
	tell := []int64{head.Int64, entry + 1, hashed, checkpoint}
	slices.Sort(tell)
	size := head.Int64
	for i := 1; i < len(tell); i++ {
		if tell[i] == tell[i-1] {
			size = tell[i]
		}
	}
	size = min(size, entries+hashes) // each entry left at least a row, so that no number written somewhere keeps us here for years
	switch {
	case !head.Valid:
		v.find(-1, "the register's head is missing; there are %d entries", size)
	case head.Int64 != size:
		v.find(-1, "the register's head says %d entries; there are %d", head.Int64, size)
	}
	v.report.Size = size
	return entries + hashes + checkpoints, nil
}

func (v *verification) readPage(from, to int64) error {
	rows, err := v.rows(from, to)
	if err != nil {
		return err
	}
	hashes, err := v.hashes(tlog.StoredHashCount(from), tlog.StoredHashCount(to))
	if err != nil {
		return err
	}
	checkpoints, err := v.checkpoints(from, to)
	if err != nil {
		return err
	}
	for i := from; i < to; i++ {
		row, here := rows[i]
		at := tlog.StoredHashIndex(0, i)
		kept, hashHere := hashes[at]
		d := difference{index: i, missing: !here, entered: kept, stored: kept} // so that what follows a missing one can still be judged
		if here {
			d.entered = telegram.EntryHash(row.Leaf)
		}
		if !hashHere {
			v.find(i, "the log's hash of entry %d is missing", i)
			d.stored = d.entered
		}
		if here {
			v.check(row, &d)
		}
		v.add(d, at, hashes)
		if c, ok := checkpoints[i+1]; ok {
			v.compare(c, i+1)
		}
	}
	return nil
}

// check makes one entry again from what is filed, and follows its numbers.
func (v *verification) check(row Row, d *difference) {
	leaf, taken, err := v.remake(row)
	d.unlike = err == nil && !bytes.Equal(leaf, row.Leaf)
	differs := d.entered != d.stored
	switch {
	case err != nil:
		v.find(row.Index, "entry %d (%s): %v", row.Index, row.Kind, err)
	case d.unlike && !differs:
		v.findUnlike(row.Index)
	case !differs:
		for _, t := range taken {
			v.follow(row.Index, t)
		}
		return
	}
	v.doubt = row.Index
}

func (v *verification) findUnlike(i int64) {
	v.find(i, "entry %d is not the record of what is filed for it", i)
}

// follow takes a number as an entry took it.
func (v *verification) follow(index int64, t Taken) {
	r, begun := v.series[t.Series]
	n := int64(t.Number)
	if !begun {
		r = &run{at: -1}
		v.series[t.Series] = r
	}
	switch {
	case t.Base && begun:
		v.find(index, "entry %d says that the series %s goes on from %d, but it had begun", index, t.Series, n)
		return
	case t.Base:
		r.base = n
	case n <= r.last:
		v.find(index, "entry %d takes %s %d after %d: taken twice, or out of order", index, t.Series, n, r.last)
		return
	case n > r.last+1 && v.doubt <= r.at:
		v.find(index, "the series %s goes from %d to %d at entry %d: a number is missing", t.Series, r.last, n, index)
	case n > r.last+1 && !begun:
		r.base = -1 // the entry that says where it begins may be the doubtful one
	}
	r.last, r.at = n, index
}

// compareCheckpoints looks for the checkpoints that entries name and that are not there.
func (v *verification) compareCheckpoints() error {
	rows, err := v.tx.Query(`select checkpoint, min(idx), max(idx) from entry where idx >= 0 and idx < $1
		and checkpoint <> coalesce((select min(size) from checkpoint where size > idx), 0) group by checkpoint order by checkpoint`, v.report.Size)
	if err != nil {
		return fmt.Errorf("reading the register's checkpoints: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var size, from, to int64
		if err := rows.Scan(&size, &from, &to); err != nil {
			return fmt.Errorf("reading the register's checkpoints: %w", err)
		}
		if to == size-1 {
			v.find(to, "the checkpoint after entry %d is missing", to)
		} else {
			v.find(from, "entry %d is kept as closed by a checkpoint of %d entries, which is missing or not its own", from, size)
		}
	}
	return rows.Err()
}

// compareSeries holds the last numbers kept against those that the entries took.
func (v *verification) compareSeries() error {
	rows, err := v.tx.Query("select name, base, last from series order by name")
	if err != nil {
		return fmt.Errorf("reading the series: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var base, last int64
		if err := rows.Scan(&name, &base, &last); err != nil {
			return fmt.Errorf("reading the series: %w", err)
		}
		v.report.Series[name] = uint32(min(max(last, 0), math.MaxUint32))
		r := v.series[name]
		if r == nil {
			r = &run{at: -1}
		}
		if r.base < 0 {
			r.base = base
		}
		if (r.at < 0 || r.base != base || r.last != last) && v.doubt <= r.at {
			v.find(-1, "the series %s is kept as going from %d to %d; its entries go from %d to %d", name, base, last, r.base, r.last)
		}
		delete(v.series, name)
	}
	for _, name := range slices.Sorted(maps.Keys(v.series)) {
		v.find(-1, "the series %s is missing; its entries go from %d to %d", name, v.series[name].base, v.series[name].last)
	}
	return rows.Err()
}

func (v *verification) rows(from, to int64) (map[int64]Row, error) {
	rows, err := v.tx.Query("select idx, kind, leaf, of, said, at from entry where idx >= $1 and idx < $2", from, to)
	if err != nil {
		return nil, fmt.Errorf("reading the register: %w", err)
	}
	defer rows.Close()
	out := map[int64]Row{}
	for ; rows.Next(); v.read++ {
		var r Row
		var kind int64
		var of sql.NullInt64
		if err := rows.Scan(&r.Index, &kind, &r.Leaf, &of, &r.Said, &r.At); err != nil {
			return nil, fmt.Errorf("reading the register: %w", err)
		}
		if kind > 0 && kind <= math.MaxUint8 {
			r.Kind = telegram.EntryKind(kind)
		}
		r.Of = of.Int64
		out[r.Index] = r
	}
	return out, rows.Err()
}

func (v *verification) hashes(from, to int64) (map[int64]tlog.Hash, error) {
	rows, err := v.tx.Query("select idx, hash from loghash where idx >= $1 and idx < $2", from, to)
	if err != nil {
		return nil, fmt.Errorf("reading the register's log: %w", err)
	}
	defer rows.Close()
	out := map[int64]tlog.Hash{}
	for ; rows.Next(); v.read++ {
		var idx int64
		var h []byte
		if err := rows.Scan(&idx, &h); err != nil {
			return nil, fmt.Errorf("reading the register's log: %w", err)
		}
		if len(h) == tlog.HashSize {
			out[idx] = tlog.Hash(h)
		}
	}
	return out, rows.Err()
}

// opened is a checkpoint, or why it is none.
type opened struct {
	Checkpoint
	err error
}

// checkpoints reads a page's checkpoints and opens them side by side: their signatures are most of the work of verifying.
func (v *verification) checkpoints(from, to int64) (map[int64]opened, error) {
	rows, err := v.tx.Query("select size, note from checkpoint where size > $1 and size <= $2 order by size", from, to)
	if err != nil {
		return nil, fmt.Errorf("reading the register's checkpoints: %w", err)
	}
	defer rows.Close()
	var sizes []int64
	var notes []string
	for ; rows.Next(); v.read++ {
		var size int64
		var n string
		if err := rows.Scan(&size, &n); err != nil {
			return nil, fmt.Errorf("reading the register's checkpoints: %w", err)
		}
		sizes, notes = append(sizes, size), append(notes, n)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading the register's checkpoints: %w", err)
	}
	all := make([]opened, len(notes))
	var wg sync.WaitGroup
	step := runtime.GOMAXPROCS(0)
	for first := range step {
		wg.Go(func() {
			for i := first; i < len(notes); i += step {
				all[i].Checkpoint, all[i].err = OpenCheckpoint(notes[i], v.origin, v.verifiers)
			}
		})
	}
	wg.Wait()
	out := map[int64]opened{}
	for i, size := range sizes {
		out[size] = all[i]
	}
	return out, nil
}
