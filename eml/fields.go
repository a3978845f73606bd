package eml

import (
	"errors"
	"fmt"
	"net/mail"
	"slices"
	"strconv"
	"strings"

	"chancery.example/chancery/telegram"
)

func blind(s string) error {
	if as, err := mailboxes(s); err != nil || len(as) > 0 {
		return errors.New("a telegram has no blind addressees: whom it goes to, all can read. Move them to Cc, or take them out")
	}
	return nil
}

func parseDate(s string) (int64, error) {
	at, err := mail.ParseDate(s)
	if err != nil {
		return 0, fmt.Errorf("%q is no date of a mail: write it as in  Mon, 07 Dec 2026 17:10:00 +0000", shorten(s))
	}
	if _, ok := date(at.Unix()); !ok {
		return 0, fmt.Errorf("%q lies outside the years 1900 to 9999", shorten(s))
	}
	return at.Unix(), nil
}

// from reads the sender. A foreign mail may be from anybody; only an office is taken.
func (r *reader) from(s string) error {
	as, err := mailboxes(s)
	if err == nil && len(as) == 1 && (as[0].local != "" || as[0].domain != "") {
		r.m.Telegram.From, err = r.address(&as[0])
	} else if err == nil {
		err = errors.New("it is not from one office")
	}
	if err != nil && !r.ours {
		r.m.Telegram.From = telegram.Address{}
		r.leave("the sender, who is no office@post")
		return nil
	}
	return err
}

// address gives an office. A name beside it is left out: people's names do not travel.
func (r *reader) address(m *mailbox) (a telegram.Address, err error) {
	if m.name != "" {
		r.leave("names beside addresses: people's names do not travel")
	}
	a.Office = m.local
	if a.Post, err = postOf(m.domain); err != nil {
		return a, err
	}
	return telegram.ParseAddress(a.String())
}

func (r *reader) addressees(s string) (list []telegram.Addressee, err error) {
	as, err := mailboxes(s)
	if err != nil {
		return nil, err
	}
	for i := range as {
		if as[i].local == "" && as[i].domain == "" {
			r.leave("groups of addresses that name nobody")
			continue
		}
		a, err := r.address(&as[i])
		if err != nil {
			return nil, err
		}
		if len(list) == telegram.MaxAddressees {
			return nil, fmt.Errorf("at most %d addressees are possible", telegram.MaxAddressees)
		}
		list = append(list, telegram.Addressee{Address: a})
	}
	return list, nil
}

// word reads a number or one of the words for it, and a comment behind it that must not say another (RFC 6477 section 4).
func word(s string, words []string) (n int, err error) {
	ts, comments, err := lex(s)
	if err != nil {
		return 0, err
	}
	if len(ts) != 1 || ts[0].kind != 'a' {
		return 0, fmt.Errorf("%q is neither a number nor one of %s", shorten(s), strings.Join(words, ", "))
	}
	is := func(w string) func(string) bool { return func(x string) bool { return strings.EqualFold(x, w) } }
	n, err = strconv.Atoi(ts[0].text)
	if err != nil || strconv.Itoa(n) != ts[0].text || n < 0 {
		if n = slices.IndexFunc(words, is(ts[0].text)); n < 0 {
			return 0, fmt.Errorf("%q is neither a number nor one of %s", shorten(s), strings.Join(words, ", "))
		}
	}
	for _, c := range comments {
		if i := slices.IndexFunc(words, is(strings.TrimSpace(c))); i >= 0 && i != n {
			return 0, fmt.Errorf("%q says one thing and another: %d is not %s", shorten(s), n, words[i])
		}
	}
	return n, nil
}

func precedence(s string) (*telegram.Precedence, error) {
	var words []string
	for p := telegram.Deferred; p <= telegram.Override; p++ {
		words = append(words, p.String())
	}
	n, err := word(s, words)
	if err == nil && n >= len(words) {
		err = fmt.Errorf("a telegram has no precedence %d: use one of %s", n, strings.Join(words, ", "))
	}
	p := telegram.Precedence(min(n, len(words)))
	return &p, err
}

