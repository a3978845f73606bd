package bench

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"chancery.example/chancery/circuit"
	"chancery.example/chancery/register"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/store"
	"chancery.example/chancery/store/storetest"
	"chancery.example/chancery/telegram"
	"golang.org/x/mod/sumdb/note"
)

// proving is what it takes to prove a register: to oneself all of it, to others one entry, and to somebody who has nothing of ours.
func proving(t *testing.T, c counts) []figure {
	return append(append(verifying(t, c), oneEntry(t, c)...), byStranger(t, c)...)
}

// verifying has a post prove its register: each telegram opened, its roots made, the signatures of its people checked, and its entry made again.
func verifying(t *testing.T, c counts) []figure {
	moscow, _ := ministry(t)
	moscow.config.Window = 1 // one section is sealed, and no other
	moscow.release(c.verified, "BEIJING")
	moscow.reopen(256)
	start := time.Now()
	stop := run(t, map[*desks]circuit.Carrier{moscow: nowhere{}})
	moscow.until(released, start, c.verified, 10*time.Minute)
	stop()
	var entries int64
	var ours, bare []float64
	for range c.turns {
		profiled(t, "register verify", func() {
			start := time.Now()
			report := must(moscow.VerifyRegister(t.Context(), nil))
			if len(report.Findings) > 0 || report.Size < int64(c.verified) {
				t.Fatalf("%+v", report)
			}
			entries = report.Size
			ours = append(ours, time.Since(start).Seconds())
		})
		bare = append(bare, signatures(moscow, c.verified))
	}
	per := 100_000 / float64(entries)
	return []figure{against("register verify, of a post that sends", median(ours)*per, "s per 100,000 entries", "the people's signatures in them, on one processor", median(bare)*per)}
}

// signatures is how long it takes to verify those of so many telegrams: two of Ed25519 and one of ML-DSA-44.
func signatures(x *desks, n int) float64 {
	ed, pq := x.releaser.Sign(telegram.LabelRelease, make([]byte, 32))
	v := x.releaser.Verifier()
	public, _ := x.releaser.Public()
	message := append([]byte(telegram.LabelRelease), make([]byte, 32)...)
	start := time.Now()
	for range n {
		if !v.Verify(telegram.LabelRelease, message[len(telegram.LabelRelease):], ed, pq) || !ed25519.Verify(public, message, ed) {
			panic("a signature does not hold")
		}
	}
	return time.Since(start).Seconds()
}

// oneEntry proves one entry of a large register.
func oneEntry(t *testing.T, c counts) (figures []figure) {
	const origin = "chancery/register/c00001"
	key := seal.NewSigner()
	signers, verifiers := must(key.Cosigners(origin)), must(key.Verifier().Cosigners(origin))
	db := storetest.SQLite(t)
	start := time.Now()
	fill(t, db, c.entries, origin, signers)
	t.Logf("a register of %d entries was made in %s", c.entries, time.Since(start).Round(time.Millisecond))

	remake := func(r register.Row) ([]byte, []register.Taken, error) { return r.Leaf, nil, nil }
	start = time.Now()
	read(t, db, func(tx *store.Tx) error {
		report, err := register.Verify(tx, origin, verifiers, remake, nil)
		if err == nil && (len(report.Findings) > 0 || report.Size != int64(c.entries)) {
			err = fmt.Errorf("%+v", report)
		}
		return err
	})
	whole := time.Since(start).Seconds()
	start = time.Now()
	h := sha256.Sum256(nil)
	for range 3 * c.entries { // two trees of a million leaves, and the entries themselves
		h = sha256.Sum256(h[:])
	}
	per := 100_000 / float64(c.entries)
	figures = append(figures, against("the log alone, entries and hashes", whole*per, "s per 100,000 entries", "three SHA-256 for each", time.Since(start).Seconds()*per))

	var proof string
	var made, checked []float64
	for i := range c.rounds {
		of := 1 + int64(i)*int64(c.entries)/int64(c.rounds)
		read(t, db, func(tx *store.Tx) (err error) {
			start := time.Now()
			proof, err = register.ProofOf(tx, of, origin, verifiers)
			made = append(made, float64(time.Since(start).Microseconds()))
			return err
		})
		start := time.Now()
		p := must(register.ParseProof(proof))
		if _, err := p.Check(verifiers); err != nil {
			t.Fatal(err)
		}
		checked = append(checked, float64(time.Since(start).Microseconds()))
	}
	signed := must(note.Sign(&note.Note{Text: register.CheckpointText(origin, 1, h)}, signers...))
	start = time.Now()
	for range c.rounds {
		if _, err := register.OpenCheckpoint(string(signed), origin, verifiers); err != nil {
			t.Fatal(err)
		}
	}
	open := float64(time.Since(start).Microseconds()) / float64(c.rounds)
	what := fmt.Sprintf("of an entry among %d", c.entries)
	return append(figures,
		against("size of a proof, "+what, float64(len(proof)), "bytes", "its two signatures and the entry, in base64", float64((12+64+12+2420+150)*4/3)),
		against("time to make it", median(made), "µs", "its checkpoint's two signatures verified", open),
		against("time to check it", median(checked), "µs", "its checkpoint's two signatures verified", open))
}

