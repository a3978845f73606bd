package telegram

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// seed07 is the seed of every vector here: a real one is random.
var seed07 = [32]byte(bytes.Repeat([]byte{7}, 32))

const (
	handedOver = int64(1_767_262_200) // 1 January 2026, 10:10:00Z
	released   = handedOver + 600
	registerBy = released + 24*60*60
)

func at(office, post string, p Precedence) Addressee { return Addressee{Address{office, post}, p} }

// plain is the shortest telegram that may be sent: one paragraph to one addressee.
func plain() *Telegram {
	return &Telegram{
		Seed: seed07, From: Address{"MINISTER", "OSLO"}, Drafter: KeyRef{11, 1}, Releaser: KeyRef{12, 3},
		To: []Addressee{at("AMBASSADOR", "LIMA", Routine)}, DTG: handedOver, Released: released, RegisterBy: registerBy,
		Body: []Block{{Paragraph, "Ice has closed the northern harbour."}},
	}
}

// rich is a telegram that uses everything a telegram has.
func rich() *Telegram {
	t := plain()
	t.To = []Addressee{at("AMBASSADOR", "BEIJING", Flash), at("CONSUL GENERAL", "NEW YORK", Immediate)}
	t.Info = []Addressee{at("ПОСОЛ", "МОСКВА", Routine), at("NAVAL ATTACHÉ", "BEIJING", Deferred), at("سفير", "القاهرة", Priority)}
	t.Label = Label{Policy: "Chancery Test", Classification: "SECRET", Caveats: []string{"SPECIAL FILE", "NO COPIES"}, Review: handedOver + 30*365*86400}
	t.Type, t.Deadline, t.Asks = Exercise, handedOver+86400, AskReceipt|AskFulfilment
	t.Subject, t.Signature = "The ferry across the strait", "HOLMSEN"
	t.References = []Reference{
		{Act: Acknowledges, Post: "BEIJING", Year: 2025, Serial: Exercise.Mark(417), Root: Root(bytes.Repeat([]byte{9}, 32))},
		{Act: Refers, Post: "МОСКВА", Year: 2024, Serial: 3},
	}
	t.Body = []Block{
		{Paragraph, "Call at the harbour office before noon, and say this:"},
		{Convey, "To the harbour master, orally"},
		{Paragraph, "Паром стоит с пятницы.\n\tПросим его отпустить."},
		{Convey, "To his brother"},
		{Paragraph, "渡轮已停三天,请放行。"},
		{Convey, "To the pilot"},
		{Paragraph, "العبّارة واقفة منذ ثلاثة أيام"},
		{Blank, "\x03"},
		{More, "and no tug answers"},
		{End, "THE OWNER"},
		{End, ""},
		{End, "NILSSON"},
		{Blank, "\xff"},
		{Blank, "\x02"},
		{Paragraph, "Telegraph what he answers."},
	}
	return t
}

// registered is a telegram with numbers, and signatures that nobody made: this package does not judge them.
func registered(t *Telegram) *Registered {
	r := &Registered{Released: Released{t, Signatures{
		Draft: bytes.Repeat([]byte{1}, SizeEd25519), Release: bytes.Repeat([]byte{2}, SizeEd25519), ReleasePQ: bytes.Repeat([]byte{3}, SizeMLDSA44),
	}}}
	r.Numbers = Numbers{Year: 2026, Register: t.Type.Mark(90), Registered: released + 60}
	for i, post := range t.AddressedPosts() {
		r.Numbers.Serials = append(r.Numbers.Serials, Serial{post, t.Type.Mark(uint32(100 + i))})
	}
	return r
}

// refusedAs fails unless err is a refusal of bytes that says why.
func refusedAs(t *testing.T, err error, why string) {
	t.Helper()
	if !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), why) {
		t.Errorf("refused as %v, want a malformed that says %q", err, why)
	}
}

func parse(t *testing.T, b []byte) *Telegram {
	t.Helper()
	got, err := Parse(b)
	if err != nil {
		t.Fatalf("a good telegram is refused: %v", err)
	}
	return got
}

func outEntry(r *Registered) []byte {
	_, root := r.Telegram.Roots()
	return r.OutEntry(root, &r.Numbers)
}

// inEntry enters it at a post whose own seed is 5 × 32.
func inEntry(r *Registered, n *Numbers) []byte {
	_, root := r.Telegram.Roots()
	return r.InEntry(root, n, [32]byte(bytes.Repeat([]byte{5}, 32)))
}
