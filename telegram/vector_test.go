package telegram

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"
)

// TestVector pins the bytes. What fails here is no longer the version 1 that other programs and old telegrams speak: change the
// version, not the numbers below.
func TestVector(t *testing.T) {
	sum := func(b []byte) string {
		h := sha256.Sum256(b)
		return hex.EncodeToString(h[:])
	}
	for name, c := range map[string]struct {
		telegram                                  *Telegram
		written, d, r, registered, entry, entryIn string
	}{
		"plain": {
			telegram:   plain(),
			written:    "81d933906da276065120899bdbe726366ad17c61905abfa58a5db56131aedfee",
			d:          "da03f6b4d7ac640d62785074e76fbf359c2ffaace7a71a4f1d960c71386d018c",
			r:          "afbb789dc1112fbfcc822937e2f6322e6df6901c97c2ac7536c7c1df8d485153",
			registered: "d9fdfec096ed08c9898f1b17c417c0373bd6e02c4e7f0e8e6d18019dd13879dd",
			entry:      "d2651eec01bde6baa7f7d8160b7546226749a9a912aa4c7e701b171bd8a5b26e",
			entryIn:    "338129e2db7a1ac1a4db3d9f48f8ac10b16619368c34b6cf4683821695b37471",
		},
		"rich": {
			telegram:   rich(),
			written:    "0a586e37692b315b35b03b4767f76b8ba150f69c26c9880bbbb64f9aaac89a32",
			d:          "f5170e5f080166a0b02e96e12430524cb741d2ee3c416f6bcea7ccf49d4d53b3",
			r:          "b6da1d47be9425fffa4bf0d256a01e1ed9c10459ffa61222d955c7dd4a1d765b",
			registered: "2be229afc828e28dc9f0b3054cf11976701b33b47880c90299640d47e7ed2864",
			entry:      "42042136a264356217f6c48f502212a13951f1e53f64870018aac7422286a1ba",
			entryIn:    "857ed1e5c0d1d54ee7e10116b9fb782ede76d7c2745f732e106857a70f204a60",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := registered(c.telegram)
			d, root := c.telegram.Roots()
			incoming := Numbers{Year: 2026, Register: 7, Serials: []Serial{{"OSLO", 100}}, Registered: released + 120}
			out, in := EntryHash(outEntry(r)), EntryHash(inEntry(r, &incoming))
			for _, v := range [][3]string{
				{"telegram", sum(c.telegram.Marshal()), c.written},
				{"D", d.String(), c.d},
				{"R", root.String(), c.r},
				{"registered", sum(r.Marshal()), c.registered},
				{"entry out", hex.EncodeToString(out[:]), c.entry},
				{"entry in", hex.EncodeToString(in[:]), c.entryIn},
			} {
				if v[1] != v[2] {
					t.Errorf("%s is %s, want %s", v[0], v[1], v[2])
				}
			}
		})
	}
}
