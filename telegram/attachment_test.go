package telegram

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

func attachment(name string, length int64) Attachment {
	return Attachment{Name: name, Type: "text/plain; charset=utf-8", Length: length, Secret: [32]byte{1, byte(len(name)), byte(length)}, Digest: [32]byte{2},
		Root: tlog.Hash{3}}
}

// enclosing is a telegram with attachments.
func enclosing(as ...Attachment) *Telegram {
	t := plain()
	t.Attachments = as
	return t
}

func TestAttachmentParsePrintSameBytes(t *testing.T) {
	want := enclosing(attachment("Map of the harbour.pdf", 1_234_567), attachment("Список.txt", 0), attachment("largest", MaxAttachment))
	want.Attachments[1].Type = ""
	b := want.Marshal()
	if got := parse(t, b); !reflect.DeepEqual(got, want) || !bytes.Equal(got.Marshal(), b) {
		t.Errorf("read back as\n%+v\nwant\n%+v", got, want)
	}
	a := want.Attachments[0]
	if got, err := ParseAttachment(a.Marshal()); err != nil || got != a {
		t.Errorf("alone it is read back as %+v, %v", got, err)
	}
	head := "\x16Map of the harbour.pdf\x19text/plain; charset=utf-8\x00\x00\x00\x00\x00\x12\xd6\x87"
	if got := a.Marshal(); string(got[:len(head)]) != head || len(got) != len(head)+96 {
		t.Errorf("written as %q", got)
	}
}

// Whatever is changed of an attachment, or of their order, D and R are others: nobody's signature covers it.
func TestAnyEditOfAnAttachmentVoidsBothSignatures(t *testing.T) {
	make := func() *Telegram { return enclosing(attachment("one", 70_000), attachment("two", 5)) }
	d, r := make().Roots()
	for name, edit := range map[string]func(*Telegram){
		"name": func(t *Telegram) { t.Attachments[0].Name = "one." + "x" }, "media type": func(t *Telegram) { t.Attachments[0].Type = "" },
		"length": func(t *Telegram) { t.Attachments[0].Length++ }, "secret": func(t *Telegram) { t.Attachments[0].Secret[31] ^= 1 },
		"digest": func(t *Telegram) { t.Attachments[1].Digest[0] ^= 1 }, "root": func(t *Telegram) { t.Attachments[1].Root[31] ^= 0x80 },
		"order": func(t *Telegram) { slices.Reverse(t.Attachments) }, "one less": func(t *Telegram) { t.Attachments = t.Attachments[:1] },
		"one more": func(t *Telegram) { t.Attachments = append(t.Attachments, attachment("three", 1)) },
	} {
		x := make()
		edit(x)
		if d2, r2 := x.Roots(); d2 == d || r2 == r {
			t.Errorf("%s changed, and the roots are the same", name)
		}
	}
}

// An attachment is one leaf: with its hash alone, and no byte of what it says, R is made anew.
func TestAttachmentWithheld(t *testing.T) {
	x := enclosing(attachment("one", 70_000), attachment("two", 5))
	body := x.BodyLeaves()
	kinds := x.HeadLeaves()[0].Value
	if n := len(body); body[n-1].Kind != 0x45 || body[n-2].Kind != 0x45 || !bytes.HasSuffix(kinds, []byte{0x45, 0x45}) || kinds[len(kinds)-3] == 0x45 {
		t.Fatalf("the leaves are %v, their kinds %x", body, kinds)
	}
	hashes := make([]tlog.Hash, len(body))
	for i, l := range body {
		salt := mac(mac(x.Seed[:], LabelBody), LabelSalt+string(binary.BigEndian.AppendUint32(nil, uint32(i))))
		in := binary.BigEndian.AppendUint32(slices.Concat([]byte{0}, salt), uint32(i))
		in = binary.BigEndian.AppendUint32(append(in, l.Kind), uint32(len(l.Value)))
		hashes[i] = sha256.Sum256(append(in, l.Value...))
	}
	head := x.HeadLeaves()
	if _, r := x.Roots(); rootOf(len(head), treeRoot(mac(x.Seed[:], LabelHead), head), len(body), merkle(hashes)) != r {
		t.Error("from hashes of its leaves R is another")
	}
}

func TestAttachmentRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*Telegram)
		why  string
	}{
		"no name":      {func(t *Telegram) { t.Attachments[0].Name = "" }, "has no name"},
		"too long":     {func(t *Telegram) { t.Attachments[0].Length = MaxAttachment + 1 }, "more than 1073741824 bytes"},
		"of two lines": {func(t *Telegram) { t.Attachments[0].Type = "a\nb" }, "one line"},
		"a long type":  {func(t *Telegram) { t.Attachments[0].Type = strings.Repeat("x", MaxMediaType+1) }, "128 bytes"},
		"too many":     {func(t *Telegram) { t.Attachments = many(MaxAttachments + 1) }, "at most 16"},
		"one name":     {func(t *Telegram) { t.Attachments = append(t.Attachments, attachment("ONE", 7)) }, `two attachments are called "ONE"`},
		"one secret": {func(t *Telegram) {
			t.Attachments = append(t.Attachments, t.Attachments[0])
			t.Attachments[1].Name = "b"
		}, "one secret"},
		"less than none": {func(t *Telegram) { t.Attachments[0].Length = -1 }, "more than"},
	} {
		x := enclosing(attachment("one", 1))
		c.edit(x)
		if err := x.Check(); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := Parse(x.Marshal()); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s, parsed: %v", name, err)
		}
	}
	if err := enclosing(many(MaxAttachments)...).Check(); err != nil {
		t.Errorf("as many as are possible: %v", err)
	}
	a := attachment("one", 1)
	whole := a.Marshal()
	for n := range whole {
		if _, err := ParseAttachment(whole[:n]); !errors.Is(err, ErrMalformed) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	if _, err := ParseAttachment(append(whole, 0)); !errors.Is(err, ErrMalformed) {
		t.Error("a byte behind is taken")
	}
	beyond := slices.Clone(whole)
	beyond[len(whole)-96-8] = 0x80 // a length that an int64 cannot hold
	if _, err := ParseAttachment(beyond); !errors.Is(err, ErrMalformed) {
		t.Error("a length beyond all is taken")
	}
	ps := parts(t, enclosing(a).Marshal())
	last := len(ps) - 1
	ps[last], ps[last-1] = ps[last-1], ps[last]
	if _, err := Parse(write(ps)); !errors.Is(err, ErrMalformed) {
		t.Error("an attachment before the text is taken")
	}
	// Many parts are refused before they cost memory.
	flood := parts(t, plain().Marshal())
	for range 10_000 {
		flood = append(flood, part{kindAttachment, a.Marshal()})
	}
	if _, err := Parse(write(flood)); !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), "too many parts") {
		t.Errorf("ten thousand: %v", err)
	}
}

func many(n int) (as []Attachment) {
	for i := range n {
		as = append(as, attachment(fmt.Sprint("file ", i), int64(i)))
	}
	return as
}

