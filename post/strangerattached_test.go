package post_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"chancery.example/chancery/archive"
	"chancery.example/chancery/seal"
	"chancery.example/chancery/telegram"
)

// strangerAttached runs the stranger's reader of attachments over a file.
func strangerAttached(t *testing.T, python, file string) (said string, holds bool) {
	t.Helper()
	out, err := exec.Command(python, filepath.Join(formats, "attachment.py"), file).CombinedOutput()
	if strings.Contains(string(out), "Traceback") {
		t.Fatalf("it broke:\n%s", out)
	}
	return string(out), err == nil
}

// carriedAttachment has MOSCOW attach a file and answer an ask for all of it, and gives what the telegram says and what went over the wire.
func carriedAttachment(t *testing.T, file []byte) (says []byte, secret [32]byte, parts [][]byte) {
	t.Helper()
	m := openAttaching(t, nil)
	moscow := m.at("MOSCOW")
	m.run("MOSCOW")
	moscow.send("To: AMBASSADOR@BEIJING; flash\n" + moscow.attach("Map of the harbour.pdf", file) + "\nEnclosed.\n")
	m.until("it is on its way", func() bool { return moscow.count("select count(*) from wire where sent is not null") == 1 })
	secret = [32]byte(bytes.Repeat([]byte{7}, 32))
	n := telegram.Pieces(int64(len(file)))
	m.deliver("MOSCOW", newClerk(m.ministry, "BEIJING", "MOSCOW").askOf(telegram.Ask{Serial: 1, Root: moscow.shown(archive.Out, 1).Root, Attachment: 1, ID: [8]byte{1}, Secret: secret,
		Part: telegram.MaxPart, Limit: telegram.MaxAskBytes, Ranges: []telegram.PieceRange{{Piece: 0, Count: uint32(n)}}}))
	m.until("it is answered", func() bool {
		parts = nil
		for _, p := range m.ether.from(moscow.route) {
			if must(telegram.ParseEnvelope(p.envelope)).Type == telegram.PartType {
				parts = append(parts, p.envelope)
			}
		}
		return moscow.count("select count(*) from ask where answered is not null") == 1
	})
	return moscow.attachment(archive.Out, 1, 1).Says, secret, parts
}

func attachedLines(says []byte, secret [32]byte, parts [][]byte) string {
	s := fmt.Sprintf("says %x\nsecret %x\n", says, secret)
	for _, p := range parts {
		s += fmt.Sprintf("part %x\n", p)
	}
	return s
}

// TestStrangerAttachment has a program that was written from attachment.md alone put together a file of which a real post has just sent the pieces, and
// prove every one of them. It must miss none of the alterations.
func TestStrangerAttachment(t *testing.T) {
	python := python(t)
	file := content(150_000, 1)
	says, secret, parts := carriedAttachment(t, file)
	if len(parts) != 5 {
		t.Fatalf("there are %d parts", len(parts))
	}
	dir := t.TempDir()
	told := func(name, lines string) (string, bool) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(lines), 0o600); err != nil {
			t.Fatal(err)
		}
		return strangerAttached(t, python, path)
	}
	sum := sha256.Sum256(file)
	parts[0], parts[4] = parts[4], parts[0]
	if said, holds := told("good", attachedLines(says, secret, parts)); !holds || !strings.Contains(said, "Map of the harbour.pdf\n") || !strings.Contains(said, "bytes: 150000\nsha256: "+hex.EncodeToString(sum[:])) {
		t.Fatalf("it says %s", said)
	}
	is := must(telegram.ParseAttachment(says))
	altered := func(edit func(*telegram.Attachment)) string {
		a := is
		edit(&a)
		return attachedLines(a.Marshal(), secret, parts)
	}
	flipped := func(part, at int) string {
		ps := append([][]byte(nil), parts...)
		ps[part] = bytes.Clone(ps[part])
		ps[part][at] ^= 1
		return attachedLines(says, secret, ps)
	}
	other := secret
	other[31] ^= 1
	for name, lines := range map[string]string{
		"the digest": altered(func(a *telegram.Attachment) { a.Digest[0] ^= 1 }), "the root": altered(func(a *telegram.Attachment) { a.Root[0] ^= 1 }),
		"the attachment's secret": altered(func(a *telegram.Attachment) { a.Secret[0] ^= 1 }), "a shorter length": altered(func(a *telegram.Attachment) { a.Length -= 5 }),
		"a longer length": altered(func(a *telegram.Attachment) { a.Length += 5 }), "a piece less": altered(func(a *telegram.Attachment) { a.Length -= telegram.PieceSize }),
		"a hostile name": strings.Replace(attachedLines(says, secret, parts), hex.EncodeToString([]byte("harbour.pdf")), hex.EncodeToString([]byte("../../x.pdf")), 1),
		"its version":    flipped(1, 0), "its routing code": flipped(1, 2), "its precedence": flipped(1, 4), "its ask": flipped(2, 6), "its number": flipped(2, 16),
		"its nonce": flipped(3, 17), "its bytes": flipped(4, 9000), "its tag": flipped(0, len(parts[0])-1), "the ask's secret": attachedLines(says, other, parts),
		"a part less": attachedLines(says, secret, parts[1:]), "what is cut off": attachedLines(says[:100], secret, parts), "no attachment": attachedLines(says, secret, parts)[5+2*len(says):],
	} {
		if said, holds := told("altered", lines); holds || !strings.Contains(said, "attachment.py: ") {
			t.Errorf("%s: it says, and holds is %v:\n%s", name, holds, said)
		}
	}
}

// The vector is of version 1: both programs make the same file of it.
func TestAttachmentVector(t *testing.T) {
	python := python(t)
	path := filepath.Join(formats, "vectors", "attachment.txt")
	if *updateVectors {
		says, secret, parts := carriedAttachment(t, []byte(strings.Repeat("Ice has closed the northern harbour. ", 9)))
		if err := os.WriteFile(path, []byte(attachedLines(says, secret, parts)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	said, holds := strangerAttached(t, python, path)
	if !holds || !strings.Contains(said, "attachment: Map of the harbour.pdf\nmedia type: application/octet-stream\npieces: 1\nbytes: 333\n") {
		t.Errorf("it says %s", said)
	}
	var saysHex, secretHex, partHex string
	if _, err := fmt.Sscanf(string(must(os.ReadFile(path))), "says %s\nsecret %s\npart %s\n", &saysHex, &secretHex, &partHex); err != nil {
		t.Fatal(err)
	}
	is := must(telegram.ParseAttachment(must(hex.DecodeString(saysHex))))
	e := must(telegram.ParseEnvelope(must(hex.DecodeString(partHex))))
	part := must(must(seal.NewPartKey([32]byte(must(hex.DecodeString(secretHex))))).Open(&e))
	path2, sealed, err := telegram.Carried(part.Bytes)
	if err != nil || !is.HasPiece(0, sha256.Sum256(sealed), path2) {
		t.Fatalf("the piece is none: %v", err)
	}
	if got, err := must(seal.NewAttachmentKey(is.Secret, is.Length)).Open(0, sealed); err != nil || string(got) != strings.Repeat("Ice has closed the northern harbour. ", 9) {
		t.Errorf("the file is %q, %v", got, err)
	}
}
