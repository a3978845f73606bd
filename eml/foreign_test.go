package eml_test

import (
	"encoding/base64"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"chancery.example/chancery/eml"
	"chancery.example/chancery/telegram"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// head is what an ordinary mail program writes over a text.
const head = "Return-Path: <ivan@mail.example>\nReceived: from a by b;\n Mon, 07 Dec 2026 20:10:00 +0300\nReceived: by c\nX-Mailer: Post 1.2\n" +
	"From: \"Ivan Petrov\" <ivan.petrov@mail.example>\nTo: The Ambassador <AMBASSADOR@LIMA>,\n\t\"CONSUL GENERAL\"@NEW_YORK\nCc: CONSUL@ROME (our man)\n" +
	"Date: Mon, 07 Dec 2026 20:10:00 +0300\nMessage-ID: <1@mail.example>\nMIME-Version: 1.0\n"

func texts(m *eml.Mail) (all []string) {
	for _, b := range m.Telegram.Body {
		if b.Kind != telegram.Paragraph {
			return []string{fmt.Sprintf("a block of kind %#x", b.Kind)}
		}
		all = append(all, b.Text)
	}
	return all
}

func TestForeignMail(t *testing.T) {
	s := head + "Subject: =?koi8-r?B?0MHSz80=?= =?iso-8859-1?Q?_=E0_c=F4t=E9?=\nContent-Type: text/plain\n\n\nFirst line,\nsecond.\n\n\n[blank 3]\n\\ [end X]\n-- \nIvan\n+7 000\n"
	m := parsed(t, s)
	want := telegram.Telegram{From: telegram.Address{Office: "ivan.petrov", Post: "mail.example"},
		To:   []telegram.Addressee{office("AMBASSADOR", "LIMA", telegram.Routine), office("CONSUL GENERAL", "NEW YORK", telegram.Routine)},
		Info: []telegram.Addressee{office("CONSUL", "ROME", telegram.Routine)}, Subject: "паром à côté",
		Body: []telegram.Block{para("First line,\nsecond."), para("[blank 3]\n\\ [end X]")}}
	if !reflect.DeepEqual(m.Telegram, want) || m.Numbers != nil || m.For != "" {
		t.Errorf("it is read as\n%+v\nwant\n%+v", m, want)
	}
	left := []string{"names beside addresses: people's names do not travel", "the block under the text that says who writes, 3 lines of it", "the header fields Return-Path, Received, X-Mailer"}
	if !slices.Equal(m.LeftOut, left) {
		t.Errorf("left out are %q, want %q", m.LeftOut, left)
	}
	for name, other := range map[string]string{"lines of Windows": strings.ReplaceAll(s, "\n", "\r\n"), "a byte order mark": "\ufeff" + s} {
		if got := parsed(t, other); !reflect.DeepEqual(got, m) {
			t.Errorf("with %s it is read as %+v", name, got)
		}
	}
}

func part64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func coded(e interface{ String(string) (string, error) }, s string) string {
	out, err := e.String(s)
	if err != nil {
		panic(err)
	}
	return out
}

// What mail programs do to a text on its way, and what it was.
func TestEncodings(t *testing.T) {
	for name, c := range map[string]struct {
		fields, body string
		want         []string
		why          string
	}{
		"quoted-printable":        {"Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: quoted-printable", "=D0=9F=D0=B0=D1=80=D0=BE=D0=BC =\nhere=20\n\nb", []string{"Паром here", "b"}, ""},
		"base64":                  {"Content-Type: text/plain; charset=\"utf-8\"\nContent-Transfer-Encoding: BASE64", part64("渡轮\r\n\r\nb\r\n")[:10] + "\n" + part64("渡轮\r\n\r\nb\r\n")[10:] + "\n", []string{"渡轮", "b"}, ""},
		"iso-8859-1":              {"Content-Type: text/plain; charset=iso-8859-1", coded(charmap.ISO8859_1.NewEncoder(), "à côté"), []string{"à côté"}, ""},
		"windows-1251":            {"Content-Type: text/plain; charset=windows-1251", coded(charmap.Windows1251.NewEncoder(), "Паром «Север»"), []string{"Паром «Север»"}, ""},
		"koi8-r":                  {"Content-Type: text/plain; charset=KOI8-R (Russian)", coded(charmap.KOI8R.NewEncoder(), "Паром"), []string{"Паром"}, ""},
		"gb2312":                  {"Content-Type: text/plain; charset=gb2312", coded(simplifiedchinese.GBK.NewEncoder(), "渡轮停运"), []string{"渡轮停运"}, ""},
		"gb18030":                 {"Content-Type: text/plain; charset=gb18030", coded(simplifiedchinese.GB18030.NewEncoder(), "渡轮"), []string{"渡轮"}, ""},
		"a mark before UTF-8":     {"Content-Type: text/plain; charset=utf-8", "\ufeffParom", []string{"Parom"}, ""},
		"no type":                 {"X: y", "Паром", []string{"Паром"}, ""},
		"flowed":                  {"Content-Type: text/plain; format=flowed", "One long \nline.\n From here\n> quoted \n> on\n>> deeper\nEnd \n-- \nIvan", []string{"One long line.\nFrom here\n> quoted on\n>> deeper\nEnd"}, ""},
		"flowed in Chinese":       {"Content-Type: text/plain; format=flowed; delsp=yes", "渡轮 \n停运 \n了", []string{"渡轮停运了"}, ""},
		"spaces behind lines":     {"X: y", "a  \n \t\nb\t\n", []string{"a", "b"}, ""},
		"no text":                 {"X: y", "", nil, ""},
		"only who writes":         {"X: y", "-- \nIvan", nil, ""},
		"two dashes are text":     {"X: y", "a\n--\nIvan", []string{"a\n--\nIvan"}, ""},
		"an unknown set":          {"Content-Type: text/plain; charset=x-mac-harbour", "a", nil, `the text: its character set "x-mac-harbour" is not known here: save the mail as UTF-8`},
		"no set at all":           {"Content-Type: text/plain; charset=replacement", "a", nil, `its character set "replacement" is not known here`},
		"not UTF-8":               {"Content-Type: text/plain; charset=utf-8", "\xff", nil, "the text: it is not UTF-8"},
		"not ASCII":               {"Content-Type: text/plain; charset=us-ascii", "Паром", nil, "it says that it is plain ASCII and has the byte 0xd0 at 0"},
		"not windows-1251":        {"Content-Type: text/plain; charset=windows-1251", "\x98", nil, "has bytes that are no text there"},
		"half of a letter":        {"Content-Type: text/plain; charset=gb18030", "\x81", nil, "has bytes that are no text there"},
		"damaged base64":          {"Content-Transfer-Encoding: base64", "AAA", nil, "its base64 text is damaged, or cut off"},
		"base64 with more behind": {"Content-Transfer-Encoding: base64", part64("abc") + "\n--\nlist", nil, "its base64 text is damaged"},
		"damaged quotes":          {"Content-Transfer-Encoding: quoted-printable", "=XY", nil, "its quoted-printable text is damaged"},
		"a bell in quotes":        {"Content-Transfer-Encoding: quoted-printable", "a\x07b", nil, "its quoted-printable text is damaged"},
		"an unknown encoding":     {"Content-Transfer-Encoding: x-uuencode", "a", nil, `its transfer encoding "x-uuencode" is unknown`},
		"a bell":                  {"X: y", "a\x07b", nil, "the text: it has the control character U+0007"},
		"a bell in base64":        {"Content-Transfer-Encoding: base64", part64("a\x07b"), nil, "the text: it has the control character U+0007"},
		"NUL in base64":           {"Content-Transfer-Encoding: base64", part64("a\x00b"), nil, "the text: it has the control character U+0000"},
		"text turned round":       {"Content-Transfer-Encoding: base64", part64("a\u202eb"), nil, "the text: it has U+202E at byte 1, which changes the order"},
		"text nobody sees":        {"X: y", "a\u200bb", nil, "the text: it has the unseen character U+200B"},
		"a lone carriage return":  {"X: y", "a\rb", nil, "the text: it has the control character U+000D"},
		"too long":                {"X: y", strings.Repeat("x", telegram.MaxText+1), nil, "the text is longer than 1048576 bytes: send it in parts"},
		"much too long":           {"X: y", strings.Repeat("x\n", 4*telegram.MaxText), nil, "the text is longer than 1048576 bytes: send it in parts"},
		"much of nothing":         {"X: y", strings.Repeat("\n", 4*telegram.MaxText+1), nil, "the text is longer than 1048576 bytes: send it in parts"},
		"two types":               {"Content-Type: text/plain\nContent-Type: text/html", "a", nil, "Content-Type stands twice, on lines 13 and 14"},
		"two sets":                {"Content-Type: text/plain; charset=utf-8; charset=koi8-r", "a", nil, `Content-Type: its parameter "charset" stands twice`},
		"no type of content":      {"Content-Type: text", "a", nil, `"text" is no type of content`},
		"two encodings":           {"Content-Transfer-Encoding: 7bit\nContent-Transfer-Encoding: base64", "a", nil, "Content-Transfer-Encoding stands twice"},
	} {
		t.Run(name, func(t *testing.T) {
			s := head + c.fields + "\n\n" + c.body
			if c.why != "" {
				refused(t, s, c.why)
			} else if got := texts(parsed(t, s)); !slices.Equal(got, c.want) {
				t.Errorf("its text is %q, want %q", got, c.want)
			}
		})
	}
}

// multi is a mail of parts, each with its own header.
func multi(kind string, parts ...string) string {
	return "Content-Type: multipart/" + kind + "\n\n" + within(kind, parts...)
}

func within(kind string, parts ...string) string {
	_, b, _ := strings.Cut(kind, "boundary=")
	b, _, _ = strings.Cut(b, ";")
	b = strings.Trim(b, `"`)
	return "This is a mail of parts.\n--" + b + "\n" + strings.Join(parts, "\n--"+b+"\n") + "\n--" + b + "--\nbehind them\n"
}

func TestParts(t *testing.T) {
	const (
		text    = "Content-Type: text/plain; charset=utf-8\n\nПаром.\n"
		html    = "Content-Type: text/html\n\n<p>Паром"
		picture = "Content-Type: image/png; name=\"a.png\"\nContent-ID: <p1>\nContent-Transfer-Encoding: base64\n\nAAAA"
		pdf     = "Content-Type: application/pdf\nContent-Disposition: attachment;\n filename*=utf-8''%D0%BF%D0%BB%D0%B0%D0%BD.pdf\n\n%PDF"
		signed  = "Content-Type: application/pkcs7-signature; name=smime.p7s\n\nAAAA"
		forward = "Content-Type: message/rfc822\n\nFrom: a@b.example\nSubject: x\n\ntext\n"
	)
	nest := func(inner string, n int) string {
		for i := range n {
			inner = multi(fmt.Sprintf("mixed; boundary=d%d", i), inner)
		}
		return inner
	}
	only := []string{"Паром."}
	for name, c := range map[string]struct {
		mail string
		want []string
		left string
		why  string
	}{
		"one part":                  {multi("mixed; boundary=x", text), only, "", ""},
		"two texts":                 {multi(`mixed; boundary="a b"`, text, text), []string{"Паром.", "Паром."}, "", ""},
		"HTML beside it":            {multi("alternative; boundary=x", text, html), only, "the other form of the text (text/html)", ""},
		"HTML before it":            {multi("alternative; boundary=x", html, text), only, "the other form of the text (text/html)", ""},
		"HTML with pictures":        {multi("alternative; boundary=x", text, multi("related; boundary=y", html, picture)), only, "the pictures in the other form of the text", ""},
		"pictures round both":       {multi("related; boundary=x", multi("alternative; boundary=y", text, html), picture), only, "the pictures in the other form of the text", ""},
		"a signature of the mail's": {multi("signed; boundary=x", text, signed), only, "the mail's own signature, which is not checked here", ""},
		"an unknown kind of parts":  {multi("harbour; boundary=x", text), only, "", ""},
		"parts within parts":        {nest(text, 8), only, "", ""},
		"a boundary within another": {multi("mixed; boundary=x", multi("mixed; boundary=xx", text), text), []string{"Паром.", "Паром."}, "", ""},
		"spaces behind the line":    {"Content-Type: multipart/mixed; boundary=x\n\n--x \t\n" + text + "\n--x-- \n", only, "", ""},
		"HTML only":                 {html, nil, "", "its text is HTML only, and a telegram is plain text: in the mail program choose plain text, or both forms, and save it again"},
		"HTML only, in parts":       {multi("related; boundary=x", html, picture), nil, "", "its text is HTML only"},
		"HTML only, of two forms":   {multi("alternative; boundary=x", html, html), nil, "", "its text is HTML only"},
		"HTML behind the text":      {multi("mixed; boundary=x", text, html), nil, "", "it has what a telegram cannot carry yet: a text in HTML."},
		"an attachment":             {multi("mixed; boundary=x", text, pdf), nil, "", `it has what a telegram cannot carry yet: "план.pdf". Take that out`},
		"an attachment in a form":   {multi("alternative; boundary=x", text, multi("mixed; boundary=y", html, pdf)), nil, "", `cannot carry yet: "план.pdf"`},
		"an invitation":             {multi("alternative; boundary=x", text, html, "Content-Type: text/calendar\n\nBEGIN"), nil, "", `cannot carry yet: "text/calendar"`},
		"an attached text":          {multi("mixed; boundary=x", text, "Content-Type: text/plain\nContent-Disposition: attachment; filename=\"a\u202e.txt\"\n\nx"), nil, "", `cannot carry yet: "a\u202e.txt"`},
		"a picture without a place": {multi("mixed; boundary=x", text, picture), nil, "", `cannot carry yet: "a.png"`},
		"many of them":              {multi("mixed; boundary=x", slices.Repeat([]string{pdf}, 13)...), nil, "", `"план.pdf" and 3 more. Take that out`},
		"another mail":              {multi("mixed; boundary=x", text, forward), nil, "", `cannot carry yet: "message/rfc822"`},
		"only a picture":            {picture, nil, "", `cannot carry yet: "a.png"`},
		"enciphered":                {multi("encrypted; boundary=x", "Content-Type: application/pgp-encrypted\n\nx"), nil, "", "it is enciphered: open it in the mail program, and save it in clear"},
		"enciphered in S/MIME":      {"Content-Type: application/pkcs7-mime; smime-type=enveloped-data\n\nAAAA", nil, "", "open it in the mail program, and save it in clear"},
		"cut off":                   {strings.TrimSuffix(multi("mixed; boundary=x", text), "--\nbehind them\n"), nil, "", "its parts do not end: the mail was cut off"},
		"cut off before the parts":  {"Content-Type: multipart/mixed; boundary=x\n\nThis is", nil, "", "its parts do not end"},
		"no boundary":               {"Content-Type: multipart/mixed\n\n" + within("boundary=x", text), nil, "", "does not say where they begin"},
		"a boundary too long":       {multi("mixed; boundary="+strings.Repeat("x", 71), text), nil, "", "does not say where they begin"},
		"parts encoded as a whole":  {"Content-Transfer-Encoding: base64\n" + multi("mixed; boundary=x", text), nil, "", `its parts are encoded as a whole ("base64")`},
		"too deep":                  {nest(text, 9), nil, "", "its parts stand within each other too deep"},
		"a part that is none":       {multi("mixed; boundary=x", "Hello there\n\nx"), nil, "", `part 1: line 1, "Hello there", is no header field`},
		"a part of two types":       {multi("alternative; boundary=x", "Content-Type: a/b\nContent-Type: c/d\n\nx"), nil, "", "Content-Type stands twice"},
		"a bad type in a form":      {multi("alternative; boundary=x", text, "Content-Type: x\n\nx"), nil, "", "is no type of content"},
		"a bad type in a set":       {multi("related; boundary=x", text, "Content-Type: x\n\nx"), nil, "", "is no type of content"},
		"a bad type deeper":         {multi("alternative; boundary=x", text, multi("mixed; boundary=y", "Content-Type: x\n\nx")), nil, "", "is no type of content"},
		"a form that does not end":  {multi("alternative; boundary=x", text, "Content-Type: multipart/mixed; boundary=y\n\n--y\n\n"), nil, "", "its parts do not end"},
		"enciphered, as of old":     {"Content-Type: application/x-pkcs7-mime\n\nAAAA", nil, "", "open it in the mail program, and save it in clear"},
		"enciphered in PGP":         {"Content-Type: application/pgp-encrypted\n\nVersion: 1", nil, "", "open it in the mail program, and save it in clear"},
		"a name that is no text":    {"Content-Disposition: attachment; filename*=utf-8''%FF\n\nx", nil, "", `Content-Disposition: its parameter "filename": it is not UTF-8`},
		"a name in no set":          {"Content-Disposition: attachment; filename*=''%FF\n\nx", nil, "", `Content-Disposition: its parameter "filename": it is not UTF-8`},
		"too many of them":          {multi("mixed; boundary=x", slices.Repeat([]string{"\n"}, 70_000)...), nil, "", "it has too many parts"},
		"a bad disposition":         {"Content-Disposition: attachment; filename\n\nx", nil, "", "Content-Disposition: \"filename\" is no parameter"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.why != "" {
				refused(t, head+c.mail, c.why)
				return
			}
			m := parsed(t, head+c.mail)
			if got := texts(m); !slices.Equal(got, c.want) {
				t.Errorf("its text is %q, want %q", got, c.want)
			}
			if c.left != "" && !slices.Contains(m.LeftOut, c.left) {
				t.Errorf("left out are %q, not %q", m.LeftOut, c.left)
			}
		})
	}
}

