// Command chancery runs a post, and is the hand of the people who work at one: see chancery --help.
//
// What is printed where: what a command did goes to standard output, in words or with --json as one JSON value; progress, questions
// and errors go to standard error. An error says what happened, what was kept and what to do. The exit code is 0 when it was done, 1 when it was
// refused or failed, 2 when the command line is wrong, 3 when a proof does not hold, 4 when somebody else has the folder or the database.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"chancery.example/chancery/store"
	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// The exit codes.
const (
	exitFailed   = 1
	exitUsage    = 2
	exitUnproved = 3
	exitBusy     = 4
)

// coded is an error with its exit code.
type coded struct {
	error
	code int
}

func (c coded) Unwrap() error { return c.error }

func usage(format string, a ...any) error { return coded{fmt.Errorf(format, a...), exitUsage} }

func exitCode(err error) int {
	var c coded
	switch {
	case err == nil:
		return 0
	case errors.As(err, &c):
		return c.code
	case errors.Is(err, store.ErrBusy):
		return exitBusy
	}
	return exitFailed
}

// app is what all commands share.
type app struct {
	in         io.Reader
	out, err   io.Writer
	json       bool
	dir        string   // the post's folder
	officerDir string   // an officer's own folder, on his own machine
	secrets    string   // file with passphrases
	given      []string // lines for that file, of keys that are being made
}

func run(ctx context.Context, args []string, in io.Reader, out, errw io.Writer) int {
	a := &app{in: in, out: out, err: errw}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errw)
	err := root.ExecuteContext(ctx)
	if err != nil {
		if _, isUsage := err.(coded); !isUsage && strings.HasPrefix(err.Error(), "unknown command") {
			err = usage("%w; see  chancery --help", err)
		}
		fmt.Fprintf(errw, "chancery: %v\n", err)
	}
	return exitCode(err)
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "chancery",
		Short: "Official ciphered telegrams: drafted, released, numbered, sealed, carried, receipted and proved",
		Long: `Chancery carries official ciphered telegrams from the drafter's desk to the report that it was done.

A post is one folder. Make the directory's root officers (directory new), make a post (init), have it
admitted (directory admit, sign), let the post adopt the directory (directory adopt), and serve it.
Then people draft, release, read, and answer: acknowledge, part-done, more-time, conveyed, fulfil, cannot-comply. What was sent they
cancel, correct or repeat; what was received they readdress.`,
		Example:       "  chancery demo          carries a telegram between three posts on this machine and shows each stage",
		SilenceErrors: true, SilenceUsage: true,
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return usage("%w; see  %s --help", err, c.CommandPath()) })
	f := root.PersistentFlags()
	f.BoolVar(&a.json, "json", false, "print one JSON value in place of words")
	f.StringVarP(&a.dir, "dir", "d", ".", "the post's `folder`")
	f.StringVar(&a.officerDir, "officer", "", "an officer's own `folder`, on his own machine, in place of the post's")
	f.StringVar(&a.secrets, "passphrase-file", "", "`file` of lines «key: passphrase»; without it you are asked at the terminal")
	root.AddCommand(a.initCommand(), a.joinCommand(), a.cardCommand(), a.directoryCommand(), a.issueCommand(), a.peopleCommand(), a.serveCommand(), a.hubCommand(), a.officerCommand(), a.stdioCommand(),
		a.draftCommand(), a.editCommand(), a.historyCommand(), a.clearCommand(), a.returnCommand(), a.releaseCommand(),
		a.inboxCommand(), a.alarmsCommand(), a.showCommand(), a.attachmentCommand(), a.statusCommand(), a.traceCommand(), a.watchCommand(), a.circuitsCommand(), a.ordersCommand(), a.precedenceCommand(), a.acknowledgeCommand(), a.partDoneCommand(), a.conveyedCommand(),
		a.moreTimeCommand(), a.grantTimeCommand(), a.fulfilCommand(), a.cannotComplyCommand(),
		a.cancelCommand(), a.correctCommand(), a.repeatCommand(), a.readdressCommand(),
		a.holderCommand(), a.holdersCommand(), a.copiesCommand(), a.copyCommand(), a.coverCommand(),
		a.fileCommand(), a.discloseCommand(), a.registerCommand(), a.verifyCommand(), a.horizonCommand(), a.importCommand(), a.demoCommand(), a.manCommand(root))
	return root
}

// where names the place a command works at, as its flag.
func (a *app) where() string {
	if a.officerDir != "" {
		return "--officer " + a.officerDir
	}
	return "--dir " + a.dir
}

// served names the post's folder, as its flag, where it is known.
func (a *app) served() string {
	if a.officerDir != "" {
		return "--dir FOLDER"
	}
	return "--dir " + a.dir
}

// say prints what a command did: v as JSON, or the words.
func (a *app) say(v any, words string, args ...any) error {
	if a.json {
		e := json.NewEncoder(a.out)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(v)
	}
	_, err := fmt.Fprintf(a.out, words, args...)
	return err
}

// exactly says which arguments a command takes.
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == len(names) {
			return nil
		}
		takes := strings.Join(names, " ")
		if takes == "" {
			takes = "no arguments, only flags"
		}
		return usage("%s takes %s; see  %s --help", cmd.CommandPath(), takes, cmd.CommandPath())
	}
}

// group is a command that only has others. Without this a misspelt one would print the help and exit as if it had been done.
func group(name, short, example string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: name, Short: short, Example: example, RunE: func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		return usage("unknown command %q for %q; see  %s --help", args[0], cmd.CommandPath(), cmd.CommandPath())
	}}
	c.AddCommand(commands...)
	return c
}
