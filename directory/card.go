package directory

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/tyler-smith/go-bip39/wordlists"

	"chancery.example/chancery/telegram"
)

// Card is what a new post is given by hand: eight words, 88 bits, known to it and to the directory's keeper and to nobody else. The post's
// application carries a MAC under them, so that nobody on its way can put other keys into it; and the post reads eight other words back,
// which are right only when both have the same application and the same root.
//
// The words are numbers of 11 bits, the first the highest, in the English list of BIP-39, which is known by any first four letters. The
// key is HKDF-SHA-256 of the SHA-256 digest of the 11 bytes, with no salt and the info "chancery/v1/card\n" ‖ fingerprint 32 ‖ the post's name; the words have
// full entropy, so nothing stretches them. The MAC is HMAC-SHA-256 of the application's text before it. The words read back are the first
// 11 bytes of HMAC-SHA-256 of "read back\n" and the same text.
type Card struct{ secret [cardBytes]byte }

const (
	cardBytes = 11
	cardWords = 8
	wordBits  = 11
)

// NewCard draws the words of a card.
func NewCard() (c Card) {
	rand.Read(c.secret[:]) // never fails: crypto/rand
	return c
}

// Words are the card's, in their order.
func (c Card) Words() []string { return wordsOf(c.secret[:]) }

func wordsOf(b []byte) []string {
	n := new(big.Int).SetBytes(b)
	words := make([]string, cardWords)
	for i := range words {
		shifted := new(big.Int).Rsh(n, uint((cardWords-1-i)*wordBits))
		words[i] = wordlists.English[shifted.Uint64()&(1<<wordBits-1)]
	}
	return words
}

// ParseCard reads eight words as people write them: capitals, commas, line ends and numbers before them do not matter, and four letters of a
// word are enough. The error names the word that is none, and the nearest that is one.
func ParseCard(text string) (c Card, err error) {
	var words []string
	for _, w := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return r < 'a' || r > 'z' }) {
		words = append(words, w)
	}
	if len(words) != cardWords {
		return c, fmt.Errorf("a card has %d words, not %d", cardWords, len(words))
	}
	n := new(big.Int)
	for i, w := range words {
		at := wordIndex(w)
		if at < 0 {
			return c, fmt.Errorf("word %d, %q, is on no card: is it %q?", i+1, w, nearest(w))
		}
		n.Or(n.Lsh(n, wordBits), big.NewInt(int64(at)))
	}
	n.FillBytes(c.secret[:])
	return c, nil
}

func wordIndex(w string) int {
	if at, ok := slices.BinarySearch(wordlists.English, w); ok {
		return at
	}
	if len(w) == 4 {
		return slices.IndexFunc(wordlists.English, func(x string) bool { return strings.HasPrefix(x, w) })
	}
	return -1
}

// nearest is the word of the list with the fewest letters to change.
func nearest(w string) string {
	return slices.MinFunc(wordlists.English, func(a, b string) int { return distance(w, a) - distance(w, b) })
}

// distance is that of Levenshtein.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := before
			if a[i] != b[j] {
				change++
			}
			before = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

func (c Card) mac(root Fingerprint, post string, label string, text []byte) []byte {
	info := telegram.LabelCard + string(root[:]) + post
	secret := sha256.Sum256(c.secret[:]) // HKDF in FIPS mode takes no key of less than 112 bits
	key, err := hkdf.Key(sha256.New, secret[:], nil, info, sha256.Size)
	if err != nil {
		panic(err) // only a length that cannot be would come here
	}
	h := hmac.New(sha256.New, key)
	h.Write([]byte(label))
	h.Write(text)
	return h.Sum(nil)
}

const cardLine = "card "

// Sign adds the card's MAC to an application of a post that believes in this root: a last block, the line "card" with the MAC in base64.
func (c Card) Sign(root Fingerprint, post string, application []byte) []byte {
	mac := c.mac(root, post, "", application)
	return fmt.Appendf(slices.Clone(application), "%s%s\n\n", cardLine, base64Of(mac))
}

// ReadBack are the words that the post reads back, and that its keeper compares.
func (c Card) ReadBack(root Fingerprint, post string, application []byte) []string {
	return wordsOf(c.mac(root, post, "read back\n", application)[:cardBytes])
}

// ErrCard says that an application was not made with this card for this root: it was altered on its way, or the card is another's.
var ErrCard = errors.New("the application does not fit the card")

// CutCard cuts the MAC from an application; ok is false where there is none.
func CutCard(file []byte) (application, mac []byte, ok bool) {
	at := bytes.LastIndex(file, []byte("\n\n"+cardLine))
	if at < 0 {
		return file, nil, false
	}
	encoded, found := bytes.CutSuffix(file[at+2+len(cardLine):], []byte("\n\n"))
	mac, err := base64.StdEncoding.Strict().DecodeString(string(encoded))
	if !found || err != nil || len(mac) != sha256.Size {
		return file, nil, false
	}
	return file[:at+2], mac, true
}

// Check says whether an application with a MAC was made with this card by a post of that name that believes in this root.
func (c Card) Check(root Fingerprint, post string, file []byte) (application []byte, err error) {
	application, mac, ok := CutCard(file)
	if !ok {
		return nil, fmt.Errorf("it carries no card's MAC: %w", ErrCard)
	}
	if !hmac.Equal(mac, c.mac(root, post, "", application)) {
		return nil, ErrCard
	}
	return application, nil
}
