package telegram

import (
	"fmt"
	"strings"
	"testing"
)

// shownOf is the text of a telegram of these blocks after a cut.
func textOf(t *testing.T, body []Block, cut func(x *Redaction)) string {
	t.Helper()
	tg := plain()
	tg.Body = body
	r := registered(tg)
	_, text, _ := strings.Cut(readBack(t, r, disclosed(t, r, cut)).String(), "\n\n")
	return strings.TrimSpace(text)
}

func TestWithholdWords(t *testing.T) {
	train := "Say of the third train, and of the Third\ntrain's driver, that the third trains wait; «Third train»!"
	for _, c := range []struct {
		text, words string
		places      int // 0: refused
		want        string
	}{
		{train, "third train", 2, "Say of the [[2 words withheld]] and of the Third\ntrain's driver, that the third trains wait; [[2 words withheld]]"},
		{train, "third train#2", 1, "Say of the third train, and of the Third\ntrain's driver, that the third trains wait; [[2 words withheld]]"},
		{train, " third  train ", 2, "Say of the [[2 words withheld]] and of the Third\ntrain's driver, that the third trains wait; [[2 words withheld]]"},
		{train, "third train#3", 0, ""},
		{train, "hird", 0, ""},
		{train, "", 0, ""},
		{train, " ", 0, ""},
		{train, "the Third train's driver wait", 0, ""},
		{"No. 7#2 and 7#2 and 7", "7#2", 2, "No. [[1 word withheld]] and [[1 word withheld]] and 7"}, // words that end so are meant before the second place is
		{"No. 7 and 7 and 7", "7#2", 1, "No. 7 and [[1 word withheld]] and 7"},
		{"a a a a a", "a a", 2, "[[4 words withheld]] a"},
		{"渡轮停运。渡轮", "渡轮", 2, "[[2 words withheld]] 停运。 [[2 words withheld]]"},
		{"渡轮停运。渡轮", "轮", 2, "渡 [[1 word withheld]] 停运。渡 [[1 word withheld]]"},
		{"渡轮停运。渡轮", "轮停", 1, "渡 [[2 words withheld]] 运。渡轮"},
		{"Поезд ПОЕЗД поезда", "поезд", 2, "[[2 words withheld]] поезда"},
		{"العبّارة واقفة العبّارة", "العبّارة", 2, "[[1 word withheld]] واقفة [[1 word withheld]]"},
		{"caf\u00e9 cafe\u0301", "café", 2, "[[2 words withheld]]"},                        // composed or not
		{"می‌رود \u200eمیرود\u200e", "می‌رود", 2, "[[2 words withheld]]"},                  // with a joiner or direction marks, and without
		{"rate 5 % or 5 %", "%", 2, "rate 5 [[1 word withheld]] or 5 [[1 word withheld]]"}, // nothing but punctuation stays itself
		{"rate 5 % or 5 &", "%", 1, "rate 5 [[1 word withheld]] or 5 &"},
	} {
		var places int
		var err error
		got := textOf(t, []Block{{Paragraph, c.text}}, func(x *Redaction) { places, err = x.Words(c.words, "") })
		if places != c.places || (err != nil) != (c.places == 0) || c.places > 0 && got != c.want {
			t.Errorf("%q of %q: %d places, %v:\n%q, want\n%q", c.words, c.text, places, err, got, c.want)
		}
		if err != nil && !strings.Contains(err.Error(), "nothing would be withheld") {
			t.Error(err)
		}
	}
}

