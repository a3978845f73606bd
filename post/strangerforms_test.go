package post_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"chancery.example/chancery/directory"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/telegram"
	"golang.org/x/mod/sumdb/tlog"
)

var strangerForms = flag.Int("stranger-forms", 250, "how many altered `files` of each form are put before both programs")

// readBy has the stranger's program read what stands in files of a folder, and says of each whether it is refused, and why.
const readBy = `
import json, os, struct, sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
from directory import Directory
from telegram import Registered
from signed import Wrong

def judged(d):
    """Who may do what, when, and who has which office: of a few names, as a line of words."""
    out = []
    for person in range(17, 26):
        for key in (1, 2, 3):
            for at in [None] + list(range(1796676000 - 3 * 3600, 1796676000 + 4 * 3600, 3600)):
                may = ""
                for role in ("drafter", "releaser", "administrator", "duty", "alone", "flash", "override"):
                    try:
                        d.entitled("%d/%d" % (person, key), "BEIJING" if person == 18 else "MOSCOW", role, at)
                        may += role[0]
                    except Wrong:
                        may += "."
                out.append(may)
    for office in ("MINISTER", "CONSUL", "ATTACHE", "AMBASSADOR"):
        for post in ("MOSCOW", "BEIJING"):
            o = d.offices.get(office + "@" + post)
            if o:
                out.append("%s %s %s %s" % (o.person or 0, ",".join(o.deputies), o.ended, o.suspended))
    out.append("reserved %s" % d.reserved)
    for at in range(1796676000 - 3 * 3600, 1796676000 + 4 * 3600, 3600):
        out.append("minimized " + ";".join(sorted(",".join(area) for area in d.in_force(at))))
    return " ".join(out)

def roots(r):
    d, root = r.telegram.roots()
    return "%s %s %s" % (d.hex(), root.hex(), r.entry(root).hex())

said = {}
for name in os.listdir(sys.argv[3]):
    with open(os.path.join(sys.argv[3], name), "rb") as f:
        b = f.read()
    try:
        said[name] = {"says": judged(Directory(b.decode())) if sys.argv[2] == "directory" else roots(Registered(b, b[:1] != b"\0"))}
    except (Wrong, ValueError, OverflowError, struct.error) as e:
        said[name] = {"refused": "%s: %s" % (type(e).__name__, e)}
print(json.dumps(said))
`

