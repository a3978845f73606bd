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

// Offices gives the offices of a post, by name.
func (d *Directory) Offices(post string) []telegram.Address {
	p, ok := d.posts[post]
	if !ok {
		return nil
	}
	offices := slices.Clone(p.offices)
	slices.SortFunc(offices, func(a, b telegram.Address) int { return cmp.Compare(a.Office, b.Office) })
	return offices
}

// HasOffice says whether there is such an office.
func (d *Directory) HasOffice(a telegram.Address) bool { return d.offices[a] }

// Person finds a person by number.
func (d *Directory) Person(number uint32) (Person, bool) {
	if p, ok := d.people[number]; ok {
		return p.Person, true
	}
	return Person{}, false
}

// People gives the people of a post, by number.
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

// LetterKey gives the key to which a letter to the post is sealed at that time: of those valid then the one whose time began last, and
// of two that began together the one stated later.
func (d *Directory) LetterKey(post string, at time.Time) (LetterKey, bool) {
	var best LetterKey
	found := false
	for _, k := range d.LetterKeys(post) {
		if at.Before(k.NotBefore) || !at.Before(k.NotAfter) {
			continue
		}
		if !found || !k.NotBefore.Before(best.NotBefore) {
			best, found = k, true
		}
	}
	return best, found
}

// LetterKeys gives all letter keys of a post, in the order of their statements.
func (d *Directory) LetterKeys(post string) []LetterKey {
	if p, ok := d.posts[post]; ok {
		return slices.Clone(p.letters)
	}
	return nil
}

// May says why a key is not entitled to act in a role at a post. It is when its person is of that post and has the role (of several
// asked together, all), and when no later key took its place.
func (d *Directory) May(role Role, ref telegram.KeyRef, post string) error {
	p, ok := d.people[ref.Person]
	switch {
	case role == 0:
		return errors.New("no role is asked for")
	case !ok:
		return fmt.Errorf("the directory knows no person %d", ref.Person)
	case p.Post != post:
		return fmt.Errorf("person %d is of %s, not of %s", ref.Person, p.Post, post)
	case p.Roles&role != role:
		return fmt.Errorf("person %d of %s is no %v", ref.Person, post, role)
	case ref.Key == 0 || int(ref.Key) > len(p.keys):
		return fmt.Errorf("the directory knows no key %v", ref)
	case int(ref.Key) < len(p.keys):
		return fmt.Errorf("key %v was replaced by key %d", ref, len(p.keys))
	}
	return nil
}

// Voucher is a signature inside the list, which root officers do not make: it shows that the holder of a key was there when the key
// was stated. This package does not check them.
type Voucher struct {
	Statement int64  // where it stands, from 0
	For       string // what it shows, for people
	Label     string // telegram.LabelKey or telegram.LabelPeriod
	Message   []byte // the statement's body
	Key       PublicKey
	Signature Signature
}

// Vouchers gives every such signature, in the order of the statements. Whoever has checked a list needs to check of one that extends
// it only those whose Statement is not below the old size.
func (d *Directory) Vouchers() []Voucher {
	var vs []Voucher
	for i, e := range d.entries {
		v := Voucher{Statement: int64(i), Label: telegram.LabelKey, Message: e.statement.Body()}
		switch s := e.statement.(type) {
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
