package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"chancery.example/chancery/post"
	"chancery.example/chancery/telegram"
	"github.com/spf13/cobra"
)

// What acts with alarms take and give.
type (
	alarmList struct {
		Alarms []post.Alarm `json:"alarms"`
	}
	closeAlarm struct {
		ID     int64  `json:"id"`
		Remark string `json:"remark"`
	}
	ofSerial struct {
		Post   string `json:"post"`
		Serial uint32 `json:"serial"`
	}
	proofList struct {
		Proofs []post.Equivocation `json:"proofs"`
	}
)

func alarmActs(p *post.Post) map[string]act {
	return map[string]act{
		"alarms": does(func(ctx context.Context, in struct{ All bool }) (any, error) {
			list, err := p.Alarms(ctx, in.All)
			return alarmList{list}, err
		}),
		"alarm-close": does(func(ctx context.Context, in closeAlarm) (any, error) { return p.CloseAlarm(ctx, in.ID, in.Remark) }),
		"evidence-list": does(func(ctx context.Context, _ none) (any, error) {
			list, err := p.Equivocators(ctx)
			return proofList{list}, err
		}),
		"evidence": does(func(ctx context.Context, in ofSerial) (any, error) { return p.Evidence(ctx, in.Post, in.Serial) }),
	}
}

func (a *app) alarmsCommand() *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use: "alarms", Short: "List what somebody must look at, and close what was looked at",
		Long: `Lists the alarms that are open, the newest first; with --all those too that are closed. One that can mend itself closes by itself when its cause has gone: a
line is open again, what was missing has come. The others are closed by a person, with a remark. The same again opens it again. The count stays.`,
		Example: "  chancery alarms --dir beijing\n  chancery alarms close 3 --remark \"Called Moscow: their clock was wrong.\" --dir beijing",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, o, err := a.at(cmd.Context())
			if err != nil {
				return err
			}
			defer o.close()
			var out alarmList
			if err := o.do(cmd.Context(), "alarms", struct{ All bool }{all}, &out); err != nil {
				return err
			}
			return a.say(out, "%s", alarmWords(out.Alarms, all, a.where()))
		},
	}
	c.Flags().BoolVar(&all, "all", false, "those too that are closed")
	c.AddCommand(a.closeAlarmCommand(), a.evidenceCommand())
	return c
}

// alarmLine is an alarm in one line.
func alarmLine(x *post.Alarm) string {
	state, mends := "ALARM", ""
	if x.Closed != nil {
		state, mends = "closed "+x.Closed.Format("2006-01-02 15:04"), " ("+x.Why+")"
	} else if x.Mends {
		mends = " (closes by itself)"
	}
	return fmt.Sprintf("%s %d %s %s: %s (%d times)%s\n", state, x.ID, x.At.Format("2006-01-02 15:04"), x.Post, x.What, x.Times, mends)
}

func alarmWords(list []post.Alarm, all bool, where string) string {
	var b strings.Builder
	byHand := int64(0)
	for _, x := range list {
		b.WriteString(alarmLine(&x))
		if x.Closed == nil && !x.Mends {
			byHand = x.ID
		}
	}
	switch {
	case len(list) == 0 && all:
		b.WriteString("There was no alarm yet.\n")
	case len(list) == 0:
		b.WriteString("No alarm is open.\n")
	case byHand > 0:
		fmt.Fprintf(&b, "Next: look, and close it:  chancery alarms close %d --remark \"…\" %s\n", byHand, where)
	}
	return b.String()
}

func (a *app) closeAlarmCommand() *cobra.Command {
	var remark string
	c := &cobra.Command{
		Use: "close NUMBER --remark TEXT", Short: "Close an alarm, and say why",
		Example: "  chancery alarms close 3 --remark \"Called Moscow: their clock was wrong.\" --dir beijing",
		Args:    exactly("NUMBER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil || id < 1 {
				return usage("%q is no number of an alarm: see  chancery alarms", args[0])
			}
			if strings.TrimSpace(remark) == "" {
				return usage("say with --remark why it is closed; nothing was changed")
			}
			_, o, err := a.at(cmd.Context())
			if err != nil {
				return err
			}
			defer o.close()
			var out post.Alarm
			if err := o.do(cmd.Context(), "alarm-close", closeAlarm{id, remark}, &out); err != nil {
				return err
			}
			return a.say(out, "%s", alarmLine(&out))
		},
	}
	c.Flags().StringVar(&remark, "remark", "", "why it is closed, in one `line`")
	return c
}

func (a *app) evidenceCommand() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use: "evidence [POST SERIAL]", Short: "Show the proof that a post gave one number to two telegrams",
		Long: `Without arguments it lists of which posts there is such a proof, and about which serials. With them it prints the proof as JSON: what was refused, as its sender signed it with
its letter, and the telegram that was taken before. docs/formats/gaps.md says how a third checks it. It holds the text of both telegrams.`,
		Example: "  chancery alarms evidence --dir beijing\n  chancery alarms evidence MOSCOW 2523 --file proof.json --dir beijing",
		Args:    cobra.MaximumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return usage("name the post and the serial, or neither; see  chancery alarms evidence --help")
			}
			var serial uint32
			if len(args) == 2 {
				var err error
				if serial, err = telegram.ParseNumber(args[1]); err != nil {
					return usage("%q is no serial of a telegram", args[1])
				}
			}
			_, o, err := a.at(cmd.Context())
			if err != nil {
				return err
			}
			defer o.close()
			if len(args) == 0 {
				return a.listEvidence(cmd.Context(), o)
			}
			var out post.Equivocation
			if err := o.do(cmd.Context(), "evidence", ofSerial{args[0], serial}, &out); err != nil {
				return err
			}
			if file == "" {
				return (&app{out: a.out, json: true}).say(out, "")
			}
			b, err := json.MarshalIndent(out, "", "  ")
			if err != nil {
				return err
			}
			if err := writeNew(file, append(b, '\n')); err != nil {
				return fmt.Errorf("%w. Nothing was written", err)
			}
			return a.say(out, "The proof is in %s. It holds the text of both telegrams.\nNext: give it to whoever is to judge.\n", file)
		},
	}
	c.Flags().StringVar(&file, "file", "", "write it to a new `file`")
	return c
}

func (a *app) listEvidence(ctx context.Context, o office) error {
	var out proofList
	if err := o.do(ctx, "evidence-list", none{}, &out); err != nil {
		return err
	}
	var b strings.Builder
	for _, e := range out.Proofs {
		fmt.Fprintf(&b, "%s %s, since %s\n", e.Post, telegram.NumberText(e.Serial), e.At.Format("2006-01-02 15:04Z"))
	}
	if len(out.Proofs) == 0 {
		b.WriteString("There is no proof that a post gave a number twice.\n")
	} else {
		e := out.Proofs[0]
		fmt.Fprintf(&b, "Next: write one to a file:  chancery alarms evidence %s %s --file proof.json %s\n", e.Post, telegram.NumberText(e.Serial), a.where())
	}
	return a.say(out, "%s", b.String())
}
