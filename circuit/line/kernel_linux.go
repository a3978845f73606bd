package line

import (
"os"
"strconv"
	"net"
	"syscall"

	"chancery.example/chancery/circuit"
	"golang.org/x/sys/unix"
)

// slowDown has the kernel send no faster than the line, and let the hub do so no more either. What waits then waits in a machine and not in a
// modem, where a packet that was lost would have to stand in the same queue a second time. It is no fault when the kernel does not know how.
func slowDown(p circuit.Profile) func(network, address string, c syscall.RawConn) error {
	if p.Rate == 0 {
		return nil
	}
	second := p.Rate / 8
	between := int(float64(second) * p.RoundTrip.Seconds())
	return func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) {
			unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_MAX_PACING_RATE, second*num("PACE",100)/100) // headers are not counted
			unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, max(between*num("RCV",4), 4<<10))
		})
	}
}

// segments is how many pieces with content came from the hub so far, whether or not those before them have come.
func (w *wire) segments() (n int64, ok bool) {
	if w == nil {
		return 0, false
	}
	tcp, ok := w.Conn.(*net.TCPConn)
	if !ok {
		return 0, false
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return 0, false
	}
	var info *unix.TCPInfo
	var failed error
	if err := raw.Control(func(fd uintptr) { info, failed = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) }); err != nil || failed != nil {
		return 0, false
	}
	return int64(info.Data_segs_in), true
}

// unsent is how many bytes of ours the kernel has not put on the line yet; ok is false when it does not say.
func (w *wire) unsent() (n int64, ok bool) {
	if w == nil {
		return 0, false
	}
	tcp, ok := w.Conn.(*net.TCPConn)
	if !ok {
		return 0, false
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return 0, false
	}
	var waits int
	var failed error
	if err := raw.Control(func(fd uintptr) { waits, failed = unix.IoctlGetInt(int(fd), unix.SIOCOUTQNSD) }); err != nil || failed != nil {
		return 0, false
	}
	return int64(waits), true
}

func num(n string, d int) int { if x, err := strconv.Atoi(os.Getenv(n)); err == nil { return x }; return d }
