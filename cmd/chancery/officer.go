package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"chancery.example/chancery/directory"
	"chancery.example/chancery/post"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/telegram"
	"github.com/pelletier/go-toml/v2"
	"github.com/spf13/cobra"
)

// An officer's own folder, on his own machine: his key, the root he trusts, and the way to the post. Nothing of the post lies there. What
// the post shows him is judged by the directory that this root signed, and what he signs is made from the very bytes he was shown: a post that
// lies gets no signature on anything else.

// officerConfig is officer.toml. It holds nothing secret.
type officerConfig struct {
	Post string `toml:"post"`
	Root string `toml:"root" comment:"The fingerprint of the directory's root, learned by another way than the post."`
	Via  string `toml:"via,omitempty" comment:"The command that reaches the post, as in  ssh moscow chancery stdio --dir /srv/moscow"`
	Size int64  `toml:"seen_size" comment:"The newest directory seen: a post that shows an older one is refused."`
	Seen string `toml:"seen_root,omitempty"`
}

func (a *app) officerCommand() *cobra.Command {
	var c officerConfig
	var roles, key string
	create := &cobra.Command{
		Use: "new FOLDER --post POST --root FINGERPRINT", Short: "Make an officer's own folder, with his key or the one he has",
		Long: `Makes a folder on the officer's own machine, with a key that never leaves it, or with the key file named by --key. A new key must be admitted:
application.txt goes to the directory's keeper. --via is the command that reaches the post, whose standard input and output are chancery stdio there.`,
		Example: "  chancery officer new me --post MOSCOW --root 8d80… --roles releaser --via 'ssh moscow chancery stdio --dir /srv/moscow'",
		Args:    exactly("FOLDER"),
		RunE:    func(_ *cobra.Command, args []string) error { return a.newOfficer(args[0], &c, roles, key) },
	}
	create.Flags().StringVar(&c.Post, "post", "", "the officer's `post`")
	create.Flags().StringVar(&c.Root, "root", "", "the `fingerprint` of the directory's root")
	create.Flags().StringVar(&c.Via, "via", "", "the `command` that reaches the post")
	create.Flags().StringVar(&roles, "roles", "releaser", "what he is to be admitted as, joined with +")
	create.Flags().StringVar(&key, "key", "", "his key `file`, when he has one; it is copied")
	return group("officer", "Work from an officer's own machine: his key never comes to the post", "  chancery officer new me --post MOSCOW --root 8d80… --key 40718233.age", create)
}

func (a *app) newOfficer(dir string, c *officerConfig, roles, key string) error {
	if err := telegram.CheckPostName(c.Post); err != nil {
		return usage("--post: %w", err)
	}
	if _, err := directory.ParseFingerprint(c.Root); err != nil {
		return usage("--root: %w", err)
	}
	f := &folder{path: dir, config: config{Name: c.Post}}
	if _, err := os.Stat(dir); err == nil {
		return fmt.Errorf("%s is there already: name a new folder. Nothing was made", dir)
	}
	made, next, err := a.fillOfficer(f, c, roles, key)
	if err != nil {
		os.RemoveAll(dir)
		return fmt.Errorf("%w. Nothing was made", err)
	}
	return a.say(made, "The officer's folder %s is made.\n%s", dir, next)
}

// fillOfficer makes what lies in an officer's folder, the passphrase of a new key last.
func (a *app) fillOfficer(f *folder, c *officerConfig, roles, key string) (made map[string]any, next string, err error) {
	if err := os.MkdirAll(f.file("keys"), 0o700); err != nil {
		return nil, "", err
	}
	b, err := toml.Marshal(c)
	if err != nil {
		return nil, "", err
	}
	if err := writeNew(f.file("officer.toml"), b); err != nil {
		return nil, "", err
	}
	made = map[string]any{"folder": f.path, "post": c.Post}
	if key != "" {
		if b, err = readFile(key, mostKey); err == nil {
			err = writeNew(f.file("keys", filepath.Base(key)), b)
		}
		return made, fmt.Sprintf("Next: release at the post:  chancery release DRAFT --officer %s\n", f.path), err
	}
	p, statements, err := a.makePerson(f, roles)
	if err != nil {
		return nil, "", err
	}
	made["person"], made["application"] = p.Number, f.file("application.txt")
	next = fmt.Sprintf("Person %d is to be %s.\nNext: have the key admitted:  chancery directory admit FILE %s\n", p.Number, p.Roles, f.file("application.txt"))
	if err := writeNew(f.file("application.txt"), directory.Application(statements...)); err != nil {
		return nil, "", err
	}
	return made, next, a.keepPassphrases()
}

