"""The domains, clients and reasons that were met most: counted by the worker.

A busy month has hundreds of thousands of rows, too many for a page to add up. The
ten first of each stand in a row of evidence that is named by its period, `top:7d`,
and are worked out again when the hours changed, not sooner than twenty times what
it took.
"""

from datetime import datetime, timedelta
from time import monotonic
from typing import Any, NamedTuple

from django.db.models import Q, Sum
from django.utils import timezone

from mailguard.servers.models import Server
from mailguard.traffic.days import day_of, midnight
from mailguard.traffic.models import HITS, Daily, Evidence, Hour, Verdict
from mailguard.traffic.series import Part

__all__ = ["PERIODS", "REST", "Top", "refresh_top", "tops"]

# A day is the smallest that is kept: 24 hours are today and yesterday.
PERIODS = {"24h": 2, "7d": 7, "30d": 30}
TEN = 10
REST = 20  # what took one second to count rests for twenty


class Top(NamedTuple):
    """One of the first ten: how many of its attempts met with what.

    `value` is a stranger's text.
    """

    value: str
    refused: int
    put_off: int
    would: int

    @property
    def total(self) -> int:
        """Whatever it met with."""
        return self.refused + self.put_off + self.would

    @property
    def parts(self) -> list[tuple[Part, int]]:
        """What it met with."""
        met = [
            (Part.REFUSED, self.refused),
            (Part.PUT_OFF, self.put_off),
            (Part.WOULD, self.would),
        ]
        return [each for each in met if each[1]]


def tops(server: Server, period: str) -> dict[str, list[Top]]:
    """The first ten by what is counted (`Daily.What`), as last worked out."""
    row = Evidence.objects.filter(server=server, control=f"top:{period}").first()
    kept = row.figures["tops"] if row else {}
    return {what: [Top(*each) for each in kept.get(what, ())] for what in Daily.What}


def refresh_top(server: Server, name: str, row: Evidence | None) -> None:
    """Work out the first ten of a period again; `row` are those of before."""
    period = name.removeprefix("top:")
    rest = timedelta(seconds=REST * row.figures["took"]) if row else timedelta()
    if row is None or timezone.now() - row.at >= rest:
        _refresh(server, period, PERIODS[period], row)


def _refresh(server: Server, period: str, days: int, row: Evidence | None) -> None:
    first = day_of(timezone.now()) - timedelta(days=days - 1)
    stamp = [str(first), _stopped(server, midnight(first))]
    if stamp == (row.figures["stamp"] if row else [str(first), 0]):
        return
    begun = monotonic()
    found = {what.value: _top(server, what, first) for what in Daily.What}
    figures = {"stamp": stamp, "tops": found, "took": monotonic() - begun}
    Evidence.objects.update_or_create(
        server=server,
        control=f"top:{period}",
        defaults={"figures": figures, "at": timezone.now()},
    )


def _stopped(server: Server, start: datetime) -> int:
    """How many attempts of all mail were not simply accepted since then."""
    hours = Hour.objects.filter(
        server=server, control="", hour__gte=start, verdict__in=HITS
    )
    return hours.aggregate(n=Sum("count"))["n"] or 0


def _top(server: Server, what: str, first: object) -> list[list[Any]]:
    rows = Daily.objects.filter(
        server=server, what=what, day__gte=first, verdict__in=HITS
    )
    counted = (
        rows.values_list("value")
        .annotate(
            refused=Sum("count", filter=Q(verdict=Verdict.REFUSED), default=0),
            put_off=Sum("count", filter=Q(verdict=Verdict.PUT_OFF), default=0),
            would=Sum("count", filter=Q(verdict=Verdict.WOULD), default=0),
            total=Sum("count"),
        )
        .order_by("-total", "value")[:TEN]
    )
    return [list(each[:4]) for each in counted]
