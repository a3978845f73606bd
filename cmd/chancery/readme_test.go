package main

import (
	"bytes"
	"flag"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write what the README's commands print now into README.md")

const readme = "../../README.md"

// TestReadme runs the README from top to bottom, in a new folder, with the program as users build it: every command of its console blocks
// works, and prints what the README says it prints. What differs from run to run (keys, times, people's numbers) is masked on both sides.
func TestReadme(t *testing.T) {
	b, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	w := newWalkThrough(t)
	var out []string
	blocks := strings.Split(string(b), "```")
	for i, block := range blocks {
		if i%2 == 1 {
			block = w.block(block)
		}
		out = append(out, block)
	}
	text := w.demo(strings.Join(out, "```"))
	if *update {
		if err := os.WriteFile(readme, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, got := strings.Split(mask(string(b)), "\n"), strings.Split(mask(text), "\n")
	for i := range max(len(want), len(got)) {
		x, y := lineAt(want, i), lineAt(got, i)
		if x != y {
			t.Fatalf("README.md is no longer true (go test ./cmd/chancery -run TestReadme -update mends it)\nline %d says  %q\nit prints     %q", i+1, x, y)
		}
	}
}

func lineAt(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

var masks = []struct{ what, as string }{
	{`[0-9a-f]{64}`, "FINGERPRINT"},
	{`[A-Za-z0-9+/]{43}=`, "ROOT"},
	{`routing code is [0-9a-f]{6}`, "routing code is CODE"},
	{`\d\d/[IVX]+[.-]\d+`, "DAY"}, {`\b\d/[IVX]+[.-]\d+`, "DAY"},
	{`\d\d hours \d\d minutes`, "HOUR"},
	{`\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?Z?`, "TIME"},
	{`\d\d:\d\d:\d\d\.\d{3}`, "TIME"},
	{`\b\d{8,10}\b`, "PERSON"},
	{`\b[0-9.]+m?s\b`, "SPAN"}, {`[+-] *[0-9.]+ s\b`, "SPAN"}, {` +SPAN`, " SPAN"},
	{`\d/20\d\d`, "N/YEAR"},
	{`(?m)of \d+ entries`, "of N entries"}, {`\d+ entries, \d+ checkpoints`, "N entries"},
}

// mask hides what differs from run to run.
func mask(s string) string {
	for _, m := range masks {
		s = regexp.MustCompile(m.what).ReplaceAllString(s, m.as)
	}
	return s
}

// walkThrough is a newcomer who types what the README says.
type walkThrough struct {
	t   *testing.T
	dir string
	env []string
	sh  map[string]string // shell variables set on the way
	hub string
}

func newWalkThrough(t *testing.T) *walkThrough {
	bin := filepath.Dir(build(t, ".", "chancery"))
	dir, err := os.MkdirTemp("", "tour-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	return &walkThrough{t: t, dir: dir, env: append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH")), sh: map[string]string{},
		hub: (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}).String()}
}

// block does what a fenced block says and gives it back with what was printed.
func (w *walkThrough) block(block string) string {
	kind, body, _ := strings.Cut(block, "\n")
	if file, ok := strings.CutPrefix(kind, "text "); ok {
		if err := os.WriteFile(filepath.Join(w.dir, file), []byte(body), 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
	if kind != "console" {
		return block
	}
	out := kind + "\n"
	for _, part := range strings.Split("\n"+body, "\n$ ")[1:] {
		command, printed, _ := strings.Cut(part, "\n")
		out += "$ " + command + "\n" + w.run(command, printed)
	}
	return out
}

// run types one command. A port of our own stands in for the README's, so that the test does not depend on it being free.
// A command that only looks is typed again until it shows what the README says, as a person would who waits for a telegram.
func (w *walkThrough) run(command, printed string) string {
	command = strings.ReplaceAll(command, "127.0.0.1:14222", w.hub)
	if name, value, ok := strings.Cut(command, "=$("); ok && !strings.Contains(name, " ") {
		w.sh[name] = strings.TrimSpace(w.shell(strings.TrimSuffix(value, ")")))
		return ""
	}
	for name, value := range w.sh {
		command = strings.ReplaceAll(command, "$"+name, value)
	}
	if background, ok := strings.CutSuffix(command, "&"); ok {
		w.start(background)
		return ""
	}
	looks := strings.HasPrefix(command, "chancery show") || strings.HasPrefix(command, "chancery inbox") || strings.HasPrefix(command, "chancery register")
	patience := 20 * time.Second
	if *update {
		patience = 3 * time.Second
	}
	for end := time.Now().Add(patience); ; time.Sleep(300 * time.Millisecond) {
		out := strings.ReplaceAll(w.shell(command), w.hub, "127.0.0.1:14222")
		if !looks || time.Now().After(end) || !*update && strings.TrimSpace(mask(out)) == strings.TrimSpace(mask(printed)) {
			return out
		}
	}
}

func (w *walkThrough) shell(command string) string {
	cmd := exec.Command("sh", "-c", command)
	cmd.Dir, cmd.Env = w.dir, w.env
	var out, errw bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errw
	if err := cmd.Run(); err != nil {
		w.t.Fatalf("$ %s\n%s%s%v", command, out.Bytes(), errw.Bytes(), err)
	}
	return out.String()
}

func (w *walkThrough) start(command string) {
	cmd := exec.Command("sh", "-c", "exec "+command)
	cmd.Dir, cmd.Env = w.dir, w.env
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { cmd.Process.Signal(os.Interrupt); cmd.Wait() })
	name := regexp.MustCompile(`--dir (\S+)`).FindStringSubmatch(command)[1]
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		var st status
		if c := dialOffice(&folder{path: filepath.Join(w.dir, name)}); c != nil && c.do(w.t.Context(), "status", none{}, &st) == nil && st.Joined {
			return
		}
	}
	w.t.Fatalf("%s: did not come up", command)
}

// demo puts what make demo prints between its marks.
func (w *walkThrough) demo(text string) string {
	const from, to = "<!-- demo -->\n", "<!-- end of demo -->"
	before, rest, ok := strings.Cut(text, from)
	if !ok {
		w.t.Fatal("README.md has no mark for what the demo prints")
	}
	if _, after, ok := strings.Cut(rest, to); ok {
		rest = after
	}
	printed, _, _ := strings.Cut(w.shell("chancery demo"), "\n────")
	return before + from + "```\n" + strings.TrimSpace(printed) + "\n```\n" + to + rest
}
