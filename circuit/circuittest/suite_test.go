package circuittest

import (
	"context"
	"os"
	"os/exec"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"chancery.example/chancery/circuit"
	"chancery.example/chancery/telegram"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(faultName) != "" { // what a broken carrier leaves behind is no matter
		os.Exit(m.Run())
	}
	goleak.VerifyTestMain(m)
}

func TestWildPasses(t *testing.T) {
	t.Parallel()
	Run(t, openWild)
}

func openWild(t *testing.T, routes []telegram.Route) (cs []circuit.Carrier) {
	w := NewWild(1, routes...)
	for _, r := range routes {
		cs = append(cs, w.At(r))
	}
	t.Cleanup(func() {
		if s := w.Stats(); s.Lost+s.Repeated+s.Corrupted+s.Regraded+s.Reordered+s.Delayed+s.Cuts+s.Turned > 0 {
			t.Errorf("a good network did harm: %+v", s)
		}
	})
	return cs
}

func TestPlainPasses(t *testing.T) {
	t.Parallel()
	Run(t, func(_ *testing.T, routes []telegram.Route) []circuit.Carrier { return openPlain("", routes) })
}

// What the contract lets a carrier do, and a test may not mind, is no fault: repeats, and Sends that fail half-way.
func TestRepeatingPasses(t *testing.T) {
	t.Parallel()
	Run(t, func(_ *testing.T, routes []telegram.Route) []circuit.Carrier {
		w := NewWild(1, routes...)
		w.SetAll(Link{Repeat: 0.2, Cut: 0.15, Outage: 20 * time.Millisecond})
		var cs []circuit.Carrier
		for _, r := range routes {
			cs = append(cs, w.At(r))
		}
		return cs
	})
}

const faultName = "CIRCUITTEST_FAULT"

// TestFault is the suite on a broken carrier, when TestSuiteSeesFaults runs it in a process of its own. By itself it does nothing.
func TestFault(t *testing.T) {
	fault, patience := os.Getenv(faultName), 4*time.Second
	switch fault {
	case "":
		t.Skip("there is no fault to look for")
	case "none":
		patience = 30 * time.Second
	}
	run(t, func(_ *testing.T, routes []telegram.Route) []circuit.Carrier { return openPlain(fault, routes) }, patience)
}

// broken says of each fault which promise it breaks, and what the suite must say of it.
var broken = []struct{ fault, promise, word string }{
	{"wrong post", "three posts", "was handed over for"},
	{"reads the precedence", "reads no envelope", "what was handed over at"},
	{"reads the receiver", "reads no envelope", "was handed over for"},
	{"seventh precedence", "unknown precedence", "was handed over"},
	{"waits for unknown posts", "unknown route", "Send does not return"},
	{"refuses nothing", "nothing sent", "0 envelopes"},
	{"takes nothing", "nothing sent", "called with nothing"},
	{"drops the longest", "longest", "in vain"},
	{"drops long lists", "many", "in vain"},
	{"waits for the receiver", "send waits for nobody", "could not be handed over"},
	{"keeps bodies", "send keeps nothing", "not what was handed over"},
	{"alters what it sends", "there and back", "Send changed"},
	{"sends for ever", "send ends", "Send returned"},
	{"no precedence", "most urgent first", "less urgent"},
	{"no precedence", "urgent overtakes", "a Flash waited"},
	{"fetches all ahead", "urgent overtakes", "a Flash waited"},
	{"takes at once", "one take", "another take ran"},
	// Which of the two is said depends on whose patience ends first: that of Send within take, or of those who wait for the take.
	{"take under a lock", "send in take", "from within take|in vain waited for 10 envelopes"},
	{"loses what is refused", "refused comes again", "in vain"},
	{"loses what is refused", "refused outlives receive", "in vain"},
	{"forgets refused at the end", "refused outlives receive", "in vain"},
	{"gives what it keeps", "refused comes again", "not what was handed over"},
	{"offers without a pause", "refused comes again", "without a pause"},
	{"refused first", "refused holds nothing up", "in vain"},
	{"takes back", "there and back", "not what was handed over"},
	{"never forgets", "taken is done", "though they were taken"},
	{"deaf", "receive ends", "after its ctx ended"},
	{"deaf before it begins", "receive ends", "under a ctx that had ended"},
	{"no error at the end", "receive ends", "not its ctx's error"},
	{"leaves takes behind", "receive waits for take", "a take ran"},
	{"takes once more", "receive waits for take", "2 were called"},
	{"forgets at the end", "receive again", "in vain"},
	{"two receivers", "one receive", "beside the first"},
	{"race", "send at once", "DATA RACE"},
}

// TestSuiteSeesFaults breaks one promise after another and wants the suite to fail where it looks at that promise, and for that reason.
func TestSuiteSeesFaults(t *testing.T) {
	t.Parallel()
	for _, p := range promises {
		if !slices.ContainsFunc(broken, func(c struct{ fault, promise, word string }) bool { return c.promise == p.name }) {
			t.Errorf("no fault breaks the promise %q: nobody knows whether it can fail", p.name)
		}
	}
	type result struct {
		out string
		err error
	}
	results := make([]result, len(broken))
	places := make(chan struct{}, 6) // most of them do nothing but wait in vain
	var wg sync.WaitGroup
	for i, c := range broken {
		wg.Go(func() {
			places <- struct{}{}
			results[i].out, results[i].err = suiteOn(t, c.fault, c.promise)
			<-places
		})
	}
	wg.Wait()
	for i, c := range broken {
		t.Run(c.fault+", "+c.promise, func(t *testing.T) {
			if c.fault == "race" && !raceDetector() {
				t.Skip("without -race nobody sees a race")
			}
			out := results[i].out
			if results[i].err == nil {
				t.Fatalf("the suite passed:\n%s", out)
			}
			failed := "--- FAIL: TestFault/" + strings.ReplaceAll(c.promise, " ", "_") + " "
			if !strings.Contains(out, failed) || !slices.ContainsFunc(strings.Split(c.word, "|"), func(word string) bool { return strings.Contains(out, word) }) {
				t.Errorf("the suite failed, but for another reason than the fault (%q):\n%s", c.word, out)
			}
		})
	}
}

// TestFaultless shows that it is the fault that fails, and not the process, the patience or the name of a promise.
func TestFaultless(t *testing.T) {
	t.Parallel()
	out, err := suiteOn(t, "none", "")
	if err != nil || strings.Count(out, "--- PASS: TestFault/") != len(promises) {
		t.Errorf("%v\n%s", err, out)
	}
}

func raceDetector() bool {
	b, _ := debug.ReadBuildInfo()
	return slices.Contains(b.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

func suiteOn(t *testing.T, fault, promise string) (string, error) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		return "", err
	}
	pattern := "^TestFault$"
	if promise != "" {
		pattern += "/^" + strings.ReplaceAll(regexp.QuoteMeta(promise), " ", "_") + "$"
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, exe, "-test.run="+pattern, "-test.v", "-test.timeout=1m", "-test.count=1")
	cmd.Env = append(os.Environ(), faultName+"="+fault)
	out, err := cmd.CombinedOutput()
	return string(out), err
}
