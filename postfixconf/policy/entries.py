"""Entries: whom to let in and whom to keep out, whatever the controls say.

An entry is one line of an allow or deny list. Its value is read once, here, into
the one spelling that is stored, compared and written; what that spelling can hold
can neither end a line nor mean anything but a key (access(5)).

What is not handled: wildcards and regular expressions, quoted local parts, and
addresses in other scripts before the `@`.
"""

import ipaddress
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from postfixconf.errors import BadValue
from postfixconf.text.postgrey_lists import Which, read_entry

__all__ = [
    "ALLOW",
    "DENY",
    "GREY",
    "Entry",
    "Kind",
    "Lookup",
    "Side",
    "Spared",
    "keys_of",
    "read_value",
]

# What a table answers. Never OK: that would end a list for mail to strangers too.
ALLOW = "permit_auth_destination"
DENY = "REJECT"

LONGEST_DOMAIN = 253  # RFC 1035, as text
LONGEST_LOCAL = 64  # RFC 5321
LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
NAME = re.compile(r"[^\[:]*[^\[:\d]")  # neither an address nor a literal
LOCAL = re.compile(r"[a-z0-9!%&'*+/=?^_~.-]+")  # of atext, what is no configuration
MAPPED = ipaddress.ip_network("::ffff:0:0/96")


class Side(StrEnum):
    """Which list an entry is on."""

    ALLOW = "allow"
    DENY = "deny"


class Kind(StrEnum):
    """What an entry compares."""

    CLIENT = "client"
    CLIENT_NAME = "client_name"
    SENDER = "sender"
    SENDER_DOMAIN = "sender_domain"
    HELO = "helo"
    GREY_CLIENT = "grey_client"
    GREY_RECIPIENT = "grey_recipient"

    @property
    def claimed(self) -> bool:
        """Whether anyone can claim it: a client address and its name are proven."""
        return self not in (Kind.CLIENT, Kind.CLIENT_NAME, *GREY)


# Entries of postgrey's lists, which greylisting does not keep waiting. They always
# allow, and Postfix knows nothing of them.
GREY = {
    Kind.GREY_CLIENT: Which.CLIENTS,
    Kind.GREY_RECIPIENT: Which.RECIPIENTS,
}


class Lookup(StrEnum):
    """A table that entries stand in, by its path in the configuration directory.

    Their order is the order in which they are asked.
    """

    CLIENTS = "mailguard/clients"
    NETWORKS = "mailguard/networks"
    ACCESS = "access"
    HELO = "mailguard/helo"


class Spared(StrEnum):
    """A list of postgrey's that entries stand in, by its path in the same directory."""

    CLIENTS = "mailguard/postgrey_clients"
    RECIPIENTS = "mailguard/postgrey_recipients"


@dataclass(frozen=True)
class Entry:
    """One line of a list; `value` is as `read_value` gives it.

    >>> Entry.read("deny", "client", "2001:DB8::/48")
    Entry(side=<Side.DENY: 'deny'>, kind=<Kind.CLIENT: 'client'>, value='2001:db8::/48')
    """

    side: Side
    kind: Kind
    value: str

    @classmethod
    def read(cls, side: str, kind: str, value: str) -> "Entry":
        """From plain text. Raises BadValue, which quotes the text."""
        try:
            on = Side(side)
        except ValueError:
            raise BadValue(side, "an entry is allow or deny") from None
        try:
            of = Kind(kind)
        except ValueError:
            known = ", ".join(each.value for each in Kind)
            raise BadValue(kind, f"an entry is one of {known}") from None
        if of in GREY and on is Side.DENY:
            raise BadValue(side, "greylisting has no deny list: such an entry is allow")
        return cls(on, of, read_value(of, value))

    @property
    def lookup(self) -> Lookup | Spared:
        """The table, or the list of postgrey's, that it stands in."""
        if self.kind in GREY:
            recipients = self.kind is Kind.GREY_RECIPIENT
            return Spared.RECIPIENTS if recipients else Spared.CLIENTS
        if self.kind is Kind.CLIENT:
            # An indexed table is also asked for the beginning of an address, up
            # to a colon: 2001:db8::1 would answer for 2001:db8::1:2 there.
            wide = "/" in self.value or ":" in self.value
            return Lookup.NETWORKS if wide else Lookup.CLIENTS
        if self.kind is Kind.CLIENT_NAME:
            return Lookup.CLIENTS
        return Lookup.HELO if self.kind is Kind.HELO else Lookup.ACCESS

    @property
    def action(self) -> str:
        """What its table answers."""
        return ALLOW if self.side is Side.ALLOW else DENY


