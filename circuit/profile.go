package circuit

import (
	"cmp"
	"errors"
	"fmt"
	"time"
)

// Profile is what is known of a way in advance, and what follows from it: how long things may take there, and how much is sent before the other
// end has answered. The zero value is a fast line. [Profile.Fill] gives each value that is zero the one that follows from Rate, RoundTrip and
// Metered; docs/operations.md has them as a table.
type Profile struct {
	Rate      int           // bits a second; 0: faster than what sends on it
	RoundTrip time.Duration // of something short
	Metered   bool          // each byte is paid for: nothing stands open, and the hub wakes the post

	Dial time.Duration // for the network to connect
	Auth time.Duration // for the hub to let the post in
	Ping time.Duration // a line on which nothing came for so long is asked whether it lives
	Pong time.Duration // and is dead when nothing comes within this, beside the time that what is under way takes
	Ack  time.Duration // for the hub's word that it has a message, beside the time that what is under way takes
	Poll time.Duration // of a metered line: how often it is looked for what waits, in case a wake was lost

	Gather  time.Duration // receipts wait so long for others, save for what is Immediate or above
	Retry   time.Duration // what has no receipt is carried again after this
	Window  int64         // bytes without a receipt, for each precedence and those above
	Message int64         // bytes of several envelopes that go as one message; one envelope may have more
	Reserve int64         // bytes that may still be under way when more is handed over or fetched; 0: the next message waits for the hub's word on the last
	Ahead   int           // messages of one precedence that a post fetches before it has taken the first of them, 1 to 64
}

// The profiles that have a name.
const (
	Fibre     = "fibre"
	Satellite = "satellite"
	Slow      = "2400"
)

// Named gives a profile by its name, not filled yet; the empty name is [Fibre].
func Named(name string) (Profile, error) {
	switch name {
	case "", Fibre:
		return Profile{}, nil
	case Satellite:
		return Profile{Rate: 64000, RoundTrip: 600 * time.Millisecond}, nil
	case Slow:
		return Profile{Rate: 2400, RoundTrip: 5 * time.Second}, nil
	}
	return Profile{}, fmt.Errorf("%q is no profile of a line: use %s, %s or %s", name, Fibre, Satellite, Slow)
}

// An envelope of an ordinary telegram is shorter than this.
const ordinary = 8 << 10

// Fill gives the profile with each value that was zero worked out.
func (p Profile) Fill() Profile {
	f := Profile{Dial: 10 * time.Second, Auth: 30 * time.Second, Ping: 5 * time.Second, Pong: 10 * time.Second, Ack: 20 * time.Second,
		Retry: 10 * time.Second, Window: 256 << 10, Message: 64 << 10, Ahead: 8}
	if p.Rate > 0 {
		second := int64(p.Rate / 8) // bytes
		trips := func(n int) time.Duration { return time.Duration(n) * p.RoundTrip }
		f.Dial += trips(4)
		f.Auth += trips(8) + p.Takes(2*ordinary)
		f.Ping += trips(2) + p.Takes(1<<10)
		f.Pong += trips(2)
		f.Ack += trips(2)
		// What moves in less than half a second, so that a Flash does not wait for more.
		f.Message = min(second*4/10, f.Message)
		f.Gather = min(24*p.Takes(3<<10), 2*time.Minute).Round(time.Second)
		// As much as keeps the line busy until what is asked for comes, though a packet was lost: and a Flash waits for no more, and one message.
		between := int64(float64(second) * p.RoundTrip.Seconds())
		f.Reserve = between + second*56/100
		f.Ahead = 64
		// Twice what moves until the receipt of the first of it has come, with some seconds for the other post: sealing begins when half is free.
		f.Window = min(max(2*(16*second+4*between), 8*ordinary), 4<<20)
		window := f.Window
		if p.Window > 0 {
			window = p.Window
		}
		f.Retry = max(f.Retry, 4*(p.Takes(window)+p.RoundTrip)).Round(time.Second)
	}
	if p.Metered {
		f.Ping, f.Poll, f.Retry, f.Gather = 2*time.Minute, 6*time.Hour, max(f.Retry, time.Minute), max(f.Gather, 5*time.Second)
	}
	f.Rate, f.RoundTrip, f.Metered = p.Rate, p.RoundTrip, p.Metered
	f.Dial, f.Auth, f.Ping, f.Pong = cmp.Or(p.Dial, f.Dial), cmp.Or(p.Auth, f.Auth), cmp.Or(p.Ping, f.Ping), cmp.Or(p.Pong, f.Pong)
	f.Ack, f.Poll, f.Retry, f.Gather, f.Window = cmp.Or(p.Ack, f.Ack), cmp.Or(p.Poll, f.Poll), cmp.Or(p.Retry, f.Retry), cmp.Or(p.Gather, f.Gather), cmp.Or(p.Window, f.Window)
	f.Message, f.Reserve, f.Ahead = cmp.Or(p.Message, f.Message), cmp.Or(p.Reserve, f.Reserve), cmp.Or(p.Ahead, f.Ahead)
	return f
}

// Takes is how long so many bytes take on the line.
func (p Profile) Takes(bytes int64) time.Duration {
	if p.Rate <= 0 {
		return 0
	}
	return time.Duration(float64(bytes) * 8 / float64(p.Rate) * float64(time.Second))
}

// Check says what no line can have.
func (p Profile) Check() error {
	for _, x := range []struct {
		name string
		d    time.Duration
	}{{"round_trip", p.RoundTrip}, {"dial", p.Dial}, {"auth", p.Auth}, {"ping", p.Ping}, {"pong", p.Pong}, {"ack", p.Ack}, {"poll", p.Poll}, {"retry", p.Retry}, {"gather", p.Gather}} {
		if x.d < 0 || x.d > 24*time.Hour {
			return fmt.Errorf("%s: it is at most a day, not %v", x.name, x.d)
		}
	}
	switch {
	case p.Rate < 0 || p.Rate > 0 && p.Rate < 300:
		return fmt.Errorf("rate: it is in bits a second, 300 or more, not %d", p.Rate)
	case p.RoundTrip > time.Minute:
		return fmt.Errorf("round_trip: it is at most a minute, not %v", p.RoundTrip)
	case p.Window < 0:
		return fmt.Errorf("window: it cannot be %d bytes", p.Window)
	case p.Message < 0:
		return fmt.Errorf("message: it cannot be %d bytes", p.Message)
	case p.Reserve < 0 || p.Reserve > 16<<20:
		return fmt.Errorf("reserve: it is at most 16 MiB, not %d bytes", p.Reserve)
	case p.Reserve > 0 && p.Rate == 0:
		return errors.New("reserve: give the rate of the line too, as in  rate = 64000")
	case p.Ahead < 0 || p.Ahead > 64:
		return fmt.Errorf("ahead: it is from 1 to 64 messages, not %d", p.Ahead)
	case p.RoundTrip > 0 && p.Rate == 0:
		return errors.New("round_trip: give the rate of the line too, as in  rate = 64000")
	case p.Poll != 0 && !p.Metered:
		return errors.New("poll: only a metered line is polled: set  metered = true  or take it out")
	}
	return nil
}
