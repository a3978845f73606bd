package storetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// errMissing is why tests on PostgreSQL may be skipped; any other trouble fails them.
var errMissing = errors.New("PostgreSQL 15 or newer is not installed: apt-get install postgresql")

// PostgresURL returns the URL of a new, empty PostgreSQL database, which is dropped when the test ends.
func PostgresURL(t testing.TB) string {
	t.Helper()
	c, err := running()
	if errors.Is(err, errMissing) && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	name := "t" + strings.ToLower(rand.Text()[:12])
	if err := c.run("create database " + name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.run("drop database " + name + " with (force)"); err != nil {
			t.Error(err)
		}
	})
	return c.url(name)
}

// cluster is a running server.
type cluster struct {
	dir   string
	leash *os.File // closed by the end of the process, or earlier if nothing held it
}

// running is the process's cluster, started when it is first asked for.
var running = sync.OnceValues(start)

func (c *cluster) url(name string) string {
	return "postgres:///" + name + "?user=chancery&host=" + c.dir
}

func (c *cluster) run(sql string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.url("postgres"))
	if err != nil {
		return fmt.Errorf("connecting to the test cluster: %w", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, sql); err != nil {
		return fmt.Errorf("%s: %w", sql, err)
	}
	return nil
}

// leash runs the server $1 on the folder $2 until its input ends, then ends it without a farewell (SIGQUIT: immediate shutdown) and removes the folder.
const leash = `"$1" -D "$2/data" -k "$2" -c listen_addresses= -c fsync=off -c full_page_writes=off -c max_connections=300 </dev/null >"$2/log" 2>&1 &
pid=$!
trap 'kill -QUIT $pid; wait $pid; rm -rf "$2"; exit' INT TERM HUP
cat >/dev/null
kill -QUIT $pid
wait $pid
rm -rf "$2"`

func start() (*cluster, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	attr, uid, gid, err := who()
	if err != nil {
		return nil, err
	}
	// The path of a Unix socket has at most 107 bytes: not t.TempDir.
	dir, err := os.MkdirTemp("/tmp", "chpg")
	if err != nil {
		return nil, err
	}
	c := &cluster{dir: dir}
	if err := c.start(bin, attr, uid, gid); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "log"))
		if c.leash != nil {
			c.leash.Close()
		}
		os.RemoveAll(dir)
		return nil, fmt.Errorf("starting the test cluster: %w\n%s", err, log)
	}
	return c, nil
}

func (c *cluster) start(bin string, attr *syscall.SysProcAttr, uid, gid int) error {
	if err := os.Chown(c.dir, uid, gid); err != nil {
		return err
	}
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", filepath.Join(c.dir, "data"), "-U", "chancery", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions")
	initdb.SysProcAttr, initdb.Dir = attr, c.dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	c.leash = w
	sh := exec.Command("/bin/sh", "-c", leash, "sh", filepath.Join(bin, "postgres"), c.dir)
	sh.SysProcAttr, sh.Dir, sh.Stdin = attr, c.dir, r
	// Never waited for: a goroutine that waits would be a leak in the eyes of the tests.
	if err := sh.Start(); err != nil {
		return err
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		err := c.run("select 1")
		if err == nil || time.Now().After(end) {
			return err
		}
	}
}

// who says as whom the server runs: it refuses root. It gets a session of its own, so that Ctrl-C
// ends the tests and not the shell that must clean up.
func who() (attr *syscall.SysProcAttr, uid, gid int, err error) {
	attr = &syscall.SysProcAttr{Setsid: true}
	if os.Getuid() != 0 {
		return attr, os.Getuid(), os.Getgid(), nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		if err1 == nil && err2 == nil {
			attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
			return attr, uid, gid, nil
		}
	}
	return nil, 0, 0, errors.New("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")
}

// binaries finds the folder of the newest installed server, 15 or newer: in Debian's places, then in PATH.
func binaries() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if p, err := exec.LookPath("initdb"); err == nil {
		found = append(found, p)
	}
	best, at := 14, ""
	for _, p := range found {
		out, err := exec.Command(p, "--version").Output() // initdb (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)
		f := strings.FieldsFunc(string(out), func(r rune) bool { return r == ' ' || r == '.' || r == '\n' })
		i := slices.Index(f, "(PostgreSQL)")
		if err != nil || i < 0 || i+1 >= len(f) {
			continue
		}
		if v, err := strconv.Atoi(f[i+1]); err == nil && v > best {
			best, at = v, filepath.Dir(p)
		}
	}
	if at == "" {
		return "", errMissing
	}
	return at, nil
}
