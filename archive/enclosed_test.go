package archive

import (
	"strings"
	"testing"
)

func TestAttachmentsAreSetAndReadBack(t *testing.T) {
	x := whole()
	x.Attachments = []string{SheetAttachment("Map of the harbour.pdf", 81920), SheetAttachment("1. Copies, [draft]; 7 of 9.txt", 0), SheetAttachment("Список (2 bytes)", 1<<30)}
	readBack(t, x)
	x.Copies = []string{}
	readBack(t, x)
	if sheet := x.Set(); !strings.Contains(sheet, "\n\nAttachments:\n1. Map of the harbour.pdf (81920 bytes)\n2. 1. Copies, [draft]; 7 of 9.txt (0 bytes)\n3. Список (2 bytes) (1073741824 bytes)\n") {
		t.Error(sheet)
	}
	if in := x.SetIncoming(&Incoming{Post: "BEIJING", Number: "1", From: "MOSCOW", Received: x.Received, Deciphered: x.Received}); !strings.Contains(in, "Attachments:\n1. Map") {
		t.Error(in)
	}
}

// A list that is not of this form, or not the last, is text.
func TestWhatOnlyLooksLikeAttachments(t *testing.T) {
	for _, text := range []string{"We need:\n\nAttachments:\n1. Two maps (of the port)", "Attachments:\n2. x (3 bytes)", "Attachments:\n1. x (3 bytes)\n\nMore text.", "Attachments:\n1. x (3 bytes)\n3. y (3 bytes)", "Attachments:"} {
		var lines []line
		for i, s := range strings.Split(text, "\n") {
			lines = append(lines, line{number: i + 1, text: s})
		}
		if rest, as := cutAttachments(lines); len(rest) != len(lines) || as != nil {
			t.Errorf("%q: %q are read as attachments", text, as)
		}
	}
}
