"""Which entry decides about an envelope: the first of these values that exists.

The order in which Postfix asks our tables (smtpd_check.c, check_namadr_access,
check_mail_access, check_domain_access; access(5)): the client's name, its address,
its networks; the sender's address, its domain, the address at any domain; the
greeting. Within a name the whole name comes before its parents, within networks
the longest prefix comes first.

What is not handled: rewriting of sender addresses (canonical maps, source routes).
"""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

from postfixconf.policy.entries import Kind

__all__ = ["Envelope", "candidates"]

WHOLE = ("postmaster", "mailer-daemon", "double-bounce")  # never split


@dataclass(frozen=True)
class Envelope:
    """Who sends what: an empty `client_name` is one that is not known.

    `delimiter` are the characters of `recipient_delimiter`.
    """

    client_address: str
    client_name: str = ""
    helo: str = ""
    sender: str = ""
    delimiter: str = ""


def candidates(envelope: Envelope) -> Iterator[tuple[Kind, str]]:
    """Every entry that would apply, the deciding one first."""
    for name in _names(envelope.client_name.lower()):
        yield Kind.CLIENT_NAME, name
    address = ipaddress.ip_address(envelope.client_address)
    yield Kind.CLIENT, str(address)
    for prefix in range(address.max_prefixlen - 1, 0, -1):
        network = ipaddress.ip_network((address, prefix), strict=False)
        yield Kind.CLIENT, str(network)
    local, at, domain = envelope.sender.lower().rpartition("@")
    domain = _in_labels(domain)
    if at:
        bare = _without_extension(local, envelope.delimiter)
        locals_ = [local] if bare == local else [local, bare]
        for each in locals_:
            yield Kind.SENDER, f"{each}@{domain}"
        for name in _names(domain):
            yield Kind.SENDER_DOMAIN, name
        for each in locals_:
            yield Kind.SENDER, f"{each}@"
    if envelope.helo:
        yield Kind.HELO, envelope.helo.lower()
        for name in list(_names(envelope.helo.lower()))[1:]:
            yield Kind.HELO, name


def _names(name: str) -> Iterator[str]:
    """A name and its parents."""
    while name:
        yield name
        name = name.partition(".")[2]


def _in_labels(domain: str) -> str:
    """A domain in another script (SMTPUTF8) as entries spell it."""
    try:
        return domain if domain.isascii() else domain.encode("idna").decode()
    except UnicodeError:
        return domain


def _without_extension(local: str, delimiter: str) -> str:
    """`user+folder` without what its owner added (split_addr.c)."""
    if local in WHOLE or local.startswith("owner-"):
        return local
    cut = min((local.find(c) for c in delimiter if local.find(c) > 0), default=-1)
    return local[:cut] if cut > 0 else local