// agree holds the two programs against each other: each file is taken by both, which then say the same of it, or by none. It says how many were taken.
func agree(t *testing.T, form string, files [][]byte, ours func([]byte) (string, error)) {
	t.Helper()
	python, dir := python(t), t.TempDir()
	for i, b := range files {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command(python, "-c", readBy, formats, form, dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var theirs map[string]struct{ Says, Refused string }
	if err := json.Unmarshal(out, &theirs); err != nil || len(theirs) != len(files) {
		t.Fatalf("%v\n%s", err, out)
	}
	taken := 0
	for i, b := range files {
		says, err := ours(b)
		if err == nil {
			taken++
		}
		if x := theirs[fmt.Sprint(i)]; (err == nil) != (x.Refused == "") || err == nil && says != x.Says {
			kept := filepath.Join(os.TempDir(), fmt.Sprintf("stranger-%s-%d", form, i))
			os.WriteFile(kept, b, 0o600)
			t.Errorf("the two programs differ over %s:\nours:           %s %v\nthe stranger's: %s %s", kept, says, err, x.Says, x.Refused)
		}
	}
	t.Logf("%d of %d were taken", taken, len(files))
	if taken < len(files)/20 || taken > len(files)*19/20 {
		t.Error("too few or too many were taken to say anything")
	}
}

// judged reads a directory, and says of a few names who may do what, when, and who has which office: as the stranger's program above.
func judged(b []byte) (string, error) {
	d, err := directory.Parse(b)
	if err != nil {
		return "", err
	}
	var out []string
	evening := time.Date(2026, 12, 7, 20, 40, 0, 0, time.UTC)
	for n := uint32(17); n < 26; n++ {
		for key := uint16(1); key < 4; key++ {
			for hour := -4; hour < 4; hour++ {
				at := evening.Add(time.Duration(hour) * time.Hour)
				if hour == -4 {
					at = time.Time{}
				}
				may := ""
				for _, x := range []struct {
					role directory.Role
					word string
				}{{directory.Drafter, "d"}, {directory.Releaser, "r"}, {directory.Administrator, "a"}, {directory.Duty, "d"}, {directory.Alone, "a"}, {directory.AtFlash, "f"}, {directory.AtOverride, "o"}} {
					if d.May(x.role, telegram.KeyRef{Person: n, Key: key}, map[bool]string{true: "BEIJING", false: "MOSCOW"}[n == 18], at) != nil {
						x.word = "."
					}
					may += x.word
				}
				out = append(out, may)
			}
		}
	}
	title := map[bool]string{true: "True", false: "False"}
	for _, office := range []string{"MINISTER", "CONSUL", "ATTACHE", "AMBASSADOR"} {
		for _, post := range []string{"MOSCOW", "BEIJING"} {
			of := directory.Subject{Office: telegram.Address{Office: office, Post: post}}
			if slices.Contains(d.Offices(post), of.Office) || d.Ended(of) {
				h := d.Holder(of.Office)
				deputies := strings.Trim(strings.ReplaceAll(fmt.Sprint(h.Deputies), " ", ","), "[]")
				out = append(out, fmt.Sprintf("%d %s %s %s", h.Person, deputies, title[d.Ended(of)], title[d.Suspended(of)]))
			}
		}
	}
	since := "None"
	if from, ok := d.Reserved(); ok {
		since = fmt.Sprint(from.Unix())
	}
	out = append(out, "reserved "+since)
	for hour := -3; hour < 4; hour++ {
		var areas []string
		for _, m := range d.Minimized(evening.Add(time.Duration(hour) * time.Hour)) {
			areas = append(areas, strings.Join(m.Area, ","))
		}
		slices.Sort(areas)
		out = append(out, "minimized "+strings.Join(areas, ";"))
	}
	return strings.Join(out, " "), nil
}

// reckoned gives a directory's file the checkpoint of its statements, so that what is altered in them is all that may be wrong.
func reckoned(file string) string {
	blocks := strings.SplitAfter(file, "\n\n")
	var hashes []tlog.Hash
	log := tlog.HashReaderFunc(func(at []int64) (out []tlog.Hash, err error) {
		for _, i := range at {
			out = append(out, hashes[i])
		}
		return out, nil
	})
	n := int64(0)
	var root string
	for i, b := range blocks {
		if i == 0 {
			continue
		}
		if !strings.HasPrefix(b, "salt ") {
			lines := strings.Split(b, "\n")
			if fp := sha256.Sum256([]byte(root)); len(lines) > 2 {
				h, _ := tlog.TreeHash(n, log)
				lines[0], lines[1], lines[2] = fmt.Sprintf("chancery/directory/%x", fp[:8]), fmt.Sprint(n), base64.StdEncoding.EncodeToString(h[:])
			}
			blocks[i] = strings.Join(lines, "\n")
			break
		}
		first, text, _ := strings.Cut(strings.TrimSuffix(b, "\n"), "\n")
		salt, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(first, "salt "))
		if i == 1 {
			root = text
		}
		d := sha256.Sum256(slices.Concat([]byte(telegram.LabelStatement), salt, []byte(text)))
		more, err := tlog.StoredHashesForRecordHash(n, tlog.RecordHash(d[:]), log)
		if err != nil {
			return file
		}
		hashes, n = append(hashes, more...), n+1
	}
	return strings.Join(blocks, "")
}

// garbled makes of a directory's file another one, as somebody may get it wrong who writes one by hand, or wants to be believed.
func garbled(rng *rand.Rand, file string, others []string) string {
	blocks := strings.SplitAfter(file, "\n\n")
	for range 1 + rng.IntN(2) {
		i := 1 + rng.IntN(len(blocks)-1)
		switch rng.IntN(9) {
		case 0: // a statement is left out
			blocks[i] = ""
		case 1: // or stands twice
			blocks[i] += blocks[i]
		case 2: // or elsewhere
			k := 1 + rng.IntN(len(blocks)-1)
			blocks[i], blocks[k] = blocks[k], blocks[i]
		case 3: // one of another list is put in
			blocks[i] = others[rng.IntN(len(others))] + blocks[i]
		default:
			blocks[i] = garbledLine(rng, blocks[i])
		}
	}
	if out := strings.Join(blocks, ""); rng.IntN(8) > 0 {
		return reckoned(out)
	}
	return strings.Join(blocks, "")
}

func garbledLine(rng *rand.Rand, block string) string {
	lines := strings.SplitAfter(block, "\n")
	j, k := rng.IntN(len(lines)), rng.IntN(len(lines))
	for range 4 { // most lines are keys and signatures, and there is little to be got wrong in them
		if len(lines[j]) > 100 {
			j = rng.IntN(len(lines))
		}
	}
	switch rng.IntN(5) {
	case 0:
		lines[j] = ""
	case 1:
		lines[j] += lines[k]
	case 2:
		lines[j], lines[k] = lines[k], lines[j]
	case 3:
		const chars = "0123456789 abcdefghijklmnopqrstuvwxyzABCDEFZ@/.:-\x00\xc3\n"
		if b := []byte(lines[j]); len(b) > 0 {
			b[rng.IntN(len(b))] = chars[rng.IntN(len(chars))]
			lines[j] = string(b)
		}
	case 4: // a word of one line comes into another
		from, to := strings.Fields(lines[j]), strings.Fields(lines[k])
		if len(from) > 1 && len(to) > 1 {
			lines[j] = strings.Replace(lines[j], from[rng.IntN(len(from))], to[rng.IntN(len(to))], 1)
		}
	}
	return strings.Join(lines, "")
}

func TestStrangerReadsDirectories(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var files [][]byte
	var bases, others []string
	for _, name := range []string{"lived", "vector"} {
		base := string(must(os.ReadFile("../directory/testdata/" + name + ".directory")))
		bases = append(bases, base)
		for _, b := range strings.SplitAfter(base, "\n\n")[1:] {
			if strings.HasPrefix(b, "salt ") && strings.HasSuffix(b, "\n\n") {
				others = append(others, b)
			}
		}
		files = append(files, []byte(base), []byte(reckoned(base)))
	}
	if !bytes.Equal(files[0], files[1]) {
		t.Fatal("the test reckons another checkpoint")
	}
	for range *strangerForms {
		files = append(files, []byte(garbled(rng, bases[rng.IntN(len(bases))], others)))
	}
	agree(t, "directory", files, judged)
}

// universe is what statements drawn by lot are of: few enough names that they meet.
type universe struct {
	rng    *rand.Rand
	letter []byte
	issued map[string]int
}

func pick[T any](u *universe, all ...T) T { return all[u.rng.IntN(len(all))] }

func (u *universe) post() string { return pick(u, "MOSCOW", "MOSCOW", "MOSCOW", "BEIJING", "PARIS") }

func (u *universe) office() telegram.Address {
	return telegram.Address{Office: pick(u, "MINISTER", "CONSUL", "ATTACHE", "AMBASSADOR"), Post: u.post()}
}

func (u *universe) person() uint32 { return pick[uint32](u, 17, 18, 20, 21, 22, 23, 23, 24, 24, 25) }

func (u *universe) key() telegram.KeyRef {
	return telegram.KeyRef{Person: u.person(), Key: pick[uint16](u, 1, 1, 2, 2, 3)}
}

func (u *universe) roles() (r directory.Role) {
	return pick(u, 0, directory.Drafter, directory.Drafter, directory.Drafter|directory.Releaser, directory.Alone, directory.Administrator, directory.Duty,
		directory.Releaser|directory.AtFlash, directory.Releaser|directory.AtOverride)
}

func (u *universe) at() time.Time {
	return time.Date(2026, 12, 7, 20, 40, 0, 0, time.UTC).Add(time.Duration(u.rng.IntN(5)-2) * time.Hour)
}

func (u *universe) subject(post bool) directory.Subject {
	switch n := u.rng.IntN(5); {
	case n == 0:
		return directory.Subject{Office: u.office()}
	case n == 1 && post:
		return directory.Subject{Post: u.post()}
	}
	return directory.Subject{Person: u.person()}
}

// signature is of nobody: what is read here is the form.
func (u *universe) signature() directory.Signature {
	return directory.Signature{Ed25519: make([]byte, 64), MLDSA: make([]byte, 2420)}
}

func (u *universe) statement() directory.Statement {
	switch u.rng.IntN(15) {
	case 12:
		return directory.Reserve{From: u.at()}
	case 13:
		area := pick(u, nil, []string{"MOSCOW"}, []string{"MOSCOW"}, []string{"BEIJING"}, []string{"BEIJING", "MOSCOW"}, []string{u.post()})
		from := u.at()
		return directory.Minimize{Area: area, From: from, Until: from.Add(time.Duration(pick(u, 1, 2, 3, 4, 0, 721)) * time.Hour), Why: "war"}
	case 0, 1:
		return directory.Office{Address: u.office()}
	case 2:
		return directory.Person{Number: u.person(), Post: u.post(), Roles: u.roles()}
	case 3:
		seed := make([]byte, 32)
		seed[0], seed[1] = byte(u.rng.IntN(256)), byte(u.rng.IntN(256))
		k := directory.Key{Ref: u.key(), Key: directory.PublicKey{Ed25519: ed25519.NewKeyFromSeed(seed)[32:], MLDSA: bytes.Repeat(seed[:2], 656)}, Signature: u.signature()}
		if k.Ref.Key > 1 && u.rng.IntN(3) > 0 {
			k.After, k.From, k.Continuity = k.Ref.Key-1, u.at(), u.signature()
		}
		return k
	case 4:
		return directory.Roles{Person: u.person(), From: u.at(), Roles: u.roles()}
	case 5:
		h := directory.Holder{Office: u.office(), Person: pick(u, 0, u.person())}
		for range u.rng.IntN(3) {
			h.Deputies = append(h.Deputies, u.person())
		}
		return h
	case 6:
		return directory.End{Of: u.subject(false), At: u.at(), Why: "left"}
	case 7, 8:
		return directory.Suspend{Of: u.subject(true), At: u.at(), Why: pick(u, "lost", "taken")}
	case 9:
		return directory.Restore{Of: u.subject(true)}
	case 10:
		return directory.Revoke{Key: u.key(), Size: int64(u.rng.IntN(4)), Root: [32]byte{1}}
	case 11:
		return pick(u, directory.Checked{Key: u.key(), How: "telephone", At: u.at()}, directory.Checked{Post: u.post(), How: "document", At: u.at()})
	}
	return pick[directory.Statement](u, directory.Grant{Post: u.post(), Offices: 1 + u.rng.IntN(4), People: 5 + u.rng.IntN(3), Roles: u.roles()},
		directory.LetterKey{Post: u.post(), ID: [4]byte{byte(u.rng.IntN(3))}, XWing: u.letter, NotBefore: u.at(), NotAfter: u.at(), Signature: u.signature()})
}

// issue has people issue it, mostly those who may.
func (u *universe) issue(s directory.Statement) directory.Statement {
	i := directory.Issued{Statement: s}
	people := pick(u, []uint32{20, 21}, []uint32{20, 21}, []uint32{22}, []uint32{20}, []uint32{21, 20}, []uint32{u.person(), u.person()})
	_, suspend := s.(directory.Suspend)
	_, checked := s.(directory.Checked)
	if suspend || checked {
		people = pick(u, []uint32{22}, people)
	}
	if _, minimize := s.(directory.Minimize); minimize {
		people = pick(u, []uint32{20, 22}, []uint32{20, 21}, []uint32{21, 22}, people)
		if u.rng.IntN(8) > 0 { // it is not counted
			suspend, checked = true, true
		}
	}
	if !(suspend && checked) && suspend == (u.rng.IntN(8) == 0) && checked == (u.rng.IntN(8) == 0) {
		i.Post = pick(u, "MOSCOW", "MOSCOW", "MOSCOW", "MOSCOW", u.post())
		i.Number = max(1, u.issued[i.Post]+1+pick(u, 0, 0, 0, 0, 0, 1, -1))
		u.issued[i.Post]++
	}
	for _, p := range people {
		i.By = append(i.By, directory.Issuer{Key: telegram.KeyRef{Person: p, Key: pick[uint16](u, 1, 1, 1, 1, 1, 1, 2)}, Signature: u.signature()})
	}
	return i
}

// TestStrangerKnowsTheRules draws statements by lot, by the root or by people, under the checkpoint or behind it: both programs must say the same
// of what may stand after what, and who may state it.
func TestStrangerKnowsTheRules(t *testing.T) {
	lived := string(must(os.ReadFile("../directory/testdata/lived.directory")))
	at := strings.Index(lived, "\n\nchancery/directory/") + 2
	end := strings.Index(lived[at:], "\n\nsalt ") + at + 2 // the checkpoint and its signatures, and no tail
	key := must(seal.NewLetterKey()).Public()
	parse := func(b []byte) error {
		_, err := directory.Parse(b)
		return err
	}
	var files [][]byte
	for n := range *strangerForms {
		u := &universe{rng: rand.New(rand.NewPCG(3, uint64(n))), letter: key, issued: map[string]int{}}
		file, signed, tail, wrong := "", "", "", false
		for range 4 + u.rng.IntN(20) {
			s, issued := u.statement(), maps.Clone(u.issued)
			behind := u.rng.IntN(2) == 0 || tail != ""
			if behind || u.rng.IntN(3) > 0 {
				s = u.issue(s)
			}
			text := fmt.Sprintf("salt %s\n%s\n", base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%32d", u.rng.Uint32())), s.Text())
			signedNow, tailNow := signed+text, tail
			if behind {
				signedNow, tailNow = signed, tail+text
			}
			made := lived[:at] + signedNow + strings.TrimSuffix(lived[at:end], "\n")
			if tailNow != "" {
				made += "\n" + tailNow
			}
			// Most of what may not stand is left out, so that there is a history for what comes then.
			if made = reckoned(made); parse([]byte(made)) == nil || u.rng.IntN(12) == 0 {
				wrong = wrong || parse([]byte(made)) != nil
				file, signed, tail = made, signedNow, tailNow
			} else {
				u.issued = issued
			}
			if wrong {
				break
			}
		}
		if file != "" {
			files = append(files, []byte(file))
		}
	}
	agree(t, "directory", files, judged)
}
