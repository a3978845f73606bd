// Package archive keeps what telegrams leave behind: it is to file, describe,
// attest, review, open and search. So far it files and describes: it reads
// historical sheets, says of a filed telegram where it lies and what it is, and
// makes its record.
//
// # The sheet
//
// A sheet is one telegram as an archive publishes it: a head that describes
// the record, then the telegram as its registry set it on paper. The form, in
// the order in which it usually stands, is this; every line may be missing,
// and blank lines, page numbers and wrapped lines may stand anywhere.
//
//	May 2, 1952                              the date
//
//	**Ciphered telegram, Ministry to the     the title, starred or not
//	Legation at Varna on the ferry**
//
//	Citation:                                "title", date, collection,
//	"Ciphered telegram, …", May 2, 1952,     repository, labelled parts
//	Example Digital Archive, AMFA, f. 4,     (several, joined by "and" or ";")
//	op. 1, d. 20, ll. 3-4
//	<https://archive.example/document/1>
//
//	Summary:                                 running text
//	Original Language:                       a language's name
//	Contents:                                kind - language
//
//	MFA No. 311                              originator and register number
//
//	Sixth department Received 09 hours 15 minutes
//	2/V.1952
//
//	Dispatched 09 hours 40 minutes           times, days with Roman months
//	2/V.1952
//
//	Special No. 51,52                        special numbers
//
//	CIPHERED TELEGRAM                        the type
//	To VARNA To MINISTER                     place, then office
//	Info SOFIA To AMBASSADOR
//
//	SPECIAL FILE                             handling
//	IMMEDIATE                                precedence
//
//	87. Call on the harbour master and       serial, then the text
//	hand him the following:
//
//	"The ferry may sail [on Sunday].         a message to convey, an insertion
//
//	HERON [the Minister]."                   its signature and a gloss
//
//	Telegraph the fulfilment.                what is asked of the addressee
//	SECRETARY.                               signature
//	2/V-52                                   day of signing
//
//	Attachments:                             of telegrams of this day: name and size, one on a line
//	1. Map of the harbour.pdf (81920 bytes)
//
//	Copies: Minister, Ferry desk, Copy       holders of the numbered copies
//
// [ReadSheet] reads it; the JSON of a [Sheet] is the record:
//
//	sheet, err := archive.ReadSheet(file)
//	if err != nil {
//		return err
//	}
//	record, err := json.MarshalIndent(sheet, "", "  ")
//
// # How it decides
//
// Absent means empty: what a sheet does not say is an empty string, an empty
// list or null. Nothing is dropped: a line that has no place in the record is
// kept in [Sheet.Unplaced] with its number.
//
// Days are YYYY-MM-DD (YYYY-MM or YYYY when a head says no more), times are
// YYYY-MM-DDThh:mm in the sheet's own clock, since sheets name no zone. A month
// may be a Roman numeral in either case, also typed with the Cyrillic letters
// that look alike. Numeric days are read day first. A year of two digits is
// the one nearest to the year of the head. A written day is always believed; a
// dispatch without a day that is earlier than the receipt was after midnight.
//
// A serial stands only at the beginning of the text. "1." there is the serial
// unless the next numbered paragraph of the telegram itself is "2.": then both
// are points of a list, and the sheet has no serial.
//
// A precedence is one marking of a fixed vocabulary and its level (deferred,
// routine, priority, immediate, flash, override); all other lines in capitals
// between the addressees and the text are handling. A line that joins both is
// divided.
//
// A message is conveyed when a sentence that orders it (transmit, hand, convey,
// deliver, …) leads to a quotation. It ends at the mark that balances its first
// one, so a quotation or a further message inside belongs to it. "Him", "her"
// and "them" are the person whom the telegram says to visit.
//
// Square brackets in the text are what editors supplied; a bracket behind a
// signature is a gloss on it.
//
// # Where a telegram lies
//
// A location is the name of an archive, then parts from the widest to the
// narrowest, each with its label, parted by commas:
//
//	APRF, f. 45, op. 1, d. 336, ll. 20-21
//	AVPRF, Fond 059a, Opis 5a, Delo 3, Papka 11, Listy 196-197
//	National Archives, RG 59, Box 3, Folder 7
//
// [ParseLocation] reads one, with labels in whole words or abbreviated, in
// Latin or Cyrillic letters. [Location.String] writes it with whole words and
// [Location.Short] with abbreviations; both are read again as the same place.
// A number without labels, such as FO 371/84054, is refused: beside a
// collection's name it could not be told from it.
//
// # The record
//
// A [Description] is what an archivist says of a filed telegram: its
// locations, a summary, its original language, perhaps a title. A [Change]
// adds to it or corrects it; each description is kept for ever as a [Filing],
// and the last is in force. With it [NewRecord] makes of the telegram the page
// that an archive publishes:
//
//	December 7, 1950
//
//	**Ciphered telegram, Gromyko to Soviet Ambassador at Beijing transmitting message from Filippov (Stalin) to Zhou Enlai**
//
//	Citation:
//
//	"Ciphered telegram, …", December 7, 1950, MOSCOW, APRF, Fond 45, Opis 1, Delo 336, Listy 20-21 and AVPRF, Fond 059a, …
//
//	Summary:
//
//	…
//
//	Original Language:
//
//	Russian
//
//	Contents:
//
//	Original - Russian
//
//	MID USSR No. 23343
//	…
//
// The title names who signed, the addressees, whose message is transmitted and
// to whom; names that are all capitals get small letters, abbreviations stay.
// The date is the day of the date-time group. The law is that [ReadSheet] reads
// the page: same title, date, locations, summary and language, same telegram.
// [Record.Check] refuses a description that would break it.
package archive
