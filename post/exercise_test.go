package post_test

import (
	"strings"
	"testing"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/desk"
	"chancery.example/chancery/post"
	"chancery.example/chancery/telegram"
)

// Exercises and drills are numbered by themselves, say what they are on every sheet, and answer only each other.
func TestExerciseSeries(t *testing.T) {
	m := open(t, nil)
	x, b := m.at("MOSCOW"), m.at("BEIJING")
	m.run()
	const asks = "To: AMBASSADOR@BEIJING\nAsk: fulfilment\n"
	x.send(asks + "\nAn order.")
	x.send(asks + "Type: exercise\n\nAn order of the exercise.")
	x.send(asks + "Type: drill\n\nAn order of the drill.")
	x.send(asks + "Type: exercise\n\nAnother of the exercise.")
	m.delivered("MOSCOW")
	ex, dr := telegram.Exercise.Mark, telegram.Drill.Mark
	for _, n := range []uint32{1, ex(1), dr(1), ex(2)} {
		out := x.shown(archive.Out, n)
		if !out.Verified || out.Addressed[0].Serial != n {
			t.Errorf("%s: serial %s, findings %q", telegram.NumberText(n), telegram.NumberText(out.Addressed[0].Serial), out.Findings)
		}
		in := b.shown(archive.In, n)
		word := strings.ToUpper(in.Type.String())
		if in.Type != telegram.Operation && !(strings.Contains(in.Sheet, word+" "+word) && strings.Contains(out.Sheet, word+" "+word) && strings.Contains(in.Sheet, telegram.NumberText(n))) {
			t.Errorf("the sheets of %s:\n%s\n%s", telegram.NumberText(n), in.Sheet, out.Sheet)
		}
	}
	b.report(&post.Report{Number: ex(1), Act: telegram.Fulfils, Text: "Done in the exercise."})
	m.delivered("BEIJING")
	for n, want := range map[uint32]bool{1: false, ex(1): true, dr(1): false, ex(2): false} {
		done := false
		for _, d := range x.shown(archive.Out, n).Duties {
			done = done || d.Act == desk.Fulfilment && d.Done != nil
		}
		if done != want {
			t.Errorf("the order %s is fulfilled: %v", telegram.NumberText(n), done)
		}
	}
	m.crash()
	m.whole()
	for name, want := range map[string]uint32{"serial BEIJING": 1, "exercise serial BEIJING": 2, "drill serial BEIJING": 1} {
		if n := x.series(name); n != want {
			t.Errorf("the series %q is at %d, want %d", name, n, want)
		}
	}
	if n := b.series("exercise incoming " + time.Now().UTC().Format("2006")); n != 2 {
		t.Errorf("the exercise's incoming series is at %d", n)
	}
}

// An exercise under a number that counts, or the reverse, is not taken, nor one that closes a true order.
func TestExerciseUnderATrueNumber(t *testing.T) {
	m := open(t, nil)
	m.run("BEIJING")
	for name, make := range map[string]func(c *clerk) [][]byte{
		"an exercise under a true number": changed(func(c *clerk, t *telegram.Telegram) { t.Type = telegram.Exercise }),
		"a true one under an exercise's": func(c *clerk) [][]byte {
			c.serial = telegram.Exercise.Mark(1)
			return c.envelopes(1)
		},
		"an exercise that closes a true order": changed(func(c *clerk, t *telegram.Telegram) {
			t.Type, c.serial, c.register = telegram.Exercise, telegram.Exercise.Mark(1), telegram.Exercise.Mark(1)
			t.References = []telegram.Reference{{Act: telegram.Fulfils, Post: "BEIJING", Year: 2026, Serial: 1, Root: telegram.Root{1}}}
		}),
	} {
		t.Run(name, func(t *testing.T) {
			if taken, told := m.arrives(make(newClerk(m, "MOSCOW", "BEIJING"))...); taken || !strings.Contains(told, "type") {
				t.Errorf("taken %v: %s", taken, told)
			}
		})
	}
}
