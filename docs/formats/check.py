#!/usr/bin/env python3
"""Checks one sealed telegram from beginning to end, with nothing of Chancery but the pages in this folder.

    check.py FOLDER

FOLDER has

    directory.txt   the directory                                   (directory.md)
    fingerprint     of its root, as it was learned by another way
    letter.txt      the lines  to POST,  key SEED  and  envelope BYTES, both in hexadecimal   (letter.md)
    proof.txt       that the telegram is entered in the sending post's register               (register.md)

It opens the letter, makes D, R and the register's entry anew, verifies every signature and the proof, and prints what it found. The exit code is 0 when all holds;
else it says what does not, and the exit code is 1.

Needed: Python 3.9 with the package cryptography, and Node.js with @noble/post-quantum, for which  npm ci  in this folder is enough.
"""

import base64
import hashlib
import hmac
import json
import os
import re
import struct
import subprocess
import sys
from datetime import datetime, timezone

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

HERE = os.path.dirname(os.path.abspath(__file__))


class Wrong(Exception):
    """What does not hold."""


def need(holds, what):
    if not holds:
        raise Wrong(what)


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def mac(key, *parts):
    return hmac.new(key, b"".join(parts), hashlib.sha256).digest()


def label(name):
    return ("chancery/v1/" + name + "\n").encode()


def unbase64(text):
    try:
        b = base64.b64decode(text, validate=True)
    except ValueError:
        raise Wrong("base64 that cannot be read: %.40s" % text)
    need(base64.b64encode(b).decode() == text, "base64 in another than its one form")
    return b


class Reader:
    """Reads bytes from the front."""

    def __init__(self, b, what):
        self.b, self.what = b, what

    def take(self, n):
        need(len(self.b) >= n, self.what + " is cut off")
        out, self.b = self.b[:n], self.b[n:]
        return out

    def number(self, size):
        return int.from_bytes(self.take(size), "big")

    def short(self):
        return self.take(self.number(1)).decode()

    def time(self):
        return struct.unpack(">q", self.take(8))[0]

    def leb128(self):
        value, shift = 0, 0
        while True:
            x = self.number(1)
            value |= (x & 127) << shift
            if x < 128:
                need(x > 0 or shift == 0, self.what + " has a length that is longer than it need be")
                return value
            shift += 7
            need(shift < 35, self.what + " has an endless length")

    def end(self):
        need(not self.b, self.what + " has more behind its end")


# Signatures. ML-DSA-44 is asked for in one go at the end: every question must be answered with true.

questions = []


def ed25519(key, signature, *message):
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, b"".join(message))
        return True
    except (InvalidSignature, ValueError):
        return False


def mldsa(key, signature, message, context, what):
    questions.append((what, {"verify": key.hex(), "message": message.hex(), "context": context.hex(), "signature": signature.hex()}))


def both(key, signature, name, message, what):
    """A pair of signatures under one label: see release.md."""
    need(ed25519(key[0], signature[0], label(name), message), what + ": the Ed25519 signature does not hold")
    mldsa(key[1], signature[1], message, label(name), what + ": the ML-DSA-44 signature does not hold")


def node(question):
    run = subprocess.run(["node", os.path.join(HERE, "pq.mjs")], input=json.dumps(question).encode(), capture_output=True)
    if run.returncode != 0:
        sys.exit("check.py: Node.js cannot answer (run  npm ci  in %s): %s" % (HERE, run.stderr.decode()[:500]))
    return json.loads(run.stdout)


def answered():
    for (what, _), holds in zip(questions, node([q for _, q in questions])):
        need(holds is True, what)


# Trees: RFC 6962 section 2.1.


def tree(leaves):
    if not leaves:
        return sha256(b"")
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01", tree(leaves[:k]), tree(leaves[k:]))


