package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"chancery.example/chancery/post"
	"chancery.example/chancery/telegram"
	"github.com/spf13/cobra"
)

// withheld collects what is to be withheld in the order of the flags, since a reason is that of what stands before it.
type withheld struct {
	list  []post.Withholding
	since int // where those begin that no reason was given after
}

// withheldFlag is one of the flags that say so.
type withheldFlag struct {
	to  *withheld
	set func(w *withheld, value string) error
}

func (f *withheldFlag) String() string         { return "" }
func (f *withheldFlag) Type() string           { return "words" }
func (f *withheldFlag) Set(value string) error { return f.set(f.to, value) }

func (w *withheld) words(value string) error {
	if strings.TrimSpace(value) == "" {
		return errors.New("there are no words in it")
	}
	w.list = append(w.list, post.Withholding{Words: value})
	return nil
}

func (w *withheld) field(value string) error {
	if value == "" {
		return fmt.Errorf("no field is named: %s", strings.Join(telegram.FieldNames(), ", "))
	}
	w.list = append(w.list, post.Withholding{Field: strings.ToLower(value)})
	return nil
}

func (w *withheld) paragraph(value string) error {
	n, err := ordinalOf(value)
	w.list = append(w.list, post.Withholding{Paragraph: n})
	return err
}

func (w *withheld) message(value string) error {
	n, err := ordinalOf(value)
	w.list = append(w.list, post.Withholding{Message: n})
	return err
}

func ordinalOf(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 20)
	if err != nil || n == 0 {
		return 0, errors.New("it is counted from 1")
	}
	return int(n), nil
}

func (w *withheld) reason(value string) error {
	if w.since == len(w.list) {
		return errors.New("a reason stands behind what is withheld for it")
	}
	if strings.TrimSpace(value) == "" {
		return errors.New("the reason is empty")
	}
	for ; w.since < len(w.list); w.since++ {
		w.list[w.since].Reason = value
	}
	return nil
}

func (a *app) discloseCommand() *cobra.Command {
	var which whichTelegram
	var w withheld
	var proof, file string
	var attachments []int
	c := &cobra.Command{
		Use: "disclose NUMBER", Short: "Disclose a telegram with words or fields withheld, so that the rest can still be verified",
		Long: `Writes a disclosure of a telegram: what is shown, with what anybody needs to verify it against the releaser's signatures and the post's register; and of what is
withheld nothing but how many words or fields it is. It prints what is left, to be read before anything is given away.

--withhold takes words, wherever they stand in the text, the subject, the signature, or whom a message within it is for; "words#2" means the second place only. Capitals
and the punctuation around a word make no difference; other forms of a word must be named by themselves. --withhold-field takes
` + strings.Join(telegram.FieldNames(), ", ") + `;
"addressee#2" means the second. Paragraphs and messages are counted from 1. --reason stands behind what is withheld for it. It is printed, and is not signed.

Attachments are withheld, but for those named with --attachment: each shown has the key with which its pieces open, and by which anybody proves that a file is the one.

--proof says what is proved: released (by whom: it shows the releaser's number and signatures), registered (that a post entered it: it names no officer),
or both, as when nothing is said. Where the releaser is withheld it is registered.`,
		Example: "  chancery disclose 23343 --withhold 'third train' --reason '1.4(d)' --file record.json --dir moscow\n" +
			"  chancery disclose 1 --in --withhold-field drafter --withhold-field releaser --withhold-message 1 --proof registered --file record.json --dir beijing",
		Args: exactly("NUMBER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := telegram.ParseNumber(args[0])
			if err != nil {
				return usage("%q is no number of a telegram", args[0])
			}
			switch post.Proof(proof) {
			case "", post.ProofBoth, post.ProofReleased, post.ProofRegistered:
			default:
				return usage("--proof is released, registered or both, not %q", proof)
			}
			if file != "" {
				if err := absent(file); err != nil {
					return err
				}
			}
			_, o, err := a.at(cmd.Context())
			if err != nil {
				return err
			}
			defer o.close()
			s, err := find(cmd.Context(), o, n, which.year, which.in, which.out)
			if err != nil {
				return err
			}
			return a.disclose(cmd.Context(), o, &post.ToDisclose{Way: s.Way, Year: s.Year, Number: s.Number, Withhold: w.list, Proof: post.Proof(proof), Attachments: attachments}, file)
		},
	}
	which.flags(c)
	c.Flags().Var(&withheldFlag{&w, (*withheld).words}, "withhold", "`words` to withhold; may be given several times, as the four below")
	c.Flags().Var(&withheldFlag{&w, (*withheld).field}, "withhold-field", "a `field` to withhold")
	c.Flags().Var(&withheldFlag{&w, (*withheld).paragraph}, "withhold-paragraph", "the paragraph of that `number`")
	c.Flags().Var(&withheldFlag{&w, (*withheld).message}, "withhold-message", "the message within it of that `number`, with whom it is for and its signature")
	c.Flags().Var(&withheldFlag{&w, (*withheld).reason}, "reason", "`why`: of what was named before it, since the reason before; printed, and not signed")
	c.Flags().IntSliceVar(&attachments, "attachment", nil, "show the attachment of that `number`; may be given several times")
	c.Flags().StringVar(&proof, "proof", "", "`what` is proved: released, registered or both")
	c.Flags().StringVar(&file, "file", "", "write the disclosure to a new `file`, and print what it shows")
	return c
}

