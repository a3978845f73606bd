package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"chancery.example/chancery/directory"
	"chancery.example/chancery/post"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/telegram"
	"github.com/spf13/cobra"
)

// issuing is what the commands of issue share: who signs, and the file that the second administrator gets.
type issuing struct {
	asOfficer
	out  string
	role string // of who signs, when it is not administrator
}

func (i *issuing) command(c *cobra.Command) *cobra.Command {
	i.flags(c)
	c.Flags().StringVar(&i.out, "out", "", "`file` for the second administrator, made anew")
	if err := c.MarkFlagRequired("out"); err != nil {
		panic(err)
	}
	return c
}

func (a *app) issueCommand() *cobra.Command {
	return group("issue", "State who works at this post, within its grant: two administrators together", "  chancery issue office CONSUL --out consul.txt --dir moscow",
		a.issuePersonCommand(), a.issueOfficeCommand(), a.issueRolesCommand(), a.issueKeyCommand(), a.issueHandoverCommand(), a.issueEndCommand(),
		a.issueLostCommand(), a.issueMinimizeCommand(), a.issueSignCommand(), a.suspendCommand(), a.checkedCommand(), a.letterKeyCommand())
}

// nextSecond names the second administrator's step.
func (a *app) nextSecond(out string) string {
	return fmt.Sprintf("Next: the second officer looks at it and signs:  chancery issue sign %s --dir %s\n", out, a.dir)
}

// issue makes statements, signs them as the first administrator and writes them for the second.
func (a *app) issue(ctx context.Context, i *issuing, words string, build func(f *folder, d *directory.Directory) ([]directory.Statement, error)) error {
	f, o, err := a.at(ctx)
	if err != nil {
		return err
	}
	defer o.close()
	d, err := directoryOf(ctx, o)
	if err != nil {
		return err
	}
	s, err := a.officer(ctx, f, o, &i.asOfficer, cmp.Or(i.role, administrator))
	if err != nil {
		return fmt.Errorf("%w. Nothing was issued", err)
	}
	statements, err := build(f, d)
	if err != nil {
		return fmt.Errorf("%w. Nothing was issued", err)
	}
	number := d.NextIssue(f.config.Name)
	people := []uint32{}
	for n, x := range statements {
		if p, ok := x.(directory.Person); ok {
			people = append(people, p.Number)
		}
		y := directory.Issued{Statement: x, Post: f.config.Name, Number: number + n}
		switch x.(type) {
		case directory.Suspend, directory.Minimize: // entered when they are needed, and not counted
			y.Post, y.Number = "", 0
		}
		if statements[n], err = countersigned(d, y, s); err != nil {
			return err
		}
	}
	if err := a.keepPassphrases(); err != nil {
		return err
	}
	if err := writeNew(i.out, directory.Application(statements...)); err != nil {
		return fmt.Errorf("writing %s: %w", i.out, err)
	}
	return a.say(map[string]any{"file": i.out, "issued": texts(statements), "people": people, "by": []uint32{s.Person}}, "%s, signed by person %d, is in %s. It is not in force yet.\n%s", words, s.Person, i.out, a.nextSecond(i.out))
}

// directoryOf is the post's directory.
func directoryOf(ctx context.Context, o office) (*directory.Directory, error) {
	var out struct{ File []byte }
	if err := o.do(ctx, "directory", none{}, &out); err != nil {
		return nil, err
	}
	return directory.Parse(out.File)
}

// countersigned adds an officer's signature to what is issued, in the order of numbers.
func countersigned(d *directory.Directory, i directory.Issued, s *personSecret) (directory.Issued, error) {
	if slices.ContainsFunc(i.By, func(x directory.Issuer) bool { return x.Key.Person == s.Person }) {
		return i, fmt.Errorf("person %d has signed it already: it takes another", s.Person)
	}
	signer, err := s.signer()
	if err != nil {
		return i, err
	}
	i.By = append(slices.Clone(i.By), directory.Issuer{Key: s.ref(), Signature: vouch(signer, telegram.LabelIssue, d.Fingerprint().ToIssue(i))})
	slices.SortFunc(i.By, func(a, b directory.Issuer) int { return int(int64(a.Key.Person) - int64(b.Key.Person)) })
	return i, nil
}

