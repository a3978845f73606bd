package chancery_test

import (
	"bytes"
	"go/ast"
	"go/doc"
	"go/format"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"net/url"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// The rules of the house, as tests. They read the source itself instead of asking the go command, so that the test cache knows which
// files they depend on. A rule is changed here first, with its reason in ARCHITECTURE.md, and never to let a change through.

const module = "chancery.example/chancery"

// What stands on the lower floors, for the lines that may use all of it.
const (
	ground = "telegram store"
	first  = "directory seal register circuit pieces desk archive eml"
)

// floors says what each package may import of ours. A package that is not here stands on no floor, and the test fails.
var floors = map[string]string{
	".":                   "",
	"telegram":            "",
	"store":               "",
	"store/storetest":     "store",
	"directory":           ground,
	"seal":                "telegram",
	"register":            ground,
	"circuit":             ground,
	"pieces":              ground,
	"desk":                ground,
	"archive":             ground,
	"eml":                 "telegram",
	"circuit/line":        "telegram circuit",
	"circuit/circuittest": "telegram circuit",
	"post":                ground + " " + first,
	"bench":               ground + " directory register circuit pieces desk archive circuit/line post",
	"seal/wycheproof":     "", // a module of its own, of tests alone
	"cmd/chancery":        ground + " " + first + " circuit/line post",
}

// holders are the packages whose code, tests aside, may name a private key.
var holders = []string{"seal", "post", "cmd/chancery"}

// source is one Go file of the tree.
type source struct {
	file   string // from the root, with slashes
	folder string // "." for the root
	test   bool
	text   []byte
	set    *token.FileSet
	ast    *ast.File
}

// load reads the tree once for all tests.
var load = sync.OnceValues(func() (tree []source, err error) {
	err = walk(".go", func(file string, text []byte) error {
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, file, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		tree = append(tree, source{file, path.Dir(file), strings.HasSuffix(file, "_test.go"), text, set, f})
		return nil
	})
	return tree, err
})

func sources(t *testing.T) []source {
	t.Helper()
	tree, err := load()
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// walk reads the files of the tree with a suffix. It passes over what is hidden, built or test data.
func walk(suffix string, fn func(file string, text []byte) error) error {
	root := os.DirFS(".")
	return fs.WalkDir(root, ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if file != "." && (d.Name()[0] == '.' || d.Name() == "testdata" || d.Name() == "bin" || d.Name() == "node_modules") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(file, suffix) {
			return nil
		}
		text, err := fs.ReadFile(root, file)
		if err != nil {
			return err
		}
		return fn(file, text)
	})
}

// imports gives what a file imports.
func (s *source) imports() (all []string) {
	for _, spec := range s.ast.Imports {
		p, _ := strconv.Unquote(spec.Path.Value)
		all = append(all, p)
	}
	return all
}

func TestFloors(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range sources(t) {
		may, ok := floors[s.folder]
		if !ok && !seen[s.folder] {
			t.Errorf("package %s stands on no floor: give it one in ARCHITECTURE.md and here", s.folder)
		}
		seen[s.folder] = true
		for _, p := range s.imports() {
			below, ours := strings.CutPrefix(p, module+"/")
			switch {
			case p == "C":
				t.Errorf("%s: no cgo", s.file)
			case strings.HasPrefix(below, "cmd/"):
				t.Errorf("%s: nothing imports a command", s.file)
			case !ours || s.test:
				// A test may look at its package from any side.
			case !slices.Contains(strings.Fields(may), below):
				t.Errorf("%s: %s may not import %s", s.file, s.folder, below)
			}
		}
	}
}

// TestFloorsAreLevels holds the table itself: nothing may import what may import it, and what stands side by side stays apart.
func TestFloorsAreLevels(t *testing.T) {
	for pkg, may := range floors {
		for _, below := range strings.Fields(may) {
			if _, ok := floors[below]; !ok {
				t.Errorf("%s may import %s, which has no floor", pkg, below)
			}
			if slices.Contains(strings.Fields(floors[below]), pkg) {
				t.Errorf("%s and %s may import each other", pkg, below)
			}
		}
		if slices.Contains(strings.Fields(first), pkg) {
			for _, beside := range strings.Fields(first) {
				if slices.Contains(strings.Fields(may), beside) {
					t.Errorf("%s may import %s, which stands beside it", pkg, beside)
				}
			}
		}
	}
}

// TestWhoNamesKeys is the floors' security argument by itself: whoever does not import seal cannot open, seal or sign anything.
func TestWhoNamesKeys(t *testing.T) {
	for _, s := range sources(t) {
		if !s.test && !slices.Contains(holders, s.folder) && slices.Contains(s.imports(), module+"/seal") {
			t.Errorf("%s: package %s may not name a key: only %s may", s.file, s.folder, strings.Join(holders, ", "))
		}
	}
}

// TestPackageComments wants of every package a comment that says more than what it is.
func TestPackageComments(t *testing.T) {
	comments := map[string]string{}
	for _, s := range sources(t) {
		if !s.test {
			comments[s.folder] += s.ast.Doc.Text()
		}
	}
	for folder, text := range comments {
		one := new(doc.Package).Synopsis(text)
		if one == "" || len(strings.Join(strings.Fields(text), " ")) <= len(one) {
			t.Errorf("package %s: its comment is %q; say what it promises too", folder, one)
		}
	}
}

var drawers = []string{"util", "utils", "common", "types", "models", "helper", "helpers", "manager", "service", "misc"}

func TestNames(t *testing.T) {
	for _, s := range sources(t) {
		names := append(strings.Split(s.folder, "/"), s.ast.Name.Name, strings.TrimSuffix(strings.TrimSuffix(path.Base(s.file), ".go"), "_test"))
		for _, name := range names {
			if slices.Contains(drawers, name) {
				t.Errorf("%s: %q says nothing: use a word of the field", s.file, name)
			}
		}
		if s.test {
			continue
		}
		for _, d := range s.ast.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s: no init", s.set.Position(f.Pos()))
			}
		}
	}
}

