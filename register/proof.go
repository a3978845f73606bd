package register

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

type difference struct {
	index           int64
	entered, stored tlog.Hash
	missing         bool // there is no such entry
	unlike          bool // the entry is not what is made again for it
	changed         part
}

// part is what was changed where two differ.
type part int

const (
	unknown part = iota
	theEntry
	theHash
)

// add hashes one entry into the log, and holds the inner hashes that it completes against the ones kept.
func (v *verification) add(d difference, at int64, hashes map[int64]tlog.Hash) {
	if d.missing || d.entered != d.stored {
		v.doubt = d.index
		if len(v.differ) < most {
			v.differ = append(v.differ, d)
		} else {
			v.unsaid++
		}
	}
	for way, above := range [][]tlog.Hash{v.entered.add(d.entered), v.stored.add(d.stored)} {
		for i, h := range above {
			idx := at + 1 + int64(i)
			if kept, ok := hashes[idx]; (!ok || kept != h) && len(v.badHere[way]) < most {
				v.badHere[way] = append(v.badHere[way], idx)
			}
		}
	}
}

// compare holds a checkpoint against the log so far.
func (v *verification) compare(o opened, size int64) {
	v.report.Checkpoints++
	if o.err == nil && o.Size != size {
		o.err = fmt.Errorf("it is of size %d", o.Size)
	}
	switch {
	case o.err != nil:
		v.find(size-1, "the checkpoint after entry %d: %v", size-1, o.err)
	case o.Root == v.entered.root():
		v.settle(theHash, v.badHere[0])
		v.stored = v.entered.clone()
		v.proven, v.broken = size, false
	case o.Root == v.stored.root():
		v.settle(theEntry, v.badHere[1])
		v.entered = v.stored.clone()
		v.proven, v.broken = size, false
	case !v.broken:
		// The later checkpoints do not match either, and say nothing new.
		v.find(v.proven, "entries %d to %d do not make the root signed after them: something among them was rewritten with its hashes", v.proven, size-1)
		v.broken = true
	}
}

// settle says of all that differs since the last matching checkpoint what was changed.
func (v *verification) settle(changed part, inner []int64) {
	for i := v.open; i < len(v.differ); i++ {
		v.differ[i].changed = changed
	}
	v.open = len(v.differ)
	v.badInner = append(v.badInner, inner[:min(len(inner), most-len(v.badInner))]...)
	v.badHere = [2][]int64{}
}

// conclude is for the entries after the last checkpoint that matches.
func (v *verification) conclude() {
	var neither []int64
	for _, idx := range v.badHere[0] {
		if slices.Contains(v.badHere[1], idx) {
			neither = append(neither, idx)
		}
	}
	v.settle(unknown, neither)
	if v.proven < v.report.Size && !v.broken {
		v.find(v.proven, "entries %d to %d are proven by no checkpoint", v.proven, v.report.Size-1)
	}
	for _, idx := range v.badInner {
		v.find(-1, "the log's inner hash %d was changed or is missing; no entry is touched by it", idx)
	}
}

// nameDifferences names the entries that are not the ones that were hashed: missing, changed places, or changed.
func (v *verification) nameDifferences() {
	byStored := map[tlog.Hash]int64{}
	for _, d := range v.differ {
		byStored[d.stored] = d.index
	}
	named := map[int64]bool{}
	for i, d := range v.differ {
		other, swapped := byStored[d.entered]
		switch {
		case named[d.index]:
		case d.missing:
			end := d.index
			for _, e := range v.differ[i+1:] {
				if !e.missing || e.index != end+1 {
					break
				}
				end++
				named[end] = true
			}
			v.findMissing(d.index, end)
		case d.changed == unknown:
			v.find(d.index, "entry %d and the log's hash of it differ, and no checkpoint says which was changed", d.index)
		case d.changed == theHash:
			v.find(d.index, "the log's hash of entry %d was changed; the entry itself is as it was signed", d.index)
			if d.unlike {
				v.findUnlike(d.index)
			}
		case swapped:
			v.find(d.index, "entries %d and %d have changed places", d.index, other)
			named[other] = true
		default:
			v.find(d.index, "entry %d was changed: it is not the one that was hashed and signed", d.index)
		}
	}
}

func (v *verification) findMissing(from, to int64) {
	if from == to {
		v.find(from, "entry %d is missing", from)
		return
	}
	v.find(from, "entries %d to %d are missing", from, to)
}

// tree hashes a log as it grows. It is written apart from the hashing that [Book] uses, so that one mistake is not made twice.
type tree struct {
	size int64
	edge []tlog.Hash // of the complete subtrees, the largest first
}

// add gives the hashes above the leaf that it completes, from below.
func (t *tree) add(h tlog.Hash) (above []tlog.Hash) {
	return t.addSubtree(0, h)
}

func (t *tree) root() tlog.Hash {
	if t.size == 0 {
		return tlog.Hash(sha256.Sum256(nil)) // RFC 6962 section 2.1
	}
	h := t.edge[len(t.edge)-1]
	for i := len(t.edge) - 2; i >= 0; i-- {
		h = tlog.NodeHash(t.edge[i], h)
	}
	return h
}

func (t *tree) clone() *tree { return &tree{t.size, slices.Clone(t.edge)} }
