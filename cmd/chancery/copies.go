package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/post"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/telegram"
	"github.com/spf13/cobra"
)

// What acts of numbered copies take beside CopyID.
type (
	holderAdd struct {
		Name string `json:"name"`
		Key  []byte `json:"key"`
	}
	copiesMake struct {
		post.CopyID
		For []string `json:"for"`
	}
	copyAct struct {
		post.CopyID
		To       string               `json:"to,omitempty"`
		Witness  string               `json:"witness,omitempty"`
		Transfer *post.CopyToTransfer `json:"transfer,omitempty"`
	}
)

// copyActs are what can be done at a post with numbered copies.
func copyActs(p *post.Post, f *folder) map[string]act {
	return map[string]act{
		"holder-add": does(func(ctx context.Context, in holderAdd) (any, error) { return p.AddHolder(ctx, in.Name, in.Key) }),
		"holders":    does(func(ctx context.Context, _ none) (any, error) { return p.Holders(ctx) }),
		"copies": does(func(ctx context.Context, in post.CopyID) (any, error) {
			return p.Copies(ctx, in.Way, in.Year, in.Number)
		}),
		"copies-make": does(func(ctx context.Context, in copiesMake) (any, error) {
			return p.MakeCopies(ctx, in.Way, in.Year, in.Number, in.For, f.config.Markings)
		}),
		"copy-give":         does(func(ctx context.Context, in copyAct) (any, error) { return p.GiveCopy(ctx, in.CopyID) }),
		"copy-return":       does(func(ctx context.Context, in copyAct) (any, error) { return p.ReturnCopy(ctx, in.CopyID) }),
		"copy-destroy":      does(func(ctx context.Context, in copyAct) (any, error) { return p.DestroyCopy(ctx, in.CopyID, in.Witness) }),
		"copy-for-transfer": does(func(ctx context.Context, in copyAct) (any, error) { return p.ForTransfer(ctx, in.CopyID, in.To) }),
		"copy-transfer": does(func(ctx context.Context, in copyAct) (any, error) {
			if in.Transfer == nil {
				return nil, errors.New("a copy is transferred with what its holder has sealed")
			}
			return p.TransferCopy(ctx, in.CopyID, in.Transfer)
		}),
	}
}

// whichTelegram are the flags that say which telegram a number means.
type whichTelegram struct {
	in, out bool
	year    int
}

func (w *whichTelegram) flags(c *cobra.Command) {
	c.Flags().BoolVar(&w.in, "in", false, "of one that was received")
	c.Flags().BoolVar(&w.out, "out", false, "of one that was sent")
	c.Flags().IntVar(&w.year, "year", 0, "the `year` of the number, when it is not this one")
}

// withCopies does something with the copies of the telegram whose number stands first in args, and with the copy whose number stands second.
func (a *app) withCopies(ctx context.Context, w *whichTelegram, args []string, do func(office, post.CopyID) error) error {
	number, err := telegram.ParseNumber(args[0])
	if err != nil {
		return usage("%q is no number of a telegram", args[0])
	}
	var copyNumber uint64
	if len(args) > 1 {
		if copyNumber, err = strconv.ParseUint(args[1], 10, 31); err != nil || copyNumber == 0 {
			return usage("%q is no number of a copy", args[1])
		}
	}
	_, o, err := a.at(ctx)
	if err != nil {
		return err
	}
	defer o.close()
	s, err := find(ctx, o, number, w.year, w.in, w.out)
	if err != nil {
		return err
	}
	return do(o, post.CopyID{Way: s.Way, Year: s.Year, Number: s.Number, Copy: int(copyNumber)})
}

