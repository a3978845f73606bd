package circuittest

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"time"

	"chancery.example/chancery/telegram"
)

// Link says how bad the way from one post to another is. The fractions go from 0 (never) to 1 (always), and are of envelopes, that of Cut
// of Sends. The zero Link is a good one.
type Link struct {
	Lose    float64       // never arrives
	Repeat  float64       // arrives twice; each copy has its own luck with what follows
	Corrupt float64       // a bit is turned, or the end is missing; what then does not parse, arrives nowhere
	Regrade float64       // travels at another precedence
	Reorder float64       // is held back, up to Delay and 10 ms longer, and then takes any place among what waits
	Delay   time.Duration // arrives up to so much later: uniformly drawn for each
	Cut     float64       // the link is cut in the midst of it, for up to Outage: it fails, though some or all of it has left
	Outage  time.Duration // 0 means 50 ms
}

// Stats are what a network has done so far. Envelopes are counted, save where something else is said.
//
// Sent + Repeated = Lost + Junk + Taken + Waiting, whenever no take runs.
type Stats struct {
	Sent      int // handed over
	Lost      int
	Repeated  int // second copies
	Corrupted int // copies; those that did not parse as well
	Junk      int // copies that did not parse any more
	Regraded  int // copies
	Delayed   int // copies
	Reordered int // copies offered after something that was handed over later and is no more urgent
	Cuts      int // drawn, not those of Wild.Cut
	Turned    int // Sends refused because the link was cut already
	Full      int // Sends refused, in whole or in part, because too much waited
	Refused   int // copies, each time that take failed
	Taken     int // copies
	Waiting   int // copies, now
}

// link is the way from one post to another.
type link struct {
	Link
	rng    *rand.Rand
	parted bool      // by Wild.Cut
	mended time.Time // when a cut that was drawn ends
}

func newLink(seed uint64, from, to telegram.Route) *link {
	var ends [8]byte
	copy(ends[:], append(from[:], to[:]...))
	return &link{rng: rand.New(rand.NewPCG(seed, binary.BigEndian.Uint64(ends[:])))}
}

// SetAll changes how bad every link is from now on. What is on its way has drawn its faults already.
func (w *Wild) SetAll(l Link) { w.change(nil, nil, func(x *link) { x.Link = l }) }

// Set changes how bad the link from one post to another is from now on. The way back is a link of its own.
func (w *Wild) Set(from, to telegram.Route, l Link) {
	w.change(&from, &to, func(x *link) { x.Link = l })
}

// Cut cuts the links between two posts, both ways, until Mend. Send fails, and what is on its way waits.
func (w *Wild) Cut(a, b telegram.Route) { w.part(a, b, true) }

// Mend mends the links between two posts, both ways, also after a cut that was drawn.
func (w *Wild) Mend(a, b telegram.Route) { w.part(a, b, false) }

func (w *Wild) part(a, b telegram.Route, cut bool) {
	turn := func(x *link) { x.parted, x.mended = cut, time.Time{} }
	w.change(&a, &b, turn)
	w.change(&b, &a, turn)
}

// change is done to the links from and to these posts, nil for any, and wakes who may wait for it.
func (w *Wild) change(from, to *telegram.Route, do func(*link)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for ends, l := range w.links {
		if (from == nil || ends[0] == *from) && (to == nil || ends[1] == *to) {
			do(l)
			w.boxes[ends[1]].stir()
		}
	}
}

// Stats gives what was counted up to now.
func (w *Wild) Stats() Stats {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.stats
	for _, b := range w.boxes {
		s.Waiting += len(b.parcels)
	}
	return s
}

func (l *link) down(now time.Time) bool { return l.parted || now.Before(l.mended) }

// free says when something due at a time can arrive, as far as the link is concerned; not known when only Mend can end its cut.
func (l *link) free(due time.Time) (at time.Time, known bool) {
	if l.mended.After(due) {
		due = l.mended
	}
	return due, !l.parted
}

func (l *link) draw(fraction float64) bool { return l.rng.Float64() < fraction }

// upTo draws a time of at most d.
func (l *link) upTo(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return time.Duration(l.rng.Int64N(int64(d) + 1))
}

// cut draws whether one of n envelopes is the last that leaves, and which.
func (l *link) cut(n int) (last int, ok bool) {
	if n == 0 || !l.draw(l.Cut) {
		return 0, false
	}
	return l.rng.IntN(n), true
}

// fail begins an outage.
func (l *link) fail() {
	outage := l.Outage
	if outage == 0 {
		outage = 50 * time.Millisecond
	}
	l.mended = time.Now().Add(l.upTo(outage))
}

// pass is one envelope's luck: what of it will arrive.
func (l *link) pass(envelope []byte, at telegram.Precedence, seq uint64, s *Stats) (xs []*parcel) {
	s.Sent++
	lost, copies := l.draw(l.Lose), 1
	if l.draw(l.Repeat) {
		copies = 2
	}
	if lost {
		s.Lost++
		return nil
	}
	s.Repeated += copies - 1
	for range copies {
		x := &parcel{envelope: envelope, at: at, seq: seq, due: time.Now(), link: l}
		if l.fault(x, s) {
			xs = append(xs, x)
		}
	}
	return xs
}

// fault is the luck of one copy, and says whether it arrives.
func (l *link) fault(x *parcel, s *Stats) bool {
	if l.draw(l.Corrupt) {
		s.Corrupted++
		x.envelope = l.corrupt(x.envelope)
		if _, err := telegram.ParseEnvelope(x.envelope); err != nil {
			s.Junk++
			return false
		}
	}
	if l.draw(l.Regrade) {
		s.Regraded++
		x.at = (x.at + 1 + telegram.Precedence(l.rng.IntN(int(telegram.Override)))) % (telegram.Override + 1)
	}
	x.rank = x.at
	late := l.upTo(l.Delay)
	if l.draw(l.Reorder) {
		late += l.upTo(l.Delay + 10*time.Millisecond)
		x.rank = telegram.Precedence(l.rng.IntN(int(telegram.Override) + 1))
	}
	if late > 0 {
		s.Delayed++
		x.due = x.due.Add(late)
	}
	return true
}

// corrupt turns a bit of an envelope, or now and then cuts its end off.
func (l *link) corrupt(envelope []byte) []byte {
	if l.draw(0.25) {
		return envelope[:l.rng.IntN(len(envelope))]
	}
	b := slices.Clone(envelope)
	b[l.rng.IntN(len(b))] ^= 1 << l.rng.IntN(8)
	return b
}
