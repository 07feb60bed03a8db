"""From a refusal to the control it came from.

The texts are the catalogue's own signatures and, for what mailguard does not
switch itself, those of smtpd_check.c, smtpd.c, postscreen(8) and cleanup(8). A key
is a control's (`reject_non_fqdn_sender`, `dnsbl:ZONE`, `greylisting`, `own_domains`)
or `entries` for a line of an access table; anything else is a named kind, which is
no control: relay protection, an unknown recipient, a restriction that mailguard
does not manage.

What cannot be told from a log: a bare `reject` in a list, or a policy service with
words of its own, from an access table (all three are `entries`); the own-domain
stop and postgrey where somebody else wrote their replies, unless the caller says
which texts they are.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from postfixconf.maillog.records import Check, Verdict
from postfixconf.masking import MASK, masked
from postfixconf.policy.catalog import CONTROLS
from postfixconf.policy.greylisting import GREYLISTING

__all__ = [
    "ENTRIES",
    "GREYLISTING",
    "RECORDER",
    "ZONES",
    "Attribution",
    "attribute",
    "is_control",
    "key_of",
    "key_of_record",
]

ENTRIES = "entries"
RECORDER = "recorder"
RECORDED = "mailguard reverse="
UNATTRIBUTED = "unattributed"

REJECTED = " rejected: "

# Reasons as they begin, without the subject: the longest that fits decides.
CATALOGUE = {
    each.signature: each.key
    for each in CONTROLS
    if each.signature is not None and "blocked using" not in each.signature
}
MORE = {
    # the same restriction in other words (smtpd_check.c)
    "Helo command rejected: invalid ip address": "reject_invalid_helo_hostname",
    "Helo command rejected: Malformed DNS server reply": "reject_unknown_helo_hostname",
    "Sender address rejected: Malformed DNS server reply": (
        "reject_unknown_sender_domain"
    ),
    "Recipient address rejected: Malformed DNS server reply": (
        "reject_unknown_recipient_domain"
    ),
    "Client host rejected: Greylisted": GREYLISTING,
    "Helo command rejected: Greylisted": GREYLISTING,
    "Sender address rejected: Greylisted": GREYLISTING,
    "Data command rejected: Greylisted": GREYLISTING,
    "End-of-data command rejected: Greylisted": GREYLISTING,
}
# No anti-spam control of ours: kinds with a name.
KINDS = {
    "Relay access denied": "relay_protection",
    "Recipient address rejected: User unknown": "unknown_recipient",
    "User unknown": "unknown_recipient",
    "Sender address rejected: User unknown": "reject_unlisted_sender",
    "Sender address rejected: not owned by user": "reject_sender_login_mismatch",
    "Sender address rejected: not logged in as owner": "reject_sender_login_mismatch",
    "Sender address rejected: undeliverable address": "reject_unverified_sender",
    "Sender address rejected: unverified address": "reject_unverified_sender",
    "Recipient address rejected: undeliverable address": "reject_unverified_recipient",
    "Recipient address rejected: unverified address": "reject_unverified_recipient",
    "Session encryption is required": "reject_plaintext_session",
    "Must issue a STARTTLS command first": "encryption",
    "Server configuration": "server_fault",
    "Temporary lookup failure": "server_fault",
    "Insufficient system storage": "server_fault",
    "Internal error": "server_fault",
    "Message size exceeds fixed limit": "message_size",
    "Message file too big": "message_size",
    "Too many recipients": "limits",
    "too many connections": "limits",
    "all server ports busy": "limits",
    "Protocol error": "postscreen",
    "Service currently unavailable": "postscreen",
    RECORDED: RECORDER,
}
DEFERRED = re.compile(
    r"(?:Sender|Recipient) address rejected: Domain .*does not accept"
)
MULTI = re.compile(r"\S+ \S+ rejected: Multi-recipient bounce")
BLOCKED = re.compile(
    r"(?:Service unavailable; )?(Unverified Client host|Client host|client"
    r"|Sender address|Recipient address|Helo command) \[(.*)\] blocked using"
    r" ([^\s;,]+)",
    re.DOTALL,
)
ADDRESS = re.compile(r"[0-9.]+|[0-9A-Fa-f]*:[0-9A-Fa-f:.]*")
TABLE = re.compile(
    r"(?:(?:Unverified )?Client host|Client certificate|SASL login name|Helo command"
    r"|Sender address|Recipient address|(?:Data|End-of-data|Etrn) command) "
)
LISTS = {
    "client": "dnsbl",
    "Client host": "dnsbl",
    "Unverified Client host": "rhsbl_reverse",
    "Sender address": "rhsbl_sender",
    "Recipient address": "rhsbl_recipient",
    "Helo command": "rhsbl_helo",
}
OURS = frozenset({each.key for each in CONTROLS} | {ENTRIES})
ZONES = ("dnsbl:", "rhsbl_sender:", "rhsbl_helo:", "rhsbl_reverse:")
CHECKS = {"header": "header_checks", "body": "body_checks"}
ALWAYS_TABLE = frozenset(
    {"warn", "info", "hold", "discard", "filter", "redirect", "bcc", "prepend"}
)


class Attribution(NamedTuple):
    """A key, and whether it is a control of mailguard's."""

    key: str
    control: bool


