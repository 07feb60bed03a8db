"""Recent attempts are personal data: after some days they are gone."""

import time
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from mailguard.audit.services import Actor, record
from mailguard.servers.models import Server
from mailguard.traffic.intake import log_of
from mailguard.traffic.models import (
    Attempt,
    Correspondent,
    Daily,
    Hit,
    LetThrough,
    Triplet,
    Usage,
    Verdict,
)
from mailguard.traffic.times import microseconds

__all__ = ["LONGEST", "aged", "forget", "keep_for", "step"]

AT_ONCE = 2000  # rows deleted in one transaction: the database stays free for others
LONGEST = 3650  # days


def forget(server: Server, seconds: float = 0.3) -> bool:
    """Delete what is too old for about `seconds`; whether something may be left.

    What a wrong clock dated as far ahead goes as well, or it would stay for ever.
    """
    until = time.monotonic() + seconds
    now, keep = timezone.now(), timedelta(days=log_of(server).keep_days)
    oldest, latest = now - keep, now + keep
    days = Daily.objects.filter(server=server)
    days.filter(Q(day__lt=oldest.date()) | Q(day__gt=latest.date())).delete()
    rows = [*aged(at__lt=oldest), *aged(at__gt=latest)]
    left = [forgotten(each, until) for each in rows]
    return any(left)


def aged(**where: datetime) -> list[QuerySet[Any]]:
    """The rows of each kind `at__lt` or `at__gt` a time, along an index."""
    at = {name: microseconds(each) for name, each in where.items()}
    last = {f"last_{name}": each for name, each in at.items()}
    return [
        Attempt.objects.filter(**at).order_by("at"),
        *(Hit.objects.filter(verdict=each, **at).order_by("at") for each in Verdict),
        Correspondent.objects.filter(**at).order_by("at"),
        Triplet.objects.filter(**last).order_by("last_at"),
        LetThrough.objects.filter(**last).order_by("last_at"),
        Usage.objects.filter(**last).order_by("last_at"),
    ]


def forgotten(rows: QuerySet[Any], until: float) -> bool:
    """Delete rows step by step while there is time; whether there may be more."""
    while time.monotonic() < until:
        if not step(rows):
            return False
    return True


def step(rows: QuerySet[Any]) -> bool:
    """Delete some of these rows in one transaction; whether there were any."""
    keys = [*rows.values_list("pk", flat=True)[:AT_ONCE]]
    rows.model._default_manager.filter(pk__in=keys)._raw_delete(rows.db)
    return bool(keys)


def keep_for(*, server: Server, days: int, domains_only: bool, actor: Actor) -> None:
    """Keep attempts for so many days, from now on perhaps without local parts."""
    log = log_of(server)
    for what, before, after in (
        ("days that attempts are kept", log.keep_days, days),
        ("keep domains only", log.domains_only, domains_only),
    ):
        if before != after:
            record(actor=actor, what=what, before=str(before), after=str(after))
    log.keep_days, log.domains_only = days, domains_only
    log.save(update_fields=["keep_days", "domains_only"])
