package register_test

import (
	"strings"
	"testing"

	"chancery.example/chancery/register"
	"chancery.example/chancery/store"
)

// proofs are of each filed telegram of a specimen.
func proofs(t *testing.T, d *desk) (all []string) {
	t.Helper()
	specimen(t, d)
	if err := d.db.Read(t.Context(), func(tx *store.Tx) error {
		for of := range int64(14) {
			p, err := register.ProofOf(tx, of+1, origin, d.verifiers)
			if err != nil {
				return err
			}
			all = append(all, p)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// A proof is checked without the register, and each of its bytes counts.
func TestProof(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		all := proofs(t, d)
		for n, text := range all {
			p, err := register.ParseProof(text)
			if err != nil {
				t.Fatal(err)
			}
			if c, err := p.Check(d.verifiers); err != nil || c.Size != 16 || p.Origin != origin {
				t.Errorf("the proof of filed %d: %+v, %v", n+1, c, err)
			}
			_, strange := keyOf(t, 9)
			if _, err := p.Check(strange); err == nil {
				t.Error("a stranger's key proves it")
			}
		}
		good := all[5]
		for i := range good {
			b := []byte(good)
			b[i] ^= 1
			p, err := register.ParseProof(string(b))
			if err == nil {
				_, err = p.Check(d.verifiers)
			}
			if err == nil {
				t.Errorf("byte %d altered, %q, and it holds", i, b[i])
			}
		}
		other, _ := register.ParseProof(all[6])
		p, _ := register.ParseProof(good)
		p.Entry = other.Entry
		if _, err := p.Check(d.verifiers); err == nil || !strings.Contains(err.Error(), "not in the log that was signed") {
			t.Errorf("another entry in its place: %v", err)
		}
		p, _ = register.ParseProof(good)
		p.Index = 16
		if _, err := p.Check(d.verifiers); err == nil {
			t.Error("an entry beyond the log is proved")
		}
		for what, bad := range map[string]string{"nothing": "", "no checkpoint": strings.SplitAfter(good, "\n\n")[0], "another header": "x" + good, "more behind": good + "x\n",
			"no entry": strings.Replace(good, "extra ", "other ", 1), "no place": strings.Replace(good, "index ", "place ", 1), "a place below": strings.Replace(good, "index ", "index -", 1),
			"a line feed more": strings.Replace(good, "\nextra", "\n\nextra", 1), "too long": good + strings.Repeat("— x AAAA\n", register.MaxProof/8)} {
			p, err := register.ParseProof(bad)
			if err == nil {
				_, err = p.Check(d.verifiers)
			}
			if err == nil && what != "more behind" {
				t.Errorf("%s: it holds", what)
			}
		}
	})
}

func FuzzParseProof(f *testing.F) {
	f.Add("c2sp.org/tlog-proof@v1\nextra Y2hhbmNlcnk=\nindex 5\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\nchancery/register/4d4f57\n16\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n— x AAAA\n")
	f.Add("c2sp.org/tlog-proof@v1\nextra \nindex 0\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := register.ParseProof(text)
		if err == nil && p.String() != text {
			t.Errorf("%q is written %q", text, p.String())
		}
	})
}
