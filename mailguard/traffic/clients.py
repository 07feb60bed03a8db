"""What each client did lately: counted by the worker from the latest attempts.

For questions about networks, which no index of attempts answers: whoever asks goes
through the clients. Those of private networks are all kept, of the others the busiest.
"""

from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from ipaddress import ip_address
from typing import Any

from django.utils import timezone

from mailguard.servers.models import Server
from mailguard.traffic.kept import figures, keep
from mailguard.traffic.models import Attempt, Verdict
from mailguard.traffic.times import microseconds, time_of
from postfixconf.policy.controls import STATIC
from postfixconf.policy.greylisting import GREYLISTING
from postfixconf.policy.listing import former

__all__ = ["Client", "Clients", "clients", "refresh"]

NAME = "clients"  # of the row of evidence
SPAN = timedelta(days=7)
LOOKS = 20_000  # attempts
MOST = 1000  # clients that are kept of each kind
DENIED = "relay_protection"


@dataclass
class Client:
    """One client that did not sign in.

    `sent` were accepted, `denied` wanted to send on to others and might not, `stopped`
    met a rule against spam, in test mode too, greylisting left out. `last` is in
    microseconds since 1970, of what was sent or denied.
    """

    address: str
    name: str = ""
    sent: int = 0
    denied: int = 0
    stopped: int = 0
    last: int = 0

    @property
    def when(self) -> datetime:
        """`last` as a time."""
        return time_of(self.last)


@dataclass(frozen=True)
class Clients:
    """The clients, those that sent most first; nothing is known before `since`."""

    since: int = 0
    clients: tuple[Client, ...] = ()
    latest: Sequence[int] = field(default_factory=list)

    @property
    def begin(self) -> datetime:
        """`since` as a time."""
        return time_of(self.since)


def clients(server: Server) -> Clients | None:
    """What was counted last; None before the first time."""
    found = figures(server, NAME)
    if found is None:
        return None
    told = tuple(Client(*each) for each in found["clients"])
    return Clients(found["since"], told, found["latest"])


def refresh(server: Server) -> None:
    """Count again, where there is new mail. For the worker only."""
    keep(server, NAME, lambda: told(counted(server)))


def told(made: Clients) -> dict[str, Any]:
    """As it is kept: a client is a list of its values."""
    return asdict(made) | {"clients": [astuple(each) for each in made.clients]}


def counted(server: Server) -> Clients:
    """The clients of the latest mail on every port; who signed in is left out."""
    since = microseconds(timezone.now() - SPAN)
    rows = Attempt.objects.filter(server=server, at__gte=since).order_by("-at")
    columns = rows.values_list(
        "at",
        "client_address",
        "client_name",
        "sasl_username",
        "outcome",
        "control",
        "warned",
    )
    found: dict[str, Client] = {}
    looked, oldest = 0, since
    for at, address, name, user, outcome, key, warned in columns[:LOOKS].iterator(2000):
        looked, oldest = looked + 1, at
        if not address or user:
            continue
        each = found.setdefault(address, Client(address, named(name)))
        each.sent += outcome == Verdict.ACCEPTED
        each.denied += key == DENIED
        each.stopped += any(map(judges, (key, *warned.split())))
        if key == DENIED or outcome == Verdict.ACCEPTED:
            each.last = max(each.last, at)
    kept = sorted(found.values(), key=lambda x: (-x.sent, -x.denied, x.address))
    near = [each for each in kept if is_private(each.address)]
    far = [each for each in kept if not is_private(each.address)]
    return Clients(oldest if looked == LOOKS else since, (*near[:MOST], *far[:MOST]))


def named(name: str) -> str:
    """A client's name, empty where Postfix found none."""
    return "" if name == "unknown" else name


def is_private(address: str) -> bool:
    """Whether a client is in somebody's own network."""
    try:
        return ip_address(address).is_private
    except ValueError:  # no client at all
        return False


@lru_cache(maxsize=500)
def judges(key: str) -> bool:
    """Whether what stopped a mail is a rule against spam."""
    if key in STATIC:
        return key != GREYLISTING and not STATIC.control(key).records
    return former(key) is not None
