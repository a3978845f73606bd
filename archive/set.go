package archive

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Set sets the telegram as a sheet, in the sender's registry form: the form that ReadSheet reads.
func (t *SheetTelegram) Set() string {
	var b strings.Builder
	line := func(format string, a ...any) { fmt.Fprintf(&b, format+"\n", a...) }
	if t.Banner != "" {
		line("%s\n", t.Banner)
	}
	if t.Originator != "" || t.RegisterNumber != "" {
		line("%s No. %s\n", t.Originator, t.RegisterNumber)
	}
	if t.Received != "" {
		line("%s\n", strings.TrimSpace(t.Department+" Received "+setTime(t.Received)))
	} else if t.Department != "" {
		line("%s\n", t.Department)
	}
	if t.Dispatched != "" {
		line("Dispatched %s\n", setTime(t.Dispatched))
	}
	if len(t.SpecialNumbers) > 0 {
		line("Special No. %s\n", t.setSpecials())
	}
	t.setHeading(&b)
	t.setBody(&b)
	t.setAttachments(&b)
	if len(t.Copies) > 0 {
		line("\nCopies: %s", strings.Join(t.Copies, ", "))
	}
	if t.Banner != "" {
		line("\n%s", t.Banner)
	}
	return b.String()
}

// setSpecials sets the special numbers, on as many lines as they need: what is longer than a registry's line is read as text.
func (t *SheetTelegram) setSpecials() string {
	var lines []string
	for some := range slices.Chunk(t.SpecialNumbers, 10) {
		lines = append(lines, strings.Join(some, ","))
	}
	return strings.Join(lines, ",\n")
}

func (t *SheetTelegram) setHeading(b *strings.Builder) {
	if t.Type != "" {
		fmt.Fprintln(b, t.Type)
	}
	for _, a := range t.To {
		fmt.Fprintf(b, "To %s To %s\n", a.Place, a.Office)
	}
	for _, a := range t.Info {
		fmt.Fprintf(b, "Info %s To %s\n", a.Place, a.Office)
	}
	b.WriteByte('\n')
	marks := t.Handling
	if t.Precedence.Marking != "" {
		at := len(marks)
		// The first marking is read as the precedence, and a caveat may have the words of one.
		if slices.ContainsFunc(marks, func(h string) bool { _, level := precedenceLevel(h); return level != "" }) {
			at = 0
		}
		marks = slices.Insert(slices.Clone(marks), at, t.Precedence.Marking)
	}
	for _, m := range marks {
		fmt.Fprintln(b, m)
	}
	b.WriteByte('\n')
}

func (t *SheetTelegram) setBody(b *strings.Builder) {
	if t.Serial != "" {
		fmt.Fprintf(b, "%s. ", t.Serial)
	}
	fmt.Fprintf(b, "%s\n", t.Text)
	if t.Signature != "" {
		fmt.Fprintf(b, "%s.\n", strings.TrimSuffix(t.Signature, "."))
	}
	if at, err := time.Parse("2006-01-02", t.Signed); err == nil {
		// Two digits of the year are enough beside a day that has all four.
		year := at.Format("2006")
		for _, other := range []string{t.Received, t.Dispatched} {
			if near, err := time.Parse("2006", other[:min(4, len(other))]); err == nil && near.Year()-at.Year() < 50 && at.Year()-near.Year() < 50 {
				year = at.Format("06")
				break
			}
		}
		fmt.Fprintf(b, "%d/%s-%s\n", at.Day(), roman[at.Month()], year)
	}
}

var roman = [...]string{"", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"}

// setTime sets 1950-12-07T19:10 as two lines, as the form has it.
func setTime(s string) string {
	at, err := time.Parse("2006-01-02T15:04", s)
	if err != nil {
		return s
	}
	return fmt.Sprintf("%02d hours %02d minutes\n%d/%s.%d", at.Hour(), at.Minute(), at.Day(), roman[at.Month()], at.Year())
}

// Incoming is what the receiving post's registry adds to a telegram.
type Incoming struct {
	Post       string `json:"post"`
	Number     string `json:"number"` // its own incoming number
	From       string `json:"from"`   // the post that sent it
	Received   string `json:"received"`
	Deciphered string `json:"deciphered"`
}

// SetIncoming sets the telegram as a sheet in the receiver's registry form: the receiver's own number and times, and beside them the
// sender's numbers.
func (t *SheetTelegram) SetIncoming(in *Incoming) string {
	var b strings.Builder
	if t.Banner != "" {
		fmt.Fprintf(&b, "%s\n\n", t.Banner)
	}
	fmt.Fprintf(&b, "%s Incoming No. %s\n\n", in.Post, in.Number)
	fmt.Fprintf(&b, "Received %s\n\nDeciphered %s\n\n", setTime(in.Received), setTime(in.Deciphered))
	fmt.Fprintf(&b, "From %s %s No. %s\n", in.From, t.Originator, t.RegisterNumber)
	if len(t.SpecialNumbers) > 0 {
		fmt.Fprintf(&b, "Special No. %s\n", t.setSpecials())
	}
	b.WriteByte('\n')
	t.setHeading(&b)
	t.setBody(&b)
	t.setAttachments(&b)
	if len(t.Copies) > 0 {
		fmt.Fprintf(&b, "\nCopies: %s\n", strings.Join(t.Copies, ", "))
	}
	if t.Banner != "" {
		fmt.Fprintf(&b, "\n%s\n", t.Banner)
	}
	return b.String()
}
