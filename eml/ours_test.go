package eml_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"chancery.example/chancery/desk"
	"chancery.example/chancery/eml"
	"chancery.example/chancery/telegram"
	"pgregory.net/rapid"
)

// One thing of a mail that Write wrote is altered, and the mail no longer agrees with itself or says what nobody understands.
func TestAlteredIsRefused(t *testing.T) {
	whole := written(t, rich())
	for name, c := range map[string]struct{ old, new, why string }{
		"another format":               {"Chancery-Format: 1", "Chancery-Format: 2", `Chancery-Format is "2": this version reads 1`},
		"two formats":                  {"Chancery-Format: 1", "Chancery-Format: 1\r\nChancery-Format: 1", "Chancery-Format stands twice"},
		"no format":                    {"Chancery-Format: 1\r\n", "", "it has the field Chancery-Precedences and no Chancery-Format"},
		"a field of ours unknown":      {"Chancery-Deadline:", "Chancery-Dedline:", "the field Chancery-Dedline, on line 33, is unknown"},
		"a field of ours twice":        {"Chancery-Urgency:", "Chancery-Deskby: 2026-01-01T18:00:00Z\r\nChancery-Urgency:", "Chancery-Deskby stands twice"},
		"no sender":                    {"From: MINISTER@OSLO\r\n", "", "is no officer's number at the sender's post"},
		"a sender who is no office":    {"From: MINISTER@OSLO", "From: mini_ster@OSLO", "From: "},
		"two senders":                  {"From: MINISTER@OSLO", "From: MINISTER@OSLO, CLERK@OSLO", "it is not from one office"},
		"another sender":               {"From: MINISTER@OSLO", "From: MINISTER@ROME", "is no officer's number at the sender's post"},
		"no date of a mail":            {"Date: Thu, 01 Jan 2026", "Date: 2026-01-01", "is no date of a mail"},
		"a date before mail":           {"Date: Thu, 01 Jan 2026", "Date: Mon, 01 Jan 1800", "lies outside the years 1900 to 9999"},
		"two dates":                    {"Date: ", "Date: Thu, 01 Jan 2026 10:10:00 +0000\r\nDate: ", "Date stands twice"},
		"another serial":               {"Message-ID: <chancery.EX100", "Message-ID: <chancery.EX109", "Message-ID has another serial than Chancery-Serials"},
		"another year":                 {"Message-ID: <chancery.EX100.2026", "Message-ID: <chancery.EX100.2025", "Message-ID has another serial"},
		"another post":                 {"BEIJING@OSLO>\r\nIn-Reply-To", "BEIJING@ROME>\r\nIn-Reply-To", "Message-ID has another serial"},
		"another that it answers":      {"In-Reply-To: <chancery.EX417", "In-Reply-To: <chancery.EX418", "In-Reply-To cites other telegrams than Chancery-References does"},
		"one more that it cites":       {"References: <chancery.EX417", "References: <chancery.1.2025.A@B> <chancery.EX417", "References cites other telegrams"},
		"another act":                  {"acknowledges BEIJING", "refers BEIJING", "In-Reply-To cites other telegrams"},
		"no act":                       {"acknowledges BEIJING", "accepts BEIJING", `cites nothing: write  acknowledges MOSCOW 2231/2026`},
		"no post":                      {"refers OSLO 88", "refers OS;LO 88", "cites nothing"},
		"no year":                      {"refers OSLO 88/2025", "refers OSLO 88", "cites nothing"},
		"a year too late":              {"refers OSLO 88/2025", "refers OSLO 88/65536", "cites nothing"},
		"no number":                    {"refers OSLO 88/2025", "refers OSLO x/2025", "cites nothing"},
		"a root too short":             {" 09090909", " 090909", "cites nothing"},
		"too much of one":              {"refers OSLO 88/2025", "refers OSLO 88/2025 " + strings.Repeat("09", 32) + " x", "cites nothing"},
		"a number of another type":     {"acknowledges BEIJING EX417", "acknowledges BEIJING 417", "an act on BEIJING 417 is of another type"},
		"too high a precedence":        {"MMHS-Primary-Precedence: 4 (flash)", "MMHS-Primary-Precedence: 5 (flash)", "says one thing and another: 5 is not flash"},
		"too low a precedence":         {"MMHS-Primary-Precedence: 4 (flash)", "MMHS-Primary-Precedence: 2", "MMHS-Primary-Precedence is priority, and the highest of the action addressees is immediate"},
		"too high an own one":          {"NEW_YORK> immediate", "NEW_YORK> override", "the highest of the action addressees is override"},
		"too high a copy":              {"<ПОСОЛ@МОСКВА> routine", "<ПОСОЛ@МОСКВА> override", "MMHS-Copy-Precedence is priority, and the highest of the info addressees is override"},
		"an own one of nobody":         {"<ПОСОЛ@МОСКВА> routine", "<ПОСОЛ@РИГА> routine", "ПОСОЛ@РИГА is no addressee, or stands there twice"},
		"an own one twice":             {"<ПОСОЛ@МОСКВА> routine", "<ПОСОЛ@МОСКВА> routine, <ПОСОЛ@МОСКВА> routine", "ПОСОЛ@МОСКВА is no addressee, or stands there twice"},
		"an own one that is none":      {"<ПОСОЛ@МОСКВА> routine", "<ПОСОЛ@МОСКВА> soon", `"soon" is no precedence`},
		"an own one without a word":    {"<ПОСОЛ@МОСКВА> routine", "<ПОСОЛ@МОСКВА>", "has no precedence here"},
		"own ones without a comma":     {"immediate,\r\n <ПОСОЛ", "immediate\r\n <ПОСОЛ", "are separated by commas"},
		"an own one of no address":     {"<ПОСОЛ@МОСКВА> routine", "ПОСОЛ routine", "is no address"},
		"an own one of no office":      {"<ПОСОЛ@МОСКВА> routine", "<A_B@МОСКВА> routine", "a name has letters"},
		"an own one that is not read":  {"<ПОСОЛ@МОСКВА> routine", "<ПОСОЛ@МОСКВА> (routine", "a parenthesis does not close"},
		"another caveat":               {"MMHS-Message-Instructions: SPECIAL FILE", "MMHS-Message-Instructions: OPEN FILE", "one of them is wrong"},
		"a marking less":               {"marking*3*=%20NO%20COPIES", "marking*3*=%20NO%20COPY", "its marking says"},
		"another releaser":             {"MMHS-Authorizing-Users: 40718233@OSLO", "MMHS-Authorizing-Users: 40718234@OSLO", "name different officers"},
		"no releaser":                  {"MMHS-Authorizing-Users: 40718233@OSLO\r\n", "", "name different officers"},
		"two releasers":                {"40718233@OSLO", "40718233@OSLO, 40718234@OSLO", "one officer releases a telegram"},
		"a releaser by name":           {"MMHS-Authorizing-Users: 40718233@OSLO", "MMHS-Authorizing-Users: IVAN@OSLO", `"IVAN@OSLO" is no officer's number`},
		"a releaser with a nought":     {"MMHS-Authorizing-Users: 40718233@OSLO", "MMHS-Authorizing-Users: 040718233@OSLO", `"040718233@OSLO" is no officer's number`},
		"a releaser elsewhere":         {"MMHS-Authorizing-Users: 40718233@OSLO", "MMHS-Authorizing-Users: 40718233@ROME", "is no officer's number at the sender's post"},
		"no time of release":           {"MMHS-Extended-Authorisation-Info: Thu, 01 Jan 2026 10:20:00 +0000\r\n", "", "one of them is missing"},
		"no officer's key":             {"Chancery-Releaser: 40718233/2", "Chancery-Releaser: 40718233", "is no key of a person"},
		"no drafter's key":             {"Chancery-Drafter: 40718111/1", "Chancery-Drafter: 0/1", "the drafter is missing"},
		"registered too late":          {"Chancery-Registered: 2026-01-01T", "Chancery-Registered: 2026-01-09T", "its numbers: registered outside the time"},
		"no time of registration":      {"Chancery-Registered: 2026-01-01T10:21:00Z\r\n", "", "its numbers: it took a number of 2026 in 1970"},
		"no register number":           {"MMHS-Originator-Reference: EX90/2026\r\n", "", "its numbers: no register number"},
		"a register number of words":   {"MMHS-Originator-Reference: EX90/2026", "MMHS-Originator-Reference: HARBOUR-9", "is no register number and year"},
		"a register number, no digits": {"MMHS-Originator-Reference: EX90/2026", "MMHS-Originator-Reference: HARBOUR/2026", "is no register number and year"},
		"an officer's key, very long":  {"Chancery-Drafter: 40718111/1", "Chancery-Drafter: " + strings.Repeat("x", 100_000), `Chancery-Drafter: "xxx`},
		"one without its year":         {"MMHS-Originator-Reference: EX90/2026", "MMHS-Originator-Reference: EX90", "is no register number and year"},
		"no serials":                   {"Chancery-Serials: BEIJING EX100, NEW_YORK EX101, МОСКВА EX102,\r\n ST._JOHN'S_%28EAST%29 EX103, القاهرة EX104\r\n", "", "its numbers: the serials are not those of the addressed posts"},
		"a serial less":                {"BEIJING EX100, NEW_YORK EX101", "BEIJING EX100", "the serials are not those of the addressed posts"},
		"a serial without a number":    {"BEIJING EX100, NEW_YORK EX101", "BEIJING EX100, NEW_YORK", "is no serial: write  BEIJING 2522"},
		"a serial that is none":        {"BEIJING EX100, NEW_YORK EX101", "BEIJING EX100, NEW_YORK x", "is no number such as"},
		"a serial of no post":          {"BEIJING EX100, NEW_YORK EX101", "BEIJING EX100, NEW;YORK EX101", "a name has letters"},
		"special numbers of nobody":    {"Chancery-Special-Numbers: BEIJING", "Chancery-Special-Numbers: ROME", "the special numbers are not those of the addressed posts, in their order"},
		"special numbers in disorder":  {"BEIJING 1691 1692, МОСКВА 7", "МОСКВА 7, BEIJING 1691", "in their order"},
		"special numbers twice":        {"BEIJING 1691 1692, МОСКВА 7", "BEIJING 1691, BEIJING 1692", "in their order"},
		"a special number 0":           {"BEIJING 1691 1692", "BEIJING 0 1692", "the special numbers are not those"},
		"no special number":            {"МОСКВА 7", "МОСКВА", "has no special number"},
		"a special number of words":    {"МОСКВА 7", "МОСКВА x", `"x" is no special number`},
		"special numbers of no post":   {"МОСКВА 7", "МОС;КВА 7", "a name has letters"},
		"a root that is none":          {"Chancery-R: ab", "Chancery-R: xb", "invalid byte"},
		"a deadline of words":          {"Chancery-Deadline: 2026-01-02T12:00:00Z", "Chancery-Deadline: soon", `"soon" is no time: write it as in  2026-12-01T12:00:00Z`},
		"a deadline elsewhere":         {"Chancery-Deadline: 2026-01-02T12:00:00Z", "Chancery-Deadline: 2026-01-02T12:00:00+03:00", "is no time of whole seconds in UTC"},
		"a deadline in parts":          {"Chancery-Deadline: 2026-01-02T12:00:00Z", "Chancery-Deadline: 2026-01-02T12:00:00.5Z", "is no time of whole seconds in UTC"},
		"a deadline that is none":      {"Chancery-Deadline: 2026-01-02T12:00:00Z", "Chancery-Deadline: 1970-01-01T00:00:00Z", "is no time"},
		"another urgency":              {"Chancery-Urgency: immediately", "Chancery-Urgency: soon", "is no urgency of an act"},
		"another word on MINIMIZE":     {"Chancery-Ask: receipt", "Chancery-Minimize: no\r\nChancery-Ask: receipt", `"no" says nothing about MINIMIZE: write  considered`},
		"a readdressal":                {"acknowledges BEIJING", "readdresses BEIJING", "that is readdressed goes along whole"},
		"another thing asked":          {"Chancery-Ask: receipt, fulfilment", "Chancery-Ask: receipt, money", `a telegram cannot ask for " money": use receipt, fulfilment`},
		"another name under the text":  {"Chancery-Signature: HOLMSEN", "Chancery-Signature: HANSEN", `the name under the text is not "HANSEN", which the header gives`},
		"no name under the text":       {"-- \r\nHOLMSEN\r\n", "", `the name under the text is not "HOLMSEN"`},
		"a name without its line":      {"-- \r\nHOLMSEN\r\n", "HOLMSEN\r\n", `the name under the text is not "HOLMSEN"`},
		"a name with an address":       {`From: "NILSSON":;`, "From: nilsson@ship.example", "a message to be conveyed: From: a message is conveyed to somebody, and from somebody, in words and without an address"},
		"two who are to have it":       {`To: "the harbour master, orally":;`, "To: a:;, b:;", "a message to be conveyed: To: a message is conveyed to somebody"},
		"one who is to have it, cut":   {`To: "the harbour master, orally":;`, "To: \"a", "a message to be conveyed: To: a quotation mark"},
		"a message in the text":        {"Telegraph what he answers.", "[convey to X]", "line 5 of the text: a message to be conveyed stands in a part of its own"},
		"an end in the text":           {"Telegraph what he answers.", "[end X]", "a message to be conveyed stands in a part of its own"},
		"a blank too long":             {"[blank 2]", "[blank 256]", "line 3 of the text: a blank is from 1 to 255 words long"},
		"a blank of nothing":           {"[blank 2]", "[blank 0]", "a blank is from 1 to 255 words long"},
		"a blank of none":              {"[blank 2]", "[blank]", "a blank is from 1 to 255 words long"},
		"blanks cut otherwise":         {"[blank 255]", "[blank 254]", "two blanks in a row: write them as one"},
		"an insertion nowhere":         {"Call at the harbour office before noon, and say this:", "[gloss x]", "an insertion stands within a paragraph"},
		"a part that does not end":     {"--\r\n\r\n--=_f7bc693be917a006ef6d3d3dd7940bdd", "\r\n\r\n--=_f7bc693be917a006ef6d3d3dd7940bdd", "a message to be conveyed: "},
		"a message in another charset": {"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit", "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: x-y", `its transfer encoding "x-y" is unknown`},
		"a NUL":                        {"before noon", "before\x00noon", "has a NUL character: this is no mail"},
		"UTF-8 broken in the header":   {"паром, 渡轮", "пар\xffом", "Subject, on line 11, is not UTF-8: save the mail as UTF-8"},
		"a subject turned round":       {"паром, 渡轮", "паром \u202e", "the subject: it has U+202E at byte"},
		"a subject of two lines":       {"паром, 渡轮", "=?utf-8?B?YQ1iCmM=?=", "the subject: it must stand on one line"},
		"a line that begins nothing":   {"Date: ", " Date: ", "line 1 goes on with a header field that never began"},
		"a header that is none":        {"Subject: ", "Subject ", `line 11, "Subject The ferry across the strait: паром, 渡轮", is no header field`},
		"a word in the header":         {"Subject: ", "Hello\r\nSubject: ", `line 11, "Hello", is no header field`},
		"a header without a name":      {"Subject: ", ": ", "is no header field: this is no mail"},
		"a folder of mails":            {"Date: ", "From minister@oslo Thu Jan  1 10:10:00 2026\r\nDate: ", "it begins as a folder of mails does: save the one mail alone"},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(whole, c.old) {
				t.Fatalf("the mail has no %q", c.old)
			}
			refused(t, strings.Replace(whole, c.old, c.new, 1), c.why)
		})
	}
}

