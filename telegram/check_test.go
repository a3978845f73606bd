package telegram

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

func TestCheckAccepts(t *testing.T) {
	for name, edit := range map[string]func(*Telegram){
		"the rich one":                 func(*Telegram) {},
		"no text":                      func(t *Telegram) { t.Body = nil },
		"handed over":                  func(t *Telegram) { t.Releaser, t.Released, t.RegisterBy = KeyRef{}, 0, 0 },
		"register at once":             func(t *Telegram) { t.RegisterBy = t.Released },
		"register in 30 days":          func(t *Telegram) { t.RegisterBy = t.Released + 30*86400 },
		"released before 1970":         func(t *Telegram) { t.Released, t.RegisterBy = -100, -1 },
		"four deep":                    func(t *Telegram) { t.Body = nested(4) },
		"256 addressees":               func(t *Telegram) { t.To, t.Info = crowd(200), crowd(256)[200:] },
		"64 references":                func(t *Telegram) { t.References = slices.Repeat(t.References[:1], 64) },
		"the same office at two posts": func(t *Telegram) { t.Info = []Addressee{at("AMBASSADOR", "LIMA", Routine)} },
		"a subject of 1024 bytes":      func(t *Telegram) { t.Subject = strings.Repeat("x", 1024) },
		"a text of one mebibyte":       func(t *Telegram) { t.Body = []Block{{Paragraph, strings.Repeat("x", MaxText)}} },
		"a name with its punctuation":  func(t *Telegram) { t.From = Address{"O'Neill-Ó (Int.) & Co, 2/3", "SÃO TOMÉ"} },
		"a character of no use as yet": func(t *Telegram) { t.Body = []Block{{Paragraph, "a\U000e1000b"}} },
		"marks of right-to-left text":  func(t *Telegram) { t.Body = []Block{{Paragraph, "a\u200fb\u200eג"}} },
	} {
		t.Run(name, func(t *testing.T) {
			tg := rich()
			edit(tg)
			if err := tg.Check(); err != nil {
				t.Fatal(err)
			}
			parse(t, tg.Marshal())
		})
	}
}

func crowd(n int) (out []Addressee) {
	for i := range n {
		out = append(out, at(fmt.Sprintf("DESK %d", i), fmt.Sprintf("POST %d", i), Routine))
	}
	return out
}

func codes(n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprintf("CODE%d", i))
	}
	return out
}

func nested(depth int) (b []Block) {
	return append(slices.Repeat([]Block{{Convey, "on"}}, depth), slices.Repeat([]Block{{End, "X"}}, depth)...)
}

