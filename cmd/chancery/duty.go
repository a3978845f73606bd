package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"chancery.example/chancery/directory"
	"github.com/spf13/cobra"
)

// atOnce signs a statement that takes one signature, and has the post adopt it.
func (a *app) atOnce(ctx context.Context, who *asOfficer, role string, s directory.Statement) (adopted, *personSecret, error) {
	f, o, err := a.at(ctx)
	if err != nil {
		return adopted{}, nil, err
	}
	defer o.close()
	d, err := directoryOf(ctx, o)
	if err != nil {
		return adopted{}, nil, err
	}
	secret, err := a.officer(ctx, f, o, who, role)
	if err != nil {
		return adopted{}, nil, err
	}
	i, err := countersigned(d, directory.Issued{Statement: s}, secret)
	if err != nil {
		return adopted{}, nil, err
	}
	var out adopted
	err = o.do(ctx, "adopt", struct{ File []byte }{directory.Application(i)}, &out)
	return out, secret, err
}

func (a *app) suspendCommand() *cobra.Command {
	var who asOfficer
	var why string
	c := &cobra.Command{
		Use: "suspend SUBJECT --why TEXT", Short: "Stop a person, an office or a post at once, as duty officer",
		Long: `SUBJECT is "person 40718233", "office CONSUL@MOSCOW" or "post MOSCOW". It is in force here at once, and the post tells every other that it
exchanges telegrams with. Only the root officers restore what was suspended.`,
		Example: `  chancery issue suspend "post BEIJING" --why "the post is surrounded" --dir moscow`,
		Args:    exactly("SUBJECT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			of, err := directory.ParseSubject(args[0])
			if err != nil {
				return usage("%w", err)
			}
			out, s, err := a.atOnce(cmd.Context(), &who, "duty", directory.Suspend{Of: of, At: wholeSecond(), Why: why})
			if err != nil {
				return fmt.Errorf("%w. Nobody was suspended", err)
			}
			return a.say(out, "The %v is suspended by duty officer %d, and the other posts are told.\nNext: call the root officers; only they restore:  chancery directory restore FILE \"%v\"\n", of, s.Person, of)
		},
	}
	who.flags(c)
	c.Flags().StringVar(&why, "why", "", "the reason, in a few words")
	return c
}

func (a *app) checkedCommand() *cobra.Command {
	var who asOfficer
	var how string
	c := &cobra.Command{
		Use: "checked SUBJECT --how TEXT", Short: "Record that a key was compared by another way than the directory",
		Long: `SUBJECT is "key 40718233/2" or "post BEIJING". Compare the key's digest, as chancery directory show prints it, with the one its holder
reads to you. --how is one of: ` + strings.Join(directory.Ways(), ", ") + `. A key without continuity is warned of until this is done.`,
		Example: `  chancery issue checked "key 40718233/2" --how telephone --dir moscow`,
		Args:    exactly("SUBJECT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := directory.ParseChecked(args[0], how, wholeSecond())
			if err != nil {
				return usage("%w", err)
			}
			out, secret, err := a.atOnce(cmd.Context(), &who, "administrator", s)
			if err != nil {
				return fmt.Errorf("%w. Nothing was recorded", err)
			}
			return a.say(out, "Recorded: %s was checked (%s) by person %d.\nNext: see it:  chancery people --dir %s\n", args[0], how, secret.Person, a.dir)
		},
	}
	who.flags(c)
	c.Flags().StringVar(&how, "how", "", "how it was compared")
	return c
}

func (a *app) letterKeyCommand() *cobra.Command {
	return &cobra.Command{
		Use: "letter-key", Short: "Make this post's next letter key, to which others seal",
		Long: `Makes a letter key that is valid from now for a year, keeps it in the post's key file beside the ones before, and states it. The other
posts are told by themselves. Stop chancery serve before, and start it afterwards: it reads its keys once.`,
		Example: "  chancery issue letter-key --dir moscow",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, err := openFolder(a.dir)
			if err != nil {
				return err
			}
			if c := dialOffice(f); c != nil {
				return errors.New("chancery serve runs at this post, and reads its keys once: stop it first. Nothing was changed")
			}
			return a.nextLetterKey(cmd.Context(), f)
		},
	}
}
