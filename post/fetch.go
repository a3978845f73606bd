package post

// How the pieces of attachments come here. A telegram says what it has (telegram.Attachment), and this post asks its sender for the pieces: for some at a
// time, and for more when these are here, so that nothing floods it and what is urgent finds the line free. Of each post one attachment is asked for at a
// time, that of the most urgent telegram. What was asked for and did not come is asked for again, after twice as long each time.
//
// What is asked for lives in memory only: after a start whatever is missing is asked for, and what still comes of an ask before that is dropped.

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/circuit"
	"chancery.example/chancery/pieces"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

const topicPieces = "pieces"

// How much is asked for at once: at first a little, then twice as much whenever it came within quick, and half when it took longer than slow. So what is
// under way is what the line moves in a few seconds.
const (
	firstAsk = 128 << 10
	leastAsk = 16 << 10
	mostAsk  = 512 << 10
	allAsked = 4 << 20 // of all posts together
	quick    = 2 * time.Second
	slow     = 8 * time.Second

	longestAsk  = time.Hour // between two asks for what does not come
	maxPaths    = 512       // bytes that stand before a piece as it is carried, at most
	silentAsks  = 8         // in vain, before people are told
	oldAsk      = time.Hour // after this nothing that answers an ask is taken any more
	oldAsksKept = 4         // of one post, besides the newest
)

// fetching is what this process asks for.
type fetching struct {
	mu   sync.Mutex
	wake chan struct{}        // holds one value when there may be something to ask for
	from map[string]*fetch    // by the post that has it; guarded by mu
	asks map[[8]byte]*waiting // guarded by mu
	junk int64                // envelopes that nobody asked for, since the start; guarded by mu
	told time.Time            // when they were last logged; guarded by mu
}

func newFetching() *fetching {
	return &fetching{wake: make(chan struct{}, 1), from: map[string]*fetch{}, asks: map[[8]byte]*waiting{}}
}

// stir has the fetcher look again.
func (f *fetching) stir() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// fetch is the way in of one post's attachments. It is guarded by fetching.mu.
type fetch struct {
	of     *coming  // nil while nothing is coming
	limit  int      // bytes to be asked for at once
	asked  *waiting // the newest ask; nil while nothing is asked for
	behind *waiting // the one before it, of which something is still to come; nil most of the time
	tries  int      // asks in a row on which nothing came
	next   time.Time
	before []*waiting // asks before: what they asked for may still come
}

// coming is an attachment that is coming. What does not change may be read without the lock.
type coming struct {
	id     int64
	is     telegram.Attachment
	n      int
	serial uint32
	root   telegram.Root
	k      int
	at     telegram.Precedence // of the telegram
	here   []bool              // pieces that are here, or about to be entered; guarded by fetching.mu
	joined map[int]*joined     // pieces of which a part is here; guarded by fetching.mu
}

// waiting is an ask under way.
type waiting struct {
	from     string
	of       *coming
	id       [8]byte
	key      *seal.PartKey
	at, last time.Time // asked, and when something of it last came
	limit    int
	bytes    int // that are to come, about
	got      int
	wanted   map[int]bool // pieces
	final    int          // the last of them
	until    int          // and the byte of it, as it is carried, with which the answer ends at the latest
	over     bool         // the end of the answer came
	done     bool
}

// joined is a piece in parts.
type joined struct {
	whole []byte
	has   [][2]int // runs of bytes that are here, in order, none touching another
}

// add adds a part, and says whether the piece is whole. Parts of pieces of another length are not added.
func (j *joined) add(p *telegram.PiecePart) bool {
	if len(j.whole) != int(p.Whole) {
		return false
	}
	from, to := int(p.Offset), int(p.Offset)+len(p.Bytes)
	copy(j.whole[from:], p.Bytes)
	var has [][2]int
	for _, r := range j.has {
		if r[1] < from || r[0] > to {
			has = append(has, r)
			continue
		}
		from, to = min(from, r[0]), max(to, r[1])
	}
	i := 0
	for i < len(has) && has[i][0] < from {
		i++
	}
	j.has = append(has[:i:i], append([][2]int{{from, to}}, has[i:]...)...)
	return len(j.has) == 1 && j.has[0] == [2]int{0, len(j.whole)}
}

