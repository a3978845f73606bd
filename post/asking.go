package post

import (
	"context"
	"errors"
	"fmt"
	"time"

	"chancery.example/chancery/circuit"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// asks is what is to be asked for, and how often it was. It is in memory only.
type asks struct {
	of   map[asked]*ask
	told map[string]bool // the posts that were told, since this process began, which keys this one holds
}

// asked names a gap by its first number.
type asked struct {
	post   string
	series telegram.Series
	first  uint32
	named  bool
}

type ask struct {
	due   time.Time // when it is asked for, or again
	first time.Time // when it was first asked for
	tries int
}

// stubborn is after how many retry times, and how many requests, a gap in the serials is for people.
const (
	stubbornFor   = 60
	stubbornTries = 3
)

// asker asks other posts for what is missing, and says who is overdue.
func (p *Post) asker(ctx context.Context, carrier circuit.Carrier) error {
	wake := p.db.Wake(ctx, topicGaps)
	known := &asks{map[asked]*ask{}, map[string]bool{}}
	for ctx.Err() == nil {
		next, err := p.askAll(ctx, carrier, known)
		if err != nil && ctx.Err() == nil && !errors.Is(err, ErrNoDirectory) {
			p.config.Log.Warn("what is missing could not be asked for; it is tried again", "reason", err)
		}
		now := p.config.Now()
		p.wait(ctx, p.atOnce()) // a gap is told of with every section
		p.wait(ctx, min(max(next.Sub(now), p.atOnce()), time.Minute), wake)
	}
	return ctx.Err()
}

// askAll asks each post for what is due, and says when something is due next.
func (p *Post) askAll(ctx context.Context, carrier circuit.Carrier, known *asks) (next time.Time, err error) {
	v, err := p.current()
	if err != nil {
		return next, err
	}
	now := p.config.Now()
	next = now.Add(min(time.Minute, p.config.LastNumber)) // something may be overdue
	var posts []string
	if err := p.db.Read(ctx, func(tx *store.Tx) (err error) {
		posts, err = correspondents(tx)
		return err
	}); err != nil {
		return next, err
	}
	var failed []error
	for _, post := range posts {
		if v.suspended(post) != nil || v.identity(post) == nil {
			continue
		}
		due, err := p.askOne(ctx, v, carrier, post, known, now)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", post, err))
		}
		if !due.IsZero() && due.Before(next) {
			next = due
		}
	}
	return next, errors.Join(failed...)
}

