package directory

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	// Fresh is how long a list counts as new after it was signed.
	Fresh = 30 * 24 * time.Hour

	// ahead is how far an officer's clock may be before ours. A signature from further ahead is not counted: else one made today
	// could stay fresh for years.
	ahead = 24 * time.Hour
)

// ErrFingerprint says that a list begins with another root than the one that was given by another way.
var ErrFingerprint = errors.New("this is another directory")

// ErrUnsigned says that fewer root officers have signed than it takes.
var ErrUnsigned = errors.New("too few root officers have signed the directory")

// ErrStale says that a list is rightly signed, but longer ago than [Fresh]. There may be a newer one that is kept from us; a mission
// that only a courier reaches may go on.
var ErrStale = errors.New("the directory is out of date")

// officerTime is when an officer signed: the older of the times of his two signatures.
type officerTime struct {
	number int
	at     time.Time
}

// counted gives the officers whose signatures count, each once, newest first: those of whom both algorithms verify.
func (d *Directory) counted(now time.Time) []officerTime {
	newest := map[byte]map[int]time.Time{algorithmEd25519: {}, algorithmMLDSA: {}}
	for _, c := range d.cosignatures() {
		if c.at.After(now.Add(ahead)) {
			continue
		}
		if at, ok := newest[c.algorithm][c.officer]; !ok || c.at.After(at) {
			newest[c.algorithm][c.officer] = c.at
		}
	}
	var counted []officerTime
	for _, o := range d.root().Officers {
		at, ok := newest[algorithmEd25519][o.Number]
		other, both := newest[algorithmMLDSA][o.Number]
		if !ok || !both {
			continue
		}
		if other.Before(at) {
			at = other
		}
		counted = append(counted, officerTime{o.Number, at})
	}
	slices.SortStableFunc(counted, func(a, b officerTime) int { return b.at.Compare(a.at) })
	return counted
}

// Signers gives the numbers of the root officers whose signatures count, rising.
func (d *Directory) Signers(now time.Time) []int {
	var numbers []int
	for _, c := range d.counted(now) {
		numbers = append(numbers, c.number)
	}
	slices.Sort(numbers)
	return numbers
}

// SignedAt is when the list became valid last: the k-th newest of its officers' times, so that fewer than k of them cannot make it
// look newer than it is. It is the zero time while fewer than k have signed.
func (d *Directory) SignedAt(now time.Time) time.Time {
	counted, k := d.counted(now), d.root().Threshold
	if len(counted) < k {
		return time.Time{}
	}
	return counted[k-1].at
}

// Verify says whether the list is the one of that fingerprint, signed by as many of its root officers as it takes, and not too long
// ago. [ErrFingerprint], [ErrUnsigned] and [ErrStale] tell what is wrong; ErrStale comes only when nothing else is.
func (d *Directory) Verify(fingerprint Fingerprint, now time.Time) error {
	if d.fingerprint != fingerprint {
		return fmt.Errorf("its fingerprint is %v, not %v: %w", d.fingerprint, fingerprint, ErrFingerprint)
	}
	signers, k := d.Signers(now), d.root().Threshold
	if len(signers) < k {
		return fmt.Errorf("%d of the %d that it takes: %w", len(signers), k, ErrUnsigned)
	}
	if at := d.SignedAt(now); now.Sub(at) > Fresh {
		return fmt.Errorf("signed %s: %w", at.Format(time.DateOnly), ErrStale)
	}
	return nil
}
