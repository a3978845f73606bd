package post

import (
	"errors"
	"fmt"
	"time"

	"chancery.example/chancery/directory"
	"chancery.example/chancery/register"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/telegram"
)

// This file checks what was handed out, with a directory alone: it is for whoever has no post. The directory must be verified, and its keys vouched for.

// Entered is what a proof of a register shows.
type Entered struct {
	Post  string             `json:"post"` // whose register it is
	Kind  telegram.EntryKind `json:"kind"`
	Root  telegram.Root      `json:"root"`
	Entry int64              `json:"entry"`
	Size  int64              `json:"size"`

	Witnesses []WitnessedBy `json:"witnesses"` // other posts that signed the same checkpoint
}

// WitnessedBy is a post that has followed the register since before, and signed that it was only added to.
type WitnessedBy struct {
	Post string    `json:"post"`
	At   time.Time `json:"at"`
}

// Proven is what a disclosure proves.
type Proven struct {
	Root       telegram.Root  `json:"root"`
	Released   *ReleasedBy    `json:"released,omitempty"`   // nil when it proves no release
	Registered *Entered       `json:"registered,omitempty"` // nil when it proves no entry
	Notes      []string       `json:"notes,omitempty"`      // what is not proved, and what is known since
	Withheld   []telegram.Gap `json:"withheld"`
	Text       string         `json:"text"` // what is shown, with gaps
}

// ReleasedBy is who released a telegram.
type ReleasedBy struct {
	Key  telegram.KeyRef `json:"key"`
	Post string          `json:"post"`
	At   *time.Time      `json:"at,omitempty"` // nil when that is withheld
}

// CheckDirectory says whether every key and every issued statement of a directory is signed by who had to: what stands in its tail is believed for
// nothing else.
func CheckDirectory(d *directory.Directory) error {
	for _, v := range d.Vouchers() {
		key, err := seal.NewVerifier(v.Key.Ed25519, v.Key.MLDSA)
		if err != nil || !key.Verify(v.Label, v.Message, v.Signature.Ed25519, v.Signature.MLDSA) {
			return fmt.Errorf("statement %d (%s) does not vouch for itself", v.Statement, v.For)
		}
	}
	return nil
}

// CheckProof checks a proof with the register key that the directory has of the post whose register it names.
func CheckProof(d *directory.Directory, proof *register.Proof) (*Entered, error) {
	for _, p := range d.Posts() {
		if register.Origin(p.Route) != proof.Origin {
			continue
		}
		key, err := seal.NewVerifier(p.Register.Ed25519, p.Register.MLDSA)
		if err != nil {
			return nil, err
		}
		verifiers, err := key.Cosigners(proof.Origin)
		if err != nil {
			return nil, err
		}
		c, err := proof.Check(verifiers)
		if err != nil {
			return nil, err
		}
		kind, root, ok := telegram.EntryOf(proof.Entry)
		if !ok || root == (telegram.Root{}) {
			return nil, errors.New("the entry is not of a telegram")
		}
		e := &Entered{Post: p.Name, Kind: kind, Root: root, Entry: proof.Index, Size: c.Size, Witnesses: []WitnessedBy{}}
		for _, name := range proof.Signers() {
			if name != proof.Origin {
				e.Witnesses = append(e.Witnesses, witnessOf(d, proof, name)...)
			}
		}
		return e, nil
	}
	return nil, fmt.Errorf("the directory has no post whose register is %q", proof.Origin)
}

// witnessOf is the post of that name of a register's, if it has signed the proof's checkpoint with both algorithms. What does not hold of a witness
// takes nothing from the proof, and adds nothing.
func witnessOf(d *directory.Directory, proof *register.Proof, name string) []WitnessedBy {
	for _, p := range d.Posts() {
		if register.Origin(p.Route) != name {
			continue
		}
		key, err := seal.NewVerifier(p.Register.Ed25519, p.Register.MLDSA)
		if err != nil {
			return nil
		}
		verifiers, err := key.Cosigners(name)
		if err != nil {
			return nil
		}
		if at, err := proof.Witnessed(verifiers); err == nil {
			return []WitnessedBy{{p.Name, at.UTC()}}
		}
	}
	return nil
}

// CheckDisclosure says what a disclosure proves, or why it does not hold.
func CheckDisclosure(d *directory.Directory, x *telegram.Disclosure) (*Proven, error) {
	s, err := x.Check()
	if err != nil {
		return nil, err
	}
	out := &Proven{Root: x.Root}
	if x.Registered != "" {
		if out.Registered, err = entered(d, x, s); err != nil {
			return nil, err
		}
	}
	if x.Release != nil {
		if err := out.release(d, x, s); err != nil {
			return nil, err
		}
	}
	if s.Brackets() {
		out.Notes = append(out.Notes, "The telegram's own text has double square brackets: not all of them stand for something that is withheld.")
	}
	if len(x.Reasons) > 0 {
		out.Notes = append(out.Notes, "The reasons are those of whoever made the disclosure. They are not signed.")
	}
	out.Withheld, out.Text = s.Gaps(), s.String()
	return out, nil
}

