package bench

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"chancery.example/chancery/circuit"
	"chancery.example/chancery/circuit/line"
)

// lines starts a broker and joins both posts to it, the first within the process and the second by the network.
func lines(t *testing.T, moscow, beijing *desks) map[*desks]circuit.Carrier {
	hub := must(line.NewHub(line.HubConfig{Listen: "127.0.0.1:0", Dir: t.TempDir(), Log: quiet}))
	if err := hub.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hub.Stop)
	if err := hub.Admit(t.Context(), []line.Member{{Route: moscow.config.Route}, {Route: beijing.config.Route, Login: must(beijing.login.PublicKey())}}); err != nil {
		t.Fatal(err)
	}
	near := must(line.New(line.Config{Route: moscow.config.Route, Hub: hub, Log: quiet}))
	far := must(line.New(line.Config{Route: beijing.config.Route, URLs: []string{"nats://" + hub.Addr()}, Login: must(beijing.login.PublicKey()), Sign: beijing.login.Sign, Log: quiet}))
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	t.Cleanup(func() {
		stop()
		wg.Wait()
	})
	for _, l := range []*line.Line{near, far} {
		wg.Go(func() { l.Run(ctx) })
		for !l.State().Connected {
			time.Sleep(time.Millisecond)
		}
	}
	return map[*desks]circuit.Carrier{moscow: near, beijing: far}
}

const open = "select (" + released + ") + (select count(*) from outbox where receipted is null)"

func postToPost(t *testing.T, c counts) []figure {
	moscow, beijing := ministry(t)
	carriers := lines(t, moscow, beijing)
	p := newPrimitives(newSent())
	var bare []float64
	measure := func() { bare = append(bare, reach(c.rounds*c.each, p.once)) }
	once := func(what string, from map[*desks]*desks) float64 {
		for x, to := range from {
			x.release(c.telegrams/len(from), to.config.Name)
			x.reopen(0)
		}
		measure()
		var took time.Duration
		profiled(t, what, func() {
			start := time.Now()
			stop := run(t, carriers)
			for x := range from {
				x.until(open, start, c.telegrams/len(from), 5*time.Minute)
			}
			took = time.Since(start)
			stop()
		})
		measure()
		return float64(c.telegrams/len(from)*len(from)) / took.Seconds()
	}
	oneWay := once("from post to post", map[*desks]*desks{moscow: beijing})
	moscow.reopen(0)
	bothWays := once("both ways between two posts", map[*desks]*desks{moscow: beijing, beijing: moscow})
	row := func(name string, rate float64) figure {
		f := against(fmt.Sprintf("%s, %d telegrams", name, c.telegrams), rate, "telegrams/s", fmt.Sprintf("primitives on %d cores", runtime.GOMAXPROCS(0)), median(bare))
		return f.goal("≥ 0.65", f.Ratio >= 0.65)
	}
	return []figure{row("from post to post, receipted", oneWay), row("both ways at once", bothWays)}
}
