package directory

import (
	"crypto/ed25519"
	"slices"
	"testing"
	"time"

	"chancery.example/chancery/telegram"
	"filippo.io/mldsa"
)

func TestWhoIsThere(t *testing.T) {
	d := whole(t)
	if p, ok := d.Post("BEIJING"); !ok || p.Route != (telegram.Route{0x22, 0x22, 0x22}) {
		t.Error("BEIJING is not found")
	}
	if p, ok := d.PostByRoute(telegram.Route{0x11, 0x11, 0x11}); !ok || p.Name != "MOSCOW" {
		t.Error("MOSCOW is not found by its route")
	}
	if _, ok := d.PostByRoute(telegram.Route{9}); ok {
		t.Error("a post of no route")
	}
	if ps := d.Posts(); len(ps) != 2 || ps[0].Name != "BEIJING" {
		t.Error("posts are not by name")
	}
	if !d.HasOffice(office("AMBASSADOR@BEIJING").Address) || d.HasOffice(office("AMBASSADOR@MOSCOW").Address) {
		t.Error("offices")
	}
	d = build(t, d, office("VICE MINISTER@MOSCOW"), office("CLERK@MOSCOW"), Person{Number: 3, Post: "MOSCOW"})
	if o := d.Offices("MOSCOW"); len(o) != 3 || o[0].Office != "CLERK" || d.Offices("PARIS") != nil {
		t.Errorf("offices %v", o)
	}
	if p := d.People("MOSCOW"); len(p) != 2 || p[0].Number != 3 || d.People("PARIS") != nil {
		t.Errorf("people %v", p)
	}
	if p, ok := d.Person(17); !ok || p.Post != "MOSCOW" || p.Roles.String() != "drafter and releaser" {
		t.Errorf("person %v", p)
	}
	if _, ok := d.Person(1); ok {
		t.Error("a person who is not there")
	}
}

func TestKeys(t *testing.T) {
	d := whole(t)
	for ref, want := range map[telegram.KeyRef]bool{
		{Person: 17, Key: 1}: true, {Person: 17, Key: 2}: true, {Person: 17, Key: 3}: false, {Person: 17}: false, {Person: 1, Key: 1}: false,
	} {
		if k, ok := d.Key(ref); ok != want || (ok && k.Ref != ref) {
			t.Errorf("key %v", ref)
		}
	}
	var none []bool
	for _, k := range slices.Concat(d.Keys(17), d.Keys(18), d.Keys(1)) {
		none = append(none, k.NoContinuity())
	}
	if !slices.Equal(none, []bool{false, false, false, true}) {
		t.Errorf("without continuity: %v", none)
	}
}

func TestMay(t *testing.T) {
	d := whole(t)
	for _, c := range []struct {
		role Role
		ref  telegram.KeyRef
		post string
		ok   bool
	}{
		{Releaser, telegram.KeyRef{Person: 17, Key: 2}, "MOSCOW", true},
		{Releaser | Drafter, telegram.KeyRef{Person: 17, Key: 2}, "MOSCOW", true},
		{Releaser, telegram.KeyRef{Person: 17, Key: 1}, "MOSCOW", false},  // replaced
		{Releaser, telegram.KeyRef{Person: 17, Key: 3}, "MOSCOW", false},  // not stated
		{Releaser, telegram.KeyRef{Person: 17, Key: 0}, "MOSCOW", false},  // nobody's
		{Releaser, telegram.KeyRef{Person: 17, Key: 2}, "BEIJING", false}, // another post
		{Administrator, telegram.KeyRef{Person: 17, Key: 2}, "MOSCOW", false},
		{Administrator | Drafter, telegram.KeyRef{Person: 17, Key: 2}, "MOSCOW", false},
		{Drafter, telegram.KeyRef{Person: 18, Key: 2}, "BEIJING", false},
		{Drafter, telegram.KeyRef{Person: 1, Key: 1}, "MOSCOW", false},
		{Drafter, telegram.KeyRef{}, "", false},
		{0, telegram.KeyRef{Person: 17, Key: 2}, "MOSCOW", false},
	} {
		if err := d.May(c.role, c.ref, c.post, time.Time{}); (err == nil) != c.ok {
			t.Errorf("%v %v of %s: %v", c.role, c.ref, c.post, err)
		}
	}
}

