"""What speaks against trusting a network, and what against trusting it no more.

The linter's judgement comes first, with this machine's own networks and the mail log.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address

from mailguard.protection import services, trusting
from mailguard.servers import services as servers
from mailguard.servers.models import Server
from mailguard.traffic.carriers import Carriers, carriers
from mailguard.traffic.clients import Client, Clients, clients
from postfixconf.policy.linting.around import Around
from postfixconf.policy.linting.kinds import finding
from postfixconf.policy.linting.networks import concerns
from postfixconf.policy.networks import (
    Network,
    Trusted,
    exclusion_of,
    holds,
    is_broken,
    network_of,
)

__all__ = ["Judge", "known"]

EVERYONE = "mynetworks_everyone"  # the linter's own word for what no apply brings live
DIVERSE = 10  # sender domains that one device does not have
FEW = 5  # clients that are told by name
# Interfaces of containers and virtual machines, as their programs name them.
BRIDGES = ("docker", "br-", "podman", "cni", "virbr", "lxcbr", "lxdbr", "incusbr")
HERE = (ip_address("127.0.0.1"), ip_address("::1"))


@dataclass(frozen=True)
class Judge:
    """What is known of a server's networks, read once for all questions.

    `adopted` is mynetworks as last adopted, `live` are the entries that are trusted
    now, `styled` those that mynetworks_style gives while main.cf has no mynetworks.
    `clients` are those of the log, each behind its address (version and number): ten
    times faster to compare than addresses are.
    """

    around: Around
    adopted: Trusted
    live: frozenset[str]
    styled: tuple[str, ...]
    clients: tuple[tuple[int, int, Client], ...]
    carriers: Carriers
    counted: Clients | None = None

    @classmethod
    def of(cls, server: Server) -> "Judge":
        """As the worker has last seen the server and its log."""
        seen = servers.last_observed(server)
        around = seen.around if seen else Around()
        told, counted = services.live(server).networks, clients(server)
        styled = trusting.styled(server)
        return cls(
            around,
            trusting.adopted(server),
            frozenset([*(name for name, there in told.items() if there), *styled]),
            styled,
            tuple(addressed(counted or Clients())),
            carriers(server) or Carriers(),
            counted,
        )

    def refused(self, entry: str) -> str:
        """Why nobody may trust a network, empty where one may."""
        found = concerns(known(entry), self.around)
        if any(each.code == EVERYONE for each in found):
            return "that is far too much of the internet: anybody could send as you"
        return ""

    def doubts(self, entry: str) -> list[str]:
        """What speaks against trusting a network, in sentences."""
        network = known(entry)
        return [
            *self.by_shape(network),
            *self._by_hand(entry),
            *self._by_log(network),
        ]

    def losses(self, entry: str) -> list[str]:
        """Who is cut off where a network is trusted no more: nobody if it never was."""
        return list(self._lost(known(entry))) if entry in self.live else []

    def inside(self, network: Network) -> list[Client]:
        """The clients of the log in a network, those that sent most first."""
        version, first = network.version, int(network.network_address)
        last = int(network.broadcast_address)
        return [x for v, at, x in self.clients if v == version and first <= at <= last]

    def bridge(self, network: Network) -> str:
        """The interface of containers that a network has to do with, or empty."""
        for device, text in self.around.interfaces:
            other = known(text)
            met = holds(network, other) or holds(other, network)
            if met and device.startswith(BRIDGES):
                return device
        return ""

    def _lost(self, network: Network) -> Iterator[str]:
        if any(each in network for each in HERE):
            yield "This server's own programs that send through SMTP are trusted by it."
        senders = [each for each in self.inside(network) if each.sent]
        if senders:
            names = ", ".join(f"{x.address} ({x.sent:,})" for x in senders[:FEW])
            more = f" and {len(senders) - FEW:,} more" if len(senders) > FEW else ""
            yield (
                f"In 7 days mail came from {names}{more}: without it they may not send "
                "to others any more, unless they sign in."
            )

    def by_shape(self, network: Network) -> Iterator[str]:
        """What the network itself tells."""
        found = [finding(each) for each in concerns(network, self.around)]
        for each in found:
            yield f"{each.sentence} {each.why} {each.remedy}"
        if not network.is_private and not network.is_link_local and not found:
            yield (
                f"{network} is public. Whoever has an address there may send to all "
                "the world through this server: is it yours alone, and for good?"
            )
        if device := self.bridge(network):
            yield (
                f"It holds the network of containers on this machine ({device}). Where "
                "a port is passed on to one of them, or by one to Postfix, all the "
                "world comes from its gateway."
            )

    def _by_hand(self, entry: str) -> Iterator[str]:
        """Whether what was written by hand takes it away again."""
        for word in filter(is_broken, self.adopted.foreign):
            yield (
                f"main.cf has “{word}” before it, which Postfix cannot read: it puts "
                "off whoever is not named before that. Mend it by hand and adopt it."
            )
        if word := exclusion_of(entry, self.adopted):
            yield (
                f"main.cf has “{word}” before it, written by hand: Postfix will not "
                "trust it all the same."
            )

    def _by_log(self, network: Network) -> Iterator[str]:
        """Whether strangers send from there, as far as the mail log tells."""
        who = [each for each in self.inside(network) if each.stopped]
        if who:
            stopped = sum(each.stopped for each in who)
            yield (
                f"In 7 days {plural(stopped, 'message')} of "
                f"{plural(len(who), 'client')} there met rules against spam. Trusted, "
                "such mail gets through, to all the world."
            )
        for each in self.carriers.clients:
            if each.domains >= DIVERSE and ip_address(each.address) in network:
                yield (
                    f"{each.address} brings mail of {each.domains:,} sender domains: "
                    "strangers' mail comes through it, and would be sent on to anybody."
                )


def addressed(found: Clients) -> Iterator[tuple[int, int, Client]]:
    """The clients behind their addresses; `unknown` has none."""
    for each in found.clients:
        with suppress(ValueError):
            address = ip_address(each.address)
            yield address.version, int(address), each


def plural(number: int, word: str) -> str:
    """`1 client`, `2 clients`."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def known(entry: str) -> Network:
    """The network of an entry that was read already."""
    network = network_of(entry)
    if network is None:
        raise ValueError(f"{entry} is no entry")
    return network
