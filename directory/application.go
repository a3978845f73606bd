package directory

import (
	"errors"
	"fmt"
	"strings"
)

const applicationHeader = "chancery application 1"

// Application writes the statements that a post asks to be admitted with, or that people issued: a file of lines like a directory's.
// The line "chancery application 1" and each statement are blocks, ended by an empty line; there are no salts.
func Application(statements ...Statement) []byte {
	b := append([]byte(applicationHeader), "\n\n"...)
	for _, s := range statements {
		b = append(append(b, s.Text()...), '\n')
	}
	return b
}

// IsApplication says whether a file claims to be an application, and not a directory.
func IsApplication(file []byte) bool {
	return strings.HasPrefix(string(file[:min(len(file), len(applicationHeader))]), "chancery application")
}

// ParseApplication reads what Application wrote, and nothing else. Whether its keys vouch for themselves is seen when the statements
// are in a list, by [Directory.Vouchers].
func ParseApplication(file []byte) ([]Statement, error) {
	if len(file) > MaxFile {
		return nil, fmt.Errorf("an application of %d bytes: the most is %d", len(file), MaxFile)
	}
	f := &blocks{rest: file}
	first, err := f.block()
	switch {
	case err == nil && len(first) == 1 && first[0] == applicationHeader:
	case err == nil && first[0] != applicationHeader && strings.HasPrefix(first[0], "chancery application "):
		return nil, fmt.Errorf("line 1: %.40q: %w", first[0], ErrOlder)
	default:
		return nil, fmt.Errorf("line 1: this is no application: one begins with %q and an empty line", applicationHeader)
	}
	var out []Statement
	for len(f.rest) > 0 {
		block, err := f.block()
		if errors.Is(err, errEnds) { // an application has no checkpoint
			err = errors.New("the file ends in the midst of a statement")
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", f.line, err)
		}
		s, at, err := readStatement(block)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", f.start+at, err)
		}
		if _, isRoot := s.(Root); isRoot {
			return nil, fmt.Errorf("line %d: a root is no post's to state", f.start)
		}
		out = append(out, s)
	}
	if string(Application(out...)) != string(file) {
		return nil, errors.New("the application is not in its one written form: send it as chancery init wrote it")
	}
	return out, nil
}