func (r *reader) messageType(s string) error {
	value, param, named := strings.Cut(s, ";")
	if param = strings.TrimSpace(param); named && param != "" {
		p, err := params(param)
		if err != nil {
			return err
		}
		if _, ok := p["identifier"]; !ok || len(p) > 1 {
			return fmt.Errorf("%q is no name of an exercise: write  identifier=\"…\"", shorten(param))
		}
		r.leave("the name that MMHS-Message-Type gives it")
	}
	words := []string{"exercise", "operation", "project", "drill"}
	n, err := word(value, words)
	if err != nil {
		return err
	}
	for t, x := range types {
		if x.number == n {
			r.m.Telegram.Type = telegram.Type(t)
			return nil
		}
	}
	what := strconv.Itoa(n)
	if n < len(words) {
		what = words[n]
	}
	return fmt.Errorf("a telegram has no type %s: it is operation, exercise or drill", what)
}

func (r *reader) codes(s string) error {
	for c := range strings.SplitSeq(s, ";") {
		if len(r.m.Telegram.Codes) == telegram.MaxCodes {
			return fmt.Errorf("at most %d subject codes are possible", telegram.MaxCodes)
		}
		r.m.Telegram.Codes = append(r.m.Telegram.Codes, strings.Trim(c, " \t"))
	}
	return nil
}

// released reads when a telegram was released. Of a foreign mail it says nothing to a draft.
func (r *reader) released(s string) error {
	at, err := parseDate(s)
	if r.ours {
		r.m.Telegram.Released = at
	} else {
		r.leave("who has authorised it, and when: a telegram is released by an officer of the post")
	}
	return err
}

// authorizing reads the releaser's number, and holds it against Chancery-Releaser later.
func (r *reader) authorizing(s string) error {
	as, err := mailboxes(s)
	if err != nil {
		return err
	}
	if !r.ours {
		r.leave("who has authorised it, and when: a telegram is released by an officer of the post")
		return nil
	}
	if len(as) != 1 {
		return errors.New("one officer releases a telegram")
	}
	n, _ := strconv.ParseUint(as[0].local, 10, 32)
	if strconv.FormatUint(n, 10) != as[0].local || as[0].domain != domain(r.m.Telegram.From.Post, false) {
		return fmt.Errorf("%q is no officer's number at the sender's post", shorten(s))
	}
	r.releaser = uint32(n)
	return nil
}

func keyRef(to *telegram.KeyRef) func(string) error {
	return func(s string) error { return to.UnmarshalText([]byte(s)) }
}

func (r *reader) urgency(s string) error {
	if !strings.EqualFold(s, immediately) {
		return fmt.Errorf("%q is no urgency of an act: write  %s , or leave it out", shorten(s), immediately)
	}
	r.m.Telegram.Urgency = telegram.Immediately
	return nil
}

func (r *reader) minimize(s string) error {
	if !strings.EqualFold(s, considered) {
		return fmt.Errorf("%q says nothing about MINIMIZE: write  %s , or leave it out", shorten(s), considered)
	}
	r.m.Telegram.Considered = true
	return nil
}

func (r *reader) asks(s string) error {
	for w := range strings.SplitSeq(s, ",") {
		i := slices.IndexFunc(asks, func(a string) bool { return strings.EqualFold(strings.TrimSpace(w), a) })
		if i < 0 {
			return fmt.Errorf("a telegram cannot ask for %q: use %s", shorten(w), strings.Join(asks, ", "))
		}
		r.m.Telegram.Asks |= 1 << i
	}
	return nil
}

