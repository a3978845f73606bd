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

    check.py record FOLDER…

checks disclosures, each of them record.json of a folder that has directory.txt and fingerprint, or another file of one, if that is named       (disclosure.md)

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


# The disclosure: disclosure.md.

TEXTS = (3, 15, 16, 18, 0x40, 0x41, 0x42, 0x43, 0x44)  # kinds whose values are written as text
HEAD = b"\x01\x02\x03\x04\x05\x06+\x07*\x08\x09\\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11{0,64}\x12{0,8}\x13?\x14?"
UNSEEN = ((0, 8), (0x0B, 0x1F), (0x7F, 0x9F), (0xAD, 0xAD), (0x200B, 0x200B), (0x2028, 0x202E), (0x2060, 0x206F), (0xFDD0, 0xFDEF), (0xFEFF, 0xFEFF),
          (0xFFF9, 0xFFFB), (0xE0000, 0xE0FFF))


def record_members(x, what, must, may=()):
    """An object that has the members it must have, and no others than it may."""
    need(type(x) is dict and set(must) <= set(x) <= set(must) | set(may), what + " has other members than it should")
    return x


def record_number(x, most, what):
    need(type(x) is int and 1 <= x <= most, what + " is no number from 1 to %d" % most)
    return x


def record_bytes(x, size, what):
    need(type(x) is str, what + " is no text")
    b = unbase64(x)
    need(len(b) == size, what + " has %d bytes" % len(b))
    return b


def record_line(text, most, what):
    need(len(text.encode()) <= most and not any(c in "\n\t" for c in text), what + " is no line of at most %d bytes" % most)
    record_text(text, what)


def record_text(text, what):
    for c in text:
        r = ord(c)
        need(r & 0xFFFE != 0xFFFE and not any(a <= r <= b for a, b in UNSEEN), what + " has a character that no telegram has")


class Salted:
    """One tree of a disclosure: spans of (kind, salt, value), or of a number of leaves and why."""

    def __init__(self, x, what):
        record_members(x, what, ("digests", "leaves"))
        need(type(x["digests"]) is list and type(x["leaves"]) is list, what + " has no lists")
        self.what, self.digests, self.spans, self.size = what, [record_bytes(d, 32, "a digest") for d in x["digests"]], [], 0
        for leaf in x["leaves"]:
            need(type(leaf) is dict, what + " has a leaf that is no object")
            if "withheld" in leaf:
                record_members(leaf, "what is withheld", ("withheld",), ("reason",))
                n, reason = record_number(leaf["withheld"], 1 << 20, "withheld"), 0
                if "reason" in leaf:
                    reason = record_number(leaf["reason"], 64, "a reason")
                need(not self.spans or self.spans[-1][0] != "withheld" or self.spans[-1][2] != reason, "two runs are withheld for one reason")
                self.spans.append(("withheld", n, reason))
            else:
                named = "value" if "value" in leaf else "hex"
                record_members(leaf, "a leaf", ("kind", "salt", named))
                kind, n = record_number(leaf["kind"], 255, "a kind"), 1
                need((kind in TEXTS) == (named == "value") and type(leaf[named]) is str, "the value of a leaf of kind %d is written otherwise" % kind)
                value = leaf[named].encode() if named == "value" else bytes.fromhex(leaf[named])
                need(named == "value" or value.hex() == leaf[named], "hexadecimal digits in another than their one form")
                self.spans.append(("shown", kind, record_bytes(leaf["salt"], 32, "a salt"), value))
            self.size += n
            need(self.size <= 1 << 20, what + " has more leaves than any telegram")

    def form(self, kind):
        need(self.spans and self.spans[0][:2] == ("shown", kind), self.what + " does not show its form")
        return self.spans[0][3]

    def shown(self):
        """The leaves that are shown: (place, kind, salt, value)."""
        at = 0
        for s in self.spans:
            if s[0] == "shown":
                yield (at,) + s[1:]
            at += s[1] if s[0] == "withheld" else 1

    def root(self, kinds):
        need(len(kinds) == self.size, "%s has %d leaves, its form says %d" % (self.what, self.size, len(kinds)))
        shown, left = list(self.shown()), list(reversed(self.digests))
        for at, kind, _, _ in shown:
            need(kinds[at] == kind, "leaf %d of %s has another kind than its form says" % (at, self.what))

        def climb(a, b, mine):
            if a == b:
                return sha256(b"")
            if not mine:
                need(left, self.what + " has too few digests")
                return left.pop()
            if b - a == 1:
                at, kind, salt, value = mine[0]
                return sha256(b"\0", salt, struct.pack(">IBI", at, kind, len(value)), value)
            k = 1
            while k * 2 < b - a:
                k *= 2
            here = sum(1 for s in mine if s[0] < a + k) if mine[-1][0] >= a + k else len(mine)
            first = climb(a, a + k, mine[:here])
            return sha256(b"\x01", first, climb(a + k, b, mine[here:]))
        root = climb(0, self.size, shown)
        need(not left, self.what + " has too many digests")
        return root


