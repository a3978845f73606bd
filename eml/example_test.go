package eml_test

import (
	"os"
	"strings"
	"testing"

	"chancery.example/chancery/eml"
	"chancery.example/chancery/telegram"
)

// example is the telegram of docs/formats/mail.md.
func example() *eml.Mail {
	m := &eml.Mail{Telegram: telegram.Telegram{
		From: telegram.Address{Office: "MINISTER", Post: "OSLO"}, Drafter: telegram.KeyRef{Person: 40718111, Key: 1}, Releaser: telegram.KeyRef{Person: 40718233, Key: 2},
		To:    []telegram.Addressee{office("AMBASSADOR", "BEIJING", telegram.Flash), office("CONSUL GENERAL", "NEW YORK", telegram.Immediate)},
		Info:  []telegram.Addressee{office("ПОСОЛ", "МОСКВА", telegram.Routine)},
		Label: telegram.Label{Policy: "HOME", Classification: "SECRET", Caveats: []string{"SPECIAL FILE"}}, Deadline: at(2026, 1, 2, 12, 0),
		DTG: at(2026, 1, 1, 10, 10), Released: at(2026, 1, 1, 10, 20), RegisterBy: at(2026, 1, 2, 10, 20), Asks: telegram.AskReceipt | telegram.AskFulfilment,
		Subject: "The ferry across the strait: паром", Signature: "HOLMSEN", Codes: []string{"SHIP", "ICE"},
		References: []telegram.Reference{{Act: telegram.Acknowledges, Post: "BEIJING", Year: 2025, Serial: 417}, {Act: telegram.Refers, Post: "МОСКВА", Year: 2024, Serial: 3}},
		Body: []telegram.Block{para("Call at the harbour office, and say this:"), convey("the harbour master, orally"), para("Let the ferry go."), end("NILSSON"),
			para("Telegraph what he answers.")},
	}}
	m.Numbers = &telegram.Numbers{Year: 2026, Register: 23343, Registered: at(2026, 1, 1, 10, 21),
		Serials: []telegram.Serial{{Post: "BEIJING", Number: 2522}, {Post: "NEW YORK", Number: 17}, {Post: "МОСКВА", Number: 8}}}
	m.For, m.Specials = "BEIJING", []eml.Special{{Post: "BEIJING", Numbers: []uint32{1691, 1692}}}
	for i := range m.Root {
		m.Root[i] = byte(i * 7)
	}
	return m
}

// TestExample holds the example of the format's page against what is written.
func TestExample(t *testing.T) {
	page, err := os.ReadFile("../docs/formats/mail.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "## An example\n\n```\n")
	shown, _, _ := strings.Cut(rest, "```\n")
	if want := strings.ReplaceAll(lossless(t, example()), "\r\n", "\n"); shown != want {
		t.Errorf("the page has\n%s\nand what is written is\n%s", shown, want)
	}
	m := parsed(t, shown)
	if diff := differing(m, example()); diff != "" {
		t.Errorf("read from the page it has another %s", diff)
	}
}
