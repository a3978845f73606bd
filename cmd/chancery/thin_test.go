package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/circuit/circuittest"
	"chancery.example/chancery/post"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// make thin sets it.
var thinLong = flag.Bool("thin", false, "measure the thin lines for long, and print figures: half an hour")

// satellite is the line of the promise: what is urgent passes what waits, and what waits has the rest of the line.
var satellite = circuittest.ThinLine{Rate: 64000, RoundTrip: 600 * time.Millisecond, Loss: 0.02, Seed: 1}

// thin is two posts with a thin line between them: the first has the hub.
type thin struct {
	*siege
	line circuittest.ThinLine
	ends *circuittest.ThinEnds // nil: the line is a relay
}

// newThin makes two posts at the ends of a line, with more settings for each.
func newThin(t *testing.T, l circuittest.ThinLine, settings ...string) *thin {
	ends, missing := l.Open(t)
	host := "127.0.0.1"
	if missing == nil {
		host = ends.Addr(0)
	} else {
		t.Logf("the thin line is a TCP relay in this process, and no line of packets: %v", missing)
	}
	s := newSiege(t, site{host: host, flags: []string{}}, "MOSCOW", "BEIJING")
	for i, x := range s.posts {
		file := x.folder().file("post.toml")
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text := string(b) + settings[i]
		if hubs := x.folder().config.Hubs; missing != nil && len(hubs) > 0 {
			to := strings.TrimPrefix(hubs[0], "tls://")
			text = strings.ReplaceAll(text, to, l.Relay(t, to).Addr())
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if missing == nil {
			x.command = ends.Command(i, s.program, "serve", "--dir", x.name, "--passphrase-file", "pass/"+x.name).Args
		}
	}
	return &thin{s, l, ends}
}

// begin starts both, and gives how long it took until the second had joined.
func (s *thin) begin(ctx context.Context, patience time.Duration) time.Duration {
	s.t.Helper()
	for _, x := range s.posts {
		x.start(ctx)
		x.wait(ctx, "serving")
	}
	x, begin := s.posts[1], time.Now()
	for time.Since(begin) < patience {
		if st, err := x.status(ctx); err == nil && st.Joined {
			return time.Since(begin)
		}
		time.Sleep(50 * time.Millisecond)
	}
	b, _ := os.ReadFile(x.s.dir + "/" + x.name + ".log")
	s.t.Fatalf("%s has not joined the hub in %v\n%s", x.name, patience, b)
	return 0
}

// page is what is sent: 550 words, in a section of 3.7 KB.
func page(precedence, to, subject string) string {
	return fmt.Sprintf("To: HEAD@%s; %s\nSubject: %s\n\n%s\n", to, precedence, subject, strings.Repeat(sentence+" ", 60))
}

// send releases a telegram and waits until the other post has deciphered it.
func (s *thin) send(from, to *besieged, precedence, subject string, patience time.Duration) (released time.Time) {
	s.t.Helper()
	ctx := s.t.Context()
	c, there := dialOffice(from.folder()), dialOffice(to.folder())
	if c == nil || there == nil {
		s.t.Fatal("a post does not serve")
	}
	defer c.close()
	defer there.close()
	at, err := from.release(ctx, c, page(precedence, to.name, subject))
	if err != nil {
		s.t.Fatal(err)
	}
	for time.Since(at) < patience {
		var in inbox
		if err := there.do(ctx, "inbox", none{}, &in); err != nil {
			s.t.Fatal(err)
		}
		if slices.ContainsFunc(in.Telegrams, func(l post.Listed) bool { return l.Subject == subject }) {
			return at
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.t.Fatalf("%q from %s was not there in %v", subject, from.name, patience)
	return at
}

// fillUp releases n Routine telegrams, as fast as the post takes them.
func (s *thin) fillUp(from, to *besieged, n int) {
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			c := dialOffice(from.folder())
			if c == nil {
				s.t.Error("the post does not serve")
				return
			}
			defer c.close()
			for i := w; i < n; i += 4 {
				if _, err := from.release(s.t.Context(), c, page("routine", to.name, fmt.Sprintf("Trains %d", i))); err != nil {
					s.t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// wireRow is a section as its sender has it.
type wireRow struct {
	serial     uint32
	precedence telegram.Precedence
	size       int64
	receipted  time.Time
	sends      int
}

func (o *opened) wire(t *testing.T, to string) (all []wireRow) {
	if err := o.db.Read(t.Context(), func(tx *store.Tx) error {
		rows, err := tx.Query("select w.serial, w.precedence, w.size, coalesce(o.receipted, 0), w.sends from wire w join outbox o on o.post = w.post and o.serial = w.serial where w.post = $1 order by w.special", to)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var r wireRow
			var at int64
			if err := rows.Scan(&r.serial, &r.precedence, &r.size, &at, &r.sends); err != nil {
				return err
			}
			if at > 0 {
				r.receipted = time.UnixMilli(at)
			}
			all = append(all, r)
		}
		return rows.Err()
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// deciphered is when each serial was opened, by the receiver's clock, which is the sender's.
func (o *opened) deciphered(t *testing.T, from string) map[uint32]time.Time {
	all := map[uint32]time.Time{}
	serials := map[int64]uint32{}
	for _, f := range o.in {
		if f.Post == from && f.Way == archive.In {
			serials[f.ID] = f.Serial
		}
	}
	if err := o.db.Read(t.Context(), func(tx *store.Tx) error {
		rows, err := tx.Query("select of, opened from arrival")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var of, at int64
			if err := rows.Scan(&of, &at); err != nil {
				return err
			}
			all[serials[of]] = time.UnixMilli(at)
		}
		return rows.Err()
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// thinPlan is what is sent one way.
type thinPlan struct {
	idle    int // Flashes on the idle line
	routine int
	loaded  int // Flashes among them
	pause   time.Duration
}

// thinFigures are what was seen of it.
type thinFigures struct {
	idle, loaded []time.Duration // from the release of a Flash until it was deciphered
	between      []int           // Routine telegrams that were deciphered in the meantime
	section      time.Duration   // that one of them takes on the line, as a rule
	bytes        int64           // of envelopes that were receipted while there were Flashes among Routine
	took         time.Duration
	repeats      int
	left         int // Routine telegrams that were still on their way at the end
}

func (f *thinFigures) goodput(l circuittest.ThinLine) float64 {
	return float64(f.bytes*8) / (float64(l.Rate) * f.took.Seconds())
}

func median[T int | time.Duration](all []T) T {
	all = slices.Sorted(slices.Values(all))
	return all[len(all)/2]
}

// measure sends from one post to the other.
func (s *thin) measure(t *testing.T, a, b int, p thinPlan) (f thinFigures) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	from, to := s.posts[a], s.posts[b]
	s.begin(ctx, time.Minute)
	s.send(from, to, "routine", "The first", time.Minute) // in a letter, as all before there is a chain
	s.send(to, from, "routine", "The first", time.Minute)
	time.Sleep(2 * time.Second)
	var released []time.Time
	for n := range p.idle {
		released = append(released, s.send(from, to, "flash", fmt.Sprintf("Urgent %d", n), time.Minute))
		time.Sleep(p.pause / 4)
	}
	s.fillUp(from, to, p.routine)
	time.Sleep(p.pause)
	t0 := time.Now()
	var sent, lost int64
	if s.ends != nil {
		sent, lost = s.ends.Carried(a)
	}
	for n := range p.loaded {
		released = append(released, s.send(from, to, "flash", fmt.Sprintf("Urgent %d", p.idle+n), 3*time.Minute))
		time.Sleep(p.pause)
	}
	t1 := time.Now()
	f.took = t1.Sub(t0)
	if s.ends != nil {
		n, l := s.ends.Carried(a)
		t.Logf("the line was busy for %.1f %%, and lost %d packets", float64(n-sent)*800/float64(s.line.Rate)/f.took.Seconds(), l-lost)
	}
	for _, x := range s.posts {
		x.stop()
	}
	sender, receiver := s.openStopped(t, from.name), s.openStopped(t, to.name)
	defer sender.close()
	defer receiver.close()
	f.read(sender.wire(t, to.name), receiver.deciphered(t, from.name), released, p, s.line, t0, t1)
	t.Logf("%s to %s: a section of Routine takes %v; a Flash on the idle line %v (%v), behind %d Routine %v (%v), which is %.1f sections more; Routine in the meantime %v; goodput %.1f %% over %v; %d repeats; %d left",
		from.name, to.name, f.section, median(f.idle), f.idle, p.routine, median(f.loaded), f.loaded, float64(median(f.loaded)-median(f.idle))/float64(f.section),
		f.between, 100*f.goodput(s.line), f.took.Round(time.Second), f.repeats, f.left)
	return f
}

func (f *thinFigures) read(wire []wireRow, opened map[uint32]time.Time, released []time.Time, p thinPlan, l circuittest.ThinLine, t0, t1 time.Time) {
	n := 0
	var sections []time.Duration
	for _, w := range wire {
		if w.receipted.After(t0) && w.receipted.Before(t1) {
			f.bytes += w.size
		}
		f.repeats += max(0, w.sends-1)
		if w.precedence == telegram.Routine {
			sections = append(sections, time.Duration(float64(w.size*8)/float64(l.Rate)*float64(time.Second)))
			if w.receipted.IsZero() {
				f.left++
			}
		}
		if w.precedence != telegram.Flash {
			continue
		}
		took := opened[w.serial].Sub(released[n])
		if n < p.idle {
			f.idle = append(f.idle, took)
		} else {
			f.loaded = append(f.loaded, took)
			k := 0
			for serial, at := range opened {
				if serial != w.serial && at.After(released[n]) && at.Before(opened[w.serial]) {
					k++
				}
			}
			f.between = append(f.between, k)
		}
		n++
	}
	f.section = median(sections)
}

// TestThin fills a line of 64 kbit/s, 600 ms and 2 % loss with Routine telegrams. A Flash among them passes all that have not left yet. Times and
// goodput are figures; what is asserted is counted.
func TestThin(t *testing.T) {
	p := thinPlan{idle: 2, routine: 40, loaded: 3, pause: 2 * time.Second}
	if *thinLong {
		p = thinPlan{idle: 15, routine: 2000, loaded: 45, pause: 20 * time.Second}
	}
	for i, way := range []string{"to the hub", "from the hub"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			s := newThin(t, satellite, "\n[circuits.BEIJING]\nline = \"satellite\"\n", "\nline = \"satellite\"\n")
			f := s.measure(t, 1-i, i, p)
			if len(f.loaded) != p.loaded || median(f.between) > 6 || slices.Max(f.between) > 30 {
				t.Errorf("Routine telegrams that were deciphered while a Flash was on its way: %v", f.between)
			}
			if f.repeats > p.routine/20 {
				t.Errorf("%d sections were carried again", f.repeats)
			}
		})
	}
}

// TestSlow has telegrams carried at 2,400 bit/s and five seconds of round trip, both ways.
func TestSlow(t *testing.T) {
	if !*thinLong {
		t.Skip("it takes five minutes: make thin")
	}
	t.Parallel()
	l := circuittest.ThinLine{Rate: 2400, RoundTrip: 5 * time.Second, MTU: 576, Seed: 1}
	s := newThin(t, l, "\n[circuits.BEIJING]\nline = \"2400\"\n", "\nline = \"2400\"\n")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	t.Logf("joined in %v", s.begin(ctx, 5*time.Minute).Round(time.Second))
	moscow, beijing := s.posts[0], s.posts[1]
	for n, way := range [][2]*besieged{{moscow, beijing}, {beijing, moscow}, {moscow, beijing}, {beijing, moscow}} {
		at := s.send(way[0], way[1], "flash", fmt.Sprintf("Urgent %d", n), 10*time.Minute)
		t.Logf("a Flash from %s to %s took %v", way[0].name, way[1].name, time.Since(at).Round(time.Second))
	}
	s.fillUp(moscow, beijing, 5)
	time.Sleep(20 * time.Second)
	at := s.send(moscow, beijing, "flash", "Urgent among others", 10*time.Minute)
	t.Logf("a Flash from MOSCOW to BEIJING behind 5 Routine took %v", time.Since(at).Round(time.Second))
	for _, x := range s.posts {
		x.stop()
	}
}

// TestSilent measures what a metered line costs on which nothing is sent.
func TestSilent(t *testing.T) {
	if !*thinLong {
		t.Skip("it takes ten minutes: make thin. What each exchange costs TestMetered counts, in circuit/line")
	}
	t.Parallel()
	s := newThin(t, satellite, "\n[circuits.BEIJING]\nline = \"satellite\"\nmetered = true\n", "\nline = \"satellite\"\nmetered = true\n")
	if s.ends == nil {
		t.Skip("its packets are not seen without a line of packets")
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	s.begin(ctx, time.Minute)
	count := func() (n int64) {
		for i := range 2 {
			bytes, _ := s.ends.Carried(i)
			n += bytes
		}
		return n
	}
	time.Sleep(20 * time.Second)
	t.Logf("joining, and what posts tell each other at first: %d bytes with IP headers", count())
	s.send(s.posts[0], s.posts[1], "routine", "The first", time.Minute)
	time.Sleep(2*time.Minute + 30*time.Second) // late signatures too
	t.Logf("and one telegram with all that follows it: %d", count())
	before, begin := count(), time.Now()
	time.Sleep(10 * time.Minute)
	n, took := count()-before, time.Since(begin)
	t.Logf("then in %v of silence %d bytes with IP headers, %.0f KB a day", took.Round(time.Second), n, float64(n)*24*time.Hour.Seconds()/took.Seconds()/1000)
	for _, x := range s.posts {
		x.stop()
	}
}