// Words are found wherever the author wrote, and in one paragraph only.
func TestWithholdWordsEverywhere(t *testing.T) {
	body := []Block{{Paragraph, "Of"}, {Paragraph, "Ice now. Of"}, {Blank, "\x01"}, {More, "ice"}, {Insertion, "\x01of ice"}, {More, "more, of"}, {Convey, "the Master of Ice"}, {Paragraph, "x"}, {End, "OF ICE"}, {Insertion, "\x02of ice"}}
	tg := plain()
	tg.Subject, tg.Signature, tg.Body = "Of Ice", "Of Ice and water", body
	r := registered(tg)
	s := readBack(t, r, disclosed(t, r, func(x *Redaction) {
		if n, err := x.Words("of ice", ""); n != 7 || err != nil {
			t.Error(n, err)
		}
	}))
	const want = "Of\n\nIce now. [[1 word withheld]] [[1 blank]] [[1 word withheld]] [insertion [[withheld]]] more, of\n\n[convey to [[withheld]]]\n\nx\n\n[end [[withheld]]] [insertion [[withheld]]]\n"
	if got := s.String(); !strings.HasSuffix(got, "\n\n"+want) || !strings.Contains(got, "Subject: [[withheld]]\nSignature: [[withheld]]\n") {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	for n, what := range []string{"Subject: [[", "Ice now. [[", "[insertion [[withheld]]] more", "[convey to [[", "[end [[", "OF ICE] [insertion", "Signature: [["} {
		s := readBack(t, r, disclosed(t, r, func(x *Redaction) {
			if got, err := x.Words(fmt.Sprintf("of ice#%d", n+1), ""); got != 1 || err != nil {
				t.Error(got, err)
			}
		}))
		if got := s.String(); !strings.Contains(got, what) || strings.Count(got, "withheld") > 2 {
			t.Errorf("place %d:\n%s", n+1, got)
		}
	}
}

func TestWithholdParagraphsAndMessages(t *testing.T) {
	body := spoken().Body
	whole := textOf(t, body, nil)
	for _, c := range []struct {
		message bool
		n       int
		gone    []string // of these alone nothing is left
	}{
		{false, 1, []string{"Call at"}}, {false, 2, []string{"Паром", "Просим"}}, {false, 3, []string{"已停"}}, {false, 4, []string{"واقفة", "tug"}}, {false, 5, []string{"Third Train", "sic third train", "after"}},
		{true, 1, []string{"harbour master, orally", "Паром", "Просим", "واقفة", "his brother", "已停", "the pilot", "tug", "THE OWNER", "NILSSON", "cousin"}}, {true, 2, []string{"واقفة", "his brother", "已停", "the pilot", "tug", "THE OWNER"}},
		{true, 3, []string{"the pilot", "واقفة", "tug", "THE OWNER"}},
	} {
		got := textOf(t, body, func(x *Redaction) {
			if c.message {
				do(t, x.Message(c.n, ""))
			} else {
				do(t, x.Paragraph(c.n, ""))
			}
		})
		for _, w := range []string{"Call at", "harbour master, orally", "Паром", "Просим", "his brother", "已停", "the pilot", "واقفة", "tug", "THE OWNER", "NILSSON", "cousin", "Third Train", "sic third train", "after", "第三渡轮", "поезд"} {
			gone := strings.Contains(strings.Join(c.gone, "|"), w)
			if !strings.Contains(whole, w) || strings.Contains(got, w) == gone {
				t.Errorf("message %v, %d: %q stands there: %v", c.message, c.n, w, !gone)
			}
		}
	}
	x := Redact(spoken())
	for err, want := range map[error]string{x.Paragraph(0, ""): "6 paragraphs, and no paragraph 0", x.Paragraph(7, ""): "no paragraph 7", x.Message(0, ""): "3 telegrams, and no telegram 0", x.Message(4, ""): "no telegram 4",
		x.Field("subjects", ""): "no field: use sender, releaser", x.Field("action#3", ""): "has 2 of action", x.Field("info#0", ""): "no field"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if err := Redact(plain()).Field("reference", ""); err == nil || !strings.Contains(err.Error(), "has 0 of reference") {
		t.Error(err)
	}
	do(t, Redact(plain()).Field("number", "")) // no entry is told, so no number either
	// Behind a signature of another telegram an insertion stays.
	got := textOf(t, []Block{{Convey, "A"}, {End, "B"}, {Convey, "C"}, {End, "D"}, {Insertion, "\x02gloss of D"}}, func(x *Redaction) { do(t, x.Message(1, "")) })
	if !strings.Contains(got, "gloss of D") || strings.Contains(got, "B") {
		t.Error(got)
	}
}

func TestWithholdFields(t *testing.T) {
	// Each field alone, and what goes with it.
	with := map[string]int{"addressee": 5 + 4, "action": 2 + 1, "info": 3 + 2, "released": 2, "reference": 2, "code": 2, "serial": 4, "type": 1 + 1 + 4, "considered": 1 + 1}
	for _, name := range FieldNames() {
		tg := spoken()
		if name == "original" || name == "considered" { // the original is withheld whatever else is
			tg = considered(readdressal(shallow()))
		}
		if name == "attachment" {
			tg.Attachments = []Attachment{attachment("map", 5)}
		}
		r := registered(tg)
		d := disclosed(t, r, func(x *Redaction) { do(t, x.Field(name, "reason")) })
		s := readBack(t, r, d)
		leaves := 0
		for _, g := range s.Gaps() {
			leaves += g.Leaves
		}
		want := with[name]
		switch name {
		case "head":
			want = len(tg.HeadLeaves()) - 1 + 6
		case "text":
			want = len(tg.BodyLeaves())
		case "all":
			want = len(tg.HeadLeaves()) - 1 + len(tg.BodyLeaves()) + len(r.Numbers.leaves())
		default:
			want = max(want, 1)
		}
		if leaves != want {
			t.Errorf("%s withholds %d leaves, want %d: %v", name, leaves, want, s.Gaps())
		}
	}
}

func TestReasons(t *testing.T) {
	x := Redact(spoken())
	x.EnterOut(&registered(spoken()).Numbers)
	do(t, x.Field("type", "second"))
	do(t, x.Field("sender", "first"))
	do(t, x.Field("sender", "later")) // what has a reason keeps it
	do(t, x.Field("asks", ""))
	do(t, x.Field("asks", "second"))
	for range 2 { // a redaction can be disclosed again
		d, err := x.Disclose()
		if err != nil || fmt.Sprint(d.Reasons) != "[first second]" {
			t.Errorf("%v, %q", err, d.Reasons)
		}
	}
	for _, bad := range []string{"two\nlines", strings.Repeat("x", MaxReason+1), "\xff"} {
		for _, err := range []error{x.Field("asks", bad), x.Paragraph(1, bad), x.Message(1, bad)} {
			if err == nil || !strings.Contains(err.Error(), "a reason") {
				t.Errorf("%q: %v", bad, err)
			}
		}
		if _, err := x.Words("third", bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	var err error
	for n := 0; err == nil && n < 100; n++ {
		err = x.Field("subject", fmt.Sprint("reason ", n))
	}
	if err == nil || !strings.Contains(err.Error(), "more than 64 different reasons") {
		t.Error(err)
	}
	handed := plain()
	handed.Releaser, handed.Released, handed.RegisterBy = KeyRef{}, 0, 0
	if _, err := Redact(handed).Disclose(); err == nil || !strings.Contains(err.Error(), "nobody released") {
		t.Error(err)
	}
}

// Left names where withheld words can still be read.
func TestLeft(t *testing.T) {
	tg := spoken()
	tg.Subject, tg.Label.Caveats = "Retrain the crew", []string{"TRAIN FILE"}
	tg.To[0] = at("TRAIN MASTER", "BEIJING", Flash)
	tg.Body = []Block{{Paragraph, "No train."}, {Paragraph, "The trains, the\u00a0train; a tra"}, {Insertion, "\x03trained"}, {More, "in"}, {Convey, "The entrained"}, {End, "STRAINED"}, {Paragraph, "train no train-driver"}}
	x := Redact(tg)
	if n, err := x.Words("train", ""); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	const want = "[the action the label the subject the insertion paragraph 2 the addressee of a conveyed telegram the signature of a conveyed telegram paragraph 3]"
	if got := fmt.Sprint(x.Left("train")); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	for words, want := range map[string]string{"train#1": "[]", "a": "[]", "no train": "[paragraph 3]", "THE   train": "[paragraph 2]", "third": "[]"} {
		if got := fmt.Sprint(x.Left(words)); got != want {
			t.Errorf("of %q is left %s, want %s", words, got, want)
		}
	}
	do(t, x.Field("all", ""))
	if got := x.Left("train"); len(got) > 0 {
		t.Error(got)
	}
}
