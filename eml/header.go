package eml

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// field is one field of a header, unfolded.
type field struct {
	name, value string
	line        int
	used        bool
}

// header is the fields of a mail, or of a part of one, in their order.
type header struct {
	fields []*field
	by     map[string][]*field // by name in small letters
}

// readHeader takes the header off a mail. What follows the empty line behind it is the body. Line is the number of the first line.
func readHeader(b []byte, line int) (h *header, body []byte, err error) {
	h = &header{by: map[string][]*field{}}
	var last *field
	var value strings.Builder
	end := func() {
		if last != nil {
			last.value = strings.Trim(value.String(), " \t")
			value.Reset()
		}
	}
	for rest := b; len(rest) > 0; line++ {
		if len(b)-len(rest) > maxHeader {
			return nil, nil, fmt.Errorf("its header is longer than %d bytes", maxHeader)
		}
		l, after, _ := bytes.Cut(rest, []byte("\n"))
		rest = after
		s := string(bytes.TrimSuffix(l, []byte("\r")))
		if s == "" {
			end()
			return h, rest, nil
		}
		if s[0] == ' ' || s[0] == '\t' {
			if last == nil {
				return nil, nil, fmt.Errorf("line %d goes on with a header field that never began", line)
			}
			value.WriteString(s)
			continue
		}
		end()
		name, v, ok := strings.Cut(s, ":")
		if !ok || name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
			if line == 1 && strings.HasPrefix(s, mbox) {
				return nil, nil, errors.New("it begins as a folder of mails does: save the one mail alone, as .eml")
			}
			return nil, nil, fmt.Errorf("line %d, %q, is no header field: this is no mail", line, shorten(s))
		}
		last = &field{name: name, line: line}
		value.WriteString(v)
		if h.fields = append(h.fields, last); len(h.fields) > maxFields {
			return nil, nil, fmt.Errorf("it has more than %d header fields", maxFields)
		}
		key := strings.ToLower(name)
		h.by[key] = append(h.by[key], last)
	}
	end()
	return h, nil, nil
}

// one gives the value of a field that may stand once, and whether it stands there. It is UTF-8, on one line.
func (h *header) one(name string) (value string, ok bool, err error) {
	fs := h.by[strings.ToLower(name)]
	if len(fs) == 0 {
		return "", false, nil
	}
	if len(fs) > 1 {
		return "", false, fmt.Errorf("%s stands twice, on lines %d and %d: one of them contradicts the other", name, fs[0].line, fs[1].line)
	}
	fs[0].used = true
	if !utf8.ValidString(fs[0].value) {
		return "", false, fmt.Errorf("%s, on line %d, is not UTF-8: save the mail as UTF-8", name, fs[0].line)
	}
	return fs[0].value, true, nil
}

// take gives the value of a field that may stand once to read, if it stands there.
func (h *header) take(name string, read func(value string) error) error {
	value, ok, err := h.one(name)
	if err == nil && ok {
		if err = read(value); err != nil {
			err = fmt.Errorf("%s: %w", name, err)
		}
	}
	return err
}

// pass says that a field is known and has nothing for a telegram. It may stand as often as it likes.
func (h *header) pass(names ...string) {
	for _, name := range names {
		for _, f := range h.by[strings.ToLower(name)] {
			f.used = true
		}
	}
}

// unused gives the names of the fields that nobody asked for, each once.
func (h *header) unused() (names []string) {
	seen := map[string]bool{}
	for _, f := range h.fields {
		if key := strings.ToLower(f.name); !f.used && !seen[key] {
			seen[key] = true
			names = append(names, shorten(f.name))
		}
	}
	return names
}

// unstructured reads a text that stands in a field by itself.
func unstructured(value string) (string, error) {
	s, err := decodeWords(value)
	if err != nil {
		return "", err
	}
	return strings.ReplaceAll(s, "\t", " "), nil // a tab folds as a space does
}
