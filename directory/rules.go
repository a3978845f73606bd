package directory

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"chancery.example/chancery/telegram"
)

// This file says what may be stated after what, and by whom.

type postEntry struct {
	Post
	offices   []telegram.Address
	people    []uint32
	letters   []LetterKey
	grant     *Grant
	issued    int // how many statements its administrators have issued
	suspended bool
	checked   *Checked
}

type personEntry struct {
	Person
	keys      []Key
	earlier   []Roles   // what he could do until the From of the next
	since     time.Time // of Person.Roles
	ended     time.Time // zero while he is in force
	suspended bool
	revoked   map[uint16]Revoke
	checked   map[uint16]Checked
}

type officeEntry struct {
	Holder
	ended     bool
	suspended bool
}

func (p *postEntry) clone() *postEntry {
	c := *p
	c.offices, c.people, c.letters = slices.Clone(p.offices), slices.Clone(p.people), slices.Clone(p.letters)
	return &c
}

func (p *personEntry) clone() *personEntry {
	c := *p
	c.keys, c.earlier, c.revoked, c.checked = slices.Clone(p.keys), slices.Clone(p.earlier), maps.Clone(p.revoked), maps.Clone(p.checked)
	return &c
}

// allow says whether a statement may stand next. The root officers, who sign the list as a whole, may state anything; in the tail, which
// they have not signed, stands only what carries its own authority.
func (d *Directory) allow(s Statement, tail bool) error {
	i, issued := s.(Issued)
	if !issued {
		if _, key := s.(LetterKey); tail && !key {
			return fmt.Errorf("a statement %q needs the root officers' signatures, or those of people who may issue it", s.kind())
		}
		return nil
	}
	if at, ok := d.texts[sha256.Sum256(i.Text())]; ok {
		return fmt.Errorf("statement %d says this already, with the same signatures", at)
	}
	switch x := i.Statement.(type) {
	case Suspend:
		return d.allowSuspend(i, x)
	case Checked:
		return d.allowChecked(i, x)
	case Minimize:
		return d.allowMinimize(i, x)
	case Office, Person, Key, Roles, Holder, End:
		return d.allowIssued(i)
	}
	return fmt.Errorf("a statement %q is not for people of a post to issue", s.kind())
}

// issuer says whether one who issues a statement may: he has the role, at that post or, where none is named, at his own.
func (d *Directory) issuer(role Role, by Issuer, post string, at time.Time) error {
	p, ok := d.people[by.Key.Person]
	if ok && post == "" {
		post = p.Post
	}
	return d.May(role, by.Key, post, at)
}

// allowSuspend: one duty officer of any post, at once; or two administrators of the post concerned, for a day they hope not to see.
func (d *Directory) allowSuspend(i Issued, s Suspend) error {
	if i.Post != "" {
		return errors.New("a suspension is not counted: it is entered when it is needed")
	}
	switch len(i.By) {
	case 1:
		return d.issuer(Duty, i.By[0], "", s.At)
	case 2:
		return d.twoOf(i, d.postOf(s.Of), s.At)
	}
	return errors.New("one duty officer suspends, or two administrators of the post concerned")
}

// allowChecked: one who may be trusted with it says himself what he compared, and not of his own key.
func (d *Directory) allowChecked(i Issued, c Checked) error {
	if i.Post != "" || len(i.By) != 1 {
		return errors.New("one person says what he has checked, and it is not counted")
	}
	if i.By[0].Key.Person == c.Key.Person {
		return errors.New("nobody checks his own key")
	}
	if d.issuer(Duty, i.By[0], "", c.At) == nil {
		return nil
	}
	return d.issuer(Administrator, i.By[0], "", c.At)
}

func (d *Directory) twoOf(i Issued, post string, at time.Time) error {
	if len(i.By) != 2 || i.By[0].Key.Person == i.By[1].Key.Person {
		return fmt.Errorf("two administrators of %s issue it together", post)
	}
	if i.By[0].Key.Person > i.By[1].Key.Person {
		return errors.New("the issuers stand in the order of their numbers")
	}
	if err := d.issuer(Administrator, i.By[0], post, at); err != nil {
		return err
	}
	return d.issuer(Administrator, i.By[1], post, at)
}

// postOf is the post of a subject, "" if it is not known.
func (d *Directory) postOf(s Subject) string {
	switch p, ok := d.people[s.Person]; {
	case ok:
		return p.Post
	case s.Office.Post != "":
		return s.Office.Post
	}
	return s.Post
}

// allowIssued: two administrators, of their own post only, in the order in which they issue, and within its grant.
func (d *Directory) allowIssued(i Issued) error {
	p, err := d.stated(i.Post)
	if err != nil {
		return err
	}
	if p.grant == nil {
		return fmt.Errorf("%s has no grant: its people and offices are the root's to state", i.Post)
	}
	if i.Number != p.issued+1 {
		return fmt.Errorf("it is number %d that %s issues, and the next is %d: one is missing here, or two are given the same number", i.Number, i.Post, p.issued+1)
	}
	if err := d.twoOf(i, i.Post, time.Time{}); err != nil {
		return err
	}
	if p.suspended {
		return fmt.Errorf("the post %s is suspended", i.Post)
	}
	return d.within(p, i)
}

