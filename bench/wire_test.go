package bench

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Bytes on the wire: of one telegram, and of a day on which nobody writes.

// silence is a pair of posts between which nothing goes, from the first group of figures on, so that the last one can say what that cost.
type silence struct {
	way   *relay
	since time.Time
	bytes int64
	ready chan struct{} // closed when counting began
}

// listen starts the silence, once.
func (o *others) listen(t *testing.T, c counts) {
	if o.silence != nil {
		return
	}
	moscow, beijing := ministry(t)
	moscow.chained(true)
	beijing.chained(true)
	t.Run("acquainted", func(t *testing.T) { joined(t, moscow, beijing).acquainted(t) })
	p := joined(t, moscow, beijing)
	t.Cleanup(run(t, p.carriers))
	s := &silence{way: p.way, ready: make(chan struct{})}
	o.silence = s
	go func() {
		time.Sleep(c.beside.settle) // what is said at a start, and requests that stand longer and longer
		s.since, s.bytes = time.Now(), s.way.both()
		close(s.ready)
	}()
}

func (r *relay) both() int64 { return r.out.Load() + r.back.Load() }

// day is how many bytes a day of it would have, and how long it was listened to.
func (s *silence) day(c counts) (float64, time.Duration) {
	<-s.ready
	time.Sleep(time.Until(s.since.Add(c.beside.silent)))
	n, took := s.way.both()-s.bytes, time.Since(s.since)
	return float64(n) * float64(24*time.Hour) / float64(took), took
}

// bytes measures sizes.
func (o *others) bytes(t *testing.T, c counts) (all []figure) {
	o.listen(t, c)
	dir := t.TempDir()
	peers := []struct {
		name    string
		missing string
		size    func(*testing.T, string, []byte) int
	}{
		{"age 1.1, unsigned", absent("age", "age"), byAge},
		{"gpg, signed and sealed, Ed25519", absent("gpg", "gnupg"), byGPG},
		{"openssl cms, signed and sealed, P-256", absent("openssl", "openssl"), byCMS},
		{nncpName + ", its packet", absent("nncp-file", "nncp"), byNNCP},
	}
	for _, size := range c.beside.sizes {
		body := []byte(text(size + 1)[:size])
		theirs := map[string]int{}
		for _, p := range peers {
			if p.missing == "" {
				theirs[p.name] = p.size(t, filepath.Join(dir, fmt.Sprint(p.name, size)), body)
			}
		}
		for _, form := range []string{letters, frames} {
			envelope, line := oneOf(t, c, form, string(body))
			name := fmt.Sprintf("%d characters in one of %s", size, form)
			for _, p := range peers {
				all = append(all, beside(name, float64(envelope), "bytes", p.name, float64(theirs[p.name]), p.missing).
					says("the envelope with drafter's and releaser's signatures, numbers and padding; a letter also has the sending post's two signatures and opens to X-Wing. The peers have the same text, not compressed, and sign once or not at all; none of them is safe from a quantum computer."))
			}
			missing := absent("nncp-file", "nncp")
			on := 0
			if missing == "" {
				on = nncpOnLine(t, body)
			}
			all = append(all, beside(name+", all that goes over the line", float64(line), "bytes", nncpName+", a call", float64(on), missing).
				says("everything that the receiver's connection carries both ways for it: the broker's words, the receipt and its acknowledgement; the least of three. NNCP: a whole call, with its greeting."))
		}
	}
	day, heard := o.silence.day(c)
	const ping = 24 * 720 // PING and PONG, six bytes each, from both ends every two minutes
	return append(all, against("a day of silence", day, "bytes", "NATS with its default pings, computed", ping).
		says(fmt.Sprintf("what a connection carries both ways in a day on which nobody writes, without the headers of TCP and IP. Ours was measured for %s, after the requests to the broker had come to stand as long as they do, and extrapolated; that of NATS is computed from its protocol: 24 bytes every two minutes.", heard.Round(time.Second))))
}

