// Package seal takes clear to enciphered and back, and makes and checks the signatures of people and posts.
//
// Nothing here is ours but the order of things: HPKE with X-Wing (crypto/hpke, MLKEM768X25519, base mode, export only), HKDF-SHA-256,
// AES-256-GCM with random nonces, Ed25519, and ML-DSA-44 (FIPS 204, hedged). Suite 1. Labels are those of package telegram.
//
// # Signatures
//
// A person's or post's signing key is a pair, and both must hold: Ed25519 over label ‖ message, and ML-DSA-44 over message with the label as its
// context. A drafter hands over with Ed25519 alone, over D; the releaser signs R with both.
//
// # The letter
//
// A letter opens by itself with the receiving post's letter key, and says who it is from.
//
//	letter = L0 25 ‖ enc 1120 ‖ nonce 12 ‖ GCM(padded) ‖ tag 16            associated data: L0
//	padded = clear ‖ 0x80 ‖ zeros, to the next PADMÉ length and at least 64; other padding is refused
//	clear  = short text from ‖ u64 directory size ‖ directory root 32 ‖ payload ‖ Ed25519 64 ‖ ML-DSA-44 2420
//
// The HPKE info is "chancery/v1/hpke\n" ‖ L0 ‖ SHA-256(letter key); the secret is its export for "chancery/v1/export\n", 32 bytes; the
// AES key is HKDF-SHA-256 of that secret, no salt, info "chancery/v1/seal\n" ‖ u8 0 ‖ SHA-256(L0 ‖ enc). The u8 is the number of a
// pre-shared secret, kept for a later version, which will announce it in the flags of L0.
//
// The sending post's identity key signs, under "chancery/v1/letter\n",
//
//	L0 ‖ SHA-256(enc) ‖ SHA-256(letter key) ‖ short text from ‖ short text to ‖ u64 directory size ‖ directory root 32 ‖ SHA-256(payload)
//
// so a letter says to whom it was sealed, and nobody who received it can pass it on as sent to another. No byte of the payload is used
// before both signatures hold.
//
// Whatever is wrong with a letter, the error is [ErrRefused] and says no more: the reason is for the local log alone, see [Reason].
//
// # At rest
//
// [Rest] seals what the post keeps (bodies, drafts, pieces) under its data key, bound to the place where it is kept.
package seal
