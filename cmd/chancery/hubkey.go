package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"chancery.example/chancery/circuit/line"
	"github.com/spf13/cobra"
)

func (a *app) hubKeyCommand() *cobra.Command {
	return &cobra.Command{
		Use: "key --dir FOLDER", Short: "Show the fingerprint of this post's hub; make its key if it has none",
		Long: `Shows the fingerprint of the key by which this post's broker proves itself to the posts that join it. init --listen makes the key; for a post that
was made without one this makes it, and serve has to be started again.

Who keeps the other posts learns the fingerprint by another way than the line, as the directory's. They name it with init --hub-key, or in post.toml:

    hubs = ["tls://hub.example:4222"]
    hub_keys = ["3f2a…"]`,
		Example: "  chancery hub key --dir moscow --passphrase-file moscow.pass",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.hubKey(cmd.Context())
		},
	}
}

// newHubKey makes the seed of a hub's key.
func newHubKey() []byte {
	seed := make([]byte, ed25519.SeedSize)
	rand.Read(seed)
	return seed
}

func hubKey(seed []byte) (ed25519.PrivateKey, error) {
	if len(seed) != ed25519.SeedSize {
		return nil, errors.New("the post's key file is damaged: its hub's key does not parse")
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// fingerprint is that of the hub's key, empty without one.
func (s *postSecret) fingerprint() (string, error) {
	if s.Hub == nil {
		return "", nil
	}
	key, err := hubKey(s.Hub)
	if err != nil {
		return "", err
	}
	return line.Fingerprint(key.Public())
}

func (a *app) hubKey(ctx context.Context) error {
	f, err := openFolder(a.dir)
	if err != nil {
		return err
	}
	pass, err := a.passphrase(postKeyName(f.config.Name))
	if err != nil {
		return err
	}
	var secret postSecret
	if err := readSecret(f.file("keys", "post.age"), pass, &secret); err != nil {
		return err
	}
	if f.config.Listen == "" {
		return errors.New("this post has no listen in post.toml: it runs no hub. The key is that of the post whose address stands in hubs: ask there")
	}
	made := secret.Hub == nil
	if made {
		if err := a.giveHubKey(ctx, f); err != nil {
			return err
		}
		if err := readSecret(f.file("keys", "post.age"), pass, &secret); err != nil {
			return err
		}
	}
	fingerprint, err := secret.fingerprint()
	if err != nil {
		return err
	}
	words := ""
	if made {
		words = "The hub's key is made. Where a copy of keys/post.age is kept, keep this one now.\n"
	}
	return a.say(map[string]any{"hub_key": fingerprint, "made": made},
		"%sThe hub's fingerprint is %s\nNext: tell it to the other posts by another way than the line; they write  hubs = [\"tls://…\"]  and  hub_keys = [%q]  in post.toml\n", words, fingerprint, fingerprint)
}

// giveHubKey puts a key for the hub into the key file of a post that has none. Nobody serves meanwhile: two commands would each make one.
func (a *app) giveHubKey(ctx context.Context, f *folder) error {
	u, err := a.unlock(ctx, f, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer u.close()
	if u.secret.Hub != nil {
		return nil
	}
	u.secret.Hub = newHubKey()
	return a.replaceSecret(f, u.secret)
}

// replaceSecret writes a post's key file anew; the old one stays until the new one is on the disk.
func (a *app) replaceSecret(f *folder, s *postSecret) error {
	pass, err := a.passphrase(postKeyName(f.config.Name))
	if err != nil {
		return err
	}
	file := f.file("keys", "post.age")
	os.Remove(file + ".new") // of a try that was cut off
	if err := writeSecret(file+".new", pass, s); err != nil {
		return fmt.Errorf("%w. Nothing was changed", err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		return fmt.Errorf("%w. Nothing was changed", err)
	}
	return nil
}
