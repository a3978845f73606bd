package desk_test

import (
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"chancery.example/chancery/desk"
	"chancery.example/chancery/telegram"
	"pgregory.net/rapid"
)

const rich = `From: MINISTRY
To: AMBASSADOR@BEIJING; flash
To: CONSUL@LIMA
Info: AMBASSADOR@LONDON
Info: CONSUL@ST. JOHN'S; deferred
Precedence: immediate
Policy: HOME
Classification: Secret
Caveat: SPECIAL FILE
Caveat: NO COPYING
Review: 2036-12-07
Type: exercise
Deadline: 2026-12-01T12:00+03:00
Ask: receipt, fulfilment
Subject: The ceasefire: our answer
Refers: MOSCOW 2231/2026
Acknowledges: NEW YORK 7/2025
Fulfills: BEIJING 610/2026
Signature: MINISTER
Department: Tenth department
Copy: Minister
Copy: Tenth department

Visit the minister and transmit to him the following:

[convey to the Minister]

We agree
in every point.

[end PRINCIPAL [the Chairman]]

Telegraph the fulfilment.
`

func addressee(office, post string, p telegram.Precedence) telegram.Addressee {
	return telegram.Addressee{Address: telegram.Address{Office: office, Post: post}, Precedence: p}
}

func day(y, m, d, h int) int64 { return time.Date(y, time.Month(m), d, h, 0, 0, 0, time.UTC).Unix() }

func para(s string) telegram.Block {
	return telegram.Block{Kind: telegram.Paragraph, Text: s}
}

func more(s string) telegram.Block   { return telegram.Block{Kind: telegram.More, Text: s} }
func convey(s string) telegram.Block { return telegram.Block{Kind: telegram.Convey, Text: s} }
func end(s string) telegram.Block    { return telegram.Block{Kind: telegram.End, Text: s} }
func blank(n byte) telegram.Block {
	return telegram.Block{Kind: telegram.Blank, Text: string([]byte{n})}
}

// richForm is what rich says.
func richForm() *desk.Form {
	return &desk.Form{
		Telegram: telegram.Telegram{
			From: telegram.Address{Office: "MINISTRY"},
			To:   []telegram.Addressee{addressee("AMBASSADOR", "BEIJING", telegram.Flash), addressee("CONSUL", "LIMA", telegram.Immediate)},
			Info: []telegram.Addressee{addressee("AMBASSADOR", "LONDON", telegram.Immediate), addressee("CONSUL", "ST. JOHN'S", telegram.Deferred)},
			Label: telegram.Label{Policy: "HOME", Classification: "Secret", Caveats: []string{"SPECIAL FILE", "NO COPYING"},
				Review: day(2036, 12, 7, 0)},
			Type: telegram.Exercise, Deadline: day(2026, 12, 1, 9), Asks: telegram.AskReceipt | telegram.AskFulfilment,
			Subject: "The ceasefire: our answer", Signature: "MINISTER",
			References: []telegram.Reference{
				{Act: telegram.Refers, Post: "MOSCOW", Year: 2026, Serial: 2231},
				{Act: telegram.Acknowledges, Post: "NEW YORK", Year: 2025, Serial: 7},
				{Act: telegram.Fulfils, Post: "BEIJING", Year: 2026, Serial: 610}},
			Body: []telegram.Block{para("Visit the minister and transmit to him the following:"), convey("the Minister"),
				para("We agree\nin every point."), end("PRINCIPAL [the Chairman]"), para("Telegraph the fulfilment.")},
		},
		Local: desk.Local{Department: "Tenth department", Copies: []string{"Minister", "Tenth department"}},
	}
}

func parse(t testing.TB, s string) *desk.Form {
	t.Helper()
	f, err := desk.ParseForm(strings.NewReader(s))
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return f
}

func TestEveryHeading(t *testing.T) {
	if got := parse(t, rich); !reflect.DeepEqual(got, richForm()) {
		t.Errorf("it is read as\n%+v\nwant\n%+v", got, richForm())
	}
}

