package post

// How another post gets the pieces that it asks for. It asks in a letter (telegram.Ask); what it asks for is checked, and kept until it is answered, by
// whichever process carries to that post. Only who was sent a telegram gets its pieces. The pieces go between the telegrams: what is as urgent as their own
// telegram goes before them, what is less urgent takes turns with them, and a message has at most one piece, so a Flash waits for one piece at most.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"chancery.example/chancery/circuit"
	"chancery.example/chancery/pieces"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// below is the precedence at which the pieces of a telegram's attachments travel.
func below(p telegram.Precedence) telegram.Precedence { return max(p, 1) - 1 }

// openAsk reads a service message of that kind, and checks whose it is.
func (p *Post) openAsk(v *view, from string, s *telegram.Service) (*telegram.Ask, error) {
	a, err := signedBy(v, from, s, telegram.LabelAsk, "the signature on what it asks for", telegram.ParseAsk)
	if err != nil {
		return nil, err
	}
	if a.From != from || a.To != p.config.Name {
		return nil, errors.New("it is another post that asks, or is asked")
	}
	return a, nil
}

// takeAsk takes what another post asks for. What nobody may ask for is an alarm, and causes nothing to be sent.
func (p *Post) takeAsk(tx *store.Tx, a *telegram.Ask, now time.Time) error {
	row, why, err := p.askedFor(tx, a)
	if err != nil {
		return err
	}
	if why != "" {
		return p.alarm(tx, a.From, fmt.Sprintf("it asked for pieces of an attachment and gets none: %s", why))
	}
	if err := pieces.Say(tx, row.ID, &pieces.There{Post: a.From, Here: int(a.Here), Checked: a.Checked, At: time.Unix(a.At, 0)}); err != nil {
		return err
	}
	if len(a.Ranges) == 0 {
		return nil
	}
	fresh, err := pieces.Queue(tx, &pieces.Asked{Post: a.From, ID: a.ID, Attachment: row.ID, Body: p.keys.Rest.Seal(pieces.AskPlace(a.From, a.ID), a.Marshal()), Came: now}, a.Besides)
	if fresh {
		tx.Notify(topicQueue(a.From))
	}
	return err
}

// askedFor finds what is asked for, or says why it cannot be asked for.
func (p *Post) askedFor(tx *store.Tx, a *telegram.Ask) (row *pieces.Attached, why string, err error) {
	d, err := circuit.DeliveryOf(tx, a.From, a.Serial)
	if err != nil {
		return nil, "", err
	}
	if d == nil || d.Root != a.Root {
		return nil, fmt.Sprintf("no such telegram went to it as serial %s", telegram.NumberText(a.Serial)), nil
	}
	row, err = pieces.Of(tx, d.Of, int(a.Attachment))
	if errors.Is(err, pieces.ErrUnknown) {
		return nil, fmt.Sprintf("serial %s has no attachment %d", telegram.NumberText(a.Serial), a.Attachment), nil
	}
	if err != nil {
		return nil, "", err
	}
	if n := len(a.Ranges); int(a.Here) > row.Pieces || n > 0 && int64(a.Ranges[n-1].Piece)+int64(a.Ranges[n-1].Count) > int64(row.Pieces) {
		return nil, fmt.Sprintf("attachment %d of serial %s has %d pieces, and no others", a.Attachment, telegram.NumberText(a.Serial), row.Pieces), nil
	}
	return row, "", nil
}

// answering is an ask that a dispatcher answers: how far it is lives in memory only, and after a crash all of it, a window at the most, is sent again.
type answering struct {
	ask    pieces.Asked
	is     telegram.Ask
	key    *seal.PartKey
	shape  *shape
	at     telegram.Precedence   // at which the pieces travel
	piece  uint32                // the next piece
	left   []telegram.PieceRange // of what is asked for, with that piece at the head
	whole  []byte                // that piece, as it is carried; nil when it is not read yet
	offset int                   // of the next part in it
	sent   uint64                // bytes
	number uint32
	waits  bool // another answer of this process was under way
}

// shape is what is needed of an attachment to answer asks for it.
type shape struct {
	id      int64
	digests []pieces.Digest
	tree    *telegram.PieceTree
}

