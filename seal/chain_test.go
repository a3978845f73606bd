package seal

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"chancery.example/chancery/telegram"
	"pgregory.net/rapid"
)

// twoEnds is a chain at its sender and at its receiver.
func twoEnds(t interface{ Fatal(...any) }) (a, b *Chain) {
	secret, transcript := bytes.Repeat([]byte{7}, 32), [32]byte{9}
	a, err := newChain(secret, transcript)
	if err != nil {
		t.Fatal(err)
	}
	b, _ = newChain(secret, transcript)
	return a, b
}

func frame() telegram.Envelope {
	return telegram.Envelope{To: telegram.Route{1, 2, 3}, Precedence: telegram.Flash}
}

// A letter opens the same chain at both ends, and another letter another.
func TestLetterOpensAChain(t *testing.T) {
	seal := func() (*Letter, *Letter) {
		e := telegram.Envelope{To: telegram.Route{1, 2, 3}}
		l := &Letter{From: "OSLO", To: "LIMA", Payload: []byte("hello")}
		if err := l.Seal(&e, recipient(limaKey), oslo); err != nil {
			t.Fatal(err)
		}
		got, err := Open(&e, limaKey, "LIMA", func(string) *Verifier { return oslo.Verifier() })
		if err != nil {
			t.Fatal(err)
		}
		return l, got
	}
	sent, got := seal()
	e := frame()
	if err := sent.Chain().Seal(&e, 5, []byte("within")); err != nil {
		t.Fatal(err)
	}
	if content, err := got.Chain().Open(&e); err != nil || string(content) != "within" {
		t.Errorf("%q %v", content, err)
	}
	_, other := seal()
	if other.Chain().ID == got.Chain().ID {
		t.Error("two letters open one chain")
	}
	if _, err := other.Chain().Open(&e); !errors.Is(err, ErrRefused) {
		t.Error(err)
	}
}

// Frames come in any order, each is opened once, and a copy of the chain that was taken later opens none of those that came before.
func TestChainIsTheModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		a, b := twoEnds(rt)
		burnt := map[uint16]bool{}
		kept := map[uint16]telegram.Envelope{}
		number := rapid.OneOf(rapid.Uint16Range(0, 20), rapid.Uint16Range(0xfff0, 0xffff), rapid.Uint16())
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			n := number.Draw(rt, "number")
			switch rapid.IntRange(0, 3).Draw(rt, "act") {
			case 0, 1:
				e := frame()
				said := fmt.Sprint("frame ", n)
				if err := a.Seal(&e, n, []byte(said)); err != nil {
					rt.Fatal(err)
				}
				got, err := b.Open(&e)
				if burnt[n] != errors.Is(err, ErrBurnt) || !burnt[n] && (err != nil || string(got) != said) {
					rt.Fatalf("frame %d, burnt %v: %q %v", n, burnt[n], got, err)
				}
				kept[n] = e
				b.Burn(n)
				burnt[n] = true
			case 2:
				before := min(n, 40)
				b.BurnBefore(before)
				for i := range before {
					burnt[i] = true
				}
			case 3:
				again, err := ParseChain(b.Marshal())
				if err != nil || !bytes.Equal(again.Marshal(), b.Marshal()) {
					rt.Fatal(err)
				}
				b = again
			}
			for n, e := range kept {
				if _, err := b.Open(&e); !errors.Is(err, ErrBurnt) {
					rt.Fatalf("frame %d can be opened again: %v", n, err)
				}
			}
		}
	})
}

