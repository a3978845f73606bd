package eml_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"

	"chancery.example/chancery/eml"
	"chancery.example/chancery/telegram"
	"pgregory.net/rapid"
)

const script = "../docs/formats/mail.py"

// python finds Python 3, of which docs/formats/mail.py needs no more than the standard library. Where it is missing the test is skipped, or fails if CI=true.
func python(t *testing.T) string {
	t.Helper()
	name, err := exec.LookPath("python3")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("docs/formats/mail.py needs Python 3: on Debian, apt-get install python3")
		}
		t.Skip("docs/formats/mail.py needs Python 3: on Debian, apt-get install python3")
	}
	return name
}

// heard is what the stranger says of a mail.
type heard struct {
	Fields                                  [][2]string
	Date, Deadline, Deskby, Registered      int64
	From, Subject, Type, Urgency, Signature string
	Drafter, Releaser, Register, Root       string
	To, Info                                [][2]string
	Label                                   struct {
		Marking, Policy, Classification, Review string
		Caveats                                 []string
	}
	Caveats, Asks, Codes, Serials, Specials []string
	References                              [][4]string
	IDs                                     [][]string
	Body                                    [][2]string
}

// expected is what he should say.
func expected(m *eml.Mail) *heard {
	t := &m.Telegram
	h := &heard{Date: t.DTG, Deadline: t.Deadline, Deskby: t.Deskby, From: t.From.String(), Subject: t.Subject, Type: t.Type.String(), Signature: t.Signature}
	addressed := func(as []telegram.Addressee) [][2]string {
		out := [][2]string{}
		for _, a := range as {
			out = append(out, [2]string{a.String(), a.Precedence.String()})
		}
		return out
	}
	h.To, h.Info = addressed(t.To), addressed(t.Info)
	h.Label.Policy, h.Label.Classification, h.Label.Caveats = t.Label.Policy, t.Label.Classification, t.Label.Caveats
	if t.Urgency == telegram.Immediately {
		h.Urgency = "immediately"
	}
	for bit, word := range []string{"receipt", "fulfilment"} {
		if t.Asks&(1<<bit) != 0 {
			h.Asks = append(h.Asks, word)
		}
	}
	h.Codes = t.Codes
	for _, r := range t.References {
		root := ""
		if r.Root != (telegram.Root{}) {
			root = r.Root.String()
		}
		h.References = append(h.References, [4]string{r.Act.String(), r.Post, fmt.Sprintf("%s/%d", telegram.NumberText(r.Serial), r.Year), root})
	}
	if t.Drafter != (telegram.KeyRef{}) {
		h.Drafter = t.Drafter.String()
	}
	if t.Released != 0 {
		h.Releaser = t.Releaser.String()
	}
	if m.Numbers != nil {
		h.Register, h.Registered = fmt.Sprintf("%s/%d", telegram.NumberText(m.Numbers.Register), m.Numbers.Year), m.Numbers.Registered
	}
	if m.Root != (telegram.Root{}) {
		h.Root = m.Root.String()
	}
	words := map[telegram.BlockKind]string{telegram.Paragraph: "paragraph", telegram.More: "more", telegram.Convey: "convey to", telegram.End: "end"}
	for _, b := range t.Body {
		switch b.Kind {
		case telegram.Blank:
			h.Body = append(h.Body, [2]string{"blank", fmt.Sprint(b.Text[0])})
		case telegram.Insertion:
			h.Body = append(h.Body, [2]string{[]string{"supplied", "gloss", "sic"}[b.Text[0]-telegram.Supplied], b.Text[1:]})
		default:
			h.Body = append(h.Body, [2]string{words[b.Kind], b.Text})
		}
	}
	return h
}

// unfolded are the header fields of a mail, as they stand there.
func unfolded(s string) (fields [][2]string) {
	header, _, _ := strings.Cut(s, "\r\n\r\n")
	for l := range strings.SplitSeq(strings.ReplaceAll(header, "\r\n ", " "), "\r\n") {
		name, value, _ := strings.Cut(l, ": ")
		fields = append(fields, [2]string{name, value})
	}
	return fields
}

