package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// besideCounts say how much is measured beside others.
type besideCounts struct {
	rounds map[int]int // turns, by how many telegrams are released at once
	queued int         // telegrams behind a cut line
	turns  int         // turns of that; NNCP, which starts a process for each file, has one
	grown  []int       // telegrams in the register, of the curve
	batch  int         // telegrams that are timed at each point of it,
	points int         // so often
	sizes  []int       // characters of a telegram on the wire
	silent time.Duration
	settle time.Duration // until a line's requests stand as long as they ever do
}

var fewBeside = besideCounts{rounds: map[int]int{1: 1, 3: 1}, queued: 5, turns: 1, grown: []int{20, 40}, batch: 2, points: 1, sizes: []int{300}, silent: 300 * time.Millisecond}

func manyBeside() besideCounts {
	return besideCounts{rounds: map[int]int{1: 11, 100: 5}, queued: *queued, turns: 2, grown: []int{1_000, 10_000, 100_000, 1_000_000}, batch: 100, points: 2, sizes: []int{300, 2000}, silent: 2 * time.Minute, settle: 130 * time.Second}
}

// others is what the groups share that measure Chancery beside others.
type others struct{ silence *silence }

// system is one of those that are measured in turns.
type system struct {
	name    string
	missing string
	atOnce  func(n int) time.Duration
}

const (
	letters   = "letters"
	frames    = "frames"
	nncpName  = "NNCP 8.8"
	mailName  = "Postfix"
	syncName  = "4 KiB appended and synced"
	noUrgency = "Postfix has no precedence"
)

// measured are rates and passages by system.
type measured struct {
	rates    map[string]map[int][]float64 // by system and number of telegrams
	passages map[string][]passage         // by system
	missing  map[string]string
	bare     map[string][]float64 // what the primitives reach, by form
	steps    map[string]steps
}

func (m *measured) rate(system string, n int, rate float64) {
	if m.rates[system] == nil {
		m.rates[system] = map[int][]float64{}
	}
	m.rates[system][n] = append(m.rates[system][n], rate)
}

// rates measures how many telegrams a second go from post to post, and how a Flash and all others come through behind a line that was cut.
func (o *others) rates(t *testing.T, c counts) []figure {
	o.listen(t, c)
	m := &measured{map[string]map[int][]float64{}, map[string][]passage{}, map[string]string{}, map[string][]float64{}, map[string]steps{}}
	m.missing[nncpName], m.missing[mailName] = absent("nncp-file", "nncp"), postfixAbsent()
	t.Run("released at once", func(t *testing.T) { m.small(t, c) })
	var moscow, beijing *desks
	keep := [2]string{t.TempDir(), t.TempDir()}
	t.Run("released before a cut", func(t *testing.T) {
		moscow, beijing = ministry(t)
		moscow.chained(true)
		beijing.chained(true)
		t.Run("acquainted", func(t *testing.T) { joined(t, moscow, beijing).acquainted(t) })
		start := time.Now()
		moscow.release(c.beside.queued, beijing.config.Name)
		moscow.withhold()
		t.Logf("%d telegrams were released in %s", c.beside.queued, time.Since(start).Round(time.Millisecond))
		for i, x := range []*desks{moscow, beijing} { // the databases are closed at the end of this, so that they take no memory
			if err := os.CopyFS(keep[i], os.DirFS(filepath.Dir(x.file))); err != nil {
				t.Fatal(err)
			}
			x.file = filepath.Join(keep[i], "post.db")
		}
	})
	for turn := range c.beside.turns {
		m.queued(t, c, moscow, beijing, turn)
	}
	if t.Failed() {
		t.FailNow()
	}
	return m.figures(c)
}

// small measures few telegrams that are released at once, all systems in turns.
func (m *measured) small(t *testing.T, c counts) {
	var all []system
	for _, form := range []string{letters, frames} {
		moscow, beijing := ministry(t)
		moscow.chained(form == frames)
		beijing.chained(form == frames)
		t.Run("acquainted", func(t *testing.T) { joined(t, moscow, beijing).acquainted(t) })
		all = append(all, system{name: form, atOnce: func(n int) time.Duration { return atOnce(t, moscow, beijing, n) }})
	}
	raw := newRawStream(t)
	all = append(all, system{name: natsVersion(), atOnce: raw.atOnce}, system{name: syncName, atOnce: func(n int) time.Duration {
		return time.Duration(float64(n) / syncRate(t, max(n, c.rounds)) * float64(time.Second))
	}})
	if m.missing[nncpName] == "" {
		all = append(all, system{name: nncpName, atOnce: newNNCP(t).atOnce})
	}
	if m.missing[mailName] == "" {
		all = append(all, system{name: mailName, atOnce: newPostfix(t).atOnce})
	}
	for n, rounds := range c.beside.rounds {
		for range rounds {
			for _, s := range all {
				m.rate(s.name, n, float64(n)/s.atOnce(n).Seconds())
			}
		}
	}
}

