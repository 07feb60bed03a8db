"""Panic: every rule that refuses only logs, at once; nothing of the draft goes live.

Entries that deny refuse on: they were written by a person, one by one.
"""

from collections.abc import Iterable

from django.db import transaction

from mailguard.audit.services import Actor
from mailguard.changes import services
from mailguard.changes.draft import alone, live_policy
from mailguard.changes.models import Revision
from mailguard.errors import NotNow
from mailguard.protection import services as protection
from mailguard.protection.differences import Difference, between
from mailguard.servers.models import Server
from postfixconf.policy.control import Mode

__all__ = ["denies", "refusing", "refusing_of", "request_panic"]


def refusing(server: Server) -> list[Difference]:
    """What a panic changes: every rule that refuses now and could only log."""
    return refusing_of(protection.rows(server))


def refusing_of(rows: Iterable[protection.Row]) -> list[Difference]:
    """The same, from rows that are known already."""
    return [
        Difference(row.control.key, Mode.ON.value, Mode.TEST.value)
        for row in rows
        if row.live is Mode.ON and row.switchable and Mode.TEST in row.control.modes
    ]


def denies(server: Server) -> bool:
    """Whether entries refuse mail now, which no panic changes."""
    return bool(server.live_policy) and bool(live_policy(server).uses.deny)


@transaction.atomic
def request_panic(*, server: Server, actor: Actor, reason: str) -> Revision:
    """Queue only logging for every rule that refuses now, and nothing of the draft.

    What is wanted follows, except where a change of it waits. Raises NotNow where
    no rule refuses, and whatever `services.request_apply` raises.
    """
    services.refuse_if_busy(server)
    made = refusing(server)
    if not made:
        raise NotNow("No rule refuses anything that could only log it instead.")
    waiting = {each.what for each in between(live_policy(server), protection.wanted())}
    for change in made:
        if change.what not in waiting:
            protection.put(change=change, actor=actor, reason=reason)
    return services.request_apply(
        server=server,
        actor=actor,
        reason=reason,
        reload=server.prefer_reload,
        wish=alone(server, made),
        override="a panic",
    )
