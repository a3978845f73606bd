package register

import (
	"errors"
	"fmt"
	"math/bits"

	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
	"golang.org/x/mod/sumdb/tlog"
)

// What a post shows of its own register, and how it shows to a third that somebody signed two.

// MostNews is how many entries of a register are shown in one message, if a checkpoint ends there.
const MostNews = 8192

// FirstNews is how far back a post begins with one that holds nothing yet.
const FirstNews = 1024

// Size is how many entries the register has.
func Size(tx *store.Tx) (size int64, err error) {
	if err = tx.QueryRow("select size from head where one = 1").Scan(&size); err != nil {
		err = fmt.Errorf("reading the register's head: %w", err)
	}
	return size, err
}

// RootOf is the root of the first so many entries of this post's register.
func RootOf(tx *store.Tx, size int64) (root tlog.Hash, err error) {
	return tlog.TreeHash(size, storedHashes{tx})
}

// NewsFor is what is new in this post's register for one that holds the first so many leaves. One that holds none is shown the last thousand, or
// from the entry given if that is earlier (-1 for none). It is nil while the register is empty. all says whether nothing more is to be told.
func NewsFor(tx *store.Tx, held, first int64) (l *telegram.LogNews, all bool, err error) {
	size, err := Size(tx)
	if err != nil || size == 0 {
		return nil, true, err
	}
	start := min(held, size)
	if held == 0 {
		start = max(0, size-FirstNews)
		if first >= 0 {
			start = min(start, first)
		}
	}
	end := size
	if size-start > MostNews {
		// The largest checkpoint that fits, or the next one whatever it brings.
		err = tx.QueryRow(`select coalesce((select max(size) from checkpoint where size > $1 and size <= $2), (select min(size) from checkpoint where size > $1))`,
			start, start+MostNews).Scan(&end)
		if err != nil {
			return nil, false, fmt.Errorf("reading the register's checkpoints: %w", err)
		}
	}
	l = &telegram.LogNews{Start: uint64(start)}
	if err := tx.QueryRow("select note from checkpoint where size = $1", end).Scan(&l.Checkpoint); err != nil {
		return nil, false, fmt.Errorf("reading the register's checkpoint of %d entries: %w", end, err)
	}
	if held == 0 {
		edge, err := storedHashes{tx}.ReadHashes(edgeOf(start))
		if err != nil {
			return nil, false, err
		}
		l.Edge = largestFirst(edge)
	}
	l.Leaves, err = leavesOf(tx, start, end)
	return l, end == size, err
}

// edgeOf gives the smallest subtree first; written edges begin with the largest.
func largestFirst(hs []tlog.Hash) []tlog.Hash {
	out := make([]tlog.Hash, len(hs))
	for i, h := range hs {
		out[len(hs)-1-i] = h
	}
	return out
}

