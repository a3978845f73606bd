package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"chancery.example/chancery/post"
	"chancery.example/chancery/seal"
	"github.com/spf13/cobra"
)

func coverActs(p *post.Post) map[string]act {
	return map[string]act{
		"holder-keys": does(func(ctx context.Context, names []string) (any, error) { return p.HolderKeys(ctx, names) }),
		"cover-give": does(func(ctx context.Context, in post.Cover) (any, error) {
			entry, err := p.GiveCover(ctx, &in)
			return coverDone{in.Name, entry}, err
		}),
		"cover-end": does(func(ctx context.Context, name string) (any, error) {
			entry, err := p.EndCover(ctx, name)
			return coverDone{name, entry}, err
		}),
		"covers": does(func(ctx context.Context, _ none) (any, error) { return p.Covers(ctx) }),
	}
}

// coverDone is an act on the table of cover names.
type coverDone struct {
	Name  string `json:"name"`
	Entry int64  `json:"entry"`
}

func (a *app) coverCommand() *cobra.Command {
	return group("cover", "Keep the table of cover names: whose each is, is sealed to those who need to know", "  chancery cover list --dir moscow",
		a.coverAddCommand(), a.coverListCommand(), a.coverShowCommand(), a.coverEndCommand())
}

func (a *app) coverAddCommand() *cobra.Command {
	var to []string
	var from, until, file string
	c := &cobra.Command{
		Use: "add NAME --for HOLDER --is FILE", Short: "Give a cover name, and seal whose it is to each who needs to know",
		Long: `Reads whose the name is from FILE (- is standard input) and seals it, in this command, to each holder named: the post gets only what is sealed. A message
within a telegram that is signed by a name of the table is taken only while the name is in use; by one that the table does not have, with a warning.`,
		Example: "  chancery cover add PRINCIPAL --for Minister --for 'Tenth department' --is who.txt --dir moscow",
		Args:    exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			x := post.Cover{Name: strings.ToUpper(strings.Join(strings.Fields(args[0]), " ")), From: wholeSecond(), Sealed: map[string][]byte{}}
			if from != "" {
				if x.From, err = time.Parse(time.DateOnly, from); err != nil {
					return usage("--from %q is no day such as 2026-12-07", from)
				}
			}
			if until != "" {
				t, err := time.Parse(time.DateOnly, until)
				if err != nil {
					return usage("--until %q is no day such as 2026-12-07", until)
				}
				x.Until = &t
			}
			who, err := a.readText(file)
			if err != nil {
				return err
			}
			return a.addCover(cmd.Context(), &x, to, who)
		},
	}
	c.Flags().StringArrayVar(&to, "for", nil, "a `holder` who needs to know; give it again for more")
	c.Flags().StringVar(&file, "is", "", "`file` that says whose it is")
	c.Flags().StringVar(&from, "from", "", "the first `day` of its use")
	c.Flags().StringVar(&until, "until", "", "the first `day` on which it is used no more")
	return c
}

// readText reads a short text from a file or from standard input.
func (a *app) readText(file string) (string, error) {
	in := a.in
	if file == "" {
		return "", usage("say with --is in which file it stands whose the name is; - is standard input")
	}
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return "", err
		}
		defer f.Close()
		in = f
	}
	const most = 64 << 10
	b, err := io.ReadAll(io.LimitReader(in, most+1))
	switch text := strings.TrimSpace(string(b)); {
	case err != nil:
		return "", err
	case len(b) > most:
		return "", fmt.Errorf("%s has more than %d bytes", file, most)
	case text == "":
		return "", fmt.Errorf("%s is empty: it is to say whose the name is", file)
	default:
		return text, nil
	}
}

