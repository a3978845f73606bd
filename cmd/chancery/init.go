package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"chancery.example/chancery/directory"
	"chancery.example/chancery/post"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
	"github.com/nats-io/nkeys"
	"github.com/spf13/cobra"
)

// periodLength is how long a post's letter key is good.
const periodLength = 365 * 24 * time.Hour

type initOptions struct {
	config
	offices   []string
	people    []string
	continued string
	retry     time.Duration
	markings  []string
	joins     bool // with a card
	card      directory.Card
}

func (a *app) initCommand() *cobra.Command {
	var o initOptions
	return a.initFlags(&o, &cobra.Command{
		Use:   "init POST --dir FOLDER --root FINGERPRINT --office OFFICE",
		Short: "Make a post: its folder, keys and database, and its application to the directory",
		Long: `Makes a post: a folder with its settings (post.toml), its keys (keys/, each under a passphrase of its own), its
encrypted database, and application.txt, which the keepers of the directory admit. Nothing secret is in application.txt.

--people makes officers, each with a number and a key file: drafter, releaser, administrator, or several with a plus.
An officer's key file may be carried to the officer's own machine; the post does not need it.

--continue goes on from a paper register: register=23342 (the post's own series), serial:BEIJING=2521 and
special:BEIJING=1690 (the series for one post), incoming=17. The register says that it was so.`,
		Example: `  chancery init BEIJING --dir beijing --root 8d80… --office AMBASSADOR --hub tls://hub.example:4222 --hub-key 3f2a…
  chancery init MOSCOW --dir moscow --root 8d80… --office MINISTRY --listen 127.0.0.1:4222 --continue register=23342,serial:BEIJING=2521`,
		Args: exactly("POST"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Name = args[0]
			return a.init(cmd.Context(), &o)
		},
	})
}

// initFlags are what init and join share.
func (a *app) initFlags(o *initOptions, c *cobra.Command) *cobra.Command {
	f := c.Flags()
	f.StringVar(&o.Root, "root", "", "the directory's `fingerprint`, learned by another way than the directory")
	f.StringArrayVar(&o.offices, "office", nil, "an `office` of the post, an addressee; may be given several times")
	f.StringSliceVar(&o.people, "people", []string{"drafter", "releaser"}, "officers to make keys for, by `role`; roles of one person are joined by a plus")
	f.StringVar(&o.Listen, "listen", "", "run the broker for other posts on this `host:port`")
	f.StringArrayVar(&o.Hubs, "hub", nil, "`address` of a post that runs a broker, tls://host:port; may be given several times")
	f.StringArrayVar(&o.HubKeys, "hub-key", nil, "`fingerprint` of the hub's key, learned by another way than the line; may be given several times")
	f.StringVar(&o.Line, "line", "", "what the line is `like`: fibre, satellite or 2400 (fibre)")
	f.BoolVar(&o.Metered, "metered", false, "each byte on the line is paid for: the hub wakes this post, which asks for nothing besides")
	f.StringVar(&o.Database, "database", "", "postgres://… `URL`, when several processes share the post")
	f.IntVar(&o.Section, "section", 0, "`bytes` of a telegram in one section (32768)")
	f.DurationVar(&o.retry, "retry", 0, "carry again what has no receipt after this `time` (10s)")
	f.StringVar(&o.Archive, "archive", "", "the `name` under which this post's filed records are cited, when it is not the post's")
	f.StringArrayVar(&o.markings, "marking", nil, "what this post's sheets call a precedence: `flash=TOP PRIORITY`")
	f.StringVar(&o.continued, "continue", "", "go on from a paper register: `series=last,…`")
	return c
}

// initialised is what init did.
type initialised struct {
	Post        string            `json:"post"`
	Folder      string            `json:"folder"`
	Route       string            `json:"route"`
	Application string            `json:"application"`
	People      []person          `json:"people"`
	Continued   map[string]uint32 `json:"continued,omitempty"`
	HubKey      string            `json:"hub_key,omitempty"`   // fingerprint
	ReadBack    []string          `json:"read_back,omitempty"` // the words of the card's answer
}

