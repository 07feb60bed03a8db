"""The only way a change gets on record."""

from dataclasses import dataclass

from mailguard.audit.models import Change
from postfixconf.masking import masked

__all__ = ["MAILGUARD", "Actor", "record"]


@dataclass(frozen=True)
class Actor:
    """Who does something: the user's row, the name as it is kept, and from where."""

    user_id: int | None
    name: str
    address: str = ""


MAILGUARD = Actor(None, "mailguard")


def record(
    *, actor: Actor, what: str, before: str, after: str, reason: str = ""
) -> Change:
    """Add one row, in the caller's transaction."""
    return Change.objects.create(
        actor_id=actor.user_id,
        actor_name=actor.name,
        address=actor.address,
        what=what,
        before=masked(before),
        after=masked(after),
        reason=masked(reason),
    )
