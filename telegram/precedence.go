package telegram

import (
	"fmt"
	"strings"
)

// Precedence orders telegrams by urgency, as in RFC 6477 section 3.1.1 (MMHS-Primary-Precedence).
type Precedence uint8

// The six precedences, least urgent first.
const (
	Deferred Precedence = iota
	Routine
	Priority
	Immediate
	Flash
	Override
)

var precedences = [...]string{"deferred", "routine", "priority", "immediate", "flash", "override"}

func (p Precedence) String() string {
	if int(p) < len(precedences) {
		return precedences[p]
	}
	return fmt.Sprintf("precedence %d", uint8(p))
}

// MarshalText writes the precedence as its word.
func (p Precedence) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// ParsePrecedence reads one of the six words, in any case.
func ParsePrecedence(s string) (Precedence, error) {
	for i, w := range precedences {
		if strings.EqualFold(strings.TrimSpace(s), w) {
			return Precedence(i), nil
		}
	}
	return 0, fmt.Errorf("%q is no precedence: use one of %s", s, strings.Join(precedences[:], ", "))
}

// Type says whether a telegram is meant: RFC 6477 section 3.1.8 (MMHS-Message-Type).
type Type uint8

// The message types.
const (
	Operation Type = iota
	Exercise
	Drill
)

var types = [...]string{"operation", "exercise", "drill"}

func (t Type) String() string {
	if int(t) < len(types) {
		return types[t]
	}
	return fmt.Sprintf("type %d", uint8(t))
}

// MarshalText writes the type as its word.
func (t Type) MarshalText() ([]byte, error) { return []byte(t.String()), nil }
