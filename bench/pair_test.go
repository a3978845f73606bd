package bench

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"chancery.example/chancery/circuit"
	"chancery.example/chancery/circuit/line"
	"chancery.example/chancery/post"
	"chancery.example/chancery/store"
	"chancery.example/chancery/store/storetest"
)

// Two posts with a line that can be cut between them, as they are measured beside others.

// relay is the way between two programs, over which every byte is counted, and which can be cut.
type relay struct {
	l      net.Listener
	to     string
	out    atomic.Int64 // bytes from who calls,
	back   atomic.Int64 // and to him
	mu     sync.Mutex   // guards what follows
	closed bool
	conns  map[net.Conn]bool
}

func newRelay(t *testing.T, to string) *relay {
	r := &relay{l: must(net.Listen("tcp", "127.0.0.1:0")), to: to, conns: map[net.Conn]bool{}}
	go r.accept()
	t.Cleanup(func() {
		r.l.Close()
		r.cut()
	})
	return r
}

func (r *relay) addr() string { return r.l.Addr().String() }

func (r *relay) accept() {
	for {
		near, err := r.l.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", r.to)
		if err != nil {
			near.Close()
			continue
		}
		r.mu.Lock()
		if r.closed {
			near.Close()
			far.Close()
			r.mu.Unlock()
			continue
		}
		r.conns[near], r.conns[far] = true, true
		r.mu.Unlock()
		pass := func(to, from net.Conn, n *atomic.Int64) {
			io.Copy(counted{to, n}, from)
			to.Close()
			from.Close()
		}
		go pass(far, near, &r.out)
		go pass(near, far, &r.back)
	}
}

// cut ends all connections and lets none be made until mend.
func (r *relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for c := range r.conns {
		c.Close()
	}
	clear(r.conns)
}

func (r *relay) mend() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = false
}

type counted struct {
	net.Conn
	n *atomic.Int64
}

func (c counted) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.n.Add(int64(n))
	return n, err
}

// pair is two posts with a broker at the first and a relay between them.
type pair struct {
	moscow, beijing *desks
	carriers        map[*desks]circuit.Carrier
	far             *line.Line // Beijing's
	way             *relay
}

// copyOf opens a copy of a post as it is on disk while nothing runs; with frames it has its store of burnable secrets, and without it has none.
func (x *desks) copyOf(t *testing.T, frames bool) *desks {
	y, dir := *x, t.TempDir()
	y.t, y.file = t, filepath.Join(dir, "post.db")
	from := filepath.Dir(x.file)
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	os.Remove(y.file + "-shm")
	y.db = storetest.Open(t, y.file, y.fileKey)
	y.chained(frames)
	return &y
}

// chained gives the post its store of burnable secrets, or takes it away.
func (x *desks) chained(frames bool) {
	x.keys.Burnable = nil
	if frames {
		b, _, err := post.OpenBurnable(filepath.Dir(x.file), x.burnKey)
		if err != nil {
			x.t.Fatal(err)
		}
		x.keys.Burnable = b
	}
	x.reopen(0)
}

// joined joins two posts to a broker of their own.
func joined(t *testing.T, moscow, beijing *desks) *pair {
	hub := must(line.NewHub(line.HubConfig{Listen: "127.0.0.1:0", Dir: t.TempDir(), Log: quiet}))
	if err := hub.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hub.Stop)
	if err := hub.Admit(t.Context(), []line.Member{{Route: moscow.config.Route}, {Route: beijing.config.Route, Login: must(beijing.login.PublicKey())}}); err != nil {
		t.Fatal(err)
	}
	p := &pair{moscow: moscow, beijing: beijing, way: newRelay(t, hub.Addr())}
	near := must(line.New(line.Config{Route: moscow.config.Route, Hub: hub, Log: quiet}))
	p.far = must(line.New(line.Config{Route: beijing.config.Route, URLs: []string{"nats://" + p.way.addr()}, Login: must(beijing.login.PublicKey()), Sign: beijing.login.Sign, Log: quiet}))
	p.carriers = map[*desks]circuit.Carrier{moscow: near, beijing: p.far}
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	t.Cleanup(func() {
		stop()
		wg.Wait()
	})
	for _, l := range []*line.Line{near, p.far} {
		wg.Go(func() { l.Run(ctx) })
		connected(t, l, true)
	}
	return p
}

func connected(t *testing.T, l *line.Line, want bool) {
	t.Helper()
	wait(t, time.Millisecond, func() bool { return l.State().Connected == want })
}

func patience() time.Duration {
	if *full {
		return 15 * time.Minute
	}
	return 20 * time.Second
}

// wait looks again and again until something is so.
func wait(t *testing.T, every time.Duration, so func() bool) {
	t.Helper()
	for end := time.Now().Add(patience()); !so(); time.Sleep(every) {
		if t.Failed() || time.Now().After(end) {
			t.Fatalf("it did not come within %s", patience())
		}
	}
}

// Questions to a post's database that cost the same however much there is in it.
const (
	anyReleased = "select exists (select 1 from draft where state = 'released')"
	anyOpen     = "select exists (select 1 from outbox where receipted is null)"
	anyUrgent   = "select exists (select 1 from filed where way = 'in' and precedence >= 4)"
)

