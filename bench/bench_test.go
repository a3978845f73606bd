package bench

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"testing"
	"text/tabwriter"
	"time"
)

var (
	full    = flag.Bool("full", false, "measure in earnest, and print the table")
	out     = flag.String("figures", "", "write the figures to this `file`")
	only    = flag.String("only", "", "measure only the groups that match this `regexp`")
	entries = flag.Int("entries", 1_000_000, "`entries` in the register of which one is proved")
	many    = flag.Int("telegrams", 1000, "`telegrams` from post to post")
)

// results is results.json.
type results struct {
	Date    string   `json:"date"`
	Machine machine  `json:"machine"`
	Figures []figure `json:"figures"`
}

type machine struct {
	Cores int    `json:"cores"`
	CPU   string `json:"cpu"`
	Go    string `json:"go"`
}

// figure is one thing measured, beside its peer.
type figure struct {
	Figure    string  `json:"figure"`
	Value     float64 `json:"value"`
	Unit      string  `json:"unit"`
	Peer      string  `json:"peer"`
	PeerValue float64 `json:"peer_value"`
	Ratio     float64 `json:"ratio"` // value ÷ peer_value
	Goal      string  `json:"goal,omitempty"`
	Met       *bool   `json:"met,omitempty"` // nil without a goal
	Command   string  `json:"command"`
}

// against sets a figure beside its peer.
func against(name string, value float64, unit, peer string, peerValue float64) figure {
	return figure{Figure: name, Value: round(value), Unit: unit, Peer: peer, PeerValue: round(peerValue), Ratio: round(value / peerValue)}
}

// goal says what was promised, and whether it is so.
func (f figure) goal(words string, met bool) figure {
	f.Goal, f.Met = words, &met
	return f
}

// round leaves four digits: there are no more in any of this.
func round(x float64) float64 {
	r, _ := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 4, 64), 64)
	return r
}

// counts say how long each group measures.
type counts struct {
	rounds, each int         // turns of ours and the peer, and how often each in a turn: a turn is short, so that most are undisturbed
	turns        int         // turns of registering
	registered   map[int]int // telegrams in a turn, by the size of a commit
	telegrams    int         // from post to post
	idle         time.Duration
	starts       int
	verified     int // telegrams in a register that is proved
	entries      int // of a register of which one entry is proved
}

