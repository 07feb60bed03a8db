"""Trusted networks that trust more than somebody meant."""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from postfixconf.policy.linting.around import Around
from postfixconf.policy.linting.kind import Said
from postfixconf.policy.linting.seen import Seen

__all__ = ["concerns", "networks", "trusted"]

NAME = "mynetworks"
DIES = "it takes it for a table without a type, and smtpd dies"
NO_TABLE = "it takes it for a table, and puts off all mail of strangers with 451"
PUT_OFF = {  # by the version of what is asked: the other is not compared with it
    4: "it puts off all mail of strangers with 451",
    6: "it puts off all mail of strangers that comes over IPv6 with 451",
}
Network = IPv4Network | IPv6Network
# The shortest prefix that is no network of somebody's own, and the whole internet's.
EVERYONE = {4: 8, 6: 16}
WIDE = {4: 16, 6: 32}
# Addresses that all the world has where a container's ports are forwarded to it.
# With the shortest prefix that still means it: a wider one holds any gateway there is.
KNOWN = (
    ("172.17.0.1", "Docker's gateway", 12),
    ("10.0.2.2", "the gateway of a virtual machine or rootless container", 24),
    ("10.88.0.1", "Podman's gateway", 16),
)
BROAD = 12


def trusted(seen: Seen) -> Iterator[Said]:
    """What is wrong with mynetworks, in main.cf and in the services on port 25."""
    gateways = known_gateways(seen.around)
    for service in (None, *seen.fronts):
        if service and NAME not in service.overrides():
            continue
        place = f"-o {NAME} of {service.name}" if service else NAME
        value = seen.expanded(seen.value(NAME, service))
        for word in words(value):
            if found := misread(word):
                yield Said("mynetworks_misread", place, (word, *found))
        for each in networks(value):
            yield from judged(each, place, gateways)
    if seen.main.get(NAME) is None and seen.value("mynetworks_style") == "class":
        yield Said("mynetworks_wide", "mynetworks_style", ("“class”",))


def concerns(network: Network, around: Around) -> Iterator[Said]:
    """What would be wrong with one network in mynetworks, on this machine."""
    yield from judged(network, NAME, known_gateways(around))


def known_gateways(around: Around) -> tuple[tuple[str, str, int], ...]:
    """Addresses behind which others hide: address, what it is, shortest prefix."""
    here = ((address, what, BROAD) for address, what in around.gateways)
    return (*here, *KNOWN)


def words(value: str) -> Iterator[str]:
    """What a value names, without what only the running Postfix can tell."""
    for word in re.split(r"[,\s]+", value):
        if word and not re.search(r"[${}]", word):
            yield word.removeprefix("!")


def misread(word: str) -> tuple[str, str] | None:
    """What Postfix makes of a word that it cannot read, and what to write instead.

    A bare word that is no address matches nobody and does no harm (match_ops.c).
    """
    plain = re.sub(r"[\[\]]", "", word)
    try:
        meant = ip_network(plain, strict=False)
    except ValueError:
        slashed = re.fullmatch(r"[\d.]+/\S*", word)
        return (PUT_OFF[4], "a network such as 192.168.1.0/24") if slashed else None
    if meant.version == 6 and not word.startswith("["):
        return DIES if word[0] == ":" else NO_TABLE, written(meant, plain)
    if "/" in plain and plain.partition("/")[0] != str(meant.network_address):
        right = ip_address(plain.partition("/")[0]) == meant.network_address
        return None if right else (PUT_OFF[meant.version], written(meant, plain))
    return None


def written(network: Network, plain: str) -> str:
    """A network as Postfix reads it."""
    address, size = str(network.network_address), f"/{network.prefixlen}"
    bare = f"[{address}]" if network.version == 6 else address
    return f"{bare}{size}" if "/" in plain else bare


def networks(value: str) -> Iterator[Network]:
    """The networks that a value names; files and tables are not looked at."""
    for word in re.split(r"[,\s]+", value):
        with suppress(ValueError):
            yield ip_network(re.sub(r"[\[\]]", "", word), strict=False)


def judged(
    network: Network, place: str, gateways: Sequence[tuple[str, str, int]]
) -> Iterator[Said]:
    """What is wrong with one network."""
    size, text = network.prefixlen, str(network)
    private = network.is_private or network.is_link_local or network.is_loopback
    if not private and size < EVERYONE[network.version]:
        yield Said("mynetworks_everyone", place, (text,))
        return
    if not private and size < WIDE[network.version]:
        yield Said("mynetworks_wide", place, (text,))
        return
    for address, what, shortest in gateways:
        if size >= shortest and ip_address(address) in network:
            yield Said("mynetworks_gateway", place, (text, address, what))
            return
