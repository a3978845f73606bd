package archive

import (
	"bytes"
	"encoding/json"
	"testing"
)

// FuzzReadSheet holds that any bytes are read or refused without a panic, that
// what is unplaced lies inside the sheet, and that a sheet has one record.
func FuzzReadSheet(f *testing.F) {
	f.Add([]byte(plain))
	f.Add([]byte("Summary: x\nTo PARIS\n1. Say to him: \"a\n\n\"b\" [c [d]\nNAME.\"\nCopies: (a, b), c"))
	f.Add([]byte("Received 24.00 31/XII\nDispatched 1-2\nNo. 7. «Hand over the following:» „x“\nA [B].\n1/I-00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		sheet, err := ReadSheet(bytes.NewReader(data))
		if err != nil {
			return
		}
		lines := bytes.Count(data, []byte("\n")) + bytes.Count(data, []byte("\r")) + 1
		for _, u := range sheet.Unplaced {
			if u.Line < 1 || u.Line > lines {
				t.Errorf("unplaced on line %d of %d", u.Line, lines)
			}
		}
		record, err := json.Marshal(sheet)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ReadSheet(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if second, _ := json.Marshal(again); !bytes.Equal(record, second) {
			t.Errorf("two readings differ:\n%s\n%s", record, second)
		}
	})
}
