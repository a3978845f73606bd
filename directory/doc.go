// Package directory is the signed list of posts, offices, people and their keys: a log of statements. Root officers sign the log's
// checkpoint, k of n of them, and never a single statement.
//
// # The file
//
// A directory is a text of lines, each ended by a newline (U+000A), at most 8192 bytes long, and at most 64 MiB in all. Blocks of
// lines are ended by an empty line. The first block is the line
//
//	chancery directory 1
//
// Each block after it is a salt and a statement; the last is the checkpoint, and signature lines follow it. A field is a name, a
// space and a value. There is one way to write everything: [Parse] accepts exactly what [Directory.Marshal] writes. Base64 is that of
// RFC 4648 section 4, padded; hexadecimal digits are small; a number has no leading zero; a time is 1950-12-07T20:40:00Z, in UTC;
// names of posts and offices are those of package telegram.
//
// # Statements
//
// A statement is written with these fields, in this order. KEY stands for two fields, "ed25519" with the 32 bytes of RFC 8032 and
// "ml-dsa-44" with the 1312 bytes of FIPS 204, in base64, each after the words that stand before KEY; SIGNATURE stands for two
// fields of the same names, with 64 and 2420 bytes.
//
//	root                     the first statement, and no other
//	threshold K              how many officers must sign
//	officer N KEY            for each officer, 1 to 32 of them, numbers from 1, rising
//
//	post NAME                a name is stated once
//	route RRRRRR             routing code, of no other post
//	identity KEY             signs the post's letters, receipts and letter keys
//	register KEY             signs the checkpoints of the post's register
//	login U…                 public nkey of a user, for brokers
//	signed SIGNATURE         by the identity key
//
//	period POST              a letter key
//	id IIIIIIII              of no other letter key of the post
//	x-wing KEY               1216 bytes in base64: ML-KEM-768 1184 ‖ X25519 32
//	from TIME                the first second at which it is valid
//	until TIME               the first at which it no longer is
//	signed SIGNATURE         by the post's identity key
//
//	office OFFICE@POST       stated once
//
//	person NUMBER            from 1 to 2^32-1, stated once; never a name
//	post NAME
//	role ROLE                drafter, releaser, administrator: any, in this order
//
//	key PERSON/NUMBER        of a person, numbers from 1 to 65535, each one more than the last
//	KEY
//	after PERSON/NUMBER      the key before, if it signs too; else the new key is "without continuity"
//	signed SIGNATURE         by the key itself
//	continued SIGNATURE      by the key before, if there is an after
//
// What a statement names stands before it. A key stands once in a directory, for one purpose: officers' and people's keys, a post's
// identity, register and login, the two halves of a letter key. An Ed25519 key is a point in its canonical encoding and not of small
// order, and a login's too; ML-DSA and X-Wing keys parse.
//
// The signatures are over the statement's text above the first of them, its last newline included. With "chancery/v1/period\n" as
// label for a period and "chancery/v1/key\n" for the others, Ed25519 signs label ‖ text, and ML-DSA-44 signs text with the label as
// context. This package only hands them out, as [Directory.Vouchers]: who has them checked knows that no key was put in that its
// holder does not have. The root officers alone cannot give a post another letter key.
//
// A kind, field, role, version or checkpoint line that is not known makes the whole file unreadable ([ErrOlder]): this program is
// older than the directory, and what it would pass over could be a revocation.
//
// # The log
//
// Before each statement stands its salt, 32 random bytes. With text as the statement's lines from its first to its last, all ended,
//
//	digest = SHA-256("chancery/v1/statement\n" ‖ salt ‖ text)
//	leaf   = SHA-256(0x00 ‖ digest)
//	node   = SHA-256(0x01 ‖ left ‖ right), the tree's shape that of RFC 6962 section 2.1
//
// so that one statement can be shown later with its salt and a proof, and the others stay unknown, even to one who guesses them.
//
// # The fingerprint
//
// It is SHA-256 of the root's text, without salt, 64 hexadecimal digits. A post gets it by another way than the file.
//
// # The checkpoint
//
// It is a C2SP tlog-checkpoint of three lines: the origin, chancery/directory/ and the first 16 digits of the fingerprint; the
// number of statements; the root hash in base64. Officer N signs it as root-N with cosignature/v1 of C2SP tlog-cosignature: one line
// by Ed25519 (type 0x04), one by ML-DSA-44 (type 0x06). There may be 128 lines; those of other names or keys count for nothing, but
// must be signature lines, under a name in visible ASCII.
//
// An officer counts once, when lines of both his keys verify, and his time is the older of the two; of several lines by one key the
// newest counts; a line more than a day ahead of the reader's clock does not. The list is valid when K officers count, and was signed
// at the K-th newest of their times. It is fresh for 30 days from then. Signing the same checkpoint again makes it fresh again.
//
// # Example
//
// This is the beginning and the end of testdata/vector.directory, its keys and signatures shortened:
//
//	chancery directory 1
//
//	salt 7s5I4Tz5VO9Gd5OgJaDS1EwuXmz45A8+53dIDbnRXWs=
//	root
//	threshold 2
//	officer 1 ed25519 WkScWeRxL8iXLbjNe9hkrzQTKRi6IBffTeMX9syFYYs=
//	officer 1 ml-dsa-44 OB9NyvV7…
//	officer 2 ed25519 NxPYRJfVkGQDmI/DLQ3RHrJ7GwLIJfjqVY/SVKg4zTg=
//	officer 2 ml-dsa-44 cZLb3JMc…
//	officer 3 ed25519 XPlZLjFeTQcw0Yb8PTeno3tI1MLHYyj1qddzjRXs32A=
//	officer 3 ml-dsa-44 GnVAHtIz…
//
//	salt oSZjVLWGMf2TkRlDONER81UimBIqcybFwQtpBHZP9rE=
//	post MOSCOW
//	route 111111
//	identity ed25519 at7YsvnI1BpvxW2qUfP5dD3Q/6x+cPOh1Znt/Lunrn8=
//	identity ml-dsa-44 27cPEic2…
//	register ed25519 N1CDMqR3a3JBU3ETfR9qn4EkCB9tdTAAnmAQ7WBbJf8=
//	register ml-dsa-44 VPhSj6Zc…
//	login UBUTSNYSX735U6JMPYNGIVXOZK6KJHDXJQY2CMHKZQAOFFKFO5IWHJHJ
//	signed ed25519 PcqxZ5NY…
//	signed ml-dsa-44 wVkrB0CU…
//
//	…
//
//	salt XV/CGM2jyKm+iiTgpWEFoomwIdsxU8PppobAtU02XpU=
//	office AMBASSADOR@BEIJING
//
//	salt QjWivsjy6jXsb6lgg2vEZEShBbuMXfielcrWZiBXhrI=
//	period BEIJING
//	id 01010101
//	x-wing +twLl9Ru…
//	from 2026-12-07T20:40:00Z
//	until 2027-01-04T20:40:00Z
//	signed ed25519 x/hfk/3p…
//	signed ml-dsa-44 9iH2IgoN…
//
//	salt C8ThZy7n2Nqv5HV7WAfFHXt8/a5zgfZF0fSCNHcuLEo=
//	person 17
//	post MOSCOW
//	role drafter
//	role releaser
//
//	…
//
//	salt icJq0aYbWN8fzc2+VkZcug7hPbhpdpESl3CyHuF6LpE=
//	key 17/2
//	ed25519 zhEUKJAj7utMo0+r8msteYen8QW2AWcXX3Qgz/VktW0=
//	ml-dsa-44 JhBlUaUy…
//	after 17/1
//	signed ed25519 ZTFxmsJ/…
//	signed ml-dsa-44 cdI5A5o4…
//	continued ed25519 K5qKds63…
//	continued ml-dsa-44 De33pprw…
//
//	…
//
//	chancery/directory/8d802c158c11970d
//	12
//	0ZZFDYJKcbJJmC8Ri9iN/LlChyHxua3Y8tOrXF0BWxo=
//
//	— root-1 NfaRTAAA…
//	— root-1 vyuK5gAA…
//	— root-3 EjXtzwAA…
//	— root-3 ObZlxQAA…
//
// The lower half of it is what the officers are given and give back. In code:
//
//	d, err := directory.New(directory.Root{Threshold: 2, Officers: officers})
//	…
//	d, err = d.Append(post, office, person, key)
//	…
//	os.WriteFile("checkpoint", []byte(d.Checkpoint()), 0o666) // signed by note.Sign, twice by each officer
//	…
//	d, err = d.AddSignatures(signed)
//	…
//	os.WriteFile("directory", d.Marshal(), 0o666)
//
// and at a post:
//
//	d, err := directory.Parse(file)
//	…
//	if err := d.Verify(fingerprint, time.Now()); err != nil { … }
//	for _, v := range d.Vouchers() { … }
//	err = db.Write(ctx, func(tx *store.Tx) error { return directory.Adopt(tx, d, time.Now()) })
//
// # Not in this version
//
// Grants by which a post's administrators state its own people, suspension, revocation, a post's new identity key, a change of roles.
package directory
