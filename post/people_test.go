package post_test

import (
	"context"
	"strings"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/desk"
	"chancery.example/chancery/post"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/telegram"
)

// What people do at a post, each as their own command does it: they get the bytes, look, sign those bytes, and give them back.

func form(x *desks, text string) *desk.Form {
	x.m.t.Helper()
	f, err := desk.ParseForm(strings.NewReader(text))
	if err != nil {
		x.m.t.Fatal(err)
	}
	return f
}

func (x *desks) draft(text string) int64 {
	x.m.t.Helper()
	id, err := x.Draft(context.Background(), form(x, text))
	if err != nil {
		x.m.t.Fatal(err)
	}
	return id
}

func (x *desks) tryHandOver(id int64, who int) error {
	d, err := x.ForHandOver(context.Background(), id, x.ref(who))
	if err != nil {
		return err
	}
	t, err := telegram.Parse(d.Telegram)
	if err != nil {
		return err
	}
	return x.HandOver(context.Background(), id, d.Telegram, seal.HandOver(t, x.people[who]))
}

func (x *desks) handOver(id int64) {
	x.m.t.Helper()
	if err := x.tryHandOver(id, drafter); err != nil {
		x.m.t.Fatal(err)
	}
}

// sign makes a release as the releaser's own machine does, at that machine's time.
func (x *desks) sign(id int64, who int, at time.Time) (written, ed, pq []byte, err error) {
	d, err := x.ForRelease(context.Background(), id)
	if err != nil {
		return nil, nil, nil, err
	}
	t, err := telegram.Parse(d.Telegram)
	if err != nil {
		return nil, nil, nil, err
	}
	t.Releaser, t.Released, t.RegisterBy = x.ref(who), at.Unix(), at.Add(24*time.Hour).Unix()
	ed, pq = seal.Release(t, x.people[who])
	return t.Marshal(), ed, pq, nil
}

func (x *desks) tryRelease(id int64, who int) error {
	written, ed, pq, err := x.sign(id, who, x.config.Now())
	if err != nil {
		return err
	}
	return x.Release(context.Background(), id, written, ed, pq)
}

func (x *desks) release(id int64) {
	x.m.t.Helper()
	if err := x.tryRelease(id, releaser); err != nil {
		x.m.t.Fatal(err)
	}
}

// send is all three acts.
func (x *desks) send(text string) int64 {
	x.m.t.Helper()
	id := x.draft(text)
	x.handOver(id)
	x.release(id)
	return id
}

// reply drafts, hands over and releases an answer to what came under a number.
func (x *desks) reply(number uint32, act telegram.Act, text string) int64 {
	x.m.t.Helper()
	f, err := x.Report(context.Background(), &post.Report{Year: 0, Number: number, Act: act, Text: text})
	if err != nil {
		x.m.t.Fatal(err)
	}
	id, err := x.Draft(context.Background(), f)
	if err != nil {
		x.m.t.Fatal(err)
	}
	x.handOver(id)
	x.release(id)
	return id
}

func (x *desks) state(id int64) *post.DraftListed {
	x.m.t.Helper()
	d, err := x.DraftState(context.Background(), id)
	if err != nil {
		x.m.t.Fatal(err)
	}
	return d
}

func (x *desks) shown(way archive.Way, number uint32) *post.Shown {
	x.m.t.Helper()
	s, err := x.Show(context.Background(), way, 0, number, nil)
	if err != nil {
		x.m.t.Fatal(err)
	}
	return s
}

// received lists what the post has, the oldest first.
func (x *desks) received() (list []post.Listed) {
	x.m.t.Helper()
	all, _, err := x.Inbox(context.Background(), 1000)
	if err != nil {
		x.m.t.Fatal(err)
	}
	for i := len(all) - 1; i >= 0; i-- {
		list = append(list, all[i])
	}
	return list
}

// duty finds a duty of a post under a telegram.
func duty(s *post.Shown, of string, act desk.Act) (d post.Duty, ok bool) {
	for _, d := range s.Duties {
		if d.Post == of && d.Act == act {
			return d, true
		}
	}
	return d, false
}

// whole fails the test unless the registers of all posts prove to be as they were entered.
func (m *ministry) whole() {
	m.t.Helper()
	for _, x := range m.opened() {
		r, err := x.VerifyRegister(context.Background(), nil)
		if err != nil {
			m.t.Fatal(x.name, err)
		}
		for _, f := range r.Findings {
			m.t.Errorf("the register of %s, entry %d: %s", x.name, f.Entry, f.What)
		}
	}
}

// series is how far a series has come.
func (x *desks) series(name string) uint32 {
	x.m.t.Helper()
	r, err := x.VerifyRegister(context.Background(), nil)
	if err != nil {
		x.m.t.Fatal(err)
	}
	return r.Series[name]
}
