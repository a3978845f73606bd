package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"chancery.example/chancery/post"
	"chancery.example/chancery/seal"
	"github.com/spf13/cobra"
)

// holderSecret is what the key file of a holder of numbered copies holds.
type holderSecret struct {
	Holder string `json:"holder"`
	Copy   []byte `json:"copy_key"` // X-Wing's seed
}

// holderKey opens a holder's key file.
func (a *app) holderKey(file string) (*holderSecret, *seal.LetterKey, error) {
	pass, err := a.passphrase(strings.TrimSuffix(filepath.Base(file), ".age"))
	if err != nil {
		return nil, nil, err
	}
	s := &holderSecret{}
	if err := readSecret(file, pass, s); err != nil {
		return nil, nil, err
	}
	if s.Holder == "" {
		return nil, nil, fmt.Errorf("%s is no key file of a holder of numbered copies", file)
	}
	k, err := seal.ParseLetterKey(s.Copy)
	return s, k, err
}

type holderAdded struct {
	post.HolderListed
	Key string `json:"key"` // file
}

func (a *app) holderCommand() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use: "add NAME", Short: "Make a holder of numbered copies known to this post, with a key of his own",
		Long: `Makes the key with which a holder opens numbered copies, in a file under a passphrase of its own, and keeps its public half. Carry
the file to the holder: the post does not need it. The name is kept sealed, stands in no directory and never travels.`,
		Example: "  chancery holder add Minister --key-file minister.age --dir moscow",
		Args:    exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.addHolder(cmd.Context(), args[0], file)
		},
	}
	c.Flags().StringVar(&file, "key-file", "", "`file` for the holder's key; one in the post's folder if left out")
	return group("holder", "Add who may hold numbered copies", "  chancery holder add Minister --dir moscow", c)
}

func (a *app) addHolder(ctx context.Context, name, file string) error {
	f, o, err := a.at(ctx)
	if err != nil {
		return err
	}
	defer o.close()
	if there, err := hasHolder(ctx, o, name); err != nil {
		return err
	} else if there {
		return fmt.Errorf("there is a holder %s already. Nothing was changed", name)
	}
	key, err := seal.NewLetterKey()
	if err != nil {
		return err
	}
	secret, err := key.Bytes()
	if err != nil {
		return err
	}
	if file == "" {
		// Named by its key: the name of a file is no place for the name of a person.
		digest := sha256.Sum256(key.Public())
		file = f.file("keys", fmt.Sprintf("holder-%x.age", digest[:4]))
	}
	pass, err := a.givePassphrase(strings.TrimSuffix(filepath.Base(file), ".age"))
	if err != nil {
		return err
	}
	if err := writeSecret(file, pass, &holderSecret{name, secret}); err != nil {
		return fmt.Errorf("%w. Nothing was kept", err)
	}
	out := holderAdded{Key: filepath.Clean(file)}
	// The key is on disk before anything can be sealed to it.
	if err := o.do(ctx, "holder-add", holderAdd{name, key.Public()}, &out.HolderListed); err != nil {
		if there, e := hasHolder(ctx, o, name); e == nil && !there {
			return errors.Join(fmt.Errorf("%w. Nothing was kept", err), os.Remove(file))
		}
		// It may have been kept all the same, and then this is the only key.
		return errors.Join(fmt.Errorf("%w. The key file %s is kept: look with  chancery holders  whether he was added", err, file), a.keepPassphrases())
	}
	if err := a.keepPassphrases(); err != nil {
		return err
	}
	return a.say(out, "%s may hold numbered copies (entry %d). Key file: %s\nNext: make copies:  chancery copies make NUMBER --for %q --dir %s\n",
		name, out.Entry, out.Key, name, a.dir)
}

func hasHolder(ctx context.Context, o office, name string) (bool, error) {
	var list []post.HolderListed
	if err := o.do(ctx, "holders", none{}, &list); err != nil {
		return false, err
	}
	return slices.ContainsFunc(list, func(h post.HolderListed) bool { return h.Name == name }), nil
}

func (a *app) holdersCommand() *cobra.Command {
	return &cobra.Command{
		Use: "holders", Short: "List who may hold numbered copies at this post",
		Example: "  chancery holders --dir moscow",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, o, err := a.at(cmd.Context())
			if err != nil {
				return err
			}
			defer o.close()
			var list []post.HolderListed
			if err := o.do(cmd.Context(), "holders", none{}, &list); err != nil {
				return err
			}
			var words strings.Builder
			for _, h := range list {
				fmt.Fprintf(&words, "%s  (entry %d)\n", h.Name, h.Entry)
			}
			if len(list) == 0 {
				words.WriteString("This post has no holders of numbered copies. Add one:  chancery holder add NAME\n")
			}
			return a.say(list, "%s", words.String())
		},
	}
}
