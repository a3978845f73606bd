"""What check.py hashes and verifies with: labels, signatures, trees, checkpoints. From release.md and register.md."""

import base64
import hashlib
import hmac
import json
import os
import re
import struct
import subprocess
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

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


# Signatures. ML-DSA-44 is asked of Node.js in one go at the end, where every question must be answered with true.

questions = []


def ed25519(key, signature, *message):
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, b"".join(message))
        return True
    except (InvalidSignature, ValueError):
        return False


def mldsa_question(key, signature, message, context):
    return {"verify": key.hex(), "message": message.hex(), "context": context.hex(), "signature": signature.hex()}


def mldsa(key, signature, message, context, what):
    questions.append((what, mldsa_question(key, signature, message, context)))


def both(key, signature, name, message, what):
    """A pair of signatures under one label: see release.md."""
    need(ed25519(key[0], signature[0], label(name), message), what + ": the Ed25519 signature does not hold")
    mldsa(key[1], signature[1], message, label(name), what + ": the ML-DSA-44 signature does not hold")


def node(question):
    if question == []:
        return []
    run = subprocess.run(["node", os.path.join(HERE, "pq.mjs")], input=json.dumps(question).encode(), capture_output=True)
    if run.returncode != 0:
        sys.exit("check.py: Node.js cannot answer (run  npm ci  in %s): %s" % (HERE, run.stderr.decode()[:500]))
    return json.loads(run.stdout)


def answered():
    """Every question that was asked holds. How many there were."""
    asked = questions[:]
    questions.clear()
    for (what, _), holds in zip(asked, node([q for _, q in asked])):
        need(holds is True, what)
    return len(asked)


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
    def __init__(self, body, signatures):
        """Of its three lines, and its signature lines."""
        need(len(body) == 3 and re.fullmatch("0|[1-9][0-9]{0,17}", body[1]), "a checkpoint of another form")
        self.text, self.origin, self.size, self.root = "\n".join(body) + "\n", body[0], int(body[1]), unbase64(body[2])
        need(len(self.root) == 32, "a checkpoint's root has 32 bytes")
        self.signatures = []
        for line in signatures:
            m = re.fullmatch("— ([!-*,-~]+) ([A-Za-z0-9+/=]+)", line)
            need(m, "a signature line of another form: %.60s" % line)
            self.signatures.append((m[1], unbase64(m[2])))
            need(len(self.signatures[-1][1]) >= 5, "a signature line without a signature: %.60s" % line)

    def message(self, algorithm, name, time):
        """What a cosigner signs: register.md, The log."""
        if algorithm == 4:
            return b"cosignature/v1\ntime %d\n" % time + self.text.encode()
        name, origin = name.encode(), self.origin.encode()
        return (b"subtree/v1\n\0" + bytes([len(name)]) + name + struct.pack(">Q", time) + bytes([len(origin)]) + origin
                + struct.pack(">QQ", 0, self.size) + self.root)

    def cosignatures(self, name, key, algorithm):
        """The lines by that key: the time and signature of each."""
        ident = sha256(name.encode(), b"\n", bytes([algorithm]), key)[:4]
        size = {4: 64, 6: 2420}[algorithm]
        return [(int.from_bytes(s[4:12], "big"), s[12:]) for who, s in self.signatures
                if who == name and s[:4] == ident and len(s) == 12 + size and s[4:7] == b"\0\0\0"]

    def held(self, keys):
        """Of the names whose two keys are given, the times of those whose lines by both hold: of each the older of the newest two. The others count for nothing."""
        lines = [(name, algorithm, key, at, s) for name, pair in keys.items() for algorithm, key in ((4, pair[0]), (6, pair[1]))
                 for at, s in self.cosignatures(name, key, algorithm)]
        post_quantum = [x for x in lines if x[1] == 6]
        answers = node([mldsa_question(key, s, self.message(6, name, at), b"") for name, _, key, at, s in post_quantum])
        good = [x for x, holds in zip(post_quantum, answers) if holds is True]
        good += [x for x in lines if x[1] == 4 and ed25519(x[2], x[4], self.message(4, x[0], x[3]))]
        newest = {}
        for name, algorithm, _, at, _ in good:
            newest[name, algorithm] = max(at, newest.get((name, algorithm), at))
        return {name: min(newest[name, 4], newest[name, 6]) for name in keys if (name, 4) in newest and (name, 6) in newest}

    def cosigned(self, name, key, what):
        """Both halves of the key have signed under that name: all lines by it must hold, and there must be one of each. When: the older of the newest two times."""
        times = []
        for algorithm, public, called in ((4, key[0], "Ed25519"), (6, key[1], "ML-DSA-44")):
            lines = self.cosignatures(name, public, algorithm)
            need(lines, "%s: %s has not signed it with %s" % (what, name, called))
            for time, signature in lines:
                if algorithm == 4:
                    need(ed25519(public, signature, self.message(4, name, time)), what + ": the Ed25519 cosignature does not hold")
                else:
                    mldsa(public, signature, self.message(6, name, time), b"", what + ": the ML-DSA-44 cosignature does not hold")
            times.append(max(time for time, _ in lines))
        return min(times)


def signed_note(text):
    """A checkpoint and its signature lines, as they stand at the end of a proof."""
    body, found, signatures = text.partition("\n\n")
    need(found and signatures.endswith("\n"), "a checkpoint without signatures")
    return Checkpoint(body.split("\n"), signatures.removesuffix("\n").split("\n"))


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

    def uleb(self):
        """An unsigned LEB128 of at most 32 bits, as short as it can be."""
        value = self.leb128()
        need(value < 1 << 32, self.what + " has a number of more than 32 bits")
        return value

    def end(self):
        need(not self.b, self.what + " has more behind its end")
