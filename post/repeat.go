package post

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"chancery.example/chancery/circuit"
	"chancery.example/chancery/desk"
	"chancery.example/chancery/register"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// How a gap mends itself, at the post that sent what is missing. What is asked for and still kept is carried again, the same bytes. It is sealed anew, under the
// same serial and new special and lane numbers, when it was sealed to a letter key that the other does not hold, or when it was receipted already: then the
// other has lost it, and says so with its signature, which is entered. What is asked for and stands in no series is an alarm.

// mostAsked is how many telegrams one request can have sealed anew, or looked for. The others are asked for again.
const mostAsked = 256

// openRepeat reads a service message of that kind, and checks whose it is.
func (p *Post) openRepeat(v *view, from string, s *telegram.Service) (*telegram.Repeat, error) {
	r, err := signedBy(v, from, s, telegram.LabelRepeat, "the signature on a repeat request", telegram.ParseRepeat)
	if err == nil && (r.From != from || r.To != p.config.Name) {
		err = errors.New("the repeat request is between other posts")
	}
	return r, err
}

// request is a repeat request as it is met.
type request struct {
	*telegram.Repeat
	carry   map[uint32]bool // special numbers whose envelopes are kept, to be carried at once
	anew    map[uint32]bool // serials to be sealed anew
	open    []circuit.Place
	unknown []string // serials that were never given
	told    bool     // all that is asked for is on its way: nothing need be said
	looked  int      // telegrams looked for so far
}

// takeRequest meets a repeat request.
func (p *Post) takeRequest(tx *store.Tx, b *register.Book, q *telegram.Repeat, signed []byte, now time.Time) error {
	before, err := reckoningWith(tx, q.From)
	if err != nil || q.At <= before.wanted { // met, or somebody sends it again
		return err
	}
	if err := setReckoning(tx, q.From, "wanted", q.At); err != nil {
		return err
	}
	standing, err := circuit.StandingOf(tx, q.From)
	if err != nil {
		return err
	}
	r := &request{q, map[uint32]bool{}, map[uint32]bool{}, standing.Open, nil, true, 0}
	again := false
	if len(q.Wanted) == 0 { // the chain is lost there
		for _, s := range r.open {
			r.carry[s.Special] = true
		}
	}
	for _, w := range q.Wanted {
		if w.Of != telegram.Serials {
			r.wantSections(&w)
		} else if lost, err := p.wantSerials(tx, r, &w); err != nil {
			return err
		} else {
			again = again || lost
		}
	}
	if err := p.toOtherKeys(tx, r); err != nil {
		return err
	}
	if len(q.Wanted) == 0 { // the others open there
		clear(r.carry)
	}
	if err := circuit.Asked(tx, q.From, keysOf(r.carry), now); err != nil {
		return err
	}
	if err := p.sealAnew(tx, b, r, signed, now); err != nil {
		return err
	}
	if again {
		if err := p.alarmWhile(tx, q.From, causeAgain, "it asks again for telegrams for which it has signed: its database was put back. They are sent again. What people there did since may be lost too: ask them"); err != nil {
			return err
		}
	}
	if len(r.unknown) > 0 {
		if err := p.alarm(tx, q.From, fmt.Sprintf("it asks for serials %s, which this post has not given: somebody writes in this post's name, or this post's database was put back. Look at  chancery register witnesses", some(r.unknown))); err != nil {
			return err
		}
	}
	if !r.told {
		if err := setReckoning(tx, q.From, "owed", 1); err != nil {
			return err
		}
	}
	tx.Notify(topicQueue(q.From))
	return nil
}

// wantSections finds the sections that are asked for by special number or lane, if they are kept.
func (r *request) wantSections(w *telegram.Wanted) {
	asked, found := int64(0), int64(0)
	for _, x := range w.Numbers {
		asked += int64(x.Last) - int64(x.First) + 1
	}
	for _, s := range r.open {
		n := s.Special
		if w.Of == telegram.Lanes {
			if telegram.Lane(s.Circuit, s.Precedence) != w.Series {
				continue
			}
			n = s.Lane
		}
		if slices.ContainsFunc(w.Numbers, func(x telegram.Range) bool { return x.First <= n && n <= x.Last }) {
			r.carry[s.Special] = true
			found++
		}
	}
	r.told = r.told && found == asked
}

