package circuit

import (
	"cmp"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// Waiting is a telegram that is to go to one post.
type Waiting struct {
	Post       string
	Serial     uint32
	Precedence telegram.Precedence // of that post's own offices
	Of         int64               // the filed telegram
	Root       telegram.Root
	Entry      [32]byte // hash of its register entry
	Form       Form     // in which it goes
	Sections   int      // how many it makes, 0 while none is sealed
	Sealed     int      // how many are sealed
}

// Form is the written form in which a telegram goes to one post. It is chosen when its first section is sealed, and stays.
type Form uint8

// The forms.
const (
	FormOpen  Form = iota // not chosen yet
	FormFull              // with all signatures
	FormBrief             // without the one that follows by itself
)

// formOf reads the form from what is kept: nothing, an empty hash, or the hash that a receipt for the brief form names.
func formOf(brief []byte) Form {
	switch {
	case brief == nil:
		return FormOpen
	case len(brief) == 0:
		return FormFull
	}
	return FormBrief
}

// Chosen keeps the form in which a telegram goes: brief is what a receipt names if it goes in the brief form, nil if in the full one.
func Chosen(tx *store.Tx, post string, serial uint32, brief []byte) error {
	_, err := tx.Exec("update outbox set brief = $1 where post = $2 and serial = $3", append([]byte{}, brief...), post, int64(serial))
	return err
}

// Queue lays telegrams into the outbox.
func Queue(tx *store.Tx, ws []Waiting, now time.Time) error {
	var rows []any
	for _, w := range ws {
		rows = append(rows, w.Post, int64(w.Serial), int64(w.Precedence), w.Of, w.Root[:], w.Entry[:], 0, 0, now.UnixMilli())
	}
	return tx.Insert("outbox (post, serial, precedence, of, root, entry, sections, sealed, queued)", 9, rows, "")
}

// Turn says how often what has waited longest is sealed and carried before what is more urgent: every tenth time, and never before a Flash. Without
// it a Routine telegram would wait as long as Priority ones come.
const Turn = 10

// Next is the telegram whose next section is to be sealed for the post now; ok is false when nothing waits or the circuit can take no more.
//
// It is the most urgent, of those the one of the lowest serial; each tenth section below Flash is of the one that was queued first, when no Flash waits.
// That one takes the place of the more urgent in the window, so it is not held up by its own kind, up to a second window.
func Next(tx *store.Tx, post string, window int64) (w Waiting, ok bool, err error) {
	w, waits, err := waiting(tx, post, "precedence desc, serial")
	if err != nil || !waits {
		return w, false, err
	}
	room := true
	if w.Sealed == 0 {
		if room, err = openBelow(tx, post, w.Precedence, window); err != nil {
			return w, false, err
		}
	}
	if w.Precedence >= telegram.Flash {
		return w, room, nil
	}
	turn, err := turns(tx, post)
	if err != nil || turn%Turn != Turn-1 {
		return w, room, err
	}
	oldest, _, err := waiting(tx, post, "queued, serial")
	if err != nil || oldest.Serial == w.Serial {
		return w, room, err
	}
	fits, err := openBelow(tx, post, w.Precedence, window)
	if err == nil && fits {
		fits, err = openBelow(tx, post, oldest.Precedence, 2*window)
	}
	if err == nil && fits {
		return oldest, true, nil
	}
	return w, room, err
}

// waiting is the first telegram, in an order, of which not all is sealed for the post.
func waiting(tx *store.Tx, post, order string) (w Waiting, ok bool, err error) {
	w.Post = post
	var root, entry, brief []byte
	err = tx.QueryRow(`select serial, precedence, of, root, entry, sections, sealed, brief from outbox
		where post = $1 and receipted is null and (sections = 0 or sealed < sections)
		order by `+order+` limit 1`, post).
		Scan(&w.Serial, &w.Precedence, &w.Of, &root, &entry, &w.Sections, &w.Sealed, &brief)
	w.Form = formOf(brief)
	if errors.Is(err, sql.ErrNoRows) {
		return w, false, nil
	}
	if err != nil {
		return w, false, fmt.Errorf("looking for what waits for %s: %w", post, err)
	}
	if len(root) != 32 || len(entry) != 32 {
		return w, false, fmt.Errorf("the outbox for %s is damaged at serial %d (run chancery register verify)", post, w.Serial)
	}
	w.Root, w.Entry = telegram.Root(root), [32]byte(entry)
	return w, true, nil
}

// openBelow says whether the bytes without a receipt, of a precedence and above, are below a window.
func openBelow(tx *store.Tx, post string, p telegram.Precedence, window int64) (bool, error) {
	var open int64
	err := tx.QueryRow("select coalesce(sum(size), 0) from wire where post = $1 and envelope is not null and precedence >= $2", post, int64(p)).Scan(&open)
	if err != nil {
		return false, fmt.Errorf("measuring the window to %s: %w", post, err)
	}
	return open < window, nil
}

// turns is how many sections below Flash were sealed for the post.
func turns(tx *store.Tx, post string) (n int64, err error) {
	err = tx.QueryRow("select turn from wire where post = $1 order by special desc limit 1", post).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("counting what went to %s: %w", post, err)
	}
	return n, nil
}

