package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"chancery.example/chancery/circuit/line"
	"chancery.example/chancery/directory"
	"github.com/nats-io/nkeys"
	"github.com/spf13/cobra"
)

// hubOptions are the flags of the commands for a hub that is a NATS server of its own.
type hubOptions struct {
	root string // the directory's fingerprint
	key  string // file with the keeper's key
	line.Outside
	url string
}

func (a *app) hubCommand() *cobra.Command {
	var o hubOptions
	settings := &cobra.Command{
		Use: "config DIRECTORY FILE --root FINGERPRINT --listen HOST:PORT --store FOLDER", Short: "Write the settings of a NATS server that is to be the hub",
		Long: `Writes the settings file of a NATS server, 2.11 or newer, by which every post of the directory has an account of its own and may do
there what it may do at the hub of another post, and nothing else. It makes the keeper's key, if it is not there.

When posts come or go, write the file anew, start the server again, and prepare it. Servers of a cluster get the same settings, each with its own
--name, --listen and --store, and with --include a file of theirs that has the cluster's block, with its TLS.`,
		Example: "  chancery hub config directory.txt nats.conf --root 8d80… --listen 0.0.0.0:4222 --store /var/lib/nats --key hub.age --passphrase-file hub.pass",
		Args:    exactly("DIRECTORY", "FILE"),
		RunE:    func(_ *cobra.Command, args []string) error { return a.hubConfig(&o, args[0], args[1]) },
	}
	f := settings.Flags()
	f.StringVar(&o.Listen, "listen", "", "`host:port` on which the server listens")
	f.StringVar(&o.Dir, "store", "", "the server's own `folder`")
	f.StringVar(&o.Name, "name", "hub", "the server's name, in a cluster each its own")
	f.StringVar(&o.Include, "include", "", "`file` of further settings, from the folder of FILE, for a cluster")
	prepare := &cobra.Command{
		Use: "prepare DIRECTORY --root FINGERPRINT --hub ADDRESS", Short: "Make the streams of all posts at a NATS server",
		Long: `Makes, at a server that runs by what hub config wrote, the streams in which messages wait for the posts of the directory, and deletes those of
posts that are gone. It warns when a server acknowledges messages before they are on its disk. It may be run again at any time.`,
		Example: "  chancery hub prepare directory.txt --root 8d80… --hub nats://hub.example:4222 --key hub.age --passphrase-file hub.pass",
		Args:    exactly("DIRECTORY"),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.hubPrepare(cmd, &o, args[0]) },
	}
	prepare.Flags().StringVar(&o.url, "hub", "", "the server's `address`, nats://host:port")
	for _, c := range []*cobra.Command{settings, prepare} {
		c.Flags().StringVar(&o.root, "root", "", "the directory's `fingerprint`, learned by another way than the directory")
		c.Flags().StringVar(&o.key, "key", "hub.age", "`file` with the keeper's key")
		c.Flags().IntVar(&o.Replicas, "replicas", 1, "how many servers of a cluster keep each message: 1, 3 or 5")
	}
	return group("hub", "Show this post's hub key; or set up a NATS server of its own as the hub, in place of a post that listens",
		"  chancery hub key --dir moscow\n  chancery hub config directory.txt nats.conf --root 8d80… --listen 0.0.0.0:4222 --store /var/lib/nats", a.hubKeyCommand(), settings, prepare)
}

// keeperSecret is what the key file of a hub's keeper holds.
type keeperSecret struct {
	Keeper []byte `json:"keeper"` // the seed of a NATS user key
}

// members are the posts of a directory that is valid now.
func (o *hubOptions) members(file string) ([]line.Member, error) {
	root, err := directory.ParseFingerprint(o.root)
	if err != nil {
		return nil, usage("--root: %v. It is printed by  chancery directory new", err)
	}
	d, err := readDirectory(file)
	if err != nil {
		return nil, err
	}
	if err := d.Verify(root, time.Now()); err != nil {
		return nil, fmt.Errorf("%s cannot say who may log in at the hub: %w. Nothing was changed", file, err)
	}
	var all []line.Member
	for _, p := range d.Posts() {
		all = append(all, line.Member{Route: p.Route, Login: p.Login})
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s has no post yet. Nothing was changed", file)
	}
	return all, nil
}

