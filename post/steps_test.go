package post_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"chancery.example/chancery/desk"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// handedRoot is D of what was handed over.
func (x *desks) handedRoot(id int64) telegram.Root {
	x.m.t.Helper()
	d, err := x.ForRelease(background, id)
	if err != nil {
		x.m.t.Fatal(err)
	}
	root, _ := must(telegram.Parse(d.Telegram)).Roots()
	return root
}

func (x *desks) clear(id int64, who int) error {
	return x.Clear(background, id, x.ref(who), seal.Clear(x.handedRoot(id), x.people[who]))
}

func (x *desks) sendBack(id int64, who int, remark string) error {
	return x.Return(background, id, x.ref(who), remark, seal.Return(x.handedRoot(id), remark, x.people[who]))
}

// TestReturnAndEdit: what was handed over comes back with a remark, is written anew and goes out; every step is there to be read.
func TestReturnAndEdit(t *testing.T) {
	x := open(t, nil).at("MOSCOW")
	id := x.draft(plain)
	if err := x.Edit(background, id, form(x, "To: AMBASSADOR@BEIJING\n\nAnother text.\n")); err != nil {
		t.Fatal(err)
	}
	x.handOver(id)
	x.unmoved("edited after it was signed", id, desk.HandedOver, x.Edit(background, id, form(x, plain)), "another state")
	x.unmoved("returned without a word", id, desk.HandedOver, x.sendBack(id, releaser, " "), "say why")
	x.unmoved("returned by who may not release", id, desk.HandedOver, x.sendBack(id, second, "No."), "returning")
	x.unmoved("returned under another remark", id, desk.HandedOver,
		x.Return(background, id, x.ref(releaser), "Yes.", seal.Return(x.handedRoot(id), "No.", x.people[releaser])), "remark does not hold")
	if err := x.sendBack(id, releaser, "Say when."); err != nil {
		t.Fatal(err)
	}
	x.unmoved("released after it was returned", id, desk.Drafted, x.tryRelease(id, releaser), "another state")
	if err := x.Edit(background, id, form(x, "To: AMBASSADOR@BEIJING\n\nAnother text, by noon.\n")); err != nil {
		t.Fatal(err)
	}
	x.handOver(id)
	x.release(id)
	steps, err := x.History(background, id)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, s := range steps {
		told = append(told, strings.TrimSpace(string(s.What)+" "+s.Remark))
	}
	if got, want := strings.Join(told, ", "), "drafted, edited, handed over, returned Say when., edited, handed over, released"; got != want {
		t.Errorf("the steps are %s\nwant %s", got, want)
	}
	if !strings.Contains(steps[1].Form, "Another text.") || !strings.Contains(steps[4].Form, "by noon") || steps[3].By != x.ref(releaser) {
		t.Errorf("a step does not say what it was: %+v", steps)
	}
	if _, err := x.History(background, 77); !errors.Is(err, desk.ErrNone) {
		t.Errorf("the steps of a draft that is not there: %v", err)
	}
}

// TestClearance: whom the draft names must clear it, each himself, and for this very hand-over.
func TestClearance(t *testing.T) {
	x := open(t, nil).at("MOSCOW")
	id := x.draft(fmt.Sprintf("Clearance: %d\nClearance: %d\n%s", x.ref(second).Person, x.ref(both).Person, plain))
	x.handOver(id)
	x.unmoved("released uncleared", id, desk.HandedOver, x.tryRelease(id, releaser), "lacks the clearance of person")
	x.unmoved("cleared by its drafter", id, desk.HandedOver, x.clear(id, drafter), "the drafter cannot clear")
	x.unmoved("cleared under another's name", id, desk.HandedOver,
		x.Clear(background, id, x.ref(second), seal.Clear(x.handedRoot(id), x.people[both])), "clearance does not hold")
	london := x.m.at("LONDON")
	x.unmoved("cleared by another post", id, desk.HandedOver,
		x.Clear(background, id, london.ref(second), seal.Clear(x.handedRoot(id), london.people[second])), "clearing")
	if err := x.clear(id, second); err != nil {
		t.Fatal(err)
	}
	x.unmoved("half cleared", id, desk.HandedOver, x.tryRelease(id, releaser), fmt.Sprint(x.ref(both).Person))
	if err := x.clear(id, both); err != nil {
		t.Fatal(err)
	}
	if err := x.clear(id, both); err != nil {
		t.Errorf("cleared twice: %v", err)
	}
	if d, err := x.ForRelease(background, id); err != nil || len(d.Cleared) != 2 {
		t.Errorf("the releaser sees clearances %v, %v", d.Cleared, err)
	}

	// Handed over again it is another telegram, and all clearances are gone.
	if err := x.sendBack(id, releaser, "Once more."); err != nil {
		t.Fatal(err)
	}
	x.handOver(id)
	x.unmoved("released on old clearances", id, desk.HandedOver, x.tryRelease(id, releaser), "lacks the clearance")
	for _, who := range []int{second, both} {
		if err := x.clear(id, who); err != nil {
			t.Fatal(err)
		}
	}
	x.release(id)
}

// TestStepsBroken: each step is lost whole, or kept whole though it is reported failed.
func TestStepsBroken(t *testing.T) {
	for _, stage := range []store.Stage{store.BeforeCommit, store.AfterCommit} {
		t.Run(stage.String(), func(t *testing.T) {
			x := open(t, nil).at("MOSCOW")
			id := x.draft(plain)
			broken := func(act func() error) {
				t.Helper()
				x.db.Fault = func(s store.Stage) error {
					if s == stage {
						return errors.New("broken here")
					}
					return nil
				}
				err := act()
				x.db.Fault = nil
				if err == nil {
					t.Fatal("it was not reported")
				}
			}
			kept := stage == store.AfterCommit
			steps := func(want int, state desk.State) {
				t.Helper()
				h, err := x.History(background, id)
				if err != nil || len(h) != want || x.state(id).State != state {
					t.Errorf("%d steps, %s, %v; want %d, %s", len(h), x.state(id).State, err, want, state)
				}
			}
			broken(func() error { return x.Edit(background, id, form(x, "To: AMBASSADOR@BEIJING\n\nNew.\n")) })
			steps(map[bool]int{false: 1, true: 2}[kept], desk.Drafted)
			x.handOver(id)
			before := map[bool]int{false: 2, true: 3}[kept]
			broken(func() error { return x.clear(id, both) })
			steps(before+map[bool]int{false: 0, true: 1}[kept], desk.HandedOver)
			broken(func() error { return x.sendBack(id, releaser, "No.") })
			steps(before+map[bool]int{false: 0, true: 2}[kept], map[bool]desk.State{false: desk.HandedOver, true: desk.Drafted}[kept])
		})
	}
}
