package line

import (
	"net"

	"golang.org/x/sys/unix"
)

// unsent is how many bytes the kernel has not put on the line yet; ok is false when it does not say.
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
