// Package wycheproof runs vectors of others against the cryptography that package seal uses: those of Project Wycheproof
// (https://github.com/C2SP/wycheproof), which has vectors of C2SP's CCTV in it, too.
//
// They are 100 MB, so they have a module of their own, which nothing else needs: go.mod pins their version, go.sum their digest, and the go
// command brings them when the tests run. What is run, and how many of each, stands in docs/formats/README.md, and a test counts.
//
// Where seal has a seam, the vectors go through it: [seal.Verifier] for Ed25519 and ML-DSA-44, [seal.SignerFromSeed], [seal.NewRecipient]
// and sealing a letter for keys to which nothing may be sealed. Else through the function of the standard library that seal calls.
package wycheproof
