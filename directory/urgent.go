package directory

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"chancery.example/chancery/telegram"
)

// This file has what is stated of precedence: that flash and override are for those who have a role for them, and that traffic is restricted for
// a time.

// Reserve says that from a time on who releases at flash needs the role flash, or override, and at override the role override. Only the root states
// it, once. Before it, and in a list without it, whoever may release may release at any precedence.
type Reserve struct{ From time.Time } // in whole seconds

// Minimize says that for a time only what must goes from and to an area: ACP 121's MINIMIZE. What is below priority is handed over only when it is
// marked. It ends by itself. Of several for the same area the one that begins last counts, so a new one also ends or lengthens an old one.
type Minimize struct {
	Area  []string  // posts, by rising name, at most MaxArea; none: all
	From  time.Time // in whole seconds
	Until time.Time // at most LongestMinimize later
	Why   string
}

// The bounds of a Minimize.
const (
	MaxArea         = 64
	LongestMinimize = 30 * 24 * time.Hour
)

const (
	kindReserve  = "reserve"
	kindMinimize = "minimize"

	reserved = "flash" // and what is above it
)

func (Reserve) kind() string  { return kindReserve }
func (Minimize) kind() string { return kindMinimize }

// Body is the whole text.
func (r Reserve) Body() []byte {
	return line(line(nil, kindReserve, reserved), "from", r.From.UTC().Format(timeLayout))
}

// Text is the statement as it is written.
func (r Reserve) Text() []byte { return r.Body() }

// Body is the whole text.
func (m Minimize) Body() []byte {
	b := line(nil, kindMinimize)
	for _, post := range m.Area {
		b = line(b, "area", post)
	}
	b = line(b, "from", m.From.UTC().Format(timeLayout))
	b = line(b, "until", m.Until.UTC().Format(timeLayout))
	return line(b, "why", m.Why)
}

// Text is the statement as it is written.
func (m Minimize) Text() []byte { return m.Body() }

// Has says whether a post lies in the area.
func (m *Minimize) Has(post string) bool { return len(m.Area) == 0 || slices.Contains(m.Area, post) }

func readReserve(l *lines) Reserve {
	l.known = []string{kindReserve, "from"}
	if what := l.field(kindReserve); l.err == nil && what != reserved {
		l.fail(fmt.Errorf("%.40q is not reserved by this version: %w", what, ErrOlder))
	}
	return Reserve{l.time("from")}
}

func readMinimize(l *lines) Minimize {
	l.known = []string{kindMinimize, "area", "from", "until", "why"}
	if l.field(kindMinimize) != "" {
		l.fail(errors.New("minimize stands alone in its line"))
	}
	var m Minimize
	for l.next("area") {
		post := l.postName("area")
		if n := len(m.Area); l.err == nil && (n == MaxArea || n > 0 && m.Area[n-1] >= post) {
			l.fail(fmt.Errorf("area %s: an area has at most %d posts, each once, by rising name", post, MaxArea))
		}
		m.Area = append(m.Area, post)
	}
	m.From, m.Until, m.Why = l.time("from"), l.time("until"), l.why()
	if d := m.Until.Sub(m.From); l.err == nil && (d <= 0 || d > LongestMinimize) {
		l.fail(fmt.Errorf("it lasts at least a second and at most %d days: state it again if it must go on", int(LongestMinimize/(24*time.Hour))))
	}
	return m
}

// allowMinimize: two people of one post. One of them is a duty officer, or both are its administrators and the area is that post.
func (d *Directory) allowMinimize(i Issued, m Minimize) error {
	if i.Post != "" {
		return errors.New("an order to minimize is not counted: it is entered when it is needed")
	}
	if len(i.By) != 2 || i.By[0].Key.Person >= i.By[1].Key.Person {
		return errors.New("two people issue it together, in the order of their numbers")
	}
	post := d.people[i.By[0].Key.Person]
	if post == nil {
		return fmt.Errorf("the directory knows no person %d", i.By[0].Key.Person)
	}
	duty := false
	for _, by := range i.By {
		switch err := d.issuer(Administrator, by, post.Post, m.From); {
		case d.issuer(Duty, by, post.Post, m.From) == nil:
			duty = true
		case err != nil:
			return fmt.Errorf("%w, and no duty officer of it", err)
		}
	}
	if !duty && !slices.Equal(m.Area, []string{post.Post}) {
		return fmt.Errorf("two administrators minimize for their own post %s; for others one of the two is a duty officer", post.Post)
	}
	return nil
}

func (d *Directory) indexReserve(r Reserve) error {
	if !d.reserved.IsZero() {
		return errors.New("flash and override are reserved already")
	}
	d.reserved = r.From
	return nil
}

func (d *Directory) indexMinimize(m Minimize) error {
	for _, post := range m.Area {
		if _, err := d.stated(post); err != nil {
			return err
		}
	}
	d.minimized = append(d.minimized, m)
	return nil
}

// Reserved says from when on flash and override are reserved; ok is false if they are not.
func (d *Directory) Reserved() (from time.Time, ok bool) { return d.reserved, !d.reserved.IsZero() }

// MayReleaseAt says why a key is not entitled to release at a precedence, which it must be besides being a releaser's: see [Reserve].
func (d *Directory) MayReleaseAt(p telegram.Precedence, ref telegram.KeyRef, post string, at time.Time) error {
	if p < telegram.Flash || d.reserved.IsZero() || at.Before(d.reserved) {
		return nil
	}
	err := d.May(AtOverride, ref, post, at)
	if err != nil && p == telegram.Flash {
		err = d.May(AtFlash, ref, post, at)
	}
	if err == nil {
		return nil
	}
	return fmt.Errorf("person %d of %s may not release at %v, which the directory reserves since %s: somebody who has the role releases it, or it is graded down", ref.Person, post, p, d.reserved.Format(timeLayout))
}

// Minimized gives the orders to minimize that are in force at a time, in the order in which they were stated.
func (d *Directory) Minimized(at time.Time) (out []Minimize) {
	for i, m := range d.minimized {
		if at.Before(m.From) || !at.Before(m.Until) {
			continue
		}
		overtaken := func(x Minimize) bool {
			return slices.Equal(x.Area, m.Area) && !at.Before(x.From) && (x.From.After(m.From) || x.From.Equal(m.From) && x.Until.After(m.Until))
		}
		same := func(x Minimize) bool {
			return slices.Equal(x.Area, m.Area) && x.From.Equal(m.From) && x.Until.Equal(m.Until)
		}
		if !slices.ContainsFunc(d.minimized, overtaken) && !slices.ContainsFunc(d.minimized[:i], same) {
			out = append(out, m)
		}
	}
	return out
}
