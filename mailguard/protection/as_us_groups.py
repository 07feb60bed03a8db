"""Clients that send as us, in groups a person can judge: with a guess, and why.

A guess decides nothing. It names what speaks for a client, so that a person knows
where to look; what nothing speaks for is most likely forged.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from itertools import groupby

from mailguard.protection.providers import hosts_others, sends_for_others
from mailguard.traffic.as_us import Line
from mailguard.traffic.keys import network_of, organisation_of
from mailguard.traffic.times import time_of

__all__ = ["Covering", "Group", "Guess", "grouped", "plural"]

FEW_ADDRESSES = 4  # excepted one by one; of more, their networks
MANY_SENDERS, MANY_RECIPIENTS = 2, 5
# A private network that is not trusted: somebody's own machine (RFC 1918, RFC 4193).
PRIVATE = [
    ip_network(each)
    for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
]
# A network, and why the stop passes it on.
Covering = tuple[IPv4Network | IPv6Network, str]


class Guess(StrEnum):
    """What a group of clients looks like."""

    OWN = "own people or machines"
    FORWARDER = "a forwarder without SRS"
    SERVICE = "a newsletter service or web host"
    NOBODY = "nobody you know"


@dataclass(frozen=True)
class Group:
    """Clients of one organisation, or of one network where they have no name.

    `covered` says why the stop passes them on already, "" where it does not.
    """

    who: str
    lines: tuple[Line, ...]
    covered: str = ""

    @cached_property
    def addresses(self) -> list[str]:
        """The clients."""
        return sorted({each.address for each in self.lines})

    @cached_property
    def names(self) -> list[str]:
        """Their proven names."""
        return sorted({each.name for each in self.lines if each.name})

    @property
    def senders(self) -> list[str]:
        """The addresses of ours that they used, the busiest first."""
        return list(dict.fromkeys(each.sender for each in self.lines))

    @property
    def messages(self) -> int:
        """Of thirty days."""
        return sum(each.messages for each in self.lines)

    @property
    def lately(self) -> int:
        """Of seven days."""
        return sum(each.lately for each in self.lines)

    @property
    def accepted(self) -> int:
        """Of seven days, what got through."""
        return sum(each.accepted for each in self.lines)

    @property
    def recipients(self) -> int:
        """At least so many; those of two senders may be the same."""
        return max(each.recipients for each in self.lines)

    @property
    def last(self) -> datetime:
        """When it was seen last."""
        return time_of(max(each.last for each in self.lines))

    @property
    def examples(self) -> list[Line]:
        """A few lines, each with an attempt to look at."""
        return list(self.lines[:3])

    @property
    def exceptions(self) -> list[str]:
        """What to except so that they may send as us."""
        if len(self.addresses) <= FEW_ADDRESSES:
            return self.addresses
        return sorted({network_of(each) for each in self.addresses})

    @property
    def guess(self) -> Guess:
        """What it looks like."""
        return self.judged[0]

    @property
    def reason(self) -> str:
        """Why it looks so, in a sentence."""
        return self.judged[1]

    @cached_property
    def judged(self) -> tuple[Guess, str]:
        """The first guess that something speaks for, and what."""
        found = (*returns(self), *belongs(self), *serves(self), *known(self))
        return next(iter(found), (Guess.NOBODY, NOTHING))


NOTHING = (
    "Nothing speaks for it: no known service, nobody who signs in, no mail of yours "
    "that came back. Most likely the address is forged."
)


def returns(group: Group) -> Iterator[tuple[Guess, str]]:
    """A forwarder: our own mail comes back, from many of ours."""
    returned = sum(each.returned for each in group.lines)
    many = len(group.senders) >= MANY_SENDERS
    if group.names and many and returned * 2 >= group.messages:
        yield (
            Guess.FORWARDER,
            f"{plural(len(group.senders), 'address', 'addresses')} of yours, and "
            f"{returned} of {plural(group.messages, 'message')} came within the hour "
            "after the same sender had sent mail out through this server: it comes "
            "back.",
        )


def serves(group: Group) -> Iterator[tuple[Guess, str]]:
    """Somebody whose trade it is to send for others."""
    if not group.names or len(group.senders) > MANY_SENDERS:
        return
    what, name = "", group.names[0]
    if sends_for_others(name):
        what = "is known to send newsletters and messages for others"
    elif hosts_others(name):
        what = "is named like a web host's machine: perhaps a contact form"
    elif group.recipients >= MANY_RECIPIENTS:
        what = f"writes to {group.recipients} recipients with one address of yours"
    if what:
        sender = plural(len(group.senders), "sender address", "sender addresses")
        yield Guess.SERVICE, f"{name} {what}. {sender.capitalize()} only."


def belongs(group: Group) -> Iterator[tuple[Guess, str]]:
    """One's own people and machines, by where they are."""
    domains = {each.domain for each in group.lines}
    named = [x for x in group.names for d in domains if f".{x}".endswith(f".{d}")]
    private = [x for x in group.addresses if any(ip_address(x) in n for n in PRIVATE)]
    if named:
        yield Guess.OWN, f"Its proven name, {named[0]}, is in your own domain."
    if private:
        yield Guess.OWN, f"{private[0]} is a private address, and not trusted here."
    if any(each.neighbours for each in group.lines):
        yield Guess.OWN, "Others sign in from the same network."


def known(group: Group) -> Iterator[tuple[Guess, str]]:
    """One's own people, by what they claim."""
    claimed = [each.sender for each in group.lines if each.signs_in and each.accepted]
    if claimed:
        yield (
            Guess.OWN,
            f"{claimed[0]} signs in elsewhere, so this may be the same person without "
            "a password. It may also be somebody who forges the address.",
        )


def grouped(lines: Iterable[Line], covering: Sequence[Covering]) -> Iterator[Group]:
    """The lines by who sends, the busiest first; what is covered apart."""

    def place(line: Line) -> tuple[str, str]:
        who = organisation_of(line.name) if line.name else network_of(line.address)
        return who, covered(line.address, covering)

    by_place = groupby(sorted(lines, key=place), key=place)
    found = [
        Group(who, tuple(sorted(some, key=lambda x: -x.messages)), why)
        for (who, why), some in by_place
    ]
    yield from sorted(found, key=lambda each: (-each.lately, -each.messages, each.who))


def covered(address: str, covering: Sequence[Covering]) -> str:
    """Why the stop passes a client on; "" where it does not."""
    client = ip_address(address)
    return next((why for network, why in covering if client in network), "")


def plural(count: int, one: str, many: str = "") -> str:
    """A number with its word."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"
