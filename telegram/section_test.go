package telegram

import (
	"bytes"
	"encoding/binary"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestCutAndJoin(t *testing.T) {
	r := registered(plain())
	b := r.Marshal()
	size := 4 + len(r.Telegram.Marshal()) // of what is cut: the length and the telegram
	for n := 1; n <= len(b)+1; n++ {
		pieces, err := Cut(b, n)
		if err != nil {
			t.Fatalf("sections of %d: %v", n, err)
		}
		if !bytes.Equal(slices.Concat(pieces...), b) {
			t.Fatalf("sections of %d: joined they are not the telegram", n)
		}
		if want := (size + n - 1) / n; len(pieces) != want {
			t.Fatalf("sections of %d: there are %d, want %d", n, len(pieces), want)
		}
		for i, p := range pieces {
			if len(p) == 0 || i < len(pieces)-1 && len(p) != n {
				t.Fatalf("sections of %d: the %d. has %d bytes", n, i+1, len(p))
			}
		}
	}
}

func TestCutCountsTheTelegramOnly(t *testing.T) {
	light, heavy := registered(plain()), registered(plain())
	heavy.ReleasePQ = bytes.Repeat([]byte{3}, 4*SizeMLDSA44)
	for n := 1; n < 400; n += 7 {
		a, err := Cut(light.Marshal(), n)
		b, err2 := Cut(heavy.Marshal(), n)
		if err != nil || err2 != nil || len(a) != len(b) {
			t.Fatalf("sections of %d: %d and, with heavier signatures, %d (%v, %v)", n, len(a), len(b), err, err2)
		}
	}
}

func TestCutRefuses(t *testing.T) {
	b := registered(plain()).Marshal()
	for name, c := range map[string]struct {
		b    []byte
		size int
	}{
		"nothing": {nil, 10}, "three bytes": {b[:3], 10}, "half a telegram": {b[:40], 10}, "size 0": {b, 0}, "size -1": {b, -1},
		"a length beyond": {[]byte{0xff, 0xff, 0xff, 0xff, 1}, 10},
	} {
		if _, err := Cut(c.b, c.size); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	big := append(binary.BigEndian.AppendUint32(nil, MaxSections-4+1), make([]byte, MaxSections)...)
	if _, err := Cut(big, 1); err == nil || !strings.Contains(err.Error(), "at most 65536") {
		t.Errorf("a section too many: %v", err)
	}
	if pieces, err := Cut(big, 2); err != nil || len(pieces) != MaxSections/2+1 {
		t.Errorf("sections of 2: %d, %v", len(pieces), err)
	}
}

func section() Section {
	return Section{Circuit: 1, Special: 1691, Lane: 17, Serial: 2522, I: 2, N: 3, Piece: []byte("a piece")}
}

func TestSectionParsePrintSameBytes(t *testing.T) {
	s := section()
	got, err := ParseSection(s.Marshal())
	if err != nil || !reflect.DeepEqual(got, s) {
		t.Errorf("read back as %+v, %v", got, err)
	}
	if want := "\x01\x00\x00\x06\x9b\x00\x00\x00\x11\x00\x00\x09\xda\x00\x00\x00\x02\x00\x00\x00\x03a piece"; string(s.Marshal()) != want {
		t.Errorf("written as %q, want %q", s.Marshal(), want)
	}
}

func TestSectionRefusals(t *testing.T) {
	for name, edit := range map[string]func(*Section){
		"circuit 0, a service message": func(s *Section) { s.Circuit = 0 },
		"special number 0":             func(s *Section) { s.Special = 0 },
		"lane number 0":                func(s *Section) { s.Lane = 0 },
		"serial 0":                     func(s *Section) { s.Serial = 0 },
		"the 0th of 3":                 func(s *Section) { s.I = 0 },
		"the 4th of 3":                 func(s *Section) { s.I = 4 },
		"of too many":                  func(s *Section) { s.N = MaxSections + 1 },
		"no piece":                     func(s *Section) { s.Piece = nil },
	} {
		s := section()
		edit(&s)
		if _, err := ParseSection(s.Marshal()); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s := section()
	for n := range len(s.Marshal()) - len(s.Piece) + 1 {
		if _, err := ParseSection(s.Marshal()[:n]); !errors.Is(err, ErrMalformed) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	s.N = MaxSections
	if _, err := ParseSection(s.Marshal()); err != nil {
		t.Errorf("one of the most sections possible: %v", err)
	}
}

func receipt(n int) *Receipt {
	r := &Receipt{From: "OSLO", To: "NEW YORK", At: handedOver}
	for i := range n {
		r.Items = append(r.Items, ReceiptItem{uint32(i + 1), Root{byte(i)}, [32]byte{31: byte(i)}})
	}
	return r
}

func TestReceiptParsePrintSameBytes(t *testing.T) {
	for _, n := range []int{1, 2, MaxReceipt} {
		want := receipt(n)
		got, err := ParseReceipt(want.Marshal())
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("a receipt of %d is read back as %+v, %v", n, got, err)
		}
	}
}

func TestReceiptRefusals(t *testing.T) {
	good := receipt(2).Marshal()
	for n := range good {
		if r, err := ParseReceipt(good[:n]); !errors.Is(err, ErrMalformed) || r != nil {
			t.Errorf("cut to %d bytes: %v, %v", n, r, err)
		}
	}
	nameless, spaced, numberless := receipt(1), receipt(1), receipt(1)
	nameless.From, spaced.To, numberless.Items[0].Serial = "", "OSLO ", 0
	for name, b := range map[string][]byte{
		"a byte behind": append(slices.Clone(good), 0), "of nothing": receipt(0).Marshal(), "of too many": receipt(MaxReceipt + 1).Marshal(),
		"from nobody": nameless.Marshal(), "to a name with a space": spaced.Marshal(), "of serial 0": numberless.Marshal(),
	} {
		if r, err := ParseReceipt(b); !errors.Is(err, ErrMalformed) || r != nil {
			t.Errorf("%s: %v, %v", name, r, err)
		}
	}
}

func service() Service {
	return Service{ServiceReceipt, receipt(1).Marshal(), bytes.Repeat([]byte{4}, SizeEd25519), bytes.Repeat([]byte{5}, SizeMLDSA44)}
}

func TestServiceParsePrintSameBytes(t *testing.T) {
	want := service()
	got, err := ParseService(want.Marshal())
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("read back as %+v, %v", got, err)
	}
	if !IsService(want.Marshal()) {
		t.Error("it is taken for a section")
	}
	s := section()
	if IsService(s.Marshal()) || IsService(nil) {
		t.Error("a section, or nothing, is taken for a service message")
	}
}

func TestServiceRefusals(t *testing.T) {
	want := service()
	b := want.Marshal()
	for _, n := range []int{0, 1, 2, SizeEd25519, SizeEd25519 + SizeMLDSA44 + 1} {
		if _, err := ParseService(b[:n]); !errors.Is(err, ErrMalformed) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	b[0] = 1
	if _, err := ParseService(b); !errors.Is(err, ErrMalformed) {
		t.Errorf("on circuit 1: %v", err)
	}
}

// TestServicePartsDoNotOverlap: who appends to the statement must not write over the signature behind it.
func TestServicePartsDoNotOverlap(t *testing.T) {
	want := service()
	got, err := ParseService(want.Marshal())
	if err != nil {
		t.Fatal(err)
	}
	_, _ = append(got.Statement, 0xff), append(got.Ed, 0xff)
	if !reflect.DeepEqual(got, want) {
		t.Error("a signature was written over")
	}
}
