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
// # The chain
//
// A letter also makes a chain: keys for up to 65,536 frames from its sender to its receiver. With secret and SHA-256(L0 ‖ enc) as above,
//
//	root  = HKDF-SHA-256 of the secret, no salt, info "chancery/v1/chain\n" ‖ SHA-256(L0 ‖ enc), 32 bytes
//	id    = the same with "chancery/v1/chain id\n", 4 bytes: a pseudonym, all that a relay sees of the chain
//	child = HKDF-Expand(node, "chancery/v1/tree\n" ‖ u8 b, 32), b 0 or 1, for 16 levels from the root: the path of frame n is n's bits, the highest first
//	key   = HKDF-Expand(leaf, "chancery/v1/frame\n", 32)
//	frame = L0 11 ‖ nonce 12 ‖ GCM(padded) ‖ tag 16            associated data: L0
//
// When a frame is stored, or what it says is kept, its key is burnt: the siblings on its path take the place of their ancestor, so any other
// frame can still be opened, in any order, and this one never again. Junk under a frame's number burns nothing. A frame has no signature:
// it is authentic to its receiver only, who knows that the letter's sender has the chain.
//
// Whatever is wrong with a letter, the error is [ErrRefused] and says no more: the reason is for the local log alone, see [Reason].
//
// # The numbered copy
//
// A numbered copy is a sheet's text for one holder, who opens it with a copy key (X-Wing, for copies alone). It never goes to another post.
//
//	copy  = head ‖ enc 1120 ‖ nonce 12 ‖ GCM(padded) ‖ tag 16             associated data: head
//	head  = "chancery/v1/copy\n" ‖ short text post ‖ R 32 ‖ u16 number ‖ u16 of ‖ digest 32
//	clear = salt 32 ‖ text, padded as a letter
//
// digest is HMAC-SHA-256 with the salt as key over "chancery/v1/copy text\n" ‖ text. The HPKE info is head ‖ short text holder ‖ SHA-256(copy
// key), the export label "chancery/v1/copy export\n", and the AES key HKDF-SHA-256 of the secret, no salt, info "chancery/v1/copy seal\n" ‖
// SHA-256(head ‖ enc). The holder's name is bound and not written: a file that is found says of which telegram it is, and not whose.
//
// Nobody signs a copy: whoever has a holder's public key can make one. The post's register says which it made, by their bytes. A copy that is
// passed on is sealed anew by whoever had it, with the same head; the digest then shows the next holder that the text is the one that
// the post sealed.
//
// # The attachment
//
// An attachment's file is cut into pieces of 64 KiB, and each is sealed once, for all posts that get it, under a key that the telegram holds:
//
//	piece  = nonce 12 ‖ GCM(bytes ‖ zeros) ‖ tag 16      associated data: "chancery/v1/piece data\n" ‖ u32 which, from 0 ‖ u8 1 if it is the last
//	digest = HMAC-SHA-256 over the file
//
// Both keys are HKDF-SHA-256 of the attachment's secret, no salt, info "chancery/v1/piece\n" and "chancery/v1/attached\n", 32 bytes each. How many zeros
// stand behind the last bytes telegram.PieceLen says; other bytes there are refused. What a post asks for comes in parts:
//
//	part = L0 17 ‖ nonce 12 ‖ GCM(telegram.PiecePart) ‖ tag 16         associated data: L0
//
// under HKDF-SHA-256 of the ask's secret, no salt, info "chancery/v1/part\n". So the same piece on its way to two posts shows nothing that is the same,
// and nobody but who was asked can answer.
//
// # At rest
//
// [Rest] seals what the post keeps (bodies, drafts, pieces) under its data key, bound to the place where it is kept.
package seal
