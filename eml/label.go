package eml

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"slices"
	"strings"

	"chancery.example/chancery/telegram"
)

// labelSpace is the name space of the label within SIO-Label.
const labelSpace = "https://chancery.example/label/1"

// marking is a label as it is displayed.
func marking(l *telegram.Label) string {
	words := strings.TrimSpace(l.Policy + " " + l.Classification)
	parts := l.Caveats
	if words != "" {
		parts = append([]string{words}, parts...)
	}
	return strings.Join(parts, ", ")
}

func isLabel(l *telegram.Label) bool {
	return l.Policy != "" || l.Classification != "" || len(l.Caveats) > 0 || l.Review != 0
}

// writeLabel writes the value of an SIO-Label (RFC 7444).
func writeLabel(l *telegram.Label) (segs []string, err error) {
	text, err := labelXML(l)
	if err != nil {
		return nil, err
	}
	var all [][]string
	if m := marking(l); m != "" {
		all = append(all, writeParam("marking", m))
	}
	all = append(all, writeParam("type", ":xml"), writeParam("label", base64.StdEncoding.EncodeToString(text)))
	segs = slices.Concat(all...)
	for i := range segs[1:] {
		segs[i] += ";"
	}
	return segs, nil
}

func labelXML(l *telegram.Label) ([]byte, error) {
	var b bytes.Buffer
	element := func(name, text string) {
		if text != "" {
			b.WriteString("<" + name + ">")
			_ = xml.EscapeText(&b, []byte(text)) // a buffer takes everything
			b.WriteString("</" + name + ">")
		}
	}
	b.WriteString(`<Label xmlns="` + labelSpace + `">`)
	element("Policy", l.Policy)
	element("Classification", l.Classification)
	for _, c := range l.Caveats {
		element("Caveat", c)
	}
	if l.Review != 0 {
		at, ok := instant(l.Review)
		if !ok {
			return nil, errors.New("its day of review lies outside the years 0 to 9999")
		}
		element("Review", at)
	}
	b.WriteString("</Label>")
	return b.Bytes(), nil
}

// parseLabelXML reads what labelXML wrote; ours is false for a label of another name space.
func parseLabelXML(text []byte) (l telegram.Label, ours bool, err error) {
	var x struct {
		XMLName        xml.Name
		Policy         string
		Classification string
		Caveat         []string
		Review         string
	}
	if err := xml.Unmarshal(text, &x); err != nil {
		return l, false, errors.New("the label within is no XML")
	}
	if x.XMLName.Space != labelSpace {
		return l, false, nil
	}
	l = telegram.Label{Policy: x.Policy, Classification: x.Classification, Caveats: x.Caveat}
	if x.Review != "" {
		if l.Review, err = parseInstant(x.Review); err != nil {
			return l, true, err
		}
	}
	if again, _ := labelXML(&l); !bytes.Equal(again, text) {
		return l, true, errors.New("the label within is not in its one written form")
	}
	return l, true, nil
}

// label reads an SIO-Label. One of another's making gives its marking as the classification: what it says to machines is not known here.
func (r *reader) label(value string) error {
	p, err := params(value)
	if err != nil {
		return err
	}
	shown, hasMarking := p["marking"]
	kind, hasType := p["type"]
	packed, hasLabel := p["label"]
	if hasType != hasLabel {
		return errors.New("it has a label without its type, or a type without a label")
	}
	if !hasMarking && !hasLabel {
		return errors.New("it has neither a marking nor a label")
	}
	for _, known := range []string{"marking", "type", "label", "fgcolor", "bgcolor"} {
		delete(p, known)
	}
	if len(p) > 0 {
		r.leave("parameters of SIO-Label that are not known here")
	}
	if hasType && strings.EqualFold(kind, ":xml") {
		text, err := base64.StdEncoding.DecodeString(packed)
		if err != nil {
			return errors.New("the label within is no base64")
		}
		l, ours, err := parseLabelXML(text)
		if err != nil {
			return err
		}
		if ours {
			if m := marking(&l); m != shown {
				return fmt.Errorf("its marking says %q, and the label within says %q: one of them is wrong", shorten(shown), shorten(m))
			}
			r.m.Telegram.Label, r.labelled = l, true
			return nil
		}
	}
	if !hasMarking {
		return fmt.Errorf("its label is of type %q, which is not known here, and it has no marking to go by", shorten(kind))
	}
	if hasLabel {
		r.leave(fmt.Sprintf("the label of type %q within SIO-Label: its marking is the classification", shorten(kind)))
	}
	r.m.Telegram.Label.Classification = strings.TrimSpace(shown)
	return nil
}

// isMilitaryString is RFC 6477 section 4: what an item of MMHS-Message-Instructions may be. What looks like an encoded word is left to the label.
func isMilitaryString(s string) bool {
	return len(s) <= 69 && s == strings.TrimSpace(s) && !strings.Contains(s, "=?") && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(" '+,-./:=?()", r))
	})
}

// instructions are the caveats that MMHS-Message-Instructions can say.
func instructions(l *telegram.Label) (fit []string) {
	for _, c := range l.Caveats {
		if isMilitaryString(c) {
			fit = append(fit, c)
		}
	}
	return fit
}

// instructions reads MMHS-Message-Instructions. It is read after the label.
func (r *reader) instructions(value string) error {
	var said []string
	for s := range strings.SplitSeq(value, ";") {
		if s = strings.TrimSpace(s); s != "" {
			said = append(said, s)
		}
	}
	if !r.labelled {
		r.m.Telegram.Label.Caveats = said
		return nil
	}
	if fit := instructions(&r.m.Telegram.Label); !slices.Equal(fit, said) {
		return fmt.Errorf("it says %q, and SIO-Label has the caveats %q: one of them is wrong", shorten(strings.Join(said, "; ")), shorten(strings.Join(fit, "; ")))
	}
	return nil
}
