package directory

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"chancery.example/chancery/telegram"
)

// Statement is one entry of the list: a [Root], [Post], [LetterKey], [Office], [Person] or [Key]; one of those that change what these
// say, [Grant], [Roles], [Holder], [End], [Suspend], [Restore], [Revoke] and [Checked]; one on precedence, [Reserve] and [Minimize]; or one of
// them as [Issued].
type Statement interface {
	// Body is the statement's text without its signatures: what those signatures are over, after their label.
	Body() []byte
	// Text is the whole statement in its one written form.
	Text() []byte
	kind() string // closes the set
}

// Root is statement 0: who signs the directory, and how many of them it takes.
type Root struct {
	Threshold int
	Officers  []Officer // at most MaxOfficers, by rising number
}

// Officer is one who signs checkpoints of the directory, as [Officer.Name].
type Officer struct {
	Number int // from 1
	Key    PublicKey
}

// MaxOfficers bounds how many officers a root names.
const MaxOfficers = 32

// Fingerprint is the SHA-256 digest of the root's text. Everything rests on it, so a post is given it by another way.
type Fingerprint [sha256.Size]byte

// Fingerprint is the digest of the root's text.
func (r Root) Fingerprint() Fingerprint { return sha256.Sum256(r.Text()) }

// String is 64 hexadecimal digits.
func (f Fingerprint) String() string { return hex.EncodeToString(f[:]) }

// ParseFingerprint reads what String wrote.
func ParseFingerprint(s string) (f Fingerprint, err error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(f) {
		return f, fmt.Errorf("%q is no fingerprint: it has %d hexadecimal digits", s, 2*len(f))
	}
	return Fingerprint(b), nil
}

// Post is one post and the keys it works with.
type Post struct {
	Name      string
	Route     telegram.Route
	Identity  PublicKey // signs its letters, receipts and letter keys
	Register  PublicKey // signs the checkpoints of its register
	Login     string    // public nkey, "U…", under which brokers let it in
	Signature Signature // by Identity, over LabelKey and Body
}

// LetterKey is the statement "period": to this key letters to a post are sealed for a time.
type LetterKey struct {
	Post      string
	ID        [4]byte   // unlike that of any other letter key of the post
	XWing     []byte    // 1216 bytes
	NotBefore time.Time // in whole seconds
	NotAfter  time.Time // the first second at which it is no longer valid
	Signature Signature // by the post's Identity, over LabelPeriod and Body
}

// Office is an addressee inside a post.
type Office struct{ Address telegram.Address }

// Person is somebody at a post, known here by a number only: a list of names on every post's disk would be a danger to life.
type Person struct {
	Number uint32 // not 0
	Post   string
	Roles  Role
}

// Role is what a person may do, or several of it.
type Role uint8

// The roles, in the order in which they are written.
const (
	Drafter       Role = 1 << iota // drafts and hands over
	Releaser                       // releases what another drafted
	Administrator                  // issues statements of its post, with another administrator
	Duty                           // may suspend anybody at once
	Alone                          // may release what he drafted himself, at a post of one person
	AtFlash                        // a releaser who may release at flash, where that is reserved
	AtOverride                     // and at override, and at flash
)

// grantable are the roles that a post's administrators may be allowed to give. The others are the root's alone to give.
const grantable = Drafter | Releaser | Alone | AtFlash | AtOverride

func roleNames() []string {
	return []string{"drafter", "releaser", "administrator", "duty", "alone", "flash", "override"}
}

func (r Role) String() string {
	var names []string
	for i, name := range roleNames() {
		if r&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, " and ")
}

// Key is a signing key of a person. Of several the one of the highest number is in use.
type Key struct {
	Ref        telegram.KeyRef // key numbers rise by one, from 1
	Key        PublicKey
	After      uint16    // the number of the key this one replaces, if that key signed too; else 0
	From       time.Time // only with After, in whole seconds: what the old key signed before then stands
	Signature  Signature // by Key itself, over LabelKey and Body
	Continuity Signature // by the key it replaces, over the same; only with After
}

// NoContinuity says that the key took the place of another which did not sign for it: confirm it another way.
func (k Key) NoContinuity() bool { return k.Ref.Key > 1 && k.After == 0 }

