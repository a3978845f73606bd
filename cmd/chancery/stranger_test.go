package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"chancery.example/chancery/circuit"
	"chancery.example/chancery/post"
	"chancery.example/chancery/store"
)

// TestStrangerDemo runs the demo with the program as it is built, and has the stranger's checker of docs/formats open what went over its wire.
//
// A receiver keeps no envelopes and a sender frees them at the receipt. So the addressed posts come up only after the sender has sealed and stopped: its
// outbox then has the bytes that it goes on to carry, and nothing of the telegram is other than in a demo in which all are there from the beginning. The letter
// key is read from the receiver's key file, with the passphrase that the demo made: no command of the program gives one out.
func TestStrangerDemo(t *testing.T) {
	python := stranger(t)
	ctx := t.Context()
	self := filepath.Join(t.TempDir(), "chancery")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", self, ".") // as make build does
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	plan, err := planDemo("", "", false)
	if err != nil {
		t.Fatal(err)
	}
	d := &demo{app: &app{in: strings.NewReader(""), out: io.Discard, err: io.Discard}, plan: plan, serving: map[string]*server{}, self: self, dir: t.TempDir()}
	t.Cleanup(d.stopAll)
	must := func(step string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v%s", step, err, d.logs())
		}
	}
	must("the posts", d.makePosts(ctx))
	all := d.plan.posts
	d.plan.posts = all[:1]
	must("the sender", d.serveAll(ctx))
	d.plan.posts = all
	must("the telegram", d.send(ctx))
	sealed := d.sealed(ctx, t)
	d.stopAll()
	envelopes := d.wire(ctx, t, sealed)
	must("all posts", d.serveAll(ctx))
	for _, step := range []func(context.Context) error{d.follow, d.act, d.file, d.prove, d.record} {
		must("the demo", step(ctx))
	}
	if len(envelopes["BEIJING"]) != 2 || len(envelopes["LONDON"]) != 2 || !d.out.Verified {
		t.Fatalf("%d and %d sections, verified: %v", len(envelopes["BEIJING"]), len(envelopes["LONDON"]), d.out.Verified)
	}
	for _, to := range []string{"BEIJING", "LONDON"} {
		dir := d.handOut(ctx, t, to, envelopes[to])
		out, err := exec.Command(python, "../../docs/formats/check.py", dir).CombinedOutput()
		if err != nil {
			t.Fatalf("%s\n%s", err, out)
		}
		for _, want := range []string{"R: " + d.plan.post(to).shown[0].Root.String() + "\n", "R: " + d.plan.home().shown[0].Root.String() + "\n",
			"letter: MOSCOW to " + to + ",", "frame: MOSCOW to " + to + ",", "section 2 of 2: ", "special number 1692,", "registered as 23343/"} {
			if to == "LONDON" && strings.HasPrefix(want, "special") {
				continue // the sheet says it of BEIJING's alone
			}
			if !strings.Contains(string(out), want) {
				t.Errorf("to %s the checker does not say %q:\n%s", to, want, out)
			}
		}
		// And it would have noticed: the other post's key opens nothing.
		other := "LONDON"
		if to == other {
			other = "BEIJING"
		}
		file := filepath.Join(dir, "letter.txt")
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text = bytes.Replace(text, d.letterKey(t, to), d.letterKey(t, other), 1)
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(python, "../../docs/formats/check.py", dir).CombinedOutput(); err == nil || !strings.Contains(string(out), "not sealed to this key") {
			t.Errorf("with another key: %v\n%s", err, out)
		}
	}
}

// stranger finds what docs/formats/check.py needs. Where it is missing the test is skipped, or fails if CI=true.
func stranger(t *testing.T) string {
	missing := "the checker needs Node.js and  npm ci  in docs/formats"
	if _, err := os.Stat("../../docs/formats/node_modules/@noble/post-quantum"); err == nil {
		missing = "the checker needs Python with the package cryptography: on Debian, apt-get install python3-cryptography"
		for _, name := range []string{"python3", "/usr/bin/python3"} {
			if exec.Command(name, "-c", "import cryptography").Run() == nil {
				return name
			}
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// sealed waits until the sender has sealed every section, and gives the telegram as it has it.
func (d *demo) sealed(ctx context.Context, t *testing.T) (s post.Shown) {
	t.Helper()
	if err := d.until(ctx, "sealing", func() (bool, error) {
		s = post.Shown{}
		if err := d.at(ctx, d.plan.home(), "", &s, "show", "--out", fmt.Sprint(d.plan.number)); err != nil {
			return false, err
		}
		return !slices.ContainsFunc(s.Addressed, func(x post.Addressed) bool { return x.Dispatched == nil || len(x.Specials) < 2 }), nil
	}); err != nil {
		t.Fatal(err, d.logs())
	}
	return s
}

// unlock opens one of the demo's posts, which nobody serves.
func (d *demo) unlock(ctx context.Context, t *testing.T, p *demoPost) (*folder, *unlocked) {
	t.Helper()
	f, err := openFolder(filepath.Join(d.dir, p.folder))
	if err != nil {
		t.Fatal(err)
	}
	a := &app{secrets: filepath.Join(d.dir, p.secrets())}
	u, err := a.unlock(ctx, f, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return f, u
}

// wire gives the envelopes that lie in the sender's outbox, for each post.
func (d *demo) wire(ctx context.Context, t *testing.T, s post.Shown) map[string][][]byte {
	t.Helper()
	_, u := d.unlock(ctx, t, d.plan.home())
	defer u.close()
	out := map[string][][]byte{}
	if err := u.db.Read(ctx, func(tx *store.Tx) error {
		for _, x := range s.Addressed {
			sections, err := circuit.OnTheWire(tx, x.Post, x.Serial)
			if err != nil {
				return err
			}
			for _, section := range sections {
				if section.Envelope == nil {
					return fmt.Errorf("an envelope to %s is freed already", x.Post)
				}
				out[x.Post] = append(out[x.Post], section.Envelope)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

// letterKey is the seed of a post's letter key, in hexadecimal.
func (d *demo) letterKey(t *testing.T, name string) []byte {
	t.Helper()
	p := d.plan.post(name)
	f, u := d.unlock(t.Context(), t, p)
	defer u.close()
	if len(u.secret.Letters) == 0 {
		t.Fatalf("%s has no letter key", f.config.Name)
	}
	return []byte(hex.EncodeToString(u.secret.Letters[0].Key))
}

// handOut writes what the checker takes.
func (d *demo) handOut(ctx context.Context, t *testing.T, to string, envelopes [][]byte) (dir string) {
	t.Helper()
	dir = t.TempDir()
	home := d.plan.home()
	var proof struct{ Proof string }
	if err := d.at(ctx, home, "", &proof, "register", "prove", fmt.Sprint(d.plan.number)); err != nil {
		t.Fatal(err)
	}
	list, err := os.ReadFile(filepath.Join(d.dir, "directory.txt"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := openFolder(filepath.Join(d.dir, home.folder))
	if err != nil {
		t.Fatal(err)
	}
	letter := fmt.Sprintf("to %s\nkey %s\n", to, d.letterKey(t, to))
	for _, e := range envelopes {
		letter += fmt.Sprintf("envelope %x\n", e)
	}
	for name, text := range map[string]string{"directory.txt": string(list), "fingerprint": f.config.Root + "\n", "letter.txt": letter, "proof.txt": proof.Proof} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
