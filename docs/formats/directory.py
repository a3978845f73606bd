"""The directory, read and judged from directory.md: what may stand in it after what and by whom, and who was entitled to what, when."""

import base64
import re
import time
import unicodedata
from datetime import datetime, timezone

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from signed import Checkpoint, Wrong, both, label, need, sha256, tree, unbase64

MAX_FILE, MAX_LINE, MAX_BLOCK = 64 << 20, 8192, 128
ROLES = ["drafter", "releaser", "administrator", "duty", "alone", "flash", "override"]
GRANTABLE = {"drafter", "releaser", "alone", "flash", "override"}
FLASH, OVERRIDE, MAX_AREA = 4, 5, 64
WAYS = ["card", "card and read back", "in person", "telephone", "document"]
OLDER = "this program is older than the directory"

# Values, each in the one form in which it may be written.


def number(most, least=1):
    def check(v):
        need(re.fullmatch("0|[1-9][0-9]{0,18}", v) and least <= int(v) <= most, "%.40s is no number from %d to %d" % (v, least, most))
    return check


def name(most):
    def check(v):
        need(0 < len(v.encode()) <= most and v == v.strip(" ") and "  " not in v, "%.80s is no name" % v)
        for c in v:
            need(c in " -'’./()&," or unicodedata.category(c) in ("Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd"), "%.80s is no name" % v)
    return check


post_name = name(32)


def address(v):
    office, at, post = v.partition("@")
    need(at, "%.80s is no address" % v)
    name(64)(office)
    post_name(post)


