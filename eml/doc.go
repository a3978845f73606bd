// Package eml writes a telegram as a mail, and reads one: RFC 5322 with UTF-8 in its header (RFC 6532), the header fields of military mail
// (RFC 6477, RFC 7912), a security label (RFC 7444), and messages to be conveyed as mails within the mail. docs/formats/mail.md is the
// whole of it. No mail is sent here: a carrier by mail would carry envelopes, which nobody on the way can read, and a mail of this package is in clear.
//
//	Date: Thu, 01 Jan 2026 10:10:00 +0000
//	From: MINISTER@OSLO
//	To: AMBASSADOR@BEIJING, "CONSUL GENERAL"@NEW_YORK
//	Message-ID: <chancery.2522.2026.BEIJING@OSLO>
//	In-Reply-To: <chancery.417.2025.OSLO@BEIJING>
//	References: <chancery.417.2025.OSLO@BEIJING>
//	Subject: The ferry
//	MMHS-Extended-Authorisation-Info: Thu, 01 Jan 2026 10:20:00 +0000
//	MMHS-Authorizing-Users: 40718233@OSLO
//	MMHS-Primary-Precedence: 4 (flash)
//	MMHS-Message-Type: 1 (operation)
//	MMHS-Originator-Reference: 23343/2026
//	Chancery-Format: 1
//	Chancery-Precedences: <"CONSUL GENERAL"@NEW_YORK> immediate
//	Chancery-Ask: receipt, fulfilment
//	Chancery-References: acknowledges BEIJING 417/2025
//	Chancery-Signature: HOLMSEN
//	MIME-Version: 1.0
//	Content-Type: text/plain; charset=utf-8
//	Content-Transfer-Encoding: 7bit
//
//	The ferry is under way.
//	--
//	HOLMSEN
//
// # What is kept
//
// All that a telegram says: [Write], then [Parse], gives the same telegram, whatever a mail program has done between them to the order, the folding or
// the encoding of things. Only its seed stands in no mail, because with it withheld words could be guessed; so R, which stands there, can be checked
// against the filed telegram and not against the mail. Signatures stay with the telegram too. A mail has only years that RFC 5322 and RFC 3339 can
// write: Write refuses others, and a telegram that passes on another, for that one's seed goes along with it.
//
// # What is refused
//
// What Parse is given was written by anybody. It never guesses: of two fields that say different things none is believed, a field that may stand
// once stands once, parts that do not end were cut off, bytes that are no text of their character set are no text. The bounds are those of a telegram,
// and [MaxMail].
//
// # Mail of another's making
//
// A mail without the field Chancery-Format was written by an ordinary mail program. Its plain text is the text, as it stands, in paragraphs; To and Cc
// are action and info addressees, office@post; what else a telegram could say it says in the fields of the RFCs. The form in HTML beside a plain text,
// names of people, and header fields that say nothing to a telegram are left out and listed in [Mail]. HTML alone, attachments and blind
// addressees are refused.
package eml
