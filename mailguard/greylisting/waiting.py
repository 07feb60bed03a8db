"""Who waits now, and what waiting cost: from the triplets that the log tells of.

What was only logged, in learn mode, is not among them: there nobody waits.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from statistics import median

from django.db.models import QuerySet, Sum
from django.utils import timezone

from mailguard.greylisting.models import Figures
from mailguard.servers.models import Server
from mailguard.traffic.days import day_of, midnight
from mailguard.traffic.models import Hour, Triplet, Verdict
from mailguard.traffic.times import microseconds, time_of
from postfixconf.policy.greylisting import GREYLISTING, Greylisting

__all__ = ["Kept", "Waiting", "Week", "kept_waiting", "live_settings", "weeks"]

SHOWN = 20  # triplets on the page
MOST = 1000  # that are counted
LEISURE = 20  # times as long as the counting took, until it is done again
WEEKS = 12
WEEK = timedelta(days=7)
FEW = 20  # mails from which on a p95 means something


@dataclass(frozen=True)
class Waiting:
    """One that was put off and has not come back in time.

    `left` is how long it still has to wait, in seconds; 0 where its next try gets in.
    """

    client: str
    sender: str
    recipient: str
    first: datetime
    last: datetime
    tries: int
    left: int


@dataclass(frozen=True)
class Kept:
    """Everybody who waits: how many, how many still have to, and the newest of them.

    More than `MOST` are not counted: then there is one more.
    """

    count: int
    early: int
    shown: tuple[Waiting, ...]


@dataclass(frozen=True)
class Week:
    """The week that begins on `monday`: times are in seconds.

    `passed` are the mails that waited and came in, `accepted` all that came in at all
    (each recipient counts), `gone` those that never came back.
    """

    monday: str
    passed: int
    median: int
    p95: int
    gone: int
    accepted: int

    @property
    def day(self) -> date:
        """Its Monday."""
        return date.fromisoformat(self.monday)

    @property
    def share(self) -> float | None:
        """How many of a hundred accepted mails had waited; None where none came."""
        return 100 * self.passed / self.accepted if self.accepted else None

    @property
    def few(self) -> bool:
        """Whether there are too few for a p95 to say anything."""
        return self.passed < FEW


def live_settings(server: Server) -> Greylisting:
    """How the live postgrey is set."""
    return Greylisting.from_json((server.live_policy or {}).get(GREYLISTING))


def unfinished(server: Server, settings: Greylisting) -> QuerySet[Triplet]:
    """Those that were put off, may still come back, and have not."""
    oldest = timezone.now() - timedelta(hours=settings.retry_window)
    rows = Triplet.objects.filter(server=server, passed_at=None)
    return rows.filter(last_at__gt=microseconds(oldest)).exclude(recipient="")


def kept_waiting(server: Server) -> Kept:
    """Who waits just now."""
    settings, now = live_settings(server), timezone.now()
    rows = unfinished(server, settings)
    since = microseconds(now - timedelta(seconds=settings.delay))
    newest = rows.order_by("-last_at")[:SHOWN]
    young = rows.filter(last_at__gt=since, first_at__gt=since)
    return Kept(
        rows.values("pk")[: MOST + 1].count(),
        young.values("pk")[: MOST + 1].count(),
        tuple(waits(row, settings, now) for row in newest),
    )


def waits(row: Triplet, settings: Greylisting, now: datetime) -> Waiting:
    """A row as a page tells it."""
    first = time_of(row.first_at)
    name = next((x for x in reversed(row.names) if x != "unknown"), "")
    address = row.clients[-1] if row.clients else row.network
    left = first + timedelta(seconds=settings.delay) - now
    return Waiting(
        f"{name}[{address}]" if name else address,
        row.sender,
        row.recipient,
        first,
        time_of(row.last_at),
        row.tries,
        max(0, round(left.total_seconds())),
    )


def weeks(server: Server) -> list[Week]:
    """The last weeks in which anybody waited, as last worked out; newest first."""
    row = Figures.objects.filter(server=server).first()
    return [Week(**each) for each in reversed(row.weeks)] if row else []


def work_out(server: Server) -> None:
    """Count anew what is still known, and keep what is not. For the worker.

    Once all weeks were counted, only the last two are, and not all the time where that
    takes long: an apply may wait for the worker.
    """
    row = Figures.objects.filter(server=server).first()
    begun = timezone.now()
    if row is not None and begun - row.at < timedelta(milliseconds=LEISURE * row.ms):
        return
    known = {each["monday"]: each for each in (row.weeks if row else [])}
    oldest = Triplet.objects.filter(server=server).order_by("last_at").first()
    if oldest is None and not known:
        return
    # A week of which something is forgotten already keeps its figures.
    whole = time_of(oldest.last_at) if oldest else timezone.now()
    for week in counted(server, begun, 2 if known else WEEKS):
        if midnight(week.day) >= whole - WEEK or week.monday not in known:
            known[week.monday] = asdict(week)
    told = [known[monday] for monday in sorted(known)][-WEEKS:]
    now = timezone.now()
    ms = (now - begun) // timedelta(milliseconds=1)
    Figures.objects.update_or_create(
        server=server, defaults={"weeks": told, "at": now, "ms": ms}
    )


def counted(server: Server, now: datetime, number: int) -> list[Week]:
    """Every one of the last weeks that somebody waited in, from the rows."""
    today = day_of(now)
    start = today - timedelta(days=today.weekday() + 7 * (number - 1))
    begin = midnight(start)
    rows = Triplet.objects.filter(server=server, last_at__gt=microseconds(begin))
    rows = rows.exclude(recipient="")
    passed: dict[date, list[int]] = {}
    for at, delay in rows.filter(delay__gt=0).values_list("passed_at", "delay"):
        if at is not None and delay is not None:
            passed.setdefault(monday_of(time_of(at)), []).append(delay)
    over = now - timedelta(hours=live_settings(server).retry_window)
    lost = rows.filter(passed_at=None, last_at__lt=microseconds(over))
    gone = Counter(
        monday_of(time_of(at)) for at in lost.values_list("last_at", flat=True)
    )
    hours = Hour.objects.filter(server=server, control="", verdict=Verdict.ACCEPTED)
    accepted: Counter[date] = Counter()
    for hour, number in (
        hours.filter(hour__gte=begin).values_list("hour").annotate(number=Sum("count"))
    ):
        accepted[monday_of(hour)] += number
    return [
        Week(
            monday.isoformat(),
            len(passed.get(monday, ())),
            round(median(passed[monday])) if monday in passed else 0,
            percentile(passed.get(monday, ()), 95),
            gone[monday],
            accepted[monday],
        )
        for monday in sorted({*passed, *gone})
    ]


def monday_of(moment: datetime) -> date:
    """The Monday of the week that a moment is in."""
    day = day_of(moment)
    return day - timedelta(days=day.weekday())


def percentile(values: Iterable[int], percent: int) -> int:
    """What so many of a hundred values do not exceed; 0 where there are none."""
    ranked: Sequence[int] = sorted(values)
    return ranked[-(-len(ranked) * percent // 100) - 1] if ranked else 0
