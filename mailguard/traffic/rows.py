"""From an attempt as the log tells it to what the database keeps of it. Pure."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import NamedTuple

from django.utils.timezone import get_default_timezone

from mailguard.traffic.keys import key_of, network_of, organisation_of
from mailguard.traffic.models import Daily, Verdict
from postfixconf.maillog.attempt import Attempt

__all__ = [
    "Counted",
    "Row",
    "correspondents",
    "day_of",
    "hits",
    "hour_of",
    "hours",
    "reply_of",
    "row_of",
    "things",
]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Plain strings: comparing members of an enumeration costs a million rows dear.
REFUSALS = frozenset((Verdict.REFUSED.value, Verdict.PUT_OFF.value))
ACCEPTED, WOULD = Verdict.ACCEPTED.value, Verdict.WOULD.value
DOMAIN, CLIENT, REASON = (each.value for each in Daily.What)

# What differs from mail to mail in a reply: addresses, links, long numbers.
SUBJECT = re.compile(r"<[^<>]*>: ")
VARIABLE = re.compile(
    r"\[[^\]]*\]|\S+://\S+|\S*@\S+|<[^<>]*>|\b[0-9a-fA-F.:]*\d{3,}\S*"
)
BLANKS = re.compile(r"\s+")


class Row(NamedTuple):
    """One row of `Attempt`, in the order of its columns; `reply` are the words."""

    server_id: int
    key: int
    at: int
    service: str
    client_address: str
    client_name: str
    reverse_name: str
    helo: str
    sender: str | None
    recipient: str | None
    sasl_username: str
    outcome: str
    command: str
    code: int | None
    text: str
    reply: str
    control: str
    warned: str
    queue_id: str
    delivered: str
    raw: bytes
    sender_key: int | None
    domain_key: int | None
    recipient_key: int | None
    client_key: int | None
    name_key: int | None


class Counted(NamedTuple):
    """What the counts need to know of a row, old or new."""

    at: int
    outcome: str
    control: str
    warned: str
    sender: str | None
    client_address: str
    text: str

    @classmethod
    def of(cls, row: Row) -> "Counted":
        """The part of a row that is counted."""
        return cls(
            row.at,
            row.outcome,
            row.control,
            row.warned,
            row.sender,
            row.client_address,
            row.text,
        )


def row_of(server_id: int, attempt: Attempt, *, domains_only: bool = False) -> Row:
    """The row of an attempt; with `domains_only` no local part is kept."""
    sender, recipient = clean(attempt.sender, 320), clean(attempt.recipient, 320)
    client = attempt.client
    address = (clean(client.address, 45) or "") if client else ""
    name = (clean(client.name, 255) or "") if client else ""
    text, raw = clean(attempt.text, 1000) or "", b"\n".join(attempt.raw)
    if domains_only:
        sender, recipient = only_domain(sender), only_domain(recipient)
        text, raw = reply_of(text), b""
    delivery = attempt.delivery
    return Row(
        server_id,
        key_of(server_id, *attempt.key),
        microseconds(attempt.at or attempt.last or EPOCH),
        clean(attempt.service, 100) or "",
        address,
        name,
        clean(attempt.reverse_name, 255) or "",
        clean(attempt.helo, 255) or "",
        sender,
        recipient,
        clean(attempt.sasl_username, 255) or "",
        attempt.outcome,
        clean(attempt.command, 20) or "",
        attempt.code,
        text,
        reply_of(text) if text and attempt.code else "",
        clean(attempt.control, 200) or "",
        " ".join(clean(key, 200) or "" for key in attempt.warned)[:1000],
        clean(attempt.queue_id, 30) or "",
        (clean(delivery.status, 20) or "") if delivery else "",
        raw,
        short_key(sender) if sender else None,
        short_key(domain_of(sender)) if sender else None,
        short_key(recipient) if recipient else None,
        short_key(address) if address else None,
        name_key(name),
    )


short_key = lru_cache(maxsize=50_000)(key_of)
network = lru_cache(maxsize=20_000)(network_of)


def clean(text: str | None, longest: int) -> str | None:
    """A stranger's text as a database takes it: no NUL, nothing undecodable."""
    if text is None or text.isascii():
        fit = text
    else:
        fit = text.encode("utf-8", "surrogateescape").decode(
            "utf-8", "backslashreplace"
        )
    return fit.replace("\0", "\\x00")[:longest] if fit else fit


