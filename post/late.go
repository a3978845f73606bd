package post

// What follows a telegram that went in frames: the releaser's ML-DSA-44 signature. The sender sends it when the telegram was receipted and there
// is time, and again until a receipt names the whole entry. The receiver puts it to the telegram that it filed.

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/circuit"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

const (
	lateOverdue = 48 * time.Hour // after this the receiver raises an alarm: the sender had 24 h
	lateAtOnce  = 16             // signatures in one message
	lateRounds  = 64             // messages to one post in a row, before others have their turn
)

// The states of a telegram that came in the brief form.
const (
	lateOpen     = "open"
	lateVerified = "verified"
	lateFalse    = "false"
	lateLost     = "overdue"
)

// followsLater notes that a telegram goes in the brief form, and a signature is to follow.
func (p *Post) followsLater(tx *store.Tx, post string, serial uint32, of int64, now time.Time) error {
	return tx.Insert("late (post, serial, of, since, tries, again)", 6, []any{post, int64(serial), of, now.UnixMilli(), 0, now.Add(p.config.Late).UnixMilli()}, "on conflict (post, serial) do nothing")
}

// sendLate sends what is to follow, to posts for which nothing more urgent waits, and after half a day all the same.
func (p *Post) sendLate(ctx context.Context, carrier circuit.Carrier) error {
	for range lateRounds {
		if more, err := p.sendLateRound(ctx, carrier); err != nil || !more {
			return err
		}
	}
	return nil
}

// sendLateRound sends each post one message of it, and says whether there may be more.
func (p *Post) sendLateRound(ctx context.Context, carrier circuit.Carrier) (more bool, err error) {
	v, err := p.current()
	if err != nil {
		return false, err
	}
	now := p.config.Now()
	due := map[string][]lateItem{}
	if err := p.db.Read(ctx, func(tx *store.Tx) error {
		rows, err := tx.Query(`select l.post, l.serial, l.of, l.tries from late l join outbox o on o.post = l.post and o.serial = l.serial
			where o.receipted is not null and l.again <= $1 and (l.since < $2 or not exists
				(select 1 from outbox w where w.post = l.post and w.receipted is null)) order by l.since limit 1000`, now.UnixMilli(), now.Add(-12*time.Hour).UnixMilli())
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var post string
			var x lateItem
			if err := rows.Scan(&post, &x.serial, &x.of, &x.tries); err != nil {
				return err
			}
			if len(due[post]) < lateAtOnce {
				due[post] = append(due[post], x)
			}
		}
		return rows.Err()
	}); err != nil {
		return false, err
	}
	var failed []error
	for post, items := range due {
		if v.suspended(post) == nil {
			more = more || len(items) == lateAtOnce
			if err := p.sendLateTo(ctx, v, carrier, post, items, now); err != nil {
				failed = append(failed, fmt.Errorf("%s: %w", post, err))
			}
		}
	}
	return more, errors.Join(failed...)
}

// lateItem is a telegram whose signature is to follow.
type lateItem struct {
	serial uint32
	of     int64
	tries  int
}

func (p *Post) sendLateTo(ctx context.Context, v *view, carrier circuit.Carrier, to string, items []lateItem, now time.Time) error {
	m := telegram.Late{From: p.config.Name, To: to}
	if err := p.db.Read(ctx, func(tx *store.Tx) error {
		m.Items = nil
		for _, x := range items {
			f, err := archive.Get(tx, x.of)
			if err != nil {
				return err
			}
			r, err := p.openFiled(f)
			if err != nil {
				return err
			}
			m.Items = append(m.Items, telegram.LateItem{Serial: x.serial, ReleasePQ: r.ReleasePQ})
		}
		return nil
	}); err != nil {
		return err
	}
	if err := p.sendPayload(ctx, v, carrier, to, telegram.Deferred, append([]byte{0, telegram.ServiceLate}, m.Marshal()...), now); err != nil {
		return err
	}
	return p.db.Write(ctx, func(tx *store.Tx) error {
		for _, x := range items {
			again := now.Add(min(p.config.Late<<min(x.tries, 20), longestRetry))
			if _, err := tx.Exec("update late set tries = tries + 1, again = $1 where post = $2 and serial = $3", again.UnixMilli(), to, int64(x.serial)); err != nil {
				return err
			}
		}
		return nil
	})
}

