#!/usr/bin/env python3
"""Reads attachments from attachment.md: what a telegram says of one, its pieces, and what answers an ask for them.

    attachment.py FILE

FILE has lines of a word and bytes in hexadecimal:

    says BYTES            what the telegram says of the attachment
    secret BYTES          of the ask
    part BYTES            an envelope that answers it, as often as there are such, in any order

It joins the parts to pieces, proves that each piece is one of the attachment's, opens them, and proves that they are the file that was signed, of which it prints the
length and the SHA-256. The exit code is 0 when all holds; else it says what does not, and the exit code is 1.
"""

import re
import struct
import sys

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from signed import Reader, Wrong, included, label, mac, need, sha256

MOST, MOST_LENGTH, MOST_NAME, MOST_TYPE, PIECE, CARRIED = 16, 1 << 30, 200, 127, 1 << 16, 1 + 14 * 32 + (1 << 16) + 28
DEVICES = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\u00b9\u00b2\u00b3])\Z")


def lower(s):
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in s)


def misread(c):
    r = ord(c)
    return (r < 0x20 or 0x7F <= r <= 0xA0 or r in (0x61C, 0x1680, 0x205F, 0x3000) or 0x2000 <= r <= 0x200A or 0x200E <= r <= 0x200F or 0x202A <= r <= 0x202F
            or 0x2066 <= r <= 0x2069)


def check_name(b, unseen):
    need(0 < len(b) <= MOST_NAME, "the name of an attachment has from 1 to 200 bytes")
    s = b.decode()
    need(not any(c in '/\\:*?"<>|' or misread(c) or unseen(c) for c in s), "the name of an attachment has a character that no name may have")
    need(s[0] not in " .-~" and s[-1] not in " .", "the name of an attachment begins or ends otherwise than a name may")
    need(not DEVICES.match(lower(s).partition(".")[0].rstrip(" ")), "the name of an attachment is that of a device")
    return s


def padded(length):
    whole = max((length + PIECE - 1) // PIECE, 1) * PIECE
    if length <= 64:
        return 64
    e = length.bit_length() - 1
    mask = (1 << (e - e.bit_length())) - 1
    return min((length + mask) & ~mask, whole)


def hkdf(secret, name):
    return HKDF(hashes.SHA256(), 32, None, label(name)).derive(secret)


def opened(key, sealed, data, what):
    need(len(sealed) >= 28, what)
    try:
        return AESGCM(key).decrypt(sealed[:12], sealed[12:], data)
    except InvalidTag:
        raise Wrong(what)


class Attachment:
    def __init__(self, b, unseen, line):
        r = Reader(b, "an attachment")
        self.name = check_name(r.take(r.number(1)), unseen)
        self.type = line(r.take(r.number(1)), MOST_TYPE, "the media type of an attachment")
        self.length, self.secret, self.digest, self.root = r.number(8), r.take(32), r.take(32), r.take(32)
        r.end()
        need(self.length <= MOST_LENGTH, "an attachment is longer than any may be")
        self.pieces = (padded(self.length) + PIECE - 1) // PIECE

    def open(self, i, carried):
        """The bytes that the file has at piece i, of the piece as it was carried."""
        need(len(carried) > 1 + 32 * carried[0] if carried else False, "a piece is cut off")
        path, sealed = [carried[1 + 32 * k:33 + 32 * k] for k in range(carried[0])], carried[1 + 32 * carried[0]:]
        need(i < self.pieces and included(sha256(b"\0", sha256(sealed)), i, self.pieces, path) == self.root, "a piece is none of the attachment's, or stands elsewhere")
        last = i == self.pieces - 1
        clear = opened(hkdf(self.secret, "piece"), sealed, label("piece data") + struct.pack(">IB", i, last), "a piece is not sealed under the attachment's key")
        need(len(clear) == min(padded(self.length) - i * PIECE, PIECE), "a piece has another length than its place")
        data = max(0, min(self.length - i * PIECE, PIECE))
        need(not any(clear[data:]), "there is something behind the end of the file")
        return clear[:data]

    def is_file(self, file):
        need(len(file) == self.length and mac(hkdf(self.secret, "attached"), file) == self.digest, "it is not the file that was signed")


def part(key, e):
    """What an envelope brings: the piece, where in it, its whole length, and the bytes."""
    need(len(e) > 17 and e[0] == 0x13 and e[4] <= 5, "an envelope of another version or type")
    r = Reader(opened(key, e[17:], e[:17], "an envelope is not sealed to the ask, or was altered"), "a part")
    piece, offset, whole = r.number(4), r.number(4), r.number(4)
    need(r.b and whole <= CARRIED and offset + len(r.b) <= whole, "a part is beyond its piece")
    return piece, offset, whole, r.b


def main(file):
    import telegram
    lines = [x.split() for x in open(file)]
    says = [bytes.fromhex(v) for k, v in lines if k == "says"]
    secrets = [bytes.fromhex(v) for k, v in lines if k == "secret"]
    need(len(says) == 1 and len(secrets) == 1, "there is not one attachment and one ask")
    a = Attachment(says[0], telegram.unseen, telegram.line)
    key, pieces = hkdf(secrets[0], "part"), {}
    for piece, offset, whole, b in [part(key, bytes.fromhex(v)) for k, v in lines if k == "part"]:
        held = pieces.setdefault(piece, (bytearray(whole), bytearray(whole)))
        need(len(held[0]) == whole, "parts of one piece are of two")
        held[0][offset:offset + len(b)], held[1][offset:offset + len(b)] = b, b"\1" * len(b)
    need(sorted(pieces) == list(range(a.pieces)) and all(all(has) for _, has in pieces.values()), "some of its %d pieces are not here" % a.pieces)
    whole = b"".join(a.open(i, bytes(pieces[i][0])) for i in range(a.pieces))
    a.is_file(whole)
    print("attachment: %s\nmedia type: %s\npieces: %d\nbytes: %d\nsha256: %s\nverified: every piece, and that they are the file that was signed"
          % (a.name, a.type, a.pieces, a.length, sha256(whole).hex()))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        main(sys.argv[1])
    except (Wrong, ValueError) as e:
        sys.exit("attachment.py: %s" % e)
