package post

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/circuit"
	"chancery.example/chancery/desk"
	"chancery.example/chancery/register"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
	"golang.org/x/mod/sumdb/note"
)

// Shown is a telegram as one post has it, with every proof checked again.
type Shown struct {
	Post        string                `json:"post"` // whose telegram this is
	Way         archive.Way           `json:"way"`
	Year        int                   `json:"year"`
	Number      uint32                `json:"number"` // this post's own: register number or incoming number
	From        telegram.Address      `json:"from"`
	Telegram    archive.SheetTelegram `json:"telegram"` // in the form of a sheet
	Sheet       string                `json:"sheet"`    // set
	Subject     string                `json:"subject,omitempty"`
	Label       telegram.Label        `json:"label"`
	Type        telegram.Type         `json:"type"`
	DTG         string                `json:"dtg"`
	Drafter     telegram.KeyRef       `json:"drafter"`
	Releaser    telegram.KeyRef       `json:"releaser"`
	Released    time.Time             `json:"released"`
	Registered  time.Time             `json:"registered"`
	Deadline    *time.Time            `json:"deadline,omitempty"`
	Deskby      *time.Time            `json:"deskby,omitempty"`
	Immediately bool                  `json:"immediately,omitempty"` // the act that is asked
	Codes       []string              `json:"subject_codes,omitempty"`
	References  []Cited               `json:"references,omitempty"`
	DraftRoot   telegram.Root         `json:"draft_root"`
	Root        telegram.Root         `json:"root"`
	Entry       int64                 `json:"entry"` // its entry in this post's register
	Addressed   []Addressed           `json:"addressed,omitempty"`
	Arrived     *Arrived              `json:"arrived,omitempty"`
	Messages    []Message             `json:"messages,omitempty"` // those within it
	Attachments []Attachment          `json:"attachments,omitempty"`
	Duties      []Duty                `json:"duties,omitempty"`
	Deeds       []Deed                `json:"deeds,omitempty"`     // all that was said of it, the oldest first
	Cancelled   bool                  `json:"cancelled,omitempty"` // of one that was sent: for every post it went to
	Corrections []Correction          `json:"corrections,omitempty"`
	PassedOn    *PassedOn             `json:"passed_on,omitempty"`        // what it readdresses
	Considered  bool                  `json:"considered,omitempty"`       // MINIMIZE considered
	Filing      *Filing               `json:"filing,omitempty"`           // where it lies in the archives
	Alone       bool                  `json:"alone,omitempty"`            // one person drafted and released it
	Marks       []string              `json:"marks,omitempty"`            // what is known today of who signed it
	Proof       string                `json:"senders_register,omitempty"` // whether it has the telegram: open, proven, too late, missing
	Signature   string                `json:"second_signature,omitempty"` // of the releaser, where it follows by itself: open, verified, false, overdue
	Checked     []string              `json:"checked"`                    // what was proved
	Findings    []string              `json:"findings"`                   // what was not
	Verified    bool                  `json:"verified"`                   // everything held
}

// Cited is a telegram that this one cites.
type Cited struct {
	Act    telegram.Act `json:"act"`
	Post   string       `json:"post"`
	Serial uint32       `json:"serial"`
	Year   uint16       `json:"year"`
	Here   string       `json:"here,omitempty"` // this post's own number of it, where it is here and cited by its R
}

// Addressed is how far a telegram has come, for one addressed post.
type Addressed struct {
	Post       string              `json:"post"`
	Serial     uint32              `json:"serial"`
	Precedence telegram.Precedence `json:"precedence"`
	Specials   []uint32            `json:"special_numbers"`
	Bytes      int64               `json:"bytes"` // of its envelopes
	Queued     time.Time           `json:"queued"`
	Enciphered *time.Time          `json:"enciphered,omitempty"` // the last section
	Dispatched *time.Time          `json:"dispatched,omitempty"` // the last section
	Receipted  *time.Time          `json:"receipted,omitempty"`
	Receipt    *int64              `json:"receipt,omitempty"` // its entry in this post's register
}

