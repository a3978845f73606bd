package seal

import (
	"errors"
	"slices"

	"chancery.example/chancery/telegram"
)

// Clear is the act of an officer who has no objection to what was handed over: it signs D, with Ed25519. It stays at the post.
func Clear(d telegram.Root, officer *Signer) []byte {
	return officer.signEd(telegram.LabelClear, d[:])
}

// CheckClear says whether an officer cleared what has D.
func CheckClear(d telegram.Root, signature []byte, officer *Verifier) error {
	if !officer.verifyEd(telegram.LabelClear, d[:], signature) {
		return errors.New("the signature under the clearance does not hold")
	}
	return nil
}

// Return is the act of an officer who sends back what was handed over, and says why: it signs D and the remark, with Ed25519.
func Return(d telegram.Root, remark string, officer *Signer) []byte {
	return officer.signEd(telegram.LabelReturn, slices.Concat(d[:], []byte(remark)))
}

// CheckReturn says whether an officer returned what has D, with that remark.
func CheckReturn(d telegram.Root, remark string, signature []byte, officer *Verifier) error {
	if !officer.verifyEd(telegram.LabelReturn, slices.Concat(d[:], []byte(remark)), signature) {
		return errors.New("the signature under the remark does not hold")
	}
	return nil
}
