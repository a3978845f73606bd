package telegram

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// TestWordsInJSON: what stands in JSON as words comes back as it was; an addressee keeps its precedence.
func TestWordsInJSON(t *testing.T) {
	type all struct {
		A Address
		X Addressee
		P Precedence
		T Type
		C Act
		K KeyRef
		E EntryKind
		R Root
	}
	in := all{Address{"AMBASSADOR", "BEIJING"}, Addressee{Address{"CHARGE D'AFFAIRES", "ATHENS"}, Flash}, Override, Drill, Fulfils, KeyRef{17, 2}, EntryReceipt, Root{1, 2, 3}}
	b, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var out all
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	if in != out {
		t.Errorf("%s came back as %+v", b, out)
	}
	for _, bad := range []string{`{"P":"soon"}`, `{"T":""}`, `{"C":"helps"}`, `{"K":"17"}`, `{"K":"17/2x"}`, `{"A":"BEIJING"}`, `{"X":"A@B; soon"}`, `{"X":"A@B"}`, `{"E":""}`, `{"R":"00"}`} {
		if err := json.Unmarshal([]byte(bad), &out); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
}

// TestUnseenCharacters: nothing can be signed that the officer who signs cannot see.
func TestUnseenCharacters(t *testing.T) {
	for _, r := range []rune{0xad, 0x200b, 0x2060, 0x2028, 0xfeff, 0xfff9, 0xfffe, 0xe0041, 0xe007f, 0x1ffff, 0x202e, 0x2066, 0x85, 0} {
		if err := CheckBody([]Block{{Paragraph, "be" + string(r) + "fore"}}); err == nil {
			t.Errorf("U+%04X can stand in a text", r)
		}
	}
	for _, s := range []string{"می‌خواهم", "क्‍ष", "سلام‏", "北京", "naïve"} {
		if err := CheckBody([]Block{{Paragraph, s}}); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestSeedOfZeros(t *testing.T) {
	x := rich()
	x.Seed = [32]byte{}
	if err := x.Check(); err == nil || !strings.Contains(err.Error(), "seed") {
		t.Errorf("a telegram of guessable salts: %v", err)
	}
}

func TestYearOfNumbers(t *testing.T) {
	r := registered(rich())
	r.Numbers.Year++
	if err := r.Numbers.Check(r.Telegram); err == nil {
		t.Errorf("a number of %d was taken in %d", r.Numbers.Year, time.Unix(r.Numbers.Registered, 0).UTC().Year())
	}
}