// TestNothingGlobalChanges looks at every variable of a package: it is an error, a regular expression, an embedded file, a table, or
// something worked out once, and nothing in the package assigns to it.
func TestNothingGlobalChanges(t *testing.T) {
	folders := map[string][]*source{}
	tree := sources(t)
	for i := range tree {
		if s := &tree[i]; !s.test {
			folders[s.folder] = append(folders[s.folder], s)
			for _, d := range s.ast.Decls {
				if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
					checkVars(t, s, g)
				}
			}
		}
	}
	for _, files := range folders {
		checkAssignments(t, files)
	}
}

// fixed are the calls whose result nobody changes.
var fixed = []string{"errors.New", "fmt.Errorf", "regexp.MustCompile", "strings.NewReplacer", "sync.OnceFunc", "sync.OnceValue", "sync.OnceValues"}

func checkVars(t *testing.T, s *source, g *ast.GenDecl) {
	for _, spec := range g.Specs {
		v := spec.(*ast.ValueSpec)
		embed := strings.Contains(directives(g.Doc)+directives(v.Doc), "//go:embed")
		for i, name := range v.Names {
			if name.Name == "_" || embed || i < len(v.Values) && isFixed(name.Name, v.Values[i]) {
				continue
			}
			t.Errorf("%s: the package variable %s is neither error, regular expression, embedded file nor table", s.set.Position(name.Pos()), name.Name)
		}
	}
}

func directives(g *ast.CommentGroup) (text string) {
	if g != nil {
		for _, c := range g.List {
			text += c.Text + "\n"
		}
	}
	return text
}

func isFixed(name string, value ast.Expr) bool {
	switch v := value.(type) {
	case *ast.CompositeLit:
		return true
	case *ast.CallExpr:
		// What is called an error is one, by whatever function of its package it was made.
		return slices.Contains(fixed, types.ExprString(v.Fun)) || strings.HasPrefix(strings.ToLower(name), "err")
	}
	return false
}

