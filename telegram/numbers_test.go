package telegram

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

func TestNumbersCheck(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*Numbers)
		why  string
	}{
		"as taken":                   {func(*Numbers) {}, ""},
		"at the moment of release":   {func(n *Numbers) { n.Registered = released }, ""},
		"at the last moment":         {func(n *Numbers) { n.Registered = registerBy }, ""},
		"before the release":         {func(n *Numbers) { n.Registered = released - 1 }, "outside the time"},
		"after the last moment":      {func(n *Numbers) { n.Registered = registerBy + 1 }, "outside the time"},
		"no register number":         {func(n *Numbers) { n.Register = 0 }, "no register number"},
		"no serial for a post":       {func(n *Numbers) { n.Serials[1].Number = 0 }, "no serial for NEW YORK"},
		"a serial of another type":   {func(n *Numbers) { n.Serials[1].Number &= MaxNumber }, "is not of the series for telegrams of type"},
		"a number of another type":   {func(n *Numbers) { n.Register = Drill.Mark(90) }, "is not of the series for telegrams of type"},
		"a number of no type":        {func(n *Numbers) { n.Register |= markExercise | markDrill }, "is not of the series for telegrams of type"},
		"a post left out":            {func(n *Numbers) { n.Serials = n.Serials[1:] }, "not those of the addressed posts"},
		"a post not addressed":       {func(n *Numbers) { n.Serials = append(n.Serials, Serial{"LIMA", Exercise.Mark(1)}) }, "not those of the addressed posts"},
		"a post in place of another": {func(n *Numbers) { n.Serials[0].Post = "LIMA" }, "not those of the addressed posts"},
		"a post twice":               {func(n *Numbers) { n.Serials = append(n.Serials, n.Serials[0]) }, "not those of the addressed posts"},
		"in another order":           {func(n *Numbers) { slices.Reverse(n.Serials) }, "not those of the addressed posts"},
		"no serials":                 {func(n *Numbers) { n.Serials = nil }, "not those of the addressed posts"},
	} {
		t.Run(name, func(t *testing.T) {
			r := registered(rich())
			c.edit(&r.Numbers)
			err := r.Numbers.Check(r.Telegram)
			if c.why == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.why) {
				t.Fatalf("Check says %v, want %q", err, c.why)
			}
			if len(r.Numbers.Serials) == 0 {
				return // cannot be written
			}
			_, err = ParseRegistered(r.Marshal())
			refusedAs(t, err, c.why)
		})
	}
}

func TestSerialFor(t *testing.T) {
	n := registered(rich()).Numbers
	if n.SerialFor("NEW YORK") != Exercise.Mark(101) || n.SerialFor("LIMA") != 0 {
		t.Errorf("NEW YORK has %d and LIMA %d, want EX101 and 0", n.SerialFor("NEW YORK"), n.SerialFor("LIMA"))
	}
}

func TestRegisteredParsePrintSameBytes(t *testing.T) {
	wide := rich()
	wide.To, wide.Info = crowd(256), nil
	for name, tg := range map[string]*Telegram{"plain": plain(), "rich": rich(), "to 256 posts": wide} {
		t.Run(name, func(t *testing.T) {
			want := registered(tg)
			b := want.Marshal()
			got, err := ParseRegistered(b)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Marshal(), b) || !reflect.DeepEqual(got, want) {
				t.Errorf("read back as %+v", got)
			}
		})
	}
}

func TestRegisteredRefusals(t *testing.T) {
	b := registered(plain()).Marshal()
	for n := range b {
		if _, err := ParseRegistered(b[:n]); err == nil {
			t.Fatalf("cut to %d of %d bytes it is accepted", n, len(b))
		}
	}
	_, err := ParseRegistered(append(slices.Clone(b), 0))
	refusedAs(t, err, "the numbers")

	handed := registered(plain())
	handed.Telegram.Releaser, handed.Telegram.Released, handed.Telegram.RegisterBy = KeyRef{}, 0, 0
	_, err = ParseRegistered(handed.Marshal())
	refusedAs(t, err, "nobody released")

	within := slices.Clone(b)
	within[4]++ // the version of the telegram inside
	_, err = ParseRegistered(within)
	refusedAs(t, err, "version 1")

	long := slices.Clone(b)
	copy(long, "\xff\xff\xff\xff")
	_, err = ParseRegistered(long)
	refusedAs(t, err, "cut off")
}

func TestEntryDependsOnEveryNumber(t *testing.T) {
	first := registered(rich())
	entry := outEntry(first)
	for name, edit := range map[string]func(*Registered){
		"telegram":        func(r *Registered) { r.Telegram.Subject += "." },
		"draft":           func(r *Registered) { r.Draft[0]++ },
		"release":         func(r *Registered) { r.Release[0]++ },
		"second release":  func(r *Registered) { r.ReleasePQ[SizeMLDSA44-1]++ },
		"year":            func(r *Registered) { r.Numbers.Year++ },
		"register number": func(r *Registered) { r.Numbers.Register++ },
		"serial":          func(r *Registered) { r.Numbers.Serials[3].Number++ },
		"serial's post":   func(r *Registered) { r.Numbers.Serials[3].Post = "LIMA" },
		"serial less":     func(r *Registered) { r.Numbers.Serials = r.Numbers.Serials[:3] },
		"order":           func(r *Registered) { slices.Reverse(r.Numbers.Serials) },
		"time":            func(r *Registered) { r.Numbers.Registered++ },
	} {
		r := registered(rich())
		edit(r)
		if bytes.Equal(outEntry(r), entry) {
			t.Errorf("another %s gives the same entry", name)
		}
	}
}

