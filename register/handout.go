package register

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
	cosignature "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// proofHeader is the first line of a C2SP tlog-proof.
const proofHeader = "c2sp.org/tlog-proof@v1"

// ProofOf proves to anybody that a filed telegram is entered: a C2SP tlog-proof, whose extra data is the entry, under the newest checkpoint that
// other posts have signed as witnesses, with their signatures; under the last signed checkpoint while there is none. Whoever has the telegram
// makes the entry anew, and the rest by the post's register key.
func ProofOf(tx *store.Tx, of int64, origin string, verifiers []note.Verifier) (string, error) {
	r, err := rowOf(tx, of)
	if err != nil {
		return "", err
	}
	c, path, err := prove(tx, r.Index, r.Leaf, origin, verifiers)
	if err != nil {
		return "", err
	}
	size, witnesses, err := witnessesOf(tx, r.Index, c.Size)
	if err == nil && size != c.Size {
		path, err = tlog.ProveRecord(size, r.Index, storedHashes{tx})
	}
	if err != nil {
		return "", err
	}
	var signed string
	if err := tx.QueryRow("select note from checkpoint where size = $1", size).Scan(&signed); err != nil {
		return "", fmt.Errorf("reading the register's checkpoint of %d entries: %w", size, err)
	}
	return (&Proof{Entry: r.Leaf, Index: r.Index, path: path, signed: signed + witnesses}).String(), nil
}

// witnessesOf gives the size of the newest checkpoint behind an entry that witnesses have signed, and their signatures; or the last
// checkpoint's, and none.
func witnessesOf(tx *store.Tx, idx, last int64) (size int64, lines string, err error) {
	rows, err := tx.Query("select size, lines from cosignature where size > $1 and size <= $2 and size in (select size from checkpoint) order by size desc, post limit $3", idx, last, maxWitnesses)
	if err != nil {
		return 0, "", fmt.Errorf("reading the witnesses' signatures: %w", err)
	}
	defer rows.Close()
	size = last
	for first := true; rows.Next(); first = false {
		var n int64
		var l string
		if err := rows.Scan(&n, &l); err != nil {
			return 0, "", fmt.Errorf("reading the witnesses' signatures: %w", err)
		}
		if first {
			size = n
		}
		if n == size {
			lines += l
		}
	}
	return size, lines, rows.Err()
}

// maxWitnesses is how many witnesses' signatures a proof has at most.
const maxWitnesses = 8

// MaxProof bounds a proof, in bytes: the post's signatures and its witnesses', an entry, and a way through any log.
const MaxProof = 48 << 10

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

// Signers are the names under which the checkpoint is signed, the register's own and those of witnesses; nothing is proved by a name.
func (p *Proof) Signers() (names []string) {
	_, signatures, _ := strings.Cut(p.signed, "\n\n")
	for l := range strings.Lines(signatures) {
		if f := strings.Fields(l); len(f) == 3 && !slices.Contains(names, f[1]) {
			names = append(names, f[1])
		}
	}
	return names
}

// Witnessed says whether all of the verifiers, those of another post's register key, have signed the checkpoint, and when they say that they
// did. What they sign is that the log then was an extension of every one that they were shown before.
func (p *Proof) Witnessed(verifiers []note.Verifier) (at time.Time, err error) {
	if _, err := OpenCheckpoint(p.signed, p.Origin, verifiers); err != nil {
		return at, err
	}
	n, err := note.Open([]byte(p.signed), note.VerifierList(verifiers...))
	if err != nil {
		return at, err
	}
	return cosignature.CoSigV1Timestamp(n.Sigs[0])
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