// openOfficer opens an officer's folder.
func openOfficer(dir string) (*folder, *officerConfig, error) {
	b, err := readFile(filepath.Join(dir, "officer.toml"), mostKey)
	if err != nil {
		return nil, nil, fmt.Errorf("%s is no officer's folder: make one with  chancery officer new", dir)
	}
	c := &officerConfig{}
	if err := toml.NewDecoder(strings.NewReader(string(b))).DisallowUnknownFields().Decode(c); err != nil {
		return nil, nil, fmt.Errorf("%s: %s", filepath.Join(dir, "officer.toml"), strings.TrimPrefix(err.Error(), "toml: "))
	}
	return &folder{path: dir, config: config{Name: c.Post, Root: c.Root}}, c, nil
}

// trusted judges the directory that a post shows to an officer: of his root, signed by enough, its keys vouched for, and not older than one he
// has seen.
func (a *app) trusted(file []byte, f *folder, c *officerConfig) (*directory.Directory, error) {
	d, err := directory.Parse(file)
	if err != nil {
		return nil, err
	}
	root, err := directory.ParseFingerprint(c.Root)
	if err != nil {
		return nil, err
	}
	if err := d.Verify(root, time.Now()); errors.Is(err, directory.ErrStale) {
		fmt.Fprintf(a.err, "Warning: the post's directory is out of date (%v). Somebody may keep a newer one from it.\n", err)
	} else if err != nil {
		return nil, fmt.Errorf("the post shows a directory that is not to be trusted: %w", err)
	}
	for _, v := range d.Vouchers() {
		key, err := seal.NewVerifier(v.Key.Ed25519, v.Key.MLDSA)
		if err != nil || !key.Verify(v.Label, v.Message, v.Signature.Ed25519, v.Signature.MLDSA) {
			return nil, fmt.Errorf("the post shows a directory that is not to be trusted: %s does not vouch for itself", v.For)
		}
	}
	if c.Size > 0 {
		if seen, err := d.RootAt(min(c.Size, d.Size())); err != nil || d.Size() < c.Size || seen.String() != c.Seen {
			return nil, fmt.Errorf("the post shows an older directory than you have seen, or another: %d statements, you know %d. Do not sign; call the directory's keeper", d.Size(), c.Size)
		}
	}
	if d.Size() == c.Size {
		return d, nil
	}
	c.Size, c.Seen = d.Size(), d.Root().String()
	b, err := toml.Marshal(c)
	if err != nil {
		return nil, err
	}
	return d, replaceFile(f.file("officer.toml"), b)
}

// draftedBy proves that a person who may draft at the post handed over the very telegram that is shown.
func draftedBy(d *directory.Directory, x *post.ToSign, t *telegram.Telegram, at string) error {
	if t.From.Post != at {
		return fmt.Errorf("the post shows a telegram of %s, not of %s. Do not sign", t.From.Post, at)
	}
	if t.Released != 0 || t.Releaser != (telegram.KeyRef{}) {
		return errors.New("the post shows a telegram that names its releaser already. Do not sign")
	}
	if err := d.May(directory.Drafter, t.Drafter, at, time.Unix(t.DTG, 0)); err != nil {
		return fmt.Errorf("the post shows a telegram whose drafter may not draft: %w. Do not sign", err)
	}
	k, ok := d.Key(t.Drafter)
	if !ok {
		return fmt.Errorf("the directory has no key %v", t.Drafter)
	}
	v, err := seal.NewVerifier(k.Key.Ed25519, k.Key.MLDSA)
	if err != nil {
		return err
	}
	root, _ := t.Roots()
	if err := seal.CheckDraft(root, x.Draft, v); err != nil {
		return fmt.Errorf("the post shows a telegram that its drafter did not sign: %w. Do not sign", err)
	}
	return nil
}

// asked is what a request file for a release holds, and answered what an answer does. Both are JSON, of these fields and no other.
type (
	asked struct {
		Format    string      `json:"format"` // "chancery release request 1"
		Post      string      `json:"post"`
		Draft     post.ToSign `json:"draft"`
		Directory []byte      `json:"directory"`
	}
	answered struct {
		Format string `json:"format"` // "chancery release answer 1"
		Post   string `json:"post"`
		signed
	}
)

