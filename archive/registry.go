package archive

import (
	"regexp"
	"strings"
)

// registryLine is what a line above the text of a telegram can be.
type registryLine int

const (
	otherLine registryLine = iota
	timeLine
	specialLine
	addresseeLine
	infoLine
	typeLine
	precedenceLine
	originatorLine
	departmentLine
)

const longestRegistryLine = 160 // bytes; longer lines are text

var (
	actWord        = regexp.MustCompile(`(?i)\b(received|recd|rec'd|rcvd|dispatched|despatched|sent|transmitted)\b[.:]?`)
	specialForm    = regexp.MustCompile(`(?i)^spec(?:ial|\.)?\s*(?:nos?|nrs?|numbers?|№+|#)\s*[.:]?\s*:?\s*(\S.*)$`)
	originatorForm = regexp.MustCompile(`(?i)^(.*?)(?:^|[\s,(])(?:nos?\.|no|nr\.?|n[º°]|№|#|number)\s*:?\s*((?:[a-z]{1,4}[-/]?)?\d[\d\p{L}/.\-–]*)$`)
	notOriginator  = regexp.MustCompile(`(?i)^(copy|copies|spec|page|ref|your|our|my|reference|part|section|sheet|box)\b`)
	typeForm       = regexp.MustCompile(`(?i)^(?:[\p{L}-]+ ){0,4}(?:telegram|telegramme|cable|cablegram|cipher|cypher|ciphergram|message|radiogram|radiotelegram|despatch|dispatch|codegram|code|telex|teleprinter message)$`)
	departmentForm = regexp.MustCompile(`(?i)\b(departments?|dept|section|directorate|division|desk|bureau|sector|otdel|office|service|room|registry|chancery|branch|unit|cent(?:re|er))\b\.?`)
	toForm         = regexp.MustCompile(`^(?:To|TO)\b\s*:?\s*(.*)$`)
	infoForm       = regexp.MustCompile(`(?i)^(?:for information(?: to)?|for info|information(?: to)?|info|copy to|copies to|copy:|cc|c\.c\.|repeated(?: to)?|repeat(?: to)?|rptd(?: to)?)(?:\b|:|\s)\s*:?\s*(.*)$`)
	toBreak        = regexp.MustCompile(`[,;]?\s*\b(?:To|TO)\b\s*:?\s*`)
	officeWord     = regexp.MustCompile(`(?i)\b(ambassadors?|consuls?|charg[eé]|minister|envoy|attach[eé]|legation|embassy|mission|representative|commissioner|secretary|counsell?or|general|delegate|delegation|head|chief|adviser|resident|plenipotentiary|agent|governor|director|director)\b`)
	handlingWord   = regexp.MustCompile(`(?i)^(?:(?:top|most|strictly|very) )?(?:secret|confidential|restricted|special file|copying (?:is )?(?:prohibited|forbidden)|eyes only|personal|not to be copied|for official use(?: only)?|unclassified|by hand)$`)
)

// precedences maps markings to levels (RFC 6477), with the words of several
// services and the letters of teleprinter procedure.
var precedences = map[string]string{
	"DEFERRED": "deferred", "LOW PRIORITY": "deferred", "NOT URGENT": "deferred", "NON-URGENT": "deferred",
	"ROUTINE": "routine", "ORDINARY": "routine", "NORMAL": "routine", "SIMPLE": "routine", "R": "routine", "RR": "routine",
	"PRIORITY": "priority", "P": "priority", "PP": "priority", "IMPORTANT": "priority",
	"IMMEDIATE": "immediate", "URGENT": "immediate", "O": "immediate", "OO": "immediate", "OPERATIONAL IMMEDIATE": "immediate", "OPERATIONS IMMEDIATE": "immediate", "HIGH PRIORITY": "immediate", "NIACT": "immediate", "RUSH": "immediate",
	"FLASH": "flash", "Z": "flash", "ZZ": "flash", "TOP PRIORITY": "flash", "HIGHEST PRIORITY": "flash", "FIRST PRIORITY": "flash", "ABSOLUTE PRIORITY": "flash", "EXTREME PRIORITY": "flash", "MOST IMMEDIATE": "flash", "EMERGENCY": "flash",
	"VERY URGENT": "flash", "MOST URGENT": "flash", "EXTREMELY URGENT": "flash", "TOP URGENT": "flash", "OUT OF TURN": "flash", "OUT OF ANY TURN": "flash", "LIGHTNING": "flash", "MOLNIYA": "flash",
	"OVERRIDE": "override", "FLASH OVERRIDE": "override", "CRITIC": "override",
}

