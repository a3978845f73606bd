package telegram

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
)

// ServiceNews is the kind of service message that carries news of the directory.
const ServiceNews = 2

// MaxNews bounds the part of a directory that one service message carries, in bytes. What is longer is carried by hand.
const MaxNews = 512 << 10

// News says which directory a post has, and gives what the other post lacks of it. It is signed by the sending post under LabelNews; what
// stands in the part carries its own signatures.
//
//	news = short text from ‖ short text to ‖ time ‖ u64 size ‖ tail 32 ‖ u32 n ‖ n bytes of the part
type News struct {
	From string
	To   string
	At   int64    // seconds since 1970
	Size uint64   // statements under the checkpoint of the sender's directory
	Tail [32]byte // digest of what the sender knows besides; zero if nothing
	Part []byte   // see package directory; empty where the other lacks nothing
}

// Marshal writes the news.
func (n *News) Marshal() []byte {
	b := appendShort(appendShort(nil, n.From), n.To)
	b = binary.BigEndian.AppendUint64(b, uint64(n.At))
	b = binary.BigEndian.AppendUint64(b, n.Size)
	b = append(b, n.Tail[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(n.Part)))
	return append(b, n.Part...)
}

// ParseNews reads what Marshal wrote, and nothing else.
func ParseNews(b []byte) (*News, error) {
	s := cryptobyte.String(b)
	n := &News{}
	var length uint32
	if !readShort(&s, &n.From) || !readShort(&s, &n.To) || !readTime(&s, &n.At) || !s.ReadUint64(&n.Size) || !s.CopyBytes(n.Tail[:]) ||
		!s.ReadUint32(&length) || length > MaxNews || int(length) != len(s) {
		return nil, malformed("news of the directory")
	}
	n.Part = s
	if err := errors.Join(CheckPostName(n.From), CheckPostName(n.To)); err != nil {
		return nil, fmt.Errorf("telegram: news of the directory: %w (%w)", err, ErrMalformed)
	}
	return n, nil
}