// Section is a sealed section on its way to one post.
type Section struct {
	Post       string
	Special    uint32
	Circuit    uint8
	Lane       uint32
	Precedence telegram.Precedence
	Serial     uint32
	I, N       uint32
	Envelope   []byte // as written; nil once receipted
	ID         [16]byte
	Size       int64
	SealedAt   time.Time
	SentAt     time.Time // first handed to the carrier; zero if not yet
	Sends      int
	Asks       int   // how often the post has asked for it
	Superseded int64 // the register's entry by which its telegram was sealed anew; 0 while it counts
}

// Sealed stores a section that was sealed, before a byte of it leaves. It must be the next of its telegram, of as many as the ones before it
// said; once there is a receipt nothing is sealed any more, since nothing would ever free it.
func Sealed(tx *store.Tx, s *Section) error {
	turn, err := turns(tx, s.Post)
	if err != nil {
		return err
	}
	if s.Precedence < telegram.Flash {
		turn++
	}
	_, err = tx.Exec(`insert into wire (post, special, circuit, lane, precedence, serial, i, n, id, size, envelope, sealed, sends, turn)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, $13)`, s.Post, int64(s.Special), int64(s.Circuit), int64(s.Lane),
		int64(s.Precedence), int64(s.Serial), int64(s.I), int64(s.N), s.ID[:], int64(len(s.Envelope)), s.Envelope, s.SealedAt.UnixMilli(), turn)
	if err != nil {
		return fmt.Errorf("storing section %d of %d for %s: %w", s.I, s.N, s.Post, err)
	}
	n, err := tx.Exec("update outbox set sections = $1, sealed = $2 where post = $3 and serial = $4 and sealed = $2 - 1 and (sections = 0 or sections = $1) and $2 <= $1 and receipted is null",
		int64(s.N), int64(s.I), s.Post, int64(s.Serial))
	if err == nil && n != 1 {
		err = errors.New("it is not the one that is to be sealed next")
	}
	if err != nil {
		return fmt.Errorf("storing section %d of %d for %s: %w", s.I, s.N, s.Post, err)
	}
	return nil
}

const sectionColumns = "special, circuit, lane, precedence, serial, i, n, id, size, envelope, sealed, sent, sends, asks, coalesce(superseded, 0)"

