package post_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/desk"
	"chancery.example/chancery/eml"
	"chancery.example/chancery/post"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
	"pgregory.net/rapid"
)

// TestMail: what MOSCOW sent to two posts, in several sections, each of the three writes as a mail. They say the same telegram; each is known by the serial
// of the post whose mail it is; and nothing that a post keeps for itself stands there, nor the telegram's seed.
func TestMail(t *testing.T) {
	m := open(t, nil)
	m.run("MOSCOW", "BEIJING", "LONDON")
	moscow, beijing, london := m.at("MOSCOW"), m.at("BEIJING"), m.at("LONDON")
	moscow.send("To: AMBASSADOR@LONDON\n\nAnother one, so that the serials are not the same.\n")
	m.delivered("MOSCOW")
	form := "From: MINISTRY\nTo: AMBASSADOR@BEIJING; flash\nTo: ATTACHE@BEIJING; routine\nInfo: AMBASSADOR@LONDON; priority\nClassification: Secret\nCaveat: EYES ONLY\n" +
		"Ask: fulfilment\nSubject: Ice\nSignature: MINISTER\nDepartment: Kitchen department\nCopy: Kitchen holder\n\n" + strings.Repeat("Ice has closed the northern harbour.\n\n", 100) +
		"[convey to the Harbour Master]\n\nOpen it.\n\n[end PRINCIPAL]\n"
	moscow.send(form)
	m.delivered("MOSCOW")
	sent := must(moscow.Mail(background, archive.Out, 0, 2))
	want := must(eml.Parse(sent))
	shown := moscow.shown(archive.Out, 2)
	if want.Root != shown.Root || want.For != "BEIJING" || want.Numbers.Register != 2 || want.Numbers.SerialFor("BEIJING") != 1 || want.Numbers.SerialFor("LONDON") != 2 || len(want.LeftOut) != 0 {
		t.Errorf("the sender's mail says %+v", want)
	}
	if len(want.Specials) != 2 || !reflect.DeepEqual(want.Specials[0].Numbers, shown.Addressed[0].Specials) || len(want.Specials[0].Numbers) < 4 {
		t.Errorf("the special numbers are %v", want.Specials)
	}
	for _, x := range []*desks{beijing, london} {
		number := uint32(1)
		if x == london {
			number = 2
		}
		b := must(x.Mail(background, archive.In, 0, number))
		got := must(eml.Parse(b))
		if got.For != x.name || len(got.Specials) != 1 || got.Specials[0].Post != x.name || fmt.Sprint(got.Specials[0].Numbers) != strings.ReplaceAll(fmt.Sprint(x.shown(archive.In, number).Arrived.Specials), ",", " ") {
			t.Errorf("the mail at %s says %+v", x.name, got)
		}
		if !reflect.DeepEqual(got.Telegram, want.Telegram) || !reflect.DeepEqual(got.Numbers, want.Numbers) || got.Root != want.Root {
			t.Errorf("the mail at %s is of another telegram: %+v", x.name, got)
		}
		if again := must(x.Mail(background, archive.In, 0, number)); string(again) != string(b) {
			t.Errorf("the mail at %s is another the second time", x.name)
		}
	}
	for _, own := range []string{"Kitchen department", "Kitchen holder"} {
		if !strings.Contains(shown.Sheet, own) || strings.Contains(string(sent), own) {
			t.Errorf("%q stands in the mail, or not on the sheet", own)
		}
	}
	seed := m.seedOf("MOSCOW", 2)
	for _, s := range []string{string(seed[:]), hex.EncodeToString(seed[:]), base64.StdEncoding.EncodeToString(seed[:])} {
		if strings.Contains(string(sent), s) {
			t.Error("the seed stands in the mail")
		}
	}
	// Made into a draft it says what the first draft said, but for what is local.
	again, left, err := post.FormOfMail(sent, "MOSCOW")
	if err != nil || len(left) != 1 {
		t.Fatalf("left out are %q: %v", left, err)
	}
	first := must(desk.ParseForm(strings.NewReader(form)))
	first.Local = desk.Local{}
	if again.String() != first.String() {
		t.Errorf("the draft is\n%s\nwant\n%s", again, first)
	}
	if _, err := moscow.Draft(background, again); err != nil {
		t.Error(err)
	}
	if _, err := moscow.Mail(background, archive.Out, 0, 9); err == nil {
		t.Error("a telegram that is not there is written as a mail")
	}
}

