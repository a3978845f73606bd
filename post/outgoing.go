package post

// The life of a telegram on its way out, in order:
//
//	1 it was released by the desk;
//	2 it takes its register number and its serials;
//	3 it is queued by precedence, for each addressed post;
//	4 it is entered in the log;
//	5 it is filed.
//
// 2 to 5 of a batch commit together: after a crash either all of it happened or none, and no number is burnt. Whenever a circuit can take more,
//
//	6 the head of its queue is sealed to the key current now, takes its special number, and the envelope is stored,
//
// in one transaction, before a byte leaves. Then
//
//	7 the circuit carries those same bytes, as often as needed, and
//	8 the receipt frees them.
//
// This file is longer than 500 lines, so that the way out can be read whole.

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/circuit"
	"chancery.example/chancery/desk"
	"chancery.example/chancery/pieces"
	"chancery.example/chancery/register"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// released is a draft on its way into the register.
type released struct {
	draft desk.Draft
	telegram.Released
	local           desk.Local
	draftRoot, root telegram.Root
	err             error // why it cannot be registered
}

// registrar registers what the desk has released, as it comes.
func (p *Post) registrar(ctx context.Context) error {
	wake, directory := p.db.Wake(ctx, topicReleased), p.db.Wake(ctx, topicDirectory)
	failures := 0
	for ctx.Err() == nil {
		n, err := p.register(ctx)
		pause := time.Duration(0)
		if err == nil && n == 0 {
			pause, err = p.lookAgain(ctx)
		}
		switch {
		case errors.Is(err, store.ErrBusy), errors.Is(err, desk.ErrState):
			p.config.Log.Warn("registering again: another process was first", "reason", err)
			p.wait(ctx, time.Second)
		case errors.Is(err, errDirectory):
			if _, err := p.refresh(ctx); err != nil {
				p.wait(ctx, time.Second)
			}
		case errors.Is(err, ErrNoDirectory):
			p.wait(ctx, time.Minute, wake, directory)
		case err != nil:
			// A database that fails once may answer the next time: what was released is still there. One that goes on failing is for a person.
			if failures++; failures > toleratedFailures {
				return err
			}
			p.config.Log.Error("registering failed; it is tried again", "reason", err, "tries", failures)
			p.wait(ctx, time.Duration(failures)*200*time.Millisecond)
			continue
		case pause > 0:
			p.wait(ctx, pause, wake, directory)
		}
		failures = 0
	}
	return ctx.Err()
}

// toleratedFailures is how often in a row, over some ten seconds, registering may fail before the post gives up.
const toleratedFailures = 10

// lookAgain lets go on what was held for a reason that is gone: a clock was set, or a newer directory adopted. It says when to look next,
// 0 when something goes on.
func (p *Post) lookAgain(ctx context.Context) (pause time.Duration, err error) {
	var held []desk.Draft
	if err := p.db.Read(ctx, func(tx *store.Tx) (err error) {
		held, err = desk.Held(tx, 1000)
		return err
	}); err != nil || len(held) == 0 {
		return time.Minute, err
	}
	v, err := p.refresh(ctx)
	if err != nil {
		return 0, err
	}
	pause = time.Minute
	var free []released
	for _, d := range held {
		switch r := p.openReleased(v, d); {
		case r.err == nil:
			free = append(free, r)
		case r.Telegram != nil:
			if early := time.Unix(r.Telegram.Released, 0).Sub(p.config.Now()); early > 0 {
				pause = min(pause, early)
			}
		}
	}
	if len(free) == 0 {
		return pause, nil
	}
	err = p.db.Write(ctx, func(tx *store.Tx) error {
		for _, r := range free {
			_, known, err := r.before(tx)
			if err != nil {
				return err
			}
			if known {
				continue
			}
			if err := desk.Hold(tx, r.draft.ID, ""); err != nil {
				return err
			}
			pause = 0
		}
		return nil
	})
	return pause, err
}

// register registers what was released, batch by batch, and says how many telegrams that were. A telegram that cannot be registered is
// held on the desk, with the reason, and does not stop the others. While a batch is written the next one is opened.
func (p *Post) register(ctx context.Context) (n int, err error) {
	v, err := p.current()
	if err != nil {
		return 0, err
	}
	batch, err := p.nextReleased(ctx, v, nil)
	for err == nil && len(batch) > 0 {
		var next []released
		var failed error
		var opening sync.WaitGroup
		if len(batch) == p.config.Batch {
			opening.Go(func() { next, failed = p.nextReleased(ctx, v, batch) })
		}
		err = p.db.Write(ctx, func(tx *store.Tx) error {
			return p.judging(tx, v, func(b *register.Book) error {
				for i := range batch {
					if err := p.registerOne(tx, b, &batch[i]); err != nil {
						return err
					}
				}
				return nil
			})
		})
		opening.Wait()
		if err == nil {
			n += len(batch)
			batch, err = next, failed
		}
	}
	return n, err
}

