package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/post"
	"chancery.example/chancery/register"
	"chancery.example/chancery/telegram"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

func (a *app) inboxCommand() *cobra.Command {
	return &cobra.Command{
		Use: "inbox", Short: "List what was received, what waits on the desk, and alarms",
		Example: "  chancery inbox --dir beijing",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, o, err := a.at(cmd.Context())
			if err != nil {
				return err
			}
			defer o.close()
			var in inbox
			if err := o.do(cmd.Context(), "inbox", none{}, &in); err != nil {
				return err
			}
			return a.say(in, "%s", in.words(a.dir))
		},
	}
}

func (in *inbox) words(dir string) string {
	var b strings.Builder
	for _, m := range in.Minimize {
		fmt.Fprintf(&b, "%s\n", m.Words)
	}
	for _, x := range in.Alarms {
		b.WriteString(alarmLine(&x))
	}
	for _, d := range in.Drafts {
		fmt.Fprintf(&b, "draft %-6d %-12s %-10s to %v  %s\n", d.ID, d.State, d.Precedence, d.To, d.Subject)
		if d.Held != "" {
			fmt.Fprintf(&b, "             HELD: %s\n", d.Held)
		}
	}
	if len(in.Telegrams) == 0 {
		b.WriteString("Nothing was received yet.\n")
		return b.String()
	}
	for _, t := range in.Telegrams {
		role := "action"
		if !t.Action {
			role = "info"
		}
		fmt.Fprintf(&b, "%6s/%d  %-10s %-6s  %s%s %s  %s  %s", telegram.NumberText(t.Number), t.Year, t.Precedence, role, banner(t.Type), t.From, telegram.NumberText(t.Serial), t.Received.Format("2006-01-02 15:04Z"), t.Subject)
		b.WriteString(marks(&t))
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "Next: read one:  chancery show %s --dir %s\n", telegram.NumberText(in.Telegrams[0].Number), dir)
	return b.String()
}

// banner goes before everything of an exercise or a drill.
func banner(t telegram.Type) string {
	if t == telegram.Operation {
		return ""
	}
	return strings.ToUpper(t.String()) + "  "
}

// marks are what stands behind a telegram in the list: what it asks, what was done, and how far the order is.
func marks(t *post.Listed) string {
	var b strings.Builder
	if t.Cancelled {
		b.WriteString("  [CANCELLED]")
	}
	if t.Corrected {
		b.WriteString("  [CORRECTED]")
	}
	if t.On != nil {
		fmt.Fprintf(&b, "  [%s]", onWords(t.On))
	}
	if t.Marked {
		b.WriteString("  [SEE THE NOTE]")
	}
	for _, d := range t.Open {
		fmt.Fprintf(&b, "  [%s asked]", d)
	}
	for _, d := range t.Done {
		if d != "receipt" {
			fmt.Fprintf(&b, "  [%s done]", d)
		}
	}
	s := t.Fulfilment
	if s == nil {
		return b.String()
	}
	switch s.Progress {
	case post.ProgressOpen, post.ProgressAcknowledged, post.ProgressDone, post.ProgressCancelled:
	default:
		fmt.Fprintf(&b, "  [%s]", progressWords(s))
	}
	if s.Overdue {
		b.WriteString("  [OVERDUE]")
	}
	return b.String()
}

