package desk

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"chancery.example/chancery/telegram"
)

// String writes the form; ParseForm reads it back.
func (f *Form) String() string {
	var b strings.Builder
	t := &f.Telegram
	line := func(key, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\n", key, value)
		}
	}
	line("From", t.From.Office)
	for _, a := range t.To {
		line("To", a.Address.String()+"; "+a.Precedence.String())
	}
	for _, a := range t.Info {
		line("Info", a.Address.String()+"; "+a.Precedence.String())
	}
	line("Policy", t.Label.Policy)
	line("Classification", t.Label.Classification)
	for _, c := range t.Label.Caveats {
		line("Caveat", c)
	}
	line("Review", writeTime(t.Label.Review))
	if t.Type != telegram.Operation {
		line("Type", t.Type.String())
	}
	line("Deadline", writeTime(t.Deadline))
	line("Deskby", writeTime(t.Deskby))
	if t.Urgency == telegram.Immediately {
		line("Urgency", "immediately")
	}
	line("Ask", asks(t.Asks))
	if t.Considered {
		line("Minimize", "considered")
	}
	line("Subject", t.Subject)
	for _, c := range t.Codes {
		line("Code", c)
	}
	for _, r := range t.References {
		act := r.Act.String()
		line(strings.ToUpper(act[:1])+act[1:], fmt.Sprintf("%s %s/%d", r.Post, telegram.NumberText(r.Serial), r.Year))
	}
	line("Signature", t.Signature)
	f.writeAttached(line)
	line("Department", f.Local.Department)
	for _, c := range f.Local.Copies {
		line("Copy", c)
	}
	for _, n := range f.Local.Clearances {
		line("Clearance", strconv.FormatUint(uint64(n), 10))
	}
	b.WriteString("\n" + BodyText(t.Body))
	return b.String()
}

func writeTime(at int64) string {
	if at == 0 {
		return ""
	}
	return time.Unix(at, 0).UTC().Format(time.RFC3339)
}

func asks(a telegram.Asks) string {
	var w []string
	if a&telegram.AskReceipt != 0 {
		w = append(w, "receipt")
	}
	if a&telegram.AskFulfilment != 0 {
		w = append(w, "fulfilment")
	}
	return strings.Join(w, ", ")
}

// BodyText writes a body as a form has it.
func BodyText(body []telegram.Block) string {
	var b strings.Builder
	for i, x := range body {
		switch {
		case x.Kind == telegram.More:
			b.WriteString("\n")
		case i > 0:
			b.WriteString("\n\n")
		}
		switch x.Kind {
		case telegram.Convey:
			b.WriteString(strings.TrimSuffix("[convey to "+x.Text, " ") + "]")
		case telegram.End:
			b.WriteString(strings.TrimSuffix("[end "+x.Text, " ") + "]")
		case telegram.Blank:
			fmt.Fprintf(&b, "[blank %d]", x.Text[0])
		case telegram.Insertion:
			fmt.Fprintf(&b, "[%s %s]", insertions[x.Text[0]-telegram.Supplied], x.Text[1:])
		default:
			for l := range strings.Lines(x.Text) {
				bare := strings.TrimSpace(l)
				if _, _, ok := directive(bare); ok || bare == "" || strings.HasPrefix(l, `\`) {
					b.WriteByte('\\')
				}
				b.WriteString(l)
			}
		}
	}
	b.WriteByte('\n')
	return b.String()
}
