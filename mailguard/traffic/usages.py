"""Who sends, and through which port: kept from attempts, each counted once.

An attempt counts when it is decided, and was not decided before: so a log that is read
twice, or told of again, changes nothing. The caller holds the transaction.

A name under which smtpd logs stands for a port only from when master.cf was seen to say
so: what was logged before stays unknown, unless the name itself tells.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.utils import timezone

from mailguard.servers.models import Server
from mailguard.traffic.keys import key_of
from mailguard.traffic.models import Attempt, Log, Usage, Verdict
from mailguard.traffic.times import microseconds
from mailguard.traffic.used import Ours, Used, ours_of, seen_of
from postfixconf.policy.ports import named, ports

__all__ = ["keep", "look"]

MANY = 500  # keys in one question
NONE = (None, 0)


def keep(log: Log, used: Iterable[Used], since: datetime | None = None) -> None:
    """Count these attempts. What is kept of attempts must be what was kept before.

    Those that began before `since` were counted once, and forgotten.
    """
    oldest = microseconds(since) if since else 0
    done = {each.key: each for each in used if each.done and each.at >= oldest}
    if not done:
        return
    before, server = decided([*done]), log.server
    if not log.ports:
        look(log)
    found: dict[int, list[tuple[Used, str]]] = defaultdict(list)
    for each in done.values():
        if each.key not in before:
            port = port_of(log, each)
            found[key(server, each, port)].append((each, port))
    write(server, found)


def decided(keys: Sequence[int]) -> set[int]:
    """Those of these attempts that have been counted."""
    found: set[int] = set()
    for start in range(0, len(keys), MANY):
        rows = Attempt.objects.filter(key__in=keys[start : start + MANY])
        rows = rows.exclude(outcome=Verdict.UNDECIDED)
        found.update(rows.values_list("key", flat=True))
    return found


def look(log: Log) -> Ours:
    """Note which port each name stands for just now; the server's own networks."""
    seen = seen_of(log.server)
    if seen is not None:
        told, before = ports(seen), log.ports
        now = microseconds(timezone.now()) if before else 0
        after = {
            name: before[name] if before.get(name, NONE)[0] == port else [port, now]
            for name, port in told.items()
        }
        if after != before:
            log.ports = after
            Log.objects.filter(pk=log.pk).update(ports=after)
    return ours_of(seen)


def port_of(log: Log, each: Used) -> str:
    """The port of an attempt, "" where nothing tells it."""
    known = {name: port for name, (port, at) in log.ports.items() if at <= each.at}
    return named(each.program, known)


def key(server: Server, each: Used, port: str) -> int:
    """By what a row is found again."""
    told = (each.who, port, each.client_address, each.tls)
    return key_of("usage", server.pk, *told)


def write(server: Server, found: dict[int, list[tuple[Used, str]]]) -> None:
    """Add to the rows with these keys, made where they are missing."""
    known: dict[int, Usage] = {}
    keys = [*found]
    for start in range(0, len(keys), MANY):
        rows = Usage.objects.filter(key__in=keys[start : start + MANY])
        known |= {row.key: row for row in rows}
    for number, told in found.items():
        row = known.setdefault(number, made(server, number, *told[0]))
        latest = max((each for each, _ in told), key=lambda each: each.at)
        if latest.at >= row.last_at:
            row.user, row.client_name = latest.user, latest.client_name
        row.last_at = max(row.last_at, latest.at)
        row.first_at = min(row.first_at, *(each.at for each, _ in told))
        row.count += len(told)
    Usage.objects.bulk_create(
        known.values(),
        batch_size=MANY,
        update_conflicts=True,
        unique_fields=["key"],
        update_fields=["user", "client_name", "first_at", "last_at", "count"],
    )


def made(server: Server, number: int, each: Used, port: str) -> Usage:
    """A row that counts nothing yet."""
    return Usage(
        server=server,
        key=number,
        who=each.who,
        port=port,
        user=each.user,
        client_address=each.client_address,
        client_name=each.client_name,
        tls=each.tls,
        first_at=each.at,
        last_at=each.at,
    )
