package eml

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxParams bounds the parameters of one field: a long one is cut into many.
const maxParams = 1 << 12

// params reads  name=value; name=value  with the extensions of RFC 2231: values cut into pieces, and in other character sets. The names
// come in small letters. A name that stands twice, a piece that is missing, what stands both whole and in pieces: all that is refused.
func params(s string) (map[string]string, error) {
	pieces, err := paramPieces(s)
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	for name, ps := range pieces {
		value, err := ps.value()
		if err != nil {
			return nil, fmt.Errorf("its parameter %q: %w", shorten(name), err)
		}
		all[name] = value
	}
	return all, nil
}

// piece is one section of a parameter's value; encoded ones are written with percent signs.
type piece struct {
	text    string
	encoded bool
}

// pieced is a parameter's value as it stands: whole, at -1, or in pieces from 0 on.
type pieced map[int]piece

func paramPieces(s string) (map[string]pieced, error) {
	all := map[string]pieced{}
	n := 0
	for {
		s = strings.TrimLeft(s, " \t;")
		if s == "" {
			return all, nil
		}
		if n++; n > maxParams {
			return nil, errors.New("it has too many parameters")
		}
		name, rest, ok := strings.Cut(s, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if !ok || strings.ContainsAny(name, " \t\"();,<>@[]:\\") {
			return nil, fmt.Errorf("%q is no parameter: one is written  name=value", shorten(s))
		}
		var p piece
		rest = strings.TrimLeft(rest, " \t")
		if strings.HasPrefix(rest, `"`) {
			text, n, err := quoted(rest)
			if err != nil {
				return nil, err
			}
			p.text, s = text, rest[n:]
		} else {
			end := strings.IndexAny(rest, " \t;")
			if end < 0 {
				end = len(rest)
			}
			p.text, s = rest[:end], rest[end:]
		}
		if t := strings.TrimLeft(s, " \t"); t != "" && t[0] != ';' {
			return nil, fmt.Errorf("%q stands where a semicolon should", shorten(t))
		}
		if name, p.encoded = strings.CutSuffix(name, "*"); name == "" {
			return nil, errors.New("a parameter has no name")
		}
		at := -1
		if base, number, ok := strings.Cut(name, "*"); ok {
			i, _ := strconv.Atoi(number)
			if i < 0 || strconv.Itoa(i) != number {
				return nil, fmt.Errorf("%q is no piece of a parameter", shorten(name))
			}
			name, at = base, i
		}
		if all[name] == nil {
			all[name] = pieced{}
		}
		if _, twice := all[name][at]; twice {
			return nil, fmt.Errorf("its parameter %q stands twice", shorten(name))
		}
		all[name][at] = p
	}
}

// value puts the pieces together.
func (ps pieced) value() (string, error) {
	first := -1
	if _, whole := ps[-1]; !whole {
		first = 0
	} else if len(ps) > 1 {
		return "", errors.New("it stands whole and in pieces")
	}
	var b strings.Builder
	charset := ""
	for i := first; i < first+len(ps); i++ {
		p, ok := ps[i]
		if !ok {
			return "", fmt.Errorf("piece %d is missing", i)
		}
		if !p.encoded {
			b.WriteString(p.text)
			continue
		}
		text := p.text
		if i == first {
			var ok bool
			if charset, text, ok = strings.Cut(text, "'"); ok {
				_, text, ok = strings.Cut(text, "'")
			}
			if !ok {
				return "", errors.New("it does not say its character set: write  utf-8''… ")
			}
		}
		raw, err := percent(text)
		if err != nil {
			return "", err
		}
		b.WriteString(raw)
	}
	if s := b.String(); charset == "" {
		if !utf8.ValidString(s) {
			return "", errors.New("it is not UTF-8")
		}
		return s, nil
	}
	return decode(charset, []byte(b.String()))
}

// percent reads what writeEncoded wrote.
func percent(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		n, err := strconv.ParseUint(s[i+1:min(i+3, len(s))], 16, 8)
		if err != nil || i+3 > len(s) {
			return "", fmt.Errorf("%q is cut off behind a percent sign", shorten(s))
		}
		b.WriteByte(byte(n))
		i += 2
	}
	return b.String(), nil
}

// writeParam writes a parameter, as one quoted-string where that is short, else as numbered pieces, each with its semicolon before it.
func writeParam(name, value string) (segs []string) {
	const most = 60
	// Some programs decode what looks like an encoded word, wherever it stands.
	odd := strings.Contains(value, "=?")
	if len(value) <= most && !odd {
		return []string{" " + name + "=" + quote(value)}
	}
	ascii := !odd && strings.IndexFunc(value, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
	for i := 0; value != ""; i++ {
		n := min(len(value), most)
		if ascii {
			segs = append(segs, fmt.Sprintf(" %s*%d=%s", name, i, quote(value[:n])))
		} else {
			// Pieces that are percent signs and digits may be cut between the bytes of a letter.
			n = min(n, most/3)
			charset := ""
			if i == 0 {
				charset = "utf-8''"
			}
			segs = append(segs, fmt.Sprintf(" %s*%d*=%s%s", name, i, charset, writeEncoded(value[:n])))
		}
		value = value[n:]
	}
	return segs
}

// writeEncoded writes bytes as RFC 2231 has them.
func writeEncoded(s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '.', c == '_':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
