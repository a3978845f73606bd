package post_test

import (
	"encoding/hex"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/telegram"
)

var updateVectors = flag.Bool("update-vectors", false, "write docs/formats/vectors, vectors-lived and vectors-frames anew")

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

// alteration is something in what the checker is given that is not as the posts made it.
type alteration struct {
	name  string // as the list in docs/formats/README.md has it
	alter func(map[string]string) error
	says  string
}

// bit turns one bit of an envelope, the first of its folder.
func bit(at int) func(map[string]string) error {
	return func(f map[string]string) error {
		head, hexed, _ := strings.Cut(f["letter.txt"], "envelope ")
		hexed, rest, _ := strings.Cut(hexed, "\n")
		b, err := hex.DecodeString(hexed)
		if err != nil {
			return err
		}
		if at < 0 {
			at += len(b)
		}
		b[at] ^= 1
		f["letter.txt"] = head + "envelope " + hex.EncodeToString(b) + "\n" + rest
		return nil
	}
}

func replace(name, old, new string) func(map[string]string) error {
	return func(f map[string]string) error {
		if !strings.Contains(f[name], old) {
			return fmt.Errorf("%s has no %q", name, old)
		}
		f[name] = strings.Replace(f[name], old, new, 1)
		return nil
	}
}

// line alters one character of the line of a file that begins so, n of them passed over.
func line(name, prefix string, n int) func(map[string]string) error {
	return func(f map[string]string) error {
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
			return nil
		}
		return fmt.Errorf("%s has no line %q", name, prefix)
	}
}

// set puts another text in the place of a whole file.
func set(name, text string) func(map[string]string) error {
	return func(f map[string]string) error {
		f[name] = text
		return nil
	}
}

// alterations are of the telegram in one section.
func alterations() []alteration {
	const closed = "not sealed to this key, or was altered"
	return []alteration{
		{"the envelope's version", bit(0), "unknown version"},
		{"its routing code", bit(1), "for another post"},
		{"its precedence", bit(4), closed},
		{"its letter key", bit(5), closed},
		{"its message id", bit(24), closed},
		{"its encapsulated key, ML-KEM", bit(40), closed},
		{"its encapsulated key, X25519", bit(25 + 1100), closed},
		{"its nonce", bit(25 + 1120), closed},
		{"its text", bit(25 + 1120 + 100), closed},
		{"its tag", bit(-1), closed},
		{"the letter key's seed", replace("letter.txt", "key 0102", "key 0202"), closed},
		{"the receiver", replace("letter.txt", "to BEIJING", "to LONDON"), "for another post"},
		{"the fingerprint", set("fingerprint", strings.Repeat("0", 64)), "not the one of the fingerprint"},
		{"a root officer's key", line("directory.txt", "officer 3 ml-dsa-44", 0), "not the one of the fingerprint"},
		{"a post's key", line("directory.txt", "identity ml-dsa-44", 0), "of another list"},
		{"a person's key", line("directory.txt", "ml-dsa-44 ", 0), "of another list"},
		{"a role", replace("directory.txt", "role releaser\n", "role duty\n"), "of another list"},
		{"a salt", line("directory.txt", "salt ", 3), "of another list"},
		{"the directory's Ed25519 signature", line("directory.txt", "— root-1", 0), "1 of the root officers have signed the directory, it takes 2"},
		{"the directory's ML-DSA-44 signature", line("directory.txt", "— root-2", 1), "1 of the root officers have signed the directory, it takes 2"},
		{"the entry", line("proof.txt", "extra ", 0), "the proof is of another telegram"},
		{"its index", replace("proof.txt", "index ", "index 1"), "the proof is of entry"},
		{"the checkpoint's origin", replace("proof.txt", "chancery/register/", "chancery/register/0"), "another register's"},
		{"the checkpoint's Ed25519 signature", line("proof.txt", "— chancery/register", 0), "the register's checkpoint: the Ed25519 cosignature does not hold"},
		{"the checkpoint's ML-DSA-44 signature", line("proof.txt", "— chancery/register", 1), "the register's checkpoint: the ML-DSA-44 cosignature does not hold"},
		{"a proof without its checkpoint", func(f map[string]string) error {
			f["proof.txt"], _, _ = strings.Cut(f["proof.txt"], "\n\n")
			return nil
		}, "no checkpoint"},
		{"a proof cut short", func(f map[string]string) error { f["proof.txt"] = f["proof.txt"][:40]; return nil }, "no checkpoint"},
	}
}

