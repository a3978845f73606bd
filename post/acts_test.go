package post_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"chancery.example/chancery/desk"
	"chancery.example/chancery/post"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/telegram"
)

var background = context.Background()

const plain = "To: AMBASSADOR@BEIJING\n\nText.\n"

func TestDraftsThatCannotBeSent(t *testing.T) {
	m := open(t, nil)
	x := m.at("MOSCOW")
	for _, a := range []struct{ text, says string }{
		{"To: AMBASSADOR@PARIS\n\nText.\n", "the directory has no post PARIS"},
		{"To: CONSUL@BEIJING\n\nText.\n", "the directory has no office CONSUL@BEIJING; it has AMBASSADOR@BEIJING"},
		{"To: AMBASSADOR@BEIJING\nInfo: CONSUL@LONDON\n\nText.\n", "no office CONSUL@LONDON"},
		{"To: ATTACHE@MOSCOW\n\nText.\n", "is an office of this post itself"},
		{"From: NOBODY\n" + plain, "no office NOBODY@MOSCOW to send from"},
		{"Acknowledges: BEIJING 7/2026\n" + plain, "it cites BEIJING 7/2026: no such telegram is filed here"},
		{"Fulfils: MOSCOW 1/2026\n" + plain, "it cites MOSCOW 1/2026: no such telegram is filed here"},
		{"To: AMBASSADOR@BEIJING\n" + plain, "addressed twice"},
	} {
		_, err := x.Draft(background, form(x, a.text))
		if err == nil || !strings.Contains(err.Error(), a.says) {
			t.Errorf("%q: %v, want %q", a.text, err, a.says)
		}
	}
	if n := x.count("select count(*) from draft"); n != 0 {
		t.Errorf("%d drafts were kept", n)
	}
	x.draft("Refers: BEIJING 7/2026\n" + plain) // to cite what is on paper only is no fault
}

// unmoved fails the test unless an act was refused, in words, and the draft is as it was.
func (x *desks) unmoved(what string, id int64, state desk.State, err error, says string) {
	x.m.t.Helper()
	if err == nil || !strings.Contains(err.Error(), says) {
		x.m.t.Errorf("%s: %v, want %q", what, err, says)
	}
	if d := x.state(id); d.State != state {
		x.m.t.Errorf("%s: it is %s now", what, d.State)
	}
}

func TestHandOver(t *testing.T) {
	m := open(t, nil)
	x := m.at("MOSCOW")
	id := x.draft(plain)
	d, err := x.ForHandOver(background, id, x.ref(drafter))
	if err != nil {
		t.Fatal(err)
	}
	written := must(telegram.Parse(d.Telegram))
	altered := func(change func(*telegram.Telegram)) error {
		a := must(telegram.Parse(d.Telegram))
		change(a)
		return x.HandOver(background, id, a.Marshal(), seal.HandOver(a, x.people[drafter]))
	}
	const changed = "what was signed is not what it says now"
	for what, change := range map[string]func(*telegram.Telegram){
		"another word":       func(a *telegram.Telegram) { a.Body[0].Text = "Test." },
		"another addressee":  func(a *telegram.Telegram) { a.To[0].Office = "ATTACHE" },
		"another precedence": func(a *telegram.Telegram) { a.To[0].Precedence = telegram.Flash },
		"another label":      func(a *telegram.Telegram) { a.Label.Classification = "NONE" },
		"released already": func(a *telegram.Telegram) {
			a.Releaser, a.Released, a.RegisterBy = x.ref(releaser), a.DTG, a.DTG+3600
		},
	} {
		x.unmoved(what, id, desk.Drafted, altered(change), changed)
	}
	x.unmoved("bytes that are no telegram", id, desk.Drafted, x.HandOver(background, id, d.Telegram[1:], nil), "malformed")
	x.unmoved("no signature", id, desk.Drafted, x.HandOver(background, id, d.Telegram, nil), "drafter's signature")
	x.unmoved("another's signature", id, desk.Drafted, x.HandOver(background, id, d.Telegram, seal.HandOver(written, x.people[releaser])), "drafter's signature")
	x.unmoved("who may not draft", id, desk.Drafted, x.tryHandOver(id, releaser), "handing over")
	l := m.at("LONDON")
	x.unmoved("a drafter of another post", id, desk.Drafted, altered(func(a *telegram.Telegram) { a.Drafter = l.ref(drafter) }), "handing over")
	x.unmoved("a drafter unknown", id, desk.Drafted, altered(func(a *telegram.Telegram) { a.Drafter.Person = 999 }), "handing over")
	if err := x.tryRelease(id, releaser); !errors.Is(err, desk.ErrState) {
		t.Errorf("released before it was handed over: %v", err)
	}
	if err := x.HandOver(background, 77, d.Telegram, nil); !errors.Is(err, desk.ErrNone) {
		t.Errorf("a draft that is not there: %v", err)
	}
	x.handOver(id)
	x.unmoved("twice", id, desk.HandedOver, x.HandOver(background, id, d.Telegram, seal.HandOver(written, x.people[drafter])), "another state")
}