// Mails of this format that somebody made by hand, or half of which is lost.
func TestHalfAMail(t *testing.T) {
	const head = "From: A@B\nTo: C@D\nChancery-Format: 1\n"
	message := "Content-Type: message/rfc822\n\nSubject: To be conveyed\n"
	deep := "\nx\n"
	for range telegram.MaxDepth + 1 {
		deep = message + deep
	}
	for s, why := range map[string]string{
		head + "Chancery-Signature: X\n" + multi("mixed; boundary=b", message+"\nx\n"): `the name "X" does not stand under the text`,
		head + "Chancery-Signature: X\n\nX\n":                                          `the name under the text is not "X"`,
		head + "Chancery-Signature: X\n\n-- \nY\n":                                     `the name under the text is not "X"`,
		head + "Chancery-Signature: X\n\n":                                             `the name under the text is not "X"`,
		head + deep:                                                                    strings.Repeat("a message to be conveyed: ", telegram.MaxDepth) + "telegrams are conveyed within telegrams at most 4 deep",
		head + multi("mixed; boundary=b", message+"From: X:;\n\nx\n"):                  `a message to be conveyed: the name under the text is not "X"`,
		head + multi("mixed; boundary=b", "Content-Type: message/rfc822\n\nhello"):     `a message to be conveyed: line 1, "hello", is no header field`,
	} {
		refused(t, s, why)
	}
	m := parsed(t, head+multi("mixed; boundary=b", "\nBefore.\n", message+"To: him:;\nFrom: X:;\n\nx\n-- \nX\n", "\nBehind.\n"))
	if want := []telegram.Block{para("Before."), convey("him"), para("x"), end("X"), para("Behind.")}; !slices.Equal(m.Telegram.Body, want) {
		t.Errorf("it is read as %q, want %q", m.Telegram.Body, want)
	}
}