// wantSerials finds the telegrams that are asked for, and says whether one was receipted.
func (p *Post) wantSerials(tx *store.Tx, r *request, w *telegram.Wanted) (receipted bool, err error) {
	t, last := telegram.Type(w.Grade), uint32(0)
	if last, err = lastTaken(tx, t.Series(seriesSerial(r.From))); err != nil {
		return false, err
	}
	for _, x := range w.Numbers {
		if x.Last > last {
			r.unknown = append(r.unknown, rangeWords(t, telegram.Range{First: max(x.First, last+1), Last: x.Last}))
		}
		ds, err := circuit.DeliveriesBetween(tx, r.From, t.Mark(x.First), t.Mark(x.Last), mostAsked-r.looked)
		if err != nil {
			return false, err
		}
		r.looked += len(ds)
		r.told = r.told && len(ds) == int(x.Last-x.First)+1
		for _, d := range ds {
			if d, err = instead(tx, d); err != nil {
				return false, err
			}
			switch {
			case !d.Receipted.IsZero():
				r.anew[d.Serial], receipted = true, true
			case d.Sealed == 0:
				r.told = false // it waits for its turn
			default:
				wire, err := circuit.OnTheWire(tx, r.From, d.Serial)
				if err != nil {
					return false, err
				}
				for _, s := range wire {
					if s.Envelope != nil {
						r.carry[s.Special] = true
					}
				}
			}
		}
	}
	return receipted, nil
}

// instead is what goes in the place of a telegram that is asked for: the cancel, if an entitled officer released one for that post, and else the telegram itself.
func instead(tx *store.Tx, d circuit.Delivery) (circuit.Delivery, error) {
	deeds, err := desk.Deeds(tx, d.Of)
	if err != nil {
		return d, err
	}
	for _, x := range deeds {
		if x.Act != telegram.Cancels || x.Post != d.Post {
			continue
		}
		cancels, err := circuit.Deliveries(tx, x.By)
		if err != nil {
			return d, err
		}
		for _, c := range cancels {
			if c.Post == d.Post {
				return c, nil
			}
		}
	}
	return d, nil
}

// lastTaken is the last number of a series, 0 if it has not begun.
func lastTaken(tx *store.Tx, series string) (last uint32, err error) {
	err = tx.QueryRow("select coalesce(max(last), 0) from series where name = $1", series).Scan(&last)
	return last, err
}

// sameBytes is how often a section is carried again as it is when it is asked for. Who asks once more cannot open it, for whatever reason.
const sameBytes = 2

// toOtherKeys finds what was sealed to a letter key or in a chain that the asking post does not hold: it could ask for those bytes for ever.
func (p *Post) toOtherKeys(tx *store.Tx, r *request) error {
	for _, special := range keysOf(r.carry) {
		s, ok, err := circuit.BySpecial(tx, r.From, special)
		if err != nil || !ok {
			return err
		}
		e, err := telegram.ParseEnvelope(s.Envelope)
		if err != nil {
			return fmt.Errorf("the stored envelope of special number %d for %s: %w", special, r.From, err)
		}
		opens := s.Asks < sameBytes || len(r.Wanted) == 0
		if e.Type == telegram.Frame {
			opens = opens && slices.Contains(r.Chains, e.Chain)
		} else if len(r.Keys) > 0 {
			opens = opens && slices.Contains(r.Keys, e.KeyID)
		}
		if !opens && len(r.anew) < mostAsked {
			r.anew[s.Serial] = true
		}
	}
	for _, special := range keysOf(r.carry) {
		if s, _, err := circuit.BySpecial(tx, r.From, special); err != nil {
			return err
		} else if r.anew[s.Serial] {
			delete(r.carry, special)
		}
	}
	return p.forgetKeys(tx, r)
}

// forgetKeys gives up what the asking post does not hold any more, so that nothing is sealed to it again: the chain to it, and the one-time key that it gave.
func (p *Post) forgetKeys(tx *store.Tx, r *request) error {
	var chain, id []byte
	var at int64
	if err := tx.QueryRow("select coalesce((select chain from chain_out where post = $1), ''), coalesce((select id from peer_key where post = $1), ''), coalesce((select at from peer_key where post = $1), 0)", r.From).
		Scan(&chain, &id, &at); err != nil {
		return fmt.Errorf("reading the chain to %s: %w", r.From, err)
	}
	if (len(r.anew) > 0 || len(r.Wanted) == 0) && len(chain) == 4 && !slices.Contains(r.Chains, [4]byte(chain)) {
		if err := forgetChain(tx, r.From); err != nil {
			return err
		}
		if p.keys.Burnable != nil {
			p.keys.Burnable.giveUp(r.From) // if this is not kept, the next goes in a letter without need
		}
	}
	if len(r.Keys) > 0 && len(id) == 4 && at <= r.At/1000 && !slices.Contains(r.Keys, [4]byte(id)) {
		if _, err := tx.Exec("update peer_key set xwing = $1 where post = $2", []byte{}, r.From); err != nil {
			return err
		}
	}
	return nil
}