// refusesEach gives the checker each alteration of what a folder has, and wants it refused for that reason and no other.
func refusesEach(t *testing.T, python string, files map[string]string, all []alteration) {
	t.Helper()
	for _, c := range all {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			changed := maps.Clone(files)
			if err := c.alter(changed); err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			write(t, dir, changed)
			said, holds := stranger(t, python, dir)
			lines := strings.Split(strings.TrimSpace(said), "\n")
			if last := lines[len(lines)-1]; holds || !strings.HasPrefix(last, "check.py: ") || !strings.Contains(last, c.says) {
				t.Errorf("it says, and holds is %v:\n%s", holds, said)
			}
		})
	}
}

// takes has the checker look at a folder, of which all holds, and keeps it as vectors if that was asked for.
func takes(t *testing.T, python string, files map[string]string, vectors string) {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, files)
	said, holds := stranger(t, python, dir)
	if !holds || !strings.Contains(said, "R: "+files["expected"]) {
		t.Fatalf("%s\nwant R %s", said, files["expected"])
	}
	if *updateVectors && vectors != "" {
		kept := maps.Clone(files)
		delete(kept, "expected")
		kept["expected.txt"] = said
		if err := os.MkdirAll(filepath.Join(formats, vectors), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(formats, vectors), kept)
	}
}

// TestStranger has a program that was written from docs/formats alone, in another language with other libraries, open a telegram that real posts have
// just carried, make its roots anew, and verify every signature and the proof of its entry. It must miss none of the alterations.
func TestStranger(t *testing.T) {
	python := python(t)
	files := handedOver(t)
	takes(t, python, files, "vectors")
	refusesEach(t, python, files, alterations())
}

// TestStrangerVectors: the checker says of the vectors what stands beside them.
func TestStrangerVectors(t *testing.T) {
	python := python(t)
	for _, name := range []string{"vectors", "vectors-lived", "vectors-frames"} {
		dir := filepath.Join(formats, name)
		want := must(os.ReadFile(filepath.Join(dir, "expected.txt")))
		if said, holds := stranger(t, python, dir); !holds || said != string(want) {
			t.Errorf("of %s it says\n%s\nwant\n%s", name, said, want)
		}
	}
}

// TestStrangerList: what docs/formats/README.md says is refused is what these tests alter, in that order.
func TestStrangerList(t *testing.T) {
	var want, got []string
	for _, c := range slices.Concat(alterations(), livedAlterations(&livedIn{}), frameAlterations()) {
		want = append(want, c.name)
	}
	for i, m := range regexp.MustCompile(`(?m)^([0-9]+)\. (.+)$`).FindAllStringSubmatch(section(t, "## What it must refuse"), -1) {
		if m[1] != strconv.Itoa(i+1) {
			t.Errorf("number %s stands where %d belongs", m[1], i+1)
		}
		got = append(got, m[2])
	}
	if !slices.Equal(got, want) {
		t.Errorf("docs/formats/README.md lists\n%s\nand what is altered is\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// section is a section of the README of the formats, from its title.
func section(t *testing.T, title string) string {
	t.Helper()
	_, text, ok := strings.Cut(string(must(os.ReadFile(filepath.Join(formats, "README.md")))), "\n"+title+"\n")
	if !ok {
		t.Fatalf("docs/formats/README.md has no section %q", title)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	return text
}