// What mail programs may do to a mail on its way changes nothing of what it says.
func TestAlteredIsTheSame(t *testing.T) {
	whole := written(t, rich())
	replaced := func(old, new string) string {
		if !strings.Contains(whole, old) {
			t.Fatalf("the mail has no %q", old)
		}
		return strings.Replace(whole, old, new, 1)
	}
	header, text, _ := strings.Cut(whole, "\r\n\r\n")
	fields := strings.Split(strings.ReplaceAll(header, "\r\n ", "\x00"), "\r\n")
	slices.Reverse(fields)
	turned := strings.ReplaceAll(strings.Join(fields, "\r\n"), "\x00", "\r\n ") + "\r\n\r\n" + text
	last := "[blank 255]\r\n\r\n[blank 2]\r\n\r\nTelegraph what he answers.\r\n\r\n[sic it stands so]\r\n-- \r\nHOLMSEN\r\n"
	for name, s := range map[string]string{
		"lines of another system":     strings.ReplaceAll(whole, "\r\n", "\n"),
		"the fields in another order": turned,
		"a name beside an address":    replaced("To: AMBASSADOR@BEIJING", "To: AMBASSADOR@BEIJING (he)"),
		"words for numbers":           strings.NewReplacer("4 (flash)", "FLASH", "2 (priority)", "Priority", "0 (exercise)", "exercise").Replace(whole),
		"another zone":                replaced("Date: Thu, 01 Jan 2026 10:10:00 +0000", "Date: Thu, 1 Jan 2026 13:10:00 +0300 (MSK)"),
		"another spelling of a label": strings.NewReplacer("marking*0*=utf-8''", "MARKING*0*=UTF-8'en'", "type=\":xml\"", " type = \":xml\" ").Replace(whole),
		"the text in base64":          strings.Replace(replaced(last, "\r\n"+base64.StdEncoding.EncodeToString([]byte(last))+"\r\n"), "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n\r\nW2JsYW5r", "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n\r\nW2JsYW5r", 1),
		"a space cut off":             strings.ReplaceAll(whole, "-- \r\n", "--\r\n"),
		"a preamble and an epilogue":  replaced("8bit\r\n\r\n--=_", "8bit\r\n\r\nThis is a mail of parts.\r\n--=_") + "and this is behind it\r\n",
		"UTF-8 in a message":          replaced("=?utf-8?B?0LXQs9C+INCx0YDQsNGC0YM=?=", "его брату"),
		"a message of another type":   replaced("message/rfc822", "message/global"),
		"a message as an attachment":  replaced("Content-Disposition: inline", "Content-Disposition: attachment; filename=\"message.eml\""),
		"another Message-ID":          replaced("<chancery.EX100.2026.BEIJING@OSLO>", "<1@mail.example>"),
		"other Message-IDs besides":   replaced("In-Reply-To: ", "In-Reply-To: <1@mail.example> "),
	} {
		m, err := eml.Parse([]byte(s))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if diff := differing(m, rich()); diff != "" {
			t.Errorf("%s: it has another %s: %+v", name, diff, m)
		}
	}
	m := parsed(t, strings.Replace(replaced("Subject: To be conveyed", "Subject: Fwd\r\nX-Mailer: Post 1.2\r\nSensitivity: x"), "Subject: ", "Received: by c\r\nSubject: ", 1))
	if want := []string{"the header field X-Mailer of a message to be conveyed", "the header field Sensitivity of a message to be conveyed", "the header fields Received"}; !slices.Equal(m.LeftOut, want) {
		t.Errorf("left out are %q, want %q", m.LeftOut, want)
	}
}