const (
	kindRoot   = "root"
	kindPost   = "post"
	kindPeriod = "period"
	kindOffice = "office"
	kindPerson = "person"
	kindKey    = "key"

	timeLayout = "2006-01-02T15:04:05Z"
)

func (Root) kind() string      { return kindRoot }
func (Post) kind() string      { return kindPost }
func (LetterKey) kind() string { return kindPeriod }
func (Office) kind() string    { return kindOffice }
func (Person) kind() string    { return kindPerson }
func (Key) kind() string       { return kindKey }

// line appends a field: its words with a space between, and a newline.
func line(b []byte, words ...string) []byte {
	return append(append(b, strings.Join(words, " ")...), '\n')
}

func base64Of(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

func (k PublicKey) append(b []byte, name ...string) []byte {
	b = line(b, append(name[:len(name):len(name)], "ed25519", base64Of(k.Ed25519))...)
	return line(b, append(name[:len(name):len(name)], "ml-dsa-44", base64Of(k.MLDSA))...)
}

func (s Signature) append(b []byte, name string) []byte {
	b = line(b, name, "ed25519", base64Of(s.Ed25519))
	return line(b, name, "ml-dsa-44", base64Of(s.MLDSA))
}

// Body is the whole text: a root is not signed, its fingerprint is known.
func (r Root) Body() []byte {
	b := line(nil, kindRoot)
	b = line(b, "threshold", strconv.Itoa(r.Threshold))
	for _, o := range r.Officers {
		b = o.Key.append(b, "officer", strconv.Itoa(o.Number))
	}
	return b
}

// Text is the statement as it is written.
func (r Root) Text() []byte { return r.Body() }

// Body is what the post's identity key signs with telegram.LabelKey.
func (p Post) Body() []byte {
	b := line(nil, kindPost, p.Name)
	b = line(b, "route", p.Route.String())
	b = p.Identity.append(b, "identity")
	b = p.Register.append(b, "register")
	return line(b, "login", p.Login)
}

// Text is the statement as it is written.
func (p Post) Text() []byte { return p.Signature.append(p.Body(), "signed") }

// Body is what the post's identity key signs with telegram.LabelPeriod.
func (k LetterKey) Body() []byte {
	b := line(nil, kindPeriod, k.Post)
	b = line(b, "id", hex.EncodeToString(k.ID[:]))
	b = line(b, "x-wing", base64Of(k.XWing))
	b = line(b, "from", k.NotBefore.UTC().Format(timeLayout))
	return line(b, "until", k.NotAfter.UTC().Format(timeLayout))
}

// Text is the statement as it is written.
func (k LetterKey) Text() []byte { return k.Signature.append(k.Body(), "signed") }

// Body is the whole text: an office has no key.
func (o Office) Body() []byte { return line(nil, kindOffice, o.Address.String()) }

// Text is the statement as it is written.
func (o Office) Text() []byte { return o.Body() }

// Body is the whole text: what a person may do is the directory's to say.
func (p Person) Body() []byte {
	b := line(nil, kindPerson, strconv.FormatUint(uint64(p.Number), 10))
	b = line(b, "post", p.Post)
	return p.Roles.append(b)
}

func (r Role) append(b []byte) []byte {
	for i, name := range roleNames() {
		if r&(1<<i) != 0 {
			b = line(b, "role", name)
		}
	}
	return b
}

// Text is the statement as it is written.
func (p Person) Text() []byte { return p.Body() }

// Body is what the key, and the key it replaces, sign with telegram.LabelKey.
func (k Key) Body() []byte {
	b := line(nil, kindKey, k.Ref.String())
	b = k.Key.append(b)
	if k.After != 0 {
		b = line(b, "after", telegram.KeyRef{Person: k.Ref.Person, Key: k.After}.String())
		b = line(b, "from", k.From.UTC().Format(timeLayout))
	}
	return b
}

// Text is the statement as it is written.
func (k Key) Text() []byte {
	b := k.Signature.append(k.Body(), "signed")
	if k.After != 0 {
		b = k.Continuity.append(b, "continued")
	}
	return b
}