var precedenceName = regexp.MustCompile(`(?i)^(?:precedence|urgency|category|priority)\s*:\s*`)

// precedenceLevel looks a marking up. A single letter must be a capital.
func precedenceLevel(marking string) (trimmed, level string) {
	trimmed = strings.Trim(precedenceName.ReplaceAllString(marking, ""), " .!;,*_")
	if len(trimmed) <= 2 && !inCapitals(trimmed) {
		return trimmed, ""
	}
	return trimmed, precedences[strings.ToUpper(trimmed)]
}

// registryKind tells what a line is by itself.
func registryKind(text string) registryLine {
	if len(text) > longestRegistryLine || text == "" {
		return otherLine
	}
	text = unstarred(text)
	if _, level := precedenceLevel(text); level != "" {
		return precedenceLine
	}
	if m := specialForm.FindStringSubmatch(text); m != nil {
		if _, ok := numberList(m[1]); ok {
			return specialLine
		}
	}
	if isTimeLine(text) {
		return timeLine
	}
	if _, ok := addressees(toForm, text); ok {
		return addresseeLine
	}
	if m := infoForm.FindStringSubmatch(text); m != nil && !strings.HasPrefix(text, "Copies") {
		if _, ok := addressees(infoForm, text); ok {
			return infoLine
		}
	}
	bare := strings.Trim(text, " .:")
	if typeForm.MatchString(bare) {
		return typeLine
	}
	if m, _ := originatorOf(text); m != nil && len(m[1]) < 80 && !notOriginator.MatchString(text) && !strings.ContainsAny(m[1], `"“”`) {
		return originatorLine
	}
	if departmentForm.MatchString(text) && words(text) <= 8 && !inCapitals(text) && !endsSentence(text) {
		return departmentLine
	}
	return otherLine
}

// isTimeLine tells whether a line says when the registry received or sent.
func isTimeLine(text string) bool {
	at := actWord.FindStringIndex(text)
	if at == nil || words(text[:at[0]]) > 8 {
		return false
	}
	var when stamp
	left := when.read(text[:at[0]] + " " + text[at[1]:])
	if when.day.month == 0 && !when.clock.known {
		return words(text[at[1]:]) == 0 && (at[0] == 0 || departmentForm.MatchString(text[:at[0]]))
	}
	return words(left) <= 10 && !strings.Contains(strings.TrimLeft(text[at[1]:], ". "), ". We ")
}

// registry reads the lines above the text of a telegram.
type registry struct {
	t    *SheetTelegram
	u    *rest
	next int // the first line that is not the registry's

	received, dispatched stamp
	current              *stamp // the act whose day or time may follow
	special, tos, infos  bool   // the line before was such a one
	addressed            bool
}

// readRegistry reads on until the text begins.
func readRegistry(t *SheetTelegram, lines []line, u *rest) *registry {
	r := &registry{t: t, u: u}
	for i, l := range lines {
		r.next = i
		if l.blank() {
			r.special = false
			continue
		}
		if !r.read(l, lines[i+1:]) {
			return r
		}
	}
	r.next = len(lines)
	return r
}