def included(leaf, index, size, path):
    """The root that an inclusion proof leads to: RFC 9162 section 2.1.3.2."""
    need(0 <= index < size, "the proof is of entry %d of %d" % (index, size))
    fn, sn, r = index, size - 1, leaf
    for p in path:
        need(sn > 0, "the proof is too long")
        if fn & 1 or fn == sn:
            r = sha256(b"\x01", p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = sha256(b"\x01", r, p)
        fn, sn = fn >> 1, sn >> 1
    need(sn == 0, "the proof is too short")
    return r


# Checkpoints: C2SP tlog-checkpoint, signed-note and tlog-cosignature.


class Checkpoint:
    def __init__(self, text):
        body, found, signatures = text.partition("\n\n")
        need(found, "a checkpoint without signatures")
        lines = body.split("\n")
        need(len(lines) == 3 and re.fullmatch("0|[1-9][0-9]*", lines[1]), "a checkpoint of another form")
        self.text, self.origin, self.size, self.root = body + "\n", lines[0], int(lines[1]), unbase64(lines[2])
        need(len(self.root) == 32, "a checkpoint's root has 32 bytes")
        self.signatures = []
        for line in signatures.rstrip("\n").split("\n"):
            m = re.fullmatch("— ([^ +]+) ([A-Za-z0-9+/=]+)", line)
            need(m, "a signature line of another form: %.60s" % line)
            self.signatures.append((m[1], unbase64(m[2])))

    def cosigned(self, name, key, what):
        """Whether name has signed with both halves of key, and when: the older of the two times, or None."""
        times = []
        for algorithm, public in ((4, key[0]), (6, key[1])):
            ident = sha256(name.encode(), b"\n", bytes([algorithm]), public)[:4]
            for who, s in self.signatures:
                if who != name or s[:4] != ident or len(s) < 12:
                    continue
                time, signature = int.from_bytes(s[4:12], "big"), s[12:]
                if algorithm == 4:
                    if not ed25519(public, signature, b"cosignature/v1\ntime %d\n" % time, self.text.encode()):
                        continue
                else:
                    origin = self.origin.encode()
                    message = b"subtree/v1\n\0" + bytes([len(name)]) + name.encode() + struct.pack(">Q", time) + bytes([len(origin)]) + origin
                    message += struct.pack(">QQ", 0, self.size) + self.root
                    mldsa(public, signature, message, b"", what + ": the ML-DSA-44 cosignature does not hold")
                times.append(time)
                break
        return min(times) if len(times) == 2 else None


# The directory: directory.md.


class Statement:
    def __init__(self, lines):
        self.lines = lines
        self.kind, _, self.value = lines[0].partition(" ")
        self.fields = {}
        for line in lines[1:]:
            name, _, value = line.partition(" ")
            self.fields.setdefault(name, []).append(value)

    def text(self, until=None):
        """The lines down to the first that begins with until."""
        out = []
        for line in self.lines:
            if until and line.startswith(until + " "):
                break
            out.append(line + "\n")
        return "".join(out).encode()

    def one(self, name):
        need(len(self.fields.get(name, [])) == 1, "the statement %s: one %s is wanted" % (self.lines[0], name))
        return self.fields[name][0]

    def pair(self, name, sizes):
        """Two fields of one name, Ed25519 and ML-DSA-44; without a name their fields bear the algorithms'."""
        out = []
        for algorithm, size in zip(("ed25519", "ml-dsa-44"), sizes):
            if name:
                values = [v[len(algorithm) + 1:] for v in self.fields.get(name, []) if v.startswith(algorithm + " ")]
            else:
                values = self.fields.get(algorithm, [])
            need(len(values) == 1, "the statement %s: one %s %s is wanted" % (self.lines[0], name, algorithm))
            b = unbase64(values[0])
            need(len(b) == size, "the statement %s: %s has %d bytes" % (self.lines[0], algorithm, len(b)))
            out.append(b)
        return tuple(out)

    def key(self, name=""):
        return self.pair(name, (32, 1312))

    def signature(self, name="signed"):
        return self.pair(name, (64, 2420))


class Directory:
    def __init__(self, text, fingerprint):
        need(text.startswith("chancery directory 1\n\n"), "the directory's first line")
        blocks = [b.split("\n") for b in text.removesuffix("\n").split("\n\n")[1:]]
        leaves, self.statements = [], []
        while blocks and blocks[0][0].startswith("salt "):
            lines = blocks.pop(0)
            s = Statement(lines[1:])
            self.statements.append(s)
            leaves.append(sha256(b"\0", sha256(label("statement"), unbase64(lines[0][5:]), s.text())))
        need(len(blocks) == 2, "the directory has no checkpoint, or a tail, which this program does not read")
        self.leaves = leaves
        root = self.statements[0]
        need(root.lines[0] == "root" and sha256(root.text()).hex() == fingerprint, "the directory is not the one of the fingerprint")
        c = Checkpoint("\n".join(blocks[0]) + "\n\n" + "\n".join(blocks[1]) + "\n")
        need(c.origin == "chancery/directory/" + fingerprint[:16], "the directory's checkpoint has another origin")
        need(c.size == len(leaves) and c.root == tree(leaves), "the directory's checkpoint is of another list")
        self.checkpoint, signed = c, 0
        for line in root.fields["officer"]:
            n = line.split(" ")[0]
            if " ed25519 " not in " " + line:
                continue
            values = [v.split(" ")[2] for v in root.fields["officer"] if v.split(" ")[0] == n]
            if c.cosigned("root-" + n, tuple(unbase64(v) for v in values), "root officer " + n) is not None:
                signed += 1
        threshold = int(root.one("threshold"))
        need(signed >= threshold, "%d of the root officers have signed the directory, it takes %d" % (signed, threshold))
        self.posts = {s.value: s for s in self.statements if s.kind == "post"}
        self.people = {s.value: s for s in self.statements if s.kind == "person"}
        self.keys = {s.value: s for s in self.statements if s.kind == "key"}
        self.vouch()

    def vouch(self):
        for s in self.statements:
            what = "the statement " + s.lines[0]
            if s.kind == "post":
                both(s.key("identity"), s.signature(), "key", s.text("signed"), what)
            elif s.kind == "period":
                both(self.posts[s.value].key("identity"), s.signature(), "period", s.text("signed"), what)
            elif s.kind == "key":
                both(s.key(), s.signature(), "key", s.text("signed"), what)
                if "after" in s.fields:
                    both(self.keys[s.one("after")].key(), s.signature("continued"), "key", s.text("signed"), what)

    def root_at(self, size):
        need(0 < size <= len(self.leaves), "the letter names a directory of %d statements" % size)
        return tree(self.leaves[:size])

    def entitled(self, ref, post, role):
        """The key of a person of the post who has the role."""
        need(ref in self.keys, "the directory has no key " + ref)
        person = self.people[ref.split("/")[0]]
        need(person.one("post") == post, "person %s is not of %s" % (ref, post))
        need(role in person.fields.get("role", []), "person %s is no %s" % (ref, role))
        return self.keys[ref].key()


# The letter: letter.md.


def labeled_extract(salt, suite, name, value):
    return mac(salt or bytes(32), b"HPKE-v1", suite, name, value)


def expand(secret, info, length):
    out, t, i = b"", b"", 1
    while len(out) < length:
        t = mac(secret, t, info, bytes([i]))
        out, i = out + t, i + 1
    return out[:length]


def labeled_expand(secret, suite, name, info, length):
    return expand(secret, struct.pack(">H", length) + b"HPKE-v1" + suite + name + info, length)


def x_wing(seed, enc):
    """The shared secret and the public key: X-Wing, draft-connolly-cfrg-xwing-kem."""
    expanded = hashlib.shake_256(seed).digest(96)
    answer = node({"kem": expanded[:64].hex(), "ciphertext": enc[:1088].hex()})
    x = X25519PrivateKey.from_private_bytes(expanded[64:])
    public = x.public_key().public_bytes_raw() if hasattr(x.public_key(), "public_bytes_raw") else raw(x.public_key())
    try:
        dh = x.exchange(X25519PublicKey.from_public_bytes(enc[1088:]))
    except ValueError:
        raise Wrong("the letter's encapsulated key is of small order")
    secret = hashlib.sha3_256(bytes.fromhex(answer["secret"]) + dh + enc[1088:] + public + b"\\.//^\\").digest()
    return secret, bytes.fromhex(answer["public"]) + public


def raw(key):
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def unpad(b):
    n = len(b.rstrip(b"\0"))
    need(n > 0 and b[n - 1] == 0x80, "the letter's padding")
    want = max(64, padme(n))
    need(len(b) == want, "the letter is padded to %d bytes, and not to %d" % (len(b), want))
    return b[:n - 1]


def padme(n):
    """The next length of PADMÉ (Nikitin and others, PURBs, 2019, section 4.4)."""
    e = n.bit_length() - 1
    if e < 1:
        return n
    free = e - e.bit_length()
    return (n + (1 << free) - 1) >> free << free


def open_letter(text, directory):
    fields = dict(line.split(" ", 1) for line in text.strip().split("\n"))
    to, seed, envelope = fields["to"], bytes.fromhex(fields["key"]), bytes.fromhex(fields["envelope"])
    need(len(envelope) > 25 + 1120 + 28, "the envelope is cut off")
    l0, enc, sealed = envelope[:25], envelope[25:25 + 1120], envelope[25 + 1120:]
    need(l0[0] == 0x11 and l0[4] <= 5, "the envelope is of an unknown version, or has unknown flags")
    need(l0[1:4].hex() == directory.posts[to].one("route"), "the envelope is for another post")
    shared, public = x_wing(seed, enc)
    key = sha256(public)
    suite = b"HPKE" + struct.pack(">HHH", 0x647A, 0x0001, 0xFFFF)
    context = b"\0" + labeled_extract(b"", suite, b"psk_id_hash", b"") + labeled_extract(b"", suite, b"info_hash", label("hpke") + l0 + key)
    secret = labeled_extract(shared, suite, b"secret", b"")
    exporter = labeled_expand(secret, suite, b"exp", context, 32)
    export = labeled_expand(exporter, suite, b"sec", label("export"), 32)
    aes = expand(mac(bytes(32), export), label("seal") + b"\0" + sha256(l0, enc), 32)
    try:
        padded = AESGCM(aes).decrypt(sealed[:12], sealed[12:], l0)
    except InvalidTag:
        raise Wrong("the letter is not sealed to this key, or was altered")
    clear = unpad(padded)
    r = Reader(clear, "the letter")
    sender, size, root = r.short(), r.number(8), r.take(32)
    payload = r.take(len(r.b) - 64 - 2420)
    signature = r.take(64), r.take(2420)
    need(sender in directory.posts, "the directory has no post " + sender)
    need(directory.root_at(size) == root, "the letter's sender goes by another directory")
    named = bytes([len(sender)]) + sender.encode() + bytes([len(to)]) + to.encode()
    both(directory.posts[sender].key("identity"), signature, "letter", l0 + sha256(enc) + key + named + struct.pack(">Q", size) + root + sha256(payload), "the letter")
    period = [s for s in directory.statements if s.kind == "period" and s.value == to and s.one("id") == l0[5:9].hex()]
    need(len(period) == 1 and unbase64(period[0].one("x-wing")) == public, "the directory has no such letter key of " + to)
    return sender, to, l0[4], payload


# The telegram: telegram.md.


def alone(c):
    r = ord(c)
    return any(a <= r <= b for a, b in ((0xE00, 0xEFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x2E80, 0xA4CF), (0xF900, 0xFAFF),
                                        (0xFE30, 0xFE4F), (0xFF00, 0xFFEF), (0x20000, 0x3FFFF)))


def words(text):
    out = []
    while text:
        n = 0
        while n < len(text) and text[n] not in " \t\n":
            if alone(text[n]):
                n = n or 1
                break
            n += 1
        while n < len(text) and text[n] in " \t\n":
            n += 1
        out.append(text[:n])
        text = text[n:]
    return out


def salted(seed, leaves):
    return tree([sha256(b"\0", mac(seed, label("salt"), struct.pack(">I", i)), struct.pack(">IBI", i, kind, len(value)), value)
                 for i, (kind, value) in enumerate(leaves)])


class Telegram:
    def __init__(self, b):
        r = Reader(b, "the telegram")
        need(r.number(1) == 1, "the telegram is of an unknown version")
        self.seed, self.fields, self.body = r.take(32), [], []
        while r.b:
            kind = r.number(1)
            value = r.take(r.leb128())
            need(kind < 0x40 or kind in (0x40, 0x41, 0x42, 0x43, 0x44, 0x46), "the telegram has a block of unknown kind")
            if kind < 0x40:
                need(not self.body and (not self.fields or kind >= self.fields[-1][0]), "the telegram's fields are out of order")
                self.fields.append((kind, value))
            else:
                self.body.append((kind, value))
        need(self.get(2) == b"\x01", "the telegram is of an unknown suite")

    def get(self, kind):
        values = [v for k, v in self.fields if k == kind]
        need(len(values) == 1, "the telegram has %d fields %d" % (len(values), kind))
        return values[0]

    def leaves(self):
        out = []
        for kind, value in self.body:
            if kind in (0x40, 0x41):
                for w in words(value.decode()):
                    out.append((kind, w.encode()))
                    kind = 0x40
            elif kind == 0x44:
                out += [(kind, b"")] * value[0]
            else:
                out.append((kind, value))
        return out

    def roots(self):
        """D and R."""
        body = self.leaves()
        form = bytes([1] + [k for k, _ in self.fields] + [k for k, _ in body])
        b = salted(mac(self.seed, label("body")), body)

        def root(fields):
            h = salted(mac(self.seed, label("head")), [(1, form)] + fields)
            return sha256(label("root"), b"\x01", struct.pack(">I", len(fields) + 1), h, struct.pack(">I", len(body)), b)
        return root([(k, b"" if k in (4, 12, 13) else v) for k, v in self.fields]), root(self.fields)

    def key(self, kind):
        return "%d/%d" % struct.unpack(">IH", self.get(kind))

    def addressed(self):
        """Posts in the order in which the telegram names them, each with the highest of its precedences."""
        out = {}
        for kind, value in self.fields:
            if kind in (6, 7):
                post = value[1:].decode().partition("@")[2]
                out[post] = max(out.get(post, 0), value[0])
        return out


class Registered:
    def __init__(self, b):
        r = Reader(b, "the registered telegram")
        self.telegram = Telegram(r.take(r.number(4)))
        self.draft, self.release, self.release_pq = r.take(64), r.take(64), r.take(2420)
        self.year, self.number = r.number(2), r.number(4)
        self.serials = [(r.short(), r.number(4)) for _ in range(r.number(1) + 1)]
        self.time = r.time()
        r.end()

    def entry(self, root):
        seed = mac(mac(self.telegram.seed, label("head")), label("numbers"))
        leaves = [(0x81, struct.pack(">HI", self.year, self.number))]
        leaves += [(0x82, post.encode() + struct.pack(">I", serial)) for post, serial in self.serials]
        leaves += [(0x83, struct.pack(">q", self.time))]
        leaves = [(0x80, bytes([0x80] + [k for k, _ in leaves]))] + leaves
        return label("entry") + b"\x01" + root + sha256(self.release, self.release_pq) + sha256(self.draft) + struct.pack(">I", len(leaves)) + salted(seed, leaves)


def date(seconds):
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M:%SZ")


def check(folder):
    def file(name):
        with open(os.path.join(folder, name), encoding="utf-8", newline="") as f:
            return f.read()
    directory = Directory(file("directory.txt"), file("fingerprint").strip())
    print("directory: %d statements, fingerprint %s" % (len(directory.statements), file("fingerprint").strip()))
    sender, to, precedence, payload = open_letter(file("letter.txt"), directory)
    print("letter: %s to %s" % (sender, to))

    r = Reader(payload, "the section")
    circuit, special, lane, serial, i, n = (r.number(1), r.number(4), r.number(4), r.number(4), r.number(4), r.number(4))
    need(circuit > 0 and (i, n) == (1, 1), "this is no telegram in one section")
    print("section: circuit %d, special number %d, lane %d, serial %d" % (circuit, special, lane, serial))
    reg = Registered(r.b)
    t = reg.telegram
    draft, root = t.roots()
    print("D: " + draft.hex())
    print("R: " + root.hex())

    drafter, releaser = t.key(5), t.key(4)
    need(drafter.split("/")[0] != releaser.split("/")[0], "one person drafted and released it")
    need(ed25519(directory.entitled(drafter, sender, "drafter")[0], reg.draft, label("draft"), draft), "the drafter's signature does not hold")
    both(directory.entitled(releaser, sender, "releaser"), (reg.release, reg.release_pq), "release", root, "the release")
    need(t.get(3).decode().partition("@")[2] == sender, "it was released at another post than sent it")
    addressed = t.addressed()
    need([p for p, _ in reg.serials] == list(addressed), "it has other serials than addressed posts")
    need(dict(reg.serials).get(to) == serial, "it came under another serial than it took")
    need(addressed[to] == precedence, "it came at another precedence than was released")
    released, until = struct.unpack(">q", t.get(12))[0], struct.unpack(">q", t.get(13))[0]
    need(released <= reg.time <= until, "it was registered outside the times that were signed")
    print("drafted by %s, released by %s at %s, registered as %d/%d at %s" % (drafter, releaser, date(released), reg.number, reg.year, date(reg.time)))

    head, found, signed = file("proof.txt").partition("\n\n")
    need(found, "the proof has no checkpoint")
    lines = head.split("\n")
    need(len(lines) > 2 and lines[0] == "c2sp.org/tlog-proof@v1" and lines[1].startswith("extra ") and lines[2].startswith("index "), "the proof is of another form")
    entry, index = reg.entry(root), int(lines[2][6:])
    need(unbase64(lines[1][6:]) == entry, "the proof is of another telegram, or of another release or number of this one")
    leaf = sha256(b"\0", entry)
    c = Checkpoint(signed)
    need(c.origin == "chancery/register/" + directory.posts[sender].one("route"), "the checkpoint is another register's")
    need(included(leaf, index, c.size, [unbase64(x) for x in lines[3:]]) == c.root, "the register's checkpoint does not have this entry")
    need(c.cosigned(c.origin, directory.posts[sender].key("register"), "the register's checkpoint") is not None, "the post has not signed the register's checkpoint")
    print("entry %d of %d in the register: %s" % (index, c.size, leaf.hex()))
    answered()
    print("all %d ML-DSA-44 signatures hold" % len(questions))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        check(sys.argv[1])
    except Wrong as e:
        sys.exit("check.py: %s" % e)
    except (OSError, KeyError, ValueError, UnicodeDecodeError, IndexError, struct.error) as e:
        sys.exit("check.py: it cannot be read: %s: %s" % (type(e).__name__, e))


if __name__ == "__main__":
    main()