func (a *app) copiesCommand() *cobra.Command {
	var w whichTelegram
	c := &cobra.Command{
		Use: "copies NUMBER", Short: "List the numbered copies of a telegram; make, give, transfer, return or destroy them",
		Long: `Lists the numbered copies that this post made of a telegram: who has each, since when, and how many are held, returned and destroyed.

Each copy is sealed to one holder of this post (chancery holder add). Copies and holders are this post's own and never travel. Every act is
entered in the register, and register verify holds the list against it.`,
		Example: "  chancery copies 23343 --dir moscow\n  chancery copies make 23343 --for Minister --for 'Tenth department' --dir moscow",
		Args:    exactly("NUMBER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withCopies(cmd.Context(), &w, args, func(o office, id post.CopyID) error {
				var l post.CopyList
				if err := o.do(cmd.Context(), "copies", id, &l); err != nil {
					return err
				}
				return a.say(l, "%s", copiesWords(&l))
			})
		},
	}
	w.flags(c)
	c.AddCommand(a.copiesMakeCommand(), a.copyGiveCommand(), a.copyTransferCommand(), a.copyReturnCommand(), a.copyDestroyCommand())
	return c
}

func copiesWords(l *post.CopyList) string {
	if l.Made == 0 {
		return "No numbered copies were made of it.\n"
	}
	var b strings.Builder
	for _, c := range l.Copies {
		fmt.Fprintf(&b, "Copy No. %d of %d  %-11s since %s  %s  (entry %d)\n", c.Copy, l.Made, c.State, c.Since.Format("2006-01-02 15:04Z"), c.Holder, c.Entry)
	}
	fmt.Fprintf(&b, "%d made: %d held, %d returned, %d destroyed.\n", l.Made, l.Held, l.Returned, l.Destroyed)
	return b.String()
}

func (a *app) copiesMakeCommand() *cobra.Command {
	var w whichTelegram
	var names []string
	c := &cobra.Command{
		Use: "make NUMBER", Short: "Make the numbered copies of a telegram, each sealed to its holder",
		Long: `Makes the numbered copies of a telegram, once: 1 for the first --for, and so on. Without --for they are for those whom the draft
named under Copy. Every one must be a holder of this post.`,
		Example: "  chancery copies make 23343 --for Minister --for 'Tenth department' --dir moscow\n  chancery copies make 1 --in --for Ambassador --dir beijing",
		Args:    exactly("NUMBER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withCopies(cmd.Context(), &w, args, func(o office, id post.CopyID) error {
				var l post.CopyList
				if err := o.do(cmd.Context(), "copies-make", copiesMake{id, names}, &l); err != nil {
					return fmt.Errorf("%w. Nothing was made now", err)
				}
				return a.say(l, "%sNext: hand one out:  chancery copies give %s 1 --%s --out FILE --dir %s\n", copiesWords(&l), telegram.NumberText(l.Number), handFlag(id), a.dir)
			})
		},
	}
	w.flags(c)
	c.Flags().StringArrayVar(&names, "for", nil, "`name` of a holder, in the order of the numbers")
	return c
}

// handFlag is the flag that says which way a telegram went; --out is taken by the file of a copy that is handed out.
func handFlag(id post.CopyID) string {
	if id.Way == archive.In {
		return "in"
	}
	return "sent"
}

// copyFlags are those of the commands that act on one copy. There --out names a file, so a telegram that was sent is --sent.
func (w *whichTelegram) copyFlags(c *cobra.Command) {
	c.Flags().BoolVar(&w.in, "in", false, "of a telegram that was received")
	c.Flags().BoolVar(&w.out, "sent", false, "of a telegram that was sent")
	c.Flags().IntVar(&w.year, "year", 0, "the `year` of the number, when it is not this one")
}

// sayCopy prints the receipt of an act, and writes the copy to the file where it is handed out.
func (a *app) sayCopy(r *post.CopyReceipt, file string) error {
	if file != "" {
		if err := writeNew(file, r.Sealed); err != nil {
			return fmt.Errorf("copy %d is %s, by entry %d, but its file could not be written: %w. Hand it out again with  chancery copies give", r.Copy, r.State, r.Entry, err)
		}
	}
	words := fmt.Sprintf("Copy No. %d of %d, %s: %s. Its receipt is entry %d of the register.\n", r.Copy, r.Of, r.Holder, r.State, r.Entry)
	if file != "" {
		words += fmt.Sprintf("It is in %s and opens for %s alone:  chancery copy open %s --key KEYFILE\n", file, r.Holder, file)
	}
	r.Sealed = nil
	return a.say(r, "%s", words)
}