var badHeads = map[string]struct {
	edit func(*Telegram)
	why  string
}{
	"no sender's post":          {func(t *Telegram) { t.From.Post = "" }, "the sender: post \"\": a name is missing"},
	"no sender's office":        {func(t *Telegram) { t.From.Office = "" }, "the sender: office \"\": a name is missing"},
	"a post of 33 bytes":        {func(t *Telegram) { t.From.Post = strings.Repeat("X", 33) }, "at most 32 bytes"},
	"an office of 65 bytes":     {func(t *Telegram) { t.From.Office = strings.Repeat("X", 65) }, "at most 64 bytes"},
	"a name not UTF-8":          {func(t *Telegram) { t.From.Post = "O\xffSLO" }, "not UTF-8"},
	"a name with outer space":   {func(t *Telegram) { t.From.Post = "OSLO " }, "no space at its ends"},
	"a name with two spaces":    {func(t *Telegram) { t.From.Post = "NEW  YORK" }, "no two in a row"},
	"a name with @":             {func(t *Telegram) { t.From.Post = "OS@LO" }, "not '@'"},
	"a name with +":             {func(t *Telegram) { t.From.Post = "OS+LO" }, "not '+'"},
	"a name with a line feed":   {func(t *Telegram) { t.From.Office = "A\nB" }, "not '\\n'"},
	"a name unseen":             {func(t *Telegram) { t.From.Office = "A\u200bB" }, "letters, digits"},
	"no action addressee":       {func(t *Telegram) { t.To = nil }, "no action addressee"},
	"257 addressees":            {func(t *Telegram) { t.To, t.Info = crowd(200), crowd(257)[200:] }, "257 addressees"},
	"an addressee without post": {func(t *Telegram) { t.Info[0].Post = "" }, "an addressee: post"},
	"precedence 6":              {func(t *Telegram) { t.Info[0].Precedence = 6 }, "precedence 6 is unknown"},
	"addressed twice":           {func(t *Telegram) { t.Info[0].Address = t.To[0].Address }, "AMBASSADOR@BEIJING is addressed twice"},
	"urgency 2":                 {func(t *Telegram) { t.Urgency = Immediately + 1 }, "urgency 2 is unknown"},
	"an act on an exercise": {func(t *Telegram) {
		t.References = []Reference{{Act: Fulfils, Year: 2026, Serial: Drill.Mark(3), Post: "OSLO"}}
	}, "of another type"},
	"an act on no number": {func(t *Telegram) {
		t.Type = Operation
		t.References = []Reference{{Act: Fulfils, Year: 2026, Serial: ^uint32(0), Post: "OSLO"}}
	}, "of another type"},
	"too many codes":            {func(t *Telegram) { t.Codes = codes(MaxCodes + 1) }, "subject codes"},
	"a code of two letters":     {func(t *Telegram) { t.Codes = []string{"AB"} }, "3 to 8 capital letters"},
	"a code of nine letters":    {func(t *Telegram) { t.Codes = []string{"ABCDEFGHI"} }, "3 to 8 capital letters"},
	"a code in small letters":   {func(t *Telegram) { t.Codes = []string{"abc"} }, "3 to 8 capital letters"},
	"a code twice":              {func(t *Telegram) { t.Codes = []string{"ABC", "DEF", "ABC"} }, "stands twice"},
	"no drafter":                {func(t *Telegram) { t.Drafter = KeyRef{} }, "the drafter is missing"},
	"a drafter without key":     {func(t *Telegram) { t.Drafter.Key = 0 }, "the drafter is missing"},
	"a drafter without number":  {func(t *Telegram) { t.Drafter.Person = 0 }, "the drafter is missing"},
	"a releaser without key":    {func(t *Telegram) { t.Releaser.Key = 0 }, "the releaser is missing"},
	"a releaser without number": {func(t *Telegram) { t.Releaser.Person = 0 }, "the releaser is missing"},
	"a release by nobody":       {func(t *Telegram) { t.Releaser = KeyRef{} }, "one of them is missing"},
	"a release without time":    {func(t *Telegram) { t.Released = 0 }, "one of them is missing"},
	"no last moment":            {func(t *Telegram) { t.RegisterBy = 0 }, "one of them is missing"},
	"only a releaser":           {func(t *Telegram) { t.Released, t.RegisterBy = 0, 0 }, "one of them is missing"},
	"register before release":   {func(t *Telegram) { t.RegisterBy = t.Released - 1 }, "within 30 days"},
	"register after 30 days":    {func(t *Telegram) { t.RegisterBy = t.Released + 30*86400 + 1 }, "within 30 days"},
	"register at no time ever":  {func(t *Telegram) { t.Released, t.RegisterBy = math.MinInt64, math.MaxInt64 }, "within 30 days"},
	"type 3":                    {func(t *Telegram) { t.Type = 3 }, "type 3 is unknown"},
	"asks for bit 2":            {func(t *Telegram) { t.Asks = 4 }, "something unknown (0x4)"},
	"33 caveats":                {func(t *Telegram) { t.Label.Caveats = slices.Repeat([]string{"X"}, 33) }, "32 caveats"},
	"an empty caveat":           {func(t *Telegram) { t.Label.Caveats = []string{""} }, "a caveat is empty"},
	"a policy of 256 bytes":     {func(t *Telegram) { t.Label.Policy = strings.Repeat("x", 256) }, "the label: 256 bytes"},
	"a label of two lines":      {func(t *Telegram) { t.Label.Classification = "A\nB" }, "the label: it must stand on one line"},
	"a subject of 1025 bytes":   {func(t *Telegram) { t.Subject = strings.Repeat("x", 1025) }, "the subject: 1025 bytes"},
	"a subject with a tab":      {func(t *Telegram) { t.Subject = "a\tb" }, "the subject: it must stand on one line"},
	"a signature of two lines":  {func(t *Telegram) { t.Signature = "a\nb" }, "the signature: it must stand on one line"},
	"65 references":             {func(t *Telegram) { t.References = slices.Repeat(t.References[:1], 65) }, "65 references"},
	"a reference to serial 0":   {func(t *Telegram) { t.References[0].Serial = 0 }, "a known act and a number"},
	"a reference that acts so":  {func(t *Telegram) { t.References[0].Act = lastAct + 1 }, "a known act and a number"},
	"a reference to no post":    {func(t *Telegram) { t.References[0].Post = "" }, "a reference: post"},
}

