package eml

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"chancery.example/chancery/telegram"
)

// Mail is a telegram as a mail says it.
type Mail struct {
	Telegram telegram.Telegram // without its seed, which never stands in a mail
	Numbers  *telegram.Numbers // nil before it is registered
	For      string            // the addressed post whose serial is in the Message-ID; of a registered one the first action addressee's, unless another is said
	Specials []Special         // in the order of the addressed posts, as far as they are known
	Root     telegram.Root     // R, zero where it is not known

	// What only Parse gives.
	Answers []ID     // the telegrams of this system that a mail answers which does not itself say what it does to them
	LeftOut []string // what stands in the mail and in no telegram, in words
}

// Special is the special numbers that a telegram's sections took for one post.
type Special struct {
	Post    string
	Numbers []uint32
}

// Bounds of a mail. The largest telegram stays within them.
const (
	MaxMail   = 32 << 20 // bytes of the whole
	maxHeader = 1 << 20  // bytes of one header
	maxFields = 1 << 12  // fields of one header
	maxParts  = telegram.MaxBlocks + 1
	maxNested = 8 // multiparts within multiparts of one message
)

// check says what is wrong with a telegram that may lack what a mail does not say, or a draft not yet.
func check(t *telegram.Telegram) error {
	c := *t
	c.Seed = [32]byte{1}
	if c.Drafter == (telegram.KeyRef{}) {
		c.Drafter = telegram.KeyRef{Person: 1, Key: 1}
	}
	if c.From == (telegram.Address{}) {
		c.From = telegram.Address{Office: "X", Post: "X"}
	}
	c.References = slices.Clone(t.References)
	for i := range c.References { // a mail, or a draft, may not know R
		if r := &c.References[i]; r.Act.OnOne() && t.On().Root == (telegram.Root{}) {
			r.Root = telegram.Root{1}
		}
	}
	return c.Check()
}

// checkNumbers holds what is said of the numbers against each other.
func (m *Mail) checkNumbers() error {
	posts := m.Telegram.AddressedPosts()
	if m.Numbers != nil {
		if err := m.Numbers.Check(&m.Telegram); err != nil {
			return err
		}
		if m.For == "" {
			m.For = posts[0]
		}
	}
	if m.For != "" && (m.Numbers == nil || !slices.Contains(posts, m.For)) {
		return fmt.Errorf("it has no serial for %s", m.For)
	}
	last := -1
	for _, s := range m.Specials {
		at := slices.Index(posts, s.Post)
		if at <= last || len(s.Numbers) == 0 || slices.Contains(s.Numbers, 0) {
			return errors.New("the special numbers are not those of the addressed posts, in their order")
		}
		last = at
	}
	return nil
}

// instant writes a time as the fields of this format have it; ok is false for one that lies outside the years of four digits.
func instant(at int64) (s string, ok bool) {
	t := time.Unix(at, 0).UTC()
	return t.Format(time.RFC3339), t.Year() >= 0 && t.Year() <= 9999
}

func parseInstant(s string) (int64, error) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || t.Unix() == 0 {
		return 0, fmt.Errorf("%q is no time: write it as in  2026-12-01T12:00:00Z", shorten(s))
	}
	if at, _ := instant(t.Unix()); at != s {
		return 0, fmt.Errorf("%q is no time of whole seconds in UTC: write it as in  2026-12-01T12:00:00Z", shorten(s))
	}
	return t.Unix(), nil
}

const dateForm = "Mon, 02 Jan 2006 15:04:05 -0700"

// date writes a time as RFC 5322 has it, which knows no year before 1900.
func date(at int64) (s string, ok bool) {
	t := time.Unix(at, 0).UTC()
	return t.Format(dateForm), t.Year() >= 1900 && t.Year() <= 9999
}

// shorten keeps errors readable, whatever stands in a mail.
func shorten(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}
