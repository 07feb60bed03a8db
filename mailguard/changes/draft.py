"""What a revision would bring live: the whole draft, or one change of it.

A draft is a policy, the entries that come and go with it, and the same in words.
Nothing is written here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from django.db.models import QuerySet

from mailguard.errors import NotNow
from mailguard.lists import services as lists
from mailguard.lists.models import Entry
from mailguard.lists.services import Tally
from mailguard.protection import services as protection
from mailguard.protection import trusting
from mailguard.protection.differences import (
    CODES,
    KEY,
    LIST,
    NETWORK,
    Difference,
    between,
    with_one,
)
from mailguard.servers.models import Server
from postfixconf.errors import quoted
from postfixconf.policy.control import Mode
from postfixconf.policy.policy import Policy

__all__ = ["SHOWN", "Draft", "alone", "live_policy", "only", "whole"]

SHOWN = 200  # changes told one by one; of more, how many


@dataclass(frozen=True)
class Draft:
    """A policy to bring live, the entries it claims, and the changes in words.

    `tally` counts the entries by table, `more` are the changes that `changes` does
    not name. One that `mends` has tables made anew that somebody changed by hand.
    """

    policy: Policy
    rows: QuerySet[Entry]
    changes: tuple[Difference, ...]
    tally: Mapping[str, Tally] = field(default_factory=dict)
    more: int = 0
    mends: bool = True

    @property
    def size(self) -> int:
        """How many changes it makes."""
        return len(self.changes) + self.more


def live_policy(server: Server) -> Policy:
    """What is live. Raises NotNow before the first adoption."""
    told = Server.objects.values_list("live_policy", flat=True).get(pk=server.pk)
    if not told:
        raise NotNow("The worker has not looked at the server yet.")
    return Policy.from_json(told)


def whole(server: Server) -> Draft:
    """Everything that waits. Raises NotNow before the first adoption."""
    policy = replace(protection.wanted(), uses=lists.uses(lists.wanted()))
    changes = tuple(between(live_policy(server), policy))
    return with_entries(policy, changes, lists.pending())


def only(server: Server, what: str) -> Draft:
    """One waiting change, without the rest. Raises NotNow where it does not wait.

    A control that goes on brings those that it needs and that wait too.
    """
    told = between(live_policy(server), protection.wanted())
    waiting = {each.what: each for each in told}
    if what in waiting:
        names = needs(waiting[what], protection.wanted())
        names += taken_along(server, waiting[what], tuple(waiting))
        return alone(server, [waiting[name] for name in names if name in waiting])
    kind, _, value = what.partition(" ")
    rows = lists.pending().filter(kind=kind, value=value)
    if not rows.exists():
        raise NotNow(f"{quoted(what)} is not among the waiting changes.")
    return alone(server, [], rows)


def needs(change: Difference, policy: Policy) -> tuple[str, ...]:
    """A change with what has to come with it: its list and key, and other controls."""
    if change.what not in policy.controls or change.after == Mode.OFF:
        return (change.what,)
    about = policy.controls.list_of(change.what)
    before = (f"{LIST} {about.zone}", f"{KEY} {about.key}") if about else ()
    if change.after != Mode.ON:
        return (*before, change.what)
    also = policy.controls.control(change.what).needs
    return (*before, f"{CODES} {change.what}", change.what, *also)


def taken_along(
    server: Server, change: Difference, waiting: tuple[str, ...]
) -> tuple[str, ...]:
    """With the first trusted network those that mynetworks_style gave until then."""
    comes = change.what.startswith(f"{NETWORK} ") and change.after
    named = any(live_policy(server).networks.values())
    if not comes or named or trusting.is_given(server):
        return ()
    styled = (f"{NETWORK} {each}" for each in trusting.styled(server))
    return tuple(each for each in styled if each in waiting and each != change.what)


def alone(
    server: Server, changes: Iterable[Difference], rows: QuerySet[Entry] | None = None
) -> Draft:
    """These changes and rows on top of what is live, and nothing of the draft."""
    rows = Entry.objects.none() if rows is None else rows
    policy, changes = live_policy(server), tuple(changes)
    for change in changes:
        policy = with_one(policy, change)
    uses = lists.uses(lists.resulting(rows))
    draft = with_entries(replace(policy, uses=uses), changes, rows)
    return replace(draft, mends=False)


def with_entries(
    policy: Policy, changes: tuple[Difference, ...], rows: QuerySet[Entry]
) -> Draft:
    """The draft with its entries told, as far as there is room."""
    told, tally = tuple(lists.differences(rows, SHOWN)), lists.tally(rows)
    count = sum(each.come + each.go for each in tally.values())
    more = count - len(told) if len(told) == SHOWN else 0
    return Draft(policy, rows, changes + told, tally, more)
