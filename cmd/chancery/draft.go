package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"chancery.example/chancery/desk"
	"chancery.example/chancery/eml"
	"chancery.example/chancery/post"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/telegram"
	"github.com/spf13/cobra"
)

// asOfficer are the flags that say who acts.
type asOfficer struct {
	number uint32
	key    string
	not    []uint32 // who has signed already

	considered bool // the draft is marked before it is handed over
}

func (o *asOfficer) flags(c *cobra.Command) {
	c.Flags().Uint32Var(&o.number, "as", 0, "`number` of the officer who signs; needed when several could")
	c.Flags().StringVar(&o.key, "key", "", "the officer's key `file`, when it is not in the post's folder")
}

// considers adds the flag that marks what is handed over.
func (o *asOfficer) considers(c *cobra.Command) {
	c.Flags().BoolVar(&o.considered, "minimize-considered", false, "mark it: it is to go though MINIMIZE restricts traffic, and its releaser answers for that")
}

// hasRole says whether roles as they are listed have one of those wanted, as in "duty or administrator".
func hasRole(roles, wanted string) bool {
	return slices.ContainsFunc(strings.Split(wanted, " or "), func(w string) bool { return strings.Contains(roles, w) })
}

// keyName is the name of a person's key, and of its file: 40718233, and 40718233-2 for the second one.
func keyName(person uint32, key int) string {
	name := strconv.FormatUint(uint64(person), 10)
	if key > 1 {
		name += "-" + strconv.Itoa(key)
	}
	return name
}

// officer opens the key of the officer who signs: the only one with the role, or the one named.
func (a *app) officer(ctx context.Context, f *folder, o office, who *asOfficer, role string) (*personSecret, error) {
	file := who.key
	if file == "" {
		var e entitled
		if err := o.do(ctx, "people", none{}, &e); err != nil {
			return nil, err
		}
		files, err := f.people()
		if err != nil {
			return nil, err
		}
		var found []string
		for _, p := range e.People {
			name := keyName(p.Number, p.Keys)
			if hasRole(p.Roles, role) && files[name] != "" && (who.number == 0 || who.number == p.Number) && !slices.Contains(who.not, p.Number) {
				found = append(found, name)
			}
		}
		switch {
		case len(found) == 0 && who.number != 0:
			return nil, fmt.Errorf("person %d is no %s of %s, or his key file is not in %s: give it with --key", who.number, role, f.config.Name, f.file("keys"))
		case len(found) == 0:
			return nil, fmt.Errorf("no %s's key file is in %s: give it with --key", role, f.file("keys"))
		case len(found) > 1 && role == "":
			return nil, fmt.Errorf("say who signs with --as, one of %s", strings.Join(found, ", "))
		case len(found) > 1:
			return nil, fmt.Errorf("several people here are %s: say who signs with --as, one of %s", role, strings.Join(found, ", "))
		}
		file = files[found[0]]
	}
	pass, err := a.passphrase(strings.TrimSuffix(filepath.Base(file), ".age"))
	if err != nil {
		return nil, err
	}
	s := &personSecret{}
	if err := readSecret(file, pass, s); err != nil {
		return nil, err
	}
	if s.Person == 0 {
		return nil, fmt.Errorf("%s is no officer's key file", file)
	}
	return s, nil
}