type person struct {
	Number uint32 `json:"number"`
	Roles  string `json:"roles"`
	Key    string `json:"key"`            // file
	Keys   int    `json:"keys,omitempty"` // how many he has had
}

func (a *app) init(ctx context.Context, o *initOptions) error {
	series, err := o.check()
	if err != nil {
		return err
	}
	made, err := makeFolder(a.dir)
	if err != nil {
		return err
	}
	if left, err := os.ReadDir(a.dir); err != nil {
		return err
	} else if len(left) > 0 {
		return fmt.Errorf("the folder %s is not empty: name a new one with --dir; nothing was changed", a.dir)
	}
	f := &folder{path: a.dir, config: o.config}
	if err := os.Mkdir(f.file("keys"), 0o700); err != nil {
		return err
	}
	done, err := a.makePost(ctx, f, o, series)
	if err != nil {
		emptyFolder(a.dir, made)
		return fmt.Errorf("making the post: %w; nothing was kept", err)
	}
	words := fmt.Sprintf("Post %s is made in %s. Its routing code is %s.\n", done.Post, done.Folder, done.Route)
	for _, p := range done.People {
		words += fmt.Sprintf("Person %d: %s; key file %s\n", p.Number, p.Roles, p.Key)
	}
	if done.HubKey != "" {
		words += fmt.Sprintf("The fingerprint of its hub's key is %s: tell it to the posts that join it, as --hub-key.\n", done.HubKey)
	}
	if o.joins {
		words += fmt.Sprintf("Read these words to the directory's keeper, who compares them:\n\n    %s\n    %s\n\n", strings.Join(done.ReadBack[:4], " "), strings.Join(done.ReadBack[4:], " "))
	}
	return a.say(done, "%sNext: have it admitted:  chancery directory admit %s\n", words, done.Application)
}

// check looks at the options before anything is made.
func (o *initOptions) check() (map[string]uint32, error) {
	if err := telegram.CheckPostName(o.Name); err != nil {
		return nil, usage("%v", err)
	}
	if _, err := directory.ParseFingerprint(o.Root); err != nil {
		return nil, usage("--root: %v. It is printed by  chancery directory new", err)
	}
	if len(o.offices) == 0 {
		return nil, usage("a post has at least one office: give --office, as in --office AMBASSADOR")
	}
	if o.retry != 0 {
		o.Retry = o.retry.String()
	}
	seen := map[string]bool{}
	for _, x := range o.offices {
		if strings.Contains(x, "@") {
			return nil, usage("--office %q: give the office alone; it is of %s", x, o.Name)
		}
		if _, err := telegram.ParseAddress(x + "@" + o.Name); err != nil {
			return nil, usage("--office %q: %v", x, err)
		}
		if seen[x] {
			return nil, usage("--office names %s twice", x)
		}
		seen[x] = true
	}
	for _, x := range o.people {
		if _, err := parseRoles(x); err != nil {
			return nil, err
		}
	}
	for _, m := range o.markings {
		level, words, ok := strings.Cut(m, "=")
		p, err := telegram.ParsePrecedence(level)
		if !ok || err != nil || words == "" {
			return nil, usage("--marking %q: write it as  flash=TOP PRIORITY", m)
		}
		if o.Markings == nil {
			o.Markings = map[string]string{}
		}
		o.Markings[p.String()] = words
	}
	if err := o.config.check(); err != nil {
		return nil, usage("%w", err)
	}
	return parseContinue(o.continued, o.Name, time.Now())
}

