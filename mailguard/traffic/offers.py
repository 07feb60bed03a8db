"""Older logs that could be read: offered, asked for, and cancelled.

A file is known by its beginning, whatever it is called meanwhile, so that asking
again reads only what has come since. `readings` reads them.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from django.db import transaction

from mailguard.audit.services import Actor
from mailguard.audit.services import record as put_on_record
from mailguard.servers.models import Server
from mailguard.traffic.intake import log_of
from mailguard.traffic.models import Log, Reading
from postfixconf.host import logs
from postfixconf.host.logs import Bookmark

__all__ = ["Offered", "ask", "cancel", "offer", "offered"]


@dataclass(frozen=True)
class Offered:
    """An older log that could be read, and how far it was."""

    path: str
    fingerprint: str
    size: int | None
    until: int | None
    reading: Reading | None


def offered(server: Server) -> list[Offered]:
    """The older logs that the worker found when it began to follow."""
    known = {
        row.fingerprint: row
        for row in Reading.objects.filter(server=server).order_by("pk")
    }
    return [
        Offered(**each, reading=known.get(each["fingerprint"]))
        for each in log_of(server).older
    ]


def offer(server: Server, path: Path) -> Offered:
    """Any file as if it had been found. Raises PostfixconfError, quoting it."""
    found = {each.fingerprint: each for each in offered(server)}
    rows = {row.fingerprint: row for row in Reading.objects.filter(server=server)}
    followed = followed_from(log_of(server))
    known = [*found, *followed, *rows]
    name = logs.known_as(path, known) or logs.fingerprint(path)
    if name in found:
        return replace(found[name], path=str(path))
    return Offered(str(path), name, None, followed.get(name), rows.get(name))


def followed_from(log: Log) -> dict[str, int]:
    """The files that were followed, and from where on: what stands there is kept."""
    mark = Bookmark.from_json(log.bookmark)
    places = [*mark.past, *mark.old, *([mark.live] if mark.live else [])]
    begun = {each.fingerprint: each.position for each in mark.begun}
    return {each.fingerprint: 0 for each in places} | begun


@transaction.atomic
def ask(*, server: Server, offered: Offered, actor: Actor) -> Reading:
    """Want a file read; one that was read goes on where it ended."""
    known = offered.reading
    if known is not None:
        if known.state not in Reading.OPEN:
            known.path, known.state, known.cause = (
                offered.path,
                Reading.State.QUEUED,
                "",
            )
            known.save(update_fields=["path", "state", "cause"])
        return known
    what = f"older log {offered.path}"
    put_on_record(actor=actor, what=what, before="", after="to be read")
    return Reading.objects.create(
        server=server,
        path=offered.path,
        fingerprint=offered.fingerprint,
        until=offered.until,
        author_id=actor.user_id,
        author_name=actor.name,
    )


@transaction.atomic
def cancel(*, reading: Reading, actor: Actor) -> None:
    """Stop reading; what was kept stays."""
    done = Reading.objects.filter(pk=reading.pk, state__in=Reading.OPEN).update(
        state=Reading.State.CANCELLED
    )
    if done:
        what = f"older log {reading.path}"
        put_on_record(actor=actor, what=what, before="being read", after="cancelled")
