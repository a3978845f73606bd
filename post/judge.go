package post

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"chancery.example/chancery/directory"
	"chancery.example/chancery/store"
	"chancery.example/chancery/telegram"
)

// This file judges by the directory: what is new by the newest, what was entered by the one of its time.

// knows says whether the directory has everyone to whom the telegram goes, and the office it comes from.
func (v *view) knows(t *telegram.Telegram, self string) error {
	if !v.dir.HasOffice(t.From) {
		return fmt.Errorf("the directory has no office %s to send from%s", t.From, v.why(t.From))
	}
	for _, a := range append(append([]telegram.Addressee(nil), t.To...), t.Info...) {
		if a.Post == self {
			return fmt.Errorf("%s is an office of this post itself: tell it without a telegram", a.Address)
		}
		if _, ok := v.dir.Post(a.Post); !ok {
			return fmt.Errorf("the directory has no post %s: look for its name with  chancery directory show", a.Post)
		}
		if !v.dir.HasOffice(a.Address) {
			return fmt.Errorf("the directory has no office %s%s; it has %s", a.Address, v.why(a.Address), officeList(v.dir, a.Post))
		}
	}
	return nil
}

// why says why an office that was once stated cannot be used.
func (v *view) why(a telegram.Address) string {
	switch {
	case v.dir.Suspended(directory.Subject{Post: a.Post}):
		return " in force: the post " + a.Post + " is suspended"
	case v.dir.Suspended(directory.Subject{Office: a}):
		return " in force: it is suspended"
	case v.dir.Ended(directory.Subject{Office: a}):
		return " any more"
	}
	return ""
}

func officeList(d *directory.Directory, post string) string {
	var names []string
	for _, o := range d.Offices(post) {
		if d.HasOffice(o) {
			names = append(names, o.String())
		}
	}
	if len(names) == 0 {
		return "none there"
	}
	return strings.Join(names, ", ")
}

// mayRelease says whether the two people were entitled at the post when they signed, the releaser at that precedence, and are two; or one who may release alone.
func (v *view) mayRelease(t *telegram.Telegram, post string) error {
	drafted, released := time.Unix(t.DTG, 0), time.Unix(t.Released, 0)
	if alone(t) {
		if err := v.dir.May(directory.Alone, t.Releaser, post, released); err != nil {
			return fmt.Errorf("its releaser is its drafter: %w", err)
		}
	}
	if err := v.dir.May(directory.Drafter, t.Drafter, post, drafted); err != nil {
		return fmt.Errorf("its drafter: %w", err)
	}
	if err := v.dir.May(directory.Releaser, t.Releaser, post, released); err != nil {
		return fmt.Errorf("its releaser: %w", err)
	}
	if err := v.dir.MayReleaseAt(t.Precedence(), t.Releaser, post, released); err != nil {
		return fmt.Errorf("its releaser: %w", err)
	}
	return nil
}

// passesOn says whether an office may pass a telegram on so: only one that it was addressed to, for action only where it was to act, and under its label.
func passesOn(t, o *telegram.Telegram) error {
	action := hasOffice(o.To, t.From)
	switch {
	case t.On().Post != o.From.Post:
		return fmt.Errorf("it is a telegram of %s, and not of %s", o.From.Post, t.On().Post)
	case !action && !hasOffice(o.Info, t.From):
		return fmt.Errorf("%s is no addressee of it: only one to whom it was sent passes it on", t.From)
	case !action && len(t.To) > 0:
		return fmt.Errorf("%s had it for information only, and can pass it on for information only: write Info in place of To", t.From)
	}
	return keepsLabel(t, o)
}

func hasOffice(list []telegram.Addressee, a telegram.Address) bool {
	return slices.ContainsFunc(list, func(x telegram.Addressee) bool { return x.Address == a })
}

// checkPassedOn proves a telegram that is passed on, and one that is passed on within it: that it is the one cited, that its two people signed it, and
// that it was sent to the office which passes it on, for what it says. Whether these people were entitled is said beside it and is no reason to refuse
// it: it may be old, and they may have left.
func (v *view) checkPassedOn(t *telegram.Telegram) error {
	o, err := t.Readdressed()
	if err != nil || o == nil {
		return err
	}
	draftRoot, root := o.Telegram.Roots()
	if err := v.checkRelease(o.Telegram, &o.Signatures, draftRoot, root); err != nil {
		return fmt.Errorf("the telegram that it passes on: %w", err)
	}
	if err := passesOn(t, o.Telegram); err != nil {
		return fmt.Errorf("it passes on what it may not: %w", err)
	}
	return v.checkPassedOn(o.Telegram)
}

