package directory

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// applied is what a post and its people apply with: every kind of statement but a root.
func applied() []Statement {
	return append(statements(), postOf("ПЕКИН", 0x33), office("ПОСОЛ@ПЕКИН"))
}

func TestApplicationIsReadBack(t *testing.T) {
	all := applied()
	for n := range len(all) + 1 {
		file := Application(all[:n]...)
		got, err := ParseApplication(file)
		if err != nil {
			t.Fatalf("%d statements: %v", n, err)
		}
		if len(got) != n || n > 0 && !reflect.DeepEqual(got, all[:n]) {
			t.Errorf("%d statements are read as %v", n, got)
		}
		if again := Application(got...); !bytes.Equal(again, file) {
			t.Errorf("parse, print: other bytes\n%s", again)
		}
	}
}

// What is applied with can be taken into a list as it is.
func TestApplicationGoesIntoTheDirectory(t *testing.T) {
	got, err := ParseApplication(Application(statements()...))
	if err != nil {
		t.Fatal(err)
	}
	d := build(t, build(t, empty(), rootOf(2, 1, 2, 3)), got...)
	if !bytes.Equal(d.Marshal(), whole(t).Marshal()) {
		t.Error("the list is another one")
	}
}

func TestApplicationRefusals(t *testing.T) {
	small := string(Application(office("MINISTER@MOSCOW"), Person{Number: 17, Post: "MOSCOW", Roles: Drafter}))
	if small != "chancery application 1\n\noffice MINISTER@MOSCOW\n\nperson 17\npost MOSCOW\nrole drafter\n\n" {
		t.Fatalf("an application is written\n%s", small)
	}
	root := string(Application(office("A@B"), rootOf(1, 1)))
	replaced := func(old, with string) string { return strings.Replace(small, old, with, 1) }
	for _, c := range []struct{ file, why string }{
		{"", "line 1: this is no application"},
		{"\n", "line 1: this is no application"},
		{"chancery application 1", "line 1: this is no application"},
		{"chancery application 1\n", "line 1: this is no application"},
		{string(whole(t).Marshal()), "line 1: this is no application"},
		{replaced("1\n\n", "1\nhello\n\n"), "line 1: this is no application"},
		{"\ufeff" + small, "line 1: this is no application"},
		{strings.ReplaceAll(small, "\n", "\r\n"), "line 1: "},
		{replaced("application 1", "application 2"), `line 1: "chancery application 2": this program is older`},
		{replaced("1\n\n", "1\n\n\n"), "line 3: an empty line where none belongs"},
		{replaced("\n\nperson", "\n\n\nperson"), "line 5: an empty line where none belongs"},
		{small + "\n", "line 9: an empty line where none belongs"},
		{strings.TrimSuffix(small, "\n"), "line 8: the file ends in the midst of a statement"},
		{strings.TrimSuffix(small, "drafter\n\n"), "line 7: the last line does not end"},
		{replaced("office", "embassy"), `line 3: a statement "embassy" is not known: this program is older`},
		{replaced("MINISTER@MOSCOW", "MINISTER"), `line 3: "MINISTER" is no address`},
		{replaced("person 17", "person 0"), "line 5: person: \"0\" is no number"},
		{replaced("person 17", "person 017"), "line 5: \"person 017\" is not how this is written"},
		{replaced("post MOSCOW", "post MOS@COW"), "line 6: post \"MOS@COW\""},
		{replaced("role drafter", "role king"), "line 7: a role \"king\" is not known"},
		{replaced("role drafter", "role drafter "), "line 7: "},
		{replaced("role drafter", "role drafter\nrole drafter"), "line 8: "},
		{replaced("role drafter", "role drafter\nage 40"), "line 8: a field \"age\" is not known"},
		{root, "line 5: a root is no post's to state"},
		{replaced("MINISTER@", strings.Repeat("M", maxLine)+"@"), "line 3: a line of "},
		{"chancery application 1\n\n" + strings.Repeat("x\n", maxBlock+1), fmt.Sprintf("line %d: a block of more than %d lines", maxBlock+4, maxBlock)},
	} {
		got, err := ParseApplication([]byte(c.file))
		if err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%.80q is refused with %v, want %q", c.file, err, c.why)
		}
		if got != nil {
			t.Errorf("%.80q is refused, and gives %v", c.file, got)
		}
		if older := strings.Contains(c.why, "this program is older"); older && !errors.Is(err, ErrOlder) {
			t.Errorf("%.80q: %v is not ErrOlder", c.file, err)
		}
	}
	if _, err := ParseApplication(make([]byte, MaxFile+1)); err == nil || !strings.Contains(err.Error(), "the most is") {
		t.Errorf("an application without end: %v", err)
	}
}

// A signature or a key that is damaged in one character is refused, or is another statement: it never passes for the same.
func TestApplicationDamaged(t *testing.T) {
	file := Application(postOf("MOSCOW", 0x11), personKey(17, 2, 1))
	for at := len("chancery application 1\n\n"); at < len(file); at += 31 {
		for _, with := range []byte{'A', '=', '\n', ' ', 0, 0xff} {
			if file[at] == with {
				continue
			}
			b := bytes.Clone(file)
			b[at] = with
			if got, err := ParseApplication(b); err == nil && !bytes.Equal(Application(got...), b) {
				t.Fatalf("byte %d made %q: accepted, and written otherwise", at, with)
			}
		}
	}
}

func FuzzParseApplication(f *testing.F) {
	f.Add(Application())
	f.Add(Application(applied()...))
	f.Add(Application(office("MINISTER@MOSCOW"), Person{Number: 17, Post: "MOSCOW", Roles: Drafter | Administrator}))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := ParseApplication(b)
		if err != nil {
			if got != nil || !strings.HasPrefix(err.Error(), "line ") && len(b) <= MaxFile {
				t.Errorf("refused with %v and %v", got, err)
			}
			return
		}
		if again := Application(got...); !bytes.Equal(again, b) {
			t.Errorf("parse, print: %q is %q", b, again)
		}
	})
}
