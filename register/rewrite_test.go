package register_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"chancery.example/chancery/register"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func TestDamagedSeriesAndHead(t *testing.T) {
	judge(t, []harm{
		{"last raised", sql("update series set last = last + 1 where name = 'serial PARIS'"), []string{
			"-1: the series serial PARIS is kept as going from 0 to 8; its entries go from 0 to 7"}},
		{"last lowered", sql("update series set last = last - 1 where name = 'serial BEIJING'"), []string{
			"-1: the series serial BEIJING is kept as going from 2521 to 2527; its entries go from 2521 to 2528"}},
		{"last beyond numbers", sql("update series set last = 8589934592 where name = 'special PARIS'"), []string{
			"-1: the series special PARIS is kept as going from 0 to 8589934592; its entries go from 0 to 1"}},
		{"base changed", sql("update series set base = 0 where name = 'register 2026'"), []string{
			"-1: the series register 2026 is kept as going from 0 to 23356; its entries go from 23342 to 23356"}},
		{"base invented", sql("update series set base = 3 where name = 'serial PARIS'"), []string{
			"-1: the series serial PARIS is kept as going from 3 to 7; its entries go from 0 to 7"}},
		{"deleted", sql("delete from series where name = 'special PARIS'"), []string{
			"-1: the series special PARIS is missing; its entries go from 0 to 1"}},
		{"added", sql("insert into series values ('serial ROME', 0, 0)"), []string{
			"-1: the series serial ROME is kept as going from 0 to 0; its entries go from 0 to 0"}},
		{"head lowered", sql("update head set size = 11"), []string{"-1: the register's head says 11 entries; there are 16"}},
		{"head to nothing", sql("update head set size = 0"), []string{"-1: the register's head says 0 entries; there are 16"}},
		{"head below nothing", sql("update head set size = -5"), []string{"-1: the register's head says -5 entries; there are 16"}},
		{"head raised", sql("update head set size = 17"), []string{"-1: the register's head says 17 entries; there are 16"}},
		{"head far away", sql("update head set size = 4611686018427387904"), []string{
			"-1: the register's head says 4611686018427387904 entries; there are 16"}},
		{"head deleted", sql("delete from head"), []string{"-1: the register's head is missing; there are 16 entries"}},
		{"truncated with the head", sql("delete from entry where idx >= 11", "update head set size = 11"), []string{
			"-1: the register's head says 11 entries; there are 16", "11: entries 11 to 15 are missing"}},
	})
}

// Whoever has the database and not the key rewrites an entry and all hashes; the checkpoints say between which two it happened.
func TestRewrittenRegister(t *testing.T) {
	between := func(from, to int) string {
		return fmt.Sprintf("%d: entries %d to %d do not make the root signed after them: something among them was rewritten with its hashes", from, from, to)
	}
	unlike := func(i int) string { return fmt.Sprintf("%d: entry %d is not the record of what is filed for it", i, i) }
	judge(t, []harm{
		{"first", all(flip("entry", "leaf", "idx", 0), rehash), []string{unlike(0), between(0, 0)}},
		{"middle", all(flip("entry", "leaf", "idx", 6), rehash), []string{between(5, 8), unlike(6)}},
		{"last", all(flip("entry", "leaf", "idx", 15), rehash), []string{between(11, 15), unlike(15)}},
		{"with what is filed", all(refile(4), rehash), []string{between(4, 4)}},
		{"and its checkpoint deleted", all(refile(4), rehash, sql("delete from checkpoint where size = 5")), []string{
			between(4, 8), "4: the checkpoint after entry 4 is missing"}},
		{"and all later checkpoints deleted", all(refile(12), rehash, sql("delete from checkpoint where size > 11")), []string{
			"11: entries 11 to 15 are proven by no checkpoint", "15: the checkpoint after entry 15 is missing"}},
		{"twice", all(flip("entry", "leaf", "idx", 2), flip("entry", "leaf", "idx", 14), rehash), []string{between(1, 3), unlike(2), unlike(14)}},
		{"and one more bit", all(refile(4), rehash, flip("entry", "leaf", "idx", 9)), []string{between(4, 4),
			"9: entry 9 and the log's hash of it differ, and no checkpoint says which was changed"}},
	})
}

// refile rewrites what is filed for the telegram of entry i, 4 or 12, and the entry with it; the numbers stay.
func refile(i int64) func(*store.Tx) error {
	return func(tx *store.Tx) error {
		var body []byte
		if err := tx.QueryRow("select body from filed where id = (select of from entry where idx = $1)", i).Scan(&body); err != nil {
			return err
		}
		body = append(body, ' ')
		if _, err := tx.Exec("update filed set body = $1 where id = (select of from entry where idx = $2)", body, i); err != nil {
			return err
		}
		_, err := tx.Exec("update entry set leaf = $1 where idx = $2", leafOf(body), i)
		return err
	}
}

