package telegram

import (
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// What is not in the one written form is refused where it begins to differ, and nothing is taken before.
func TestParseDisclosureRefuses(t *testing.T) {
	r := registered(spoken())
	good := string(disclosed(t, r, func(x *Redaction) {
		do(t, x.Field("subject", "one"))
		do(t, x.Field("asks", ""))
		do(t, x.Paragraph(1, "two"))
		do(t, x.Paragraph(2, ""))
	}).Marshal())
	sub := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("there is no %s", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	deep := strings.Repeat("[", 1<<20)
	for _, c := range []struct{ what, text, says string }{
		{"nothing", "", "byte 0: here must stand {\"body\":"},
		{"cut off", good[:len(good)/2], "one written form"},
		{"no line feed", good[:len(good)-1], "here must stand }"},
		{"more behind", good + "\n", "more follows"},
		{"spaces", sub(`{"body":{`, `{ "body": {`), "byte 0"},
		{"another order", sub(`{"body":`, `{"root":"","body":`), "byte 0"},
		{"a name twice", sub(`,"disclosure":1`, `,"disclosure":1,"disclosure":1`), `here must stand ,"disclosure":1,"head":`},
		{"a name more", sub(`,"root"`, `,"rest":1,"root"`), `here must stand ,"root":`},
		{"capitals", sub(`"leaves"`, `"Leaves"`), `here must stand ,"leaves":[`},
		{"a later version", sub(`"disclosure":1`, `"disclosure":2`), "later version"},
		{"a much later version", sub(`"disclosure":1`, `"disclosure":11`), "later version"},
		{"version 0", sub(`"disclosure":1`, `"disclosure":0`), "one written form"},
		{"nested", `{"body":` + deep, "byte 8"},
		{"nested deeper down", sub(`"digests":[`, `"digests":[`+deep), "here must stand"},
		{"a count of 0", sub(`"withheld":1}`, `"withheld":0}`), "a number from 1 to"},
		{"a count below 0", sub(`"withheld":1}`, `"withheld":-1}`), "a number from 1 to"},
		{"no count", sub(`"withheld":1}`, `"withheld":}`), "a number from 1 to"},
		{"a count with a 0 first", sub(`"withheld":1}`, `"withheld":01}`), "a number from 1 to"},
		{"a count with a point", sub(`"withheld":1}`, `"withheld":1.0}`), "here must stand }"},
		{"a count with an exponent", sub(`"withheld":1}`, `"withheld":1e9}`), "here must stand }"},
		{"a huge count", sub(`"withheld":1}`, `"withheld":1048577}`), "a number from 1 to 1048576"},
		{"a count without end", sub(`"withheld":1}`, `"withheld":`+strings.Repeat("9", 1<<20)+`}`), "a number from 1 to 1048576"},
		{"counts that are too much together", sub(`{"reason":1,"withheld":1}`, `{"reason":1,"withheld":1048570},{"withheld":1048570}`), "more leaves than any telegram"},
		{"runs that are one", sub(`{"reason":1,"withheld":1}`, `{"reason":1,"withheld":1},{"reason":1,"withheld":1}`), "two runs"},
		{"runs that are one, without a reason", sub(`{"withheld":1}`, `{"withheld":1},{"withheld":1}`), "two runs"},
		{"a kind of 256", sub(`"kind":65`, `"kind":321`), "a number from 1 to 255"},
		{"a reason that is not there", sub(`{"reason":2`, `{"reason":3`), "the order of their use"},
		{"reasons in another order", strings.NewReplacer(`{"reason":2`, `{"reason":1`, `{"reason":1`, `{"reason":2`).Replace(good), "the order of their use"},
		{"a reason of number 65", sub(`{"reason":2`, `{"reason":65`), "a number from 1 to 64"},
		{"a reason that nothing has", sub(`["one","two"]`, `["one","two","three"]`), "nothing is withheld for"},
		{"a reason less", sub(`["one","two"]`, `["one"]`), "or without one"},
		{"no reasons", sub(`,"reasons":["one","two"]`, ``), "or without one"},
		{"an empty list of reasons", sub(`["one","two"]`, `[]`), `here must stand "`},
		{"an empty reason", sub(`["one","two"]`, `["one",""]`), "a reason is empty"},
		{"a reason twice", sub(`["one","two"]`, `["one","one"]`), "stands twice"},
		{"a reason of two lines", sub(`["one","two"]`, `["one","o\ne"]`), "a reason: it must stand on one line"},
		{"a reason that is too long", sub(`["one","two"]`, `["one","`+strings.Repeat("o", MaxReason+1)+`"]`), "a reason: 256 bytes"},
		{"reasons without end", sub(`["one","two"]`, `["`+strings.Join(strings.Fields(fmt.Sprint(rangeOf(65))), `","`)+`"]`), "more than 64"},
		{"a salt that is too short", sub(`"salt":"`, `"salt":"AAAA`), "32 bytes in base64"},
		{"a salt of other bits", sub(`=","value"`, `","value"`), "32 bytes in base64"},
		{"a salt of 31 bytes", regexp.MustCompile(`"salt":"[^"]*"`).ReplaceAllString(good, `"salt":"`+strings.Repeat("A", 42)+`=="`), "32 bytes in base64"},
		{"a salt in lines", sub(`"salt":"`, "\"salt\":\"\n"), "32 bytes in base64"},
		{"a signature that is too short", sub(`"ed25519":"`, `"ed25519":"AAAA`), "64 bytes in base64"},
		{"a root in capitals", sub(`"root":"`, `"root":"AA`), "hexadecimal"},
		{"a root that is too short", good[:len(good)-5] + good[len(good)-3:], "hexadecimal"},
		{"hexadecimal digits in capitals", sub(`"hex":"0102`, `"hex":"0A02`), "hexadecimal"},
		{"half a byte", sub(`"hex":"0`, `"hex":"00`), "hexadecimal"},
		{"text where hexadecimal stands", sub(`{"hex":"01","kind":2,"salt":`, `{"kind":2,"salt":`), `here must stand ,"value":`},
		{"text of a kind that has none", sub(`"kind":66`, `"kind":2`), "written as hexadecimal digits"},
		{"hexadecimal of a kind that is text", sub(`"kind":11`, `"kind":16`), "written as text"},
		{"an escape that is not needed", sub(`"value":"渡"`, `"value":"\u6e21"`), "an escape that is not needed"},
		{"a solidus with an escape", sub(`"value":"渡"`, `"value":"\/"`), "an escape that is not needed"},
		{"an escape cut off", good[:strings.Index(good, `"渡"`)+1] + `\`, "an escape that is not needed"},
		{"a text that does not end", good[:strings.Index(good, `"渡"`)+1], "a text does not end"},
		{"a salt that does not end", good[:strings.Index(good, `"salt":"`)+12], "a text does not end"},
		{"a line feed in a text", sub(`"value":"渡"`, "\"value\":\"\n\""), "bytes that are written otherwise"},
		{"a text that is no UTF-8", sub(`"value":"渡"`, "\"value\":\"\xff\""), "bytes that are written otherwise"},
		{"a null", sub(`"value":"渡"`, `"value":null`), `here must stand "`},
	} {
		if d, err := ParseDisclosure([]byte(c.text)); d != nil || err == nil {
			t.Errorf("%s: it is read", c.what)
		} else {
			refusedAs(t, err, c.says)
			if len(err.Error()) > 300 {
				t.Errorf("%s: an error of %d bytes", c.what, len(err.Error()))
			}
		}
	}
}

func rangeOf(n int) (all []int) {
	for i := range n {
		all = append(all, 1000+i)
	}
	return all
}

// Whatever is handed in, time and memory are bounded by its size.
func TestHugeDisclosures(t *testing.T) {
	digest := `"` + strings.Repeat("A", 43) + `="`
	leaf := `{"kind":64,"salt":` + digest + `,"value":""}`
	full := func(first, again string) []byte {
		return []byte(first + strings.Repeat(again, (MaxDisclosure-len(first))/len(again)))
	}
	for what, c := range map[string]struct {
		b    []byte
		says string
	}{
		"100 MB":   {make([]byte, 100_000_000), "at most 67108864 bytes"},
		"digests":  {full(`{"body":{"digests":[`+digest, `,`+digest), "more digests than any telegram"},
		"leaves":   {full(`{"body":{"digests":[],"leaves":[`+leaf, `,`+leaf), "one written form"}, // they end with the file
		"runs":     {full(`{"body":{"digests":[],"leaves":[{"withheld":1}`, `,{"reason":1,"withheld":1},{"withheld":1}`), "more leaves than any telegram"},
		"brackets": {full(`{"body":{"digests":[`, `[`), "here must stand"},
		"a word":   {full(`{"body":{"digests":[],"leaves":[{"kind":64,"salt":`+digest+`,"value":"`, `x`), "a text does not end"},
		"escapes":  {full(`{"body":{"digests":[],"leaves":[{"kind":64,"salt":`+digest+`,"value":"`, `\n`), "a text does not end"},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		d, err := ParseDisclosure(c.b)
		took := time.Since(start)
		runtime.ReadMemStats(&after)
		if d != nil || err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", what, err)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 8*MaxDisclosure || took > 10*time.Second {
			t.Errorf("%s: %d MiB in %s", what, used>>20, took)
		}
	}
}

// The longest telegram can be disclosed, whole and with every second word withheld.
func TestLongestDisclosure(t *testing.T) {
	tg := plain()
	tg.Body = []Block{{Paragraph, strings.Repeat("a ", MaxText/2-130-1) + "a"}}
	for range 257 {
		tg.Body = append(tg.Body, Block{Blank, "\xff"})
	}
	tg.Body[257].Text = "\x01" // 65,281 and one
	for range (MaxBlocks - len(tg.Body)) / 2 {
		tg.Body = append(tg.Body, Block{Convey, ""}, Block{End, ""})
	}
	if err := tg.Check(); err != nil {
		t.Fatal(err)
	}
	r := registered(tg)
	for _, every := range []int{0, 2} {
		d := disclosed(t, r, func(x *Redaction) {
			for i := range x.trees[inBody].leaves {
				if every > 0 && i%every == 0 {
					x.trees[inBody].withhold(i, 1)
				}
			}
		})
		b := d.Marshal()
		if len(b) > MaxDisclosure {
			t.Errorf("%d bytes", len(b))
		}
		again, err := ParseDisclosure(b)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := again.Check(); err != nil {
			t.Error(every, err)
		}
	}
}

// Leaves of which nothing is shown cost a digest for each subtree, and of a whole tree one.
func TestDigestsOfSubtrees(t *testing.T) {
	tg := plain()
	tg.Body = []Block{{Paragraph, strings.TrimSpace(strings.Repeat("word ", 100))}}
	for want, hide := range map[int][]int{0: nil, 1: rangeTo(0, 100), 2: {0, 1, 98, 99}, 5: rangeTo(0, 31), 100: nil} {
		x := Redact(tg)
		for _, i := range hide {
			x.trees[inBody].withhold(i, 1)
		}
		d, err := x.Disclose()
		if err != nil || want < 100 && len(d.Body.Digests) != want {
			t.Errorf("%v: %d digests, want %d", err, len(d.Body.Digests), want)
		}
		if whole := treeRoot(x.trees[inBody].seed, x.trees[inBody].leaves); want == 1 && d.Body.Digests[0] != tlog.Hash(whole) {
			t.Error("the digest of the whole tree is not its root")
		}
	}
}

func rangeTo(from, to int) (all []int) {
	for i := from; i < to; i++ {
		all = append(all, i)
	}
	return all
}

func FuzzParseDisclosure(f *testing.F) {
	t := &testing.T{}
	small := plain()
	small.Body = small.Body[:0]
	r := registered(small)
	x := Redact(small)
	x.EnterOut(&r.Numbers)
	for _, name := range []string{"drafter", "sender", "subject"} {
		do(t, x.Field(name, "reason"))
	}
	d, err := x.Disclose()
	if err != nil {
		f.Fatal(err)
	}
	d.Registered = "proof\n"
	f.Add(d.Marshal())
	f.Add(forged(plain().HeadLeaves()[1:], []Leaf{{uint8(Paragraph), []byte("a\t\"b\" ")}, {uint8(More), []byte("渡")}, {uint8(Blank), nil}, {uint8(Insertion), []byte("\x01x")}}, nil).Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := ParseDisclosure(b)
		if !lawful(t, err, func() []byte { return d.Marshal() }, b) {
			return
		}
		// A true R of whatever it shows, so that more than the comparison of R is reached.
		if form, ok := d.Head.form(formKind); ok && d.Head.Len()+d.Body.Len() == len(form) {
			h, errH := d.Head.root(form[:d.Head.Len()])
			text, errB := d.Body.root(form[d.Head.Len():])
			if errH == nil && errB == nil {
				d.Root = rootOver(d.Head.Len(), h, d.Body.Len(), text)
			}
		}
		s, err := d.Check()
		if err != nil {
			return
		}
		if d.Numbers != nil {
			if form, ok := d.Numbers.form(numbersForm); ok && len(form) == d.Numbers.Len() {
				s.entered = s.checkNumbers(EntryOut, form) == nil
			}
		}
		if s.String() == "" {
			t.Error("it shows nothing at all")
		}
		s.Gaps()
		s.Brackets()
	})
}
