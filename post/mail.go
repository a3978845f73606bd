package post

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/circuit"
	"chancery.example/chancery/desk"
	"chancery.example/chancery/eml"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// Mail writes a telegram as a mail (see package eml), by this post's own number; year 0 is this year. What the post keeps for itself does not stand
// in it: department, numbered copies, how it is filed, and its own incoming number.
func (p *Post) Mail(ctx context.Context, way archive.Way, year int, number uint32) ([]byte, error) {
	f, r, err := p.filed(ctx, way, year, number)
	if err != nil {
		return nil, err
	}
	m := &eml.Mail{Telegram: *r.Telegram, Numbers: &r.Numbers}
	m.Telegram.Seed = [32]byte{}
	_, m.Root = r.Telegram.Roots()
	err = p.db.Read(ctx, func(tx *store.Tx) (err error) {
		if f.Way == archive.In {
			m.For = p.config.Name
			m.Specials, err = arrivedSpecials(tx, f, p.config.Name)
		} else {
			m.Specials, err = sentSpecials(tx, f, r.Telegram)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	b, err := eml.Write(m)
	if err != nil {
		return nil, fmt.Errorf("writing number %s of %d (%s) as a mail: %w", telegram.NumberText(f.Number), f.Year, f.Way, err)
	}
	return b, nil
}

// sentSpecials are the special numbers that a telegram took, as far as it has been enciphered.
func sentSpecials(tx *store.Tx, f *archive.Filed, t *telegram.Telegram) (all []eml.Special, err error) {
	ds, err := circuit.Deliveries(tx, f.ID)
	if err != nil {
		return nil, err
	}
	for _, post := range t.AddressedPosts() {
		i := slices.IndexFunc(ds, func(d circuit.Delivery) bool { return d.Post == post })
		if i < 0 {
			continue
		}
		wire, err := circuit.OnTheWire(tx, post, ds[i].Serial)
		if err != nil {
			return nil, err
		}
		s := eml.Special{Post: post}
		for _, w := range wire {
			s.Numbers = append(s.Numbers, w.Special)
		}
		if len(wire) > 0 {
			all = append(all, s)
		}
	}
	return all, nil
}

// arrivedSpecials are the special numbers under which a telegram came here.
func arrivedSpecials(tx *store.Tx, f *archive.Filed, here string) ([]eml.Special, error) {
	var written string
	if err := tx.QueryRow("select specials from arrival where of = $1", f.ID).Scan(&written); err != nil {
		return nil, fmt.Errorf("reading how it came: %w", err)
	}
	s := eml.Special{Post: here}
	for w := range strings.SplitSeq(written, ",") {
		n, err := strconv.ParseUint(w, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("reading how it came: %w", err)
		}
		s.Numbers = append(s.Numbers, uint32(n))
	}
	return []eml.Special{s}, nil
}

// FormOfMail makes a draft of a mail, for a post, and says what of the mail is not in it. Such a draft is a new one: it has none of the mail's numbers,
// times and people. Whatever else the mail says it says, or it is refused.
func FormOfMail(mail []byte, post string) (form *desk.Form, left []string, err error) {
	m, err := eml.Parse(mail)
	if err != nil {
		return nil, nil, err
	}
	left = m.LeftOut
	t := m.Telegram
	if t.Drafter != (telegram.KeyRef{}) || m.Numbers != nil {
		left = append(left, "its numbers and times, who drafted and who released it: a draft is new")
	}
	t.DTG, t.Drafter, t.Releaser, t.Released, t.RegisterBy = 0, telegram.KeyRef{}, telegram.KeyRef{}, 0, 0
	if t.From.Post != post {
		if t.From.Post != "" {
			left = append(left, fmt.Sprintf("the sender %s, who is no office of this post", t.From))
			if len(t.References) > 0 {
				// The same numbers said by this post would be other telegrams.
				left = append(left, fmt.Sprintf("what it cites, by the serials that %s has", t.From.Post))
				t.References = nil
			}
		}
		t.From.Office = ""
	}
	t.From.Post = ""
	t.References = slices.Clone(t.References)
	for i := range t.References {
		t.References[i].Root = telegram.Root{} // the post finds it anew
	}
	for _, id := range m.Answers {
		// A telegram is cited by the serial that it has for the post that cites it, and one of the post's own by the first addressee's.
		if id.To != post && (id.From != post || id.To != t.To[0].Post) {
			left = append(left, fmt.Sprintf("that it answers %s, which went to %s", id, id.To))
			continue
		}
		t.References = append(t.References, telegram.Reference{Act: telegram.Refers, Post: id.From, Year: id.Year, Serial: id.Serial})
	}
	form = &desk.Form{Telegram: t}
	again, err := desk.ParseForm(strings.NewReader(form.String()))
	if err == nil {
		err = sameDraft(&form.Telegram, &again.Telegram)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("a draft cannot say what the mail says: %w", err)
	}
	return form, left, nil
}

// sameDraft compares what a mail says with what a draft makes of it: a draft has no spaces at the ends of its lines, for instance.
func sameDraft(mail, draft *telegram.Telegram) error {
	a, b := reflect.ValueOf(*mail), reflect.ValueOf(*draft)
	for i := range a.NumField() {
		x, y := a.Field(i), b.Field(i)
		if x.Kind() == reflect.Slice && x.Len() == 0 && y.Len() == 0 {
			continue
		}
		if !reflect.DeepEqual(x.Interface(), y.Interface()) {
			return errors.New("its " + strings.ToLower(a.Type().Field(i).Name) + " would be another. Write the draft as a text")
		}
	}
	return nil
}
