package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/post"
	"chancery.example/chancery/telegram"
	"github.com/spf13/cobra"
)

// chosen is a telegram as a command line names it.
type chosen struct {
	in, out bool
	year    int
}

func (x *chosen) flags(c *cobra.Command) {
	c.Flags().BoolVar(&x.in, "in", false, "one that was received")
	c.Flags().BoolVar(&x.out, "out", false, "one that was sent")
	c.Flags().IntVar(&x.year, "year", 0, "the `year` of the number, when it is not this one")
}

// status asks the post how far a telegram has come.
func (x *chosen) status(ctx context.Context, o office, number string) (s post.Status, err error) {
	n, err := telegram.ParseNumber(number)
	if err != nil {
		return s, usage("%q is no number of a telegram", number)
	}
	shown, err := find(ctx, o, uint32(n), x.year, x.in, x.out)
	if err != nil {
		return s, err
	}
	return s, o.do(ctx, "progress", numbered{Way: shown.Way, Year: shown.Year, Number: shown.Number}, &s)
}

// statusCommand says in a line for each addressee how far a telegram has come.
func (a *app) statusCommand() *cobra.Command {
	var x chosen
	c := &cobra.Command{
		Use: "status NUMBER", Short: "Say how far a telegram has come, for each addressee",
		Long: `Says for each addressed post how far a telegram has come: queued, enciphered, on the wire, deciphered there, seen, acknowledged, conveyed, fulfilled. What another
post did is believed by its signature alone: where there is none yet, it says since when nothing is known.`,
		Example: "  chancery status 23343 --dir moscow",
		Args:    exactly("NUMBER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStatus(cmd.Context(), &x, args[0], func(s *post.Status) string {
				return statusWords(s) + "Next: every step and its proof:  chancery trace " + args[0] + " --dir " + a.dir + "\n"
			})
		},
	}
	x.flags(c)
	return c
}

// traceCommand shows every step of a telegram, and by what it is known.
func (a *app) traceCommand() *cobra.Command {
	var x chosen
	c := &cobra.Command{
		Use: "trace NUMBER", Short: "Show every step of a telegram with its time and proof, at both ends",
		Long: `Shows every step that a telegram has taken, from the draft to the report, with its time and by what it is known: a signature, an entry of the register, or only this post's own note.
What the other end did stands there by what it has signed.`,
		Example: "  chancery trace 23343 --dir moscow\n  chancery trace 1 --in --dir beijing --json",
		Args:    exactly("NUMBER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStatus(cmd.Context(), &x, args[0], traceWords)
		},
	}
	x.flags(c)
	return c
}

func (a *app) withStatus(ctx context.Context, x *chosen, number string, words func(*post.Status) string) error {
	_, o, err := a.at(ctx)
	if err != nil {
		return err
	}
	defer o.close()
	s, err := x.status(ctx, o, number)
	if err != nil {
		return err
	}
	return a.say(s, "%s", words(&s))
}

const clockForm = "2006-01-02 15:04:05Z"

