"""Finding attempts among millions: a few short walks along indexes, merged.

Newest first. Pages follow one another by the last row looked at; nothing is counted.
A page looks at MOST_LOOKS rows at most, so a filter that fits almost nothing gives a
short page that says how far it came, never a slow one.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from heapq import merge

from django.utils import timezone

from mailguard.asked import Asked
from mailguard.servers.models import Server
from mailguard.traffic.models import HITS, Attempt, Hit, Verdict
from mailguard.traffic.questions import walks_of
from mailguard.traffic.times import microseconds
from mailguard.traffic.walks import Look, Place, Span, Walk
from postfixconf.errors import BadValue

__all__ = ["PERIODS", "VERDICTS", "Page", "Search"]

SIZE = 25  # a page of them is long enough on a phone
MOST_LOOKS = 6000  # rows looked at for one page
PERIODS = {
    "hour": ("last hour", timedelta(hours=1)),
    "day": ("last 24 hours", timedelta(days=1)),
    "week": ("last 7 days", timedelta(days=7)),
    "month": ("last 30 days", timedelta(days=30)),
}
DELIVERIES = {
    "delivered": ("sent",),
    "waiting": ("deferred",),
    "bounced": ("bounced", "expired", "undeliverable"),
}
VERDICTS = {
    Verdict.ACCEPTED.value: "accepted",
    "delivered": "accepted and delivered",
    "waiting": "accepted, waiting in the queue",
    "bounced": "accepted, but bounced",
    Verdict.REFUSED.value: "refused",
    Verdict.PUT_OFF.value: "put off",
    Verdict.WOULD.value: "would have been refused or put off",
    Verdict.UNDECIDED.value: "undecided",
}


@dataclass(frozen=True)
class Page:
    """The attempts of one page, and where the next begins; empty for none.

    `reached` is how far back it looked when it gave up before it was full.
    """

    rows: list[Attempt]
    next: str = ""
    reached: datetime | None = None


@dataclass(frozen=True)
class Search(Asked):
    """What somebody looks for; all empty for everything."""

    CHOICES = {"time": PERIODS, "verdict": VERDICTS}

    text: str = ""
    time: str = ""
    since: str = ""
    until: str = ""
    verdict: str = ""
    control: str = ""

    @property
    def filtered(self) -> bool:
        """Whether it leaves anything out."""
        return self != Search()

    @cached_property
    def span(self) -> Span:
        """The time that is meant. Raises BadValue for what is no time."""
        since, until = moment(self.since), moment(self.until)
        if since is None and self.time:
            since = microseconds(timezone.now() - PERIODS[self.time][1])
        if since is not None and until is not None and until <= since:
            raise BadValue(self.until, "the end is not behind the beginning")
        return Span(since, until)

    def page(self, server: Server, after: str = "") -> Page:
        """The attempts behind `after`, which an earlier page gave as its `next`.

        Raises BadValue, which quotes what cannot be looked for.
        """
        place = Place.read(after)
        walks = [walk.looks(self.span, place) for walk in self.walks(server)]
        found: dict[int, Look] = {}
        last = None
        for looked, (look, fits) in enumerate(merge(*walks, key=newest)):
            if last and looked == MOST_LOOKS:
                return Page(rows_of(found), str(last.place), last.when)
            if fits and self.fits(look):
                if last and len(found) == SIZE and look.key not in found:
                    return Page(rows_of(found), str(last.place))
                found[look.key] = look
            last = look
        return Page(rows_of(found))

    def walks(self, server: Server) -> list[Walk]:
        """Where to look: by the text, or else by the rarest filter."""
        if self.text.strip():
            return walks_of(self.text, server)
        hits = [self.verdict] if self.verdict in HITS else []
        if self.control:
            rows = Hit.objects.filter(control=self.control)
            return [Walk(rows.filter(verdict=each)) for each in hits or HITS]
        if hits:
            return [Walk(Hit.objects.filter(verdict=self.verdict))]
        return [Walk(Attempt.objects.all())]

    def fits(self, look: Look) -> bool:
        """Whether verdict and control are as asked for."""
        if self.control and self.control not in (look.control, *look.warned.split()):
            return False
        if self.verdict in DELIVERIES:
            return look.delivered in DELIVERIES[self.verdict]
        if self.verdict == Verdict.WOULD:
            return bool(look.warned)
        return self.verdict in ("", look.outcome)


def newest(each: tuple[Look, bool]) -> tuple[int, int]:
    """The order of looks."""
    return -each[0].at, -each[0].key


def rows_of(keys: Mapping[int, Look]) -> list[Attempt]:
    """The attempts with these keys, in their order."""
    rows = Attempt.objects.in_bulk(keys, field_name="key")
    return [rows[key] for key in keys if key in rows]


def moment(text: str) -> int | None:
    """Microseconds of a time, in this site's zone where it names none; None for "".

    Raises BadValue for what is no time.
    """
    if not text.strip():
        return None
    with suppress(ValueError, OverflowError):
        at = datetime.fromisoformat(text.strip())
        return microseconds(at if timezone.is_aware(at) else timezone.make_aware(at))
    raise BadValue(text, "not a time (2027-01-31 or 2027-01-31T18:00)")
