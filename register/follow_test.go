package register_test

import (
	"errors"
	"fmt"
	"testing"

	"chancery.example/chancery/register"
	"chancery.example/chancery/store"
	"chancery.example/chancery/store/storetest"
	"chancery.example/chancery/telegram"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

// shown is a log that a post shows, as plain as it can be: its leaves.
type shown []tlog.Hash

func (s shown) root(n int64) tlog.Hash {
	var stored []tlog.Hash
	read := tlog.HashReaderFunc(func(idx []int64) (out []tlog.Hash, err error) {
		for _, i := range idx {
			out = append(out, stored[i])
		}
		return out, nil
	})
	for i, h := range s[:n] {
		hs, err := tlog.StoredHashesForRecordHash(int64(i), h, read)
		if err != nil {
			panic(err)
		}
		stored = append(stored, hs...)
	}
	root, err := tlog.TreeHash(n, read)
	if err != nil {
		panic(err)
	}
	return root
}

func leaf(of string, i int) tlog.Hash { return tlog.RecordHash(fmt.Appendf(nil, "%s %d", of, i)) }

func grown(of string, n int) (s shown) {
	for i := range n {
		s = append(s, leaf(of, i))
	}
	return s
}

// news is what is new in the log from one size to another.
func (s shown) news(from, to int64) (*telegram.LogNews, register.Checkpoint) {
	c := register.Checkpoint{Size: to, Root: s.root(to)}
	return &telegram.LogNews{Checkpoint: register.CheckpointText(origin, to, c.Root), Start: uint64(from), Leaves: s[from:to]}, c
}

func follow(t tester, db *store.DB, s shown, from, to, at int64) (first int64, n int, err error) {
	t.Helper()
	l, c := s.news(from, to)
	failed := db.Write(t.Context(), func(tx *store.Tx) error {
		var leaves []tlog.Hash
		first, leaves, err = register.Follow(tx, "PARIS", l, c, at, at*1000)
		n = len(leaves)
		return nil
	})
	if failed != nil {
		t.Fatal(failed)
	}
	return first, n, err
}

type tester = testing.TB

// A log is followed in steps of any size, over the rows in which it is held; every root of every length on the way can be told, every leaf
// found, and evidence of any prefix leads to the checkpoint.
func TestFollow(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		log := grown("a", 2500)
		at := int64(0)
		for i, to := range []int64{0, 1, 2, 1023, 1024, 1025, 2047, 2048, 2300, 2500} {
			first, n, err := follow(t, db, log, at, to, int64(1000+i))
			if err != nil || n > 0 && first != at || int64(n) != to-at {
				t.Fatal(to, first, n, err)
			}
			at = to
		}
		// What comes again, or overlaps, adds nothing.
		if _, n, err := follow(t, db, log, 2000, 2500, 2000); n != 0 || err != nil {
			t.Fatal(n, err)
		}
		if _, n, err := follow(t, db, log, 100, 1025, 1005); n != 0 || err != nil {
			t.Fatal(n, err)
		}
		err := db.Read(t.Context(), func(tx *store.Tx) error {
			for _, n := range []int64{0, 1, 7, 1023, 1024, 1025, 2048, 2049, 2500} {
				if root, known, err := register.RootAt(tx, "PARIS", n); err != nil || !known || n > 0 && root != log.root(n) {
					t.Errorf("the root of %d: %v %v %v", n, root, known, err)
				}
			}
			if _, known, err := register.RootAt(tx, "PARIS", 2501); known || err != nil {
				t.Error("a root of what was never shown", err)
			}
			if _, known, err := register.RootAt(tx, "ROME", 1); known || err != nil {
				t.Error("a root of another post", err)
			}
			for _, i := range []int64{0, 1023, 1024, 2499} {
				if idx, found, err := register.FindLeaf(tx, "PARIS", log[i], 0, 2500); idx != i || !found || err != nil {
					t.Error(i, idx, found, err)
				}
			}
			if _, found, err := register.FindLeaf(tx, "PARIS", log[5], 6, 2500); found || err != nil {
				t.Error("found before where was looked", err)
			}
			if _, found, err := register.FindLeaf(tx, "PARIS", log[1500], 0, 1500); found || err != nil {
				t.Error("found behind where was looked", err)
			}
			for _, n := range []int64{1, 2, 3, 1000, 1024, 1025, 2048, 2499, 2500} {
				e, err := register.EvidenceOf(tx, "PARIS", n)
				if err != nil {
					return err
				}
				root, shown, err := register.CheckEvidence(&e, register.Checkpoint{Size: 2500, Root: log.root(2500)})
				if err != nil || !shown || root != log.root(n) {
					t.Errorf("evidence of %d: %v %v %v", n, root, shown, err)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// One who holds nothing begins in the middle; what stands before is not known, and not said to be.
func TestFollowFromTheMiddle(t *testing.T) {
	db := storetest.SQLite(t)
	log := grown("a", 3000)
	for _, edge := range [][]tlog.Hash{nil, {{1}}, make([]tlog.Hash, 64)} {
		l, c := log.news(1500, 1600)
		l.Edge = edge
		if err := db.Write(t.Context(), func(tx *store.Tx) error {
			_, _, err := register.Follow(tx, "PARIS", l, c, 1, 1)
			return err
		}); !errors.Is(err, register.ErrUnsound) {
			t.Fatal(err)
		}
	}
	l, c := log.news(1500, 1600)
	l.Edge = edgeOf(log, 1500)
	var first int64
	if err := db.Write(t.Context(), func(tx *store.Tx) (err error) {
		first, _, err = register.Follow(tx, "PARIS", l, c, 1, 1)
		return err
	}); err != nil || first != 1500 {
		t.Fatal(first, err)
	}
	if _, _, err := follow(t, db, log, 1600, 3000, 2); err != nil {
		t.Fatal(err)
	}
	db.Read(t.Context(), func(tx *store.Tx) error {
		for n, want := range map[int64]bool{1499: false, 1500: true, 1536: true, 2048: true, 3000: true} {
			root, known, err := register.RootAt(tx, "PARIS", n)
			if known != want || err != nil || known && root != log.root(n) {
				t.Error(n, root, known, err)
			}
		}
		e, err := register.EvidenceOf(tx, "PARIS", 1700)
		if root, shown, failed := register.CheckEvidence(&e, register.Checkpoint{Size: 3000, Root: log.root(3000)}); err != nil || failed != nil || !shown || root != log.root(1700) {
			t.Error(err, failed, shown)
		}
		if e, err = register.EvidenceOf(tx, "PARIS", 1400); err != nil || e.Prefix != 0 || e.Checkpoint == "" {
			t.Error("what is not held was shown", err)
		}
		return nil
	})
}

func edgeOf(s shown, n int64) (edge []tlog.Hash) {
	for at := int64(0); at < n; {
		size := int64(1)
		for at+size*2 <= n {
			size *= 2
		}
		edge = append(edge, shown(s[at:at+size]).root(size))
		at += size
	}
	return edge
}

// A register that is rewritten, cut off or does not follow from what was shown is refused by its name, and nothing is changed by it.
func TestFollowRefuses(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		log := grown("a", 50)
		if _, _, err := follow(t, db, log, 0, 40, 10000); err != nil {
			t.Fatal(err)
		}
		rewritten := append(shown{}, log...)
		rewritten[7] = leaf("b", 7)
		later := int64(10000 + 3600)
		for name, x := range map[string]struct {
			log      shown
			from, to int64
			at       int64
			want     error
		}{
			"rewritten":                       {rewritten, 40, 50, later, register.ErrContradicts},
			"rewritten, the same length":      {rewritten, 40, 40, later, register.ErrContradicts},
			"rewritten, shorter":              {rewritten, 30, 30, later, register.ErrContradicts},
			"rewritten, from the beginning":   {rewritten, 0, 50, later, register.ErrContradicts},
			"shorter later":                   {log, 30, 30, later, register.ErrShorter},
			"shorter soon":                    {log, 30, 30, 10010, register.ErrOlder},
			"shorter before":                  {log, 30, 30, 9000, nil},
			"a gap":                           {log, 45, 50, later, register.ErrGap},
			"shorter, from another beginning": {grown("c", 20), 0, 20, later, register.ErrContradicts},
		} {
			if _, n, err := follow(t, db, x.log, x.from, x.to, x.at); !errors.Is(err, x.want) || n > 0 {
				t.Errorf("%s: %d new, %v, want %v", name, n, err, x.want)
			}
		}
		l, c := log.news(40, 50)
		l.Leaves = l.Leaves[1:]
		db.Write(t.Context(), func(tx *store.Tx) error {
			if _, _, err := register.Follow(tx, "PARIS", l, c, later, later); !errors.Is(err, register.ErrUnsound) {
				t.Error("a leaf less:", err)
			}
			f, err := register.FollowedOf(tx, "PARIS")
			if err != nil || f.Size != 40 || f.At != 10000 || f.Root != log.root(40) {
				t.Errorf("it changed something: %+v %v", f, err)
			}
			return nil
		})
		if _, n, err := follow(t, db, log, 40, 50, later); n != 10 || err != nil {
			t.Error("what is right, after all that:", n, err)
		}
	})
}

// Evidence that lies in any hash, or in its numbers, proves nothing.
func TestEvidenceThatLies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := int64(rapid.IntRange(1, 70).Draw(t, "size"))
		m := rapid.Int64Range(1, n).Draw(t, "prefix")
		log := grown("a", int(n))
		e := telegram.Evidence{Checkpoint: "x", Prefix: uint64(m), Edge: edgeOf(log, m)}
		for at := m; at < n; {
			size := int64(1)
			for at%(size*2) == 0 && at+size*2 <= n {
				size *= 2
			}
			e.Between = append(e.Between, shown(log[at:at+size]).root(size))
			at += size
		}
		c := register.Checkpoint{Size: n, Root: log.root(n)}
		if root, shown, err := register.CheckEvidence(&e, c); err != nil || !shown || root != log.root(m) {
			t.Fatal(root, shown, err)
		}
		all := append(append([]*tlog.Hash{}, hashesOf(e.Edge)...), hashesOf(e.Between)...)
		h := rapid.SampledFrom(all).Draw(t, "hash")
		h[3] ^= 1
		if _, _, err := register.CheckEvidence(&e, c); err == nil {
			t.Fatal("a hash that lies was taken")
		}
		h[3] ^= 1
		e.Prefix += uint64(rapid.SampledFrom([]int{-1, 1, 1 << 40}).Draw(t, "off"))
		if _, shown, err := register.CheckEvidence(&e, c); err == nil && shown {
			t.Fatal("another prefix was taken")
		}
	})
}

func hashesOf(hs []tlog.Hash) (out []*tlog.Hash) {
	for i := range hs {
		out = append(out, &hs[i])
	}
	return out
}
