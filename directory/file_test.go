package directory

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A faulty file is refused with the line where the fault is.
func TestParseRefuses(t *testing.T) {
	d := sign(t, whole(t), now(), 1, 2)
	file := string(d.Marshal())
	if !strings.Contains(file, "role drafter\nrole releaser\n") {
		t.Fatal("not the file this test was written for")
	}
	for name, c := range map[string]struct{ old, new, want string }{
		"empty":                 {file, "", "line 1: "},
		"no directory":          {header, "chancery letters 1", "line 1: "},
		"no line end":           {file, strings.TrimSuffix(file, "\n"), "does not end"},
		"only a header":         {file, header + "\n\n", "line 3: "},
		"header of two lines":   {header + "\n", header + "\nmore\n", "line 1: "},
		"an empty line more":    {header + "\n\n", header + "\n\n\n", "line 3: an empty line"},
		"no statements":         {file[len(header)+2 : strings.Index(file, "chancery/directory")], "", "no root"},
		"a root without salt":   {"salt " + base64Of(d.entries[0].salt[:]) + "\n", "", "line 3: "},
		"a short salt":          {"salt " + base64Of(d.entries[0].salt[:]), "salt AAAA", "line 3: a salt"},
		"a salt only":           {"root\nthreshold", "\nroot\nthreshold", "an empty statement"},
		"another salt":          {base64Of(d.entries[3].salt[:]), base64Of(d.entries[4].salt[:]), "the checkpoint of these statements"},
		"a number written long": {"threshold 2", "threshold 02", "line 5: "},
		"an officer left out":   {"officer 3 ml-dsa-44", "officer 4 ml-dsa-44", "line 11: "},
		"roles changed round":   {"role drafter\nrole releaser", "role releaser\nrole drafter", "is not how this is written"},
		"a role twice":          {"role drafter\n", "role drafter\nrole drafter\n", "is not how this is written"},
		"hex in capitals":       {"id 01010101", "id 0101010A", "is not how this is written"},
		"a short id":            {"id 01010101", "id 010101", "eight hexadecimal digits"},
		"a time zone":           {"from 2026-12-07T20:40:00Z", "from 2026-12-07T21:40:00+01:00", "is no time"},
		"a field too few":       {"person 17\npost MOSCOW\n", "person 17\n", "where \"post\" belongs"},
		"an end too early":      {"person 18\npost BEIJING\n", "person 18\n", "the field \"post\" is missing"},
		"fields changed round":  {"route 222222", "login x", "where \"route\" belongs"},
		"a space at an end":     {"office MINISTER@MOSCOW", "office MINISTER@MOSCOW ", "line "},
		"a word more":           {"root\n", "root 1\n", "line 4: "},
		"base64 with a break":   {"x-wing ", "x-wing \r", "is not how this is written"},
		"a line that is long":   {"office MINISTER", "office MINISTER" + strings.Repeat("X", maxLine), "a line of"},
		"a block that is long":  {"threshold 2\n", "threshold 2\n" + strings.Repeat("x\n", maxBlock), "a block of more"},
		"a statement gone":      {"salt " + base64Of(d.entries[3].salt[:]) + "\noffice MINISTER@MOSCOW\n\n", "", "the checkpoint of these statements"},
		"another size":          {"\n12\n", "\n13\n", "the checkpoint of these statements"},
		"another origin":        {"chancery/directory/", "chancery/directory/0", "the checkpoint of these statements"},
		"a fourth line":         {"\n\n— root-1", "\nmore\n\n— root-1", "older"},
		"no end of checkpoint":  {"\n\n— root-1", "\n— root-1", "the file ends"},
		"no signature line":     {"— root-1", "- root-1", "no signature line"},
		"a line after":          {file, file + "\n", "in the midst"},
		"too many lines":        {file, file + strings.Repeat("— x AAAAAAAA\n", maxSignatureLines-3), "signature lines"},

		"a later version":    {header, "chancery directory 2", "line 1: "},
		"an unknown kind":    {"office MINISTER@MOSCOW", "borrow 17", "older than the directory"},
		"an unknown field":   {"post BEIJING\n", "post BEIJING\nborrow\n", "older than the directory"},
		"an unknown role":    {"role drafter", "role reviewer", "older than the directory"},
		"an unknown ending":  {"office MINISTER@MOSCOW", "office MINISTER@MOSCOW\nsince 2026", "older than the directory"},
		"an unknown between": {"threshold 2\n", "threshold 2\nguard 1\n", "older than the directory"},
	} {
		changed := strings.Replace(file, c.old, c.new, 1)
		if changed == file {
			t.Errorf("%s: changes nothing", name)
		}
		_, err := Parse([]byte(changed))
		if err == nil || !strings.HasPrefix(err.Error(), "line ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if later := strings.HasPrefix(name, "an unknown") || name == "a later version"; later && !errors.Is(err, ErrOlder) {
			t.Errorf("%s: not ErrOlder: %v", name, err)
		}
	}
	if _, err := Parse(make([]byte, MaxFile+1)); err == nil || !strings.Contains(err.Error(), "the most is") {
		t.Errorf("a file that is too long: %v", err)
	}
}

