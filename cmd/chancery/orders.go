package main

import (
	"fmt"
	"strings"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/desk"
	"chancery.example/chancery/post"
	"chancery.example/chancery/telegram"
	"github.com/spf13/cobra"
)

// mostOrders is how many orders are listed: more than anybody reads, and the most pressing stand first.
const mostOrders = 1000

func (a *app) ordersCommand() *cobra.Command {
	var given, received, all bool
	c := &cobra.Command{
		Use: "orders", Short: "List what was asked of whom, by when, and how far it is",
		Long: `Lists the orders that this post gave and those that were given to it. What is overdue stands first, then what is due next; what is never
due stands last. A receipt asked for and a fulfilment asked for are two lines. Those that have ended are listed with --all.`,
		Example: "  chancery orders --dir moscow --given\n  chancery orders --dir beijing --received --all --json",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, o, err := a.at(cmd.Context())
			if err != nil {
				return err
			}
			defer o.close()
			var out orders
			if err := o.do(cmd.Context(), "orders", post.OrdersWanted{Given: given, Received: received, All: all, Limit: mostOrders + 1}, &out); err != nil {
				return err
			}
			if len(out.Orders) > mostOrders {
				out.Orders, out.More = out.Orders[:mostOrders], true
			}
			return a.say(out, "%s", out.words(a.dir))
		},
	}
	c.Flags().BoolVar(&given, "given", false, "only those that this post gave")
	c.Flags().BoolVar(&received, "received", false, "only those that were given to this post")
	c.Flags().BoolVar(&all, "all", false, "those that have ended, too")
	return c
}

func (x *orders) words(dir string) string {
	if len(x.Orders) == 0 {
		return "No order is open.\n"
	}
	var b strings.Builder
	for _, o := range x.Orders {
		due := "no time set"
		if o.Due != nil {
			due = "due " + telegram.DTG(o.Due.Unix())
		}
		overdue := ""
		if o.Overdue {
			overdue = "OVERDUE  "
		}
		fmt.Fprintf(&b, "%s%-3s %s/%d  %s  %s of %s: %s", overdue, o.Way, telegram.NumberText(o.Number), o.Year, due, o.Asked, whoActs(&o), progressWords(&o.Standing))
		if o.By != "" {
			fmt.Fprintf(&b, " (%s)", o.By)
		}
		fmt.Fprintf(&b, "  %s %s  %s\n", o.From, telegram.NumberText(o.Serial), o.Subject)
	}
	if x.More {
		fmt.Fprintf(&b, "There are more than these %d.\n", mostOrders)
	}
	if first := x.Orders[0]; first.Ended == nil {
		b.WriteString(nextStep(&first, dir))
	}
	return b.String()
}

// whoActs names the offices that are to act.
func whoActs(o *post.Order) string {
	if len(o.To) == 0 {
		return o.Post
	}
	var names []string
	for _, a := range o.To {
		names = append(names, a.String())
	}
	return strings.Join(names, ", ")
}

// nextStep says what can be done about the most pressing order.
func nextStep(o *post.Order, dir string) string {
	switch {
	case o.Way == archive.Out && o.Progress == post.ProgressAsked:
		return fmt.Sprintf("Next: grant %s more time:  chancery grant-time %s --post %s --until TIME --dir %s\n", o.Post, telegram.NumberText(o.Number), o.Post, dir)
	case o.Way == archive.In && o.Asked == desk.Fulfilment:
		return fmt.Sprintf("Next: report on it:  chancery fulfil %s --dir %s  (or part-done, more-time, conveyed, cannot-comply)\n", telegram.NumberText(o.Number), dir)
	}
	return fmt.Sprintf("Next: see what was said of it:  chancery show %s --%s --dir %s\n", telegram.NumberText(o.Number), o.Way, dir)
}

// progressWords says how far a duty is.
func progressWords(s *post.Standing) string {
	if s.Until == nil {
		return string(s.Progress)
	}
	return string(s.Progress) + " until " + telegram.DTG(s.Until.Unix())
}

// deedWords says what one telegram said of an order.
func deedWords(d *post.Deed) string {
	words := map[telegram.Act]string{telegram.Acknowledges: "acknowledged by %s", telegram.PartFulfils: "part done by %s", telegram.Conveys: "conveyed by %s",
		telegram.AsksTime: "more time asked by %s", telegram.GrantsTime: "more time granted to %s", telegram.Fulfils: "fulfilled by %s",
		telegram.CannotComply: "%s cannot comply", telegram.Cancels: "cancelled for %s", telegram.Corrects: "corrected for %s", telegram.Repeats: "repeated to %s",
		telegram.Readdresses: "readdressed by %s"}[d.Act]
	s := fmt.Sprintf(words, d.Post)
	if d.Until != nil {
		s += ", until " + telegram.DTG(d.Until.Unix())
	}
	return fmt.Sprintf("%s: %s (%s)", s, d.At.Format("2006-01-02 15:04:05Z"), d.By)
}
