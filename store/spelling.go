package store

import (
	"regexp"
	"strings"
)

// dollar is a parameter as we write it.
var dollar = regexp.MustCompile(`\$([1-9][0-9]*)`)

// question spells parameters for SQLite. There $1 is a *name*, numbered by where it first appears, so that
// "select $2, $1" would bind the first value to $2. ?1 is a number on SQLite, as $1 is on PostgreSQL.
func question(q string) string {
	if !strings.Contains(q, "$") {
		return q
	}
	return outside(q, func(code string) string { return dollar.ReplaceAllString(code, "?$1") })
}

// outside applies f to the parts of an SQL text that are neither quoted nor comment, and keeps the rest.
func outside(q string, f func(code string) string) string {
	var b strings.Builder
	for q != "" {
		i, end := opening(q)
		b.WriteString(f(q[:i]))
		q = q[i:]
		if q == "" {
			break
		}
		skip := 1
		if end == "\n" || end == "*/" {
			skip = 2
		}
		n := len(q) // what is never closed reaches to the end: the engine will complain, not we
		if j := strings.Index(q[skip:], end); j >= 0 {
			n = skip + j + len(end)
		}
		b.WriteString(q[:n])
		q = q[n:]
	}
	return b.String()
}

// opening finds where the first quotation or comment begins, and what will end it. A doubled quote ends one quotation
// and begins the next, which is as good.
func opening(q string) (i int, end string) {
	for i := range len(q) {
		switch q[i] {
		case '\'', '"', '`':
			return i, q[i : i+1]
		case '-':
			if strings.HasPrefix(q[i:], "--") {
				return i, "\n"
			}
		case '/':
			if strings.HasPrefix(q[i:], "/*") {
				return i, "*/"
			}
		}
	}
	return len(q), ""
}
