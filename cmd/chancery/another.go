package main

import (
	"fmt"
	"strings"

	"chancery.example/chancery/desk"
	"chancery.example/chancery/post"
	"chancery.example/chancery/telegram"
	"github.com/spf13/cobra"
)

// Commands that do something to one telegram by another: cancel, correct, repeat, readdress.

const (
	anotherLong = `Drafts a telegram to all to whom that one went, which cites it, and hands it over, signed by its drafter. NUMBER is this post's register
number. With --post it goes only to the posts that are named.`
	sentNumber = "register number; chancery show N --out shows what was sent under one"
)

// onSent makes a command that does something to a telegram which this post sent.
func (a *app) onSent(act telegram.Act, r *replying) *cobra.Command {
	x := post.Another{Act: act}
	var precedence string
	r.number = sentNumber
	r.ask = func(year int, number uint32, text string) (string, any, error) {
		x.Year, x.Number, x.Text = year, number, text
		var err error
		x.Precedence, err = precedenceFlag(precedence)
		return "another", x, err
	}
	c := a.replyCommand(r)
	c.Flags().StringArrayVar(&x.Posts, "post", nil, "only for this `post`; give it again for more")
	c.Flags().StringVar(&precedence, "precedence", "", "the `precedence`, when it is not that of the telegram")
	return c
}

// precedenceFlag reads a precedence, or nothing.
func precedenceFlag(s string) (*telegram.Precedence, error) {
	if s == "" {
		return nil, nil
	}
	p, err := telegram.ParsePrecedence(s)
	if err != nil {
		return nil, usage("--precedence: %w", err)
	}
	return &p, nil
}

func (a *app) cancelCommand() *cobra.Command {
	return a.onSent(telegram.Cancels, &replying{verb: "cancel", short: "Cancel a telegram that this post sent",
		long: anotherLong + `

When it is released and has arrived, the telegram shows as cancelled on both sides, and what it orders ends; what was reported as done stays done. It
stays filed. What a telegram has done to an order by a report, a grant or a cancel stands, so such a telegram is not cancelled.`,
		example: "  chancery cancel 23343 --dir moscow\n  chancery cancel 23343 --post LONDON --text 'It was not for you.' --dir moscow"})
}

func (a *app) correctCommand() *cobra.Command {
	return a.onSent(telegram.Corrects, &replying{verb: "correct", short: "Correct a telegram that this post sent",
		long: anotherLong + `

The correction is shown beside the telegram, on both sides. The telegram itself is never changed.`,
		example: "  chancery correct 23343 --text 'In the second paragraph for FIVE read FIFTEEN.' --dir moscow", wanted: "say what is to be read, and in place of what"})
}

func (a *app) repeatCommand() *cobra.Command {
	c := a.onSent(telegram.Repeats, &replying{verb: "repeat", short: "Send the text of a telegram once more, because a person asks for it",
		long: anotherLong + `

It has the same text, under the same label and signature, and asks for nothing: what was asked stands in the first one, and reports cite that. This is not needed
for what has not arrived: the post carries that again by itself, until it has its receipt.`,
		example: "  chancery repeat 23343 --post BEIJING --precedence flash --dir moscow"})
	for _, unused := range []string{"text", "file"} {
		if err := c.Flags().MarkHidden(unused); err != nil {
			panic(err)
		}
	}
	return c
}

