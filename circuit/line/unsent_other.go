//go:build !linux

package line

// unsent would be how many bytes the kernel has not put on the line yet. Only Linux says it.
func (*wire) unsent() (n int64, ok bool) { return 0, false }