// none waits until the answers are no.
func (x *desks) none(every time.Duration, queries ...string) {
	x.t.Helper()
	for _, q := range queries {
		wait(x.t, every, func() bool { return x.count(q) == 0 })
	}
}

// acquainted lets both posts send each other a telegram, so that there are chains both ways that both have signed for.
func (p *pair) acquainted(t *testing.T) {
	p.moscow.release(1, p.beijing.config.Name)
	p.beijing.release(1, p.moscow.config.Name)
	stop := run(t, p.carriers)
	for _, x := range []*desks{p.moscow, p.beijing} {
		x.none(time.Millisecond, anyReleased, anyOpen)
		if x.keys.Burnable != nil {
			wait(t, time.Millisecond, func() bool { return x.count("select count(*) from chain_out where confirmed = 1") == 1 })
		}
	}
	stop()
}

// passage is how telegrams came from one end to the other.
type passage struct {
	handed  time.Duration // until all were handed over: registered, queued, published
	back    time.Duration // from the mending of the line until the connection stands again
	carried time.Duration // from then until the sender has the receipt of all
	urgent  time.Duration // from the moment a Flash was handed over, behind all of them, until it lay with its receiver
	cpu     time.Duration // of all processes together
	peak    float64       // MiB, of all processes that run at the same time
}

// rate is telegrams in a second, from handing over to receipt.
func (p *passage) rate(n int) float64 { return float64(n) / (p.handed + p.carried).Seconds() }

// afterCut registers what was released while the line is cut, mends it, and lets everything through, and a Flash before all.
func (p *pair) afterCut(t *testing.T, n int) (out passage) {
	stop := run(t, p.carriers)
	idle(t)
	p.way.cut()
	connected(t, p.far, false)
	cpu := ownCPU()
	start := time.Now()
	p.moscow.free()
	p.moscow.none(5*time.Millisecond, anyReleased)
	out.handed = time.Since(start)
	if waiting := p.moscow.count("select count(*) from outbox where receipted is null"); waiting != n {
		t.Fatalf("%d telegrams wait behind the cut and not %d", waiting, n)
	}
	start = time.Now()
	p.way.mend()
	connected(t, p.far, true)
	out.back = time.Since(start)
	start = time.Now()
	p.moscow.releaseAs(1, "To: MINISTRY@"+p.beijing.config.Name+"\nPrecedence: flash\n\n"+text(bodySize)+"\n")
	urgent := time.Now()
	p.beijing.seesUrgent(t)
	out.urgent = time.Since(urgent)
	p.moscow.none(20*time.Millisecond, anyOpen)
	out.carried = time.Since(start)
	stop()
	out.cpu, out.peak = ownCPU()-cpu, peakNow()
	return out
}

func (x *desks) seesUrgent(t *testing.T) {
	wait(t, 2*time.Millisecond, func() bool { return x.count(anyUrgent) == 1 })
}

// withhold takes back what was released, and free gives all of it back at once to a post that runs.
func (x *desks) withhold() {
	x.change("update draft set state = 'handed over' where state = 'released'")
}
func (x *desks) free() { x.change("update draft set state = 'released' where state = 'handed over'") }

func (x *desks) change(query string) {
	if err := x.db.Write(x.t.Context(), func(tx *store.Tx) error {
		tx.Notify("released")
		_, err := tx.Exec(query)
		return err
	}); err != nil {
		x.t.Fatal(err)
	}
}

// atOnce lets n telegrams be released at one moment and says how long it took until the last was receipted.
func atOnce(t *testing.T, moscow, beijing *desks, n int) (took time.Duration) {
	moscow.release(n, beijing.config.Name)
	moscow.withhold()
	t.Run("posts", func(t *testing.T) {
		p := joined(t, moscow, beijing) // anew: a line on which a post received before has to log in again
		stop := run(t, p.carriers)
		defer stop()
		idle(t)
		start := time.Now()
		moscow.free()
		moscow.none(500*time.Microsecond, anyReleased, anyOpen)
		took = time.Since(start)
	})
	return took
}

// idle waits until this process does next to nothing.
func idle(t *testing.T) {
	was := ownCPU()
	wait(t, 0, func() bool {
		time.Sleep(150 * time.Millisecond)
		now := ownCPU()
		still := now-was < 5*time.Millisecond
		was = now
		return still
	})
}

// ownCPU is what this process has used of the processors.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// forgetPeak gives back what memory this process does not need, says how much it has, in MiB, and lets the most that it ever had be counted from now on.
func forgetPeak() float64 {
	debug.FreeOSMemory()
	os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // where that cannot be done, what was before counts too
	return peakNow()
}

// peakNow is the most memory that this process has had since, in MiB; 0 where the system does not say it.
func peakNow() float64 {
	mib, _ := statusOf(os.Getpid(), "VmHWM")
	return mib
}

// statusOf reads a process's memory, in MiB.
func statusOf(pid int, what string) (mib float64, ok bool) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(b)) {
		if rest, found := strings.CutPrefix(line, what+":"); found {
			kib, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")))
			return float64(kib) / 1024, err == nil
		}
	}
	return 0, false
}

// loadNow is how many processes wanted a processor in the last minute; 0 where the system does not say it.
func loadNow() float64 {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	var load float64
	fmt.Sscan(string(b), &load)
	return load
}
