package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
	"unicode"

	"chancery.example/chancery/directory"
	"chancery.example/chancery/post"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
	"github.com/pelletier/go-toml/v2"
)

// config is post.toml, the one file of settings of a post. It holds nothing secret.
type config struct {
	Name     string         `toml:"name"`
	Route    string         `toml:"route" comment:"The post's routing code: a pseudonym, all that a relay sees of it. The directory has it; do not change it."`
	Root     string         `toml:"root" comment:"The fingerprint of the directory's root, learned by another way than the directory."`
	Database string         `toml:"database,omitempty" comment:"postgres://… when several processes share the post; else the file post.db in this folder."`
	Listen   string         `toml:"listen,omitempty" comment:"host:port on which this post runs the broker for others."`
	TLSOnly  bool           `toml:"tls_only,omitempty" comment:"Whether this post's broker lets nobody in without TLS."`
	Hubs     []string       `toml:"hubs,omitempty" comment:"tls://host:port of the posts that run a broker, when this one does not."`
	HubKeys  []string       `toml:"hub_keys,omitempty" comment:"The fingerprints of their keys, as chancery hub key prints them, learned by another way than the line."`
	Section  int            `toml:"section,omitempty" comment:"Bytes of a telegram in one section."`
	Window   int64          `toml:"window,omitempty" comment:"Bytes on a circuit without a receipt."`
	Retry    string         `toml:"retry,omitempty" comment:"After this a section without a receipt is carried again, as in 10s."`
	Witness  string         `toml:"witness,omitempty" comment:"How often other posts are shown what is new in this post's register, as in 6h."`
	Late     string         `toml:"late,omitempty" comment:"After this the second signatures that short envelopes leave out follow, as in 1m; at most 24h."`
	Whole    []string       `toml:"whole,omitempty" comment:"Posts whose telegrams are shown only when all of their signatures are here."`
	Limits   map[string]int `toml:"limits,omitempty" comment:"Characters of text that a telegram may have at a precedence, 0 for any number, as in flash = 2000."`
	Last     string         `toml:"last_number,omitempty" comment:"How often other posts are told how far this post's numbers are, as in 1h. On a line that is paid for by the byte, 6h or more."`
	Pieces   string         `toml:"pieces,omitempty" comment:"Where the pieces of attachments lie: a folder, or s3://host:port/bucket/prefix in an object store; else the folder pieces beside this file."`
	Login    string         `toml:"pieces_login,omitempty" comment:"The file with the login for the object store: lines  access: …  and  secret: … , perhaps  region: … . Only its owner may read it."`
	Fetch    int64          `toml:"fetch,omitempty" comment:"An attachment with more bytes than this is asked for by command alone."`
	Archive  string         `toml:"archive,omitempty" comment:"The name under which this post's filed records are cited; else the post's own."`
	lineConfig
	Markings map[string]string        `toml:"markings,omitempty" comment:"What this post's sheets call a precedence, as in flash = \"TOP PRIORITY\"."`
	Circuits map[string]circuitConfig `toml:"circuits,omitempty" comment:"What is otherwise on the way to single posts, as in  [circuits.BEIJING]  line = \"satellite\"."`
}

// folder is a post's folder.
type folder struct {
	path   string
	config config
}

func (f *folder) file(name ...string) string {
	return filepath.Join(append([]string{f.path}, name...)...)
}

func (f *folder) socket() string { return f.file("chancery.sock") }

func openFolder(dir string) (*folder, error) {
	f := &folder{path: dir}
	b, err := readFile(f.file("post.toml"), mostKey)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is no post's folder: it has no post.toml. Name one with --dir, or make one with  chancery init", dir)
	}
	if err != nil {
		return nil, err
	}
	if err := f.config.parse(b); err != nil {
		return nil, fmt.Errorf("%s: %w", f.file("post.toml"), err)
	}
	return f, nil
}

// parse reads post.toml, and refuses what it does not know or could not do.
func (c *config) parse(b []byte) error {
	err := toml.NewDecoder(bytes.NewReader(b)).DisallowUnknownFields().Decode(c)
	var strict *toml.StrictMissingError
	var at *toml.DecodeError
	switch {
	case errors.As(err, &strict):
		line, _ := strict.Errors[0].Position()
		return fmt.Errorf("line %d: there is no setting %s", line, strings.Join(strict.Errors[0].Key(), "."))
	case errors.As(err, &at):
		line, _ := at.Position()
		return fmt.Errorf("line %d: %s", line, tomlWords(at))
	case err != nil:
		return err
	}
	return c.check()
}