// The line named in an error is where the fault stands.
func TestFaultyLine(t *testing.T) {
	d := whole(t)
	file := string(d.Marshal())
	for _, word := range []string{"role drafter", "id 01010101", "office AMBASSADOR@BEIJING", "after 17/1"} {
		before, _, _ := strings.Cut(file, word)
		want := fmt.Sprintf("line %d: ", 1+strings.Count(before, "\n"))
		_, err := Parse([]byte(strings.Replace(file, word, strings.Fields(word)[0]+" !", 1)))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, not in %s", word, err, want)
		}
	}
	doubled := strings.Replace(file, "office AMBASSADOR@BEIJING", "office MINISTER@MOSCOW", 1)
	before := doubled[:strings.LastIndex(doubled, "office MINISTER")]
	if _, err := Parse([]byte(doubled)); err == nil || !strings.HasPrefix(err.Error(), fmt.Sprintf("line %d: ", 1+strings.Count(before, "\n"))) {
		t.Errorf("an office again: %v", err)
	}
}

var update = flag.Bool("update", false, "write the vector and the fuzzing seeds anew")

// The vector holds every kind of statement, with fixed keys and salts, and beside it what another program must make of it.
func TestVector(t *testing.T) {
	d := sign(t, whole(t), now(), 1, 3)
	var values strings.Builder
	fmt.Fprintf(&values, "fingerprint %v\n", d.Fingerprint())
	for i, e := range d.entries {
		h := leaf(e.statement, e.salt)
		root, err := d.RootAt(int64(i + 1))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&values, "%d %s leaf %x root %x\n", i, e.statement.kind(), h[:], root[:])
	}
	for name, got := range map[string][]byte{"vector.directory": d.Marshal(), "vector.values": []byte(values.String()), "lived.directory": lived(t).Marshal(), "urgent.directory": urgent(t).Marshal()} {
		name = filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(name, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: other bytes", name)
		}
	}
}

// The example of the package comment is the vector, shortened.
func TestExample(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	var short []string
	for _, l := range strings.Split(string(sign(t, whole(t), now(), 1, 3).Marshal()), "\n") {
		if len(l) > 100 {
			l = l[:strings.LastIndex(l, " ")+9] + "…" // of a key or signature, its first eight characters
		}
		if l = "//\t" + l; l == "//\t" {
			l = "//"
		}
		short = append(short, l)
	}
	example := string(doc)
	_, example, _ = strings.Cut(example, "# Example\n")
	example, _, _ = strings.Cut(example, "In code:\n")
	n := 0
	for _, l := range strings.Split(example, "\n") {
		if !strings.HasPrefix(l, "//\t") || l == "//\t…" {
			continue
		}
		at := -1
		for i := range short {
			if short[i] == l {
				at = i
				break
			}
		}
		if at < 0 {
			t.Errorf("not in the vector, or not in this order: %s", l)
			continue
		}
		short = short[at+1:]
		n++
	}
	if n < 20 {
		t.Errorf("only %d lines of example were found", n)
	}
}

