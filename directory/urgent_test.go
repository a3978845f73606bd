package directory

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"chancery.example/chancery/telegram"
)

// urgent is a list with every kind of statement on precedence, in the signed part and in the tail.
func urgent(t testing.TB) *Directory {
	d := build(t, ministry(t), Reserve{now().Add(week)}, Roles{17, now().Add(time.Hour), Releaser | AtFlash | AtOverride},
		Minimize{From: now(), Until: now().Add(week), Why: "the cable is cut"})
	return enter(t, sign(t, d, now(), 1, 3), issuedBy(Minimize{[]string{"BEIJING", "MOSCOW"}, now(), now().Add(week), "war"}, "", 0, 20, 22))
}

func TestUrgentFile(t *testing.T) {
	d := urgent(t)
	got, err := Parse(d.Marshal())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Marshal(), d.Marshal()) || len(got.Minimized(now())) != 2 || len(got.Tail()) != 1 {
		t.Error("parse, print: another list")
	}
	for _, v := range got.Vouchers() {
		if !verifies(v) {
			t.Errorf("%s does not verify", v.For)
		}
	}
	both, left, err := ministry(t).With(got, now())
	if err != nil || len(left) > 0 || len(both.Minimized(now())) != 2 {
		t.Errorf("taken in by another: %v", err)
	}
}

// Who releases at flash or override needs the role from the time on at which that is reserved, and not before.
func TestReserved(t *testing.T) {
	d := ministry(t)
	who := telegram.KeyRef{Person: 17, Key: 2}
	before, after := now().Add(week-time.Second), now().Add(week)
	may := func(d *Directory, at time.Time) (all string) {
		for p := telegram.Deferred; p <= telegram.Override; p++ {
			if d.MayReleaseAt(p, who, "MOSCOW", at) == nil {
				all += fmt.Sprint(uint8(p))
			}
		}
		return all
	}
	if _, ok := d.Reserved(); ok || may(d, after) != "012345" {
		t.Errorf("in a list without it he may %s", may(d, after))
	}
	d = sign(t, build(t, d, Reserve{now().Add(week)}), now(), 1, 2)
	if from, ok := d.Reserved(); !ok || !from.Equal(after) || may(d, before) != "012345" || may(d, after) != "0123" {
		t.Errorf("reserved %v: before he may %s, then %s", from, may(d, before), may(d, after))
	}
	err := d.MayReleaseAt(telegram.Override, who, "MOSCOW", after)
	if err == nil || err.Error() != "person 17 of MOSCOW may not release at override, which the directory reserves since 2026-12-14T20:40:00Z: somebody who has the role releases it, or it is graded down" {
		t.Error(err)
	}
	for role, want := range map[Role]string{Releaser | AtFlash: "01234", Releaser | AtOverride: "012345", Releaser | AtFlash | AtOverride: "012345"} {
		x := sign(t, build(t, d, Roles{17, now(), role}), now(), 1, 2)
		if got := may(x, after); got != want {
			t.Errorf("as %v he may %s", role, got)
		}
		ended := build(t, x, End{of("person 17"), after, "left"})
		if got := may(ended, after); got != "0123" {
			t.Errorf("when he has left he may %s", got)
		}
	}
	if _, err := d.Append(Reserve{now()}); err == nil {
		t.Error("it is reserved twice")
	}
	// Administrators give the roles within their grant.
	d = build(t, d, Grant{Post: "MOSCOW", Offices: 2, People: 6, Roles: Drafter | Releaser | AtFlash})
	if _, err := d.Enter(issuedBy(Roles{17, now(), Releaser | AtFlash}, "MOSCOW", 1, 20, 21)); err != nil {
		t.Error(err)
	}
	if _, err := d.Enter(issuedBy(Roles{17, now(), Releaser | AtOverride}, "MOSCOW", 1, 20, 21)); err == nil {
		t.Error("a role beyond the grant")
	}
	later := strings.Replace(string(d.Marshal()), "\nreserve flash\n", "\nreserve immediate\n", 1)
	if _, err := Parse([]byte(later)); !errors.Is(err, ErrOlder) {
		t.Errorf("what a later version reserves: %v", err)
	}
}