// read places one line; false says that the text begins here.
func (r *registry) read(l line, following []line) bool {
	text := unstarred(l.text)
	kind := registryKind(l.text)
	special, tos, infos := r.special, r.tos, r.infos
	r.special, r.tos, r.infos = false, false, false
	switch kind {
	case timeLine:
		r.readTimes(l.number, text)
		return true
	case specialLine:
		numbers, _ := numberList(specialForm.FindStringSubmatch(text)[1])
		r.t.SpecialNumbers = append(r.t.SpecialNumbers, numbers...)
		r.special = true
		return true
	case addresseeLine:
		r.address(&r.t.To, toForm, text, tos)
		r.tos = true
		return true
	case infoLine:
		r.address(&r.t.Info, infoForm, text, infos)
		r.infos = true
		return true
	case typeLine:
		if r.t.Type == "" {
			r.t.Type = strings.Trim(text, " .:")
			r.addressed = true
			return true
		}
	case precedenceLine:
		r.mark(text)
		return true
	}
	if r.continues(text, special) {
		return true
	}
	if (tos || infos) && (strings.HasPrefix(text, "To ") || inCapitals(text) && officeWord.MatchString(text)) {
		if r.office(text, infos) {
			r.tos, r.infos = tos, infos
			return true
		}
	}
	if kind == originatorLine && r.originate(text) {
		_, behind := originatorOf(text)
		r.u.keepText(l.number, behind)
		return true
	}
	if _, isDay := onlyDay(text); isDay || isPageNumber(text) {
		r.u.keep(l)
		return true
	}
	if _, _, ok := splitSerial(text); ok {
		return false
	}
	if (inCapitals(text) || handlingWord.MatchString(strings.Trim(text, ". "))) && len(text) <= longestRegistryLine && text[0] != '[' && quoteMarks[[]rune(text)[0]] == 0 {
		r.handle(text)
		return true
	}
	ahead := registryAhead(following)
	if kind == departmentLine && r.t.Department == "" && (ahead || !r.addressed) {
		r.t.Department = strings.Trim(text, " ,.:")
		return true
	}
	if ahead && !(r.addressed && (words(text) > 12 || endsSentence(text))) || strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") {
		r.u.keep(l)
		return true
	}
	return false
}

// registryAhead tells whether one of the next few lines is the registry's
// beyond doubt.
func registryAhead(lines []line) bool {
	seen := 0
	for _, l := range lines {
		if l.blank() {
			continue
		}
		switch registryKind(l.text) {
		case timeLine, specialLine, addresseeLine, typeLine, precedenceLine:
			return true
		}
		if seen++; seen == 5 || len(l.text) > longestRegistryLine {
			return false
		}
	}
	return false
}

// readTimes reads a line with "Received" or "Dispatched", or both.
func (r *registry) readTimes(number int, text string) {
	acts := actWord.FindAllStringIndex(text, 4)
	lead := text[:acts[0][0]]
	for i, at := range acts {
		end := len(text)
		if i+1 < len(acts) {
			end = acts[i+1][0]
		}
		r.current = &r.received
		switch word := strings.ToLower(text[at[0]:at[1]]); word[0] {
		case 'd', 's', 't':
			r.current = &r.dispatched
		}
		r.current.seen = true
		left := r.current.read(text[at[1]:end])
		if i == 0 && lead != "" {
			lead = r.current.read(lead)
			r.department(number, lead)
		}
		r.department(number, left)
	}
}

var timeFiller = regexp.MustCompile(`(?i)^(?:at|on|by|in|the|of|for|from|time|local|moscow|hours?|minutes?|year|г|[\s.,;:()\-–—*])*`)

var timeTail = regexp.MustCompile(`(?i)(?:^| )(?:(?:at|on|the|same day|same date)[ ,.]*)+$`)

// department places what a line of times says besides times.
func (r *registry) department(number int, text string) {
	text = strings.Trim(timeFiller.ReplaceAllString(text, ""), " .,;:()-–—*")
	text = strings.Trim(timeTail.ReplaceAllString(text, ""), " .,;:()-–—*")
	switch {
	case text == "" || strings.EqualFold(text, r.t.Department):
	case r.t.Department == "" && departmentForm.MatchString(text):
		r.t.Department = text
	case r.t.Department == "" && words(text) <= 4 && !strings.ContainsAny(text, "0123456789"):
		r.t.Department = text
	default:
		r.u.keepText(number, text)
	}
}

