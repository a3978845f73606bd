package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/seal"
	"github.com/nats-io/nkeys"
)

// TestWalk carries the built-in sheet and each of the corpus from draft to fulfilment, and then walks over all that the run left behind, except
// the passphrases: nowhere is there a word of the telegram or a private key. It walks while the posts run, too, when there are write-ahead logs.
func TestWalk(t *testing.T) {
	t.Run("built-in", func(t *testing.T) {
		out := walkDemo(t, "", false)
		x := out.Telegram
		if x.RegisterNumber != "23343" || x.Serial != "2522" || !slices.Equal(x.SpecialNumbers, []string{"1691", "1692"}) {
			t.Errorf("it took %s, %s and %s, not 23343, 2522 and 1691, 1692", x.RegisterNumber, x.Serial, x.SpecialNumbers)
		}
	})
	t.Run("modern", func(t *testing.T) {
		out := walkDemo(t, "", true)
		if x := out.Telegram; x.RegisterNumber != "4182" || x.Serial != "311" || !slices.Equal(x.SpecialNumbers, []string{"87", "88"}) {
			t.Errorf("it took %s, %s and %s, not 4182, 311 and 87, 88", x.RegisterNumber, x.Serial, x.SpecialNumbers)
		}
	})
	sheets, _ := filepath.Glob("../../../shared/corpus/sheets/*.txt")
	if len(sheets) == 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("../../../shared/corpus/sheets is missing, and CI must not pass without it")
		}
		t.Skip("../../../shared/corpus/sheets is missing: only the built-in sheet was carried")
	}
	for _, file := range sheets {
		t.Run(filepath.Base(file), func(t *testing.T) {
			walkDemo(t, file, false)
		})
	}
}

