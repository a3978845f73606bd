// Package pieces keeps the pieces of attachments, and knows which are here, which are to come, and what other posts asked for.
//
// # Where pieces lie
//
// A piece is sealed before it comes here: nobody reads it without the telegram that it belongs to. It is a file named by the SHA-256 of its bytes, in
// hexadecimal, within a folder of the name's first two digits:
//
//	pieces/e3/e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
//
// so  sha256sum  tells whether one is whole. [Folder] keeps them on this machine's disk, [Bucket] under the same names in an object store that speaks S3.
// Both are used in the same way, by many at the same time:
//
//   - Put has a piece durable under its name before it returns nil, all of it or nothing: never half a piece under a name. Put again is harmless.
//   - Get gives exactly the bytes of that name: it makes the digest anew, and what is altered is [ErrDamaged].
//   - Delete of what is not there is no error.
//   - Own says whose they are, once for ever: two posts that shared a place would delete each other's pieces.
//   - Each lists what is there, in no order. What comes or goes meanwhile may be listed or not.
//
// A Folder leaves room on its disk, which the database may share: with less than [Room] left Put says [ErrFull], and takes nothing.
//
// # What the database knows
//
// An [Attached] is one attachment, of a draft or of a filed telegram. It goes through these states:
//
//	loading ─────────────────────────────▶ checked     a file of this post's own, once all of it was sealed
//	coming ──all pieces here──▶ whole ──they make the file──▶ checked
//	   │  ▲                       └──they do not──▶ damaged
//	   ▼  │ by command
//	  left
//
// A row for a piece ([Keep]) is written after the piece is durable, so a row says that the piece is here; a file without a row is left over from a crash, or
// new, and is swept when it is a day old ([Orphans]). What is deleted goes the other way: first the rows, then the files.
//
// An [Asked] is what another post asked for. It is kept for as long as that post's letter could be repeated, so that a repeated ask is never answered again.
package pieces
