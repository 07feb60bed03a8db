"""Who sends as us: the groups, and the numbers that speak against the stop."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from ipaddress import ip_network

from mailguard.protection.as_us_groups import (
    Covering,
    Group,
    Guess,
    grouped,
    plural,
)
from mailguard.servers.models import Server
from mailguard.traffic.as_us import Line, Seen, seen
from mailguard.traffic.keys import network_of
from mailguard.traffic.times import time_of

__all__ = ["Evidence", "Numbers", "evidence_of"]

SHOWN = 30  # groups on a page


@dataclass(frozen=True)
class Numbers:
    """How much mail of how many senders from how many networks."""

    messages: int = 0
    senders: int = 0
    networks: int = 0

    @classmethod
    def of(cls, lines: Iterable[Line]) -> "Numbers":
        """Of what got through in the last seven days."""
        some = [each for each in lines if each.accepted]
        return cls(
            sum(each.accepted for each in some),
            len({each.sender.lower() for each in some}),
            len({network_of(each.address) for each in some}),
        )

    def __str__(self) -> str:
        return (
            f"{plural(self.messages, 'message')} of {plural(self.senders, 'sender')} "
            f"from {plural(self.networks, 'network')} in 7 days"
        )


@dataclass(frozen=True)
class Evidence:
    """What a page shows. `cut` would be refused and looks legitimate, `forged` would
    be refused too; `signed_in` are people who signed in on port 25.
    """

    seen: Seen
    groups: tuple[Group, ...]
    more: int
    cut: Numbers
    forged: Numbers
    signed_in: Numbers
    users: tuple[str, ...]

    @property
    def at(self) -> datetime:
        """When it was worked out."""
        return datetime.fromisoformat(self.seen.at)

    @property
    def since(self) -> datetime:
        """How far back it goes."""
        return time_of(self.seen.since)

    @property
    def warning(self) -> str:
        """The same in one line."""
        return " ".join(self.warnings)

    @property
    def warnings(self) -> list[str]:
        """What speaks against switching the stop on, in sentences."""
        said = []
        if self.cut.messages:
            said.append(f"{self.cut} would have been refused.")
        if self.signed_in.messages:
            said.append(
                f"{self.signed_in} came from people who signed in on port 25: they "
                "still get through, until AUTH on port 25 is switched off."
            )
        return said


def evidence_of(
    server: Server,
    domains: Sequence[str],
    exceptions: Sequence[str] = (),
    relays: Sequence[str] = (),
) -> Evidence | None:
    """Who sends with these domains; None while nothing is known of one of them."""
    found = seen(server)
    if found is None or not domains or not {*domains} <= {*found.domains}:
        return None
    lines = [each for each in found.lines if each.domain in domains]
    covering: list[Covering] = [(ip_network(x), "excepted") for x in exceptions]
    covering += [(ip_network(x), "comes through a relay in front") for x in relays]
    groups = sorted(
        grouped([x for x in lines if not x.user], covering),
        key=lambda each: (bool(each.covered), each.guess is Guess.NOBODY),
    )
    open_ones = [each for each in groups if not each.covered]
    good = [x for g in open_ones if g.guess is not Guess.NOBODY for x in g.lines]
    bad = [x for g in open_ones if g.guess is Guess.NOBODY for x in g.lines]
    users = [each for each in lines if each.user]
    return Evidence(
        replace(found, lines=()),
        tuple(groups[:SHOWN]),
        len(groups[SHOWN:]),
        Numbers.of(good),
        Numbers.of(bad),
        Numbers.of(users),
        tuple(dict.fromkeys(each.user for each in users if each.lately)),
    )
