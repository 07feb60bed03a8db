"""The messages of Postfix's daemons and of postgrey, a function each.

Each returns None where the message is another. Formats are those of smtpd.c,
cleanup_message.c, qmgr_active.c, pickup.c, log_adhoc.c and postgrey 1.37. Fields
are read from left to right; what a stranger or another server wrote stands last.
"""

import re

from postfixconf.maillog.lines import QUEUE_ID
from postfixconf.maillog.records import (
    Accepted,
    Check,
    Client,
    Closed,
    Delivery,
    Greylisted,
    MessageId,
    Opened,
    Queued,
    Removed,
    SaslFailed,
    Secured,
)

__all__ = [
    "CERTIFICATES",
    "CHECK_VERBS",
    "accepted",
    "check",
    "delivery",
    "greylisted",
    "is_session",
    "message_id",
    "picked_up",
    "queued",
    "removed",
    "sasl",
    "secured",
    "sender_of",
    "session",
]

CLIENT = r"([^\s\[\]]*)\[([^\s\]]*)\](?::(\d+|unknown))?"
QUOTED = r'(?:"(?:[^"\\]|\\.)*"[^<>"]*|[^>]*)'
ACCEPTED = re.compile(
    rf"({QUEUE_ID}): client={CLIENT}(?:, orig_queue_id=([^,]*))?"
    r"(?:, orig_client=[^,]*)?"
    r"(?:, sasl_method=([^,]+))?(?:, sasl_username=([^,]*))?(?:, sasl_sender=(.*))?"
)
MESSAGE_ID = re.compile(rf"({QUEUE_ID}): (?:resent-)?message-id=(.*)", re.DOTALL)
PICKED_UP = re.compile(rf"({QUEUE_ID}): (?:uid|sender)=\S* from=<(.*)>[ ,]*", re.DOTALL)
QUEUED = re.compile(rf"({QUEUE_ID}): from=<(.*)>, size=(\d+), nrcpt=(\d+) ", re.DOTALL)
EXPIRED = re.compile(
    rf"({QUEUE_ID}): from=<(.*)>, status=(?:force-)?expired, ", re.DOTALL
)
REMOVED = re.compile(rf"({QUEUE_ID}): removed\b")
DELIVERY = re.compile(
    rf"({QUEUE_ID}): to=<({QUOTED})>, (?:orig_to=<({QUOTED})>, )?"
    r"(?:relay=([^,]++), )?(?:conn_use=[^,]++, )?(?:delay=([\d.]++), )?"
    r"(?:delays=[^,]++, )?(?:dsn=([^,]*+), )?status=([\w-]++)(?: \((.*)\))?",
    re.DOTALL,
)
CHECK = re.compile(
    rf"({QUEUE_ID}): ((?:milter-)?[a-z]+): (header|body|content|END-OF-MESSAGE|DATA"
    r"|CONNECT|HELO|EHLO|MAIL|RCPT|EOH|UNKNOWN) (.*)",
    re.DOTALL,
)
CHECK_VERBS = frozenset(
    "reject warning hold discard filter redirect prepend replace strip info bcc pass"
    " milter-reject milter-hold milter-discard milter-quarantine".split()
)
OPENED = re.compile(rf"connect from {CLIENT}")
CLOSED = re.compile(
    r"(lost connection|timeout|too many errors|improper command pipelining) after"
    rf" (.*?) from {CLIENT}(?::.*)?"
)
DISCONNECT = re.compile(rf"disconnect from {CLIENT}((?: \w+=\d+(?:/\d+)?)*)[ ,]*")
COUNTER = re.compile(r"(\w+)=(\d+)(?:/(\d+))?")
SASL = re.compile(
    rf"warning: {CLIENT}: SASL (\S+) authentication failed: (.*?)"
    r"(?:, sasl_username=(.*))?",
    re.DOTALL,
)
# tls_log_summary.c: ` to NAME` is the server name that the client asked for.
CERTIFICATES = frozenset("Anonymous Untrusted Trusted Verified".split())
SECURED = re.compile(
    rf"(Anonymous|Untrusted|Trusted|Verified) TLS connection (?:established|reused)"
    rf" from {CLIENT}(?: to \S+)?: (TLSv[0-9.]{{1,4}}|SSLv[23]) with cipher ([\w+-]+)"
)
# By this name the live server is asked after a change, and postgrey for its health.
OURS = "mailguard-probe.invalid"
POSTGREY = re.compile(
    rf"(?:{QUEUE_ID}: )?action=(\w+), reason=([^,(]+?)(?: \((\d+)s missing\))?,"
    r"(?: delay=(\d+),)? client_name=([^,]*), client_address=([^,/]*)(?:/\d+)?"
    r"(?:, sender=(.*?))?(?:, recipient=(.*))?",
    re.DOTALL,
)