func TestMinimizeRefused(t *testing.T) {
	d := ministry(t)
	order := func(change func(*Minimize)) Minimize {
		m := Minimize{Area: []string{"BEIJING"}, From: now(), Until: now().Add(week), Why: "the cable is cut"}
		if change != nil {
			change(&m)
		}
		return m
	}
	own := order(func(m *Minimize) { m.Area = []string{"MOSCOW"} })
	many := make([]string, MaxArea+1)
	for i := range many {
		many[i] = fmt.Sprintf("POST %02d", i)
	}
	d = build(t, d, Person{Number: 30, Post: "BEIJING", Roles: Duty | Administrator}, personKey(30, 1, 0))
	for name, s := range map[string]Statement{
		"one duty officer":                   issuedBy(order(nil), "", 0, 22),
		"one duty officer twice":             issuedBy(order(nil), "", 0, 22, 22),
		"out of order":                       issuedBy(order(nil), "", 0, 22, 20),
		"two administrators for another":     issuedBy(order(nil), "", 0, 20, 21),
		"two administrators for all":         issuedBy(order(func(m *Minimize) { m.Area = nil }), "", 0, 20, 21),
		"two administrators for theirs too":  issuedBy(order(func(m *Minimize) { m.Area = []string{"BEIJING", "MOSCOW"} }), "", 0, 20, 21),
		"a duty officer and an officer":      issuedBy(order(nil), "", 0, 22, 23),
		"two of different posts":             issuedBy(order(nil), "", 0, 22, 30),
		"somebody unknown":                   issuedBy(order(nil), "", 0, 22, 99),
		"somebody unknown first":             issuedBy(order(nil), "", 0, 9, 22),
		"counted":                            issuedBy(own, "MOSCOW", 1, 20, 21),
		"of no time":                         issuedBy(order(func(m *Minimize) { m.Until = m.From }), "", 0, 20, 22),
		"longer than is allowed":             issuedBy(order(func(m *Minimize) { m.Until = m.From.Add(LongestMinimize + time.Second) }), "", 0, 20, 22),
		"without a reason":                   issuedBy(order(func(m *Minimize) { m.Why = "" }), "", 0, 20, 22),
		"for a post that is not":             issuedBy(order(func(m *Minimize) { m.Area = []string{"PARIS"} }), "", 0, 20, 22),
		"for a post twice":                   issuedBy(order(func(m *Minimize) { m.Area = []string{"BEIJING", "BEIJING"} }), "", 0, 20, 22),
		"for posts out of order":             issuedBy(order(func(m *Minimize) { m.Area = []string{"MOSCOW", "BEIJING"} }), "", 0, 20, 22),
		"for too many":                       issuedBy(order(func(m *Minimize) { m.Area = many }), "", 0, 20, 22),
		"for a post whose name is a field's": issuedBy(order(func(m *Minimize) { m.Area = []string{"X\nuntil Y"} }), "", 0, 20, 22),
	} {
		if _, err := d.Enter(s); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	all := order(func(m *Minimize) { m.Area = nil })
	for name, s := range map[string]Statement{
		"a duty officer and an administrator": issuedBy(order(nil), "", 0, 20, 22),
		"for all":                             issuedBy(all, "", 0, 21, 22),
		"two administrators for their own":    issuedBy(own, "", 0, 20, 21),
	} {
		if _, err := d.Enter(s); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := d.Append(all); err != nil {
		t.Errorf("by the root: %v", err)
	}
	ended := build(t, d, End{of("person 20"), now().Add(-time.Second), "left"})
	if _, err := ended.Enter(issuedBy(order(nil), "", 0, 20, 22)); err == nil {
		t.Error("by one who has left")
	}
	d = enter(t, d, issuedBy(order(nil), "", 0, 20, 22))
	if _, err := d.Enter(issuedBy(order(nil), "", 0, 20, 22)); err == nil {
		t.Error("the same once more")
	}
}

// Of orders for one area the one that begins last counts, in whichever order they stand; each ends by itself.
func TestMinimized(t *testing.T) {
	at := func(hours int) time.Time { return now().Add(time.Duration(hours) * time.Hour) }
	b := []string{"BEIJING"}
	first, longer := Minimize{b, at(0), at(10), "first"}, Minimize{b, at(2), at(20), "longer"}
	end, all := Minimize{b, at(5), at(5).Add(time.Second), "over"}, Minimize{nil, at(1), at(3), "all"}
	again := Minimize{b, at(5), at(5).Add(time.Second), "over, said by another"}
	for name, c := range map[string]struct {
		said []Statement
		want map[int]string
	}{
		"one":         {[]Statement{first}, map[int]string{-1: "", 0: "first", 9: "first", 10: ""}},
		"lengthened":  {[]Statement{longer, first}, map[int]string{1: "first", 2: "longer", 15: "longer", 20: ""}},
		"ended":       {[]Statement{first, longer, end}, map[int]string{2: "longer", 4: "longer", 5: "over", 6: ""}},
		"said twice":  {[]Statement{end, again}, map[int]string{5: "over"}},
		"two areas":   {[]Statement{first, all}, map[int]string{0: "first", 1: "first all", 3: "first"}},
		"ended first": {[]Statement{end, longer, first}, map[int]string{6: "", 15: ""}},
	} {
		d := build(t, ministry(t), c.said...)
		for hour, want := range c.want {
			var got []string
			for _, m := range d.Minimized(at(hour)) {
				got = append(got, m.Why)
			}
			if strings.Join(got, " ") != want {
				t.Errorf("%s, hour %d: %q, want %q", name, hour, got, want)
			}
		}
	}
	if !first.Has("BEIJING") || first.Has("MOSCOW") || !all.Has("MOSCOW") {
		t.Error("which posts lie in an area")
	}
	if !slices.Equal(build(t, ministry(t), first).Minimized(at(1))[0].Area, b) {
		t.Error("the area is lost")
	}
}
