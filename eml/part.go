package eml

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"chancery.example/chancery/telegram"
)

// gather collects the text of one message: of the mail itself, or of one that is to be conveyed.
type gather struct {
	*reader
	depth    int      // of messages within messages
	pieces   []piecer // in their order
	attached []string // what is neither text nor such a message
	html     bool     // there is a text in HTML that stands for no other
}

// piecer is a text, or a message to be conveyed.
type piecer struct {
	text    string
	message []telegram.Block
}

// body reads what stands under the header of the mail.
func (r *reader) body(h *header, b []byte) error {
	g := &gather{reader: r}
	err := g.entity(h, b, 0)
	if err == nil {
		r.m.Telegram.Body, err = g.blocks(r.m.Telegram.Signature)
	}
	return err
}

// blocks puts together what was gathered. Name is the one that stands under the text.
func (g *gather) blocks(name string) (all []telegram.Block, err error) {
	texts := 0
	for _, p := range g.pieces {
		if p.message == nil {
			texts++
		}
	}
	switch {
	case g.html && texts == 0:
		return nil, errors.New("its text is HTML only, and a telegram is plain text: in the mail program choose plain text, or both forms, and save it again")
	case g.html:
		g.attached = append(g.attached, "a text in HTML")
	}
	if n := len(g.attached); n > 0 {
		names := g.attached[:min(n, 10)]
		more := ""
		if n > len(names) {
			more = fmt.Sprintf(" and %d more", n-len(names))
		}
		return nil, fmt.Errorf("it has what a telegram cannot carry yet: %s%s. Take that out of the mail, and save it again", strings.Join(names, ", "), more)
	}
	for i, p := range g.pieces {
		if p.message != nil {
			all = append(all, p.message...)
			continue
		}
		if !g.ours {
			blocks, left := readForeign(p.text)
			if left > 0 {
				g.leave(fmt.Sprintf("the block under the text that says who writes, %d lines of it", left))
			}
			all = append(all, blocks...)
			continue
		}
		if i == len(g.pieces)-1 {
			bare, ok := unsigned(p.text, name)
			if !ok {
				return nil, fmt.Errorf("the name under the text is not %q, which the header gives", shorten(name))
			}
			p.text, name = bare, ""
		}
		blocks, err := readText(p.text)
		if err != nil {
			return nil, err
		}
		all = append(all, blocks...)
	}
	if g.ours && name != "" {
		return nil, fmt.Errorf("the name %q does not stand under the text", shorten(name))
	}
	return all, nil
}

// typed is an entity's media type, and what else its own fields say.
type typed struct {
	kind     string // in small letters
	params   map[string]string
	encoding string
	attached bool
	name     string // as an attachment
	id       bool   // it has a Content-ID: something else points to it
}

func kindOf(h *header) (t typed, err error) {
	t.kind = "text/plain"
	err = h.take("Content-Type", func(s string) (err error) {
		s, err = uncommented(s)
		kind, rest, _ := strings.Cut(s, ";")
		if err != nil {
			return err
		}
		if t.kind = strings.ToLower(strings.TrimSpace(kind)); strings.Count(t.kind, "/") != 1 {
			return fmt.Errorf("%q is no type of content", shorten(s))
		}
		t.params, err = params(rest)
		return err
	})
	if err != nil {
		return t, err
	}
	t.name = t.params["name"]
	err = h.take("Content-Disposition", func(s string) error {
		s, err := uncommented(s)
		if err != nil {
			return err
		}
		how, rest, _ := strings.Cut(s, ";")
		p, err := params(rest)
		if p["filename"] != "" {
			t.name = p["filename"]
		}
		t.attached = strings.EqualFold(strings.TrimSpace(how), "attachment")
		return err
	})
	t.attached = t.attached || t.name != ""
	if t.name == "" {
		t.name = t.kind
	}
	if err == nil {
		err = h.take("Content-Transfer-Encoding", func(s string) error {
			s, err := uncommented(s)
			t.encoding = strings.TrimSpace(s)
			return err
		})
	}
	t.id = len(h.by["content-id"]) > 0
	h.pass("Content-ID", "Content-Description", "Content-Language", "Content-Location", "Content-Length")
	return t, err
}

