package register

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// proofHeader is the first line of a C2SP tlog-proof.
const proofHeader = "c2sp.org/tlog-proof@v1"

// ProofOf proves to anybody that a filed telegram is entered: a C2SP tlog-proof, whose extra data is the entry, under the last signed
// checkpoint. Whoever has the telegram makes the entry anew, and the rest by the post's register key.
func ProofOf(tx *store.Tx, of int64, origin string, verifiers []note.Verifier) (string, error) {
	r, err := EntryOf(tx, of, origin, verifiers)
	if err != nil {
		return "", err
	}
	c, err := lastCheckpoint(tx, origin, verifiers)
	if err != nil {
		return "", err
	}
	path, err := tlog.ProveRecord(c.Size, r.Index, storedHashes{tx})
	if err != nil {
		return "", err
	}
	var signed string
	if err := tx.QueryRow("select note from checkpoint where size = $1", c.Size).Scan(&signed); err != nil {
		return "", fmt.Errorf("reading the register's last checkpoint: %w", err)
	}
	return (&Proof{Entry: r.Leaf, Index: r.Index, path: path, signed: signed}).String(), nil
}

// MaxProof bounds a proof, in bytes: two signatures, an entry, and a way through any log.
const MaxProof = 16 << 10

// Proof is a tlog-proof that was read. Nothing of it holds before [Proof.Check].
type Proof struct {
	Entry  []byte
	Index  int64
	Origin string // of the register that it names
	path   tlog.RecordProof
	signed string
}

// ParseProof reads a proof as [ProofOf] writes it, and nothing else.
func ParseProof(text string) (*Proof, error) {
	head, signed, ok := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	if !ok || len(text) > MaxProof || len(lines) < 3 || lines[0] != proofHeader {
		return nil, errors.New("this is no proof of a register, or it is cut off")
	}
	p := &Proof{signed: signed}
	p.Origin, _, _ = strings.Cut(signed, "\n")
	extra, ok := strings.CutPrefix(lines[1], "extra ")
	index, is := strings.CutPrefix(lines[2], "index ")
	if !ok || !is {
		return nil, errors.New("the proof lacks its entry, or the entry's place")
	}
	var err error
	if p.Entry, err = base64.StdEncoding.Strict().DecodeString(extra); err != nil {
		return nil, fmt.Errorf("the proof's entry: %w", err)
	}
	if p.Index, err = strconv.ParseInt(index, 10, 64); err != nil || p.Index < 0 {
		return nil, fmt.Errorf("the proof's entry has no place %.20q", index)
	}
	for _, l := range lines[3:] {
		b, err := base64.StdEncoding.Strict().DecodeString(l)
		if err != nil || len(b) != tlog.HashSize {
			return nil, fmt.Errorf("the proof has a line that is no hash: %.60q", l)
		}
		p.path = append(p.path, tlog.Hash(b))
	}
	// What opens signatures is content with base64 that has other bits behind its end.
	_, signatures, _ := strings.Cut(signed, "\n\n")
	loose := false
	for l := range strings.Lines(signatures) {
		_, err := base64.StdEncoding.Strict().DecodeString(strings.TrimSuffix(l[strings.LastIndexByte(l, ' ')+1:], "\n"))
		loose = loose || err != nil
	}
	if loose || p.String() != text {
		return nil, errors.New("the proof is not in its one written form")
	}
	return p, nil
}

// String writes the proof.
func (p *Proof) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nextra %s\nindex %d\n", proofHeader, base64.StdEncoding.EncodeToString(p.Entry), p.Index)
	for _, h := range p.path {
		b.WriteString(base64.StdEncoding.EncodeToString(h[:]) + "\n")
	}
	return b.String() + "\n" + p.signed
}

// Check says whether the entry stands in a log that all of the verifiers, those of the register that the proof names, have signed.
func (p *Proof) Check(verifiers []note.Verifier) (Checkpoint, error) {
	c, err := OpenCheckpoint(p.signed, p.Origin, verifiers)
	if err != nil {
		return c, err
	}
	if p.Index >= c.Size {
		return c, fmt.Errorf("the proof is of entry %d of a log of %d", p.Index, c.Size)
	}
	if err := tlog.CheckRecord(p.path, c.Size, c.Root, p.Index, telegram.EntryHash(p.Entry)); err != nil {
		return c, errors.New("the entry is not in the log that was signed")
	}
	return c, nil
}
