package post_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/directory"
	"chancery.example/chancery/post"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/telegram"
)

// strangerSays runs the checker over disclosures, each in a file of its name, and gives what it says of each: "holds", or why not.
func strangerSays(t *testing.T, python string, d *directory.Directory, records map[string][]byte) map[string]string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, map[string]string{"directory.txt": string(d.Marshal()), "fingerprint": d.Fingerprint().String() + "\n"})
	args := []string{filepath.Join(formats, "check.py"), "record"}
	for name, b := range records {
		args = append(args, filepath.Join(dir, name))
		write(t, dir, map[string]string{name: string(b)})
	}
	out, _ := exec.Command(python, args...).CombinedOutput()
	if strings.Contains(string(out), "Traceback") {
		t.Fatalf("the checker broke:\n%s", out)
	}
	says := map[string]string{}
	for _, l := range strings.Split(string(out), "\n") {
		for name := range records {
			if l == filepath.Join(dir, name)+" holds" {
				says[name] = "holds"
			} else if why, ok := strings.CutPrefix(l, "check.py: "+filepath.Join(dir, name)+": "); ok {
				says[name] = why
			}
		}
	}
	if len(says) != len(records) {
		t.Fatalf("the checker does not speak of all %d:\n%s", len(records), out)
	}
	return says
}

// holdsRecord says what our own check says of a disclosure.
func holdsRecord(d *directory.Directory, b []byte) (*post.Proven, error) {
	x, err := telegram.ParseDisclosure(b)
	if err != nil {
		return nil, err
	}
	return post.CheckDisclosure(d, x)
}

// speech has all that a disclosure can be about.
const speech = `To: AMBASSADOR@BEIJING; immediate
To: ATTACHE@BEIJING
Info: AMBASSADOR@LONDON
Caveat: EYES ONLY
Classification: SECRET
Subject: The "third" train
Code: ICE
Refers: LONDON 3/2025
Deadline: 2030-01-01T12:00Z
Deskby: 2029-01-01T12:00Z
Urgency: immediately
Ask: receipt, fulfilment
Signature: MINISTER

Поезд стоит  с пятницы; the third train, not the fourth of the trains.
[blank 3]
Ещё: the third train waits.
[sic wates]

[convey to the Minister]

渡轮停运,第三列车也停。

[convey to his brother]

العبّارة واقفة منذ ثلاثة أيام

[end OWNER]

[end PRINCIPAL]
[gloss a cover name]

"Say" nothing\ else.
`

// spokenTo has MOSCOW send the speech and BEIJING receive it, and gives the directory.
func spokenTo(t *testing.T) (moscow, beijing *desks) {
	t.Helper()
	m := openAttaching(t, nil)
	moscow, beijing = m.at("MOSCOW"), m.at("BEIJING")
	moscow.send("To: AMBASSADOR@LONDON\n\nAnother one, so that the proof has a way to go.\n")
	head, text, _ := strings.Cut(speech, "\n\n")
	moscow.send(head + "\n" + moscow.attach("Map of the harbour.pdf", content(1000, 1)) + moscow.attach("Names.txt", content(5, 2)) + "\n" + text)
	m.run()
	m.until("it has arrived", func() bool { return len(beijing.received()) == 1 })
	m.crash()
	return moscow, beijing
}

func (x *desks) disclosed(w post.ToDisclose, ws ...post.Withholding) *post.Disclosure {
	x.m.t.Helper()
	w.Withhold = ws
	d, err := x.Disclose(background, &w)
	if err != nil {
		x.m.t.Fatal(err)
	}
	return d
}

