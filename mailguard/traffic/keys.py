"""Keys: short numbers for long texts, so that millions of them can be indexed."""

import re
from hashlib import blake2b
from ipaddress import ip_address, ip_network

from mailguard.suffixes import registered

__all__ = ["key_of", "network_of", "organisation_of"]

FOUR = re.compile(r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}")


def key_of(*parts: object) -> int:
    """63 bits that stand for these parts; letters count alike, large or small."""
    text = parts[0] if len(parts) == 1 else "\0".join(map(str, parts))
    told = str(text).lower().encode("utf-8", "surrogateescape")
    return int.from_bytes(blake2b(told, digest_size=8).digest(), "big") >> 1


def network_of(address: str) -> str:
    """The client's network, as greylisting sees it: /24, or /64 of IPv6.

    >>> network_of("192.0.2.7")
    '192.0.2.0/24'
    """
    if FOUR.fullmatch(address):
        return address.rpartition(".")[0] + ".0/24"
    try:
        version = ip_address(address).version
    except ValueError:
        return address
    return str(ip_network(f"{address}/{24 if version == 4 else 64}", strict=False))


def organisation_of(name: str) -> str:
    """The domain that somebody registered; the name itself where there is none.

    >>> organisation_of("mx1.out.example.co.uk")
    'example.co.uk'
    """
    plain = name.lower().strip(".")
    return registered(plain) or plain