// Lines that say the same in another way are read as the same form.
func TestTheSameFormInOtherWords(t *testing.T) {
	head, text, _ := strings.Cut(rich, "\n\n")
	lines := strings.Split(head, "\n")
	upsideDown := slices.Clone(lines)
	// What may be repeated keeps its order; all else turns round it.
	slices.SortStableFunc(upsideDown, func(a, b string) int {
		x, _, _ := strings.Cut(a, ":")
		y, _, _ := strings.Cut(b, ":")
		if x[1:] == "efers" || y[1:] == "efers" || strings.Contains(x+y, "cknowledges") || strings.Contains(x+y, "ulfills") {
			return 0
		}
		return strings.Compare(y, x)
	})
	loose := strings.NewReplacer("Precedence: immediate", " PRECEDENCE :  Immediate ", "To: CONSUL@LIMA", "to:CONSUL@LIMA",
		"; flash", " ;FLASH", "Fulfills", "FULFILS", "receipt, fulfilment", "Fulfillment ,RECEIPT", "Type: exercise", "Type: EXERCISE")
	for name, s := range map[string]string{
		"line ends of another system":    strings.ReplaceAll(rich, "\n", "\r\n"),
		"a byte order mark":              "\ufeff" + rich,
		"empty lines first":              "\n \t\n\n" + rich,
		"a mark, then empty lines":       "\ufeff\r\n\r\n" + strings.ReplaceAll(rich, "\n", "\r\n"),
		"another order":                  strings.Join(upsideDown, "\n") + "\n\n" + text,
		"other capitals and spaces":      loose.Replace(head) + "\n\n" + text,
		"blanks behind the lines":        strings.ReplaceAll(head, "\n", "  \t\n") + "\n \t \n" + text,
		"no end of the last line":        strings.TrimRight(rich, "\n"),
		"empty lines at the end":         rich + "\n\n  \n",
		"more empty lines than one":      strings.ReplaceAll(rich, "\n\n", "\n\n\n \n"),
		"no empty lines round a message": strings.NewReplacer("following:\n\n[", "following:\n[", "]\n\n", "]\n", "point.\n\n[", "point.\n[").Replace(head + "\n\n" + text),
		"headings that say nothing":      strings.Join(lines, "\n") + "\nCaveat:\nCopy: \n\n" + text,
	} {
		t.Run(name, func(t *testing.T) {
			if got := parse(t, s); !reflect.DeepEqual(got, richForm()) {
				t.Errorf("it is read as\n%+v\nwant\n%+v", got, richForm())
			}
		})
	}
}

