package telegram

import (
	"bytes"
	"testing"
)

func aNews() *News {
	return &News{From: "MOSCOW", To: "BEIJING", At: 1796676000, Size: 12, Tail: [32]byte{7}, Part: []byte("a part")}
}

func TestNews(t *testing.T) {
	b := aNews().Marshal()
	n, err := ParseNews(b)
	if err != nil || !bytes.Equal(n.Marshal(), b) {
		t.Fatal(err)
	}
	for name, bad := range map[string][]byte{
		"cut":            b[:len(b)-1],
		"longer":         append(bytes.Clone(b), 0),
		"nothing":        nil,
		"a bad name":     bytes.Replace(b, []byte("MOSCOW"), []byte("M\x00SCOW"), 1),
		"a length lies":  func() []byte { c := bytes.Clone(b); c[len(c)-len("a part")-1]++; return c }(),
		"too long a one": func() []byte { n := aNews(); n.Part = make([]byte, MaxNews+1); return n.Marshal() }(),
	} {
		if _, err := ParseNews(bad); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func FuzzParseNews(f *testing.F) {
	f.Add(aNews().Marshal())
	f.Add((&News{From: "A", To: "B"}).Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		if n, err := ParseNews(b); err == nil && !bytes.Equal(n.Marshal(), b) {
			t.Fatal("parse, print: other bytes")
		}
	})
}