// Telegrams just sent are disclosed in many ways, and a program that was written from docs/formats alone says the same of them.
func TestStrangerRecords(t *testing.T) {
	python := python(t)
	moscow, beijing := spokenTo(t)
	sent, received := post.ToDisclose{Way: archive.Out, Number: 1}, post.ToDisclose{Way: archive.In, Number: 1}
	passed := passedOn(moscow, beijing)
	records := map[string][]byte{}
	proving := func(w post.ToDisclose, p post.Proof) post.ToDisclose { w.Proof = p; return w }
	showing := func(w post.ToDisclose, ks ...int) post.ToDisclose { w.Attachments = ks; return w }
	for what, c := range map[string]struct {
		at   *desks
		how  post.ToDisclose
		what []post.Withholding
	}{
		"nothing withheld":                 {moscow, sent, nil},
		"words":                            {moscow, sent, []post.Withholding{{Words: "third train", Reason: "1.4(d)"}, {Words: "第三"}, {Words: "Поезд", Reason: "b"}}},
		"who released":                     {moscow, sent, []post.Withholding{{Field: "releaser"}, {Field: "drafter", Reason: "privacy"}, {Field: "addressee#3"}}},
		"a message and a paragraph":        {moscow, proving(sent, post.ProofReleased), []post.Withholding{{Message: 1}, {Paragraph: 1, Reason: "x"}}},
		"every field":                      {moscow, sent, everyField()},
		"the text":                         {moscow, sent, []post.Withholding{{Field: "text"}}},
		"all":                              {moscow, sent, []post.Withholding{{Field: "all", Reason: "closed"}}},
		"as received":                      {beijing, received, []post.Withholding{{Words: "third train"}}},
		"as received, with nobody named":   {beijing, received, []post.Withholding{{Field: "all"}}},
		"attachments":                      {moscow, showing(sent, 1, 2), []post.Withholding{{Field: "attachment#2", Reason: "names"}}},
		"attachments, as received":         {beijing, showing(received, 2), []post.Withholding{{Words: "map of"}}},
		"registered alone, nothing hidden": {beijing, proving(received, post.ProofRegistered), nil},
		"passed on":                        {beijing, passed, nil},
		"passed on, less a message":        {beijing, passed, []post.Withholding{{Message: 1}, {Field: "reference"}, {Field: "considered"}}},
	} {
		d := c.at.disclosed(c.how, c.what...)
		records[what] = d.Record
		if p, err := holdsRecord(world().dir, d.Record); err != nil || p.Text != d.Text {
			t.Errorf("%s: %v", what, err)
		}
	}
	clerk := newClerk(nil, "MOSCOW", "BEIJING")
	clerk.registered()
	records["received before the second signature"] = clerk.discloses(telegram.EntryBriefIn, "BEIJING", true).Marshal()
	for what, says := range strangerSays(t, python, world().dir, records) {
		if says != "holds" {
			t.Errorf("%s: the stranger says %s", what, says)
		}
	}
	// By another directory none of them holds.
	other := otherWorld()
	for what, says := range strangerSays(t, python, other, records) {
		if _, err := holdsRecord(other, records[what]); err == nil || !strings.Contains(err.Error(), "the directory has no") || !strings.Contains(says, "the directory has no") {
			t.Errorf("%s: by another directory it is so that %v, and the stranger says %s", what, err, says)
		}
	}
}

// passedOn has BEIJING pass the speech on for information, marked as considered, and names that telegram.
func passedOn(moscow, beijing *desks) post.ToDisclose {
	m := beijing.m
	f := must(beijing.Another(background, &post.Another{Act: telegram.Readdresses, Number: 1, Info: []telegram.Address{{Office: "ATTACHE", Post: "MOSCOW"}}, Text: "For your files."}))
	f.Telegram.Considered = true
	moscow.reopen()
	beijing.reopen()
	m.run()
	beijing.sendForm(f, nil)
	m.delivered("BEIJING")
	m.crash()
	return post.ToDisclose{Way: archive.Out, Number: 1}
}

// everyField withholds each field of the head by itself but the releaser, and the numbers.
func everyField() (all []post.Withholding) {
	for i, name := range telegram.FieldNames() {
		if !slices.Contains([]string{"releaser", "head", "text", "all", "original", "considered"}, name) { // the speech has not the last two
			all = append(all, post.Withholding{Field: name, Reason: []string{"", "a", "b"}[i%3]})
		}
	}
	return all
}