// within says whether what a post's administrators issue is theirs to issue.
func (d *Directory) within(p *postEntry, i Issued) error {
	switch s := i.Statement.(type) {
	case Office:
		if err := ofPost(i.Post, s.Address); err != nil {
			return err
		}
		if n := len(d.Offices(i.Post)); n >= p.grant.Offices {
			return fmt.Errorf("%s has %d offices, and its grant allows %d", i.Post, n, p.grant.Offices)
		}
		return nil
	case Person:
		if s.Post != i.Post {
			return fmt.Errorf("person %d is stated as of %s, not of %s", s.Number, s.Post, i.Post)
		}
		if n := d.inForce(p); n >= p.grant.People {
			return fmt.Errorf("%s has %d people, and its grant allows %d", i.Post, n, p.grant.People)
		}
		return p.grant.gives(s.Roles)
	case Roles:
		if err := p.grant.gives(s.Roles); err != nil {
			return err
		}
		return d.ordinary(i.Post, s.Person)
	case Key:
		if s.NoContinuity() {
			return fmt.Errorf("key %v takes the place of another without its signature: only the root states that", s.Ref)
		}
		return d.ordinary(i.Post, s.Ref.Person)
	case Holder:
		return ofPost(i.Post, s.Office)
	case End:
		if s.Of.Person != 0 {
			return d.ordinary(i.Post, s.Of.Person)
		}
		return ofPost(i.Post, s.Of.Office)
	}
	return nil
}

func ofPost(post string, a telegram.Address) error {
	if a.Post != post {
		return fmt.Errorf("%v is no office of %s", a, post)
	}
	return nil
}

func (g *Grant) gives(r Role) error {
	if r&^g.Roles != 0 {
		return fmt.Errorf("the grant of %s does not allow the role %v", g.Post, r&^g.Roles)
	}
	return nil
}

// ordinary says whether a person is of the post and one whom its administrators may change: they cannot make or unmake each other.
func (d *Directory) ordinary(post string, person uint32) error {
	p, ok := d.people[person]
	switch {
	case !ok || p.Post != post:
		return fmt.Errorf("person %d is not of %s", person, post)
	case p.Roles&^grantable != 0:
		return fmt.Errorf("person %d is %v: only the root changes that", person, p.Roles)
	}
	return nil
}

func (d *Directory) inForce(p *postEntry) (n int) {
	for _, number := range p.people {
		if d.people[number].ended.IsZero() {
			n++
		}
	}
	return n
}

// index enters what a statement says, if what stands before it allows that.
func (d *Directory) index(s Statement) error {
	switch s := s.(type) {
	case Root:
		d.fingerprint = s.Fingerprint()
	case Post:
		if _, ok := d.posts[s.Name]; ok {
			return fmt.Errorf("the post %s is stated already", s.Name)
		}
		if name, ok := d.routes[s.Route]; ok {
			return fmt.Errorf("the routing code %v of %s is that of %s", s.Route, s.Name, name)
		}
		d.posts[s.Name] = &postEntry{Post: s}
		d.routes[s.Route] = s.Name
	case LetterKey:
		p, err := d.stated(s.Post)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(p.letters, func(k LetterKey) bool { return k.ID == s.ID }) {
			return fmt.Errorf("%s has a letter key %x already", s.Post, s.ID)
		}
		p.letters = append(p.letters, s)
	case Office:
		p, err := d.stated(s.Address.Post)
		if err != nil {
			return err
		}
		if _, ok := d.offices[s.Address]; ok {
			return fmt.Errorf("the office %v is stated already", s.Address)
		}
		d.offices[s.Address] = &officeEntry{Holder: Holder{Office: s.Address}}
		p.offices = append(p.offices, s.Address)
	case Person:
		p, err := d.stated(s.Post)
		if err != nil {
			return err
		}
		if _, ok := d.people[s.Number]; ok {
			return fmt.Errorf("the person %d is stated already", s.Number)
		}
		d.people[s.Number] = &personEntry{Person: s}
		p.people = append(p.people, s.Number)
	case Key:
		return d.indexKey(s)
	case Issued:
		if err := d.index(s.Statement); err != nil {
			return err
		}
		if s.Post != "" {
			d.posts[s.Post].issued++
		}
		d.texts[sha256.Sum256(s.Text())] = int64(len(d.entries))
	default:
		return d.indexChange(s)
	}
	return nil
}

