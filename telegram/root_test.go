package telegram

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// genericLeaves are no telegram, only leaves: the vector fixes the bytes of the trees and of R.
func genericLeaves() (head, body []Leaf) {
	body = []Leaf{
		{0x40, []byte("Call on the minister without delay and read to him what follows:")},
		{0x40, []byte("Telegraph the fulfillment.")},
		{0x40, []byte("x")},
		{0x40, []byte("y")},
	}
	head = withForm(1, []Leaf{{2, []byte("GROMYKO")}, {3, []byte("AMBASSADOR@BEIJING")}, {4, []byte{5}}}, body)
	return head, body
}

func rootOf(nh int, h tlog.Hash, nb int, b tlog.Hash) Root {
	buf := binary.BigEndian.AppendUint32(append([]byte("chancery/v1/root\n"), 1), uint32(nh))
	buf = binary.BigEndian.AppendUint32(append(buf, h[:]...), uint32(nb))
	return sha256.Sum256(append(buf, b[:]...))
}

func TestVectorOfGenericLeaves(t *testing.T) {
	head, body := genericLeaves()
	h, b := treeRoot(mac(seed07[:], LabelHead), head), treeRoot(mac(seed07[:], LabelBody), body)
	r := rootOf(len(head), h, len(body), b)
	for _, c := range []struct {
		name string
		got  [32]byte
		want string
	}{
		{"H", h, "2876cdf9171ad809893c6605dc9417379f35e3f4252727bd0edebfa3b2d004f7"},
		{"B", b, "c2d9848382a0fd90c7251e46758c1046a1e03eadfae548e710ddc0869b3d09ac"},
		{"R", r, "f5c3e55b44789630229eb77345c72297a1cdf99c60cc6f819c8ec05838b7d2fc"},
	} {
		if got := hex.EncodeToString(c.got[:]); got != c.want {
			t.Errorf("%s = %s, want %s", c.name, got, c.want)
		}
	}
}

// TestRootsAreOfTheLeaves computes R and D from the leaves as the package comment says, so that R of a telegram and R of the vector
// above are the same construction.
func TestRootsAreOfTheLeaves(t *testing.T) {
	tg := rich()
	head, body := tg.HeadLeaves(), tg.BodyLeaves()
	b := treeRoot(mac(tg.Seed[:], LabelBody), body)
	d, r := tg.Roots()
	if want := rootOf(len(head), treeRoot(mac(tg.Seed[:], LabelHead), head), len(body), b); r != want {
		t.Errorf("R = %s, its leaves give %s", r, want)
	}
	for i := range head {
		if k := head[i].Kind; k == kindReleaser || k == kindReleased || k == kindRegisterBy {
			head[i].Value = nil
		}
	}
	if want := rootOf(len(head), treeRoot(mac(tg.Seed[:], LabelHead), head), len(body), b); d != want {
		t.Errorf("D = %s, its leaves give %s", d, want)
	}
}

func TestTreeOfNoLeaves(t *testing.T) {
	if treeRoot(seed07[:], nil) != sha256.Sum256(nil) {
		t.Error("the root of no leaves is not SHA-256 of nothing")
	}
}

// TestTreeHasTheShapeOfTheLog compares our tree with tlog's for the same leaf hashes, for many sizes.
func TestTreeHasTheShapeOfTheLog(t *testing.T) {
	for n := 1; n <= 70; n++ {
		var hashes, stored []tlog.Hash
		read := tlog.HashReaderFunc(func(at []int64) (out []tlog.Hash, err error) {
			for _, i := range at {
				out = append(out, stored[i])
			}
			return out, nil
		})
		for i := range n {
			h := tlog.RecordHash([]byte{byte(i)})
			more, err := tlog.StoredHashesForRecordHash(int64(i), h, read)
			if err != nil {
				t.Fatal(err)
			}
			hashes, stored = append(hashes, h), append(stored, more...)
		}
		want, err := tlog.TreeHash(int64(n), read)
		if err != nil {
			t.Fatal(err)
		}
		if merkle(hashes) != want {
			t.Fatalf("of %d leaves the root is not RFC 6962's", n)
		}
	}
}

// TestEveryByteInExactlyOneLeaf rebuilds the written telegram from its leaves alone.
func TestEveryByteInExactlyOneLeaf(t *testing.T) {
	tg := rich()
	form, leaves, body := tg.HeadLeaves()[0], tg.HeadLeaves()[1:], tg.BodyLeaves()
	var kinds []byte
	for _, l := range slices.Concat([]Leaf{form}, leaves, body) {
		kinds = append(kinds, l.Kind)
	}
	if form.Kind != 1 || !bytes.Equal(form.Value, kinds) {
		t.Errorf("the form is %x, the leaves are %x", form.Value, kinds)
	}
	var ps []part
	for _, l := range leaves {
		ps = append(ps, part{l.Kind, l.Value})
	}
	if !bytes.Equal(write(append(ps, joined(body)...)), tg.Marshal()) {
		t.Error("the leaves, joined, are not the telegram")
	}
}

