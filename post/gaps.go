package post

// How a gap mends itself, at the post that sees it.
//
// Of each series by which another post sends, it is kept which numbers are accounted for. A gap in a lane is a loss, and is asked for after one round trip. A
// gap in the serials is first of all something that still waits at its sender, since something more urgent overtook it: it is asked for when the sender
// has told its last numbers and says that it does not wait, or when the time has passed within which it should have come. Special numbers are asked
// for when the sender has told them. Nothing that fails to open causes anything to be sent: a gap is seen by what opened.
//
// What came, and since when something is missing, is in the database. When something was last asked for is in memory only: after a start it is asked for once more.

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"chancery.example/chancery/circuit"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// noteSeen notes which numbers of other posts came with the envelopes that were just taken, inside the same transaction.
func (p *Post) noteSeen(tx *store.Tx, in []arrived, taken receiptTo, now time.Time) error {
	all := map[string]*circuit.Seen{}
	of := func(post string) (*circuit.Seen, error) {
		if all[post] == nil {
			s, err := circuit.SeenOf(tx, post)
			if err != nil {
				return nil, err
			}
			all[post] = s
		}
		return all[post], nil
	}
	for i := range in {
		a := &in[i]
		if a.err != nil || a.later || a.section.N == 0 {
			continue
		}
		s, err := of(a.from)
		if err != nil {
			return err
		}
		s.Take(telegram.Lane(a.section.Circuit, a.envelope.Precedence), telegram.Range{First: a.section.Lane, Last: a.section.Lane}, now)
		s.Take(telegram.SpecialSeries(), telegram.Range{First: a.section.Special, Last: a.section.Special}, now)
	}
	for post, items := range taken {
		s, err := of(post)
		if err != nil {
			return err
		}
		for _, item := range items {
			t, n := telegram.Unmark(item.Serial)
			s.Take(telegram.SerialsOf(t), telegram.Range{First: n, Last: n}, now)
		}
	}
	for _, s := range all {
		if err := s.Close(); err != nil {
			return err
		}
		for _, series := range s.Series() {
			if len(s.Runs(series).Holes(0, now)) > 0 {
				tx.Notify(topicGaps)
			}
		}
	}
	return nil
}

// accountFor notes that a serial of another post will not come and need not: what is here says what became of it.
func (p *Post) accountFor(tx *store.Tx, post string, serial uint32, now time.Time) error {
	s, err := circuit.SeenOf(tx, post)
	if err != nil {
		return err
	}
	t, n := telegram.Unmark(serial)
	s.Take(telegram.SerialsOf(t), telegram.Range{First: n, Last: n}, now)
	return s.Close()
}

// openLastNumber reads a service message of that kind, and checks whose it is.
func (p *Post) openLastNumber(v *view, from string, s *telegram.Service) (*telegram.LastNumber, error) {
	n, err := signedBy(v, from, s, telegram.LabelLastNumber, "the signature on last numbers", telegram.ParseLastNumber)
	if err == nil && (n.From != from || n.To != p.config.Name) {
		err = errors.New("the last numbers are between other posts")
	}
	return n, err
}

// takeLastNumber takes how far another post says that its numbers are.
func (p *Post) takeLastNumber(tx *store.Tx, a *arrived, now time.Time) error {
	n := a.last
	r, err := reckoningWith(tx, n.From)
	if err != nil || n.At <= r.at { // it was overtaken, or somebody sends it again so that silence is not heard
		return err
	}
	seen, err := circuit.SeenOf(tx, n.From)
	if err != nil {
		return err
	}
	for _, s := range n.Series {
		if s.Of != telegram.Serials {
			for _, x := range closed(&s) { // it came, or was sealed anew under other numbers
				seen.Take(s.Series, x, now)
			}
		} else if s.Base > 0 {
			seen.Take(s.Series, telegram.Range{First: 1, Last: s.Base}, now)
		}
	}
	if err := p.takeLost(tx, seen, n, now); err != nil {
		return err
	}
	if err := seen.Close(); err != nil {
		return err
	}
	if err := p.hearAgain(tx, a); err != nil {
		return err
	}
	if err := p.mended(tx, n.From, causeSilent, "it has told its last numbers"); err != nil {
		return err
	}
	tx.Notify(topicGaps)
	_, err = tx.Exec("insert into reckoning (post, at, came, says) values ($1, $2, $3, $4) on conflict (post) do update set at = excluded.at, came = excluded.came, says = excluded.says",
		n.From, n.At, now.UnixMilli(), a.signed)
	return err
}

// closed are the numbers that are taken and not open.
func closed(s *telegram.SeriesLast) (rs []telegram.Range) {
	next := int64(1)
	for _, open := range s.Open {
		if int64(open.First) > next {
			rs = append(rs, telegram.Range{First: uint32(next), Last: open.First - 1})
		}
		next = int64(open.Last) + 1
	}
	if int64(s.Last) >= next {
		rs = append(rs, telegram.Range{First: uint32(next), Last: s.Last})
	}
	return rs
}

// takeLost takes what another post says that nobody has any more. People are told once.
func (p *Post) takeLost(tx *store.Tx, seen *circuit.Seen, n *telegram.LastNumber, now time.Time) error {
	var words []string
	for _, s := range n.Series {
		for _, lost := range s.Lost {
			for _, hole := range seen.Runs(s.Series).Holes(lost.Last, now) {
				r := telegram.Range{First: max(hole.First, lost.First), Last: min(hole.Last, lost.Last)}
				if r.First > r.Last {
					continue
				}
				seen.Take(s.Series, r, now)
				words = append(words, rangeWords(telegram.Type(s.Grade), r))
			}
		}
	}
	if len(words) == 0 {
		return nil
	}
	return p.alarm(tx, n.From, fmt.Sprintf("it says that its database was put back, and that serials %s were lost with it or never given: they will not come. Whoever was told of such a telegram asks for it anew", some(words)))
}