// continues reads a line that completes the one before: the day or time of an
// act, or more special numbers.
func (r *registry) continues(text string, special bool) bool {
	if special {
		if numbers, ok := numberList(text); ok {
			r.t.SpecialNumbers = append(r.t.SpecialNumbers, numbers...)
			r.special = true
			return true
		}
	}
	if r.current == nil || r.current.day.month != 0 && r.current.clock.known || len(text) > 60 {
		return false
	}
	trial := *r.current
	left := trial.read(text)
	if trial == *r.current || timeFiller.FindString(left) != left && !dayFiller.MatchString(left) {
		return false
	}
	*r.current = trial
	return true
}

// originatorOf matches a line that ends with a number, and perhaps a day
// behind it, which is given back.
func originatorOf(text string) (match []string, behind string) {
	text = strings.TrimRight(text, ". ")
	if _, at, ok := findDay(text); ok && at.from > 0 && at.to == len(text) {
		if m := originatorForm.FindStringSubmatch(strings.TrimRight(text[:at.from], " ,.")); m != nil {
			return m, text[at.from:]
		}
	}
	return originatorForm.FindStringSubmatch(text), ""
}

// originate reads a line that ends with a number: the originator's, once.
func (r *registry) originate(text string) bool {
	m, _ := originatorOf(text)
	name := strings.Trim(m[1], " ,:;-–—.")
	if r.t.RegisterNumber != "" || name == "" && r.addressed {
		return false
	}
	if t := strings.ToUpper(name); typeForm.MatchString(name) && r.t.Type == "" && t == name {
		r.t.Type, name = name, ""
		r.addressed = true
	}
	if name == "" && r.t.Originator == "" && len(r.t.Handling) == 1 && !r.addressed && !handlingWord.MatchString(r.t.Handling[0]) {
		name, r.t.Handling = r.t.Handling[0], r.t.Handling[:0] // the name stood on the line above
	}
	r.t.Originator = firstOf(r.t.Originator, name)
	r.t.RegisterNumber = m[2]
	return true
}

// mark takes the precedence; a second marking is handling.
func (r *registry) mark(text string) {
	marking, level := precedenceLevel(text)
	if r.t.Precedence.Level != "" {
		r.t.Handling = append(r.t.Handling, marking)
		return
	}
	r.t.Precedence = SheetPrecedence{marking, level}
}

var (
	markBreak = regexp.MustCompile(`\s*(?:[.,;/]|\s[-–—])\s*`)
	markTail  = regexp.MustCompile(`^(.+?) ((?:(?:TOP|HIGH|HIGHEST|FIRST|MOST|VERY) )?(?:PRIORITY|IMMEDIATE|URGENT|FLASH|ROUTINE|DEFERRED))$`)
)

// handle takes a line in capitals: handling, perhaps with the precedence in it.
func (r *registry) handle(text string) {
	text = strings.Trim(text, " .;,")
	parts := markBreak.Split(text, -1)
	if m := markTail.FindStringSubmatch(text); m != nil && len(parts) == 1 {
		parts = m[1:]
	}
	for i, part := range parts {
		if _, level := precedenceLevel(part); level == "" || r.t.Precedence.Level != "" {
			continue
		}
		r.mark(part)
		for j, other := range parts {
			if j != i && other != "" {
				r.t.Handling = append(r.t.Handling, other)
			}
		}
		return
	}
	if text != "" {
		r.t.Handling = append(r.t.Handling, text)
	}
}

// settleTimes gives both acts a day. A written day is believed; else the day
// of the other act, of signing, or of the head, and the day after for a
// dispatch that would come before its receipt.
func (r *registry) settleTimes(t *SheetTelegram, h head, signed day) {
	in, out := &r.received, &r.dispatched
	in.day, out.day = in.day.resolve(h.year), out.day.resolve(h.year)
	fallback := signed
	if !fallback.known() && h.day.day > 0 {
		fallback = h.day
	}
	backwards := in.clock.known && out.clock.known && out.clock.before(in.clock)
	overnight := 0
	if backwards {
		overnight = 1
	}
	if in.seen && !in.day.known() {
		in.day = fallback
		if out.seen && out.day.known() {
			in.day = out.day.after(-overnight)
		}
	}
	if out.seen && !out.day.known() {
		out.day = fallback
		if in.seen && in.day.known() {
			out.day = in.day.after(overnight)
		}
	}
	t.Received, t.Dispatched = in.String(), out.String()
}
