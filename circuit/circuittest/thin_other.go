//go:build !linux

package circuittest

import (
	"os/exec"
	"testing"
	"time"
)

// ThinLine is a line between two machines, slow and lossy. It can be built on Linux only.
type ThinLine struct {
	Rate      int
	RoundTrip time.Duration
	Loss      float64
	MTU       int
	Seed      uint64
}

// ThinEnds are the two ends of a line that stands.
type ThinEnds struct{}

// Open skips the test.
func (l ThinLine) Open(t testing.TB) *ThinEnds {
	t.Helper()
	t.Skip("a thin line cannot be built here: it takes Linux")
	return nil
}

func (*ThinEnds) Addr(int) string                          { return "" }
func (*ThinEnds) Command(int, string, ...string) *exec.Cmd { return nil }
func (*ThinEnds) Carried(int) (bytes, lost int64)          { return 0, 0 }
