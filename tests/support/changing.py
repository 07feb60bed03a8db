"""What somebody does to a server through the services, and its end."""

from datetime import datetime

from mailguard.audit.services import Actor
from mailguard.changes import services, worker
from mailguard.changes.draft import Draft
from mailguard.changes.models import Revision
from mailguard.lists import services as lists
from mailguard.protection import services as protection
from mailguard.servers.models import Server
from postfixconf.policy.entries import Entry

__all__ = ["allow", "apply", "carried_out", "waiting", "want"]


def want(server: Server, actor: Actor, **modes: str) -> None:
    """Controls in other modes, as a draft."""
    for key, mode in modes.items():
        protection.set_mode(server=server, key=key, mode=mode, actor=actor)


def allow(
    actor: Actor,
    value: str,
    side: str = "allow",
    kind: str = "sender",
    expires_at: datetime | None = None,
) -> None:
    """An entry, as a draft."""
    entry = Entry.read(side, kind, value)
    lists.add(entry=entry, actor=actor, note="a customer", expires_at=expires_at)


def apply(server: Server, actor: Actor, wish: Draft | None = None) -> Revision:
    """Bring the draft live, or one change of it."""
    server.refresh_from_db()
    return carried_out(
        services.request_apply(server=server, actor=actor, reason="because", wish=wish),
        server,
    )


def carried_out(revision: Revision | None, server: Server) -> Revision:
    """Let the worker carry it out; both rows as they are afterwards."""
    assert revision is not None
    worker.carry_out(revision)
    revision.refresh_from_db()
    server.refresh_from_db()
    return revision


def waiting(server: Server) -> list[str]:
    """What the draft changes, by name."""
    server.refresh_from_db()
    return [each.what for each in services.draft(server).changes]
