package bench

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// NNCP, the peer that comes nearest: it seals and signs files for another node, keeps them until that node has them on its disk, and sends the urgent first.

// found is where a program is, also where only root looks for it; "" if it is nowhere.
func found(program string) string {
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/sbin") {
		if path, err := exec.LookPath(filepath.Join(dir, program)); err == nil {
			return path
		}
	}
	return ""
}

// absent says how to get a program that is not there, and "" if it is.
func absent(program, pkg string) string {
	if found(program) != "" {
		return ""
	}
	return fmt.Sprintf("%s is missing (apt-get install %s)", pkg, pkg)
}

// nncp is two nodes with a relay between them.
type nncp struct {
	t      *testing.T
	dir    string
	way    *relay
	daemon *exec.Cmd
	mu     sync.Mutex // guards what follows
	cpu    time.Duration
	peak   float64 // MiB, of the programs that were ended, together
}

var nncpKey = regexp.MustCompile(`(?m)^    (id|exchpub|exchprv|signpub|signprv|noisepub|noiseprv): (\S+)$`)

func newNNCP(t *testing.T) *nncp {
	n := &nncp{t: t, dir: t.TempDir()}
	keys := map[string]map[string]string{}
	for _, node := range []string{"moscow", "beijing"} {
		keys[node] = map[string]string{}
		for _, m := range nncpKey.FindAllStringSubmatch(n.do("nncp-cfgnew", "-nocomments"), -1) {
			keys[node][m[1]] = m[2]
		}
		for _, d := range []string{"in", "spool"} {
			if err := os.MkdirAll(filepath.Join(n.dir, node, d), 0o700); err != nil {
				t.Fatal(err)
			}
		}
	}
	listen := freeAddr()
	n.way = newRelay(t, listen)
	for node, other := range map[string]string{"moscow": "beijing", "beijing": "moscow"} {
		var b strings.Builder
		own := keys[node]
		fmt.Fprintf(&b, "{\n  spool: %q\n  log: %q\n  self: {\n", filepath.Join(n.dir, node, "spool"), filepath.Join(n.dir, node, "log"))
		for k, v := range own {
			fmt.Fprintf(&b, "    %s: %q\n", k, v)
		}
		b.WriteString("  }\n  neigh: {\n")
		for name, k := range map[string]map[string]string{"self": own, other: keys[other]} {
			fmt.Fprintf(&b, "    %s: {\n      id: %q\n      exchpub: %q\n      signpub: %q\n      noisepub: %q\n", name, k["id"], k["exchpub"], k["signpub"], k["noisepub"])
			if name == other {
				fmt.Fprintf(&b, "      incoming: %q\n", filepath.Join(n.dir, node, "in"))
			}
			if name == "beijing" && node == "moscow" {
				fmt.Fprintf(&b, "      addrs: {relay: %q}\n", n.way.addr())
			}
			b.WriteString("    }\n")
		}
		b.WriteString("  }\n}\n")
		for path, content := range map[string]string{node + ".hjson": b.String(), "text": text(bodySize)} {
			if err := os.WriteFile(filepath.Join(n.dir, path), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	n.daemon = n.start("nncp-daemon", "-quiet", "-cfg", n.cfg("beijing"), "-bind", listen)
	wait(t, time.Millisecond, func() bool {
		c, err := net.Dial("tcp", listen)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	t.Cleanup(func() { n.end(n.daemon) })
	return n
}

// freeAddr is an address at which nobody listens now.
func freeAddr() string {
	l := must(net.Listen("tcp", "127.0.0.1:0"))
	defer l.Close()
	return l.Addr().String()
}

func (n *nncp) cfg(node string) string { return filepath.Join(n.dir, node+".hjson") }

// do runs one of its programs to its end, and counts what it cost.
func (n *nncp) do(program string, args ...string) string {
	cmd := exec.Command(program, args...)
	var failed bytes.Buffer
	cmd.Stderr = &failed
	out, err := cmd.Output()
	if err != nil {
		n.t.Errorf("%s %s: %v\n%s", program, strings.Join(args, " "), err, failed.String())
		return ""
	}
	n.count(cmd)
	return string(out)
}

func (n *nncp) count(cmd *exec.Cmd) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}

func (n *nncp) start(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(program, args...)
	if err := cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	return cmd
}

// end ends a program that was started. That it is told to end is no failure.
func (n *nncp) end(cmd *exec.Cmd) {
	if cmd.ProcessState != nil {
		return
	}
	// Not from what Wait knows: there a process has begun with all the memory of the one that started it.
	mib, _ := statusOf(cmd.Process.Pid, "VmHWM")
	n.peak += mib
	cmd.Process.Signal(syscall.SIGTERM)
	cmd.Wait()
	n.count(cmd)
}

// hand hands n files over, on all processors.
func (n *nncp) hand(count int) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(count, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(count); i = next.Add(1) {
				n.do("nncp-file", "-quiet", "-cfg", n.cfg("moscow"), filepath.Join(n.dir, "text"), fmt.Sprintf("beijing:%d", i))
			}
		})
	}
	wg.Wait()
}

// files are those in a folder, without folders in it.
func files(pattern string) (names []string) {
	all, _ := filepath.Glob(pattern)
	for _, f := range all {
		if s, err := os.Stat(f); err == nil && s.Mode().IsRegular() {
			names = append(names, f)
		}
	}
	return names
}

// outbound are the packets that the sender still keeps.
func (n *nncp) outbound() []string {
	return files(filepath.Join(n.dir, "moscow", "spool", strings.Repeat("?", 52), "tx", strings.Repeat("?", 52)))
}

// held says whether the sender still keeps any.
func (n *nncp) held() bool {
	dirs, _ := filepath.Glob(filepath.Join(n.dir, "moscow", "spool", strings.Repeat("?", 52), "tx"))
	for _, d := range dirs {
		f, err := os.Open(d)
		if err != nil {
			return true
		}
		names, _ := f.Readdirnames(8)
		f.Close()
		for _, x := range names {
			if len(x) == 52 {
				return true
			}
		}
	}
	return false
}

// arrived is how many files lie with the receiver.
func (n *nncp) arrived() int {
	f, err := os.Open(filepath.Join(n.dir, "beijing", "in"))
	if err != nil {
		return 0
	}
	defer f.Close()
	names, _ := f.Readdirnames(-1)
	return len(names)
}

func (n *nncp) call() *exec.Cmd {
	return n.start("nncp-call", "-quiet", "-cfg", n.cfg("moscow"), "-onlinedeadline", "600", "beijing")
}

func (n *nncp) toss(more ...string) []string {
	return append([]string{"-quiet", "-cfg", n.cfg("beijing"), "-node", "moscow"}, more...)
}

// atOnce hands files over, calls, waits until the sender has the other's word on all, and has the receiver open them.
func (n *nncp) atOnce(count int) time.Duration {
	start := time.Now()
	n.hand(count)
	call := n.call()
	wait(n.t, time.Millisecond, func() bool { return !n.held() })
	n.do("nncp-toss", n.toss()...)
	took := time.Since(start)
	n.end(call)
	if got := n.arrived(); got != count {
		n.t.Fatalf("NNCP: %d files arrived and not %d", got, count)
	}
	n.clear()
	return took
}

func (n *nncp) clear() {
	dir := filepath.Join(n.dir, "beijing", "in")
	if err := os.RemoveAll(dir); err != nil {
		n.t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		n.t.Fatal(err)
	}
}

// afterCut hands files over before anybody calls; then the receiver opens what comes as it comes, and an urgent one goes behind them all.
func (n *nncp) afterCut(count int) (out passage) {
	n.cpu, n.peak = 0, 0
	start := time.Now()
	n.hand(count)
	out.handed = time.Since(start)
	start = time.Now()
	call := n.call()
	toss := n.start("nncp-toss", n.toss("-cycle", "1")...)
	n.do("nncp-file", "-quiet", "-cfg", n.cfg("moscow"), "-nice", "F", filepath.Join(n.dir, "text"), "beijing:urgent")
	urgent := time.Now()
	wait(n.t, 2*time.Millisecond, func() bool {
		_, err := os.Stat(filepath.Join(n.dir, "beijing", "in", "urgent"))
		return err == nil
	})
	out.urgent = time.Since(urgent)
	wait(n.t, 20*time.Millisecond, func() bool { return !n.held() && n.arrived() > count })
	out.carried = time.Since(start)
	n.end(call)
	n.end(toss)
	n.end(n.daemon)
	out.cpu, out.peak = n.cpu, n.peak
	return out
}
