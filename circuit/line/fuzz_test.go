package line

import (
	"testing"

	"chancery.example/chancery/telegram"
	"github.com/nats-io/nats.go"
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

// FuzzWoken reads what comes on a member's wakes.
func FuzzWoken(f *testing.F) {
	r := telegram.Route{0xa0, 0, 2}
	f.Add("wake.a00002.4", "7")
	f.Add("wake.a00002.6", "")
	f.Add("wake.c00002.4", "18446744073709551616")
	f.Add("wake.a00002.44", "-1")
	f.Fuzz(func(t *testing.T, subject, number string) {
		w := newWakes(r)
		w.take(&nats.Msg{Subject: subject, Header: nats.Header{"Nats-Sequence": {"5", number}}})
		p, ok := woken(r, subject)
		if ok && subject != "wake."+r.String()+"."+digit(p) {
			t.Errorf("%q was read as a wake for precedence %d", subject, p)
		}
		for i := range w.came {
			if n := w.came[i].Load(); n > 0 != (ok && telegram.Precedence(i) == p) {
				t.Errorf("%q, %q: %d for precedence %d", subject, number, n, i)
			}
		}
	})
}
