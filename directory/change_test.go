package directory

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"chancery.example/chancery/store"
	"chancery.example/chancery/store/storetest"
	"chancery.example/chancery/telegram"
)

func issuedBy(s Statement, post string, number int, people ...uint32) Issued {
	i := Issued{Statement: s, Post: post, Number: number}
	f := rootOf(2, 1, 2, 3).Fingerprint()
	message := f.ToIssue(i)
	for _, p := range people {
		i.By = append(i.By, Issuer{telegram.KeyRef{Person: p, Key: 1}, keyOf("person "+number32(p)+" key 1").sign(telegram.LabelIssue, message)})
	}
	return i
}

func number32(n uint32) string { return number(n) }

func of(s string) Subject {
	x, err := ParseSubject(s)
	if err != nil {
		panic(err)
	}
	return x
}

// ministry is a list in which Moscow has a grant, two administrators (20, 21), a duty officer (22) and an officer (23), and Beijing none.
func ministry(t testing.TB) *Directory {
	var ss []Statement
	for n, r := range []Role{Administrator, Administrator, Duty, Drafter} {
		person := uint32(20 + n)
		ss = append(ss, Person{Number: person, Post: "MOSCOW", Roles: r}, personKey(person, 1, 0))
	}
	ss = append(ss, Grant{Post: "MOSCOW", Offices: 2, People: 6, Roles: Drafter | Releaser})
	return sign(t, build(t, whole(t), ss...), now(), 1, 2)
}

func enter(t testing.TB, d *Directory, ss ...Statement) *Directory {
	t.Helper()
	longer, err := d.longer(ss, salts(100+d.Total(), len(ss)), true)
	if err != nil {
		t.Fatal(err)
	}
	return longer
}

// lived is a list with every kind of statement that changes another, in the signed part and in the tail.
func lived(t testing.TB) *Directory {
	d := build(t, ministry(t),
		Roles{17, now(), Releaser},
		Holder{Office: telegram.Address{Office: "AMBASSADOR", Post: "BEIJING"}, Person: 18},
		Suspend{of("person 18"), now(), "lost his key"},
		Restore{of("person 18")},
		Revoke{telegram.KeyRef{Person: 17, Key: 1}, 3, [32]byte{1}},
		Revoke{telegram.KeyRef{Person: 18, Key: 1}, 0, [32]byte{}},
		Checked{Post: "BEIJING", How: "card and read back", At: now()},
	)
	return enter(t, sign(t, d, now(), 1, 3),
		issuedBy(office("CONSUL@MOSCOW"), "MOSCOW", 1, 20, 21),
		issuedBy(Holder{telegram.Address{Office: "CONSUL", Post: "MOSCOW"}, 23, []uint32{17, 22}}, "MOSCOW", 2, 20, 21),
		issuedBy(End{of("person 23"), now(), "left"}, "MOSCOW", 3, 20, 21),
		issuedBy(Checked{Key: telegram.KeyRef{Person: 18, Key: 2}, How: "telephone", At: now()}, "", 0, 22),
		issuedBy(Suspend{of("post BEIJING"), now(), "occupied"}, "", 0, 22),
		letterKeyOf("BEIJING", 9, now().Add(week), now().Add(2*week)),
	)
}

func TestLived(t *testing.T) {
	d := lived(t)
	file := d.Marshal()
	got, err := Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Marshal(), file) || got.Size() != d.Size() || got.Total() != d.Size()+6 || len(got.Tail()) != 6 {
		t.Fatal("parse, print: another list")
	}
	for _, v := range got.Vouchers() {
		if !verifies(v) {
			t.Errorf("%s does not verify", v.For)
		}
	}
	consul := telegram.Address{Office: "CONSUL", Post: "MOSCOW"}
	switch h := got.Holder(consul); {
	case h.Person != 0 || len(h.Deputies) != 2:
		t.Errorf("the office of one who left is held by %d, deputies %v", h.Person, h.Deputies)
	case !got.HasOffice(consul), got.HasOffice(telegram.Address{Office: "AMBASSADOR", Post: "BEIJING"}):
		t.Error("offices of Moscow are in force, those of a suspended post are not")
	case !got.Ended(of("person 23")), got.Suspended(of("person 18")), !got.Suspended(of("post BEIJING")):
		t.Error("who is ended and suspended")
	case got.Doubtful(telegram.KeyRef{Person: 18, Key: 2}), !ministry(t).Doubtful(telegram.KeyRef{Person: 18, Key: 2}):
		t.Error("a key without continuity is doubtful until it is checked")
	}
	if r, ok := got.Revoked(telegram.KeyRef{Person: 17, Key: 1}); !ok || r.Size != 3 {
		t.Error("a revocation is lost")
	}
}

