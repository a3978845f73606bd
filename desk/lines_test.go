package desk_test

import (
	"reflect"
	"strings"
	"testing"

	"chancery.example/chancery/desk"
	"chancery.example/chancery/telegram"
)

// TestLinesOfASheet: every line that a sheet can have is read, and written again.
func TestLinesOfASheet(t *testing.T) {
	form, err := desk.ParseForm(strings.NewReader(`To: AMBASSADOR@BEIJING
Deskby: 2026-12-01T08:00Z
Urgency: immediately
Code: KOR
Code: ARMIST1
Part-fulfils: MOSCOW 7/2026
Asks-time: MOSCOW 8/2026
Grants-time: MOSCOW 9/2026
Cannot-comply: MOSCOW 10/2026
Conveys: MOSCOW 11/2026
Cancels: OSLO 12/2026
Cancels: OSLO 3/2026
Minimize: considered

They could win the vote by
[supplied tabling]
a motion of order.

[convey to X]

Yes.

[end ALPINE]
[gloss the Minister]

He wrote
[sic yes and no]
to it.
`))
	if err != nil {
		t.Fatal(err)
	}
	x := form.Telegram
	if !x.Considered || x.Deskby == 0 || x.Urgency != telegram.Immediately || !reflect.DeepEqual(x.Codes, []string{"KOR", "ARMIST1"}) {
		t.Errorf("deskby, urgency, codes are read as %d, %d, %q", x.Deskby, x.Urgency, x.Codes)
	}
	var acts []telegram.Act
	for _, r := range x.References {
		acts = append(acts, r.Act)
	}
	if want := []telegram.Act{telegram.PartFulfils, telegram.AsksTime, telegram.GrantsTime, telegram.CannotComply, telegram.Conveys, telegram.Cancels, telegram.Cancels}; !reflect.DeepEqual(acts, want) {
		t.Errorf("the acts are read as %v, want %v", acts, want)
	}
	want := []telegram.Block{{Kind: telegram.Paragraph, Text: "They could win the vote by"}, {Kind: telegram.Insertion, Text: "\x01tabling"}, {Kind: telegram.More, Text: "a motion of order."},
		{Kind: telegram.Convey, Text: "X"}, {Kind: telegram.Paragraph, Text: "Yes."}, {Kind: telegram.End, Text: "ALPINE"}, {Kind: telegram.Insertion, Text: "\x02the Minister"},
		{Kind: telegram.Paragraph, Text: "He wrote"}, {Kind: telegram.Insertion, Text: "\x03yes and no"}, {Kind: telegram.More, Text: "to it."}}
	if !reflect.DeepEqual(x.Body, want) {
		t.Errorf("the body is read as %q", x.Body)
	}
	again, err := desk.ParseForm(strings.NewReader(form.String()))
	if err != nil || !reflect.DeepEqual(again, form) {
		t.Errorf("written and read again: %v\n%s", err, form)
	}
	for i := range x.References { // the post finds R of what is cited
		x.References[i].Root[0] = 1
	}
	x.Seed, x.From, x.Drafter = [32]byte{1}, telegram.Address{Office: "A", Post: "B"}, telegram.KeyRef{Person: 1, Key: 1}
	read, err := telegram.Parse(x.Marshal())
	if err != nil || !reflect.DeepEqual(read, &x) {
		t.Errorf("as a telegram: %v", err)
	}
}

// A draft that passes a telegram on for information has no action addressee; no other is without.
func TestOnlyForInformation(t *testing.T) {
	form, err := desk.ParseForm(strings.NewReader("Info: AMBASSADOR@LIMA\nReaddresses: MOSCOW EX7/2026\nType: exercise\n\nFor you to know.\n"))
	if err != nil || form.Telegram.On() == nil || form.Telegram.On().Act != telegram.Readdresses {
		t.Fatalf("it is read as %+v: %v", form, err)
	}
	again, err := desk.ParseForm(strings.NewReader(form.String()))
	if err != nil || !reflect.DeepEqual(again, form) {
		t.Errorf("written and read again: %v\n%s", err, form)
	}
	for _, bad := range []string{"Readdresses: MOSCOW 7/2026\n\nX.\n", "Info: A@LIMA\nRepeats: MOSCOW 7/2026\n\nX.\n", "Info: A@LIMA\nRefers: MOSCOW 7/2026\n\nX.\n"} {
		if _, err := desk.ParseForm(strings.NewReader(bad)); err == nil || !strings.Contains(err.Error(), "no action addressee") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := desk.ParseForm(strings.NewReader("To: A@LIMA\nMinimize: no\n\nX.\n")); err == nil || !strings.Contains(err.Error(), "line 2: \"no\" says nothing about MINIMIZE") {
		t.Error(err)
	}
}
