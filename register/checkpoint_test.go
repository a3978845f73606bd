package register_test

import (
	"strings"
	"testing"

	"chancery.example/chancery/register"
	"chancery.example/chancery/telegram"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func TestCheckpoint(t *testing.T) {
	if got := register.Origin(telegram.Route{'M', 'O', 'W'}); got != origin {
		t.Fatalf("the origin is %q", got)
	}
	signers, verifiers := keyOf(t, 7)
	root := tlog.RecordHash([]byte("an entry"))
	text := register.CheckpointText(origin, 1691, root)
	sign := func(text string, signers ...note.Signer) string {
		t.Helper()
		signed, err := note.Sign(&note.Note{Text: text}, signers...)
		if err != nil {
			t.Fatal(err)
		}
		return string(signed)
	}
	good := sign(text, signers...)
	c, err := register.OpenCheckpoint(good, origin, verifiers)
	if err != nil || c.Size != 1691 || c.Root != root {
		t.Fatalf("opened %v, %v", c, err)
	}
	if _, err := register.OpenCheckpoint(sign(text, signers[1], signers[0]), origin, verifiers); err != nil {
		t.Errorf("the order of signatures is free: %v", err)
	}

	strangers, strange := keyOf(t, 8)
	lines := strings.SplitAfter(good, "\n") // three of text, an empty one, two signatures
	bad := map[string]string{
		"without Ed25519":         strings.Join(append(lines[:4:4], lines[5]), ""),
		"without ML-DSA-44":       strings.Join(lines[:5], ""),
		"Ed25519 twice":           strings.Join(append(lines[:5:5], lines[4]), ""),
		"without signatures":      strings.Join(lines[:4], ""),
		"of another key":          sign(text, strangers...),
		"half of another key":     sign(text, signers[0], strangers[1]),
		"of another size":         strings.Replace(good, "1691", "1692", 1),
		"of another root":         strings.Replace(good, lines[2], lines[2][:5]+"AAAA"+lines[2][9:], 1),
		"of another log":          sign(register.CheckpointText("chancery/register/50454b", 1691, root), signers...),
		"with its origin changed": strings.Replace(good, origin+"\n", "chancery/register/50454b\n", 1),
		"cut":                     good[:len(good)-1],
		"empty":                   "",
	}
	for name, signed := range bad {
		if _, err := register.OpenCheckpoint(signed, origin, verifiers); err == nil {
			t.Errorf("a checkpoint %s was accepted", name)
		}
	}
	if _, err := register.OpenCheckpoint(good, origin, strange); err == nil {
		t.Error("a checkpoint was accepted under another key")
	}
	if _, err := register.OpenCheckpoint(good, origin, nil); err == nil {
		t.Error("a checkpoint was accepted under no key")
	}
	if _, err := register.OpenCheckpoint(good, origin, append(verifiers, strange[0])); err == nil {
		t.Error("a checkpoint was accepted without a third key's signature")
	}
}

// FuzzOpenCheckpoint holds the law: what is read is written back as the same bytes.
func FuzzOpenCheckpoint(f *testing.F) {
	signers, verifiers := keyOf(f, 7)
	f.Add("\n1691\n" + tlog.RecordHash(nil).String() + "\n")
	f.Add("\n+1\n" + tlog.RecordHash(nil).String() + "\n")
	f.Add("\n01\n" + tlog.RecordHash(nil).String() + "\n")
	f.Add("\n-1\n" + tlog.RecordHash(nil).String() + "\nmore\n")
	f.Fuzz(func(t *testing.T, rest string) {
		text := origin + rest
		signed, err := note.Sign(&note.Note{Text: text}, signers...)
		if err != nil {
			return
		}
		c, err := register.OpenCheckpoint(string(signed), origin, verifiers)
		if err == nil && register.CheckpointText(origin, c.Size, c.Root) != text {
			t.Errorf("%q was read as %v", text, c)
		}
	})
}
