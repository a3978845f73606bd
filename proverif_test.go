package chancery_test

import (
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// The symbolic models in docs/models, and weakened variants of them, are run by ProVerif:
//
//	make model           where proverif is on the PATH; with PROVERIF=required it must be
//
// which writes docs/models/proverif.txt. In every other run this test only compares: nobody changes a model without running it, each weakening has a
// query that it must break, what a model quotes of docs/formats stands there, and the function that it says it models is there.

var (
	prove   = flag.Bool("prove", false, "run ProVerif over docs/models, and write what it said")
	proveOf = flag.String("prove-of", "", "with -prove: only the model of this `name`")
)

const (
	modelsDir    = "docs/models"
	modelsShared = "chancery.pvl"
	modelsTable  = "docs/models/proverif.txt"
	modelsHead   = "# What ProVerif says of each model, as built (-) and weakened: model, variant, query, what it said. Made by  make model; hashes without the lines (*?"

	// proveFor bounds one run. None takes a tenth of it.
	proveFor = 20 * time.Minute
)

// What ProVerif can say of a query. One that begins with "can" asks whether something can happen at all.
const (
	holds   = "holds"
	fails   = "fails"
	happens = "happens"
	never   = "never happens"
)

// model is one file of queries, and what must become of them in each variant.
type model struct {
	name     string // without .pv
	text     string
	queries  []string // by their names, in order
	variants []variant
}

// variant is a model with some of its marked lines left out or put in.
type variant struct {
	name   string   // "-" for the model as it stands
	breaks []string // the queries that must come out false
}

var (
	markName     = regexp.MustCompile(`\(\*[-+] ([A-Z0-9_]+)`)
	markWithout  = regexp.MustCompile(`\(\*- ([A-Z0-9_]+) \*\)`)
	markInstead  = regexp.MustCompile(`\(\*\+ ([A-Z0-9_]+): (.*?) \*\)`)
	markExpected = regexp.MustCompile(`(?m)^\(\*\? ([A-Z0-9_]+(?: \+ [A-Z0-9_]+)*): ([a-z, ]+)\. [^\n]+ \*\)$`)
	markLine     = regexp.MustCompile(`(?m)^\(\*\? .*\n`)
	queryName    = regexp.MustCompile(`(?m)^\(\* \[([a-z ]+)\] `)
	queryBegins  = regexp.MustCompile(`(?m)^query `)
	functionRef  = regexp.MustCompile(`\[([a-z/]+\.go) ([A-Za-z]+)\]`)
	queryRef     = regexp.MustCompile("`([a-z]+)\\.pv \\[([a-z ]+)\\]`")
	quotedLabel  = regexp.MustCompile(`"(chancery/v1/[a-z ]+\\n)"`)
)

// loadModels reads the models, and the bytes of each file by its name.
func loadModels(t *testing.T) (models []model, files map[string]string) {
	files = map[string]string{}
	paths, err := filepath.Glob(filepath.Join(modelsDir, "*.pv*"))
	if err != nil || len(paths) < 2 {
		t.Fatalf("there are %d models in %s: %v", len(paths), modelsDir, err)
	}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name, text := filepath.Base(path), string(b)
		files[name] = text
		if name == modelsShared {
			continue
		}
		m := model{name: strings.TrimSuffix(name, ".pv"), text: text, variants: []variant{{name: "-"}}}
		for _, x := range queryName.FindAllStringSubmatch(text, -1) {
			m.queries = append(m.queries, x[1])
		}
		if n := len(queryBegins.FindAllString(text, -1)); n == 0 || n != len(m.queries) {
			t.Errorf("%s has %d queries and %d names for them", name, n, len(m.queries))
		}
		for _, x := range markExpected.FindAllStringSubmatch(text, -1) {
			v := variant{name: x[1]}
			if x[2] != "nothing" {
				v.breaks = strings.Split(x[2], ", ")
			}
			for _, q := range v.breaks {
				if !slices.Contains(m.queries, q) {
					t.Errorf("%s: %s is to break %q, which is no query", name, v.name, q)
				}
			}
			m.variants = append(m.variants, v)
		}
		models = append(models, m)
	}
	return models, files
}

// weakened is a model's text, or that of what it shares, in a variant. Lines keep their numbers.
func weakened(text, variant string) string {
	names := strings.Split(variant, " + ")
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		for _, x := range markWithout.FindAllStringSubmatch(line, -1) {
			if slices.Contains(names, x[1]) {
				lines[i] = ""
			}
		}
		if x := markInstead.FindStringSubmatch(line); x != nil && slices.Contains(names, x[1]) {
			lines[i] = strings.Replace(lines[i], x[0], x[2], 1)
		}
	}
	return strings.Join(lines, "\n")
}

// must says what has to come out for a query in a variant.
func (v *variant) must(query string) string {
	can, broken := strings.HasPrefix(query, "can "), slices.Contains(v.breaks, query)
	switch {
	case can && broken:
		return never
	case can:
		return happens
	case broken:
		return fails
	}
	return holds
}

