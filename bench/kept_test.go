package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
)

// How what was measured is kept: results.json, and beside it a page and pictures, which are made of that file alone.

// into lays the figures among those that are kept in a file: they take the place of older ones of the same groups, and all others stay.
func (r *results) into(file string) (*results, error) {
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return nil, err
	}
	var old results
	if err := json.Unmarshal(b, &old); err != nil {
		return nil, fmt.Errorf("%s cannot be read; nothing was written: %w", file, err)
	}
	fresh := map[string][]figure{}
	for _, f := range r.Figures {
		fresh[f.Command] = append(fresh[f.Command], f)
	}
	all, laid := &results{Date: r.Date, Machine: r.Machine}, map[string]bool{}
	for _, f := range old.Figures {
		switch {
		case laid[f.Command]:
		case len(fresh[f.Command]) > 0:
			all.Figures = append(all.Figures, fresh[f.Command]...)
			laid[f.Command] = true
		case old.Machine != r.Machine:
			return nil, fmt.Errorf("%s is of another machine (%+v); nothing was written. Measure all groups, or delete it", file, old.Machine)
		default:
			all.Figures = append(all.Figures, f)
		}
	}
	for _, f := range r.Figures {
		if !laid[f.Command] {
			all.Figures = append(all.Figures, f)
		}
	}
	return all, nil
}

// write writes the file, and beside it the page and the pictures.
func (r *results) write(file string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	files := r.pictures()
	files[filepath.Base(file)], files["README.md"] = string(b)+"\n", r.page()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(filepath.Dir(file), name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// ratio is how the figure stands to its peer, in words if it could not be measured.
func (f *figure) ratio() string {
	if f.Missing != "" {
		return "not measured: " + f.Missing
	}
	return fmt.Sprintf("%.3g", f.Ratio)
}

func (f *figure) met() string {
	if f.Met == nil {
		return ""
	}
	return map[bool]string{true: "yes", false: "NO"}[*f.Met]
}

func (f *figure) peerValue() string {
	if f.Missing != "" {
		return "–"
	}
	return fmt.Sprintf("%g", f.PeerValue)
}

func print(w io.Writer, r *results) {
	fmt.Fprintf(w, "%s, %d cores of %s, %s\n\n", r.Date, r.Machine.Cores, r.Machine.CPU, r.Machine.Go)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "figure\tvalue\tunit\tpeer\tits value\tratio\tgoal\tmet")
	for _, f := range r.Figures {
		fmt.Fprintf(tw, "%s\t%g\t%s\t%s\t%s\t%s\t%s\t%s\n", f.Figure, f.Value, f.Unit, f.Peer, f.peerValue(), f.ratio(), f.Goal, f.met())
	}
	tw.Flush()
	var missing []string
	for _, f := range r.Figures {
		if line := f.Peer + " was not measured: " + f.Missing; f.Missing != "" && !slices.Contains(missing, line) {
			missing = append(missing, line)
		}
	}
	for i, line := range missing {
		if i == 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintln(w, line)
	}
}

// page is README.md.
func (r *results) page() string {
	var b strings.Builder
	fmt.Fprintf(&b, `# Figures

This page is written by `+"`make bench`"+` out of [results.json](results.json); [doc.go](doc.go) says how it is measured. Read the ratios: a rate by itself says more of the
machine than of the program. %d cores of %s, %s.

![rates beside others](rates.svg)

![cost as the register grows](curve.svg)

![where the time goes](steps.svg)
`, r.Machine.Cores, r.Machine.CPU, r.Machine.Go)
	group, sentences, first, last := "", []string(nil), map[string]string{}, map[string]string{}
	end := func() {
		if len(sentences) > 0 {
			b.WriteString("\n")
		}
		for _, s := range sentences {
			which := "**" + first[s] + "**"
			if last[s] != first[s] {
				which += " to **" + last[s] + "**"
			}
			fmt.Fprintf(&b, "- %s: %s\n", which, s)
		}
		sentences = nil
	}
	for _, f := range r.Figures {
		if f.Command != group {
			end()
			group = f.Command
			fmt.Fprintf(&b, "\n## `%s`\n\n", group)
			if f.Date != "" {
				fmt.Fprintf(&b, "%s, load %.1f before it.\n\n", f.Date, f.Load)
			}
			b.WriteString("| figure | value | unit | peer | its value | ratio | goal | met |\n|---|---|---|---|---|---|---|---|\n")
		}
		fmt.Fprintf(&b, "| %s | %g | %s | %s | %s | %s | %s | %s |\n", f.Figure, f.Value, f.Unit, f.Peer, f.peerValue(), f.ratio(), f.Goal, f.met())
		if f.Says == "" {
			continue
		}
		if !slices.Contains(sentences, f.Says) {
			sentences = append(sentences, f.Says)
			first[f.Says] = f.Figure
		}
		last[f.Says] = f.Figure
	}
	end()
	return b.String()
}

// check reads the file again and looks that every figure in it was made.
func check(t *testing.T, file string) {
	t.Helper()
	r := readResults(t, file)
	if r.Date == "" || r.Machine.Cores < 1 || r.Machine.CPU == "" || r.Machine.Go == "" || len(r.Figures) == 0 {
		t.Errorf("the head lacks something: %+v", r)
	}
	for _, f := range r.Figures {
		measured := []float64{f.Value, f.PeerValue, f.Ratio}
		if f.Missing != "" {
			measured = measured[:1]
			if f.PeerValue != 0 || f.Ratio != 0 || f.Met != nil {
				t.Errorf("%s was not measured, and has a value: %+v", f.Figure, f)
			}
		}
		for _, x := range measured {
			if x <= 0 || math.IsInf(x, 0) || math.IsNaN(x) {
				t.Errorf("%s was not measured: %+v", f.Figure, f)
			}
		}
		if f.Figure == "" || f.Unit == "" || f.Peer == "" || f.Command == "" || (f.Goal == "") != (f.Met == nil) {
			t.Errorf("a figure lacks something: %+v", f)
		}
		if f.Says == "" && strings.Contains(f.Command, "peers") {
			t.Errorf("%s: no sentence says what it measures", f.Figure)
		}
	}
}

func readResults(t *testing.T, file string) *results {
	t.Helper()
	var r results
	d := json.NewDecoder(bytes.NewReader(must(os.ReadFile(file))))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		t.Fatal(err)
	}
	return &r
}