// entered proves that the telegram is entered, in a register of one that sent or received it.
func entered(d *directory.Directory, x *telegram.Disclosure, s *telegram.Shown) (*Entered, error) {
	proof, err := register.ParseProof(x.Registered)
	if err != nil {
		return nil, err
	}
	e, err := CheckProof(d, proof)
	if err != nil {
		return nil, err
	}
	if _, err := s.CheckEntry(proof.Entry); err != nil {
		return nil, err
	}
	from, ok := s.Sender()
	if e.Kind == telegram.EntryOut && ok && from.Post != e.Post {
		return nil, fmt.Errorf("%s has entered it as sent, and it was sent from %s", e.Post, from.Post)
	}
	addressed, known := s.Addresses(e.Post)
	if e.Kind != telegram.EntryOut && known && !addressed {
		return nil, fmt.Errorf("%s has entered it as received, and is not addressed", e.Post)
	}
	return e, nil
}

// release proves who released it, and that he might.
func (out *Proven) release(d *directory.Directory, x *telegram.Disclosure, s *telegram.Shown) error {
	ref, _ := s.Releaser() // Check has seen that it is shown
	k, ok := d.Key(ref)
	if !ok {
		return fmt.Errorf("the directory has no key %v", ref)
	}
	key, err := seal.NewVerifier(k.Key.Ed25519, k.Key.MLDSA)
	if err != nil {
		return err
	}
	if err := seal.CheckReleased(x.Root, x.Release, x.ReleasePQ, key); err != nil {
		return err
	}
	person, _ := d.Person(ref.Person)
	if from, ok := s.Sender(); ok && from.Post != person.Post {
		return fmt.Errorf("its releaser: person %d is of %s, not of %s", ref.Person, person.Post, from.Post)
	}
	if e := out.Registered; e != nil && e.Kind == telegram.EntryOut && e.Post != person.Post {
		return fmt.Errorf("its releaser: person %d is of %s, and %s has entered it as sent", ref.Person, person.Post, e.Post)
	}
	out.Released = &ReleasedBy{Key: ref, Post: person.Post}
	at, ok := s.Released()
	if ok {
		out.Released.At = when(at)
	} else {
		out.note("When it was released is withheld, so nobody can tell by this whether person %d might release then.", ref.Person)
	}
	return out.entitled(d, s)
}

func (out *Proven) note(format string, a ...any) {
	out.Notes = append(out.Notes, fmt.Sprintf(format, a...))
}

// entitled says whether the releaser might release when he did, as far as that is shown.
func (out *Proven) entitled(d *directory.Directory, s *telegram.Shown) error {
	ref, post := out.Released.Key, out.Released.Post
	if d.Suspended(directory.Subject{Person: ref.Person}) {
		return fmt.Errorf("its releaser: person %d of %s is suspended", ref.Person, post)
	}
	if r, revoked := d.Revoked(ref); revoked {
		if e := out.Registered; e == nil || e.Kind != telegram.EntryOut || e.Entry >= r.Size {
			return fmt.Errorf("its releaser: %v: %w, and this does not show that %s had entered it before", ref, directory.ErrRevoked, post)
		}
		out.note("Revoked since: key %v of its releaser is not to be trusted. It stands because %s entered it before that.", ref, post)
	} else if at := out.Released.At; at != nil {
		if err := d.May(directory.Releaser, ref, post, *at); err != nil {
			return fmt.Errorf("its releaser: %w", err)
		}
	}
	drafter, ok := s.Drafter()
	switch at := out.Released.At; {
	case !ok:
		out.note("Who drafted it is withheld, so nobody can tell by this whether another person drafted it than released it.")
	case drafter.Person == ref.Person && at != nil:
		if err := d.May(directory.Alone, ref, post, *at); err != nil {
			return fmt.Errorf("its releaser is its drafter: %w", err)
		}
		fallthrough
	case drafter.Person == ref.Person:
		out.note("Released alone: person %d drafted and released it.", ref.Person)
	}
	if d.Doubtful(ref) {
		out.note("New key without continuity: key %v of its releaser took the place of one that did not sign for it.", ref)
	}
	if d.Suspended(directory.Subject{Post: post}) {
		out.note("Suspended since: the post %s is stopped. What it sent before may be in doubt.", post)
	}
	return nil
}