// joined makes blocks of body leaves again. That it can be done without looking into the values is why R fixes the text's blocks.
func joined(body []Leaf) (ps []part) {
	words := false // the last block is a paragraph, or goes on in one
	for _, l := range body {
		last := len(ps) - 1
		switch {
		case l.Kind == uint8(More) && words:
			ps[last].value = append(ps[last].value, l.Value...)
		case l.Kind == uint8(Blank) && last >= 0 && ps[last].kind == uint8(Blank) && ps[last].value[0] < 255:
			ps[last].value[0]++
		case l.Kind == uint8(Blank):
			ps, words = append(ps, part{l.Kind, []byte{1}}), false
		default:
			ps = append(ps, part{l.Kind, slices.Clone(l.Value)})
			words = l.Kind == uint8(More) || l.Kind == uint8(Paragraph)
		}
	}
	return ps
}

func TestReleaseLeavesD(t *testing.T) {
	tg := rich()
	d, r := tg.Roots()
	for name, edit := range map[string]func(*Telegram){
		"releaser":    func(t *Telegram) { t.Releaser.Key++ },
		"released at": func(t *Telegram) { t.Released++ },
		"register by": func(t *Telegram) { t.RegisterBy-- },
	} {
		other := rich()
		edit(other)
		d2, r2 := other.Roots()
		if d2 != d {
			t.Errorf("another %s voids the drafter's signature", name)
		}
		if r2 == r {
			t.Errorf("another %s leaves R as it was", name)
		}
	}
}

func TestHandedOverDIsR(t *testing.T) {
	tg := rich()
	d, r := tg.Roots()
	if d == r {
		t.Error("released, D and R are the same")
	}
	tg.Releaser, tg.Released, tg.RegisterBy = KeyRef{}, 0, 0
	if d2, r2 := tg.Roots(); d2 != d || r2 != d {
		t.Error("handed over, D and R are not the D of the release")
	}
}

// edits are all the ways to alter a telegram that its drafter would have to answer for.
var edits = map[string]func(*Telegram){
	"seed":                       func(t *Telegram) { t.Seed[31]++ },
	"sender's office":            func(t *Telegram) { t.From.Office = "CLERK" },
	"sender's post":              func(t *Telegram) { t.From.Post = "BERGEN" },
	"drafter":                    func(t *Telegram) { t.Drafter.Person++ },
	"drafter's key":              func(t *Telegram) { t.Drafter.Key++ },
	"action office":              func(t *Telegram) { t.To[0].Office = "CLERK" },
	"action post":                func(t *Telegram) { t.To[0].Post = "SHANGHAI" },
	"action precedence":          func(t *Telegram) { t.To[0].Precedence = Override },
	"action addressees, order":   func(t *Telegram) { slices.Reverse(t.To) },
	"action addressee less":      func(t *Telegram) { t.To = t.To[:1] },
	"action to info":             func(t *Telegram) { t.To, t.Info = t.To[:1], append(t.To[1:2], t.Info...) },
	"info precedence":            func(t *Telegram) { t.Info[0].Precedence++ },
	"info addressee more":        func(t *Telegram) { t.Info = append(t.Info, at("X", "Y", Deferred)) },
	"policy":                     func(t *Telegram) { t.Label.Policy += "x" },
	"policy into classification": func(t *Telegram) { t.Label.Policy, t.Label.Classification = "Chancery Tes", "tSECRET" },
	"classification":             func(t *Telegram) { t.Label.Classification = "OPEN" },
	"caveat":                     func(t *Telegram) { t.Label.Caveats[0] = "NO COPY" },
	"caveat less":                func(t *Telegram) { t.Label.Caveats = t.Label.Caveats[:1] },
	"review":                     func(t *Telegram) { t.Label.Review++ },
	"no review":                  func(t *Telegram) { t.Label.Review = 0 },
	"type":                       func(t *Telegram) { t.Type = Operation; t.References[0].Serial &= MaxNumber },
	"deadline":                   func(t *Telegram) { t.Deadline++ },
	"no deadline":                func(t *Telegram) { t.Deadline = 0 },
	"date-time group":            func(t *Telegram) { t.DTG++ },
	"asks":                       func(t *Telegram) { t.Asks = AskReceipt },
	"subject":                    func(t *Telegram) { t.Subject += "." },
	"subject into signature":     func(t *Telegram) { t.Subject, t.Signature = "", t.Subject+t.Signature },
	"signature":                  func(t *Telegram) { t.Signature = "" },
	"reference's act":            func(t *Telegram) { t.References[0].Act = Fulfils },
	"reference's post":           func(t *Telegram) { t.References[0].Post = "LIMA" },
	"reference's year":           func(t *Telegram) { t.References[0].Year-- },
	"reference's serial":         func(t *Telegram) { t.References[0].Serial++ },
	"reference's root":           func(t *Telegram) { t.References[0].Root[0]++ },
	"reference less":             func(t *Telegram) { t.References = t.References[:1] },
	"a word":                     func(t *Telegram) { t.Body[0].Text = strings.Replace(t.Body[0].Text, "noon", "one", 1) },
	"a space":                    func(t *Telegram) { t.Body[0].Text = strings.Replace(t.Body[0].Text, " ", "  ", 1) },
	"a letter over a space":      func(t *Telegram) { t.Body[0].Text = strings.Replace(t.Body[0].Text, "at the", "a tthe", 1) },
	"a paragraph more":           func(t *Telegram) { t.Body = slices.Insert(t.Body, 0, Block{Paragraph, "First."}) },
	"to whom it is conveyed":     func(t *Telegram) { t.Body[1].Text += "?" },
	"who signs what is conveyed": func(t *Telegram) { t.Body[9].Text = "" },
	"what is conveyed ends late": func(t *Telegram) { t.Body[11], t.Body[14] = t.Body[14], t.Body[11] },
	"a longer blank":             func(t *Telegram) { t.Body[7].Text = "\x04" },
	"a paragraph less":           func(t *Telegram) { t.Body = t.Body[:len(t.Body)-1] },
	"no text":                    func(t *Telegram) { t.Body = nil },
}

