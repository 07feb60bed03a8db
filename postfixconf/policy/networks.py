"""Trusted networks: the entries of mynetworks, read and written (postconf(5)).

An entry is a network as Postfix reads one: an IPv4 address or network, or an IPv6 one
in brackets, `[fe80::]/10`. It is named in one spelling, always with its prefix. All
else that may stand there is foreign, kept in its place: tables, files, exclusions,
`$name`, and what Postfix finds no network in.

Postfix takes the first item that fits, so an exclusion counts for what stands behind
it. What tables and files hold is not looked at.
"""

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

from postfixconf.errors import BadValue
from postfixconf.text.maincf import MainCf
from postfixconf.text.rules import Rule

__all__ = [
    "NAME",
    "Network",
    "Trusted",
    "entry_of",
    "exclusion_of",
    "foreign_kind",
    "holds",
    "is_broken",
    "network_of",
    "ordered",
    "read_network",
    "spelled",
    "with_networks",
]

NAME = "mynetworks"
Network = IPv4Network | IPv6Network
# IPv6 stands in brackets: without them Postfix takes it for a lookup table.
PREFIX = "(/[0-9]{1,3})"
ITEM = re.compile(rf"([0-9.]+){PREFIX}?|\[([0-9a-fA-F:.]+)(?:\]{PREFIX}?|{PREFIX}\])")


@dataclass(frozen=True)
class Trusted:
    """mynetworks of a main.cf: its entries, and what else stands there.

    `given` is false where there is none: then mynetworks_style decides.

    >>> Trusted.of(MainCf.parse("mynetworks = 127.0.0.1 !10.0.0.9 10.0.0.0/8"))
    Trusted(entries=('127.0.0.1/32', '10.0.0.0/8'), foreign=('!10.0.0.9',), given=True)
    """

    entries: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    given: bool = True

    @classmethod
    def of(cls, main: MainCf) -> "Trusted":
        """As a main.cf has it."""
        words = [rule.text for rule in main.rules(NAME)]
        named = [entry for word in words if (entry := entry_of(word))]
        foreign = [word for word in words if not entry_of(word)]
        given = main.get(NAME) is not None
        return cls(tuple(dict.fromkeys(named)), tuple(foreign), given)


def network_of(word: str) -> Network | None:
    """The network that Postfix reads in an item; None where it reads none."""
    found = ITEM.fullmatch(word)
    if found is None:
        return None
    try:
        return ip_network("".join(each or "" for each in found.groups()))
    except ValueError:  # bits behind the prefix, too: Postfix reads none then
        return None


def spelled(network: Network) -> str:
    """A network as it is named and written."""
    if isinstance(network, IPv6Network):
        return f"[{network.network_address}]/{network.prefixlen}"
    return str(network)


def entry_of(word: str) -> str:
    """The one spelling of an item that is an entry, empty for a foreign one."""
    network = network_of(word)
    return "" if network is None else spelled(network)


def ordered(entries: Iterable[str]) -> list[str]:
    """Entries as they are listed and written: IPv4 first, by address."""
    networks = [found for each in entries if (found := network_of(each))]
    return [spelled(each) for each in sorted(networks, key=place)]


def place(network: Network) -> tuple[int, int, int]:
    """Where a network stands in an order."""
    return network.version, int(network.network_address), network.prefixlen


def read_network(text: str) -> str:
    """The one spelling of what somebody typed, with brackets or without.

    Raises BadValue, which quotes the text: for bits behind the prefix it offers the
    network that is meant. The whole internet is none of one's own.
    """
    typed = text.strip()
    if not typed or not typed.isprintable():
        raise BadValue(text, "empty" if not typed else "holds invisible characters")
    address, slash, prefix = typed.partition("/")
    bare = re.sub(r"\[([0-9a-fA-F:.]+)\]", r"\1", address) + slash + prefix
    item = f"[{bare.partition('/')[0]}]{slash}{prefix}" if ":" in bare else bare
    if not ITEM.fullmatch(item):
        raise BadValue(text, "neither an address nor a network (192.168.1.0/24, …)")
    try:
        network = ip_network(bare, strict=False)
    except ValueError:
        raise BadValue(
            text, "neither an address nor a network (192.168.1.0/24, …)"
        ) from None
    if network.prefixlen == 0:
        raise BadValue(text, "that is the whole internet: anybody could send as you")
    if network_of(item) is None:
        raise BadValue(
            text,
            f"its address has bits behind the prefix: write {spelled(network)} for "
            f"the network, {bare.partition('/')[0]} for the one address",
        )
    return spelled(network)


def exclusion_of(entry: str, trusted: Trusted) -> str:
    """The exclusion in mynetworks that takes away all of an entry, empty for none."""
    network = network_of(entry)
    for word in trusted.foreign:
        excluded = network_of(word.removeprefix("!"))
        if word.startswith("!") and excluded and network and holds(excluded, network):
            return word
    return ""


def holds(outer: Network, inner: Network) -> bool:
    """Whether one network lies in another, or is it."""
    if isinstance(outer, IPv4Network) and isinstance(inner, IPv4Network):
        return inner.subnet_of(outer)
    if isinstance(outer, IPv6Network) and isinstance(inner, IPv6Network):
        return inner.subnet_of(outer)
    return False


def foreign_kind(word: str) -> str:
    """What a foreign item is, in words."""
    if word.startswith("!"):
        return "never trusted, whatever stands behind it"
    if "$" in word:
        return "what other settings of main.cf say"
    if is_broken(word):
        return "no network that Postfix can read: mend it by hand"
    if word.startswith("/"):
        return "the networks in a file"
    if ":" in word:
        return "the networks in a lookup table"
    return "no address or network: no client ever fits it"


def is_broken(word: str) -> bool:
    """Whether Postfix stumbles over a foreign item (seen on 3.7.11).

    Over a bad network it puts off whoever is not named before it with 451, strangers
    too; of an IPv6 address without brackets smtpd dies, as of an unknown table type.
    """
    if word.startswith(("!", "/")) or "$" in word:
        return False
    with suppress(ValueError):
        return ip_network(word, strict=False).version == 6 or "/" in word
    return word.startswith("[") or ("/" in word and ":" not in word)


def with_networks(main: MainCf, wanted: Mapping[str, bool]) -> MainCf:
    """`main` with these entries (True), and without those (False).

    One that is not named stays as it is. Those that come stand behind all others;
    where none comes or goes nothing is changed. Without mynetworks it is written
    where an entry is wanted, and holds those alone. Raises BadValue for a value
    that cannot be edited.
    """
    come = [entry for entry, there in wanted.items() if there]
    if main.get(NAME) is None:
        return main.set(NAME, ", ".join(ordered(come))) if come else main
    rest = tuple(r for r in main.rules(NAME) if wanted.get(entry_of(r.text), True))
    there = {entry_of(rule.text) for rule in rest}
    news = (Rule(entry) for entry in ordered(come) if entry not in there)
    return main.set_rules(NAME, (*rest, *news))
