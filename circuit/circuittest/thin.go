package circuittest

import (
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"
)

// ThinLine is a line between two machines, slow and lossy, for real programs and the real TCP of the kernel.
type ThinLine struct {
	Rate      int           // bits a second each way, IP headers counted
	RoundTrip time.Duration // of a packet that takes no time to send
	Loss      float64       // of how many packets is lost, each way, after it has taken its time on the line
	MTU       int           // bytes of the longest packet; 0 means 1400
	Seed      uint64        // of the losses; when each packet comes is not drawn
}

func (l ThinLine) filled() ThinLine {
	if l.MTU == 0 {
		l.MTU = 1400
	}
	return l
}

// span is how long so many bytes take on the line.
func (l ThinLine) span(bytes int) time.Duration {
	return time.Duration(float64(bytes*8) / float64(l.Rate) * float64(time.Second))
}

// ThinRelay is what there is of a thin line without root: a TCP relay in this process. It keeps to the rate and the round trip, and holds everything
// up for a round trip where a packet would have been lost; how TCP itself behaves on such a line it does not show.
type ThinRelay struct {
	line ThinLine
	to   string
	l    net.Listener
	work sync.WaitGroup
	mu   sync.Mutex
	all  []net.Conn
}

// Relay leads to an address, until the test ends.
func (l ThinLine) Relay(t testing.TB, to string) *ThinRelay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &ThinRelay{line: l.filled(), to: to, l: listener}
	r.work.Go(r.accept)
	t.Cleanup(func() {
		listener.Close()
		r.mu.Lock()
		for _, c := range r.all {
			c.Close()
		}
		r.mu.Unlock()
		r.work.Wait()
	})
	return r
}

// Addr is where the relay listens.
func (r *ThinRelay) Addr() string { return r.l.Addr().String() }

func (r *ThinRelay) accept() {
	for n := uint64(0); ; n++ {
		a, err := r.l.Accept()
		if err != nil {
			return
		}
		b, err := net.Dial("tcp", r.to)
		if err != nil {
			a.Close()
			continue
		}
		for _, c := range []net.Conn{a, b} { // what waits is to wait at its sender, as on a line
			c.(*net.TCPConn).SetReadBuffer(4 << 10)
		}
		r.mu.Lock()
		r.all = append(r.all, a, b)
		r.mu.Unlock()
		r.work.Go(func() { r.pass(a, b, rand.New(rand.NewPCG(r.line.Seed, 2*n))) })
		r.work.Go(func() { r.pass(b, a, rand.New(rand.NewPCG(r.line.Seed, 2*n+1))) })
	}
}

// pass moves pieces one way until either end is closed.
func (r *ThinRelay) pass(from, to net.Conn, rng *rand.Rand) {
	defer from.Close()
	type piece struct {
		due time.Time
		b   []byte
	}
	flies := make(chan piece, 1<<12)
	var writer sync.WaitGroup
	writer.Go(func() {
		defer to.Close()
		for p := range flies {
			time.Sleep(time.Until(p.due))
			if _, err := to.Write(p.b); err != nil {
				from.Close()
			}
		}
	})
	defer writer.Wait()
	defer close(flies)
	var late time.Duration // by losses so far
	for {
		b := make([]byte, r.line.MTU-52)
		n, err := from.Read(b)
		if err != nil {
			return
		}
		time.Sleep(r.line.span(n + 52))
		if rng.Float64() < r.line.Loss {
			late = r.line.RoundTrip
		}
		flies <- piece{time.Now().Add(r.line.RoundTrip/2 + late), b[:n]}
		late = max(0, late-r.line.span(n+52))
	}
}
