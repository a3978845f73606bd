// Package telegram says what a telegram is: its heading, its text, its numbers, and the one way each of them is written.
//
// Everything that is signed, hashed, sealed or sent in Chancery is one of the written forms of this package, so a stranger can
// write a compatible program from this page. Integers are big-endian; u8, u16, u32 and u64 are unsigned of that many bits; ‖ joins.
// A text is UTF-8. "short text" is u8 length ‖ text. A time is u64, the two's complement of seconds since 1970-01-01T00:00:00Z.
//
// # The telegram
//
//	telegram = u8 version 1 ‖ seed 32 ‖ field … ‖ block …
//	field, block = u8 kind ‖ length ‖ value           (length: unsigned LEB128, as short as it can be)
//
// The fields of the head, in this order, each once unless it says otherwise:
//
//	 2 suite        u8 1
//	 3 sender       office@post
//	 4 releaser     u32 person ‖ u16 key number        empty while it is only handed over
//	 5 drafter      u32 person ‖ u16 key number
//	 6 action       u8 precedence ‖ office@post        once for each action addressee, at least one; with 21 and an info addressee, none perhaps
//	 7 info         u8 precedence ‖ office@post        once for each info addressee
//	 8 label        short text policy ‖ short text classification ‖ u8 n ‖ n short texts, the caveats ‖ time of review, or nothing
//	 9 type         u8: 0 operation, 1 exercise, 2 drill
//	10 deadline     time, or empty
//	11 DTG          time of origin
//	12 released at  time                               empty while it is only handed over
//	13 register by  time                               empty while it is only handed over
//	14 asks         u8: bit 0 receipt, bit 1 fulfilment
//	15 subject      text, may be empty
//	16 signature    the name that stands under the text, may be empty
//	17 reference    u8 act ‖ u16 year ‖ u32 serial ‖ short text post ‖ R 32, or nothing; any number of times. The acts: 0 refers,
//	                1 acknowledges, 2 fulfils, 3 fulfils in part, 4 asks for time, 5 grants time, 6 cannot comply, 7 conveys,
//	                8 cancels, 9 corrects, 10 readdresses, 11 repeats
//	18 code         a subject code, 3 to 8 of A-Z and 0-9; up to eight times
//	19 deskby       time; left out if there is none
//	20 urgency      u8 1 the act is to be done immediately; left out else
//	21 original     of a readdressal only: u32 length ‖ telegram without blocks ‖ draft Ed25519 64 ‖ release Ed25519 64 ‖ release ML-DSA-44 2420
//	22 considered   u8 1 it is to go though traffic is restricted: MINIMIZE considered; left out else
//
// The blocks of the body, any number, in the order of the text:
//
//	0x41 paragraph        its text: no space at either end
//	0x40 more             text that goes on in the same paragraph after a blank or an insertion
//	0x42 convey           a telegram to be conveyed begins; the value says to whom
//	0x43 end              it ends; the value is the signature under it. At most four deep
//	0x44 blank            hides an extent when spans are withheld later; u8 n ≥ 1, n blank leaves.
//	                      Of blanks in a row all but the last have n 255
//	0x46 insertion        what the author did not write, within a paragraph or behind a signature: u8 kind (1 supplied, 2 gloss,
//	                      3 sic) ‖ text; a leaf of its own
//	0x45 attachment       a file that belongs to the telegram: [Attachment]. At most 16, behind all other blocks; no two have one name,
//	                      A to Z taken as a to z, or one secret
//
// Parse accepts exactly what Marshal writes: parse, print, same bytes.
//
// # One telegram on another
//
// Acts 8 to 11 are done to one other telegram. All references of these acts have one act, one post and one R, which is there; they differ in the
// serial, for the same telegram has another for each post it went to, and each of those finds its own.
//
// With act 10, and only then, there is field 21. The last blocks of the body are a convey, to the first addressee of field 21's telegram (action before
// info), the blocks that were that telegram's, and an end with its signature. Put together again they are a telegram of which R is that of
// the reference, and on which all that was said of telegrams holds. In field 21 the inner telegram has no blocks, even if it is itself a
// readdressal. It has at most 128 KiB.
//
// # The roots
//
// Each field is a leaf of the head's tree, and leaf 0 before them, the form, holds the kinds of all head leaves (its own is 1) and of
// all body leaves, a byte each. Each word of a paragraph with the spaces after it is a leaf of the body's tree: kind 0x41 if it is a
// paragraph's first, else 0x40; convey and end are a leaf each; a blank is n leaves of no value. A character of the ranges in
// [Words] stands alone as a word. An attachment is a leaf, so that it can be withheld whole. With
//
//	sh = HMAC-SHA-256(seed, "chancery/v1/head\n")     sb = HMAC-SHA-256(seed, "chancery/v1/body\n")
//	salt i = HMAC-SHA-256(sh or sb, "chancery/v1/salt\n" ‖ u32 i)
//	leaf i = SHA-256(0x00 ‖ salt i ‖ u32 i ‖ u8 kind ‖ u32 length ‖ value)
//	node   = SHA-256(0x01 ‖ left ‖ right), the tree's shape that of RFC 6962 section 2.1
//
// H and B are the roots of the two trees, of nh and nb leaves (the root of no leaves is SHA-256 of nothing), and
//
//	R = SHA-256("chancery/v1/root\n" ‖ u8 suite ‖ u32 nh ‖ H ‖ u32 nb ‖ B)
//
// is what the releaser signs. The drafter signs D, which is R with the values of fields 4, 12 and 13 empty: who releases, and when,
// is not the drafter's to say. Whoever has the telegram computes both.
//
// # What travels
//
// A [Registered] telegram is the telegram with the drafter's and the releaser's signatures and its numbers:
//
//	registered = u32 length ‖ telegram ‖ draft Ed25519 64 ‖ release Ed25519 64 ‖ release ML-DSA-44 2420 ‖ numbers
//	numbers    = u16 year ‖ u32 register number ‖ u8 n−1 ‖ n × (short text post ‖ u32 serial) ‖ time registered
//
// Exercises and drills have series of their own. A register number, incoming number or serial of an exercise has its highest bit set, of a drill
// the next one; the other 30 bits count from 1. Numbers are of the telegram's own type, and so is what it acknowledges, fulfils or otherwise acts
// on. People write EX12 and DR3: see [NumberText].
//
// It is cut into sections, and each is sealed by itself:
//
//	section = u8 circuit ≥ 1 ‖ u32 special ‖ u32 lane ‖ u32 serial ‖ u32 i ‖ u32 n ‖ piece     (i from 1 to n)
//	service = u8 0 ‖ u8 kind ‖ statement ‖ Ed25519 64 ‖ ML-DSA-44 2420
//
// # The register's entry
//
// N is the root of a third tree of the same make, its seed HMAC-SHA-256(sh, "chancery/v1/numbers\n"): leaf 0 the form (kind 0x80,
// the kinds of all its leaves), 0x81 u16 year ‖ u32 register number, 0x82 post ‖ u32 serial for each addressed post in the order R
// names them, 0x83 time registered. The post that receives enters its own numbers in the same way, with one leaf 0x82 for the sender;
// its seed is HMAC(its own 32 random bytes, "chancery/v1/incoming\n"), so that no co-addressee can try out what number it took there.
//
//	entry = "chancery/v1/entry\n" ‖ u8 kind ‖ R ‖ SHA-256(release Ed25519 ‖ ML-DSA-44) ‖ SHA-256(draft Ed25519) ‖ u32 leaves of N ‖ N
//
// # The disclosure
//
// A [Disclosure] is a telegram of which something is withheld. Of each leaf that is shown it has kind, value and salt, of the others digests, and from both
// R is made anew. A salt tells nothing of the seed or of another leaf's salt. It is written as JSON in the canonical form of RFC 8785 and a line feed:
//
//	{"body":TREE,"disclosure":1,"head":TREE,"numbers":TREE,"reasons":["…",…],"registered":"…","released":{"ed25519":"…","ml-dsa-44":"…"},"root":"…"}
//
//	TREE = {"digests":["…",…],"leaves":[LEAF,…]}
//	LEAF = {"kind":65,"salt":"…","value":"Ice "}     the value as text: kinds 3, 15, 16, 18, 0x40 to 0x44
//	       {"hex":"0a00","kind":13,"salt":"…"}       all other kinds
//	       {"withheld":3}                            so many leaves that follow each other
//	       {"reason":1,"withheld":3}                 for the first of the reasons; two such runs in a row have different ones
//
// Salts, digests and signatures are in base64, root and hex in hexadecimal digits. numbers, reasons, registered and released are left out where there is
// nothing of them. The digests are the roots of the largest subtrees of which no leaf is shown, from left to right. Leaf 0 of each tree with a form is
// shown, and the leaves have the kinds that it says. registered is a proof as package register writes it; numbers, the leaves of N, are there only with
// it; released are the releaser's signatures over R. One of both is there. Reasons are numbered in the order of their use; they are no part of a proof.
//
//	d, err := telegram.ParseDisclosure(file)
//	…
//	shown, err := d.Check()                                   // the leaves make R, and a telegram can be so
//	…
//	err = seal.CheckReleased(d.Root, d.Release, d.ReleasePQ, key) // the key that the directory has under shown.Releaser()
//	proof, err := register.ParseProof(d.Registered)
//	…
//	_, err = proof.Check(verifiers)                           // of the post whose register it names
//	kind, err := shown.CheckEntry(proof.Entry)
//	fmt.Print(shown)
//
// How many leaves are withheld, and of which kind, is seen by all: see docs/formats/disclosure.md for this and for what else shows.
//
// # The envelope
//
// What a circuit carries is an [Envelope]: 25 bytes in clear, L0, and a body that only package seal can open. Circuits, desks and
// registers handle it without being able to name a key. What answers an [Ask] for pieces of an attachment has 17 bytes in clear: [PartType].
package telegram
