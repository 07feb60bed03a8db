"""Senders, port by port, out of a hundred thousand rows: counted and taken in slices.

One index has all that is needed to count the senders of a port and to put them in
order; whatever else is shown is read for those of one page. Ports are few and are asked
one after the other, so that neither database sorts what is on no page.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, overload

from django.db.models import Count, Max, Min, QuerySet, Sum

from mailguard.traffic.models import Usage
from postfixconf.policy.ports import FRONT, UNKNOWN

__all__ = ["ORDERS", "Group", "Senders", "ports_of"]

FIRST = (FRONT, UNKNOWN, "587", "465")  # of the ports; others follow
# By what a sort puts them in order; `who` ends every tie.
ORDERS = {
    "last": (("last",), ("-last", "who")),
    "name": (("name", "address"), ("name", "address", "who")),
    "count": (("total",), ("-total", "who")),
}
TOLD = {
    "name": Max("user"),
    "address": Max("client_address"),
    "total": Sum("count"),
    "first": Min("first_at"),
    "last": Max("last_at"),
    "clients": Count("client_address", distinct=True),
}


class Group(NamedTuple):
    """The rows of one sender on one port, added up by the database."""

    port: str
    who: int
    name: str
    address: str
    total: int
    first: int
    last: int
    clients: int


class Senders(Sequence[Group]):
    """The senders that rows are of, as a Paginator wants them: a length, and slices."""

    def __init__(self, rows: QuerySet[Usage], sort: str) -> None:
        self.rows, self.sort = rows, sort
        self.counts = {port: count_on(rows, port) for port in ports_of(rows)}

    def __len__(self) -> int:
        return sum(self.counts.values())

    @overload
    def __getitem__(self, wanted: int) -> Group: ...

    @overload
    def __getitem__(self, wanted: slice) -> list[Group]: ...

    def __getitem__(self, wanted: int | slice) -> Group | list[Group]:
        if isinstance(wanted, int):
            return self[wanted : wanted + 1][0]
        begin, end, _ = wanted.indices(len(self))
        found: list[Group] = []
        start = 0
        for port, count in self.counts.items():
            here = slice(max(begin - start, 0), max(min(end - start, count), 0))
            if here.start < here.stop:
                found += self._groups(port, here)
            start += count
        return found

    def _groups(self, port: str, here: slice) -> list[Group]:
        """Some of the senders on a port, in order."""
        names, order = ORDERS[self.sort]
        rows = self.rows.filter(port=port)
        needed = {name: TOLD[name] for name in names}
        whos = rows.values("who").annotate(**needed).order_by(*order)[here]
        turn = {each["who"]: n for n, each in enumerate(whos)}
        full = rows.filter(who__in=turn).values("port", "who").annotate(**TOLD)
        groups = map(Group._make, full.values_list(*Group._fields))
        return sorted(groups, key=lambda each: turn[each.who])


def count_on(rows: QuerySet[Usage], port: str) -> int:
    """How many senders are on a port."""
    return rows.filter(port=port).values("who").distinct().count()


def ports_of(rows: QuerySet[Usage]) -> list[str]:
    """The ports of these rows, port 25 first."""
    turn = {port: n for n, port in enumerate(FIRST)}
    return sorted(each_port(rows), key=lambda port: (turn.get(port, len(turn)), port))


def each_port(rows: QuerySet[Usage]) -> Iterator[str]:
    """The ports by name, each found where the one before ends: no row is read."""
    ports = rows.order_by("port").values_list("port", flat=True)
    port = ports.first()
    while port is not None:
        yield port
        port = ports.filter(port__gt=port).first()