// What mail cannot say is not written.
func TestWriteRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*eml.Mail)
		why  string
	}{
		"no sender":             {func(m *eml.Mail) { m.Telegram.From = telegram.Address{} }, "a mail has a sender"},
		"no telegram":           {func(m *eml.Mail) { m.Telegram.To = nil }, "it has no action addressee"},
		"what it passes on":     {func(m *eml.Mail) { m.Telegram.Original = &telegram.Released{} }, "its seed, which never stands in a mail"},
		"attachments":           {func(m *eml.Mail) { m.Telegram.Attachments = []telegram.Attachment{{Name: "map", Length: 1, Secret: [32]byte{1}}} }, "it has 1 attachments, which a mail of a telegram does not carry"},
		"numbers of another":    {func(m *eml.Mail) { m.Numbers.Serials = m.Numbers.Serials[1:] }, "the serials are not those of the addressed posts"},
		"for another":           {func(m *eml.Mail) { m.For = "ROME" }, "it has no serial for ROME"},
		"for one, not numbered": {func(m *eml.Mail) { m.Numbers = nil }, "it has no serial for BEIJING"},
		"specials of none":      {func(m *eml.Mail) { m.Specials[0].Numbers = nil }, "the special numbers"},
		"specials of another":   {func(m *eml.Mail) { m.Specials[0].Post = "ROME" }, "the special numbers"},
		"a DTG before 1900":     {func(m *eml.Mail) { m.Telegram.DTG = at(1899, 12, 31, 23, 59) }, "Date lies outside the years 1900 to 9999"},
		"a DTG of year 10000":   {func(m *eml.Mail) { m.Telegram.DTG = at(10000, 1, 1, 0, 0) }, "Date lies outside the years 1900 to 9999"},
		"a deadline later":      {func(m *eml.Mail) { m.Telegram.Deadline = at(10000, 1, 1, 0, 0) }, "Chancery-Deadline lies outside the years 0 to 9999"},
		"a deadline long ago":   {func(m *eml.Mail) { m.Telegram.Deadline = at(-1, 12, 31, 0, 0) }, "Chancery-Deadline lies outside"},
		"a review later":        {func(m *eml.Mail) { m.Telegram.Label.Review = at(10000, 1, 1, 0, 0) }, "its day of review lies outside"},
		"a number of no series": {func(m *eml.Mail) { m.Telegram.References[1].Serial = 3 << 30 }, "it cites a telegram of МОСКВА by a number that is of no series"},
		"released before 1900": {func(m *eml.Mail) {
			m.Telegram.Released, m.Numbers, m.For = at(1899, 12, 31, 0, 0), nil, ""
			m.Telegram.RegisterBy = m.Telegram.Released
		}, "MMHS-Extended-Authorisation-Info lies outside"},
	} {
		m := rich()
		c.edit(m)
		if b, err := eml.Write(m); err == nil || b != nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: it is refused with %v, want %q", name, err, c.why)
		}
	}
	m := rich()
	m.For = ""
	if s := written(t, m); !strings.Contains(s, "<chancery.EX100.2026.BEIJING@OSLO>") || m.For != "" {
		t.Errorf("%s\nand it is for %q", s, m.For)
	}
}

