"""A blocklist that suddenly refuses far more than it usually does."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Sum

from mailguard.servers.models import Server
from mailguard.traffic.models import Attempt, Hit, Hour, Verdict
from mailguard.traffic.times import microseconds

__all__ = ["Surge", "refused_since", "surge"]

WINDOW = timedelta(seconds=60)
CLIENTS = 10  # different ones in the window, at least
TIMES = 5  # more than so often the usual share
USUAL = timedelta(days=7)
ENOUGH = 100  # attempts that make a share usual
UNKNOWN = 0.1  # the usual share of a list that is too new to have one


@dataclass(frozen=True)
class Surge:
    """How many clients a control refused in the last minute, and its shares."""

    clients: int
    share: float
    usual: float

    @property
    def sentence(self) -> str:
        """The same in plain words."""
        return (
            f"It refused {self.clients} different clients within a minute, "
            f"{self.share:.0%} of all attempts; {self.usual:.0%} is usual."
        )


def surge(server: Server, key: str, now: datetime) -> Surge | None:
    """The surge of a control in the minute before `now`, if there is one."""
    start = microseconds(now - WINDOW)
    hits = Hit.objects.filter(control=key, verdict=Verdict.REFUSED, at__gt=start)
    clients = hits.values("attempt__client_address").distinct().count()
    if clients < CLIENTS:
        return None
    every = Attempt.objects.filter(server=server, at__gt=start).count()
    share, usual = hits.count() / max(every, 1), usual_share(server, key, now)
    return Surge(clients, share, usual) if share > TIMES * usual else None


def usual_share(server: Server, key: str, now: datetime) -> float:
    """Its share of all attempts in the last days, this hour left out."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    rows = Hour.objects.filter(server=server, hour__gte=now - USUAL, hour__lt=hour)
    every = rows.filter(control="").exclude(verdict=Verdict.WOULD)
    met = rows.filter(control=key).aggregate(n=Sum("count"))["n"] or 0
    all_of_them = every.aggregate(n=Sum("count"))["n"] or 0
    return met / all_of_them if met and all_of_them >= ENOUGH else UNKNOWN


def refused_since(key: str, since: datetime) -> int:
    """How many attempts a control refused since then.

    Most logs know whole seconds only: the second that has begun counts whole.
    """
    rows = Hit.objects.filter(control=key, verdict=Verdict.REFUSED)
    return rows.filter(at__gte=microseconds(since.replace(microsecond=0))).count()
