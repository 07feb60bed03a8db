"""Trusted networks as a page shows them: entries, the rest, and whom one could name."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_network
from itertools import chain, islice

from mailguard.protection import trusting
from mailguard.sending.judging import Judge, known
from mailguard.sending.models import NetworkNote
from mailguard.sending.trusting import trusted
from mailguard.servers import services as servers
from mailguard.servers.models import Server
from mailguard.traffic.times import time_of
from postfixconf.policy.networks import (
    NAME,
    Network,
    foreign_kind,
    holds,
    ordered,
    spelled,
)
from postfixconf.policy.observed import effective
from postfixconf.policy.relay import expand
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf

__all__ = [
    "Listed",
    "Suggestion",
    "elsewhere",
    "foreign",
    "listed",
    "style",
    "suggested",
]

LOOPBACK = ("127.0.0.0/8", "[::1]/128")
MOST = 12  # that are suggested


@dataclass(frozen=True)
class Listed:
    """One entry: what is wanted, what is live, and what the log tells of it.

    `sent` are the messages of its `senders` that were accepted in 7 days without
    signing in, `last` is when. `note` is None where nobody has named it here.
    """

    network: str
    wanted: bool
    live: bool
    note: NetworkNote | None
    sent: int
    senders: int
    last: datetime | None
    warnings: tuple[str, ...]

    @property
    def state(self) -> str:
        """What waits, in words; empty where nothing does."""
        if self.wanted == self.live:
            return ""
        return "waits to be trusted" if self.wanted else "waits to go"


@dataclass(frozen=True)
class Suggestion:
    """A network that could be named, and why."""

    network: str
    reason: str


def listed(server: Server, judge: Judge) -> list[Listed]:
    """The entries that are wanted or live, in order."""
    wanted = set(trusted(server))
    notes = {row.network: row for row in NetworkNote.objects.all()}
    return [
        row_of(each, judge, each in wanted, notes.get(each))
        for each in ordered(wanted | judge.live)
    ]


def row_of(entry: str, judge: Judge, wanted: bool, note: NetworkNote | None) -> Listed:
    """One entry with what the log tells."""
    senders = [each for each in judge.inside(known(entry)) if each.sent]
    last = max((each.last for each in senders), default=0)
    return Listed(
        entry,
        wanted,
        entry in judge.live,
        note,
        sum(each.sent for each in senders),
        len(senders),
        time_of(last) if last else None,
        tuple(judge.doubts(entry)) if wanted else (),
    )


def foreign(judge: Judge) -> list[tuple[str, str]]:
    """What else stands in mynetworks, each with what it is in words."""
    return [(word, foreign_kind(word)) for word in judge.adopted.foreign]


def style(server: Server) -> str:
    """mynetworks_style where main.cf has no mynetworks; empty where it has."""
    seen = servers.last_observed(server)
    if seen is None or trusting.is_given(server):
        return ""
    main = MainCf.parse(seen.texts.main)
    name = "mynetworks_style"
    return expand(effective(main, seen.facts, name), main)


def elsewhere(server: Server) -> list[tuple[str, str]]:
    """Services of master.cf that have networks of their own: name and value."""
    seen = servers.last_observed(server)
    if seen is None:
        return []
    found = [
        (each.name, each.overrides().get(NAME))
        for each in MasterCf.parse(seen.texts.master).services()
    ]
    return [(name, value) for name, value in found if value is not None]


def suggested(server: Server, judge: Judge) -> list[Suggestion]:
    """Whom one could trust: devices that send, and the networks of this server."""
    named = [known(each) for each in trusted(server)]
    every = chain(of_loopback(named), of_interfaces(judge), of_clients(judge))
    fresh = (
        each
        for each in every
        if not any(holds(other, known(each.network)) for other in named)
    )
    return list(islice(fresh, MOST))


def of_loopback(named: list[Network]) -> Iterator[Suggestion]:
    """This server itself, where nothing of it is trusted."""
    for each in LOOPBACK if not any(x.is_loopback for x in named) else ():
        yield Suggestion(each, "This server itself: its own programs send through it.")


def of_interfaces(judge: Judge) -> Iterator[Suggestion]:
    """The private networks that this machine stands in, but for its containers'."""
    for device, text in judge.around.interfaces:
        network = known(text)
        near = any(holds(each, network) for each in PRIVATE)
        if near and not judge.bridge(network):
            yield Suggestion(text, f"The network of this server ({device}).")


def of_clients(judge: Judge) -> Iterator[Suggestion]:
    """Clients with private addresses that send, or want to and may not."""
    near = [each for network in PRIVATE for each in judge.inside(network)]
    for each in near:
        network = ip_network(each.address)
        sends = each.sent or each.denied
        if not sends or each.stopped or any(judge.by_shape(network)):
            continue
        name = f" ({each.name})" if each.name else ""
        said = [f"sent {each.sent:,}" if each.sent else ""]
        said += [f"was refused {each.denied:,} to others" if each.denied else ""]
        told = " and ".join(x for x in said if x)
        yield Suggestion(spelled(network), f"{each.address}{name} {told} in 7 days.")


# What a company's own devices have (RFC 1918, RFC 4193).
PRIVATE = tuple(
    ip_network(each)
    for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
)