// shapes keeps those of the attachments that were asked for last: several posts ask for the same one at the same time.
type shapes struct {
	mu   sync.Mutex
	last []*shape // the newest last; guarded by mu
}

const maxShapes = 4

func (s *shapes) of(id int64, load func() (*shape, error)) (*shape, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, x := range s.last {
		if x.id == id {
			s.last = append(append(s.last[:i:i], s.last[i+1:]...), x)
			return x, nil
		}
	}
	x, err := load()
	if err == nil {
		s.last = append(s.last[max(0, len(s.last)-maxShapes+1):], x)
	}
	return x, err
}

func (s *shapes) forget(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, x := range s.last {
		if x.id == id {
			s.last = append(s.last[:i:i], s.last[i+1:]...)
			return
		}
	}
}

// shapeOf reads the digests of an attachment that is all here.
func (p *Post) shapeOf(ctx context.Context, id int64, n int) (*shape, error) {
	return p.shapes.of(id, func() (*shape, error) {
		s := &shape{id: id}
		if err := p.db.Read(ctx, func(tx *store.Tx) (err error) { s.digests, err = pieces.Digests(tx, id, n); return err }); err != nil {
			return nil, err
		}
		if i := slices.Index(s.digests, pieces.Digest{}); i >= 0 {
			return nil, fmt.Errorf("piece %d of attachment %d: %w", i+1, id, pieces.ErrNone)
		}
		var err error
		s.tree, err = treeOf(s.digests)
		return s, err
	})
}

// answer hands over one message of what a post asked for, and says how many parts that were. sent and at are what was just carried to it.
func (p *Post) answer(ctx context.Context, to string, carrier circuit.Carrier, s *answering, sent int, at telegram.Precedence) (int, error) {
	s.waits = false
	if p.config.Pieces == nil {
		return 0, nil
	}
	v, err := p.current()
	if err != nil || v.suspended(to) != nil {
		return 0, err
	}
	ok, broken, err := p.nextAnswer(ctx, to, s)
	if broken != nil {
		return 0, p.cannotAnswer(ctx, s, broken)
	}
	if err != nil || !ok {
		return 0, err
	}
	if sent > 0 && at > s.at {
		return 0, nil // first look for more of that
	}
	post, known := v.dir.Post(to)
	if !known {
		return 0, fmt.Errorf("the directory has no post %s", to)
	}
	es, err := p.nextParts(ctx, s, post.Route)
	if errors.Is(err, pieces.ErrNone) || errors.Is(err, pieces.ErrDamaged) {
		return 0, p.cannotAnswer(ctx, s, err)
	}
	if err != nil {
		return 0, err
	}
	if len(es) > 0 {
		// One message of pieces at a time leaves this post, to whatever post: what is urgent never waits behind several.
		select {
		case p.answers <- struct{}{}:
		default:
			s.waits = true
			return 0, nil
		}
		err := carrier.Send(ctx, post.Route, s.at, es)
		<-p.answers
		if err != nil {
			return 0, err
		}
		for i := range es {
			p.traffic.add(to, int64(es[i].Size()), 0)
		}
		s.handed(es)
	}
	if !s.done() {
		return len(es), nil
	}
	err = p.db.Write(ctx, func(tx *store.Tx) error { return pieces.Answered(tx, to, s.ask.ID, p.config.Now()) })
	if err == nil {
		*s = answering{}
	}
	return len(es), err
}