def moment(v):
    """Seconds since 1970."""
    need(re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", v), "%.40s is no time" % v)
    try:
        return int(datetime.strptime(v, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc).timestamp())
    except ValueError:
        raise Wrong("%.40s is no time" % v)


def ref(v):
    person, slash, key = v.partition("/")
    need(slash, "%.40s is no key of a person" % v)
    number(2**32 - 1)(person)
    number(65535)(key)


def hexadecimal(size):
    return lambda v: need(re.fullmatch("[0-9a-f]{%d}" % (2 * size), v), "%.40s has not %d small hexadecimal digits" % (v, 2 * size))


def in_base64(size):
    return lambda v: need(len(unbase64(v)) == size, "what stands in base64 has not %d bytes" % size)


P, D = 2**255 - 19, -121665 * pow(121666, -1, 2**255 - 19) % (2**255 - 19)


def point(b):
    """An Ed25519 key: a point in its canonical encoding, and not of small order (RFC 8032 section 5.1.3)."""
    y, sign = int.from_bytes(b, "little") & (1 << 255) - 1, b[31] >> 7
    need(y < P, "an Ed25519 key is not in its canonical encoding")
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if v * x * x % P == -u % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    need(v * x * x % P == u, "an Ed25519 key is no point of the curve")
    need(x or not sign, "an Ed25519 key is not in its canonical encoding")
    if x & 1 != sign:
        x = -x % P
    for _ in range(3):  # eight times it
        k = D * x * x * y * y
        x, y = 2 * x * y * pow(1 + k, -1, P) % P, (y * y + x * x) * pow(1 - k, -1, P) % P
    need((x, y) != (0, 1), "an Ed25519 key is of small order")


def ed25519_key(v):
    in_base64(32)(v)
    point(unbase64(v))


def x_wing_key(v):
    b = unbase64(v)
    need(len(b) == 1216, "an X-Wing key has 1216 bytes")
    for i in range(0, 1152, 3):  # FIPS 203 section 7.2: every coefficient is below q
        need(b[i] | (b[i + 1] & 15) << 8 < 3329 and b[i + 1] >> 4 | b[i + 2] << 4 < 3329, "an ML-KEM key is not in its one form")
    try:
        X25519PrivateKey.generate().exchange(X25519PublicKey.from_public_bytes(b[1184:]))
    except ValueError:
        raise Wrong("the X25519 half of an X-Wing key is of small order")


def login_key(v):
    """The 32 bytes of a public nkey of a user."""
    need(re.fullmatch("U[A-Z2-7]{55}", v), "the login is no public nkey of a user")
    b = base64.b32decode(v)
    crc = 0
    for x in b[:33]:
        crc ^= x << 8
        for _ in range(8):
            crc = (crc << 1 ^ (0x1021 if crc & 0x8000 else 0)) & 0xFFFF
    need(b[0] == 20 << 3 and int.from_bytes(b[33:], "little") == crc, "the login is no public nkey of a user")
    return b[1:33]


def login(v):
    point(login_key(v))


def role(v):
    need(v in ROLES, "a role %.40s is not known: %s" % (v, OLDER))


def grantable(v):
    role(v)
    need(v in GRANTABLE, "no grant allows to give the role " + v)


def subject(*kinds):
    def check(v):
        kind, _, of = v.partition(" ")
        need(kind in kinds, "%.40s is none of: %s" % (v, ", ".join(kinds)))
        {"person": number(2**32 - 1), "office": address, "post": post_name, "key": ref}[kind](of)
    return check


def why(v):
    need(re.fullmatch("[!-~]([ -~]{0,78}[!-~])?", v), "a reason is 1 to 80 visible ASCII characters")


def way(v):
    need(v in WAYS, "%.40s is no way of checking" % v)


def below(v):
    if v == "0":
        return
    size, _, root = v.partition(" ")
    number(2**63 - 1)(size)
    in_base64(32)(root)


def by(v):
    post, _, n = v.rpartition(" ")
    post_name(post)
    number(2**31 - 1)(n)


def flash(v):
    need(v == "flash", "%.40s is not reserved by this version: %s" % (v, OLDER))


def nothing(v):
    need(v == "", "it stands alone in its line")


def any_value(v):
    pass


# The forms of the statements: each field with its name, how often it stands there at least and at most, and its value.


def one(field, value):
    return field, 1, 1, value


def maybe(field, value, most=1):
    return field, 0, most, value


def key(words=""):
    words += " " if words else ""
    return one(words + "ed25519", ed25519_key), one(words + "ml-dsa-44", in_base64(1312))


def signature(words):
    return one(words + " ed25519", in_base64(64)), one(words + " ml-dsa-44", in_base64(2420))


FORMS = {
    "post": [one("post", post_name), one("route", hexadecimal(3)), *key("identity"), *key("register"), one("login", login), *signature("signed")],
    "period": [one("period", post_name), one("id", hexadecimal(4)), one("x-wing", x_wing_key), one("from", moment), one("until", moment), *signature("signed")],
    "office": [one("office", address)],
    "person": [one("person", number(2**32 - 1)), one("post", post_name), maybe("role", role, 7)],
    "key": [one("key", ref), *key(), maybe("after", ref), maybe("from", moment), *signature("signed"),
            maybe("continued ed25519", in_base64(64)), maybe("continued ml-dsa-44", in_base64(2420))],
    "grant": [one("grant", post_name), one("offices", number(2**31 - 1)), one("people", number(2**31 - 1)), maybe("role", grantable, 5)],
    "roles": [one("roles", number(2**32 - 1)), one("from", moment), maybe("role", role, 7)],
    "holder": [one("holder", address), maybe("person", number(2**32 - 1)), maybe("deputy", number(2**32 - 1), 8)],
    "end": [one("end", subject("person", "office")), one("at", moment), one("why", why)],
    "suspend": [one("suspend", subject("person", "office", "post")), one("at", moment), one("why", why)],
    "restore": [one("restore", subject("person", "office", "post"))],
    "revoke": [one("revoke", ref), one("below", below)],
    "checked": [one("checked", subject("key", "post")), one("how", way), one("at", moment)],
    "reserve": [one("reserve", flash), one("from", moment)],
    "minimize": [one("minimize", nothing), maybe("area", post_name, MAX_AREA), one("from", moment), one("until", moment), one("why", why)],
}


class Statement:
    """One statement, in its one written form: kind, value of its first field, and the values of the others under their names."""

    def __init__(self, lines):
        self.lines, self.at, self.fields, self.by, self.issuers = lines, 0, {}, None, []
        self.kind, _, self.value = lines[0].partition(" ")
        self.what = "the statement " + lines[0]
        need(self.kind == "root" or self.kind in FORMS, "a statement %.40s is not known: %s" % (self.kind, OLDER))
        if self.kind == "root":
            self.read_root()
        else:
            for form in FORMS[self.kind]:
                self.read(*form)
        self.body_ends = self.at
        if self.next("by") or self.next("issued"):
            self.read_issued()
        need(self.at == len(lines), "%s: the line %.60s is not known or does not belong there" % (self.what, lines[min(self.at, len(lines) - 1)]))
        self.agree()

    def next(self, field):
        return self.at < len(self.lines) and (self.lines[self.at] + " ").startswith(field + " ")

    def read(self, field, least, most, value):
        n = 0
        while n < most and self.next(field):
            v = self.lines[self.at][len(field) + 1:]
            need(self.lines[self.at] == (field + " " + v if v else field), "%s: the line %.60s" % (self.what, self.lines[self.at]))
            try:
                value(v)
            except Wrong as e:
                raise Wrong("%s: %s: %s" % (self.what, field, e))
            self.fields.setdefault(field, []).append(v)
            n, self.at = n + 1, self.at + 1
        need(n >= least, "%s: the field %s is missing, or stands in another place" % (self.what, field))

    def read_root(self):
        def empty(v):
            need(v == "", "root stands alone in its line")
        self.read("root", 1, 1, empty)
        self.read("threshold", 1, 1, number(32))
        self.officers, last = {}, 0
        while self.next("officer"):
            n = self.lines[self.at].split(" ")[1]
            number(2**31 - 1)(n)
            need(int(n) > last and len(self.officers) < 32, self.what + ": the officers' numbers rise, and they are at most 32")
            last = int(n)
            for form in key("officer " + n):
                self.read(*form)
            self.officers[n] = self.key("officer " + n)
        need(int(self.one("threshold")) <= len(self.officers), self.what + ": so many officers cannot make the threshold")

    def read_issued(self):
        if self.next("by"):
            self.read("by", 1, 1, by)
            post, _, n = self.one("by").rpartition(" ")
            self.by = post, int(n)
        self.issue_ends = self.at
        while self.next("issued"):
            who = self.lines[self.at].split(" ")[1]
            ref(who)
            need(len(self.issuers) < 2 and who not in self.issuers, self.what + ": two people issue it at most, each once")
            for form in signature("issued " + who):
                self.read(*form)
            self.issuers.append(who)

    def agree(self):
        """What the fields of one statement say together."""
        roles = self.fields.get("role", [])
        need(roles == [r for r in ROLES if r in roles], self.what + ": roles stand in their order")
        if self.kind == "period":
            need(moment(self.one("from")) < moment(self.one("until")), self.what + ": it is valid at no time")
        if self.kind == "key":
            after = self.fields.get("after")
            for field in ("from", "continued ed25519", "continued ml-dsa-44"):
                need((field in self.fields) == bool(after), self.what + ": after, from and continued stand together")
            person, n = self.value.split("/")
            need(not after or after[0] == "%s/%d" % (person, int(n) - 1), self.what + ": it can come after the key before only")
        if self.kind == "minimize":
            area = self.fields.get("area", [])
            need(all(a.encode() < b.encode() for a, b in zip(area, area[1:])), self.what + ": the posts of an area stand by rising name, each once")
            need(0 < moment(self.one("until")) - moment(self.one("from")) <= 30 * 86400, self.what + ": it lasts a second at least, and thirty days at most")
        if self.kind == "holder":
            all_of = self.fields.get("person", []) + self.fields.get("deputy", [])
            need(len(all_of) == len(set(all_of)), self.what + ": each deputy stands there once, and the holder is none")

    @property
    def issued(self):
        return self.by is not None or bool(self.issuers)

    def text(self, until=None):
        """The lines down to the first that begins with until."""
        return self.first(next((i for i, line in enumerate(self.lines) if until and line.startswith(until + " ")), len(self.lines)))

    def first(self, n):
        return "".join(line + "\n" for line in self.lines[:n]).encode()

    def one(self, field):
        need(len(self.fields.get(field, [])) == 1, "%s: one %s is wanted" % (self.what, field))
        return self.fields[field][0]

    def time(self, field):
        return moment(self.one(field))

    def pair(self, words):
        words += " " if words else ""
        return tuple(unbase64(self.one(words + algorithm)) for algorithm in ("ed25519", "ml-dsa-44"))

    def key(self, words=""):
        return self.pair(words)

    def signature(self, words="signed"):
        return self.pair(words)

    def material(self):
        """Every key in it by itself: one stands in one place."""
        if self.kind == "root":
            return [k for pair in self.officers.values() for k in pair]
        if self.kind == "post":
            return [*self.key("identity"), *self.key("register"), login_key(self.one("login"))]
        if self.kind == "period":
            return [unbase64(self.one("x-wing"))[:1184], unbase64(self.one("x-wing"))[1184:]]
        return list(self.key()) if self.kind == "key" else []


# What the statements make of posts, offices and people.


class Post:
    def __init__(self, statement):
        self.statement, self.name = statement, statement.value
        self.offices, self.people, self.letters = [], [], {}
        self.grant, self.issued, self.suspended, self.checked = None, 0, False, None

    def one(self, field):
        return self.statement.one(field)

    def key(self, words):
        return self.statement.key(words)


class Person:
    def __init__(self, statement):
        self.number, self.post = statement.value, statement.one("post")
        self.roles, self.since, self.earlier = set(statement.fields.get("role", [])), None, []
        self.keys, self.ended, self.suspended, self.revoked, self.checked = [], None, False, {}, {}

    def roles_at(self, at):
        """What he might do at a time; None asks what is in force."""
        roles, since, earlier = self.roles, self.since, self.earlier[:]
        while at is not None and since is not None and at < since:
            roles, since = earlier.pop()
        return roles


class Office:
    def __init__(self):
        self.ended, self.suspended, self.person, self.deputies = False, False, None, []


class Directory:
    """A directory that is well formed: its statements agree with each other, and its checkpoint is of this list. Who signed it, verify says."""

    def __init__(self, text, fingerprint=None):
        need(len(text.encode()) <= MAX_FILE, "the directory is longer than any can be")
        self.lines = text.split("\n")
        need(self.lines.pop() == "", "the directory's last line does not end")
        need(all(len(line.encode()) <= MAX_LINE for line in self.lines), "the directory has a line that is longer than any can be")
        self.statements, self.leaves, self.signed = [], [], 0
        self.posts, self.routes, self.offices, self.people, self.keys = {}, {}, {}, {}, {}
        self.material, self.texts = {}, set()
        self.reserved, self.minimized = None, []
        first = self.block()
        need(not first[0].startswith("chancery directory ") or first == ["chancery directory 1"], OLDER)
        need(first == ["chancery directory 1"], "the directory's first line")
        block = self.block()
        while block[0].startswith("salt "):
            self.enter(block, False)
            block = self.block()
        need(self.statements, "the directory has no root")
        self.fingerprint = sha256(self.statements[0].text()).hex()
        need(fingerprint in (None, self.fingerprint), "the directory is not the one of the fingerprint")
        self.read_checkpoint(block)

    def block(self):
        """The next lines, down to an empty one."""
        need("" in self.lines, "the directory ends before its checkpoint does")
        n = self.lines.index("")
        block, self.lines = self.lines[:n], self.lines[n + 1:]
        need(0 < n <= MAX_BLOCK, "the directory has a block of %d lines" % n)
        return block

    def read_checkpoint(self, block):
        end = self.lines.index("") if "" in self.lines else len(self.lines)
        signatures, tail, self.lines = self.lines[:end], self.lines[end:], self.lines[end + 1:]
        need(len(signatures) <= 128, "the directory has more than 128 signature lines")
        self.checkpoint = Checkpoint(block, signatures)
        need(self.checkpoint.origin == "chancery/directory/" + self.fingerprint[:16], "the directory's checkpoint has another origin")
        need(self.checkpoint.size == len(self.leaves) and self.checkpoint.root == tree(self.leaves), "the directory's checkpoint is of another list")
        self.signed = len(self.leaves)
        need(not tail or self.lines, "the directory has an empty line and no tail")
        while self.lines:
            block = self.block()
            need(block[0].startswith("salt "), "behind the directory's signatures stands what is no statement with its salt")
            self.enter(block, True)

    def enter(self, block, tail):
        salt = unbase64(block[0][5:])
        need(len(salt) == 32, "a salt has 32 bytes")
        need(len(block) > 1, "a salt without a statement")
        s = Statement(block[1:])
        need((s.kind == "root") == (not self.statements), "a root is the first statement, and no other")
        self.allow(s, tail)
        for k in s.material():
            need(k not in self.material, "%s: a key of it stands in %s already" % (s.what, self.material.get(k)))
            self.material[k] = s.what
        self.index(s)
        if s.issued:
            self.texts.add(s.text())
            if s.by:
                self.posts[s.by[0]].issued += 1
        self.statements.append(s)
        self.leaves.append(sha256(b"\0", sha256(label("statement"), salt, s.text())))

    # Who may state what.

    def allow(self, s, tail):
        if not s.issued:
            need(not tail or s.kind == "period", s.what + " needs the root officers' signatures, or those of people who may issue it")
            return
        need(s.text() not in self.texts, s.what + " stands there already, with the same signatures")
        if s.kind == "suspend":
            need(not s.by, s.what + ": a suspension is not counted")
            if len(s.issuers) == 1:
                self.issuer(s, s.issuers[0], "duty", None, s.time("at"))
            else:
                self.two(s, self.post_of(s.value), s.time("at"))
        elif s.kind == "checked":
            need(not s.by and len(s.issuers) == 1, s.what + ": one person says it, and it is not counted")
            kind, _, of = s.value.partition(" ")
            need(kind != "key" or of.split("/")[0] != s.issuers[0].split("/")[0], s.what + ": nobody checks his own key")
            try:
                self.issuer(s, s.issuers[0], "duty", None, s.time("at"))
            except Wrong:
                self.issuer(s, s.issuers[0], "administrator", None, s.time("at"))
        elif s.kind == "minimize":
            self.allow_minimize(s)
        else:
            need(s.kind in ("office", "person", "key", "roles", "holder", "end"), s.what + " is the root's to state")
            self.allow_counted(s)

    def allow_minimize(self, s):
        """Two people of one post: one of them a duty officer, or both its administrators for that post alone."""
        people = [who.split("/")[0] for who in s.issuers]
        need(not s.by and len(people) == 2 and int(people[0]) < int(people[1]), s.what + ": two people issue it, by rising number, and it is not counted")
        need(people[0] in self.people, "%s: there is no person %s" % (s.what, people[0]))
        post, duty = self.people[people[0]].post, 0
        for who in s.issuers:
            try:
                self.issuer(s, who, "duty", post, s.time("from"))
                duty += 1
            except Wrong:
                self.issuer(s, who, "administrator", post, s.time("from"))
        need(duty or s.fields.get("area") == [post], s.what + ": two administrators issue it for their own post")

    def issuer(self, s, who, role, post, at):
        person = self.people.get(who.split("/")[0])
        self.entitled(who, post or (person.post if person else ""), role, at, s.what)

    def two(self, s, post, at):
        need(len(s.issuers) == 2, "%s: two administrators of %s issue it together" % (s.what, post))
        a, b = (int(who.split("/")[0]) for who in s.issuers)
        need(a < b, s.what + ": the issuers stand by rising number")
        for who in s.issuers:
            self.issuer(s, who, "administrator", post, at)

    def post_of(self, subject):
        kind, _, of = subject.partition(" ")
        if kind == "person":
            return self.people[of].post if of in self.people else ""
        return of.partition("@")[2] if kind == "office" else of

    def allow_counted(self, s):
        need(s.by, s.what + " is counted: it lacks its number")
        name, n = s.by
        post = self.posts.get(name)
        need(post and post.grant, "%s: %s has no grant" % (s.what, name))
        need(n == post.issued + 1, "%s: the next that %s issues is number %d" % (s.what, name, post.issued + 1))
        self.two(s, name, None)
        need(not post.suspended, "%s: the post %s is suspended" % (s.what, name))
        gives = set(s.fields.get("role", [])) - set(post.grant.fields.get("role", []))
        need(not gives, "%s: the grant does not allow the role %s" % (s.what, gives))
        kind, _, of = s.value.partition(" ")
        if s.kind == "office":
            need(self.of_post(s.value, name), s.what + ": it is another post's")
            need(sum(not self.offices[a].ended for a in post.offices) < int(post.grant.one("offices")), s.what + ": the grant allows no more offices")
        elif s.kind == "person":
            need(s.one("post") == name, s.what + ": he is of another post")
            need(sum(self.people[p].ended is None for p in post.people) < int(post.grant.one("people")), s.what + ": the grant allows no more people")
        elif s.kind == "roles":
            self.ordinary(s, name, s.value)
        elif s.kind == "key":
            person, _, n = s.value.partition("/")
            need(n == "1" or "after" in s.fields, s.what + ": a key without continuity is the root's to state")
            self.ordinary(s, name, person)
        elif s.kind == "holder":
            need(self.of_post(s.value, name), s.what + ": it is another post's")
        elif kind == "person":
            self.ordinary(s, name, of)
        else:
            need(self.of_post(of, name), s.what + ": it is another post's")

    def of_post(self, address, post):
        return address.partition("@")[2] == post

    def ordinary(self, s, post, person):
        p = self.people.get(person)
        need(p and p.post == post, "%s: person %s is not of %s" % (s.what, person, post))
        need(p.roles <= GRANTABLE, "%s: person %s is the root's to change" % (s.what, person))

    # What a statement says, if what stands before it allows that.

    def index(self, s):
        getattr(self, "index_" + s.kind)(s)

    def stated(self, s, post):
        need(post in self.posts, "%s: the post %s is not stated before" % (s.what, post))
        return self.posts[post]

    def person(self, s, n):
        """A person who is in force."""
        need(n in self.people and self.people[n].ended is None, "%s: there is no person %s, or no more" % (s.what, n))
        return self.people[n]

    def office(self, s, address):
        need(address in self.offices and not self.offices[address].ended, "%s: there is no office %s, or no more" % (s.what, address))
        return self.offices[address]

    def has_key(self, s, ref):
        person, _, n = ref.partition("/")
        need(person in self.people and int(n) <= len(self.people[person].keys), "%s: there is no key %s" % (s.what, ref))
        return self.people[person]

    def index_root(self, s):
        pass

    def index_post(self, s):
        need(s.value not in self.posts, s.what + ": it is stated already")
        need(s.one("route") not in self.routes, s.what + ": its routing code is another's")
        self.posts[s.value] = Post(s)
        self.routes[s.one("route")] = s.value

    def index_period(self, s):
        letters = self.stated(s, s.value).letters
        need(s.one("id") not in letters, s.what + ": the post has a letter key of that id")
        letters[s.one("id")] = s

    def index_office(self, s):
        self.stated(s, s.value.partition("@")[2]).offices.append(s.value)
        need(s.value not in self.offices, s.what + ": it is stated already")
        self.offices[s.value] = Office()

    def index_person(self, s):
        self.stated(s, s.one("post")).people.append(s.value)
        need(s.value not in self.people, s.what + ": he is stated already")
        self.people[s.value] = Person(s)

    def index_key(self, s):
        n, _, k = s.value.partition("/")
        p = self.person(s, n)
        need(int(k) == len(p.keys) + 1, "%s: the next key of person %s is number %d" % (s.what, n, len(p.keys) + 1))
        need("after" not in s.fields or s.one("after") not in p.revoked, s.what + ": the key before is revoked, and can vouch for no other")
        p.keys.append(s)
        self.keys[s.value] = s

    def index_grant(self, s):
        self.stated(s, s.value).grant = s

    def index_roles(self, s):
        p = self.person(s, s.value)
        need(p.since is None or s.time("from") >= p.since, "%s: he has had his roles since later" % s.what)
        p.earlier.append((p.roles, p.since))
        p.roles, p.since = set(s.fields.get("role", [])), s.time("from")

    def index_holder(self, s):
        o = self.office(s, s.value)
        people = s.fields.get("person", []) + s.fields.get("deputy", [])
        for n in people:
            need(self.person(s, n).post == s.value.partition("@")[2], "%s: person %s is of another post" % (s.what, n))
        o.person, o.deputies = (s.fields.get("person") or [None])[0], s.fields.get("deputy", [])

    def index_end(self, s):
        kind, _, of = s.value.partition(" ")
        if kind == "office":
            o = self.office(s, of)
            o.ended, o.person, o.deputies = True, None, []
            return
        p = self.person(s, of)
        p.ended = s.time("at")
        for a in self.posts[p.post].offices:
            o = self.offices[a]
            o.person, o.deputies = None if o.person == of else o.person, [d for d in o.deputies if d != of]

    def concerned(self, s):
        kind, _, of = s.value.partition(" ")
        x = {"person": self.people, "office": self.offices, "post": self.posts}[kind].get(of)
        need(x, "%s: there is no %s" % (s.what, s.value))
        return x

    def index_suspend(self, s):
        self.concerned(s).suspended = True

    def index_restore(self, s):
        x = self.concerned(s)
        need(x.suspended, s.what + ": it is not suspended")
        x.suspended = False

    def index_revoke(self, s):
        p = self.has_key(s, s.value)
        size = int(s.one("below").split(" ")[0])
        need(s.value not in p.revoked or size < int(p.revoked[s.value].split(" ")[0]), s.what + ": it is revoked already, below that or less")
        p.revoked[s.value] = s.one("below")

    def index_checked(self, s):
        kind, _, of = s.value.partition(" ")
        if kind == "post":
            self.stated(s, of).checked = s
        else:
            self.has_key(s, of).checked[of] = s

    def index_reserve(self, s):
        need(self.reserved is None, s.what + ": it is stated once")
        self.reserved = s.time("from")

    def index_minimize(self, s):
        for post in s.fields.get("area", []):
            self.stated(s, post)
        self.minimized.append(s)

    # Judging.

    def may_release_at(self, precedence, ref, post, at, what):
        """Who released at flash or override had the role for it, where that was reserved."""
        if precedence < FLASH or self.reserved is None or at < self.reserved:
            return
        roles = self.people[ref.split("/")[0]].roles_at(at)
        need("override" in roles or precedence == FLASH and "flash" in roles, "%s: person %s had not the role to release at this precedence" % (what, ref.split("/")[0]))

    def in_force(self, at):
        """The orders to minimize that are in force at a time, each area once: its posts."""
        counts = {}
        for s in self.minimized:
            if s.time("from") <= at:
                area, when = tuple(s.fields.get("area", [])), (s.time("from"), s.time("until"))
                counts[area] = max(counts.get(area, when), when)
        return sorted(area for area, (_, until) in counts.items() if at < until)

    def entitled(self, ref, post, role, at=None, what="the telegram", shown=None):
        """The key of a person of the post who may act in a role, or was at a time; None asks what is in force. shown is a register's checkpoint,
        size and root, in which what the key signed was shown to stand: below a revocation's it stands."""
        n, _, k = ref.partition("/")
        need(n in self.people, "%s: the directory has no person %s" % (what, n))
        p = self.people[n]
        need(p.post == post, "%s: person %s is not of %s" % (what, n, post))
        need(p.ended is None or at is not None and at < p.ended, "%s: person %s was no more of %s" % (what, n, post))
        need(not p.suspended, "%s: person %s is suspended" % (what, n))
        need(int(k) in range(1, len(p.keys) + 1), "%s: the directory has no key %s" % (what, ref))
        if ref in p.revoked:
            need(shown is not None and p.revoked[ref] == shown, "%s: the key %s is revoked, and nothing shows that this lies below entry %s" % (what, ref, p.revoked[ref].split(" ")[0]))
        if int(k) < len(p.keys):
            after = p.keys[int(k)]
            need("after" in after.fields and at is not None and at < after.time("from"), "%s: key %s was replaced" % (what, ref))
        need(role in p.roles_at(at), "%s: person %s had not the role %s" % (what, n, role))
        return p.keys[int(k) - 1].key()

    def doubtful(self, ref):
        """A key that took the place of one that did not sign for it, and that nobody has checked since."""
        n, _, k = ref.partition("/")
        return k != "1" and "after" not in self.keys[ref].fields and ref not in self.people[n].checked

    def root_at(self, size):
        need(0 < size <= self.signed, "the letter names a directory of %d statements, and this has %d signed" % (size, self.signed))
        return tree(self.leaves[:size])

    # Signatures.

    def verify(self, now=None):
        """When so many root officers as it takes had signed the list, and how many have; the signatures inside it are asked for too. now is the reader's clock."""
        now = time.time() if now is None else now
        root = self.statements[0]
        signed = Checkpoint(self.checkpoint.text.split("\n")[:3], [])
        signed.signatures = [(who, s) for who, s in self.checkpoint.signatures if int.from_bytes(s[4:12], "big") <= now + 86400]
        times = sorted(signed.held({"root-" + n: pair for n, pair in root.officers.items()}).values(), reverse=True)
        threshold = int(root.one("threshold"))
        need(len(times) >= threshold, "%d of the root officers have signed the directory, it takes %d" % (len(times), threshold))
        self.vouch()
        return times[threshold - 1], len(times)

    def vouch(self):
        """Every key was there when it was stated, and every issuer has signed."""
        for s in self.statements:
            if s.kind == "post":
                both(s.key("identity"), s.signature(), "key", s.text("signed"), s.what)
            elif s.kind == "period":
                both(self.posts[s.value].key("identity"), s.signature(), "period", s.text("signed"), s.what)
            elif s.kind == "key":
                both(s.key(), s.signature(), "key", s.text("signed"), s.what)
                if "after" in s.fields:
                    both(self.keys[s.one("after")].key(), s.signature("continued"), "key", s.text("signed"), s.what)
            for who in s.issuers:
                both(self.keys[who].key(), s.signature("issued " + who), "issue", bytes.fromhex(self.fingerprint) + s.first(s.issue_ends), s.what)