def attribute(
    record: Verdict | Check, *, own_reply: str = "", greylist_text: str = ""
) -> Attribution:
    """The control behind a verdict.

    `own_reply` is the text of the own-domain stop (`OwnDomains.reply`) and
    `greylist_text` the beginning of postgrey's, where they are not the usual ones.
    """
    key = key_of_record(record, own_reply, greylist_text)
    return Attribution(key, is_control(key))


def key_of_record(
    record: Verdict | Check, own_reply: str = "", greylist_text: str = ""
) -> str:
    """The key alone."""
    if isinstance(record, Check):
        return CHECKS.get(record.place, "milter")
    if "-" in record.verb:
        return record.verb.partition("-")[0]  # milter or proxy
    if own_reply and record.reason == f"Client host{REJECTED}{own_reply}":
        return "own_domains"
    if greylist_text and record.reason.partition(REJECTED)[2].startswith(greylist_text):
        return GREYLISTING
    key = key_of(record.reason, record.client.address if record.client else "")
    if key == UNATTRIBUTED and record.verb in ALWAYS_TABLE:
        return ENTRIES
    return key


def is_control(key: str) -> bool:
    """Whether a key is that of a control of mailguard's."""
    return key in OURS or key.startswith(ZONES)


def key_of(reason: str, address: str = "") -> str:
    """The key of one reason, as `Verdict.reason` holds it.

    `address` is the client's: a list of names is told from a list of addresses by
    what was looked up.
    """
    if reason.startswith(RECORDED):  # every line of it is another one
        return RECORDER
    if "blocked using" in reason and (blocked := BLOCKED.match(reason)):
        kind, what, zone = blocked.groups()
        listed = LISTS[kind]
        if kind == "Client host" and what != address and not ADDRESS.fullmatch(what):
            listed = "rhsbl_client"
        name = masked(zone.rstrip(".").lower()).removeprefix(f"{MASK}.")
        return f"{listed}:{name}"
    key = CATALOGUE.get(reason.partition(", ")[0])
    return key or _by_words(reason)


@lru_cache(maxsize=4096)
def _by_words(reason: str) -> str:
    for table in (CATALOGUE, MORE, KINDS):
        for begins, key in table.items():
            if reason.startswith(begins):
                return key
    if DEFERRED.match(reason):
        sender = reason.startswith("Sender")
        return f"reject_unknown_{'sender' if sender else 'recipient'}_domain"
    if MULTI.match(reason):
        return "reject_multi_recipient_bounce"
    found = next((key for text, key in KINDS.items() if text in reason[:80]), None)
    if TABLE.match(reason):
        return found if found == RECORDER else _of_command(reason)
    return found or UNATTRIBUTED


def _of_command(reason: str) -> str:
    """What a class of command was refused or noted for."""
    if reason.partition(REJECTED)[2] == "Server configuration error":
        return "server_fault"
    if "Improper use of SMTP command pipelining" in reason[:80]:
        return "reject_unauth_pipelining"
    return ENTRIES
