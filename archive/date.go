package archive

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// day is a day as a sheet writes it; what it leaves out is 0.
type day struct {
	year, month, day int
	short            bool // the year has two digits
}

func (d day) known() bool { return d.year > 0 && !d.short }

// String writes as much of the day as is known, and nothing before the year is.
func (d day) String() string {
	switch {
	case !d.known():
		return ""
	case d.month == 0:
		return fmt.Sprintf("%04d", d.year)
	case d.day == 0:
		return fmt.Sprintf("%04d-%02d", d.year, d.month)
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.year, d.month, d.day)
}

// resolve completes a year of two digits, or none, by the year near to which
// the day must lie. Without such a year the century is the twentieth, from
// which the form comes.
func (d day) resolve(near int) day {
	switch {
	case d.month == 0 || d.known():
	case d.year == 0 && !d.short:
		d.year = near
	case near == 0:
		d.year, d.short = 1900+d.year, false
	default:
		d.year, d.short = near-near%100+d.year, false
		if d.year-near > 50 {
			d.year -= 100
		} else if near-d.year > 50 {
			d.year += 100
		}
	}
	return d
}

// after gives the day n days later.
func (d day) after(n int) day {
	t := time.Date(d.year, time.Month(d.month), d.day+n, 0, 0, 0, 0, time.UTC)
	return day{year: t.Year(), month: int(t.Month()), day: t.Day()}
}

