package register_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"chancery.example/chancery/register"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
	"golang.org/x/mod/sumdb/tlog"
)

// specimen is a register of 16 entries in six books, with checkpoints after entries 0, 3, 4, 8, 10 and 15. Entry 0 says where the
// series go on from paper, entry 8 is a note of a section sent, the others are telegrams to PARIS and to BEIJING by turns.
func specimen(t *testing.T, d *desk) {
	t.Helper()
	err := d.book(t, func(_ *store.Tx, b *register.Book) error {
		if err := errors.Join(b.Continue(year, 23342), b.Continue("serial BEIJING", 2521)); err != nil {
			return err
		}
		return says(b, telegram.EntryContinued, register.Taken{Series: year, Number: 23342, Base: true},
			register.Taken{Series: "serial BEIJING", Number: 2521, Base: true})
	})
	if err != nil {
		t.Fatal(err)
	}
	d.mustSend(t, "PARIS", "BEIJING", "PARIS")
	d.mustSend(t, "BEIJING")
	err = d.book(t, func(tx *store.Tx, b *register.Book) error {
		for _, post := range []string{"PARIS", "BEIJING", "PARIS"} {
			if _, err := enter(tx, b, post); err != nil {
				return err
			}
		}
		n, err := b.Take("special PARIS")
		if err != nil {
			return err
		}
		return says(b, telegram.EntrySent, register.Taken{Series: "special PARIS", Number: n})
	})
	if err != nil {
		t.Fatal(err)
	}
	d.mustSend(t, "BEIJING", "PARIS")
	d.mustSend(t, "BEIJING", "PARIS", "BEIJING", "PARIS", "BEIJING")
	d.whole(t, 16)
}

// harm is a change to the database, and what Verify must say of it, no more and no less.
type harm struct {
	name string
	do   func(*store.Tx) error
	want []string
}

// sql is a harm done by statements.
func sql(statements ...string) func(*store.Tx) error {
	return func(tx *store.Tx) error {
		for _, s := range statements {
			if _, err := tx.Exec(s); err != nil {
				return fmt.Errorf("%s: %w", s, err)
			}
		}
		return nil
	}
}

// flip turns over one bit in the middle of a row's bytes.
func flip(table, column, key string, at int64) func(*store.Tx) error {
	return func(tx *store.Tx) error {
		var b []byte
		if err := tx.QueryRow("select "+column+" from "+table+" where "+key+" = $1", at).Scan(&b); err != nil {
			return err
		}
		b[len(b)/2] ^= 4
		_, err := tx.Exec("update "+table+" set "+column+" = $1 where "+key+" = $2", b, at)
		return err
	}
}

// swapLeaves exchanges what two entries say, and nothing else of their rows.
func swapLeaves(i, j int64) func(*store.Tx) error {
	return func(tx *store.Tx) error {
		var a, b []byte
		leaf := "select leaf from entry where idx = $1"
		if err := errors.Join(tx.QueryRow(leaf, i).Scan(&a), tx.QueryRow(leaf, j).Scan(&b)); err != nil {
			return err
		}
		for at, leaf := range map[int64][]byte{i: b, j: a} {
			if _, err := tx.Exec("update entry set leaf = $1 where idx = $2", leaf, at); err != nil {
				return err
			}
		}
		return nil
	}
}

// all does several harms.
func all(harms ...func(*store.Tx) error) func(*store.Tx) error {
	return func(tx *store.Tx) error {
		for _, do := range harms {
			if err := do(tx); err != nil {
				return err
			}
		}
		return nil
	}
}

