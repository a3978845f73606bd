package main

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"time"

	"chancery.example/chancery/circuit"
	"chancery.example/chancery/circuit/line"
	"chancery.example/chancery/post"
	"chancery.example/chancery/telegram"
)

// wayConfig says what a way can do. What is not set follows from it: docs/operations.md has the table.
type wayConfig struct {
	Line      string `toml:"line,omitempty" comment:"What the line is like: fibre, satellite or 2400. Without it, fibre."`
	Rate      int    `toml:"rate,omitempty" comment:"Bits a second, where no name fits."`
	RoundTrip string `toml:"round_trip,omitempty" comment:"How long something short takes there and back, as in 600ms."`
	Metered   bool   `toml:"metered,omitempty" comment:"Whether each byte is paid for: the hub then wakes this post, and nothing is asked for besides."`
	Gather    string `toml:"gather,omitempty" comment:"How long receipts wait to leave several as one, save for what is Immediate or above, as in 3s."`
	Message   int64  `toml:"message,omitempty" comment:"Bytes of several sections that leave as one message."`
}

// lineConfig are the settings of the post's own line that are not in wayConfig.
type lineConfig struct {
	wayConfig
	Dial    string `toml:"dial,omitempty" comment:"How long the network may take to connect."`
	Auth    string `toml:"auth,omitempty" comment:"How long the hub may then take to let this post in."`
	Ping    string `toml:"ping,omitempty" comment:"A line that was silent for so long is asked whether it lives."`
	Pong    string `toml:"pong,omitempty" comment:"And is dead when nothing comes within this."`
	Ack     string `toml:"ack,omitempty" comment:"How long the hub may take to say that it has a message."`
	Poll    string `toml:"poll,omitempty" comment:"On a metered line: how often it is looked for what waits, in case a wake was lost."`
	Reserve int64  `toml:"reserve,omitempty" comment:"Bytes that may still be under way when more is handed over or fetched."`
	Ahead   int    `toml:"ahead,omitempty" comment:"Messages that are fetched before the first of them was taken."`
}

// circuitConfig is what is otherwise on the way to one post.
type circuitConfig struct {
	wayConfig
	Window int64  `toml:"window,omitempty"`
	Retry  string `toml:"retry,omitempty"`
}

// profile gives the settings as a profile, not filled yet.
func (w *wayConfig) profile(window int64, retry string) (p circuit.Profile, err error) {
	if p, err = circuit.Named(w.Line); err != nil {
		return p, fmt.Errorf("line: %w", err)
	}
	if w.Rate != 0 {
		p.Rate = w.Rate
	}
	p.Metered, p.Message, p.Window = w.Metered, w.Message, window
	if err := durations(duration{"round_trip", w.RoundTrip, &p.RoundTrip}, duration{"retry", retry, &p.Retry}, duration{"gather", w.Gather, &p.Gather}); err != nil {
		return p, err
	}
	if retry != "" && p.Retry < 100*time.Millisecond {
		return p, fmt.Errorf("retry: %q is no duration such as 10s", retry)
	}
	return p, p.Check()
}

type duration struct {
	name, text string
	set        *time.Duration
}

func durations(all ...duration) error {
	for _, x := range all {
		if x.text == "" {
			continue
		}
		d, err := time.ParseDuration(x.text)
		if err != nil || d <= 0 {
			return fmt.Errorf("%s: %q is no duration such as 10s", x.name, x.text)
		}
		*x.set = d
	}
	return nil
}

// line is the profile of the post's own line, not filled yet.
func (c *config) line() (circuit.Profile, error) {
	p, err := c.wayConfig.profile(c.Window, c.Retry)
	if err != nil {
		return p, err
	}
	p.Reserve, p.Ahead = c.Reserve, c.Ahead
	if err := durations(duration{"dial", c.Dial, &p.Dial}, duration{"auth", c.Auth, &p.Auth}, duration{"ping", c.Ping, &p.Ping}, duration{"pong", c.Pong, &p.Pong},
		duration{"ack", c.Ack, &p.Ack}, duration{"poll", c.Poll, &p.Poll}); err != nil {
		return p, err
	}
	return p, p.Check()
}