// nextAnswer finds what a post wants. broken is why that cannot be answered, and never will be.
func (p *Post) nextAnswer(ctx context.Context, to string, s *answering) (ok bool, broken, err error) {
	var next pieces.Asked
	var n int
	var d *circuit.Delivery
	same := false
	err = p.db.Read(ctx, func(tx *store.Tx) error {
		if next, ok, err = pieces.NextAsk(tx, to); err != nil || !ok {
			return err
		}
		if same = s.key != nil && next.ID == s.ask.ID; same {
			return nil
		}
		*s = answering{ask: next}
		b, failed := p.keys.Rest.Open(pieces.AskPlace(to, next.ID), next.Body)
		var is *telegram.Ask
		if failed == nil {
			is, failed = telegram.ParseAsk(b)
		}
		if broken = failed; failed != nil {
			return nil
		}
		s.is = *is
		row, err := pieces.Get(tx, next.Attachment)
		if err != nil {
			return err
		}
		n = row.Pieces
		d, err = circuit.DeliveryOf(tx, to, is.Serial)
		return err
	})
	switch {
	case err != nil || !ok || same || broken != nil:
	case d == nil || len(s.is.Ranges) == 0:
		broken = errors.New("the outbox does not have it any more")
	default:
		s.at, s.left, s.piece, s.offset = below(d.Precedence), s.is.Ranges, s.is.Ranges[0].Piece, int(s.is.Ranges[0].Offset)
		if s.shape, err = p.shapeOf(ctx, next.Attachment, n); errors.Is(err, pieces.ErrNone) {
			broken, err = err, nil
		}
		if err == nil && broken == nil {
			s.key, err = seal.NewPartKey(s.is.Secret)
		}
	}
	return ok, broken, err
}

// partOf is how many bytes of a piece one envelope has, so that the pieces go in parts of about a section and of one length.
func partOf(section int) int {
	n := (telegram.PieceSize + section - 1) / section
	return max((telegram.MaxCarried+n-1)/n, telegram.MinPart)
}

// nextParts makes the envelopes of one message: parts of one piece, at most two sections' worth.
func (p *Post) nextParts(ctx context.Context, s *answering, to telegram.Route) (es []telegram.Envelope, err error) {
	if s.whole == nil {
		sealed, err := p.config.Pieces.Get(ctx, s.shape.digests[int(s.piece)], nil)
		if err != nil {
			return nil, err
		}
		path, err := s.shape.tree.Path(int(s.piece))
		if err != nil {
			return nil, err
		}
		s.whole = telegram.Carry(path, sealed)
	}
	size := min(partOf(p.config.Section), int(s.is.Part))
	for offset := s.offset; offset < len(s.whole) && (len(es) == 0 || (len(es)+1)*size <= 2*partOf(p.config.Section)); {
		part := telegram.PiecePart{Piece: s.piece, Offset: uint32(offset), Whole: uint32(len(s.whole)), Bytes: s.whole[offset:min(offset+size, len(s.whole))]}
		e := telegram.Envelope{To: to, Precedence: s.at, ID: telegram.PartID(s.ask.ID, s.number+uint32(len(es)))}
		s.key.Seal(&e, &part)
		es, offset = append(es, e), offset+len(part.Bytes)
	}
	return es, nil
}

// handed goes on behind what was handed over.
func (s *answering) handed(es []telegram.Envelope) {
	for i := range es {
		n := es[i].Size() - telegram.PartCost
		s.offset, s.sent, s.number = s.offset+n, s.sent+uint64(n), s.number+1
	}
}

// done goes on to the next piece when one was handed over whole, and says whether there is nothing left: no more pieces, or so many bytes as were asked for.
func (s *answering) done() bool {
	if s.offset >= len(s.whole) {
		s.whole, s.offset, s.piece = nil, 0, s.piece+1
		if r := s.left[0]; s.piece >= r.Piece+r.Count {
			if s.left = s.left[1:]; len(s.left) > 0 {
				s.piece, s.offset = s.left[0].Piece, int(s.left[0].Offset)
			}
		}
	}
	return len(s.left) == 0 || s.sent >= uint64(s.is.Limit)
}

// cannotAnswer tells people that a piece of this post's own is gone.
func (p *Post) cannotAnswer(ctx context.Context, s *answering, why error) error {
	p.shapes.forget(s.ask.Attachment)
	err := p.db.Write(ctx, func(tx *store.Tx) error {
		if err := pieces.Answered(tx, s.ask.Post, s.ask.ID, p.config.Now()); err != nil {
			return err
		}
		return p.alarm(tx, s.ask.Post, fmt.Sprintf("attachment %d of serial %s cannot be sent to it: %v. Put the post's pieces back from a backup", s.is.Attachment, telegram.NumberText(s.is.Serial), why))
	})
	if err == nil {
		*s = answering{}
	}
	return err
}