// nextReleased opens the batch of what was released that comes after those which are being written. It needs no lock.
func (p *Post) nextReleased(ctx context.Context, v *view, written []released) ([]released, error) {
	var drafts []desk.Draft
	if err := p.db.Read(ctx, func(tx *store.Tx) (err error) {
		drafts, err = desk.Next(tx, len(written)+p.config.Batch)
		return err
	}); err != nil {
		return nil, err
	}
	taken := map[int64]bool{}
	for i := range written {
		taken[written[i].draft.ID] = true
	}
	drafts = slices.DeleteFunc(drafts, func(d desk.Draft) bool { return taken[d.ID] })
	batch := make([]released, min(len(drafts), p.config.Batch))
	parallel(len(batch), func(i int) { batch[i] = p.openReleased(v, drafts[i]) })
	return batch, nil
}

// openReleased opens a released draft and looks once more whether it may be registered now.
func (p *Post) openReleased(v *view, d desk.Draft) (r released) {
	r.draft = d
	kept, err := p.openDraft(&d)
	if err != nil {
		r.err = err
		return r
	}
	if kept.telegram == nil || kept.telegram.Released == 0 {
		r.err = errors.New("what is kept of it was never released: the database was changed")
		return r
	}
	r.Released, r.local = telegram.Released{Telegram: kept.telegram, Signatures: kept.Signatures}, kept.form.Local
	if kept.roots != nil {
		r.draftRoot, r.root = kept.roots.Draft, kept.roots.Root
	} else { // released by a version that did not keep them
		r.draftRoot, r.root = kept.telegram.Roots()
	}
	r.err = errors.Join(r.inTime(p.config.Now()), v.mayRelease(r.Telegram, p.config.Name), v.knows(r.Telegram, p.config.Name))
	return r
}

// inTime holds the post's clock against the times that the releaser signed.
func (r *released) inTime(now time.Time) error {
	const second = "2006-01-02 15:04:05 UTC" // a date-time group would show the two clocks alike when they differ by seconds
	clock := func(at int64) string { return time.Unix(at, 0).UTC().Format(second) }
	switch t := r.Telegram; {
	case now.Unix() < t.Released:
		return fmt.Errorf("it was released at %s, this machine's clock says %s: set the clock that is wrong", clock(t.Released), clock(now.Unix()))
	case now.Unix() > t.RegisterBy:
		return fmt.Errorf("it had to be registered by %s, this machine's clock says %s: draft and release it anew, or set the clock", clock(t.RegisterBy), clock(now.Unix()))
	}
	return nil
}

// before says whether the same telegram, or one of the same hand-over, has its number already, and where it is filed.
func (r *released) before(tx *store.Tx) (of int64, known bool, err error) {
	if of, known, err = register.Known(tx, r.draftRoot); err == nil && !known {
		of, known, err = register.Known(tx, r.root)
	}
	return of, known, err
}

