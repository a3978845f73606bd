package eml_test

import (
	"bytes"
	"net/mail"
	"reflect"
	"slices"
	"strings"
	"testing"

	"chancery.example/chancery/eml"
	"chancery.example/chancery/telegram"
	"pgregory.net/rapid"
)

// differing says in which of its fields one mail is not the other, "" if it is the same.
func differing(a, b *eml.Mail) string {
	if reflect.DeepEqual(a, b) {
		return ""
	}
	var names []string
	for _, x := range [][2]reflect.Value{{reflect.ValueOf(a.Telegram), reflect.ValueOf(b.Telegram)}, {reflect.ValueOf(*a), reflect.ValueOf(*b)}} {
		for i := range x[0].NumField() {
			if f := x[0].Type().Field(i).Name; f != "Telegram" && !reflect.DeepEqual(x[0].Field(i).Interface(), x[1].Field(i).Interface()) {
				names = append(names, f)
			}
		}
	}
	return strings.Join(names, ", ")
}

// formed holds a mail against what every mail must be: lines that end in CRLF and are not too long, and no NUL.
func formed(t testing.TB, s string) {
	t.Helper()
	if strings.Contains(s, "\x00") {
		t.Error("it has a NUL")
	}
	for i, l := range strings.SplitAfter(s, "\n") {
		bare, ok := strings.CutSuffix(l, "\r\n")
		if l != "" && (!ok || strings.ContainsAny(bare, "\r\n") || len(bare) > 998) {
			t.Fatalf("line %d is %.80q, of %d bytes", i+1, l, len(l))
		}
	}
}

// lossless writes a telegram, reads it, and finds all of it.
func lossless(t testing.TB, m *eml.Mail) string {
	t.Helper()
	s := written(t, m)
	formed(t, s)
	got, err := eml.Parse([]byte(s))
	if err != nil {
		t.Fatalf("what was written is refused: %v\n%s", err, s)
	}
	if diff := differing(got, m); diff != "" {
		t.Fatalf("it has another %s:\n%+v\nwant\n%+v\n%s", diff, got, m, s)
	}
	if again := written(t, got); again != s {
		t.Fatalf("written again it is\n%s\nand was\n%s", again, s)
	}
	return s
}

func TestLossless(t *testing.T) {
	lossless(t, rich())
	lossless(t, plain())
	nothing := plain()
	nothing.Telegram.Body = nil
	lossless(t, nothing)
}

// Whatever a telegram says, a mail says, and Go's own reader of mail finds the same addresses in it.
func TestLosslessOfAny(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawMail(t)
		b, err := eml.Write(m)
		if err != nil {
			t.Fatalf("it is not written: %v", err)
		}
		got, err := eml.Parse(b)
		if err != nil {
			t.Fatalf("what was written is refused: %v\n%s", err, b)
		}
		if diff := differing(got, m); diff != "" {
			t.Fatalf("it has another %s:\n%+v\nwant\n%+v\n%s", diff, got, m, b)
		}
		if again, err := eml.Write(got); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("written again it is another: %v\n%s", err, again)
		}
		other, err := mail.ReadMessage(bytes.NewReader(b))
		if err != nil {
			t.Fatalf("net/mail refuses it: %v\n%s", err, b)
		}
		for name, want := range map[string][]telegram.Addressee{"To": m.Telegram.To, "Cc": m.Telegram.Info} {
			if len(want) == 0 {
				continue
			}
			as, err := other.Header.AddressList(name)
			if err != nil || len(as) != len(want) {
				t.Fatalf("net/mail reads %s as %v: %v", name, as, err)
			}
			for i, a := range as {
				if local := a.Address[:strings.LastIndex(a.Address, "@")]; local != want[i].Office {
					t.Fatalf("net/mail reads the office %q as %q", want[i].Office, local)
				}
			}
		}
	})
}

// A mail that was torn, doubled or disordered on its way is refused, or says one telegram and no other.
func TestTorn(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		b, err := eml.Write(drawMail(r))
		if err != nil {
			r.Fatal(err)
		}
		lines := strings.SplitAfter(string(b), "\n")
		for range rapid.IntRange(1, 3).Draw(r, "faults") {
			at, to := rapid.IntRange(0, len(lines)-1).Draw(r, "line"), rapid.IntRange(0, len(lines)-1).Draw(r, "another")
			switch rapid.IntRange(0, 3).Draw(r, "fault") {
			case 0:
				lines = slices.Delete(lines, at, at+1)
			case 1:
				lines = slices.Insert(lines, to, lines[at])
			case 2:
				lines[at], lines[to] = lines[to], lines[at]
			default:
				lines = lines[:at+1]
			}
			if len(lines) == 0 {
				return
			}
		}
		m, err := eml.Parse([]byte(strings.Join(lines, "")))
		if err != nil || m.Telegram.From == (telegram.Address{}) {
			return
		}
		m.Answers, m.LeftOut = nil, nil
		again, err := eml.Write(m)
		if err != nil {
			r.Fatalf("what was read is not written: %v", err)
		}
		got, err := eml.Parse(again)
		if err != nil {
			r.Fatalf("what was written is refused: %v\n%s", err, again)
		}
		if diff := differing(got, m); diff != "" {
			r.Fatalf("it has another %s\n%s\n%s", diff, strings.Join(lines, ""), again)
		}
	})
}

// Lines of mails are short, and end as lines of mails do.
func TestFormOfAny(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		b, err := eml.Write(drawMail(r))
		if err != nil {
			r.Fatal(err)
		}
		formed(t, string(b))
	})
}