// rangeWords writes serials as people cite them.
func rangeWords(t telegram.Type, r telegram.Range) string {
	first := telegram.NumberText(t.Mark(r.First))
	if r.First == r.Last {
		return first
	}
	return first + " to " + telegram.NumberText(t.Mark(r.Last))
}

// some names the first of what may be many.
func some(words []string) string {
	const most = 20
	if len(words) > most {
		return strings.Join(words[:most], ", ") + " and others"
	}
	return strings.Join(words, ", ")
}

// hearAgain notices that a post has an older directory than it said: its database was put back. What it lacks is told to it again.
func (p *Post) hearAgain(tx *store.Tx, a *arrived) error {
	if a.directory < 1 {
		return nil
	}
	n, err := tx.Exec("update peer set size = $1, tail = $2, told = 0 where post = $3 and size > $1", a.directory, []byte{}, a.from)
	if err == nil && n > 0 {
		tx.Notify(topicDirectory)
	}
	return err
}

// The causes of alarms that mend themselves.
const (
	causeSilent  = "last numbers overdue"     // it has not told its last numbers
	causeUnheard = "last numbers not heard"   // it has not heard this post's
	causeMissing = "serials missing"          // it was asked for them, and they do not come
	causeAgain   = "asks again for receipted" // it asks for what it has signed for
)

// Speed of service: within this a telegram is deciphered after its release.
func speedOf(p telegram.Precedence) time.Duration {
	switch {
	case p >= telegram.Flash:
		return 10 * time.Minute
	case p == telegram.Immediate:
		return 30 * time.Minute
	case p == telegram.Priority:
		return 3 * time.Hour
	case p == telegram.Routine:
		return 6 * time.Hour
	}
	return 24 * time.Hour
}

// gap is what is missing of one series in a row.
type gap struct {
	telegram.Series
	telegram.Range
	named bool      // its sender has sent it: it is asked for a round trip after that is known here
	due   time.Time // when it is to be asked for otherwise
	held  bool      // no number is missing: the other is to be told which keys are held, and that what does not open with them is missing
}

// gapsOf are the gaps in what one post sends.
func (p *Post) gapsOf(tx *store.Tx, post string) (gaps []gap, r reckoning, patience time.Duration, err error) {
	if r, err = reckoningWith(tx, post); err != nil {
		return nil, r, 0, err
	}
	n, err := r.lastNumbers()
	if err != nil {
		return nil, r, 0, fmt.Errorf("what %s told of its last numbers: %w", post, err)
	}
	if n == nil {
		n = &telegram.LastNumber{}
	}
	patience = p.patienceWith(post, time.Duration(n.RoundTrip)*time.Millisecond)
	seen, err := circuit.SeenOf(tx, post)
	if err != nil {
		return nil, r, 0, err
	}
	all := seen.Series()
	for _, s := range n.Series {
		if !slices.Contains(all, s.Series) {
			all = append(all, s.Series)
		}
	}
	for _, series := range all {
		said, told := n.Of(series)
		for _, h := range seen.Runs(series).Holes(said.Last, r.came) {
			switch {
			case series.Of == telegram.Lanes:
				gaps = append(gaps, gap{Series: series, Range: h.Range, named: true})
			case series.Of == telegram.Specials && h.First <= said.Last:
				gaps = append(gaps, gap{Series: series, Range: telegram.Range{First: h.First, Last: min(h.Last, said.Last)}, named: true})
			case series.Of == telegram.Serials && (told || h.First > 1): // before the first that came there may be a paper register
				for _, x := range split(h.Range, said.Open, said.Last) {
					g := gap{Series: series, Range: x.Range, named: x.named}
					if !g.named {
						speed, err := slowest(tx, post, series, h.Last)
						if err != nil {
							return nil, r, 0, err
						}
						g.due = h.Since.Add(speed)
					}
					gaps = append(gaps, g)
				}
			}
		}
	}
	return gaps, r, patience, nil
}

// span is a part of a hole, all of it named by its sender as sent, or none of it.
type span struct {
	telegram.Range
	named bool
}

// split tells in a hole what its sender says it has sent from what waits there, or was registered after it spoke.
func split(hole telegram.Range, waits []telegram.Range, last uint32) (out []span) {
	add := func(first, end int64, named bool) {
		first, end = max(first, int64(hole.First)), min(end, int64(hole.Last))
		if first <= end {
			out = append(out, span{telegram.Range{First: uint32(first), Last: uint32(end)}, named})
		}
	}
	next := int64(1)
	for _, w := range waits {
		add(next, int64(w.First)-1, true)
		add(int64(w.First), int64(w.Last), false)
		next = int64(w.Last) + 1
	}
	add(next, int64(last), true)
	add(max(next, int64(last)+1), int64(hole.Last), false)
	return out
}

// slowest is the speed of service of a telegram that waits at its sender while those behind it came: they overtook it, so it is less urgent than the
// least of them.
func slowest(tx *store.Tx, post string, series telegram.Series, before uint32) (time.Duration, error) {
	t := telegram.Type(series.Grade)
	least := int64(telegram.Override)
	err := tx.QueryRow(`select coalesce(min(precedence), $4) from (select precedence from filed where way = 'in' and post = $1 and serial > $2 and serial <= $3 order by serial limit 100) as behind`,
		post, int64(t.Mark(before)), int64(t.Mark(telegram.MaxNumber)), int64(telegram.Override)).Scan(&least)
	if err != nil {
		return 0, fmt.Errorf("looking what overtook a telegram of %s: %w", post, err)
	}
	return speedOf(telegram.Precedence(max(least-1, 0))), nil
}
