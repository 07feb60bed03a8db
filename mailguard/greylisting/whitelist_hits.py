"""How often each entry let somebody through, worked out from whom the log names.

A line of the log does not say which entry it was, so every entry that fits counts it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from mailguard.lists.models import Entry
from mailguard.servers.models import Server
from mailguard.traffic.models import LetThrough
from mailguard.traffic.times import time_of
from postfixconf.errors import CommandFailed
from postfixconf.host import perl
from postfixconf.policy.entries import GREY
from postfixconf.text.postgrey_lists import Form, Which, covers, form_of

__all__ = ["Met", "with_hits"]

MOST = 5000  # the clients and recipients looked at, those that came last


@dataclass(frozen=True)
class Met:
    """How often somebody came by an entry, and when last; 0 for never."""

    count: int = 0
    last: datetime | None = None

    @classmethod
    def of(cls, rows: Iterable[LetThrough]) -> "Met":
        """All of these together."""
        rows = list(rows)
        last = max((row.last_at for row in rows), default=None)
        at = None if last is None else time_of(last)
        return cls(sum(row.count for row in rows), at)


def with_hits(server: Server, entries: Iterable[Entry]) -> list[Entry]:
    """The entries, each with `met`."""
    found = list(entries)
    for which in Which:
        mine = [each for each in found if GREY[each.entry.kind] is which]
        if mine:
            seen = LetThrough.objects.filter(server=server, which=which.value)
            rows = list(seen.order_by("-last_at")[:MOST])
            for entry, met in zip(mine, hits(which, mine, rows), strict=True):
                entry.met = Met.of(met)  # type: ignore[attr-defined]
    return found


def hits(
    which: Which, entries: list[Entry], rows: list[LetThrough]
) -> Iterator[list[LetThrough]]:
    """For each entry, the rows that it fits."""
    below = defaultdict(list)  # rows by their name, and by each domain above it
    for row in rows:
        labels = row.name.rpartition("@")[2].split(".")
        for at in range(len(labels)):
            below[".".join(labels[at:])].append(row)
    expressions = tried([e.value for e in entries], which, rows)
    for entry in entries:
        form = form_of(which, entry.value)
        if form is Form.REGEX:
            yield expressions.get(entry.value, [])
        elif form in (Form.HOST, Form.DOMAIN):
            yield below.get(entry.value, [])
        else:
            yield [
                row for row in rows if covers(which, entry.value, row.name, row.address)
            ]


def tried(
    values: list[str], which: Which, rows: list[LetThrough]
) -> dict[str, list[LetThrough]]:
    """The rows that each regular expression among these fits, by Perl's word."""
    mine = [value for value in values if form_of(which, value) is Form.REGEX]
    if not mine or not rows:
        return {}
    with suppress(CommandFailed):
        said = perl.try_on([value[1:-1] for value in mine], [row.name for row in rows])
        return {
            value: [rows[at] for at in sorted(each.met)]
            for value, each in zip(mine, said, strict=True)
        }
    return {}
