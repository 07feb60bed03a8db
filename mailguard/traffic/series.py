"""Counts over time: hourly rows in buckets, with noughts where nothing came.

An hour that reaches over the edge of a bucket (in zones that are half an hour off)
counts where it begins.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from django.db.models import Case, Sum, When

from mailguard.servers.models import Server
from mailguard.traffic.days import day_of, days_before, midnight
from mailguard.traffic.models import Hour, Verdict
from postfixconf.maillog.attribution import GREYLISTING

__all__ = [
    "Bucket",
    "Part",
    "Period",
    "edges",
    "fill",
    "recipients_a_day",
    "series",
    "summary",
]

HOUR = timedelta(hours=1)
QUARTERS = (0, 6, 12, 18)


class Period(StrEnum):
    """How far back somebody looks."""

    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"

    @property
    def words(self) -> str:
        """What a page calls it."""
        return f"{self.value[:-1]} {'hours' if self is Period.DAY else 'days'}"

    @property
    def time(self) -> str:
        """How the search calls it."""
        return self.name.lower()


class Part(StrEnum):
    """What became of attempts; the value is its class in the style sheet."""

    ACCEPTED = "accepted"
    GREYLISTED = "greylisted"
    PUT_OFF = "put-off"
    REFUSED = "refused"
    WOULD = "would"

    @property
    def words(self) -> str:
        """What a page calls it."""
        would = "would have been refused or put off"
        return {Part.PUT_OFF: "put off", Part.WOULD: would}.get(self, self.value)

    @property
    def verdict(self) -> str:
        """The verdict that the search knows it by."""
        off = self in (Part.GREYLISTED, Part.PUT_OFF)
        return "put off" if off else self.value


PARTS = {
    Verdict.ACCEPTED: Part.ACCEPTED,
    Verdict.PUT_OFF: Part.PUT_OFF,
    Verdict.REFUSED: Part.REFUSED,
    Verdict.WOULD: Part.WOULD,
}
Count = tuple[datetime, Part, int]


@dataclass
class Bucket:
    """A stretch of time, and how many attempts met with what in it."""

    start: datetime
    end: datetime
    counts: Counter[Part] = field(default_factory=Counter)


def edges(period: Period, now: datetime) -> list[datetime]:
    """Where the buckets begin, and where the last one ends; UTC.

    24 hours, seven days in quarters, or thirty days; the last hour or day is the
    present one. Days are those of the zone of the settings, so a quarter can have
    five hours.
    """
    if period is Period.DAY:
        last = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        return [last - HOUR * back for back in range(23, -2, -1)]
    hours = QUARTERS if period is Period.WEEK else (0,)
    days = days_before(day_of(now), 7 if period is Period.WEEK else 30)
    begins = [midnight(day, hour) for day in days for hour in hours]
    return [*begins, midnight(days[-1] + timedelta(days=1))]


def fill(edges: list[datetime], counts: Iterable[Count]) -> list[Bucket]:
    """The buckets between these edges; what lies outside is left out."""
    buckets = [Bucket(*pair) for pair in pairwise(edges)]
    for hour, part, count in counts:
        place = bisect_right(edges, hour) - 1
        if 0 <= place < len(buckets):
            buckets[place].counts[part] += count
    return buckets


def series(server: Server, period: Period, key: str, now: datetime) -> list[Bucket]:
    """What all mail met with, or the control with this key, where it is not ""."""
    begins = edges(period, now)
    buckets = fill(begins, _counts(server, key, begins))
    for each in buckets:
        _part(each.counts)
    return buckets


def summary(server: Server, now: datetime) -> Counter[Part]:
    """What all mail met with since midnight."""
    today = day_of(now)
    begins = [midnight(today), midnight(today + timedelta(days=1))]
    (bucket,) = fill(begins, _counts(server, "", begins))
    _part(bucket.counts)
    return bucket.counts


def recipients_a_day(server: Server, now: datetime) -> int | None:
    """Recipients in the last 24 hours, None where the log tells of none."""
    since = now - timedelta(days=1)
    every = Hour.objects.filter(server=server, control="", hour__gt=since)
    total: int | None = every.exclude(verdict=Verdict.WOULD).aggregate(
        total=Sum("count")
    )["total"]
    return total or None


def _part(counts: Counter[Part]) -> None:
    """Tell what was greylisted from what else was put off."""
    counts[Part.GREYLISTED] = min(counts[Part.GREYLISTED], counts[Part.PUT_OFF])
    counts[Part.PUT_OFF] -= counts[Part.GREYLISTED]


def _counts(server: Server, key: str, begins: list[datetime]) -> Iterator[Count]:
    """What is between these edges; of all mail, what was greylisted is in twice."""
    keys = [key] if key else ["", GREYLISTING]
    for start, control, verdict, count in _sums(server, keys, begins):
        if control == key and verdict in PARTS:
            yield start, PARTS[Verdict(verdict)], count
        elif verdict == Verdict.PUT_OFF:
            yield start, Part.GREYLISTED, count


def _sums(
    server: Server, keys: list[str], begins: list[datetime]
) -> Iterator[tuple[datetime, str, str, int]]:
    """Sums by bucket, added up by the database: thousands of hours are slow here."""
    rows = Hour.objects.filter(
        server=server, control__in=keys, hour__gte=begins[0], hour__lt=begins[-1]
    )
    ends = [When(hour__lt=end, then=n) for n, end in enumerate(begins[1:])]
    sums = rows.values_list(Case(*ends), "control", "verdict").annotate(Sum("count"))
    for place, control, verdict, count in sums.order_by():
        yield begins[place], control, verdict, count