// judge does each harm in a transaction of its own, and undoes it.
func judge(t *testing.T, harms []harm) {
	each(t, func(t *testing.T, d *desk) {
		specimen(t, d)
		for _, h := range harms {
			t.Run(h.name, func(t *testing.T) {
				err := d.db.Write(t.Context(), func(tx *store.Tx) error {
					if err := h.do(tx); err != nil {
						return err
					}
					_, got := d.verify(t, tx)
					if strings.Join(got, "\n") != strings.Join(h.want, "\n") {
						t.Errorf("found\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(h.want, "\n\t"))
					}
					return errUndo
				})
				if !errors.Is(err, errUndo) {
					t.Fatal(err)
				}
			})
		}
		d.whole(t, 16)
	})
}

func TestDamagedEntries(t *testing.T) {
	var harms []harm
	add := func(name string, do func(*store.Tx) error, want ...string) {
		harms = append(harms, harm{name, do, want})
	}
	for i := range int64(16) {
		add(fmt.Sprint("bit in entry ", i), flip("entry", "leaf", "idx", i),
			fmt.Sprintf("%d: entry %d was changed: it is not the one that was hashed and signed", i, i))
		add(fmt.Sprint("entry deleted ", i), sql(fmt.Sprint("delete from entry where idx = ", i)),
			fmt.Sprintf("%d: entry %d is missing", i, i))
	}
	for _, p := range [][2]int64{{1, 2}, {0, 15}, {2, 9}, {14, 15}, {3, 8}, {7, 8}} {
		said := fmt.Sprintf("%d: entries %d and %d have changed places", p[0], p[0], p[1])
		add(fmt.Sprint("leaves swapped ", p), swapLeaves(p[0], p[1]), said)
	}
	// Rows that change places whole leave a note's words sealed for another place, and a book with an entry of another checkpoint.
	swap := func(i, j int64) func(*store.Tx) error {
		return sql(fmt.Sprint("update entry set idx = -1 where idx = ", i), fmt.Sprintf("update entry set idx = %d where idx = %d", i, j),
			fmt.Sprintf("update entry set idx = %d where idx = -1", j))
	}
	add("rows swapped in one book", swap(5, 7), "5: entries 5 and 7 have changed places")
	add("neighbours swapped", swap(12, 13), "12: entries 12 and 13 have changed places")
	add("rows swapped across books", swap(2, 9), "2: entries 2 and 9 have changed places",
		"2: entry 2 is kept as closed by a checkpoint of 11 entries, which is missing or not its own",
		"9: entry 9 is kept as closed by a checkpoint of 4 entries, which is missing or not its own")
	add("a note swapped", swap(7, 8), "7: entry 7 (sent): its words do not open", "7: entries 7 and 8 have changed places")
	add("several deleted", sql("delete from entry where idx in (5, 6, 7, 12)"), "5: entries 5 to 7 are missing", "12: entry 12 is missing")
	add("the last book deleted", sql("delete from entry where idx >= 11"), "11: entries 11 to 15 are missing")
	add("all deleted", sql("delete from entry"), "0: entries 0 to 15 are missing")
	add("kind changed", sql("update entry set kind = 6 where idx = 8"), "8: entry 8 is not the record of what is filed for it")
	add("kind impossible", sql("update entry set kind = 4000 where idx = 8"), "8: entry 8 is not the record of what is filed for it")
	add("points at another telegram", sql("update entry set of = 1 where idx = 6"), "6: entry 6 is not the record of what is filed for it")
	add("points nowhere", sql("update entry set of = null where idx = 6"), "6: entry 6 (out): its telegram is not among the filed ones")
	add("a note's words changed", flip("entry", "said", "idx", 8), "8: entry 8 is not the record of what is filed for it")
	add("a note's words lost", sql("update entry set said = null where idx = 8"), "8: entry 8 (sent): its words do not open")
	add("the first note's words lost", sql("update entry set said = null where idx = 0"), "0: entry 0 (continued): its words do not open")
	add("an entry too many", sql("insert into entry select 9000000000, kind, leaf, of, said, at, 9000000001 from entry where idx = 6"),
		"-1: 1 rows are kept that are no part of a register of 16 entries")
	judge(t, harms)
}

func TestDamagedFilesAreNamedWithTheirEntry(t *testing.T) {
	// The entries' telegrams are filed from 1: entry 1 is of filed 1, entry 9 of filed 8.
	judge(t, []harm{
		{"changed", sql("update filed set body = (select body from filed where id = 2) where id = 4"), []string{"4: entry 4 is not the record of what is filed for it"}},
		{"unreadable", flip("filed", "body", "id", 8), []string{"9: entry 9 (out): what is filed for it cannot be read"}},
		{"lost", sql("delete from filed where id in (1, 14)"), []string{
			"1: entry 1 (out): its telegram is not among the filed ones", "15: entry 15 (out): its telegram is not among the filed ones"}},
		{"with its entry", all(flip("entry", "leaf", "idx", 4), sql("delete from filed where id = 4")), []string{
			"4: entry 4 (out): its telegram is not among the filed ones", "4: entry 4 was changed: it is not the one that was hashed and signed"}},
		{"with the hash", all(flip("loghash", "hash", "idx", tlog.StoredHashIndex(0, 4)), sql("update filed set body = (select body from filed where id = 2) where id = 4")), []string{
			"4: the log's hash of entry 4 was changed; the entry itself is as it was signed", "4: entry 4 is not the record of what is filed for it"}},
	})
}

func TestDamagedHashes(t *testing.T) {
	var harms []harm
	for i := range tlog.StoredHashCount(16) {
		level, n := tlog.SplitStoredHashIndex(i)
		changed := fmt.Sprintf("-1: the log's inner hash %d was changed or is missing; no entry is touched by it", i)
		missing := changed
		if level == 0 {
			changed = fmt.Sprintf("%d: the log's hash of entry %d was changed; the entry itself is as it was signed", n, n)
			missing = fmt.Sprintf("%d: the log's hash of entry %d is missing", n, n)
		}
		harms = append(harms, harm{fmt.Sprint("bit in hash ", i), flip("loghash", "hash", "idx", i), []string{changed}},
			harm{fmt.Sprint("hash deleted ", i), sql(fmt.Sprint("delete from loghash where idx = ", i)), []string{missing}})
	}
	harms = append(harms,
		harm{"entry and inner hash", all(flip("entry", "leaf", "idx", 1), flip("loghash", "hash", "idx", 2)), []string{
			"-1: the log's inner hash 2 was changed or is missing; no entry is touched by it",
			"1: entry 1 was changed: it is not the one that was hashed and signed"}},
		harm{"entry of one book, hash of another", all(flip("entry", "leaf", "idx", 2), flip("loghash", "hash", "idx", tlog.StoredHashIndex(0, 12))), []string{
			"2: entry 2 was changed: it is not the one that was hashed and signed",
			"12: the log's hash of entry 12 was changed; the entry itself is as it was signed"}},
		harm{"a hash too many", sql("insert into loghash select 9000000000, hash from loghash where idx = 6"), []string{
			"-1: 1 rows are kept that are no part of a register of 16 entries"}})
	judge(t, harms)
}

func TestDamagedCheckpoints(t *testing.T) {
	bad := "the checkpoint after entry %d: the checkpoint's signatures: %s"
	rewrite := func(size int64, change func(lines []string)) func(*store.Tx) error {
		return func(tx *store.Tx) error {
			var signed string
			if err := tx.QueryRow("select note from checkpoint where size = $1", size).Scan(&signed); err != nil {
				return err
			}
			lines := strings.SplitAfter(signed, "\n")
			change(lines)
			_, err := tx.Exec("update checkpoint set note = $1 where size = $2", strings.Join(lines, ""), size)
			return err
		}
	}
	// bit turns over one bit of what a line of base64 says, the text's root or a signature.
	bit := func(line int) func([]string) {
		return func(lines []string) {
			before, last := "", strings.TrimSuffix(lines[line], "\n")
			if i := strings.LastIndex(last, " "); i >= 0 {
				before, last = last[:i+1], last[i+1:]
			}
			b, err := base64.StdEncoding.DecodeString(last)
			if err != nil {
				panic(err)
			}
			b[len(b)/2] ^= 1
			lines[line] = before + base64.StdEncoding.EncodeToString(b) + "\n"
		}
	}
	ed := fmt.Sprintf("invalid signature for key %s+%08x", origin, ed25519Hash(t))
	pq := fmt.Sprintf("invalid signature for key %s+%08x", origin, mldsaHash(t))
	harms := []harm{}
	for _, size := range []int64{1, 9, 16} {
		tail := []string{}
		if size == 16 {
			tail = []string{"11: entries 11 to 15 are proven by no checkpoint"}
		}
		add := func(name string, do func(*store.Tx) error, what string) {
			harms = append(harms, harm{fmt.Sprint(name, " ", size), do, append(tail[:len(tail):len(tail)], fmt.Sprintf("%d: ", size-1)+what)})
		}
		add("root", rewrite(size, bit(2)), fmt.Sprintf(bad, size-1, ed))
		add("size", rewrite(size, func(l []string) { l[1] = "6\n" }), fmt.Sprintf(bad, size-1, ed))
		add("origin", rewrite(size, func(l []string) { l[0] = "chancery/register/50454b\n" }), fmt.Sprintf(bad, size-1, ed))
		add("Ed25519", rewrite(size, bit(4)), fmt.Sprintf(bad, size-1, ed))
		add("ML-DSA-44", rewrite(size, bit(5)), fmt.Sprintf(bad, size-1, pq))
		add("stripped", rewrite(size, func(l []string) { l[5] = "" }),
			fmt.Sprintf("the checkpoint after entry %d: the checkpoint lacks a signature of %s", size-1, origin))
		add("deleted", sql(fmt.Sprint("delete from checkpoint where size = ", size)), fmt.Sprintf("the checkpoint after entry %d is missing", size-1))
	}
	harms = append(harms,
		harm{"exchanged", sql("update checkpoint set note = (select note from checkpoint where size = 9) where size = 5"), []string{
			"4: the checkpoint after entry 4: it is of size 9"}},
		harm{"all deleted", sql("delete from checkpoint"), []string{
			"0: entries 0 to 15 are proven by no checkpoint",
			"0: the checkpoint after entry 0 is missing", "3: the checkpoint after entry 3 is missing", "4: the checkpoint after entry 4 is missing",
			"8: the checkpoint after entry 8 is missing", "10: the checkpoint after entry 10 is missing", "15: the checkpoint after entry 15 is missing"}},
		harm{"last deleted, an entry changed", all(sql("delete from checkpoint where size = 16"), flip("entry", "leaf", "idx", 12)), []string{
			"11: entries 11 to 15 are proven by no checkpoint",
			"12: entry 12 and the log's hash of it differ, and no checkpoint says which was changed",
			"15: the checkpoint after entry 15 is missing"}},
		harm{"one too many", sql("insert into checkpoint select 9000000000, note from checkpoint where size = 9"), []string{
			"-1: 1 rows are kept that are no part of a register of 16 entries"}},
		harm{"an entry's changed", sql("update entry set checkpoint = 9 where idx = 13"), []string{
			"13: entry 13 is kept as closed by a checkpoint of 9 entries, which is missing or not its own"}})
	judge(t, harms)
}

// ed25519Hash and mldsaHash are how package note names the keys of a signature that does not hold.
func ed25519Hash(t *testing.T) uint32 { _, v := keyOf(t, 7); return v[0].KeyHash() }
func mldsaHash(t *testing.T) uint32   { _, v := keyOf(t, 7); return v[1].KeyHash() }
