"""A disclosure, read and checked from disclosure.md: what is shown of a telegram, and what it proves."""

import json
import os
import re
import struct
import unicodedata
from datetime import datetime, timezone

from attachment import Attachment, lower
from directory import Directory
from signed import Reader, Wrong, answered, both, included, label, need, questions, sha256, signed_note, unbase64
from telegram import line, unseen, words

TEXTS = (3, 15, 16, 18, 0x40, 0x41, 0x42, 0x43, 0x44)  # kinds whose values are written as text
HEAD = b"\x01\x02\x03\x04\x05\x06*\x07*\x08\x09\\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11{0,64}\x12{0,8}\x13?\x14?\x15?\x16?"
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
        need(kinds.count(6) or kinds.count(21), "no telegram but a readdressal is without action addressees")
        need(not kinds.count(21) or kinds.count(17), "it passes on a telegram and cites none")
        self.fields, kinds_acted, on_one = {}, set(), set()
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
            elif kind in (9, 14, 20, 22):
                need(len(value) == 1 and value[0] <= {9: 2, 14: 3, 20: 1, 22: 1}[kind] and (kind < 20 or value[0] == 1), "field %d has an unknown value" % kind)
            elif kind == 21:
                raise Wrong("the head and the seed of the telegram that is passed on are shown")
            elif kind in (10, 19, 11, 12, 13):
                need(len(value) == 8 or kind == 10 and not value, "field %d is no time" % kind)
            elif kind in (15, 16):
                record_line(value.decode(), 1024, "field %d" % kind)
            elif kind == 17:
                act, _, serial, post = r.number(1), r.number(2), r.number(4), r.short()
                self.name(post, 32)
                need(act <= 11 and serial & 0x3FFFFFFF and len(r.b) in (0, 32) and r.b != bytes(32), "a reference is of another form")
                need(act < 8 or r.b, "what is cancelled, corrected, readdressed or repeated is not named by its R")
                on_one.update([(act, post, r.b)] if act >= 8 else [])
                kinds_acted.update([serial & 0xC0000000] if act else [])
            elif kind == 18:
                need(re.fullmatch(b"[A-Z0-9]{3,8}", value), "a subject code is of another form")
        need(len(on_one) <= 1, "it acts on two telegrams")
        passes = [act == 10 for act, _, _ in on_one] or [not self.complete(17) and kinds.count(21) > 0]
        need(passes[0] == (kinds.count(21) > 0), "it passes on a telegram that it does not cite, or none that it cites")
        offices = [v[1:] for kind in (6, 7) for v in self.fields.get(kind, [])]
        codes = self.fields.get(18, [])
        need(len(set(offices)) == len(offices) and len(set(codes)) == len(codes), "an office or a subject code stands twice")
        if 9 in self.fields:
            kinds_acted.add((0, 1 << 31, 1 << 30)[self.fields[9][0][0]])
        need(len(kinds_acted) <= 1, "it acts on a telegram of another type")
        if 12 in self.fields and 13 in self.fields:
            need(0 <= self.time(13) - self.time(12) <= 30 * 86400, "the time to register is not within 30 days of the release")

    def name(self, text, most):
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
        attached = kinds.count(0x45)
        need(attached <= 16 and not kinds[:len(kinds) - attached].count(0x45), "attachments stand behind the text, at most 16")
        for kind in kinds[:len(kinds) - attached]:
            need(kind in (0x40, 0x41, 0x42, 0x43, 0x44, 0x46), "the text has a leaf of unknown kind")
            need(kind != 0x40 or text, "a word stands in no paragraph")
            need(kind != 0x46 or text or before == 0x43, "an insertion stands in no paragraph and behind no signature")
            depth += {0x42: 1, 0x43: -1}.get(kind, 0)
            need(0 <= depth <= 4, "what is conveyed begins and ends otherwise")
            text = kind == 0x41 or text and kind not in (0x42, 0x43)
            before = kind
        need(depth == 0, "what is conveyed does not end")
        shown = [Attachment(value, unseen, line) for _, kind, _, value in self.body.shown() if kind == 0x45]
        need(len({lower(a.name) for a in shown}) == len({a.secret for a in shown}) == len(shown), "two attachments have one name or one secret")
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
            elif kind == 0x45:
                continue
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


