package main

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/desk"
	"chancery.example/chancery/post"
	"chancery.example/chancery/telegram"
)

// demoPlan is what a sheet makes of the demo: its posts, its form, and the numbers from which they go on.
type demoPlan struct {
	sheet     *archive.Sheet
	posts     []*demoPost // the sending post first
	form      *desk.Form
	continued string
	marking   []string
	number    uint32 // the register number it took
}

type demoPost struct {
	name     string
	folder   string
	offices  []string
	action   bool
	incoming uint32
	sent     []uint32
	shown    []post.Shown
}

func (p *demoPost) secrets() string { return "secrets/" + p.folder }

func (d *demoPlan) home() *demoPost { return d.posts[0] }

func (d *demoPlan) post(name string) *demoPost {
	for _, p := range d.posts {
		if p.name == name {
			return p
		}
	}
	return nil
}

// width is that of the longest name of a post.
func (d *demoPlan) width() (n int) {
	for _, p := range d.posts {
		n = max(n, utf8.RuneCountInString(p.name))
	}
	return n
}

func (d *demoPlan) textSize() (n int) {
	for _, b := range d.form.Telegram.Body {
		n += len(b.Text)
	}
	return n
}

// planDemo reads a sheet, or the built-in one, and plans how to carry its telegram.
func planDemo(file, home string, modern bool) (*demoPlan, error) {
	b, from := demoSheet, demoHome
	if modern {
		b, from = modernSheet, modernHome
	}
	if file == "" && home == "" {
		home = from
	}
	if file != "" {
		var err error
		if b, err = readFile(file, archive.MaxSheet); err != nil {
			return nil, err
		}
	}
	sheet, err := archive.ReadSheet(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	d := &demoPlan{sheet: sheet, form: &desk.Form{}}
	t := &sheet.Telegram
	if len(t.To) == 0 {
		return nil, errors.New("the sheet names no addressee, so there is nobody to carry it to: it needs a line such as  To BEIJING To AMBASSADOR")
	}
	if home == "" {
		home = t.Originator
	}
	d.addHome(nameOf(home, 32, "HOME"), nameOf(t.Originator, 64, "MINISTRY"))
	d.addAddressees(t)
	d.writeForm(t)
	d.goOn(t)
	return d, nil
}

// nameOf makes a name that a post or office can have of what a sheet says.
func nameOf(s string, limit int, otherwise string) string {
	clean := strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.L, unicode.M, unicode.Nd) || strings.ContainsRune(" -'’./()&,", r) {
			return r
		}
		return ' '
	}, s)
	clean = strings.Join(strings.Fields(clean), " ")
	for len(clean) > limit {
		_, n := utf8.DecodeLastRuneInString(clean)
		clean = strings.TrimSpace(clean[:len(clean)-n])
	}
	if clean == "" {
		return otherwise
	}
	return clean
}

func (d *demoPlan) addHome(name, office string) {
	d.posts = []*demoPost{{name: name, folder: "1-" + folderName(name), offices: []string{office}}}
	d.form.Telegram.From.Office = office
}

func folderName(s string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
			return unicode.ToLower(r)
		}
		return '-'
	}, s), "-")
}

func (d *demoPlan) addAddressees(t *archive.SheetTelegram) {
	level, err := telegram.ParsePrecedence(t.Precedence.Level)
	if err != nil {
		level = telegram.Routine
	}
	add := func(list *[]telegram.Addressee, as []archive.Addressee, action bool) {
		for _, x := range as {
			place := nameOf(x.Place, 32, nameOf(x.Office, 32, "ADDRESSEE"))
			if place == d.home().name {
				place = nameOf(place+" MISSION", 32, "")
			}
			a := telegram.Address{Office: nameOf(x.Office, 64, "HEAD OF POST"), Post: place}
			known := slices.Concat(d.form.Telegram.To, d.form.Telegram.Info)
			if slices.ContainsFunc(known, func(k telegram.Addressee) bool { return k.Address == a }) {
				continue
			}
			*list = append(*list, telegram.Addressee{Address: a, Precedence: level})
			p := d.post(place)
			if p == nil {
				p = &demoPost{name: place, folder: fmt.Sprintf("%d-%s", len(d.posts)+1, folderName(place))}
				d.posts = append(d.posts, p)
			}
			if !slices.Contains(p.offices, a.Office) {
				p.offices = append(p.offices, a.Office)
			}
			p.action = p.action || action
		}
	}
	add(&d.form.Telegram.To, t.To, true)
	add(&d.form.Telegram.Info, t.Info, false)
	if t.Precedence.Marking != "" && err == nil {
		d.marking = []string{"--marking", level.String() + "=" + t.Precedence.Marking}
	}
}