func TestDefaults(t *testing.T) {
	got := parse(t, "To: A@B\nInfo: C@D; flash\nSubject:\nPolicy: \nType: operation\n")
	want := &desk.Form{Telegram: telegram.Telegram{To: []telegram.Addressee{addressee("A", "B", telegram.Routine)},
		Info: []telegram.Addressee{addressee("C", "D", telegram.Flash)}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("it is read as %+v, want %+v", got, want)
	}
	for s, want := range map[string]int64{
		"2026-12-01": day(2026, 12, 2, 0) - 60, "2026-12-01T12:00Z": day(2026, 12, 1, 12), "2026-12-01T12:00:00Z": day(2026, 12, 1, 12),
		"2026-12-01T12:00-05:00": day(2026, 12, 1, 17), "1950-12-07": day(1950, 12, 8, 0) - 60, "9999-12-31": day(9999, 12, 31, 24) - 60,
	} {
		if got := parse(t, "To: A@B\nDeadline: "+s).Telegram.Deadline; got != want {
			t.Errorf("%s is read as %d, want %d", s, got, want)
		}
	}
}

func TestText(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []telegram.Block
	}{
		"no text":                   {"", nil},
		"only empty lines":          {"\n \n\t\n", nil},
		"paragraphs":                {"One,\ntwo.\n\nThree.", []telegram.Block{para("One,\ntwo."), para("Three.")}},
		"the lines' own spaces":     {"  One  \n    two \n", []telegram.Block{para("One  \n    two")}},
		"what only looks like one":  {"[endgame]\n[convey]\n[ending x]\n[End x]\nend]\n[end", []telegram.Block{para("[endgame]\n[convey]\n[ending x]\n[End x]\nend]\n[end")}},
		"escaped":                   {`\[end X]` + "\n" + `\\x` + "\n" + `\  [blank 3]` + "\n" + `a \b`, []telegram.Block{para("[end X]\n\\x\n  [blank 3]\na \\b")}},
		"an empty line escaped":     {"a\n\\\n\\ \nb", []telegram.Block{para("a\n\n \nb")}},
		"only a backslash":          {"\\\n\\", nil},
		"a message of nobody":       {"[convey to]\n[end]", []telegram.Block{convey(""), end("")}},
		"brackets in a message":     {"  [convey to the [one]]\nx\n[end  A [B] ]", []telegram.Block{convey("the [one]"), para("x"), end("A [B]")}},
		"a blank goes on":           {"a\n[blank 3]\nb", []telegram.Block{para("a"), blank(3), more("b")}},
		"a blank, a new paragraph":  {"a\n\n[blank 3]\n\nb", []telegram.Block{para("a"), blank(3), para("b")}},
		"a blank first":             {"[blank 3]\nb", []telegram.Block{blank(3), para("b")}},
		"a blank last":              {"a\n[blank 255]", []telegram.Block{para("a"), blank(255)}},
		"blanks in a row":           {"a\n[blank 255]\n\n[blank 1]\nb", []telegram.Block{para("a"), blank(255), blank(1), more("b")}},
		"a blank before a message":  {"a\n[blank 3]\n[convey to X]\nb\n[end Y]\nc", []telegram.Block{para("a"), blank(3), convey("X"), para("b"), end("Y"), para("c")}},
		"a blank after a message":   {"a\n[convey to X]\n[end Y]\n[blank 9]\nc", []telegram.Block{para("a"), convey("X"), end("Y"), blank(9), para("c")}},
		"four deep":                 {strings.Repeat("[convey to X]\n", 4) + "a\n" + strings.Repeat("[end Y]\n", 4), slices.Concat(slices.Repeat([]telegram.Block{convey("X")}, 4), []telegram.Block{para("a")}, slices.Repeat([]telegram.Block{end("Y")}, 4))},
		"one message after another": {"[convey to X]\n[end Y]\n[convey to Z]\n[end]", []telegram.Block{convey("X"), end("Y"), convey("Z"), end("")}},
		"a space that is no blank":  {"\u00a0x\n\\\u00a0\ny", []telegram.Block{para("\u00a0x\n\u00a0\ny")}},
		"headings are text here":    {"To: X", []telegram.Block{para("To: X")}},
		"letters of all scripts":    {"Привет\u200f 你好", []telegram.Block{para("Привет\u200f 你好")}},
	} {
		t.Run(name, func(t *testing.T) {
			f := parse(t, "To: A@B\n\n"+c.text)
			if !slices.Equal(f.Telegram.Body, c.want) {
				t.Errorf("it is read as %q, want %q", f.Telegram.Body, c.want)
			}
			lawful(t, f)
		})
	}
}