func statusWords(s *post.Status) string {
	var b strings.Builder
	if s.Way == archive.In {
		last := s.Steps[len(s.Steps)-1]
		fmt.Fprintf(&b, "No. %s/%d: %s, %s\n", telegram.NumberText(s.Number), s.Year, last.Step, last.At.Format(clockForm))
		return b.String()
	}
	fmt.Fprintf(&b, "No. %s/%d\n", telegram.NumberText(s.Number), s.Year)
	for _, x := range s.Addressees {
		last := x.Steps[len(x.Steps)-1]
		fmt.Fprintf(&b, "%s, serial %s: %s, %s", x.Post, telegram.NumberText(x.Serial), x.State, last.At.Format(clockForm))
		if x.Unknown != nil {
			fmt.Fprintf(&b, "; unknown since %s", x.Unknown.Format(clockForm))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func traceWords(s *post.Status) string {
	var b strings.Builder
	steps := func(all []post.Reached) {
		for _, x := range all {
			fmt.Fprintf(&b, "  %s  %-24s %s\n", x.At.Format("2006-01-02 15:04:05.000Z"), x.Step, x.Proof)
		}
	}
	fmt.Fprintf(&b, "No. %s/%d of %s, R %s\n", telegram.NumberText(s.Number), s.Year, s.Post, s.Root)
	steps(s.Steps)
	for _, x := range s.Addressees {
		fmt.Fprintf(&b, "%s, serial %s\n", x.Post, telegram.NumberText(x.Serial))
		steps(x.Steps)
		if x.Unknown != nil {
			fmt.Fprintf(&b, "  %s  unknown since then: nothing that %s has signed says more\n", x.Unknown.Format("2006-01-02 15:04:05.000Z"), x.Post)
		}
	}
	return b.String()
}

// watchCommand follows a telegram, or all circuits, while one looks.
func (a *app) watchCommand() *cobra.Command {
	var x chosen
	var until string
	c := &cobra.Command{
		Use: "watch [NUMBER]", Short: "Follow a telegram, or the circuits, as things happen",
		Long: `Prints each step of a telegram as it is taken, until every addressee has it (--until deciphered), has seen it, or has fulfilled it. Without a number it prints the
circuits each time that something changes in them. It ends when it is stopped.`,
		Example: "  chancery watch 23343 --until fulfilled --dir moscow\n  chancery watch --dir moscow",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				if until != "" {
					return usage("--until goes with the number of a telegram")
				}
				return a.watchCircuits(cmd.Context())
			}
			end, ok := map[string]string{"": post.StepDeciphered, "deciphered": post.StepDeciphered, "seen": post.StepSeen, "fulfilled": "fulfilled"}[until]
			if !ok {
				return usage("--until is deciphered, seen or fulfilled, not %q", until)
			}
			return a.watchTelegram(cmd.Context(), &x, args[0], end)
		},
	}
	x.flags(c)
	c.Flags().StringVar(&until, "until", "", "end when all addressees have come to this `step`: deciphered, seen or fulfilled")
	return c
}

// lookAgain is how often watch asks.
const lookAgain = 500 * time.Millisecond

func (a *app) watchTelegram(ctx context.Context, x *chosen, number, end string) error {
	known := map[string]bool{}
	for {
		_, o, err := a.at(ctx)
		if err != nil {
			return err
		}
		s, err := x.status(ctx, o, number)
		o.close()
		if err != nil {
			return err
		}
		done := s.Way == archive.Out
		for _, e := range stepsOf(&s) {
			key := e.Post + " " + e.Step + e.At.String()
			if known[key] {
				continue
			}
			known[key] = true
			if err := a.say(e, "%s\n", e.words()); err != nil {
				return err
			}
		}
		for _, d := range s.Addressees {
			done = done && slices.ContainsFunc(d.Steps, func(r post.Reached) bool { return r.Step == end })
		}
		if done {
			return nil
		}
		select {
		case <-ctx.Done():
			return ended(ctx.Err())
		case <-time.After(lookAgain):
		}
	}
}

// event is a step, of all addressees or of one.
type event struct {
	Post string `json:"post,omitempty"`
	post.Reached
}

func (e *event) words() string {
	who := e.Post
	if who != "" {
		who += " "
	}
	return fmt.Sprintf("%s  %s%s (%s)", e.At.Format("2006-01-02 15:04:05.000Z"), who, e.Step, e.Proof)
}

func stepsOf(s *post.Status) (all []event) {
	for _, r := range s.Steps {
		all = append(all, event{"", r})
	}
	for _, d := range s.Addressees {
		for _, r := range d.Steps {
			all = append(all, event{d.Post, r})
		}
	}
	slices.SortStableFunc(all, func(a, b event) int { return a.At.Compare(b.At) })
	return all
}

func (a *app) watchCircuits(ctx context.Context) error {
	before := ""
	for {
		_, o, err := a.at(ctx)
		if err != nil {
			return err
		}
		var list circuitList
		err = o.do(ctx, "circuits", none{}, &list)
		o.close()
		if err != nil {
			return err
		}
		if words := circuitWords(&list); words != before {
			before = words
			if err := a.say(list, "%s\n%s", time.Now().UTC().Format(clockForm), words); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ended(ctx.Err())
		case <-time.After(lookAgain):
		}
	}
}

// circuitList is the line of this post, and its circuits.
type circuitList struct {
	Serving  bool           `json:"serving"`
	Joined   bool           `json:"line_up"`
	Since    string         `json:"line_since,omitempty"`
	Circuits []post.Circuit `json:"circuits"`
}

func (a *app) circuitsCommand() *cobra.Command {
	return &cobra.Command{
		Use: "circuits", Short: "Show the lines to other posts: up since when, what waits, how long it takes, how much it was",
		Long: `Shows for each other post when it was last heard from, what waits for it by precedence and since when, how long a receipt takes, what was sent again, and the bytes of today and this
month: of envelopes, repeats and receipts among them, without what the carrier adds.`,
		Example: "  chancery circuits --dir moscow",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, o, err := a.at(cmd.Context())
			if err != nil {
				return err
			}
			defer o.close()
			var list circuitList
			if err := o.do(cmd.Context(), "circuits", none{}, &list); err != nil {
				return err
			}
			return a.say(list, "%s", circuitWords(&list))
		},
	}
}