func TestAttachmentNames(t *testing.T) {
	for _, good := range []string{"a", "report.pdf", "Отчёт 1.docx", "渡轮.png", "a b.c", "con1.txt", "COM.txt", "COM10", "LPTX", "nul-.txt", "x" + strings.Repeat("й", 99),
		"(1) [2] {3}; 4,5 'six' & @7 #8 $9 %10 ^_`+=!.txt", "می\u200cخواهم.txt", "a..b", "x-y~"} {
		if err := CheckAttachmentName(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"", ".", "..", "../x", "a/b", `a\b`, "/etc/passwd", "C:x", "a:b", "a*", "a?", `a"b`, "<a", "a>", "a|b", ".bashrc", "-rf", "~x", " a", "a ", "a.",
		"a\x00b", "a\nb", "a\tb", "a\x7fb", "a\u0085b", "photo\u202egpj.exe", "a\u200eb", "a\u200fb", "a\u061cb", "a\u2066b", "a\u200bb", "a\u00adb", "a\ufeffb", "a\u00a0b", "a\u3000b", "a\u2003b", "a\u202fb", "a\u205fb", "a\u1680b",
		"a\U000e0041b", "\xff", "CON", "con", "con.txt", "Con .txt", "aux.tar.gz", "nul", "PRN.x", "COM1", "com9.log", "LPT0.txt", "LPT³", "CONIN$", "conout$.x",
		strings.Repeat("x", MaxAttachmentName+1)} {
		if err := CheckAttachmentName(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestPieceLengths(t *testing.T) {
	for _, c := range []struct {
		length int64
		n      int
		size   int // of the last, padded
		data   int
	}{{0, 1, 64, 0}, {1, 1, 64, 1}, {64, 1, 64, 64}, {65, 1, 72, 65}, {1000, 1, 1024, 1000}, {65_535, 1, 65_536, 65_535}, {65_536, 1, 65_536, 65_536}, {65_537, 2, 2048, 1},
		{100_000, 2, 34816, 34464}, {1 << 20, 16, 65_536, 65_536}, {1<<20 + 1, 17, 32_768, 1}, {1<<22 + 1, 65, 65_536, 1}, {MaxAttachment, 16_384, 65_536, 65_536}, {MaxAttachment - 65_536, 16_383, 65_536, 65_536}} {
		n := Pieces(c.length)
		size, data := PieceLen(c.length, n-1)
		if n != c.n || size != c.size || data != c.data {
			t.Errorf("%d bytes: %d pieces, the last of %d bytes, %d of them data; want %d, %d, %d", c.length, n, size, data, c.n, c.size, c.data)
		}
	}
	for length := int64(0); length < 700_000; length += 37 {
		n, sum := Pieces(length), int64(0)
		for i := range n {
			size, data := PieceLen(length, i)
			if i < n-1 && (size != PieceSize || data != PieceSize) || data > size || size < 64 {
				t.Fatalf("%d bytes: piece %d of %d has %d bytes, %d of them data", length, i, n, size, data)
			}
			sum += int64(data)
		}
		if sum != length {
			t.Fatalf("%d bytes: the pieces have %d", length, sum)
		}
	}
}

func digests(n int) (ds [][32]byte) {
	for i := range n {
		ds = append(ds, sha256.Sum256([]byte{byte(i), byte(i >> 8)}))
	}
	return ds
}

// Each piece is known for what it is by itself, and no other, at no other place, with no other path.
func TestEveryPieceByItself(t *testing.T) {
	if _, err := NewPieceTree(0, nil); err == nil {
		t.Error("a tree of nothing")
	}
	for _, n := range []int{1, 2, 3, 7, 8, 100} {
		ds := digests(n)
		tree, err := NewPieceTree(n, func(i int) [32]byte { return ds[i] })
		if err != nil {
			t.Fatal(err)
		}
		leaves := make([]tlog.Hash, n)
		for i, d := range ds {
			leaves[i] = sha256.Sum256(append([]byte{0}, d[:]...))
		}
		a := attachment("x", int64(n)*PieceSize)
		if a.Root, err = tree.Root(); err != nil || a.Root != merkle(leaves) {
			t.Fatalf("%d pieces: the root is %v, %v", n, a.Root, err)
		}
		for i := range n {
			path, err := tree.Path(i)
			if err != nil || len(path) > maxPath {
				t.Fatal(path, err)
			}
			for j := range n {
				if a.HasPiece(j, ds[i], path) != (i == j) {
					t.Errorf("piece %d of %d is taken for piece %d, or not for itself", i, n, j)
				}
			}
			other := ds[i]
			other[5] ^= 1
			if a.HasPiece(i, other, path) || a.HasPiece(-1, ds[i], path) || a.HasPiece(n, ds[i], path) || n > 1 && a.HasPiece(i, ds[i], path[1:]) || a.HasPiece(i, ds[i], append(path, tlog.Hash{})) {
				t.Errorf("piece %d of %d: something else is taken for it", i, n)
			}
		}
		if _, err := tree.Path(n); err == nil {
			t.Error("a path beyond the end")
		}
		if _, err := tree.ReadHashes([]int64{int64(2 * n)}); err == nil {
			t.Error("a hash beyond the end")
		}
		if _, err := tree.ReadHashes([]int64{-1}); err == nil {
			t.Error("a hash before the beginning")
		}
	}
}

func partEnvelope() Envelope {
	return Envelope{Type: PartType, To: Route{0xa1, 0xb2, 0xc3}, Precedence: Immediate, ID: PartID([8]byte{1, 7: 8}, 0x01020304), Body: []byte("sealed")}
}

func TestPartEnvelope(t *testing.T) {
	e := partEnvelope()
	b := e.Marshal()
	if want := "\x13\xa1\xb2\xc3\x03\x01\x00\x00\x00\x00\x00\x00\x08\x01\x02\x03\x04sealed"; string(b) != want {
		t.Errorf("written as %q", b)
	}
	got, err := ParseEnvelope(b)
	if err != nil || !reflect.DeepEqual(got, e) || got.Size() != len(b) || got.Ask() != [8]byte{1, 7: 8} || len(e.L0()) != PartL0Len {
		t.Errorf("read back as %+v, %v", got, err)
	}
	alter := func(at int, v byte) []byte {
		b := bytes.Clone(b)
		b[at] = v
		return b
	}
	for name, b := range map[string][]byte{"only L0": b[:PartL0Len], "precedence 6": alter(4, 6), "a flag": alter(4, 0x80|3), "version 2": alter(0, 0x23),
		"too long": append(b[:PartL0Len:PartL0Len], make([]byte, PartCost+MaxPart-PartL0Len+1)...)} {
		if _, err := ParseEnvelope(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ParseEnvelope(append(b[:PartL0Len:PartL0Len], make([]byte, PartCost+MaxPart-PartL0Len)...)); err != nil {
		t.Errorf("the longest: %v", err)
	}
	mixed := []Envelope{envelope("a letter"), e, envelope("another")}
	if got, err := Unbundle(Bundle(mixed)); err != nil || !reflect.DeepEqual(got, mixed) {
		t.Errorf("in one bundle with letters: %+v, %v", got, err)
	}
}

func aPart() PiecePart {
	return PiecePart{Piece: 7, Offset: 100, Whole: 110, Bytes: []byte("0123456789")}
}

func TestPart(t *testing.T) {
	p := aPart()
	b := p.Marshal()
	if got, err := ParsePiecePart(b); err != nil || !reflect.DeepEqual(got, p) {
		t.Errorf("read back as %+v, %v", got, err)
	}
	if string(b) != "\x00\x00\x00\x07\x00\x00\x00\x64\x00\x00\x00\x6e0123456789" {
		t.Errorf("written as %q", b)
	}
	for n := range 13 {
		if _, err := ParsePiecePart(b[:n]); !errors.Is(err, ErrMalformed) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	for name, edit := range map[string]func(*PiecePart){
		"beyond the whole":     func(p *PiecePart) { p.Offset = 101 },
		"begins beyond it":     func(p *PiecePart) { p.Offset = 111 },
		"far beyond":           func(p *PiecePart) { p.Offset = 1<<32 - 5 },
		"of nothing":           func(p *PiecePart) { p.Offset, p.Whole = 0, 0 },
		"of too large a whole": func(p *PiecePart) { p.Whole = MaxCarried + 1 },
	} {
		p := aPart()
		edit(&p)
		if _, err := ParsePiecePart(p.Marshal()); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	largest := PiecePart{Whole: MaxCarried, Bytes: make([]byte, MaxCarried)}
	if _, err := ParsePiecePart(largest.Marshal()); err != nil {
		t.Errorf("the largest: %v", err)
	}
}

func TestCarried(t *testing.T) {
	path := []tlog.Hash{{1}, {2}}
	b := Carry(path, []byte("sealed"))
	gotPath, sealed, err := Carried(b)
	if err != nil || !slices.Equal(gotPath, path) || string(sealed) != "sealed" || len(b) != 1+64+6 {
		t.Errorf("read back as %v %q, %v", gotPath, sealed, err)
	}
	if path, sealed, err := Carried(Carry(nil, []byte("x"))); err != nil || path != nil || string(sealed) != "x" {
		t.Errorf("without a path: %v %q %v", path, sealed, err)
	}
	for name, b := range map[string][]byte{"nothing": nil, "a path only": b[:65], "half a path": b[:40], "a long path": Carry(make([]tlog.Hash, maxPath+1), []byte("x")),
		"too large": Carry(path, make([]byte, SealedPiece+1))} {
		if _, _, err := Carried(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if b := Carry(make([]tlog.Hash, maxPath), make([]byte, SealedPiece)); len(b) != MaxCarried {
		t.Errorf("the largest has %d bytes", len(b))
	}
}

func anAsk() *Ask {
	return &Ask{From: "LIMA", To: "OSLO", At: released, Serial: 417, Root: Root{9}, Attachment: 2, Here: 12, ID: [8]byte{5}, Secret: [32]byte{6}, Part: 32 << 10, Limit: 1 << 20,
		Ranges: []PieceRange{{0, 1, 100}, {3, 10, 0}, {13, 2, 0}}}
}

func TestAsk(t *testing.T) {
	for _, want := range []*Ask{anAsk(), {From: "A", To: "B", Serial: 1, Attachment: 1, Part: MinPart, Limit: 1, Checked: true, Besides: true}} {
		b := want.Marshal()
		if got, err := ParseAsk(b); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("read back as %+v, %v", got, err)
		}
		for n := range b {
			if _, err := ParseAsk(b[:n]); !errors.Is(err, ErrMalformed) {
				t.Errorf("cut to %d bytes: %v", n, err)
			}
		}
		if _, err := ParseAsk(append(b, 0)); !errors.Is(err, ErrMalformed) {
			t.Errorf("a byte behind: %v", err)
		}
	}
	for name, edit := range map[string]func(*Ask){
		"from nobody": func(a *Ask) { a.From = "" }, "to a name with a space": func(a *Ask) { a.To = "OSLO " }, "serial 0": func(a *Ask) { a.Serial = 0 },
		"attachment 0": func(a *Ask) { a.Attachment = 0 }, "attachment 17": func(a *Ask) { a.Attachment = MaxAttachments + 1 },
		"too small parts": func(a *Ask) { a.Part = MinPart - 1 }, "too large parts": func(a *Ask) { a.Part = MaxPart + 1 },
		"no limit": func(a *Ask) { a.Limit = 0 }, "too high a limit": func(a *Ask) { a.Limit = MaxAskBytes + 1 },
		"an empty range": func(a *Ask) { a.Ranges[1].Count = 0 }, "one twice": func(a *Ask) { a.Ranges[2].Piece = 12 }, "out of order": func(a *Ask) { slices.Reverse(a.Ranges) },
		"too many": func(a *Ask) { a.Ranges[1].Count, a.Ranges = MaxAsked, a.Ranges[:2] }, "four thousand million": func(a *Ask) { a.Ranges[2].Count = 1<<32 - 1 },
		"an offset beyond": func(a *Ask) { a.Ranges[0].Offset = MaxCarried }, "too many ranges": func(a *Ask) { a.Ranges = make([]PieceRange, MaxAskRanges+1) },
		"a range beyond all": func(a *Ask) { a.Ranges = []PieceRange{{1<<32 - 1, 1<<32 - 1, 0}, {1<<32 - 1, 1, 0}} },
	} {
		a := anAsk()
		edit(a)
		if _, err := ParseAsk(a.Marshal()); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	half := anAsk().Marshal()
	if half[5+5+8+4+32+1+4] = 4; func() bool { _, err := ParseAsk(half); return err == nil }() {
		t.Error("an unknown flag is taken")
	}
	most := anAsk()
	most.Ranges = nil
	for i := range uint32(MaxRanges) {
		most.Ranges = append(most.Ranges, PieceRange{2 * i, 1, 0})
	}
	if _, err := ParseAsk(most.Marshal()); err != nil {
		t.Errorf("as many as are possible: %v", err)
	}
}

func FuzzParseAttachment(f *testing.F) {
	a := attachment("Map.pdf", 1_234_567)
	f.Add(a.Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := ParseAttachment(b)
		if lawful(t, err, func() []byte { return a.Marshal() }, b) && (Pieces(a.Length) < 1 || Pieces(a.Length) > 1<<maxPath) {
			t.Errorf("%d bytes make %d pieces", a.Length, Pieces(a.Length))
		}
	})
}

func FuzzParseAsk(f *testing.F) {
	f.Add(anAsk().Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := ParseAsk(b)
		if !lawful(t, err, func() []byte { return a.Marshal() }, b) {
			return
		}
		total := uint64(0)
		for _, r := range a.Ranges {
			total += uint64(r.Count)
		}
		if total > MaxAsked {
			t.Errorf("%d pieces are asked for", total)
		}
	})
}

func FuzzParsePart(f *testing.F) {
	p := aPart()
	f.Add(p.Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParsePiecePart(b)
		if lawful(t, err, func() []byte { return p.Marshal() }, b) && uint64(p.Offset)+uint64(len(p.Bytes)) > uint64(p.Whole) {
			t.Error("a part beyond its whole")
		}
	})
}

func FuzzCarried(f *testing.F) {
	f.Add(Carry([]tlog.Hash{{1}, {2}}, []byte("sealed")))
	f.Fuzz(func(t *testing.T, b []byte) {
		path, sealed, err := Carried(b)
		lawful(t, err, func() []byte { return Carry(path, sealed) }, b)
	})
}