// What a drafter did wrong, and the line and the words in which it is said.
var refusals = []struct{ form, why string }{
	{"", "has no action addressee"},
	{"\n\n\n", "has no action addressee"},
	{"Subject: x\nInfo: A@B\n\nText", "has no action addressee: add a line such as  To: AMBASSADOR@BEIJING"},
	{"To: A@B\nhello\n", `line 2: "hello" is no heading: write  Key: value , and a blank line before the text`},
	{"To: A@B\n\n\x00", "line 3 has a NUL character"},
	{"To: A@B\n\nx\n\xff\n", "line 4 is not UTF-8 text: save"},
	{"To: A@B\nSubject: \xff", "line 2 is not UTF-8 text"},
	{"Color: red", `line 1: the heading "Color" is unknown; go doc`},
	{": red", `line 1: the heading "" is unknown`},
	{"\n\nTo: A", `line 3: "A" is no address: write office@post`},
	{"To:", `line 1: "" is no address`},
	{"To: A@B@C", "line 1: "},
	{"To: A@B; soon", `line 1: " soon" is no precedence`},
	{"To: A@B;", `line 1: "" is no precedence`},
	{"To: A@B; flash; flash", "line 1: "},
	{"To: A@B\nPrecedence: fast", `line 2: "fast" is no precedence`},
	{"To: A@B\nPrecedence:", "line 2: "},
	{"To: A@B\nReview: tomorrow", `line 2: "tomorrow" is no time: write it as in  2026-12-01T12:00Z`},
	{"To: A@B\nReview:", `line 2: "" is no time`},
	{"To: A@B\nDeadline: 2026-02-30", `line 2: "2026-02-30" is no time`},
	{"To: A@B\nDeadline: 2026-12-01 12:00", "is no time"},
	{"To: A@B\nDeadline: 1970-01-01", "is no time"},
	{"To: A@B\nDeadline: 9999-12-31T23:59-10:00", "is no time"},
	{"To: A@B\nDeadline: 0000-01-01T00:00+10:00", "is no time"},
	{"To: A@B\nType: test", `line 2: "test" is no message type: use operation, exercise or drill`},
	{"To: A@B\nAsk: money", `line 2: a telegram cannot ask for "money": use receipt, fulfilment`},
	{"To: A@B\nAsk:", "line 2: a telegram cannot ask for"},
	{"To: A@B\nAsk: receipt,", "line 2: a telegram cannot ask for"},
	{"To: A@B\nRefers: 2231/2026", `line 2: "2231/2026" cites nothing: write post, serial and year, as in  MOSCOW 2231/2026`},
	{"To: A@B\nRefers: MOSCOW 2231", `line 2: "2231" is no serial and year: write them as in  2231/2026`},
	{"To: A@B\nRefers: MOSCOW 0/2026", "is no serial and year"},
	{"To: A@B\nRefers: MOSCOW 1/0", "is no serial and year"},
	{"To: A@B\nRefers: MOSCOW -1/2026", "is no serial and year"},
	{"To: A@B\nFulfils: MOSCOW 4294967296/2026", "is no serial and year"},
	{"To: A@B\nAcknowledges: MOSCOW 1/65536", "is no serial and year"},
	{"To: A@B\nRefers: MOS@COW 1/2026", `line 2: post "MOS@COW"`},
	{"Subject: a\nTo: A@B\nSUBJECT : b", `line 3: the heading "SUBJECT" stands on line 1 already`},
	{"Precedence: flash\nTo: A@B\nprecedence: routine", "line 3: the heading"},
	{"To: A@B\nAsk: receipt\nAsk: fulfilment", "line 3: the heading"},
	{"To: A@B\nSubject: a\x07b", "line 2: the text: it has the control character U+0007"},
	{"To: A@B\nCopy: \x1b[2J", "line 2: the text: it has the control character U+001B"},
	{"To: A@B\nCopy: a\u202eb", "line 2: the text: it has U+202E"},
	{"To: A@B\nDepartment: a\rb", "line 2: the text: it has the control character U+000D"},
	{"To: A@B\n\na\nb\ufeff\n", "line 4: the text: it has the unseen character U+FEFF"},
	{"To: A@B\n\n[blank 0]", `line 3: a blank is from 1 to 255 words long, not "0"`},
	{"To: A@B\n\n[blank 256]", "line 3: a blank is"},
	{"To: A@B\n\n[blank]", "line 3: a blank is"},
	{"To: A@B\n\n[blank 1]\n\n[blank 2]", "line 5: two blanks in a row: write them as one"},
	{"To: A@B\n\na\n\n[end X]\n", "line 5: a conveyed telegram ends that never began"},
	{"To: A@B\n\n[convey to X]\n\na\n[convey to Y]\nb\n[end]\nc\n", "line 3: a conveyed telegram does not end: add a line such as  [end MINISTER]"},
	{"To: A@B\n\n[convey to X]\n[convey to Y]\nb\n", "line 4: a conveyed telegram does not end"},
	{"To: A@B\n\n" + strings.Repeat("[convey to X]\n", 5) + strings.Repeat("[end]\n", 5), "line 7: telegrams are conveyed within telegrams at most 4 deep"},
	{"To: A@B\n\n[convey to " + strings.Repeat("x", 1025) + "]\n[end]", "line 3: a conveyed telegram: 1025 bytes"},
	{"To: A@B\nSubject: " + strings.Repeat("x", 2048), "line 2: a heading of 2057 bytes: the most is 2048"},
	{"To: A@B\n\nx\n\n" + strings.Repeat("y", telegram.MaxText+1), "line 5: the text is longer than 1048576 bytes"},
	{"To: A@B\n\nx\n\n" + strings.Repeat("y", telegram.MaxText), "line 5: the text is longer than 1048576 bytes"},
}

func TestRefusalsNameTheLine(t *testing.T) {
	for _, c := range refusals {
		f, err := desk.ParseForm(strings.NewReader(c.form))
		if err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%.60q is refused with %v, want %q", c.form, err, c.why)
		} else if f != nil || len(err.Error()) > 300 {
			t.Errorf("%.60q: form %v, error of %d bytes", c.form, f, len(err.Error()))
		}
	}
}

