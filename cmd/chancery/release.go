package main

import (
	"context"
	"fmt"
	"time"

	"chancery.example/chancery/desk"
	"chancery.example/chancery/post"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/telegram"
	"github.com/spf13/cobra"
)

func (a *app) releaseCommand() *cobra.Command {
	var who asOfficer
	var within time.Duration
	var yes bool
	var request, sign, answer, out string
	c := &cobra.Command{
		Use:   "release DRAFT",
		Short: "Release a telegram that was handed over, signed by its releaser",
		Long: `Shows what was handed over, as it stands in the very bytes that are signed, asks, and signs. The releaser is never the
drafter, but at a post of one person whom the directory allows it. Released, it is registered and sent without another word. The key is opened in
this command only and never goes to the post.

With --officer it runs on the officer's own machine, where the key is (chancery officer new), and checks the drafter's signature by the root that the
officer trusts. Where no line leads from there to the post, --request writes what is to be signed into a file, --sign answers it on the officer's machine,
and --answer takes the answer.`,
		Example: "  chancery release 7 --dir moscow\n  chancery release 7 --officer me\n" +
			"  chancery release 7 --request ask.json --dir moscow\n  chancery release --sign ask.json --out answer.json --officer me\n  chancery release 7 --answer answer.json --dir moscow",
		Args: func(cmd *cobra.Command, args []string) error {
			if sign != "" && len(args) == 0 {
				return nil
			}
			return exactly("DRAFT")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if sign != "" {
				if a.officerDir == "" || out == "" {
					return usage("--sign takes the officer's folder with --officer, and a file for the answer with --out")
				}
				return a.signRequest(sign, out, &who, within, yes)
			}
			id, err := draftNumber(args[0])
			if err != nil {
				return err
			}
			switch {
			case request != "":
				return a.request(cmd.Context(), id, request)
			case answer != "":
				return a.answer(cmd.Context(), id, answer)
			case a.officerDir != "":
				return a.releaseAway(cmd.Context(), id, &who, within, yes)
			}
			return a.release(cmd.Context(), id, &who, within, yes)
		},
	}
	c.Flags().StringVar(&request, "request", "", "write what is to be signed into a new `file`, for the officer's machine")
	c.Flags().StringVar(&sign, "sign", "", "on the officer's machine: show and sign the request in this `file`")
	c.Flags().StringVar(&out, "out", "", "with --sign: the new `file` for the answer")
	c.Flags().StringVar(&answer, "answer", "", "take the officer's answer from this `file`")
	who.flags(c)
	c.Flags().DurationVar(&within, "within", 24*time.Hour, "the post must register it within this `time`, at most 720h")
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return c
}

// releasedNow is what release did.
type releasedNow struct {
	Draft    int64           `json:"draft"`
	Releaser telegram.KeyRef `json:"releaser"`
	Root     telegram.Root   `json:"root"`
	State    desk.State      `json:"state"`
	Number   uint32          `json:"register_number,omitempty"`
	Year     int             `json:"year,omitempty"`
	Held     string          `json:"held,omitempty"`
}

func (a *app) release(ctx context.Context, id int64, who *asOfficer, within time.Duration, yes bool) error {
	f, o, err := a.at(ctx)
	if err != nil {
		return err
	}
	defer o.close()
	if err := a.mustBe(ctx, o, id, desk.HandedOver); err != nil {
		return err
	}
	var x post.ToSign
	if err := o.do(ctx, "for-release", draftID{id}, &x); err != nil {
		return err
	}
	t, err := telegram.Parse(x.Telegram)
	if err != nil {
		return err
	}
	if err := a.showToSign(t, &x, yes); err != nil {
		return fmt.Errorf("%w; draft %d is handed over as before", err, id)
	}
	s, err := a.officer(ctx, f, o, who, "releaser")
	if err != nil {
		return fmt.Errorf("%w; draft %d is handed over as before", err, id)
	}
	done, err := releaseSigned(id, t, s, within)
	if err != nil {
		return fmt.Errorf("%w; draft %d is handed over as before", err, id)
	}
	return a.hasReleased(ctx, o, done)
}

