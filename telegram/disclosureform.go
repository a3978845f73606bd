package telegram

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/tlog"
)

// A disclosure is written as JSON in the canonical form of RFC 8785 and a line feed. There is one way to write it, so the reader below knows at each byte
// what may follow: nothing nests, no name stands twice, and no number grows. It takes no more memory than a few times the bytes it is given.

// inText says whether the value of a leaf of that kind is written as text; others are written as hexadecimal digits.
func inText(kind uint8) bool {
	switch kind {
	case kindSender, kindSubject, kindSignature, kindCode, uint8(More), uint8(Paragraph), uint8(Convey), uint8(End), uint8(Blank):
		return true
	}
	return false
}

// Marshal writes the disclosure: see the package comment.
func (d *Disclosure) Marshal() []byte {
	b := append(d.Body.write([]byte(`{"body":`)), `,"disclosure":1,"head":`...)
	b = d.Head.write(b)
	if d.Numbers != nil {
		b = d.Numbers.write(append(b, `,"numbers":`...))
	}
	for i, reason := range d.Reasons {
		b = appendString(append(b, or(i == 0, `,"reasons":[`, `,`)...), reason)
	}
	if len(d.Reasons) > 0 {
		b = append(b, ']')
	}
	if d.Registered != "" {
		b = appendString(append(b, `,"registered":`...), d.Registered)
	}
	if d.Release != nil {
		b = base64.StdEncoding.AppendEncode(append(b, `,"released":{"ed25519":"`...), d.Release)
		b = append(base64.StdEncoding.AppendEncode(append(b, `","ml-dsa-44":"`...), d.ReleasePQ), `"}`...)
	}
	b = hex.AppendEncode(append(b, `,"root":"`...), d.Root[:])
	return append(b, "\"}\n"...)
}

func or(first bool, a, b string) string {
	if first {
		return a
	}
	return b
}

func (p *Part) write(b []byte) []byte {
	b = append(b, `{"digests":[`...)
	for i := range p.Digests {
		b = append(b, or(i == 0, `"`, `,"`)...)
		b = append(base64.StdEncoding.AppendEncode(b, p.Digests[i][:]), '"')
	}
	b = append(b, `],"leaves":[`...)
	for i := range p.Spans {
		s := &p.Spans[i]
		b = append(b, or(i == 0, `{`, `,{`)...)
		switch {
		case s.Withheld > 0 && s.Reason > 0:
			b = fmt.Appendf(b, `"reason":%d,"withheld":%d}`, s.Reason, s.Withheld)
		case s.Withheld > 0:
			b = fmt.Appendf(b, `"withheld":%d}`, s.Withheld)
		default:
			if !inText(s.Kind) {
				b = append(hex.AppendEncode(append(b, `"hex":"`...), s.Value), `",`...)
			}
			b = append(strconv.AppendUint(append(b, `"kind":`...), uint64(s.Kind), 10), `,"salt":"`...)
			b = append(base64.StdEncoding.AppendEncode(b, s.Salt[:]), '"')
			if inText(s.Kind) {
				b = appendString(append(b, `,"value":`...), string(s.Value))
			}
			b = append(b, '}')
		}
	}
	return append(b, "]}"...)
}

// appendString writes a JSON string as RFC 8785 has it, of a text that has no control characters but tab and line feed.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, `\n`...)
		case '\t':
			b = append(b, `\t`...)
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// IsDisclosure says whether a file looks like a disclosure.
func IsDisclosure(b []byte) bool { return bytes.HasPrefix(bytes.TrimLeft(b, " \t\r\n"), []byte("{")) }

