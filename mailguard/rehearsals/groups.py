"""Whom a draft would hit: the messages by control, and who stands out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from mailguard.rehearsals.models import Kind, Rehearsal, Turn
from mailguard.traffic.models import Attempt
from mailguard.traffic.rows import domain_of
from mailguard.traffic.words import Rule, rule

__all__ = ["Group", "Message", "groups"]

SHOWN = 20  # messages of a group that are listed
TOP = 5  # domains and clients that are named


@dataclass(frozen=True)
class Message:
    """A recorded message that would fare otherwise."""

    attempt: Attempt
    turn: Turn


@dataclass(frozen=True)
class Group:
    """What one control does: how many messages, some of them, and who stands out.

    `domains` are sender domains and `clients` client addresses with how many messages.
    `gone` are messages whose attempts are not kept any more.
    """

    kind: Kind
    rule: Rule
    key: str
    count: int
    messages: Sequence[Message]
    domains: Sequence[tuple[str, int]]
    clients: Sequence[tuple[str, int]]
    gone: int


def groups(job: Rehearsal) -> list[Group]:
    """What would fare otherwise: lost messages first, the most of one control first."""
    turns = list(job.turns.order_by("kind", "control", "pk"))
    keys = [each.attempt_id for each in turns]
    kept = Attempt.objects.filter(key__in=keys).defer("raw")
    attempts = {each.key: each for each in kept}
    found = [
        group(Kind(kind), control, list(some), attempts)
        for (kind, control), some in groupby(turns, lambda t: (t.kind, t.control))
    ]
    order = list(Kind)
    return sorted(found, key=lambda each: (order.index(each.kind), -each.count))


def group(
    kind: Kind, key: str, turns: list[Turn], attempts: dict[int, Attempt]
) -> Group:
    """One of them."""
    messages = [
        Message(attempts[each.attempt_id], each)
        for each in turns
        if each.attempt_id in attempts
    ]
    domains = Counter(domain_of(each.attempt.sender or "") for each in messages)
    clients = Counter(each.attempt.client_address for each in messages)
    return Group(
        kind,
        rule(key),
        key,
        len(turns),
        messages[:SHOWN],
        domains.most_common(TOP),
        clients.most_common(TOP),
        len(turns) - len(messages),
    )
