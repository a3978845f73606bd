package telegram

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/mod/sumdb/tlog"
)

// ServiceWitness is the kind of service message by which posts keep watch over each other's registers.
const ServiceWitness = 3

// Bounds of a witness's message.
const (
	MaxLeaves     = 1 << 16  // leaf hashes in one message
	MaxClaims     = 1 << 10  // other posts' registers it speaks of
	MaxEvidence   = 8        // checkpoints it shows
	MaxCheckpoint = 16 << 10 // bytes of a signed checkpoint, or of signatures under one
	maxEdge       = 64       // complete subtrees of a log
	maxBetween    = 128      // complete subtrees between two sizes of a log
)

// Witness is what one post tells another about registers: what is new in its own, what it holds of the other's, with its signature under that,
// and which state of third posts' registers it knows, so that a register that is shown to two posts in two ways is found. It is signed by
// the sending post under LabelWitness.
//
//	witness    = short text from ‖ short text to ‖ time ‖ u8 answer ‖ log ‖ u64 held ‖ held root 32 ‖ u16 length ‖ cosignatures
//	             ‖ u16 n ‖ n × claim ‖ u8 n ‖ n × evidence
//	log        = u16 0, or u16 length ‖ signed checkpoint ‖ u64 start ‖ edge ‖ u32 n ‖ n × leaf hash 32
//	edge       = u8 n ‖ n × hash 32        of the complete subtrees that make up a log of that size, the largest first
//	claim      = routing code 3 ‖ u64 size ‖ root 32
//	evidence   = u16 length ‖ signed checkpoint ‖ u64 prefix ‖ edge of the prefix ‖ u8 n ‖ n × hash 32
type Witness struct {
	From, To string
	At       int64 // seconds since 1970: before the log was read
	Answer   bool  // 1 if it answers another, 0 if it was time for it: an answer is not answered with what it contradicts

	Log *LogNews // nil when the message brings no news of the sender's own register

	Held         uint64    // leaves of the receiver's register that the sender holds
	HeldRoot     tlog.Hash // and their root; zero if none
	Cosignatures string    // signature lines of the sender under the receiver's checkpoint of that size (C2SP tlog-cosignature), or nothing

	Claims   []Claim
	Evidence []Evidence
}

// LogNews is what is new in a post's own register.
type LogNews struct {
	Checkpoint string      // as signed (C2SP tlog-checkpoint); its size is Start and the leaves
	Start      uint64      // the first leaf's place
	Edge       []tlog.Hash // of a log of Start leaves, for a receiver that holds nothing yet; else empty
	Leaves     []tlog.Hash
}

// Claim says which root the sender knows of the register of a third post.
type Claim struct {
	Route Route
	Size  uint64
	Root  tlog.Hash
}

// Evidence is a checkpoint, signed by the post whose register it is of, and how a shorter log stands at its beginning: the receiver, who knows
// another root of that length, sees that both were signed.
type Evidence struct {
	Checkpoint string
	Prefix     uint64      // 0: the checkpoint alone
	Edge       []tlog.Hash // of the prefix
	Between    []tlog.Hash // the complete subtrees from the prefix to the checkpoint's size, from the left
}

