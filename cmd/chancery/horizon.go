package main

import (
	"fmt"
	"strings"
	"time"

	"chancery.example/chancery/post"
	"github.com/spf13/cobra"
)

// horizonCommand says what somebody could read who takes the post now.
func (a *app) horizonCommand() *cobra.Command {
	return &cobra.Command{
		Use: "horizon", Short: "Show how far back somebody could read who takes this post now, disk and keys",
		Long: `Computes, from the keys that the post holds now and from what lies on its disk, what somebody could read who takes both: of what was recorded on the
lines, of what is still needed here, and of what is filed. What was burnt is gone. While  chancery serve  does not run, what it keeps to burn is not counted.`,
		Example: "  chancery horizon --dir moscow",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, o, err := a.at(cmd.Context())
			if err != nil {
				return err
			}
			defer o.close()
			var h post.Horizon
			if err := o.do(cmd.Context(), "horizon", none{}, &h); err != nil {
				return err
			}
			var b strings.Builder
			fmt.Fprintf(&b, "Who takes this post now, %s, with its disk and keys, can read:\n\nOf what was recorded on the lines\n", h.At.Format(time.DateTime+" UTC"))
			for _, r := range h.Wire {
				readableWords(&b, &r)
			}
			b.WriteString("\nOf what is still needed here\n")
			for _, r := range h.Desk {
				readableWords(&b, &r)
			}
			b.WriteString("\nOf what is filed\n")
			readableWords(&b, &h.Shelf)
			return a.say(h, "%s", b.String())
		},
	}
}

func readableWords(b *strings.Builder, r *post.Readable) {
	switch {
	case r.Since == nil:
		fmt.Fprintf(b, "  %s: none\n", r.What)
	case r.Count > 0:
		fmt.Fprintf(b, "  %s: %d, since %s; %s\n", r.What, r.Count, r.Since.Format("2006-01-02"), r.Why)
	default:
		fmt.Fprintf(b, "  %s: since %s; %s\n", r.What, r.Since.Format("2006-01-02"), r.Why)
	}
}
