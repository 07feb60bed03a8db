"""What an entry must not be, and what one should think about twice."""

import ipaddress
import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass

from mailguard.lists.models import Entry as Row
from mailguard.lists.services import wanted
from mailguard.protection.domains import own_domains, possible_domains
from mailguard.servers import services as servers
from mailguard.servers.models import Server
from mailguard.suffixes import is_public
from postfixconf.errors import BadValue
from postfixconf.host import perl
from postfixconf.policy.entries import GREY, Entry, Kind, Side
from postfixconf.policy.matching import Envelope, candidates
from postfixconf.policy.own_domains import OwnDomains
from postfixconf.text.access import Line, lines_of

__all__ = ["Guard", "doubts", "hand_written", "judge", "plain", "reaching", "refuse"]

WIDEST = {4: 16, 6: 48}  # prefix lengths
POSTMASTER = "postmaster"
SIDES: dict[str, Side] = {each.value: each for each in Side}
NAME = r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}"
OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
PLAIN: dict[str, tuple[Kind, re.Pattern[str]]] = {
    kind.value: (kind, re.compile(pattern))
    for kind, pattern in (
        (Kind.SENDER, rf"[a-z0-9._+-]{{1,64}}@{NAME}"),
        (Kind.SENDER_DOMAIN, NAME),
        (Kind.CLIENT, rf"{OCTET}(?:\.{OCTET}){{3}}"),
    )
}
LONGEST_PLAIN = 253  # characters
BOUNCES = (
    "the empty sender is how bounces come. They must get through, or nobody learns "
    "that a message of theirs was lost: it can stand on no list"
)


@dataclass(frozen=True)
class Guard:
    """What every new entry has to pass, however it comes.

    `local` is every domain this server takes mail for, `by_hand` are the lines that
    somebody wrote into the sender table, by key.
    """

    own: OwnDomains
    local: frozenset[str]
    by_hand: Mapping[str, Line]

    @classmethod
    def of(cls, server: Server) -> "Guard":
        """As the server and the draft are now."""
        own = own_domains()
        local = {*possible_domains(server), *own.domains}
        by_hand = {line.key: line for line in hand_written(server)}
        return cls(own, frozenset(local), by_hand)

    def read(self, side: str, kind: str, text: str) -> Entry:
        """An entry from plain text. Raises BadValue, which quotes it."""
        entry = plain(side, kind, text)
        if entry is None and kind == Kind.SENDER and text.strip() == "<>":
            raise BadValue(text, BOUNCES)
        entry = entry or Entry.read(side, kind, text)
        if entry.kind in GREY:
            judge(entry)
        if entry.kind not in (Kind.SENDER, Kind.SENDER_DOMAIN):
            return entry
        refuse(entry, self.own, self.local)
        line = self.by_hand.get(entry.value)
        if line is not None:
            raise BadValue(
                entry.value,
                f"stands in the file access already, written by hand: line "
                f"{line.number} says “{line.key} {line.action}”. Take that line out "
                "and adopt the edit first",
            )
        return entry


def judge(entry: Entry) -> None:
    """Raise BadValue for an entry of postgrey's lists that Perl does not let pass."""
    for line in perl.faults(entry.value, GREY[entry.kind]):
        raise BadValue(entry.value, line.fault)


def plain(side: str, kind: str, text: str) -> Entry | None:
    """An entry whose text is its value already, as nearly all of a million are.

    None for what needs a closer look; `Entry.read` gives the same, slowly.
    """
    on, found = SIDES.get(side), PLAIN.get(kind)
    if on is None or found is None or len(text) > LONGEST_PLAIN:
        return None
    return Entry(on, found[0], text) if found[1].fullmatch(text) else None


def hand_written(server: Server) -> list[Line]:
    """The lines of the sender table that somebody wrote by hand."""
    seen = servers.last_observed(server)
    return list(lines_of(seen.texts.access)) if seen else []


def refuse(entry: Entry, own: OwnDomains, local: Container[str]) -> None:
    """Raise BadValue, with the remedy, for an entry that would do harm.

    `own` are the own domains, `local` every domain this server takes mail for.
    """
    if entry.kind not in (Kind.SENDER, Kind.SENDER_DOMAIN):
        return
    user, _, domain = entry.value.rpartition("@")
    if entry.side is Side.ALLOW and own.covers(domain):
        raise BadValue(
            entry.value,
            "is in one of your own domains, which anyone could claim. Except the "
            "client's address on the page Own domains instead",
        )
    if entry.side is Side.DENY and user == POSTMASTER:
        raise BadValue(entry.value, "postmaster has to be able to write (RFC 5321)")
    if entry.side is Side.DENY and (own.covers(domain) or domain in local):
        raise BadValue(
            entry.value,
            "is one of your own domains. Use the page Own domains, which lets your "
            "own people send",
        )


def doubts(entry: Entry) -> Iterator[str]:
    """Sentences about an entry that reaches far, or that another one covers."""
    yield from reaching(entry)
    covering = covered_by(entry)
    if covering is not None and covering.side == entry.side:
        yield f"{entry.value} is covered by {covering.value} already."


def reaching(entry: Entry) -> Iterator[str]:
    """Sentences about what an entry means by itself, without a look at others."""
    if entry.kind is Kind.SENDER and "*" in entry.value:
        yield f"The * in {entry.value} stands for itself: there are no wildcards."
    if entry.kind is Kind.CLIENT and "/" in entry.value:
        network = ipaddress.ip_network(entry.value)
        if network.prefixlen < WIDEST[network.version]:
            size = f"{network.num_addresses:,}" if network.version == 4 else "countless"
            yield f"{entry.value} holds {size} addresses."
    if entry.kind in (Kind.SENDER_DOMAIN, Kind.CLIENT_NAME) and is_public(entry.value):
        yield f"Everybody can register a name below {entry.value}: it is not one owner."


def covered_by(entry: Entry) -> Row | None:
    """The nearest wanted entry of the same kind that reaches further."""
    wider = [value for kind, value in candidates(envelope(entry)) if kind is entry.kind]
    wider = wider[wider.index(entry.value) + 1 :] if entry.value in wider else wider
    if entry.kind is Kind.CLIENT and "/" in entry.value:
        length = ipaddress.ip_network(entry.value).prefixlen
        wider = [v for v in wider if int(v.partition("/")[2] or 999) < length]
    kinds = [entry.kind.value]
    if entry.kind is Kind.SENDER:
        domain = entry.value.rpartition("@")[2]
        kinds, wider = [Kind.SENDER_DOMAIN.value], parents(domain)
    rows = wanted().filter(kind__in=kinds, value__in=wider)
    found = {row.value: row for row in rows}
    return next((found[value] for value in wider if value in found), None)


def envelope(entry: Entry) -> Envelope:
    """A message that the entry would decide about."""
    address = "192.0.2.1"
    if entry.kind is Kind.CLIENT:
        address = str(ipaddress.ip_network(entry.value).network_address)
    by_domain = entry.kind is Kind.SENDER_DOMAIN
    return Envelope(
        address,
        client_name=entry.value if entry.kind is Kind.CLIENT_NAME else "",
        helo=entry.value if entry.kind is Kind.HELO else "",
        sender=f"somebody@{entry.value}" if by_domain else "",
    )


def parents(domain: str) -> list[str]:
    """A domain and every domain above it."""
    labels = domain.split(".")
    return [".".join(labels[at:]) for at in range(len(labels))]
