// Package post is one post and the whole life of a telegram through it. Read outgoing.go, then incoming.go: they tell it from top to
// bottom. acts.go is what people do at the desk before and after, recover.go what happens after a crash, verify.go how it is proved.
//
// This package alone introduces the others to each other: it opens what is sealed, numbers it, files it, queues it and lays it on the
// desk, by plain calls inside one transaction. Beside the command it is the only one that can name a private key.
package post

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"chancery.example/chancery/circuit"
	"chancery.example/chancery/directory"
	"chancery.example/chancery/register"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
	"golang.org/x/mod/sumdb/note"
)

// Config says how a post works. Beside Name, Route and Fingerprint the zero value is good.
type Config struct {
	Name        string
	Route       telegram.Route              // the post's routing code, which it chose itself
	Fingerprint directory.Fingerprint       // of the directory's root, learned by another way
	Section     int                         // bytes of the telegram in one section; 0 means 32 KiB
	Window      int64                       // bytes without a receipt on a circuit, for each precedence and those above; 0 means 256 KiB
	Batch       int                         // telegrams registered, or sections sealed, in one commit; 0 means 256
	Retry       time.Duration               // what has no receipt is carried again after this, then twice as long, and so on; 0 means 10 s
	Message     int64                       // bytes of several envelopes handed to the carrier at once; 0 means 64 KiB
	Gather      time.Duration               // how long receipts wait for others that leave with them; 0: not at all
	Circuits    map[string]Way              // what is otherwise on the way to single posts, by name
	Witness     time.Duration               // how often other posts are shown what is new in the register; 0 means 6 h
	Late        time.Duration               // after this the signatures that frames leave out follow; 0 means a minute
	Whole       []string                    // posts whose telegrams are shown only when all signatures are here
	Limits      map[telegram.Precedence]int // characters of text at a precedence, 0 for as many as there can be; for those left out see Limits
	LastNumber  time.Duration               // how often other posts are told how far the numbers are; 0 means 1 h
	Metered     bool                        // the line is paid for by the byte: the last numbers are told every 6 h at most, witnesses shown once a day
	Pieces      PieceStore                  // where pieces of attachments lie; nil means nowhere, and no telegram of this post has one
	Fetch       int64                       // attachments with more bytes are asked for by command alone; 0 means that all are asked for
	Log         *slog.Logger                // nil means slog.Default
	Now         func() time.Time            // nil means time.Now
}

// Way is what is known of the way to one post. What is 0 is as in Config.
type Way struct {
	Window, Message int64
	Retry           time.Duration
	Gather          time.Duration // how long receipts wait for others that leave with them, save for what is Immediate or above; 0: none does
	Metered         bool          // witnesses are shown once a day
}

// The bounds of Config.Section.
const (
	MinSection = 64
	MaxSection = 1 << 20
)

// Keys are the post's own secrets.
type Keys struct {
	Identity *seal.Signer // signs letters and receipts
	Register *seal.Signer // signs the register's checkpoints
	Letters  []LetterKey  // open letters; several while periods overlap
	Rest     *seal.Rest   // seals what the post keeps
	Burnable *Burnable    // chains and one-time keys; without it everything goes in letters
}

// LetterKey is a post's letter key with the id by which the directory and envelopes know it.
type LetterKey struct {
	ID  [4]byte
	Key *seal.LetterKey
}

// Post is one post. Its methods may be called at the same time, by several processes too when the database is PostgreSQL.
type Post struct {
	config    Config
	keys      Keys
	db        *store.DB
	view      atomic.Pointer[view]
	cosigners func() ([]note.Signer, error) // of the register's checkpoints
	process   string                        // under which this process owns ways: see owner.go
	peersMu   sync.Mutex
	peers     map[string]*peer // posts this process carries to; guarded by peersMu
	traffic   traffic
	gathered  *gathered
	burns     atomic.Uint32 // numbers rows that go within a second
	heardOf   sync.Map      // post → statements of its directory, as the table peer has it at least

	loadsMu  sync.Mutex
	loads    map[int64]*loading // files that are being read in; guarded by loadsMu
	fetching *fetching          // what is asked for of attachments
	shapes   shapes             // of attachments that are asked for
	answers  chan struct{}      // holds one value while pieces are handed to a carrier
}

