"""Keys: short numbers for long texts, so that millions of them can be indexed."""

from hashlib import blake2b

from mailguard.suffixes import registered
from postfixconf.maillog import triplets

__all__ = ["key_of", "network_of", "organisation_of", "sent_by"]


def key_of(*parts: object) -> int:
    """63 bits that stand for these parts; letters count alike, large or small."""
    text = "\0".join(map(str, parts))
    told = text.lower().encode("utf-8", "surrogateescape")
    return int.from_bytes(blake2b(told, digest_size=8).digest(), "big") >> 1


def sent_by(sender: str) -> dict[str, int]:
    """Where the attempts of a sender stand in the index: in those of its domain."""
    domain = sender.rpartition("@")[2]
    return {"domain_key": key_of(domain), "sender_key": key_of(sender)}


def network_of(address: str) -> str:
    """The client's network, as greylisting sees it; itself for what is no address.

    >>> network_of("192.0.2.7"), network_of("unknown")
    ('192.0.2.0/24', 'unknown')
    """
    return triplets.network_of(address) or address


def organisation_of(name: str) -> str:
    """The domain that somebody registered; the name itself where there is none.

    >>> organisation_of("mx1.out.example.co.uk")
    'example.co.uk'
    """
    plain = name.lower().strip(".")
    return registered(plain) or plain
