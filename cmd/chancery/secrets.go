package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"chancery.example/chancery/seal"
	"chancery.example/chancery/telegram"
	"filippo.io/age"
	"golang.org/x/term"
)

// postSecret is what a post's key file holds. Each key has one purpose.
type postSecret struct {
	Name     string         `json:"name"`
	Identity []byte         `json:"identity"` // seeds
	Register []byte         `json:"register"`
	Login    []byte         `json:"login"`  // nkey seed
	Master   []byte         `json:"master"` // 32 bytes, from which the keys at rest come
	Letters  []letterSecret `json:"letters"`
	Hub      []byte         `json:"hub,omitempty"` // seed of the TLS key of this post's broker, if it has one
}

type letterSecret struct {
	ID  []byte `json:"id"`
	Key []byte `json:"key"`
}

// personSecret is what an officer's key file holds.
type personSecret struct {
	Person uint32 `json:"person"`
	Key    uint16 `json:"key"`
	Seed   []byte `json:"seed"`
}

func (s *personSecret) ref() telegram.KeyRef { return telegram.KeyRef{Person: s.Person, Key: s.Key} }

func (s *personSecret) signer() (*seal.Signer, error) { return seal.SignerFromSeed(s.Seed) }

// workFactor is scrypt's: 32 MiB of memory. Passphrases are generated, 130 bits, so it is the passphrase that protects and not the work.
const workFactor = 15

// writeSecret writes a key file that did not exist, sealed under a passphrase (age, scrypt).
func writeSecret(file, passphrase string, v any) error {
	defer debug.FreeOSMemory()
	clear, err := json.Marshal(v)
	if err != nil {
		return err
	}
	r, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return err
	}
	r.SetWorkFactor(workFactor)
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, r)
	if err != nil {
		return err
	}
	if _, err := w.Write(clear); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	if err := writeNew(file, sealed.Bytes()); err != nil {
		return fmt.Errorf("writing the key file: %w", err)
	}
	return nil
}

// writeNew writes a file that did not exist, readable by its owner alone, and has it on disk before it returns.
func writeNew(file string, b []byte) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Sync(), f.Close())
}

// readSecret opens a key file.
func readSecret(file, passphrase string, v any) error {
	defer debug.FreeOSMemory()
	sealed, err := readFile(file, mostKey)
	if err != nil {
		return fmt.Errorf("reading the key file: %w", err)
	}
	id, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return err
	}
	id.SetMaxWorkFactor(20)
	r, err := age.Decrypt(bytes.NewReader(sealed), id)
	if err != nil {
		return fmt.Errorf("the key file %s does not open: the passphrase is wrong, or the file is damaged; nothing was changed", file)
	}
	clear, err := io.ReadAll(io.LimitReader(r, 1<<20))
	if err != nil {
		return fmt.Errorf("the key file %s is damaged; nothing was changed", file)
	}
	if err := json.Unmarshal(clear, v); err != nil {
		return fmt.Errorf("the key file %s is not one of this program's", file)
	}
	return nil
}

// newPassphrase makes 26 letters and digits, 130 bits, in groups that can be read out.
func newPassphrase() string {
	s := strings.ToLower(rand.Text())
	var groups []string
	for len(s) > 5 {
		groups, s = append(groups, s[:5]), s[5:]
	}
	groups[len(groups)-1] += s
	return strings.Join(groups, "-")
}

// passphrase finds the passphrase of a key: in the file of passphrases, or at the terminal.
func (a *app) passphrase(key string) (string, error) {
	if a.secrets != "" {
		known, err := readPassphrases(a.secrets)
		if err != nil {
			return "", err
		}
		if p, ok := known[key]; ok {
			return p, nil
		}
		return "", fmt.Errorf("%s has no line «%s: …»: add it, or give another --passphrase-file", a.secrets, key)
	}
	tty, ok := a.in.(*os.File)
	if !ok || !term.IsTerminal(int(tty.Fd())) {
		return "", fmt.Errorf("the passphrase of %s is needed: run this at a terminal, or give --passphrase-file", key)
	}
	fmt.Fprintf(a.err, "Passphrase of %s: ", key)
	b, err := term.ReadPassword(int(tty.Fd()))
	fmt.Fprintln(a.err)
	return strings.TrimSpace(string(b)), err
}

func readPassphrases(file string) (map[string]string, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("reading the passphrases: %w", err)
	}
	defer f.Close()
	out, err := parsePassphrases(f)
	if err != nil {
		return nil, fmt.Errorf("reading the passphrases: %s: %w", file, err)
	}
	return out, nil
}

// parsePassphrases reads lines «key: passphrase»; others are for people. The last line of a key counts.
func parsePassphrases(r io.Reader) (map[string]string, error) {
	out := map[string]string{}
	s := bufio.NewScanner(io.LimitReader(r, mostApplied))
	for s.Scan() {
		if key, p, ok := strings.Cut(s.Text(), ":"); ok {
			out[strings.TrimSpace(key)] = strings.TrimSpace(p)
		}
	}
	if s.Err() != nil {
		return nil, errors.New("it has a line that is too long for a passphrase")
	}
	return out, nil
}

// givePassphrase makes a new passphrase for a key and gives it to its holder: once on the terminal, or into the file of passphrases, which
// keepPassphrases writes when what the keys belong to is made. Until then a failure leaves no line of a key that is not there.
func (a *app) givePassphrase(key string) (string, error) {
	p := newPassphrase()
	if a.secrets == "" {
		if tty, ok := a.in.(*os.File); !ok || !term.IsTerminal(int(tty.Fd())) {
			return "", errors.New("a passphrase is made and must be given to somebody: run this at a terminal, or give --passphrase-file")
		}
		fmt.Fprintf(a.err, "Passphrase of %s, shown this once. Write it down: without it the key is lost.\n    %s\n", key, p)
		return p, nil
	}
	if known, err := readPassphrases(a.secrets); err == nil && known[key] != "" {
		return "", fmt.Errorf("%s has a passphrase of %s already: name another file, or take the line out if that key is gone", a.secrets, key)
	}
	a.given = append(a.given, key+": "+p+"\n")
	return p, nil
}

// keepPassphrases puts the passphrases that were made into their file.
func (a *app) keepPassphrases() error {
	if len(a.given) == 0 {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(a.secrets), 0o700); err != nil {
		return fmt.Errorf("writing the passphrases: %w", err)
	}
	f, err := os.OpenFile(a.secrets, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("writing the passphrases: %w", err)
	}
	_, err = f.WriteString(strings.Join(a.given, ""))
	a.given = nil
	return errors.Join(err, f.Sync(), f.Close())
}
