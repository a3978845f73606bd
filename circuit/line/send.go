package line

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"chancery.example/chancery/telegram"
	"github.com/nats-io/nats.go"
)

// Send hands es to the hub, as one message or, when they are too long for one, as several. Without a connection it fails at once with ErrDown.
// When it fails half-way the first messages may be with the hub.
//
// On a fast line it returns when the hub says that it has written them. On one with a Reserve it returns when the line is about to run dry, so
// that whoever sends chooses what is most urgent as late as can be, and the line is never idle. What is lost then with a connection goes once more
// over the next; what the hub refuses later is told by the next Send to the same post.
func (l *Line) Send(ctx context.Context, to telegram.Route, p telegram.Precedence, es []telegram.Envelope) error {
	if p > telegram.Override {
		return fmt.Errorf("handing envelopes for %v to the hub: %v is unknown", to, p)
	}
	for len(es) > 0 {
		n := head(es)
		if err := l.deliver(ctx, &message{to: to, at: p, data: telegram.Bundle(es[:n])}); err != nil {
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

func (l *Line) deliver(ctx context.Context, m *message) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := l.post.refusal(m.to); err != nil {
		return err
	}
	if err := l.hand(m); err != nil {
		return err
	}
	if l.cfg.Reserve == 0 {
		return l.await(ctx, m)
	}
	if !l.post.follow(m, func(ctx context.Context) error { return l.see(ctx, m) }) {
		return l.down()
	}
	return l.post.room(ctx, m, l.full)
}

// full says whether the next message after m would wait for others on the line, of which so many bytes, at m's precedence and above, are without
// the hub's word. What is most urgent overtakes nothing by waiting here: its bound is for memory.
func (l *Line) full(m *message, under int64) bool {
	reserve := l.cfg.Reserve
	if m.at >= telegram.Flash {
		return under > max(8*reserve, 1<<20)
	}
	kernel, ok := l.current().unsent()
	if !ok {
		return under > reserve
	}
	buffered := max(0, m.before+int64(len(m.data))-l.out.Load())
	return buffered+kernel > int64(l.cfg.Rate/8)*3/100 || under > max(8*reserve, 1<<17)
}

// hand sends a message. It has no Nats-Msg-Id: with one the hub would drop a repeat.
func (l *Line) hand(m *message) error {
	nc, epoch, _ := l.watch()
	if nc == nil {
		return l.down()
	}
	if int64(len(m.data)) > nc.MaxPayload() {
		return fmt.Errorf("%d bytes are more than the hub takes as one message (%d)", len(m.data), nc.MaxPayload())
	}
	m.epoch, m.sent = epoch, time.Now()
	answer := l.post.expect(m)
	m.patience, m.before = l.cfg.Ack+l.cfg.Takes(l.post.bytes()), l.out.Load()
	err := nc.PublishRequest(subject(m.to, m.at), answer, m.data)
	if err != nil {
		l.post.forget(m)
	}
	return err
}

// await waits for the hub's word on a message.
func (l *Line) await(ctx context.Context, m *message) error {
	defer l.post.forget(m)
	t := time.NewTimer(m.patience)
	defer t.Stop()
	for {
		nc, epoch, changed := l.watch()
		if nc == nil || epoch != m.epoch { // the answer would not come any more, unless it is here
			select {
			case a := <-m.answer:
				return answer(a)
			default:
				return l.down()
			}
		}
		select {
		case a := <-m.answer:
			return answer(a)
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		case <-t.C:
			if l.lastHeard().Before(m.sent) && l.cfg.Hub == nil {
				l.giveUp(m.epoch, m.patience)
			}
			return fmt.Errorf("the hub has not answered in %v", m.patience)
		}
	}
}

// see waits for the hub's word on a message that Send has left behind. With each connection that is lost it hands it over again.
func (l *Line) see(ctx context.Context, m *message) error {
	end := time.Now().Add(2*m.patience + l.cfg.Auth)
	for {
		err := l.await(ctx, m)
		if !errors.Is(err, ErrDown) || !l.post.left(m) {
			return err
		}
		for errors.Is(err, ErrDown) {
			_, _, changed := l.watch()
			t := time.NewTimer(time.Until(end))
			select {
			case <-ctx.Done():
			case <-t.C:
			case <-changed:
			}
			t.Stop()
			if ctx.Err() != nil || time.Now().After(end) {
				return err
			}
			err = l.hand(m)
		}
		if err != nil {
			return err
		}
	}
}

func (l *Line) down() error {
	if err := l.State().Err; err != nil {
		return fmt.Errorf("%w: %w", ErrDown, err)
	}
	return ErrDown
}

// answer reads the hub's word on a message.
func answer(m *nats.Msg) error {
	if len(m.Data) == 0 && m.Header.Get("Status") == "503" {
		return ErrNoRoute
	}
	var a struct {
		Stream string
		Seq    uint64
		Error  *struct {
			Code        int `json:"err_code"`
			Description string
		}
	}
	switch err := json.Unmarshal(m.Data, &a); {
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
