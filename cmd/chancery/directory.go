package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"chancery.example/chancery/directory"
	"chancery.example/chancery/seal"
	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"
)

func (a *app) directoryCommand() *cobra.Command {
	var of, threshold int
	var j joining
	var keys string
	create := &cobra.Command{
		Use: "new FILE --officers 3 --threshold 2 --keys FOLDER", Short: "Make a directory and its root officers' keys",
		Long: `Makes a directory that holds nothing but its root, and a key file for each root officer. Each officer takes his
key file and passphrase away. The fingerprint that it prints is what every post is told by another way than the directory.`,
		Example: "  chancery directory new directory.txt --officers 3 --threshold 2 --keys root --passphrase-file root.pass",
		Args:    exactly("FILE"),
		RunE:    func(_ *cobra.Command, args []string) error { return a.newDirectory(args[0], keys, of, threshold) },
	}
	create.Flags().IntVar(&of, "officers", 3, "how many root officers there are")
	create.Flags().IntVar(&threshold, "threshold", 2, "how many of them must sign")
	create.Flags().StringVar(&keys, "keys", "root", "`folder` for their key files, made if it is not there")
	admit := &cobra.Command{
		Use: "admit FILE [APPLICATION…]", Short: "Add posts to a directory by their applications, and what people have issued",
		Long: `Adds what the applications state, once every key in them has vouched for itself, and what people have issued since the directory was
signed, in it or in files of chancery issue. The longer directory must then be signed.`,
		Example: "  chancery directory admit directory.txt moscow/application.txt beijing/application.txt",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 1 {
				return usage("directory admit takes the directory's file, and applications")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return a.admit(args[0], args[1:], &j) },
	}
	j.flags(admit)
	sign := &cobra.Command{
		Use: "sign FILE KEY…", Short: "Sign a directory's checkpoint as a root officer",
		Long: `Signs the whole directory as it is now, by both algorithms. It prints what is signed; look at it with directory show
before. Officers may sign one after the other, each on his own machine.`,
		Example: "  chancery directory sign directory.txt root/root-1.age --passphrase-file root.pass",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 2 {
				return usage("directory sign takes the directory's file and a root officer's key file")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return a.sign(args[0], args[1:]) },
	}
	adopt := &cobra.Command{
		Use: "adopt FILE --dir FOLDER", Short: "Let a post adopt a directory, or what people have issued",
		Long: `The post takes the directory as its newest if it is of the root the post was made for, signed by enough officers, and goes on from the
one before. A file of chancery issue is taken if those who signed it may issue what it says.`,
		Example: "  chancery directory adopt directory.txt --dir moscow",
		Args:    exactly("FILE"),
		RunE:    a.adopt,
	}
	show := &cobra.Command{
		Use: "show [FILE]", Short: "Show a directory, a file's or the post's",
		Example: "  chancery directory show directory.txt\n  chancery directory show --dir moscow",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage("directory show takes one file, or none")
			}
			return nil
		},
		RunE: a.showDirectory,
	}
	return group("directory", "Keep the signed list of posts, offices, people and keys, and adopt it at a post", "  chancery directory show directory.txt",
		append([]*cobra.Command{create, admit, sign, adopt, show}, a.keeperCommands()...)...)
}

// rootSecret is what a root officer's key file holds.
type rootSecret struct {
	Officer int    `json:"officer"`
	Seed    []byte `json:"seed"`
}

