package register

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Row is an entry as the database keeps it.
type Row struct {
	Index int64
	Kind  telegram.EntryKind
	Leaf  []byte
	Of    int64  // the filed telegram, 0 for a note
	Said  []byte // sealed salt and words of a note
	At    int64

	checkpoint int64
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
// remake makes an entry again from what is filed and says which numbers it took; its error says what is wrong with the filed thing.
// progress, when not nil, is called now and then with the number of entries read. The error is of reading, never a finding.
func Verify(tx *store.Tx, origin string, verifiers []note.Verifier, remake func(Row) (leaf []byte, taken []Taken, err error), progress func(done, of int64)) (*Report, error) {
	v := &verification{tx: tx, origin: origin, verifiers: verifiers, remake: remake, entered: newTree(), stored: newTree(),
		report: &Report{Series: map[string]uint32{}, Findings: []Finding{}}, last: map[string]uint32{}, base: map[string]uint32{}}
	if err := tx.QueryRow("select size from head where one = 1").Scan(&v.report.Size); err != nil {
		return nil, fmt.Errorf("reading the register's head: %w", err)
	}
	for from := int64(0); from < v.report.Size; from += page {
		if err := v.readPage(from, min(from+page, v.report.Size)); err != nil {
			return nil, err
		}
		if progress != nil {
			progress(min(from+page, v.report.Size), v.report.Size)
		}
	}
	if err := v.judge(); err != nil {
		return nil, err
	}
	if err := v.compareSeries(); err != nil {
		return nil, err
	}
	slices.SortStableFunc(v.report.Findings, func(a, b Finding) int { return int(a.Entry - b.Entry) })
	return v.report, nil
}

// page is how many entries are held in memory at a time.
const page = 1024

type verification struct {
	tx        *store.Tx
	origin    string
	verifiers []note.Verifier
	remake    func(Row) ([]byte, []Taken, error)
	report    *Report

	entered, stored *tree        // the log hashed from the entries, and from the leaf hashes kept beside them
	differ          []difference // where the two differ
	last, base      map[string]uint32
	badHashes       []int64 // stored hashes above the leaves that do not follow from those below
	marks           []mark  // checkpoints that do not match the log hashed from the entries
}

type difference struct {
	index           int64
	entered, stored tlog.Hash
	missing         bool // there is no such entry
}

type mark struct {
	size            int64
	entered, stored bool // matches the log hashed so
	err             error
}

func (v *verification) find(entry int64, format string, a ...any) {
	v.report.Findings = append(v.report.Findings, Finding{entry, fmt.Sprintf(format, a...)})
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
		kept, hashHere := hashes[tlog.StoredHashIndex(0, i)]
		d := difference{index: i, missing: !here, stored: kept}
		if here {
			d.entered = telegram.EntryHash(row.Leaf)
			v.check(row)
		} else {
			d.entered = kept // so that what follows can still be judged
		}
		if !hashHere {
			v.find(i, "the log's hash of entry %d is missing", i)
			d.stored = d.entered
		}
		if d.missing || d.entered != d.stored {
			v.differ = append(v.differ, d)
		}
		v.entered.add(d.entered)
		for idx, h := range v.stored.add(d.stored) {
			if kept, ok := hashes[idx]; !ok || kept != h {
				v.badHashes = append(v.badHashes, idx)
			}
		}
		if note, ok := checkpoints[i+1]; ok {
			v.compare(note, i+1)
		} else if row.checkpoint == i+1 {
			v.find(i, "the checkpoint after entry %d is missing", i)
		}
	}
	return nil
}