// Junk under a number burns nothing: what is genuine still opens.
func TestJunkBurnsNothing(t *testing.T) {
	a, b := twoEnds(t)
	e := frame()
	if err := a.Seal(&e, 3, []byte("genuine")); err != nil {
		t.Fatal(err)
	}
	for i := range e.Body {
		junk := e
		junk.Body = bytes.Clone(e.Body)
		junk.Body[i] ^= 0x40
		if _, err := b.Open(&junk); !errors.Is(err, ErrRefused) {
			t.Fatal(i, err)
		}
	}
	for n := range e.Body {
		junk := e
		junk.Body = e.Body[:n]
		if _, err := b.Open(&junk); !errors.Is(err, ErrRefused) {
			t.Fatal(n, err)
		}
	}
	for name, change := range map[string]func(*telegram.Envelope){
		"another precedence": func(e *telegram.Envelope) { e.Precedence = telegram.Routine }, "another receiver": func(e *telegram.Envelope) { e.To = telegram.Route{1, 2, 4} },
		"another number": func(e *telegram.Envelope) { e.Number++ }, "another chain": func(e *telegram.Envelope) { e.Chain[0]++ },
	} {
		x := e
		change(&x)
		if _, err := b.Open(&x); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got, err := b.Open(&e); err != nil || string(got) != "genuine" {
		t.Error(got, err)
	}
}

// In the order of the wire a chain never holds more keys than its tree has levels; at its end nothing is left of it.
func TestChainStaysSmall(t *testing.T) {
	a, _ := twoEnds(t)
	for n := range 3000 {
		a.Burn(uint16(n))
		if len(a.nodes) > chainLevels {
			t.Fatalf("after frame %d it holds %d keys", n, len(a.nodes))
		}
	}
	before := len(a.Marshal())
	a.BurnBefore(0xffff)
	if len(a.Marshal()) > before || a.Spent() {
		t.Error("it did not become smaller, or ended early")
	}
	a.Burn(0xffff)
	if !a.Spent() {
		t.Error("something is left of it")
	}
	e := frame()
	if err := a.Seal(&e, 0xffff, nil); !errors.Is(err, ErrBurnt) {
		t.Error(err)
	}
}

func TestChainThatCannotBe(t *testing.T) {
	a, _ := twoEnds(t)
	for range 20 {
		a.Burn(uint16(rand.IntN(MaxFrames)))
	}
	good := a.Marshal()
	for n := range good {
		if _, err := ParseChain(good[:n]); err == nil {
			t.Fatal("cut at", n)
		}
	}
	swapped := bytes.Clone(good)
	copy(swapped[8:45], good[45:82])
	copy(swapped[45:82], good[8:45])
	deep := bytes.Clone(good)
	deep[8] = chainLevels + 1
	wide := bytes.Clone(good)
	wide[9] = 0xff
	for name, b := range map[string][]byte{"swapped": swapped, "a level too deep": deep, "an index too wide": wide, "twice": append(bytes.Clone(good), good[8:45]...)} {
		if _, err := ParseChain(b); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func FuzzParseChain(f *testing.F) {
	a, _ := twoEnds(f)
	f.Add(a.Marshal())
	a.Burn(77)
	f.Add(a.Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := ParseChain(b); err == nil && !bytes.Equal(c.Marshal(), b) {
			t.Error("parse, print: other bytes")
		}
	})
}

// The vector fixes every byte of the key schedule: the secret is 07 32 times, the transcript 09 and zeros.
func TestChainVector(t *testing.T) {
	text, err := os.ReadFile("testdata/frame.txt")
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string][]byte{}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && !strings.HasPrefix(line, "#") {
			if fields[name], err = hex.DecodeString(value); err != nil {
				t.Fatal(err)
			}
		}
	}
	_, b := twoEnds(t)
	if !bytes.Equal(b.Marshal(), fields["chain"]) {
		t.Errorf("the chain is\n%x\nthe vector's\n%x", b.Marshal(), fields["chain"])
	}
	e, err := telegram.ParseEnvelope(fields["envelope"])
	if err != nil {
		t.Fatal(err)
	}
	if got, err := b.Open(&e); err != nil || !bytes.Equal(got, fields["content"]) {
		t.Errorf("%x %v", got, err)
	}
	b.Burn(e.Number)
	if !bytes.Equal(b.Marshal(), fields["burnt"]) {
		t.Errorf("burnt it is\n%x", b.Marshal())
	}
}

func BenchmarkFrame(b *testing.B) {
	x, _ := twoEnds(b)
	content := make([]byte, 2048)
	e := frame()
	b.Run("seal", func(b *testing.B) {
		for b.Loop() {
			x.Seal(&e, 777, content)
		}
	})
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			x.Open(&e)
		}
	})
	b.Run("junk", func(b *testing.B) {
		junk := e
		junk.Chain[0]++
		for b.Loop() {
			x.Open(&junk)
		}
	})
}

