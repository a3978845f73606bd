package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"chancery.example/chancery/store/storetest"
	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets this test binary be the program: scripts, and the demo within them, start it under the name chancery.
func TestMain(m *testing.M) {
	weather()
	testscript.Main(m, map[string]func(){"chancery": main})
}

// TestScripts runs the command as people do. Each file tells one subject, each paragraph one behaviour.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts in testdata", err)
	}
	files = slices.DeleteFunc(files, func(f string) bool { return filepath.Base(f) == "postgres.txtar" })
	runScripts(t, nil, files...)
}

// TestPostgres runs the core of the tour with one post on PostgreSQL.
func TestPostgres(t *testing.T) {
	url := storetest.PostgresURL(t)
	runScripts(t, []string{"DATABASE=" + url, "OTHER=" + storetest.PostgresURL(t)}, "testdata/postgres.txtar")
}

func runScripts(t *testing.T, env []string, files ...string) {
	testscript.Run(t, testscript.Params{
		Files:               files,
		RequireUniqueNames:  true,
		RequireExplicitExec: false,
		Setup: func(e *testscript.Env) error {
			e.Vars = append(e.Vars, env...)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"freeport": cmdFreePort, "await": cmdAwait, "json": cmdJSON, "keep": cmdKeep, "code": cmdCode, "terminate": cmdTerminate,
			"smalldisk": cmdSmallDisk, "fill": cmdFill, "sparse": cmdSparse, "peak": cmdPeak, "newer": cmdNewer,
			"remember": cmdRemember, "unchanged": cmdUnchanged, "write": cmdWrite, "replace": cmdReplace, "found": cmdFound, "soon": cmdSoon,
			"spoil": cmdSpoil, "hidden": cmdHidden, "objects": cmdObjects,
		},
	})
}

// freeport NAME sets $NAME to a host:port of this machine on which nobody listens.
func cmdFreePort(ts *testscript.TestScript, _ bool, args []string) {
	port, err := freePort()
	ts.Check(err)
	ts.Setenv(args[0], fmt.Sprintf("127.0.0.1:%d", port))
}

// await TIME [-stdout=PATTERN] COMMAND… runs a command again until it succeeds, and prints what is asked for.
func cmdAwait(ts *testscript.TestScript, _ bool, args []string) {
	patience, err := time.ParseDuration(args[0])
	ts.Check(err)
	args = args[1:]
	want := regexp.MustCompile("")
	if p, ok := strings.CutPrefix(args[0], "-stdout="); ok {
		want, args = regexp.MustCompile("(?m)"+p), args[1:]
	}
	for end := time.Now().Add(patience); ; time.Sleep(250 * time.Millisecond) {
		err = ts.Exec(args[0], args[1:]...)
		if err == nil && want.MatchString(ts.ReadFile("stdout")) {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("not within %s: %s (%v)", patience, strings.Join(args, " "), err)
		}
	}
}

// code N COMMAND… runs a command that must end with exit code N.
func cmdCode(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, not %d", got, want)
	}
}

// printed is the value at a path such as addressed.0.serial of the JSON on standard output; a path that is not there gives "missing".
func printed(ts *testscript.TestScript, path string) string {
	var v any
	d := json.NewDecoder(strings.NewReader(ts.ReadFile("stdout")))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		ts.Fatalf("standard output is not JSON: %v", err)
	}
	if d.More() {
		ts.Fatalf("standard output has more than one JSON value")
	}
	for _, step := range strings.Split(path, ".") {
		ok := false
		switch x := v.(type) {
		case map[string]any:
			v, ok = x[step]
		case []any:
			if step == "length" {
				v, ok = json.Number(strconv.Itoa(len(x))), true
			} else if i, err := strconv.Atoi(step); err == nil && i < len(x) {
				v, ok = x[i], true
			}
		}
		if !ok {
			return "missing"
		}
	}
	switch x := v.(type) {
	case string:
		return x
	case json.Number:
		return x.String()
	}
	b, err := json.Marshal(v)
	ts.Check(err)
	return string(b)
}

// json PATH VALUE looks at one value of the JSON on standard output.
func cmdJSON(ts *testscript.TestScript, neg bool, args []string) {
	if got := printed(ts, args[0]); (got == args[1]) == neg {
		ts.Fatalf("%s is %q", args[0], got)
	}
}

// keep NAME PATH sets $NAME to a value of the JSON on standard output.
func cmdKeep(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv(args[0], printed(ts, args[1]))
}

