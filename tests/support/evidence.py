"""Rows as the intake of the mail log leaves them, made by hand."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count

from django.db.models import F, Max
from django.utils import timezone

from mailguard.servers.models import Live, Server
from mailguard.traffic.keys import key_of
from mailguard.traffic.models import Correspondent, Daily, Hit, Hour, Verdict
from mailguard.traffic.times import microseconds

__all__ = ["ago", "correspond", "daily", "hit", "hits", "hour", "live"]

numbers: Iterator[int] = count(1)


def ago(**parts: float) -> datetime:
    """So long before now."""
    return timezone.now() - timedelta(**parts)


def hour(
    server: Server, verdict: Verdict, number: int, at: datetime, control: str = ""
) -> None:
    """Count so many attempts in the hour of `at`."""
    row, _ = Hour.objects.get_or_create(
        server=server,
        control=control,
        verdict=verdict,
        hour=at.replace(minute=0, second=0, microsecond=0),
        defaults={"count": 0},
    )
    Hour.objects.filter(pk=row.pk).update(count=F("count") + number)


def hit(
    server: Server,
    control: str,
    verdict: Verdict,
    at: datetime,
    *,
    sender: str = "a@b.example",
    who: str = "",
) -> None:
    """One attempt that a control met; different from all others unless `who`."""
    number = next(numbers) + (Hit.objects.aggregate(n=Max("attempt"))["n"] or 0)
    Hit.objects.create(
        attempt_id=number,
        control=control,
        verdict=verdict,
        at=microseconds(at),
        who=key_of(who or number),
        sender_key=key_of(sender),
    )
    hour(server, verdict, 1, at, control)


def hits(server: Server, control: str, verdict: Verdict, number: int) -> None:
    """So many different ones just now."""
    for _ in range(number):
        hit(server, control, verdict, timezone.now())


def correspond(sender: str) -> None:
    """Mail of this sender was accepted, and no rule would have refused it."""
    Correspondent.objects.create(sender_key=key_of(sender), at=0)


def daily(server: Server, what: str, value: str, verdict: Verdict, number: int) -> None:
    """Count something today."""
    row, _ = Daily.objects.get_or_create(
        server=server,
        day=timezone.localdate(),
        what=what,
        value=value,
        verdict=verdict,
        defaults={"count": 0},
    )
    Daily.objects.filter(pk=row.pk).update(count=F("count") + number)


def live(server: Server, control: str, mode: str, revision: int = 1) -> None:
    """Have a control live in this mode since this revision."""
    Live.objects.update_or_create(
        server=server,
        key=control,
        defaults={"mode": mode, "since_revision": revision},
    )
