"""Who sends with our own domains: counted by the worker, one line a client and sender.

A page that went through the mail of a month would be slow, so the lines stand in a
row of evidence and are worked out again when there is new mail, not sooner than twenty
times what it took of the processor. Left out is mail of trusted networks and of people
who signed in, but for those who did on port 25.

What is not seen: mail of before LOOKS attempts of a domain (`since` says how far it
got), sub-domains that nobody sent with among the latest attempts of all, and all of
it where only domains are kept: then nobody knows who signed in.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address
from time import process_time
from typing import Any, NamedTuple

from django.utils import timezone

from mailguard.servers.models import Server
from mailguard.traffic.envelopes import latest_domains
from mailguard.traffic.keys import key_of, network_of
from mailguard.traffic.models import Attempt, Evidence, Log, Verdict
from mailguard.traffic.rows import domain_of
from mailguard.traffic.times import microseconds
from mailguard.traffic.tops import REST

__all__ = [
    "DAYS",
    "LATELY",
    "Line",
    "Seen",
    "news",
    "on_port_25",
    "refresh",
    "seen",
]

NAME = "as_us"  # of the row of evidence
DAYS, LATELY = timedelta(days=30), timedelta(days=7)
LOOKS = 20_000  # attempts of one domain
MOST = 1000  # lines that are kept
STALE = timedelta(minutes=10)
HOUR = 3_600_000_000  # microseconds

Network = IPv4Network | IPv6Network
Place = tuple[str, str, str, str, str]  # what names a line


class Row(NamedTuple):
    """What is read of an attempt."""

    pk: int
    at: int
    service: str
    client_address: str
    client_name: str
    sender: str
    recipient: str | None
    sasl_username: str
    outcome: str
    control: str
    queue_id: str
    key: int


@dataclass
class Line:
    """What one client sent with one sender. `user` is who signed in, "" for nobody.

    `messages` are those of DAYS, `lately` those of LATELY, and `accepted` those that
    got through, or that only the own-domain stop refused, of LATELY. `returned` are
    those whose sender had sent something out through this server within the hour
    before. `signs_in` says that the sender also does sign in, `neighbours` that others
    sign in from the same network. `example` is an attempt's number. `last` is in
    microseconds since 1970.
    """

    domain: str
    address: str
    name: str
    sender: str
    user: str = ""
    messages: int = 0
    lately: int = 0
    accepted: int = 0
    recipients: int = 0
    returned: int = 0
    last: int = 0
    example: int = 0
    signs_in: bool = False
    neighbours: bool = False


@dataclass(frozen=True)
class Seen:
    """The lines, most messages first; `rest` are messages of lines that are not kept.

    `domains` were looked for, back to `since` (microseconds); `at` is when.
    """

    domains: tuple[str, ...] = ()
    since: int = 0
    lines: tuple[Line, ...] = ()
    rest: int = 0
    at: str = ""
    took: float = 0
    stamp: list[Any] = field(default_factory=list)

    @classmethod
    def of(cls, kept: dict[str, Any]) -> "Seen":
        """From what a row of evidence keeps."""
        lines = tuple(Line(**each) for each in kept["lines"])
        return cls(**{**kept, "lines": lines, "domains": tuple(kept["domains"])})


def seen(server: Server) -> Seen | None:
    """What was worked out last; None before the first time, or where it cannot be."""
    if Log.objects.filter(server=server, domains_only=True).exists():
        return None
    row = Evidence.objects.filter(server=server, control=NAME).first()
    return Seen.of(row.figures) if row else None


def refresh(server: Server, domains: Sequence[str], trusted: Sequence[Network]) -> None:
    """Work it out again, where there is something new. For the worker only."""
    row = Evidence.objects.filter(server=server, control=NAME).first()
    stamp: list[Any] = [sorted(domains), sorted(map(str, trusted)), news(server)]
    if row is not None:
        age = timezone.now() - row.at
        same = row.figures["stamp"] == stamp and age < STALE
        if same or age < timedelta(seconds=REST * row.figures["took"]):
            return
    begun = process_time()
    made = worked_out(server, domains, trusted)
    figures = asdict(made) | {"stamp": stamp, "took": round(process_time() - begun, 3)}
    Evidence.objects.update_or_create(
        server=server,
        control=NAME,
        defaults={"figures": figures, "at": timezone.now()},
    )


def news(server: Server) -> list[int]:
    """What is another as soon as more of a log was read.

    A row that was kept is completed in its place, by lines that came later.
    """
    latest = Attempt.objects.order_by("-pk").values_list("pk", flat=True).first()
    lines = Log.objects.filter(server=server).values_list("lines", flat=True).first()
    return [latest or 0, lines or 0]


def worked_out(
    server: Server, domains: Sequence[str], trusted: Sequence[Network]
) -> Seen:
    """Read the attempts of these domains, and of those below them that were seen."""
    now = timezone.now()
    start, since = microseconds(now - DAYS), microseconds(now - DAYS)
    below = {
        each: own
        for each in latest_domains()
        for own in domains
        if each == own or each.endswith(f".{own}")
    }
    rows: list[tuple[str, Row]] = []
    for name, own in ({own: own for own in domains} | below).items():
        some = list(rows_of(server, name, start))
        rows += [(own, each) for each in some]
        if len(some) == LOOKS:
            since = max(since, some[-1].at)
    lines = lines_of(rows, trusted, tuple(domains), microseconds(now - LATELY))
    lines.sort(key=lambda each: (-each.messages, each.address, each.sender))
    more = sum(each.messages for each in lines[MOST:])
    return Seen(tuple(domains), since, tuple(lines[:MOST]), more, now.isoformat())


def rows_of(server: Server, domain: str, start: int) -> Iterator[Row]:
    """The latest attempts with a sender of just this domain, the newest first."""
    rows = Attempt.objects.filter(
        server=server, domain_key=key_of(domain), at__gte=start
    )
    columns = rows.order_by("-at").values_list(*Row._fields)
    for each in columns[:LOOKS].iterator(chunk_size=2000):
        yield Row(*each)


def lines_of(
    rows: Iterable[tuple[str, Row]],
    trusted: Sequence[Network],
    domains: tuple[str, ...],
    lately: int,
) -> list[Line]:
    """One line a client, sender and user."""
    known = Known(trusted, domains)
    strangers = []
    for own, row in rows:
        if known.is_ours(row):
            known.learn(row)
        if not known.trusts(row.client_address) and on_port_25(row.service):
            strangers.append((own, row))
    known.settle()
    lines: dict[Place, Line] = {}
    told: dict[Place, set[str]] = defaultdict(set)
    to: dict[Place, set[str]] = defaultdict(set)
    for own, row in strangers:
        name = "" if row.client_name == "unknown" else row.client_name
        place = (own, row.client_address, name, row.sender, row.sasl_username)
        line = lines.setdefault(place, Line(*place, last=row.at, example=row.pk))
        to[place].add((row.recipient or "").lower())
        message = row.queue_id or f"{row.key}"
        if message not in told[place]:
            told[place].add(message)
            count(line, row, lately, known)
    for place, line in lines.items():
        line.recipients = len(to[place])
        line.signs_in = line.sender.lower() in known.senders
        line.neighbours = network_of(line.address) in known.networks
    return list(lines.values())


def count(line: Line, row: Row, lately: int, known: "Known") -> None:
    """One more message."""
    recent = row.at >= lately
    through = row.outcome == Verdict.ACCEPTED or row.control == "own_domains"
    line.messages += 1
    line.lately += recent
    line.accepted += recent and through
    line.returned += not row.sasl_username and known.sent_before(row)


def on_port_25(service: str) -> bool:
    """Whether this is how port 25 logs; submission has a name before `smtpd`."""
    *before, daemon = service.split("/")
    return daemon == "smtpd" and len(before) <= 1


class Known:
    """What our own people's mail tells: who signs in, from where, and what went out."""

    def __init__(self, trusted: Sequence[Network], domains: tuple[str, ...]) -> None:
        self._trusted, self._domains = trusted, domains
        self._trusts: dict[str, bool] = {}
        self._sent: dict[str, list[int]] = defaultdict(list)
        self.senders: set[str] = set()
        self.networks: set[str] = set()

    def trusts(self, address: str) -> bool:
        """Whether an address is in a trusted network."""
        if address not in self._trusts:
            try:
                client = ip_address(address)
                found = any(client in each for each in self._trusted)
            except ValueError:
                found = True  # no client at all
            self._trusts[address] = found
        return self._trusts[address]

    def is_ours(self, row: Row) -> bool:
        """Whether an attempt was made by somebody of ours."""
        return bool(row.sasl_username) or self.trusts(row.client_address)

    def learn(self, row: Row) -> None:
        """Remember who sends from where, and what goes out."""
        sender = row.sender.lower()
        if row.sasl_username:
            self.senders.add(sender)
            self.networks.add(network_of(row.client_address))
        domain = domain_of(row.recipient or "").lower()
        ours = any(domain == x or domain.endswith(f".{x}") for x in self._domains)
        if domain and not ours and row.outcome == Verdict.ACCEPTED:
            self._sent[sender].append(row.at)

    def settle(self) -> None:
        """All was learned."""
        for times in self._sent.values():
            times.sort()

    def sent_before(self, row: Row) -> bool:
        """Whether its sender had sent something out within the hour before."""
        times = self._sent.get(row.sender.lower(), [])
        return bisect_right(times, row.at) > bisect_left(times, row.at - HOUR)
