package post

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/circuit"
	"chancery.example/chancery/desk"
	"chancery.example/chancery/register"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// Status is how far a telegram has come, and by what that is known.
type Status struct {
	Post       string           `json:"post"` // whose knowledge it is
	Way        archive.Way      `json:"way"`
	Year       int              `json:"year"`
	Number     uint32           `json:"number"`
	Root       telegram.Root    `json:"root"`
	Steps      []Reached        `json:"steps"` // what is the same for all addressees
	Addressees []AddresseeState `json:"addressees,omitempty"`
}

// Reached is a step that was taken.
type Reached struct {
	Step  string    `json:"step"`
	At    time.Time `json:"at"`
	Proof string    `json:"proof"` // by what it is known
}

// AddresseeState is how far a telegram has come for one addressed post.
type AddresseeState struct {
	Post    string     `json:"post"`
	Serial  uint32     `json:"serial"`
	State   string     `json:"state"` // the last step
	Steps   []Reached  `json:"steps"`
	Unknown *time.Time `json:"unknown_since,omitempty"` // it left, and nothing that its post has signed says what became of it since then
}

// The steps, in their order.
const (
	StepDrafted      = "drafted"
	StepHandedOver   = "handed over"
	StepReleased     = "released"
	StepRegistered   = "registered"
	StepQueued       = "queued"
	StepEnciphered   = "enciphered"
	StepOnTheWire    = "on the wire"
	StepDeciphered   = "at the post, deciphered"
	StepSeen         = "seen"
	StepArrived      = "arrived"
	StepAcknowledged = "acknowledged"
)

// Status gives how far a telegram has come, by this post's own number; year 0 is this year.
func (p *Post) Status(ctx context.Context, way archive.Way, year int, number uint32) (*Status, error) {
	v, err := p.current()
	if err != nil {
		return nil, err
	}
	f, r, err := p.filed(ctx, way, year, number)
	if err != nil {
		return nil, err
	}
	s := &Status{Post: p.config.Name, Way: f.Way, Year: f.Year, Number: f.Number, Root: f.Root}
	err = p.db.Read(ctx, func(tx *store.Tx) error {
		entry, err := register.IndexOf(tx, f.ID)
		if err != nil {
			return err
		}
		if f.Way == archive.Out {
			return p.statusOut(tx, v, s, f, r, entry)
		}
		return p.statusIn(tx, s, f, r, entry)
	})
	return s, err
}

func (s *Status) reached(step string, at time.Time, format string, a ...any) {
	s.Steps = append(s.Steps, Reached{step, at.UTC(), fmt.Sprintf(format, a...)})
}

func (a *AddresseeState) reached(step string, at time.Time, format string, x ...any) {
	if !at.IsZero() {
		a.Steps = append(a.Steps, Reached{step, at.UTC(), fmt.Sprintf(format, x...)})
	}
}

func (p *Post) statusOut(tx *store.Tx, v *view, s *Status, f *archive.Filed, r *telegram.Registered, entry int64) error {
	var draft int64
	if err := tx.QueryRow("select id from draft where of = $1", f.ID).Scan(&draft); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	steps, err := desk.Steps(tx, draft)
	if err != nil {
		return err
	}
	for _, x := range steps {
		switch x.What {
		case desk.StepDrafted:
			s.reached(StepDrafted, x.At, "this post's note")
		case desk.StepHandedOver:
			s.reached(StepHandedOver, x.At, "signature of person %d", x.By.Person)
		case desk.StepReleased:
			s.reached(StepReleased, x.At, "signatures of person %d", x.By.Person)
		}
	}
	s.reached(StepRegistered, time.Unix(r.Numbers.Registered, 0), "entry %d of this post's register", entry)
	ds, err := circuit.Deliveries(tx, f.ID)
	if err != nil {
		return err
	}
	order := r.Telegram.AddressedPosts()
	slices.SortFunc(ds, func(a, b circuit.Delivery) int { return slices.Index(order, a.Post) - slices.Index(order, b.Post) })
	for _, d := range ds {
		a, err := p.statusTo(tx, v, &d)
		if err != nil {
			return err
		}
		s.Addressees = append(s.Addressees, *a)
	}
	return nil
}