// otherWorld is a directory of other people and posts.
func otherWorld() *directory.Directory {
	s := newSecrets("MOSCOW", telegram.Route{1, 2, 3}, 900)
	return world().sign(must(must(directory.New(directory.Root{Threshold: 2, Officers: officersOf(world())})).Append(s.stated...)))
}

func officersOf(w *cabinet) (all []directory.Officer) {
	for n, s := range w.officers {
		all = append(all, directory.Officer{Number: n + 1, Key: public(s)})
	}
	return all
}

// altering reads a disclosure as any JSON, has it altered, and writes it in its one form.
func altering(t *testing.T, b []byte, alter func(x map[string]any)) []byte {
	t.Helper()
	var x map[string]any
	r := json.NewDecoder(bytes.NewReader(b))
	r.UseNumber()
	if err := r.Decode(&x); err != nil {
		t.Fatal(err)
	}
	alter(x)
	var out bytes.Buffer
	w := json.NewEncoder(&out)
	w.SetEscapeHTML(false)
	if err := w.Encode(x); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Every alteration is refused, by us and by the stranger.
func TestStrangerMissesNoAlteredRecord(t *testing.T) {
	python := python(t)
	moscow, beijing := spokenTo(t)
	good := moscow.disclosed(post.ToDisclose{Way: archive.Out, Number: 1}, post.Withholding{Words: "third train", Reason: "1.4(d)"}, post.Withholding{Field: "info"}, post.Withholding{Paragraph: 3}).Record
	released := moscow.disclosed(post.ToDisclose{Way: archive.Out, Number: 1, Proof: post.ProofReleased, Attachments: []int{1, 2}}).Record
	hidden := moscow.disclosed(post.ToDisclose{Way: archive.Out, Number: 1, Proof: post.ProofRegistered}, post.Withholding{Field: "releaser"}).Record
	theirs := beijing.disclosed(post.ToDisclose{Way: archive.In, Number: 1}).Record
	other := moscow.disclosed(post.ToDisclose{Way: archive.Out, Number: 2}).Record
	if same := altering(t, good, func(map[string]any) {}); !bytes.Equal(same, good) {
		t.Fatal("another program writes it otherwise")
	}
	of := func(b []byte, member string) (v any) {
		altering(t, b, func(x map[string]any) { v = x[member] })
		return v
	}
	leaves := func(x map[string]any, tree string) []any { return x[tree].(map[string]any)["leaves"].([]any) }
	leaf := func(x map[string]any, tree string, i int) map[string]any { return leaves(x, tree)[i].(map[string]any) }
	set := func(x map[string]any, tree string, l []any) { x[tree].(map[string]any)["leaves"] = l }
	shown := func(x map[string]any, kind int, n int) map[string]any {
		for _, l := range append(leaves(x, "head"), leaves(x, "body")...) {
			if l := l.(map[string]any); l["kind"] == json.Number(fmt.Sprint(kind)) {
				if n--; n < 0 {
					return l
				}
			}
		}
		t.Fatalf("no leaf of kind %d is shown", kind)
		return nil
	}
	turned := func(s any) string { // another letter in the middle
		b := []rune(s.(string))
		at := len(b) / 2
		b[at] = map[bool]rune{true: 'B', false: 'A'}[b[at] == 'A']
		return string(b)
	}
	replaced := func(old, new string) func(map[string]any) []byte {
		return func(map[string]any) []byte {
			if !strings.Contains(string(good), old) {
				t.Fatalf("there is no %s", old)
			}
			return []byte(strings.Replace(string(good), old, new, 1))
		}
	}
	type alteration struct {
		of     []byte
		alter  func(x map[string]any)
		whole  func(x map[string]any) []byte
		says   string // our own words
		theirs string // the stranger's
	}
	const otherR, otherForm = "another R than the one it names", "one written form"
	records, want := map[string][]byte{}, map[string]string{}
	for name, c := range map[string]alteration{
		"a shown word":             {good, func(x map[string]any) { shown(x, 0x40, 0)["value"] = "fifth " }, nil, otherR, "does not make R"},
		"a character of one":       {good, func(x map[string]any) { l := shown(x, 0x41, 0); l["value"] = turned(l["value"]) }, nil, otherR, ""},
		"a Chinese character":      {theirs, func(x map[string]any) { shown(x, 0x41, 1)["value"] = "度" }, nil, otherR, "does not make R"},
		"the spaces behind a word": {good, func(x map[string]any) { l := shown(x, 0x40, 0); l["value"] = l["value"].(string) + " " }, nil, otherR, "does not make R"},
		"a field":                  {good, func(x map[string]any) { shown(x, 3, 0)["value"] = "MINISTRY@MOSCOW" }, nil, otherR, "does not make R"},
		"a precedence":             {good, func(x map[string]any) { l := shown(x, 6, 0); l["hex"] = "05" + l["hex"].(string)[2:] }, nil, otherR, "does not make R"},
		"a salt":                   {good, func(x map[string]any) { l := shown(x, 0x40, 0); l["salt"] = turned(l["salt"]) }, nil, otherR, "does not make R"},
		"two salts swapped": {good, func(x map[string]any) {
			a, b := shown(x, 0x40, 0), shown(x, 0x40, 1)
			a["salt"], b["salt"] = b["salt"], a["salt"]
		}, nil, otherR, "does not make R"},
		"a digest": {good, func(x map[string]any) {
			d := x["body"].(map[string]any)["digests"].([]any)
			d[0] = turned(d[0])
		}, nil, otherR, "does not make R"},
		"digests swapped": {good, func(x map[string]any) { d := x["body"].(map[string]any)["digests"].([]any); d[0], d[1] = d[1], d[0] }, nil, otherR, "does not make R"},
		"a digest left out": {good, func(x map[string]any) {
			b := x["body"].(map[string]any)
			b["digests"] = b["digests"].([]any)[1:]
		}, nil, "or too few", "digests"},
		"a digest more": {good, func(x map[string]any) {
			b := x["body"].(map[string]any)
			b["digests"] = append(b["digests"].([]any), b["digests"].([]any)[0])
		}, nil, "too many", "digests"},
		"a leaf inserted": {good, func(x map[string]any) { set(x, "body", append(leaves(x, "body"), leaves(x, "body")[0])) }, nil, "its form says", "the form says"},
		"a leaf left out": {good, func(x map[string]any) { set(x, "body", leaves(x, "body")[1:]) }, nil, "its form says", "the form says"},
		"a leaf into the head": {released, func(x map[string]any) {
			b := leaves(x, "body")
			set(x, "head", append(leaves(x, "head"), b[0]))
			set(x, "body", b[1:])
		}, nil, "another R", "does not make R"},
		"leaves moved":     {good, func(x map[string]any) { b := leaves(x, "body"); b[1], b[2] = b[2], b[1] }, nil, otherR, "does not make R"},
		"paragraphs moved": {released, func(x map[string]any) { b := leaves(x, "body"); b[0], b[len(b)-4] = b[len(b)-4], b[0] }, nil, "", ""},
		"a kind":           {good, func(x map[string]any) { shown(x, 0x41, 0)["kind"] = json.Number("64") }, nil, "its form says", "another kind"},
		"the form": {good, func(x map[string]any) {
			l := leaf(x, "head", 0)
			l["hex"] = strings.Replace(l["hex"].(string), "4140", "4141", 1)
		}, nil, "", ""},
		"the form withheld": {good, func(x map[string]any) { leaves(x, "head")[0] = map[string]any{"withheld": json.Number("1")} }, nil, "its form", "does not show its form"},
		"more withheld":     {good, func(x map[string]any) { leaves(x, "body")[0] = map[string]any{"withheld": json.Number("1")} }, nil, "digests", "digests"},
		"a count": {good, func(x map[string]any) {
			set(x, "head", append(leaves(x, "head"), map[string]any{"withheld": json.Number("1048576")}))
		}, nil, "more leaves", "more leaves"},
		"R":                     {good, func(x map[string]any) { x["root"] = turned(x["root"]) }, nil, "", ""},
		"R of another telegram": {good, func(x map[string]any) { x["root"] = of(other, "root") }, nil, otherR, "does not make R"},
		"the Ed25519 signature": {released, func(x map[string]any) {
			r := x["released"].(map[string]any)
			r["ed25519"] = turned(r["ed25519"])
		}, nil, "the releaser's signature does not hold", "Ed25519"},
		"the ML-DSA-44 signature": {released, func(x map[string]any) {
			r := x["released"].(map[string]any)
			r["ml-dsa-44"] = turned(r["ml-dsa-44"])
		}, nil, "the releaser's signature does not hold", "ML-DSA-44"},
		"a signature that was not entered":        {good, func(x map[string]any) { r := x["released"].(map[string]any); r["ml-dsa-44"] = turned(r["ml-dsa-44"]) }, nil, "another release", ""},
		"another telegram's signatures":           {released, func(x map[string]any) { x["released"] = of(other, "released") }, nil, "signature does not hold", "Ed25519"},
		"signatures of whom it withholds":         {hidden, func(x map[string]any) { x["released"] = of(good, "released") }, nil, "withholds who released", "the releaser is withheld"},
		"another telegram's entry":                {good, func(x map[string]any) { x["registered"] = of(other, "registered") }, nil, "entry is of another telegram", "of another telegram"},
		"the receiver's entry with these numbers": {good, func(x map[string]any) { x["registered"] = of(theirs, "registered") }, nil, "", ""},
		"another telegram's numbers":              {good, func(x map[string]any) { x["numbers"] = of(other, "numbers") }, nil, "the numbers are not those", "numbers"},
		"a number":                                {good, func(x map[string]any) { leaf(x, "numbers", 1)["hex"] = "07ea00000007" }, nil, "the numbers are not those", "numbers are not those"},
		"the checkpoint": {good, func(x map[string]any) {
			x["registered"] = strings.Replace(x["registered"].(string), "\n— ", "\n— x", 1)
		}, nil, "lacks a signature", "has not signed"},
		"the entry's place": {good, func(x map[string]any) {
			x["registered"] = strings.Replace(x["registered"].(string), "\nindex 1\n", "\nindex 0\n", 1)
		}, nil, "not in the log", "does not have this entry"},
		"no proof":                {released, func(x map[string]any) { delete(x, "released") }, nil, "proves neither", "proves nothing"},
		"numbers and no entry":    {good, func(x map[string]any) { delete(x, "registered") }, nil, "no entry of a register", "no entry that proves them"},
		"a member more":           {good, func(x map[string]any) { x["extra"] = "x" }, nil, otherForm, "other members"},
		"a member of a leaf more": {good, func(x map[string]any) { shown(x, 3, 0)["why"] = "x" }, nil, otherForm, "other members"},
		"no salt":                 {good, func(x map[string]any) { delete(shown(x, 3, 0), "salt") }, nil, otherForm, "other members"},
		"text as hexadecimal digits": {good, func(x map[string]any) {
			l := shown(x, 3, 0)
			l["hex"] = fmt.Sprintf("%x", l["value"])
			delete(l, "value")
		}, nil, "written as text", "written otherwise"},
		"a number that is a text": {good, func(x map[string]any) { shown(x, 3, 0)["kind"] = "3" }, nil, otherForm, "no number"},
		"a reason for nothing":    {good, func(x map[string]any) { x["reasons"] = []any{"1.4(d)", "more"} }, nil, "nothing is withheld for", "used for nothing"},
		"a reason twice":          {good, func(x map[string]any) { x["reasons"] = []any{"1.4(d)", "1.4(d)"} }, nil, "stands twice", "stands twice"},
		"another version":         {good, func(x map[string]any) { x["disclosure"] = json.Number("2") }, nil, "later version", "unknown version"},
		"a space":                 {good, nil, replaced(`"body":`, `"body": `), otherForm, otherForm},
		"a name twice":            {good, nil, replaced(`{"body":`, `{"body":1,"body":`), otherForm, otherForm},
		"an escape":               {good, nil, replaced(`"value":"MINISTER"`, `"value":"\u004dINISTER"`), "not needed", otherForm},
		"a line feed more":        {good, nil, replaced("}\n", "}\n\n"), "more follows", otherForm},
		"nothing":                 {good, nil, func(map[string]any) []byte { return nil }, otherForm, "cannot be read"},
		"nested":                  {good, nil, func(map[string]any) []byte { return []byte(strings.Repeat(`{"body":`, 100_000)) }, otherForm, "nests"},
		"a number out of range":   {good, nil, replaced(`"disclosure":1`, `"disclosure":1e400`), "", ""},
	} {
		var b []byte
		if c.whole != nil {
			b = c.whole(nil)
		} else {
			b = altering(t, c.of, c.alter)
		}
		if bytes.Equal(b, c.of) {
			t.Fatalf("%s: nothing was altered", name)
		}
		if _, err := holdsRecord(world().dir, b); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: our check says %v", name, err)
		}
		records[name], want[name] = b, c.theirs
	}
	for name, says := range strangerSays(t, python, world().dir, records) {
		if says == "holds" || !strings.Contains(says, want[name]) {
			t.Errorf("%s: the stranger says %s", name, says)
		}
	}
}

