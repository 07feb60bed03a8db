"""Suggestions for postgrey's whitelist: worked out, shown, and ignored for good.

Nothing here whitelists anybody: a person reads the evidence and decides.
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from mailguard.audit.services import Actor, record
from mailguard.servers.models import Server
from mailguard.traffic import triplets
from mailguard.traffic.models import Ignored, Suggested, Triplet
from mailguard.traffic.times import microseconds
from postfixconf.maillog.suggestions import Evidence, Kind, Sign, Suggestion

__all__ = ["catch_up", "heed", "ignore", "latest", "work_out"]

WHAT = "greylisting suggestion"


def work_out(server: Server) -> None:
    """Make the suggestions anew from what is kept of the log, and keep them."""
    found = [asdict(each) for each in triplets.suggestions(server)]
    Suggested.objects.update_or_create(
        server=server, defaults={"found": found, "at": timezone.now()}
    )


def catch_up(server: Server) -> None:
    """Work them out where postgrey has written since; for large logs now and then."""
    row = Suggested.objects.filter(server=server).first()
    newest = Triplet.objects.filter(server=server).order_by("-last_at").first()
    at = microseconds(row.at) if row else 0
    old = row is None or timezone.now() - row.at > timedelta(days=1)
    gone = row is not None and row.found and newest is None
    if old or gone or (newest and newest.last_at > at):
        work_out(server)


def latest(server: Server) -> list[Suggestion] | None:
    """As last worked out, without those that are ignored; None before that."""
    row = Suggested.objects.filter(server=server).first()
    if row is None:
        return None
    ignored = set(Ignored.objects.filter(server=server).values_list("who", flat=True))
    return [_read(each) for each in row.found if each["who"] not in ignored]


@transaction.atomic
def ignore(*, server: Server, who: str, actor: Actor) -> bool:
    """Never suggest this one again; False where it is not suggested."""
    if who not in {each.who for each in latest(server) or []}:
        return False
    Ignored.objects.create(
        server=server, who=who, author_id=actor.user_id, author_name=actor.name
    )
    record(actor=actor, what=f"{WHAT} {who}", before="suggested", after="ignored")
    return True


@transaction.atomic
def heed(*, server: Server, who: str, actor: Actor) -> bool:
    """Suggest it again; False where it was not ignored."""
    gone, _ = Ignored.objects.filter(server=server, who=who).delete()
    if gone:
        record(actor=actor, what=f"{WHAT} {who}", before="ignored", after="suggested")
    return bool(gone)


def _read(found: Mapping[str, Any]) -> Suggestion:
    return Suggestion(
        Kind(found["kind"]),
        found["who"],
        tuple(found["lines"]),
        tuple(map(Sign, found["signs"])),
        Evidence(**found["evidence"]),
        tuple(found["senders"]),
        tuple(found["hosts"]),
    )
