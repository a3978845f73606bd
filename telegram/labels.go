package telegram

// Labels separate the uses of keys and hashes: no two uses share one. This is the only table of them.
const (
	LabelHead     = "chancery/v1/head\n"     // HMAC: release seed to the head's
	LabelBody     = "chancery/v1/body\n"     // HMAC: release seed to the body's
	LabelNumbers  = "chancery/v1/numbers\n"  // HMAC: head seed to the numbers'
	LabelIncoming = "chancery/v1/incoming\n" // HMAC: a receiver's own seed to its numbers'
	LabelSalt     = "chancery/v1/salt\n"     // HMAC: a part's seed to a leaf's salt
	LabelRoot     = "chancery/v1/root\n"     // SHA-256: R
	LabelEntry    = "chancery/v1/entry\n"    // the register's entry
	LabelNote     = "chancery/v1/note\n"     // SHA-256: what an entry that is no telegram says

	LabelDraft      = "chancery/v1/draft\n"       // signature: the drafter hands over
	LabelClear      = "chancery/v1/clear\n"       // signature: an officer clears what was handed over
	LabelReturn     = "chancery/v1/return\n"      // signature: an officer returns it with a remark
	LabelRelease    = "chancery/v1/release\n"     // signature: the releaser releases
	LabelLetter     = "chancery/v1/letter\n"      // signature: the post sends a letter
	LabelReceipt    = "chancery/v1/receipt\n"     // signature: the post has received
	LabelNews       = "chancery/v1/news\n"        // signature: the post says which directory it has, and what another lacks
	LabelWitness    = "chancery/v1/witness\n"     // signature: the post says what it knows of registers
	LabelLastNumber = "chancery/v1/last number\n" // signature: the post says how far its numbers to another are
	LabelRepeat     = "chancery/v1/repeat\n"      // signature: the post asks for what it lacks
	LabelGiven      = "chancery/v1/given\n"       // signature: the post gives another a one-time letter key
	LabelSeen       = "chancery/v1/seen\n"        // signature: somebody at the post has opened a telegram
	LabelAsk        = "chancery/v1/ask\n"         // signature: the post asks for pieces of an attachment
	LabelPeriod     = "chancery/v1/period\n"      // signature: the post publishes a letter key
	LabelKey        = "chancery/v1/key\n"         // signature: a person's or post's key vouches for itself
	LabelIssue      = "chancery/v1/issue\n"       // signature: an officer issues a statement of the directory

	LabelHPKE    = "chancery/v1/hpke\n"     // HPKE info of a letter
	LabelExport  = "chancery/v1/export\n"   // HPKE export: the letter's secret
	LabelSeal    = "chancery/v1/seal\n"     // HKDF info: the letter's AES key
	LabelChain   = "chancery/v1/chain\n"    // HKDF info: a letter's secret to the root of its chain
	LabelChainID = "chancery/v1/chain id\n" // HKDF info: a letter's secret to the name of its chain
	LabelTree    = "chancery/v1/tree\n"     // HKDF info: a node of a chain to its children
	LabelFrame   = "chancery/v1/frame\n"    // HKDF info: a leaf of a chain to the frame's AES key
	LabelRest    = "chancery/v1/rest\n"     // associated data of what is sealed at rest

	LabelCopy       = "chancery/v1/copy\n"        // the first bytes of a numbered copy, and of its HPKE info
	LabelCopyText   = "chancery/v1/copy text\n"   // HMAC: a numbered copy's salt and its text
	LabelCopyExport = "chancery/v1/copy export\n" // HPKE export: the numbered copy's secret
	LabelCopySeal   = "chancery/v1/copy seal\n"   // HKDF info: the numbered copy's AES key

	LabelPiece     = "chancery/v1/piece\n"      // HKDF info: an attachment's secret to the key of its pieces
	LabelPieceData = "chancery/v1/piece data\n" // associated data of a piece
	LabelAttached  = "chancery/v1/attached\n"   // HKDF info: an attachment's secret to the key of its digest
	LabelPart      = "chancery/v1/part\n"       // HKDF info: an ask's secret to the key of what answers it

	LabelCover = "chancery/v1/cover\n" // SHA-256: what stands for R where a cover name is sealed to who needs to know
	LabelCard  = "chancery/v1/card\n"  // HKDF info: the eight words of a card to its MAC key

	LabelSubkey = "chancery/v1/subkey\n" // HMAC: a post's master secret to its keys at rest

	LabelStatement = "chancery/v1/statement\n" // SHA-256: a directory statement's salted digest
)