// row is one row of the table.
func row(m *model, v *variant, query, said string) string {
	return strings.Join([]string{m.name, v.name, query, said}, "\t")
}

// heads are the rows that say of which files the verdicts are. What must come out is no part of that: it is held against them in every run.
func heads(files map[string]string) (rows []string) {
	for name, text := range files {
		rows = append(rows, fmt.Sprintf("sha256\t%s\t%x", name, sha256.Sum256([]byte(markLine.ReplaceAllString(text, "")))))
	}
	slices.Sort(rows)
	return rows
}

// TestModels holds the committed verdicts against the models as they are; with -prove it makes them.
func TestModels(t *testing.T) {
	models, files := loadModels(t)
	checkMarks(t, models, files)
	if *prove {
		proveAll(t, models, files)
		return
	}
	b, err := os.ReadFile(modelsTable)
	if err != nil {
		t.Fatal(err)
	}
	want := heads(files)
	for _, m := range models {
		for _, v := range m.variants {
			for _, q := range m.queries {
				want = append(want, row(&m, &v, q, v.must(q)))
			}
		}
	}
	lines := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	if len(lines) < 2 || lines[0] != modelsHead || !strings.HasPrefix(lines[1], "proverif\t") {
		t.Fatalf("%s does not begin as it must: make it with  make model", modelsTable)
	}
	got := lines[2:]
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("%s is not of these models: run  PROVERIF=required make model  and commit what it wrote. The first difference, line %d:\nit has   %q\nit needs %q", modelsTable, i+3, at(got, i), at(want, i))
		}
	}
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

// checkMarks holds that each place which can be weakened is weakened somewhere, and breaks something there.
func checkMarks(t *testing.T, models []model, files map[string]string) {
	used := map[string]bool{}
	for _, m := range models {
		seen := map[string]bool{}
		for _, v := range m.variants[1:] {
			if seen[v.name] {
				t.Errorf("%s.pv has the variant %s twice", m.name, v.name)
			}
			seen[v.name] = true
			for _, name := range strings.Split(v.name, " + ") {
				used[name] = true
				if weakened(m.text, name) == m.text && weakened(files[modelsShared], name) == files[modelsShared] {
					t.Errorf("%s.pv: the variant %s changes nothing", m.name, name)
				}
			}
		}
		if n := strings.Count(m.text, "(*? "); n != len(m.variants)-1 {
			t.Errorf("%s.pv has %d lines of variants, %d of which can be read", m.name, n, len(m.variants)-1)
		}
	}
	for name, text := range files {
		for _, x := range markName.FindAllStringSubmatch(text, -1) {
			if !used[x[1]] {
				t.Errorf("%s: nobody says what %s breaks", name, x[1])
			}
		}
	}
	for _, m := range models {
		for _, q := range m.queries {
			if strings.HasPrefix(q, "can ") {
				continue
			}
			if !slices.ContainsFunc(m.variants, func(v variant) bool { return slices.Contains(v.breaks, q) }) {
				t.Errorf("%s.pv: no variant breaks %q, so nothing shows that it says anything", m.name, q)
			}
		}
	}
}

// TestModelsQuote holds the models against what they say they are of: each line with ‖ stands in docs/formats, each label in the table of labels, and each
// function in its file.
func TestModelsQuote(t *testing.T) {
	_, files := loadModels(t)
	plain := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	var formats string
	pages, err := filepath.Glob("docs/formats/*.md")
	if err != nil {
		t.Fatal(err)
	}
	read := func(path string) string {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
		}
		return string(b)
	}
	for _, page := range pages {
		formats += plain(read(page)) + "\n"
	}
	labels := read("telegram/labels.go")
	lines, functions := 0, 0
	for name, text := range files {
		for _, line := range strings.Split(text, "\n") {
			if quote := plain(strings.TrimSuffix(strings.TrimSpace(line), "*)")); strings.Contains(quote, "‖") && !strings.HasPrefix(quote, "(*") && !strings.Contains(quote, "with ‖") {
				if lines++; !strings.Contains(formats, quote) {
					t.Errorf("%s quotes what docs/formats does not say: %s", name, quote)
				}
			}
		}
		for _, x := range quotedLabel.FindAllStringSubmatch(text, -1) {
			if !strings.Contains(labels, `"`+x[1]+`"`) {
				t.Errorf("%s has a label that telegram/labels.go has not: %s", name, x[1])
			}
		}
		for _, x := range functionRef.FindAllStringSubmatch(text, -1) {
			functions++
			if !regexp.MustCompile(`(?m)^func (\([^)]*\) )?` + x[2] + `\(`).MatchString(read(x[1])) {
				t.Errorf("%s is of a function that is not there: %s in %s", name, x[2], x[1])
			}
		}
	}
	if lines < 10 || functions < 20 {
		t.Errorf("the models quote %d lines and %d functions only", lines, functions)
	}
}