// statusTo is how far it has come for one post.
func (p *Post) statusTo(tx *store.Tx, v *view, d *circuit.Delivery) (*AddresseeState, error) {
	a := &AddresseeState{Post: d.Post, Serial: d.Serial}
	a.reached(StepQueued, d.Queued, "this post's outbox")
	wire, err := circuit.OnTheWire(tx, d.Post, d.Serial)
	if err != nil {
		return nil, err
	}
	var left time.Time
	if d.Sections > 0 && d.Sealed == d.Sections && len(wire) > 0 {
		a.reached(StepEnciphered, wire[len(wire)-1].SealedAt, "special No. %d", wire[len(wire)-1].Special)
		for _, w := range wire {
			if left = w.SentAt; left.IsZero() {
				break
			}
		}
		a.reached(StepOnTheWire, left, "handed to the line %d times", wire[len(wire)-1].Sends)
	}
	if !d.Receipted.IsZero() {
		a.reached(StepDeciphered, d.Receipted, "receipt signed by %s, entry %d of this post's register", d.Post, d.Receipt)
	} else if !left.IsZero() {
		if a.Unknown, err = unknownSince(tx, d.Post, left); err != nil {
			return nil, err
		}
	}
	if err := p.statusSeen(tx, v, a, d); err != nil {
		return nil, err
	}
	deeds, err := desk.Deeds(tx, d.Of)
	if err != nil {
		return nil, err
	}
	for _, x := range deeds {
		if x.Post != d.Post || deedWords[x.Act] == "" {
			continue
		}
		by, err := numberOf(tx, x.By)
		if err != nil {
			return nil, err
		}
		a.reached(deedWords[x.Act], time.Unix(x.At, 0), "telegram %s of two people at %s", by, saidBy(&x, p.config.Name))
	}
	for _, x := range a.Steps { // that it was passed on says nothing of how far it is here
		if x.Step != deedWords[telegram.Readdresses] {
			a.State = x.Step
		}
	}
	return a, nil
}

// saidBy is the post that says a deed, of a telegram that sender sent.
func saidBy(d *desk.Deed, sender string) string {
	if d.Act == telegram.Cancels {
		return sender
	}
	return d.Post
}

// deedWords are what a report on an order says was done, or what was done to the telegram itself.
var deedWords = map[telegram.Act]string{telegram.Acknowledges: StepAcknowledged, telegram.Conveys: "conveyed", telegram.PartFulfils: "fulfilled in part", telegram.Fulfils: "fulfilled",
	telegram.AsksTime: "more time asked for", telegram.CannotComply: "cannot be complied with", telegram.Cancels: "cancelled", telegram.Readdresses: "passed on"}

// unknownSince is since when nothing that a post signed tells of a telegram that left: since it left, or the post was last heard from, whichever
// is later. One that is heard from and has not signed for it may be about to.
func unknownSince(tx *store.Tx, post string, left time.Time) (*time.Time, error) {
	var heard sql.NullInt64
	if err := tx.QueryRow("select max(heard) from peer where post = $1", post).Scan(&heard); err != nil {
		return nil, err
	}
	since := left
	if at := time.UnixMilli(heard.Int64); at.After(since) {
		since = at
	}
	since = since.UTC()
	return &since, nil
}

// statusSeen proves the word of a post that somebody opened it.
func (p *Post) statusSeen(tx *store.Tx, v *view, a *AddresseeState, d *circuit.Delivery) error {
	var said []byte
	err := tx.QueryRow("select said from seen_there where post = $1 and serial = $2", d.Post, int64(d.Serial)).Scan(&said)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	s, err := telegram.ParseService(said)
	if err != nil {
		return nil // what is kept of it is damaged, and proves nothing
	}
	if x, err := p.readSeen(v, d.Post, &s); err == nil && x.Serial == d.Serial && x.Root == d.Root {
		a.reached(StepSeen, time.Unix(x.At, 0), "signed by %s", d.Post)
	}
	return nil
}

func (p *Post) statusIn(tx *store.Tx, s *Status, f *archive.Filed, r *telegram.Registered, entry int64) error {
	var first, last, opened int64
	if err := tx.QueryRow("select first, last, opened from arrival where of = $1", f.ID).Scan(&first, &last, &opened); err != nil {
		return fmt.Errorf("reading how it came: %w", err)
	}
	s.reached(StepReleased, time.Unix(r.Telegram.Released, 0), "signatures of person %d of %s", r.Telegram.Releaser.Person, f.Post)
	s.reached(StepRegistered, time.Unix(r.Numbers.Registered, 0), "register number %s of %s", telegram.NumberText(r.Numbers.Register), f.Post)
	s.reached(StepArrived, time.UnixMilli(first), "the first section")
	s.reached(StepDeciphered, time.UnixMilli(opened), "entry %d of this post's register", entry)
	var at sql.NullInt64
	if err := tx.QueryRow("select max(at) from seen where of = $1", f.ID).Scan(&at); err != nil {
		return err
	}
	if at.Valid {
		s.reached(StepSeen, time.Unix(at.Int64, 0), "this post's note")
	}
	deeds, err := desk.Deeds(tx, f.ID)
	if err != nil {
		return err
	}
	for _, x := range deeds {
		by, err := numberOf(tx, x.By)
		if err != nil {
			return err
		}
		if words := deedWords[x.Act]; words != "" {
			s.reached(words, time.Unix(x.At, 0), "telegram %s of two people at %s", by, saidBy(&x, f.Post))
		}
	}
	return nil
}

