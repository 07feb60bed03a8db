"""As what an attempt counts: in its hour, on its day, against a control. Pure."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from functools import lru_cache
from operator import attrgetter
from typing import NamedTuple

from django.utils.timezone import get_default_timezone

from mailguard.traffic.keys import key_of
from mailguard.traffic.models import Daily, Verdict
from mailguard.traffic.rows import Row, domain_of, reply_of

__all__ = [
    "UNDECIDED",
    "Counted",
    "correspondents",
    "day_of",
    "hits",
    "hour_of",
    "hours",
    "noted",
    "things",
    "verdicts",
]

# Plain strings: comparing members of an enumeration costs a million rows dear.
REFUSALS = frozenset((Verdict.REFUSED.value, Verdict.PUT_OFF.value))
ACCEPTED, WOULD = Verdict.ACCEPTED.value, Verdict.WOULD.value
UNDECIDED = Verdict.UNDECIDED.value
DOMAIN, CLIENT, REASON = (each.value for each in Daily.What)


class Counted(NamedTuple):
    """What the counts need to know of a row that was kept before; see `Row`."""

    at: int
    outcome: str
    control: str
    warned: str
    sender: str | None
    client_address: str
    text: str
    delivered: str
    reply: str = ""


verdicts = attrgetter("outcome", "control", "warned")


def hours(outcome: str, control: str, warned: str) -> Iterator[tuple[str, str]]:
    """(control, verdict) as which an attempt counts in its hour."""
    yield "", outcome
    if control and outcome in REFUSALS:
        yield control, outcome
    if warned:
        if outcome not in REFUSALS:
            yield "", WOULD
        for each in warned.split():
            yield each, WOULD


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


def noted(counted: Row | Counted) -> bool:
    """Whether a control did something, or would have."""
    return counted.outcome in REFUSALS or bool(counted.warned)


def things(counted: Row | Counted) -> Iterator[tuple[str, str, str]]:
    """(what, value, verdict) as which an attempt counts on its day.

    Only what did not get through, or would not have: all mail is too much.
    """
    if not noted(counted):
        return
    refused = counted.outcome in REFUSALS
    verdict = counted.outcome if refused else WOULD
    if counted.sender is not None:
        yield DOMAIN, domain_of(counted.sender).lower()[:320] or "<>", verdict
    if counted.client_address:
        yield CLIENT, counted.client_address, verdict
    if refused and counted.text:
        yield REASON, counted.reply or reply_of(counted.text), verdict


def hits(row: Row) -> list[tuple[int, str, str, int, int, int | None]]:
    """The rows of `Hit` of an attempt."""
    refused = row.outcome in REFUSALS
    found = dict.fromkeys(row.warned.split(), WOULD)
    if refused:
        found[row.control] = row.outcome
    who = key_of(row.network_key, row.sender_key, row.recipient_key)
    return [
        (row.key, control, verdict, row.at, who, row.sender_key)
        for control, verdict in found.items()
    ]


def correspondents(rows: Iterable[Row], own: tuple[str, ...]) -> dict[int, int]:
    """Senders of mail that no rule would have refused, and when they last wrote.

    One's own people (who signed in, or write as an `own` domain) are not among them:
    whoever forges their addresses would seem to be known.
    """
    found: dict[int, int] = {}
    for row in rows:
        if row.outcome == ACCEPTED and not row.warned and row.sender_key:
            if row.sasl_username or domain_of(row.sender or "").lower() in own:
                continue
            found[row.sender_key] = max(row.at, found.get(row.sender_key, 0))
    return found
