package telegram

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Bounds of a telegram. What is larger is refused with words that say so.
const (
	MaxText       = 1 << 20 // bytes of the body's text together
	MaxAddressees = 256
	MaxReferences = 64
	MaxBlocks     = 1 << 16 // of the body: a block of no text costs memory too
	MaxBlanks     = 1 << 16 // blank leaves of the body together
	MaxDepth      = 4       // of telegrams conveyed within telegrams
	MaxLine       = 1024
	maxCaveats    = 32
	MaxRegisterBy = 30 * 24 * time.Hour // from release to the last moment of registering
)

// Telegram is what a drafter hands over and an officer releases. It has no numbers: those are the post's to give.
// A Telegram is a value: whoever has signed or hashed one must not change it.
type Telegram struct {
	Seed     [32]byte // random, made when it is handed over; salts every leaf
	From     Address
	Releaser KeyRef // zero while only handed over
	Drafter  KeyRef
	To       []Addressee // action: they must act
	Info     []Addressee // they shall know
	Label    Label
	Type     Type
	Deadline int64 // seconds since 1970, 0 for none
	DTG      int64 // time of origin, seconds since 1970

	Released   int64 // seconds since 1970; 0 while only handed over
	RegisterBy int64

	Asks       Asks
	Subject    string
	Signature  string // the name under the text
	References []Reference
	Codes      []string // subject codes (RFC 6477 section 3.1.6), each at most 8 letters and digits
	Deskby     int64    // when it must lie on the addressee's desk (ACP 127), seconds since 1970, 0 for none
	Urgency    Urgency  // of the act that is asked, not of the telegram

	Original   *Released // of a readdressal: what it passes on, but for its text, which stands in the body: see Readdressed
	Considered bool      // MINIMIZE considered: it is to go though traffic is restricted (ACP 121)
	Body       []Block

	Attachments []Attachment // they stand behind the text, and outside what is conveyed
}

// Urgency says how soon the addressee is to act. It is no precedence: a telegram may travel slowly and ask for an act at once.
type Urgency uint8

// The urgencies.
const (
	InTime      Urgency = iota // by the deadline, if there is one
	Immediately                // "Immediately visit …"
)

// Label says how a telegram is to be protected: RFC 7444's policy and classification, caveats, and the date it is looked at again.
type Label struct {
	Policy         string   `json:"policy,omitempty"`
	Classification string   `json:"classification,omitempty"`
	Caveats        []string `json:"caveats,omitempty"` // "SPECIAL FILE"
	Review         int64    `json:"review,omitempty"`  // seconds since 1970, 0 for none
}

// Asks are the duties laid on action addressees beyond acting.
type Asks uint8

// The duties.
const (
	AskReceipt    Asks = 1 << iota // confirm receipt
	AskFulfilment                  // telegraph the fulfilment: only a report closes the order
)

// Act is what a telegram does to the one it refers to.
type Act uint8

// The acts.
const (
	Refers       Act = iota // cites it only
	Acknowledges            // we will do it
	Fulfils                 // it is done: closes the order on both sides
	PartFulfils             // part of it is done
	AsksTime                // it needs more time: its own deadline is the one asked for
	GrantsTime              // it has more time: until the deadline of this telegram
	CannotComply            // it will not be done, and why: closes the order on both sides
	Conveys                 // what was to be conveyed was: when, where, to whom, orally or left
	Cancels                 // it counts no more: what it orders ends on both sides
	Corrects                // this is to be read beside it
	Readdresses             // an addressee passes it on to others
	Repeats                 // the same text once more, because a person asked for it
)

var acts = [...]string{"refers", "acknowledges", "fulfils", "part-fulfils", "asks-time", "grants-time", "cannot-comply", "conveys",
	"cancels", "corrects", "readdresses", "repeats"}

const lastAct = Repeats

// OnOne says whether an act is one of those that a telegram does to one other telegram and to no second: cancel, correct, readdress, repeat.
func (a Act) OnOne() bool { return a >= Cancels }