// TestEntryInHidesBehindItsOwnSeed: the same numbers, entered as in and as out, share no hash of N.
func TestEntryInHidesBehindItsOwnSeed(t *testing.T) {
	r := registered(plain())
	out, in := outEntry(r), inEntry(r, &r.Numbers)
	kind := len(LabelEntry)
	if out[kind] != 1 || in[kind] != 2 {
		t.Errorf("the kinds are written %d and %d", out[kind], in[kind])
	}
	if n := len(out) - 32; bytes.Equal(out[n:], in[n:]) {
		t.Error("N is the same")
	}
	if EntryHash(out) == EntryHash(in) {
		t.Error("the log's leaf is the same")
	}
}

// TestAddresseeComputesTheEntry: what was sent is enough, and it is built as the package comment says.
func TestAddresseeComputesTheEntry(t *testing.T) {
	sent := registered(rich())
	entry := outEntry(sent)
	got, err := ParseRegistered(sent.Marshal())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(outEntry(got), entry) {
		t.Error("the addressee computes another entry")
	}

	posts := sent.Telegram.AddressedPosts()
	leaves := []Leaf{{0x80, append(append([]byte{0x80, 0x81}, bytes.Repeat([]byte{0x82}, len(posts))...), 0x83)}}
	leaves = append(leaves, Leaf{0x81, []byte{0x07, 0xea, 0x80, 0, 0, 90}})
	for i, p := range posts {
		leaves = append(leaves, Leaf{0x82, append([]byte(p), 0x80, 0, 0, byte(100+i))})
	}
	leaves = append(leaves, Leaf{0x83, binary.BigEndian.AppendUint64(nil, uint64(released+60))})
	n := merkle(hashes(mac(mac(seed07[:], "chancery/v1/head\n"), "chancery/v1/numbers\n"), leaves))
	_, r := sent.Telegram.Roots()
	release, draft := sha256.Sum256(append(slices.Clone(sent.Release), sent.ReleasePQ...)), sha256.Sum256(sent.Draft)
	want := slices.Concat([]byte("chancery/v1/entry\n\x01"), r[:], release[:], draft[:], []byte{0, 0, 0, byte(len(leaves))}, n[:])
	if !bytes.Equal(entry, want) {
		t.Errorf("the entry is\n%x\nby the package comment it is\n%x", entry, want)
	}
	if EntryHash(entry) != tlog.RecordHash(want) {
		t.Error("its hash is not the log's")
	}
}

func TestNoteEntry(t *testing.T) {
	said := []byte("adopted a checkpoint of the directory")
	e := NoteEntry(EntryDirectory, seed07, said)
	if bytes.Contains(e, said) {
		t.Error("the entry shows what was said")
	}
	for name, other := range map[string][]byte{
		"kind": NoteEntry(EntrySent, seed07, said),
		"salt": NoteEntry(EntryDirectory, [32]byte{}, said),
		"said": NoteEntry(EntryDirectory, seed07, said[1:]),
	} {
		if bytes.Equal(e, other) {
			t.Errorf("another %s gives the same entry", name)
		}
	}
}

func TestWordsForKinds(t *testing.T) {
	for got, want := range map[string]string{
		EntryOut.String(): "out", EntryReceipt.String(): "receipt", EntryCopy.String(): "copy", EntryFiled.String(): "filed", EntryKind(40).String(): "kind 40", EntryKind(0).String(): "kind 0",
		Drill.String(): "drill", Type(3).String(): "type 3", Fulfils.String(): "fulfils", Act(12).String(): "act 12",
		KeyRef{12, 3}.String(): "12/3",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// What an entry is of can be read from it; what is none is none.
func TestEntryOf(t *testing.T) {
	r := registered(rich())
	_, root := r.Telegram.Roots()
	out, in := r.OutEntry(root, &r.Numbers), r.InEntry(root, &r.Numbers, [32]byte{1})
	note := NoteEntry(EntrySent, [32]byte{2}, []byte("said"))
	for _, c := range []struct {
		entry []byte
		kind  EntryKind
		root  Root
		ok    bool
	}{
		{out, EntryOut, root, true}, {in, EntryIn, root, true}, {note, EntrySent, Root{}, true},
		{out[:len(out)-1], EntryOut, Root{}, false}, {append(slices.Clone(out), 0), EntryOut, Root{}, false},
		{note[:len(note)-1], EntrySent, Root{}, false}, {out[1:], 0, Root{}, false}, {[]byte(LabelEntry), 0, Root{}, false}, {nil, 0, Root{}, false},
		{out[len(LabelEntry):], 0, Root{}, false},
		{append([]byte(LabelEntry+"\xff"), make([]byte, 32)...), 255, Root{}, false}, {append([]byte(LabelEntry+"\x00"), make([]byte, 32)...), 0, Root{}, false},
	} {
		kind, got, ok := EntryOf(c.entry)
		if ok != c.ok || ok && (kind != c.kind || got != c.root) {
			t.Errorf("%x is of %v, %v: %v", c.entry, kind, got, ok)
		}
	}
}
