package circuittest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// ThinEnds are the two ends of a line that stands: network namespaces of their own, between which packets go through this process.
type ThinEnds struct {
	line  ThinLine
	names [2]string
	ways  [2]*thinWay
}

// thinWay is one direction.
type thinWay struct {
	bytes atomic.Int64 // that took their time on the line
	lost  atomic.Int64 // packets
}

// thinQueue is what a modem keeps of packets that wait: as much as three seconds of the line, and at least these.
const thinQueue = 32

// Open builds the line, and takes it down with the test. It needs root, the program ip of iproute2, and /dev/net/tun, and gives what is missing as an
// error: [ThinLine.Relay] needs nothing. With CI=true it fails the test where root and the device are there and the rest is not.
func (l ThinLine) Open(t testing.TB) (*ThinEnds, error) {
	t.Helper()
	e := &ThinEnds{line: l.filled()}
	if err := e.build(t); err != nil {
		if errors.Is(err, errNoLine) || os.Getenv("CI") != "true" {
			return nil, err
		}
		t.Fatal("building a thin line: ", err)
	}
	return e, nil
}

// errNoLine is in the error of a machine on which no line can be built.
var errNoLine = errors.New("it takes root, the right to make network namespaces, and /dev/net/tun")

func (e *ThinEnds) build(t testing.TB) error {
	if os.Getuid() != 0 {
		return errNoLine
	}
	if f, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0); err != nil {
		return fmt.Errorf("%w: %w", errNoLine, err)
	} else {
		f.Close()
	}
	if err := unix.Access("/var/run", unix.W_OK); err != nil {
		return fmt.Errorf("%w: %w", errNoLine, err)
	}
	if _, err := exec.LookPath("ip"); err != nil {
		return fmt.Errorf("%w (on Debian: apt-get install iproute2)", err)
	}
	if !maySetns() {
		return errNoLine
	}
	var ends [2]*os.File
	for i := range ends {
		e.names[i] = fmt.Sprintf("thin-%d-%d-%c", os.Getpid(), time.Now().UnixNano()%1e9, 'a'+i)
		if err := ip("netns", "add", e.names[i]); err != nil {
			return err
		}
		t.Cleanup(func() { ip("netns", "del", e.names[i]) })
		f, err := tun(e.names[i])
		if err != nil {
			return err
		}
		ends[i] = f
		for _, args := range [][]string{{"addr", "add", e.Addr(i), "peer", e.Addr(1 - i), "dev", tunName},
			{"link", "set", tunName, "mtu", fmt.Sprint(e.line.MTU), "up"}, {"link", "set", "lo", "up"}} {
			if err := ip(append([]string{"-n", e.names[i]}, args...)...); err != nil {
				return err
			}
		}
	}
	var pumps sync.WaitGroup
	for i := range e.ways {
		e.ways[i] = &thinWay{}
		pumps.Go(func() { e.pump(e.ways[i], ends[i], ends[1-i], rand.New(rand.NewPCG(e.line.Seed, uint64(i)))) })
	}
	t.Cleanup(func() { // before the namespaces go
		for _, f := range ends {
			f.Close()
		}
		pumps.Wait()
	})
	return nil
}

// maySetns says whether this process may make namespaces at all, as root in a container may not.
func maySetns() bool {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		done <- unix.Unshare(unix.CLONE_NEWNET)
	}()
	return <-done == nil
}

func ip(args ...string) error {
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %v: %w: %s", args, err, out)
	}
	return nil
}

const tunName = "thin0"

// tun makes a network device in a namespace, whose packets are read and written here.
func tun(namespace string) (*os.File, error) {
	type result struct {
		fd  int
		err error
	}
	done := make(chan result)
	go func() {
		runtime.LockOSThread() // its thread is in another namespace now, and ends with it
		ns, err := unix.Open("/var/run/netns/"+namespace, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			done <- result{-1, err}
			return
		}
		defer unix.Close(ns)
		if err := unix.Setns(ns, unix.CLONE_NEWNET); err != nil {
			done <- result{-1, err}
			return
		}
		fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err == nil {
			var r *unix.Ifreq
			if r, err = unix.NewIfreq(tunName); err == nil {
				r.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
				err = unix.IoctlIfreq(fd, unix.TUNSETIFF, r)
			}
		}
		done <- result{fd, err}
	}()
	r := <-done
	if r.err != nil {
		return nil, fmt.Errorf("making a network device: %w", r.err)
	}
	return os.NewFile(uintptr(r.fd), tunName), nil
}

// packet is due at the other end at a time.
type packet struct {
	due time.Time
	b   []byte
}

// pump moves packets from one end to the other until the ends are closed.
func (e *ThinEnds) pump(w *thinWay, from, to *os.File, rng *rand.Rand) {
	queue := make(chan packet, 1<<14) // what flies; what waits is bounded below
	var writer sync.WaitGroup
	writer.Go(func() {
		for p := range queue {
			time.Sleep(time.Until(p.due))
			to.Write(p.b) // fails only when the ends are closed
		}
	})
	defer writer.Wait()
	defer close(queue)
	longest := max(3*time.Second, e.line.span(thinQueue*e.line.MTU))
	var free time.Time // when the line has sent all that waits
	b := make([]byte, 1<<16)
	for {
		n, err := from.Read(b)
		if err != nil {
			return
		}
		now := time.Now()
		if free.Before(now) {
			free = now
		}
		if free.Sub(now) > longest {
			w.lost.Add(1)
			continue
		}
		free = free.Add(e.line.span(n))
		w.bytes.Add(int64(n))
		if rng.Float64() < e.line.Loss {
			w.lost.Add(1)
			continue
		}
		queue <- packet{free.Add(e.line.RoundTrip / 2), append([]byte(nil), b[:n]...)}
	}
}

// Addr is the IP address of an end, 0 or 1.
func (e *ThinEnds) Addr(end int) string { return fmt.Sprintf("10.97.0.%d", end+1) }

// Command is a command that runs at an end. Its process is the program itself, to be started, signalled and waited for.
func (e *ThinEnds) Command(end int, name string, args ...string) *exec.Cmd {
	return exec.Command("ip", append([]string{"netns", "exec", e.names[end], name}, args...)...)
}

// Carried is how many bytes, with IP headers, have left an end so far, the lost ones included, and how many packets were lost.
func (e *ThinEnds) Carried(end int) (bytes, lost int64) {
	return e.ways[end].bytes.Load(), e.ways[end].lost.Load()
}