// parseContinue reads --continue into the names of series of a post.
func parseContinue(s, post string, now time.Time) (map[string]uint32, error) {
	out := map[string]uint32{}
	for _, x := range strings.Split(s, ",") {
		if x == "" {
			continue
		}
		i := strings.LastIndexByte(x, '=')
		if i < 0 {
			return nil, usage("--continue %q: write  series=last number", x)
		}
		n, err := strconv.ParseUint(x[i+1:], 10, 31) // as much again is left for those to come
		if err != nil {
			return nil, usage("--continue %q: %q is no number from 0 to %d", x, x[i+1:], math.MaxInt32)
		}
		kind, other, _ := strings.Cut(x[:i], ":")
		name := ""
		switch {
		case (kind == "register" || kind == "incoming") && other == "":
			name = fmt.Sprintf("%s %d", kind, now.UTC().Year())
		case (kind == "serial" || kind == "special") && other != "":
			if err := telegram.CheckPostName(other); err != nil {
				return nil, usage("--continue %q: %v", x, err)
			}
			if other == post {
				return nil, usage("--continue %q: a post has no series for itself", x)
			}
			name = kind + " " + other
		default:
			return nil, usage("--continue %q: the series are register, incoming, serial:POST and special:POST", x)
		}
		if _, twice := out[name]; twice {
			return nil, usage("--continue names %s twice", x[:i])
		}
		out[name] = uint32(n)
	}
	return out, nil
}

func (a *app) makePost(ctx context.Context, f *folder, o *initOptions, series map[string]uint32) (*initialised, error) {
	var route telegram.Route
	rand.Read(route[:])
	f.config.Route = route.String()
	secret, statements, err := newPostSecret(f.config.Name, route, time.Now())
	if err != nil {
		return nil, err
	}
	if o.Listen != "" {
		secret.Hub = newHubKey()
	}
	done := &initialised{Post: f.config.Name, Folder: f.path, Route: f.config.Route, Application: f.file("application.txt"), Continued: series}
	if done.HubKey, err = secret.fingerprint(); err != nil {
		return nil, err
	}
	for _, name := range o.offices {
		addr, err := telegram.ParseAddress(name + "@" + f.config.Name)
		if err != nil {
			return nil, err
		}
		statements = append(statements, directory.Office{Address: addr})
	}
	for _, roles := range o.people {
		p, s, err := a.makePerson(f, roles)
		if err != nil {
			return nil, err
		}
		done.People, statements = append(done.People, *p), append(statements, s...)
	}
	pass, err := a.givePassphrase(postKeyName(f.config.Name))
	if err != nil {
		return nil, err
	}
	if err := writeSecret(f.file("keys", "post.age"), pass, secret); err != nil {
		return nil, err
	}
	application := directory.Application(statements...)
	if o.joins {
		root, err := directory.ParseFingerprint(o.Root)
		if err != nil {
			return nil, err
		}
		done.ReadBack = o.card.ReadBack(root, o.Name, application)
		application = o.card.Sign(root, o.Name, application)
	}
	if err := writeNew(done.Application, application); err != nil {
		return nil, err
	}
	if err := a.makeDatabase(ctx, f, secret, series); err != nil {
		return nil, err
	}
	if err := a.keepPassphrases(); err != nil {
		return nil, err
	}
	// Only this makes the folder a post's: after a crash before it there is no post that lacks something.
	return done, f.writeConfig()
}

// makeDatabase makes the post's database, which must be new, and enters from where its series go on.
func (a *app) makeDatabase(ctx context.Context, f *folder, secret *postSecret, series map[string]uint32) error {
	u := &unlocked{secret: secret}
	keys, err := secret.keys()
	if err != nil {
		return err
	}
	c, err := f.config.post(slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	if u.db, err = store.Open(ctx, f.databaseURL(), seal.Subkey(secret.Master, "database")); err != nil {
		return fmt.Errorf("making the database: %w", err)
	}
	defer u.db.Close()
	if err := claimDatabase(ctx, u.db, f.config.Name); err != nil {
		return err
	}
	if u.Post, err = post.New(c, keys, u.db); err != nil {
		return err
	}
	if len(series) == 0 {
		return nil
	}
	return u.Continue(ctx, series)
}

// claimDatabase writes the post's name into a database that has none yet.
func claimDatabase(ctx context.Context, db *store.DB, name string) error {
	return db.Write(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec("insert into setting (name, value) values ('post', $1) on conflict (name) do nothing", name)
		if err == nil && n == 0 {
			err = errors.New("the database is a post's already: give a new one with --database")
		}
		return err
	})
}

