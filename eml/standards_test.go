package eml_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"chancery.example/chancery/eml"
	"chancery.example/chancery/telegram"
)

// foreign is a mail as another program writes it, with more header fields.
func foreign(fields string) string {
	return "From: a.b@mail.example\nTo: AMBASSADOR@LIMA\n" + fields + "\n\nIce has closed the northern harbour.\n"
}

func parsed(t testing.TB, s string) *eml.Mail {
	t.Helper()
	m, err := eml.Parse([]byte(s))
	if err != nil {
		t.Fatalf("it is refused: %v\n%s", err, s)
	}
	return m
}

func refused(t testing.TB, s, why string) {
	t.Helper()
	m, err := eml.Parse([]byte(s))
	if err == nil || m != nil || !strings.Contains(err.Error(), why) {
		t.Errorf("it is refused with %v, want %q:\n%.2000s", err, why, s)
	} else if len(err.Error()) > 2000 {
		t.Errorf("the error has %d bytes", len(err.Error()))
	}
}

// Fields in the form of the examples of RFC 6477, sections 3.1 to 3.14, and what they say to a telegram.
func TestMilitaryFields(t *testing.T) {
	primary := func(p telegram.Precedence) func(*eml.Mail) bool {
		return func(m *eml.Mail) bool { return m.Telegram.To[0].Precedence == p }
	}
	copied := func(p, q telegram.Precedence) func(*eml.Mail) bool {
		return func(m *eml.Mail) bool {
			return m.Telegram.To[0].Precedence == p && m.Telegram.Info[0].Precedence == q
		}
	}
	of := func(want telegram.Type) func(*eml.Mail) bool {
		return func(m *eml.Mail) bool { return m.Telegram.Type == want }
	}
	left := func(what string) func(*eml.Mail) bool {
		return func(m *eml.Mail) bool {
			return slices.ContainsFunc(m.LeftOut, func(s string) bool { return strings.Contains(s, what) })
		}
	}
	const cc = "Cc: CONSUL@ROME\n"
	for fields, c := range map[string]struct {
		says func(*eml.Mail) bool
		why  string // or it is refused
	}{
		"Subject: no precedence":                                              {says: primary(telegram.Routine)},
		"MMHS-Primary-Precedence: 0 (Deferred)":                               {says: primary(telegram.Deferred)},
		"MMHS-Primary-Precedence: FLASH":                                      {says: primary(telegram.Flash)},
		"MMHS-Primary-Precedence:\n Override (at once (really))":              {says: primary(telegram.Override)},
		"MMHS-Primary-Precedence: 3 (sofort)":                                 {says: primary(telegram.Immediate)},
		"MMHS-Primary-Precedence: 5":                                          {says: primary(telegram.Override)},
		"MMHS-Primary-Precedence: 7":                                          {why: "a telegram has no precedence 7"},
		"MMHS-Primary-Precedence: 31":                                         {why: "a telegram has no precedence 31"},
		"MMHS-Primary-Precedence: 04":                                         {why: "neither a number nor one of deferred, routine"},
		"MMHS-Primary-Precedence: -1":                                         {why: "neither a number nor one of"},
		"MMHS-Primary-Precedence: 99999999999999999999":                       {why: "neither a number nor one of"},
		"MMHS-Primary-Precedence: urgent":                                     {why: "neither a number nor one of"},
		"MMHS-Primary-Precedence: flash flash":                                {why: "neither a number nor one of"},
		"MMHS-Primary-Precedence: \"flash\"":                                  {why: "neither a number nor one of"},
		"MMHS-Primary-Precedence:":                                            {why: "neither a number nor one of"},
		"MMHS-Primary-Precedence: 4 (flash":                                   {why: "a parenthesis does not close"},
		"MMHS-Primary-Precedence: 4 (Routine)":                                {why: "says one thing and another: 4 is not routine"},
		"MMHS-Primary-Precedence: routine (flash)":                            {why: "says one thing and another: 1 is not flash"},
		"MMHS-Primary-Precedence: 4\nmmhs-primary-precedence: 4":              {why: "MMHS-Primary-Precedence stands twice, on lines 3 and 4"},
		cc + "MMHS-Primary-Precedence: 4\nMMHS-Copy-Precedence: 2 (priority)": {says: copied(telegram.Flash, telegram.Priority)},
		cc + "MMHS-Copy-Precedence: Priority":                                 {says: copied(telegram.Routine, telegram.Priority)},
		cc + "MMHS-Primary-Precedence: 4":                                     {says: copied(telegram.Flash, telegram.Flash)},
		cc + "MMHS-Copy-Precedence: 6":                                        {why: "MMHS-Copy-Precedence: a telegram has no precedence 6"},

		"MMHS-Message-Type: 0(exercise); identifier=\"COLD HARBOUR\"": {says: func(m *eml.Mail) bool {
			return of(telegram.Exercise)(m) && left("the name that MMHS-Message-Type gives it")(m)
		}},
		"MMHS-Message-Type: 3":                           {says: of(telegram.Drill)},
		"MMHS-Message-Type: 1 (Operation)":               {says: of(telegram.Operation)},
		"MMHS-Message-Type: DRILL":                       {says: of(telegram.Drill)},
		"MMHS-Message-Type: Exercise (übung)":            {says: of(telegram.Exercise)},
		"MMHS-Message-Type: 2 (projet)":                  {why: "a telegram has no type project: it is operation, exercise or drill"},
		"MMHS-Message-Type: project":                     {why: "a telegram has no type project"},
		"MMHS-Message-Type: 128":                         {why: "a telegram has no type 128"},
		"MMHS-Message-Type: 0 (operation)":               {why: "says one thing and another"},
		"MMHS-Message-Type: 0; identifier=\"A\"; name=B": {why: "is no name of an exercise"},
		"MMHS-Message-Type: 0; name=\"A\"":               {why: "is no name of an exercise"},
		"MMHS-Message-Type: 0; what":                     {why: "is no parameter"},

		"MMHS-Subject-Indicator-Codes: ABC; K2M ; XYZ\n ;\tOLD12345": {says: func(m *eml.Mail) bool {
			return slices.Equal(m.Telegram.Codes, []string{"ABC", "K2M", "XYZ", "OLD12345"})
		}},
		"MMHS-Subject-Indicator-Codes: AB":                                  {why: `the subject code "AB" is not of 3 to 8`},
		"MMHS-Subject-Indicator-Codes: ABC; ABC":                            {why: "the subject code ABC stands twice"},
		"MMHS-Subject-Indicator-Codes: ":                                    {why: `the subject code "" is not of 3 to 8`},
		"MMHS-Subject-Indicator-Codes: A1A;A2A;A3A;A4A;A5A;A6A;A7A;A8A;A9A": {why: "at most 8 subject codes"},

		"MMHS-Message-Instructions: MINIMIZE CONSIDERED; NO DISTRIBUTION": {says: func(m *eml.Mail) bool {
			return slices.Equal(m.Telegram.Label.Caveats, []string{"MINIMIZE CONSIDERED", "NO DISTRIBUTION"})
		}},
		"MMHS-Extended-Authorisation-Info:\n  Mon, 09 Nov 2026 15:27:40 +0100": {says: func(m *eml.Mail) bool {
			return m.Telegram.Released == 0 && left("who has authorised it")(m)
		}},
		"MMHS-Extended-Authorisation-Info: yesterday": {why: `"yesterday" is no date of a mail`},

		"MMHS-Exempted-Address:\n North Desk <north@desk.example>,\n Duty Officer <duty@desk.example>": {says: left("MMHS-Exempted-Address")},
		"MMHS-Handling-Instructions: RXABC ZOV HARBOUR":                                                {says: left("MMHS-Handling-Instructions")},
		"MMHS-Codress-Message-Indicator: 23":                                                           {says: left("MMHS-Codress-Message-Indicator")},
		"MMHS-Originator-Reference: HARBOUR-ICE-612-78":                                                {says: left("MMHS-Originator-Reference")},
		"MMHS-Other-Recipients-Indicator-To: NORTH DESK; SOUTH DESK":                                   {says: left("MMHS-Other-Recipients-Indicator-To")},
		"MMHS-Other-Recipients-Indicator-CC: LEGAL DESK":                                               {says: left("MMHS-Other-Recipients-Indicator-CC")},
		"MMHS-Acp127-Message-Identifier: RPABC 1234 0341215":                                           {says: left("MMHS-Acp127-Message-Identifier")},
		"MMHS-Originator-PLAD: NORTHDESK":                                                              {says: left("MMHS-Originator-PLAD")},
		"MMHS-Originator-PLAD: NORTHDESK\nMMHS-Originator-PLAD: SOUTHDESK":                             {why: "MMHS-Originator-PLAD stands twice"},

		// RFC 7912 section 4.
		"MMHS-Authorizing-Users: Duty <duty@desk.example>, chief@desk.example":               {says: left("who has authorised it")},
		"MMHS-Authorizing-Users: <duty@desk.example":                                         {why: "MMHS-Authorizing-Users: an address in angle brackets does not close"},
		"MMHS-Authorizing-Users: a@desk.example\nMMHS-Authorizing-Users: chief@desk.example": {why: "MMHS-Authorizing-Users stands twice"},
	} {
		if c.why != "" {
			refused(t, foreign(fields), c.why)
		} else if m := parsed(t, foreign(fields)); !c.says(m) {
			t.Errorf("%s\nis read as %+v", fields, m)
		}
	}
}

