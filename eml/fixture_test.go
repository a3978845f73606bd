package eml_test

import (
	"bytes"
	"testing"
	"time"

	"chancery.example/chancery/eml"
	"chancery.example/chancery/telegram"
)

func office(office, post string, p telegram.Precedence) telegram.Addressee {
	return telegram.Addressee{Address: telegram.Address{Office: office, Post: post}, Precedence: p}
}

func at(y, m, d, hour, minute int) int64 {
	return time.Date(y, time.Month(m), d, hour, minute, 0, 0, time.UTC).Unix()
}

func para(s string) telegram.Block   { return telegram.Block{Kind: telegram.Paragraph, Text: s} }
func more(s string) telegram.Block   { return telegram.Block{Kind: telegram.More, Text: s} }
func convey(s string) telegram.Block { return telegram.Block{Kind: telegram.Convey, Text: s} }
func end(s string) telegram.Block    { return telegram.Block{Kind: telegram.End, Text: s} }
func blank(n byte) telegram.Block {
	return telegram.Block{Kind: telegram.Blank, Text: string([]byte{n})}
}
func inserted(kind byte, s string) telegram.Block {
	return telegram.Block{Kind: telegram.Insertion, Text: string([]byte{kind}) + s}
}

// rich is a registered telegram that says all that one can say.
func rich() *eml.Mail {
	t := telegram.Telegram{
		From: telegram.Address{Office: "MINISTER", Post: "OSLO"}, Drafter: telegram.KeyRef{Person: 40718111, Key: 1}, Releaser: telegram.KeyRef{Person: 40718233, Key: 2},
		To: []telegram.Addressee{office("AMBASSADOR", "BEIJING", telegram.Flash), office("CONSUL GENERAL", "NEW YORK", telegram.Immediate)},
		Info: []telegram.Addressee{office("ПОСОЛ", "МОСКВА", telegram.Routine), office("O'Neill-Ó (Int.) & Co, 2/3", "ST. JOHN'S (EAST)", telegram.Priority),
			office("سفير", "القاهرة", telegram.Priority)},
		Label: telegram.Label{Policy: "Chancery Test", Classification: "SECRET", Caveats: []string{"SPECIAL FILE", "ТОЛЬКО ЛИЧНО", "NO COPIES"}, Review: at(2056, 1, 1, 0, 0)},
		Type:  telegram.Exercise, Deadline: at(2026, 1, 2, 12, 0), Deskby: at(2026, 1, 1, 18, 0), Urgency: telegram.Immediately,
		DTG: at(2026, 1, 1, 10, 10), Released: at(2026, 1, 1, 10, 20), RegisterBy: at(2026, 1, 2, 10, 20),
		Asks: telegram.AskReceipt | telegram.AskFulfilment, Subject: "The ferry across the strait: паром, 渡轮", Signature: "HOLMSEN", Codes: []string{"SHIP", "ICE"},
		References: []telegram.Reference{
			{Act: telegram.Acknowledges, Post: "BEIJING", Year: 2025, Serial: telegram.Exercise.Mark(417), Root: telegram.Root(bytes.Repeat([]byte{9}, 32))},
			{Act: telegram.Refers, Post: "МОСКВА", Year: 2024, Serial: 3},
			{Act: telegram.Refers, Post: "OSLO", Year: 2025, Serial: 88},
		},
		Body: []telegram.Block{
			para("Call at the harbour office before noon, and say this:"),
			convey("the harbour master, orally"),
			para("Паром стоит с пятницы.\n\tПросим его отпустить."),
			convey("его брату"),
			para("渡轮已停三天,请放行。"),
			convey("to the pilot"),
			para("العبّارة واقفة منذ ثلاثة أيام"),
			blank(3),
			more("and no tug"),
			inserted(telegram.Supplied, "of theirs"),
			more("answers"),
			convey(""), end(""),
			end("THE OWNER"), inserted(telegram.Gloss, "he has two ships"),
			para("[end] is no end\n\\ nor is this"),
			end(""),
			end("NILSSON"),
			blank(255), blank(2),
			para("Telegraph what he answers."), inserted(telegram.Sic, "it stands so"),
		},
	}
	m := &eml.Mail{Telegram: t, For: "BEIJING", Root: telegram.Root(bytes.Repeat([]byte{0xab}, 32)),
		Specials: []eml.Special{{Post: "BEIJING", Numbers: []uint32{1691, 1692}}, {Post: "МОСКВА", Numbers: []uint32{7}}}}
	m.Numbers = &telegram.Numbers{Year: 2026, Register: telegram.Exercise.Mark(90), Registered: at(2026, 1, 1, 10, 21)}
	for i, post := range t.AddressedPosts() {
		m.Numbers.Serials = append(m.Numbers.Serials, telegram.Serial{Post: post, Number: telegram.Exercise.Mark(uint32(100 + i))})
	}
	return m
}

// plain is the shortest draft there is.
func plain() *eml.Mail {
	return &eml.Mail{Telegram: telegram.Telegram{From: telegram.Address{Office: "MINISTER", Post: "OSLO"}, DTG: at(2026, 1, 1, 10, 10),
		To: []telegram.Addressee{office("AMBASSADOR", "LIMA", telegram.Routine)}, Body: []telegram.Block{para("Ice has closed the northern harbour.")}}}
}

func written(t testing.TB, m *eml.Mail) string {
	t.Helper()
	b, err := eml.Write(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
