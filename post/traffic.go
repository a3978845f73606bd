package post

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"chancery.example/chancery/store"
)

// traffic counts bytes of envelopes, as they are handed to the carrier and taken from it, repeats and service messages too. It is written to the
// database twice a minute: a crash loses that much of the count.
type traffic struct {
	mu    sync.Mutex
	bytes map[string][2]int64 // by post: sent, came
}

func (t *traffic) add(post string, sent, came int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.bytes == nil {
		t.bytes = map[string][2]int64{}
	}
	b := t.bytes[post]
	t.bytes[post] = [2]int64{b[0] + sent, b[1] + came}
}

// take gives what was counted since it was last asked.
func (t *traffic) take() map[string][2]int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.bytes
	t.bytes = nil
	return b
}

// dayOf numbers the days, in UTC.
func dayOf(at time.Time) int64 { return at.Unix() / (24 * 60 * 60) }

// counter writes the traffic down.
func (p *Post) counter(ctx context.Context) error {
	for ctx.Err() == nil {
		p.wait(ctx, 30*time.Second)
		last, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		p.writeTraffic(last)
		stop()
	}
	return ctx.Err()
}

func (p *Post) writeTraffic(ctx context.Context) {
	counted := p.traffic.take()
	if len(counted) == 0 {
		return
	}
	err := p.db.Write(ctx, func(tx *store.Tx) error {
		for _, post := range slices.Sorted(maps.Keys(counted)) {
			if _, err := tx.Exec(`insert into traffic (post, day, sent, came) values ($1, $2, $3, $4)
				on conflict (post, day) do update set sent = traffic.sent + excluded.sent, came = traffic.came + excluded.came`,
				post, dayOf(p.config.Now()), counted[post][0], counted[post][1]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		p.config.Log.Warn("the traffic could not be written down; it is counted on", "reason", err)
		for post, b := range counted {
			p.traffic.add(post, b[0], b[1])
		}
	}
}