// Open gives the sections for a post that have no receipt yet, the most urgent first, at most limit of them. due says which of them
// are wanted, by special number and when the post last asked for it, zero if never; it is asked about every open section, beyond the limit too. With a turn, when no Flash is wanted, it
// gives so many of the precedence of the one that was sealed first, and not the most urgent: see [Turn].
func Open(tx *store.Tx, post string, limit, turn int, due func(special uint32, asked time.Time) bool) ([]Section, error) {
	rows, err := tx.Query("select special, asked, precedence from wire where post = $1 and envelope is not null order by precedence desc, special", post)
	if err != nil {
		return nil, fmt.Errorf("looking for what is to be carried to %s: %w", post, err)
	}
	type open struct {
		special    int64
		precedence telegram.Precedence
	}
	var wanted []open
	for rows.Next() {
		var x open
		var at sql.NullInt64
		if err := rows.Scan(&x.special, &at, &x.precedence); err != nil {
			rows.Close()
			return nil, err
		}
		var asked time.Time
		if at.Valid {
			asked = time.UnixMilli(at.Int64)
		}
		if due(uint32(x.special), asked) {
			wanted = append(wanted, x)
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, err
	}
	if turn > 0 && len(wanted) > 0 && wanted[0].precedence < telegram.Flash {
		first := slices.MinFunc(wanted, func(a, b open) int { return cmp.Compare(a.special, b.special) })
		if first.precedence != wanted[0].precedence {
			wanted = slices.DeleteFunc(wanted, func(x open) bool { return x.precedence != first.precedence })
			limit = min(limit, turn)
		}
	}
	var out []Section
	for _, x := range wanted[:min(limit, len(wanted))] {
		s, err := sections(tx, post, "special = $2", x.special)
		if err != nil {
			return nil, err
		}
		out = append(out, s...)
	}
	return out, nil
}

// OnTheWire gives every section that a telegram made for a post, by special number: the record of the wire.
func OnTheWire(tx *store.Tx, post string, serial uint32) ([]Section, error) {
	return sections(tx, post, "serial = $2", int64(serial))
}

// BySpecial gives the section that took a special number; ok is false if the record has none.
func BySpecial(tx *store.Tx, post string, special uint32) (s Section, ok bool, err error) {
	out, err := sections(tx, post, "special = $2", int64(special))
	if err != nil || len(out) == 0 {
		return s, false, err
	}
	return out[0], true, nil
}

func sections(tx *store.Tx, post, where string, arg int64) ([]Section, error) {
	rows, err := tx.Query("select "+sectionColumns+" from wire where post = $1 and "+where+" order by special", post, arg)
	if err != nil {
		return nil, fmt.Errorf("reading what went to %s: %w", post, err)
	}
	defer rows.Close()
	var out []Section
	for rows.Next() {
		s := Section{Post: post}
		var id []byte
		var sealed int64
		var sent sql.NullInt64
		if err := rows.Scan(&s.Special, &s.Circuit, &s.Lane, &s.Precedence, &s.Serial, &s.I, &s.N, &id, &s.Size, &s.Envelope, &sealed, &sent, &s.Sends, &s.Asks, &s.Superseded); err != nil {
			return nil, fmt.Errorf("reading what went to %s: %w", post, err)
		}
		if len(id) == 16 {
			s.ID = [16]byte(id)
		}
		s.SealedAt = time.UnixMilli(sealed)
		if sent.Valid {
			s.SentAt = time.UnixMilli(sent.Int64)
		}
		out = append(out, s)
	}
	return out, rows.Err()
}

// Sent notes that sections were handed to a carrier. It is a record of times: nothing is done by it.
func Sent(tx *store.Tx, post string, specials []uint32, now time.Time) error {
	for _, s := range specials {
		if _, err := tx.Exec("update wire set sent = coalesce(sent, $1), sends = sends + 1 where post = $2 and special = $3",
			now.UnixMilli(), post, int64(s)); err != nil {
			return fmt.Errorf("noting what went to %s: %w", post, err)
		}
	}
	return nil
}

// Receipted frees a telegram that a post has signed for; receipt is the register's entry of that receipt. Whether it signed for what was
// sent, the same R and the same entry, the caller has seen. The first receipt stays.
func Receipted(tx *store.Tx, d *Delivery, receipt int64, now time.Time) error {
	if _, err := tx.Exec("update outbox set receipted = $1, receipt = $2 where post = $3 and serial = $4 and receipted is null", now.UnixMilli(), receipt, d.Post, int64(d.Serial)); err != nil {
		return fmt.Errorf("freeing serial %d for %s: %w", d.Serial, d.Post, err)
	}
	if _, err := tx.Exec("update wire set envelope = null where post = $1 and serial = $2", d.Post, int64(d.Serial)); err != nil {
		return fmt.Errorf("freeing serial %d for %s: %w", d.Serial, d.Post, err)
	}
	return nil
}

// Delivery is how far a telegram has come on its way to one post.
type Delivery struct {
	Waiting
	Queued    time.Time
	Receipted time.Time // zero while there is no receipt
	Receipt   int64     // the register's entry of it
	Anew      int64     // the register's entry by which it was last sealed anew, -1 if it never was
	Brief     [32]byte  // of FormBrief: what a receipt names in the place of the entry
}

// Signed says whether a receipt that names a hash is for this telegram: for its entry, or what stands for that in the brief form.
func (d *Delivery) Signed(root telegram.Root, entry [32]byte) bool {
	return root == d.Root && (entry == d.Entry || d.Form == FormBrief && entry == d.Brief)
}

// Deliveries gives how far a filed telegram has come, for each addressed post.
func Deliveries(tx *store.Tx, of int64) ([]Delivery, error) { return deliveries(tx, "of = $1", of) }

// DeliveryOf gives how far the telegram with a post's serial has come; nil if none such was sent.
func DeliveryOf(tx *store.Tx, post string, serial uint32) (*Delivery, error) {
	ds, err := deliveries(tx, "post = $1 and serial = $2", post, int64(serial))
	if err != nil || len(ds) == 0 {
		return nil, err
	}
	return &ds[0], nil
}

// DeliveriesBetween gives how far the telegrams with serials from one to another have come, at most limit of them.
func DeliveriesBetween(tx *store.Tx, post string, first, last uint32, limit int) ([]Delivery, error) {
	return deliveries(tx, "post = $1 and serial >= $2 and serial <= $3 and serial < $2 + $4", post, int64(first), int64(last), int64(limit))
}

func deliveries(tx *store.Tx, where string, args ...any) ([]Delivery, error) {
	rows, err := tx.Query("select of, post, serial, precedence, root, entry, sections, sealed, queued, receipted, receipt, brief, coalesce(anew, -1) from outbox where "+where+" order by post", args...)
	if err != nil {
		return nil, fmt.Errorf("reading the outbox: %w", err)
	}
	defer rows.Close()
	var out []Delivery
	for rows.Next() {
		var d Delivery
		var root, entry, brief []byte
		var queued int64
		var at, receipt sql.NullInt64
		if err := rows.Scan(&d.Of, &d.Post, &d.Serial, &d.Precedence, &root, &entry, &d.Sections, &d.Sealed, &queued, &at, &receipt, &brief, &d.Anew); err != nil {
			return nil, fmt.Errorf("reading the outbox: %w", err)
		}
		copy(d.Root[:], root)
		copy(d.Entry[:], entry)
		copy(d.Brief[:], brief)
		d.Form = formOf(brief)
		d.Queued = time.UnixMilli(queued)
		if at.Valid {
			d.Receipted, d.Receipt = time.UnixMilli(at.Int64), receipt.Int64
		}
		out = append(out, d)
	}
	return out, rows.Err()
}

// Backlog counts what has no receipt yet, by post.
func Backlog(tx *store.Tx) (map[string]int, error) {
	rows, err := tx.Query("select post, count(*) from outbox where receipted is null group by post")
	if err != nil {
		return nil, fmt.Errorf("counting the outbox: %w", err)
	}
	defer rows.Close()
	out := map[string]int{}
	for rows.Next() {
		var post string
		var n int
		if err := rows.Scan(&post, &n); err != nil {
			return nil, err
		}
		out[post] = n
	}
	return out, rows.Err()
}