// texts are statements for people: their fields, without keys and signatures.
func texts(statements []directory.Statement) (out []string) {
	for _, s := range statements {
		var fields []string
		for _, l := range strings.Split(strings.TrimSuffix(string(s.Text()), "\n"), "\n") {
			if len(l) < 100 && !strings.Contains(l, " ed25519 ") && !strings.HasPrefix(l, "ed25519 ") {
				fields = append(fields, l)
			}
		}
		out = append(out, strings.Join(fields, "; "))
	}
	return out
}

func (a *app) issuePersonCommand() *cobra.Command {
	var i issuing
	return i.command(&cobra.Command{
		Use: "person ROLES --out FILE", Short: "Issue a person with a number and a key",
		Long: `Makes a person's number and key file, and states both. ROLES are joined with +, as in drafter+releaser; the grant says which
this post may give. Only the root officers make administrators and duty officers.`,
		Example: "  chancery issue person drafter+releaser --out new.txt --dir moscow",
		Args:    exactly("ROLES"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.issue(cmd.Context(), &i, "A new person", func(f *folder, _ *directory.Directory) ([]directory.Statement, error) {
				_, ss, err := a.makePerson(f, args[0])
				return ss, err
			})
		},
	})
}

func (a *app) issueOfficeCommand() *cobra.Command {
	var i issuing
	return i.command(&cobra.Command{
		Use: "office NAME --out FILE", Short: "Issue an office of this post, to which others can write",
		Example: "  chancery issue office CONSUL --out consul.txt --dir moscow",
		Args:    exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.issue(cmd.Context(), &i, "The office "+args[0], func(f *folder, _ *directory.Directory) ([]directory.Statement, error) {
				addr, err := telegram.ParseAddress(args[0] + "@" + f.config.Name)
				return []directory.Statement{directory.Office{Address: addr}}, err
			})
		},
	})
}

func (a *app) issueRolesCommand() *cobra.Command {
	var i issuing
	return i.command(&cobra.Command{
		Use: "roles PERSON ROLES --out FILE", Short: "Say what a person may do from now on",
		Example: "  chancery issue roles 40718233 drafter --out roles.txt --dir moscow",
		Args:    exactly("PERSON", "ROLES"),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := rolesStatement(args[0], args[1])
			if err != nil {
				return err
			}
			return a.issue(cmd.Context(), &i, "The roles of person "+args[0], func(*folder, *directory.Directory) ([]directory.Statement, error) {
				return []directory.Statement{s}, nil
			})
		},
	})
}

func rolesStatement(who, roles string) (directory.Roles, error) {
	n, err := personNumber(who)
	if err != nil {
		return directory.Roles{}, err
	}
	r, err := parseRoles(roles)
	return directory.Roles{Person: n, From: wholeSecond(), Roles: r}, err
}

func personNumber(s string) (uint32, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n == 0 {
		return 0, usage("%q is no person's number; chancery people lists them", s)
	}
	return uint32(n), nil
}

func wholeSecond() time.Time { return time.Now().UTC().Truncate(time.Second) }

func (a *app) issueKeyCommand() *cobra.Command {
	var i issuing
	return i.command(&cobra.Command{
		Use: "key PERSON --out FILE", Short: "Issue a person's next key, for which the one before signs",
		Long: `Makes the person's next key and states it, signed by the key before. What that one signed until now stands. Without the key
before, the root officers state a new one: it shows as a key without continuity until somebody confirms it another way.`,
		Example: "  chancery issue key 40718233 --out key.txt --dir moscow",
		Args:    exactly("PERSON"),
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := personNumber(args[0])
			if err != nil {
				return err
			}
			return a.issue(cmd.Context(), &i, "The next key of person "+args[0], func(f *folder, d *directory.Directory) ([]directory.Statement, error) {
				k, err := a.nextKey(f, d, n)
				return []directory.Statement{k}, err
			})
		},
	})
}