// queued is one turn of all systems with many telegrams behind a cut line.
func (m *measured) queued(t *testing.T, c counts, moscow, beijing *desks, turn int) {
	n := c.beside.queued
	take := func(name string, before float64, p passage) {
		if p.peak > 0 {
			p.peak = max(p.peak-before, 0.1) // with few telegrams it is next to nothing
		}
		m.passages[name] = append(m.passages[name], p)
		m.rate(name, n, p.rate(n))
		t.Logf("%s: %d handed over in %s, connected after %s, a Flash was there after %s, all after %s; %s of processor, %.0f MiB", name, n,
			p.handed.Round(time.Millisecond), p.back.Round(time.Millisecond), p.urgent.Round(time.Millisecond), p.carried.Round(time.Millisecond), p.cpu.Round(time.Millisecond), p.peak)
	}
	s := newSent()
	p, f := newPrimitives(s), newFramePrimitives(s)
	primitives := func() {
		m.bare[letters] = append(m.bare[letters], reach(c.rounds*c.each, p.once))
		m.bare[frames] = append(m.bare[frames], reach(c.rounds*c.each, f.once))
	}
	for _, form := range []string{letters, frames} {
		primitives()
		t.Run(form, func(t *testing.T) {
			before := forgetPeak()
			p := joined(t, moscow.copyOf(t, form == frames), beijing.copyOf(t, form == frames))
			work := func() { take(form, before, p.afterCut(t, n)) }
			if turn == 0 {
				m.steps[form] = profile(t, work)
			} else {
				work()
			}
		})
	}
	primitives()
	t.Run("JetStream", func(t *testing.T) { take(natsVersion(), forgetPeak(), newRawStream(t).afterCut(n)) })
	m.rate(syncName, n, syncRate(t, c.rounds))
	if m.missing[mailName] == "" {
		t.Run("Postfix", func(t *testing.T) { m.rate(mailName, n, float64(n)/newPostfix(t).atOnce(n).Seconds()) })
	}
	if m.missing[nncpName] == "" && turn == 0 {
		t.Run("NNCP", func(t *testing.T) { take(nncpName, 0, newNNCP(t).afterCut(n)) })
	}
}

func (m *measured) middle(system string, n int) float64 {
	if m.missing[system] != "" {
		return 0
	}
	return median(m.rates[system][n])
}

// of is the median of one thing in a system's passages.
func (m *measured) of(system string, what func(passage) float64) float64 {
	var x []float64
	for _, p := range m.passages[system] {
		x = append(x, what(p))
	}
	if len(x) == 0 {
		return 0
	}
	return median(x)
}

func (m *measured) figures(c counts) (all []figure) {
	n := c.beside.queued
	var sizes []int
	for i := 1; i <= n; i++ {
		if c.beside.rounds[i] > 0 || i == n {
			sizes = append(sizes, i)
		}
	}
	for _, form := range []string{letters, frames} {
		for _, size := range sizes {
			name := fmt.Sprintf("post to post in %s, %d at once", form, size)
			says := "telegrams of 2 KiB in a second, from the moment at which all are released until the sender has the receipt of the last: registered, sealed, carried by a broker that syncs, opened, checked, filed. Both ends and the broker share the processors. "
			if size == n {
				says += "They are registered while the line is cut, and then carried; the time until the line stands again is left out. "
			}
			says += "NNCP: nncp-file for each, nncp-call until the sender has the other's word on all, nncp-toss. Postfix: in by SMTP, its queue, out by SMTP to a sink that keeps nothing (no cut); nothing is sealed. JetStream: published, fetched, acknowledged; nothing is sealed or kept by the receiver."
			for _, peer := range []string{nncpName, mailName, natsVersion(), syncName} {
				f := beside(name, m.middle(form, size), "telegrams/s", peer, m.middle(peer, size), m.missing[peer]).says(says)
				if least := map[string]float64{letters: 3, frames: 6}[form]; peer == mailName && size == n {
					f = f.goal(fmt.Sprintf("≥ %g", least), f.Ratio >= least)
				}
				all = append(all, f)
			}
			if size == n {
				f := against(name, m.middle(form, size), "telegrams/s", fmt.Sprintf("its primitives on %d cores", runtime.GOMAXPROCS(0)), median(m.bare[form])).says(says)
				all = append(all, f.goal("≥ 0.65", f.Ratio >= 0.65))
			}
		}
	}
	seconds := func(what func(passage) time.Duration) func(passage) float64 {
		return func(p passage) float64 { return what(p).Seconds() }
	}
	for _, x := range []struct {
		name, unit, says string
		what             func(passage) float64
	}{
		{"a Flash behind %d, in %s", "s", "from the moment at which a Flash was released, with all others waiting and the line just mended, until it lay with the receiver. NNCP: niceness F behind B. JetStream has one consumer, as it comes without more, and so no precedence.", seconds(func(p passage) time.Duration { return p.urgent })},
		{"catch-up after a cut of %d, in %s", "s", "from the moment at which the line could be used again until the sender had the receipt of all that was registered while it was cut; the time in which the receiver's connection notices is in it (NNCP is called at once).", seconds(func(p passage) time.Duration { return p.back + p.carried })},
		{"processor for %d, in %s", "s", "seconds of processor for registering, carrying and receipting them, of both ends and what lies between together.", seconds(func(p passage) time.Duration { return p.cpu })},
		{"most memory with %d, in %s", "MiB", "the most memory that was resident for it: both posts and the broker, or stream, publisher and receiver, in one process, beyond what that process had before; of NNCP the sum of call, daemon and toss.", func(p passage) float64 { return p.peak }},
	} {
		for _, form := range []string{letters, frames} {
			name := fmt.Sprintf(x.name, n, form)
			if m.of(form, x.what) == 0 { // memory, where the system does not say it
				continue
			}
			for _, peer := range []string{nncpName, natsVersion()} {
				all = append(all, beside(name, m.of(form, x.what), x.unit, peer, m.of(peer, x.what), m.missing[peer]).says(x.says))
			}
			if x.unit == "s" && x.name[0] == 'a' {
				all = append(all, beside(name, m.of(form, x.what), x.unit, mailName, 0, noUrgency).says(x.says))
			}
		}
	}
	for _, form := range []string{letters, frames} {
		all = append(all, m.steps[form].figures(form, n)...)
	}
	return all
}