// valid tells whether the calendar has the day.
func (d day) valid() bool {
	if d.month < 1 || d.month > 12 || d.day < 1 {
		return false
	}
	year := d.year
	if year == 0 || d.short {
		year = 2000
	}
	return d.day <= time.Date(year, time.Month(d.month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

const monthNames = `(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)`

var (
	romanDay     = regexp.MustCompile(`(?:^|[^\p{L}\d])((\d{1,2}) ?([/.\-– ]) ?([IVXivxlХхІіУуШшПпⅠ-ⅿ|]{1,5}) ?(?:[/.\-–—, ]{1,2} ?'?(\d{4}|\d{2}))?)(?:[^\p{L}\d]|$)`)
	isoDay       = regexp.MustCompile(`(?:^|\D)((\d{4})[-/.](\d{1,2})[-/.](\d{1,2}))(?:\D|$)`)
	numericDay   = regexp.MustCompile(`(?:^|\D)((\d{1,2}) ?[./\-–] ?(\d{1,2}) ?[./\-–] ?(\d{4}|\d{2}))(?:\D|$)`)
	dayThenMonth = regexp.MustCompile(`(?i)(?:^|\D)((\d{1,2})(?:st|nd|rd|th)?(?: of )?[ .\-/]*` + monthNames + `\b\.?,?(?:[ .,\-/]*'?(\d{4}|\d{2})\b)?)`)
	monthThenDay = regexp.MustCompile(`(?i)(?:^|[^\p{L}])(` + monthNames + `\b\.? ?(\d{1,2})(?:st|nd|rd|th)?\b(?:,? ?'?(\d{4}|\d{2})\b)?)`)
	yearFirst    = regexp.MustCompile(`(?i)(?:^|\D)((\d{4}),? ` + monthNames + `\b\.? (\d{1,2})(?:st|nd|rd|th)?\b)`)
	monthAlone   = regexp.MustCompile(`(?i)(?:^|[^\p{L}])(` + monthNames + `\b\.?,? (\d{4})\b)`)
	groupDay     = regexp.MustCompile(`(?i)\b((\d{2})(\d{4}[A-Z]?) ` + monthNames + ` ?(\d{4}|\d{2}))\b`)
)

// span is where something stands in a text.
type span struct{ from, to int }

func (s span) cut(text string) string {
	return strings.TrimSpace(strings.TrimSpace(text[:s.from]) + " " + strings.TrimSpace(text[s.to:]))
}

// findDay finds the first day in a text, however it is written.
func findDay(text string) (day, span, bool) {
	for _, f := range []struct {
		form             *regexp.Regexp
		year, month, day int // the groups, without the whole
	}{
		{isoDay, 2, 3, 4},
		{yearFirst, 2, 3, 4},
		{dayThenMonth, 4, 3, 2},
		{monthThenDay, 4, 2, 3},
		{monthAlone, 3, 2, 0},
		{romanDay, 5, 4, 2},
		{numericDay, 4, 3, 2},
	} {
		m := f.form.FindStringSubmatchIndex(text)
		if m == nil {
			continue
		}
		group := func(n int) string {
			if n == 0 || m[2*n] < 0 {
				return ""
			}
			return text[m[2*n]:m[2*n+1]]
		}
		d := day{month: monthOf(group(f.month))}
		d.day, _ = strconv.Atoi(group(f.day))
		d.year, _ = strconv.Atoi(group(f.year))
		d.short = len(group(f.year)) == 2
		if f.form == romanDay && group(5) == "" && group(3) != "/" {
			continue // "5 I" is no day in running text
		}
		if f.form == numericDay && d.month > 12 && d.day <= 12 {
			d.day, d.month = d.month, d.day
		}
		if f.day == 0 || d.valid() {
			return d, span{m[2], m[3]}, true
		}
	}
	return day{}, span{}, false
}

var romanMonths = []string{"i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii"}

// lookAlikes are the letters that typists and scanners put for Roman digits.
var lookAlikes = strings.NewReplacer("х", "x", "і", "i", "у", "v", "ш", "iii", "п", "ii", "l", "i", "|", "i",
	"ⅰ", "i", "ⅱ", "ii", "ⅲ", "iii", "ⅳ", "iv", "ⅴ", "v", "ⅵ", "vi", "ⅶ", "vii", "ⅷ", "viii", "ⅸ", "ix", "ⅹ", "x", "ⅺ", "xi", "ⅻ", "xii")

// monthOf reads a month from digits, a name or a Roman numeral; 0 is none.
func monthOf(s string) int {
	if n, err := strconv.Atoi(s); err == nil {
		return n
	}
	s = strings.ToLower(s)
	roman := lookAlikes.Replace(s)
	for i, name := range romanMonths {
		if roman == name {
			return i + 1
		}
	}
	for i, name := range []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"} {
		if strings.HasPrefix(s, name) {
			return i + 1
		}
	}
	return 0
}

var dayFiller = regexp.MustCompile(`(?i)^(?:(?:dated?|on|the|of|at|year|y|g|г|r|mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?|[\s.,;:()\[\]/*-])*$`)

// onlyDay reads a text that is a day and nothing else.
func onlyDay(text string) (day, bool) {
	if len(text) > 60 {
		return day{}, false
	}
	d, at, ok := findDay(text)
	return d, ok && dayFiller.MatchString(at.cut(text))
}

// firstFullYear finds a year of four digits somewhere in the sheet's days.
func firstFullYear(lines []line) int {
	for _, l := range lines {
		if len(l.text) > 200 {
			continue
		}
		if d, _, ok := findDay(l.text); ok && d.known() {
			return d.year
		}
	}
	return 0
}

// clock is a time of day; the zero clock is not known.
type clock struct {
	hour, minute int
	known        bool
}

func (c clock) before(d clock) bool {
	return c.hour*60+c.minute < d.hour*60+d.minute
}

var clockForms = []*regexp.Regexp{
	regexp.MustCompile(`(?i)(?:^|\D)((\d{2})(\d{2}) ?(?:hours|hrs?\b\.?|h\b))()`),
	regexp.MustCompile(`(?i)(?:^|\D)((\d{1,2}) ?(?:hours?|hrs?|h|час[а-я]*|ч)\.?,? ?(?:and )?(?:(\d{1,2})\b ?(?:(?:minutes?|mins?|m|минут[а-я]?|мин)\b\.?)?)?)()`),
	regexp.MustCompile(`(?i)(?:^|\D)((\d{1,2}) ?[:.\-] ?(\d{2})(?::\d{2})?(?: ?([ap])\.? ?m\b\.?)?)`),
	regexp.MustCompile(`(?i)(?:^|\D)((\d{1,2})() ?([ap])\.? ?m\b\.?)`),
	regexp.MustCompile(`(?:^|\D)((\d{2})(\d{2})[A-Z]?)()$`),
}

// findClock finds the first time of day in a text that holds no day any more.
func findClock(text string) (clock, span, bool) {
	for _, form := range clockForms {
		m := form.FindStringSubmatchIndex(text)
		if m == nil {
			continue
		}
		c := clock{known: true}
		c.hour, _ = strconv.Atoi(text[m[4]:m[5]])
		if m[6] >= 0 && m[6] < m[7] {
			c.minute, _ = strconv.Atoi(text[m[6]:m[7]])
		}
		if m[8] >= 0 && m[8] < m[9] && c.hour <= 12 {
			c.hour %= 12
			if strings.EqualFold(text[m[8]:m[9]], "p") {
				c.hour += 12
			}
		}
		if c.hour < 24 && c.minute < 60 || c.hour == 24 && c.minute == 0 {
			return c, span{m[2], m[3]}, true
		}
	}
	return clock{}, span{}, false
}

// stamp is the time of an act in the registry: a day, a time of day or both.
type stamp struct {
	day   day
	clock clock
	seen  bool
}

// read takes the day and the time out of a text and gives back what is left.
func (s *stamp) read(text string) string {
	if m := groupDay.FindStringSubmatchIndex(text); m != nil {
		if d, _, ok := findDay(text[m[4]:m[5]] + " " + text[m[8]:m[11]]); ok && s.day.month == 0 {
			s.day = d
			text = text[:m[2]] + strings.TrimRight(text[m[6]:m[7]], "ABCDEFGHIJKLMNOPQRSTUVWXYZ") + text[m[3]:]
		}
	}
	if s.day.month == 0 {
		if d, at, ok := findDay(text); ok && d.day > 0 {
			s.day = d
			text = at.cut(text)
		}
	}
	if !s.clock.known {
		if c, at, ok := findClock(text); ok {
			s.clock = c
			text = at.cut(text)
		}
	}
	return text
}

// String writes the stamp once its day is resolved. Midnight at the end of a
// day is the beginning of the next.
func (s stamp) String() string {
	d, c := s.day, s.clock
	switch {
	case !s.seen:
		return ""
	case !c.known:
		return d.String()
	case !d.known():
		return fmt.Sprintf("%02d:%02d", c.hour, c.minute)
	case c.hour == 24:
		d, c.hour = d.after(1), 0
	}
	return fmt.Sprintf("%sT%02d:%02d", d, c.hour, c.minute)
}
