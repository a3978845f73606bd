package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
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

// How long TestThin measures. make thin sets it.
var thinFor = flag.Duration("thin", 0, "how long TestThin measures each way over the thin line; 0: a short form")

// thin is two posts with a thin line between them: the first has the hub.
type thin struct {
	*siege
	ends *circuittest.ThinEnds
}

// newThin makes two posts at the ends of a line, with lines for the settings of each.
func newThin(t *testing.T, l circuittest.ThinLine, settings ...string) *thin {
	ends := l.Open(t)
	s := newSiege(t, site{host: ends.Addr(0), flags: []string{}}, "MOSCOW", "BEIJING")
	for i, x := range s.posts {
		f, err := os.OpenFile(x.folder().file("post.toml"), os.O_APPEND|os.O_WRONLY, 0)
		if err == nil {
			_, err = f.WriteString(settings[i])
			err = errorsJoinClose(err, f)
		}
		if err != nil {
			t.Fatal(err)
		}
		x.command = ends.Command(i, s.program, "serve", "--dir", x.name, "--passphrase-file", "pass/"+x.name).Args
	}
	return &thin{s, ends}
}

func errorsJoinClose(err error, f *os.File) error {
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

// joined waits until a post is connected to the hub.
func (s *thin) joined(x *besieged, patience time.Duration) time.Duration {
	s.t.Helper()
	begin := time.Now()
	for time.Since(begin) < patience {
		if st, err := x.status(s.t.Context()); err == nil && st.Joined {
			return time.Since(begin)
		}
		time.Sleep(50 * time.Millisecond)
	}
	b, _ := os.ReadFile(x.s.dir + "/" + x.name + ".log")
	s.t.Fatalf("%s has not joined the hub in %v\n%s", x.name, patience, b)
	return 0
}

// flash releases a Flash and waits until the other post has deciphered it.
func (s *thin) flash(from, to *besieged, n int, patience time.Duration) (released time.Time) {
	s.t.Helper()
	ctx := s.t.Context()
	c, there := dialOffice(from.folder()), dialOffice(to.folder())
	if c == nil || there == nil {
		s.t.Fatal("a post does not serve")
	}
	defer c.close()
	defer there.close()
	subject := fmt.Sprintf("Urgent %d", n)
	at, err := from.release(ctx, c, "To: HEAD@"+to.name+"; flash\nSubject: "+subject+"\n\n"+strings.Repeat(sentence+" ", num("SENT",60))+"\n")
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
	s.t.Fatalf("a Flash from %s was not there in %v", from.name, patience)
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
				if _, err := from.release(s.t.Context(), c, fmt.Sprintf("To: HEAD@%s; routine\nSubject: Trains %d\n\n%s\n", to.name, i, strings.Repeat(sentence+" ", num("SENT",60)))); err != nil {
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

// thinFigures are what was seen on one way.
type thinFigures struct {
	idle, loaded []time.Duration // from the release of a Flash until it was deciphered
	between      []int           // Routine telegrams that were deciphered in the meantime
	section      time.Duration   // that one of them takes on the line
	goodput      float64
	repeats      int
}

func middle(all []time.Duration) time.Duration {
	all = slices.Sorted(slices.Values(all))
	return all[len(all)/2]
}

// measure sends from one post to the other: Flashes on the idle line, then many Routine telegrams and Flashes among them.
func (s *thin) measure(t *testing.T, l circuittest.ThinLine, a, b int, routine, idle, loaded int, pause time.Duration) (f thinFigures) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	from, to := s.posts[a], s.posts[b]
	for _, x := range s.posts {
		x.start(ctx)
		x.wait(ctx, "serving")
	}
	t.Logf("joined after %v", s.joined(s.posts[1], time.Minute))
	time.Sleep(8 * time.Second) // what posts tell each other at the start
	var released []time.Time
	for n := range idle {
		released = append(released, s.flash(from, to, n, time.Minute))
		time.Sleep(4 * time.Second)
	}
	s.fillUp(to, from, 1) // so that both have a chain
	time.Sleep(10 * time.Second)
	begin := time.Now()
	s.fillUp(from, to, routine)
	t.Logf("%d telegrams were released in %v", routine, time.Since(begin))
	time.Sleep(15 * time.Second)
	t0 := time.Now()
	t.Log(s.ends.Debug(a), "|", s.ends.Debug(b))
	b0, lost0 := s.ends.Carried(a)
	r0, _ := s.ends.Carried(b)
	for n := range loaded {
		time.Sleep(pause)
		released = append(released, s.flash(from, to, idle+n, 3*time.Minute))
	}
	t1 := time.Now()
	t.Log(s.ends.Debug(a), "|", s.ends.Debug(b))
	b1, lost1 := s.ends.Carried(a)
	r1, _ := s.ends.Carried(b)
	for _, x := range s.posts {
		x.stop()
		b, _ := os.ReadFile(x.s.dir + "/" + x.name + ".log")
		os.WriteFile("/tmp/dbg."+x.name+fmt.Sprint(a), b, 0o600)
	}
	sender, receiver := s.openStopped(t, from.name), s.openStopped(t, to.name)
	defer sender.close()
	defer receiver.close()
	wire, opened := sender.wire(t, to.name), receiver.deciphered(t, from.name)
	var bytes int64
	n := 0
	for _, w := range wire {
		if w.receipted.After(t0) && w.receipted.Before(t1) {
			bytes += w.size
		}
		if w.sends > 1 {
			f.repeats += w.sends - 1
		}
		if w.precedence == telegram.Routine {
			f.section = max(f.section, time.Duration(float64(w.size*8)/float64(l.Rate)*float64(time.Second)))
		}
		if w.precedence == telegram.Flash {
			took := opened[w.serial].Sub(released[n])
			if n < idle {
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
	}
	capacity := float64(l.Rate) / 8 * t1.Sub(t0).Seconds()
	f.goodput = float64(bytes) / capacity
	t.Logf("%s to %s: a section takes %v; a Flash on the idle line %v (%v), behind %d Routine %v (%v), Routine between %v; goodput %.1f %% over %v; line busy %.1f %%, back %.1f %%, %d packets lost, %d repeats",
		from.name, to.name, f.section, middle(f.idle), f.idle, routine, middle(f.loaded), f.loaded, f.between, 100*f.goodput, t1.Sub(t0).Round(time.Second),
		100*float64(b1-b0)/capacity, 100*float64(r1-r0)/capacity, lost1-lost0, f.repeats)
	return f
}

func TestThin(t *testing.T) {
	l := circuittest.ThinLine{Rate: 64000, RoundTrip: 600 * time.Millisecond, Loss: 0.02, Seed: 1}
	for i, way := range []string{"to the hub", "from the hub"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			s := newThin(t, l, os.Getenv("THIN0"), os.Getenv("THIN1"))
			s.measure(t, l, 1-i, i, num("N",500), 3, 14, 7*time.Second)
		})
	}
}

func num(n string, d int) int { if x, err := strconv.Atoi(os.Getenv(n)); err == nil { return x }; return d }
