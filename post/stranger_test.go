package post_test

import (
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/telegram"
)

var updateVectors = flag.Bool("update-vectors", false, "write docs/formats/vectors anew")

const formats = "../docs/formats"

// python finds what docs/formats/check.py needs. Where it is missing the test is skipped, or fails if CI=true.
func python(t *testing.T) string {
	t.Helper()
	missing := "the checker needs Node.js and  npm ci  in docs/formats"
	if _, err := os.Stat(filepath.Join(formats, "node_modules/@noble/post-quantum")); err == nil {
		missing = "the checker needs Python with the package cryptography: on Debian, apt-get install python3-cryptography"
		for _, name := range []string{"python3", "/usr/bin/python3"} {
			if exec.Command(name, "-c", "import cryptography").Run() == nil {
				return name
			}
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// stranger runs the checker over a folder.
func stranger(t *testing.T, python, dir string) (said string, holds bool) {
	t.Helper()
	out, err := exec.Command(python, filepath.Join(formats, "check.py"), dir).CombinedOutput()
	if strings.Contains(string(out), "Traceback") {
		t.Fatalf("the checker broke:\n%s", out)
	}
	return string(out), err == nil
}

// handedOver writes into a folder what the checker is given of one telegram from MOSCOW to BEIJING, just carried by real posts.
func handedOver(t *testing.T) map[string]string {
	t.Helper()
	m := open(t, nil)
	moscow, beijing := m.at("MOSCOW"), m.at("BEIJING")
	// The test keeps its own letter key, to give it away.
	seed := make([]byte, 32)
	for i := range seed {
		seed[i] = byte(i + 1)
	}
	key := must(seal.ParseLetterKey(seed))
	_, said := beijing.letterKey(7, beijing.nextSaid.NotBefore.Add(1))
	said.XWing, said.ID = key.Public(), [4]byte{7, 7, 7, 7}
	said.Signature = vouch(beijing.keys.Identity, telegram.LabelPeriod, said.Body())
	d := world().sign(must(world().dir.Append(said)))
	for _, x := range []*desks{moscow, beijing} {
		if _, _, err := x.Adopt(background, d.Marshal()); err != nil {
			t.Fatal(err)
		}
	}
	moscow.send("To: AMBASSADOR@LONDON\n\nAnother one, so that the proof has a way to go.\n")
	moscow.send("To: AMBASSADOR@BEIJING; immediate\nInfo: AMBASSADOR@LONDON\nSubject: Ice\nCode: ICE\nCaveat: EYES ONLY\nDeadline: 2030-01-01T12:00Z\nAsk: receipt, fulfilment\n\n" +
		"Ice has closed  the northern harbour. 渡轮停运。\n\nSay when it opens.\n")
	m.run("MOSCOW")
	var envelope []byte
	m.until("the letter is on its way", func() bool {
		for _, p := range m.ether.from(moscow.route) {
			e := must(telegram.ParseEnvelope(p.envelope))
			if p.to == beijing.route && e.KeyID == said.ID && e.Precedence == telegram.Immediate {
				envelope = p.envelope
			}
		}
		return envelope != nil
	})
	m.crash()
	return map[string]string{
		"directory.txt": string(d.Marshal()),
		"fingerprint":   d.Fingerprint().String() + "\n",
		"letter.txt":    fmt.Sprintf("to BEIJING\nkey %x\nenvelope %x\n", seed, envelope),
		"proof.txt":     must(moscow.Prove(background, archive.Out, 0, 1)),
		"expected":      moscow.shown(archive.Out, 1).Root.String(),
	}
}

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestStranger has a program that was written from docs/formats alone, in another language with other libraries, open a telegram that real posts have
// just carried, make its roots anew, and verify every signature and the proof of its entry. It must miss none of the alterations.
func TestStranger(t *testing.T) {
	python := python(t)
	files := handedOver(t)
	dir := t.TempDir()
	write(t, dir, files)
	said, holds := stranger(t, python, dir)
	if !holds || !strings.Contains(said, "R: "+files["expected"]) {
		t.Fatalf("%s\nwant R %s", said, files["expected"])
	}
	if *updateVectors {
		delete(files, "expected")
		files["expected.txt"] = said
		write(t, filepath.Join(formats, "vectors"), files)
	}
	letter := strings.TrimSpace(files["letter.txt"])
	// flip turns one bit of the envelope.
	flip := func(at int) func(map[string]string) {
		return func(f map[string]string) {
			head, hexed, _ := strings.Cut(letter, "envelope ")
			b := must(hex.DecodeString(hexed))
			if at < 0 {
				at += len(b)
			}
			b[at] ^= 1
			f["letter.txt"] = head + "envelope " + hex.EncodeToString(b) + "\n"
		}
	}
	replace := func(name, old, new string) func(map[string]string) {
		return func(f map[string]string) {
			if !strings.Contains(f[name], old) {
				t.Fatalf("%s has no %q", name, old)
			}
			f[name] = strings.Replace(f[name], old, new, 1)
		}
	}
	// line alters one character of the line of a file that begins so, n of them passed over.
	line := func(name, prefix string, n int) func(map[string]string) {
		return func(f map[string]string) {
			lines := strings.Split(f[name], "\n")
			for i, l := range lines {
				if !strings.HasPrefix(l, prefix) {
					continue
				}
				if n > 0 {
					n--
					continue
				}
				b := []byte(l)
				at := len(b) - 10
				b[at] = map[bool]byte{true: 'B', false: 'A'}[b[at] == 'A']
				lines[i] = string(b)
				f[name] = strings.Join(lines, "\n")
				return
			}
			t.Fatalf("%s has no line %q", name, prefix)
		}
	}
	for _, c := range []struct {
		name  string
		alter func(map[string]string)
		says  string
	}{
		{"the envelope's version", flip(0), "unknown version"},
		{"its routing code", flip(1), "for another post"},
		{"its precedence", flip(4), "not sealed to this key, or was altered"},
		{"its letter key", flip(5), "not sealed to this key, or was altered"},
		{"its message id", flip(24), "not sealed to this key, or was altered"},
		{"its encapsulated key, ML-KEM", flip(40), "not sealed to this key, or was altered"},
		{"its encapsulated key, X25519", flip(25 + 1100), "not sealed to this key, or was altered"},
		{"its nonce", flip(25 + 1120), "not sealed to this key, or was altered"},
		{"its text", flip(25 + 1120 + 100), "not sealed to this key, or was altered"},
		{"its tag", flip(-1), "not sealed to this key, or was altered"},
		{"the letter key's seed", replace("letter.txt", "key 0102", "key 0202"), "not sealed to this key, or was altered"},
		{"the receiver", replace("letter.txt", "to BEIJING", "to LONDON"), "for another post"},
		{"the fingerprint", func(f map[string]string) { f["fingerprint"] = strings.Repeat("0", 64) }, "not the one of the fingerprint"},
		{"a root officer's key", line("directory.txt", "officer 3 ed25519", 0), "not the one of the fingerprint"},
		{"a post's key", line("directory.txt", "identity ed25519", 0), "of another list"},
		{"a person's key", line("directory.txt", "ml-dsa-44 ", 0), "of another list"},
		{"a role", replace("directory.txt", "role releaser\n", "role duty\n"), "of another list"},
		{"a salt", line("directory.txt", "salt ", 3), ""},
		{"the directory's Ed25519 signature", line("directory.txt", "— root-1", 0), "1 of the root officers have signed the directory"},
		{"the directory's ML-DSA-44 signature", line("directory.txt", "— root-2", 1), "root officer 2: the ML-DSA-44 cosignature does not hold"},
		{"the entry", line("proof.txt", "extra ", 0), "the proof is of another telegram"},
		{"its index", replace("proof.txt", "index ", "index 1"), ""},
		{"the checkpoint's origin", replace("proof.txt", "chancery/register/", "chancery/register/0"), "another register's"},
		{"the checkpoint's Ed25519 signature", line("proof.txt", "— chancery/register", 0), "the post has not signed the register's checkpoint"},
		{"the checkpoint's ML-DSA-44 signature", line("proof.txt", "— chancery/register", 1), "the register's checkpoint: the ML-DSA-44 cosignature does not hold"},
		{"a proof without its checkpoint", func(f map[string]string) { f["proof.txt"], _, _ = strings.Cut(f["proof.txt"], "\n\n") }, "no checkpoint"},
		{"a proof cut short", func(f map[string]string) { f["proof.txt"] = f["proof.txt"][:40] }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			changed := map[string]string{}
			for k, v := range files {
				changed[k] = v
			}
			c.alter(changed)
			dir := t.TempDir()
			write(t, dir, changed)
			if said, holds := stranger(t, python, dir); holds || !strings.Contains(said, c.says) || !strings.Contains(said, "check.py: ") {
				t.Errorf("it says, and holds is %v:\n%s", holds, said)
			}
		})
	}
}

// TestStrangerVectors: the checker says of the vectors what stands beside them.
func TestStrangerVectors(t *testing.T) {
	dir := filepath.Join(formats, "vectors")
	want := must(os.ReadFile(filepath.Join(dir, "expected.txt")))
	if said, holds := stranger(t, python(t), dir); !holds || said != string(want) {
		t.Errorf("it says\n%s\nwant\n%s", said, want)
	}
}