func (a Act) String() string {
	if int(a) < len(acts) {
		return acts[a]
	}
	return fmt.Sprintf("act %d", uint8(a))
}

// MarshalText writes the act as its word.
func (a Act) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// Reference cites another telegram by the number people cite: the serial given by the post that sent it, and the year.
type Reference struct {
	Act    Act
	Post   string // whose serial it is
	Year   uint16
	Serial uint32
	Root   Root // of the cited telegram, zero if not known
}

// BlockKind is the kind of a block of the body.
type BlockKind uint8

// The kinds of blocks; their numbers are those of the leaves.
const (
	More      BlockKind = 0x40
	Paragraph BlockKind = 0x41
	Convey    BlockKind = 0x42
	End       BlockKind = 0x43
	Blank     BlockKind = 0x44
	Insertion BlockKind = 0x46 // 0x45 is an attachment's
)

// The kinds of insertions: the first byte of an Insertion's Text. The author did not write it, somebody else put it in.
const (
	Supplied = 1 // a word that is missing
	Gloss    = 2 // what a word or a name means
	Sic      = 3 // it stands so
)

// Block is one piece of a body: see the package comment. A Blank's Text is its count as one byte, an Insertion's
// begins with its kind.
type Block struct {
	Kind BlockKind
	Text string
}

// AddressedPosts are the posts the telegram goes to, each once, in the order in which the addressees name them, action before info.
func (t *Telegram) AddressedPosts() []string {
	var out []string
	for _, a := range slices.Concat(t.To, t.Info) {
		if !slices.Contains(out, a.Post) {
			out = append(out, a.Post)
		}
	}
	return out
}

// PrecedenceFor is the highest precedence of the post's own addressees, and whether it has any.
func (t *Telegram) PrecedenceFor(post string) (p Precedence, addressed bool) {
	for _, a := range slices.Concat(t.To, t.Info) {
		if a.Post == post {
			p, addressed = max(p, a.Precedence), true
		}
	}
	return p, addressed
}

// Precedence is the highest precedence of all addressees.
func (t *Telegram) Precedence() (p Precedence) {
	for _, a := range slices.Concat(t.To, t.Info) {
		p = max(p, a.Precedence)
	}
	return p
}

// Check says what is wrong with the telegram, in words for its drafter. A telegram that passes can be written and read back.
func (t *Telegram) Check() error {
	err := t.check(MaxText)
	if err == nil && t.Original != nil {
		_, err = t.original()
	}
	return err
}

// check lets the text have so many bytes, and does not ask what a readdressal's text must be: an original is read without its text.
func (t *Telegram) check(most int) error {
	if err := t.checkAddresses(); err != nil {
		return err
	}
	if t.Seed == ([32]byte{}) {
		return errors.New("the seed is missing: without it every leaf could be guessed")
	}
	if t.Drafter.Person == 0 || t.Drafter.Key == 0 {
		return errors.New("the drafter is missing")
	}
	if t.Releaser != (KeyRef{}) && (t.Releaser.Person == 0 || t.Releaser.Key == 0) {
		return errors.New("the releaser is missing")
	}
	if t.Releaser == (KeyRef{}) != (t.Released == 0) || (t.Released == 0) != (t.RegisterBy == 0) {
		return errors.New("a release has a releaser, a time and a last moment to register: one of them is missing")
	}
	// Unsigned, for the difference of two times can be more than an int64 holds.
	if t.Released != 0 && (t.RegisterBy < t.Released || uint64(t.RegisterBy-t.Released) > uint64(MaxRegisterBy/time.Second)) {
		return errors.New("a released telegram must be registered within 30 days of its release")
	}
	if t.Type > Drill {
		return fmt.Errorf("type %d is unknown", t.Type)
	}
	if t.Asks > AskReceipt|AskFulfilment {
		return fmt.Errorf("it asks for something unknown (%#x)", uint8(t.Asks))
	}
	if err := t.checkLines(); err != nil {
		return err
	}
	if t.Urgency > Immediately {
		return fmt.Errorf("urgency %d is unknown", t.Urgency)
	}
	if err := t.checkCodes(); err != nil {
		return err
	}
	if len(t.References) > MaxReferences {
		return fmt.Errorf("it has %d references, at most %d are possible", len(t.References), MaxReferences)
	}
	for _, r := range t.References {
		if r.Act > lastAct || r.Serial == 0 {
			return errors.New("a reference needs a known act and a number")
		}
		if r.Act != Refers && !t.Type.numbered(r.Serial) {
			return fmt.Errorf("an act on %s %s is of another type than %v: an exercise answers exercises only", r.Post, NumberText(r.Serial), t.Type)
		}
		if err := CheckPostName(r.Post); err != nil {
			return fmt.Errorf("a reference: %w", err)
		}
	}
	if err := t.checkOnOne(); err != nil {
		return err
	}
	if err := t.checkAttachments(); err != nil {
		return err
	}
	return checkBody(t.Body, most)
}