func newPostSecret(name string, route telegram.Route, now time.Time) (*postSecret, []directory.Statement, error) {
	identity, register := seal.NewSigner(), seal.NewSigner()
	letter, err := seal.NewLetterKey()
	if err != nil {
		return nil, nil, err
	}
	letterBytes, err := letter.Bytes()
	if err != nil {
		return nil, nil, err
	}
	login, err := nkeys.CreateUser()
	if err != nil {
		return nil, nil, err
	}
	loginSeed, err := login.Seed()
	if err != nil {
		return nil, nil, err
	}
	loginPublic, err := login.PublicKey()
	if err != nil {
		return nil, nil, err
	}
	s := &postSecret{Name: name, Identity: identity.Seed(), Register: register.Seed(), Login: loginSeed, Master: make([]byte, 32)}
	rand.Read(s.Master)
	id := make([]byte, 4)
	rand.Read(id)
	s.Letters = []letterSecret{{id, letterBytes}}
	p := directory.Post{Name: name, Route: route, Identity: publicKey(identity), Register: publicKey(register), Login: loginPublic}
	p.Signature = vouch(identity, telegram.LabelKey, p.Body())
	from := now.UTC().Truncate(time.Second).Add(-time.Hour)
	k := directory.LetterKey{Post: name, ID: [4]byte(id), XWing: letter.Public(), NotBefore: from, NotAfter: from.Add(periodLength)}
	k.Signature = vouch(identity, telegram.LabelPeriod, k.Body())
	return s, []directory.Statement{p, k}, nil
}

func publicKey(s *seal.Signer) directory.PublicKey {
	ed, pq := s.Public()
	return directory.PublicKey{Ed25519: ed, MLDSA: pq}
}

func vouch(s *seal.Signer, label string, body []byte) directory.Signature {
	ed, pq := s.Sign(label, body)
	return directory.Signature{Ed25519: ed, MLDSA: pq}
}

// makePerson makes an officer's number and key. Numbers are drawn from so many that no two posts need to agree on them.
func (a *app) makePerson(f *folder, roles string) (*person, []directory.Statement, error) {
	r, err := parseRoles(roles)
	if err != nil {
		return nil, nil, err
	}
	var b [4]byte
	rand.Read(b[:])
	number := 10_000_000 + binary.BigEndian.Uint32(b[:])%4_000_000_000
	signer := seal.NewSigner()
	name := strconv.FormatUint(uint64(number), 10)
	pass, err := a.givePassphrase(name)
	if err != nil {
		return nil, nil, err
	}
	file := f.file("keys", name+".age")
	if err := writeSecret(file, pass, &personSecret{number, 1, signer.Seed()}); err != nil {
		return nil, nil, err
	}
	k := directory.Key{Ref: telegram.KeyRef{Person: number, Key: 1}, Key: publicKey(signer)}
	k.Signature = vouch(signer, telegram.LabelKey, k.Body())
	return &person{Number: number, Roles: r.String(), Key: filepath.Clean(file)}, []directory.Statement{directory.Person{Number: number, Post: f.config.Name, Roles: r}, k}, nil
}

func parseRoles(s string) (r directory.Role, err error) {
	for _, w := range strings.Split(s, "+") {
		switch strings.TrimSpace(w) {
		case "drafter":
			r |= directory.Drafter
		case "releaser":
			r |= directory.Releaser
		case "administrator":
			r |= directory.Administrator
		case "duty":
			r |= directory.Duty
		case "alone":
			r |= directory.Alone
		case "flash":
			r |= directory.AtFlash
		case "override":
			r |= directory.AtOverride
		default:
			return 0, usage("%q is no role: use drafter, releaser, administrator, duty, alone, flash, override", w)
		}
	}
	return r, nil
}