func (a *app) showCommand() *cobra.Command {
	var in, out, record bool
	var year, message int
	var paraphrase, as, file string
	c := &cobra.Command{
		Use: "show NUMBER", Short: "Show a telegram as a sheet, with how far it has come and every proof checked",
		Long: `Shows a telegram by this post's own number: the register number of one it sent, the incoming number of one it received.
When both exist, say which with --in or --out. Signatures, entry, log and receipts are checked again each time; exit code 3 says that one does not hold.
With --record it shows what was filed, as an archive publishes it; chancery import sheet reads that again. With --message it prints a message within the
telegram alone, to be handed over: exactly, or with --paraphrase in other words, and marked so. The first is 1, also of those within messages.
With --as eml it writes the telegram as a mail, in clear, with all that it says; chancery draft --from makes a new draft of that.`,
		Example: "  chancery show 1 --message 1 --dir beijing\n  chancery show 1 --message 1 --paraphrase words.txt --dir beijing\n  chancery show 23343 --dir moscow\n  chancery show 1 --in --dir beijing --json\n  chancery show 23343 --record --dir moscow\n  chancery show 23343 --as eml --file 23343.eml --dir moscow",
		Args:    exactly("NUMBER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := telegram.ParseNumber(args[0])
			if err != nil {
				return usage("%q is no number of a telegram", args[0])
			}
			switch {
			case as != "" && as != "eml":
				return usage("a telegram is not written as %q: use --as eml", as)
			case as != "" && (record || message != 0 || paraphrase != ""):
				return usage("--as writes the whole telegram: it goes without --record, --message and --paraphrase")
			case as == "" && file != "":
				return usage("--file goes with --as eml")
			}
			f, o, err := a.at(cmd.Context())
			if err != nil {
				return err
			}
			defer o.close()
			s, err := find(cmd.Context(), o, uint32(n), year, in, out)
			if err != nil {
				return err
			}
			say := func() error { return a.say(s, "%s", shownWords(s)) }
			if message != 0 || paraphrase != "" {
				say = func() error { return a.sayMessage(s, max(message, 1), paraphrase) }
			}
			if record {
				say = func() error { return a.sayRecord(f, s) }
			}
			if as != "" {
				say = func() error { return a.sayMail(cmd.Context(), o, s, file) }
			}
			if err := say(); err != nil {
				return err
			}
			a.saw(cmd.Context(), o, s)
			if !s.Verified {
				return coded{fmt.Errorf("a proof of this telegram does not hold: %s. Keep the disk as it is and run  chancery register verify", strings.Join(s.Findings, "; ")), exitUnproved}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&in, "in", false, "one that was received")
	c.Flags().BoolVar(&out, "out", false, "one that was sent")
	c.Flags().BoolVar(&record, "record", false, "the record that was filed, in place of the sheet and its proofs")
	c.Flags().IntVar(&year, "year", 0, "the `year` of the number, when it is not this one")
	c.Flags().IntVar(&message, "message", 0, "print alone the message of that `number` within the telegram")
	c.Flags().StringVar(&as, "as", "", "write it in another `form`, in place of the sheet: eml, a mail")
	c.Flags().StringVar(&file, "file", "", "with --as: write it to a new `file`")
	c.Flags().StringVar(&paraphrase, "paraphrase", "", "with --message: the words of this `file` in place of its own, marked as a paraphrase")
	return c
}

// mailed is a telegram as a mail, and the file it was written to.
type mailed struct {
	Mail string `json:"mail"`
	File string `json:"file,omitempty"`
}

// sayMail writes a telegram as a mail: to standard output, or to a file.
func (a *app) sayMail(ctx context.Context, o office, s *post.Shown, file string) error {
	var m mailed
	if err := o.do(ctx, "mail", numbered{Way: s.Way, Year: s.Year, Number: s.Number}, &m); err != nil {
		return err
	}
	if file == "" {
		return a.say(m, "%s", m.Mail)
	}
	if err := writeNew(file, []byte(m.Mail)); err != nil {
		return fmt.Errorf("%w. Nothing was written", err)
	}
	m.File = file
	return a.say(m, "Telegram %s is in %s as a mail, in clear.\nNext: read it in a mail program, or make a new draft of it:  chancery draft --from %s --keep %s\n",
		telegram.NumberText(s.Number), file, file, a.served())
}

// messageAlone is a message within a telegram, printed alone.
type messageAlone struct {
	post.Message
	Type       telegram.Type `json:"type"`
	Paraphrase bool          `json:"paraphrase"`
}

// sayMessage prints a message within a telegram alone.
func (a *app) sayMessage(s *post.Shown, n int, paraphrase string) error {
	if n > len(s.Messages) {
		return fmt.Errorf("%s has %d messages within it, and no message %d", telegram.NumberText(s.Number), len(s.Messages), n)
	}
	m := messageAlone{s.Messages[n-1], s.Type, paraphrase != ""}
	head := banner(s.Type)
	if paraphrase != "" {
		words, err := a.readText(paraphrase)
		if err != nil {
			return err
		}
		m.Text = words
		head += "PARAPHRASE: the words are not those of the message"
	}
	if head != "" {
		head = strings.TrimSpace(head) + "\n\n"
	}
	return a.say(m, "%sTo %s\n\n%s\n\n%s\n", head, m.To, m.Text, m.Signature)
}

// find gets a telegram by a number that may be of either way.
func find(ctx context.Context, o office, n uint32, year int, in, out bool) (*post.Shown, error) {
	var found []*post.Shown
	var errs []error
	for _, way := range []archive.Way{archive.Out, archive.In} {
		if in && !out && way == archive.Out || out && !in && way == archive.In {
			continue
		}
		s := &post.Shown{}
		if err := o.do(ctx, "show", numbered{Way: way, Year: year, Number: n}, s); err != nil {
			errs = append(errs, err)
		} else {
			found = append(found, s)
		}
	}
	switch len(found) {
	case 0:
		return nil, errors.Join(errs...)
	case 2:
		return nil, usage("one telegram with number %d was sent and one was received: say which with --out or --in", n)
	}
	return found[0], nil
}

func shownWords(s *post.Shown) string {
	var b strings.Builder
	b.WriteString(othersWords(s) + s.Sheet + "\n" + correctionWords(s))
	at := func(t *time.Time) string {
		if t == nil {
			return "not yet"
		}
		return t.Format("2006-01-02 15:04:05Z")
	}
	for _, d := range s.Addressed {
		fmt.Fprintf(&b, "%s: serial %s, special %v, %d bytes; enciphered %s, dispatched %s, receipted %s\n", d.Post, telegram.NumberText(d.Serial), d.Specials, d.Bytes, at(d.Enciphered), at(d.Dispatched), at(d.Receipted))
	}
	for _, d := range s.Duties {
		state := "open"
		if d.Done != nil {
			state = "done " + at(d.Done)
			if d.Progress == post.ProgressCannot || d.Progress == post.ProgressCancelled {
				state = string(d.Progress) + " " + at(d.Done)
			}
			if d.By != "" {
				state += " by " + d.By
			}
		}
		asked := ""
		if d.Asked {
			asked = " asked"
		}
		if d.Done == nil && d.Due != nil {
			state += ", due " + telegram.DTG(d.Due.Unix())
		}
		if d.Overdue {
			state += ", OVERDUE"
		}
		fmt.Fprintf(&b, "%s of %s%s: %s\n", d.Act, d.Post, asked, state)
	}
	for _, d := range s.Deeds {
		b.WriteString(deedWords(&d) + "\n")
	}
	for i := range s.Attachments {
		b.WriteString(attachmentWords(&s.Attachments[i]))
	}
	for _, c := range s.References {
		fmt.Fprintf(&b, "It %s\n", onWords(&c))
	}
	if s.Filing != nil {
		b.WriteString(filingWords(s.Filing))
	}
	for _, m := range s.Marks {
		fmt.Fprintf(&b, "NOTE: %s\n", m)
	}
	for _, c := range s.Checked {
		fmt.Fprintf(&b, "holds: %s\n", c)
	}
	for _, c := range s.Findings {
		fmt.Fprintf(&b, "DOES NOT HOLD: %s\n", c)
	}
	return b.String()
}

// proveCommand hands out a proof that one telegram is entered.
func (a *app) proveCommand() *cobra.Command {
	var in bool
	var year int
	var file string
	c := &cobra.Command{
		Use: "prove NUMBER", Short: "Hand out a proof that a telegram is entered in the register",
		Long: `Writes a C2SP tlog-proof: the entry, the way from it to the root of the log, and the post's last signed checkpoint. Whoever has the telegram and the
directory checks it without this post: docs/formats/register.md says how, docs/formats/check.py does it. It holds no word of the telegram.`,
		Example: "  chancery register prove 23343 --file proof.txt --dir moscow",
		Args:    exactly("NUMBER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := telegram.ParseNumber(args[0])
			if err != nil {
				return usage("%q is no number of a telegram", args[0])
			}
			_, o, err := a.at(cmd.Context())
			if err != nil {
				return err
			}
			defer o.close()
			way := archive.Out
			if in {
				way = archive.In
			}
			var out proved
			if err := o.do(cmd.Context(), "register-prove", numbered{Way: way, Year: year, Number: n}, &out); err != nil {
				return err
			}
			if file == "" {
				return a.say(out, "%s", out.Proof)
			}
			if err := writeNew(file, []byte(out.Proof)); err != nil {
				return fmt.Errorf("%w. Nothing was written", err)
			}
			return a.say(out, "The proof is in %s. Next: give it, with the telegram, to whoever is to check it.\n", file)
		},
	}
	c.Flags().BoolVar(&in, "in", false, "a telegram that was received, by its incoming number")
	c.Flags().IntVar(&year, "year", 0, "the `year` of the number; this one when it is left out")
	c.Flags().StringVar(&file, "file", "", "write it to a new `file`")
	return c
}

func (a *app) registerCommand() *cobra.Command {
	return group("register", "Prove the post's register", "  chancery register verify --dir moscow", a.proveCommand(), a.witnessesCommand(), a.verifyRegisterCommand())
}

func (a *app) verifyRegisterCommand() *cobra.Command {
	attachments := false
	c := &cobra.Command{
		Use: "verify", Short: "Prove that nothing in the register was changed, lost or swapped, and that no number is missing",
		Long: `Reads the whole register, makes every entry again from what is filed, and checks it against the log and every signed checkpoint. What
is wrong is named. Exit code 3 says that something is. With --attachments it also reads every piece of every attachment that is here, and proves that it is the
file that was signed.`,
		Example: "  chancery register verify --dir moscow --json\n  chancery register verify --attachments --dir moscow",
		Args:    exactly(),
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.verify(cmd.Context(), attachments) },
	}
	c.Flags().BoolVar(&attachments, "attachments", false, "read all attachments too")
	return c
}

func (a *app) verify(ctx context.Context, attachments bool) error {
	_, o, err := a.at(ctx)
	if err != nil {
		return err
	}
	defer o.close()
	var r register.Report
	if h, ok := o.(*here); ok {
		report, err := h.VerifyRegister(ctx, a.progress("entries"))
		if err != nil {
			return err
		}
		r = *report
	} else if err := o.do(ctx, "register-verify", none{}, &r); err != nil {
		return err
	}
	out := struct {
		Verified bool `json:"verified"`
		register.Report
		Attachments *post.AttachedReport `json:"attachments,omitempty"`
	}{len(r.Findings) == 0, r, nil}
	if attachments {
		var err error
		if out.Attachments, err = a.verifyAttachments(ctx, o); err != nil {
			return err
		}
		out.Verified = out.Verified && len(out.Attachments.Findings) == 0
	}
	var words strings.Builder
	fmt.Fprintf(&words, "%d entries, %d checkpoints, root %s\n", r.Size, r.Checkpoints, r.Root)
	for _, f := range r.Findings {
		fmt.Fprintf(&words, "WRONG: %s\n", f.What)
	}
	if x := out.Attachments; x != nil {
		fmt.Fprintf(&words, "%d attachments, of which %d are here and the files that were signed, %d bytes; %d are not all here\n", x.Attachments, x.Whole, x.Bytes, x.Coming)
		for _, f := range x.Findings {
			fmt.Fprintf(&words, "WRONG: %s\n", f)
		}
	}
	if len(r.Findings) == 0 {
		words.WriteString("The register is whole: every entry is as it was entered, and no number is missing.\n")
	}
	if err := a.say(out, "%s", words.String()); err != nil {
		return err
	}
	if !out.Verified && len(r.Findings) == 0 {
		return coded{errors.New("some attachments are not whole. Put their pieces back from a backup; of one that was received the sender has them:  chancery attachment NUMBER WHICH --drop , then --fetch"), exitUnproved}
	}
	if !out.Verified {
		return coded{errors.New("the register is not whole. Keep the disk as it is, stop the post, and call its administrator"), exitUnproved}
	}
	return nil
}

// verifyAttachments has every attachment read and proved.
func (a *app) verifyAttachments(ctx context.Context, o office) (*post.AttachedReport, error) {
	if h, ok := o.(*here); ok {
		return h.VerifyAttachments(ctx, a.progress("bytes of attachments"))
	}
	r := &post.AttachedReport{}
	return r, o.do(ctx, "register-attachments", none{}, r)
}

// progress shows how far long work has come, on a terminal only.
func (a *app) progress(what string) func(done, of int64) {
	tty, ok := a.err.(*os.File)
	if !ok || !term.IsTerminal(int(tty.Fd())) || a.json {
		return nil
	}
	return func(done, of int64) {
		fmt.Fprintf(tty, "\r%d of %d %s", done, of, what)
		if done == of {
			fmt.Fprint(tty, "\r\033[K")
		}
	}
}

func (a *app) importCommand() *cobra.Command {
	return group("import", "Read historical records", "  chancery import sheet telegram.txt", &cobra.Command{
		Use: "sheet FILE", Short: "Read a historical sheet: a telegram as an archive publishes it",
		Long: `Reads a sheet of the form in which archives publish ciphered telegrams and prints its record. It reads the form and not
particular files; what it cannot place it keeps and reports with its line number.`,
		Example: "  chancery import sheet telegram.txt --json",
		Args:    exactly("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			f, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer f.Close()
			s, err := archive.ReadSheet(f)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			return a.say(s, "%s", sheetWords(s))
		},
	})
}

// sheetWords shows a record to a person: the description, then the telegram set again.
func sheetWords(s *archive.Sheet) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n", s.Title, s.Date)
	for _, l := range s.Locations {
		fmt.Fprintf(&b, "%s", l.Repository)
		for _, p := range l.Parts {
			fmt.Fprintf(&b, ", %s %s", p.Level, p.Value)
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "%s\nOriginal language: %s\n\n%s", s.Summary, s.OriginalLanguage, s.Telegram.Set())
	for _, u := range s.Unplaced {
		fmt.Fprintf(&b, "line %d could not be placed: %s\n", u.Line, u.Text)
	}
	return b.String()
}