// checkLines looks at the settings that say what the ways can do.
func (c *config) checkLines() error {
	p, err := c.line()
	if err != nil {
		return err
	}
	if p.Metered && c.Listen != "" {
		return errors.New("metered: a post with listen has the hub in its own process, and is not woken: take it out, or say it of the way to the other, as in  [circuits.BEIJING]")
	}
	return c.ways(&post.Config{})
}

// ways gives package post what it is to know of the ways.
func (c *config) ways(to *post.Config) error {
	line, err := c.line()
	if err != nil {
		return err
	}
	own := line.Fill()
	to.Metered = own.Metered
	to.Window, to.Message, to.Retry, to.Gather, to.Circuits = own.Window, own.Message, own.Retry, own.Gather, map[string]post.Way{}
	for name, x := range c.Circuits {
		if err := telegram.CheckPostName(name); err != nil {
			return fmt.Errorf("circuits: %w", err)
		}
		if name == c.Name {
			return fmt.Errorf("circuits: %s is this post itself", name)
		}
		p, err := x.profile(x.Window, x.Retry)
		if err != nil {
			return fmt.Errorf("circuits: %s: %w", name, err)
		}
		if x.Line == "" && x.Rate == 0 { // what is not said is as on the post's own line
			own := line
			own.Metered = own.Metered || p.Metered
			own.Window, own.Message = cmp.Or(p.Window, own.Window), cmp.Or(p.Message, own.Message)
			own.Retry, own.Gather = cmp.Or(p.Retry, own.Retry), cmp.Or(p.Gather, own.Gather)
			p = own
		}
		p = p.Fill()
		to.Circuits[name] = post.Way{Window: p.Window, Message: p.Message, Retry: p.Retry, Gather: p.Gather, Metered: p.Metered}
	}
	return nil
}

// checkWays looks at the settings for the way to other posts.
func (c *config) checkWays() error {
	if c.Listen != "" {
		_, port, err := net.SplitHostPort(c.Listen)
		if n, e := strconv.ParseUint(port, 10, 16); err != nil || e != nil || n == 0 {
			return fmt.Errorf("listen: %q is no host:port such as 127.0.0.1:4222", c.Listen)
		}
		if len(c.Hubs) > 0 {
			return errors.New("hubs: a post with listen runs the broker and joins no other: take one of the two out")
		}
	}
	if c.TLSOnly && c.Listen == "" {
		return errors.New("tls_only: it is for a post with listen: take it out")
	}
	secure := 0
	for _, h := range c.Hubs {
		if err := checkHub(h); err != nil {
			return fmt.Errorf("hubs: %w", err)
		}
		if isSecure(h) {
			secure++
		}
	}
	for _, k := range c.HubKeys {
		if err := line.CheckFingerprint(k); err != nil {
			return fmt.Errorf("hub_keys: %w", err)
		}
	}
	switch {
	case secure > 0 && secure < len(c.Hubs):
		return errors.New("hubs: write tls:// before each address, or nats:// before each")
	case secure > 0 && len(c.HubKeys) == 0:
		return errors.New("hub_keys: the hub's key is not known: ask whoever keeps the hub for its fingerprint, which  chancery hub key  prints there")
	case secure == 0 && len(c.HubKeys) > 0:
		return errors.New("hubs: the hub's key is known, and nothing is encrypted to it: write tls:// before the address")
	}
	return nil
}

// checkHub looks at a hub's address.
func checkHub(address string) error {
	if u, err := url.Parse(address); err != nil || !slices.Contains([]string{"nats", "tls"}, u.Scheme) || u.Hostname() == "" || u.Port() == "" || u.User != nil {
		return fmt.Errorf("%q is no address such as tls://hub.example:4222, or nats://hub.example:4222 where the hub has no key", address)
	}
	return nil
}

// checkServer looks at the address of a NATS server of its own, which has no key of ours.
func checkServer(address string) error {
	if err := checkHub(address); err != nil || isSecure(address) {
		return fmt.Errorf("%q is no address such as nats://hub.example:4222", address)
	}
	return nil
}

func isSecure(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "tls"
}