// askedAgain is what an entry of kind asked says: the request as it was signed, and which serials are sealed anew for it.
type askedAgain struct {
	Request []byte   `json:"request"`
	Serials []uint32 `json:"serials"`
}

// sealAnew enters which telegrams are sealed anew, and has them sealed.
func (p *Post) sealAnew(tx *store.Tx, b *register.Book, r *request, signed []byte, now time.Time) error {
	if len(r.anew) == 0 {
		return nil
	}
	said, err := json.Marshal(askedAgain{signed, keysOf(r.anew)})
	if err != nil {
		return err
	}
	entry, err := b.Note(telegram.EntryAsked, said, now.Unix(), p.keys.Rest.Seal)
	if err != nil {
		return err
	}
	for _, serial := range keysOf(r.anew) {
		d, err := circuit.DeliveryOf(tx, r.From, serial)
		if err == nil {
			err = circuit.Anew(tx, r.From, serial, entry)
		}
		if err == nil && d.Form == circuit.FormBrief { // what it lost, it lost with the signature that followed
			err = p.followsLater(tx, r.From, serial, d.Of, now)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func keysOf(m map[uint32]bool) (keys []uint32) {
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// receiptedAgain closes the alarm about a post that lost what it had signed for, once it has signed for all of it again.
func (p *Post) receiptedAgain(tx *store.Tx, post string) error {
	var open int64
	if err := tx.QueryRow("select count(*) from outbox where post = $1 and anew is not null and receipted is null", post).Scan(&open); err != nil || open > 0 {
		return err
	}
	return p.mended(tx, post, causeAgain, "it has signed for all of them again")
}

// readAsked holds an entry of kind asked against the outbox, and its request's signature against the directory.
func (p *Post) readAsked(tx *store.Tx, v *view, row register.Row, said []byte) error {
	a, q, err := v.openAsked(p.config.Name, said)
	if err != nil {
		return err
	}
	for _, serial := range a.Serials {
		d, err := circuit.DeliveryOf(tx, q.From, serial)
		if err != nil {
			return err
		}
		if d == nil || d.Anew < row.Index {
			return fmt.Errorf("%s asked for serial %s again, and the outbox does not have it so", q.From, telegram.NumberText(serial))
		}
	}
	return nil
}

func (v *view) openAsked(self string, said []byte) (a askedAgain, q *telegram.Repeat, err error) {
	if err := json.Unmarshal(said, &a); err != nil {
		return a, nil, err
	}
	s, err := telegram.ParseService(a.Request)
	if err != nil {
		return a, nil, err
	}
	if q, err = telegram.ParseRepeat(s.Statement); err != nil {
		return a, nil, err
	}
	key := v.identity(q.From)
	if key == nil || q.To != self || !key.Verify(telegram.LabelRepeat, s.Statement, s.Ed, s.PQ) {
		return a, nil, fmt.Errorf("the repeat request of %s does not hold", q.From)
	}
	return a, q, nil
}

// compareAnew holds the sections that were superseded, and a telegram that was sealed anew, against the entries that say why.
func (p *Post) compareAnew(tx *store.Tx, d *circuit.Delivery, wire []circuit.Section) error {
	entries := map[int64]bool{}
	if d.Anew >= 0 {
		entries[d.Anew] = true
	}
	counts := false
	for _, s := range wire {
		switch {
		case s.Superseded == 0:
			counts = true
		case counts || s.Superseded > d.Anew || s.Envelope != nil:
			return fmt.Errorf("special number %d is kept as superseded, and it was not", s.Special)
		default:
			entries[s.Superseded] = true
		}
	}
	for entry := range entries {
		said, err := p.said(tx, entry, telegram.EntryAsked)
		if err != nil {
			return fmt.Errorf("it was sealed anew, and the register does not say why in entry %d", entry)
		}
		var a askedAgain
		if err := json.Unmarshal(said, &a); err != nil {
			return err
		}
		s, err := telegram.ParseService(a.Request)
		if err != nil {
			return err
		}
		if q, err := telegram.ParseRepeat(s.Statement); err != nil || q.From != d.Post || !slices.Contains(a.Serials, d.Serial) {
			return fmt.Errorf("it was sealed anew, and entry %d of the register is about something else", entry)
		}
	}
	return nil
}
