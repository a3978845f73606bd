package circuit

import (
	"context"

	"chancery.example/chancery/telegram"
)

// Carrier is one post's way to the others: a NATS broker, a pouch, mail, radio. Nothing that Chancery promises rests on it, and it is
// judged by speed alone. What follows is all that a carrier must know; package circuittest has it as tests, which every carrier passes.
//
// # What a carrier may do
//
// It may lose what it is given, repeat it, deliver it late or in another order, and alter it. The sending post keeps each telegram until
// the receiving post's signed receipt, and offers it again until then. A good carrier does these things seldom. It never cures them by
// forgetting what it has seen before: the same envelope is sent again because it is needed again.
//
// # What a carrier knows
//
// Routing codes and precedences, and no names. It carries by what Send was told and reads neither receiver nor precedence out of an
// envelope: when the two differ, the receiving post must see it. An envelope has at most telegram.MaxEnvelope bytes. A carrier
// whose messages are shorter cuts and joins by itself; one whose messages are longer may put several envelopes of one Send, or of one
// precedence, into one.
//
// # What must never happen
//
//   - take is called with what was handed over for another route, or with what does not parse, or with nothing;
//   - take is called while another take runs, or after Receive returned;
//   - Send or Receive stays when its ctx has ended;
//   - Send waits for the receiving post, for an outage to end, or for a take: take itself calls Send, for receipts;
//   - what waits in memory has no bound: what is too much, Send refuses.
//
// Methods may be called at the same time. A constructor starts nothing; a carrier that needs a connection has a Run of its own.
type Carrier interface {
	// Send hands envelopes for one post to the carrier, to travel at one precedence. nil means handed over, never delivered. An error means
	// that the same envelopes are to be offered again later, though some of them, or all, may have been handed over. During an outage it
	// may fail at once and may take no longer than one message needs on its way. It refuses a precedence that is none of the six. A route that
	// nobody has is refused where the carrier knows it, and lost where it cannot know. No envelopes are no message, and no error.
	//
	// It changes nothing of es, and keeps nothing of them after it returns: neither the slice nor a Body.
	Send(ctx context.Context, to telegram.Route, p telegram.Precedence, es []telegram.Envelope) error

	// Receive calls take with what arrived for this post, one call at a time, until ctx ends. Then it waits for a take that runs, begins
	// no other, and returns ctx's error. It survives outages, and returns early only with an error that a person must mend, or at once
	// when this carrier receives already. What was not yet taken waits for the next Receive.
	//
	// Of what has arrived, the most urgent is taken first. What is more urgent and comes later waits for the take that runs and for the
	// little that was fetched ahead of it (64 envelopes at the very most, if no single Send brought more), never for a backlog. Within one
	// precedence what was handed over first should be taken first.
	//
	// es are envelopes of one precedence, one or more; at is the precedence at which they travelled, which the post compares with the one
	// that each envelope bears. es belong to take, to keep and to change.
	//
	// When take returns nil all of es are durable or refused for good, and are not offered again, accidents apart. When it returns an
	// error none of them counts as taken: all are offered again as they came, after a pause, to a later Receive if need be.
	// Meanwhile they hold nothing up that is more urgent. A carrier may lose them as it may lose anything, but not because take failed:
	// a post whose disk is full for an hour would pay for each with a repeat over the whole way.
	Receive(ctx context.Context, take func(at telegram.Precedence, es []telegram.Envelope) error) error
}