// A database put back whole to an earlier checkpoint is a healthy register that ends earlier: Verify alone passes it. Only who kept the later
// checkpoint can tell.
func TestRollbackIsForWitnesses(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		specimen(t, d)
		var kept string
		err := d.db.Write(t.Context(), func(tx *store.Tx) error {
			if err := tx.QueryRow("select note from checkpoint where size = 16").Scan(&kept); err != nil {
				return err
			}
			return sql("delete from entry where idx >= 11", fmt.Sprint("delete from loghash where idx >= ", tlog.StoredHashCount(11)),
				"delete from checkpoint where size > 11", "update head set size = 11", "delete from filed where id > 9",
				"update series set last = last - 5 where name = 'register 2026'", "update series set last = last - 3 where name = 'serial BEIJING'",
				"update series set last = last - 2 where name = 'serial PARIS'")(tx)
		})
		if err != nil {
			t.Fatal(err)
		}
		r := d.whole(t, 11)
		c, err := register.OpenCheckpoint(kept, origin, d.verifiers)
		if err != nil || c.Size <= r.Size {
			t.Errorf("the witness's checkpoint is of size %d, %v; the register has %d", c.Size, err, r.Size)
		}
	})
}

// The writer's own mistakes: entries that are as they were signed, and take numbers that they may not take.
func TestSeriesThatEntriesTakeWrongly(t *testing.T) {
	take := func(n ...uint32) func(*store.Tx) error {
		signers, _ := keyOf(t, 7)
		return func(tx *store.Tx) error {
			b, err := register.Open(tx)
			if err != nil {
				return err
			}
			for _, n := range n {
				if err := says(b, telegram.EntrySent, register.Taken{Series: "special PARIS", Number: n}); err != nil {
					return err
				}
			}
			return b.Close(origin, signers)
		}
	}
	last := func(n int) func(*store.Tx) error {
		return sql(fmt.Sprintf("update series set last = %d where name = 'special PARIS'", n))
	}
	base := func(tx *store.Tx) error {
		signers, _ := keyOf(t, 7)
		b, err := register.Open(tx)
		if err != nil {
			return err
		}
		err = says(b, telegram.EntryContinued, register.Taken{Series: year, Number: 99, Base: true})
		return errors.Join(err, b.Close(origin, signers))
	}
	judge(t, []harm{
		{"gap", all(take(2, 3, 5, 6), last(6)), []string{"18: the series special PARIS goes from 3 to 5 at entry 18: a number is missing"}},
		{"repeat", all(take(2, 3, 3, 4), last(4)), []string{"18: entry 18 takes special PARIS 3 after 3: taken twice, or out of order"}},
		{"older", all(take(2, 3, 1, 4), last(4)), []string{"18: entry 18 takes special PARIS 1 after 3: taken twice, or out of order"}},
		{"nought", all(take(2, 0, 3), last(3)), []string{"17: entry 17 takes special PARIS 0 after 2: taken twice, or out of order"}},
		{"begun again", base, []string{"16: entry 16 says that the series register 2026 goes on from 99, but it had begun"}},
		{"a gap that a lost entry explains", all(take(2, 3, 4), last(4), sql("delete from entry where idx = 17")), []string{"17: entry 17 is missing"}},
		{"a gap that it does not", all(take(2, 4, 5), last(5), sql("delete from entry where idx = 16")), []string{"16: entry 16 is missing"}},
		{"a gap before it", all(take(3, 4), last(4), sql("delete from entry where idx = 17")), []string{
			"16: the series special PARIS goes from 1 to 3 at entry 16: a number is missing", "17: entry 17 is missing"}},
	})
}

// A signed checkpoint of other entries than these: the key was used on another register.
func TestSignedCheckpointOfAnotherLog(t *testing.T) {
	signers, _ := keyOf(t, 7)
	fork := func(tx *store.Tx) error {
		signed, err := note.Sign(&note.Note{Text: register.CheckpointText(origin, 9, tlog.RecordHash([]byte("other")))}, signers...)
		if err != nil {
			return err
		}
		_, err = tx.Exec("update checkpoint set note = $1 where size = 9", string(signed))
		return err
	}
	judge(t, []harm{{"fork", fork, []string{
		"5: entries 5 to 8 do not make the root signed after them: something among them was rewritten with its hashes"}}})
}

func TestFindingsAreBounded(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		d.mustSend(t, many(1500)...)
		err := d.db.Write(t.Context(), func(tx *store.Tx) error {
			if err := sql("update entry set leaf = 'x'", "delete from checkpoint")(tx); err != nil {
				return err
			}
			r, lines := d.verify(t, tx)
			if len(lines) != 1001 || !strings.HasSuffix(lines[1000], "findings more") || r.Size != 1500 {
				t.Errorf("%d findings in %d entries, the last %q", len(lines), r.Size, lines[len(lines)-1])
			}
			return errUndo
		})
		if !errors.Is(err, errUndo) {
			t.Fatal(err)
		}
	})
}