// nextKey makes a person's next key and its file beside the one before, which signs for it.
func (a *app) nextKey(f *folder, d *directory.Directory, person uint32) (k directory.Key, err error) {
	had := len(d.Keys(person))
	before := keyName(person, had)
	pass, err := a.passphrase(before)
	if err != nil {
		return k, err
	}
	var old personSecret
	if err := readSecret(f.file("keys", before+".age"), pass, &old); err != nil {
		return k, err
	}
	if int(old.Key) != had || old.Person != person {
		return k, fmt.Errorf("%s is not key %d of person %d", f.file("keys", before+".age"), had, person)
	}
	oldSigner, err := old.signer()
	if err != nil {
		return k, err
	}
	signer := seal.NewSigner()
	k = directory.Key{Ref: telegram.KeyRef{Person: person, Key: uint16(had + 1)}, Key: publicKey(signer), After: uint16(had), From: wholeSecond()}
	k.Signature, k.Continuity = vouch(signer, telegram.LabelKey, k.Body()), vouch(oldSigner, telegram.LabelKey, k.Body())
	name := keyName(person, had+1)
	given, err := a.givePassphrase(name)
	if err != nil {
		return k, err
	}
	return k, writeSecret(f.file("keys", name+".age"), given, &personSecret{person, k.Ref.Key, signer.Seed()})
}

func (a *app) issueHandoverCommand() *cobra.Command {
	var i issuing
	var deputies []string
	c := i.command(&cobra.Command{
		Use: "handover OFFICE [PERSON] --out FILE", Short: "Hand an office over to a person, or to nobody, and name who stands in",
		Long: `States who has the office from now on, and who stands in. It prints what is open at the office: orders that are asked of this post, which
the next holder takes over.`,
		Example: "  chancery issue handover CONSUL 40718233 --deputy 51928374 --out handover.txt --dir moscow",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 2 {
				return usage("issue handover takes an office, and who has it from now on")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			var h directory.Holder
			if len(args) == 2 {
				if h.Person, err = personNumber(args[1]); err != nil {
					return err
				}
			}
			for _, x := range deputies {
				n, err := personNumber(x)
				if err != nil {
					return err
				}
				h.Deputies = append(h.Deputies, n)
			}
			if err := a.leaves(cmd.Context(), 0); err != nil {
				return err
			}
			return a.issue(cmd.Context(), &i, "The handover of "+args[0], func(f *folder, _ *directory.Directory) ([]directory.Statement, error) {
				h.Office, err = telegram.ParseAddress(args[0] + "@" + f.config.Name)
				return []directory.Statement{h}, err
			})
		},
	})
	c.Flags().StringSliceVar(&deputies, "deputy", nil, "`person` who stands in; give it again for more, in their order")
	return c
}

func (a *app) issueEndCommand() *cobra.Command {
	var i issuing
	var why string
	c := i.command(&cobra.Command{
		Use: "end SUBJECT --why TEXT --out FILE", Short: "End a person or an office of this post",
		Long: `SUBJECT is "person 40718233" or "office CONSUL@MOSCOW". What was signed before stands. Of a person it prints the leaver's
report: the numbered copies he holds, offices he has, drafts and orders that are open.`,
		Example: `  chancery issue end "person 40718233" --why left --out end.txt --dir moscow`,
		Args:    exactly("SUBJECT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			of, err := directory.ParseSubject(args[0])
			if err != nil {
				return usage("%w", err)
			}
			if of.Person != 0 {
				if err := a.leaves(cmd.Context(), of.Person); err != nil {
					return err
				}
			}
			return a.issue(cmd.Context(), &i, "The end of "+args[0], func(*folder, *directory.Directory) ([]directory.Statement, error) {
				return []directory.Statement{directory.End{Of: of, At: wholeSecond(), Why: why}}, nil
			})
		},
	})
	c.Flags().StringVar(&why, "why", "left", "the reason, in a few words")
	return c
}

