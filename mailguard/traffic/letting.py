"""Let this sender in: which allow entries would help, the narrowest first.

Only a client can be proven, by the connection itself; who sends decides what stands
in a sender or a greeting, so anyone can claim those. Nothing is written here: each
pattern is a form that the page of entries takes, and asks back where it has doubts.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.db.models import QuerySet

from mailguard.suffixes import is_public
from mailguard.traffic.keys import key_of, network_of, organisation_of, sent_by
from mailguard.traffic.models import Attempt
from mailguard.traffic.questions import within
from mailguard.traffic.store import own_domains
from mailguard.traffic.stories import Story
from postfixconf.errors import BadValue
from postfixconf.policy.entries import Entry, Kind, Side

__all__ = ["MOST", "Pattern", "patterns"]

SENDERS = (Kind.SENDER, Kind.SENDER_DOMAIN)
MOST = 1000  # attempts that are counted
EARLY = ("CONNECT", "HELO", "EHLO", "STARTTLS")  # commands before any sender


@dataclass(frozen=True)
class Pattern:
    """An entry that would help: `covers` in words, and how many attempts lately.

    `count` is MOST + 1 for more than MOST, None where that cannot be counted.
    """

    entry: Entry
    covers: str
    count: int | None
    note: str

    @property
    def claimed(self) -> bool:
        """Whether anyone can claim it."""
        return self.entry.kind.claimed

    @property
    def fields(self) -> list[tuple[str, str]]:
        """What a click sends to the form that adds entries."""
        entry = self.entry
        told = {"side": entry.side, "kind": entry.kind, "value": entry.value}
        return [*told.items(), ("note", self.note)]


def patterns(story: Story) -> list[Pattern]:
    """The entries that would let this one pass what stopped it, or would have."""
    if not story.rules or not story.rules[0][1].opened:
        return []
    early = story.stopped and story.attempt.command in EARLY
    note, found = note_of(story), dict[Entry, Pattern]()
    own = own_domains(story.attempt.server)
    for kind, value, covers, count in candidates(story.attempt):
        if kind in SENDERS and is_unwise(value.rpartition("@")[2].lower(), own):
            continue
        try:
            entry = Entry.read(Side.ALLOW, kind, value)
        except BadValue:
            continue  # no entry can name it
        if not (early and kind.claimed):
            found.setdefault(entry, Pattern(entry, covers, count(), note))
    return [*found.values()]


def is_unwise(domain: str, own: tuple[str, ...]) -> bool:
    """Whether anybody registers below it, or it is one's own: that has a page."""
    return is_public(domain) or any(within(domain, each) for each in own)


def note_of(story: Story) -> str:
    """Why, for whoever reads the entry in a year."""
    (key, first), at = story.rules[0], story.attempt.when
    word = story.verdict.text if story.stopped else f"would have been {first.does}"
    return f"{word} by {key} on {at:%Y-%m-%d}"[:200]


Candidate = tuple[Kind, str, str, Callable[[], int | None]]


def candidates(attempt: Attempt) -> Iterator[Candidate]:
    """What an entry could name: kind, value, what that covers, and how to count it."""
    rows = Attempt.objects
    address, name = attempt.client_address, attempt.client_name
    if address:
        near = rows.filter(network_key=key_of(network_of(address)))
        one = near.filter(client_address=address)
        yield Kind.CLIENT, address, "this one server", lambda: capped(one)
    if name not in ("", "unknown"):
        covers = "servers with this proven name, or one below it"
        yield Kind.CLIENT_NAME, name, covers, lambda: hosts(name)
    if address and (network := network_of(address)) != address:
        covers = "every server in this network"
        yield Kind.CLIENT, network, covers, lambda: capped(near)
    if attempt.sender:
        covers = "mail with this sender, from any server"
        sender = rows.filter(**sent_by(attempt.sender))
        yield Kind.SENDER, attempt.sender, covers, lambda: capped(sender)
        domain = attempt.sender.rpartition("@")[2]
        covers = "mail with a sender at this domain or one below it, from any server"
        of = rows.filter(domain_key=key_of(domain))
        yield Kind.SENDER_DOMAIN, domain, covers, lambda: capped(of)
    if attempt.helo:
        covers = "every server that greets with this name"
        yield Kind.HELO, attempt.helo, covers, lambda: None


def capped(rows: QuerySet[Attempt]) -> int:
    """How many there are, MOST + 1 for more than MOST."""
    return rows.values("pk")[: MOST + 1].count()


def hosts(name: str) -> int:
    """Attempts of clients with this name or one below, among the organisation's."""
    rows = Attempt.objects.filter(name_key=key_of(organisation_of(name)))
    names = rows.order_by("-at").values_list("client_name", flat=True)[: MOST + 1]
    return sum(within(each, name.lower()) for each in names)
