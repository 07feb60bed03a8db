"""Recent attempts are personal data: after some days they are gone."""

import time
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from mailguard.audit.services import Actor, record
from mailguard.servers.models import Server
from mailguard.traffic.intake import log_of
from mailguard.traffic.models import (
    Attempt,
    Correspondent,
    Daily,
    Hit,
    Triplet,
    Verdict,
)

__all__ = ["LONGEST", "aged", "forget", "keep_for", "step"]

AT_ONCE = 2000  # rows deleted in one transaction: the database stays free for others
LONGEST = 3650  # days


def forget(server: Server, seconds: float = 0.3) -> bool:
    """Delete what is too old for about `seconds`; whether something may be left."""
    until = time.monotonic() + seconds
    oldest = timezone.now() - timedelta(days=log_of(server).keep_days)
    Daily.objects.filter(server=server, day__lt=oldest.date()).delete()
    left = [forgotten(rows, until) for rows in aged(oldest)]
    return any(left)


def aged(oldest: datetime) -> list[QuerySet[Any]]:
    """The rows of each kind that are too old, along an index."""
    at = int(oldest.timestamp() * 1_000_000)
    return [
        Attempt.objects.filter(at__lt=at).order_by("at"),
        *(
            Hit.objects.filter(verdict=verdict, at__lt=at).order_by("at")
            for verdict in Verdict
        ),
        Correspondent.objects.filter(at__lt=at).order_by("at"),
        Triplet.objects.filter(last_at__lt=at).order_by("last_at"),
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