// registerOne is steps 2 to 5 for one telegram, inside the transaction of its batch.
func (p *Post) registerOne(tx *store.Tx, b *register.Book, r *released) error {
	now, t := p.config.Now(), r.Telegram
	if r.err == nil {
		r.err = r.inTime(now) // time went by until the lock was had
	}
	if of, known, err := r.before(tx); err != nil {
		return err
	} else if known && r.err == nil {
		r.err = fmt.Errorf("the same telegram was registered before (row %d of the archive)", of)
	}
	if r.err != nil {
		if err := desk.Hold(tx, r.draft.ID, r.err.Error()); err != nil {
			return err
		}
		return p.alarm(tx, p.config.Name, fmt.Sprintf("draft %d was released and is held: %v", r.draft.ID, r.err))
	}

	// 2 numbers
	n := telegram.Numbers{Year: uint16(now.UTC().Year()), Registered: now.Unix()}
	var err error
	if n.Register, err = takeNumber(b, t.Type, seriesRegister(now)); err != nil {
		return err
	}
	for _, to := range t.AddressedPosts() {
		serial, err := takeNumber(b, t.Type, seriesSerial(to))
		if err != nil {
			return err
		}
		n.Serials = append(n.Serials, telegram.Serial{Post: to, Number: serial})
	}
	id, err := archive.NextID(tx)
	if err != nil {
		return err
	}

	// 3 queue
	entry := r.OutEntry(r.root, &n)
	var queue []circuit.Waiting
	for _, s := range n.Serials {
		precedence, _ := t.PrecedenceFor(s.Post)
		queue = append(queue, circuit.Waiting{Post: s.Post, Serial: s.Number, Precedence: precedence, Of: id, Root: r.root, Entry: telegram.EntryHash(entry)})
		tx.Notify(topicQueue(s.Post))
	}
	if err := circuit.Queue(tx, queue, now); err != nil {
		return err
	}

	// 4 log
	if _, err := b.Enter(telegram.EntryOut, entry, id, now.Unix()); err != nil {
		return err
	}
	if err := register.Remember(tx, id, r.draftRoot, r.root); err != nil {
		return err
	}

	// 5 archive, and what it asks and does
	reg := telegram.Registered{Released: r.Released, Numbers: n}
	if err := archive.File(tx, &archive.Filed{ID: id, Way: archive.Out, Year: int(n.Year), Number: n.Register, Post: p.config.Name,
		Precedence: t.Precedence(), Root: r.root, Body: p.keys.Rest.Seal(archive.Place(id), reg.Marshal()),
		Local: p.sealJSON(archive.LocalPlace(id), r.local), At: now.Unix()}); err != nil {
		return err
	}
	if err := desk.Number(tx, r.draft.ID, id, now); err != nil {
		return err
	}
	if err := pieces.File(tx, r.draft.ID, id, t.Precedence(), now); err != nil {
		return err
	}
	if err := desk.Ask(tx, duties(id, t, "")); err != nil {
		return err
	}
	return p.closeOwnDuties(tx, id, t, &n, now)
}

// duties are what a telegram asks of its action addressees' posts, or of one of them.
func duties(of int64, t *telegram.Telegram, only string) (ds []desk.Duty) {
	seen := map[string]bool{}
	for _, a := range t.To {
		if seen[a.Post] || only != "" && a.Post != only {
			continue
		}
		seen[a.Post] = true
		if t.Asks&telegram.AskReceipt != 0 {
			ds = append(ds, desk.Duty{Of: of, Post: a.Post, Act: desk.Receipt})
		}
		if t.Asks&telegram.AskFulfilment != 0 {
			ds = append(ds, desk.Duty{Of: of, Post: a.Post, Act: desk.Fulfilment, Due: t.Deadline})
		}
	}
	return ds
}

// peer is what this process knows of the way to one post.
type peer struct {
	life chan struct{} // poked when something genuine came from it
	seen chan time.Time
	trip trip // to it and back

	carried int // sections below Flash since what has waited longest had its turn; the dispatcher's own
}

// flight is when a section without a receipt was last handed to the carrier, and when it is due again. It lives in memory only: after a
// crash everything without a receipt is carried once more, and the receiver knows it.
type flight struct {
	at, again time.Time
	tries     int
}

// longestRetry bounds how rarely a section without a receipt is carried again while nothing comes from the post. Repeats that the
// post has not fetched pile up at the hub, so it is long; a sign of life makes all of them due at once.
const longestRetry = 4 * time.Hour

// dispatcher seals and carries what waits for one post.
func (p *Post) dispatcher(ctx context.Context, name string, carrier circuit.Carrier) error {
	wake := p.db.Wake(ctx, topicQueue(name))
	peer := p.peer(name)
	flights := map[uint32]flight{}
	var asked answering // what the post wants of attachments
	failures := 0
	for ctx.Err() == nil {
		sealed, err := p.encipher(ctx, name)
		// What is sealed is carried also when nothing more can be sealed.
		sent, at, failed := p.carry(ctx, name, carrier, flights)
		if failed == nil {
			var parts int
			parts, failed = p.answer(ctx, name, carrier, &asked, sent, at)
			sent += parts
		}
		if failed == nil && sent+sealed > 0 {
			continue // look for something more urgent first
		}
		next, untold := p.tellLast(ctx, name, carrier)
		err = errors.Join(err, failed, untold)
		if err == nil {
			failures = 0
		}
		pause := max(min(p.untilDue(flights), next.Sub(p.config.Now())), 10*time.Millisecond)
		if asked.waits {
			pause = min(pause, 20*time.Millisecond)
		}
		if err != nil && ctx.Err() == nil {
			if failures++; failures == 1 || failures%100 == 0 {
				p.config.Log.Warn("what waits for a post cannot leave now; it is kept and tried again", "post", name, "reason", err, "tries", failures)
			}
			pause = min(time.Duration(failures)*200*time.Millisecond, 5*time.Second)
			p.wait(ctx, pause)
			continue
		}
		p.wait(ctx, pause, wake, peer.life)
		select {
		case at := <-peer.seen:
			for special, f := range flights {
				if at.Sub(f.at) >= p.way(name).Retry {
					f.again, f.tries = at, 0
					flights[special] = f
				}
			}
		default:
		}
	}
	return ctx.Err()
}

