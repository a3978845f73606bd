package directory

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"chancery.example/chancery/telegram"
)

// Post finds a post by its name.
func (d *Directory) Post(name string) (Post, bool) {
	if p, ok := d.posts[name]; ok {
		return p.Post, true
	}
	return Post{}, false
}

// PostByRoute finds a post by its routing code.
func (d *Directory) PostByRoute(r telegram.Route) (Post, bool) { return d.Post(d.routes[r]) }

// Posts gives all posts, by name.
func (d *Directory) Posts() []Post {
	posts := make([]Post, 0, len(d.posts))
	for _, p := range d.posts {
		posts = append(posts, p.Post)
	}
	slices.SortFunc(posts, func(a, b Post) int { return cmp.Compare(a.Name, b.Name) })
	return posts
}

// Offices gives the offices of a post that are in force, by name.
func (d *Directory) Offices(post string) []telegram.Address {
	p, ok := d.posts[post]
	if !ok {
		return nil
	}
	offices := slices.DeleteFunc(slices.Clone(p.offices), func(a telegram.Address) bool { return d.offices[a].ended })
	slices.SortFunc(offices, func(a, b telegram.Address) int { return cmp.Compare(a.Office, b.Office) })
	return offices
}

// HasOffice says whether a telegram can go to or from that office now: it is in force, and neither it nor its post is suspended.
func (d *Directory) HasOffice(a telegram.Address) bool {
	o, ok := d.offices[a]
	return ok && !o.ended && !o.suspended && !d.posts[a.Post].suspended
}

// Knows says whether that office is or was one, and is not suspended.
func (d *Directory) Knows(a telegram.Address) bool {
	o, ok := d.offices[a]
	return ok && !o.suspended
}

// Holder says who has an office. Person is 0 while that was never stated, or nobody has it.
func (d *Directory) Holder(a telegram.Address) Holder {
	if o, ok := d.offices[a]; ok {
		return o.Holder
	}
	return Holder{Office: a}
}

// Suspended says whether one is suspended, by itself.
func (d *Directory) Suspended(s Subject) bool {
	switch {
	case s.Person != 0:
		p, ok := d.people[s.Person]
		return ok && p.suspended
	case s.Post != "":
		p, ok := d.posts[s.Post]
		return ok && p.suspended
	}
	o, ok := d.offices[s.Office]
	return ok && o.suspended
}

// Ended says whether a person or an office was, and is no more.
func (d *Directory) Ended(s Subject) bool {
	if s.Person != 0 {
		p, ok := d.people[s.Person]
		return ok && !p.ended.IsZero()
	}
	o, ok := d.offices[s.Office]
	return ok && o.ended
}

// Grant gives what a post's administrators may issue.
func (d *Directory) Grant(post string) (Grant, bool) {
	if p, ok := d.posts[post]; ok && p.grant != nil {
		return *p.grant, true
	}
	return Grant{}, false
}

// NextIssue is the number of the next statement that a post's administrators issue.
func (d *Directory) NextIssue(post string) int {
	if p, ok := d.posts[post]; ok {
		return p.issued + 1
	}
	return 1
}

// Revoked says whether a key was revoked, and from where.
func (d *Directory) Revoked(ref telegram.KeyRef) (Revoke, bool) {
	if p, ok := d.people[ref.Person]; ok {
		r, revoked := p.revoked[ref.Key]
		return r, revoked
	}
	return Revoke{}, false
}

// CheckedKey says whether and how a person's key was compared by another way.
func (d *Directory) CheckedKey(ref telegram.KeyRef) (Checked, bool) {
	if p, ok := d.people[ref.Person]; ok {
		c, checked := p.checked[ref.Key]
		return c, checked
	}
	return Checked{}, false
}

// CheckedPost says whether and how a post's keys were compared by another way.
func (d *Directory) CheckedPost(post string) (Checked, bool) {
	if p, ok := d.posts[post]; ok && p.checked != nil {
		return *p.checked, true
	}
	return Checked{}, false
}

// Doubtful says whether a key took the place of another which did not sign for it, and nobody has confirmed it another way since.
func (d *Directory) Doubtful(ref telegram.KeyRef) bool {
	k, ok := d.Key(ref)
	_, checked := d.CheckedKey(ref)
	return ok && k.NoContinuity() && !checked
}

// Person finds a person by number.
func (d *Directory) Person(number uint32) (Person, bool) {
	if p, ok := d.people[number]; ok {
		return p.Person, true
	}
	return Person{}, false
}

// People gives the people of a post, those who are no more among them, by number.
func (d *Directory) People(post string) []Person {
	p, ok := d.posts[post]
	if !ok {
		return nil
	}
	people := make([]Person, 0, len(p.people))
	for _, number := range p.people {
		people = append(people, d.people[number].Person)
	}
	slices.SortFunc(people, func(a, b Person) int { return cmp.Compare(a.Number, b.Number) })
	return people
}

// Key finds a key of a person, also one that was replaced since.
func (d *Directory) Key(ref telegram.KeyRef) (Key, bool) {
	p, ok := d.people[ref.Person]
	if !ok || ref.Key == 0 || int(ref.Key) > len(p.keys) {
		return Key{}, false
	}
	return p.keys[ref.Key-1], true
}

// Keys gives all keys of a person, oldest first: the last is in use.
func (d *Directory) Keys(person uint32) []Key {
	if p, ok := d.people[person]; ok {
		return slices.Clone(p.keys)
	}
	return nil
}

// ClockSlack is how far the clocks of two posts may stand apart.
const ClockSlack = 24 * time.Hour

