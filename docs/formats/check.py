#!/usr/bin/env python3
"""Checks one sealed telegram from beginning to end, with nothing of Chancery but the pages in this folder.

    check.py FOLDER

FOLDER has

    directory.txt   the directory                                                             (directory.md)
    fingerprint     of its root, as it was learned by another way
    letter.txt      the lines  to POST,  key SEED  and  envelope BYTES, both in hexadecimal:  (letter.md, frame.md)
                    a line for each letter key, for each section and for what brought a
                    signature that followed, in any order. And where they are needed the lines
                    opens BYTES, a letter that opened the chain of a frame and whose section
                    is another telegram's, and  given BYTES, a one-time key's service message
    proof.txt       that the telegram is entered in the sending post's register               (register.md)
    proof-in.txt    that it is entered in the receiving post's register, too; may be missing

It opens the letters, joins the sections, makes D, R and the register's entry anew, verifies every signature and the proof, judges by the directory who was entitled when
they signed, and prints what it found. The exit code is 0 when all holds; else it says what does not, and the exit code is 1.

    check.py record FOLDER…

checks disclosures, each of them record.json of a folder that has directory.txt and fingerprint, or another file of one, if that is named       (disclosure.md)

Needed: Python 3.9 with the package cryptography, and Node.js with @noble/post-quantum, for which  npm ci  in this folder is enough.
"""

import hashlib
import os
import struct
import sys

sys.dont_write_bytecode = True  # nothing is left behind in this folder

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from directory import Directory
from disclosure import UNREADABLE, check_records, read_file
from signed import Reader, Wrong, answered, both, ed25519, included, label, mac, need, node, sha256, signed_note, unbase64
from telegram import Section, date, joined, late


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


def clear_on(envelope, to, directory):
    """What every envelope has in clear: telegram.md, The envelope. Its L0, and the rest."""
    need(len(envelope) <= 4 << 20 and envelope[:1] in (b"\x11", b"\x12"), "the envelope is of an unknown version, or longer than any may be")
    l0 = envelope[:25 if envelope[0] == 0x11 else 11]
    need(len(l0) > 10 and l0[4] <= 5, "the envelope is cut off, or has unknown flags")
    need(to in directory.posts, "the directory has no post " + to)
    need(l0[1:4].hex() == directory.posts[to].one("route"), "the envelope is for another post")
    return l0, envelope[len(l0):]


class Letter:
    """A letter that one of these letter keys opens, and whose sender is known; keys are seeds, given the one-time keys of the receiver."""

    framed = False

    def __init__(self, envelope, to, seeds, given, directory):
        self.l0, rest = clear_on(envelope, to, directory)
        need(len(rest) >= 1120 + 28 + 64, "the envelope is cut off")
        self.enc, self.sealed = rest[:1120], rest[1120:]
        self.to, self.precedence = to, self.l0[4]
        opened = [x for x in (self.unseal(*x_wing(seed, self.enc)) for seed in seeds) if x]
        need(opened, "the letter is not sealed to this key, or was altered")
        public, clear = opened[0]
        r = Reader(clear, "the letter")
        self.sender, self.size, self.root = r.short(), r.number(8), r.take(32)
        payload = r.take(max(0, len(r.b) - 64 - 2420))
        signature = r.take(64), r.take(2420)
        need(self.sender in directory.posts, "the directory has no post " + self.sender)
        need(directory.root_at(self.size) == self.root, "the letter's sender goes by another directory")
        both(directory.posts[self.sender].key("identity"), signature, "letter", self.transcript(sha256(public), payload), "the letter")
        self.opens, self.payload = payload[:1] == b"\xff", payload.removeprefix(b"\xff")
        period = directory.posts[to].letters.get(self.l0[5:9].hex())
        stated = period is not None and unbase64(period.one("x-wing")) == public
        need(stated or self.opens and given.get((self.sender, self.l0[5:9])) == public, "the directory has no such letter key of " + to)

    def unseal(self, shared, public):
        """The public key and the clear text, if it was sealed to that key."""
        suite = b"HPKE" + struct.pack(">HHH", 0x647A, 0x0001, 0xFFFF)
        info = label("hpke") + self.l0 + sha256(public)
        context = b"\0" + labeled_extract(b"", suite, b"psk_id_hash", b"") + labeled_extract(b"", suite, b"info_hash", info)
        secret = labeled_extract(shared, suite, b"secret", b"")
        exporter = labeled_expand(secret, suite, b"exp", context, 32)
        export = labeled_expand(exporter, suite, b"sec", label("export"), 32)
        secret, way = mac(bytes(32), export), sha256(self.l0, self.enc)
        try:
            clear = unpad(AESGCM(expand(secret, label("seal") + b"\0" + way, 32)).decrypt(self.sealed[:12], self.sealed[12:], self.l0))
        except InvalidTag:
            return None
        self.chain, self.chain_root = expand(secret, label("chain id") + way, 4), expand(secret, label("chain") + way, 32)
        return public, clear

    def transcript(self, key, payload):
        named = b"".join(bytes([len(name.encode())]) + name.encode() for name in (self.sender, self.to))
        return self.l0 + sha256(self.enc) + key + named + struct.pack(">Q", self.size) + self.root + sha256(payload)


