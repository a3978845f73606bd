package eml

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"chancery.example/chancery/telegram"
)

// The text of a telegram of this system stands in a mail as it does in a draft: paragraphs with empty lines between them, and lines in square
// brackets for what is not the author's. Only a message to be conveyed stands apart, in a part of its own. A test holds this against package
// desk, which reads and writes the same in drafts.

// insertions are the words for the kinds of insertions, from telegram.Supplied on.
var insertions = []string{"supplied", "gloss", "sic"}

// directive reads a line in square brackets; ok is false for a line of text.
func directive(s string) (kind telegram.BlockKind, value string, ok bool) {
	if !strings.HasPrefix(s, "[") || !strings.HasSuffix(s, "]") {
		return 0, "", false
	}
	s = s[1 : len(s)-1]
	for kind, word := range map[telegram.BlockKind]string{telegram.Convey: "convey to", telegram.End: "end", telegram.Blank: "blank"} {
		if s == word {
			return kind, "", true
		}
		if rest, ok := strings.CutPrefix(s, word+" "); ok {
			return kind, strings.TrimSpace(rest), true
		}
	}
	for i, word := range insertions {
		if rest, ok := strings.CutPrefix(s, word+" "); ok {
			return telegram.Insertion, string([]byte{byte(i + telegram.Supplied)}) + strings.TrimSpace(rest), true
		}
	}
	return 0, "", false
}

// writeText writes blocks without messages among them.
func writeText(blocks []telegram.Block) string {
	var b strings.Builder
	for i, x := range blocks {
		switch {
		case x.Kind == telegram.More:
			b.WriteString("\n")
		case i > 0:
			b.WriteString("\n\n")
		}
		switch x.Kind {
		case telegram.Blank:
			fmt.Fprintf(&b, "[blank %d]", x.Text[0])
		case telegram.Insertion:
			fmt.Fprintf(&b, "[%s %s]", insertions[x.Text[0]-telegram.Supplied], x.Text[1:])
		default:
			for l := range strings.Lines(x.Text) {
				bare := strings.TrimSpace(l)
				if _, _, ok := directive(bare); ok || bare == "" || strings.HasPrefix(l, `\`) {
					b.WriteByte('\\')
				}
				b.WriteString(l)
			}
		}
	}
	if b.Len() > 0 {
		b.WriteByte('\n')
	}
	return b.String()
}

// readText reads what writeText wrote.
func readText(text string) ([]telegram.Block, error) {
	var p textReader
	for s := range strings.SplitSeq(text, "\n") {
		p.line++
		if err := p.read(s); err != nil {
			return nil, fmt.Errorf("line %d of the text: %w", p.line, err)
		}
	}
	p.endParagraph()
	return p.blocks, nil
}

type textReader struct {
	blocks    []telegram.Block
	line      int
	paragraph []string
	begun     bool // there is a paragraph that may go on after a blank
	more      bool // and the line before was that blank
}

func (p *textReader) read(s string) error {
	kind, value, ok := directive(strings.TrimSpace(s))
	switch {
	case strings.TrimSpace(s) == "":
		p.endParagraph()
		p.more = false
		return nil
	case !ok:
		p.paragraph = append(p.paragraph, strings.TrimPrefix(s, `\`))
		return nil
	}
	p.endParagraph()
	switch kind {
	case telegram.Convey, telegram.End:
		return errors.New("a message to be conveyed stands in a part of its own, and not between brackets")
	case telegram.Blank:
		n, err := strconv.ParseUint(value, 10, 8)
		if err != nil || n == 0 {
			return fmt.Errorf("a blank is from 1 to 255 words long, not %q", shorten(value))
		}
		value = string([]byte{byte(n)})
	}
	p.put(kind, value)
	p.more = p.begun
	return nil
}

func (p *textReader) put(kind telegram.BlockKind, text string) {
	p.blocks = append(p.blocks, telegram.Block{Kind: kind, Text: text})
}

func (p *textReader) endParagraph() {
	if s := strings.Trim(strings.Join(p.paragraph, "\n"), " \t\n"); s != "" {
		kind := telegram.Paragraph
		if p.more {
			kind = telegram.More
		}
		p.put(kind, s)
		p.begun, p.more = true, false
	}
	p.paragraph = p.paragraph[:0]
}

// underline is the line between a text and the name under it (RFC 3676 section 4.3).
const underline = "-- "

// signed writes a name under a text.
func signed(text, name string) string {
	if name == "" {
		return text
	}
	return text + underline + "\n" + name + "\n"
}

// unsigned takes off the name that stands under a text; ok is false if it is another one.
func unsigned(text, name string) (bare string, ok bool) {
	if name == "" {
		return text, true
	}
	lines := strings.Split(strings.TrimRight(text, " \t\n"), "\n")
	if s := strings.Trim(name, " "); s != "" {
		if strings.Trim(lines[len(lines)-1], " ") != s {
			return "", false
		}
		lines = lines[:len(lines)-1]
	}
	if n := len(lines); n == 0 || strings.TrimRight(lines[n-1], " ") != strings.TrimRight(underline, " ") {
		return "", false
	}
	return strings.Join(lines[:len(lines)-1], "\n"), true
}

// readForeign reads the text of a mail that is nobody's telegram yet: it stands as it is, in paragraphs. A block of signature under it is left out,
// and counted in lines.
func readForeign(text string) (blocks []telegram.Block, left int) {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if lines[i] == underline {
			left, lines = len(lines)-i, lines[:i]
			break
		}
	}
	var p textReader
	for _, s := range lines {
		if s = strings.TrimRight(s, " \t"); strings.TrimSpace(s) == "" {
			p.endParagraph()
		} else {
			p.paragraph = append(p.paragraph, s)
		}
	}
	p.endParagraph()
	return p.blocks, left
}

// flow puts the lines of format=flowed (RFC 3676) together.
func flow(text string, delete bool) string {
	var out strings.Builder
	open, depth, first := false, 0, true // whether the line before goes on, and how deep it is quoted
	for s := range strings.SplitSeq(text, "\n") {
		bare := strings.TrimLeft(s, ">")
		d := len(s) - len(bare)
		bare = strings.TrimPrefix(bare, " ")
		flowed := strings.HasSuffix(bare, " ") && bare != underline
		if !open || d != depth || bare == underline {
			if !first {
				out.WriteByte('\n')
			}
			if d > 0 {
				out.WriteString(strings.Repeat(">", d) + " ")
			}
		}
		if flowed && delete {
			bare = bare[:len(bare)-1]
		}
		out.WriteString(bare)
		open, depth, first = flowed, d, false
	}
	return out.String()
}