func TestFigures(t *testing.T) {
	c := counts{rounds: 2, each: 2, turns: 1, registered: map[int]int{1: 2, 16: 4, 256: 6}, telegrams: 8, idle: 100 * time.Millisecond, starts: 1, verified: 8, entries: 300}
	if *full {
		c = counts{rounds: 400, each: 8, turns: 3, registered: map[int]int{1: 200, 16: 400, 256: 1280}, telegrams: *many, idle: 10 * time.Second, starts: 5, verified: 10_000, entries: *entries}
	}
	r := results{Date: time.Now().UTC().Format(time.DateOnly), Machine: thisMachine()}
	for _, group := range []struct {
		name    string
		measure func(*testing.T, counts) []figure
	}{{"seal", sealing}, {"mldsa", mldsa44s}, {"register", registering}, {"post", postToPost}, {"serve", serving}, {"proof", proving}, {"disclose", disclosing}} {
		if regexp.MustCompile(*only).MatchString(group.name) {
			start := time.Now()
			figures := group.measure(t, c)
			t.Logf("%s: %s", group.name, time.Since(start).Round(time.Millisecond))
			for _, f := range figures {
				f.Command = "make bench ONLY=" + group.name
				r.Figures = append(r.Figures, f)
			}
		}
	}
	file := *out
	if file == "" {
		file = filepath.Join(t.TempDir(), "results.json")
	}
	b := must(json.MarshalIndent(r, "", "  "))
	if err := os.WriteFile(file, append(b, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
	if *full {
		print(os.Stdout, &r)
	}
	check(t, file)
}

func print(w io.Writer, r *results) {
	fmt.Fprintf(w, "%s, %d cores of %s, %s\n\n", r.Date, r.Machine.Cores, r.Machine.CPU, r.Machine.Go)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "figure\tvalue\tunit\tpeer\tits value\tratio\tgoal\tmet")
	for _, f := range r.Figures {
		met := ""
		if f.Met != nil {
			met = map[bool]string{true: "yes", false: "NO"}[*f.Met]
		}
		fmt.Fprintf(tw, "%s\t%g\t%s\t%s\t%g\t%.2f\t%s\t%s\n", f.Figure, f.Value, f.Unit, f.Peer, f.PeerValue, f.Ratio, f.Goal, met)
	}
	tw.Flush()
}

// check reads the file again and looks that every figure in it was made.
func check(t *testing.T, file string) {
	var r results
	d := json.NewDecoder(bytes.NewReader(must(os.ReadFile(file))))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		t.Fatal(err)
	}
	if r.Date == "" || r.Machine.Cores < 1 || r.Machine.CPU == "" || r.Machine.Go == "" || len(r.Figures) == 0 {
		t.Errorf("the head lacks something: %+v", r)
	}
	for _, f := range r.Figures {
		for _, x := range []float64{f.Value, f.PeerValue, f.Ratio} {
			if x <= 0 || math.IsInf(x, 0) || math.IsNaN(x) {
				t.Errorf("%s was not measured: %+v", f.Figure, f)
			}
		}
		if f.Figure == "" || f.Unit == "" || f.Peer == "" || f.Command == "" || (f.Goal == "") != (f.Met == nil) {
			t.Errorf("a figure lacks something: %+v", f)
		}
	}
}

func thisMachine() machine {
	m := machine{Cores: runtime.GOMAXPROCS(0), CPU: runtime.GOARCH, Go: runtime.Version()}
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if x := regexp.MustCompile(`(?m)^model name\s*: (.+)$`).FindSubmatch(b); x != nil {
			m.CPU = string(x[1])
		}
	}
	return m
}

// inTurns runs a and b in turns and gives the lower quartile of the time of one of each, in microseconds: on a machine that others use, too, the
// median says more of them.
func inTurns(c counts, a, b func()) (ta, tb float64) {
	times := [2][]float64{}
	for range c.rounds {
		for i, f := range []func(){a, b} {
			start := time.Now()
			for range c.each {
				f()
			}
			times[i] = append(times[i], float64(time.Since(start).Nanoseconds())/1e3/float64(c.each))
		}
	}
	slices.Sort(times[0])
	slices.Sort(times[1])
	return times[0][c.rounds/4], times[1][c.rounds/4]
}

func median(x []float64) float64 {
	slices.Sort(x)
	return (x[len(x)/2] + x[(len(x)-1)/2]) / 2
}

// profiled runs f and, when -v asks for it, prints in which of our functions the processors were.
func profiled(t *testing.T, what string, f func()) {
	if !*full || !testing.Verbose() {
		f()
		return
	}
	file := filepath.Join(t.TempDir(), "cpu.prof")
	p := must(os.Create(file))
	defer p.Close()
	if err := pprof.StartCPUProfile(p); err != nil {
		t.Fatal(err)
	}
	f()
	pprof.StopCPUProfile()
	const shown = `chancery/(telegram|seal|register|circuit|desk|archive|store|post)|mldsa44\.|crypto/(ecdh|ed25519|mlkem)|pprof|Commit|note\.|jetstream|fileStore|gcBgMark|\.fsync|Fsync`
	top := must(exec.Command("go", "tool", "pprof", "-top", "-cum", "-show="+shown, "-nodecount=40", file).CombinedOutput())
	fmt.Printf("\n%s: processor time, with what was called\n%s\n", what, top)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// The figures that are kept are whole. make bench writes them anew.
func TestKeptFigures(t *testing.T) { check(t, "results.json") }
