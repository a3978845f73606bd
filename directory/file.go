package directory

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

const (
	header = "chancery directory 1"

	// MaxFile bounds a directory's file, in bytes: what is longer is refused unread.
	MaxFile = 64 << 20

	maxStatements     = MaxFile - 2<<20       // leaves room for as many signature lines as there may be
	saltLength        = len("salt \n\n") + 44 // what stands around a statement
	maxLine           = 8 << 10
	maxSignatureLines = 4 * MaxOfficers
	maxBlock          = 4 * MaxOfficers // lines: more than the longest statement has, a root
)

// Marshal writes the list with its checkpoint, the signatures it has, and the tail.
func (d *Directory) Marshal() []byte {
	b := append([]byte(header), "\n\n"...)
	return append(marshalEntries(b, d.entries[:d.signed]), d.end()...)
}

// end is the file from its checkpoint on.
func (d *Directory) end() []byte {
	b := d.note()
	if d.signed == d.Total() {
		return b
	}
	return marshalEntries(append(b, '\n'), d.entries[d.signed:])
}

func marshalEntries(b []byte, es []entry) []byte {
	for _, e := range es {
		b = line(b, "salt", base64Of(e.salt[:]))
		b = append(append(b, e.statement.Text()...), '\n')
	}
	return b
}

// note is the checkpoint with its signatures: a signed note.
func (d *Directory) note() []byte {
	b := append([]byte(d.Checkpoint()), '\n')
	for _, s := range d.signatures {
		b = append(append(b, s...), '\n')
	}
	return b
}

// Parse reads what Marshal wrote, and nothing else. The list is then well formed, its statements agree with each other and the
// checkpoint is of this list; whether anybody signed it, Verify says, and whether the keys in it vouch for themselves, [Directory.Vouchers].
func Parse(file []byte) (*Directory, error) {
	if len(file) > MaxFile {
		return nil, fmt.Errorf("a directory of %d bytes: the most is %d", len(file), MaxFile)
	}
	f := &blocks{rest: file}
	first, err := f.block()
	if err != nil {
		return nil, fmt.Errorf("line 1: %w", err)
	}
	switch {
	case len(first) == 1 && first[0] == header:
	case strings.HasPrefix(first[0], "chancery directory "):
		return nil, fmt.Errorf("line 1: %.40q: %w", first[0], ErrOlder)
	default:
		return nil, fmt.Errorf("line 1: this is no directory: one begins with %q", header)
	}
	d := empty()
	for {
		block, err := f.block()
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", f.line, err)
		}
		if !strings.HasPrefix(block[0], "salt ") {
			return d, d.parseCheckpoint(block, f)
		}
		if at, err := d.parseEntry(block, false); err != nil {
			return nil, fmt.Errorf("line %d: %w", f.start+at, err)
		}
	}
}

// parseTail reads the statements after the signatures.
func (d *Directory) parseTail(f *blocks) error {
	for first := true; first || len(f.rest) > 0; first = false {
		block, err := f.block()
		if errors.Is(err, errEnds) {
			err = errors.New("the file ends in the midst of a statement")
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", f.line, err)
		}
		if !strings.HasPrefix(block[0], "salt ") {
			return fmt.Errorf("line %d: after the signatures stand statements, each with its salt", f.start)
		}
		if at, err := d.parseEntry(block, true); err != nil {
			return fmt.Errorf("line %d: %w", f.start+at, err)
		}
	}
	return nil
}

// parseEntry reads one statement with the salt before it. With an error it gives the faulty line, from 0.
func (d *Directory) parseEntry(block []string, tail bool) (int, error) {
	encoded := strings.TrimPrefix(block[0], "salt ")
	b, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || len(b) != len(salt{}) || base64Of(b) != encoded {
		return 0, fmt.Errorf("a salt is %d bytes in base64", len(salt{}))
	}
	s, at, err := readStatement(block[1:])
	if err != nil {
		return at + 1, err
	}
	return 1, d.add(s, salt(b), tail)
}

func (d *Directory) parseCheckpoint(block []string, f *blocks) error {
	if d.Size() == 0 {
		return fmt.Errorf("line %d: the directory has no root: statements begin with a salt", f.start)
	}
	want := strings.Split(strings.TrimSuffix(d.Checkpoint(), "\n"), "\n")
	for i, w := range want {
		if i >= len(block) || block[i] != w {
			return fmt.Errorf("line %d: the checkpoint of these statements says here %q", f.start+i, w)
		}
	}
	if len(block) > len(want) {
		return fmt.Errorf("line %d: a checkpoint has %d lines: %w", f.start+len(want), len(want), ErrOlder)
	}
	signed, tail, more := cutTail(f.rest)
	signatures, at, err := readSignatures(signed)
	if err != nil {
		return fmt.Errorf("line %d: %w", f.line+at, err)
	}
	d.signatures = signatures
	if !more {
		return nil
	}
	f.rest, f.line = tail, f.line+len(signatures)+1
	return d.parseTail(f)
}

// cutTail cuts what follows a checkpoint at the empty line after the signatures.
func cutTail(b []byte) (signatures, tail []byte, more bool) {
	if tail, ok := bytes.CutPrefix(b, []byte("\n")); ok {
		return nil, tail, true
	}
	signatures, tail, more = bytes.Cut(b, []byte("\n\n"))
	if more {
		signatures = b[:len(signatures)+1]
	}
	return signatures, tail, more
}

// blocks cuts a file into its blocks of lines, each closed by an empty line.
type blocks struct {
	rest  []byte
	start int // number of the last block's first line
	line  int // number of the next line, from 1; 0 before any was read
}

var errEnds = errors.New("the file ends before its checkpoint does")

// block gives the next block, of at least one line.
func (f *blocks) block() ([]string, error) {
	f.line = max(f.line, 1)
	f.start = f.line
	var block []string
	for {
		text, rest, ok := bytes.Cut(f.rest, []byte("\n"))
		switch {
		case !ok && len(f.rest) == 0:
			return nil, errEnds
		case !ok:
			return nil, errors.New("the last line does not end")
		case len(text) > maxLine:
			return nil, fmt.Errorf("a line of %d bytes: the most is %d", len(text), maxLine)
		case len(text) == 0 && len(block) == 0:
			return nil, errors.New("an empty line where none belongs")
		}
		f.rest = rest
		f.line++
		if len(text) == 0 {
			return block, nil
		}
		block = append(block, string(text))
		if len(block) > maxBlock {
			return nil, fmt.Errorf("a block of more than %d lines", maxBlock)
		}
	}
}
