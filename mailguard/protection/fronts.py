"""Who stands in front of this server: by the MX records, and by who brings its mail."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from mailguard.protection.around import own_names
from mailguard.protection.models import MxLookup, Relay
from mailguard.servers.models import Server
from mailguard.traffic.carriers import Carrier, Carriers, carriers
from mailguard.traffic.keys import organisation_of
from postfixconf.host.mx import Exchange
from postfixconf.policy.lint import Finding, Level

__all__ = [
    "Front",
    "Gateway",
    "exchanges",
    "fronts",
    "gateway",
    "gateway_finding",
    "relays",
]

ENOUGH = 100  # attempts, before a share means something
MOSTLY, SOME = 0.5, 0.05  # of all mail
DIVERSE = 10  # sender domains that one organisation does not have
ONE_VOICE = 2  # greetings of a relay of one's own


@dataclass(frozen=True)
class Front:
    """A relay that may stand in front: its name, addresses, and what speaks for it."""

    name: str
    addresses: tuple[str, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Gateway:
    """A client that brings most of the mail, and is nobody that was named."""

    carrier: Carrier
    share: float
    total: int

    @property
    def sentence(self) -> str:
        """What was seen, and what it means."""
        each = self.carrier
        return (
            f"{each.address} brings {self.share:.0%} of all mail: {each.count:,} of "
            f"the latest {self.total:,} attempts, for {each.domains:,} sender domains. "
            "To Postfix every one of these senders looks like this client: reverse "
            "names, blocklists and greylisting judge it, and not who sends."
        )

    @property
    def remedy(self) -> str:
        """What to do, as far as its greetings tell what it is."""
        gateway = (
            "have the gateway (NAT, container, proxy) pass on the client's address: "
            "Docker with the host's network, a proxy with the PROXY protocol"
        )
        relay = "if it is a filter service or backup MX, name it on Relays in front"
        if self.carrier.greetings >= DIVERSE:
            return f"It greets with {self.carrier.greetings} names: {gateway}."
        if 1 <= self.carrier.greetings <= ONE_VOICE:
            return f"It greets with one name, like a relay: {relay}."
        return f"{gateway.capitalize()}; {relay}."


def relays() -> tuple[str, ...]:
    """The relays in front that are wanted."""
    return tuple(Relay.objects.values_list("network", flat=True))


def exchanges(server: Server) -> list[tuple[MxLookup, list[tuple[Exchange, bool]]]]:
    """Every domain that was looked up, each exchange with whether it is this server."""
    names = own_names(server)
    return [
        (row, [(x, x.here or x.host in names) for x in told(row)])
        for row in MxLookup.objects.filter(server=server)
    ]


def told(row: MxLookup) -> list[Exchange]:
    """Its exchanges, the first choice first."""
    found = [Exchange(**each) for each in row.exchanges]
    return [
        Exchange(x.host, x.preference, tuple(x.addresses), x.here)
        for x in sorted(found, key=lambda x: (x.preference, x.host))
    ]


def fronts(server: Server, relays: Sequence[str]) -> list[Front]:
    """Whom the DNS or the mail log shows in front, without those that are named."""
    brought = carriers(server) or Carriers()
    found = by_dns(server, brought) + by_log(brought)
    named = [ip_network(each) for each in relays]
    fresh: dict[tuple[str, ...], Front] = {}
    for each in found:
        rest = tuple(
            x for x in each.addresses if not any(ip_address(x) in n for n in named)
        )
        if rest and rest not in fresh:
            fresh[rest] = Front(each.name, rest, each.reasons)
    return list(fresh.values())


def by_dns(server: Server, brought: Carriers) -> list[Front]:
    """The exchanges of our domains that are not this server."""
    found: dict[str, Front] = {}
    for row, hosts in exchanges(server):
        ours = [each.preference for each, here in hosts if here]
        for each, here in hosts:
            if here or not each.addresses:
                continue
            first = not ours or each.preference < min(ours)
            role = "takes mail first" if first else "takes mail when this one does not"
            reason = f"MX of {row.domain} ({each.preference}): {role}."
            seen = of_same_house(each, brought)
            reasons = [reason, *(said(x, brought) for x in seen)]
            before = found.get(each.host, Front(each.host, (), ()))
            addresses = (*before.addresses, *each.addresses, *(x.address for x in seen))
            found[each.host] = Front(
                each.host,
                tuple(dict.fromkeys(addresses)),
                tuple(dict.fromkeys((*before.reasons, *reasons))),
            )
    return list(found.values())


def of_same_house(exchange: Exchange, brought: Carriers) -> list[Carrier]:
    """The clients that are the exchange, or have its organisation's proven name."""
    house = organisation_of(exchange.host)
    return [
        each
        for each in brought.clients
        if each.address in exchange.addresses
        or (each.name and organisation_of(each.name) == house)
    ]


def by_log(brought: Carriers) -> list[Front]:
    """Clients that bring other people's mail with a voice of their own."""
    return [
        Front(each.name or each.address, (each.address,), (said(each, brought),))
        for each in brought.clients
        if brought.total >= ENOUGH
        and brought.share(each) >= SOME
        and each.domains >= DIVERSE
        and 1 <= each.greetings <= ONE_VOICE
    ]


def said(each: Carrier, brought: Carriers) -> str:
    """What the log says of a client."""
    return (
        f"{each.address} brought {each.count:,} of the latest {brought.total:,} "
        f"attempts, for {each.domains:,} sender domains."
    )


def gateway(server: Server, relays: Sequence[str]) -> Gateway | None:
    """The client behind which all others look the same, if there is one."""
    brought = carriers(server)
    if brought is None or brought.total < ENOUGH or not brought.clients:
        return None
    first = brought.clients[0]
    share = brought.share(first)
    client = ip_address(first.address)
    if any(client in ip_network(each) for each in relays):
        return None
    if share < MOSTLY or first.domains < DIVERSE:
        return None
    return Gateway(first, share, brought.total)


def gateway_finding(server: Server, relays: Sequence[str]) -> Finding | None:
    """The same for the page of findings."""
    found = gateway(server, relays)
    if found is None:
        return None
    return Finding(
        Level.WARNING, "one_client", "mail log", found.sentence, found.remedy
    )