// What a mail program or a folder of mails could change on the way is written so that it is not.
func TestWrittenForTheWay(t *testing.T) {
	for text, encoding := range map[string]string{
		"Ice.": "7bit", "Лёд.": "8bit", "One.\n\tTwo.": "7bit", "one \ntwo": "quoted-printable", "one\t\ntwo": "quoted-printable", "From me\nto you": "base64", "one\nFrom me": "base64",
		strings.Repeat("x", 998): "7bit", strings.Repeat("x", 999): "quoted-printable", strings.Repeat("ж", 500): "base64", strings.Repeat("x", 999) + "\nFrom me": "base64",
		"one\n-- \ntwo": "quoted-printable", "xend]\n(blank 3]\n[end": "7bit",
	} {
		m := plain()
		m.Telegram.Body, m.Telegram.Signature = []telegram.Block{para(text)}, "MINISTER"
		if s := lossless(t, m); !strings.Contains(s, "Content-Transfer-Encoding: "+encoding+"\r\n") {
			t.Errorf("%.40q is not %s:\n%.2000s", text, encoding, s)
		}
	}
	m := plain()
	m.Telegram.Label.Caveats = []string{strings.Repeat("X", 69), strings.Repeat("Y", 70), "ЛИЧНО", " A", "A; B", "=?x", "NO COPIES (2), 'ours' + theirs: a/b-c=d?."}
	if s := lossless(t, m); !strings.Contains(strings.ReplaceAll(s, "\r\n ", " "), "MMHS-Message-Instructions: "+strings.Repeat("X", 69)+"; NO COPIES (2), 'ours' + theirs: a/b-c=d?.\r\n") {
		t.Errorf("%s\nhas not the caveats that RFC 6477 can write", s)
	}
	m.Telegram.Label.Caveats = nil
	m.Telegram.Signature = "MINISTER "
	if s := lossless(t, m); !strings.Contains(s, "Content-Transfer-Encoding: quoted-printable") {
		t.Errorf("a space at the end of a name is written as it is:\n%s", s)
	}
}

