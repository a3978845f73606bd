// Package chancery is an open system for official ciphered telegrams. It has no code of its own, apart from the tests that keep the rules of
// the house; this is a tour of the packages, in the order in which a telegram meets them.
//
// # What it is
//
// Package [chancery.example/chancery/telegram] says what a telegram is: heading, text, numbers, and the one way in which each is
// written. What people sign is R, the root of two salted trees over every field and every word, so that decades later a single word
// can be withheld and the rest still proved. Begin with its package comment: all other packages speak its language.
//
// # Who there is
//
// A telegram goes from an office at one post to offices at others. Package [chancery.example/chancery/directory] is the list of
// posts, offices, people and keys, a log that k of n root officers sign as a whole.
//
// # It is drafted and released
//
// On the desk ([chancery.example/chancery/desk]) a draft becomes handed over by the drafter's signature and released by another
// person's. Both sign with keys that the post need not hold. Package [chancery.example/chancery/seal] makes these signatures, and all
// that is enciphered; no other package below post can name a key.
//
// # It is registered
//
// Package [chancery.example/chancery/register] gives it its numbers, from series without a gap, and enters it in a log in which a
// change shows. The same transaction lays it into the outbox ([chancery.example/chancery/circuit]) of each addressed post and files it
// ([chancery.example/chancery/archive]). All of them stand on one database ([chancery.example/chancery/store]): SQLite, encrypted, or
// PostgreSQL.
//
// # It is carried
//
// When the circuit can take more, the most urgent telegram's next section is sealed to the receiving post's key of that moment, is
// stored, and only then leaves. Package [chancery.example/chancery/circuit/line] moves it by a NATS broker, which is trusted with
// nothing: what the receiver has not signed for is kept, and carried again.
//
// # It is received
//
// The receiver deciphers it, checks every signature again, gives it a number of its own, enters and files it, and signs a
// receipt. Only that frees the sender. What the telegram asked for, the receiver does and reports in a telegram of its own.
//
// # It is read elsewhere
//
// A telegram can be written as a mail, and a draft made of one ([chancery.example/chancery/eml]): in clear, lossless, and without what is the
// post's own.
//
// # Where it comes together
//
// Package [chancery.example/chancery/post] introduces the others to each other and is the only one that knows them all. Its files
// outgoing.go and incoming.go tell the life above from top to bottom, each step with what a crash there would mean: read these two
// first. The command, cmd/chancery, is a thin hand on it.
//
// ARCHITECTURE.md has the floors, that is, which package may import which, and floors_test.go holds the code to them.
package chancery
