"""Who decides about an address, a name or an IP: the wanted entry asked first."""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

from mailguard.lists.models import Entry
from mailguard.lists.services import wanted
from mailguard.servers import services as servers
from mailguard.servers.models import Server
from postfixconf.errors import BadValue
from postfixconf.policy.entries import Kind, read_value
from postfixconf.policy.matching import Envelope, candidates
from postfixconf.policy.observed import effective
from postfixconf.text.maincf import MainCf

__all__ = ["Verdict", "decisions"]

NOBODY = "192.0.2.1"  # stands for a client that is not asked about


@dataclass(frozen=True)
class Verdict:
    """In one role, the entry that decides; None where no entry does."""

    role: str
    row: Entry | None


def decisions(text: str, server: Server) -> list[Verdict]:
    """Who decides about `text` in each role it can have; empty where it has none."""
    roles = list(roles_of(text.strip().lower(), delimiter_of(server)))
    keys = {key for _, tried in roles for key in tried}
    rows = wanted().filter(
        kind__in={kind.value for kind, _ in keys}, value__in={v for _, v in keys}
    )
    found = {(row.kind, row.value): row for row in rows}
    return [
        Verdict(role, next((found[key] for key in tried if key in found), None))
        for role, tried in roles
    ]


def roles_of(text: str, delimiter: str) -> Iterator[tuple[str, list[tuple[Kind, str]]]]:
    """What the text can be in a message, with the entries asked in that role."""
    address = read(Kind.CLIENT, text)
    if address is not None and "/" not in address:
        yield f"A client at {address}", tried(Envelope(address), Kind.CLIENT)
        return
    sender = read(Kind.SENDER, text)
    if sender is not None and not sender.endswith("@"):
        envelope = Envelope(NOBODY, sender=sender, delimiter=delimiter)
        yield f"The sender {sender}", tried(envelope, Kind.SENDER, Kind.SENDER_DOMAIN)
        return
    name = read(Kind.SENDER_DOMAIN, text)
    if name is None:
        return
    envelope = Envelope(NOBODY, client_name=name, helo=name, sender=f"anybody@{name}")
    yield f"Senders at {name}", tried(envelope, Kind.SENDER_DOMAIN)
    yield f"A client named {name}", tried(envelope, Kind.CLIENT_NAME)
    yield f"A greeting with {name}", tried(envelope, Kind.HELO)


def tried(envelope: Envelope, *kinds: Kind) -> list[tuple[Kind, str]]:
    """The entries of these kinds that would apply, the deciding one first."""
    return [each for each in candidates(envelope) if each[0] in kinds]


def read(kind: Kind, text: str) -> str | None:
    """The value, or None where the text is none of this kind."""
    try:
        ipaddress.ip_network(text.strip("[]"), strict=False)
        is_address = True
    except ValueError:
        is_address = False
    try:
        return read_value(kind, text) if is_address is (kind is Kind.CLIENT) else None
    except BadValue:
        return None


def delimiter_of(server: Server) -> str:
    """What separates a user from a folder on this server."""
    seen = servers.last_observed(server)
    if seen is None:
        return ""
    main = MainCf.parse(seen.texts.main)
    return effective(main, seen.facts, "recipient_delimiter")