def domain_of(address: str) -> str:
    """What stands behind the last @; the whole where there is none."""
    return address.rpartition("@")[2]


def only_domain(address: str | None) -> str | None:
    """The address without what names a person."""
    return f"@{domain_of(address)}" if address else address


def microseconds(at: datetime) -> int:
    """Since 1970, UTC."""
    since = at - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


@lru_cache(maxsize=20_000)
def name_key(name: str) -> int | None:
    """The key of the organisation of a host, None where the host has no name."""
    return key_of(organisation_of(name)) if name not in ("", "unknown") else None


@lru_cache(maxsize=20_000)
def reply_of(text: str) -> str:
    """The words of a refusal, without what differs from mail to mail.

    >>> reply_of("<pc7>: Helo command rejected: need fully-qualified hostname")
    'Helo command rejected: need fully-qualified hostname'
    """
    words = VARIABLE.sub("…", SUBJECT.sub("", text, count=1))
    return BLANKS.sub(" ", words).strip()[:300]


def hours(counted: Counted) -> Iterator[tuple[str, str]]:
    """(control, verdict) as which an attempt counts in its hour."""
    yield "", counted.outcome
    if counted.control and counted.outcome in REFUSALS:
        yield counted.control, counted.outcome
    if counted.warned:
        if counted.outcome not in REFUSALS:
            yield "", WOULD
        for control in counted.warned.split():
            yield control, WOULD


@lru_cache(maxsize=1000)
def hour_of(number: int) -> datetime:
    """The hour with this number since 1970."""
    return datetime.fromtimestamp(number * 3600, UTC)


@lru_cache(maxsize=10_000)
def day_of(number: int) -> date:
    """The day of the quarter of an hour with this number since 1970, here.

    No zone is off by less than that.
    """
    return datetime.fromtimestamp(number * 900, get_default_timezone()).date()


def things(counted: Counted) -> Iterator[tuple[str, str, str]]:
    """(what, value, verdict) as which an attempt counts on its day.

    Every client, because networks are searched for here; of domains and reasons only
    what did not get through, or would not have: those of all mail are too many.
    """
    refused = counted.outcome in REFUSALS
    verdict = WOULD if counted.warned and not refused else counted.outcome
    if counted.client_address:
        yield CLIENT, counted.client_address, verdict
    if refused or counted.warned:
        if counted.sender is not None:
            yield DOMAIN, domain_of(counted.sender).lower()[:320] or "<>", verdict
        if refused and counted.text:
            yield REASON, reply_of(counted.text), verdict


def hits(row: Row) -> list[tuple[int, str, str, int, int, int | None]]:
    """The rows of `Hit` of an attempt."""
    refused = row.outcome in REFUSALS
    if not refused and not row.warned:
        return []
    found = dict.fromkeys(row.warned.split(), WOULD)
    if refused:
        found[row.control] = row.outcome
    who = key_of(network(row.client_address), row.sender or "", row.recipient or "")
    return [
        (row.key, control, verdict, row.at, who, row.sender_key)
        for control, verdict in found.items()
    ]


def correspondents(rows: Iterable[Row]) -> dict[int, int]:
    """Senders of mail that no rule would have refused, and when they last wrote."""
    found: dict[int, int] = {}
    for row in rows:
        if row.outcome == ACCEPTED and not row.warned and row.sender_key:
            found[row.sender_key] = max(row.at, found.get(row.sender_key, 0))
    return found
