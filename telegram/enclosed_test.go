package telegram

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// An attachment is withheld as one leaf unless somebody says otherwise: shown it would give the key of its file away.
func TestDisclosedAttachments(t *testing.T) {
	tg := spoken()
	tg.Attachments = []Attachment{attachment("Map of the [[harbour]].pdf", 81920), attachment("Names.txt", 5), attachment("Third train 1.png", 7)}
	tg.Attachments[1].Secret = [32]byte{'[', '[', ']', ']'}
	r := registered(tg)
	body := func(cut func(x *Redaction)) (string, []Gap, *Shown) {
		s := readBack(t, r, disclosed(t, r, cut))
		return s.String(), s.Gaps(), s
	}
	text, gaps, s := body(func(*Redaction) {})
	if !strings.HasSuffix(text, "\n\n[attachment [[withheld]]]\n\n[attachment [[withheld]]]\n\n[attachment [[withheld]]]\n") || len(gaps) != 1 || gaps[0] != (Gap{"text", 3, ""}) {
		t.Errorf("%s\n%v", text, gaps)
	}
	if s.Brackets() {
		t.Error("what is withheld has brackets")
	}
	for _, secret := range []string{"Map of", "Names", "81920"} {
		if strings.Contains(string(disclosed(t, r, func(*Redaction) {}).Marshal()), secret) {
			t.Errorf("%q is told", secret)
		}
	}
	text, _, s = body(func(x *Redaction) { do(t, x.Attachment(2)) })
	if !strings.HasSuffix(text, "[attachment [[withheld]]]\n\n[attachment Names.txt, 5 bytes]\n\n[attachment [[withheld]]]\n") || s.Brackets() {
		t.Errorf("%s", text)
	}
	if _, _, s = body(func(x *Redaction) { do(t, x.Attachment(1)) }); !s.Brackets() {
		t.Error("brackets in a name are not seen")
	}
	// What is withheld by a field, by words in its name, or with all of the text, is, and for its reason.
	text, gaps, _ = body(func(x *Redaction) {
		do(t, x.Attachment(1))
		do(t, x.Attachment(3))
		do(t, x.Field("attachment#1", "secret"))
		if n, err := x.Words("third train", "rail"); n != 5 || err != nil {
			t.Error(n, err)
		}
	})
	if !strings.HasSuffix(text, "[attachment [[withheld: secret]]]\n\n[attachment [[withheld]]]\n\n[attachment [[withheld: rail]]]\n") || gaps[len(gaps)-1] != (Gap{"text", 1, "rail"}) {
		t.Errorf("%s\n%v", text, gaps)
	}
	last := strings.Count(textOf(t, tg.Body, func(*Redaction) {}), "\n\n")
	text, _, _ = body(func(x *Redaction) {
		for n := 1; x.Paragraph(n, "") == nil; n++ {
			last = n
		}
		do(t, x.Attachment(3))
	})
	if !strings.HasSuffix(text, "[attachment Third train 1.png, 7 bytes]\n") {
		t.Errorf("%d paragraphs are withheld, and so is what is attached:\n%s", last, text)
	}
	if text, _, _ = body(func(x *Redaction) { do(t, x.Field("text", "")) }); !strings.HasSuffix(text, "[attachment [[withheld]]]\n") {
		t.Errorf("%s", text)
	}
	x := Redact(tg)
	for err, want := range map[error]string{x.Attachment(0): "3 attachments, and no attachment 0", x.Attachment(4): "no attachment 4", x.Field("attachment#4", ""): "has 3 of attachment"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	do(t, x.Attachment(3))
	if left := x.Left("ird train 1.p"); !slices.Equal(left, []string{"the attachment"}) {
		t.Errorf("%q is left in %v", "ird train 1.p", left)
	}
}

// What is said of attachments must be what a telegram can say, though its R be signed.
func TestNoTelegramHasSuchAttachments(t *testing.T) {
	head := plain().HeadLeaves()[1:]
	leaf := func(a Attachment) Leaf { return Leaf{kindAttachment, a.marshal()} }
	word := Leaf{uint8(Paragraph), []byte("x")}
	var many []Leaf
	for i := range MaxAttachments + 1 {
		many = append(many, leaf(attachment(fmt.Sprint("f", i), int64(i))))
	}
	bad := attachment("x", 1)
	bad.Name = "../x"
	for _, c := range []struct {
		what string
		body []Leaf
		hide []int // leaves that are withheld
		says string
	}{
		{"one before the text", []Leaf{many[0], word}, nil, "attachments stand behind the text"},
		{"one within the text, withheld", []Leaf{word, many[0], word}, []int{1}, "attachments stand behind the text"},
		{"too many", many, nil, "not so many"},
		{"too many, withheld", many, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, "not so many"},
		{"a name that is a path", []Leaf{word, leaf(bad)}, nil, "cannot stand in the name of a file"},
		{"one name twice", []Leaf{leaf(attachment("a", 1)), leaf(attachment("A", 2))}, nil, "two attachments are called"},
		{"what is cut off", []Leaf{{kindAttachment, many[0].Value[:50]}}, nil, "an attachment: malformed"},
	} {
		refusesDisclosure(t, c.what, forged(head, c.body, func(_, body []int) {
			for _, i := range c.hide {
				body[i] = 1
			}
		}), c.says)
	}
	// Sixteen, all but one withheld, whatever the one is called.
	d := forged(head, append([]Leaf{word}, many[:MaxAttachments]...), func(_, body []int) {
		for i := range body {
			if i != 3 {
				body[i] = 1
			}
		}
	})
	if _, err := d.Check(); err != nil {
		t.Error(err)
	}
	d = forged(head, []Leaf{leaf(attachment("withheld 0", 1)), many[0]}, func(_, body []int) { body[1] = 1 })
	if _, err := d.Check(); err != nil {
		t.Error(err)
	}
}
