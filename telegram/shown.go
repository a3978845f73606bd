package telegram

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// maxHead is more leaves than the head of any telegram has.
const maxHead = 32 + MaxAddressees + MaxReferences + MaxCodes

// Shown is what a disclosure shows, after [Disclosure.Check].
type Shown struct {
	d *Disclosure
	// t has the form of the telegram, and all that is shown of it. In the place of what is withheld stands something else, so no more may be read of it
	// than is shown.
	t        *Telegram
	withheld map[uint8]int // leaves of the head, by kind
	entered  bool          // its numbers were proved
}

// shown builds a telegram of what is shown and refuses what no telegram can have. So a disclosure is judged by the rules by which a telegram is, and
// not by others that are written beside them.
func (d *Disclosure) shown(form []byte, nh int) (*Shown, error) {
	if nh > maxHead {
		return nil, fmt.Errorf("its head has %d parts", nh)
	}
	s := &Shown{d: d, t: &Telegram{Seed: [32]byte{1}}, withheld: map[uint8]int{}}
	if err := s.takeHead(form[:nh]); err != nil {
		return nil, err
	}
	kinds := form[nh:]
	if i := bytes.IndexByte(kinds, kindAttachment); i >= 0 {
		if err := s.takeAttachments(kinds, i); err != nil {
			return nil, err
		}
		kinds = kinds[:i]
	}
	var text int
	if s.t.Body, text = d.Body.blocks(kinds); s.t.Released == 0 {
		return nil, errors.New("nobody released it")
	}
	if err := s.t.check(text); err != nil {
		return nil, err
	}
	// The form is the first of the leaves that are compared, and with it how many there are.
	body := s.t.BodyLeaves()
	if !d.Head.among(withForm(formKind, s.t.fields(), body)) || !d.Body.among(body) {
		return nil, errors.New("its leaves are not those of a telegram")
	}
	return s, nil
}

// takeHead reads the head's leaves of these kinds that are shown, and fills in the others.
func (s *Shown) takeHead(kinds []byte) error {
	used := map[string]bool{} // what a telegram has once only
	for i := range s.d.Head.Spans {
		if v := s.d.Head.Spans[i].Value; len(v) > 0 {
			used[string(v)], used[string(v[1:])] = true, true
		}
	}
	at := 0
	for i := range s.d.Head.Spans {
		x := &s.d.Head.Spans[i]
		for _, kind := range kinds[at:][:max(1, x.Withheld)] {
			var err error
			switch {
			case at == 0:
			case kind >= uint8(More):
				err = fmt.Errorf("a part of kind %#02x stands in its head", kind)
			case x.Withheld > 0:
				s.withheld[kind]++
				err = s.t.fill(kind, used)
			case kind == kindOriginal:
				err = errors.New("it shows the head and the seed of the telegram that is passed on")
			default:
				err = s.t.take(kind, x.Value, 0)
			}
			if err != nil {
				return err
			}
			at++
		}
	}
	t := s.t
	if s.withheld[kindReleased] > 0 {
		if t.Released = t.RegisterBy; s.withheld[kindRegisterBy] > 0 {
			t.Released = 1
		}
	}
	if s.withheld[kindRegisterBy] > 0 {
		t.RegisterBy = t.Released
	}
	for _, r := range t.References {
		if s.withheld[kindType] > 0 && r.Act != Refers {
			t.Type, _ = Unmark(r.Serial)
		}
	}
	s.citeOriginal()
	return nil
}

// citeOriginal lets a withheld reference be the one that what is passed on belongs to, if no other is.
func (s *Shown) citeOriginal() {
	if s.t.Original == nil || s.t.On() != nil {
		return
	}
	for i := range s.t.References {
		if r := &s.t.References[i]; r.Post == fillPost && r.Serial == 1 && r.Act == Refers {
			r.Act, r.Serial, r.Root = Readdresses, s.t.Type.Mark(1), Root{1}
			return
		}
	}
}

// fillPost stands for a post that is withheld.
const fillPost = "WITHHELD"

