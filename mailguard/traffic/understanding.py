"""What a stretch of a log tells, ready to be kept: no database, no file."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from django.utils import timezone

from mailguard.servers.models import Server
from mailguard.traffic.rows import Row, row_of
from mailguard.traffic.used import Ours, Used, ours_of, seen_of, used
from postfixconf.host.logs import suppressed
from postfixconf.maillog.attempt import Attempt, Key, Outcome
from postfixconf.maillog.attribution import GREYLISTING
from postfixconf.maillog.clock import Clock
from postfixconf.maillog.intake import Batch, Greylist, Intake
from postfixconf.policy.policy import Policy

__all__ = ["Part", "Reader", "keyed_zones", "replies_of"]

RENEWED = timedelta(hours=1)  # the year of a stamp depends on when it is read
PIECE = 64 << 10  # bytes: what is made of them is used while it is still at hand
SHORTEST = 4  # letters by which a text is known
# The lines by which the system says that it threw others away have these words.
THROWN = (b" messages ", b"last message repeated ")


class Part(NamedTuple):
    """What some lines tell. `beside` are attempts that greylisting may ask about,
    `used` those of the server's own people and devices.
    """

    rows: list[Row] = []
    lines: int = 0
    foreign: int = 0
    unknown: dict[str, int] = {}
    suppressed: int = 0
    last: datetime | None = None
    greylisted: list[Greylist] = []
    beside: list[Attempt] = []
    used: list[Used] = []


class Reader:
    """Reads a log from its beginning or from somewhere, stretch by stretch.

    It knows the replies that this server gives just now. With `domains_only`, which
    may change at any time, nothing that it tells names a person.
    """

    def __init__(self, server: Server, *, domains_only: bool) -> None:
        self.replies, self.domains_only = replies_of(server), domains_only
        own, greylist = self.replies
        self._intake = Intake(now(), own_reply=own, greylist_text=greylist)
        self._server_id, self._read_at = server.pk, timezone.now()
        self.zones, self.ours = keyed_zones(server), ours_of(seen_of(server))
        self._greylisting = False

    def _telling(self) -> "Telling":
        return Telling(
            self._server_id,
            domains_only=self.domains_only,
            zones=self.zones,
            ours=self.ours,
        )

    def recall(self, data: bytes) -> None:
        """Know what is going on, from lines that were kept before."""
        for piece in pieces(data):
            self._greylisting |= bool(self._intake.feed(piece).greylisted)

    def read(self, data: bytes, settled: datetime | None = None) -> Part:
        """What these lines tell, and what has had no line since `settled`."""
        if timezone.now() - self._read_at > RENEWED:
            self._intake.renew(now())
            self._read_at = timezone.now()
        told = self._telling()
        for piece in pieces(data):
            batch = self._intake.feed(piece)
            self._greylisting |= bool(batch.greylisted)
            told.add(batch, greylisting=self._greylisting)
        if settled is not None:
            told.take(self._intake.settle(settled), greylisting=self._greylisting)
        return told.part(sum(map(suppressed, thrown(data))))

    def end(self) -> Part:
        """What is still open: the log has ended."""
        told = self._telling()
        told.take(self._intake.flush(), greylisting=self._greylisting)
        return told.part(0)


def replies_of(server: Server) -> tuple[str, str]:
    """What the own-domain stop answers on this server, and how postgrey begins.

    "" where that is the usual text. postgrey puts figures in its own at each %.
    """
    policy = server.live_policy or {}
    own: str = policy.get("own", {}).get("reply", "")
    text: str = policy.get(GREYLISTING, {}).get("text", "")
    begins = text.partition("%")[0].strip()
    return own, begins if len(begins) >= SHORTEST else ""


def keyed_zones(server: Server) -> tuple[str, ...]:
    """The own lists of this server that are asked with a key."""
    live = Policy.from_json(server.live_policy) if server.live_policy else Policy()
    return tuple(each.zone for each in live.zones if each.key)


def now() -> Clock:
    """A clock that finds the year of a stamp from the present time."""
    return Clock(timezone.localtime())


class Telling:
    """Gathers what piece after piece of a log tells."""

    def __init__(
        self,
        server_id: int,
        *,
        domains_only: bool,
        zones: tuple[str, ...],
        ours: Ours,
    ) -> None:
        self._ours, self._domains_only = ours, domains_only
        self._row_of = partial(
            row_of, server_id, domains_only=domains_only, zones=zones
        )
        self._rows: dict[int, Row] = {}
        self._beside: dict[Key, Attempt] = {}
        self._used: dict[int, Used] = {}
        self._greylisted: list[Greylist] = []
        self._unknown: Counter[str] = Counter()
        self._lines = self._foreign = 0
        self._last: datetime | None = None

    def add(self, batch: Batch, *, greylisting: bool) -> None:
        """What one piece tells; its attempts change with the next piece."""
        self._lines += batch.lines
        self._foreign += batch.foreign
        self._unknown += batch.unknown
        self._greylisted += batch.greylisted
        self._last = batch.last or self._last
        self.take(batch.attempts, greylisting=greylisting)

    def take(self, attempts: Iterable[Attempt], *, greylisting: bool) -> None:
        """Attempts as they are now."""
        for each in attempts:
            row = self._row_of(each)
            self._rows[row.key] = row
            if each.sasl_username or self._ours(row.client_address):
                self._used[row.key] = used(each, row, domains_only=self._domains_only)
            if greylisting and asked(each):
                self._beside[each.key] = each

    def part(self, suppressed: int) -> Part:
        """All of it."""
        return Part(
            [*self._rows.values()],
            self._lines,
            self._foreign,
            dict(self._unknown),
            suppressed,
            self._last,
            self._greylisted,
            [*self._beside.values()],
            [*self._used.values()],
        )


def pieces(data: bytes) -> Iterator[bytes]:
    """Whole lines, as many at once as are understood the fastest."""
    start = 0
    while start < len(data):
        end = data.find(b"\n", start + PIECE) + 1 or len(data)
        yield data[start:end]
        start = end


def asked(attempt: Attempt) -> bool:
    """Whether greylisting's own figures must leave an attempt out."""
    refused = attempt.outcome in (Outcome.REFUSED, Outcome.PUT_OFF)
    return GREYLISTING in attempt.warned or refused


def thrown(data: bytes) -> Iterator[bytes]:
    """The lines that may tell of others that were thrown away."""
    for words in THROWN:
        at = data.find(words)
        while at >= 0:
            start, end = data.rfind(b"\n", 0, at) + 1, data.find(b"\n", at)
            end = len(data) if end < 0 else end
            yield data[start:end]
            at = data.find(words, end)