class Frame:
    """A frame on a chain that one of these letters opened: frame.md."""

    framed = True

    def __init__(self, envelope, to, letters, directory):
        l0, rest = clear_on(envelope, to, directory)
        need(len(rest) >= 12 + 64 + 16, "the envelope is cut off")
        opened = [x for x in letters if x.opens and x.chain == l0[5:9]]
        need(opened, "none of the letters opens the chain %s of a frame" % l0[5:9].hex())
        self.sender, self.to, self.precedence, number = opened[0].sender, to, l0[4], int.from_bytes(l0[9:11], "big")
        node = opened[0].chain_root
        for level in range(15, -1, -1):
            node = expand(node, label("tree") + bytes([number >> level & 1]), 32)
        try:
            content = AESGCM(expand(node, label("frame"), 32)).decrypt(rest[:12], rest[12:], l0)
        except InvalidTag:
            raise Wrong("a frame is not sealed on its chain, or was altered")
        r = Reader(unpad(content), "a frame")
        self.size = r.uleb()
        self.payload = r.b


def given_keys(messages, to, directory):
    """The one-time letter keys that the receiver has given, by the post to which it gave each and their ids: frame.md."""
    out = {}
    for b in messages:
        r = Reader(b, "a one-time key")
        need(r.take(2) == b"\0\x06", "what should give a one-time key is another message")
        statement = r.take(max(0, len(r.b) - 64 - 2420))
        both(directory.posts[to].key("identity"), (r.take(64), r.take(2420)), "given", statement, "the one-time key")
        s = Reader(statement, "a one-time key")
        giver, post, _ = s.short(), s.short(), s.time()
        need(giver == to, "the one-time key is another post's, or of another form")
        ident, public = s.take(4), s.take(1216)
        s.end()
        out[post, ident] = public
    return out


def open_envelopes(text, directory):
    """The envelopes with the telegram's sections and what follows them, opened."""
    lines = [line.split(" ", 1) for line in text.strip().split("\n")]
    known = {kind: [v for k, v in lines if k == kind] for kind in ("to", "key", "envelope", "opens", "given")}
    need(sum(map(len, known.values())) == len(lines) and len(known["to"]) == 1, "letter.txt has other lines than one to, key, envelope, opens and given")
    to = known["to"][0]
    seeds, envelopes, opens, given = ([bytes.fromhex(v) for v in known[kind]] for kind in ("key", "envelope", "opens", "given"))
    need(seeds and envelopes and all(len(seed) == 32 for seed in seeds), "letter.txt has no envelope, or no letter key of 32 bytes")
    given = given_keys(given, to, directory)
    need(all(e[:1] == b"\x11" for e in opens), "what opens a chain is a letter")
    letters = {e: Letter(e, to, seeds, given, directory) for e in envelopes + opens if e[:1] != b"\x12"}
    return [letters[e] if e in letters else Frame(e, to, letters.values(), directory) for e in envelopes]


