"""Entries of one moment against another's: which come, which go, how many."""

from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from mailguard.lists import services as lists
from mailguard.lists.models import Entry
from mailguard.protection.differences import Difference

__all__ = ["MOST", "Moved", "back_to", "from_to"]

MOST = 100  # entries told one by one
SAME = ("side", "kind", "value")


@dataclass(frozen=True)
class Moved:
    """How many entries come and go, and the first of them in words."""

    come: int
    go: int
    told: tuple[Difference, ...]

    @classmethod
    def of(cls, come: QuerySet[Entry], go: QuerySet[Entry]) -> "Moved":
        """Counted; an entry that changes sides is told as one difference."""
        told: dict[str, Difference] = {}
        for row in go.order_by("value")[:MOST]:
            told[row.what] = Difference(row.what, row.side, "")
        for row in come.order_by("value")[:MOST]:
            had = told.get(row.what, Difference(row.what, "", ""))
            told[row.what] = Difference(row.what, had.before, row.side)
        return cls(come.count(), go.count(), tuple(told.values())[:MOST])

    @property
    def empty(self) -> bool:
        """Whether the entries are the same."""
        return not (self.come or self.go)

    @property
    def more(self) -> bool:
        """Whether `told` names only some."""
        return len(self.told) == MOST


def without(rows: QuerySet[Entry], others: QuerySet[Entry]) -> QuerySet[Entry]:
    """The rows that `others` has no row of the same side, kind and value for."""
    same = others.filter(**{name: OuterRef(name) for name in SAME})
    return rows.filter(~Exists(same))


def back_to(number: int) -> Moved:
    """What wanting the entries of revision `number` again changes on the server.

    The same rows as `lists.want_as_at` writes: what has expired stays away.
    """
    then = lists.at(number).exclude(expires_at__lte=timezone.now())
    come = without(then.filter(until_revision__isnull=False), lists.live())
    go = without(lists.live().filter(since_revision__gt=number), then)
    return Moved.of(come, go)


def from_to(one: int, other: int) -> Moved:
    """The entries that were live at revision `other` and not at `one`, and back."""
    return Moved.of(_new(one, other), _new(other, one))


def _new(before: int, after: int) -> QuerySet[Entry]:
    moved = Q(since_revision__gt=before) | Q(until_revision__lte=before)
    return without(lists.at(after).filter(moved), lists.at(before))
