package register

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"math/bits"

	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
	"golang.org/x/mod/sumdb/tlog"
)

// How a post keeps watch over the registers of others: it follows the log of each post that it exchanges telegrams with, leaf by leaf, and
// holds every checkpoint that it is shown against what it was shown before.

// What [Follow] refuses with.
var (
	// ErrGap: the news begins behind what is held here. The other post has to begin earlier.
	ErrGap = errors.New("there is a gap before what is new")
	// ErrShorter: the log is shorter than the other post had signed before.
	ErrShorter = errors.New("its register is shorter than the one it signed before")
	// ErrOlder: the same, at a time that may only be another process's clock.
	ErrOlder = errors.New("its register is a little older than the one it signed before")
	// ErrContradicts: the checkpoint and what was signed before cannot both be of one log.
	ErrContradicts = errors.New("its register is not the one that it signed before")
	// ErrUnsound: what is shown is not what was signed.
	ErrUnsound = errors.New("what it shows of its register is not what it signed")
)

// Followed is another post's register as far as it was shown here.
type Followed struct {
	Post  string
	Start int64     // the first leaf that is held
	Size  int64     // leaves there are
	Root  tlog.Hash // of all of them
	Note  string    // the newest checkpoint, as that post signed it
	At    int64     // seconds: when that post says that its register was so
}

// slack is by how much an earlier word may name a later time, since several processes of a post tell the time: what is shorter within it came
// late, and took nothing back.
const slack = 10 * 60

// FollowedOf reads what is held of a post's register; nil if nothing.
func FollowedOf(tx *store.Tx, post string) (*Followed, error) {
	all, err := followed(tx, "post = $1", post)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return &all[0], nil
}

// AllFollowed reads what is held of every post's register, by name.
func AllFollowed(tx *store.Tx) ([]Followed, error) { return followed(tx, "post <> $1", "") }

