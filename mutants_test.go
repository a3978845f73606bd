package chancery_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A check that no test misses when it is gone is a check nobody will miss when somebody removes it. So each check of what comes from outside is
// removed in turn, and the test that fails is written down in docs/mutants.txt:
//
//	make mutate          the checks that have no verdict yet
//	make mutate ALL=1    all of them, in an hour or two
//
// In every other run this test only compares: each check has a row, each row a check, and the test it names is there. A check for which no test can
// fail stands in the table with the reason, which a person wrote.

var (
	mutate    = flag.Bool("mutate", false, "remove each check that has no verdict, and see which test fails")
	mutateAll = flag.Bool("mutate-all", false, "with -mutate: also those that have a verdict")
	mutateOf  = flag.String("mutate-of", "", "with -mutate: only files that match this `regexp`")
)

const mutantsTable = "docs/mutants.txt"

// checked are the files whose checks are meant, and by which packages' tests they must be missed, in this order.
var checked = []struct{ files, tests string }{
	{"seal/*.go", "./seal"},
	{"telegram/*.go", "./telegram ./seal"},
	{"circuit/pieces.go", "./circuit"},
	{"post/incoming.go", "./post"},
	{"post/judge.go", "./post"},
	{"post/news.go", "./post"},
	{"post/signed.go", "./post"},
	{"eml/*.go", "./eml"},
	{"post/disclosed.go", "./post"},
}

// site is one check: an operand of a condition, or of a returned conjunction.
type site struct {
	file, fn, text string
	tests          string
	from, to       int    // where the operand stands in the file
	neutral        string // what takes its place before the operand: "false && " or "true || "
}

func (s *site) key() string { return s.file + "\t" + s.fn + "\t" + s.text }

// sites finds the checks of one file.
func sites(t *testing.T, file, tests string) (out []site) {
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	parsed, err := parser.ParseFile(fset, file, src, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	add := func(fn string, e ast.Expr, op token.Token, neutral string, plumbing bool) {
		for _, x := range operands(e, op) {
			if plumbing && isErr(x) {
				continue
			}
			from, to := fset.Position(x.Pos()).Offset, fset.Position(x.End()).Offset
			s := site{file: file, fn: fn, text: strings.Join(strings.Fields(string(src[from:to])), " "), tests: tests, from: from, to: to, neutral: neutral}
			if seen[s.key()]++; seen[s.key()] > 1 {
				s.text += fmt.Sprintf(" #%d", seen[s.key()])
			}
			out = append(out, s)
		}
	}
	for _, d := range parsed.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Body == nil {
			continue
		}
		name := fn.Name.Name
		if fn.Recv != nil {
			name = receiver(fn.Recv.List[0].Type) + "." + name
		}
		ast.Inspect(fn.Body, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.IfStmt:
				if refuses(n.Body.List) {
					add(name, n.Cond, token.LOR, "false && ", handsOn(n.Body))
				}
			case *ast.SwitchStmt:
				for _, c := range n.Body.List {
					if c := c.(*ast.CaseClause); n.Tag == nil && refuses(c.Body) {
						for _, e := range c.List {
							add(name, e, token.LOR, "false && ", false)
						}
					}
				}
			case *ast.ReturnStmt:
				if len(n.Results) == 1 {
					if b, ok := n.Results[0].(*ast.BinaryExpr); ok && b.Op == token.LAND {
						add(name, b, token.LAND, "true || ", false)
					}
				}
			}
			return true
		})
	}
	return out
}

func receiver(e ast.Expr) string {
	if star, ok := e.(*ast.StarExpr); ok {
		e = star.X
	}
	if id, ok := e.(*ast.Ident); ok {
		return id.Name
	}
	return "?"
}

// operands cuts a chain of || or && into what it joins.
func operands(e ast.Expr, op token.Token) []ast.Expr {
	switch x := e.(type) {
	case *ast.ParenExpr:
		return operands(x.X, op)
	case *ast.BinaryExpr:
		if x.Op == op {
			return append(operands(x.X, op), operands(x.Y, op)...)
		}
	}
	return []ast.Expr{e}
}