func (t *Telegram) checkAddresses() error {
	if err := t.From.check(); err != nil {
		return fmt.Errorf("the sender: %w", err)
	}
	if len(t.To) == 0 && (t.Original == nil || len(t.Info) == 0) { // only what is passed on may be for information alone
		return errors.New("it has no action addressee: say to whom it goes")
	}
	if n := len(t.To) + len(t.Info); n > MaxAddressees {
		return fmt.Errorf("it has %d addressees, at most %d are possible", n, MaxAddressees)
	}
	seen := map[Address]bool{}
	for _, a := range slices.Concat(t.To, t.Info) {
		if err := a.check(); err != nil {
			return fmt.Errorf("an addressee: %w", err)
		}
		if a.Precedence > Override {
			return fmt.Errorf("addressee %s: %s is unknown", a.Address, a.Precedence)
		}
		if seen[a.Address] {
			return fmt.Errorf("%s is addressed twice", a.Address)
		}
		seen[a.Address] = true
	}
	return nil
}

// MaxCodes bounds the subject codes of a telegram, as RFC 6477 section 3.1.6 does.
const MaxCodes = 8

func (t *Telegram) checkCodes() error {
	if len(t.Codes) > MaxCodes {
		return fmt.Errorf("it has %d subject codes, at most %d are possible", len(t.Codes), MaxCodes)
	}
	for i, c := range t.Codes {
		if len(c) < 3 || len(c) > 8 || strings.Trim(c, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "" {
			return fmt.Errorf("the subject code %q is not of 3 to 8 capital letters and digits", c)
		}
		if slices.Contains(t.Codes[:i], c) {
			return fmt.Errorf("the subject code %s stands twice", c)
		}
	}
	return nil
}

func (t *Telegram) checkLines() error {
	if len(t.Label.Caveats) > maxCaveats {
		return fmt.Errorf("it has more than %d caveats", maxCaveats)
	}
	for _, s := range append([]string{t.Label.Policy, t.Label.Classification}, t.Label.Caveats...) {
		if err := checkLine(s, 255); err != nil {
			return fmt.Errorf("the label: %w", err)
		}
	}
	if slices.Contains(t.Label.Caveats, "") {
		return errors.New("the label: a caveat is empty")
	}
	if err := checkLine(t.Subject, MaxLine); err != nil {
		return fmt.Errorf("the subject: %w", err)
	}
	if err := checkLine(t.Signature, MaxLine); err != nil {
		return fmt.Errorf("the signature: %w", err)
	}
	return nil
}

func checkLine(s string, limit int) error {
	if len(s) > limit {
		return fmt.Errorf("%d bytes, at most %d are possible", len(s), limit)
	}
	if strings.ContainsAny(s, "\n\t") {
		return errors.New("it must stand on one line")
	}
	return checkText(s)
}

// CheckBody says what is wrong with a body: bytes that no telegram carries, brackets that do not close, too much of it.
func CheckBody(body []Block) error { return checkBody(body, MaxText) }

func checkBody(body []Block, most int) error {
	if len(body) > MaxBlocks {
		return fmt.Errorf("the text has %d blocks, at most %d are possible: send it in parts", len(body), MaxBlocks)
	}
	size, depth, blanks := 0, 0, 0
	open := false // a paragraph has begun that may go on
	for i, b := range body {
		if size += len(b.Text); size > most {
			return fmt.Errorf("the text is longer than %d bytes: send it in parts", most)
		}
		switch b.Kind {
		case Paragraph, More:
			if b.Text == "" || strings.Trim(b.Text, spaces) != b.Text {
				return errors.New("a paragraph is empty, or has a space at its end")
			}
			if b.Kind == More && (!open || body[i-1].Kind != Blank && body[i-1].Kind != Insertion) {
				return errors.New("a paragraph goes on only after a blank or an insertion")
			}
			open = true
			if err := checkText(b.Text); err != nil {
				return fmt.Errorf("the text: %w", err)
			}
		case Convey, End:
			open = false
			if b.Kind == Convey {
				depth++
			} else {
				depth--
			}
			if depth > MaxDepth {
				return fmt.Errorf("telegrams are conveyed within telegrams at most %d deep", MaxDepth)
			}
			if depth < 0 {
				return errors.New("a conveyed telegram ends that never began")
			}
			if err := checkLine(b.Text, MaxLine); err != nil {
				return fmt.Errorf("a conveyed telegram: %w", err)
			}
		case Blank:
			if len(b.Text) != 1 || b.Text == "\x00" {
				return errors.New("a blank says how long it is, from 1 to 255")
			}
			// R sees the leaves of a run and not its cuts, so a run has one written form: every blank of it but the last is full.
			if i > 0 && body[i-1].Kind == Blank && body[i-1].Text != "\xff" {
				return errors.New("two blanks in a row: write them as one")
			}
			if blanks += int(b.Text[0]); blanks > MaxBlanks {
				return fmt.Errorf("it has more than %d blanks", MaxBlanks)
			}
		case Insertion:
			if !open && (i == 0 || body[i-1].Kind != End) {
				return errors.New("an insertion stands within a paragraph, or behind a signature")
			}
			if len(b.Text) < 2 || b.Text[0] < Supplied || b.Text[0] > Sic {
				return errors.New("an insertion says of which kind it is, and something")
			}
			if err := checkLine(b.Text[1:], MaxLine); err != nil {
				return fmt.Errorf("an insertion: %w", err)
			}
		default:
			return fmt.Errorf("a block of unknown kind %#02x", uint8(b.Kind))
		}
	}
	if depth != 0 {
		return errors.New("a conveyed telegram does not end")
	}
	return nil
}

// checkText refuses what cannot be shown as it is: broken UTF-8, control characters, and marks that reorder what a reader sees.
func checkText(s string) error {
	if !utf8.ValidString(s) {
		return errors.New("it is not UTF-8")
	}
	for i, r := range s {
		switch {
		case r == '\n' || r == '\t':
		case r < 0x20 || r >= 0x7f && r < 0xa0:
			return fmt.Errorf("it has the control character U+%04X at byte %d", r, i)
		case r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069:
			return fmt.Errorf("it has U+%04X at byte %d, which changes the order in which text is shown", r, i)
		case unseen(r):
			return fmt.Errorf("it has the unseen character U+%04X at byte %d", r, i)
		}
	}
	return nil
}

// unseen says that a character shows nothing, so that it could carry what the officer who signs does not see. Joiners (U+200C, U+200D) and
// direction marks (U+200E, U+200F) stay: Persian, Hindi and Arabic are written with them.
func unseen(r rune) bool {
	switch {
	case r == 0xad, r == 0x200b, r == 0x2028, r == 0x2029, r == 0xfeff:
		return true
	case r >= 0x2060 && r <= 0x2065, r >= 0x206a && r <= 0x206f, r >= 0xfff9 && r <= 0xfffb:
		return true
	case r >= 0xfdd0 && r <= 0xfdef, r&0xfffe == 0xfffe: // noncharacters
		return true
	}
	return r >= 0xe0000 && r <= 0xe0fff // tags, variation selectors
}