// check makes one entry again from what is filed, and follows its numbers.
func (v *verification) check(row Row) {
	leaf, taken, err := v.remake(row)
	switch {
	case err != nil:
		v.find(row.Index, "entry %d (%s): %v", row.Index, row.Kind, err)
	case !bytes.Equal(leaf, row.Leaf):
		v.find(row.Index, "entry %d (%s) is not the record of what is filed for it", row.Index, row.Kind)
	}
	for _, t := range taken {
		last, begun := v.last[t.Series]
		switch {
		case t.Base && begun:
			v.find(row.Index, "entry %d sets the series %s, which had begun", row.Index, t.Series)
		case t.Base:
			v.base[t.Series] = t.Number
		case t.Number <= last:
			v.find(row.Index, "entry %d takes %s %d, which was taken before", row.Index, t.Series, t.Number)
			continue
		case t.Number > last+1:
			v.find(row.Index, "the series %s goes from %d to %d at entry %d: a number is missing", t.Series, last, t.Number, row.Index)
		}
		v.last[t.Series] = t.Number
	}
}

// compare holds a checkpoint against the log so far.
func (v *verification) compare(signed string, size int64) {
	v.report.Checkpoints++
	c, err := OpenCheckpoint(signed, v.origin, v.verifiers)
	if err == nil && c.Size != size {
		err = fmt.Errorf("it is of size %d", c.Size)
	}
	m := mark{size, c.Root == v.entered.root(), c.Root == v.stored.root(), err}
	if !m.entered || !m.stored || err != nil || size == v.report.Size {
		v.marks = append(v.marks, m)
	}
}

// judge says what was changed: the entries, or the hashes beside them. The last checkpoint decides which.
func (v *verification) judge() error {
	root := v.entered.root()
	v.report.Root = root.String()
	if v.report.Size == 0 {
		return nil
	}
	var final *mark
	for i, m := range v.marks {
		if m.size == v.report.Size {
			final = &v.marks[i]
		}
		if m.err != nil {
			v.find(m.size-1, "the checkpoint after entry %d: %v", m.size-1, m.err)
		}
	}
	switch {
	case final == nil:
		v.find(-1, "there is no checkpoint of the whole register, of %d entries", v.report.Size)
		v.nameEntries()
	case final.err != nil:
		v.nameEntries()
	case final.entered:
		for _, d := range v.differ {
			v.find(d.index, "the log's hash of entry %d was changed; the entry itself is as it was signed", d.index)
		}
		if len(v.badHashes) > 0 && len(v.differ) == 0 {
			v.find(-1, "the log's inner hashes %s were changed; every entry is as it was signed", list(v.badHashes))
		}
		v.nameCheckpoints(func(m mark) bool { return m.entered })
	case final.stored:
		v.nameEntries()
		v.nameCheckpoints(func(m mark) bool { return m.stored })
	default:
		v.nameEntries()
		v.bracket()
	}
	return nil
}

// nameEntries names the entries that are not the ones that were hashed: missing, changed places, or changed.
func (v *verification) nameEntries() {
	byStored := map[tlog.Hash]int64{}
	for _, d := range v.differ {
		byStored[d.stored] = d.index
	}
	named := map[int64]bool{}
	for _, d := range v.differ {
		other, ok := byStored[d.entered]
		switch {
		case named[d.index]:
		case d.missing:
			v.find(d.index, "entry %d is missing", d.index)
		case ok && other != d.index:
			v.find(d.index, "entries %d and %d have changed places", d.index, other)
			named[other] = true
		default:
			v.find(d.index, "entry %d was changed: it is not the one that was hashed and signed", d.index)
		}
	}
}

func (v *verification) nameCheckpoints(right func(mark) bool) {
	for _, m := range v.marks {
		if m.err == nil && !right(m) {
			v.find(m.size-1, "the checkpoint after entry %d was changed", m.size-1)
		}
	}
}

