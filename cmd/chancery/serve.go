package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"chancery.example/chancery/circuit"
	"chancery.example/chancery/circuit/line"
	"github.com/nats-io/nkeys"
	"github.com/spf13/cobra"
)

func (a *app) serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve --dir FOLDER",
		Short: "Run a post: register, seal, carry, receive, receipt",
		Long: `Runs a post until it is interrupted. With listen in post.toml it also runs the broker for other posts; with
hubs it joins one. Other commands with the same --dir speak to it.

It may be killed at any moment and started again: nothing is lost, nothing happens twice, no number is missing.`,
		Example: "  chancery serve --dir moscow --passphrase-file moscow.pass",
		Args:    exactly(),
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.serve(cmd.Context()) },
	}
}

func (a *app) serve(ctx context.Context) error {
	log := slog.New(slog.NewJSONHandler(a.err, nil))
	f, err := openFolder(a.dir)
	if err != nil {
		return err
	}
	if f.config.Listen == "" && len(f.config.Hubs) == 0 {
		return errors.New("post.toml has neither listen nor hubs: this post has no way to any other. Add one of them")
	}
	u, err := a.unlockFor(ctx, f, true, log.With("at", f.config.Name))
	if err != nil {
		return err
	}
	defer u.close()
	if u.lock == nil { // several processes may share a database, but the socket is one
		if u.lock, err = lockFolder(f.file("lock")); err != nil {
			return err
		}
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var hub *line.Hub
	if f.config.Listen != "" {
		if hub, err = startHub(ctx, f, u.secret, log); err != nil {
			return err
		}
		defer hub.Stop()
	}
	carrier, err := u.line(f, hub, log)
	if err != nil {
		return err
	}
	wait, err := serveOffice(ctx, f, acts(u.Post, f, func() status { return statusOf(f, hub, carrier) }), log)
	if err != nil {
		return err
	}
	log.Info("serving", "post", f.config.Name, "hub", hubAddr(hub), "hubs", f.config.Hubs, "folder", f.path)
	var wg sync.WaitGroup
	do := func(run func(context.Context) error) {
		wg.Go(func() {
			if err := run(ctx); err != nil && ctx.Err() == nil {
				stop(err)
			}
		})
	}
	if hub != nil {
		do(func(ctx context.Context) error { return u.keepAdmitted(ctx, hub, log) })
		do(hub.Keep)
	}
	do(carrier.Run)
	way := circuit.Carrier(carrier)
	if a.around != nil {
		way = a.around(way)
	}
	do(func(ctx context.Context) error { return u.Run(ctx, way) })
	<-ctx.Done()
	wg.Wait()
	err = errors.Join(wait(), ended(context.Cause(ctx)))
	log.Info("stopped", "post", f.config.Name)
	return err
}

// ended is nil when a person ended it.
func ended(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func startHub(ctx context.Context, f *folder, secret *postSecret, log *slog.Logger) (*line.Hub, error) {
	c := line.HubConfig{Listen: f.config.Listen, Dir: f.file("hub"), TLSOnly: f.config.TLSOnly, Log: log}
	if secret.Hub != nil {
		key, err := hubKey(secret.Hub)
		if err != nil {
			return nil, err
		}
		c.Key = key
	} else if c.TLSOnly {
		return nil, fmt.Errorf("post.toml: tls_only: this post's hub has no key yet: make one with  chancery hub key --dir %s", f.path)
	}
	hub, err := line.NewHub(c)
	if err != nil {
		return nil, fmt.Errorf("post.toml: listen: %w", err)
	}
	return hub, hub.Start(ctx)
}

func hubAddr(h *line.Hub) string {
	if h == nil {
		return ""
	}
	return h.Addr()
}

func statusOf(f *folder, hub *line.Hub, l *line.Line) status {
	s := l.State()
	return status{Post: f.config.Name, Serving: true, Hub: hubAddr(hub), Joined: s.Connected, Since: s.Since.UTC().Format(time.RFC3339)}
}

// line is the post's way to its hub. The login key stays here: the line gets a function that signs.
func (u *unlocked) line(f *folder, hub *line.Hub, log *slog.Logger) (*line.Line, error) {
	login, err := nkeys.FromSeed(u.secret.Login)
	if err != nil {
		return nil, errors.New("the post's key file is damaged: its login does not parse")
	}
	public, err := login.PublicKey()
	if err != nil {
		return nil, err
	}
	c, err := f.config.post(log)
	if err != nil {
		return nil, err
	}
	if hub != nil {
		return line.New(line.Config{Route: c.Route, Hub: hub, Log: log})
	}
	profile, err := f.config.line()
	if err != nil {
		return nil, err
	}
	if len(f.config.HubKeys) == 0 {
		log.Warn("the line to the hub is not encrypted, and whoever is in between may take it over; telegrams on it stay sealed. Ask for the fingerprint of the hub's key, and name it in post.toml as hub_keys, with tls:// in hubs")
	}
	return line.New(line.Config{Route: c.Route, URLs: f.config.Hubs, HubKeys: f.config.HubKeys, Login: public, Sign: login.Sign, Log: log, Profile: profile})
}

// keepAdmitted lets the posts of the directory in at this post's broker, and nobody else.
func (u *unlocked) keepAdmitted(ctx context.Context, hub *line.Hub, log *slog.Logger) error {
	wake := u.db.Wake(ctx, "directory")
	size := int64(-1)
	for ctx.Err() == nil {
		d, err := u.Directory()
		if err == nil && d.Size() != size {
			var members []line.Member
			for _, p := range d.Posts() {
				m := line.Member{Route: p.Route, Login: p.Login}
				if p.Name == u.Name() {
					m.Login = ""
				}
				members = append(members, m)
			}
			if err = hub.Admit(ctx, members); err == nil {
				size = d.Size()
				log.Info("the broker admits the posts of the directory", "posts", len(members), "statements", size)
			}
		}
		pause := time.Minute
		if err != nil {
			log.Warn("the broker admits nobody new yet", "reason", err)
			pause = time.Second
		}
		select {
		case <-wake:
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}
