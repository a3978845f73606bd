// Package line carries envelopes between posts that are up: through a hub, which is a NATS server with JetStream inside the process of
// one post, to posts that are plain clients of it and only ever connect outwards. A post may know several hubs and uses the first that
// answers.
//
// A NATS server that is a program of its own, or a cluster, can be the hub as well: Outside writes its settings, Prepare makes its streams. There
// nobody makes consumers anew at a login; all else is the same.
//
// Nothing that Chancery promises rests on a hub: the sender keeps each telegram until the receiving post's signed receipt. A hub that
// loses its folder costs time and no telegram; what was on its way is sent again.
//
// # What goes over the wire
//
// A message is a bundle (telegram.Bundle) of envelopes of one precedence for one post, at most 4 MiB and 4 bytes as we send it; the hub
// takes up to 8 MiB. It has no headers, no Nats-Msg-Id least of all: a repeat must not be dropped as a duplicate. Nothing is
// compressed, since length would tell content.
//
//	subject   tg.<route>.<precedence>    tg.a00002.4 is a Flash for the post with the routing code a0 00 02
//	stream    <route>                    one for each post, a work queue; full, it refuses what is new
//	consumer  p<precedence>              six for each stream, durable, pulled, each message acknowledged by itself
//
// <route> is the routing code in six hexadecimal digits, <precedence> one digit, 0 Deferred to 5 Override. Names of posts never get
// here. The hub answers a message when it is on its disk (SyncAlways); that opens nothing in the outbox, it only says that the same
// message need not be sent again soon.
//
// A post keeps one request for one message standing at each of its consumers. While more waits, requests for up to Config.Ahead
// messages of one precedence run ahead; on a line of known rate for no more than is on its way and half a second more, so that what is urgent
// finds no queue. On a metered line no request stands: the hub wakes the post (docs/formats/wake.md), which then asks. Among what was fetched the most urgent is taken first, so that a Flash waits for one group and,
// on a thin line, for what is in flight. A message is acknowledged when it was taken, and offered again a second later when take
// refused it; on a slow or metered line it is kept and not fetched again. What does not parse is taken as far as it does, acknowledged and counted. A member's consumers are made anew when it
// logs in: requests of a dead connection swallow nothing, and what was in flight in it is offered again at once.
//
// # Who may do what
//
// A member logs in by signing the hub's nonce with its NATS user key (Ed25519), which stands in the directory. The hub's own user has a
// key that exists only in memory. Each member has a broker account to itself and sees nothing of the others; account HUB owns all
// streams, offers three services to the rest, and gives each its wakes:
//
//	                                              a member     the hub itself
//	send tg.*.*                                   yes          yes
//	ask $JS.API.CONSUMER.MSG.NEXT.<own>.*         yes          yes
//	acknowledge $JS.ACK.<own>.*.>                 yes          yes
//	hear _INBOX.<own>.> and wake.<own>.*          yes          yes
//	send to, hear, ask or acknowledge all else    no           yes
//
// Permissions alone would not do. A broker answers a request on whatever subject the request names, in its own name: in a shared account
// a member could fetch a message it wrote itself and have it delivered as an order to the broker, or into the answers of another.
// In an account to itself it reaches nobody but itself. (Replies that begin with $JS.ACK the broker refuses.) The hub has no cluster,
// leaf or monitoring port, advertises no address, and obeys no signal.
//
// # What a relay sees
//
// The hub, and whoever listens on the way to it, sees the routing codes of both ends, the precedence, L0 of each envelope, lengths and
// times. With tls:// the connection is TLS 1.3 with X25519MLKEM768, and the hub proves that it has one of the keys whose fingerprints the post was told;
// whoever listens on the way then sees lengths and times alone. With nats:// its content can be altered or dropped; what is altered does not open. Any
// member may send to any other, and so fill another's stream: its senders then get ErrFull and use another way.
package line
