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
// Each block after it is a salt and a statement, until the checkpoint: a line "salt" with 32 bytes in base64, and the statement's lines. After
// the checkpoint's empty line come the signature lines. With them the file ends; or an empty line follows, and further blocks of a salt and a
// statement, each ended by an empty line: the tail. A block has at most 128 lines. A field is a name, a space and a value. There is one way to write everything: [Parse] accepts exactly what [Directory.Marshal] writes. Base64 is that of
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
//	threshold K              how many officers must sign: from 1 to as many as there are
//	officer N KEY            for each officer, 1 to 32 of them, numbers from 1, rising
//
//	post NAME                a name is stated once
//	route RRRRRR             routing code, of no other post
//	identity KEY             signs the post's letters, receipts and letter keys
//	register KEY             signs the checkpoints of the post's register
//	login U…                 public nkey of a user, for brokers: base32 (RFC 4648, unpadded) of 0xa0 ‖ Ed25519 key 32 ‖ their CRC-16/XMODEM, low byte first
//	signed SIGNATURE         by the identity key
//
//	period POST              a letter key
//	id IIIIIIII              of no other letter key of the post
//	x-wing KEY               1216 bytes in base64: ML-KEM-768 1184 ‖ X25519 32
//	from TIME                the first second at which it is valid
//	until TIME               the first at which it no longer is: later than from
//	signed SIGNATURE         by the post's identity key
//
//	office OFFICE@POST       stated once
//
//	person NUMBER            from 1 to 2^32-1, stated once; never a name
//	post NAME
//	role ROLE                drafter, releaser, administrator, duty, alone, flash, override: any, in this order
//
//	key PERSON/NUMBER        of a person, numbers from 1 to 65535, each one more than the last
//	KEY
//	after PERSON/NUMBER      the key before, if it signs too; else the new key is "without continuity"
//	from TIME                with an after: what the old key signed before then stands
//	signed SIGNATURE         by the key itself
//	continued SIGNATURE      by the key before, if there is an after
//
// These change what was stated:
//
//	grant POST               what the post's administrators may issue; a later one takes its place
//	offices N                in force at most: from 1 to 2^31-1; what is suspended is in force
//	people N                 the same
//	role ROLE                that they may give: drafter, releaser, alone, flash, override
//
//	roles PERSON             what the person may do
//	from TIME                on, not before that of his roles until then
//	role ROLE
//
//	holder OFFICE@POST       who has the office from now on: people of the post, in force
//	person NUMBER            left out where nobody has it
//	deputy NUMBER            up to 8, each once and none the holder, in the order in which they stand in
//
//	end SUBJECT              "person 17" or "office AMBASSADOR@BEIJING": no more, for ever
//	at TIME                  what was signed before stands
//	why TEXT                 1 to 80 visible ASCII characters and spaces, no space at either end
//
//	suspend SUBJECT          or "post BEIJING": stopped until restored
//	at TIME
//	why TEXT
//
//	restore SUBJECT          who is suspended
//
//	revoke PERSON/NUMBER     a key: what its person's post entered in its register below this checkpoint stands
//	below SIZE ROOT          entries, and root hash in base64; "0" alone: nothing stands. A later revocation only lowers SIZE
//
//	checked SUBJECT          "key 17/1" or "post BEIJING" was compared by another way than this list
//	how TEXT                 card, card and read back, in person, telephone, document
//	at TIME
//
//	reserve flash            from a time on the roles flash and override are needed to release at these; stated once
//	from TIME
//
//	minimize                 for a time only what must goes from and to an area
//	area POST                at most 64, by rising name; left out for all posts
//	from TIME
//	until TIME               at most 30 days later
//	why TEXT
//
// What people issue has these fields after its own:
//
//	by POST N                two administrators of the post issue it, as the post's N-th, from 1; left out with suspend, checked and minimize, which are not counted
//	issued PERSON/NUMBER SIGNATURE   once or twice, by rising number of the person
//
// What a statement names stands before it. For a person or an office that has ended there is no new key, no
// roles, no holder and no second end; a person who ends has no office any more. A key that is revoked signs for no next one. A
// suspension of what is suspended is no fault. A key stands once in a directory, for one purpose: officers' and people's keys, a post's
// identity, register and login, the two halves of a letter key. An Ed25519 key is a point in its canonical encoding and not of small
// order, and a login's too; the coefficients of an ML-KEM key are below 3329 (FIPS 203 section 7.2), and an X25519 key is not of small order.
//
// The signatures are over the statement's text above the first of them, its last newline included; those of issuers over the 32 bytes of the
// list's fingerprint and the text above the first "issued", with "chancery/v1/issue\n" as label. With "chancery/v1/period\n" as
// label for a period and "chancery/v1/key\n" for the others, Ed25519 signs label ‖ text, and ML-DSA-44 signs text with the label as
// context. This package only hands them out, as [Directory.Vouchers]: who has them checked knows that no key was put in that its
// holder does not have. The root officers alone cannot give a post another letter key.
//
// # Who may state what
//
// The root officers, who sign the list as a whole, may state anything. In the tail, which they have not signed yet, stands what carries
// its own authority. What people issued is held to these rules wherever it stands, under the checkpoint too, and judged by all that stands before it:
//
//   - a period, signed by its post;
//   - office, person, key, roles, holder, end: issued by two administrators of the post, of its own people and offices, under a grant and within
//     it, while the post is not suspended; the administrators by what is in force there, by their newest keys. Administrators and
//     duty officers are made, changed and ended by the root only, and so are keys without continuity and roles outside the grant;
//   - suspend: issued by one duty officer of any post, or by two administrators of the post concerned, who may have signed it long before: they were
//     entitled at the time that it names;
//   - checked: issued by one administrator or duty officer, entitled at the time that it names, not of his own key;
//   - minimize: issued by two people of one post, each an administrator or a duty officer of it at the time from which it counts. Unless one is a
//     duty officer the area is that post.
//
// restore, revoke, grant, reserve, root and post are the root's alone. What was issued stands once, with the same signatures, so that no suspension is
// entered again after a restoration. A post's numbers rise by one, from 1. Two statements of one post under one number contradict each other, and a list has one of them at most.
//
// A person is entitled in a role when he has it and is neither ended nor suspended, by a key that is not revoked and is his newest. What he
// signed at an earlier time stands if he was entitled then: before the "at" of his end; by the roles of which the "from" was reached, the last of
// them; and by a key that was replaced, while the "from" of the next was not reached, if it signed for the next. A suspension
// and a revocation look at no time. Which times a telegram is judged by, docs/formats/release.md says.
//
// A revocation leaves what lies below its checkpoint to be shown: whoever has a proof (docs/formats/register.md) that an entry of the key's post stands
// under that very checkpoint, of that size and that root, may take what the key signed in it. A post that receives does not look for one, and refuses.
//
// A judgement is by the list that one has: today's says what is known today, that of the day on which a telegram came says whether it was rightly taken
// then. A letter names the size and root of the list by which its sender sent it, which every later one begins with.
//
// Once flash is reserved, a releaser needs the role flash, or override, for a telegram of which an addressee has flash, and override for one of which an
// addressee has override, if he releases it at or after that time. Of orders to minimize the same area the one that begins last counts, of two that
// begin together the one that ends last. One is in force from its first second until before its last. While it is, what goes from or to a post in its
// area at a precedence below priority is handed over only when it is marked (field 22 of a telegram).
//
// The order of a tail is settled when the root officers sign it: until then two posts may have the same statements in another order.
// One list extends another when its signed part begins with the other's, and the other's tail stands in it, in any order.
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
// by Ed25519 (type 0x04), one by ML-DSA-44 (type 0x06). There may be 128 lines; those of other names or keys, and those
// that do not verify, count for nothing, but must be signature lines, "— ", a name in visible ASCII without a plus, a space, and at least 5 bytes in base64.
//
// An officer counts once, when lines of both his keys verify, and his time is the older of the two; of several lines by one key the
// newest counts; a line more than a day ahead of the reader's clock does not, nor one of a time of 2^40 or more. The list is valid when K officers count, and was signed
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
//	from 2026-12-07T20:40:00Z
//	signed ed25519 nPRFyz6V…
//	signed ml-dsa-44 wIxLzXik…
//	continued ed25519 9YVeLzZC…
//	continued ml-dsa-44 NpQ8YHeT…
//
//	…
//
//	chancery/directory/8d802c158c11970d
//	12
//	w78O8EpOiYswJvLcJatFCwN7spTbEpKA/v+LfK1/HPs=
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
// A post's new identity, register or login key, and a change of the root officers.
package directory
