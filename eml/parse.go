package eml

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"chancery.example/chancery/telegram"
)

// reader reads one mail.
type reader struct {
	m        Mail
	ours     bool // it is in the form that Write writes
	labelled bool // its label was read, and not only its marking
	cites    bool // it says itself what it cites

	primary, copied *telegram.Precedence
	releaser        uint32 // by MMHS-Authorizing-Users
	numbers         telegram.Numbers

	left        []string
	parts, size int // of MIME, and bytes of text
}

// Parse reads a mail: one that Write wrote, whatever mail programs have done to its form on the way, or one of another's making. Its errors are for
// the drafter. What it gives passes telegram.Check but for what a mail does not say: the seed, and of a foreign mail who drafted it and when,
// and the sender where that is no office.
func Parse(b []byte) (*Mail, error) {
	m, err := parse(b)
	if r := []rune(fmt.Sprint(err)); err != nil && len(r) > longest {
		err = errors.New(string(r[:longest]) + "…")
	}
	return m, err
}

const longest = 400 // characters of an error: what is wrong can be very long

func parse(b []byte) (*Mail, error) {
	if len(b) > MaxMail {
		return nil, fmt.Errorf("the mail has more than %d bytes", MaxMail)
	}
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return nil, fmt.Errorf("line %d has a NUL character: this is no mail", 1+bytes.Count(b[:i], []byte("\n")))
	}
	h, rest, err := readHeader(bytes.TrimPrefix(b, []byte("\ufeff")), 1)
	if err != nil {
		return nil, err
	}
	r := &reader{}
	if err := r.header(h); err != nil {
		return nil, err
	}
	if err := r.body(h, rest); err != nil {
		return nil, err
	}
	if err := check(&r.m.Telegram); err != nil {
		return nil, err
	}
	if err := r.agree(h); err != nil {
		return nil, err
	}
	r.unknown(h)
	r.m.LeftOut = r.left
	return &r.m, nil
}

// leave notes once what stands in the mail and not in the telegram.
func (r *reader) leave(what string) {
	if !slices.Contains(r.left, what) && len(r.left) < 100 {
		r.left = append(r.left, what)
	}
}

// unknown notes the fields that nobody asked for.
func (r *reader) unknown(h *header) {
	h.pass("Date", "Message-ID", "MIME-Version", "In-Reply-To", "References")
	names := h.unused()
	const most = 40
	if more := len(names) - most; more > 0 {
		names = append(names[:most], fmt.Sprintf("and %d more", more))
	}
	if len(names) > 0 {
		r.leave("the header fields " + strings.Join(names, ", "))
	}
}

// reads is a field that stands once, and who reads it.
type reads struct {
	name string
	read func(value string) error
}

// set reads a field into what it says.
func set[T any](to *T, read func(string) (T, error)) func(string) error {
	return func(s string) (err error) {
		*to, err = read(s)
		return err
	}
}

// header reads the fields of the mail.
func (r *reader) header(h *header) error {
	if err := r.once(h); err != nil {
		return err
	}
	t := &r.m.Telegram
	for _, x := range []reads{
		{"From", r.from}, {"To", set(&t.To, r.addressees)}, {"Cc", set(&t.Info, r.addressees)}, {"Bcc", blind},
		{"Subject", set(&t.Subject, unstructured)}, {"MMHS-Primary-Precedence", set(&r.primary, precedence)},
		{"MMHS-Copy-Precedence", set(&r.copied, precedence)}, {"MMHS-Message-Type", r.messageType},
		{"MMHS-Subject-Indicator-Codes", r.codes}, {"SIO-Label", r.label}, {"MMHS-Message-Instructions", r.instructions},
		{"MMHS-Extended-Authorisation-Info", r.released}, {"MMHS-Authorizing-Users", r.authorizing},
	} {
		if err := h.take(x.name, x.read); err != nil {
			return err
		}
	}
	if len(t.To) == 0 {
		return errors.New("it has no action addressee: address the mail to an office, as in  To: AMBASSADOR@BEIJING")
	}
	r.spread()
	if !r.ours {
		t.Subject = strings.TrimSpace(t.Subject)
		return nil
	}
	for _, x := range []reads{
		{"Date", set(&t.DTG, parseDate)}, {"Chancery-Precedences", r.precedences}, {"Chancery-Deadline", set(&t.Deadline, parseInstant)},
		{"Chancery-Deskby", set(&t.Deskby, parseInstant)}, {"Chancery-Urgency", r.urgency}, {"Chancery-Minimize", r.minimize}, {"Chancery-Ask", r.asks},
		{"Chancery-References", r.references}, {"Chancery-Signature", set(&t.Signature, unstructured)},
		{"Chancery-Drafter", keyRef(&t.Drafter)}, {"Chancery-Releaser", keyRef(&t.Releaser)},
		{"Chancery-Register-By", set(&t.RegisterBy, parseInstant)}, {"MMHS-Originator-Reference", r.register},
		{"Chancery-Registered", set(&r.numbers.Registered, parseInstant)}, {"Chancery-Serials", r.serials},
		{"Chancery-Special-Numbers", r.specials}, {"Chancery-R", r.root},
	} {
		if err := h.take(x.name, x.read); err != nil {
			return err
		}
	}
	return ownUnknown(h)
}