// precedences reads those of single addressees. It is read after all that says who they are and what the others have.
func (r *reader) precedences(s string) error {
	ts, _, err := lex(s)
	if err != nil {
		return err
	}
	p := &addressReader{ts: ts}
	seen := map[telegram.Address]bool{}
	for len(p.ts) > 0 {
		if len(seen) > 0 && !p.take(',') {
			return errors.New("addresses and their precedences are separated by commas")
		}
		m, err := p.mailbox(nil)
		if err != nil {
			return err
		}
		a, err := r.address(&m)
		if err != nil {
			return err
		}
		w := p.words()
		if len(w) != 1 {
			return fmt.Errorf("%s has no precedence here: write it behind the address in angle brackets", a)
		}
		v, err := telegram.ParsePrecedence(w[0].text)
		if err != nil {
			return err
		}
		own := r.addressee(a)
		if own == nil || seen[a] {
			return fmt.Errorf("%s is no addressee, or stands there twice", a)
		}
		own.Precedence, seen[a] = v, true
	}
	return nil
}

func (r *reader) addressee(a telegram.Address) *telegram.Addressee {
	for _, as := range [][]telegram.Addressee{r.m.Telegram.To, r.m.Telegram.Info} {
		for i := range as {
			if as[i].Address == a {
				return &as[i]
			}
		}
	}
	return nil
}

// spread gives the two precedences of RFC 6477 to the addressees: routine where there is none, and to the copies the primary one.
func (r *reader) spread() {
	primary := telegram.Routine
	if r.primary != nil {
		primary = *r.primary
	}
	copied := primary
	if r.copied != nil {
		copied = *r.copied
	}
	for i := range r.m.Telegram.To {
		r.m.Telegram.To[i].Precedence = primary
	}
	for i := range r.m.Telegram.Info {
		r.m.Telegram.Info[i].Precedence = copied
	}
}

func (r *reader) references(s string) error {
	r.cites = true
	for item := range strings.SplitSeq(s, ",") {
		w := strings.Fields(item)
		if len(w) != 3 && len(w) != 4 {
			return fmt.Errorf("%q cites nothing: write  acknowledges MOSCOW 2231/2026", shorten(item))
		}
		var x telegram.Reference
		err := x.Act.UnmarshalText([]byte(w[0]))
		if err == nil {
			x.Post, err = postOf(w[1])
		}
		number, year, _ := strings.Cut(w[2], "/")
		if err == nil {
			x.Serial, err = telegram.ParseNumber(number)
		}
		y, err2 := strconv.ParseUint(year, 10, 16)
		if x.Year = uint16(y); err == nil && len(w) == 4 {
			err = x.Root.UnmarshalText([]byte(w[3]))
		}
		if err = errors.Join(err, err2); err != nil {
			return fmt.Errorf("%q cites nothing: write  acknowledges MOSCOW 2231/2026 (%w)", shorten(item), err)
		}
		r.m.Telegram.References = append(r.m.Telegram.References, x)
	}
	return nil
}

func (r *reader) serials(s string) error {
	for item := range strings.SplitSeq(s, ",") {
		w := strings.Fields(item)
		if len(w) != 2 {
			return fmt.Errorf("%q is no serial: write  BEIJING 2522", shorten(item))
		}
		post, err := postOf(w[0])
		n, err2 := telegram.ParseNumber(w[1])
		if err := errors.Join(err, err2); err != nil {
			return err
		}
		r.numbers.Serials = append(r.numbers.Serials, telegram.Serial{Post: post, Number: n})
	}
	return nil
}

func (r *reader) specials(s string) error {
	for item := range strings.SplitSeq(s, ",") {
		w := strings.Fields(item)
		if len(w) < 2 {
			return fmt.Errorf("%q has no special number: write  BEIJING 1691 1692", shorten(item))
		}
		post, err := postOf(w[0])
		if err != nil {
			return err
		}
		x := Special{Post: post}
		for _, number := range w[1:] {
			n, err := strconv.ParseUint(number, 10, 32)
			if err != nil {
				return fmt.Errorf("%q is no special number", shorten(number))
			}
			x.Numbers = append(x.Numbers, uint32(n))
		}
		r.m.Specials = append(r.m.Specials, x)
	}
	return nil
}

func (r *reader) root(s string) error { return r.m.Root.UnmarshalText([]byte(s)) }
