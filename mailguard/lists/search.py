"""Finding entries among a million: every page is a few short walks along an index.

A search looks for values that begin with the text, and for everything at that domain;
`inside` looks in the middle of values and notes too, which reads every row. Pages
follow one another by the last row shown (a keyset): nothing is counted, nothing
skipped over.

Sub-domains of a domain are not found by it, unless `inside`.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from heapq import merge
from itertools import islice
from operator import or_
from typing import ClassVar

from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Concat

from mailguard.asked import Asked, plain
from mailguard.lists.models import Domain, Entry
from postfixconf.policy.entries import GREY, Kind, Side

__all__ = ["SORTS", "STATES", "Page", "Search"]

SIZE = 50
FEW = 1000  # rows that are sorted in memory
LAST = "\U0010ffff"
NOW = Q(until_revision=None)
STATES = {
    "new": Q(since_revision=None, waiting=True),
    "going": Q(removed=True, waiting=True),
    "live": Q(since_revision__isnull=False, removed=False),
}
SORTS = {
    "value": "by value",
    "added": "newest first",
    "expires": "expiring first",
}


@dataclass(frozen=True)
class Page:
    """The rows of one page, and where the next begins; empty for none."""

    rows: list[Entry]
    next: str = ""


@dataclass(frozen=True)
class Search(Asked):
    """What somebody looks for; all empty for everything."""

    # What greylisting alone lets through is searched on a page of its own.
    KINDS: ClassVar[tuple[Kind, ...]] = tuple(each for each in Kind if each not in GREY)
    CHOICES = {
        "side": list(Side),
        "kind": KINDS,
        "state": STATES,
        "sort": SORTS,
        "inside": ["1"],
    }

    text: str = ""
    side: str = ""
    kind: str = ""
    state: str = ""
    sort: str = "value"
    inside: str = ""

    @property
    def deeper(self) -> "Search":
        """The same, inside values and notes too."""
        return replace(self, inside="1")

    @property
    def filtered(self) -> bool:
        """Whether it leaves anything out."""
        return self != Search(sort=self.sort)

    def rows(self) -> QuerySet[Entry]:
        """Every row that it finds, in no order."""
        found = self._now().filter(reduce(or_, self._conditions()))
        found = found.filter(side=self.side) if self.side else found
        return found.filter(kind=self.kind) if self.kind else found

    def page(self, after: str = "") -> Page:
        """The rows behind `after`, which an earlier page gave as its `next`."""
        rows = self._by_value if self.sort == "value" else self._by_time
        found = list(islice(rows(plain(after)), SIZE + 1))
        more = len(found) > SIZE
        return Page(found[:SIZE], self._cursor(found[SIZE - 1]) if more else "")

    def _now(self) -> QuerySet[Entry]:
        found = Entry.objects.filter(NOW).alias(domain=Domain("value"))
        found = found.exclude(kind__startswith="grey_")  # a word that no index has
        return found.filter(STATES[self.state]) if self.state else found

    def _conditions(self) -> list[Q]:
        """One for each index that helps to find the text."""
        text = self.text.strip().lower()
        if not text:
            return [Q()]
        if self.inside:
            return [Q(value__contains=text) | Q(note__icontains=text)]
        local, at, domain = text.rpartition("@")
        with suppress(UnicodeError):
            domain = domain.encode("idna").decode()
        domain = domain.lstrip(".")
        text = f"{local}{at}{domain}" if local else domain
        begins = Q(value__gte=text, value__lt=text + LAST)
        return [begins] if local else [begins, Q(domain=text)]

    def _by_value(self, after: str) -> Iterator[Entry]:
        """Sorted by value: each side and kind has its own stretch of the index."""
        number, _, value = after.partition(":")
        behind = Q(value__gte=value) if after else Q()
        behind &= Q(value__gt=value) | Q(pk__gt=whole(number)) if after else Q()
        few = self._few() if self.state else None
        if few is not None:
            yield from few.filter(behind).order_by("value", "pk")[: SIZE + 1]
            return
        walks = [walk.filter(behind) for walk in self._walks()]
        each = [walk.order_by("value", "pk")[: SIZE + 1] for walk in walks]
        last = None
        for row in merge(*each, key=lambda row: (row.value, row.pk)):
            if row != last:
                yield row
            last = row

    def _walks(self) -> Iterator[QuerySet[Entry]]:
        """The rows in stretches, each of which an index has in the order of values."""
        first, *domain = self._conditions()
        for side in [self.side] if self.side else Side:
            for kind in [self.kind] if self.kind else self.KINDS:
                yield self._now().filter(first, side=side, kind=kind)
        for condition in domain:
            yield self._unled(self._now().filter(condition))

    def _by_time(self, after: str) -> Iterator[Entry]:
        """Newest first, or those that expire, soonest first."""
        found = self._few() if self.filtered else None
        found = self._scan() if found is None else found
        number, _, at = after.partition(":")
        if self.sort == "added":
            found = found.filter(pk__lt=whole(number)) if after else found
            yield from found.order_by("-pk")[: SIZE + 1]
            return
        found = found.filter(expires_at__isnull=False)
        with suppress(ValueError):
            past = datetime.fromisoformat(at)
            later = Q(expires_at__gt=past) | Q(pk__gt=whole(number))
            found = found.filter(later, expires_at__gte=past)
        yield from found.order_by("expires_at", "pk")[: SIZE + 1]

    def _few(self) -> QuerySet[Entry] | None:
        """What it finds, where that can be sorted in memory; None for too much."""
        walks = [self.rows()]
        if self.text:
            walks = [self._unled(self._now().filter(c)) for c in self._conditions()]
        found: set[int] = set()
        for walk in walks:
            found.update(walk.values_list("pk", flat=True)[: FEW + 1])
        return None if len(found) > FEW else Entry.objects.filter(pk__in=found)

    def _scan(self) -> QuerySet[Entry]:
        """The same rows, such that the database follows the order."""
        return self._unled(replace(self, side="", kind="").rows())

    def _unled(self, rows: QuerySet[Entry]) -> QuerySet[Entry]:
        """Filtered by side and kind in words that no index has."""
        rows = rows.alias(both=Concat("side", Value(" "), "kind"))
        rows = rows.filter(both__startswith=f"{self.side} ") if self.side else rows
        return rows.filter(both__endswith=f" {self.kind}") if self.kind else rows

    def _cursor(self, row: Entry) -> str:
        match self.sort:
            case "value":
                return f"{row.pk}:{row.value}"
            case "expires" if row.expires_at is not None:
                return f"{row.pk}:{row.expires_at.isoformat()}"
        return str(row.pk)


def whole(text: str) -> int:
    """A row's number from an address; 0 for what is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