// LetterKey gives the key to which a letter to the post is sealed at that time: of those valid then the one whose time began last, and
// of two that began together the one stated later. If none is, it is the one that was valid or will be within ClockSlack: the clock that says at may be wrong,
// and then a letter is better than none.
func (d *Directory) LetterKey(post string, at time.Time) (LetterKey, bool) {
	for _, slack := range []time.Duration{0, ClockSlack} {
		var best LetterKey
		found := false
		for _, k := range d.LetterKeys(post) {
			if at.Before(k.NotBefore.Add(-slack)) || !at.Before(k.NotAfter.Add(slack)) {
				continue
			}
			if !found || !k.NotBefore.Before(best.NotBefore) {
				best, found = k, true
			}
		}
		if found {
			return best, true
		}
	}
	return LetterKey{}, false
}

// LetterKeys gives all letter keys of a post, in the order of their statements.
func (d *Directory) LetterKeys(post string) []LetterKey {
	if p, ok := d.posts[post]; ok {
		return slices.Clone(p.letters)
	}
	return nil
}

// ErrRevoked says that a key is not to be trusted any more.
var ErrRevoked = errors.New("the key is revoked")

// May says why a key is not entitled to act in a role at a post. It is when its person is of that post, has the role (of several asked
// together, all) and is neither ended nor suspended, when the key is not revoked, and when no later key took its place. Of what was signed
// at an earlier time it is asked whether it was entitled then: before the end, by the roles of that time, and by a key that was replaced
// since, if it signed for its successor. A suspension and a revocation stop what was signed earlier too. The zero time asks what is in force.
func (d *Directory) May(role Role, ref telegram.KeyRef, post string, at time.Time) error {
	if role == 0 {
		return errors.New("no role is asked for")
	}
	if err := d.Stands(ref, post, at); err != nil {
		return err
	}
	if d.people[ref.Person].rolesAt(at)&role != role {
		return fmt.Errorf("person %d of %s is no %v", ref.Person, post, role)
	}
	return nil
}

// Stands says why a key does not stand for a person of a post, whatever his roles: see [Directory.May].
func (d *Directory) Stands(ref telegram.KeyRef, post string, at time.Time) error {
	p, ok := d.people[ref.Person]
	switch {
	case !ok:
		return fmt.Errorf("the directory knows no person %d", ref.Person)
	case p.Post != post:
		return fmt.Errorf("person %d is of %s, not of %s", ref.Person, p.Post, post)
	case !p.ended.IsZero() && (at.IsZero() || !at.Before(p.ended)):
		return fmt.Errorf("person %d is no more of %s", ref.Person, post)
	case p.suspended:
		return fmt.Errorf("person %d of %s is suspended", ref.Person, post)
	case ref.Key == 0 || int(ref.Key) > len(p.keys):
		return fmt.Errorf("the directory knows no key %v", ref)
	}
	if _, revoked := p.revoked[ref.Key]; revoked {
		return fmt.Errorf("%v: %w", ref, ErrRevoked)
	}
	if int(ref.Key) < len(p.keys) {
		if next := p.keys[ref.Key]; next.After == 0 || at.IsZero() || !at.Before(next.From) {
			return fmt.Errorf("key %v was replaced by key %d", ref, len(p.keys))
		}
	}
	return nil
}

func (p *personEntry) rolesAt(at time.Time) Role {
	r := p.Roles
	for i := len(p.earlier) - 1; i >= 0 && !at.IsZero() && at.Before(p.since); i-- {
		if r = p.earlier[i].Roles; !at.Before(p.earlier[i].From) {
			break
		}
	}
	return r
}

// Voucher is a signature inside the list, which root officers do not make: it shows that the holder of a key was there when the key
// was stated. This package does not check them.
type Voucher struct {
	Statement int64  // where it stands, from 0
	For       string // what it shows, for people
	Label     string // telegram.LabelKey, telegram.LabelPeriod or telegram.LabelIssue
	Message   []byte // the statement's body; with LabelIssue after the list's fingerprint
	Key       PublicKey
	Signature Signature
}

// Vouchers gives every such signature, in the order of the statements. Whoever has checked a list needs to check of one that extends
// it only those whose Statement is not below the old size.
func (d *Directory) Vouchers() []Voucher {
	var vs []Voucher
	for i, e := range d.entries {
		inner := e.statement
		if issued, ok := e.statement.(Issued); ok {
			inner = issued.Statement
			for _, by := range issued.By {
				key, _ := d.Key(by.Key)
				vs = append(vs, Voucher{Statement: int64(i), For: fmt.Sprintf("what person %d issues, a statement %q", by.Key.Person, inner.kind()),
					Label: telegram.LabelIssue, Message: d.fingerprint.ToIssue(issued), Key: key.Key, Signature: by.Signature})
			}
		}
		v := Voucher{Statement: int64(i), Label: telegram.LabelKey, Message: inner.Body()}
		switch s := inner.(type) {
		case Post:
			v.For, v.Key, v.Signature = "the identity key of "+s.Name, s.Identity, s.Signature
		case LetterKey:
			v.For, v.Label = fmt.Sprintf("the letter key %x of %s", s.ID, s.Post), telegram.LabelPeriod
			v.Key, v.Signature = d.posts[s.Post].Identity, s.Signature
		case Key:
			v.For, v.Key, v.Signature = fmt.Sprintf("key %v", s.Ref), s.Key, s.Signature
			if s.After != 0 {
				vs = append(vs, v)
				v.For = fmt.Sprintf("key %v in place of key %d", s.Ref, s.After)
				v.Key, v.Signature = d.people[s.Ref.Person].keys[s.After-1].Key, s.Continuity
			}
		default:
			continue
		}
		vs = append(vs, v)
	}
	return vs
}
