package wycheproof

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// vectors are where the go command keeps the module of the vectors.
var vectors = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "mod", "download", "-json", "github.com/c2sp/wycheproof").Output()
	var m struct{ Dir, Error string }
	if e := json.Unmarshal(out, &m); err != nil || e != nil || m.Dir == "" {
		return "", fmt.Errorf("the vectors could not be had: %v %v %s", err, e, m.Error)
	}
	return filepath.Join(m.Dir, "testvectors_v1"), nil
})

// bytes is written in hexadecimal.
type bytes []byte

func (b *bytes) UnmarshalText(text []byte) (err error) {
	*b, err = hex.DecodeString(string(text))
	return err
}

// group is a group of vectors: the fields of all algorithms here.
type group[V any] struct {
	PublicKey   json.RawMessage // of ML-DSA the bytes, of Ed25519 an object
	PrivateSeed bytes
	KeySize     int
	IVSize      int
	TagSize     int
	Tests       []V
}

// vector is what every vector has.
type vector struct {
	ID      int `json:"tcId"`
	Comment string
	Flags   []string
	Result  string // valid, invalid or acceptable
}

func (v vector) has(flag string) bool {
	for _, f := range v.Flags {
		if f == flag {
			return true
		}
	}
	return false
}

// each runs the vectors of a file, those that run takes, and wants as many of them as docs/formats/README.md says.
func each[V any](t *testing.T, file string, run func(t *testing.T, g *group[V], v *V) (ran bool)) {
	t.Helper()
	dir, err := vectors()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, file+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var all struct {
		NumberOfTests int
		TestGroups    []group[V]
	}
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	n := 0
	for i := range all.TestGroups {
		g := &all.TestGroups[i]
		for j := range g.Tests {
			if run(t, g, &g.Tests[j]) {
				n++
			}
		}
	}
	if want := counted(t)[file]; want != fmt.Sprintf("%d of %d", n, all.NumberOfTests) {
		t.Errorf("%s: %d of %d were run, and docs/formats/README.md says %q", file, n, all.NumberOfTests, want)
	}
}

// counted are the numbers in the table of docs/formats/README.md.
func counted(t *testing.T) map[string]string {
	t.Helper()
	b, err := os.ReadFile("../../docs/formats/README.md")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z0-9_]+_test)` \\| ([0-9]+ of [0-9]+) \\|").FindAllStringSubmatch(string(b), -1) {
		out[m[1]] = m[2]
	}
	return out
}

// say names a vector.
func (v vector) say(t *testing.T, format string, a ...any) {
	t.Helper()
	t.Errorf("vector %d (%s; %s): %s", v.ID, v.Comment, strings.Join(v.Flags, ", "), fmt.Sprintf(format, a...))
}