// Arrived is how a telegram came here.
type Arrived struct {
	Serial     uint32    `json:"serial"` // the sender's, for this post
	Specials   []string  `json:"special_numbers"`
	Bytes      int64     `json:"bytes"`
	First      time.Time `json:"first_section"`
	Last       time.Time `json:"last_section"`
	Deciphered time.Time `json:"deciphered"`
}

// Duty is what was asked of a post, or done.
type Duty struct {
	Post  string     `json:"post"`
	Act   desk.Act   `json:"act"`
	Asked bool       `json:"asked"`
	Due   *time.Time `json:"due,omitempty"`
	Done  *time.Time `json:"done,omitempty"` // or it was said that it will not be: see Progress
	By    string     `json:"by,omitempty"`   // the telegram that did it, by this post's number
	Standing
}

// Show gives a telegram by this post's own number; year 0 is this year. Markings are the words this post's sheets have for precedences.
func (p *Post) Show(ctx context.Context, way archive.Way, year int, number uint32, markings map[string]string) (*Shown, error) {
	return p.show(ctx, way, year, number, nil, markings)
}

// show sets the names given as the holders of numbered copies; with none, those who hold them, or before there are any those of the draft.
func (p *Post) show(ctx context.Context, way archive.Way, year int, number uint32, names []string, markings map[string]string) (*Shown, error) {
	v, err := p.current()
	if err != nil {
		return nil, err
	}
	f, r, err := p.filed(ctx, way, year, number)
	if err != nil {
		return nil, err
	}
	t := r.Telegram
	s := &Shown{Post: p.config.Name, Way: f.Way, Year: f.Year, Number: f.Number, From: t.From, Subject: t.Subject, Label: t.Label, Type: t.Type,
		DTG: telegram.DTG(t.DTG), Drafter: t.Drafter, Releaser: t.Releaser, Released: time.Unix(t.Released, 0).UTC(),
		Registered: time.Unix(r.Numbers.Registered, 0).UTC(), Deadline: when(t.Deadline), Deskby: when(t.Deskby), Immediately: t.Urgency == telegram.Immediately, Considered: t.Considered, Codes: t.Codes, Findings: []string{}}
	for _, c := range t.References {
		s.References = append(s.References, Cited{Act: c.Act, Post: c.Post, Serial: c.Serial, Year: c.Year})
	}
	s.Messages = messages(t.Body)
	s.DraftRoot, s.Root = t.Roots()
	err = p.db.Read(ctx, func(tx *store.Tx) error {
		verifiers, err := p.registerVerifiers()
		if err != nil {
			return err
		}
		if err := p.showPeople(tx, s, f, r, v); err != nil {
			return err
		}
		p.checkEntry(tx, s, f, r, verifiers)
		if f.Way == archive.Out {
			err = p.showAddressed(tx, s, f, t, v, verifiers)
		} else {
			err = errors.Join(s.showArrival(tx, f), s.showProof(tx, f.ID, f.Post), p.showLate(tx, s, f))
		}
		if err != nil {
			return err
		}
		if err := p.showAttachments(tx, s, f.ID, t); err != nil {
			return err
		}
		if err := p.showFiling(tx, s, f.ID, verifiers); err != nil {
			return err
		}
		if len(names) == 0 {
			// What cannot be read is left out: register verify names it.
			names, _ = p.copyNames(tx, f.ID)
		}
		return errors.Join(s.showDuties(tx, f.ID, p.config.Now()), p.showOthers(tx, s, f.ID, t, v))
	})
	if err != nil {
		return nil, err
	}
	s.Verified = len(s.Findings) == 0
	local := p.localOf(f)
	if len(names) > 0 {
		local.Copies = names
	}
	s.set(local, r, markings)
	return s, nil
}

func when(at int64) *time.Time {
	if at == 0 {
		return nil
	}
	t := time.Unix(at, 0).UTC()
	return &t
}

// check notes what was proved, or what was not.
func (s *Shown) check(what string, err error) {
	if err != nil {
		s.Findings = append(s.Findings, what+": "+err.Error())
	} else {
		s.Checked = append(s.Checked, what)
	}
}

