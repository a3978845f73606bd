// Package desk follows a telegram across the desks of one post: it is drafted, handed over, released; and what it asked for is done.
//
// A draft goes through four states:
//
//	draft ──drafter signs──▶ handed over ──releaser signs──▶ released ──takes its numbers──▶ registered
//
// There is one way back: what was handed over can be returned with a remark, and is a draft again. Every step is kept, with the form as it was
// then ([Step]). Between hand-over and release officers of the post may clear it; those whom the draft names must.
//
// Only what both people signed is ever registered. Bodies come here sealed: the desk moves them and cannot read them.
//
// A [Form] is what a drafter writes: lines of "Key: value", a blank line, and the text.
//
//	From: MINISTRY                        the office that sends; the post's first if left out
//	To: AMBASSADOR@BEIJING; flash         action addressee and, after a semicolon, a precedence of its own
//	Info: AMBASSADOR@LONDON               info addressee
//	Precedence: immediate                 for all others; routine if left out
//	Policy, Classification, Caveat, Review: the label; Caveat may stand several times, Review is a day
//	Type: operation                       or exercise, drill
//	Deadline: 2026-12-01T12:00Z           by when it must be done; a day alone is due when it ends
//	Deskby: 2026-12-01T08:00Z             by when it must lie on the addressee's desk
//	Urgency: immediately                  of the act that is asked, whatever the precedence
//	Ask: receipt, fulfilment              the duties that come with it
//	Minimize: considered                  it is to go though traffic is restricted: the releaser answers for it
//	Subject: one line
//	Code: ABC                             a subject code; up to eight
//	Refers: MOSCOW 2231/2026              post, serial, year of the telegram it cites; also Acknowledges, Fulfils,
//	                                      Part-fulfils, Asks-time, Grants-time, Cannot-comply, Conveys, Cancels, Corrects,
//	                                      Readdresses, Repeats
//	Signature: MINISTER                   the name under the text
//	Attach: map.pdf as Map 1.pdf          a file of the drafter's machine, and after "as" the name under which it is attached; up to sixteen
//	Attached: 17 Map 1.pdf                the same once chancery has read it in: its number at this post. An edit that repeats the line keeps it
//	Department, Copy                      local: on this post's own sheet, never sent; Copy may stand several times
//	Clearance: 40718233                   local: this person must clear it before it is released; may stand several times
//
// The headings stand in any order. To, Info, Caveat, Code, Attach, Attached, Copy and those that cite may be repeated; any other stands once. A draft that readdresses
// need have no To. Its text is what is said about the telegram that is passed on, and that of one that repeats is empty: what is passed on or repeated the
// post puts in itself, word for word.
// After an empty line comes the text:
//
//	Visit the minister and transmit to him the following:
//
//	[convey to the Minister]
//
//	We agree.
//
//	[end PRINCIPAL]
//
// Paragraphs are separated by blank lines. [convey to …], [end …], [blank 3], and what the author did not write, [supplied word], [gloss
// meaning], [sic it stands so], stand on lines of their own; a line of text that looks like one, that begins with a backslash, or that is an empty line within its paragraph is written with a backslash before it. Text on the
// line after [blank 3] or an insertion goes on in the paragraph before it; after an empty line a new one begins.
//
// A [Duty] is what a telegram asks of a post: receipt, acknowledgement, fulfilment. Both sides keep it, and a telegram that cites
// the order closes it on both. How it ended stands with it: done, or cannot comply.
//
// A [Deed] is what one telegram says of another that it cites. Eleven things can be said:
//
//	Acknowledges   we will do it                 closes the acknowledgement
//	Part-fulfils   part of it is done            closes nothing
//	Conveys        it was conveyed: when, where  closes nothing
//	Asks-time      more time, until its Deadline closes nothing; the order is due as before
//	Grants-time    it has time until Deadline    the order is due then
//	Fulfils        it is done                    ends the order
//	Cannot-comply  it will not be done, and why  ends the order, as not done
//	Cancels        it counts no more             ends the order, as cancelled, unless a report ended it
//	Corrects       it is to be read with this    closes nothing
//	Repeats        the same once more            closes nothing
//	Readdresses    it was passed on              closes nothing
//
// Grants-time, Cancels, Corrects and Repeats are said by the post that sent the telegram, Grants-time to one action post at a time; Readdresses by any post
// that it was addressed to; the others by an action addressee's post to the post that ordered. Both posts enter a deed with the serial of the telegram
// that says it, so that it does not matter in which order telegrams arrive: of two that end an order the one with the lower serial counts, of two grants
// the one with the higher, and a report more than a cancel. The other is kept and shown. What comes before the telegram it is said of waits for it ([Early]).
//
// A [Copy] is a numbered copy of a filed telegram, sealed to one [Holder] of this post. Neither ever travels: each post makes its own.
//
//	made ──▶ given ◀──▶ transferred        given again when the file was lost, transferred to the next holder
//	 │         │            │
//	 │         ├────────────┴──▶ returned ──▶ destroyed
//	 └─────────┴───────────────────────────────▲
//
// All copies of a telegram are made at once, numbered from 1, so that each says how many there are. Made, given and transferred ones are
// held; those held, returned and destroyed are always as many as were made. Each act is a note in the register, which is its receipt.
package desk
