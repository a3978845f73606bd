package line

import (
	"testing"

	"chancery.example/chancery/telegram"
)

// Of what a broker writes nothing is believed but the precedence of our own consumers.
func FuzzFetched(f *testing.F) {
	r := telegram.Route{0xc0, 0, 1}
	f.Add(ackPrefix + streamName(r) + ".p3.1.7.7.1796636400.12")
	f.Add(ackPrefix + streamName(telegram.Route{0xc0, 0, 2}) + ".p3.1.7.7.1796636400.12")
	f.Add(ackPrefix + streamName(r) + ".p9")
	f.Fuzz(func(t *testing.T, ack string) {
		if p, _, waiting, ok := fetched(r, ack); ok && (p > telegram.Override || waiting < 0) {
			t.Errorf("%q: precedence %d, %d waiting", ack, p, waiting)
		}
	})
}