// showPeople proves who signed, by the directory of the time, and says what is known of them since.
func (p *Post) showPeople(tx *store.Tx, s *Shown, f *archive.Filed, r *telegram.Registered, newest *view) error {
	var v *view
	entry, err := register.IndexOf(tx, f.ID)
	times, failed := p.history(tx, newest)
	if failed != nil {
		return failed
	}
	if err == nil {
		v, err = times.at(entry)
	}
	if err == nil && v == nil {
		err = ErrNoDirectory
	}
	if err != nil {
		s.check("the directory of its time", err)
		v = newest
	}
	post := r.Telegram.From.Post
	if f.Way == archive.In && r.ReleasePQ == nil {
		s.check("the drafter's and the releaser's signatures, by Ed25519", v.checkReceived(r, s.DraftRoot, s.Root))
	} else {
		s.check("the drafter's and the releaser's signatures", v.checkRelease(r.Telegram, &r.Signatures, s.DraftRoot, s.Root))
	}
	if s.Alone = alone(r.Telegram); s.Alone {
		s.check("one person, whom the directory allows to release alone at "+post, v.mayRelease(r.Telegram, post))
	} else {
		s.check("two people, entitled at "+post, v.mayRelease(r.Telegram, post))
	}
	s.Marks = newest.marks(r.Telegram, entry, f.Way == archive.Out)
	return nil
}

// checkEntry proves that the telegram is the one in the register, and that the entry is in the log that was signed.
func (p *Post) checkEntry(tx *store.Tx, s *Shown, f *archive.Filed, r *telegram.Registered, verifiers []note.Verifier) {
	row, err := register.EntryOf(tx, f.ID, p.origin(), verifiers)
	s.Entry = row.Index
	if err == nil && string(row.Leaf) != string(p.entryOf(row.Kind, f, r, s.Root)) {
		err = errors.New("the entry is of something else")
	}
	s.check("its entry in the register, under the last checkpoint", err)
}

// entryOf makes the register's entry of a filed telegram again.
func (p *Post) entryOf(kind telegram.EntryKind, f *archive.Filed, r *telegram.Registered, root telegram.Root) []byte {
	if f.Way == archive.Out {
		return r.OutEntry(root, &r.Numbers)
	}
	n, seed := p.incomingOf(f)
	if kind == telegram.EntryBriefIn {
		return r.BriefInEntry(root, &n, seed)
	}
	return r.InEntry(root, &n, seed)
}

// incomingOf are the numbers under which a received telegram was entered here, and the seed.
func (p *Post) incomingOf(f *archive.Filed) (telegram.Numbers, [32]byte) {
	var own incomingLocal
	p.openJSON(archive.LocalPlace(f.ID), f.Local, &own)
	return incomingNumbers(time.Unix(f.At, 0), f.Number, f.Post, f.Serial), own.Seed
}

func (p *Post) showAddressed(tx *store.Tx, s *Shown, f *archive.Filed, t *telegram.Telegram, v *view, verifiers []note.Verifier) error {
	ds, err := circuit.Deliveries(tx, f.ID)
	if err != nil {
		return err
	}
	order := t.AddressedPosts()
	slices.SortFunc(ds, func(a, b circuit.Delivery) int { return slices.Index(order, a.Post) - slices.Index(order, b.Post) })
	for _, d := range ds {
		a := Addressed{Post: d.Post, Serial: d.Serial, Precedence: d.Precedence, Specials: []uint32{}, Queued: d.Queued.UTC()}
		wire, err := circuit.OnTheWire(tx, d.Post, d.Serial)
		if err != nil {
			return err
		}
		for _, w := range wire {
			a.Specials, a.Bytes = append(a.Specials, w.Special), a.Bytes+w.Size
			a.Enciphered = later(a.Enciphered, w.SealedAt)
			a.Dispatched = later(a.Dispatched, w.SentAt)
		}
		if !d.Receipted.IsZero() {
			a.Receipted, a.Receipt = later(nil, d.Receipted), &d.Receipt
			s.check("the receipt of "+d.Post, p.checkReceipt(tx, v, &d, verifiers))
		}
		s.Addressed = append(s.Addressed, a)
	}
	return nil
}

