package eml

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"mime/quotedprintable"
	"strings"
	"unicode/utf8"

	"chancery.example/chancery/telegram"
)

// entity is a MIME entity: its own fields, and what stands below them.
type entity struct {
	kind, encoding string
	inline         bool
	body           []byte
}

func (e *entity) write(b *bytes.Buffer) {
	b.WriteString("Content-Type: " + e.kind + "\r\n")
	if e.encoding != "" {
		b.WriteString("Content-Transfer-Encoding: " + e.encoding + "\r\n")
	}
	if e.inline {
		b.WriteString("Content-Disposition: inline\r\n")
	}
	b.WriteString("\r\n")
	b.Write(e.body)
}

// body writes blocks and the name under them: as one text, or, where messages to be conveyed stand among them, as texts and messages in their order.
func body(blocks []telegram.Block, name string) *entity {
	var parts []*entity
	from, depth, begins := 0, 0, 0
	for i, x := range blocks {
		switch x.Kind {
		case telegram.Convey:
			if depth++; depth > 1 {
				continue
			}
			if i > from {
				parts = append(parts, textPart(writeText(blocks[from:i]), ""))
			}
			begins = i
		case telegram.End:
			if depth--; depth > 0 {
				continue
			}
			parts = append(parts, message(blocks[begins].Text, blocks[begins+1:i], x.Text))
			from = i + 1
		}
	}
	last := writeText(blocks[from:])
	if len(parts) == 0 {
		return textPart(last, name)
	}
	if last != "" || name != "" {
		parts = append(parts, textPart(last, name))
	}
	return multipart(parts)
}

// message writes a message to be conveyed.
func message(to string, blocks []telegram.Block, name string) *entity {
	w := &writer{}
	w.group("From", name)
	w.group("To", to)
	w.field("Subject", conveyed)
	w.field("MIME-Version", "1.0")
	body(blocks, name).write(&w.b)
	e := &entity{kind: "message/rfc822", inline: true, body: w.b.Bytes()}
	e.encoding = bits(e.body)
	return e
}

// conveyed is the subject of every message to be conveyed: one field of three must stand in a message/rfc822 (RFC 2046 section 5.2.1).
const conveyed = "To be conveyed"

// multipart joins parts. The line between them is a hash of what they say, so that nobody can have written it there.
func multipart(parts []*entity) *entity {
	h := sha256.New()
	var all [][]byte
	for _, p := range parts {
		var b bytes.Buffer
		p.write(&b)
		h.Write(b.Bytes())
		all = append(all, b.Bytes())
	}
	boundary := fmt.Sprintf("=_%x", h.Sum(nil)[:16])
	var b bytes.Buffer
	for _, part := range all {
		b.WriteString("--" + boundary + "\r\n")
		b.Write(part)
		b.WriteString("\r\n")
	}
	b.WriteString("--" + boundary + "--\r\n")
	return &entity{kind: `multipart/mixed; boundary="` + boundary + `"`, encoding: bits(b.Bytes()), body: b.Bytes()}
}

// bits names the encoding of bytes that are written as they are.
func bits(b []byte) string {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return "8bit"
		}
	}
	return "7bit"
}

// textPart writes a text and the name under it: as they are, where no line is too long or could be changed on the way, else in the shorter of two
// encodings.
func textPart(text, name string) *entity {
	e := &entity{kind: "text/plain; charset=utf-8"}
	asIs := plain(text) && plain(name)
	text = signed(text, name)
	crlf := strings.ReplaceAll(text, "\n", "\r\n")
	if asIs {
		e.body, e.encoding = []byte(crlf), bits([]byte(text))
		return e
	}
	packed := base64.StdEncoding.EncodeToString([]byte(crlf))
	var b bytes.Buffer
	if !strings.HasPrefix(text, mbox) && !strings.Contains(text, "\n"+mbox) {
		q := quotedprintable.NewWriter(&b)
		_, _ = q.Write([]byte(crlf)) // a buffer takes everything
		_ = q.Close()
		if b.Len() <= len(packed)+len(packed)/76*2 {
			e.body, e.encoding = b.Bytes(), "quoted-printable"
			return e
		}
	}
	b.Reset()
	for len(packed) > 0 {
		n := min(len(packed), 76)
		b.WriteString(packed[:n] + "\r\n")
		packed = packed[n:]
	}
	e.body, e.encoding = b.Bytes(), "base64"
	return e
}

// mbox begins a mail where many are kept in one file. A line of a text that begins so is changed there.
const mbox = "From "

// plain says whether a text comes through mail as it is.
func plain(text string) bool {
	for l := range strings.SplitSeq(text, "\n") {
		if len(l) > widest || strings.HasPrefix(l, mbox) || strings.TrimRight(l, " \t") != l {
			return false
		}
	}
	return true
}
