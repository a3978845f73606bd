package circuit

import (
	"strings"
	"testing"
	"time"
)

// What the named profiles promise: how soon a dead line is noticed on which nothing is sent, and that nothing is given up before the line could
// have carried it.
func TestProfiles(t *testing.T) {
	for _, x := range []struct {
		name    string
		metered bool
		noticed time.Duration
	}{{Fibre, false, 15 * time.Second}, {Satellite, false, 20 * time.Second}, {Slow, false, 40 * time.Second}, {Satellite, true, 150 * time.Second}, {Fibre, true, 150 * time.Second}} {
		p, err := Named(x.name)
		if err != nil {
			t.Fatal(err)
		}
		p.Metered = x.metered
		f := p.Fill()
		if err := f.Check(); err != nil {
			t.Errorf("%s: %v", x.name, err)
		}
		if f.Fill() != f {
			t.Errorf("%s: filled twice it is another", x.name)
		}
		if f.Ping+f.Pong > x.noticed {
			t.Errorf("%s, metered %v: a dead line is noticed after %v", x.name, x.metered, f.Ping+f.Pong)
		}
		trip := f.RoundTrip
		for what, y := range map[string][2]time.Duration{
			"dial":  {f.Dial, 2 * trip},
			"auth":  {f.Auth, 5*trip + f.Takes(8<<10)}, // TLS, the nonce, and what is signed
			"ping":  {f.Pong, trip + f.Takes(100)},
			"ack":   {f.Ack, trip + f.Takes(200)},
			"retry": {f.Retry, 2*f.Takes(f.Window) + trip + f.Gather},
		} {
			if y[0] < y[1] {
				t.Errorf("%s: %s is %v, and the line takes %v", x.name, what, y[0], y[1])
			}
		}
		if f.Rate > 0 && f.Takes(f.Message) > 500*time.Millisecond {
			t.Errorf("%s: a message takes %v", x.name, f.Takes(f.Message))
		}
	}
	if _, err := Named("pigeon"); err == nil || !strings.Contains(err.Error(), "satellite") {
		t.Errorf("a name that is none: %v", err)
	}
}

func TestNoProfile(t *testing.T) {
	for what, p := range map[string]Profile{
		"rate: ":       {Rate: 299},
		"round_trip: ": {Rate: 9600, RoundTrip: 2 * time.Minute},
		"reserve: ":    {Reserve: 1},
		"poll: ":       {Poll: time.Hour},
		"ahead: ":      {Ahead: 65},
		"window: ":     {Window: -1},
		"message: ":    {Message: -1},
		"gather: ":     {Gather: -1},
		"ping: ":       {Ping: 25 * time.Hour},
	} {
		if err := p.Check(); err == nil || !strings.HasPrefix(err.Error(), what) {
			t.Errorf("%+v: %v", p, err)
		}
	}
	if err := (Profile{RoundTrip: time.Second}).Check(); err == nil {
		t.Error("a round trip without a rate")
	}
}