// The figures that are kept are whole, and page and pictures are made of them. make bench writes all of it anew.
func TestKeptFigures(t *testing.T) {
	check(t, "results.json")
	r := readResults(t, "results.json")
	files := r.pictures()
	files["README.md"] = r.page()
	for name, want := range files {
		if got := string(must(os.ReadFile(name))); got != want {
			t.Errorf("%s is not what results.json says: run make bench, or  go test ./bench -run TestKeptFigures -draw", name)
			if *draw {
				if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// Figures of a group take the place of that group's, and of no other's; and what could not be measured is said.
func TestFiguresAreLaidAmongOthers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "results.json")
	row := func(group, name string) figure {
		f := against(name, 2, "s", "goal", 1).says("What it measures.")
		f.Command = "make bench ONLY=" + group
		return f
	}
	for _, fs := range [][]figure{{row("a", "first"), row("b", "other")}, {row("a", "second"), func() figure {
		f := beside("third", 3, "s", "NNCP", 0, "nncp is missing (apt-get install nncp)").says("What it measures.").goal("≥ 3", true)
		f.Command = "make bench ONLY=a"
		return f
	}()}} {
		r := &results{Date: "2026-11-25", Machine: thisMachine(), Figures: fs}
		all, err := r.into(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := all.write(file); err != nil {
			t.Fatal(err)
		}
		check(t, file)
	}
	var names []string
	for _, f := range readResults(t, file).Figures {
		names = append(names, f.Figure)
	}
	if got := strings.Join(names, " "); got != "second third other" {
		t.Errorf("kept are: %s", got)
	}
	const said = "not measured: nncp is missing (apt-get install nncp)"
	if page := string(must(os.ReadFile(filepath.Join(filepath.Dir(file), "README.md")))); !strings.Contains(page, said) {
		t.Errorf("the page does not say %q:\n%s", said, page)
	}
	var table strings.Builder
	print(&table, readResults(t, file))
	if !strings.Contains(table.String(), said) {
		t.Errorf("the table does not say %q:\n%s", said, table.String())
	}
	other := &results{Date: "2026-11-25", Machine: machine{Cores: 64, CPU: "another", Go: "go"}, Figures: []figure{row("a", "x")}}
	if _, err := other.into(file); err == nil {
		t.Error("figures of two machines were laid together")
	}
}