// The seed never stands in a mail, in any spelling.
func TestNoSeed(t *testing.T) {
	m := rich()
	m.Telegram.Seed = [32]byte(bytes.Repeat([]byte{0xc5}, 32))
	without := rich()
	if written(t, m) != written(t, without) {
		t.Error("the seed changes the mail")
	}
}

// The largest telegrams fit into a mail, and a mail costs memory in proportion to its bytes.
func TestLargest(t *testing.T) {
	big := func(body ...telegram.Block) *eml.Mail {
		m := plain()
		m.Telegram.Body = body
		return m
	}
	fill := func(s string) string { return strings.Repeat(s, telegram.MaxText/len(s)) }
	crowd := plain()
	crowd.Telegram.To, crowd.Telegram.Info = nil, nil
	for i := range telegram.MaxAddressees {
		crowd.Telegram.To = append(crowd.Telegram.To, office(fmt.Sprintf("%s%03d", strings.Repeat("(", 61), i), fmt.Sprintf("%s%03d", strings.Repeat("(", 29), i), telegram.Precedence(i%6)))
	}
	crowd.Telegram.Label = telegram.Label{Policy: strings.Repeat("&", 255), Classification: strings.Repeat("\"", 255), Caveats: slices.Repeat([]string{strings.Repeat("&", 255)}, 32)}
	for name, m := range map[string]*eml.Mail{
		"one line":           big(para(fill("x"))),
		"one line of Arabic": big(para(fill("ئ"))),
		"lines":              big(para(strings.TrimSpace(fill("x\n")))),
		"lines of brackets":  big(para(strings.TrimSpace(fill("[blank 3]\n")))),
		"dots":               big(para(strings.TrimSpace(fill(".\n")))),
		"empty messages":     big(slices.Repeat([]telegram.Block{convey(""), end("")}, telegram.MaxBlocks/2)...),
		"messages of a word": big(slices.Repeat([]telegram.Block{convey("x"), para("x"), end("x")}, telegram.MaxBlocks/3)...),
		"deep ones":          big(slices.Repeat([]telegram.Block{convey("x"), convey("x"), convey("x"), convey("x"), end("x"), end("x"), end("x"), end("x")}, telegram.MaxBlocks/8)...),
		"long names":         big(slices.Repeat([]telegram.Block{convey(strings.Repeat("\"", 1024)), end(strings.Repeat("ж", 512))}, 500)...),
		"a crowd":            crowd,
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			s := lossless(t, m)
			runtime.ReadMemStats(&after)
			if len(s) > eml.MaxMail {
				t.Errorf("the mail has %d bytes", len(s))
			}
			t.Logf("%d bytes, %d MB allocated", len(s), (after.TotalAlloc-before.TotalAlloc)>>20)
		})
	}
}

