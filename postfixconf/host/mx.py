"""Whose servers take the mail of a domain: its MX records, and their addresses.

Asked through the server's own resolver, every domain at the same time, then every
host; the two together take twice LIFETIME at most.

What this does not see: an address that is this server's behind a NAT, and, where the
kernel lets anybody bind any address (ip_nonlocal_bind), an address that is not.
"""

import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import ip_address

import dns.exception
import dns.resolver

from postfixconf.host.faults import LIFETIME
from postfixconf.host.resolver import resolver_of

__all__ = ["Exchange", "Mx", "is_here", "look_up"]

AT_ONCE = 16
MOST = 20  # hosts of a domain that are looked at


@dataclass(frozen=True)
class Exchange:
    """A host that takes a domain's mail; a lower preference is tried first.

    `here` says that one of its addresses is this machine's own.
    """

    host: str
    preference: int
    addresses: tuple[str, ...] = ()
    here: bool = False


@dataclass(frozen=True)
class Mx:
    """What DNS says of one domain, the first choice first; or why it says nothing."""

    domain: str
    exchanges: tuple[Exchange, ...] = ()
    trouble: str = ""


def look_up(domains: Iterable[str], nameservers: tuple[str, ...] = ()) -> dict[str, Mx]:
    """The exchanges of these domains; one without MX records is its own (RFC 5321).

    Asked through the resolvers of /etc/resolv.conf unless others are named.
    """
    resolver = resolver_of(nameservers)
    wanted = list(dict.fromkeys(domains))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        asked = pool.map(lambda each: _exchanges(resolver, each), wanted)
        told = dict(zip(wanted, asked, strict=True))
        hosts = {x.host for each in told.values() for x in each.exchanges}
        found = pool.map(lambda each: _addresses(resolver, each), sorted(hosts))
        addresses = dict(zip(sorted(hosts), found, strict=True))
    return {name: _whole(each, addresses) for name, each in told.items()}


def is_here(address: str) -> bool:
    """Whether an address is one of this machine's."""
    family = socket.AF_INET6 if ip_address(address).version == 6 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as tried:
            tried.bind((address, 0))
    except OSError:
        return False
    return True


def _whole(told: Mx, addresses: dict[str, tuple[str, ...]]) -> Mx:
    """The same with the addresses of its hosts."""
    exchanges = tuple(
        Exchange(
            each.host,
            each.preference,
            addresses[each.host],
            any(is_here(x) for x in addresses[each.host]),
        )
        for each in told.exchanges
    )
    return Mx(told.domain, exchanges, told.trouble)


def _exchanges(resolver: dns.resolver.Resolver, domain: str) -> Mx:
    """The hosts of one domain, without their addresses."""
    try:
        found = resolver.resolve(f"{domain}.", "MX", search=False)
    except dns.resolver.NXDOMAIN:
        return Mx(domain, trouble="the domain does not exist in the DNS")
    except dns.resolver.NoAnswer:
        return Mx(domain, (Exchange(domain, 0),))
    except dns.resolver.LifetimeTimeout:
        return Mx(domain, trouble=f"the DNS did not answer within {LIFETIME:.0f} s")
    except dns.exception.DNSException:
        return Mx(domain, trouble="its name servers fail")
    pairs = [(x.preference, _host(x.exchange)) for x in found]
    exchanges = [Exchange(host, at) for at, host in sorted(pairs) if host]
    return Mx(domain, tuple(exchanges[:MOST]))


def _host(name: object) -> str:
    """A host as it is compared; "" for the null MX (RFC 7505)."""
    return str(name).rstrip(".").lower()


def _addresses(resolver: dns.resolver.Resolver, host: str) -> tuple[str, ...]:
    """Every address of one host, none where DNS does not tell; DNS has no order."""
    found: list[str] = []
    for kind in ("A", "AAAA"):
        try:
            told = resolver.resolve(f"{host}.", kind, search=False)
        except dns.exception.DNSException:
            continue
        found += sorted(str(ip_address(str(each))) for each in told)
    return tuple(found)
