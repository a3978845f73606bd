package post_test

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/post"
	"chancery.example/chancery/telegram"
)

// signedLeaves is a disclosure of any leaves, all shown, under true signatures of MOSCOW's releaser: of an officer who signs what is no telegram.
func signedLeaves(head, body []telegram.Span) *telegram.Disclosure {
	var kinds []byte
	for _, s := range append(slices.Clone(head), body...) {
		kinds = append(kinds, s.Kind)
	}
	head[0].Value = kinds
	var root func(spans []telegram.Span, at int) [32]byte
	root = func(spans []telegram.Span, at int) [32]byte {
		switch len(spans) {
		case 0:
			return sha256.Sum256(nil)
		case 1:
			b := binary.BigEndian.AppendUint32(append([]byte{0}, spans[0].Salt[:]...), uint32(at))
			b = binary.BigEndian.AppendUint32(append(b, spans[0].Kind), uint32(len(spans[0].Value)))
			return sha256.Sum256(append(b, spans[0].Value...))
		}
		k := 1
		for k*2 < len(spans) {
			k *= 2
		}
		l, r := root(spans[:k], at), root(spans[k:], at+k)
		return sha256.Sum256(slices.Concat([]byte{1}, l[:], r[:]))
	}
	h, b := root(head, 0), root(body, 0)
	all := binary.BigEndian.AppendUint32(append([]byte(telegram.LabelRoot), 1), uint32(len(head)))
	all = append(binary.BigEndian.AppendUint32(append(all, h[:]...), uint32(len(body))), b[:]...)
	d := &telegram.Disclosure{Root: sha256.Sum256(all), Head: telegram.Part{Spans: head}, Body: telegram.Part{Spans: body}}
	d.Release, d.ReleasePQ = world().posts["MOSCOW"].people[releaser].Sign(telegram.LabelRelease, d.Root[:])
	return d
}

