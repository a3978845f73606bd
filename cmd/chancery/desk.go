package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"chancery.example/chancery/post"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/telegram"
	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"
)

// draftNumber reads the number of a draft.
func draftNumber(s string) (int64, error) {
	id, err := strconv.ParseInt(s, 10, 64)
	if err != nil || id < 1 {
		return 0, usage("%q is no draft's number; chancery inbox lists them", s)
	}
	return id, nil
}

func (a *app) editCommand() *cobra.Command {
	return &cobra.Command{
		Use: "edit DRAFT FILE", Short: "Give a draft another text; the one before is kept",
		Long:    "Gives a draft that nobody has signed, or that was returned, another form. What it said before stays in its history. It keeps the attachments whose\nlines  Attached: NUMBER NAME  it repeats (chancery history shows them); a line  Attach: FILE  attaches another.",
		Example: "  chancery edit 7 telegram.txt --dir moscow",
		Args:    exactly("DRAFT", "FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := draftNumber(args[0])
			if err != nil {
				return err
			}
			form, files, err := a.readDraft(args[1], nil)
			if err != nil {
				return fmt.Errorf("%w. Draft %d is as it was", err, id)
			}
			_, o, err := a.at(cmd.Context())
			if err != nil {
				return err
			}
			defer o.close()
			undo, err := a.attachFiles(cmd.Context(), o, form, files)
			if err != nil {
				return fmt.Errorf("%w. Draft %d is as it was", err, id)
			}
			if err := o.do(cmd.Context(), "edit", edited{id, form.String()}, &none{}); err != nil {
				undo()
				return fmt.Errorf("%w. Draft %d is as it was", err, id)
			}
			return a.say(draftID{id}, "Draft %d has its new text; the one before is in its history.\nNext: hand it over:  chancery draft --hand-over %d --dir %s\n", id, id, a.dir)
		},
	}
}

func (a *app) historyCommand() *cobra.Command {
	var diffs bool
	c := &cobra.Command{
		Use: "history DRAFT", Short: "Show every step of a draft, with what was changed",
		Example: "  chancery history 7 --diff --dir moscow",
		Args:    exactly("DRAFT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := draftNumber(args[0])
			if err != nil {
				return err
			}
			_, o, err := a.at(cmd.Context())
			if err != nil {
				return err
			}
			defer o.close()
			var steps []post.Step
			if err := o.do(cmd.Context(), "history", draftID{id}, &steps); err != nil {
				return err
			}
			return a.say(steps, "%s", historyWords(steps, diffs))
		},
	}
	c.Flags().BoolVar(&diffs, "diff", false, "show what each new text changed")
	return c
}

func historyWords(steps []post.Step, diffs bool) string {
	var b strings.Builder
	before := ""
	for _, s := range steps {
		who := ""
		if s.By != (telegram.KeyRef{}) {
			who = fmt.Sprintf(" by person %d", s.By.Person)
		}
		fmt.Fprintf(&b, "%3d  %s  %s%s\n", s.N, s.At.Format("2006-01-02 15:04:05Z"), s.What, who)
		if s.Remark != "" {
			fmt.Fprintf(&b, "     «%s»\n", s.Remark)
		}
		if s.Form != "" {
			if diffs && before != "" {
				b.Write(diff.Diff("before", []byte(before), "after", []byte(s.Form)))
			}
			before = s.Form
		}
	}
	return b.String()
}

func (a *app) clearCommand() *cobra.Command {
	var who asOfficer
	c := &cobra.Command{
		Use: "clear DRAFT --as NUMBER", Short: "Clear what was handed over: an officer has no objection",
		Long: `Shows what was handed over, as it stands in the bytes that are signed, and signs that this officer has no objection. A draft may
name those who must clear it (Clearance: NUMBER); it is not released before. Any change to it voids every clearance.`,
		Example: "  chancery clear 7 --as 40718233 --dir moscow",
		Args:    exactly("DRAFT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.opinion(cmd.Context(), args[0], &who, "", func(root telegram.Root, s *seal.Signer) []byte { return seal.Clear(root, s) })
		},
	}
	who.flags(c)
	return c
}

func (a *app) returnCommand() *cobra.Command {
	var who asOfficer
	var remark string
	c := &cobra.Command{
		Use: "return DRAFT --remark WORDS", Short: "Return what was handed over to its drafter, with a remark",
		Long:    "Sends back what was handed over: it is a draft again, and what its drafter signed counts no more. The remark is signed and kept in its history.",
		Example: "  chancery return 7 --remark 'Say by when.' --dir moscow",
		Args:    exactly("DRAFT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.TrimSpace(remark) == "" {
				return usage("say why, with --remark")
			}
			return a.opinion(cmd.Context(), args[0], &who, remark, func(root telegram.Root, s *seal.Signer) []byte { return seal.Return(root, remark, s) })
		},
	}
	who.flags(c)
	c.Flags().StringVar(&remark, "remark", "", "why, in `words`")
	return c
}

// opinion signs what an officer says of what was handed over: it is cleared, or, with a remark, returned.
func (a *app) opinion(ctx context.Context, draft string, who *asOfficer, remark string, sign func(telegram.Root, *seal.Signer) []byte) error {
	id, err := draftNumber(draft)
	if err != nil {
		return err
	}
	f, o, err := a.at(ctx)
	if err != nil {
		return err
	}
	defer o.close()
	var x post.ToSign
	if err := o.do(ctx, "for-release", draftID{id}, &x); err != nil {
		return err
	}
	t, err := telegram.Parse(x.Telegram)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.err, "%s\n", rendered(t))
	role, act := "", "clear"
	if remark != "" {
		role, act = "releaser", "return"
	}
	s, err := a.officer(ctx, f, o, who, role)
	if err != nil {
		return fmt.Errorf("%w; draft %d is handed over as before", err, id)
	}
	signer, err := s.signer()
	if err != nil {
		return err
	}
	root, _ := t.Roots()
	if err := o.do(ctx, act, opinion{id, s.Person, s.Key, remark, sign(root, signer)}, &none{}); err != nil {
		return fmt.Errorf("%w; draft %d is handed over as before", err, id)
	}
	if remark != "" {
		return a.say(draftID{id}, "Draft %d is returned by person %d: it is a draft again.\nNext: its drafter changes it:  chancery edit %d FILE --dir %s\n", id, s.Person, id, a.dir)
	}
	return a.say(draftID{id}, "Draft %d is cleared by person %d.\nNext: an officer releases it:  chancery release %d --dir %s\n", id, s.Person, id, a.dir)
}
