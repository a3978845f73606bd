package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFrozen opens posts as older versions left them, in testdata/frozen under the day on which they were made, and works at them: the schema is brought
// up to date, the register verifies, everything filed still shows and proves, and the post goes on. A folder is added when the schema or a written
// form changes, and none is ever changed or taken away. Each is a post of  chancery demo --modern --dir : keys, passphrases and texts are of nobody.
func TestFrozen(t *testing.T) {
	days, err := filepath.Glob("testdata/frozen/*")
	if err != nil || len(days) == 0 {
		t.Fatal("no frozen posts", err)
	}
	for _, day := range days {
		t.Run(filepath.Base(day), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "post")
			if err := os.CopyFS(dir, os.DirFS(day)); err != nil {
				t.Fatal(err)
			}
			frozen := func(out any, args ...string) {
				t.Helper()
				var said, wrong bytes.Buffer
				args = append(args, "--json", "--dir", dir, "--passphrase-file", filepath.Join(dir, "passphrases"))
				if code := run(t.Context(), args, strings.NewReader(""), &said, &wrong); code != 0 {
					t.Fatalf("%s: %s", strings.Join(args, " "), wrong.String())
				}
				if err := json.Unmarshal(said.Bytes(), out); err != nil {
					t.Fatalf("%v: %s", err, said.String())
				}
			}
			var report struct {
				Verified bool
				Entries  int64
			}
			if frozen(&report, "register", "verify"); !report.Verified || report.Entries < 20 {
				t.Errorf("the register: %+v", report)
			}
			var in inbox
			if frozen(&in, "inbox"); len(in.Telegrams) < 2 || len(in.Alarms) > 1 { // that the directory is out of date is one
				t.Errorf("the inbox: %+v", in)
			}
			type filed struct {
				Verified bool
				Findings []string
				Year     int
				Copies   []string
			}
			for _, x := range in.Telegrams {
				var s filed
				if frozen(&s, "show", "--in", "--year", "2026", telegramNumber(x.Number)); !s.Verified {
					t.Errorf("incoming %d: %v", x.Number, s.Findings)
				}
			}
			var s filed
			if frozen(&s, "show", "--out", "--year", "2026", "4182"); !s.Verified {
				t.Errorf("what was sent: %v", s.Findings)
			}
			var proof struct{ Proof string }
			if frozen(&proof, "register", "prove", "4182", "--year", "2026"); !strings.HasPrefix(proof.Proof, "c2sp.org/tlog-proof@v1\n") {
				t.Errorf("the proof: %s", proof.Proof)
			}
			text := filepath.Join(t.TempDir(), "text")
			if err := os.WriteFile(text, []byte("To: HEAD OF MISSION@NAIROBI\n\nIt goes on.\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			var drafted struct{ Draft int64 }
			frozen(&drafted, "draft", text)
			var released struct{ State string }
			if frozen(&released, "release", "--yes", "2"); released.State != "released" {
				t.Errorf("a new telegram is %+v, of draft %d", released, drafted.Draft)
			}
		})
	}
}

func telegramNumber(n uint32) string {
	b, _ := json.Marshal(n)
	return string(b)
}
