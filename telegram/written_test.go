package telegram

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"runtime"
	"slices"
	"testing"
)

func TestParsePrintSameBytes(t *testing.T) {
	handed := rich()
	handed.Releaser, handed.Released, handed.RegisterBy = KeyRef{}, 0, 0
	wordless := plain()
	wordless.Body = nil
	old := plain()
	old.DTG, old.Deadline = -601_848_600, -1
	for name, tg := range map[string]*Telegram{"plain": plain(), "rich": rich(), "handed over": handed, "without text": wordless, "before 1970": old} {
		t.Run(name, func(t *testing.T) {
			b := tg.Marshal()
			got := parse(t, b)
			if !bytes.Equal(got.Marshal(), b) {
				t.Error("parsed and printed, the bytes differ")
			}
			if !reflect.DeepEqual(got, tg) {
				t.Errorf("read back as\n%+v\nwant\n%+v", got, tg)
			}
		})
	}
}

func TestParseCopiesItsInput(t *testing.T) {
	b := rich().Marshal()
	got := parse(t, b)
	clear(b)
	if !reflect.DeepEqual(got, rich()) {
		t.Error("the telegram changed with the bytes it was read from")
	}
}

func TestCutOffAtAnyByte(t *testing.T) {
	b := rich().Marshal()
	whole := map[int]bool{} // where the body could end and still be a telegram: between blocks, outside what is conveyed
	for n := range rich().Body {
		short := rich()
		short.Body = short.Body[:n]
		if short.Check() == nil {
			whole[len(short.Marshal())] = true
		}
	}
	if len(whole) == 0 {
		t.Fatal("no cut leaves a telegram: the test sees too little")
	}
	// A cut at the end of the last field leaves a telegram without text, or with fewer references.
	for n := range rich().References {
		short := rich()
		short.Body, short.References = nil, short.References[:n]
		whole[len(short.Marshal())] = true
	}
	for n := range b {
		if _, err := Parse(b[:n]); (err == nil) != whole[n] {
			t.Errorf("cut to %d of %d bytes: %v", n, len(b), err)
		}
	}
}

// part is a field or block as it is written.
type part struct {
	kind  uint8
	value []byte
}

// parts takes a written telegram apart behind the seed.
func parts(t *testing.T, b []byte) (out []part) {
	t.Helper()
	for b = b[33:]; len(b) > 0; {
		n, k := binary.Uvarint(b[1:])
		out = append(out, part{b[0], b[1+k:][:n]})
		b = b[1+k+int(n):]
	}
	return out
}

func write(ps []part) []byte {
	b := append([]byte{version}, seed07[:]...)
	for _, p := range ps {
		b = append(binary.AppendUvarint(append(b, p.kind), uint64(len(p.value))), p.value...)
	}
	return b
}

func where(ps []part, kind uint8) int {
	return slices.IndexFunc(ps, func(p part) bool { return p.kind == kind })
}

func TestPartsAreTheWholeTelegram(t *testing.T) {
	b := rich().Marshal()
	if !bytes.Equal(write(parts(t, b)), b) {
		t.Error("the tests' own writer differs from Marshal: what follows would prove nothing")
	}
}

func TestFieldsInAnotherOrder(t *testing.T) {
	good := parts(t, rich().Marshal())
	for i := 1; i < len(good); i++ {
		ps := slices.Clone(good)
		if ps[i].kind == ps[i-1].kind || ps[i].kind >= uint8(More) {
			continue // two addressees, references or blocks exchanged are another telegram, not another form of this one
		}
		ps[i], ps[i-1] = ps[i-1], ps[i]
		if _, err := Parse(write(ps)); err == nil {
			t.Errorf("kind %d before kind %d is accepted", ps[i-1].kind, ps[i].kind)
		}
	}
	last := append(slices.Clone(good[1:]), good[0])
	if _, err := Parse(write(last)); err == nil {
		t.Error("a field behind the text is accepted")
	}
}

func TestFieldTwiceOrMissing(t *testing.T) {
	good := parts(t, plain().Marshal())
	for i, p := range good {
		if p.kind < uint8(More) {
			_, err := Parse(write(slices.Insert(slices.Clone(good), i, p)))
			if err == nil {
				t.Errorf("kind %d twice is accepted", p.kind)
			}
			_, err = Parse(write(slices.Delete(slices.Clone(good), i, i+1)))
			if err == nil {
				t.Errorf("without kind %d it is accepted", p.kind)
			}
		}
	}
}

// TestNoLooseByteInAnyField gives every field and reference of the head one byte more and one byte less.
func TestNoLooseByteInAnyField(t *testing.T) {
	good := parts(t, rich().Marshal())
	for i, p := range good {
		switch p.kind {
		case kindSender, kindAction, kindInfo, kindSubject, kindSignature:
			continue // free text to its end: another text is another telegram
		}
		if p.kind >= uint8(More) && p.kind != uint8(Blank) {
			continue
		}
		ps := slices.Clone(good)
		ps[i].value = append(slices.Clone(p.value), 0)
		if _, err := Parse(write(ps)); err == nil {
			t.Errorf("kind %d with a byte more is accepted", p.kind)
		}
		if len(p.value) == 0 {
			continue
		}
		ps[i].value = p.value[:len(p.value)-1]
		if _, err := Parse(write(ps)); err == nil {
			t.Errorf("kind %d with a byte less is accepted", p.kind)
		}
	}
}

