package post

// How news of the directory travels. A letter names the directory its sender has; so each post knows what its peers lack, and tells them,
// at most once an hour for each version. What it is told it takes as if a person had brought it. News that is lost is told again, until the
// peer has said that it knows.

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"chancery.example/chancery/circuit"
	"chancery.example/chancery/directory"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// tellAgain is how long a peer may leave news unanswered before it is told once more.
const tellAgain = time.Hour

// lacks is a peer that may not know what this post knows.
type lacks struct {
	post string
	size int64
}

// teller tells peers what they lack of the directory, and shows them at its times this post's register.
func (p *Post) teller(ctx context.Context, carrier circuit.Carrier) error {
	wake, seen := p.db.Wake(ctx, topicDirectory), p.db.Wake(ctx, topicSeen)
	for started := false; ctx.Err() == nil; {
		if err := p.sendLate(ctx, carrier); err != nil && ctx.Err() == nil && !errors.Is(err, ErrNoDirectory) {
			p.config.Log.Warn("signatures that frames left out could not follow; it is tried again", "reason", err)
		}
		if err := p.tell(ctx, carrier); err != nil && ctx.Err() == nil && !errors.Is(err, ErrNoDirectory) {
			p.config.Log.Warn("news of the directory could not be told; it is tried again", "reason", err)
		}
		if err := p.exchange(ctx, carrier, !started); err == nil {
			started = true
		} else if ctx.Err() == nil && !errors.Is(err, ErrNoDirectory) {
			p.config.Log.Warn("this post's register could not be shown to others; it is tried again", "reason", err)
		}
		if err := p.tellSeen(ctx, carrier); err != nil && ctx.Err() == nil && !errors.Is(err, ErrNoDirectory) {
			p.config.Log.Warn("it could not be told what was opened here; it is tried again", "reason", err)
		}
		if err := p.renewPeriod(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, ErrNoDirectory) {
			p.config.Log.Warn("the next letter key could not be made; it is tried again", "reason", err)
		}
		if err := p.missLate(ctx, p.config.Now()); err != nil && ctx.Err() == nil {
			p.config.Log.Warn("it could not be looked for signatures that did not follow; it is tried again", "reason", err)
		}
		if err := p.missProofs(ctx, p.config.Now()); err != nil && ctx.Err() == nil {
			p.config.Log.Warn("it could not be looked for telegrams that no register has; it is tried again", "reason", err)
		}
		p.wait(ctx, min(time.Minute, p.config.Witness, p.config.Late), wake, seen)
	}
	return ctx.Err()
}

func (p *Post) tell(ctx context.Context, carrier circuit.Carrier) error {
	v, err := p.refresh(ctx)
	if err != nil {
		return err
	}
	peers, err := p.lacking(ctx, v)
	if err != nil {
		return err
	}
	now := p.config.Now()
	var failed []error
	for _, x := range peers {
		if v.suspended(x.post) != nil {
			continue
		}
		part, err := v.dir.Part(x.size)
		if err == nil && len(part) > telegram.MaxNews {
			err = fmt.Errorf("%s lacks %d bytes of the directory, more than goes over the wire: carry it there with  chancery directory write", x.post, len(part))
		}
		if err == nil {
			err = p.sendNews(ctx, v, carrier, x.post, part)
		}
		if err != nil {
			failed = append(failed, err)
			continue
		}
		if err := p.db.Write(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec("update peer set told = $1, version = $2 where post = $3", now.UnixMilli(), v.version, x.post)
			return err
		}); err != nil {
			return err
		}
	}
	return errors.Join(failed...)
}

// lacking reads who may not know what this post knows, and was not told of this version lately.
func (p *Post) lacking(ctx context.Context, v *view) (peers []lacks, err error) {
	tail, besides := v.dir.TailDigest(), 0
	if v.dir.Total() > v.dir.Size() {
		besides = 1
	}
	before := p.config.Now().Add(-tellAgain).UnixMilli()
	err = p.db.Read(ctx, func(tx *store.Tx) error {
		peers = nil
		rows, err := tx.Query(`select post, size from peer where (size < $1 or size = $1 and $5 = 1 and tail <> $2) and (told < $3 or version <> $4) order by post`,
			v.dir.Size(), tail[:], before, v.version, besides)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var x lacks
			if err := rows.Scan(&x.post, &x.size); err != nil {
				return err
			}
			peers = append(peers, x)
		}
		return rows.Err()
	})
	return peers, err
}

// sendNews tells a post which directory this one has; with a part, what the other lacks of it.
func (p *Post) sendNews(ctx context.Context, v *view, carrier circuit.Carrier, to string, part []byte) error {
	now := p.config.Now()
	statement := (&telegram.News{From: p.config.Name, To: to, At: now.Unix(), Size: uint64(v.dir.Size()), Tail: v.dir.TailDigest(), Part: part}).Marshal()
	s := telegram.Service{Kind: telegram.ServiceNews, Statement: statement}
	s.Ed, s.PQ = p.keys.Identity.Sign(telegram.LabelNews, statement)
	return p.sendService(ctx, v, carrier, to, telegram.Override, &s, now)
}

