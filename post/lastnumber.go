package post

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"chancery.example/chancery/circuit"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// How a post says how far its numbers are. A receiver sees a gap by what comes after it; behind the last telegram nothing comes. So each post tells each
// other that it corresponds with the last number of every series between them, at an interval, on a silent line too, and says when it will do so
// again. One that is overdue is an alarm at the post that waits for it; and, since each says which it heard last, at the post that sent it.
//
// It takes no number and is not receipted. Beside the interval it is sent only to answer a repeat request for what is not kept any more.

// The bounds of Config.LastNumber.
const (
	DefaultLastNumber = time.Hour
	MeteredLastNumber = 6 * time.Hour // the least on a line that is paid for by the byte
	MaxLastNumber     = telegram.MaxInterval * time.Millisecond
)

// overdue is after how many intervals last numbers are missed.
const overdue = 3

// trip is how long the way to a post and back takes, as sections and their receipts show it (RFC 6298). Only what was carried once tells.
type trip struct {
	mu              sync.Mutex
	smooth, varying time.Duration // guarded by mu; zero while nothing was measured
}

func (t *trip) took(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case d <= 0: // the clock was set
	case t.smooth == 0:
		t.smooth, t.varying = d, d/2
	default:
		t.varying += ((t.smooth - d).Abs() - t.varying) / 4
		t.smooth += (d - t.smooth) / 8
	}
}

// patience is after how long something without an answer is taken for lost; 0 if nothing was measured.
func (t *trip) patience() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.smooth + 4*t.varying
}

// longestPatience bounds what a measured round trip can make a post wait, atOnce what it can spare it.
const longestPatience = 10 * time.Minute

func (p *Post) atOnce() time.Duration { return min(p.config.Retry/10, time.Second) }

// patienceWith is after how long a post takes for lost what it waits for from another: as the sender of it measures, or this post, or neither.
func (p *Post) patienceWith(post string, said time.Duration) time.Duration {
	if said == 0 {
		said = p.peer(post).trip.patience()
	}
	if said == 0 {
		said = p.config.Retry
	}
	return min(max(said, p.atOnce()), longestPatience)
}

// reckoning is what this post and another have told each other of their numbers.
type reckoning struct {
	told, since time.Time // when this post's last numbers were last sent, and when it began to reckon; zero: not yet
	said        int64     // the time that they bore
	owed        bool      // they are to be sent at once
	asked       int64     // the time that this post's last repeat request bore
	wanted      int64     // the time that the other's bore
	at          int64     // the time that the other's last numbers bore
	came        time.Time // when they came; zero: never
	says        []byte    // they, as a service message
}

// reckoningWith reads it; all is zero with a post that was never told anything.
func reckoningWith(tx *store.Tx, post string) (r reckoning, err error) {
	var told, since, came, owed int64
	err = tx.QueryRow("select told, since, said, owed, asked, wanted, at, came, says from reckoning where post = $1", post).
		Scan(&told, &since, &r.said, &owed, &r.asked, &r.wanted, &r.at, &came, &r.says)
	if errors.Is(err, sql.ErrNoRows) {
		return reckoning{}, nil
	}
	if err != nil {
		return r, fmt.Errorf("reading what %s and this post told each other: %w", post, err)
	}
	r.owed = owed == 1
	for _, x := range []struct {
		to *time.Time
		ms int64
	}{{&r.told, told}, {&r.since, since}, {&r.came, came}} {
		if x.ms != 0 {
			*x.to = time.UnixMilli(x.ms)
		}
	}
	return r, nil
}

// lastNumbers reads what the other post said last; nil if it said nothing.
func (r *reckoning) lastNumbers() (*telegram.LastNumber, error) {
	if r.says == nil {
		return nil, nil
	}
	s, err := telegram.ParseService(r.says)
	if err != nil {
		return nil, err
	}
	return telegram.ParseLastNumber(s.Statement)
}

// unheard says whether the other post can be heard, and has not heard this one's last numbers for some intervals. It may have lost the chain in which they
// go, and not know it: a machine was put back from a backup, and a letter of an older chain came after that. So the chain is given up; what follows goes in
// letters, which open to whoever has the directory's keys.
func (r *reckoning) unheard(now time.Time, every time.Duration) bool {
	n, err := r.lastNumbers()
	return err == nil && n != nil && now.Sub(r.came) <= every*3/2 && time.Duration(r.said-n.Heard)*time.Millisecond > every*5/2
}

// lastNumberEvery is how often this post tells another its last numbers: as often as it is set to, but no more often than the other tells its own. So a
// post on a line that is metered decides for both ends.
func (p *Post) lastNumberEvery(r *reckoning) time.Duration {
	every := p.config.LastNumber
	if n, err := r.lastNumbers(); err == nil && n != nil {
		every = max(every, time.Duration(n.Interval)*time.Millisecond)
	}
	return every
}