// correspondents are the posts with which numbers are reckoned, or that have opened a chain.
func correspondents(tx *store.Tx) (posts []string, err error) {
	rows, err := tx.Query("select post from accounted union select post from reckoning union select post from chain_in order by post")
	if err != nil {
		return nil, fmt.Errorf("reading with whom this post corresponds: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var post string
		if err := rows.Scan(&post); err != nil {
			return nil, err
		}
		posts = append(posts, post)
	}
	return posts, rows.Err()
}

// askOne asks one post for what is due, and says when something of it is due next; zero if nothing is missing.
func (p *Post) askOne(ctx context.Context, v *view, carrier circuit.Carrier, post string, known *asks, now time.Time) (next time.Time, err error) {
	var gaps []gap
	var r reckoning
	var patience time.Duration
	stands := map[string]bool{}
	if err := p.db.Read(ctx, func(tx *store.Tx) (err error) {
		if gaps, r, patience, err = p.gapsOf(tx, post); err != nil {
			return err
		}
		lost, err := p.lostChain(tx, post)
		if err != nil {
			return err
		}
		if lost || p.keys.Burnable != nil && !known.told[post] { // whatever a stop took away is then sealed anew at once
			gaps = append(gaps, gap{held: true})
		}
		stands, err = openCauses(tx, post)
		return err
	}); err != nil {
		return next, err
	}
	known.follow(post, gaps, now, patience)
	var due []gap
	for _, g := range gaps {
		if !known.of[g.key(post)].due.After(now) {
			due = append(due, g)
		}
	}
	if len(due) > 0 {
		if err := p.sendRepeat(ctx, v, carrier, post, due, r.asked, now); err != nil {
			return now.Add(patience), err
		}
		for _, g := range due {
			known.of[g.key(post)].asked(now, patience)
			if g.held {
				known.told[post] = true
			}
		}
	}
	for _, g := range gaps {
		if at := known.of[g.key(post)].due; next.IsZero() || at.Before(next) {
			next = at
		}
	}
	return next, p.raise(ctx, post, known.words(post, gaps, &r, now, stubbornFor*p.config.Retry), p.lateWith(&r, now), stands)
}

func (g *gap) key(post string) asked { return asked{post, g.Series, g.First, g.named} }

// asked notes that a gap was asked for. If it is still there after so long it is asked for again, and then after twice as long each time.
func (a *ask) asked(now time.Time, patience time.Duration) {
	if a.tries == 0 {
		a.first = now
	}
	a.due = now.Add(min(patience<<min(a.tries, 16), longestRetry))
	a.tries++
}

// follow takes note of the gaps of a post that are new, and forgets those that are closed.
func (k *asks) follow(post string, gaps []gap, now time.Time, patience time.Duration) {
	open := map[asked]bool{}
	for _, g := range gaps {
		of := g.key(post)
		open[of] = true
		if k.of[of] == nil && g.named {
			k.of[of] = &ask{due: now.Add(patience)}
		} else if k.of[of] == nil {
			k.of[of] = &ask{due: g.due}
		}
	}
	for of := range k.of {
		if of.post == post && !open[of] {
			delete(k.of, of)
		}
	}
}

// words names the serials that their sender says it sent, that it was asked for again and again, and that do not come though it can be heard.
func (k *asks) words(post string, gaps []gap, r *reckoning, now time.Time, long time.Duration) string {
	var words []string
	for _, g := range gaps {
		a := k.of[g.key(post)]
		if g.Of == telegram.Serials && g.named && a != nil && a.tries >= stubbornTries && now.Sub(a.first) >= long && r.came.After(a.first) {
			words = append(words, rangeWords(telegram.Type(g.Grade), g.Range))
		}
	}
	if len(words) == 0 {
		return ""
	}
	return fmt.Sprintf("serials %s of it are missing: it says that it has given them, was asked for them several times, and they do not come. Call its administrators: a telegram may have been swallowed there, or on the way", some(words))
}

// lateWith says what is overdue between another post and this one, by cause.
func (p *Post) lateWith(r *reckoning, now time.Time) map[string]string {
	late := map[string]string{}
	n, err := r.lastNumbers()
	clock := func(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05 UTC") }
	if err == nil && n != nil {
		if every := time.Duration(n.Interval) * time.Millisecond; now.Sub(r.came) > overdue*every {
			late[causeSilent] = fmt.Sprintf("nothing is known of its last numbers since %s, and it tells them every %s: the line is down, or somebody keeps them back, and telegrams with them. Ask by another way whether it has sent anything", clock(r.came), every)
		}
	}
	if every := p.lastNumberEvery(r); !r.since.IsZero() && now.Sub(r.since) > overdue*every {
		switch {
		case n == nil:
			late[causeUnheard] = fmt.Sprintf("it has never said that it heard this post, which has told its last numbers since %s: the line is down, or somebody keeps back what goes there. Telegrams without a receipt may not be there", clock(r.since))
		case now.Sub(r.came) <= every*3/2 && time.Duration(r.said-n.Heard)*time.Millisecond > overdue*every:
			late[causeUnheard] = fmt.Sprintf("it can be heard, and has heard nothing of this post for more than %s: somebody keeps back what goes there, or the line is open in one direction only. Telegrams without a receipt may not be there", overdue*every)
		}
	}
	return late
}

// openCauses are the causes of open alarms about a post that mend themselves.
func openCauses(tx *store.Tx, post string) (map[string]bool, error) {
	rows, err := tx.Query("select cause from alarm where post = $1 and cause <> '' and closed is null", post)
	if err != nil {
		return nil, fmt.Errorf("reading the alarms: %w", err)
	}
	defer rows.Close()
	open := map[string]bool{}
	for rows.Next() {
		var cause string
		if err := rows.Scan(&cause); err != nil {
			return nil, err
		}
		open[cause] = true
	}
	return open, rows.Err()
}

// raise raises the alarms that are due about a post, each once as long as it is open, and closes those whose cause has gone.
func (p *Post) raise(ctx context.Context, post, missing string, late map[string]string, open map[string]bool) error {
	if missing != "" {
		late[causeMissing] = missing
	}
	mends := map[string]string{causeMissing: "all has come", causeUnheard: "it has heard of this post again"} // causeSilent is mended by what comes
	changes := false
	for _, cause := range []string{causeSilent, causeUnheard, causeMissing} {
		changes = changes || late[cause] != "" && !open[cause] || late[cause] == "" && open[cause] && mends[cause] != ""
	}
	if !changes {
		return nil
	}
	return p.db.Write(ctx, func(tx *store.Tx) error {
		for _, cause := range []string{causeSilent, causeUnheard, causeMissing} {
			var err error
			switch {
			case late[cause] != "" && !open[cause]:
				err = p.alarmWhile(tx, post, cause, late[cause])
			case late[cause] == "" && open[cause] && mends[cause] != "":
				err = p.mended(tx, post, cause, mends[cause])
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// sendRepeat asks a post for what is missing.
func (p *Post) sendRepeat(ctx context.Context, v *view, carrier circuit.Carrier, to string, gaps []gap, before int64, now time.Time) error {
	r := &telegram.Repeat{From: p.config.Name, To: to, At: max(now.UnixMilli(), before+1)}
	for _, k := range p.keys.Letters {
		r.Keys = append(r.Keys, k.ID)
	}
	if p.keys.Burnable != nil {
		keys, chains := p.keys.Burnable.held(to)
		r.Keys, r.Chains = append(r.Keys, keys...), chains
	}
	r.Keys, r.Chains = r.Keys[max(0, len(r.Keys)-telegram.MaxHeld):], r.Chains[max(0, len(r.Chains)-telegram.MaxHeld):]
	for _, g := range gaps { // they are in order
		if g.held { // which every request says
			continue
		}
		if n := len(r.Wanted); n == 0 || r.Wanted[n-1].Series != g.Series {
			r.Wanted = append(r.Wanted, telegram.Wanted{Series: g.Series})
		}
		w := &r.Wanted[len(r.Wanted)-1]
		if last := len(w.Numbers) - 1; last >= 0 && int64(g.First) == int64(w.Numbers[last].Last)+1 {
			w.Numbers[last].Last = g.Last
		} else if len(w.Numbers) < telegram.MaxRanges {
			w.Numbers = append(w.Numbers, g.Range)
		}
	}
	statement := r.Marshal()
	s := telegram.Service{Kind: telegram.ServiceRepeat, Statement: statement}
	s.Ed, s.PQ = p.keys.Identity.Sign(telegram.LabelRepeat, statement)
	if err := p.sendService(ctx, v, carrier, to, telegram.Override, &s, now); err != nil {
		return err
	}
	p.config.Log.Info("what is missing was asked for", "post", to, "gaps", len(gaps))
	return p.db.Write(ctx, func(tx *store.Tx) error { return setReckoning(tx, to, "asked", r.At) })
}
