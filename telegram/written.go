package telegram

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
)

const version = 1

// The kinds of head fields, in the order in which they are written.
const (
	kindSuite      = 2
	kindSender     = 3
	kindReleaser   = 4
	kindDrafter    = 5
	kindAction     = 6
	kindInfo       = 7
	kindLabel      = 8
	kindType       = 9
	kindDeadline   = 10
	kindDTG        = 11
	kindReleased   = 12
	kindRegisterBy = 13
	kindAsks       = 14
	kindSubject    = 15
	kindSignature  = 16
	kindReference  = 17
	kindCode       = 18
	kindDeskby     = 19
	kindUrgency    = 20
	kindOriginal   = 21
	kindConsidered = 22
)

// fields are the head as leaves, without the form.
func (t *Telegram) fields() []Leaf {
	l := []Leaf{{kindSuite, []byte{suite}}, {kindSender, []byte(t.From.String())}, {kindReleaser, keyRef(t.Releaser)}, {kindDrafter, keyRef(t.Drafter)}}
	for _, a := range t.To {
		l = append(l, Leaf{kindAction, append([]byte{byte(a.Precedence)}, a.String()...)})
	}
	for _, a := range t.Info {
		l = append(l, Leaf{kindInfo, append([]byte{byte(a.Precedence)}, a.String()...)})
	}
	l = append(l, Leaf{kindLabel, t.Label.marshal()}, Leaf{kindType, []byte{byte(t.Type)}}, Leaf{kindDeadline, instant(t.Deadline)},
		Leaf{kindDTG, binary.BigEndian.AppendUint64(nil, uint64(t.DTG))}, Leaf{kindReleased, instant(t.Released)},
		Leaf{kindRegisterBy, instant(t.RegisterBy)}, Leaf{kindAsks, []byte{byte(t.Asks)}}, Leaf{kindSubject, []byte(t.Subject)},
		Leaf{kindSignature, []byte(t.Signature)})
	for _, r := range t.References {
		l = append(l, Leaf{kindReference, r.marshal()})
	}
	for _, c := range t.Codes {
		l = append(l, Leaf{kindCode, []byte(c)})
	}
	if t.Deskby != 0 {
		l = append(l, Leaf{kindDeskby, instant(t.Deskby)})
	}
	if t.Urgency != InTime {
		l = append(l, Leaf{kindUrgency, []byte{byte(t.Urgency)}})
	}
	if t.Original != nil {
		l = append(l, Leaf{kindOriginal, t.Original.marshal()})
	}
	if t.Considered {
		l = append(l, Leaf{kindConsidered, []byte{1}})
	}
	return l
}

func keyRef(k KeyRef) []byte {
	if k == (KeyRef{}) {
		return nil
	}
	return binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint32(nil, k.Person), k.Key)
}

func instant(at int64) []byte {
	if at == 0 {
		return nil
	}
	return binary.BigEndian.AppendUint64(nil, uint64(at))
}

func appendShort(b []byte, s string) []byte { return append(append(b, byte(len(s))), s...) }

func (l *Label) marshal() []byte {
	b := appendShort(appendShort(nil, l.Policy), l.Classification)
	b = append(b, byte(len(l.Caveats)))
	for _, c := range l.Caveats {
		b = appendShort(b, c)
	}
	return append(b, instant(l.Review)...)
}

func (r *Reference) marshal() []byte {
	b := binary.BigEndian.AppendUint16([]byte{byte(r.Act)}, r.Year)
	b = appendShort(binary.BigEndian.AppendUint32(b, r.Serial), r.Post)
	if r.Root != (Root{}) {
		b = append(b, r.Root[:]...)
	}
	return b
}

// Marshal writes the telegram. It is defined for a telegram that passes Check.
func (t *Telegram) Marshal() []byte {
	b := append([]byte{version}, t.Seed[:]...)
	put := func(kind uint8, value []byte) {
		b = append(b, kind)
		b = binary.AppendUvarint(b, uint64(len(value)))
		b = append(b, value...)
	}
	for _, l := range t.fields() {
		put(l.Kind, l.Value)
	}
	for _, x := range t.Body {
		put(uint8(x.Kind), []byte(x.Text))
	}
	for i := range t.Attachments {
		put(kindAttachment, t.Attachments[i].marshal())
	}
	return b
}

// ErrMalformed is in every error of Parse and its sisters: the bytes are not what Marshal writes.
var ErrMalformed = errors.New("malformed")

func malformed(what string) error { return fmt.Errorf("telegram: %s: %w", what, ErrMalformed) }

// Parse reads a telegram, and accepts only what Marshal writes of a telegram that passes Check.
func Parse(b []byte) (*Telegram, error) {
	t, err := parseBare(b, 0)
	if err != nil {
		return nil, err
	}
	if err := t.Check(); err != nil {
		return nil, fmt.Errorf("telegram: %w (%w)", err, ErrMalformed)
	}
	return t, nil
}