// walkDemo runs the demo, walks, and gives what the demo said.
func walkDemo(t *testing.T, from string, modern bool) *demoResult {
	t.Parallel()
	plan, err := planDemo(from, "", modern)
	if err != nil {
		t.Fatal(err)
	}
	// Not t.TempDir: a socket's path must be short.
	dir, err := os.MkdirTemp("", "walk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	kept, temporary := filepath.Join(dir, "kept"), filepath.Join(dir, "tmp")
	if err := os.Mkdir(temporary, 0o700); err != nil {
		t.Fatal(err)
	}
	args := []string{"demo", "--json", "--dir", kept}
	if from != "" {
		args = append(args, "--from", from)
	}
	if modern {
		args = append(args, "--modern")
	}
	cmd := exec.Command("chancery", args...)
	cmd.Env = append(os.Environ(), "TMPDIR="+temporary)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	words := newSearch("secrets")
	words.telegram(plan)
	if err := walkWhile(t, cmd, words, kept); err != nil {
		t.Fatalf("the demo: %v\n%s", err, stderr.Bytes())
	}
	out := &demoResult{}
	if err := json.Unmarshal(stdout.Bytes(), out); err != nil {
		t.Fatal(err)
	}
	checkDemo(t, plan, out)
	words.keys(t, kept)
	found, seen := words.walk(t, kept)
	for _, f := range found {
		t.Errorf("after the run: %s", f)
	}
	for _, p := range plan.posts {
		for _, name := range []string{"post.db", "post.toml", "application.txt", "keys/post.age", "../" + p.folder + ".log"} {
			if !slices.Contains(seen, filepath.Join(p.folder, name)) {
				t.Errorf("the walk did not see %s of %s", name, p.name)
			}
		}
	}
	if !slices.Contains(seen, "directory.txt") || !slices.ContainsFunc(seen, func(s string) bool { return strings.HasSuffix(s, ".blk") }) {
		t.Error("the walk did not see the directory and the broker's store")
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("the demo left something among the temporary files: %v %v", left, err)
	}
	return out
}

// walkWhile walks again and again until the demo ends.
func walkWhile(t *testing.T, cmd *exec.Cmd, words *search, dir string) error {
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	logs := false
	for {
		select {
		case err := <-done:
			if !logs && err == nil {
				t.Error("no walk met a write-ahead log")
			}
			return err
		case <-time.After(time.Second):
		}
		found, seen := words.walk(t, dir)
		for _, f := range found {
			t.Errorf("during the run: %s", f)
		}
		logs = logs || slices.ContainsFunc(seen, func(s string) bool { return strings.HasSuffix(s, "post.db-wal") })
	}
}

// checkDemo looks at what the demo said of itself.
func checkDemo(t *testing.T, plan *demoPlan, out *demoResult) {
	t.Helper()
	if !out.Verified {
		t.Error("verified is not true")
	}
	s := &plan.sheet.Telegram
	var want, got []string
	for _, stage := range []struct {
		name string
		is   bool
	}{{"draft", true}, {"convey", s.Conveyed != nil}, {"release", true}, {"register", true}, {"encipher", true}, {"dispatch", true},
		{"receive", true}, {"decipher", true}, {"receipt", true}, {"distribute", len(s.Copies) > 0}, {"acknowledge", true}, {"fulfil", s.ReportFulfilment}, {"file", len(plan.sheet.Locations) > 0},
		{"prove", true}} {
		if stage.is {
			want = append(want, stage.name)
		}
	}
	for _, stage := range out.Stages {
		if !slices.Contains(got, stage.Name) {
			got = append(got, stage.Name)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the stages were\n%s, not\n%s", got, want)
	}
	if len(out.Posts) != len(plan.posts) {
		t.Errorf("%d posts were proved, not %d", len(out.Posts), len(plan.posts))
	}
	if r := out.Record; len(plan.sheet.Locations) > 0 && (r == nil || r.Summary != plan.sheet.Summary || !slices.EqualFunc(r.Locations, plan.sheet.Locations, func(a, b archive.Location) bool {
		return a.String() == b.String()
	})) {
		t.Errorf("the record is %+v, the sheet says %+v", r, plan.sheet)
	}
	if out.Record != nil {
		back, err := archive.ReadSheet(strings.NewReader(out.Record.String()))
		if err != nil {
			t.Fatal(err)
		}
		want, _ := json.Marshal(out.Record.Telegram)
		if got, _ := json.Marshal(back.Telegram); back.Title != out.Record.Title || string(got) != string(want) {
			t.Errorf("the record is read back as %q and\n%s, not %q and\n%s", back.Title, got, out.Record.Title, want)
		}
	}
	x := &out.Telegram
	if s.RegisterNumber != "" && x.RegisterNumber != s.RegisterNumber || s.Serial != "" && x.Serial != s.Serial {
		t.Errorf("it took register number %s and serial %s, the sheet has %s and %s", x.RegisterNumber, x.Serial, s.RegisterNumber, s.Serial)
	}
	if n := min(len(s.SpecialNumbers), len(x.SpecialNumbers)); len(s.SpecialNumbers) > 0 && (n == 0 || !slices.Equal(x.SpecialNumbers[:n], s.SpecialNumbers[:n])) {
		t.Errorf("it took the special numbers %s, the sheet has %s", x.SpecialNumbers, s.SpecialNumbers)
	}
}

// search finds many things at once: each is filed under its first six bytes.
type search struct {
	by          map[uint64][]needle
	public      []string
	passphrases string // the folder of passphrases, which is passed over
}

type needle struct {
	what  string
	bytes []byte
}

const headLength = 6

func newSearch(passphrases string) *search {
	return &search{by: map[uint64][]needle{}, passphrases: passphrases}
}

func head(b []byte) uint64 {
	return uint64(binary.BigEndian.Uint32(b))<<16 | uint64(binary.BigEndian.Uint16(b[4:]))
}

func (s *search) add(what string, b []byte) {
	if len(b) >= headLength {
		s.by[head(b)] = append(s.by[head(b)], needle{what, b})
	}
}

// secret looks for bytes as they are, and as programs write bytes.
func (s *search) secret(what string, b []byte) {
	s.add(what, b)
	h := hex.EncodeToString(b)
	s.add(what+" in hexadecimal", []byte(h))
	s.add(what+" in hexadecimal", []byte(strings.ToUpper(h)))
	for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for before := range 3 {
			// What stands before shifts the letters, and the first and last of them depend on what is around.
			x := e.EncodeToString(append(make([]byte, before), b...))
			s.add(what+" in base64", []byte(x[(before*8+5)/6:len(x)-1]))
		}
	}
}

// words looks for text, in UTF-8 and UTF-16. Words of the directory, which is public, are none.
func (s *search) words(text string) {
	if len(text) < headLength || slices.ContainsFunc(s.public, func(p string) bool { return strings.Contains(p, text) }) {
		return
	}
	s.secret(fmt.Sprintf("%q", text), []byte(text))
	var little, big []byte
	for _, u := range utf16.Encode([]rune(text)) {
		little, big = binary.LittleEndian.AppendUint16(little, u), binary.BigEndian.AppendUint16(big, u)
	}
	s.secret(fmt.Sprintf("%q in UTF-16", text), little)
	s.secret(fmt.Sprintf("%q in UTF-16", text), big)
}

// runs looks for every run of four words of a text.
func (s *search) runs(text string) {
	words := strings.Fields(text)
	for i := range words {
		s.words(strings.Join(words[i:min(i+4, len(words))], " "))
	}
}

// telegram looks for all that the demo writes and that is for the two sides only.
func (s *search) telegram(plan *demoPlan) {
	for _, p := range plan.posts {
		s.public = append(append(s.public, p.name), p.offices...)
	}
	f := &plan.form.Telegram
	for _, b := range f.Body {
		s.runs(b.Text)
	}
	s.runs("Received and deciphered. We will do it.")
	s.runs("Done today. It was read out and left in writing; he thanked us and will answer tomorrow.")
	s.runs(plan.sheet.Summary)
	for _, l := range plan.sheet.Locations {
		s.words(l.String())
		s.words(l.Short())
	}
	s.words(f.Subject)
	s.words(f.Signature)
	if c := plan.sheet.Telegram.Conveyed; c != nil {
		s.words(c.To)
		s.words(c.Signature)
		s.words(c.Gloss)
	}
	for _, c := range plan.form.Local.Copies {
		s.words(c)
	}
}

// keys opens every key file of the run with its passphrase, and looks for what is in it, and for the passphrase.
func (s *search) keys(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*", "keys", "*.age"))
	if err != nil || len(files) == 0 {
		t.Fatal("no key files", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".age")
		post := filepath.Base(filepath.Dir(filepath.Dir(file)))
		known, err := readPassphrases(filepath.Join(dir, s.passphrases, post))
		if err != nil {
			t.Fatal(err)
		}
		for key, pass := range known {
			if key == name || name == "post" && strings.HasPrefix(key, "post ") {
				s.secret("the passphrase of "+key, []byte(pass))
				s.keyFile(t, file, pass)
			}
		}
	}
	known, err := readPassphrases(filepath.Join(dir, s.passphrases, "root"))
	if err != nil {
		t.Fatal(err)
	}
	for key, pass := range known {
		s.secret("the passphrase of "+key, []byte(pass))
		s.keyFile(t, filepath.Join(dir, "root", key+".age"), pass)
	}
}

func (s *search) keyFile(t *testing.T, file, pass string) {
	t.Helper()
	var all struct {
		postSecret
		holderSecret
		Seed []byte `json:"seed"`
	}
	if err := readSecret(file, pass, &all); err != nil {
		t.Fatal(err)
	}
	if all.Holder != "" {
		s.key(t, file+" (copy key)", all.Copy)
		return
	}
	if all.Name == "" {
		s.key(t, file, all.Seed)
		return
	}
	s.key(t, file+" (identity)", all.Identity)
	s.key(t, file+" (register)", all.Register)
	s.key(t, file+" (master)", all.Master)
	s.key(t, file+" (database)", seal.Subkey(all.Master, "database"))
	s.key(t, file+" (data)", seal.Subkey(all.Master, "data"))
	for _, l := range all.Letters {
		s.key(t, file+" (letter)", l.Key)
	}
	s.key(t, file+" (login)", all.Login)
	login, err := nkeys.FromSeed(all.Login)
	if err != nil {
		t.Fatal(err)
	}
	private, err := login.PrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	s.key(t, file+" (login)", private)
}

func (s *search) key(t *testing.T, what string, b []byte) {
	t.Helper()
	if len(b) < 16 {
		t.Fatalf("%s: the key has %d bytes", what, len(b))
	}
	s.secret("the key of "+what, b)
}

// walk reads every file under a folder except its secrets, and says what was found where, and which files it saw.
func (s *search) walk(t *testing.T, dir string) (found, seen []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it went while we walked
		}
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		if name == s.passphrases {
			return fs.SkipDir
		}
		if !d.Type().IsRegular() {
			return nil
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		seen = append(seen, name)
		for _, what := range s.in(b) {
			found = append(found, name+" has "+what)
		}
		for _, what := range s.in([]byte(name)) {
			found = append(found, "the name of "+name+" has "+what)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found, seen
}

func (s *search) in(b []byte) (found []string) {
	for i := 0; i+headLength <= len(b); i++ {
		for _, n := range s.by[head(b[i:])] {
			if bytes.HasPrefix(b[i:], n.bytes) && !slices.Contains(found, n.what) {
				found = append(found, n.what)
			}
		}
	}
	return found
}

// TestWalkFinds proves that the walk can fail: what is planted, in each spelling, is found, and nothing else.
func TestWalkFinds(t *testing.T) {
	s := newSearch("secrets")
	s.public = []string{"SOVIET AMBASSADOR"}
	s.runs("The first two trains can stand at the frontier by Sunday.")
	s.words("SOVIET AMBASSADOR")
	key := seal.NewSigner().Seed()
	s.secret("the key", key)
	sentence := []byte("xx The first two trains can stand at the frontier by Sunday.")
	var wide []byte
	for _, u := range utf16.Encode([]rune(string(sentence))) {
		wide = binary.LittleEndian.AppendUint16(wide, u)
	}
	planted := map[string][]byte{"utf8": sentence, "utf16": wide, "key": append([]byte("seed:"), key...), "keyhex": []byte(hex.EncodeToString(key)),
		"keyHEX": []byte(strings.ToUpper(hex.EncodeToString(key))), "hex": []byte(hex.EncodeToString(sentence))}
	for n := range 3 {
		planted[fmt.Sprintf("base64-%d", n)] = []byte(base64.StdEncoding.EncodeToString(sentence[n:]))
		planted[fmt.Sprintf("keyurl-%d", n)] = []byte(base64.URLEncoding.EncodeToString(append(bytes.Repeat([]byte{7}, n), key...)))
		planted[fmt.Sprintf("wide64-%d", n)] = []byte(base64.StdEncoding.EncodeToString(wide[n:]))
	}
	for name, b := range planted {
		dir := t.TempDir()
		for file, text := range map[string][]byte{"a/deep/file": append([]byte("before"), b...), "clean": []byte("SOVIET AMBASSADOR and nothing"), "secrets/x": key} {
			if err := errors.Join(os.MkdirAll(filepath.Join(dir, filepath.Dir(file)), 0o700), os.WriteFile(filepath.Join(dir, file), text, 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		found, seen := s.walk(t, dir)
		if len(found) == 0 || len(seen) != 2 || slices.ContainsFunc(found, func(f string) bool { return !strings.HasPrefix(f, "a/deep/file has ") }) {
			t.Errorf("%s: found %q in %q", name, found, seen)
		}
		if err := os.Remove(filepath.Join(dir, "a/deep/file")); err != nil {
			t.Fatal(err)
		}
		if found, _ := s.walk(t, dir); len(found) > 0 {
			t.Errorf("%s: found %q where nothing is", name, found)
		}
	}
}