func TestAnyEditVoidsBothSignatures(t *testing.T) {
	d, r := rich().Roots()
	for name, edit := range edits {
		t.Run(name, func(t *testing.T) {
			tg := rich()
			edit(tg)
			if err := tg.Check(); err != nil {
				t.Fatalf("the edit makes no telegram: %v", err)
			}
			if d2, r2 := tg.Roots(); d2 == d || r2 == r {
				t.Errorf("D changed: %v, R changed: %v", d2 != d, r2 != r)
			}
		})
	}
}

// TestAnyBitVoidsTheRelease alters the written telegram, so that a field this test does not know of is caught too.
func TestAnyBitVoidsTheRelease(t *testing.T) {
	b := rich().Marshal()
	_, r := rich().Roots()
	read := 0
	for i := range b {
		for bit := range 8 {
			b[i] ^= 1 << bit
			if tg, err := Parse(b); err == nil {
				if read++; !bytes.Equal(tg.Marshal(), b) {
					t.Fatalf("byte %d bit %d: parsed and printed, the bytes differ", i, bit)
				}
				if _, r2 := tg.Roots(); r2 == r {
					t.Fatalf("byte %d bit %d: another telegram with the same R", i, bit)
				}
			}
			b[i] ^= 1 << bit
		}
	}
	if read < len(b) {
		t.Errorf("only %d of the alterations could be read: the test sees too little", read)
	}
}

// hashes are a tree's salted leaf hashes, each a tree of one leaf at its index: made here once more, in the plainest way.
func hashes(seed []byte, leaves []Leaf) (out []tlog.Hash) {
	for i, l := range leaves {
		out = append(out, leafHash(seed, i, l))
	}
	return out
}

func leafHash(seed []byte, i int, l Leaf) tlog.Hash {
	index := string(binary.BigEndian.AppendUint32(nil, uint32(i)))
	salt := mac(seed, LabelSalt+index)
	length := string(binary.BigEndian.AppendUint32(nil, uint32(len(l.Value))))
	return sha256.Sum256([]byte("\x00" + string(salt) + index + string([]byte{l.Kind}) + length + string(l.Value)))
}

func TestWithheldLeafStillVerifies(t *testing.T) {
	tg := rich()
	sb := mac(tg.Seed[:], LabelBody)
	body := tg.BodyLeaves()
	all := hashes(sb, body)
	if merkle(all) != treeRoot(sb, body) {
		t.Fatal("the reader's own hashes do not give B")
	}
	for i := range body {
		shown := slices.Clone(all)
		shown[i] = leafHash(sb, i, Leaf{body[i].Kind, append(slices.Clone(body[i].Value), '!')})
		if merkle(shown) == treeRoot(sb, body) {
			t.Errorf("leaf %d can be shown as something else", i)
		}
	}
}