func (d *Directory) indexKey(s Key) error {
	p, ok := d.people[s.Ref.Person]
	switch {
	case !ok:
		return fmt.Errorf("the person %d is not stated before", s.Ref.Person)
	case !p.ended.IsZero():
		return fmt.Errorf("person %d is no more: there is no new key for him", s.Ref.Person)
	case int(s.Ref.Key) != len(p.keys)+1:
		return fmt.Errorf("key %v: the next key of person %d is number %d", s.Ref, s.Ref.Person, len(p.keys)+1)
	}
	if _, revoked := p.revoked[s.After]; revoked && s.After != 0 {
		return fmt.Errorf("key %v is revoked: it can vouch for no other", telegram.KeyRef{Person: s.Ref.Person, Key: s.After})
	}
	p.keys = append(p.keys, s)
	return nil
}

// indexChange enters what changes earlier statements.
func (d *Directory) indexChange(s Statement) error {
	switch s := s.(type) {
	case Grant:
		p, err := d.stated(s.Post)
		if err != nil {
			return err
		}
		p.grant = &s
	case Roles:
		p, ok := d.people[s.Person]
		if !ok || !p.ended.IsZero() {
			return fmt.Errorf("there is no person %d, or no more", s.Person)
		}
		if s.From.Before(p.since) {
			return fmt.Errorf("person %d has had his roles since %s: others begin later", s.Person, p.since.Format(timeLayout))
		}
		p.earlier = append(p.earlier, Roles{s.Person, p.since, p.Roles})
		p.Roles, p.since = s.Roles, s.From
	case Holder:
		return d.indexHolder(s)
	case End:
		return d.indexEnd(s.Of, s.At)
	case Suspend:
		return d.suspend(s.Of, true)
	case Restore:
		return d.suspend(s.Of, false)
	case Revoke:
		p, ok := d.people[s.Key.Person]
		if !ok || s.Key.Key == 0 || int(s.Key.Key) > len(p.keys) {
			return fmt.Errorf("there is no key %v to revoke", s.Key)
		}
		if old, ok := p.revoked[s.Key.Key]; ok && s.Size >= old.Size {
			return fmt.Errorf("key %v is revoked already, below %d", s.Key, old.Size)
		}
		if p.revoked == nil {
			p.revoked = map[uint16]Revoke{}
		}
		p.revoked[s.Key.Key] = s
	case Checked:
		return d.indexChecked(s)
	case Reserve:
		return d.indexReserve(s)
	case Minimize:
		return d.indexMinimize(s)
	}
	return nil
}

func (d *Directory) indexHolder(s Holder) error {
	o, ok := d.offices[s.Office]
	if !ok || o.ended {
		return fmt.Errorf("there is no office %v, or no more", s.Office)
	}
	for _, n := range append([]uint32{s.Person}, s.Deputies...) {
		if n == 0 {
			continue
		}
		if p, ok := d.people[n]; !ok || !p.ended.IsZero() || p.Post != s.Office.Post {
			return fmt.Errorf("person %d cannot have an office at %s: he is not of it, or no more", n, s.Office.Post)
		}
	}
	o.Holder = s
	return nil
}

// indexEnd ends a person, who then has no office either, or an office.
func (d *Directory) indexEnd(of Subject, at time.Time) error {
	if of.Person == 0 {
		o, ok := d.offices[of.Office]
		if !ok || o.ended {
			return fmt.Errorf("there is no office %v, or no more", of.Office)
		}
		*o = officeEntry{Holder: Holder{Office: of.Office}, ended: true, suspended: o.suspended}
		return nil
	}
	p, ok := d.people[of.Person]
	if !ok || !p.ended.IsZero() {
		return fmt.Errorf("there is no person %d, or no more", of.Person)
	}
	p.ended = at
	for _, a := range d.posts[p.Post].offices {
		o := d.offices[a]
		if o.Person == of.Person {
			o.Person = 0
		}
		o.Deputies = slices.DeleteFunc(slices.Clone(o.Deputies), func(n uint32) bool { return n == of.Person })
	}
	return nil
}

func (d *Directory) suspend(of Subject, to bool) error {
	var flag *bool
	switch {
	case of.Person != 0:
		if p, ok := d.people[of.Person]; ok {
			flag = &p.suspended
		}
	case of.Post != "":
		if p, ok := d.posts[of.Post]; ok {
			flag = &p.suspended
		}
	default:
		if o, ok := d.offices[of.Office]; ok {
			flag = &o.suspended
		}
	}
	switch {
	case flag == nil:
		return fmt.Errorf("there is no %v", of)
	case !to && !*flag:
		return fmt.Errorf("%v is not suspended", of)
	}
	*flag = to // a second suspension of what is suspended changes nothing, and is no reason to refuse one
	return nil
}

func (d *Directory) indexChecked(s Checked) error {
	if s.Post != "" {
		p, err := d.stated(s.Post)
		if err == nil {
			p.checked = &s
		}
		return err
	}
	p, ok := d.people[s.Key.Person]
	if !ok || s.Key.Key == 0 || int(s.Key.Key) > len(p.keys) {
		return fmt.Errorf("there is no key %v", s.Key)
	}
	if p.checked == nil {
		p.checked = map[uint16]Checked{}
	}
	p.checked[s.Key.Key] = s
	return nil
}
