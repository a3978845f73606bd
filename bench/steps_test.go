package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/pprof"
	"strings"
	"testing"
	"time"
)

// Where the time of a telegram goes: a profile of both posts and the broker, each sample counted once by what it does and once by which step of the telegram's life it
// belongs to.

// steps are seconds of processor by what they went into.
type steps struct{ kinds, stages map[string]float64 }

// share is one thing that time goes into, and how a stack that does it is known: all of the words stand in it.
type share struct {
	name  string
	words []string
}

// The first that fits counts.
var kinds = []share{
	{"", []string{"bench.(*desks).count"}}, // the bench asks how far it is
	{"collecting garbage", []string{"runtime.gcBgMarkWorker"}},
	{"collecting garbage", []string{"runtime.bgsweep"}},
	{"signing checkpoints", []string{"note.Sign"}},
	{"sealing at rest", []string{"seal.(*Rest)"}},
	{"sealing, opening, signatures", []string{"chancery/seal."}},
	{"roots and entries of the telegram", []string{"telegram.(*Telegram).Roots"}},
	{"SQLite: commits", []string{"go-sqlite3", "CommitPhase"}},
	{"SQLite: commits", []string{"go-sqlite3", "Checkpoint"}},
	{"SQLite: commits", []string{"go-sqlite3", "pagerWalFrames"}},
	{"SQLite: reading SQL", []string{"go-sqlite3", "repare"}},
	{"SQLite: running it", []string{"go-sqlite3"}},
	{"database/sql", []string{"database/sql."}},
	{"broker and line", []string{"nats-io"}},
	{"the post's own code", []string{"chancery/"}},
	{"the runtime, waiting and waking", nil},
}

var stages = []share{
	{"", []string{"bench.(*desks).count"}},
	{"1 registering", []string{"post.(*Post).registrar"}},
	{"2 enciphering", []string{"post.(*Post).encipher"}},
	{"3 handing to the carrier", []string{"post.(*Post).carry"}},
	{"4 deciphering and checking", []string{"post.(*Post).decipher"}},
	{"5 taking receipts", []string{"post.(*Post).takeReceipt"}},
	{"6 entering and filing what came", []string{"post.(*Post).take"}},
	{"7 all else", nil},
}

func shareOf(stack string, all []share) string {
next:
	for _, s := range all {
		for _, w := range s.words {
			if !strings.Contains(stack, w) {
				continue next
			}
		}
		return s.name
	}
	return ""
}

// profile profiles what f does, and runs it in any case. Only a full measurement is long enough for a profile.
func profile(t *testing.T, f func()) steps {
	file := filepath.Join(t.TempDir(), "cpu.prof")
	p := must(os.Create(file))
	defer p.Close()
	if !*full || pprof.StartCPUProfile(p) != nil {
		f()
		return steps{}
	}
	f()
	pprof.StopCPUProfile()
	out, err := exec.Command("go", "tool", "pprof", "-traces", file).Output()
	if err != nil {
		t.Errorf("reading the profile: %v", err)
	}
	return readTraces(string(out))
}

var traced = regexp.MustCompile(`^ *([0-9.]+(?:ms|s|mins|µs|us)) +(.*)$`)

// readTraces counts the stacks that pprof -traces prints.
func readTraces(text string) steps {
	s := steps{map[string]float64{}, map[string]float64{}}
	for _, trace := range strings.Split(text, "-----------+")[1:] {
		for i, line := range strings.Split(trace, "\n") {
			if i == 0 { // the rest of the rule
				continue
			}
			if m := traced.FindStringSubmatch(line); m != nil {
				took, err := time.ParseDuration(strings.Replace(m[1], "mins", "m", 1))
				if err != nil {
					continue
				}
				for of, all := range map[*map[string]float64][]share{&s.kinds: kinds, &s.stages: stages} {
					(*of)[shareOf(trace, all)] += took.Seconds()
				}
				break
			}
		}
	}
	delete(s.kinds, "")
	delete(s.stages, "")
	return s
}

func (s steps) figures(form string, n int) (all []figure) {
	for _, x := range []struct {
		what   string
		shares map[string]float64
		order  []share
	}{{"what", s.kinds, kinds}, {"step", s.stages, stages}} {
		total, said := 0.0, map[string]bool{}
		for _, v := range x.shares {
			total += v
		}
		for _, o := range x.order {
			if v := x.shares[o.name]; v > 0 && !said[o.name] {
				said[o.name] = true
				f := against(fmt.Sprintf("%s, one in %s, by %s: %s", costOf, form, x.what, o.name), 1e3*v/float64(n), "ms of processor", "all of it", 1e3*total/float64(n))
				all = append(all, f.says("from a profile of both posts and the broker while the "+fmt.Sprint(n)+" are registered, carried and receipted; the ratio is the share."))
			}
		}
	}
	return all
}

const costOf = "cost of a telegram"

func TestTracesAreCounted(t *testing.T) {
	const text = `File: bench.test
Type: cpu
Duration: 1s, Total samples = 60ms
-----------+-------------------------------------------------------
      30ms   github.com/ncruces/go-sqlite3-wasm/v6.(*Module)._sqlite3VdbeExec
             database/sql.(*Tx).ExecContext
             chancery.example/chancery/post.(*Post).encipherOne
             chancery.example/chancery/post.(*Post).encipher
-----------+-------------------------------------------------------
     1.02s   crypto/internal/fips140/edwards25519.(*Point).VarTimeDoubleScalarBaseMult
             chancery.example/chancery/seal.CheckRelease
             chancery.example/chancery/post.(*Post).decipher
             chancery.example/chancery/post.(*Post).take.func1
-----------+-------------------------------------------------------
      20ms   github.com/ncruces/go-sqlite3-wasm/v6.(*Module)._sqlite3VdbeExec
             chancery.example/chancery/bench.(*desks).count
-----------+-------------------------------------------------------
      10ms   runtime.futex
             runtime.mcall
`
	s := readTraces(text)
	want := steps{map[string]float64{"SQLite: running it": 0.03, "sealing, opening, signatures": 1.02, "the runtime, waiting and waking": 0.01},
		map[string]float64{"2 enciphering": 0.03, "4 deciphering and checking": 1.02, "7 all else": 0.01}}
	if fmt.Sprint(s) != fmt.Sprint(want) {
		t.Errorf("counted %v, not %v", s, want)
	}
}