func (a *app) newDirectory(file, keys string, officers, threshold int) (err error) {
	if officers < 1 || officers > directory.MaxOfficers || threshold < 1 || threshold > officers {
		return usage("--threshold is from 1 to --officers, and there are at most %d officers", directory.MaxOfficers)
	}
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is there already: a directory is made once. Nothing was changed", file)
	}
	made, err := makeFolder(keys)
	if err != nil {
		return err
	}
	root := directory.Root{Threshold: threshold}
	var files []string
	defer func() {
		if err != nil {
			for _, key := range files {
				os.Remove(key)
			}
			if made {
				os.Remove(keys)
			}
			err = fmt.Errorf("%w. No directory was made, and nothing was kept", err)
		}
	}()
	for n := 1; n <= officers; n++ {
		s := seal.NewSigner()
		o := directory.Officer{Number: n, Key: publicKey(s)}
		pass, err := a.givePassphrase(o.Name())
		if err != nil {
			return err
		}
		key := filepath.Join(keys, o.Name()+".age")
		if err := writeSecret(key, pass, &rootSecret{n, s.Seed()}); err != nil {
			return err
		}
		root.Officers, files = append(root.Officers, o), append(files, key)
	}
	d, err := directory.New(root)
	if err != nil {
		return err
	}
	if err := a.keepPassphrases(); err != nil {
		return err
	}
	if err := writeNew(file, d.Marshal()); err != nil {
		return err
	}
	return a.say(map[string]any{"directory": file, "fingerprint": d.Fingerprint().String(), "officers": officers, "threshold": threshold, "keys": files},
		"Directory %s is made; %d of its %d root officers must sign. Their key files: %s\nFingerprint: %s\nNext: tell the fingerprint to every post by another way, and make posts:  chancery init POST --root %s\n",
		file, threshold, officers, strings.Join(files, ", "), d.Fingerprint(), d.Fingerprint())
}

