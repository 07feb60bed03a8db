"""Whom a draft would hit: the messages by control, and who stands out."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

from django.db.models import Count, QuerySet

from mailguard.rehearsals.models import Kind, Rehearsal, Turn
from mailguard.traffic.models import Attempt
from mailguard.traffic.rows import domain_of
from mailguard.traffic.words import Rule, rule
from postfixconf.errors import BadValue
from postfixconf.policy.entries import Entry, Side
from postfixconf.policy.entries import Kind as What

__all__ = ["Counted", "Group", "Message", "counts", "groups"]

FIRST = 5  # messages of a group that are seen at once
SHOWN = 20  # that are listed
TOP = 5  # domains and clients that are named


@dataclass(frozen=True)
class Message:
    """A recorded message that would fare otherwise.

    `entry` would let it in, the narrowest that nobody else can claim; None where no
    entry helps.
    """

    attempt: Attempt
    turn: Turn
    entry: Entry | None


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

    @property
    def first(self) -> Sequence[Message]:
        """What is seen at once."""
        return self.messages[:FIRST]

    @property
    def rest(self) -> Sequence[Message]:
        """What is listed besides."""
        return self.messages[FIRST:]

    @property
    def more(self) -> int:
        """How many are kept and not listed."""
        return self.count - self.gone - len(self.messages)

    @property
    def lost(self) -> bool:
        """Whether it is what one is afraid of."""
        return self.kind is Kind.LOST

    @property
    def helped(self) -> bool:
        """Whether an entry lets some of its messages in."""
        return any(each.entry for each in self.messages)


class Counted(TypedDict):
    """How many messages fare otherwise in one way by one control."""

    kind: str
    control: str
    count: int


def counts(job: Rehearsal) -> list[Counted]:
    """What would fare otherwise: lost messages first, the most of one control first."""
    turns = Turn.objects.filter(rehearsal=job).order_by()
    found = turns.values("kind", "control").annotate(count=Count("pk"))
    order = list(Kind)
    rows = [Counted(**each) for each in found]
    return sorted(
        rows, key=lambda each: (order.index(Kind(each["kind"])), -each["count"])
    )


def groups(job: Rehearsal) -> list[Group]:
    """The same with the messages, and whose they are."""
    turns = Turn.objects.filter(rehearsal=job).order_by()
    people = people_of(turns)
    return [
        group(turns, each, people[each["kind"], each["control"]])
        for each in counts(job)
    ]


def people_of(turns: QuerySet[Turn]) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """Sender domain and client of every message that is kept, by kind and control."""
    found = defaultdict(list)
    rows = turns.values_list(
        "kind", "control", "attempt__sender", "attempt__client_address"
    )
    for kind, key, sender, client in rows:
        found[kind, key].append((domain_of(sender or ""), client))
    return found


def group(
    turns: QuerySet[Turn], counted: Counted, people: Sequence[tuple[str, str]]
) -> Group:
    """One of them; `people` are those that are kept."""
    kind, key = counted["kind"], counted["control"]
    kept = turns.filter(kind=kind, control=key).select_related("attempt")
    some = kept.defer("attempt__raw", "attempt__text").order_by("pk")[:SHOWN]
    return Group(
        Kind(kind),
        rule(key),
        key,
        counted["count"],
        [Message(each.attempt, each, entry_for(each)) for each in some],
        Counter(domain for domain, _ in people).most_common(TOP),
        Counter(client for _, client in people).most_common(TOP),
        counted["count"] - len(people),
    )


def entry_for(turn: Turn) -> Entry | None:
    """What lets a lost message in: its client, which alone is proven.

    None where the rule asks no entry, and for somebody who has signed in: such a
    one comes from anywhere.
    """
    attempt = turn.attempt
    lost = turn.kind == Kind.LOST
    if not lost or not rule(turn.control).opened or attempt.sasl_username:
        return None
    try:
        return Entry.read(Side.ALLOW, What.CLIENT, attempt.client_address)
    except BadValue:
        return None
