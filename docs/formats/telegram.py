"""The telegram, read in its one written form from telegram.md; its roots from release.md, its entry from register.md."""

import struct
from datetime import datetime, timezone

from attachment import MOST, Attachment, lower
from directory import address, post_name
from signed import Reader, label, mac, need, sha256, tree

MAX_TEXT, MAX_BLOCKS, MAX_BLANKS, MAX_LINE, MAX_DEPTH = 1 << 20, 1 << 16, 1 << 16, 1024, 4
MAX_ADDRESSEES, MAX_REFERENCES, MAX_CAVEATS, MAX_CODES = 256, 64, 32, 8
MAX_SECTIONS, MAX_PIECES, THIRTY_DAYS = 1 << 16, 2 * (1 << 20) + (1 << 16), 30 * 86400
CANCELS, READDRESSES, REPEATS, MAX_ORIGINAL = 8, 10, 11, 128 << 10
MORE, PARAGRAPH, CONVEY, END, BLANK, ATTACHMENT, INSERTION = 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46


def date(seconds):
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M:%SZ")


# Texts and words.


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


def refused(c):
    r = ord(c)
    return r < 0x20 and c not in "\t\n" or 0x7F <= r < 0xA0 or 0x202A <= r <= 0x202E or 0x2066 <= r <= 0x2069 or unseen(c)


def unseen(c):
    r = ord(c)
    return (r in (0xAD, 0x200B, 0x2028, 0x2029, 0xFEFF)
            or 0x2060 <= r <= 0x2065 or 0x206A <= r <= 0x206F or 0xFFF9 <= r <= 0xFFFB or 0xFDD0 <= r <= 0xFDEF or r & 0xFFFE == 0xFFFE or 0xE0000 <= r <= 0xE0FFF)


def text(b, what):
    s = b.decode()
    need(not any(map(refused, s)), "%s: it has a character that no text may have" % what)
    return s


def line(b, most, what):
    need(len(b) <= most, "%s: %d bytes, at most %d are possible" % (what, len(b), most))
    s = text(b, what)
    need("\n" not in s and "\t" not in s, what + ": it must stand on one line")
    return s


def series(kind, n):
    """A number is of the series of its type: see telegram.md, What travels."""
    return n >> 30 == (0, 2, 1)[kind] and n & (1 << 30) - 1 > 0