// New makes a post of its parts. It starts nothing.
func New(c Config, k Keys, db *store.DB) (*Post, error) {
	if err := telegram.CheckPostName(c.Name); err != nil {
		return nil, err
	}
	if k.Identity == nil || k.Register == nil || k.Rest == nil {
		return nil, errors.New("post: a key is missing")
	}
	if c.Section == 0 {
		c.Section = 32 << 10
	}
	if c.Section < MinSection || c.Section > MaxSection {
		return nil, fmt.Errorf("the section size is from %d to %d bytes, not %d", MinSection, MaxSection, c.Section)
	}
	if c.Window == 0 {
		c.Window = 256 << 10
	}
	if c.Batch == 0 {
		c.Batch = 256
	}
	if c.Retry == 0 {
		c.Retry = 10 * time.Second
	}
	if c.Message == 0 {
		c.Message = 64 << 10
	}
	for _, d := range append(slices.Collect(maps.Values(c.Circuits)), Way{Retry: c.Retry}) {
		if d.Retry != 0 && d.Retry < time.Millisecond || d.Retry > longestRetry {
			return nil, fmt.Errorf("the time after which a section is carried again is at most %s, not %s", longestRetry, d.Retry)
		}
	}
	if c.Witness == 0 {
		c.Witness = 6 * time.Hour
	}
	if c.Witness < time.Millisecond || c.Witness > silentFor {
		return nil, fmt.Errorf("the register is shown to other posts at least every %s, not every %s", silentFor, c.Witness)
	}
	if c.Late == 0 {
		c.Late = time.Minute
	}
	if c.Late < time.Millisecond || c.Late > 24*time.Hour {
		return nil, fmt.Errorf("the signatures that frames leave out follow within 24 h, not after %s", c.Late)
	}
	if c.LastNumber == 0 {
		c.LastNumber = DefaultLastNumber
	}
	if c.Metered {
		c.LastNumber = max(c.LastNumber, MeteredLastNumber)
	}
	if c.LastNumber < time.Millisecond || c.LastNumber > MaxLastNumber {
		return nil, fmt.Errorf("other posts are told the last numbers at least every %s, not every %s", MaxLastNumber, c.LastNumber)
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	p := &Post{config: c, keys: k, db: db, process: newProcess(), peers: map[string]*peer{}, loads: map[int64]*loading{},
		gathered: newGathered(), fetching: newFetching(), answers: make(chan struct{}, 1)}
	p.cosigners = sync.OnceValues(func() ([]note.Signer, error) { return k.Register.Cosigners(p.origin()) })
	return p, nil
}

// way is what is known of the way to a post.
func (p *Post) way(to string) Way {
	c := p.config.Circuits[to]
	return Way{cmp.Or(c.Window, p.config.Window), cmp.Or(c.Message, p.config.Message), cmp.Or(c.Retry, p.config.Retry), cmp.Or(c.Gather, p.config.Gather), c.Metered || p.config.Metered}
}

// Name is the post's name.
func (p *Post) Name() string { return p.config.Name }

// The topics by which transactions wake the post's goroutines.
const (
	topicReleased  = "released"
	topicDirectory = "directory"
	topicSeen      = "seen"
)

// topicGaps wakes whoever asks for what is missing.
const topicGaps = "gaps"

func topicQueue(post string) string { return "queue " + post }

// Run carries the post's telegrams out and in until ctx ends, and returns ctx's error, or the one that stopped it.
func (p *Post) Run(ctx context.Context, carrier circuit.Carrier) error {
	if err := p.Recover(ctx); err != nil {
		return err
	}
	if p.keys.Burnable != nil {
		if err := errors.Join(p.burnLeft(ctx), p.sameChains(ctx)); err != nil {
			return err
		}
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var wg sync.WaitGroup
	do := func(what string, f func(context.Context) error) {
		wg.Go(func() {
			if err := f(ctx); err != nil && ctx.Err() == nil {
				stop(fmt.Errorf("%s: %w", what, err))
			}
		})
	}
	do("registering", p.registrar)
	do("receiving", func(ctx context.Context) error {
		return p.whileOwner(ctx, wayIn, func(ctx context.Context) error {
			return p.receive(ctx, carrier)
		})
	})
	do("receipting", func(ctx context.Context) error { return p.receipter(ctx, carrier) })
	do("counting", p.counter)
	if p.keys.Burnable != nil {
		do("burning", p.burner)
	}
	do("asking for what is missing", func(ctx context.Context) error {
		return p.whileOwner(ctx, wayGaps, func(ctx context.Context) error { return p.asker(ctx, carrier) })
	})
	do("telling news", func(ctx context.Context) error {
		return p.whileOwner(ctx, wayNews, func(ctx context.Context) error { return p.teller(ctx, carrier) })
	})
	do("following the directory", func(ctx context.Context) error {
		return p.followDirectory(ctx, func(name string) {
			do("carrying to "+name, func(ctx context.Context) error {
				return p.whileOwner(ctx, wayTo(name), func(ctx context.Context) error { return p.dispatcher(ctx, name, carrier) })
			})
		})
	})
	<-ctx.Done()
	wg.Wait()
	return context.Cause(ctx)
}

// receive takes what comes, and asks for what attachments lack.
func (p *Post) receive(ctx context.Context, carrier circuit.Carrier) error {
	ctx, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { p.fetcher(ctx, carrier) })
	wg.Go(func() { p.keeper(ctx, carrier) })
	err := carrier.Receive(ctx, func(at telegram.Precedence, es []telegram.Envelope) error { return p.take(ctx, carrier, at, es) })
	stop()
	wg.Wait()
	return err
}

// followDirectory reads the directory again when another version was adopted, and starts carrying to each post that is new.
func (p *Post) followDirectory(ctx context.Context, carryTo func(post string)) error {
	wake := p.db.Wake(ctx, topicDirectory)
	started := map[string]bool{p.config.Name: true}
	var warned time.Time
	for ctx.Err() == nil {
		v, err := p.refresh(ctx)
		if err != nil && !errors.Is(err, ErrNoDirectory) {
			return err
		}
		if v != nil {
			for _, d := range v.dir.Posts() {
				if !started[d.Name] {
					started[d.Name] = true
					carryTo(d.Name)
				}
				p.peer(d.Name).wake() // it may have been suspended until now, or be so from now on
			}
			if now := p.config.Now(); now.Sub(warned) >= 24*time.Hour {
				warned = now
				if err := p.warnStale(ctx, v, now); err != nil {
					return err
				}
			}
		}
		p.wait(ctx, time.Minute, wake)
	}
	return ctx.Err()
}

// warnStale raises an alarm, once a day, while the directory is older than it should be. The post goes on: it may be one that only a courier reaches.
func (p *Post) warnStale(ctx context.Context, v *view, now time.Time) error {
	err := v.dir.Verify(p.config.Fingerprint, now)
	if !errors.Is(err, directory.ErrStale) {
		return nil
	}
	return p.db.Write(ctx, func(tx *store.Tx) error {
		return p.alarm(tx, p.config.Name, fmt.Sprintf("the directory is out of date (%v): its root officers have not signed for more than %d days, or somebody keeps a newer one from this post, and with it whom they revoked. Ask them for it by another way",
			err, int(directory.Fresh/(24*time.Hour))))
	})
}

// wait returns when one of the wakes comes, or after d, or when ctx ends.
func (p *Post) wait(ctx context.Context, d time.Duration, wakes ...<-chan struct{}) {
	t := time.NewTimer(d)
	defer t.Stop()
	var a, b <-chan struct{}
	if len(wakes) > 0 {
		a = wakes[0]
	}
	if len(wakes) > 1 {
		b = wakes[1]
	}
	select {
	case <-a:
	case <-b:
	case <-t.C:
	case <-ctx.Done():
	}
}

// origin names the post's register in its checkpoints.
func (p *Post) origin() string { return register.Origin(p.config.Route) }

// registerVerifiers check the post's own checkpoints.
func (p *Post) registerVerifiers() ([]note.Verifier, error) {
	return p.keys.Register.Verifier().Cosigners(p.origin())
}

// parallel runs fn for 0 to n-1 on all processors.
func parallel(n int, fn func(i int)) {
	workers := min(n, runtime.GOMAXPROCS(0))
	if workers <= 1 {
		for i := range n {
			fn(i)
		}
		return
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				fn(i)
			}
		})
	}
	wg.Wait()
}