// ParseDisclosure reads what Marshal writes, and nothing else. What it shows is not judged here: see [Disclosure.Check].
func ParseDisclosure(b []byte) (*Disclosure, error) {
	if len(b) > MaxDisclosure {
		return nil, malformed(fmt.Sprintf("a disclosure has at most %d bytes, this has %d", MaxDisclosure, len(b)))
	}
	// Within a text the quotation marks have escapes, so this is the version.
	if _, v, ok := bytes.Cut(b, []byte(`"disclosure":`)); ok && len(v) > 1 && (v[0] > '1' || v[0] == '1' && v[1] != ',') && v[0] <= '9' {
		return nil, malformed("a disclosure of a later version: this program is older than it")
	}
	d := &Disclosure{}
	r := jsonReader{b: b}
	r.must(`{"body":`)
	r.part(&d.Body)
	r.must(`,"disclosure":1,"head":`)
	r.part(&d.Head)
	if r.may(`,"numbers":`) {
		d.Numbers = &Part{}
		r.part(d.Numbers)
	}
	if r.may(`,"reasons":[`) {
		r.reasons(d)
	}
	if r.may(`,"registered":`) {
		d.Registered = string(r.text())
	}
	if r.may(`,"released":{"ed25519":`) {
		d.Release = r.base64(SizeEd25519)
		r.must(`,"ml-dsa-44":`)
		d.ReleasePQ = r.base64(SizeMLDSA44)
		r.must(`}`)
	}
	r.must(`,"root":`)
	copy(d.Root[:], r.hex(len(d.Root)))
	r.must("}\n")
	if r.err == nil && r.at < len(b) {
		r.err = r.fail("more follows behind its end")
	}
	if r.err == nil {
		r.err = d.checkReasons()
	}
	if r.err != nil {
		return nil, r.err
	}
	return d, nil
}

// checkReasons holds the numbers of reasons to the one way to give them: in the order in which they are used first.
func (d *Disclosure) checkReasons() error {
	used := 0
	for _, p := range []*Part{&d.Head, &d.Body, d.Numbers} {
		for i := 0; p != nil && i < len(p.Spans); i++ {
			s := &p.Spans[i]
			if s.Reason > used+1 {
				return malformed("a disclosure whose reasons are not in the order of their use")
			}
			used = max(used, s.Reason)
		}
	}
	if used != len(d.Reasons) {
		return malformed("a disclosure with a reason that nothing is withheld for, or without one")
	}
	return nil
}

// jsonReader reads the one written form from the front, until something else stands there.
type jsonReader struct {
	b   []byte
	at  int
	err error
}

func (r *jsonReader) fail(what string) error {
	return malformed(fmt.Sprintf("a disclosure not in its one written form, byte %d: %s", r.at, what))
}

// may passes over what may stand next, and says whether it did.
func (r *jsonReader) may(what string) bool {
	ok := r.err == nil && len(r.b)-r.at >= len(what) && string(r.b[r.at:][:len(what)]) == what
	if ok {
		r.at += len(what)
	}
	return ok
}

func (r *jsonReader) must(what string) {
	if !r.may(what) && r.err == nil {
		r.err = r.fail("here must stand " + strings.TrimSuffix(what, "\n"))
	}
}

func (r *jsonReader) part(p *Part) {
	r.must(`{"digests":[`)
	for r.err == nil && !r.may(`]`) {
		if len(p.Digests) > 0 {
			r.must(`,`)
		}
		var h tlog.Hash
		copy(h[:], r.base64(len(h)))
		if p.Digests = append(p.Digests, h); r.err == nil && len(p.Digests) > maxLeaves {
			r.err = r.fail("there are more digests than any telegram has leaves")
		}
	}
	r.must(`,"leaves":[`)
	leaves := 0
	for r.err == nil && !r.may(`]`) {
		if len(p.Spans) > 0 {
			r.must(`,`)
		}
		s := r.span()
		last := len(p.Spans) - 1
		if r.err == nil && last >= 0 && s.Withheld > 0 && p.Spans[last].Withheld > 0 && p.Spans[last].Reason == s.Reason {
			r.err = r.fail("two runs of leaves withheld for one reason follow each other")
		}
		if leaves += max(1, s.Withheld); r.err == nil && leaves > maxLeaves {
			r.err = r.fail("there are more leaves than any telegram has")
		}
		p.Spans = append(p.Spans, s)
	}
	r.must(`}`)
}

