"""Entries whose time is over go by themselves, as a revision of their own."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from mailguard.audit.services import MAILGUARD
from mailguard.changes import services
from mailguard.changes.draft import alone
from mailguard.changes.models import Kind, Revision, State
from mailguard.errors import NotNow
from mailguard.lists import services as lists
from mailguard.servers import services as servers
from mailguard.servers.models import Server

__all__ = ["expire", "waiting"]

REASON = "expired"
FEW = 1000  # entries up to which each has a line of its own in the history
PATIENCE = timedelta(minutes=10)  # after an attempt that failed


def expire(server: Server) -> None:
    """Queue the removal of what has expired, and drop what expired as a draft.

    Quietly nothing where it has to wait: `waiting` says why.
    """
    now = timezone.now()
    with transaction.atomic():
        remove(now, live=False)
    if not lists.live().filter(expires_at__lte=now).exists() or hindrance(server):
        return
    try:
        request(server, now)
    except NotNow:
        return  # `waiting` tells it


@transaction.atomic
def request(server: Server, now: datetime) -> Revision:
    """Queue their removal, and nothing of the draft. Raises NotNow."""
    remove(now, live=True)
    rows = lists.live().filter(expires_at__lte=now)
    count = rows.count()
    one = rows[0].what if count == 1 else f"{count} entries"
    return services.request_apply(
        server=server,
        actor=MAILGUARD,
        reason=f"{REASON}: {one}",
        reload=server.prefer_reload,
        wish=alone(server, [], rows),
    )


def remove(now: datetime, *, live: bool) -> None:
    """Want no more what has expired, among what is live or what only waits."""
    rows = lists.wanted().filter(
        expires_at__lte=now, since_revision__isnull=not live, claimed=None
    )
    if rows.count() > FEW:
        lists.remove_all(rows=rows, actor=MAILGUARD, reason=REASON)
        return
    for row in rows:
        lists.remove(row=row, actor=MAILGUARD, reason=REASON)


def waiting(server: Server) -> str:
    """Why expired entries are still live, as a sentence; empty where none is."""
    count = lists.live().filter(expires_at__lte=timezone.now()).count()
    if not count:
        return ""
    said = "1 expired entry waits" if count == 1 else f"{count} expired entries wait"
    because = hindrance(server) or refusal(server)
    return f"{said} because {because}" if because else f"{said} for the worker."


def hindrance(server: Server) -> str:
    """What forbids a revision of mailguard's own just now."""
    busy, seen = services.unfinished(server), servers.last_observed(server)
    if busy is not None:
        return f"revision {busy.number} is {busy.get_state_display()}."
    if seen is None or not seen.running:
        return "Postfix is stopped."
    if services.drift_of(server):
        return "the configuration was edited by hand: adopt the edit first."
    failed = Revision.objects.filter(
        server=server,
        kind=Kind.CHANGE,
        state__in=(State.REFUSED, State.ROLLED_BACK, State.BROKEN),
        actor_name=MAILGUARD.name,
        reason__startswith=f"{REASON}: ",
        finished_at__gt=timezone.now() - PATIENCE,
    ).first()
    if failed is None:
        return ""
    return f"revision {failed.number} failed; the next try follows in ten minutes."


def refusal(server: Server) -> str:
    """The finding that forbids taking them out."""
    rows = lists.live().filter(expires_at__lte=timezone.now())
    try:
        made = services.plan_of(server, alone(server, [], rows))
    except NotNow as cause:
        return str(cause)
    return "".join(each.sentence for each in made.blocking[:1])
