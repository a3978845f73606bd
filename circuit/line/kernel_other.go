//go:build !linux

package line

import (
	"syscall"

	"chancery.example/chancery/circuit"
)

// Other kernels are not asked to keep to the line's pace, and do not say here what they have not sent.

func slowDown(circuit.Profile) func(network, address string, c syscall.RawConn) error { return nil }

func (*wire) segments() (n int64, ok bool) { return 0, false }

func (*wire) unsent() (n int64, ok bool) { return 0, false }
