"""Whether a message would fare otherwise than now. Pure."""

from typing import NamedTuple

from mailguard.rehearsals.models import Kind
from postfixconf.host.rehearsal.answers import Answer

__all__ = ["Turned", "turned"]

THROWN_AWAY = "entries"  # only an access table discards


class Turned(NamedTuple):
    """How it fares otherwise, and the control behind it."""

    kind: Kind
    control: str


def turned(before: Answer, after: Answer) -> Turned | None:
    """What a change does to one message; None where nothing that counts.

    A message that a table throws away is lost, though its sender is told otherwise.
    """
    if after.lost and not before.lost:
        return Turned(Kind.LOST, after.control or THROWN_AWAY)
    if before.lost and not after.lost:
        return Turned(Kind.GAINED, before.control or THROWN_AWAY)
    new = [each for each in after.warned if each not in before.warned]
    if new and not after.lost:
        return Turned(Kind.WARNED, new[0])
    return None
