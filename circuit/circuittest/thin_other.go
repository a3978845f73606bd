//go:build !linux

package circuittest

import (
	"errors"
	"os/exec"
	"testing"
)

// ThinEnds are the two ends of a line that stands.
type ThinEnds struct{}

// Open says that it cannot be done here.
func (ThinLine) Open(testing.TB) (*ThinEnds, error) { return nil, errors.New("it takes Linux") }

func (*ThinEnds) Addr(int) string                          { return "" }
func (*ThinEnds) Command(int, string, ...string) *exec.Cmd { return nil }
func (*ThinEnds) Carried(int) (bytes, lost int64)          { return 0, 0 }