// TestModelsNamed holds that each query which the documents name is there.
func TestModelsNamed(t *testing.T) {
	models, _ := loadModels(t)
	named := 0
	for _, page := range []string{"docs/threats.md", "docs/models/README.md"} {
		b, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range queryRef.FindAllStringSubmatch(string(b), -1) {
			named++
			if !slices.ContainsFunc(models, func(m model) bool { return m.name == x[1] && slices.Contains(m.queries, x[2]) }) {
				t.Errorf("%s names a query that is not there: %s [%s]", page, x[1], x[2])
			}
		}
	}
	if named < 20 {
		t.Errorf("the documents name %d queries only", named)
	}
}

// proveAll runs ProVerif over the models in every variant, and writes what it said. Of models that are not run the old verdicts stay, if they are of these files.
func proveAll(t *testing.T, models []model, files map[string]string) {
	out, err := exec.Command("proverif", "-help").Output()
	version := regexp.MustCompile(`(?i)^proverif ([0-9][0-9a-z.]*[0-9a-z])`).FindSubmatch(out)
	if version == nil {
		t.Fatalf("the models cannot be run: proverif is not on the PATH (%v)", err)
	}
	head := append([]string{modelsHead, "proverif\t" + string(version[1])}, heads(files)...)
	old := oldRows(t, head)
	rows := map[string][]string{} // by model and variant
	var mu sync.Mutex
	var wg sync.WaitGroup
	type job struct {
		m *model
		v *variant
	}
	next := make(chan job)
	for range runtime.NumCPU() {
		wg.Go(func() {
			for j := range next {
				got := proveOne(t, j.m, j.v, files)
				mu.Lock()
				rows[j.m.name+"\t"+j.v.name] = got
				mu.Unlock()
			}
		})
	}
	for i := range models {
		for j := range models[i].variants {
			if *proveOf == "" || models[i].name == *proveOf {
				next <- job{&models[i], &models[i].variants[j]}
			}
		}
	}
	close(next)
	wg.Wait()
	text := head
	for _, m := range models {
		for _, v := range m.variants {
			key := m.name + "\t" + v.name
			if got, run := rows[key]; run {
				text = append(text, got...)
			} else {
				text = append(text, old[key]...)
			}
		}
	}
	if err := os.WriteFile(modelsTable, []byte(strings.Join(text, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

// oldRows are the committed verdicts of models that have not changed since, by model and variant.
func oldRows(t *testing.T, head []string) map[string][]string {
	b, err := os.ReadFile(modelsTable)
	if err != nil {
		t.Logf("there are no verdicts yet: %v", err)
		return nil
	}
	same := map[string]bool{}
	for _, line := range strings.Split(string(b), "\n") {
		if f := strings.Split(line, "\t"); slices.Contains(head, line) {
			same[f[min(1, len(f)-1)]] = true
		}
	}
	rows := map[string][]string{}
	for _, line := range strings.Split(string(b), "\n") {
		if f := strings.Split(line, "\t"); len(f) == 4 && same[f[0]+".pv"] && same[modelsShared] && same[strings.TrimPrefix(head[1], "proverif\t")] {
			rows[f[0]+"\t"+f[1]] = append(rows[f[0]+"\t"+f[1]], line)
		}
	}
	return rows
}

// proveOne runs one variant of one model.
func proveOne(t *testing.T, m *model, v *variant, files map[string]string) (rows []string) {
	dir := t.TempDir()
	shared, own := filepath.Join(dir, modelsShared), filepath.Join(dir, m.name+".pv")
	for _, err := range []error{os.WriteFile(shared, []byte(weakened(files[modelsShared], v.name)), 0o644),
		os.WriteFile(own, []byte(weakened(m.text, v.name)), 0o644)} {
		if err != nil {
			t.Error(err)
			return nil
		}
	}
	ctx, stop := context.WithTimeout(t.Context(), proveFor)
	defer stop()
	began := time.Now()
	out, err := exec.CommandContext(ctx, "proverif", "-lib", shared, own).CombinedOutput()
	_, summary, ok := strings.Cut(string(out), "Verification summary:")
	answers := regexp.MustCompile(`(?m)^(?: - )?Query .* (is true|is false|cannot be proved)\.$`).FindAllStringSubmatch(summary, -1)
	if err != nil || !ok || len(answers) != len(m.queries) {
		t.Errorf("%s.pv, %s: proverif did not answer %d queries (%v):\n%s", m.name, v.name, len(m.queries), err, out[max(0, len(out)-2000):])
		return nil
	}
	var not []string
	for i, q := range m.queries {
		said := "not decided"
		can := strings.HasPrefix(q, "can ")
		switch {
		case answers[i][1] == "is true" && can:
			said = never
		case answers[i][1] == "is true":
			said = holds
		case answers[i][1] == "is false" && can:
			said = happens
		case answers[i][1] == "is false":
			said = fails
		}
		if said != holds && said != happens {
			not = append(not, q+": "+said)
		}
		if must := v.must(q); said != must {
			t.Errorf("%s.pv, %s: %q must be: %s. ProVerif says: %s", m.name, v.name, q, must, said)
		}
		rows = append(rows, row(m, v, q, said))
	}
	t.Logf("%-9s %-32s %6.1f s  %s", m.name, v.name, time.Since(began).Seconds(), strings.Join(not, ", "))
	return rows
}
