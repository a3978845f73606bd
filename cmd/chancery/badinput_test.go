package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"chancery.example/chancery/store"
	"github.com/rogpeppe/go-internal/testscript"
)

// TestFullDisk runs testdata/full/full.txtar, in which the disk of a post fills up. It needs a file system of its own.
func TestFullDisk(t *testing.T) {
	probe := t.TempDir()
	if err := sh("mount -t tmpfs -o size=1m tmpfs " + probe); err != nil {
		t.Skip("filling a disk needs root and a file system of its own: ", err)
	}
	if err := sh("umount " + probe); err != nil {
		t.Fatal(err)
	}
	runScripts(t, nil, "testdata/full/full.txtar")
}

// smalldisk FOLDER SIZE makes a folder that holds so much and no more.
func cmdSmallDisk(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o700))
	ts.Check(sh("mount -t tmpfs -o size=" + args[1] + " tmpfs " + dir))
	ts.Defer(func() { ts.Check(sh("umount -l " + dir)) })
}

// fill FOLDER puts a file into a small disk that takes all there is. ! fill FOLDER takes it out.
func cmdFill(ts *testscript.TestScript, neg bool, args []string) {
	file := filepath.Join(ts.MkAbs(args[0]), "filler")
	if neg {
		ts.Check(os.Remove(file))
		return
	}
	f, err := os.Create(file)
	ts.Check(err)
	defer f.Close()
	block := make([]byte, 4096)
	for range 1 << 16 {
		if _, err := f.Write(block); errors.Is(err, syscall.ENOSPC) {
			return
		} else if err != nil {
			ts.Fatalf("%v", err)
		}
	}
	ts.Fatalf("%s cannot be filled", args[0])
}

// sparse FILE GIB makes a file of zeros that takes no room.
func cmdSparse(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), nil, 0o600))
	ts.Check(os.Truncate(ts.MkAbs(args[0]), n<<30))
}

// peak MIB FILE COMMAND… runs a command with FILE as its standard input. It must be refused, with exit code 1, and never have held more memory than
// so much. What it said is in the file said.
func cmdPeak(ts *testscript.TestScript, _ bool, args []string) {
	most, err := strconv.ParseInt(args[0], 10, 64)
	ts.Check(err)
	in, err := os.Open(ts.MkAbs(args[1]))
	ts.Check(err)
	defer in.Close()
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	program := filepath.SplitList(ts.Getenv("PATH"))[0]
	c := exec.CommandContext(ctx, filepath.Join(program, args[2]), args[3:]...)
	var said bytes.Buffer
	c.Dir, c.Stdin, c.Stdout, c.Stderr = ts.Getenv("WORK"), in, io.Discard, &said
	c.Env = []string{"PATH=" + ts.Getenv("PATH"), "HOME=" + ts.Getenv("HOME")}
	err = c.Run()
	ts.Check(os.WriteFile(ts.MkAbs("said"), said.Bytes(), 0o600))
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		ts.Fatalf("%v, not exit code 1: %s", err, said.String())
	}
	if peak := exit.SysUsage().(*syscall.Rusage).Maxrss >> 10; peak > most {
		ts.Fatalf("it held %d MiB: %s", peak, said.String())
	}
}

// newer FOLDER makes the database of a post look as if a later version had worked on it.
func cmdNewer(ts *testscript.TestScript, _ bool, args []string) {
	f, err := openFolder(ts.MkAbs(args[0]))
	ts.Check(err)
	u, err := (&app{dir: f.path, secrets: ts.MkAbs("pass")}).unlock(context.Background(), f, quiet)
	ts.Check(err)
	ts.Check(u.db.Write(context.Background(), func(tx *store.Tx) error {
		_, err := tx.Exec("insert into chancery_schema(version_id, is_applied) values($1, $2)", 99999, true)
		return err
	}))
	u.close()
}
