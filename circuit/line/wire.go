package line

import (
	"context"
	"net"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

// wire is a connection on its way to a hub, below TLS. It counts what is paid for, and when something last came.
type wire struct {
	net.Conn
	line *Line
	dead atomic.Bool // it failed, or was ended
}

func (w *wire) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	if n > 0 {
		w.line.in.Add(int64(n))
		w.line.heard.Store(time.Now().UnixNano())
	}
	if err != nil {
		w.dead.Store(true)
	}
	return n, err
}

func (w *wire) Write(b []byte) (int, error) {
	n, err := w.Conn.Write(b)
	w.line.out.Add(int64(n))
	return n, err
}

// broken says whether nothing goes over it any more. The client notices a moment later, and until then it may hold its lock for as long as
// it takes to connect anew.
func (w *wire) broken() bool { return w != nil && w.dead.Load() }

// end ends it at once; what has not left is thrown away, so that it takes nothing from the next connection.
func (w *wire) end() {
	if w == nil {
		return
	}
	w.dead.Store(true)
	if tcp, ok := w.Conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	w.Conn.Close()
}

// dialer connects to a hub, until ctx ends. There are no signs of life by the network itself: those of the line are counted.
type dialer struct {
	line *Line
	ctx  context.Context
}

func (d *dialer) Dial(network, address string) (net.Conn, error) {
	c, err := (&net.Dialer{Timeout: d.line.cfg.Dial, KeepAlive: -1, Control: slowDown(d.line.cfg.Profile)}).DialContext(d.ctx, network, address)
	if err != nil {
		return nil, err
	}
	w := &wire{Conn: c, line: d.line}
	d.line.mu.Lock()
	d.line.wire = w
	d.line.mu.Unlock()
	if d.ctx.Err() != nil { // whoever ends connections may have looked before
		w.end()
	}
	return w, nil
}

// listen asks a line that has been silent whether it lives, and ends a connection that does not answer. A byte is enough: on a thin line
// an answer may stand behind a long message.
func (l *Line) listen(ctx context.Context) {
	if l.cfg.Hub != nil {
		return
	}
	for ctx.Err() == nil {
		nc, epoch, changed := l.watch()
		quiet := time.Since(l.lastHeard())
		if nc != nil && quiet >= l.cfg.Ping {
			l.ask(ctx, nc, epoch)
			continue
		}
		pause := l.cfg.Ping
		if nc != nil {
			pause -= quiet
		}
		t := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-changed:
		case <-t.C:
		}
		t.Stop()
	}
}

// ask asks the hub whether it is there, and ends the connection when nothing comes.
func (l *Line) ask(ctx context.Context, nc *nats.Conn, epoch int) {
	before := l.lastHeard()
	patience := l.cfg.Pong + l.cfg.Takes(l.post.bytes())
	asking, stop := context.WithTimeout(ctx, patience)
	defer stop()
	err := nc.FlushWithContext(asking)
	if err == nil || ctx.Err() != nil || !l.lastHeard().Equal(before) {
		return
	}
	l.giveUp(epoch, patience)
}

// giveUp ends a connection over which nothing came for too long; another is made at once.
func (l *Line) giveUp(epoch int, after time.Duration) {
	if nc, now, _ := l.watch(); nc == nil || now != epoch {
		return
	}
	l.cfg.Log.Warn("line: nothing comes any more; it is connected anew", "after", after)
	l.current().end()
}

func (l *Line) lastHeard() time.Time { return time.Unix(0, l.heard.Load()) }