// Circuit is how the way to and from one post is.
type Circuit struct {
	Post      string         `json:"post"`
	Heard     *time.Time     `json:"heard,omitempty"` // when something genuine last came from it
	Suspended bool           `json:"suspended,omitempty"`
	Backlog   map[string]int `json:"backlog"` // telegrams without a receipt, by precedence
	Oldest    *time.Time     `json:"oldest,omitempty"`
	OldestOf  string         `json:"oldest_precedence,omitempty"`
	RoundTrip int64          `json:"round_trip_ms,omitempty"` // median of the last receipts, from the line to the receipt
	Again     int64          `json:"sent_again"`              // sections without a receipt that were handed to the line more than once
	Short     bool           `json:"short"`                   // telegrams go there in frames
	Today     [2]int64       `json:"bytes_today"`             // sent, came
	Month     [2]int64       `json:"bytes_month"`
}

// Circuits gives all posts that this one has anything to do with, by name.
func (p *Post) Circuits(ctx context.Context) (list []Circuit, err error) {
	v, err := p.current()
	if err != nil {
		return nil, err
	}
	now := p.config.Now().UTC()
	p.writeTraffic(ctx)
	err = p.db.Read(ctx, func(tx *store.Tx) error {
		list = []Circuit{}
		var names []string
		rows, err := tx.Query("select post from peer union select post from outbox union select post from traffic order by 1")
		if err != nil {
			return err
		}
		for rows.Next() {
			var name string
			if err := rows.Scan(&name); err != nil {
				rows.Close()
				return err
			}
			names = append(names, name)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return err
		}
		for _, name := range names {
			c := Circuit{Post: name, Suspended: v.suspended(name) != nil, Backlog: map[string]int{}}
			if err := c.read(tx, now); err != nil {
				return fmt.Errorf("reading the circuit to %s: %w", name, err)
			}
			list = append(list, c)
		}
		return nil
	})
	return list, err
}

func (c *Circuit) read(tx *store.Tx, now time.Time) error {
	rows, err := tx.Query("select precedence, count(*), min(queued) from outbox where post = $1 and receipted is null group by precedence order by precedence", c.Post)
	if err != nil {
		return err
	}
	for rows.Next() {
		var level telegram.Precedence
		var n int
		var since int64
		if err := rows.Scan(&level, &n, &since); err != nil {
			rows.Close()
			return err
		}
		c.Backlog[level.String()] = n
		if at := time.UnixMilli(since).UTC(); c.Oldest == nil || at.Before(*c.Oldest) {
			c.Oldest, c.OldestOf = &at, level.String()
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	month := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	var heard, chain int64
	if err := tx.QueryRow(`select (select coalesce(max(heard), 0) from peer where post = $1), (select count(*) from chain_out where post = $1),
		(select count(*) from wire where post = $1 and envelope is not null and sends > 1),
		(select coalesce(sum(sent), 0) from traffic where post = $1 and day = $2), (select coalesce(sum(came), 0) from traffic where post = $1 and day = $2),
		(select coalesce(sum(sent), 0) from traffic where post = $1 and day >= $3), (select coalesce(sum(came), 0) from traffic where post = $1 and day >= $3)`,
		c.Post, dayOf(now), dayOf(month)).Scan(&heard, &chain, &c.Again, &c.Today[0], &c.Today[1], &c.Month[0], &c.Month[1]); err != nil {
		return err
	}
	c.Heard, c.Short = when(heard/1000), chain > 0
	return c.measure(tx)
}

// measure finds how long the last telegrams took, from the line to the receipt.
func (c *Circuit) measure(tx *store.Tx) error {
	rows, err := tx.Query(`select o.receipted - w.sent from outbox o join wire w on w.post = o.post and w.serial = o.serial and w.i = 1
		where o.post = $1 and o.receipted is not null and w.sent is not null and w.sends = 1 order by o.receipted desc limit 20`, c.Post)
	if err != nil {
		return err
	}
	defer rows.Close()
	var all []int64
	for rows.Next() {
		var ms int64
		if err := rows.Scan(&ms); err != nil {
			return err
		}
		all = append(all, ms)
	}
	if len(all) > 0 {
		slices.Sort(all)
		c.RoundTrip = all[len(all)/2]
	}
	return rows.Err()
}