// first is the first byte that is missing.
func (j *joined) first() int {
	if j.has[0][0] > 0 {
		return 0
	}
	return j.has[0][1]
}

// expect enters the attachments of a telegram that was taken.
func (p *Post) expect(tx *store.Tx, of int64, from string, at telegram.Precedence, t *telegram.Telegram, now time.Time) error {
	var rows []pieces.Attached
	for i := range t.Attachments {
		a := &t.Attachments[i]
		id, err := pieces.NextID(tx)
		if err != nil {
			return err
		}
		row := pieces.Attached{ID: id, Of: of, K: i + 1, Post: from, Precedence: at, Body: p.keys.Rest.Seal(pieces.Place(id), a.Marshal()),
			Pieces: telegram.Pieces(a.Length), State: pieces.Coming, Changed: now}
		switch {
		case p.config.Pieces == nil:
			row.State, row.Why = pieces.Left, errNoPieces.Error()
		case p.config.Fetch > 0 && a.Length > p.config.Fetch:
			row.State, row.Why = pieces.Left, fmt.Sprintf("it has more than the %d bytes that this post asks for by itself", p.config.Fetch)
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		return nil
	}
	tx.Notify(topicPieces)
	return pieces.Add(tx, rows...)
}

// fetcher asks for pieces, until ctx ends.
func (p *Post) fetcher(ctx context.Context, carrier circuit.Carrier) {
	wake := p.db.Wake(ctx, topicPieces)
	for failures := 0; ctx.Err() == nil; {
		pause, err := p.askForAll(ctx, carrier)
		if err == nil || errors.Is(err, ErrNoDirectory) {
			failures = 0
		} else if ctx.Err() == nil {
			if failures++; failures == 1 || failures%100 == 0 {
				p.config.Log.Warn("pieces of attachments cannot be asked for now; it is tried again", "reason", err, "tries", failures)
			}
			pause = min(time.Duration(failures)*200*time.Millisecond, 5*time.Second)
		}
		p.wait(ctx, pause, wake, p.fetching.wake)
	}
}

// askForAll asks each post for what is next of it, and says when to look again.
func (p *Post) askForAll(ctx context.Context, carrier circuit.Carrier) (pause time.Duration, err error) {
	v, err := p.current()
	if err != nil {
		return time.Minute, err
	}
	var rows []pieces.Attached
	if err := p.db.Read(ctx, func(tx *store.Tx) (err error) { rows, err = pieces.ToCome(tx); return err }); err != nil {
		return 0, err
	}
	pause = time.Minute
	var failed []error
	for i := range rows {
		if v.suspended(rows[i].Post) != nil {
			continue
		}
		again, err := p.askFor(ctx, v, carrier, &rows[i])
		if err != nil {
			failed = append(failed, err)
		}
		pause = min(pause, again)
	}
	return max(pause, 5*time.Millisecond), errors.Join(failed...)
}

// askFor asks a post for what is next of an attachment, unless it is asked already; and says when to look again.
func (p *Post) askFor(ctx context.Context, v *view, carrier circuit.Carrier, row *pieces.Attached) (again time.Duration, err error) {
	now := time.Now()
	load, again := p.fetching.due(row, now, p.quiet())
	if again > 0 {
		return again, nil
	}
	if load {
		of, err := p.loadComing(ctx, row)
		if err != nil {
			return time.Minute, fmt.Errorf("attachment %d of serial from %s: %w", row.K, row.Post, err)
		}
		p.fetching.begin(row.Post, of)
	}
	w, ask, tries := p.fetching.next(row.Post, now)
	if w == nil {
		return time.Minute, nil
	}
	ask.From, ask.To, ask.At, ask.Part = p.config.Name, row.Post, p.config.Now().Unix(), uint32(partOf(p.config.Section))
	if err := p.sendAsk(ctx, v, carrier, row.Precedence, ask); err != nil {
		p.fetching.unasked(w)
		return time.Minute, err
	}
	if tries == silentAsks {
		err = p.db.Write(ctx, func(tx *store.Tx) error {
			return p.alarm(tx, row.Post, fmt.Sprintf("it sends nothing of attachment %d of serial %s, for which this post asks again and again", row.K, telegram.NumberText(ask.Serial)))
		})
	}
	return p.quiet(), err
}

// quiet is how long nothing may come of an ask before it is made again, at first.
func (p *Post) quiet() time.Duration { return 3 * p.config.Retry }

// due says whether something is to be asked for now, and whether what is known of it must be loaded first; or how long there is nothing to do.
func (f *fetching) due(row *pieces.Attached, now time.Time, quiet time.Duration) (load bool, again time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	x := f.from[row.Post]
	if x == nil {
		x = &fetch{limit: firstAsk}
		f.from[row.Post] = x
	}
	if w := x.asked; w != nil && !w.done && !x.ahead() {
		patience := min(quiet<<min(x.tries, 20), max(longestAsk, quiet))
		last := w.last
		if x.behind != nil && x.behind.last.After(last) {
			last = x.behind.last
		}
		if left := last.Add(patience).Sub(now); left > 0 {
			return false, left
		}
		x.limit = max(x.limit/2, leastAsk)
		if x.tries++; w.got > 0 {
			x.tries = 1
		}
	}
	if left := x.next.Sub(now); left > 0 {
		return false, left
	}
	return x.of == nil || x.of.id != row.ID, 0
}

// loadComing reads what is needed to ask for an attachment.
func (p *Post) loadComing(ctx context.Context, row *pieces.Attached) (*coming, error) {
	a, err := p.openAttached(row)
	if err != nil {
		return nil, err
	}
	c := &coming{id: row.ID, is: *a, n: row.Pieces, k: row.K, at: row.Precedence, here: make([]bool, row.Pieces), joined: map[int]*joined{}}
	err = p.db.Read(ctx, func(tx *store.Tx) error {
		f, err := archive.Get(tx, row.Of)
		if err != nil {
			return err
		}
		c.serial, c.root = f.Serial, f.Root
		ds, err := pieces.Digests(tx, row.ID, c.n)
		for i, d := range ds {
			c.here[i] = d != (pieces.Digest{})
		}
		return err
	})
	return c, err
}

// begin takes up an attachment.
func (f *fetching) begin(post string, of *coming) {
	f.mu.Lock()
	defer f.mu.Unlock()
	x := f.from[post]
	if x.asked != nil {
		x.retire()
	}
	x.of, x.tries = of, 0
}

// retire lays what is asked for aside.
func (x *fetch) retire() {
	for _, w := range []*waiting{x.behind, x.asked} {
		if w != nil {
			x.before = append(x.before, w)
		}
	}
	x.asked, x.behind = nil, nil
}

// ahead says whether the next ask may be made before this one is answered: on a line so quick that it would stand still meanwhile. On a slow one the pause
// between two asks is what others have of it.
func (x *fetch) ahead() bool {
	w := x.asked
	return w != nil && !w.done && x.behind == nil && x.limit == mostAsk && w.limit == mostAsk && w.got*2 >= w.limit
}

// next makes the next ask; nil when nothing is missing, or so much is asked for already that it has to wait.
func (f *fetching) next(post string, now time.Time) (*waiting, *telegram.Ask, int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	x := f.from[post]
	of := x.of
	besides := x.ahead()
	if besides {
		x.behind, x.asked = x.asked, nil
	} else if x.asked != nil {
		x.retire()
	}
	f.prune(now)
	under := 0
	for _, other := range f.from {
		for _, w := range []*waiting{other.asked, other.behind} {
			if w != nil && !w.done {
				under += w.limit
			}
		}
	}
	if under > 0 && under+x.limit > allAsked {
		x.asked, x.behind = x.behind, nil
		return nil, nil, 0
	}
	w := &waiting{from: post, of: of, at: now, last: now, limit: x.limit, wanted: map[int]bool{}}
	ask := &telegram.Ask{Serial: of.serial, Root: of.root, Attachment: uint8(of.k), Besides: besides, Limit: uint32(x.limit)}
	for _, here := range of.here {
		if here {
			ask.Here++
		}
	}
	bytes := 0
	for i := 0; i < of.n && bytes < x.limit && len(ask.Ranges) < telegram.MaxAskRanges && len(w.wanted) < telegram.MaxAsked; i++ {
		if of.here[i] || besides && x.behind.wanted[i] {
			continue
		}
		r, j := telegram.PieceRange{Piece: uint32(i), Count: 1}, of.joined[i]
		if j != nil {
			r.Offset = uint32(j.first())
		}
		size, _ := telegram.PieceLen(of.is.Length, i)
		w.final, w.until = i, int(r.Offset)+x.limit-bytes-maxPaths*(len(w.wanted)+1)
		bytes += size + telegram.PieceCost - int(r.Offset)
		w.wanted[i] = true
		if last := len(ask.Ranges) - 1; last >= 0 && j == nil && ask.Ranges[last].Piece+ask.Ranges[last].Count == uint32(i) {
			ask.Ranges[last].Count++
		} else {
			ask.Ranges = append(ask.Ranges, r)
		}
	}
	if len(ask.Ranges) == 0 {
		x.asked, x.behind = x.behind, nil // what is missing is on its way
		return nil, nil, 0
	}
	w.bytes = min(bytes, x.limit)
	rand.Read(ask.ID[:])
	rand.Read(ask.Secret[:])
	var err error
	if w.key, err = seal.NewPartKey(ask.Secret); err != nil {
		return nil, nil, 0
	}
	w.id, x.asked, f.asks[ask.ID] = ask.ID, w, w
	return w, ask, x.tries
}

// prune forgets asks that are so old that nothing of them is taken any more.
func (f *fetching) prune(now time.Time) {
	for _, x := range f.from {
		for len(x.before) > oldAsksKept || len(x.before) > 0 && now.Sub(x.before[0].last) > oldAsk {
			delete(f.asks, x.before[0].id)
			x.before = x.before[1:]
		}
	}
}

// unasked takes an ask back that could not be handed over.
func (f *fetching) unasked(w *waiting) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.asks, w.id)
	if x := f.from[w.from]; x.asked == w {
		x.asked, x.behind, x.next = x.behind, nil, time.Now().Add(time.Second)
	}
}

// alive says that something genuine came from a post: what it has not sent may be asked for again.
func (f *fetching) alive(post string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if x := f.from[post]; x != nil && x.tries > 1 && x.asked != nil {
		x.tries = 1
		f.stir()
	}
}

// drop forgets what is known of an attachment: it is not asked for any more, or its pieces are others than was thought.
func (f *fetching) drop(id int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, x := range f.from {
		if x.of != nil && x.of.id == id {
			if x.asked != nil {
				x.retire()
			}
			x.of = nil
		}
	}
	f.stir()
}

// sendAsk signs an ask and hands it to the carrier.
func (p *Post) sendAsk(ctx context.Context, v *view, carrier circuit.Carrier, at telegram.Precedence, a *telegram.Ask) error {
	statement := a.Marshal()
	s := telegram.Service{Kind: telegram.ServiceAsk, Statement: statement}
	s.Ed, s.PQ = p.keys.Identity.Sign(telegram.LabelAsk, statement)
	return p.sendService(ctx, v, carrier, a.To, at, &s, p.config.Now())
}