func TestCheckRefusesHeads(t *testing.T) {
	for name, c := range badHeads {
		t.Run(name, func(t *testing.T) {
			tg := rich()
			c.edit(tg)
			if err := tg.Check(); err == nil || !strings.Contains(err.Error(), c.why) {
				t.Fatalf("Check says %v, want %q", err, c.why)
			}
			if _, err := Parse(tg.Marshal()); err == nil {
				t.Error("Parse accepts what Check refuses")
			}
		})
	}
}

var badBodies = map[string]struct {
	body []Block
	why  string
}{
	"too long":                    {[]Block{{Paragraph, strings.Repeat("x", MaxText)}, {Paragraph, "x"}}, "send it in parts"},
	"too many blocks":             {slices.Repeat([]Block{{Paragraph, "x"}}, MaxBlocks+1), "blocks"},
	"too many blanks":             {slices.Repeat([]Block{{Blank, "\xff"}}, MaxBlanks/255+1), "blanks"},
	"an empty paragraph":          {[]Block{{Paragraph, ""}}, "a paragraph is empty"},
	"a space before":              {[]Block{{Paragraph, " x"}}, "a space at its end"},
	"a line feed behind":          {[]Block{{Paragraph, "x\n"}}, "a space at its end"},
	"more without a paragraph":    {[]Block{{More, "x"}}, "only after a blank"},
	"more after a paragraph":      {[]Block{{Paragraph, "x"}, {More, "y"}}, "only after a blank"},
	"more after a blank only":     {[]Block{{Blank, "\x01"}, {More, "y"}}, "only after a blank"},
	"more after what is conveyed": {[]Block{{Paragraph, "x"}, {Convey, ""}, {Blank, "\x01"}, {More, "y"}, {End, ""}}, "only after a blank"},
	"not UTF-8":                   {[]Block{{Paragraph, "x\xff"}}, "not UTF-8"},
	"half a character":            {[]Block{{Paragraph, "\xed\xa0\x80"}}, "not UTF-8"},
	"a carriage return":           {[]Block{{Paragraph, "a\rb"}}, "U+000D at byte 1"},
	"a zero byte":                 {[]Block{{Paragraph, "a\x00b"}}, "U+0000"},
	"delete":                      {[]Block{{Paragraph, "a\x7fb"}}, "U+007F"},
	"a C1 control":                {[]Block{{Paragraph, "a\u0085b"}}, "U+0085"},
	"an override":                 {[]Block{{Paragraph, "a\u202eb"}}, "U+202E at byte 1, which changes the order"},
	"an isolate":                  {[]Block{{Paragraph, "a\u2066b"}}, "U+2066"},
	"a line separator":            {[]Block{{Paragraph, "a\u2028b"}}, "unseen character U+2028"},
	"a byte order mark":           {[]Block{{Paragraph, "\ufeffb"}}, "unseen character U+FEFF"},
	"five deep":                   {nested(5), "at most 4 deep"},
	"an end too many":             {[]Block{{End, ""}, {Convey, ""}}, "ends that never began"},
	"no end":                      {[]Block{{Convey, ""}}, "does not end"},
	"a conveyance of two lines":   {[]Block{{Convey, "a\nb"}, {End, ""}}, "a conveyed telegram: it must stand on one line"},
	"a signature too long":        {[]Block{{Convey, ""}, {End, strings.Repeat("x", 1025)}}, "a conveyed telegram: 1025 bytes"},
	"a blank of none":             {[]Block{{Blank, "\x00"}}, "from 1 to 255"},
	"a blank that says nothing":   {[]Block{{Blank, ""}}, "from 1 to 255"},
	"a blank of two bytes":        {[]Block{{Blank, "\x01\x01"}}, "from 1 to 255"},
	"two blanks for one":          {[]Block{{Blank, "\x01"}, {Blank, "\x01"}}, "write them as one"},
	"an insertion first":          {[]Block{{Insertion, "\x01x"}}, "within a paragraph"},
	"an insertion in the air":     {[]Block{{Convey, ""}, {Insertion, "\x01x"}, {End, ""}}, "within a paragraph"},
	"an insertion of nothing":     {[]Block{{Paragraph, "x"}, {Insertion, string(rune(Supplied))}}, "of which kind it is, and something"},
	"an insertion of no kind":     {[]Block{{Paragraph, "x"}, {Insertion, "\x00x"}}, "of which kind it is, and something"},
	"an insertion of a new kind":  {[]Block{{Paragraph, "x"}, {Insertion, string(rune(Sic+1)) + "x"}}, "of which kind it is, and something"},
	"an unknown block":            {[]Block{{0x47, ""}}, "unknown kind 0x47"},
}

