package post

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"chancery.example/chancery/store"
)

// Several processes may run one post on one PostgreSQL. Any of them registers; but each way has one owner at a time, a row with a process and
// a time until which it holds, so that sections are not carried by all of them. Nothing that is promised rests on it: who is stopped and goes on
// later, without knowing that another took over, carries the same bytes once more, and the receiver knows them.
const (
	ownedFor   = 15 * time.Second
	ownedAgain = 5 * time.Second // an owner renews this often
)

// ways are what is owned, beside one for each post that is carried to.
const (
	wayIn   = "in"
	wayNews = "news"
	wayGaps = "gaps"
)

func wayTo(post string) string { return "to " + post }

// newProcess makes the name under which a process owns ways.
func newProcess() string { return rand.Text() }

// own takes or renews a way for this process; false says that another owns it.
func (p *Post) own(ctx context.Context, way string) (mine bool, err error) {
	if !p.db.Postgres() {
		return true, nil // one process has a file
	}
	now := p.config.Now()
	err = p.db.Write(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(`insert into owner (way, process, until) values ($1, $2, $3)
			on conflict (way) do update set process = excluded.process, until = excluded.until
			where owner.process = excluded.process or owner.until < $4`, way, p.process, now.Add(ownedFor).UnixMilli(), now.UnixMilli())
		mine = n == 1
		return err
	})
	return mine, err
}

// disown gives a way to whoever asks next.
func (p *Post) disown(way string) {
	ctx, stop := context.WithTimeout(context.Background(), 2*time.Second)
	defer stop()
	// What is not given back is free when its time has passed.
	_ = p.db.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec("delete from owner where way = $1 and process = $2", way, p.process)
		return err
	})
}

// whileOwner runs fn as long as this process owns a way, each time anew when it came to own it again.
func (p *Post) whileOwner(ctx context.Context, way string, fn func(context.Context) error) error {
	if !p.db.Postgres() {
		return fn(ctx)
	}
	defer p.disown(way)
	for ctx.Err() == nil {
		mine, err := p.own(ctx, way)
		if err != nil && !errors.Is(err, store.ErrBusy) {
			return err
		}
		if !mine {
			p.wait(ctx, ownedAgain)
			continue
		}
		if err := p.asOwner(ctx, way, fn); err != nil && ctx.Err() == nil {
			return err
		}
	}
	return ctx.Err()
}

// asOwner runs fn until the way is lost. Losing it is no error.
func (p *Post) asOwner(ctx context.Context, way string, fn func(context.Context) error) error {
	owner, lost := context.WithCancel(ctx)
	defer lost()
	done := make(chan error, 1)
	go func() { done <- fn(owner) }()
	last := p.config.Now()
	for {
		select {
		case err := <-done:
			return err
		case <-time.After(ownedAgain):
		}
		mine, err := p.own(ctx, way)
		if err == nil && mine {
			last = p.config.Now()
			continue
		}
		// A database that does not answer for a moment is no reason to stop before the time has passed.
		if err != nil && p.config.Now().Sub(last) < ownedFor {
			continue
		}
		lost()
		if err := <-done; owner.Err() == nil {
			return err
		}
		return nil
	}
}