// sendService seals a service message and hands it to the carrier.
func (p *Post) sendService(ctx context.Context, v *view, carrier circuit.Carrier, to string, at telegram.Precedence, s *telegram.Service, now time.Time) error {
	return p.sendPayload(ctx, v, carrier, to, at, s.Marshal(), now)
}

// sendPayload seals a service message as written, in a frame if there is a chain, and hands it to the carrier.
func (p *Post) sendPayload(ctx context.Context, v *view, carrier circuit.Carrier, to string, at telegram.Precedence, payload []byte, now time.Time) error {
	recipient, keyID, route, err := v.recipient(to, now)
	if err != nil {
		return err
	}
	e := telegram.Envelope{To: route, Precedence: at, KeyID: keyID}
	content := append(binary.AppendUvarint(nil, uint64(v.dir.Size())), payload...)
	if p.keys.Burnable == nil || !p.keys.Burnable.sealService(to, &e, content, now) {
		if err := p.letter(v, to, payload).Seal(&e, recipient, p.keys.Identity); err != nil {
			return err
		}
	}
	p.traffic.add(to, int64(e.Size()), 0)
	return carrier.Send(ctx, route, e.Precedence, []telegram.Envelope{e})
}

// readNews reads a service message of that kind, and checks whose it is.
func (p *Post) readNews(v *view, from string, s *telegram.Service) (*telegram.News, error) {
	n, err := signedBy(v, from, s, telegram.LabelNews, "the signature on news of the directory", telegram.ParseNews)
	if err != nil {
		return nil, err
	}
	if n.From != from || n.To != p.config.Name {
		return nil, errors.New("the news of the directory is between other posts")
	}
	return n, nil
}

// heard keeps what a genuine letter says of its sender's directory. Letters come in any order: an older one takes nothing back.
func (p *Post) heard(tx *store.Tx, a *arrived) error {
	size, tail := a.directory, []byte{}
	if a.news != nil {
		size, tail = int64(a.news.Size), a.news.Tail[:]
	}
	if known, ok := p.heardOf.Load(a.from); size < 1 || a.news == nil && ok && known.(int64) >= size {
		return nil
	}
	const (
		learn = `insert into peer (post, size, tail, told, version, exchanged) values ($1, $2, $3, 0, 0, $4)
			on conflict (post) do update set size = excluded.size, tail = excluded.tail where excluded.size > peer.size`
		newer = " or excluded.size = peer.size and excluded.tail <> peer.tail"
	)
	query := learn
	if a.news != nil {
		query += newer
	}
	n, err := tx.Exec(query, a.from, size, tail, p.config.Now().UnixMilli()) // the register is shown at the next time for that
	if err == nil && n > 0 {
		tx.Notify(topicDirectory)
	}
	return err
}

// hear takes what a post was told, once what came with it is kept. What cannot be taken is an alarm; a database that fails is an error, and
// the news is offered again.
func (p *Post) hear(ctx context.Context, carrier circuit.Carrier, from string, n *telegram.News) error {
	if len(n.Part) == 0 {
		return nil
	}
	v, err := p.refresh(ctx)
	if err != nil {
		return err
	}
	d, refused := v.dir.ParsePart(n.Part)
	if refused == nil {
		var broken bool
		if broken, refused = p.hearPart(ctx, d); broken {
			return refused
		}
	}
	if refused != nil {
		return p.db.Write(ctx, func(tx *store.Tx) error {
			return p.alarm(tx, from, fmt.Sprintf("it sent news of the directory that this post cannot take: %v", refused))
		})
	}
	if v, err = p.current(); err != nil {
		return err
	}
	if err := p.sendNews(ctx, v, carrier, from, nil); err != nil && ctx.Err() == nil {
		p.config.Log.Warn("that news was heard could not be said; it will be when it comes again", "post", from, "reason", err)
	}
	return nil
}

// hearPart adopts. It tells a database that failed from a list that is refused.
func (p *Post) hearPart(ctx context.Context, d *directory.Directory) (broken bool, err error) {
	_, fresh, err := p.adopt(ctx, d)
	if errors.Is(err, directory.ErrRollback) { // older news than this post has, come late: it says nothing new
		return false, nil
	}
	if err == nil && fresh {
		p.config.Log.Info("the directory was brought up to date by another post", "statements", d.Total())
	}
	return err != nil && p.db.Read(ctx, func(tx *store.Tx) error { _, err := directory.NewestVersion(tx); return err }) != nil, err
}
