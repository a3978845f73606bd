package line

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"chancery.example/chancery/telegram"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
)

// message is what Send makes of envelopes.
type message struct {
	to       telegram.Route
	at       telegram.Precedence
	data     []byte
	epoch    int // the connection over which it left
	sent     time.Time
	before   int64          // bytes that had left before it
	patience time.Duration  // for the hub's word on it
	reply    string         // the subject of the answer
	answer   chan *nats.Msg // the first one

	// Guarded by the postbox.
	behind   bool // its Send has returned without the hub's word
	finished bool
	err      error // how it ended, once finished
}

// postbox has the messages that have left without the hub's word. There are few: Send sees to it.
type postbox struct {
	subject string // under which all answers come

	mu        sync.Mutex // guards what follows
	run       context.Context
	following sync.WaitGroup // one for each of under
	hears     *nats.Conn     // the client that has subscribed to the answers
	n         int            // counts messages
	expected  map[string]*message
	under     []*message    // those that are followed
	moved     chan struct{} // closed and replaced when one of under has ended
	refused   map[telegram.Route]error
}

func newPostbox(r telegram.Route) *postbox {
	return &postbox{subject: inbox(r) + ".sent." + nuid.Next(), expected: map[string]*message{}, refused: map[telegram.Route]error{}, moved: make(chan struct{})}
}

// open lets messages be followed until ctx ends; close waits for those that are.
func (b *postbox) open(ctx context.Context) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.run = ctx
}

func (b *postbox) close() {
	b.mu.Lock()
	b.run = nil
	b.mu.Unlock()
	b.following.Wait()
}

// hear subscribes to the answers, once for each client: it subscribes again by itself with each connection.
func (b *postbox) hear(nc *nats.Conn) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.hears == nc {
		return nil
	}
	if _, err := nc.Subscribe(b.subject+".*", b.take); err != nil {
		return fmt.Errorf("listening for the hub's answers: %w", err)
	}
	b.hears = nc
	return nil
}

func (b *postbox) take(m *nats.Msg) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if x := b.expected[m.Subject]; x != nil {
		select {
		case x.answer <- m:
		default: // there is one
		}
	}
}

// expect gives the subject to which the hub is to answer.
func (b *postbox) expect(m *message) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.n++
	m.reply, m.answer = fmt.Sprintf("%s.%d", b.subject, b.n), make(chan *nats.Msg, 1)
	b.expected[m.reply] = m
	return m.reply
}

func (b *postbox) forget(m *message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.expected, m.reply)
}

// bytes is how much has left without the hub's word.
func (b *postbox) bytes() (n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.expected {
		n += int64(len(m.data))
	}
	return n
}

// follow has see look after a message, beside its Send. It does nothing when the line does not run.
func (b *postbox) follow(m *message, see func(context.Context) error) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	ctx := b.run
	if ctx == nil {
		delete(b.expected, m.reply)
		return false
	}
	b.under = append(b.under, m)
	b.following.Go(func() {
		err := see(ctx)
		b.mu.Lock()
		defer b.mu.Unlock()
		b.under = slices.DeleteFunc(b.under, func(x *message) bool { return x == m })
		m.finished, m.err = true, err
		if m.behind && err != nil && ctx.Err() == nil {
			b.refused[m.to] = err
		}
		close(b.moved)
		b.moved = make(chan struct{})
	})
	return true
}

// room waits until the line is not full any more after a message, or until it has ended, and then leaves it behind.
func (b *postbox) room(ctx context.Context, m *message, full func(m *message, under int64) bool) error {
	look := time.NewTicker(20 * time.Millisecond) // the kernel tells nobody how it gets on
	defer look.Stop()
	for {
		b.mu.Lock()
		under := int64(0)
		for _, x := range b.under {
			if x.at >= m.at {
				under += int64(len(x.data))
			}
		}
		b.mu.Unlock()
		free := ctx.Err() != nil || !full(m, under)
		b.mu.Lock()
		done, err, moved := m.finished, m.err, b.moved
		m.behind = !done && free
		b.mu.Unlock()
		switch {
		case done:
			return err
		case free:
			return ctx.Err()
		}
		select {
		case <-moved:
		case <-look.C:
		case <-ctx.Done():
		}
	}
}

// left says whether a message's Send has returned.
func (b *postbox) left(m *message) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return m.behind
}

// refusal gives, once, why the hub did not take a message for a post after its Send had returned.
func (b *postbox) refusal(to telegram.Route) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	err := b.refused[to]
	delete(b.refused, to)
	return err
}