const (
	requestFormat = "chancery release request 1"
	answerFormat  = "chancery release answer 1"
)

// request writes what is to be signed into a file.
func (a *app) request(ctx context.Context, id int64, file string) error {
	f, o, err := a.at(ctx)
	if err != nil {
		return err
	}
	defer o.close()
	r := asked{Format: requestFormat, Post: f.config.Name}
	if err := o.do(ctx, "for-release", draftID{id}, &r.Draft); err != nil {
		return err
	}
	var d struct{ File []byte }
	if err := o.do(ctx, "directory", none{}, &d); err != nil {
		return err
	}
	r.Directory = d.File
	if err := writeJSONFile(file, &r); err != nil {
		return err
	}
	return a.say(map[string]any{"draft": id, "request": file}, "Draft %d is in %s, in clear: carry it as what it says, and destroy it afterwards.\nNext: on the officer's machine:  chancery release --sign %s --out ANSWER --officer FOLDER\n", id, file, file)
}

// signRequest shows what a request asks, and writes the officer's answer.
func (a *app) signRequest(file, out string, who *asOfficer, within time.Duration, yes bool) error {
	f, c, err := openOfficer(a.officerDir)
	if err != nil {
		return err
	}
	var r asked
	if err := readJSONFile(file, requestFormat, &r); err != nil {
		return err
	}
	if r.Post != c.Post {
		return fmt.Errorf("%s is of %s, and this officer is of %s. Nothing was signed", file, r.Post, c.Post)
	}
	x := &shownToOfficer{sign: r.Draft, directory: r.Directory}
	s, err := a.signRelease(f, c, x, who, within, yes)
	if err != nil {
		return fmt.Errorf("%w. Nothing was signed", err)
	}
	if err := writeJSONFile(out, &answered{answerFormat, c.Post, *s}); err != nil {
		return err
	}
	return a.say(map[string]any{"draft": s.ID, "answer": out}, "Signed. The answer is in %s.\nNext: at the post:  chancery release %d --answer %s --dir FOLDER\n", out, s.ID, out)
}

// shownToOfficer is what an officer is shown, by whichever way it came.
type shownToOfficer struct {
	sign      post.ToSign
	directory []byte
}

// signRelease proves what is shown, shows it, asks and signs, all on the officer's machine.
func (a *app) signRelease(f *folder, c *officerConfig, x *shownToOfficer, who *asOfficer, within time.Duration, yes bool) (*signed, error) {
	d, err := a.trusted(x.directory, f, c)
	if err != nil {
		return nil, err
	}
	t, err := telegram.Parse(x.sign.Telegram)
	if err != nil {
		return nil, err
	}
	if err := draftedBy(d, &x.sign, t, c.Post); err != nil {
		return nil, err
	}
	if err := a.showToSign(t, &x.sign, yes); err != nil {
		return nil, err
	}
	s, err := a.ownKey(f, d, who)
	if err != nil {
		return nil, err
	}
	return releaseSigned(x.sign.ID, t, s, within)
}

// ownKey opens the officer's own key: the one in his folder, or the one named.
func (a *app) ownKey(f *folder, d *directory.Directory, who *asOfficer) (*personSecret, error) {
	files, err := f.people()
	if err != nil {
		return nil, err
	}
	var names []string
	for name := range files {
		person, _, _ := strings.Cut(name, "-")
		n, err := strconv.ParseUint(person, 10, 32)
		if err == nil && name == keyName(uint32(n), len(d.Keys(uint32(n)))) && (who.number == 0 || who.number == uint32(n)) {
			names = append(names, name)
		}
	}
	file := who.key
	if file == "" {
		if len(names) != 1 {
			return nil, fmt.Errorf("%s has %d keys in use that could sign: name one with --as or --key", f.file("keys"), len(names))
		}
		file = files[names[0]]
	}
	pass, err := a.passphrase(strings.TrimSuffix(filepath.Base(file), ".age"))
	if err != nil {
		return nil, err
	}
	s := &personSecret{}
	if err := readSecret(file, pass, s); err != nil {
		return nil, err
	}
	return s, d.May(directory.Releaser, s.ref(), f.config.Name, time.Time{})
}