func (a *app) draftCommand() *cobra.Command {
	var who asOfficer
	var keep bool
	var handOver int64
	var from string
	var attach []string
	c := &cobra.Command{
		Use:   "draft FILE",
		Short: "Draft a telegram and hand it over for release, signed by its drafter",
		Long: `Reads a draft (- is standard input), lays it on the desk, and hands it over: the drafter signs it. With --keep it
stays a draft, to be handed over later with --hand-over N.

A draft is lines of «Key: value», an empty line, and the text:

  To: AMBASSADOR@BEIJING; flash
  Info: AMBASSADOR@LONDON
  Subject: The five points
  Ask: receipt, fulfilment
  Signature: MINISTER

  Visit the minister and transmit to him the following:

  [convey to the Minister]

  We agree.

  [end PRINCIPAL]

Attach: path/to/map.pdf , or  Attach: path/to/map.pdf as Map 1.pdf , attaches a file of up to 1 GiB, of any kind; --attach does the same. Up to
sixteen are possible. A path starts from the folder of the draft. What both officers sign covers every byte of each file.

The keys are From, To, Info, Precedence, Policy, Classification, Caveat, Review, Type, Deadline, Deskby, Urgency, Ask, Subject, Code,
Refers, Acknowledges, Fulfils, Part-fulfils, Asks-time, Grants-time, Cannot-comply, Conveys, Cancels, Corrects, Repeats, Readdresses,
Minimize, Signature, Attach, Attached, and, kept at this post and never sent, Department, Copy, and Clearance: the number of an officer who must clear it before it can be released.

With --from the draft is made of a mail: of one that show --as eml has written, or of one from an ordinary mail program, with a plain text and addresses
such as AMBASSADOR@BEIJING. What of the mail is not in the draft is said; docs/formats/mail.md has all that a mail can say.`,
		Example: "  chancery draft telegram.txt --dir moscow\n  chancery draft telegram.txt --attach map.pdf --attach 'scan.tif as Map 2.tif' --dir moscow\n" +
			"  chancery draft --from telegram.eml --keep --dir moscow\n  chancery draft --hand-over 7 --dir moscow",
		Args: func(_ *cobra.Command, args []string) error {
			given := len(args)
			for _, flag := range []bool{handOver != 0, from != ""} {
				if flag {
					given++
				}
			}
			if given != 1 || len(args) > 1 {
				return usage("draft takes a file, or --from MAIL, or --hand-over N")
			}
			if handOver != 0 && len(attach) > 0 {
				return usage("--attach goes with a file: give the draft its attachments with  chancery edit %d FILE", handOver)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			f, o, err := a.at(cmd.Context())
			if err != nil {
				return err
			}
			defer o.close()
			id := handOver
			var left []string
			switch {
			case from != "":
				id, left, err = a.layMail(cmd.Context(), o, from, attach)
			case id == 0:
				id, err = a.layDraft(cmd.Context(), o, args[0], attach)
			}
			if err != nil {
				return err
			}
			if keep {
				return a.say(keptDraft{draftID{id}, left}, "Draft %d is on the desk. Nobody has signed it.\nNext: hand it over:  chancery draft --hand-over %d --dir %s\n", id, id, a.dir)
			}
			return a.handOver(cmd.Context(), f, o, id, &who, left)
		},
	}
	who.flags(c)
	who.considers(c)
	c.Flags().StringVar(&from, "from", "", "make the draft of this mail, a `file` (- is standard input)")
	c.Flags().BoolVar(&keep, "keep", false, "keep it as a draft; do not hand it over")
	c.Flags().StringArrayVar(&attach, "attach", nil, "attach this `file`, under its own name or, as in 'file as name', under another; may stand several times")
	c.Flags().Int64Var(&handOver, "hand-over", 0, "hand over draft `number`")
	return c
}

// keptDraft is a draft that nobody has signed.
type keptDraft struct {
	draftID
	LeftOut []string `json:"left_out,omitempty"` // of the mail that it was made of
}

// input reads what was given to make a draft of, one byte more than the most there may be.
func (a *app) input(file string, most int64) ([]byte, error) {
	in := a.in
	if file != "-" {
		x, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer x.Close()
		if s, err := x.Stat(); err == nil && s.IsDir() {
			return nil, fmt.Errorf("%s is a folder, and not the file that is wanted here", file)
		}
		in = x
	}
	return io.ReadAll(io.LimitReader(in, most+1))
}

func (a *app) layDraft(ctx context.Context, o office, file string, attach []string) (int64, error) {
	// Faults are found here, before anything goes to the post.
	f, files, err := a.readDraft(file, attach)
	if err != nil {
		return 0, fmt.Errorf("%w. Nothing was kept", err)
	}
	return a.lay(ctx, o, file, f, files)
}

// layMail makes a draft of a mail, and says what of the mail is not in it.
func (a *app) layMail(ctx context.Context, o office, file string, attach []string) (id int64, left []string, err error) {
	b, err := a.input(file, eml.MaxMail)
	if err != nil {
		return 0, nil, fmt.Errorf("%w. Nothing was kept", err)
	}
	var at status
	if err := o.do(ctx, "status", none{}, &at); err != nil {
		return 0, nil, err
	}
	form, left, err := post.FormOfMail(b, at.Post)
	if err != nil {
		return 0, nil, fmt.Errorf("%s: %w. Nothing was kept", file, err)
	}
	files, err := lookAtFiles(attachFlags(attach))
	if err != nil {
		return 0, nil, fmt.Errorf("%w. Nothing was kept", err)
	}
	if id, err = a.lay(ctx, o, file, form, files); err != nil {
		return 0, nil, err
	}
	for _, what := range left {
		fmt.Fprintf(a.err, "Left out: %s\n", what)
	}
	return id, left, nil
}

// lay lays a draft on the desk of the post, once the post has read in the files that it attaches.
func (a *app) lay(ctx context.Context, o office, file string, form *desk.Form, files []toAttach) (int64, error) {
	undo, err := a.attachFiles(ctx, o, form, files)
	if err != nil {
		return 0, fmt.Errorf("%w. Nothing was kept", err)
	}
	var out laidDraft
	if err := o.do(ctx, "draft", struct{ Form string }{form.String()}, &out); err != nil {
		undo()
		return 0, fmt.Errorf("%s: %w. Nothing was kept", file, err)
	}
	for _, w := range out.Minimize {
		fmt.Fprintf(a.err, "Warning: %s\n", w)
	}
	for _, name := range out.Unknown {
		fmt.Fprintf(a.err, "Warning: a message within the telegram is signed %s, which is no cover name of this post. If it is somebody's own name, edit the draft:  chancery edit %d FILE\n", name, out.ID)
	}
	return out.ID, nil
}

type handedOver struct {
	Draft     int64           `json:"draft"`
	State     desk.State      `json:"state"`
	Drafter   telegram.KeyRef `json:"drafter"`
	DraftRoot telegram.Root   `json:"draft_root"`
	LeftOut   []string        `json:"left_out,omitempty"` // of the mail that it was made of
}

// mustBe refuses, in words, what cannot be done with a draft in the state it is in.
func (a *app) mustBe(ctx context.Context, o office, id int64, want desk.State) error {
	var l post.DraftListed
	if err := o.do(ctx, "draft-state", draftID{id}, &l); err != nil {
		return fmt.Errorf("%w;  chancery inbox %s  lists those there are", err, a.where())
	}
	switch {
	case l.State == want:
		return nil
	case l.Number != 0:
		return fmt.Errorf("draft %d was released before and has register number %s. Nothing was changed", id, telegram.NumberText(l.Number))
	case l.State == desk.Drafted:
		return fmt.Errorf("draft %d is not handed over yet. Its drafter does that first:  chancery draft --hand-over %d --dir %s", id, id, a.dir)
	}
	return fmt.Errorf("draft %d is %s already. Nothing was changed", id, l.State)
}

func (a *app) handOver(ctx context.Context, f *folder, o office, id int64, who *asOfficer, left []string) (err error) {
	if err := a.mustBe(ctx, o, id, desk.Drafted); err != nil {
		return err
	}
	signedNow := false
	defer func() {
		if err != nil && !signedNow && strings.Contains(err.Error(), "Minimize: considered") {
			err = fmt.Errorf("%w. Draft %d is kept, not signed; mark it and hand it over with  chancery draft --hand-over %d --minimize-considered --dir %s", err, id, id, a.dir)
		} else if err != nil && !signedNow {
			err = fmt.Errorf("%w. Draft %d is kept, not signed; hand it over with  chancery draft --hand-over %d --dir %s", err, id, id, a.dir)
		}
	}()
	if who.considered {
		if err := o.do(ctx, "consider", draftID{id}, &none{}); err != nil {
			return err
		}
	}
	s, err := a.officer(ctx, f, o, who, "drafter")
	if err != nil {
		return err
	}
	signer, err := s.signer()
	if err != nil {
		return err
	}
	var x post.ToSign
	if err := o.do(ctx, "prepare", prepare{ID: id, Person: s.Person, Key: s.Key}, &x); err != nil {
		return err
	}
	t, err := telegram.Parse(x.Telegram)
	if err != nil {
		return err
	}
	if err := o.do(ctx, "hand-over", signed{ID: id, Telegram: x.Telegram, Ed: seal.HandOver(t, signer)}, &none{}); err != nil {
		return err
	}
	signedNow = true
	root, _ := t.Roots()
	return a.say(handedOver{id, desk.HandedOver, s.ref(), root, left},
		"Draft %d is handed over by person %d. Any change to it would void that.\nNext: another officer releases it:  chancery release %d --dir %s\n", id, s.Person, id, a.dir)
}

// ask asks at the terminal for a yes.
func (a *app) ask(question string) error {
	fmt.Fprint(a.err, question)
	var answer string
	fmt.Fscanln(a.in, &answer)
	if !strings.EqualFold(answer, "yes") {
		return errors.New("not released")
	}
	return nil
}

// askLine asks at the terminal for a line.
func (a *app) askLine(question string) (string, error) {
	fmt.Fprint(a.err, question)
	line, err := bufio.NewReader(io.LimitReader(a.in, 4096)).ReadString('\n')
	if line == "" && err != nil {
		return "", errors.New("nothing was answered")
	}
	return strings.TrimSpace(line), nil
}

// rendered shows a telegram that is to be signed, every part of it, from the bytes that are signed.
func rendered(t *telegram.Telegram) string {
	var b strings.Builder
	line := func(key string, v any) {
		if s := fmt.Sprint(v); s != "" {
			fmt.Fprintf(&b, "%-12s %s\n", key, s)
		}
	}
	line("From", t.From)
	for _, x := range t.To {
		line("To", fmt.Sprintf("%s  (%s)", x.Address, x.Precedence))
	}
	for _, x := range t.Info {
		line("Info", fmt.Sprintf("%s  (%s)", x.Address, x.Precedence))
	}
	line("Type", t.Type)
	line("Policy", t.Label.Policy)
	line("Class", t.Label.Classification)
	line("Caveats", strings.Join(t.Label.Caveats, ", "))
	if t.Label.Review != 0 {
		line("Review", time.Unix(t.Label.Review, 0).UTC().Format("2006-01-02"))
	}
	line("DTG", telegram.DTG(t.DTG))
	if t.Deadline != 0 {
		line("Deadline", telegram.DTG(t.Deadline))
	}
	if t.Deskby != 0 {
		line("Deskby", telegram.DTG(t.Deskby))
	}
	if t.Urgency == telegram.Immediately {
		line("Urgency", "the act is to be done immediately")
	}
	if t.Asks&telegram.AskReceipt != 0 {
		line("Asks", "confirm receipt")
	}
	if t.Asks&telegram.AskFulfilment != 0 {
		line("Asks", "telegraph the fulfilment")
	}
	line("Drafter", t.Drafter)
	line("Subject", t.Subject)
	line("Codes", strings.Join(t.Codes, ", "))
	for _, r := range t.References {
		line("Cites", fmt.Sprintf("%s %s %s/%d", r.Act, r.Post, telegram.NumberText(r.Serial), r.Year))
	}
	if t.Considered {
		line("Minimize", "considered: it is to go though traffic is restricted")
	}
	if o := t.Original; o != nil {
		line("Passes on", fmt.Sprintf("the telegram of %s, %s, released by key %s: it stands below, whole, as the last message", o.Telegram.From, telegram.DTG(o.Telegram.DTG), o.Telegram.Releaser))
	}
	fmt.Fprintf(&b, "\n%s\n", desk.BodyText(t.Body))
	line("Signed", t.Signature)
	for i, x := range t.Attachments {
		what := fmt.Sprintf("%d. %s  (%d bytes", i+1, x.Name, x.Length)
		if x.Type != "" {
			what += ", " + x.Type
		}
		line("Attached", what+")")
	}
	return b.String()
}