// tomlWords is what is wrong, without the names of Go types.
func tomlWords(e *toml.DecodeError) string {
	if key := e.Key(); len(key) > 0 {
		return fmt.Sprintf("%s has a value of another kind than it takes", strings.Join(key, "."))
	}
	return strings.TrimPrefix(e.Error(), "toml: ")
}

// check looks at every setting, so that a bad one is told before anything is made or opened. Its errors begin with the setting's name.
func (c *config) check() error {
	if err := telegram.CheckPostName(c.Name); err != nil {
		return fmt.Errorf("name: %w", err)
	}
	if c.Section != 0 && (c.Section < post.MinSection || c.Section > post.MaxSection) {
		return fmt.Errorf("section: it is from %d to %d bytes, not %d", post.MinSection, post.MaxSection, c.Section)
	}
	if c.Fetch < 0 {
		return fmt.Errorf("fetch: it cannot be %d bytes", c.Fetch)
	}
	if err := c.checkPieces(); err != nil {
		return err
	}
	if err := c.checkLines(); err != nil {
		return err
	}
	if c.Witness != "" {
		if d, err := time.ParseDuration(c.Witness); err != nil || d < time.Second || d > 24*time.Hour {
			return fmt.Errorf("witness: %q is no duration from 1s to 24h, such as 6h", c.Witness)
		}
	}
	if c.Late != "" {
		if d, err := time.ParseDuration(c.Late); err != nil || d < time.Second || d > 24*time.Hour {
			return fmt.Errorf("late: %q is no duration from 1s to 24h, such as 1m", c.Late)
		}
	}
	for _, name := range c.Whole {
		if err := telegram.CheckPostName(name); err != nil {
			return fmt.Errorf("whole: %w", err)
		}
	}
	if c.Last != "" {
		if d, err := time.ParseDuration(c.Last); err != nil || d < time.Second || d > post.MaxLastNumber {
			return fmt.Errorf("last_number: %q is no duration from 1s to %s, such as 1h", c.Last, post.MaxLastNumber)
		}
	}
	if c.Database != "" && !strings.HasPrefix(c.Database, "postgres://") && !strings.HasPrefix(c.Database, "postgresql://") {
		return errors.New("database: it begins with postgres://; without it the post has a file of its own")
	}
	for level, n := range c.Limits {
		if p, err := telegram.ParsePrecedence(level); err != nil {
			return fmt.Errorf("limits: %w", err)
		} else if p.String() != level || n < 0 {
			return fmt.Errorf("limits: write it as in  flash = 2000, not %s = %d", level, n)
		}
	}
	for level, words := range c.Markings {
		if p, err := telegram.ParsePrecedence(level); err != nil {
			return fmt.Errorf("markings: %w", err)
		} else if p.String() != level || words == "" || strings.ContainsFunc(words, unicode.IsControl) {
			return fmt.Errorf("markings: write it as in  flash = \"TOP PRIORITY\", not %s = %q", level, words)
		}
	}
	return c.checkWays()
}

// makeFolder makes a folder, or finds it made.
func makeFolder(dir string) (made bool, err error) {
	_, err = os.Stat(dir)
	made = errors.Is(err, fs.ErrNotExist)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return false, err
	}
	return made, nil
}

// emptyFolder takes away all that is in a folder, which was empty or absent before, and the folder if it was made.
func emptyFolder(dir string, made bool) {
	files, _ := os.ReadDir(dir)
	for _, x := range files {
		os.RemoveAll(filepath.Join(dir, x.Name()))
	}
	if made {
		os.Remove(dir)
	}
}

func (f *folder) writeConfig() error {
	b, err := toml.Marshal(f.config)
	if err != nil {
		return err
	}
	return writeNew(f.file("post.toml"), b)
}

func (f *folder) databaseURL() string {
	if f.config.Database != "" {
		return f.config.Database
	}
	return f.file("post.db")
}

// unlocked is a post that this process has opened: its store and its keys.
type unlocked struct {
	*post.Post
	db     *store.DB
	secret *postSecret
	lock   *os.File
}