// setReckoning sets one column of what is between this post and another.
func setReckoning(tx *store.Tx, post, column string, value any) error {
	_, err := tx.Exec("insert into reckoning (post, "+column+") values ($1, $2) on conflict (post) do update set "+column+" = excluded."+column, post, value)
	return err
}

// tellLast sends a post the last numbers when it is time for it, and says when it is time again.
func (p *Post) tellLast(ctx context.Context, to string, carrier circuit.Carrier) (next time.Time, err error) {
	v, err := p.current()
	if err != nil {
		return next, err
	}
	now := p.config.Now()
	if v.suspended(to) != nil {
		return now.Add(time.Minute), nil
	}
	n := &telegram.LastNumber{From: p.config.Name, To: to}
	every, due, begins, unheard := p.config.LastNumber, false, false, false
	err = p.db.Read(ctx, func(tx *store.Tx) error {
		var heard int64
		if err := tx.QueryRow("select (select count(*) from peer where post = $1) + (select count(*) from series where name in ($2, $3, $4))", to, seriesSerial(to),
			telegram.Exercise.Series(seriesSerial(to)), telegram.Drill.Series(seriesSerial(to))).Scan(&heard); err != nil {
			return err
		}
		r, err := reckoningWith(tx, to)
		if err != nil {
			return err
		}
		every = p.lastNumberEvery(&r)
		switch next = r.told.Add(every); {
		case heard == 0:
			next = now.Add(time.Minute)
		case r.since.IsZero():
			begins = true
		case r.owed && now.Sub(r.told) >= p.patienceWith(to, 0), !now.Before(next), next.Sub(now) > every: // the last for a clock that was set back
			due = true
		}
		if !due {
			return nil
		}
		n.At, n.Heard = max(now.UnixMilli(), r.said+1), r.at
		unheard = r.unheard(now, every)
		n.Series, err = p.lastOf(tx, to)
		return err
	})
	if err == nil && begins { // nothing is so new that it could be overdue
		return now.Add(every), p.db.Write(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec("insert into reckoning (post, told, since) values ($1, $2, $2) on conflict (post) do update set told = excluded.told, since = excluded.since", to, now.UnixMilli())
			return err
		})
	}
	if err != nil || !due {
		return next, err
	}
	n.Interval = uint32(every.Milliseconds())
	n.RoundTrip = uint32(p.peer(to).trip.patience().Milliseconds())
	if unheard && p.keys.Burnable != nil {
		p.keys.Burnable.giveUp(to)
	}
	statement := n.Marshal()
	s := telegram.Service{Kind: telegram.ServiceLastNumber, Statement: statement}
	s.Ed, s.PQ = p.keys.Identity.Sign(telegram.LabelLastNumber, statement)
	if err := p.sendService(ctx, v, carrier, to, telegram.Override, &s, now); err != nil {
		return now, err
	}
	return now.Add(every), p.db.Write(ctx, func(tx *store.Tx) error {
		if unheard {
			if _, err := tx.Exec("delete from chain_out where post = $1", to); err != nil {
				return err
			}
		}
		_, err := tx.Exec("update reckoning set told = $1, said = $2, owed = 0 where post = $3", now.UnixMilli(), n.At, to)
		return err
	})
}

// lastOf reads how far the series are by which this post sends to another.
func (p *Post) lastOf(tx *store.Tx, to string) (out []telegram.SeriesLast, err error) {
	standing, err := circuit.StandingOf(tx, to)
	if err != nil {
		return nil, err
	}
	open := map[telegram.Series][]uint32{}
	for _, s := range standing.Serials {
		t, n := telegram.Unmark(uint32(s))
		open[telegram.SerialsOf(t)] = append(open[telegram.SerialsOf(t)], n)
	}
	for _, s := range standing.Open {
		lane := telegram.Lane(s.Circuit, s.Precedence)
		open[telegram.SpecialSeries()] = append(open[telegram.SpecialSeries()], s.Special)
		open[lane] = append(open[lane], s.Lane)
	}
	for _, x := range seriesTo(to) {
		s := telegram.SeriesLast{Series: x.series}
		err := tx.QueryRow("select base, last from series where name = $1", x.name).Scan(&s.Base, &s.Last)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading the series %s: %w", x.name, err)
		}
		s.Open = circuit.InRanges(open[x.series], telegram.MaxRanges)
		out = append(out, s)
	}
	return out, nil
}

// named is a series between two posts, and its name in the register.
type named struct {
	series telegram.Series
	name   string
}

// seriesTo are the series by which this post sends to another, in the order in which messages have them.
func seriesTo(to string) (all []named) {
	for _, t := range []telegram.Type{telegram.Operation, telegram.Exercise, telegram.Drill} {
		all = append(all, named{telegram.SerialsOf(t), t.Series(seriesSerial(to))})
	}
	all = append(all, named{telegram.SpecialSeries(), seriesSpecial(to)})
	for level := telegram.Deferred; level <= telegram.Override; level++ {
		all = append(all, named{telegram.Lane(circuitNumber, level), seriesLane(to, circuitNumber, level)})
	}
	return all
}
