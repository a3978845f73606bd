package eml

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"strings"
)

// token is a piece of a structured field (RFC 5322 section 3.2): an atom, a quoted-string, a domain-literal, or one special character.
type token struct {
	kind  byte   // 'a', 'q', 'l', or the character itself
	text  string // of 'q' and 'l' what stands within
	glued bool   // nothing stands between it and the token before
}

const maxComments = 32 // comments within comments

// lex takes a structured field's value apart. Comments are given by themselves.
func lex(s string) (tokens []token, comments []string, err error) {
	glued := false
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == ' ' || c == '\t':
			i, glued = i+1, false
			continue
		case c == '(':
			n, err := comment(s[i:])
			if err != nil {
				return nil, nil, err
			}
			comments = append(comments, s[i+1:i+n-1])
			i, glued = i+n, false
			continue
		case c == '"' || c == '[':
			text, n, err := quoted(s[i:])
			if err != nil {
				return nil, nil, err
			}
			kind := byte('q')
			if c == '[' {
				kind = 'l'
			}
			tokens = append(tokens, token{kind, text, glued})
			i += n
		case strings.IndexByte(`)<>]:;@\,.`, c) >= 0:
			tokens = append(tokens, token{c, s[i : i+1], glued})
			i++
		default:
			n := strings.IndexFunc(s[i:], func(r rune) bool { return !isAtext(r) })
			if n < 0 {
				n = len(s) - i
			}
			if n == 0 {
				return nil, nil, fmt.Errorf("it has a character that cannot stand there (%#02x)", c)
			}
			tokens = append(tokens, token{'a', s[i : i+n], glued})
			i += n
		}
		glued = true
	}
	return tokens, comments, nil
}

// comment gives the length of the comment with which s begins.
func comment(s string) (n int, err error) {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '(':
			if depth++; depth > maxComments {
				return 0, errors.New("its comments stand within each other too deep")
			}
		case ')':
			if depth--; depth == 0 {
				return i + 1, nil
			}
		}
	}
	return 0, errors.New("a parenthesis does not close")
}

// quoted reads the quoted-string or domain-literal with which s begins.
func quoted(s string) (text string, n int, err error) {
	last := s[0]
	if last == '[' {
		last = ']'
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == last:
			return b.String(), i + 1, nil
		case c == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", 0, errors.New("a quotation mark or bracket does not close")
}

// mailbox is one address of a field, or a group without any: then it has only a name.
type mailbox struct {
	name          string // what stands before the address; of an empty group its name
	local, domain string
}

// mailboxes reads an address-list (RFC 5322 section 3.4). Groups give their members.
func mailboxes(value string) (all []mailbox, err error) {
	ts, _, err := lex(value)
	if err != nil {
		return nil, err
	}
	p := &addressReader{ts: ts}
	for len(p.ts) > 0 {
		if p.take(',') {
			continue
		}
		words := p.words()
		if p.take(':') { // a group
			n := len(all)
			for !p.take(';') {
				if len(p.ts) == 0 {
					return nil, errors.New("a group of addresses does not end with a semicolon")
				}
				if p.take(',') {
					continue
				}
				m, err := p.mailbox(p.words())
				if err != nil {
					return nil, err
				}
				all = append(all, m)
			}
			if len(all) == n {
				name, err := phrase(words)
				if err != nil {
					return nil, err
				}
				all = append(all, mailbox{name: name})
			}
		} else {
			m, err := p.mailbox(words)
			if err != nil {
				return nil, err
			}
			all = append(all, m)
		}
		if len(p.ts) > 0 && p.ts[0].kind != ',' {
			return nil, fmt.Errorf("addresses are separated by commas; %q stands where one should", shorten(p.ts[0].text))
		}
	}
	return all, nil
}

type addressReader struct{ ts []token }

func (p *addressReader) take(kind byte) bool {
	if len(p.ts) == 0 || p.ts[0].kind != kind {
		return false
	}
	p.ts = p.ts[1:]
	return true
}

// words takes what may be a display name or a local part.
func (p *addressReader) words() []token {
	n := 0
	for n < len(p.ts) && strings.IndexByte("aq.", p.ts[n].kind) >= 0 {
		n++
	}
	w := p.ts[:n]
	p.ts = p.ts[n:]
	return w
}

// mailbox reads an address of which the first words have been taken.
func (p *addressReader) mailbox(words []token) (m mailbox, err error) {
	if p.take('<') {
		m.name = join(words)
		if len(words) > 0 && m.name == "" {
			m.name = " "
		}
		if len(p.ts) > 0 && p.ts[0].kind == '@' { // a route, as of old
			for len(p.ts) > 0 && p.ts[0].kind != ':' {
				p.ts = p.ts[1:]
			}
			p.take(':')
		}
		if m.local, m.domain, err = p.spec(p.words()); err == nil && !p.take('>') {
			err = errors.New("an address in angle brackets does not close")
		}
		return m, err
	}
	m.local, m.domain, err = p.spec(words)
	return m, err
}

// spec reads local@domain of which the local part has been taken.
func (p *addressReader) spec(words []token) (local, domain string, err error) {
	what := shorten(join(words))
	if !p.take('@') || len(words) == 0 {
		return "", "", fmt.Errorf("%q is no address: write office@post, as in AMBASSADOR@BEIJING", what)
	}
	if len(words) == 1 && words[0].kind == 'q' {
		local = words[0].text
	} else if local, err = dots(words); err != nil {
		return "", "", err
	}
	if len(p.ts) > 0 && p.ts[0].kind == 'l' {
		return "", "", fmt.Errorf("%q is at a machine and no post: write office@post", what)
	}
	domain, err = dots(p.words())
	return local, domain, err
}

// dots puts a dot-atom together.
func dots(words []token) (string, error) {
	var b strings.Builder
	for i, w := range words {
		want := byte('a')
		if i%2 == 1 {
			want = '.'
		}
		if w.kind != want || i > 0 && !w.glued {
			return "", fmt.Errorf("%q stands where an office or a post should: a name with spaces stands in quotation marks", shorten(join(words)))
		}
		b.WriteString(w.text)
	}
	if len(words)%2 == 0 {
		return "", fmt.Errorf("%q is cut off: write office@post", shorten(b.String()))
	}
	return b.String(), nil
}

// join writes words as they may be shown in an error.
func join(words []token) string {
	var b strings.Builder
	for _, w := range words {
		if b.Len() > 0 && !w.glued {
			b.WriteByte(' ')
		}
		b.WriteString(w.text)
	}
	return b.String()
}

// phrase is the text that words say: encoded ones (RFC 2047) follow each other without a space.
func phrase(words []token) (string, error) {
	var b strings.Builder
	encoded := false
	for i, w := range words {
		text, now := w.text, false
		if w.kind == 'a' && strings.HasPrefix(text, "=?") && strings.HasSuffix(text, "?=") {
			decoded, err := decodeWords(text)
			if err != nil {
				return "", err
			}
			text, now = decoded, true
		}
		if i > 0 && !(encoded && now) && !w.glued {
			b.WriteByte(' ')
		}
		b.WriteString(text)
		encoded = now
	}
	return b.String(), nil
}

// decodeWords decodes the encoded words of an unstructured field.
func decodeWords(s string) (string, error) {
	d := mime.WordDecoder{CharsetReader: func(charset string, in io.Reader) (io.Reader, error) {
		b, err := io.ReadAll(in)
		if err != nil {
			return nil, err
		}
		text, err := decode(charset, b)
		return strings.NewReader(text), err
	}}
	return d.DecodeHeader(s)
}
