package bench

import (
	"bufio"
	"fmt"
	"net"
	"net/smtp"
	"net/textproto"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Postfix: mails come in by SMTP, lie synced in its queue, and go out by SMTP to a sink in this process that keeps nothing. Nothing is sealed or signed.

// postfixAbsent says why Postfix cannot be measured.
func postfixAbsent() string {
	if why := absent("postfix", "postfix"); why != "" {
		return why
	}
	if os.Getuid() != 0 {
		return "Postfix can only be started by root"
	}
	return ""
}

type postfix struct {
	t    *testing.T
	addr string
	sink *sink
}

const postfixMain = `compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
mail_owner = postfix
setgid_group = postdrop
myhostname = bench.invalid
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
relayhost = [127.0.0.1]:%[2]s
smtp_host_lookup = native
smtpd_peername_lookup = no
in_flow_delay = 0
notify_classes =
`

const postfixMaster = `127.0.0.1:%s inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
`

func newPostfix(t *testing.T) *postfix {
	dir := must(os.MkdirTemp("", "bench-pf")) // short, for the sockets in it, and open to the user postfix
	t.Cleanup(func() { os.RemoveAll(dir) })
	p := &postfix{t: t, addr: freeAddr(), sink: newSink(t)}
	_, in, _ := net.SplitHostPort(p.addr)
	_, out, _ := net.SplitHostPort(p.sink.l.Addr().String())
	etc := filepath.Join(dir, "etc")
	for _, d := range []string{dir, etc, filepath.Join(dir, "queue"), filepath.Join(dir, "data")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	who := must(user.Lookup("postfix"))
	if err := os.Chown(filepath.Join(dir, "data"), must(strconv.Atoi(who.Uid)), must(strconv.Atoi(who.Gid))); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"main.cf": fmt.Sprintf(postfixMain, dir, out), "master.cf": fmt.Sprintf(postfixMaster, in)} {
		if err := os.WriteFile(filepath.Join(etc, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	say := func(act string) *exec.Cmd {
		cmd := exec.Command(found("postfix"), "-c", etc, act)
		cmd.Env = append(os.Environ(), "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin")
		return cmd
	}
	if b, err := say("start").CombinedOutput(); err != nil {
		t.Fatalf("starting Postfix: %v\n%s", err, b)
	}
	t.Cleanup(func() {
		if b, err := say("stop").CombinedOutput(); err != nil {
			t.Errorf("stopping Postfix: %v\n%s", err, b)
		}
	})
	wait(t, 10*time.Millisecond, func() bool {
		c, err := net.Dial("tcp", p.addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return p
}

// atOnce sends mails over a few connections that are open, and waits until the sink has taken all.
func (p *postfix) atOnce(n int) time.Duration {
	var clients []*smtp.Client
	for range min(n, 10) {
		c := must(smtp.Dial(p.addr))
		if err := c.Hello("bench.invalid"); err != nil {
			p.t.Fatal(err)
		}
		clients = append(clients, c)
	}
	body := []byte("Subject: bench\r\n\r\n" + text(bodySize) + "\r\n")
	before := p.sink.took.Load()
	start := time.Now()
	var next atomic.Int64
	var wg sync.WaitGroup
	for _, c := range clients {
		wg.Go(func() {
			defer c.Close()
			for next.Add(1) <= int64(n) {
				if err := mail(c, body); err != nil {
					p.t.Errorf("handing a mail to Postfix: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	wait(p.t, 500*time.Microsecond, func() bool { return p.sink.took.Load()-before >= int64(n) || p.t.Failed() })
	return time.Since(start)
}

func mail(c *smtp.Client, body []byte) error {
	if err := c.Mail("moscow@bench.invalid"); err != nil {
		return err
	}
	if err := c.Rcpt("beijing@there.invalid"); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(body); err != nil {
		return err
	}
	return w.Close()
}

// sink takes every mail and keeps none.
type sink struct {
	l    net.Listener
	took atomic.Int64
}

func newSink(t *testing.T) *sink {
	s := &sink{l: must(net.Listen("tcp", "127.0.0.1:0"))}
	t.Cleanup(func() { s.l.Close() })
	go func() {
		for {
			c, err := s.l.Accept()
			if err != nil {
				return
			}
			go s.serve(c)
		}
	}()
	return s
}

func (s *sink) serve(conn net.Conn) {
	defer conn.Close()
	c := textproto.NewReader(bufio.NewReader(conn))
	say := func(line string) { conn.Write([]byte(line + "\r\n")) }
	say("220 sink")
	for {
		line, err := c.ReadLine()
		if err != nil {
			return
		}
		switch word, _, _ := strings.Cut(strings.ToUpper(line), " "); word {
		case "EHLO":
			say("250-sink\r\n250 PIPELINING")
		case "DATA":
			say("354 go on")
			if _, err := c.ReadDotBytes(); err != nil {
				return
			}
			s.took.Add(1)
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 well")
		}
	}
}
