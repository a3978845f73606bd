package directory

import (
	"strconv"
	"time"

	"chancery.example/chancery/telegram"
)

// Grant says what a post's two administrators may issue without the root. A later grant takes the place of an earlier one; what is in
// force then stays.
type Grant struct {
	Post    string
	Offices int  // how many offices may be in force at most, from 1
	People  int  // how many people, from 1
	Roles   Role // what they may give: of Drafter, Releaser, Alone, AtFlash, AtOverride
}

// Roles are what a person may do from a time on, none perhaps.
type Roles struct {
	Person uint32
	From   time.Time // in whole seconds; what he signed before stands by the roles he had then
	Roles  Role
}

// Holder says who has an office from now on. A later one takes its place: that is a handover.
type Holder struct {
	Office   telegram.Address
	Person   uint32   // 0: nobody
	Deputies []uint32 // who stand in, in this order; at most MaxDeputies
}

// MaxDeputies bounds how many deputies an office has.
const MaxDeputies = 8

// Subject is a person, an office or a post: one of the three.
type Subject struct {
	Person uint32
	Office telegram.Address
	Post   string
}

// String is "person 17", "office AMBASSADOR@BEIJING" or "post BEIJING".
func (s Subject) String() string {
	switch {
	case s.Person != 0:
		return "person " + strconv.FormatUint(uint64(s.Person), 10)
	case s.Office != telegram.Address{}:
		return "office " + s.Office.String()
	}
	return "post " + s.Post
}

// End says that a person or an office is no more. What they signed and received before stands.
type End struct {
	Of  Subject
	At  time.Time // in whole seconds
	Why string    // one word or more, in visible ASCII
}

// Suspend stops a person, an office or a post at once, until the root restores it.
type Suspend struct {
	Of  Subject
	At  time.Time // in whole seconds; it also makes one suspension's text unlike another's
	Why string
}

// Restore ends a suspension. Only the root states it.
type Restore struct{ Of Subject }

// Revoke says that a key is not to be trusted, and from where: what its person's post entered in its register below that checkpoint
// stands. Only the root states it.
type Revoke struct {
	Key  telegram.KeyRef
	Size int64    // of the checkpoint, in entries; 0: nothing that the key signed stands
	Root [32]byte // its root hash; zero when Size is
}

// Checked records that a key, or the keys of a post, were compared by another way than this list.
type Checked struct {
	Key  telegram.KeyRef // of a person, or
	Post string          // a post
	How  string          // one of Ways
	At   time.Time       // in whole seconds
}

// Ways are how a key can be checked.
func Ways() []string {
	return []string{"card", "card and read back", "in person", "telephone", "document"}
}

func (c Checked) subject() string {
	if c.Post != "" {
		return "post " + c.Post
	}
	return "key " + c.Key.String()
}

// Issued is a statement that people signed, so that it stands before the root officers have signed the list it is in.
type Issued struct {
	Statement Statement
	Post      string // whose administrators issue it, and
	Number    int    // the how many-th of that post it is, from 1; "" and 0 for Suspend, Checked and Minimize, which are not counted
	By        []Issuer
}

// Issuer is one who issued a statement.
type Issuer struct {
	Key       telegram.KeyRef
	Signature Signature // over LabelIssue, the list's fingerprint and Body
}

const (
	kindGrant   = "grant"
	kindRoles   = "roles"
	kindHolder  = "holder"
	kindEnd     = "end"
	kindSuspend = "suspend"
	kindRestore = "restore"
	kindRevoke  = "revoke"
	kindChecked = "checked"
)

func (Grant) kind() string    { return kindGrant }
func (Roles) kind() string    { return kindRoles }
func (Holder) kind() string   { return kindHolder }
func (End) kind() string      { return kindEnd }
func (Suspend) kind() string  { return kindSuspend }
func (Restore) kind() string  { return kindRestore }
func (Revoke) kind() string   { return kindRevoke }
func (Checked) kind() string  { return kindChecked }
func (i Issued) kind() string { return i.Statement.kind() }

func number(n uint32) string { return strconv.FormatUint(uint64(n), 10) }

// Body is the whole text: a grant is the root's to state.
func (g Grant) Body() []byte {
	b := line(nil, kindGrant, g.Post)
	b = line(b, "offices", strconv.Itoa(g.Offices))
	b = line(b, "people", strconv.Itoa(g.People))
	return g.Roles.append(b)
}

// Body is the whole text.
func (r Roles) Body() []byte {
	b := line(nil, kindRoles, number(r.Person))
	return r.Roles.append(line(b, "from", r.From.UTC().Format(timeLayout)))
}

// Body is the whole text.
func (h Holder) Body() []byte {
	b := line(nil, kindHolder, h.Office.String())
	if h.Person != 0 {
		b = line(b, "person", number(h.Person))
	}
	for _, d := range h.Deputies {
		b = line(b, "deputy", number(d))
	}
	return b
}

// Body is the whole text.
func (e End) Body() []byte {
	b := line(nil, kindEnd, e.Of.String())
	b = line(b, "at", e.At.UTC().Format(timeLayout))
	return line(b, "why", e.Why)
}

// Body is the whole text.
func (s Suspend) Body() []byte {
	b := line(nil, kindSuspend, s.Of.String())
	b = line(b, "at", s.At.UTC().Format(timeLayout))
	return line(b, "why", s.Why)
}

// Body is the whole text.
func (r Restore) Body() []byte { return line(nil, kindRestore, r.Of.String()) }

// Body is the whole text.
func (r Revoke) Body() []byte {
	b := line(nil, kindRevoke, r.Key.String())
	if r.Size == 0 {
		return line(b, "below", "0")
	}
	return line(b, "below", strconv.FormatInt(r.Size, 10), base64Of(r.Root[:]))
}

// Body is the whole text.
func (c Checked) Body() []byte {
	b := line(nil, kindChecked, c.subject())
	b = line(b, "how", c.How)
	return line(b, "at", c.At.UTC().Format(timeLayout))
}

// Body is what its issuers sign with telegram.LabelIssue, after the list's fingerprint.
func (i Issued) Body() []byte {
	b := i.Statement.Text()
	if i.Post != "" {
		b = line(b, "by", i.Post, strconv.Itoa(i.Number))
	}
	return b
}

// Text is the statement as it is written.
func (g Grant) Text() []byte { return g.Body() }

// Text is the statement as it is written.
func (r Roles) Text() []byte { return r.Body() }

// Text is the statement as it is written.
func (h Holder) Text() []byte { return h.Body() }

// Text is the statement as it is written.
func (e End) Text() []byte { return e.Body() }

// Text is the statement as it is written.
func (s Suspend) Text() []byte { return s.Body() }

// Text is the statement as it is written.
func (r Restore) Text() []byte { return r.Body() }

// Text is the statement as it is written.
func (r Revoke) Text() []byte { return r.Body() }

// Text is the statement as it is written.
func (c Checked) Text() []byte { return c.Body() }

// Text is the statement as it is written.
func (i Issued) Text() []byte {
	b := i.Body()
	for _, x := range i.By {
		b = x.Signature.append(b, "issued "+x.Key.String())
	}
	return b
}

// ToIssue is what an issuer signs, with the label telegram.LabelIssue.
func (f Fingerprint) ToIssue(i Issued) []byte { return append(f[:len(f):len(f)], i.Body()...) }
