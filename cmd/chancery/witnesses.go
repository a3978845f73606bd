package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"chancery.example/chancery/post"
	"github.com/spf13/cobra"
)

// witnessList is what the post and others know of each other's registers.
type witnessList struct {
	Size      int64          `json:"entries"`
	Witnesses []post.Witness `json:"witnesses"`
}

// witnessesCommand shows how far posts follow each other's registers, and the proof against one that showed two.
func (a *app) witnessesCommand() *cobra.Command {
	return &cobra.Command{
		Use: "witnesses", Short: "Show how far other posts and this one know each other's registers",
		Long: `Posts that correspond show each other what is new in their registers, several times a day: signed checkpoints and salted hashes, and no word of a telegram. Each holds it against
all it was shown before, and signs. A register that was rewritten, put back to an older day or shown to two posts in two ways is found so, and its post is named here, with the two
checkpoints that it signed (whole with --json: they are the proof). Exit code 3 says that there is one.`,
		Example: "  chancery register witnesses --dir moscow",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, o, err := a.at(cmd.Context())
			if err != nil {
				return err
			}
			defer o.close()
			var out witnessList
			if err := o.do(cmd.Context(), "register-witnesses", none{}, &out); err != nil {
				return err
			}
			if err := a.say(out, "%s", witnessWords(&out)); err != nil {
				return err
			}
			for _, w := range out.Witnesses {
				if w.Against != nil {
					return coded{errors.New("there is proof of two registers of one post: see above"), exitUnproved}
				}
			}
			return nil
		},
	}
}

func witnessWords(l *witnessList) string {
	var b strings.Builder
	fmt.Fprintf(&b, "This post's register has %d entries.\n", l.Size)
	if len(l.Witnesses) == 0 {
		b.WriteString("No other post has been heard from, so nobody else knows of them.\n")
	}
	for _, w := range l.Witnesses {
		fmt.Fprintf(&b, "%s: ", w.Post)
		switch {
		case w.SignedAt != nil:
			fmt.Fprintf(&b, "holds %d of them, signed on %s; ", w.Holds, w.SignedAt.Format(time.DateTime+" UTC"))
		case w.Holds > 0:
			fmt.Fprintf(&b, "holds %d of them and has signed none; ", w.Holds)
		default:
			b.WriteString("holds none of them yet; ")
		}
		if w.As != nil {
			fmt.Fprintf(&b, "of its own, entries %d to %d are known here, as of %s", w.From, w.To-1, w.As.Format(time.DateTime+" UTC"))
		} else {
			b.WriteString("of its own, nothing is known here")
		}
		if w.Open > 0 {
			fmt.Fprintf(&b, "; %d telegrams of it are still to be proved", w.Open)
		}
		b.WriteString("\n")
		if w.Against != nil {
			fmt.Fprintf(&b, "  AGAINST %s, since %s: %s\n", w.Post, w.Against.At.Format(time.DateTime+" UTC"), w.Against.What)
		}
	}
	return b.String()
}