func TestHostileMail(t *testing.T) {
	long := func(s string) string { return strings.Repeat(s, (4<<20-100)/len(s)) } // what is longer is refused unread
	for name, s := range map[string]string{
		"one line":               long("x"),
		"a header of one line":   "Subject: " + long("x"),
		"a header of folds":      "Subject: x\n" + long(" \n"),
		"header fields":          long("A: b\n"),
		"addresses":              "To: " + strings.Repeat("A@B,", 200_000) + "\n\nx",
		"comments":               foreign("MMHS-Primary-Precedence: 4 " + strings.Repeat("(a)", 200_000)),
		"comments not closed":    foreign("Content-Type: text/plain; " + strings.Repeat("(", 30) + strings.Repeat("a", 900_000)),
		"quotes not closed":      foreign("Content-Type: text/plain; a=\"" + strings.Repeat("\\\"", 400_000)),
		"encoded words":          foreign("Subject: " + strings.Repeat("=?utf-8?B?eA==?= ", 50_000)),
		"encoded words begun":    foreign("Subject: " + strings.Repeat("=?", 450_000)),
		"Message-IDs":            foreign("References: " + strings.Repeat("<chancery.1.2026.A@B> <chancery.2.2026.A@B>", 20_000)),
		"angle brackets":         foreign("References: " + strings.Repeat("<", 900_000)),
		"pieces of a parameter":  foreign("SIO-Label: " + strings.Repeat("marking*1=x;", 70_000)),
		"boundaries":             foreign("Content-Type: multipart/mixed; boundary=x\n\n" + long("--x\n")),
		"boundaries, almost":     foreign("Content-Type: multipart/mixed; boundary=x\n\n" + long("--xx\n")),
		"parts within parts":     foreign(strings.Repeat("Content-Type: multipart/mixed; boundary=x\n\n--x\n", 80_000)),
		"equals signs":           foreign("Content-Transfer-Encoding: quoted-printable\n\n" + long("=")),
		"lines that are soft":    foreign("Content-Transfer-Encoding: quoted-printable\n\n" + long("=\n")),
		"flowing lines":          foreign("Content-Type: text/plain; format=flowed\n\n" + long("x \n")),
		"quoted lines":           foreign("Content-Type: text/plain; format=flowed\n\n" + long(">")),
		"a label of many levels": foreign("SIO-Label: marking=x; type=\":xml\"; label=" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("<a>", 200_000)))),
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := eml.Parse([]byte(s))
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > 256<<20 {
				t.Errorf("it takes %d bytes", n)
			}
			if err != nil && len(err.Error()) > 2000 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
		})
	}
	refused(t, "A: b\n"+strings.Repeat(" c\n", 400_000), "its header is longer than 1048576 bytes")
	refused(t, strings.Repeat("A: b\n", 5000), "it has more than 4096 header fields")
	if _, err := eml.Parse(make([]byte, eml.MaxMail+1)); err == nil || !strings.Contains(err.Error(), "more than 33554432 bytes") {
		t.Errorf("much too long a mail is refused with %v", err)
	}
}

