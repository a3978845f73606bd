package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

func (d *demo) makePosts(ctx context.Context) error {
	if !d.app.json {
		fmt.Fprintf(d.app.out, "%d posts, each a process with its own folder and encrypted database; %s runs the broker.\n\n", len(d.plan.posts), d.plan.home().name)
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	d.hub = fmt.Sprintf("127.0.0.1:%d", port)
	b, err := d.run(ctx, "", "directory", "new", "directory.txt", "--keys", "root", "--passphrase-file", "secrets/root", "--json")
	if err != nil {
		return err
	}
	var made struct{ Fingerprint string }
	if err := json.Unmarshal(b, &made); err != nil {
		return err
	}
	admit := []string{"directory", "admit", "directory.txt"}
	for i, p := range d.plan.posts {
		args := []string{"init", p.name, "--root", made.Fingerprint, "--retry", "2s"}
		if i == 0 {
			args = append(args, "--listen", d.hub, "--section", fmt.Sprint(demoSection), "--continue", d.plan.continued)
		} else {
			args = append(args, "--hub", "nats://"+d.hub)
		}
		args = append(args, d.plan.marking...)
		for _, o := range p.offices {
			args = append(args, "--office", o)
		}
		if err := d.at(ctx, p, "", nil, args...); err != nil {
			return err
		}
		admit = append(admit, filepath.Join(p.folder, "application.txt"))
	}
	if _, err := d.run(ctx, "", admit...); err != nil {
		return err
	}
	if _, err := d.run(ctx, "", "directory", "sign", "directory.txt", "root/root-1.age", "root/root-2.age", "--passphrase-file", "secrets/root"); err != nil {
		return err
	}
	for _, p := range d.plan.posts {
		if err := d.at(ctx, p, "", nil, "directory", "adopt", "directory.txt"); err != nil {
			return err
		}
	}
	return nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// server is a post's process.
type server struct {
	cmd  *exec.Cmd
	log  string
	done chan error
}

func (d *demo) serveAll(ctx context.Context) error {
	for _, p := range d.plan.posts {
		s := &server{log: filepath.Join(d.dir, p.folder+".log"), done: make(chan error, 1)}
		log, err := os.Create(s.log)
		if err != nil {
			return err
		}
		s.cmd = exec.Command(d.self, "serve", "--dir", p.folder, "--passphrase-file", p.secrets())
		s.cmd.Dir, s.cmd.Stderr = d.dir, log
		err = s.cmd.Start()
		log.Close()
		if err != nil {
			return err
		}
		go func() { s.done <- s.cmd.Wait() }()
		d.serving[p.name] = s
	}
	for _, p := range d.plan.posts {
		var st status
		if err := d.until(ctx, "joining the broker", func() (bool, error) {
			// Not with a command: it would open the post itself while the server has not, and keep the server out.
			c := dialOffice(&folder{path: filepath.Join(d.dir, p.folder)})
			if c == nil {
				return false, nil
			}
			defer c.close()
			return c.do(ctx, "status", none{}, &st) == nil && st.Joined, nil
		}); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

func (d *demo) stopAll() {
	for _, s := range d.serving {
		s.cmd.Process.Signal(syscall.SIGTERM)
	}
	for _, s := range d.serving {
		select {
		case <-s.done:
		case <-time.After(20 * time.Second):
			s.cmd.Process.Kill()
			<-s.done
		}
	}
	clear(d.serving)
}

// logs are the last words of the posts' logs, for an error.
func (d *demo) logs() string {
	var b strings.Builder
	for _, p := range d.plan.posts {
		if f, err := os.ReadFile(filepath.Join(d.dir, p.folder+".log")); err == nil && len(f) > 0 {
			fmt.Fprintf(&b, "\n%s: %s", p.name, lastLine(string(f)))
		}
	}
	return b.String()
}
