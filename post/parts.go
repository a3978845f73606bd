package post

// What becomes of the parts that answer this post's asks: they are joined to pieces, each piece is proved to belong where it is, is brought to the disk, and
// then entered. What nobody asked for, or does not open, is dropped, costs little, and causes nothing.

import (
	"context"
	"errors"
	"fmt"
	"time"

	"chancery.example/chancery/pieces"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// wholePiece is a piece that came, with its place and whose it is.
type wholePiece struct {
	w      *waiting
	i      int
	sealed []byte
	digest pieces.Digest
	wrong  error // why it is none of the attachment's
	failed error // why it could not be kept
}

// takeParts takes what answers asks out of what arrived, and gives the rest. An error means that all of it is to be offered again.
func (p *Post) takeParts(ctx context.Context, at telegram.Precedence, es []telegram.Envelope) (rest []telegram.Envelope, err error) {
	var parts []telegram.Envelope
	for _, e := range es {
		if e.Type == telegram.PartType {
			parts = append(parts, e)
		} else {
			rest = append(rest, e)
		}
	}
	if len(parts) == 0 {
		return es, nil
	}
	v, err := p.current()
	if err != nil {
		return nil, err
	}
	opened := make([]telegram.PiecePart, len(parts))
	asked := make([]*waiting, len(parts))
	parallel(len(parts), func(i int) { asked[i], opened[i] = p.openPart(v, at, &parts[i]) })
	for i, w := range asked {
		if w != nil {
			p.traffic.add(w.from, 0, int64(parts[i].Size()))
		}
	}
	ready := p.fetching.join(asked, opened, time.Now())
	abreast(len(ready), func(i int) { p.keepPiece(ctx, ready[i]) })
	if err := p.enterPieces(ctx, ready); err != nil {
		p.config.Log.Error("pieces of an attachment could not be entered; they will be offered again", "pieces", len(ready), "reason", err)
		return nil, err
	}
	for post := range p.fetching.entered(asked, ready, time.Now(), p.quiet()) {
		p.alive(post)
	}
	return rest, nil
}

// openPart opens an envelope that answers an ask, if there is such an ask. It touches no database.
func (p *Post) openPart(v *view, at telegram.Precedence, e *telegram.Envelope) (*waiting, telegram.PiecePart) {
	w := p.fetching.askOf(e.Ask())
	if w == nil || e.To != v.self.Route || e.Precedence != at || at != below(w.of.at) || v.suspended(w.from) != nil {
		p.fetching.dropped(p)
		return nil, telegram.PiecePart{}
	}
	part, err := w.key.Open(e)
	if err != nil || int64(part.Piece) >= int64(w.of.n) {
		p.fetching.dropped(p)
		return nil, telegram.PiecePart{}
	}
	return w, part
}

func (f *fetching) askOf(id [8]byte) *waiting {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asks[id]
}

// dropped counts what is dropped, and says so once a minute: a flood of it must not fill the log.
func (f *fetching) dropped(p *Post) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.junk++
	if now := time.Now(); now.Sub(f.told) > time.Minute {
		f.told = now
		p.config.Log.Warn("something came as a piece of an attachment that this post did not ask for, or that does not open; it was dropped", "since the start", f.junk)
	}
}

// join adds parts to their pieces and gives the pieces that are whole.
func (f *fetching) join(asked []*waiting, parts []telegram.PiecePart, now time.Time) (ready []*wholePiece) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for n, w := range asked {
		if w == nil {
			continue
		}
		w.last = now
		i, part := int(parts[n].Piece), &parts[n]
		if end := int(part.Offset) + len(part.Bytes); i == w.final && (end == int(part.Whole) || end >= w.until) {
			w.over = true
		}
		x := f.from[w.from]
		// Only what was asked for takes memory, and nothing of an attachment that is not coming any more.
		if x == nil || x.of != w.of || w.of.here[i] || !w.wanted[i] {
			continue
		}
		w.got += len(part.Bytes)
		x.tries = 0
		j := w.of.joined[i]
		if j == nil || len(j.whole) != int(part.Whole) {
			j = &joined{whole: make([]byte, part.Whole)}
			w.of.joined[i] = j
		}
		if j.add(part) {
			w.of.here[i] = true // once, until it is entered or could not be
			ready = append(ready, &wholePiece{w: w, i: i, sealed: j.whole})
		}
	}
	return ready
}

