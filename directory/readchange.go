package directory

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"chancery.example/chancery/telegram"
)

func (l *lines) roles() (r Role) {
	for l.next("role") {
		name := l.field("role")
		i := slices.Index(roleNames(), name)
		if i < 0 {
			l.fail(fmt.Errorf("a role %.40q is not known: %w", name, ErrOlder))
			break
		}
		r |= 1 << i
	}
	return r
}

// subject reads "person 17", "office AMBASSADOR@BEIJING" or "post BEIJING".
func (l *lines) subject(field string) (s Subject) {
	value := l.field(field)
	if l.err != nil {
		return s
	}
	s, err := ParseSubject(value)
	if err != nil {
		l.fail(err)
	}
	return s
}

// ParseSubject reads what [Subject.String] writes.
func ParseSubject(value string) (s Subject, err error) {
	kind, name, _ := strings.Cut(value, " ")
	switch kind {
	case kindPerson:
		n, err := strconv.ParseUint(name, 10, 32)
		if err != nil || n == 0 {
			return s, fmt.Errorf("%.40q is no person's number", name)
		}
		s.Person = uint32(n)
	case kindOffice:
		if s.Office, err = telegram.ParseAddress(name); err != nil {
			return s, err
		}
	case kindPost:
		s.Post = name
		return s, telegram.CheckPostName(name)
	default:
		return s, fmt.Errorf("%.40q is no person, office or post: write person 17, office AMBASSADOR@BEIJING or post BEIJING", value)
	}
	return s, nil
}

// maxWhy bounds a reason, in bytes.
const maxWhy = 80

func (l *lines) why() string {
	why := l.field("why")
	if l.err == nil && (why == "" || len(why) > maxWhy || strings.TrimSpace(why) != why || strings.IndexFunc(why, func(r rune) bool { return r < ' ' || r > '~' }) >= 0) {
		l.fail(fmt.Errorf("a reason is 1 to %d visible ASCII characters", maxWhy))
	}
	return why
}

func readGrant(l *lines) Grant {
	l.known = []string{kindGrant, "offices", "people", "role"}
	g := Grant{Post: l.postName(kindGrant), Offices: int(l.number("offices", math.MaxInt32)), People: int(l.number("people", math.MaxInt32)), Roles: l.roles()}
	if l.err == nil && g.Roles&^grantable != 0 {
		l.fail(fmt.Errorf("no grant allows to give the role %v: only the root gives it", g.Roles&^grantable))
	}
	return g
}

func readRoles(l *lines) Roles {
	l.known = []string{kindRoles, "from", "role"}
	return Roles{Person: uint32(l.number(kindRoles, math.MaxUint32)), From: l.time("from"), Roles: l.roles()}
}

func readHolder(l *lines) Holder {
	l.known = []string{kindHolder, "person", "deputy"}
	var h Holder
	var err error
	if h.Office, err = telegram.ParseAddress(l.field(kindHolder)); err != nil {
		l.fail(err)
	}
	if l.next("person") {
		h.Person = uint32(l.number("person", math.MaxUint32))
	}
	for l.next("deputy") {
		n := uint32(l.number("deputy", math.MaxUint32))
		if len(h.Deputies) == MaxDeputies || n == h.Person || slices.Contains(h.Deputies, n) {
			l.fail(fmt.Errorf("deputy %d: an office has at most %d, each once, and its holder is none", n, MaxDeputies))
			break
		}
		h.Deputies = append(h.Deputies, n)
	}
	return h
}

func readEnd(l *lines) End {
	l.known = []string{kindEnd, "at", "why"}
	e := End{Of: l.subject(kindEnd), At: l.time("at"), Why: l.why()}
	if l.err == nil && e.Of.Post != "" {
		l.fail(errors.New("a post does not end: suspend it"))
	}
	return e
}

func readSuspend(l *lines) Suspend {
	l.known = []string{kindSuspend, "at", "why"}
	return Suspend{Of: l.subject(kindSuspend), At: l.time("at"), Why: l.why()}
}

func readRevoke(l *lines) Revoke {
	l.known = []string{kindRevoke, "below"}
	r := Revoke{Key: l.ref(kindRevoke)}
	size, root, _ := strings.Cut(l.field("below"), " ")
	n, err := strconv.ParseInt(size, 10, 64)
	if l.err == nil && (err != nil || n < 0) {
		l.fail(fmt.Errorf("below: %.40q is no number of entries", size))
	}
	if r.Size = n; n > 0 {
		b, err := base64.StdEncoding.Strict().DecodeString(root)
		if err != nil || len(b) != len(r.Root) {
			l.fail(errors.New("below: a checkpoint is named by its size and its root hash"))
			return r
		}
		r.Root = [32]byte(b)
	}
	return r
}

func readChecked(l *lines) Checked {
	l.known = []string{kindChecked, "how", "at"}
	var c Checked
	kind, name, _ := strings.Cut(l.field(kindChecked), " ")
	switch kind {
	case kindKey:
		sub := &lines{text: []string{"key " + name}, known: []string{"key"}}
		if c.Key = sub.ref("key"); sub.err != nil {
			l.fail(sub.err)
		}
	case kindPost:
		if c.Post = name; telegram.CheckPostName(name) != nil {
			l.fail(telegram.CheckPostName(name))
		}
	default:
		l.fail(fmt.Errorf("%.40q: what is checked is a key or a post", kind))
	}
	c.How = l.field("how")
	if l.err == nil && !slices.Contains(Ways(), c.How) {
		l.fail(fmt.Errorf("how: %.40q is not one of: %s", c.How, strings.Join(Ways(), ", ")))
	}
	c.At = l.time("at")
	return c
}

// ParseChecked makes the statement that "key 17/1" or "post BEIJING" was checked.
func ParseChecked(subject, how string, at time.Time) (Checked, error) {
	l := &lines{text: []string{kindChecked + " " + subject, "how " + how, "at " + at.UTC().Format(timeLayout)}}
	c := readChecked(l)
	return c, l.err
}

// maxIssuers is how many people issue one statement.
const maxIssuers = 2

// readIssued reads what stands after a statement that was issued; it gives the statement itself where nothing does.
func readIssued(l *lines, s Statement) Statement {
	l.known = append(slices.Clone(l.known), "by", "issued")
	if !l.next("by") && !l.next("issued") {
		return s
	}
	i := Issued{Statement: s}
	if l.next("by") {
		name, n, _ := strings.Cut(l.field("by"), " ")
		count, err := strconv.ParseUint(n, 10, 31)
		if err != nil || count == 0 {
			l.fail(fmt.Errorf("by: %.40q is no number of a statement", n))
		} else if err := telegram.CheckPostName(name); err != nil {
			l.fail(err)
		}
		i.Post, i.Number = name, int(count)
	}
	for l.next("issued") {
		if len(i.By) == maxIssuers {
			l.fail(fmt.Errorf("more than %d people issue it", maxIssuers))
			break
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(l.text[l.at], "issued "), " ")
		sub := &lines{text: []string{"issued " + name}, known: []string{"issued"}}
		x := Issuer{Key: sub.ref("issued")}
		if sub.err != nil {
			l.at++
			l.fail(sub.err)
			break
		}
		x.Signature = l.signature("issued " + name)
		i.By = append(i.By, x)
	}
	return i
}