// absent looks that a file is not there, before an act that ends with writing it.
func absent(file string) error {
	if file == "" {
		return usage("say with --out into which file the copy goes")
	}
	if _, err := os.Lstat(file); err == nil {
		return fmt.Errorf("%s is there already: name a new file with --out. Nothing was changed", file)
	}
	return nil
}

func (a *app) copyGiveCommand() *cobra.Command {
	var w whichTelegram
	var file string
	c := &cobra.Command{
		Use: "give NUMBER COPY --out FILE", Short: "Hand a numbered copy out, in a file that opens for its holder alone",
		Long: `Hands a numbered copy out: the file opens with its holder's key and no other. A copy may be given again when its file was lost;
the register has each time.`,
		Example: "  chancery copies give 23343 3 --out copy3 --dir moscow",
		Args:    exactly("NUMBER", "COPY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := absent(file); err != nil {
				return err
			}
			return a.withCopies(cmd.Context(), &w, args, func(o office, id post.CopyID) error {
				var r post.CopyReceipt
				if err := o.do(cmd.Context(), "copy-give", copyAct{CopyID: id}, &r); err != nil {
					return err
				}
				return a.sayCopy(&r, file)
			})
		},
	}
	w.copyFlags(c)
	c.Flags().StringVar(&file, "out", "", "`file` for the copy")
	return c
}

func (a *app) copyTransferCommand() *cobra.Command {
	var w whichTelegram
	var file, to, key string
	c := &cobra.Command{
		Use: "transfer NUMBER COPY --to NAME --key KEYFILE --out FILE", Short: "Pass a numbered copy on to another holder, who then has it",
		Long: `Passes a numbered copy on. Its present holder opens it with his key and seals it to the next; the key does not leave this command. The
post has the copy for the next holder from then on, and --out hands it out at once.`,
		Example: "  chancery copies transfer 23343 3 --to 'Tenth department' --key minister.age --out copy3 --dir moscow",
		Args:    exactly("NUMBER", "COPY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if to == "" || key == "" {
				return usage("say with --to who gets the copy, and with --key with which key its present holder opens it")
			}
			if file != "" {
				if err := absent(file); err != nil {
					return err
				}
			}
			return a.withCopies(cmd.Context(), &w, args, func(o office, id post.CopyID) error {
				r, err := a.transfer(cmd.Context(), o, id, to, key)
				if err != nil {
					return err
				}
				return a.sayCopy(r, file)
			})
		},
	}
	w.copyFlags(c)
	c.Flags().StringVar(&to, "to", "", "`name` of the holder who gets it")
	c.Flags().StringVar(&key, "key", "", "key `file` of the present holder")
	c.Flags().StringVar(&file, "out", "", "`file` for the copy as the next holder opens it")
	return c
}

func (a *app) transfer(ctx context.Context, o office, id post.CopyID, to, keyFile string) (*post.CopyReceipt, error) {
	var t post.CopyToTransfer
	if err := o.do(ctx, "copy-for-transfer", copyAct{CopyID: id, To: to}, &t); err != nil {
		return nil, err
	}
	s, key, err := a.holderKey(keyFile)
	if err != nil {
		return nil, err
	}
	if s.Holder != t.Holder {
		return nil, fmt.Errorf("copy %d is %s's, and %s is the key of %s. Nothing was changed", id.Copy, t.Holder, keyFile, s.Holder)
	}
	c, sheet, err := seal.OpenCopy(t.Sealed, s.Holder, key)
	if err != nil {
		return nil, fmt.Errorf("copy %d does not open with the key in %s. Nothing was changed", id.Copy, keyFile)
	}
	next, err := seal.NewRecipient(t.Key)
	if err != nil {
		return nil, err
	}
	if t.Sealed, err = c.Reseal(sheet, t.To, next); err != nil {
		return nil, err
	}
	var r post.CopyReceipt
	return &r, o.do(ctx, "copy-transfer", copyAct{CopyID: id, Transfer: &t}, &r)
}

