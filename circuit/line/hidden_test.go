package line

import "testing"

// A packet is lost, those behind it come, it is fetched again; and small pieces among large ones do not add up to something hidden.
func TestHidden(t *testing.T) {
	var h hidden
	in, segs := int64(0), int64(0)
	come := func(readable, pieces int64) int64 {
		in, segs = in+readable, segs+pieces
		h.look(in, segs)
		return h.bytes()
	}
	come(0, 0)
	for n := range 100 {
		size := int64(1348)
		if n%3 == 2 {
			size = 300
		}
		if got := come(size, 1); n > 1 && got != 0 {
			t.Fatalf("%d bytes are hidden, and nothing is missing", got)
		}
	}
	var got int64
	for range 5 {
		got = come(0, 1)
	}
	if got < 4*900 || got > 6*1348 {
		t.Errorf("of five pieces behind a lost one %d bytes are hidden", got)
	}
	for range 10 {
		if again := come(0, 0); again != got {
			t.Errorf("nothing came, and %d became %d", got, again)
		}
	}
	come(6*1000, 1) // the lost one
	if got := come(1348, 1); got != 0 {
		t.Errorf("all is here, and %d bytes are hidden", got)
	}
	// Another connection counts from nothing.
	h.look(10, 1)
	if h.bytes() != 0 {
		t.Error("something is hidden on a new connection")
	}
}