// showToSign shows a telegram, from the bytes that are to be signed, and asks.
func (a *app) showToSign(t *telegram.Telegram, x *post.ToSign, yes bool) error {
	fmt.Fprintf(a.err, "%s\n", rendered(t))
	for _, w := range x.Minimize {
		fmt.Fprintf(a.err, "Note: %s\n", w)
	}
	for _, k := range x.Cleared {
		fmt.Fprintf(a.err, "Cleared by person %d\n", k.Person)
	}
	if yes {
		return nil
	}
	return a.ask("Release this telegram? Type yes: ")
}

// releaseSigned signs a telegram as its releaser.
func releaseSigned(id int64, t *telegram.Telegram, s *personSecret, within time.Duration) (*signed, error) {
	signer, err := s.signer()
	if err != nil {
		return nil, err
	}
	t.Releaser, t.Released = s.ref(), time.Now().Unix()
	t.RegisterBy = t.Released + int64(within/time.Second)
	if err := t.Check(); err != nil {
		return nil, err
	}
	ed, pq := seal.Release(t, signer)
	return &signed{id, t.Marshal(), ed, pq}, nil
}

// releaseAway releases from the officer's own machine.
func (a *app) releaseAway(ctx context.Context, id int64, who *asOfficer, within time.Duration, yes bool) error {
	f, c, err := openOfficer(a.officerDir)
	if err != nil {
		return err
	}
	_, o, err := a.at(ctx)
	if err != nil {
		return err
	}
	defer o.close()
	if err := a.mustBe(ctx, o, id, desk.HandedOver); err != nil {
		return err
	}
	var x shownToOfficer
	if err := o.do(ctx, "for-release", draftID{id}, &x.sign); err != nil {
		return err
	}
	var d struct{ File []byte }
	if err := o.do(ctx, "directory", none{}, &d); err != nil {
		return err
	}
	x.directory, x.sign.ID = d.File, id
	s, err := a.signRelease(f, c, &x, who, within, yes)
	if err != nil {
		return fmt.Errorf("%w; nothing was signed", err)
	}
	return a.hasReleased(ctx, o, s)
}

// answer takes the answer of an officer's machine.
func (a *app) answer(ctx context.Context, id int64, file string) error {
	var r answered
	if err := readJSONFile(file, answerFormat, &r); err != nil {
		return err
	}
	f, o, err := a.at(ctx)
	if err != nil {
		return err
	}
	defer o.close()
	if r.Post != f.config.Name || r.ID != id {
		return fmt.Errorf("%s answers for draft %d of %s. Draft %d is handed over as before", file, r.ID, r.Post, id)
	}
	return a.hasReleased(ctx, o, &r.signed)
}

// hasReleased gives the post what its releaser has signed, and says what became of it.
func (a *app) hasReleased(ctx context.Context, o office, s *signed) error {
	t, err := telegram.Parse(s.Telegram)
	if err != nil {
		return err
	}
	if err := o.do(ctx, "release", s, &none{}); err != nil {
		return fmt.Errorf("%w; draft %d is handed over as before", err, s.ID)
	}
	_, root := t.Roots()
	out := releasedNow{Draft: s.ID, Releaser: t.Releaser, Root: root, State: desk.Released}
	a.awaitNumber(ctx, o, &out)
	switch {
	case out.Number != 0:
		return a.say(out, "Released by person %d. It took register number %s.\nNext: see how far it has come:  chancery show %s %s\n", t.Releaser.Person, telegram.NumberText(out.Number), telegram.NumberText(out.Number), a.where())
	case out.Held != "":
		return a.say(out, "Released by person %d, and held: %s\n", t.Releaser.Person, out.Held)
	}
	return a.say(out, "Released by person %d. It takes its numbers when the post is served:  chancery serve %s\n", t.Releaser.Person, a.served())
}

// awaitNumber waits a little for the numbers, when somebody is there to give them.
func (a *app) awaitNumber(ctx context.Context, o office, out *releasedNow) {
	var st status
	if err := o.do(ctx, "status", none{}, &st); err != nil || !st.Serving {
		return
	}
	for range 100 {
		var l post.DraftListed
		if err := o.do(ctx, "draft-state", draftID{out.Draft}, &l); err != nil {
			return
		}
		out.State, out.Number, out.Year, out.Held = l.State, l.Number, l.Year, l.Held
		if l.State == desk.Registered || l.Held != "" {
			return
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return
		}
	}
}