// Addresses as mail programs write them.
func TestForeignAddresses(t *testing.T) {
	for to, c := range map[string]struct {
		want []string
		why  string
	}{
		`AMBASSADOR@LIMA`:                           {[]string{"AMBASSADOR@LIMA"}, ""},
		`<AMBASSADOR@LIMA>,,CONSUL@LIMA`:            {[]string{"AMBASSADOR@LIMA", "CONSUL@LIMA"}, ""},
		`"The \"Old\" Man" <AMBASSADOR@LIMA>`:       {[]string{"AMBASSADOR@LIMA"}, ""},
		`J. R. Smith <AMBASSADOR@LIMA>`:             {[]string{"AMBASSADOR@LIMA"}, ""},
		`=?utf-8?Q?=D0=9F_=28x=29?= <ПОСОЛ@МОСКВА>`: {[]string{"ПОСОЛ@МОСКВА"}, ""},
		`"CONSUL GENERAL"@NEW_YORK (he (and she))`:  {[]string{"CONSUL GENERAL@NEW YORK"}, ""},
		`"A. (B)"@ST._JOHN'S_%28E%29`:               {[]string{"A. (B)@ST. JOHN'S (E)"}, ""},
		`<@relay.example,@b.example:CONSUL@LIMA>`:   {[]string{"CONSUL@LIMA"}, ""},
		`consuls: CONSUL@LIMA,, CONSUL@ROME;`:       {[]string{"CONSUL@LIMA", "CONSUL@ROME"}, ""},
		`nobody:;, CONSUL@LIMA`:                     {[]string{"CONSUL@LIMA"}, ""},
		`undisclosed-recipients:;`:                  {nil, "it has no action addressee: address the mail to an office, as in  To: AMBASSADOR@BEIJING"},
		``:                                          {nil, "it has no action addressee"},
		`AMBASSADOR`:                                {nil, `To: "AMBASSADOR" is no address: write office@post, as in AMBASSADOR@BEIJING`},
		`Ambassador to Lima`:                        {nil, `"Ambassador to Lima" is no address`},
		`CONSUL GENERAL@LIMA`:                       {nil, "a name with spaces stands in quotation marks"},
		`A . B@LIMA`:                                {nil, `"A . B" stands where an office or a post should`},
		`A. @LIMA`:                                  {nil, `"A." is cut off: write office@post`},
		`.A@LIMA`:                                   {nil, "stands where an office or a post should"},
		`A@LIMA.`:                                   {nil, `"LIMA." is cut off`},
		`A@`:                                        {nil, `"" is cut off: write office@post`},
		`@LIMA`:                                     {nil, `"" is no address`},
		`""@LIMA`:                                   {nil, "a name is missing"},
		`A@[127.0.0.1]`:                             {nil, `"A" is at a machine and no post`},
		`A_B@LIMA`:                                  {nil, `a name has letters, digits, spaces`},
		`"A  B"@LIMA`:                               {nil, "no two in a row"},
		`A@LI%ZZ`:                                   {nil, `"LI%ZZ" is no name of a post`},
		`A@LI%4`:                                    {nil, `"LI%4" is no name of a post`},
		`A@LI%00MA`:                                 {nil, "a name has letters"},
		`A@LI%FFMA`:                                 {nil, "the name is not UTF-8"},
		`A@LIMA B@ROME`:                             {nil, `"LIMA B" stands where an office or a post should`},
		`<A@LIMA> B@ROME`:                           {nil, `addresses are separated by commas; "B" stands where one should`},
		`<A@LIMA`:                                   {nil, "does not close"},
		`A@LIMA, (x`:                                {nil, "a parenthesis does not close"},
		`"A@LIMA`:                                   {nil, "a quotation mark or bracket does not close"},
		`all: A@LIMA`:                               {nil, "a group of addresses does not end with a semicolon"},
		`all: B`:                                    {nil, `"B" is no address`},
		`A@LIMA, A@LIMA`:                            {nil, "A@LIMA is addressed twice"},
		strings.Repeat("(", 40):                     {nil, "too deep"},
		"A\x07@LIMA":                                {nil, "it has a character that cannot stand there (0x07)"},
		`=?x-none?Q?a?=:;`:                          {nil, `its character set "x-none" is not known here`},
	} {
		m, err := eml.Parse([]byte("From: a@b.example\nTo: " + to + "\n\ntext\n"))
		if c.why != "" {
			if err == nil || !strings.Contains(err.Error(), c.why) {
				t.Errorf("%s is refused with %v, want %q", to, err, c.why)
			}
			continue
		}
		var got []string
		if err == nil {
			for _, a := range m.Telegram.To {
				got = append(got, a.String())
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s is read as %q: %v", to, got, err)
		}
	}
	crowd := make([]string, telegram.MaxAddressees+1)
	for i := range crowd {
		crowd[i] = fmt.Sprintf("A%d@LIMA", i)
	}
	refused(t, "From: a@b.example\nTo: "+strings.Join(crowd, ", ")+"\n\ntext\n", "To: at most 256 addressees are possible")
	refused(t, foreign("Bcc: CONSUL@LIMA"), "Bcc: a telegram has no blind addressees: whom it goes to, all can read")
	refused(t, foreign("Bcc: <CONSUL"), "Bcc: a telegram has no blind addressees")
	parsed(t, foreign("Bcc: "))
	refused(t, foreign("To: CONSUL@LIMA"), "To stands twice, on lines 2 and 3")
}

// A mail that is from no office, or from several people, is a draft all the same: whom it is from is said where it is laid.
func TestForeignSender(t *testing.T) {
	for from, c := range map[string]struct {
		want telegram.Address
		left bool
	}{
		"MINISTER@OSLO":                    {telegram.Address{Office: "MINISTER", Post: "OSLO"}, false},
		"ivan_petrov@mail.example":         {left: true},
		"a@b.example, c@d.example":         {left: true},
		"Ivan:;":                           {left: true},
		"<a@b":                             {left: true},
		"=?utf-8?q?x?= <MINISTER@OSLO>":    {telegram.Address{Office: "MINISTER", Post: "OSLO"}, true},
		"\"MINISTER OF STATE\"@SAN_MARINO": {telegram.Address{Office: "MINISTER OF STATE", Post: "SAN MARINO"}, false},
	} {
		m := parsed(t, "From: "+from+"\nTo: AMBASSADOR@LIMA\n\nx\n")
		if m.Telegram.From != c.want || (len(m.LeftOut) > 0) != c.left {
			t.Errorf("%s is read as %v, and left out is %q", from, m.Telegram.From, m.LeftOut)
		}
	}
	if m := parsed(t, "To: AMBASSADOR@LIMA\n\nx\n"); m.Telegram.From != (telegram.Address{}) {
		t.Errorf("from nobody it is from %v", m.Telegram.From)
	}
}

// An answer from an ordinary mail program names the telegram that it answers by its Message-ID.
func TestForeignAnswers(t *testing.T) {
	ids := func(m *eml.Mail) string { return fmt.Sprint(m.Answers) }
	const a, b = "<chancery.2522.2026.BEIJING@OSLO>", "<chancery.EX7.2025.NEW_YORK@%D0%9C%D0%9E%D0%A1%D0%9A%D0%92%D0%90>"
	for fields, want := range map[string]string{
		"In-Reply-To: " + a:                             "[" + a + "]",
		"In-Reply-To: " + a + "\nReferences: " + b + a:  "[" + a + "]",
		"References: <1@mail.example> " + b + "\n " + a: "[" + b + " " + a + "]",
		"References: " + a + " " + a:                    "[" + a + "]",
		"In-Reply-To: <2@mail.example>":                 "[]",
		"In-Reply-To: chancery.2522.2026.BEIJING@OSLO":  "[]",
		"In-Reply-To: <chancery.02522.2026.A@B>":        "[]",
		"In-Reply-To: <chancery.2522.2026.A>":           "[]",
		"In-Reply-To: <chancery.2522.70000.A@B>":        "[]",
		"In-Reply-To: <chancery.x.2026.A@B>":            "[]",
		"In-Reply-To: <chancery.2522.2026.A;B@C>":       "[]",
		"In-Reply-To: <chancery.2522.2026.A@;>":         "[]",
		"In-Reply-To: <chancery.2522.2026>":             "[]",
		"In-Reply-To: <chancery.2522@B>":                "[]",
		"In-Reply-To: <2522.2026.A@B>":                  "[]",
		"In-Reply-To: <":                                "[]",
	} {
		if got := ids(parsed(t, foreign(fields))); got != want {
			t.Errorf("%s answers %s, want %s", fields, got, want)
		}
	}
	var many []string
	for i := range 500 {
		many = append(many, eml.ID{From: "A", To: "B", Year: 2026, Serial: uint32(i + 1)}.String())
	}
	if m := parsed(t, foreign("References: "+strings.Join(many, " "))); len(m.Answers) != telegram.MaxReferences+1 {
		t.Errorf("it answers %d", len(m.Answers))
	}
}
