package desk_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"chancery.example/chancery/desk"
)

func TestAttach(t *testing.T) {
	f := parse(t, "To: A@B\nAttach: maps/harbour.pdf\nattach:  C:\\maps\\ice as we saw it.pdf  as  Ice 1.pdf \nAttached: 17 Report.docx\nAttached:  4   Список 2.txt\n\nText")
	want := []desk.Attach{{Path: "maps/harbour.pdf"}, {Path: `C:\maps\ice as we saw it.pdf`, Name: "Ice 1.pdf"}}
	read := []desk.Attached{{17, "Report.docx"}, {4, "Список 2.txt"}}
	if !reflect.DeepEqual(f.Attach, want) || !reflect.DeepEqual(f.Attached, read) {
		t.Errorf("read as %q and %v", f.Attach, f.Attached)
	}
	lawful(t, f)
	head, _, _ := strings.Cut(f.String(), "\n\n")
	if !strings.HasSuffix(head, "\nAttach: maps/harbour.pdf\nAttach: C:\\maps\\ice as we saw it.pdf as Ice 1.pdf\nAttached: 17 Report.docx\nAttached: 4 Список 2.txt") {
		t.Errorf("written as\n%s", head)
	}
}

func TestAttachRefusals(t *testing.T) {
	lines := func(n int) (s string) {
		for i := range n {
			s += fmt.Sprintf("Attached: %d x\n", i+1)
		}
		return s
	}
	for _, c := range []struct{ form, why string }{
		{"To: A@B\nAttach:", `line 2: "" attaches nothing: write  Attach: path/to/file`},
		{"To: A@B\nAttach: x as ../../etc/passwd", `line 2: the attachment's name "../../etc/passwd" has the character '/'`},
		{"To: A@B\nAttach: x as .profile", "line 2: the attachment's name"},
		{"To: A@B\nAttached: report.pdf", `line 2: "report.pdf" is no file that was read in`},
		{"To: A@B\nAttached: 0 x", "is no file that was read in"},
		{"To: A@B\nAttached: -1 x", "is no file that was read in"},
		{"To: A@B\nAttached: 7", "line 2: an attachment has no name"},
		{"To: A@B\nAttached: 7 CON.txt", "line 2: \"CON.txt\" is the name of a device"},
		{"To: A@B\nAttached: 7 x\nAttached: 7 y", "line 3: file 7 is attached already"},
		{"To: A@B\n" + lines(16) + "Attach: z", "line 18: at most 16 attachments are possible"},
		{"To: A@B\n" + lines(17), "line 18: at most 16 attachments are possible"},
	} {
		if _, err := desk.ParseForm(strings.NewReader(c.form)); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%q: %v, want %q", c.form, err, c.why)
		}
	}
}