// refuses says whether statements end in a refusal: an error or false returned, or an err field set.
func refuses(body []ast.Stmt) bool {
	if len(body) == 0 {
		return false
	}
	switch last := body[len(body)-1].(type) {
	case *ast.ReturnStmt:
		if len(last.Results) == 0 {
			return false
		}
		switch x := last.Results[len(last.Results)-1].(type) {
		case *ast.Ident:
			return x.Name == "false" || strings.HasPrefix(x.Name, "err") || strings.HasPrefix(x.Name, "Err") || setsErr(body)
		case *ast.CallExpr:
			return makesError(x)
		case *ast.SelectorExpr:
			return strings.HasPrefix(x.Sel.Name, "Err") || x.Sel.Name == "err"
		}
	case *ast.AssignStmt:
		return setsErr(body)
	}
	return false
}

// makesError says whether a call is one of those by which this code refuses.
func makesError(c *ast.CallExpr) bool {
	var name string
	switch f := c.Fun.(type) {
	case *ast.Ident:
		name = f.Name
	case *ast.SelectorExpr:
		name = f.Sel.Name
	}
	return slices.Contains([]string{"refuse", "New", "Errorf", "Join", "refuseWhole", "alarm", "bad", "damaged", "fault", "fail", "wrong"}, name)
}

func setsErr(body []ast.Stmt) bool {
	for _, s := range body {
		a, ok := s.(*ast.AssignStmt)
		if !ok {
			continue
		}
		for i, l := range a.Lhs {
			name := ""
			switch l := l.(type) {
			case *ast.Ident:
				name = l.Name
			case *ast.SelectorExpr:
				name = l.Sel.Name
			}
			if name == "err" && i < len(a.Rhs) {
				if c, ok := a.Rhs[i].(*ast.CallExpr); ok && makesError(c) {
					return true
				}
			}
		}
	}
	return false
}

// handsOn says whether err is in what a body returns: then "err != nil" is no check of ours, it hands on what failed.
func handsOn(body *ast.BlockStmt) (found bool) {
	ast.Inspect(body, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && id.Name == "err" {
			found = true
		}
		return true
	})
	return found
}

// isErr is  err != nil.
func isErr(e ast.Expr) bool {
	b, ok := e.(*ast.BinaryExpr)
	if !ok || b.Op != token.NEQ {
		return false
	}
	x, ok := b.X.(*ast.Ident)
	return ok && x.Name == "err"
}

func allSites(t *testing.T) (out []site) {
	for _, c := range checked {
		files, err := filepath.Glob(c.files)
		if err != nil || len(files) == 0 {
			t.Fatal(c.files, err)
		}
		for _, f := range files {
			if !strings.HasSuffix(f, "_test.go") {
				out = append(out, sites(t, filepath.ToSlash(f), c.tests)...)
			}
		}
	}
	return out
}

// verdicts reads the table: key → verdict, and the order of its rows.
func verdicts(t *testing.T) map[string]string {
	b, err := os.ReadFile(mutantsTable)
	if err != nil && !*mutate {
		t.Fatal(err)
	}
	out := map[string]string{}
	for s := bufio.NewScanner(bytes.NewReader(b)); s.Scan(); {
		if i := strings.LastIndex(s.Text(), "\t"); i > 0 && !strings.HasPrefix(s.Text(), "#") {
			out[s.Text()[:i]] = s.Text()[i+1:]
		}
	}
	return out
}

const stands = "no test fails: "

func TestMutants(t *testing.T) {
	all, table := allSites(t), verdicts(t)
	if *mutate {
		removeAll(t, all, table)
	}
	var tests strings.Builder
	for _, s := range sourceFiles(t) {
		if strings.HasSuffix(s, "_test.go") {
			b, err := os.ReadFile(s)
			if err != nil {
				t.Fatal(err)
			}
			tests.Write(b)
		}
	}
	if len(all) < 100 {
		t.Errorf("only %d checks were found", len(all))
	}
	known := map[string]bool{}
	for _, s := range all {
		known[s.key()] = true
		v, ok := table[s.key()]
		reason, survives := strings.CutPrefix(v, stands)
		switch {
		case !ok:
			t.Errorf("%s, %s: the check %q has no verdict: run  make mutate", s.file, s.fn, s.text)
		case survives && len(reason) < 20:
			t.Errorf("%s, %s: no test misses the check %q: write one, or the reason in %s", s.file, s.fn, s.text, mutantsTable)
		case !survives && !strings.Contains(tests.String(), "func "+v+"("):
			t.Errorf("%s, %s: there is no test %q any more: remove its row from %s and run  make mutate", s.file, s.fn, v, mutantsTable)
		}
	}
	for k := range table {
		if !known[k] {
			t.Errorf("%s has a row for a check that is gone: %q", mutantsTable, k)
		}
	}
}