func (p *Post) peer(name string) *peer {
	p.peersMu.Lock()
	defer p.peersMu.Unlock()
	if p.peers[name] == nil {
		p.peers[name] = &peer{life: make(chan struct{}, 1), seen: make(chan time.Time, 1)}
	}
	return p.peers[name]
}

// alive tells the dispatcher that something genuine came from a post: what it has not receipted may be due again.
func (p *Post) alive(name string) {
	p.fetching.alive(name)
	x := p.peer(name)
	select {
	case x.seen <- p.config.Now():
	default:
	}
	x.wake()
}

// wake has the dispatcher look again.
func (x *peer) wake() {
	select {
	case x.life <- struct{}{}:
	default:
	}
}

func (p *Post) untilDue(flights map[uint32]flight) time.Duration {
	pause := time.Minute
	for _, f := range flights {
		pause = min(pause, f.again.Sub(p.config.Now()))
	}
	return max(pause, 10*time.Millisecond)
}

// encipher is step 6: it seals what the circuit to a post can take now, and says how many sections that were.
func (p *Post) encipher(ctx context.Context, to string) (n int, err error) {
	v, err := p.current()
	if err != nil {
		return 0, err
	}
	if v.suspended(to) != nil {
		return 0, nil
	}
	// A batch is begun when half of the window is free, so that it is worth its commit. What is more urgent than all that is under way
	// finds the window empty.
	waits, window := false, p.way(to).Window
	if err := p.db.Read(ctx, func(tx *store.Tx) (err error) {
		_, waits, err = circuit.Next(tx, to, (window+1)/2)
		return err
	}); err != nil || !waits {
		return 0, err
	}
	var batch *sealing
	err = p.db.Write(ctx, func(tx *store.Tx) (err error) {
		n = 0
		if batch, err = p.beginSealing(tx, to, p.config.Now()); err != nil {
			return err
		}
		return p.entering(tx, func(b *register.Book) error {
			pieces := map[int64][][]byte{} // of the telegrams met so far
			for n < p.config.Batch {
				w, ok, err := circuit.Next(tx, to, window)
				if err != nil || !ok {
					return errors.Join(err, batch.keep(tx))
				}
				s, err := p.nextSection(tx, v, &w, batch, pieces)
				if err != nil && n > 0 {
					return batch.keep(tx) // what is in order leaves; this one is met again first thing next time
				}
				if err == nil {
					err = p.encipherOne(tx, b, v, w, batch, s)
				}
				if err != nil {
					return fmt.Errorf("enciphering serial %s for %s: %w", telegram.NumberText(w.Serial), to, err)
				}
				n++
			}
			return batch.keep(tx)
		})
	})
	if err == nil {
		batch.done(p)
	}
	return n, err
}

// circuitNumber is the one circuit a post has to each other until there are several.
const circuitNumber = 1

// unsealed is a section about to be sealed.
type unsealed struct {
	piece    []byte
	n        uint32
	envelope telegram.Envelope // without its body
}

// nextSection finds the next section of a telegram, and whether a letter key is current now. Whatever stands in the way is met here, before a
// number is taken. With the first section the form is chosen in which the telegram goes.
func (p *Post) nextSection(tx *store.Tx, v *view, w *circuit.Waiting, batch *sealing, pieces map[int64][][]byte) (s unsealed, err error) {
	cut, ok := pieces[w.Of]
	if !ok {
		filed, err := archive.Get(tx, w.Of)
		if err != nil {
			return s, err
		}
		body, err := p.keys.Rest.Open(archive.Place(filed.ID), filed.Body)
		if err != nil {
			return s, err
		}
		brief := batch.briefly(w)
		if body, err = p.inForm(tx, w, body, brief); err != nil {
			return s, err
		}
		if cut, err = telegram.Cut(body, p.config.Section); err != nil {
			return s, err
		}
		pieces[w.Of] = cut
	}
	if w.Sealed > 0 && w.Sections != len(cut) {
		return s, fmt.Errorf("%d sections of it were sealed as of %d, it would now make %d: set the section size back until it has left", w.Sealed, w.Sections, len(cut))
	}
	s.piece, s.n = cut[w.Sealed], uint32(len(cut))
	s.envelope.Precedence = w.Precedence
	_, s.envelope.KeyID, s.envelope.To, err = v.recipient(w.Post, p.config.Now())
	return s, err
}

