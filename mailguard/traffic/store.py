"""Attempts into the database, in bulk, and as often as the log tells of them.

What is kept twice counts once: an attempt is found again by its key, and what it
counted before is taken back. The caller holds the transaction, so that the counts
and the place in the log move together. The statements are written by hand because
a million rows pass through here; they run on SQLite and PostgreSQL alike.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Model

from mailguard.servers.models import Server
from mailguard.traffic import counting
from mailguard.traffic import rows as made
from mailguard.traffic.counting import Counted
from mailguard.traffic.models import (
    Attempt,
    Correspondent,
    Daily,
    Hit,
    Hour,
    Reply,
)
from mailguard.traffic.rows import Row
from mailguard.traffic.times import microseconds

__all__ = ["keep"]

AT_ONCE = 5000  # keys in one question
MOST_REPLIES = 20_000  # kept apart: their words are partly strangers'
OTHER = "other words"
HOUR, QUARTER = 3_600_000_000, 900_000_000  # microseconds
COUNTED = Counted._fields[:-1]  # the words are those of the text


def keep(server: Server, rows: Iterable[Row], since: datetime | None = None) -> int:
    """Keep rows of attempts and count them; how many were not known before.

    What became of a message whose beginning is not known changes a row, and makes
    none: it may have been mail of the server's own. Nor does what began before
    `since`: it was kept once, and forgotten.
    """
    oldest = microseconds(since) if since else 0
    latest = {row.key: row for row in rows}
    before = known([*latest])
    wanted = [
        complete(row, before[row.key]) if row.key in before else row
        for row in latest.values()
        if row.key in before or (row.client_address and row.at >= oldest)
    ]
    numbers = replies({row.reply for row in wanted if row.reply})
    upsert(Attempt, COLUMNS, numbered(wanted, numbers), key=("key",))
    hits = [hit for row in filter(counting.noted, wanted) for hit in counting.hits(row)]
    forget_hits(row for row in wanted if row.key in before)
    upsert(Hit, HIT, hits, key=("attempt_id", "control"))
    meet(counting.correspondents(wanted, own_domains(server)))
    count(server, wanted, [*before.values()])
    return len(wanted) - len(before)


def numbered(rows: Iterable[Row], replies: dict[str, int]) -> list[tuple[Any, ...]]:
    """Rows for the database, which keeps a number for the words of a reply."""
    numbers: dict[str, int | None] = {**replies, "": None}
    return [(*row[:-1], numbers[row.reply]) for row in rows]


COLUMNS = (*Row._fields[:-1], "reply_id")
HIT = ("attempt_id", "control", "verdict", "at", "who", "sender_key")


def known(keys: Sequence[int]) -> dict[int, Counted]:
    """What was kept before of these keys."""
    found: dict[int, Counted] = {}
    names = ", ".join(("key", *COUNTED))
    with connection.cursor() as cursor:
        for start in range(0, len(keys), AT_ONCE):
            some = keys[start : start + AT_ONCE]
            marks = ", ".join(["%s"] * len(some))
            cursor.execute(
                f"SELECT {names} FROM {table(Attempt)} WHERE key IN ({marks})",  # noqa: S608
                some,
            )
            found |= {key: Counted(*rest) for key, *rest in cursor.fetchall()}
    return found


def own_domains(server: Server) -> tuple[str, ...]:
    """The own domains that are live."""
    return tuple((server.live_policy or {}).get("own", {}).get("domains", ()))


def forget_hits(rows: Iterable[Row]) -> None:
    """Delete what attempts hit before: they may be attributed otherwise now."""
    keys = [row.key for row in rows]
    for start in range(0, len(keys), AT_ONCE):
        Hit.objects.filter(attempt_id__in=keys[start : start + AT_ONCE]).delete()


def meet(seen: Mapping[int, int]) -> None:
    """Remember when correspondents wrote last, whatever log told of it later."""
    name = table(Correspondent)
    later = f"CASE WHEN excluded.at > {name}.at THEN excluded.at ELSE {name}.at END"
    values = sorted(seen.items())
    columns = ("sender_key", "at")
    insert(Correspondent, columns, values, columns[:1], f"at = {later}")


def complete(row: Row, before: Counted) -> Row:
    """A row that knows less than what was kept of it, with that: its beginning, its
    delivery, its verdict. Older logs may be read after newer ones.
    """
    undecided = row.outcome == counting.UNDECIDED != before.outcome
    if row.client_address and not undecided and (row.delivered or not before.delivered):
        return row
    stands = Attempt.objects.filter(key=row.key).values(*COLUMNS).get()
    del stands["reply_id"]
    news = {
        name: value
        for name, value in row._asdict().items()
        if value not in ("", None, b"") and name not in ("at", "command")
    }
    if undecided:
        del news["outcome"]
    lines = [*bytes(stands["raw"]).split(b"\n"), *row.raw.split(b"\n")]
    raw = b"\n".join(filter(None, dict.fromkeys(lines)))
    row = Row(**({"reply": ""} | stands | news | {"raw": raw}))
    return row._replace(reply=made.words_of(row.text, row.code))


def replies(texts: set[str]) -> dict[str, int]:
    """The numbers of these words, made where they are new."""
    found = numbers_of(texts) if texts else {}
    missing = texts - found.keys()
    if missing and Reply.objects.count() + len(missing) > MOST_REPLIES:
        Reply.objects.get_or_create(text=OTHER)
        return found | dict.fromkeys(missing, numbers_of({OTHER})[OTHER])
    if missing:
        Reply.objects.bulk_create(
            [Reply(text=text) for text in sorted(missing)], ignore_conflicts=True
        )
        found |= numbers_of(missing)
    return found


def numbers_of(texts: set[str]) -> dict[str, int]:
    """The numbers of those words that are known."""
    known = Reply.objects.in_bulk(texts, field_name="text")
    return {text: reply.pk for text, reply in known.items()}


def count(server: Server, now: Sequence[Row], before: Sequence[Counted]) -> None:
    """Count what is new, and take back what was counted before."""
    hours: Counter[tuple[Any, ...]] = Counter()
    things: Counter[tuple[Any, ...]] = Counter()
    for sign, rows in ((1, now), (-1, before)):
        # Most attempts of an hour were accepted, and count alike.
        alike = Counter(zip(map(hour, rows), map(counting.verdicts, rows), strict=True))
        for (number, verdicts), times in alike.items():
            for which in counting.hours(*verdicts):
                hours[counting.hour_of(number), *which] += sign * times
        for each in filter(counting.noted, rows):
            day = counting.day_of(each.at // QUARTER)
            for thing in counting.things(each):
                things[day, *thing] += sign
    add(Hour, ("hour", "control", "verdict"), server, hours)
    add(Daily, ("day", "what", "value", "verdict"), server, things)


def hour(counted: Row | Counted) -> int:
    """The number of its hour since 1970."""
    return counted.at // HOUR


def add(
    model: type[Model], names: tuple[str, ...], server: Server, counts: Counter[Any]
) -> None:
    """Add to rows of counts, made where they are missing."""
    columns = ("server_id", *names, "count")
    values = [(server.pk, *key, n) for key, n in counts.items() if n]
    set_to = f"count = {table(model)}.count + excluded.count"
    insert(model, columns, values, columns[:-1], set_to)


def upsert(
    model: type[Model],
    columns: tuple[str, ...],
    values: Sequence[tuple[Any, ...]],
    *,
    key: tuple[str, ...],
) -> None:
    """Write rows; one with this key already is replaced."""
    others = [name for name in columns if name not in key]
    set_to = ", ".join(f"{name} = excluded.{name}" for name in others)
    insert(model, columns, values, key, set_to)


def insert(
    model: type[Model],
    columns: tuple[str, ...],
    values: Sequence[tuple[Any, ...]],
    key: tuple[str, ...],
    set_to: str,
) -> None:
    """Insert rows, or do `set_to` where one with this key stands."""
    if not values:
        return
    marks = ", ".join(["%s"] * len(columns))
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {table(model)} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608
            f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {set_to}",
            values,
        )


def table(model: type[Model]) -> str:
    """The name of a model's table."""
    return model._meta.db_table
