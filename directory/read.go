package directory

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"chancery.example/chancery/telegram"
)

// ErrOlder says that the directory holds what this program does not know. To pass over it would be to work with less than the root
// officers signed, a revocation perhaps: so it is refused whole.
var ErrOlder = errors.New("this program is older than the directory: bring it up to date")

// lines reads one statement field by field. The first error stays; Text says afterwards whether what was read is all that was there.
type lines struct {
	text   []string
	at     int
	known  []string // names a field of this kind of statement may have
	err    error
	faulty int // the line the error is about
}

func (l *lines) fail(err error) {
	if l.err == nil {
		l.err, l.faulty = err, max(l.at-1, 0)
	}
}

// next says whether a field of these words comes next.
func (l *lines) next(name string) bool {
	return l.err == nil && l.at < len(l.text) && strings.HasPrefix(l.text[l.at]+" ", name+" ")
}

// field reads the value of the field that must come next.
func (l *lines) field(name string) string {
	if l.err != nil {
		return ""
	}
	found := l.next(name)
	l.at++
	switch {
	case found:
		return strings.TrimPrefix(strings.TrimPrefix(l.text[l.at-1], name), " ")
	case l.at > len(l.text):
		l.fail(fmt.Errorf("the field %q is missing", name))
	default:
		l.unexpected(l.text[l.at-1], name)
	}
	return ""
}

func (l *lines) unexpected(text, instead string) {
	word, _, _ := strings.Cut(text, " ")
	if !slices.Contains(l.known, word) {
		l.fail(fmt.Errorf("a field %.40q is not known: %w", word, ErrOlder))
		return
	}
	l.fail(fmt.Errorf("the field %.40q stands where %q belongs", word, instead))
}

func (l *lines) bytes(name string) []byte {
	value := l.field(name)
	if l.err != nil {
		return nil
	}
	b, err := base64.StdEncoding.Strict().DecodeString(value)
	if err != nil {
		l.fail(fmt.Errorf("%s: %w", name, err))
	}
	return b
}

func (l *lines) number(name string, limit uint64) uint64 {
	value := l.field(name)
	if l.err != nil {
		return 0
	}
	n, err := strconv.ParseUint(value, 10, 64)
	if err != nil || n == 0 || n > limit {
		l.fail(fmt.Errorf("%s: %.40q is no number from 1 to %d", name, value, limit))
	}
	return n
}

func (l *lines) key(name string) PublicKey {
	if name != "" {
		name += " "
	}
	k := PublicKey{Ed25519: l.bytes(name + "ed25519"), MLDSA: l.bytes(name + "ml-dsa-44")}
	if l.err == nil {
		if err := k.check(); err != nil {
			l.fail(err)
		}
	}
	return k
}

func (l *lines) signature(name string) Signature {
	s := Signature{Ed25519: l.bytes(name + " ed25519"), MLDSA: l.bytes(name + " ml-dsa-44")}
	if l.err == nil {
		if err := s.check(); err != nil {
			l.fail(err)
		}
	}
	return s
}

func (l *lines) time(name string) time.Time {
	value := l.field(name)
	if l.err != nil {
		return time.Time{}
	}
	t, err := time.Parse(timeLayout, value)
	if err != nil {
		l.fail(fmt.Errorf("%s: %.40q is no time such as 1950-12-07T20:40:00Z", name, value))
	}
	return t
}

func (l *lines) ref(name string) telegram.KeyRef {
	value := l.field(name)
	if l.err != nil {
		return telegram.KeyRef{}
	}
	person, key, _ := strings.Cut(value, "/")
	p, err := strconv.ParseUint(person, 10, 32)
	n, err2 := strconv.ParseUint(key, 10, 16)
	if err != nil || err2 != nil || p == 0 || n == 0 {
		l.fail(fmt.Errorf("%s: %.40q is no key such as 17/1", name, value))
	}
	return telegram.KeyRef{Person: uint32(p), Key: uint16(n)}
}