// The key a person had before stands for what he signed before the new one's time, if the old one signed for the new.
func TestReplacedKey(t *testing.T) {
	d := ministry(t)
	old := telegram.KeyRef{Person: 17, Key: 1}
	if err := d.May(Drafter, old, "MOSCOW", now().Add(-time.Second)); err != nil {
		t.Error(err)
	}
	for _, at := range []time.Time{time.Time{}, now(), now().Add(week)} {
		if d.May(Drafter, old, "MOSCOW", at) == nil {
			t.Errorf("the old key stands at %v", at)
		}
	}
	if d.May(Drafter, telegram.KeyRef{Person: 18, Key: 1}, "BEIJING", now().Add(-week)) == nil {
		t.Error("a key whose successor it did not sign for stands")
	}
	d = build(t, d, Revoke{Key: old})
	if err := d.May(Drafter, old, "MOSCOW", now().Add(-time.Second)); !errors.Is(err, ErrRevoked) {
		t.Errorf("revoked: %v", err)
	}
}

// What nobody may put into the tail.
func TestTailRefuses(t *testing.T) {
	d := ministry(t)
	consul := office("CONSUL@MOSCOW")
	left := End{of("person 23"), now(), "left"}
	two := func(s Statement) Issued { return issuedBy(s, "MOSCOW", 1, 20, 21) }
	suspend := Suspend{of("person 17"), now(), "why"}
	for name, s := range map[string]Statement{
		"an office by nobody":               consul,
		"a key by nobody":                   personKey(23, 2, 1),
		"a restoration":                     Restore{of("person 17")},
		"an issued restoration":             two(Restore{of("person 17")}),
		"an issued grant":                   two(Grant{Post: "MOSCOW", Offices: 9, People: 9}),
		"an issued revocation":              two(Revoke{Key: telegram.KeyRef{Person: 17, Key: 2}}),
		"an issued post":                    two(postOf("PARIS", 0x33)),
		"an issued letter key":              two(letterKeyOf("BEIJING", 9, now(), now().Add(week))),
		"one administrator":                 issuedBy(consul, "MOSCOW", 1, 20),
		"one administrator twice":           issuedBy(consul, "MOSCOW", 1, 20, 20),
		"administrators out of order":       issuedBy(consul, "MOSCOW", 1, 21, 20),
		"an administrator and an officer":   issuedBy(consul, "MOSCOW", 1, 17, 20),
		"a number left out":                 issuedBy(consul, "MOSCOW", 2, 20, 21),
		"a post without grant":              issuedBy(office("CONSUL@BEIJING"), "BEIJING", 1, 20, 21),
		"another post's office":             two(office("CONSUL@BEIJING")),
		"another post's person":             two(Person{Number: 50, Post: "BEIJING"}),
		"another post's roles":              two(Roles{18, now(), Drafter}),
		"another post's end":                two(End{of("person 18"), now(), "left"}),
		"another post's office's end":       two(End{of("office AMBASSADOR@BEIJING"), now(), "left"}),
		"another post's holder":             two(Holder{Office: telegram.Address{Office: "AMBASSADOR", Post: "BEIJING"}}),
		"a holder of another post":          two(Holder{telegram.Address{Office: "MINISTER", Post: "MOSCOW"}, 18, nil}),
		"a role beyond the grant":           two(Roles{23, now(), Alone}),
		"a person with a role beyond":       two(Person{Number: 50, Post: "MOSCOW", Roles: Alone}),
		"an administrator made":             two(Person{Number: 50, Post: "MOSCOW", Roles: Administrator}),
		"an administrator ended":            two(End{of("person 21"), now(), "left"}),
		"the duty officer's role":           two(Roles{22, now(), Drafter}),
		"an administrator's key":            two(personKey(21, 2, 1)),
		"a key without continuity":          two(personKey(23, 2, 0)),
		"a suspension by an administrator":  issuedBy(suspend, "", 0, 20),
		"a suspension by an officer":        issuedBy(suspend, "", 0, 17),
		"a suspension by two of elsewhere":  issuedBy(Suspend{of("post BEIJING"), now(), "why"}, "", 0, 20, 21),
		"a counted suspension":              issuedBy(suspend, "MOSCOW", 1, 22),
		"a suspension of nobody":            issuedBy(Suspend{of("person 99"), now(), "why"}, "", 0, 22),
		"his own key checked":               issuedBy(Checked{Key: telegram.KeyRef{Person: 22, Key: 1}, How: "in person", At: now()}, "", 0, 22),
		"a key checked by an officer":       issuedBy(Checked{Key: telegram.KeyRef{Person: 18, Key: 2}, How: "in person", At: now()}, "", 0, 23),
		"a key checked by two":              issuedBy(Checked{Key: telegram.KeyRef{Person: 18, Key: 2}, How: "in person", At: now()}, "", 0, 20, 21),
		"a key that is not":                 issuedBy(Checked{Key: telegram.KeyRef{Person: 18, Key: 7}, How: "in person", At: now()}, "", 0, 22),
		"checked in a dream":                issuedBy(Checked{Key: telegram.KeyRef{Person: 18, Key: 2}, How: "in a dream", At: now()}, "", 0, 22),
		"an end without a reason":           two(End{of("person 23"), now(), ""}),
		"an end with a line in its reason":  two(End{of("person 23"), now(), "left\nrole x"}),
		"a post's end":                      two(End{of("post MOSCOW"), now(), "left"}),
		"a deputy who is the holder":        two(Holder{telegram.Address{Office: "MINISTER", Post: "MOSCOW"}, 17, []uint32{17}}),
		"an issued statement issued again":  Issued{Statement: two(consul), Post: "MOSCOW", Number: 1},
		"a root":                            rootOf(1, 9),
		"a reservation by nobody":           Reserve{now()},
		"an issued reservation":             two(Reserve{now()}),
		"an order to minimize by nobody":    Minimize{From: now(), Until: now().Add(week), Why: "war"},
		"issued by nobody, though numbered": Issued{Statement: left, Post: "MOSCOW", Number: 1},
	} {
		if _, err := d.Enter(s); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := d.Enter(two(left)); err != nil {
		t.Errorf("what none of these is: %v", err)
	}
}

// What a grant counts is what is in force, and who is no more does nothing.
func TestInForce(t *testing.T) {
	d := ministry(t) // one office of two, five people of six
	issue := func(d *Directory, s Statement) (*Directory, error) {
		return d.Enter(issuedBy(s, "MOSCOW", d.NextIssue("MOSCOW"), 20, 21))
	}
	steps := []struct {
		s  Statement
		ok bool
	}{
		{office("CONSUL@MOSCOW"), true},
		{office("CLERK@MOSCOW"), false},
		{End{of("office CONSUL@MOSCOW"), now(), "closed"}, true},
		{office("CLERK@MOSCOW"), true},
		{office("CONSUL@MOSCOW"), false}, // a name is stated once, for ever
		{Person{Number: 50, Post: "MOSCOW", Roles: Drafter}, true},
		{personKey(50, 1, 0), true},
		{Person{Number: 51, Post: "MOSCOW", Roles: Drafter}, false},
		{Roles{50, now(), Drafter | Releaser}, true},
		{End{of("person 50"), now(), "left"}, true},
		{Roles{50, now(), Drafter}, false},
		{personKey(50, 2, 1), false},
		{Holder{telegram.Address{Office: "CLERK", Post: "MOSCOW"}, 50, nil}, false},
		{End{of("person 50"), now(), "left"}, false},
		{Person{Number: 51, Post: "MOSCOW", Roles: Drafter}, true},
	}
	for i, step := range steps {
		longer, err := issue(d, step.s)
		if (err == nil) != step.ok {
			t.Errorf("step %d: %v", i, err)
		}
		if err == nil {
			d = longer
		}
	}
	who := telegram.KeyRef{Person: 50, Key: 1}
	for role, may := range map[Role]bool{Drafter: true, Releaser: false} {
		if err := d.May(role, who, "MOSCOW", now().Add(-time.Second)); (err == nil) != may {
			t.Errorf("%v, before he left and his roles changed: %v", role, err)
		}
	}
	if d.May(Drafter, who, "MOSCOW", time.Time{}) == nil || d.May(Drafter, who, "MOSCOW", now()) == nil {
		t.Error("who left may draft")
	}
}

// One duty officer stops, and cannot start again; nor does his word come back after the root's.
func TestSuspension(t *testing.T) {
	d := ministry(t)
	who := telegram.KeyRef{Person: 17, Key: 2}
	stop := issuedBy(Suspend{of("person 17"), now(), "seen drunk"}, "", 0, 22)
	d = enter(t, d, stop)
	if d.May(Releaser, who, "MOSCOW", time.Time{}) == nil {
		t.Error("suspended, and may")
	}
	d = sign(t, build(t, d, Restore{of("person 17")}), now(), 1, 2)
	if err := d.May(Releaser, who, "MOSCOW", time.Time{}); err != nil {
		t.Error(err)
	}
	if _, err := d.Enter(stop); err == nil {
		t.Error("the same suspension again is a replay")
	}
	d = enter(t, d, issuedBy(Suspend{of("person 22"), now(), "himself"}, "", 0, 22))
	if _, err := d.Enter(issuedBy(Suspend{of("person 17"), now().Add(1), "again"}, "", 0, 22)); err == nil {
		t.Error("a suspended duty officer suspends")
	}
	// A post lost: signed in advance by its two administrators, entered by whoever has it.
	lost := issuedBy(Suspend{of("post MOSCOW"), now(), "post lost"}, "", 0, 20, 21)
	d = enter(t, d, lost)
	if !d.Suspended(of("post MOSCOW")) || d.HasOffice(telegram.Address{Office: "MINISTER", Post: "MOSCOW"}) {
		t.Error("the post is lost and goes on")
	}
	if _, err := d.Enter(issuedBy(office("CONSUL@MOSCOW"), "MOSCOW", 1, 20, 21)); err == nil {
		t.Error("a lost post issues")
	}
}

// Tails that posts got in another order are one; a tail is not lost, and two that contradict each other are seen.
func TestWith(t *testing.T) {
	d := ministry(t)
	a := issuedBy(office("CONSUL@MOSCOW"), "MOSCOW", 1, 20, 21)
	b := issuedBy(Suspend{of("person 18"), now(), "why"}, "", 0, 22)
	ab, ba := enter(t, d, a, b), enter(t, d, b, a)
	for _, x := range [][2]*Directory{{ab, ba}, {ba, ab}, {enter(t, d, a), enter(t, d, b)}, {d, ab}, {ab, d}} {
		both, left, err := x[0].With(x[1], now())
		if err != nil || len(left) > 0 || both.Total() != d.Total()+2 || both.Extends(x[0]) != nil || both.Extends(x[1]) != nil {
			t.Fatalf("%v, left %d", err, len(left))
		}
		if got, err := Parse(both.Marshal()); err != nil || got.Total() != both.Total() {
			t.Error(err)
		}
	}
	if err := d.Extends(ab); !errors.Is(err, ErrRollback) {
		t.Errorf("a tail is gone: %v", err)
	}
	other := enter(t, d, issuedBy(office("CLERK@MOSCOW"), "MOSCOW", 1, 20, 21))
	if _, _, err := ab.With(other, now()); err == nil || !strings.Contains(err.Error(), "the same number") {
		t.Errorf("two statements under one number: %v", err)
	}
	// The next checkpoint takes the tail in.
	next := sign(t, build(t, ab, Grant{Post: "BEIJING", Offices: 1, People: 1}), now(), 1, 2)
	both, left, err := ab.With(next, now())
	if err != nil || len(left) > 0 || both.Total() != next.Total() || both.Extends(ab) != nil {
		t.Errorf("%v, left %d", err, len(left))
	}
	// What the root officers have said since counts for more than what administrators had issued.
	stern := sign(t, build(t, d, End{of("person 21"), now(), "dismissed"}), now(), 1, 2)
	both, left, err = enter(t, d, a).With(stern, now())
	if err != nil || len(left) != 1 || both.Total() != stern.Total() {
		t.Errorf("%v, left %d", err, len(left))
	}
	forked := sign(t, build(t, d, office("CLERK@BEIJING")), now(), 1, 2)
	if _, _, err := next.With(forked, now()); !errors.Is(err, ErrFork) {
		t.Errorf("forked: %v", err)
	}
}

// The file's tail is as strict as the rest of it.
func TestTailFile(t *testing.T) {
	file := string(lived(t).Marshal())
	last := strings.LastIndex(file, "salt ")
	for name, changed := range map[string]string{
		"cut in a statement":  file[:len(file)-20],
		"no empty line":       strings.TrimSuffix(file, "\n"),
		"an empty line more":  file + "\n",
		"a second checkpoint": file + ministry(t).Checkpoint() + "\n",
		"no salt":             file[:last] + file[last+strings.Index(file[last:], "\n")+1:],
		"twice":               file + file[last:],
		"another's number":    strings.Replace(file, "by MOSCOW 2", "by MOSCOW 3", 1),
		"a third issuer":      strings.Replace(file, "by MOSCOW 2\n", "by MOSCOW 2\nissued 17/1 ed25519 AA==\n", 1),
	} {
		if _, err := Parse([]byte(changed)); err == nil || !strings.HasPrefix(err.Error(), "line ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	// What an issuer signed does not verify under a change.
	forged, err := Parse([]byte(strings.Replace(file, "end person 23\nat 2026-12-07T20:40:00Z\nwhy left", "end person 23\nat 2026-12-07T20:40:00Z\nwhy dead", 1)))
	if err != nil {
		t.Fatal(err)
	}
	bad := 0
	for _, v := range forged.Vouchers() {
		if !verifies(v) {
			bad++
		}
	}
	if bad != 2 {
		t.Errorf("%d signatures do not verify", bad)
	}
}

// Every version can be had again, and an entry of the register is judged by the version before it.
func TestVersions(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := ministry(t)
		tail := enter(t, d, issuedBy(office("CONSUL@MOSCOW"), "MOSCOW", 1, 20, 21))
		more := enter(t, d, issuedBy(Suspend{of("person 18"), now(), "why"}, "", 0, 22))
		next := sign(t, build(t, tail, Grant{Post: "BEIJING", Offices: 1, People: 1}), now(), 2, 3)
		var want []*Directory
		for _, x := range []*Directory{d, tail, more, next, next} {
			if err := adopt(db, x, now()); err != nil {
				t.Fatal(err)
			}
			now, err := kept(t, db, 0)
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, now)
		}
		if want[2].Total() != d.Total()+2 || want[3].Total() != next.Total()+1 || want[4] == nil {
			t.Errorf("totals %d and %d", want[2].Total(), want[3].Total())
		}
		err := db.Read(context.Background(), func(tx *store.Tx) error {
			entries, err := Versions(tx)
			if !slices.Equal(entries, []int64{10, 20, 30, 40}) {
				t.Errorf("versions entered in %v", entries)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range want[:4] {
			same(t, db, int64(i+1), w)
		}
	})
}

func TestPart(t *testing.T) {
	d := lived(t)
	old := sign(t, whole(t), now(), 1, 2)
	for _, have := range []*Directory{old, ministry(t), d} {
		part, err := d.Part(have.Size())
		if err != nil {
			t.Fatal(err)
		}
		got, err := have.ParsePart(part)
		if err != nil || !bytes.Equal(got.Marshal(), d.Marshal()) {
			t.Errorf("from %d: %v", have.Size(), err)
		}
	}
	part, _ := d.Part(d.Size())
	for name, bad := range map[string]string{
		"another header": "x" + string(part),
		"no number":      strings.Replace(string(part), "from ", "from x", 1),
		"a zero more":    strings.Replace(string(part), "from ", "from 0", 1),
		"too early":      strings.Replace(string(part), "from ", "from 1", 1),
		"cut":            string(part[:len(part)-9]),
		"nothing":        "",
	} {
		if _, err := d.ParsePart([]byte(bad)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if _, err := old.ParsePart(part); err == nil {
		t.Error("a part with nothing between")
	}
	if _, err := d.Part(d.Size() + 1); err == nil {
		t.Error("a part from nowhere")
	}
	a := issuedBy(office("CONSUL@MOSCOW"), "MOSCOW", 1, 20, 21)
	b := issuedBy(Suspend{of("person 18"), now(), "why"}, "", 0, 22)
	m := ministry(t)
	if enter(t, m, a, b).TailDigest() != enter(t, m, b, a).TailDigest() || enter(t, m, a).TailDigest() == enter(t, m, b).TailDigest() || m.TailDigest() != [32]byte{} {
		t.Error("the digest of a tail")
	}
}

func FuzzParsePart(f *testing.F) {
	d := lived(f)
	for _, from := range []int64{1, d.Size()} {
		part, err := d.Part(from)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(part)
	}
	f.Fuzz(func(t *testing.T, part []byte) {
		longer, err := d.ParsePart(part)
		if err != nil {
			return
		}
		if _, err := Parse(longer.Marshal()); err != nil {
			t.Fatal(err)
		}
	})
}