// inForm gives a telegram in the form in which it goes, and keeps which that is when it begins.
func (p *Post) inForm(tx *store.Tx, w *circuit.Waiting, body []byte, brief bool) ([]byte, error) {
	if !brief {
		if w.Form == circuit.FormOpen {
			w.Form = circuit.FormFull
			return body, circuit.Chosen(tx, w.Post, w.Serial, nil)
		}
		return body, nil
	}
	r, err := telegram.ParseRegistered(body)
	if err != nil {
		return nil, err
	}
	if w.Form == circuit.FormOpen {
		w.Form = circuit.FormBrief
		h := telegram.EntryHash(r.BriefOutEntry(w.Root, &r.Numbers))
		now := p.config.Now()
		if err := errors.Join(circuit.Chosen(tx, w.Post, w.Serial, h[:]), p.followsLater(tx, w.Post, w.Serial, w.Of, now)); err != nil {
			return nil, err
		}
	}
	return r.Brief(), nil
}

// encipherOne seals the next section of a telegram.
func (p *Post) encipherOne(tx *store.Tx, b *register.Book, v *view, w circuit.Waiting, batch *sealing, next unsealed) error {
	now := p.config.Now()
	special, err := b.Take(seriesSpecial(w.Post))
	if err != nil {
		return err
	}
	lane, err := b.Take(seriesLane(w.Post, circuitNumber, w.Precedence))
	if err != nil {
		return err
	}
	s := telegram.Section{Circuit: circuitNumber, Special: special, Lane: lane, Serial: w.Serial, I: uint32(w.Sealed + 1), N: next.n, Brief: w.Form == circuit.FormBrief, Piece: next.piece}
	e := next.envelope
	if err := batch.seal(p, tx, v, &s, &e, now); err != nil {
		return err
	}
	sealed := circuit.Section{Post: w.Post, Special: special, Circuit: circuitNumber, Lane: lane, Precedence: w.Precedence, Serial: w.Serial,
		I: s.I, N: s.N, Envelope: e.Marshal(), ID: e.ID, Size: int64(e.Size()), SealedAt: now}
	if _, err := b.Note(telegram.EntrySent, sentNote(&sealed), now.Unix(), p.keys.Rest.Seal); err != nil {
		return err
	}
	return circuit.Sealed(tx, &sealed)
}

func (p *Post) letter(v *view, to string, payload []byte) *seal.Letter {
	return &seal.Letter{From: p.config.Name, To: to, DirectorySize: uint64(v.dir.Size()), DirectoryRoot: v.dir.Root(), Payload: payload}
}

// sent is what an entry of kind sent says.
type sent struct {
	Post       string `json:"post"`
	Special    uint32 `json:"special"`
	Circuit    uint8  `json:"circuit"`
	Lane       uint32 `json:"lane"`
	Precedence uint8  `json:"precedence"`
	Serial     uint32 `json:"serial"`
	I          uint32 `json:"i"`
	N          uint32 `json:"n"`
	ID         string `json:"id"`
	Size       int64  `json:"size"`
	Envelope   string `json:"sha256"`
}

func sentNote(s *circuit.Section) []byte {
	h := sha256.Sum256(s.Envelope)
	b, _ := json.Marshal(sent{s.Post, s.Special, s.Circuit, s.Lane, uint8(s.Precedence), s.Serial, s.I, s.N, hex.EncodeToString(s.ID[:]), s.Size, hex.EncodeToString(h[:])})
	return b
}

// One message of a carrier has at most so many envelopes of one precedence, and at most Config.Message bytes of them if there are several, so that
// something more urgent never waits behind more.
const messageEnvelopes = 64