func circuitWords(l *circuitList) string {
	var b strings.Builder
	switch {
	case !l.Serving:
		b.WriteString("The post is not running: nothing leaves and nothing comes. Start it with  chancery serve\n")
	case l.Joined:
		fmt.Fprintf(&b, "The line is up since %s.\n", l.Since)
	default:
		fmt.Fprintf(&b, "The line is DOWN since %s.\n", l.Since)
	}
	if len(l.Circuits) == 0 {
		b.WriteString("Nothing was sent to another post yet, and nothing came.\n")
	}
	for _, c := range l.Circuits {
		fmt.Fprintf(&b, "%s: ", c.Post)
		if c.Suspended {
			b.WriteString("SUSPENDED; ")
		}
		if c.Heard != nil {
			fmt.Fprintf(&b, "last heard %s", c.Heard.Format(clockForm))
		} else {
			b.WriteString("never heard from")
		}
		if c.RoundTrip > 0 {
			fmt.Fprintf(&b, "; a receipt takes %v", time.Duration(c.RoundTrip)*time.Millisecond)
		}
		fmt.Fprintf(&b, "; today %d bytes out, %d in; this month %d and %d\n", c.Today[0], c.Today[1], c.Month[0], c.Month[1])
		if c.Oldest != nil {
			var waits []string
			levels := slices.Collect(maps.Keys(c.Backlog))
			slices.SortFunc(levels, func(x, y string) int { return level(y) - level(x) })
			for _, l := range levels {
				waits = append(waits, fmt.Sprintf("%d %s", c.Backlog[l], l))
			}
			fmt.Fprintf(&b, "  waiting: %s; the oldest, %s, since %s\n", strings.Join(waits, ", "), c.OldestOf, c.Oldest.Format(clockForm))
		}
		if c.Again > 0 {
			fmt.Fprintf(&b, "  %d sections were sent again and have no receipt yet\n", c.Again)
		}
	}
	return b.String()
}

func level(word string) int {
	p, err := telegram.ParsePrecedence(word)
	if err != nil {
		return -1
	}
	return int(p)
}

// saw tells the post that somebody has opened a telegram. That it cannot be told is no reason to show nothing.
func (a *app) saw(ctx context.Context, o office, s *post.Shown) {
	if s.Way != archive.In {
		return
	}
	if err := o.do(ctx, "saw", numbered{Way: s.Way, Year: s.Year, Number: s.Number}, &none{}); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintf(a.err, "That it was opened could not be noted: %v\n", err)
	}
}
