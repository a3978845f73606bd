package seal

import "math/bits"

const minPadded = 64

// padme is the PADMÉ length of l: at most 12 % more, and few distinct lengths (Nikitin et al., PURBs, 2019, section 4).
func padme(l int) int {
	if l < 2 {
		return l
	}
	e := bits.Len(uint(l)) - 1
	s := bits.Len(uint(e))
	mask := 1<<(e-s) - 1
	return (l + mask) &^ mask
}

func paddedLen(clear int) int { return max(padme(clear+1), minPadded) }

// pad appends 0x80 and zeros (ISO/IEC 7816-4).
func pad(clear []byte) []byte {
	out := make([]byte, paddedLen(len(clear)))
	copy(out, clear)
	out[len(clear)] = 0x80
	return out
}

// unpad refuses any padding that pad would not make: a choice of lengths would be a hidden channel.
func unpad(padded []byte) ([]byte, bool) {
	i := len(padded) - 1
	for i >= 0 && padded[i] == 0 {
		i--
	}
	if i < 0 || padded[i] != 0x80 || len(padded) != paddedLen(i) {
		return nil, false
	}
	return padded[:i], true
}
