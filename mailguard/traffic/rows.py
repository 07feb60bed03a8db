"""From an attempt as the log tells it to what the database keeps of it. Pure."""

import re
from functools import lru_cache
from typing import Any, NamedTuple

from django.conf import settings

from mailguard.traffic import models
from mailguard.traffic.keys import key_of, network_of, organisation_of
from mailguard.traffic.times import EPOCH, microseconds
from postfixconf.maillog.attempt import Attempt
from postfixconf.masking import masked

__all__ = [
    "Row",
    "plain",
    "reply_of",
    "row_of",
    "words_of",
]

NOBODY = ("", "")
SECRET = settings.SECRET_KEY

# What differs from mail to mail in a reply: addresses, links, long numbers.
SUBJECT = re.compile(
    r"\A<.*>: (?=(?:\w+ ){0,3}command rejected|(?:Unverified )?Client host rejected"
    r"|(?:Sender|Recipient) address rejected|Relay access|User unknown)|\A<[^<>]*>: ",
    re.DOTALL,
)
VARIABLE = re.compile(
    r"\[[^\]]*\]|\S+://\S+|\S*@\S+|<[^<>]*>|\b[0-9a-fA-F.:]*\d{3,}\S*"
)


class Row(NamedTuple):
    """One row of `Attempt`; `reply` are the words, in place of their number."""

    server_id: int
    key: int
    at: int
    outcome: str
    code: int | None
    queue_id: str
    service: str
    client_address: str
    client_name: str
    reverse_name: str
    helo: str
    sender: str | None
    recipient: str | None
    sasl_username: str
    command: str
    text: str
    control: str
    warned: str
    delivered: str
    raw: bytes
    sender_key: int | None
    recipient_key: int | None
    domain_key: int | None
    network_key: int | None
    name_key: int | None
    reply: str


TOLD = slice(Row._fields.index("service"), Row._fields.index("raw"))  # strangers' too
KEYS = Row._fields.index("sender_key")  # where they begin
LENGTHS = [
    getattr(models.Attempt._meta.get_field(name), "max_length", None) or 300
    for name in Row._fields
]
SHORT = 255  # characters; fits every column but the few that `usual` looks at


def row_of(
    server_id: int,
    attempt: Attempt,
    *,
    domains_only: bool = False,
    zones: tuple[str, ...] = (),
) -> Row:
    """The row of an attempt.

    With `domains_only` nothing in it names a person: the keys of people are made with
    a secret. `zones` are those of lists before which somebody's key may stand, which
    is masked.
    """
    sender, recipient, user = attempt.sender, attempt.recipient, attempt.sasl_username
    text, raw = without_keys(attempt, zones)
    if domains_only:
        sender, recipient = only_domain(sender), only_domain(recipient)
        text, user, raw = reply_of(text), "", b""
    name, address, *_ = attempt.client or NOBODY
    told = (
        server_id,
        key_of(server_id, *attempt.key),
        microseconds(attempt.at or attempt.last or EPOCH),
        attempt.outcome.value,
        attempt.code,
        attempt.queue_id or "",
        attempt.service,
        address,
        name,
        attempt.reverse_name or "",
        attempt.helo or "",
        sender,
        recipient,
        user or "",
        attempt.command,
        text,
        attempt.control or "",
        " ".join(attempt.warned),
        attempt.delivery.status if attempt.delivery else "",
        raw,
        *keys_of(sender, recipient, address, name),
        words_of(text, attempt.code),
    )
    row = Row._make(told)  # in half the time
    if not usual(row):
        row = fitted(row)
    if domains_only:
        people = map(secret_key, (attempt.sender, attempt.recipient))
        row = Row._make((*row[:KEYS], *people, *row[KEYS + 2 :]))
    return row


def without_keys(attempt: Attempt, zones: tuple[str, ...]) -> tuple[str, bytes]:
    """Text and lines of an attempt, somebody's key before one of `zones` masked."""
    text, raw = attempt.text, b"\n".join(attempt.raw)
    if b"blocked using" not in raw:
        return text, raw
    line = raw.decode("utf-8", "surrogateescape")
    return masked(text, zones), masked(line, zones).encode("utf-8", "surrogateescape")


def keys_of(
    sender: str | None, recipient: str | None, address: str, name: str
) -> tuple[int | None, ...]:
    """The keys that a row is found by, in its order."""
    return (
        key_of(sender) if sender else None,  # few senders write twice
        short_key(recipient) if recipient else None,
        short_key(domain_of(sender)) if sender else None,
        network_key(address),
        name_key(name),
    )


def usual(row: Row) -> bool:
    """Whether a database takes it as it is, as nearly always."""
    texts: Any = row[TOLD]
    told = "".join(filter(None, texts))
    return (
        len(told) <= SHORT
        and told.isascii()
        and "\0" not in told
        and len(row.client_address) <= 45
        and len(row.service) <= 100
        and len(row.control) <= 200
        and len(row.command) <= 20
        and len(row.delivered) <= 20
    )


def fitted(row: Row) -> Row:
    """The row as a database takes it, with keys of what is in it then."""
    row = Row(*map(fit, row, LENGTHS))
    keys = keys_of(row.sender, row.recipient, row.client_address, row.client_name)
    return Row._make((*row[:KEYS], *keys, words_of(row.text, row.code)))


def fit(value: Any, longest: int) -> Any:
    """A stranger's text as a column takes it, and not too long."""
    return plain(value)[:longest] if isinstance(value, str) else value


def plain(text: str) -> str:
    """A stranger's text without what no database takes."""
    logged = text.encode("utf-8", "surrogateescape")
    return logged.decode("utf-8", "backslashreplace").replace("\0", "\\x00")


short_key = lru_cache(maxsize=50_000)(key_of)


def secret_key(address: str | None) -> int | None:
    """The key of an address that nobody shall find again."""
    return short_key(SECRET, address) if address else None


def network_key(address: str) -> int | None:
    """The key of a client's network, None where there is no client."""
    return short_key(network_of(address)) if address else None


def domain_of(address: str) -> str:
    """What stands behind the last @; the whole where there is none."""
    return address.rpartition("@")[2]


def only_domain(address: str | None) -> str | None:
    """The address without what names a person."""
    return f"@{domain_of(address)}" if address else address


@lru_cache(maxsize=20_000)
def name_key(name: str) -> int | None:
    """The key of the organisation of a host, None where the host has no name."""
    return key_of(organisation_of(name)) if name not in ("", "unknown") else None


def reply_of(text: str) -> str:
    """The words of a refusal, without what differs from mail to mail.

    >>> reply_of("<pc7>: Helo command rejected: need fully-qualified hostname")
    'Helo command rejected: need fully-qualified hostname'
    """
    return _lasting(SUBJECT.sub("", text, count=1))


@lru_cache(maxsize=20_000)
def _lasting(reason: str) -> str:
    """A reason without what differs; most differ in their subject alone."""
    return " ".join(VARIABLE.sub("…", reason).split())[:300]


def words_of(text: str, code: int | None) -> str:
    """The words of a reply, none where nothing was answered."""
    return reply_of(text) if text and code else ""
