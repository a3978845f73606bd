package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"time"

	"chancery.example/chancery/circuit"
	"chancery.example/chancery/telegram"
)

// How the processes of a storm get their weather: each is this test's own program, which runs the command with a bad line and a wrong clock.

// weatherEnv holds what one process of a storm is told, as JSON.
const weatherEnv = "CHANCERY_TEST_WEATHER"

// told is what it is told.
type told struct {
	Seed uint64
	File string // a sky as JSON, read again and again
	Skew time.Duration
}

// sky is how bad the way from one post to the others is. The fractions are of envelopes.
type sky struct {
	Lose, Repeat, Corrupt, Regrade, Reorder float64
	Delay                                   time.Duration // of what is reordered, at most
	Cut                                     []string      // routes to which nothing goes
	Silent                                  bool          // what a cut takes seems to have gone
}

// weather puts a storm between, when this process is one of its posts.
func weather() {
	words := os.Getenv(weatherEnv)
	if words == "" {
		return
	}
	var w told
	if err := json.Unmarshal([]byte(words), &w); err != nil {
		panic(err)
	}
	clock = func() time.Time { return time.Now().Add(w.Skew) }
	around = func(c circuit.Carrier) circuit.Carrier {
		return &windy{Carrier: c, file: w.File, rng: rand.New(rand.NewPCG(w.Seed, 0))}
	}
}

// windy is a line in bad weather. What it draws follows from its seed and the order of what is sent.
type windy struct {
	circuit.Carrier
	file string
	mu   sync.Mutex // guards rng, sky and read
	rng  *rand.Rand
	sky  sky
	read time.Time
}

// late is an envelope that goes later than those behind it.
type late struct {
	e  telegram.Envelope
	at telegram.Precedence
	in time.Duration
}

func (w *windy) Send(ctx context.Context, to telegram.Route, p telegram.Precedence, es []telegram.Envelope) error {
	now, later, err := w.blow(to, p, es)
	for _, x := range later {
		time.AfterFunc(x.in, func() {
			ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
			defer stop()
			_ = w.Carrier.Send(ctx, to, x.at, []telegram.Envelope{x.e}) // lost if it fails
		})
	}
	if err != nil || len(now) == 0 {
		return err
	}
	return w.Carrier.Send(ctx, to, p, now)
}

// blow says what of the envelopes goes now, what later, and whether the line is cut.
func (w *windy) blow(to telegram.Route, p telegram.Precedence, es []telegram.Envelope) (now []telegram.Envelope, later []late, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if time.Since(w.read) > 100*time.Millisecond {
		if b, err := os.ReadFile(w.file); err == nil {
			var s sky
			if json.Unmarshal(b, &s) == nil {
				w.sky = s
			}
		}
		w.read = time.Now()
	}
	if slices.Contains(w.sky.Cut, fmt.Sprintf("%x", to[:])) {
		if w.sky.Silent {
			return nil, nil, nil
		}
		return nil, nil, fmt.Errorf("sending to %x: the storm has cut the line", to[:])
	}
	draw := func(fraction float64) bool { return w.rng.Float64() < fraction }
	for i := range es {
		copies := 1
		if draw(w.sky.Repeat) {
			copies = 2
		}
		for range copies {
			if draw(w.sky.Lose) {
				continue
			}
			e, at, held := es[i], p, time.Duration(-1)
			if draw(w.sky.Corrupt) {
				b := e.Marshal()
				b[w.rng.IntN(len(b))] ^= 1 << w.rng.IntN(8)
				var bad error
				if e, bad = telegram.ParseEnvelope(b); bad != nil || e.To != to {
					continue
				}
			}
			if draw(w.sky.Regrade) {
				at, held = telegram.Precedence(w.rng.IntN(6)), 0
			}
			if draw(w.sky.Reorder) {
				held = time.Duration(w.rng.Int64N(int64(w.sky.Delay) + 1))
			}
			if held < 0 {
				now = append(now, e)
				continue
			}
			e.Body = slices.Clone(e.Body)
			later = append(later, late{e, at, held})
		}
	}
	return now, later, nil
}
