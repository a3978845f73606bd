package main

import (
	"errors"
	"fmt"
	"time"

	"chancery.example/chancery/directory"
	"chancery.example/chancery/register"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/telegram"
	"github.com/spf13/cobra"
)

// verifyCommand checks what register prove handed out, without any post.
func (a *app) verifyCommand() *cobra.Command {
	var file, root string
	c := &cobra.Command{
		Use: "verify PROOF --directory FILE --root FINGERPRINT", Short: "Check a proof that a telegram is entered in a post's register",
		Long: `Checks what  chancery register prove  wrote, with the directory alone: that the post has signed, with both algorithms, a log in which this entry stands. It prints R of the
telegram that was entered; whoever has the telegram sees the same R in  chancery show. Exit code 3 says that the proof does not hold.`,
		Example: "  chancery verify proof.txt --directory directory.txt --root 8d80…",
		Args:    exactly("PROOF"),
		RunE:    func(_ *cobra.Command, args []string) error { return a.verifyProof(args[0], file, root) },
	}
	c.Flags().StringVar(&file, "directory", "", "the directory's `file`")
	c.Flags().StringVar(&root, "root", "", "the `fingerprint` of the directory's root, learned by another way")
	return c
}

// verified is what a proof shows.
type verified struct {
	Post      string             `json:"post"`
	Kind      telegram.EntryKind `json:"kind"`
	Root      telegram.Root      `json:"root"`
	Entry     int64              `json:"entry"`
	Size      int64              `json:"size"`
	Witnesses []witness          `json:"witnesses"` // other posts that signed the same checkpoint
	Stale     bool               `json:"directory_out_of_date,omitempty"`
}

// witness is a post that has followed the register since before, and signed that it was only added to.
type witness struct {
	Post string    `json:"post"`
	At   time.Time `json:"at"`
}

func (a *app) verifyProof(file, list, fingerprint string) error {
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
	b, err := readFile(file, register.MaxProof)
	if err != nil {
		return err
	}
	proof, err := register.ParseProof(string(b))
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	out, err := proven(d, proof)
	if err != nil {
		return coded{fmt.Errorf("%s: THE PROOF DOES NOT HOLD: %w", file, err), exitUnproved}
	}
	words := ""
	if out.Stale = stale != nil; out.Stale {
		words = fmt.Sprintf("Warning: %s is %v. Somebody may keep a newer one from you.\n", list, stale)
	}
	seen := "No other post has signed this checkpoint as a witness.\n"
	for i, w := range out.Witnesses {
		if i == 0 {
			seen = ""
		}
		seen += fmt.Sprintf("Witnessed by %s on %s: it had followed this register, and nothing in it had been changed or taken away.\n", w.Post, w.At.Format(time.DateTime+" UTC"))
	}
	return a.say(out, "%sThe proof holds: %s has signed a register of %d entries, in which entry %d is of a telegram (%s) with R\n    %s\n%sNext: hold R against that of the telegram you have, as  chancery show  prints it.\n",
		words, out.Post, out.Size, out.Entry, out.Kind, out.Root, seen)
}

// proven checks a proof with the register key that the directory has of the post whose register it names.
func proven(d *directory.Directory, proof *register.Proof) (*verified, error) {
	for _, p := range d.Posts() {
		if register.Origin(p.Route) != proof.Origin {
			continue
		}
		key, err := seal.NewVerifier(p.Register.Ed25519, p.Register.MLDSA)
		if err != nil {
			return nil, err
		}
		verifiers, err := key.Cosigners(proof.Origin)
		if err != nil {
			return nil, err
		}
		c, err := proof.Check(verifiers)
		if err != nil {
			return nil, err
		}
		kind, root, ok := telegram.EntryOf(proof.Entry)
		if !ok || root == (telegram.Root{}) {
			return nil, errors.New("the entry is not of a telegram")
		}
		out := &verified{Post: p.Name, Kind: kind, Root: root, Entry: proof.Index, Size: c.Size, Witnesses: []witness{}}
		for _, name := range proof.Signers() {
			if name != proof.Origin {
				out.Witnesses = append(out.Witnesses, witnessOf(d, proof, name)...)
			}
		}
		return out, nil
	}
	return nil, fmt.Errorf("the directory has no post whose register is %q", proof.Origin)
}

// witnessOf is the post of that name of a register's, if it has signed the proof's checkpoint with both algorithms. What does not hold of a witness
// takes nothing from the proof, and adds nothing.
func witnessOf(d *directory.Directory, proof *register.Proof, name string) []witness {
	for _, p := range d.Posts() {
		if register.Origin(p.Route) != name {
			continue
		}
		key, err := seal.NewVerifier(p.Register.Ed25519, p.Register.MLDSA)
		if err != nil {
			return nil
		}
		verifiers, err := key.Cosigners(name)
		if err != nil {
			return nil
		}
		if at, err := proof.Witnessed(verifiers); err == nil {
			return []witness{{p.Name, at.UTC()}}
		}
	}
	return nil
}