// seedOf is the seed of a telegram that a post sent.
func (m *ministry) seedOf(name string, number uint32) [32]byte {
	m.t.Helper()
	x := m.at(name)
	var body []byte
	var id int64
	if err := x.db.Read(background, func(tx *store.Tx) error {
		f, err := archive.ByNumber(tx, archive.Out, time.Now().UTC().Year(), number)
		if err == nil {
			id, body = f.ID, f.Body
		}
		return err
	}); err != nil {
		m.t.Fatal(err)
	}
	return must(telegram.ParseRegistered(must(x.keys.Rest.Open(archive.Place(id), body)))).Telegram.Seed
}

// Whatever a drafter can say comes back from a mail as the same draft.
func TestDraftsOfMailsAreLossless(t *testing.T) {
	line := rapid.OneOf(rapid.StringMatching(`[A-Za-z"\\(),.;:<>@é жя渡=?]{0,30}`), rapid.SampledFrom([]string{"=?utf-8?B?eA==?=", "[end]", "-- ", ""}))
	rapid.Check(t, func(r *rapid.T) {
		var b strings.Builder
		field := func(name, value string) {
			if value = strings.TrimSpace(value); value != "" {
				fmt.Fprintf(&b, "%s: %s\n", name, value)
			}
		}
		field("From", "MINISTRY")
		fmt.Fprintf(&b, "To: CONSUL GENERAL@NEW YORK; %s\n", telegram.Precedence(rapid.IntRange(0, 5).Draw(r, "precedence")))
		if rapid.Bool().Draw(r, "info") {
			fmt.Fprintf(&b, "Info: ПОСОЛ@ST. JOHN'S; flash\nInfo: A@B; deferred\n")
		}
		for _, name := range []string{"Policy", "Classification", "Caveat", "Caveat", "Subject", "Signature"} {
			field(name, line.Draw(r, name))
		}
		acts := "Conveys: MOSCOW 7/2025"
		if rapid.Bool().Draw(r, "exercise") {
			b.WriteString("Type: exercise\n")
			acts = "Conveys: MOSCOW EX7/2025"
		}
		for _, once := range []string{"Deadline: 2030-01-02", "Deskby: 0001-01-01T00:00Z", "Review: 9999-12-31", "Urgency: immediately", "Ask: receipt", "Code: ABC", "Code: X12345", "Refers: NEW YORK 44/2025", acts} {
			if rapid.Bool().Draw(r, once) {
				b.WriteString(once + "\n")
			}
		}
		for range rapid.IntRange(0, 5).Draw(r, "pieces") {
			text := func() string { return "a" + strings.ReplaceAll(line.Draw(r, "text"), "[", "(") }
			fmt.Fprintf(&b, "\n"+rapid.SampledFrom([]string{"%s\n%s\n", "%s\n[blank 3]\n%s\n", "[blank 255]\n\n[blank 1]\n\n%s\n\n%s\n", "%s\n\n[gloss x]\n%s\n",
				"[convey to %s]\n\nx\n\n[end %s]\n", "[convey to]\n[convey to %s]\n\nx\n\n[end]\n\ny\n[end %s]\n[sic z]\n"}).Draw(r, "piece"), text(), text())
		}
		form, err := desk.ParseForm(strings.NewReader(b.String()))
		if err != nil {
			r.Fatalf("%v\n%s", err, &b)
		}
		x := form.Telegram
		x.From.Post = "MOSCOW"
		mail, err := eml.Write(&eml.Mail{Telegram: x})
		if err != nil {
			r.Fatal(err)
		}
		again, left, err := post.FormOfMail(mail, "MOSCOW")
		if err != nil || len(left) > 0 || again.String() != form.String() {
			r.Fatalf("%v, left out %q\n%s\nis\n%s\nby\n%s", err, left, form, again, mail)
		}
	})
}