func FuzzParse(f *testing.F) {
	d := build(f, empty(), rootOf(1, 1))
	seeds := map[string]*Directory{"root": d, "signed": sign(f, d, now(), 1), "whole": sign(f, whole(f), now(), 1, 2), "lived": lived(f)}
	for name, d := range seeds {
		if !*update {
			break // they are under testdata
		}
		seed := fmt.Sprintf("go test fuzz v1\n[]byte(%q)\n", d.Marshal())
		if err := os.WriteFile(filepath.Join("testdata", "fuzz", "FuzzParse", name), []byte(seed), 0o644); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		d, err := Parse(file)
		if err != nil {
			return
		}
		if !bytes.Equal(d.Marshal(), file) {
			t.Fatal("parse, print: other bytes")
		}
		use(t, d)
	})
}

// FuzzStatement goes where FuzzParse seldom comes, past the checkpoint: it appends one statement to the list of the vector.
func FuzzStatement(f *testing.F) {
	d := urgent(f)
	for _, e := range slices.Concat(lived(f).entries, d.entries) {
		f.Add(e.statement.Text())
	}
	for _, s := range []Statement{postOf("PARIS", 3), office("CONSUL@BEIJING"), Person{Number: 5, Post: "MOSCOW", Roles: Administrator},
		personKey(17, 3, 2), letterKeyOf("MOSCOW", 9, now(), now().Add(week))} {
		f.Add(s.Text())
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s, _, err := readStatement(strings.Split(strings.TrimSuffix(string(text), "\n"), "\n"))
		if err != nil {
			return
		}
		if want := bytes.TrimSuffix(text, []byte("\n")); !bytes.Equal(bytes.TrimSuffix(s.Text(), []byte("\n")), want) {
			t.Fatal("parse, print: other bytes")
		}
		if longer, err := d.Append(s); err == nil {
			use(t, longer)
		}
	})
}

// use asks a list all there is to ask.
func use(t *testing.T, d *Directory) {
	again, err := Parse(d.Marshal())
	if err != nil || again.Root() != d.Root() || again.Extends(d) != nil {
		t.Fatalf("print, parse: another list: %v", err)
	}
	d.Verify(d.Fingerprint(), now())
	d.SignedAt(now())
	for _, v := range d.Vouchers() {
		verifies(v)
	}
	for _, p := range d.Posts() {
		d.Offices(p.Name)
		d.LetterKey(p.Name, now())
		for _, person := range d.People(p.Name) {
			for _, k := range d.Keys(person.Number) {
				d.May(Releaser, k.Ref, p.Name, now())
			}
		}
	}
}

func TestFingerprint(t *testing.T) {
	f := rootOf(1, 1).Fingerprint()
	if got, err := ParseFingerprint(f.String()); err != nil || got != f {
		t.Error(err)
	}
	for _, s := range []string{"", "00", f.String() + "00", hex.EncodeToString(f[:31]) + "zz"} {
		if _, err := ParseFingerprint(s); err == nil {
			t.Errorf("%q: accepted", s)
		}
	}
}

func FuzzParseSubject(f *testing.F) {
	for _, s := range []string{"person 17", "office AMBASSADOR@BEIJING", "post BEIJING", "person 0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		subject, err := ParseSubject(s)
		if err != nil {
			return
		}
		if again, err := ParseSubject(subject.String()); err != nil || again != subject {
			t.Errorf("%q is %v, and then %v: %v", s, subject, again, err)
		}
	})
}

func FuzzParseFingerprint(f *testing.F) {
	f.Add(strings.Repeat("8d", 32))
	f.Add("8d80")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParseFingerprint(s)
		if err != nil {
			return
		}
		if again, err := ParseFingerprint(p.String()); err != nil || again != p {
			t.Errorf("%q is %v, and then %v: %v", s, p, again, err)
		}
	})
}