// terminate FOLDER sends SIGTERM to the server of a folder, as a service manager does.
func cmdTerminate(ts *testscript.TestScript, _ bool, args []string) {
	for _, c := range ts.BackgroundCmds() {
		if i := slices.Index(c.Args, "--dir"); i > 0 && c.Args[i+1] == args[0] && c.ProcessState == nil {
			ts.Check(c.Process.Signal(syscall.SIGTERM))
		}
	}
}

// listing is every file under a path with a hash of what is in it. A lock file is left out: it names who was last.
func listing(ts *testscript.TestScript, path string) string {
	var out bytes.Buffer
	root := ts.MkAbs(path)
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && p == root {
			return nil
		}
		if err != nil || d.Name() == "lock" {
			return err
		}
		name, _ := filepath.Rel(root, p)
		var b []byte
		if d.Type().IsRegular() {
			if b, err = os.ReadFile(p); err != nil {
				return err
			}
		}
		fmt.Fprintf(&out, "%s %v %x\n", name, d.Type(), sha256.Sum256(b))
		return nil
	})
	ts.Check(err)
	return out.String()
}

// remember PATH… notes every file under the paths, for unchanged PATH….
func cmdRemember(ts *testscript.TestScript, _ bool, args []string) {
	for _, p := range args {
		ts.Setenv("REMEMBERED "+p, listing(ts, p))
	}
}

func cmdUnchanged(ts *testscript.TestScript, _ bool, args []string) {
	for _, p := range args {
		if was, is := ts.Getenv("REMEMBERED "+p), listing(ts, p); was != is {
			ts.Fatalf("%s has changed: it had\n%sand has\n%s", p, was, is)
		}
	}
}

// unescaped reads the escapes of a Go string; a quotation mark needs none.
func unescaped(ts *testscript.TestScript, s string) string {
	text, err := strconv.Unquote(`"` + strings.ReplaceAll(s, `"`, `\"`) + `"`)
	ts.Check(err)
	return text
}

// write FILE TEXT writes what a script cannot hold: TEXT has the escapes of a Go string. A third argument says how many times.
func cmdWrite(ts *testscript.TestScript, _ bool, args []string) {
	text := unescaped(ts, args[1])
	var err error
	times := 1
	if len(args) > 2 {
		times, err = strconv.Atoi(args[2])
		ts.Check(err)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), bytes.Repeat([]byte(text), times), 0o600))
}

// replace FILE PATTERN TEXT alters a file; TEXT has the escapes of a Go string.
func cmdReplace(ts *testscript.TestScript, _ bool, args []string) {
	file := ts.MkAbs(args[0])
	b, err := os.ReadFile(file)
	ts.Check(err)
	text := unescaped(ts, args[2])
	altered := regexp.MustCompile("(?m)"+args[1]).ReplaceAllLiteral(b, []byte(text))
	if bytes.Equal(b, altered) {
		ts.Fatalf("%s has nothing like %s", args[0], args[1])
	}
	ts.Check(os.WriteFile(file, altered, 0o600))
}

// soon NAME DURATION sets $NAME to a time so long from now.
func cmdSoon(ts *testscript.TestScript, _ bool, args []string) {
	d, err := time.ParseDuration(args[1])
	ts.Check(err)
	ts.Setenv(args[0], time.Now().Add(d).UTC().Format("2006-01-02T15:04Z"))
}

// found makes what most scripts begin with: a directory, and MOSCOW, which runs the broker on $HUB, and BEIJING, admitted to it. Passphrases
// are in pass, numbers of people in $DRAFTER and $RELEASER (of MOSCOW), the fingerprint in $ROOT.
func cmdFound(ts *testscript.TestScript, _ bool, _ []string) {
	cmdFreePort(ts, false, []string{"HUB"})
	do := func(args ...string) {
		ts.Check(ts.Exec("chancery", append(args, "--passphrase-file", "pass", "--json")...))
	}
	do("directory", "new", "directory.txt")
	cmdKeep(ts, false, []string{"ROOT", "fingerprint"})
	do("init", "MOSCOW", "--dir", "moscow", "--root", ts.Getenv("ROOT"), "--office", "MINISTRY", "--listen", ts.Getenv("HUB"))
	cmdKeep(ts, false, []string{"DRAFTER", "people.0.number"})
	cmdKeep(ts, false, []string{"RELEASER", "people.1.number"})
	do("init", "BEIJING", "--dir", "beijing", "--root", ts.Getenv("ROOT"), "--office", "AMBASSADOR", "--hub", "nats://"+ts.Getenv("HUB"))
	do("directory", "admit", "directory.txt", "moscow/application.txt", "beijing/application.txt")
	do("directory", "sign", "directory.txt", "root/root-1.age", "root/root-2.age")
	do("directory", "adopt", "directory.txt", "--dir", "moscow")
	do("directory", "adopt", "directory.txt", "--dir", "beijing")
}
