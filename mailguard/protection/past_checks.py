"""The last thirty days of a list's checks: a strip of days, and the worst of them.

A list in use is checked every minute, which makes forty thousand rows; so each check
is counted by its day as it is made, and pages read the days.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import F
from django.utils import timezone

from mailguard.protection.models import ListCheck, ListDay
from mailguard.servers.models import Server
from mailguard.traffic.days import day_of, days_before
from postfixconf.host.dnsbl import Health

__all__ = ["DAYS", "Day", "Past", "count", "past"]

DAYS = 30
FAILURES = 10  # told one by one
WIDTH, GAP = 8, 2  # pixels of a day in the strip
HEIGHTS = {"none": 3, "good": 10, "bad": 18}
HIGHEST = max(HEIGHTS.values())


@dataclass(frozen=True)
class Day:
    """The checks of one day; `ms` is the slowest answer."""

    date: date
    x: int
    checks: int = 0
    failed: int = 0
    ms: int = 0

    @property
    def word(self) -> str:
        """`none`, `good` or `bad`."""
        if not self.checks:
            return "none"
        return "bad" if self.failed else "good"

    @property
    def height(self) -> int:
        """How high it is drawn: what failed stands out without a colour."""
        return HEIGHTS[self.word]

    @property
    def y(self) -> int:
        """Where it begins, from above."""
        return HIGHEST - self.height

    @property
    def sentence(self) -> str:
        """The day in words."""
        if not self.checks:
            return f"{self.date:%d %b}: not checked"
        said = (
            f"{self.failed:,} of {self.checks:,} failed"
            if self.failed
            else (f"{self.checks:,} good")
        )
        return f"{self.date:%d %b}: {said}, slowest answer {self.ms:,} ms"


@dataclass(frozen=True)
class Past:
    """A list's checks: every day, oldest first, and the latest that failed."""

    days: tuple[Day, ...]
    failures: tuple[ListCheck, ...]

    @property
    def checks(self) -> int:
        """How many there were."""
        return sum(each.checks for each in self.days)

    @property
    def failed(self) -> int:
        """How many found it wanting."""
        return sum(each.failed for each in self.days)

    @property
    def told(self) -> list[Day]:
        """The days that it was checked, newest first."""
        return [each for each in reversed(self.days) if each.checks]

    @property
    def width(self) -> int:
        """Of the strip, in pixels."""
        return len(self.days) * (WIDTH + GAP) - GAP


def count(server: Server, found: Iterable[Health], at: datetime) -> None:
    """Count checks by their day, in the caller's transaction."""
    for health in found:
        row, _ = ListDay.objects.select_for_update().get_or_create(
            server=server, zone=health.zone, day=day_of(at)
        )
        ListDay.objects.filter(pk=row.pk).update(
            checks=F("checks") + 1,
            failed=F("failed") + bool(health.grave),
            ms=max(row.ms, health.ms),
        )


def past(server: Server, zones: Iterable[str]) -> dict[str, Past]:
    """The last thirty days of these lists, by zone."""
    dates = [*days_before(day_of(timezone.now()), DAYS)]
    rows = ListDay.objects.filter(server=server, day__gte=dates[0])
    known = {(row.zone, row.day): row for row in rows}
    failing = {zone for (zone, _), row in known.items() if row.failed}
    return {
        zone: Past(
            tuple(day(known.get((zone, d)), d, n) for n, d in enumerate(dates)),
            tuple(failures(server, zone)) if zone in failing else (),
        )
        for zone in zones
    }


def day(row: ListDay | None, at: date, number: int) -> Day:
    """A day as it is drawn."""
    x = number * (WIDTH + GAP)
    return Day(at, x, row.checks, row.failed, row.ms) if row else Day(at, x)


def failures(server: Server, zone: str) -> list[ListCheck]:
    """The latest checks that failed."""
    rows = ListCheck.objects.filter(server=server, zone=zone, trusted=False)
    return list(rows.filter(at__isnull=False).order_by("-at")[:FAILURES])