# The whole: who signed, and where it is entered.


def people(directory, reg, sender, shown):
    """The drafter and the releaser were entitled when they signed: release.md. shown is the checkpoint in which it is shown to stand."""
    t, (draft, root) = reg.telegram, reg.telegram.roots()
    drafter, releaser, office = t.key(5), t.key(4), t.get(3).decode()
    need(office.partition("@")[2] == sender, "it was released at another post than sent it")
    need(not directory.posts[sender].suspended, "the post %s is suspended" % sender)
    need(office in directory.offices and not directory.offices[office].suspended, "the directory has no office %s, or it is suspended" % office)
    alone = drafter.split("/")[0] == releaser.split("/")[0]
    if alone:
        directory.entitled(releaser, sender, "alone", t.released, "one person drafted and released it", shown)
    key = directory.entitled(drafter, sender, "drafter", t.dtg, "its drafter", shown)
    need(ed25519(key[0], reg.draft, label("draft"), draft), "the drafter's signature does not hold")
    key = directory.entitled(releaser, sender, "releaser", t.released, "its releaser", shown)
    both(key, (reg.release, reg.release_pq), "release", root, "the release")
    directory.may_release_at(max(t.addressed().values()), releaser, sender, t.released, "its releaser")
    passes_on(directory, t)
    print("drafted by %s at %s, released by %s at %s, registered as %d/%d at %s" % (
        drafter, date(t.dtg), releaser, date(t.released), reg.number, reg.year, date(reg.time)))
    for which, mark in ((alone, "one person drafted and released it"), (directory.doubtful(drafter), "the drafter's key is without continuity"),
                        (directory.doubtful(releaser), "the releaser's key is without continuity")):
        if which:
            print("mark: " + mark)


def passes_on(directory, t):
    """A telegram that is passed on is the one that is cited, its two people signed it, and the office that passes it on may: telegram.md."""
    if not t.inner:
        return
    o, (draft_signature, release, release_pq) = t.readdressed(), t.inner_signatures
    draft, root = o.roots()
    need(root == t.on[2], "what it passes on is not the telegram that it cites")
    for ref in o.key(5), o.key(4):
        need(ref in directory.keys, "the telegram that it passes on: the directory has no key " + ref)
    need(ed25519(directory.keys[o.key(5)].key()[0], draft_signature, label("draft"), draft), "the telegram that it passes on: the drafter's signature does not hold")
    both(directory.keys[o.key(4)].key(), (release, release_pq), "release", root, "the telegram that it passes on")
    need(o.get(3).decode().partition("@")[2] == t.on[1], "it passes on a telegram of another post than it says")
    by = t.get(3)
    action = by in [a[1:] for a in o.all(6)]
    need(action or by in [a[1:] for a in o.all(7)], "it passes on a telegram that was not sent to its office")
    need(action or not t.all(6), "it passes on for action what its office had for information")
    need(t.marks()[:2] == o.marks()[:2] and set(o.marks()[2]) <= set(t.marks()[2]), "what it passes on had another label")
    print("passes on the telegram of %s, released by %s at %s, R %s" % (o.get(3).decode(), o.key(4), date(o.released), root.hex()))
    passes_on(directory, o)


