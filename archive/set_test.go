package archive

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// readBack sets a telegram as a sheet and reads the sheet. Whatever differs, and whatever had no place, is told.
func readBack(t *testing.T, want SheetTelegram) {
	t.Helper()
	sheet := want.Set()
	got, err := ReadSheet(strings.NewReader(sheet))
	if err != nil {
		t.Fatalf("%v\n%s", err, sheet)
	}
	if len(got.Unplaced) > 0 {
		t.Errorf("unplaced: %v", got.Unplaced)
	}
	same(t, want, got.Telegram, sheet)
}

func same(t *testing.T, want, got SheetTelegram, sheet string) {
	t.Helper()
	a, b := record(t, want), record(t, got)
	list := append(differences("", a, b), differences("", b, a)...)
	for _, d := range list {
		t.Error(d)
	}
	if len(list) > 0 {
		t.Logf("the sheet:\n%s", sheet)
	}
}

func record(t *testing.T, x SheetTelegram) (v any) {
	t.Helper()
	b, err := json.Marshal(x)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestCorpusIsSetAndReadBack holds the law over the sheets that lie beside the project.
func TestCorpusIsSetAndReadBack(t *testing.T) {
	sheets, _ := filepath.Glob("../../shared/corpus/sheets/*.txt")
	if len(sheets) == 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("../../shared/corpus/sheets is missing, and CI must not pass without it")
		}
		t.Skip("../../shared/corpus/sheets is missing")
	}
	for _, path := range sheets {
		t.Run(filepath.Base(path), func(t *testing.T) {
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			s, err := ReadSheet(f)
			if err != nil {
				t.Fatal(err)
			}
			readBack(t, s.Telegram)
		})
	}
}

// whole is a telegram as a post sets it, with a value in every field that paper shows.
func whole() SheetTelegram {
	return SheetTelegram{
		Originator: "MINISTRY", RegisterNumber: "23343", Department: "Tenth department", Received: "2026-12-07T19:10", Dispatched: "2026-12-08T00:40",
		SpecialNumbers: []string{"1691", "1692"}, Type: "CIPHERED TELEGRAM",
		To:       []Addressee{{"BEIJING", "AMBASSADOR"}, {"ST. JOHN'S", "CONSUL GENERAL"}},
		Info:     []Addressee{{"LONDON", "AMBASSADOR"}, {"NEW YORK", "MISSION"}},
		Handling: []string{"SECRET", "SPECIAL FILE", "COPYING PROHIBITED"}, Precedence: SheetPrecedence{"TOP PRIORITY", "flash"}, Serial: "2522",
		Text: "Visit the minister and transmit to him the following:\n\n\"We agree to your conditions.\n\n1. The first point stands.\n\n" +
			"2. The second waits.\n\nPRINCIPAL [the Chairman].\"\n\nConfirm receipt.\n\nTelegraph the fulfilment.",
		Conveyed: &Conveyed{To: "the minister", Signature: "PRINCIPAL", Gloss: "the Chairman", NumberedPoints: 2,
			Text: "We agree to your conditions.\n\n1. The first point stands.\n\n2. The second waits."},
		ReportFulfilment: true, ConfirmReceipt: true, Signature: "MINISTER", Signed: "2026-12-07",
		Copies: []string{"Minister", "Far East desk", "Copy"}, Insertions: []Insertion{{"gloss", "PRINCIPAL", "the Chairman"}},
	}
}

