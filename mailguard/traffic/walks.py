"""Reading attempts from the newest backwards, along one index at a time.

A walk is read in steps that grow, so a page that is full at once costs one short
query. Rows are told apart by time and key; both stand in every cursor.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Self

from django.db.models import Q, QuerySet

from mailguard.traffic.models import Hit
from mailguard.traffic.times import time_of

__all__ = ["Look", "Place", "Span", "Walk"]

STEPS = (60, 500, 2000)  # rows read at first, then, and from then on
LONGEST = 19  # digits of a 63-bit number


class Place(NamedTuple):
    """A place in the order of attempts: microseconds since 1970, and a key."""

    at: int
    key: int

    @classmethod
    def read(cls, text: str) -> Self | None:
        """From an address; None for what is no place."""
        at, _, key = text.partition(":")
        return cls(int(at), int(key)) if number(at) and number(key) else None

    def __str__(self) -> str:
        return f"{self.at}:{self.key}"


def number(text: str) -> bool:
    """Whether it is a number that a database can hold."""
    digits = text.isascii() and text.isdigit() and len(text) <= LONGEST
    return digits and int(text) < 1 << 63


class Span(NamedTuple):
    """From when (included) until when (not), in microseconds; None is open."""

    since: int | None = None
    until: int | None = None

    def where(self) -> Q:
        """As a condition on `at`."""
        found = Q() if self.since is None else Q(at__gte=self.since)
        return found if self.until is None else found & Q(at__lt=self.until)


class Look(NamedTuple):
    """The little of an attempt that filters look at."""

    at: int
    key: int
    outcome: str
    control: str
    warned: str
    delivered: str
    sender: str | None
    client_address: str
    client_name: str
    helo: str
    reply_id: int | None

    @property
    def when(self) -> datetime:
        """`at` as a time."""
        return time_of(self.at)

    @property
    def place(self) -> Place:
        """Where it stands."""
        return Place(self.at, self.key)


def everything(look: Look) -> bool:
    """No filter."""
    return True


@dataclass(frozen=True)
class Walk:
    """Attempts, or hits that lead to them, and which of these fit."""

    rows: QuerySet[Any]
    fits: Callable[[Look], bool] = everything

    def looks(self, span: Span, after: Place | None) -> Iterator[tuple[Look, bool]]:
        """Newest first, behind `after`: each row, and whether it fits."""
        hits = self.rows.model is Hit
        key = "attempt_id" if hits else "key"
        names = [f"attempt__{name}" if hits else name for name in Look._fields[1:]]
        rows, turn = self.rows.filter(span.where()).order_by("-at", f"-{key}"), 0
        while True:
            step = STEPS[min(turn, len(STEPS) - 1)]
            behind = rows.filter(earlier(after, key)) if after else rows
            found = [Look(*each) for each in behind.values_list("at", *names)[:step]]
            for look in found:
                yield look, self.fits(look)
            if len(found) < step:
                return
            after, turn = found[-1].place, turn + 1


def earlier(place: Place, key: str) -> Q:
    """What stands behind a place; the first half is what an index understands."""
    return Q(at__lte=place.at) & (Q(at__lt=place.at) | Q(**{f"{key}__lt": place.key}))