def read_value(kind: Kind, text: str) -> str:
    """The one spelling of a value.

    Lower case, networks with their prefix and without host bits, other scripts
    as A-labels (IDNA 2003), `.example.org` and `@example.org` as `example.org`,
    `[192.0.2.1]` as a client's address. Raises BadValue, which quotes the text
    and says what would do.
    """
    value = text.strip().lower()
    if not value or not value.isprintable():
        raise BadValue(text, "empty" if not value else "holds invisible characters")
    match kind:
        case Kind.CLIENT:
            return _network(text, value.strip("[]"))
        case Kind.SENDER:
            return _sender(text, value)
        case Kind.SENDER_DOMAIN:
            return _domain(text, value.removeprefix("@").removeprefix("."))
        case Kind.CLIENT_NAME:
            return _domain(text, value.removeprefix("."))
        case Kind.HELO:
            return _helo(text, value.removeprefix("."))
        case Kind.GREY_CLIENT | Kind.GREY_RECIPIENT:
            return read_entry(GREY[kind], text)


def keys_of(value: str, *, dotted: bool) -> Iterator[str]:
    """The keys that stand in a table for one value.

    A domain in A-labels is also written in its own script, as a sender may use it
    (SMTPUTF8). `dotted` is true where `parent_domain_matches_subdomains` leaves out
    smtpd_access_maps: sub-domains then need a key of their own, `.example.org`.
    """
    local, at, domain = value.rpartition("@")
    spellings = [domain]
    if "xn--" in domain:
        with suppress(UnicodeError):  # IDNA 2003 does not know every name of today
            shown = domain.encode().decode("idna")
            spellings += [shown] if shown != domain and shown.isprintable() else []
    for each in spellings:
        yield f"{local}{at}{each}"
        if dotted and not at and NAME.fullmatch(each):
            yield f".{each}"


def _network(text: str, value: str) -> str:
    """An address, or a network with a prefix shorter than an address."""
    try:
        network = ipaddress.ip_network(value.removeprefix("ipv6:"), strict=False)
    except ValueError:
        raise BadValue(
            text, "neither an address nor a network (192.0.2.7, 192.0.2.0/24, …)"
        ) from None
    if isinstance(network, ipaddress.IPv6Network):
        if "%" in value:
            raise BadValue(text, "an address of one link only")
        if network.prefixlen > 96 and network.network_address in MAPPED:
            raise BadValue(text, "please write the IPv4 address itself")
    if network.prefixlen == 0:
        raise BadValue(text, "that is the whole internet")
    if network.prefixlen == network.max_prefixlen:
        return str(network.network_address)
    return str(network)


def _sender(text: str, value: str) -> str:
    local, at, domain = value.strip("<>").rpartition("@")
    if not at:
        raise BadValue(
            text, "not an address (user@example.org; user@ for every domain)"
        )
    if not LOCAL.fullmatch(local) or len(local) > LONGEST_LOCAL:
        raise BadValue(text, "what stands before the @ is not part of an address")
    return f"{local}@{_domain(text, domain)}" if domain else f"{local}@"


def _domain(text: str, value: str) -> str:
    domain = _labels(text, value)
    if "." not in domain:
        raise BadValue(text, "not a full domain name (example.org)")
    if domain.rpartition(".")[2].isdigit():
        raise BadValue(text, "an address, not a name")
    return domain


def _helo(text: str, value: str) -> str:
    """A greeting: a name, also a short one, or an address in brackets."""
    if value.startswith("[") and value.endswith("]"):
        inside = value.strip("[]").removeprefix("ipv6:")
        try:
            address = ipaddress.ip_address(inside)
        except ValueError:
            raise BadValue(text, "not an address in brackets") from None
        return f"[ipv6:{address}]" if address.version == 6 else f"[{address}]"
    return _labels(text, value)


def _labels(text: str, value: str) -> str:
    value = value.rstrip(".")
    if not value.isascii():
        try:
            plain = value.encode("idna").decode()
            same = plain.encode().decode("idna") == value
        except UnicodeError as cause:
            raise BadValue(text, f"not a domain name ({cause})") from None
        if not same:  # ß would become ss: another owner's domain
            raise BadValue(text, "please write it as it stands in the DNS (xn--…)")
        value = plain
    good = all(LABEL.fullmatch(label) for label in value.split("."))
    if not good or len(value) > LONGEST_DOMAIN:
        raise BadValue(text, "not a domain name")
    return value
