package line

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"chancery.example/chancery/telegram"
	"github.com/nats-io/nats.go"
)

// Send hands es to the hub, as one message or, when they are too long for one, as several, and returns when the hub says that it has
// written them. Without a connection it fails at once with ErrDown. When it fails half-way the first messages may be with the hub.
func (l *Line) Send(ctx context.Context, to telegram.Route, p telegram.Precedence, es []telegram.Envelope) error {
	if p > telegram.Override {
		return fmt.Errorf("handing envelopes for %v to the hub: %v is unknown", to, p)
	}
	for len(es) > 0 {
		n := head(es)
		if err := l.publish(ctx, subject(to, p), telegram.Bundle(es[:n])); err != nil {
			return fmt.Errorf("handing envelopes for %v to the hub: %w", to, err)
		}
		es = es[n:]
	}
	return nil
}

// head is how many of es go into one message, at least one.
func head(es []telegram.Envelope) int {
	size := 0
	for i := range es {
		if size += 4 + es[i].Size(); size > maxBundle && i > 0 {
			return i
		}
	}
	return len(es)
}

// publish sends one message and waits for the hub's word. The message has no Nats-Msg-Id: with one the hub would drop a repeat.
func (l *Line) publish(ctx context.Context, subject string, data []byte) error {
	nc, epoch, changed := l.watch()
	if nc == nil {
		return l.down()
	}
	if int64(len(data)) > nc.MaxPayload() {
		return fmt.Errorf("%d bytes are more than the hub takes as one message (%d)", len(data), nc.MaxPayload())
	}
	wait, cancel := context.WithTimeout(ctx, l.cfg.Ack)
	defer cancel()
	stop := make(chan struct{})
	defer close(stop)
	go func() { // a broken connection ends the wait: the answer would not come any more
		for {
			select {
			case <-stop:
				return
			case <-changed:
			}
			var now *nats.Conn
			var n int
			if now, n, changed = l.watch(); now != nc || n != epoch {
				cancel()
				return
			}
		}
	}()
	m, err := nc.RequestWithContext(wait, subject, data)
	switch {
	case err == nil:
		return answer(m.Data)
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, nats.ErrNoResponders):
		return ErrNoRoute
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("the hub has not answered in %v", l.cfg.Ack)
	case errors.Is(err, context.Canceled):
		return l.down()
	}
	return err
}

func (l *Line) down() error {
	if err := l.State().Err; err != nil {
		return fmt.Errorf("%w: %w", ErrDown, err)
	}
	return ErrDown
}

// answer reads the hub's word on a message.
func answer(b []byte) error {
	var a struct {
		Stream string
		Seq    uint64
		Error  *struct {
			Code        int `json:"err_code"`
			Description string
		}
	}
	switch err := json.Unmarshal(b, &a); {
	case err != nil:
		return fmt.Errorf("the hub's answer cannot be read: %w", err)
	case a.Error == nil && a.Stream != "" && a.Seq > 0:
		return nil
	case a.Error == nil:
		return errors.New("the hub's answer says nothing")
	case strings.HasPrefix(a.Error.Description, "maximum "), a.Error.Code == 10047: // bytes or messages; storage
		return fmt.Errorf("%w (%s)", ErrFull, a.Error.Description)
	}
	return fmt.Errorf("the hub refuses: %s (%d)", a.Error.Description, a.Error.Code)
}