func TestManyOfEach(t *testing.T) {
	lines := func(n int, form string) (b strings.Builder) {
		b.WriteString("To: A@B\n")
		for i := range n {
			fmt.Fprintf(&b, form+"\n", i)
		}
		return b
	}
	for _, c := range []struct {
		n    int
		form string
		why  string
	}{
		{255, "To: A %d@B", ""}, {256, "To: A %d@B", "line 257: at most 256 addressees"},
		{255, "Info: A %d@B", ""}, {256, "Info: A %d@B", "line 257: at most 256 addressees"},
		{64, "Refers: A %d1/2026", ""}, {65, "Refers: A %d1/2026", "line 66: at most 64 references"},
		{256, "Copy: %d", ""}, {257, "Copy: %d", "line 258: at most 256 copies"},
		{80_000, "To: A%d@B", "line 257: "}, {100_000, "A%d:", "line 2: the heading"}, {80_000, "Copy: %d", "line 258: "},
	} {
		b := lines(c.n, c.form)
		f, err := desk.ParseForm(strings.NewReader(b.String()))
		if c.why == "" && err != nil || c.why != "" && (err == nil || !strings.Contains(err.Error(), c.why)) {
			t.Errorf("%d of %q: %v, want %q", c.n, c.form, err, c.why)
		}
		if err == nil {
			lawful(t, f)
		}
	}
}

// A form costs memory and time in proportion to its bytes, whatever stands in it.
func TestHostileForms(t *testing.T) {
	head := "To: A@B\n"
	long := func(s string) string { return strings.Repeat(s, (desk.MaxForm-len(head)-1)/len(s)) }
	for name, s := range map[string]string{
		"one line of text":          head + "\n" + strings.Repeat("x", telegram.MaxText),
		"one line of head":          head + long("x"),
		"one subject":               head + "Subject: " + strings.Repeat("x", 1<<20),
		"only empty lines":          long("\n"),
		"empty lines, then one":     head + "\n" + long("\n"),
		"short paragraphs":          head + "\n" + long("x\n\n"),
		"as many as may be":         head + "\n" + strings.Repeat("x\n\n", telegram.MaxBlocks),
		"lines of one paragraph":    head + "\n" + long("x\n"),
		"backslashes":               head + "\n" + long("\\\n"),
		"escaped backslashes":       head + "\nx\n" + long("\\\\\n"),
		"messages begun":            head + "\n" + long("[convey to]\n"),
		"messages begun and ended":  head + "\n" + long("[convey to]\n[end]\n"),
		"some begun and ended":      head + "\n" + strings.Repeat("[convey to]\n[end]\n", telegram.MaxBlocks/2),
		"messages ended":            head + "\n" + long("[end]\n"),
		"full blanks":               head + "\n" + long("[blank 255]\n"),
		"caveats":                   head + long("Caveat: x\n"),
		"headings of nothing":       head + long("Copy:\n"),
		"carriage returns":          head + "\n" + long("\r"),
		"more than may be":          head + "\n" + long("x") + "xxxxxx",
		"brackets":                  head + "\n" + long("["),
		"marks of emphasis":         long("*"),
		"an endless line of spaces": head + "\n" + long(" ") + "x",
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			f, err := desk.ParseForm(strings.NewReader(s))
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > 256<<20 {
				t.Errorf("it takes %d bytes", n)
			}
			if err == nil {
				lawful(t, f)
			} else if len(err.Error()) > 300 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
		})
	}
	endless := strings.NewReader(strings.Repeat("x", 8<<20))
	if _, err := desk.ParseForm(endless); err == nil || endless.Len() < 6<<20 {
		t.Errorf("%v, and %d bytes were left unread", err, endless.Len())
	}
}

// lawful holds that what was parsed is printed, parsed again and is the same form; and that the print is the form's one written form.
func lawful(t testing.TB, f *desk.Form) {
	t.Helper()
	s := f.String()
	again, err := desk.ParseForm(strings.NewReader(s))
	if err != nil {
		t.Fatalf("what was printed is refused: %v\n%.2000s", err, s)
	}
	if !reflect.DeepEqual(again, f) {
		t.Fatalf("parse, print, parse: another form\n%.2000q\n%.2000q", f, again)
	}
	if twice := again.String(); twice != s {
		t.Fatalf("printed again it is\n%.2000q\nwas\n%.2000q", twice, s)
	}
}