// keepPiece proves that a piece is the one of its place, and brings it to the disk.
func (p *Post) keepPiece(ctx context.Context, x *wholePiece) {
	path, sealed, err := telegram.Carried(x.sealed)
	size, _ := telegram.PieceLen(x.w.of.is.Length, x.i)
	x.digest = pieces.DigestOf(sealed)
	switch {
	case err != nil:
		x.wrong = err
	case len(sealed) != size+telegram.PieceCost || !x.w.of.is.HasPiece(x.i, x.digest, path):
		x.wrong = errors.New("it is no piece of the attachment that was signed")
	default:
		x.failed = p.config.Pieces.Put(ctx, x.digest, sealed)
	}
}

// enterPieces enters what is on the disk, in one commit.
func (p *Post) enterPieces(ctx context.Context, ready []*wholePiece) error {
	kept, all := map[int64][]pieces.Kept{}, map[int64]bool{}
	alarms := map[string]string{}
	for _, x := range ready {
		of := x.w.of
		switch {
		case x.wrong != nil:
			alarms[x.w.from] = fmt.Sprintf("it sent a piece of attachment %d of serial %s that is none: %v. It is asked for again", of.k, telegram.NumberText(of.serial), x.wrong)
		case x.failed == nil:
			kept[of.id] = append(kept[of.id], pieces.Kept{I: x.i, Digest: x.digest})
		case errors.Is(x.failed, pieces.ErrFull):
			alarms[p.config.Name] = "attachments cannot be kept, because there is no room for their pieces. They are asked for again when there is some: make room"
		default:
			p.config.Log.Error("a piece of an attachment could not be kept; it is asked for again", "reason", x.failed)
		}
	}
	if len(kept)+len(alarms) == 0 {
		return nil
	}
	err := p.db.Write(ctx, func(tx *store.Tx) error {
		for id, ks := range kept {
			if err := pieces.Keep(tx, id, ks, p.config.Now()); err != nil {
				return err
			}
			a, err := pieces.Get(tx, id)
			if err != nil {
				return err
			}
			if all[id] = a.State == pieces.Whole; all[id] {
				tx.Notify(topicPieces)
			}
		}
		for post, what := range alarms {
			if err := p.alarm(tx, post, what); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		p.fetching.offeredAgain(ready)
		return err
	}
	for id, whole := range all {
		if whole {
			p.fetching.drop(id)
		}
	}
	return nil
}

// offeredAgain takes back that pieces are here: they could not be entered, and come once more.
func (f *fetching) offeredAgain(ready []*wholePiece) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, x := range ready {
		x.w.of.here[x.i] = false // what was joined stays: the last part of it comes again
	}
}

// entered goes on after pieces were entered, and gives the posts of which something genuine came.
func (f *fetching) entered(asked []*waiting, ready []*wholePiece, now time.Time, pause time.Duration) map[string]bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	posts := map[string]bool{}
	for _, x := range ready {
		delete(x.w.of.joined, x.i)
		if x.wrong == nil && x.failed == nil {
			continue
		}
		x.w.of.here[x.i] = false
		// What cannot be kept, or is wrong, is not asked for again at once: neither a full disk nor a hostile post is to keep the line busy.
		if from := f.from[x.w.from]; from != nil {
			from.next = now.Add(pause)
			if from.asked != nil {
				from.asked.done = true
			}
		}
	}
	for _, w := range asked {
		if w == nil {
			continue
		}
		posts[w.from] = true
		x := f.from[w.from]
		if w.done || x == nil || x.asked != w && x.behind != w {
			continue
		}
		if w.got >= w.limit || w.all() {
			w.done = true
			if x.behind == w {
				x.behind = nil
				x.before = append(x.before, w)
			} else {
				x.adapt(now.Sub(w.at))
			}
			f.stir()
		} else if w.over && x.asked == w && w.got*2 >= w.bytes {
			w.done = true // what is missing was lost on the way: it is asked for at once
			f.stir()
		} else if x.ahead() {
			f.stir()
		}
	}
	return posts
}

// all says whether every piece that was wanted is here.
func (w *waiting) all() bool {
	for i := range w.wanted {
		if !w.of.here[i] {
			return false
		}
	}
	return true
}

// adapt has the next ask be for as much as the line moves in a few seconds.
func (x *fetch) adapt(took time.Duration) {
	switch {
	case took < quick:
		x.limit = min(2*x.limit, mostAsk)
	case took > slow:
		x.limit = max(x.limit/2, leastAsk)
	}
}
