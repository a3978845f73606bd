package directory

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

const partHeader = "chancery directory part 1"

// Part is what a post lacks that has the first statements of the list, so many, under a checkpoint: the line "chancery directory part 1", an
// empty line, the line "from N", an empty line, and a directory's file from statement N on.
func (d *Directory) Part(from int64) ([]byte, error) {
	if from < 1 || from > d.signed {
		return nil, fmt.Errorf("the directory has %d signed statements, not %d", d.signed, from)
	}
	b := fmt.Appendf(nil, "%s\n\nfrom %d\n\n", partHeader, from)
	return append(marshalEntries(b, d.entries[from:d.signed]), d.end()...), nil
}

// ParsePart makes of this list, and a part of a longer one, the longer one. Who signed it is not judged here.
func (d *Directory) ParsePart(part []byte) (*Directory, error) {
	f := &blocks{rest: part}
	first, err := f.block()
	if err != nil || len(first) != 1 || first[0] != partHeader {
		return nil, fmt.Errorf("line 1: this is no part of a directory: one begins with %q", partHeader)
	}
	second, err := f.block()
	if err != nil || len(second) != 1 {
		return nil, fmt.Errorf("line 3: it does not say from which statement")
	}
	digits, ok := strings.CutPrefix(second[0], "from ")
	from, err := strconv.ParseInt(digits, 10, 64)
	if !ok || err != nil || from < 1 || strconv.FormatInt(from, 10) != digits {
		return nil, fmt.Errorf("line 3: %.40q does not say from which statement", second[0])
	}
	if from > d.signed {
		return nil, fmt.Errorf("the part begins at statement %d, and this post has %d: something between is missing", from, d.signed)
	}
	file := marshalEntries(append([]byte(header), "\n\n"...), d.entries[:from])
	return Parse(append(file, f.rest...))
}

// TailDigest tells two tails apart, whatever their order: SHA-256 of the sorted digests of their statements' texts; zero of no tail.
func (d *Directory) TailDigest() (digest [sha256.Size]byte) {
	if d.signed == d.Total() {
		return digest
	}
	var all [][]byte
	for _, e := range d.entries[d.signed:] {
		h := sha256.Sum256(e.statement.Text())
		all = append(all, h[:])
	}
	slices.SortFunc(all, bytes.Compare)
	return sha256.Sum256(bytes.Join(all, nil))
}