func readDirectory(file string) (*directory.Directory, error) {
	b, err := readFile(file, mostDirectory)
	if err != nil {
		return nil, err
	}
	d, err := directory.Parse(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return d, nil
}

// replaceFile puts a new version in a file's place, or leaves the old one whole.
func replaceFile(file string, b []byte) error {
	next := file + ".new"
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := writeNew(next, b); err != nil {
		return err
	}
	return os.Rename(next, file)
}

func (a *app) admit(file string, applications []string, j *joining) error {
	d, err := readDirectory(file)
	if err != nil {
		return err
	}
	var all []directory.Statement
	for _, x := range applications {
		b, err := readFile(x, mostApplied)
		if err != nil {
			return fmt.Errorf("%w. The directory is as it was", err)
		}
		var checked []directory.Statement
		if _, _, joins := directory.CutCard(b); joins || j.card != "" {
			if j.card == "" || len(applications) != 1 {
				return fmt.Errorf("%s was made with a card: admit it by itself, with --card FILE. The directory is as it was", x)
			}
			application, statement, err := a.joined(d, b, j)
			if err != nil {
				return fmt.Errorf("%s: %w. The directory is as it was", x, err)
			}
			b, checked = application, []directory.Statement{statement}
		}
		ss, err := directory.ParseApplication(b)
		if err != nil {
			return fmt.Errorf("%s: %w. The directory is as it was", x, err)
		}
		all = append(append(all, ss...), checked...)
	}
	longer, err := d.Append(all...)
	if err != nil {
		return fmt.Errorf("%w. The directory is as it was", err)
	}
	for _, v := range longer.Vouchers() {
		if v.Statement < d.Size() {
			continue
		}
		key, err := seal.NewVerifier(v.Key.Ed25519, v.Key.MLDSA)
		if err != nil || !key.Verify(v.Label, v.Message, v.Signature.Ed25519, v.Signature.MLDSA) {
			return fmt.Errorf("an application's key does not vouch for itself (%s): it was altered on its way. The directory is as it was", v.For)
		}
	}
	if err := replaceFile(file, longer.Marshal()); err != nil {
		return err
	}
	if j.card != "" { // it is spent; what it was for is in the directory
		if err := os.Remove(j.card); err != nil {
			return fmt.Errorf("the directory has the post, and the card could not be taken away: %w. Remove %s by hand", err, j.card)
		}
	}
	added := longer.Size() - d.Size()
	return a.say(map[string]any{"directory": file, "statements": longer.Size(), "added": added},
		"%d statements were added to %s, which now has %d. Nobody has signed it yet.\nNext: its root officers sign it:  chancery directory sign %s KEY\n", added, file, longer.Size(), file)
}

func (a *app) sign(file string, keys []string) error {
	d, err := readDirectory(file)
	if err != nil {
		return err
	}
	for _, key := range keys {
		name := strings.TrimSuffix(filepath.Base(key), ".age")
		pass, err := a.passphrase(name)
		if err != nil {
			return err
		}
		var s rootSecret
		if err := readSecret(key, pass, &s); err != nil {
			return err
		}
		if s.Officer == 0 {
			return fmt.Errorf("%s is no root officer's key file. The directory is as it was", key)
		}
		signer, err := seal.SignerFromSeed(s.Seed)
		if err != nil {
			return err
		}
		cosigners, err := signer.Cosigners(directory.Officer{Number: s.Officer}.Name())
		if err != nil {
			return err
		}
		signed, err := note.Sign(&note.Note{Text: d.Checkpoint()}, cosigners...)
		if err != nil {
			return err
		}
		if d, err = d.AddSignatures(signed); err != nil {
			return fmt.Errorf("%s is no root officer's key of this directory: %w. The directory is as it was", key, err)
		}
	}
	if err := replaceFile(file, d.Marshal()); err != nil {
		return err
	}
	signers := d.Signers(time.Now())
	enough := !d.SignedAt(time.Now()).IsZero()
	next := "more officers sign it"
	if enough {
		next = fmt.Sprintf("posts adopt it:  chancery directory adopt %s --dir FOLDER", file)
	}
	return a.say(map[string]any{"directory": file, "statements": d.Size(), "root": d.Root().String(), "signers": signers, "valid": enough},
		"Signed: %d statements, root %s. Officers who have signed: %s.\nNext: %s\n", d.Size(), d.Root(), strings.Trim(fmt.Sprint(signers), "[]"), next)
}

func (a *app) adopt(cmd *cobra.Command, args []string) error {
	b, err := readFile(args[0], mostDirectory)
	if err != nil {
		return fmt.Errorf("%w. The post goes on with the directory it had", err)
	}
	_, o, err := a.at(cmd.Context())
	if err != nil {
		return err
	}
	defer o.close()
	var out adopted
	if err := o.do(cmd.Context(), "adopt", struct{ File []byte }{b}, &out); err != nil {
		return fmt.Errorf("%w. The post goes on with the directory it had", err)
	}
	if !out.New {
		return a.say(out, "The post has this already; it knows %d statements.\n", out.Statements)
	}
	return a.say(out, "The post has adopted the directory, of %d statements.\nNext: run the post:  chancery serve --dir %s\n", out.Statements, a.dir)
}

func (a *app) showDirectory(cmd *cobra.Command, args []string) error {
	var d *directory.Directory
	var err error
	if len(args) == 1 {
		if d, err = readDirectory(args[0]); err != nil {
			return err
		}
	} else {
		_, o, err := a.at(cmd.Context())
		if err != nil {
			return err
		}
		defer o.close()
		var out struct{ File []byte }
		if err := o.do(cmd.Context(), "directory", none{}, &out); err != nil {
			return err
		}
		if d, err = directory.Parse(out.File); err != nil {
			return err
		}
	}
	type postLine struct {
		Post    string   `json:"post"`
		Route   string   `json:"route"`
		Offices []string `json:"offices"`
		People  []person `json:"people"`
	}
	now := time.Now()
	var posts []postLine
	var words strings.Builder
	fmt.Fprintf(&words, "Fingerprint %s\n%d statements, root %s\nsigned by officers %s", d.Fingerprint(), d.Size(), d.Root(), strings.Trim(fmt.Sprint(d.Signers(now)), "[]"))
	if at := d.SignedAt(now); at.IsZero() {
		words.WriteString(": not enough of them\n")
	} else {
		fmt.Fprintf(&words, " at %s\n", at.UTC().Format(time.RFC3339))
	}
	for _, p := range d.Posts() {
		l := postLine{Post: p.Name, Route: p.Route.String()}
		fmt.Fprintf(&words, "\n%s  routing code %s\n", p.Name, p.Route)
		for _, o := range d.Offices(p.Name) {
			l.Offices = append(l.Offices, o.Office)
			fmt.Fprintf(&words, "  office %s\n", o.Office)
		}
		for _, x := range d.People(p.Name) {
			l.People = append(l.People, person{Number: x.Number, Roles: x.Roles.String()})
			fmt.Fprintf(&words, "  person %d: %s\n", x.Number, x.Roles)
		}
		posts = append(posts, l)
	}
	return a.say(map[string]any{"fingerprint": d.Fingerprint().String(), "statements": d.Size(), "root": d.Root().String(), "signers": d.Signers(now), "posts": posts}, "%s", words.String())
}
