package archive

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestTitle(t *testing.T) {
	for want, x := range map[string]SheetTelegram{
		"Ciphered telegram, Gromyko to Soviet Ambassador at Beijing transmitting message from Filippov (Stalin) to Zhou Enlai": {
			Signature: "GROMYKO", To: []Addressee{{"BEIJING", "SOVIET AMBASSADOR"}}, Conveyed: &Conveyed{To: "Zhou Enlai", Signature: "FILIPPOV", Gloss: "Stalin"}},
		"Ciphered telegram, Secretary General to Consul General at Trieste transmitting message from Alpine (the Minister) to the chairman of the harbour commission": {
			Signature: "SECRETARY GENERAL", To: []Addressee{{"TRIESTE", "CONSUL GENERAL"}},
			Conveyed: &Conveyed{To: "the chairman of the harbour commission", Signature: "ALPINE", Gloss: "the Minister"}},
		"Ciphered telegram, Director to Ambassador at Ankara and Charge d'Affaires at Athens": {
			Signature: "DIRECTOR", To: []Addressee{{"ANKARA", "AMBASSADOR"}, {"ATHENS", "CHARGE D'AFFAIRES"}}},
		"Ciphered telegram, Minister to Ambassador at The Hague, Consul at St. John's and Mission at New York": {
			Signature: "Minister", To: []Addressee{{"THE HAGUE", "AMBASSADOR"}, {"ST. JOHN'S", "CONSUL"}, {"NEW YORK", "MISSION"}}},
		"Ciphered telegram, MID USSR to Embassy of the USSR at Rio de Janeiro": {
			Originator: "MID USSR", To: []Addressee{{"RIO DE JANEIRO", "EMBASSY OF THE USSR"}}},
		"Ciphered telegram, H. Oster to O'Neill":                                {Signature: "H. OSTER", To: []Addressee{{"", "O'NEILL"}}},
		"Ciphered telegram, Jean-Paul to Lima transmitting message to the king": {Signature: "JEAN-PAUL", To: []Addressee{{"LIMA", ""}}, Conveyed: &Conveyed{To: "the king"}},
		"Ciphered telegram, Министр to Посол at Пекин":                          {Signature: "МИНИСТР", To: []Addressee{{"ПЕКИН", "ПОСОЛ"}}},
		"Ciphered telegram":                              {},
		"Ciphered telegram, The 'Old Man' to Consul":     {Signature: `The "Old Man"`, To: []Addressee{{"", "CONSUL"}}},
		"Ciphered telegram to Consul at Oslo":            {To: []Addressee{{"OSLO", "CONSUL"}}},
		"Ciphered telegram, A to B transmitting message": {Signature: "A", To: []Addressee{{"", "B"}}, Conveyed: &Conveyed{}},
	} {
		if got := x.title(); got != want {
			t.Errorf("the title is\n%s, not\n%s", got, want)
		}
	}
}

// described is a description in which everything is said.
func described(t *testing.T) Description {
	t.Helper()
	return describe(t, "A message agreeing to the conditions.\n\nIt waits for an answer.", "ru", "APRF, f. 45, op. 1, d. 336, ll. 20-21",
		"AVPRF, Fond 059a, Opis 5a, Delo 3, Papka 11, Listy 196-197")
}

