"""Whole blocks of a log read into attempts: what `read` and `Attempts` say, faster.

    intake = Intake(Clock(now))
    while block := whole_lines(file):
        store(intake.feed(block).attempts)

One regular expression takes every line of a block apart; the program and the first
word of the message say which reader of `parse` reads it, and most lines need none.
Lines that are not of the usual form (folded repeats, other prefixes) go through
`parse.read`. Memory is that of `Attempts` and of one block.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import NamedTuple

from postfixconf.maillog import messages
from postfixconf.maillog.attempt import Attempt
from postfixconf.maillog.attempts import Attempts
from postfixconf.maillog.attribution import key_of_record
from postfixconf.maillog.clock import STAMP, Clock
from postfixconf.maillog.lines import QUEUE_ID
from postfixconf.maillog.merging import MESSAGES, SESSIONS
from postfixconf.maillog.parse import Reader, read, reader_of, without_reader
from postfixconf.maillog.records import (
    Foreign,
    Greylisted,
    Seen,
    Unknown,
)
from postfixconf.maillog.verdicts import read_verdict
from postfixconf.maillog.words import WORD

__all__ = ["Batch", "Greylist", "Intake"]

# Every line matches, one that is not of the usual form with empty groups: stamp,
# host, program, pid, message, and of this the queue id and the first word.
SCAN = re.compile(
    rf"\n(?:({STAMP}) ([^ \n]++) ([^ \[\]:\n]++)\[([0-9]{{1,10}}+)\]: "
    rf"((?:({QUEUE_ID}+): )?({WORD}+)[^\n]*+)|[^\n]*+)"
)
Line = tuple[str, ...]
Handler = Callable[[Line, bytes], bool]
LINE_ENDS = re.compile(r"(?:\r|#012|#015)+(?=\n|\Z)")
UNUSUAL = frozenset(("", "message"))  # first words
PIECE = 1 << 14  # bytes taken apart at once: what the processor's cache holds
PAIRS = 5_000  # of program and first word remembered
KINDS = 1_000  # of unknown lines told apart in one block
OTHER = "other"


class Greylist(NamedTuple):
    """What postgrey answered, when and where."""

    at: datetime | None
    host: str
    record: Greylisted


@dataclass
class Batch:
    """What a block of lines says.

    `foreign` lines are other programs', `unknown` ones Postfix's that are not
    understood, by kind. `attempts` are those decided or added to, each once in its
    last state. `last` is the time of the last line that has one.
    """

    lines: int = 0
    foreign: int = 0
    unknown: Counter[str] = field(default_factory=Counter)
    attempts: list[Attempt] = field(default_factory=list)
    greylisted: list[Greylist] = field(default_factory=list)
    last: datetime | None = None

    def count(self, seen: Seen, lines: int = 1) -> None:
        """Count lines that say nothing of a message."""
        if isinstance(seen.record, Foreign):
            self.foreign += lines
        elif isinstance(seen.record, Unknown):
            kind = seen.record.kind
            room = kind in self.unknown or len(self.unknown) < KINDS
            self.unknown[kind if room else OTHER] += seen.times * lines


class Intake:
    """Reads a log block by block.

    `own_reply` and `greylist_text` are the texts of this server's configuration, as
    `attribution.attribute` takes them.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        own_reply: str = "",
        greylist_text: str = "",
        sessions: int = SESSIONS,
        messages: int = MESSAGES,
    ) -> None:
        key_of = partial(
            key_of_record, own_reply=own_reply, greylist_text=greylist_text
        )
        self._attempts = Attempts(key_of, sessions=sessions, messages=messages)
        self._clock = clock
        self._batch = Batch()
        self._handlers: dict[tuple[str, str], Handler] = {}
        self._silent: Counter[tuple[str, str]] = Counter()

    def feed(self, block: bytes) -> Batch:
        """Read whole lines; the last may lack its newline.

        Attempts go on to change with the lines of the next block: use them before.
        Blocks of 64 kB are read fastest.
        """
        batch = self._batch = Batch()
        start = 0
        while start < len(block):
            end = block.find(b"\n", start + PIECE)
            end = len(block) if end < 0 else end + 1
            self._piece(block[start:end])
            start = end
        for (program, word), count in self._silent.items():
            batch.count(Seen(without_reader(program, word)), count)
        self._silent.clear()
        batch.attempts = self._attempts.changed()
        return batch

    def renew(self, clock: Clock) -> None:
        """Read the stamps of the following lines as seen at a later time."""
        self._clock = clock

    def settle(self, before: datetime) -> list[Attempt]:
        """As `Attempts.settle`: what is undecided and idle since `before`."""
        return self._attempts.settle(before)

    def flush(self) -> list[Attempt]:
        """As `Attempts.flush`: the log has ended."""
        return self._attempts.flush()

    def _piece(self, piece: bytes) -> None:
        piece = piece.removesuffix(b"\n")
        text = "\n" + piece.decode("utf-8", "surrogateescape")
        if "\r" in text or "#01" in text:
            text = LINE_ENDS.sub("", text)
        lines, found = piece.split(b"\n"), SCAN.findall(text)
        handlers = self._handlers
        for raw, line in zip(lines, found, strict=True):
            pair = line[2], line[6]
            handler = handlers.get(pair) or self._handler(pair)
            if not handler(line, raw):
                self._silent[pair] += 1
        self._batch.lines += len(lines)
        if last := next((each[0] for each in reversed(found) if each[0]), None):
            self._batch.last = self._clock.read(last)

    def _handler(self, pair: tuple[str, str]) -> Handler:
        """What takes in the lines of a program that begin with a word."""
        program, word = pair
        handler: Handler = _nothing
        if word in UNUSUAL:
            handler = self._careful
        elif reader := reader_of(program, word):
            own: dict[Reader, Handler] = {
                read_verdict: self._verdict,
                messages.session: self._session,
                messages.secured: self._encrypted,
                messages.accepted: self._accepted,
                messages.message_id: self._identified,
                messages.queued: self._queued,
                messages.delivery: self._delivered,
                messages.removed: self._removed,
            }
            handler = own.get(reader) or partial(self._recorded, reader)
        if len(self._handlers) < PAIRS:
            self._handlers[pair] = handler
        return handler

    def _careful(self, line: Line, raw: bytes) -> bool:
        """A line that is not of the usual form."""
        seen = read(raw, self._clock)
        self._batch.count(seen)
        for _ in range(seen.times):
            self._take(seen, raw)
        return True

    def _recorded(self, reader: Reader, line: Line, raw: bytes) -> bool:
        """Any line: through its record."""
        stamp, host, program, pid, message = line[:5]
        record = reader(message)
        if record is None:
            return False
        self._take(Seen(record, self._clock.read(stamp), host, program, int(pid)), raw)
        return True

    def _take(self, seen: Seen, raw: bytes) -> None:
        if isinstance(seen.record, Greylisted):
            said = Greylist(seen.at, seen.host, seen.record)
            self._batch.greylisted.append(said)
        else:
            self._attempts.take(seen, raw)

    def _verdict(self, line: Line, raw: bytes) -> bool:
        stamp, host, program, pid, message, _, _ = line
        record = read_verdict(message)
        if record is None:
            return False
        at = self._clock.read(stamp)
        self._attempts.verdict((host, program, int(pid)), record, at, raw)
        return True

    def _session(self, line: Line, raw: bytes) -> bool:
        _, host, program, pid, message, _, _ = line
        process = (host, program, int(pid))
        if self._attempts.is_open(process) and messages.is_session(message):
            self._attempts.part(process)
        if line[6] == "connect":
            self._attempts.opened(process)
        return True

    def _encrypted(self, line: Line, raw: bytes) -> bool:
        """Read when somebody asks: strangers' mail has a line like this as well."""
        _, host, program, pid, message, _, _ = line
        self._attempts.encrypted((host, program, int(pid)), message)
        return True

    def _accepted(self, line: Line, raw: bytes) -> bool:
        stamp, host, program, pid, message, queue_id, _ = line
        record = messages.accepted(message)
        if record is None:
            return False
        self._attempts.accepted(
            (host, program.partition("/")[0], queue_id),
            (host, program, int(pid)),
            record,
            self._clock.read(stamp),
            raw,
        )
        return True

    def _identified(self, line: Line, raw: bytes) -> bool:
        _, host, program, _, message, queue_id, word = line
        known = f"{queue_id}: {word}="
        if not queue_id or not message.startswith(known):
            return False
        name = (host, program.partition("/")[0], queue_id)
        self._attempts.identified(name, message[len(known) :])
        return True

    def _queued(self, line: Line, raw: bytes) -> bool:
        _, host, program, _, message, queue_id, _ = line
        sender = messages.sender_of(message)
        if sender is None:
            return False
        name = (host, program.partition("/")[0], queue_id)
        self._attempts.queued(name, sender, local=False)
        return True

    def _delivered(self, line: Line, raw: bytes) -> bool:
        stamp, host, program, _, message, queue_id, _ = line
        record = messages.delivery(message)
        if record is None:
            return False
        name = (host, program.partition("/")[0], queue_id)
        self._attempts.delivered(name, record, self._clock.read(stamp), raw)
        return True

    def _removed(self, line: Line, raw: bytes) -> bool:
        _, host, program, _, _, queue_id, _ = line
        if queue_id:
            self._attempts.removed((host, program.partition("/")[0], queue_id))
        return bool(queue_id)


def _nothing(line: Line, raw: bytes) -> bool:
    """A line that says nothing of a message."""
    return False
