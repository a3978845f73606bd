package line

import (
	"net"
	"sync"
	"sync/atomic"
)

// relay passes bytes on, or swallows them. A connection that once was silent stays so.
type relay struct {
	l    net.Listener
	to   string
	mute atomic.Bool
	wg   sync.WaitGroup
	mu   sync.Mutex
	all  []net.Conn
}

func newRelay(l net.Listener, to string) *relay {
	r := &relay{l: l, to: to}
	r.wg.Go(func() {
		for {
			a, err := l.Accept()
			if err != nil {
				return
			}
			b, err := net.Dial("tcp", to)
			if err != nil {
				a.Close()
				continue
			}
			r.mu.Lock()
			r.all = append(r.all, a, b)
			r.mu.Unlock()
			dead := &atomic.Bool{}
			r.wg.Go(func() { r.pass(a, b, dead) })
			r.wg.Go(func() { r.pass(b, a, dead) })
		}
	})
	return r
}

func (r *relay) pass(from, to net.Conn, dead *atomic.Bool) {
	b := make([]byte, 1<<16)
	for {
		n, err := from.Read(b)
		if err != nil {
			to.Close()
			return
		}
		if r.mute.Load() {
			dead.Store(true)
		}
		if !dead.Load() {
			to.Write(b[:n])
		}
	}
}

func (r *relay) silence(on bool) { r.mute.Store(on) }

func (r *relay) close() {
	r.l.Close()
	r.mu.Lock()
	for _, c := range r.all {
		c.Close()
	}
	r.mu.Unlock()
	r.wg.Wait()
}
