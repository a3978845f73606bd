package wycheproof

import (
	std "bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/mlkem"
	"crypto/mlkem/mlkemtest"
	"crypto/sha256"
	"slices"
	"testing"

	"chancery.example/chancery/seal"
	"chancery.example/chancery/telegram"
)

// sealsTo says whether a letter can be sealed to an X-Wing key of these two halves.
func sealsTo(mlkem768, x25519 []byte) bool {
	to, err := seal.NewRecipient(slices.Concat(mlkem768, x25519))
	if err != nil {
		return false
	}
	l, e := seal.Letter{From: "OSLO", To: "LIMA", Payload: []byte("Ice.")}, telegram.Envelope{}
	return l.Seal(&e, to, own) == nil
}

// halves are a good key's.
var halves = func() (k struct{ mlkem768, x25519 []byte }) {
	letters, err := seal.NewLetterKey()
	if err != nil {
		panic(err)
	}
	public := letters.Public()
	k.mlkem768, k.x25519 = public[:mlkem.EncapsulationKeySize768], public[mlkem.EncapsulationKeySize768:]
	return k
}()

type mlkemVector struct {
	vector
	Seed, EK, M, C, K bytes
}

func TestMLKEMDecapsulate(t *testing.T) {
	each(t, "mlkem_768_test", func(t *testing.T, _ *group[mlkemVector], v *mlkemVector) bool {
		key, err := mlkem.NewDecapsulationKey768(v.Seed)
		if err == nil && len(v.EK) > 0 && !std.Equal(key.EncapsulationKey().Bytes(), v.EK) {
			v.say(t, "the seed gives another key")
		}
		var secret []byte
		if err == nil {
			secret, err = key.Decapsulate(v.C)
		}
		if (err == nil) != (v.Result == "valid") || err == nil && !std.Equal(secret, v.K) {
			v.say(t, "it is %s, and the secret is %x, %v", v.Result, secret, err)
		}
		return true
	})
}

func TestMLKEMKeys(t *testing.T) {
	each(t, "mlkem_768_keygen_seed_test", func(t *testing.T, _ *group[mlkemVector], v *mlkemVector) bool {
		key, err := mlkem.NewDecapsulationKey768(v.Seed)
		if err != nil || !std.Equal(key.EncapsulationKey().Bytes(), v.EK) {
			v.say(t, "the seed gives another key, %v", err)
		}
		if !sealsTo(v.EK, halves.x25519) {
			v.say(t, "no letter can be sealed to the key")
		}
		return true
	})
}

func TestMLKEMEncapsulate(t *testing.T) {
	each(t, "mlkem_768_encaps_test", func(t *testing.T, _ *group[mlkemVector], v *mlkemVector) bool {
		if sealsTo(v.EK, halves.x25519) != (v.Result == "valid") {
			v.say(t, "it is %s", v.Result)
		}
		key, err := mlkem.NewEncapsulationKey768(v.EK)
		if (err == nil) != (v.Result == "valid") {
			v.say(t, "it is %s: %v", v.Result, err)
		}
		if err != nil {
			return true
		}
		secret, c, err := mlkemtest.Encapsulate768(key, v.M)
		if err != nil || !std.Equal(secret, v.K) || !std.Equal(c, v.C) {
			v.say(t, "another secret or ciphertext, %v", err)
		}
		return true
	})
}

func TestX25519(t *testing.T) {
	type xdh struct {
		vector
		Public, Private, Shared bytes
	}
	each(t, "x25519_test", func(t *testing.T, _ *group[xdh], v *xdh) bool {
		private, err := ecdh.X25519().NewPrivateKey(v.Private)
		if err != nil {
			t.Fatal(err)
		}
		public, err := ecdh.X25519().NewPublicKey(v.Public)
		if err != nil {
			t.Fatal(err)
		}
		shared, err := private.ECDH(public)
		zero := v.has("ZeroSharedSecret")
		if (err != nil) != zero || err == nil && !std.Equal(shared, v.Shared) {
			v.say(t, "the secret is %x, %v", shared, err)
		}
		// A key that gives zeros is refused, whatever stands beside it.
		if sealsTo(halves.mlkem768, v.Public) == zero {
			v.say(t, "that a letter can be sealed to it is %v", !zero)
		}
		return true
	})
}

func TestHKDF(t *testing.T) {
	type kdf struct {
		vector
		IKM, Salt, Info, OKM bytes
		Size                 int
	}
	each(t, "hkdf_sha256_test", func(t *testing.T, _ *group[kdf], v *kdf) bool {
		key, err := hkdf.Key(sha256.New, v.IKM, v.Salt, string(v.Info), v.Size)
		if (err == nil) != (v.Result == "valid") || err == nil && !std.Equal(key, v.OKM) {
			v.say(t, "the key is %x, %v", key, err)
		}
		return true
	})
}

// seal has one AES: 256 bits of key, a nonce of 12 bytes before the text and a tag of 16 behind it.
func TestAESGCM(t *testing.T) {
	type aead struct {
		vector
		Key, IV, AAD, Msg, CT, Tag bytes
	}
	each(t, "aes_gcm_test", func(t *testing.T, g *group[aead], v *aead) bool {
		if g.KeySize != 256 || g.IVSize != 96 || g.TagSize != 128 {
			return false
		}
		block, err := aes.NewCipher(v.Key)
		if err != nil {
			t.Fatal(err)
		}
		random, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			t.Fatal(err)
		}
		msg, err := random.Open(nil, nil, slices.Concat(v.IV, v.CT, v.Tag), v.AAD)
		if (err == nil) != (v.Result == "valid") || err == nil && !std.Equal(msg, v.Msg) {
			v.say(t, "it opens as %x, %v", msg, err)
		}
		if v.Result != "valid" {
			return true
		}
		plain, err := cipher.NewGCM(block)
		if err != nil {
			t.Fatal(err)
		}
		if got := plain.Seal(nil, v.IV, v.Msg, v.AAD); !std.Equal(got, slices.Concat(v.CT, v.Tag)) {
			v.say(t, "it is sealed as %x", got)
		}
		return true
	})
}

func TestHMAC(t *testing.T) {
	type mac struct {
		vector
		Key, Msg, Tag bytes
	}
	each(t, "hmac_sha256_test", func(t *testing.T, g *group[mac], v *mac) bool {
		h := hmac.New(sha256.New, v.Key)
		h.Write(v.Msg)
		if hmac.Equal(h.Sum(nil)[:g.TagSize/8], v.Tag) != (v.Result == "valid") {
			v.say(t, "it is %s", v.Result)
		}
		return true
	})
}