// uncommented is a structured value without its comments.
func uncommented(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); {
		n, keep, err := 1, true, error(nil)
		switch s[i] {
		case '"':
			_, n, err = quoted(s[i:])
		case '(':
			n, err = comment(s[i:])
			keep = false
		}
		if err != nil {
			return "", err
		}
		if keep {
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String(), nil
}

// entity reads a MIME entity and those within it.
func (g *gather) entity(h *header, b []byte, multiparts int) error {
	t, err := kindOf(h)
	if err != nil {
		return err
	}
	sub, isMultipart := strings.CutPrefix(t.kind, "multipart/")
	switch {
	case isMultipart:
		parts, err := g.split(&t, b, multiparts)
		if err != nil {
			return err
		}
		return g.multipart(sub, parts, multiparts+1)
	case t.attached && !(g.ours && strings.HasPrefix(t.kind, "message/")):
		g.attach(&t)
		return nil
	case t.kind == "text/plain":
		return g.text(&t, b)
	case t.kind == "text/html":
		g.html = true
	case g.ours && (t.kind == "message/rfc822" || t.kind == "message/global"):
		if b, err = transferred(t.encoding, b); err != nil {
			return err
		}
		return g.conveyed(b)
	case t.kind == "application/pkcs7-mime", t.kind == "application/x-pkcs7-mime", t.kind == "application/pgp-encrypted":
		return errors.New("it is enciphered, or signed in a way that hides its text: open it in the mail program, and save it in clear")
	default:
		g.attach(&t)
	}
	return nil
}

// attach notes what cannot be taken, for the error that says so.
func (g *gather) attach(t *typed) {
	g.attached = append(g.attached, fmt.Sprintf("%q", shorten(t.name)))
}

// text reads a text part.
func (g *gather) text(t *typed, b []byte) error {
	b, err := transferred(t.encoding, b)
	if err != nil {
		return err
	}
	s, err := decode(t.params["charset"], b)
	if err != nil {
		return fmt.Errorf("the text: %w", err)
	}
	// A written form can be longer than what it says, but not much.
	if g.size += len(s); g.size > 4*telegram.MaxText {
		return fmt.Errorf("the text is longer than %d bytes: send it in parts", telegram.MaxText)
	}
	s = strings.TrimPrefix(strings.ReplaceAll(s, "\r\n", "\n"), "\ufeff")
	if strings.EqualFold(t.params["format"], "flowed") {
		s = flow(s, strings.EqualFold(t.params["delsp"], "yes"))
	}
	g.pieces = append(g.pieces, piecer{text: s})
	return nil
}

// part is one part of a multipart.
type part struct {
	h    *header
	body []byte
}

// split takes a multipart apart. One that does not end was cut off on the way.
func (g *gather) split(t *typed, b []byte, depth int) (parts []part, err error) {
	boundary := t.params["boundary"]
	switch {
	case depth >= maxNested:
		return nil, errors.New("its parts stand within each other too deep")
	case boundary == "" || len(boundary) > 70:
		return nil, errors.New("it has parts and does not say where they begin")
	case t.encoding != "" && !strings.EqualFold(t.encoding, "7bit") && !strings.EqualFold(t.encoding, "8bit") && !strings.EqualFold(t.encoding, "binary"):
		return nil, fmt.Errorf("its parts are encoded as a whole (%q), which no mail program does", shorten(t.encoding))
	}
	line := []byte("--" + boundary)
	begins, before := -1, 0 // where the part begins, and where the line before this one ended
	for at := 0; at < len(b); {
		l, _, _ := bytes.Cut(b[at:], []byte("\n"))
		next := min(at+len(l)+1, len(b))
		rest, ok := bytes.CutPrefix(bytes.TrimRight(l, " \t\r"), line)
		if ends := string(rest) == "--"; ok && (ends || len(rest) == 0) {
			if begins >= 0 {
				if g.parts++; g.parts > maxParts {
					return nil, errors.New("it has too many parts")
				}
				h, body, err := readHeader(b[begins:max(before, begins)], 1)
				if err != nil {
					return nil, fmt.Errorf("part %d: %w", len(parts)+1, err)
				}
				parts = append(parts, part{h, body})
			}
			if begins = next; ends {
				return parts, nil
			}
		}
		before = at + len(bytes.TrimSuffix(l, []byte("\r")))
		at = next
	}
	return nil, errors.New("its parts do not end: the mail was cut off. Get it whole")
}

func (g *gather) multipart(sub string, parts []part, depth int) error {
	switch sub {
	case "encrypted":
		return errors.New("it is enciphered: open it in the mail program, and save it in clear")
	case "signed":
		g.leave("the mail's own signature, which is not checked here")
		parts = parts[:min(len(parts), 1)]
	case "alternative":
		return g.alternative(parts, depth)
	case "related":
		for i, p := range parts {
			t, err := kindOf(p.h)
			if err != nil {
				return err
			}
			if i > 0 && t.id && strings.HasPrefix(t.kind, "image/") {
				g.leave(pictures)
			} else if err := g.entity(p.h, p.body, depth); err != nil {
				return err
			}
		}
		return nil
	}
	for _, p := range parts {
		if err := g.entity(p.h, p.body, depth); err != nil {
			return err
		}
	}
	return nil
}

// alternative takes the plain one of several forms of a text. The others must have nothing that it has not.
func (g *gather) alternative(parts []part, depth int) error {
	taken := -1
	for i, p := range parts {
		t, err := kindOf(p.h)
		if err != nil {
			return err
		}
		if t.kind == "text/plain" && !t.attached {
			taken = i
			break
		}
	}
	for i, p := range parts {
		var err error
		if i == taken || taken < 0 {
			err = g.entity(p.h, p.body, depth)
		} else {
			err = g.other(p.h, p.body, depth)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// otherForms are the types in which mail programs write a text once more beside the plain one.
var otherForms = []string{"text/html", "text/enriched", "text/richtext", "text/x-amp-html", "text/watch-html"}

const pictures = "the pictures in the other form of the text"

// other passes over another form of a text that was taken, and finds what is more than that.
func (g *gather) other(h *header, b []byte, depth int) error {
	t, err := kindOf(h)
	if err != nil {
		return err
	}
	switch {
	case strings.HasPrefix(t.kind, "multipart/"):
		parts, err := g.split(&t, b, depth)
		if err != nil {
			return err
		}
		for _, p := range parts {
			if err := g.other(p.h, p.body, depth+1); err != nil {
				return err
			}
		}
	case slices.Contains(otherForms, t.kind) && !t.attached:
		g.leave("the other form of the text (" + t.kind + ")")
	case strings.HasPrefix(t.kind, "image/") && t.id:
		g.leave(pictures)
	default:
		g.attach(&t)
	}
	return nil
}

// conveyed reads a message to be conveyed.
func (g *gather) conveyed(b []byte) error {
	if g.depth == telegram.MaxDepth {
		return fmt.Errorf("telegrams are conveyed within telegrams at most %d deep", telegram.MaxDepth)
	}
	within := &gather{reader: g.reader, depth: g.depth + 1}
	h, body, err := readHeader(b, 1)
	var to, name string
	if err == nil {
		err = h.take("To", somebody(&to))
	}
	if err == nil {
		err = h.take("From", somebody(&name))
	}
	if err == nil {
		err = within.entity(h, body, 0)
	}
	var blocks []telegram.Block
	if err == nil {
		blocks, err = within.blocks(name)
	}
	if err != nil {
		return fmt.Errorf("a message to be conveyed: %w", err)
	}
	h.pass("Subject", "MIME-Version")
	for _, name := range h.unused() {
		g.leave("the header field " + name + " of a message to be conveyed")
	}
	all := append([]telegram.Block{{Kind: telegram.Convey, Text: to}}, blocks...)
	g.pieces = append(g.pieces, piecer{message: append(all, telegram.Block{Kind: telegram.End, Text: name})})
	return nil
}

// somebody reads one who has no address but a name in words.
func somebody(to *string) func(string) error {
	return func(s string) error {
		as, err := mailboxes(s)
		if err != nil {
			return err
		}
		if len(as) != 1 || as[0].local+as[0].domain != "" {
			return errors.New("a message is conveyed to somebody, and from somebody, in words and without an address, as in  To: the Minister:;")
		}
		*to = as[0].name
		return nil
	}
}