// TestStranger has Python's email package read what is written here: every header field, the addresses, the label, and the messages within
// the mail.
func TestStranger(t *testing.T) {
	python := python(t)
	mails := []*eml.Mail{rich(), plain()}
	any := rapid.Custom(drawMail)
	for seed := 0; len(mails) < 150; seed++ {
		if m := any.Example(seed); !strange(m) {
			mails = append(mails, m)
		}
	}
	files, texts := saved(t, mails)
	out, err := exec.Command(python, append([]string{script}, files...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var all []heard
	if err := json.Unmarshal(out, &all); err != nil || len(all) != len(mails) {
		t.Fatalf("%d mails of %d: %v", len(all), len(mails), err)
	}
	for i, got := range all {
		compare(t, texts[i], mails[i], &got)
	}
}

// TestWrittenByAnother has Python's email package write mails anew, each header field folded and encoded in its own way. They are read here as the
// same telegrams. Their lines are such as people write: of others the package loses spaces and quotation marks when it writes, though it reads them well.
func TestWrittenByAnother(t *testing.T) {
	python := python(t)
	mails := []*eml.Mail{rich(), plain()}
	any := rapid.Custom(drawMail)
	for seed := range 100 {
		m := any.Example(seed)
		tame(m)
		mails = append(mails, m)
	}
	files, _ := saved(t, mails)
	if out, err := exec.Command(python, append([]string{script, "--again"}, files...)...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for i, m := range mails {
		b, err := os.ReadFile(files[i] + ".again")
		if err != nil {
			t.Fatal(err)
		}
		again, err := eml.Parse(b)
		if err != nil {
			t.Errorf("written again by Python it is refused: %v\n%s", err, b)
		} else if diff := differing(again, m); diff != "" {
			t.Errorf("written again by Python it has another %s\n%+v\n%+v\n%s", diff, again, m, b)
		}
	}
}

// tame leaves of the lines of a telegram what people would write there.
func tame(m *eml.Mail) {
	line := func(s *string) {
		had := *s != ""
		*s = strings.Map(func(r rune) rune {
			if unicode.In(r, unicode.L, unicode.Nd) || strings.ContainsRune(" '-&", r) {
				return r
			}
			return -1
		}, *s)
		if *s = strings.Join(strings.Fields(*s), " "); had && *s == "" {
			*s = "Harbour"
		}
	}
	x := &m.Telegram
	for _, s := range []*string{&x.Subject, &x.Signature, &x.Label.Policy, &x.Label.Classification} {
		line(s)
	}
	for i := range x.Label.Caveats {
		line(&x.Label.Caveats[i])
	}
	for i := range x.Body {
		if b := &x.Body[i]; b.Kind == telegram.Convey || b.Kind == telegram.End {
			line(&b.Text)
		}
	}
}

// saved writes mails into files.
func saved(t *testing.T, mails []*eml.Mail) (files, texts []string) {
	t.Helper()
	dir := t.TempDir()
	for i, m := range mails {
		files, texts = append(files, filepath.Join(dir, fmt.Sprintf("%d.eml", i))), append(texts, written(t, m))
		if err := os.WriteFile(files[i], []byte(texts[i]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return files, texts
}

// strange says whether a message is to, or from, somebody in whose name stands a space that is not ASCII: Python's package writes an ordinary one in its place.
func strange(m *eml.Mail) bool {
	return slices.ContainsFunc(m.Telegram.Body, func(b telegram.Block) bool {
		return (b.Kind == telegram.Convey || b.Kind == telegram.End) && strings.ContainsAny(b.Text, "\u00a0\u2003\u3000")
	})
}

func compare(t *testing.T, text string, m *eml.Mail, got *heard) {
	t.Helper()
	want := expected(m)
	fields := unfolded(text)
	if len(fields) != len(got.Fields) {
		t.Errorf("it has %d header fields, and Python finds %d", len(fields), len(got.Fields))
		return
	}
	bare := func(s string) string { return strings.ReplaceAll(s, `"`, "") } // Python quotes addresses and parameters in its own way
	for i, f := range fields {
		if value := got.Fields[i][1]; got.Fields[i][0] != f[0] || bare(value) != bare(f[1]) && !strings.Contains(f[1], "=?") {
			t.Errorf("%s is %q, and Python reads %s %q", f[0], f[1], got.Fields[i][0], value)
		}
	}
	ids := [][]string{{}, {}, {}}
	for _, f := range fields {
		if i := slices.Index([]string{"Message-ID", "In-Reply-To", "References"}, f[0]); i >= 0 {
			ids[i] = strings.Fields(f[1])
		}
	}
	if !reflect.DeepEqual(got.IDs, ids) {
		t.Errorf("Python reads the Message-IDs %q, want %q", got.IDs, ids)
	}
	got.Fields, got.IDs, got.Label.Marking, got.Label.Review, got.Caveats, got.Serials, got.Specials = nil, nil, "", "", nil, nil, nil
	a, b := reflect.ValueOf(*got), reflect.ValueOf(*want)
	for i := range a.NumField() {
		x, y := fmt.Sprintf("%q", a.Field(i).Interface()), fmt.Sprintf("%q", b.Field(i).Interface())
		if x != y {
			t.Errorf("Python reads %s as\n%s\nwant\n%s\n%s", a.Type().Field(i).Name, x, y, text)
		}
	}
}