// bracket is for when entries and hashes were both rewritten: the checkpoints, which are signed, still say between which two.
func (v *verification) bracket() {
	good := int64(0)
	for _, m := range v.marks {
		if m.err != nil {
			continue
		}
		if !m.entered && !m.stored {
			if err := v.tx.QueryRow("select coalesce(max(size), 0) from checkpoint where size < $1", m.size).Scan(&good); err != nil {
				good = 0
			}
			v.find(good, "something in entries %d to %d was rewritten, with its hashes: the checkpoint signed after them does not match", good, m.size-1)
			return
		}
	}
	v.find(-1, "the register does not match its last checkpoint")
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
		v.report.Series[name] = uint32(last)
		if want, took := v.last[name]; !took || int64(want) != last || int64(v.base[name]) != base {
			v.find(-1, "the series %s is kept as going from %d to %d, its entries go from %d to %d", name, base, last, v.base[name], want)
		}
		delete(v.last, name)
	}
	for name := range v.last {
		v.find(-1, "the series %s is missing; its entries go to %d", name, v.last[name])
	}
	return rows.Err()
}

func (v *verification) rows(from, to int64) (map[int64]Row, error) {
	rows, err := v.tx.Query("select idx, kind, leaf, of, said, at, checkpoint from entry where idx >= $1 and idx < $2", from, to)
	if err != nil {
		return nil, fmt.Errorf("reading the register: %w", err)
	}
	defer rows.Close()
	out := map[int64]Row{}
	for rows.Next() {
		var r Row
		var of sql.NullInt64
		if err := rows.Scan(&r.Index, &r.Kind, &r.Leaf, &of, &r.Said, &r.At, &r.checkpoint); err != nil {
			return nil, fmt.Errorf("reading the register: %w", err)
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
	for rows.Next() {
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

func (v *verification) checkpoints(from, to int64) (map[int64]string, error) {
	rows, err := v.tx.Query("select size, note from checkpoint where size > $1 and size <= $2", from, to)
	if err != nil {
		return nil, fmt.Errorf("reading the register's checkpoints: %w", err)
	}
	defer rows.Close()
	out := map[int64]string{}
	for rows.Next() {
		var size int64
		var n string
		if err := rows.Scan(&size, &n); err != nil {
			return nil, fmt.Errorf("reading the register's checkpoints: %w", err)
		}
		out[size] = n
	}
	return out, rows.Err()
}

// tree hashes a log as it grows, keeping its right edge.
type tree struct {
	size int64
	edge map[int64]tlog.Hash
}

func newTree() *tree { return &tree{edge: map[int64]tlog.Hash{}} }

// add gives the stored hashes above the leaf that it completes.
func (t *tree) add(h tlog.Hash) map[int64]tlog.Hash {
	hs, err := tlog.StoredHashesForRecordHash(t.size, h, t)
	if err != nil {
		panic(err) // the edge is always whole
	}
	first, above := tlog.StoredHashCount(t.size), map[int64]tlog.Hash{}
	t.size++
	all := map[int64]tlog.Hash{}
	for i, h := range hs {
		all[first+int64(i)] = h
		if i > 0 {
			above[first+int64(i)] = h
		}
	}
	edge := map[int64]tlog.Hash{}
	for _, i := range edgeOf(t.size) {
		if h, ok := all[i]; ok {
			edge[i] = h
		} else {
			edge[i] = t.edge[i]
		}
	}
	t.edge = edge
	return above
}

func (t *tree) root() tlog.Hash {
	h, err := tlog.TreeHash(t.size, t)
	if err != nil {
		panic(err)
	}
	return h
}

// ReadHashes lets tlog read the edge.
func (t *tree) ReadHashes(idx []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(idx))
	for i, x := range idx {
		h, ok := t.edge[x]
		if !ok {
			return nil, errors.New("not on the edge")
		}
		out[i] = h
	}
	return out, nil
}

func list(idx []int64) string {
	var b strings.Builder
	for i, x := range idx {
		switch {
		case i == 8:
			fmt.Fprintf(&b, " and %d more", len(idx)-i)
			return b.String()
		case i > 0:
			b.WriteString(", ")
		}
		fmt.Fprint(&b, x)
	}
	return b.String()
}