def accepted(message: str) -> Accepted | None:
    """`QUEUEID: client=…`."""
    match = ACCEPTED.match(message)
    if match is None:
        return None
    queue_id, name, address, port, before, method, user, sender = match.groups()
    return Accepted(queue_id, Client(name, address, port), method, user, sender, before)


def message_id(message: str) -> MessageId | None:
    """`QUEUEID: message-id=…`."""
    match = MESSAGE_ID.fullmatch(message)
    return MessageId(match[1], match[2]) if match else None


def picked_up(message: str) -> Queued | None:
    """`QUEUEID: uid=0 from=<root>`: a local program has sent a message."""
    match = PICKED_UP.fullmatch(message)
    return Queued(match[1], match[2]) if match else None


def queued(message: str) -> Queued | None:
    """`QUEUEID: from=<…>, size=…` and `…, status=expired`."""
    if match := QUEUED.match(message):
        return Queued(match[1], match[2], int(match[3][:18]), int(match[4][:18]))
    match = EXPIRED.match(message)
    return Queued(match[1], match[2], expired=True) if match else None


def sender_of(message: str) -> str | None:
    """The sender alone of what `queued` reads."""
    match = QUEUED.match(message) or EXPIRED.match(message)
    return match[2] if match else None


def removed(message: str) -> Removed | None:
    """`QUEUEID: removed`."""
    match = REMOVED.match(message)
    return Removed(match[1]) if match else None


def delivery(message: str) -> Delivery | None:
    """`QUEUEID: to=<…>, relay=…, status=…`, of any delivery agent."""
    match = DELIVERY.match(message)
    if match is None:
        return None
    queue_id, recipient, orig_to, relay, delay, dsn, status, text = match.groups()
    try:
        seconds = float(delay) if delay else None
    except ValueError:
        seconds = None
    said = message[match.end() :].lstrip() if text is None else text
    return Delivery(queue_id, recipient, orig_to, relay, seconds, dsn, status, said)


def check(message: str) -> Check | None:
    """`QUEUEID: reject: header Subject: …` and a milter's verdict on a message."""
    match = CHECK.fullmatch(message)
    if match is None or match[2] not in CHECK_VERBS:
        return None
    return Check(match[2], match[1], match[3], match[4])


def session(message: str) -> Opened | Closed | None:
    """The beginning of a session, its end, or what ended it."""
    if match := OPENED.match(message):
        return Opened(Client(*match.groups()))
    if match := DISCONNECT.fullmatch(message):
        counters = tuple(
            (name, int(done[:9]), int((of or done)[:9]))
            for name, done, of in COUNTER.findall(match[4])
        )
        return Closed("disconnect", Client(*match.groups()[:3]), None, counters)
    if match := CLOSED.fullmatch(message):
        return Closed(match[1], Client(*match.groups()[2:5]), match[2])
    return None


def is_session(message: str) -> bool:
    """Whether `session` reads it."""
    found = OPENED.match(message) or DISCONNECT.fullmatch(message)
    return bool(found or CLOSED.fullmatch(message))


def sasl(message: str) -> SaslFailed | None:
    """`warning: name[address]: SASL LOGIN authentication failed: …`."""
    match = SASL.fullmatch(message)
    if match is None:
        return None
    name, address, port, method, reason, username = match.groups()
    return SaslFailed(Client(name, address, port), method, reason, username)


def secured(message: str) -> Secured | None:
    """`Anonymous TLS connection established from name[address]: TLSv1.3 with …`.

    smtpd writes it where `smtpd_tls_loglevel` is at least 1.
    """
    match = SECURED.match(message)
    if match is None:
        return None
    certificate, name, address, port, protocol, cipher = match.groups()
    return Secured(Client(name, address, port), protocol, cipher, certificate, message)


def greylisted(message: str) -> Greylisted | None:
    """What postgrey says of one triplet; empty fields are left out of its lines.

    None for a question of our own: it counts nowhere.
    """
    match = POSTGREY.fullmatch(message)
    if match is None:
        return None
    action, reason, missing, delay, name, address, sender, recipient = match.groups()
    if name == OURS:
        return None
    seconds = missing or delay
    return Greylisted(
        action,
        reason,
        Client(name, address),
        sender or "",
        recipient,
        int(seconds[:9]) if seconds else None,
    )
