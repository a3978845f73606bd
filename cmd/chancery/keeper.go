package main

import (
	"encoding/base64"
	"fmt"
	"os"
	"strconv"
	"strings"

	"chancery.example/chancery/directory"
	"chancery.example/chancery/telegram"
	"github.com/spf13/cobra"
)

// What the directory's keepers state for the root officers to sign.

// state makes a directory's file longer.
func (a *app) state(file string, statements ...directory.Statement) error {
	d, err := readDirectory(file)
	if err != nil {
		return err
	}
	longer, err := d.Append(statements...)
	if err != nil {
		return fmt.Errorf("%w. The directory is as it was", err)
	}
	if err := replaceFile(file, longer.Marshal()); err != nil {
		return err
	}
	return a.say(map[string]any{"directory": file, "stated": texts(statements), "statements": longer.Size()},
		"Stated in %s: %s. Nobody has signed it yet.\nNext: its root officers sign it:  chancery directory sign %s KEY\n", file, strings.Join(texts(statements), " | "), file)
}

func (a *app) keeperCommands() []*cobra.Command {
	var g directory.Grant
	var roles string
	grant := &cobra.Command{
		Use: "grant FILE POST --offices N --people N --roles ROLES", Short: "Let a post's two administrators issue its people and offices, within bounds",
		Example: "  chancery directory grant directory.txt MOSCOW --offices 5 --people 40 --roles drafter+releaser",
		Args:    exactly("FILE", "POST"),
		RunE: func(_ *cobra.Command, args []string) (err error) {
			g.Post = args[1]
			if g.Roles, err = parseRoles(roles); err != nil {
				return err
			}
			return a.state(args[0], g)
		},
	}
	grant.Flags().IntVar(&g.Offices, "offices", 5, "how many offices may be in force")
	grant.Flags().IntVar(&g.People, "people", 20, "how many people may be in force")
	grant.Flags().StringVar(&roles, "roles", "drafter+releaser", "what they may give, joined with +: of drafter, releaser, alone, flash, override")
	rolesOf := &cobra.Command{
		Use: "roles FILE PERSON ROLES", Short: "Say what a person may do from now on: also administrator and duty",
		Example: "  chancery directory roles directory.txt 40718233 drafter+administrator",
		Args:    exactly("FILE", "PERSON", "ROLES"),
		RunE: func(_ *cobra.Command, args []string) error {
			s, err := rolesStatement(args[1], args[2])
			if err != nil {
				return err
			}
			return a.state(args[0], s)
		},
	}
	restore := &cobra.Command{
		Use: "restore FILE SUBJECT", Short: "Restore a person, an office or a post that was suspended",
		Example: `  chancery directory restore directory.txt "post BEIJING"`,
		Args:    exactly("FILE", "SUBJECT"),
		RunE: func(_ *cobra.Command, args []string) error {
			of, err := directory.ParseSubject(args[1])
			if err != nil {
				return usage("%w", err)
			}
			return a.state(args[0], directory.Restore{Of: of})
		},
	}
	return []*cobra.Command{grant, rolesOf, restore, a.reserveCommand(), a.revokeCommand(), a.directoryEndCommand(), a.directoryWriteCommand()}
}

func (a *app) revokeCommand() *cobra.Command {
	var below string
	c := &cobra.Command{
		Use: "revoke FILE KEY", Short: "Revoke a person's key, from a checkpoint of his post's register on",
		Long: `KEY is as in 40718233/1. --below names the checkpoint of the post's register below which its signatures stand, by its size and root hash,
as chancery register verify prints them; without it nothing stands that the key signed.`,
		Example: `  chancery directory revoke directory.txt 40718233/1 --below "1482 u6q4D4haF45rPL3RQmNmtxXzNNX7ftIDinu2jqxgcz8="`,
		Args:    exactly("FILE", "KEY"),
		RunE: func(_ *cobra.Command, args []string) error {
			r := directory.Revoke{}
			var err error
			if r.Key, err = parseKeyRef(args[1]); err != nil {
				return err
			}
			if below != "" {
				size, root, _ := strings.Cut(below, " ")
				n, err := strconv.ParseInt(size, 10, 64)
				b, err2 := base64.StdEncoding.DecodeString(root)
				if err != nil || err2 != nil || n < 1 || len(b) != 32 {
					return usage("--below %q: write the size and the root hash of a checkpoint", below)
				}
				r.Size, r.Root = n, [32]byte(b)
			}
			return a.state(args[0], r)
		},
	}
	c.Flags().StringVar(&below, "below", "", "the `checkpoint` below which its signatures stand, as in \"1482 u6q4…\"")
	return c
}

func parseKeyRef(s string) (telegram.KeyRef, error) {
	person, key, ok := strings.Cut(s, "/")
	p, err := strconv.ParseUint(person, 10, 32)
	k, err2 := strconv.ParseUint(key, 10, 16)
	if !ok || err != nil || err2 != nil || p == 0 || k == 0 {
		return telegram.KeyRef{}, usage("%q is no key such as 40718233/1", s)
	}
	return telegram.KeyRef{Person: uint32(p), Key: uint16(k)}, nil
}

func (a *app) directoryEndCommand() *cobra.Command {
	var why string
	c := &cobra.Command{
		Use: "end FILE SUBJECT --why TEXT", Short: "End a person or an office, administrators too",
		Example: `  chancery directory end directory.txt "person 40718233" --why dismissed`,
		Args:    exactly("FILE", "SUBJECT"),
		RunE: func(_ *cobra.Command, args []string) error {
			of, err := directory.ParseSubject(args[1])
			if err != nil {
				return usage("%w", err)
			}
			return a.state(args[0], directory.End{Of: of, At: wholeSecond(), Why: why})
		},
	}
	c.Flags().StringVar(&why, "why", "left", "the reason, in a few words")
	return c
}

func (a *app) directoryWriteCommand() *cobra.Command {
	return &cobra.Command{
		Use: "write FILE --dir FOLDER", Short: "Write the post's directory into a file, with all that was issued since it was signed",
		Long: `The file can be carried to another post, or to the root officers: chancery directory admit FILE takes what was issued under the next
checkpoint, and they sign it.`,
		Example: "  chancery directory write directory.txt --dir moscow",
		Args:    exactly("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			_, o, err := a.at(cmd.Context())
			if err != nil {
				return err
			}
			defer o.close()
			d, err := directoryOf(cmd.Context(), o)
			if err != nil {
				return err
			}
			if _, err := os.Stat(args[0]); err == nil {
				return fmt.Errorf("%s is there already. Nothing was written", args[0])
			}
			if err := writeNew(args[0], d.Marshal()); err != nil {
				return err
			}
			return a.say(map[string]any{"file": args[0], "statements": d.Total(), "signed": d.Size()}, "%d statements are in %s, of which the root officers have signed %d.\nNext: have them sign the rest:  chancery directory admit %s\n", d.Total(), args[0], d.Size(), args[0])
		},
	}
}