def proven(text, entry, directory, post):
    """The checkpoint of a post's register in which an entry is proved to stand that begins so, of 32 bytes more at most: register.md."""
    head, found, note = text.partition("\n\n")
    lines = head.split("\n")
    need(found, "the proof has no checkpoint")
    need(len(lines) > 2 and lines[0] == "c2sp.org/tlog-proof@v1" and lines[1].startswith("extra ") and lines[2].startswith("index "), "the proof is of another form")
    need(lines[2][6:].isascii() and lines[2][6:].isdigit() and str(int(lines[2][6:])) == lines[2][6:], "the proof's index is no number")
    shown, index, c = unbase64(lines[1][6:]), int(lines[2][6:]), signed_note(note)
    need(shown.startswith(entry) and len(shown) == len(label("entry")) + 1 + 3 * 32 + 4 + 32, "the proof is of another telegram, or of another release or number of this one")
    need(c.origin == "chancery/register/" + directory.posts[post].one("route"), "the checkpoint is another register's")
    leaf = sha256(b"\0", shown)
    need(included(leaf, index, c.size, [unbase64(x) for x in lines[3:]]) == c.root, "the register's checkpoint does not have this entry")
    c.cosigned(c.origin, directory.posts[post].key("register"), "the register's checkpoint")
    print("entry %d of %d in the register of %s: %s" % (index, c.size, post, leaf.hex()))
    others = {"chancery/register/" + p.one("route"): p for p in directory.posts.values() if p.name != post}
    for name, at in c.held({name: p.key("register") for name, p in others.items()}).items():
        print("witnessed by %s at %s" % (others[name].name, date(at)))
    return c


def check(folder):
    def file(name):
        return read_file(folder, name)
    directory = Directory(file("directory.txt"), file("fingerprint").strip())
    at, signed = directory.verify()
    print("directory: %d statements and %d in the tail, signed by %d root officers at %s, fingerprint %s" % (
        directory.signed, len(directory.statements) - directory.signed, signed, date(at), directory.fingerprint))

    envelopes = open_envelopes(file("letter.txt"), directory)
    sender, to = envelopes[0].sender, envelopes[0].to
    need(all(x.sender == sender for x in envelopes), "the sections came from several posts")
    sections, following = [], {}
    for x in envelopes:
        if x.payload[:1] == b"\0":
            following.update(late(x.payload, sender, to))
        else:
            sections.append((x, Section(x.payload, x.framed)))
    need(sections, "there is no section")
    precedence = sections[0][0].precedence
    need(all(x.precedence == precedence for x, _ in sections), "the sections came at several precedences")
    for x, s in sorted(sections, key=lambda pair: pair[1].i):
        print("%s: %s to %s, by %d statements of the directory" % ("frame" if x.framed else "letter", sender, to, x.size))
        print("section %d of %d: circuit %d, special number %d, lane %d, serial %d" % (s.i, s.n, s.circuit, s.special, s.lane, s.serial))
    reg, serial = joined([s for _, s in sections]), sections[0][1].serial
    if reg.brief:
        need(serial in following, "it came in the brief form, and the releaser's ML-DSA-44 signature is still to follow")
        reg.release_pq = following[serial]
        print("in the brief form: the releaser's ML-DSA-44 signature has followed")
    draft, root = reg.telegram.roots()
    print("D: " + draft.hex())
    print("R: " + root.hex())
    addressed = reg.telegram.addressed()
    need(to in addressed, "it is not addressed to " + to)
    need(dict(reg.serials)[to] == serial, "it came under another serial than it took")
    need(addressed[to] == precedence, "it came at another precedence than was released")

    c = proven(file("proof.txt"), reg.entry(root), directory, sender)
    people(directory, reg, sender, "%d %s" % (c.size, c.text.split("\n")[2]))
    if os.path.exists(os.path.join(folder, "proof-in.txt")):
        proven(file("proof-in.txt"), reg.entry_in(root), directory, to)
    print("all %d ML-DSA-44 signatures besides the root officers' hold" % answered())


def main():
    if len(sys.argv) > 2 and sys.argv[1] == "record":
        sys.exit(0 if check_records(sys.argv[2:]) else 1)
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        check(sys.argv[1])
    except Wrong as e:
        sys.exit("check.py: %s" % e)
    except UNREADABLE as e:
        sys.exit("check.py: it cannot be read: %s: %s" % (type(e).__name__, e))


if __name__ == "__main__":
    main()
