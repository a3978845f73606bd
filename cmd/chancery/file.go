package main

import (
	"fmt"
	"strings"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/post"
	"chancery.example/chancery/telegram"
	"github.com/spf13/cobra"
)

// toFile is what the act of filing takes, filedNow what it gives.
type (
	toFile struct {
		Way    archive.Way    `json:"way"`
		Year   int            `json:"year"`
		Number uint32         `json:"number"`
		Change archive.Change `json:"change"`
	}
	filedNow struct {
		Way    archive.Way  `json:"way"`
		Year   int          `json:"year"`
		Number uint32       `json:"number"`
		New    bool         `json:"new"` // something was said that was not said before
		Filing *post.Filing `json:"filing"`
	}
)

func (a *app) fileCommand() *cobra.Command {
	var in, out bool
	var year int
	var title, summary, language string
	var change archive.Change
	c := &cobra.Command{
		Use: "file NUMBER", Short: "File a telegram in one or several archives, or correct how it is filed",
		Long: `Says where a telegram that was sent or received lies: in which archive, fonds, series, file and leaves, or boxes and folders. A telegram may
lie in several places. Filing it again adds a place, or puts another title, summary or language in the place of the one before; what was said before
stays as its history. Each filing is an entry of the register, so that a later change shows in chancery register verify. Nothing of it is sent.`,
		Example: "  chancery file 23343 --at 'APRF, f. 45, op. 1, d. 336, ll. 20-21' --at 'AVPRF, Fond 059a, Opis 5a, Delo 3' --language ru --dir moscow\n" +
			"  chancery file 1 --in --at 'Legation Archive, Box 3, Folder 7' --summary 'The trains are agreed to.' --dir beijing",
		Args: exactly("NUMBER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := telegram.ParseNumber(args[0])
			if err != nil {
				return usage("%q is no number of a telegram", args[0])
			}
			for flag, to := range map[string]struct {
				field **string
				value *string
			}{"title": {&change.Title, &title}, "summary": {&change.Summary, &summary}, "language": {&change.Language, &language}} {
				if cmd.Flags().Changed(flag) {
					*to.field = to.value
				}
			}
			_, o, err := a.at(cmd.Context())
			if err != nil {
				return err
			}
			defer o.close()
			s, err := find(cmd.Context(), o, uint32(n), year, in, out)
			if err != nil {
				return err
			}
			var filed filedNow
			if err := o.do(cmd.Context(), "file", toFile{s.Way, s.Year, s.Number, change}, &filed); err != nil {
				return fmt.Errorf("%w. Nothing was filed now; what was filed before stands", err)
			}
			return a.say(filed, "%s", filed.words(a.dir))
		},
	}
	f := c.Flags()
	f.StringArrayVar(&change.At, "at", nil, "a `place` where it lies; may be given several times")
	f.StringArrayVar(&change.Withdraw, "withdraw", nil, "a `place` where it does not lie after all")
	f.StringVar(&title, "title", "", "its `title`, in place of the one that is made of the telegram")
	f.StringVar(&summary, "summary", "", "what it says, in a few `words`; a blank line parts paragraphs")
	f.StringVar(&language, "language", "", "the original `language`, as in ru or Russian")
	f.BoolVar(&in, "in", false, "one that was received")
	f.BoolVar(&out, "out", false, "one that was sent")
	f.IntVar(&year, "year", 0, "the `year` of the number, when it is not this one")
	return c
}

func (f *filedNow) words(dir string) string {
	way := "sent"
	if f.Way == archive.In {
		way = "received"
	}
	first := fmt.Sprintf("Number %s (%s) is filed.", telegram.NumberText(f.Number), way)
	if !f.New {
		first = fmt.Sprintf("Number %s (%s) is filed so already; nothing was entered.", telegram.NumberText(f.Number), way)
	}
	return fmt.Sprintf("%s\n%sNext: see its record:  chancery show %s --%s --year %d --record --dir %s\n", first, filingWords(f.Filing), telegram.NumberText(f.Number), f.Way, f.Year, dir)
}

// filingWords tells how a telegram is filed, and what was said before.
func filingWords(f *post.Filing) string {
	var b strings.Builder
	for _, l := range f.Locations {
		fmt.Fprintf(&b, "filed at %s\n", l.Short())
	}
	for _, h := range f.History {
		fmt.Fprintf(&b, "before (entry %d, %s): %s\n", h.Entry, h.At.Format("2006-01-02 15:04Z"), strings.Join(differing(&h, f), "; "))
	}
	return b.String()
}

// differing names what an earlier description said otherwise than the one in force.
func differing(h, now *post.Filing) (said []string) {
	var places []string
	for _, l := range h.Locations {
		places = append(places, l.Short())
	}
	said = append(said, "at "+strings.Join(places, " and "))
	for _, x := range []struct{ what, was, is string }{{"title", h.Title, now.Title}, {"summary", h.Summary, now.Summary}, {"language", h.Language, now.Language}} {
		if x.was != x.is {
			said = append(said, fmt.Sprintf("%s %q", x.what, x.was))
		}
	}
	return said
}

// sayRecord prints the record of a filed telegram.
func (a *app) sayRecord(f *folder, s *post.Shown) error {
	if s.Filing == nil {
		return fmt.Errorf("number %s has no record yet: say where it lies with  chancery file %s --%s --at 'ARCHIVE, f. 1, op. 2, d. 3, l. 4'", telegram.NumberText(s.Number), telegram.NumberText(s.Number), s.Way)
	}
	name := f.config.Archive
	if name == "" {
		name = s.Post
	}
	r := archive.NewRecord(name, &s.Telegram, &s.Filing.Description)
	return a.say(r, "%s", r)
}
