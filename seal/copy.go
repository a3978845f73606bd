package seal

import (
	"bytes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/hpke"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"chancery.example/chancery/telegram"
)

// Copy says which numbered copy it is: all that its file shows. See the package comment.
type Copy struct {
	Post   string        // that made it
	Root   telegram.Root // R of the telegram
	Number uint16        // from 1
	Of     uint16        // how many were made
	Digest [32]byte      // of salt and text: [Copy.Seal] sets it
}

// MaxHolder is the most bytes that a holder's name may have.
const MaxHolder = 200

// maxCopyText is the most bytes that the text of a copy may have, over any sheet of a telegram.
const maxCopyText = 4 << 20

const saltLen = 32

// Sheet is what a numbered copy says, as its holder opens it.
type Sheet struct {
	Text string
	salt [saltLen]byte // goes with the text from holder to holder, so that the digest does
}

// Seal seals a sheet's text to its holder for the first time: it draws the salt, and sets c.Digest.
func (c *Copy) Seal(text, holder string, to *Recipient) ([]byte, error) {
	s := &Sheet{Text: text}
	rand.Read(s.salt[:])
	c.Digest = s.digest()
	return c.Reseal(s, holder, to)
}

// Reseal seals what a holder has opened to the next. It refuses a text that is not the copy's.
func (c *Copy) Reseal(s *Sheet, holder string, to *Recipient) ([]byte, error) {
	if err := c.check(holder); err != nil {
		return nil, fmt.Errorf("sealing a numbered copy: %w", err)
	}
	if len(s.Text) > maxCopyText {
		return nil, fmt.Errorf("sealing a numbered copy: its text has more than %d bytes", maxCopyText)
	}
	if s.digest() != c.Digest {
		return nil, errors.New("sealing a numbered copy: the text is not the one that the copy was made of")
	}
	return c.seal(s, holder, to)
}

func (c *Copy) seal(s *Sheet, holder string, to *Recipient) ([]byte, error) {
	head := c.head()
	enc, sender, err := hpke.NewSender(to.key, hpke.HKDFSHA256(), hpke.ExportOnly(), copyInfo(head, holder, to.hash))
	if err != nil {
		return nil, fmt.Errorf("sealing a numbered copy: %w", err)
	}
	aead, err := copyAEAD(sender.Export, head, enc)
	if err != nil {
		return nil, fmt.Errorf("sealing a numbered copy: %w", err)
	}
	body := aead.Seal(nil, nil, pad(slices.Concat(s.salt[:], []byte(s.Text))), head)
	return slices.Concat(head, enc, body), nil
}

// ParseCopy reads which copy it is from a sealed one. Nothing is proved until it opens.
func ParseCopy(sealed []byte) (*Copy, error) {
	c, _, ok := readCopy(sealed)
	if !ok {
		return nil, errors.New("this is no numbered copy, or it is cut off")
	}
	return c, nil
}

// OpenCopy opens a numbered copy with its holder's name and key. Like a letter that is refused, one that does not open says no more than
// [ErrRefused]; see [Reason].
func OpenCopy(sealed []byte, holder string, key *LetterKey) (*Copy, *Sheet, error) {
	c, rest, ok := readCopy(sealed)
	if !ok {
		return nil, nil, refuse("no numbered copy, or cut off")
	}
	head, enc := c.head(), rest[:sizeEnc]
	recipient, err := hpke.NewRecipient(enc, key.key, hpke.HKDFSHA256(), hpke.ExportOnly(), copyInfo(head, holder, key.hash))
	if err != nil {
		return nil, nil, refuse("the encapsulated key")
	}
	aead, err := copyAEAD(recipient.Export, head, enc)
	if err != nil {
		return nil, nil, refuse("the key schedule")
	}
	padded, err := aead.Open(nil, nil, rest[sizeEnc:], head)
	if err != nil {
		return nil, nil, refuse("not sealed to this holder, or altered")
	}
	clear, ok := unpad(padded)
	if !ok || len(clear) < saltLen {
		return nil, nil, refuse("the padding")
	}
	s := &Sheet{Text: string(clear[saltLen:]), salt: [saltLen]byte(clear)}
	if s.digest() != c.Digest {
		return nil, nil, refuse("not the text of which the copy was made")
	}
	return c, s, nil
}

func (s *Sheet) digest() (d [32]byte) {
	m := hmac.New(sha256.New, s.salt[:])
	m.Write([]byte(telegram.LabelCopyText + s.Text))
	return [32]byte(m.Sum(nil))
}

func (c *Copy) check(holder string) error {
	if err := telegram.CheckPostName(c.Post); err != nil {
		return err
	}
	if c.Number == 0 || c.Number > c.Of {
		return fmt.Errorf("there is no copy %d of %d", c.Number, c.Of)
	}
	if holder == "" || len(holder) > MaxHolder {
		return fmt.Errorf("a holder's name has from 1 to %d bytes", MaxHolder)
	}
	return nil
}

func (c *Copy) head() []byte {
	b := append([]byte(telegram.LabelCopy), byte(len(c.Post)))
	b = append(append(b, c.Post...), c.Root[:]...)
	b = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(b, c.Number), c.Of)
	return append(b, c.Digest[:]...)
}

// readCopy takes a sealed copy apart. What it accepts, head writes again in the same bytes.
func readCopy(b []byte) (c *Copy, rest []byte, ok bool) {
	b, ok = bytes.CutPrefix(b, []byte(telegram.LabelCopy))
	if !ok || len(b) == 0 {
		return nil, nil, false
	}
	n := int(b[0])
	end := 1 + n + 32 + 2 + 2 + 32
	if len(b) < end+overhead+minPadded {
		return nil, nil, false
	}
	c = &Copy{Post: string(b[1 : 1+n]), Root: telegram.Root(b[1+n:]), Number: binary.BigEndian.Uint16(b[n+33:]), Of: binary.BigEndian.Uint16(b[n+35:]),
		Digest: [32]byte(b[n+37:])}
	return c, b[end:], c.check("anybody") == nil
}

func copyInfo(head []byte, holder string, key [32]byte) []byte {
	return slices.Concat(head, []byte{byte(len(holder))}, []byte(holder), key[:])
}

// copyAEAD derives the copy's one AES key, as letterKeys does a letter's.
func copyAEAD(export func(string, int) ([]byte, error), head, enc []byte) (cipher.AEAD, error) {
	secret, err := export(telegram.LabelCopyExport, 32)
	if err != nil {
		return nil, err
	}
	h := sha256.Sum256(slices.Concat(head, enc))
	key, err := hkdf.Key(sha256.New, secret, nil, telegram.LabelCopySeal+string(h[:]), 32)
	if err != nil {
		return nil, err
	}
	return randomNonceGCM(key)
}