func (a *app) addCover(ctx context.Context, x *post.Cover, to []string, who string) error {
	_, o, err := a.at(ctx)
	if err != nil {
		return err
	}
	defer o.close()
	var st status
	if err := o.do(ctx, "status", none{}, &st); err != nil {
		return err
	}
	keys := map[string][]byte{}
	if err := o.do(ctx, "holder-keys", to, &keys); err != nil {
		return fmt.Errorf("%w. Nothing was entered", err)
	}
	for holder, key := range keys {
		recipient, err := seal.NewRecipient(key)
		if err != nil {
			return err
		}
		if x.Sealed[holder], err = post.CoverCopy(st.Post, x.Name).Seal(who, holder, recipient); err != nil {
			return err
		}
	}
	var done coverDone
	if err := o.do(ctx, "cover-give", x, &done); err != nil {
		return fmt.Errorf("%w. Nothing was entered", err)
	}
	return a.say(done, "The cover name %s is given (entry %d). Whose it is can be read by: %s.\nNext: sign a message within a telegram with it:  [end %s]\n", x.Name, done.Entry,
		strings.Join(slices.Sorted(maps.Keys(x.Sealed)), ", "), x.Name)
}

func (a *app) coverListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the cover names, when they are in use and who can read whose they are",
		Example: "  chancery cover list --dir moscow",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := a.covers(cmd.Context())
			if err != nil {
				return err
			}
			var b strings.Builder
			for _, c := range list {
				until := ""
				if c.Until != nil {
					until = " until " + c.Until.Format(time.DateOnly)
				}
				fmt.Fprintf(&b, "%s  from %s%s; known to %s\n", c.Name, c.From.Format(time.DateOnly), until, strings.Join(slices.Sorted(maps.Keys(c.Sealed)), ", "))
			}
			if len(list) == 0 {
				b.WriteString("There are no cover names.\nNext: give one:  chancery cover add NAME --for HOLDER --is FILE\n")
			}
			return a.say(list, "%s", b.String())
		},
	}
}

func (a *app) covers(ctx context.Context) (list []post.Cover, err error) {
	_, o, err := a.at(ctx)
	if err != nil {
		return nil, err
	}
	defer o.close()
	return list, o.do(ctx, "covers", none{}, &list)
}

func (a *app) coverShowCommand() *cobra.Command {
	var key string
	c := &cobra.Command{
		Use: "show NAME --key KEYFILE", Short: "Read whose a cover name is, with the key of one who needs to know",
		Long:    "Opens with a holder's key what was sealed to him. It is opened in this command only; the post never sees it.",
		Example: "  chancery cover show PRINCIPAL --key minister.age --dir moscow",
		Args:    exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if key == "" {
				return usage("say with --key with which holder's key it is opened")
			}
			list, err := a.covers(cmd.Context())
			if err != nil {
				return err
			}
			i := slices.IndexFunc(list, func(c post.Cover) bool { return strings.EqualFold(c.Name, args[0]) })
			if i < 0 {
				return fmt.Errorf("there is no cover name %s", args[0])
			}
			s, k, err := a.holderKey(key)
			if err != nil {
				return err
			}
			_, sheet, err := seal.OpenCopy(list[i].Sealed[s.Holder], s.Holder, k)
			if err != nil {
				return errors.New("it is not sealed to this holder: whoever needs to know is named by  chancery cover list")
			}
			return a.say(map[string]any{"name": list[i].Name, "is": sheet.Text}, "%s is\n%s\n", list[i].Name, sheet.Text)
		},
	}
	c.Flags().StringVar(&key, "key", "", "the holder's key `file`")
	return c
}

func (a *app) coverEndCommand() *cobra.Command {
	return &cobra.Command{
		Use: "end NAME", Short: "End a cover name: no message is signed with it any more",
		Example: "  chancery cover end PRINCIPAL --dir moscow",
		Args:    exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			_, o, err := a.at(cmd.Context())
			if err != nil {
				return err
			}
			defer o.close()
			var done coverDone
			if err := o.do(cmd.Context(), "cover-end", args[0], &done); err != nil {
				return fmt.Errorf("%w. Nothing was entered", err)
			}
			return a.say(done, "The cover name %s is ended (entry %d). What was signed with it stays.\nNext: give another:  chancery cover add NAME --for HOLDER --is FILE\n", done.Name, done.Entry)
		},
	}
}