func leavesOf(tx *store.Tx, from, to int64) (out []tlog.Hash, err error) {
	rows, err := tx.Query("select idx, hash from loghash where idx >= $1 and idx < $2 order by idx", tlog.StoredHashIndex(0, from), tlog.StoredHashIndex(0, to))
	if err != nil {
		return nil, fmt.Errorf("reading the register's log: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var idx int64
		var h []byte
		if err := rows.Scan(&idx, &h); err != nil {
			return nil, fmt.Errorf("reading the register's log: %w", err)
		}
		if level, n := tlog.SplitStoredHashIndex(idx); level == 0 {
			if len(h) != tlog.HashSize || n != from+int64(len(out)) {
				return nil, fmt.Errorf("the register's log is damaged at entry %d (run chancery register verify)", n)
			}
			out = append(out, tlog.Hash(h))
		}
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	if int64(len(out)) != to-from {
		return nil, errors.New("the register's log has lost hashes (run chancery register verify)")
	}
	return out, nil
}

// A subtree is the hash of the complete subtree of 2^level leaves from n·2^level on.
type subtree func(level int, n int64) (tlog.Hash, error)

func (s storedHashes) subtree(level int, n int64) (h tlog.Hash, err error) {
	hs, err := s.ReadHashes([]int64{tlog.StoredHashIndex(level, n)})
	if err != nil {
		return h, err
	}
	return hs[0], nil
}

// heldSubtree makes it from the leaves of another post's register. It is slow, and seldom asked.
func heldSubtree(tx *store.Tx, post string) subtree {
	return func(level int, n int64) (tlog.Hash, error) {
		t := &tree{}
		first, end := n<<level, (n+1)<<level
		for t.size < end-first {
			tile, err := tileOf(tx, post, first+t.size)
			if err != nil {
				return tlog.Hash{}, err
			}
			from := t.size
			for i := first + t.size - tile.first; i >= 0 && int(i+1)*tlog.HashSize <= len(tile.hashes) && t.size < end-first; i++ {
				t.add(tlog.Hash(tile.hashes[i*tlog.HashSize:]))
			}
			if t.size == from {
				return tlog.Hash{}, fmt.Errorf("what is held of the register of %s ends before %d entries", post, end)
			}
		}
		return t.root(), nil
	}
}

// OwnEvidence shows a post how this post's register begins.
func OwnEvidence(tx *store.Tx, prefix int64) (e telegram.Evidence, err error) {
	size, err := Size(tx)
	if err != nil || size == 0 {
		return e, err
	}
	if err := tx.QueryRow("select note from checkpoint where size = $1", size).Scan(&e.Checkpoint); err != nil {
		return e, fmt.Errorf("reading the register's last checkpoint: %w", err)
	}
	if prefix > size {
		return e, nil
	}
	edge, err := storedHashes{tx}.ReadHashes(edgeOf(prefix))
	if err != nil {
		return e, err
	}
	e.Edge = largestFirst(edge)
	return e, between(&e, prefix, size, storedHashes{tx}.subtree)
}

// EvidenceOf shows a post how another's register, as it was shown here, begins. Where the prefix is not held here the checkpoint stands alone.
func EvidenceOf(tx *store.Tx, post string, prefix int64) (e telegram.Evidence, err error) {
	f, err := FollowedOf(tx, post)
	if err != nil || f == nil {
		return e, err
	}
	e.Checkpoint = f.Note
	if prefix < max(f.Start, 1) || prefix > f.Size {
		return e, nil
	}
	tile, err := tileOf(tx, post, prefix)
	if err != nil {
		return e, err
	}
	t, err := tile.tree(prefix)
	if err != nil {
		return e, err
	}
	e.Edge = t.edge
	return e, between(&e, prefix, f.Size, heldSubtree(tx, post))
}

// between adds the complete subtrees from prefix to size.
func between(e *telegram.Evidence, prefix, size int64, hash subtree) error {
	e.Prefix = uint64(prefix)
	for at := prefix; at < size; {
		level := levelAt(at, size)
		h, err := hash(level, at>>level)
		if err != nil {
			return err
		}
		e.Between = append(e.Between, h)
		at += 1 << level
	}
	return nil
}

// levelAt is the level of the largest complete subtree that begins at a leaf and ends before size.
func levelAt(at, size int64) int {
	level := bits.Len64(uint64(size-at)) - 1
	if at > 0 {
		level = min(level, bits.TrailingZeros64(uint64(at)))
	}
	return level
}

// CheckEvidence gives the root of the prefix that the checkpoint c, which the caller has opened, commits to; shown is false if the
// evidence is of the checkpoint alone.
func CheckEvidence(e *telegram.Evidence, c Checkpoint) (root tlog.Hash, shown bool, err error) {
	if e.Prefix == 0 {
		return root, false, nil
	}
	if e.Prefix > uint64(c.Size) {
		return root, false, errors.New("evidence of a prefix that is longer than the log")
	}
	t, err := treeOf(int64(e.Prefix), e.Edge)
	if err != nil {
		return root, false, err
	}
	root = t.root()
	for _, h := range e.Between {
		if t.size >= c.Size {
			return root, false, errors.New("evidence with hashes behind its end")
		}
		t.addSubtree(levelAt(t.size, c.Size), h)
	}
	if t.size != c.Size || t.root() != c.Root {
		return root, false, errors.New("evidence that does not lead to the checkpoint it shows")
	}
	return root, true, nil
}

// addSubtree adds a complete subtree of 2^level leaves where one may stand, and gives the hashes above it that it completes, from below.
func (t *tree) addSubtree(level int, h tlog.Hash) (above []tlog.Hash) {
	for n := t.size >> level; n&1 == 1; n >>= 1 {
		last := len(t.edge) - 1
		h = tlog.NodeHash(t.edge[last], h)
		t.edge = t.edge[:last]
		above = append(above, h)
	}
	t.edge = append(t.edge, h)
	t.size += 1 << level
	return above
}
