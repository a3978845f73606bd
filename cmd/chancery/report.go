package main

import (
	"fmt"
	"strings"
	"time"

	"chancery.example/chancery/desk"
	"chancery.example/chancery/post"
	"chancery.example/chancery/telegram"
	"github.com/spf13/cobra"
)

// replying is one command that answers an order, or says more of an order given.
type replying struct {
	verb, short, long, example string
	number                     string // what NUMBER is, when it is none
	text                       string // the words when none are given
	wanted                     string // what to say when there must be words
	// ask puts the report to the post: act "reply" or "grant", and what goes in.
	ask func(year int, number uint32, text string) (act string, in any, err error)
}

const (
	replyLong = `Drafts a telegram to the office that gave the order, which cites it, and hands it over, signed by its drafter. NUMBER is this
post's incoming number, as chancery inbox lists it. When it is released and has arrived, the order shows on both sides that this was done.`
	notClosed = ` It does
not close the order.`
)

// replyCommand makes the command.
func (a *app) replyCommand(r *replying) *cobra.Command {
	var who asOfficer
	var year int
	var text, file string
	c := &cobra.Command{
		Use:     r.verb + " NUMBER",
		Short:   r.short,
		Long:    r.long,
		Example: r.example,
		Args:    exactly("NUMBER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := telegram.ParseNumber(args[0])
			if err != nil {
				return usage("%q is no %s", args[0], r.number)
			}
			if file != "" {
				if text, err = readText(file); err != nil {
					return fmt.Errorf("%w. Nothing was kept", err)
				}
			}
			if text == "" {
				text = r.text
			}
			if text == "" && r.wanted != "" {
				return usage("%s, with --text or --file", r.wanted)
			}
			act, in, err := r.ask(year, uint32(n), text)
			if err != nil {
				return err
			}
			return a.reply(cmd, act, in, &who)
		},
	}
	who.flags(c)
	who.considers(c)
	c.Flags().StringVar(&text, "text", "", "the `words` of the report")
	c.Flags().StringVar(&file, "file", "", "a `file` with the words of the report")
	c.Flags().IntVar(&year, "year", 0, "the `year` of the number, when it is not this one")
	return c
}

// reply lays the telegram on the desk and hands it over.
func (a *app) reply(cmd *cobra.Command, act string, in any, who *asOfficer) error {
	f, o, err := a.at(cmd.Context())
	if err != nil {
		return err
	}
	defer o.close()
	var out draftID
	if err := o.do(cmd.Context(), act, in, &out); err != nil {
		return fmt.Errorf("%w. Nothing was kept", err)
	}
	return a.handOver(cmd.Context(), f, o, out.ID, who, nil)
}

const incomingNumber = "incoming number; chancery inbox lists them"

// report is the plain report: words and nothing else.
func report(act telegram.Act) func(int, uint32, string) (string, any, error) {
	return func(year int, number uint32, text string) (string, any, error) {
		return "reply", post.Report{Year: year, Number: number, Act: act, Text: text}, nil
	}
}

func (a *app) acknowledgeCommand() *cobra.Command {
	return a.replyCommand(&replying{verb: "acknowledge", short: "Acknowledge an order that was received: we will do it", long: replyLong,
		example: "  chancery acknowledge 1 --dir beijing --text 'Done today at noon.'", number: incomingNumber,
		text: "Received and understood. It will be done.", ask: report(telegram.Acknowledges)})
}

func (a *app) fulfilCommand() *cobra.Command {
	return a.replyCommand(&replying{verb: "fulfil", short: "Fulfil an order that was received: it is done, and how", long: replyLong,
		example: "  chancery fulfil 1 --dir beijing --text 'Done today at noon.'", number: incomingNumber,
		wanted: "say what was done", ask: report(telegram.Fulfils)})
}

func (a *app) partDoneCommand() *cobra.Command {
	return a.replyCommand(&replying{verb: "part-done", short: "Report that part of an order is done", long: replyLong + notClosed,
		example: "  chancery part-done 1 --dir beijing --text 'Two of the five trains have passed.'", number: incomingNumber,
		wanted: "say what was done", ask: report(telegram.PartFulfils)})
}

func (a *app) cannotComplyCommand() *cobra.Command {
	return a.replyCommand(&replying{verb: "cannot-comply", short: "Report that an order cannot be complied with, and why: it closes the order as not done",
		long:    replyLong + " The order is\nclosed as not done.",
		example: "  chancery cannot-comply 1 --dir beijing --text 'The minister has left for the south.'", number: incomingNumber,
		wanted: "say why", ask: report(telegram.CannotComply)})
}

