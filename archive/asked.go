package archive

import (
	"regexp"
	"strings"
)

const doneWords = `(?:fulfil+ments?|execution|implementation|accomplishment|completion|compliance|performance|delivery)`

var (
	requestOpens = regexp.MustCompile(`(?i)^(?:please |kindly )?(?:telegraph|report|cable|wire|confirm|acknowledge|inform|advise|notify|communicate)\b(?: (?:us|me))?(?: (?:on|of|about|the|its|your|immediately|at once|by telegraph|back|upon|when|once|as soon as|after|urgently|promptly|their|this))* (?:receipt|reception|fulfil|execut|implement|accomplish|complet|complian|perform|carried|done|deliver)`)
	askFulfilled = regexp.MustCompile(`(?i)\b(?:telegraph|report|cable|wire|inform|advise|notify|communicate|confirm|acknowledge|signal)\b([^.;:]{0,80}?)\b(` + doneWords + `|fulfil+ed|executed|implemented|accomplished|completed|carried out|when done|once done|been done|it is done|delivered)\b([^.;]*)`)
	askReceipt   = regexp.MustCompile(`(?i)\b(?:telegraph|report|cable|wire|advise|notify|confirm|acknowledge|signal)\b([^.;:]{0,60}?)\b(receipt|reception|received)\b([^.;]*)`)
	toBeReported = regexp.MustCompile(`(?i)\b(?:fulfil+ment|execution|implementation|completion)\b(?: and (?:receipt|reception))? (?:(?:is|are|must|should|shall|has|have) )?(?:to )?be (?:reported|telegraphed|cabled|confirmed|communicated|wired)`)
	toBeReceipt  = regexp.MustCompile(`(?i)\b(?:receipt|reception)\b(?: and \w+)? (?:(?:is|are|must|should|shall|has|have) )?(?:to )?be (?:confirmed|acknowledged|reported|telegraphed)`)
	orderBefore  = regexp.MustCompile(`(?i)(?:^|please|kindly|and|then|immediately|at once|urgently|must|should|to|you will|[,:;–—-])[\s"]*$`)
	forbidden    = regexp.MustCompile(`(?i)\b(?:not|no|never|without|n't)\b`)
	ofSomething  = regexp.MustCompile(`(?i)^\s*(?:of|by)\s+(?:the |our |these |this |those |above |your |his )*(?:present |above )?(\S+)`)
	ofOrder      = regexp.MustCompile(`(?i)^(?:this|these|it|order|orders|instruction|instructions|task|tasks|assignment|assignments|directive|directives|commission|telegram|message|above|same|foregoing|note|request|which|telegraph|cable|wire|post|noon|midnight|tomorrow|\d\S*|[.,]?)[.,]?$`)
)

// requests reads what the telegram asks of its addressee: to report that it
// was fulfilled, to confirm that it came. A sentence that only tells of such a
// report, or forbids it, asks nothing.
func requests(texts []string) (fulfilment, receipt bool) {
	for _, text := range texts {
		for _, s := range sentences(text) {
			if len(s) > 600 {
				continue
			}
			fulfilment = fulfilment || asks(s, askFulfilled) || toBeReported.MatchString(s) && !forbidden.MatchString(s)
			receipt = receipt || asks(s, askReceipt) || toBeReceipt.MatchString(s) && !forbidden.MatchString(s)
		}
	}
	return fulfilment, receipt
}

// IsRequest says whether a paragraph does nothing but ask for a report or a receipt: “Telegraph the fulfilment.”
func IsRequest(paragraph string) bool {
	all := sentences(paragraph)
	for _, s := range all {
		if fulfilment, receipt := requests([]string{s}); !requestOpens.MatchString(s) || !fulfilment && !receipt {
			return false
		}
	}
	return len(all) > 0
}

func asks(sentence string, form *regexp.Regexp) bool {
	for _, m := range form.FindAllStringSubmatchIndex(sentence, 8) {
		if !orderBefore.MatchString(sentence[:m[0]]) || forbidden.MatchString(sentence[:m[0]]) {
			continue
		}
		if form == askReceipt && strings.EqualFold(sentence[m[4]:m[5]], "received") && !strings.Contains(sentence[m[2]:m[3]], "when") {
			continue
		}
		after := ofSomething.FindStringSubmatch(sentence[m[6]:m[7]])
		if after == nil || ofOrder.MatchString(after[1]) || form == askReceipt {
			return true
		}
	}
	return false
}

// Inserted lists what stands in square brackets in the text, as ReadSheet would read it.
func (t *SheetTelegram) Inserted() []Insertion { return insertions(t, closing{}) }

// insertions lists what editors put in square brackets, in the order of the
// text. A bracket behind a name that signs is a gloss on it; a bracket with
// nothing but digits is the mark of a note.
func insertions(t *SheetTelegram, c closing) []Insertion {
	list := []Insertion{}
	depth, from := 0, 0
	for at := 0; at < len(t.Text); at++ {
		switch t.Text[at] {
		case '[':
			if depth == 0 {
				from = at + 1
			}
			depth++
		case ']':
			if depth == 0 {
				continue
			}
			if depth--; depth > 0 {
				continue
			}
			text := strings.TrimSpace(t.Text[from:at])
			before := strings.TrimRight(t.Text[max(0, from-120):from-1], " ")
			if text == "" || strings.Trim(text, "0123456789*") == "" {
				continue
			}
			list = append(list, insertion(text, before, t))
		case '\n':
			depth = 0 // a bracket that its paragraph does not close is a slip
		}
	}
	if c.gloss != "" {
		list = append(list, Insertion{"gloss", c.name, c.gloss})
	}
	return list
}

func insertion(text, before string, t *SheetTelegram) Insertion {
	names := []string{t.Signature}
	if t.Conveyed != nil {
		names = append(names, t.Conveyed.Signature)
	}
	for _, name := range names {
		if name != "" && strings.HasSuffix(before, name) {
			return Insertion{"gloss", name, text}
		}
	}
	return Insertion{Kind: "supplied", Text: text}
}
