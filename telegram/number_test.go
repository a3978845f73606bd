package telegram

import "testing"

func TestNumberText(t *testing.T) {
	for _, c := range []struct {
		typ  Type
		n    uint32
		text string
	}{{Operation, 2522, "2522"}, {Exercise, 12, "EX12"}, {Drill, 3, "DR3"}, {Drill, MaxNumber, "DR1073741823"}} {
		marked := c.typ.Mark(c.n)
		if NumberText(marked) != c.text {
			t.Errorf("%v %d is written %s", c.typ, c.n, NumberText(marked))
		}
		if got, err := ParseNumber(c.text); err != nil || got != marked {
			t.Errorf("%s is read as %d: %v", c.text, got, err)
		}
		if typ, n := Unmark(marked); typ != c.typ || n != c.n {
			t.Errorf("%s unmarked is %v %d", c.text, typ, n)
		}
	}
	for text, want := range map[string]uint32{"ex12": Exercise.Mark(12), " 7": 7, "EX 12": Exercise.Mark(12), "2147483660": Exercise.Mark(12)} {
		if got, err := ParseNumber(text); err != nil || got != want {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
	for _, bad := range []string{"", "0", "EX", "EX0", "DR-1", "EX2147483648", "EX1073741825", "DR1073741825", "EX2147483649", "DR2147483649", "EX4294967296", "4294967295", "12EX", "4294967296", "seven"} {
		if n, err := ParseNumber(bad); err == nil {
			t.Errorf("%q is read as %d", bad, n)
		}
	}
}

func FuzzParseNumber(f *testing.F) {
	for _, s := range []string{"2522", "EX12", "dr 3", "4294967295"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := ParseNumber(s)
		if err != nil {
			return
		}
		if again, err := ParseNumber(NumberText(n)); err != nil || again != n {
			t.Fatalf("%q is %d, written %s and read as %d: %v", s, n, NumberText(n), again, err)
		}
	})
}
