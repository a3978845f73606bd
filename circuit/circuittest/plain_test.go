package circuittest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"chancery.example/chancery/circuit"
	"chancery.example/chancery/telegram"
)

// plain is another network in memory, as short as the contract allows: that it passes shows that the suite asks nothing of a carrier but
// the contract. With one fault it shows that the suite sees the fault. Each fault is at one place below.
type plain struct {
	fault string
	takes sync.Mutex // held during take by the fault "take under a lock"

	mu    sync.Mutex
	boxes map[telegram.Route]*plainBox
}

type plainBox struct {
	letters   []letter
	receiving bool
	ahead     []letter // fetched, with the fault "fetches all ahead"
}

type letter struct {
	at  telegram.Precedence
	e   telegram.Envelope
	due time.Time
}

func openPlain(fault string, routes []telegram.Route) (cs []circuit.Carrier) {
	n := &plain{fault: fault, boxes: map[telegram.Route]*plainBox{}}
	for _, r := range routes {
		n.boxes[r] = &plainBox{}
		cs = append(cs, &plainEnd{n, r})
	}
	return cs
}

type plainEnd struct {
	*plain
	self telegram.Route
}

func (n *plainEnd) Send(ctx context.Context, to telegram.Route, p telegram.Precedence, es []telegram.Envelope) error {
	if n.fault == "take under a lock" {
		n.takes.Lock()
		defer n.takes.Unlock()
	}
	if p > telegram.Override && n.fault != "seventh precedence" {
		return errors.New("there are six precedences")
	}
	if n.fault == "race" { // looked at without the lock
		_ = len(n.boxes[to].letters)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	b := n.boxes[to]
	switch {
	case b == nil && n.fault == "waits for unknown posts":
		select {}
	case b == nil:
		return errors.New("nobody has this route")
	case len(es) == 0 && n.fault == "refuses nothing":
		return errors.New("nothing to send")
	case n.fault == "drops long lists" && len(es) > 1000:
		es = es[:1000]
	case n.fault == "alters what it sends" && len(es) > 0:
		es[0].Body[0]++
	}
	for _, e := range es {
		if n.fault == "drops the longest" && e.Size() == telegram.MaxEnvelope {
			continue
		}
		x := letter{at: p, e: e}
		if n.fault != "keeps bodies" {
			x.e.Body = slices.Clone(e.Body)
		}
		if n.fault == "reads the precedence" {
			x.at = e.Precedence
		}
		if n.fault == "reads the receiver" {
			b = n.boxes[e.To]
		}
		if n.fault == "wrong post" && e.ID[15]%8 == 0 {
			b = n.boxes[telegram.Route{0xa0, 0, 1}]
		}
		b.letters = append(b.letters, x)
	}
	for n.fault == "waits for the receiver" && len(b.letters) > 0 {
		n.mu.Unlock()
		time.Sleep(time.Millisecond)
		n.mu.Lock()
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	for n.fault == "sends for ever" && ctx.Err() != nil {
		time.Sleep(time.Millisecond)
	}
	return nil
}

// next takes out of a box what is to be taken next.
func (n *plainEnd) next(b *plainBox) (x letter, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.fault == "fetches all ahead" {
		if len(b.ahead) == 0 {
			b.ahead, b.letters = b.letters, nil
			slices.SortStableFunc(b.ahead, func(x, y letter) int { return int(y.at) - int(x.at) })
		}
		if len(b.ahead) == 0 {
			return x, false
		}
		x, b.ahead = b.ahead[0], b.ahead[1:]
		return x, true
	}
	best, now := -1, time.Now()
	for i, x := range b.letters {
		if n.fault == "refused first" && !x.due.IsZero() {
			best = i
			break
		}
		if !x.due.After(now) && (best < 0 || x.at > b.letters[best].at && n.fault != "no precedence") {
			best = i
		}
	}
	if best < 0 {
		return x, false
	}
	x = b.letters[best]
	b.letters = slices.Delete(b.letters, best, best+1)
	return x, true
}

func (n *plainEnd) Receive(ctx context.Context, take func(telegram.Precedence, []telegram.Envelope) error) error {
	b := n.boxes[n.self]
	n.mu.Lock()
	if b.receiving && n.fault != "two receivers" {
		n.mu.Unlock()
		return errors.New("this post receives already")
	}
	b.receiving = true
	n.mu.Unlock()
	defer func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		b.receiving = false
		if n.fault == "forgets at the end" {
			b.letters = nil
		}
	}()
	if n.fault == "deaf before it begins" {
		n.once(b, take)
	}
	for ctx.Err() == nil || n.fault == "deaf" {
		if n.once(b, take) {
			continue
		}
		if n.fault == "takes nothing" {
			take(telegram.Routine, nil)
		}
		time.Sleep(time.Millisecond)
	}
	switch n.fault {
	case "takes once more":
		n.once(b, take)
	case "no error at the end":
		return nil
	}
	return ctx.Err()
}

// once offers one envelope, if one waits.
func (n *plainEnd) once(b *plainBox, take func(telegram.Precedence, []telegram.Envelope) error) bool {
	x, ok := n.next(b)
	if !ok {
		return false
	}
	given := x.e
	if n.fault != "gives what it keeps" {
		given.Body = slices.Clone(x.e.Body)
	}
	answer := func() {
		if n.fault == "take under a lock" {
			n.takes.Lock()
			defer n.takes.Unlock()
		}
		n.answered(b, x, take(x.at, []telegram.Envelope{given}))
	}
	if n.fault == "takes at once" || n.fault == "leaves takes behind" && len(x.e.Body) == 200 {
		go answer()
		return true
	}
	answer()
	if n.fault == "takes back" {
		clear(given.Body)
	}
	return true
}

// answered keeps what take refused.
func (n *plainEnd) answered(b *plainBox, x letter, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case err == nil && n.fault != "never forgets", n.fault == "loses what is refused":
	case n.fault == "offers without a pause", n.fault == "never forgets":
		b.letters = append(b.letters, x)
	case n.fault == "forgets refused at the end":
		b.letters = append(b.letters, letter{x.at, x.e, time.Now().Add(time.Hour)})
	default:
		b.letters = append(b.letters, letter{x.at, x.e, time.Now().Add(10 * time.Millisecond)})
	}
}
