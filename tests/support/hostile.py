"""Log lines that strangers wrote to do harm, and a look at pages for what it did.

A stranger's markup begins with `mg-`, so that a parsed page tells on its own whether
any of it became an element or an attribute.
"""

from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import product
from random import Random

from tests.support.logged import STAMP

__all__ = ["MARKS", "Page", "crowd", "mutated", "template_lines"]

MARKS = [
    "<mg-a>",
    '"><mg-b mg-x="1',
    "' mg-onclick='1",
    "</textarea></title></pre></script><mg-c>",
    "<!--mg-d",
    "&lt;mg-e&gt;&#60;mg-f&#62;",
    "<mg-g\x1b[31m\x07\x7f\x85",
    "\u202emg-h\u200b\u2028\ufeff\u0000",
    "\udcffmg-i\udc80\udcfe",
    "{{ mg-j|safe }}{% mg-k %}",
    "javascript:mg-l",
    "mg-m\xa0\xad\U000e0041",
    "fe80::1%<mg-n\udcff",
    "\u0130" * 400 + "mg-o" * 500,
]
SHOWN = frozenset("\n\t\xa0")  # that stands between words of ours
STAMPS = [
    "1970-01-01T00:00:00+00:00",
    "2099-12-31T23:59:59.999999Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59.999999-12:00",
    "2027-02-29T00:00:00Z",
    "2028-02-29T12:00:60+05:45",
    "2026-11-22T11:00:00+99:99",
    "Feb 29 23:59:60",
    "Feb 30 00:00:00",
    "Jan  1 00:00:00",
    "Dec 31 99:99:99",
]
TEMPLATES = [
    "postfix/smtpd[7]: NOQUEUE: reject: RCPT from {}[192.0.2.7]: 504 5.5.2 <{}>: Helo"
    " command rejected: need fully-qualified hostname; from=<{}> to=<{}> proto=ESMTP"
    " helo=<{}>",
    "postfix/smtpd[7]: NOQUEUE: reject_warning: RCPT from {}[{}]: 450 4.1.8 <{}>:"
    " Sender address rejected: Domain not found; from=<{}> to=<{}> proto=ESMTP"
    " helo=<{}>",
    "postfix/smtpd[7]: NOQUEUE: reject: RCPT from {}[192.0.2.9]: 554 5.7.1 Service"
    " unavailable; Client host [192.0.2.9] blocked using {}; {}; from=<{}> to=<{}>"
    " proto=ESMTP helo=<{}>",
    "postfix/smtpd[7]: NOQUEUE: reject: RCPT from {}[192.0.2.8]: 554 5.7.1 <{}>:"
    " Recipient address rejected: {}; from=<{}> to=<b@c.example> proto={} helo=<{}>",
    "postfix/smtpd[7]: NOQUEUE: {}: RCPT from x[192.0.2.7]: 5{} {}: {}; from=<{}>",
    "postfix/smtpd[7]: NOQUEUE: info: RCPT from {}[192.0.2.7]: <{}>: mailguard"
    " reverse={}; from=<{}> to=<{}> proto=ESMTP helo=<{}>",
    "postfix/smtpd[8]: 4F1A2B3C4D: client={}[192.0.2.7], sasl_method={},"
    " sasl_username={}",
    "postfix/cleanup[8]: 4F1A2B3C4D: message-id=<{}>",
    "postfix/qmgr[9]: 4F1A2B3C4D: from=<{}>, size=9, nrcpt=1 (queue active)",
    "postfix/smtp[9]: 4F1A2B3C4D: to=<{}>, orig_to=<{}>, relay={}[192.0.2.1]:25,"
    " delay=1, delays=1/0/0/0, dsn=2.0.0, status={} ({})",
    "postfix/cleanup[8]: 4F1A2B3C4D: milter-reject: END-OF-MESSAGE from {}[192.0.2.7]:"
    " 5.7.1 {}; from=<{}> to=<{}> proto=ESMTP helo=<{}>",
    "postfix/cleanup[8]: 4F1A2B3C4D: reject: header {} from {}[192.0.2.7]; from=<{}>"
    " to=<{}> proto=ESMTP helo=<{}>: 5.7.1 {}",
    "postgrey[9]: action=greylist, reason=new, client_name={}, client_address=192.0.2.7"
    ", sender={}, recipient={}",
    "postgrey[9]: action={}, reason={}, client_name={}, client_address={}, sender={}",
    "postfix/postscreen[7]: NOQUEUE: reject: RCPT from [192.0.2.7]:9: 550 5.7.1 Service"
    " unavailable; client [{}] blocked using {}; from=<{}>, to=<{}>, proto=ESMTP,"
    " helo=<{}>",
    "postfix/{}[7]: {}: {}",
    "{}[7]: {}",
    "postfix/smtpd[7]: {}: {}",
    "postfix/smtpd[7]: warning: {}: {}",
    "rsyslogd: imuxsock lost 12 messages from pid {} due to {}",
    "postfix/smtpd[7]: message repeated 3 times: [ {}: {} ]",
]


