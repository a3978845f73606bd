package post_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/post"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/telegram"
)

func (x *desks) status(way archive.Way, number uint32) *post.Status {
	x.m.t.Helper()
	s, err := x.Status(context.Background(), way, 0, number)
	if err != nil {
		x.m.t.Fatal(err)
	}
	return s
}

// What is said of the other end is believed by a signature: a telegram that only left is unknown since then.
func TestStatusDoesNotLie(t *testing.T) {
	m := open(t, nil)
	moscow, beijing := m.at("MOSCOW"), m.at("BEIJING")
	m.run("MOSCOW")
	before := time.Now().Add(-time.Second)
	moscow.send("To: AMBASSADOR@BEIJING\nAsk: fulfilment\n\nDo it.\n")
	m.until("it is registered", func() bool { return moscow.count("select count(*) from outbox") == 1 })
	m.until("it left", func() bool {
		return len(moscow.status(archive.Out, 1).Addressees) == 1 && moscow.status(archive.Out, 1).Addressees[0].State == post.StepOnTheWire
	})
	a := moscow.status(archive.Out, 1).Addressees[0]
	if a.Unknown == nil || a.Unknown.Before(before) || slices.ContainsFunc(a.Steps, func(r post.Reached) bool { return r.Step == post.StepDeciphered }) {
		t.Errorf("%+v", a)
	}
	m.run("BEIJING")
	m.delivered("MOSCOW")
	if a := moscow.status(archive.Out, 1).Addressees[0]; a.State != post.StepDeciphered || a.Unknown != nil {
		t.Errorf("%+v", a)
	}
	for range 3 { // opened again and again, it was seen once
		if err := beijing.Saw(t.Context(), 0, 1); err != nil {
			t.Fatal(err)
		}
	}
	m.until("it is known that it was seen", func() bool { return moscow.status(archive.Out, 1).Addressees[0].State == post.StepSeen })
	if n := beijing.count("select count(*) from seen"); n != 1 {
		t.Errorf("%d", n)
	}
	beijing.reply(1, telegram.Fulfils, "Done.")
	m.delivered("BEIJING")
	if a := moscow.status(archive.Out, 1).Addressees[0]; a.State != "fulfilled" {
		t.Errorf("%+v", a)
	}
	if s := beijing.status(archive.In, 1); s.Steps[len(s.Steps)-1].Step != "fulfilled" {
		t.Errorf("%+v", s)
	}
	list, err := moscow.Circuits(t.Context())
	if err != nil || len(list) != 1 || list[0].Post != "BEIJING" || list[0].Heard == nil || list[0].Today[0] == 0 || list[0].Today[1] == 0 || list[0].Oldest != nil {
		t.Errorf("%+v %v", list, err)
	}
}

// A post's word that it was seen holds for what was sent to it, under its own signature.
func TestFalseSeen(t *testing.T) {
	m := open(t, nil)
	moscow := m.at("MOSCOW")
	m.run()
	moscow.sendTo("To be seen.", "BEIJING")
	m.delivered("MOSCOW")
	root := moscow.status(archive.Out, 1).Root
	c := newClerk(m, "BEIJING", "MOSCOW")
	c.precedence = telegram.Deferred
	say := func(x telegram.Seen, by *seal.Signer) {
		statement := x.Marshal()
		s := telegram.Service{Kind: telegram.ServiceSeen, Statement: statement}
		s.Ed, s.PQ = by.Sign(telegram.LabelSeen, statement)
		m.deliver("MOSCOW", c.letter(s.Marshal()))
	}
	good := telegram.Seen{From: "MOSCOW", To: "BEIJING", At: time.Now().Unix(), Serial: 1, Root: root}
	other, nobody, london := good, good, good
	other.Root[0]++
	nobody.Serial = 7
	london.To = "LONDON"
	say(other, c.identity)
	say(nobody, c.identity)
	say(london, world().posts["LONDON"].keys.Identity)
	say(good, world().posts["LONDON"].keys.Identity)
	if a := moscow.status(archive.Out, 1).Addressees[0]; a.State != post.StepDeciphered {
		t.Errorf("%+v", a)
	}
	say(good, c.identity)
	if a := moscow.status(archive.Out, 1).Addressees[0]; a.State != post.StepSeen {
		t.Errorf("%+v", a)
	}
}