func (a *app) copyReturnCommand() *cobra.Command {
	var w whichTelegram
	c := &cobra.Command{
		Use: "return NUMBER COPY", Short: "Note that a numbered copy was given back by its holder",
		Long:    "Notes that a numbered copy was given back, and erases the post's own bytes of it. What is returned is not given again.",
		Example: "  chancery copies return 23343 3 --dir moscow",
		Args:    exactly("NUMBER", "COPY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withCopies(cmd.Context(), &w, args, func(o office, id post.CopyID) error {
				var r post.CopyReceipt
				if err := o.do(cmd.Context(), "copy-return", copyAct{CopyID: id}, &r); err != nil {
					return err
				}
				return a.sayCopy(&r, "")
			})
		},
	}
	w.copyFlags(c)
	return c
}

func (a *app) copyDestroyCommand() *cobra.Command {
	var w whichTelegram
	var witness string
	c := &cobra.Command{
		Use: "destroy NUMBER COPY --witness NAME", Short: "Note that a numbered copy was destroyed before a witness",
		Long:    "Notes that a numbered copy was destroyed, and before whom, and erases the post's own bytes of it. The witness is not its holder.",
		Example: "  chancery copies destroy 23343 3 --witness 'Duty officer' --dir moscow",
		Args:    exactly("NUMBER", "COPY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if witness == "" {
				return usage("a copy is destroyed before a witness: name one with --witness")
			}
			return a.withCopies(cmd.Context(), &w, args, func(o office, id post.CopyID) error {
				var r post.CopyReceipt
				if err := o.do(cmd.Context(), "copy-destroy", copyAct{CopyID: id, Witness: witness}, &r); err != nil {
					return err
				}
				return a.sayCopy(&r, "")
			})
		},
	}
	w.copyFlags(c)
	c.Flags().StringVar(&witness, "witness", "", "`name` of who saw it destroyed")
	return c
}

// openedCopy is a numbered copy as its holder reads it.
type openedCopy struct {
	Post   string `json:"post"`
	Copy   uint16 `json:"copy"`
	Of     uint16 `json:"of"`
	Holder string `json:"holder"`
	Root   string `json:"root"`
	Sheet  string `json:"sheet"`
}

func (a *app) copyCommand() *cobra.Command {
	var key string
	c := &cobra.Command{
		Use: "open FILE --key KEYFILE", Short: "Open a numbered copy at its holder's desk, with no post and no database",
		Long:    "Opens a numbered copy with its holder's key and prints the sheet. It needs the file and the key, and nothing else.",
		Example: "  chancery copy open copy3 --key minister.age",
		Args:    exactly("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			if key == "" {
				return usage("say with --key with which key the holder opens it")
			}
			file, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer file.Close()
			sealed, err := io.ReadAll(io.LimitReader(file, 8<<20))
			if err != nil {
				return err
			}
			if _, err := seal.ParseCopy(sealed); err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			s, k, err := a.holderKey(key)
			if err != nil {
				return err
			}
			c, sheet, err := seal.OpenCopy(sealed, s.Holder, k)
			if err != nil {
				return fmt.Errorf("%s does not open with the key of %s: it is another holder's, or it was altered", args[0], s.Holder)
			}
			return a.say(openedCopy{c.Post, c.Number, c.Of, s.Holder, c.Root.String(), sheet.Text}, "Copy No. %d of %d\n%s\n\n%s", c.Number, c.Of, s.Holder, sheet.Text)
		},
	}
	c.Flags().StringVar(&key, "key", "", "the holder's key `file`")
	return group("copy", "Read a numbered copy", "  chancery copy open copy3 --key minister.age", c)
}
