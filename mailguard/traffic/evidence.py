"""What each control did or would have done lately, worked out piece by piece.

The worker calls `refresh` every few seconds. One piece is one day of one control,
so that the worker is never busy for long; a day is counted again when the hourly
counts say that it changed, or after an hour, as a sender may have become a usual
one. Pages read the rows it leaves and count nothing.

Hits do not name their server: with several servers their figures are together.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from time import monotonic
from typing import Any

from django.db.models import Count, Exists, OuterRef, Sum
from django.utils import timezone

from mailguard.servers.models import Live, Server
from mailguard.traffic.days import day_of, days_before, midnight
from mailguard.traffic.models import (
    HITS,
    Correspondent,
    Evidence,
    Hit,
    Hour,
    Log,
    Verdict,
)
from mailguard.traffic.times import microseconds
from mailguard.traffic.tops import PERIODS, REST, refresh_top
from postfixconf.maillog.attribution import ZONES
from postfixconf.policy.catalog import CONTROLS
from postfixconf.policy.control import Mode

__all__ = ["DAYS", "Day", "Figures", "refresh", "watched"]

DAYS = 7
KEPT = 2 * DAYS  # this week and the one before
STALE = timedelta(hours=1)


@dataclass(frozen=True)
class Day:
    """One day of one control, in the zone of the settings.

    `refused`, `put_off` and `would` are different (client network, sender,
    recipient); `usual` those of them whose sender is otherwise accepted; `attempts`
    all of them, each try. `counted` is what the hours said when it was counted, `at`
    when that was, in seconds since 1970.
    """

    date: str
    refused: int = 0
    put_off: int = 0
    would: int = 0
    usual: int = 0
    attempts: int = 0
    counted: int = 0
    at: float = 0

    @property
    def hits(self) -> int:
        """Whatever it met with."""
        return self.refused + self.put_off + self.would


@dataclass(frozen=True)
class Figures:
    """One control over two weeks, as `Evidence.figures` keeps it.

    `days` are those of which something is known, oldest first. `since` is when it
    was switched to its present mode, ISO 8601, "" where the server was found with
    it; `revision` the one that did. `heard` is from when on the log tells of it: a
    control that only logged before it was on was heard then as well. None is where
    nobody wrote that down. `took` is how many seconds counting cost.
    """

    days: tuple[Day, ...] = ()
    since: str = ""
    revision: int = 0
    took: float = 0
    heard: str | None = None

    @classmethod
    def of(cls, kept: dict[str, Any]) -> "Figures":
        """The figures that a row keeps."""
        days = tuple(Day(**each) for each in kept.get("days", ()))
        return cls(**{**kept, "days": days})

    def on(self, dates: list[date]) -> list[Day]:
        """These days, an empty one where nothing is known."""
        known = {each.date: each for each in self.days}
        return [known.get(str(each), Day(str(each))) for each in dates]


def watched(server: Server) -> list[str]:
    """The controls that leave lines in the log, lists that somebody added as well."""
    fixed = [each.key for each in CONTROLS if each.signature]
    live = Live.objects.filter(server=server).values_list("key", flat=True)
    own = sorted(key for key in live if key.startswith(ZONES) and key not in fixed)
    return [*fixed, *own]


def refresh(server: Server, seconds: float) -> None:
    """Bring the evidence of controls up to date, for about `seconds`.

    What was counted longest ago comes first, so that all have their turn. It may
    be late by one piece: one day of one control, or the first ten of one period.
    """
    until = monotonic() + seconds
    kept = {row.control: row for row in Evidence.objects.filter(server=server)}
    live = {row.key: row for row in Live.objects.filter(server=server)}
    log = Log.objects.filter(server=server).only("keep_days").first()
    keep = max(1, log.keep_days) if log else KEPT
    names = [*watched(server), *(f"top:{period}" for period in PERIODS)]
    order = sorted(
        names, key=lambda key: kept[key].at.timestamp() if key in kept else 0
    )
    for key in order:
        if monotonic() >= until:
            return
        row = kept.get(key)
        if key.startswith("top:"):
            refresh_top(server, key, row)
        elif not resting(row):
            before = Figures.of(row.figures) if row else Figures()
            figures = switched(before, live.get(key))
            figures = _brought_up_to_date(server, key, figures, keep, until)
            if figures != before:
                _keep(server, key, figures)


def resting(row: Evidence | None) -> bool:
    """Whether this was counted too lately for what it cost."""
    if row is None:
        return False
    return timezone.now() - row.at < timedelta(seconds=REST * row.figures["took"])


def switched(figures: Figures, live: Live | None) -> Figures:
    """The figures with the time of the last switch, where that is news.

    Revision 1 is the server as it was found: since when is not known.
    """
    revision = live.since_revision if live and live.mode != Mode.OFF else 0
    if revision == figures.revision:
        return figures
    since = timezone.now().isoformat() if revision > 1 else ""
    heard = figures.heard if figures.revision else since
    return replace(figures, revision=revision, since=since, heard=heard)


def _brought_up_to_date(
    server: Server, key: str, figures: Figures, keep: int, until: float
) -> Figures:
    """The figures with the days counted that are due, as far as time allows."""
    begun = monotonic()
    dates = days_before(day_of(timezone.now()), KEPT)
    days = {each.date: each for each in figures.on(dates)}
    hours = _by_hour(server, key, midnight(dates[0]))
    counted = False
    for due in _due(list(days.values())[-keep:], hours):
        days[due.date], counted = _count(key, due), True
        if monotonic() >= until:
            break
    if not counted:
        return figures
    known = tuple(each for each in days.values() if each.at)
    return replace(figures, days=known, took=round(monotonic() - begun, 3))


def _due(days: list[Day], hours: dict[datetime, int]) -> Iterator[Day]:
    """The days to be counted again, newest first, each with its hourly count."""
    stale = (timezone.now() - STALE).timestamp()
    for each in reversed(days):
        start, end = _span(each)
        first = start.replace(minute=0)  # the hour that midnight may lie in
        counted = sum(n for hour, n in hours.items() if first <= hour < end)
        if counted != each.counted or (counted and each.at < stale):
            yield replace(each, counted=counted)


def _keep(server: Server, key: str, figures: Figures) -> None:
    Evidence.objects.update_or_create(
        server=server,
        control=key,
        defaults={"figures": asdict(figures), "at": timezone.now()},
    )


def _by_hour(server: Server, key: str, start: datetime) -> dict[datetime, int]:
    rows = Hour.objects.filter(
        server=server,
        control=key,
        hour__gte=start - timedelta(hours=1),
        verdict__in=HITS,
    )
    by_hour = rows.values_list("hour").annotate(Sum("count")).order_by()
    return dict(by_hour)


def _span(day: Day) -> tuple[datetime, datetime]:
    start = date.fromisoformat(day.date)
    return midnight(start), midnight(start + timedelta(days=1))


def _count(key: str, day: Day) -> Day:
    """The day counted anew."""
    start, end = map(microseconds, _span(day))
    hits = Hit.objects.filter(
        control=key, verdict__in=HITS, at__gte=start, at__lt=end
    ).order_by()
    met = {
        verdict: (who, attempts)
        for verdict, who, attempts in hits.values_list("verdict").annotate(
            Count("who", distinct=True), Count("pk")
        )
    }
    usual = Correspondent.objects.filter(sender_key=OuterRef("sender_key"))
    of_usual = hits.filter(Exists(usual)).aggregate(n=Count("who", distinct=True))
    return replace(
        day,
        refused=met.get(Verdict.REFUSED, (0, 0))[0],
        put_off=met.get(Verdict.PUT_OFF, (0, 0))[0],
        would=met.get(Verdict.WOULD, (0, 0))[0],
        attempts=sum(attempts for _, attempts in met.values()),
        usual=of_usual["n"],
        at=timezone.now().timestamp(),
    )
