package post

// On a thin way a receipt of 3 KB for each few telegrams of 2 KB would fill the other direction, and what acknowledges packets there. So receipts for
// what is not urgent wait for others, in memory: one that is lost comes when its telegram comes again.

import (
	"context"
	"sync"
	"time"

	"chancery.example/chancery/circuit"
	"chancery.example/chancery/telegram"
)

// gathered are the receipts that wait.
type gathered struct {
	mu    sync.Mutex // guards what follows
	items receiptTo
	due   map[string]time.Time // by post
	poke  chan struct{}
}

func newGathered() *gathered {
	return &gathered{items: receiptTo{}, due: map[string]time.Time{}, poke: make(chan struct{}, 1)}
}

// wait lets receipts wait, at most for so long, and says how many do.
func (g *gathered) wait(post string, items []telegram.ReceiptItem, most time.Duration) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, i := range items {
		g.items.add(post, i)
	}
	if _, ok := g.due[post]; !ok {
		g.due[post] = time.Now().Add(most)
		select {
		case g.poke <- struct{}{}:
		default:
		}
	}
	return len(g.items[post])
}

// with gives what waits for a post, and then these; it waits no longer.
func (g *gathered) with(post string, items []telegram.ReceiptItem) []telegram.ReceiptItem {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := receiptTo{post: g.items[post]}
	for _, i := range items {
		all.add(post, i)
	}
	delete(g.items, post)
	delete(g.due, post)
	return all[post]
}

// next is the post whose receipts have waited enough, or how long it is until some have.
func (g *gathered) next() (post string, pause time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	pause = time.Hour
	for name, due := range g.due {
		if d := time.Until(due); d < pause {
			post, pause = name, d
		}
	}
	if pause > 0 {
		return "", pause
	}
	return post, 0
}

// receipt is step 6, or has it wait. What is urgent does not wait, nor does a receipt on which the sender waits to go on in frames.
func (p *Post) receipt(ctx context.Context, v *view, carrier circuit.Carrier, at telegram.Precedence, answer receiptTo, opened map[string]bool, now time.Time) {
	for from, items := range answer {
		gather := p.way(from).Gather
		if gather > 0 && at < telegram.Immediate && !opened[from] && p.gathered.wait(from, items, gather) < telegram.MaxReceipt {
			continue
		}
		p.sendReceipts(ctx, v, carrier, from, p.gathered.with(from, items), now)
	}
}

// receipter sends the receipts that waited.
func (p *Post) receipter(ctx context.Context, carrier circuit.Carrier) error {
	for ctx.Err() == nil {
		to, pause := p.gathered.next()
		if to == "" {
			p.wait(ctx, pause, p.gathered.poke)
			continue
		}
		v, err := p.current()
		if err != nil {
			p.config.Log.Error("receipts cannot be sent now", "reason", err)
			p.wait(ctx, time.Second)
			continue
		}
		p.sendReceipts(ctx, v, carrier, to, p.gathered.with(to, nil), p.config.Now())
	}
	return ctx.Err()
}
