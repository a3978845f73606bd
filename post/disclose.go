package post

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/telegram"
)

// A disclosure is a telegram of which something is withheld, and the rest still proved: see [telegram.Disclosure]. It is made of what is filed, and
// nothing is entered for it.

// Proof says what a disclosure is to prove.
type Proof string

// The proofs.
const (
	ProofBoth       Proof = "both"       // both of these
	ProofReleased   Proof = "released"   // who released it: his number in the directory and his signatures are shown
	ProofRegistered Proof = "registered" // that a post entered it: no officer's key is shown
)

// Withholding is something that is to be withheld: one of the first four, and why.
type Withholding struct {
	Words     string `json:"words,omitempty"`
	Field     string `json:"field,omitempty"`
	Paragraph int    `json:"paragraph,omitempty"`
	Message   int    `json:"message,omitempty"`
	Reason    string `json:"reason,omitempty"`
}

// ToDisclose says what to disclose of which telegram. Year 0 is this year; no Proof is both, or registered where the releaser is withheld or has one of his signatures still to come.
type ToDisclose struct {
	Way      archive.Way   `json:"way"`
	Year     int           `json:"year"`
	Number   uint32        `json:"number"`
	Withhold []Withholding `json:"withhold"`
	Proof    Proof         `json:"proof,omitempty"`

	Attachments []int `json:"attachments,omitempty"` // those that are shown, from 1: with the key of its file each; all others are withheld
}

// Disclosure is what was made, with all that it proves as whoever checks it sees it.
type Disclosure struct {
	Record   []byte   `json:"record"`             // the disclosure as written
	Warnings []string `json:"warnings,omitempty"` // for whoever withholds, and for nobody else: they may name what is withheld
	Proven
}

// Disclose makes a disclosure, and checks it as anybody would before it gives it away.
func (p *Post) Disclose(ctx context.Context, w *ToDisclose) (*Disclosure, error) {
	v, err := p.current()
	if err != nil {
		return nil, err
	}
	s, err := p.Show(ctx, w.Way, w.Year, w.Number, nil)
	if err != nil {
		return nil, err
	}
	if !s.Verified {
		return nil, fmt.Errorf("a telegram of which a proof does not hold is not disclosed: %s", strings.Join(s.Findings, "; "))
	}
	f, r, err := p.filed(ctx, s.Way, s.Year, s.Number)
	if err != nil {
		return nil, err
	}
	proof, err := w.proof()
	if err != nil {
		return nil, err
	}
	if proof == "" {
		if proof = ProofBoth; r.ReleasePQ == nil {
			proof = ProofRegistered
		}
	}
	if proof != ProofRegistered && r.ReleasePQ == nil {
		return nil, errors.New("the releaser's second signature has not followed yet, so who released it cannot be proved: wait for it, or let it prove that it was registered")
	}
	x := telegram.Redact(r.Telegram)
	if proof != ProofReleased {
		p.tellNumbers(x, f, r)
	}
	for _, k := range w.Attachments {
		if err := x.Attachment(k); err != nil {
			return nil, err
		}
	}
	for i := range w.Withhold {
		if err := w.Withhold[i].from(x); err != nil {
			return nil, err
		}
	}
	d, err := x.Disclose()
	if err != nil {
		return nil, err
	}
	if proof != ProofRegistered {
		d.Release, d.ReleasePQ = r.Release, r.ReleasePQ
	}
	if proof != ProofReleased {
		if d.Registered, err = p.Prove(ctx, f.Way, f.Year, f.Number); err != nil {
			return nil, err
		}
	}
	out := &Disclosure{Record: d.Marshal(), Warnings: w.warnings(x, s, proof)}
	again, err := telegram.ParseDisclosure(out.Record)
	if err != nil {
		return nil, err
	}
	proven, err := CheckDisclosure(v.dir, again)
	if err != nil && proof != ProofRegistered {
		return nil, fmt.Errorf("the disclosure would not hold for who checks it by today's directory: %w; let it prove that it was registered, which names no officer", err)
	}
	if err != nil {
		return nil, fmt.Errorf("the disclosure would not hold for who checks it by today's directory: %w", err)
	}
	out.Proven = *proven
	return out, nil
}

// proof is what is to be proved, "" for as much as can be. The signatures show who released, so they do not go with a releaser who is withheld.
func (w *ToDisclose) proof() (Proof, error) {
	hidden := slices.ContainsFunc(w.Withhold, func(x Withholding) bool {
		name, _, _ := strings.Cut(x.Field, "#")
		return name == "releaser" || name == "head" || name == "all"
	})
	switch {
	case w.Proof == "" && hidden:
		return ProofRegistered, nil
	case w.Proof != "" && w.Proof != ProofBoth && w.Proof != ProofReleased && w.Proof != ProofRegistered:
		return "", fmt.Errorf("%q is no proof: use %s, %s or %s", w.Proof, ProofReleased, ProofRegistered, ProofBoth)
	case hidden && w.Proof != ProofRegistered:
		return "", errors.New("the releaser's signatures show who released it, so the releaser cannot be withheld beside them: let it prove that it was registered, which names no officer")
	}
	return w.Proof, nil
}

func (p *Post) tellNumbers(x *telegram.Redaction, f *archive.Filed, r *telegram.Registered) {
	if f.Way == archive.Out {
		x.EnterOut(&r.Numbers)
		return
	}
	n, seed := p.incomingOf(f)
	x.EnterIn(&n, seed)
}

func (w *Withholding) from(x *telegram.Redaction) error {
	switch {
	case w.Words != "":
		_, err := x.Words(w.Words, w.Reason)
		return err
	case w.Field != "":
		return x.Field(w.Field, w.Reason)
	case w.Message != 0:
		return x.Message(w.Message, w.Reason)
	}
	return x.Paragraph(w.Paragraph, w.Reason)
}

// warnings say what is told all the same of what is withheld.
func (w *ToDisclose) warnings(x *telegram.Redaction, s *Shown, proof Proof) (all []string) {
	for _, h := range w.Withhold {
		if left := x.Left(h.Words); h.Words != "" && len(left) > 0 {
			all = append(all, fmt.Sprintf("%q can still be read in %s", h.Words, strings.Join(left, ", ")))
		}
		name, _, _ := strings.Cut(h.Field, "#")
		switch every := name == "head" || name == "all"; {
		case (name == "sender" || every) && (s.Way == archive.Out || proof != ProofRegistered):
			all = append(all, fmt.Sprintf("the proof names %s all the same: of the sender only the office is withheld", s.From.Post))
		case (name == "addressee" || name == "action" || name == "info" || every) && s.Way == archive.In && proof != ProofReleased:
			all = append(all, fmt.Sprintf("the proof is of the register of %s, and shows that %s received it", s.Post, s.Post))
		}
	}
	return slices.Compact(all)
}
