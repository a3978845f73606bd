package seal

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"chancery.example/chancery/telegram"
)

// MaxFrames is how many frames a chain has keys for.
const MaxFrames = 1 << chainLevels

const chainLevels = 16

// node is a key of the tree: the ancestor of the frame keys from index·2^(16−level) on.
type node struct {
	level uint8
	index uint32
	key   [32]byte
}

// Chain is the frame keys that one letter opened, for frames from its sender to its receiver. Both ends have the same; each burns a key when it
// is used. A Chain is for one goroutine.
type Chain struct {
	ID    [4]byte
	nodes []node // of what is not burnt, from the left
}

// newChain makes the chain of a letter: see the package comment.
func newChain(secret []byte, transcript [32]byte) (*Chain, error) {
	root, err := hkdf.Key(sha256.New, secret, nil, telegram.LabelChain+string(transcript[:]), 32)
	if err != nil {
		return nil, err
	}
	id, err := hkdf.Key(sha256.New, secret, nil, telegram.LabelChainID+string(transcript[:]), 4)
	if err != nil {
		return nil, err
	}
	return &Chain{ID: [4]byte(id), nodes: []node{{key: [32]byte(root)}}}, nil
}

// ErrBurnt says that a chain has no key for a frame any more: it was opened before, or the chain is at its end.
var ErrBurnt = errors.New("the key for this frame was burnt")

// find is where the ancestor of a frame's key stands among the nodes.
func (c *Chain) find(number uint16) (int, bool) {
	for i := range c.nodes {
		if n := &c.nodes[i]; uint32(number)>>(chainLevels-n.level) == n.index {
			return i, true
		}
	}
	return 0, false
}

// child derives one of a node's two.
func (n *node) child(bit uint32) node {
	key, err := hkdf.Expand(sha256.New, n.key[:], telegram.LabelTree+string([]byte{byte(bit)}), 32)
	if err != nil {
		panic(err) // the lengths are right
	}
	return node{n.level + 1, n.index<<1 | bit, [32]byte(key)}
}

// key derives the AES key of a frame, and burns nothing.
func (c *Chain) key(number uint16) (cipher.AEAD, error) {
	i, ok := c.find(number)
	if !ok {
		return nil, ErrBurnt
	}
	n := c.nodes[i]
	for n.level < chainLevels {
		n = n.child(uint32(number) >> (chainLevels - 1 - n.level) & 1)
	}
	key, err := hkdf.Expand(sha256.New, n.key[:], telegram.LabelFrame, 32)
	if err != nil {
		return nil, err
	}
	return randomNonceGCM(key)
}

// Burn destroys the key of a frame: the siblings on its path take the place of their ancestor. Burning twice is burning once.
func (c *Chain) Burn(number uint16) {
	i, ok := c.find(number)
	if !ok {
		return
	}
	n := c.nodes[i]
	var left, right []node
	for n.level < chainLevels {
		bit := uint32(number) >> (chainLevels - 1 - n.level) & 1
		sibling := n.child(1 - bit)
		if bit == 1 {
			left = append(left, sibling)
		} else {
			right = append(right, sibling)
		}
		n = n.child(bit)
	}
	slices.Reverse(right)
	clear(c.nodes[i].key[:])
	c.nodes = slices.Replace(c.nodes, i, i+1, append(left, right...)...)
}

// BurnBefore destroys the keys of all frames before a number, in as few steps as the tree has levels.
func (c *Chain) BurnBefore(number uint16) {
	for len(c.nodes) > 0 {
		n := c.nodes[0]
		first := n.index << (chainLevels - n.level)
		last := first + 1<<(chainLevels-n.level) - 1
		switch {
		case first >= uint32(number):
			return
		case last < uint32(number):
			clear(c.nodes[0].key[:])
			c.nodes = c.nodes[1:]
		default:
			clear(c.nodes[0].key[:])
			c.nodes = slices.Concat([]node{n.child(0), n.child(1)}, c.nodes[1:])
		}
	}
}

// Spent says whether every key is burnt.
func (c *Chain) Spent() bool { return len(c.nodes) == 0 }

// Seal seals what a frame says into e, whose To and Precedence are set. It burns nothing: the caller burns the key once e is stored.
func (c *Chain) Seal(e *telegram.Envelope, number uint16, content []byte) error {
	aead, err := c.key(number)
	if err != nil {
		return fmt.Errorf("sealing frame %d: %w", number, err)
	}
	e.Type, e.Chain, e.Number = telegram.Frame, c.ID, number
	if n := telegram.FrameL0Len + sizeNonce + sizeTag + paddedLen(len(content)); n > telegram.MaxEnvelope {
		return fmt.Errorf("sealing a frame: it would have %d bytes, more than any post reads", n)
	}
	e.Body = aead.Seal(nil, nil, pad(content), e.L0())
	return nil
}

// Open opens a frame and gives what it says. It burns nothing: the caller burns the key once what it says is kept. The error is [ErrBurnt] or
// [ErrRefused], and [Reason] knows why.
func (c *Chain) Open(e *telegram.Envelope) ([]byte, error) {
	if len(e.Body) < sizeNonce+minPadded+sizeTag {
		return nil, refuse("too short")
	}
	aead, err := c.key(e.Number)
	if err != nil {
		return nil, err
	}
	padded, err := aead.Open(nil, nil, e.Body, e.L0())
	if err != nil {
		return nil, refuse("not sealed on this chain, or altered")
	}
	content, ok := unpad(padded)
	if !ok {
		return nil, refuse("the padding")
	}
	return content, nil
}

// Marshal writes what is not burnt. It is for the store of burnable secrets only.
//
//	chain = id 4 ‖ u32 n ‖ n × (u8 level ‖ u32 index ‖ key 32), from the left
func (c *Chain) Marshal() []byte {
	b := binary.BigEndian.AppendUint32(append([]byte(nil), c.ID[:]...), uint32(len(c.nodes)))
	for _, n := range c.nodes {
		b = append(binary.BigEndian.AppendUint32(append(b, n.level), n.index), n.key[:]...)
	}
	return b
}

// ParseChain reads what Marshal wrote, and nothing else.
func ParseChain(b []byte) (*Chain, error) {
	const size = 1 + 4 + 32
	if len(b) < 8 || uint64(len(b)-8) != uint64(binary.BigEndian.Uint32(b[4:]))*size {
		return nil, errors.New("a chain that is cut off")
	}
	c := &Chain{ID: [4]byte(b)}
	next := uint32(0) // the first frame that the nodes so far do not cover
	for b = b[8:]; len(b) > 0; b = b[size:] {
		n := node{b[0], binary.BigEndian.Uint32(b[1:]), [32]byte(b[5:])}
		if n.level > chainLevels || n.index >= 1<<n.level || n.index<<(chainLevels-n.level) < next {
			return nil, errors.New("a chain whose keys are not in order")
		}
		next = (n.index + 1) << (chainLevels - n.level)
		c.nodes = append(c.nodes, n)
	}
	return c, nil
}