// Labels in the form of the examples of RFC 7444, section 4.
func TestLabels(t *testing.T) {
	const label = `<Label xmlns="https://chancery.example/label/1"><Policy>HOME</Policy><Classification>SECRET</Classification><Caveat>SPECIAL FILE</Caveat></Label>`
	packed := base64.StdEncoding.EncodeToString([]byte(label))
	other := base64.StdEncoding.EncodeToString([]byte(`<SecLabel xmlns="http://mail.example/sec-label/0"><Classification>3</Classification></SecLabel>`))
	whole := telegram.Label{Policy: "HOME", Classification: "SECRET", Caveats: []string{"SPECIAL FILE"}}
	marked := telegram.Label{Classification: "HARBOUR CONFIDENTIAL"}
	var many strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&many, "a%d=b; ", i)
	}
	same := func(a, b *telegram.Label) bool {
		return a.Policy == b.Policy && a.Classification == b.Classification && slices.Equal(a.Caveats, b.Caveats) && a.Review == b.Review
	}
	for value, c := range map[string]struct {
		want telegram.Label
		why  string
	}{
		`marking="HARBOUR CONFIDENTIAL"; fgcolor=black; bgcolor=red; type=":ess"; label="MQYGASkCAQM="`:                                              {want: marked},
		`marking="HARBOUR CONFIDENTIAL"; fgcolor=black; bgcolor=red; type=":x411"; label="MQYGASkCAQM="`:                                             {want: marked},
		"marking=\"HARBOUR CONFIDENTIAL\";\n fgcolor=#ff0000; type=\":xml\";\n label*0=\"" + other[:20] + "\";\n label*1=\"" + other[20:] + "\";":    {want: marked},
		"marking*=us-ascii'en'HARBOUR%20CONFIDENTIAL;\n fgcolor = black ; bgcolor = red ;\n type=\":ess\"; label*0=\"MQYG\";\n label*1=\"ASkCAQM=\"": {want: marked},
		"marking*0*=koi8-r''%F3%C5%CB%D2%C5%D4; marking*1*=%CE%CF":                                                                                   {want: telegram.Label{Classification: "Секретно"}},
		`marking="СЕКРЕТНО"`:                                                       {want: telegram.Label{Classification: "СЕКРЕТНО"}},
		`marking="HARBOUR CONFIDENTIAL"; colour=grey`:                              {want: marked},
		`marking="HOME SECRET, SPECIAL FILE"; type=":xml"; label="` + packed + `"`: {want: whole},
		`type=":XML"; marking="HOME SECRET, SPECIAL FILE"; label="` + packed + `"`: {want: whole},
		`marking="HOME SECRET"; type=":xml"; label="` + packed + `"`:               {why: `its marking says "HOME SECRET", and the label within says "HOME SECRET, SPECIAL FILE"`},
		`type=":xml"; label="` + packed + `"`:                                      {why: `its marking says ""`},
		`marking="x"; type=":xml"; label="` + packed[:40] + `"`:                    {why: "the label within is no XML"},
		`marking="x"; type=":xml"; label="***"`:                                    {why: "the label within is no base64"},
		`marking="x"; type=":xml"; label="` + base64.StdEncoding.EncodeToString([]byte(strings.Replace(label, "<Caveat>", "<Caveat >", 1))) + `"`:                           {why: "not in its one written form"},
		`marking="x"; type=":xml"; label="` + base64.StdEncoding.EncodeToString([]byte(strings.Replace(label, "</Label>", "<Review>2036-12-07</Review></Label>", 1))) + `"`: {why: `"2036-12-07" is no time`},
		`type=":ess"; label="MQYGASkCAQM="`: {why: `its label is of type ":ess", which is not known here, and it has no marking to go by`},
		`marking="x"; type=":ess"`:          {why: "a type without a label"},
		`marking="x"; label="MQYGASkCAQM="`: {why: "a label without its type"},
		`fgcolor=black; bgcolor=red`:        {why: "neither a marking nor a label"},
		``:                                  {why: "neither a marking nor a label"},
		`marking="x"; marking="y"`:          {why: `its parameter "marking" stands twice`},
		`marking="x"; MARKING*0="x"`:        {why: "it stands whole and in pieces"},
		`marking*0="x"; marking*2="z"`:      {why: "piece 1 is missing"},
		`marking*1="x"`:                     {why: "piece 0 is missing"},
		`marking*01="x"`:                    {why: "is no piece of a parameter"},
		`marking*=us-ascii'en'%4`:           {why: "cut off behind a percent sign"},
		`marking*=us-ascii'en'%FF`:          {why: "plain ASCII"},
		`marking*=utf-8''%FF`:               {why: "not UTF-8"},
		`marking*=x-none''a`:                {why: `its character set "x-none" is not known here`},
		`marking*=CONFIDENTIAL`:             {why: "it does not say its character set"},
		`marking="x" type=":ess"`:           {why: "stands where a semicolon should"},
		`marking="x`:                        {why: "a quotation mark or bracket does not close"},
		`marking`:                           {why: "is no parameter"},
		`="x"`:                              {why: "a parameter has no name"},
		`mark ing="x"`:                      {why: "is no parameter"},
		`marking*-1="x"`:                    {why: "is no piece of a parameter"},
		`marking*=utf-8''%ZZ`:               {why: "cut off behind a percent sign"},
		many.String():                       {why: "it has too many parameters"},
		`*="x"`:                             {why: "a parameter has no name"},
		`marking="` + strings.Repeat("x", 256) + `"`: {why: "the label: 256 bytes, at most 255"},
		strings.Repeat("a=b;", 5000):                 {why: "stands twice"},
	} {
		if c.why != "" {
			refused(t, foreign("SIO-Label: "+value), c.why)
		} else if m := parsed(t, foreign("SIO-Label: "+value)); !same(&m.Telegram.Label, &c.want) {
			t.Errorf("%s\nis read as %+v", value, m.Telegram.Label)
		}
	}
	refused(t, foreign("SIO-Label: marking=a\nSIO-Label: marking=b"), "SIO-Label stands twice, on lines 3 and 4")
	// The label within and the instructions beside it must say the same caveats.
	field := `SIO-Label: marking="HOME SECRET, SPECIAL FILE"; type=":xml"; label="` + packed + `"` + "\nMMHS-Message-Instructions: "
	if m := parsed(t, foreign(field+"SPECIAL FILE")); !same(&m.Telegram.Label, &whole) {
		t.Errorf("it is read as %+v", m.Telegram.Label)
	}
	refused(t, foreign(field+"NO COPIES"), `it says "NO COPIES", and SIO-Label has the caveats "SPECIAL FILE"`)
	if m := parsed(t, foreign("SIO-Label: marking=SECRET\nMMHS-Message-Instructions: NO COPIES;")); m.Telegram.Label.Classification != "SECRET" || !slices.Equal(m.Telegram.Label.Caveats, []string{"NO COPIES"}) {
		t.Errorf("it is read as %+v", m.Telegram.Label)
	}
	if m := parsed(t, foreign(`SIO-Label: marking="x"; type=":ess"; label="MQYGASkCAQM="; colour=grey`)); len(m.LeftOut) != 2 {
		t.Errorf("left out are %q", m.LeftOut)
	}
}