// readLate reads signatures that follow. Each stands by itself, so the message has none of its own; who sent it the seal has shown.
func (p *Post) readLate(b []byte, from string) (*telegram.Late, error) {
	l, err := telegram.ParseLate(b)
	if err != nil {
		return nil, err
	}
	if l.From != from || l.To != p.config.Name {
		return nil, errors.New("the signatures that follow are between other posts")
	}
	return l, nil
}

// awaitLate notes that a telegram came in the brief form.
func (p *Post) awaitLate(tx *store.Tx, of int64, post string, serial uint32, now time.Time) error {
	return tx.Insert("brief (of, post, serial, came, state)", 5, []any{of, post, int64(serial), now.UnixMilli(), lateOpen}, "")
}

// takeLate puts signatures to the telegrams for which they were awaited, and answers with a receipt that names the whole entry.
func (p *Post) takeLate(tx *store.Tx, v *view, a *arrived, answer receiptTo, now time.Time) error {
	for _, i := range a.late.Items {
		f, err := archive.BySerial(tx, a.from, i.Serial)
		if errors.Is(err, archive.ErrNone) { // it overtook its telegram, and comes again
			continue
		}
		if err != nil {
			return err
		}
		r, err := p.openFiled(f)
		if err != nil {
			if err := p.alarm(tx, a.from, fmt.Sprintf("a signature for serial %s came, and what is filed of it is damaged (run chancery register verify): %v", telegram.NumberText(i.Serial), err)); err != nil {
				return err
			}
			continue
		}
		if r.ReleasePQ == nil {
			if ok, err := p.complete(tx, v, f, r, i.ReleasePQ, now); err != nil || !ok {
				if err != nil {
					return err
				}
				continue
			}
		}
		answer.add(a.from, telegram.ReceiptItem{Serial: i.Serial, Root: f.Root, Entry: receiptEntry(r, f.Root)})
	}
	return nil
}

// complete puts the signature to a telegram, if it holds.
func (p *Post) complete(tx *store.Tx, v *view, f *archive.Filed, r *telegram.Registered, pq []byte, now time.Time) (bool, error) {
	draftRoot, root := r.Telegram.Roots()
	r.ReleasePQ = slices.Clone(pq)
	if err := v.checkRelease(r.Telegram, &r.Signatures, draftRoot, root); err != nil {
		r.ReleasePQ = nil
		if _, err := tx.Exec("update brief set state = $1 where of = $2 and state <> $3", lateFalse, f.ID, lateVerified); err != nil {
			return false, err
		}
		return false, p.alarm(tx, f.Post, fmt.Sprintf("serial %s was released by one signature, and the other does not hold: somebody may have made the first with a quantum computer, or the sender's disk is damaged. Do not act on it before the administrators of %s have explained it",
			telegram.NumberText(f.Serial), f.Post))
	}
	if err := archive.Rewrite(tx, f.ID, p.keys.Rest.Seal(archive.Place(f.ID), r.Marshal())); err != nil {
		return false, err
	}
	if _, err := tx.Exec("update brief set state = $1 where of = $2", lateVerified, f.ID); err != nil {
		return false, err
	}
	return true, p.awaitProof(tx, f.ID, f.Post, telegram.EntryHash(r.OutEntry(root, &r.Numbers)), r.Numbers.Registered, now)
}

