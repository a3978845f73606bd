package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"chancery.example/chancery/desk"
	"chancery.example/chancery/directory"
	"chancery.example/chancery/post"
	"chancery.example/chancery/telegram"
	"github.com/spf13/cobra"
)

// Commands on precedence: how it stands here, to reserve flash and override, to restrict traffic.

// mostMonths bounds how far back use is counted.
const mostMonths = 120

func (a *app) precedenceCommand() *cobra.Command {
	var months int
	c := &cobra.Command{
		Use: "precedence", Short: "Show limits and MINIMIZE, and who has used flash and override",
		Long: `Shows how long a telegram may be at each precedence, whether flash and override need a role, what restricts traffic, and how often each releaser has
used flash and override in each month: of this post, and of others in what they sent here.`,
		Example: "  chancery precedence --dir moscow\n  chancery precedence --months 12 --json --dir moscow",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if months < 1 || months > mostMonths {
				return usage("--months is from 1 to %d", mostMonths)
			}
			_, o, err := a.at(cmd.Context())
			if err != nil {
				return err
			}
			defer o.close()
			var u post.Urgent
			if err := o.do(cmd.Context(), "precedence", struct{ Months int }{months}, &u); err != nil {
				return err
			}
			return a.say(u, "%s", urgentWords(&u, months))
		},
	}
	c.Flags().IntVar(&months, "months", 3, "how many `months` back, this one included")
	return c
}

func urgentWords(u *post.Urgent, months int) string {
	var b strings.Builder
	if u.Reserved == nil {
		b.WriteString("Flash and override: whoever may release may use them; the root officers have not reserved them.\n")
	} else {
		fmt.Fprintf(&b, "Flash and override: reserved since %s to people with the roles flash and override.\n", u.Reserved.UTC().Format("2006-01-02 15:04Z"))
	}
	for p := telegram.Override; ; p-- {
		if n, ok := u.Limits[p.String()]; ok {
			fmt.Fprintf(&b, "At %s a text has at most %d characters.\n", p, n)
		}
		if p == telegram.Deferred {
			break
		}
	}
	for _, m := range u.Minimize {
		b.WriteString(m.Words + "\n")
	}
	if len(u.Used) == 0 {
		fmt.Fprintf(&b, "Nobody has used flash or override in %d months.\n", months)
	}
	for _, x := range u.Used {
		who := fmt.Sprintf("person %d", x.Releaser)
		if x.Releaser == 0 {
			who = "DAMAGED: run chancery register verify"
		}
		fmt.Fprintf(&b, "%s  %-3s %s  %s: flash %d, override %d\n", x.Month, x.Way, x.Post, who, x.Flash, x.Override)
	}
	return b.String()
}

func (a *app) reserveCommand() *cobra.Command {
	var from string
	c := &cobra.Command{
		Use: "reserve FILE --from TIME", Short: "Reserve flash and override to people who have a role for them",
		Long: `From that time on a telegram at flash is released only by somebody who has the role flash or override, and one at override by somebody who has the role
override; receivers refuse others. Give people the roles before, and leave the posts time to hear of it. It is stated once and not taken back.`,
		Example: "  chancery directory reserve directory.txt --from 2026-12-15T00:00Z",
		Args:    exactly("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			if from == "" {
				return usage("say from when, with --from")
			}
			at, err := desk.ParseTime(from)
			if err != nil {
				return usage("--from: %w", err)
			}
			return a.state(args[0], directory.Reserve{From: time.Unix(at, 0).UTC()})
		},
	}
	c.Flags().StringVar(&from, "from", "", "the `time`, as in 2026-12-15T00:00Z")
	return c
}

// minimizers are who may sign an order to minimize.
const minimizers = "duty or administrator"

func (a *app) issueMinimizeCommand() *cobra.Command {
	i := issuing{role: minimizers}
	var area []string
	var all, end bool
	var until, why string
	c := i.command(&cobra.Command{
		Use: "minimize --area POST --until TIME --why TEXT --out FILE", Short: "Restrict traffic from and to posts for a time: MINIMIZE",
		Long: `While it is in force what is below priority and goes from or to a post in the area is handed over only when it is marked  Minimize: considered , for which its
releaser answers. Two people of this post sign it: a duty officer and another duty officer or an administrator, or for this post alone its two administrators.
When it is adopted here the other posts are told by themselves. It ends by itself, after at most thirty days; --end ends it now.`,
		Example: "  chancery issue minimize --area BEIJING --until 2026-12-03T12:00Z --why 'the cable is cut' --out minimize.txt --dir moscow\n" +
			"  chancery issue minimize --all --until 2026-12-03 --why 'war' --out minimize.txt --dir moscow\n  chancery issue minimize --area BEIJING --end --why 'the cable is mended' --out over.txt --dir moscow",
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, err := minimizeFlags(area, all, end, until, why)
			if err != nil {
				return err
			}
			return a.issue(cmd.Context(), &i, "The order to minimize", func(_ *folder, d *directory.Directory) ([]directory.Statement, error) {
				_, err := d.Append(m) // what could never stand is found before anybody signs it
				return []directory.Statement{m}, err
			})
		},
	})
	c.Flags().StringArrayVar(&area, "area", nil, "a `post`; give it again for more")
	c.Flags().BoolVar(&all, "all", false, "all posts")
	c.Flags().StringVar(&until, "until", "", "the `time` at which it ends, as in 2026-12-03T12:00Z; a day alone is its end")
	c.Flags().BoolVar(&end, "end", false, "end the one that is in force for this area")
	c.Flags().StringVar(&why, "why", "", "the reason, in a few words")
	return c
}

// minimizeFlags makes the order that flags say.
func minimizeFlags(area []string, all, end bool, until, why string) (m directory.Minimize, err error) {
	m = directory.Minimize{From: wholeSecond(), Why: why}
	switch {
	case all == (len(area) > 0):
		return m, usage("name the posts with --area, or give --all")
	case end == (until != ""):
		return m, usage("say until when, with --until, or end it with --end")
	case why == "":
		return m, usage("say why, with --why")
	}
	m.Area = slices.Clone(area)
	slices.Sort(m.Area)
	if end {
		m.Until = m.From.Add(time.Second)
		return m, nil
	}
	at, err := desk.ParseDue(until)
	if err != nil {
		return m, usage("--until: %w", err)
	}
	m.Until = time.Unix(at, 0).UTC()
	switch d := m.Until.Sub(m.From); {
	case d <= 0:
		return m, usage("--until: %s is past", telegram.DTG(at))
	case d > directory.LongestMinimize:
		return m, usage("--until: it lasts at most %d days; issue it again if it must go on", int(directory.LongestMinimize/(24*time.Hour)))
	}
	return m, nil
}
