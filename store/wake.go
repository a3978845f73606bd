package store

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// channel is the one PostgreSQL channel; the topic is its payload, so one connection listens for all.
const channel = "chancery"

// redial is how long the listening connection waits before it is dialled anew.
const redial = time.Second

// wakes keeps who listens to what in this process.
type wakes struct {
	dial func(context.Context) (*pgx.Conn, error) // nil on SQLite
	beat time.Duration                            // how long the connection may be silent before it is asked whether it lives

	mu     sync.Mutex
	closed bool
	count  int
	topics map[string]map[chan struct{}]struct{}
	cancel context.CancelFunc // ends the listening goroutine; nil when none runs
	done   sync.WaitGroup     // the listening goroutine
}

// Wake returns a channel that receives after each committed transaction that named the topic by [Tx.Notify]. Wakes that
// come while one is waiting fall together. To miss nothing, call Wake first, then look at the tables, then wait.
// The channel is never closed: the caller waits for ctx beside it. When ctx ends, the topic is forgotten.
//
// On PostgreSQL the first Wake opens one more connection, in one goroutine, which serves all of this DB's Wakes and ends with the last of their
// contexts, or with [DB.Close]. Each time it has been connected, the first time too, all are woken once, for they may have missed something before. While it is not
// connected (it tries every second) only this process's transactions wake; so a caller with a deadline also looks from time to time.
func (d *DB) Wake(ctx context.Context, topic string) <-chan struct{} {
	w := &d.wakes
	ch := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || ctx.Err() != nil {
		return ch
	}
	if w.topics == nil {
		w.topics = map[string]map[chan struct{}]struct{}{}
	}
	if w.topics[topic] == nil {
		w.topics[topic] = map[chan struct{}]struct{}{}
	}
	w.topics[topic][ch] = struct{}{}
	w.count++
	context.AfterFunc(ctx, func() { w.forget(topic, ch) })
	if w.dial != nil && w.cancel == nil {
		var lctx context.Context
		lctx, w.cancel = context.WithCancel(context.Background()) // outlives this caller if others listen
		w.done.Go(func() { w.listen(lctx) })
	} else if w.dial != nil {
		poke(ch) // the connection may have heard of the topic before this caller did
	}
	return ch
}

func (w *wakes) forget(topic string, ch chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.topics[topic], ch)
	if len(w.topics[topic]) == 0 {
		delete(w.topics, topic)
	}
	w.count--
	if w.count == 0 && w.cancel != nil {
		w.cancel()
		w.cancel = nil
	}
}

// wake wakes the listeners of the topics.
func (w *wakes) wake(topics ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, topic := range topics {
		for ch := range w.topics[topic] {
			poke(ch)
		}
	}
}

func (w *wakes) wakeAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, chs := range w.topics {
		for ch := range chs {
			poke(ch)
		}
	}
}

func poke(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default: // one is waiting already
	}
}

// listen hears other processes until ctx ends, whatever happens to the connection.
func (w *wakes) listen(ctx context.Context) {
	for ctx.Err() == nil {
		w.hear(ctx)
		select {
		case <-ctx.Done():
		case <-time.After(redial):
		}
	}
}

// hear listens on one connection until it breaks. Its error is not told: the next connection makes up for it by waking all.
func (w *wakes) hear(ctx context.Context) {
	c, err := w.dial(ctx)
	if err != nil {
		return
	}
	defer c.Close(context.WithoutCancel(ctx))
	if _, err := c.Exec(ctx, "listen "+channel); err != nil {
		return
	}
	w.wakeAll()
	for {
		n, err := w.next(ctx, c)
		if err != nil {
			return
		}
		if n != nil {
			w.wake(n.Payload)
		}
	}
}

// next waits for a notification; nil means that none came for a while, and that the server still answers. Without the question a
// cut cable would look like a quiet day.
func (w *wakes) next(ctx context.Context, c *pgx.Conn) (*pgconn.Notification, error) {
	quiet, cancel := context.WithTimeout(ctx, w.beat)
	defer cancel()
	n, err := c.WaitForNotification(quiet)
	if err == nil || ctx.Err() != nil || quiet.Err() == nil {
		return n, err
	}
	ping, cancel := context.WithTimeout(ctx, w.beat)
	defer cancel()
	return nil, c.Ping(ping)
}

func (w *wakes) close() {
	w.mu.Lock()
	w.closed = true
	if w.cancel != nil {
		w.cancel()
		w.cancel = nil
	}
	w.mu.Unlock()
	w.done.Wait()
}