func (u *unlocked) close() error {
	err := u.db.Close()
	if u.lock != nil {
		err = errors.Join(err, u.lock.Close())
	}
	return err
}

// unlock opens the post. On SQLite one process has it at a time.
func (a *app) unlock(ctx context.Context, f *folder, log *slog.Logger) (*unlocked, error) {
	return a.unlockFor(ctx, f, false, log)
}

// unlockFor opens the post to serve it, or for one command. Only who serves has the store of what is burnt, and one process has that at a time.
func (a *app) unlockFor(ctx context.Context, f *folder, serving bool, log *slog.Logger) (*unlocked, error) {
	u := &unlocked{}
	if f.config.Database == "" || serving {
		var err error
		if u.lock, err = lockFolder(f.file("lock")); err != nil {
			return nil, err
		}
	}
	if err := a.openPost(ctx, f, u, serving, log); err != nil {
		if u.lock != nil {
			u.lock.Close()
		}
		return nil, err
	}
	return u, nil
}

func lockFolder(file string) (*os.File, error) {
	l, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	// The lock goes with the process, however it ends. The number in the file is only for the message.
	for try := 0; ; try++ {
		if err = syscall.Flock(int(l.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err == nil {
			return l, signLock(l)
		}
		if try == 20 {
			defer l.Close()
			who, _ := io.ReadAll(io.LimitReader(l, 20))
			return nil, coded{fmt.Errorf("another command, process %s, has the post's folder %s open; nothing was done. Wait for it, or stop it", strings.TrimSpace(string(who)), filepath.Dir(file)), exitBusy}
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func signLock(l *os.File) error {
	if err := l.Truncate(0); err != nil {
		return err
	}
	_, err := l.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0)
	return err
}

func (a *app) openPost(ctx context.Context, f *folder, u *unlocked, serving bool, log *slog.Logger) error {
	pass, err := a.passphrase(postKeyName(f.config.Name))
	if err != nil {
		return err
	}
	u.secret = &postSecret{}
	if err := readSecret(f.file("keys", "post.age"), pass, u.secret); err != nil {
		return err
	}
	if u.secret.Name == "" {
		return fmt.Errorf("%s is no post's key file: another was put in its place", f.file("keys", "post.age"))
	}
	if u.secret.Name != f.config.Name {
		return fmt.Errorf("the key file is of %s, post.toml of %s: one of the two was put here from another post", u.secret.Name, f.config.Name)
	}
	keys, err := u.secret.keys()
	if err != nil {
		return err
	}
	c, err := f.config.post(log)
	if err != nil {
		return err
	}
	c.Now = a.clock
	if c.Pieces, err = f.pieces(); err != nil {
		return err
	}
	if err := f.hasDatabase(); err != nil {
		return err
	}
	if serving {
		if keys.Burnable, err = openBurnable(f, u.secret, log); err != nil {
			return err
		}
	}
	if u.db, err = store.Open(ctx, f.databaseURL(), seal.Subkey(u.secret.Master, "database")); err != nil {
		if errors.Is(err, store.ErrFull) {
			return fmt.Errorf("opening the post's database: %w. Nothing was changed. Make room on the disk of %s, and do it again", err, f.path)
		}
		if f.config.Database == "" && !errors.Is(err, store.ErrBusy) && !errors.Is(err, store.ErrNewer) {
			return fmt.Errorf("opening the post's database: %w. %s", err, keepDisk)
		}
		return fmt.Errorf("opening the post's database: %w. Nothing was changed", err)
	}
	if err = ownDatabase(ctx, u.db, f.config.Name); err == nil {
		u.Post, err = post.New(c, keys, u.db)
	}
	if err != nil {
		u.db.Close()
	}
	return err
}

// openBurnable opens the store of what is burnt. One that is gone or cannot be read is begun anew, and the other posts are told.
func openBurnable(f *folder, secret *postSecret, log *slog.Logger) (*post.Burnable, error) {
	b, why, err := post.OpenBurnable(f.file("keys"), seal.Subkey(secret.Master, "burnable"))
	if err != nil {
		return nil, fmt.Errorf("opening the store of secrets that are burnt, in %s: %w. Nothing was changed", f.file("keys"), err)
	}
	if why != nil {
		log.Info("a new store of secrets that are burnt was begun", "folder", f.file("keys"), "reason", why)
	}
	return b, nil
}

// keepDisk is what to do when the register is not there or not to be read: what lies on the disk may still be recovered.
const keepDisk = "Nothing was changed. Keep the disk as it is, and put back post.db from a backup"

// hasDatabase refuses to begin an empty register in the place of one that is gone: its numbers would be given a second time.
func (f *folder) hasDatabase() error {
	if f.config.Database != "" {
		return nil
	}
	s, err := os.Stat(f.file("post.db"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the post's database %s is gone. %s", f.file("post.db"), keepDisk)
	case err != nil:
		return err
	case !s.Mode().IsRegular():
		return fmt.Errorf("the post's database %s is no file. %s", f.file("post.db"), keepDisk)
	case s.Size() == 0:
		return fmt.Errorf("the post's database %s is empty. %s", f.file("post.db"), keepDisk)
	}
	return nil
}

// ownDatabase refuses a database that is another post's: on PostgreSQL a wrong line in post.toml would mix two registers.
func ownDatabase(ctx context.Context, db *store.DB, name string) error {
	return db.Read(ctx, func(tx *store.Tx) error {
		var whose string
		err := tx.QueryRow("select value from setting where name = 'post'").Scan(&whose)
		if errors.Is(err, sql.ErrNoRows) {
			return errors.New("the database is new and empty, not the one this post was made with: see database in post.toml, and whether post.db was moved")
		}
		if err == nil && whose != name {
			return fmt.Errorf("the database is that of %s, not of %s: see database in post.toml. Nothing was changed", whose, name)
		}
		return err
	})
}

func postKeyName(post string) string { return "post " + post }

func (c *config) post(log *slog.Logger) (p post.Config, err error) {
	p = post.Config{Name: c.Name, Section: c.Section, Whole: c.Whole, Fetch: c.Fetch, Log: log}
	for level, n := range c.Limits {
		at, err := telegram.ParsePrecedence(level)
		if err != nil {
			return p, fmt.Errorf("post.toml: limits: %w", err)
		}
		if p.Limits == nil {
			p.Limits = map[telegram.Precedence]int{}
		}
		p.Limits[at] = n
	}
	if p.Route, err = telegram.ParseRoute(c.Route); err != nil {
		return p, fmt.Errorf("post.toml: route: %w", err)
	}
	if p.Fingerprint, err = directory.ParseFingerprint(c.Root); err != nil {
		return p, fmt.Errorf("post.toml: root: %w", err)
	}
	if err := c.ways(&p); err != nil {
		return p, fmt.Errorf("post.toml: %w", err)
	}
	if c.Late != "" {
		if p.Late, err = time.ParseDuration(c.Late); err != nil {
			return p, fmt.Errorf("post.toml: late: %q is no duration such as 1m", c.Late)
		}
	}
	if c.Witness != "" {
		if p.Witness, err = time.ParseDuration(c.Witness); err != nil {
			return p, fmt.Errorf("post.toml: witness: %q is no duration such as 6h", c.Witness)
		}
	}
	if p.Metered {
		p.LastNumber = 24 * time.Hour
	}
	if c.Last != "" {
		if p.LastNumber, err = time.ParseDuration(c.Last); err != nil {
			return p, fmt.Errorf("post.toml: last_number: %q is no duration such as 1h", c.Last)
		}
	}
	return p, nil
}

func (s *postSecret) keys() (k post.Keys, err error) {
	var errs [3]error
	k.Identity, errs[0] = seal.SignerFromSeed(s.Identity)
	k.Register, errs[1] = seal.SignerFromSeed(s.Register)
	k.Rest, errs[2] = seal.NewRest(seal.Subkey(s.Master, "data"))
	for _, l := range s.Letters {
		key, err := seal.ParseLetterKey(l.Key)
		if err != nil || len(l.ID) != 4 {
			return k, errors.New("the post's key file is damaged: a letter key does not parse")
		}
		k.Letters = append(k.Letters, post.LetterKey{ID: [4]byte(l.ID), Key: key})
	}
	return k, errors.Join(errs[:]...)
}

// people lists the officers' key files in the folder, by the person's number.
func (f *folder) people() (map[string]string, error) {
	files, err := filepath.Glob(f.file("keys", "*.age"))
	out := map[string]string{}
	for _, x := range files {
		if name := strings.TrimSuffix(filepath.Base(x), ".age"); name != "post" {
			out[name] = x
		}
	}
	return out, err
}
