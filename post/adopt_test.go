package post_test

import (
	"strings"
	"testing"

	"chancery.example/chancery/desk"
	"chancery.example/chancery/directory"
	"chancery.example/chancery/post"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/telegram"
)

// newKey states a new key of one of MOSCOW's people, vouched for by whoever signs.
func newKey(who int, key, signer *seal.Signer) directory.Key {
	k := directory.Key{Ref: world().posts["MOSCOW"].ref(who), Key: public(key)}
	k.Ref.Key = 2
	k.Signature = vouch(signer, telegram.LabelKey, k.Body())
	return k
}

func TestAdoptRefuses(t *testing.T) {
	m := open(t, nil)
	x := m.at("MOSCOW")
	office := directory.Office{Address: telegram.Address{Office: "CONSUL", Post: "LONDON"}}
	unsigned := must(world().dir.Append(office))
	key := seal.NewSigner()
	stolen := world().sign(must(world().dir.Append(newKey(releaser, key, seal.NewSigner()))))
	fork := world().sign(must(world().dir.Append(office)))
	other := world().sign(must(must(world().dir.Append(directory.Office{Address: telegram.Address{Office: "CONSUL", Post: "BEIJING"}})).Append(office)))
	refuse := func(what string, file []byte, says string) {
		t.Helper()
		before := x.count("select count(*) from entry")
		_, _, err := x.Adopt(background, file)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", what, err, says)
		}
		if n := x.count("select count(*) from entry"); n != before {
			t.Errorf("%s: the register went on", what)
		}
	}
	refuse("signed by nobody", unsigned.Marshal(), directory.ErrUnsigned.Error())
	refuse("a key that its holder does not vouch for", stolen.Marshal(), "does not vouch for itself")
	if _, fresh, err := x.Adopt(background, fork.Marshal()); err != nil || !fresh {
		t.Fatal(fresh, err)
	}
	if _, fresh, err := x.Adopt(background, fork.Marshal()); err != nil || fresh {
		t.Errorf("the same again: %v, %v", fresh, err)
	}
	refuse("a fork", other.Marshal(), directory.ErrFork.Error())
	refuse("an older one", world().dir.Marshal(), directory.ErrRollback.Error())

	b := m.at("BEIJING")
	b.config.Fingerprint[0] ^= 1
	b.reopen()
	if _, _, err := b.Adopt(background, fork.Marshal()); err == nil || !strings.Contains(err.Error(), directory.ErrFingerprint.Error()) {
		t.Errorf("another root: %v", err)
	}
}

// Somebody else was admitted under this post's name: it must not send under a register key that nobody knows.
func TestOtherKeysThanTheDirectory(t *testing.T) {
	m := open(t, nil)
	x := m.at("MOSCOW")
	for what, keys := range map[string]post.Keys{
		"identity": {Identity: seal.NewSigner(), Register: x.keys.Register, Letters: x.keys.Letters, Rest: x.keys.Rest},
		"register": {Identity: x.keys.Identity, Register: seal.NewSigner(), Letters: x.keys.Letters, Rest: x.keys.Rest},
	} {
		p := must(post.New(x.config, keys, x.db))
		if _, err := p.Draft(background, form(x, plain)); err == nil || !strings.Contains(err.Error(), "other keys for MOSCOW than this post holds") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// What was released under a key that another has replaced before it took its number is held.
func TestKeyReplacedBeforeRegistering(t *testing.T) {
	m := open(t, nil)
	x := m.at("MOSCOW")
	id := x.send(plain)
	key := seal.NewSigner()
	if _, _, err := x.Adopt(background, world().sign(must(world().dir.Append(newKey(releaser, key, key)))).Marshal()); err != nil {
		t.Fatal(err)
	}
	m.run("MOSCOW")
	x.held(id, "its releaser:")
	if s := x.state(id).State; s != desk.Released {
		t.Errorf("it is %s", s)
	}
}
