// Package circuit carries sealed telegrams between posts by precedence, until each is receipted. It cannot read them.
//
// # Out
//
// [Queue] lays a registered telegram into the outbox once for each addressed post, in the transaction that gives it its numbers. [Next]
// says which section is to be sealed now: the next one of the most urgent telegram, if the circuit can take more at that precedence.
// A circuit can take more while the bytes without a receipt, of that precedence or above, are below its window; a telegram
// that has begun is carried to its end, and what is more urgent goes between its sections. Each tenth section below Flash is of what has waited
// longest ([Turn]), so that nothing waits for ever while more urgent things come. [Sealed] stores the envelope, in the transaction
// that takes its special number and before a byte leaves; [Open] gives what is to be carried, the most urgent first, and the same bytes
// as often as needed; [Receipted] frees it.
//
// # In
//
// [Keep] keeps the sections of a telegram that has not all come, each once; [Pieces] gives them back.
//
// # Carriers
//
// What moves envelopes is a [Carrier]: package line (a NATS broker). None is trusted with anything.
package circuit