// disclosedNow is what the command made.
type disclosedNow struct {
	File     string   `json:"file,omitempty"`
	Record   string   `json:"record,omitempty"` // where there is no file
	Bytes    int      `json:"bytes"`
	Warnings []string `json:"warnings,omitempty"`
	post.Proven
}

func (a *app) disclose(ctx context.Context, o office, w *post.ToDisclose, file string) error {
	var d post.Disclosure
	if err := o.do(ctx, "disclose", w, &d); err != nil {
		return fmt.Errorf("%w. Nothing was written", err)
	}
	out := disclosedNow{File: file, Bytes: len(d.Record), Warnings: d.Warnings, Proven: d.Proven}
	if file == "" {
		for _, x := range d.Warnings {
			fmt.Fprintf(a.err, "WARNING: %s\n", x)
		}
		out.Record = string(d.Record)
		return a.say(out, "%s", d.Record)
	}
	if err := writeNew(file, d.Record); err != nil {
		return fmt.Errorf("%w. The disclosure was not written", err)
	}
	var b strings.Builder
	b.WriteString(d.Text + "\n")
	for _, x := range d.Warnings {
		fmt.Fprintf(&b, "WARNING: %s\n", x)
	}
	b.WriteString(provenWords(&d.Proven))
	fmt.Fprintf(&b, "The disclosure is in %s, %d bytes. Next: read what it shows, above; check it as others will:  chancery verify %s --directory FILE --root FINGERPRINT\n", file, len(d.Record), file)
	return a.say(out, "%s", b.String())
}

// provenWords say what a disclosure proves, what it does not, and how much it withholds.
func provenWords(p *post.Proven) string {
	var b strings.Builder
	fmt.Fprintf(&b, "R is %s\n", p.Root)
	if r := p.Released; r != nil {
		at := ""
		if r.At != nil {
			at = ", " + r.At.Format("2006-01-02 15:04:05Z")
		}
		fmt.Fprintf(&b, "holds: released by person %d of %s, by key %d%s: both signatures are of this R\n", r.Key.Person, r.Post, r.Key.Key, at)
	}
	if e := p.Registered; e != nil {
		way := "sent"
		if e.Kind != telegram.EntryOut {
			way = "received"
		}
		fmt.Fprintf(&b, "holds: registered by %s as %s: entry %d of a register of %d entries that it has signed\n%s", e.Post, way, e.Entry, e.Size, witnessedWords(e.Witnesses))
	}
	if p.Released == nil {
		b.WriteString("NOTE: It does not prove who released it.\n")
	}
	if p.Registered == nil {
		b.WriteString("NOTE: It does not prove that any post registered it.\n")
	}
	for _, n := range p.Notes {
		fmt.Fprintf(&b, "NOTE: %s\n", n)
	}
	if len(p.Withheld) == 0 {
		b.WriteString("Nothing is withheld.\n")
	}
	for _, g := range summed(p.Withheld) {
		why := ""
		if g.Reason != "" {
			why = ": " + g.Reason
		}
		fmt.Fprintf(&b, "withheld: %s%s\n", g.words(), why)
	}
	return b.String()
}

// gaps are all gaps of one kind and reason.
type gaps struct {
	telegram.Gap
	places int
}

func summed(all []telegram.Gap) (sums []*gaps) {
	known := map[telegram.Gap]*gaps{}
	for _, g := range all {
		kind := telegram.Gap{What: g.What, Reason: g.Reason}
		if known[kind] == nil {
			known[kind] = &gaps{Gap: kind}
			sums = append(sums, known[kind])
		}
		known[kind].Leaves += g.Leaves
		known[kind].places++
	}
	return sums
}

func (g *gaps) words() string {
	switch {
	case g.What == "text" && g.places > 1:
		return fmt.Sprintf("%d words of the text, in %d places", g.Leaves, g.places)
	case g.What == "text" && g.Leaves > 1:
		return fmt.Sprintf("%d words of the text, in one place", g.Leaves)
	case g.What == "text":
		return "1 word of the text"
	case g.Leaves > 1:
		return fmt.Sprintf("%s, %d of them", g.What, g.Leaves)
	}
	return g.What
}