// once looks at the fields as a whole: which format it is, and whether one contradicts itself.
func (r *reader) once(h *header) error {
	format, ours, err := h.one("Chancery-Format")
	if r.ours = ours; err == nil && ours && format != "1" {
		err = fmt.Errorf("Chancery-Format is %q: this version reads 1", shorten(format))
	}
	for _, name := range []string{"Date", "Message-ID", "In-Reply-To", "References"} {
		if err == nil {
			_, _, err = h.one(name)
		}
	}
	for _, f := range h.fields {
		// RFC 6477 section 3: none of its fields stands twice, whether a telegram has the like or not.
		if err == nil && strings.HasPrefix(strings.ToLower(f.name), "mmhs-") && len(h.by[strings.ToLower(f.name)]) > 1 {
			_, _, err = h.one(f.name)
		}
		if err == nil && !ours && strings.HasPrefix(strings.ToLower(f.name), ownPrefix) {
			err = fmt.Errorf("it has the field %s and no Chancery-Format: add the line  Chancery-Format: 1 , or take it out", shorten(f.name))
		}
	}
	return err
}

const ownPrefix = "chancery-"

// ownUnknown refuses a field of this format that is not known: it would say something that nobody here understands.
func ownUnknown(h *header) error {
	for _, f := range h.fields {
		if strings.HasPrefix(strings.ToLower(f.name), ownPrefix) && !f.used {
			return fmt.Errorf("the field %s, on line %d, is unknown: look at its name, or take it out", shorten(f.name), f.line)
		}
	}
	return nil
}

// agree holds what is said twice against each other.
func (r *reader) agree(h *header) error {
	t := &r.m.Telegram
	if p := r.primary; p != nil && *p != highest(t.To) {
		return fmt.Errorf("MMHS-Primary-Precedence is %s, and the highest of the action addressees is %s: one of them is wrong", *p, highest(t.To))
	}
	if p := r.copied; p != nil && len(t.Info) > 0 && *p != highest(t.Info) {
		return fmt.Errorf("MMHS-Copy-Precedence is %s, and the highest of the info addressees is %s: one of them is wrong", *p, highest(t.Info))
	}
	if r.releaser != t.Releaser.Person {
		return errors.New("MMHS-Authorizing-Users and Chancery-Releaser name different officers")
	}
	if err := r.citations(h); err != nil {
		return err
	}
	if !r.ours {
		return nil
	}
	return r.numbered(h)
}

// citations holds the Message-IDs that the mail answers against what it says of them, or notes them where it says nothing.
func (r *reader) citations(h *header) error {
	known := func(name string) (all []string) {
		value, _, _ := h.one(name) // it stands once: that was looked at
		for _, s := range ids(value) {
			if _, ok := parseID(s); ok && len(all) <= telegram.MaxReferences && !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
		return all
	}
	answered, all := known("In-Reply-To"), known("References")
	if r.cites {
		wantAnswered, wantAll := citations(&r.m.Telegram)
		for _, x := range []struct {
			name      string
			has, want []string
		}{{"In-Reply-To", answered, wantAnswered}, {"References", all, wantAll}} {
			slices.Sort(x.has)
			slices.Sort(x.want)
			if len(x.has) > 0 && !slices.Equal(x.has, x.want) {
				return fmt.Errorf("%s cites other telegrams than Chancery-References does: one of them is wrong", x.name)
			}
		}
		return nil
	}
	if len(answered) == 0 {
		answered = all
	}
	for _, s := range answered {
		id, _ := parseID(s)
		r.m.Answers = append(r.m.Answers, id)
	}
	return nil
}

// register reads the register number and its year.
func (r *reader) register(s string) error {
	number, year, _ := strings.Cut(s, "/")
	n, err := telegram.ParseNumber(number)
	y, err2 := strconv.ParseUint(year, 10, 16)
	r.numbers.Register, r.numbers.Year = n, uint16(y)
	if err != nil || err2 != nil {
		return fmt.Errorf("%q is no register number and year: write  23343/2026", shorten(s))
	}
	return nil
}

// numbered takes the numbers, if there are any: all of them, and of this telegram.
func (r *reader) numbered(h *header) error {
	n := &r.numbers
	some := n.Register != 0 || n.Registered != 0 || len(n.Serials) > 0
	if some {
		r.m.Numbers = n
		if err := n.Check(&r.m.Telegram); err != nil {
			return fmt.Errorf("its numbers: %w", err)
		}
		value, _, _ := h.one("Message-ID") // it stands once: that was looked at
		if id, ok := parseID(strings.Join(ids(value), "")); ok {
			if id.From != r.m.Telegram.From.Post || id.Year != n.Year || id.Serial != n.SerialFor(id.To) {
				return errors.New("Message-ID has another serial than Chancery-Serials: one of them is wrong")
			}
			r.m.For = id.To
		}
	}
	if err := r.m.checkNumbers(); err != nil {
		return fmt.Errorf("its numbers: %w", err)
	}
	return nil
}