class Disclosure:
    def __init__(self, text):
        try:
            x = json.loads(text)
            again = json.dumps(x, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n"
        except RecursionError:
            raise Wrong("the disclosure nests")
        need(again.encode() == text.encode(), "the disclosure is not in its one written form")
        record_members(x, "the disclosure", ("body", "disclosure", "head", "root"), ("numbers", "reasons", "registered", "released"))
        need(type(x["disclosure"]) is int and x["disclosure"] == 1, "the disclosure is of an unknown version")
        self.head, self.body = Salted(x["head"], "the head"), Salted(x["body"], "the text")
        self.numbers = Salted(x["numbers"], "the numbers") if "numbers" in x else None
        need(type(x["root"]) is str and re.fullmatch("[0-9a-f]{64}", x["root"]), "R is no 64 hexadecimal digits")
        self.root = bytes.fromhex(x["root"])
        self.registered, self.released = x.get("registered"), None
        if "released" in x:
            r = record_members(x["released"], "the release", ("ed25519", "ml-dsa-44"))
            self.released = record_bytes(r["ed25519"], 64, "a signature"), record_bytes(r["ml-dsa-44"], 2420, "a signature")
        need("registered" not in x or type(self.registered) is str and self.registered, "the proof of a register is no text")
        need(self.released or self.registered, "the disclosure proves nothing")
        need(not self.numbers or self.registered, "there are numbers, and no entry that proves them")
        self.check_reasons(x.get("reasons"))
        self.check_root()
        self.check_head()
        self.check_body()

    def check_reasons(self, reasons):
        need(reasons is None or type(reasons) is list and 1 <= len(reasons) <= 64 and all(type(r) is str and r for r in reasons), "the reasons are no list of texts")
        reasons = reasons or []
        need(len(set(reasons)) == len(reasons), "a reason stands twice")
        for r in reasons:
            record_line(r, 255, "a reason")
        used = 0
        for tree in (self.head, self.body, self.numbers):
            for s in tree.spans if tree else ():
                if s[0] == "withheld":
                    need(s[2] <= used + 1, "the reasons are not in the order of their use")
                    used = max(used, s[2])
        need(used == len(reasons), "a reason is missing, or used for nothing")

    def check_root(self):
        self.form = self.head.form(1)
        need(len(self.form) == self.head.size + self.body.size, "there are %d leaves, the form says %d" % (self.head.size + self.body.size, len(self.form)))
        h, b = self.head.root(self.form[:self.head.size]), self.body.root(self.form[self.head.size:])
        need(sha256(label("root"), b"\x01", struct.pack(">I", self.head.size), h, struct.pack(">I", self.body.size), b) == self.root, "what is shown does not make R")

    def check_head(self):
        kinds = self.form[:self.head.size]
        need(re.fullmatch(HEAD, kinds, re.DOTALL) and 1 <= kinds.count(6) + kinds.count(7) <= 256, "no telegram has such a head")
        self.fields, kinds_acted = {}, set()
        for _, kind, _, value in self.head.shown():
            self.fields.setdefault(kind, []).append(value)
            if kind == 1:
                continue
            r = Reader(value, "field %d" % kind)
            if kind == 2:
                need(value == b"\x01", "an unknown suite")
            elif kind in (3, 6, 7):
                need(kind == 3 or value and value[0] <= 5, "an unknown precedence")
                self.address(value if kind == 3 else value[1:])
            elif kind in (4, 5):
                need(len(value) == 6 and value[:4] != bytes(4) and value[4:] != bytes(2), "field %d names nobody" % kind)
            elif kind == 8:
                marks = [r.short(), r.short()]
                caveats = [r.short() for _ in range(r.number(1))]
                for line in marks + caveats:
                    record_line(line, 255, "the label")
                need("" not in caveats and len(caveats) <= 32, "a caveat is empty, or one of too many")
                need(len(r.b) in (0, 8), "the label is of another form")
            elif kind in (9, 14, 20):
                need(len(value) == 1 and value[0] <= {9: 2, 14: 3, 20: 1}[kind] and (kind != 20 or value[0] == 1), "field %d has an unknown value" % kind)
            elif kind in (10, 19, 11, 12, 13):
                need(len(value) == 8 or kind == 10 and not value, "field %d is no time" % kind)
            elif kind in (15, 16):
                record_line(value.decode(), 1024, "field %d" % kind)
            elif kind == 17:
                act, _, serial, post = r.number(1), r.number(2), r.number(4), r.short()
                self.name(post, 32)
                need(act <= 7 and serial & 0x3FFFFFFF and len(r.b) in (0, 32) and r.b != bytes(32), "a reference is of another form")
                kinds_acted.update([serial & 0xC0000000] if act else [])
            elif kind == 18:
                need(re.fullmatch(b"[A-Z0-9]{3,8}", value), "a subject code is of another form")
        offices = [v[1:] for kind in (6, 7) for v in self.fields.get(kind, [])]
        codes = self.fields.get(18, [])
        need(len(set(offices)) == len(offices) and len(set(codes)) == len(codes), "an office or a subject code stands twice")
        if 9 in self.fields:
            kinds_acted.add((0, 1 << 31, 1 << 30)[self.fields[9][0][0]])
        need(len(kinds_acted) <= 1, "it acts on a telegram of another type")
        if 12 in self.fields and 13 in self.fields:
            need(0 <= self.time(13) - self.time(12) <= 30 * 86400, "the time to register is not within 30 days of the release")

    def name(self, text, most):
        import unicodedata
        need(0 < len(text.encode()) <= most and text == text.strip() and "  " not in text, "a name is of another form")
        need(all(unicodedata.category(c)[0] in "LM" or unicodedata.category(c) == "Nd" or c in " '’-.()&,/" for c in text), "a name is of another form")

    def address(self, value):
        office, at, post = value.decode().partition("@")
        need(at, "an address without @")
        self.name(office, 64)
        self.name(post, 32)
        return post

    def time(self, kind):
        return struct.unpack(">q", self.fields[kind][0])[0]

    def complete(self, kind):
        return len(self.fields.get(kind, ())) == self.form[:self.head.size].count(kind)

    def check_body(self):
        kinds, depth, text, before = self.form[self.head.size:], 0, False, 0
        for kind in kinds:
            need(kind in (0x40, 0x41, 0x42, 0x43, 0x44, 0x46), "the text has a leaf of unknown kind")
            need(kind != 0x40 or text, "a word stands in no paragraph")
            need(kind != 0x46 or text or before == 0x43, "an insertion stands in no paragraph and behind no signature")
            depth += {0x42: 1, 0x43: -1}.get(kind, 0)
            need(0 <= depth <= 4, "what is conveyed begins and ends otherwise")
            text = kind == 0x41 or text and kind not in (0x42, 0x43)
            before = kind
        need(depth == 0, "what is conveyed does not end")
        word = None  # the one shown just before, in the same paragraph
        for at, kind, _, value in self.body.shown():
            if kind == 0x40 and word and word[0] == at - 1:
                need(words(word[1] + value.decode()) == [word[1], value.decode()], "two leaves of the text are one word")
            word = (at, value.decode()) if kind in (0x40, 0x41) else None
            last = at + 1 == len(kinds) or kinds[at + 1] != 0x40
            if kind in (0x40, 0x41):
                record_text(word[1], "a word")
                need(words(word[1]) == [word[1]] and word[1].strip(" \t\n"), "a leaf of the text is not one word")
                need(not last or word[1].rstrip(" \t\n") == word[1], "a paragraph has a space at its end")
            elif kind == 0x44:
                need(not value, "a blank says something")
            elif kind == 0x46:
                need(len(value) > 1 and 1 <= value[0] <= 3, "an insertion is of unknown kind")
                record_line(value[1:].decode(), 1024, "an insertion")
            else:
                record_line(value.decode(), 1024, "what is conveyed")

    def check_entry(self, entry):
        """What kind of entry it is, and that it is of this telegram."""
        r = Reader(entry, "the entry")
        need(r.take(len(label("entry"))) == label("entry"), "this is no entry")
        kind = r.number(1)
        need(kind in (1, 2, 10), "the entry is not of a telegram")
        need(r.take(32) == self.root, "the entry is of another telegram")
        release = r.take(32)
        need(not self.released or sha256(*self.released[:1 if kind == 10 else 2]) == release, "the entry is of another release")
        r.take(32)
        leaves, root = r.number(4), r.take(32)
        r.end()
        if self.numbers:
            form = self.numbers.form(0x80)
            need(leaves == len(form) and re.fullmatch(b"\x80\x81\x82+\x83", form), "the numbers have another form than the entry")
            need(self.numbers.root(form) == root, "the numbers are not those of the entry")
            self.check_numbers(kind)
        return kind

    def check_numbers(self, entry):
        mark = {0: 0, 1: 1 << 31, 2: 1 << 30}.get(self.fields[9][0][0]) if 9 in self.fields else None
        year = None
        for _, kind, _, value in list(self.numbers.shown())[1:]:
            r = Reader(value, "a number")
            if kind == 0x83:
                at = r.time()
                need(at != 0 and not r.b, "a time of registration that is none")
                need(year is None or datetime.fromtimestamp(at, timezone.utc).year == year, "a number of another year")
                need(entry != 1 or 12 not in self.fields or at >= self.time(12), "it was registered before its release")
                need(entry != 1 or 13 not in self.fields or at <= self.time(13), "it was registered too late")
                continue
            if kind == 0x81:
                year = r.number(2)
            else:
                post = r.take(len(value) - 4).decode()
                self.name(post, 32)
                posts = self.addressed() if entry == 1 else self.sender()
                need(posts is None or post in posts, "a serial for another post")
            n = r.number(4)
            r.end()
            need(n & 0x3FFFFFFF and (mark is None or n & 0xC0000000 == mark), "a number is not of the telegram's type")

    def addressed(self):
        """The posts addressed, or None when some are withheld."""
        if not (self.complete(6) and self.complete(7)):
            return None
        return {self.address(v[1:]) for k in (6, 7) for v in self.fields.get(k, ())}

    def sender(self):
        return {self.address(self.fields[3][0])} if 3 in self.fields else None


UNREADABLE = (OSError, KeyError, ValueError, UnicodeDecodeError, IndexError, struct.error)


def check_records(paths):
    """Whether all of them hold. A directory is checked once."""
    directories, whole = {}, True
    for path in paths:
        folder, record = (path, "record.json") if os.path.isdir(path) else os.path.split(path)
        try:
            if folder not in directories:
                fingerprint = read_file(folder, "fingerprint").strip()
                directories[folder] = Directory(read_file(folder, "directory.txt"), fingerprint)
                answered()
            questions.clear()
            check_record(read_file(folder, record), directories[folder])
            print("%s holds" % path)
        except Wrong as e:
            whole = False
            print("check.py: %s: %s" % (path, e))
        except UNREADABLE as e:
            whole = False
            print("check.py: %s: it cannot be read: %s: %s" % (path, type(e).__name__, str(e)[:200]))
    return whole


def read_file(folder, name):
    with open(os.path.join(folder, name), encoding="utf-8", newline="") as f:
        return f.read()


def check_record(text, directory):
    d = Disclosure(text)
    print("R: " + d.root.hex())
    shown = sum(1 for t in (d.head, d.body) for _ in t.shown())
    print("%d of %d leaves are shown" % (shown, d.head.size + d.body.size))
    releaser = None
    if d.released:
        need(4 in d.fields, "the releaser is withheld, and his signatures are shown")
        ref = "%d/%d" % struct.unpack(">IH", d.fields[4][0])
        need(ref in directory.keys, "the directory has no key " + ref)
        releaser = directory.people[ref.split("/")[0]].one("post")
        need(d.sender() in (None, {releaser}), "it was released at another post than sent it")
        both(directory.entitled(ref, releaser, "releaser"), d.released, "release", d.root, "the release")
        if 5 in d.fields and d.fields[5][0][:4] == d.fields[4][0][:4]:
            directory.entitled(ref, releaser, "alone")
        print("released by %s of %s" % (ref, releaser))
    if d.registered:
        entry, origin = record_entered(d.registered, directory)
        kind = d.check_entry(entry[0])
        if kind == 1:
            need(d.sender() in (None, {origin}) and releaser in (None, origin), "another post has entered it as sent than sent it")
        else:
            need(d.addressed() is None or origin in d.addressed(), "a post has entered it as received that is not addressed")
        print("entered by %s as %s, entry %d of %d" % ((origin, {1: "sent"}.get(kind, "received")) + entry[1:]))
    answered()


def record_entered(text, directory):
    """The entry that a proof of a register proves, its place and the register's size; and whose register it is."""
    head, found, signed = text.partition("\n\n")
    lines = head.split("\n")
    need(found and len(lines) > 2 and lines[0] == "c2sp.org/tlog-proof@v1" and lines[1].startswith("extra ") and re.fullmatch("index (0|[1-9][0-9]*)", lines[2]), "the proof is of another form")
    entry, index, c = unbase64(lines[1][6:]), int(lines[2][6:]), Checkpoint(signed)
    whose = [name for name, s in directory.posts.items() if c.origin == "chancery/register/" + s.one("route")]
    need(len(whose) == 1, "the directory has no post of this register")
    need(included(sha256(b"\0", entry), index, c.size, [unbase64(x) for x in lines[3:]]) == c.root, "the register's checkpoint does not have this entry")
    need(c.cosigned(c.origin, directory.posts[whose[0]].key("register"), "the register's checkpoint") is not None, "the post has not signed the register's checkpoint")
    return (entry, index, c.size), whose[0]


def main():
    if len(sys.argv) > 2 and sys.argv[1] == "record":
        sys.exit(0 if check_records(sys.argv[2:]) else 1)
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