func (a *app) moreTimeCommand() *cobra.Command {
	var until string
	c := a.replyCommand(&replying{verb: "more-time", short: "Ask for more time for an order that was received",
		long:    replyLong + " The order\nis due as before until the post that gave it grants the time.",
		example: "  chancery more-time 1 --until 2026-12-03T12:00Z --dir beijing --text 'The minister is away until the second.'", number: incomingNumber,
		wanted: "say why more time is needed",
		ask: func(year int, number uint32, text string) (string, any, error) {
			at, err := untilFlag(until)
			return "reply", post.Report{Year: year, Number: number, Act: telegram.AsksTime, Text: text, Until: at}, err
		}})
	c.Flags().StringVar(&until, "until", "", "the `time` asked for, as in 2026-12-03T12:00Z; a day alone is due when it ends")
	return c
}

func (a *app) grantTimeCommand() *cobra.Command {
	var until, to string
	c := a.replyCommand(&replying{verb: "grant-time", short: "Grant a post more time for an order that was given",
		long: `Drafts a telegram to the offices that are to act, which cites the order and says until when they have time now, and hands it over, signed
by its drafter. NUMBER is the order's register number at this post. When it is released, the order is due at that time, on both sides.`,
		example: "  chancery grant-time 23343 --post BEIJING --until 2026-12-03T12:00Z --dir moscow", number: "register number; chancery orders --given lists them",
		ask: func(year int, number uint32, text string) (string, any, error) {
			at, err := untilFlag(until)
			return "grant", post.Grant{Year: year, Number: number, Post: to, Until: at, Text: text}, err
		}})
	c.Flags().StringVar(&until, "until", "", "the `time` granted, as in 2026-12-03T12:00Z; a day alone is due when it ends")
	c.Flags().StringVar(&to, "post", "", "the `post` that has more time; may be left out when only one is to act")
	return c
}

func untilFlag(s string) (int64, error) {
	if s == "" {
		return 0, usage("say until when, with --until")
	}
	at, err := desk.ParseDue(s)
	if err != nil {
		return 0, usage("--until: %w", err)
	}
	return at, nil
}

func (a *app) conveyedCommand() *cobra.Command {
	var x post.Conveyance
	var when, answerFile string
	var orally bool
	c := a.replyCommand(&replying{verb: "conveyed", short: "Report that what was to be conveyed was: when, where, to whom, and what was answered",
		long: replyLong + notClosed + `

The answer, word for word, goes as a telegram within the report: conveyed to the office that gave the order, signed with the name of who answered.`,
		example: "  chancery conveyed 1 --when 2026-12-01T10:30Z --where 'at the Ministry of Railways' --to 'the Minister of Railways' --orally --answer 'We thank you.' --dir beijing",
		number:  incomingNumber,
		ask: func(year int, number uint32, text string) (string, any, error) {
			if orally == x.Left {
				return "", nil, usage("say how it was conveyed, with --orally or --left")
			}
			if when == "" || x.Where == "" || x.To == "" {
				return "", nil, usage("say when, where and to whom it was conveyed, with --when, --where and --to")
			}
			at, err := desk.ParseTime(when)
			if err != nil {
				return "", nil, usage("--when: %w", err)
			}
			if len(when) == len("2006-01-02") {
				return "", nil, usage("--when: say the time of day as well, as in  %sT10:30Z", when)
			}
			x.When = time.Unix(at, 0).UTC()
			if answerFile != "" {
				if x.Answer != "" {
					return "", nil, usage("give the answer with --answer or with --answer-file, not both")
				}
				var err error
				if x.Answer, err = readText(answerFile); err != nil {
					return "", nil, fmt.Errorf("%w. Nothing was kept", err)
				}
			}
			if x.AnsweredBy != "" && strings.TrimSpace(x.Answer) == "" {
				return "", nil, usage("say what was answered, with --answer or --answer-file")
			}
			return "reply", post.Report{Year: year, Number: number, Act: telegram.Conveys, Text: text, Conveyance: &x}, nil
		}})
	c.Flags().StringVar(&when, "when", "", "the `time` it was conveyed, as in 2026-12-01T10:30Z")
	c.Flags().StringVar(&x.Where, "where", "", "the `place`, as it shall stand in the report: 'at the Ministry'")
	c.Flags().StringVar(&x.To, "to", "", "`whom` it was conveyed to")
	c.Flags().BoolVar(&orally, "orally", false, "it was said")
	c.Flags().BoolVar(&x.Left, "left", false, "it was left in writing")
	c.Flags().StringVar(&x.Answer, "answer", "", "the `words` that were answered")
	c.Flags().StringVar(&answerFile, "answer-file", "", "a `file` with the words that were answered")
	c.Flags().StringVar(&x.AnsweredBy, "answered-by", "", "the `name` of who answered; the one named by --to if left out")
	return c
}