func (a *app) issueLostCommand() *cobra.Command {
	var i issuing
	return i.command(&cobra.Command{
		Use: "lost --out FILE", Short: "Sign in advance that this post is lost, for somebody else to keep and enter",
		Long: `Makes the statement that suspends this whole post. Two administrators sign it on a quiet day, and the file is kept elsewhere: at the
ministry, in a safe. On the day it is needed whoever has it enters it with  chancery directory adopt FILE  at any post. Only the root
officers take it back; then a new one is made.`,
		Example: "  chancery issue lost --out lost.txt --dir moscow",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.issue(cmd.Context(), &i, "The word that this post is lost", func(f *folder, _ *directory.Directory) ([]directory.Statement, error) {
				return []directory.Statement{directory.Suspend{Of: directory.Subject{Post: f.config.Name}, At: wholeSecond(), Why: "post lost"}}, nil
			})
		},
	})
}

func (a *app) issueSignCommand() *cobra.Command {
	var who asOfficer
	var yes bool
	c := &cobra.Command{
		Use: "sign FILE", Short: "Sign as the second administrator what the first issued",
		Long:    "Shows what the file states, asks, and adds this administrator's signatures to it. Then it can be adopted.",
		Example: "  chancery issue sign new.txt --dir moscow",
		Args:    exactly("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.signIssued(cmd.Context(), args[0], &who, yes)
		},
	}
	who.flags(c)
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return c
}

func (a *app) signIssued(ctx context.Context, file string, who *asOfficer, yes bool) error {
	b, err := readFile(file, mostApplied)
	if err != nil {
		return err
	}
	statements, err := directory.ParseApplication(b)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	f, o, err := a.at(ctx)
	if err != nil {
		return err
	}
	defer o.close()
	d, err := directoryOf(ctx, o)
	if err != nil {
		return err
	}
	for _, t := range texts(statements) {
		fmt.Fprintf(a.err, "%s\n", t)
	}
	if !yes {
		if err := a.ask("Sign this? Type yes: "); err != nil {
			return fmt.Errorf("%w; %s is as it was", err, file)
		}
	}
	s, err := a.officer(ctx, f, o, a.second(who, statements), secondRole(statements))
	if err != nil {
		return fmt.Errorf("%w; %s is as it was", err, file)
	}
	for n, x := range statements {
		i, ok := x.(directory.Issued)
		if !ok {
			return fmt.Errorf("%s: a statement there was not issued by anybody: an application of a new post goes to the directory's keeper", file)
		}
		if statements[n], err = countersigned(d, i, s); err != nil {
			return fmt.Errorf("%w; %s is as it was", err, file)
		}
	}
	if _, err := d.Enter(statements...); err != nil {
		return fmt.Errorf("it cannot stand: %w; %s is as it was", err, file)
	}
	if err := replaceFile(file, directory.Application(statements...)); err != nil {
		return err
	}
	return a.say(map[string]any{"file": file, "issued": texts(statements), "by": s.Person}, "%d statements in %s are signed by person %d too.\nNext: the post adopts them:  chancery directory adopt %s --dir %s\n",
		len(statements), file, s.Person, file, a.dir)
}

const administrator = "administrator"

// secondRole is the role of who signs second.
func secondRole(statements []directory.Statement) string {
	for _, s := range statements {
		if i, ok := s.(directory.Issued); ok {
			if _, minimize := i.Statement.(directory.Minimize); minimize {
				return minimizers
			}
		}
	}
	return administrator
}

// second names the one administrator who has not signed, when the folder has the keys of both.
func (a *app) second(who *asOfficer, statements []directory.Statement) *asOfficer {
	w := *who
	for _, s := range statements {
		if i, ok := s.(directory.Issued); ok {
			for _, by := range i.By {
				w.not = append(w.not, by.Key.Person)
			}
		}
	}
	return &w
}

// leaves prints what a person, or with 0 the whole post, leaves open: the leaver's report.
func (a *app) leaves(ctx context.Context, person uint32) error {
	_, o, err := a.at(ctx)
	if err != nil {
		return err
	}
	defer o.close()
	var left post.Leaving
	if err := o.do(ctx, "leaving", struct{ Person uint32 }{person}, &left); err != nil {
		return err
	}
	fmt.Fprint(a.err, left.Words())
	return nil
}