func sourceFiles(t *testing.T) (out []string) {
	err := filepath.WalkDir(".", func(path string, d os.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".go") {
			out = append(out, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// removeAll removes check after check, a few at the same time, and writes the table after each.
func removeAll(t *testing.T, all []site, table map[string]string) {
	of := regexp.MustCompile(*mutateOf)
	var todo []site
	for _, s := range all {
		v, done := table[s.key()]
		if of.MatchString(s.file) && (!done || *mutateAll && !strings.HasPrefix(v, stands) || v == stands) {
			todo = append(todo, s)
		}
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	next, start := 0, time.Now()
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for {
				mu.Lock()
				if next == len(todo) {
					mu.Unlock()
					return
				}
				s, n := todo[next], next+1
				next = n
				mu.Unlock()
				verdict := remove(t, &s)
				mu.Lock()
				if verdict != "" {
					table[s.key()] = verdict
					fmt.Printf("%d of %d, %s: %s, %s: %s: %s\n", n, len(todo), time.Since(start).Round(time.Second), s.file, s.fn, s.text, verdict)
					writeTable(t, all, table)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
}

var (
	failed  = regexp.MustCompile(`(?m)^--- FAIL: ((?:Test|Fuzz)[A-Za-z0-9_]+)`)
	hung    = regexp.MustCompile(`running tests:\n\t(Test[A-Za-z0-9_]+)`)
	running = regexp.MustCompile(`(?m)^=== (?:RUN|CONT) +((?:Test|Fuzz)[A-Za-z0-9_]+)`)
)

// failing finds the test that failed, or hung, or was under way when something panicked; "" when nothing was run.
func failing(out []byte) string {
	for _, r := range []*regexp.Regexp{failed, hung} {
		if m := r.FindSubmatch(out); m != nil {
			return string(m[1])
		}
	}
	if all := running.FindAllSubmatch(out, -1); all != nil {
		return string(all[len(all)-1][1])
	}
	return ""
}

// remove gives the test that fails without the check; stands when none does, "" when it does not compile.
func remove(t *testing.T, s *site) string {
	src, err := os.ReadFile(s.file)
	if err != nil {
		t.Error(err)
		return ""
	}
	changed := slices.Concat(src[:s.from], []byte("("+s.neutral+"("), src[s.from:s.to], []byte("))"), src[s.to:])
	dir := t.TempDir()
	file, overlay := filepath.Join(dir, "changed.go"), filepath.Join(dir, "overlay.json")
	path, err := filepath.Abs(s.file)
	if err != nil {
		t.Error(err)
		return ""
	}
	list, _ := json.Marshal(map[string]map[string]string{"Replace": {path: file}})
	if err := os.WriteFile(file, changed, 0o600); err != nil {
		t.Error(err)
		return ""
	}
	if err := os.WriteFile(overlay, list, 0o600); err != nil {
		t.Error(err)
		return ""
	}
	test := func(tests, only string) ([]byte, error) {
		ctx, stop := context.WithTimeout(t.Context(), 6*time.Minute)
		defer stop()
		return exec.CommandContext(ctx, "go", "test", "-overlay", overlay, "-vet=off", "-count=1", "-failfast", "-v", "-timeout", "5m", "-run", only, tests).CombinedOutput()
	}
	for _, tests := range strings.Fields(s.tests) {
		for range 3 {
			out, err := test(tests, "")
			if err == nil {
				break
			}
			name := failing(out)
			if name == "" {
				t.Errorf("%s, %s, %q removed: %v\n%s", s.file, s.fn, s.text, err, out)
				return ""
			}
			// What fails under load only must not count.
			if failedAgain(test(tests, "^"+name+"$")) {
				return name
			}
		}
	}
	return stands
}

// failedAgain says whether a run failed.
func failedAgain(_ []byte, err error) bool { return err != nil }

func writeTable(t *testing.T, all []site, table map[string]string) {
	var b strings.Builder
	b.WriteString("# Each check of what comes from outside, and the test that fails when it is removed: file, function, check, test. Made by  make mutate\n")
	known := map[string]bool{}
	for _, s := range all {
		if v, ok := table[s.key()]; ok && !known[s.key()] {
			fmt.Fprintf(&b, "%s\t%s\n", s.key(), v)
		}
		known[s.key()] = true
	}
	if err := os.WriteFile(mutantsTable, []byte(b.String()), 0o644); err != nil {
		t.Error(err)
	}
}