// carry is step 7: it hands the most urgent of what is due to the carrier, one message of it, and says how many sections that were, and of which
// precedence.
func (p *Post) carry(ctx context.Context, to string, carrier circuit.Carrier, flights map[uint32]flight) (sent int, at telegram.Precedence, err error) {
	if v, err := p.current(); err != nil || v.suspended(to) != nil {
		return 0, 0, err
	}
	now, way := p.config.Now(), p.way(to)
	peer := p.peer(to)
	turn := peer.carried / (circuit.Turn - 1)
	var due []circuit.Section
	open := map[uint32]bool{}
	if err := p.db.Read(ctx, func(tx *store.Tx) (err error) {
		due, err = circuit.Open(tx, to, messageEnvelopes, turn, func(special uint32, asked time.Time) bool {
			open[special] = true
			f := flights[special]
			return !f.again.After(now) || asked.Sub(f.at) >= p.atOnce() // what left a moment ago may be there by now
		})
		return err
	}); err != nil {
		return 0, 0, err
	}
	p.landed(to, flights, open, now)
	if len(due) == 0 {
		return 0, 0, nil
	}
	var es []telegram.Envelope
	var specials []uint32
	size := int64(0)
	for _, s := range due {
		if s.Precedence != due[0].Precedence || len(es) > 0 && size+s.Size > way.Message {
			break
		}
		e, err := telegram.ParseEnvelope(s.Envelope)
		if err != nil {
			return 0, 0, fmt.Errorf("the stored envelope of special number %d for %s: %w", s.Special, to, err)
		}
		es, specials, size = append(es, e), append(specials, s.Special), size+s.Size
	}
	if err := carrier.Send(ctx, es[0].To, es[0].Precedence, es); err != nil {
		return 0, 0, err
	}
	p.traffic.add(to, size, 0)
	switch {
	case es[0].Precedence >= telegram.Flash:
	case turn > 0:
		peer.carried = 0
	default:
		peer.carried += len(es)
	}
	for _, special := range specials {
		f := flights[special]
		wait := min(way.Retry<<min(f.tries, 10), longestRetry)
		flights[special] = flight{at: now, again: now.Add(wait), tries: f.tries + 1}
	}
	return len(es), es[0].Precedence, p.db.Write(ctx, func(tx *store.Tx) error { return circuit.Sent(tx, to, specials, now) })
}

// landed forgets the flights of sections that are open no more. The last of those that were carried once tells how long the way is.
func (p *Post) landed(to string, flights map[uint32]flight, open map[uint32]bool, now time.Time) {
	var last time.Time
	for special, f := range flights {
		if open[special] {
			continue
		}
		if f.tries == 1 && f.at.After(last) {
			last = f.at
		}
		delete(flights, special)
	}
	if !last.IsZero() {
		p.peer(to).trip.took(now.Sub(last))
	}
}

// takeReceipt is step 8: a post has signed for telegrams, and they are freed. A receipt that frees nothing is a repeat, and one for something
// else than was sent is an alarm: neither is entered.
func (p *Post) takeReceipt(tx *store.Tx, b *register.Book, from string, r *telegram.Receipt, statement []byte, now time.Time) error {
	var frees []*circuit.Delivery
	for _, i := range r.Items {
		d, err := circuit.DeliveryOf(tx, from, i.Serial)
		switch {
		case err != nil:
			return err
		case d == nil || !d.Signed(i.Root, i.Entry):
			if err := p.alarm(tx, from, fmt.Sprintf("it signed for serial %s, but not for what was sent under that number", telegram.NumberText(i.Serial))); err != nil {
				return err
			}
		case d.Receipted.IsZero():
			frees = append(frees, d)
		}
		if err == nil && d != nil && d.Form == circuit.FormBrief && i.Root == d.Root && i.Entry == d.Entry {
			// It names the entry itself: the signature that the frames left out is there.
			if _, err := tx.Exec("delete from late where post = $1 and serial = $2", from, int64(i.Serial)); err != nil {
				return err
			}
		}
	}
	if len(frees) == 0 {
		return nil
	}
	entry, err := b.Note(telegram.EntryReceipt, statement, now.Unix(), p.keys.Rest.Seal)
	if err != nil {
		return err
	}
	for _, d := range frees {
		if err := circuit.Receipted(tx, d, entry, now); err != nil {
			return err
		}
		if d.Anew >= 0 {
			if err := p.receiptedAgain(tx, from); err != nil {
				return err
			}
		}
		if err := desk.Did(tx, d.Of, from, desk.Receipt, 0, now); err != nil {
			return err
		}
		if err := p.confirmChain(tx, from, d.Serial, d.Anew >= 0); err != nil {
			return err
		}
	}
	tx.Notify(topicQueue(from))
	return nil
}