func (d *demoPlan) writeForm(t *archive.SheetTelegram) {
	f := &d.form.Telegram
	f.Label.Caveats = slices.Clone(t.Handling)
	if t.ReportFulfilment {
		f.Asks |= telegram.AskFulfilment
	}
	if t.ConfirmReceipt {
		f.Asks |= telegram.AskReceipt
	}
	f.Signature = t.Signature
	d.form.Local = desk.Local{Department: t.Department, Copies: slices.Clone(t.Copies)}
	f.Body = bodyOf(t)
}

// bodyOf makes a body of the text of a sheet: what is conveyed becomes a telegram within it, and the closing requests go, since the telegram
// asks for them itself.
func bodyOf(t *archive.SheetTelegram) []telegram.Block {
	text := t.Text
	var body []telegram.Block
	if c := t.Conveyed; c != nil && c.Text != "" {
		if i := strings.Index(text, c.Text); i >= 0 {
			before, after := strings.TrimRight(text[:i], " \n\"“«„'‘"), text[i+len(c.Text):]
			body = append(paragraphs(before), telegram.Block{Kind: telegram.Convey, Text: c.To})
			body = append(body, paragraphs(c.Text)...)
			body = append(body, telegram.Block{Kind: telegram.End, Text: c.Signature})
			if c.Gloss != "" {
				body = append(body, telegram.Block{Kind: telegram.Insertion, Text: string([]byte{telegram.Gloss}) + c.Gloss})
			}
			text = afterSignature(after, c.Signature)
		}
	}
	for _, p := range paragraphs(text) {
		if !archive.IsRequest(p.Text) {
			body = append(body, p)
		}
	}
	return body
}

// afterSignature is what stands behind the closing quotation mark of a conveyed message.
func afterSignature(s, signature string) string {
	at := 0
	if i := strings.Index(s, signature); signature != "" && i >= 0 {
		at = i + len(signature)
	}
	if i := strings.IndexAny(s[at:], "\"”»“\n"); i >= 0 {
		s = s[at+i:]
	}
	return strings.TrimLeft(s, "\"”»“.' \n")
}

func paragraphs(text string) (out []telegram.Block) {
	for _, p := range strings.Split(text, "\n\n") {
		if p = strings.Trim(p, " \t\n"); p != "" {
			out = append(out, telegram.Block{Kind: telegram.Paragraph, Text: p})
		}
	}
	return out
}

// goOn says from which numbers of the paper registers the series go on, so that the telegram takes the sheet's by itself.
func (d *demoPlan) goOn(t *archive.SheetTelegram) {
	var out []string
	before := func(series, number string) {
		if n, err := strconv.ParseUint(number, 10, 32); err == nil && n > 0 {
			out = append(out, fmt.Sprintf("%s=%d", series, n-1))
		}
	}
	before("register", t.RegisterNumber)
	var seen []string
	for _, a := range d.form.Telegram.To {
		if slices.Contains(seen, a.Post) {
			continue
		}
		seen = append(seen, a.Post)
		before("serial:"+a.Post, t.Serial)
		if len(t.SpecialNumbers) > 0 && len(seen) == 1 {
			before("special:"+a.Post, t.SpecialNumbers[0])
		}
	}
	d.continued = strings.Join(out, ",")
}