// A draft is of the post that makes it: what the mail says of others is left out, and said.
func TestDraftOfMail(t *testing.T) {
	const head = "To: AMBASSADOR@BEIJING, CONSUL@LONDON\nSubject: Ice\n"
	for mail, c := range map[string]struct {
		want string // in the form
		left string
		why  string
	}{
		"From: MINISTRY@MOSCOW\n" + head + "\nx\n": {want: "From: MINISTRY\nTo: AMBASSADOR@BEIJING; routine\nTo: CONSUL@LONDON; routine\nSubject: Ice\n\nx\n"},
		"From: MINISTRY@OSLO\n" + head + "\nx\n":   {want: "To: AMBASSADOR@BEIJING; routine\n", left: "the sender MINISTRY@OSLO, who is no office of this post"},
		"From: MINISTRY@moscow\n" + head + "\nx\n": {want: "To: AMBASSADOR@BEIJING", left: "the sender MINISTRY@moscow, who is no office of this post"},
		head + "\nx\n": {want: "To: AMBASSADOR@BEIJING; routine\n"},
		head + "In-Reply-To: <chancery.7.2026.MOSCOW@BEIJING>\n\nx\n":                                                    {want: "Refers: BEIJING 7/2026\n"},
		head + "In-Reply-To: <chancery.7.2026.BEIJING@MOSCOW>\n\nx\n":                                                    {want: "Refers: MOSCOW 7/2026\n"},
		head + "In-Reply-To: <chancery.7.2026.LONDON@MOSCOW>\n\nx\n":                                                     {want: "Subject: Ice\n\nx", left: "that it answers <chancery.7.2026.LONDON@MOSCOW>, which went to LONDON"},
		head + "In-Reply-To: <chancery.7.2026.LONDON@BEIJING>\n\nx\n":                                                    {want: "Subject: Ice\n\nx", left: "that it answers <chancery.7.2026.LONDON@BEIJING>, which went to LONDON"},
		head + "Chancery-Format: 1\nChancery-Drafter: 7/1\n\nx\n":                                                        {want: "Subject: Ice\n\nx", left: "its numbers and times, who drafted and who released it: a draft is new"},
		"From: MINISTRY@OSLO\n" + head + "Chancery-Format: 1\nChancery-References: acknowledges BEIJING 1/2026\n\nx\n":   {want: "Subject: Ice\n\nx", left: "what it cites, by the serials that OSLO has"},
		"From: MINISTRY@MOSCOW\n" + head + "Chancery-Format: 1\nChancery-References: acknowledges BEIJING 1/2026\n\nx\n": {want: "Subject: Ice\nAcknowledges: BEIJING 1/2026\n\nx"},
		head + "Chancery-Format: 1\nChancery-References: acknowledges BEIJING 1/2026\n\nx\n":                             {want: "Subject: Ice\nAcknowledges: BEIJING 1/2026\n\nx"},
		"From: MINISTRY@MOSCOW\n" + head + "Chancery-Format: 1\nChancery-References: refers OSLO 1/0\n\nx\n":             {why: "a draft cannot say what the mail says: line"},
		"Chancery-Format: 1\nTo: A@B\nSubject: =?utf-8?Q?_Ice?=\n\nx\n":                                                  {why: "its subject would be another. Write the draft as a text"},
		"To: A@B\nSubject: =?utf-8?Q?_Ice?=\n\nx\n":                                                                      {want: "Subject: Ice\n"},
		"To: A@B\nSubject:\n\n": {want: "To: A@B; routine\n\n\n"},
		"Subject: x\n\nx\n":     {why: "it has no action addressee"},
	} {
		form, left, err := post.FormOfMail([]byte(mail), "MOSCOW")
		switch {
		case c.why != "":
			if err == nil || !strings.Contains(err.Error(), c.why) {
				t.Errorf("%q is refused with %v, want %q", mail, err, c.why)
			}
		case err != nil:
			t.Errorf("%q: %v", mail, err)
		case !strings.Contains(form.String(), c.want):
			t.Errorf("%q makes the draft\n%s\nwant\n%s", mail, form, c.want)
		case c.left == "" && len(left) > 0, c.left != "" && !slices.Contains(left, c.left):
			t.Errorf("%q: left out are %q, want %q", mail, left, c.left)
		}
	}
}
