package directory

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"filippo.io/mldsa"
	fnote "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
)

const (
	algorithmEd25519 = 0x04 // cosignature/v1
	algorithmMLDSA   = 0x06 // cosignature/v1

	cosignatureHead = 4 + 8 // key hash ‖ time
)

// Checkpoint is the text that root officers sign: origin, size and root hash of the log, as the C2SP tlog-checkpoint has it.
func (d *Directory) Checkpoint() string {
	root := d.Root()
	return fmt.Sprintf("chancery/directory/%s\n%d\n%s\n", hex.EncodeToString(d.fingerprint[:8]), d.Size(), base64Of(root[:]))
}

// Name is the name of the officer's keys in a note, root-1 for number 1. A signing key in the form of a note's signer,
// PRIVATE+KEY+root-1+…, must be made under this name, for it goes into the key's hash and, with ML-DSA, into what is signed.
func (o Officer) Name() string { return "root-" + strconv.Itoa(o.Number) }

// Verifiers gives the note verifiers of the officer's two keys, for cosignature/v1.
func (o Officer) Verifiers() (ed25519, mldsa note.Verifier, err error) {
	if ed25519, err = o.verifier(algorithmEd25519, o.Key.Ed25519); err != nil {
		return nil, nil, fmt.Errorf("Ed25519 key of %s: %w", o.Name(), err)
	}
	if mldsa, err = o.verifier(algorithmMLDSA, o.Key.MLDSA); err != nil {
		return nil, nil, fmt.Errorf("ML-DSA-44 key of %s: %w", o.Name(), err)
	}
	return ed25519, mldsa, nil
}

func (o Officer) verifier(algorithm byte, key []byte) (note.Verifier, error) {
	typed := append([]byte{algorithm}, key...)
	digest := sha256.Sum256(append([]byte(o.Name()+"\n"), typed...))
	return fnote.NewVerifierForCosignatureV1(fmt.Sprintf("%s+%x+%s", o.Name(), digest[:4], base64Of(typed)))
}

// readSignatures reads signature lines. With an error it gives the faulty line, from 0.
func readSignatures(b []byte) ([]string, int, error) {
	var signatures []string
	for i := 0; len(b) > 0; i++ {
		text, rest, ok := bytes.Cut(b, []byte("\n"))
		switch {
		case !ok:
			return nil, i, errors.New("the last line does not end")
		case i == maxSignatureLines:
			return nil, i, fmt.Errorf("more than %d signature lines", maxSignatureLines)
		case len(text) > maxLine:
			return nil, i, fmt.Errorf("a line of %d bytes: the most is %d", len(text), maxLine)
		}
		if _, _, err := cutSignature(string(text)); err != nil {
			return nil, i, err
		}
		signatures, b = append(signatures, string(text)), rest
	}
	return signatures, 0, nil
}

// cutSignature takes a signature line apart into the name and key hash ‖ signature.
func cutSignature(text string) (name string, sig []byte, err error) {
	rest, dash := strings.CutPrefix(text, "— ")
	name, encoded, space := strings.Cut(rest, " ")
	sig, err = base64.StdEncoding.Strict().DecodeString(encoded)
	if !dash || !space || !printable(name) || err != nil || len(sig) < 5 || base64Of(sig) != encoded {
		return "", nil, fmt.Errorf("%.60q is no signature line", text)
	}
	return name, sig, nil
}

// printable says whether a name has visible ASCII only: the names of ours do, and another's may be shown on a terminal.
func printable(name string) bool {
	return name != "" && strings.IndexFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || r == '+' }) < 0
}

// cosignature is one signature line that verifies.
type cosignature struct {
	officer   int
	algorithm byte
	at        time.Time
	line      string
}

// verify checks one signature line against the root's officers. ok is false for a line of somebody else.
func (d *Directory) verify(text string) (c cosignature, ok bool, err error) {
	name, sig, err := cutSignature(text)
	if err != nil {
		return c, false, err
	}
	officers := d.root().Officers
	i := slices.IndexFunc(officers, func(o Officer) bool { return o.Name() == name })
	if i < 0 {
		return c, false, nil
	}
	ed25519, mldsa44, err := officers[i].Verifiers()
	if err != nil {
		return c, false, err
	}
	var v note.Verifier
	switch len(sig) {
	case cosignatureHead + ed25519SignatureSize:
		c.algorithm, v = algorithmEd25519, ed25519
	case cosignatureHead + mldsa.MLDSA44SignatureSize:
		c.algorithm, v = algorithmMLDSA, mldsa44
	}
	if v == nil || binary.BigEndian.Uint32(sig) != v.KeyHash() {
		return c, false, nil
	}
	seconds := binary.BigEndian.Uint64(sig[4:])
	if seconds >= 1<<40 || !v.Verify([]byte(d.Checkpoint()), sig[4:]) {
		return c, true, fmt.Errorf("the signature of %s does not verify", name)
	}
	c.line = text
	c.officer, c.at = officers[i].Number, time.Unix(int64(seconds), 0).UTC()
	return c, true, nil
}

func (d *Directory) verifyCosignatures() []cosignature {
	var cs []cosignature
	for _, text := range d.signatures {
		if c, ok, err := d.verify(text); ok && err == nil {
			cs = append(cs, c)
		}
	}
	return cs
}

// AddSignatures takes over the root officers' signatures from a signed note of this list's checkpoint, or from signature lines alone.
// A signature taken over replaces one made before by the same key; lines of others are left out. A line of a root officer's key that
// does not verify is an error, and so is a note without any line of theirs.
func (d *Directory) AddSignatures(signed []byte) (*Directory, error) {
	signed = bytes.TrimPrefix(signed, []byte(d.Checkpoint()+"\n"))
	if !bytes.HasPrefix(signed, []byte("— ")) {
		return nil, fmt.Errorf("what was signed is not the checkpoint of this directory, %d statements with root hash %v", d.Size(), d.Root())
	}
	lines, _, err := readSignatures(signed)
	if err != nil {
		return nil, err
	}
	var kept []cosignature
	for _, c := range d.cosignatures() {
		if old := sameKey(kept, c); old < 0 {
			kept = append(kept, c)
		} else if c.at.After(kept[old].at) {
			kept[old] = c
		}
	}
	found := false
	for _, text := range lines {
		c, ok, err := d.verify(text)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		found = true
		if old := sameKey(kept, c); old < 0 {
			kept = append(kept, c)
		} else {
			kept[old] = c
		}
	}
	if !found {
		return nil, errors.New("no root officer of this directory has signed there")
	}
	slices.SortFunc(kept, func(a, b cosignature) int {
		return cmp.Or(cmp.Compare(a.officer, b.officer), cmp.Compare(a.algorithm, b.algorithm))
	})
	more := *d
	more.signatures = nil
	for _, c := range kept {
		more.signatures = append(more.signatures, c.line)
	}
	more.cosignatures = sync.OnceValue(more.verifyCosignatures)
	return &more, nil
}

func sameKey(cs []cosignature, c cosignature) int {
	return slices.IndexFunc(cs, func(o cosignature) bool { return o.officer == c.officer && o.algorithm == c.algorithm })
}
