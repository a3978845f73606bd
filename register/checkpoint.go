package register

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// CheckpointText is what a checkpoint says: origin, size, root, a line each (C2SP tlog-checkpoint).
func CheckpointText(origin string, size int64, root tlog.Hash) string {
	return fmt.Sprintf("%s\n%d\n%s\n", origin, size, base64.StdEncoding.EncodeToString(root[:]))
}

// Checkpoint is a signed size and root of a log.
type Checkpoint struct {
	Size int64
	Root tlog.Hash
}

// OpenCheckpoint reads a checkpoint and accepts it only when every one of the verifiers, both algorithms, has signed it.
func OpenCheckpoint(signed, origin string, verifiers []note.Verifier) (c Checkpoint, err error) {
	n, err := note.Open([]byte(signed), note.VerifierList(verifiers...))
	if err != nil {
		return c, fmt.Errorf("the checkpoint's signatures: %w", err)
	}
	// note.Open is content with one good signature of many.
	for _, v := range verifiers {
		if !signedBy(n, v) {
			return c, fmt.Errorf("the checkpoint lacks a signature of %s", v.Name())
		}
	}
	return parseCheckpoint(n.Text, origin)
}

func signedBy(n *note.Note, v note.Verifier) bool {
	for _, s := range n.Sigs {
		if s.Name == v.Name() && s.Hash == v.KeyHash() {
			return true
		}
	}
	return false
}

func parseCheckpoint(text, origin string) (c Checkpoint, err error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[3] != "" {
		return c, fmt.Errorf("a checkpoint of %d lines", len(lines))
	}
	if lines[0] != origin {
		return c, fmt.Errorf("a checkpoint of %q, not of %q", lines[0], origin)
	}
	c.Size, err = strconv.ParseInt(lines[1], 10, 64)
	if err != nil || c.Size < 0 {
		return c, fmt.Errorf("a checkpoint of size %q", lines[1])
	}
	b, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(b) != tlog.HashSize {
		return c, fmt.Errorf("a checkpoint with no root hash")
	}
	c.Root = tlog.Hash(b)
	if CheckpointText(origin, c.Size, c.Root) != text {
		return c, fmt.Errorf("a checkpoint not in its one written form")
	}
	return c, nil
}
