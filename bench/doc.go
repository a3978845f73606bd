// Package bench measures what Chancery promises about speed and size, each against what the same machine can do in the same minute.
//
//	make bench               all figures: a table, and what is kept in results.json, with README.md and the pictures made of it; V=-v shows where the time goes, too
//	make bench ONLY=peers    some groups of them; figures of other groups stay in results.json as they are
//	go test ./bench          the same code with tiny counts: it looks that every figure is made, and times nothing
//
// A rate by itself says more of the machine than of the program. So every figure has a peer, which does as little as any program would
// have to, and the two are measured in turns: what disturbs one disturbs the other. Read the ratios; the rates are for orientation.
//
//   - Sealing and opening a telegram of 2 KiB, against its primitives alone: X-Wing, AES-GCM, Ed25519, ML-DSA-44, and the HMAC and
//     SHA-256 of the telegram's leaves. Sealing is cutting, the letter and the envelope's bytes. Opening is these backwards, the sending post's
//     signatures, both roots, the signatures of the two people, and the entry. Goal: at most 25 % over.
//   - ML-DSA-44 of circl, which is used, against that of filippo.io/mldsa.
//   - Registering in commits of 1, 16 and 256, by a whole post on an encrypted SQLite database, against rows of the same bytes in commits
//     as large on another such database; and commits against a file that is appended to by 4 KiB and synced. Goal: 5,000 telegrams
//     a second in commits of 256.
//   - From post to post with receipts, against the primitives of a telegram on all processors. Both posts, the broker and its disk
//     share the machine. Counted are registering, sealing, carrying, opening, checking, filing, the receipt, and every commit. Goal: 65 %.
//   - Disclosures of telegrams of 2,000 and 200,000 characters, made and checked, against the salts, hashes and signatures in them; and their
//     size, against the salts and values that are shown, and against a digest for each leaf where all is withheld.
//   - Memory of an idle server, with the broker in it and without: goal below 80 MiB. From the start of its process to the moment at which the
//     first section goes to the carrier: goal below one second.
//   - Proving: a post's whole register, against the signatures of the people in it; the log alone; one entry among a million, how large its proof
//     is and how long it takes to make and to check; and the stranger's checker of docs/formats on its vectors, against the start of its processes.
//   - A file of 100 MB (FILE=1073741824 for 1 GiB), attached, sent from post to post through the broker and written to a file, against cp, sync and
//     sha256sum, and against a connection on which it is sealed, hashed and synced once at the end, which is what scp does. Each piece of ours is on the disk
//     of the sender, the broker and the receiver before it counts. Memory of each process, beyond what a file of one byte takes: goal at most 16 MiB. How
//     long a Flash waits behind a file on a line of 1 Mbit/s, beyond its wait on a free line: goal at most one piece.
//
// Three groups set Chancery beside other programs, which the bench starts on ports of its own and ends: NNCP, Postfix, age, gpg and openssl from Debian
// (apt-get install nncp postfix age gnupg openssl; Postfix needs root), and a NATS server in the process. What is not installed is named as not measured.
//
//   - peers-rate: telegrams of 2 KiB from release to receipt, 1, 100 and 10,000 at once, in letters and in frames; 10,000 behind a line that was cut, and a Flash behind
//     them; processor and memory; how much of what the primitives alone reach, and what a profile says the rest is. Goals: 65 % of the primitives; three times as many as
//     Postfix in letters, six times in frames.
//   - peers-curve: what a telegram costs from draft to receipt, and what a start costs, with 1,000 to 1,000,000 in both registers. Goal: it stays.
//   - peers-bytes: one telegram of 300 and 2,000 characters on the wire, and a day of silence.
//
// Each system sees the same texts on the same disk in the same run, in turns, and the middle one of several runs counts. What a peer does less (sign, seal, keep at
// the far end) stands beside the figure.
//
// Only tests are in here, since they name keys. Linux alone can say how much memory a process has.
package bench