func (r *jsonReader) span() (s Span) {
	switch {
	case r.may(`{"reason":`):
		s.Reason = r.number(MaxReasons)
		r.must(`,"withheld":`)
		s.Withheld = r.number(maxLeaves)
	case r.may(`{"withheld":`):
		s.Withheld = r.number(maxLeaves)
	case r.may(`{"hex":`):
		s.Value = r.hex(-1)
		r.must(`,"kind":`)
		s.Kind = uint8(r.number(255))
		r.must(`,"salt":`)
		copy(s.Salt[:], r.base64(len(s.Salt)))
		if r.err == nil && inText(s.Kind) {
			r.err = r.fail("the value of such a leaf is written as text")
		}
	default:
		r.must(`{"kind":`)
		s.Kind = uint8(r.number(255))
		r.must(`,"salt":`)
		copy(s.Salt[:], r.base64(len(s.Salt)))
		r.must(`,"value":`)
		s.Value = r.text()
		if r.err == nil && !inText(s.Kind) {
			r.err = r.fail("the value of such a leaf is written as hexadecimal digits")
		}
	}
	r.must(`}`)
	return s
}

func (r *jsonReader) reasons(d *Disclosure) {
	for r.err == nil {
		reason := string(r.text())
		if r.err == nil && (reason == "" || slices.Contains(d.Reasons, reason) || len(d.Reasons) == MaxReasons) {
			r.err = r.fail(fmt.Sprintf("a reason is empty, stands twice, or is one of more than %d", MaxReasons))
		}
		if err := checkReason(reason); r.err == nil && err != nil {
			r.err = r.fail(err.Error())
		}
		if d.Reasons = append(d.Reasons, reason); r.may(`]`) {
			return
		}
		r.must(`,`)
	}
}

// number reads a number from 1 on, at most so large.
func (r *jsonReader) number(most int) (n int) {
	from := r.at
	for r.err == nil && r.at < len(r.b) && r.b[r.at] >= '0' && r.b[r.at] <= '9' && n <= most {
		n = n*10 + int(r.b[r.at]-'0')
		r.at++
	}
	if r.err == nil && (r.at == from || r.b[from] == '0' || n > most) {
		r.err = r.fail(fmt.Sprintf("here must stand a number from 1 to %d", most))
		n = 0
	}
	return n
}

// raw reads a string that has no escapes.
func (r *jsonReader) raw() []byte {
	r.must(`"`)
	end := -1
	if r.err == nil {
		end = bytes.IndexByte(r.b[r.at:], '"')
	}
	if r.err == nil && end < 0 {
		r.err = r.fail("a text does not end")
	}
	if r.err != nil {
		return nil
	}
	s := r.b[r.at:][:end]
	r.at += end + 1
	return s
}

func (r *jsonReader) base64(size int) []byte {
	s := r.raw()
	if r.err != nil {
		return nil
	}
	b, err := base64.StdEncoding.Strict().DecodeString(string(s))
	if err != nil || len(b) != size || len(s) != base64.StdEncoding.EncodedLen(size) {
		r.err = r.fail(fmt.Sprintf("before here must stand %d bytes in base64", size))
	}
	return b
}

// hex reads bytes; size -1 lets there be any number of them.
func (r *jsonReader) hex(size int) []byte {
	s := r.raw()
	if r.err != nil {
		return nil
	}
	b, err := hex.DecodeString(string(s))
	if err != nil || size >= 0 && len(b) != size || hex.EncodeToString(b) != string(s) {
		r.err = r.fail("before here must stand bytes in hexadecimal digits")
	}
	return b
}

// text reads a string.
func (r *jsonReader) text() []byte {
	r.must(`"`)
	out := []byte{}
	for r.err == nil {
		rest := r.b[r.at:]
		n := bytes.IndexAny(rest, "\"\\")
		if n < 0 {
			r.err = r.fail("a text does not end")
			return nil
		}
		plain := rest[:n]
		if !utf8.Valid(plain) || bytes.ContainsFunc(plain, func(c rune) bool { return c < 0x20 }) {
			r.err = r.fail("a text has bytes that are written otherwise")
			return nil
		}
		out, r.at = append(out, plain...), r.at+n
		switch {
		case r.may(`"`):
			return out
		case r.may(`\"`):
			out = append(out, '"')
		case r.may(`\\`):
			out = append(out, '\\')
		case r.may(`\n`):
			out = append(out, '\n')
		case r.may(`\t`):
			out = append(out, '\t')
		default:
			r.err = r.fail("a text has an escape that is not needed")
		}
	}
	return nil
}
