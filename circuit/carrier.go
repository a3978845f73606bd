package circuit

import (
	"context"

	"chancery.example/chancery/telegram"
)

// Carrier is one way between posts: a NATS broker, a pouch, mail, radio. It may lose, repeat, reorder, delay or alter what it is
// given, and nothing that Chancery promises rests on it: it is judged by speed alone. Its methods may be called at the same time.
type Carrier interface {
	// Send hands envelopes of one precedence for one post to the carrier. nil means handed over, never delivered; an error means
	// that the same envelopes are to be offered again later. It keeps nothing of es after it returns.
	Send(ctx context.Context, to telegram.Route, p telegram.Precedence, es []telegram.Envelope) error

	// Receive calls take, one call at a time, with what arrived for this post, the most urgent first, until ctx ends; at is the
	// precedence that the carrier itself used for them. When take returns nil all of it is durable or refused for good; when it
	// returns an error the carrier offers it again later, or loses it. Receive survives an outage of the way; it returns ctx's error,
	// or one that only a person can mend.
	Receive(ctx context.Context, take func(at telegram.Precedence, es []telegram.Envelope) error) error
}