// A telegram of 300 bytes as written, to one addressee, goes in one frame of at most 508 bytes.
func TestShortTelegramInAFrame(t *testing.T) {
	tg := &telegram.Telegram{From: telegram.Address{Office: "MINISTRY", Post: "MOSCOW"}, Drafter: telegram.KeyRef{Person: 3273589302, Key: 1}, Releaser: telegram.KeyRef{Person: 3441152609, Key: 1},
		To: []telegram.Addressee{{Address: telegram.Address{Office: "AMBASSADOR", Post: "BEIJING"}, Precedence: telegram.Routine}}, DTG: 1796636400, Released: 1796636460, RegisterBy: 1796722860,
		Body: []telegram.Block{{Kind: telegram.Paragraph, Text: "x"}}}
	tg.Body[0].Text = strings.Repeat("Ice in the harbour. ", 30)[:300-len(tg.Marshal())] // its length takes a byte more
	tg.Body[0].Text = strings.TrimRight(tg.Body[0].Text, " ") + strings.Repeat("!", 300)
	tg.Body[0].Text = tg.Body[0].Text[:len(tg.Body[0].Text)-(len(tg.Marshal())-300)]
	if n := len(tg.Marshal()); n != 300 {
		t.Fatalf("the telegram has %d bytes", n)
	}
	r := &telegram.Registered{Released: telegram.Released{Telegram: tg}, Numbers: telegram.Numbers{Year: 2026, Register: 23343, Registered: 1796636520, Serials: []telegram.Serial{{Post: "BEIJING", Number: 2522}}}}
	r.Draft, r.Release = make([]byte, telegram.SizeEd25519), make([]byte, telegram.SizeEd25519)
	section := telegram.Section{Circuit: 1, Special: 1_000_000, Lane: 1_000_000, Serial: 2522, I: 1, N: 1, Brief: true, Piece: r.Brief()}
	a, _ := twoEnds(t)
	e := frame()
	if err := a.Seal(&e, 0x7fff, append([]byte{0xff, 0x0f}, section.MarshalFrame()...)); err != nil {
		t.Fatal(err)
	}
	if e.Size() > 508 {
		t.Errorf("the frame has %d bytes", e.Size())
	}
	t.Logf("%d characters of text; the frame has %d bytes", len(tg.Body[0].Text), e.Size())
}

// Whatever is wrong with a frame, the outside hears one error, and the local log the reason.
func TestFrameReasons(t *testing.T) {
	a, b := twoEnds(t)
	e := frame()
	if err := a.Seal(&e, 1, make([]byte, telegram.MaxEnvelope)); err == nil || !strings.Contains(err.Error(), "more than any post reads") {
		t.Error(err)
	}
	if err := a.Seal(&e, 1, []byte("said")); err != nil {
		t.Fatal(err)
	}
	short, altered, padded := e, e, e
	short.Body = e.Body[:sizeNonce+sizeTag]
	altered.Body = bytes.Clone(e.Body)
	altered.Body[20] ^= 1
	aead, err := a.key(1)
	if err != nil {
		t.Fatal(err)
	}
	padded.Body = aead.Seal(nil, nil, make([]byte, minPadded), e.L0())
	for want, x := range map[string]*telegram.Envelope{"too short": &short, "not sealed on this chain, or altered": &altered, "the padding": &padded} {
		if _, err := b.Open(x); !errors.Is(err, ErrRefused) || err.Error() != ErrRefused.Error() || Reason(err) != want {
			t.Errorf("%v: %s, want %s", err, Reason(err), want)
		}
	}
}

// The brief form is checked by both people's Ed25519.
func TestCheckBrief(t *testing.T) {
	tg := &telegram.Telegram{From: telegram.Address{Office: "MINISTER", Post: "OSLO"}, Body: []telegram.Block{{Kind: telegram.Paragraph, Text: "Ice."}}}
	d, r := tg.Roots()
	s := telegram.Signatures{Draft: HandOver(tg, oslo)}
	s.Release, _ = Release(tg, bergen)
	if err := CheckBrief(d, r, &s, oslo.Verifier(), bergen.Verifier()); err != nil {
		t.Error(err)
	}
	if err := CheckBrief(d, r, &s, bergen.Verifier(), bergen.Verifier()); err == nil {
		t.Error("another drafter")
	}
	if err := CheckBrief(d, r, &s, oslo.Verifier(), oslo.Verifier()); err == nil {
		t.Error("another releaser")
	}
}
