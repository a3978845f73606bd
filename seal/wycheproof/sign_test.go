package wycheproof

import (
	std "bytes"
	"encoding/json"
	"slices"
	"testing"

	"chancery.example/chancery/seal"
	"filippo.io/mldsa"
)

// A verifier of seal wants both signatures. To ask it about one algorithm, the other half is a key of ours, which has rightly signed.
var own = seal.NewSigner()

func TestEd25519(t *testing.T) {
	each(t, "ed25519_test", func(t *testing.T, g *group[struct {
		vector
		Msg, Sig bytes
	}], v *struct {
		vector
		Msg, Sig bytes
	}) bool {
		var public struct{ PK bytes }
		if err := json.Unmarshal(g.PublicKey, &public); err != nil {
			t.Fatal(err)
		}
		_, pq := own.Public()
		key, err := seal.NewVerifier(public.PK, pq)
		if err != nil {
			if v.Result == "valid" {
				v.say(t, "the key is refused: %v", err)
			}
			return true
		}
		_, right := own.Sign("", v.Msg)
		if key.Verify("", v.Msg, v.Sig, right) != (v.Result == "valid") {
			v.say(t, "it is %s", v.Result)
		}
		// seal signs label ‖ message: the same bytes under a label that is their beginning.
		if n := min(len(v.Msg), 200); n > 0 {
			label, rest := string(v.Msg[:n]), v.Msg[n:]
			_, right := own.Sign(label, rest)
			if key.Verify(label, rest, v.Sig, right) != (v.Result == "valid") {
				v.say(t, "under a label it is %s", v.Result)
			}
		}
		return true
	})
}

type mldsaVector struct {
	vector
	Msg, Ctx, Sig, Rnd bytes
}

func publicKey(t *testing.T, g *group[mldsaVector]) (b bytes) {
	t.Helper()
	if err := json.Unmarshal(g.PublicKey, &b); err != nil {
		t.Fatal(err)
	}
	return b
}

// holds asks both libraries whether an ML-DSA-44 signature holds, and wants one answer.
func holds(t *testing.T, v *mldsaVector, public []byte) bool {
	t.Helper()
	ed, _ := own.Public()
	ours := false
	if key, err := seal.NewVerifier(ed, public); err == nil {
		n := min(len(v.Ctx), 255) // seal signs under no longer label: of one, what is too much is signed with the message
		right, _ := own.Sign(string(v.Ctx[:n]), slices.Concat(v.Ctx[n:], v.Msg))
		ours = key.Verify(string(v.Ctx), v.Msg, right, v.Sig)
	}
	theirs := false
	if key, err := mldsa.NewPublicKey(mldsa.MLDSA44(), public); err == nil {
		theirs = mldsa.Verify(key, v.Msg, v.Sig, &mldsa.Options{Context: string(v.Ctx)}) == nil
	}
	if ours != theirs {
		v.say(t, "circl says %v, filippo.io/mldsa %v", ours, theirs)
	}
	return ours
}

func TestMLDSAVerify(t *testing.T) {
	each(t, "mldsa_44_verify_test", func(t *testing.T, g *group[mldsaVector], v *mldsaVector) bool {
		if holds(t, v, publicKey(t, g)) != (v.Result == "valid") {
			v.say(t, "it is %s", v.Result)
		}
		return true
	})
}

// seal's signatures are hedged and so never a vector's. What must agree is the key of the seed; the vector's signature holds with it; and what seal
// signs with it holds with the other library, which makes the vector's signature, too.
func TestMLDSASign(t *testing.T) {
	each(t, "mldsa_44_sign_seed_test", func(t *testing.T, g *group[mldsaVector], v *mldsaVector) bool {
		if v.has("Internal") || v.has("Randomized") { // of a hash of the message, or with randomness given: nobody here signs so
			return false
		}
		key, err := mldsa.NewPrivateKey(mldsa.MLDSA44(), g.PrivateSeed)
		if len(g.PrivateSeed) != 32 {
			if err == nil || v.Result == "valid" {
				v.say(t, "a seed of %d bytes", len(g.PrivateSeed))
			}
			if _, err := seal.SignerFromSeed(append(make([]byte, 32), g.PrivateSeed...)); err == nil {
				v.say(t, "seal takes a seed of %d bytes", len(g.PrivateSeed))
			}
			return true
		}
		if err != nil {
			t.Fatal(err)
		}
		sig, err := key.SignDeterministic(v.Msg, &mldsa.Options{Context: string(v.Ctx)})
		if (err == nil) != (v.Result == "valid") || err == nil && !std.Equal(sig, v.Sig) {
			v.say(t, "filippo.io/mldsa makes another signature, %v", err)
		}
		if v.Result != "valid" {
			return true
		}
		ours, err := seal.SignerFromSeed(append(make([]byte, 32), g.PrivateSeed...))
		if err != nil {
			t.Fatal(err)
		}
		_, public := ours.Public()
		if !std.Equal(public, publicKey(t, g)) {
			v.say(t, "the seed gives another key")
		}
		if !holds(t, v, public) {
			v.say(t, "the vector's signature does not hold")
		}
		_, hedged := ours.Sign(string(v.Ctx), v.Msg)
		if err := mldsa.Verify(key.PublicKey(), v.Msg, hedged, &mldsa.Options{Context: string(v.Ctx)}); err != nil {
			v.say(t, "what seal signs does not hold: %v", err)
		}
		return true
	})
}