// missLate raises an alarm for signatures that did not follow in time.
func (p *Post) missLate(ctx context.Context, now time.Time) error {
	var all []missed
	before := now.Add(-lateOverdue).UnixMilli()
	if err := p.db.Read(ctx, func(tx *store.Tx) error {
		all = nil
		rows, err := tx.Query("select of, post, serial from brief where state = 'open' and came < $1 order by +of limit 1000", before)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var x missed
			if err := rows.Scan(&x.of, &x.post, &x.serial); err != nil {
				return err
			}
			all = append(all, x)
		}
		return rows.Err()
	}); err != nil || len(all) == 0 {
		return err
	}
	return p.db.Write(ctx, func(tx *store.Tx) error {
		for _, x := range all {
			n, err := tx.Exec("update brief set state = $1 where of = $2 and state = 'open'", lateLost, x.of)
			if err == nil && n > 0 {
				err = p.alarm(tx, x.post, fmt.Sprintf("serial %s came %d hours ago with one of the releaser's two signatures, and the other has not followed. Ask the administrators of %s for it before you act on the telegram",
					telegram.NumberText(uint32(x.serial)), int(lateOverdue/time.Hour), x.post))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// lateState is how far the signatures of a telegram have come: "" where all came at once.
func lateState(tx *store.Tx, of int64) (state string, err error) {
	err = tx.QueryRow("select state from brief where of = $1", of).Scan(&state)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return state, err
}

// hidden says whether a telegram is not shown yet.
func (p *Post) hidden(from, state string) bool {
	return state != "" && state != lateVerified && slices.Contains(p.config.Whole, from)
}

// ErrHidden is in the error for a telegram that is here and not shown yet.
var ErrHidden = errors.New("it is shown when all of its signatures are here")

// showLate says how far the releaser's signatures have come.
func (p *Post) showLate(tx *store.Tx, s *Shown, f *archive.Filed) (err error) {
	if s.Signature, err = lateState(tx, f.ID); err != nil {
		return err
	}
	if p.hidden(f.Post, s.Signature) {
		return fmt.Errorf("the telegram is here, and the second signature of its releaser is still to follow. This post shows what %s sends only then (whole in post.toml): %w", f.Post, ErrHidden)
	}
	switch s.Signature {
	case lateOpen:
		s.Marks = append(s.Marks, fmt.Sprintf("Shown at once: one of the releaser's two signatures is here (Ed25519), and the other (ML-DSA-44) follows within a day. It holds unless somebody has a quantum computer today. If it is a matter of life, wait for it, or ask %s back.", f.Post))
	case lateLost:
		s.Marks = append(s.Marks, fmt.Sprintf("A signature is missing: the second one of its releaser has not followed in time. Ask the administrators of %s for it before you act.", f.Post))
	case lateFalse:
		s.Findings = append(s.Findings, "the releaser's second signature: what followed does not hold")
	}
	return nil
}

// giveKey gives a post, after its letter opened a chain, the key for its next one.
func (p *Post) giveKey(ctx context.Context, v *view, carrier circuit.Carrier, to string, now time.Time) {
	id, public, err := p.keys.Burnable.offer(to, now)
	if err == nil {
		statement := (&telegram.GivenKey{From: p.config.Name, To: to, At: now.Unix(), ID: id, XWing: public}).Marshal()
		s := telegram.Service{Kind: telegram.ServiceKey, Statement: statement}
		s.Ed, s.PQ = p.keys.Identity.Sign(telegram.LabelGiven, statement)
		// The key must be on disk before anybody seals to it.
		if err = p.keys.Burnable.Save(); err == nil {
			err = p.sendService(ctx, v, carrier, to, telegram.Deferred, &s, now)
		}
	}
	if err != nil && ctx.Err() == nil {
		p.config.Log.Warn("a one-time key could not be given; it will be when the next chain is opened", "post", to, "reason", err)
	}
}

// readKey reads a one-time key, and checks whose it is.
func (p *Post) readKey(v *view, from string, s *telegram.Service) (*telegram.GivenKey, error) {
	g, err := signedBy(v, from, s, telegram.LabelGiven, "the signature on a one-time key", telegram.ParseGivenKey)
	if err != nil {
		return nil, err
	}
	if g.From != from || g.To != p.config.Name {
		return nil, errors.New("the one-time key is between other posts")
	}
	if _, err := seal.NewRecipient(g.XWing); err != nil {
		return nil, err
	}
	return g, nil
}

// takeKey keeps a one-time key; an older one takes nothing back.
func (p *Post) takeKey(tx *store.Tx, g *telegram.GivenKey) error {
	_, err := tx.Exec(`insert into peer_key (post, id, xwing, at) values ($1, $2, $3, $4)
		on conflict (post) do update set id = excluded.id, xwing = excluded.xwing, at = excluded.at where excluded.at > peer_key.at`, g.From, g.ID[:], g.XWing, g.At)
	return err
}