UNREADABLE = (OSError, KeyError, ValueError, UnicodeDecodeError, IndexError, OverflowError, struct.error)


def check_records(paths):
    """Whether all of them hold. A directory is checked once."""
    directories, whole = {}, True
    for path in paths:
        folder, record = (path, "record.json") if os.path.isdir(path) else os.path.split(path)
        try:
            if folder not in directories:
                fingerprint = read_file(folder, "fingerprint").strip()
                directories[folder] = Directory(read_file(folder, "directory.txt"), fingerprint)
                directories[folder].verify()
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
    ref = releaser = entry = None
    if d.released:
        need(4 in d.fields, "the releaser is withheld, and his signatures are shown")
        ref = "%d/%d" % struct.unpack(">IH", d.fields[4][0])
        need(ref in directory.keys, "the directory has no key " + ref)
        releaser = directory.people[ref.split("/")[0]].post
        need(d.sender() in (None, {releaser}), "it was released at another post than sent it")
        both(directory.keys[ref].key(), d.released, "release", d.root, "the release")
        print("released by %s of %s" % (ref, releaser))
    if d.registered:
        entry, origin = record_entered(d.registered, directory)
        kind = d.check_entry(entry[0])
        if kind == 1:
            need(d.sender() in (None, {origin}) and releaser in (None, origin), "another post has entered it as sent than sent it")
        else:
            need(d.addressed() is None or origin in d.addressed(), "a post has entered it as received that is not addressed")
        print("entered by %s as %s, entry %d of %d" % ((origin, {1: "sent"}.get(kind, "received")) + entry[1:]))
    if releaser:
        record_entitled(d, directory, ref, releaser, entry[1] if entry and kind == 1 else None)
    answered()


def record_entitled(d, directory, ref, post, place):
    """The releaser might release when he did, as far as that is shown. place is that of the entry in his own post's register, if it is shown there."""
    person, at = directory.people[ref.split("/")[0]], d.time(12) if 12 in d.fields else None
    need(not person.suspended, "its releaser: person %s is suspended" % person.number)
    if ref in person.revoked:
        need(place is not None and place < int(person.revoked[ref].split(" ")[0]), "its releaser: the key %s is revoked, and nothing shows that it was entered before" % ref)
    elif at is not None:
        directory.entitled(ref, post, "releaser", at, "its releaser")
    if 5 in d.fields and d.fields[5][0][:4] == d.fields[4][0][:4] and at is not None:
        directory.entitled(ref, post, "alone", at, "its releaser is its drafter")


def record_entered(text, directory):
    """The entry that a proof of a register proves, its place and the register's size; and whose register it is."""
    head, found, signed = text.partition("\n\n")
    lines = head.split("\n")
    need(found and len(lines) > 2 and lines[0] == "c2sp.org/tlog-proof@v1" and lines[1].startswith("extra ") and re.fullmatch("index (0|[1-9][0-9]*)", lines[2]), "the proof is of another form")
    entry, index, c = unbase64(lines[1][6:]), int(lines[2][6:]), signed_note(signed)
    whose = [name for name, s in directory.posts.items() if c.origin == "chancery/register/" + s.one("route")]
    need(len(whose) == 1, "the directory has no post of this register")
    need(included(sha256(b"\0", entry), index, c.size, [unbase64(x) for x in lines[3:]]) == c.root, "the register's checkpoint does not have this entry")
    c.cosigned(c.origin, directory.posts[whose[0]].key("register"), "the register's checkpoint")
    return (entry, index, c.size), whose[0]