def leb128(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


# Trees: release.md.


def salted(seed, leaves):
    return tree([sha256(b"\0", mac(seed, label("salt"), struct.pack(">I", i)), struct.pack(">IBI", i, kind, len(value)), value)
                 for i, (kind, value) in enumerate(leaves)])


class Telegram:
    """A telegram. What stands in field 21 of another is bare: it has no blocks, and deep says how far within others."""

    def __init__(self, b, deep=0):
        self.written, self.inner = b, None
        r = Reader(b, "the telegram")
        need(r.number(1) == 1, "the telegram is of an unknown version")
        self.seed, self.fields, self.body, self.attached = r.take(32), [], [], []
        need(any(self.seed), "the telegram has no seed")
        while r.b:
            kind = r.number(1)
            value = r.take(r.leb128())
            need(kind in range(2, 23) or kind in (MORE, PARAGRAPH, CONVEY, END, BLANK, ATTACHMENT, INSERTION), "the telegram has a part of unknown kind %#x" % kind)
            if kind <= 22:
                need(not self.body and not self.attached and (not self.fields or kind >= self.fields[-1][0]), "the telegram's fields are out of order")
                self.fields.append((kind, value))
            elif kind == ATTACHMENT:
                self.attached.append(value)
            else:
                need(not self.attached, "attachments stand behind the text")
                self.body.append((kind, value))
        self.check_fields()
        self.check_on_one(deep)
        self.check_body()
        self.attachments = [Attachment(v, unseen, line) for v in self.attached]
        names, secrets = {lower(a.name) for a in self.attachments}, {a.secret for a in self.attachments}
        need(len(names) == len(secrets) == len(self.attached) <= MOST, "two attachments have one name or one secret, or there are too many")
        if self.inner and not deep:
            self.readdressed()

    def all(self, kind):
        return [v for k, v in self.fields if k == kind]

    def get(self, kind):
        values = self.all(kind)
        need(len(values) == 1, "the telegram has %d fields %d" % (len(values), kind))
        return values[0]

    def byte(self, kind, most):
        v = self.get(kind)
        need(len(v) == 1 and v[0] <= most, "the telegram's field %d" % kind)
        return v[0]

    def time(self, kind, empty=True):
        """A time, or None. The first second of 1970 is the way to write nothing, and so is not written."""
        v = self.get(kind)
        need(len(v) == 8 and (any(v) or not empty) or empty and not v, "the telegram's field %d is no time" % kind)
        return struct.unpack(">q", v)[0] if v else None

    def key(self, kind):
        v = self.get(kind)
        need(len(v) == 6 and any(v[:4]) and any(v[4:]), "the telegram's field %d names no key" % kind)
        return "%d/%d" % struct.unpack(">IH", v)

    def check_fields(self):
        need(self.get(2) == b"\x01", "the telegram is of an unknown suite")
        address(self.get(3).decode())
        if self.get(4):
            self.key(4)
        self.key(5)
        seen = self.all(6) + self.all(7)
        need((self.all(6) or self.all(7) and self.all(21)) and len(seen) <= MAX_ADDRESSEES, "the telegram has no action addressee, or too many addressees")
        for a in seen:
            need(len(a) > 1 and a[0] <= 5, "an addressee without a precedence that is known")
            address(a[1:].decode())
        need(len({a[1:] for a in seen}) == len(seen), "the telegram addresses an office twice")
        self.check_label(Reader(self.get(8), "the label"))
        self.type = self.byte(9, 2)
        self.time(10)
        self.dtg = self.time(11, empty=False)
        self.released, self.register_by = self.time(12), self.time(13)
        need((self.get(4) == b"") == (self.released is None) == (self.register_by is None), "of releaser, time of release and register by some are missing")
        need(self.released is None or self.released <= self.register_by <= self.released + THIRTY_DAYS, "a telegram is registered within 30 days of its release")
        self.byte(14, 3)
        line(self.get(15), MAX_LINE, "the subject")
        line(self.get(16), MAX_LINE, "the signature")
        need(len(self.all(17)) <= MAX_REFERENCES, "the telegram has too many references")
        for v in self.all(17):
            self.check_reference(Reader(v, "a reference"))
        codes = self.all(18)
        need(len(codes) <= MAX_CODES and len(set(codes)) == len(codes), "the telegram has too many subject codes, or one twice")
        for c in codes:
            need(3 <= len(c) <= 8 and all(x in b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" for x in c), "a subject code of another form")
        for v in self.all(19):
            need(len(v) == 8 and any(v) and len(self.all(19)) == 1, "the telegram's field 19 is no time")
        for v in self.all(20):
            need(v == b"\x01" and len(self.all(20)) == 1, "the telegram's urgency is unknown")
        for v in self.all(22):
            need(v == b"\x01" and len(self.all(22)) == 1, "the telegram's field 22 is unknown")

    def check_label(self, r):
        for _ in range(2):
            line(r.take(r.number(1)), 255, "the label")
        n = r.number(1)
        need(n <= MAX_CAVEATS, "the label has too many caveats")
        for _ in range(n):
            need(line(r.take(r.number(1)), 255, "the label"), "a caveat is empty")
        if r.b:
            need(r.time() != 0, "the label's time of review")
        r.end()

    def marks(self):
        """Policy, classification and caveats."""
        r = Reader(self.get(8), "the label")
        return r.short(), r.short(), [r.short() for _ in range(r.number(1))]

    def check_reference(self, r):
        act, _, serial = r.number(1), r.number(2), r.number(4)
        post_name(r.short())
        need(act <= REPEATS and serial > 0, "a reference needs a known act and a number")
        need(act == 0 or series(self.type, serial), "an act on a telegram of another type")
        if r.b:
            need(any(r.take(32)), "a reference to an R of zeros")
        r.end()

    def check_on_one(self, deep):
        """What it cancels, corrects, readdresses or repeats is one telegram; one that is readdressed goes along in field 21."""
        self.on = None
        for v in self.all(17):
            r = Reader(v, "a reference")
            act, year, serial, post = r.number(1), r.number(2), r.number(4), r.short()
            if act >= CANCELS:
                need(r.b, "what is cancelled, corrected, readdressed or repeated is named by its R")
                need(self.on in (None, (act, post, r.b)), "it acts on two telegrams")
                self.on = act, post, r.b
        originals = self.all(21)
        need(len(originals) == (1 if self.on and self.on[0] == READDRESSES else 0), "what is readdressed goes along, and only then")
        for v in originals:
            need(len(v) <= MAX_ORIGINAL and deep < MAX_DEPTH, "what is readdressed is too large, or stands too deep")
            r = Reader(v, "what is readdressed")
            self.inner = Telegram(r.take(r.number(4)), deep + 1)
            self.inner_signatures = r.take(64), r.take(64), r.take(2420)
            r.end()

    def first_addressee(self):
        return (self.all(6) + self.all(7))[0][1:]

    def readdressed(self):
        """The telegram that this one passes on, whole: its head from field 21, its text the last message of this one."""
        head = self.inner
        need(head.released is not None and not head.body, "only what was released is readdressed, and its text stands in the text")
        need(self.body and self.body[-1] == (END, head.get(16)), "the text of a readdressal ends with the telegram that it passes on, under its signature")
        begin, depth = len(self.body), 0
        while True:
            begin -= 1
            need(begin >= 0, "what is passed on does not begin")
            depth += {END: 1, CONVEY: -1}.get(self.body[begin][0], 0)
            if depth == 0:
                break
        need(self.body[begin] == (CONVEY, head.first_addressee()), "what is passed on is no message to its first addressee")
        return Telegram(head.written + b"".join(bytes([kind]) + leb128(len(v)) + v for kind, v in self.body[begin + 1:-1]))

    def check_body(self):
        need(len(self.body) <= MAX_BLOCKS and sum(len(v) for _, v in self.body) <= MAX_TEXT, "the text is longer than any may be")
        depth, blanks, going, before = 0, 0, False, None
        for kind, v in self.body:
            if kind in (PARAGRAPH, MORE):
                s = text(v, "the text")
                need(s and s.strip(" \t\n") == s, "a paragraph is empty, or has a space at its end")
                need(kind == PARAGRAPH or going and before and before[0] in (BLANK, INSERTION), "a paragraph goes on only after a blank or an insertion")
                going = True
            elif kind in (CONVEY, END):
                going, depth = False, depth + (1 if kind == CONVEY else -1)
                need(0 <= depth <= MAX_DEPTH, "what is conveyed begins and ends, at most four deep")
                line(v, MAX_LINE, "what is conveyed")
            elif kind == BLANK:
                need(len(v) == 1 and v[0] > 0, "a blank says how long it is, from 1 to 255")
                need(not before or before[0] != BLANK or before[1] == b"\xff", "of blanks in a row all but the last are full")
                blanks += v[0]
                need(blanks <= MAX_BLANKS, "the text has more blanks than any may have")
            else:
                need(going or before and before[0] == END, "an insertion stands within a paragraph, or behind a signature")
                need(len(v) > 1 and 1 <= v[0] <= 3, "an insertion says of which kind it is, and something")
                line(v[1:], MAX_LINE, "an insertion")
            before = kind, v
        need(depth == 0, "what is conveyed does not end")

    def leaves(self):
        out = []
        for kind, value in self.body:
            if kind in (MORE, PARAGRAPH):
                for w in words(value.decode()):
                    out.append((kind, w.encode()))
                    kind = MORE
            elif kind == BLANK:
                out += [(kind, b"")] * value[0]
            else:
                out.append((kind, value))
        return out + [(ATTACHMENT, v) for v in self.attached]

    def roots(self):
        """D and R."""
        body = self.leaves()
        form = bytes([1] + [k for k, _ in self.fields] + [k for k, _ in body])
        b = salted(mac(self.seed, label("body")), body)

        def root(fields):
            h = salted(mac(self.seed, label("head")), [(1, form)] + fields)
            return sha256(label("root"), b"\x01", struct.pack(">I", len(fields) + 1), h, struct.pack(">I", len(body)), b)
        return root([(k, b"" if k in (4, 12, 13) else v) for k, v in self.fields]), root(self.fields)

    def addressed(self):
        """Posts in the order in which the telegram names them, each with the highest of its precedences."""
        out = {}
        for kind, value in self.fields:
            if kind in (6, 7):
                post = value[1:].decode().partition("@")[2]
                out[post] = max(out.get(post, 0), value[0])
        return out


class Registered:
    """What travels: the telegram, its signatures and its numbers; or, in the brief form of frame.md, all but the releaser's ML-DSA-44 signature."""

    def __init__(self, b, brief=False):
        r = Reader(b, "the registered telegram")
        self.brief = brief
        self.telegram = t = Telegram(r.take(r.uleb() if brief else r.number(4)))
        need(t.released is not None, "it was registered, and nobody released it")
        if brief:
            self.number, self.time = r.uleb(), t.released + r.uleb()
            self.year = datetime.fromtimestamp(self.time, timezone.utc).year
            self.serials = [(post, r.uleb()) for post in t.addressed()]
            self.draft, self.release, self.release_pq = r.take(64), r.take(64), None
        else:
            self.draft, self.release, self.release_pq = r.take(64), r.take(64), r.take(2420)
            self.year, self.number = r.number(2), r.number(4)
            self.serials = [(r.short(), r.number(4)) for _ in range(r.number(1) + 1)]
            self.time = r.time()
        r.end()
        need(all(series(t.type, n) for n in [self.number] + [n for _, n in self.serials]), "it has a number of another series than its type's")
        need([p for p, _ in self.serials] == list(t.addressed()), "it has other serials than addressed posts")
        need(t.released <= self.time <= t.register_by, "it was registered outside the times that were signed")
        need(datetime.fromtimestamp(self.time, timezone.utc).year == self.year, "it took a number of another year")

    def entry(self, root):
        """The sender's entry; while the ML-DSA-44 signature is not here, what a receipt names in its place."""
        seed = mac(mac(self.telegram.seed, label("head")), label("numbers"))
        leaves = [(0x81, struct.pack(">HI", self.year, self.number))]
        leaves += [(0x82, post.encode() + struct.pack(">I", serial)) for post, serial in self.serials]
        leaves += [(0x83, struct.pack(">q", self.time))]
        leaves = [(0x80, bytes([0x80] + [k for k, _ in leaves]))] + leaves
        return self.entry_head(1 if self.release_pq else 11, root, len(leaves)) + salted(seed, leaves)

    def entry_head(self, kind, root, leaves):
        release = sha256(self.release) if kind in (10, 11) else sha256(self.release, self.release_pq)
        return label("entry") + bytes([kind]) + root + release + sha256(self.draft) + struct.pack(">I", leaves)

    def entry_in(self, root):
        """All of the receiver's entry but N, which is made under a seed of his own."""
        return self.entry_head(10 if self.brief else 2, root, 4)


class Section:
    """A piece of a registered telegram, and the numbers under which it came. In a frame they are as short as they can be."""

    def __init__(self, payload, framed=False):
        need(payload[:1] != b"\0", "this is a service message, and no section")
        r = Reader(payload, "the section")
        self.circuit = r.number(1)
        self.special, self.lane, self.serial, self.i, self.n = (r.uleb() if framed else r.number(4) for _ in range(5))
        self.brief, self.circuit = bool(self.circuit & 0x80), self.circuit & 0x7f
        self.piece = r.b
        need(0 < self.circuit <= 126 and self.special and self.lane and self.serial and self.piece, "a section without its numbers, or without a piece")
        need(1 <= self.i <= self.n <= MAX_SECTIONS, "a section %d of %d" % (self.i, self.n))


def joined(sections):
    """The registered telegram of which these are the sections, in any order."""
    n = sections[0].n
    need(all(s.n == n and s.serial == sections[0].serial for s in sections), "the sections do not belong together")
    need(len({s.i for s in sections}) == len(sections), "a section is given twice")
    need(len(sections) == n, "of its %d sections %d are here" % (n, len(sections)))
    whole = b"".join(s.piece for s in sorted(sections, key=lambda s: s.i))
    need(len(whole) <= MAX_PIECES, "the sections make more than any telegram")
    need(all(s.brief == sections[0].brief for s in sections), "some of the sections are of the brief form")
    return Registered(whole, sections[0].brief)


def late(payload, sender, to):
    """The signatures that follow the brief form, by serial: frame.md."""
    r = Reader(payload, "the signatures that follow")
    need(r.take(2) == b"\0\x08", "this is a service message, and neither a section nor signatures that follow")
    need((r.short(), r.short()) == (sender, to), "the signatures that follow are between other posts")
    n = r.number(1)
    need(1 <= n <= 64, "the signatures that follow are none, or too many")
    out = {r.number(4): r.take(2420) for _ in range(n)}
    r.end()
    return out