class Page(HTMLParser):
    """A page taken apart: its text, and what in it a stranger can have made."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text, self.faults = "", list[str]()
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element: its name and attributes are ours, or it is a fault."""
        names = [tag, *(name for name, _ in attrs)]
        self.faults += [name for name in names if "mg-" in name]
        values = {name: value or "" for name, value in attrs}
        if values.get("href", "").lower().lstrip().startswith("javascript"):
            self.faults.append(values["href"])
        for name, value in values.items():
            if name != "value":  # goes back as it was
                self._look(value)

    def handle_comment(self, data: str) -> None:
        """A comment that a stranger opened."""
        if "mg-" in data:
            self.faults.append(data)

    def handle_data(self, data: str) -> None:
        """What is read."""
        self.text += data
        self._look(data)

    def _look(self, text: str) -> None:
        self.faults += [
            repr(each) for each in text if not each.isprintable() and each not in SHOWN
        ]


def template_lines() -> Iterator[bytes]:
    """Every field of every kind of line, with every mark in it."""
    for template, mark in product(TEMPLATES, MARKS):
        yield with_stamp(template.format(*[mark] * template.count("{}")))


def with_stamp(message: str, stamp: str = STAMP) -> bytes:
    """The line; a newline in it would begin another."""
    return (
        f"{stamp} {message}".replace("\n", " ").encode("utf-8", "surrogateescape")
        + b"\n"
    )


def crowd(chance: Random, lines: list[bytes], count: int) -> list[bytes]:
    """So many of these lines, spoiled."""
    return [mutated(chance, chance.choice(lines), lines) for _ in range(count)]


def mutated(chance: Random, line: bytes, others: list[bytes]) -> bytes:
    """A line with one to three things wrong."""
    for _ in range(chance.randrange(1, 4)):
        line = chance.choice(WAYS)(chance, line, others)
    return line.replace(b"\n", b"") + b"\n"


def marked(chance: Random, line: bytes, _: list[bytes]) -> bytes:
    """A mark somewhere, best behind what begins a field."""
    found = [at + 1 for at in range(len(line)) if line[at : at + 1] in b"<[=: ;("]
    at = chance.choice(found) if found else 0
    mark = chance.choice(MARKS).encode("utf-8", "surrogateescape")
    return line[:at] + mark + line[at:]


def cut(chance: Random, line: bytes, _: list[bytes]) -> bytes:
    """Without a part."""
    one, two = sorted(chance.randrange(len(line) + 1) for _ in "12")
    return line[:one] + line[two:]


def crossed(chance: Random, line: bytes, others: list[bytes]) -> bytes:
    """The beginning of one and the end of another."""
    other = chance.choice(others)
    return line[: chance.randrange(len(line) + 1)] + other[-chance.randrange(1, 200) :]


def flipped(chance: Random, line: bytes, _: list[bytes]) -> bytes:
    """Some bytes that are others."""
    data = bytearray(line)
    for _each in range(chance.randrange(1, 6)):
        if data:
            data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data)


def displaced(chance: Random, line: bytes, _: list[bytes]) -> bytes:
    """Another time."""
    head = 15 if line[:1].isalpha() else max(line.find(b" "), 0)
    return chance.choice(STAMPS).encode() + line[head:]


def swollen(chance: Random, line: bytes, _: list[bytes]) -> bytes:
    """Much longer."""
    at = chance.randrange(len(line) + 1)
    return line[:at] + line[at : at + 20] * chance.choice((9, 500)) + line[at:]


WAYS = (marked, marked, marked, cut, crossed, flipped, displaced, swollen)
