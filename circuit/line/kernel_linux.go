package line

import (
	"net"
	"syscall"

	"chancery.example/chancery/circuit"
	"golang.org/x/sys/unix"
)

// slowDown has the kernel send no faster than the line. What waits then waits in a machine and not in a modem, where a packet that was lost would
// have to stand in the same queue a second time. What comes has room for two seconds of short packets behind a lost one: with less the kernel throws
// them away. It is no fault when the kernel does not know how.
func slowDown(p circuit.Profile) func(network, address string, c syscall.RawConn) error {
	if p.Rate == 0 {
		return nil
	}
	second := p.Rate / 8
	between := int(float64(second) * p.RoundTrip.Seconds())
	return func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) {
			unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_MAX_PACING_RATE, second)
			unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, max(between*16, 32<<10))
		})
	}
}

// segments is how many pieces with content came from the hub so far, whether or not those before them have come.
func (w *wire) segments() (n int64, ok bool) {
	ok = w.ask(func(fd int) error {
		info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		if err == nil {
			n = int64(info.Data_segs_in)
		}
		return err
	})
	return n, ok
}

// unsent is how many bytes of ours the kernel has not put on the line yet; ok is false when it does not say.
func (w *wire) unsent() (n int64, ok bool) {
	ok = w.ask(func(fd int) error {
		waits, err := unix.IoctlGetInt(fd, unix.SIOCOUTQNSD)
		n = int64(waits)
		return err
	})
	return n, ok
}

// ask asks the kernel about the connection.
func (w *wire) ask(f func(fd int) error) bool {
	if w == nil {
		return false
	}
	tcp, ok := w.Conn.(*net.TCPConn)
	if !ok {
		return false
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return false
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = f(int(fd)) })
	return err == nil && failed == nil
}
