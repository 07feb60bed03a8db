"""Triplets of greylisting as rows: kept, forgotten, and what they suggest.

Rows hold what `postfixconf.maillog.triplets` says of each triplet. Where only domains
may be kept, a number stands for the local part of an address, the same for the same.
"""

from collections.abc import Iterable, Iterator
from copy import copy
from datetime import datetime, timedelta
from typing import TypeVar

from django.utils import timezone

from mailguard.servers.models import Server
from mailguard.suffixes import registered
from mailguard.traffic.keys import key_of
from mailguard.traffic.models import Triplet
from mailguard.traffic.rows import fit, plain
from mailguard.traffic.times import microseconds, time_of
from postfixconf.maillog import suggestions as library
from postfixconf.maillog import triplets
from postfixconf.maillog.attempt import Attempt
from postfixconf.maillog.records import Client, Greylisted
from postfixconf.policy.greylisting import GREYLISTING, Greylisting

__all__ = ["MOST", "keep", "suggestions"]

MOST = 50_000  # triplets that suggestions are made of, the newest
MANY = 5_000  # rows in one query
AFTER = timedelta(seconds=2)  # smtpd's line comes after postgrey's
ADDRESS, NAME, IP = 320, 255, 45  # characters kept
COLUMNS = [
    "network",
    "sender",
    "recipient",
    "clients",
    "names",
    "first_at",
    "last_at",
    "tries",
    "early",
    "passed_at",
    "delay",
]
T = TypeVar("T", Greylisted, Attempt)


def keep(
    server: Server,
    lines: Iterable[tuple[datetime, Greylisted]],
    attempts: Iterable[Attempt] = (),
    *,
    domains_only: bool = False,
) -> None:
    """Add what postgrey logged, and what attempts tell of it, in the caller's
    transaction.

    Give every attempt that the same lines decided: one that greylisting would have
    put off, or that another rule refused, takes its triplet out. Lines and attempts
    that were kept before change nothing.
    """
    events: list[tuple[datetime, Greylisted | Attempt]] = [
        (at, _fit(line, domains_only=domains_only)) for at, line in lines
    ]
    events += [
        (each.at + AFTER, _fit(each, domains_only=domains_only))
        for each in attempts
        if each.at is not None
    ]
    cut = cut_of(server)
    keys = {key for _, record in events if (key := triplets.key_of(record, cut))}
    rows = {_number(server, key): key for key in keys}
    before = {row.key: row for row in _known(rows)}
    known = triplets.Triplets(before.values(), cut)
    for at, record in sorted(events, key=lambda event: event[0]):
        known.feed(at, record)
    _write(server, before, known.rows)


def cut_of(server: Server) -> triplets.Cut:
    """Which clients the live postgrey takes for one."""
    settings = Greylisting.from_json((server.live_policy or {}).get(GREYLISTING))
    if settings.by_host:
        return triplets.Cut(32, 128)
    return triplets.Cut(settings.ipv4, settings.ipv6)


def suggestions(
    server: Server, now: datetime | None = None
) -> list[library.Suggestion]:
    """Who is worth a look, the likeliest real sender first; takes up to a second."""
    newest = Triplet.objects.filter(server=server).order_by("-last_at")[:MOST]
    rows = (_triplet(row) for row in newest.values_list(*COLUMNS).iterator())
    return library.suggestions(rows, registered, now or timezone.now())


def _write(
    server: Server,
    before: dict[triplets.Key, triplets.Triplet],
    after: dict[triplets.Key, triplets.Triplet],
) -> None:
    gone = [_number(server, key) for key in before if key not in after]
    for at in range(0, len(gone), MANY):
        Triplet.objects.filter(key__in=gone[at : at + MANY]).delete()
    made = [_row(server, new) for key, new in after.items() if new != before.get(key)]
    Triplet.objects.bulk_create(
        made,
        batch_size=MANY,
        update_conflicts=True,
        unique_fields=["key"],
        update_fields=COLUMNS,
    )


def _known(numbers: Iterable[int]) -> Iterator[triplets.Triplet]:
    wanted = [*numbers]
    for at in range(0, len(wanted), MANY):
        rows = Triplet.objects.filter(key__in=wanted[at : at + MANY])
        yield from (_triplet(row) for row in rows.values_list(*COLUMNS))


def _number(server: Server, key: triplets.Key) -> int:
    return key_of(server.pk, *key)


def _row(server: Server, triplet: triplets.Triplet) -> Triplet:
    return Triplet(
        server=server,
        key=_number(server, triplet.key),
        network=triplet.network,
        sender=triplet.sender,
        recipient=triplet.recipient,
        clients=triplet.clients,
        names=triplet.names,
        first_at=microseconds(triplet.first),
        last_at=microseconds(triplet.last),
        tries=triplet.tries,
        early=triplet.early,
        passed_at=microseconds(triplet.passed) if triplet.passed else None,
        delay=triplet.delay,
    )


def _triplet(row: tuple) -> triplets.Triplet:  # type: ignore[type-arg]
    network, sender, recipient, clients, names, first, last, *rest = row
    tries, early, passed, delay = rest
    return triplets.Triplet(
        *(network, sender, recipient, time_of(first), time_of(last), tries, early),
        *(None if passed is None else time_of(passed), delay),
        *(tuple(clients), tuple(names)),
    )


def _fit(record: T, *, domains_only: bool) -> T:
    """The record with text that a database takes, as long as a column is wide."""
    client, sender, recipient = record.client, record.sender, record.recipient
    if client is not None:
        client = Client(fit(client.name, NAME), fit(client.address, IP))
    sender = sender and _address(sender, domains_only)
    recipient = recipient and _address(recipient, domains_only)
    if isinstance(record, Attempt):
        fitting = copy(record)
        fitting.client, fitting.sender, fitting.recipient = client, sender, recipient
        return fitting
    return record._replace(
        client=client or record.client, sender=sender or "", recipient=recipient
    )


def _address(address: str, domains_only: bool) -> str:
    user, at, domain = triplets.untagged(plain(address)).lower().rpartition("@")
    if domains_only and at:
        user = f"#{key_of(user):x}"[:9]
    return (user + at + domain)[:ADDRESS]
