"""The lists as they will stand, and the verbs that put our rules in another order.

An order is a draft like every switch. What moves is judged on the list as it would
stand without one, so that every place that was allowed once is allowed again.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from hashlib import sha256

from django.db import transaction

from mailguard.audit.models import Change
from mailguard.audit.services import Actor
from mailguard.changes.draft import live_policy
from mailguard.errors import NotNow
from mailguard.lists import services as lists
from mailguard.protection import services as protection
from mailguard.protection.differences import ORDER, Difference, order_word
from mailguard.servers import services as servers
from mailguard.servers.models import Server
from postfixconf.policy.found import find
from postfixconf.policy.observed import front_services
from postfixconf.policy.ordering import SPARING, Listing
from postfixconf.policy.placement import refusal
from postfixconf.policy.policy import Policy
from postfixconf.policy.presets import MANUAL
from postfixconf.policy.restriction_lists import RESTRICTION_LISTS
from postfixconf.policy.wanted import wanted_main
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf
from postfixconf.text.rules import Rule

__all__ = ["How", "Standing", "arrange", "digest_of", "drop", "standing", "step"]

NOTHING = "Nothing was moved."


class How(StrEnum):
    """An order of all lists that one click brings about."""

    RECOMMENDED = "recommended"
    MANUAL = "manual"
    FOUND = "found"


@dataclass(frozen=True)
class Standing:
    """Each list: as it will stand, as it would without an order, and as it is live.

    `names` are the parameters that main.cf will have, `shadows` the lists in whose
    place port 25 has another, and the service that has it.
    """

    wanted: Policy
    was: Policy
    then: Mapping[str, Listing]
    bare: Mapping[str, Listing]
    live: Mapping[str, Listing]
    names: tuple[str, ...]
    shadows: Mapping[str, str]

    def moved(self, name: str, order: Sequence[str]) -> tuple[Rule, ...]:
        """The rules of a list in another order."""
        return self.bare[name].arranged(order)


def standing(server: Server) -> Standing:
    """Every list. Raises NotNow before the first adoption, PostfixconfError."""
    adopted, seen = servers.adopted_texts(server), servers.last_observed(server)
    if adopted is None or seen is None:
        raise NotNow("The worker has not looked at the server yet.")
    facts, was = seen.facts, live_policy(server)
    main, master = MainCf.parse(adopted.main), MasterCf.parse(adopted.master)
    wanted = replace(protection.wanted(), uses=lists.uses(lists.wanted()))
    controls = wanted.controls
    found = find(main, master, facts, controls)
    then, bare = (
        wanted_main(main, found, policy, facts)
        for policy in (wanted, replace(wanted, order={}))
    )
    live = MainCf.parse(seen.texts.main)
    read = (
        {name: Listing.of(each, facts, name, controls) for name in RESTRICTION_LISTS}
        for each in (then, bare, live)
    )
    shadows = {
        name: service.name
        for service in front_services(master)
        for name in service.overrides()
    }
    return Standing(
        wanted, was, next(read), next(read), next(read), then.names(), shadows
    )


def digest_of(listing: Listing) -> str:
    """What a person saw of a list, so that nothing else is moved."""
    text = "\n".join(rule.text for rule in listing.rules)
    return sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def step(
    *, server: Server, name: str, key: str, up: bool, actor: Actor
) -> Change | None:
    """Move one of our rules past its neighbour. Raises NotNow, which says why not."""
    found = standing(server)
    listing, at = seek(found, name, key)
    to = at - 1 if up else at + 1
    if not 0 <= to < len(listing.rules):
        raise NotNow(f"It is the {'first' if up else 'last'} already. {NOTHING}")
    return put(found, listing, at, to, actor)


def drop(
    *, server: Server, name: str, key: str, to: int, seen: str, actor: Actor
) -> Change | None:
    """Move one of our rules to a place among the others, counted from 0.

    `seen` is the digest of the list that the person saw. Raises NotNow.
    """
    found = standing(server)
    listing, at = seek(found, name, key)
    if seen != digest_of(listing):
        raise NotNow(f"The list changed while you were looking. {NOTHING}")
    if not 0 <= to < len(listing.rules):
        raise NotNow(f"There is no place {to} in this list. {NOTHING}")
    return put(found, listing, at, to, actor)


def seek(found: Standing, name: str, key: str) -> tuple[Listing, int]:
    """A list as it will stand, and where one of our rules is in it."""
    listing = found.then.get(name)
    if listing is not None:
        for at, rule in enumerate(listing.rules):
            if listing.key_of(rule) == key:
                return listing, at
    raise NotNow(f"There is no such rule in this list any more. {NOTHING}")


def put(
    found: Standing, listing: Listing, at: int, to: int, actor: Actor
) -> Change | None:
    """Have the rule at one place stand at another. Raises NotNow."""
    rest = [*listing.rules[:at], *listing.rules[at + 1 :]]
    after = (*rest[:to], listing.rules[at], *rest[to:])
    order = listing.named(after)
    if found.moved(listing.name, order) != after:
        key = listing.key_of(listing.rules[at]) or ""
        raise NotNow(f"{why_not(found, listing, at, to, key)} {NOTHING}")
    return store(found, listing.name, order, actor, "")


def why_not(found: Standing, listing: Listing, at: int, to: int, key: str) -> str:
    """What is in the way from one place to another."""
    up, rules = to < at, listing.rules
    way = rules[to:at][::-1] if up else rules[at + 1 : to + 1]
    past = len([x for x in rules[:at] if x in listing.fixed])
    if up:
        stops = [x for x in way if x in listing.guards]
    else:
        stops = [x for x in way if x in listing.fixed[max(past, listing.last) :]]
    return refusal(listing, key, next(iter(stops), way[0]), up=up)


@transaction.atomic
def arrange(
    *, server: Server, how: How, actor: Actor, reason: str = ""
) -> list[Change]:
    """Put every list in an order of ours; none are changed where all stand so."""
    found = standing(server)
    made = [
        store(found, name, order, actor, reason) for name, order in orders(found, how)
    ]
    return [change for change in made if change is not None]


def orders(found: Standing, how: How) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The order of each list that it says something about."""
    for name, bare in found.bare.items():
        if how is How.FOUND:
            yield name, ()
        elif how is How.RECOMMENDED and bare.movable:
            yield name, bare.recommended()
        elif how is How.MANUAL and name in MANUAL:
            yield name, bare.named(found.moved(name, MANUAL[name]))


def store(
    found: Standing, name: str, order: tuple[str, ...], actor: Actor, reason: str
) -> Change | None:
    """Want an order: as it is live, or none, where that comes to the same.

    The permits it begins with go without saying.
    """
    rules = found.moved(name, order)
    begins = next((at for at, x in enumerate(order) if x not in SPARING), 0)
    known = (found.was.order.get(name, ()), (), order[begins:], order)
    order = next(each for each in known if found.moved(name, each) == rules)
    after = order_word(found.wanted.with_order(name, order), name)
    change = Difference(f"{ORDER} {name}", order_word(found.wanted, name), after)
    return protection.put(change=change, actor=actor, reason=reason)