// fill puts something that a telegram can have in the place of a withheld leaf of the head.
func (t *Telegram) fill(kind uint8, used map[string]bool) error {
	// once gives a text that the telegram does not have yet.
	once := func(form string) string {
		for n := 0; ; n++ {
			if x := fmt.Sprintf(form, n); !used[x] {
				used[x] = true
				return x
			}
		}
	}
	var err error
	switch kind {
	case kindSender:
		t.From = Address{"WITHHELD", "WITHHELD"}
	case kindReleaser:
		t.Releaser = KeyRef{1, 1}
	case kindDrafter:
		t.Drafter = KeyRef{1, 1}
	case kindAction, kindInfo:
		err = t.take(kind, append([]byte{0}, once("WITHHELD %d@WITHHELD")...), 0)
	case kindReference:
		t.References = append(t.References, Reference{Post: fillPost, Serial: 1})
	case kindCode:
		t.Codes = append(t.Codes, once("W%05d"))
	case kindDeskby:
		t.Deskby = 1
	case kindUrgency:
		t.Urgency = Immediately
	case kindOriginal:
		t.Original = &Released{Telegram: &Telegram{}}
	case kindConsidered:
		t.Considered = true
	case kindSuite, kindLabel, kindType, kindDeadline, kindDTG, kindReleased, kindRegisterBy, kindAsks, kindSubject, kindSignature:
	default:
		return fmt.Errorf("a part of unknown kind %#02x", kind)
	}
	return err
}

// takeAttachments reads the attachments that are shown, of the leaves from that one on, and fills in the others.
func (s *Shown) takeAttachments(kinds []byte, from int) error {
	if n := bytes.Count(kinds, []byte{kindAttachment}); n != len(kinds)-from || n > MaxAttachments {
		return errors.New("attachments stand behind the text, and are not so many")
	}
	at, names := 0, map[string]bool{}
	for i := range s.d.Body.Spans {
		x := &s.d.Body.Spans[i]
		for range max(1, x.Withheld) {
			if at >= from && x.Withheld == 0 {
				a, err := ParseAttachment(x.Value)
				if err != nil {
					return err
				}
				names[lowerASCII(a.Name)] = true
				s.t.Attachments = append(s.t.Attachments, a)
			} else if at >= from {
				s.t.Attachments = append(s.t.Attachments, Attachment{})
			}
			at++
		}
	}
	for i := range s.t.Attachments {
		for n := 0; s.t.Attachments[i].Name == ""; n++ {
			if name := fmt.Sprintf("withheld %d", n); !names[name] {
				// No file has a root of zeros, so no secret that is shown is this one by chance.
				names[name], s.t.Attachments[i].Name, s.t.Attachments[i].Secret = true, name, [32]byte{byte(n), byte(i), 1}
			}
		}
	}
	return nil
}

// gap is the word that stands for a withheld one: a character that is a word by itself whatever is beside it.
const gap = "一"

// blocks makes the blocks of which these are the leaves, and gives how much text they may have.
func (p *Part) blocks(kinds []byte) (body []Block, text int) {
	text = MaxText
	var words strings.Builder // of the last block, while it goes on
	open := false
	end := func() {
		if open {
			body[len(body)-1].Text, open = words.String(), false
			words.Reset()
		}
	}
	add := func(kind BlockKind, value string) {
		switch last := len(body) - 1; {
		case kind == More && open:
			words.WriteString(value)
		case kind == More || kind == Paragraph:
			end()
			body, open = append(body, Block{Kind: kind}), true
			words.WriteString(value)
		case kind == Blank && !open && last >= 0 && body[last].Kind == Blank && body[last].Text[0] < 255:
			body[last].Text = string([]byte{body[last].Text[0] + 1})
		case kind == Blank:
			end()
			body = append(body, Block{Blank, "\x01"})
		default:
			end()
			body = append(body, Block{kind, value})
		}
	}
	at := 0
	for i := range p.Spans {
		s := &p.Spans[i]
		for _, k := range kinds[at:min(at+max(1, s.Withheld), len(kinds))] {
			value := string(s.Value)
			if kind := BlockKind(k); s.Withheld > 0 && (kind == More || kind == Paragraph) {
				value = gap
			} else if s.Withheld > 0 && kind == Insertion {
				value = "\x01" + gap
			}
			if s.Withheld > 0 {
				text += len(value)
			}
			add(BlockKind(k), value)
		}
		if at += max(1, s.Withheld); at >= len(kinds) {
			break
		}
	}
	end()
	return body, text
}

// among says whether the leaves that are shown stand among all leaves.
func (p *Part) among(all []Leaf) bool {
	at := 0
	for i := range p.Spans {
		s := &p.Spans[i]
		if s.Withheld == 0 && !bytes.Equal(s.Value, all[at].Value) {
			return false
		}
		at += max(1, s.Withheld)
	}
	return true
}