// The vectors have a disclosure of their telegram: what is made of the letter in them today, and both programs say that it holds.
func TestStrangerRecordVector(t *testing.T) {
	python := python(t)
	dir := filepath.Join(formats, "vectors")
	read := func(name string) string { return string(must(os.ReadFile(filepath.Join(dir, name)))) }
	d := must(directory.Parse([]byte(read("directory.txt"))))
	var to, key, envelope string
	fmt.Sscanf(read("letter.txt"), "to %s\nkey %s\nenvelope %s\n", &to, &key, &envelope)
	e := must(telegram.ParseEnvelope(must(hex.DecodeString(envelope))))
	l := must(seal.Open(&e, must(seal.ParseLetterKey(must(hex.DecodeString(key)))), to, func(from string) *seal.Verifier {
		p, _ := d.Post(from)
		return must(seal.NewVerifier(p.Identity.Ed25519, p.Identity.MLDSA))
	}))
	r := must(telegram.ParseRegistered(must(telegram.ParseSection(l.Payload)).Piece))
	x := telegram.Redact(r.Telegram)
	x.EnterOut(&r.Numbers)
	for words, reason := range map[string]string{"northern harbour": "1.4(d)", "轮停": "1.4(d)", "Ice": ""} {
		if _, err := x.Words(words, reason); err != nil {
			t.Fatal(err)
		}
	}
	if err := x.Field("info", "privacy"); err != nil {
		t.Fatal(err)
	}
	made := must(x.Disclose())
	made.Release, made.ReleasePQ, made.Registered = r.Release, r.ReleasePQ, read("proof.txt")
	if *updateVectors {
		write(t, dir, map[string]string{"record.json": string(made.Marshal())})
	}
	if read("record.json") != string(made.Marshal()) {
		t.Error("docs/formats/vectors/record.json is of another telegram, or is made otherwise: run with -update-vectors")
	}
	p, err := holdsRecord(d, made.Marshal())
	if err != nil || p.Released == nil || p.Registered == nil || len(p.Withheld) != 6 || strings.Contains(p.Text, "harbour") {
		t.Errorf("%v\n%+v", err, p)
	}
	out, err := exec.Command(python, filepath.Join(formats, "check.py"), "record", dir).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "R: "+p.Root.String()) || !strings.Contains(string(out), "released by 101/1 of MOSCOW\nentered by MOSCOW as sent, entry ") {
		t.Errorf("the stranger says\n%s", out)
	}
}