func TestParsePrintParseIsTheSameForm(t *testing.T) {
	lawful(t, parse(t, rich))
	lawful(t, parse(t, "To: A@B"))
}

// The seeds are committed under testdata/fuzz, with whatever was found later.
func FuzzParseForm(f *testing.F) {
	f.Add(rich)
	f.Add("To: A@B\nAttach: a as b as c\nAttached: 17 Report.docx\n\nx")
	for _, c := range refusals {
		if len(c.form) < 4096 {
			f.Add(c.form)
		}
	}
	f.Fuzz(func(t *testing.T, s string) {
		form, err := desk.ParseForm(strings.NewReader(s))
		if (form == nil) != (err != nil) {
			t.Fatalf("form %v, error %v", form, err)
		}
		if err == nil {
			lawful(t, form)
		}
	})
}

// Any body that a telegram can have is written so that it is read as the same blocks, wherever it came from.
func TestBodyTextIsReadBack(t *testing.T) {
	line := rapid.OneOf(rapid.StringMatching(`[ \t]{0,2}\\{0,2}[ \t]{0,2}(\[(end|convey to|blank)?( [a-zA-Z0-9]{0,3})?\]?)?[a-z \t\x{a0}\x{3000}]{0,4}`), rapid.SampledFrom([]string{"", "To: X", "\\", "[end]", "\u00a0"}))
	rapid.Check(t, func(t *rapid.T) {
		body := drawBody(t, line)
		if err := telegram.CheckBody(body); err != nil {
			t.Fatalf("the test drew a body that is none: %v %q", err, body)
		}
		text := desk.BodyText(body)
		f, err := desk.ParseForm(strings.NewReader("To: A@B\n\n" + text))
		if err != nil {
			t.Fatalf("%q is refused: %v", text, err)
		}
		if !slices.Equal(f.Telegram.Body, body) {
			t.Fatalf("%q was written\n%s\nand read as %q", body, text, f.Telegram.Body)
		}
	})
}

func drawBody(t *rapid.T, line *rapid.Generator[string]) (body []telegram.Block) {
	depth, begun := 0, false
	for range rapid.IntRange(0, 12).Draw(t, "blocks") {
		last := telegram.Block{}
		if len(body) > 0 {
			last = body[len(body)-1]
		}
		switch kind := rapid.IntRange(0, 4).Draw(t, "kind"); {
		case kind <= 1:
			text := strings.Trim(strings.Join(rapid.SliceOfN(line, 1, 4).Draw(t, "text"), "\n"), " \t\n")
			switch {
			case text == "":
			case kind == 1 && begun && last.Kind == telegram.Blank:
				body = append(body, more(text))
			default:
				body, begun = append(body, para(text)), true
			}
		case kind == 2 && depth < telegram.MaxDepth:
			body, depth, begun = append(body, convey(strings.Join(strings.Fields(line.Draw(t, "to whom")), " "))), depth+1, false
		case kind == 3 && depth > 0:
			body, depth, begun = append(body, end(strings.Join(strings.Fields(line.Draw(t, "signed")), " "))), depth-1, false
		case kind == 4 && (last.Kind != telegram.Blank || last.Text == "\xff"):
			body = append(body, blank(rapid.SampledFrom([]byte{1, 9, 255}).Draw(t, "blank")))
		}
	}
	for ; depth > 0; depth-- {
		body = append(body, end(""))
	}
	return body
}

func FuzzParseTime(f *testing.F) {
	for _, s := range []string{"2026-12-07 19:00", "2026-12-07T19:00Z", "071900Z DEC 26", "2026-12-07"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		at, err := desk.ParseTime(s)
		if err != nil {
			return
		}
		written := time.Unix(at, 0).UTC().Format("2006-01-02T15:04:05Z")
		if again, err := desk.ParseTime(written); err == nil && again != at {
			t.Errorf("%q is %s, and that is %d", s, written, again)
		}
		if due, err := desk.ParseDue(s); err != nil || due < at {
			t.Errorf("%q is due %d, and is at %d: %v", s, due, at, err)
		}
	})
}
