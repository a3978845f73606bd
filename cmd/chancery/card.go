package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"chancery.example/chancery/directory"
	"chancery.example/chancery/telegram"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// cardSecret is what the keeper's file of a card holds.
type cardSecret struct {
	Card    string    `json:"card"` // the post's name
	Words   []string  `json:"words"`
	Root    string    `json:"root"`
	Expires time.Time `json:"expires"`
}

// cardLife is how long a card can be used.
const cardLife = 30 * 24 * time.Hour

func (a *app) cardCommand() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use: "new POST DIRECTORY --out FILE", Short: "Make a card of eight words for a new post",
		Long: `Prints a card: eight words and the fingerprint of the directory's root. Somebody carries it to the new post by hand; who has seen it can pass for
that post until it is used. The keeper's half is kept in FILE under a passphrase, for thirty days and for one use.`,
		Example: "  chancery card new BEIJING directory.txt --out card-beijing.age",
		Args:    exactly("POST", "DIRECTORY"),
		RunE:    func(_ *cobra.Command, args []string) error { return a.newCard(args[0], args[1], out) },
	}
	c.Flags().StringVar(&out, "out", "", "`file` for the keeper's half, made anew")
	if err := c.MarkFlagRequired("out"); err != nil {
		panic(err)
	}
	return group("card", "Let a new post join by a card of eight words, carried by hand and read back", "  chancery card new BEIJING directory.txt --out card-beijing.age", c)
}

func cardName(file string) string { return strings.TrimSuffix(filepath.Base(file), ".age") }

func (a *app) newCard(name, file, out string) error {
	if err := telegram.CheckPostName(name); err != nil {
		return usage("%w", err)
	}
	d, err := readDirectory(file)
	if err != nil {
		return err
	}
	if _, ok := d.Post(name); ok {
		return fmt.Errorf("the directory has a post %s already. No card was made", name)
	}
	card := directory.NewCard()
	s := cardSecret{Card: name, Words: card.Words(), Root: d.Fingerprint().String(), Expires: wholeSecond().Add(cardLife)}
	pass, err := a.givePassphrase(cardName(out))
	if err != nil {
		return err
	}
	if err := writeSecret(out, pass, &s); err != nil {
		return err
	}
	if err := a.keepPassphrases(); err != nil {
		return err
	}
	return a.say(s, "Card for %s, good until %s. Carry it there by hand, and let nobody copy it:\n\n    %s\n    %s\n\n    root %s\n\nNext: the post joins with it:  chancery join %s --card FILE --root %s --office OFFICE --dir FOLDER\n",
		name, s.Expires.Format("2006-01-02"), strings.Join(s.Words[:4], " "), strings.Join(s.Words[4:], " "), s.Root, name, s.Root)
}

func (a *app) joinCommand() *cobra.Command {
	var o initOptions
	var card string
	c := a.initFlags(&o, &cobra.Command{
		Use:   "join POST --card FILE --dir FOLDER --root FINGERPRINT --office OFFICE",
		Short: "Make a post as init does, with the card it was brought",
		Long: `Does what chancery init does, and makes the application with the card's eight words, so that nobody on its way can put other keys into it. FILE holds
the words; without --card they are asked for at the terminal. It prints eight other words: the post reads them to the directory's keeper, by a
telephone or in person, and he compares them.`,
		Example: "  chancery join BEIJING --card card.txt --dir beijing --root 8d80… --office AMBASSADOR --hub tls://hub.example:4222 --hub-key 3f2a…",
		Args:    exactly("POST"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Name = args[0]
			words, err := a.cardWords(card)
			if err != nil {
				return err
			}
			if o.card, err = directory.ParseCard(words); err != nil {
				return fmt.Errorf("%w. Nothing was made", err)
			}
			o.joins = true
			return a.init(cmd.Context(), &o)
		},
	})
	c.Flags().StringVar(&card, "card", "", "`file` with the card's words")
	return c
}

// cardWords reads the words from a file or at the terminal, where they are not shown.
func (a *app) cardWords(file string) (string, error) {
	if file != "" {
		f, err := os.Open(file)
		if err != nil {
			return "", fmt.Errorf("reading the card: %w", err)
		}
		defer f.Close()
		b, err := io.ReadAll(io.LimitReader(f, 4096))
		return string(b), err
	}
	tty, ok := a.in.(*os.File)
	if !ok || !term.IsTerminal(int(tty.Fd())) {
		return "", errors.New("the card's eight words are needed: run this at a terminal, or give --card")
	}
	fmt.Fprint(a.err, "The card's eight words: ")
	b, err := term.ReadPassword(int(tty.Fd()))
	fmt.Fprintln(a.err)
	return string(b), err
}

// joining is what admit needs when a post joins by a card.
type joining struct {
	card     string // the keeper's half
	readBack string // the words the post read
	by       string // key file of the officer who compared, "" for the root officers
}

func (j *joining) flags(c *cobra.Command) {
	c.Flags().StringVar(&j.card, "card", "", "the keeper's half of the card, a `file`; of one application")
	c.Flags().StringVar(&j.readBack, "read-back", "", "the eight `words` that the post read back; without it they are asked for")
	c.Flags().StringVar(&j.by, "by", "", "key `file` of the administrator or duty officer who compared them")
}

// joined checks an application against its card, and gives it without the MAC, with the statement of how, when and by whom it was checked.
func (a *app) joined(d *directory.Directory, file []byte, j *joining) ([]byte, directory.Statement, error) {
	pass, err := a.passphrase(cardName(j.card))
	if err != nil {
		return nil, nil, err
	}
	var s cardSecret
	if err := readSecret(j.card, pass, &s); errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("there is no card %s: it was used, or never made", j.card)
	} else if err != nil {
		return nil, nil, err
	}
	card, err := directory.ParseCard(strings.Join(s.Words, " "))
	if err != nil || s.Root != d.Fingerprint().String() {
		return nil, nil, fmt.Errorf("%s is no card for this directory", j.card)
	}
	if now := time.Now(); now.After(s.Expires) {
		return nil, nil, fmt.Errorf("the card for %s was good until %s: make another", s.Card, s.Expires.Format("2006-01-02"))
	}
	application, err := card.Check(d.Fingerprint(), s.Card, file)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: it was altered on its way, or made with another card, or its post was told another root. Call %s", err, s.Card)
	}
	want := strings.Join(card.ReadBack(d.Fingerprint(), s.Card, application), " ")
	read := j.readBack
	if read == "" {
		fmt.Fprintf(a.err, "%s now reads eight words to you. Type what you hear.\n", s.Card)
		if read, err = a.askLine("Words read back: "); err != nil {
			return nil, nil, err
		}
	}
	if strings.Join(strings.Fields(strings.ToLower(read)), " ") != want {
		return nil, nil, fmt.Errorf("these are not the words that %s should read: do not admit it, and find out who spoke", s.Card)
	}
	var checked directory.Statement = directory.Checked{Post: s.Card, How: "card and read back", At: wholeSecond()}
	if j.by != "" {
		pass, err := a.passphrase(cardName(j.by))
		if err != nil {
			return nil, nil, err
		}
		var officer personSecret
		if err := readSecret(j.by, pass, &officer); err != nil {
			return nil, nil, err
		}
		if checked, err = countersigned(d, directory.Issued{Statement: checked}, &officer); err != nil {
			return nil, nil, err
		}
	}
	return application, checked, nil
}
