package chancery_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every test that docs/threats.md and docs/life.md name is there, its parts by their names too.
func TestThreats(t *testing.T) {
	var page []byte
	for _, name := range []string{"threats.md", "life.md"} {
		text, err := os.ReadFile(filepath.Join("docs", name))
		if err != nil {
			t.Fatal(err)
		}
		page = append(page, text...)
	}
	var all strings.Builder
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, "_test.go") {
			var b []byte
			b, err = os.ReadFile(path)
			all.Write(b)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`(Test[A-Za-z0-9]+)(?:/([^`]+))?`").FindAllStringSubmatch(string(page), -1)
	if len(named) < 100 {
		t.Errorf("the pages name %d tests only", len(named))
	}
	for _, n := range named {
		if !strings.Contains(all.String(), "func "+n[1]+"(") {
			t.Errorf("there is no test %s", n[1])
		}
		if n[2] != "" && !strings.Contains(all.String(), `"`+n[2]+`"`) {
			t.Errorf("%s has no part %q", n[1], n[2])
		}
	}
	for _, script := range regexp.MustCompile(`\(([a-z]+\.txtar)\)`).FindAllStringSubmatch(string(page), -1) {
		if _, err := os.Stat(filepath.Join("cmd", "chancery", "testdata", script[1])); err != nil {
			t.Errorf("there is no script %s", script[1])
		}
	}
}

// The table of labels in docs/formats has every label, and no other.
func TestLabelsAreListed(t *testing.T) {
	read := func(name string, pattern string) (found []string) {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(b), -1) {
			found = append(found, m[1])
		}
		return found
	}
	code := read(filepath.Join("telegram", "labels.go"), `= "(chancery/v1/[^"]+)"`)
	page := read(filepath.Join("docs", "formats", "README.md"), "(?m)^\\| `(chancery/v1/[^`]+)` \\|")
	if len(code) < 20 || !slices.Equal(code, page) {
		t.Errorf("labels.go has\n%q\ndocs/formats/README.md has\n%q", code, page)
	}
}