// openKeeper opens the keeper's key.
func (a *app) openKeeper(file string) (nkeys.KeyPair, string, error) {
	pass, err := a.passphrase(strings.TrimSuffix(filepath.Base(file), ".age"))
	if err != nil {
		return nil, "", err
	}
	var s keeperSecret
	if err := readSecret(file, pass, &s); err != nil {
		return nil, "", err
	}
	key, err := nkeys.FromSeed(s.Keeper)
	if err != nil {
		return nil, "", fmt.Errorf("%s is no hub keeper's key file; nothing was changed", file)
	}
	public, err := key.PublicKey()
	return key, public, err
}

// keepKeeper writes the keeper's key file.
func (a *app) keepKeeper(file string, key nkeys.KeyPair) error {
	seed, err := key.Seed()
	if err != nil {
		return err
	}
	pass, err := a.givePassphrase(strings.TrimSuffix(filepath.Base(file), ".age"))
	if err != nil {
		return err
	}
	if err := writeSecret(file, pass, &keeperSecret{seed}); err != nil {
		return err
	}
	if err := a.keepPassphrases(); err != nil {
		return errors.Join(err, os.Remove(file))
	}
	return nil
}

func (a *app) hubConfig(o *hubOptions, from, file string) error {
	members, err := o.members(from)
	if err != nil {
		return err
	}
	var key nkeys.KeyPair
	_, err = os.Stat(o.key)
	made := errors.Is(err, fs.ErrNotExist)
	if made {
		if key, err = nkeys.CreateUser(); err == nil {
			o.Keeper, err = key.PublicKey()
		}
	} else {
		_, o.Keeper, err = a.openKeeper(o.key)
	}
	if err != nil {
		return err
	}
	text, err := o.Settings(members)
	if err != nil {
		return usage("%w. Nothing was changed", err)
	}
	if made {
		if err := a.keepKeeper(o.key, key); err != nil {
			return err
		}
	}
	if err := replaceFile(file, []byte(text)); err != nil {
		return err
	}
	words := ""
	if made {
		words = fmt.Sprintf("The keeper's key is in %s.\n", o.key)
	}
	return a.say(map[string]any{"settings": file, "posts": len(members), "keeper": o.Keeper, "key": o.key, "made": made},
		"%s has the settings of a NATS server for %d posts.\n%sNext: start it, or start it again:  nats-server -c %s\n      and prepare it:  chancery hub prepare %s --root %s --key %s --hub nats://%s\n",
		file, len(members), words, file, from, o.root, o.key, o.Listen)
}

func (a *app) hubPrepare(cmd *cobra.Command, o *hubOptions, from string) error {
	if err := checkServer(o.url); err != nil {
		return usage("--hub: %v", err)
	}
	members, err := o.members(from)
	if err != nil {
		return err
	}
	key, public, err := a.openKeeper(o.key)
	if err != nil {
		return err
	}
	servers, err := line.Prepare(cmd.Context(), line.Keeper{URL: o.url, Login: public, Sign: key.Sign, Replicas: o.Replicas}, members)
	if err != nil {
		return err
	}
	type server struct {
		Name       string `json:"name"`
		SyncAlways bool   `json:"sync_always"`
	}
	all := []server{}
	var words strings.Builder
	for _, s := range servers {
		all = append(all, server(s))
		if s.SyncAlways {
			fmt.Fprintf(&words, "Server %s writes to its disk before it acknowledges.\n", s.Name)
		} else {
			fmt.Fprintf(&words, "WARNING: server %s acknowledges messages before they are on its disk. A power cut loses what waits there, and every post sends it once more.\nSet  sync_interval: always  in its block jetstream, as  chancery hub config  writes it, and start it again.\n", s.Name)
		}
	}
	if len(servers) == 0 {
		words.WriteString("WARNING: no server said whether it writes to its disk before it acknowledges. Look for  sync_interval: always  in its settings.\n")
	}
	return a.say(map[string]any{"posts": len(members), "servers": all},
		"The hub keeps messages for %d posts.\n%sNext: name it in each post's post.toml:  hubs = [%q]\n", len(members), words.String(), o.url)
}
