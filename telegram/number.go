package telegram

import (
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"
)

// Exercises and drills are numbered by themselves: a register number, serial or incoming number of theirs is a number of a series of its own,
// with a mark in its highest bits. So an exercise moves no series that counts, and no number of the one is ever one of the other.
const (
	markExercise = 1 << 31
	markDrill    = 1 << 30

	// MaxNumber is the last number of any series.
	MaxNumber = markDrill - 1
)

// Mark puts the mark of the type on a number of its series, from 1 to MaxNumber.
func (t Type) Mark(n uint32) uint32 {
	switch t {
	case Exercise:
		return n | markExercise
	case Drill:
		return n | markDrill
	}
	return n
}

// Unmark gives the type that a number is of, and the number in the type's series. A number with both marks is of no type and gives 0.
func Unmark(n uint32) (Type, uint32) {
	switch n &^ MaxNumber {
	case 0:
		return Operation, n
	case markExercise:
		return Exercise, n & MaxNumber
	case markDrill:
		return Drill, n & MaxNumber
	}
	return Operation, 0
}

// Series is the name of a series for telegrams of the type: the name, and for an exercise or a drill that word before it.
func (t Type) Series(name string) string {
	if t == Operation {
		return name
	}
	return t.String() + " " + name
}

// NumberText writes a number as people cite it: 2522, or EX12, or DR3.
func NumberText(n uint32) string {
	t, plain := Unmark(n)
	s := strconv.FormatUint(uint64(plain), 10)
	switch t {
	case Exercise:
		return "EX" + s
	case Drill:
		return "DR" + s
	}
	return s
}

// ParseNumber reads what NumberText writes, in small letters too, and a number that has its mark.
func ParseNumber(s string) (uint32, error) {
	t, digits := Operation, strings.ToUpper(strings.TrimSpace(s))
	if rest, ok := strings.CutPrefix(digits, "EX"); ok {
		t, digits = Exercise, rest
	} else if rest, ok := strings.CutPrefix(digits, "DR"); ok {
		t, digits = Drill, rest
	}
	n, err := strconv.ParseUint(strings.TrimSpace(digits), 10, 32)
	if err != nil || t != Operation && n > MaxNumber {
		return 0, fmt.Errorf("%q is no number such as 2522, or EX12 of an exercise, or DR3 of a drill", s)
	}
	marked := t.Mark(uint32(n))
	if _, plain := Unmark(marked); plain == 0 {
		return 0, fmt.Errorf("%q is no number such as 2522, or EX12 of an exercise, or DR3 of a drill", s)
	}
	return marked, nil
}

// numbered says whether a number is one of the type's series.
func (t Type) numbered(n uint32) bool {
	of, plain := Unmark(n)
	return of == t && plain > 0
}

// CoverRoot stands for R where it is sealed whose a cover name is.
func CoverRoot(name string) Root { return sha256.Sum256([]byte(LabelCover + name)) }