func later(a *time.Time, b time.Time) *time.Time {
	if b.IsZero() || a != nil && a.After(b) {
		return a
	}
	b = b.UTC()
	return &b
}

// checkReceipt proves that the post signed for this very telegram and entry.
func (p *Post) checkReceipt(tx *store.Tx, v *view, d *circuit.Delivery, verifiers []note.Verifier) error {
	row, err := register.Said(tx, d.Receipt, p.origin(), verifiers)
	if err != nil {
		return err
	}
	b, err := p.keys.Rest.Open(register.Place(row.Index), row.Said)
	if err != nil || len(b) < 32 {
		return errors.New("it cannot be opened")
	}
	if string(telegram.NoteEntry(row.Kind, [32]byte(b), b[32:])) != string(row.Leaf) {
		return errors.New("it is not what was entered")
	}
	r, err := v.readReceipt(p.config.Name, b[32:])
	if err != nil {
		return err
	}
	return signedFor(r, d)
}

func (s *Shown) showArrival(tx *store.Tx, f *archive.Filed) error {
	var specials string
	var first, last, opened int64
	a := &Arrived{Serial: f.Serial}
	if err := tx.QueryRow("select specials, first, last, opened, bytes from arrival where of = $1", f.ID).Scan(&specials, &first, &last, &opened, &a.Bytes); err != nil {
		return fmt.Errorf("reading how it came: %w", err)
	}
	a.Specials = strings.Split(specials, ",")
	a.First, a.Last, a.Deciphered = time.UnixMilli(first).UTC(), time.UnixMilli(last).UTC(), time.UnixMilli(opened).UTC()
	s.Arrived = a
	return nil
}

// set puts the telegram in the form of a sheet.
func (s *Shown) set(local desk.Local, r *telegram.Registered, markings map[string]string) {
	t := r.Telegram
	x := &s.Telegram
	*x = archive.SheetTelegram{Originator: t.From.Office, RegisterNumber: telegram.NumberText(r.Numbers.Register), Department: local.Department,
		Received: sheetTime(s.Released), Type: "CIPHERED TELEGRAM", To: placed(t.To), Info: placed(t.Info), Handling: append([]string{}, t.Label.Caveats...),
		Text: sheetText(t.Body), Signature: t.Signature, Signed: sheetDay(t.DTG),
		Copies: append([]string{}, local.Copies...), SpecialNumbers: []string{}, Insertions: []archive.Insertion{}, Conveyed: conveyed(t.Body),
		ReportFulfilment: t.Asks&telegram.AskFulfilment != 0, ConfirmReceipt: t.Asks&telegram.AskReceipt != 0}
	if len(x.Info) == 0 {
		x.Info = nil
	}
	for i := range t.Attachments {
		x.Attachments = append(x.Attachments, archive.SheetAttachment(t.Attachments[i].Name, t.Attachments[i].Length))
	}
	if t.Label.Classification != "" {
		x.Handling = append([]string{strings.ToUpper(t.Label.Classification)}, x.Handling...)
	}
	if t.Deskby != 0 {
		x.Handling = append(x.Handling, "DESKBY "+telegram.DTG(t.Deskby))
	}
	x.Handling = append(x.Handling, s.handling()...)
	if t.Type != telegram.Operation {
		x.Banner = strings.ToUpper(t.Type.String()) + " " + strings.ToUpper(t.Type.String()) + " " + strings.ToUpper(t.Type.String())
	}
	level := t.Precedence()
	shown := t.AddressedPosts()[0] // the sheet has room for one post's numbers: the first action addressee's, or the reader's own
	if s.Way == archive.In {
		level, _ = t.PrecedenceFor(s.Post)
		shown = s.Post
		x.SpecialNumbers = s.Arrived.Specials
	}
	x.Precedence = archive.SheetPrecedence{Marking: strings.ToUpper(level.String()), Level: level.String()}
	if m := markings[level.String()]; m != "" {
		x.Precedence.Marking = m
	}
	x.Serial = telegram.NumberText(r.Numbers.SerialFor(shown))
	for _, a := range s.Addressed {
		if a.Post == shown {
			for _, n := range a.Specials {
				x.SpecialNumbers = append(x.SpecialNumbers, strconv.FormatUint(uint64(n), 10))
			}
			if a.Dispatched != nil {
				x.Dispatched = sheetTime(*a.Dispatched)
			}
		}
	}
	for _, ask := range []struct {
		asked bool
		words string
	}{{x.ConfirmReceipt, "Confirm receipt."}, {x.ReportFulfilment, "Telegraph the fulfilment."}} {
		if ask.asked {
			x.Text = strings.TrimSpace(x.Text + "\n\n" + ask.words)
		}
	}
	x.Insertions = x.Inserted()
	if s.Way == archive.In {
		s.Sheet = x.SetIncoming(&archive.Incoming{Post: s.Post, Number: telegram.NumberText(s.Number), From: t.From.Post,
			Received: sheetTime(s.Arrived.First), Deciphered: sheetTime(s.Arrived.Deciphered)})
	} else {
		s.Sheet = x.Set()
	}
}

func sheetTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04") }

func sheetDay(at int64) string { return time.Unix(at, 0).UTC().Format("2006-01-02") }

func placed(as []telegram.Addressee) []archive.Addressee {
	out := []archive.Addressee{}
	for _, a := range as {
		out = append(out, archive.Addressee{Place: a.Post, Office: a.Office})
	}
	return out
}

// sheetText writes a body as paper has it: a conveyed telegram stands in quotation marks, its signature the last line within them.
func sheetText(body []telegram.Block) string {
	var parts []string
	open := "" // quotation marks that wait for the first paragraph within them
	goOn := func(text string) {
		if len(parts) > 0 {
			parts[len(parts)-1] += text
		}
	}
	for i, b := range body {
		switch b.Kind {
		case telegram.Convey:
			open += "\""
		case telegram.End:
			signature := b.Text
			if i+1 < len(body) && body[i+1].Kind == telegram.Insertion {
				signature += inserted(body[i+1])
			}
			if signature == "" {
				goOn("\"")
			} else {
				parts = append(parts, open+signature+".\"")
			}
			open = ""
		case telegram.Insertion:
			if body[i-1].Kind != telegram.End { // there it stands behind the signature already
				goOn(inserted(b))
			}
		case telegram.More:
			goOn(" " + b.Text)
		case telegram.Paragraph:
			parts = append(parts, open+b.Text)
			open = ""
		}
	}
	return strings.Join(parts, "\n\n")
}

// inserted sets an insertion in square brackets, as editors do.
func inserted(b telegram.Block) string {
	if b.Text[0] == telegram.Sic {
		return " [sic: " + b.Text[1:] + "]"
	}
	return " [" + b.Text[1:] + "]"
}

// conveyed describes the outermost telegram conveyed, nil if there is none.
func conveyed(body []telegram.Block) *archive.Conveyed {
	var c *archive.Conveyed
	depth, first := 0, 0
	for i, b := range body {
		switch b.Kind {
		case telegram.Convey:
			if depth == 0 && c == nil {
				c, first = &archive.Conveyed{To: b.Text}, i+1
			}
			depth++
		case telegram.End:
			if depth--; depth == 0 && c != nil && c.Text == "" {
				c.Signature, c.Gloss = signatureAndGloss(b.Text)
				if i+1 < len(body) && body[i+1].Kind == telegram.Insertion {
					c.Gloss = body[i+1].Text[1:]
				}
				c.Text = sheetText(body[first:i])
				for _, x := range body[first:i] {
					if x.Kind == telegram.Paragraph && numberedPoint(x.Text) {
						c.NumberedPoints++
					}
				}
			}
		}
	}
	return c
}

func signatureAndGloss(s string) (signature, gloss string) {
	before, after, ok := strings.Cut(s, " [")
	if !ok || !strings.HasSuffix(after, "]") {
		return s, ""
	}
	return before, strings.TrimSuffix(after, "]")
}

func numberedPoint(s string) bool {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n > 0 && n < len(s) && (s[n] == '.' || s[n] == ')')
}
