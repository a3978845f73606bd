package eml

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"chancery.example/chancery/telegram"
)

// writeAddress writes office@post in the syntax of RFC 5322: the office as a dot-atom where it is one, else quoted.
func writeAddress(a telegram.Address) string {
	local := a.Office
	if !dotAtom(local) {
		local = quote(local)
	}
	return local + "@" + domain(a.Post, false)
}

// quote writes a quoted-string.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// dotAtom says whether a text is one: atoms with single dots between them.
func dotAtom(s string) bool {
	for atom := range strings.SplitSeq(s, ".") {
		if atom == "" || strings.ContainsFunc(atom, func(r rune) bool { return !isAtext(r) }) {
			return false
		}
	}
	return true
}

// isAtext is RFC 5322 section 3.2.3 with RFC 6532 section 3.2.
func isAtext(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return true
	}
	return r >= utf8.RuneSelf || r > ' ' && strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
}

// domain writes the name of a post as a domain, which is a dot-atom: a space as _, and what no atom has as % and two hexadecimal digits. Both
// marks stand in no name of a post. With ascii the bytes of other letters are written so too.
func domain(post string, ascii bool) string {
	var b strings.Builder
	for i := range len(post) {
		switch c := post[i]; {
		case c == ' ':
			b.WriteByte('_')
		case c == '.' && (i == 0 || i == len(post)-1 || post[i-1] == '.'), strings.IndexByte("(),", c) >= 0, ascii && c >= utf8.RuneSelf:
			fmt.Fprintf(&b, "%%%02X", c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// postOf reads what domain wrote.
func postOf(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '_':
			b.WriteByte(' ')
		case '%':
			n, err := strconv.ParseUint(s[i+1:min(i+3, len(s))], 16, 8)
			if err != nil || i+3 > len(s) {
				return "", fmt.Errorf("%q is no name of a post", shorten(s))
			}
			b.WriteByte(byte(n))
			i += 2
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), telegram.CheckPostName(b.String())
}

// ID is a telegram as a Message-ID names it: the serial of one pair of posts, and its year.
//
//	<chancery.2522.2026.BEIJING@MOSCOW>
type ID struct {
	From, To string // posts
	Year     uint16
	Serial   uint32
}

func (id ID) String() string {
	return fmt.Sprintf("<chancery.%s.%d.%s@%s>", telegram.NumberText(id.Serial), id.Year, domain(id.To, true), domain(id.From, true))
}

// parseID reads a Message-ID that String wrote; ok is false for any other.
func parseID(s string) (id ID, ok bool) {
	left, right, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(s, "<chancery."), ">"), "@")
	part := strings.SplitN(left, ".", 3)
	if len(part) != 3 {
		return ID{}, false
	}
	year, err := strconv.ParseUint(part[1], 10, 16)
	id.Year = uint16(year)
	if err == nil {
		id.Serial, err = telegram.ParseNumber(part[0])
	}
	if err == nil {
		id.To, err = postOf(part[2])
	}
	if err == nil {
		id.From, err = postOf(right)
	}
	return id, err == nil && id.String() == s // which looks at all that was passed over
}

// ids finds the Message-IDs in a field's value; whatever else stands there is passed over. Some programs cut a long one into encoded words.
func ids(value string) (all []string) {
	if decoded, err := decodeWords(value); err == nil {
		value = decoded
	}
	for {
		_, rest, ok := strings.Cut(value, "<")
		inner, after, ok2 := strings.Cut(rest, ">")
		if !ok || !ok2 {
			return all
		}
		all, value = append(all, "<"+inner+">"), after
	}
}

// cited is the Message-ID of a telegram that another cites. What another post sent is cited by its serial for the citing post; what the
// citing post itself sent, by its serial for the first action addressee.
func cited(t *telegram.Telegram, r *telegram.Reference) ID {
	id := ID{From: r.Post, To: t.From.Post, Year: r.Year, Serial: r.Serial}
	if r.Post == t.From.Post {
		id.To = t.To[0].Post
	}
	return id
}