// Sender is the office that sent it; ok is false when that is withheld.
func (s *Shown) Sender() (a Address, ok bool) { return s.t.From, s.withheld[kindSender] == 0 }

// Releaser is who released it, by which key; ok is false when that is withheld.
func (s *Shown) Releaser() (k KeyRef, ok bool) { return s.t.Releaser, s.withheld[kindReleaser] == 0 }

// Drafter is who drafted it, as its releaser signed; ok is false when that is withheld.
func (s *Shown) Drafter() (k KeyRef, ok bool) { return s.t.Drafter, s.withheld[kindDrafter] == 0 }

// Released is when it was released, seconds since 1970; ok is false when that is withheld.
func (s *Shown) Released() (at int64, ok bool) { return s.t.Released, s.withheld[kindReleased] == 0 }

// Addresses says whether a post is addressed; known is false when it may be among addressees that are withheld.
func (s *Shown) Addresses(post string) (addressed, known bool) {
	_, addressed = s.t.PrecedenceFor(post)
	return addressed, addressed || s.withheld[kindAction]+s.withheld[kindInfo] == 0
}

// The kinds of the numbers' leaves.
const (
	numbersForm = 0x80
	kindNumber  = 0x81
	kindSerial  = 0x82
	kindEntered = 0x83
)

// checkNumbers says whether the numbers that are shown can be those of the telegram.
func (s *Shown) checkNumbers(kind EntryKind, form []byte) error {
	n, err := s.d.Numbers.numbers(form)
	if err != nil {
		return err
	}
	typed := s.withheld[kindType] == 0
	for _, x := range n.Serials {
		if typed && !s.t.Type.numbered(x.Number) {
			return fmt.Errorf("serial %s is not of the series for its type", NumberText(x.Number))
		}
		if addressed, known := s.Addresses(x.Post); kind == EntryOut && known && !addressed {
			return fmt.Errorf("it has a serial for %s, which is not addressed", x.Post)
		}
		if from, ok := s.Sender(); kind != EntryOut && ok && from.Post != x.Post {
			return fmt.Errorf("it has a serial of %s, which did not send it", x.Post)
		}
	}
	if typed && n.Register != 0 && !s.t.Type.numbered(n.Register) {
		return fmt.Errorf("number %s is not of the series for its type", NumberText(n.Register))
	}
	if n.Registered == 0 {
		return nil
	}
	if year := yearOf(n.Registered); n.Register != 0 && year != int(n.Year) {
		return fmt.Errorf("it took a number of %d in %d", n.Year, year)
	}
	early := s.withheld[kindReleased] == 0 && n.Registered < s.t.Released
	late := s.withheld[kindRegisterBy] == 0 && n.Registered > s.t.RegisterBy
	if kind == EntryOut && (early || late) {
		return errors.New("it was registered outside the times that its releaser signed")
	}
	return nil
}

// numbers reads the numbers that are shown; those that are withheld are left zero.
func (p *Part) numbers(form []byte) (*Numbers, error) {
	last := len(form) - 1
	if last < 3 || form[1] != kindNumber || form[last] != kindEntered || bytes.Count(form, []byte{kindSerial}) != last-2 {
		return nil, errors.New("its numbers are not a number, serials, and a time")
	}
	n := &Numbers{}
	for i := range p.Spans[1:] {
		x := &p.Spans[i+1]
		v, size, ok := x.Value, len(x.Value), true
		switch {
		case x.Withheld > 0:
		case x.Kind == kindNumber && size == 6:
			n.Year, n.Register = binary.BigEndian.Uint16(v), binary.BigEndian.Uint32(v[2:])
			ok = n.Register != 0
		case x.Kind == kindSerial && size > 4:
			s := Serial{string(v[:size-4]), binary.BigEndian.Uint32(v[size-4:])}
			n.Serials = append(n.Serials, s)
			ok = s.Number != 0 && CheckPostName(s.Post) == nil
		case x.Kind == kindEntered && size == 8:
			n.Registered = int64(binary.BigEndian.Uint64(v))
			ok = n.Registered != 0
		default:
			ok = false
		}
		if !ok {
			return nil, fmt.Errorf("its number of kind %#02x is none", x.Kind)
		}
	}
	return n, nil
}