func TestCheckRefusesBodies(t *testing.T) {
	for name, c := range badBodies {
		t.Run(name, func(t *testing.T) {
			tg := plain()
			tg.Body = c.body
			if err := tg.Check(); err == nil || !strings.Contains(err.Error(), c.why) {
				t.Fatalf("Check says %v, want %q", err, c.why)
			}
			if _, err := Parse(tg.Marshal()); err == nil {
				t.Error("Parse accepts what Check refuses")
			}
		})
	}
}

func TestParseAddress(t *testing.T) {
	for s, want := range map[string]Address{"AMBASSADOR@BEIJING": {"AMBASSADOR", "BEIJING"}, "ПОСОЛ@NEW YORK": {"ПОСОЛ", "NEW YORK"}} {
		if got, err := ParseAddress(s); err != nil || got != want || got.String() != s {
			t.Errorf("%s is read as %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "BEIJING", "@BEIJING", "AMBASSADOR@", "A@B@C", "A @B", "A@ B"} {
		if _, err := ParseAddress(s); err == nil {
			t.Errorf("%q is accepted", s)
		}
	}
}

func TestPrecedenceWords(t *testing.T) {
	for p := Deferred; p <= Override; p++ {
		if got, err := ParsePrecedence(" " + strings.ToUpper(p.String())); err != nil || got != p {
			t.Errorf("%s is read as %v, %v", p, got, err)
		}
	}
	for _, s := range []string{"", "urgent", "precedence 6", Precedence(6).String()} {
		if _, err := ParsePrecedence(s); err == nil {
			t.Errorf("%q is accepted", s)
		}
	}
}

func TestPrecedenceForAPost(t *testing.T) {
	tg := rich() // BEIJING has an office at flash and one at deferred
	for post, want := range map[string]Precedence{"BEIJING": Flash, "NEW YORK": Immediate, "МОСКВА": Routine} {
		if p, ok := tg.PrecedenceFor(post); p != want || !ok {
			t.Errorf("for %s it is %s, %v", post, p, ok)
		}
	}
	if p, ok := tg.PrecedenceFor("LIMA"); p != 0 || ok {
		t.Errorf("LIMA is not addressed, yet %s, %v", p, ok)
	}
	tg.Info[1].Precedence = Override
	if tg.Precedence() != Override {
		t.Errorf("an info addressee at override leaves it %s", tg.Precedence())
	}
}

func TestAddressedPostsEachOnceInOrder(t *testing.T) {
	want := []string{"BEIJING", "NEW YORK", "МОСКВА", "القاهرة"}
	if got := rich().AddressedPosts(); !slices.Equal(got, want) {
		t.Errorf("addressed posts %q, want %q", got, want)
	}
}

func TestDTG(t *testing.T) {
	for at, want := range map[int64]string{
		-601_714_200:   "071710Z DEC 50",
		0:              "010000Z JAN 70",
		handedOver:     "011010Z JAN 26",
		253402300799:   "312359Z DEC 99",
		1_772_323_199:  "282359Z FEB 26",
		-2_208_988_800: "010000Z JAN 00",
	} {
		if got := DTG(at); got != want {
			t.Errorf("DTG(%d) = %s, want %s", at, got, want)
		}
	}
}