// fill enters so many telegrams that are nobody's.
func fill(t *testing.T, db *store.DB, n int, origin string, signers []note.Signer) {
	t.Helper()
	entry := slices.Concat([]byte(telegram.LabelEntry), []byte{byte(telegram.EntryOut)}, make([]byte, 3*32+4+32))
	for from := 0; from < n; from += 20_000 {
		if err := db.Write(t.Context(), func(tx *store.Tx) error {
			b, err := register.Open(tx)
			if err != nil {
				return err
			}
			for i := from; i < min(n, from+20_000); i++ {
				e := slices.Clone(entry)
				binary.BigEndian.PutUint64(e[len(e)-8:], uint64(i))
				if _, err := b.Enter(telegram.EntryOut, e, int64(i)+1, 1796676000); err != nil {
					return err
				}
			}
			return b.Close(origin, signers)
		}); err != nil {
			t.Fatal(err)
		}
	}
}

func read(t *testing.T, db *store.DB, fn func(*store.Tx) error) {
	t.Helper()
	if err := db.Read(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// byStranger is how long docs/formats/check.py takes over its vectors, a process and those that it starts.
func byStranger(t *testing.T, c counts) []figure {
	const formats = "../docs/formats"
	python := ""
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		if python == "" && exec.Command(name, "-c", "import cryptography").Run() == nil {
			python = name
		}
	}
	if _, err := os.Stat(filepath.Join(formats, "node_modules/@noble/post-quantum")); err != nil || python == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("the checker needs Python's cryptography, and  npm ci  in docs/formats")
		}
		t.Log("the checker was not timed: it needs Python's cryptography, and  npm ci  in docs/formats")
		return nil
	}
	timed := func(name string, args ...string) float64 {
		start := time.Now()
		if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return float64(time.Since(start).Milliseconds())
	}
	nothing := "import subprocess\nfrom cryptography.hazmat.primitives.ciphers.aead import AESGCM\nfor _ in range(3): subprocess.run(['node', '--input-type=module', '-e', " +
		`"import '@noble/post-quantum/ml-dsa.js'; import '@noble/post-quantum/ml-kem.js'"], cwd='` + formats + "', check=True)"
	var figures []figure
	for _, v := range []struct{ folder, what string }{{"vectors", "one section"}, {"vectors-lived", "three sections, a lived-in directory"}} {
		var ours, bare []float64
		for range c.starts {
			ours = append(ours, timed(python, filepath.Join(formats, "check.py"), filepath.Join(formats, v.folder)))
			bare = append(bare, timed(python, "-c", nothing))
		}
		figures = append(figures, against("the stranger's checker, "+v.what, median(ours), "ms", "Python and three times Node.js started with their libraries", median(bare)))
	}
	return figures
}
