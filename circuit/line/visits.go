package line

import (
	"context"
	"sync"
	"time"

	"chancery.example/chancery/telegram"
)

// visits makes the consumers of a member anew before the member is let in.
//
// A request for messages from a connection that is dead stays with its consumer, and the broker, which sees only that the account of
// the hub listens for answers, would send the next message there: the first Flash after an outage would be a minute late. With the
// consumer go its requests and its memory of what was fetched; what was not acknowledged is offered again at once. It happens before
// the login is answered, since the broker drops without a word the requests that meet a consumer that is being deleted.
type visits struct {
	ctx   context.Context // ends with the run of the hub
	renew func(context.Context, telegram.Route)

	mu   sync.Mutex // guards last
	last map[telegram.Route]time.Time
}

// A member that does nothing but log in waits this long between one time and the next, and so costs the hub little.
const betweenVisits = time.Second

// prepare returns when r may be let in, or false when the hub stops or r comes too often.
func (v *visits) prepare(r telegram.Route) bool {
	v.mu.Lock()
	now := time.Now()
	at := now
	if next := v.last[r].Add(betweenVisits); next.After(now) {
		at = next
	}
	if at.Sub(now) > 8*betweenVisits { // so many at once are no reconnection
		v.mu.Unlock()
		return false
	}
	v.last[r] = at
	v.mu.Unlock()
	wait(v.ctx, at.Sub(now))
	if v.ctx.Err() == nil {
		v.renew(v.ctx, r)
	}
	return v.ctx.Err() == nil
}
