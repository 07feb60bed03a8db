"""PURE. Whether a packet filter lets a stranger's new connection in, as three words.

The rules of nftables and of iptables are both brought into `Chain` and `Rule` (nft.py,
iptables.py) and walked here as the kernel walks them. What a rule asks is answered for
one packet: the first one of a TCP connection to a port of this machine, from somewhere
on the internet. An answer that nobody can give is MAYBE, and both ways are walked: only
where every way ends alike is a port open or closed.

A stranger is not on this machine's loopback, has no private address, and is not in a
network as small as /16 (IPv6: /32); a rule about a larger one is MAYBE.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase
from ipaddress import ip_network
from typing import Self

__all__ = ["Chain", "Fit", "Packet", "Rule", "Verb", "Way", "way_through"]

# From this prefix length on a network is too small for a stranger to be in it.
SMALL = {4: 16, 6: 32}


class Fit(Enum):
    """Whether the packet is what a rule asks for."""

    YES = "yes"
    NO = "no"
    MAYBE = "maybe"

    @classmethod
    def of(cls, answer: bool) -> Self:
        """A certain answer."""
        return cls.YES if answer else cls.NO

    def __invert__(self) -> "Fit":
        return {Fit.YES: Fit.NO, Fit.NO: Fit.YES}.get(self, Fit.MAYBE)

    @staticmethod
    def all(answers: Iterable["Fit"]) -> "Fit":
        """YES where each is, NO where one is."""
        told = set(answers)
        if Fit.NO in told:
            return Fit.NO
        return Fit.MAYBE if Fit.MAYBE in told else Fit.YES

    @staticmethod
    def any(answers: Iterable["Fit"]) -> "Fit":
        """YES where one is, NO where none is."""
        return ~Fit.all(~each for each in answers)


class Verb(Enum):
    """What a rule does with a packet that fits; UNKNOWN is anything else."""

    ACCEPT = "accept"
    DROP = "drop"  # or refuse
    RETURN = "return"
    JUMP = "jump"
    GOTO = "goto"
    GO_ON = "go on"
    UNKNOWN = "unknown"


class Way(Enum):
    """How it ends: `UNKNOWN` is “cannot tell”."""

    OPEN = "open"
    CLOSED = "closed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Packet:
    """The packet that is asked about; `family` is `ip` or `ip6`.

    `interface` is the one it comes in by, empty where nobody knows.
    """

    port: int
    family: str = "ip"
    interface: str = ""

    def from_network(self, text: str) -> Fit:
        """Whether a stranger comes from an address or network. Raises ValueError."""
        network = ip_network(text, strict=False)
        if (network.version == 4) is not (self.family == "ip"):
            return Fit.NO
        if network.prefixlen == 0:
            return Fit.YES
        small = network.prefixlen >= SMALL[network.version]
        return Fit.NO if small or not network.is_global else Fit.MAYBE

    def by(self, pattern: str) -> Fit:
        """Whether it comes in by an interface; `eth+` and `eth*` are patterns."""
        pattern = pattern[:-1] + "*" if pattern.endswith("+") else pattern
        if pattern == "lo":
            return Fit.NO
        if not self.interface:
            return Fit.MAYBE
        return Fit.of(fnmatchcase(self.interface, pattern))


@dataclass(frozen=True)
class Rule:
    """What a rule asks of the packet, answered, and what it does."""

    fit: Fit
    verb: Verb
    target: str = ""


@dataclass(frozen=True)
class Chain:
    """Rules in order. `policy` is what a base chain does in the end, else None."""

    rules: tuple[Rule, ...] = ()
    policy: Verb | None = None


def way_through(tables: Iterable[Mapping[str, Chain]]) -> Way:
    """The way through every base chain of these tables, chains by their name.

    A packet is let in when all of them accept it, and lost when one drops it.
    """
    ends = [
        walk.ends(name)
        for walk in map(Walk, tables)
        for name, chain in walk.chains.items()
        if chain.policy is not None
    ]
    if any(each == {Verb.DROP} for each in ends):
        return Way.CLOSED
    if all(each == {Verb.ACCEPT} for each in ends):
        return Way.OPEN
    return Way.UNKNOWN


class Walk:
    """One packet on its way through the chains of one table."""

    def __init__(self, chains: Mapping[str, Chain]) -> None:
        self.chains = chains
        # A chain that leads to itself, which the kernel takes from nobody, is unknown.
        self._known: dict[str, set[Verb]] = {}

    def ends(self, name: str) -> set[Verb]:
        """How the packet can leave a chain: accepted, dropped, returned, or unknown."""
        if name not in self._known:
            self._known[name] = {Verb.UNKNOWN}
            if name in self.chains:
                self._known[name] = self._through(self.chains[name])
        return self._known[name]

    def _through(self, chain: Chain) -> set[Verb]:
        """The same, rule by rule."""
        last: set[Verb] = {chain.policy or Verb.RETURN}
        ends: set[Verb] = set()
        for rule in chain.rules:
            if rule.fit is Fit.NO or rule.verb is Verb.GO_ON:
                continue
            told = self._of(rule)
            back = Verb.RETURN in told
            told = told - {Verb.RETURN}
            if back and rule.verb is not Verb.JUMP:
                told = told | last
            ends |= told
            if rule.fit is Fit.YES and not (back and rule.verb is Verb.JUMP):
                return ends
        return ends | last

    def _of(self, rule: Rule) -> set[Verb]:
        """How a rule that fits can end."""
        follows = rule.verb in (Verb.JUMP, Verb.GOTO)
        return self.ends(rule.target) if follows else {rule.verb}