func TestLetterKey(t *testing.T) {
	d := build(t, whole(t),
		letterKeyOf("BEIJING", 2, now().Add(3*week), now().Add(7*week)),
		letterKeyOf("BEIJING", 3, now().Add(3*week), now().Add(4*week)), // in place of 2
		letterKeyOf("BEIJING", 4, now().Add(-week), now().Add(9*week)))
	for at, want := range map[time.Duration]byte{
		-2 * week: 0, -week - ClockSlack - 1: 0, -week - ClockSlack: 4, -time.Second: 4, 0: 1, 3*week - time.Second: 1, 3 * week: 3, 4*week - time.Second: 3, 4 * week: 2, 7 * week: 4, 9*week - 1: 4, 9 * week: 4, 9*week + ClockSlack - 1: 4, 9*week + ClockSlack: 0,
	} {
		if k, ok := d.LetterKey("BEIJING", now().Add(at)); k.ID[0] != want || ok != (want != 0) {
			t.Errorf("at %v: letter key %x", at, k.ID)
		}
	}
	if _, ok := d.LetterKey("PARIS", now()); ok {
		t.Error("a letter key of nobody")
	}
}

func verifies(v Voucher) bool {
	ml, err := mldsa.NewPublicKey(mldsa.MLDSA44(), v.Key.MLDSA)
	return err == nil && ed25519.Verify(v.Key.Ed25519, slices.Concat([]byte(v.Label), v.Message), v.Signature.Ed25519) &&
		mldsa.Verify(ml, v.Message, v.Signature.MLDSA, &mldsa.Options{Context: v.Label}) == nil
}

func TestVouchers(t *testing.T) {
	var got []string
	for _, v := range whole(t).Vouchers() {
		if !verifies(v) {
			t.Errorf("%s does not verify", v.For)
		}
		got = append(got, v.For)
	}
	want := []string{"the identity key of MOSCOW", "the identity key of BEIJING", "the letter key 01010101 of BEIJING",
		"key 17/1", "key 17/2", "key 17/2 in place of key 1", "key 18/1", "key 18/2"}
	if !slices.Equal(got, want) {
		t.Errorf("vouchers %q", got)
	}
}

// Whoever puts another key, or another word, into a statement leaves a voucher that fails.
func TestSubstituted(t *testing.T) {
	mine := keyOf("substitute").public()
	fails := func(name string, want int, s ...Statement) {
		t.Helper()
		failed := 0
		for _, v := range build(t, build(t, empty(), rootOf(1, 1), postOf("MOSCOW", 1), Person{Number: 17, Post: "MOSCOW"}), s...).Vouchers() {
			if !verifies(v) {
				failed++
			}
		}
		if failed != want {
			t.Errorf("%s: %d vouchers fail, not %d", name, failed, want)
		}
	}
	identity, register, route := postOf("PARIS", 2), postOf("PARIS", 2), postOf("PARIS", 2)
	identity.Identity = mine
	register.Register = mine
	route.Route = telegram.Route{3}
	fails("none", 0, postOf("PARIS", 2))
	fails("identity key", 1, identity)
	fails("register key", 1, register)
	fails("route", 1, route)

	letter := letterKeyOf("MOSCOW", 1, now(), now().Add(week))
	letter.XWing = letterKeyOf("PARIS", 1, now(), now().Add(week)).XWing
	fails("letter key", 1, letter)
	longer := letterKeyOf("MOSCOW", 1, now(), now().Add(week))
	longer.NotAfter = now().Add(2 * week)
	fails("period", 1, longer)

	one, two, fresh := personKey(17, 1, 0), personKey(17, 2, 1), personKey(17, 2, 0)
	two.Key = mine
	fails("a person's next key", 2, one, two)
	fresh.After = 1
	fresh.Continuity = keyOf("substitute").sign(telegram.LabelKey, fresh.Body())
	fresh.Signature = keyOf("person 17 key 2").sign(telegram.LabelKey, fresh.Body())
	fails("continuity", 1, one, fresh)
}