// keepsLabel says whether a telegram that carries another's text protects it as that one did.
func keepsLabel(t, of *telegram.Telegram) error {
	if t.Label.Policy != of.Label.Policy || t.Label.Classification != of.Label.Classification {
		return fmt.Errorf("what carries its text has its policy and classification: %q, %q", of.Label.Policy, of.Label.Classification)
	}
	for _, c := range of.Label.Caveats {
		if !slices.Contains(t.Label.Caveats, c) {
			return fmt.Errorf("what carries its text has its caveats: add a line  Caveat: %s", c)
		}
	}
	return nil
}

// alone says whether one person drafted and released.
func alone(t *telegram.Telegram) bool { return t.Drafter.Person == t.Releaser.Person }

// suspended refuses a post that is stopped. Nothing of it is taken, and nothing is sealed to it; what it sent comes again when it is restored.
func (v *view) suspended(post string) error {
	if v.dir.Suspended(directory.Subject{Post: post}) {
		return fmt.Errorf("the post %s is suspended: nothing it sends is taken until the root officers restore it", post)
	}
	return nil
}

// marks are what a reader must know today of who signed a telegram, though it was rightly taken: each says what happened, what it means, and
// whom to call. entry is where this post's register has it, and own whether this post sent it.
func (v *view) marks(t *telegram.Telegram, entry int64, own bool) (marks []string) {
	if alone(t) {
		marks = append(marks, fmt.Sprintf("Released alone: person %d drafted and released it, as the directory allows at %s. No second person has seen it. If it surprises you, ask the post back before you act.",
			t.Releaser.Person, t.From.Post))
	}
	for _, x := range []struct {
		who string
		key telegram.KeyRef
	}{{"drafter", t.Drafter}, {"releaser", t.Releaser}} {
		if r, revoked := v.dir.Revoked(x.key); revoked && !(own && entry < r.Size) {
			marks = append(marks, fmt.Sprintf("Revoked since: key %v of its %s is not to be trusted. It was rightly taken before that was known; of what this key signed there stands only what %s entered below entry %d of its register. Call the administrators of %s before you act on it.",
				x.key, x.who, t.From.Post, r.Size, t.From.Post))
		}
		if v.dir.Doubtful(x.key) {
			marks = append(marks, fmt.Sprintf("New key without continuity: key %v of its %s took the place of one that did not sign for it. It may be another person's. Have the administrators of %s confirm it another way, and record that with  chancery directory checked",
				x.key, x.who, t.From.Post))
		}
		if v.dir.Suspended(directory.Subject{Person: x.key.Person}) {
			marks = append(marks, fmt.Sprintf("Suspended since: person %d, its %s, is stopped until the root officers decide. What he signed before may be in doubt. Call the duty officer of %s.",
				x.key.Person, x.who, t.From.Post))
		}
	}
	if v.dir.Suspended(directory.Subject{Post: t.From.Post}) {
		marks = append(marks, fmt.Sprintf("Suspended since: the post %s is stopped. What it sent before may be in doubt. Call your ministry's duty officer.", t.From.Post))
	}
	return slices.Compact(marks)
}

// history is the directory in time: of each entry of the register it says which version was in use.
type history struct {
	entries []int64 // of the versions adopted, rising
	newest  *view
	views   map[int]*view
	make    func(*directory.Directory) (*view, error)
	tx      *store.Tx
}

func (p *Post) history(tx *store.Tx, newest *view) (*history, error) {
	entries, err := directory.Versions(tx)
	if err != nil {
		return nil, err
	}
	return &history{entries, newest, map[int]*view{}, p.newView, tx}, nil
}

// at is the view by which an entry of the register was judged when it was made; nil before the first directory.
func (h *history) at(entry int64) (*view, error) {
	n, found := slices.BinarySearch(h.entries, entry)
	if found { // the entry of an adoption is made by the directory that is adopted
		n++
	}
	switch {
	case n == 0:
		return nil, nil
	case h.views[n] != nil:
		return h.views[n], nil
	}
	d, err := directory.At(h.tx, h.newest.dir, int64(n))
	if err != nil {
		return nil, err
	}
	v := h.newest
	if d.Size() != v.dir.Size() || d.Total() != v.dir.Total() {
		if v, err = h.make(d); err != nil {
			return nil, err
		}
	}
	h.views[n] = v
	return v, nil
}
