package seal

import (
	"testing"

	"chancery.example/chancery/telegram"
)

// An opinion holds for one D, one officer, one remark and one kind of opinion.
func TestOpinions(t *testing.T) {
	d, other := telegram.Root{1}, telegram.Root{2}
	cleared, returned := Clear(d, drafter), Return(d, "Say which harbour.", drafter)
	if err := CheckClear(d, cleared, drafter.Verifier()); err != nil {
		t.Error(err)
	}
	if err := CheckReturn(d, "Say which harbour.", returned, drafter.Verifier()); err != nil {
		t.Error(err)
	}
	for what, err := range map[string]error{
		"a clearance of another draft":   CheckClear(other, cleared, drafter.Verifier()),
		"a clearance by another officer": CheckClear(d, cleared, releaser.Verifier()),
		"a clearance cut short":          CheckClear(d, cleared[:63], drafter.Verifier()),
		"a return for a clearance":       CheckClear(d, Return(d, "", drafter), drafter.Verifier()),
		"a return of another draft":      CheckReturn(other, "Say which harbour.", returned, drafter.Verifier()),
		"a return with another remark":   CheckReturn(d, "Say which", returned, drafter.Verifier()),
		"a return by another officer":    CheckReturn(d, "Say which harbour.", returned, releaser.Verifier()),
		"a clearance for a return":       CheckReturn(d, "", cleared, drafter.Verifier()),
	} {
		if err == nil {
			t.Errorf("%s is taken", what)
		}
	}
}

// A signature has one length, and a key too.
func TestLengths(t *testing.T) {
	ed, pq := drafter.Sign(telegram.LabelLetter, secretText)
	v := drafter.Verifier()
	if !v.Verify(telegram.LabelLetter, secretText, ed, pq) {
		t.Fatal("a good signature")
	}
	for what, s := range map[string][2][]byte{"none": {nil, nil}, "no Ed25519": {nil, pq}, "no ML-DSA": {ed, nil}, "Ed25519 cut": {ed[:63], pq}, "ML-DSA cut": {ed, pq[:len(pq)-1]},
		"Ed25519 with more": {append(ed[:64:64], 0), pq}, "ML-DSA with more": {ed, append(pq[:len(pq):len(pq)], 0)}} {
		if v.Verify(telegram.LabelLetter, secretText, s[0], s[1]) {
			t.Errorf("%s: it holds", what)
		}
	}
	ked, kpq := drafter.Public()
	for what, k := range map[string][2][]byte{"Ed25519 cut": {ked[:31], kpq}, "ML-DSA cut": {ked, kpq[:1311]}, "ML-DSA with more": {ked, append(kpq[:1312:1312], 0)}, "no ML-DSA": {ked, nil}} {
		if _, err := NewVerifier(k[0], k[1]); err == nil {
			t.Errorf("%s: it is a key", what)
		}
	}
}
