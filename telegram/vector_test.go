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
			written:    "0f443e864bbd410434a9cb48ee43eee54dd8688280ba41c57a18021bdb0d392b",
			d:          "72c56f1f0ee9c9a8723d34bc6d27502c403fb68826dd6fde53ade7646e8e62c3",
			r:          "a3e164d10154959d7a9d203820d3163cbf6bbee466e022397ca707930658fbbf",
			registered: "3eb5271e9b2fef098fcf65ca0099a531a52a06ac5f3433bf0c801bc79f153c14",
			entry:      "aff26f1fab6ce5ca72513d888cb66d10e53338a4d8c51bdce434ea29da50ce63",
			entryIn:    "d758f37cf33e6647833ba014c4f3f553679ff9e9dbc5468f22947e04dc4aaf82",
		},
		"readdressal": {
			telegram:   considered(readdressal(plain())),
			written:    "00395cf0aac35db41766fd146a82bee41a2a6803d615ffce4a469578a56a8022",
			d:          "ba9d944a2da98f45abfa0a8e71f1d78ff9610cdab0a9a2bf77e18ac99abca390",
			r:          "b862e9c946700d6db0cb41e6c929129943038c65985617e7f04d20dbd246814a",
			registered: "b6c039215bd4912234cafd43fe1c28e7461a9ff167b25a5c080b3c2a354dab1a",
			entry:      "fd34fec6d50ea3e6c1f191d4a7351d5b840e1e6d41794ce88882e1bd8a9fec1e",
			entryIn:    "3201f82332eaa51ab724bcb4d9a6bf0ed086f654ce58cdf03ff7bced4862c389",
		},
		"enclosing": {
			telegram:   enclosing(attachment("Map of the harbour.pdf", 1_234_567), attachment("Список.txt", 0)),
			written:    "432134f7363ff0e7091a4c28cbd37f229bc04d2f18dcd227774e309e5ad5fbf3",
			d:          "d3840f06145768258897260cff67b1375b98253809e395262c7df38bd33e838f",
			r:          "d158ca7c2ceff9c872f5fc72d51ceec9a6f2137438f3caae7a5bedd6d0187976",
			registered: "5e5fba4ded902460150f965d27e74146b6e97f5b40f0ca2b3c16b215d9d8cf9d",
			entry:      "94a20edee2a1e394b4b0654efbcec2c0ad2ed35f16df27e0eededa9c2518e29c",
			entryIn:    "317ec4edcb693a58b8a9b360ef24e9d5bfc4e950505f790be1a6def94e19871a",
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

func considered(t *Telegram) *Telegram {
	t.Considered = true
	return t
}
