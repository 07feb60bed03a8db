"""Recent attempts are personal data: after some days they are gone."""

from datetime import datetime, timedelta

from django.db.models import Model
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
)

__all__ = ["LONGEST", "forget", "keep_for"]

AT_ONCE = 5000  # rows deleted in one transaction: the database stays free for others
LONGEST = 3650  # days


def forget(server: Server, most: int = 20) -> bool:
    """Delete what is too old, in small steps; whether something is left to delete.

    What a wrong clock dated as far ahead goes as well, or it would stay for ever.
    """
    now, keep = timezone.now(), timedelta(days=log_of(server).keep_days)
    days = Daily.objects.filter(server=server)
    days.filter(day__lt=(now - keep).date()).delete()
    days.filter(day__gt=(now + keep).date()).delete()
    left = [
        forgotten(model, column, f"{column}__{way}", than, most)
        for model, column in AGED
        for way, than in (("lt", now - keep), ("gt", now + keep))
    ]
    return any(left)


AGED: tuple[tuple[type[Model], str], ...] = (
    (Attempt, "at"),
    (Hit, "at"),
    (Correspondent, "at"),
    (Triplet, "last_at"),
)


def forgotten(
    model: type[Model], column: str, which: str, than: datetime, most: int
) -> bool:
    """Delete up to `most` steps of rows; whether there are more."""
    outside = {which: int(than.timestamp() * 1_000_000)}
    for _ in range(most):
        old = model._default_manager.filter(**outside).order_by(column)
        keys = [*old.values_list("pk", flat=True)[:AT_ONCE]]
        if not keys:
            return False
        model._default_manager.filter(pk__in=keys)._raw_delete("default")
    return True


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