// Marshal writes the message.
func (w *Witness) Marshal() []byte {
	b := appendShort(appendShort(nil, w.From), w.To)
	b = append(binary.BigEndian.AppendUint64(b, uint64(w.At)), 0)
	if w.Answer {
		b[len(b)-1] = 1
	}
	if w.Log == nil {
		b = append(b, 0, 0)
	} else {
		b = appendText(b, w.Log.Checkpoint)
		b = binary.BigEndian.AppendUint64(b, w.Log.Start)
		b = appendHashes(append(b, byte(len(w.Log.Edge))), w.Log.Edge)
		b = appendHashes(binary.BigEndian.AppendUint32(b, uint32(len(w.Log.Leaves))), w.Log.Leaves)
	}
	b = append(binary.BigEndian.AppendUint64(b, w.Held), w.HeldRoot[:]...)
	b = appendText(b, w.Cosignatures)
	b = binary.BigEndian.AppendUint16(b, uint16(len(w.Claims)))
	for _, c := range w.Claims {
		b = append(binary.BigEndian.AppendUint64(append(b, c.Route[:]...), c.Size), c.Root[:]...)
	}
	b = append(b, byte(len(w.Evidence)))
	for _, e := range w.Evidence {
		b = binary.BigEndian.AppendUint64(appendText(b, e.Checkpoint), e.Prefix)
		b = appendHashes(append(b, byte(len(e.Edge))), e.Edge)
		b = appendHashes(append(b, byte(len(e.Between))), e.Between)
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
}

func appendHashes(b []byte, hs []tlog.Hash) []byte {
	for i := range hs {
		b = append(b, hs[i][:]...)
	}
	return b
}

// ParseWitness reads what Marshal wrote, and nothing else. What is signed in it is not judged here.
func ParseWitness(b []byte) (*Witness, error) {
	s := cryptobyte.String(b)
	w := &Witness{}
	var answer uint8
	if !readShort(&s, &w.From) || !readShort(&s, &w.To) || !readTime(&s, &w.At) || !s.ReadUint8(&answer) || answer > 1 || !w.readLog(&s) || !s.ReadUint64(&w.Held) ||
		!s.CopyBytes(w.HeldRoot[:]) || !readText(&s, &w.Cosignatures) || !w.readClaims(&s) || !w.readEvidence(&s) || !s.Empty() {
		return nil, malformed("a witness's message")
	}
	w.Answer = answer == 1
	if err := errors.Join(CheckPostName(w.From), CheckPostName(w.To)); err != nil {
		return nil, fmt.Errorf("telegram: a witness's message: %w (%w)", err, ErrMalformed)
	}
	return w, nil
}

func (w *Witness) readLog(s *cryptobyte.String) bool {
	var l LogNews
	if !readText(s, &l.Checkpoint) {
		return false
	}
	if l.Checkpoint == "" {
		return true
	}
	var edge uint8
	var leaves uint32
	if !s.ReadUint64(&l.Start) || !s.ReadUint8(&edge) || edge > maxEdge || !readHashes(s, &l.Edge, int(edge)) ||
		!s.ReadUint32(&leaves) || leaves > MaxLeaves || !readHashes(s, &l.Leaves, int(leaves)) {
		return false
	}
	w.Log = &l
	return true
}

func (w *Witness) readClaims(s *cryptobyte.String) bool {
	var n uint16
	if !s.ReadUint16(&n) || n > MaxClaims {
		return false
	}
	for range n {
		var c Claim
		if !s.CopyBytes(c.Route[:]) || !s.ReadUint64(&c.Size) || !s.CopyBytes(c.Root[:]) {
			return false
		}
		w.Claims = append(w.Claims, c)
	}
	return true
}

func (w *Witness) readEvidence(s *cryptobyte.String) bool {
	var n, edge, between uint8
	if !s.ReadUint8(&n) || n > MaxEvidence {
		return false
	}
	for range n {
		var e Evidence
		if !readText(s, &e.Checkpoint) || e.Checkpoint == "" || !s.ReadUint64(&e.Prefix) || !s.ReadUint8(&edge) || edge > maxEdge ||
			!readHashes(s, &e.Edge, int(edge)) || !s.ReadUint8(&between) || between > maxBetween || !readHashes(s, &e.Between, int(between)) {
			return false
		}
		w.Evidence = append(w.Evidence, e)
	}
	return true
}

// readText reads u16 length ‖ text, at most MaxCheckpoint bytes.
func readText(s *cryptobyte.String, out *string) bool {
	var n uint16
	var b []byte
	if !s.ReadUint16(&n) || n > MaxCheckpoint || !s.ReadBytes(&b, int(n)) {
		return false
	}
	*out = string(b)
	return true
}

func readHashes(s *cryptobyte.String, out *[]tlog.Hash, n int) bool {
	for range n {
		var h tlog.Hash
		if !s.CopyBytes(h[:]) {
			return false
		}
		*out = append(*out, h)
	}
	return true
}
