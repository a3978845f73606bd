// Package bench measures what Chancery promises about speed and size, each against what the same machine can do in the same minute.
//
//	make bench         all figures, a table, and bench/results.json; V=-v shows where the time goes, too
//	go test ./bench    the same code with tiny counts: it looks that every figure is made, and times nothing
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
//
// Only tests are in here, since they name keys. Linux alone can say how much memory a process has.
package bench