// parseBare reads a telegram that stands so deep within others, and leaves to Parse what can only be judged with its text.
func parseBare(b []byte, depth int) (*Telegram, error) {
	if len(b) < 33 || b[0] != version {
		return nil, malformed("no telegram of version 1")
	}
	t := &Telegram{Seed: [32]byte(b[1:33])}
	for rest := b[33:]; len(rest) > 0; {
		kind := rest[0]
		n, k := binary.Uvarint(rest[1:])
		if k <= 0 || n > uint64(len(rest)-1-k) {
			return nil, malformed("a part is cut off")
		}
		value := rest[1+k:][:n]
		rest = rest[1+k+int(n):]
		if len(t.To)+len(t.Info) > MaxAddressees || len(t.References) > MaxReferences || len(t.Body) > MaxBlocks || len(t.Attachments) > MaxAttachments {
			return nil, malformed("too many parts")
		}
		if err := t.take(kind, value, depth); err != nil {
			return nil, err
		}
	}
	if err := t.check(MaxText); err != nil {
		return nil, fmt.Errorf("telegram: %w (%w)", err, ErrMalformed)
	}
	// Order, repeated fields, long lengths, a wrong suite: all that is not the one written form shows here.
	if !bytes.Equal(t.Marshal(), b) {
		return nil, malformed("not in its one written form")
	}
	return t, nil
}

// take puts one field or block where it belongs. It is lenient: Parse compares the whole afterwards.
func (t *Telegram) take(kind uint8, v []byte, depth int) (err error) {
	s := cryptobyte.String(v)
	ok := true
	switch kind {
	case kindSuite:
	case kindSender:
		t.From, err = ParseAddress(string(v))
	case kindReleaser:
		ok = len(v) == 0 || readKeyRef(&s, &t.Releaser)
	case kindDrafter:
		ok = readKeyRef(&s, &t.Drafter)
	case kindAction, kindInfo:
		var a Addressee
		if len(v) == 0 {
			return malformed("an addressee is empty")
		}
		a.Precedence = Precedence(v[0])
		if a.Address, err = ParseAddress(string(v[1:])); kind == kindAction {
			t.To = append(t.To, a)
		} else {
			t.Info = append(t.Info, a)
		}
	case kindLabel:
		ok = t.Label.read(&s)
	case kindType:
		ok = s.ReadUint8((*uint8)(&t.Type))
	case kindDeadline:
		ok = readInstant(&s, &t.Deadline)
	case kindDTG:
		ok = len(v) == 8 && readTime(&s, &t.DTG)
	case kindReleased:
		ok = readInstant(&s, &t.Released)
	case kindRegisterBy:
		ok = readInstant(&s, &t.RegisterBy)
	case kindAsks:
		ok = s.ReadUint8((*uint8)(&t.Asks))
	case kindSubject:
		t.Subject = string(v)
	case kindSignature:
		t.Signature = string(v)
	case kindReference:
		var r Reference
		ok = r.read(&s)
		t.References = append(t.References, r)
	case kindCode:
		t.Codes = append(t.Codes, string(v))
	case kindDeskby:
		ok = readInstant(&s, &t.Deskby)
	case kindUrgency:
		ok = s.ReadUint8((*uint8)(&t.Urgency))
	case kindOriginal:
		t.Original, err = parseOriginal(v, depth+1)
		return err
	case kindConsidered:
		t.Considered, ok = true, len(v) == 1
	case uint8(Insertion), uint8(More), uint8(Paragraph), uint8(Convey), uint8(End), uint8(Blank):
		t.Body = append(t.Body, Block{BlockKind(kind), string(v)})
	case kindAttachment:
		var a Attachment
		if a, err = ParseAttachment(v); err != nil {
			return err
		}
		t.Attachments = append(t.Attachments, a)
	default:
		return malformed(fmt.Sprintf("a part of unknown kind %#02x", kind))
	}
	if err != nil {
		return fmt.Errorf("telegram: %w (%w)", err, ErrMalformed)
	}
	if !ok {
		return malformed(fmt.Sprintf("the part of kind %#02x", kind))
	}
	return nil
}

func readKeyRef(s *cryptobyte.String, k *KeyRef) bool {
	return s.ReadUint32(&k.Person) && s.ReadUint16(&k.Key)
}

func readTime(s *cryptobyte.String, at *int64) bool {
	var u uint64
	ok := s.ReadUint64(&u)
	*at = int64(u)
	return ok
}

func readInstant(s *cryptobyte.String, at *int64) bool { return s.Empty() || readTime(s, at) }

func readShort(s *cryptobyte.String, out *string) bool {
	var v cryptobyte.String
	ok := s.ReadUint8LengthPrefixed(&v)
	*out = string(v)
	return ok
}

func (l *Label) read(s *cryptobyte.String) bool {
	var n uint8
	if !readShort(s, &l.Policy) || !readShort(s, &l.Classification) || !s.ReadUint8(&n) {
		return false
	}
	l.Caveats = nil // of a label given before: Parse refuses both, and until then they cost no memory
	for range n {
		var c string
		if !readShort(s, &c) {
			return false
		}
		l.Caveats = append(l.Caveats, c)
	}
	return readInstant(s, &l.Review) && s.Empty()
}

func (r *Reference) read(s *cryptobyte.String) bool {
	if !s.ReadUint8((*uint8)(&r.Act)) || !s.ReadUint16(&r.Year) || !s.ReadUint32(&r.Serial) || !readShort(s, &r.Post) {
		return false
	}
	return s.Empty() || s.CopyBytes(r.Root[:]) && s.Empty()
}