// oneOf carries a telegram and says how long its envelope was, and how much the receiver's connection carried for it.
func oneOf(t *testing.T, c counts, form, body string) (envelope int, line int64) {
	t.Run(form, func(t *testing.T) {
		moscow, beijing := ministry(t)
		moscow.chained(form == frames)
		beijing.chained(form == frames)
		t.Run("acquainted", func(t *testing.T) { joined(t, moscow, beijing).acquainted(t) })
		p := joined(t, moscow, beijing)
		stop := run(t, p.carriers)
		defer stop()
		quiet := func() int64 { // until nothing more comes of what is said at a start
			n := p.way.both()
			wait(t, 0, func() bool {
				time.Sleep(500 * time.Millisecond)
				was := n
				n = p.way.both()
				return n == was
			})
			return n
		}
		for range c.turns { // the least: requests to the broker that are renewed meanwhile belong to the silence
			before := quiet()
			moscow.releaseAs(1, "To: MINISTRY@BEIJING\n\n"+body+"\n")
			moscow.none(time.Millisecond, anyReleased, anyOpen)
			if n := quiet() - before; line == 0 || n < line {
				line = n
			}
		}
		envelope = moscow.count("select size from wire order by special desc limit 1")
	})
	return envelope, line
}

// tool runs a peer's program in a folder and gives what it printed.
func tool(t *testing.T, dir, stdin string, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	var failed bytes.Buffer
	cmd.Dir, cmd.Stdin, cmd.Stderr = dir, strings.NewReader(stdin), &failed
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, failed.String())
	}
	return string(out)
}

func at(t *testing.T, dir string, body []byte) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "text"), body, 0o600); err != nil {
		t.Fatal(err)
	}
}

func byAge(t *testing.T, dir string, body []byte) int {
	at(t, dir, body)
	tool(t, dir, "", "age-keygen", "-o", "key")
	to := strings.TrimSpace(tool(t, dir, "", "age-keygen", "-y", "key"))
	return len(tool(t, dir, string(body), "age", "-r", to))
}

func byGPG(t *testing.T, _ string, body []byte) int {
	home := must(os.MkdirTemp("", "gpg")) // short, for the socket in it
	defer os.RemoveAll(home)
	gpg := func(args ...string) string {
		return tool(t, home, string(body), "gpg", append([]string{"--homedir", home, "--batch", "--quiet", "--passphrase", "", "--pinentry-mode", "loopback"}, args...)...)
	}
	gpg("--quick-gen-key", "bench@chancery.invalid", "future-default", "default", "never")
	defer tool(t, home, "", "gpgconf", "--homedir", home, "--kill", "all")
	return len(gpg("--trust-model", "always", "--compress-algo", "none", "--sign", "--encrypt", "-r", "bench@chancery.invalid"))
}

func byCMS(t *testing.T, dir string, body []byte) int {
	at(t, dir, body)
	tool(t, dir, "", "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "key", "-out", "cert", "-subj", "/CN=bench", "-days", "1")
	tool(t, dir, "", "openssl", "cms", "-sign", "-binary", "-nodetach", "-nocerts", "-outform", "DER", "-signer", "cert", "-inkey", "key", "-in", "text", "-out", "signed")
	return len(tool(t, dir, "", "openssl", "cms", "-encrypt", "-binary", "-aes-256-gcm", "-outform", "DER", "-in", "signed", "cert"))
}

func byNNCP(t *testing.T, _ string, body []byte) (size int) {
	t.Run("NNCP", func(t *testing.T) {
		n := newNNCP(t)
		at(t, n.dir, body)
		n.hand(1)
		if packets := n.outbound(); len(packets) == 1 {
			size = int(must(os.Stat(packets[0])).Size())
		} else {
			t.Fatalf("NNCP made %d packets", len(packets))
		}
	})
	return size
}

// nncpOnLine is what a call carries that brings one file.
func nncpOnLine(t *testing.T, body []byte) (size int) {
	t.Run("NNCP", func(t *testing.T) {
		n := newNNCP(t)
		at(t, n.dir, body)
		n.hand(1)
		call := n.call()
		wait(t, time.Millisecond, func() bool { return !n.held() })
		n.end(call)
		size = int(n.way.both())
	})
	return size
}