// readStatement reads the text of one statement, its lines without their newlines. With an error it gives the faulty line, from 0.
func readStatement(text []string) (Statement, int, error) {
	if len(text) == 0 {
		return nil, 0, errors.New("an empty statement")
	}
	kind, _, _ := strings.Cut(text[0], " ")
	l := &lines{text: text}
	var s Statement
	switch kind {
	case kindRoot:
		s = readRoot(l)
	case kindPost:
		s = readPost(l)
	case kindPeriod:
		s = readLetterKey(l)
	case kindOffice:
		s = readOffice(l)
	case kindPerson:
		s = readPerson(l)
	case kindKey:
		s = readKey(l)
	case kindGrant:
		s = readGrant(l)
	case kindRoles:
		s = readRoles(l)
	case kindHolder:
		s = readHolder(l)
	case kindEnd:
		s = readEnd(l)
	case kindSuspend:
		s = readSuspend(l)
	case kindRestore:
		l.known = []string{kindRestore}
		s = Restore{l.subject(kindRestore)}
	case kindRevoke:
		s = readRevoke(l)
	case kindChecked:
		s = readChecked(l)
	case kindReserve:
		s = readReserve(l)
	case kindMinimize:
		s = readMinimize(l)
	default:
		return nil, 0, fmt.Errorf("a statement %.40q is not known: %w", kind, ErrOlder)
	}
	if l.err == nil {
		s = readIssued(l, s)
	}
	if l.err == nil && l.at < len(text) {
		l.at++
		l.unexpected(text[l.at-1], "the end of the statement")
	}
	if l.err != nil {
		return nil, l.faulty, l.err
	}
	written := strings.Split(strings.TrimSuffix(string(s.Text()), "\n"), "\n")
	for i := range text {
		if i >= len(written) || written[i] != text[i] {
			return nil, i, fmt.Errorf("%.60q is not how this is written", text[i])
		}
	}
	return s, 0, nil
}

func readRoot(l *lines) Root {
	l.known = []string{"root", "threshold", "officer"}
	if l.field("root") != "" {
		l.fail(errors.New("root stands alone in its line"))
	}
	r := Root{Threshold: int(l.number("threshold", MaxOfficers))}
	for l.next("officer") {
		number, _, _ := strings.Cut(strings.TrimPrefix(l.text[l.at], "officer "), " ")
		n, err := strconv.ParseUint(number, 10, 31)
		o := Officer{Number: int(n), Key: l.key("officer " + number)}
		switch {
		case l.err != nil:
			return r
		case err != nil || n == 0 || (len(r.Officers) > 0 && o.Number <= r.Officers[len(r.Officers)-1].Number):
			l.fail(fmt.Errorf("officer %.40q: numbers rise, from 1", number))
		case len(r.Officers) == MaxOfficers:
			l.fail(fmt.Errorf("more than %d officers", MaxOfficers))
		}
		r.Officers = append(r.Officers, o)
	}
	if l.at == len(l.text) && r.Threshold > len(r.Officers) {
		l.fail(fmt.Errorf("%d officers cannot make a threshold of %d", len(r.Officers), r.Threshold))
	}
	return r
}

func (l *lines) postName(field string) string {
	name := l.field(field)
	if l.err == nil {
		if err := telegram.CheckPostName(name); err != nil {
			l.fail(err)
		}
	}
	return name
}

func readPost(l *lines) Post {
	l.known = []string{"post", "route", "identity", "register", "login", "signed"}
	p := Post{Name: l.postName("post")}
	route := l.field("route")
	var err error
	if p.Route, err = telegram.ParseRoute(route); err != nil {
		l.fail(err)
	}
	p.Identity = l.key("identity")
	p.Register = l.key("register")
	p.Login = l.field("login")
	if l.err == nil {
		if _, err := loginKey(p.Login); err != nil {
			l.fail(err)
		}
	}
	p.Signature = l.signature("signed")
	return p
}

func readLetterKey(l *lines) LetterKey {
	l.known = []string{"period", "id", "x-wing", "from", "until", "signed"}
	k := LetterKey{Post: l.postName("period")}
	id, err := hex.DecodeString(l.field("id"))
	if err != nil || len(id) != len(k.ID) {
		l.fail(errors.New("the id of a letter key has eight hexadecimal digits"))
	}
	copy(k.ID[:], id)
	k.XWing = l.bytes("x-wing")
	if l.err == nil {
		if err := checkXWing(k.XWing); err != nil {
			l.fail(err)
		}
	}
	k.NotBefore, k.NotAfter = l.time("from"), l.time("until")
	if l.err == nil && !k.NotBefore.Before(k.NotAfter) {
		l.fail(errors.New("the letter key is valid at no time"))
	}
	k.Signature = l.signature("signed")
	return k
}

func readOffice(l *lines) Office {
	l.known = []string{"office"}
	a, err := telegram.ParseAddress(l.field("office"))
	if err != nil {
		l.fail(err)
	}
	return Office{a}
}

func readPerson(l *lines) Person {
	l.known = []string{"person", "post", "role"}
	return Person{Number: uint32(l.number("person", math.MaxUint32)), Post: l.postName("post"), Roles: l.roles()}
}

func readKey(l *lines) Key {
	l.known = []string{"key", "ed25519", "ml-dsa-44", "after", "from", "signed", "continued"}
	k := Key{Ref: l.ref("key"), Key: l.key("")}
	if l.next("after") {
		after := l.ref("after")
		if l.err == nil && (after.Person != k.Ref.Person || after.Key+1 != k.Ref.Key) {
			l.fail(fmt.Errorf("key %v cannot come after key %v", k.Ref, after))
		}
		k.After, k.From = after.Key, l.time("from")
	}
	k.Signature = l.signature("signed")
	if k.After != 0 {
		k.Continuity = l.signature("continued")
	}
	return k
}
