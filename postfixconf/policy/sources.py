"""The lines of each table, from entries and own domains."""

import ipaddress
from collections.abc import Iterable, Iterator

from postfixconf.policy.entries import Entry, Lookup, Spared, keys_of
from postfixconf.policy.lookups import OWN_CLASS
from postfixconf.policy.observed import Facts, effective
from postfixconf.policy.own_domains import OwnDomains
from postfixconf.text.maincf import MainCf
from postfixconf.text.postgrey_files import written

__all__ = ["dotted", "lines", "pairs", "spared"]


def dotted(main: MainCf, facts: Facts) -> bool:
    """Whether a domain's key leaves out its sub-domains here (access(5))."""
    value = effective(main, facts, "parent_domain_matches_subdomains")
    return "smtpd_access_maps" not in value


def lines(
    table: Lookup | Spared, entries: Iterable[Entry], own: OwnDomains, *, dotted: bool
) -> Iterator[str]:
    """The lines of one table, of which `entries` hold all and only its own.

    `own` are the own domains that are watched: none where the stop is off. Networks
    come longest prefix first, since the first line that fits decides.
    """
    if isinstance(table, Spared):
        yield from spared(entry.value for entry in entries)
        return
    for key, action in pairs(table, entries, own, dotted=dotted):
        yield f"{key} {action}\n"


def pairs(
    table: Lookup, entries: Iterable[Entry], own: OwnDomains, *, dotted: bool
) -> Iterator[tuple[str, str]]:
    """The same as keys and actions."""
    if table is Lookup.ACCESS:
        for domain in own.domains:
            for key in keys_of(domain, dotted=dotted):
                yield key, OWN_CLASS
    if table is Lookup.NETWORKS:
        entries = sorted(entries, key=_width)
    for entry in entries:
        for key in keys_of(entry.value, dotted=dotted):
            yield key, entry.action


def spared(values: Iterable[str]) -> Iterator[str]:
    """The lines of a list of postgrey's with these entries."""
    content = "".join(f"{value}\n" for value in sorted(values))
    yield from written(content).splitlines(keepends=True)


def _width(entry: Entry) -> int:
    return -ipaddress.ip_network(entry.value).prefixlen
