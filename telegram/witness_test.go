package telegram

import (
	"bytes"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

func aWitness() *Witness {
	hash := func(b byte) tlog.Hash { return tlog.Hash{b} }
	return &Witness{From: "MOSCOW", To: "BEIJING", At: 1796676000, Answer: true,
		Log:  &LogNews{Checkpoint: "a checkpoint", Start: 5, Edge: []tlog.Hash{hash(1), hash(2)}, Leaves: []tlog.Hash{hash(3), hash(4), hash(5)}},
		Held: 12, HeldRoot: hash(6), Cosignatures: "— two lines\n",
		Claims:   []Claim{{Route{0xc0, 0, 3}, 7, hash(7)}, {Route{0xc0, 0, 4}, 1 << 40, hash(8)}},
		Evidence: []Evidence{{Checkpoint: "another", Prefix: 6, Edge: []tlog.Hash{hash(9)}, Between: []tlog.Hash{hash(10), hash(11)}}, {Checkpoint: "a third"}}}
}

func TestWitness(t *testing.T) {
	b := aWitness().Marshal()
	w, err := ParseWitness(b)
	if err != nil || !bytes.Equal(w.Marshal(), b) {
		t.Fatal(err)
	}
	for name, bad := range map[string]func(*Witness){
		"a bad name":         func(w *Witness) { w.To = "B\x00" },
		"too many leaves":    func(w *Witness) { w.Log.Leaves = make([]tlog.Hash, MaxLeaves+1) },
		"too many claims":    func(w *Witness) { w.Claims = make([]Claim, MaxClaims+1) },
		"too much evidence":  func(w *Witness) { w.Evidence = slices.Repeat(w.Evidence, MaxEvidence) },
		"an edge too long":   func(w *Witness) { w.Log.Edge = make([]tlog.Hash, maxEdge+1) },
		"a prefix too long":  func(w *Witness) { w.Evidence[0].Edge = make([]tlog.Hash, maxEdge+1) },
		"too many between":   func(w *Witness) { w.Evidence[0].Between = make([]tlog.Hash, maxBetween+1) },
		"no checkpoint":      func(w *Witness) { w.Evidence[0].Checkpoint = "" },
		"too long a one":     func(w *Witness) { w.Log.Checkpoint = string(make([]byte, MaxCheckpoint+1)) },
		"too much is signed": func(w *Witness) { w.Cosignatures = string(make([]byte, MaxCheckpoint+1)) },
	} {
		w := aWitness()
		bad(w)
		if _, err := ParseWitness(w.Marshal()); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if other := bytes.Clone(b); other[7+8+8] != 1 {
		t.Fatal("the answer is elsewhere")
	} else if other[7+8+8] = 2; func() bool { _, err := ParseWitness(other); return err == nil }() {
		t.Error("half an answer: taken")
	}
	for n := range b {
		if _, err := ParseWitness(b[:n]); err == nil {
			t.Errorf("the first %d bytes: taken", n)
		}
	}
	if _, err := ParseWitness(append(bytes.Clone(b), 0)); err == nil {
		t.Error("longer: taken")
	}
}

func FuzzParseWitness(f *testing.F) {
	f.Add(aWitness().Marshal())
	f.Add((&Witness{From: "A", To: "B"}).Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		w, err := ParseWitness(b)
		lawful(t, err, func() []byte { return w.Marshal() }, b)
	})
}