func TestMovedLeaf(t *testing.T) {
	sb := mac(seed07[:], LabelBody)
	l := Leaf{uint8(More), []byte("x")}
	if leafHash(sb, 2, l) == leafHash(sb, 3, l) {
		t.Error("the same word has the same hash at two places: it can be moved, and equal words show")
	}
	body := []Leaf{l, l}
	all := hashes(sb, body)
	slices.Reverse(all)
	if merkle(all) == treeRoot(sb, body) {
		t.Error("two leaves exchanged give the same root")
	}
}

// TestMergedLeaves shows two withheld leaves as one: B alone does not notice, R does, for it counts the leaves.
func TestMergedLeaves(t *testing.T) {
	head, body := genericLeaves()
	sb := mac(seed07[:], LabelBody)
	d := hashes(sb, body)
	merged := merkle([]tlog.Hash{d[0], d[1], tlog.NodeHash(d[2], d[3])})
	b := treeRoot(sb, body)
	if merged != b {
		t.Fatal("the trick does not work on B: this test proves nothing")
	}
	h := treeRoot(mac(seed07[:], LabelHead), head)
	if rootOf(len(head), h, 4, b) == rootOf(len(head), h, 3, merged) {
		t.Error("R does not fix the number of leaves")
	}
}

func TestHeadAndBodyDoNotShareSalts(t *testing.T) {
	l := []Leaf{{uint8(Paragraph), []byte("x")}}
	if treeRoot(mac(seed07[:], LabelHead), l) == treeRoot(mac(seed07[:], LabelBody), l) {
		t.Error("the same leaf has the same hash in head and body")
	}
}

func TestRootText(t *testing.T) {
	_, r := rich().Roots()
	text, _ := r.MarshalText()
	var got Root
	if err := got.UnmarshalText(text); err != nil || got != r {
		t.Errorf("%s is read as %s, %v", text, got, err)
	}
	for _, s := range []string{"", "00", strings.Repeat("0", 65), strings.Repeat("g", 64)} {
		if err := new(Root).UnmarshalText([]byte(s)); err == nil {
			t.Errorf("%q is accepted", s)
		}
	}
}

func TestWords(t *testing.T) {
	for s, want := range map[string][]string{
		"":                            nil,
		"one":                         {"one"},
		"one two  three":              {"one ", "two  ", "three"},
		"line\n\tnext":                {"line\n\t", "next"},
		" before":                     {" ", "before"},
		"渡轮。":                         {"渡", "轮", "。"},
		"渡 轮 ":                        {"渡 ", "轮 "},
		"No.7号 ferry":                 {"No.7", "号 ", "ferry"},
		"カー":                          {"カ", "ー"},
		"เรือ":                        {"เ", "ร", "ื", "อ"},
		"Паром стоит":                 {"Паром ", "стоит"},
		"العبّارة واقفة":              {"العبّارة ", "واقفة"},
		"no\u00a0break":               {"no\u00a0break"},
		"\U00020000\U00020001 x":      {"\U00020000", "\U00020001 ", "x"},
		"\u0dffa\u0e00b\u0effc\u0f00": {"\u0dffa", "\u0e00", "b", "\u0eff", "c\u0f00"},
		"\xff\xfe 渡":                  {"\xff\xfe ", "渡"},
	} {
		if got := Words(s); !slices.Equal(got, want) {
			t.Errorf("%q is cut as %q, want %q", s, got, want)
		}
	}
}

// TestScriptsWithoutSpaces holds the ranges of the package comment against the code, at both ends of each.
func TestScriptsWithoutSpaces(t *testing.T) {
	for _, r := range [][2]rune{{0x0e00, 0x0eff}, {0x1000, 0x109f}, {0x1780, 0x17ff}, {0x2e80, 0xa4cf}, {0xf900, 0xfaff}, {0xfe30, 0xfe4f}, {0xff00, 0xffef}, {0x20000, 0x3ffff}} {
		for c, want := range map[rune]bool{r[0] - 1: false, r[0]: true, r[1]: true, r[1] + 1: false} {
			if got := len(Words(fmt.Sprintf("%c%c", c, c))) == 2; got != want {
				t.Errorf("U+%04X stands alone: %v, want %v", c, got, want)
			}
		}
	}
}

func BenchmarkRoots(b *testing.B) {
	tg := plain()
	tg.Body = slices.Repeat([]Block{{Paragraph, strings.TrimSpace(strings.Repeat("ferry ", 30))}}, 10)
	for b.Loop() {
		tg.Roots()
	}
}
