"""What a revision does with the entries it brings live.

It claims them, so that what is added meanwhile waits for the next one; its tables
are read from its claims; in the end these are live, or wait again.
"""

from collections.abc import Iterator, Sequence

from django.db import transaction
from django.db.models import Q, QuerySet

from mailguard.lists.models import Entry
from mailguard.lists.services import COMING, GOING, LIVE, pending
from postfixconf.policy.entries import Lookup, Spared

__all__ = ["after", "claim", "claimed", "edits", "lines", "release", "settle"]


def claim(number: int, rows: QuerySet[Entry]) -> int:
    """Give the waiting changes of `rows` to revision `number`; how many."""
    mine = rows.filter(waiting=True, claimed=None)
    return mine.order_by().update(claimed=number)


@transaction.atomic
def settle(number: int) -> None:
    """Revision `number` is live: its claims are what is live from now on."""
    mine = Entry.objects.filter(waiting=True, claimed=number)
    mine.filter(GOING).update(until_revision=number, claimed=None, waiting=False)
    mine.filter(COMING).update(since_revision=number, claimed=None, waiting=False)


def release(number: int) -> None:
    """Revision `number` did not become live: its claims wait again."""
    Entry.objects.filter(waiting=True, claimed=number).update(claimed=None)


def claimed(number: int) -> QuerySet[Entry]:
    """The waiting changes that revision `number` brings live."""
    return pending().filter(claimed=number)


def lines(lookup: Lookup | Spared, rows: QuerySet[Entry]) -> Iterator[tuple[str, str]]:
    """(value, side) of those of `rows` that stand in one table."""
    mine = rows.filter(lookup=lookup).order_by("id")
    return mine.values_list("value", "side").iterator(chunk_size=20_000)


def edits(
    lookup: Lookup, rows: QuerySet[Entry], most: int
) -> Sequence[tuple[str, str | None]] | None:
    """(value, side or None) of what one table gains and loses; None if too many.

    `rows` are the waiting changes.
    """
    rows = rows.filter(lookup=lookup).order_by("-removed")
    found = list(rows.values_list("value", "side", "removed")[: most + 1])
    if len(found) > most:
        return None
    told = {value: None if removed else side for value, side, removed in found}
    return tuple(told.items())


def after(number: int) -> QuerySet[Entry]:
    """The entries that will be live once the claims of revision `number` are."""
    stays = LIVE & ~Q(removed=True, claimed=number)
    return Entry.objects.filter(stays | (COMING & Q(claimed=number)))