func TestCanonicalRefusals(t *testing.T) {
	good := rich().Marshal()
	zero8, zero6 := make([]byte, 8), make([]byte, 6)
	with := func(kind uint8, value []byte) []byte {
		ps := parts(t, good)
		ps[where(ps, kind)].value = value
		return write(ps)
	}
	for name, c := range map[string]struct {
		b   []byte
		why string
	}{
		"nothing":                        {nil, "version 1"},
		"version 2":                      {append([]byte{2}, good[1:]...), "version 1"},
		"only a seed":                    {good[:33], ""},
		"unknown kind":                   {append(slices.Clone(good), 0x47, 0), "unknown kind 0x47"},
		"an attachment of nothing":       {append(slices.Clone(good), 0x45, 0), "an attachment"},
		"kind 1, the form, as a field":   {append(slices.Clone(good), 1, 0), "unknown kind 0x01"},
		"a byte behind it":               {append(slices.Clone(good), 0x41), "cut off"},
		"a length beyond the end":        {append(slices.Clone(good), 0x41, 200, 1), "cut off"},
		"a length of eleven bytes":       {append(slices.Clone(good), append([]byte{0x41}, bytes.Repeat([]byte{0x80}, 11)...)...), "cut off"},
		"a length of 2^64-1":             {append(slices.Clone(good), append([]byte{0x41}, binary.AppendUvarint(nil, ^uint64(0))...)...), "cut off"},
		"a length longer than need be":   {longLength(t, good), "one written form"},
		"suite 2":                        {with(kindSuite, []byte{2}), "one written form"},
		"no suite":                       {with(kindSuite, nil), "one written form"},
		"a deadline of zero spelt out":   {with(kindDeadline, zero8), "one written form"},
		"a releaser nobody spelt out":    {with(kindReleaser, zero6), "one of them is missing"},
		"a review of zero spelt out":     {with(kindLabel, append([]byte{0, 0, 0}, zero8...)), "one written form"},
		"a root of zeros spelt out":      {with(kindReference, append([]byte{0, 7, 233, 0, 0, 0, 1, 1, 'X'}, make([]byte, 32)...)), "one written form"},
		"an empty date-time group":       {with(kindDTG, nil), "kind 0x0b"},
		"an empty addressee":             {with(kindAction, nil), "an addressee is empty"},
		"an addressee with no post":      {with(kindAction, []byte("\x01OFFICE")), "no address"},
		"a sender with no post":          {with(kindSender, []byte("OFFICE")), "no address"},
		"a caveat that is cut off":       {with(kindLabel, []byte{0, 0, 1, 5, 'X'}), "kind 0x08"},
		"a precedence that is unknown":   {with(kindAction, []byte("\x06A@B")), "precedence 6"},
		"a telegram that fails to check": {with(kindAsks, []byte{4}), "unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(c.b)
			refusedAs(t, err, c.why)
		})
	}
}

// longLength writes the length of the last block in one byte more than it needs.
func longLength(t *testing.T, good []byte) []byte {
	ps := parts(t, good)
	last := ps[len(ps)-1]
	b := write(ps[:len(ps)-1])
	if len(last.value) > 127 {
		t.Fatal("the last block is too long for this trick")
	}
	return append(append(b, last.kind, byte(len(last.value))|0x80, 0), last.value...)
}

// TestSmallInputTakesLittleMemory gives Parse the parts that cost most for their bytes.
func TestSmallInputTakesLittleMemory(t *testing.T) {
	head := plain()
	head.Body = nil
	text := head.Marshal()
	repeat := func(b []byte, part ...byte) []byte { return append(slices.Clone(b), bytes.Repeat(part, 1<<18)...) }
	caveats := append([]byte{kindLabel, 130, 2, 0, 0, 255}, make([]byte, 255)...)
	for name, b := range map[string][]byte{
		"ends":              repeat(text, uint8(End), 0),
		"convey and end":    repeat(text, uint8(Convey), 0, uint8(End), 0),
		"blanks":            repeat(text, uint8(Blank), 1, 255),
		"labels of caveats": append(slices.Clone(text), bytes.Repeat(caveats, 1<<10)...),
		"addressees":        repeat(text[:33], kindAction, 4, 1, 'A', '@', 'B'),
		"references":        repeat(text[:33], kindReference, 9, 0, 7, 233, 0, 0, 0, 1, 1, 'X'),
	} {
		t.Run(name, func(t *testing.T) {
			var err error
			used := allocated(func() { _, err = Parse(b) })
			if err == nil {
				t.Fatal("it is accepted")
			}
			if limit := uint64(16<<20 + 4*len(b)); used > limit {
				t.Errorf("%d bytes took %d bytes of memory, at most %d are meant", len(b), used, limit)
			}
		})
	}
}

// TestLargestRootsTakeBoundedMemory: what passes Check must not cost much more to hash than it weighs.
func TestLargestRootsTakeBoundedMemory(t *testing.T) {
	tg := plain()
	for range MaxBlanks / 255 {
		tg.Body = append(tg.Body, Block{Blank, "\xff"})
	}
	if err := tg.Check(); err != nil {
		t.Fatal(err)
	}
	if used := allocated(func() { tg.Roots() }); used > 64<<20 {
		t.Errorf("a telegram of %d bytes took %d bytes of memory to hash", len(tg.Marshal()), used)
	}
}

func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
