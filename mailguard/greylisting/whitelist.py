"""Whom greylisting leaves alone: entries of two kinds, beside all others.

Draft, revisions, history and expiry are those of every entry (`mailguard.lists`); here
is what is special: the way from a suggestion to its entries, and what an entry means.
"""

import ipaddress
from collections.abc import Iterable, Iterator

from django.db import transaction
from django.db.models import Q, QuerySet

from mailguard.audit.services import Actor
from mailguard.errors import NotNow
from mailguard.lists import services as lists
from mailguard.lists.checks import Guard
from mailguard.lists.models import Entry as Row
from mailguard.protection.domains import own_domains, possible_domains
from mailguard.servers.models import Server
from mailguard.traffic import suggesting
from mailguard.traffic.suggestion_words import shown
from postfixconf.errors import BadValue
from postfixconf.policy.entries import GREY, Entry, Kind, Side
from postfixconf.text.postgrey_lists import Form, form_of

__all__ = ["accept", "doubts", "entries", "form_title", "taken"]

WIDE = {4: 16, 6: 48}  # prefix lengths
LONGEST_NOTE = 200
NOTHING = "Nothing was changed."


def entries(text: str = "", kind: str = "") -> QuerySet[Row]:
    """The entries that are wanted or still live, by value; `text` anywhere in them."""
    kinds = [kind] if kind in set(GREY) else [*GREY]
    found = Row.objects.filter(until_revision=None, side=Side.ALLOW, kind__in=kinds)
    if text:
        found = found.filter(Q(value__icontains=text) | Q(note__icontains=text))
    return found.order_by("value", "pk")


def form_title(kind: str, value: str) -> str:
    """As what postgrey compares a value, in plain words."""
    form = form_of(GREY[Kind(kind)], value)
    return form.value if form else "nothing"


def doubts(entry: Entry, server: Server) -> Iterator[str]:
    """Sentences about an entry that reaches far."""
    form = form_of(GREY[entry.kind], entry.value)
    if form is Form.NETWORK:
        network = ipaddress.ip_network(entry.value)
        if network.prefixlen < WIDE[network.version]:
            size = f"{network.num_addresses:,}" if network.version == 4 else "countless"
            yield f"{entry.value} holds {size} addresses."
    ours = {*possible_domains(server), *own_domains().domains}
    if form is Form.DOMAIN and entry.value in ours:
        yield (
            f"{entry.value} is your own: greylisting would do nothing for all its mail."
        )


def taken(lines: Iterable[str]) -> dict[str, Row]:
    """The wanted entries among lines for the list of clients, by line."""
    wanted = lists.wanted().filter(kind=Kind.GREY_CLIENT, value__in=[*lines])
    return {row.value: row for row in wanted}


@transaction.atomic
def accept(*, server: Server, who: str, actor: Actor) -> list[Row]:
    """Want the lines of a suggestion; those that are there already stay as they are.

    Raises NotNow where it is not suggested any more, or holds a line that no list may
    have; then nothing was changed.
    """
    found = {each.who: each for each in suggesting.latest(server) or []}
    if who not in found:
        raise NotNow(f"That is not suggested any more. {NOTHING}")
    words, guard = shown(found[who]), Guard.of(server)
    note = f"Suggested: {who} {words.title}"[:LONGEST_NOTE]
    made = []
    for line in words.lines:
        try:
            entry = guard.read(Side.ALLOW, Kind.GREY_CLIENT, line)
            if lists.find(entry.kind, entry.value) is None:
                made.append(lists.add(entry=entry, actor=actor, note=note))
        except BadValue as cause:
            raise NotNow(f"{cause}. {NOTHING}") from None
    return made
