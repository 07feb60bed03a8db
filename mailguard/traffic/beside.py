"""What stands beside a switch: the figures of its control, fit for a page."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import urlencode

from django.utils import timezone

from mailguard.servers.models import Server
from mailguard.traffic.advice import Advice, Seen, advice
from mailguard.traffic.charts import Spark, sparkline
from mailguard.traffic.days import day_of, days_before, midnight
from mailguard.traffic.evidence import DAYS, Day, Figures
from mailguard.traffic.models import Evidence, Hour, Verdict
from mailguard.traffic.series import Period
from postfixconf.maillog.attribution import ZONES
from postfixconf.policy.catalog import CONTROLS, control
from postfixconf.policy.control import Mode
from postfixconf.policy.greylisting import GREYLISTING
from postfixconf.policy.listing import Asked

__all__ = ["Beside", "Mail", "beside", "mail"]

NOT_RECOMMENDED = frozenset(each.key for each in CONTROLS if not each.recommended)


@dataclass(frozen=True)
class Mail:
    """All attempts of the last seven days by hour, and when the first came at all."""

    hours: Mapping[datetime, int]
    first: datetime | None

    def since(self, start: datetime) -> int:
        """How many since then; the hour it lies in counts whole."""
        begin = start.replace(minute=0, second=0, microsecond=0)
        return sum(count for hour, count in self.hours.items() if hour >= begin)

    def days(self, since: datetime | None) -> int:
        """For how many whole days there was mail, since then."""
        if self.first is None:
            return 0
        start = max(self.first, since) if since else self.first
        return max(0, (timezone.now() - start) // timedelta(days=1))


@dataclass(frozen=True)
class Beside:
    """The evidence of one control, live in `mode`.

    `possible` says whether the log tells of it at all. `week` are seven days, oldest
    first; `start` is from when on they are known, which `whole` says is all of them,
    and `messages` are all attempts since. `before` is what the week before met, None
    where that cannot be compared.
    """

    key: str
    mode: Mode
    possible: bool
    week: tuple[Day, ...]
    before: int | None
    start: datetime
    whole: bool
    messages: int
    advice: Advice

    @property
    def allows(self) -> bool:
        """Whether it is an allow list, which refuses nobody."""
        return self.key.startswith(f"{Asked.ALLOW}:")

    @property
    def shown(self) -> bool:
        """Whether there are figures to show: it works, or did in these days."""
        return self.possible and (self.mode is not Mode.OFF or self.hits > 0)

    @property
    def hits(self) -> int:
        """Different (client network, sender, recipient) a day, whatever they met."""
        return sum(each.hits for each in self.week)

    @property
    def attempts(self) -> int:
        """Each try of them."""
        return sum(each.attempts for each in self.week)

    @property
    def usual(self) -> int:
        """Those whose sender is otherwise accepted."""
        return sum(each.usual for each in self.week)

    @property
    def parts(self) -> list[tuple[Verdict, int]]:
        """What they met and how many; where it met nothing, what it could have."""
        named = [
            (Verdict.REFUSED, sum(each.refused for each in self.week)),
            (Verdict.PUT_OFF, sum(each.put_off for each in self.week)),
            (Verdict.WOULD, sum(each.would for each in self.week)),
        ]
        nothing = Verdict.WOULD if self.mode is Mode.TEST else Verdict.REFUSED
        return [each for each in named if each[1]] or [(nothing, 0)]

    @property
    def named(self) -> list[tuple[str, int]]:
        """The same in words. Greylisting refuses nobody."""
        waits = self.key == GREYLISTING
        off = {Verdict.WOULD: "would have been put off", Verdict.REFUSED: "put off"}
        return [
            (off.get(verdict, verdict.label) if waits else verdict.label, count)
            for verdict, count in self.parts
        ]

    @property
    def search(self) -> str:
        """The page with these attempts."""
        verdicts = [verdict.value for verdict, _ in self.parts]
        one = {"verdict": verdicts[0]} if len(verdicts) == 1 else {}
        return "/search/?" + urlencode(
            {"control": self.key, **one, "time": Period.WEEK.time}
        )

    @property
    def bars(self) -> list[Spark]:
        """The seven days as bars."""
        return sparkline(
            (f"{date.fromisoformat(each.date):%a}", each.hits) for each in self.week
        )


def mail(server: Server) -> Mail:
    """The mail of this server, from its hourly counts."""
    rows = Hour.objects.filter(server=server, control="")
    rows = rows.exclude(verdict=Verdict.WOULD)  # counted as something else besides
    first = rows.order_by("hour").values_list("hour", flat=True).first()
    start = midnight(days_before(day_of(timezone.now()), DAYS)[0])
    hours: dict[datetime, int] = {}
    lately = rows.filter(hour__gte=start - timedelta(hours=1))
    for hour, count in lately.values_list("hour", "count"):
        hours[hour] = hours.get(hour, 0) + count
    return Mail(hours, first)


def beside(server: Server, live: Mapping[str, Mode]) -> dict[str, Beside]:
    """What stands beside these controls, by key; `live` are their modes."""
    rows = Evidence.objects.filter(server=server, control__in=live)
    figures = {row.control: Figures.of(row.figures) for row in rows}
    everything = mail(server)
    return {
        key: _beside(key, mode, figures.get(key, Figures()), everything)
        for key, mode in live.items()
    }


def _beside(key: str, mode: Mode, figures: Figures, everything: Mail) -> Beside:
    dates = days_before(day_of(timezone.now()), 2 * DAYS)
    days = figures.on(dates)
    week, last = tuple(days[DAYS:]), sum(each.hits for each in days[:DAYS])
    heard = figures.since if figures.heard is None else figures.heard
    since = datetime.fromisoformat(heard) if heard else None
    begin = midnight(dates[DAYS])
    known = _known_from(days, since)
    start = max(known, begin) if known else begin
    seen = Seen(
        messages=everything.since(start),
        days=everything.days(known),
        hits=sum(each.hits for each in week),
        usual=sum(each.usual for each in week),
        before=last,
    )
    comparable = last > 0 or since is None or since <= midnight(dates[0])
    return Beside(
        key=key,
        mode=mode,
        possible=key.startswith(ZONES) or control(key).signature is not None,
        week=week,
        before=last if comparable else None,
        start=start,
        whole=start == begin,
        messages=everything.since(start),
        advice=advice(
            seen,
            mode,
            waits=key == GREYLISTING,
            recommended=key not in NOT_RECOMMENDED,
        ),
    )


def _known_from(days: list[Day], since: datetime | None) -> datetime | None:
    """From when on the figures are whole: the switch, or a day before it that had hits.

    Hits of the day itself say nothing: they may have come after the switch. None is
    as long as there are any.
    """
    if since is None:
        return None
    first = str(day_of(since))
    met = [each.date for each in days if each.hits and each.date < first]
    return midnight(date.fromisoformat(met[0])) if met else since
