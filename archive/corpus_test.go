package archive

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCorpus reads the sheets that lie beside the project; every key of what
// is expected must be in the record with the same value.
func TestCorpus(t *testing.T) {
	expected, _ := filepath.Glob("../../shared/corpus/sheets/*.expect.json")
	if len(expected) == 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("../../shared/corpus/sheets is missing, and CI must not pass without it")
		}
		t.Skip("../../shared/corpus/sheets is missing: the sheets of the corpus were not read")
	}
	for _, path := range expected {
		t.Run(filepath.Base(path), func(t *testing.T) {
			file, err := os.Open(strings.TrimSuffix(path, ".expect.json") + ".txt")
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			sheet, err := ReadSheet(file)
			if err != nil {
				t.Fatal(err)
			}
			if len(sheet.Unplaced) > 0 {
				t.Errorf("unplaced: %v", sheet.Unplaced)
			}
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var want, got any
			if err := json.Unmarshal(data, &want); err != nil {
				t.Fatal(err)
			}
			record, err := json.Marshal(sheet)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(record, &got); err != nil {
				t.Fatal(err)
			}
			for _, difference := range differences("", want, got) {
				t.Error(difference)
			}
		})
	}
}

// differences compares a record with what is expected of it; the record may
// have keys of its own.
func differences(at string, want, got any) []string {
	var list []string
	switch want := want.(type) {
	case map[string]any:
		have, ok := got.(map[string]any)
		if !ok {
			return []string{fmt.Sprintf("%s: got %v, want %v", at, got, want)}
		}
		for key, value := range want {
			found, ok := have[key]
			if !ok {
				list = append(list, fmt.Sprintf("%s.%s is missing", at, key))
				continue
			}
			list = append(list, differences(at+"."+key, value, found)...)
		}
	case []any:
		have, ok := got.([]any)
		if !ok || len(have) != len(want) {
			return []string{fmt.Sprintf("%s: got %v, want %v", at, got, want)}
		}
		for i := range want {
			list = append(list, differences(fmt.Sprintf("%s[%d]", at, i), want[i], have[i])...)
		}
	default:
		if want != got {
			list = append(list, fmt.Sprintf("%s: got %#v, want %#v", at, got, want))
		}
	}
	return list
}
