package main

import (
	"errors"
	"fmt"
	"time"

	"chancery.example/chancery/directory"
	"chancery.example/chancery/post"
	"chancery.example/chancery/register"
	"chancery.example/chancery/telegram"
	"github.com/spf13/cobra"
)

// verifyCommand checks what register prove or disclose handed out, without any post.
func (a *app) verifyCommand() *cobra.Command {
	var file, root string
	var text bool
	c := &cobra.Command{
		Use: "verify FILE --directory FILE --root FINGERPRINT", Short: "Check a disclosure of a telegram, or a proof that one is entered in a post's register",
		Long: `Checks what  chancery disclose  or  chancery register prove  wrote, with the directory alone; it sees by itself which of them it is.

Of a disclosure it prints what is shown, with gaps where something is withheld, and what is proved: that an officer released this very telegram, that a post entered it, or
both. With --text it prints the telegram alone.

Of a proof it says that the post has signed, with both algorithms, a log in which this entry stands, and prints R of the telegram that was entered; whoever has the telegram
sees the same R in  chancery show. Exit code 3 says that it does not hold.`,
		Example: "  chancery verify record.json --directory directory.txt --root 8d80…\n  chancery verify proof.txt --directory directory.txt --root 8d80…",
		Args:    exactly("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			return a.verifyFile(args[0], file, root, text)
		},
	}
	c.Flags().StringVar(&file, "directory", "", "the directory's `file`")
	c.Flags().StringVar(&root, "root", "", "the `fingerprint` of the directory's root, learned by another way")
	c.Flags().BoolVar(&text, "text", false, "print the text of a disclosure alone, when it holds")
	return c
}

// verified is what a proof shows.
type verified struct {
	post.Entered
	Stale bool `json:"directory_out_of_date,omitempty"`
}

// verifiedDisclosure is what a disclosure shows.
type verifiedDisclosure struct {
	post.Proven
	Stale bool `json:"directory_out_of_date,omitempty"`
}

func (a *app) verifyFile(file, list, fingerprint string, text bool) error {
	if list == "" || fingerprint == "" {
		return usage("verify needs the directory's file and the fingerprint of its root: give --directory and --root")
	}
	root, err := directory.ParseFingerprint(fingerprint)
	if err != nil {
		return usage("--root: %w", err)
	}
	d, err := readDirectory(list)
	if err != nil {
		return err
	}
	stale := d.Verify(root, time.Now())
	if stale != nil && !errors.Is(stale, directory.ErrStale) {
		return coded{fmt.Errorf("%s: %w", list, stale), exitUnproved}
	}
	words := ""
	if stale != nil {
		words = fmt.Sprintf("Warning: %s is %v. Somebody may keep a newer one from you.\n", list, stale)
	}
	b, err := readFile(file, telegram.MaxDisclosure)
	if err != nil {
		return err
	}
	if telegram.IsDisclosure(b) {
		return a.verifyDisclosure(d, file, list, b, text, words)
	}
	return a.verifyProof(d, file, b, words)
}

func (a *app) verifyProof(d *directory.Directory, file string, b []byte, warning string) error {
	proof, err := register.ParseProof(string(b))
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	e, err := post.CheckProof(d, proof)
	if err != nil {
		return coded{fmt.Errorf("%s: THE PROOF DOES NOT HOLD: %w", file, err), exitUnproved}
	}
	seen := "No other post has signed this checkpoint as a witness.\n"
	if len(e.Witnesses) > 0 {
		seen = witnessedWords(e.Witnesses)
	}
	return a.say(verified{*e, warning != ""}, "%sThe proof holds: %s has signed a register of %d entries, in which entry %d is of a telegram (%s) with R\n    %s\n%sNext: hold R against that of the telegram you have, as  chancery show  prints it.\n",
		warning, e.Post, e.Size, e.Entry, e.Kind, e.Root, seen)
}

func (a *app) verifyDisclosure(d *directory.Directory, file, list string, b []byte, text bool, warning string) error {
	x, err := telegram.ParseDisclosure(b)
	if err != nil {
		return fmt.Errorf("%s: %w. If another program set it anew,  jq -cS .  writes it back", file, err)
	}
	// Who released it may stand in the directory's tail, which speaks by its own signatures.
	if err := post.CheckDirectory(d); err != nil {
		return coded{fmt.Errorf("%s: %w", list, err), exitUnproved}
	}
	p, err := post.CheckDisclosure(d, x)
	if err != nil {
		return coded{fmt.Errorf("%s: THE DISCLOSURE DOES NOT HOLD: %w", file, err), exitUnproved}
	}
	words := p.Text
	if !text {
		words = warning + p.Text + "\n" + provenWords(p)
	} else if warning != "" {
		fmt.Fprint(a.err, warning)
	}
	return a.say(verifiedDisclosure{*p, warning != ""}, "%s", words)
}

func witnessedWords(all []post.WitnessedBy) (words string) {
	for _, w := range all {
		words += fmt.Sprintf("Witnessed by %s on %s: it had followed this register, and nothing in it had been changed or taken away.\n", w.Post, w.At.Format(time.DateTime+" UTC"))
	}
	return words
}
