"""What a stretch of a log tells, ready to be kept: no database, no file."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from django.utils import timezone

from mailguard.servers.models import Server
from mailguard.traffic.rows import Row, row_of
from postfixconf.host.logs import suppressed
from postfixconf.maillog.attempt import Attempt, Outcome
from postfixconf.maillog.attribution import GREYLISTING
from postfixconf.maillog.clock import Clock
from postfixconf.maillog.intake import Greylist, Intake

__all__ = ["Part", "Reader"]

# The lines by which the system says that it threw others away have these words.
THROWN = (b" messages ", b"last message repeated ")


class Part(NamedTuple):
    """What some lines tell. `beside` are attempts that greylisting may ask about."""

    rows: list[Row] = []
    lines: int = 0
    foreign: int = 0
    unknown: dict[str, int] = {}
    suppressed: int = 0
    last: datetime | None = None
    greylisted: list[Greylist] = []
    beside: list[Attempt] = []


class Reader:
    """Reads a log from its beginning or from somewhere, stretch by stretch.

    It knows the replies that this server gives just now.
    """

    def __init__(self, server: Server, *, domains_only: bool) -> None:
        own = (server.live_policy or {}).get("own", {})
        clock = Clock(timezone.localtime())
        self.made_at = timezone.now()
        self._intake = Intake(clock, own_reply=own.get("reply", ""))
        self._server_id, self._domains_only = server.pk, domains_only
        self._greylisting = False

    def recall(self, data: bytes) -> None:
        """Know what is going on, from lines that were kept before."""
        self._greylisting |= bool(self._intake.feed(data).greylisted)

    def read(self, data: bytes, settled: datetime | None = None) -> Part:
        """What these lines tell, and what has had no line since `settled`."""
        batch = self._intake.feed(data)
        attempts = batch.attempts
        if settled is not None:
            attempts += self._intake.settle(settled)
        self._greylisting |= bool(batch.greylisted)
        return Part(
            self._rows(attempts),
            batch.lines,
            batch.foreign,
            dict(batch.unknown),
            sum(map(suppressed, thrown(data))),
            batch.last,
            batch.greylisted,
            [each for each in attempts if self._greylisting and asked(each)],
        )

    def end(self) -> Part:
        """What is still open: the log has ended."""
        attempts = self._intake.flush()
        beside = [each for each in attempts if self._greylisting and asked(each)]
        return Part(self._rows(attempts), beside=beside)

    def _rows(self, attempts: Iterable[Attempt]) -> list[Row]:
        domains_only = self._domains_only
        return [
            row_of(self._server_id, each, domains_only=domains_only)
            for each in attempts
        ]


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