func TestSetIsReadBack(t *testing.T) {
	for name, change := range map[string]func(t *SheetTelegram){
		"every field":                func(*SheetTelegram) {},
		"an exercise":                func(t *SheetTelegram) { t.Banner = "EXERCISE EXERCISE EXERCISE" },
		"a drill":                    func(t *SheetTelegram) { t.Banner = "DRILL DRILL DRILL" },
		"not dispatched yet":         func(t *SheetTelegram) { t.Dispatched, t.SpecialNumbers = "", []string{} },
		"no department":              func(t *SheetTelegram) { t.Department = "" },
		"no copies":                  func(t *SheetTelegram) { t.Copies = []string{} },
		"no info addressee":          func(t *SheetTelegram) { t.Info = nil },
		"no handling":                func(t *SheetTelegram) { t.Handling = []string{} },
		"no signature":               func(t *SheetTelegram) { t.Signature = "" },
		"routine":                    func(t *SheetTelegram) { t.Precedence = SheetPrecedence{"ROUTINE", "routine"} },
		"override":                   func(t *SheetTelegram) { t.Precedence = SheetPrecedence{"OVERRIDE", "override"} },
		"one addressee":              func(t *SheetTelegram) { t.To = t.To[:1] },
		"a classification":           func(t *SheetTelegram) { t.Handling = []string{"TOP SECRET"} },
		"capitals and small":         func(t *SheetTelegram) { t.Handling = []string{"Special file", "Eyes only"} },
		"a caveat of no words":       func(t *SheetTelegram) { t.Handling = []string{"NOFORN", "LIMDIS 2"} },
		"a caveat like a precedence": func(t *SheetTelegram) { t.Handling = []string{"SECRET", "IMMEDIATE"} },
		"serial 1":                   func(t *SheetTelegram) { t.Serial = "1" },
		"a late century": func(t *SheetTelegram) {
			t.Received, t.Dispatched, t.Signed = "2087-01-01T00:00", "2087-01-01T00:05", "2087-01-01"
		},
		"small letters": func(t *SheetTelegram) {
			t.To, t.Info = []Addressee{{"Beijing", "Ambassador"}, {"Lima", "Consul"}}, []Addressee{{"London", "Ambassador"}}
			t.Originator = "Ministry"
		},
		"a long office":             func(t *SheetTelegram) { t.To = []Addressee{{"BEIJING", "COUNSELLOR FOR TRADE & SHIPPING, NORTH (2)"}} },
		"an office that says To":    func(t *SheetTelegram) { t.To = []Addressee{{"THE HAGUE", "DELEGATE TO THE COURT"}} },
		"letters of another script": func(t *SheetTelegram) { t.To = []Addressee{{"ПЕКИН", "ПОСОЛ"}} },
		"a plain text": func(t *SheetTelegram) {
			t.Text, t.Conveyed, t.Insertions, t.ConfirmReceipt, t.ReportFulfilment = "Ask for two weeks more. Say nothing of the cost.\n\nRefer to our 2231 and your 610.", nil, []Insertion{}, false, false
		},
		"points of its own": func(t *SheetTelegram) {
			t.Text, t.Conveyed, t.Insertions, t.ConfirmReceipt, t.ReportFulfilment = "1. Ask for more time.\n\n2. Say nothing of the cost.", nil, []Insertion{}, false, false
		},
		"only days":            func(t *SheetTelegram) { t.Received, t.Dispatched = "2026-12-07", "2026-12-08" },
		"no times":             func(t *SheetTelegram) { t.Department, t.Received, t.Dispatched = "", "", "" },
		"no originator":        func(t *SheetTelegram) { t.Originator = "" },
		"a name with initials": func(t *SheetTelegram) { t.Signature = "H. OSTER" },
		"a titled signature":   func(t *SheetTelegram) { t.Signature = "Minister" },
		"capitals in the text": func(t *SheetTelegram) {
			t.Text = "REFER TO OUR 2231.\n\n" + t.Text
		},
		"a message within a message": func(t *SheetTelegram) {
			t.Conveyed.Text = "We agree. Hand the envoy this:\n\n\"Wait for the spring.\n\nENVOY.\"\n\nWe have told him so."
			t.Conveyed.NumberedPoints = 0
			t.Text = "Visit the minister and transmit to him the following:\n\n\"" + t.Conveyed.Text + "\n\nPRINCIPAL [the Chairman].\"\n\nConfirm receipt.\n\nTelegraph the fulfilment."
		},
		"a message without signature": func(t *SheetTelegram) {
			t.Conveyed = &Conveyed{To: "the minister", Text: "We agree."}
			t.Text, t.Insertions = "Visit the minister and transmit to him the following:\n\n\"We agree.\"\n\nConfirm receipt.\n\nTelegraph the fulfilment.", []Insertion{}
		},
		"many special numbers": func(t *SheetTelegram) {
			t.SpecialNumbers = nil
			for n := range 101 {
				t.SpecialNumbers = append(t.SpecialNumbers, strconv.Itoa(1<<32-200+n))
			}
		},
		"many addressees": func(t *SheetTelegram) {
			t.To = nil
			for n := range 100 {
				t.To = append(t.To, Addressee{"POST " + string(rune('A'+n%26)), "AMBASSADOR"})
			}
		},
		"many copies": func(t *SheetTelegram) {
			t.Copies = nil
			for n := range 100 {
				t.Copies = append(t.Copies, "Minister "+string(rune('A'+n%26)))
			}
		},
		"a holder with a comma": func(t *SheetTelegram) { t.Copies = []string{"Minister (own hand, sealed)", "10th Department"} },
		"a long paragraph": func(t *SheetTelegram) {
			t.Text = strings.Repeat("The talks go on. ", 200) + "\n\n" + t.Text
			t.Text = strings.ReplaceAll(t.Text, " \n", "\n")
		},
		"a supplied word": func(t *SheetTelegram) {
			t.Text, t.Conveyed, t.ConfirmReceipt, t.ReportFulfilment = "Ask for a [short] delay.", nil, false, false
			t.Insertions = []Insertion{{Kind: "supplied", Text: "short"}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			x := whole()
			change(&x)
			readBack(t, x)
		})
	}
}

const incomingSheet = `DRILL DRILL DRILL

BEIJING Incoming No. 77

Received 19 hours 10 minutes
7/XII.2026

Deciphered 00 hours 05 minutes
8/XII.2026

From MOSCOW MINISTRY No. 23343
Special No. 1691,1692

CIPHERED TELEGRAM
To BEIJING To AMBASSADOR
Info LONDON To AMBASSADOR

SECRET
SPECIAL FILE
TOP PRIORITY

2522. Refer to our 2231.
MINISTER.
7/XII-26

Copies: Minister, Far East desk, Copy

DRILL DRILL DRILL
`

// The receiver's form has its own number and times first, and beside them the sender's numbers.
func TestSetIncoming(t *testing.T) {
	x := whole()
	x.Banner, x.To, x.Info, x.Handling, x.Text = "DRILL DRILL DRILL", x.To[:1], x.Info[:1], x.Handling[:2], "Refer to our 2231."
	in := &Incoming{Post: "BEIJING", Number: "77", From: "MOSCOW", Received: "2026-12-07T19:10", Deciphered: "2026-12-08T00:05"}
	if got := x.SetIncoming(in); got != incomingSheet {
		t.Errorf("it is set as\n%s", got)
	}
	x.Banner, x.SpecialNumbers, x.Copies = "", nil, nil
	got := x.SetIncoming(in)
	if strings.Contains(got, "DRILL") || strings.Contains(got, "Copies:") || strings.Contains(got, "Special No.") || !strings.HasPrefix(got, "BEIJING Incoming No. 77\n") {
		t.Errorf("without banner and special numbers it is set as\n%s", got)
	}
}