// The text between messages is written and read as in a draft, so that people learn one form, and what stands in one can be put into the other.
func TestTextIsAsInDrafts(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		m := plain()
		var depth int
		for _, b := range drawBody(r) { // the messages are taken out: a blank or an insertion behind one would stand nowhere
			switch {
			case b.Kind == telegram.Convey:
				depth++
			case b.Kind == telegram.End:
				depth--
			case depth == 0:
				m.Telegram.Body = append(m.Telegram.Body, b)
			}
		}
		if telegram.CheckBody(m.Telegram.Body) != nil {
			return
		}
		text := desk.BodyText(m.Telegram.Body)
		s := "From: A@B\nTo: C@D\nChancery-Format: 1\nContent-Transfer-Encoding: base64\n\n" + base64.StdEncoding.EncodeToString([]byte(text))
		got, err := eml.Parse([]byte(s))
		if err != nil || !slices.Equal(got.Telegram.Body, m.Telegram.Body) {
			r.Fatalf("a draft's text %q is read as %+v: %v", text, got, err)
		}
		b, err := eml.Write(m)
		if err != nil {
			r.Fatal(err)
		}
		if _, body, _ := strings.Cut(string(b), "\r\n\r\n"); strings.Contains(string(b), "Content-Transfer-Encoding: 7bit") && strings.TrimSpace(strings.ReplaceAll(body, "\r\n", "\n")) != strings.TrimSpace(text) {
			r.Fatalf("the text of a mail is\n%q\nand of a draft\n%q", body, text)
		}
	})
}