// checkAssignments lets the type checker say which names are the package's own. It has nothing of what is imported, so it finds
// faults; none of them changes what a name in the package stands for.
func checkAssignments(t *testing.T, files []*source) {
	set, parsed := token.NewFileSet(), []*ast.File{}
	for _, s := range files {
		f, err := parser.ParseFile(set, s.file, s.text, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, f)
	}
	info := types.Info{Uses: map[*ast.Ident]types.Object{}}
	conf := types.Config{Error: func(error) {}}
	pkg, _ := conf.Check(files[0].folder, set, parsed, &info)
	changed := func(e ast.Expr) {
		id := root(e)
		if v, ok := info.Uses[id].(*types.Var); ok && v.Parent() == pkg.Scope() {
			t.Errorf("%s: the package variable %s is changed", set.Position(id.Pos()), id.Name)
		}
	}
	for _, f := range parsed {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for _, left := range n.Lhs {
					changed(left)
				}
			case *ast.IncDecStmt:
				changed(n.X)
			case *ast.CallExpr:
				if f, ok := n.Fun.(*ast.Ident); ok && (f.Name == "delete" || f.Name == "clear") && len(n.Args) > 0 {
					changed(n.Args[0])
				}
			}
			return true
		})
	}
}

// root is the name at the beginning of an expression such as table[i].field.
func root(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.IndexExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return nil
		}
	}
}

func TestFormatted(t *testing.T) {
	for _, s := range sources(t) {
		if want, err := format.Source(s.text); err != nil || !bytes.Equal(want, s.text) {
			t.Errorf("%s: run gofmt on it (%v)", s.file, err)
		}
	}
}

// A file has at most this many lines, unless a comment among its first lines says, with the words "500 lines", why it is read whole.
const (
	longest = 500
	early   = 40
)

func TestLengths(t *testing.T) {
	for _, s := range sources(t) {
		lines := bytes.Count(s.text, []byte("\n"))
		if lines <= longest {
			continue
		}
		reason := slices.ContainsFunc(s.ast.Comments, func(g *ast.CommentGroup) bool {
			return s.set.Position(g.Pos()).Line <= early && strings.Contains(g.Text(), strconv.Itoa(longest)+" lines")
		})
		if !reason {
			t.Errorf("%s has %d lines: divide it, or say near its top why it has more than %d lines", s.file, lines, longest)
		}
	}
}

var (
	fenced = regexp.MustCompile("(?ms)^```.*?^```")
	inCode = regexp.MustCompile("`[^`\n]*`")
	link   = regexp.MustCompile(`\]\(\s*<?([^)>\s]+)>?[^)]*\)|(?m)^\[[^\]]+\]:\s*<?([^>\s]+)`)
	title  = regexp.MustCompile(`(?m)^#+ +(.+?) *$`)
	mark   = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// TestLinks follows every link of the Markdown files to a file or heading of this repository.
func TestLinks(t *testing.T) {
	err := walk(".md", func(file string, text []byte) error {
		prose := inCode.ReplaceAll(fenced.ReplaceAll(text, nil), nil)
		for _, m := range link.FindAllSubmatch(prose, -1) {
			to := string(m[1]) + string(m[2])
			u, err := url.Parse(to)
			if err != nil {
				t.Errorf("%s: the link %q: %v", file, to, err)
				continue
			}
			if u.Scheme != "" || u.Host != "" {
				continue
			}
			at := file
			if u.Path != "" {
				at = path.Join(path.Dir(file), u.Path)
			}
			if !fs.ValidPath(at) {
				t.Errorf("%s: the link %q leaves the repository", file, to)
				continue
			}
			if _, err := os.Stat(at); err != nil {
				t.Errorf("%s: the link %q leads to nothing", file, to)
				continue
			}
			if u.Fragment != "" && strings.HasSuffix(at, ".md") && !hasHeading(t, at, u.Fragment) {
				t.Errorf("%s: the link %q: %s has no such heading", file, to, at)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func hasHeading(t *testing.T, file, fragment string) bool {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(title.FindAllSubmatch(fenced.ReplaceAll(text, nil), -1), func(m [][]byte) bool {
		return strings.ReplaceAll(mark.ReplaceAllString(strings.ToLower(string(m[1])), ""), " ", "-") == fragment
	})
}
