package line

import (
	"context"
	"errors"
	"fmt"
	"time"

	"chancery.example/chancery/telegram"
	"github.com/nats-io/nats.go/jetstream"
)

// stock says how what waits is kept.
type stock struct {
	maxBytes int64         // for one post
	ackWait  time.Duration // after which what was fetched and not acknowledged is offered again
	replicas int           // servers of a cluster that keep each stream
	anew     bool          // make consumers that are there anew: what was fetched from them is offered again at once
}

// What a zero setting means.
const (
	defaultMaxBytes = 64 << 20
	// A message may be on its way, behind another, for as long as a slow line needs. Nobody waits for this otherwise: a member that logs in anew is
	// offered at once what it had not acknowledged.
	defaultAckWait = 20 * time.Minute
	// A server outside does not know of logins.
	outsideAckWait = 5 * time.Minute
)

// make deletes the streams that belong to nobody, makes the stream and the consumers of each member, and mends those that differ.
func (k stock) make(ctx context.Context, js jetstream.JetStream, ms []Member) error {
	keep := map[string]bool{}
	for _, m := range ms {
		keep[streamName(m.Route)] = true
	}
	names := js.StreamNames(ctx)
	var gone []string
	for n := range names.Name() {
		if !keep[n] {
			gone = append(gone, n)
		}
	}
	if err := names.Err(); err != nil {
		return fmt.Errorf("listing the hub's streams: %w", err)
	}
	for _, n := range gone {
		if err := js.DeleteStream(ctx, n); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
			return fmt.Errorf("deleting the stream %s: %w", n, err)
		}
	}
	for _, m := range ms {
		if err := k.stream(ctx, js, m.Route); err != nil {
			return fmt.Errorf("making the stream of %v: %w", m.Route, err)
		}
	}
	return nil
}

func (k stock) stream(ctx context.Context, js jetstream.JetStream, r telegram.Route) error {
	cfg := jetstream.StreamConfig{
		Name: streamName(r), Retention: jetstream.WorkQueuePolicy, Storage: jetstream.FileStorage,
		MaxBytes: k.maxBytes, Discard: jetstream.DiscardNew, Replicas: k.replicas,
		// What is on the disk wakes a member that listens for it, with its precedence and without its content.
		RePublish: &jetstream.RePublish{Source: "tg." + r.String() + ".*", Destination: "wake." + r.String() + ".{{wildcard(1)}}", HeadersOnly: true},
	}
	// The six are named one by one: what is sent to a seventh would lie there for ever, since nobody consumes it.
	for p := telegram.Deferred; p <= telegram.Override; p++ {
		cfg.Subjects = append(cfg.Subjects, subject(r, p))
	}
	s, err := js.CreateOrUpdateStream(ctx, cfg)
	if err != nil {
		return err
	}
	for p := telegram.Deferred; p <= telegram.Override; p++ {
		if k.anew {
			if err := s.DeleteConsumer(ctx, consumerName(p)); err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
				return err
			}
		}
		if _, err := s.CreateOrUpdateConsumer(ctx, k.consumer(r, p)); err != nil {
			return err
		}
	}
	return nil
}

func (k stock) consumer(r telegram.Route, p telegram.Precedence) jetstream.ConsumerConfig {
	return jetstream.ConsumerConfig{
		Durable: consumerName(p), FilterSubject: subject(r, p), AckPolicy: jetstream.AckExplicitPolicy,
		AckWait: k.ackWait, MaxAckPending: 512,
	}
}
