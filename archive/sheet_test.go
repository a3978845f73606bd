package archive

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"
)

// plain is a whole sheet in the usual form; cases change one part of it.
const plain = `May 2, 1952

**Ciphered telegram, Ministry to the
Legation at Varna on the ferry**

Citation:

"Ciphered telegram, Ministry to the Legation at Varna on the ferry", May 2, 1952, Example Digital Archive, AMFA, f. 4, op. 1, d. 20, ll. 3-4
<https://archive.example/document/1>

Summary:

The Minister at Varna is to hand over a message.

Original Language:

Russian

Contents:

Translation - English

MFA No. 311

Sixth department Received 09 hours 15 minutes
2/V.1952

Dispatched 09 hours 40 minutes
2/V.1952

Special No. 51,52

CIPHERED TELEGRAM
To VARNA To MINISTER

SPECIAL FILE
IMMEDIATE

87. Call on the harbour master and hand him the following:

"The ferry may sail [on Sunday].

HERON [the Minister]."

Telegraph the fulfilment.
SECRETARY.
2/V-52

Copies: Minister, Ferry desk, Copy
`

// find follows a path such as telegram.to.0.office through a record and gives
// the JSON of what is there.
func find(t *testing.T, record []byte, path string) string {
	t.Helper()
	var at any
	if err := json.Unmarshal(record, &at); err != nil {
		t.Fatal(err)
	}
	for step := range strings.SplitSeq(path, ".") {
		switch have := at.(type) {
		case map[string]any:
			at = have[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(have) {
				return "nothing"
			}
			at = have[i]
		default:
			return "nothing"
		}
	}
	out, err := json.Marshal(at)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestVariations changes a part of the plain sheet and looks at one place of
// the record. It is one long table, best read whole.
func TestVariations(t *testing.T) {
	body := plain[strings.Index(plain, "87. Call"):strings.Index(plain, "Copies:")]
	intro := "87. Call on the harbour master and hand him the following:"
	times := plain[strings.Index(plain, "Sixth department"):strings.Index(plain, "Special No.")]
	place := "AMFA, f. 4, op. 1, d. 20, ll. 3-4"
	for _, c := range []struct{ old, new, path, want string }{
		// the head
		{"May 2, 1952\n\n**", "2 May 1952\n\n**", "date", `"1952-05-02"`},
		{"May 2, 1952\n\n**", "1952-05-02\n\n**", "date", `"1952-05-02"`},
		{"May 2, 1952\n\n**", "2nd of May, 1952\n\n**", "date", `"1952-05-02"`},
		{"May 2, 1952\n\n**", "Friday, May 2, 1952\n\n**", "date", `"1952-05-02"`},
		{"May 2, 1952\n\n**", "May 1952\n\n**", "date", `"1952-05"`},
		{"May 2, 1952\n\n**", "**", "date", `"1952-05-02"`},
		{"**", "", "title", `"Ciphered telegram, Ministry to the Legation at Varna on the ferry"`},
		{"Summary:\n\nThe", "Summary: The", "summary", `"The Minister at Varna is to hand over a message."`},
		{"to hand over", "to\nhand over", "summary", `"The Minister at Varna is to hand over a message."`},
		{"Summary:\n\nThe Minister at Varna is to hand over a message.\n\n", "", "summary", `""`},
		{"Summary:", "**Summary:**", "summary", `"The Minister at Varna is to hand over a message."`},
		{"Russian", "Chinese", "original_language", `"zh"`},
		{"Russian", "Korean", "original_language", `"ko"`},
		{"Russian", "Persian", "original_language", `"fa"`},
		{"Russian", "Serbo-Croatian", "original_language", `"sh"`},
		{"Russian", "Norwegian", "original_language", `"no"`},
		{"Russian", "Klingonese", "original_language", `"klingonese"`},
		{"Original Language:\n\nRussian\n\n", "", "original_language", `""`},
		{"Translation - English", "Transcription - Russian", "contents", `{"kind":"transcription","language":"ru"}`},
		{"Translation - English", "Original – French", "contents", `{"kind":"original","language":"fr"}`},
		{"Translation - English", "Summary", "contents", `{"kind":"summary","language":""}`},
		{"Translation - English", "English translation", "contents", `{"kind":"translation","language":"en"}`},
		{"Contents:\n\nTranslation - English\n\n", "", "contents", `null`},
		{"Contents:\n\nTranslation - English\n\n", "", "telegram.originator", `"MFA"`},
		{"<https://archive.example/document/1>", "https://archive.example/document/1.", "url", `"https://archive.example/document/1"`},
		{"<https://archive.example/document/1>", "<https://archive.example/\ndocument/1>", "url", `"https://archive.example/document/1"`},

		// where it lies
		{place, place, "locations", `[{"parts":[{"level":"fond","value":"4"},{"level":"opis","value":"1"},{"level":"delo","value":"20"},{"level":"listy","value":"3-4"}],"repository":"AMFA"}]`},
		{place, "AMFA, Fond 4, Opis 1, File 20, Folder 2, pp. 3–4", "locations.0.parts", `[{"level":"fond","value":"4"},{"level":"opis","value":"1"},{"level":"delo","value":"20"},{"level":"papka","value":"2"},{"level":"listy","value":"3-4"}]`},
		{place, "AMFA f. 4 op. 1 d. 20 l. 3; State Archive of the Region and the Coast, F. 059a, Op. 5a, D. 3, P. 11, L. 196", "locations.1", `{"parts":[{"level":"fond","value":"059a"},{"level":"opis","value":"5a"},{"level":"delo","value":"3"},{"level":"papka","value":"11"},{"level":"listy","value":"196"}],"repository":"State Archive of the Region and the Coast"}`},
		{place, "State Archive of the Region, Varna, f. 4", "locations.0.repository", `"State Archive of the Region, Varna"`},
		{place, "Ministry Library, Box 12, Folder 3", "locations.0", `{"parts":[{"level":"box","value":"12"},{"level":"folder","value":"3"}],"repository":"Ministry Library"}`},
		{place, "AMFA, f. 4, op. 1, d. 20, l. 3 and d. 21, l. 9", "locations.1", `{"parts":[{"level":"fond","value":"4"},{"level":"opis","value":"1"},{"level":"delo","value":"21"},{"level":"listy","value":"9"}],"repository":"AMFA"}`},
		{place, "AMFA, f. 4, ll. 3-4, 9", "locations.0.parts.1.value", `"3-4, 9"`},
		{place, "Ministry Archive, 106-00021-01", "locations.0", `{"parts":[{"level":"reference","value":"106-00021-01"}],"repository":"Ministry Archive"}`},
		{place, place, "collection", `"Example Digital Archive"`},
		{"Copies: Minister, Ferry desk, Copy\n", "Copies: Minister\n\nNotes:\n\nFound in a drawer.\n", "unplaced.0.text", `"Found in a drawer."`},
		{"Citation:", "Source:", "locations.0.repository", `"AMFA"`},

		// originator and numbers
		{"MFA No. 311", "Foreign Office No 12/345", "telegram.originator", `"Foreign Office"`},
		{"MFA No. 311", "Foreign Office No 12/345", "telegram.register_number", `"12/345"`},
		{"MFA No. 311", "MFA No. 311 2/V.1952", "telegram.register_number", `"311"`},
		{"MFA No. 311", "MFA № 311", "telegram.register_number", `"311"`},
		{"MFA No. 311", "No. 311", "telegram.register_number", `"311"`},
		{"MFA No. 311\n", "", "telegram.register_number", `""`},
		{"Special No. 51,52", "Special Nos. 640, 641 and 642", "telegram.special_numbers", `["640","641","642"]`},
		{"Special No. 51,52", "Spec. No. 77", "telegram.special_numbers", `["77"]`},
		{"Special No. 51,52", "Special No. 1691-1693", "telegram.special_numbers", `["1691","1692","1693"]`},
		{"Special No. 51,52", "Special No. 1691–93", "telegram.special_numbers", `["1691","1692","1693"]`},
		{"Special No. 51,52", "Special No. 51,\n52, 53", "telegram.special_numbers", `["51","52","53"]`},
		{"Special No. 51,52\n", "", "telegram.special_numbers", `[]`},

		// times
		{"2/V.1952\n\nDisp", "2/V-52\n\nDisp", "telegram.received", `"1952-05-02T09:15"`},
		{"2/V.1952\n\nDisp", "2.v.1952\n\nDisp", "telegram.received", `"1952-05-02T09:15"`},
		{"2/V.1952\n\nDisp", "2 V 1952\n\nDisp", "telegram.received", `"1952-05-02T09:15"`},
		{"2/V.1952\n\nDisp", "7/ХІІ.1952\n\nDisp", "telegram.received", `"1952-12-07T09:15"`},
		{"2/V.1952\n\nDisp", "1 May 1952\n\nDisp", "telegram.received", `"1952-05-01T09:15"`},
		{"2/V.1952\n\nDisp", "1.5.52\n\nDisp", "telegram.received", `"1952-05-01T09:15"`},
		{"2/V.1952\n\nDisp", "2/V\n\nDisp", "telegram.received", `"1952-05-02T09:15"`},
		{"minutes\n2/V.1952\n\nDisp", "minutes 2/V.1952\n\nDisp", "telegram.received", `"1952-05-02T09:15"`},
		{times, "Received 19:10 2/V.1952\nDispatched 19.40 2/V.1952\n\n", "telegram.dispatched", `"1952-05-02T19:40"`},
		{times, "Received 19 h 10 m\nDispatched 19 h 40 m 2/V.1952\n\n", "telegram.received", `"1952-05-02T19:10"`},
		{times, "Received 23 hours 50 minutes\n2/V.1952\n\nDispatched 00 hours 35 minutes\n\n", "telegram.dispatched", `"1952-05-03T00:35"`},
		{times, "Received 23 hours 50 minutes\n2/V.1952\n\nDispatched 00 hours 35 minutes\n2/V.1952\n\n", "telegram.dispatched", `"1952-05-02T00:35"`},
		{times, "Received 23 hours 50 minutes\n\nDispatched 00 hours 35 minutes\n3/V.1952\n\n", "telegram.received", `"1952-05-02T23:50"`},
		{times, "Received 08:00\nDispatched 08:20\n\n", "telegram.received", `"1952-05-02T08:00"`},
		{times, "Dispatched 08:20\n2/V.1952\n\n", "telegram.received", `""`},
		{times, "Received 19 hours 10 minutes, 2/V.1952, dispatched 20 hours 40 minutes, 2/V.1952\n\n", "telegram.dispatched", `"1952-05-02T20:40"`},
		{times, "Tenth department\nReceived 08:00\n2/V.1952\n\n", "telegram.department", `"Tenth department"`},
		{times, "Received 08:00\n2/V.1952\nEighth department Dispatched 08:20\n2/V.1952\n\n", "telegram.department", `"Eighth department"`},
		{times, "Received\n19 hours 10 minutes\n2/V.1952\n\n", "telegram.received", `"1952-05-02T19:10"`},
		{times, "Received at 7.10 p.m. on 2 May 1952\n\n", "telegram.received", `"1952-05-02T19:10"`},
		{times, "Received 24 hours 00 minutes\n2/V.1952\n\n", "telegram.received", `"1952-05-03T00:00"`},
		{times, "Cipher service. Received: 7 hours 5 min., 2.V.52\nSent: 7 hours 50 min., same day\n\n", "telegram.department", `"Cipher service"`},
		{times, "Received by the Cipher Department at 22.30\nDispatched by the Cipher Department at 0.10, 3/V.1952\n\n", "telegram.received", `"1952-05-02T22:30"`},
		{times, "", "telegram.department", `""`},

		// type and addressees
		{"CIPHERED TELEGRAM\n", "OPEN TELEGRAM\n", "telegram.type", `"OPEN TELEGRAM"`},
		{"CIPHERED TELEGRAM\n", "CODED MESSAGE\n", "telegram.type", `"CODED MESSAGE"`},
		{"CIPHERED TELEGRAM\n", "", "telegram.type", `""`},
		{"To VARNA To MINISTER", "To VARNA To MINISTER\nTo SOFIA To AMBASSADOR", "telegram.to", `[{"office":"MINISTER","place":"VARNA"},{"office":"AMBASSADOR","place":"SOFIA"}]`},
		{"To VARNA To MINISTER", "TO VARNA TO MINISTER", "telegram.to", `[{"office":"MINISTER","place":"VARNA"}]`},
		{"To VARNA To MINISTER", "To ANKARA", "telegram.to", `[{"office":"","place":"ANKARA"}]`},
		{"To VARNA To MINISTER", "To: VARNA To: MINISTER", "telegram.to", `[{"office":"MINISTER","place":"VARNA"}]`},
		{"To VARNA To MINISTER", "To VARNA\nTo MINISTER", "telegram.to", `[{"office":"MINISTER","place":"VARNA"}]`},
		{"To VARNA To MINISTER", "To Varna To the Minister", "telegram.to", `[{"office":"the Minister","place":"Varna"}]`},
		{"To VARNA To MINISTER", "To VARNA, MINISTER", "telegram.to", `[{"office":"MINISTER","place":"VARNA"}]`},
		{"To VARNA To MINISTER", "To VARNA To MINISTER\nInfo LONDON To AMBASSADOR\nCopy to PARIS", "telegram.info", `[{"office":"AMBASSADOR","place":"LONDON"},{"office":"","place":"PARIS"}]`},

		// handling and precedence
		{"SPECIAL FILE\nIMMEDIATE", "TOP PRIORITY", "telegram.precedence", `{"level":"flash","marking":"TOP PRIORITY"}`},
		{"SPECIAL FILE\nIMMEDIATE", "Most immediate", "telegram.precedence", `{"level":"flash","marking":"Most immediate"}`},
		{"SPECIAL FILE\nIMMEDIATE", "O", "telegram.precedence", `{"level":"immediate","marking":"O"}`},
		{"SPECIAL FILE\nIMMEDIATE", "DEFERRED", "telegram.precedence.level", `"deferred"`},
		{"SPECIAL FILE\nIMMEDIATE", "CRITIC", "telegram.precedence.level", `"override"`},
		{"SPECIAL FILE\nIMMEDIATE", "ORDINARY.", "telegram.precedence", `{"level":"routine","marking":"ORDINARY"}`},
		{"SPECIAL FILE\nIMMEDIATE", "", "telegram.precedence", `{"level":"","marking":""}`},
		{"SPECIAL FILE\nIMMEDIATE", "TOP SECRET. IMMEDIATE", "telegram.precedence", `{"level":"immediate","marking":"IMMEDIATE"}`},
		{"SPECIAL FILE\nIMMEDIATE", "TOP SECRET. IMMEDIATE", "telegram.handling", `["TOP SECRET"]`},
		{"SPECIAL FILE\nIMMEDIATE", "IMMEDIATE\nSPECIAL FILE\nBY HAND OF THE MINISTER", "telegram.handling", `["SPECIAL FILE","BY HAND OF THE MINISTER"]`},
		{"SPECIAL FILE\nIMMEDIATE", "Top secret\nPriority", "telegram.handling", `["Top secret"]`},

		// serial
		{"87. Call", "No. 87. Call", "telegram.serial", `"87"`},
		{"87. Call", "Call", "telegram.serial", `""`},
		{"87. Call", "87.\n\nCall", "telegram.serial", `"87"`},
		{"87. Call", "1. Call", "telegram.serial", `"1"`},
		{body, "1. Ask for a delay.\n\n2. Report the price.\n\nSECRETARY.\n2/V-52\n\n", "telegram.serial", `""`},
		{body, "1. Ask for two things.\n\n1. A delay.\n\n2. A price.\n\nSECRETARY.\n2/V-52\n\n", "telegram.serial", `"1"`},
		{body, "87. Ask for a delay.\n\n1. Now.\n\n2. Then.\n\nSECRETARY.\n2/V-52\n\n", "telegram.text", `"Ask for a delay.\n\n1. Now.\n\n2. Then."`},

		// the message
		{intro, intro, "telegram.conveyed", `{"gloss":"the Minister","numbered_points":0,"signature":"HERON","text":"The ferry may sail [on Sunday].","to":"the harbour master"}`},
		{intro, "87. Transmit the following to Ann Berg:", "telegram.conveyed.to", `"Ann Berg"`},
		{intro, "87. Immediately visit Ann Berg and transmit to her the following:", "telegram.conveyed.to", `"Ann Berg"`},
		{intro, "87. Visit Mr. Berg and Mrs. Berg at once and transmit to them the following:", "telegram.conveyed.to", `"Mr. Berg and Mrs. Berg"`},
		{intro, "87. Hand the following note to the Minister of Trade in person:", "telegram.conveyed.to", `"the Minister of Trade"`},
		{intro, "87. Convey to the Minister of Trade the following:", "telegram.conveyed.to", `"the Minister of Trade"`},
		{intro, "87. Hand the Minister the following:", "telegram.conveyed.to", `"the Minister"`},
		{intro, "87. Go to see the Minister. Tell him the following:", "telegram.conveyed.to", `"the Minister"`},
		{intro, "87. Deliver to Ann Berg, in person, this message from HERON:", "telegram.conveyed.to", `"Ann Berg"`},
		{intro, "87. Hand over the following:", "telegram.conveyed.to", `""`},
		{intro, "87. The following is to be conveyed to Ann Berg:", "telegram.conveyed.to", `"Ann Berg"`},
		{intro, "87. For Ann Berg:", "telegram.conveyed.to", `"Ann Berg"`},
		{intro, "87. You should call on the harbour master today, and pass on to him our reply:", "telegram.conveyed.to", `"the harbour master"`},
		{intro, "87. We accept. Tell the mayor:", "telegram.conveyed.to", `"the mayor"`},
		{intro, "87. Seek an interview with the Governor, Mr. Dale, and hand to him personally a note with the following text:", "telegram.conveyed.to", `"the Governor, Mr. Dale"`},
		{intro, "87. Invite Dr. Olsen to the mission, and when he comes tell him the following:", "telegram.conveyed.to", `"Dr. Olsen"`},
		{"[on Sunday].\n\nHERON", "[on Sunday]. HERON", "telegram.conveyed.signature", `"HERON"`},
		{intro, "87. The newspapers write:", "telegram.conveyed", `null`},
		{"\"The ferry may sail [on Sunday].\n\nHERON [the Minister].\"", "“The ferry may sail.\n\nHERON”.", "telegram.conveyed.signature", `"HERON"`},
		{"\"The ferry may sail [on Sunday].\n\nHERON [the Minister].\"", "«The ferry may sail.\n\nHERON.»", "telegram.conveyed.signature", `"HERON"`},
		{"\"The ferry may sail [on Sunday].\n\nHERON [the Minister].\"", "\"The ferry may sail.\"\n\nHERON [the Minister].", "telegram.conveyed.gloss", `"the Minister"`},
		{"\"The ferry may sail [on Sunday].\n\nHERON [the Minister].\"", "\"The ferry may sail.\"", "telegram.conveyed.signature", `""`},
		{"\"The ferry may sail [on Sunday].\n\nHERON [the Minister].\"", "\"The ferry may sail.\"", "telegram.signature", `"SECRETARY"`},
		{"\"The ferry may sail [on Sunday].\n\nHERON [the Minister].\"", "The ferry may sail.\n\nHERON [the Minister].", "telegram.conveyed.text", `"The ferry may sail."`},
		{"The ferry may sail [on Sunday].", "The \"ferry\" may sail:\n\n1. Today.\n2. Tomorrow, the \"late ferry\".", "telegram.conveyed.numbered_points", `2`},
		{"The ferry may sail [on Sunday].", "Tell the captain the following:\n\n\"Sail.\n\nROOK.\"\n\nThat is all.", "telegram.conveyed.text", `"Tell the captain the following:\n\n\"Sail.\n\nROOK.\"\n\nThat is all."`},
		{"The ferry may sail [on Sunday].", "First.\n\n\"Second paragraph.", "telegram.conveyed.signature", `"HERON"`},

		// what is asked, and the closing
		{"Telegraph the fulfilment.", "Report fulfillment and confirm receipt.", "telegram.confirm_receipt", `true`},
		{"Telegraph the fulfilment.", "Report fulfillment and confirm receipt.", "telegram.report_fulfilment", `true`},
		{"Telegraph the fulfilment.", "Telegraph execution.", "telegram.report_fulfilment", `true`},
		{"Telegraph the fulfilment.", "Report on execution.", "telegram.report_fulfilment", `true`},
		{"Telegraph the fulfilment.", "ACKNOWLEDGE RECEIPT.", "telegram.confirm_receipt", `true`},
		{"Telegraph the fulfilment.", "ACKNOWLEDGE RECEIPT.", "telegram.signature", `"SECRETARY"`},
		{"Telegraph the fulfilment.", "We confirm receipt of your 40.", "telegram.confirm_receipt", `null`},
		{"Telegraph the fulfilment.", "Do not report fulfilment.", "telegram.report_fulfilment", `false`},
		{"SECRETARY.\n2/V-52", "SECRETARY [of State].\n2/V-52", "telegram.insertions.2", `{"kind":"gloss","of":"SECRETARY","text":"of State"}`},
		{"SECRETARY.\n2/V-52", "SECRETARY 2/V-52", "telegram.signed", `"1952-05-02"`},
		{"SECRETARY.\n2/V-52", "SECRETARY 2/V-52", "telegram.signature", `"SECRETARY"`},
		{"SECRETARY.\n2/V-52", "2 May 1952\nSECRETARY", "telegram.signed", `"1952-05-02"`},
		{"SECRETARY.\n2/V-52", "A. McDONALD", "telegram.signature", `"A. McDONALD"`},
		{"SECRETARY.\n2/V-52", "Anton Berg\n2/V-52", "telegram.signature", `"Anton Berg"`},
		{"\nSECRETARY.\n2/V-52", " SECRETARY. 2/V-52", "telegram.signature", `"SECRETARY"`},
		{"SECRETARY.\n2/V-52", "\nDeputy Secretary\nH. DALE\n2/V-52", "telegram.signature", `"Deputy Secretary H. DALE"`},
		{"SECRETARY.\n2/V-52", "", "telegram.signature", `""`},
		{"SECRETARY.\n2/V-52", "", "telegram.signed", `""`},
		{plain[strings.Index(plain, "87. Call"):], "", "telegram.text", `""`},

		// copies
		{"Copies: Minister, Ferry desk, Copy\n", "Copies to: Minister; Ferry desk; and Copy.", "telegram.copies", `["Minister","Ferry desk","Copy"]`},
		{"Copies: Minister, Ferry desk, Copy\n", "Copies:\nMinister\nFerry desk\n\nCopy", "telegram.copies", `["Minister","Ferry desk","Copy"]`},
		{"Copies: Minister, Ferry desk, Copy\n", "Copies: Minister, Ferry\ndesk, Copy", "telegram.copies", `["Minister","Ferry desk","Copy"]`},
		{"Copies: Minister, Ferry desk, Copy\n", "Copies: 1. Minister 2. Ferry desk 3. Copy", "telegram.copies", `["Minister","Ferry desk","Copy"]`},
		{"Copies: Minister, Ferry desk, Copy\n", "Copies:\n1. Minister\n2. Ferry desk\n3. Copy", "telegram.copies", `["Minister","Ferry desk","Copy"]`},
		{"Copies: Minister, Ferry desk, Copy\n", "Copies: Minister, Dale\n6th Department\nCopy", "telegram.copies", `["Minister","Dale","6th Department","Copy"]`},
		{"Copies: Minister, Ferry desk, Copy\n", "Copies: Minister, 6th Department", "telegram.copies", `["Minister","6th Department"]`},
		{"Copies: Minister, Ferry desk, Copy\n", "", "telegram.copies", `[]`},

		// what has no place
		{"Copies: Minister, Ferry desk, Copy\n", "Copies: Minister\n\nTranslated by A. Berg", "unplaced", `[{"line":51,"text":"Translated by A. Berg"}]`},
		{"The ferry may sail", "The ferry\n\n- 2 -\n\nmay sail", "telegram.conveyed.text", `"The ferry may sail [on Sunday]."`},
		{"Summary:\n", "Credits:\n\nPaid for by the harbour.\n\nSummary:\n", "unplaced", `[{"line":13,"text":"Paid for by the harbour."}]`},
		{"MFA No. 311", "[stamp, illegible]\n\nMFA No. 311", "unplaced.0.text", `"[stamp, illegible]"`},
	} {
		t.Run(c.path+"/"+c.new, func(t *testing.T) {
			if !strings.Contains(plain, c.old) {
				t.Fatalf("the plain sheet has no %q", c.old)
			}
			expect(t, strings.ReplaceAll(plain, c.old, c.new), c.path, c.want)
		})
	}
}

func expect(t *testing.T, text, path, want string) {
	t.Helper()
	sheet, err := ReadSheet(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	record, err := json.Marshal(sheet)
	if err != nil {
		t.Fatal(err)
	}
	if got := find(t, record, path); got != want {
		t.Errorf("%s: got %s, want %s", path, got, want)
	}
}

// TestWritings writes the plain sheet in other ways that say the same.
func TestWritings(t *testing.T) {
	read := func(text string) string {
		sheet, err := ReadSheet(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range sheet.Unplaced {
			t.Errorf("unplaced: %v", u)
		}
		record, _ := json.MarshalIndent(sheet, "", " ")
		return string(record)
	}
	want := read(plain)
	tight := strings.ReplaceAll(plain, "\n\n", "\n")
	swapped := strings.Replace(plain, "Summary:\n\nThe Minister at Varna is to hand over a message.\n\n", "", 1)
	swapped = strings.Replace(swapped, "Citation:\n", "Summary:\n\nThe Minister at Varna is to hand over a message.\n\nCitation:\n", 1)
	for name, text := range map[string]string{
		"carriage returns":  strings.ReplaceAll(plain, "\n", "\r\n"),
		"old line ends":     strings.ReplaceAll(plain, "\n", "\r"),
		"byte order mark":   "\ufeff" + plain,
		"tabs":              strings.ReplaceAll(plain, " ", "\t"),
		"hard blanks":       strings.ReplaceAll(plain, " ", "\u00a0"),
		"trailing blanks":   strings.ReplaceAll(plain, "\n", "  \n"),
		"no final line end": strings.TrimSpace(plain),
		"more blank lines":  strings.ReplaceAll(plain, "\n\n", "\n\n\n\n"),
		"a blank line each": strings.ReplaceAll(strings.ReplaceAll(plain, "the\nLegation", "the Legation"), "\n", "\n\n"),
		"no blank lines":    tight,
		"another order":     swapped,
	} {
		t.Run(name, func(t *testing.T) {
			if got := read(text); got != want {
				t.Errorf("got %s\nwant %s", got, want)
			}
		})
	}
}

// TestLongSheets gives large sheets of awkward kinds: each is read to its end, with no error but that it has no form.
func TestLongSheets(t *testing.T) {
	for _, piece := range []string{
		"a", "\"", ":\"", "hand to him the following: \"", "hand to him:\n\n\"", "[", "f. 1, ", "Citation:\n", "Copies:\n", "To A To B To ", "x. ", "A. B. ",
		"NAME\n\n", "2. a\n", "Special No. 1\n", "1 ", "Received 1:10 ", "**\n\n", "and to ", "report on ", "7/XII ", "<a", "Copies: a\n\n", "Summary: x\nSpecial No. 1\nNAME\n1/I.1950\n", "Contents:\n\n\n", "Title: \"",
	} {
		t.Run(piece, func(t *testing.T) {
			const size = 1 << 15
			long := strings.Repeat(piece, size/len(piece))
			for _, start := range []string{"Summary:\n\nCIPHERED TELEGRAM\n", "Citation:\n", ""} {
				if _, err := ReadSheet(strings.NewReader(start + long)); err != nil && !errors.Is(err, ErrNoForm) {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		text string
		want error
	}{
		{"", ErrEmpty},
		{"\ufeff \r\n\t\n", ErrEmpty},
		{"It rained all day.\n\nNothing else happened.", ErrNoForm},
		{strings.Repeat("x", MaxSheet+1), ErrTooLong},
	} {
		if _, err := ReadSheet(strings.NewReader(c.text)); !errors.Is(err, c.want) {
			t.Errorf("got %v, want %v", err, c.want)
		}
	}
	_, err := ReadSheet(strings.NewReader("Summary:\n\nA note\xff.\n"))
	if err == nil || !strings.Contains(err.Error(), "line 3") {
		t.Errorf("got %v, want an error that names line 3", err)
	}
}