func (a *app) readdressCommand() *cobra.Command {
	x := post.Another{Act: telegram.Readdresses}
	var to, info []string
	var precedence, asks, deadline string
	c := a.replyCommand(&replying{verb: "readdress", short: "Pass on a telegram that was received, to others who are to act or to know",
		long: `Drafts a telegram that passes on one which was received, and hands it over, signed by its drafter. NUMBER is this post's incoming number, as chancery inbox
lists it. An action addressee can pass it on for action or for information, an info addressee for information only.

The telegram goes along whole, as it was released: its receiver proves its text, who released it, and that it was sent to this office. --text is what is said
about it.`,
		example: "  chancery readdress 1 --to CONSUL@SHANGHAI --info AMBASSADOR@LONDON --text 'You know the minister.' --dir beijing\n  chancery readdress 1 --to CONSUL@SHANGHAI --precedence flash --ask fulfilment --deadline 2026-12-03T12:00Z --dir beijing",
		number:  incomingNumber,
		ask: func(year int, number uint32, text string) (string, any, error) {
			x.Year, x.Number, x.Text = year, number, text
			var err error
			if x.Precedence, err = precedenceFlag(precedence); err != nil {
				return "", nil, err
			}
			if x.To, err = addressFlags("--to", to); err != nil {
				return "", nil, err
			}
			if x.Info, err = addressFlags("--info", info); err != nil {
				return "", nil, err
			}
			if len(x.To)+len(x.Info) == 0 {
				return "", nil, usage("say to whom it is passed on, with --to or --info")
			}
			if x.Asks, err = asksFlag(asks); err != nil {
				return "", nil, err
			}
			if deadline != "" {
				if x.Deadline, err = desk.ParseDue(deadline); err != nil {
					return "", nil, usage("--deadline: %w", err)
				}
			}
			return "another", x, nil
		}})
	c.Flags().StringArrayVar(&to, "to", nil, "`OFFICE@POST` that is to act; give it again for more")
	c.Flags().StringArrayVar(&info, "info", nil, "`OFFICE@POST` that is to know; give it again for more")
	c.Flags().StringVar(&precedence, "precedence", "", "the `precedence`, when it is not that at which it came")
	c.Flags().StringVar(&asks, "ask", "", "`what` is asked of those who are to act: receipt, fulfilment")
	c.Flags().StringVar(&deadline, "deadline", "", "by `when` it must be done, as in 2026-12-03T12:00Z")
	return c
}

func addressFlags(flag string, values []string) (out []telegram.Address, err error) {
	for _, v := range values {
		a, err := telegram.ParseAddress(v)
		if err != nil {
			return nil, usage("%s: %w", flag, err)
		}
		out = append(out, a)
	}
	return out, nil
}

func asksFlag(s string) (telegram.Asks, error) {
	if s == "" {
		return 0, nil
	}
	asks, err := desk.ParseAsks(s)
	if err != nil {
		return 0, usage("--ask: %w", err)
	}
	return asks, nil
}

// onWords says in a list what a telegram does to another.
func onWords(c *post.Cited) string {
	words := map[telegram.Act]string{telegram.Readdresses: "passes on"}[c.Act]
	if words == "" {
		words = c.Act.String()
	}
	s := fmt.Sprintf("%s %s %s/%d", words, c.Post, telegram.NumberText(c.Serial), c.Year)
	if c.Here != "" {
		s += ", here " + c.Here
	}
	return s
}

// othersWords says what was done to a telegram by others, before it is read.
func othersWords(s *post.Shown) string {
	var b strings.Builder
	for _, d := range s.Deeds {
		if d.Act == telegram.Cancels {
			fmt.Fprintf(&b, "CANCELLED for %s: %s (%s)\n", d.Post, d.At.Format("2006-01-02 15:04:05Z"), d.By)
		}
	}
	if x := s.PassedOn; x != nil {
		had := "for information"
		if x.Action {
			had = "for action"
		}
		fmt.Fprintf(&b, "READDRESSED by %s, who had it %s: telegram of %s, %s, its serial %s/%d for %s, to %s", x.By, had, x.From, x.DTG, telegram.NumberText(x.Serial), x.Year, x.By.Post, addressWords(x.To))
		if len(x.Info) > 0 {
			fmt.Fprintf(&b, ", info %s", addressWords(x.Info))
		}
		if x.Here != "" {
			fmt.Fprintf(&b, "; this post has it as %s", x.Here)
		}
		b.WriteString("\n")
	}
	if b.Len() > 0 {
		b.WriteString("\n")
	}
	return b.String()
}

// correctionWords are what is to be read beside a telegram.
func correctionWords(s *post.Shown) string {
	var b strings.Builder
	for _, c := range s.Corrections {
		fmt.Fprintf(&b, "\nCORRECTION of %s (%s):\n%s\n", c.DTG, c.By, c.Text)
	}
	if b.Len() > 0 {
		b.WriteString("\n")
	}
	return b.String()
}

func addressWords(list []telegram.Address) string {
	var names []string
	for _, x := range list {
		names = append(names, x.String())
	}
	return strings.Join(names, ", ")
}
