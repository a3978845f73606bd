package line

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// How often Keep looks, and the longest time between two starts of a broker that does not get well.
const (
	lookAgain = 2 * time.Second
	mendAgain = 5 * time.Minute
)

// Keep looks at a started hub until ctx ends, and starts the broker again when it can keep messages no more: its folder was deleted under it, a
// write failed. By itself a broker in this state answers nobody for ever. What waited in a folder that is gone is sent again by its senders.
// It returns ctx's error.
func (h *Hub) Keep(ctx context.Context) error {
	sick, pause := 0, lookAgain
	for next := time.Now(); ctx.Err() == nil; wait(ctx, lookAgain) {
		err := h.Check()
		if err == nil {
			sick, pause = 0, lookAgain
			continue
		}
		// Once may be a stream that is just being made or deleted.
		if sick++; sick < 2 || time.Now().Before(next) {
			continue
		}
		h.cfg.Log.Error("hub: it keeps messages no more and is started again; senders keep what waited", "err", err)
		h.Stop()
		if err := h.Start(ctx); err != nil && ctx.Err() == nil {
			h.cfg.Log.Error("hub: it could not be started again", "err", err, "next try in", pause)
		}
		next, pause, sick = time.Now().Add(pause), min(2*pause, mendAgain), 0
	}
	return ctx.Err()
}

// Check says why the hub cannot keep messages for its members, or nil.
func (h *Hub) Check() error {
	h.act.Lock() // so that no streams are being made
	defer h.act.Unlock()
	srv := h.server()
	if srv == nil {
		return errStopped
	}
	for _, m := range h.members {
		s := srv.Healthz(&server.HealthzOptions{Account: hubAccount, Stream: streamName(m.Route)})
		if s.Status != "ok" || s.Error != "" {
			return fmt.Errorf("the stream of %v: %w", m.Route, errors.New(s.Error))
		}
	}
	return nil
}