func TestRelease(t *testing.T) {
	m := open(t, nil)
	x := m.at("MOSCOW")
	id, other := x.draft(plain), x.draft("To: AMBASSADOR@BEIJING\n\nAnother text.\n")
	x.handOver(id)
	x.handOver(other)
	now := time.Now()
	written, ed, pq, err := x.sign(id, releaser, now)
	if err != nil {
		t.Fatal(err)
	}
	released := func(change func(*telegram.Telegram), who int) error {
		a := must(telegram.Parse(written))
		change(a)
		ed, pq := seal.Release(a, x.people[who])
		return x.Release(background, id, a.Marshal(), ed, pq)
	}
	for what, change := range map[string]func(*telegram.Telegram){
		"another word":       func(a *telegram.Telegram) { a.Body[0].Text = "Test." },
		"another addressee":  func(a *telegram.Telegram) { a.To[0].Office = "ATTACHE" },
		"another precedence": func(a *telegram.Telegram) { a.To[0].Precedence = telegram.Flash },
		"another drafter":    func(a *telegram.Telegram) { a.Drafter = x.ref(second) },
	} {
		x.unmoved(what, id, desk.HandedOver, released(change, releaser), "it is not what was handed over")
	}
	o, ed2, pq2, _ := x.sign(other, releaser, now)
	x.unmoved("another draft", id, desk.HandedOver, x.Release(background, id, o, ed2, pq2), "it is not what was handed over")
	x.unmoved("no time", id, desk.HandedOver, released(func(a *telegram.Telegram) { a.Releaser, a.Released, a.RegisterBy = telegram.KeyRef{}, 0, 0 }, releaser), "no time of release")
	as := func(who int) func(*telegram.Telegram) {
		return func(a *telegram.Telegram) { a.Releaser = x.ref(who) }
	}
	x.unmoved("the drafter", id, desk.HandedOver, released(as(drafter), drafter), "its releaser is its drafter")
	x.unmoved("one without the role", id, desk.HandedOver, released(as(second), second), "its releaser:")
	x.unmoved("a releaser of another post", id, desk.HandedOver, func() error {
		l := m.at("LONDON")
		a := must(telegram.Parse(written))
		a.Releaser = l.ref(releaser)
		ed, pq := seal.Release(a, l.people[releaser])
		return x.Release(background, id, a.Marshal(), ed, pq)
	}(), "its releaser:")
	const signature = "the releaser's signature does not hold"
	x.unmoved("another's signature", id, desk.HandedOver, released(as(releaser), second), signature)
	x.unmoved("half a signature", id, desk.HandedOver, x.Release(background, id, written, ed, nil), signature)
	x.unmoved("the other half", id, desk.HandedOver, x.Release(background, id, written, nil, pq), signature)
	for _, d := range []time.Duration{-time.Hour, time.Hour} {
		w, ed, pq, _ := x.sign(id, releaser, now.Add(d))
		x.unmoved("a clock that is wrong", id, desk.HandedOver, x.Release(background, id, w, ed, pq), "set the one that is wrong")
	}
	if err := x.Release(background, id, written, ed, pq); err != nil {
		t.Fatal(err)
	}
	x.unmoved("twice", id, desk.Released, x.Release(background, id, written, ed, pq), "another state")
	m.run()
	m.delivered("MOSCOW")
	x.unmoved("once it is registered", id, desk.Registered, x.Release(background, id, written, ed, pq), "another state")
	m.whole()
}

// Two who act at the same time: one is first, and the other is told.
func TestReleasedByTwoAtOnce(t *testing.T) {
	m := open(t, nil)
	x := m.at("MOSCOW")
	id := x.draft(plain)
	x.handOver(id)
	errs := make(chan error, 2)
	for _, who := range []int{releaser, both} {
		go func() { errs <- x.tryRelease(id, who) }()
	}
	a, b := <-errs, <-errs
	if (a == nil) == (b == nil) || !errors.Is(errors.Join(a, b), desk.ErrState) {
		t.Errorf("%v, %v", a, b)
	}
}

func TestReplyToInformation(t *testing.T) {
	m := open(t, nil)
	m.run(names[:]...)
	m.at("MOSCOW").send("To: AMBASSADOR@BEIJING\nInfo: AMBASSADOR@LONDON\n\nText.\n")
	m.delivered("MOSCOW")
	if _, err := m.at("LONDON").Report(background, &post.Report{Year: 0, Number: 1, Act: telegram.Acknowledges, Text: "We shall."}); err == nil || !strings.Contains(err.Error(), "for information only") {
		t.Error(err)
	}
	if _, err := m.at("BEIJING").Report(background, &post.Report{Year: 0, Number: 1, Act: telegram.Fulfils, Text: " \n"}); err == nil || !strings.Contains(err.Error(), "has no text") {
		t.Error(err)
	}
	if _, err := m.at("BEIJING").Report(background, &post.Report{Year: 0, Number: 9, Act: telegram.Fulfils, Text: "Done."}); err == nil || !strings.Contains(err.Error(), "no such telegram") {
		t.Error(err)
	}
}
