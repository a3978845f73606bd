package post

import (
	"context"
	"errors"
	"fmt"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/circuit"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// toldSeen is when, after the first time, the sender of a telegram is told again that it was opened. He does not answer, so he is told a few times.
var toldSeen = [...]time.Duration{10 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour}

// Saw notes that somebody at this post has opened a telegram that it received, the first time; its sender is told. Year 0 is this year.
func (p *Post) Saw(ctx context.Context, year int, number uint32) error {
	f, _, err := p.filed(ctx, archive.In, year, number)
	if err != nil {
		return err
	}
	var before int64
	if err := p.db.Read(ctx, func(tx *store.Tx) error {
		return tx.QueryRow("select count(*) from seen where of = $1", f.ID).Scan(&before)
	}); err != nil || before > 0 {
		return err
	}
	now := p.config.Now()
	return p.db.Write(ctx, func(tx *store.Tx) error {
		tx.Notify(topicSeen)
		return tx.Insert("seen (of, at, tries, again)", 4, []any{f.ID, now.Unix(), 0, now.UnixMilli()}, "on conflict (of) do nothing")
	})
}

// tellSeen tells senders what was opened.
func (p *Post) tellSeen(ctx context.Context, carrier circuit.Carrier) error {
	v, err := p.current()
	if err != nil {
		return err
	}
	now := p.config.Now()
	type opened struct {
		of, at int64
		tries  int
		filed  *archive.Filed
	}
	var due []opened
	if err := p.db.Read(ctx, func(tx *store.Tx) error {
		due = nil
		rows, err := tx.Query("select of, at, tries from seen where again <= $1 order by of limit 100", now.UnixMilli())
		if err != nil {
			return err
		}
		for rows.Next() {
			var x opened
			if err := rows.Scan(&x.of, &x.at, &x.tries); err != nil {
				rows.Close()
				return err
			}
			due = append(due, x)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return err
		}
		for i := range due {
			if due[i].filed, err = archive.Get(tx, due[i].of); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	var failed []error
	for _, x := range due {
		if v.suspended(x.filed.Post) != nil {
			continue
		}
		statement := (&telegram.Seen{From: x.filed.Post, To: p.config.Name, At: x.at, Serial: x.filed.Serial, Root: x.filed.Root}).Marshal()
		s := telegram.Service{Kind: telegram.ServiceSeen, Statement: statement}
		s.Ed, s.PQ = p.keys.Identity.Sign(telegram.LabelSeen, statement)
		if err := p.sendService(ctx, v, carrier, x.filed.Post, telegram.Deferred, &s, now); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", x.filed.Post, err))
			continue
		}
		var again any
		if x.tries < len(toldSeen) {
			again = now.Add(toldSeen[x.tries]).UnixMilli()
		}
		if err := p.db.Write(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec("update seen set tries = tries + 1, again = $1 where of = $2", again, x.of)
			return err
		}); err != nil {
			return err
		}
	}
	return errors.Join(failed...)
}

// readSeen reads the word of a post that a telegram was opened there, and checks whose it is.
func (p *Post) readSeen(v *view, from string, s *telegram.Service) (*telegram.Seen, error) {
	x, err := signedBy(v, from, s, telegram.LabelSeen, "the signature on the word that a telegram was opened", telegram.ParseSeen)
	if err != nil {
		return nil, err
	}
	if x.From != p.config.Name || x.To != from {
		return nil, errors.New("the word that a telegram was opened is between other posts")
	}
	return x, nil
}

// takeSeen keeps it, when it is of what was sent.
func (p *Post) takeSeen(tx *store.Tx, from string, x *telegram.Seen, said []byte) error {
	d, err := circuit.DeliveryOf(tx, from, x.Serial)
	if err != nil {
		return err
	}
	if d == nil || d.Root != x.Root {
		return p.alarm(tx, from, fmt.Sprintf("it says that serial %s was opened there, and something else was sent under that number", telegram.NumberText(x.Serial)))
	}
	return tx.Insert("seen_there (post, serial, at, said)", 4, []any{from, int64(x.Serial), x.At, said}, "on conflict (post, serial) do nothing")
}