// What an officer signs though it is no telegram is refused by both programs, and for the same leaves.
func TestStrangerRefusesWhatIsNoTelegram(t *testing.T) {
	python := python(t)
	moscow, _ := spokenTo(t)
	read := func() *telegram.Disclosure {
		return must(telegram.ParseDisclosure(moscow.disclosed(post.ToDisclose{Way: archive.Out, Number: 2, Proof: post.ProofReleased}).Record))
	}
	if err := checkSigned(signedLeaves(read().Head.Spans, read().Body.Spans)); err != nil {
		t.Fatal(err)
	}
	leaf := func(kind uint8, value string) telegram.Span {
		return telegram.Span{Leaf: telegram.Leaf{Kind: kind, Value: []byte(value)}, Salt: [32]byte{kind}}
	}
	records := map[string][]byte{}
	field := func(kind uint8, value string) func(h, b []telegram.Span) ([]telegram.Span, []telegram.Span) {
		return func(h, b []telegram.Span) ([]telegram.Span, []telegram.Span) {
			i := slices.IndexFunc(h, func(s telegram.Span) bool { return s.Kind == kind })
			h[i].Value = []byte(value)
			return h, b
		}
	}
	insert := func(before uint8, s telegram.Span) func(h, b []telegram.Span) ([]telegram.Span, []telegram.Span) {
		return func(h, b []telegram.Span) ([]telegram.Span, []telegram.Span) {
			i := slices.IndexFunc(h[1:], func(s telegram.Span) bool { return s.Kind >= before }) + 1
			if i == 0 {
				i = len(h)
			}
			return slices.Insert(h, i, s), b
		}
	}
	text := func(spans ...telegram.Span) func(h, b []telegram.Span) ([]telegram.Span, []telegram.Span) {
		return func(h, _ []telegram.Span) ([]telegram.Span, []telegram.Span) { return h, spans }
	}
	later := string(binary.BigEndian.AppendUint64(nil, 1<<40))
	for what, alter := range map[string]func(h, b []telegram.Span) ([]telegram.Span, []telegram.Span){
		"two words in one leaf":          text(leaf(0x41, "two words")),
		"half a word":                    text(leaf(0x41, "a "), leaf(0x40, "ha"), leaf(0x40, "lf")),
		"a space first":                  text(leaf(0x41, " x")),
		"a space last":                   text(leaf(0x41, "x ")),
		"a space last before a convey":   text(leaf(0x41, "x "), leaf(0x42, ""), leaf(0x43, "")),
		"an empty word":                  text(leaf(0x41, "x "), leaf(0x40, "")),
		"an empty paragraph":             text(leaf(0x41, "")),
		"a character of control":         text(leaf(0x41, "x\x7f")),
		"a mark that turns the text":     text(leaf(0x41, "\u202ex")),
		"a character that is not seen":   text(leaf(0x41, "x\u200bx")),
		"a tag":                          text(leaf(0x41, "x\U000e0041")),
		"a noncharacter":                 text(leaf(0x41, "x\U0001fffe")),
		"a word before any paragraph":    text(leaf(0x40, "x")),
		"a word behind what is conveyed": text(leaf(0x42, ""), leaf(0x43, ""), leaf(0x40, "x")),
		"an end without a beginning":     text(leaf(0x43, "")),
		"a beginning without an end":     text(leaf(0x42, "")),
		"too deep":                       text(append(slices.Repeat([]telegram.Span{leaf(0x42, "")}, 5), slices.Repeat([]telegram.Span{leaf(0x43, "")}, 5)...)...),
		"a signature of two lines":       text(leaf(0x42, ""), leaf(0x43, "a\nb")),
		"an insertion in the air":        text(leaf(0x46, "\x01x")),
		"an insertion of no kind":        text(leaf(0x41, "x"), leaf(0x46, "\x04x")),
		"a blank that says something":    text(leaf(0x44, "x")),
		"an attachment":                  text(leaf(0x45, "x")),
		"another suite":                  field(2, "\x02"),
		"a sender that is none":          field(3, "OSLO"),
		"a sender with a control":        field(3, "MINISTRY@MOS\x1bCOW"),
		"no releaser":                    field(4, ""),
		"a releaser of seven bytes":      field(4, "\x00\x00\x00\x65\x00\x01\x00"),
		"no drafter":                     field(5, ""),
		"the drafter 0":                  field(5, "\x00\x00\x00\x00\x00\x01"),
		"a precedence of 6":              field(6, "\x06AMBASSADOR@LONDON"),
		"an empty addressee":             field(6, ""),
		"an addressee twice":             insert(7, leaf(6, "\x01AMBASSADOR@LONDON")),
		"an addressee as both":           insert(8, leaf(7, "\x01AMBASSADOR@LONDON")),
		"a label that is cut off":        field(8, "\x00\x00"),
		"a caveat of two lines":          field(8, "\x00\x00\x01\x03a\nb"),
		"an empty caveat":                field(8, "\x00\x00\x01\x00"),
		"an unknown type":                field(9, "\x03"),
		"a deadline of one byte":         field(10, "\x01"),
		"no DTG":                         field(11, ""),
		"no time of release":             field(12, ""),
		"no time to register":            field(13, ""),
		"a time to register too far":     field(13, later),
		"an unknown duty":                field(14, "\x04"),
		"a subject of two lines":         field(15, "a\nb"),
		"a subject that is too long":     field(15, strings.Repeat("x", 1025)),
		"a reference to nothing":         insert(18, leaf(17, "\x00\x07\xea\x00\x00\x00\x00\x04LIMA")),
		"a reference to no post":         insert(18, leaf(17, "\x00\x07\xea\x00\x00\x00\x01\x04\x1bIMA")),
		"an unknown act":                 insert(18, leaf(17, "\x08\x07\xea\x00\x00\x00\x01\x04LIMA")),
		"an act on an exercise":          insert(18, leaf(17, "\x02\x07\xea\x80\x00\x00\x01\x04LIMA")),
		"half an R":                      insert(18, leaf(17, "\x00\x07\xea\x00\x00\x00\x01\x04LIMA"+strings.Repeat("x", 16))),
		"an R of nothing":                insert(18, leaf(17, "\x00\x07\xea\x00\x00\x00\x01\x04LIMA"+strings.Repeat("\x00", 32))),
		"a code of small letters":        insert(19, leaf(18, "ice")),
		"a deskby of nothing":            insert(20, leaf(19, "")),
		"an urgency that is not":         insert(21, leaf(20, "\x00")),
		"an unknown field":               insert(22, leaf(0x21, "")),
		"a subject twice":                insert(16, leaf(15, "")),
		"fields in another order":        insert(0xff, leaf(18, "ICE")), // right, and then
		"a field less":                   func(h, b []telegram.Span) ([]telegram.Span, []telegram.Span) { return slices.Delete(h, 2, 3), b },
		"a word in the head":             insert(0xff, leaf(0x41, "x")),
	} {
		d := read()
		h, b := alter(d.Head.Spans, d.Body.Spans)
		if what == "fields in another order" {
			h = append(h, leaf(17, "\x00\x07\xea\x00\x00\x00\x01\x04LIMA"))
		}
		d = signedLeaves(h, b)
		if err := checkSigned(d); err == nil || !strings.Contains(err.Error(), "no telegram is so") && !strings.Contains(err.Error(), "written otherwise") {
			t.Errorf("%s: our check says %v", what, err)
		}
		records[what] = d.Marshal()
	}
	for what, says := range strangerSays(t, python, world().dir, records) {
		if says == "holds" {
			t.Errorf("%s: the stranger says that it holds", what)
		}
	}
}

func checkSigned(d *telegram.Disclosure) error {
	_, err := holdsRecord(world().dir, d.Marshal())
	return err
}