func describe(t *testing.T, summary, language string, at ...string) Description {
	t.Helper()
	d, err := Description{}.Apply(&Change{At: at, Summary: &summary, Language: &language})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestCitation(t *testing.T) {
	x := whole()
	d := described(t)
	r := NewRecord("MOSCOW", &x, &d)
	const title = "Ciphered telegram, Minister to Ambassador at Beijing and Consul General at St. John's transmitting message from Principal (the Chairman) to the minister"
	if want := `"` + title + `", December 7, 2026, MOSCOW, APRF, Fond 45, Opis 1, Delo 336, Listy 20-21 and AVPRF, Fond 059a, Opis 5a, Delo 3, Papka 11, Listy 196-197`; r.Citation != want {
		t.Errorf("the citation is\n%s, not\n%s", r.Citation, want)
	}
	page := "December 7, 2026\n\n**" + title + "**\n\nCitation:\n\n" + r.Citation + "\n\nSummary:\n\nA message agreeing to the conditions.\n\nIt waits for an answer.\n\n" +
		"Original Language:\n\nRussian\n\nContents:\n\nOriginal - Russian\n\n" + x.Set()
	if got := r.String(); got != page {
		t.Errorf("the page is\n%s", got)
	}
}

// TestRecordIsReadBack is the law of the filed record: ReadSheet gives what was said, and the telegram.
func TestRecordIsReadBack(t *testing.T) {
	for name, change := range map[string]func(x *SheetTelegram, d *Description, collection *string){
		"everything":   func(*SheetTelegram, *Description, *string) {},
		"an exercise":  func(x *SheetTelegram, _ *Description, _ *string) { x.Banner = "EXERCISE EXERCISE EXERCISE" },
		"no summary":   func(_ *SheetTelegram, d *Description, _ *string) { d.Summary = "" },
		"no language":  func(_ *SheetTelegram, d *Description, _ *string) { d.Language = "" },
		"only a place": func(_ *SheetTelegram, d *Description, _ *string) { *d = Description{Locations: d.Locations[:1]} },
		"a title": func(_ *SheetTelegram, d *Description, _ *string) {
			d.Title = "Ciphered telegram, Minister to Consul, on the ferry"
		},
		"a received telegram": func(x *SheetTelegram, _ *Description, _ *string) {
			x.Department, x.Dispatched, x.Copies = "", "", []string{}
		},
		"not signed":            func(x *SheetTelegram, _ *Description, _ *string) { x.Signature = "" },
		"an archive's own name": func(_ *SheetTelegram, _ *Description, c *string) { *c = "Archive of the Ministry" },
		"a post of two words":   func(_ *SheetTelegram, _ *Description, c *string) { *c = "ST. JOHN'S" },
		"Chinese":               func(_ *SheetTelegram, d *Description, _ *string) { d.Language = "zh" },
		"boxes": func(_ *SheetTelegram, d *Description, _ *string) {
			*d = describe(t, "Running text.", "en", "National Archives, RG 59, Box 3, Folder 7", "Legation Archive, Box 1")
		},
		"two places in one archive": func(_ *SheetTelegram, d *Description, _ *string) {
			*d = describe(t, "", "it", "APRF, f. 45, l. 3", "APRF, f. 46, l. 7")
		},
		"a date in the summary": func(_ *SheetTelegram, d *Description, _ *string) {
			d.Summary = "On March 3, 1911 “all” was well: the ferry sailed, f. 3 says."
		},
		"a plain text": func(x *SheetTelegram, _ *Description, _ *string) {
			x.Text, x.Conveyed, x.Insertions, x.ConfirmReceipt, x.ReportFulfilment = "Ask for two weeks more.", nil, []Insertion{}, false, false
		},
	} {
		t.Run(name, func(t *testing.T) {
			x, d, collection := whole(), described(t), "MOSCOW"
			change(&x, &d, &collection)
			r := NewRecord(collection, &x, &d)
			if err := r.Check(); err != nil {
				t.Error(err)
			}
			holdLaw(t, r)
		})
	}
}

func holdLaw(t *testing.T, r *Record) {
	t.Helper()
	page := r.String()
	s, err := ReadSheet(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	if s.Title != r.Title || s.Date != r.Date || s.Summary != r.Summary || s.OriginalLanguage != r.OriginalLanguage {
		t.Errorf("read back: %q, %s, %q, %s\n%s", s.Title, s.Date, s.Summary, s.OriginalLanguage, page)
	}
	if !reflect.DeepEqual(s.Locations, r.Locations) || !reflect.DeepEqual(s.Contents, r.Contents) || len(s.Unplaced) > 0 {
		t.Errorf("read back: %+v, %+v, unplaced %+v\n%s", s.Locations, s.Contents, s.Unplaced, page)
	}
	same(t, r.Telegram, s.Telegram, page)
	var again Record
	b, err := json.Marshal(r)
	if err == nil {
		err = json.Unmarshal(b, &again)
	}
	if err != nil || again.String() != page {
		t.Errorf("the JSON gives another page: %v", err)
	}
}

func TestApply(t *testing.T) {
	first := described(t)
	words := func(s string) *string { return &s }
	add, err := first.Apply(&Change{At: []string{"Legation Archive, Box 1", "APRF, Fond 45, Opis 1, Delo 336, Listy 20-21"}})
	if err != nil || len(add.Locations) != 3 || add.Summary != first.Summary || len(first.Locations) != 2 {
		t.Errorf("a place more: %+v, %v", add, err)
	}
	moved, err := first.Apply(&Change{At: []string{"APRF, f. 45, op. 1, d. 337, l. 2"}, Withdraw: []string{"APRF, f. 45, op. 1, d. 336, ll. 20-21"}})
	if err != nil || len(moved.Locations) != 2 || moved.Locations[1].Parts[2].Value != "337" || first.Locations[0].Repository != "APRF" {
		t.Errorf("moved: %+v, %v", moved, err)
	}
	said, err := first.Apply(&Change{Title: words("  A title "), Summary: words("Wrapped\nlines.\r\n\r\nTwo."), Language: words("French")})
	if err != nil || said.Title != "A title" || said.Summary != "Wrapped lines.\n\nTwo." || said.Language != "fr" {
		t.Errorf("corrected: %+v, %v", said, err)
	}
	empty, err := said.Apply(&Change{Title: words(""), Summary: words(""), Language: words("")})
	if err != nil || !empty.Equal(&Description{Locations: first.Locations}) || empty.Equal(&said) {
		t.Errorf("taken away: %+v, %v", empty, err)
	}
	for says, c := range map[string]*Change{
		"it needs a place":            {Withdraw: []string{first.Locations[0].Short(), first.Locations[1].String()}},
		"it is not filed at":          {Withdraw: []string{"APRF, f. 1"}},
		"no labelled part":            {At: []string{"the cupboard"}},
		"no language that is known":   {Language: words("Klingonese")},
		"the summary is longer":       {Summary: words(strings.Repeat("x", MaxSummary+1))},
		"the title is longer":         {Title: words(strings.Repeat("x", 2000))},
		"changes the order":           {Summary: words("a\u202eb")},
		"which changes the order in ": {Title: words("a\u202eb")},
	} {
		if d, err := first.Apply(c); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("want %q: %+v, %v", says, d, err)
		}
	}
}

// What could not be read back is refused when it is filed, with the part that is at fault.
func TestRecordCheck(t *testing.T) {
	x := whole()
	for _, c := range []struct {
		says   string
		change func(*Description)
	}{
		{"the date", func(d *Description) { d.Title = "December 7, 1951" }},
		{"the summary", func(d *Description) { d.Summary = "First.\n\nContents:\n\nScan - Dutch" }},
		{"the summary", func(d *Description) { d.Summary = "17" }},
		{"the summary", func(d *Description) { d.Summary = "Dispatched 10 hours" }},
	} {
		d := described(t)
		c.change(&d)
		if err := NewRecord("MOSCOW", &x, &d).Check(); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v", d, err)
		}
	}
}

func TestLanguages(t *testing.T) {
	for text, want := range map[string]string{"ru": "ru", "Russian": "ru", "русский": "ru", "FR": "fr", "Chinese": "zh", "pt": "pt", "German": "de"} {
		if got, err := ParseLanguage(text); err != nil || got != want {
			t.Errorf("%q is %q, %v", text, got, err)
		}
	}
	if LanguageName("ru") != "Russian" || LanguageName("no language") != "no language" {
		t.Error("a language has another name")
	}
}