func followed(tx *store.Tx, where, arg string) (out []Followed, err error) {
	rows, err := tx.Query("select post, start, size, root, note, at from followed where "+where+" order by post", arg)
	if err != nil {
		return nil, fmt.Errorf("reading what is known of other posts' registers: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var f Followed
		var root []byte
		if err := rows.Scan(&f.Post, &f.Start, &f.Size, &root, &f.Note, &f.At); err != nil {
			return nil, fmt.Errorf("reading what is known of other posts' registers: %w", err)
		}
		if len(root) != tlog.HashSize {
			return nil, fmt.Errorf("what is known of the register of %s is damaged", f.Post)
		}
		f.Root = tlog.Hash(root)
		out = append(out, f)
	}
	return out, rows.Err()
}

// Follow takes what a post says is new in its register at a time, under the checkpoint c that it signed there. Of what was not held before
// it gives the first leaf's place and the leaves. It refuses with one of the errors above, and changes nothing then; any other error is of the database.
func Follow(tx *store.Tx, post string, l *telegram.LogNews, c Checkpoint, at, now int64) (from int64, leaves []tlog.Hash, err error) {
	if l.Start > uint64(c.Size) || uint64(c.Size)-l.Start != uint64(len(l.Leaves)) {
		return 0, nil, ErrUnsound
	}
	f, err := FollowedOf(tx, post)
	if err != nil {
		return 0, nil, err
	}
	start := int64(l.Start)
	switch {
	case f == nil:
		return begin(tx, post, l, c, at, now)
	case c.Size < f.Size:
		return 0, nil, f.compareOlder(tx, c, at)
	case start > f.Size:
		return 0, nil, ErrGap
	}
	tile, err := lastTile(tx, post)
	if err != nil {
		return 0, nil, err
	}
	leaves = l.Leaves[f.Size-start:]
	t, err := tile.tree(f.Size)
	if err != nil {
		return 0, nil, err
	}
	for _, h := range leaves {
		t.add(h)
	}
	if t.root() != c.Root {
		return 0, nil, ErrContradicts
	}
	return f.Size, leaves, f.extend(tx, tile, leaves, l, c, at, now)
}

// begin takes the first that is shown of a register.
func begin(tx *store.Tx, post string, l *telegram.LogNews, c Checkpoint, at, now int64) (int64, []tlog.Hash, error) {
	t, err := treeOf(int64(l.Start), l.Edge)
	if err != nil {
		return 0, nil, ErrUnsound
	}
	tile := &leafTile{post: post, first: t.size, edge: t.edge}
	t = t.clone()
	for _, h := range l.Leaves {
		t.add(h)
	}
	if t.root() != c.Root {
		return 0, nil, ErrUnsound
	}
	f := &Followed{Post: post, Start: tile.first, Size: tile.first}
	if err := tx.Insert("followed (post, start, size, root, note, at)", 6, []any{post, f.Start, f.Size, c.Root[:], l.Checkpoint, at}, ""); err != nil {
		return 0, nil, err
	}
	return f.Start, l.Leaves, f.extend(tx, tile, l.Leaves, l, c, at, now)
}

// compareOlder judges a checkpoint of a shorter log than is known.
func (f *Followed) compareOlder(tx *store.Tx, c Checkpoint, at int64) error {
	root, known, err := RootAt(tx, f.Post, c.Size)
	switch {
	case err != nil:
		return err
	case known && root != c.Root:
		return ErrContradicts
	case at > f.At+slack:
		return ErrShorter
	case at > f.At:
		return ErrOlder
	}
	return nil
}

// extend writes new leaves, and what is known now.
func (f *Followed) extend(tx *store.Tx, tile *leafTile, leaves []tlog.Hash, l *telegram.LogNews, c Checkpoint, at, now int64) error {
	t, err := tile.tree(f.Size)
	if err != nil {
		return err
	}
	for _, h := range leaves {
		if t.size/tileLeaves != tile.n() {
			if err := tile.write(tx); err != nil {
				return err
			}
			tile = &leafTile{post: f.Post, first: t.size, edge: t.clone().edge}
		}
		tile.hashes = append(tile.hashes, h[:]...)
		t.add(h)
	}
	if err := tile.write(tx); err != nil {
		return err
	}
	if _, err := tx.Exec(`insert into followed_at (post, size, at, came) values ($1, $2, $3, $4)
		on conflict (post, size) do update set at = excluded.at where excluded.at > followed_at.at`, f.Post, c.Size, at, now); err != nil {
		return fmt.Errorf("following the register of %s: %w", f.Post, err)
	}
	if _, err := tx.Exec("update followed set size = $1, root = $2, note = $3, at = case when at < $4 then $4 else at end where post = $5",
		c.Size, c.Root[:], l.Checkpoint, at, f.Post); err != nil {
		return fmt.Errorf("following the register of %s: %w", f.Post, err)
	}
	return nil
}

// tileLeaves is how many leaves a row holds.
const tileLeaves = 1024

// leafTile is a row of leaf hashes.
type leafTile struct {
	post   string
	first  int64
	edge   []tlog.Hash // of the log before it
	hashes []byte
}

func (t *leafTile) n() int64 { return t.first / tileLeaves }

func (t *leafTile) write(tx *store.Tx) error {
	var edge []byte
	for _, h := range t.edge {
		edge = append(edge, h[:]...)
	}
	return tx.Insert("followed_leaf (post, n, first, edge, hashes)", 5, []any{t.post, t.n(), t.first, append([]byte{}, edge...), append([]byte{}, t.hashes...)},
		"on conflict (post, n) do update set hashes = excluded.hashes")
}

// tree is the log of the first so many leaves, the last of which stand in this row.
func (t *leafTile) tree(size int64) (*tree, error) {
	x := &tree{t.first, append([]tlog.Hash(nil), t.edge...)}
	for i := range size - t.first {
		if int(i+1)*tlog.HashSize > len(t.hashes) {
			return nil, fmt.Errorf("what is held of the register of %s ends before %d entries", t.post, size)
		}
		x.add(tlog.Hash(t.hashes[i*tlog.HashSize:]))
	}
	return x, nil
}

func lastTile(tx *store.Tx, post string) (*leafTile, error) {
	return oneTile(tx, post, "n = (select max(n) from followed_leaf where post = $1) and n >= $2", 0)
}

// tileOf is the row with the last of so many leaves, or the one that begins behind them.
func tileOf(tx *store.Tx, post string, size int64) (*leafTile, error) {
	return oneTile(tx, post, "first <= $2 order by n desc limit 1", size)
}

func oneTile(tx *store.Tx, post, where string, arg int64) (*leafTile, error) {
	t := &leafTile{post: post}
	var edge []byte
	err := tx.QueryRow("select first, edge, hashes from followed_leaf where post = $1 and "+where, post, arg).Scan(&t.first, &edge, &t.hashes)
	if err != nil {
		return nil, fmt.Errorf("reading what is held of the register of %s: %w", post, err)
	}
	for len(edge) >= tlog.HashSize {
		t.edge, edge = append(t.edge, tlog.Hash(edge)), edge[tlog.HashSize:]
	}
	if len(t.edge) != bits.OnesCount64(uint64(t.first)) || len(edge) > 0 || len(t.hashes)%tlog.HashSize != 0 {
		return nil, fmt.Errorf("what is held of the register of %s is damaged", post)
	}
	return t, nil
}

// RootAt is the root of the first so many leaves of another post's register; known is false where it is not held.
func RootAt(tx *store.Tx, post string, size int64) (root tlog.Hash, known bool, err error) {
	f, err := FollowedOf(tx, post)
	if err != nil || f == nil || size < f.Start || size > f.Size {
		return root, false, err
	}
	tile, err := tileOf(tx, post, size)
	if err != nil {
		return root, false, err
	}
	t, err := tile.tree(size)
	if err != nil {
		return root, false, err
	}
	return t.root(), true, nil
}

// FindLeaf looks for a leaf among those of a post's register from one place on, and before another.
func FindLeaf(tx *store.Tx, post string, leaf tlog.Hash, from, before int64) (idx int64, found bool, err error) {
	rows, err := tx.Query("select first, hashes from followed_leaf where post = $1 and n >= $2 and first < $3 order by n", post, from/tileLeaves, before)
	if err != nil {
		return 0, false, fmt.Errorf("looking in the register of %s: %w", post, err)
	}
	defer rows.Close()
	for rows.Next() {
		var first int64
		var hashes []byte
		if err := rows.Scan(&first, &hashes); err != nil {
			return 0, false, fmt.Errorf("looking in the register of %s: %w", post, err)
		}
		for i := 0; (i+1)*tlog.HashSize <= len(hashes); i++ {
			idx := first + int64(i)
			if idx >= from && idx < before && bytes.Equal(hashes[i*tlog.HashSize:(i+1)*tlog.HashSize], leaf[:]) {
				return idx, true, nil
			}
		}
	}
	return 0, false, rows.Err()
}

// SizeSaid gives the largest size that a post said its register had at a time or before it (known is false if it said none), and the smallest that
// it said it had after a time.
func SizeSaid(tx *store.Tx, post string, before, after int64) (least int64, known bool, most int64, bounded bool, err error) {
	var a, b sql.NullInt64
	err = tx.QueryRow(`select (select max(size) from followed_at where post = $1 and at <= $2),
		(select min(size) from followed_at where post = $1 and at > $3)`, post, before, after).Scan(&a, &b)
	if err != nil {
		return 0, false, 0, false, fmt.Errorf("looking when the register of %s was how long: %w", post, err)
	}
	return a.Int64, a.Valid, b.Int64, b.Valid, nil
}

func treeOf(size int64, edge []tlog.Hash) (*tree, error) {
	if size < 0 || len(edge) != bits.OnesCount64(uint64(size)) {
		return nil, fmt.Errorf("%d hashes do not make up a log of %d entries", len(edge), size)
	}
	return &tree{size, append([]tlog.Hash(nil), edge...)}, nil
}
