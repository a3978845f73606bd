#!/usr/bin/env python3
"""Reads a telegram in the form of a mail, as docs/formats/mail.md has it, with Python's standard library alone.

    python3 mail.py FILE…            prints what the telegrams say, as a list in JSON
    python3 mail.py --again FILE…    writes each mail again, as Python's email package does, into FILE.again

It was written from that page. It reads what Chancery writes and judges nothing: a test holds what it says against what Chancery meant.
"""

import base64
import datetime
import json
import re
import sys
import urllib.parse
import xml.etree.ElementTree as ET
from email import message_from_bytes, message_from_string
from email.policy import SMTPUTF8

SPACE = "{https://chancery.example/label/1}"
TYPES = {0: "exercise", 1: "operation", 3: "drill"}
PRECEDENCES = ["deferred", "routine", "priority", "immediate", "flash", "override"]


def post_of(domain):
    return urllib.parse.unquote(domain.replace("_", " "))


def letters(s):
    """What the package reads from bytes it gives, in parts of addresses, as bytes that are escaped."""
    return s.encode("utf-8", "surrogateescape").decode("utf-8")


def address(a):
    return letters(a.username) + "@" + post_of(letters(a.domain))


def addresses(msg, name):
    return [address(a) for a in msg[name].addresses] if name in msg else []


def items(msg, name, mark=","):
    return [i.strip() for i in msg[name].split(mark)] if name in msg else []


def numbered(value):
    """The number in  4 (flash) ."""
    return int(value.split("(")[0])


def instant(msg, name):
    if name not in msg:
        return 0
    at = datetime.datetime.strptime(msg[name], "%Y-%m-%dT%H:%M:%S%z")
    return int(at.timestamp())


def with_precedences(msg, field, primary):
    if field not in msg:
        return []
    own = {}
    for item in re.findall(r"<((?:\"[^\"]*\"|[^>\"])*)>\s*(\w+)", msg.get("Chancery-Precedences", "")):
        local, domain = item[0].rsplit("@", 1)
        own[local.strip('"') + "@" + post_of(domain)] = item[1]
    common = PRECEDENCES[numbered(msg[primary])]
    return [[a, own.get(a, common)] for a in addresses(msg, field)]


def label(msg):
    if "SIO-Label" not in msg:
        return {}
    pieces = {}
    for name, value in re.findall(r"([\w*]+)=(\"(?:[^\"\\]|\\.)*\"|[^;\s]+)", msg["SIO-Label"]):
        if value.startswith('"'):
            value = re.sub(r"\\(.)", r"\1", value[1:-1])
        base, _, number = name.partition("*")
        if number.endswith("*"):
            value = urllib.parse.unquote_to_bytes(value).decode("latin-1")
        pieces.setdefault(base, []).append(value)
    whole = {}
    for base, values in pieces.items():
        value = "".join(values)
        if value.startswith("utf-8''"):
            value = value[7:].encode("latin-1").decode("utf-8")
        whole[base] = value
    out = {"marking": whole.get("marking", ""), "caveats": []}
    for e in ET.fromstring(base64.b64decode(whole["label"])):
        name = e.tag.removeprefix(SPACE)
        if name == "Caveat":
            out["caveats"].append(e.text)
        else:
            out[name.lower()] = e.text
    return out


def somebody(msg, name):
    """The name of an empty group, who has no address."""
    if name not in msg:
        return ""
    (group,) = msg[name].groups
    assert not group.addresses
    return letters(group.display_name)


def directive(line):
    """A line in square brackets as [kind, value]; None for a line of text."""
    if not (line.startswith("[") and line.endswith("]")):
        return None
    for word in ("convey to", "end", "blank", "supplied", "gloss", "sic"):
        if line[1:].startswith(word + " ") or line == "[" + word + "]" and word in ("convey to", "end", "blank"):
            return [word, line[1 + len(word):-1].strip()]
    return None


def text_blocks(text):
    blocks, lines, state = [], [], {"begun": False, "more": False}

    def end():
        whole = "\n".join(lines).strip(" \t\n")
        if whole:
            blocks.append(["more" if state["more"] else "paragraph", whole])
            state.update(begun=True, more=False)
        lines.clear()

    for line in text.split("\n"):
        bare = line.strip()
        if not bare:
            end()
            state["more"] = False
        elif (d := directive(bare)) is not None:
            end()
            blocks.append(d)
            state["more"] = state["begun"]
        else:
            lines.append(line.removeprefix("\\"))
    end()
    return blocks


def body(msg, signature):
    parts = list(msg.iter_parts()) if msg.is_multipart() else [msg]
    blocks = []
    for i, part in enumerate(parts):
        if part.get_content_type() == "message/rfc822":
            inner = part.get_content()
            name = somebody(inner, "From")
            blocks.append(["convey to", somebody(inner, "To")])
            blocks += body(inner, name)
            blocks.append(["end", name])
            continue
        text = part.get_content().replace("\r\n", "\n")
        if signature and i == len(parts) - 1:
            under = "-- \n" + signature + "\n"
            assert text.endswith(under), (text, under)
            text = text[:-len(under)]
        blocks += text_blocks(text)
    return blocks


def references(msg):
    out = []
    for item in items(msg, "Chancery-References"):
        act, post, number, *root = item.split()
        out.append([act, post_of(post), number, root[0] if root else ""])
    return out


def telegram(msg):
    return {
        "fields": [[name, str(value)] for name, value in msg.items()],
        "date": int(msg["Date"].datetime.timestamp()),
        "from": addresses(msg, "From")[0],
        "to": with_precedences(msg, "To", "MMHS-Primary-Precedence"),
        "info": with_precedences(msg, "Cc", "MMHS-Copy-Precedence"),
        "subject": msg.get("Subject", ""),
        "label": label(msg),
        "caveats": items(msg, "MMHS-Message-Instructions", ";"),
        "type": TYPES[numbered(msg["MMHS-Message-Type"])],
        "deadline": instant(msg, "Chancery-Deadline"),
        "deskby": instant(msg, "Chancery-Deskby"),
        "registered": instant(msg, "Chancery-Registered"),
        "urgency": msg.get("Chancery-Urgency", ""),
        "asks": items(msg, "Chancery-Ask"),
        "codes": items(msg, "MMHS-Subject-Indicator-Codes", ";"),
        "references": references(msg),
        "ids": [msg.get(n, "").split() for n in ("Message-ID", "In-Reply-To", "References")],
        "signature": msg.get("Chancery-Signature", ""),
        "drafter": msg.get("Chancery-Drafter", ""),
        "releaser": msg.get("Chancery-Releaser", ""),
        "register": msg.get("MMHS-Originator-Reference", ""),
        "serials": items(msg, "Chancery-Serials"),
        "specials": items(msg, "Chancery-Special-Numbers"),
        "root": msg.get("Chancery-R", ""),
        "body": body(msg, msg.get("Chancery-Signature", "")),
    }


def main(args):
    again = args[:1] == ["--again"]
    out = []
    for name in args[again:]:
        with open(name, "rb") as f:
            mail = f.read()
        if again:
            # From text and not from bytes: there the package cannot fold a long line of other letters than ASCII.
            msg = message_from_string(mail.decode(), policy=SMTPUTF8.clone(refold_source="all"))
            with open(name + ".again", "wb") as f:
                f.write(msg.as_string().encode())
        else:
            out.append(telegram(message_from_bytes(mail, policy=SMTPUTF8)))
    if not again:
        json.dump(out, sys.stdout, ensure_ascii=False, indent=1)


if __name__ == "__main__":
    main(sys.argv[1:])
