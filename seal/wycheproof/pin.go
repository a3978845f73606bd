//go:build pin

package wycheproof

// No build has this tag: the import keeps the vectors in go.mod, and out of every binary.
import _ "github.com/c2sp/wycheproof"
