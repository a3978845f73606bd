// Package directory is the signed list of posts, offices, people and their keys: a log of statements, of which root officers sign
// the checkpoint.
package directory
