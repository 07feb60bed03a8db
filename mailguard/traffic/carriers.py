"""Which clients bring most of the mail: counted by the worker from the latest attempts.

A client that brings the mail of many senders is a relay in front, or a gateway behind
which all clients look the same. What tells them apart is the greeting: a relay has one
of its own, a gateway passes on everybody's. Greetings stand in the log where mail was
refused, and of all mail where the recorder is on.
"""

from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from datetime import timedelta

from django.utils import timezone

from mailguard.servers.models import Server
from mailguard.traffic.as_us import on_port_25
from mailguard.traffic.kept import figures, keep
from mailguard.traffic.models import Attempt
from mailguard.traffic.rows import domain_of
from mailguard.traffic.times import microseconds

__all__ = ["Carrier", "Carriers", "carriers", "refresh"]

NAME = "carriers"  # of the row of evidence
SPAN = timedelta(days=7)
LOOKS = 10_000  # attempts
MOST = 10  # clients that are kept
HERE = ("127.0.0.1", "::1")  # programs on the server itself


@dataclass(frozen=True)
class Carrier:
    """One client: its attempts, and of how many sender domains and greetings."""

    address: str
    name: str
    count: int
    domains: int
    greetings: int


@dataclass(frozen=True)
class Carriers:
    """Who brings mail to port 25, most first; `total` are all attempts there."""

    total: int = 0
    clients: tuple[Carrier, ...] = ()

    def share(self, carrier: Carrier) -> float:
        """Its part of all mail."""
        return carrier.count / max(1, self.total)


def carriers(server: Server) -> Carriers | None:
    """What was counted last; None before the first time."""
    found = figures(server, NAME)
    if found is None:
        return None
    clients = tuple(Carrier(**each) for each in found["clients"])
    return Carriers(found["total"], clients)


def refresh(server: Server) -> None:
    """Count again, where there is new mail. For the worker only."""
    keep(server, NAME, lambda: asdict(counted(server)))


def counted(server: Server) -> Carriers:
    """The clients of the latest mail on port 25; who signed in is left out."""
    start = microseconds(timezone.now() - SPAN)
    rows = Attempt.objects.filter(server=server, at__gte=start, sasl_username="")
    columns = rows.order_by("-at").values_list(
        "service", "client_address", "client_name", "sender", "helo"
    )
    attempts: Counter[str] = Counter()
    names: dict[str, str] = {}
    domains: dict[str, set[str]] = defaultdict(set)
    greetings: dict[str, set[str]] = defaultdict(set)
    for service, address, name, sender, helo in columns[:LOOKS].iterator(2000):
        if not address or address in HERE or not on_port_25(service):
            continue
        attempts[address] += 1
        names[address] = "" if name == "unknown" else name
        domains[address] |= {domain_of(sender).lower()} if sender else set()
        greetings[address] |= {helo.lower()} if helo else set()
    clients = tuple(
        Carrier(each, names[each], count, len(domains[each]), len(greetings[each]))
        for each, count in attempts.most_common(MOST)
    )
    return Carriers(sum(attempts.values()), clients)
